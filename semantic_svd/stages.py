"""The stages of learning: when each mode, block and level of the tree is learned, in which order, how abruptly.

Every point of a stage is found as `modes.half_learned` finds the half: the first snapshot from which the strength stays
at or over a fraction of the data's. Nothing is interpolated: a point is late by up to the spacing of the snapshots.
Epoch 0 is the start. What is over a fraction there has passed that point at no time of the training, and is left out of
means as what is never learned is; their n tells.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from semantic_svd.dendrograms.trees import parting_levels, sure_clades
from semantic_svd.errors import InputError
from semantic_svd.intervals import mean_interval, share_interval
from semantic_svd.matrices import Matrix
from semantic_svd.modes import (
    block_names,
    check_course,
    half_learned,
    not_null,
    reference_modes,
)

__all__ = [
    "FRACTIONS",
    "levels",
    "member_gaps",
    "order_kept",
    "stage_epochs",
    "stage_table",
    "stage_widths",
    "width_table",
]

FRACTIONS = (0.1, 0.5, 0.9)  # of the data's strength: a stage begins, is half over, and ends
KINDS = ("mode", "block", "level")
ITS_CLUSTER = 0.75  # of a block's squared loadings: so many are that of the cluster, and the level is found

Groups = dict[str | int, list[int]]  # what a stage is called, and its modes, counted from 0


def stage_epochs(strengths: xr.DataArray, reference: xr.Dataset | Matrix, by: str = "mode") -> xr.DataArray:
    """Return the epochs at which each stage is learned to a tenth, to a half and to nine tenths.

    Parameters
    ----------
    strengths : DataArray (..., epoch, mode)
        Projected on the reference, as `modes.strengths` gives them.
    reference : Dataset of `modes.svd`, or the item-property matrix
    by : {"mode", "block", "level"}
        What a stage is of. A block is learned to a half when its modes are on average: their mean projection, unlike
        each alone, does not depend on how the library happens to turn equal modes. A level of the tree (`levels`) is
        when the mean share of its modes is.

    Returns
    -------
    DataArray (..., fraction, by)
        Labels of the epoch axis; NaN where never. 0 is a stage that was there at the first snapshot, whatever its
        epoch. Null modes have none.

    Raises
    ------
    InputError
        If there is no axis named epoch, the modes are not those of the reference, `by` is unknown, or the reference is
        zero.

    References
    ----------
    Saxe, McClelland & Ganguli (2019), PNAS 116, 11537-11546, doi:10.1073/pnas.1820226116

    Examples
    --------
    >>> rise = xr.DataArray([[0.0, 0.0], [1.8, 0.2], [3.0, 0.6], [3.0, 1.0]], dims=("epoch", "mode"))
    >>> stage_epochs(rise, np.diag([3.0, 1.0])).sel(fraction=0.5).values
    array([1., 2.])
    """
    modes = reference_modes(reference)
    check_course(strengths, modes)
    groups = _groups(modes, by)
    if not groups:
        raise InputError("the reference is zero: it has no modes that could be learned")
    shares = strengths / modes["s"].where(modes["s"] > 0).values
    grouped = xr.concat([shares.isel(mode=members).mean("mode") for members in groups.values()], "mode")
    grouped, ends = grouped.transpose(..., "epoch", "mode"), np.eye(len(groups))  # shares end at 1
    points = [half_learned(grouped, ends, fraction) for fraction in FRACTIONS]
    epochs = xr.concat(points, "fraction").assign_coords(fraction=list(FRACTIONS), mode=list(groups))
    return epochs.rename(mode=by).transpose(..., "fraction", by).rename("epoch")


def stage_widths(epochs: xr.DataArray) -> xr.DataArray:
    """Return how long a stage lasts beside how long it was waited for, ``(t90 - t10) / t50``: small is abrupt.

    Without hidden layers a strength rises from nothing as an exponential, and the width is ln 9 / ln 2 = 3.17. In a
    two-layer linear net it is ln 81 / ln(s / a0 - 1), from the start a0: a long wait, then a step.

    Parameters
    ----------
    epochs : DataArray (..., fraction, stage)
        Of `stage_epochs`.

    Returns
    -------
    DataArray (..., stage)
        NaN where a point was not passed during the training, or all of them by one snapshot.

    Examples
    --------
    >>> t = np.arange(0, 20, 0.001)
    >>> rise = xr.DataArray((1 - np.exp(-t))[:, None], {"epoch": t}, ("epoch", "mode"))
    >>> stage_widths(stage_epochs(rise, [[1.0]])).round(2).values
    array([3.17])
    """
    begun, half, over = (during(epochs).sel(fraction=fraction, drop=True) for fraction in FRACTIONS)
    width = (over - begun) / half
    return width.where(width > 0).rename("width")


def order_kept(epochs: xr.DataArray, ties: bool = True) -> pd.DataFrame:
    """Return how often stages keep their order over seeds: each before the next, and all of them.

    Parameters
    ----------
    epochs : DataArray (seed, stage)
        One point of `stage_epochs`, by block or level: members of a block have no order that could be kept. The order
        that is asked for is that of the axis: the largest singular value, or the root of the tree, first.
    ties : bool
        Whether a tie is an order that is not kept. If not, it tells of no order: seeds with one are left out of n.

    Returns
    -------
    DataFrame
        A row for each two neighbours, and one for "all". ``kept`` counts the seeds in which the first comes at an
        earlier snapshot, ``tied`` those in which both are learned by the same one, ``n`` those that tell: what was
        there at the start came before what was not, but in which order two came that were both there is not known, nor
        of two that are never learned. Of "all" those tell of which each two do. ``share`` is kept of n, with ``low``
        and ``high`` and their ``method``.

    Raises
    ------
    InputError
        If there are not two axes, seed first, or fewer than two stages.

    Examples
    --------
    >>> epochs = xr.DataArray([[3, 5], [4, 9], [4, 4]], {"block": ["1", "2-3"]}, ("seed", "block"))
    >>> order_kept(epochs)[["order", "kept", "tied", "n", "share"]].round(2).head(1)
         order  kept  tied  n  share
    0  1 < 2-3     2     1  3   0.67
    """
    if epochs.dims[:1] != ("seed",) or epochs.ndim != 2 or epochs.shape[1] < 2:
        raise InputError(
            f"an order needs epochs (seed, stage) of two stages or more; got {dict(epochs.sizes)}"
        )
    t = epochs.fillna(np.inf).values  # never is after everything
    first, second = t[:, :-1], t[:, 1:]
    kept, told = first < second, first != second
    tied = ~told & (first > 0) & np.isfinite(first)
    asked = told | tied if ties else told
    names = [f"{a} < {b}" for a, b in pairwise(epochs[epochs.dims[1]].values)]
    rows = [_order_row(*row) for row in zip(names, kept.T, tied.T, asked.T, strict=True)]
    any_tied = tied.any(1) & (told | tied).all(1)
    return pd.DataFrame([*rows, _order_row("all", np.all(kept, 1), any_tied, np.all(asked, 1))])


def member_gaps(strengths: xr.DataArray, reference: xr.Dataset | Matrix) -> xr.Dataset:
    """Return how far apart the members of each block are half learned.

    Parameters
    ----------
    strengths : DataArray (..., epoch, mode)
        Take `modes.singular_strengths`. Projections on the members of a block depend on how the library happens to
        turn them, and so would the gaps.
    reference : Dataset of `modes.svd`, or the item-property matrix

    Returns
    -------
    Dataset
        ``epochs``, from the first member to the last, and ``relative``, the same in units of their mean; both
        (..., block), only blocks of two modes or more. NaN where a member is never half learned.

    Raises
    ------
    InputError
        As for `stage_epochs`; or if all singular values of the reference differ.

    Examples
    --------
    >>> rise = xr.DataArray([[0.0, 0.0], [1.0, 0.2], [1.0, 0.4], [1.0, 0.8]], dims=("epoch", "mode"))
    >>> gaps = member_gaps(rise, np.eye(2))
    >>> float(gaps["epochs"][0]), float(gaps["relative"][0])
    (2.0, 1.0)
    """
    half = stage_epochs(strengths, reference).sel(fraction=0.5, drop=True)
    groups = {name: J for name, J in _groups(reference_modes(reference), "block").items() if len(J) > 1}
    if not groups:
        raise InputError("no two singular values of the reference are equal: there are no members to compare")
    members = [half.isel(mode=J) for J in groups.values()]
    gaps = [t.max("mode", skipna=False) - t.min("mode", skipna=False) for t in members]
    epochs = xr.concat(gaps, "block").assign_coords(block=list(groups))
    mean = xr.concat([t.mean("mode", skipna=False) for t in members], "block")
    made = {"epochs": epochs, "relative": (epochs / mean.where(mean > 0))}
    return xr.Dataset({name: values.transpose(..., "block") for name, values in made.items()})


def levels(reference: xr.Dataset | Matrix) -> xr.DataArray:
    """Return the level of the tree that each mode is about: after how many splits items part as the mode parts them.

    The tree is the dendrogram of the reference's items (`dendrograms.linkage`; links of equal height are one split).
    Cut after l splits from the root, it leaves clusters. The level of a block is the first l whose clusters hold at
    least three quarters of its squared loadings U, that is, the loading of an item is then nearly that of its cluster.
    Level 0 is what all items share, level 1 is about the first split, and so on; a mode may be about no split at all.
    Where the tree hangs on ties (`dendrograms.hangs_on_ties`), it is split where all trees of the items are.

    Parameters
    ----------
    reference : Dataset of `modes.svd`, or the item-property matrix

    Returns
    -------
    DataArray (mode,)
        Null modes are left out. Members of a block have one level.

    Raises
    ------
    InputError
        If the reference is not one matrix or its modes.

    Examples
    --------
    >>> from semantic_svd.items import load_items
    >>> levels(load_items("mcclelland2020")).values
    array([1, 1, 2, 2, 3, 3, 3, 3])
    """
    modes = reference_modes(reference)
    clusters = _clusters(modes)  # (level, item, item)
    found: dict[int, int] = {}
    for J in _groups(modes, "block").values():
        U = modes["U"].values[:, J]
        held = np.einsum("ik,lij,jk->l", U, clusters, U) / len(J)
        found |= dict.fromkeys(J, int((held >= ITS_CLUSTER).argmax()))
    return xr.DataArray(list(found.values()), {"mode": [k + 1 for k in found]}, name="level")


def stage_table(
    strengths: xr.DataArray,
    reference: xr.Dataset | Matrix,
    rate_steps: Callable[[xr.DataArray], xr.DataArray],
) -> pd.DataFrame:
    """Tabulate when stages of each kind are learned, in three times, with intervals over seeds.

    Parameters
    ----------
    strengths, reference
        As for `stage_epochs`; with an axis seed.
    rate_steps : function
        What learning rate x steps are at an epoch, as `Run.rate_steps`.

    Returns
    -------
    DataFrame
        Columns by, stage, fraction, time, mean, low, high, n, method. ``time`` is epoch, rate_steps (learning rate x
        steps; NaN at a rate of 0) or relative (to the half-learned epoch of the first mode, seed by seed). Times spread
        by factors: means are geometric, intervals t of logs.

    Raises
    ------
    InputError
        As for `stage_epochs`; or if there is no axis seed.

    Examples
    --------
    >>> rise = [[[0.0, 0.0], [1.8, 0.2], [2.0, 0.9]], [[0.0, 0.0], [1.9, 0.3], [2.0, 1.0]]]
    >>> rise = xr.DataArray(rise, dims=("seed", "epoch", "mode"))
    >>> table = stage_table(rise, np.diag([2.0, 1.0]), lambda epoch: 0.1 * epoch)
    >>> table[(table["time"] == "rate_steps") & (table["fraction"] == 0.5)].iloc[:2, :7]
          by stage  fraction        time  mean  low  high
    8   mode     1       0.5  rate_steps   0.1  0.1   0.1
    9   mode     2       0.5  rate_steps   0.2  0.2   0.2
    """
    first = during(stage_epochs(strengths, reference)).sel(fraction=0.5, drop=True).isel(mode=0, drop=True)
    parts = []
    for by in KINDS:
        epochs = during(stage_epochs(strengths, reference, by))
        times = {"epoch": epochs, "rate_steps": during(rate_steps(epochs)), "relative": epochs / first}
        parts += [_tidy(values, by, time=time) for time, values in times.items()]
    columns = ["by", "stage", "fraction", "time", "mean", "low", "high", "n", "method"]
    return pd.concat(parts, ignore_index=True)[columns]


def width_table(strengths: xr.DataArray, reference: xr.Dataset | Matrix) -> pd.DataFrame:
    """Tabulate the widths of the stages of each kind (`stage_widths`), with intervals over seeds.

    Parameters
    ----------
    strengths, reference
        As for `stage_epochs`; with an axis seed.

    Returns
    -------
    DataFrame
        Columns by, stage, mean, low, high, n, method; means are geometric, intervals t of logs.

    Raises
    ------
    InputError
        As for `stage_epochs`; or if there is no axis seed.

    Examples
    --------
    >>> t = np.arange(0, 20, 0.001)
    >>> rise = (1 - np.exp(-t * np.array([[1.0], [0.5]]))).T
    >>> rise = xr.DataArray(rise[None], {"epoch": t}, ("seed", "epoch", "mode"))
    >>> width_table(rise, np.eye(2))[["by", "stage", "mean"]].round(2)
          by stage  mean
    0   mode     1  3.17
    1   mode     2  3.17
    2  block   1-2  3.52
    3  level     1  3.52
    """
    parts = [_tidy(stage_widths(stage_epochs(strengths, reference, by)), by) for by in KINDS]
    return pd.concat(parts, ignore_index=True)[["by", "stage", "mean", "low", "high", "n", "method"]]


# ------------------------------------------------------------------------------------------------------------- helpers


def _groups(modes: xr.Dataset, by: str) -> Groups:
    """Give the modes of each stage, null modes left out."""
    if by not in KINDS:
        raise InputError(f"stages are of a {', '.join(KINDS[:-1])} or {KINDS[-1]}; got {by!r}")
    if by == "level":
        names = levels(modes).values.tolist()
    else:
        names = modes["mode"].values.tolist() if by == "mode" else list(block_names(modes).values())
    groups: Groups = {}
    for k, name in enumerate(names[: int(not_null(modes).sum())]):
        groups.setdefault(name, []).append(k)
    return groups


def _clusters(modes: xr.Dataset) -> NDArray[np.floating]:
    """Give for each level of the tree the projection on its clusters, (level, item, item): the mean over a cluster."""
    matrix = xr.dot(modes["U"] * modes["s"], modes["V"], dim="mode")
    n = matrix.shape[0]
    if n == 1:
        return np.ones((1, 1, 1))
    part = parting_levels(sure_clades(matrix), n)
    deepest = part[np.triu_indices(n, 1)].max()
    same = [(part > level) | np.eye(n, dtype=bool) for level in range(deepest + 1)]
    return np.stack([one / one.sum(1) for one in same])


def during(epochs: xr.DataArray) -> xr.DataArray:
    """Return the epochs that are of the training; NaN for 0, what was there at the start."""
    return epochs.where(epochs > 0)


def _tidy(values: xr.DataArray, by: str, **columns: str) -> pd.DataFrame:
    """Tabulate times or ratios (seed, ..., by) with intervals over seeds."""
    made = mean_interval(values, scale="log")
    table = made.to_dataframe().reset_index().rename(columns={by: "stage"})
    return table.assign(by=by, method=made.method, **columns)


def _order_row(name: str, kept: NDArray, tied: NDArray, asked: NDArray) -> dict[str, object]:
    made = share_interval(xr.DataArray(np.where(asked, kept, np.nan), dims="seed"))
    row = {"order": name, "kept": int(kept[asked].sum()), "tied": int(tied.sum()), "n": int(made["n"])}
    row |= {"share": float(made["mean"]), "low": float(made["low"]), "high": float(made["high"])}
    return row | {"method": made.method}
