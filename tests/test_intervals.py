"""An interval covers what it says, counts who is there, and calls a range a range."""

import numpy as np
import pytest
import scipy.stats
import xarray as xr
from refusals import refused

from semantic_svd import intervals
from semantic_svd.intervals import mean_interval, median_interval, share_interval

CASES = 40_000
NORMAL = scipy.stats.norm(3, 2)
SKEWED = {  # by their skewness; those of half-learned epochs go from 0 to 2
    0.8: scipy.stats.lognorm(0.25),
    1.0: scipy.stats.gamma(4),
    1.5: scipy.stats.lognorm(0.45),
    2.0: scipy.stats.expon(),
}


def drawn(distribution, n, cases=CASES):
    return xr.DataArray(distribution.rvs((n, cases), random_state=n), dims=("seed", "case"))


def coverage(made, truth):
    return float(((made["low"] <= truth) & (truth <= made["high"])).mean())


# ------------------------------------------------------------------------------------------------------------- coverage


@pytest.mark.parametrize("n", [5, 8, 20, 50])
@pytest.mark.parametrize(
    "values", [NORMAL, SKEWED[0.8], SKEWED[1.0]], ids=["normal", "skewed 0.8", "skewed 1"]
)
def test_the_t_interval_covers_the_true_mean_as_often_as_it_says(values, n):
    assert 0.93 < coverage(mean_interval(drawn(values, n)), values.mean()) < 0.97


def test_at_another_level_too():
    made = mean_interval(drawn(NORMAL, 5), level=0.5)
    assert 0.48 < coverage(made, 3) < 0.52


@pytest.mark.parametrize(("skewness", "fewest", "too_few"), [(1.5, 20, 10), (2.0, 50, 20)])
def test_on_values_more_skewed_the_t_interval_needs_more_seeds(skewness, fewest, too_few):
    values = SKEWED[skewness]
    assert coverage(mean_interval(drawn(values, too_few)), values.mean()) < 0.93
    assert 0.93 < coverage(mean_interval(drawn(values, fewest)), values.mean()) < 0.97


@pytest.mark.parametrize("n", [5, 8, 20, 50])
@pytest.mark.parametrize("skewness", SKEWED)
def test_on_the_log_scale_five_seeds_do_for_skewed_times(skewness, n):
    values = SKEWED[skewness]
    truth = np.exp(values.expect(np.log))
    assert 0.93 < coverage(mean_interval(drawn(values, n), scale="log"), truth) < 0.97


@pytest.mark.parametrize("n", [5, 20])
def test_the_interval_of_a_bounded_measure_stays_within_and_covers_no_less(n):
    near_one = scipy.stats.beta(2, 0.1)  # as trees: most are the data's, some are far from it
    values = drawn(near_one, n)
    whole, cut = mean_interval(values), mean_interval(values, within=(-1, 1))
    assert float((whole.high > 1).mean()) > 0.1
    assert coverage(cut, near_one.mean()) == coverage(whole, near_one.mean())
    xr.testing.assert_identical(cut.high, whole.high.clip(max=1))
    xr.testing.assert_identical(cut.drop_vars("high"), whole.drop_vars("high"))
    xr.testing.assert_allclose(mean_interval(-values, within=(-1, 1)).low, -cut.high)


def wilson_coverage(n, truth):
    """Return the exact coverage at each true share: no case is drawn, all counts are summed."""
    count = np.arange(n + 1)
    kept = xr.DataArray(np.arange(n)[:, None] < count, dims=("seed", "count"))
    low, high = (share_interval(kept)[end].values[:, None] for end in ("low", "high"))
    chance = scipy.stats.binom.pmf(count[:, None], n, truth)
    return (chance * ((low <= truth) & (truth <= high))).sum(0)


@pytest.mark.parametrize("n", [1, 2, 5, 8, 20, 50, 100])
def test_wilsons_interval_covers_shares_on_average_as_often_as_it_says(n):
    truth = (np.arange(4000) + 0.5) / 4000
    exact = wilson_coverage(n, truth)
    assert 0.93 < exact.mean() < 0.97
    if n >= 5:
        assert 0.93 < exact[truth > 0.8].mean() < 0.97
        assert exact.min() > 0.83


def test_wilsons_interval_covers_drawn_cases_as_well():
    truth = xr.DataArray(np.random.default_rng(0).uniform(size=4000), dims="case")
    for n in (5, 20):
        kept = xr.DataArray(np.random.default_rng(n).random((n, 4000)), dims=("seed", "case")) < truth
        assert 0.93 < coverage(share_interval(kept), truth) < 0.97


@pytest.mark.parametrize("whole", [False, True])
def test_the_bootstrap_covers_the_median_of_fifty(whole, monkeypatch):
    """Not 4,000 cases but 400: a coverage is refused if one from 93 to 97 % gives it once in 10,000 times at most."""
    monkeypatch.setattr(intervals, "RESAMPLES", 499)
    values, truth = drawn(SKEWED[1.5], 50, 400) * 10, 10.0
    if whole:  # as epochs are: many tie
        values, truth = np.ceil(values - 0.5), 10.0
    inside = round(400 * coverage(median_interval(values), truth))
    assert scipy.stats.binom.cdf(inside, 400, 0.93) > 1e-4
    assert scipy.stats.binom.sf(inside - 1, 400, 0.97) > 1e-4


# ------------------------------------------------------------------------------------------------- what an interval is


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_it_is_scipys_interval(scale):
    values = np.random.default_rng(0).exponential(size=(12, 3))
    made = mean_interval(xr.DataArray(values, dims=("seed", "mode")), level=0.9, scale=scale)
    there, back, method = {"linear": (np.copy, np.copy, "t"), "log": (np.log, np.exp, "t of logs")}[scale]
    x = there(values)
    low, high = scipy.stats.t.interval(0.9, 11, x.mean(0), scipy.stats.sem(x))
    np.testing.assert_allclose([made["mean"], made.low, made.high], back([x.mean(0), low, high]))
    assert made.method == method and made.level == 0.9 and made["mean"].dims == ("mode",)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
def test_a_share_has_the_interval_that_scipy_gives(level):
    for n in (1, 4, 10, 14, 20, 37):
        kept = xr.DataArray(np.arange(n)[:, None] < np.arange(n + 1), dims=("seed", "count"))
        made = share_interval(kept, level=level)
        exact = [scipy.stats.binomtest(k, n).proportion_ci(level, method="wilson") for k in range(n + 1)]
        np.testing.assert_allclose(np.stack([made.low, made.high], axis=1), exact, atol=1e-12)
        np.testing.assert_allclose(made["mean"], np.arange(n + 1) / n)
        assert made.low[0] == 0 and made.high[-1] == 1
        assert (made.low <= made["mean"]).all() and (made["mean"] <= made.high).all()
    assert made.method == "Wilson" and made.level == level


def test_a_share_is_of_those_that_can_be_asked():
    nan = np.nan
    kept = xr.DataArray([[1, 0, nan], [1, nan, nan], [0, nan, nan]], dims=("seed", "mode"))
    made = share_interval(kept)
    np.testing.assert_array_equal(made.n, [3, 1, 0])
    np.testing.assert_allclose(made["mean"], [2 / 3, 0, nan])
    np.testing.assert_allclose(
        made.low[:2], [scipy.stats.binomtest(2, 3).proportion_ci(method="wilson").low, 0]
    )
    assert np.isnan([made.low[2], made.high[2]]).all()


def test_a_median_has_the_interval_that_scipy_gives():
    values = np.random.default_rng(0).exponential(size=(60, 6))
    made = median_interval(xr.DataArray(values, dims=("seed", "mode")), level=0.9)
    for mode in range(6):
        exact = scipy.stats.bootstrap(
            (np.sort(values[:, mode]),), np.median, n_resamples=1999, confidence_level=0.9, random_state=0
        ).confidence_interval
        np.testing.assert_allclose([made.low[mode], made.high[mode]], exact, rtol=1e-9)
    np.testing.assert_array_equal(made["median"], np.median(values, axis=0))
    assert made.method == "BCa" and made.level == 0.9


def test_a_median_of_ties_has_an_interval_and_of_equals_none_too_wide():
    ties = np.repeat([6.0, 7, 8], [18, 24, 18])
    values = xr.DataArray(np.stack([ties, np.full(60, 7.0)], axis=1), dims=("seed", "mode"))
    made = median_interval(values)
    np.testing.assert_allclose([made.low, made.high], 7)
    assert (made.low <= 7).all() and (made.high >= 7).all()


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_a_median_of_ties_has_an_interval_of_any_size(size):
    ties = np.repeat([1.0, 2, 3], [20, 25, 15])
    one, other = (median_interval(xr.DataArray(x, dims="seed")) for x in (ties, size * ties))
    for name in ("median", "low", "high"):
        np.testing.assert_allclose(other[name], size * one[name], rtol=1e-9)
    assert 1 <= one.low < one.high <= 2 + 1e-9


def test_a_median_of_fewer_than_fifty_has_no_interval():
    values = np.random.default_rng(1).normal(size=(60, 3))
    values[49:, 1] = values[:, 2] = np.nan
    made = median_interval(xr.DataArray(values, dims=("seed", "mode")))
    np.testing.assert_array_equal(made.n, [60, 49, 0])
    np.testing.assert_array_equal(np.isnan(made.low), [False, True, True])
    np.testing.assert_array_equal(np.isnan(made["median"]), [False, False, True])


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_fewer_than_five_seeds_show_their_range(scale):
    made = mean_interval(
        xr.DataArray([[1.0, 5.0], [2.0, 6.0], [4.0, 7.0], [8.0, 6.0]], dims=("seed", "mode")), scale=scale
    )
    mean = {"linear": [3.75, 6], "log": [8**0.5, 1260**0.25]}[scale]
    np.testing.assert_allclose(made["mean"], mean)
    np.testing.assert_array_equal([made.low, made.high], [[1, 5], [8, 7]])
    assert made.method == "range"


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("n", [1, 3, 5, 7])
def test_the_mean_of_equal_values_is_not_outside_its_interval(scale, n):
    values = xr.DataArray(np.arange(1, 1000) / 10, dims="epoch").expand_dims(seed=n)
    made = mean_interval(values, scale=scale)
    assert bool(((made.low <= made["mean"]) & (made["mean"] <= made.high)).all())
    np.testing.assert_array_equal(made["mean"], values[0])


def test_seeds_that_ended_are_left_out_and_counted():
    values = np.random.default_rng(1).normal(size=(7, 5))
    values[5:, 1] = values[4:, 2] = values[1:, 3] = values[:, 4] = np.nan
    made = mean_interval(xr.DataArray(values, dims=("seed", "epoch")))
    np.testing.assert_array_equal(made.n, [7, 5, 4, 1, 0])
    assert made.method == "t, range where n < 5"
    five = mean_interval(xr.DataArray(values[:5, 1], dims="seed"))
    four = values[:4, 2]
    np.testing.assert_allclose([made.low[1], made.high[1]], [five.low, five.high])
    np.testing.assert_allclose(
        [made["mean"][2], made.low[2], made.high[2]], [four.mean(), four.min(), four.max()]
    )
    np.testing.assert_array_equal([made["mean"][3], made.low[3], made.high[3]], [values[0, 3]] * 3)
    assert np.isnan([made["mean"][4], made.low[4], made.high[4]]).all()


@pytest.mark.parametrize("n", [3, 5])
def test_what_rounding_adds_to_a_bound_is_taken_off(n):
    made = mean_interval(xr.DataArray([1 + 2e-16] * n, dims="seed"), within=(0, 1))
    assert float(made["mean"]) == float(made.low) == float(made.high) == 1


def test_any_axis_and_lazy_arrays():
    values = xr.DataArray(np.random.default_rng(2).normal(size=(3, 50)), dims=("mode", "run"))
    now, later = mean_interval(values, dim="run"), mean_interval(values.chunk(mode=1), dim="run")
    assert later["mean"].chunks is not None and now["mean"].dims == ("mode",)
    xr.testing.assert_allclose(later.compute(), now)
    many = xr.DataArray(np.random.default_rng(3).random(size=(3, 60)) + 0.1, dims=("mode", "run"))
    lazy = many.chunk(mode=1, run=20)
    for make in (
        lambda values: mean_interval(values, "run", scale="log"),
        lambda values: mean_interval(values, "run", within=(0, 2)),
        lambda values: share_interval(values > 0.5, "run"),
        lambda values: median_interval(values, "run"),
    ):
        assert make(lazy)["low"].chunks is not None and make(many)["low"].chunks is None
        xr.testing.assert_allclose(make(lazy).compute(), make(many))


ONE = xr.DataArray([1.0], dims="seed")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: mean_interval(ONE, dim="sead"),
            "no axis 'sead' to make an interval over; the axes are ('seed',)",
        ),
        (
            lambda: share_interval(ONE, dim="sead"),
            "no axis 'sead' to make an interval over; the axes are ('seed',)",
        ),
        (lambda: mean_interval(ONE, level=95), "the level of an interval is between 0 and 1; got 95"),
        (lambda: median_interval(ONE, level=0), "the level of an interval is between 0 and 1; got 0"),
        (lambda: mean_interval(ONE, scale="ln"), "the scale of an interval is 'linear' or 'log'; got 'ln'"),
        (
            lambda: mean_interval(xr.DataArray([1.0, 0.0, 2.0], dims="seed"), scale="log"),
            "a log scale is of values greater than 0; the smallest is 0",
        ),
        (
            lambda: mean_interval(xr.DataArray([1.0, 100.0], dims="seed"), within=(0, 1)),
            "a value is 99 out of its bounds, 0 to 1",
        ),
        (
            lambda: share_interval(xr.DataArray([1, 0.5], dims="seed")),
            "a share is of values that are true or false, 1 or 0; got others",
        ),
        (lambda: median_interval(ONE), "a bootstrap interval needs 50 values or more; got 1 along 'seed'"),
    ],
)
def test_errors_say_what_is_wrong_in_one_line(call, message):
    assert refused(call) == message


@pytest.mark.parametrize("end", [np.inf, -np.inf])
@pytest.mark.parametrize(
    "make",
    [
        mean_interval,
        lambda values: mean_interval(values, scale="log"),
        lambda values: mean_interval(values, within=(0, np.inf)),
        median_interval,
    ],
)
def test_of_an_infinite_value_there_is_no_interval(make, end):
    assert refused(make, xr.DataArray([1.0, 2.0, 3.0, 4.0, np.nan, end] * 10, dims="seed")) == (
        "an interval is made of finite values, or NaN where a seed has none; got an infinite one"
    )
