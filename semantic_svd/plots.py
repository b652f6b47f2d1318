"""Tables in, axes out: every figure of the project, in one look, ready to print.

Nothing here computes. A function takes a labelled array or a tidy table, draws on ``ax`` (or on a new figure
of a journal's column width) and returns the axes. Figures are made without pyplot: no window, no global list
of figures, nothing to close. The typeface is the one that matplotlib carries: every machine draws alike.
"""

import functools
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure

if TYPE_CHECKING:
    from semantic_svd.dendrograms import Tree

__all__ = [
    "COLUMN",
    "PAGE",
    "agreement_lines",
    "caption",
    "comparison",
    "dendrogram",
    "dendrogram_panels",
    "mode_style",
    "panels",
    "save",
    "stages",
    "strength_lines",
    "strength_panels",
    "svd_panels",
    "svd_rows",
]

P = ParamSpec("P")
T = TypeVar("T")

# -------------------------------------------------------------------------------------------- the house style

COLUMN, PAGE = 85, 175  # widths in millimetres: one column, the full page
MM = 1 / 25.4  # inches in a millimetre
DENSE = 6.5  # points, for labels that stand close together
NOTE = 7  # millimetres, room for a note under an SVD

STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.title_fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "mathtext.default": "regular",
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
    "savefig.bbox": None,
}

INK, FAINT = "#222222", "#888888"
RANDOM = "random modes, 95 % of draws"
DIVERGING = "RdBu_r"  # blue is below zero, white is zero, red is above
SEQUENTIAL = sns.light_palette("#0173b2", as_cmap=True)
MODE_COLOURS = [sns.color_palette("colorblind")[i] for i in (0, 2, 3, 1, 4, 9, 7, 5)]
MODE_LINES: list[Any] = ["-", (0, (4, 1.6)), (0, (1, 1)), (0, (4, 1, 1, 1))]
# Paul Tol's muted and vibrant sets, safe for the colour-blind
GROUP_COLOURS = ["#332288", "#44AACC", "#117733", "#AA4499", "#CC6677", "#999933", "#882255", "#DDCC77"]
RULE_LOOKS = [("#000000", "o"), ("#CC3311", "s"), ("#0077BB", "^"), ("#009988", "D"), ("#EE7733", "v")]
TIMES = {
    "epoch": "epoch",
    "rate_steps": "learning rate × steps",
    "relative": "time relative to the first mode",
}
FIRST_STEP = {"epoch": 1.0, "rate_steps": 0.1}  # time axes are linear to here and logarithmic beyond


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Run a drawing function in the house style, and leave the reader's own settings alone."""

    @functools.wraps(draw)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        with mpl.rc_context(STYLE):
            return draw(*args, **kwargs)

    return wrapped


def mode_style(mode: int, block: str | int | None = None) -> dict[str, Any]:
    """Colour and line style of a mode, the same in every figure.

    Members of one block share their colour, because no data can tell them apart, and differ in line style.

    Parameters
    ----------
    mode : int
        Number of the mode, from 1.
    block : str, optional
        The block it belongs to, such as ``"5-6"``. Without it the mode is a block of its own.

    Returns
    -------
    dict
        ``color`` and ``linestyle``, as matplotlib takes them.

    Examples
    --------
    >>> mode_style(5, "5-6")["color"] == mode_style(6, "5-6")["color"]
    True
    >>> mode_style(5, "5-6")["linestyle"], mode_style(6, "5-6")["linestyle"]
    ('-', (0, (4, 1.6)))
    """
    first = int(str(mode if block is None else block).split("-")[0])
    return {
        "color": MODE_COLOURS[(first - 1) % len(MODE_COLOURS)],
        "linestyle": MODE_LINES[(mode - first) % len(MODE_LINES)],
    }


@styled
def panels(
    rows: int = 1, columns: int = 1, width: float = PAGE, height: float = 60, **options: Any
) -> tuple[Figure, np.ndarray]:
    """Make a figure of panels in the house style.

    Parameters
    ----------
    rows, columns : int
        Number of panels.
    width, height : float
        Size on paper in millimetres; the widths in use are `COLUMN` and `PAGE`.
    **options
        As for `matplotlib.figure.Figure.subplots`.

    Returns
    -------
    figure : Figure
    axes : ndarray of Axes, shape (rows, columns)

    Examples
    --------
    >>> figure, axes = panels(1, 2, height=50)
    >>> axes.shape, round(figure.get_figwidth() * 25.4)
    ((1, 2), 175)
    """
    figure = Figure(figsize=(width * MM, height * MM), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


@styled
def caption(figure: Figure, text: str) -> None:
    """Write a note under a figure: which model, how many seeds, what the bands are.

    The page grows by what the note needs, so that panels keep their size; under an SVD there is room for two lines.

    Examples
    --------
    >>> figure, axes = panels(width=COLUMN)
    >>> caption(figure, "20 seeds; bands are 95 % intervals of the mean")
    """
    wide, tall = (size / figure.dpi / MM for size in (figure.bbox.width, figure.bbox.height))
    lines = textwrap.wrap(text, int(0.76 * wide))
    if figure.get_layout_engine():
        figure.set_figheight((tall + 3 * len(lines)) * MM)
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=DENSE, color=INK)


def _axes(ax: Axes | None, width: float = COLUMN, height: float = 60) -> Axes:
    return panels(width=width, height=height)[1][0, 0] if ax is None else ax


# ---------------------------------------------------------------------------------------------------- the SVD


@styled
def svd_panels(
    matrix: xr.DataArray,
    modes: xr.Dataset,
    figure: Figure | SubFigure | None = None,
    title: str = "",
    name: str = "matrix",
) -> Figure | SubFigure:
    """Draw the equation matrix = U S V', every row and column by its name.

    A wide matrix stands above V', so that the two share the names of the properties; a narrow one stands left
    of U. The matrix, S, and the pair of U and V' have each their own colour scale, symmetric about zero.

    Parameters
    ----------
    matrix : DataArray, shape (n_items, n_columns)
        Rows are items; columns are properties, or the units of a layer.
    modes : Dataset
        Its singular value decomposition: U (item, mode), s (mode), V (column, mode).
    figure : Figure or SubFigure, optional
        Where to draw, from its upper left corner on; a new figure of full page width by default.
    title : str
        Says whose matrix it is.
    name : str
        What the matrix is called in the equation.

    Returns
    -------
    Figure or SubFigure

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> coords = {"item": ["oak", "rose"], "property": ["tall", "red"], "mode": [1, 2]}
    >>> sides = {"U": (("item", "mode"), np.eye(2)), "V": (("property", "mode"), np.eye(2))}
    >>> modes = xr.Dataset({**sides, "s": ("mode", [2.0, 1.0])}, coords)
    >>> figure = svd_panels((modes.U * modes.s) @ modes.V, modes)
    >>> [ax.get_title() for ax in figure.axes[:4]]
    ['matrix', 'U', 'S', "V'"]
    """
    page = _page_of(matrix, modes)
    figure = figure if figure is not None else Figure(figsize=(PAGE * MM, (page.height + NOTE) * MM))
    blocks = _equation(matrix, modes, name)
    for block, box in zip(blocks, page.boxes, strict=True):
        _cells(_add_axes(figure, box), block, box)
    if page.shared_names:
        figure.axes[3].set_xticklabels([])
    for sign, x, y in page.signs:
        figure.text(*_at(figure, x, y), sign, ha="center", va="center", fontsize=12)
    for label, block, box in zip((name, "U and V'", "S"), blocks, page.bars, strict=False):
        _colour_bar(_add_axes(figure, box), block.limit, label)
    figure.text(*_at(figure, 2, 2), title, va="top", fontweight="bold")
    return figure


@styled
def svd_rows(equations: Mapping[str, tuple[xr.DataArray, xr.Dataset]], name: str = "matrix") -> Figure:
    """Draw several equations matrix = U S V' under each other, on one page.

    Parameters
    ----------
    equations : mapping of title to (matrix, modes)
        As for `svd_panels`.
    name : str
        What the matrices are called.

    Returns
    -------
    Figure

    Examples
    --------
    >>> from semantic_svd.modes import svd
    >>> units = xr.DataArray(np.eye(2), dims=("item", "unit"), coords={"item": ["oak", "rose"], "unit": [1, 2]})
    >>> figure = svd_rows({"layer 1": (units, svd(units)), "layer 2": (units, svd(units))})
    >>> len(figure.subfigs)
    2
    """
    heights = [_page_of(matrix, modes).height for matrix, modes in equations.values()]
    heights[-1] += NOTE
    figure = Figure(figsize=(PAGE * MM, sum(heights) * MM))
    rows = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    for row, (title, (matrix, modes)) in zip(rows, equations.items(), strict=True):
        svd_panels(matrix, modes, row, title, name)
    return figure


class _Block(NamedTuple):
    """One matrix of the equation: its entries, the names of its rows and columns, its colour limit."""

    title: str
    values: np.ndarray
    rows: list[Any]
    columns: list[Any]
    counted: str  # what the numbers of the columns count
    limit: float


def _equation(matrix: xr.DataArray, modes: xr.Dataset, name: str) -> list[_Block]:
    """List the matrix, U, S and V' with their labels and colour limits."""
    items, columns = (matrix[dim].values.tolist() for dim in matrix.dims)
    numbers = modes["mode"].values.tolist()
    U, s, V = modes["U"].values, modes["s"].values, modes["V"].values
    counted = "" if isinstance(columns[0], str) else str(matrix.dims[1])
    whole, vectors = float(np.abs(matrix.values).max()), float(max(np.abs(U).max(), np.abs(V).max()))
    return [
        _Block(name, matrix.values, items, columns, counted, whole),
        _Block("U", U, items, numbers, "mode", vectors),
        _Block("S", np.diag(s), numbers, numbers, "mode", float(s.max())),
        _Block("V'", V.T, numbers, columns, counted, vectors),
    ]


# Left, top, width and height, in millimetres from the upper left corner of the figure.
Box = tuple[float, float, float, float]


class _Page(NamedTuple):
    """Where the parts of the equation stand."""

    height: float
    boxes: list[Box]  # the matrix, U, S, V'
    signs: list[tuple[str, float, float]]
    bars: list[Box]
    shared_names: bool


def _page_of(matrix: xr.DataArray, modes: xr.Dataset) -> _Page:
    items, columns = (matrix[dim].values.tolist() for dim in matrix.dims)
    return (_stacked if len(columns) > 16 else _in_a_row)(items, columns, modes.sizes["mode"])


def _stacked(items: Sequence[Any], columns: Sequence[Any], rank: int) -> _Page:
    """Lay out the matrix above V', with the names of the properties between them."""
    left, gap, row, top = 7 + _span(items), 9.5, 3.2, 11.0
    cell = (PAGE - left - 2 * gap - 2) / (2 * rank + len(columns))
    tall, deep = row * len(items), row * rank
    at_S = left + rank * cell + gap
    at_V = at_S + rank * cell + gap
    low = top + tall + _span(columns) + 6
    middle = low + tall / 2
    return _Page(
        height=low + max(tall, deep) + 8,
        boxes=[
            (at_V, top, len(columns) * cell, tall),
            (left, low, rank * cell, tall),
            (at_S, low, rank * cell, deep),
            (at_V, low, len(columns) * cell, deep),
        ],
        signs=[("=", 3.0, middle), ("×", at_S - gap / 2 - 1, middle), ("×", at_V - gap / 2 - 1, middle)],
        bars=[(left, top + 3 + 10.5 * i, 24.0, 1.8) for i in range(3)],
        shared_names=True,
    )


def _in_a_row(items: Sequence[Any], columns: Sequence[Any], rank: int) -> _Page:
    """Lay out the matrix, U, S and V' from left to right, and the colour bars at the end."""
    left, gap, sign, top, bars = 2 + _span(items), 10.0, 7.0, 11.0, 24.0
    fixed = left + sign + left + 2 * gap + bars
    cell = min(4.2, (PAGE - fixed) / (2 * rank + 2 * len(columns)))
    tall, wide, deep = cell * len(items), cell * len(columns), cell * rank
    at_U = left + wide + sign + left
    at_S = at_U + deep + gap
    at_V = at_S + deep + gap
    middle = top + tall / 2
    return _Page(
        height=top + max(tall, deep) + max(7.0, _span(columns) + 2),
        boxes=[
            (left, top, wide, tall),
            (at_U, top, deep, tall),
            (at_S, top, deep, deep),
            (at_V, top, wide, deep),
        ],
        signs=[
            ("=", left + wide + sign / 2, middle),
            ("×", at_S - gap / 2 - 1, middle),
            ("×", at_V - gap / 2 - 1, middle),
        ],
        bars=[(at_V + wide + 6, top + 3 + 10.5 * i, bars - 10, 1.8) for i in range(3)],
        shared_names=False,
    )


def _span(names: Sequence[Any]) -> float:
    """Estimate the millimetres that the longest name takes in a dense label."""
    return 1.5 + 1.36 * max(len(str(name)) for name in names)


def _at(figure: Figure | SubFigure, x: float, y: float) -> tuple[float, float]:
    """Turn millimetres from the upper left corner into fractions of the figure."""
    return x * MM * figure.dpi / figure.bbox.width, 1 - y * MM * figure.dpi / figure.bbox.height


def _add_axes(figure: Figure | SubFigure, box: Box) -> Axes:
    x, y, width, height = box
    left, bottom = _at(figure, x, y + height)
    right, top = _at(figure, x + width, y)
    return figure.add_axes((left, bottom, right - left, top - bottom))


def _cells(ax: Axes, block: _Block, box: Box) -> None:
    """Fill the axes with a coloured cell for each entry, the first row on top; labels shrink before they touch."""
    ax.pcolormesh(
        block.values,
        cmap=DIVERGING,
        vmin=-block.limit,
        vmax=block.limit,
        edgecolors="#DDDDDD",
        linewidth=0.25,
    )
    ax.invert_yaxis()
    rotation = 90 if isinstance(block.columns[0], str) else 0
    ax.set_xticks(
        np.arange(len(block.columns)) + 0.5, [str(name) for name in block.columns], rotation=rotation
    )
    ax.set_yticks(np.arange(len(block.rows)) + 0.5, [str(name) for name in block.rows])
    ax.tick_params(axis="x", length=0, pad=2, labelsize=min(DENSE, 2.7 * box[2] / len(block.columns)))
    ax.tick_params(axis="y", length=0, pad=2, labelsize=min(DENSE, 2.7 * box[3] / len(block.rows)))
    ax.set_xlabel(block.counted, fontsize=DENSE, labelpad=1)
    ax.set_title(block.title, loc="center", pad=3)
    for spine in ax.spines.values():
        spine.set(visible=True, color=FAINT, linewidth=0.5)


def _colour_bar(ax: Axes, limit: float, label: str) -> None:
    scale = ScalarMappable(Normalize(-limit, limit), DIVERGING)
    bar = ax.figure.colorbar(scale, cax=ax, orientation="horizontal", ticks=[-limit, 0, limit])
    ax.set_xticklabels([f"{tick:.2g}".replace("-", "−") for tick in (-limit, 0.0, limit)], fontsize=DENSE)
    ax.tick_params(length=1.5, pad=1)
    ax.set_title(label, fontsize=DENSE, pad=2, loc="center")
    bar.outline.set_linewidth(0.4)


# --------------------------------------------------------------------------------------- curves over training


@styled
def strength_lines(
    table: pd.DataFrame, ax: Axes | None = None, theory: pd.DataFrame | None = None, x: str = "epoch"
) -> Axes:
    """Draw the strength of each mode over training, with a band over seeds.

    Parameters
    ----------
    table : DataFrame
        Columns ``x``, mode, mean, low, high; also block (members of one block share a colour) and label (what
        a mode is about), if there are any.
    ax : Axes, optional
        Where to draw; a new figure of one column by default.
    theory : DataFrame, optional
        Columns ``x``, mode, strength: dotted black lines on top.
    x : str
        The column that tells the time: epoch, rate_steps or relative.

    Returns
    -------
    Axes

    Examples
    --------
    >>> table = pd.DataFrame({"epoch": [0, 9], "mode": 1, "mean": [0, 4], "low": [0, 3], "high": [0, 5]})
    >>> ax = strength_lines(table)
    >>> ax.get_xlabel(), [line.get_label() for line in ax.lines]
    ('epoch (logarithmic from 1)', ['1'])
    """
    ax = _axes(ax)
    for _, rows in table.groupby("mode"):
        _band(ax, rows, x, label=_label(rows), **mode_style(_first(rows, "mode"), _first(rows, "block")))
    if theory is not None:
        for i, (_, rows) in enumerate(theory.groupby("mode")):
            ax.plot(rows[x], rows["strength"], color="black", ls=":", lw=0.9, label="_" * (i > 0) + "theory")
    _time_axis(ax, x)
    ax.set_ylabel("strength of the mode")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), title="mode", alignment="left")
    return ax


@styled
def strength_panels(table: pd.DataFrame, x: str = "epoch") -> Figure:
    """Draw strengths side by side on a page, a panel each.

    Parameters
    ----------
    table : DataFrame
        As for `strength_lines`, with a column panel, the titles, and a column theory if there is one.
    x : str
        The column that tells the time.

    Returns
    -------
    Figure

    Examples
    --------
    >>> table = pd.DataFrame({"epoch": [0, 9], "mode": 1, "mean": [0, 4], "low": [0, 3], "high": [0, 5]})
    >>> figure = strength_panels(table.assign(panel="BPA, projected"))
    >>> figure.axes[0].get_title("left")
    'BPA, projected'
    """
    titles = table["panel"].unique()
    figure, axes = panels(1, len(titles), height=62, sharey=True)
    for ax, title in zip(axes[0], titles, strict=True):
        rows = table[table["panel"] == title]
        theory = rows.assign(strength=rows["theory"]) if "theory" in rows else None
        strength_lines(rows, ax, theory, x).set_title(title)
        ax.label_outer()
    for ax in axes[0, :-1]:
        ax.get_legend().remove()
    return figure


@styled
def agreement_lines(table: pd.DataFrame, ax: Axes | None = None, x: str = "epoch") -> Axes:
    """Draw how far the items' tree agrees with the data's over training: a line and a band for each rule.

    Parameters
    ----------
    table : DataFrame
        Columns ``x``, rule, mean, low, high.
    ax : Axes, optional
        Where to draw; a new figure of one column by default.
    x : str
        The column that tells the time.

    Returns
    -------
    Axes

    Examples
    --------
    >>> table = pd.DataFrame({"epoch": [0, 9], "rule": "bpa", "mean": [0, 1], "low": [0, 1], "high": [0, 1]})
    >>> agreement_lines(table).get_xlabel()
    'epoch (logarithmic from 1)'
    """
    ax = _axes(ax)
    for (rule, rows), (colour, _) in zip(table.groupby("rule", sort=False), RULE_LOOKS, strict=False):
        _band(ax, rows, x, label=str(rule), color=colour)
    ax.axhline(1, color=FAINT, lw=0.5, zorder=0)
    _time_axis(ax, x)
    ax.set_ylabel("correlation with\nthe data's tree")
    ax.legend(loc="lower right")
    return ax


def _time_axis(ax: Axes, x: str) -> None:
    """Let time run linearly through the first step and logarithmically from there: learning has no one pace."""
    first = FIRST_STEP.get(x, 1.0)
    ax.set_xscale("symlog", linthresh=first, linscale=0.5)
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_xlabel(f"{TIMES.get(x, x)} (logarithmic from {first:g})")
    ax.margins(x=0.01)


def _band(ax: Axes, rows: pd.DataFrame, x: str, label: str, color: Any, linestyle: Any = "-") -> None:
    ax.plot(rows[x], rows["mean"], color=color, ls=linestyle, label=label)
    ax.fill_between(rows[x], rows["low"], rows["high"], color=color, alpha=0.22, lw=0)


def _first(rows: pd.DataFrame, column: str) -> Any:
    return rows[column].iloc[0] if column in rows else None


def _label(rows: pd.DataFrame) -> str:
    return f"{_first(rows, 'mode')} {_first(rows, 'label') or ''}".strip()


# ----------------------------------------------------------------------------------------------------- stages


@styled
def stages(table: pd.DataFrame, ax: Axes | None = None, x: str = "epoch") -> Axes:
    """Mark when each mode is half learned, by rule, with an interval over seeds.

    Parameters
    ----------
    table : DataFrame
        Columns rule, mode, mean, low, high, and label if there is one; mean, low and high are times.
    ax : Axes, optional
        Where to draw; a new figure of one column by default.
    x : str
        What the times are: epoch, rate_steps or relative.

    Returns
    -------
    Axes

    Examples
    --------
    >>> table = pd.DataFrame({"rule": "bpa", "mode": [1, 2], "mean": [3, 4], "low": [2, 3], "high": [4, 5]})
    >>> [label.get_text() for label in stages(table).get_yticklabels()]
    ['1', '2']
    """
    ax = _axes(ax)
    rules = table["rule"].unique()
    for i, (rule, (colour, marker)) in enumerate(zip(rules, RULE_LOOKS, strict=False)):
        rows = table[table["rule"] == rule]
        place = rows["mode"] + (i - (len(rules) - 1) / 2) * 0.6 / len(rules)
        reach = [rows["mean"] - rows["low"], rows["high"] - rows["mean"]]
        ax.errorbar(
            rows["mean"],
            place,
            xerr=reach,
            fmt=marker,
            color=colour,
            label=rule,
            ms=3,
            elinewidth=1,
            capsize=1.5,
        )
    named = table.drop_duplicates("mode").sort_values("mode")
    ax.set_yticks(named["mode"], [_label(row.to_frame().T) for _, row in named.iterrows()])
    ax.set_ylim(named["mode"].max() + 0.6, named["mode"].min() - 0.6)
    ax.set(xlabel=TIMES.get(x, x), ylabel="mode", xscale="log")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.legend(loc="lower left", bbox_to_anchor=(-0.03, 1.0), title="half learned by", alignment="left")
    return ax


# ------------------------------------------------------------------------------------------------ dendrograms


@styled
def dendrogram(tree: "Tree", ax: Axes | None = None, groups: Mapping[str, str] | None = None) -> Axes:
    """Draw the tree of the items, in its own leaf order.

    Parameters
    ----------
    tree : Tree
        Linkage, item names and leaf order.
    ax : Axes, optional
        Where to draw; a new figure of one column by default.
    groups : mapping of item to category, optional
        Colours each leaf, and each branch whose leaves are all of one category. A category's colour is its
        place in the mapping, so that it stays the same from panel to panel.

    Returns
    -------
    Axes

    Examples
    --------
    >>> from semantic_svd.dendrograms import linkage
    >>> leaves = pd.DataFrame({"tall": [9, 0, 8]}, index=["oak", "rose", "maple"])
    >>> [label.get_text() for label in dendrogram(linkage(leaves)).get_xticklabels()]
    ['oak', 'maple', 'rose']
    """
    ax = _axes(ax, height=50)
    groups = groups or {}
    colours = dict(zip(dict.fromkeys(groups.values()), GROUP_COLOURS, strict=False))
    names = [tree.items[leaf] for leaf in tree.order]
    for bracket, group in zip(*tree.segments([groups.get(name) for name in tree.items]), strict=True):
        ax.plot(*bracket.T, color=colours.get(group, INK), lw=1, clip_on=False)
    for group, colour in colours.items():
        places = [i for i, name in enumerate(names) if groups.get(name) == group]
        ax.plot(places, [0] * len(places), "s", ms=3.5, color=colour, label=group, clip_on=False, zorder=3)
    ax.set_xticks(range(len(names)), names, rotation=90)
    ax.tick_params(axis="x", length=0, pad=4)
    ax.spines["bottom"].set_visible(False)
    ax.set(ylabel="distance", xlim=(-0.6, len(names) - 0.4))
    ax.set_ylim(bottom=0)
    return ax


@styled
def dendrogram_panels(
    trees: Mapping[str, "Tree"], groups: Mapping[str, str] | None = None, axes: Sequence[Axes] | None = None
) -> Sequence[Axes]:
    """Draw several trees side by side over one shared axis of distance.

    Parameters
    ----------
    trees : mapping of title to Tree
        In reading order; the titles say the epoch.
    groups : mapping of item to category, optional
        As for `dendrogram`.
    axes : sequence of Axes, optional
        One for each tree; a new figure of full page width by default.

    Returns
    -------
    sequence of Axes

    Examples
    --------
    >>> from semantic_svd.dendrograms import linkage
    >>> tree = linkage([[0.0], [2.5]])
    >>> [ax.get_title("left") for ax in dendrogram_panels({"epoch 0": tree, "epoch 9": tree})]
    ['epoch 0', 'epoch 9']
    """
    if axes is None:
        axes = panels(1, len(trees), height=55)[1][0]
    tallest = max(float(tree.Z[-1, 2]) for tree in trees.values())
    for i, (ax, (title, tree)) in enumerate(zip(axes, trees.items(), strict=True)):
        dendrogram(tree, ax, groups)
        ax.set_ylim(0, 1.05 * tallest)
        ax.set_title(title)
        if i > 0:
            ax.set(ylabel="", yticklabels=[])
    if groups:
        axes[-1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handletextpad=0)
    return axes


# ------------------------------------------------------------------------------------------------- comparison


@styled
def comparison(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Show the comparison of modes with a reference: a cell for each mode, coloured by its cosine.

    Parameters
    ----------
    table : DataFrame
        As `semantic_svd.modes.compare` gives it: mode, verdict, block_cosine, null_cosine; with a column
        ``model`` there is one row of cells for each model, with a column ``label`` the modes are named, and a
        column ``seeds`` ("18 of 20") stands below the verdict. A last row holds null_cosine: what random modes
        reach.
    ax : Axes, optional
        Where to draw; a new figure of full page width by default.

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
    ax = _axes(ax, PAGE, 16 + 14 * len(models))
    cosines = rows.pivot(index="model", columns="mode", values="block_cosine").loc[models, modes]
    mesh = ax.pcolormesh(cosines, cmap=SEQUENTIAL, vmin=0, vmax=1, edgecolors="white", linewidth=1.5)
    for row in rows.to_dict("records"):
        place = modes.index(row["mode"]) + 0.5, models.index(row["model"]) + 0.5
        words = [*textwrap.wrap(row["verdict"], 12), row["seeds"], f"{row['block_cosine']:.2f}"]
        ink = "white" if row["block_cosine"] > 0.7 else INK
        ax.text(*place, "\n".join(filter(None, words)), ha="center", va="center", fontsize=6, color=ink)
    heads = [textwrap.fill(_label(rows[rows["mode"] == mode]), 12) for mode in modes]
    ax.set_xticks(np.arange(len(modes)) + 0.5, heads, fontsize=DENSE)
    ax.set_yticks(np.arange(len(models)) + 0.5, [textwrap.fill(model, 18) for model in models])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.invert_yaxis()
    ax.set_xlabel("mode of the data")
    ax.figure.colorbar(mesh, ax=ax, label="cosine", fraction=0.03, pad=0.01, ticks=[0, 0.5, 1])
    return ax


# ------------------------------------------------------------------------------------------------------ files


@styled
def save(figure: Figure, folder: Path | str, stem: str, table: pd.DataFrame) -> list[Path]:
    """Write a figure and the table that it shows: ``<stem>.pdf``, ``<stem>.png`` and ``<stem>.csv``.

    Each file appears whole or not at all, and without a date, so that the same figure gives the same bytes.

    Parameters
    ----------
    figure : Figure
    folder : path
        Made if it is not there.
    stem : str
        Name of the files, without ending.
    table : DataFrame
        Written with six significant digits.

    Returns
    -------
    list of Path

    Examples
    --------
    >>> figure, axes = panels(width=COLUMN)
    >>> with TemporaryDirectory() as folder:
    ...     [path.name for path in save(figure, folder, "empty", pd.DataFrame({"epoch": [0]}))]
    ['empty.pdf', 'empty.png', 'empty.csv']
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".unfinished-") as unfinished:
        draft = Path(unfinished) / stem
        figure.savefig(f"{draft}.pdf", metadata={"CreationDate": None})
        figure.savefig(f"{draft}.png", metadata={"Software": None})
        table.to_csv(f"{draft}.csv", index=False, float_format="%.6g", lineterminator="\n")
        return [Path(f"{draft}.{kind}").replace(folder / f"{stem}.{kind}") for kind in ("pdf", "png", "csv")]
