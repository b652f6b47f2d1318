"""Every matrix product of training: one BLAS, one pool of threads.

numpy and scipy each bring a BLAS with threads of its own; both in one loop cost 3 to 4 times. So large products go
to scipy's, and stacks of small ones, which never start a thread, to `numpy.matmul`.

Activity is (seed, item, unit) to the reader and (seed, unit, item) in memory: then W times activity, and the
outer products that change W, are each one product over all seeds wherever the seeds share a side.
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
    array of shape (n_seeds, n_items, n_out), in memory (n_seeds, n_out, n_items)

    Examples
    --------
    >>> import numpy as np
    >>> times(np.ones((2, 3)), np.ones((5, 3, 4))).shape
    (5, 2, 4)
    """
    out = np.empty((len(M), M.shape[2], h.shape[-2]), M.dtype)
    _multiply(M.mT, h.mT, out, 1.0, 0.0)
    return out.mT


def add_outer(W: Array, u: Array, v: Array, rate: float) -> None:
    """Add rate * <u v'> to W in place, without forming the outer product's mean.

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
    _multiply(u.mT, v, W, rate / u.shape[-2], 1.0)


def _multiply(a: Array, b: Array, out: Array, alpha: float, beta: float) -> None:
    """Set out to alpha a b + beta out, for a (S, m, k), b (S, k, n) or (k, n) and out (S, m, n)."""
    n_seeds, m, n = out.shape
    k = a.shape[-1]
    if b.ndim == 2 and a.strides[0] == m * a.strides[1]:  # one product for all seeds
        _gemm(a.reshape(n_seeds * m, k), b, out.reshape(n_seeds * m, n), alpha, beta)
    elif n_seeds > 1 and m * n * k < SMALL:
        if beta:
            out += np.matmul(a * alpha if a.size < b.size else a, b if a.size < b.size else b * alpha)
        else:
            np.matmul(a, b, out=out)
    else:
        for s in range(n_seeds):
            _gemm(a[s], b[s] if b.ndim == 3 else b, out[s], alpha, beta)


def _gemm(a: Array, b: Array, out: Array, alpha: float, beta: float) -> None:
    """Set the C-ordered out to alpha a b + beta out: to BLAS, which reads columns first, out' = b' a'."""
    gemm = blas.dgemm if out.dtype == np.float64 else blas.sgemm
    (left, turn_left), (right, turn_right) = _columns_first(b.T), _columns_first(a.T)
    result = gemm(alpha, left, right, beta, out.T, turn_left, turn_right, 1)
    if not np.may_share_memory(result, out):
        out[...] = result.T


def _columns_first(a: Array) -> tuple[Array, int]:
    """Return `a` as BLAS wants it, and whether BLAS is to transpose it; no copy when `a` is contiguous."""
    return (a, 0) if a.flags.f_contiguous else (a.T, 1)
