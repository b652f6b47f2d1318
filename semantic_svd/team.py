"""Team: the seeds at work as one array axis, their weights and memories, who is still there, how the others ended."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semantic_svd.errors import InputError
from semantic_svd.network import Network, Signals, State
from semantic_svd.products import Array
from semantic_svd.rules import Rule, through
from semantic_svd.runs import Run
from semantic_svd.snapshots import refuse_beyond_memory

WEIGHTS, FEEDBACK, ORDER = 0, 1, 2  # streams of random numbers, default_rng((seed, stream, epoch))


class Team:
    """Seeds that learn side by side. One that stops, or leaves the finite numbers, leaves the working arrays.

    Parameters
    ----------
    rule : Rule
    network : Network
    seeds : list of int
    dtype : the type of the numbers
    start : weights to start from in place of drawn ones: a Run, as each seed ended, or arrays by name. Memories of
        plasticities start anew
    hold_ends : keep the weights with which each seed ends, for trainings whose snapshots do not hold them

    Examples
    --------
    >>> from semantic_svd.rules import RULES
    >>> team = Team(RULES["backprop"], Network((3, 2), biases=False), [0, 1], np.dtype(float))
    >>> team.state["W1"].shape
    (2, 2, 3)
    >>> team.leave(np.array([True, False]), "stopped", epoch=4)
    >>> team.seeds, team.state["W1"].shape
    ([1], (1, 2, 3))
    """

    def __init__(
        self,
        rule: Rule,
        network: Network,
        seeds: list[int],
        dtype: np.dtype,
        start: Run | Mapping[str, Any] | None = None,
        hold_ends: bool = False,
    ):
        self.all = seeds
        self.state = _initial_state(rule, network, seeds, dtype, start)
        nothing = Signals(network, self.state, np.zeros((1, network.sizes[0]), dtype))
        self.memories = {p.name: p.plasticity.memory(p.synapse.W) for p in rule.synapses(nothing)}
        for name, memory in self.memories.items():
            for key, array in memory.items():
                if getattr(array, "shape", ())[:1] != (len(seeds),):
                    raise InputError(
                        f"the memory {key!r} of what {name} learns by is no array over {len(seeds)} seeds, then others"
                    )
        self.alive: NDArray[np.integer] = np.arange(len(seeds))
        self.status = np.full(len(seeds), "training", dtype="<U8")
        self.end_epoch = np.zeros(len(seeds), int)
        held = rule.feedback.fixed
        self.fixed = {name: array.copy() for name, array in self.state.items() if held and name[0] == "B"}
        changing = {name: array for name, array in self.state.items() if name not in self.fixed}
        self.ends = {name: np.full_like(array, np.nan) for name, array in changing.items() if hold_ends}
        self.notes: list[str] = []

    @property
    def seeds(self) -> list[int]:
        """The seeds still at work."""
        return [self.all[s] for s in self.alive]

    def leave(self, gone: NDArray[np.bool_], status: str, epoch: int) -> None:
        """Let some of the seeds at work go, with the weights that they have."""
        for name, array in self.ends.items():
            array[self.alive[gone]] = self.state[name][gone]
        self._drop(gone, status, epoch)

    def diverge(self, layers: NDArray[np.integer], epoch: int, last: int) -> None:
        """Let the seeds go that left the finite numbers.

        Parameters
        ----------
        layers : the layer in which each seed at work did, 0 for one that did not
        epoch : when
        last : the epoch of the last snapshot, with which they end; apart from it their weights are not held
        """
        for s in np.flatnonzero(layers):
            self.notes.append(
                f"seed {self.seeds[s]} left the finite numbers in layer {layers[s]} at epoch {epoch}; "
                f"its last good snapshot is of epoch {last}"
            )
        self._drop(layers > 0, "diverged", last)

    def checkpoint(self, epoch: int) -> dict[str, Array]:
        """Return all that a training needs to go on after this epoch, as named arrays."""
        arrays: dict[str, Any] = {"epoch": epoch, "alive": self.alive, "status": self.status}
        arrays |= {"end_epoch": self.end_epoch, "notes": np.array(self.notes, dtype=str)}
        for kind, of in (("state", self.state), ("ends", self.ends)):
            arrays |= {f"{kind}/{name}": array for name, array in of.items()}
        for synapse, memory in self.memories.items():
            arrays |= {f"memory/{synapse}/{name}": array for name, array in memory.items()}
        return {name: np.asarray(array) for name, array in arrays.items()}

    def restore(self, arrays: Mapping[str, Array]) -> int:
        """Take up a checkpoint; return its epoch."""
        self.alive, self.end_epoch = arrays["alive"].astype(int), arrays["end_epoch"].astype(int)
        self.status = arrays["status"].astype("<U8")
        self.notes = [str(note) for note in arrays["notes"]]
        self.state |= {name: arrays[f"state/{name}"] for name in self.state}
        self.ends |= {name: arrays[f"ends/{name}"] for name in self.ends}
        for synapse, memory in self.memories.items():
            memory.update({name: arrays[f"memory/{synapse}/{name}"] for name in memory})
        return int(arrays["epoch"])

    def _drop(self, gone: NDArray[np.bool_], status: str, epoch: int) -> None:
        self.status[self.alive[gone]] = status
        self.end_epoch[self.alive[gone]] = epoch
        self.alive = self.alive[~gone]
        for arrays in (self.state, *self.memories.values()):
            arrays.update({name: array[~gone] for name, array in arrays.items()})


def _initial_state(
    rule: Rule,
    network: Network,
    seeds: list[int],
    dtype: np.dtype,
    start: Run | Mapping[str, Any] | None,
) -> State:
    """Draw the first weights of every seed that are not given, and the feedback matrices where the rule has them."""
    weights, feedback = (
        [np.random.default_rng((seed, stream, 0)) for seed in seeds] for stream in (WEIGHTS, FEEDBACK)
    )

    numbers = len(seeds) * sum(math.prod(network.shape(name)) for name in network.names())
    refuse_beyond_memory(
        2 * numbers * dtype.itemsize,
        "the weights of all seeds, and changes to them,",
        "take fewer units or seeds",
    )

    def draw(rngs: list[np.random.Generator], shape: tuple[int, ...]) -> Array:
        return np.array([network.draw(rng, *shape) for rng in rngs], dtype)

    state: State = {}
    for name in network.names():
        shape = network.shape(name)
        state[name] = draw(weights, shape) if name[0] == "W" else np.zeros((len(seeds), *shape), dtype)
    for layer in rule.feedback_layers(network):
        sender, unit = rule.sender(layer, network), network.sizes[layer]
        state[f"B{layer}"] = draw(feedback, (network.sizes[sender], unit)).mT
    given = {} if start is None else _given_state(start, state, seeds)
    state |= given
    for layer in rule.feedback_layers(network):
        if (name := f"B{layer}") not in given:
            forward = through(state, layer, rule.sender(layer, network))
            state[name] = rule.feedback.start(state[name].mT, forward, network.std(network.sizes[layer]))
    return state


def _given_state(start: Run | Mapping[str, Any], state: State, seeds: list[int]) -> State:
    """Return copies of the weights to start from, checked against the drawn ones."""
    if isinstance(start, Run):
        start = _as_it_ended(start, state, seeds)
    if not isinstance(start, Mapping):
        raise InputError(f"start is a run, or weights by name, not {type(start).__name__}")
    unknown = sorted(set(start) - set(state))
    if unknown:
        raise InputError(
            f"start names {unknown[0]!r}, which this network does not have; it has {', '.join(state)}"
        )
    given: State = {}
    for name, value in start.items():
        try:
            array = np.asarray(value).astype(state[name].dtype, casting="same_kind")
        except (TypeError, ValueError):
            raise InputError(f"start gives {name} what is no array of numbers") from None
        if not np.isfinite(array).all():
            raise InputError(f"start gives {name} numbers that are not finite")
        if array.shape not in (state[name].shape, state[name].shape[1:]):
            raise InputError(
                f"start gives {name} the shape {array.shape}; "
                f"this network and these seeds have {state[name].shape} or {state[name].shape[1:]}"
            )
        given[name] = np.array(np.broadcast_to(array, state[name].shape))
    return given


def _as_it_ended(run: Run, state: State, seeds: list[int]) -> State:
    """Return the weights with which these seeds of a run ended; feedback that the rule does not have is left out."""
    if "seed" not in run.data.dims:
        raise InputError("the run to start from has no axis seed; take it as run.sel(seed=[0])")
    there = run.data["seed"].values.tolist()
    if missing := sorted(set(seeds) - set(there)):
        raise InputError(f"the run to start from has no seed {missing[0]}; it has {there}")
    lost = run.data["seed"][run.diverged].values
    if gone := sorted(set(seeds) & set(lost.tolist())):
        raise InputError(f"seed {gone[0]} of the run to start from diverged: there is nothing to go on from")
    final = run.final().data.sel(seed=seeds)
    weights = {str(name): final[name].values for name in final if name in state}
    if lacking := [name for name in state if name[0] != "B" and name not in weights]:
        raise InputError(
            f"the run to start from has no {lacking[0]}; it has {', '.join(weights) or 'no weights'}"
        )
    forward = [str(name) for name in final if str(name)[0] in "Wb" and str(name)[1:].isdigit()]
    if more := [name for name in forward if name not in state]:
        raise InputError(f"the run to start from has {more[0]}, which this network does not have")
    return weights
