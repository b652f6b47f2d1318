"""Paths of items: how the items drift apart in the space of a layer, drawn in the plane while a network learns.

A layer has more dimensions than paper. The two principal components of its activity show the first forks and lay all
later ones over each other; multidimensional scaling keeps all distances as well as two dimensions can.
"""

import numpy as np
import xarray as xr
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.distance import pdist, squareform

from semantic_svd.dendrograms import linkage
from semantic_svd.dendrograms.trees import beside, coords_of
from semantic_svd.errors import InputError
from semantic_svd.matrices import Array, Matrix

__all__ = ["item_paths"]

STEPS = 300  # of the scaling, at most; it stops when a step betters the fit by less than 1e-6
FINE_ENOUGH = 1e-6


def item_paths(activity: Matrix, data: Matrix) -> xr.DataArray:
    """Lay the items of all epochs out in one plane, so that distances there are those between activities.

    Each epoch is centred on the mean of its items: what all items share moves none of them away from another. Then
    each item at each epoch is a point, and metric multidimensional scaling (SMACOF) places the points of a seed,
    starting from the plane through the space of the layer in which the items end most nearly on a circle, in the leaf
    order of the data's tree. Last, the plane is turned, or turned over, until the items end as near as can be to that
    circle. So all seeds, layers and rules can be laid over each other, and nothing is left to chance; but which way a
    fork turns is the circle's choice, not a finding.

    Parameters
    ----------
    activity : array of shape (..., n_epochs, n_items, n_units)
        Of a hidden layer, or responses; with an axis epoch. All epochs weigh alike, so choose them as you would show
        them. The work grows with the square of n_epochs * n_items: a thousand points take seconds.
    data : array of shape (n_items, n_properties)
        The item-property matrix.

    Returns
    -------
    DataArray of dims (..., epoch, item, axis)
        In units of the activity; NaN after a seed's end. The coordinate ``explained``, (...), is the dispersion that
        the plane accounts for: 1 less the squared errors of all distances over the squared distances.

    Raises
    ------
    InputError
        If there is no axis epoch, the items differ, or the data have no tree.

    References
    ----------
    Rogers & McClelland (2004), Semantic cognition: a parallel distributed processing approach, MIT Press, chapter 3:
    such paths of eight items.

    Borg & Groenen (2005), Modern multidimensional scaling, chapters 8 and 11. doi:10.1007/0-387-28981-X

    Examples
    --------
    >>> data = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    >>> paths = item_paths(np.stack([0 * data, 1 * data, 2 * data]), data)
    >>> paths.dims, float(paths.explained.round(6))
    (('epoch', 'item', 'axis'), 1.0)
    >>> np.hypot(*paths.transpose("axis", ...)).values.round(6)
    array([[0., 0., 0., 0.],
           [1., 1., 1., 1.],
           [2., 2., 2., 2.]])
    """
    array, wanted = beside(activity, data)
    if "epoch" not in array.dims:
        raise InputError(f"paths need an axis named epoch; got {array.dims}")
    array = array.transpose(..., "epoch", *array.dims[-2:])
    circle = _circle(linkage(wanted).order)
    stack = array.values.reshape(-1, *array.shape[-3:])
    places = np.full((*stack.shape[:-1], 2), np.nan)
    explained = np.full(len(stack), np.nan)
    for seed, points in enumerate(stack):
        there = np.isfinite(points).all((1, 2))
        if there.any():
            places[seed, there], explained[seed] = _laid_out(points[there], circle)
    lead = array.dims[:-3]
    coords = {**coords_of(array, array.dims[:-1]), "axis": [1, 2]}
    found = xr.DataArray(places.reshape(*array.shape[:-1], 2), coords, (*array.dims[:-1], "axis"))
    return found.assign_coords(explained=(lead, explained.reshape(array.shape[:-3])))


def _circle(order: tuple[int, ...]) -> Array:
    """Place the items on a circle, clockwise from the top in the order of the leaves: (item, axis)."""
    angles = 2 * np.pi * (np.argsort(order) + 0.5) / len(order)
    return np.column_stack([np.sin(angles), np.cos(angles)])


def _laid_out(points: Array, circle: Array) -> tuple[Array, float]:
    """Scale the points of a seed, (epoch, item, unit), to the plane, and say how much that explains."""
    from sklearn.manifold import smacof

    points = points - points.mean(1, keepdims=True)
    distances = squareform(pdist(points.reshape(-1, points.shape[-1])))
    if not distances.any():
        return np.zeros((*points.shape[:-1], 2)), np.nan
    start = (points @ _plane(points[-1], circle)).reshape(-1, 2)
    options = {"n_init": 1, "max_iter": STEPS, "eps": FINE_ENOUGH, "normalized_stress": False}
    places, stress = smacof(distances, n_components=2, init=start, **options)
    places = places.reshape(*points.shape[:-1], 2)
    turn, _ = orthogonal_procrustes(places[-1], circle)
    return places @ turn, 1 - 2 * stress / (distances**2).sum()


def _plane(ends: Array, circle: Array) -> Array:
    """Give the plane, (unit, axis), on which the points where the items end fall nearest to the circle."""
    U, _, Vt = np.linalg.svd(ends.T @ circle, full_matrices=False)
    return U @ Vt
