"""The figures of a study: which part of its table each shows, and what is said under it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from semantic_svd.plots import course_sheet, error_panels, strength_sheet, structure_panels, tree_sheet
from semantic_svd.report.courses import (
    ELSEWHERE,
    FEEDBACK,
    ORDER,
    RANK,
    STRENGTH,
    TEST,
    TRAINING,
    TREE,
    TURN,
    UNTRAINED,
    at_end,
)
from semantic_svd.tables import tree_from

Shown = tuple[Any, pd.DataFrame]  # a figure and the table that it shows

OF_CLASSES = "Of the class means of the last hidden layer, less their mean"
BESIDE = (
    f"{UNTRAINED.capitalize()}: backprop's layer as it began. Another start: backprop of the next training, "
    "which begins with other weights (and on folds learns of other images)."
)
ORDERED = (
    "Order: rank correlation of the epochs at which backprop's modes are half grown; no mark where they do not grow "
    "after the first snapshot."
)
NOT_ORDERED = "Snapshots are too far apart to tell the order in which modes grow."


def study_figures(
    table: pd.DataFrame,
    trees: pd.DataFrame,
    classes: Sequence[str],
    axes: Mapping[str, str],
    trained: str,
    means: str,
) -> dict[str, Shown]:
    """Draw the measures of all networks of a study: name of the figure -> figure and the table that it shows.

    Parameters
    ----------
    table : DataFrame of `courses.spread`
    trees : DataFrame of `courses.measured`
    classes : the names of the classes
    axes : title -> axis of the parts whose networks are drawn as curves
    trained, means : what is said of the trainings, and of the means over them
    """
    about = f"{trained} {means}"
    return {
        "errors": _errors(table, axes, about),
        "structure": _structure(table, about),
        "strengths": _strengths(table, about),
        "angles": _angles(table, about),
        "trees": _trees(table, trees, classes, trained),
    }


def _errors(table: pd.DataFrame, axes: Mapping[str, str], about: str) -> Shown:
    last = _last(table)
    errors = last[last["measure"].isin([TEST, TRAINING])]
    return error_panels(errors, axes, about), errors


def _structure(table: pd.DataFrame, about: str) -> Shown:
    last, feedback = _last(table), _of_feedback(table)
    structure = last[last["measure"].isin([RANK, TREE, TURN, ORDER]) | feedback.loc[last.index]]
    structure = structure[structure.groupby("measure")["n"].transform("max") > 0]
    of = f"{OF_CLASSES} (all but feedback angles)" if feedback.any() else OF_CLASSES
    order = ORDERED if (structure["measure"] == ORDER).any() else NOT_ORDERED
    return structure_panels(structure, f"{of}. {BESIDE} {order} {about}"), structure


def _strengths(table: pd.DataFrame, about: str) -> Shown:
    strengths = table[table["measure"] == STRENGTH]
    caption = (
        f"{OF_CLASSES}: strength on the modes that a training ends with, as a share of the first mode's at the end "
        f"(where it diverged, at its last snapshot before). {about}"
    )
    return strength_sheet(strengths, caption), strengths


def _angles(table: pd.DataFrame, about: str) -> Shown:
    trained, feedback = ~table["network"].isin([UNTRAINED, ELSEWHERE]), _of_feedback(table)
    angles = table[trained & ((table["measure"] == TURN) | feedback)].drop(columns="mode")
    of = f"{OF_CLASSES}: angle (Procrustes) to those with which backprop from the same start ends."
    if feedback.any():
        of += " Feedback angle: between what carries the error back and the weights that it stands for."
    return course_sheet(angles, "degrees", f"{of} {about}"), angles


def _trees(table: pd.DataFrame, trees: pd.DataFrame, classes: Sequence[str], trained: str) -> Shown:
    named = trees.groupby(["part", "network"], sort=False)
    grown = {(str(part), str(network)): tree_from(rows, classes) for (part, network), rows in named}
    caption = f"{OF_CLASSES}: correlation distance, average linkage; the first training of each that did not diverge. "
    if len(grown) < table[table["measure"] == STRENGTH].groupby(["part", "network"]).ngroups:
        caption += "Networks that diverged, or whose classes are all alike, are left out. "
    return tree_sheet(grown, caption + trained), trees


def _last(table: pd.DataFrame) -> pd.DataFrame:
    return at_end(table).drop(columns=["epoch", "mode"])


def _of_feedback(table: pd.DataFrame) -> pd.Series:
    return table["measure"].str.startswith(FEEDBACK)
