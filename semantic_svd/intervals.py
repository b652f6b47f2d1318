"""Means over seeds with intervals that say how they were made.

A band in a figure is only as honest as its n: seeds that have ended are left out, and few seeds show their range.
"""

import numpy as np
import xarray as xr
from scipy.special import stdtrit

from semantic_svd.errors import InputError

FEWEST = 5  # seeds from which on a t interval is drawn


def mean_interval(values: xr.DataArray, dim: str = "seed", level: float = 0.95) -> xr.Dataset:
    """Return the mean over seeds and an interval for it.

    With five seeds or more the t interval of the mean, ``mean +- t sd / sqrt(n)``; with fewer the range of the seeds,
    smallest to largest, which promises nothing about others. The choice is made entry by entry: in a band that seeds
    leave one after the other, n says where it changes.

    Parameters
    ----------
    values : DataArray with the axis dim
        NaN is a seed without a value (it has ended, or never learned a mode) and is left out. A mean over those that
        did learn says nothing of those that did not: look at n.
    dim : str
    level : float
        Coverage of the t interval, between 0 and 1.

    Returns
    -------
    Dataset
        ``mean``, ``low``, ``high`` and ``n`` over the other axes, NaN where n is 0. The attribute ``method`` is "t",
        "range", or "t, range where n < 5"; ``level`` is the coverage.

    Raises
    ------
    InputError
        If there is no such axis, or the level is not between 0 and 1.

    Examples
    --------
    >>> made = mean_interval(xr.DataArray([1.0, 2.0, 3.0, 4.0, 5.0], dims="seed"))
    >>> [round(float(made[name]), 3) for name in ("mean", "low", "high")], int(made.n), made.method
    ([3.0, 1.037, 4.963], 5, 't')
    >>> mean_interval(xr.DataArray([1.0, 4.0], dims="seed")).method
    'range'
    """
    if dim not in values.dims:
        raise InputError(f"no axis {dim!r} to take the mean over; the axes are {values.dims}")
    if not 0 < level < 1:
        raise InputError(f"the level of an interval is between 0 and 1; got {level}")
    n = values.notnull().sum(dim)
    mean = values.sum(dim) / n.where(n > 0)
    variance = ((values - mean) ** 2).sum(dim) / (n - 1).where(n > 1)
    half = _t_quantile(n, level) * np.sqrt(variance / n)
    enough = n >= FEWEST
    low = xr.where(enough, mean - half, values.min(dim))
    high = xr.where(enough, mean + half, values.max(dim))
    attrs = {"method": _method(enough), "level": level, "dim": dim}
    return xr.Dataset({"mean": mean, "low": low, "high": high, "n": n}, attrs=attrs)


def _t_quantile(n: xr.DataArray, level: float) -> xr.DataArray:
    freedom = (n - 1).where(n > 1)
    return xr.apply_ufunc(
        lambda df: stdtrit(df, (1 + level) / 2), freedom, dask="parallelized", output_dtypes=[float]
    )


def _method(enough: xr.DataArray) -> str:
    if bool(enough.all()):
        return "t"
    return f"t, range where n < {FEWEST}" if bool(enough.any()) else "range"
