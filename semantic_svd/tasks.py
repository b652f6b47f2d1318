"""Task: what is learned, inputs and targets, with the names on their axes."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from semantic_svd.errors import InputError
from semantic_svd.items import Items, read_items
from semantic_svd.network import Network
from semantic_svd.products import Array

Labels = list[str] | None
Table = tuple[Array, Labels, Labels]


@dataclass(frozen=True)
class Task:
    """What is learned: inputs, targets, and the names on their axes."""

    x: Array
    y: Array
    items: Labels
    inputs: Labels
    outputs: Labels

    def hash(self) -> str:
        """Return the sha256 of numbers and names."""
        digest = hashlib.sha256()
        for part in (self.x, self.y):
            digest.update(np.ascontiguousarray(part).tobytes())
        digest.update(json.dumps([self.items, self.inputs, self.outputs]).encode())
        return digest.hexdigest()


def as_task(x: Any, y: Any, network: Network, dtype: Any = None) -> Task:
    """Return the task of learning y from x (x itself where y is None), checked against the network's sizes."""
    (values, items, inputs) = as_table(x, "x")
    (targets, target_items, outputs) = (values, items, inputs) if y is None else as_table(y, "y")
    if items is not None and target_items is not None and list(items) != list(target_items):
        raise InputError(f"x and y name other items: {list(items)[:3]}... and {list(target_items)[:3]}...")
    what = f"{type(x).__name__} of {len(values)} items"
    for side, have, want in (
        ("inputs", values.shape[1], network.sizes[0]),
        ("outputs", targets.shape[1], network.sizes[-1]),
    ):
        if have != want:
            raise InputError(
                f"the network has {want} {side}, the items have {have} ({what}; sizes {network.sizes})"
            )
    if len(values) != len(targets):
        raise InputError(f"x has {len(values)} items, y has {len(targets)}")
    dtype = np.dtype(dtype or np.float64)
    if dtype not in (np.float32, np.float64):
        raise InputError(f"dtype is float32 or float64, not {dtype}")
    return Task(values.astype(dtype), targets.astype(dtype), items, inputs, outputs)


def as_table(x: Any, name: str) -> Table:
    """Return the numbers, item names and unit names of Items, a DataFrame, a DataArray or an array."""
    if hasattr(x, "columns"):
        x = read_items(x)
    if isinstance(x, Items):
        return x.values, list(x.items), list(x.properties)
    labels = (
        [[str(v) for v in x[d].values] if d in x.coords else None for d in x.dims]
        if isinstance(x, xr.DataArray)
        else []
    )
    values = np.asarray(x, dtype=float)
    if values.ndim != 2 or not len(values) or not np.isfinite(values).all():
        raise InputError(
            f"{name} is a table of finite numbers, (items, units), not one of shape {values.shape}"
        )
    items, units = labels or (None, None)
    return values, items, units
