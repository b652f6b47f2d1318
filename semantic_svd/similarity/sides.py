"""The two sides of a comparison, layers over the same items: how they are paired, and centred, before any measure.

How large a layer's activity is does not matter to any measure: so every matrix is first divided by its largest entry,
and numbers near the limits do no harm.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from semantic_svd.errors import InputError
from semantic_svd.matrices import CHUNK, Array, Matrix, labelled, same_name

__all__ = ["all_pairs", "centred", "compared", "narrow", "ratio", "same_items", "scaled"]


def compared(
    name: str,
    kernel: Callable[..., Array],
    x: Matrix,
    y: Matrix,
    fewest: int = 2,
    modes: int = 0,
    **options: Any,
) -> xr.DataArray:
    """Apply a measure to two sides under their labels: shared axes are paired, of the others all meets all.

    Parameters
    ----------
    name : str
        Of the measure.
    kernel : callable
        ``kernel(A, B, **options)`` of arrays (..., item, unit) whose leading axes broadcast.
    x, y : matrix (..., item, unit), lazy if it is a Dask array
    fewest : int
        How many items the measure needs.
    modes : int
        The length of an axis mode that the kernel adds; 0 for none.

    Returns
    -------
    DataArray (..., [mode])
    """
    A, B = same_items(x, y)
    n = A.shape[-2]
    if n < fewest:
        raise InputError(f"{name} needs {fewest} items or more; got {n}")

    def of_arrays(a: Array, b: Array) -> Array:
        axes = max(a.ndim, b.ndim)
        a, b = (side.reshape((1,) * (axes - side.ndim) + side.shape) for side in (a, b))
        return kernel(a, b, **options)

    core = [("_item", "_x"), ("_item", "_y")]
    A, B = (
        side.drop_vars(side.dims[-2:], errors="ignore").rename(dict(zip(side.dims[-2:], dims, strict=True)))
        for side, dims in zip((A, B), core, strict=True)
    )
    return xr.apply_ufunc(
        of_arrays,
        A,
        B,
        input_core_dims=core,
        output_core_dims=[("mode",) if modes else ()],
        dask="parallelized",
        output_dtypes=[float],
        dask_gufunc_kwargs={"output_sizes": {"mode": modes} if modes else {}, "allow_rechunk": True},
    ).rename(name)


def same_items(x: Matrix, y: Matrix) -> tuple[xr.DataArray, xr.DataArray]:
    """Label both sides; raise an error unless they are over the same items, and their shared axes over the same."""
    A, B = labelled(x), labelled(y)
    n, m = A.shape[-2], B.shape[-2]
    if n != m:
        raise InputError(f"similarity is between layers over the same items, not {n} and {m}")
    names = [side[side.dims[-2]].values for side in (A, B) if side.dims[-2] in side.coords]
    if len(names) == 2:
        for at, (a, b) in enumerate(zip(*names, strict=True)):
            if not same_name(a, b):
                raise InputError(
                    f"item {at} is '{a}' on one side, '{b}' on the other: both need the same items"
                )
    for dim in set(A.dims[:-2]) & set(B.dims[:-2]):
        if not np.array_equal(A[dim].values, B[dim].values):
            raise InputError(
                f"both sides have an axis '{dim}', but not the same on it; rename one to compare all with all"
            )
    return A, B


def scaled(A: Array) -> tuple[Array, NDArray[np.float64]]:
    """Divide matrices by their largest entries, and say what of them (...) is rounding.

    A matrix that is not finite becomes zeros: it does not vary, and what does not vary has no similarity.
    """
    rounding = max(A.shape[-2:]) * float(np.finfo(A.dtype).eps)
    finite = np.isfinite(A).all(axis=(-2, -1), keepdims=True)
    A = np.where(finite, A, 0).astype(float)
    largest = np.abs(A).max(axis=(-2, -1), keepdims=True)
    A = A / np.where(largest > 0, largest, 1)
    return A, rounding * np.linalg.norm(A, axis=(-2, -1))


def centred(A: Array) -> tuple[Array, NDArray[np.float64]]:
    """Centre each unit over the items, after `scaled`; where nothing but rounding is left, zeros."""
    A, rounding = scaled(A)
    X = A - A.mean(axis=-2, keepdims=True)
    varies = np.linalg.norm(X, axis=(-2, -1)) > rounding
    return np.where(varies[..., None, None], X, 0), rounding


def narrow(X: Array) -> Array:
    """Turn the units of a wide side (..., item, unit) so that as many as there are items hold all."""
    return np.linalg.qr(X.mT).R.mT if X.shape[-2] < X.shape[-1] else X


def ratio(above: Array, below: Array) -> Array:
    """Divide; NaN where there is nothing to divide by."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, above / below, np.nan)


def all_pairs(function: Callable[..., Array], left: Sequence[Array], right: Sequence[Array]) -> Array:
    """Return function(*left, *right) of arrays (..., a, b) whose leading axes broadcast, a cacheful of pairs at a time.

    What a pair needs is counted as one product of the two sides, b by b entries.
    """
    lead = np.broadcast_shapes(left[0].shape[:-2], right[0].shape[:-2])
    if not lead or math.prod(lead) * left[0].shape[-1] * right[0].shape[-1] <= CHUNK:
        return function(*left, *right)

    def at(i: int, side: Sequence[Array]) -> list[Array]:
        return [array[i if len(array) > 1 else 0] for array in side]

    return np.stack([all_pairs(function, at(i, left), at(i, right)) for i in range(lead[0])])
