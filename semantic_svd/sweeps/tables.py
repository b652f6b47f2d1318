"""What a sweep says of its runs: a row for each run and seed, and the setting of each rule that did best."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

import pandas as pd
import xarray as xr

from semantic_svd.classes import centred_means, mean_inputs
from semantic_svd.dendrograms import agreement
from semantic_svd.errors import InputError
from semantic_svd.intervals import mean_interval
from semantic_svd.modes import half_learned, strengths, svd
from semantic_svd.runs import Run
from semantic_svd.sweeps.grid import SETTINGS, Cell, as_text

MEASURES = ("end_epoch", "loss", "accuracy", "agreement")  # and half_learned_1, ...
MORE_IS_BETTER = {"accuracy": (0.0, 1.0), "agreement": (-1.0, 1.0)}  # and between what each is bounded


def measures(run: Run) -> pd.DataFrame:
    """Measure how each seed of a run ended, and when it learned each mode.

    Returns
    -------
    DataFrame, one row a seed
        ``seed``, ``status``, ``end_epoch``, ``loss``, ``accuracy`` on the test images; ``agreement`` of the items' tree
        with the data's as the seed ended; ``half_learned_1``, ...: the half-learned epoch of each mode, NaN for never.
        Of a run on images, tree and modes are those of the class means of the last hidden layer, less their mean, and
        the modes those with which the seed ended. Of an output that was not taught there is neither. Of a seed that
        diverged there is only ``end_epoch``, its last good snapshot.

    Examples
    --------
    >>> from semantic_svd import Network, load_items, train
    >>> run = train("bpa", Network((34, 8, 34), biases=False), load_items("mcclelland2020"), epochs=300, seeds=2)
    >>> list(measures(run).columns)[:6]
    ['seed', 'status', 'end_epoch', 'loss', 'agreement', 'half_learned_1']
    """
    by_class = "m1" in run.data
    weights = [v for v, a in run.data.items() if by_class and "epoch" in a.dims and str(v)[0] in "WbB"]
    run = Run(run.data.drop_vars(weights).load(scheduler="synchronous"))
    table = run.data[["status", "end_epoch"]].to_dataframe()
    whole = run.sel(seed=~run.diverged)
    if whole.data.sizes["seed"]:
        final = whole.final()
        found = {name: final.data[name] for name in ("loss", "accuracy") if name in final.data}
        found |= _of_classes(whole, final) if by_class else _of_items(whole, final)
        if found:
            table = table.join(xr.Dataset(found).reset_coords(drop=True).to_dataframe())
    return table.reset_index()


def _of_items(run: Run, final: Run) -> dict[str, xr.DataArray]:
    if not run.taught:
        return {}
    data = run.targets()
    found = {"agreement": agreement(final.response(), data)}
    if {"W1", "response", "strength"} & set(run.data):
        modes = svd(data)
        course = run.data["strength"] if "strength" in run.data else strengths(run.response(), modes)
        found |= _stages(half_learned(course, modes))
    return found


def _of_classes(run: Run, final: Run) -> dict[str, xr.DataArray]:
    layer, data = run.network.layers - 1, mean_inputs(run)
    course, ended = (centred_means(part, layer).rename({"class": "item"}) for part in (run, final))
    stages = []
    for seed in run.data["seed"].values:
        modes = svd(ended.sel(seed=seed, drop=True))
        stages.append(half_learned(strengths(course.sel(seed=seed, drop=True), modes), modes))
    found = {} if data is None else {"agreement": agreement(ended, data)}
    return found | _stages(xr.concat(stages, run.data["seed"]))


def _stages(epochs: xr.DataArray) -> dict[str, xr.DataArray]:
    return {f"half_learned_{k + 1}": epochs.isel(mode=k, drop=True) for k in range(epochs.sizes["mode"])}


def table_of(outcomes: Mapping[str, Mapping[str, Any]], cells: Sequence[Cell]) -> pd.DataFrame:
    """Put what came of runs together, in the order of the grid; a run of which nothing came yet has no rows."""
    rows: list[dict[str, Any]] = []
    for cell in cells:
        about = {"run": cell.name, "data": cell.data_name, "rule": cell.rule_name}
        about |= {word: as_text(value) for word, value in cell.setting.items()}
        outcome = outcomes.get(cell.name, {"rows": []})
        failed = [
            {"seed": seed, "status": "failed", "error": outcome.get("error")} for seed in cell.keep["seeds"]
        ]
        rows += [about | row for row in outcome.get("rows", failed)]
    found = dict.fromkeys(name for row in rows for name in row)
    stages = sorted((c for c in found if _is_stage(c)), key=lambda c: int(c.rpartition("_")[2]))
    about_run = [c for c in found if c not in (*MEASURES, *stages, "error")]
    columns = [*about_run, *(c for c in MEASURES if c in found), *stages, "error"]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype({"end_epoch": "Int64"} if "end_epoch" in found else {})


def best(table: pd.DataFrame, by: str = "loss") -> pd.DataFrame:
    """Choose for each rule, on each data set, the setting that did best on average over seeds.

    Parameters
    ----------
    table : DataFrame
        As `sweep` returns it, or read from its results.csv.
    by : str
        A measure: loss, accuracy, agreement, end_epoch, half_learned_1, ... Accuracy and agreement are better when
        larger, the others when smaller.

    Returns
    -------
    DataFrame, one row a data set and rule
        The run and its setting; mean, low, high over seeds and their number n (`mean_interval`). A seed that diverged,
        failed or never learned the mode has no value; a setting with a smaller share of such seeds comes first.

    Raises
    ------
    InputError
        If the table is none of a sweep, or there is no such measure in it.

    Examples
    --------
    >>> rows = [("a", 0.1, 0, 2.0), ("a", 0.1, 1, 4.0), ("b", 0.2, 0, 1.0), ("b", 0.2, 1, None)]
    >>> table = pd.DataFrame(rows, columns=["run", "rate", "seed", "loss"])
    >>> best(table.assign(data="mine", rule="bpa", status="finished"))
       data rule run  rate  mean  low  high  n
    0  mine  bpa   a   0.1   3.0  2.0   4.0  2
    """
    names = [str(name) for name in table]
    if lacking := [name for name in ("run", "data", "rule", "status") if name not in names]:
        raise InputError(f"the table has no column {lacking[0]!r}, and so is none of a sweep")
    measured = [name for name in names if (name in MEASURES or _is_stage(name)) and table[name].notna().any()]
    if by not in measured:
        raise InputError(f"no measure {by!r} in the table; there are {', '.join(measured) or 'none'}")
    # the epoch to which a seed came before it diverged is in the table, and may well be the smallest
    table = table.assign(**{by: table[by].where(table["status"] != "diverged")})
    about = ["data", "rule", "run", *(name for name in names if name in SETTINGS)]
    rows = []
    for _, of_run in table.groupby("run", sort=False):
        values = of_run[by].astype(float).to_numpy()
        made = mean_interval(xr.DataArray(values, dims="seed"), within=MORE_IS_BETTER.get(by, (0.0, inf)))
        found = {name: made[name].item() for name in ("mean", "low", "high", "n")}
        rank = -found["mean"] if by in MORE_IS_BETTER else found["mean"]
        rows.append(of_run.iloc[0][about].to_dict() | found | {"rank": (-found["n"] / len(values), rank)})
    ranked = pd.DataFrame(rows)
    order = ranked.sort_values("rank", kind="stable").drop_duplicates(["data", "rule"])
    return order.sort_index().drop(columns="rank").reset_index(drop=True)


def _is_stage(name: str) -> bool:
    return name.startswith("half_learned_")
