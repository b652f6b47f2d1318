"""Training: one step, the loop over epochs, stopping, and the snapshots that a run keeps."""

import hashlib
import json
import platform
import signal
import sys
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

import semantic_svd
from semantic_svd.errors import InputError, is_real, whole
from semantic_svd.network import Network, Signals
from semantic_svd.plasticity import Memory, Misfit, apply
from semantic_svd.products import Array
from semantic_svd.rates import bearable
from semantic_svd.records import Record, axes_of, record_of
from semantic_svd.rules import Rule, as_rule
from semantic_svd.runs import Run, network_text
from semantic_svd.snapshots import Snapshots, n_bytes, refuse_beyond_memory
from semantic_svd.store import Store
from semantic_svd.tasks import Task, as_task, given_test, probe_of
from semantic_svd.team import ORDER, Team


class Diverged(InputError):
    """No seed survived: the line, what became of the first, and lower rates that may hold, if any are known to."""

    def __str__(self) -> str:
        return str(self.args[0])


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
    out: str | Path | None = None,
    resume: bool = False,
    start: Run | Mapping[str, Any] | None = None,
    progress: bool = True,
    begin: Callable[[int], object] = lambda n_bytes: None,
) -> Run:
    """Train a network by a rule, many seeds at once, and keep its snapshots.

    Parameters
    ----------
    rule : Rule, or the name of one in RULES
    network : Network
    x : Items, DataFrame, DataArray or array of shape (n_items, inputs)
    y : the targets, likewise, (n_items, outputs). None for an autoassociator, whose targets are x, or for a rule that
        asks for none, as competing hidden units: where nothing is taught there is no loss
    epochs : passes over the items. Epoch 0 is the start, so `every=1` keeps epochs + 1 snapshots
    seeds : how many (0, 1, ...), or which. A seed's random numbers are its own: beside others it learns as alone
    batch_size : items a step; None for all (full batch), 1 for item by item. Each seed shuffles its own way
    stop_below : end a seed at its first snapshot with a loss under this
    every : keep each epoch, each k-th, or "log": 0 to 10, then 20 a decade; the last is always kept
    record : what a snapshot holds, names of `RECORDS`
    probe : the items whose responses and hidden activity are recorded; None for x
    test : items and targets whose accuracy (largest output right) and loss are recorded by epoch
    dtype : type of the numbers; None for float64
    out : a folder to stream the snapshots to, block by block; the run that is returned is then lazy. None for memory
    resume : go on with the run that `out` holds, if there is one; it ends as if it had never been stopped
    start : a run to go on from (as it ended, seed by seed; memories of plasticities start anew), or weights by name,
        (post, pre) or (seed, post, pre)
    progress : show a bar when it takes more than a second and there is a terminal
    begin : called with the bytes that the snapshots will take, once nothing is left to be refused

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
    plan = _planned(
        rule,
        network,
        x,
        y,
        epochs=epochs,
        batch_size=batch_size,
        stop_below=stop_below,
        every=every,
        record=record,
        probe=probe,
        test=test,
        dtype=dtype,
    )
    seed_list, dtype = seeds_of(seeds), plan.task.x.dtype
    held = "W1" not in plan.records.variables
    team = Team(plan.rule, network, seed_list, dtype, start, hold_ends=held)
    attrs = _provenance(plan, "" if start is None else _digest(team.state))
    needed = n_bytes(plan.records.variables, len(plan.kept), len(seed_list), dtype)

    def learn(book: Snapshots | Store, **resumed: Any) -> None:
        begin(needed)
        with _bar(progress, epochs) as advance:
            _learn(plan, team, book, advance, **resumed)

    trained = _in_memory if out is None else partial(_on_disk, out=Path(out), resume=resume)
    run = trained(plan, team, attrs, learn)
    if run.diverged.all():
        where = "" if out is None else f"; what it was before is kept in {out}"
        lower = _lower_rates(plan)
        hint = " ".join(f"{rate:.2g}" for rate in lower)
        raise Diverged(
            f"no seed survived at rate {plan.rule.rate}: {run.notes[0]}{where}; "
            f"a lower rate{hint and f' ({hint})'} or fewer epochs may hold",
            run.notes[0],
            lower,
        )
    return run


def expected_bytes(
    rule: Rule | str,
    network: Network,
    x: Any,
    y: Any = None,
    *,
    seeds: int | Sequence[int] = 1,
    **settings: Any,
) -> int:
    """Return how many bytes the snapshots of a training will take, once it is seen that there can be one; see `train`.

    Examples
    --------
    >>> from semantic_svd.items import load_items
    >>> expected_bytes("bpa", Network((34, 8, 34), biases=False), load_items("mcclelland2020"), epochs=99)
    436000
    """
    plan = _planned(rule, network, x, y, **settings)
    for layer in range(1, network.layers + 1):  # of one sender: only a layer that is too narrow is looked for
        plan.rule.plasticity(layer, network).memory(np.zeros((1, network.sizes[layer], 1)))
    return n_bytes(plan.records.variables, len(plan.kept), len(seeds_of(seeds)), plan.task.x.dtype)


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
        try:
            apply(plastic.synapse.W, change, plastic.rate * factor)
        except Misfit as error:
            raise InputError(f"{plastic.name} learns by {plastic.plasticity}: {error}") from None


def seeds_of(seeds: int | Sequence[int]) -> list[int]:
    """Return which seeds there are, of how many or which.

    Examples
    --------
    >>> seeds_of(3)
    [0, 1, 2]
    """
    if isinstance(seeds, int | np.integer):
        refuse_beyond_memory(40 * whole("seeds", seeds), "the numbers of the seeds", "train fewer")
        return list(range(seeds))
    if not np.iterable(seeds) or isinstance(seeds, str):
        raise InputError(f"seeds are how many, or which, not {seeds!r}")
    chosen = [whole("a seed", seed, 0, 2**63 - 1) for seed in seeds]
    if not chosen or len(set(chosen)) < len(chosen):
        raise InputError(f"seeds are whole numbers, each once, not {list(seeds)}")
    return chosen


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
    step = whole("every", every, also="'log'")
    refuse_beyond_memory(40 * (epochs // step), "the numbers of the epochs", "keep fewer (every)")
    return sorted({*range(0, epochs + 1, step), epochs})


@dataclass(frozen=True)
class _Plan:
    """A training, described."""

    rule: Rule
    network: Network
    task: Task
    probe: Task | None
    test: Task | None
    records: Record
    every: int | str
    kept: list[int]
    batch_size: int  # all items where it is not told
    stop_below: float | None

    def signals(self, team: Team) -> Signals:
        """Return the signals of all items."""
        return self._signals(team, slice(None))

    def batches(self, team: Team, epoch: int) -> Iterator[Signals]:
        """Yield the signals of each batch of an epoch in turn, every seed in an order of its own."""
        n, size = len(self.task.x), self.batch_size
        order = np.array([np.random.default_rng((seed, ORDER, epoch)).permutation(n) for seed in team.seeds])
        order = order[0] if len(order) == 1 else order
        for first in range(0, n, size):
            chosen = order[..., first : first + size]
            if self.rule.whole_batches and chosen.shape[-1] < size:
                return
            yield self._signals(team, chosen)

    @property
    def steps(self) -> int:
        """Steps an epoch."""
        n, size = len(self.task.x), self.batch_size
        return n // size if self.rule.whole_batches else ceil(n / size)

    def _signals(self, team: Team, items: Any) -> Signals:
        y = None if self.task.y is None else self.task.y[items]
        return self.rule.signals(self.network, team.state, self.task.x[items], y)


def _planned(
    rule: Rule | str,
    network: Network,
    x: Any,
    y: Any,
    *,
    epochs: int,
    batch_size: int | None = None,
    stop_below: float | None = None,
    every: int | Literal["log"] = 1,
    record: Sequence[str] = ("weights",),
    probe: Any = None,
    test: tuple[Any, Any] | None = None,
    dtype: Any = None,
) -> _Plan:
    """Check what a training is asked to be, and return it."""
    rule = as_rule(rule)
    if not isinstance(network, Network):
        raise InputError(f"network is a Network, as Network((34, 8, 34)), not {network!r}")
    if stop_below is not None and not (is_real(stop_below) and 0 <= stop_below < float("inf")):
        raise InputError(f"stop_below is a finite loss of 0 or more, not {stop_below!r}")
    taught = rule.taught(network)
    task = as_task(x, y, network, dtype, taught)
    if not taught and stop_below is not None:
        raise InputError("stop_below is a loss, and under this rule nothing learns from one")
    kept = snapshot_epochs(whole("epochs", epochs, 0), every)
    n = len(task.x)
    size = n if batch_size is None else min(whole("batch_size", batch_size), n)
    probed = None if probe is None else probe_of(probe, task)
    tested = None if test is None else given_test(test, task, network)
    records = record_of(record, rule, network, task, probed, tested)
    every = every if every == "log" else int(every)
    return _Plan(rule, network, task, probed, tested, records, every, kept, size, stop_below)


def _in_memory(plan: _Plan, team: Team, attrs: dict[str, Any], learn: Callable[..., None]) -> Run:
    """Train and return the run with all its snapshots."""
    all_of_them = plan.records.variables, len(plan.kept), len(team.all), plan.task.x.dtype
    if plan.stop_below is None:  # else nobody knows how many will be used
        refuse_beyond_memory(n_bytes(*all_of_them), "the snapshots", "keep fewer (every), or on disk (out)")
    block = Snapshots(*all_of_them)
    learn(block)
    shown = [epoch for epoch in plan.kept if epoch <= team.end_epoch.max()]
    data = block.dataset(shown, team.all).assign(_ends(plan, team)).merge(_examples(plan))
    return Run(data.assign_attrs(attrs | {"notes": team.notes}))


def _on_disk(
    plan: _Plan, team: Team, attrs: dict[str, Any], learn: Callable[..., None], out: Path, resume: bool
) -> Run:
    """Train with the snapshots streamed to a store, or go on with what it holds, and open it."""
    variables, constants = plan.records.variables, _examples(plan).assign(_ends(plan, team))
    store = Store(out, plan.kept, team.all, variables, plan.task.x.dtype, constants, attrs, resume)
    with closing(store), _interrupts() as stopping:
        if not store.finished:
            first = team.restore(there) if (there := store.checkpoint()) else None
            learn(store, resumed=first, stopping=stopping)
    return Run.open(out)


def _learn(
    plan: _Plan,
    team: Team,
    book: Snapshots | Store,
    advance: Callable[[int], None],
    resumed: int | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Train to the last epoch, with a snapshot of each epoch that is kept.

    A training is resumed in the middle of an epoch's round: its snapshot is taken, its step is still to do.
    """
    epochs = plan.kept[-1]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for epoch in range(resumed or 0, epochs + 1):
            signals = plan.signals(team)
            if epoch != resumed:
                signals = _look(plan, team, signals, book, epoch)
            if epoch == epochs or not len(team.alive):
                break
            if isinstance(book, Store) and (book.due or stopping()):
                book.commit(_ends(plan, team), team.checkpoint(epoch), notes=team.notes)
            if stopping():
                raise KeyboardInterrupt
            factor = plan.rule.rate_factor(epoch, epochs)
            full = plan.batch_size == len(plan.task.x)
            batches = iter([signals]) if full else plan.batches(team, epoch)
            del signals  # with it goes the activity of all items, which may be large
            for batch in batches:
                step(plan.rule, batch, team.memories, factor)
                if stopping() and isinstance(book, Store) and book.settled:
                    raise KeyboardInterrupt  # long epochs are not waited for: all but this one is on disk
            advance(epoch + 1)
    team.leave(np.ones(len(team.alive), bool), "finished", epochs)
    if isinstance(book, Store):
        book.commit(_ends(plan, team), None, notes=team.notes)


def _look(plan: _Plan, team: Team, signals: Signals, book: Snapshots | Store, epoch: int) -> Signals:
    """Take the snapshot of an epoch, if it is kept, and let the seeds go that are done; return the others' signals.

    A seed is done where a snapshot is taken: so what it ends with is always one.
    """
    index = bisect_left(plan.kept, epoch)
    keep = plan.kept[index] == epoch
    lost = _lost(signals, look=keep and "loss" in plan.records.variables)
    if lost.any() and not epoch:
        raise InputError(
            f"the loss of seed {team.seeds[int(lost.argmax())]} is not finite before any training: "
            f"{_largest(plan.task)} is too large"
        )
    if lost.any():
        team.diverge(lost, epoch, plan.kept[index - 1])
        signals = plan.signals(team)
    if not keep or not len(team.alive):
        return signals
    book.put(index, team.alive, plan.records.values(signals))
    if plan.stop_below is not None and (done := signals.loss < plan.stop_below).any():
        team.leave(done, "stopped", epoch)
        signals = plan.signals(team)
    return signals


def _largest(task: Task) -> str:
    """Name the largest value that is learned, if its square is no finite number."""
    for values, columns in ((task.x, task.inputs), (task.y, task.outputs)):
        if values is None or np.isfinite(np.square(values)).all():
            continue
        i, j = np.unravel_index(np.abs(values).argmax(), values.shape)
        item, column = (repr(of[k]) if of else k for of, k in ((task.items, i), (columns, j)))
        return f"{values[i, j]:g} (item {item}, property {column})"
    return "what is learned, or started from,"


def _lost(signals: Signals, look: bool) -> NDArray[np.integer]:
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


def _ends(plan: _Plan, team: Team) -> dict[str, tuple]:
    """Return how each seed ended, as variables of a run's dataset."""
    ends = {
        f"{name}_end": (("seed", *axes_of(name, plan.rule, plan.network)), array)
        for name, array in team.ends.items()
    }
    for name, array in team.fixed.items():
        ends[name] = (("seed", *axes_of(name, plan.rule, plan.network)), array)
    return ends | {"status": (("seed",), team.status), "end_epoch": (("seed",), team.end_epoch)}


def _examples(plan: _Plan) -> xr.Dataset:
    """Return the items that a run answers for, and what stands beside its records, with the names that there are."""
    shown, output = plan.probe or plan.task, f"unit_{plan.network.layers}"
    examples = xr.Dataset({"input": (("item", "unit_0"), shown.x)} | dict(plan.records.constants))
    if shown.y is not None:
        examples["target"] = ("item", output), shown.y
    names = {"item": shown.items, "unit_0": plan.task.inputs, output: plan.task.outputs}
    dims = {*examples.dims, *plan.records.dims}
    return examples.assign_coords({dim: list(of) for dim, of in names.items() if of and dim in dims})


def _provenance(plan: _Plan, start: str) -> dict[str, Any]:
    """Return the attributes that say where a run comes from; `identity` names those that make it the same run."""
    import scipy
    from threadpoolctl import threadpool_info

    versions = {"semantic_svd": semantic_svd.__version__, "python": platform.python_version()}
    versions |= {"numpy": np.__version__, "scipy": scipy.__version__}
    identity = {
        "rule": repr(plan.rule),
        "network": network_text(plan.network),
        "data_hash": plan.task.hash(),
        "epochs": plan.kept[-1],
        "every": plan.every,
        "batch_size": plan.batch_size,
        "stop_below": float(plan.stop_below or 0),
        "start": start,
        "probe_hash": plan.probe.hash() if plan.probe else "",
        "test_hash": plan.test.hash() if plan.test else "",
    }
    return identity | {
        "identity": list(identity),
        "loss_name": plan.network.loss if plan.rule.taught(plan.network) else "none",
        "copies_signs": int(plan.rule.path != "transpose" and plan.rule.feedback.copies_signs),
        "rates": list(plan.rule.rates),
        "schedule": plan.rule.schedule,
        "steps": plan.steps,
        "versions": json.dumps(versions),
        "blas_threads": max((pool["num_threads"] for pool in threadpool_info()), default=1),
        "notes": [],
    }


def _lower_rates(plan: _Plan) -> tuple[float, ...]:
    """Return the rates that a training might bear, as many as the rule names; none if they are no lower."""
    lower = bearable(plan.rule, plan.network, plan.task.x, plan.batch_size)
    rates = lower.rates if isinstance(lower.rate, tuple) else lower.rates[:1]
    return () if lower == plan.rule else rates


def _digest(state: Mapping[str, Array]) -> str:
    """Return the sha256 of named arrays."""
    digest = hashlib.sha256()
    for name, array in state.items():
        digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Hold the first Ctrl-C back until the training is between two epochs; yield the function that tells of it."""
    asked: list[int] = []

    def handle(number: int, frame: Any) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)


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
        task = bar.add_task("training", total=epochs, visible=False)

        def advance(epoch: int) -> None:
            nonlocal shown
            now = time.monotonic()
            if now - begun > 1 and now - shown > 0.1:
                shown = now
                bar.update(task, completed=epoch, visible=True, refresh=True)

        yield advance
