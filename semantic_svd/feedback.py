"""Feedback: the matrices that carry the error back where it does not return through the transposed weights.

B of layer l is (unit_l, sender), the sender being the next layer on the path "chain" and the output on "direct".
"""

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from semantic_svd.errors import InputError, is_real
from semantic_svd.plasticity import Frozen, Plasticity
from semantic_svd.products import Array

Kind = Literal["random", "random_sign", "binary", "binary_sign"]


@dataclass(frozen=True)
class Feedback:
    """Which kind of B there is, how large, and what it learns by.

    Parameters
    ----------
    kind : "random", drawn as an initial W is; "random_sign", the size random and fixed, the sign that of W' at every
        pass; "binary", random +-scale; "binary_sign", scale times the sign of W' at every pass
    scale : size of the binary kinds; None keeps the standard deviation of the initial W (our decision), 1 is the
        literal matrix
    learns : the plasticity of B; a B that learns copies the signs of W' once, at epoch 0

    References
    ----------
    Lillicrap et al. 2016, doi:10.1038/ncomms13276; Nøkland 2016, arXiv:1609.01596; Liao, Leibo & Poggio 2016,
    arXiv:1510.05067

    Raises
    ------
    InputError
        When the kind, the scale or what B learns by is none that there is.

    Examples
    --------
    >>> Feedback("binary").copies_signs
    False
    """

    kind: Kind = "random"
    scale: float | None = None
    learns: Plasticity = field(default_factory=Frozen)

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise InputError(f"no kind of feedback {self.kind!r}; there are {', '.join(get_args(Kind))}")
        scale = 1.0 if self.scale is None else self.scale
        if not (is_real(scale) and 0 < scale < float("inf")):
            raise InputError(f"the scale of binary feedback is a finite number over 0, not {scale!r}")
        if self.scale is not None:  # Python's own float, so that the text of the rule is source
            if not self.kind.startswith("binary"):
                raise InputError(f"a scale is for binary feedback; {self.kind} is drawn as an initial W is")
            object.__setattr__(self, "scale", float(self.scale))
        if not isinstance(self.learns, Plasticity):
            raise InputError(f"feedback learns by a plasticity, as Hebb(), not by {self.learns!r}")

    @property
    def fixed(self) -> bool:
        """Whether B keeps its start."""
        return isinstance(self.learns, Frozen)

    @property
    def copies_signs(self) -> bool:
        """Whether the signs of the forward weights are copied at every pass."""
        return self.fixed and self.kind.endswith("_sign")

    def start(self, drawn: Array, forward: Array, std: float) -> Array:
        """Return the first B.

        Parameters
        ----------
        drawn : array of shape (n_seeds, n_sender, n_receiver), drawn as a forward matrix from receiver to sender
        forward : array of the same shape, the forward weights, or their product on a path over several layers
        std : the standard deviation of the initial weights
        """
        B = drawn.mT.copy()
        if self.kind.startswith("binary"):
            B = np.sign(B) * B.dtype.type(std if self.scale is None else self.scale)
        return np.abs(B) * np.sign(forward.mT) if self.kind.endswith("_sign") else B

    def used(self, B: Array, forward: Array) -> Array:
        """Return the matrix that a pass really uses, given B and the forward weights as in `start`."""
        return np.abs(B) * np.sign(forward.mT) if self.copies_signs else B
