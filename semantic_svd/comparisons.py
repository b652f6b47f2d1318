"""Runs side by side: what networks learn under several rules, in which order, and how alike they end.

Of a run on items the response is looked at, along the data's modes, and the last hidden layer. Of a run on images that
recorded them: how the output goes with the input, along the modes of the targets' own, and the class means of the last
hidden layer; its items are then the classes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd
import xarray as xr

from semantic_svd.alignment import compare
from semantic_svd.classes import mean_inputs
from semantic_svd.dendrograms import agreement
from semantic_svd.errors import InputError
from semantic_svd.intervals import UNBOUNDED, mean_interval, share_interval
from semantic_svd.modes import block_names, leakage, strengths, svd
from semantic_svd.runs import Recorded, Run
from semantic_svd.similarity import beside_null
from semantic_svd.stages import order_kept, stage_epochs, stage_table
from semantic_svd.tables import held, intervals, nearest, shown_epochs

__all__ = ["compare_runs"]


def compare_runs(runs: Mapping[str, Run]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare runs over the same items: stages, final modes, leakage, differentiation, similarity.

    Parameters
    ----------
    runs : mapping of name to Run
        Two or more, each with weights, or responses (and hidden activity, without which the agreement of the hidden
        layer has no curve); of images, with input_output and class means (those that were recorded: item by item, with
        both). Seeds that diverged are left out. Where a rule taught the output nothing, what is said of it is NaN.

    Returns
    -------
    summary : DataFrame
        A row for each measure of each run: measure, of (a mode, a pair of blocks, another run), run, mean, low, high,
        n, method. The measures: half-learned epoch of each mode, "half learned, rate x steps" and "relative" (to the
        first mode); where there are any, the share of seeds that had a mode half learned at the start, which has no
        time; share of seeds that keep the order of two blocks, of those that tell it (not where both are first
        there in one snapshot); at the end the strength of each mode in units of the data's, the share of seeds in which
        its verdict is neither "different" nor "null", leakage, the agreement of the items' tree with the data's (of the
        output and of the last hidden layer), and the linear CKA of the hidden layer with the data and with every other
        run, seed by seed ("CKA"), and what it reaches in 5 % of the cases when the items are shuffled ("CKA, shuffled
        items").
    curves : DataFrame
        By epoch: measure (strength, leakage, agreement), of (a mode), block, run, epoch, rate_steps, relative (to the
        mean at which the summary has the first mode half learned), mean, low, high, n.

    Raises
    ------
    InputError
        For fewer than two runs, runs that are not over the same items and targets, that kept too little, or of which
        every seed diverged; for one seed or one epoch of a run, without its axis.

    Examples
    --------
    >>> from semantic_svd import Network, load_items, train
    >>> items, network = load_items("mcclelland2020"), Network((34, 8, 34), biases=False)
    >>> runs = {rule: train(rule, network, items, epochs=400, seeds=3) for rule in ("backprop", "bpa")}
    >>> summary, curves = compare_runs(runs)
    >>> row = summary[(summary["measure"] == "half learned") & (summary["of"] == "1")].iloc[0]
    >>> row["run"], int(row["n"]), row["method"]
    ('backprop', 3, 'range')
    """
    if not isinstance(runs, Mapping):
        raise InputError(f"runs are named, as {{'bpa': run, ...}}, not {type(runs).__name__}")
    for name, run in runs.items():
        if not isinstance(run, Run):
            raise InputError(f"{name} is no Run, but {type(run).__name__}")
        for axis in [axis for axis in ("seed", "epoch") if axis not in run.data.dims]:
            raise InputError(
                f"{name} has no axis {axis}; a comparison is over the seeds and epochs of whole runs"
            )
    if len(runs) < 2:
        raise InputError(f"a comparison is of two runs or more, not of {len(runs)}")
    sides = {name: _side(name, run) for name, run in runs.items()}
    first, *others = sides
    for name in others:
        _same_task(first, sides[first], name, sides[name])
    reference = svd(next(iter(sides.values())).target)
    summaries, curves = [], []
    for name, side in sides.items():
        summary, curve = _measured(side, reference)
        summaries.append(summary.assign(run=name))
        curves.append(curve.assign(run=name))
    summaries += _likeness(sides)
    columns = ["measure", "of", "run", "mean", "low", "high", "n", "method"]
    table = pd.concat(summaries, ignore_index=True)[columns]
    return table.assign(of=table["of"].astype(str)), pd.concat(curves, ignore_index=True)


@dataclass(frozen=True, eq=False)
class _Side:
    """A run as it is compared: matrices (seed, epoch, item, ...), those of its end, and what was to be learned."""

    target: xr.DataArray  # of the response, in its own type: that tells which modes are rounding
    rate_steps: Callable[[Any], Any]  # by epoch; hidden layers have one rate
    taught: bool  # whether the response is
    response: xr.DataArray  # seeds that stopped before the others say what they said last
    shown: list[int]  # the epochs of curves
    hidden: xr.DataArray | None  # at these epochs, if it was kept
    last_response: xr.DataArray  # in its own type
    last_hidden: xr.DataArray
    data: xr.DataArray  # what the items are


def _side(name: str, run: Run) -> _Side:
    if run.diverged.all():
        raise InputError(f"every seed of {name} diverged: there is nothing to compare")
    run = run.sel(seed=~run.diverged)
    kept = run.data["epoch"].values
    shown = nearest(kept, shown_epochs(int(kept[-1])))
    thin, last = run.sel(epoch=shown), run.final()
    layer = run.network.layers - 1
    inner = layer or None  # without hidden layers the response stands for them
    own = f"h{layer}" if inner else "response"
    output = f"unit_{run.network.layers}"
    hidden: xr.DataArray | None
    if f"m{layer}" in run.data and "target_input_output" in run.data:
        names = {"class": "item", "input": "property"}
        response, last_response = (part.input_output().rename(names) for part in (run, last))
        hidden, last_hidden = (part.class_means(layer).rename({"class": "item"}) for part in (thin, last))
        target = run.data["target_input_output"].rename({output: "item", "unit_0": "property"})
        data = _mean_images(name, run)
    else:
        _refuse_without_items(name, run, last, own)
        response, last_response = run.response(), last.response()
        hidden = thin.response(layer=inner) if {"W1", own} & set(run.data) else None
        last_hidden = last.response(layer=inner)
        target = data = run.targets()
    response, last_hidden, data = (a.astype(float).compute() for a in (response, last_hidden, data))
    hidden = None if hidden is None else held(hidden.astype(float).compute())
    ends = last_response.compute(), last_hidden, data
    return _Side(target.compute(), run.rate_steps, run.taught, held(response), shown, hidden, *ends)


def _mean_images(name: str, run: Run) -> xr.DataArray:
    if (means := mean_inputs(run)) is None:
        raise InputError(
            f"{name} keeps nothing that tells the mean image of each class; train it without a probe, or with these "
            "means as the probe, named as the classes"
        )
    return means


def _refuse_without_items(name: str, run: Run, last: Run, own: str) -> None:
    """Refuse a run that kept too little to be compared item by item; own is what it may have kept of its layer."""
    if isinstance(run.network, Recorded) and not {"target", "response", own} <= set(run.data):
        raise InputError(
            f"{name} was recorded, not trained, and is compared item by item: by its targets and "
            "record=('hidden', 'responses')"
        )
    if "target" not in run.data:
        raise InputError(
            f"{name} kept neither the targets of its items nor class means and input_output of images"
        )
    if not {"W1", "response"} & set(run.data) or not {"W1", own} & set(last.data):
        raise InputError(f"{name} kept too little to be compared: record weights, or responses and hidden")


def _same_task(first: str, one: _Side, name: str, other: _Side) -> None:
    if one.target.shape != other.target.shape or abs(one.target.values - other.target.values).max() > 1e-6:
        raise InputError(
            f"{first} and {name} did not learn the same: "
            f"{one.target.shape[0]} x {one.target.shape[1]} and {other.target.shape[0]} x {other.target.shape[1]}"
            + (", with other values" if one.target.shape == other.target.shape else "")
        )


def _measured(side: _Side, reference: xr.Dataset) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure a run by itself: the summary, and the curves."""
    projected = strengths(side.response, reference).where(side.taught)
    stage = stage_table(projected, reference, side.rate_steps)
    stage = stage[(stage["by"] == "mode") & (stage["fraction"] == 0.5)]
    times = {"epoch": "", "rate_steps": ", rate x steps", "relative": ", relative"}
    parts = [
        stage[stage["time"] == time].assign(measure=f"half learned{word}").rename(columns={"stage": "of"})
        for time, word in times.items()
    ]
    known = stage_epochs(projected, reference).sel(fraction=0.5, drop=True) == 0
    if known.any():
        there = share_interval(known.sel(mode=known.any("seed")))
        parts.append(_named(there, "half learned at the start", "mode"))
    half = stage_epochs(projected, reference, by="block").sel(fraction=0.5, drop=True)
    if half.sizes["block"] > 1:
        kept = order_kept(half, ties=False).rename(columns={"order": "of", "share": "mean"})
        parts.append(kept.assign(measure="order kept"))
    alive = sorted(set(stage["stage"].astype(int)))
    said = side.last_response.astype(float)
    final = (strengths(said, reference).where(side.taught) / reference["s"]).sel(mode=alive)
    found = compare(side.last_response, reference, null_draws=0).query("mode in @alive")
    verdicts = found.set_index(["seed", "mode"])["verdict"].to_xarray()
    there = share_interval((~verdicts.isin(["different", "null"])).where(side.taught))
    trees = {
        "output": agreement(said, side.target).where(side.taught),
        "hidden": agreement(side.last_hidden, side.data),
    }
    parts += [
        _tidy("final strength / data's", final, "mode"),
        _named(there, "mode is there", "mode"),
        _tidy("leakage", leakage(said, reference).where(side.taught), within=(0, 1)),
        *(
            _tidy(f"agreement with the data's tree, {layer}", tree, within=(-1, 1))
            for layer, tree in trees.items()
        ),
    ]
    first = stage.loc[stage["time"] == "epoch", "mean"].iloc[0]  # of the first mode
    return pd.concat(parts, ignore_index=True), _curves(side, reference, projected.sel(mode=alive), first)


def _curves(side: _Side, reference: xr.Dataset, projected: xr.DataArray, first: float) -> pd.DataFrame:
    leaked = leakage(side.response.sel(epoch=side.shown), reference).where(side.taught)
    tables = [
        intervals(projected.sel(epoch=side.shown), measure="strength"),
        intervals(leaked, within=(0, 1), measure="leakage"),
    ]
    if side.hidden is not None:
        tables.append(intervals(agreement(side.hidden, side.data), within=(-1, 1), measure="agreement"))
    table = pd.concat(tables, ignore_index=True).rename(columns={"mode": "of"})
    table["block"] = table["of"].map(block_names(reference))
    table["rate_steps"] = side.rate_steps(table["epoch"])
    table["relative"] = table["epoch"] / first
    return table[["measure", "of", "block", "epoch", "rate_steps", "relative", "mean", "low", "high", "n"]]


def _likeness(sides: Mapping[str, _Side]) -> list[pd.DataFrame]:
    """Measure how alike the last hidden layers end, with the data and with one another, and what chance gives."""
    layers = {name: side.last_hidden for name, side in sides.items()}
    layers["data"] = next(iter(sides.values())).data
    parts = []
    for (name, one), (other, two) in combinations(layers.items(), 2):
        if "seed" in two.dims:
            common = sorted(set(one["seed"].values) & set(two["seed"].values))
            one, two = one.sel(seed=common), two.sel(seed=common)
        if one.sizes["seed"]:
            chance = beside_null(one, two)
            for measure, values in (("CKA", chance["value"]), ("CKA, shuffled items", chance["null_high"])):
                parts.append(_tidy(measure, values, within=(0, 1)).assign(of=other, run=name))
    return parts


def _tidy(
    measure: str, values: xr.DataArray, of: str | None = None, within: tuple[float, float] = UNBOUNDED
) -> pd.DataFrame:
    """Tabulate values (seed, ...) with their intervals."""
    return _named(mean_interval(values, within=within), measure, of)


def _named(made: xr.Dataset, measure: str, of: str | None) -> pd.DataFrame:
    table = (
        made.to_dataframe().reset_index() if of else pd.DataFrame([{k: v.item() for k, v in made.items()}])
    )
    return table.assign(measure=measure, method=made.method, of=table[of].astype(str) if of else "")
