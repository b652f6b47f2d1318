"""Claims about rules: which equal which, what they converge to, and how a rule that is none is refused."""

import dataclasses
import itertools
import re
from pathlib import Path
from typing import get_args

import numpy as np
import plain
import pytest
from refusals import refused
from scipy.linalg import subspace_angles
from sklearn.datasets import load_digits

from semantic_svd.errors import InputError
from semantic_svd.feedback import Feedback, Kind
from semantic_svd.items import load_items
from semantic_svd.network import ACTIVATIONS, Network
from semantic_svd.plasticity import (
    Delta,
    Frozen,
    Hebb,
    HebbianDescent,
    Momentum,
    Oja,
    Sanger,
    Sparsified,
    Thresholded,
)
from semantic_svd.rules import RULES, Rule, as_rule, sum_rule
from semantic_svd.training import train

ITEMS = load_items("mcclelland2020")
V = np.linalg.svd(ITEMS.values, full_matrices=False)[2]  # (mode, property)
DIGITS, LABELS = load_digits().data[:30] / 16, np.eye(10)[load_digits().target[:30]]

# What is said of rules


def cited(text):
    """Return who is cited, (first author, year)."""
    return set(re.findall(r"\b([A-ZØ]\w+)(?:,? (?:& )?[A-ZØ]\w+| et al\.)* (\d{4})\b", text))


def test_the_readme_and_the_rules_cite_the_same_sources():
    table = Path(__file__).parents[1].joinpath("README.md").read_text().split("\n| rule | hidden layers |")[1]
    rows = [line.strip("|").split("|") for line in table.split("\n\n")[0].splitlines()[2:]]
    by_start = {start: i for i, cells in enumerate(rows) for start in re.findall(r"`(\w+)`", cells[0])}
    theirs = [set() for _ in rows]
    for name, rule in RULES.items():
        theirs[by_start[max(filter(name.startswith, by_start), key=len)]] |= cited(rule.about)
    assert theirs == [cited(cells[-1]) for cells in rows]
    assert all(theirs)


def test_rows_hold_the_plasticities_and_the_rates_that_their_texts_name():
    for of, base, rate in (("", Hebb(), 1e-5), ("_oja", Oja(), 1e-3)):
        rows = [RULES[f"hebbnet{of}{more}"] for more in ("", "_threshold", "_sparse")]
        above = Thresholded(base)
        assert [row.hidden for row in rows] == [base, above, Sparsified(above, keep=0.3)]
        assert {row.rate for row in rows} == {(rate, 0.1, 0.1)}
        assert all(f"at {rate:g} (our decision)" in row.about for row in rows)
    assert [RULES[f"sum_{of}"].hidden for of in ("hebb", "oja")] == [
        Delta() + 1e-3 * Hebb(),
        Delta() + 1e-3 * Oja(),
    ]
    for (path, start), kind in itertools.product((("chain", "fa"), ("direct", "dfa")), get_args(Kind)):
        fixed = RULES[f"{start}_{kind}"]
        assert fixed == Rule(path=path, feedback=Feedback(kind))
        assert "the signs of W'" in fixed.about or not kind.endswith("sign")
        more = "" if kind == "random" else f"_{kind}"
        for learner in (Hebb(), Oja()):
            row = RULES[f"{start}_{type(learner).__name__.lower()}{more}"]
            assert row == Rule(path=path, feedback=Feedback(kind, learns=learner), rate=(0.1, 0.1, 0.01))
            assert f"B at first as in {start}_{kind}" in row.about
            assert ("its signs copied once" in row.about) == kind.endswith("sign")


def test_the_rate_of_the_output_of_bpa_unit_is_below_what_its_text_says_that_it_bears():
    """Every unit says the same, so the output's curvature is that of one signal as often as there are units."""
    largest = np.linalg.norm(ITEMS.values, 2) ** 2 / 8
    assert RULES["bpa_unit"].rates[1] < 2 / (8 * largest) < RULES["bpa"].rates[1]


# Backpropagation is the gradient


def minus_gradient(network, state, x, y, step=1e-5):
    """Return minus the gradient of the loss by central differences of the plain loop."""
    slopes = {}
    for name, W in state.items():
        slopes[name] = np.empty(W.shape)
        for place in np.ndindex(W.shape):
            sides = []
            for sign in (1, -1):
                moved = {k: a.copy() for k, a in state.items()}
                moved[name][place] += sign * step
                sides.append(plain.loss(network, moved, x, y))
            slopes[name][place] = -(sides[0] - sides[1]) / (2 * step)
    return slopes


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("output", list(ACTIVATIONS))
@pytest.mark.parametrize("hidden", [name for name in ACTIVATIONS if name != "softmax"])
@pytest.mark.parametrize("sizes", [(3, 2), (3, 4, 2), (3, 4, 3, 2), (3, 3, 4, 3, 2)], ids=str)
def test_the_change_of_backprop_is_minus_the_gradient(sizes, hidden, output, biases):
    network = Network(sizes, hidden, output, biases)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4, 3))
    y = np.eye(2)[[0, 1, 1, 0]] if output == "softmax" else rng.normal(size=(4, 2))
    start = {name: 0.6 * rng.normal(size=network.shape(name)) for name in network.names()}
    run = train(Rule(rate=1.0), network, x, y, epochs=1, start=start)
    for name, expected in minus_gradient(network, start, x, y).items():
        change = run.data[name][0, 1] - run.data[name][0, 0]
        np.testing.assert_allclose(change, expected, rtol=0, atol=2e-9, err_msg=name)


# Rules that are equal


TASKS = {
    "items": (ITEMS.values, ITEMS.values, "linear", 0.1),
    "items to classes": (ITEMS.values, np.eye(3)[[0, 0, 1, 1, 2, 2, 0, 1]], "softmax", 0.1),
    "digits": (DIGITS, LABELS, "softmax", 0.02),
}
every_task = pytest.mark.parametrize("task", list(TASKS))


def end_by(rule, hidden, task, sizes=(9, 7), batch_size=4):
    """Return all weights at every epoch of a short training of a task."""
    x, y, output, rate = TASKS[task]
    network = Network((x.shape[1], *sizes, y.shape[1]), hidden=hidden, output=output)
    rule = dataclasses.replace(rule, rate=rate)
    return train(rule, network, x, y, epochs=6, seeds=2, batch_size=batch_size)


def assert_equal_training(one, other, atol=1e-12):
    for name in one.network.names():
        np.testing.assert_allclose(one.data[name], other.data[name], rtol=0, atol=atol, err_msg=name)


@every_task
def test_hebbian_descent_without_centring_and_of_linear_hidden_units_is_backprop(task):
    uncentred = HebbianDescent("nothing")
    for slopes in ("hidden", "none"):
        rule = Rule(hidden=uncentred, output=uncentred, slopes=slopes)
        assert_equal_training(end_by(rule, "linear", task), end_by(Rule(), "linear", task))


@every_task
def test_hebbian_descent_of_2024_drops_the_slope_of_the_output_only(task):
    uncentred = HebbianDescent("nothing")
    rule = Rule(hidden=uncentred, output=uncentred, slopes="hidden")
    assert_equal_training(end_by(rule, "tanh", task), end_by(Rule(), "tanh", task))
    none = end_by(dataclasses.replace(rule, slopes="none"), "tanh", task)
    assert np.abs(none.weights(1) - end_by(rule, "tanh", task).weights(1)).max() > 1e-4


@every_task
def test_hebbian_descent_is_the_delta_rule_less_the_error_times_the_running_mean(task):
    run = end_by(RULES["hebbian_descent"], "tanh", task, batch_size=None)
    x, y, _, rate = TASKS[task]
    for s in range(2):
        mu = {}
        for epoch in range(6):
            state = {name: run.data[name].values[s, epoch] for name in run.network.names()}
            h = [plain.respond(run.network, state, item)[1] for item in x]
            h = [np.array([of[layer] for of in h]) for layer in range(4)]
            error = {3: y - h[3]}
            for layer in (2, 1):
                error[layer] = error[layer + 1] @ state[f"W{layer + 1}"]
            for layer in (1, 2, 3):
                senders = h[layer - 1].mean(axis=0)
                mean = mu.setdefault(layer, senders)
                uncentred = error[layer].T @ h[layer - 1] / len(x)
                change = rate * (uncentred - np.outer(error[layer].mean(axis=0), mean))
                after = run.weights(layer)[s, epoch + 1]
                np.testing.assert_allclose(after, state[f"W{layer}"] + change, rtol=0, atol=1e-13)
                after = run.biases(layer)[s, epoch + 1]
                expected = state[f"b{layer}"] + rate * error[layer].mean(axis=0)
                np.testing.assert_allclose(after, expected, rtol=0, atol=1e-13)
                mu[layer] = mean + 0.01 * (senders - mean)


@every_task
@pytest.mark.parametrize(
    "hidden", [0.01 * Hebb(), 0.01 * Thresholded(Hebb()), Delta(), Oja() + 0.1 * Delta()], ids=repr
)
def test_keeping_all_entries_is_the_dense_rule(task, hidden):
    sparse, dense = (end_by(Rule(hidden=of), "relu", task) for of in (Sparsified(hidden, keep=1.0), hidden))
    assert_equal_training(sparse, dense)


@every_task
@pytest.mark.parametrize(
    "wrapped", [Momentum(Delta(), decay=0.0), 1.0 * Delta(), Delta() + Frozen()], ids=repr
)
def test_momentum_of_no_decay_and_sums_with_nothing_are_backprop(task, wrapped):
    assert_equal_training(
        end_by(Rule(hidden=wrapped, output=wrapped), "tanh", task), end_by(Rule(), "tanh", task)
    )


@pytest.mark.parametrize(
    ("name", "frozen", "learning"),
    [
        ("hebbian_descent_partial1", (1, 2), (3,)),
        ("hebbian_descent_partial2", (3,), (1, 2)),
        ("hebbian_descent_oja_partial1", (1, 2), (3,)),
        ("hebbian_descent_oja_partial2", (3,), (1, 2)),
        ("readout", (1, 2), (3,)),
        ("krotov_hopfield", (3,), (1, 2)),
    ],
)
def test_what_a_row_freezes_stays_as_it_was(name, frozen, learning):
    run = train(name, Network((34, 9, 8, 34), hidden="tanh"), ITEMS, epochs=3, seeds=2)
    for layer in frozen:
        assert (run.weights(layer) == run.weights(layer)[:, 0]).all()
        assert (run.biases(layer) == 0).all()
    for layer in learning:
        assert (run.weights(layer)[:, 1] != run.weights(layer)[:, 0]).any()


@pytest.mark.parametrize("name", [name for name in RULES if name.startswith(("bpa", "hebbnet", "krotov"))])
def test_hebbian_hidden_layers_have_no_biases(name):
    run = train(name, Network((34, 9, 8, 34)), ITEMS, epochs=3)
    assert (run.biases(1) == 0).all()
    assert (run.biases(2) == 0).all()


def test_bpa_and_backprop_follow_one_mode_equation_where_the_layers_are_each_others_transpose():
    a0, s = np.linspace(0.1, 0.5, 8), np.linalg.svd(ITEMS.values, compute_uv=False)
    start = {"W1": a0[:, None] * V, "W2": V.T * a0}
    network = Network((34, 8, 34), biases=False)
    bpa, back = (train(name, network, ITEMS, epochs=200, start=start) for name in ("bpa", "backprop"))
    assert_equal_training(bpa, back)
    strengths, a = bpa.weights(1)[0].values @ V.T, a0
    for epoch in range(201):
        np.testing.assert_allclose(strengths[epoch], np.diag(a), rtol=0, atol=1e-12)
        a = a + 0.1 * s**2 / 8 * a * (1 - a**2)


def from_singular_values(size):
    """Train one linear layer by Oja's residual for 60 epochs, all singular values of its start being `size`."""
    rng = np.random.default_rng(0)
    rotation = [np.linalg.qr(rng.normal(size=(6, 6)))[0] for _ in range(3)]
    x, y = np.sqrt(6) * rotation[0], np.sqrt(6) * rotation[0] @ (0.7 * rotation[1])
    rule = Rule(output=HebbianDescent("oja"), slopes="none")
    return train(rule, Network((6, 6), biases=False), x, y, epochs=60, start={"W1": size * rotation[2]})


def test_ojas_residual_learns_while_singular_values_are_below_one_stands_at_one_and_diverges_above():
    for size in (0.5, 0.9):
        assert from_singular_values(size).data.loss[0, -1] < 1e-2
    still = from_singular_values(1.0).weights(1)[0]
    np.testing.assert_allclose(still[1], still[0], rtol=0, atol=1e-12)
    for size in (1.1, 1.5):
        with pytest.raises(InputError, match="no seed survived"):
            from_singular_values(size)


@pytest.mark.parametrize("plasticity", [Hebb(), Oja(), Oja("unit"), Sanger()], ids=repr)
def test_the_sum_rule_of_beta_zero_is_backprop(plasticity):
    for task in TASKS:
        both = end_by(sum_rule(plasticity, beta=0.0), "tanh", task)
        assert_equal_training(both, end_by(Rule(), "tanh", task), atol=1e-14)


def test_the_sum_rule_grows_with_hebb_slowly_under_squared_error_and_fast_under_softmax_but_not_with_oja():
    growth = {}
    for plasticity, output in itertools.product((Hebb(), Oja()), ("linear", "softmax")):
        network = Network((64, 20, 10), hidden="relu", output=output)
        rule = dataclasses.replace(sum_rule(plasticity, beta=0.01), rate=0.05)
        x, y = load_digits().data[:150] / 16, np.eye(10)[load_digits().target[:150]]
        run = train(rule, network, x, y, epochs=1200, batch_size=50, every=600)
        sizes = np.linalg.norm(run.weights(1)[0].values, axis=(1, 2))
        growth[type(plasticity).__name__, output] = sizes[2] / sizes[1]
    assert 1.2 < growth["Hebb", "linear"] < 2 < growth["Hebb", "softmax"]
    assert max(growth["Oja", "linear"], growth["Oja", "softmax"]) < 1.1


def test_a_tuple_of_hidden_plasticities_gives_each_layer_its_own():
    network = Network((34, 6, 5, 34), biases=False)
    run = train(Rule(hidden=(Frozen(), Hebb()), output=Frozen()), network, ITEMS, epochs=1, seeds=2)
    assert (run.weights(1)[:, 0] == run.weights(1)[:, 1]).all()
    assert (run.weights(3)[:, 0] == run.weights(3)[:, 1]).all()
    h1, h2 = run.hidden(1)[:, 0], run.hidden(2)[:, 0]
    expected = 0.1 * np.einsum("snp,snq->spq", h2, h1) / 8
    change = (run.weights(2)[:, 1] - run.weights(2)[:, 0]).values
    np.testing.assert_allclose(change, expected, rtol=1e-13, atol=1e-14)


def test_hidden_output_and_feedback_have_rates_of_their_own():
    rule = Rule(path="chain", feedback=Feedback(learns=Hebb()), rate=(0.1, 0.1, 0.1))
    network = Network((34, 6, 34))
    base = train(rule, network, ITEMS, epochs=1)
    for which, names in enumerate((["W1", "b1"], ["W2", "b2"], ["B1"])):
        rate = tuple(0.3 if i == which else 0.1 for i in range(3))
        other = train(dataclasses.replace(rule, rate=rate), network, ITEMS, epochs=1)
        for name in ("W1", "b1", "W2", "b2", "B1"):
            ratio = 3.0 if name in names else 1.0
            one, three = (run.data[name][0, 1] - run.data[name][0, 0] for run in (base, other))
            np.testing.assert_allclose(three, ratio * one, rtol=1e-9, atol=1e-14, err_msg=name)


def test_a_linear_schedule_falls_from_the_rate_to_its_last_fraction():
    rule = Rule(schedule="linear")
    assert [rule.rate_factor(epoch, 4) for epoch in range(4)] == [1.0, 0.75, 0.5, 0.25]
    assert [Rule().rate_factor(epoch, 4) for epoch in range(4)] == [1.0] * 4
    network, y = Network((34, 6, 34), hidden="tanh"), ITEMS.values
    run = train(rule, network, ITEMS, epochs=4, seeds=[2], batch_size=3)
    states = plain.train(rule, network, y, y, epochs=4, seed=2, batch_size=3)
    np.testing.assert_allclose(run.weights(1)[0], [s["W1"] for s in states], rtol=1e-12, atol=1e-14)


# What the rules converge to: W W' and the row space, closed forms of Oja and Sanger


def end_of(name, hidden_units, epochs, **changes):
    rule = dataclasses.replace(RULES[name], **changes)
    network = Network((34, hidden_units, 34), biases=False)
    return train(rule, network, ITEMS, epochs=epochs, seeds=3, every=epochs).final()


@pytest.mark.parametrize("units", [1, 2, 3, 4, 6, 8])  # each with a gap after the last singular value
def test_oja_comes_to_orthonormal_rows_that_span_the_leading_principal_subspace(units):
    for W in end_of("bpa", units, epochs=4000).weights(1).values:
        np.testing.assert_allclose(W @ W.T, np.eye(units), rtol=0, atol=1e-6)
        assert subspace_angles(W.T, V[:units].T).max() < 1e-6


def test_bpa_at_its_end_has_the_modes_of_the_data_in_its_hidden_rows_and_loses_nothing():
    run = end_of("bpa", 8, epochs=4000)
    for W1, W2 in zip(run.weights(1).values, run.weights(2).values, strict=True):
        np.testing.assert_allclose(W1 @ W1.T, np.eye(8), rtol=0, atol=1e-6)
        np.testing.assert_allclose(W1.T @ W1, V.T @ V, rtol=0, atol=1e-6)
        np.testing.assert_allclose(ITEMS.values @ W1.T @ W2.T, ITEMS.values, rtol=0, atol=1e-6)


def test_sangers_units_find_the_components_in_order_up_to_sign_and_turns_among_equals():
    for W in end_of("bpa_sanger", 8, epochs=6000).weights(1).values:
        overlap = np.abs(W @ V.T)  # (unit, mode)
        np.testing.assert_allclose(overlap[:4, :4], np.eye(4), rtol=0, atol=1e-6)
        np.testing.assert_allclose(W @ W.T, np.eye(8), rtol=0, atol=1e-6)
        for block in (slice(4, 6), slice(6, 8)):  # s^2 of 3, 3 and 1, 1
            np.testing.assert_allclose(overlap[block] ** 2 @ np.ones(8), 1, rtol=0, atol=1e-6)
            assert subspace_angles(W[block].T, V[block].T).max() < 1e-6


def test_every_unit_of_ojas_single_unit_rule_finds_the_first_component_and_the_network_one_mode():
    run = end_of("bpa_unit", 8, epochs=4000)
    for W in run.weights(1).values:
        np.testing.assert_allclose(np.abs(W @ V[0]), 1, rtol=0, atol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(W, axis=1), 1, rtol=0, atol=1e-6)
    # all but the first squared singular value
    np.testing.assert_allclose(run.data.loss, (64 - 23) / 16, rtol=1e-9)


def test_plain_hebb_grows_along_every_mode_by_its_eigenvalue_at_each_step():
    run = train("bpa_hebb", Network((34, 8, 34), biases=False), ITEMS, epochs=40, seeds=3)
    along = run.weights(1).values @ V.T  # (seed, epoch, unit, mode)
    growth = 1 + 0.1 * np.array([23, 21, 7, 5, 3, 3, 1, 1]) / 8
    expected = along[:, :1] * growth ** np.arange(41)[:, None, None]
    np.testing.assert_allclose(along, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


# Names and refusals


def test_a_rule_may_be_given_by_name_or_as_itself():
    rule = Rule(rate=0.2)
    assert as_rule(rule) is rule
    assert as_rule("bpa") is RULES["bpa"]


@pytest.mark.parametrize("name", ["backpropagation", 3, ["bpa"]])
def test_an_unknown_rule_lists_the_rules(name):
    assert refused(as_rule, name) == f"no rule {name!r}; there are {', '.join(RULES)}"


def test_the_text_of_a_rule_is_source_wherever_its_numbers_came_from():
    rule = Rule(hidden=np.float64(0.1) * Hebb(), rate=np.array([0.1, 0.2, 0.3]))
    assert rule == Rule(hidden=0.1 * Hebb(), rate=(0.1, 0.2, 0.3))
    names = {"Rule": Rule, "Hebb": Hebb, "Delta": Delta, "Feedback": Feedback, "Frozen": Frozen}
    assert eval(repr(rule), names) == rule
    assert repr(Rule(rate=np.float64(0.1))) == repr(Rule())


def test_what_a_rule_says_about_itself_makes_no_other_rule_of_it():
    assert Rule(about="a source") == Rule()
    assert "source" not in repr(Rule(about="a source"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": "backwards"}, "no path 'backwards' of a rule; there are transpose, chain, direct"),
        ({"slopes": "some"}, "no slopes 'some' of a rule; there are all, hidden, none"),
        ({"schedule": "cosine"}, "no schedule 'cosine' of a rule; there are constant, linear"),
        ({"hidden": "hebb"}, "a rule's hidden is a plasticity, as Hebb(), not 'hebb'"),
        ({"hidden": (Hebb(), None)}, "a rule's hidden is a plasticity, as Hebb(), not None"),
        ({"output": Hebb}, f"a rule's output is a plasticity, as Hebb(), not {Hebb!r}"),
        ({"bias": 0}, "a rule's bias is a plasticity, as Hebb(), not 0"),
        ({"feedback": "binary"}, "a rule's feedback is a Feedback, as Feedback('binary'), not 'binary'"),
    ],
)
def test_a_rule_that_is_none_is_refused(arguments, message):
    assert refused(Rule, **arguments) == message


@pytest.mark.parametrize(
    "rate",
    [
        -0.1,
        float("nan"),
        float("inf"),
        (0.1, 0.2),
        (0.1, 0.1, -1.0),
        "fast",
        "",
        None,
        (),
        True,
        (0.1, True, 0.1),
        "0.1",
    ],
)
def test_a_rate_that_is_none_is_refused(rate):
    assert refused(Rule, rate=rate) == (
        f"a rule's rate is one number of 0 or more, or three (hidden, output, feedback), not {rate!r}"
    )


def test_hidden_plasticities_must_be_as_many_as_hidden_layers():
    said = refused(train, Rule(hidden=(Hebb(), Delta())), Network((34, 8, 34)), ITEMS, epochs=1)
    assert said == "the rule has 2 hidden plasticities, the network 1 hidden layers"
