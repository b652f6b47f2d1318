"""Measure how often intervals hold the truth: those offered by `semantic_svd.intervals`, and those that are not.

Run it alone on the machine, ten minutes: ``python benchmarks/coverage.py``. A row is 4,000 simulated cases of a level
of 95 % (40,000 for t); an interval is offered for what is from 93 to 97 %.
"""

from collections.abc import Callable, Iterator

import numpy as np
import scipy.stats as st
import xarray as xr

from semantic_svd.intervals import mean_interval, median_interval, share_interval

CASES = 4000
VALUES = {  # name: distribution, and the largest number of seeds at which t is looked at
    "normal": st.norm(3, 2),
    "gamma, skewness 1": st.gamma(4),
    "log-normal, skewness 0.8": st.lognorm(0.25),
    "log-normal, skewness 1.5": st.lognorm(0.45),
    "exponential, skewness 2": st.expon(),
    "log-normal, skewness 6": st.lognorm(1),
}
EPOCHS = st.lognorm(0.3, scale=10)  # rounded up: half-learned epochs of a first mode, many of them equal


def values(distribution: st.rv_continuous, n: int, cases: int) -> xr.DataArray:
    """Draw cases of n values each, (seed, case)."""
    return xr.DataArray(distribution.rvs((n, cases), random_state=n), dims=("seed", "case"))


def held(made: xr.Dataset, truth: xr.DataArray | float) -> float:
    """Return the percentage of cases whose interval holds the truth."""
    return 100 * float(((made["low"] <= truth) & (truth <= made["high"])).mean())


def means() -> Iterator[tuple[str, str, int, float]]:
    for name, distribution in VALUES.items():
        for n in (5, 10, 20, 50):
            yield "t", name, n, held(mean_interval(values(distribution, n, 10 * CASES)), distribution.mean())


def geometric_means() -> Iterator[tuple[str, str, int, float]]:
    for name, distribution in VALUES.items():
        if distribution.support()[0] < 0:
            continue
        truth = np.exp(distribution.expect(np.log))
        for n in (5, 10, 20, 50):
            drawn = values(distribution, n, 10 * CASES)
            yield "t of logs", name, n, held(mean_interval(drawn, scale="log"), truth)


def shares() -> Iterator[tuple[str, str, int, float]]:
    for low in (0.0, 0.8):
        for n in (1, 5, 20, 100):
            rng = np.random.default_rng(n)
            truth = xr.DataArray(rng.uniform(low, 1, 10 * CASES), dims="case")
            kept = xr.DataArray(rng.random((n, 10 * CASES)), dims=("seed", "case")) < truth
            about = f"true shares from {low:g} to 1"
            yield "Wilson", about, n, held(share_interval(kept), truth)
            ends = [st.binomtest(k, n).proportion_ci(0.95, "exact") for k in range(n + 1)]
            low_end, high_end = np.array(ends)[kept.sum("seed").values].T
            exact = xr.Dataset({"low": ("case", low_end), "high": ("case", high_end)})
            yield "Clopper & Pearson (not offered)", about, n, held(exact, truth)


def medians() -> Iterator[tuple[str, str, int, float]]:
    for n in (50, 75):
        for name in ("normal", "log-normal, skewness 1.5", "exponential, skewness 2"):
            made = median_interval(values(VALUES[name], n, CASES))
            yield "BCa of the median", name, n, held(made, VALUES[name].median())
        made = median_interval(np.ceil(values(EPOCHS, n, CASES)))
        yield (
            "BCa of the median",
            "whole epochs about 10",
            n,
            held(made, float(np.ceil(EPOCHS.median() - 1e-9))),
        )


def not_offered() -> Iterator[tuple[str, str, int, float]]:
    for name in ("normal", "log-normal, skewness 1.5"):
        truth = VALUES[name]
        yield (
            "percentile bootstrap of the mean (not offered)",
            name,
            20,
            drawn(truth, 20, np.mean, truth.mean()),
        )
        for n in (50, 100):
            yield "BCa of the standard deviation (not offered)", name, n, drawn(truth, n, spread, truth.std())


def drawn(distribution: st.rv_continuous, n: int, statistic: Callable, truth: float) -> float:
    """Measure scipy's bootstrap, 100 cases at once."""
    method = "percentile" if statistic is np.mean else "BCa"
    inside = []
    for part in np.split(values(distribution, n, CASES).values, CASES // 100, axis=1):
        ends = st.bootstrap((part,), statistic, n_resamples=999, method=method, batch=100, random_state=0)
        inside.append((ends.confidence_interval.low <= truth) & (truth <= ends.confidence_interval.high))
    return 100 * float(np.mean(inside))


def spread(sample: np.ndarray, axis: int) -> np.ndarray:
    """Return the standard deviation."""
    return np.std(sample, axis=axis, ddof=1)


def main() -> None:
    print("interval | values | n | holds the truth, %")
    for rows in (means, geometric_means, shares, not_offered, medians):
        for interval, about, n, percent in rows():
            print(f"{interval} | {about} | {n} | {percent:.1f}", flush=True)


if __name__ == "__main__":
    main()
