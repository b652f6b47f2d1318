"""Dendrograms of the items, alone or side by side over one axis."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib.axes import Axes

from semantic_svd.plots.style import FAINT, INK, axes_or_new, panels, shown_name, styled

if TYPE_CHECKING:
    from semantic_svd.dendrograms import Tree

ABREAST = 6  # trees in a row
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
    ax = axes_or_new(ax, height=50)
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
    ax.set_xticks(range(len(names)), list(map(shown_name, names)), rotation=90)
    ax.tick_params(axis="x", length=0, pad=4)
    ax.spines["bottom"].set_visible(False)
    ax.set(ylabel="distance", xlim=(-0.6, len(names) - 0.4))
    ax.set_ylim(bottom=0)
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
    if axes is None:
        lines = -(-len(trees) // ABREAST)
        _, grid = panels(lines, min(ABREAST, len(trees)), height=55 * lines)
        axes = list(grid.flat[: len(trees)])
        for ax in grid.flat[len(trees) :]:
            ax.remove()
    heights = list(heights)
    tallest = max(*heights, *(float(tree.Z[-1, 2]) for tree in trees.values()), 0)
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
        axes[-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handletextpad=0)
    return axes
