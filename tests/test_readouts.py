"""What can be read out of a hidden layer, against the equations by hand and other libraries."""

from dataclasses import replace

import numpy as np
import pytest
from refusals import refused
from scipy.optimize import check_grad, minimize
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from semantic_svd import RULES, Network, load_images, readouts, train
from semantic_svd.feedback import Feedback
from semantic_svd.plasticity import Delta, Frozen, Hebb
from semantic_svd.readouts import competing_activity, converged_read_out, linear_probe, read_out

DIGITS = load_images("digits")
COMPETING = Network((64, 60, 10), "relu", "softmax", biases=False, initial="normal")


def compete(*targets):
    """Train competing units of two seeds on the digits, beside targets or without."""
    settings = {"epochs": 10, "seeds": 2, "batch_size": 50, "every": 10, "dtype": "float32"}
    return train("krotov_hopfield", COMPETING, DIGITS.x, *targets, probe=DIGITS.x[:5], **settings)


@pytest.fixture(scope="module")
def competing():
    return compete()


def test_competing_units_learn_without_labels_what_they_learn_beside_them(competing):
    told = compete(DIGITS.targets)
    np.testing.assert_array_equal(competing.weights(1), told.weights(1))
    for run in (told, competing):  # nothing learns from a loss, told of targets or not
        assert "loss" not in run.data and run.data.attrs["loss_name"] == "none"


def test_a_run_without_targets_is_stored_and_opened_again(competing, tmp_path):
    path = tmp_path / "run.zarr"
    settings = {"epochs": 2, "batch_size": 50, "seeds": 2}
    kept = train("krotov_hopfield", COMPETING, DIGITS.x, out=path, **settings)
    alone = train("krotov_hopfield", COMPETING, DIGITS.x, **settings)
    np.testing.assert_array_equal(kept.weights(1).values, alone.weights(1).values)
    assert "target" not in kept.data and kept.data["status"].values.tolist() == ["finished"] * 2


@pytest.mark.parametrize("rule", ["backprop", "hebbian_descent", "hebbnet", "fa_oja"])
def test_a_rule_that_asks_for_an_error_is_refused_without_targets_before_anything_is_written(rule, tmp_path):
    path = tmp_path / "run.zarr"
    message = refused(train, rule, Network((64, 5, 10)), DIGITS.x, epochs=1, out=path)
    assert message.startswith("the network has 10 outputs, the items have 64 ")
    assert not path.exists()


def test_hebb_everywhere_asks_for_no_targets():
    rule = replace(RULES["krotov_hopfield"], hidden=Hebb(), output=Hebb())
    assert not rule.taught(COMPETING)
    assert RULES["krotov_hopfield"].taught(COMPETING) is False
    assert replace(rule, bias=RULES["backprop"].bias).taught(Network((3, 2)))
    learning = Feedback(learns=Delta())
    assert replace(rule, path="chain", feedback=learning).taught(COMPETING)
    assert not replace(rule, feedback=learning).taught(COMPETING)  # errors go through W', and there is no B
    of_hidden = replace(rule, bias=(Delta(), Frozen()))
    assert of_hidden.taught(replace(COMPETING, biases=True)) and not of_hidden.taught(Network((3, 2)))


UNTAUGHT = "{} is about an output that learns, and this rule teaches none; read_out trains a classifier"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stop_below": 0.1}, "stop_below is a loss, and under this rule nothing learns from one"),
        ({"record": "strengths"}, "strengths are along the modes of the targets, and there are none; pass y"),
        ({"record": "train_accuracy"}, UNTAUGHT.format("train_accuracy")),
        ({"test": (DIGITS.test_x, DIGITS.test_targets)}, UNTAUGHT.format("test")),
        (
            {"record": "class_means"},
            "class means need targets that name one class an item (one-hot), and an item of every class",
        ),
    ],
)
def test_what_needs_targets_says_so(settings, message):
    assert refused(train, "krotov_hopfield", COMPETING, DIGITS.x, epochs=1, **settings) == message


def test_the_activity_that_is_read_is_a_power_of_the_cosine():
    rng = np.random.default_rng(0)
    W, x = rng.normal(size=(7, 5)), rng.random((4, 5))
    h = competing_activity(W, x)
    for i, j in np.ndindex(4, 7):
        cosine = W[j] @ x[i] / np.sqrt((W[j] @ W[j]) * (x[i] @ x[i]))
        assert h[i, j] == pytest.approx(max(cosine, 0) ** 4.5, rel=1e-12)
    assert (competing_activity(3 * W, x / 7) - h).max() == pytest.approx(0, abs=1e-12)
    assert not competing_activity(W, np.zeros((1, 5))).any()  # an empty image excites no unit


def test_units_of_a_later_layer_compete_over_the_activity_before_them():
    network = Network((64, 12, 9, 10), "tanh", "softmax")
    run = train("backprop", network, DIGITS.x, DIGITS.targets, epochs=1, seeds=2)
    read = read_out(run, DIGITS, layer=2, head="softmax", epochs=1)
    for seed in (0, 1):
        final = run.final().sel(seed=seed)
        before, test_before = (
            np.tanh(x @ final.weights(1).values.T + final.biases(1).values) for x in (DIGITS.x, DIGITS.test_x)
        )
        W = final.weights(2).values
        size = competing_activity(W, before).std()
        of_seed = read.sel(seed=seed).final().data
        said = competing_activity(W, test_before) / size @ of_seed["W1"].values.T + of_seed["b1"].values
        assert float(of_seed["accuracy"]) == pytest.approx((said.argmax(axis=1) == DIGITS.test_labels).mean())
        logits = said - np.logaddexp.reduce(said, axis=1, keepdims=True)
        loss = -logits[np.arange(len(said)), DIGITS.test_labels].mean()
        assert float(of_seed["test_loss"]) == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("head", ["power", "softmax"])
def test_the_classifier_is_that_of_each_seeds_own_layer(competing, head):
    run = read_out(competing, DIGITS, head=head, epochs=3)
    for seed in (0, 1):
        W = competing.final().weights(1).sel(seed=seed).values
        h, test_h = (competing_activity(W, x) for x in (DIGITS.x.astype("f4"), DIGITS.test_x.astype("f4")))
        final = run.sel(seed=seed).final().data
        for share, activity, labels in (
            (final["accuracy"], test_h, DIGITS.test_labels),
            (final["train_accuracy"], h, DIGITS.labels),
        ):
            a = activity / h.std() @ final["W1"].values.T + final["b1"].values  # both outputs keep the order
            assert float(share) == pytest.approx((a.argmax(axis=1) == labels).mean())
    assert run.data["seed"].values.tolist() == [0, 1] and run.data["epoch"].values.tolist() == [0, 1, 2, 3]


def test_the_row_readout_of_the_rules_is_the_delta_rule_on_the_activity(competing):
    run = read_out(competing, DIGITS, rule=RULES["readout"], head="softmax", epochs=1, batch_size=1500)
    for seed in (0, 1):
        h = competing_activity(competing.final().weights(1).sel(seed=seed).values, DIGITS.x.astype("f4"))
        before, after = (run.data["W1"].sel(seed=seed, epoch=epoch).values for epoch in (0, 1))
        said = np.exp(h / h.std() @ before.T)
        error = np.eye(10)[DIGITS.labels] - said / said.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(
            after - before, 0.1 * error.T @ (h / h.std()) / len(h), rtol=1e-3, atol=1e-6
        )


def test_the_targets_of_the_power_head_are_plus_and_minus_one(competing):
    run = read_out(competing, DIGITS, epochs=0)
    h = competing_activity(competing.final().weights(1).sel(seed=1).values, DIGITS.x.astype("f4"))
    y = np.tanh(h / h.std() @ run.data["W1"].sel(seed=1, epoch=0).values.T)
    error = np.abs(np.where(np.eye(10)[DIGITS.labels] > 0, 1, -1) - y)
    assert float(run.data["loss"].sel(seed=1, epoch=0)) == pytest.approx(
        (error**6).sum(1).mean() / 6, rel=1e-4
    )


def test_the_classifier_learns(competing):
    accuracy = read_out(competing, DIGITS, epochs=40).data["accuracy"]
    assert (accuracy.sel(epoch=40) > 0.6).all() and (accuracy.sel(epoch=0) < 0.3).all()


def test_a_converged_classifier_is_where_no_step_lowers_the_loss():
    rng = np.random.default_rng(0)
    h, decay = rng.random((40, 3)) * [5.0, 1.0, 0.2], 1e-3
    y = 2.0 * np.eye(2)[rng.integers(0, 2, 40)] - 1

    def loss(at):
        S, b = at[:6].reshape(2, 3), at[6:]
        return (np.abs(y - np.tanh(h @ S.T + b)) ** 6).sum(1).mean() / 6 + decay * (S**2).sum()

    S, b = readouts._converged(h, y, decay)
    expected = minimize(loss, np.zeros(8), method="BFGS", options={"gtol": 1e-9})  # gradients by differences
    assert loss(np.concatenate([S.ravel(), b])) == pytest.approx(expected.fun, rel=1e-6)
    np.testing.assert_allclose(np.concatenate([S.ravel(), b]), expected.x, atol=2e-3)


def test_a_converged_classifier_of_many_units_that_are_nearly_alike_is_improved_by_no_other_way(competing):
    h = competing_activity(competing.final().weights(1).sel(seed=0).values, DIGITS.x)
    h, y = np.asarray(h / h.std(), float), 2 * DIGITS.targets.values - 1
    n, units = h.shape
    assert np.linalg.cond(h.T @ h) > 1e4

    def loss(at):
        S, b = at[: 10 * units].reshape(10, units), at[10 * units :]
        said = np.tanh(h @ S.T + b)
        back = (said - y) ** 5 * (1 - said**2) / n
        slope = np.concatenate([(back.T @ h + 2 * readouts.DECAY * S).ravel(), back.sum(0)])
        return ((said - y) ** 6).sum() / (6 * n) + readouts.DECAY * (S**2).sum(), slope

    S, b = readouts._converged(h, y, readouts.DECAY)
    start = np.concatenate([S.ravel(), b])
    longer = minimize(loss, start, jac=True, method="BFGS", options={"maxiter": 300})
    assert longer.nit > 10 and loss(start)[0] < longer.fun * (1 + 1e-5)


def test_a_classifier_that_does_not_settle_is_refused(competing, monkeypatch):
    monkeypatch.setitem(readouts.UNTIL_SETTLED, "maxiter", 3)
    line = "the classifier had not settled after 3 steps; a decay larger than 0.0003 may help"
    assert refused(converged_read_out, competing, DIGITS) == line


def test_the_loss_that_is_minimised_has_the_slope_that_goes_with_it(monkeypatch):
    rng = np.random.default_rng(0)
    h, y = rng.random((40, 3)) * [5.0, 1.0, 0.2], 2.0 * np.eye(2)[rng.integers(0, 2, 40)] - 1
    asked = []
    monkeypatch.setattr(
        readouts,
        "minimize",
        lambda loss, *of, **settings: asked.append(loss) or minimize(loss, *of, **settings),
    )
    readouts._converged(h, y, 1e-3)
    (loss,) = asked
    assert loss(np.zeros(8))[0] == pytest.approx(2 / 6)  # of two outputs that say nothing
    for at in rng.normal(size=(5, 8)):
        assert check_grad(lambda w: loss(w)[0], lambda w: loss(w)[1], at) < 1e-6


def test_a_classifier_keeps_no_activity_as_items_of_its_own(competing):
    for found in (read_out(competing, DIGITS, epochs=1), converged_read_out(competing, DIGITS)):
        message = "this run keeps no items of its own; pass the items to respond to"
        assert refused(found.response) == message


def test_a_classifier_learns_by_adam_at_a_rate_that_falls_to_zero():
    rng = np.random.default_rng(0)
    h, y = rng.random((12, 4)), np.eye(3)[rng.integers(0, 3, 12)]
    run = readouts.classifier(h, y, "softmax", epochs=5)
    w = np.column_stack([run.data["W1"][0, 0], run.data["b1"][0, 0]])
    inputs, m, v = np.column_stack([h, np.ones(12)]), 0.0, 0.0
    for epoch in range(5):
        said = np.exp(inputs @ w.T)
        slope = (y - said / said.sum(axis=1, keepdims=True)).T @ inputs / 12
        m, v = 0.9 * m + 0.1 * slope, 0.999 * v + 0.001 * slope**2
        by_adam = m / (1 - 0.9 ** (epoch + 1)) / (np.sqrt(v / (1 - 0.999 ** (epoch + 1))) + 1e-8)
        w[:, :4] += (1 - epoch / 5) / 4 * by_adam[:, :4]
        w[:, 4] += (1 - epoch / 5) / 4 * slope[:, 4]
        np.testing.assert_allclose(run.data["W1"][0, epoch + 1], w[:, :4], rtol=1e-9)
        np.testing.assert_allclose(run.data["b1"][0, epoch + 1], w[:, 4], rtol=1e-9)


def test_a_converged_classifier_is_read_as_a_run_of_each_seeds_own_layer(competing):
    found = converged_read_out(competing, DIGITS)
    for seed in (0, 1):
        W = competing.final().weights(1).sel(seed=seed).values
        h, test_h = (competing_activity(W, x) for x in (DIGITS.x, DIGITS.test_x))
        S, b = readouts._converged(h / h.std(), 2 * DIGITS.targets.values - 1, readouts.DECAY)
        named = (test_h / h.std() @ S.T + b).argmax(1)
        of_seed = found.final().sel(seed=seed)
        np.testing.assert_allclose(of_seed.weights(1), S, rtol=1e-4, atol=1e-5)
        assert float(of_seed.data["accuracy"]) == pytest.approx(np.mean(named == DIGITS.test_labels))


@pytest.mark.parametrize("decay", [0, -1.0, float("nan"), "much", True])
def test_a_decay_that_holds_nothing_is_refused(competing, decay):
    message = f"decay is a finite number over 0, not {decay!r}"
    assert refused(converged_read_out, competing, DIGITS, decay=decay) == message


def test_a_probe_is_a_logistic_regression_on_the_layers_own_activity():
    run = train("bpa", Network((64, 8, 10), biases=False), DIGITS.x, DIGITS.targets, epochs=5, seeds=2)
    shares = linear_probe(run, DIGITS)
    for seed in (0, 1):
        W = run.final().weights(1).sel(seed=seed).values
        scale = StandardScaler().fit(DIGITS.x @ W.T)
        probe = LogisticRegression(max_iter=1000).fit(scale.transform(DIGITS.x @ W.T), DIGITS.labels)
        expected = probe.score(scale.transform(DIGITS.test_x @ W.T), DIGITS.test_labels)
        assert float(shares.sel(seed=seed)) == pytest.approx(expected, abs=1 / len(DIGITS.test_x))


def test_what_there_is_not_is_refused(competing):
    assert refused(read_out, competing, DIGITS, layer=2) == "the run has hidden layers 1 to 1, not 2"
    assert refused(linear_probe, competing, DIGITS, layer=0) == "the run has hidden layers 1 to 1, not 0"
    classifier = read_out(competing, DIGITS, epochs=1)
    assert refused(read_out, classifier, DIGITS) == "the run has no hidden layer to read from"
    for power in (0, np.inf, np.nan, True, "4.5"):
        message = f"power is a finite number over 0, or None, not {power!r}"
        for read in (read_out, linear_probe, converged_read_out):
            assert refused(read, competing, DIGITS, power=power) == message
    message = "no head 'argmax' of a classifier; there are power, softmax"
    assert refused(read_out, competing, DIGITS, head="argmax") == message
    small = replace(DIGITS, x=DIGITS.x[:, :49], test_x=DIGITS.test_x[:, :49], shape=(7, 7))
    message = "the network reads 64 inputs an item, the images have 49"
    for read in (read_out, linear_probe):
        assert refused(read, competing, small) == message
    nought = replace(DIGITS, labels=0 * DIGITS.labels, name="noughts")
    message = "noughts has images of one class, '0'; to name images takes two"
    for read in (read_out, linear_probe, converged_read_out):
        assert refused(read, competing, nought) == message
