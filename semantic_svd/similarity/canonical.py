"""Canonical correlations (CCA, SVCCA, PWCCA): the patterns over the items that two layers can both make of their units.

A layer is a subspace here, the span of its units over the items, and canonical correlations are the cosines of the
principal angles between two. They come from orthonormal bases of both: nothing is inverted, and units that repeat or
do not vary, or more units than items, only lower the rank.
"""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from semantic_svd.errors import InputError
from semantic_svd.matrices import Array, Matrix
from semantic_svd.modes import equal_neighbours
from semantic_svd.similarity.sides import all_pairs, centred, compared, ratio, same_items

__all__ = ["canonical_correlations", "cca", "pwcca", "svcca"]


def canonical_correlations(x: Matrix, y: Matrix) -> xr.DataArray:
    """Return the canonical correlations of two layers, largest first.

    Units are centred over the items. A singular value counts towards the rank of a side if it is above rounding, the
    longer side of the matrix times eps times the norm that it has before centring.

    Parameters
    ----------
    x, y : matrix (..., item, unit)
        As for `linear_cka`.

    Returns
    -------
    DataArray (..., mode), from 0 to 1
        There are as many as the smaller rank; NaN beyond, and where a side does not vary or, in a stack, is not finite.

    Raises
    ------
    InputError
        If the sides are not over the same items, there is only one, or a single matrix is not finite.

    References
    ----------
    Hotelling (1936), Relations between two sets of variates, doi:10.1093/biomet/28.3-4.321

    Björck & Golub (1973), Numerical methods for computing angles between linear subspaces,
    doi:10.1090/S0025-5718-1973-0348991-3

    Examples
    --------
    >>> x = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> canonical_correlations(x, x[:, :1] + [[1.0], [1.0], [-1.0], [-1.0]]).round(3).values
    array([0.577])
    """
    A, B = same_items(x, y)
    modes = min(A.shape[-2] - 1, A.shape[-1], B.shape[-1])
    found = compared("canonical_correlations", _correlations, x, y, modes=modes)
    return found.assign_coords(mode=np.arange(1, modes + 1))


def cca(x: Matrix, y: Matrix) -> xr.DataArray:
    """Return the mean of the canonical correlations of two layers.

    It is blind to any invertible linear map of the units. So it says nothing where both sides have as many dimensions
    as there are items less one: all is 1 then, and so is its null.

    Parameters
    ----------
    x, y : matrix (..., item, unit)
        As for `linear_cka`.

    Returns
    -------
    DataArray (...), from 0 to 1
        The mean over as many as the smaller rank; NaN where a side does not vary or, in a stack, is not finite.

    Raises
    ------
    InputError
        If the sides are not over the same items, there is only one, or a single matrix is not finite.

    References
    ----------
    As for `canonical_correlations`.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(20, 3))
    >>> float(cca(x, x @ [[1, 2, 3, 9], [0, 1, 4, 9], [0, 0, 1, 9]]).round(12))
    1.0
    """
    return compared("cca", _mean_correlation, x, y)


def svcca(x: Matrix, y: Matrix, variance: float = 0.99) -> xr.DataArray:
    """Return the mean canonical correlation of the leading modes of two layers.

    Each side keeps the fewest modes of its centred matrix whose squared singular values make `variance` of their sum.
    (Other packages add up the singular values themselves, or keep a fixed number.) A cut does not go through a block:
    modes whose singular values are equal, as `modes.blocks` has it, are kept together.

    Parameters
    ----------
    x, y : matrix (..., item, unit)
        As for `linear_cka`.
    variance : float
        Above 0, at most 1.

    Returns
    -------
    DataArray (...), from 0 to 1, as for `cca`

    Raises
    ------
    InputError
        If the sides are not over the same items, there is only one, a single matrix is not finite, or there is no such
        share.

    References
    ----------
    Raghu, Gilmer, Yosinski & Sohl-Dickstein (2017), SVCCA: singular vector canonical correlation analysis for deep
    learning dynamics and interpretability, arXiv:1706.05806

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, noise = rng.normal(size=(20, 3)), 0.01 * rng.normal(size=(2, 20, 15))
    >>> x, y = np.hstack([x, noise[0]]), np.hstack([x, noise[1]])
    >>> bool(cca(x, y) < 0.999 < svcca(x, y))
    True
    """
    if not 0 < variance <= 1:
        raise InputError(f"the share of variance to keep is above 0 and at most 1; got {variance}")
    return compared("svcca", _mean_correlation, x, y, variance=variance)


def pwcca(x: Matrix, y: Matrix) -> xr.DataArray:
    """Return the mean of the canonical correlations of two layers, weighted by how much activity of x each holds.

    The weight of a correlation is ``sum_j |<h, x_j>|`` over the units j of x, centred; h is x's canonical variate, of
    length 1. It is the definition of the paper, with the first side always in the role of L1: the measure is not
    symmetric, and turning the units of x changes it. Other code differs: google/svcca takes the side with fewer units,
    activity that is not centred, and orthogonalises variates to which the mean was added; moskomule/anatome
    orthogonalises the coefficients and not the variates. Between correlations that are equal the variates, and with
    them the weights, are LAPACK's choice.

    Parameters
    ----------
    x, y : matrix (..., item, unit)
        As for `linear_cka`; x gives the weights.

    Returns
    -------
    DataArray (...), from 0 to 1
        NaN where a side does not vary or, in a stack, is not finite.

    Raises
    ------
    InputError
        If the sides are not over the same items, there is only one, or a single matrix is not finite.

    References
    ----------
    Morcos, Raghu & Bengio (2018), Insights on representational similarity in neural networks with canonical
    correlation, arXiv:1806.05759

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(50, 2)) * [10, 1]
    >>> y = np.column_stack([x[:, 0], rng.normal(size=50)])  # what is large in x is there, what is small is not
    >>> bool(pwcca(x, y) > cca(x, y))
    True
    """
    return compared("pwcca", _projection_weighted, x, y)


def _mean_correlation(A: Array, B: Array, variance: float | None = None) -> Array:
    (U, x), (V, y) = (_basis(centred(side), variance) for side in (A, B))
    return ratio(_cosines(U, V).sum(axis=-1), np.minimum(x, y))


def _correlations(A: Array, B: Array) -> Array:
    (U, x), (V, y) = (_basis(centred(side)) for side in (A, B))
    n = min(U.shape[-2] - 1, U.shape[-1], V.shape[-1])
    return np.where(np.arange(n) < np.minimum(x, y)[..., None], _cosines(U, V)[..., :n], np.nan)


def _projection_weighted(A: Array, B: Array) -> Array:
    X = centred(A)
    (U, x), (V, y) = _basis(X), _basis(centred(B))
    left, right = [U, x[..., None, None], X[0]], [V, y[..., None, None]]
    return all_pairs(_weighted_mean, left, right)


def _weighted_mean(U: Array, x: Array, X: Array, V: Array, y: Array) -> Array:
    turn, cosines, _ = np.linalg.svd(U.mT @ V, full_matrices=False)
    weights = np.abs((U @ turn).mT @ X).sum(axis=-1)  # (..., mode)
    weights *= np.arange(weights.shape[-1]) < np.minimum(x, y)[..., 0]
    return ratio((weights * np.minimum(cosines, 1)).sum(axis=-1), weights.sum(axis=-1))


def _basis(side: tuple[Array, NDArray[np.float64]], variance: float | None = None) -> tuple[Array, Array]:
    """Return an orthonormal basis (..., item, mode) of a centred side, zeros beyond its rank, and the rank (...)."""
    X, rounding = side
    U, s, _ = np.linalg.svd(X, full_matrices=False)
    kept = s > rounding[..., None]
    if variance is not None:
        power = np.cumsum(s**2, axis=-1)
        kept &= _to_the_end_of_a_block(power - s**2 < variance * power[..., -1:], s, max(X.shape[-2:]))
    return U * kept[..., None, :], kept.sum(axis=-1, dtype=float)


def _to_the_end_of_a_block(kept: NDArray[np.bool_], s: Array, size: int) -> NDArray[np.bool_]:
    equal = equal_neighbours(s, size, tolerance=1e-3)
    for k in range(1, s.shape[-1]):
        kept[..., k] |= kept[..., k - 1] & equal[..., k - 1]
    return kept


def _cosines(U: Array, V: Array) -> Array:
    return np.minimum(all_pairs(lambda U, V: np.linalg.svdvals(U.mT @ V), [U], [V]), 1)
