"""Equations: a matrix beside its singular value decomposition, every row and column by its name."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure

from semantic_svd.plots.style import DENSE, FAINT, MM, PAGE, shown_name, span, styled, turned

NOTE = 7  # millimetres, room for a note under an SVD
DIVERGING = "RdBu_r"  # blue is below zero, white is zero, red is above


@styled
def svd_panels(matrix: xr.DataArray, modes: xr.Dataset, title: str = "", name: str = "matrix") -> Figure:
    """Draw the equation matrix = U S V', every row and column by its name.

    A wide matrix stands above V', so that the two share the names of the properties; a narrow one stands left
    of U. The matrix, S, and the pair of U and V' have each their own colour scale, symmetric about zero.

    Parameters
    ----------
    matrix : DataArray, shape (n_items, n_columns)
        Rows are items; columns are properties, or the units of a layer.
    modes : Dataset
        Its singular value decomposition: U (item, mode), s (mode), V (column, mode).
    title : str
        Says whose matrix it is.
    name : str
        What the matrix is called in the equation.

    Returns
    -------
    Figure
        As wide as a page.

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
    figure = Figure(figsize=(PAGE * MM, (_page_of(matrix, modes).height + NOTE) * MM))
    _fill(figure, matrix, modes, title, name, _largest(modes))
    return figure


@styled
def svd_rows(equations: Mapping[str, tuple[xr.DataArray, xr.Dataset]], name: str = "matrix") -> Figure:
    """Draw several equations matrix = U S V' under each other, on one page; U and V' have one colour scale for all.

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
    largest = max(_largest(modes) for _, modes in equations.values())
    for row, (title, (matrix, modes)) in zip(rows, equations.items(), strict=True):
        _fill(row, matrix, modes, title, name, largest)
    return figure


def _largest(modes: xr.Dataset) -> float:
    return float(max(np.abs(modes[side]).max() for side in "UV"))


def _fill(
    figure: Figure | SubFigure, matrix: xr.DataArray, modes: xr.Dataset, title: str, name: str, vectors: float
) -> None:
    """Draw an equation; the colours of U and V' reach so far."""
    page = _page_of(matrix, modes)
    blocks = _equation(matrix, modes, name, vectors)
    for block, box in zip(blocks, page.boxes, strict=True):
        _cells(_add_axes(figure, box), block, box)
    if page.shared_names:
        figure.axes[3].set_xticklabels([])
    for sign, x, y in page.signs:
        figure.text(*_at(figure, x, y), sign, ha="center", va="center", fontsize=12)
    for label, block, box in zip((name, "U and V'", "S"), blocks, page.bars, strict=False):
        _colour_bar(_add_axes(figure, box), block.limit, label)
    figure.text(*_at(figure, 2, 2), title.replace("$", r"\$"), va="top", fontweight="bold")


class _Block(NamedTuple):
    """One matrix of the equation: its entries, the names of its rows and columns, its colour limit."""

    title: str
    values: np.ndarray
    rows: list[Any]
    columns: list[Any]
    counted: str  # what the numbers of the columns count
    limit: float


def _equation(matrix: xr.DataArray, modes: xr.Dataset, name: str, vectors: float) -> list[_Block]:
    """List the matrix, U, S and V' with their labels and colour limits."""
    items, columns = (matrix[dim].values.tolist() for dim in matrix.dims)
    numbers = modes["mode"].values.tolist()
    U, s, V = modes["U"].values, modes["s"].values, modes["V"].values
    counted = "" if isinstance(columns[0], str) else str(matrix.dims[1])
    whole = float(np.abs(matrix.values).max()) or 1.0  # zeros are drawn as zero
    return [
        _Block(name, matrix.values, items, columns, counted, whole),
        _Block("U", U, items, numbers, "mode", vectors),
        _Block("S", np.diag(s), numbers, numbers, "mode", float(s.max()) or 1.0),
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
    left, gap, row, top = 7 + span(items), 9.5, 3.2, 11.0
    cell = (PAGE - left - 2 * gap - 2) / (2 * rank + len(columns))
    tall, deep = row * len(items), row * rank
    at_S = left + rank * cell + gap
    at_V = at_S + rank * cell + gap
    low = top + tall + span(columns) + 6
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
    left, gap, sign, top, bars = 2 + span(items), 10.0, 7.0, 11.0, 24.0
    fixed = left + sign + left + 2 * gap + bars
    cell = min(4.2, (PAGE - fixed) / (2 * rank + 2 * len(columns)))
    tall, wide, deep = cell * len(items), cell * len(columns), cell * rank
    at_U = left + wide + sign + left
    at_S = at_U + deep + gap
    at_V = at_S + deep + gap
    middle = top + tall / 2
    return _Page(
        height=max(41.0, top + max(tall, deep) + max(7.0, span(columns) + 2)),  # three bars take 41
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
    rotation = turned(block.columns, box[2] / len(block.columns))
    ax.set_xticks(
        np.arange(len(block.columns)) + 0.5, list(map(shown_name, block.columns)), rotation=rotation
    )
    ax.set_yticks(np.arange(len(block.rows)) + 0.5, list(map(shown_name, block.rows)))
    ax.tick_params(axis="x", length=0, pad=2, labelsize=min(DENSE, 2.7 * box[2] / len(block.columns)))
    ax.tick_params(axis="y", length=0, pad=2, labelsize=min(DENSE, 2.7 * box[3] / len(block.rows)))
    ax.set_xlabel(block.counted, fontsize=DENSE, labelpad=1)
    fits = 0.7 * len(block.title) < box[0] + box[2] / 2  # from its middle to the left edge of the page
    ax.set_title(block.title, loc="center" if fits else "left", pad=3)
    for spine in ax.spines.values():
        spine.set(visible=True, color=FAINT, linewidth=0.5)


def _colour_bar(ax: Axes, limit: float, label: str) -> None:
    scale = ScalarMappable(Normalize(-limit, limit), DIVERGING)
    bar = ax.figure.colorbar(scale, cax=ax, orientation="horizontal", ticks=[-limit, 0, limit])
    ax.set_xticklabels([f"{tick:.2g}".replace("-", "−") for tick in (-limit, 0.0, limit)], fontsize=DENSE)
    ax.tick_params(length=1.5, pad=1)
    ax.set_title(textwrap.fill(label, 16), fontsize=DENSE, pad=2, loc="center")
    bar.outline.set_linewidth(0.4)
