"""The rates that inputs can bear: how fast networks can learn from them without leaving the finite numbers."""

from dataclasses import replace
from itertools import pairwise
from math import prod

import numpy as np

from semantic_svd.errors import InputError
from semantic_svd.network import Network
from semantic_svd.products import Array
from semantic_svd.rules import Rule


def bearable(rule: Rule, network: Network, x: Array, batch_size: int | None = None) -> Rule:
    """Lower the rates of a rule, all alike, to what inputs of this size can bear, if they are above that.

    Rates go down to ``1 / (L b)`` for L layers, where b is the curvature that decides how fast linear networks can
    learn from batches of m items, ``lambda_1 + (max |x|^2 - lambda_1) / m`` (Ma, Bassily & Belkin 2018), lambda_1 the
    largest eigenvalue of ``<x x'>`` and 1 more for biases. That is half of what layers can bear that give on what they
    get. Where narrow layers bear less at the start, it is what they can bear: L is then half the sum, over layers, of
    the squared norms of all others, multiplied. Units that compete scale their changes themselves. A rule that grows
    without bound does so at any rate.

    Parameters
    ----------
    rule : Rule
    network : Network
    x : array of shape (n_items, inputs)
    batch_size : int, optional
        Items a step; None for all.

    Raises
    ------
    InputError
        If the squares of the inputs are no finite numbers.

    References
    ----------
    Ma, Bassily & Belkin 2018, The power of interpolation: understanding the effectiveness of SGD in modern
    over-parametrized learning, arXiv:1712.06559

    Examples
    --------
    >>> from semantic_svd.items import load_items
    >>> from semantic_svd.rules import RULES
    >>> x, network = load_items("mcclelland2020").values, Network((34, 8, 34), biases=False)
    >>> bearable(RULES["bpa"], network, x).rate, round(bearable(RULES["bpa"], network, 4 * x).rate, 4)
    (0.1, 0.0086)
    """
    if rule.competes:
        return rule
    from sklearn.utils.extmath import randomized_svd

    with np.errstate(over="ignore"):
        n, squares = len(x), np.square(x, dtype=float).sum(axis=1)
    if not np.isfinite(squares.sum()):
        raise InputError(f"inputs of up to {np.abs(x).max():g} are too large: no rate bears their squares")
    m = batch_size if isinstance(batch_size, int | np.integer) and 0 < batch_size < n else n
    largest = randomized_svd(x, 1, power_iteration_normalizer="QR", random_state=0)[1][0] ** 2 / n
    curvature = largest + (squares.max() - largest) / m + network.biases
    # of weights as they are drawn: Marchenko & Pastur's edge
    norms2 = [(network.std(pre) * (pre**0.5 + post**0.5)) ** 2 for pre, post in pairwise(network.sizes)]
    layers = max(network.layers, prod(norms2) * sum(1 / norm2 for norm2 in norms2) / 2)
    excess = max(1.0, max(rule.rates) * layers * curvature)
    lowered = tuple(rate / excess for rate in rule.rates)
    return replace(rule, rate=lowered if isinstance(rule.rate, tuple) else lowered[0])
