"""How far a network has come in telling the items apart as the data do: its trees beside the data's tree."""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from scipy.cluster import hierarchy

from semantic_svd.dendrograms.trees import (
    beside,
    clades_of,
    coords_of,
    links,
    names_of,
    pair_distances,
    parting_levels,
    sure_clades,
)
from semantic_svd.distances import GRID
from semantic_svd.errors import InputError
from semantic_svd.matrices import Array, Matrix

EQUAL = 1e-12  # items that differ by less, relative to the largest entry, are one item


def agreement(
    response: Matrix, data: Matrix, method: str = "average", metric: str = "euclidean"
) -> xr.DataArray:
    """Correlate the tree of each response with the tree of the data, by the heights at which items meet.

    The number is Pearson's correlation between the cophenetic distances of the two trees: 1 if they are
    the same tree up to scale. The high links weigh most: for whether the same groups are there at all, see
    `robinson_foulds`. Where joins of the data tie (`hangs_on_ties`), the response's own distances settle which comes
    first: each of the trees that the data allow is right.

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
        From -1 to 1. NaN where a response of a stack is not finite (a seed that ended), and where no correlation is
        defined: all items of the response (as at the start of a net with zero weights), or of the data, equally far
        apart.

    Raises
    ------
    InputError
        As for `linkage`; or if the items differ.

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
    array, wanted = beside(response, data)
    found = np.full(array.shape[:-2], np.nan)
    for at, *both in _trees(array, wanted, method, metric):
        heights, target = map(_centred_heights, both)
        if heights is not None and target is not None:
            found[at] = heights @ target
    return _labelled_like(array, found.clip(-1, 1))  # rounding may take it beyond


def robinson_foulds(
    response: Matrix, data: Matrix, method: str = "average", metric: str = "euclidean"
) -> xr.DataArray:
    """Measure how far the tree of each response is from the data's by the clades that only one of them has.

    A clade is a group of items under one link; single items and the whole set are in every tree and are left out.
    The number is the distance of Robinson and Foulds between rooted trees, as a share: clades that are in one tree
    only, over the clades of both. Where joins of the data tie, see `agreement`. Links of equal height are one fork of
    many branches, no clades; a response has some there by its errors, however small.

    Parameters
    ----------
    response, data, method, metric
        As for `agreement`.

    Returns
    -------
    DataArray of dims (...)
        From 0, the same clades, to 1, no clade in common (as where the response has none: all its items are equally
        far apart). NaN where a response of a stack is not finite, and where all its items are one.

    Raises
    ------
    InputError
        As for `linkage`; or if the items differ, or the data's tree has no clades.

    References
    ----------
    Robinson & Foulds (1981), Comparison of phylogenetic trees. Mathematical Biosciences 53, 131-147.
    doi:10.1016/0025-5564(81)90043-2

    Examples
    --------
    >>> data = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 0]])
    >>> one_pair, swapped = data * [1, 1, 1, 5], data[[0, 2, 1, 3]]
    >>> robinson_foulds(np.stack([data, one_pair, swapped]), data).values
    array([0. , 0.5, 1. ])
    """
    array, wanted = beside(response, data)
    _some(clades_of(links(pair_distances(wanted, metric)[0], method, metric)[0]))
    found = np.full(array.shape[:-2], np.nan)
    for at, *both in _trees(array, wanted, method, metric):
        here, there = map(set, map(clades_of, both))
        found[at] = len(here ^ there) / (len(here) + len(there))
    return _labelled_like(array, found)


def clade_support(
    response: Matrix, data: Matrix, method: str = "average", metric: str = "euclidean"
) -> xr.DataArray:
    """Look for each clade of the data's tree in the tree of each response.

    The share of the seeds that hold it is the support of a clade, as in phylogenetics; its interval is that of
    `intervals.share_interval`. Where the data's tree hangs on ties (`hangs_on_ties`), its clades are those that
    it has whichever way they fall.

    Parameters
    ----------
    response, data, method, metric
        As for `agreement`.

    Returns
    -------
    DataArray of dims (..., clade)
        1 where the response holds the clade, 0 where not, NaN where one of a stack is not finite or all its items
        are one. The labels are the names of the items joined by " + "; the lowest link stands first. What counts as
        a clade: see `robinson_foulds`.

    Raises
    ------
    InputError
        As for `linkage`; or if the items differ, or the data's tree has no clades.

    References
    ----------
    Felsenstein (1985), Confidence limits on phylogenies. Evolution 39(4), 783-791. doi:10.2307/2408678

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
    array, wanted = beside(response, data)
    there = _some(sure_clades(wanted, method, metric))
    found = np.full((*array.shape[:-2], len(there)), np.nan)
    for at, Z, _ in _trees(array, wanted, method, metric):
        here = set(clades_of(Z))
        found[at] = [clade in here for clade in there]
    return _labelled_like(array, found, clade=[_name(clade, names_of(array)) for clade in there])


def within_to_between(
    response: Matrix, data: Matrix, method: str = "average", metric: str = "euclidean"
) -> xr.DataArray:
    """Compare distances within the clades of the data's tree with those between them, level by level.

    Level 1 is the first fork of the data's tree (animals and plants), level 2 the forks that follow on it (birds and
    fish, trees and flowers), and so on. The number at a level is the mean distance between items that are still
    together below its forks, over the mean distance between items that part there. Items that parted a level above are
    left out: they are far apart already, and would hide what happens here. Before a network tells two clades apart the
    number is near 1 or above; it falls as they part, and rises again to the data's own as their members part in turn.

    Parameters
    ----------
    response, data, metric
        As for `agreement`.
    method : str
        As for `linkage`, of the data's tree; the response needs none.

    Returns
    -------
    DataArray of dims (..., level)
        NaN where one of a stack is not finite, or no distance is left between the clades. The coordinate ``clades``
        says which they are at each level. Links of equal height are one fork.

    Raises
    ------
    InputError
        As for `linkage`; or if the items differ, or the data's tree has no clades.

    Examples
    --------
    >>> data = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 0]])
    >>> ratio = within_to_between(data, data)
    >>> ratio.round(3).values, ratio.clades.values.tolist()
    (array([0.582]), ['0 + 1 | 2 + 3'])
    """
    array, wanted = beside(response, data)
    clades, n, names = _some(sure_clades(wanted, method, metric)), array.sizes["item"], names_of(array)
    part = parting_levels(clades, n)[np.triu_indices(n, 1)]
    levels = list(range(1, part.max()))
    pairs = pair_distances(array, metric)
    within = np.stack([pairs[:, part > level].mean(1) for level in levels], axis=1)
    between = np.stack([pairs[:, part == level].mean(1) for level in levels], axis=1)
    apart = _apart(array).reshape(-1, 1) & (between > GRID * pairs.max(1, keepdims=True))
    ratio = within / np.where(apart, between, np.nan)
    found = _labelled_like(array, ratio.reshape(*array.shape[:-2], -1), level=levels)
    cuts: dict[int, list[str]] = {level: [] for level in levels}
    for clade in sorted(clades, key=min):
        cuts[sum(clade <= other for other in clades)].append(_name(clade, names))
    return found.assign_coords(clades=("level", [" | ".join(cut) for cut in cuts.values()]))


def _apart(array: xr.DataArray) -> np.ndarray:
    """Say which matrices of a stack are finite and of items that are not all one."""
    values = array.values
    return np.ptp(values, axis=-2).max(-1) > EQUAL * np.abs(values).max((-2, -1))  # False where NaN


def _trees(
    array: xr.DataArray, data: xr.DataArray, method: str, metric: str
) -> Iterator[tuple[tuple[int, ...], Array, Array]]:
    """Link the items of each matrix of a stack that has a tree; give its place in the stack, its links and the data's.

    Where joins of the data tie, the matrix settles them; where those of both do, the same chance.
    """
    places, wanted = np.ndindex(*array.shape[:-2]), pair_distances(data, metric)[0]
    links(wanted, method, metric)  # refuses
    chance = np.random.default_rng(0).random(wanted.size)
    for at, pairs, apart in zip(places, pair_distances(array, metric), _apart(array).flat, strict=True):
        if apart and np.isfinite(pairs).all():
            Z, steps = links(pairs, method, metric, settled_by=chance)
            yield at, Z, links(wanted, method, metric, settled_by=steps)[0]


def _some(clades: list[frozenset[int]]) -> list[frozenset[int]]:
    if not clades:
        raise InputError("the data's tree has no clades: all its links are of one height, or hang on ties")
    return clades


def _centred_heights(Z: Array) -> Array | None:
    """Give the heights at which two items meet, centred and of length 1; None if they are all equal."""
    heights = hierarchy.cophenet(Z)
    if np.ptp(heights) <= 2 * GRID * heights.max():
        return None
    heights -= heights.mean()
    return heights / np.linalg.norm(heights)


def _name(clade: frozenset[int], names: tuple[str, ...]) -> str:
    return " + ".join(names[item] for item in sorted(clade))


def _labelled_like(array: xr.DataArray, values: np.ndarray, **last: list) -> xr.DataArray:
    """Label values over the leading axes of the array, and over a last one of their own if there is one."""
    leading = array.dims[:-2]
    return xr.DataArray(values, dims=(*leading, *last), coords={**coords_of(array, leading), **last})
