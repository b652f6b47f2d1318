"""Task: what is learned, inputs and targets, with the names on their axes."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from semantic_svd.errors import InputError, none_masked
from semantic_svd.items import Items, read_items
from semantic_svd.network import Network
from semantic_svd.products import Array

Labels = list[str] | None
Table = tuple[Array, Labels, Labels]


@dataclass(frozen=True, eq=False)
class Task:
    """What is learned: inputs, targets (None for a rule that asks for none), and the names on their axes."""

    x: Array
    y: Array | None
    items: Labels
    inputs: Labels
    outputs: Labels

    def hash(self) -> str:
        """Return the sha256 of numbers and names."""
        digest = hashlib.sha256()
        for part in (self.x, self.y):
            digest.update(b"" if part is None else np.ascontiguousarray(part).tobytes())
        digest.update(json.dumps([self.items, self.inputs, self.outputs]).encode())
        return digest.hexdigest()


def as_task(x: Any, y: Any, network: Network, dtype: Any = None, taught: bool = True) -> Task:
    """Return the task of learning y from x, checked against the network's sizes.

    Where y is None it is x itself; but where nothing is taught and there are not as many outputs as inputs, there are
    no targets.
    """
    if dtype not in (None, "float32", "float64", np.float32, np.float64):
        raise InputError(f"dtype is float32 or float64, not {dtype!r}")
    dtype = np.dtype(dtype or np.float64)
    values, items, inputs = as_table(x, "x")
    if y is None and not taught and network.sizes[-1] != network.sizes[0] == values.shape[1]:
        return Task(values.astype(dtype, copy=False), None, items, inputs, None)
    targets, target_items, outputs = (values, items, inputs) if y is None else as_table(y, "y")
    if items and target_items and items != target_items:
        raise InputError(f"x and y name other items: {items[:3]}... and {target_items[:3]}...")
    given, whose = (x, "items") if y is None else (y, "targets")
    for table, side, of, have, want in (
        (x, "inputs", "items", values.shape[1], network.sizes[0]),
        (given, "outputs", whose, targets.shape[1], network.sizes[-1]),
    ):
        if have != want:
            what = f"{type(table).__name__} of {len(table)} items; sizes {network.sizes}"
            raise InputError(f"the network has {want} {side}, the {of} have {have} ({what})")
    if len(values) != len(targets):
        raise InputError(f"x has {len(values)} items, y has {len(targets)}")
    if network.output == "softmax":
        shares = (targets >= 0).all(axis=1) & np.isclose(targets.sum(axis=1), 1.0)
        for i in np.flatnonzero(~shares):
            raise InputError(
                "softmax learns shares, targets of 0 or more that sum to 1 for each item; "
                f"those of item {repr(items[i]) if items else i} sum to {targets[i].sum():g}"
            )
    return Task(values.astype(dtype, copy=False), targets.astype(dtype, copy=False), items, inputs, outputs)


def probe_of(x: Any, task: Task) -> Task:
    """Return the items that a run answers for in place of the task's own, their columns in the task's order."""
    values, items, inputs = in_order(as_table(x, "probe"), task.inputs, "probe")
    if values.shape[1] != task.x.shape[1]:
        raise InputError(f"the network has {task.x.shape[1]} inputs, the probe has {values.shape[1]}")
    return Task(values.astype(task.x.dtype, copy=False), None, items, inputs, None)


def given_test(test: Any, task: Task, network: Network) -> Task:
    """Return a pair (items, targets) to test with, its columns in the task's order."""
    if not isinstance(test, tuple | list) or len(test) != 2:
        raise InputError(f"test is a pair (items, targets), not {type(test).__name__}")
    found = as_task(test[0], test[1], network, task.x.dtype)
    assert found.y is not None
    x, items, inputs = in_order((found.x, found.items, found.inputs), task.inputs, "test")
    y, _, outputs = in_order((found.y, items, found.outputs), task.outputs, "test", "outputs")
    return Task(x, y, items, inputs, outputs)


def as_table(x: Any, name: str) -> Table:
    """Return the numbers, item names and unit names of Items, a DataFrame, a DataArray or an array.

    Examples
    --------
    >>> as_table([[1, 0], [0, 1]], "x")
    (array([[1., 0.],
           [0., 1.]]), None, None)
    """
    if hasattr(x, "columns"):
        x = read_items(x)
    if isinstance(x, Items):
        return x.values, list(x.items), list(x.properties)
    labels: list[Labels] = [None, None]
    if isinstance(x, xr.DataArray):
        if "item" in x.dims[1:]:
            raise InputError(
                f"{name} is a table (items, units), and its axes are ({', '.join(map(str, x.dims))})"
            )
        labels = [[str(v) for v in x[d].values] if d in x.coords else None for d in x.dims]
    none_masked(x, name)
    try:
        values = np.asarray(x)
        if values.dtype.kind == "c":
            raise TypeError("complex")
        values = values if values.dtype in (np.float32, np.float64) else values.astype(float)
    except (TypeError, ValueError):
        raise InputError(f"{name} is a table of numbers, (items, units), not {type(x).__name__}") from None
    if values.ndim != 2 or not values.size:
        raise InputError(f"{name} is a table of numbers, (items, units), not one of shape {values.shape}")
    for row, column in () if np.isfinite(values.sum()) else np.argwhere(~np.isfinite(values)):
        raise InputError(
            f"{name} is a table of finite numbers, not {values[row, column]} in row {row}, column {column} (from 0)"
        )
    items, units = labels
    return values, items, units


def in_order(table: Table, units: Labels, name: str, side: str = "inputs") -> Table:
    """Return a table with its columns in the order of the units' names, where both are named.

    Examples
    --------
    >>> in_order(as_table(Items([[1.0, 2.0]], ("a",), ("p", "q"), "mine"), "x"), ["q", "p"], "x")[0]
    array([[2., 1.]])
    """
    values, items, columns = table
    if columns is None or units is None or columns == units:
        return table
    odd = sorted(set(columns) ^ set(units))
    if odd:
        where = f"is not among the network's {side}" if odd[0] in columns else "is missing"
        raise InputError(f"{name} has other properties than the network was trained on: {odd[0]!r} {where}")
    if max(len(columns), len(units)) > len(set(units)):
        raise InputError(
            f"the columns of {name} can't be put in the order of the network's {side}: two share a name"
        )
    return values[:, [columns.index(unit) for unit in units]], items, units
