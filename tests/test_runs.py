"""Claims about runs in memory: names on every axis, responses from the kept weights, each seed as it ended."""

import tracemalloc

import numpy as np
import pandas as pd
import plain
import pytest
import xarray as xr
from refusals import refused
from sklearn.metrics import accuracy_score, confusion_matrix

from semantic_svd import runs
from semantic_svd.feedback import Feedback
from semantic_svd.images import Images, load_images
from semantic_svd.items import load_items
from semantic_svd.network import Network
from semantic_svd.plasticity import Oja
from semantic_svd.rules import RULES, Rule
from semantic_svd.runs import Run, network_text
from semantic_svd.training import train

ITEMS, NEW = load_items("mcclelland2020"), load_items("mcclelland2020_new_items")
NETWORK = Network((34, 8, 6, 34), hidden="tanh", output="sigmoid")
CHAIN = Rule(path="chain", feedback=Feedback(learns=Oja()))
RUN = train(CHAIN, NETWORK, ITEMS, epochs=6, seeds=[3, 1], every=2)


def plain_activity(run, seed, epoch, x, layer):
    state = {name: run.data[name].sel(seed=seed, epoch=epoch).values for name in run.network.names()}
    return np.array([plain.respond(run.network, state, item)[1][layer] for item in x])


# Names and values


def test_every_axis_of_a_run_is_named_and_in_order():
    data = RUN.data
    assert data.W1.dims == ("seed", "epoch", "unit_1", "unit_0")
    assert data.W3.dims == ("seed", "epoch", "unit_3", "unit_2")
    assert data.b2.dims == ("seed", "epoch", "unit_2")
    assert data.B1.dims == ("seed", "epoch", "unit_1", "unit_2")
    assert data.loss.dims == ("seed", "epoch")
    assert "W1_end" not in data  # the last snapshot has it
    assert data.status.dims == data.end_epoch.dims == ("seed",)
    assert data.input.dims == ("item", "unit_0")
    assert data.target.dims == ("item", "unit_3")


def test_the_axes_carry_the_names_of_seeds_epochs_items_and_properties():
    data = RUN.data
    assert data.seed.values.tolist() == [3, 1]
    assert data.epoch.values.tolist() == [0, 2, 4, 6]
    assert data.item.values.tolist() == list(ITEMS.items)
    assert data.unit_0.values.tolist() == data.unit_3.values.tolist() == list(ITEMS.properties)
    np.testing.assert_array_equal(data.input, ITEMS.values)
    np.testing.assert_array_equal(data.target, ITEMS.values)


def test_on_the_direct_path_the_senders_of_feedback_are_the_output_units():
    run = train(Rule(path="direct", feedback=Feedback(learns=Oja())), NETWORK, ITEMS, epochs=1)
    assert run.data.B1.dims == ("seed", "epoch", "unit_1", "unit_3")
    B = run.feedback(1)
    assert B.dims == ("seed", "epoch", "post", "pre")
    assert B.shape == (1, 2, 8, 34)
    assert B.pre.values.tolist() == list(ITEMS.properties)


def test_weights_biases_and_feedback_name_post_and_pre():
    assert RUN.weights(2).dims == ("seed", "epoch", "post", "pre")
    assert RUN.biases(2).dims == ("seed", "epoch", "post")
    assert RUN.feedback(2).dims == ("seed", "epoch", "post", "pre")
    np.testing.assert_array_equal(RUN.weights(2), RUN.data.W2)
    np.testing.assert_array_equal(RUN.biases(2), RUN.data.b2)
    np.testing.assert_array_equal(RUN.feedback(2), RUN.data.B2)
    assert RUN.weights(1).pre.values.tolist() == list(ITEMS.properties)
    assert RUN.weights(3).post.values.tolist() == list(ITEMS.properties)


def test_a_run_knows_its_network_and_its_rule():
    assert RUN.network == NETWORK
    assert RUN.rule == repr(CHAIN)
    assert RUN.notes == []
    assert repr(RUN) == "Run(34-8-6-34 tanh, sigmoid output, 2 seeds, 4 snapshots to epoch 6)"
    assert repr(RUN.final()) == "Run(34-8-6-34 tanh, sigmoid output, 2 seeds)"
    assert repr(RUN.sel(seed=1, epoch=4)) == "Run(34-8-6-34 tanh, sigmoid output, 1 seed)"


@pytest.mark.parametrize("network", [NETWORK, Network((3, 2), "relu", "softmax", False, "normal", 0.5)])
def test_the_text_of_a_network_reads_back(network):
    run = Run(xr.Dataset(attrs={"network": network_text(network)}))
    assert run.network == network


# Responses


@pytest.mark.parametrize("layer", [1, 2, 3])
@pytest.mark.parametrize("items", [ITEMS, NEW], ids=lambda items: items.name)
def test_the_response_of_a_layer_is_the_forward_pass_of_the_kept_weights(items, layer):
    response = RUN.response(items, layer)
    assert response.dims == ("seed", "epoch", "item", "property" if layer == 3 else "unit")
    for seed in (3, 1):
        for epoch in (0, 2, 4, 6):
            np.testing.assert_allclose(
                response.sel(seed=seed, epoch=epoch),
                plain_activity(RUN, seed, epoch, items.values, layer),
                rtol=1e-12,
                atol=1e-14,
            )


def test_the_response_is_by_default_that_of_the_output_to_the_items_of_the_training():
    xr.testing.assert_identical(RUN.response(), RUN.response(ITEMS, 3))
    xr.testing.assert_identical(RUN.hidden(2, NEW), RUN.response(NEW, layer=2))


def test_a_response_carries_the_names_of_items_and_properties():
    response = RUN.response(NEW)
    assert response["item"].values.tolist() == ["sparrowhawk", "falcon"]
    assert response.property.values.tolist() == list(ITEMS.properties)
    assert response.seed.values.tolist() == [3, 1]
    assert response.epoch.values.tolist() == [0, 2, 4, 6]


def test_layer_0_responds_with_the_items_themselves():
    response = RUN.response(layer=0)
    assert response.dims == ("seed", "epoch", "item", "unit")
    np.testing.assert_array_equal(response, np.broadcast_to(ITEMS.values, (2, 4, 8, 34)))


@pytest.mark.parametrize(
    "table",
    [NEW.values, NEW.array, pd.DataFrame(NEW.values, index=list(NEW.items), columns=list(NEW.properties))],
    ids=["array", "DataArray", "DataFrame"],
)
def test_new_items_may_come_as_any_table(table):
    response = RUN.response(table)
    np.testing.assert_allclose(response, RUN.response(NEW), rtol=1e-14, atol=0)
    if not isinstance(table, np.ndarray):
        assert response["item"].values.tolist() == list(NEW.items)


def test_recorded_responses_are_those_that_the_weights_give():
    run = train(CHAIN, NETWORK, ITEMS, epochs=3, seeds=2, record=("weights", "responses", "hidden"))
    for layer in (1, 2, 3):
        recorded, computed = run.response(layer=layer), run.response(ITEMS, layer)
        assert recorded.dims == computed.dims
        np.testing.assert_allclose(recorded, computed, rtol=1e-13, atol=1e-14)


def test_targets_are_named_as_the_responses_are():
    np.testing.assert_array_equal(RUN.targets(), ITEMS.array)
    assert RUN.targets().dims == RUN.response().dims[2:] == ("item", "property")
    assert refused(Run(RUN.data.drop_vars("target")).targets) == "this run keeps no targets"


def test_a_run_without_weights_answers_with_what_it_recorded():
    run = train("backprop", NETWORK, ITEMS, epochs=3, record=("responses",))
    np.testing.assert_array_equal(run.response(), run.data.response)
    assert refused(run.response, NEW) == (
        "this run kept no weights (record='weights'), so layer 3 can't be computed"
    )
    np.testing.assert_allclose(run.final().response(), run.response()[:, -1], rtol=1e-13, atol=1e-14)


def test_a_seed_that_has_ended_responds_with_nan_and_without_a_warning():
    run = train("backprop", Network((34, 8, 34)), ITEMS, epochs=60, seeds=4, stop_below=1.2)
    ended = run.data.epoch > run.data.end_epoch
    assert ended.any()
    for layer in (1, 2):
        silent = np.isnan(run.response(layer=layer)).all(["item", "property" if layer == 2 else "unit"])
        np.testing.assert_array_equal(silent, ended.transpose("seed", "epoch"))


# Parts of a run


def test_a_part_of_a_run_is_a_run():
    part = RUN.sel(seed=[1], epoch=[2, 6])
    assert part.data.sizes["seed"] == 1
    np.testing.assert_array_equal(part.response(NEW), RUN.response(NEW).sel(seed=[1], epoch=[2, 6]))
    one = RUN.sel(seed=1, epoch=6)
    assert one.weights(1).dims == ("post", "pre")
    np.testing.assert_allclose(one.response(NEW), RUN.response(NEW).sel(seed=1, epoch=6), rtol=1e-14)


def test_the_final_run_is_each_seed_as_it_ended_without_epochs():
    final = RUN.final()
    assert final.weights(1).dims == ("seed", "post", "pre")
    np.testing.assert_array_equal(final.weights(1), RUN.weights(1).sel(epoch=6))
    np.testing.assert_array_equal(final.feedback(1), RUN.feedback(1).sel(epoch=6))
    np.testing.assert_array_equal(final.data.loss, RUN.data.loss.sel(epoch=6))
    np.testing.assert_allclose(final.response(NEW), RUN.response(NEW).sel(epoch=6), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(final.hidden(1), RUN.hidden(1).sel(epoch=6), rtol=1e-13, atol=1e-14)
    assert "epoch" not in final.data.dims
    assert final.network == NETWORK


def test_the_final_run_holds_seeds_that_stopped_at_epochs_of_their_own():
    run = train("backprop", Network((34, 8, 34)), ITEMS, epochs=60, seeds=4, stop_below=1.2)
    assert len(set(run.data.end_epoch.values)) > 1
    final = run.final()
    for s, epoch in enumerate(run.data.end_epoch.values):
        np.testing.assert_array_equal(final.weights(2)[s], run.weights(2)[s].sel(epoch=epoch))
        assert final.data.loss[s] == run.data.loss[s].sel(epoch=epoch)
    np.testing.assert_array_equal(final.data.end_epoch, run.data.end_epoch)


def test_the_final_run_has_its_weights_items_and_records_where_no_snapshot_holds_weights():
    settings = {"epochs": 60, "seeds": 4, "stop_below": 1.2, "every": 7}
    weights, strengths = (
        train("backprop", Network((34, 8, 34)), ITEMS, record=what, **settings)
        for what in ("weights", "strengths")
    )
    assert len(set(strengths.data["end_epoch"].values)) > 1
    np.testing.assert_array_equal(strengths.final().response(), weights.final().response())
    np.testing.assert_array_equal(strengths.final().targets(), ITEMS.values)
    np.testing.assert_array_equal(strengths.final().data["loss"], weights.final().data["loss"])


@pytest.mark.parametrize("epochs", [0, 1, 7])
def test_rate_times_steps_is_what_the_steps_were_taken_with(epochs):
    x = np.random.default_rng(0).normal(size=(10, 3))
    rule = Rule(rate=(0.3, 0.1, 0.0), schedule="linear")
    run = train(rule, Network((3, 2, 3)), x, epochs=epochs, batch_size=4)
    for layer, rate in ((1, 0.3), (2, 0.1)):
        # three batches, the last of two
        taken = [rate * rule.rate_factor(e, epochs) * 3 for e in range(epochs)]
        expected = np.cumsum([0.0, *taken])
        np.testing.assert_allclose(run.rate_steps(run.data["epoch"], layer), expected, rtol=1e-12)
        within = np.interp([0.25, epochs / 3, epochs - 0.1, epochs + 2], np.arange(epochs + 1), expected)
        asked = np.array([0.25, epochs / 3, epochs - 0.1, epochs + 2]) if epochs else np.zeros(4)
        np.testing.assert_allclose(run.rate_steps(asked, layer), within)  # steps of one epoch have one rate
    whole = train("krotov_hopfield", Network((3, 8, 3), biases=False), x, epochs=5, batch_size=4)
    hidden_rate = RULES["krotov_hopfield"].rates[0]
    # whole batches only
    assert whole.rate_steps(5) == pytest.approx(hidden_rate * 2 * (1 + 0.8 + 0.6 + 0.4 + 0.2))
    assert refused(run.rate_steps, 1, 3) == "layer is a whole number from 1 to 2, not 3"
    del run.data.attrs["steps"]
    said = "the run is of an earlier version, which did not keep its steps; train it anew"
    assert refused(run.rate_steps, 1) == said


# Refusals


def test_what_a_run_does_not_keep_is_refused_with_what_it_keeps():
    there = "W1, b1, W2, b2, W3, b3, B1, B2"
    assert refused(RUN.weights, 4) == f"the run has no W4; it has {there}"
    assert refused(RUN.feedback, 3) == f"the run has no B3; it has {there}"
    bare = train("backprop", Network((34, 8, 34), biases=False), ITEMS, epochs=1)
    assert refused(bare.biases, 1) == "the run has no b1; it has W1, W2"
    silent = train("backprop", Network((34, 8, 34)), ITEMS, epochs=1, record=("responses",))
    assert refused(silent.weights, 1) == "the run has no W1; it has no weights"


def test_some_epochs_of_a_run_have_no_end():
    said = "these are some epochs of a run, without those in which its seeds ended; take final() of the whole run"
    for epochs in ([0, 2], 2):
        assert refused(RUN.sel(epoch=epochs).final) == said
    assert RUN.sel(seed=3).final().response().dims == ("item", "property")


@pytest.mark.parametrize("layer", [-1, 4, 1.5])
def test_a_layer_that_is_none_is_refused(layer):
    assert refused(RUN.response, layer=layer) == f"the network has layers 0 to 3, not {layer}"


@pytest.mark.parametrize(
    ("items", "said"),
    [
        (np.ones((2, 5)), "the network reads 34 inputs an item, the items have 5"),
        (np.ones(34), "items is a table of numbers, (items, units), not one of shape (34,)"),
        ([["a"] * 34], "items is a table of numbers, (items, units), not list"),
        (
            np.full((1, 34), np.nan),
            "items is a table of finite numbers, not nan in row 0, column 0 (from 0)",
        ),
    ],
)
def test_items_that_do_not_fit_the_network_are_refused(items, said):
    assert refused(RUN.response, items) == said


def test_items_are_read_by_the_names_of_their_properties_and_not_by_their_places():
    frame = ITEMS.array.to_pandas()
    turned = frame[frame.columns[::-1]]
    np.testing.assert_allclose(RUN.response(turned), RUN.response(frame), rtol=1e-13)
    probed = train("backprop", RUN.network, ITEMS, epochs=1, record=["responses"], probe=turned)
    straight = train("backprop", RUN.network, ITEMS, epochs=1, record=["responses"], probe=frame)
    np.testing.assert_allclose(probed.response(), straight.response(), rtol=1e-13)
    other = frame.rename(columns={"can fly": "can sing"})
    assert refused(RUN.response, other) == (
        "items has other properties than the network was trained on: 'can fly' is missing"
    )


def test_a_run_on_numbers_without_names_answers_items_with_names_by_their_places(tmp_path):
    bare = train("backprop", RUN.network, ITEMS.values, epochs=2)
    assert bare.names_of("unit_0") is None and RUN.names_of("unit_0") == list(ITEMS.properties)
    bare.save(tmp_path / "bare.zarr")
    for run in (bare, Run.open(tmp_path / "bare.zarr")):
        for table in (ITEMS, ITEMS.array, ITEMS.array.to_pandas()):
            said = run.response(table)
            np.testing.assert_array_equal(said, bare.response())
            assert said["item"].values.tolist() == list(ITEMS.items)
            np.testing.assert_array_equal(run.hidden(1, table), bare.hidden(1))


@pytest.mark.parametrize("kind", ["random", "random_sign", "binary_sign"])
@pytest.mark.parametrize("path", ["chain", "direct"])
def test_the_feedback_of_a_run_is_the_matrix_that_the_training_really_used(kind, path):
    rule = Rule(path=path, feedback=Feedback(kind))
    run = train(rule, RUN.network, ITEMS, epochs=3, seeds=2)
    two, three = run.weights(2).values, run.weights(3).values
    forward = two if path == "chain" else three @ two
    B = run.feedback(1)
    size = np.abs(run.data.B1.values)
    if kind == "random":
        np.testing.assert_array_equal(B, run.data.B1)
        return
    assert B.dims == ("seed", "epoch", "post", "pre")
    np.testing.assert_array_equal(np.sign(B), np.sign(forward.mT))
    np.testing.assert_allclose(np.abs(B), np.broadcast_to(size[:, None], B.shape), rtol=1e-14)


def test_seeds_and_epochs_that_are_none_are_refused_with_those_there_are():
    assert refused(RUN.sel, epoch=5) == "the run has no {'epoch': 5}; it has epoch: [0, 2, 4, 6]"
    assert refused(RUN.sel, seed=[1, 2]) == "the run has no {'seed': [1, 2]}; it has seed: [3, 1]"
    assert refused(RUN.sel, colour=1) == "the run has no {'colour': 1}; it has seed and epoch"


# Images: class means, who is taken for whom

DIGITS = load_images("digits")
IMAGE_NETWORK = Network((64, 9, 7, 10), hidden="relu", output="softmax")
IMAGE_RUN = train(
    "backprop",
    IMAGE_NETWORK,
    DIGITS.x,
    DIGITS.targets,
    epochs=6,
    seeds=[2, 0],
    batch_size=25,
    every=3,
    record=("weights", "class_means"),
    test=(DIGITS.test_x, DIGITS.test_targets),
    dtype="float32",
)


def plain_image_activity(seed, epoch, x, layer):
    data = IMAGE_RUN.data.sel(seed=seed, epoch=epoch)
    h = x.astype(float)
    for k in range(1, layer + 1):
        h = h @ data[f"W{k}"].values.T.astype(float) + data[f"b{k}"].values
        h = np.maximum(h, 0) if k < 3 else np.exp(h) / np.exp(h).sum(axis=1, keepdims=True)
    return h


@pytest.mark.parametrize("images", [None, DIGITS, (DIGITS.x, DIGITS.labels), (DIGITS.x, DIGITS.targets)])
@pytest.mark.parametrize("layer", [1, 2])
def test_class_means_are_means_over_the_images_of_each_class(layer, images):
    means = IMAGE_RUN.class_means(layer, images)
    assert means.dims == ("seed", "epoch", "class", "unit")
    assert means["class"].values.tolist() == list(DIGITS.classes)
    assert means.seed.values.tolist() == [2, 0] and means.epoch.values.tolist() == [0, 3, 6]
    for seed, epoch in ((2, 0), (0, 3), (0, 6)):
        h = plain_image_activity(seed, epoch, DIGITS.x, layer)
        by_hand = [h[DIGITS.labels == c].mean(axis=0) for c in range(10)]
        np.testing.assert_allclose(means.sel(seed=seed, epoch=epoch), by_hand, rtol=1e-4, atol=1e-5)


def test_class_means_of_input_and_output_are_there_as_well():
    inputs = IMAGE_RUN.class_means(0, DIGITS)
    by_hand = [DIGITS.x[DIGITS.labels == c].mean(axis=0) for c in range(10)]
    np.testing.assert_allclose(inputs, np.broadcast_to(by_hand, (2, 3, 10, 64)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(IMAGE_RUN.class_means(3, DIGITS).sum("unit"), 1, rtol=1e-5)


def test_a_class_without_images_has_no_mean():
    some = DIGITS.labels < 9
    means = IMAGE_RUN.class_means(1, (DIGITS.x[some], DIGITS.labels[some]))
    assert means[..., 9, :].isnull().all() and means[..., :9, :].notnull().all()


def test_confusion_counts_true_and_said_as_scikit_learn_does():
    counts = IMAGE_RUN.confusion(DIGITS)
    assert counts.dims == ("seed", "epoch", "true", "said")
    assert counts["true"].values.tolist() == counts["said"].values.tolist() == list(DIGITS.classes)
    for seed in (2, 0):
        for epoch in (0, 3, 6):
            said = plain_image_activity(seed, epoch, DIGITS.test_x, 3).argmax(axis=1)
            theirs = confusion_matrix(DIGITS.test_labels, said, labels=range(10))
            np.testing.assert_array_equal(counts.sel(seed=seed, epoch=epoch), theirs)


def test_evaluation_is_the_accuracy_of_the_training_and_that_of_scikit_learn():
    accuracy = IMAGE_RUN.evaluate(DIGITS)
    assert accuracy.dims == ("seed", "epoch")
    np.testing.assert_allclose(accuracy, IMAGE_RUN.data.accuracy, rtol=1e-6)
    said = plain_image_activity(0, 6, DIGITS.x, 3).argmax(axis=1)
    trained = IMAGE_RUN.evaluate((DIGITS.x, DIGITS.labels)).sel(seed=0, epoch=6)
    assert float(trained) == accuracy_score(DIGITS.labels, said) > 0.5


def test_classes_are_known_by_their_names_in_another_order_and_if_only_some_are_there():
    x, labels, run = DIGITS.test_x, DIGITS.test_labels, IMAGE_RUN.final()
    turned = Images(x, 9 - labels, DIGITS.classes[::-1], DIGITS.shape, x, 9 - labels, "turned")
    for images in (turned, (x, turned.test_targets), (x, turned.test_targets.to_pandas())):
        xr.testing.assert_identical(run.confusion(images), run.confusion(DIGITS))
    few = (labels == 3) | (labels == 5)
    numbers = np.searchsorted([3, 5], labels[few])
    of_few = Images(x[few], numbers, ("3", "5"), DIGITS.shape, x[few], numbers, "3 and 5")
    by_number = x[few], labels[few]
    assert (run.evaluate(of_few) > 0.3).all()
    for images in (of_few, (x[few], of_few.targets)):
        xr.testing.assert_identical(run.evaluate(images), run.evaluate(by_number))
        xr.testing.assert_identical(run.class_means(1, images), run.class_means(1, by_number))
    cat = Images(x[few], numbers, ("3", "cat"), DIGITS.shape, x[few], numbers, "cats")
    for images in (cat, (x[few], cat.targets)):
        assert refused(run.evaluate, images) == (
            "class 'cat' is none of the network's, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
        )


def test_a_run_of_one_epoch_is_tried_as_well_and_one_seed_alone():
    final = IMAGE_RUN.final()
    assert final.confusion(DIGITS).dims == ("seed", "true", "said")
    np.testing.assert_array_equal(final.evaluate(DIGITS), IMAGE_RUN.evaluate(DIGITS).sel(epoch=6))
    np.testing.assert_array_equal(final.class_means(2), IMAGE_RUN.class_means(2).sel(epoch=6))
    alone = IMAGE_RUN.sel(seed=0, epoch=3)
    assert float(alone.evaluate(DIGITS)) == float(IMAGE_RUN.evaluate(DIGITS).sel(seed=0, epoch=3))


def test_slices_change_nothing(monkeypatch):
    whole = IMAGE_RUN.confusion(DIGITS), IMAGE_RUN.class_means(2, DIGITS)
    monkeypatch.setattr(runs, "SLICE", 64 * 13)
    np.testing.assert_array_equal(IMAGE_RUN.confusion(DIGITS), whole[0])
    np.testing.assert_allclose(IMAGE_RUN.class_means(2, DIGITS), whole[1], rtol=1e-5, atol=1e-7)


def test_memory_does_not_grow_with_the_number_of_images(monkeypatch):
    run = IMAGE_RUN.sel(seed=[0], epoch=[6])
    monkeypatch.setattr(runs, "SLICE", 64 * 100)
    x, labels = np.tile(DIGITS.x, (20, 1)), np.tile(DIGITS.labels, 20)
    tracemalloc.start()
    run.confusion((x, labels))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6 < x.nbytes / 3


def test_a_run_from_disk_is_tried_as_one_in_memory(tmp_path):
    IMAGE_RUN.save(tmp_path / "run.zarr")
    opened = Run.open(tmp_path / "run.zarr")
    np.testing.assert_array_equal(opened.confusion(DIGITS), IMAGE_RUN.confusion(DIGITS))
    assert opened.class_means(1).chunks is not None
    xr.testing.assert_identical(opened.class_means(1).compute(), IMAGE_RUN.class_means(1))


def test_after_the_end_of_a_seed_there_is_nothing_to_count():
    run = train(
        "backprop", IMAGE_NETWORK, DIGITS.x, DIGITS.targets, epochs=6, seeds=4, batch_size=25, stop_below=1.2
    )
    ended = run.data.epoch > run.data.end_epoch
    assert ended.any() and not ended.all()
    np.testing.assert_array_equal(run.evaluate(DIGITS).isnull(), ended.transpose("seed", "epoch"))
    np.testing.assert_array_equal(
        run.confusion(DIGITS).isnull().all(["true", "said"]), ended.transpose("seed", "epoch")
    )


def test_recorded_class_means_outlive_weights_that_were_not_kept():
    run = train(
        "backprop", IMAGE_NETWORK, DIGITS.x, DIGITS.targets, epochs=2, seeds=2, record=("class_means",)
    )
    np.testing.assert_array_equal(run.final().class_means(1), run.class_means(1).sel(epoch=2))
    np.testing.assert_allclose(
        run.final().class_means(1, DIGITS), run.class_means(1).sel(epoch=2), rtol=1e-12
    )
    assert refused(run.confusion, DIGITS) == (
        "this run kept no weights (record='weights'), so it can't be tried on images"
    )


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (DIGITS.x, "images are Images, or a pair (x, labels), not ndarray"),
        (DIGITS.x[:2], "images are Images, or a pair (x, labels), not ndarray"),
        ((DIGITS.x[:, :9], DIGITS.labels), "the network reads 64 inputs an item, the items have 9"),
        (
            (DIGITS.x, DIGITS.labels[:-1]),
            "labels are a whole number for each of the 1500 images, or one-hot over 10 classes, "
            "not int64 of shape (1499,)",
        ),
        (
            (DIGITS.x, DIGITS.labels * 0.5),
            "labels are a whole number for each of the 1500 images, or one-hot over 10 classes, "
            "not float64 of shape (1500,)",
        ),
        (
            (DIGITS.x, DIGITS.labels + 1),
            "the network tells 10 classes apart, 0 to 9; image 9 (from 0) has 10",
        ),
    ],
)
def test_images_that_do_not_fit_the_network_are_refused(images, said):
    assert refused(IMAGE_RUN.confusion, images) == said


def test_how_the_response_goes_with_the_input_is_the_same_recorded_or_computed_from_float32():
    rng = np.random.default_rng(0)
    x, labels = rng.random((5000, 20), np.float32), rng.integers(0, 3, 5000)
    network, record = Network((20, 4, 3), "relu", "softmax"), ("weights", "input_output")
    run = train("backprop", network, x, np.eye(3)[labels], epochs=2, record=record)
    np.testing.assert_allclose(run.input_output((x, labels)), run.input_output(), rtol=1e-12, atol=1e-15)
    assert (np.linalg.svd(run.input_output((x, labels)).values)[1][..., 2] < 1e-15).all()  # shares sum to 1


def test_an_output_that_was_never_taught_is_not_tried_but_the_layer_before_it_is():
    network = Network((64, 9, 10), "relu", "softmax", biases=False, initial="normal")
    run = train("krotov_hopfield", network, DIGITS.x, DIGITS.targets, epochs=1, batch_size=50)
    for tried in (run.evaluate, run.final().confusion):
        assert refused(tried, DIGITS) == (
            "the rule of this run taught no output; read_out trains a classifier"
        )
    assert dict(run.class_means(1, DIGITS).sizes) == {"seed": 1, "epoch": 2, "class": 10, "unit": 9}


def test_class_means_that_were_not_recorded_are_refused():
    assert refused(RUN.class_means, 1) == (
        "the run recorded no class means of layer 1 (record='class_means', of hidden layers); "
        "pass images to compute them from the weights"
    )
    assert refused(IMAGE_RUN.class_means, 4) == "the network has layers 0 to 3, not 4"
