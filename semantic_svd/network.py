"""Network: sizes, activations, biases and first weights, and the signals of a batch, forward and back.

a_l = h_{l-1} W_l' + b_l        h_l = f_l(a_l)        h_0 = x, the response is h_L
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from semantic_svd.errors import InputError, is_real
from semantic_svd.products import Array, times

State = dict[str, Array]  # W1, b1, B1, W2, ...: (n_seeds, post, pre) or (n_seeds, post)


class Activation(NamedTuple):
    """An activation: f, which may overwrite its argument, and its slope f' as a function of h = f(a)."""

    f: Callable[[Array], Array]
    slope: Callable[[Array], Array] | None


def _sigmoid(a: Array) -> Array:
    np.multiply(a, 0.5, out=a)  # 1 / (1 + e^-a) = (1 + tanh(a / 2)) / 2, which overflows nowhere
    np.tanh(a, out=a)
    return np.multiply(np.add(a, 1.0, out=a), 0.5, out=a)


def _softmax(a: Array) -> Array:
    a -= a.max(axis=-1, keepdims=True)
    # e^-80 is still a normal number; products with subnormal ones are 100 times slower
    np.maximum(a, -80.0, out=a)
    np.exp(a, out=a)
    a /= a.sum(axis=-1, keepdims=True)
    return a


ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation(lambda a: a, None),
    "tanh": Activation(lambda a: np.tanh(a, out=a), lambda h: 1.0 - h**2),
    "sigmoid": Activation(_sigmoid, lambda h: h * (1.0 - h)),
    "relu": Activation(lambda a: np.maximum(a, 0.0, out=a), lambda h: (h > 0).astype(h.dtype)),
    "softmax": Activation(_softmax, None),
}


@dataclass(frozen=True)
class Network:
    """A layered network, described; its weights live in a run.

    Parameters
    ----------
    sizes : units of each layer, the input first
    hidden, output : names of activations (`ACTIVATIONS`); "softmax" stands at the output only
    biases : whether the layers have biases
    initial : "uniform" on +-scale/sqrt(fan-in), or "normal" with standard deviation scale. Biases start at 0
    scale : size of the first weights
    power : m of the loss `1/m sum |t - y|^m` of outputs other than softmax; 2 is the squared error, and 6 with tanh
        outputs and targets of +-1 is Krotov & Hopfield's (2019, doi:10.1073/pnas.1820458116), an m-th of it

    Softmax has the cross-entropy. A loss is summed over units and averaged over items.

    Raises
    ------
    InputError
        When a size, an activation or a start is none that there is.

    Examples
    --------
    >>> Network((34, 8, 8, 34), hidden="tanh").layers
    3
    """

    sizes: tuple[int, ...]
    hidden: str = "linear"
    output: str = "linear"
    biases: bool = True
    initial: Literal["uniform", "normal"] = "uniform"
    scale: float = 1.0
    power: float = 2.0

    def __post_init__(self) -> None:
        try:
            sizes = tuple(int(operator.index(n)) for n in self.sizes)
        except TypeError:
            sizes = ()
        if len(sizes) < 2 or min(sizes) < 1:
            raise InputError(
                f"the sizes of a network are two or more whole numbers over 0, not {self.sizes!r}"
            )
        object.__setattr__(self, "sizes", sizes)
        for name, where, allowed in (
            (self.hidden, "hidden", [a for a in ACTIVATIONS if a != "softmax"]),
            (self.output, "output", list(ACTIVATIONS)),
        ):
            if name not in allowed:
                raise InputError(f"no {where} activation {name!r}; there are {', '.join(allowed)}")
        if self.initial not in ("uniform", "normal"):
            raise InputError(f"no initial weights {self.initial!r}; there are uniform, normal")
        if not isinstance(self.biases, bool | np.bool_):
            raise InputError(f"biases is True or False, not {self.biases!r}")
        if not (is_real(self.scale) and 0 < self.scale < float("inf")):
            raise InputError(
                f"the scale of the initial weights is a finite number over 0, not {self.scale!r}"
            )
        if not (is_real(self.power) and 1 < self.power < float("inf")):
            raise InputError(f"the power of the loss is a finite number over 1, not {self.power!r}")
        if self.output == "softmax" and self.power != 2:
            raise InputError(f"softmax has the cross-entropy for its loss, and no power {self.power!r}")
        for name, kind in (("biases", bool), ("scale", float), ("power", float)):
            object.__setattr__(self, name, kind(getattr(self, name)))

    @property
    def layers(self) -> int:
        """Number of layers of weights; layer 0 is the input."""
        return len(self.sizes) - 1

    @property
    def about(self) -> str:
        """Its sizes and activations in a few words; the output's is said where it is not that of the hidden layers.

        Examples
        --------
        >>> Network((34, 8, 34), hidden="tanh", output="sigmoid").about, Network((34, 8, 34)).about
        ('34-8-34 tanh, sigmoid output', '34-8-34 linear')
        """
        sizes = "-".join(map(str, self.sizes))
        if self.layers == 1 or self.hidden == self.output:
            return f"{sizes} {self.output}"
        return f"{sizes} {self.hidden}, {self.output} output"

    @property
    def loss(self) -> str:
        """Name of the loss that the output implies."""
        if self.output == "softmax":
            return "cross-entropy"
        return "squared error" if self.power == 2 else f"error to the power of {self.power:g}"

    def activation(self, layer: int) -> Activation:
        """Return the activation of a layer, counted from 1."""
        return ACTIVATIONS[self.output if layer == self.layers else self.hidden]

    def std(self, fan_in: int) -> float:
        """Return the standard deviation of the initial weights of a unit with so many senders."""
        return self.scale if self.initial == "normal" else self.scale / np.sqrt(3 * fan_in)

    def draw(self, rng: np.random.Generator, n_post: int, n_pre: int) -> Array:
        """Return one matrix of initial weights, (n_post, n_pre)."""
        if self.initial == "normal":
            return rng.normal(0.0, self.scale, (n_post, n_pre))
        bound = self.scale / np.sqrt(n_pre)
        return rng.uniform(-bound, bound, (n_post, n_pre))

    def names(self) -> list[str]:
        """Return the names of the forward parameters, W1, b1, W2, ..."""
        kinds = "Wb" if self.biases else "W"
        return [f"{kind}{layer}" for layer in range(1, self.layers + 1) for kind in kinds]

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a forward parameter for one seed."""
        layer = int(name[1:])
        return (self.sizes[layer],) if name[0] == "b" else (self.sizes[layer], self.sizes[layer - 1])

    def activity(self, state: Mapping[str, Array], x: Array, layer: int) -> Array:
        """Return h of a layer, (n_seeds, n_items, units), for x (n_items, inputs) and weights that lead by one axis."""
        return Signals(self, state, x).activity(layer)


class Signals:
    """The forward and backward signals of one batch, each computed when first asked for.

    Parameters
    ----------
    network : Network
    state : the weights of all seeds, W1 (n_seeds, unit_1, unit_0), b1 (n_seeds, unit_1), ...
    x : array of shape (n_items, inputs), shared by all seeds, or (n_seeds, n_items, inputs)
    target : array like x, with the outputs; only an error or a loss reads it
    back : function of a hidden layer l that returns the matrix M, (n_seeds, sender, unit_l), by which an error
        returns: error_l = delta_sender M. By default the forward weights, which makes it the gradient
    direct : whether the sender is the output layer for every l, and not the next layer
    slopes : the layers whose f' enters the error: "all", "hidden" or "none"
    """

    def __init__(
        self,
        network: Network,
        state: Mapping[str, Array],
        x: Array,
        target: Array | None = None,
        *,
        back: Callable[[int], Array] | None = None,
        direct: bool = False,
        slopes: str = "all",
    ):
        self.network, self.state, self.target = network, state, target
        self._back = back or (lambda layer: state[f"W{layer + 1}"])
        self._direct, self._slopes = direct, slopes
        self._activity: dict[int, Array] = {0: x}
        self._error: dict[int, Array] = {}
        self._teach: dict[int, Array] = {}
        self.always_one = np.ones((x.shape[-2], 1), x.dtype)  # the sender of every bias

    def activity(self, layer: int) -> Array:
        """Return h of a layer, (n_seeds, n_items, units); h_0 is x."""
        if layer not in self._activity:
            self._activity[layer] = self.network.activation(layer).f(self._drive(layer))
        return self._activity[layer]

    def _drive(self, layer: int) -> Array:
        """Return a of a layer, of which its activation makes h; it is not kept."""
        a = times(self.activity(layer - 1), self.state[f"W{layer}"].mT)
        if self.network.biases:
            a += self.state[f"b{layer}"][:, None, :]
        return a

    def error(self, layer: int) -> Array:
        """Return the error handed to the units of a layer, before the factor f'."""
        if layer not in self._error:
            if layer == self.network.layers:
                if self.target is None:
                    raise InputError("this rule asks for an error, so it needs targets; pass y")
                error, power = self.target - self.activity(layer), self.network.power
                if power > 2:
                    error *= np.abs(error) ** (power - 2)
                elif power < 2:  # so written, no error is 0 and not 0 times infinity
                    error = np.sign(error) * np.abs(error) ** (power - 1)
                self._error[layer] = error
            else:
                sender = self.network.layers if self._direct else layer + 1
                self._error[layer] = times(self.teach(sender), self._back(layer))
        return self._error[layer]

    def teach(self, layer: int) -> Array:
        """Return the error handed to the units of a layer, after the factor f'."""
        if layer not in self._teach:
            slope = self.network.activation(layer).slope
            enters = self._slopes == "all" or (self._slopes == "hidden" and layer < self.network.layers)
            error = self.error(layer)
            self._teach[layer] = error * slope(self.activity(layer)) if slope and enters else error
        return self._teach[layer]

    @cached_property
    def loss(self) -> Array:
        """The loss of each seed, (n_seeds,): averaged over items, summed over units."""
        if self.network.output == "softmax":
            assert self.target is not None
            y = self.activity(self.network.layers)
            log_y = np.log(y)
            if y.min() < 2e-35:  # e^-80, where softmax cut off; the loss has no such end
                a = self._drive(self.network.layers).astype(float)  # of float32 the mean might overflow
                a = np.maximum(a - a.max(axis=-1, keepdims=True), -1e300)  # 0 times infinity would be no 0
                log_y = a - np.log(np.exp(a).sum(axis=-1, keepdims=True))
            return -(self.target * log_y).sum(axis=-1).mean(axis=-1)
        error = self.error(self.network.layers)
        power = self.network.power
        if power == 2:
            return np.einsum("snp,snp->s", error, error) / (2 * error.shape[1])
        return (np.abs(error) ** (power / (power - 1))).sum(axis=-1).mean(axis=-1) / power
