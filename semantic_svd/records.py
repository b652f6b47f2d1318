"""Records: what one snapshot of a training holds, a table of small functions.

Weights say everything; responses, hidden activity, class means and strengths are smaller.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from semantic_svd.errors import InputError
from semantic_svd.network import Network, Signals
from semantic_svd.products import Array, add_outer, times
from semantic_svd.rules import Rule
from semantic_svd.snapshots import Variables
from semantic_svd.tasks import Task


@dataclass(frozen=True)
class Record:
    """A part of each snapshot.

    `variables` tells its names, name -> (dimensions, shape) for one seed; `values` gives the numbers of the seeds at
    work, from the signals of all items and those of the probe; `constants` stand beside them once, name ->
    (dimensions, array).
    """

    variables: Variables
    values: Callable[..., dict[str, Array]]
    constants: Mapping[str, tuple[tuple[str, ...], Array]] = field(default_factory=dict)

    @property
    def dims(self) -> set[str]:
        """The axes of its variables, those of seeds and epochs aside."""
        return {dim for dims, _ in self.variables.values() for dim in dims}


def _weights(rule: Rule, network: Network, task: Task, n_probed: int) -> Record:
    names = {name: (axes_of(name, rule, network), network.shape(name)) for name in network.names()}
    if not rule.feedback.fixed:
        for layer in rule.feedback_layers(network):
            shape = network.sizes[layer], network.sizes[rule.sender(layer, network)]
            names[f"B{layer}"] = (axes_of(f"B{layer}", rule, network), shape)
    return Record(names, lambda signals, probed: {name: signals.state[name] for name in names})


def _responses(rule: Rule, network: Network, task: Task, n_probed: int) -> Record:
    last = network.layers
    variables = {"response": (("item", f"unit_{last}"), (n_probed, network.sizes[last]))}
    return Record(variables, lambda signals, probed: {"response": probed.activity(last)})


def _hidden(rule: Rule, network: Network, task: Task, n_probed: int) -> Record:
    layers = range(1, network.layers)
    variables = {f"h{k}": (("item", f"unit_{k}"), (n_probed, network.sizes[k])) for k in layers}
    return Record(variables, lambda signals, probed: {f"h{k}": probed.activity(k) for k in layers})


def _class_means(rule: Rule, network: Network, task: Task, n_probed: int) -> Record:
    one_hot = task.y
    if one_hot is None or not (
        np.isin(one_hot, (0, 1)).all() and (one_hot.sum(axis=1) == 1).all() and one_hot.any(axis=0).all()
    ):
        raise InputError(
            "class means need targets that name one class an item (one-hot), and an item of every class"
        )
    averages = (one_hot / one_hot.sum(axis=0)).T
    layers, last = range(1, network.layers), f"unit_{network.layers}"
    variables = {f"m{k}": ((last, f"unit_{k}"), (network.sizes[-1], network.sizes[k])) for k in layers}
    return Record(
        variables, lambda signals, probed: {f"m{k}": times(averages, signals.activity(k)) for k in layers}
    )


def _input_output(rule: Rule, network: Network, task: Task, n_probed: int) -> Record:
    last = network.layers
    dims, shape = (f"unit_{last}", "unit_0"), (network.sizes[-1], network.sizes[0])

    def covariance(y: Array) -> Array:
        found = np.zeros((len(y), *shape), y.dtype)
        add_outer(found, y - y.mean(axis=1, keepdims=True), task.x, rate=1.0)
        return found

    constants = {} if task.y is None else {"target_input_output": (dims, covariance(task.y[None])[0])}
    variables = {"input_output": (dims, shape)}
    return Record(
        variables, lambda signals, probed: {"input_output": covariance(signals.activity(last))}, constants
    )


def _train_accuracy(rule: Rule, network: Network, task: Task, n_probed: int) -> Record:
    _check_taught("train_accuracy", rule, network)
    assert task.y is not None
    right: NDArray[np.integer] = task.y.argmax(axis=1)

    def values(signals: Signals, probed: Signals) -> dict[str, Array]:
        return {"train_accuracy": _share_right(signals, right)}

    return Record({"train_accuracy": ((), ())}, values)


def _strengths(rule: Rule, network: Network, task: Task, n_probed: int) -> Record:
    from semantic_svd.modes import strengths, svd

    if task.y is None:
        raise InputError("strengths are along the modes of the targets, and there are none; pass y")
    reference = svd(task.y)
    variables = {"strength": (("mode",), (reference.sizes["mode"],))}
    return Record(
        variables,
        lambda signals, probed: {"strength": strengths(signals.activity(network.layers), reference).values},
        {"mode": (("mode",), reference["mode"].values)},
    )


RECORDS = {
    "weights": _weights,
    "responses": _responses,
    "hidden": _hidden,
    "class_means": _class_means,
    "strengths": _strengths,
    "train_accuracy": _train_accuracy,
    "input_output": _input_output,
}


def record_of(
    names: Sequence[str],
    rule: Rule,
    network: Network,
    task: Task,
    probe: Task | None = None,
    test: Task | None = None,
) -> Record:
    """Return all that a snapshot holds as one record."""
    x = (probe or task).x
    parts = []
    if rule.taught(network):
        parts.append(Record({"loss": ((), ())}, lambda signals, probed: {"loss": signals.loss}))
    for name in names if np.iterable(names) and not isinstance(names, str) else (names,):
        if not isinstance(name, str) or name not in RECORDS:
            raise InputError(f"no record {name!r}; there are {', '.join(RECORDS)}")
        parts.append(RECORDS[name](rule, network, task, len(x)))
    if test is not None:
        _check_taught("test", rule, network)
        parts.append(_test(network, test))
    variables = {name: v for part in parts for name, v in part.variables.items()}

    def values(signals: Signals) -> dict[str, Array]:
        seen = signals if probe is None else Signals(network, signals.state, x)
        return {name: v for part in parts for name, v in part.values(signals, seen).items()}

    return Record(variables, values, {name: c for part in parts for name, c in part.constants.items()})


def _test(network: Network, test: Task) -> Record:
    assert test.y is not None
    right = test.y.argmax(axis=1)

    def values(signals: Signals, probed: Signals) -> dict[str, Array]:
        tested = Signals(network, signals.state, test.x, test.y)
        return {"accuracy": _share_right(tested, right), "test_loss": tested.loss}

    return Record({"accuracy": ((), ()), "test_loss": ((), ())}, values)


def _share_right(signals: Signals, right: NDArray[np.integer]) -> Array:
    """Return the share of items whose largest output is the right one, (n_seeds,)."""
    said = signals.activity(signals.network.layers).argmax(axis=-1)
    return (said == right).mean(axis=-1)


def _check_taught(name: str, rule: Rule, network: Network) -> None:
    if not rule.taught(network):
        raise InputError(
            f"{name} is about an output that learns, and this rule teaches none; read_out trains a classifier"
        )


def axes_of(name: str, rule: Rule, network: Network) -> tuple[str, ...]:
    """Return the names of the axes of a parameter after the seed's."""
    layer = int(name[1:])
    if name[0] == "b":
        return (f"unit_{layer}",)
    return f"unit_{layer}", f"unit_{layer - 1 if name[0] == 'W' else rule.sender(layer, network)}"
