"""Dendrograms of the items, alone or side by side over one axis."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from semantic_svd.plots.style import (
    COLUMN,
    FAINT,
    INK,
    PAGE,
    axes_or_new,
    panels,
    shown_name,
    span,
    styled,
    turned,
)

if TYPE_CHECKING:
    from semantic_svd.dendrograms import Tree

ABREAST = 6  # trees in a row, if their leaves have room
LEAF = 2.7  # millimetres from one leaf to the next, so that names don't touch
AXIS, KEY = 14, 8  # millimetres for the axis of distance of a row of trees, and for a key, besides its names
NAMES = 16  # millimetres under a tree for names; longer ones make the figure taller
# Paul Tol's muted and vibrant sets, safe for the colour-blind
GROUP_COLOURS = ["#332288", "#44AACC", "#117733", "#AA4499", "#CC6677", "#999933", "#882255", "#DDCC77"]


def group_colours(groups: Mapping[str, str]) -> dict[str, str]:
    """Give each item the colour of its category, the same in every figure: its place among the categories.

    Examples
    --------
    >>> group_colours({"oak": "trees", "rose": "flowers", "pine": "trees"})
    {'oak': '#332288', 'rose': '#44AACC', 'pine': '#332288'}
    """
    colours = dict(zip(dict.fromkeys(groups.values()), GROUP_COLOURS, strict=False))
    return {item: colours[group] for item, group in groups.items() if group in colours}


@styled
def dendrogram(tree: "Tree", ax: Axes | None = None, groups: Mapping[str, str] | None = None) -> Axes:
    """Draw the tree of the items, in its own leaf order.

    Parameters
    ----------
    tree : Tree
        Linkage, item names and leaf order.
    ax : Axes, optional
        Where to draw; a new figure of one column by default.
    groups : mapping of item to category, optional
        Colours each leaf, and each branch whose leaves are all of one category. A category's colour is its
        place in the mapping, so that it stays the same from panel to panel.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from semantic_svd.dendrograms import linkage
    >>> import pandas as pd
    >>> leaves = pd.DataFrame({"tall": [9, 0, 8]}, index=["oak", "rose", "maple"])
    >>> [label.get_text() for label in dendrogram(linkage(leaves)).get_xticklabels()]
    ['oak', 'maple', 'rose']
    """
    ax = axes_or_new(ax, max(COLUMN, AXIS + _wide(tree)), 50 + _longer([tree]))
    groups = groups or {}
    colours = {groups[item]: colour for item, colour in group_colours(groups).items()}
    names = [tree.items[leaf] for leaf in tree.order]
    for bracket, group in zip(*tree.segments([groups.get(name) for name in tree.items]), strict=True):
        ax.plot(*bracket.T, color=colours.get(group, INK), lw=1, clip_on=False)
    for group, colour in colours.items():
        places = [i for i, name in enumerate(names) if groups.get(name) == group]
        ax.plot(
            places,
            [0] * len(places),
            "s",
            ms=3.5,
            color=colour,
            label=shown_name(group),
            clip_on=False,
            zorder=3,
        )
    ax.set_xticks(range(len(names)), list(map(shown_name, names)), rotation=turned(names, _leaf(tree)))
    ax.tick_params(axis="x", length=0, pad=4)
    ax.spines["bottom"].set_visible(False)
    ax.set(ylabel="distance", xlim=(-0.6, len(names) - 0.4))
    ax.set_ylim(0, None if tree.Z[-1, 2] else 1)
    return ax


@styled
def dendrogram_panels(
    trees: Mapping[str, "Tree"],
    groups: Mapping[str, str] | None = None,
    axes: Sequence[Axes] | None = None,
    heights: Iterable[float] = (),
) -> Sequence[Axes]:
    """Draw several trees side by side over one shared axis of distance.

    Parameters
    ----------
    trees : mapping of title to Tree
        In reading order; the titles say the epoch.
    groups : mapping of item to category, optional
        As for `dendrogram`.
    axes : sequence of Axes, optional
        One for each tree; a new figure of full page width by default.
    heights : iterable of float
        Drawn as faint lines behind all trees, such as those of the data's links, to which the trees grow.

    Returns
    -------
    sequence of Axes

    Examples
    --------
    >>> from semantic_svd.dendrograms import linkage
    >>> tree = linkage([[0.0], [2.5]])
    >>> [ax.get_title("left") for ax in dendrogram_panels({"epoch 0": tree, "epoch 9": tree})]
    ['epoch 0', 'epoch 9']
    """
    grid = None
    if axes is None:
        grid = _grid(trees, key=KEY + span(groups.values()) if groups else 0)
        axes = list(grid.flat[: len(trees)])
        for ax in grid.flat[len(trees) :]:
            ax.remove()
    last_in_row = axes[-1] if grid is None else axes[grid.shape[1] - 1]
    heights = list(heights)
    tallest = max(*heights, *(float(tree.Z[-1, 2]) for tree in trees.values()), 0) or 1.0
    for i, (ax, (title, tree)) in enumerate(zip(axes, trees.items(), strict=True)):
        dendrogram(tree, ax, groups)
        for height in heights:
            ax.axhline(height, color=FAINT, lw=0.4, zorder=0)
        ax.set_ylim(0, 1.05 * tallest)
        ax.set_title(title)
        place = ax.get_subplotspec()
        if i > 0 and not (place and place.is_first_col()):
            ax.set(ylabel="", yticklabels=[])
    if groups:
        last_in_row.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handletextpad=0)
    return axes


def _grid(trees: Mapping[str, "Tree"], key: float) -> np.ndarray:
    """Make a page of panels, as many in a row as its leaves and the key leave room for; it is wider if one needs it."""
    wide = max(map(_wide, trees.values())) + 2
    abreast = int(np.clip((PAGE - AXIS - key) // wide, 1, min(ABREAST, len(trees))))
    lines = -(-len(trees) // abreast)
    width = max(PAGE, AXIS + key + abreast * wide)
    return panels(lines, abreast, width, (55 + _longer(trees.values())) * lines)[1]


def _leaf(tree: "Tree") -> float:
    """Millimetres from one leaf to the next: short names stand upright, side by side."""
    longest = max(map(len, tree.items))
    return max(LEAF, 1.9 * longest) if longest <= 2 else LEAF


def _wide(tree: "Tree") -> float:
    return _leaf(tree) * len(tree.items)


def _longer(trees: Iterable["Tree"]) -> float:
    """Millimetres by which the longest name is longer than the room that a figure has for names."""
    return max(0, max(span(tree.items) for tree in trees) - NAMES)
