"""An interval covers what it says, counts who is there, and calls a range a range."""

import numpy as np
import pytest
import scipy.stats
import xarray as xr

from semantic_svd.errors import InputError
from semantic_svd.intervals import mean_interval


@pytest.mark.parametrize("n", [5, 20])
def test_the_t_interval_covers_the_true_mean_as_often_as_it_says(n):
    cases = xr.DataArray(np.random.default_rng(n).normal(3.0, 2.0, (n, 4000)), dims=("seed", "case"))
    made = mean_interval(cases)
    assert 0.93 < float(((made.low < 3) & (made.high > 3)).mean()) < 0.97
    half = mean_interval(cases, level=0.5)
    assert 0.47 < float(((half.low < 3) & (half.high > 3)).mean()) < 0.53


def test_it_is_scipys_interval():
    values = np.random.default_rng(0).exponential(size=(12, 3))
    made = mean_interval(xr.DataArray(values, dims=("seed", "mode")), level=0.9)
    low, high = scipy.stats.t.interval(0.9, 11, values.mean(0), scipy.stats.sem(values))
    np.testing.assert_allclose(made.low, low)
    np.testing.assert_allclose(made.high, high)
    assert made.method == "t" and made.level == 0.9 and made["mean"].dims == ("mode",)


def test_fewer_than_five_seeds_show_their_range():
    made = mean_interval(
        xr.DataArray([[1.0, 5.0], [2.0, 6.0], [6.0, 7.0], [7.0, 6.0]], dims=("seed", "mode"))
    )
    np.testing.assert_array_equal([made["mean"], made.low, made.high], [[4, 6], [1, 5], [7, 7]])
    assert made.method == "range"


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


def test_any_axis_and_lazy_arrays():
    values = xr.DataArray(np.random.default_rng(2).normal(size=(3, 50)), dims=("mode", "run"))
    now, later = mean_interval(values, dim="run"), mean_interval(values.chunk(mode=1), dim="run")
    assert later["mean"].chunks is not None and now.dim == "run"
    xr.testing.assert_allclose(later.compute(), now)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dim": "sead"}, "no axis 'sead' to take the mean over; the axes are ('seed',)"),
        ({"level": 95}, "the level of an interval is between 0 and 1; got 95"),
    ],
)
def test_errors_say_what_is_wrong_in_one_line(arguments, message):
    with pytest.raises(InputError) as error:
        mean_interval(xr.DataArray([1.0], dims="seed"), **arguments)
    assert str(error.value) == message
