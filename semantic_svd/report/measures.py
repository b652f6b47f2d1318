"""What the claims of the report are about, as numbers: one a seed, of a standard run under a condition."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from semantic_svd.alignment import compare
from semantic_svd.modes import singular_strengths, strengths, svd
from semantic_svd.report import standard
from semantic_svd.report.standard import Model, Noisy
from semantic_svd.stages import member_gaps

SAME = 0.95  # the cosine from which on two directions, or two planes, are the same


@lru_cache
def comparison_at(model: Model | Noisy, condition: str) -> pd.DataFrame:
    """Compare the modes of each seed's response with the data's; see `alignment.compare`."""
    return compare(svd(standard.response_at(model, condition)), standard.reference(), same=SAME)


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


def relative_error(model: Model, condition: str) -> xr.DataArray:
    """Return how far the response is from the data, ``|Y - X| / |X|`` (Frobenius), (seed,)."""
    X = standard.data().array
    missed = ((standard.response_at(model, condition) - X) ** 2).sum(("item", "property"))
    return (missed / (X**2).sum()) ** 0.5


def squared_error_on(model: Model, condition: str, items: Sequence[str]) -> xr.DataArray:
    """Return the mean squared error of a cell in the rows of some items, (seed,)."""
    error = standard.response_at(model, condition) - standard.data().array
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
    found = svd(standard.response_at(model, condition)).sel(mode=modes)
    turned_out = []
    for side in ("U", "V"):
        cosines = np.einsum(
            "ik,sij->skj", standard.reference()[side].sel(mode=modes).values, found[side].values
        )
        plane = np.linalg.svdvals(cosines)[:, -1] >= SAME
        single = np.abs(np.diagonal(cosines, axis1=1, axis2=2)).min(axis=1) >= SAME
        turned_out.append(plane & ~single)
    return xr.DataArray(np.logical_and(*turned_out), dims="seed")


def share_on(model: Model, condition: str, items: Sequence[str], modes: Sequence[int]) -> xr.DataArray:
    """Return how much of the response's own modes is on some items: the mean of their sums of u^2, (seed,)."""
    U = svd(standard.response_at(model, condition))["U"]
    return (U.sel(item=list(items), mode=list(modes)) ** 2).sum("item").mean("mode")


def lead_in_epochs(model: Model, early: Sequence[int], late: Sequence[int]) -> xr.DataArray:
    """Return the epochs between the last of the early modes and the first of the late ones, half learned: (seed,)."""
    epochs = standard.half_learned_epochs(model)
    return epochs.sel(mode=list(late)).min("mode") - epochs.sel(mode=list(early)).max("mode")


def learned_share(model: Model, condition: str) -> xr.DataArray:
    """Return the share of each of the data's modes that the response has, 1 when learned: (seed, mode)."""
    return strengths(standard.response_at(model, condition), standard.reference()) / standard.reference()["s"]


def lead_in_share(model: Model, condition: str, early: Sequence[int], late: Sequence[int]) -> xr.DataArray:
    """Return how much more of the least learned early mode is learned than of the most learned late one: (seed,)."""
    share = learned_share(model, condition)
    return share.sel(mode=list(early)).min("mode") - share.sel(mode=list(late)).max("mode")


def late_in_epochs(model: Model, relative: bool = False) -> xr.DataArray:
    """Return when modes 5 to 8 are half learned, on average; in epochs, or in units of the first mode's: (seed,)."""
    epochs = standard.half_learned_epochs(model)
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
    gaps = member_gaps(standard.sorted_strengths(model), standard.reference())
    return gaps["relative"].mean("block", skipna=False)


def pair_gap_in_share(model: Model, condition: str) -> xr.DataArray:
    """Return how far apart the two singular values of a pair are, in units of the data's: (seed,)."""
    s = singular_strengths(standard.response_at(model, condition))
    gaps = s.sel(mode=[5, 7]).values - s.sel(mode=[6, 8]).values
    return xr.DataArray((gaps / standard.reference()["s"].sel(mode=[5, 7]).values).mean(axis=1), dims="seed")
