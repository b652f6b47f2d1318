"""Every matrix product of training: one BLAS, one pool of threads.

numpy and scipy each bring a BLAS with threads of its own; both in one loop cost 3 to 4 times. So large products
go to scipy's, and stacks of small ones, which never start a thread, to `numpy.matmul`.

Activity is (seed, item, unit) to the reader and (item, seed, unit) in memory: then what is added for each unit, as a
bias is, runs over memory in one sweep for all seeds.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas

Array = NDArray[np.floating]

SMALL = 2**18  # multiply-adds of one product below which BLAS starts no threads


def times(h: Array, M: Array) -> Array:
    """Return h M for every seed, with items in rows.

    Parameters
    ----------
    h : array of shape (n_items, n_in), shared by all seeds, or (n_seeds, n_items, n_in)
    M : array of shape (n_seeds, n_in, n_out)

    Returns
    -------
    array of shape (n_seeds, n_items, n_out), in memory (n_items, n_seeds, n_out)

    Examples
    --------
    >>> import numpy as np
    >>> times(np.ones((2, 3)), np.ones((5, 3, 4))).shape
    (5, 2, 4)
    """
    out = np.empty((h.shape[-2], len(M), M.shape[2]), M.dtype).swapaxes(0, 1)
    if _small(h, M):
        return np.matmul(h, M, out=out)
    for s in range(len(M)):
        _gemm(1.0, h if h.ndim == 2 else h[s], M[s], 0.0, out[s])
    return out


def add_outer(W: Array, u: Array, v: Array, rate: float) -> None:
    """Add rate * <u v'> to W in place; the mean over items is formed in the product.

    Parameters
    ----------
    W : array of shape (n_seeds, n_post, n_pre)
    u : array of shape (n_seeds, n_items, n_post)
    v : array of shape (n_items, n_pre), shared by all seeds, or (n_seeds, n_items, n_pre)
    rate : float

    Examples
    --------
    >>> import numpy as np
    >>> W = np.zeros((1, 2, 3))
    >>> add_outer(W, np.ones((1, 4, 2)), np.ones((4, 3)), rate=0.5)
    >>> W[0, 0]
    array([0.5, 0.5, 0.5])
    """
    share = rate / u.shape[-2]
    if _small(u.mT, W):
        W += np.matmul(u.mT, share * v) if v.size < u.size else np.matmul(share * u.mT, v)
        return
    for s in range(len(W)):
        _gemm(share, u[s].T, v if v.ndim == 2 else v[s], 1.0, W[s])


def _small(a: Array, b: Array) -> bool:
    """Return whether a (..., m, k) times b (seeds, k or m, n) is a stack of small products."""
    return len(b) > 1 and a.shape[-2] * a.shape[-1] * b.shape[-1] < SMALL


def _gemm(alpha: float, a: Array, b: Array, beta: float, out: Array) -> None:
    """Set `out` to alpha a b + beta out; to BLAS, which reads columns first, out' = b' a'."""
    gemm = blas.dgemm if out.dtype == np.float64 else blas.sgemm
    (left, turn_left), (right, turn_right) = _columns_first(b.T), _columns_first(a.T)
    result = gemm(alpha, left, right, beta, out.T, turn_left, turn_right, 1)
    if not np.may_share_memory(result, out):  # a slice whose rows lie apart was copied
        out[...] = result.T


def _columns_first(a: Array) -> tuple[Array, int]:
    """Return `a` as BLAS wants it, and whether BLAS is to transpose it; no copy when `a` is contiguous."""
    return (a, 0) if a.flags.f_contiguous else (a.T, 1)
