"""What is said of the standard runs: the names of the modes, the categories of the items, the notes under figures."""

import pandas as pd

from semantic_svd.modes import block_names
from semantic_svd.report.standard import RATE, SEEDS, Model, reference

LABELS = {
    1: "animals",
    2: "plants",
    3: "birds / fish",
    4: "trees / flowers",
    5: "within birds, fish",
    6: "within birds, fish",
    7: "within trees, flowers",
    8: "within trees, flowers",
}
CATEGORIES = {
    **dict.fromkeys(("sparrow", "hawk"), "birds"),
    **dict.fromkeys(("salmon", "sunfish"), "fish"),
    **dict.fromkeys(("oak", "maple"), "trees"),
    **dict.fromkeys(("rose", "daisy"), "flowers"),
}


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """Add to a table with a column mode the block of each mode and what it is about."""
    return table.assign(block=table["mode"].map(block_names(reference())), label=table["mode"].map(LABELS))


def note(*models: Model, bands: str = "") -> str:
    """Say under a figure which models it shows, how they were trained, and what its bands (or bars) are.

    Examples
    --------
    >>> from semantic_svd.report.standard import BPA
    >>> note(BPA)
    'BPA: bpa, 34-8-34, linear hidden units, no biases. Learning rate 0.1, full batch.'
    """
    text = ". ".join(model.about for model in models) + f". Learning rate {RATE:g}, full batch."
    return f"{text} {interval_note(bands)}" if bands else text


def interval_note(bands: str = "bands") -> str:
    """Say what the bands of a figure are; the spaces inside 95 % t do not break.

    Examples
    --------
    >>> interval_note("bars").replace(chr(160), " ")
    '20 seeds; bars are 95 % t intervals of the mean.'
    """
    return f"{SEEDS} seeds; {bands} are 95\u00a0%\u00a0t intervals of the mean."
