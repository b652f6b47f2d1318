"""Trees of items: distances, linkage, leaf order, and the clades they are cut into.

Hierarchical data tie a lot, and the last bit of a sum breaks a tie. So the distances are first put on a grid
of steps of 1e-9 of the largest: what ties in the data ties exactly, and noise of 1e-12 changes no tree.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from semantic_svd.dendrograms.order import shortest_order
from semantic_svd.distances import GRID, row_distances, step_of
from semantic_svd.errors import InputError
from semantic_svd.matrices import Array, Matrix, labelled

METHODS = ("average", "complete", "single", "ward")
METRICS = ("euclidean", "cityblock", "cosine", "correlation")
EXACT_UP_TO = 1000  # items: two seconds; the time grows with the cube


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
        False if there were too many items to look for it, and the leaves keep to the items' own order.
    """

    Z: Array
    items: tuple[str, ...]
    order: tuple[int, ...]
    exact: bool

    def __repr__(self) -> str:
        return f"Tree({len(self)} items, {'exact' if self.exact else 'own'} leaf order)"

    def __len__(self) -> int:
        return len(self.items)

    @property
    def leaves(self) -> tuple[str, ...]:
        """The names of the items from left to right."""
        return tuple(self.items[i] for i in self.order)

    def segments(self, groups: Sequence[Any] | None = None) -> tuple[Array, tuple[Any, ...]]:
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
        NaN where a matrix of a stack is not finite.

    Raises
    ------
    InputError
        If the metric is unknown, the matrix has fewer than two axes, or a single one is not finite.

    Examples
    --------
    >>> distances([[0.0, 0.0], [3.0, 4.0]]).values
    array([[0., 5.],
           [5., 0.]])
    """
    array = items_first(matrix)
    squares = [squareform(pairs, checks=False) for pairs in pair_distances(array, metric)]
    n = array.sizes["item"]
    return xr.DataArray(
        np.reshape(squares, (*array.shape[:-2], n, n)),
        dims=(*array.dims[:-1], "item_2"),
        coords={**coords_of(array, array.dims[:-1]), "item_2": array["item"].values},
    )


def linkage(matrix: Matrix, method: str = "average", metric: str = "euclidean") -> Tree:
    """Join the items pair by pair into a tree, and order its leaves.

    Of the 2^(n_items - 1) orders that the tree allows, the one with the smallest sum of distances between
    neighbours is taken; among equals, the one nearest to the items' own order (fewest pairs turned round). That
    takes two seconds for 1,000 items; where there are more, the leaves keep to the items' own order as far as the
    tree allows, and ``exact`` is False.

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
        Heights are true to a 1e-9th of the largest distance, and so is each distance that the order sums.

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
    array = _one_matrix(matrix)
    Z, steps = links(pair_distances(array, metric)[0], method, metric)
    n, own = len(Z) + 1, tuple(range(len(Z) + 1))
    order = shortest_order(Z[:, :2].astype(int), squareform(steps), slack=n) if n <= EXACT_UP_TO else own
    Z = _turned(Z, order)
    return Tree(Z, names_of(array), tuple(hierarchy.leaves_list(Z).tolist()), exact=n <= EXACT_UP_TO)


def hangs_on_ties(matrix: Matrix, method: str = "average", metric: str = "euclidean") -> bool:
    """Tell whether the tree would be another one if the same items stood in another order.

    Where an item is equally far from two others that are farther from each other (items in a chain, or taxonomies
    that cross), either may be joined first, and their order decides. What has learned such items to a millionth still
    joins them as its errors have it. `agreement` and `robinson_foulds` allow for that, and what is said of the data's
    clades (`clade_support`, `within_to_between`, `stages.levels`) is of those that they have either way.

    Parameters
    ----------
    matrix, method, metric
        As for `linkage`.

    Returns
    -------
    bool
        Ties are settled by chance ten times, always the same: one tie between two is overlooked once in a thousand
        times. Links of equal height that make one fork are no such tie.

    Raises
    ------
    InputError
        As for `linkage`.

    Examples
    --------
    >>> pairs, chain = [[0.0], [1.0], [5.0], [7.0]], [[0.0], [1.0], [2.0], [3.0], [4.0]]
    >>> hangs_on_ties(pairs), hangs_on_ties(chain)
    (False, True)
    """
    heights = map(hierarchy.cophenet, _settled_trees(_one_matrix(matrix), method, metric, 10))
    meet = next(heights)
    return any((abs(other - meet) > 2 * GRID * meet.max()).any() for other in heights)


def cophenetic(tree: Tree) -> Array:
    """Read the distances between the items off the tree: the height at which two items meet.

    Parameters
    ----------
    tree : Tree

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
    tree : Tree
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
    firsts = np.empty(len(tree), dtype=int)  # of the group of each item; larger nodes come later
    for node in items_under(tree.Z)[: 2 * len(tree) - n]:  # the last n - 1 links are cut
        firsts[list(node)] = min(node)
    groups = np.unique(firsts, return_inverse=True)[1]
    return xr.DataArray(groups, {"item": list(tree.items)}, ("item",))


# ----------------------------------------------------------------------------------------- for the other modules


def items_first(matrix: Matrix) -> xr.DataArray:
    """Give the matrix with labels, dims (..., item, property or unit), and a name for each item."""
    array = labelled(matrix)
    if "item" in array.dims and array.dims[-2] != "item":
        raise InputError(
            f"axes {array.dims}: the last two axes of a matrix are (item, property) or (item, unit)"
        )
    array = array.rename({array.dims[-2]: "item"}).astype(float)
    return array if "item" in array.coords else array.assign_coords(item=np.arange(array.sizes["item"]))


def _one_matrix(matrix: Matrix) -> xr.DataArray:
    array = items_first(matrix)
    if array.ndim != 2:
        raise InputError(
            f"a tree is of one matrix (item, property), not of shape {array.shape}: select seed and epoch"
        )
    return array


def names_of(array: xr.DataArray) -> tuple[str, ...]:
    """Give the names of the items."""
    return tuple(map(str, array["item"].values))


def beside(response: Matrix, data: Matrix) -> tuple[xr.DataArray, xr.DataArray]:
    """Give both with labels; they are over the same items, and the data are one matrix."""
    array, wanted = items_first(response), items_first(data)
    if wanted.ndim != 2:
        raise InputError(
            f"the data's tree is of one matrix (item, property), not of shape {wanted.shape}: select seed and epoch"
        )
    if names_of(array) != names_of(wanted):
        raise InputError(
            f"the response has the items {_list(names_of(array))}, the data {_list(names_of(wanted))}: not the same"
        )
    return array, wanted


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names if len(names) <= 12 else (*names[:11], "..."))


def coords_of(array: xr.DataArray, dims: tuple[Any, ...]) -> dict[Any, Any]:
    """Give the labels of some axes, of those that have labels."""
    return {dim: array[dim].values for dim in dims if dim in array.coords}


def pair_distances(array: xr.DataArray, metric: str) -> Array:
    """Measure the distances (matrix, pair) between the items of each matrix of a stack, in scipy's condensed order."""
    if metric not in METRICS:
        raise InputError(f"metric {metric!r} is unknown: it is one of {', '.join(METRICS)}")
    if array.sizes["item"] < 2:
        raise InputError(
            f"{array.sizes['item']} item has no distance to another: a matrix needs two items or more"
        )
    return row_distances(array.values.reshape(-1, *array.shape[-2:]), metric)


def links(pairs: Array, method: str, metric: str, settled_by: Array | None = None) -> tuple[Array, Array]:
    """Join the items by the distances between their pairs; give the links, and the distances in whole steps.

    Where joins tie, other distances of the same pairs may settle which comes first; else the items' order does.
    """
    if method not in METHODS:
        raise InputError(f"method {method!r} is unknown: it is one of {', '.join(METHODS)}")
    if method == "ward" and metric != "euclidean":
        raise InputError(
            f"method 'ward' beside metric {metric!r}: ward is defined for euclidean distances only"
        )
    if not np.isfinite(pairs).all():
        raise InputError(
            f"the {metric} distances between the items are not all finite: a tree needs finite values"
        )
    size = step_of(pairs.max())
    steps = np.rint(pairs / size)
    if settled_by is not None and steps.any():
        steps += _nudges(steps, settled_by)
    Z = hierarchy.linkage(steps, method)
    Z[:, 2] *= size
    return Z, steps


def _nudges(steps: Array, others: Array) -> Array:
    """Give what others differ by at a common scale, as parts of a step that are too small to part what does not tie.

    What they have in common is taken out, so that what is left is large enough to be told apart however small it is.
    """
    apart = others - steps * (steps @ others) / (steps @ steps)
    return apart / (4 * np.abs(apart).max() or 1.0)


def items_under(Z: Array) -> list[frozenset[int]]:
    """Say which items each node of a tree holds: first the items themselves, then the links."""
    nodes = [frozenset([item]) for item in range(len(Z) + 1)]
    for a, b in Z[:, :2].astype(int).tolist():
        nodes.append(nodes[a] | nodes[b])
    return nodes


def clades_of(Z: Array) -> list[frozenset[int]]:
    """Give the clades of a tree, the lowest first: the items under each link that stands clearly below the next.

    Links of equal height, each under the next, are one fork of many branches: which two of its branches were joined
    first is chance. So a link without a stem is no clade. The whole set is in every tree, and is left out.
    """
    n = len(Z) + 1
    above = np.empty(2 * n - 1)
    above[Z[:, :2].astype(int).ravel()] = np.repeat(Z[:, 2], 2)
    clear = above[n:-1] - Z[:-1, 2] > 2 * GRID * Z[-1, 2]
    return [clade for clade, stem in zip(items_under(Z)[n:-1], clear, strict=True) if stem]


def sure_clades(
    data: xr.DataArray, method: str = "average", metric: str = "euclidean"
) -> list[frozenset[int]]:
    """Give the clades that all trees have which data allow, the lowest first: their strict consensus.

    Ties are settled by chance a hundred times: a clade of 19 trees in 20 is taken for sure once in 170 times.
    """
    first, *others = map(clades_of, _settled_trees(data, method, metric, 100))
    return [clade for clade in first if all(clade in other for other in others)]


def _settled_trees(data: xr.DataArray, method: str, metric: str, times: int) -> Iterator[Array]:
    """Link items with their ties settled by the items' order, then some times by chance, always the same."""
    pairs, rng = pair_distances(data, metric)[0], np.random.default_rng(0)
    yield links(pairs, method, metric)[0]
    for _ in range(times):
        yield links(pairs, method, metric, settled_by=rng.random(pairs.size))[0]


def parting_levels(clades: list[frozenset[int]], n: int) -> NDArray[np.integer]:
    """Give the level of the tree at which two of n items part: how many clades hold both, the whole set one of them."""
    level = np.ones((n, n), dtype=int)
    for clade in clades:
        level[np.ix_(list(clade), list(clade))] += 1
    return level


def _turned(Z: Array, order: tuple[int, ...]) -> Array:
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
