"""Plasticities: what one synapse does with the signals that reach it, one small value each.

A plasticity maps a synapse to a change of its matrix W and reads nothing else, so locality is in the signature.
Plasticities form a linear space: `Delta() + 0.01 * Hebb()` is one too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from semantic_svd.errors import InputError
from semantic_svd.products import Array, add_outer, times

Memory = dict[str, Array]


class Synapse:
    """What one plastic matrix sees of a batch; a signal that no plasticity asks for is not computed.

    Parameters
    ----------
    W : array of shape (n_seeds, n_post, n_pre)
    pre, post : functions that return the activity of the senders and of the receivers, (n_seeds, n_items, n_units)
        or, where all seeds share it, (n_items, n_units)
    error, teach : functions that return the error handed to the receivers, before and after the slope f' of their
        activation, (n_seeds, n_items, n_post)
    """

    def __init__(
        self,
        W: Array,
        pre: Callable[[], Array],
        post: Callable[[], Array],
        error: Callable[[], Array],
        teach: Callable[[], Array],
    ):
        self.W = W
        self._pre, self._post, self._error, self._teach = pre, post, error, teach

    @property
    def pre(self) -> Array:
        """Activity of the senders."""
        return self._pre()

    @property
    def post(self) -> Array:
        """Activity of the receivers."""
        return self._post()

    @property
    def error(self) -> Array:
        """Error handed to the receivers, before the factor f'."""
        return self._error()

    @property
    def teach(self) -> Array:
        """Error handed to the receivers (delta), after the factor f'."""
        return self._teach()


class Outer(NamedTuple):
    """The change <u v'>, the mean over items of outer products, not yet formed."""

    u: Array
    v: Array


Change = Outer | Array | list["Change"] | None


class Plasticity:
    """Base of all plasticities: `plasticity(synapse, memory)` is the change of the synapse's matrix per unit of rate.

    A change comes in its cheapest exact form: None, an `Outer`, an array shaped like W, or a list of these.

    Examples
    --------
    A plasticity of one's own is a frozen dataclass with one method.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Forgetting(Plasticity):
    ...     def __call__(self, s, memory):
    ...         return -s.W
    >>> Delta() + 0.01 * Forgetting()
    Delta() + 0.01 * Forgetting()
    """

    def memory(self, W: Array) -> Memory:
        """Return the named arrays, seed axis first, that the plasticity keeps between steps."""
        return {}

    def __call__(self, s: Synapse, memory: Memory) -> Change:
        """Return the change that the synapse's signals ask for."""
        raise NotImplementedError

    def __add__(self, other: "Plasticity") -> "Sum":
        return Sum((*_parts(self), *_parts(other)))

    def __rmul__(self, factor: float) -> "Scaled":
        return Scaled(float(factor), self)


@dataclass(frozen=True)
class Frozen(Plasticity):
    """No change."""

    def __call__(self, s: Synapse, memory: Memory) -> None:
        """Return no change."""
        return None


@dataclass(frozen=True)
class Delta(Plasticity):
    """The delta rule, `<teach pre'>`: backpropagation when the error comes back through the transposed weights.

    References
    ----------
    Widrow & Hoff 1960; Rumelhart, Hinton & Williams 1986, doi:10.1038/323533a0
    """

    def __call__(self, s: Synapse, memory: Memory) -> Outer:
        """Return <teach pre'>."""
        return Outer(s.teach, s.pre)


@dataclass(frozen=True)
class Hebb(Plasticity):
    """Hebb's rule, `<post pre'>`. It grows without bound.

    References
    ----------
    Hebb 1949, The Organization of Behavior
    """

    def __call__(self, s: Synapse, memory: Memory) -> Outer:
        """Return <post pre'>."""
        return Outer(s.post, s.pre)


@dataclass(frozen=True)
class Oja(Plasticity):
    """Hebb's rule with Oja's decay: the units come to span the leading principal subspace of their input.

    Parameters
    ----------
    decay : "subspace" for `<post pre'> - <post post'> W` (Oja 1989; BPA's Hebbian and anti-Hebbian pair), or
        "unit" for `<post pre'> - diag<post^2> W` (Oja 1982; every unit finds the first component).

    References
    ----------
    Oja 1982, doi:10.1007/BF00275687; Oja 1989, doi:10.1142/S0129065789000475
    """

    decay: Literal["subspace", "unit"] = "subspace"

    def __post_init__(self) -> None:
        if self.decay not in ("subspace", "unit"):
            raise InputError(f"Oja has no decay {self.decay!r}; it has 'subspace' and 'unit'")

    def __call__(self, s: Synapse, memory: Memory) -> Change:
        """Return <post pre'> less the decay."""
        if self.decay == "subspace":
            return Outer(s.post, s.pre - times(s.post, s.W))  # <post (pre - W' post)'>
        power = np.mean(s.post**2, axis=-2)
        return [Outer(s.post, s.pre), -power[..., None] * s.W]


@dataclass(frozen=True)
class Sanger(Plasticity):
    """Sanger's generalised Hebbian rule, `<post pre'> - tril<post post'> W`: units find the components in order.

    References
    ----------
    Sanger 1989, doi:10.1016/0893-6080(89)90044-0
    """

    def __call__(self, s: Synapse, memory: Memory) -> Change:
        """Return <post pre'> less the decay by the units up to and with each one."""
        correlation = times(s.post.mT, s.post) / s.post.shape[-2]
        return [Outer(s.post, s.pre), -times(np.tril(correlation), s.W)]


@dataclass(frozen=True)
class Scaled(Plasticity):
    """A plasticity times a number, written `0.01 * Hebb()`."""

    factor: float
    of: Plasticity

    def memory(self, W: Array) -> Memory:
        """Return the memory of the plasticity that is scaled."""
        return self.of.memory(W)

    def __call__(self, s: Synapse, memory: Memory) -> Change:
        """Return the scaled change."""
        return _scale(self.of(s, memory), self.factor)

    def __repr__(self) -> str:
        of = f"({self.of!r})" if isinstance(self.of, Sum | Scaled) else repr(self.of)
        return f"{self.factor!r} * {of}"


@dataclass(frozen=True)
class Sum(Plasticity):
    """A sum of plasticities, written `Delta() + Hebb()`."""

    parts: tuple[Plasticity, ...]

    def memory(self, W: Array) -> Memory:
        """Return the memories of the parts, numbered."""
        return {
            f"{i}.{name}": array
            for i, part in enumerate(self.parts)
            for name, array in part.memory(W).items()
        }

    def __call__(self, s: Synapse, memory: Memory) -> Change:
        """Return the changes of the parts; outer products with one v are one."""
        changes: list[Change] = []
        for i, part in enumerate(self.parts):
            own = {name.removeprefix(f"{i}."): a for name, a in memory.items() if name.startswith(f"{i}.")}
            change, last = part(s, own), changes[-1] if changes else None
            if isinstance(change, Outer) and isinstance(last, Outer) and change.v is last.v:
                changes[-1] = Outer(last.u + change.u, last.v)
            else:
                changes.append(change)
        return changes

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.parts))


def apply(W: Array, change: Change, rate: float) -> None:
    """Add rate times the change to W in place.

    Examples
    --------
    >>> import numpy as np
    >>> W = np.zeros((1, 1, 2))
    >>> apply(W, [None, np.ones((1, 1, 2))], rate=0.5)
    >>> W
    array([[[0.5, 0.5]]])
    """
    if change is None:
        return
    if isinstance(change, list):
        for part in change:
            apply(W, part, rate)
    elif isinstance(change, Outer):
        add_outer(W, change.u, change.v, rate)
    else:
        W += rate * change


def _scale(change: Change, factor: float) -> Change:
    if change is None:
        return None
    if isinstance(change, list):
        return [_scale(part, factor) for part in change]
    if isinstance(change, Outer):
        return Outer(factor * change.u, change.v)
    return factor * change


def _parts(p: Plasticity) -> tuple[Plasticity, ...]:
    return p.parts if isinstance(p, Sum) else (p,)
