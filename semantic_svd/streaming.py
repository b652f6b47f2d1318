"""Modes and strengths of matrices larger than memory: activity of any number of items, read a block of rows at a time.

A tall matrix is decomposed exactly through its Gram matrix, or, where squaring would lose the last modes, through a QR
of its blocks; one with very many columns by random projections. Memory is bounded by `memory`, whatever the rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from semantic_svd import modes
from semantic_svd.errors import InputError, is_real, whole
from semantic_svd.matrices import Array, labelled

__all__ = ["strengths", "svd"]

MEMORY = 2**29  # bytes
# numbers of a block that caches hold, which is faster; a QR wants four times its columns nevertheless
CACHED = 2**21
EPS = float(np.finfo(float).eps)
SPARE = 10  # random directions beyond the modes asked for (Halko et al. 2011, section 1.3.1: five or ten)


def svd(
    matrix: Any,
    n_modes: int | None = None,
    *,
    centre: bool = False,
    accuracy: float = 1e-6,
    passes: int = 4,
    memory: int = MEMORY,
) -> xr.Dataset:
    """Decompose a matrix that is read a block of rows at a time.

    Parameters
    ----------
    matrix : path of a .npy file, or whatever slices like an array, of shape (n_items, n_properties)
        numpy.memmap, Zarr array, Dask array, h5py dataset, DataArray: it has a shape, and ``matrix[a:b]`` gives rows.
    n_modes : int, optional
        How many modes, the strongest; all if not given.
    centre : bool
        Take the mean of every column out first. What its rounding leaves is null, and 0.
    accuracy : float
        Relative error that the smallest singular value may have. Where the Gram matrix may miss it (it squares the
        condition number), the matrix is read again for a QR of its blocks, which is several times the work.
    passes : int
        How often a matrix with too many columns is read, from 2: every pass sharpens the modes. Others are read once
        or twice.
    memory : int
        Bytes for blocks and factors together; a block is at least a row, and at least a chunk of a chunked matrix.

    Returns
    -------
    Dataset
        As of `modes.svd`, in double precision: ``s`` (mode), ``V`` (property, mode), and ``U`` (item, mode), which
        stays lazy unless the whole matrix fits: it is read block by block when asked for, and written so by
        ``svd(...).to_zarr(path)``. ``U = A V / s``: columns are orthonormal to rounding times ``s_1 / s_k``, those of
        null modes are zero. With centre, ``mean`` (property).
        Its attributes: ``route`` (in memory, Gram, QR, randomised); ``norm``, the Frobenius norm of the whole matrix,
        so that ``s^2 / norm^2`` are shares of the variance also where not all modes were asked for; ``error``, the
        largest relative error of a singular value that is not null. By rounding that is ``eps sqrt(n_items) norm /
        s_k``, on the Gram route ``eps sqrt(n_items) norm^2 / (2 s_k^2)`` (estimates, Higham & Mary 2019). On the
        randomised route it is measured: within ``|A' u_k - s_k v_k|`` of s_k there is a singular value. With centre
        the rounding of the mean adds ``eps sqrt(n_items) |mean| / s_k``, which no route makes smaller. None is
        overrated, and by how much all together are underrated is bounded: ``true s_k^2 <= s_k^2 + norm^2 - sum s^2``.

    Raises
    ------
    InputError
        If this is no matrix of finite real numbers, or has too many columns for all of its modes.

    See Also
    --------
    semantic_svd.modes.svd : of matrices in memory, and of stacks of them

    References
    ----------
    Halko, Martinsson & Tropp (2011), Finding structure with randomness, doi:10.1137/090771806, algorithm 4.4;
    Demmel, Grigori, Hoemmen & Langou (2012), Communication-optimal parallel and sequential QR and LU factorizations,
    doi:10.1137/080731992; Higham & Mary (2019), A new approach to probabilistic rounding error analysis,
    doi:10.1137/18M1226312

    Examples
    --------
    >>> import numpy as np
    >>> activity = np.diag([3.0, 2.0, 1.0])[np.arange(3000) % 3]  # any number of rows
    >>> found = svd(activity, memory=10_000)
    >>> found.s.values.round(3)  # 3, 2 and 1 times the square root of 1000
    array([94.868, 63.246, 31.623])
    >>> found.attrs["route"], found.U.shape
    ('Gram', (3000, 3))
    """
    blocks = _blocks(matrix, memory, centre)
    n, m = blocks.shape
    K = min(n, m) if n_modes is None else whole("n_modes", n_modes, 1, min(n, m))
    whole("passes", passes, 2)
    if not (is_real(accuracy) and 0 < accuracy < 1):
        raise InputError(f"accuracy is a relative error between 0 and 1, not {accuracy!r}")
    if _bytes(n, m) <= memory:
        return _in_memory(blocks, K)
    if _bytes(m, m) <= memory:
        s, V, attrs = _exact(blocks, K, accuracy)
    else:
        if (needed := _bytes(m, K + SPARE)) > memory:
            what = "all modes" if n_modes is None else f"{K} modes"
            raise InputError(
                f"{what} of {m} columns take {needed} bytes of memory, not {memory}; ask for fewer"
            )
        s, V, attrs = _randomised(blocks, K, passes)
    item, unit = blocks.dims
    found = xr.Dataset(
        {"U": ((item, "mode"), _left(blocks, s, V)), "s": ("mode", s), "V": ((unit, "mode"), V)},
        {**blocks.coords, "mode": np.arange(1, K + 1)},
        attrs,
    )
    return found.assign(mean=(unit, blocks.mean)) if centre else found


def strengths(matrix: Any, reference: Any, *, memory: int = MEMORY) -> xr.DataArray:
    """Project a matrix that is read a block of rows at a time on the modes of a reference: ``u_k' Y v_k``.

    Parameters
    ----------
    matrix : as for `svd`
    reference : Dataset of `svd` (of this module or of `modes`), or the matrix whose modes are the reference
    memory : int
        Bytes for blocks.

    Returns
    -------
    DataArray (mode)

    Raises
    ------
    InputError
        If matrix and reference are not over the same items and properties, or the matrix is none of finite numbers.

    See Also
    --------
    semantic_svd.modes.strengths : of responses in memory, at all epochs

    Examples
    --------
    >>> import numpy as np
    >>> data = np.diag([2.0, 1.0])
    >>> strengths(0.5 * data, data).values
    array([1. , 0.5])
    """
    blocks = _blocks(matrix, memory, centre=False)
    reference = modes.modes_of_one(
        reference if isinstance(reference, xr.Dataset) else svd(reference, memory=memory)
    )
    shape = xr.DataArray(np.broadcast_to(0.0, blocks.shape), blocks.coords, blocks.dims)
    modes.check_fit(shape, reference)
    U, V = reference["U"], reference["V"].values
    found = np.zeros(V.shape[1])
    for rows in blocks.rows():
        found += np.einsum("nk,nk->k", U[rows].values, blocks.read(rows) @ V)
    return xr.DataArray(found, {"mode": reference["mode"].values}, name="strength")


# ------------------------------------------------------------------------------------------------------------- routes


def _in_memory(blocks: "_Blocks", K: int) -> xr.Dataset:
    A = blocks.read(slice(None))
    if blocks.centre:
        blocks.mean = A.mean(axis=0)
        A -= blocks.mean
    found = modes.svd(xr.DataArray(A, blocks.coords, blocks.dims)).isel(mode=slice(K))
    s = _above_mean(found["s"].values, blocks)
    found = found.assign(s=("mode", s)).assign_attrs(_said("in memory", s, float(np.linalg.norm(A)), blocks))
    return found.assign(mean=(blocks.dims[1], blocks.mean)) if blocks.centre else found


def _exact(blocks: "_Blocks", K: int, accuracy: float) -> tuple[Array, Array, dict[str, Any]]:
    """Return s, V and the attributes: by the Gram matrix, whose eigenvalues are s^2, where that is safe."""
    m = blocks.shape[1]
    G = np.zeros((m, m))
    for X in blocks:
        G += X.T @ X
    power, V = (part[..., ::-1][..., :K] for part in np.linalg.eigh(G))
    if power[-1] > 0:
        s, norm = np.sqrt(power), float(np.sqrt(np.trace(G)))
        if _said("Gram", s, norm, blocks)["error"] <= accuracy:
            s = _above_mean(s, blocks)
            return s, V, _said("Gram", s, norm, blocks)
    R: Array = np.empty((0, m))
    for X in blocks:
        R = _triangle(R, X)
    s, V = _of_triangle(R)
    s, norm = _above_mean(s, blocks)[:K], float(np.linalg.norm(s))
    return s, V[:, :K], _said("QR", s, norm, blocks)


def _randomised(blocks: "_Blocks", K: int, passes: int) -> tuple[Array, Array, dict[str, Any]]:
    """Return s, V and the attributes, from a subspace of the properties that each pass turns to the strongest modes.

    Halko et al. iterate on the items' side. On the properties' side nothing grows with the items, and the product
    with A'A needs one reading, not two.
    """
    n, m = blocks.shape
    Q = np.random.default_rng(0).standard_normal((m, K + SPARE))
    for _ in range(passes - 1):
        Z = np.zeros_like(Q)
        for X in blocks:
            Z += X.T @ (X @ Q)
        Q = np.linalg.qr(Z).Q
    Z, squares = np.zeros_like(Q), 0.0
    R: Array = np.empty((0, K + SPARE))
    for X in blocks:
        Y = X @ Q
        Z += X.T @ Y
        R = _triangle(R, Y)
        squares += float(np.vdot(X, X))
    s, W = (part[..., :K] for part in _of_triangle(R))
    s = _above_mean(s, blocks)
    V, alive = Q @ W, modes.above_rounding(s, max(n, m))
    residual = np.linalg.norm(Z @ W / np.where(alive, s, np.inf) - V * s, axis=0)  # of A'u = s v
    error = float(((residual[alive] + _of_mean(blocks)) / s[alive]).max(initial=0.0))
    return s, V, {"route": "randomised", "norm": float(np.sqrt(squares)), "error": error}


def _triangle(R: Array, X: Array) -> Array:
    """Return R of a QR of all blocks so far: of X, stacked under the R of those before."""
    return np.asarray(np.linalg.qr(np.vstack([R, X]), mode="r"))


def _of_triangle(R: Array) -> tuple[Array, Array]:
    _, s, Vt = np.linalg.svd(R, full_matrices=False)
    return s, Vt.T


def _above_mean(s: Array, blocks: "_Blocks") -> Array:
    """Return the singular values; 0 for those that the mean of the columns, taken out, leaves by its rounding."""
    return np.where(s > max(blocks.shape) * _of_mean(blocks), s, 0)


def _of_mean(blocks: "_Blocks") -> float:
    """Return what the mean of the columns, taken out, leaves on a singular value by its rounding."""
    return EPS * np.sqrt(blocks.shape[0]) * float(np.linalg.norm(blocks.mean))


def _said(route: str, s: Array, norm: float, blocks: "_Blocks") -> dict[str, Any]:
    """Return the attributes of an exact route, with the error that rounding leaves on the last mode not null."""
    alive = s[modes.above_rounding(s, max(blocks.shape))]
    last = alive[-1] if len(alive) else np.inf
    share = norm / last
    error = EPS * np.sqrt(blocks.shape[0]) * (share**2 / 2 if route == "Gram" else share)
    return {"route": route, "norm": float(norm), "error": float(error + _of_mean(blocks) / last)}


def _left(blocks: "_Blocks", s: Array, V: Array) -> Any:
    """Return U = A V / s as a Dask array; one block at a time is in memory, however many threads ask."""
    import dask
    import dask.array
    from dask.utils import SerializableLock

    alive = modes.above_rounding(s, max(blocks.shape))
    source, lock = dask.delayed(blocks, traverse=False), SerializableLock()
    to_left = dask.delayed(V / np.where(alive, s, np.inf), traverse=False)
    part = dask.delayed(_left_of)
    parts = [
        dask.array.from_delayed(
            part(source, rows, to_left, lock), (rows.stop - rows.start, len(s)), dtype=float
        )
        for rows in blocks.rows()
    ]
    return dask.array.concatenate(parts)


def _left_of(blocks: "_Blocks", rows: slice, to_left: Array, lock: Any) -> Array:
    with lock:
        X = blocks.read(rows)
        X -= blocks.mean
        return X @ to_left


# ------------------------------------------------------------------------------------------------------------- blocks


@dataclass
class _Blocks:
    """A matrix as blocks of rows, in double precision, checked to be finite.

    Centred, a block comes less its own mean, with one row more, which its mean adds to the scatter of the rows before:
    so the Gram matrices of the blocks add up to that of the centred matrix in one reading, and nothing cancels
    (Chan, Golub & LeVeque 1983, doi:10.1080/00031305.1983.10483115). After a reading `mean` is known.
    """

    source: Any
    shape: tuple[int, int]
    dims: tuple
    coords: dict
    step: int
    centre: bool
    mean: Array | float = 0.0

    def rows(self) -> Iterator[slice]:
        """Yield which rows each block has."""
        for first in range(0, self.shape[0], self.step):
            yield slice(first, min(first + self.step, self.shape[0]))

    def read(self, rows: slice, more: int = 0) -> Array:
        """Read rows, with room for some more after them."""
        part = self.source[rows]
        X = np.empty((len(part) + more, self.shape[1]))
        X[: len(part)] = part
        X[len(part) :] = 0
        del part
        _release(self.source)
        if not np.isfinite(X.sum()):
            for row, column in np.argwhere(~np.isfinite(X)):
                raise InputError(
                    f"the matrix is not finite: {X[row, column]} at row {row + (rows.start or 0)}, column {column}"
                )
        return X

    def __iter__(self) -> Iterator[Array]:
        seen, mean = 0, np.zeros(self.shape[1])
        for rows in self.rows():
            X = self.read(rows, more=int(self.centre))
            if self.centre:
                here = len(X) - 1
                own = np.full(here, 1 / here) @ X[:here]
                X[:here] -= own
                X[here] = np.sqrt(seen * here / (seen + here)) * (own - mean)
                seen += here
                mean += (own - mean) * here / seen
            yield X
        if self.centre:
            self.mean = mean


def _blocks(matrix: Any, memory: int, centre: bool) -> _Blocks:
    """Return any kind of matrix as blocks, each an eighth of the memory at most."""
    if isinstance(matrix, str | Path):
        matrix = _open(matrix)
    elif isinstance(matrix, pd.DataFrame) or hasattr(matrix, "array"):
        matrix = labelled(matrix)
    dims: tuple = ("item", "property")
    coords: dict = {}
    if isinstance(matrix, xr.DataArray):
        dims, coords = matrix.dims, {d: matrix[d].values for d in matrix.dims if d in matrix.coords}
        matrix = matrix.variable
    shape = getattr(matrix, "shape", None)
    if shape is None or not hasattr(matrix, "__getitem__"):
        raise InputError(f"a matrix is a .npy file, or slices like an array; got {type(matrix).__name__}")
    if len(shape) != 2 or 0 in shape:
        raise InputError(f"a matrix needs two axes with something on them; got shape {tuple(shape)}")
    dtype = np.asarray(matrix[:1]).dtype
    if dtype.kind not in "fiub":
        raise InputError(f"a matrix is made of real numbers; got {dtype}")
    step = max(
        1, min(whole("memory", memory, 1) // (8 * 8 * shape[1]), max(CACHED // shape[1], 4 * shape[1]))
    )
    if chunks := getattr(matrix, "chunks", None):
        chunk = int(np.max(chunks[0]))
        step = max(1, step // chunk) * chunk
    return _Blocks(matrix, tuple(shape), dims, coords, step, centre)


def _open(path: str | Path) -> np.memmap:
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except (ValueError, EOFError, OSError) as error:
        why = (
            error.strerror if isinstance(error, OSError) else "it is no .npy file of numbers, or is cut short"
        )
        raise InputError(f"{path} can't be read: {why}") from None


def _release(source: Any) -> None:
    """Give the pages of a memory map back: what stays mapped counts as memory in use."""
    if isinstance(source, np.memmap) and source.mode != "c":  # "c" holds changes that are in memory only
        import mmap

        base: Any = source
        while isinstance(base, np.ndarray):
            base = base.base
        if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            base.madvise(mmap.MADV_DONTNEED)


def _bytes(n: int, m: int) -> int:
    """Return the memory that an array of n by m takes with its decomposition."""
    return 4 * 8 * n * m
