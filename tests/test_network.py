"""Claims about networks: the forward pass, the first weights, and the signals of a batch."""

import numpy as np
import plain
import pytest
from refusals import refused

from semantic_svd.network import ACTIVATIONS, Network, Signals

RNG = np.random.default_rng(0)
SIZES = (5, 4, 3, 2)
X, Y = RNG.normal(size=(6, 5)), RNG.normal(size=(6, 2))
HIDDEN = [name for name in ACTIVATIONS if name != "softmax"]


def random_state(network, seeds=3):
    return {name: RNG.normal(size=(seeds, *network.shape(name))) for name in network.names()}


def of_seed(state, s):
    return {name: array[s] for name, array in state.items()}


@pytest.mark.parametrize(
    ("sizes", "hidden", "output", "about"),
    [
        ((5, 4, 5), "linear", "linear", "5-4-5 linear"),
        ((5, 4, 5), "linear", "sigmoid", "5-4-5 linear, sigmoid output"),
        ((64, 20, 15, 10), "relu", "softmax", "64-20-15-10 relu, softmax output"),
        ((5, 5), "linear", "tanh", "5-5 tanh"),  # no layer is hidden
    ],
)
def test_a_network_tells_both_of_its_activations_where_they_differ(sizes, hidden, output, about):
    assert Network(sizes, hidden, output).about == about


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("output", list(ACTIVATIONS))
@pytest.mark.parametrize("hidden", HIDDEN)
def test_activity_and_loss_are_the_equations_item_by_item(hidden, output, biases):
    network = Network(SIZES, hidden, output, biases)
    state = random_state(network)
    target = np.eye(2)[[0, 1, 1, 0, 0, 1]] if output == "softmax" else Y
    signals = Signals(network, state, X, target)
    for s in range(3):
        for i, item in enumerate(X):
            _, h = plain.respond(network, of_seed(state, s), item)
            for layer in range(4):
                seen = X if layer == 0 else signals.activity(layer)[s]
                np.testing.assert_allclose(seen[i], h[layer], rtol=1e-13, atol=1e-14)
        assert signals.loss[s] == pytest.approx(plain.loss(network, of_seed(state, s), X, target), rel=1e-13)


def test_each_seed_may_see_items_of_its_own():
    network = Network(SIZES, "tanh")
    state, x = random_state(network), RNG.normal(size=(3, 6, 5))
    for s in range(3):
        alone = network.activity({k: a[s : s + 1] for k, a in state.items()}, x[s], 3)[0]
        np.testing.assert_allclose(network.activity(state, x, 3)[s], alone, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_an_activation_meets_its_definition_and_its_slope_the_difference_quotient(name):
    a = np.linspace(-4, 4, 40).reshape(8, 5)
    f, slope = ACTIVATIONS[name]
    np.testing.assert_allclose(
        f(a.copy()), [plain.ACTIVATION[name](row) for row in a], rtol=1e-13, atol=1e-15
    )
    if name not in ("softmax", "linear"):
        quotient = (f(a + 1e-6) - f(a - 1e-6)) / 2e-6
        np.testing.assert_allclose(slope(f(a.copy())), quotient, rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_activations_overflow_nowhere_and_keep_their_type(name, dtype):
    a = np.array([[-1e4, 0.0, 1e4], [1e30, -1e30, 3.0]], dtype)
    h = ACTIVATIONS[name].f(a.copy())
    assert h.dtype == dtype
    assert np.isfinite(h).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_softmax_gives_probabilities_that_are_normal_numbers(dtype):
    h = ACTIVATIONS["softmax"].f(np.array([[0.0, -500.0, 700.0, 699.0]], dtype))
    assert h.sum() == pytest.approx(1, rel=1e-6)
    assert h.min() >= np.finfo(dtype).tiny
    assert np.isfinite(np.log(h)).all()
    shifted = ACTIVATIONS["softmax"].f(np.array([[-1000.0, -1001.0]], dtype))
    np.testing.assert_allclose(shifted[0], [np.e / (1 + np.e), 1 / (1 + np.e)], rtol=1e-6)


@pytest.mark.parametrize("initial", ["uniform", "normal"])
@pytest.mark.parametrize("scale", [1.0, 0.2])
def test_first_weights_have_the_promised_spread(initial, scale):
    network = Network((100, 500), initial=initial, scale=scale)
    W = network.draw(np.random.default_rng(0), 500, 100)
    assert W.shape == (500, 100)
    assert W.std() == pytest.approx(network.std(100), rel=0.01)
    assert abs(W.mean()) < 0.02 * network.std(100)
    if initial == "uniform":
        assert 0.999 * scale / 10 < np.abs(W).max() <= scale / 10


def test_parameters_are_named_by_layer_and_shaped_post_by_pre():
    network = Network([34, 8, 3])
    assert network.sizes == (34, 8, 3)
    assert {name: network.shape(name) for name in network.names()} == {
        "W1": (8, 34),
        "b1": (8,),
        "W2": (3, 8),
        "b2": (3,),
    }
    assert Network((34, 8, 3), biases=False).names() == ["W1", "W2"]
    assert network.layers == 2


def test_the_loss_follows_from_the_output():
    assert Network(SIZES, output="softmax").loss == "cross-entropy"
    assert {Network(SIZES, output=name).loss for name in HIDDEN} == {"squared error"}
    assert Network(SIZES, output="tanh", power=6).loss == "error to the power of 6"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_cross_entropy_has_no_upper_end(dtype):
    network, W = Network((1, 2), output="softmax", biases=False), np.array([[[1.0], [0.0]]], dtype)
    for drive in (50, 79, 81, 1000, 2.0**127):
        signals = Signals(network, {"W1": W}, np.full((9, 1), drive, dtype), np.array(9 * [[0, 1]], dtype))
        assert signals.loss[0] == drive


def test_a_class_that_is_not_meant_costs_nothing_even_where_its_drive_leaves_the_finite_numbers():
    network, W = Network((1, 2), output="softmax", biases=False), np.array([[[0.0], [-2.0]]], np.float32)
    signals = Signals(network, {"W1": W}, np.array([[3e38]], np.float32), np.array([[1, 0]], np.float32))
    with np.errstate(over="ignore"):
        assert signals.loss[0] == 0


@pytest.mark.parametrize("power", [1.5, 3, 6])
def test_the_error_of_a_powers_loss_is_its_slope(power):
    network = Network((5, 2), output="tanh", biases=False, power=power)
    state = random_state(network, seeds=1)
    target = np.sign(Y)
    signals = Signals(network, state, X, target)
    expected = (np.abs(target - np.tanh(X @ state["W1"][0].T)) ** power).sum() / (power * len(X))
    assert signals.loss[0] == pytest.approx(expected, rel=1e-12)
    gradient = -np.einsum("nj,ni->ji", signals.teach(1)[0], X) / len(X)
    for place in np.ndindex(gradient.shape):
        losses = []
        for step in (1e-6, -1e-6):
            moved = {"W1": state["W1"].copy()}
            moved["W1"][0][place] += step
            losses.append(Signals(network, moved, X, target).loss[0])
        assert gradient[place] == pytest.approx((losses[0] - losses[1]) / 2e-6, abs=1e-7)


@pytest.mark.parametrize("power", [1.0001, 1.5, 2, 6])
def test_what_is_right_has_neither_loss_nor_slope_whatever_the_power(power):
    network = Network((2, 2), output="relu", biases=False, power=power)
    signals = Signals(network, {"W1": np.eye(2)[None]}, np.eye(2), np.array([[1.0, 0.0], [-1.0, 1.0]]))
    np.testing.assert_array_equal(signals.error(1)[0], [[0.0, 0.0], [-1.0, 0.0]])
    assert signals.loss[0] == pytest.approx(1 / (2 * power), rel=1e-13)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"power": 1}, "the power of the loss is a finite number over 1, not 1"),
        ({"power": np.inf}, "the power of the loss is a finite number over 1, not inf"),
        ({"power": "six"}, "the power of the loss is a finite number over 1, not 'six'"),
        (
            {"output": "softmax", "power": 6},
            "softmax has the cross-entropy for its loss, and no power 6",
        ),
    ],
)
def test_a_power_that_is_no_loss_is_refused(given, message):
    assert refused(Network, SIZES, **given) == message


def test_a_signal_is_computed_once_and_only_when_asked_for():
    network = Network(SIZES, "tanh")
    state = random_state(network)
    calls = []

    def back(layer):
        calls.append(layer)
        return state[f"W{layer + 1}"]

    signals = Signals(network, state, X, Y, back=back)
    assert signals.activity(3) is signals.activity(3)
    assert signals.loss.shape == (3,)
    assert calls == []
    assert signals.teach(1) is signals.teach(1)
    assert sorted(calls) == [1, 2]


def test_activity_needs_no_targets_and_an_error_does():
    network = Network(SIZES)
    signals = Signals(network, random_state(network), X)
    assert signals.activity(3).shape == (3, 6, 2)
    assert refused(signals.teach, 1) == "this rule asks for an error, so it needs targets; pass y"


@pytest.mark.parametrize("output", ["tanh", "softmax"])
def test_the_slopes_that_enter_the_error_are_those_that_are_asked_for(output):
    network = Network(SIZES, "tanh", output)
    state = random_state(network)
    target = np.eye(2)[[0, 1, 1, 0, 0, 1]]
    for slopes in ("all", "hidden", "none"):
        signals = Signals(network, state, X, target, slopes=slopes)
        h = {k: signals.activity(k) for k in (1, 2, 3)}
        delta = target - h[3]
        np.testing.assert_allclose(signals.error(3), delta)
        if slopes == "all" and output == "tanh":
            delta = delta * (1 - h[3] ** 2)
        np.testing.assert_allclose(signals.teach(3), delta)
        for k in (2, 1):
            error = delta @ state[f"W{k + 1}"]
            delta = error if slopes == "none" else error * (1 - h[k] ** 2)
            np.testing.assert_allclose(signals.error(k), error)
            np.testing.assert_allclose(signals.teach(k), delta)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sizes": (34,)}, "the sizes of a network are two or more whole numbers over 0, not (34,)"),
        (
            {"sizes": (34, 0, 3)},
            "the sizes of a network are two or more whole numbers over 0, not (34, 0, 3)",
        ),
        ({"sizes": (34, 2.5)}, "the sizes of a network are two or more whole numbers over 0, not (34, 2.5)"),
        ({"sizes": 34}, "the sizes of a network are two or more whole numbers over 0, not 34"),
        ({"sizes": "34-8"}, "the sizes of a network are two or more whole numbers over 0, not '34-8'"),
        ({"hidden": "selu"}, "no hidden activation 'selu'; there are linear, tanh, sigmoid, relu"),
        ({"hidden": "softmax"}, "no hidden activation 'softmax'; there are linear, tanh, sigmoid, relu"),
        ({"output": "selu"}, "no output activation 'selu'; there are linear, tanh, sigmoid, relu, softmax"),
        ({"initial": "zeros"}, "no initial weights 'zeros'; there are uniform, normal"),
        ({"scale": 0}, "the scale of the initial weights is a finite number over 0, not 0"),
        ({"scale": float("nan")}, "the scale of the initial weights is a finite number over 0, not nan"),
        ({"scale": float("inf")}, "the scale of the initial weights is a finite number over 0, not inf"),
        ({"scale": "big"}, "the scale of the initial weights is a finite number over 0, not 'big'"),
        ({"scale": True}, "the scale of the initial weights is a finite number over 0, not True"),
    ],
)
def test_a_network_that_is_none_is_refused(arguments, message):
    assert refused(Network, **{"sizes": (34, 8)} | arguments) == message


def test_sizes_may_be_numpys_whole_numbers():
    network = Network(np.array([34, 8]))
    assert network == Network((34, 8))
    assert {type(n) for n in network.sizes} == {int}
