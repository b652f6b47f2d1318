"""Stages of learning on a page: when they come, in which order, how abrupt they are."""

import pandas as pd
from matplotlib.figure import Figure

from semantic_svd.plots.curves import stages
from semantic_svd.plots.ranges import range_rows
from semantic_svd.plots.style import FAINT, INK, panels, styled, without_legend

EXPONENTIAL = 3.17  # ln 9 / ln 2, the width of a stage without hidden layers


@styled
def stage_panels(table: pd.DataFrame, rate: float) -> Figure:
    """Draw when stages are learned, in epochs and in learning rate x steps, and relative to the first mode.

    Parameters
    ----------
    table : DataFrame
        Columns by, stage, fraction, time, rule, mean, low, high, as `stages.stage_table` gives them.
    rate : float
        Learning rate x steps of one epoch.

    Returns
    -------
    Figure

    Examples
    --------
    >>> table = pd.DataFrame({"by": "mode", "stage": "animals", "fraction": [0.5, 0.9], "mean": [3, 9], "low": 2})
    >>> table = pd.concat([table.assign(time=time, rule="bpa", high=11) for time in ("epoch", "relative")])
    >>> [ax.get_xlabel() for ax in stage_panels(table, rate=0.1).axes]
    ['epoch', 'time relative to the first mode']
    """
    figure, (axes,) = panels(1, 2, height=112, sharey=True)
    for ax, time in zip(axes, ("epoch", "relative"), strict=True):
        stages(table[table["time"] == time], ax, x=time)
        ax.get_legend().remove()
        ax.grid(axis="y", color="#eeeeee", lw=0.6)
        ax.set_axisbelow(True)
        ax.label_outer()
    top = axes[0].secondary_xaxis("top", functions=(lambda epochs: rate * epochs, lambda time: time / rate))
    top.set_xlabel("learning rate × steps")
    top.xaxis.set_major_formatter("{x:g}")
    for face, name in ((INK, "learned to a half"), ("white", "to nine tenths")):
        axes[0].plot([], [], "o", color=INK, mfc=face, ms=3, label=name)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=5)
    return figure


@styled
def shape_panels(table: pd.DataFrame) -> Figure:
    """Draw how wide stages are, how often they keep their order, and how far apart the members of a pair are.

    Parameters
    ----------
    table : DataFrame
        Columns panel (width, order or gap), row, rule, mean, low, high.

    Returns
    -------
    Figure

    Examples
    --------
    >>> table = pd.DataFrame({"row": ["1", "2"], "rule": "bpa", "mean": 0.8, "low": 0.7, "high": 0.9})
    >>> table = pd.concat([table.assign(panel=panel) for panel in ("width", "order", "gap")])
    >>> [ax.get_title("left") for ax in shape_panels(table).axes]
    ['a', 'b', 'c']
    """
    figure, (axes,) = panels(1, 3, height=82, width_ratios=(3, 2.5, 1.6))
    labels = {
        "width": "width of the stage,\n(t₉₀ − t₁₀) / t₅₀",
        "order": "share of seeds\nthat keep the order",
        "gap": "relative gap\nof the pair",
    }
    for ax, (panel, label), title in zip(axes, labels.items(), "abc", strict=True):
        rows = table[table["panel"] == panel].rename(columns={"rule": "measure"})
        range_rows(rows, label, ax).set_title(title)
        ax.grid(axis="y", color="#eeeeee", lw=0.6)
        ax.set_axisbelow(True)
        without_legend(ax)
    axes[0].axvline(EXPONENTIAL, color=FAINT, lw=0.8, ls="--", label="exponential rise")
    for ax, end in zip(axes, (3.4, 1.03, 1.03), strict=True):
        ax.set_xlim(0, end)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure
