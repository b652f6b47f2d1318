"""Activity of networks that are not ours as a Run: recorded from a PyTorch module, or handed in as arrays.

Modes, strengths, trees, similarity and the command then work on it as on a training of this package.
"""

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

import semantic_svd
from semantic_svd.errors import InputError, whole
from semantic_svd.items import Items
from semantic_svd.products import Array
from semantic_svd.runs import SLICE, Recorded, Run, network_text
from semantic_svd.tasks import as_table

__all__ = ["Recorder", "recorded_run", "stack_runs"]

RECORDS = ("hidden", "responses", "class_means")


class Recorder:
    """Record what the layers of a PyTorch module say to items, at any moment of a training of your own.

    The module is afterwards what it was: for the recording it is put in evaluation mode, without gradients.

    Parameters
    ----------
    model : torch.nn.Module
    layers : sequence of str
        Hidden layers by their names in ``model.named_modules()``, from the input on. What the module itself returns
        is the output, and need not be named. Activity of any shape is laid out as one row of units an item.
    items : Items, DataFrame, DataArray, array or tensor of shape (n_items, ...)
        What the module is shown.
    targets, labels, classes, record
        As for `recorded_run`. Class means are small however many items there are.
    batch_size : int
        Items that go through the module together.

    Raises
    ------
    InputError
        When PyTorch is not installed, a layer is none of the module's or is not passed through just once, or what it
        gives has no row for each item.

    Examples
    --------
    Three lines in a training loop; the first snapshot is taken before it begins::

        import torch
        from semantic_svd import Recorder, load_items

        items = load_items("mcclelland2020")
        x = torch.tensor(items.values, dtype=torch.float32)
        model = torch.nn.Sequential(torch.nn.Linear(34, 8), torch.nn.Linear(8, 34))
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)

        recorder = Recorder(model, ["0"], items, targets=items)
        for epoch in range(101):
            recorder(epoch)
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(x), x).backward()
            optimizer.step()
        run = recorder.run()

    Over checkpoints, for each: ``model.load_state_dict(torch.load(path))``, then ``recorder(epoch)``.
    """

    def __init__(
        self,
        model: Any,
        layers: Sequence[str],
        items: Any,
        *,
        targets: Any = None,
        labels: Any = None,
        classes: Sequence[str] | None = None,
        record: Sequence[str] = ("hidden", "responses"),
        batch_size: int = 1024,
    ):
        self._torch = _torch()
        self._model, self._layers, self._batch_size = model, _layers_of(model, layers), batch_size
        self._shown = _shown(items, targets, labels, classes)
        if self._shown.inputs is None:
            raise InputError("a recorder shows items to the module; pass their inputs")
        self._record = _checked_record(record, self._shown)
        self._snapshots: dict[int, dict[str, Array]] = {}
        self._sizes: list[int] = []

    def __call__(self, epoch: int) -> None:
        """Take the snapshot of an epoch."""
        epoch = whole("an epoch", epoch, 0)
        if epoch in self._snapshots:
            raise InputError(f"epoch {epoch} has been recorded already")
        parts = []
        with _looked_at(self._model, self._layers) as said, self._torch.inference_mode():
            for rows in self._shown.slices(self._batch_size):
                said.clear()
                output = self._model(self._tensor(self._shown.inputs[rows]))
                said["output"] = [output]
                n = rows.stop - rows.start
                *hidden, response = (
                    self._rows(name, said.get(name, []), n) for name in (*self._layers, "output")
                )
                self._sizes = [h.shape[1] for h in (*hidden, response)]
                parts.append(_by_item(hidden, [response], self._record))
                if "class_means" in self._record:
                    parts[-1] |= _shares(hidden, self._shown, rows)
        self._snapshots[int(epoch)] = _joined(parts)

    def run(self, seed: int = 0) -> Run:
        """Return what was recorded so far as a run of one seed; `stack_runs` lays several beside each other."""
        if not self._snapshots:
            raise InputError("nothing is recorded yet; call the recorder with an epoch")
        epochs = sorted(self._snapshots)
        arrays = {
            name: np.stack([self._snapshots[epoch][name] for epoch in epochs])[None]
            for name in self._snapshots[epochs[0]]
        }
        by = f"recorded from {type(self._model).__name__}"
        return _run(arrays, self._layers, self._sizes, self._shown, epochs, [seed], by)

    def _tensor(self, items: Any) -> Any:
        """Return items as a tensor where the module is; numbers that are not whole take the module's type."""
        torch = self._torch
        given = items if torch.is_tensor(items) else torch.tensor(np.asarray(items))
        like = next(self._model.parameters(), torch.empty(0))
        return given.to(like.device, like.dtype if given.is_floating_point() else given.dtype)

    def _rows(self, name: str, outputs: list[Any], n: int) -> Array:
        """Return the activity of a layer in one pass, (n_items, units)."""
        if len(outputs) != 1:
            raise InputError(
                f"layer {name!r} is passed through {len(outputs)} times; record one that is passed through once"
            )
        output, torch = outputs[0], self._torch
        if not torch.is_tensor(output) or output.ndim < 1 or len(output) != n:
            what = f"shape {tuple(output.shape)}" if torch.is_tensor(output) else f"a {type(output).__name__}"
            raise InputError(
                f"layer {name!r} gives {what} for {n} items; record one that gives a row an item"
            )
        exact = output.dtype in (torch.float32, torch.float64)
        return (output if exact else output.float()).reshape(n, -1).cpu().numpy()


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
        tensor. What is not in memory is read when it is needed, snapshot by snapshot.
    response : likewise, optional
        What the output says, (seed, epoch, item, property).
    items : Items, DataFrame, DataArray or array of shape (n_items, ...), or names; optional
        What the networks were shown.
    targets : Items, DataFrame, DataArray or array of shape (n_items, n_properties), optional
        What the output was to say: the data that modes and trees are compared with.
    labels : array-like of int of shape (n_items,), optional
        The class of each item, from 0. One-hot they are the targets, unless there are others.
    classes : sequence of str, optional
        What label 0, 1, ... stands for.
    record : names of what the run holds
        "hidden" and "responses", item by item; "class_means" of the hidden layers.
    epochs, seeds : labels of the first axes; None for 0, 1, ...

    Returns
    -------
    Run
        `run.hidden`, `run.response` and `run.class_means` know the layers by name and number; `run.save` writes it for
        the command. It keeps no weights, so it answers for these items only.

    Raises
    ------
    InputError
        When sizes do not fit each other, or there is nothing to hold.

    Examples
    --------
    >>> activity = np.random.default_rng(0).normal(size=(5, 8, 3))  # 5 epochs, 8 items, 3 units
    >>> run = recorded_run({"encoder": activity}, epochs=[0, 1, 2, 5, 10])
    >>> run
    Run(0-3-0 recorded, 1 seed, 5 snapshots to epoch 10)
    >>> bool((run.hidden("encoder").sel(seed=0, epoch=10) == activity[4]).all())
    True
    """
    given = {f"layer {name!r}": values for name, values in hidden.items()}
    given |= {} if response is None else {"the output": response}
    stacks = {name: _stack(values, name) for name, values in given.items()}
    n_seeds, n_epochs, n_items = _shared_shape(stacks)
    shown = _shown(items, targets, labels, classes, n_items)
    record = _checked_record(record, shown)
    layers = list(stacks.values())
    of_hidden, of_output = layers[: len(hidden)], layers[len(hidden) :]
    arrays = _by_item(of_hidden, of_output, record)
    if "class_means" in record:
        arrays |= _class_means(of_hidden, shown)
    sizes = [layer.shape[-1] for layer in layers] + ([] if of_output else [0])
    axes = _axis("epochs", epochs, n_epochs), _axis("seeds", seeds, n_seeds)
    return _run(arrays, list(map(str, hidden)), sizes, shown, *axes, "recorded")


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
        When two have the same seed, or other layers, items or records.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> runs = [recorded_run({"encoder": rng.normal(size=(5, 8, 3))}, seeds=[seed]) for seed in range(4)]
    >>> stack_runs(runs)
    Run(0-3-0 recorded, 4 seeds, 5 snapshots to epoch 4)
    """
    if not runs:
        raise InputError("there are no runs to stack")
    seeds = [seed for run in runs for seed in run.data["seed"].values.tolist()]
    for seed in seeds:
        if seeds.count(seed) > 1:
            raise InputError(f"seed {seed} is in two of the runs; give each its own, as recorder.run(seed=1)")
    first = runs[0].data
    for number, data in enumerate(run.data for run in runs):
        for what, same in (
            ("layers", data.attrs["network"] == first.attrs["network"]),
            ("records", set(data) == set(first)),
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
    return Run(data)


# ---------------------------------------------------------------------------------------------- a module, looked at


def _torch() -> Any:
    """Return PyTorch, which only who records from it must have."""
    try:
        return import_module("torch")
    except ImportError:
        raise InputError(
            'recording from a module needs PyTorch: pip install "semantic-svd[torch]"; '
            "recorded_run takes arrays without it"
        ) from None


def _layers_of(model: Any, layers: Sequence[str]) -> list[str]:
    known = [name for name, _ in model.named_modules() if name]
    for name in (wanted := [layers] if isinstance(layers, str) else list(layers)):
        if name not in known:
            raise InputError(f"the module has no layer {name!r}; it has {', '.join(known) or 'none'}")
    return wanted


@contextmanager
def _looked_at(model: Any, layers: Sequence[str]) -> Iterator[dict[str, list[Any]]]:
    """Yield what the layers say in a pass, by name, with the module in evaluation mode meanwhile."""
    said: dict[str, list[Any]] = {}
    modules = dict(model.named_modules())
    training = {module: module.training for module in modules.values()}

    def listener(name: str) -> Any:
        def listen(module: Any, given: Any, output: Any) -> None:
            # copied, as the next layer may write over it
            said.setdefault(name, []).append(output.clone() if hasattr(output, "clone") else output)

        return listen

    hooks = [modules[name].register_forward_hook(listener(name)) for name in layers]
    model.eval()
    try:
        yield said
    finally:
        for hook in hooks:
            hook.remove()
        for module, was in training.items():
            module.training = was


# -------------------------------------------------------------------------------------------------- what was shown


@dataclass(frozen=True)
class _Shown:
    """What the networks were shown and were to say, with names where there are any."""

    n: int
    items: list[str] | None
    inputs: Any
    input_names: list[str] | None
    targets: Array | None
    outputs: list[str] | None
    labels: NDArray[np.integer] | None
    classes: list[str]

    def slices(self, size: int) -> Iterator[slice]:
        """Yield the items, so many at a time."""
        for first in range(0, self.n, size):
            yield slice(first, min(first + size, self.n))

    def averages(self, rows: slice) -> Array:
        """Return the columns of the matrix that takes items to the means of their classes, (n_classes, rows)."""
        assert self.labels is not None
        counts = np.bincount(self.labels, minlength=len(self.classes))
        return (np.arange(len(self.classes))[:, None] == self.labels[rows]) / counts[:, None]

    def mean_inputs(self) -> Array:
        """Return the mean input of each class, (n_classes, inputs)."""
        step = max(1, SLICE // max(1, int(np.prod(self.inputs.shape[1:]))))
        return sum(self.averages(rows) @ _flat(self.inputs[rows]) for rows in self.slices(step))

    def hash(self) -> str:
        """Return the sha256 of what was shown and was to be said."""
        digest = hashlib.sha256(json.dumps([self.n, self.items, self.outputs, self.classes]).encode())
        for rows in self.slices(4096):
            for part in (self.inputs, self.targets, self.labels):
                digest.update(b"" if part is None else np.ascontiguousarray(_numbers(part[rows])).tobytes())
        return digest.hexdigest()


def _shown(
    items: Any, targets: Any, labels: Any, classes: Sequence[str] | None, n: int | None = None
) -> _Shown:
    """Read what the networks were shown; n is the number of items, if it is known already."""
    names, inputs, input_names, said, outputs = None, None, None, None, None
    if isinstance(items, Items | xr.DataArray) or hasattr(items, "columns"):
        inputs, names, input_names = as_table(items, "items")
    elif hasattr(items, "shape"):
        inputs = items
    elif items is not None and all(isinstance(item, str) for item in items):
        names = list(items)
    elif items is not None:
        inputs = np.asarray(items)
    if targets is not None:
        said, _, outputs = as_table(targets, "targets")
    classes = list(map(str, classes or []))
    if labels is not None:
        labels = np.asarray(labels)
        if labels.ndim != 1 or labels.dtype.kind not in "iu" or labels.min(initial=0) < 0:
            raise InputError(
                f"labels are a whole number from 0 for each item, not {labels.dtype} of shape {labels.shape}"
            )
        classes = classes or [str(k) for k in range(labels.max(initial=0) + 1)]
        if labels.max(initial=0) >= len(classes):
            raise InputError(
                f"there are {len(classes)} classes, 0 to {len(classes) - 1}, and a label {labels.max()}"
            )
        if said is None:
            said, outputs = np.eye(len(classes))[labels], classes
    for what, values in (("items", inputs), ("names", names), ("labels", labels), ("targets", said)):
        if values is not None:
            n = len(values) if n is None else n
            if len(values) != n:
                raise InputError(
                    f"activity, targets and labels are of the same items: {n} of them, not {len(values)} {what}"
                )
    return _Shown(n or 0, names, inputs, input_names, said, outputs, labels, classes)


def _checked_record(record: Sequence[str], shown: _Shown) -> list[str]:
    record = [record] if isinstance(record, str) else list(record)
    for name in record:
        if name not in RECORDS:
            raise InputError(f"no record {name!r} of activity; there are {', '.join(RECORDS)}")
    if "class_means" in record:
        if shown.labels is None:
            raise InputError("class means need the class of each item; pass labels")
        for k in np.flatnonzero(np.bincount(shown.labels, minlength=len(shown.classes)) == 0):
            raise InputError(f"class {shown.classes[k]!r} has no item, so it has no mean")
    return record


# -------------------------------------------------------------------------------------------------------- the arrays


def _numbers(values: Any) -> NDArray[Any]:
    """Return values in memory; tensors come from wherever they are."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)


def _flat(values: Any) -> NDArray[Any]:
    values = _numbers(values)
    return values.reshape(len(values), -1)


def _stack(values: Any, name: str) -> Any:
    """Return activity as (seed, epoch, item, unit); what is not in memory is left where it is."""
    if isinstance(values, xr.DataArray):
        values = values.data
    if not hasattr(values, "shape") or hasattr(values, "detach"):
        values = _numbers(values)
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


def _axis(name: str, labels: Sequence[int] | None, n: int) -> list[int]:
    found = list(range(n)) if labels is None else np.asarray(labels).tolist()
    whole = all(isinstance(label, int) for label in found)
    if len(found) != n or not whole or len(set(found)) < n or found != sorted(found):
        raise InputError(f"{name} are {n} whole numbers, each once, the smallest first, not {found}")
    return found


def _by_item(hidden: Sequence[Any], response: Sequence[Any], record: Sequence[str]) -> dict[str, Any]:
    """Return what is kept item by item: hidden layers, and the output if there is one."""
    arrays = {f"h{k}": h for k, h in enumerate(hidden, 1)} if "hidden" in record else {}
    if response and "responses" in record:
        (arrays["response"],) = response
    return arrays


def _shares(hidden: Sequence[Array], shown: _Shown, rows: slice) -> dict[str, Array]:
    """Return what some items contribute to the class means of hidden layers, (n_classes, units)."""
    averages = shown.averages(rows)
    return {f"m{k}": averages @ h for k, h in enumerate(hidden, 1)}


def _joined(parts: Sequence[dict[str, Array]]) -> dict[str, Array]:
    """Join what was kept of some items after others: rows below rows, and shares in means added."""
    joined = {}
    for name in parts[0]:
        of_name = [part[name] for part in parts]
        joined[name] = np.sum(of_name, axis=0) if name[0] == "m" else np.concatenate(of_name)
    return joined


def _class_means(hidden: Sequence[Any], shown: _Shown) -> dict[str, Array]:
    """Return the class means of stacks of activity, (seed, epoch, class, unit), read some items at a time."""
    step = max(1, SLICE // max(h.shape[-1] for h in hidden))

    def of(seed: int, epoch: int) -> dict[str, Array]:
        return _joined(
            [
                _shares([_numbers(h[seed, epoch, rows]) for h in hidden], shown, rows)
                for rows in shown.slices(step)
            ]
        )

    n_seeds, n_epochs = hidden[0].shape[:2]
    found = [[of(seed, epoch) for epoch in range(n_epochs)] for seed in range(n_seeds)]
    return {name: np.array([[means[name] for means in row] for row in found]) for name in found[0][0]}


# ------------------------------------------------------------------------------------------------------------ the run


def _run(
    arrays: Mapping[str, Any],
    layers: Sequence[str],
    sizes: Sequence[int],
    shown: _Shown,
    epochs: Sequence[int],
    seeds: Sequence[int],
    by: str,
) -> Run:
    """Return arrays (seed, epoch, ...) by name as a run; sizes are those of hidden layers and output (0 if unknown)."""
    out = _output_size(arrays, sizes[-1], shown)
    inputs = 0 if shown.inputs is None else int(np.prod(shown.inputs.shape[1:]))
    network = Recorded((inputs, *sizes[:-1], out), layer_names=(*layers, "output"))
    by_item = [array.dtype for name, array in arrays.items() if name[0] != "m"]
    dtype = np.result_type(np.float32, *(by_item or [float]))
    last = f"unit_{network.layers}"
    axes = {"h": ("item", "unit_"), "m": (last, "unit_"), "r": ("item", last)}
    data = {
        name: (
            ("seed", "epoch", *(d + name[1:] if d == "unit_" else d for d in axes[name[0]])),
            array if array.dtype == dtype else array.astype(dtype),
        )
        for name, array in arrays.items()
    }
    names = {"item": shown.items, "unit_0": shown.input_names, last: shown.outputs}
    if by_item and shown.targets is not None and shown.targets.shape[1] == out:
        data["target"] = (("item", last), shown.targets.astype(dtype))
    if shown.inputs is not None:
        values = _flat(shown.inputs) if by_item else shown.mean_inputs()
        data["input"] = (("item", "unit_0"), values.astype(dtype))
    if not by_item:
        names |= {"item": shown.classes, last: shown.classes}
    data |= {
        "status": (("seed",), np.full(len(seeds), "finished")),
        "end_epoch": (("seed",), np.full(len(seeds), epochs[-1])),
    }
    dataset = xr.Dataset(data, {"seed": list(seeds), "epoch": list(epochs)})
    labels = {
        dim: of for dim, of in names.items() if of and dim in dataset.dims and len(of) == dataset.sizes[dim]
    }
    return Run(dataset.assign_coords(labels).assign_attrs(_provenance(by, network, shown, epochs)))


def _output_size(arrays: Mapping[str, Any], units: int, shown: _Shown) -> int:
    """Return the units of the output: its own, or those that classes or targets say it has."""
    if "m1" in arrays and units != len(shown.classes):
        if "response" in arrays:
            raise InputError(
                f"the output has {units} units and there are {len(shown.classes)} classes; "
                "record class_means without responses"
            )
        return len(shown.classes)
    if shown.targets is None or shown.outputs is shown.classes:
        return units
    if units not in (0, shown.targets.shape[1]):
        raise InputError(f"the output has {units} units, the targets have {shown.targets.shape[1]}")
    return shown.targets.shape[1]


def _provenance(by: str, network: Recorded, shown: _Shown, epochs: Sequence[int]) -> dict[str, Any]:
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
        "notes": [],
    }
