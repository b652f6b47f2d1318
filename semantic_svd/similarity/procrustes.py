"""Procrustes: how far apart two layers are once one is turned onto the other as well as can be."""

import numpy as np
import xarray as xr

from semantic_svd.matrices import Array, Matrix
from semantic_svd.similarity.sides import all_pairs, centred, compared, narrow, ratio

__all__ = ["procrustes_angle", "procrustes_distance"]


def procrustes_distance(x: Matrix, y: Matrix) -> xr.DataArray:
    """Return the orthogonal Procrustes distance of two layers, ``min |X - Y Q|`` over orthogonal Q.

    Each unit is centred over the items, then each side scaled to Frobenius norm 1; Q turns and may mirror, and where
    one side has fewer units the other's are held against zeros. So it is ``sqrt(2 - 2 |X'Y|_*)`` with the nuclear norm,
    a metric: 0 for layers that differ by a rotation and a scale alone, or by what rounding hides, about 1e-7. Ding
    et al. give the same name to its square.

    Parameters
    ----------
    x, y : matrix (..., item, unit)
        As for `linear_cka`.

    Returns
    -------
    DataArray (...), from 0 to sqrt 2
        NaN where a side does not vary or, in a stack, is not finite.

    Raises
    ------
    InputError
        If the sides are not over the same items, there is only one, or a single matrix is not finite.

    References
    ----------
    Schönemann (1966), A generalized solution of the orthogonal Procrustes problem, doi:10.1007/BF02289451

    Ding, Denain & Steinhardt (2021), Grounding representation similarity with statistical testing, arXiv:2108.01661

    Williams, Kunz, Kornblith & Linderman (2021), Generalized shape metrics on neural representations, arXiv:2110.14739

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(20, 3))
    >>> float(procrustes_distance(x, 5 * x[:, ::-1]).round(6))
    0.0
    """
    return compared("procrustes_distance", lambda A, B: np.sqrt(2 - 2 * _cosine(A, B)), x, y)


def procrustes_angle(x: Matrix, y: Matrix) -> xr.DataArray:
    """Return the angle between two layers once one is turned onto the other, in degrees: ``arccos |X'Y|_*``.

    Conventions as for `procrustes_distance`; a metric as well, along the sphere and not through it. Its cosine is also
    known as the normalised Bures similarity.

    Parameters
    ----------
    x, y : matrix (..., item, unit)
        As for `linear_cka`.

    Returns
    -------
    DataArray (...), degrees from 0 to 90
        NaN where a side does not vary or, in a stack, is not finite.

    Raises
    ------
    InputError
        If the sides are not over the same items, there is only one, or a single matrix is not finite.

    References
    ----------
    Williams et al. (2021), as for `procrustes_distance`.

    Examples
    --------
    >>> x = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> float(procrustes_angle(x, x[:, :1]).round(6))
    45.0
    """
    return compared("procrustes_angle", lambda A, B: np.degrees(np.arccos(_cosine(A, B))), x, y)


def _cosine(A: Array, B: Array) -> Array:
    X, Y = (narrow(centred(side)[0]) for side in (A, B))
    nuclear = all_pairs(lambda X, Y: np.linalg.svdvals(X.mT @ Y).sum(axis=-1), [X], [Y])
    x, y = (np.linalg.norm(side, axis=(-2, -1)) for side in (X, Y))
    cosine, rounding = ratio(nuclear, x * y), 4 * X.shape[-2] * np.finfo(float).eps
    return np.where(cosine > 1 - rounding, 1, cosine)
