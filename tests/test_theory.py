"""Claims about closed forms: gradient descent, written out in plain numpy and as the package does it, nears them.

Gradient descent at a finite rate departs from the flow to first order: half the rate, half the error. That is a
sharper test than a tolerance, for an error in a formula does not shrink with the rate.
"""

import dataclasses
import re

import numpy as np
import pytest
import xarray as xr

from semantic_svd import modes, theory
from semantic_svd.errors import InputError
from semantic_svd.items import load_items
from semantic_svd.network import Network
from semantic_svd.rules import RULES
from semantic_svd.training import train

DATA = load_items("mcclelland2020")
X = DATA.values  # (8, 34)
C = X.T @ X / len(X)
MODES = modes.svd(X)
V, S = MODES.V.values, MODES.s.values
EIGENVALUES = S**2 / len(X)
RATES = (1e-2, 5e-3, 2.5e-3)


def follow(step, weights, rate, times):
    """Step the weights at this rate, and give a copy of them at each of the times."""
    weights, path, done = [W.copy() for W in weights], [], 0
    for steps in np.round(np.asarray(times) / rate).astype(int):
        for _ in range(steps - done):
            weights = [W + rate * dW for W, dW in zip(weights, step(*weights), strict=True)]
        path.append(weights)
        done = steps
    return [np.stack(path_of_one) for path_of_one in zip(*path, strict=True)]  # each (time, ..., post, pre)


def gradient(x, y):
    """Give the step of gradient descent in a linear net of any depth, each change from its definition."""

    def step(*weights):
        activity = [x.T]  # (unit, item)
        for W in weights:
            activity.append(W @ activity[-1])
        error, changes = y.T - activity[-1], []
        for W, pre in zip(reversed(weights), reversed(activity[:-1]), strict=True):
            changes.append(error @ np.swapaxes(pre, -1, -2) / len(x))
            error = np.swapaxes(W, -1, -2) @ error
        return changes[::-1]

    return step


def bpa(ratio=1.0):
    def step(W1, W2):
        hidden = W1 @ X.T
        turned = np.swapaxes(hidden, -1, -2)
        return hidden @ (X - turned @ W1) / len(X), ratio * (X.T - W2 @ hidden) @ turned / len(X)

    return step


def random_start(seeds, units=8):
    rng = np.random.default_rng(seeds)
    W1 = rng.uniform(-1, 1, (seeds, units, 34)) / np.sqrt(34)
    return W1, rng.uniform(-1, 1, (seeds, 34, units)) / np.sqrt(units)


def projected(maps, U=V, W=V):
    """The strengths of a stack of linear maps along given vectors."""
    return np.einsum("ik,...ij,jk->...k", U, maps, W)


def assert_first_order(errors):
    """Half the rate, half the error."""
    halves = np.array(errors[:-1]) / np.array(errors[1:])
    np.testing.assert_allclose(halves, 2, atol=0.15)


# ------------------------------------------------------------------------------------------------- nets without noise


def test_one_layer_is_gradient_descent_to_first_order():
    times, start = np.linspace(0, 10, 21), np.full((34, 34), 0.01)
    expected = theory.one_layer(EIGENVALUES, projected(start), times, inputs=EIGENVALUES)
    errors = [
        np.abs(projected(follow(gradient(X, X), [start], rate, times)[0]) - expected).max() for rate in RATES
    ]
    assert_first_order(errors)
    assert errors[-1] < 2e-3


def test_two_layers_from_an_aligned_start_are_gradient_descent_to_first_order():
    times, a0 = np.linspace(0, 60, 61), 0.02
    start = theory.aligned_start(X, a0=a0, units=8)
    expected = theory.two_layer(EIGENVALUES, a0, times, inputs=EIGENVALUES)
    assert expected[0] == pytest.approx(a0)
    errors = []
    for rate in RATES:
        W1, W2 = follow(gradient(X, X), start, rate, times)
        errors.append(np.abs(projected(W2 @ W1) - expected).max())
    assert_first_order(errors)
    assert errors[-1] < 5e-3


def test_two_layers_from_one_hot_items_to_properties_take_n_as_time_constant():
    items, times, a0 = np.eye(8), np.linspace(0, 30, 31), np.linspace(0.05, 0.2, 8)
    start = theory.aligned_start(items, X, a0=a0, units=16, seed=3)
    expected = theory.two_layer(S, a0, times, tau=8)
    errors = []
    for rate in RATES:
        W1, W2 = follow(gradient(items, X), start, rate, times)
        errors.append(np.abs(projected(W2 @ W1, V, MODES.U.values) - expected).max())
    assert_first_order(errors)
    assert expected[-1] == pytest.approx(S, rel=0.01)


def test_a_start_that_is_not_aligned_departs_from_the_two_layer_form_at_any_rate():
    times, a0 = np.linspace(0, 20, 21), 0.05
    W1, W2 = theory.aligned_start(X, a0=a0, units=8)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(34, 34)))[0]  # still balanced: W1 W1' = W2' W2
    W1, W2 = follow(gradient(X, X), [W1 @ turn, W2], 2.5e-3, times)
    expected = theory.two_layer(EIGENVALUES, a0, times, inputs=EIGENVALUES)
    assert np.abs(projected(W2 @ W1) - expected).max() > 0.04


def test_three_layers_from_an_aligned_start_are_gradient_descent_to_first_order():
    times, a0, rng = np.linspace(0, 20, 21), 0.05, np.random.default_rng(0)
    Q, R = (np.linalg.qr(rng.normal(size=(10, 8)))[0] for _ in range(2))
    root = a0 ** (1 / 3)
    start = [root * Q @ V.T, root * R @ Q.T, root * V @ R.T]
    expected = theory.deep(EIGENVALUES, a0, times, inputs=EIGENVALUES, layers=3)
    errors = []
    for rate in RATES:
        W1, W2, W3 = follow(gradient(X, X), start, rate, times)
        errors.append(np.abs(projected(W3 @ W2 @ W1) - expected).max())
    assert_first_order(errors)


def test_the_integrated_form_includes_both_closed_ones():
    times, s, a0, c = np.linspace(0, 20, 50), np.array([3.0, 0.5, 1.0]), np.array([0.01, 0.1, 2.0]), 0.7
    for layers, closed in ((1, theory.one_layer), (2, theory.two_layer)):
        deep = theory.deep(s, a0, times, 1.3, c, layers)
        np.testing.assert_allclose(deep, closed(s, a0, times, 1.3, c), atol=1e-7)


def test_two_layers_have_the_form_of_the_paper():
    s, a0, tau, t = 2.5, 0.01, 3.0, np.linspace(0, 6, 20)
    growth = np.exp(2 * s * t / tau)
    np.testing.assert_allclose(theory.two_layer(s, a0, t, tau), s * growth / (growth - 1 + s / a0))


def test_strengths_far_in_the_future_are_the_end_and_no_overflow():
    np.testing.assert_array_equal(theory.two_layer([2.0, 4.0], 1e-9, 1e9, inputs=2.0), [1, 2])


def test_half_rise_is_where_the_curve_passes_half_its_end():
    s, a0, tau, c = np.array([3.0, 1.0, 0.4]), np.array([0.01, 0.02, 1e-5]), 2.5, np.array([1.0, 0.5, 0.4])
    times = theory.half_rise(s, a0, tau, c)
    reached = [theory.two_layer(s, a0, t, tau, c)[k] for k, t in enumerate(times)]
    np.testing.assert_allclose(reached, s / c / 2)
    np.testing.assert_array_equal(theory.half_rise(1.0, [0.5, 0.8, 1.0, 2.0]), 0)


def test_curves_have_the_axes_of_the_times_and_then_of_the_modes():
    for curve in (theory.one_layer, theory.two_layer, theory.deep):
        assert np.shape(curve(1.0, 0.1, 2.0)) == ()
        assert curve([1.0, 2.0], 0.1, 2.0).shape == (2,)
        assert curve(1.0, [0.1, 0.2, 0.3], [0.0, 4.0]).shape == (2, 3)
        np.testing.assert_allclose(curve(2.0, 0.1, [3.0, 0.0, 3.0])[[1, 0]], [0.1, curve(2.0, 0.1, 3.0)])


def test_an_aligned_start_is_balanced_and_holds_each_mode_at_its_strength():
    a0 = np.linspace(0.1, 0.2, 8)
    W1, W2 = theory.aligned_start(DATA, a0=a0, units=20, seed=1)
    np.testing.assert_allclose(W1 @ W1.T, W2.T @ W2, atol=1e-12)
    product = W2 @ W1
    np.testing.assert_allclose(product @ C, C @ product, atol=1e-12)
    np.testing.assert_allclose(np.linalg.svd(product)[1][:8], a0[::-1])
    assert theory.aligned_start(X, a0=0.1, units=3)[0].shape == (3, 34)


# ------------------------------------------------------------------------------------------------- Oja and BPA


def test_ojas_flow_is_ojas_rule_to_first_order():
    W0, _ = random_start(3)
    times = np.linspace(0, 60, 31)
    P = np.moveaxis(theory.oja_flow(W0, C, times), 1, 0)  # (time, seed, property, property)
    errors = []
    for rate in RATES:
        (W,) = follow(lambda W: [W @ C - W @ C @ np.swapaxes(W, -1, -2) @ W], [W0], rate, times)
        errors.append(np.abs(np.swapaxes(W, -1, -2) @ W - P).max())
    assert_first_order(errors)
    assert errors[-1] < 3e-3


def test_ojas_flow_holds_to_a_thousandth_up_to_a_late_time():
    W0, _ = random_start(1)
    times = np.linspace(0, 120, 13)
    (W,) = follow(lambda W: [W @ C - W @ C @ W.T @ W], [W0[0]], 1e-3, times)
    error = np.abs(np.swapaxes(W, -1, -2) @ W - theory.oja_flow(W0[0], C, times)).max(axis=(1, 2))
    assert error.max() < 1e-3


def test_ojas_flow_is_the_one_jump_formula_while_that_holds():
    W0 = random_start(2)[0]
    values, vectors = np.linalg.eigh(C)
    for t in (0.0, 0.3, 3.0):
        E = vectors * np.exp(values * t) @ vectors.T
        for W, P in zip(W0, theory.oja_flow(W0, C, [t])[:, 0], strict=True):
            jump = E @ W.T @ np.linalg.solve(np.eye(8) - W @ W.T + W @ E @ E @ W.T, W @ E)
            np.testing.assert_allclose(P, jump, atol=1e-9)


def test_ojas_flow_does_not_depend_on_the_times_asked_for():
    W0, _ = random_start(2)
    alone = theory.oja_flow(W0, C, [50.0])[:, 0]
    among = theory.oja_flow(W0, C, [50.0, 0.0, 7.1, 50.0, 33.0])
    np.testing.assert_allclose(among[:, 0], alone, atol=1e-9)
    np.testing.assert_array_equal(among[:, 0], among[:, 3])
    np.testing.assert_allclose(among[:, 1], np.swapaxes(W0, 1, 2) @ W0, atol=1e-12)
    np.testing.assert_allclose(theory.oja_flow(W0[0], C, [50.0])[0], alone[0], atol=1e-9)


@pytest.mark.parametrize("scale", [1, 1e-6, 1e6])
def test_ojas_flow_ends_in_the_projector_on_the_leading_modes(scale):
    W0, _ = random_start(2, units=4)
    P = theory.oja_flow(W0, scale * C, np.array([1e4]) / scale)[:, 0]
    np.testing.assert_allclose(P, np.stack([V[:, :4] @ V[:, :4].T] * 2), atol=1e-9)


def test_bpa_follows_its_strengths_to_first_order():
    start, times = random_start(4), np.linspace(0, 60, 31)
    expected = theory.bpa_strengths(*start, DATA, times).transpose("time", "seed", "mode")
    errors = []
    for rate in RATES:
        W1, W2 = follow(bpa(), start, rate, times)
        errors.append(
            np.abs(modes.strengths(X @ np.swapaxes(W2 @ W1, -1, -2), MODES).values - expected.values).max()
        )
    assert_first_order(errors)


def test_the_worst_of_twenty_seeds_is_within_a_hundredth_of_each_mode():
    start, times = random_start(20), np.linspace(0, 100, 21)
    expected = theory.bpa_strengths(*start, X, times)
    W1, W2 = follow(bpa(), start, 2.5e-3, times)
    error = np.abs(np.swapaxes(S * projected(W2 @ W1), 0, 1) - expected)
    assert expected.dims == ("seed", "time", "mode")
    assert (error.max(("seed", "time")) <= 0.01 * S).all()


@pytest.mark.parametrize(("ratio", "units"), [(0.3, 8), (4.0, 20), (0.5, 3), (1.0, 5)])
def test_bpa_with_two_rates_and_any_number_of_units_follows_its_strengths(ratio, units):
    (W1,), (W2,) = start = random_start(1, units)
    times = np.linspace(0, 60, 31)
    expected = theory.bpa_strengths(W1, W2, X, times, rate_ratio=ratio)
    errors = []
    for rate in RATES:
        first, second = follow(bpa(ratio), [W[0] for W in start], rate, times)
        errors.append(np.abs(S * projected(second @ first) - expected.values).max())
    assert expected.dims == ("time", "mode")
    assert_first_order(errors)


def test_bpa_strengths_carry_times_modes_and_the_names_of_the_seeds():
    W1, W2 = random_start(2)
    named = xr.DataArray(W1, dims=("seed", "post", "pre"), coords={"seed": [3, 5]})
    strengths = theory.bpa_strengths(named, W2, X, [4.0, 0.0])
    assert strengths.seed.values.tolist() == [3, 5]
    assert strengths.time.values.tolist() == [4, 0]
    assert strengths.mode.values.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    np.testing.assert_allclose(strengths.sel(time=0), S * projected(W2 @ W1))
    np.testing.assert_allclose(theory.bpa_strengths(W1, W2, X, [0.0])[:, 0], S * projected(W2 @ W1))


def test_null_modes_have_no_strength():
    twins = np.vstack([X, X[1]])
    assert theory.bpa_strengths(*(W[0] for W in random_start(1)), twins, [1.0]).sizes["mode"] == 8


def test_the_hidden_layer_reaches_half_near_the_foretold_time():
    W0, _ = random_start(20)
    foretold = theory.hidden_half_rise(W0, DATA)
    times = np.linspace(0, 150, 1501)
    p = np.einsum("stkk->stk", theory.oja_flow(W0 @ V, np.diag(EIGENVALUES), times))
    measured = times[times.size - (p[:, ::-1] < 0.5).argmax(1)]  # the first from which p stays over one half
    miss = np.abs(foretold / measured - 1)
    assert np.median(miss) < 0.1
    assert foretold.shape == (20, 8)


def test_half_rise_in_the_hidden_layer_is_exact_for_one_unit_along_a_mode():
    W0 = 0.1 * V[:, [2]].T
    foretold = theory.hidden_half_rise(np.sqrt(0.5) * W0 + np.sqrt(0.5) * 0.1 * V[:, [0]].T, X)
    assert foretold[0] == pytest.approx(np.log(1 / 0.005 - 1) / 2 / EIGENVALUES[0])
    assert np.isnan(foretold[1:]).all()  # one unit holds one mode
    P = theory.oja_flow(0.1 * V[:, [0]].T, C, theory.hidden_half_rise(0.1 * V[:, [0]].T, X)[:1])[0]
    assert V[:, 0] @ P @ V[:, 0] == pytest.approx(0.5)
    assert theory.hidden_half_rise(0.9 * V[:, [0]].T, X)[0] == 0


# ------------------------------------------------------------------------------------------------- the package's train


def trained(rule, start, rate, last, snapshots=10):
    """Train the autoassociator 34-8-34 without biases; the weights, and the times of their snapshots."""
    rule, epochs = dataclasses.replace(RULES[rule], rate=rate), round(last / rate)
    run = train(
        rule,
        Network((34, 8, 34), biases=False),
        DATA,
        epochs=epochs,
        every=epochs // snapshots,
        seeds=len(start["W1"]),
        start=start,
        progress=False,
    )
    return run.weights(1), run.weights(2), run.data.epoch.values * rate


def test_backprop_from_an_aligned_start_follows_two_layer_to_first_order():
    start = dict(zip(("W1", "W2"), (W[None] for W in theory.aligned_start(X, a0=0.02, units=8)), strict=True))
    errors = []
    for rate in RATES:
        W1, W2, times = trained("backprop", start, rate, 40)
        expected = theory.two_layer(EIGENVALUES, 0.02, times, inputs=EIGENVALUES)
        errors.append(np.abs(projected(W2.values @ W1.values)[0] - expected).max())
    assert_first_order(errors)


def test_bpa_follows_ojas_flow_and_its_own_strengths_to_first_order():
    start = dict(zip(("W1", "W2"), random_start(3), strict=True))
    hidden, response = [], []
    for rate in RATES:
        W1, W2, times = trained("bpa", start, rate, 40)
        W1, W2 = W1.values, W2.values
        hidden.append(np.abs(np.swapaxes(W1, -1, -2) @ W1 - theory.oja_flow(start["W1"], C, times)).max())
        expected = theory.bpa_strengths(start["W1"], start["W2"], DATA, times)
        response.append(np.abs(S * projected(W2 @ W1) - expected.values).max())
    assert_first_order(hidden)
    assert_first_order(response)


# ------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: theory.two_layer([1.0, 0.0], 0.1, 1.0),
            "s = [1., 0.]: it must be finite and greater than 0",
        ),
        (lambda: theory.two_layer(1.0, 0.0, 1.0), "a0 = 0.: it must be finite and greater than 0"),
        (lambda: theory.one_layer(1.0, np.nan, 1.0), "a0 = nan: it must be a finite number"),
        (lambda: theory.half_rise(1.0, 0.1, tau=-1), "tau = -1: it must be finite and greater than 0"),
        (
            lambda: theory.two_layer(1.0, 0.1, 1.0, inputs=0),
            "inputs = 0.: it must be finite and greater than 0",
        ),
        (
            lambda: theory.two_layer(1.0, 0.1, [0.0, -1.0]),
            "t = [ 0., -1.]: times are finite and not negative",
        ),
        (
            lambda: theory.two_layer([1.0, 2.0], [0.1] * 3, 1.0),
            "s, a0 and inputs have the shapes (2,), (3,) and (): one value a mode, or one for all",
        ),
        (
            lambda: theory.deep(1.0, 0.1, 1.0, layers=0),
            "layers = 0: a net has a whole number of weight layers, 1 or more",
        ),
        (
            lambda: theory.aligned_start(X, X[:3], a0=0.1, units=8),
            "8 items in x, 3 in y: each item has one input and one target",
        ),
        (
            lambda: theory.aligned_start(X, a0=[0.1, 0.2], units=8),
            "a0 = [0.1, 0.2]: one strength greater than 0, or one for each of the 8 modes",
        ),
        (
            lambda: theory.aligned_start(X[0], a0=0.1, units=8),
            "a matrix of shape (34,): it must be finite, of shape (n_items, n_properties)",
        ),
        (
            lambda: theory.oja_flow(np.ones((8, 33)), C, [1.0]),
            "W0 has the shape (8, 33): its last axis must be the 34 properties of C",
        ),
        (
            lambda: theory.oja_flow(np.ones((8, 34)), X, [1.0]),
            "C has the shape (8, 34): it must be <x x'>, square and symmetric",
        ),
        (
            lambda: theory.oja_flow(np.ones((8, 34)), C, [[1.0]]),
            "times = [[1.]]: a list of times, finite and not negative",
        ),
        (
            lambda: theory.oja_flow(np.ones((8, 34)), C, []),
            "times = []: a list of times, finite and not negative",
        ),
        (
            lambda: theory.bpa_strengths(np.ones((8, 33)), np.ones((34, 8)), X, [1.0]),
            "W1 has the shape (8, 33): it must be (n_units, 34), or (n_seeds, n_units, 34)",
        ),
        (
            lambda: theory.bpa_strengths(np.ones((2, 8, 34)), np.ones((34, 8)), X, [1.0]),
            "W2 has the shape (34, 8): beside a W1 of shape (2, 8, 34) it must be (2, 34, 8)",
        ),
        (
            lambda: theory.bpa_strengths(np.ones((8, 34)), np.ones((34, 8)), X, [1.0], rate_ratio=0),
            "rate_ratio = 0: the output rate over the hidden rate is greater than 0",
        ),
        (
            lambda: theory.hidden_half_rise(np.ones((8, 33)), X),
            "W0 has the shape (8, 33): its last axis must be the 34 properties of x",
        ),
    ],
)
def test_bad_input_is_told_in_one_line(call, message):
    with pytest.raises(InputError, match=re.escape(message) + "$"):
        call()
