"""The comparison of modes with a reference: a cell for each verdict."""

import textwrap
from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from semantic_svd.plots.style import DENSE, INK, PAGE, axes_or_new, label_of, styled

MOST_ABREAST = 9  # modes in a row whose verdicts have room; more of them stand under each other
RANDOM = "random modes, 95 % quantile"
SEQUENTIAL = sns.light_palette("#0173b2", as_cmap=True)


@styled
def comparison(table: pd.DataFrame, ax: Axes | None = None, *, reference: str = "the data") -> Axes:
    """Show the comparison of modes with a reference: a cell for each mode, coloured by its cosine.

    Modes stand side by side, or, when they are many, under each other.

    Parameters
    ----------
    table : DataFrame
        As `semantic_svd.alignment.compare` gives it: mode, verdict, block_cosine, null_cosine; with a column
        ``model`` there is one row of cells for each model, with a column ``label`` the modes are named, and a
        column ``seeds`` ("18 of 20") stands below the verdict. A last row holds null_cosine: the 95 %
        quantile of random modes.
    ax : Axes, optional
        Where to draw; a new figure of full page width by default.
    reference : str
        Whose modes these are.

    Returns
    -------
    Axes

    Examples
    --------
    >>> table = pd.DataFrame({"mode": [1], "verdict": ["same"], "block_cosine": [0.99], "null_cosine": [0.7]})
    >>> [text.get_text().splitlines() for text in comparison(table).texts]
    [['same', '0.99'], ['0.70']]
    """
    table = table.assign(**{name: "" for name in ("model", "seeds") if name not in table})
    null = table.drop_duplicates("mode").assign(model=RANDOM, verdict="", seeds="")
    rows = pd.concat([table, null.assign(block_cosine=null["null_cosine"])])
    models, modes = list(rows["model"].unique()), sorted(rows["mode"].unique())
    cosines = rows.pivot(index="model", columns="mode", values="block_cosine").loc[models, modes]
    heads = [label_of(rows[rows["mode"] == mode].iloc[0]) for mode in modes]
    many = len(modes) > MOST_ABREAST
    ax = axes_or_new(ax, PAGE, 20 + 5 * len(modes) if many else 16 + 15 * len(models))
    cells = cosines.T if many else cosines
    mesh = ax.pcolormesh(cells, cmap=SEQUENTIAL, vmin=0, vmax=1, edgecolors="white", linewidth=1.5)
    for row in rows.to_dict("records"):
        place = modes.index(row["mode"]) + 0.5, models.index(row["model"]) + 0.5
        words = _words(row, ", ", 99) if many else _words(row, "\n", 12)
        ink = "white" if row["block_cosine"] > 0.7 else INK
        ax.text(*(place[::-1] if many else place), words, ha="center", va="center", fontsize=6, color=ink)
    across, down = (models, heads) if many else (heads, models)
    ax.set_xticks(
        np.arange(len(across)) + 0.5,
        [textwrap.fill(head, 24 if many else 12) for head in across],
        fontsize=DENSE,
    )
    ax.set_yticks(np.arange(len(down)) + 0.5, [textwrap.fill(head, 30 if many else 18) for head in down])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.invert_yaxis()
    (ax.set_ylabel if many else ax.set_xlabel)(f"mode of {reference}")
    ax.figure.colorbar(mesh, ax=ax, label="cosine", fraction=0.03, pad=0.01, ticks=[0, 0.5, 1])
    return ax


def _words(row: dict[Hashable, Any], between: str, width: int) -> str:
    """Write what a cell says: the verdict, in how many seeds, and the cosine if there is one."""
    cosine = "" if np.isnan(row["block_cosine"]) else f"{row['block_cosine']:.2f}"
    return between.join(filter(None, [*textwrap.wrap(row["verdict"], width), row["seeds"], cosine]))
