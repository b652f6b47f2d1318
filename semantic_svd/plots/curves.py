"""Curves over training, and the stages in which modes are learned."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import SymmetricalLogLocator

from semantic_svd.plots.style import (
    COLUMN,
    FAINT,
    PAGE,
    RULE_LOOKS,
    axes_or_new,
    label_of,
    legend_columns,
    mode_style,
    panels,
    plain_numbers,
    reach,
    styled,
)

TIMES = {
    "epoch": "epoch",
    "rate_steps": "learning rate × steps",
    "relative": "time relative to the first mode",
}
FEW = 6
FIRST_STEP = {"epoch": 1.0, "rate_steps": 0.1}  # time axes are linear to here and logarithmic beyond


@styled
def strength_lines(
    table: pd.DataFrame, ax: Axes | None = None, theory: pd.DataFrame | None = None, x: str = "epoch"
) -> Axes:
    """Draw the strength of each mode over training, with a band over seeds.

    Parameters
    ----------
    table : DataFrame
        Columns ``x``, mode, mean, low, high; also block (members of one block share a colour) and label (what
        a mode is about), if there are any.
    ax : Axes, optional
        Where to draw; a new figure by default, of one column, or of a page where the legend has several.
    theory : DataFrame, optional
        Columns ``x``, mode, strength: dotted black lines on top.
    x : str
        The column that tells the time: epoch, rate_steps or relative.

    Returns
    -------
    Axes

    Examples
    --------
    >>> table = pd.DataFrame({"epoch": [0, 9], "mode": 1, "mean": [0, 4], "low": [0, 3], "high": [0, 5]})
    >>> ax = strength_lines(table)
    >>> ax.get_xlabel(), [line.get_label() for line in ax.lines]
    ('epoch (logarithmic from 1)', ['1'])
    """
    legend = legend_columns(table["mode"].nunique() + (theory is not None))
    ax = axes_or_new(ax, COLUMN if legend["ncols"] == 1 else PAGE)
    for _, rows in table.groupby("mode"):
        row = rows.iloc[0]
        _band(ax, rows, x, label=label_of(row), **mode_style(int(row["mode"]), row.get("block")))
    if theory is not None:
        for i, (_, rows) in enumerate(theory.groupby("mode")):
            ax.plot(rows[x], rows["strength"], color="black", ls=":", lw=0.9, label="_" * (i > 0) + "theory")
    _time_axis(ax, x)
    ax.set_ylabel("strength of the mode")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), title="mode", alignment="left", **legend)
    return ax


@styled
def strength_panels(table: pd.DataFrame, x: str = "epoch") -> Figure:
    """Draw strengths side by side on a page, a panel each.

    Parameters
    ----------
    table : DataFrame
        As for `strength_lines`, with a column panel, the titles, and a column theory if there is one.
    x : str
        The column that tells the time.

    Returns
    -------
    Figure

    Examples
    --------
    >>> table = pd.DataFrame({"epoch": [0, 9], "mode": 1, "mean": [0, 4], "low": [0, 3], "high": [0, 5]})
    >>> figure = strength_panels(table.assign(panel="BPA, projected"))
    >>> figure.axes[0].get_title("left")
    'BPA, projected'
    """
    titles = table["panel"].unique()
    figure, axes = panels(1, len(titles), height=62, sharey=True)
    for ax, title in zip(axes[0], titles, strict=True):
        rows = table[table["panel"] == title]
        theory = rows.assign(strength=rows["theory"]) if "theory" in rows else None
        strength_lines(rows, ax, theory, x).set_title(title)
        ax.label_outer()
    for ax in axes[0, :-1]:
        ax.get_legend().remove()
    return figure


@styled
def measure_lines(
    table: pd.DataFrame,
    measure: str,
    ax: Axes | None = None,
    x: str = "epoch",
    rules: Sequence[str] | None = None,
) -> Axes:
    """Draw any measure over training: a line and a band for each rule.

    Parameters
    ----------
    table : DataFrame
        Columns ``x``, rule, mean, low, high.
    measure : str
        What is measured, with its unit: the label of the axis.
    ax : Axes, optional
        Where to draw; a new figure of one column by default.
    x : str
        The column that tells the time.
    rules : sequence of str, optional
        All rules in order, so that one has the same colour in every panel; by default those of the table.

    Returns
    -------
    Axes

    Examples
    --------
    >>> table = pd.DataFrame({"epoch": [0, 9], "rule": "bpa", "mean": [90, 50], "low": [88, 48], "high": [92, 52]})
    >>> measure_lines(table, "angle (degrees)").get_ylabel()
    'angle (degrees)'
    """
    ax = axes_or_new(ax)
    colours = dict(zip(rules or table["rule"].unique(), RULE_LOOKS, strict=False))
    for rule, rows in table.groupby("rule", sort=False):
        _band(ax, rows, x, label=str(rule), color=colours[str(rule)][0])
    _time_axis(ax, x)
    ax.set_ylabel(measure)
    ax.legend(loc="lower right")
    return ax


@styled
def measure_panels(table: pd.DataFrame, columns: int = 2) -> Figure:
    """Draw several measures over training, a panel each: a line and a band for each rule.

    Parameters
    ----------
    table : DataFrame
        Columns measure (the label of its axis), rule, epoch, mean, low, high; also data, if there is such a column:
        the measure of the data themselves, which is where learning leads.
    columns : int
        Panels side by side.

    Returns
    -------
    Figure

    Examples
    --------
    >>> table = pd.DataFrame({"epoch": [0, 9], "rule": "bpa", "mean": [0, 1], "low": [0, 1], "high": [0, 1]})
    >>> [ax.get_ylabel() for ax in measure_panels(table.assign(measure="correlation", data=1), 1).axes]
    ['correlation']
    """
    measures, rules = list(table["measure"].unique()), list(table["rule"].unique())
    rows_of_panels = -(-len(measures) // columns)
    figure, axes = panels(rows_of_panels, columns, height=10 + 47 * rows_of_panels, sharex=True)
    for i, (ax, measure) in enumerate(zip(axes.flat, measures, strict=False)):
        rows = table[table["measure"] == measure]
        measure_lines(rows, measure, ax, rules=rules).set_title("abcdefgh"[i])
        if "data" in rows:
            ax.axhline(rows["data"].iloc[0], color=FAINT, lw=0.5, zorder=0)
        if ax not in axes[-1]:
            ax.set_xlabel("")
        if i > 0:
            ax.get_legend().remove()
    return figure


def _time_axis(ax: Axes, x: str) -> None:
    """Let time run linearly through the first step and logarithmically from there: learning has no one pace."""
    first = FIRST_STEP.get(x, 1.0)
    ax.set_xscale("symlog", linthresh=first, linscale=0.5)
    if ax.dataLim.x1 <= 20 * first:  # within a decade or so, more than its ends
        ax.xaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=first, subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_xlabel(f"{TIMES.get(x, x)} (logarithmic from {first:g})")
    ax.margins(x=0.01 if all(np.size(line.get_xdata()) > FEW for line in ax.lines) else 0.04)


def _band(ax: Axes, rows: pd.DataFrame, x: str, label: str, color: Any, linestyle: Any = "-") -> None:
    (line,) = ax.plot(rows[x], rows["mean"], color=color, ls=linestyle, label=label)
    if len(rows) <= FEW:  # a line through a few points is not a course
        line.set(marker="o", markersize=3, mfc=color if linestyle == "-" else "white")
    ax.fill_between(rows[x], rows["low"], rows["high"], color=color, alpha=0.22, lw=0)


@styled
def stages(table: pd.DataFrame, ax: Axes | None = None, x: str = "epoch") -> Axes:
    """Mark when each stage is learned, by rule, with an interval over seeds.

    Parameters
    ----------
    table : DataFrame
        Columns rule, mean, low, high, the last three times; stage, the names of the rows, or mode, and label if there
        is one. With a column fraction the first fraction is filled and the others are open. With a column by, kinds
        of stages stand apart.
    ax : Axes, optional
        Where to draw; a new figure of one column by default.
    x : str
        What the times are: epoch, rate_steps or relative.

    Returns
    -------
    Axes

    Examples
    --------
    >>> table = pd.DataFrame({"rule": "bpa", "mode": [1, 2], "mean": [3, 4], "low": [2, 3], "high": [4, 5]})
    >>> [label.get_text() for label in stages(table).get_yticklabels()]
    ['1', '2']
    """
    ax = axes_or_new(ax)
    rules = table["rule"].unique()
    places = _places_of_stages(table)
    for i, (rule, (colour, marker)) in enumerate(zip(rules, RULE_LOOKS, strict=False)):
        rows = table[table["rule"] == rule]
        shift = (i - (len(rules) - 1) / 2) * 0.6 / len(rules)
        points = rows.groupby("fraction") if "fraction" in rows else [("", rows)]
        for j, (_, part) in enumerate(points):
            ax.errorbar(
                part["mean"],
                [places[_stage_of(row)] + shift for _, row in part.iterrows()],
                xerr=reach(part),
                fmt=marker,
                color=colour,
                mfc="white" if j else colour,
                label="_" * j + rule,
                ms=3,
                elinewidth=1,
                capsize=1.5,
            )
    ax.set_yticks(list(places.values()), list(places))
    ax.set_ylim(max(places.values()) + 0.6, min(places.values()) - 0.6)
    ax.set(xlabel=TIMES.get(x, x), ylabel="" if "stage" in table else "mode", xscale="log")
    plain_numbers(ax.xaxis)
    ax.legend(loc="lower left", bbox_to_anchor=(-0.03, 1.0), title="half learned by", alignment="left")
    return ax


def _places_of_stages(table: pd.DataFrame) -> dict[str, float]:
    """Give each stage its row, from the top down; between kinds of stages half a row is left."""
    table = table.sort_values("mode") if "stage" not in table else table
    places: dict[str, float] = {}
    kinds: list[str] = []
    for _, row in table.iterrows():
        if row.get("by", "") not in kinds:
            kinds.append(row.get("by", ""))
        places.setdefault(_stage_of(row), len(places) + 1 + 0.5 * (len(kinds) - 1))
    return places


def _stage_of(row: pd.Series) -> str:
    return str(row["stage"]) if "stage" in row else label_of(row)
