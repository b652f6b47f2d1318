"""Meetings of trained networks with a new item: errors by presentation, and what is lost where."""

import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from semantic_svd.plots.curves import measure_lines
from semantic_svd.plots.style import DENSE, FAINT, INK, axes_or_new, panels, styled, without_legend
from semantic_svd.plots.verdicts import SEQUENTIAL

PRESENTATIONS = {"epoch": "presentations of the new item", "presentations": "presentations of all items"}
LEAST = 1e-3  # the squared error at which curves leave the page
SEEN = 0.05  # amounts below this are written 0


@styled
def meeting_lines(table: pd.DataFrame) -> Figure:
    """Draw errors while a new item is learned, by presentations of it and by presentations of all items.

    Parameters
    ----------
    table : DataFrame
        Columns items (of whom the error is, a row of panels each), regime, epoch, presentations, mean, low, high, and
        theory, which is drawn dotted where there is one.

    Returns
    -------
    Figure

    Examples
    --------
    >>> table = pd.DataFrame({"items": "the old items", "regime": "focused", "epoch": [0, 9], "theory": [0, 7.0]})
    >>> figure = meeting_lines(table.assign(presentations=table["epoch"], mean=[0, 7.0], low=[0, 6.0], high=[0, 8.0]))
    >>> [ax.get_xlabel() for ax in figure.axes]
    ['presentations of the new item', 'presentations of all items']
    """
    kinds, regimes = table["items"].unique(), list(table["regime"].unique())
    figure, axes = panels(len(kinds), 2, height=15 + 45 * len(kinds), sharey="row", sharex="col")
    for row, items in zip(axes, kinds, strict=True):
        rows = table[table["items"] == items].rename(columns={"regime": "rule"})
        for ax, x in zip(row, PRESENTATIONS, strict=True):
            _growth(rows, f"squared error\non {items}", ax, regimes, rows["mean"].max(), x)
            for _, theory in rows.dropna(subset="theory").groupby("rule"):
                ax.plot(theory[x], theory["theory"], color="black", ls=":", lw=1.2, label="theory")
    axes[0, 0].legend(loc="lower left", title="regime", alignment="left")
    return figure


@styled
def amounts(table: pd.DataFrame, ax: Axes | None = None, most: float | None = None) -> Axes:
    r"""Write amounts into cells, the larger the darker; the colour is as the square root of the amount.

    Parameters
    ----------
    table : DataFrame
        Columns rule (the rows of cells), place (their columns) and mean, the amounts, 0 or greater; also high, if there
        is one: the upper end of an interval, whose half stands below its amount unless it rounds to nothing.
    ax : Axes, optional
        Where to draw; a new figure of one column by default.
    most : float, optional
        The amount that is darkest, for panels that are compared; by default the largest of the table.

    Returns
    -------
    Axes

    Examples
    --------
    >>> table = pd.DataFrame({"rule": "bpa", "place": ["oak", "hawk"], "mean": [0.01, 2.04]})
    >>> [text.get_text() for text in amounts(table).texts]
    ['0', '2.0']
    >>> [text.get_text() for text in amounts(table.assign(high=[0.02, 2.16])).texts]
    ['0', '2.0\n±0.1']
    """
    rules, places = table["rule"].unique(), table["place"].unique()
    ax = axes_or_new(ax, height=20 + 6 * len(rules))
    cells, highs = (
        table.pivot(index="rule", columns="place", values=column).loc[rules, places].to_numpy()
        for column in ("mean", "high" if "high" in table else "mean")
    )
    norm = PowerNorm(0.5, 0, most or cells.max() or 1.0)
    ax.pcolormesh(cells, cmap=SEQUENTIAL, norm=norm, edgecolors="white", linewidth=1)
    for (i, j), amount in np.ndenumerate(cells):
        half = highs[i, j] - amount
        text = "0" if amount < SEEN else f"{amount:.1f}" if amount < 9.95 or half >= SEEN else f"{amount:.0f}"
        text += f"\n±{half:.1f}" if half >= SEEN else ""
        ink = FAINT if amount < SEEN else "white" if norm(amount) > 0.6 else INK
        ax.text(j + 0.5, i + 0.5, text, ha="center", va="center", fontsize=6, linespacing=0.9, color=ink)
    names = [textwrap.fill(str(place), 14) for place in places]
    ax.set_xticks(np.arange(len(places)) + 0.5, names, rotation=90, fontsize=DENSE)
    ax.set_yticks(np.arange(len(rules)) + 0.5, rules)
    ax.set_ylim(len(rules), 0)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


@styled
def loss_panels(table: pd.DataFrame) -> Figure:
    """Show what is lost to a new item: a panel for each regime, above by old item and below by mode.

    Parameters
    ----------
    table : DataFrame
        As for `amounts`, with columns regime and side, in reading order.

    Returns
    -------
    Figure

    Examples
    --------
    >>> table = pd.DataFrame({"rule": "bpa", "place": ["oak", "1"], "side": ["item", "mode"], "mean": [0.0, 2.0]})
    >>> figure = loss_panels(table.assign(regime="focused"))
    >>> [ax.get_title("left") for ax in figure.axes]
    ['focused', '']
    """
    sides, regimes = table["side"].unique(), table["regime"].unique()
    figure, axes = panels(len(sides), len(regimes), height=61 * len(sides), sharey=True)
    for (i, j), ax in np.ndenumerate(axes):
        rows = table[(table["side"] == sides[i]) & (table["regime"] == regimes[j])]
        amounts(rows, ax, table["mean"].max()).tick_params(axis="y", labelleft=j == 0)
        ax.set_title(regimes[j] if i == 0 else "")
    return figure


@styled
def loss_lines(table: pd.DataFrame) -> Figure:
    """Draw how interference grows while a new item is learned, by rule: a panel for each regime.

    Parameters
    ----------
    table : DataFrame
        Columns regime, rule, epoch, mean, low, high.

    Returns
    -------
    Figure

    Examples
    --------
    >>> table = pd.DataFrame({"regime": "focused", "rule": "bpa", "epoch": [0, 9], "mean": [0.0, 7.0]})
    >>> [ax.get_title("left") for ax in loss_lines(table.assign(low=[0.0, 6.0], high=[0.0, 8.0])).axes]
    ['focused']
    """
    regimes, rules = table["regime"].unique(), list(table["rule"].unique())
    figure, axes = panels(1, len(regimes), height=70, sharey=True)
    for ax, regime in zip(axes[0], regimes, strict=True):
        rows = table[table["regime"] == regime]
        _growth(rows, "interference with\nthe old items", ax, rules, table["mean"].max()).set_title(regime)
    handles = {line.get_label(): line for ax in axes[0] for line in ax.lines}
    figure.legend(handles.values(), handles, loc="outside upper center", ncols=3)
    return figure


def _growth(
    table: pd.DataFrame, measure: str, ax: Axes, rules: Sequence[str], most: float, x: str = "epoch"
) -> Axes:
    """Draw errors by presentations, on a logarithmic axis that ends at LEAST."""
    without_legend(measure_lines(table, measure, ax, x, rules))
    ax.set(xlabel=PRESENTATIONS[x], yscale="log", ylim=(LEAST, 2 * most))
    ax.label_outer()
    return ax
