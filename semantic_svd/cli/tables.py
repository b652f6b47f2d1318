"""The tables behind what the commands show: tidy, a row for each seed and mode, or each seed and epoch."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from semantic_svd.alignment import compare
from semantic_svd.cli.subject import Subject, open_subject
from semantic_svd.dendrograms import Tree, agreement
from semantic_svd.errors import InputError
from semantic_svd.modes import (
    block_names,
    explained_variance,
    half_learned,
    not_null,
    singular_strengths,
    strengths,
    svd,
)
from semantic_svd.similarity import compare_items
from semantic_svd.tables import held, nearest, shown_epochs, tree_table

MODE_COLUMNS = {  # what is measured of a mode -> its head on the terminal
    "reference": "data",
    "strength": "strength",
    "singular_value": "singular\nvalue",
    "share": "share",
    "half_learned": "half learned\nat epoch",
}


def mode_table(subject: Subject, matrix: xr.DataArray) -> pd.DataFrame:
    """Tabulate each mode of each seed: its block and singular value, its strength and stage on the data's modes.

    A mode at rounding level is null, and has no strength and no stage.
    """
    values = {"singular_value": singular_strengths(matrix)}
    if subject.by_class:
        reference = fullest(subject.own_modes.values())
        values |= _on_own_modes(subject, matrix) | {"share": explained_variance(matrix)}
    elif subject.reference is None:
        values["share"] = explained_variance(matrix)
        reference = fullest(svd(one) for one in (matrix if "seed" in matrix.dims else [matrix]))
    else:
        reference = svd(subject.reference)
        values |= {
            "reference": reference["s"],
            "strength": strengths(matrix, reference).where(not_null(reference)),
        }
        if subject.has_strengths:
            values["half_learned"] = half_learned(subject.strengths(), reference).sel(seed=matrix["seed"])
    first = [str(dim) for dim in values["singular_value"].dims]  # seed and mode, or mode alone
    table = xr.Dataset(values).to_dataframe(first).reset_index()
    if subject.by_class or subject.input_output:  # less their mean, so many classes have one mode fewer
        table = table[table["mode"] < matrix.sizes["item"]].reset_index(drop=True)
    names = pd.Series(block_names(reference)).where(not_null(reference).values, "null")
    table.insert(len(first), "block", table["mode"].map(names))
    return table[[*first, "block", *(name for name in MODE_COLUMNS if name in table)]]


def fullest(each: Iterable[xr.Dataset]) -> xr.Dataset:
    """Return the modes of the first seed that has the most above rounding level."""
    return max(each, key=lambda modes: int(not_null(modes).sum()))


def _on_own_modes(subject: Subject, matrix: xr.DataArray) -> dict[str, xr.DataArray]:
    """Measure strength and stage of the modes that each seed ends with."""
    own, course = subject.own_modes, subject.strengths()
    seeds = matrix["seed"].values.tolist()
    now = [strengths(matrix.sel(seed=seed), own[seed]).where(not_null(own[seed])) for seed in seeds]
    stage = [half_learned(course.sel(seed=seed), own[seed]) for seed in seeds]
    return {"strength": xr.concat(now, "seed"), "half_learned": xr.concat(stage, "seed")}


def comparison(matrix: xr.DataArray, subject: Subject, to: str | None) -> pd.DataFrame:
    """Compare the modes of each seed with the data's, or with those of another run or matrix."""
    sides = compare_items if subject.side else compare
    if to is None:
        subject.refuse_without_targets()
        if subject.run is None or subject.data is None:
            raise InputError(f"{subject.name} has no data to compare with; name a run or a CSV with --to")
        return sides(matrix, subject.data)
    layer = subject.run.network.layers if subject.run and subject.input_output else subject.layer
    there = open_subject(to, called=str(layer) if layer and Path(to).is_dir() else None)
    try:
        return _by_seed(sides, matrix, there.at("last"))
    except InputError as error:
        raise InputError(f"{subject.name}, --to {to}: {error}") from None


def _by_seed(sides: Callable[..., pd.DataFrame], matrix: xr.DataArray, other: xr.DataArray) -> pd.DataFrame:
    """Compare the modes of each seed with those of the same seed elsewhere, or with the one matrix there is."""
    if other.sizes.get("seed", 1) == 1:
        return sides(matrix, one_of(other))
    if "seed" not in matrix.dims:
        raise InputError("one matrix against several seeds; name the run first")
    missing = sorted(set(matrix["seed"].values.tolist()) - set(other["seed"].values.tolist()))
    if missing:
        raise InputError(f"no seed {missing[0]} to compare with; choose one that both have with --seed")
    return pd.concat([sides(matrix.sel(seed=[s]), other.sel(seed=s)) for s in matrix["seed"].values])


def verdict_counts(verdicts: pd.Series) -> pd.Series:
    """Count the verdicts of seeds on a mode, the most frequent first; as its sign is arbitrary, it parts no seeds.

    Examples
    --------
    >>> verdict_counts(pd.Series(["same", "swapped", "sign-flipped"])).to_dict()
    {'same up to sign': 2, 'swapped': 1}
    """
    if len(verdicts) > 1:
        verdicts = verdicts.replace(["same", "sign-flipped"], "same up to sign")
    return verdicts.value_counts()


def agreement_table(subject: Subject, method: str, metric: str) -> pd.DataFrame:
    """Tabulate by seed and epoch how far the tree of the items agrees with the data's."""
    assert subject.run is not None and subject.data is not None
    kept = subject.run.data["epoch"].values
    epochs = nearest(kept, shown_epochs(int(kept[-1])))
    response = held(subject.responses(subject.run.sel(epoch=epochs)).compute())
    found = agreement(response, subject.data, method, metric)
    return found.rename("agreement").to_dataframe().reset_index()


def link_table(trees: dict[str, Tree], **columns: Any) -> pd.DataFrame:
    """Tabulate the links of trees, and name the items that each joins; some columns say what the trees are of.

    Left and right are SciPy's numbers: items from 0 in the order of the matrix, then links from the lowest on.

    Examples
    --------
    >>> from semantic_svd.dendrograms import linkage
    >>> tree = linkage(xr.DataArray([[0.0], [2.5], [2.0]], {"item": ["oak", "rose", "daisy"]}, ("item", "x")))
    >>> link_table({"epoch 0": tree})[["left", "right", "left_items", "right_items"]]
       left  right left_items  right_items
    0     2      1      daisy         rose
    1     0      3        oak  daisy; rose
    """
    parts = []
    for title, tree in trees.items():
        links, under = tree_table(tree, shown=title, **columns), list(tree.items)
        for left, right in links[["left", "right"]].to_numpy():
            under.append(f"{under[left]}; {under[right]}")
        parts.append(
            links.assign(**{f"{side}_items": [under[k] for k in links[side]] for side in ("left", "right")})
        )
    return pd.concat(parts).rename(columns={"shown": "tree"})


def one_of(matrix: xr.DataArray) -> xr.DataArray:
    """Return the matrix of the first seed, where there are seeds."""
    return matrix.isel(seed=0, drop=True) if "seed" in matrix.dims else matrix
