"""The report on the autoassociator and BPA: its standard runs, its tables, and what its claims are measured by.

Each run is trained once in a process and serves every analysis. The report states no rates and no point to stop at,
and they decide; so a claim is measured at equal epochs and rates, at equal error, and at convergence.
"""

import argparse
import importlib.util
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.cluster.hierarchy import leaves_list
from scipy.stats import binomtest

from semantic_svd.alignment import compare
from semantic_svd.dendrograms import Tree
from semantic_svd.errors import InputError
from semantic_svd.intervals import mean_interval
from semantic_svd.items import Items, load_items
from semantic_svd.modes import blocks, half_learned, singular_strengths, strengths, svd
from semantic_svd.network import Network
from semantic_svd.runs import Run
from semantic_svd.top import top_folder
from semantic_svd.training import train

SEEDS = 20
RATE = 0.1  # of every rule in the standard runs
EQUAL_EPOCHS = 500  # where claims are measured at equal epochs
SAME = 0.95  # the cosine from which on two directions, or two planes, are the same

LABELS = {
    1: "animals",
    2: "plants",
    3: "birds / fish",
    4: "trees / flowers",
    5: "within birds, fish",
    6: "within birds, fish",
    7: "within trees, flowers",
    8: "within trees, flowers",
}
CATEGORIES = {
    **dict.fromkeys(("sparrow", "hawk"), "birds"),
    **dict.fromkeys(("salmon", "sunfish"), "fish"),
    **dict.fromkeys(("oak", "maple"), "trees"),
    **dict.fromkeys(("rose", "daisy"), "flowers"),
}


@dataclass(frozen=True)
class Model:
    """A network with its rule, and the epochs after which all seeds have converged (mean squared error 1e-6)."""

    name: str
    rule: str
    network: Network
    epochs: int

    @property
    def about(self) -> str:
        """What a caption says of it."""
        sizes = "-".join(map(str, self.network.sizes))
        biases = "biases" if self.network.biases else "no biases"
        name = self.name[0].upper() + self.name[1:]
        return f"{name}: {self.rule}, {sizes}, {self.network.hidden} hidden units, {biases}"


AUTOASSOCIATOR = Model("autoassociator", "backprop", Network((34, 8, 8, 34)), 2200)
TANH = Model("tanh autoassociator", "backprop", Network((34, 8, 8, 34), hidden="tanh"), 2600)
BPA = Model("BPA", "bpa", Network((34, 8, 34), biases=False), 1100)


@dataclass(frozen=True)
class Noisy:
    """The data with a little noise, drawn anew for each seed: what comparisons make of no difference at all."""

    name: str = "the data with noise of 1e-9"
    size: float = 1e-9

    def response(self) -> xr.DataArray:
        """Return the data plus noise, (seed, item, property)."""
        X = data().array.expand_dims(seed=SEEDS)
        return X + self.size * np.random.default_rng(0).normal(size=X.shape)


NOISY = Noisy()

# Where a claim is measured: the condition and the mean squared error a cell that it waits for.
CONDITIONS = {"equal epochs": None, "MSE 1e-2": 1e-2, "MSE 1e-3": 1e-3, "convergence": 1e-6}


# -------------------------------------------------------------------------------------------------------- the runs


@lru_cache
def data() -> Items:
    """Load the 8 x 34 item-property matrix."""
    return load_items("mcclelland2020")


@lru_cache
def reference() -> xr.Dataset:
    """Decompose the data: the modes that all others are compared with."""
    return svd(data())


@lru_cache
def standard_run(model: Model) -> Run:
    """Train a model on the data, all seeds, and keep every response; the same run whenever asked for again."""
    return train(
        model.rule,
        model.network,
        data(),
        epochs=model.epochs,
        seeds=SEEDS,
        record=("responses",),
        progress=False,
    )


@lru_cache
def projected(model: Model) -> xr.DataArray:
    """Project the responses of a standard run on the data's modes: (seed, epoch, mode)."""
    return strengths(standard_run(model).response(), reference())


@lru_cache
def sorted_strengths(model: Model) -> xr.DataArray:
    """Take the singular values of the responses of a standard run: (seed, epoch, mode)."""
    return singular_strengths(standard_run(model).response())


def mean_squared_error(run: Run) -> xr.DataArray:
    """Return the mean squared error of a cell of the response, (seed, epoch); the loss is half its sum over a row."""
    return 2 * run.data["loss"] / run.network.sizes[-1]


def epoch_at_error(run: Run, mse: float) -> xr.DataArray:
    """Find the first epoch at which the mean squared error of a cell is no larger than mse.

    Parameters
    ----------
    run : Run
        Of squared error.
    mse : float

    Returns
    -------
    DataArray (seed,)
        Labels of the epoch axis; NaN for a seed that never gets there.

    Examples
    --------
    >>> run = train("bpa", Network((34, 8, 34), biases=False), data(), epochs=200, seeds=2)
    >>> epochs = epoch_at_error(run, 1e-2)
    >>> bool((mean_squared_error(run).sel(epoch=epochs.astype(int)) <= 1e-2).all())
    True
    >>> epoch_at_error(run, 0.0).values
    array([nan, nan])
    """
    small = mean_squared_error(run) <= mse
    first = run.data["epoch"][small.argmax("epoch")].drop_vars("epoch")
    return first.where(small.any("epoch"))


def epochs_at(model: Model, condition: str) -> xr.DataArray:
    """Return the epoch at which each seed of a standard run meets a condition, the last one if it never does."""
    run, mse = standard_run(model), CONDITIONS[condition]
    if mse is None:
        return xr.full_like(run.data["end_epoch"], EQUAL_EPOCHS)
    return epoch_at_error(run, mse).fillna(model.epochs).astype(int)


@lru_cache
def response_at(model: Model | Noisy, condition: str) -> xr.DataArray:
    """Return the response of each seed of a standard run where a claim is measured: (seed, item, property)."""
    if isinstance(model, Noisy):
        return model.response()
    response = standard_run(model).response()
    return response.sel(epoch=epochs_at(model, condition)).drop_vars("epoch")


def final_hidden(model: Model, layer: int) -> xr.DataArray:
    """Return the activity of a hidden layer at the end of training, units counted from 1: (seed, item, unit)."""
    activity = standard_run(model).final().hidden(layer)
    return activity.assign_coords(unit=np.arange(1, activity.sizes["unit"] + 1))


@lru_cache
def comparison_at(model: Model | Noisy, condition: str) -> pd.DataFrame:
    """Compare the modes of each seed's response with the data's; see `modes.compare`."""
    return compare(svd(response_at(model, condition)), reference(), same=SAME)


def naive_comparison(model: Model | Noisy, condition: str) -> pd.DataFrame:
    """Compare the k-th vectors of response and data one by one, as the eye does: same, sign-flipped or different."""
    table = comparison_at(model, condition)
    cosines = table[["cosine_U", "cosine_V"]]
    alike = cosines.abs().min(axis=1)
    flipped = np.where(cosines["cosine_U"] < 0, "sign-flipped", "same")
    return table.assign(block_cosine=alike, verdict=np.where(alike >= SAME, flipped, "different"))


def verdict_table(table: pd.DataFrame, **columns: Any) -> pd.DataFrame:
    """Sum a comparison up over seeds: a mode's most frequent verdict, of how many seeds, and its mean cosines."""
    rows = []
    for mode, seeds in table.groupby("mode"):
        counts = seeds["verdict"].value_counts()
        row = {"mode": mode, "verdict": counts.index[0], "seeds": f"{counts.iloc[0]} of {len(seeds)}"}
        row |= {name: seeds[name].mean() for name in ("block_cosine", "null_cosine")}
        rows.append(columns | row | {"all_verdicts": "; ".join(f"{word} {n}" for word, n in counts.items())})
    return pd.DataFrame(rows)


# --------------------------------------------------------------------------------------------- what claims are about


def relative_error(model: Model, condition: str) -> xr.DataArray:
    """Return how far the response is from the data, ``|Y - X| / |X|`` (Frobenius), (seed,)."""
    X = data().array
    missed = ((response_at(model, condition) - X) ** 2).sum(("item", "property"))
    return (missed / (X**2).sum()) ** 0.5


def squared_error_on(model: Model, condition: str, items: Sequence[str]) -> xr.DataArray:
    """Return the mean squared error of a cell in the rows of some items, (seed,)."""
    error = response_at(model, condition) - data().array
    return (error.sel(item=list(items)) ** 2).mean(("item", "property"))


def block_cosine(model: Model, condition: str, modes: Sequence[int]) -> xr.DataArray:
    """Return the smallest cosine between some of the data's modes and their partners in the response, (seed,)."""
    table = comparison_at(model, condition)
    return table[table["mode"].isin(modes)].groupby("seed")["block_cosine"].min().to_xarray()


def turned(model: Model | Noisy, condition: str, mode: int) -> xr.DataArray:
    """Say of each seed if the k-th vectors of response and data point in opposite directions: (seed,)."""
    table = comparison_at(model, condition)
    return (table[table["mode"] == mode].set_index("seed")["cosine_U"] < 0).to_xarray()


def rotated(model: Model, condition: str, modes: Sequence[int]) -> xr.DataArray:
    """Say of each seed if some modes span the plane that the data's do, but are not the same one by one: (seed,).

    Modes of different singular values have a plane as well; only in a block is it no surprise to find them turned.
    """
    modes = list(modes)
    found = svd(response_at(model, condition)).sel(mode=modes)
    turned_out = []
    for side in ("U", "V"):
        cosines = np.einsum("ik,sij->skj", reference()[side].sel(mode=modes).values, found[side].values)
        plane = np.linalg.svd(cosines, compute_uv=False)[:, -1] >= SAME
        single = np.abs(np.diagonal(cosines, axis1=1, axis2=2)).min(axis=1) >= SAME
        turned_out.append(plane & ~single)
    return xr.DataArray(np.logical_and(*turned_out), dims="seed")


def share_on(model: Model, condition: str, items: Sequence[str], modes: Sequence[int]) -> xr.DataArray:
    """Return how much of the response's own modes is on some items: the mean of their sums of u^2, (seed,)."""
    U = svd(response_at(model, condition))["U"]
    return (U.sel(item=list(items), mode=list(modes)) ** 2).sum("item").mean("mode")


def half_learned_epochs(model: Model) -> xr.DataArray:
    """Return when each mode is half learned, (seed, mode); see `modes.half_learned`."""
    return half_learned(projected(model), reference())


def lead_in_epochs(model: Model, early: Sequence[int], late: Sequence[int]) -> xr.DataArray:
    """Return the epochs between the last of the early modes and the first of the late ones, half learned: (seed,)."""
    epochs = half_learned_epochs(model)
    return epochs.sel(mode=list(late)).min("mode") - epochs.sel(mode=list(early)).max("mode")


def learned_share(model: Model, condition: str) -> xr.DataArray:
    """Return the share of each of the data's modes that the response has, 1 when learned: (seed, mode)."""
    return strengths(response_at(model, condition), reference()) / reference()["s"]


def lead_in_share(model: Model, condition: str, early: Sequence[int], late: Sequence[int]) -> xr.DataArray:
    """Return how much more of the least learned early mode is learned than of the most learned late one: (seed,)."""
    share = learned_share(model, condition)
    return share.sel(mode=list(early)).min("mode") - share.sel(mode=list(late)).max("mode")


def late_in_epochs(model: Model, relative: bool = False) -> xr.DataArray:
    """Return when modes 5 to 8 are half learned, on average; in epochs, or in units of the first mode's: (seed,)."""
    epochs = half_learned_epochs(model)
    late = epochs.sel(mode=[5, 6, 7, 8]).mean("mode")
    return late / epochs.sel(mode=1, drop=True) if relative else late


def late_in_share(model: Model, condition: str) -> xr.DataArray:
    """Return the share of modes 5 to 8 that is still to be learned: (seed,)."""
    return 1 - learned_share(model, condition).sel(mode=[5, 6, 7, 8]).mean("mode")


def pair_gap_in_epochs(model: Model) -> xr.DataArray:
    """Return how far apart the two singular values of a pair are half learned, mean of {5, 6} and {7, 8}: (seed,).

    In units of the pair's own half-learned epoch. Singular values, not projections: these depend on how the library
    happens to turn the data's modes within the block.
    """
    epochs = half_learned(sorted_strengths(model), reference())
    first, second = epochs.sel(mode=[5, 7]).values, epochs.sel(mode=[6, 8]).values
    return xr.DataArray((2 * abs(second - first) / (first + second)).mean(axis=1), dims="seed")


def pair_gap_in_share(model: Model, condition: str) -> xr.DataArray:
    """Return how far apart the two singular values of a pair are, in units of the data's: (seed,)."""
    s = singular_strengths(response_at(model, condition))
    gaps = s.sel(mode=[5, 7]).values - s.sel(mode=[6, 8]).values
    return xr.DataArray((gaps / reference()["s"].sel(mode=[5, 7]).values).mean(axis=1), dims="seed")


# -------------------------------------------------------------------------------------------------------- tidy tables


def labelled(table: pd.DataFrame) -> pd.DataFrame:
    """Add to a table with a column mode the block of each mode and what it is about."""
    names = {k: str(J[0]) if len(J) == 1 else f"{J[0]}-{J[-1]}" for J in blocks(reference()) for k in J}
    return table.assign(block=table["mode"].map(names), label=table["mode"].map(LABELS))


def intervals(values: xr.DataArray, **columns: Any) -> pd.DataFrame:
    """Return mean, low, high and n over seeds as a tidy table, with some columns that say what it is.

    Examples
    --------
    >>> intervals(xr.DataArray([[1.0], [3.0]], dims=("seed", "mode"), coords={"mode": [1]}), rule="bpa")
      rule  mode  mean  low  high  n
    0  bpa     1   2.0  1.0   3.0  2
    """
    table = mean_interval(values).to_dataframe().reset_index()
    for place, (name, value) in enumerate(columns.items()):
        table.insert(place, name, value)
    return table


def shown_epochs(epochs: int) -> list[int]:
    """Choose the epochs that a curve is drawn through: dense at first, about a hundred in all.

    Examples
    --------
    >>> shown_epochs(1000)[:5], len(shown_epochs(1000))
    ([0, 1, 2, 3, 4], 88)
    """
    return sorted({0, *np.geomspace(1, epochs, 120).round().astype(int).tolist()})


def strength_table(model: Model) -> pd.DataFrame:
    """Tabulate both strengths of a standard run by epoch and mode, with intervals over seeds."""
    epochs = shown_epochs(model.epochs)
    both = {
        "a  projected on the data's modes": projected(model),
        "b  singular values of the response": sorted_strengths(model),
    }
    parts = [intervals(strength.sel(epoch=epochs), panel=title) for title, strength in both.items()]
    return labelled(pd.concat(parts, ignore_index=True))


def beside_theory(measured: xr.DataArray, theory: xr.DataArray, panel: str) -> pd.DataFrame:
    """Tabulate measured strengths (seed, time, mode), with intervals over seeds, beside a theory's (time, mode)."""
    table = intervals(measured, panel=panel)
    table = table.merge(theory.rename("theory").to_series().reset_index(), on=["time", "mode"])
    return table.rename(columns={"time": "rate_steps"})


def modes_table(equation: str, matrix: xr.DataArray, modes: xr.Dataset) -> pd.DataFrame:
    """Tabulate a matrix and its modes cell by cell; `modes_from` reads it back."""
    matrices = {"matrix": matrix, "U": modes["U"], "s": modes["s"], "V": modes["V"]}
    parts = []
    for part, values in matrices.items():
        cells = values.to_series().rename("value").reset_index()
        row, column = ("mode", "mode") if part == "s" else values.dims
        columns = {"equation": equation, "part": part, "row": cells[row], "column": cells[column]}
        parts.append(pd.DataFrame(columns | {"value": cells["value"]}))
    return pd.concat(parts, ignore_index=True)


def modes_from(table: pd.DataFrame, column: str) -> dict[str, tuple[xr.DataArray, xr.Dataset]]:
    """Read the equations of `modes_table` back; the columns of the matrix are properties or units.

    Examples
    --------
    >>> table = modes_table("data", data().array, reference())
    >>> matrix, modes = modes_from(table, "property")["data"]
    >>> bool((matrix == data().array).all()), bool((modes.V == reference().V).all())
    (True, True)
    """
    dims = {"matrix": ("item", column), "U": ("item", "mode"), "V": (column, "mode")}
    equations = {}
    for name, rows in table.groupby("equation", sort=False):
        arrays = {}
        for part, (first, second) in dims.items():
            cells = rows[rows["part"] == part]
            coords = {first: list(cells["row"].unique()), second: list(cells["column"].unique())}
            shape = [len(labels) for labels in coords.values()]
            values = cells["value"].to_numpy().reshape(shape)
            arrays[part] = xr.DataArray(values, coords, (first, second))
        s = rows.loc[rows["part"] == "s", "value"].to_numpy()
        equations[str(name)] = (
            arrays["matrix"],
            xr.Dataset({"U": arrays["U"], "s": ("mode", s), "V": arrays["V"]}),
        )
    return equations


def tree_table(tree: Tree, **columns: Any) -> pd.DataFrame:
    """Tabulate the links of a tree; `tree_from` reads it back."""
    links = pd.DataFrame(tree.Z, columns=["left", "right", "distance", "size"])
    links = links.astype({"left": int, "right": int, "size": int})
    return pd.DataFrame(columns, index=links.index).join(links)


def tree_from(links: pd.DataFrame, items: Sequence[str]) -> Tree:
    """Read a tree of some items back from its links.

    Examples
    --------
    >>> from semantic_svd.dendrograms import linkage
    >>> tree = linkage(data())
    >>> tree_from(tree_table(tree, epoch=0), data().items).leaves == tree.leaves
    True
    """
    Z = links[["left", "right", "distance", "size"]].to_numpy(float)
    return Tree(Z, tuple(items), tuple(leaves_list(Z).tolist()), exact=len(items) <= 12)


def note(*models: Model, bands: str = "") -> str:
    """Say under a figure which models it shows, how they were trained, and what its bands (or bars) are.

    Examples
    --------
    >>> note(BPA)
    'BPA: bpa, 34-8-34, linear hidden units, no biases. Learning rate 0.1, full batch.'
    """
    text = ". ".join(model.about for model in models) + f". Learning rate {RATE:g}, full batch."
    return f"{text} {interval_note(bands)}" if bands else text


def interval_note(bands: str = "bands") -> str:
    """Say what the bands of a figure are; the spaces inside 95 % t do not break.

    Examples
    --------
    >>> interval_note("bars").replace(chr(160), " ")
    '20 seeds; bars are 95 % t intervals of the mean.'
    """
    return f"{SEEDS} seeds; {bands} are 95\u00a0%\u00a0t intervals of the mean."


# ------------------------------------------------------------------------------------------------------------- claims


CLAIMS_HEAD = f"""# The claims of the report

{SEEDS} seeds, learning rate {RATE:g} for all, full batch. A cell says if the claim holds there, then the mean over
seeds and its 95 % interval (t; Wilson's for shares of seeds). *Unclear*: the interval lies on both sides of the
limit; *no difference*: it lies within the limit of zero. Equal epochs: at epoch {EQUAL_EPOCHS}, or over the whole
training for claims about time. MSE: the first epoch of each seed at which the mean squared error of a cell is that
small; convergence: 1e-6.

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
    second.
    """

    text: str
    measure: str
    value: Callable[[Any, str], xr.DataArray]
    models: tuple[Model | Noisy, ...]
    holds: Criterion
    conditions: tuple[str, ...] = tuple(CONDITIONS)

    def rows(self) -> list[dict[str, Any]]:
        """Measure the claim under each of its conditions."""
        return [self._row(condition) for condition in self.conditions]

    def _row(self, condition: str) -> dict[str, Any]:
        values = [self.value(model, condition).drop_vars("seed", errors="ignore") for model in self.models]
        made = _mean_of(values[0] - values[1] if len(values) > 1 else values[0])
        row: dict[str, Any] = {"claim": self.text, "condition": condition, "measure": self.measure}
        row |= {"of": " minus ".join(model.name for model in self.models)} | made
        row |= {model.name: value.mean().item() for model, value in zip(self.models, values, strict=True)}
        return row | {"criterion": str(self.holds), "holds": self.holds.judge(made["low"], made["high"])}


def _mean_of(values: xr.DataArray) -> dict[str, float]:
    """Return mean, low, high and n over seeds: the t interval, or Wilson's for a share of seeds."""
    if values.dtype == bool:
        share = binomtest(int(values.sum()), values.size).proportion_ci(method="wilson")
        return {"mean": float(values.mean()), "low": share.low, "high": share.high, "n": values.size}
    return {str(name): value.item() for name, value in mean_interval(values).items()}


def claims_table(claims: Sequence[Claim]) -> pd.DataFrame:
    """Measure claims under all their conditions: a row for each, in order."""
    table = pd.DataFrame([row for claim in claims for row in claim.rows()])
    return table[[*table.columns.drop(["criterion", "holds"]), "criterion", "holds"]]


def claims_markdown(table: pd.DataFrame) -> str:
    """Write the table of claims for reading: a line a claim, a column a condition.

    Examples
    --------
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
    texts = {
        "csv": table.to_csv(index=False, float_format="%.6g", lineterminator="\n"),
        "md": f"{CLAIMS_HEAD}\n{claims_markdown(table)}",
    }
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unfinished-") as unfinished:
        for kind, text in texts.items():
            draft = Path(unfinished) / f"{stem}.{kind}"
            draft.write_text(text, encoding="utf-8")
            draft.replace(folder / draft.name)


# ------------------------------------------------------------------------------------------------------------ reproduce


def writable(folder: Path | str) -> Path:
    """Make a folder, if it is not there, and make sure that files can be written to it.

    Raises
    ------
    InputError
        If they cannot.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     writable(f"{folder}/figures").name
    'figures'
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise InputError(
            f"cannot write to the folder {folder}: {error.strerror}; name one that can be written to"
        ) from None


def script(main: Callable[[Path], object]) -> None:
    """Run an analysis from the command line: ``python analyses/<stem>.py [-o folder]``."""
    parser = argparse.ArgumentParser(description=sys.modules[main.__module__].__doc__)
    parser.add_argument("-o", "--output", default="figures", help="folder of the figures (figures)")
    try:
        main(writable(parser.parse_args().output))
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def reproduce(folder: Path | str = "figures", progress: bool = True) -> pd.DataFrame:
    """Run every analysis of the folder analyses/, and return what became of the report's claims.

    Parameters
    ----------
    folder : path
        Of the figures and tables.
    progress : bool
        Show a bar.

    Returns
    -------
    DataFrame
        A row for each claim and condition: measure, mean, low, high, n, criterion, holds.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    from rich.progress import track

    folder = writable(folder)
    analyses = sorted(
        top_folder("analyses").glob("*.py"), key=lambda path: (path.stem == "claims", path.stem)
    )
    claims = pd.DataFrame()
    for path in track(analyses, "analyses", disable=not progress):
        claims = load_analysis(path).main(folder)
    return claims


def load_analysis(path: Path) -> ModuleType:
    """Import an analysis from its file.

    Examples
    --------
    >>> load_analysis(top_folder("analyses") / "svd_data.py").compute().columns.tolist()
    ['equation', 'part', 'row', 'column', 'value']
    """
    spec = importlib.util.spec_from_file_location(f"analyses_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
