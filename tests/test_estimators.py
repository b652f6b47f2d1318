"""Claims about the estimators: scikit-learn's own checks pass, and what they learn is what `train` learns."""

import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from refusals import refused
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from semantic_svd import RULES, Images, Network, Rule, load_items, read_out, train
from semantic_svd.estimators import Autoassociator, ItemModes, RuleClassifier
from semantic_svd.intervals import mean_interval
from semantic_svd.modes import explained_variance, half_learned, strengths, svd
from semantic_svd.plasticity import Frozen, Hebb
from semantic_svd.readouts import competing_activity

ITEMS = load_items("mcclelland2020")
X = ITEMS.values
TABLE = ITEMS.array.to_pandas()
PIXELS, NAMES = load_digits(return_X_y=True)
DIGITS, MORE = (PIXELS[:600] / 16, NAMES[:600]), (PIXELS[600:900] / 16, NAMES[600:900])
REPEATED_RUN = {"epochs": 20, "random_state": 3}

CHECKED = [
    *(Autoassociator(rule=rule, epochs=20) for rule in ("backprop", "bpa", "hebbian_descent", "dfa_random")),
    Autoassociator((6, 4), activation="tanh", layer=2, epochs=20),
    *(RuleClassifier(20, rule, epochs=30) for rule in ("backprop", "bpa", "hebbian_descent", "dfa_random")),
    RuleClassifier(10, "krotov_hopfield", epochs=20),
    ItemModes(),
]


# ------------------------------------------------------------------------------------------------ scikit-learn's word


@parametrize_with_checks(CHECKED)
def test_every_check_of_scikit_learn_passes(estimator, check):
    # that of the array API is skipped unless SCIPY_ARRAY_API is set before anything starts: see below
    check(estimator)


def test_the_check_that_wants_its_own_process_passes_in_one():
    code = """if True:
    from sklearn.utils.estimator_checks import estimator_checks_generator
    from test_estimators import CHECKED
    for checked in CHECKED:
        for estimator, check in estimator_checks_generator(checked):
            if "array_api" in check.func.__name__:
                check(estimator)
                print("passed")
    """
    environment = os.environ | {"SCIPY_ARRAY_API": "1"}
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=Path(__file__).parent, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    asked = [check for one in CHECKED for _, check in estimator_checks_generator(one)]
    assert done.stdout.split() == ["passed"] * sum("array_api" in check.func.__name__ for check in asked)


@pytest.mark.parametrize("estimator", [Autoassociator(3), RuleClassifier(3), ItemModes(3)])
def test_what_is_not_fitted_says_so(estimator):
    for method in (
        "transform",
        "inverse_transform",
        "score",
        "get_feature_names_out",
        "predict",
        "predict_proba",
    ):
        if hasattr(estimator, method):
            with pytest.raises(NotFittedError):
                getattr(estimator, method)(*{"get_feature_names_out": [], "score": [X, X]}.get(method, [X]))


def test_they_work_in_pipelines_grids_and_validation():
    x, y = DIGITS
    hidden = make_pipeline(
        Autoassociator(16, "bpa", epochs=100, random_state=0), StandardScaler(), LogisticRegression()
    )
    assert cross_val_score(hidden, x, y, cv=3).mean() > 0.8
    grid = GridSearchCV(
        RuleClassifier(epochs=5, random_state=0), {"rule": ["backprop", "dfa_random"], "hidden": [1, 20]}
    )
    best = clone(grid).fit(x, y).best_estimator_
    assert best.hidden == 20 and best.run_.network.sizes == (64, 20, 10)


def test_the_output_may_be_pandas_and_units_have_names():
    auto = Autoassociator(3, epochs=5, random_state=0).set_output(transform="pandas").fit(TABLE)
    hidden = auto.transform(TABLE)
    assert list(hidden.columns) == list(auto.get_feature_names_out()) == ["unit1", "unit2", "unit3"]
    assert list(hidden.index) == list(ITEMS.items)
    modes = ItemModes(2).set_output(transform="pandas").fit(TABLE)
    assert list(modes.transform(TABLE).columns) == ["mode1", "mode2"]
    assert list(auto.feature_names_in_) == list(ITEMS.properties)
    assert auto.get_feature_names_out().dtype == modes.get_feature_names_out().dtype == object


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_stay_what_they_are(dtype):
    x, y = DIGITS[0].astype(dtype), DIGITS[1]
    auto = Autoassociator(4, epochs=3, random_state=0).fit(x)
    named = RuleClassifier(4, epochs=3, random_state=0).fit(x, y)
    modes = ItemModes(4).fit(x)
    competing = RuleClassifier(8, "krotov_hopfield", epochs=3, random_state=0).fit(x, y)
    assert competing.readout_.data["W1"].dtype == dtype
    assert auto.run_.data["W1"].dtype == named.run_.data["W1"].dtype == modes.components_.dtype == dtype
    for other in (np.float32, np.float64):
        z = x.astype(other)
        for found in (
            e(z) for e in (auto.transform, named.predict_proba, competing.predict_proba, modes.transform)
        ):
            assert found.dtype == other
        assert auto.inverse_transform(auto.transform(z)).dtype == other
        assert modes.inverse_transform(modes.transform(z)).dtype == other
    for changed in (auto, modes):
        assert np.dtype(dtype).name in get_tags(changed).transformer_tags.preserves_dtype


@pytest.mark.parametrize("dtype", [int, bool, np.uint8, np.float16])
def test_other_numbers_are_taken_as_floats(dtype):
    whole, y = X.astype(dtype), np.arange(8) % 3
    for method, estimator in (
        ("transform", Autoassociator(4, **REPEATED_RUN)),
        ("predict_proba", RuleClassifier(4, **REPEATED_RUN)),
        ("predict_proba", RuleClassifier(8, "krotov_hopfield", **REPEATED_RUN)),
        ("transform", ItemModes(4)),
    ):
        expected = getattr(clone(estimator).fit(X, y), method)(X)
        found = getattr(estimator.fit(whole, y), method)(whole)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, expected)
    auto, modes = Autoassociator(2, epochs=20, random_state=0).fit(whole), ItemModes(2).fit(whole)
    assert auto.score(whole) == auto.score(X)
    places = np.eye(2)
    for turned in (auto, modes):
        np.testing.assert_array_equal(
            turned.inverse_transform(places.astype(dtype)), turned.inverse_transform(places)
        )


# ------------------------------------------------------------------------------------------- the training is `train`'s


@pytest.mark.parametrize("rule", ["backprop", "bpa", "hebbian_descent", "dfa_random", RULES["sum_oja"]])
def test_an_autoassociator_is_what_train_gives(rule):
    auto = Autoassociator((8, 5), rule, activation="tanh", biases=True, rate=0.05, **REPEATED_RUN).fit(X)
    as_it_is = RULES[rule] if isinstance(rule, str) else rule
    network = Network((34, 8, 5, 34), "tanh")
    run = train(replace(as_it_is, rate=0.05), network, X, epochs=20, seeds=[3], every="log")
    xr.testing.assert_identical(auto.run_.data, run.data)


@pytest.mark.parametrize("rule", ["backprop", "hebbnet", "fa_oja"])
def test_a_classifier_is_what_train_gives(rule):
    x, y = DIGITS
    named = RuleClassifier(12, rule, rate=0.02, batch_size=50, **REPEATED_RUN).fit(x, y)
    run = train(
        replace(RULES[rule], rate=0.02),
        Network((64, 12, 10), "relu", "softmax"),
        x,
        np.eye(10)[y],
        epochs=20,
        batch_size=50,
        seeds=[3],
        every="log",
    )
    for name in ("W1", "b1", "W2", "b2", "loss"):
        np.testing.assert_array_equal(named.run_.data[name], run.data[name])
    np.testing.assert_array_equal(named.predict_proba(x), run.final().response()[0])
    assert named.run_.data["unit_2"].values.tolist() == [str(k) for k in range(10)]


@pytest.mark.parametrize("layer", [1, 2])
@pytest.mark.parametrize("biases", [True, False])
def test_transform_goes_up_to_a_layer_and_inverse_transform_on_from_it(layer, biases):
    auto = Autoassociator(
        (8, 5), layer=layer, activation="tanh", output="sigmoid", biases=biases, **REPEATED_RUN
    )
    hidden = auto.fit_transform(X)
    final = auto.run_.final()
    np.testing.assert_array_equal(hidden, final.hidden(layer)[0])
    np.testing.assert_allclose(auto.inverse_transform(hidden), final.response()[0], rtol=1e-12)


def test_biases_are_there_where_the_rule_teaches_them():
    for rule in ("backprop", "hebbnet", "bpa"):
        assert RuleClassifier(rule=rule, epochs=1).fit(*DIGITS).run_.network.biases == (rule != "bpa")


def test_the_run_serves_every_analysis_with_the_names_of_the_table():
    bpa = Autoassociator(8, "bpa", every=1, epochs=500, random_state=0).fit(TABLE)
    data = svd(ITEMS)
    found = half_learned(strengths(bpa.run_.response(), data), data)
    assert found.notnull().all()
    assert bpa.run_.response().coords["item"].values.tolist() == list(ITEMS.items)
    assert bpa.run_.response().coords["property"].values.tolist() == list(ITEMS.properties)
    assert pickle.loads(pickle.dumps(bpa)).score(TABLE) == bpa.score(TABLE)


def test_the_run_of_a_classifier_has_the_names_of_table_and_classes():
    said = RuleClassifier(3, epochs=1).fit(TABLE, np.array(list("bbbbaacc"))).run_.response()
    assert said.coords["item"].values.tolist() == list(ITEMS.items)
    assert said.coords["property"].values.tolist() == ["a", "b", "c"]


def test_rows_that_are_numbered_stay_without_names():
    run = Autoassociator(2, epochs=1).fit(TABLE.reset_index(drop=True)).run_
    assert "item" not in run.data.coords


# ---------------------------------------------------------------------------------------------------- random numbers


def test_random_state_follows_the_conventions():
    def weights(random_state):
        return Autoassociator(2, epochs=1, random_state=random_state).fit(X).run_.data["W1"].values

    np.testing.assert_array_equal(weights(5), weights(np.int64(5)))
    np.testing.assert_array_equal(weights(np.random.RandomState(5)), weights(np.random.RandomState(5)))
    stream = np.random.RandomState(5)
    for other in (weights(6), weights(None), weights(stream), weights(stream)):
        assert not np.array_equal(weights(5), other)
    assert not np.array_equal(weights(None), weights(None))
    assert not np.array_equal(weights(stream), weights(stream))


# ----------------------------------------------------------------------------------------------------- what is learned


@pytest.mark.parametrize("rule", ["backprop", "bpa"])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_a_linear_autoassociator_scores_as_the_best_of_its_rank(rule, k):
    best = float(explained_variance(svd(ITEMS))[:k].sum())
    for seed in range(5):
        score = Autoassociator(k, rule, biases=False, epochs=9000, random_state=seed).fit(X).score(X)
        assert best - 1e-6 < score < best + 1e-12


def test_with_biases_it_scores_as_principal_component_analysis():
    x = DIGITS[0][:, 20:44]
    pca = PCA(3).fit(x)
    missed = x - pca.inverse_transform(pca.transform(x))
    best = 1 - (missed**2).sum() / (x**2).sum()
    for seed in range(3):
        score = Autoassociator(3, epochs=4000, random_state=seed).fit(x).score(x)
        assert best - 1e-3 < score < best


def test_an_output_of_zero_scores_nothing():
    frozen = Autoassociator(2, epochs=0, biases=False).fit(X)
    frozen.run_.data["W2"][:] = 0
    assert frozen.score(X) == 0
    for of_nothing in (frozen, Autoassociator(2, epochs=1, biases=True).fit(X)):
        assert np.isnan(of_nothing.score(0 * X))


def test_the_classifier_is_as_good_as_another_librarys_at_the_same_rate():
    x, test_x, y, test_y = PIXELS[:1200] / 16, PIXELS[1200:] / 16, NAMES[:1200], NAMES[1200:]
    pairs = []
    for seed in range(5):
        ours = RuleClassifier(30, rate=0.1, epochs=20, batch_size=32, random_state=seed).fit(x, y)
        theirs = MLPClassifier(
            30,
            solver="sgd",
            momentum=0,
            alpha=0,
            learning_rate_init=0.1,
            batch_size=32,
            max_iter=20,
            random_state=seed,
        )
        with pytest.warns(match="Maximum iterations"):
            theirs.fit(x, y)
        pairs.append([ours.score(test_x, test_y), theirs.score(test_x, test_y)])
    pairs = xr.DataArray(pairs, dims=("seed", "of"))
    assert (pairs > 0.88).all()
    apart = mean_interval(pairs[:, 0] - pairs[:, 1])
    assert apart["low"] < 0.01 and apart["high"] > -0.01 and abs(apart["mean"]) < 0.01


@pytest.mark.parametrize("rule", ["backprop", "dfa_random", "fa_random", "bpa", "hebbian_descent"])
def test_digits_are_named_by_every_kind_of_rule(rule):
    scores = [
        RuleClassifier(30, rule, rate=0.05, epochs=50, random_state=s).fit(*DIGITS).score(*MORE)
        for s in range(3)
    ]
    assert mean_interval(xr.DataArray(scores, dims="seed"))["low"] > 0.8


def test_units_that_compete_learn_without_classes_and_are_read_as_krotov_and_hopfield_read_them():
    images = Images(*DIGITS, tuple("0123456789"), (8, 8), *MORE, "digits")
    named = RuleClassifier(50, "krotov_hopfield", epochs=20, random_state=2).fit(images.x, images.labels)
    network = Network((64, 50, 10), biases=False, initial="normal")
    run = train("krotov_hopfield", network, images.x, epochs=20, batch_size=32, seeds=[2], dtype="float32")
    np.testing.assert_array_equal(named.run_.final().data["W1"], run.final().data["W1"])
    theirs = read_out(run, images, head="softmax", epochs=20, batch_size=32).final().data
    np.testing.assert_array_equal(named.readout_.final().data["W1"], theirs["W1"])
    assert named.score(images.test_x, images.test_labels) == pytest.approx(float(theirs["accuracy"][0]))


def test_what_hidden_units_learn_without_classes_is_read_in_units_of_its_standard_deviation():
    x, y = DIGITS[0][:200], DIGITS[1][:200]
    alone = Rule(hidden=1e-3 * Hebb(), output=Frozen(), bias=Frozen())
    for rule, hidden in (("krotov_hopfield", 20), ("krotov_hopfield", (20, 10)), (alone, (20, 10))):
        named = RuleClassifier(hidden, rule, epochs=5, random_state=0).fit(x, y)
        final, last = named.run_.final(), named.run_.network.layers - 1
        h = final.hidden(last)[0].values
        if rule != alone:
            below = x if last == 1 else final.hidden(1)[0].values
            h = competing_activity(final.weights(last)[0].values, below)
        np.testing.assert_allclose(named.readout_.data["input"], h / h.std(), rtol=1e-12)
        np.testing.assert_allclose(named.predict_proba(x), named.readout_.final().response()[0], rtol=1e-12)
    nothing = RuleClassifier(8, "krotov_hopfield", epochs=1).fit(0 * x, y)  # no activity, of no deviation
    assert np.isfinite(nothing.predict_proba(x)).all()


def test_a_rule_that_reads_no_error_can_not_give_back_and_goes_over_items_once():
    competing = Autoassociator(8, "krotov_hopfield")
    assert refused(competing.fit, X) == "the rule reads no error, so it does not learn to give its input back"
    assert refused(RuleClassifier((), "krotov_hopfield", epochs=1).fit, *DIGITS) == (
        "the rule reads no error, so it teaches hidden layers only; hidden names none"
    )
    assert not hasattr(RuleClassifier(rule="krotov_hopfield"), "partial_fit")
    assert hasattr(RuleClassifier(rule="hebbnet"), "partial_fit")


@pytest.mark.parametrize("classes", [["fish", "bird"], [7, -1], [True, False]])
def test_classes_may_be_words_or_numbers(classes):
    named = RuleClassifier(4, epochs=100, random_state=0)
    y = np.array(classes)[[0, 0, 0, 0, 1, 1, 1, 1]]
    assert named.fit(X, y).score(X, y) == 1
    assert named.classes_.tolist() == sorted(classes)
    assert named.predict(X).dtype == y.dtype
    np.testing.assert_allclose(named.predict_proba(X).sum(axis=1), 1)


# --------------------------------------------------------------------------------------------------------------- rates


def test_inputs_of_any_size_are_learned_at_the_rules_own_rate_where_they_can_bear_it():
    small = Autoassociator(8, epochs=500, random_state=0).fit(X)
    assert small.rule_ == RULES["backprop"]
    for size in (10, 1e3):
        large = clone(small).fit(size * X)
        assert large.rule_.rate < 0.1 / size
        assert large.score(size * X) > 0.9
        assert "left the finite numbers" in refused(clone(small).set_params(rate=0.1).fit, size * X)


@pytest.mark.parametrize("batch_size", [None, 1, 2, 5])
def test_rates_are_lowered_to_half_of_what_batches_of_so_many_items_can_bear(batch_size):
    x = 10 * X
    squares, m = (x**2).sum(axis=1), batch_size or 8
    largest = np.linalg.eigvalsh(x.T @ x / 8)[-1]
    curvature = (squares.max() + (m - 1) * largest) / m if m < 8 else largest + (squares.max() - largest) / 8
    expected = 1 / (2 * curvature)
    found = Autoassociator(8, "bpa", batch_size=batch_size, epochs=1).fit(x).rule_.rate
    assert found == pytest.approx(expected, rel=1e-6)
    of_three = Autoassociator(8, "dfa_oja", biases=False, batch_size=batch_size, epochs=1).fit(x).rule_.rate
    assert of_three == pytest.approx((expected, expected, expected / 10), rel=1e-6)


@pytest.mark.parametrize("hidden", [(1,), (3,), (30, 3, 50)])
def test_where_the_start_is_steeper_rates_are_what_it_can_bear(hidden):
    """A layer's curvature is that of the items times the squared norms of the other layers, as they are drawn."""
    steepest, auto = [], Autoassociator(hidden, "bpa", epochs=0)
    for seed in range(10):
        start = auto.set_params(random_state=seed).fit(100 * DIGITS[0]).run_.data.isel(seed=0, epoch=0)
        norms2 = [np.linalg.norm(start[f"W{k + 1}"], 2) ** 2 for k in range(len(hidden) + 1)]
        steepest.append(sum(np.prod(np.delete(norms2, k)) for k in range(len(norms2))))
    curvature = np.linalg.norm(100 * DIGITS[0], 2) ** 2 / len(DIGITS[0])
    assert 0.7 < auto.rule_.rate * curvature * max(steepest) / 2 < 1


@pytest.mark.parametrize("hidden", [1, 2, 3])
def test_narrow_layers_do_not_diverge(hidden):
    x = DIGITS[0][:300]
    for seed in range(5):
        assert Autoassociator(hidden, epochs=300, random_state=seed).fit(x).score(x) > 0.4


def test_units_that_compete_keep_their_rate():
    x, y = DIGITS
    assert RuleClassifier(8, "krotov_hopfield", epochs=1).fit(10 * x, y).rule_ == RULES["krotov_hopfield"]


def test_biases_count_as_an_input_that_is_always_one():
    lowered = Autoassociator(8, epochs=1).fit(10 * X).rule_.rate
    bare = Autoassociator(8, biases=False, epochs=1).fit(10 * X).rule_.rate
    assert 1 / lowered == pytest.approx(1 / bare + 2)


# ---------------------------------------------------------------------------------------------------------- partial_fit


@pytest.mark.parametrize("rule", ["backprop", "dfa_random", "bpa", "dfa_oja"])
def test_passes_one_by_one_are_passes_in_a_row(rule):
    x, y = DIGITS
    whole = RuleClassifier(10, rule, batch_size=None, epochs=4, random_state=0).fit(x, y)
    parts = RuleClassifier(10, rule, batch_size=None, random_state=0)
    for _ in range(4):
        parts.partial_fit(x, y, classes=range(10))
    np.testing.assert_array_equal(whole.predict_proba(x), parts.predict_proba(x))
    assert parts.rule_ == whole.rule_
    assert parts.run_.data.epoch.values.tolist() == [0, 1]


def test_a_first_pass_in_batches_is_fits_first_epoch():
    x, y = DIGITS
    once = RuleClassifier(10, epochs=1, random_state=0).fit(x, y)
    part = RuleClassifier(10, epochs=99, random_state=0).partial_fit(x, y, classes=np.unique(y))
    xr.testing.assert_identical(once.run_.data, part.run_.data)


def test_later_passes_keep_the_classes_the_seed_and_the_rates_of_the_first():
    x, y = DIGITS
    named = RuleClassifier(10).partial_fit(x, y, classes=range(10))  # a seed of its own
    first, rule = named.run_, named.rule_
    named.partial_fit(3 * x[:50], y[:50])
    assert named.rule_ == rule != RuleClassifier(10, epochs=1).fit(3 * x, y).rule_
    assert named.run_.data["seed"].values.tolist() == first.data["seed"].values.tolist()
    np.testing.assert_array_equal(named.run_.data["W1"][:, 0], first.data["W1"][:, 1])


def test_a_class_may_come_later():
    x, y = DIGITS
    named = RuleClassifier(20, random_state=0)
    for k in range(30):
        few = y < 5 if k < 10 else y >= 0
        named.partial_fit(x[few], y[few], classes=range(10))
    assert named.score(x, y) > 0.8


# ----------------------------------------------------------------------------------------------------------- ItemModes


def test_the_modes_are_those_of_svd():
    modes, found = svd(ITEMS), ItemModes().fit(X)
    np.testing.assert_allclose(found.singular_values_, modes.s, rtol=1e-12)
    np.testing.assert_allclose(found.transform(X), modes.U * modes.s, atol=1e-12)
    np.testing.assert_allclose(found.inverse_transform(found.transform(X)), X, atol=1e-12)
    np.testing.assert_array_equal(ItemModes(3).fit(X).components_, found.components_[:3])


@pytest.mark.parametrize("reference", [ITEMS, X, TABLE, svd(ITEMS)], ids=["items", "array", "table", "modes"])
def test_modes_are_brought_to_the_reference(reference):
    """Noise turns signs and the pairs {5, 6} and {7, 8}; aligned, the modes are the reference's to its size."""
    rng, modes, turned = np.random.default_rng(0), svd(ITEMS), 0
    for _ in range(20):
        noisy = X + 1e-6 * rng.normal(size=X.shape)
        found = ItemModes(reference=reference).fit(noisy)
        np.testing.assert_allclose(found.components_, modes.V.T, atol=1e-4)
        np.testing.assert_allclose(found.singular_values_, modes.s, rtol=1e-5)
        turned += not np.allclose(ItemModes().fit(noisy).components_, modes.V.T, atol=1e-4)
    assert turned == 20


def test_modes_of_parts_of_the_items_keep_their_places():
    """Without one bird, fish, tree or flower the first four modes are still the whole set's, not by number only."""
    whole = svd(ITEMS).V.values.T[:4]
    for item in ITEMS.items:
        part = ItemModes(4, reference=ITEMS).fit(TABLE.drop(index=item)).components_
        assert np.diag(part @ whole.T).min() > 0.85


@pytest.mark.parametrize("part", [X[:2], X[[0, 0, 0, 1, 1, 1, 0, 1, 0]]], ids=["few items", "few kinds"])
def test_modes_that_the_items_lack_are_zero(part):
    """What is there is the span of the items and no more, though the reference has eight modes."""
    found = ItemModes(reference=ITEMS).fit(part)
    assert found.components_.shape == (8, 34)
    assert (np.linalg.norm(found.components_, axis=1) > 1e-12).sum() == 2
    np.testing.assert_allclose(
        found.components_.T @ found.components_, np.linalg.pinv(part) @ part, atol=1e-12
    )


# -------------------------------------------------------------------------------------------------------------- errors


def test_a_training_that_diverges_is_one_line():
    assert refused(Autoassociator(8, rate=3.0, epochs=200, random_state=1).fit, X) == (
        "no seed survived at rate 3.0: seed 1 left the finite numbers in layer 2 at epoch 5; "
        "its last good snapshot is of epoch 4; a lower rate (0.11) or fewer epochs may hold"
    )
    hebb = RuleClassifier(8, "bpa_hebb", rate=1.0, epochs=2000, random_state=1)
    assert refused(hebb.fit, *DIGITS).startswith(
        "no seed survived at rate 1.0: seed 1 left the finite numbers in layer"
    )


@pytest.mark.parametrize(
    ("estimator", "said"),
    [
        (Autoassociator(layer=2), "layer is that of a hidden layer, 1 to 1, not 2"),
        (Autoassociator(layer=0), "layer is that of a hidden layer, 1 to 1, not 0"),
        (Autoassociator(()), "an autoassociator has a hidden layer; hidden names none"),
        (Autoassociator(0), "hidden is a whole number of units over 0, or several, not 0"),
        (Autoassociator("bpa"), "hidden is a whole number of units over 0, or several, not 'bpa'"),
        (Autoassociator([8, 2.5]), "hidden is a whole number of units over 0, or several, not [8, 2.5]"),
        (
            Autoassociator(activation="cube"),
            "no hidden activation 'cube'; there are linear, tanh, sigmoid, relu",
        ),
        (
            Autoassociator(rate=-1),
            "a rule's rate is one number of 0 or more, or three (hidden, output, feedback), not -1",
        ),
        (Autoassociator(batch_size=0), "batch_size is a whole number from 1, not 0"),
        (Autoassociator(epochs=1.5), "epochs is a whole number from 0, not 1.5"),
        (Autoassociator(every=0), "every is a whole number from 1 or 'log', not 0"),
        (ItemModes(9), "n_modes is a whole number from 1 to 8 or None, not 9"),
        (ItemModes(0), "n_modes is a whole number from 1 to 8 or None, not 0"),
        (ItemModes(reference=X[:, :5]), "the reference has 5 properties, the items have 34"),
        (
            ItemModes(reference=TABLE[TABLE.columns[::-1]]),
            f"property 0 is '{ITEMS.properties[0]}', in the reference '{ITEMS.properties[-1]}': "
            "labels must be the same",
        ),
    ],
)
def test_parameters_that_are_none_are_refused_in_one_line(estimator, said):
    assert refused(estimator.fit, TABLE) == said


def test_a_rule_in_the_place_of_hidden_is_refused_as_that():
    for rule in ("krotov_hopfield", RULES["bpa"]):
        assert refused(RuleClassifier(rule).fit, *DIGITS) == (
            f"hidden is a whole number of units over 0, or several, not {rule!r}"
        )


def test_rules_that_there_are_not_are_refused():
    assert refused(RuleClassifier(rule="magic").fit, *DIGITS).startswith(
        "no rule 'magic'; there are backprop, bpa,"
    )


def test_partial_fit_says_what_it_wants():
    x, y = DIGITS
    named = RuleClassifier(4, random_state=0)
    assert refused(named.partial_fit, x, y) == "the first call of partial_fit names all classes; pass classes"
    assert refused(named.partial_fit, x, y, range(9)) == (
        "y has the class 9, which is not among [0, 1, 2, 3, 4, 5, 6, 7, 8]"
    )
    named.partial_fit(x, y, range(10))
    assert refused(named.partial_fit, x, y, [1, 2]) == (
        "classes are [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] since the first call, not [1, 2]"
    )


def test_what_is_turned_back_has_the_columns_of_what_was_turned():
    auto, modes = Autoassociator(3, epochs=1).fit(X), ItemModes(2).fit(X)
    assert refused(auto.inverse_transform, X) == "3 columns are turned back, unit1 to unit3, not 34"
    said = "2 columns are turned back, mode1 to mode2, not 34"
    assert refused(modes.inverse_transform, pd.DataFrame(X)) == said
