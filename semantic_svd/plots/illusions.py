"""Illusory correlations beside the modes that make them and take them back."""

import pandas as pd
from matplotlib.figure import Figure

from semantic_svd.plots.curves import strength_lines
from semantic_svd.plots.style import FAINT, panels, styled


@styled
def illusion_panels(table: pd.DataFrame) -> Figure:
    """Draw the strengths of the modes over training, and under them what is wrongly said of items for a while.

    Parameters
    ----------
    table : DataFrame
        Columns model (a column of panels each), part ("strength" above, "illusion" below), mode, block, label, epoch,
        mean, low, high. An illusion has the mode and block that take it back, and their colour.

    Returns
    -------
    Figure

    Examples
    --------
    >>> table = pd.DataFrame({"epoch": [0, 9], "mode": 4, "block": "4", "mean": [0, 1], "low": 0, "high": 1})
    >>> table = pd.concat([table.assign(part=part, label="oak") for part in ("strength", "illusion")])
    >>> [ax.get_ylabel() for ax in illusion_panels(table.assign(model="BPA")).axes]
    ['strength of the mode', 'wrong response']
    """
    models = table["model"].unique()
    figure, axes = panels(2, len(models), height=115, sharex="col", sharey="row")
    for model, (above, below), letters in zip(models, axes.T, ("ac", "bd"), strict=False):
        rows = table[table["model"] == model]
        strength_lines(rows[rows["part"] == "strength"], above).set_title(f"{letters[0]}  {model}")
        illusions = rows[rows["part"] == "illusion"]
        strength_lines(illusions, below).set_title(letters[1])
        names = illusions.groupby("mode")["label"].first()
        below.legend(below.lines, names, loc="center left", bbox_to_anchor=(1.0, 0.5))
        below.axhline(0, color=FAINT, lw=0.5, zorder=0)
        below.set_ylabel("wrong response")
        above.set_xlabel("")
        for ax in (above, below):
            ax.label_outer()
            if model != models[-1]:
                ax.get_legend().remove()
    return figure
