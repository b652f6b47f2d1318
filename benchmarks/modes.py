"""Time strengths and SVDs of all epochs against a loop of scipy.linalg.svd over the same responses.

Run it alone on the machine: ``python benchmarks/modes.py``. Every route first runs once at the same size, so that the
memory is warm; then the best of ten counts (of three for the loop).
"""

from collections.abc import Callable
from time import perf_counter

import numpy as np
import scipy.linalg
import xarray as xr
from scipy.cluster.hierarchy import cophenet, linkage
from scipy.spatial.distance import pdist

from semantic_svd.alignment import align, align_epochs, compare
from semantic_svd.dendrograms import agreement
from semantic_svd.items import load_items
from semantic_svd.modes import singular_strengths, strengths, svd

SEEDS, EPOCHS = 20, 2001
DATA = load_items("mcclelland2020")


def responses() -> xr.DataArray:
    """Return responses (seed, epoch, item, property) of networks that learn mode by mode, from random starts."""
    modes, rng = svd(DATA), np.random.default_rng(0)
    s, epochs = modes["s"].values, np.arange(EPOCHS)[:, None]
    a0 = 1e-3 * rng.uniform(0.5, 2, (SEEDS, 1, len(s)))
    strength = s / (1 + (s / a0 - 1) * np.exp(-2 * s * epochs / 200))
    learned = np.einsum("ik,sek,pk->seip", modes["U"].values, strength, modes["V"].values)
    start = 0.05 * rng.standard_normal((SEEDS, 1, *DATA.array.shape)) * np.exp(-epochs / 300)[..., None]
    return xr.DataArray(learned + start, dims=("seed", "epoch", "item", "property"))


def loop(Y: np.ndarray) -> np.ndarray:
    """Return the singular values, one call of scipy.linalg.svd a matrix."""
    return np.array([[scipy.linalg.svd(one, full_matrices=False)[1] for one in seed] for seed in Y])


def trees(Y: np.ndarray) -> list[float]:
    """Return the cophenetic correlations with the data's tree, by SciPy's own functions, matrix by matrix."""
    whole = cophenet(linkage(pdist(DATA.values), "average"))
    heights = (cophenet(linkage(pdist(one), "average")) for one in Y.reshape(-1, *Y.shape[-2:]))
    return [np.corrcoef(here, whole)[0, 1] for here in heights]


def best(function: Callable, repeats: int = 10) -> float:
    """Return the seconds of the fastest run, after one that warms up."""
    times = []
    for _ in range(repeats + 1):
        start = perf_counter()
        function()
        times.append(perf_counter() - start)
    return min(times[1:])


def main() -> None:
    Y = responses()
    reference, modes, last = svd(DATA), svd(Y), Y[0, -1]
    slow = best(lambda: loop(Y.values), 3)
    rows = [
        ("projected strengths, all epochs", best(lambda: strengths(Y, reference)), slow, "40"),
        ("SVD, all epochs", best(lambda: svd(Y)), slow, "3"),
        ("singular values, all epochs", best(lambda: singular_strengths(Y)), slow, ""),
        ("align all epochs to the data", best(lambda: align(modes, reference), 2), slow, ""),
        ("align each epoch to the one before", best(lambda: align_epochs(modes), 2), slow, ""),
    ]
    some = Y[:, :200]
    rows.append(
        (
            "agreement of 4,000 trees",
            best(lambda: agreement(some.values, DATA.values), 3),
            best(lambda: trees(some.values), 3),
            "",
        )
    )
    start = perf_counter()
    compare(last, reference, null_draws=201)  # not drawn before, so not remembered
    seconds = perf_counter() - start
    rows.append(("compare one 8 x 34 pair (limit 0.3 s)", seconds, 0.3, "1"))
    print("what | ours | alternative | ratio | target")
    for what, ours, other, target in rows:
        print(f"{what} | {ours:.4f} s | {other:.4f} s | {other / ours:.1f} | {target}")
    exact = loop(Y.values)
    print("largest difference of singular values:", np.abs(modes["s"].values - exact).max())
    back = np.einsum(
        "seik,sek,sepk->seip", modes["U"].values, modes["s"].values, modes["V"].values, optimize=True
    )
    print("largest error of U diag(s) V':", np.abs(back - Y.values).max())
    print("smallest singular value:", exact.min())


if __name__ == "__main__":
    main()
