"""Paths of items over training: from near the centre outward, each with its name where it ends."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from semantic_svd.plots.style import COLUMN, FAINT, INK, axes_or_new, panels, styled
from semantic_svd.plots.trees import group_colours

MARKERS = "o^sDv"  # of the epochs that are marked
HOLLOW: Any = {"mfc": "white", "ms": 3, "mew": 0.7}


@styled
def path_lines(
    table: pd.DataFrame,
    ax: Axes | None = None,
    groups: Mapping[str, str] | None = None,
    marks: Sequence[int] = (),
) -> Axes:
    """Draw the path of each item in the plane: the first seed's, and faintly behind it those of the other seeds.

    Parameters
    ----------
    table : DataFrame
        Columns seed, epoch, item, x, y.
    ax : Axes, optional
        Where to draw; a new square figure of one column by default.
    groups : mapping of item to category, optional
        As for `dendrogram`: an item has the colour of its category.
    marks : sequence of int
        Epochs that are marked, each by a marker of its own.

    Returns
    -------
    Axes
        Without ticks, for the plane may be turned; a bar says what a distance of 1 is, and a cross where the mean of
        the items is.

    Examples
    --------
    >>> table = pd.DataFrame({"seed": 0, "epoch": [0, 9], "item": "oak", "x": [0.0, 2.0], "y": [0.0, 1.0]})
    >>> [text.get_text() for text in path_lines(table).texts]
    ['oak', 'distance 1']
    """
    ax = axes_or_new(ax, height=COLUMN)
    colours = group_colours(groups or {})
    first = table["seed"] == table["seed"].iloc[0]
    for (_, item), rows in table[~first].groupby(["seed", "item"]):
        ax.plot(rows["x"], rows["y"], color=colours.get(str(item), INK), lw=0.4, alpha=0.3)
    for item, rows in table[first].groupby("item", sort=False):
        colour = colours.get(str(item), INK)
        ax.plot(rows["x"], rows["y"], color=colour, lw=1.4)
        for epoch, marker in zip(marks, MARKERS, strict=False):
            at = rows[rows["epoch"] == epoch]
            ax.plot(at["x"], at["y"], marker, color=colour, **HOLLOW, zorder=3)
        _name(ax, str(item), rows, colour)
    for epoch, marker in zip(marks, MARKERS, strict=False):
        ax.plot([], [], marker, color=INK, **HOLLOW, label=f"epoch {epoch}")
    ax.plot(0, 0, "+", color=FAINT, ms=5, mew=0.6)
    ax.set_aspect("equal")
    ax.axis("off")
    left, low = ax.dataLim.x0, ax.dataLim.y0
    ax.plot([left, left + 1], [low, low], color=INK, lw=0.8)
    ax.annotate("distance 1", (left + 0.5, low), (0, -2), textcoords="offset points", ha="center", va="top")
    return ax


@styled
def path_panels(
    table: pd.DataFrame, groups: Mapping[str, str] | None = None, marks: Sequence[int] = ()
) -> Figure:
    """Draw the paths of several networks side by side on a page, at one scale.

    Parameters
    ----------
    table : DataFrame
        As for `path_lines`, with a column panel, the titles.
    groups, marks
        As for `path_lines`.

    Returns
    -------
    Figure

    Examples
    --------
    >>> table = pd.DataFrame({"seed": 0, "epoch": [0, 9], "item": "oak", "x": [0.0, 2.0], "y": [0.0, 1.0]})
    >>> figure = path_panels(table.assign(panel="BPA"), marks=[9])
    >>> figure.axes[0].get_title("left"), [text.get_text() for text in figure.legends[0].texts]
    ('BPA', ['epoch 9'])
    """
    titles = table["panel"].unique()
    figure, axes = panels(1, len(titles), height=64, sharex=True, sharey=True)
    for ax, title in zip(axes[0], titles, strict=True):
        path_lines(table[table["panel"] == title], ax, groups, marks).set_title(title)
    if marks:
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(marks))
    return figure


def _name(ax: Axes, item: str, rows: pd.DataFrame, colour: str) -> None:
    """Write the name of an item at the height where its path ends, beside the path on the side away from the centre."""
    end = rows.iloc[-1]
    right, up = end["x"] >= 0, end["y"] >= 0
    ax.annotate(
        item,
        (rows["x"].max() if right else rows["x"].min(), end["y"]),
        (4 if right else -4, 0),
        textcoords="offset points",
        ha="left" if right else "right",
        va="bottom" if up else "top",
        color=colour,
        path_effects=[withStroke(linewidth=1.5, foreground="white")],
    )
