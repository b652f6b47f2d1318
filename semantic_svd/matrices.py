"""Matrices of any kind, one or many: the labels they come with, and functions over all of a stack at once.

A matrix is an array, a DataArray, a DataFrame or `Items`; axes before the last two make a stack of matrices.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any, Protocol

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits

from semantic_svd.errors import InputError, none_masked, one_name_each
from semantic_svd.products import Array

__all__ = ["Array", "Matrix", "apply", "in_chunks", "labelled", "one_blas_thread", "same_name"]

CHUNK = 2**18  # entries of a stack that one thread takes at a time: 2 MB, what a core's cache holds
LOCK = Lock()
LIMITS: list[threadpool_limits] = []  # the same limits, once for each thread that asked for them


class _Labelled(Protocol):
    """Anything that offers its matrix as a labelled array, as `Items` does."""

    @property
    def array(self) -> xr.DataArray:
        """The matrix, dims (item, property)."""


Matrix = ArrayLike | xr.DataArray | pd.DataFrame | _Labelled


def labelled(matrix: Any) -> xr.DataArray:
    """Return any kind of matrix as a labelled array of floats (..., row, column)."""
    if isinstance(matrix, pd.DataFrame):
        one_name_each(matrix)
        matrix = xr.DataArray(
            _numbers_of(matrix), {"item": list(matrix.index), "property": list(matrix.columns)}
        )
    elif not isinstance(matrix, xr.DataArray):
        matrix = getattr(matrix, "array", matrix)
    if not isinstance(matrix, xr.DataArray):
        none_masked(matrix, "a matrix")
        try:
            values = np.asarray(matrix)
        except ValueError:
            raise InputError("a matrix has rows of one length, of numbers") from None
        lead = ("seed", "epoch")[-(values.ndim - 2) :] if values.ndim > 2 else ()
        if not 2 <= values.ndim <= 4:
            got = f"{values.ndim} axes" if values.ndim else f"a {type(matrix).__name__}"
            raise InputError(f"a matrix has axes (seed, epoch,) item, property; got {got}")
        matrix = xr.DataArray(values, dims=(*lead, "item", "property"))
    return _checked(matrix)


def same_name(one: Any, other: Any) -> bool:
    """Tell whether two labels are one: numbers of any type, or a number and the text that runs keep of it.

    Examples
    --------
    >>> same_name(1, 1.0), same_name(1, "1"), same_name(1, "01")
    (True, True, False)
    """
    return bool(one == other) or str(one) == str(other)


def _numbers_of(table: pd.DataFrame) -> np.ndarray:
    """Return the cells of a table; of columns that NumPy has no type for (Int64, category, object) as floats too."""
    values = table.to_numpy()
    if values.dtype == object and not any(isinstance(cell, str | bytes) for cell in values.flat):
        with suppress(TypeError, ValueError):
            values = table.to_numpy(float, na_value=np.nan)
    return values


def _checked(A: xr.DataArray) -> xr.DataArray:
    if A.ndim < 2 or 0 in A.shape[-2:]:
        raise InputError(f"a matrix needs two axes with something on them; got {dict(A.sizes)}")
    if A.dtype.kind not in "fiub":
        raise InputError(f"a matrix is made of real numbers; got {A.dtype}")
    if A.dtype.kind != "f":
        A = A.astype(float)
    if A.ndim == 2:
        A = A.compute()
        finite = np.isfinite(A.values)
        if not finite.all():
            row, column = (int(at) for at in np.argwhere(~finite)[0])
            raise InputError(
                f"the matrix is not finite: {A.values[row, column]} at row {row}, column {column}"
            )
    return A


def apply(function: Callable, A: xr.DataArray, out: list[tuple], mode: int = 0, **kwargs: Any) -> Any:
    """Apply a function of arrays (..., row, column) under xarray's labels; block by block if A is a Dask array."""
    lazy = A.chunks is not None
    return xr.apply_ufunc(
        function,
        A.chunk({d: -1 for d in A.dims[-2:]}) if lazy else A,
        input_core_dims=[A.dims[-2:]],
        output_core_dims=out,
        kwargs=kwargs,
        keep_attrs=False,
        dask="parallelized",
        output_dtypes=[A.dtype] * len(out),
        dask_gufunc_kwargs={"output_sizes": {"mode": mode} if mode else {}},
    )


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS have one thread for a while; of several that ask at once the last to leave gives back what it had."""
    with LOCK:
        LIMITS.append(LIMITS[-1] if LIMITS else threadpool_limits(1, "blas"))
    try:
        yield
    finally:
        with LOCK:
            limits = LIMITS.pop()
            if not LIMITS:
                limits.restore_original_limits()


def in_chunks(work: Callable, A: Array, outs: tuple, pooled: bool) -> None:
    """Write work(chunk) into the outs, chunks of the stack on all cores; NaN where a matrix is not finite.

    numpy's SVD works through a stack without Python's lock. Each chunk gets one BLAS thread: BLAS's own threads are
    slower than none on matrices that come in stacks, and several times slower under a pool.
    """
    stack = A.reshape(-1, *A.shape[-2:])
    flat = [out.reshape(len(stack), *out.shape[A.ndim - 2 :]) for out in outs]

    def one(rows: slice) -> None:
        chunk = stack[rows]
        lost = np.logical_not(np.isfinite(chunk).all(axis=(-2, -1)))
        if lost.any():
            chunk = np.where(lost[:, None, None], 0, chunk)
        for out, part in zip(flat, work(chunk), strict=True):
            out[rows] = part
            if lost.any():
                out[rows][lost] = np.nan

    step = max(1, CHUNK // stack[:1].size) if stack.size else 1
    chunks = [slice(first, first + step) for first in range(0, len(stack), step)]
    if pooled and len(chunks) > 1:
        with one_blas_thread(), ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(one, chunks))
    else:
        for rows in chunks:
            one(rows)
