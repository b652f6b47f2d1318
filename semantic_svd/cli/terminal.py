"""What the terminal says: tables of 80 columns, numbers with their intervals, how runs ended, an error in a line."""

import re
import sys
from collections.abc import Iterable, Sequence
from math import inf
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.measure import Measurement

    from semantic_svd.runs import Run

NAME = "semantic-svd"
NARROWEST = 12  # of a column of text


class Interrupted(Exception):
    """Ctrl-C, with what there is to say about the work that was done."""


def complain(text: str) -> None:
    """Say something in one line on stderr."""
    print(f"{NAME}: {' '.join(text.split())}", file=sys.stderr)


def show(heads: Sequence[str], rows: Iterable[Sequence[Any]], wrap: Sequence[int] = ()) -> None:
    """Print a table. The columns in `wrap` are text and break anywhere; numbers break before their interval alone.

    A number is never cut: where there is no room for it, the line is longer than the terminal.

    Examples
    --------
    >>> show(["mode", "strength"], [[1, 4.796], [2, 4.583]])
    mode  strength
    ──────────────
    1     4.796
    2     4.583
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    texts = [[str(cell) for cell in row] for row in rows]
    needed = 0
    for i, head in enumerate(heads):
        parts = [part for row in texts for part in _parts(row[i])]
        breaks = i in wrap or len(parts) > len(texts)
        least = max(map(len, parts if breaks else [*parts, *head.split("\n")]))
        least = min(least, NARROWEST) if i in wrap else least
        table.add_column(Text(head), no_wrap=not breaks, overflow="fold", min_width=least)
        needed += least + 2
    for row in texts:
        table.add_row(*(Text(text) if i in wrap else _Number(text) for i, text in enumerate(row)))
    Console(width=max(Console().width, needed)).print(table, crop=False)


def _parts(text: str) -> list[str]:
    """Part a number from its interval, and from how many it is of."""
    return re.split(r" (?=[\[(])", text)


class _Number:
    """A cell that breaks between its parts, and nowhere else."""

    def __init__(self, text: str):
        self.text = text

    def _within(self, width: int) -> str:
        return self.text if len(self.text) <= width else "\n".join(_parts(self.text))

    def __rich_measure__(self, console: "Console", options: "ConsoleOptions") -> "Measurement":
        from rich.measure import Measurement

        lines = self._within(options.max_width).split("\n")
        return Measurement(max(map(len, _parts(self.text))), max(map(len, lines)))

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.text import Text

        yield Text(self._within(options.max_width))


def number(value: float, digits: int = 4) -> str:
    """Write a number in so many digits, whole numbers and thousands whole.

    Examples
    --------
    >>> number(4.795831), number(2000), number(0.00012345), number(12345.6)
    ('4.796', '2000', '0.0001234', '12346')
    """
    plain = abs(value) < 1e9 and (abs(value) >= 1000 or value == int(value))
    return f"{value:.0f}" if plain else f"{value:.{digits}g}"


def bytes_text(n: int) -> str:
    """Write a number of bytes for people.

    Examples
    --------
    >>> bytes_text(436_000), bytes_text(25_310_000), bytes_text(1_260_000_000)
    ('436 kB', '25.3 MB', '1.26 GB')
    """
    for size, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if n >= size:
            return f"{n / size:.3g} {unit}"
    return f"{n} bytes"


def says_bytes(place: "Path", n: int, stops: bool) -> str:
    """Say how much disk something will take; seeds that may stop before their last epoch take less.

    Examples
    --------
    >>> from pathlib import Path
    >>> says_bytes(Path("run.zarr"), 436_000, stops=True)
    'run.zarr will take at most 436 kB'
    """
    return f"{place} will take {'at most ' if stops else ''}{bytes_text(n)}"


def span(values: Any) -> str:
    """Write the smallest and the largest of some numbers.

    Examples
    --------
    >>> span([586, 500, 999]), span([2, 2])
    ('500 to 999', '2')
    """
    low, high = number(min(values)), number(max(values))
    return low if low == high else f"{low} to {high}"


def endings(run: "Run") -> str:
    """Say how the seeds of a run ended: how many, at which epochs, with which loss."""
    final = run.final().data
    status, ends = (final[name].values for name in ("status", "end_epoch"))
    parts = []
    for word in dict.fromkeys(status):
        who = status == word
        lost = word == "diverged" or "loss" not in final
        reached = "" if lost else f", loss {span(final.loss.values[who])}"
        parts.append(f"{who.sum()} {word} at epoch {span(ends[who])}{reached}")
    return "; ".join(parts)


def accuracies(run: "Run", of: str = "accuracy") -> str:
    """Say how many of the test images (or of the others) the networks of a run name rightly at the end, in percent."""
    from semantic_svd.tables import held

    found = 100 * held(run.data[of])[~run.diverged].isel(epoch=-1).values
    return percents(found)


def percents(values: Any) -> str:
    """Write the smallest and the largest of some percentages.

    Examples
    --------
    >>> import numpy as np
    >>> percents(np.array([86.531, 90])), percents(np.array([86.531, 86.532]))
    ('86.53 to 90.00 %', '86.53 %')
    """
    low, high = f"{values.min():.2f}", f"{values.max():.2f}"
    return f"{low} %" if low == high else f"{low} to {high} %"


def mean(
    values: "pd.Series",
    interval: bool = True,
    time: bool = False,
    within: tuple[float, float] = (-inf, inf),
) -> str:
    """Write the mean over seeds with its interval, and how many seeds have a value when not all do.

    Times spread by factors: their means are geometric, over seeds in which it took time at all. What was there at the
    start took none.

    Examples
    --------
    >>> import pandas as pd
    >>> mean(pd.Series([1.0, 2.0, float("nan")]))
    '1.5 [1, 2] (2 of 3)'
    >>> mean(pd.Series([0.7, 0.8, 0.9, 1.0, 1.0]), within=(0, 1))
    '0.88 [0.7181, 1]'
    >>> mean(pd.Series([4.0, 9.0, 0.0, float("nan")]), time=True)
    '6 [4, 9] (2 of 4, 1 at the start)'
    """
    import xarray as xr

    from semantic_svd.intervals import mean_interval

    found = values[values > 0] if time else values.dropna()
    known = int((values == 0).sum()) if time else 0
    if found.empty and not time:
        return "undefined"
    if found.empty:
        return "at the start" + of_all(known, len(values)) if known else "never"
    seeds = xr.DataArray(found.to_numpy(), dims="seed")
    made = mean_interval(seeds, scale="log" if time else "linear", within=within)
    text = number(float(made["mean"]))
    if interval and len(found) > 1:
        text += f" [{number(float(made['low']))}, {number(float(made['high']))}]"
    return text + of_all(len(found), len(values), known)


def of_all(found: int, seeds: int, known: int = 0) -> str:
    """Say how many of the seeds have a value when not all do, and how many have none as they knew it at the start.

    Examples
    --------
    >>> of_all(20, 20), of_all(18, 20), of_all(18, 20, known=1)
    ('', ' (18 of 20)', ' (18 of 20, 1 at the start)')
    """
    return "" if found == seeds else f" ({found} of {seeds}" + (f", {known} at the start)" if known else ")")


def says_interval(seeds: int, what: str | None = "in brackets ") -> str:
    """Say what a mean is taken over, and what stands beside it, if anything does.

    Examples
    --------
    >>> says_interval(20)
    'Means over 20 seeds; in brackets 95 % t intervals, under 5 seeds their range.'
    >>> says_interval(20, what=None)
    'Means over 20 seeds.'
    """
    from semantic_svd.intervals import FEWEST

    if seeds == 1:
        return "One seed."
    if what is None:
        return f"Means over {seeds} seeds."
    kind = "the smallest and the largest"
    if seeds >= FEWEST:
        kind = f"95 % t intervals, under {FEWEST} seeds their range"
    return f"Means over {seeds} seeds; {what}{kind}."


def counted(n: int, word: str) -> str:
    """Say how many of something there are.

    Examples
    --------
    >>> counted(1, "seed"), counted(2, "seed")
    ('1 seed', '2 seeds')
    """
    return f"{n} {word}" + "s" * (n != 1)
