"""The shortest order of the leaves that a tree allows, exact: the dynamic programme of Bar-Joseph and others (2001).

scipy's optimal leaf ordering is often longer than that (https://github.com/scipy/scipy/issues/11227).
"""

import numpy as np
from numpy.typing import NDArray

from semantic_svd.matrices import Array

BLOCK = 2**18  # entries that are compared at a time: 2 MB, what a core's cache holds


def shortest_order(children: NDArray[np.int_], distances: Array, slack: float) -> tuple[int, ...]:
    """Find the order of the leaves in which the distances between neighbours sum to the least.

    Two leaves meet under one link, the lowest that holds both. So a table of leaves by leaves holds, for all links at
    once, the best order of what is under the link of `first` and `last`, from the one to the other. Such an order is
    one of the one child, from `first` to the leaf where it leaves, a step, and one of the other child, from the leaf
    where it enters to `last`: the tables of the children give the parent's. That takes n^3 comparisons or fewer.

    Parameters
    ----------
    children : ndarray of shape (n - 1, 2)
        The two nodes that each link joins, leaves first, as scipy numbers them.
    distances : ndarray of shape (n, n)
    slack : float
        Sums that differ by no more are equal. Among equals fewest pairs of leaves are turned round, that is stand with
        the larger number first; after that the first leaf, then the last, has the smallest number.

    Returns
    -------
    tuple of int

    References
    ----------
    Bar-Joseph, Gifford & Jaakkola (2001), Fast optimal leaf ordering for hierarchical clustering.
    Bioinformatics 17, S22-S29. doi:10.1093/bioinformatics/17.suppl_1.S22

    Examples
    --------
    >>> places = np.array([0.0, 3.0, 1.0])  # on a line; the first and the third are joined first
    >>> shortest_order(np.array([[0, 2], [1, 3]]), abs(places[:, None] - places), slack=0)
    (0, 2, 1)
    """
    n = len(distances)
    step = np.stack([distances, np.zeros((n, n))])  # costs are pairs: length, pairs turned round
    best, crossed = np.zeros((2, 2, n, n))  # cost of the order from first to last; of one child and the step
    leave, enter = np.zeros((2, n, n), dtype=int)
    leaves = list(np.arange(n)[:, None])
    ends = [[(leaf, leaf)] for leaf in leaves]  # of each node: where its orders may begin, and then may end
    for a, b in children:
        for one, other in ((a, b), (b, a)):
            for first, last in ends[one]:
                at = np.ix_(first, leaves[other])
                crossed[:, *at], leave[at] = _join(best, first, last, step, leaves[other], slack)
            for first, last in ends[other]:
                at = np.ix_(leaves[one], last)
                best[:, *at], enter[at] = _join(crossed, leaves[one], first, best, last, slack)
                best[1][at] += (leaves[one][:, None] > leaves[other]).sum()
        leaves.append(np.concatenate([leaves[a], leaves[b]]))
        ends.append([(leaves[a], leaves[b]), (leaves[b], leaves[a])])
    whole = np.full((2, n, n), np.inf)
    for first, last in ends[-1]:
        at = np.ix_(first, last)
        whole[:, *at] = best[:, *at]
    start, end = divmod(int(_least(whole.reshape(2, -1), slack)), n)
    return _unfolded(start, end, leave, enter)


def _join(
    one: Array, first: Array, via: Array, other: Array, last: Array, slack: float
) -> tuple[Array, Array]:
    """Give the least cost of coming from each first to each last leaf, (2, first, last), and by way of which leaf."""
    left, right = one[:, first[:, None], via], other[:, via[:, None], last]
    choice = np.empty((len(first), len(last)), dtype=int)
    rows = max(1, BLOCK // right[0].size)
    for start in range(0, len(first), rows):
        block = slice(start, start + rows)
        choice[block] = _least(left[:, block, :, None] + right[:, None], slack)
    cost = left[:, np.arange(len(first))[:, None], choice] + right[:, choice, np.arange(len(last))]
    return cost, via[choice]


def _least(costs: Array, slack: float) -> NDArray[np.int_]:
    """Choose the least length, and of all near it the fewest turns; along the second axis, if there are two."""
    lengths, turns = costs
    axis = min(1, lengths.ndim - 1)
    near = lengths <= lengths.min(axis, keepdims=True) + slack
    return np.where(near, turns, np.inf).argmin(axis)


def _unfolded(first: int, last: int, leave: NDArray[np.int_], enter: NDArray[np.int_]) -> tuple[int, ...]:
    """Follow the best order from its first to its last leaf."""
    order, rest = [], [(first, last)]
    while rest:
        first, last = rest.pop()
        if first == last:
            order.append(int(first))
        else:
            entered = enter[first, last]
            rest += [(entered, last), (first, leave[first, entered])]
    return tuple(order)
