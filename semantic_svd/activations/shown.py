"""What networks were shown and were to say, with names where there are any."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from semantic_svd.errors import InputError, none_masked
from semantic_svd.items import Items
from semantic_svd.products import Array
from semantic_svd.runs import SLICE
from semantic_svd.tasks import Labels, as_table

RECORDS = ("hidden", "responses", "class_means")


@dataclass(frozen=True)
class Shown:
    """What the networks were shown and were to say, with names where there are any."""

    n: int
    items: list[str] | None
    inputs: Any
    input_names: list[str] | None
    targets: Array | None
    outputs: list[str] | None
    labels: NDArray[np.integer] | None
    classes: list[str]

    def named(self, items: list[Any] | None) -> "Shown":
        """Return the same with the names that activity has for the items; its own names must be these."""
        if items is None or not all(isinstance(item, str) for item in items):
            return self
        _same_names(self.items or items, items, "the activity")
        return replace(self, items=items)

    def slices(self, size: int) -> Iterator[slice]:
        """Yield the items, so many at a time."""
        for first in range(0, self.n, size):
            yield slice(first, min(first + size, self.n))

    def averages(self, rows: slice) -> Array:
        """Return the columns of the matrix that takes items to the means of their classes, (n_classes, rows)."""
        assert self.labels is not None
        counts = np.bincount(self.labels)  # every class has an item, see `checked_record`
        return (np.arange(len(self.classes))[:, None] == self.labels[rows]) / counts[:, None]

    def mean_inputs(self) -> Array:
        """Return the mean input of each class, (n_classes, inputs)."""
        step = max(1, SLICE // max(1, int(np.prod(self.inputs.shape[1:]))))
        return sum(self.averages(rows) @ flat(self.inputs[rows]) for rows in self.slices(step))

    def hash(self) -> str:
        """Return the sha256 of what was shown and was to be said."""
        digest = hashlib.sha256(json.dumps([self.n, self.items, self.outputs, self.classes]).encode())
        for rows in self.slices(4096):
            for part in (self.inputs, self.targets, self.labels):
                digest.update(b"" if part is None else np.ascontiguousarray(numbers(part[rows])).tobytes())
        return digest.hexdigest()


def shown_to(
    items: Any, targets: Any, labels: Any, classes: Sequence[str] | None, n: int | None = None
) -> Shown:
    """Read what the networks were shown; n is the number of items, if it is known already."""
    inputs, names, input_names = _items(items)
    said, own, outputs = (None, None, None) if targets is None else as_table(targets, "targets")
    _same_names(names or [], own or [], "the targets")
    names = own if names is None else names
    classes = [] if classes is None else list(map(str, classes))
    if labels is not None:
        labels = _checked_labels(labels)
        most = labels.max(initial=0)
        classes = classes or [str(k) for k in range(most + 1)]
        if most >= len(classes):
            raise InputError(f"there are {len(classes)} classes, 0 to {len(classes) - 1}, and a label {most}")
        if said is None:
            said, outputs = np.eye(len(classes))[labels], classes
    for what, values in (("items", inputs), ("names", names), ("labels", labels), ("targets", said)):
        if values is not None:
            n = len(values) if n is None else n
            if len(values) != n:
                raise InputError(
                    f"activity, targets and labels are of the same items: {n} of them, not {len(values)} {what}"
                )
    return Shown(n or 0, names, inputs, input_names, said, outputs, labels, classes)


def _items(items: Any) -> tuple[Any, Labels, Labels]:
    """Return what the inputs are, the names of the items, and those of the units: what is not given is None."""
    none_masked(items, "items")
    if items is None:
        return None, None, None
    if isinstance(items, Items | xr.DataArray) or hasattr(items, "columns"):
        return as_table(items, "items")
    inputs = items if hasattr(items, "shape") else numbers(items, "what networks were shown")
    kind = getattr(inputs.dtype, "kind", "f")  # a tensor's type has none
    if kind in "fiub" and len(inputs.shape):
        return inputs, None, None
    if len(inputs.shape) != 1 or not all(isinstance(item, str) for item in inputs):
        raise InputError(
            f"items are numbers, (n_items, ...), or names, not {inputs.dtype} of shape {tuple(inputs.shape)}"
        )
    return None, list(map(str, inputs)), None


def _checked_labels(labels: Any) -> NDArray[np.integer]:
    labels = numbers(labels, "the class of each item")
    allowed = "labels are a whole number from 0 for each item"
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise InputError(f"{allowed}, not {labels.dtype} of shape {labels.shape}")
    if labels.min(initial=0) < 0:
        raise InputError(f"{allowed}, not {labels.min()}")
    return labels


def _same_names(items: Sequence[str], others: Sequence[str], where: str) -> None:
    for k, (item, other) in enumerate(zip(items, others, strict=False)):
        if item != other:
            raise InputError(f"item {k} (from 0) is {item!r}, and {other!r} in {where}")


def checked_record(record: Sequence[str], shown: Shown, hidden: bool, output: bool = True) -> list[str]:
    """Return the names of what is to be kept, each of which these items allow, of hidden layers or of an output."""
    record = [record] if isinstance(record, str) else list(record)
    for name in record:
        if name not in RECORDS:
            raise InputError(f"no record {name!r} of activity; there are {', '.join(RECORDS)}")
    if not any(output if name == "responses" else hidden for name in record):
        raise InputError(f"a run holds activity, and there is none of record={record}")
    if "class_means" in record:
        if shown.labels is None:
            raise InputError("class means need the class of each item; pass labels")
        for k in np.flatnonzero(np.bincount(shown.labels, minlength=len(shown.classes)) == 0):
            raise InputError(f"class {shown.classes[k]!r} has no item, so it has no mean")
    return record


def numbers(values: Any, name: str = "activity") -> NDArray[Any]:
    """Return values in memory; tensors come from wherever they are."""
    try:
        return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)
    except ValueError:
        raise InputError(f"{name} is an array of numbers, and these are rows of different lengths") from None


def flat(values: Any) -> NDArray[Any]:
    """Return values in memory as one row an item."""
    values = numbers(values)
    return values.reshape(len(values), -1)
