"""Rule and RULES: the methods section of the literature as a table.

A rule says which plasticity sits on which layer, by which path the error reaches the hidden units, and the rates.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import Literal, NamedTuple, get_args

import numpy as np

from semantic_svd.errors import InputError, is_real
from semantic_svd.feedback import Feedback, Kind
from semantic_svd.network import Network, Signals, State
from semantic_svd.plasticity import (
    Delta,
    Frozen,
    Hebb,
    HebbianDescent,
    KrotovHopfield,
    Oja,
    Plasticity,
    Sanger,
    Sparsified,
    Synapse,
    Thresholded,
    within,
)
from semantic_svd.products import Array, times


@dataclass(frozen=True)
class Rule:
    """One learning rule: a frozen table of plasticities, a path for the error, and rates.

    Parameters
    ----------
    hidden : plasticity of the hidden layers; one for all, or a tuple with one for each
    output : plasticity of the output layer
    bias : plasticity of the biases; one for all, or two: of hidden layers, of the output
    path : how the error reaches hidden units: "transpose" (W'), "chain" (B in place of W', layer by layer) or
        "direct" (the output's error through B)
    feedback : the kind of B and what it learns by, on the paths that have one
    slopes : the layers whose f' enters the error
    rate : one learning rate, or three: hidden, output, feedback; hidden layers have rates of their own by a factor of
        each plasticity, as in the second example
    schedule : "constant", or "linear" to zero over the epochs
    about : the rule's equation and source

    `repr(rule)` is Python source that evaluates to the rule; a run keeps it as its provenance.

    Raises
    ------
    InputError
        When a plasticity, path, feedback, schedule or rate is none that there is.

    Examples
    --------
    >>> Rule(hidden=Delta() + 1e-3 * Hebb(), rate=0.05).hidden
    Delta() + 0.001 * Hebb()

    The weights of the first of two hidden layers learn half as fast, at 0.05 (hidden biases have one rate):

    >>> from semantic_svd.training import train
    >>> halved = Rule(hidden=(0.5 * Delta(), Delta()), rate=0.1)
    >>> runs = [train(rule, Network((2, 3, 3, 1)), np.eye(2), [[0], [1]], epochs=1) for rule in (halved, Rule())]
    >>> moved = [[run.weights(layer).diff("epoch") for layer in (1, 2, 3)] for run in runs]
    >>> [round(float(abs(ours).sum() / abs(theirs).sum()), 9) for ours, theirs in zip(*moved, strict=True)]
    [0.5, 1.0, 1.0]
    """

    hidden: Plasticity | tuple[Plasticity, ...] = Delta()
    output: Plasticity = Delta()
    bias: Plasticity | tuple[Plasticity, Plasticity] = Delta()
    path: Literal["transpose", "chain", "direct"] = "transpose"
    feedback: Feedback = Feedback()
    slopes: Literal["all", "hidden", "none"] = "all"
    rate: float | tuple[float, float, float] = 0.1
    schedule: Literal["constant", "linear"] = "constant"
    about: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("path", self.path, ("transpose", "chain", "direct")),
            ("slopes", self.slopes, ("all", "hidden", "none")),
            ("schedule", self.schedule, ("constant", "linear")),
        ):
            if value not in allowed:
                raise InputError(f"no {name} {value!r} of a rule; there are {', '.join(allowed)}")
        for name, plasticities in (
            ("hidden", self._of_hidden),
            ("output", (self.output,)),
            ("bias", self.biases),
        ):
            for p in plasticities:
                if not isinstance(p, Plasticity):
                    raise InputError(f"a rule's {name} is a plasticity, as Hebb(), not {p!r}")
        if len(self.biases) != 2:
            raise InputError(f"a rule's bias is one plasticity, or two (hidden, output), not {self.bias!r}")
        if not isinstance(self.feedback, Feedback):
            raise InputError(f"a rule's feedback is a Feedback, as Feedback('binary'), not {self.feedback!r}")
        given = self.rate.tolist() if isinstance(self.rate, np.ndarray) else self.rate
        rates = tuple(given) if np.iterable(given) else (given,) * 3
        if len(rates) != 3 or not all(is_real(r) and 0 <= r < float("inf") for r in rates):
            raise InputError(
                f"a rule's rate is one number of 0 or more, or three (hidden, output, feedback), not {self.rate!r}"
            )
        # Python's own floats, so that the text of the rule is source wherever the numbers came from
        rate = tuple(map(float, rates)) if np.iterable(given) else float(given)
        object.__setattr__(self, "rate", rate)

    @property
    def biases(self) -> tuple[Plasticity, ...]:
        """Plasticities of the biases of hidden layers and of the output."""
        return self.bias if isinstance(self.bias, tuple) else (self.bias, self.bias)

    @property
    def rates(self) -> tuple[float, ...]:
        """Rates of the hidden layers, the output layer and the feedback."""
        return self.rate if isinstance(self.rate, tuple) else (self.rate,) * 3

    def rate_factor(self, epoch: int, epochs: int) -> float:
        """Return what multiplies the rates in an epoch, counted from 0, of so many."""
        return 1.0 - epoch / epochs if self.schedule == "linear" else 1.0

    def plasticity(self, layer: int, network: Network) -> Plasticity:
        """Return the plasticity of a layer's weights, the layers counted from 1."""
        if layer == network.layers:
            return self.output
        if not isinstance(self.hidden, tuple):
            return self.hidden
        if len(self.hidden) != network.layers - 1:
            raise InputError(
                f"the rule has {len(self.hidden)} hidden plasticities, the network {network.layers - 1} hidden layers"
            )
        return self.hidden[layer - 1]

    @property
    def whole_batches(self) -> bool:
        """Whether a plasticity wants batches of one size, so that an incomplete last one is dropped."""
        return any(p.whole_batches for of in (*self._of_hidden, self.output) for p in within(of))

    @property
    def competes(self) -> bool:
        """Whether hidden units compete, and so start standard normal."""
        return any(isinstance(p, KrotovHopfield) for of in self._of_hidden for p in within(of))

    @property
    def teaches_biases(self) -> tuple[bool, bool]:
        """Whether biases of hidden layers learn, and whether any do."""
        hidden, output = self.biases
        return hidden != Frozen(), (hidden, output) != (Frozen(), Frozen())

    @property
    def _of_hidden(self) -> tuple[Plasticity, ...]:
        return self.hidden if isinstance(self.hidden, tuple) else (self.hidden,)

    def taught(self, network: Network) -> bool:
        """Whether a plasticity reads an error, so that there must be targets."""
        layers = range(1, network.layers + 1)
        plasticities = [self.plasticity(layer, network) for layer in layers]
        if network.biases:
            plasticities += [self.biases[layer == network.layers] for layer in layers]
        if self.feedback_layers(network):
            plasticities.append(self.feedback.learns)
        return any(p.taught for of in plasticities for p in within(of))

    def feedback_layers(self, network: Network) -> range:
        """Return the hidden layers that have a feedback matrix."""
        return range(1, 1 if self.path == "transpose" else network.layers)

    def sender(self, layer: int, network: Network) -> int:
        """Return the layer from which a hidden layer's error comes."""
        return network.layers if self.path == "direct" else layer + 1

    def signals(self, network: Network, state: State, x: Array, target: Array | None) -> Signals:
        """Return the signals of a batch under this rule; see `Signals` for the shapes."""

        def back(layer: int) -> Array:
            if self.path == "transpose":
                return state[f"W{layer + 1}"]
            B = state[f"B{layer}"]
            if self.feedback.copies_signs:
                B = self.feedback.used(B, through(state, layer, self.sender(layer, network)))
            return B.mT

        return Signals(network, state, x, target, back=back, direct=self.path == "direct", slopes=self.slopes)

    def synapses(self, signals: Signals) -> Iterator["Plastic"]:
        """Yield every plastic matrix of a network with what it sees of the batch."""
        network, state = signals.network, signals.state
        hidden_rate, output_rate, feedback_rate = self.rates
        for layer in range(1, network.layers + 1):
            rate = output_rate if layer == network.layers else hidden_rate
            post = partial(signals.activity, layer)
            errors = partial(signals.error, layer), partial(signals.teach, layer)
            synapse = Synapse(state[f"W{layer}"], partial(signals.activity, layer - 1), post, *errors)
            yield Plastic(f"W{layer}", synapse, self.plasticity(layer, network), rate)
            if network.biases:
                synapse = Synapse(state[f"b{layer}"][..., None], lambda: signals.always_one, post, *errors)
                yield Plastic(f"b{layer}", synapse, self.biases[layer == network.layers], rate)
            if layer in self.feedback_layers(network):
                pre = partial(signals.activity, self.sender(layer, network))
                synapse = Synapse(state[f"B{layer}"], pre, post, *errors)
                yield Plastic(f"B{layer}", synapse, self.feedback.learns, feedback_rate)


class Plastic(NamedTuple):
    """A plastic matrix: its name, what it sees, what it learns by, how fast."""

    name: str
    synapse: Synapse
    plasticity: Plasticity
    rate: float


def through(state: State, layer: int, sender: int) -> Array:
    """Return the product of the forward matrices from a layer to a later one, (n_seeds, sender, unit)."""
    product = state[f"W{layer + 1}"]
    for later in range(layer + 2, sender + 1):
        product = times(state[f"W{later}"], product)
    return product


def as_rule(rule: Rule | str) -> Rule:
    """Return a rule by its name in RULES, or the rule itself.

    Examples
    --------
    >>> as_rule("bpa").hidden
    Oja(decay='subspace')
    """
    if isinstance(rule, Rule):
        return rule
    if not isinstance(rule, str) or rule not in RULES:
        raise InputError(f"no rule {rule!r}; there are {', '.join(RULES)}")
    return RULES[rule]


def sum_rule(plasticity: Plasticity, beta: float) -> Rule:
    """Return backpropagation plus beta times a plasticity, on every layer (Imagination Technologies 2021).

    Examples
    --------
    >>> sum_rule(Hebb(), beta=0.01).output
    Delta() + 0.01 * Hebb()
    """
    both = Delta() + beta * plasticity
    return Rule(hidden=both, output=both)


_BPA = Rule(
    hidden=Oja(),
    bias=Frozen(),
    about="hidden dW = <post pre'> - <post post'> W; output <delta pre'>. 34-8-34, linear, no biases. "
    "Gupta's BPA report, equation 2; Oja 1989, doi:10.1142/S0129065789000475",
)


def _hebbnet(
    plasticity: Plasticity, name: str, equation: str, rate: float, source: str = ""
) -> dict[str, Rule]:
    """Return HebbNet's three rows: plain, with threshold, with threshold and sparsity.

    The hidden rates are ours: at 0.1 no row survives its own source's images, whose first eigenvalue is near 40. So
    Hebb's rows, which grow without bound, take some 10 epochs of 60,000 images in batches of 128 to grow by e. Oja's
    plain row is stable at its rate; with a threshold, which takes the mean of its decay away too, it is not: on these
    images it still runs away within 10 epochs, though it stays finite.
    """
    source = source or "Gupta et al. 2021, doi:10.1109/ICASSP39728.2021.9414241"
    above = Thresholded(plasticity)
    rows = {
        name: (plasticity, equation),
        f"{name}_threshold": (above, f"{equation} less the mean of its past"),
        f"{name}_sparse": (Sparsified(above), f"the largest 0.3 of {equation} less the mean of its past"),
    }
    return {
        row: Rule(
            hidden=hidden,
            bias=(Frozen(), Delta()),
            rate=(rate, 0.1, 0.1),
            about=f"hidden dW = {text}, at {rate:g} (our decision); output <delta pre'>. 784-2000-10, ReLU, softmax. "
            f"{source}",
        )
        for row, (hidden, text) in rows.items()
    }


_HEBBNET = {
    **_hebbnet(Hebb(), "hebbnet", "<post pre'>", rate=1e-5),
    **_hebbnet(
        Oja(),
        "hebbnet_oja",
        "<post pre'> - <post post'> W",
        rate=1e-3,
        source="HebbNet with Oja in Hebb's place, Imagination 2021",
    ),
}


def _hebbian_descent(plasticity: Plasticity, name: str, equation: str, source: str) -> dict[str, Rule]:
    """Return Hebbian Descent's three rows: full, hidden layers frozen, output frozen."""
    source = f"no f' anywhere (our reading). {source}"
    full = Rule(hidden=plasticity, output=plasticity, slopes="none", about=f"dW = {equation}, {source}")
    return {
        name: full,
        f"{name}_partial1": replace(
            full,
            hidden=Frozen(),
            bias=(Frozen(), Delta()),
            about=f"output dW = {equation}, hidden frozen, {source}",
        ),
        f"{name}_partial2": replace(
            full,
            output=Frozen(),
            bias=(Delta(), Frozen()),
            about=f"hidden dW = {equation}, output frozen, {source}",
        ),
    }


_HEBBIAN_DESCENT = {
    **_hebbian_descent(
        HebbianDescent(),
        "hebbian_descent",
        "<error (pre - mu)'>",
        "Melchior & Wiskott 2019, arXiv:1905.10585; partials: Imagination 2021",
    ),
    **_hebbian_descent(
        HebbianDescent("oja"), "hebbian_descent_oja", "<error (pre - W' post)'>", "Imagination 2021"
    ),
}


def _kind_of_feedback(kind: Kind, path: str) -> tuple[str, str]:
    """Say what B of a kind is, and its source beside that of the path."""
    signs = "the signs of W'" + (" (over several layers, of their product)" if path == "direct" else "")
    std = "the standard deviation of an initial W (our decision; Feedback(scale=1) is the literal matrix)"
    liao = "; Liao, Leibo & Poggio 2016, arXiv:1510.05067"
    return {
        "random": ("drawn as an initial W, fixed", ""),
        "random_sign": (f"sizes drawn as an initial W's, fixed, with {signs} at every pass", liao),
        "binary": (f"random +1 or -1, fixed, times {std}", "; Imagination 2021"),
        "binary_sign": (f"{signs} at every pass, times {std}", liao),
    }[kind]


def _feedback_alignment() -> dict[str, Rule]:
    """Return feedback alignment, layer by layer and direct, with B of four kinds, fixed or learned."""
    chain = "fa", Rule(path="chain"), "Lillicrap et al. 2016, doi:10.1038/ncomms13276"
    direct = "dfa", Rule(path="direct"), "Nøkland 2016, arXiv:1609.01596"
    rows = {}
    for (name, rule, source), kind in product((chain, direct), get_args(Kind)):
        B, whose = _kind_of_feedback(kind, rule.path)
        about = f"dW = <delta pre'>, delta through B, path {rule.path}. B: {B}. {source}{whose}"
        rows[f"{name}_{kind}"] = replace(rule, feedback=Feedback(kind), about=about)
    learners = {
        Hebb(): "dB = <h pre'>, which drifts without bound",
        Oja(): "dB = <h pre'> - <h h'> B, the decay by B itself (our decision)",
    }
    for (name, rule, _), learner, kind in product((chain, direct), learners, get_args(Kind)):
        row = f"{name}_{type(learner).__name__.lower()}" + ("" if kind == "random" else f"_{kind}")
        start = "its signs copied once, at epoch 0, " if kind.endswith("_sign") else ""
        about = f"dW = <delta pre'>, B at first as in {name}_{kind}, {start}then {learners[learner]}. Imagination 2021"
        feedback = Feedback(kind, learns=learner)
        rows[row] = replace(rule, feedback=feedback, rate=(0.1, 0.1, 0.01), about=about)
    return rows


_FEEDBACK_ALIGNMENT = _feedback_alignment()

RULES: dict[str, Rule] = {
    "backprop": Rule(
        about="dW = <delta pre'>, delta carried back through W'. Rumelhart, Hinton & Williams 1986, "
        "doi:10.1038/323533a0"
    ),
    "bpa": _BPA,
    "bpa_unit": replace(
        _BPA,
        hidden=Oja("unit"),
        rate=(0.1, 0.05, 0.1),
        about="hidden dW = <post pre'> - diag<post^2> W: every unit finds the first component, so the output sees one "
        "signal n_hidden times and needs a rate below 2 / (n_hidden lambda_1). Oja 1982, doi:10.1007/BF00275687",
    ),
    "bpa_sanger": replace(
        _BPA,
        hidden=Sanger(),
        about="hidden dW = <post pre'> - tril<post post'> W: units find the components in order. Sanger 1989, "
        "doi:10.1016/0893-6080(89)90044-0",
    ),
    "bpa_hebb": replace(
        _BPA, hidden=Hebb(), about="hidden dW = <post pre'>, which grows without bound. Hebb 1949"
    ),
    "sum_hebb": replace(
        sum_rule(Hebb(), beta=1e-3),
        about="dW = <delta pre'> + beta <post pre'> on every layer, beta from 1e-6 to 1e-1 in the source, 1e-3 here; "
        "added to the change, not the gradient (our decision: the source leaves the sign open). It grows without "
        "bound: slowly under squared error, ever faster under softmax, whose error vanishes. Imagination 2021",
    ),
    "sum_oja": replace(
        sum_rule(Oja(), beta=1e-3),
        about="dW = <delta pre'> + beta (<post pre'> - <post post'> W) on every layer, beta as in sum_hebb. "
        "Imagination 2021",
    ),
    **_HEBBNET,
    **_HEBBIAN_DESCENT,
    **_FEEDBACK_ALIGNMENT,
    "krotov_hopfield": Rule(
        hidden=KrotovHopfield(),
        output=Frozen(),
        bias=Frozen(),
        rate=0.04,
        schedule="linear",
        about="hidden dW = sum of g (x - I W), competing units without labels; start standard normal; then "
        "`readout` on the hidden activity. Krotov & Hopfield 2019, doi:10.1073/pnas.1820458116",
    ),
    "readout": Rule(
        hidden=Frozen(),
        bias=(Frozen(), Delta()),
        about="output dW = <delta pre'>, hidden layers as they are: a classifier on top of what is there. "
        "Widrow & Hoff 1960; second stage of Krotov & Hopfield 2019, doi:10.1073/pnas.1820458116",
    ),
}
