"""Runs side by side on one page: the curves of every mode, the stages, the trees, and how alike the ends are."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from semantic_svd.errors import InputError
from semantic_svd.plots.curves import measure_lines, stages, strength_lines
from semantic_svd.plots.ranges import range_rows
from semantic_svd.plots.similarities import layer_table
from semantic_svd.plots.style import MM, PAGE, RULE_LOOKS, styled

__all__ = ["dynamics"]

ABREAST = 4  # panels of strengths in a row
ENDS = {  # measures of the end, in the words of the figure
    "agreement with the data's tree, output": "tree of the output",
    "agreement with the data's tree, hidden": "tree of the hidden layer",
    "leakage": "leakage",
}


@styled
def dynamics(summary: pd.DataFrame, curves: pd.DataFrame) -> Figure:
    """Draw what `comparisons.compare_runs` found: a page on what networks learn, when, and how alike.

    Parameters
    ----------
    summary, curves : DataFrame
        Its tables.

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        For more runs than can be told apart by colour.
    """
    runs = list(curves["run"].unique())
    if len(runs) > len(RULE_LOOKS):
        raise InputError(
            f"a figure tells {len(RULE_LOOKS)} runs apart, not {len(runs)}; the tables take any number"
        )
    rows = -(-len(runs) // ABREAST)
    figure = Figure(figsize=(PAGE * MM, (20 + 42 * rows + 128) * MM), layout="constrained")
    above, middle, below = figure.subfigures(3, 1, squeeze=False, height_ratios=(10 + 42 * rows, 62, 62))[
        :, 0
    ]
    _strengths(above.subplots(rows, min(ABREAST, len(runs)), squeeze=False, sharex=True, sharey=True), curves)
    stage_ax, tree_ax, leak_ax = middle.subplots(1, 3)
    half = summary[summary["measure"] == "half learned"].rename(columns={"run": "rule", "of": "stage"})
    _stages(stage_ax, half)
    for ax, measure, label in (
        (tree_ax, "agreement", "agreement of the hidden layer's\ntree with the data's"),
        (leak_ax, "leakage", "leakage between modes"),
    ):
        part = curves[curves["measure"] == measure].rename(columns={"run": "rule"})
        _without_legend(measure_lines(part, label, ax, rules=runs))
    ends, alike = below.subplots(1, 2)
    _ends(ends, summary)
    _likeness(alike, summary)
    for letter, ax in zip("bcdef", (stage_ax, tree_ax, leak_ax, ends, alike), strict=True):
        ax.set_title(letter)
    handles, labels = tree_ax.get_legend_handles_labels()
    middle.legend(handles, labels, loc="outside upper center", ncols=min(len(runs), 4))
    return figure


def _strengths(axes, curves: pd.DataFrame) -> None:
    strength = curves[curves["measure"] == "strength"].rename(columns={"of": "mode"})
    panels = list(axes.flat)
    for i, (run, rows) in enumerate(strength.groupby("run", sort=False)):
        ax = strength_lines(rows, panels[i])
        ax.set_title(f"a   {run}" if i == 0 else str(run))
        ax.label_outer()
        if i + 1 < strength["run"].nunique():
            _without_legend(ax)
    for ax in panels[strength["run"].nunique() :]:
        ax.remove()


def _stages(ax: Axes, half: pd.DataFrame) -> None:
    learned = half.dropna(subset="mean")
    if learned.empty:
        ax.text(0.5, 0.5, "no mode is\nhalf learned", ha="center", va="center", transform=ax.transAxes)
        ax.set(xticks=[], yticks=[])
        return
    _without_legend(stages(half, ax))
    ax.set(xlabel="half learned at epoch", ylabel="mode")


def _ends(ax: Axes, summary: pd.DataFrame) -> None:
    """Draw what is there at the end: each mode's strength in units of the data's, the trees, leakage."""
    strength = summary[summary["measure"] == "final strength / data's"]
    parts = [strength.assign(row="mode " + strength["of"].astype(str))]
    parts += [summary[summary["measure"] == name].assign(row=word) for name, word in ENDS.items()]
    range_rows(
        pd.concat(parts).assign(measure=lambda t: t["run"]), "at the end (1 is the data's; of leakage, 0)", ax
    )
    _without_legend(ax)


def _without_legend(ax: Axes) -> None:
    legend = ax.get_legend()
    if legend:
        legend.remove()


def _likeness(ax: Axes, summary: pd.DataFrame) -> None:
    """Draw the CKA of hidden layers with the data and with each other, and what chance gives."""
    pairs = summary.pivot_table(index=["run", "of"], columns="measure", values="mean", sort=False)
    table = pairs[["CKA", "CKA, shuffled items"]].dropna().reset_index()
    names = {"run": "layer", "of": "layer_2", "CKA": "mean", "CKA, shuffled items": "null"}
    layer_table(table.rename(columns=names), "linear CKA", ax=ax)
