"""Distances between the items of each matrix of a stack, and the grid on which those that differ by rounding tie."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from semantic_svd.matrices import Array

__all__ = ["GRID", "row_distances", "step_of"]

GRID = 1e-9  # of the largest number: what differs by less, differs by rounding
EPS = float(np.finfo(float).eps)


def row_distances(A: Array, metric: str, eps: float = EPS) -> NDArray[np.float64]:
    """Measure the distances (..., pair) between the rows of matrices (..., item, unit), pairs as scipy orders them.

    Cosine and correlation compare directions. Those that differ by rounding alone, eps of the numbers' type, are 0
    apart. A row of zeros has none, for correlation neither one that is constant but for rounding: these are NaN apart.

    Examples
    --------
    >>> row_distances(np.array([[0.1, 0.2], [0.3, 0.6], [0.7, 0.7]]), "correlation")
    array([ 0., nan, nan])
    """
    directions, units = metric in ("cosine", "correlation"), A.shape[-1]
    if directions:
        largest = np.abs(A).max(axis=-1, keepdims=True)
        A = A / np.where(largest > 0, largest, 1)
    if metric == "correlation":
        size = np.linalg.norm(A, axis=-1, keepdims=True)
        A = A - A.mean(axis=-1, keepdims=True)
        A = np.where(np.linalg.norm(A, axis=-1, keepdims=True) > units * eps * size, A, 0)
        metric = "cosine"
    stack = A.reshape(-1, *A.shape[-2:])
    found = np.reshape([pdist(one, metric) for one in stack], (*A.shape[:-2], -1))
    return np.where(found <= units * max(EPS, eps**2), 0, found) if directions else found


def step_of(largest: Any) -> Any:
    """Return the step of the grid on which numbers up to the largest are counted; 1 where all are 0."""
    return np.where(largest > 0, GRID * largest, 1.0)
