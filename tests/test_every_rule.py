"""Claims about every row of RULES: a new row is held to all of them by being there."""

import dataclasses
import re

import numpy as np
import plain
import pytest

from semantic_svd import feedback, plasticity, rules
from semantic_svd.errors import InputError
from semantic_svd.items import load_items
from semantic_svd.network import Network
from semantic_svd.plasticity import Synapse, apply
from semantic_svd.rules import RULES, Rule
from semantic_svd.training import train

ITEMS = load_items("mcclelland2020")
X = ITEMS.values
CLASSES = np.eye(3)[[0, 0, 1, 1, 2, 2, 0, 1]]

GROWS_WITHOUT_BOUND = {"bpa_hebb"}  # plain Hebb: each pass multiplies the weights

# A row that is defined on other networks only, or on other rates, says so here.
NETWORKS = {
    "linear, one hidden layer": (Network((34, 8, 34), biases=False), X),
    "tanh, two hidden layers": (Network((34, 7, 5, 34), hidden="tanh"), X),
    "relu and softmax": (Network((34, 9, 6, 3), hidden="relu", output="softmax"), CLASSES),
}

every_rule = pytest.mark.parametrize("name", list(RULES))
every_network = pytest.mark.parametrize("kind", list(NETWORKS))


def weights_of(run):
    """Return the parameters that a run kept, name -> (seed, epoch, ...)."""
    return {str(v): run.data[v].values for v in run.data if re.fullmatch(r"[WbB]\d+", str(v))}


def assert_same_weights(one, other, rtol=0.0, atol=0.0):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=rtol, atol=atol, err_msg=name)


@every_rule
def test_the_text_of_a_rule_evaluates_to_the_rule(name):
    names = vars(plasticity) | vars(feedback) | vars(rules)
    assert eval(repr(RULES[name]), names) == RULES[name]


@every_rule
def test_a_rule_tells_its_equation_and_its_source(name):
    assert "dW = " in RULES[name].about
    assert re.search(r"\b(19|20)\d\d\b", RULES[name].about)


@every_rule
@every_network
def test_the_snapshots_are_those_of_a_plain_loop_over_items(name, kind):
    network, y = NETWORKS[kind]
    run = train(name, network, X, y, epochs=8, seeds=[3, 5])
    for seed in (3, 5):
        states = plain.train(RULES[name], network, X, y, epochs=8, seed=seed)
        for parameter in weights_of(run.sel(seed=seed)):
            expected = [state[parameter] for state in states]
            np.testing.assert_allclose(
                run.data[parameter].sel(seed=seed), expected, rtol=1e-11, atol=1e-12, err_msg=parameter
            )


@every_rule
def test_the_snapshots_of_batches_are_those_of_a_plain_loop_in_the_documented_order(name):
    network, y = NETWORKS["tanh, two hidden layers"]
    run = train(name, network, X, y, epochs=4, seeds=[3, 5], batch_size=3)  # 3, 3 and 2 items
    for seed in (3, 5):
        states = plain.train(RULES[name], network, X, y, epochs=4, seed=seed, batch_size=3)
        for parameter in weights_of(run.sel(seed=seed)):
            expected = [state[parameter] for state in states]
            np.testing.assert_allclose(
                run.data[parameter].sel(seed=seed), expected, rtol=1e-11, atol=1e-12, err_msg=parameter
            )


@every_rule
@every_network
def test_the_loss_of_an_epoch_is_that_of_its_snapshot(name, kind):
    network, y = NETWORKS[kind]
    run = train(name, network, X, y, epochs=4, seeds=2)
    for s in range(2):
        for epoch in range(5):
            state = {parameter: array[s, epoch] for parameter, array in weights_of(run).items()}
            assert run.data.loss.values[s, epoch] == pytest.approx(
                plain.loss(network, state, X, y), rel=1e-12
            )


@every_rule
@every_network
def test_a_rate_of_zero_changes_nothing(name, kind):
    network, y = NETWORKS[kind]
    run = train(dataclasses.replace(RULES[name], rate=0.0), network, X, y, epochs=3, batch_size=4)
    for parameter, array in weights_of(run).items():
        assert (array == array[:, :1]).all(), parameter
    assert np.ptp(run.data.loss.values) == 0


@every_rule
@pytest.mark.parametrize("batch_size", [None, 1, 3])
def test_a_seed_trained_alone_is_the_seed_trained_beside_others(name, batch_size):
    network, y = NETWORKS["tanh, two hidden layers"]
    beside = train(name, network, X, y, epochs=5, seeds=[7, 2, 11], batch_size=batch_size)
    for seed in (7, 2, 11):
        alone = train(name, network, X, y, epochs=5, seeds=[seed], batch_size=batch_size)
        assert_same_weights(weights_of(alone), weights_of(beside.sel(seed=[seed])), rtol=1e-12, atol=1e-12)


@every_rule
@every_network
def test_a_full_batch_ignores_the_order_of_the_items(name, kind):
    network, y = NETWORKS[kind]
    order = np.random.default_rng(0).permutation(len(X))
    one = train(name, network, X, y, epochs=5, seeds=2)
    other = train(name, network, X[order], y[order], epochs=5, seeds=2)
    assert_same_weights(weights_of(one), weights_of(other), rtol=1e-11, atol=1e-12)


@every_rule
@every_network
def test_a_change_reads_no_matrix_but_its_own(name, kind):
    network, y = NETWORKS[kind]
    rule = RULES[name]
    rng = np.random.default_rng(0)
    first = plain.start(rule, network, seed=0)
    state = {k: np.stack([w, rng.normal(size=w.shape)]) for k, w in first.items()}
    signals = rule.signals(network, state, X, y)
    for layer in range(1, network.layers + 1):  # every signal is there before the others' weights are spoilt
        signals.activity(layer), signals.teach(layer)
    for plastic in rule.synapses(signals):
        s = plastic.synapse
        memory = plastic.plasticity.memory(s.W)
        held = Synapse(s.W.copy(), *(lambda a=a: a for a in (s.pre, s.post, s.error, s.teach)))
        expected, changed = np.zeros_like(s.W), np.zeros_like(s.W)
        apply(expected, plastic.plasticity(held, {k: a.copy() for k, a in memory.items()}), 1.0)
        others = {k: a.copy() for k, a in state.items() if k != plastic.name}
        for other in others:
            state[other][...] = np.nan
        apply(changed, plastic.plasticity(s, memory), 1.0)
        for other, array in others.items():
            state[other][...] = array
        np.testing.assert_array_equal(changed, expected, err_msg=plastic.name)
        assert np.isfinite(changed).all()


@every_rule
def test_the_eight_items_are_learned_without_a_warning_unless_the_rule_grows_without_bound(name):
    network = Network((34, 8, 34), biases=False)
    if name in GROWS_WITHOUT_BOUND:
        with pytest.raises(InputError, match="no seed survived"):
            train(name, network, ITEMS, epochs=10_000, seeds=3, every=10_000)
        return
    run = train(name, network, ITEMS, epochs=500, seeds=3, every=100)
    assert (run.data.status == "finished").all()
    assert np.isfinite(run.data.loss).all()
    assert (run.data.loss[:, -1] < 0.7 * run.data.loss[:, 0]).all()


@every_rule
def test_single_precision_stays_single_and_close_to_double(name):
    network, y = NETWORKS["tanh, two hidden layers"]
    single = train(name, network, X, y, epochs=5, seeds=2, dtype="float32")
    double = train(name, network, X, y, epochs=5, seeds=2)
    assert {array.dtype for array in weights_of(single).values()} == {np.dtype("float32")}
    assert_same_weights(weights_of(single), weights_of(double), rtol=1e-4, atol=1e-5)


@every_rule
def test_training_leaves_the_items_as_they_were(name):
    x, y = X.copy(), CLASSES.copy()
    train(name, NETWORKS["relu and softmax"][0], x, y, epochs=2, batch_size=2)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, CLASSES)


@every_rule
def test_a_rule_is_found_by_its_name(name):
    assert rules.as_rule(name) is RULES[name]
    assert isinstance(RULES[name], Rule)
