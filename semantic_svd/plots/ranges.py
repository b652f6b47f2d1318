"""Means with their ranges, one row a condition: how conditions compare that share no time axis."""

import pandas as pd
from matplotlib.axes import Axes

from semantic_svd.plots.style import RULE_LOOKS, axes_or_new, reach, styled

__all__ = ["range_rows"]


@styled
def range_rows(table: pd.DataFrame, label: str, ax: Axes | None = None) -> Axes:
    """Draw the mean and the interval of each row, one under the other; measures side by side in colour.

    Parameters
    ----------
    table : DataFrame
        Columns row, measure, mean, low, high.
    label : str
        Of the horizontal axis, with its unit.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> table = pd.DataFrame({"row": ["a", "b"], "measure": "error", "mean": [1.0, 2.0], "low": 0.5, "high": 2.5})
    >>> [tick.get_text() for tick in range_rows(table, "error (%)").get_yticklabels()]
    ['a', 'b']
    """
    ax = axes_or_new(ax)
    rows, measures = list(table["row"].unique()), list(table["measure"].unique())
    step = min(0.16, 0.8 / len(measures))
    for i, (measure, part) in enumerate(table.groupby("measure", sort=False)):
        y = [rows.index(row) + step * (i - (len(measures) - 1) / 2) for row in part["row"]]
        color, marker = RULE_LOOKS[i % len(RULE_LOOKS)]
        ax.errorbar(
            part["mean"],
            y,
            xerr=reach(part),
            fmt=marker,
            color=color,
            markersize=3.5,
            capsize=2,
            label=str(measure),
        )
    ax.set_yticks(range(len(rows)), rows)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlabel(label)
    if len(measures) > 1:
        ax.legend(loc="best")
    return ax
