"""A claim of the report: what is measured, when it holds, and the table of what became of all of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from semantic_svd.drafts import drafts
from semantic_svd.intervals import UNBOUNDED, mean_interval, share_interval
from semantic_svd.report.standard import (
    AUTOASSOCIATOR,
    BPA,
    CONDITIONS,
    EQUAL_EPOCHS,
    RATE,
    SEEDS,
    TANH,
    Model,
    Noisy,
)

CLAIMS_HEAD = f"""# The claims of the report

{SEEDS} seeds, learning rate {RATE:g} for all, full batch. A cell says if the claim holds there, then the mean over
seeds and its 95 % interval (t; Wilson's for shares of seeds).

- **yes**: the whole interval meets the criterion (the > or < beside the measure); **no**: the whole interval misses
  it; **unclear**: it lies on both sides; **no difference**: a criterion of a difference, and the whole interval is no
  further from zero than the margin. The report states no limits: all of them are our choice.
- Equal epochs: at epoch {EQUAL_EPOCHS}, or over the whole training for measures of time. MSE: at the first epoch of
  each seed at which the mean squared error of a cell is that small. Convergence: the same for 1e-6.
- Modes of the data: 1 animals, 2 plants, 3 birds/fish, 4 trees/flowers, and the pairs {{5, 6}} (within birds, fish) and
  {{7, 8}} (within trees, flowers) of equal singular values, which have no order and no axes of their own.
- Y is the response, X the data. The learned share of a mode is u'Yv / s with the data's u, s, v; a mode is half
  learned from the first epoch on from which that stays at 1/2 or over it. "Modes of the response" are those of its own
  SVD, largest first: the gap of a pair is never negative. Gaps are the mean over both pairs.

{AUTOASSOCIATOR.about}. {TANH.about}. {BPA.about}.
"""


@dataclass(frozen=True)
class Criterion:
    """What a measured value must be for a claim to hold: above or below a limit, with its whole interval.

    A difference has a margin, its limit: with the whole interval inside, nobody would call it one.
    """

    sense: str  # ">" or "<"
    limit: float
    difference: bool = False

    def __str__(self) -> str:
        return f"{self.sense} {self.limit:g}".replace("-", "−")

    def judge(self, low: float, high: float) -> str:
        """Say if an interval meets the criterion: yes, no, no difference, or unclear where it lies on both sides.

        Examples
        --------
        >>> [above(1).judge(*interval) for interval in ((1.5, 2.0), (0.2, 0.9), (0.9, 1.2))]
        ['yes', 'no', 'unclear']
        >>> more(0.1).judge(-0.02, 0.05)
        'no difference'
        """
        if self.difference and max(abs(low), abs(high)) <= abs(self.limit):
            return "no difference"
        low, high = (low, high) if self.sense == ">" else (-high, -low)
        limit = self.limit if self.sense == ">" else -self.limit
        return "yes" if low > limit else "no" if high <= limit else "unclear"


def above(limit: float) -> Criterion:
    """Hold if the whole interval is above a limit."""
    return Criterion(">", limit)


def below(limit: float) -> Criterion:
    """Hold if the whole interval is below a limit."""
    return Criterion("<", limit)


def more(margin: float) -> Criterion:
    """Hold if a difference is positive, by more than a margin."""
    return Criterion(">", margin, difference=True)


def less(margin: float) -> Criterion:
    """Hold if a difference is negative, by more than a margin."""
    return Criterion("<", -margin, difference=True)


@dataclass(frozen=True)
class Claim:
    """A claim of the report: its words, what is measured under which conditions, and when it holds.

    ``value(model, condition)`` gives one number a seed. With two models their difference is measured, first minus
    second. ``within`` is between what the measure is bounded, as of `intervals.mean_interval`.
    """

    text: str
    measure: str
    value: Callable[[Any, str], xr.DataArray]
    models: tuple[Model | Noisy, ...]
    holds: Criterion
    conditions: tuple[str, ...] = tuple(CONDITIONS)
    within: tuple[float, float] = UNBOUNDED

    def rows(self) -> list[dict[str, Any]]:
        """Measure the claim under each of its conditions."""
        return [self._row(condition) for condition in self.conditions]

    def _row(self, condition: str) -> dict[str, Any]:
        values = [self.value(model, condition).drop_vars("seed", errors="ignore") for model in self.models]
        made = _mean_of(values[0] - values[1] if len(values) > 1 else values[0], self.within)
        row: dict[str, Any] = {"claim": self.text, "condition": condition, "measure": self.measure}
        row |= {"of": " minus ".join(model.name for model in self.models)} | made
        row |= {model.name: value.mean().item() for model, value in zip(self.models, values, strict=True)}
        return row | {"criterion": str(self.holds), "holds": self.holds.judge(made["low"], made["high"])}


def _mean_of(values: xr.DataArray, within: tuple[float, float]) -> dict[str, float]:
    """Return mean, low, high and n over seeds: the t interval, or Wilson's for a share of seeds."""
    made = share_interval(values) if values.dtype == bool else mean_interval(values, within=within)
    return {str(name): value.item() for name, value in made.items()}


def claims_table(claims: Sequence[Claim]) -> pd.DataFrame:
    """Measure claims under all their conditions: a row for each, in order."""
    table = pd.DataFrame([row for claim in claims for row in claim.rows()])
    return table[[*table.columns.drop(["criterion", "holds"]), "criterion", "holds"]]


def claims_markdown(table: pd.DataFrame) -> str:
    """Write the table of claims for reading: a line a claim, a column a condition.

    Examples
    --------
    >>> from semantic_svd.report.measures import relative_error
    >>> claim = Claim("Nearly the data", "error", relative_error, (BPA,), below(0.1), ("convergence",))
    >>> print(claims_markdown(claims_table([claim])).splitlines()[-1])
    | Nearly the data | error: BPA < 0.1 | – | – | – | **yes** 0.00205 [0.00205, 0.00205] |
    """
    lines = [
        "| claim of the report | what is measured (criterion) | " + " | ".join(CONDITIONS) + " |",
        "|---" * (2 + len(CONDITIONS)) + "|",
    ]
    for (claim, measure), rows in table.groupby(["claim", "measure"], sort=False):
        cells = dict.fromkeys(CONDITIONS, "–")
        for row in rows.itertuples():
            numbers = f"{row.mean:.3g} [{row.low:.3g}, {row.high:.3g}]".replace("-", "−")
            cells[str(row.condition)] = f"**{row.holds}** {numbers}"
        about = f"{measure}: {rows['of'].iloc[0]} {rows['criterion'].iloc[0]}"
        lines.append(" | ".join([f"| {claim}", about, *cells.values()]) + " |")
    return "\n".join(lines) + "\n"


def save_claims(table: pd.DataFrame, folder: Path, stem: str) -> None:
    """Write the table of claims as CSV and as Markdown, whole or not at all."""
    save_table(table, f"{CLAIMS_HEAD}\n{claims_markdown(table)}", folder, stem)


def save_table(table: pd.DataFrame, text: str, folder: Path, stem: str) -> None:
    """Write a table as CSV, and what is to be read of it as Markdown, whole or not at all."""
    texts = {"csv": table.to_csv(index=False, float_format="%.6g", lineterminator="\n"), "md": text}
    with drafts(folder) as unfinished:
        for kind, words in texts.items():
            (unfinished / f"{stem}.{kind}").write_text(words, "utf-8", newline="\n")
