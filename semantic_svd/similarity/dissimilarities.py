"""Representational similarity analysis (RSA): whether two layers agree on which items are far from which.

Which dissimilarity, and which comparison of dissimilarities, decides the number; both are named.
"""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from semantic_svd.distances import GRID, row_distances, step_of
from semantic_svd.errors import InputError
from semantic_svd.matrices import Array, Matrix
from semantic_svd.similarity.sides import compared, ratio, scaled

__all__ = ["COMPARISONS", "DISSIMILARITIES", "between_items", "rsa"]

DISSIMILARITIES = {  # name -> scipy's
    "euclidean": "euclidean",
    "squared_euclidean": "sqeuclidean",
    "cosine": "cosine",
    "correlation": "correlation",
}


def rsa(x: Matrix, y: Matrix, dissimilarity: str = "euclidean", comparison: str = "spearman") -> xr.DataArray:
    """Compare the dissimilarities between all pairs of items in two layers.

    Parameters
    ----------
    x, y : matrix (..., item, unit)
        As for `linear_cka`.
    dissimilarity : {"euclidean", "squared_euclidean", "cosine", "correlation"}
        Between two items, across the units of a layer. The last two are one less the cosine, or the correlation.
    comparison : {"pearson", "spearman", "kendall_tau_a", "kendall_tau_b", "cosine"}
        Of the two lists of dissimilarities. Ranks of these are compared as if what differs by less than a 1e-9th of
        the largest were equal: hierarchies tie a lot, and the last bit of a sum is no order. Nili et al. advise tau a
        where one side ties: it counts ties as no agreement; tau b takes them out of the number of pairs. Both look at
        all pairs of dissimilarities: some hundred items are enough to wait for.

    Returns
    -------
    DataArray (...), from -1 to 1
        NaN where a side of a stack is not finite, where one does not vary, where all its dissimilarities are equal
        (tau a is 0 then, and "cosine" bears it), and where one is undefined: zeros have no cosine, an item that drives
        all units alike has no correlation.

    Raises
    ------
    InputError
        If the sides are not over the same items, these are fewer than three, a single matrix is not finite, or a name
        is unknown.

    References
    ----------
    Kriegeskorte, Mur & Bandettini (2008), Representational similarity analysis: connecting the branches of systems
    neuroscience, doi:10.3389/neuro.06.004.2008

    Nili, Wingfield, Walther, Su, Marslen-Wilson & Kriegeskorte (2014), A toolbox for representational similarity
    analysis, doi:10.1371/journal.pcbi.1003553

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [3.0], [7.0]])
    >>> float(rsa(x, x**2).round(3)), float(rsa(x, x**2, comparison="pearson").round(3))
    (1.0, 0.94)
    """
    for value, allowed, what in (
        (dissimilarity, DISSIMILARITIES, "dissimilarity"),
        (comparison, COMPARISONS, "comparison"),
    ):
        if value not in allowed:
            raise InputError(f"{what} {value!r} is unknown: it is one of {', '.join(allowed)}")
    return compared("rsa", _rsa, x, y, 3, dissimilarity=dissimilarity, comparison=comparison)


def _rsa(A: Array, B: Array, dissimilarity: str, comparison: str) -> Array:
    a, b = (between_items(side, dissimilarity) for side in (A, B))
    lost = ~(np.isfinite(a).all(axis=-1) & np.isfinite(b).all(axis=-1))
    found = COMPARISONS[comparison](np.nan_to_num(a), np.nan_to_num(b))
    return np.where(lost, np.nan, np.clip(found, -1, 1))  # rounding may put it beside them


def between_items(A: Array, dissimilarity: str) -> NDArray[np.float64]:
    """Return the dissimilarities (..., pair), pairs as scipy orders them; NaN where items do not vary."""
    eps, (A, rounding) = float(np.finfo(A.dtype).eps), scaled(A)
    varies = np.linalg.norm(A - A.mean(axis=-2, keepdims=True), axis=(-2, -1)) > rounding
    found = row_distances(A, DISSIMILARITIES[dissimilarity], eps)
    return np.where(varies[..., None], found, np.nan)


# ------------------------------------------------------------------------------------ comparisons of lists (..., pair)


def _cosine(a: Array, b: Array) -> Array:
    return ratio(np.vecdot(a, b), np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1))


def _pearson(a: Array, b: Array) -> Array:
    return _cosine(_less_mean(a), _less_mean(b))


def _spearman(a: Array, b: Array) -> Array:
    from scipy.stats import rankdata

    return _pearson(rankdata(_with_ties(a), axis=-1), rankdata(_with_ties(b), axis=-1))


def _tau_a(a: Array, b: Array) -> Array:
    n = a.shape[-1]
    return _concordance(_with_ties(a), _with_ties(b)) / (n * (n - 1) / 2)


def _tau_b(a: Array, b: Array) -> Array:
    a, b = _with_ties(a), _with_ties(b)
    return ratio(_concordance(a, b), np.sqrt(_concordance(a, a)) * np.sqrt(_concordance(b, b)))


def _concordance(a: Array, b: Array) -> Array:
    """Count the pairs of entries that both lists put in the same order, less those in opposite orders."""
    signs = ((np.sign(d[..., k, None] - d[..., :k]) for d in (a, b)) for k in range(1, a.shape[-1]))
    return sum((np.vecdot(one, other) for one, other in signs), start=np.zeros(()))


def _less_mean(d: Array) -> Array:
    """Centre a list; zeros where all is equal."""
    return np.where(
        np.ptp(d, axis=-1, keepdims=True) > GRID * _largest(d), d - d.mean(axis=-1, keepdims=True), 0
    )


def _with_ties(d: Array) -> Array:
    """Count dissimilarities in whole steps, so that what is equal but for rounding ties."""
    return np.rint(d / step_of(_largest(d)))


def _largest(d: Array) -> Array:
    return d.max(axis=-1, keepdims=True)


COMPARISONS = {
    "pearson": _pearson,
    "spearman": _spearman,
    "kendall_tau_a": _tau_a,
    "kendall_tau_b": _tau_b,
    "cosine": _cosine,
}
