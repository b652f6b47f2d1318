"""Claims about training: its loop, its seeds, how it stops, what it keeps, and how bad input is refused."""

import itertools
from functools import partial

import numpy as np
import pandas as pd
import plain
import pytest
import refusals
import xarray as xr

from semantic_svd.feedback import Feedback
from semantic_svd.illusory import illusory_properties
from semantic_svd.items import Items, load_items
from semantic_svd.modes import strengths
from semantic_svd.network import Network
from semantic_svd.plasticity import Oja, Plasticity
from semantic_svd.records import RECORDS
from semantic_svd.rules import RULES, Rule
from semantic_svd.runs import Run
from semantic_svd.similarity import linear_cka
from semantic_svd.training import snapshot_epochs, step, train

RNG = np.random.default_rng(0)
ITEMS = load_items("mcclelland2020")
X = ITEMS.values
TANH = Network((34, 8, 8, 34), hidden="tanh")
CLASSES = np.eye(3)[[0, 0, 1, 1, 2, 2, 0, 1]]
TO_CLASSES = Network((34, 6, 5, 3), hidden="relu", output="softmax")
refused = partial(refusals.refused, train)  # the message with which training refuses


def parameters(run):
    return {str(v): run.data[v].values for v in run.data if str(v)[0] in "WbB" and str(v)[1:].isdigit()}


# The loop


@pytest.mark.parametrize("batch_size", [1, 3, 7])
def test_batches_are_drawn_in_the_documented_order_of_each_seed(batch_size):
    run = train("backprop", TANH, ITEMS, epochs=5, seeds=[0, 8], batch_size=batch_size)
    for seed in (0, 8):
        states = plain.train(RULES["backprop"], TANH, X, X, epochs=5, seed=seed, batch_size=batch_size)
        for name in TANH.names():
            expected = [state[name] for state in states]
            np.testing.assert_allclose(run.data[name].sel(seed=seed), expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("batch_size", [8, 100])
def test_a_batch_of_all_items_or_more_is_the_full_batch(batch_size):
    whole = train("backprop", TANH, ITEMS, epochs=5)
    other = train("backprop", TANH, ITEMS, epochs=5, batch_size=batch_size)
    xr.testing.assert_equal(whole.data, other.data)


def test_training_is_the_same_each_time():
    one, other = (train("bpa", TANH, ITEMS, epochs=5, seeds=3, batch_size=2) for _ in range(2))
    xr.testing.assert_identical(one.data, other.data)


def test_a_short_training_is_pytorchs():
    torch = pytest.importorskip("torch")
    run = train("backprop", TANH, ITEMS, epochs=50, seeds=[6])
    layers = [torch.nn.Linear(a, b, dtype=torch.float64) for a, b in itertools.pairwise(TANH.sizes)]
    with torch.no_grad():
        for k, layer in enumerate(layers, 1):
            layer.weight.copy_(torch.tensor(run.weights(k).values[0, 0]))
            layer.bias.zero_()
    net = torch.nn.Sequential(layers[0], torch.nn.Tanh(), layers[1], torch.nn.Tanh(), layers[2])
    optimiser, x = torch.optim.SGD(net.parameters(), lr=0.1), torch.tensor(X)
    for epoch in range(51):
        loss = 0.5 * (x - net(x)).square().sum(dim=1).mean()
        assert loss.item() == pytest.approx(run.data.loss.values[0, epoch], rel=1e-10)
        for k, layer in enumerate(layers, 1):
            weights, biases = layer.weight.detach().numpy(), layer.bias.detach().numpy()
            np.testing.assert_allclose(run.weights(k)[0, epoch], weights, rtol=0, atol=1e-10)
            np.testing.assert_allclose(run.biases(k)[0, epoch], biases, rtol=0, atol=1e-10)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def test_big_layers_and_batches_learn_as_the_small_ones_do():
    network = Network((300, 200, 100, 10), hidden="relu", output="softmax")
    x, y = RNG.normal(size=(40, 300)), np.eye(10)[RNG.integers(0, 10, 40)]
    rule = Rule(path="direct", feedback=Feedback("binary_sign"), hidden=RULES["sum_oja"].hidden)
    # 200 x 30 x 300 is over products.SMALL
    run = train(rule, network, x, y, epochs=3, seeds=[1, 2], batch_size=30)
    states = plain.train(rule, network, x, y, epochs=3, seed=2, batch_size=30)
    for name in network.names():
        np.testing.assert_allclose(run.data[name].sel(seed=2)[-1], states[-1][name], rtol=0, atol=1e-12)


def test_a_step_computes_every_change_before_it_makes_the_first():
    seen = []

    class Look(Plasticity):
        """Note the sum of all weights; change all by one."""

        def __call__(self, s, memory):
            seen.append(sum(a.sum() for a in state.values()))
            return np.ones_like(s.W)

    state = {"W1": np.zeros((1, 2, 2)), "W2": np.zeros((1, 2, 2))}
    rule = Rule(hidden=Look(), output=Look(), rate=1.0)
    step(rule, rule.signals(Network((2, 2, 2), biases=False), state, np.eye(2), None), {})
    assert seen == [0.0, 0.0]
    assert all((a == 1).all() for a in state.values())


def test_a_rule_that_reads_no_error_is_not_stopped_by_a_backward_pass():
    class Refuses(Rule):
        """A rule whose error can't come back."""

        def sender(self, layer, network):
            raise AssertionError("an error was carried back that no plasticity asked for")

    run = train(Refuses(**vars(RULES["bpa"])), TANH, ITEMS, epochs=2)
    assert run.data.loss.shape == (1, 3)


# Seeds


def test_seeds_are_a_number_or_a_list_and_draw_weights_of_their_own():
    run = train("backprop", TANH, ITEMS, epochs=0, seeds=4)
    assert run.data.seed.values.tolist() == [0, 1, 2, 3]
    some = train("backprop", TANH, ITEMS, epochs=0, seeds=[3, 1])
    np.testing.assert_array_equal(some.weights(1), run.weights(1).sel(seed=[3, 1]))
    assert len(np.unique(run.weights(1).values[:, 0, 0, 0])) == 4
    for name, W in plain.start(RULES["backprop"], TANH, seed=3).items():
        np.testing.assert_array_equal(run.data[name].sel(seed=3)[0], W)


def test_normal_first_weights_are_drawn_from_the_same_stream():
    network = Network((34, 8, 34), initial="normal", scale=0.1)
    run = train("backprop", network, ITEMS, epochs=0, seeds=[5])
    np.testing.assert_array_equal(run.weights(1)[0, 0], plain.start(RULES["backprop"], network, seed=5)["W1"])


# Stopping


@pytest.mark.parametrize("every", [1, 7])
def test_each_seed_stops_at_its_first_snapshot_with_a_loss_under_the_bound_and_ends_with_it(every):
    whole = train("backprop", TANH, ITEMS, epochs=300, seeds=4)
    first = every * (whole.data.loss[:, ::every] < 0.7).argmax("epoch").values
    assert len(set(first)) > 2
    assert 0 < first.min() < first.max() < 300
    run = train("backprop", TANH, ITEMS, epochs=300, seeds=4, stop_below=0.7, every=every)
    assert (run.data.status == "stopped").all()
    np.testing.assert_array_equal(run.data.end_epoch, first)
    assert run.data.epoch.values.tolist() == [e for e in range(0, 301, every) if e <= first.max()]
    final = run.final()
    for s in range(4):
        for name in TANH.names():
            expected = whole.data[name][s, first[s]]
            np.testing.assert_allclose(final.data[name][s], expected, rtol=1e-12, atol=1e-12)
            kept = run.data[name][s].sel(epoch=slice(None, first[s]))
            np.testing.assert_allclose(
                kept, whole.data[name][s].sel(epoch=kept.epoch), rtol=1e-12, atol=1e-12
            )
            assert np.isnan(run.data[name][s].sel(epoch=slice(first[s] + 1, None))).all()
        assert float(final.data.loss[s]) == pytest.approx(float(whole.data.loss[s, first[s]]), rel=1e-12)
        assert np.isnan(run.data.loss[s].sel(epoch=slice(first[s] + 1, None))).all()


def test_a_bound_that_is_met_at_the_start_trains_nothing():
    run = train("backprop", TANH, ITEMS, epochs=10, seeds=2, stop_below=1e6)
    assert run.data.epoch.values.tolist() == [0]
    assert run.data.end_epoch.values.tolist() == [0, 0]
    np.testing.assert_array_equal(run.final().weights(1), run.weights(1)[:, 0])


def test_a_bound_that_is_never_met_changes_nothing():
    without = train("backprop", TANH, ITEMS, epochs=10, seeds=2)
    run = train("backprop", TANH, ITEMS, epochs=10, seeds=2, stop_below=0.0)
    assert (run.data.status == "finished").all()
    xr.testing.assert_equal(run.data, without.data)


class Lagging(Plasticity):
    """The delta rule of the batch before: a plasticity that remembers."""

    def memory(self, W):
        return {"before": np.zeros_like(W)}

    def __call__(self, s, memory):
        before = memory["before"].copy()
        memory["before"][...] = (
            np.einsum("sno,nk->sok" if s.pre.ndim == 2 else "sno,snk->sok", s.teach, s.pre) / 8
        )
        return before


def test_a_seed_keeps_its_own_memory_when_others_leave():
    rule = Rule(hidden=Lagging(), output=0.5 * Lagging(), rate=0.05)
    beside = train(rule, TANH, ITEMS, epochs=80, seeds=4, stop_below=1.5)
    assert len(set(beside.data.end_epoch.values)) > 2
    for seed in range(4):
        alone = train(rule, TANH, ITEMS, epochs=80, seeds=[seed], stop_below=1.5)
        assert int(alone.data.end_epoch[0]) == int(beside.data.end_epoch.sel(seed=seed))
        np.testing.assert_allclose(
            alone.final().weights(1)[0], beside.final().weights(1).sel(seed=seed), rtol=1e-11, atol=1e-12
        )


@pytest.mark.parametrize("every", [1, 4])
def test_seeds_that_diverge_leave_and_the_others_go_on_unchanged(every):
    network = Network((34, 8, 8, 34))
    drawn = [plain.start(RULES["backprop"], network, seed)["W1"] for seed in (4, 5, 19)]
    start = {"W1": np.stack([10 * drawn[0], drawn[1], 30 * drawn[2]])}  # the largest leaves first
    run = train("backprop", network, ITEMS, epochs=60, seeds=[4, 5, 19], every=every, start=start)
    assert run.data.status.values.tolist() == ["diverged", "finished", "diverged"]
    assert run.diverged.values.tolist() == [True, False, True]
    assert run.data.end_epoch.values[1] == 60
    alone = train("backprop", network, ITEMS, epochs=60, seeds=[5], every=every)
    for name, array in parameters(run).items():
        np.testing.assert_allclose(array[[1]], alone.data[name], rtol=1e-12, atol=1e-12)
    assert [note.split(" left")[0] for note in run.notes] == ["seed 19", "seed 4"]  # in the order of time
    for s, seed, note in ((2, 19, run.notes[0]), (0, 4, run.notes[1])):
        of_seed = run.sel(seed=seed)
        end = int(of_seed.data.end_epoch)
        left = int(note.split(" at epoch ")[1].split(";")[0])
        first = {**plain.start(RULES["backprop"], network, seed), "W1": start["W1"][s]}
        with np.errstate(over="ignore", invalid="ignore"):
            states = plain.train(RULES["backprop"], network, X, X, epochs=left, state=first)
        lost = [int(name[1:]) for name, array in states[left].items() if not np.isfinite(array).all()]
        assert all(np.isfinite(array).all() for array in states[left - 1].values())
        assert end < left <= end + every
        assert note == (
            f"seed {seed} left the finite numbers in layer {min(lost, default=3)} at epoch {left}; "
            f"its last good snapshot is of epoch {end}"
        )
        for name, array in parameters(of_seed).items():
            last = of_seed.data.epoch.values.tolist().index(end)
            assert np.isfinite(array[: last + 1]).all()
            assert np.isnan(array[last + 1 :]).all()
            np.testing.assert_array_equal(of_seed.final().data[name], array[last])


def test_the_layer_of_a_note_is_the_first_that_left_the_finite_numbers():
    rule = Rule(hidden=Oja(), rate=(0.0, 1e300, 0.0))
    message = refused(rule, Network((34, 8, 34), biases=False), ITEMS, epochs=9)
    assert message == (
        "no seed survived at rate (0.0, 1e+300, 0.0): seed 0 left the finite numbers in layer 2 at epoch 1; "
        "its last good snapshot is of epoch 0; a lower rate (0 0.14 0) or fewer epochs may hold"
    )


def test_a_training_that_no_seed_survives_says_so_in_one_line():
    message = refused(Rule(rate=50.0), Network((34, 8, 8, 34)), ITEMS, epochs=100, seeds=[7])
    assert message.startswith("no seed survived at rate 50.0: seed 7 left the finite numbers in layer ")


# What is kept


def test_every_keeps_each_kth_epoch_the_first_and_the_last():
    assert snapshot_epochs(6, 1) == [0, 1, 2, 3, 4, 5, 6]
    assert snapshot_epochs(6, 4) == [0, 4, 6]
    assert snapshot_epochs(6, 50) == [0, 6]
    assert snapshot_epochs(0, 1) == snapshot_epochs(0, "log") == [0]
    assert snapshot_epochs(5, "log") == [0, 1, 2, 3, 4, 5]


def test_log_keeps_the_first_ten_then_twenty_a_decade_and_the_last():
    kept = snapshot_epochs(12_345, "log")
    assert kept[:11] == list(range(11))
    assert {10, 100, 1000, 10_000, 12_345} <= set(kept)
    for decade in (100, 1000):
        assert sum(decade < epoch <= 10 * decade for epoch in kept) == 20
    assert kept == sorted(set(kept))


@pytest.mark.parametrize("every", [3, "log"])
def test_the_snapshots_that_are_kept_are_those_of_every_epoch(every):
    whole = train("backprop", TANH, ITEMS, epochs=25, seeds=2)
    some = train("backprop", TANH, ITEMS, epochs=25, seeds=2, every=every)
    assert some.data.epoch.values.tolist() == snapshot_epochs(25, every)
    xr.testing.assert_equal(some.data, whole.data.sel(epoch=snapshot_epochs(25, every)))


def test_records_are_what_the_weights_give():
    run = train("backprop", TO_CLASSES, ITEMS, CLASSES, epochs=4, seeds=2, record=list(RECORDS))
    U, size, Vt = np.linalg.svd(CLASSES, full_matrices=False)
    # classes of one size are equal modes: that of an earlier item comes first
    order = sorted(range(3), key=lambda k: (-size[k].round(9), np.abs(U[:, k]).argmax()))
    U, Vt = U[:, order], Vt[order]
    for s, epoch in itertools.product(range(2), range(5)):
        state = {name: array[s, epoch] for name, array in parameters(run).items()}
        h = {k: np.array([plain.respond(TO_CLASSES, state, item)[1][k] for item in X]) for k in (1, 2, 3)}
        for name, k in (("response", 3), ("h1", 1), ("h2", 2)):
            np.testing.assert_allclose(run.data[name][s, epoch], h[k], rtol=1e-12, atol=1e-14)
        for k in (1, 2):
            means = [h[k][CLASSES[:, c] == 1].mean(axis=0) for c in range(3)]
            np.testing.assert_allclose(run.data[f"m{k}"][s, epoch], means, rtol=1e-12, atol=1e-14)
        modes = np.abs(np.einsum("ik,ip,kp->k", U, h[3], Vt))
        np.testing.assert_allclose(np.abs(run.data.strength[s, epoch]), modes, rtol=1e-11, atol=1e-12)
    assert run.data.response.dims == ("seed", "epoch", "item", "unit_3")
    assert run.data.m2.dims == ("seed", "epoch", "unit_3", "unit_2")
    assert run.data.strength.dims == ("seed", "epoch", "mode")


@pytest.mark.parametrize("record", [("strengths",), "strengths"])
def test_a_run_keeps_no_more_than_it_is_asked_to(record):
    run = train("bpa", Network((34, 8, 34)), ITEMS, epochs=3, record=record)
    assert {str(v) for v in run.data if "epoch" in run.data[v].dims} == {"loss", "strength"}
    assert {"W1_end", "W2_end"} <= set(run.data)
    mode = ITEMS.values @ run.final().weights(1).values[0].T @ run.final().weights(2).values[0].T
    assert run.data.strength[0, -1, 0] == pytest.approx(
        float(np.linalg.svd(X)[0][:, 0] @ mode @ np.linalg.svd(X)[2][0]), rel=1e-9
    )


def test_recorded_strengths_are_of_the_same_modes_as_those_of_the_responses(tmp_path):
    run = train("bpa", Network((34, 8, 34)), ITEMS, epochs=3, seeds=2, record=("responses", "strengths"))
    expected = strengths(run.response(), ITEMS)
    xr.testing.assert_allclose(run.data["strength"], expected, atol=1e-12)
    run.save(tmp_path / "run.zarr")
    Run(run.data.drop_vars("mode")).save(tmp_path / "older.zarr")  # as versions without numbers kept it
    for path in (tmp_path / "run.zarr", tmp_path / "older.zarr"):
        xr.testing.assert_allclose(Run.open(path).data["strength"], expected, atol=1e-12)
    again = train("bpa", Network((34, 8, 34)), ITEMS, epochs=3, record="strengths", out=tmp_path / "new.zarr")
    assert xr.open_zarr(tmp_path / "new.zarr")["mode"].values.tolist() == list(range(1, 9))
    xr.testing.assert_allclose(again.data["strength"], expected.sel(seed=[0]), atol=1e-12)


def test_responses_and_hidden_activity_are_recorded_for_the_probe():
    probe = load_items("mcclelland2020_new_items")
    run = train(
        "backprop", TANH, ITEMS, epochs=3, seeds=2, probe=probe, record=("weights", "responses", "hidden")
    )
    assert run.data.item.values.tolist() == list(probe.items)
    np.testing.assert_array_equal(run.data.input, probe.values)
    without = train("backprop", TANH, ITEMS, epochs=3, seeds=2)
    np.testing.assert_allclose(run.data.response, without.response(probe), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(run.data.h2, without.hidden(2, probe), rtol=1e-13, atol=1e-14)


def test_how_the_output_goes_with_the_input_is_their_covariance_and_that_of_the_targets_stands_beside_it():
    run = train(
        "backprop", TO_CLASSES, ITEMS, CLASSES, epochs=2, seeds=2, record=("input_output", "responses")
    )
    told = run.data.response.values
    for s, epoch in np.ndindex(told.shape[:2]):
        expected = np.cov(told[s, epoch].T, X.T, bias=True)[:3, 3:]
        np.testing.assert_allclose(run.data.input_output[s, epoch], expected, atol=1e-14)
    expected = np.cov(CLASSES.T, X.T, bias=True)[:3, 3:]
    np.testing.assert_allclose(run.data.target_input_output, expected, atol=1e-14)


@pytest.mark.parametrize(
    "targets",
    [
        np.full((8, 3), 1 / 3),  # shares
        CLASSES + np.array([1, -1, 0]),  # whole numbers that sum to one
        np.eye(3)[[0, 0, 1, 1, 1, 1, 0, 1]],  # a class without items
        np.maximum(CLASSES, CLASSES[::-1]),  # two classes an item
    ],
)
def test_class_means_are_of_targets_that_name_one_class_an_item(targets):
    said = "class means need targets that name one class an item (one-hot), and an item of every class"
    assert refused("backprop", Network((34, 6, 3)), ITEMS, targets, epochs=1, record="class_means") == said


def test_accuracy_is_the_share_of_test_items_whose_largest_output_is_right():
    x = RNG.normal(size=(9, 34))
    y = np.eye(3)[RNG.integers(0, 3, 9)]
    run = train("backprop", TO_CLASSES, ITEMS, CLASSES, epochs=5, seeds=2, test=(x, y))
    for s, epoch in itertools.product(range(2), range(6)):
        state = {name: array[s, epoch] for name, array in parameters(run).items()}
        right = [
            plain.respond(TO_CLASSES, state, item)[1][3].argmax() == target.argmax()
            for item, target in zip(x, y, strict=True)
        ]
        assert run.data.accuracy.values[s, epoch] == pytest.approx(np.mean(right), abs=1e-15)
        assert run.data.test_loss.values[s, epoch] == pytest.approx(plain.loss(TO_CLASSES, state, x, y))


def test_what_is_tested_with_is_brought_into_the_order_of_the_properties():
    frame = pd.DataFrame(X, ITEMS.items, ITEMS.properties)
    turned = frame[frame.columns[::-1]]
    settings = {"epochs": 300, "seeds": 2, "every": 100}
    same, other = (
        train("backprop", TANH, ITEMS, test=pair, **settings).data
        for pair in ((frame, frame), (turned, turned))
    )
    assert same.accuracy.max() > same.accuracy.min()  # it can tell
    xr.testing.assert_allclose(same[["accuracy", "test_loss"]], other[["accuracy", "test_loss"]], rtol=1e-12)
    strange = turned.rename(columns={"can move": "cannot move"})
    said = "test has other properties than the network was trained on: 'can move' is missing"
    assert refused("backprop", TANH, ITEMS, epochs=1, test=(strange, frame)) == said


@pytest.mark.parametrize(("known", "asked"), [("aab", "abb"), ("aab", "aba"), ("ab", "aba")])
def test_columns_that_share_a_name_are_not_put_in_an_order(known, asked):
    x, probe = (
        xr.DataArray(np.eye(len(n)), {"property": list(n)}, ("item", "property")) for n in (known, asked)
    )
    said = "the columns of probe can't be put in the order of the network's inputs: two share a name"
    assert refused("backprop", Network((len(known),) * 2), x, epochs=0, probe=probe) == said


@pytest.mark.parametrize("dtype", ["float32", np.float32])
def test_single_precision_holds_from_the_weights_to_the_records(dtype):
    run = train("backprop", TO_CLASSES, ITEMS, CLASSES, epochs=3, seeds=2, dtype=dtype, record=list(RECORDS))
    kept = [v for v in run.data if "epoch" in run.data[v].dims]
    assert {run.data[v].dtype for v in [*kept, "input", "target"]} == {np.dtype("float32")}
    assert run.response(X, 3).dtype == "float32"
    assert run.hidden(1).dtype == "float32"


def test_a_run_tells_where_it_comes_from():
    rule = Rule(hidden=Oja(), rate=(0.1, 0.2, 0.3))
    run = train(rule, TANH, ITEMS, epochs=7, batch_size=3, stop_below=1e-3)
    attrs = run.data.attrs
    assert (attrs["rule"], attrs["loss_name"]) == (repr(rule), "squared error")
    assert (attrs["epochs"], attrs["batch_size"], attrs["stop_below"]) == (7, 3, 1e-3)
    assert attrs["rates"] == [0.1, 0.2, 0.3]
    assert run.network == TANH
    changed = X.copy()
    changed[0, 0] = 2
    hashes = {train(rule, TANH, x, epochs=0).data.attrs["data_hash"] for x in (X, X.copy(), changed)}
    assert len(hashes) == 2


# Inputs


def test_an_autoassociator_is_items_that_learn_themselves():
    run, other = train("backprop", TANH, ITEMS, epochs=3), train("backprop", TANH, ITEMS, ITEMS, epochs=3)
    xr.testing.assert_equal(run.data, other.data)


def test_what_learns_from_no_target_has_none_unless_it_has_as_many_outputs_as_inputs():
    for sizes, target in (((34, 8, 34), True), ((34, 34, 3), False), ((34, 8, 3), False)):
        run = train("krotov_hopfield", Network(sizes, initial="normal"), ITEMS, epochs=1)
        assert ("target" in run.data, "loss" in run.data) == (target, False)


def test_a_localist_task_learns_properties_from_item_names():
    network = Network((8, 8, 34), biases=False)
    run = train("backprop", network, ITEMS.localist(), ITEMS, epochs=6000, every=6000, seeds=2)
    np.testing.assert_allclose(run.response()[:, -1], np.broadcast_to(X, (2, 8, 34)), rtol=0, atol=1e-3)
    assert run.data.unit_0.values.tolist() == list(ITEMS.items)
    assert run.response().property.values.tolist() == list(ITEMS.properties)


@pytest.mark.parametrize(
    "table",
    [
        X,
        X.tolist(),
        X.astype(int),
        ITEMS.array,
        pd.DataFrame(X, index=list(ITEMS.items), columns=list(ITEMS.properties)),
    ],
    ids=["array", "list", "whole numbers", "DataArray", "DataFrame"],
)
def test_items_may_come_as_any_table(table):
    run = train("backprop", TANH, table, epochs=2)
    expected = train("backprop", TANH, ITEMS, epochs=2)
    np.testing.assert_array_equal(run.weights(1), expected.weights(1))
    if hasattr(table, "columns") or isinstance(table, xr.DataArray):
        assert run.data.item.values.tolist() == list(ITEMS.items)
        assert run.data.unit_3.values.tolist() == list(ITEMS.properties)


def test_a_table_whose_names_are_numbers_is_over_the_items_of_its_run():
    table = pd.DataFrame(X, range(10, 90, 10), range(34))
    run = train("backprop", TANH, table, epochs=2)
    said = xr.DataArray(X, {"item": table.index, "property": table.columns}, ("item", "property"))
    for same in (table, said):
        xr.testing.assert_identical(strengths(run.response(), same), strengths(run.response(), X))
        xr.testing.assert_identical(linear_cka(run.response(), same), linear_cka(run.response(), X))
        found = illusory_properties(run.response(), same)
        xr.testing.assert_identical(found, illusory_properties(run.response(), X))
    line = "item 0 is '10', in the reference '80': labels must be the same"
    assert refusals.refused(strengths, run.response(), table[::-1]) == line


def test_names_that_are_numbers_are_one_whatever_their_type():
    whole, real = (pd.DataFrame(X, np.arange(10, 90, 10).astype(of)) for of in (int, float))
    xr.testing.assert_equal(strengths(whole, real), strengths(X, X))
    xr.testing.assert_equal(linear_cka(whole, real), linear_cka(X, X))
    grown = xr.DataArray([0 * X, X], {"item": whole.index}, ("epoch", "item", "property"))
    grown = grown.assign_coords(epoch=[0, 1])
    found = illusory_properties(grown, real)
    xr.testing.assert_identical(found, illusory_properties(grown, X))


# Starting from elsewhere


@pytest.mark.parametrize(
    "rule",
    ["backprop", "bpa", Rule(path="chain", feedback=Feedback(learns=Oja())), Rule(path="direct")],
    ids=str,
)
def test_going_on_from_a_run_equals_one_longer_training(rule):
    longer = train(rule, TANH, ITEMS, epochs=9, seeds=[2, 5])
    first = train(rule, TANH, ITEMS, epochs=4, seeds=[2, 5])
    second = train(rule, TANH, ITEMS, epochs=5, seeds=[2, 5], start=first)
    for name, array in parameters(second).items():
        there = longer.data[name]  # a feedback matrix that does not learn has no epochs
        there = there[:, 4:] if "epoch" in there.dims else there
        np.testing.assert_allclose(array, there, rtol=1e-12, atol=1e-13)


def test_some_seeds_of_a_run_may_go_on():
    first = train("backprop", TANH, ITEMS, epochs=4, seeds=3)
    second = train("backprop", TANH, ITEMS, epochs=1, seeds=[2, 0], start=first)
    np.testing.assert_array_equal(second.weights(1)[:, 0], first.weights(1).sel(seed=[2, 0], epoch=4))


def test_weights_to_start_from_are_for_all_seeds_or_for_each_and_the_rest_is_drawn():
    one, each = RNG.normal(size=(8, 34)), RNG.normal(size=(2, 8, 8))
    start = {"W1": one, "W2": each, "b1": np.ones(8)}
    run = train("backprop", TANH, ITEMS, epochs=2, seeds=2, start=start)
    np.testing.assert_array_equal(run.weights(1)[:, 0], np.stack([one, one]))
    np.testing.assert_array_equal(run.weights(2)[:, 0], each)
    assert (run.biases(1)[:, 0] == 1).all()
    drawn = train("backprop", TANH, ITEMS, epochs=0, seeds=2)
    np.testing.assert_array_equal(run.weights(3)[:, 0], drawn.weights(3)[:, 0])
    assert (run.weights(1)[:, 2] != np.stack([one, one])).any()  # and what was given is not written to
    np.testing.assert_array_equal(start["W2"], each)


@pytest.mark.parametrize("name", ["fa_hebb_random_sign", "fa_oja_binary_sign", "dfa_oja_random_sign"])
def test_feedback_that_learns_copies_the_signs_of_the_weights_that_training_starts_from(name):
    first = train("backprop", TANH, ITEMS, epochs=2, seeds=2)
    weights = {f"W{k}": first.weights(k).sel(epoch=2).values for k in (1, 2, 3)}
    for start in (first, weights):
        run = train(name, TANH, ITEMS, epochs=0, seeds=2, start=start)
        assert RULES[name].path == ("direct" if name[0] == "d" else "chain")
        forward = weights["W3"] @ weights["W2"] if name[0] == "d" else weights["W2"]
        np.testing.assert_array_equal(np.sign(run.feedback(1)[:, 0]), np.sign(forward.swapaxes(1, 2)))


def test_a_run_to_start_from_has_every_weight_of_the_network():
    linear = train("backprop", Network((34, 8, 34), biases=False), ITEMS, epochs=1)
    assert refused("backprop", Network((34, 8, 34)), ITEMS, epochs=1, start=linear) == (
        "the run to start from has no b1; it has W1, W2"
    )


def test_no_weight_of_a_run_to_start_from_is_left_behind():
    run = train("backprop", Network((34, 34, 34, 34)), ITEMS, epochs=1)
    for network, name in ((Network((34, 34, 34)), "W3"), (Network((34,) * 4, biases=False), "b1")):
        said = f"the run to start from has {name}, which this network does not have"
        assert refused("backprop", network, ITEMS, epochs=1, start=run) == said


# Refusals, each one line


def test_what_is_none_is_refused_by_name():
    assert refused("hebb", TANH, ITEMS, epochs=1) == f"no rule 'hebb'; there are {', '.join(RULES)}"
    for record, name in ((("weight",), "'weight'"), ("weight", "'weight'"), (5, "5"), ([None], "None")):
        assert refused("bpa", TANH, ITEMS, epochs=1, record=record) == (
            f"no record {name}; there are weights, responses, hidden, class_means, strengths, train_accuracy, "
            "input_output"
        )


@pytest.mark.parametrize(
    ("network", "y", "message"),
    [
        (
            (30, 8, 34),
            None,
            "the network has 30 inputs, the items have 34 (Items of 8 items; sizes (30, 8, 34))",
        ),
        (
            (34, 8, 3),
            None,
            "the network has 3 outputs, the items have 34 (Items of 8 items; sizes (34, 8, 3))",
        ),
        (
            (34, 8, 34),
            CLASSES,
            "the network has 34 outputs, the targets have 3 (ndarray of 8 items; sizes (34, 8, 34))",
        ),
        ((34, 8, 3), CLASSES[:5], "x has 8 items, y has 5"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(network, y, message):
    assert refused("backprop", Network(network), ITEMS, y, epochs=1) == message


def test_items_and_targets_of_other_names_are_refused():
    other = Items(CLASSES, [f"thing {i}" for i in range(8)], ["a", "b", "c"], "things")
    assert refused("backprop", Network((34, 8, 3)), ITEMS, other, epochs=1) == (
        "x and y name other items: ['sparrow', 'hawk', 'salmon']... and ['thing 0', 'thing 1', 'thing 2']..."
    )


def test_targets_that_are_no_shares_are_refused_under_softmax():
    network = Network((34, 8, 34), output="softmax")
    assert refused("backprop", network, ITEMS, epochs=1) == (
        "softmax learns shares, targets of 0 or more that sum to 1 for each item; those of item 'sparrow' sum to 9"
    )
    assert refused("backprop", network, X, X / 2, epochs=1).endswith("those of item 0 sum to 4.5")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": -1}, "epochs is a whole number from 0, not -1"),
        ({"epochs": 2.5}, "epochs is a whole number from 0, not 2.5"),
        ({"epochs": True}, "epochs is a whole number from 0, not True"),
        ({"seeds": 0}, "seeds is a whole number from 1, not 0"),
        ({"seeds": []}, "seeds are whole numbers, each once, not []"),
        ({"seeds": [1, 1]}, "seeds are whole numbers, each once, not [1, 1]"),
        ({"seeds": [1, -1]}, f"a seed is a whole number from 0 to {2**63 - 1}, not -1"),
        ({"seeds": [1, "2"]}, f"a seed is a whole number from 0 to {2**63 - 1}, not '2'"),
        ({"batch_size": 0}, "batch_size is a whole number from 1, not 0"),
        ({"batch_size": 2.0}, "batch_size is a whole number from 1, not 2.0"),
        ({"every": 0}, "every is a whole number from 1 or 'log', not 0"),
        ({"every": "epoch"}, "every is a whole number from 1 or 'log', not 'epoch'"),
        ({"dtype": "int8"}, "dtype is float32 or float64, not 'int8'"),
        ({"dtype": "double precision"}, "dtype is float32 or float64, not 'double precision'"),
        ({"probe": np.ones((2, 5))}, "the network has 34 inputs, the probe has 5"),
        (
            {"test": (np.ones((2, 5)), np.ones((2, 34)))},
            "the network has 34 inputs, the items have 5 (ndarray of 2 items; sizes (34, 8, 8, 34))",
        ),
        ({"test": ITEMS}, "test is a pair (items, targets), not Items"),
        ({"test": (X, X, X)}, "test is a pair (items, targets), not tuple"),
        (
            {"record": ("class_means",)},
            "class means need targets that name one class an item (one-hot), and an item of every class",
        ),
        (
            {"start": {"W9": 0}},
            "start names 'W9', which this network does not have; it has W1, b1, W2, b2, W3, b3",
        ),
        (
            {"start": {"W2": np.ones((7, 8))}},
            "start gives W2 the shape (7, 8); this network and these seeds have (1, 8, 8) or (8, 8)",
        ),
        ({"start": {"W1": np.full((8, 34), np.inf)}}, "start gives W1 numbers that are not finite"),
        ({"start": {"W1": "a"}}, "start gives W1 what is no array of numbers"),
        ({"start": {"W1": np.full((8, 34), 1j)}}, "start gives W1 what is no array of numbers"),
        ({"start": 3}, "start is a run, or weights by name, not int"),
        ({"stop_below": "x"}, "stop_below is a finite loss of 0 or more, not 'x'"),
        ({"stop_below": True}, "stop_below is a finite loss of 0 or more, not True"),
        ({"stop_below": float("nan")}, "stop_below is a finite loss of 0 or more, not nan"),
        ({"seeds": None}, "seeds are how many, or which, not None"),
        ({"seeds": "12"}, "seeds are how many, or which, not '12'"),
        ({"seeds": [2**70]}, f"a seed is a whole number from 0 to {2**63 - 1}, not {2**70}"),
        ({"record": [["weights"]]}, f"no record ['weights']; there are {', '.join(RECORDS)}"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_argument_that_does_not_fit_is_refused(arguments, message):
    assert refused("backprop", TANH, ITEMS, **({"epochs": 1} | arguments)) == message


def test_a_run_that_lacks_a_seed_can_not_start_it():
    first = train("backprop", TANH, ITEMS, epochs=1, seeds=2)
    assert refused("backprop", TANH, ITEMS, epochs=1, seeds=[0, 5], start=first) == (
        "the run to start from has no seed 5; it has [0, 1]"
    )


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones(34), "x is a table of numbers, (items, units), not one of shape (34,)"),
        (np.ones((0, 34)), "x is a table of numbers, (items, units), not one of shape (0, 34)"),
        (np.ones((2, 3, 34)), "x is a table of numbers, (items, units), not one of shape (2, 3, 34)"),
        (
            xr.DataArray(X.T, dims=("property", "item")),
            "x is a table (items, units), and its axes are (property, item)",
        ),
        ("mcclelland2020", "x is a table of numbers, (items, units), not str"),
        ([[1, 2], [3]], "x is a table of numbers, (items, units), not list"),
        (None, "x is a table of numbers, (items, units), not one of shape ()"),
        (np.eye(2) * 1j, "x is a table of numbers, (items, units), not ndarray"),
        ([[1, 2], [np.nan, 3]], "x is a table of finite numbers, not nan in row 1, column 0 (from 0)"),
        ([[1, np.inf]], "x is a table of finite numbers, not inf in row 0, column 1 (from 0)"),
    ],
    ids=["vector", "empty", "cube", "turned", "name", "ragged", "None", "complex", "nan", "inf"],
)
def test_items_that_are_no_table_of_finite_numbers_are_refused(x, message):
    assert refused("backprop", Network((2, 2)), x, epochs=1) == message


def test_numbers_may_be_numpys_and_a_run_on_disk_says_the_same(tmp_path):
    network = Network((34, 8, 34), "tanh", "tanh", np.False_, scale=np.float32(0.5), power=np.int64(2))
    settings = {"epochs": np.int64(3), "seeds": np.arange(2), "every": np.int64(2), "batch_size": np.int8(4)}
    settings["stop_below"] = np.float32(0.25)
    kept = train("bpa", network, ITEMS, **settings).data
    train("bpa", network, ITEMS, out=tmp_path / "run.zarr", **settings)
    stored = Run.open(tmp_path / "run.zarr").data
    xr.testing.assert_equal(stored[["W1", "loss"]].load(), kept[["W1", "loss"]])
    told = [{name: data.attrs[name] for name in kept.attrs["identity"]} for data in (stored, kept)]
    assert told[0] == told[1] and told[0]["every"] == 2 and told[0]["batch_size"] == 4


def test_a_run_without_the_axis_of_seeds_starts_no_other():
    first = train("backprop", TANH, ITEMS, epochs=1).sel(seed=0)
    said = "the run to start from has no axis seed; take it as run.sel(seed=[0])"
    assert refused("backprop", TANH, ITEMS, epochs=1, start=first) == said


def test_a_network_is_a_network():
    said = "network is a Network, as Network((34, 8, 34)), not (34, 8, 34)"
    assert refused("backprop", (34, 8, 34), ITEMS, epochs=1) == said


@pytest.mark.parametrize(("epochs", "every"), [(10**15, 1), (10**20, 10**5)])
def test_epochs_of_which_not_even_the_numbers_fit_in_memory_are_refused_beforehand(epochs, every):
    line = refused("bpa", Network((34, 8, 34), biases=False), ITEMS, epochs=epochs, every=every)
    assert line.startswith("the numbers of the epochs take 40,000,000 GB of memory, this machine has ")
    assert line.endswith(" GB; keep fewer (every)")


def test_seeds_of_which_not_even_the_numbers_fit_in_memory_are_refused_beforehand():
    line = refused("bpa", Network((34, 8, 34), biases=False), ITEMS, epochs=1, seeds=10**15)
    assert line.startswith("the numbers of the seeds take 40,000,000 GB of memory, this machine has ")
    assert line.endswith(" GB; train fewer")


def test_snapshots_that_do_not_fit_in_memory_are_refused_beforehand():
    line = refused("bpa", Network((34, 10**4, 34), biases=False), ITEMS, epochs=10**5)
    bytes_needed = (10**5 + 1) * (2 * 34 * 10**4 + 1) * 8  # weights and loss
    assert line.startswith(f"the snapshots take {bytes_needed / 1e9:,.0f} GB of memory, this machine has ")
    assert line.endswith(" GB; keep fewer (every), or on disk (out)")
