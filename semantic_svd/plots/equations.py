"""Equations: a matrix beside its singular value decomposition, every row and column by its name where there is room."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure

from semantic_svd.errors import InputError
from semantic_svd.plots.style import DENSE, FAINT, MM, PAGE, shown_name, span, styled, turned

NOTE = 7  # millimetres, room for a note under an SVD
ROW, TALLEST = 3.2, 85.0  # millimetres of a row, and of all rows of a matrix that has many
NARROW, NARROWEST = 16.0, 6.5  # millimetres of U and of S at least, of many modes and of one
MOST_IN_A_ROW = 16  # columns of a matrix that stands left of U
SMALLEST = 4.5  # points in which a name can still be read
EXACT, ROUNDING = 1e-5, 1e-9  # shares of the largest entry: what can't be seen, and what means nothing
DIVERGING = "RdBu_r"  # blue is below zero, white is zero, red is above


@styled
def svd_panels(matrix: xr.DataArray, modes: xr.Dataset, title: str = "", name: str = "matrix") -> Figure:
    """Draw the equation matrix = U S V', every row and column by its name.

    A wide matrix stands above V', so that the two share the names of the properties; a narrow one stands left of U, if
    its names can be read there. The matrix, S, and the pair of U and V' have each their own colour scale, symmetric
    about zero. S is ``U' matrix V``: diagonal for the modes of the matrix itself, and not where they were turned to
    others. Where U S V' is not all of the matrix, the sign is an ≈. Names that would be too small to read are counted
    instead.

    Parameters
    ----------
    matrix : DataArray, shape (n_items, n_columns)
        Rows are items; columns are properties, or the units of a layer.
    modes : Dataset
        Its singular value decomposition: U (item, mode), s (mode), V (column, mode).
    title : str
        Says whose matrix it is.
    name : str
        What the matrix is called in the equation. What follows a comma is left to the colour bar where it would reach
        the title of U.

    Returns
    -------
    Figure
        As wide as a page.

    Raises
    ------
    InputError
        If there are values so large that no number is the width of their colour scale.

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
    whole, U, S, Vt = (block.values for block in blocks)
    equals = "=" if np.abs(whole - U @ S @ Vt).max() <= EXACT * np.abs(whole).max() else "≈"
    for block, box in zip(blocks, page.boxes, strict=True):
        _cells(_add_axes(figure, box), block, box)
    if page.shared_names:
        figure.axes[3].set(xticklabels=[], xlabel="")
    for sign, x, y in page.signs:
        figure.text(*_at(figure, x, y), sign or equals, ha="center", va="center", fontsize=12)
    for label, block, box in zip((name, "U and V'", "S"), blocks, page.bars, strict=False):
        _colour_bar(_add_axes(figure, box), block.limit, label)
    figure.text(*_at(figure, 2, 2), title.replace("$", r"\$"), va="top", fontweight="bold")


class _Block(NamedTuple):
    """One matrix of the equation: its entries, the names of its rows and columns, its colour limit."""

    title: str
    values: np.ndarray
    rows: list[Any]
    columns: list[Any]
    dims: tuple[str, str]  # what they are called
    limit: float


def _equation(matrix: xr.DataArray, modes: xr.Dataset, name: str, vectors: float) -> list[_Block]:
    """List the matrix, U, S and V' with their labels and colour limits."""
    items, columns = (matrix[dim].values.tolist() for dim in matrix.dims)
    numbers = modes["mode"].values.tolist()
    whole, U, V = matrix.values, modes["U"].values, modes["V"].values
    S = U.T @ whole @ V
    S[np.abs(S) <= ROUNDING * np.abs(S).max()] = 0  # which has no colour
    item, column = map(str, matrix.dims)
    largest, strongest = (float(np.abs(of).max()) or 1.0 for of in (whole, S))  # zeros are drawn as zero
    if not math.isfinite(2 * max(largest, strongest)):  # from the lower end of a colour scale to the upper
        raise InputError(f"{name}: values up to {largest:g} are too large to be drawn")
    return [
        _Block(name, whole, items, columns, (item, column), largest),
        _Block("U", U, items, numbers, (item, "mode"), vectors),
        _Block("S", S, numbers, numbers, ("mode", "mode"), strongest),
        _Block("V'", V.T, numbers, columns, ("mode", column), vectors),
    ]


# Left, top, width and height, in millimetres from the upper left corner of the figure.
Box = tuple[float, float, float, float]


class _Page(NamedTuple):
    """Where the parts of the equation stand."""

    height: float
    boxes: list[Box]  # the matrix, U, S, V'
    signs: list[tuple[str, float, float]]  # none for equal, or nearly so
    bars: list[Box]
    shared_names: bool


def _page_of(matrix: xr.DataArray, modes: xr.Dataset) -> _Page:
    items, columns = (matrix[dim].values.tolist() for dim in matrix.dims)
    page = _in_a_row(items, columns, modes.sizes["mode"])
    cell = page.boxes[0][2] / len(columns)
    if len(columns) <= MOST_IN_A_ROW and _points(cell) >= SMALLEST:
        return page
    return _stacked(items, columns, modes.sizes["mode"])


def _stacked(items: Sequence[Any], columns: Sequence[Any], rank: int) -> _Page:
    """Lay out the matrix above V', with the names of the properties between them."""
    row = min(ROW, TALLEST / len(items))
    names, gap, top, bars = _beside(items, row), 9.5, 11.0, 24.0
    left = 7 + names
    room = PAGE - left - 2 * gap - 2
    # beside very many properties U and S would be slivers
    side = max(room * rank / (2 * rank + len(columns)), min(ROW * rank, NARROW), NARROWEST)
    wide = room - 2 * side
    cell = wide / len(columns)
    tall, deep = row * len(items), min(ROW * rank, TALLEST)
    at_S = left + side + gap
    at_V = at_S + side + gap
    low = top + tall + _beside(columns, cell) + 6
    product = low + min(tall, deep) / 2
    return _Page(
        height=low + max(tall, deep) + 8,
        boxes=[
            (at_V, top, wide, tall),
            (left, low, side, tall),
            (at_S, low, side, deep),
            (at_V, low, wide, deep),
        ],
        signs=[
            ("", 3.0, low + tall / 2),
            ("×", at_S - gap / 2 - 1, product),
            ("×", at_V - gap / 2 - 1, product),
        ],
        bars=[(min(left, at_V - names - bars - 7), top + 3 + 10.5 * i, bars, 1.8) for i in range(3)],
        shared_names=True,
    )


def _in_a_row(items: Sequence[Any], columns: Sequence[Any], rank: int) -> _Page:
    """Lay out the matrix, U, S and V' from left to right, and the colour bars at the end."""
    row = min(4.2, 2 * TALLEST / len(items))
    left, gap, sign, top, bars = 2 + _beside(items, row), 10.0, 7.0, 11.0, 24.0
    fixed = left + sign + left + 2 * gap + bars
    cell = min(4.2, (PAGE - fixed) / (2 * rank + 2 * len(columns)))
    tall, wide, deep = min(cell, row) * len(items), cell * len(columns), cell * rank
    at_U = left + wide + sign + left
    at_S = at_U + deep + gap
    at_V = at_S + deep + gap
    product = top + min(tall, deep) / 2
    return _Page(
        height=max(41.0, top + max(tall, deep) + max(7.0, _beside(columns, cell) + 2)),  # three bars take 41
        boxes=[
            (left, top, wide, tall),
            (at_U, top, deep, tall),
            (at_S, top, deep, deep),
            (at_V, top, wide, deep),
        ],
        signs=[
            ("", left + wide + sign / 2, top + tall / 2),
            ("×", at_S - gap / 2 - 1, product),
            ("×", at_V - gap / 2 - 1, product),
        ],
        bars=[(at_V + wide + 6, top + 3 + 10.5 * i, bars - 10, 1.8) for i in range(3)],
        shared_names=False,
    )


def _points(each: float) -> float:
    """Return in how many points names are written that have so many millimetres each."""
    return min(DENSE, 2.7 * each)


def _beside(names: Sequence[Any], each: float) -> float:
    """Return the millimetres that names take beside their rows: as long as the longest, or a line that counts them."""
    return span(names) if _points(each) >= SMALLEST or not isinstance(names[0], str) else 4.0


def _ticks(names: Sequence[Any], each: float, dim: str) -> tuple[list[int], str]:
    """Return which names are written, and what stands beside them: all, or every so manieth number, or how many."""
    if _points(each) >= SMALLEST:
        return [*range(len(names))], "" if isinstance(names[0], str) else dim
    if isinstance(names[0], str):
        return [], f"{len(names)} {'properties' if dim == 'property' else dim + 's'}"
    step = next((n for n in (2, 5, 10, 20, 50, 100) if _points(n * each) >= SMALLEST), 200)
    return [*range(step - 1, len(names), step)], dim


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
    high, wide = box[3] / len(block.rows), box[2] / len(block.columns)
    ax.pcolormesh(
        block.values,
        cmap=DIVERGING,
        vmin=-block.limit,
        vmax=block.limit,
        edgecolors="#DDDDDD",
        linewidth=0.25 if min(high, wide) > 1 else 0,
    )
    ax.invert_yaxis()
    rows, beside = _ticks(block.rows, high, block.dims[0])
    columns, below = _ticks(block.columns, wide, block.dims[1])
    step = wide * len(block.columns) / max(1, len(columns))
    ax.set_xticks(
        [at + 0.5 for at in columns],
        [shown_name(block.columns[at]) for at in columns],
        rotation=turned(block.columns, step),
    )
    ax.set_yticks([at + 0.5 for at in rows], [shown_name(block.rows[at]) for at in rows])
    ax.tick_params(axis="x", length=0, pad=2, labelsize=_points(step))
    ax.tick_params(axis="y", length=0, pad=2, labelsize=_points(box[3] / max(1, len(rows))))
    ax.set_xlabel(below, fontsize=DENSE, labelpad=1)
    if not rows:
        ax.set_ylabel(beside, fontsize=DENSE, labelpad=1)
    long = 1.4 * len(block.title) > box[2] + 9  # with the sign of equality and the numbers of U's rows
    title = block.title.partition(",")[0] if long else block.title
    fits = 0.7 * len(title) < box[0] + box[2] / 2  # from its middle to the left edge of the page
    ax.set_title(title, loc="center" if fits else "left", pad=3)
    for spine in ax.spines.values():
        spine.set(visible=True, color=FAINT, linewidth=0.5)


def _colour_bar(ax: Axes, limit: float, label: str) -> None:
    scale = ScalarMappable(Normalize(-limit, limit), DIVERGING)
    bar = ax.figure.colorbar(scale, cax=ax, orientation="horizontal", ticks=[-limit, 0, limit])
    plain = ".0f" if 100 <= limit < 1e5 else ".2g"
    ax.set_xticklabels([f"{tick:{plain}}".replace("-", "−") for tick in (-limit, 0.0, limit)], fontsize=DENSE)
    ax.tick_params(length=1.5, pad=1)
    ax.set_title(textwrap.fill(label, 16), fontsize=DENSE, pad=2, loc="center")
    bar.outline.set_linewidth(0.4)
