"""The published comparisons, rerun: networks under many rules on one image set, trained as a sweep, and measured.

A study has parts, networks of one shape under several rules, and says what its source reports; what is measured of the
trainings is in `courses`.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from semantic_svd.errors import InputError, whole
from semantic_svd.images import Images, named_images
from semantic_svd.intervals import FEWEST, mean_interval
from semantic_svd.plots import save
from semantic_svd.report.claims import Criterion, save_table
from semantic_svd.report.courses import BASE, TEST, TRAINING, at_end, measured, spread
from semantic_svd.report.sheets import study_figures
from semantic_svd.rules import Rule
from semantic_svd.runs import Run
from semantic_svd.sweeps import Cell, Grid, sweep

BATCH = 128
PARTIAL = {  # image sets that are not what they are called after: what they are
    "cifar-10-sample": "the first 4,000 training images of CIFAR-10",
    "cifar-10-jpeg": "all of CIFAR-10 after a lossy JPEG step",
    "mnist-3000": "the first 3,000 training and 2,000 test images of MNIST",
}
EVERY = 2  # epochs from snapshot to snapshot

Errors = Callable[..., xr.DataArray]


@dataclass(frozen=True)
class Part:
    """Networks of a study that differ in their rule alone: a panel of its figures.

    Parameters
    ----------
    title : str
    rules : mapping from the names that figures show to rules; `BASE` is among them
    hidden : units of each hidden layer
    activation : of the hidden units
    axis : where networks are named "Hebb, β = 0.1", the "β"; they are drawn as curves
    """

    title: str
    rules: Mapping[str, Rule]
    hidden: tuple[int, ...] = (2000,)
    activation: str = "relu"
    axis: str = ""

    def grids(self, images: Images | str, epochs: int, seed: int, data: str | None) -> list[Grid]:
        """Return the trainings of a seed. Weights are kept where there is feedback to hold against them."""
        kept = ("class_means", "train_accuracy")
        fed = {name: rule for name, rule in self.rules.items() if rule.path != "transpose"}
        rest = {name: rule for name, rule in self.rules.items() if name not in fed}
        settings = {"hidden": [self.hidden], "activation": [self.activation], "batch_size": [BATCH]}
        shared = {"images": [images], "settings": settings, "epochs": epochs, "seeds": [seed], "every": EVERY}
        return [
            Grid(rules, record=record, data=data, **shared)  # type: ignore[arg-type]
            for rules, record in ((rest, kept), (fed, ("weights", *kept)))
            if rules
        ]


@dataclass(frozen=True)
class Reported:
    """What a source reports: its words and their place, what we measure of it, and when that agrees.

    ``value(error)`` gives one number a training; ``error(part, network, measure=TEST)`` is that error by training, in
    percent, so that a difference is between networks that began alike.
    """

    text: str
    source: str
    measure: str
    value: Callable[[Errors], xr.DataArray]
    agrees: Criterion


def behind(part: str, network: str, other: str = BASE) -> Callable[[Errors], xr.DataArray]:
    """Return the value of a `Reported`: by how many points the test error of a network is over that of another."""
    return lambda error: error(part, network) - error(part, other)


@dataclass(frozen=True)
class Study:
    """A study of the literature: what its files are called, its parts, and what its source reports.

    The terms say under figures what the names of its networks do not: shapes, rates.
    """

    name: str
    parts: Sequence[Part]
    reported: Sequence[Reported]
    terms: str = ""

    def rerun(
        self,
        folder: Path,
        images: str = "mnist",
        epochs: int = 10,
        seeds: int = 3,
        folds: int | None = None,
        data: str | None = None,
        runs: str = "runs",
        scheduler: str | None = None,
    ) -> pd.DataFrame:
        """Train what is not trained yet, write figures and tables, and return what of the source holds.

        Parameters
        ----------
        folder : of the figures, which are called after the study and the images
        images : the name of an image set, or a folder of files as `read_images` takes it
        epochs, seeds : of every network; seeds of each fold
        folds : cross-validate with so many folds, in place of the set's own test images; None does not
        data : the folder that holds the folders of image sets
        runs : folder of the trainings; one that is there is not done again
        scheduler : address of a Dask scheduler; all cores of this machine if there is none

        Raises
        ------
        InputError
            If there are no such images, or a training failed.
        """
        every_image, sets = image_sets(images, folds, data)
        trained = trained_parts(self.parts, sets, epochs, seeds, data, runs, scheduler)
        how = f"{epochs} epochs in batches of {BATCH}. {self.terms}"
        about = says(every_image, how, folds)
        return self.write(folder, trained, every_image, Path(images).name, about)

    def write(
        self, folder: Path, trained: Mapping[tuple, Run], images: Images, name: str, about: str
    ) -> pd.DataFrame:
        """Measure trainings, write figures and tables, and return what of the source holds."""
        courses, trees = measured(trained)
        means = says_means(trained)
        axes = {part.title: part.axis for part in self.parts if part.axis}
        figures = study_figures(spread(courses), trees, images.classes, axes, about, means)
        for figure_name, (figure, shown) in figures.items():
            save(figure, folder, f"{self.name}_{name}_{figure_name}", shown)
        claims = held(self.reported, courses)
        text = held_markdown(claims, f"{about} {means} {says_sampling(courses, images)}")
        save_table(claims, text, folder, f"{self.name}_{name}_claims")
        return claims


def image_sets(images: str, folds: int | None, data: str | None) -> tuple[Images, list[Images | str]]:
    """Return an image set, and what is trained on: the set by its name or folder, or its folds."""
    every_image = named_images(images, data)
    return every_image, [images] if folds is None else [*every_image.folds(folds)]


def each_start(seeds: int, sets: Sequence[Images | str]) -> list[tuple[int, Images | str]]:
    """Return so many seeds for each image set: none is used twice, so that trainings on folds begin apart too.

    Raises
    ------
    InputError
        If there are none.

    Examples
    --------
    >>> each_start(2, ["fold 1", "fold 2"])
    [(0, 'fold 1'), (1, 'fold 2'), (2, 'fold 1'), (3, 'fold 2')]
    """
    return list(enumerate([*sets] * whole("seeds", seeds)))


def trained_parts(
    parts: Sequence[Part],
    sets: Sequence[Images | str],
    epochs: int,
    seeds: int,
    data: str | None,
    runs: str | Path,
    scheduler: str | None = None,
) -> dict[tuple, Run]:
    """Train the networks of parts that are not trained yet, and open all, part by part: (part, network, data, seed)."""
    grids = [
        (part.title, grid)
        for seed, split in each_start(seeds, sets)
        for part in parts
        for grid in part.grids(split, epochs, seed, data)
    ]
    cells = trained_cells(grids, runs, scheduler).items()
    return {name: opened(runs, cell) for part in parts for name, cell in cells if name[0] == part.title}


def trained_cells(
    grids: Sequence[tuple[str, Grid]], runs: str | Path, scheduler: str | None
) -> dict[tuple, Cell]:
    """Train the runs of parts, of one seed each, that are not trained yet; name them (part, network, data, seed).

    Raises
    ------
    InputError
        If one failed.
    """
    table = sweep([grid for _, grid in grids], runs, scheduler=scheduler)
    for failed in table[table["status"] == "failed"].to_dict("records")[:1]:
        raise InputError(f"{failed['run']} failed: {failed['error']}")
    return {
        (title, cell.rule_name, cell.data_name, *cell.keep["seeds"]): cell
        for title, grid in grids
        for cell in grid.cells
    }


def opened(runs: str | Path, cell: Cell) -> Run:
    """Open the one training of a cell."""
    return Run.open(Path(runs) / f"{cell.name}.zarr")


def held(reported: Sequence[Reported], courses: pd.DataFrame) -> pd.DataFrame:
    """Hold what a source reports against what was measured at the end: a row for each of its claims.

    Where trainings diverged a claim is judged by the others, which it says; where all did, there is nothing to judge.
    Of few trainings, whose interval is their range, it says how many agree.
    """
    errors = at_end(courses[courses["measure"].isin([TEST, TRAINING])])
    ends = errors.set_index(["part", "network", "measure", "data", "seed"])["value"].unstack(["data", "seed"])
    by_name = dict(zip(ends.index, ends.to_numpy(), strict=True))

    def error(part: str, network: str, measure: str = TEST) -> xr.DataArray:
        return xr.DataArray(by_name[part, network, measure], dims="seed")

    rows = []
    for claim in reported:
        values = claim.value(error)
        values = values.where(np.isfinite(values))  # a difference from what diverged is none
        made = {str(name): value.item() for name, value in mean_interval(values).items()}
        holds = claim.agrees.judge(made["low"], made["high"]) if made["n"] else "diverged"
        if 0 < made["n"] < FEWEST:
            each = [claim.agrees.judge(value, value) for value in values.dropna("seed").values]
            holds += f", {each.count('yes')} of {len(each)}"
        if 0 < made["n"] < ends.shape[1]:
            holds += f"; {ends.shape[1] - made['n']} diverged"
        about = {"claim": claim.text, "source": claim.source, "measure": claim.measure}
        rows.append(about | made | {"criterion": str(claim.agrees), "agrees": holds})
    return pd.DataFrame(rows)


def held_markdown(table: pd.DataFrame, about: str) -> str:
    """Write the table of a source's claims for reading.

    Examples
    --------
    >>> row = {"claim": "FA is near", "source": "figure 7", "measure": "error less backprop's (points)", "mean": 0.5}
    >>> row |= {"low": 0.4, "high": 0.6, "n": 3, "criterion": "< 1", "agrees": "yes"}
    >>> print(held_markdown(pd.DataFrame([row]), "MNIST.").splitlines()[-1])
    | FA is near (figure 7) | error less backprop's (points): 0.50 [0.40, 0.60] | < 1 | **yes** |
    """
    many = len(table) and table["n"].max() >= FEWEST
    interval = "95 % interval" if many else "smallest, largest"
    lines = [
        about,
        "",
        f"| claim of the source | our figure: mean [{interval}] | agrees if | agrees? |",
        "|---|---|---|---|",
    ]
    for row in table.itertuples():
        figure = f"{row.mean:.2f} [{row.low:.2f}, {row.high:.2f}]".replace("-", "−") if row.n else "diverged"
        lines.append(
            f"| {row.claim} ({row.source}) | {row.measure}: {figure} | {row.criterion} | **{row.agrees}** |"
        )
    return "\n".join(lines) + "\n"


def says(images: Images, how: str, folds: int | None) -> str:
    """Say under figures and tables what was trained on, and how."""
    n_train, n_test = len(images), len(images.test_x)
    split = f"{n_train:,} images to train on, {n_test:,} to test with"
    if folds:
        split = f"{n_train + n_test:,} images, cross-validated in {folds} folds"
    name = images.name + (f" ({PARTIAL[images.name]})" if images.name in PARTIAL else "")
    return f"{name}: {split}; {how.rstrip('. ')}."


def says_means(trained: Mapping[tuple, Run]) -> str:
    """Say how many trainings a mean is of, and what the intervals are."""
    counts = Counter(name[:2] for name in trained).values()
    n = f"{min(counts)}" if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"
    kind = "95\u00a0%\u00a0t intervals" if min(counts) >= FEWEST else "from the smallest to the largest"
    return f"Mean of {n} trainings of each network, {kind}."


def says_sampling(courses: pd.DataFrame, images: Images) -> str:
    """Say how far an error is known from so many images, which the spread over trainings does not show."""
    ends, folds = at_end(courses), courses["data"].nunique() > 1
    n = len(images.test_x) + folds * len(images)
    share = ends.loc[(ends["network"] == BASE) & (ends["measure"] == TEST), "value"].mean() / 100
    points = 100 * np.sqrt(share * (1 - share) / n)
    return (
        f"Tested on {n:,} images, {'each in one fold' if folds else 'the same for all'}: that {100 * share:.1f} % of "
        f"them are named wrongly tells the share of all such images with a standard error of {points:.2f} points."
    )
