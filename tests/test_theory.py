"""Claims about closed forms: gradient descent, written out in plain numpy and as the package does it, nears them.

Gradient descent at a finite rate departs from the flow to first order: half the rate, half the error. That is a
sharper test than a tolerance, for an error in a formula does not shrink with the rate.
"""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import xarray as xr
from refusals import refused
from scipy.integrate import quad
from scipy.stats import binom

from semantic_svd import modes, theory
from semantic_svd.items import load_items
from semantic_svd.network import Network
from semantic_svd.rules import RULES
from semantic_svd.training import train

DATA = load_items("mcclelland2020")
X = DATA.values  # (8, 34)
C = X.T @ X / len(X)
MODES = modes.svd(X)
U, S, V = (MODES[name].values for name in "UsV")
EIGENVALUES = S**2 / len(X)
RATES = (2e-2, 1e-2, 5e-3)


def follow(step, weights, rate, times):
    """Step the weights at this rate, and give a copy of them at each of the times."""
    weights, path, done = [W.copy() for W in weights], [], 0
    for steps in np.round(np.asarray(times) / rate).astype(int):
        for _ in range(steps - done):
            weights = [W + rate * dW for W, dW in zip(weights, step(*weights), strict=True)]
        path.append(weights)
        done = steps
    return [np.stack(path_of_one) for path_of_one in zip(*path, strict=True)]  # each (time, ..., post, pre)


def gradient(x, y, ratio=1.0):
    """Give the step of gradient descent in a linear net of any depth, each change from its definition."""

    def step(*weights):
        activity = [x.T]  # (unit, item)
        for W in weights:
            activity.append(W @ activity[-1])
        error, changes = y.T - activity[-1], []
        for W, pre in zip(reversed(weights), reversed(activity[:-1]), strict=True):
            changes.append(error @ pre.mT / len(x))
            error = W.mT @ error
        changes[0] = ratio * changes[0]
        return changes[::-1]

    return step


def bpa(x=X, y=X, ratio=1.0):
    def step(W1, W2):
        hidden = W1 @ x.T
        return hidden @ (x - hidden.mT @ W1) / len(x), ratio * (y.T - W2 @ hidden) @ hidden.mT / len(x)

    return step


def drawn(seeds, *sizes, scale=1.0):
    """Draw weights as the package does, uniform on +-1/sqrt(fan-in), for a net of these sizes."""
    rng = np.random.default_rng(seeds)
    shapes = [(seeds, post, pre) for pre, post in pairwise(sizes)]
    return [scale * rng.uniform(-1, 1, shape) / np.sqrt(shape[-1]) for shape in shapes]


def product(weights):
    response = weights[0]
    for W in weights[1:]:
        response = W @ response
    return response


def projected(maps, left=V, right=V):
    """The strengths of a stack of linear maps along given vectors."""
    return np.einsum("ik,...ij,jk->...k", left, maps, right)


def measured(weights, x=X, y=X):
    """The strengths (time, seed, mode) of the responses of a stack of nets on the modes of the targets."""
    return modes.strengths(x @ product(weights).mT, modes.svd(y)).values


def assert_first_order(errors):
    """Half the rate, half the error."""
    halves = np.array(errors[:-1]) / np.array(errors[1:])
    np.testing.assert_allclose(halves, 2, atol=0.15)


# ------------------------------------------------------------------------------------------- curves, mode by mode

WHITE = np.sqrt(8) * np.linalg.qr(np.random.default_rng(5).normal(size=(8, 8)))[0]  # <x x'> = I
GAIN = np.linspace(2, 0.7, 8)
TASKS = {  # inputs, targets; s, c and tau; the modes' sides towards outputs and inputs
    "an autoassociator": (X, X, EIGENVALUES, EIGENVALUES, 1, V, V),
    "one-hot items to properties": (np.eye(8), X, S, 1, 8, V, U),
    "white inputs": (WHITE, X, S / np.sqrt(8), 1, 1, V, WHITE.T @ U / np.sqrt(8)),
    "correlated inputs to targets along them": (
        X,
        X @ (V * GAIN) @ V.T,
        GAIN * EIGENVALUES,
        EIGENVALUES,
        1,
        V,
        V,
    ),
}
CURVES = {1: theory.one_layer, 2: theory.two_layer, 3: theory.deep, 4: lambda *of: theory.deep(*of, layers=4)}


@pytest.mark.parametrize("layers", CURVES)
@pytest.mark.parametrize("task", TASKS)
def test_gradient_descent_from_an_aligned_start_follows_each_curve_to_first_order(task, layers):
    x, y, s, c, tau, left, right = TASKS[task]
    pace = layers * ((s / c) ** (2 - 2 / layers) * c).max() / tau  # of the fastest mode as it ends
    times = np.linspace(0, 40, 21) / pace
    for seed, a0 in enumerate((0.1 * s / c, np.linspace(0.5, 0.1, 8) * s / c)):
        start = theory.aligned_start(x, y, a0=a0, units=[8, 12, 9][: layers - 1], seed=seed)
        expected = CURVES[layers](s, a0, times, tau, c)
        errors = []
        for rate in RATES:
            response = product(follow(gradient(x, y), start, 2 * rate / pace, times))
            errors.append(np.abs(projected(response, left, right) - expected).max())
        assert_first_order(errors)


def test_one_layer_follows_its_curve_from_any_start():
    times, (start,) = np.linspace(0, 10, 21), drawn(3, 34, 34)
    expected = theory.one_layer(EIGENVALUES, projected(start)[1], times, inputs=EIGENVALUES)
    errors = [
        np.abs(projected(follow(gradient(X, X), [start], rate, times)[0])[:, 1] - expected).max()
        for rate in RATES
    ]
    assert_first_order(errors)


def test_a_start_that_is_not_aligned_departs_from_the_two_layer_form_at_any_rate():
    times, a0 = np.linspace(0, 20, 21), 0.05
    W1, W2 = theory.aligned_start(X, a0=a0, units=8)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(34, 34)))[0]  # still balanced: W1 W1' = W2' W2
    W1, W2 = follow(gradient(X, X), [W1 @ turn, W2], 2.5e-3, times)
    expected = theory.two_layer(EIGENVALUES, a0, times, inputs=EIGENVALUES)
    assert np.abs(projected(W2 @ W1) - expected).max() > 0.04


def test_the_integrated_form_includes_both_closed_ones():
    times, s, a0, c = np.linspace(0, 20, 50), np.array([3.0, 0.5, 1.0]), np.array([0.01, 0.1, 2.0]), 0.7
    for layers, closed in ((1, theory.one_layer), (2, theory.two_layer)):
        for t in (times, times / times[-1], 0 * times):
            deep = theory.deep(s, a0, t, 1.3, c, layers)
            np.testing.assert_allclose(deep, closed(s, a0, t, 1.3, c), atol=1e-9)


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


@pytest.mark.parametrize("units", [(), 20, (9, 8), (20, 8, 11)])
def test_an_aligned_start_is_balanced_and_holds_each_mode_at_its_strength(units):
    a0 = np.linspace(0.1, 0.2, 8)
    weights = theory.aligned_start(DATA, a0=a0, units=units, seed=1)
    for before, after in pairwise(weights):
        np.testing.assert_allclose(before @ before.T, after.T @ after, atol=1e-12)
    response = product(weights)
    np.testing.assert_allclose(response @ C, C @ response, atol=1e-12)
    np.testing.assert_allclose(np.linalg.svd(response)[1][:8], a0[::-1])


def test_an_aligned_start_holds_no_more_modes_than_its_narrowest_layer_or_the_data():
    assert [W.shape for W in theory.aligned_start(X, a0=0.1, units=3)] == [(3, 34), (34, 3)]
    assert np.linalg.matrix_rank(product(theory.aligned_start(X, a0=[0.1, 0.2], units=(9, 2)))) == 2
    assert np.linalg.matrix_rank(product(theory.aligned_start(X[[0, 0, 1]], a0=[0.1, 0.2], units=9))) == 2


# ----------------------------------------------------------------------------------------------------- Oja and BPA


def test_ojas_flow_is_ojas_rule_to_first_order():
    W0, _ = drawn(3, 34, 8, 34)
    times = np.linspace(0, 60, 31)
    P = np.moveaxis(theory.oja_flow(W0, C, times), 1, 0)  # (time, seed, property, property)
    errors = []
    for rate in RATES:
        (W,) = follow(lambda W: [W @ C - W @ C @ W.mT @ W], [W0], rate, times)
        errors.append(np.abs(W.mT @ W - P).max())
    assert_first_order(errors)


def test_ojas_flow_holds_to_a_thousandth_up_to_a_late_time():
    W0, _ = drawn(1, 34, 8, 34)
    times = np.linspace(0, 120, 13)
    (W,) = follow(lambda W: [W @ C - W @ C @ W.mT @ W], [W0[0]], 1e-3, times)
    error = np.abs(W.mT @ W - theory.oja_flow(W0[0], C, times)).max(axis=(1, 2))
    assert error.max() < 1e-3


def test_ojas_flow_and_bpa_are_their_one_jump_formulas_while_those_hold():
    first, second = drawn(2, 34, 8, 34)
    values, vectors = np.linalg.eigh(C)
    for t in (0.0, 0.3, 3.0):
        E = vectors * np.exp(values * t) @ vectors.T
        strengths = theory.bpa_strengths([first, second], X, times=[t])[:, 0]
        for W1, W2, P, a in zip(first, second, theory.oja_flow(first, C, [t])[:, 0], strengths, strict=True):
            jump = np.linalg.solve(np.eye(8) - W1 @ W1.T + W1 @ E @ E @ W1.T, W1 @ E)
            np.testing.assert_allclose(P, E @ W1.T @ jump, atol=1e-9)
            np.testing.assert_allclose(a, S * projected((E @ W1.T + W2 - W1.T) @ jump), atol=1e-9)


def test_ojas_flow_does_not_depend_on_the_times_asked_for():
    W0, _ = drawn(2, 34, 8, 34)
    alone = theory.oja_flow(W0, C, [50.0])[:, 0]
    among = theory.oja_flow(W0, C, [50.0, 0.0, 7.1, 50.0, 33.0])
    np.testing.assert_allclose(among[:, 0], alone, atol=1e-9)
    np.testing.assert_array_equal(among[:, 0], among[:, 3])
    np.testing.assert_allclose(among[:, 1], W0.mT @ W0, atol=1e-12)
    np.testing.assert_allclose(theory.oja_flow(W0[0], C, [50.0])[0], alone[0], atol=1e-9)


@pytest.mark.parametrize("scale", [1, 1e-6, 1e6])
def test_ojas_flow_ends_in_the_projector_on_the_leading_modes(scale):
    W0, _ = drawn(2, 34, 4, 34)
    P = theory.oja_flow(W0, scale * C, np.array([1e4]) / scale)[:, 0]
    np.testing.assert_allclose(P, np.stack([V[:, :4] @ V[:, :4].T] * 2), atol=1e-9)


LESSONS = {  # inputs, targets
    "an autoassociator": (X, X),
    "one-hot items to properties": (np.eye(8), X),
    "any inputs to any targets": (X[:, ::2], X[:, 1::2]),
    "fewer inputs than items": (X[:, 3:9], X),
}


@pytest.mark.parametrize(("units", "ratio"), [(8, 1), (3, 1), (20, 1), (8, 0.3), (20, 4), (3, 0.5)])
@pytest.mark.parametrize("lesson", LESSONS)
def test_bpa_follows_its_strengths_to_first_order(lesson, units, ratio):
    x, y = LESSONS[lesson]
    start, times = drawn(4, x.shape[1], units, y.shape[1]), np.linspace(0, 20, 21)
    expected = theory.bpa_strengths(start, x, y, times=times, rate_ratio=ratio).transpose(
        "time", "seed", "mode"
    )
    errors = [
        np.abs(measured(follow(bpa(x, y, ratio), start, rate, times), x, y) - expected.values).max()
        for rate in RATES
    ]
    assert_first_order(errors)


def test_at_nearly_equal_rates_the_integrated_form_of_bpa_is_the_closed_one():
    start, times = drawn(4, 34, 8, 34), np.linspace(0, 30, 11)
    closed, integrated = (theory.bpa_strengths(start, X, times=times, rate_ratio=r) for r in (1, 1 + 1e-9))
    np.testing.assert_allclose(integrated, closed, atol=1e-6)


def test_a_start_that_holds_nothing_of_a_mode_waits_for_ever():
    held = np.diag([0.1, 0.0])
    np.testing.assert_allclose(
        theory.hidden_half_rise(held, np.eye(2) * [3.0, 1.0]), [np.log(99) * 2 / 18, np.inf]
    )


def test_the_hidden_layer_reaches_half_near_the_foretold_time():
    W0, _ = drawn(20, 34, 8, 34)
    foretold = theory.hidden_half_rise(W0, DATA)
    times = np.linspace(0, 150, 1501)
    p = np.einsum("stkk->stk", theory.oja_flow(W0 @ V, np.diag(EIGENVALUES), times))
    half = times[times.size - (p[:, ::-1] < 0.5).argmax(1)]  # the first from which p stays over one half
    miss = np.abs(foretold / half - 1)
    assert np.median(miss) < 0.1
    assert foretold.shape == (20, 8)


@pytest.mark.parametrize("rule", ["bpa", "backprop"])
def test_from_small_weights_the_responses_of_both_rules_reach_half_near_the_foretold_time(rule):
    W1, W2 = drawn(20, 34, 8, 34, scale=0.1)
    foretold = theory.hidden_half_rise(W1 if rule == "bpa" else (W1 + W2.mT) / 2, X)
    follows = theory.bpa_strengths if rule == "bpa" else theory.backprop_strengths
    course = follows([W1, W2], X, times=np.linspace(0, 150, 1501)).rename(time="epoch")
    late = modes.half_learned(course, MODES).values / foretold
    assert 1 < np.median(late) < 1.06


def test_half_rise_in_the_hidden_layer_is_exact_for_one_unit_along_a_mode():
    W0 = 0.1 * V[:, [2]].T
    foretold = theory.hidden_half_rise(np.sqrt(0.5) * W0 + np.sqrt(0.5) * 0.1 * V[:, [0]].T, X)
    assert foretold[0] == pytest.approx(np.log(1 / 0.005 - 1) / 2 / EIGENVALUES[0])
    assert np.isnan(foretold[1:]).all()  # one unit holds one mode
    P = theory.oja_flow(0.1 * V[:, [0]].T, C, theory.hidden_half_rise(0.1 * V[:, [0]].T, X)[:1])[0]
    assert V[:, 0] @ P @ V[:, 0] == pytest.approx(0.5)
    assert theory.hidden_half_rise(0.9 * V[:, [0]].T, X)[0] == 0


def test_null_modes_have_no_half_rise():
    foretold = theory.hidden_half_rise(drawn(1, 34, 20, 34)[0], np.vstack([X, X[1]]))
    assert np.isnan(foretold).tolist() == [[False] * 8 + [True]]


# -------------------------------------------------------------------------------------------- backprop, from any start


@pytest.mark.parametrize(("units", "ratio"), [((), 1), ((8,), 1), ((3,), 0.5), ((9, 7), 1), ((9, 7), 3)])
@pytest.mark.parametrize("lesson", LESSONS)
def test_backprop_from_any_start_follows_its_strengths_to_first_order(lesson, units, ratio):
    x, y = LESSONS[lesson]
    start, times = drawn(3, x.shape[1], *units, y.shape[1]), np.linspace(0, 8, 9)
    expected = theory.backprop_strengths(start, x, y, times=times, rate_ratio=ratio).transpose(
        "time", "seed", "mode"
    )
    step = gradient(x, y, ratio if units else 1)
    errors = [
        np.abs(measured(follow(step, start, rate, times), x, y) - expected.values).max() for rate in RATES
    ]
    assert_first_order(errors)


@pytest.mark.parametrize("layers", CURVES)
@pytest.mark.parametrize("task", TASKS)
def test_from_an_aligned_start_the_strengths_are_the_curves(task, layers):
    x, y, s, c, tau, *_ = TASKS[task]
    a0, times = np.linspace(0.2, 0.1, 8), tau * np.linspace(0, 8, 9)
    start = theory.aligned_start(x, y, a0=a0, units=[8, 12, 9][: layers - 1])
    share = CURVES[layers](s, a0, times, tau, c) * c / s
    strengths = theory.backprop_strengths(start, x, y, times=times)
    np.testing.assert_allclose(strengths, share * modes.svd(y).s.values, atol=1e-8)


@pytest.mark.parametrize("a0", [1e-6, 1e-12])
def test_a_net_of_two_layers_is_the_closed_form_from_the_smallest_starts_too(a0):
    times = np.linspace(0, 60, 301)
    found = theory.deep([1.0, 0.5], a0, times, layers=2)
    np.testing.assert_allclose(found, theory.two_layer([1.0, 0.5], a0, times), atol=1e-8)


@pytest.mark.parametrize(("layers", "a0"), [(3, 1e-6), (3, 1e-12), (5, 1e-9)])
def test_a_deep_net_rises_when_the_quadrature_of_its_equation_says(layers, a0):
    """Of b = a^(1/D): dt = db / (b^(D-1) (1 - b^D)), in the logarithm of b."""
    for a in (0.1, 0.5, 0.9):
        ends = np.log([a0, a]) / layers
        time = quad(
            lambda b: np.exp((2 - layers) * b) / (1 - np.exp(layers * b)), *ends, epsrel=1e-12, limit=500
        )[0]
        assert theory.deep([1.0], a0, [time], layers=layers).item() == pytest.approx(a, abs=1e-7)


# ------------------------------------------------------------------------------------------ are BPA and backprop one?


def from_start(rule, start, rate, epochs):
    """Train the autoassociator 34-8-34 without biases; the responses' strengths, (seed, epoch, mode), as shares."""
    run = train(
        dataclasses.replace(RULES[rule], rate=rate),
        Network((34, 8, 34), biases=False),
        DATA,
        epochs=epochs,
        seeds=len(start[0]),
        every=max(1, epochs // 200),
        start=dict(zip(("W1", "W2"), start, strict=True)),
        progress=False,
    )
    return run, modes.strengths(run.response(), MODES) / S


@pytest.mark.parametrize("rate", [0.1, 0.01])
def test_from_an_aligned_start_bpa_and_backprop_are_one_step_by_step_at_any_rate(rate):
    starts = zip(
        *(theory.aligned_start(X, a0=np.linspace(0.01, 0.3, 8), units=8, seed=s) for s in (0, 1)), strict=True
    )
    start = [np.array(W) for W in starts]
    backprop, bpa = (from_start(rule, start, rate, 200)[0] for rule in ("backprop", "bpa"))
    for name in ("W1", "W2"):
        np.testing.assert_allclose(backprop.data[name], bpa.data[name], atol=1e-12)


def test_bpa_keeps_tied_weights_tied_and_backprop_does_not():
    W1, _ = drawn(3, 34, 8, 34)
    for rule, ties in (("bpa", True), ("backprop", False)):
        run, _ = from_start(rule, [W1, W1.mT], 0.1, 100)
        apart = float(abs(run.data["W2"].values - run.data["W1"].values.mT).max())
        assert (apart < 1e-12) == ties


def most_apart(first, second):
    """The largest difference of the shares of any mode at any time, by seed."""
    return abs(first - second).max(("time", "mode")).values


def test_from_small_weights_they_agree_if_tied_and_otherwise_as_if_both_layers_started_from_the_mean():
    W1, W2 = drawn(8, 34, 8, 34)
    times, medians = np.linspace(0, 120, 241), {"tied": [], "mean": [], "apart": []}
    for scale in (1, 0.1, 0.01):
        first, second = scale * W1, scale * W2
        mean = (first + second.mT) / 2
        backprop, bpa = (
            lambda *start: theory.backprop_strengths(start, X, times=times) / S,
            lambda *start: theory.bpa_strengths(start, X, times=times) / S,
        )
        drawn_apart = backprop(first, second)
        for name, pair in (
            ("tied", (backprop(first, first.mT), bpa(first, first.mT))),
            ("mean", (drawn_apart, bpa(mean, mean.mT))),
            ("apart", (drawn_apart, bpa(first, second))),
        ):
            medians[name].append(np.median(most_apart(*pair)))
    for name in ("tied", "mean"):
        large, small, smaller = medians[name]
        assert large > 0.1 > 5 * small > 5 * smaller, medians
    assert min(medians["apart"]) > 0.2


# ------------------------------------------------------------------------------------------------- the package's train


def errors_of(rule, start, last, expected):
    """Train at three rates; the largest difference from expected(times), in shares of each mode."""
    errors = []
    for rate in RATES:
        run, shares = from_start(rule, start, rate, round(last / rate))
        errors.append(np.abs(shares.values - expected(run.data["epoch"].values * rate)).max())
    return errors


def test_backprop_from_an_aligned_start_follows_two_layer_to_first_order():
    start = [W[None] for W in theory.aligned_start(X, a0=0.02, units=8)]
    assert_first_order(
        errors_of("backprop", start, 30, lambda t: theory.two_layer(EIGENVALUES, 0.02, t, inputs=EIGENVALUES))
    )


@pytest.mark.parametrize("rule", ["bpa", "backprop"])
def test_training_from_any_start_follows_its_strengths_to_first_order(rule):
    start, follows = drawn(3, 34, 8, 34), {"bpa": theory.bpa_strengths, "backprop": theory.backprop_strengths}
    assert_first_order(errors_of(rule, start, 30, lambda t: follows[rule](start, X, times=t).values / S))


def test_a_deep_net_follows_its_curve_to_first_order():
    start = theory.aligned_start(np.eye(8), X, a0=0.1, units=(8, 9))
    errors = []
    for rate in RATES:
        run = train(
            dataclasses.replace(RULES["backprop"], rate=8 * rate),
            Network((8, 8, 9, 34), biases=False),
            np.eye(8),
            X,
            epochs=round(8 / rate),
            start={f"W{layer}": W for layer, W in enumerate(start, 1)},
            progress=False,
        )
        expected = theory.deep(S, 0.1, 8 * rate * run.data["epoch"].values, tau=8)
        errors.append(np.abs(modes.strengths(run.response(), MODES).values[0] - expected).max())
    assert_first_order(errors)


def test_bpa_is_within_a_hundredth_of_each_mode_in_the_worst_of_twenty_seeds():
    start = drawn(20, 34, 8, 34)
    run, shares = from_start("bpa", start, 5e-3, 20_000)
    expected = theory.bpa_strengths(start, X, times=5e-3 * run.data["epoch"].values)
    error = np.abs(shares.values - expected.values / S)
    assert error.shape == (20, 201, 8)
    assert error.max() <= 0.01


# --------------------------------------------------------------------------------------------------------------- labels


@pytest.mark.parametrize("follows", [theory.bpa_strengths, theory.backprop_strengths])
def test_strengths_carry_times_modes_and_the_names_of_the_seeds(follows):
    W1, W2 = drawn(2, 34, 8, 34)
    named = xr.DataArray(W1, dims=("seed", "post", "pre"), coords={"seed": [3, 5]})
    strengths = follows([named, W2], DATA, times=[4.0, 0.0])
    assert strengths.dims == ("seed", "time", "mode")
    assert strengths.seed.values.tolist() == [3, 5]
    assert strengths.time.values.tolist() == [4, 0]
    assert strengths.mode.values.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    np.testing.assert_allclose(strengths.sel(time=0), S * projected(W2 @ W1), atol=1e-12)
    alone = follows([W1[0], W2[0]], DATA, times=[4.0])
    assert alone.dims == ("time", "mode")
    np.testing.assert_allclose(alone[0], strengths[0, 0], atol=1e-9)


# ----------------------------------------------------------------------------------------------------------------- fits


def noisy_curves(layers, draws, noise, seed):
    """Curves of two modes with noise, (seed, epoch, mode), and what they were made of."""
    s, a0, tau, epochs = np.array([3.0, 1.0]), np.array([0.02, 0.3]), 60.0, np.arange(0.0, 300.0, 3.0)
    if layers == 1:
        a0, epochs = np.array([-0.2, 0.1]), np.arange(0.0, 300.0, 6.0)
    clean = CURVES[layers](s, a0, epochs, tau)
    curves = clean + noise * np.random.default_rng(seed).normal(size=(draws, *clean.shape))
    array = xr.DataArray(curves, {"epoch": epochs, "mode": [1, 2]}, ("seed", "epoch", "mode"))
    return array, np.diag(s), np.stack([a0, [tau, tau]], axis=-1)


@pytest.mark.parametrize("layers", [1, 2])
def test_fits_without_noise_find_what_the_curve_was_made_of(layers):
    curves, data, true = noisy_curves(layers, 1, 0.0, 0)
    fit = theory.fit_strengths(curves, data, layers)
    np.testing.assert_allclose(fit.estimate[0], true, rtol=1e-6)
    np.testing.assert_allclose(fit.standard_error[0], 0, atol=1e-6)


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize("layers", [1, 2])
def test_intervals_of_fits_hold_the_truth_as_often_as_they_say(layers, level):
    curves, data, true = noisy_curves(layers, 300, 0.05, 11)
    fit = theory.fit_strengths(curves, data, layers, level)
    held = ((fit.low <= true) & (true <= fit.high)).sum("seed").values  # (mode, parameter)
    fewest, most = binom.interval(0.9995, 300, level)
    assert ((held >= fewest) & (held <= most)).all(), held
    spread = fit.estimate.std("seed")
    np.testing.assert_allclose(fit.standard_error.median("seed") / spread, 1, atol=0.2)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_curve_that_starts_above_its_half_is_fitted_too(layers):
    epochs = np.arange(0.0, 200.0, 5.0)
    curve = xr.DataArray(CURVES[layers]([2.0], 1.3, epochs, 40.0), {"epoch": epochs}, ("epoch", "mode"))
    fit = theory.fit_strengths(curve, [[2.0]], layers)
    np.testing.assert_allclose(fit.estimate, [[1.3, 40.0]], rtol=1e-6)


def test_what_was_never_learned_has_no_fit():
    curves, data, _ = noisy_curves(2, 2, 0.01, 0)
    curves[1, :, 1] = 0.3  # never half of 1
    curves[0, 10:, 0] = np.nan  # a seed that ended before its half
    fit = theory.fit_strengths(curves, data)
    assert fit.estimate.isnull().all("parameter").values.tolist() == [[True, False], [False, True]]
    assert fit.low.notnull().equals(fit.estimate.notnull())
    null = theory.fit_strengths(curves, np.diag([3.0, 0.0]))
    assert null.estimate[:, 1].isnull().all()


def test_a_seed_that_ended_is_fitted_up_to_its_end():
    curves, data, true = noisy_curves(2, 1, 0.0, 0)
    curves[0, 70:] = np.nan
    np.testing.assert_allclose(theory.fit_strengths(curves, data).estimate[0], true, rtol=1e-6)


def test_a_course_on_disk_is_fitted_as_in_memory():
    epochs = np.arange(100.0)
    curve = xr.DataArray(
        theory.two_layer([3.0, 1.0], 0.01, epochs, tau=40), {"epoch": epochs}, ("epoch", "mode")
    )
    xr.testing.assert_identical(
        *(theory.fit_strengths(c, np.diag([3.0, 1.0])) for c in (curve, curve.chunk(epoch=7)))
    )


def test_a_mode_that_begins_above_its_end_has_no_two_layer_fit_but_one_of_one_layer():
    epochs = np.arange(60.0)
    for form, curve, expected in (
        (2, theory.two_layer([3.0], [4.0], epochs, tau=20), [np.nan, np.nan]),
        (1, theory.one_layer([3.0], [4.0], epochs, tau=20), [4, 20]),
    ):
        course = xr.DataArray(curve, {"epoch": epochs}, ("epoch", "mode"))
        fit = theory.fit_strengths(course, [[3.0]], form)
        np.testing.assert_allclose(fit.estimate[0], expected, rtol=1e-6)
        assert bool(fit.isnull().to_array().all()) == (form == 2)


def test_a_mode_that_is_there_at_once_has_an_interval_without_end():
    curve = xr.DataArray([[0.0], [2.0], [2.0], [2.0], [2.0]], dims=("epoch", "mode"))
    fit = theory.fit_strengths(curve, [[2.0]])
    a0, tau = fit.sel(parameter="a0"), fit.sel(parameter="tau")
    assert (float(a0.low[0]), float(a0.high[0])) == (0, 2)
    assert (float(tau.low[0]), float(tau.high[0])) == (0, np.inf)


def test_fits_find_starts_and_time_constants_of_any_size():
    rng, found = np.random.default_rng(3), []
    for _ in range(100):
        share, tau, s = 10 ** rng.uniform(-8, -0.4), 10 ** rng.uniform(0.5, 3), rng.uniform(0.2, 5)
        epochs = np.linspace(0, tau / s * np.log(1 / share), 60)
        curve = theory.two_layer([s], share * s, epochs, tau) + 0.003 * s * rng.normal(size=(60, 1))
        fit = theory.fit_strengths(xr.DataArray(curve, {"epoch": epochs}, ("epoch", "mode")), [[s]])
        found.append(fit.estimate.values[0] / [share * s, tau])
    assert np.abs(np.array(found)[:, 1] - 1).max() < 0.05
    assert np.abs(np.log(np.array(found)[:, 0])).max() < 1


def test_fitted_time_constants_of_training_from_an_aligned_start_are_those_of_theory():
    start = [W[None] for W in theory.aligned_start(X, a0=0.02, units=8)]
    _, shares = from_start("backprop", start, 0.01, 6000)
    fit = theory.fit_strengths(shares * S, MODES)
    tau = fit.estimate.sel(parameter="tau", seed=0)
    np.testing.assert_allclose(tau, 8 / (S * 0.01), rtol=0.03)


# ----------------------------------------------------------------------------------------------------------- bad input


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
            "layers is a whole number from 1, not 0",
        ),
        (
            lambda: theory.aligned_start(X, X[:3], a0=0.1, units=8),
            "8 items in x, 3 in y: each item has one input and one target",
        ),
        (
            lambda: theory.aligned_start(X, a0=[0.1, 0.2], units=8),
            "a0 = [0.1, 0.2]: one strength greater than 0, or one for each of the 8 modes",
        ),
        (lambda: theory.deep([1.0], 0.1, [1.0], layers=np.nan), "layers is a whole number from 1, not nan"),
        (lambda: theory.aligned_start(X, a0=0.1, units=2.9), "units is a whole number from 1, not 2.9"),
        (lambda: theory.aligned_start(X, a0=0.1, units="a"), "units is a whole number from 1, not 'a'"),
        (
            lambda: theory.backprop_strengths(
                [np.ones((8, 34)), np.where(np.eye(34, 8), np.nan, 1)], X, times=[1.0]
            ),
            "W2 is not finite: a training starts from finite weights",
        ),
        (
            lambda: theory.aligned_start(X, a0=0.1, units=(8, 0)),
            "units is a whole number from 1, not 0",
        ),
        (
            lambda: theory.aligned_start(X[:, ::2], X[:, 1::2], a0=0.1, units=8),
            "the inputs mix the modes of the targets, so that no start is along them: whiten the inputs",
        ),
        (
            lambda: theory.aligned_start(X[None], a0=0.1, units=8),
            "items are one matrix, (item, property); got the shape (1, 8, 34)",
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
            lambda: theory.bpa_strengths([np.ones((8, 33)), np.ones((34, 8))], X, times=[1.0]),
            "weights of the shapes (8, 33), (34, 8) do not lead from 34 inputs to 34 outputs; "
            "each is (post, pre), or all are (n_seeds, post, pre)",
        ),
        (
            lambda: theory.backprop_strengths([np.ones((2, 8, 34)), np.ones((34, 8))], X, times=[1.0]),
            "weights of the shapes (2, 8, 34), (34, 8) do not lead from 34 inputs to 34 outputs; "
            "each is (post, pre), or all are (n_seeds, post, pre)",
        ),
        (
            lambda: theory.backprop_strengths(
                [np.ones((3, 2, 8, 34)), np.ones((3, 2, 34, 8))], X, times=[1.0]
            ),
            "weights of the shapes (3, 2, 8, 34), (3, 2, 34, 8) do not lead from 34 inputs to 34 outputs; "
            "each is (post, pre), or all are (n_seeds, post, pre)",
        ),
        (
            lambda: theory.bpa_strengths([0.1, 0.1], X, times=[1.0]),
            "weights of the shapes (), () do not lead from 34 inputs to 34 outputs; "
            "each is (post, pre), or all are (n_seeds, post, pre)",
        ),
        (
            lambda: theory.backprop_strengths([], X, times=[1.0]),
            "weights of the shapes none do not lead from 34 inputs to 34 outputs; "
            "each is (post, pre), or all are (n_seeds, post, pre)",
        ),
        (
            lambda: theory.bpa_strengths([np.ones((34, 34))], X, times=[1.0]),
            "BPA has two layers of weights, hidden and output; got 1",
        ),
        (
            lambda: theory.bpa_strengths([np.ones((8, 34)), np.ones((34, 8))], X, times=[1.0], rate_ratio=0),
            "rate_ratio = 0: the output rate over the hidden rate is greater than 0",
        ),
        (
            lambda: theory.backprop_strengths([np.ones((8, 34)), np.ones((34, 8))], X, times=[-1.0]),
            "times = [-1.]: a list of times, finite and not negative",
        ),
        (
            lambda: theory.fit_strengths(xr.DataArray(np.ones((3, 8)), dims=("epoch", "mode")), X, layers=3),
            "layers = 3: a curve is fitted by the form of 1 or of 2 layers of weights",
        ),
        (
            lambda: theory.fit_strengths(xr.DataArray(np.ones((3, 8)), dims=("epoch", "mode")), X, level=95),
            "the level of an interval is between 0 and 1; got 95",
        ),
        (
            lambda: theory.fit_strengths(xr.DataArray(np.ones((3, 8)), dims=("epoch", "mode")), X, level=1),
            "the level of an interval is between 0 and 1; got 1",
        ),
        (
            lambda: theory.hidden_half_rise(np.ones((8, 33)), X),
            "W0 has the shape (8, 33): its last axis must be the 34 properties of x",
        ),
    ],
)
def test_bad_input_is_told_in_one_line(call, message):
    assert refused(call) == message
