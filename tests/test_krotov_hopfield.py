"""Claims about Krotov and Hopfield's rule: the published algorithm to the last digits, and what it comes to."""

import numpy as np
import plain
import pytest
from refusals import refused
from sklearn.datasets import load_digits

from semantic_svd.network import Network
from semantic_svd.plasticity import (
    Delta,
    Frozen,
    KrotovHopfield,
    Momentum,
    Rows,
    Sparsified,
    Synapse,
    Thresholded,
    apply,
)
from semantic_svd.rules import RULES, Rule
from semantic_svd.training import train

DIGITS = load_digits().data / 16
MNIST, CIFAR = KrotovHopfield(), KrotovHopfield(p=5, k=2, delta=0.1)  # the published settings


def refuse():
    raise AssertionError("a signal was computed that the rule does not read")


def step(kh, W, x, memory, rate=0.02):
    """Change W (seed, post, pre) once and return the change, as the rule gives it."""
    change = kh(Synapse(W, lambda: x, refuse, refuse, refuse), memory)
    apply(W, change, rate)
    return change


def published_step(kh, W, x, rate=0.02):
    """Change W (post, pre) once: full matrices, as in the published code."""
    drive = np.dot(np.sign(W) * np.absolute(W) ** (kh.p - 1), x.T)
    ranked = np.argsort(drive, axis=0)
    g = np.zeros(drive.shape)
    g[ranked[-1], np.arange(len(x))] = 1.0
    g[ranked[-kh.k], np.arange(len(x))] = -kh.delta
    change = np.dot(g, x) - np.sum(g * drive, axis=1)[:, None] * W
    W += rate * change / max(np.abs(change).max(), 1e-30)


@pytest.mark.parametrize("kh", [MNIST, CIFAR, KrotovHopfield(p=2, k=3, delta=0.0)], ids=repr)
def test_a_hundred_batches_at_a_hundred_units_are_those_of_the_published_loop_unit_by_unit(kh):
    rng = np.random.default_rng(0)
    W = rng.normal(size=(1, 100, 64))
    expected, memory = W[0].copy(), kh.memory(W)
    for _ in range(100):
        x = DIGITS[rng.choice(len(DIGITS), 20, replace=False)]
        step(kh, W, x, memory)
        expected += 0.02 * plain.change(kh, expected, [(item, None, None, None) for item in x])
        np.testing.assert_allclose(W[0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kh", [MNIST, CIFAR], ids=repr)
def test_a_hundred_batches_at_two_thousand_units_are_those_of_the_published_loop(kh):
    rng = np.random.default_rng(1)
    W = rng.normal(size=(1, 2000, 100))
    expected, memory = W[0].copy(), kh.memory(W)
    for _ in range(100):
        x = rng.random((100, 100)) * (rng.random((100, 100)) < 0.2)
        step(kh, W, x, memory)
        published_step(kh, expected, x)
        np.testing.assert_allclose(W[0], expected, rtol=0, atol=1e-12)


def test_the_vectorised_published_loop_is_the_one_unit_by_unit():
    rng = np.random.default_rng(2)
    W, x = rng.normal(size=(30, 64)), DIGITS[:20]
    expected = W + 0.02 * plain.change(MNIST, W, [(item, None, None, None) for item in x])
    published_step(MNIST, W, x)
    np.testing.assert_allclose(W, expected, rtol=0, atol=1e-14)


def test_through_training_the_rate_falls_to_zero_and_an_incomplete_batch_is_dropped():
    network = Network((64, 20, 2), biases=False, initial="normal")
    x, y = DIGITS[:50], np.zeros((50, 2))
    run = train("krotov_hopfield", network, x, y, epochs=5, seeds=[3], batch_size=20)
    W = plain.start(RULES["krotov_hopfield"], network, seed=3)["W1"]
    for epoch in range(5):
        order = np.random.default_rng((3, plain.ORDER, epoch)).permutation(50)
        for batch in (order[:20], order[20:40]):
            published_step(MNIST, W, x[batch], rate=0.04 * (1 - epoch / 5))
        np.testing.assert_allclose(run.weights(1)[0, epoch + 1], W, rtol=0, atol=1e-12)
    assert (run.weights(2)[0] == run.weights(2)[0, 0]).all()


@pytest.mark.parametrize("shared", [True, False])
def test_seeds_side_by_side_are_each_as_alone(shared):
    rng = np.random.default_rng(3)
    W = rng.normal(size=(3, 30, 64))
    alone, memory = W.copy(), MNIST.memory(W)
    memories = [MNIST.memory(alone[[s]]) for s in range(3)]
    for _ in range(10):
        chosen = rng.integers(0, len(DIGITS), (20,) if shared else (3, 20))
        step(MNIST, W, DIGITS[chosen], memory)
        for s in range(3):
            one = alone[[s]]
            step(MNIST, one, DIGITS[chosen if shared else chosen[s]], memories[s])
            alone[s] = one[0]
    np.testing.assert_allclose(W, alone, rtol=0, atol=1e-13)


def test_only_winners_and_kth_units_change_and_the_largest_entry_of_each_seeds_change_is_one():
    rng = np.random.default_rng(4)
    W, x = rng.normal(size=(2, 200, 64)), DIGITS[:10]
    memory = MNIST.memory(W)
    step(MNIST, W, DIGITS[10:20], memory)
    before = W.copy()
    change = step(MNIST, W, x, memory, rate=0.5)
    assert isinstance(change, Rows)
    changed = (before != W).any(axis=2)
    np.testing.assert_array_equal(memory["changed"], changed)
    ranked = np.argsort((before * np.abs(before)) @ x.T, axis=1)
    for s in range(2):
        assert set(np.flatnonzero(changed[s])) == set(ranked[s, -1]) | set(ranked[s, -7])
        assert np.abs(W - before)[s].max() == pytest.approx(0.5, rel=1e-12)


def test_a_blank_image_at_which_all_units_tie_changes_nothing():
    W = np.random.default_rng(5).normal(size=(1, 10, 64))
    before = W.copy()
    step(MNIST, W, np.zeros((3, 64)), MNIST.memory(W))
    np.testing.assert_array_equal(W, before)


def test_single_precision_stays_single():
    W = np.random.default_rng(6).normal(size=(1, 30, 64)).astype(np.float32)
    memory = MNIST.memory(W)
    change = step(MNIST, W, DIGITS[:20].astype(np.float32), memory)
    assert {W.dtype, change.values.dtype, memory["powers"].dtype} == {np.dtype("float32")}


@pytest.mark.parametrize("kh", [MNIST, CIFAR], ids=repr)
def test_weights_of_pixels_that_are_always_dark_vanish_but_never_into_slow_subnormal_numbers(kh):
    x = np.hstack([DIGITS[:200], np.zeros((200, 8))]).astype(np.float32)
    W = np.random.default_rng(7).normal(size=(1, 30, 72)).astype(np.float32)
    memory, smallest = kh.memory(W), np.finfo(np.float32).tiny
    for _ in range(300):
        for first in range(0, 200, 20):
            step(kh, W, x[first : first + 20], memory, rate=0.1)
        for numbers in np.abs(W), np.abs(memory["powers"]):
            assert not ((numbers > 0) & (numbers < smallest)).any()
    assert np.median(np.abs(W[..., -8:])) < 1e-20  # they did vanish


def test_units_that_win_come_to_a_p_norm_of_one_on_digits():
    network = Network((64, 50, 1), biases=False, initial="normal")
    run = train(
        "krotov_hopfield",
        network,
        DIGITS,
        np.zeros((len(DIGITS), 1)),
        epochs=100,
        seeds=2,
        batch_size=100,
        every=100,
    )
    norms = (np.abs(run.weights(1)) ** 3).sum("pre").values
    assert np.median(norms[:, 0]) > 80  # 64 numbers of E|w|^3 = 1.6
    np.testing.assert_allclose(np.median(norms[:, 1], axis=1), 1, rtol=0, atol=0.01)
    assert (np.mean(np.abs(norms[:, 1] - 1) < 0.02, axis=1) >= 0.9).all()  # the others won no image


@pytest.mark.parametrize("kh", [MNIST, CIFAR], ids=repr)
@pytest.mark.parametrize("size", [0.7, 0.999, 1.001, 1.5])
def test_the_p_norm_comes_to_one_where_a_unit_wins_and_leaves_it_at_the_kth_place(kh, size):
    rng = np.random.default_rng(5)
    W = rng.random((1, kh.k, 9))
    W *= (size / (np.abs(W) ** kh.p).sum(axis=2, keepdims=True)) ** (1 / kh.p)
    before, rate, x = (np.abs(W[0]) ** kh.p).sum(axis=1), 1e-7, rng.random((1, 9))
    drive = (np.sign(W[0]) * np.abs(W[0]) ** (kh.p - 1)) @ x[0]
    g = np.zeros(kh.k)
    g[drive.argmax()], g[drive.argsort()[-kh.k]] = 1, -kh.delta
    scale = np.abs(g[:, None] * (x - drive[:, None] * W[0])).max()
    step(kh, W, x, kh.memory(W), rate)
    grown = ((np.abs(W[0]) ** kh.p).sum(axis=1) - before) / rate
    np.testing.assert_allclose(grown, kh.p * g * drive * (1 - before) / scale, rtol=1e-3, atol=1e-6)


def test_seeds_that_leave_take_their_powers_with_them():
    network = Network((64, 20, 10), hidden="relu", output="linear", initial="normal", scale=0.3)
    x, y = DIGITS[:60], np.eye(10)[load_digits().target[:60]]
    rule = Rule(hidden=MNIST, bias=Frozen(), rate=(0.04, 0.002, 0.0))
    whole = train(rule, network, x, y, epochs=30, seeds=3, batch_size=20)
    stop = float(np.sort(whole.data.loss.values[:, 15])[1])
    beside = train(rule, network, x, y, epochs=30, seeds=3, batch_size=20, stop_below=stop)
    assert len(set(beside.data.end_epoch.values)) > 1
    for seed in range(3):
        end = int(beside.data.end_epoch[seed])
        expected = whole.weights(1).sel(seed=seed, epoch=end)
        np.testing.assert_allclose(beside.final().weights(1).sel(seed=seed), expected, rtol=0, atol=1e-12)


def test_more_rivals_than_units_are_refused():
    said = refused(train, "krotov_hopfield", Network((64, 6, 2)), DIGITS[:9], np.zeros((9, 2)), epochs=1)
    assert said == "KrotovHopfield(k=7) needs 7 units or more, the layer has 6"


@pytest.mark.parametrize(
    "settings", [{"p": 1.5}, {"k": 1}, {"delta": -0.1}, {"p": float("nan")}, {"delta": float("inf")}]
)
def test_settings_that_are_none_are_refused(settings):
    numbers = {"p": 3.0, "k": 7, "delta": 0.4} | settings
    text = ", ".join(f"{name}={value!r}" for name, value in numbers.items())
    assert refused(KrotovHopfield, **settings) == (
        f"KrotovHopfield has p and k of 2 or more and delta of 0 or more, not KrotovHopfield({text})"
    )


@pytest.mark.parametrize(("name", "value"), [("p", "three"), ("k", 2.5), ("delta", None)])
def test_settings_that_are_no_numbers_are_refused(name, value):
    assert refused(KrotovHopfield, **{name: value}) == f"{name} of KrotovHopfield is a number, not {value!r}"


@pytest.mark.parametrize(
    ("make", "whole"),
    [
        (lambda: Delta() + 0.1 * MNIST, "a sum"),
        (lambda: Thresholded(MNIST), "Thresholded"),
        (lambda: Momentum(Sparsified(MNIST)), "Momentum"),
    ],
)
def test_it_stands_alone_as_it_remembers_the_powers_of_rows_that_it_did_not_change(make, whole):
    assert refused(make) == f"KrotovHopfield stands alone in a synapse, not in {whole}"


@pytest.mark.parametrize("wrapped", [0.5 * MNIST, Sparsified(MNIST, keep=0.1)], ids=repr)
def test_wrappers_that_change_no_more_rows_keep_its_powers_right(wrapped):
    rng = np.random.default_rng(7)
    W = rng.normal(size=(1, 30, 64))
    memory = wrapped.memory(W)
    expected = W[0].copy()
    for _ in range(20):
        x = DIGITS[rng.choice(len(DIGITS), 10)]
        step(wrapped, W, x, memory, rate=0.1)
        expected += 0.1 * plain.change(wrapped, expected, [(item, None, None, None) for item in x])
    np.testing.assert_allclose(W[0], expected, rtol=0, atol=1e-12)
    assert Rule(hidden=wrapped).whole_batches
    assert not Rule(hidden=Thresholded(Delta())).whole_batches
