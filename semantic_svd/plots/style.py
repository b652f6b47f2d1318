"""The house style: one look for every figure, ready to print, and its files.

Figures are made without pyplot: no window, no global list of figures, nothing to close. The typeface is the one that
matplotlib carries: every machine draws alike. What it lacks, such as Chinese, comes from a font that is installed.
"""

import functools
import io
import logging
import textwrap
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, fontManager, get_font
from matplotlib.text import Text
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator

from semantic_svd.drafts import UNDATED, drafts
from semantic_svd.names import one_line

P = ParamSpec("P")
T = TypeVar("T")

COLUMN, PAGE = 85, 175  # widths in millimetres: one column, the full page
MM = 1 / 25.4  # inches in a millimetre
DENSE = 6.5  # points, for labels that stand close together
LEGEND_ROWS = 12  # as many as a panel is tall
MOST_LINES = 24  # of modes, as many as can be told apart

TYPEFACE = "DejaVu Sans"
WIDER = (  # typefaces for what it lacks, where they are installed
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Zen Hei"),
    *("WenQuanYi Micro Hei", "PingFang SC", "Hiragino Sans", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic"),
    *("Arial Unicode MS", "Noto Emoji", "Segoe UI Emoji", "Symbola"),
)
logging.getLogger("matplotlib.font_manager").addFilter(  # that one of them has one weight only is no news
    lambda record: not any(name in record.getMessage() for name in WIDER)
)
STYLE: Any = {
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
MODE_COLOURS = [sns.color_palette("colorblind")[i] for i in (0, 2, 3, 1, 4, 9, 7, 5)]
MODE_LINES: list[Any] = ["-", (0, (4, 1.6)), (0, (1, 1)), (0, (4, 1, 1, 1))]
RULE_LOOKS = [
    *(("#000000", "o"), ("#CC3311", "s"), ("#0077BB", "^"), ("#009988", "D")),
    *(("#EE7733", "v"), ("#EE3377", "P"), ("#33BBEE", "X"), ("#999999", "*")),
]


def families() -> list[str]:
    """Name the house's typeface, and after it those installed that have what it lacks."""
    installed = {font.name for font in fontManager.ttflist}
    return [TYPEFACE, *(name for name in WIDER if name in installed)]


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Run a drawing function in the house style, and leave the reader's own settings alone."""

    @functools.wraps(draw)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        with mpl.rc_context({**STYLE, "font.family": families()}):
            return draw(*args, **kwargs)

    return wrapped


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
    lines = textwrap.wrap(text.replace("$", r"\$"), int(0.76 * wide))
    if figure.get_layout_engine():
        figure.set_figheight((tall + 3 * len(lines)) * MM)
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=DENSE, color=INK)


def axes_or_new(ax: Axes | None, width: float = COLUMN, height: float = 60) -> Axes:
    """Return the axes, or those of a new figure of this size in millimetres."""
    return panels(width=width, height=height)[1][0, 0] if ax is None else ax


def reach(table: pd.DataFrame) -> np.ndarray:
    """Return how far each interval goes below its mean and above it, (2, n_rows), as error bars are drawn."""
    return table[["mean", "high"]].to_numpy().T - table[["low", "mean"]].to_numpy().T


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
    >>> from tempfile import TemporaryDirectory
    >>> figure, axes = panels(width=COLUMN)
    >>> with TemporaryDirectory() as folder:
    ...     [path.name for path in save(figure, folder, "empty", pd.DataFrame({"epoch": [0]}))]
    ['empty.pdf', 'empty.png', 'empty.csv']
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with drafts(folder) as unfinished:
        for ending in (".pdf", ".png"):
            write(figure, unfinished / f"{stem}{ending}")
        table.to_csv(unfinished / f"{stem}.csv", index=False, float_format="%.6g", lineterminator="\n")
    return [folder / f"{stem}.{kind}" for kind in ("pdf", "png", "csv")]


@styled
def write(figure: Figure, path: Path) -> None:
    """Write a figure as one file, without a date; what no installed typeface can write is said in one warning.

    Parameters
    ----------
    figure : Figure
    path : Path
        Ends in .pdf, .png or .svg.

    Warns
    -----
    UserWarning
        With the names that have characters of no installed typeface: boxes stand in their place.
    """
    ending, drawn = path.suffix.lower(), io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from", UserWarning)
        figure.savefig(drawn, format=ending[1:], metadata=UNDATED[ending])
    path.write_bytes(drawn.getvalue())  # at once: matplotlib trips over a disk that is full half-way
    names = _unwritten(figure)
    if names:
        warnings.warn(
            f"no installed font has all characters of {', '.join(names)}; boxes are drawn. Noto Sans CJK has Chinese, "
            f"Japanese and Korean, Noto Emoji has emoji; fonts are looked for anew without {mpl.get_cachedir()}",
            stacklevel=3,  # past `styled`
        )


def _unwritten(figure: Figure) -> list[str]:
    """List the texts of a figure that have characters of no typeface in use, each once."""
    texts = dict.fromkeys(text.get_text() for text in figure.findobj(Text) if text.get_visible())
    if all(text.isascii() for text in texts):
        return []
    there = {ord("\n")}.union(*(get_font(findfont(name)).get_charmap() for name in families()))
    return [text for text in texts if not there.issuperset(map(ord, text))]


def plain_numbers(axis: Axis) -> None:
    """Let a logarithmic axis have few numbers, written out: 1, 2, 5 of each decade, more where it is about one."""
    low, high = axis.get_view_interval()
    subs = (1, 2, 5) if high > 12 * low else (1, 1.5, 2, 3, 5, 7)
    axis.set_major_locator(LogLocator(subs=subs) if high > 5 * low else MaxNLocator(4, steps=[1, 2, 5, 10]))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())
    if high <= 5 * low:
        axis.set_minor_locator(NullLocator())


def shown_name(name: Any, most: int = 28) -> str:
    r"""Return a name as figures print it: in one line, no longer than that, and a dollar sign no formula.

    Examples
    --------
    >>> shown_name("oak"), shown_name("a costs $2"), shown_name("Hauskaninchenmischling", 10)
    ('oak', 'a costs \\$2', 'Hauskanin…')
    """
    text = one_line(str(name))
    return (text if len(text) <= most else f"{text[: most - 1].rstrip()}…").replace("$", r"\$")


def span(names: Iterable[Any]) -> float:
    """Estimate the millimetres that the longest name takes in a dense label.

    Examples
    --------
    >>> round(span(["oak", "rose"]), 1)
    6.9
    """
    return 1.5 + 1.36 * max(len(shown_name(name)) for name in names)


def turned(names: Iterable[Any], room: float) -> int:
    """Return the angle of names under a row of places so many millimetres wide: what is short stays upright.

    Examples
    --------
    >>> turned(["6", "9"], 3), turned([9, 10], 1.5), turned(["oak"], 9)
    (0, 90, 90)
    """
    longest = max(len(str(name)) for name in names)
    return 0 if longest <= 2 and 1.4 * longest <= room else 90


def mode_style(mode: int, block: str | int | None = None) -> dict[str, Any]:
    """Colour and line style of a mode, the same in every figure.

    Members of one block share their colour, because no data can tell them apart, and differ in line style. Where the
    colours begin again, at mode 9, lines have longer dashes: no two modes look the same.

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
        "linestyle": _line((first - 1) // len(MODE_COLOURS), mode - first),
    }


def _line(turn: int, member: int) -> Any:
    """Line style of a member of a block: the dash tells how often the colour was there before, dots tell the member."""
    if turn == 0 and member < len(MODE_LINES):
        return MODE_LINES[member]
    return 0, (4 + 3 * turn, 1.6, *(1, 1.6) * member)


def legend_columns(entries: int) -> dict[str, Any]:
    """Let a legend of many lines stand in columns, no taller than a panel, its lines long enough to be told apart.

    Examples
    --------
    >>> legend_columns(9), legend_columns(22)["ncols"]
    ({'ncols': 1}, 2)
    """
    columns = -(-entries // LEGEND_ROWS)
    return {"ncols": 1} if columns == 1 else {"ncols": columns, "handlelength": 4, "columnspacing": 1}


def without_legend(ax: Axes) -> None:
    """Take the legend away, if there is one: a key beside all panels tells what it told."""
    if (legend := ax.get_legend()) is not None:
        legend.remove()


def label_of(row: pd.Series) -> str:
    """Name the mode of a row: its number, and what it is about if there is a label.

    Examples
    --------
    >>> label_of(pd.Series({"mode": 2, "label": "plants"})), label_of(pd.Series({"mode": 2}))
    ('2 plants', '2')
    """
    return f"{int(row['mode'])} {row.get('label', '')}".strip()
