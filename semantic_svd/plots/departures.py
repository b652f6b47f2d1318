"""Curves beside a theory, or beside others, and how far they depart from them."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from semantic_svd.plots.curves import strength_lines
from semantic_svd.plots.style import FAINT, RULE_LOOKS, axes_or_new, mode_style, panels, styled

ALLOWED = 0.01  # a departure of a hundredth of the mode is the line to stay under
SMALLEST = 1e-6  # departures are drawn from here on: what is below is the rounding of late epochs


@styled
def theory_panels(table: pd.DataFrame, x: str = "rate_steps", theory: str = "theory") -> Figure:
    r"""Draw strengths with a theory on top, a panel each, and under each how far the curves depart from it.

    Parameters
    ----------
    table : DataFrame
        Columns panel (the titles), ``x``, mode, mean, low, high, theory and departure (as a share of the mode), as
        `tables.beside_theory` gives them; also block and label if there are any.
    x : str
        The column that tells the time.
    theory : str
        What the dotted lines are called.

    Returns
    -------
    Figure

    Examples
    --------
    >>> table = pd.DataFrame({"rate_steps": [0, 9], "mode": 1, "mean": [0, 4], "low": [0, 3], "high": [0, 5]})
    >>> figure = theory_panels(table.assign(panel="rate 0.1", theory=[0, 4.1], departure=[0, 0.02]))
    >>> [ax.get_ylabel() for ax in figure.axes[:2]]
    ['strength of the mode', 'largest departure,\nshare of the mode']
    """
    titles = table["panel"].unique()
    figure, axes = panels(2, len(titles), height=100, sharex="col", sharey="row", height_ratios=(3, 2))
    for (above, below), title in zip(axes.T, titles, strict=True):
        rows = table[table["panel"] == title]
        strength_lines(rows, above, rows.assign(strength=rows["theory"]), x).set_title(title)
        _departures(rows, below, x)
        below.set_xlabel(above.get_xlabel().replace(" (", "\n("))
        above.get_legend().remove()
        above.label_outer()
        below.label_outer()
    lines, names = axes[0, -1].get_legend_handles_labels()
    names[-1] = theory
    axes[0, -1].legend(
        lines, names, loc="center left", bbox_to_anchor=(1.0, 0.5), title="mode", alignment="left"
    )
    return figure


@styled
def departure_lines(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how far two rules are ever apart by the size of the first weights, a line and a band for each start.

    Parameters
    ----------
    table : DataFrame
        Columns scale (of the weights, as a share of the standard), start (its name), mean, low, high (the largest
        departure, as a share of the mode).
    ax : Axes, optional
        Where to draw; a new figure of one column by default.

    Returns
    -------
    Axes

    Examples
    --------
    >>> table = pd.DataFrame({"scale": [0.1, 1], "start": "tied", "mean": [0.1, 1], "low": 0.01, "high": [0.2, 2]})
    >>> departure_lines(table).get_xlabel()
    'size of the first weights, standard = 1'
    """
    ax = axes_or_new(ax, height=70)
    ax.set(xscale="log", yscale="log")
    for (start, rows), (colour, marker) in zip(table.groupby("start", sort=False), RULE_LOOKS, strict=False):
        ax.plot(rows["scale"], rows["mean"], color=colour, marker=marker, ms=3, label=str(start))
        ax.fill_between(rows["scale"], rows["low"], rows["high"], color=colour, alpha=0.22, lw=0)
    ax.axhline(ALLOWED, color=FAINT, lw=0.8, zorder=0)
    ax.set(xlabel="size of the first weights, standard = 1", ylabel="largest departure, share of the mode")
    ax.set_xticks(sorted(table["scale"].unique()), minor=False)
    ax.set_xticks([], minor=True)
    ax.xaxis.set_major_formatter("{x:g}")
    ax.legend(loc="lower left", bbox_to_anchor=(-0.03, 1.0))
    return ax


def _departures(rows: pd.DataFrame, ax: Axes, x: str) -> None:
    """Draw the largest departure of each mode, with the line that it should stay under."""
    for _, of_mode in rows.groupby("mode"):
        row = of_mode.iloc[0]
        ax.plot(of_mode[x], of_mode["departure"], **mode_style(int(row["mode"]), row.get("block")))
    ax.axhline(ALLOWED, color=FAINT, lw=0.8, zorder=0)
    ax.set(yscale="log", ylim=(SMALLEST, 2), ylabel="largest departure,\nshare of the mode")
    if rows["departure"].max() < SMALLEST:
        ax.text(0.5, 0.5, "below $10^{-6}$", transform=ax.transAxes, ha="center", va="center")
