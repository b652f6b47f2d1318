"""Activity from anywhere as a Run: checked, reduced to what is kept, and labelled."""

import json
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

import semantic_svd
from semantic_svd.activations.shown import Shown, checked_record, flat, numbers, shown_to
from semantic_svd.errors import InputError, none_masked
from semantic_svd.products import Array
from semantic_svd.runs import SLICE, Recorded, Run, network_text


def recorded_run(
    hidden: Mapping[str, Any],
    response: Any = None,
    *,
    items: Any = None,
    targets: Any = None,
    labels: Any = None,
    classes: Sequence[str] | None = None,
    record: Sequence[str] = ("hidden", "responses"),
    epochs: Sequence[int] | None = None,
    seeds: Sequence[int] | None = None,
) -> Run:
    """Return activity from anywhere as a run.

    Parameters
    ----------
    hidden : dict
        Name of each hidden layer, from the input on, and its activity (seed, epoch, item, unit); the first axes may
        be missing. Anything that has a shape and slices like an array: numpy, a memory map, HDF5, Zarr, Dask, a
        tensor. What is not in memory is read when it is needed, snapshot by snapshot. A DataArray may have its axes
        in any order when they are called seed, epoch and item; it says what their labels are where none are given.
    response : likewise, optional
        What the output says, (seed, epoch, item, property).
    items : Items, DataFrame, DataArray or array of shape (n_items, ...), or names; optional
        What the networks were shown.
    targets : Items, DataFrame, DataArray or array of shape (n_items, n_properties), optional
        What the output was to say: the data that modes and trees are compared with. Items that it names are named so.
    labels : array-like of int of shape (n_items,), optional
        The class of each item, from 0. One-hot they are the targets, unless there are others.
    classes : sequence of str, optional
        What label 0, 1, ... stands for.
    record : names of what the run holds
        "hidden" and "responses", item by item; "class_means" of the hidden layers, over the items of each label.
    epochs, seeds : labels of the first axes, epochs from 0 on; None for those of a DataArray, or 0, 1, ...

    Returns
    -------
    Run
        `run.hidden`, `run.response` and `run.class_means` know the layers by name and number; `run.save` writes it for
        the command. It keeps no weights, so it answers for these items only. A seed whose last snapshot is not finite
        is "diverged", as in `train`: it ends at the last snapshot that is, and is NaN after it (throughout, if none
        is); `run.notes` names it. Of what is not in memory that is read from the end, of most seeds one snapshot: a
        snapshot that is not finite before one that is stays as it is, and nothing tells of it.

    Raises
    ------
    InputError
        When sizes or names do not fit each other, or there is nothing to hold.

    Examples
    --------
    >>> activity = np.random.default_rng(0).normal(size=(5, 8, 3))  # 5 epochs, 8 items, 3 units
    >>> run = recorded_run({"encoder": activity}, epochs=[0, 1, 2, 5, 10])
    >>> run
    Run(0-3-0 recorded, 1 seed, 5 snapshots to epoch 10)
    >>> bool((run.hidden("encoder").sel(seed=0, epoch=10) == activity[4]).all())
    True
    """
    if not isinstance(hidden, Mapping):
        raise InputError(f"hidden is a dict, a layer's name and its activity, not {type(hidden).__name__}")
    given = {f"layer {name!r}": values for name, values in hidden.items()}
    given |= {} if response is None else {"the output": response}
    given = {name: _laid_out(values, name) for name, values in given.items()}
    stacks = {name: _stack(values, name) for name, values in given.items()}
    n_seeds, n_epochs, n_items = _shared_shape(stacks)
    shown = shown_to(items, targets, labels, classes, n_items).named(_labels(given, "item"))
    record = checked_record(record, shown, bool(hidden), response is not None)
    layers = list(stacks.values())
    of_hidden, of_output = layers[: len(hidden)], None if response is None else layers[-1]
    arrays = by_item(of_hidden, of_output, record)
    if "class_means" in record and hidden:
        arrays |= _class_means(of_hidden, shown)
    sizes = [layer.shape[-1] for layer in layers] + ([0] if response is None else [])
    axes = _axis("epoch", epochs, n_epochs, given), _axis("seed", seeds, n_seeds, given)
    return run_of(arrays, list(map(str, hidden)), sizes, shown, *axes, "recorded")


def stack_runs(runs: Sequence[Run]) -> Run:
    """Lay recorded runs beside each other: networks of one shape, shown the same items.

    Parameters
    ----------
    runs : sequence of Run
        Each with seeds of its own. An epoch that one of them does not have is NaN there, as after a seed's end.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        When two have the same seed, or other rules, layers, items, records or axes, or one has no axis seed.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> runs = [recorded_run({"encoder": rng.normal(size=(5, 8, 3))}, seeds=[seed]) for seed in range(4)]
    >>> stack_runs(runs)
    Run(0-3-0 recorded, 4 seeds, 5 snapshots to epoch 4)
    """
    if not runs:
        raise InputError("there are no runs to stack")
    for number, run in enumerate(runs):
        if "seed" not in run.data.dims:
            raise InputError(
                f"run {number} (from 0) has no axis seed; take it with one, as run.sel(seed=[0])"
            )
    seeds = [seed for run in runs for seed in run.data["seed"].values.tolist()]
    for seed in seeds:
        if seeds.count(seed) > 1:
            raise InputError(f"seed {seed} is in two of the runs; give each its own, as recorder.run(seed=1)")
    first = runs[0].data
    for number, data in enumerate(run.data for run in runs):
        for what, same in (
            ("rules", data.attrs["rule"] == first.attrs["rule"]),
            ("layers", data.attrs["network"] == first.attrs["network"]),
            ("records", set(data) == set(first)),
            ("axes", set(data.dims) == set(first.dims)),
            ("items", data.attrs["data_hash"] == first.attrs["data_hash"]),
        ):
            if not same:
                raise InputError(
                    f"run {number} (from 0) has other {what} than run 0, so they can't be stacked"
                )
    data = xr.concat(
        [run.data for run in runs],
        "seed",
        data_vars="minimal",
        coords="minimal",
        compat="override",
        join="outer",
        combine_attrs="override",
    )
    return Run(data.assign_attrs(notes=[note for run in runs for note in run.notes]))


def _laid_out(values: Any, name: str) -> Any:
    """Return a DataArray as (seed, epoch, item, unit), by the names of its axes; without these names as it is."""
    if not isinstance(values, xr.DataArray) or not {"seed", "epoch", "item"} & set(values.dims):
        return values
    last = sorted((dim for dim in values.dims if dim not in ("seed", "epoch")), key=lambda dim: dim != "item")
    if len(last) != 2:
        raise InputError(
            f"{name} has axes ({', '.join(map(str, values.dims))}); those that have names are seed and epoch, which "
            "may be missing, item and unit"
        )
    missing = [axis for axis in ("seed", "epoch") if axis not in values.dims]
    odd = [axis for axis in missing if axis in values.coords and values.coords[axis].ndim]
    return values.drop_vars(odd).expand_dims(missing).transpose("seed", "epoch", *last)


def _labels(given: Mapping[str, Any], axis: str) -> list[Any] | None:
    """Return the labels of an axis, the same in all DataArrays that have them; None where none has."""
    labels = {
        name: values[axis].values.tolist()
        for name, values in given.items()
        if isinstance(values, xr.DataArray) and axis in values.dims and axis in values.coords
    }
    for name, of in labels.items():
        if of != labels[first := next(iter(labels))]:
            raise InputError(f"{name} has other labels of its {axis}s than {first}")
    return next(iter(labels.values()), None)


def _stack(values: Any, name: str) -> Any:
    """Return activity as (seed, epoch, item, unit); what is not in memory is left where it is."""
    if isinstance(values, xr.DataArray):
        values = values.data
    none_masked(values, name)
    if not hasattr(values, "shape") or hasattr(values, "detach"):
        values = numbers(values, name)
    if not 2 <= len(values.shape) <= 4 or 0 in values.shape or np.dtype(values.dtype).kind not in "fiub":
        raise InputError(
            f"{name} has the activity (seed, epoch, item, unit), the first axes of which may be missing, "
            f"in numbers, not {values.dtype} of shape {tuple(values.shape)}"
        )
    if not isinstance(values, np.ndarray) and not hasattr(values, "dask"):
        import dask.array as da

        values = da.from_array(values, chunks=(*(1 for _ in values.shape[:-2]), *values.shape[-2:]))
    return values[(None,) * (4 - len(values.shape))]


def _shared_shape(stacks: Mapping[str, Any]) -> tuple[int, ...]:
    """Return how many seeds, epochs and items there are, the same for every layer."""
    shapes = {name: tuple(stack.shape[:3]) for name, stack in stacks.items()}
    if not shapes:
        raise InputError("a run holds activity; hidden is empty, and there is no response")
    first = next(iter(shapes))
    for name, shape in shapes.items():
        if shape != shapes[first]:
            raise InputError(f"{name} has (seeds, epochs, items) {shape}, {first} has {shapes[first]}")
    return shapes[first]


def _axis(axis: str, labels: Sequence[int] | None, n: int, given: Mapping[str, Any]) -> list[int]:
    own = _labels(given, axis) if labels is None else np.asarray(labels).tolist()
    found = list(range(n)) if own is None else own
    whole = all(isinstance(label, int) for label in found)
    if len(found) != n or not whole or len(set(found)) < n or found != sorted(found):
        raise InputError(f"{axis}s are {n} whole numbers, each once, the smallest first, not {found}")
    if axis == "epoch" and found[0] < 0:
        raise InputError(f"epochs are 0 or more, and the first is {found[0]}; count them from it")
    return found


def by_item(hidden: Sequence[Any], response: Any, record: Sequence[str]) -> dict[str, Any]:
    """Return what is kept item by item: hidden layers, and the output if there is one."""
    arrays = {f"h{k}": h for k, h in enumerate(hidden, 1)} if "hidden" in record else {}
    if response is not None and "responses" in record:
        arrays["response"] = response
    return arrays


@np.errstate(invalid="ignore")  # of networks that left the finite numbers
def shares(hidden: Sequence[Array], shown: Shown, rows: slice) -> dict[str, Array]:
    """Return what some items contribute to the class means of hidden layers, (n_classes, units)."""
    averages = shown.averages(rows)
    return {f"m{k}": averages @ h for k, h in enumerate(hidden, 1)}


@np.errstate(invalid="ignore")
def joined(parts: Sequence[dict[str, Array]]) -> dict[str, Array]:
    """Join what was kept of some items after others: rows below rows, and shares in means added."""
    whole = {}
    for name in parts[0]:
        of_name = [part[name] for part in parts]
        whole[name] = np.sum(of_name, axis=0) if name[0] == "m" else np.concatenate(of_name)
    return whole


def _class_means(hidden: Sequence[Any], shown: Shown) -> dict[str, Array]:
    """Return the class means of stacks of activity, (seed, epoch, class, unit), read some items at a time."""
    step = max(1, SLICE // max(h.shape[-1] for h in hidden))

    def of(seed: int, epoch: int) -> dict[str, Array]:
        return joined(
            [
                shares([numbers(h[seed, epoch, rows]) for h in hidden], shown, rows)
                for rows in shown.slices(step)
            ]
        )

    n_seeds, n_epochs = hidden[0].shape[:2]
    found = [[of(seed, epoch) for epoch in range(n_epochs)] for seed in range(n_seeds)]
    return {name: np.array([[means[name] for means in row] for row in found]) for name in found[0][0]}


def run_of(
    arrays: Mapping[str, Any],
    layers: Sequence[str],
    sizes: Sequence[int],
    shown: Shown,
    epochs: Sequence[int],
    seeds: Sequence[int],
    by: str,
) -> Run:
    """Return arrays (seed, epoch, ...) by name as a run; sizes are those of hidden layers and output (0 if unknown)."""
    out = _output_size(sizes[-1], shown)
    inputs = 0 if shown.inputs is None else int(np.prod(shown.inputs.shape[1:]))
    said = "the output" if "output" in layers else "output"  # a hidden layer keeps its name
    network = Recorded((inputs, *sizes[:-1], out), layer_names=(*layers, said))
    types = [array.dtype for name, array in arrays.items() if name[0] != "m"]  # of what is item by item
    dtype = np.result_type(np.float32, *(types or [float]))
    last = f"unit_{network.layers}"
    data: dict[str, Any] = {}
    for name, array in arrays.items():
        row = "class" if name[0] == "m" else "item"
        unit = last if name == "response" else f"unit_{name[1:]}"
        data[name] = ("seed", "epoch", row, unit), array.astype(dtype, copy=False)
    names = {"item": shown.items, "unit_0": shown.input_names, last: shown.outputs, "class": shown.classes}
    if types and shown.targets is not None and shown.targets.shape[1] == out:
        data["target"] = (("item", last), shown.targets.astype(dtype))
    if shown.inputs is not None:
        values = flat(shown.inputs) if types else shown.mean_inputs()
        data["input"] = (("item", "unit_0"), values.astype(dtype))
    if not types:
        names["item"] = shown.classes
    elif "m1" in arrays:
        data["label"] = (("item",), shown.labels)
    dataset = _ended(xr.Dataset(data, {"seed": list(seeds), "epoch": list(epochs)}), list(arrays))
    labels = {
        dim: of for dim, of in names.items() if of and dim in dataset.dims and len(of) == dataset.sizes[dim]
    }
    return Run(
        dataset.assign_coords(labels).assign_attrs(_provenance(by, network, shown, epochs) | dataset.attrs)
    )


def _ended(data: xr.Dataset, names: Sequence[str]) -> xr.Dataset:
    """Say how seeds ended: one that is not finite at the end diverged, and is NaN after its last finite snapshot."""
    activity, epochs = [data[name].data for name in names], data["epoch"].values
    last = np.full(data.sizes["seed"], -1)
    for seed in range(len(last)):
        for epoch in reversed(range(len(epochs))):
            if all(np.isfinite(a[seed, epoch]).all() for a in activity):
                last[seed] = epoch
                break
    diverged = last < len(epochs) - 1
    if diverged.any():
        good = xr.DataArray(np.arange(len(epochs)) <= last[:, None], dims=("seed", "epoch"))
        data = data.assign({name: data[name].where(good) for name in names})
    data["status"] = "seed", np.where(diverged, "diverged", "finished")
    data["end_epoch"] = "seed", epochs[np.maximum(last, 0)]
    notes = [
        f"seed {data['seed'].values[seed]} left the finite numbers; its last good snapshot is "
        + (f"of epoch {epochs[last[seed]]}" if last[seed] >= 0 else "none")
        for seed in np.flatnonzero(diverged)
    ]
    return data.assign_attrs(notes=notes)


def _output_size(units: int, shown: Shown) -> int:
    """Return the units of the output: its own, or as many as targets say it has; those of labels need not fit it."""
    said = 0 if shown.targets is None else shown.targets.shape[1]
    if units and said not in (0, units) and shown.outputs is not shown.classes:
        raise InputError(f"the output has {units} units, the targets have {said}")
    return units or said


def _provenance(by: str, network: Recorded, shown: Shown, epochs: Sequence[int]) -> dict[str, Any]:
    """Return the attributes of a run; those of a training that it was not say so."""
    versions = {"semantic_svd": semantic_svd.__version__, "python": platform.python_version()}
    versions |= {"numpy": np.__version__}
    return {
        "rule": by,
        "network": network_text(network),
        "data_hash": shown.hash(),
        "epochs": int(epochs[-1]),
        "batch_size": 0,
        "identity": ["rule", "network", "data_hash"],
        "loss_name": "none",
        "copies_signs": 0,
        "rates": [0.0, 0.0, 0.0],
        "schedule": "constant",
        "steps": 0,
        "versions": json.dumps(versions),
    }
