"""Centred kernel alignment (CKA): whether two layers hold the same pairs of items together.

A kernel says how alike two items are in a layer; CKA is the cosine between the centred kernels of both. Biased or
debiased, and with which kernel: packages give all of these the same name.
"""

import numpy as np
import xarray as xr

from semantic_svd.errors import InputError
from semantic_svd.matrices import Array, Matrix
from semantic_svd.similarity.dissimilarities import between_items
from semantic_svd.similarity.sides import all_pairs, centred, compared, narrow, ratio

__all__ = ["linear_cka", "rbf_cka"]

EPS = float(np.finfo(float).eps)


def linear_cka(x: Matrix, y: Matrix, debiased: bool = False) -> xr.DataArray:
    """Return the centred kernel alignment of two layers with the linear kernel, ``|X'Y|^2 / (|X'X| |Y'Y|)``.

    In Frobenius norms, every unit centred over the items. It is blind to rotations of the units and to the scale of
    either side.

    Parameters
    ----------
    x, y : matrix (..., item, unit)
        Arrays, DataArrays, DataFrames or Items over the same items; the units may be others, and more or fewer. Axes
        before these that both sides have by name (seed) are paired; of the others all meets all.
    debiased : bool
        Whether the unbiased estimator of HSIC stands in all three places (at least 4 items). The biased one, that of
        2019, grows with units per item whatever they say: with few items it is near 1 for noise. Debiased, layers that
        have nothing to do with each other are at 0 on average, and single values may be negative.

    Returns
    -------
    DataArray (...), from 0 to 1, debiased at most 1
        NaN where a side does not vary (all items alike), is not finite in a stack (a seed that has ended), or,
        debiased, holds all items equally far apart.

    Raises
    ------
    InputError
        If the sides are not over the same items, these are too few, or a single matrix is not finite.

    References
    ----------
    Kornblith, Norouzi, Lee & Hinton (2019), Similarity of neural network representations revisited, arXiv:1905.00414

    Song, Smola, Gretton, Bedo & Borgwardt (2012), Feature selection via dependence maximization, JMLR 13, 1393-1434:
    the unbiased estimator; Murphy, Zylberberg & Fyshe (2024), Correcting biased centered kernel alignment measures in
    biological and artificial neural networks, arXiv:2405.01012: what it mends

    Examples
    --------
    All epochs of one seed against all:

    >>> from semantic_svd import Network, load_items, train
    >>> run = train("bpa", Network((34, 8, 34), biases=False), load_items("mcclelland2020"), epochs=50)
    >>> h = run.hidden(1).sel(seed=0)
    >>> by_epochs = linear_cka(h, h.rename(epoch="epoch_2"))
    >>> by_epochs.dims, by_epochs.shape
    (('epoch', 'epoch_2'), (51, 51))
    >>> float(by_epochs.sel(epoch=20, epoch_2=20).round(12))
    1.0
    """
    name, fewest = ("linear_cka_debiased", 4) if debiased else ("linear_cka", 2)
    return compared(name, _linear_cka, x, y, fewest, debiased=debiased)


def rbf_cka(x: Matrix, y: Matrix, bandwidth: float = 1.0, debiased: bool = False) -> xr.DataArray:
    """Return the centred kernel alignment of two layers with the kernel ``exp(-d^2 / (2 sigma^2))`` of distances d.

    On each side sigma is `bandwidth` times the median distance between two different items. (The code beside the
    paper takes the median over all of the matrix of squared distances, with the zeros of its diagonal.) A narrow kernel
    asks which items are neighbours; a wide one comes near `linear_cka`.

    Parameters
    ----------
    x, y, debiased
        As for `linear_cka`.
    bandwidth : float
        Of the median distance; the paper tries 0.2, 0.4 and 0.8.

    Returns
    -------
    DataArray (...), as for `linear_cka`

    Raises
    ------
    InputError
        If the sides are not over the same items, these are too few, a single matrix is not finite, or the bandwidth is
        not above 0.

    References
    ----------
    As for `linear_cka`.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(20, 3))
    >>> float(rbf_cka(x, 5 * x[:, ::-1]).round(12))
    1.0
    """
    if not bandwidth > 0:
        raise InputError(f"the bandwidth of a kernel is above 0; got {bandwidth}")
    name, fewest = ("rbf_cka_debiased", 4) if debiased else ("rbf_cka", 2)
    return compared(name, _rbf_cka, x, y, fewest, bandwidth=bandwidth, debiased=debiased)


def _linear_cka(A: Array, B: Array, debiased: bool) -> Array:
    """Go by cross products of units: no kernel of items by items is formed."""
    X, Y = (narrow(centred(side)[0]) for side in (A, B))
    return _alignment(
        _linear_hsic(X, Y, debiased), _linear_hsic(X, X, debiased), _linear_hsic(Y, Y, debiased)
    )


def _linear_hsic(X: Array, Y: Array, debiased: bool) -> Array:
    """Return HSIC (...) of centred sides, up to a factor of the number of items; debiased, 0 where it is rounding."""
    hsic = all_pairs(lambda X, Y: ((X.mT @ Y) ** 2).sum(axis=(-2, -1)), [X], [Y])
    if not debiased:
        return hsic
    n = X.shape[-2]
    x, y = ((side**2).sum(axis=-1) for side in (X, Y))  # (..., item), squared distances from the mean
    size = x.sum(axis=-1) * y.sum(axis=-1)
    hsic = hsic - n / (n - 2) * (x * y).sum(axis=-1) + size / ((n - 1) * (n - 2))
    return np.where(np.abs(hsic) > n * EPS * size, hsic, 0)


def _rbf_cka(A: Array, B: Array, bandwidth: float, debiased: bool) -> Array:
    K, L = (_centred_kernel(_rbf_kernel(side, bandwidth), debiased) for side in (A, B))
    return _alignment(np.vecdot(K, L), np.vecdot(K, K), np.vecdot(L, L))


def _rbf_kernel(A: Array, bandwidth: float) -> Array:
    """Return the kernel (..., item, item); ones where items do not vary, and in the limit where most are one."""
    n, distances = A.shape[-2], between_items(A, "euclidean")  # (..., pair)
    sigma = bandwidth * np.median(distances, axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        alike = np.where(distances > 0, np.exp(-((distances / sigma) ** 2) / 2), 1)
    K = np.ones((*A.shape[:-2], n, n))
    one, other = np.triu_indices(n, 1)
    K[..., one, other] = K[..., other, one] = alike
    return K


def _centred_kernel(K: Array, debiased: bool) -> Array:
    """Centre rows and columns (debiased: U-centre, without the diagonal) and flatten, (..., item * item)."""
    n = K.shape[-1]
    counted = 1 - np.eye(n) if debiased else np.ones((n, n))
    in_row, in_all = (n - 2, (n - 1) * (n - 2)) if debiased else (n, n * n)
    K = K * counted
    rows = K.sum(axis=-1, keepdims=True)
    centred = (K - (rows + rows.mT) / in_row + rows.sum(axis=-2, keepdims=True) / in_all) * counted
    flat, before = (k.reshape(*K.shape[:-2], n * n) for k in (centred, K))
    left, size = (np.linalg.norm(k, axis=-1, keepdims=True) for k in (flat, before))
    return np.where(left > n * EPS * size, flat, 0)


def _alignment(both: Array, x: Array, y: Array) -> Array:
    """Return the cosine of two kernels from their products with each other and with themselves."""
    return np.minimum(ratio(both, np.sqrt(x) * np.sqrt(y)), 1)
