"""Tidy tables of modes, trees and curves, and the way back: what a figure shows is what its CSV holds.

Which epochs it shows, and what a seed that has ended says there, is chosen here too.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike
from scipy.cluster.hierarchy import leaves_list

from semantic_svd.dendrograms import EXACT_UP_TO, Tree
from semantic_svd.intervals import UNBOUNDED, mean_interval

__all__ = [
    "beside_theory",
    "held",
    "intervals",
    "modes_from",
    "modes_table",
    "nearest",
    "shown_epochs",
    "tree_from",
    "tree_table",
]


def intervals(values: xr.DataArray, within: tuple[float, float] = UNBOUNDED, **columns: Any) -> pd.DataFrame:
    """Return mean, low, high and n over seeds as a tidy table, with some columns that say what it is.

    What is bounded says between what, ``within`` as of `intervals.mean_interval`.

    Examples
    --------
    >>> intervals(xr.DataArray([[1.0], [3.0]], dims=("seed", "mode"), coords={"mode": [1]}), rule="bpa")
      rule  mode  mean  low  high  n
    0  bpa     1   2.0  1.0   3.0  2
    """
    table = mean_interval(values, within=within).to_dataframe().reset_index()
    return pd.DataFrame(columns, index=table.index).join(table)


def shown_epochs(epochs: int) -> list[int]:
    """Choose the epochs that a curve is drawn through: dense at first, about a hundred in all.

    Examples
    --------
    >>> shown_epochs(1000)[:5], len(shown_epochs(1000))
    ([0, 1, 2, 3, 4], 88)
    """
    return sorted({0, *np.geomspace(1, epochs, 120).round().astype(int).tolist()}) if epochs else [0]


def nearest(kept: ArrayLike, wanted: Iterable[float]) -> list[int]:
    """Return the epochs of those kept that are nearest to the wanted ones, each once; of two, the earlier.

    Examples
    --------
    >>> nearest([0, 10, 20], [0, 3, 15, 99])
    [0, 10, 20]
    """
    there = np.asarray(kept)
    return sorted({int(there[np.abs(there - epoch).argmin()]) for epoch in wanted})


def held(values: xr.DataArray) -> xr.DataArray:
    """Let a seed that stopped before the others say what it said last.

    Examples
    --------
    >>> held(xr.DataArray([[1.0, 2.0, np.nan]], dims=("seed", "epoch"))).values
    array([[1., 2., 2.]])
    """
    if values.notnull().all():  # none stopped: there may be gigabytes to copy
        return values
    axis = values.dims.index("epoch")
    shape = [-1 if dim == "epoch" else 1 for dim in values.dims]
    last = np.where(values.notnull(), np.arange(values.sizes["epoch"]).reshape(shape), 0)
    return values.copy(data=np.take_along_axis(values.values, np.maximum.accumulate(last, axis), axis))


def beside_theory(
    measured: xr.DataArray, theory: xr.DataArray, s: xr.DataArray, rate: float, panel: str
) -> pd.DataFrame:
    """Tabulate measured strengths (seed, epoch, mode), with intervals over seeds, beside those of a theory.

    The columns theory and departure hold the theory's mean over its seeds, if it has any, and how far the seed that
    is farthest from its own theory lies from that, as a share of the mode's singular value s; rate_steps is the rate
    times epochs.
    """
    means = theory.mean("seed") if "seed" in theory.dims else theory
    departure = (abs(measured - theory).max("seed") / s).round(9)  # below is rounding, no two machines' alike
    beside = xr.Dataset({"theory": means, "departure": departure}).to_dataframe().reset_index()
    table = intervals(measured, panel=panel).merge(beside, on=["epoch", "mode"])
    table.insert(1, "rate_steps", rate * table["epoch"])
    return table


def modes_table(equation: str, matrix: xr.DataArray, modes: xr.Dataset) -> pd.DataFrame:
    """Tabulate a matrix and its modes cell by cell; `modes_from` reads it back."""
    matrices = {"matrix": matrix, "U": modes["U"], "s": modes["s"], "V": modes["V"]}
    parts = []
    for part, values in matrices.items():
        cells = values.to_series().rename("value").reset_index()
        row, column = ("mode", "mode") if part == "s" else values.dims
        columns = {"equation": equation, "part": part, "row": cells[row], "column": cells[column]}
        parts.append(pd.DataFrame(columns | {"value": cells["value"]}))
    return pd.concat(parts, ignore_index=True)


def modes_from(table: pd.DataFrame, column: str) -> dict[str, tuple[xr.DataArray, xr.Dataset]]:
    """Read the equations of `modes_table` back; the columns of the matrix are properties or units.

    Examples
    --------
    >>> from semantic_svd.modes import svd
    >>> whole = xr.DataArray(np.eye(2), {"item": ["oak", "rose"], "unit": [1, 2]}, ("item", "unit"))
    >>> matrix, modes = modes_from(modes_table("layer 1", whole, svd(whole)), "unit")["layer 1"]
    >>> bool((matrix == whole).all()), bool((modes.V == svd(whole).V).all())
    (True, True)
    """
    dims = {"matrix": ("item", column), "U": ("item", "mode"), "V": (column, "mode")}
    equations = {}
    for name, rows in table.groupby("equation", sort=False):
        arrays = {}
        for part, (first, second) in dims.items():
            cells = rows[rows["part"] == part]
            coords = {first: list(cells["row"].unique()), second: list(cells["column"].unique())}
            shape = [len(labels) for labels in coords.values()]
            values = cells["value"].to_numpy().reshape(shape)
            arrays[part] = xr.DataArray(values, coords, (first, second))
        s = rows.loc[rows["part"] == "s", "value"].to_numpy()
        equations[str(name)] = (
            arrays["matrix"],
            xr.Dataset({"U": arrays["U"], "s": ("mode", s), "V": arrays["V"]}),
        )
    return equations


def tree_table(tree: Tree, **columns: Any) -> pd.DataFrame:
    """Tabulate the links of a tree; `tree_from` reads it back."""
    links = pd.DataFrame(tree.Z, columns=["left", "right", "distance", "size"])
    links = links.astype({"left": int, "right": int, "size": int})
    return pd.DataFrame(columns, index=links.index).join(links)


def tree_from(links: pd.DataFrame, items: Sequence[str]) -> Tree:
    """Read a tree of some items back from its links.

    Examples
    --------
    >>> from semantic_svd.dendrograms import linkage
    >>> tree = linkage([[0.0], [2.5], [2.0]])
    >>> tree_from(tree_table(tree, epoch=0), tree.items).leaves == tree.leaves
    True
    """
    Z = links[["left", "right", "distance", "size"]].to_numpy(float)
    return Tree(Z, tuple(items), tuple(leaves_list(Z).tolist()), exact=len(items) <= EXACT_UP_TO)
