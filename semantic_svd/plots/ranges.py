"""Means with their ranges, one row a condition: how conditions compare that share no time axis."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from semantic_svd.plots.style import RULE_LOOKS, axes_or_new, reach, styled

__all__ = ["range_rows"]


@styled
def range_rows(
    table: pd.DataFrame, label: str, ax: Axes | None = None, measures: Sequence[str] | None = None
) -> Axes:
    """Draw the mean and the interval of each row, one under the other; measures side by side in colour.

    Parameters
    ----------
    table : DataFrame
        Columns row, measure, mean, low, high; also open, if there is one: which marks are not filled.
    label : str
        Of the horizontal axis, with its unit.
    ax : Axes, optional
    measures : sequence of str, optional
        All measures in order, so that one has the same colour in every panel; by default those of the table.

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
    rows, shown = list(table["row"].unique()), list(table["measure"].unique())
    looks = dict(zip(measures or shown, RULE_LOOKS, strict=False))
    step = min(0.16, 0.8 / len(shown))
    for i, measure in enumerate(shown):
        color, marker = looks[measure]
        of_measure = table[table["measure"] == measure]
        kinds = of_measure.groupby("open") if "open" in table else [(False, of_measure)]
        for j, (is_open, part) in enumerate(kinds):
            ax.errorbar(
                part["mean"],
                [rows.index(row) + step * (i - (len(shown) - 1) / 2) for row in part["row"]],
                xerr=reach(part),
                fmt=marker,
                color=color,
                mfc="white" if is_open else color,
                markersize=3.5,
                capsize=2,
                label="_" * j + str(measure),
            )
    ax.set_yticks(range(len(rows)), rows)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlabel(label)
    if len(shown) > 1:
        ax.legend(loc="best")
    return ax
