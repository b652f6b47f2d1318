"""Claims about activity from elsewhere: as a run it is analysed as our own runs are, and PyTorch does not notice."""

import sys
import textwrap
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr
from commands import delivered
from matplotlib.text import Text
from refusals import refused

from semantic_svd import Network, Recorder, Run, load_images, load_items, recorded_run, stack_runs, train
from semantic_svd.classes import mean_inputs
from semantic_svd.cli import main
from semantic_svd.modes import half_learned, strengths, svd

ITEMS = load_items("mcclelland2020")
DIGITS = load_images("digits")
RNG = np.random.default_rng(0)
ACTIVITY = RNG.normal(size=(2, 5, 8, 3))  # seed, epoch, item, unit
LABELS = np.array([0, 0, 0, 0, 1, 1, 2, 2])
TWO = LABELS.clip(max=1)


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="PyTorch is an extra: pip install 'semantic-svd[torch]'")


@pytest.fixture(scope="module")
def ours():
    """Three seeds of BPA on the eight items."""
    return train("bpa", Network((34, 8, 34), biases=False), ITEMS, epochs=300, seeds=3)


@pytest.fixture(scope="module")
def theirs(ours):
    """The same networks as somebody else would hand them in: arrays."""
    h, y = ours.hidden(1).values, ours.response().values
    return recorded_run({"hidden": h}, y, items=ITEMS, targets=ITEMS)


def mlp(torch, seed=0, sizes=(64, 30, 20, 10)):
    torch.manual_seed(seed)
    layers = [torch.nn.Linear(*pair) for pair in pairwise(sizes)]
    between = [module for layer in layers for module in (layer, torch.nn.ReLU())]
    return torch.nn.Sequential(*between[:-1])  # 0 Linear, 1 ReLU, 2 Linear, 3 ReLU, 4 Linear


def ordinary_loop(torch, model, callback, epochs=5):
    """Train a classifier of digits as anybody would, with a callback before each epoch and at the end."""
    x, y = torch.tensor(DIGITS.x[:500]), torch.tensor(DIGITS.labels[:500])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(epochs):
        callback(epoch)
        for rows in torch.arange(500).split(50):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
    callback(epochs)


# ---------------------------------------------------------------------------------------------- arrays are as our runs


def test_what_is_handed_in_is_there_by_name_and_number(ours, theirs):
    for layer in (1, "hidden"):
        np.testing.assert_array_equal(theirs.hidden(layer), ours.hidden(1))
    np.testing.assert_array_equal(theirs.response(), ours.response())
    assert theirs.response().coords["property"].values.tolist() == list(ITEMS.properties)
    assert theirs.response().dims == ours.response().dims and theirs.hidden(1).dims == ours.hidden(1).dims
    assert repr(theirs) == "Run(34-8-34 recorded, 3 seeds, 301 snapshots to epoch 300)"


def test_its_modes_and_stages_are_those_of_our_run(ours, theirs):
    data = svd(ITEMS)
    mine, other = (half_learned(strengths(run.response(), data), data) for run in (ours, theirs))
    xr.testing.assert_equal(mine, other)
    xr.testing.assert_equal(svd(ours.final().hidden(1)).s, svd(theirs.final().hidden("hidden")).s)


@pytest.mark.parametrize(
    "words",
    [
        "modes --csv",
        "modes --layer 1 --csv",
        "align --csv",
        "dendrogram --csv",
        "dendrogram --layer 1 --agreement",
    ],
)
def test_the_command_says_of_it_what_it_says_of_our_run(ours, theirs, words, tmp_path, capsys):
    command, *options = words.split()
    tables = []
    for name, run in (("ours", ours), ("theirs", theirs)):
        run.save(tmp_path / f"{name}.zarr")
        assert main([command, str(tmp_path / f"{name}.zarr"), *options, str(tmp_path / f"{name}.csv")]) == 0
        tables.append(pd.read_csv(tmp_path / f"{name}.csv"))
    pd.testing.assert_frame_equal(*tables)
    out = capsys.readouterr().out
    assert "34-8-34 recorded" in out


@pytest.mark.parametrize(
    "words", ["modes {} --plot-strengths x.pdf", "align {}", "dendrogram {} --agreement x.csv"]
)
def test_a_run_without_targets_is_told_how_to_get_them(words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recorded_run({"layer": ACTIVITY}, ACTIVITY).save("mine.zarr")
    assert main(words.format("mine.zarr").split()) == 2
    assert capsys.readouterr() == (
        "",
        "semantic-svd: mine.zarr keeps no targets to compare its output with; a run that is recorded has those "
        "of targets=\n",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["mine.zarr"]


def test_the_command_knows_layers_by_number_and_by_name(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hidden = {name: ACTIVITY for name in ("conv", "0", "4")}
    recorded_run(hidden, ACTIVITY, items=ITEMS, targets=ACTIVITY[0, 0]).save("cnn.zarr")
    for command in ("modes", "align", "dendrogram"):
        for layer, said in (
            ("conv", "layer 1 (conv)"),
            ("1", "layer 1 (conv)"),
            ("0", "layer 2 (0)"),
            ("4", "response"),  # the number of the output, though a layer is called so
            ("output", "response"),
        ):
            assert main([command, "cnn.zarr", "--layer", layer]) == 0
            assert f"recorded, {said}, " in capsys.readouterr().out.splitlines()[0]
        assert main([command, "cnn.zarr", "--layer", "r9"]) == 2
        assert capsys.readouterr().err == (
            "semantic-svd: cnn.zarr has no layer r9; its layers are 1 (conv), 2 (0), 3 (4), 4 (output)\n"
        )


def test_pictures_of_a_recorded_layer_say_its_name(tmp_path, monkeypatch):
    drawn = delivered(monkeypatch)
    recorded_run({"conv": ACTIVITY}, labels=LABELS, record=["class_means"]).save(tmp_path / "cnn.zarr")
    assert main(["modes", str(tmp_path / "cnn.zarr"), "--plot", str(tmp_path / "x.png")]) == 0
    title = f"{tmp_path / 'cnn.zarr'}, layer 1 (conv), seed 0, as it ended"
    assert title in {" ".join(text.get_text().split()) for text in drawn[0].findobj(Text)}


def test_class_means_without_items_have_modes_of_their_own(tmp_path, capsys):
    recorded_run({"layer": ACTIVITY}, labels=LABELS, record=["class_means"]).save(tmp_path / "mine.zarr")
    words = ["modes", str(tmp_path / "mine.zarr"), "--csv", str(tmp_path / "a.csv")]
    assert main([*words, "--plot-strengths", str(tmp_path / "a.png")]) == 0
    table = pd.read_csv(tmp_path / "a.csv")
    np.testing.assert_allclose(table["strength"], table["singular_value"])


def test_it_is_saved_and_opened(theirs, tmp_path):
    theirs.save(tmp_path / "run.zarr")
    opened = Run.open(tmp_path / "run.zarr")
    assert opened.network == theirs.network and opened.network.layer_names == ("hidden", "output")
    xr.testing.assert_equal(opened.data.compute(), theirs.data)
    np.testing.assert_array_equal(opened.hidden("hidden").sel(seed=2, epoch=7), theirs.hidden(1)[2, 7])


def test_missing_axes_are_one_seed_and_one_epoch():
    for shape, sizes in (((8, 3), (1, 1)), ((5, 8, 3), (1, 5)), ((2, 5, 8, 3), (2, 5))):
        run = recorded_run({"layer": RNG.normal(size=shape)})
        assert (run.data.sizes["seed"], run.data.sizes["epoch"]) == sizes
    run = recorded_run({"a": ACTIVITY, "b": ACTIVITY[..., :2]}, epochs=[0, 1, 10, 20, 50], seeds=[3, 7])
    assert run.hidden("b").sel(seed=7, epoch=20).equals(run.hidden(2)[1, 3])
    np.testing.assert_array_equal(run.final().hidden("a"), ACTIVITY[:, -1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int64])
def test_floats_of_usual_size_stay_what_they_are(dtype):
    run = recorded_run({"layer": ACTIVITY.astype(dtype)}, items=ITEMS, targets=ITEMS)
    expected = {np.float32: np.float32, np.float16: np.float32}.get(dtype, np.float64)
    assert {run.data[name].dtype for name in ("h1", "input", "target")} == {np.dtype(expected)}


class OnlySlices:
    """What slices like an array and offers no more; it counts what is read of it."""

    def __init__(self, values):
        self._values, self.shape, self.dtype, self.ndim = values, values.shape, values.dtype, values.ndim
        self.read = 0

    def __getitem__(self, key):
        self.read += self._values[key].size
        return self._values[key]


def test_what_is_not_in_memory_is_read_when_it_is_needed():
    source = OnlySlices(ACTIVITY)
    run = recorded_run({"layer": source})
    assert source.read == 2 * 8 * 3  # the last snapshot of each seed tells that it did not diverge
    source.read = 0
    np.testing.assert_array_equal(run.sel(seed=[1], epoch=[3]).hidden("layer")[0, 0], ACTIVITY[1, 3])
    assert source.read == 8 * 3
    modes = svd(run.hidden("layer"))
    np.testing.assert_allclose(modes.s, np.linalg.svd(ACTIVITY, compute_uv=False), rtol=1e-12)


@pytest.mark.parametrize("kind", ["memory map", "zarr", "dask", "labelled"])
def test_sources_of_every_kind_give_the_same_run(kind, tmp_path):
    import dask.array as da

    if kind == "memory map":
        np.save(tmp_path / "activity.npy", ACTIVITY)
    source = {
        "memory map": lambda: np.load(tmp_path / "activity.npy", mmap_mode="r"),
        "zarr": lambda: zarr.array(ACTIVITY, store=tmp_path / "activity.zarr"),
        "dask": lambda: da.from_array(ACTIVITY, chunks=(1, 2, 4, 3)),
        "labelled": lambda: xr.DataArray(ACTIVITY, dims=("seed", "epoch", "item", "unit")),
    }[kind]()
    run = recorded_run({"layer": source}, labels=LABELS, record=("hidden", "class_means"))
    assert kind != "memory map" or np.shares_memory(run.data["h1"], source)
    np.testing.assert_array_equal(run.hidden(1), ACTIVITY)
    np.testing.assert_allclose(run.class_means(1)[:, :, 1], ACTIVITY[:, :, 4:6].mean(axis=2), rtol=1e-12)


@pytest.mark.parametrize("shape", [(0, 1, 2, 3), (1, 0, 2, 3), (3, 1, 2, 0), (0, 2, 3), (2, 1, 3), (3, 2)])
def test_the_axes_of_a_dataarray_are_those_of_their_names(shape):
    """Axes in any order, some missing: seed, epoch, item, unit are 0 to 3."""
    there = sorted(shape)
    names = np.array(["seed", "epoch", "item", "neuron"])
    whole = xr.DataArray(
        ACTIVITY,
        {"seed": [3, 7], "epoch": [0, 1, 10, 20, 50], "item": list(ITEMS.items)},
        ("seed", "epoch", "item", "neuron"),
    )
    part = whole.isel({names[axis]: 1 for axis in range(4) if axis not in there})  # labels of one stay
    run = recorded_run({"layer": part.transpose(*names[list(shape)])})
    expected = whole.isel({names[axis]: [1] for axis in range(4) if axis not in there})
    found = run.hidden("layer").rename(unit="neuron")
    xr.testing.assert_equal(found, expected)
    again = recorded_run({"layer": part}, epochs=range(run.data.sizes["epoch"]), items=ITEMS)
    assert again.data["epoch"].values.tolist() == list(range(run.data.sizes["epoch"]))


def test_a_hidden_layer_of_our_run_is_taken_with_its_labels(ours):
    some = ours.sel(seed=[2, 1][::-1], epoch=[0, 100, 300])
    taken = recorded_run({"h": some.hidden(1)}, some.response())
    xr.testing.assert_equal(taken.hidden("h"), some.hidden(1))
    ended = recorded_run({"h": ours.final().hidden(1)})
    assert ended.data.sizes["seed"] == 3 and ended.data["item"].values.tolist() == list(ITEMS.items)
    means = xr.DataArray(ACTIVITY, dims=("seed", "epoch", "class", "unit")).transpose("class", "unit", ...)
    np.testing.assert_array_equal(recorded_run({"m": means}).hidden("m"), ACTIVITY)


def test_axes_of_other_names_are_taken_in_their_order_and_labels_from_where_they_are():
    other = xr.DataArray(ACTIVITY, dims=("start", "time", "word", "cell"))
    np.testing.assert_array_equal(recorded_run({"a": other}).hidden("a"), ACTIVITY)
    bare = xr.DataArray(ACTIVITY, dims=("seed", "epoch", "item", "unit"))
    labelled = bare.assign_coords(epoch=[0, 1, 10, 20, 50], item=list(ITEMS.items))
    assert recorded_run({"a": bare, "b": labelled}).data["epoch"].values.tolist() == [0, 1, 10, 20, 50]
    dated = bare[0, 0].assign_coords(epoch=("item", range(8)))  # a label of the items that is no axis
    np.testing.assert_array_equal(recorded_run({"a": dated}).hidden("a"), ACTIVITY[:1, :1])


def test_lists_and_tensors_are_arrays(torch):
    nested = recorded_run({"a": ACTIVITY.tolist()}, items=ITEMS.values.tolist())
    learned = torch.tensor(ACTIVITY, requires_grad=True)
    shown = torch.tensor(ITEMS.values, requires_grad=True)
    for run in (nested, recorded_run({"a": learned}, items=shown)):
        np.testing.assert_array_equal(run.hidden("a"), ACTIVITY)
        np.testing.assert_array_equal(run.data["input"], ITEMS.values)
    assert nested.data.attrs["data_hash"] == recorded_run({"a": learned}, items=shown).data.attrs["data_hash"]


# --------------------------------------------------------------------------------------------------------- class means


@pytest.mark.parametrize("source", [np.asarray, lambda values: OnlySlices(values)])
@pytest.mark.parametrize("record", ["hidden", "class_means"])
def test_a_seed_that_leaves_the_finite_numbers_diverged_and_the_others_did_not(source, record):
    activity = np.stack([ACTIVITY[0], ACTIVITY[1], ACTIVITY[0], ACTIVITY[1]])
    activity[0, 3, 2, 1] = np.inf
    activity[0, 4] = np.nan
    activity[2] = np.nan
    activity[3, 1] = np.nan  # a snapshot that is missing ends nothing
    given, epochs = activity.copy(), [0, 1, 2, 5, 9]
    run = recorded_run({"layer": source(activity)}, labels=LABELS, record=[record], epochs=epochs)
    assert run.data["status"].values.tolist() == ["diverged", "finished", "diverged", "finished"]
    assert run.data["end_epoch"].values.tolist() == [2, 9, 0, 9]
    assert run.notes == [
        "seed 0 left the finite numbers; its last good snapshot is of epoch 2",
        "seed 2 left the finite numbers; its last good snapshot is none",
    ]
    there = run.data["h1" if record == "hidden" else "m1"]
    nan, good = np.isnan(there).all(there.dims[2:]), np.isfinite(there).all(there.dims[2:])
    np.testing.assert_array_equal(nan, ~good)
    np.testing.assert_array_equal(good.astype(int), [[1, 1, 1, 0, 0], [1] * 5, [0] * 5, [1, 0, 1, 1, 1]])
    if record == "hidden":
        np.testing.assert_array_equal(run.final().hidden(1)[0], activity[0, 2])
    np.testing.assert_array_equal(activity, given)  # what was handed in is as it was


def test_a_seed_whose_first_snapshot_alone_is_finite_ends_with_it():
    activity = ACTIVITY.copy()
    activity[1, 1:] = np.nan
    run = recorded_run({"layer": activity}, epochs=[3, 4, 5, 6, 7])
    assert run.notes == ["seed 1 left the finite numbers; its last good snapshot is of epoch 3"]


def test_class_means_of_layers_wider_than_a_slice_are_the_same(monkeypatch):
    activity = ACTIVITY.copy()
    activity[0, 4, 0], activity[0, 4, 1] = np.inf, -np.inf
    shown = {"items": ITEMS, "labels": LABELS, "record": "class_means"}
    whole = recorded_run({"layer": activity}, **shown)
    assert whole.data["status"].values.tolist() == ["diverged", "finished"]
    for module in ("recorded", "shown"):
        monkeypatch.setattr(f"semantic_svd.activations.{module}.SLICE", 2)
    xr.testing.assert_allclose(recorded_run({"layer": activity}, **shown).data, whole.data, rtol=1e-12)


def test_class_means_are_those_of_our_run(tmp_path, capsys):
    network, kept = Network((64, 20, 15, 10), "relu", "softmax"), ["weights", "hidden", "class_means"]
    mine = train("backprop", network, DIGITS.x, DIGITS.targets, epochs=3, seeds=2, batch_size=50, record=kept)
    activity = {"lower": mine.hidden(1).values, "upper": mine.hidden(2).values}
    shown = {"items": DIGITS.x, "labels": DIGITS.labels, "classes": DIGITS.classes, "record": ["class_means"]}
    other = recorded_run(activity, **shown)
    for layer, name in ((1, "lower"), (2, "upper")):
        np.testing.assert_allclose(other.class_means(name), mine.class_means(layer), atol=1e-12)
    np.testing.assert_allclose(other.data["input"], mine.class_means(0, DIGITS)[0, 0], atol=1e-6)
    assert "h1" not in other.data
    found = []
    for name, run in (("mine", mine), ("other", other)):
        run.save(tmp_path / f"{name}.zarr")
        for command in ("modes", "align", "dendrogram"):
            table = tmp_path / f"{name}-{command}.csv"
            assert main([command, str(tmp_path / f"{name}.zarr"), "--csv", str(table)]) == 0
            found.append(pd.read_csv(table))
    for mine_says, other_says in zip(found[:3], found[3:], strict=True):
        pd.testing.assert_frame_equal(mine_says, other_says, rtol=1e-6, atol=1e-9)
    assert "class means" in capsys.readouterr().out


def test_labels_one_hot_are_the_targets_of_an_output_over_the_classes():
    run = recorded_run({}, RNG.normal(size=(8, 3)), labels=LABELS, classes=["bird", "fish", "tree"])
    np.testing.assert_array_equal(run.data["target"].values.argmax(axis=1), LABELS)
    assert run.response().coords["property"].values.tolist() == ["bird", "fish", "tree"]
    embedding = recorded_run({}, RNG.normal(size=(8, 5)), labels=LABELS)
    assert "target" not in embedding.data


@pytest.mark.parametrize("beside", [[], ["hidden"], ["hidden", "responses"]])
def test_classes_are_those_of_the_labels_whatever_else_is_recorded_and_the_targets_are(
    beside, tmp_path, capsys
):
    classes, properties = ["bird", "fish", "tree"], ["edible", "living", "large"]
    inputs = RNG.normal(size=(8, 5))
    shown = {"items": inputs, "labels": LABELS, "classes": classes, "record": [*beside, "class_means"]}
    targets = xr.DataArray(RNG.random((8, 3)), {"property": properties}, ("item", "property"))
    run = recorded_run({"layer": ACTIVITY}, ACTIVITY, targets=targets, **shown)
    by_hand = np.stack([ACTIVITY[:, :, c == LABELS].mean(axis=2) for c in range(3)], axis=2)
    assert run.class_means(1)["class"].values.tolist() == classes
    np.testing.assert_allclose(run.class_means("layer"), by_hand)
    found = mean_inputs(run)
    assert found["item"].values.tolist() == classes
    np.testing.assert_allclose(found, [inputs[c == LABELS].mean(axis=0) for c in range(3)])
    assert not beside or run.targets()["property"].values.tolist() == properties
    run.save(tmp_path / "run.zarr")
    assert main(["dendrogram", str(tmp_path / "run.zarr"), "--csv", str(tmp_path / "a.csv")]) == 0
    table = pd.read_csv(tmp_path / "a.csv")
    assert set("; ".join([*table["left_items"], *table["right_items"]]).split("; ")) == set(classes)


def test_class_means_stand_beside_an_output_of_any_size():
    both = {"labels": TWO, "record": ["responses", "class_means"]}
    run = recorded_run({"layer": ACTIVITY}, ACTIVITY, **both)
    assert run.class_means(1).sizes["class"] == 2 and run.response().sizes["property"] == 3
    assert "target" not in run.data and mean_inputs(run) is None


@pytest.mark.parametrize("command", ["modes", "align --to mine.zarr", "dendrogram", "explore"])
def test_class_means_beside_activity_item_by_item_need_no_inputs(command, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record = ["hidden", "class_means"]
    recorded_run({"layer": ACTIVITY}, labels=LABELS, record=record).save("mine.zarr")
    command, *options = command.split()
    assert main([command, "mine.zarr", *options]) == 0
    assert main(["align", "mine.zarr"]) == 2
    line = "mine.zarr has no data to compare with; name a run or a CSV with --to"
    assert capsys.readouterr().err == f"semantic-svd: {line}\n"


def test_items_of_any_shape_are_rows_of_inputs_and_have_class_means():
    x = DIGITS.x[:8].astype(float)
    means = [x[c == LABELS].mean(axis=0) for c in range(3)]
    for record, expected in (("hidden", x), ("class_means", means)):
        run = recorded_run({"a": ACTIVITY}, items=x.reshape(8, 8, 8), labels=LABELS, record=record)
        np.testing.assert_allclose(run.data["input"], expected, rtol=1e-12)
        assert run.network.sizes == (64, 3, 3)


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Index, pd.Series], ids=lambda kind: kind.__name__)
def test_names_come_as_a_sequence_of_any_kind(kind):
    run = recorded_run(
        {"a": ACTIVITY}, items=kind(ITEMS.items), labels=LABELS, classes=kind(["bird", "fish", "tree"])
    )
    assert run.data["item"].values.tolist() == list(ITEMS.items) and "input" not in run.data
    means = recorded_run(
        {"a": ACTIVITY}, labels=LABELS, classes=kind(["bird", "fish", "tree"]), record="class_means"
    )
    assert means.class_means("a")["class"].values.tolist() == ["bird", "fish", "tree"]


def test_items_come_as_nested_lists_and_as_a_table_that_names_them():
    plain, named = (
        recorded_run({"a": ACTIVITY}, items=of) for of in (ITEMS.values.tolist(), ITEMS.array.to_pandas())
    )
    for run in (plain, named):
        np.testing.assert_array_equal(run.data["input"], ITEMS.values)
    assert named.data["item"].values.tolist() == list(ITEMS.items) and "item" not in plain.data.coords
    assert named.data["unit_0"].values.tolist() == list(ITEMS.properties)


def test_targets_name_the_items_where_nothing_else_does():
    run = recorded_run({"a": ACTIVITY}, targets=ITEMS)
    assert run.hidden("a")["item"].values.tolist() == list(ITEMS.items)
    assert "input" not in run.data


def test_numbers_of_items_are_no_names():
    numbered = xr.DataArray(ACTIVITY[0, 0], {"item": range(8)}, ("item", "unit"))
    assert "item" not in recorded_run({"a": numbered}).data.coords
    run = recorded_run({"a": numbered}, items=ITEMS)
    assert run.data["item"].values.tolist() == list(ITEMS.items)


# ------------------------------------------------------------------------------------------------------------- PyTorch


def test_modes_of_a_recorded_module_are_those_of_its_activity_by_hand(torch):
    model, by_hand = mlp(torch), []
    recorder = Recorder(model, ["1", "3"], DIGITS.test_x, labels=DIGITS.test_labels, classes=DIGITS.classes)

    def callback(epoch):
        recorder(epoch)
        with torch.no_grad():
            x = torch.tensor(DIGITS.test_x)
            by_hand.append([model[:2](x).numpy(), model[:4](x).numpy(), model(x).numpy()])

    ordinary_loop(torch, model, callback)
    run = recorder.run()
    assert repr(run) == "Run(64-30-20-10 recorded, 1 seed, 6 snapshots to epoch 5)"
    assert run.rule == "recorded from Sequential"
    for name, layer in (("1", 0), ("3", 1), ("output", 2)):
        activity = np.array([snapshot[layer] for snapshot in by_hand])
        np.testing.assert_allclose(run.hidden(name)[0], activity, rtol=1e-5, atol=1e-6)
        s = np.linalg.svd(activity, compute_uv=False)
        np.testing.assert_allclose(svd(run.hidden(name)).s[0], s, rtol=1e-5, atol=1e-5)
    assert (run.data["target"].values.argmax(axis=1) == DIGITS.test_labels).all()


@pytest.mark.parametrize("batch_size", [7, 297])
def test_recorded_class_means_are_means_of_the_recorded_activity(torch, batch_size):
    shown = {"items": DIGITS.test_x, "labels": DIGITS.test_labels, "batch_size": batch_size}
    model = mlp(torch)
    whole, means = (Recorder(model, ["3"], record=what, **shown) for what in ("hidden", "class_means"))
    whole(0), means(0)
    h = whole.run().hidden("3")[0, 0]
    for c in range(10):
        by_hand = h.values[DIGITS.test_labels == c].mean(axis=0)
        np.testing.assert_allclose(means.run().class_means("3")[0, 0, c], by_hand, rtol=1e-4, atol=1e-6)
    assert "h1" not in means.run().data and "m1" not in whole.run().data


def test_a_training_ends_in_the_same_weights_whether_it_is_recorded_or_not(torch):
    def trained(record):
        torch.manual_seed(1)
        model = torch.nn.Sequential(
            torch.nn.Linear(64, 20), torch.nn.BatchNorm1d(20), torch.nn.Dropout(0.5), torch.nn.Linear(20, 10)
        )
        model[1].eval()  # one part frozen, as in fine tuning: it stays so
        recorder = Recorder(model, ["1", "2"], DIGITS.test_x)
        ordinary_loop(torch, model, recorder if record else lambda epoch: None, epochs=2)
        assert [module.training for module in model] == [True, False, True, True]
        return model.state_dict()

    alone, recorded = trained(False), trained(True)
    assert all(torch.equal(alone[name], recorded[name]) for name in alone)


def test_what_a_layer_says_is_copied_before_the_next_one_writes_over_it(torch):
    model = torch.nn.Sequential(torch.nn.Linear(34, 8), torch.nn.ReLU(inplace=True), torch.nn.Linear(8, 2))
    recorder = Recorder(model, ["0", "1"], ITEMS)
    recorder(0)
    run = recorder.run()
    assert (run.hidden("0") < 0).any()
    np.testing.assert_array_equal(run.hidden("1"), np.maximum(run.hidden("0"), 0))


def test_a_hidden_layer_called_output_is_recorded_as_what_it_says_itself(torch):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden, self.output = torch.nn.Linear(34, 8), torch.nn.Linear(8, 34)

        def forward(self, x):
            return torch.sigmoid(self.output(torch.tanh(self.hidden(x))))

    net = Net()
    recorder, alone = Recorder(net, ["hidden", "output"], ITEMS), Recorder(net, "hidden", ITEMS)
    recorder(0), alone(0)
    run = recorder.run()
    np.testing.assert_array_equal(alone.run().hidden("hidden"), run.hidden("hidden"))
    assert run.data["seed"].values.tolist() == [0]
    assert (run.hidden("output") < 0).any() and ((run.response() > 0) & (run.response() < 1)).all()
    np.testing.assert_allclose(run.response(), 1 / (1 + np.exp(-run.hidden("output"))), rtol=1e-5)
    assert run.layer_names == ("hidden", "output", "the output")  # no two of one name
    xr.testing.assert_identical(run.response(layer="the output"), run.response())


def test_maps_are_laid_out_as_rows_and_items_may_be_tensors_of_any_shape(torch):
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3), torch.nn.Flatten(), torch.nn.Linear(108, 10)
    ).double()
    pictures = torch.tensor(DIGITS.test_x).reshape(-1, 1, 8, 8)
    recorder = Recorder(model, "0", pictures, batch_size=100)
    recorder(0)
    run = recorder.run()
    assert run.network.sizes == (64, 108, 10) and run.data["h1"].dtype == np.float64
    np.testing.assert_array_equal(
        run.hidden("0")[0, 0], model[0](pictures.double()).detach().reshape(297, -1)
    )


def test_a_module_without_weights_takes_items_as_its_own_type_of_floats(torch):
    recorder = Recorder(torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Flatten()), ["0"], -ITEMS.values)
    recorder(0)
    assert recorder.run().data["h1"].dtype == np.float32 and not recorder.run().hidden("0").any()


def test_words_may_be_shown_as_numbers_and_half_floats_are_read(torch):
    model = torch.nn.Sequential(
        torch.nn.Embedding(8, 5), torch.nn.Flatten(), torch.nn.Linear(10, 4)
    ).bfloat16()
    recorder = Recorder(model, ["0"], RNG.integers(0, 8, size=(6, 2)))
    recorder(0)
    assert recorder.run().hidden("0").shape == (1, 1, 6, 10) and recorder.run().data["h1"].dtype == np.float32


def test_several_models_are_seeds_of_one_run(torch):
    runs = []
    for seed, epochs in ((0, 3), (1, 2)):
        model = mlp(torch, seed)
        recorder = Recorder(model, ["1", "3"], DIGITS.test_x, labels=DIGITS.test_labels)
        ordinary_loop(torch, model, recorder, epochs)
        runs.append(recorder.run(seed))
    both = stack_runs(runs)
    assert repr(both) == "Run(64-30-20-10 recorded, 2 seeds, 4 snapshots to epoch 3)"
    assert np.isnan(both.hidden(1).sel(seed=1, epoch=3)).all()
    np.testing.assert_array_equal(both.final().hidden("3")[1], runs[1].hidden("3").sel(seed=1, epoch=2))
    modes = svd(both.hidden(2))
    assert np.isnan(modes.s.sel(seed=1, epoch=3)).all() and np.isfinite(modes.s.sel(seed=0)).all()


def test_a_module_that_diverges_is_left_out_and_the_commands_say_so(torch, tmp_path, capsys, monkeypatch):
    x = torch.tensor(ITEMS.values, dtype=torch.float32)
    runs = []
    for seed, rate in enumerate((1.0, 1e3)):
        torch.manual_seed(seed)
        model = torch.nn.Sequential(torch.nn.Linear(34, 8), torch.nn.Linear(8, 34))
        optimizer = torch.optim.SGD(model.parameters(), lr=rate)
        recorder = Recorder(model, ["0"], ITEMS, targets=ITEMS)
        for epoch in range(21):
            recorder(epoch)
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(x), x).backward()
            optimizer.step()
        runs.append(recorder.run(seed))
    lost = runs[1].data
    end = int(lost["end_epoch"][0])
    assert lost["status"].values.tolist() == ["diverged"] and 0 < end < 20
    assert (
        np.isfinite(lost["response"][0, : end + 1]).all() and np.isnan(lost["response"][0, end + 1 :]).all()
    )
    both = stack_runs(runs)
    assert both.notes == [f"seed 1 left the finite numbers; its last good snapshot is of epoch {end}"]
    monkeypatch.chdir(tmp_path)
    both.save("both.zarr")
    runs[0].save("one.zarr")
    for words in ("modes both.zarr", "dendrogram both.zarr", "compare both.zarr one.zarr"):
        assert main(words.split()) == 0
        assert "seed 1, diverged" in capsys.readouterr().err


def test_the_example_of_the_docstring_runs(torch):
    torch.manual_seed(0)
    block = Recorder.__doc__.split("begins::")[1].split("Over checkpoints")[0]
    names = {}
    exec(textwrap.dedent(block), names)
    strength = strengths(names["run"].response(), ITEMS)
    assert (strength[0, -1, :2] > 0.5 * svd(ITEMS).s[:2]).all() and names["run"].data.sizes["epoch"] == 101


def test_over_checkpoints(torch, tmp_path):
    model = mlp(torch)
    ordinary_loop(
        torch, model, lambda epoch: torch.save(model.state_dict(), tmp_path / f"{epoch}.pt"), epochs=2
    )
    fresh = mlp(torch, seed=9)
    recorder = Recorder(fresh, ["3"], DIGITS.test_x)
    for epoch in (2, 0):
        fresh.load_state_dict(torch.load(tmp_path / f"{epoch}.pt"))
        recorder(epoch)
    found = recorder.run().response()[0]
    assert found["epoch"].values.tolist() == [0, 2]
    np.testing.assert_allclose(found[1], model(torch.tensor(DIGITS.test_x)).detach(), rtol=1e-5, atol=1e-6)


# -------------------------------------------------------------------------------------------------------------- errors


def test_without_pytorch_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert refused(Recorder, None, ["1"], ITEMS) == (
        'recording from a module needs PyTorch: pip install "semantic-svd[torch]"; recorded_run takes arrays without it'
    )
    assert recorded_run({"layer": ACTIVITY}).hidden(1).shape == ACTIVITY.shape


def test_a_recorder_refuses_in_one_line(torch):
    model = mlp(torch)
    assert refused(Recorder, model, ["5"], ITEMS) == "the module has no layer '5'; it has 0, 1, 2, 3, 4"
    assert refused(Recorder, model, ["1", "1"], ITEMS) == "layer '1' is named twice; name each layer once"
    assert refused(Recorder, lambda x: x, ["0"], ITEMS) == (
        "a recorder listens to a torch.nn.Module, not to a function"
    )
    for items in (None, list(ITEMS.items)):
        assert refused(Recorder, model, ["1"], items) == (
            "a recorder shows items to the module; pass their inputs"
        )
    for batch_size in (0, -1):
        assert refused(Recorder, model, ["1"], ITEMS, batch_size=batch_size) == (
            f"batch_size is a whole number from 1, not {batch_size}"
        )
    for layers, record in ((["1"], []), ([], ["hidden"])):
        assert refused(Recorder, model, layers, ITEMS, record=record) == (
            f"a run holds activity, and there is none of record={record}"
        )
    recorder = Recorder(model, ["1"], DIGITS.test_x)
    assert refused(recorder.run) == "nothing is recorded yet; call the recorder with an epoch"
    assert refused(recorder, -1) == "an epoch is a whole number from 0, not -1"
    recorder(3)
    assert refused(recorder, 3) == "epoch 3 has been recorded already"
    relu = torch.nn.ReLU()
    shared = torch.nn.Sequential(torch.nn.Linear(64, 5), relu, torch.nn.Linear(5, 5), relu)
    assert refused(Recorder(shared, ["1"], DIGITS.test_x), 0) == (
        "layer '1' is passed through 2 times; record one that is passed through once"
    )
    memory = torch.nn.LSTM(64, 5)
    assert refused(Recorder(memory, [], DIGITS.test_x), 0) == (
        "layer 'output' gives a tuple for 297 items; record one that gives a row an item"
    )
    inner = torch.nn.Sequential(memory)
    inner.forward = lambda x: memory(x)[0]
    assert refused(Recorder(inner, ["0"], DIGITS.test_x), 0) == (
        "layer '0' gives a tuple for 297 items; record one that gives a row an item"
    )
    memory.forward = lambda x: x.sum()
    assert refused(Recorder(memory, [], DIGITS.test_x), 0) == (
        "layer 'output' gives shape () for 297 items; record one that gives a row an item"
    )
    mean = torch.nn.Sequential(torch.nn.Linear(64, 5), torch.nn.Flatten(0))
    assert refused(Recorder(mean, ["0"], DIGITS.test_x), 0) == (
        "layer 'output' gives shape (1485,) for 297 items; record one that gives a row an item"
    )


def test_a_module_that_fails_is_left_as_it_was(torch):
    model = mlp(torch).train()
    with pytest.raises(RuntimeError):
        Recorder(model, ["1"], ITEMS)(0)  # 34 properties for 64 inputs
    assert all(module.training and not module._forward_hooks for module in model.modules())


NAMED = xr.DataArray(ACTIVITY[0, 0], {"item": list(ITEMS.items)}, ("item", "unit"))
BAD = [  # what is handed in, ACTIVITY as the hidden layer "a" where nothing else is; what is said
    ({"hidden": [ACTIVITY]}, "hidden is a dict, a layer's name and its activity, not list"),
    (
        {"hidden": {"a": [[1, 2], [3]]}},
        "layer 'a' is an array of numbers, and these are rows of different lengths",
    ),
    (
        {"items": [[1, 2], [3]]},
        "what networks were shown is an array of numbers, and these are rows of different lengths",
    ),
    (
        {"response": np.zeros((7, 2))},
        "the output has (seeds, epochs, items) (1, 1, 7), layer 'a' has (2, 5, 8)",
    ),
    ({"hidden": {}}, "a run holds activity; hidden is empty, and there is no response"),
    (
        {"hidden": {"a": np.zeros(8)}},
        "layer 'a' has the activity (seed, epoch, item, unit), the first axes of which may be missing, in numbers, "
        "not float64 of shape (8,)",
    ),
    *(
        (
            {"hidden": {"a": wrong}},
            "layer 'a' has the activity (seed, epoch, item, unit), the first axes of which may be missing, in numbers, "
            f"not {wrong.dtype} of shape {wrong.shape}",
        )
        for wrong in (ACTIVITY[None], np.full((8, 3), "a"), 1j * ACTIVITY, ACTIVITY[:, :0])
    ),
    ({"epochs": [0, 1]}, "epochs are 5 whole numbers, each once, the smallest first, not [0, 1]"),
    ({"seeds": [0, 0.5]}, "seeds are 2 whole numbers, each once, the smallest first, not [0.0, 0.5]"),
    ({"epochs": range(-200, 201, 100)}, "epochs are 0 or more, and the first is -200; count them from it"),
    (
        {"hidden": {"a": xr.DataArray(ACTIVITY[0, :2], {"epoch": [-1, 0]}, ("epoch", "item", "unit"))}},
        "epochs are 0 or more, and the first is -1; count them from it",
    ),
    (
        {"epochs": range(6)},
        "epochs are 5 whole numbers, each once, the smallest first, not [0, 1, 2, 3, 4, 5]",
    ),
    (
        {"epochs": [0, 1, 2, 4, 3]},
        "epochs are 5 whole numbers, each once, the smallest first, not [0, 1, 2, 4, 3]",
    ),
    ({"seeds": [1, 1]}, "seeds are 2 whole numbers, each once, the smallest first, not [1, 1]"),
    ({"labels": [0, 1, 2]}, "activity, targets and labels are of the same items: 8 of them, not 3 labels"),
    (
        {"items": DIGITS.test_x},
        "activity, targets and labels are of the same items: 8 of them, not 297 items",
    ),
    ({"labels": np.zeros(8)}, "labels are a whole number from 0 for each item, not float64 of shape (8,)"),
    (
        {"labels": LABELS[:, None]},
        "labels are a whole number from 0 for each item, not int64 of shape (8, 1)",
    ),
    ({"labels": LABELS - 1}, "labels are a whole number from 0 for each item, not -1"),
    ({"items": 3}, "items are numbers, (n_items, ...), or names, not int64 of shape ()"),
    (
        {"items": np.array([["a"]] * 8)},
        "items are numbers, (n_items, ...), or names, not <U1 of shape (8, 1)",
    ),
    (
        {"items": pd.Series(["a"] * 7 + [None], dtype=object)},
        "items are numbers, (n_items, ...), or names, not object of shape (8,)",
    ),
    ({"labels": LABELS, "classes": ["x", "y"]}, "there are 2 classes, 0 to 1, and a label 2"),
    ({"record": "weights"}, "no record 'weights' of activity; there are hidden, responses, class_means"),
    ({"record": "class_means"}, "class means need the class of each item; pass labels"),
    ({"record": "class_means", "labels": 2 * TWO}, "class '1' has no item, so it has no mean"),
    (
        {"record": "class_means", "labels": TWO, "classes": ["x", "y", "z"]},
        "class 'z' has no item, so it has no mean",
    ),
    ({"labels": LABELS[:0]}, "activity, targets and labels are of the same items: 8 of them, not 0 labels"),
    ({"response": ACTIVITY, "targets": ITEMS}, "the output has 3 units, the targets have 34"),
    ({"record": []}, "a run holds activity, and there is none of record=[]"),
    ({"record": "responses"}, "a run holds activity, and there is none of record=['responses']"),
    (
        {"hidden": {}, "response": ACTIVITY, "labels": LABELS, "record": "class_means"},
        "a run holds activity, and there is none of record=['class_means']",
    ),
    (
        {"hidden": {"a": xr.DataArray(ACTIVITY, dims=("seed", "time", "item", "unit"))}},
        "layer 'a' has axes (seed, time, item, unit); those that have names are seed and epoch, which may be missing, "
        "item and unit",
    ),
    (
        {
            "hidden": {"a": xr.DataArray(ACTIVITY[0], {"epoch": range(5)}, ("epoch", "item", "unit"))},
            "response": xr.DataArray(ACTIVITY[0], {"epoch": range(1, 6)}, ("epoch", "item", "unit")),
        },
        "the output has other labels of its epochs than layer 'a'",
    ),
    *(
        (
            {"hidden": {"a": NAMED.isel(item=slice(None, None, -1))}, named: ITEMS},
            "item 0 (from 0) is 'sparrow', and 'daisy' in the activity",
        )
        for named in ("items", "targets")
    ),
    (
        {"items": ITEMS, "targets": ITEMS.array[::-1]},
        "item 0 (from 0) is 'sparrow', and 'daisy' in the targets",
    ),
    (
        {"items": list(ITEMS.items), "targets": ITEMS.array[:5]},
        "activity, targets and labels are of the same items: 8 of them, not 5 targets",
    ),
]


@pytest.mark.parametrize(("given", "said"), BAD)
def test_what_does_not_fit_is_refused_in_one_line(given, said):
    assert refused(recorded_run, **{"hidden": {"a": ACTIVITY}} | given) == said


def test_runs_that_are_not_alike_are_not_stacked():
    run = recorded_run({"a": ACTIVITY})
    assert refused(stack_runs, []) == "there are no runs to stack"
    assert refused(stack_runs, [run, run]) == (
        "seed 0 is in two of the runs; give each its own, as recorder.run(seed=1)"
    )
    for what, other in (
        ("layers", recorded_run({"b": ACTIVITY}, seeds=[2, 3])),
        ("axes", recorded_run({"a": ACTIVITY}, seeds=[2, 3]).final()),
        ("records", recorded_run({"a": ACTIVITY}, seeds=[2, 3], labels=LABELS[:8], record=["class_means"])),
        ("items", recorded_run({"a": ACTIVITY}, seeds=[2, 3], items=list(ITEMS.items))),
    ):
        if what == "records":
            other.data.attrs["network"] = run.data.attrs["network"]
        assert refused(stack_runs, [run, other]) == (
            f"run 1 (from 0) has other {what} than run 0, so they can't be stacked"
        )


@pytest.mark.parametrize("of", ["items", "targets", "labels"])
def test_runs_of_other_values_are_not_stacked_though_the_names_are_the_same(of):
    values = {"items": ITEMS.values, "targets": ITEMS.values, "labels": LABELS}
    runs = [recorded_run({"a": ACTIVITY}, **values, classes=["x", "y", "z"])]
    values[of] = values[of][::-1].copy()
    runs.append(recorded_run({"a": ACTIVITY}, **values, classes=["x", "y", "z"], seeds=[2, 3]))
    assert refused(stack_runs, runs) == "run 1 (from 0) has other items than run 0, so they can't be stacked"


def test_runs_of_two_rules_or_without_seeds_are_not_stacked(ours):
    other = train("backprop", Network((34, 8, 34), biases=False), ITEMS, epochs=3, seeds=[7])
    assert refused(stack_runs, [ours, other]) == (
        "run 1 (from 0) has other rules than run 0, so they can't be stacked"
    )
    assert refused(stack_runs, [ours.sel(seed=[0]), ours.sel(seed=1)]) == (
        "run 1 (from 0) has no axis seed; take it with one, as run.sel(seed=[0])"
    )
    parts = [ours.sel(seed=[seed]) for seed in range(3)]
    xr.testing.assert_equal(stack_runs(parts).data, ours.data)


def test_an_output_alone_has_no_class_means():
    run = recorded_run({}, ACTIVITY, labels=LABELS, record=["responses", "class_means"])
    np.testing.assert_array_equal(run.response(), ACTIVITY)


def test_a_recorded_run_answers_for_its_own_items_and_layers(theirs):
    assert refused(theirs.hidden, "cortex") == "the network has layers 0 to 2 (hidden, output), not 'cortex'"
    assert refused(theirs.hidden, 1, ITEMS) == (
        "this run was recorded, without weights, so layer 1 can't be computed; what it has is layer 1 (hidden), "
        "layer 2 (output), of its own items"
    )
    assert refused(theirs.evaluate, (ITEMS.values, np.zeros(8, int))) == (
        "this run was recorded, without weights, so it can't be tried on images; what it has is layer 1 (hidden), "
        "layer 2 (output), of its own items"
    )
    assert refused(theirs.weights, 1) == "the run has no W1; it has no weights"


@pytest.mark.parametrize("items", [None, ITEMS, list(ITEMS.items)])
def test_a_run_of_hidden_layers_alone_says_which_there_are_to_look_at(items, tmp_path, capsys):
    run = recorded_run({"V1": ACTIVITY, "IT": ACTIVITY}, items=items, targets=ITEMS)
    assert refused(run.response) == (
        "this run was recorded, without weights, so layer 3 can't be computed; what it has is layer 1 (V1), "
        "layer 2 (IT), of its own items"
    )
    path = str(tmp_path / "run.zarr")
    run.save(path)
    line = f"{path} keeps no response, but hidden layers; look at --layer 1 (V1), --layer 2 (IT)"
    agreement = str(tmp_path / "agreement.csv")
    for words in (["modes"], ["align"], ["dendrogram"], ["dendrogram", "--agreement", agreement]):
        command = words[0]
        assert main([*words, path]) == 2
        assert capsys.readouterr() == ("", f"semantic-svd: {line}\n")
        assert main([command, path, "--layer", "2"]) == 0
        capsys.readouterr()


def test_a_run_of_class_means_says_what_there_is_of_its_layers_and_its_output(tmp_path, capsys):
    means, both = (
        recorded_run({"V1": ACTIVITY}, ACTIVITY, labels=LABELS, record=["class_means", *beside])
        for beside in ([], ["responses"])
    )
    assert refused(means.hidden, "V1") == (
        "this run was recorded, without weights, so layer 1 can't be computed; it has class means"
    )
    for name, run in (("means", means), ("both", both)):
        run.save(tmp_path / f"{name}.zarr")
    path = str(tmp_path / "means.zarr")
    assert main(["modes", path, "--layer", "2"]) == 2
    line = f"{path} keeps class means of hidden layers, 1 to 1, and of the output nothing"
    assert capsys.readouterr() == ("", f"semantic-svd: {line}\n")
    assert main(["modes", str(tmp_path / "both.zarr"), "--layer", "2"]) == 0
    assert "3-3 recorded, response, 2 seeds" in capsys.readouterr().out
