"""Training: one step, the loop over epochs, stopping, and the snapshots that a run keeps.

Many seeds are one array axis. A seed that stops, or leaves the finite numbers, leaves the working arrays.
"""

import json
import platform
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import xarray as xr

import semantic_svd
from semantic_svd.errors import InputError
from semantic_svd.network import Network, Signals, State
from semantic_svd.plasticity import Memory, apply
from semantic_svd.products import Array
from semantic_svd.records import axes_of, record_of
from semantic_svd.rules import Rule, as_rule, through
from semantic_svd.runs import Recorder, Run, network_text
from semantic_svd.tasks import Table, Task, as_table, as_task

WEIGHTS, FEEDBACK, ORDER = 0, 1, 2  # streams of random numbers, default_rng((seed, stream, epoch))


def train(
    rule: Rule | str,
    network: Network,
    x: Any,
    y: Any = None,
    *,
    epochs: int,
    seeds: int | Sequence[int] = 1,
    batch_size: int | None = None,
    stop_below: float | None = None,
    every: int | Literal["log"] = 1,
    record: Sequence[str] = ("weights",),
    probe: Any = None,
    test: tuple[Any, Any] | None = None,
    dtype: Any = None,
    start: Run | Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Run:
    """Train a network by a rule, many seeds at once, and keep its snapshots.

    Parameters
    ----------
    rule : Rule, or the name of one in RULES
    network : Network
    x : Items, DataFrame, DataArray or array of shape (n_items, inputs)
    y : the targets, likewise, (n_items, outputs); None for an autoassociator, whose targets are x
    epochs : passes over the items. Epoch 0 is the start, so `every=1` keeps epochs + 1 snapshots
    seeds : how many (0, 1, ...), or which. A seed's random numbers are its own: beside others it learns as alone
    batch_size : items a step; None for all (full batch), 1 for item by item. Each seed shuffles its own way
    stop_below : end a seed at its first epoch with a loss under this
    every : keep each epoch, each k-th, or "log": 0 to 10, then 20 a decade; the last is always kept
    record : what a snapshot holds, names of `RECORDS`
    probe : the items whose responses, hidden activity and class means are recorded; None for x
    test : items and targets whose accuracy (largest output right) and loss are recorded by epoch
    dtype : type of the numbers; None for float64
    start : a run to go on from (as it ended, seed by seed), or weights by name, (post, pre) or (seed, post, pre)
    progress : show a bar when it takes more than a second and there is a terminal

    Returns
    -------
    Run
        Loss number e belongs to snapshot e. `status` is "finished", "stopped" (by stop_below) or "diverged", and
        `end_epoch` the last good snapshot of each seed; `run.notes` names seed, layer and epoch of a divergence.

    Raises
    ------
    InputError
        When sizes do not fit, a name is none that there is, or no seed survives.

    Examples
    --------
    >>> from semantic_svd.items import load_items
    >>> items = load_items("mcclelland2020")
    >>> run = train("backprop", Network((34, 8, 8, 34)), items, epochs=2000, seeds=3, stop_below=0.01)
    >>> bool((run.final().data.loss < 0.01).all())
    True
    """
    rule = as_rule(rule)
    task = as_task(x, y, network, dtype)
    seed_list = _seed_list(seeds)
    kept = snapshot_epochs(_whole("epochs", epochs, least=0), every)
    whole = batch_size is None or _whole("batch_size", batch_size) >= len(task.x)
    probed = None if probe is None else as_table(probe, "probe")
    records = record_of(record, rule, network, task, probed, test)
    state = _initial_state(rule, network, seed_list, task.x.dtype)
    if start is not None:
        state |= _given_state(start, state, seed_list)
    team = _Team(rule, network, seed_list, state)
    recorder = Recorder(kept, seed_list, records.variables, task.x.dtype)

    def all_items() -> Signals:
        return rule.signals(network, team.state, task.x, task.y)

    with _bar(progress, epochs) as advance, np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for epoch in range(epochs + 1):
            index = bisect_left(kept, epoch)
            keep = kept[index] == epoch
            signals = all_items()
            lost = _lost(signals, look=keep or stop_below is not None)
            if lost.any():
                team.diverge(lost, epoch)
                signals = all_items()
            if keep and len(team.alive):
                recorder.write(index, team.alive, records.values(signals))
                team.end_epoch[team.alive] = epoch
            if stop_below is not None and (done := signals.loss < stop_below).any():
                team.end(done, "stopped", epoch)
                signals = all_items()
            if epoch == epochs or not len(team.alive):
                break
            factor = rule.rate_factor(epoch, epochs)
            if whole:
                step(rule, signals, team.memories, factor)
            else:
                for xb, yb in _batches(task, team.seeds, epoch, int(batch_size or 0)):
                    step(rule, rule.signals(network, team.state, xb, yb), team.memories, factor)
            advance(epoch + 1)
    team.end(np.ones(len(team.alive), bool), "finished", epochs)
    if set(team.status) == {"diverged"}:
        raise InputError(f"no seed survived at rate {rule.rate}: {team.notes[0]}")
    data = recorder.dataset()
    data = data.assign(_ends(team, data, rule, network)).assign(_examples(task, probed, network))
    settings = {"epochs": epochs, "batch_size": batch_size or len(task.x), "stop_below": stop_below or 0.0}
    settings |= _provenance(rule, network, task, team.notes)
    return Run(_labelled(data, task, probed, network).assign_attrs(settings))


def step(rule: Rule, signals: Signals, memories: dict[str, Memory], factor: float = 1.0) -> None:
    """Change every plastic matrix of the state once, all at once: each change is computed before the first is made.

    Examples
    --------
    >>> import numpy as np
    >>> from semantic_svd.rules import RULES
    >>> state = {"W1": np.zeros((1, 1, 1))}
    >>> signals = RULES["backprop"].signals(Network((1, 1), biases=False), state, np.ones((1, 1)), np.ones((1, 1)))
    >>> step(RULES["backprop"], signals, {})
    >>> state["W1"]
    array([[[0.1]]])
    """
    changes = [(p, p.plasticity(p.synapse, memories.get(p.name, {}))) for p in rule.synapses(signals)]
    for plastic, change in changes:
        apply(plastic.synapse.W, change, plastic.rate * factor)


def snapshot_epochs(epochs: int, every: int | Literal["log"]) -> list[int]:
    """Return the epochs that are kept, the first and the last among them.

    Examples
    --------
    >>> snapshot_epochs(10, 4)
    [0, 4, 8, 10]
    >>> snapshot_epochs(20, "log")
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 16, 18, 20]
    """
    if every == "log":
        steps = np.arange(int(20 * np.log10(max(epochs, 10) / 10)) + 1)
        spaced = np.round(10 * 10 ** (steps / 20)).astype(int)
        return sorted({*range(min(10, epochs) + 1), *(int(e) for e in spaced if e <= epochs), epochs})
    _whole("every", every, also="'log'")
    return sorted({*range(0, epochs + 1, int(every)), epochs})


class _Team:
    """The seeds at work: their weights and memories, who is still there, and how the others ended."""

    def __init__(self, rule: Rule, network: Network, seeds: list[int], state: State):
        self.all, self.state = seeds, state
        nothing = Signals(network, state, np.zeros((1, network.sizes[0])))
        self.memories = {p.name: p.plasticity.memory(p.synapse.W) for p in rule.synapses(nothing)}
        self.alive = np.arange(len(seeds))
        self.status = np.full(len(seeds), "training", dtype=object)
        self.end_epoch = np.zeros(len(seeds), int)
        self.ends = {name: np.full_like(array, np.nan) for name, array in state.items()}
        self.notes: list[str] = []

    @property
    def seeds(self) -> list[int]:
        """The seeds still at work."""
        return [self.all[s] for s in self.alive]

    def end(self, who: Array, status: str, epoch: int) -> None:
        """Let some of the seeds at work go, with the weights that they have."""
        gone = self.alive[who]
        self.end_epoch[gone] = epoch
        for name, array in self.state.items():
            self.ends[name][gone] = array[who]
        self._leave(who, status)

    def diverge(self, layers: Array, epoch: int) -> None:
        """Let the seeds go that left the finite numbers, in the layer that is given for each (0: it did not)."""
        for s in np.flatnonzero(layers):
            self.notes.append(
                f"seed {self.seeds[s]} left the finite numbers in layer {layers[s]} at epoch {epoch}; "
                f"its last good snapshot is of epoch {self.end_epoch[self.alive[s]]}"
            )
        self._leave(layers > 0, "diverged")

    def _leave(self, gone: Array, status: str) -> None:
        self.status[self.alive[gone]] = status
        self.alive = self.alive[~gone]
        for arrays in (self.state, *self.memories.values()):
            arrays.update({name: array[~gone] for name, array in arrays.items()})


def _lost(signals: Signals, look: bool) -> Array:
    """Return the first layer in which each seed left the finite numbers, (n_seeds,), 0 where none."""
    layers = np.zeros(len(signals.state["W1"]), int)
    finite = np.isfinite(sum(array.sum() for array in signals.state.values()))
    if finite and (not look or np.isfinite(signals.loss).all()):
        return layers
    for name, array in signals.state.items():
        total = array.reshape(len(array), -1).sum(axis=1)
        layers[(layers == 0) & ~np.isfinite(total)] = int(name[1:])
    for s in np.flatnonzero((layers == 0) & ~np.isfinite(signals.loss)) if look else ():
        finite = [np.isfinite(signals.activity(k)[s]).all() for k in range(1, signals.network.layers)]
        layers[s] = [*finite, False].index(False) + 1
    return layers


def _batches(task: Task, seeds: list[int], epoch: int, size: int) -> Iterator[tuple[Array, Array]]:
    """Yield the batches of an epoch, every seed in an order of its own."""
    n = len(task.x)
    order = np.array([np.random.default_rng((seed, ORDER, epoch)).permutation(n) for seed in seeds])
    order = order[0] if len(seeds) == 1 else order
    for first in range(0, n, size):
        chosen = order[..., first : first + size]
        yield task.x[chosen], task.y[chosen]


def _initial_state(rule: Rule, network: Network, seeds: list[int], dtype: np.dtype) -> State:
    """Draw the first weights of every seed, and the feedback matrices where the rule has them."""
    weights, feedback = (
        [np.random.default_rng((seed, stream, 0)) for seed in seeds] for stream in (WEIGHTS, FEEDBACK)
    )

    def draw(rngs: list[np.random.Generator], shape: tuple[int, ...]) -> Array:
        return np.array([network.draw(rng, *shape) for rng in rngs], dtype)

    state: State = {}
    for name in network.names():
        shape = network.shape(name)
        state[name] = draw(weights, shape) if name[0] == "W" else np.zeros((len(seeds), *shape), dtype)
    for layer in rule.feedback_layers(network):
        sender, unit = rule.sender(layer, network), network.sizes[layer]
        drawn = draw(feedback, (network.sizes[sender], unit))
        state[f"B{layer}"] = rule.feedback.start(drawn, through(state, layer, sender), network.std(unit))
    return state


def _given_state(start: Run | Mapping[str, Any], state: State, seeds: list[int]) -> State:
    """Return copies of the weights to start from, checked against the drawn ones."""
    if isinstance(start, Run):
        missing = sorted(set(seeds) - set(start.data.seed.values.tolist()))
        if missing:
            raise InputError(
                f"the run to start from has no seed {missing[0]}; it has {start.data.seed.values.tolist()}"
            )
        final = start.final().data.sel(seed=seeds)
        start = {str(name): final[name].values for name in final if name in state}
    unknown = sorted(set(start) - set(state))
    if unknown:
        raise InputError(
            f"start names {unknown[0]!r}, which this network does not have; it has {', '.join(state)}"
        )
    given: State = {}
    for name, value in start.items():
        array = np.asarray(value, state[name].dtype)
        if array.shape not in (state[name].shape, state[name].shape[1:]):
            raise InputError(
                f"start gives {name} the shape {array.shape}; "
                f"this network and these seeds have {state[name].shape} or {state[name].shape[1:]}"
            )
        given[name] = np.array(np.broadcast_to(array, state[name].shape))
    return given


def _ends(team: _Team, data: xr.Dataset, rule: Rule, network: Network) -> dict[str, tuple]:
    """Return how each seed ended, as variables of a run's dataset; one that diverged, at its last good snapshot."""
    ends = {}
    for name, array in team.ends.items():
        for s in np.flatnonzero(team.status == "diverged") if name in data else ():
            array[s] = data[name].sel(epoch=team.end_epoch[s]).values[s]
        ends[f"{name}_end"] = (("seed", *axes_of(name, rule, network)), array)
    return ends | {"status": ("seed", team.status.astype(str)), "end_epoch": ("seed", team.end_epoch)}


def _examples(task: Task, probed: Table | None, network: Network) -> dict[str, tuple]:
    """Return the items that a run answers for, as variables of its dataset."""
    if probed is not None:
        return {"input": (("item", "unit_0"), probed[0].astype(task.x.dtype))}
    return {"input": (("item", "unit_0"), task.x), "target": (("item", f"unit_{network.layers}"), task.y)}


def _labelled(data: xr.Dataset, task: Task, probed: Table | None, network: Network) -> xr.Dataset:
    items = task.items if probed is None else probed[1]
    names = {"item": items, "unit_0": task.inputs, f"unit_{network.layers}": task.outputs}
    return data.assign_coords(
        {dim: list(labels) for dim, labels in names.items() if labels and dim in data.dims}
    )


def _provenance(rule: Rule, network: Network, task: Task, notes: list[str]) -> dict[str, Any]:
    """Return the attributes that say where a run comes from."""
    import scipy
    from threadpoolctl import threadpool_info

    versions = {"semantic_svd": semantic_svd.__version__, "python": platform.python_version()}
    versions |= {"numpy": np.__version__, "scipy": scipy.__version__}
    return {
        "rule": repr(rule),
        "network": network_text(network),
        "loss": network.loss,
        "rates": list(rule.rates),
        "data_hash": task.hash(),
        "versions": json.dumps(versions),
        "blas_threads": max((pool["num_threads"] for pool in threadpool_info()), default=1),
        "notes": notes,
    }


def _whole(name: str, value: Any, least: int = 1, also: str = "") -> int:
    """Return a whole number, checked."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{name} is a whole number from {least}{also and ' or ' + also}, not {value!r}")
    return int(value)


def _seed_list(seeds: int | Sequence[int]) -> list[int]:
    if isinstance(seeds, int | np.integer):
        return list(range(_whole("seeds", seeds)))
    chosen = [_whole("a seed", seed, least=0) for seed in seeds]
    if not chosen or len(set(chosen)) < len(chosen):
        raise InputError(f"seeds are whole numbers, each once, not {list(seeds)}")
    return chosen


@contextmanager
def _bar(wanted: bool, epochs: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar once a second has passed, where there is a terminal; yield the function that moves it."""
    if not (wanted and sys.stderr.isatty()):
        yield lambda epoch: None
        return
    from rich.console import Console
    from rich.progress import Progress

    begun, shown = time.monotonic(), 0.0
    with Progress(console=Console(stderr=True), transient=True, disable=False, auto_refresh=False) as bar:
        task = bar.addas_task("training", total=epochs, visible=False)

        def advance(epoch: int) -> None:
            nonlocal shown
            now = time.monotonic()
            if now - begun > 1 and now - shown > 0.1:
                shown = now
                bar.update(task, completed=epoch, visible=True, refresh=True)

        yield advance
