"""The published comparisons, rerun: networks under many rules on one image set, trained as a sweep, and measured.

A study has parts, networks of one shape under several rules, and says what its source reports. Every network is held
against backprop from the same start, and so are the layer that has not learned and backprop from another start.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import spearmanr

from semantic_svd.angles import feedback_angle
from semantic_svd.classes import centred_means, on_last_modes
from semantic_svd.dendrograms import agreement, linkage
from semantic_svd.errors import InputError, whole
from semantic_svd.images import Images, named_images
from semantic_svd.intervals import FEWEST, UNBOUNDED, mean_interval
from semantic_svd.modes import effective_rank, half_grown, svd
from semantic_svd.report.claims import Criterion, save_table
from semantic_svd.rules import Rule
from semantic_svd.runs import Run
from semantic_svd.similarity import procrustes_angle
from semantic_svd.sweeps import Cell, Grid, sweep
from semantic_svd.tables import tree_from, tree_table

BASE = "backprop"
UNTRAINED, ELSEWHERE = "not trained", "backprop, another start"  # what likeness is to be seen beside
BATCH = 128
PARTIAL = {  # image sets that are not what they are called after: what they are
    "cifar-10-sample": "the first 4,000 training images of CIFAR-10",
    "cifar-10-jpeg": "all of CIFAR-10 after a lossy JPEG step",
    "mnist-3000": "the first 3,000 training and 2,000 test images of MNIST",
}
EVERY = 2  # epochs from snapshot to snapshot
TEST, TRAINING = "test error (%)", "training error (%)"
RANK, TREE, TURN = "effective rank", "tree agreement with backprop's", "angle to backprop's (degrees)"
ORDER = "order of modes: agreement with backprop's"
FEEDBACK = "feedback angle (degrees)"
BOUNDS = {TEST: (0.0, 100.0), TRAINING: (0.0, 100.0), TREE: (-1.0, 1.0), ORDER: (-1.0, 1.0)}
STRENGTH = "strength (share of the first mode's)"
TRAINED = ["part", "network", "data", "seed"]

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

    def grids(self, images: Sequence[Images | str], epochs: int, seed: int, data: str | None) -> list[Grid]:
        """Return the trainings of a seed. Weights are kept where there is feedback to hold against them."""
        kept = ("class_means", "train_accuracy")
        fed = {name: rule for name, rule in self.rules.items() if rule.path != "transpose"}
        rest = {name: rule for name, rule in self.rules.items() if name not in fed}
        settings = {"hidden": [self.hidden], "activation": [self.activation], "batch_size": [BATCH]}
        shared = {"images": images, "settings": settings, "epochs": epochs, "seeds": [seed], "every": EVERY}
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
        folds: int = 0,
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
        folds : cross-validate with so many folds, in place of the set's own test images
        data : the folder that holds the folders of image sets
        runs : folder of the trainings; one that is there is not done again
        scheduler : address of a Dask scheduler; all cores of this machine if there is none

        Raises
        ------
        InputError
            If there are no such images, or a training failed.
        """
        whole, sets = image_sets(images, folds, data)
        grids = [
            (part.title, grid)
            for seed, split in each_start(seeds, sets)
            for part in self.parts
            for grid in part.grids([split], epochs, seed, data)
        ]
        titles = [part.title for part in self.parts]
        cells = sorted(
            trained_cells(grids, runs, scheduler).items(), key=lambda item: titles.index(item[0][0])
        )
        trained = {name: opened(runs, cell) for name, cell in cells}
        how = f"{epochs} epochs in batches of {BATCH}. {self.terms}"
        return self.write(folder, trained, whole, Path(images).name, says(whole, how, folds))

    def write(
        self, folder: Path, trained: Mapping[tuple, Run], images: Images, name: str, about: str
    ) -> pd.DataFrame:
        """Measure trainings, write figures and tables, and return what of the source holds."""
        from semantic_svd.plots import save

        courses, trees = measured(trained)
        means = says_means(trained)
        figures = self._figures(spread(courses), trees, images.classes, about, means)
        for figure_name, (figure, shown) in figures.items():
            save(figure, folder, f"{self.name}_{name}_{figure_name}", shown)
        claims = held(self.reported, courses)
        text = held_markdown(claims, f"{about} {means} {says_sampling(courses, images)}")
        save_table(claims, text, folder, f"{self.name}_{name}_claims")
        return claims

    def _figures(
        self, table: pd.DataFrame, trees: pd.DataFrame, classes: Sequence[str], of_all: str, means: str
    ) -> dict[str, tuple[Any, pd.DataFrame]]:
        """Draw the measures of all networks: name of the figure -> figure and the table that it shows."""
        from semantic_svd.plots import (
            course_sheet,
            error_panels,
            strength_sheet,
            structure_panels,
            tree_sheet,
        )

        last = at_end(table).drop(columns=["epoch", "mode"])
        feedback = table["measure"].str.startswith(FEEDBACK)
        errors = last[last["measure"].isin([TEST, TRAINING])]
        structure = last[last["measure"].isin([RANK, TREE, TURN, ORDER]) | feedback.loc[last.index]]
        structure = structure[structure.groupby("measure")["n"].transform("max") > 0]
        strengths = table[table["measure"] == STRENGTH]
        trained = ~table["network"].isin([UNTRAINED, ELSEWHERE])
        angles = table[trained & ((table["measure"] == TURN) | feedback)].drop(columns="mode")
        of_classes = "Of the class means of the last hidden layer, less their mean"
        of_angles = f"{of_classes}: angle (Procrustes) to those with which backprop from the same start ends."
        if feedback.any():
            of_angles += (
                " Feedback angle: between what carries the error back and the weights that it stands for."
            )
        named = trees.groupby(["part", "network"], sort=False)
        grown = {(str(part), str(network)): tree_from(rows, classes) for (part, network), rows in named}
        axes = {part.title: part.axis for part in self.parts if part.axis}
        about = f"{of_all} {means}"
        seen = f"{of_classes} (all but feedback angles)" if feedback.any() else of_classes
        beside = (
            f"{UNTRAINED.capitalize()}: backprop's layer as it began. Another start: backprop of the next training, "
            "which begins with other weights (and on folds learns of other images). "
        )
        ordered = "Snapshots are too far apart to tell the order in which modes grow. "
        if (structure["measure"] == ORDER).any():
            ordered = (
                "Order: rank correlation of the epochs at which backprop's modes are half grown; no mark where they do "
                "not grow after the first snapshot. "
            )
        treeless = ""
        if len(grown) < strengths.groupby(["part", "network"]).ngroups:
            treeless = "Networks that diverged, or whose classes are all alike, are left out. "
        return {
            "errors": (error_panels(errors, axes, about), errors),
            "structure": (structure_panels(structure, f"{seen}. {beside}{ordered}{about}"), structure),
            "strengths": (
                strength_sheet(
                    strengths,
                    f"{of_classes}: strength on the modes that a training ends with, as a share of the first mode's at "
                    f"the end (where it diverged, at its last snapshot before). {about}",
                ),
                strengths,
            ),
            "angles": (course_sheet(angles, "degrees", f"{of_angles} {about}"), angles),
            "trees": (
                tree_sheet(
                    grown,
                    f"{of_classes}: correlation distance, average linkage; the first training of each that did not "
                    f"diverge. {treeless}{of_all}",
                ),
                trees,
            ),
        }


def image_sets(images: str, folds: int, data: str | None) -> tuple[Images, list[Images | str]]:
    """Return an image set, and what is trained on: the set by its name or folder, or its folds."""
    whole = named_images(images, data)
    return whole, [*whole.folds(folds)] if folds else [images]


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


def measured(trained: Mapping[tuple, Run]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure trainings over their epochs, and the trees that they end with.

    Parameters
    ----------
    trained : mapping of (part, network, data, seed) to a run of one seed

    Returns
    -------
    courses : DataFrame
        part, network, data, seed, measure, epoch, mode (of strengths), value; NaN where a training diverged. What is
        measured of hidden units is of the class means of the last hidden layer, less their mean.
    trees : DataFrame
        part, network, left, right, distance, size: of the first training of each network, by correlation.
    """
    courses, trees = [], {}
    every = {name: _means(run) for name, run in trained.items()}

    def add(name: tuple, values: Mapping[str, xr.DataArray]) -> None:
        about = dict(zip(TRAINED, name, strict=True))
        for measure, of in values.items():
            courses.append(of.rename("value").to_dataframe().reset_index().assign(**about, measure=measure))

    for name, run in trained.items():
        (part, network, *which), means = name, every[name]
        base = every[part, BASE, *which]
        if network == BASE:
            last = base["epoch"].values[-1:]
            starts = [other for other in every if other[:2] == name[:2]]
            another = every[starts[(starts.index(name) + 1) % len(starts)]]
            add((part, UNTRAINED, *which), _likeness(base.isel(epoch=[0]).assign_coords(epoch=last), base))
            if another is not base:
                add((part, ELSEWHERE, *which), _at_last(_likeness(another, base)))
        add(name, _measures(run, means, base))
        with suppress(InputError):  # classes that are all alike have no tree
            if (part, network) not in trees and not diverged(run):
                tree = linkage(means.isel(epoch=-1, drop=True), metric="correlation")
                trees[part, network] = tree_table(tree, part=part, network=network)
    table = pd.concat(courses, ignore_index=True)
    table["value"] = table["value"].where(np.isfinite(table["value"]))
    return table[[*TRAINED, "measure", "epoch", "mode", "value"]], pd.concat(
        trees.values(), ignore_index=True
    )


def diverged(run: Run) -> bool:
    """Whether the one training of a run left the finite numbers."""
    return str(run.data["status"].values[0]) == "diverged"


def _means(run: Run) -> xr.DataArray:
    """Return the class means of the last hidden layer of a run of one seed, less their mean."""
    return centred_means(run, run.network.layers - 1).isel(seed=0, drop=True).load()


def _measures(run: Run, means: xr.DataArray, base: xr.DataArray) -> dict[str, xr.DataArray]:
    """Measure one training at each epoch: the means of classes against those of backprop from the same start."""
    whole = means.sel(epoch=~means.isnull().any(means.dims[1:]).values)
    errors = {TEST: run.data["accuracy"], TRAINING: run.data["train_accuracy"]}
    found = {name: 100 * (1 - share.astype(float)) for name, share in errors.items()}
    course = on_last_modes(whole.expand_dims(seed=[0])).isel(seed=0)
    found[STRENGTH] = course / course.isel(epoch=-1, mode=0, drop=True)
    found |= _likeness(whole, base)
    layers = [layer for layer in range(1, run.network.layers) if f"B{layer}" in run.data]
    found |= {f"{FEEDBACK}, layer {layer}": feedback_angle(run, layer) for layer in layers}
    epochs = np.union1d(means["epoch"], base["epoch"]) if diverged(run) else means["epoch"].values
    return {name: _of_one(values).reindex(epoch=epochs) for name, values in found.items()}


def _likeness(means: xr.DataArray, base: xr.DataArray) -> dict[str, xr.DataArray]:
    """Measure at each epoch how like the means of classes are to those with which backprop ended."""
    end = base.isel(epoch=-1, drop=True)
    order = xr.DataArray([order_agreement(means, base)], {"epoch": means["epoch"][-1:]})
    found = {RANK: effective_rank(means), TREE: agreement(means, end, metric="correlation")}
    return {
        name: _of_one(values)
        for name, values in (found | {TURN: procrustes_angle(means, end), ORDER: order}).items()
    }


def order_agreement(means: xr.DataArray, base: xr.DataArray) -> float:
    """Return how far two trainings grow the same modes in the same order: Spearman's correlation of half-way epochs.

    Parameters
    ----------
    means, base : DataArray (epoch, class, unit), class means less their mean
        The modes are those of the classes with which the base ends. What either makes of them is followed along the
        units that its own training ends with.

    Returns
    -------
    float
        NaN where a mode does not grow, or where fewer than half of the modes of either are half grown after the first
        snapshot, before which no order is seen.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> growth = np.array([[0, 0, 0], [0.6, 0.2, 0.1], [1, 0.7, 0.4], [1, 1, 1]])  # (epoch, mode)
    >>> U, V = (np.linalg.qr(rng.normal(size=(4, 3)))[0] for _ in range(2))
    >>> means = xr.DataArray((U * (growth * [3, 2, 1])[:, None]) @ V.T, {"epoch": range(4)}, ("epoch", "class", "unit"))
    >>> order_agreement(means, means)
    1.0
    """
    U = svd(base.isel(epoch=-1, drop=True))["U"].isel(mode=slice(0, base.sizes["class"] - 1))
    half = []
    for of in (means, base):
        if of.sizes["epoch"] < 3:
            return np.nan
        made = xr.dot(U, of, dim="class")  # what is made of each mode, (mode, epoch, unit)
        to = made.isel(epoch=-1, drop=True)
        course = xr.dot(made, to, dim="unit") / np.sqrt((to**2).sum("unit"))
        grows = course.isel(epoch=-1, drop=True) > course.isel(epoch=0, drop=True)
        when = half_grown(course.transpose("epoch", "mode")).where(grows).values
        first = float(of["epoch"][1])
        if not np.mean(when > first) >= 0.5:
            return np.nan
        half.append(np.maximum(when, first))
    return float(spearmanr(*half).statistic)


def _at_last(values: Mapping[str, xr.DataArray]) -> dict[str, xr.DataArray]:
    return {name: of.isel(epoch=[-1]) for name, of in values.items()}


def spread(courses: pd.DataFrame) -> pd.DataFrame:
    """Return mean, low, high and n over trainings for each part, network, measure, epoch and mode, in their order."""
    keys = ["part", "network", "measure", "epoch", "mode"]
    rows, trainings = (courses.groupby(names, sort=False) for names in (keys, ["data", "seed"]))
    wide = np.full((rows.ngroups, trainings.ngroups), np.nan)
    wide[rows.ngroup(), trainings.ngroup()] = courses["value"]
    tables = []
    for measure, of in courses[keys].drop_duplicates(ignore_index=True).groupby("measure", sort=False):
        values = xr.DataArray(wide[of.index], dims=("row", "seed"))
        made = mean_interval(values, within=BOUNDS.get(str(measure), UNBOUNDED))
        tables.append(of.assign(**{name: made[name].values for name in ("mean", "low", "high", "n")}))
    return pd.concat(tables, ignore_index=True)


def at_end(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of each network's last epoch."""
    return table[table["epoch"] == table.groupby(["part", "network"])["epoch"].transform("max")]


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
        made = {str(name): value.item() for name, value in mean_interval(values).items()}
        holds = claim.agrees.judge(made["low"], made["high"]) if made["n"] else "diverged"
        if 0 < made["n"] < FEWEST:
            each = [claim.agrees.judge(value, value) for value in values.values[np.isfinite(values)]]
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


def says(images: Images, how: str, folds: int) -> str:
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


def _of_one(values: xr.DataArray) -> xr.DataArray:
    """Return a measure of the one seed, by epoch, and by mode where it is of modes (else mode 0)."""
    values = values.isel(seed=0, drop=True) if "seed" in values.dims else values
    values = values.reset_coords(drop=True)
    return values if "mode" in values.dims else values.expand_dims(mode=[0])
