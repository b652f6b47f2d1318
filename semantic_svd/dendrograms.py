"""Which items a matrix holds together: distances, linkage, leaf order, agreement with the data's tree.

Hierarchical data tie a lot, and the last bit of a sum breaks a tie. So the distances are first put on a grid
of steps of 1e-9 of the largest: what ties in the data ties exactly, and noise of 1e-12 changes no tree.

scipy's optimal leaf ordering is not always optimal (https://github.com/scipy/scipy/issues/11227), so up to
12 items all orders that the tree allows are searched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist, squareform

from semantic_svd.errors import InputError

__all__ = [
    "METHODS",
    "METRICS",
    "Tree",
    "agreement",
    "clade_support",
    "clades",
    "cophenetic",
    "distances",
    "linkage",
]

METHODS = ("average", "complete", "single", "ward")
METRICS = ("euclidean", "cityblock", "cosine", "correlation")
EXACT_UP_TO = 12  # items: 2048 orders
GRID = 1e-9  # of the largest distance
EQUAL = 1e-12  # items that differ by less, relative to the largest entry, are one item

Matrix = Any  # ndarray, DataArray, DataFrame or Items; the last two axes are (item, property) or (item, unit)


@dataclass(frozen=True, eq=False, repr=False)
class Tree:
    """A dendrogram of items: its links and the order of its leaves.

    Attributes
    ----------
    Z : ndarray of shape (n_items - 1, 4)
        The links as scipy writes them: two children, height, number of items. The left child stands first,
        so that ``scipy.cluster.hierarchy.leaves_list(Z)`` is `order`.
    items : tuple of str
        The names of the items, in the order of the matrix.
    order : tuple of int
        The items from left to right.
    exact : bool
        True if no order that the tree allows has a smaller sum of distances between neighbours;
        False if the order is that of scipy's heuristic.
    """

    Z: NDArray[np.float64]
    items: tuple[str, ...]
    order: tuple[int, ...]
    exact: bool

    def __repr__(self) -> str:
        return f"Tree({len(self)} items, {'exact' if self.exact else 'heuristic'} leaf order)"

    def __len__(self) -> int:
        return len(self.items)

    @property
    def leaves(self) -> tuple[str, ...]:
        """The names of the items from left to right."""
        return tuple(self.items[i] for i in self.order)

    def segments(self, groups: Sequence[Any] | None = None) -> tuple[NDArray[np.float64], tuple[Any, ...]]:
        """Give what a plot draws: one bracket a link, and the group it belongs to.

        Parameters
        ----------
        groups : sequence of length n_items, optional
            The group of each item, in the order of `items` (names of categories, or what `clades` gives).

        Returns
        -------
        lines : ndarray of shape (n_items - 1, 4, 2)
            The points (x, y) of each bracket, from the left child up, across, and down to the right child.
            Leaf ``order[j]`` stands at x = j, y = 0; y is the height. A list for matplotlib's LineCollection.
        link_groups : tuple of length n_items - 1
            The group that all items under a link share; None if they share none.

        Raises
        ------
        InputError
            If `groups` does not give one group an item.

        Examples
        --------
        >>> tree = linkage([[0.0], [10.0], [1.0]])
        >>> tree.order
        (0, 2, 1)
        >>> lines, link_groups = tree.segments(["near", "far", "near"])
        >>> lines[0].round(6).tolist()
        [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]]
        >>> link_groups
        ('near', None)
        """
        n, (left, right) = len(self), self.Z[:, :2].astype(int).T
        x, y = np.empty(2 * n - 1), np.concatenate([np.zeros(n), self.Z[:, 2]])
        x[list(self.order)] = np.arange(n)
        for link, (a, b) in enumerate(zip(left, right, strict=True)):
            x[n + link] = (x[a] + x[b]) / 2
        lines = np.stack([x[left], y[left], x[left], y[n:], x[right], y[n:], x[right], y[right]], axis=1)
        return lines.reshape(n - 1, 4, 2), _link_groups(self, groups)


def distances(matrix: Matrix, metric: str = "euclidean") -> xr.DataArray:
    """Measure how far apart the items are.

    Parameters
    ----------
    matrix : array of shape (..., n_items, n_properties)
        Items by properties, or the activity of a layer, items by units. Leading axes (seed, epoch) are kept.
    metric : {"euclidean", "cityblock", "cosine", "correlation"}
        As scipy names them.

    Returns
    -------
    DataArray of dims (..., item, item_2)
        NaN where the matrix is not finite.

    Raises
    ------
    InputError
        If the metric is unknown or the matrix has fewer than two axes.

    Examples
    --------
    >>> distances([[0.0, 0.0], [3.0, 4.0]]).values
    array([[0., 5.],
           [5., 0.]])
    """
    array = _labelled(matrix)
    stack = array.values.reshape(-1, *array.shape[-2:])
    squares = [squareform(condensed, checks=False) for condensed in _condensed(stack, metric)]
    n = array.sizes["item"]
    return xr.DataArray(
        np.reshape(squares, (*array.shape[:-2], n, n)),
        dims=(*array.dims[:-1], "item_2"),
        coords={**_coords(array, array.dims[:-1]), "item_2": array["item"].values},
    )


def linkage(matrix: Matrix, method: str = "average", metric: str = "euclidean") -> Tree:
    """Join the items pair by pair into a tree, and order its leaves.

    Of the 2^(n_items - 1) orders that the tree allows, the one with the smallest sum of distances between
    neighbours is taken; among equals, the one nearest to the items' own order (fewest pairs turned round).
    Up to 12 items all orders are searched; above, the order is scipy's (or the items' own, if that is no longer)
    and ``exact`` is False.

    Parameters
    ----------
    matrix : array of shape (n_items, n_properties)
        At least two items, all values finite. Hidden activity, shape (n_items, n_units), does as well.
    method : {"average", "complete", "single", "ward"}
        How the distance between two groups follows from those between their items.
    metric : {"euclidean", "cityblock", "cosine", "correlation"}
        The distance between two items.

    Returns
    -------
    Tree
        Heights are true to a 1e-9th of the largest distance.

    Raises
    ------
    InputError
        If the matrix is no single finite matrix of two or more items, the method or metric is unknown, ward
        stands beside another metric than euclidean, or a distance is undefined (zeros have no cosine).

    References
    ----------
    Bar-Joseph, Gifford & Jaakkola (2001), Fast optimal leaf ordering for hierarchical clustering.
    Bioinformatics 17, S22-S29. doi:10.1093/bioinformatics/17.suppl_1.S22

    Examples
    --------
    >>> tree = linkage([[1, 1, 0, 0], [0, 0, 1, 1], [1, 1, 1, 0], [0, 0, 1, 0]])
    >>> tree
    Tree(4 items, exact leaf order)
    >>> tree.order
    (0, 2, 3, 1)
    >>> tree.Z[:, 2].round(3).tolist()
    [1.0, 1.0, 1.72]
    """
    array = _labelled(matrix)
    if array.ndim != 2:
        raise InputError(
            f"a tree is of one matrix (item, property), not of shape {array.shape}: select seed and epoch"
        )
    condensed = _condensed(array.values[None], metric)[0]
    if not np.isfinite(condensed).all():
        raise InputError(
            f"the {metric} distances between the items are not all finite: a tree needs finite values"
        )
    _check_method(method, metric)
    steps, size = _on_grid(condensed)
    Z = hierarchy.linkage(steps, method)
    order, exact = _leaf_order(Z, steps)
    Z = _turned(Z, order)
    Z[:, 2] *= size
    return Tree(Z, tuple(map(str, array["item"].values)), order, exact)


def cophenetic(tree: Tree) -> NDArray[np.float64]:
    """Read the distances between the items off the tree: the height at which two items meet.

    Returns
    -------
    ndarray of shape (n_items * (n_items - 1) / 2,)
        In scipy's condensed order: items (0, 1), (0, 2), ..., (1, 2), ...

    References
    ----------
    Sokal & Rohlf (1962), The comparison of dendrograms by objective methods. Taxon 11(2), 33-40.
    doi:10.2307/1217208

    Examples
    --------
    >>> cophenetic(linkage([[0.0], [1.0], [10.0]])).round(6).tolist()
    [1.0, 9.5, 9.5]
    """
    return hierarchy.cophenet(tree.Z)


def clades(tree: Tree, n: int) -> xr.DataArray:
    """Cut the tree into n groups; for colours that stay with the items.

    Parameters
    ----------
    n : int
        The number of groups, from 1 to the number of items.

    Returns
    -------
    DataArray of dims (item,)
        The group of each item, 0 to n - 1, numbered by their first items in the order of the matrix. Links of
        equal height are cut from the last one on, so there are n groups even where the heights tie.

    Raises
    ------
    InputError
        If there cannot be n groups.

    Examples
    --------
    >>> clades(linkage([[0.0], [9.0], [1.0], [8.0]]), 2).values
    array([0, 1, 0, 1])
    """
    if not 1 <= n <= len(tree):
        raise InputError(f"{n} groups: a tree of {len(tree)} items is cut into 1 to {len(tree)} groups")
    last = (
        2 * len(tree) - n
    )  # the links from here on are cut; the nodes they leave without a parent are the groups
    children = tree.Z[:, :2].astype(int)
    cut = {2 * len(tree) - 2} | set(children[last - len(tree) :].ravel().tolist())
    groups = _members(tree.Z[None])[0][sorted(node for node in cut if node < last)]
    groups = groups[np.argsort(groups.argmax(1))]
    return xr.DataArray(groups.argmax(0), dims="item", coords={"item": list(tree.items)})


def agreement(
    response: Matrix, data: Matrix, method: str = "average", metric: str = "euclidean"
) -> xr.DataArray:
    """Correlate the tree of each response with the tree of the data: progressive differentiation as a number.

    The number is Pearson's correlation between the cophenetic distances of the two trees: 1 if they are
    the same tree up to scale. 20 seeds by 200 epochs of 8 items are 4,000 trees and take about a quarter of
    a second; thin the epochs (every tenth, or "log") when there are more than 50,000 trees or 100 items.

    Parameters
    ----------
    response : array of shape (..., n_items, n_properties)
        Responses or hidden activity, with any leading axes (seed, epoch).
    data : array of shape (n_items, n_properties)
        The item-property matrix. Its items are those of the response; its properties may be others.
    method, metric : str
        As for `linkage`; the same for both trees.

    Returns
    -------
    DataArray of dims (...)
        From -1 to 1. NaN where the response is not finite (a seed that ended) or all its items are equally
        far apart (as at the start of a net with zero weights), where no correlation is defined.

    Raises
    ------
    InputError
        As for `linkage`; or if the items differ, or the data's items are all equally far apart.

    References
    ----------
    Sokal & Rohlf (1962), The comparison of dendrograms by objective methods. Taxon 11(2), 33-40.
    doi:10.2307/1217208

    Examples
    --------
    >>> data = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 0]])
    >>> agreement(np.stack([0 * data, data[:, ::-1], 3 * data]), data).round(3).values
    array([nan,  1.,  1.])
    """
    array, Z, _ = _trees_beside(response, data, method, metric)
    heights = _cophenetic(Z)
    centred = heights - heights.mean(1, keepdims=True)
    centred[np.ptp(heights, axis=1) <= 2 * GRID * heights.max(1)] = np.nan
    if np.isnan(centred[-1]).any():
        raise InputError(
            "the items of the data are all equally far apart: no tree agrees or disagrees with theirs"
        )
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    return _by_index(array, centred[:-1] @ centred[-1])


def clade_support(
    response: Matrix, data: Matrix, method: str = "average", metric: str = "euclidean"
) -> xr.DataArray:
    """Look for each clade of the data's tree in the tree of each response.

    The mean over seeds is the support of a clade, as in phylogenetics; one minus the mean over clades is a
    distance between the trees (the share of the data's clades that is missing; Robinson & Foulds count them).
    A clade is a group of items under one link. Single items and the whole set are in every tree and are left
    out, and so are links without a stem (as high as the link above), for chance decides who is in them.

    Parameters
    ----------
    response, data, method, metric
        As for `agreement`.

    Returns
    -------
    DataArray of dims (..., clade)
        1 where the response holds the clade, 0 where not, NaN where the response is not finite or all its items
        are one. The labels are the names of the items joined by " + "; the lowest link stands first.

    Raises
    ------
    InputError
        As for `linkage`; or if the items differ.

    References
    ----------
    Felsenstein (1985), Confidence limits on phylogenies. Evolution 39(4), 783-791. doi:10.2307/2408678

    Robinson & Foulds (1981), Comparison of phylogenetic trees. Mathematical Biosciences 53, 131-147.
    doi:10.1016/0025-5564(81)90043-2

    Examples
    --------
    >>> data = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 0]])
    >>> found = clade_support(np.stack([data, data[[0, 2, 1, 3]]]), data)
    >>> found.clade.values.tolist()
    ['0 + 1', '2 + 3']
    >>> found.values
    array([[1., 1.],
           [0., 0.]])
    """
    array, Z, names = _trees_beside(response, data, method, metric)
    n = len(names)
    groups = _members(Z)[:, n:-1].astype(float) * _stems(Z)[:, n:-1, None]
    wanted = groups[-1][groups[-1].any(1)]
    shared = groups[:-1] @ wanted.T  # (trees, links, clades): how many items both have
    same = (shared == wanted.sum(1)) & (shared == groups[:-1].sum(2)[..., None])
    found = np.where(np.isnan(Z[:-1, :1, 2]), np.nan, same.any(1))
    labels = [" + ".join(np.array(names)[group > 0]) for group in wanted]
    return _by_index(array, found, clade=labels)


def _labelled(matrix: Matrix) -> xr.DataArray:
    """Give the matrix as floats, dims (..., item, column), with a name for each item."""
    if isinstance(matrix, pd.DataFrame):
        matrix = xr.DataArray(matrix.to_numpy(), dims=("item", "column"), coords={"item": list(matrix.index)})
    elif not isinstance(matrix, np.ndarray | xr.DataArray):
        matrix = getattr(matrix, "array", matrix)
    if not isinstance(matrix, xr.DataArray):
        matrix = np.asarray(matrix)
        extra = matrix.ndim - 2
        leading = ("seed", "epoch")[2 - extra :] if extra <= 2 else [f"axis_{i}" for i in range(extra)]
        matrix = xr.DataArray(
            matrix, dims=(*leading, "item", "column")[-matrix.ndim :] if matrix.ndim else ()
        )
    if matrix.ndim < 2 or ("item" in matrix.dims and matrix.dims[-2] != "item"):
        raise InputError(
            f"axes {matrix.dims}: the last two axes of a matrix are (item, property) or (item, unit)"
        )
    if matrix.dims[-2] != "item":
        matrix = matrix.rename({matrix.dims[-2]: "item"})
    if "item" not in matrix.coords:
        matrix = matrix.assign_coords(item=[str(i) for i in range(matrix.sizes["item"])])
    return matrix.astype(float)


def _by_index(array: xr.DataArray, values: NDArray[np.float64], **last: list[str]) -> xr.DataArray:
    """Label one value (or one row of values) for each leading index of the array."""
    leading = array.dims[:-2]
    shape = (*array.shape[:-2], *values.shape[1:])
    return xr.DataArray(
        values.reshape(shape), dims=(*leading, *last), coords={**_coords(array, leading), **last}
    )


def _coords(array: xr.DataArray, dims: tuple[Any, ...]) -> dict[Any, Any]:
    return {dim: array[dim].values for dim in dims if dim in array.coords}


def _condensed(stack: NDArray[np.float64], metric: str) -> list[NDArray[np.float64]]:
    """Measure the distances of each matrix in the stack, in scipy's condensed order."""
    if metric not in METRICS:
        raise InputError(f"metric {metric!r} is unknown: it is one of {', '.join(METRICS)}")
    if stack.shape[1] < 2:
        raise InputError(
            f"{stack.shape[1]} item has no distance to another: a matrix needs two items or more"
        )
    return [pdist(matrix, metric) for matrix in stack]


def _check_method(method: str, metric: str) -> None:
    if method not in METHODS:
        raise InputError(f"method {method!r} is unknown: it is one of {', '.join(METHODS)}")
    if method == "ward" and metric != "euclidean":
        raise InputError(
            f"method 'ward' beside metric {metric!r}: ward is defined for euclidean distances only"
        )


def _on_grid(condensed: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Count the distances in whole steps, and give the size of a step."""
    size = GRID * condensed.max() or 1.0
    return np.rint(condensed / size), size


def _leaf_order(Z: NDArray[np.float64], steps: NDArray[np.float64]) -> tuple[tuple[int, ...], bool]:
    """Find the shortest order, and among equals the nearest to the items' own; say if all orders were searched."""
    n = len(Z) + 1
    exact = n <= EXACT_UP_TO
    orders = _allowed_orders(Z) if exact else _likely_orders(Z, steps)
    length = squareform(steps)[orders[:, :-1], orders[:, 1:]].sum(1)
    orders = orders[length <= length.min() + n]  # each distance is rounded to half a step
    before, after = np.triu_indices(n, 1)
    turned_round = (orders[:, before] > orders[:, after]).sum(1)
    return min(map(tuple, orders[turned_round == turned_round.min()].tolist())), exact


def _allowed_orders(Z: NDArray[np.float64]) -> NDArray[np.int_]:
    """List all orders of the leaves that cross no link: (2^(n_items - 1), n_items)."""
    orders = [np.array([[leaf]]) for leaf in range(len(Z) + 1)]
    for a, b in Z[:, :2].astype(int):
        one = np.repeat(orders[a], len(orders[b]), axis=0)
        other = np.tile(orders[b], (len(orders[a]), 1))
        orders.append(np.concatenate([np.hstack([one, other]), np.hstack([other, one])]))
    return orders[-1]


def _likely_orders(Z: NDArray[np.float64], steps: NDArray[np.float64]) -> NDArray[np.int_]:
    """Give scipy's order both ways round, and the one that keeps to the items' own order: (3, n_items)."""
    # scipy counts in float32 and takes 2^30 for infinity: the largest distance is made 1
    scipys = hierarchy.leaves_list(hierarchy.optimal_leaf_ordering(Z, GRID * steps))
    own = hierarchy.leaves_list(_turned(Z, tuple(range(len(Z) + 1))))
    return np.stack([scipys, scipys[::-1], own])


def _turned(Z: NDArray[np.float64], order: tuple[int, ...]) -> NDArray[np.float64]:
    """Turn each link so that its left child stands first."""
    Z = Z.copy()
    start = np.argsort(order).tolist()  # where the leaves of each node begin
    for link, (a, b) in enumerate(Z[:, :2].astype(int)):
        if start[a] > start[b]:
            Z[link, :2] = b, a
        start.append(min(start[a], start[b]))
    return Z


def _link_groups(tree: Tree, groups: Sequence[Any] | None) -> tuple[Any, ...]:
    """Give each link the group that all items under it share, or None."""
    if groups is None:
        return (None,) * (len(tree) - 1)
    groups = np.asarray(groups).tolist()
    if len(groups) != len(tree):
        raise InputError(
            f"{len(groups)} groups for {len(tree)} items: a tree is drawn with one group an item"
        )
    common = list(groups)
    for a, b in tree.Z[:, :2].astype(int):
        common.append(common[a] if common[a] == common[b] else None)
    return tuple(common[len(tree) :])


def _trees_beside(
    response: Matrix, data: Matrix, method: str, metric: str
) -> tuple[xr.DataArray, NDArray[np.float64], tuple[str, ...]]:
    """Link the items of each response (heights in steps) and last those of the data: (trees, links, 4)."""
    array, reference = _labelled(response), linkage(data, method, metric)
    names = tuple(map(str, array["item"].values))
    if names != reference.items:
        raise InputError(
            f"the response has the items {_list(names)}, the data {_list(reference.items)}: not the same"
        )
    stack = array.values.reshape(-1, *array.shape[-2:])
    Z = np.full((len(stack) + 1, len(names) - 1, 4), np.nan)
    Z[:-1, :, :2], Z[-1] = reference.Z[:, :2], reference.Z  # any links do where the heights are NaN
    apart = np.ptp(stack, axis=1).max(1) > EQUAL * np.abs(stack).max((1, 2))  # False where NaN
    for i, condensed in enumerate(_condensed(stack, metric)):
        if apart[i] and np.isfinite(condensed).all():
            Z[i] = hierarchy.linkage(_on_grid(condensed)[0], method)
    return array, Z, names


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names if len(names) <= 12 else (*names[:11], "..."))


def _members(Z: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which items each node of each tree holds: (trees, 2 * n_items - 1, n_items)."""
    trees, n = np.arange(len(Z)), Z.shape[1] + 1
    members = np.zeros((len(Z), 2 * n - 1, n), dtype=bool)
    members[:, :n] = np.eye(n, dtype=bool)
    for link, (a, b) in enumerate(Z[:, :, :2].astype(int).transpose(1, 2, 0)):
        members[:, n + link] = members[trees, a] | members[trees, b]
    return members


def _cophenetic(Z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Read the heights at which two items meet off all trees at once: (trees, pairs)."""
    trees, n = np.arange(len(Z))[:, None], Z.shape[1] + 1
    members = _members(Z).astype(float)
    left, right = (members[trees, Z[:, :, child].astype(int)] for child in (0, 1))
    meet = np.matmul((left * Z[:, :, 2, None]).transpose(0, 2, 1), right)  # left item by right item
    before, after = np.triu_indices(n, 1)
    return meet[:, before, after] + meet[:, after, before]


def _stems(Z: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which nodes of each tree stand clearly below the link above them: (trees, 2 * n_items - 1)."""
    trees, n = np.arange(len(Z)), Z.shape[1] + 1
    above = np.full((len(Z), 2 * n - 1), np.nan)
    for link, (a, b) in enumerate(Z[:, :, :2].astype(int).transpose(1, 2, 0)):
        above[trees, a] = above[trees, b] = Z[:, link, 2]
    heights = np.concatenate([np.zeros((len(Z), n)), Z[:, :, 2]], axis=1)
    return above - heights > 2 * GRID * heights[:, -1:]  # False at the top and where NaN
