"""Claims about rates: what inputs can bear, against the eigenvalues of their covariance and the longest item."""

from itertools import pairwise

import numpy as np
import pytest
from refusals import refused

from semantic_svd.network import Network
from semantic_svd.rates import bearable
from semantic_svd.rules import RULES, Rule

X = np.random.default_rng(0).normal(size=(20, 6)) * [9.0, 3.0, 3.0, 2.0, 1.0, 1.0]
LARGEST = np.linalg.eigvalsh(X.T @ X / 20)[-1]
LONGEST = (X**2).sum(axis=1).max()
ONE_LAYER = Network((6, 6), biases=False)
FAST = Rule(rate=1.0)


def curvature(m):
    """Ma, Bassily & Belkin 2018, theorem 1: of batches of m items, drawn apart from one another."""
    return LONGEST / m + (m - 1) / m * LARGEST


@pytest.mark.parametrize(
    ("batch_size", "m"), [(1, 1), (4, 4), (np.int64(19), 19), (20, 20), (50, 20), (None, 20)]
)
def test_one_layer_bears_one_over_the_curvature_of_its_batches(batch_size, m):
    assert bearable(FAST, ONE_LAYER, X, batch_size).rate == pytest.approx(1 / curvature(m))


@pytest.mark.parametrize("batch_size", [0, -3, "all"])
def test_a_size_of_batches_that_is_none_counts_as_all_until_training_refuses_it(batch_size):
    assert bearable(FAST, ONE_LAYER, X, batch_size) == bearable(FAST, ONE_LAYER, X)


def test_at_twice_what_it_bears_no_direction_of_the_weights_grows():
    rate = bearable(FAST, ONE_LAYER, X).rate
    # of an error, after a step of gradient descent
    left = np.linalg.eigvalsh(np.eye(6) - 2 * rate * X.T @ X / 20)
    assert 0.7 < np.abs(left).max() <= 1


def test_biases_add_one():
    for batch_size, m in ((1, 1), (None, 20)):
        rate = bearable(FAST, Network((6, 6)), X, batch_size).rate
        assert rate == pytest.approx(1 / (curvature(m) + 1))


def test_deep_nets_bear_a_share_for_each_layer():
    deep = Network((6, 300, 300, 6), biases=False, scale=0.1)
    assert bearable(FAST, deep, X).rate == pytest.approx(1 / (3 * curvature(20)))


@pytest.mark.parametrize("sizes", [(2000, 100, 1000), (1000, 300, 150, 3000)])
def test_a_net_with_narrow_layers_bears_what_its_weights_as_they_are_drawn_do(sizes):
    network, rng = Network(sizes, biases=False), np.random.default_rng(1)
    drawn = [network.draw(rng, post, pre) for pre, post in pairwise(sizes)]
    norms2 = [np.linalg.norm(W, 2) ** 2 for W in drawn]
    half = sum(np.prod(np.delete(norms2, layer)) for layer in range(network.layers)) / 2
    assert half > 1.3 * network.layers  # what a share for each layer would be
    x = rng.normal(size=(20, sizes[0]))
    one_layer = bearable(FAST, Network((sizes[0], 9), biases=False), x).rate
    assert bearable(FAST, network, x).rate == pytest.approx(one_layer / half, rel=0.05)


def test_rates_are_lowered_alike_and_never_raised():
    rates = bearable(Rule(rate=(1.0, 2.0, 0.5)), ONE_LAYER, X).rates
    np.testing.assert_allclose(rates, np.array([0.5, 1.0, 0.25]) / curvature(20))
    slow = Rule(rate=1e-4)
    assert bearable(slow, ONE_LAYER, X) == slow


def test_units_that_compete_keep_their_rate():
    rule = RULES["krotov_hopfield"]
    assert bearable(rule, Network((6, 10, 6), biases=False), 100 * X) is rule


def test_pixels_of_one_byte_bear_what_they_bear_as_numbers_of_eight():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 6), np.uint8)
    alike = [bearable(FAST, ONE_LAYER, pixels.astype(dtype)).rate for dtype in (np.uint8, float)]
    assert alike[0] == pytest.approx(alike[1], rel=1e-12)


def test_inputs_whose_squares_are_no_finite_numbers_are_refused():
    said = "inputs of up to 1e+160 are too large: no rate bears their squares"
    assert refused(bearable, FAST, ONE_LAYER, 1e160 * np.eye(6)) == said
