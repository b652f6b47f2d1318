"""Trainings of a study over their epochs: their errors, and how like the layer that they learn is to backprop's.

Every network is held against backprop from the same start, and so are the layer that has not learned and backprop from
another start.
"""

from collections.abc import Mapping
from contextlib import suppress

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import spearmanr

from semantic_svd.angles import feedback_angle
from semantic_svd.classes import centred_means, on_last_modes
from semantic_svd.dendrograms import agreement, linkage
from semantic_svd.errors import InputError
from semantic_svd.intervals import UNBOUNDED, mean_interval
from semantic_svd.modes import effective_rank, half_grown, svd
from semantic_svd.runs import Run
from semantic_svd.similarity import procrustes_angle
from semantic_svd.tables import tree_table

BASE = "backprop"
UNTRAINED, ELSEWHERE = "not trained", "backprop, another start"  # what likeness is to be seen beside
TEST, TRAINING = "test error (%)", "training error (%)"
RANK, TREE, TURN = "effective rank", "tree agreement with backprop's", "angle to backprop's (degrees)"
ORDER = "order of modes: agreement with backprop's"
FEEDBACK = "feedback angle (degrees)"
BOUNDS = {TEST: (0.0, 100.0), TRAINING: (0.0, 100.0), TREE: (-1.0, 1.0), ORDER: (-1.0, 1.0)}
STRENGTH = "strength (share of the first mode's)"
TRAINED = ["part", "network", "data", "seed"]


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
            rows = _of_one(of).rename("value").to_dataframe().reset_index()
            courses.append(rows.assign(**about, measure=measure))

    for name, run in trained.items():
        (part, network, *which), means = name, every[name]
        base = every[part, BASE, *which]
        if network == BASE:
            last = base["epoch"].values[-1:]
            starts = [other for other in every if other[:2] == name[:2]]
            another = every[starts[(starts.index(name) + 1) % len(starts)]]
            add((part, UNTRAINED, *which), _likeness(base.isel(epoch=[0]).assign_coords(epoch=last), base))
            if another is not base and (len(starts) > 2 or name == starts[0]):  # two make one pair
                alike = _likeness(another, base).items()
                add((part, ELSEWHERE, *which), {measure: of.isel(epoch=[-1]) for measure, of in alike})
        add(name, _measures(run, means, base))
        with suppress(InputError):  # classes that are all alike have no tree
            if (part, network) not in trees and not run.diverged.any():
                tree = linkage(means.isel(epoch=-1, drop=True), metric="correlation")
                trees[part, network] = tree_table(tree, part=part, network=network)
    table = pd.concat(courses, ignore_index=True)
    table["value"] = table["value"].where(np.isfinite(table["value"]))
    links = pd.concat(trees.values(), ignore_index=True)
    return table[[*TRAINED, "measure", "epoch", "mode", "value"]], links


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
    epochs = np.union1d(means["epoch"], base["epoch"]) if run.diverged.any() else means["epoch"].values
    return {name: values.reindex(epoch=epochs) for name, values in found.items()}


def _likeness(means: xr.DataArray, base: xr.DataArray) -> dict[str, xr.DataArray]:
    """Measure at each epoch how like the means of classes are to those with which backprop ended."""
    end = base.isel(epoch=-1, drop=True)
    return {
        RANK: effective_rank(means),
        TREE: agreement(means, end, metric="correlation"),
        TURN: procrustes_angle(means, end),
        ORDER: xr.DataArray([order_agreement(means, base)], {"epoch": means["epoch"][-1:]}),
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


def _of_one(values: xr.DataArray) -> xr.DataArray:
    """Return a measure of the one seed, by epoch, and by mode where it is of modes (else mode 0)."""
    values = values.isel(seed=0, drop=True) if "seed" in values.dims else values
    values = values.reset_coords(drop=True)
    return values if "mode" in values.dims else values.expand_dims(mode=[0])
