"""Runs side by side on one page: the curves of every mode, the stages, the trees, and how alike the ends are."""

from textwrap import fill
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import LogLocator

from semantic_svd.errors import InputError
from semantic_svd.names import broken, telling
from semantic_svd.plots.curves import TIMES, measure_lines, stages, strength_lines
from semantic_svd.plots.ranges import range_rows
from semantic_svd.plots.similarities import layer_table
from semantic_svd.plots.style import MM, MOST_LINES, PAGE, RULE_LOOKS, legend_columns, styled, without_legend

__all__ = ["dynamics"]

ABREAST = 4  # panels of strengths in a row
LAYER, LINE = 30, 100  # characters in a line of the name of a layer, and of one that has the page for itself
HALF_LEARNED = {  # the measure of panel b
    "epoch": "half learned",
    "rate_steps": "half learned, rate x steps",
    "relative": "half learned, relative",
}
FINAL = "final strength / data's"
ENDS = {  # measures of the end, in the words of the figure
    "agreement with the data's tree, output": "tree, output",
    "agreement with the data's tree, hidden": "tree, last hidden layer",
    "leakage": "leakage",
}


@styled
def dynamics(summary: pd.DataFrame, curves: pd.DataFrame, x: str = "epoch") -> Figure:
    """Draw what `comparisons.compare_runs` found: a page on what networks learn, when, and how alike.

    Of more than 24 modes the first are drawn, and the key says so.

    Parameters
    ----------
    summary, curves : DataFrame
        Its tables.
    x : str
        What tells the time: epoch, rate_steps or relative (to the first mode).

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        For another time, or more runs than can be told apart by colour.
    """
    if x not in TIMES:
        raise InputError(f"there is no time {x!r}; there are {', '.join(TIMES)}")
    names = telling(list(curves["run"].unique()))
    if len(names) > len(RULE_LOOKS):
        raise InputError(
            f"a figure tells {len(RULE_LOOKS)} runs apart, not {len(names)}; the tables take any number"
        )
    summary, curves = summary.replace({"run": names, "of": names}), curves.replace({"run": names})
    page = _page_of(summary, list(names.values()))
    figure = Figure(figsize=(PAGE * MM, (10 + sum(page.heights)) * MM), layout="constrained")
    above, middle, below = figure.subfigures(3, 1, squeeze=False, height_ratios=page.heights)[:, 0]
    _strengths(above, page, curves, x)
    stage_ax, tree_ax, leak_ax = middle.subplots(1, 3)
    half = _first_modes(summary[summary["measure"] == HALF_LEARNED[x]])
    _stages(stage_ax, half.rename(columns={"run": "rule", "of": "stage"}), x)
    for ax, measure, label in (
        (tree_ax, "agreement", "agreement of the last hidden\nlayer's tree with the data's"),
        (leak_ax, "leakage", "leakage between modes"),
    ):
        part = curves[curves["measure"] == measure].rename(columns={"run": "rule"})
        if part.empty:
            _say(ax, "no hidden layer\nwas kept by epoch")
        else:
            without_legend(measure_lines(part, label, ax, x, rules=list(names.values())))
            ax.set_xlabel(_label(ax.get_xlabel(), 3))
            if _shows_nothing(part, x):
                _say(ax, "no values")
    ends, alike = below.subplots(1, 2, width_ratios=(1, page.last_wide))
    _ends(ends, summary)
    _likeness(alike, summary)
    for letter, ax in zip("bcdef", (stage_ax, tree_ax, leak_ax, ends, alike), strict=True):
        ax.set_title(letter)
    handles, labels = leak_ax.get_legend_handles_labels()  # of every run, as responses are
    middle.legend(
        handles, [broken(label, LINE) for label in labels], loc="outside upper center", ncols=page.columns
    )
    return figure


class _Page(NamedTuple):
    """How panels of strengths stand, the columns of the key, the parts' millimetres, and how wide f is beside e."""

    rows: int
    abreast: int
    columns: int
    heights: tuple[float, float, float]
    last_wide: float


def _page_of(summary: pd.DataFrame, names: list[str]) -> _Page:
    """Leave room for names, for as many modes as there are, and for as many runs under each other."""
    n = len(names)
    rows, abreast = -(-n // ABREAST), min(ABREAST, n)
    columns = min(n, 4, max(1, int(PAGE // (14 + 1.36 * max(map(len, names))))))
    key = 4 * (-(-n // columns) - -(-n // 4))  # what it is taller than one of four columns
    titles = max(_title(name, abreast).count("\n") for name in names)
    measured = _first_modes(summary[summary["measure"] == FINAL])["of"].nunique()
    row = max(2.8, 0.6 * n)
    layers = [broken(name, LAYER).splitlines() for name in names]
    cell = max(6, 2.8 * max(map(len, layers)))
    table = 18 + 1.5 + 1.36 * max(len(line) for lines in layers for line in lines) + cell * (n + 1)
    heights = (
        10 + (42 + 3.5 * titles) * rows,
        max(62, 20 + row * measured) + key,
        max(62, 16 + row * (measured + len(ENDS)), table),
    )
    return _Page(rows, abreast, columns, heights, max(1.0, table / max(PAGE - table, 65)))


def _first_modes(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows of a measure of modes that are of the first modes, as many as can be told apart."""
    return rows[rows["of"].isin(rows["of"].unique()[:MOST_LINES])]


def _title(name: str, abreast: int) -> str:
    """Break a name into lines that are no longer than one of so many panels is wide."""
    return broken(name, int(95 / abreast))


def _label(label: str, abreast: int) -> str:
    """Break a label where it is longer than one of so many panels is wide: before its bracket, else between words."""
    width = 100 // abreast
    lines = [label] if len(label) <= width else label.replace(" (", "\n(").splitlines()
    return "\n".join(fill(line, width) for line in lines)


def _strengths(figure: SubFigure, page: _Page, curves: pd.DataFrame, x: str) -> None:
    """Draw the strengths of each run, with one key beside all: it widens no column."""
    every = curves[curves["measure"] == "strength"]
    strength = _first_modes(every).rename(columns={"of": "mode"})
    panels = list(figure.subplots(page.rows, page.abreast, squeeze=False, sharex=True, sharey=True).flat)
    for i, (run, rows) in enumerate(strength.groupby("run", sort=False)):
        ax = strength_lines(rows, panels[i], x=x)
        title = _title(str(run), page.abreast)
        ax.set_title(f"a   {title}" if i == 0 else title)
        ax.label_outer()
        ax.set_xlabel(_label(ax.get_xlabel(), page.abreast))
        without_legend(ax)
        if _shows_nothing(rows, x):
            _say(ax, "no values", scaled=not _shows_nothing(strength, x))
    handles, modes = panels[0].get_legend_handles_labels()
    key = legend_columns(len(modes))
    title = (
        "mode" if len(strength) == len(every) else f"the first {MOST_LINES}\nof {every['of'].nunique()} modes"
    )
    figure.legend(handles, modes, loc="outside right center", title=title, alignment="left", **key)
    for ax in panels[strength["run"].nunique() :]:
        ax.remove()


def _stages(ax: Axes, half: pd.DataFrame, x: str) -> None:
    learned = half.dropna(subset="mean")
    if learned.empty:
        _say(ax, "no mode is\nhalf learned")
        return
    without_legend(stages(half, ax, x))
    ax.set(xlabel="half learned at" + (" epoch" if x == "epoch" else f"\n{TIMES[x]}"), ylabel="mode")
    low, high = ax.get_xlim()
    if high > 100 * low:  # a third of a page has room for decades
        ax.xaxis.set_major_locator(LogLocator())


def _shows_nothing(rows: pd.DataFrame, x: str) -> bool:
    """Tell whether no point of curves has a place: of an output that is not taught, or a time that no mode gives."""
    return rows.dropna(subset=[x, "mean"]).empty


def _say(ax: Axes, text: str, scaled: bool = False) -> None:
    """Say in a panel why there is nothing in it; it keeps its ticks if its axes are scaled, by panels beside it."""
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes)
    if not scaled:
        ax.tick_params(length=0, labelbottom=False, labelleft=False)


def _ends(ax: Axes, summary: pd.DataFrame) -> None:
    """Draw what is there at the end: each mode's strength in units of the data's, the trees, leakage."""
    strength = _first_modes(summary[summary["measure"] == FINAL])
    parts = [strength.assign(row="mode " + strength["of"].astype(str))]
    parts += [summary[summary["measure"] == name].assign(row=word) for name, word in ENDS.items()]
    range_rows(
        pd.concat(parts).assign(measure=lambda t: t["run"]), "at the end (1 is the data's; of leakage, 0)", ax
    )
    without_legend(ax)


def _likeness(ax: Axes, summary: pd.DataFrame) -> None:
    """Draw the CKA of hidden layers with the data and with each other, and what chance gives."""
    table, chance = (summary[summary["measure"] == name] for name in ("CKA", "CKA, shuffled items"))
    if table["mean"].isna().all():
        _say(ax, "no CKA: all items are alike,\nin layers or in the data")
        return
    table = table.assign(
        layer=[broken(run, LAYER) for run in table["run"]],
        layer_2=[broken(of, LAYER) for of in table["of"]],
        null=chance["mean"].to_numpy(),
    )
    layer_table(table, "linear CKA", ax=ax)
