"""Claims about feedback: the kinds of B, their angles to W', and what a B that learns comes to."""

import dataclasses
import itertools
from typing import get_args

import numpy as np
import plain
import pytest
from refusals import refused

from semantic_svd.feedback import Feedback, Kind
from semantic_svd.network import Network
from semantic_svd.plasticity import Delta, Frozen, Hebb, Oja
from semantic_svd.rules import RULES, Rule
from semantic_svd.training import train

KINDS = get_args(Kind)
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(7, 6)), RNG.normal(size=(7, 3))
NETWORK = Network((6, 5, 4, 3), hidden="tanh")
every_kind = pytest.mark.parametrize("kind", KINDS)


def first(kind, sizes, scale=None):
    """Return B of layer 1 and the product of the forward matrices from layer 1 on, one seed, uniform weights."""
    network, rng = Network(sizes), np.random.default_rng(1)
    matrices = [network.draw(rng, post, pre) for pre, post in itertools.pairwise(sizes[1:])]
    forward = np.linalg.multi_dot([*matrices[::-1], np.eye(sizes[1])])[None]
    drawn = network.draw(rng, sizes[-1], sizes[1])[None]
    feedback = Feedback(kind, scale)
    B = feedback.start(drawn, forward, network.std(sizes[1]))
    return feedback.used(B, forward)[0], forward[0]


@pytest.mark.parametrize(
    ("kind", "degrees"), [("random", 90), ("binary", 90), ("binary_sign", 30.000), ("random_sign", 41.410)]
)
def test_at_the_start_b_stands_at_the_closed_form_angle_to_the_weights(kind, degrees):
    B, W = first(kind, (1, 784, 500))
    assert plain.angle(B, W.T) == pytest.approx(degrees, abs=0.3)


@pytest.mark.parametrize(("kind", "degrees"), [("binary_sign", 37.07), ("random_sign", 46.29)])
def test_on_the_direct_path_the_angle_to_the_product_of_two_layers_is_wider(kind, degrees):
    B, product = first(kind, (1, 784, 600, 500))
    assert plain.angle(B, product.T) == pytest.approx(degrees, abs=0.3)


def test_the_closed_form_angles_are_those_of_uniform_and_normal_numbers():
    u = np.sqrt(3) / 2  # E|u| / std of uniform numbers; sqrt(2 / pi) of normal ones
    cosines = np.array([u, u**2, np.sqrt(2 / np.pi), u * np.sqrt(2 / np.pi)])
    np.testing.assert_allclose(np.degrees(np.arccos(cosines)), [30, 41.410, 37.07, 46.29], rtol=0, atol=5e-3)


@every_kind
def test_b_is_as_large_as_the_first_weights(kind):
    B, W = first(kind, (1, 784, 500))
    assert B.shape == W.T.shape
    assert B.std() == pytest.approx(W.std(), rel=0.01)


@pytest.mark.parametrize("kind", ["binary", "binary_sign"])
def test_a_binary_b_of_scale_one_is_the_literal_matrix(kind):
    assert set(np.unique(first(kind, (1, 20, 10), scale=1)[0])) == {-1.0, 1.0}


@every_kind
def test_only_sign_kinds_that_do_not_learn_copy_signs_at_every_pass(kind):
    assert Feedback(kind).copies_signs == kind.endswith("_sign")
    assert not Feedback(kind, learns=Hebb()).copies_signs


@pytest.mark.parametrize("kind", ["random_sign", "binary_sign"])
def test_a_sign_kind_follows_the_signs_of_changed_weights_with_its_sizes_kept(kind):
    drawn, forward = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(2, 3, 4))
    B = Feedback(kind).start(drawn, forward, 0.5)
    turned = Feedback(kind).used(B, -forward)
    np.testing.assert_array_equal(turned, -B)
    np.testing.assert_array_equal(np.sign(B), np.sign(forward.mT))


@pytest.mark.parametrize("kind", ["random_sign", "binary_sign"])
def test_where_a_forward_weight_is_zero_a_sign_kind_carries_nothing(kind):
    W, B = np.array([[[2.0, 0.0, -3.0]]]), np.array([[[0.5], [0.5], [0.5]]])
    np.testing.assert_array_equal(Feedback(kind).used(B, W), [[[0.5], [0.0], [-0.5]]])


@pytest.mark.parametrize("kind", ["random_sign", "binary_sign"])
def test_a_sign_kind_that_learns_copies_signs_once_at_epoch_0(kind):
    rule = Rule(path="chain", feedback=Feedback(kind, learns=Hebb()), rate=(0.1, 0.1, 0.5))
    network = Network((6, 5, 3), biases=False)
    run = train(rule, network, X, Y, epochs=20, seeds=3)
    B, W = run.feedback(1).values, run.weights(2).values
    np.testing.assert_array_equal(np.sign(B[:, 0]), np.sign(W[:, 0].mT))
    feedback = rule.feedback
    np.testing.assert_array_equal(feedback.used(B[:, -1], W[:, -1]), B[:, -1])
    assert (np.sign(B[:, -1]) != np.sign(W[:, -1].mT)).any()


@pytest.mark.parametrize("learns", [Frozen(), Hebb(), Oja(), Delta()], ids=repr)
@pytest.mark.parametrize("path", ["chain", "direct"])
@every_kind
def test_training_through_feedback_is_the_plain_loop(kind, path, learns):
    rule = Rule(path=path, feedback=Feedback(kind, learns=learns), rate=(0.2, 0.1, 0.05))
    run = train(rule, NETWORK, X, Y, epochs=10, seeds=[4], batch_size=3)
    states = plain.train(rule, NETWORK, X, Y, epochs=10, seed=4, batch_size=3)
    names = [name for name in states[0] if name[0] != "B" or learns != Frozen()]
    assert {"W1", "W2", "W3", "b1"} <= set(names)
    for name in names:
        expected = [state[name] for state in states]
        np.testing.assert_allclose(run.data[name][0], expected, rtol=0, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("learns", [Frozen(), Hebb(), Oja(), Delta()], ids=repr)
@every_kind
def test_with_one_hidden_layer_feedback_alignment_is_direct_feedback_alignment(kind, learns):
    chain = Rule(path="chain", feedback=Feedback(kind, learns=learns))
    runs = [
        train(rule, Network((6, 5, 3), hidden="tanh"), X, Y, epochs=10, seeds=2)
        for rule in (chain, dataclasses.replace(chain, path="direct"))
    ]
    for name in ("W1", "b1", "W2", "b2", "B1"):
        np.testing.assert_array_equal(runs[0].data[name], runs[1].data[name])


@pytest.mark.parametrize("hidden", ["linear", "tanh", "relu"])
@pytest.mark.parametrize("path", ["chain", "direct"])
@every_kind
def test_a_step_is_the_formula_of_its_paper(kind, path, hidden):
    network = Network((6, 5, 4, 3), hidden=hidden)
    rng = np.random.default_rng(7)
    start = {name: rng.normal(size=network.shape(name)) for name in network.names()}
    shapes = {"B1": (5, 3), "B2": (4, 3)} if path == "direct" else {"B1": (5, 4), "B2": (4, 3)}
    start |= {name: rng.normal(size=shape) for name, shape in shapes.items()}
    run = train(Rule(path=path, feedback=Feedback(kind), rate=1.0), network, X, Y, epochs=1, start=start)

    W1, W2, W3, B1, B2 = (start[name] for name in ("W1", "W2", "W3", "B1", "B2"))
    if kind.endswith("sign"):  # the sizes are those of B, the signs of what the error would return through
        B2 = np.abs(B2) * np.sign(W3.T)
        B1 = np.abs(B1) * np.sign((W3 @ W2).T if path == "direct" else W2.T)
    f, slope = {
        "linear": (lambda a: a, lambda a: 1.0),
        "tanh": (np.tanh, lambda a: 1 - np.tanh(a) ** 2),
        "relu": (lambda a: a * (a > 0), lambda a: 1.0 * (a > 0)),
    }[hidden]
    a1 = X @ W1.T + start["b1"]
    a2 = f(a1) @ W2.T + start["b2"]
    e = Y - f(a2) @ W3.T - start["b3"]
    # Lillicrap 2016: delta_l = (B delta_{l+1}) f'; Nøkland 2016: delta_l = (B_l e) f'
    d2 = e @ B2.T * slope(a2)
    d1 = (e if path == "direct" else d2) @ B1.T * slope(a1)
    for layer, delta, pre in ((1, d1, X), (2, d2, f(a1)), (3, e, f(a2))):
        dW, db = delta.T @ pre / len(X), delta.mean(axis=0)
        np.testing.assert_allclose(run.weights(layer)[0, 1], start[f"W{layer}"] + dW, rtol=0, atol=1e-13)
        np.testing.assert_allclose(run.biases(layer)[0, 1], start[f"b{layer}"] + db, rtol=0, atol=1e-13)


@every_kind
def test_in_a_linear_network_direct_feedback_through_the_transposed_product_is_backprop(kind):
    network = Network((6, 5, 4, 3))
    back = train("backprop", network, X, Y, epochs=1, seeds=2)
    start = {name: back.data[name].values[:, 0] for name in network.names()}
    feedback = {"B1": (start["W3"] @ start["W2"]).mT, "B2": start["W3"].mT}
    one = train(
        Rule(path="direct", feedback=Feedback(kind)), network, X, Y, epochs=1, seeds=2, start=start | feedback
    )
    for name in network.names():
        np.testing.assert_allclose(one.data[name], back.data[name], rtol=0, atol=1e-15)


@pytest.mark.parametrize("hidden", ["linear", "tanh", "relu"])
@every_kind
def test_feedback_held_at_the_transposed_weights_is_backprop(kind, hidden):
    rule, network = Rule(path="chain", feedback=Feedback(kind)), dataclasses.replace(NETWORK, hidden=hidden)
    back = train("backprop", network, X, Y, epochs=6, seeds=2)
    names = network.names()
    for epoch in range(6):
        start = {name: back.data[name].values[:, epoch] for name in names}
        start |= {f"B{k}": start[f"W{k + 1}"].mT for k in (1, 2)}
        one = train(rule, network, X, Y, epochs=1, seeds=2, start=start)
        for name in names:
            expected = back.data[name].values[:, epoch + 1]
            np.testing.assert_allclose(one.data[name].values[:, 1], expected, rtol=0, atol=1e-15)


def test_a_feedback_matrix_that_does_not_learn_is_the_same_at_the_end():
    run = train(Rule(path="chain"), NETWORK, X, Y, epochs=5, seeds=[3])
    for name, B in plain.start(Rule(path="chain"), NETWORK, seed=3).items():
        if name[0] == "B":
            np.testing.assert_array_equal(run.final().data[name][0], B)
            assert "epoch" not in run.data[name].dims


def test_feedback_that_learns_by_oja_becomes_the_transposed_weights_of_a_frozen_linear_layer():
    rule = Rule(
        hidden=Frozen(),
        output=Frozen(),
        path="chain",
        feedback=Feedback(learns=Oja()),
        rate=(0.0, 0.0, 0.5),
    )
    x = np.linalg.qr(RNG.normal(size=(8, 5)))[0] * np.sqrt(8)
    run = train(
        rule, Network((5, 4, 3), biases=False, scale=2.0), x, np.zeros((8, 3)), epochs=2000, every=2000
    )
    np.testing.assert_allclose(run.feedback(1)[0, -1], run.weights(2)[0, -1].T, rtol=0, atol=1e-9)
    assert np.ptp(run.weights(1).values, axis=1).max() == 0


@pytest.mark.parametrize("path", ["chain", "direct"])
@pytest.mark.parametrize("hidden", ["linear", "tanh"])
def test_feedback_that_learns_by_oja_becomes_the_regression_of_the_sender_on_the_receiver(hidden, path):
    feedback = Feedback(learns=Oja())
    rule = Rule(hidden=Frozen(), output=Frozen(), path=path, feedback=feedback, rate=(0.0, 0.0, 1.0))
    network = Network((4, 9, 8, 3), hidden=hidden, biases=False)
    rng = np.random.default_rng(2)
    x = 2 * np.linalg.qr(rng.normal(size=(4, 4)))[0]  # 4 items: <h h'> is zero along some of the units
    start = {"W1": np.linalg.qr(rng.normal(size=(9, 4)))[0], "W2": np.linalg.qr(rng.normal(size=(9, 8)))[0].T}
    run = train(rule, network, x, np.zeros((4, 3)), epochs=3000, every=3000, start=start)
    for layer in (1, 2):
        h = run.hidden(layer)[0, 0].values
        sender = run.hidden(3 if path == "direct" else layer + 1)[0, 0].values
        first, last = run.feedback(layer)[0].values
        inverse = np.linalg.pinv(h.T @ h / 4, rcond=1e-10)  # of <h h'>
        untouched = first - np.linalg.pinv(h, rcond=1e-6) @ h @ first
        np.testing.assert_allclose(last, inverse @ h.T @ sender / 4 + untouched, rtol=0, atol=1e-8)
        assert np.abs(untouched).max() > 0.01


@pytest.mark.parametrize(("share", "converges"), [(0.95, True), (1.05, False)])
def test_learned_feedback_is_stable_below_twice_the_inverse_of_the_largest_eigenvalue(share, converges):
    network = Network((6, 5, 3), biases=False)
    h = train("backprop", network, X, Y, epochs=0).hidden(1)[0, 0].values
    limit = 2 / np.linalg.eigvalsh(h.T @ h / len(X))[-1]
    rule = Rule(hidden=Frozen(), output=Frozen(), path="chain", feedback=Feedback(learns=Oja()))
    run = train(dataclasses.replace(rule, rate=(0, 0, share * limit)), network, X, Y, epochs=400)
    change = np.linalg.norm(np.diff(run.feedback(1)[0].values, axis=0), axis=(1, 2))
    assert (change[-1] < change[0]) == converges


@every_kind
def test_a_run_starts_at_the_closed_form_angle_and_reports_the_matrix_that_it_really_used(kind):
    network, rng = Network((4, 784, 500), biases=False), np.random.default_rng(0)
    x, y = rng.normal(size=(6, 4)), rng.normal(size=(6, 500))
    run = train(Rule(path="chain", feedback=Feedback(kind), rate=0.01), network, x, y, epochs=2)
    degrees = {"random": 90, "binary": 90, "binary_sign": 30.000, "random_sign": 41.410}[kind]
    B = (
        run.feedback(1)
        .broadcast_like(run.weights(2).rename(post="pre", pre="post"))
        .transpose("seed", "epoch", "post", "pre")
    )
    assert plain.angle(B.values[0, 0], run.weights(2).values[0, 0].T) == pytest.approx(degrees, abs=0.3)
    first = plain.start(Rule(path="chain", feedback=Feedback(kind)), network, seed=0)["B1"]
    for epoch in range(3):
        W = run.weights(2).values[0, epoch]
        used = np.abs(first) * np.sign(W.T) if kind.endswith("sign") else first
        np.testing.assert_array_equal(B.values[0, epoch], used)
    if kind.endswith("sign"):  # the weights have passed zero, and B has followed
        assert plain.angle(B.values[0, 2], W.T) < plain.angle(first, W.T) - 0.1


def test_every_kind_of_feedback_learns_the_task():
    x, y = X, X @ np.linalg.qr(RNG.normal(size=(6, 6)))[0][:, :3]
    for kind, path in itertools.product(KINDS, ("chain", "direct")):
        rule = Rule(path=path, feedback=Feedback(kind), rate=0.05)
        run = train(rule, Network((6, 12, 3), biases=False), x, y, epochs=2000, seeds=3, every=2000)
        assert (run.data.loss[:, -1] < 0.01 * run.data.loss[:, 0]).all(), (kind, path)


def test_an_unknown_kind_lists_the_kinds():
    assert refused(Feedback, "sign") == (
        "no kind of feedback 'sign'; there are random, random_sign, binary, binary_sign"
    )


@pytest.mark.parametrize("scale", [0, -1.0, float("nan"), float("inf"), "big", True])
def test_a_scale_that_is_no_size_is_refused(scale):
    said = refused(Feedback, "binary", scale=scale)
    assert said == f"the scale of binary feedback is a finite number over 0, not {scale!r}"


@pytest.mark.parametrize("kind", ["random", "random_sign"])
def test_a_scale_of_feedback_that_is_drawn_is_refused(kind):
    said = refused(Feedback, kind, scale=3)
    assert said == f"a scale is for binary feedback; {kind} is drawn as an initial W is"


def test_the_text_of_a_feedback_is_source_wherever_its_scale_came_from():
    assert repr(Feedback("binary", scale=np.float64(2))) == repr(Feedback("binary", scale=2.0))


def test_what_b_learns_by_must_be_a_plasticity():
    assert refused(Feedback, learns="oja") == "feedback learns by a plasticity, as Hebb(), not by 'oja'"


def test_backprop_has_no_feedback_matrix():
    assert list(RULES["backprop"].feedback_layers(NETWORK)) == []
