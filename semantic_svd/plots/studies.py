"""Studies: many networks under many rules on one image set, how well each names images and what it makes of classes."""

import re
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.ticker import SymmetricalLogLocator

from semantic_svd.plots.curves import measure_lines, strength_lines
from semantic_svd.plots.ranges import range_rows
from semantic_svd.plots.style import (
    DENSE,
    FAINT,
    INK,
    PAGE,
    RULE_LOOKS,
    axes_or_new,
    caption,
    panels,
    plain_numbers,
    reach,
    styled,
    without_legend,
)
from semantic_svd.plots.trees import dendrogram_panels

if TYPE_CHECKING:
    from semantic_svd.dendrograms import Tree

__all__ = [
    "course_sheet",
    "error_panels",
    "number_curves",
    "strength_sheet",
    "structure_panels",
    "tree_sheet",
]

ROW = 4.2  # millimetres that a network's row takes
COLUMNS = 5  # small panels side by side
LEAST = 0.1  # percent: an axis with errors of zero is linear to here


@styled
def number_curves(table: pd.DataFrame, axis: str, label: str, ax: Axes | None = None) -> Axes:
    """Draw a measure against a number that networks are named by, a curve and bars for each series.

    Parameters
    ----------
    table : DataFrame
        Columns network ("Hebb, β = 0.1": the series, then the number), mean, low, high; also open, if there is one:
        which marks are not filled. Any network without the number is a level: a dashed line.
    axis : str
        What the number is called in the names, as "β".
    label : str
        Of the vertical axis, with its unit.
    ax : Axes, optional
        Where to draw; a new figure of one column by default.

    Returns
    -------
    Axes

    Examples
    --------
    >>> table = pd.DataFrame({"network": ["a, β = 0.1", "a, β = 1", "b"], "mean": [1.0, 2.0, 3.0]})
    >>> number_curves(table.assign(low=table["mean"], high=table["mean"]), "β", "error (%)").get_xlabel()
    'β'
    """
    ax = axes_or_new(ax)
    named = table["network"].str.extract(rf"^(?P<series>.*), {re.escape(axis)} = (?P<number>.*)$")
    rows = table.assign(series=named["series"], number=named["number"].astype(float))
    looks = RULE_LOOKS[2:]  # the first two are measures'
    for (series, part), (color, marker) in zip(rows.groupby("series", sort=False), looks, strict=False):
        ax.errorbar(
            part["number"],
            part["mean"],
            yerr=reach(part),
            fmt=f"{marker}-",
            color=color,
            markersize=3.5,
            capsize=2,
            label=str(series),
        )
        if "open" in part:
            points = part[part["open"]]
            ax.plot(
                points["number"], points["mean"], marker, color=color, mfc="white", markersize=3.5, zorder=3
            )
    for level in rows[rows["number"].isna()].to_dict("records"):
        ax.axhline(level["mean"], color=INK, lw=0.8, ls="--", label=level["network"])
    ax.set_xscale("log")
    ax.set(xlabel=axis, ylabel=label)
    ax.legend(loc="best")
    return ax


@styled
def error_panels(table: pd.DataFrame, axes: Mapping[str, str], about: str) -> Figure:
    """Draw the errors with which networks end, a panel a part: a row each, or curves where a number names them.

    Parameters
    ----------
    table : DataFrame
        Columns part, network, measure, mean, low, high, n. The others of a part are held against its first network.
        Marks are open where n is less than elsewhere.
    axes : mapping from parts to the number that names their networks
    about : str
        The note under the figure.

    Returns
    -------
    Figure

    Examples
    --------
    >>> table = pd.DataFrame({"part": "all", "network": ["backprop", "FA"], "measure": "test error (%)", "mean": 2})
    >>> figure = error_panels(table.assign(low=1, high=3, n=3), {}, "")
    >>> [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    ['backprop', 'FA']
    """
    parts = list(table["part"].unique())
    counts = table[~table["part"].isin(axes)].groupby("part")["network"].nunique()
    figure, made = panels(1, len(parts), height=24 + 1.25 * ROW * max([4, *counts]))
    looks: dict[str, Artist] = {}
    table, zeros = _with_open(table), False
    for i, (ax, (part, rows)) in enumerate(zip(made[0], table.groupby("part", sort=False), strict=True)):
        ax.set_title(f"{'abcdefgh'[i]}  {part}" if len(parts) > 1 else part)
        if part in axes:
            first = rows[rows["measure"] == rows["measure"].iloc[0]]
            number_curves(first, axes[str(part)], "test error (%)", ax).set_yscale("log")
            plain_numbers(ax.yaxis)
        else:
            zeros |= _error_rows(rows, ax)
        looks |= _looks(ax)
        without_legend(ax)
    figure.legend(list(looks.values()), list(looks), loc="outside upper center", ncols=len(looks))
    note = f"Axes of errors are logarithmic{f', those with zero linear below {LEAST:g} %' * zeros}"
    caption(figure, f"{about} The line is backprop's test error. {note}. {_without_marks(table)}")
    return figure


@styled
def structure_panels(table: pd.DataFrame, about: str) -> Figure:
    """Draw what networks end with, a row each: a column of panels for each measure.

    Parameters
    ----------
    table : DataFrame
        Columns part, network, measure, mean, low, high, n. Measures that differ in what follows a comma share a panel.
        Marks are open where n is less than elsewhere.
    about : str

    Returns
    -------
    Figure

    Examples
    --------
    >>> table = pd.DataFrame({"part": "all", "network": "FA", "measure": ["rank", "angle, layer 1"], "mean": [8.0, 60]})
    >>> figure = structure_panels(table.assign(low=table["mean"], high=table["mean"], n=3), "")
    >>> [ax.get_xlabel() for ax in figure.axes]
    ['rank', 'angle']
    """
    table = _with_open(table).assign(kind=table["measure"].str.split(",").str[0])
    layered = table.loc[table["measure"] != table["kind"], "measure"].unique()
    parts, kinds = list(table["part"].unique()), list(table["kind"].unique())
    counts = [table.loc[table["part"] == part, "network"].nunique() for part in parts]
    figure, made = panels(
        len(parts),
        len(kinds),
        height=14 * len(parts) + 10 + ROW * sum(counts),
        sharex="col",
        gridspec_kw={"height_ratios": [count + 1 for count in counts]},
    )
    for (i, part), (j, kind) in product(enumerate(parts), enumerate(kinds)):
        ax, of_part = made[i, j], table[table["part"] == part]
        rows = of_part[of_part["kind"] == kind]
        names = list(of_part["network"].unique())
        of_all = pd.DataFrame({"network": names}).merge(rows, how="left", on="network")
        shown = of_all.fillna({"measure": rows["measure"].iloc[0] if len(rows) else kind, "open": False})
        label = textwrap.fill(kind, min(20, 90 // len(kinds))) if i == len(parts) - 1 else ""
        range_rows(_rowed(shown), label, ax, [kind, *layered])
        if ax.get_legend() is not None:
            looks = {re.sub(r" \([^)]*\)", "", label): handle for label, handle in _looks(ax).items()}
            figure.legend(list(looks.values()), list(looks), loc="outside upper right", ncols=len(looks))
            without_legend(ax)
        if j:
            ax.set_yticklabels([])
        else:
            ax.set_title(part, loc="left")
    caption(figure, f"{about} {_without_marks(table)}")
    return figure


@styled
def strength_sheet(table: pd.DataFrame, about: str) -> Figure:
    """Draw the strength of each mode over training, a small panel a network; it says so where all trainings diverged.

    Parameters
    ----------
    table : DataFrame
        Columns part, network, epoch, mode, mean, low, high, n.
    about : str

    Returns
    -------
    Figure

    Examples
    --------
    >>> table = pd.DataFrame({"part": "all", "network": "FA", "epoch": [0, 9], "mode": 1, "mean": [0, 1]})
    >>> strength_sheet(table.assign(low=0, high=1, n=3), "").axes[0].get_title("left").split()
    ['all', 'FA']
    """
    groups = _groups(table)
    figure, axes = _sheet(groups)
    for ax, (_, rows) in zip(axes, groups, strict=True):
        without_legend(strength_lines(rows, ax))
    shown = [rows["mean"] for _, rows in groups if np.isfinite(rows["mean"]).all()]
    if shown:  # neither one wide interval nor what diverged presses all other lines down
        low, high = min(means.min() for means in shown), max(means.max() for means in shown)
        bottom, top = axes[0].set_ylim(min(0.0, low) - 0.05 * high, 1.05 * high or 1.0)
        if table["low"].min() < bottom or table["high"].max() > top:
            about += " What leaves a panel is cut off."
    looks = _looks(axes[0])
    figure.legend(
        list(looks.values()), list(looks), title="mode", loc="outside upper center", ncols=len(looks)
    )
    return _finished(figure, axes, groups, "strength (share)", about)


@styled
def course_sheet(table: pd.DataFrame, label: str, about: str) -> Figure:
    """Draw measures of one unit over training, a small panel a network.

    Parameters
    ----------
    table : DataFrame
        Columns part, network, measure, epoch, mean, low, high, n.
    label : str
        Of the vertical axes, with the unit.
    about : str

    Returns
    -------
    Figure

    Examples
    --------
    >>> table = pd.DataFrame({"part": "all", "network": "FA", "measure": "angle", "epoch": [0, 9], "mean": [90, 50]})
    >>> course_sheet(table.assign(low=80, high=95, n=3), "degrees", "").axes[0].get_ylabel()
    'degrees'
    """
    groups = _groups(table)
    measures = list(table["measure"].unique())
    figure, axes = _sheet(groups)
    for ax, (_, rows) in zip(axes, groups, strict=True):
        without_legend(measure_lines(rows.rename(columns={"measure": "rule"}), "", ax, rules=measures))
    looks = {label: handle for ax in axes for label, handle in _looks(ax).items()}
    figure.legend(list(looks.values()), list(looks), loc="outside upper center", ncols=len(looks))
    return _finished(figure, axes, groups, label, about)


@styled
def tree_sheet(trees: "Mapping[tuple[str, str], Tree]", about: str) -> Figure:
    """Draw the tree of classes of each network, a small panel each, over one scale of distance.

    Parameters
    ----------
    trees : mapping from (part, network) to Tree
    about : str

    Returns
    -------
    Figure

    Examples
    --------
    >>> from semantic_svd.dendrograms import linkage
    >>> tree_sheet({("all", "FA"): linkage([[0.0], [2.5]])}, "").axes[0].get_ylabel()
    'distance'
    """
    groups = [(name, None) for name in trees]
    longest = max(len(name) for tree in trees.values() for name in tree.items)
    figure, axes = _sheet(groups, share=False, line=28 + 1.6 * longest)
    dendrogram_panels({str(name): tree for name, tree in trees.items()}, None, axes)
    for ax in axes:
        if _place(ax).is_first_col():
            ax.yaxis.set_major_formatter("{x:g}")
    return _finished(figure, axes, groups, "distance", about, x="")


def _error_rows(rows: pd.DataFrame, ax: Axes) -> bool:
    """Draw errors in rows, with a line at the first, and tell whether there are errors of zero on the axis."""
    range_rows(_rowed(rows), "error (%)", ax)
    ax.axvline(rows["mean"].iloc[0], color=FAINT, lw=0.8, zorder=0)
    zeros = bool((rows["low"] <= 0).any())
    if zeros:
        ax.set_xscale("symlog", linthresh=LEAST)
        ax.xaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=LEAST, subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.set_xlim(left=-LEAST / 10)
    else:
        ax.set_xscale("log")
        plain_numbers(ax.xaxis)
    return zeros


def _looks(ax: Axes) -> dict[str, Artist]:
    """Return what stands for each label in a legend."""
    handles, labels = ax.get_legend_handles_labels()
    return dict(zip(labels, handles, strict=True))


def _lost(rows: pd.DataFrame) -> str:
    """Say how many of the trainings of a network have no numbers at the last epoch."""
    trainings, left = rows["n"].max(), rows.loc[rows["epoch"] == rows["epoch"].max(), "n"].max()
    if left == trainings:
        return ""
    return f" ({trainings - left} of {trainings} diverged)" if left else " (diverged)"


def _with_open(table: pd.DataFrame) -> pd.DataFrame:
    """Mark as open what is the mean of fewer trainings than others are."""
    return table.assign(open=table["n"] < table["n"].max())


def _without_marks(table: pd.DataFrame) -> str:
    """Say what an open mark means, and that there is none, where it is so."""
    bare = table.groupby(["part", "network"])["mean"].count().min() == 0
    fewer = (table["open"] & (table["n"] > 0)).any()
    said = []
    if fewer:
        said.append(
            "An open mark is the mean of fewer trainings: the others diverged or have no such number."
        )
    if bare:
        said.append("A network without any mark diverged.")
    return " ".join(said)


def _rowed(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.rename(columns={"network": "row"})


def _groups(table: pd.DataFrame) -> list:
    """Return the rows of each network with (part, network), part by part."""
    parts = table.groupby("part", sort=False)
    return [group for _, part in parts for group in part.groupby(["part", "network"], sort=False)]


def _sheet(groups: Sequence, share: bool = True, line: float = 30) -> tuple[Figure, list[Axes]]:
    """Return a figure with a panel for each group, in lines so many millimetres high; each part begins a line."""
    counts = Counter(part for (part, _), _ in groups)
    columns = min(COLUMNS, max(counts.values()))
    lines = [-(-count // columns) for count in counts.values()]
    height = 12 + max(line * sum(lines), 48)  # a legend takes its part
    figure, grid = panels(sum(lines), columns, PAGE, height, sharex=share, sharey=share)
    axes: list[Axes] = []
    for first, count in zip(np.cumsum([0, *lines]), counts.values(), strict=False):
        axes += list(grid[first:].flat[:count])
    for ax in set(grid.flat) - set(axes):
        ax.remove()
    return figure, axes


def _place(ax: Axes) -> SubplotSpec:
    """Return where in the grid of its figure a panel stands."""
    place = ax.get_subplotspec()
    assert place is not None
    return place


def _finished(
    figure: Figure,
    axes: Sequence[Axes],
    groups: Sequence,
    label: str,
    about: str,
    x: str = "epoch (log from 1)",
) -> Figure:
    """Name the panels of a sheet: networks above, the part where it begins, axes at the left and the bottom only."""
    begun = set()
    lowest = {_place(ax).colspan.start: ax for ax in axes}.values()
    for ax, ((part, network), rows) in zip(axes, groups, strict=True):
        name = network if rows is None else network + _lost(rows)
        above = part if part not in begun else ""
        ax.set_title(f"{above}\n{textwrap.fill(name, 28)}", fontsize=DENSE, loc="left")
        begun.add(part)
        ax.set_ylabel(label if _place(ax).is_first_col() else "")
        ax.set_xlabel(x if ax in lowest else "")
        ax.tick_params(labelbottom=ax in lowest or not x)
    caption(figure, about)
    return figure
