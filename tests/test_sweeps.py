"""Sweeps: the same table wherever it is made, whatever dies on the way, and nothing done twice."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import commands
import dask
import numpy as np
import pandas as pd
import pytest
from refusals import refused

from semantic_svd import RULES, Items, Network, Rule, Run, load_images, load_items, sweeps, train
from semantic_svd.cli import main
from semantic_svd.dendrograms import agreement
from semantic_svd.images import Images, read_images
from semantic_svd.modes import half_learned, strengths, svd
from semantic_svd.plasticity import Hebb, Oja
from semantic_svd.records import RECORDS
from semantic_svd.sweeps import Grid, best, measures, read_grid, sweep, workers
from semantic_svd.sweeps.workers import Died, on_cluster, on_cores

UNIX = pytest.mark.skipif(os.name == "nt", reason="kills processes as Unix does")
SMALL = {"rules": ["bpa"], "items": ["saxe2019_toy"], "epochs": 20, "every": "log"}
GRID = """
[sweep]
items = ["saxe2019_toy", "four.csv"]
rules = ["bpa", "backprop", "bpa_sanger", "fa_oja"]
epochs = 30
seeds = 2

[settings]
rate = [0.02, 0.05, 0.1, [0.1, 0.05, 0.01]]
hidden = [[3], [4, 3]]
"""


def wait_until(true, seconds=60):
    """Wait for something to become true; return whether it did."""
    for _ in range(20 * seconds):
        if true():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def in_this_process(monkeypatch):
    """No workers: what a run says does not depend on them, and they take a second to start."""
    monkeypatch.setattr(sweeps, "on_cores", lambda work, cells: ((cell, work(cell)) for cell in cells))
    monkeypatch.setattr(sweeps, "on_cluster", None)  # without an address nobody starts one
    monkeypatch.setattr(sweeps, "threadpool_limits", lambda *limits: None)


# -------------------------------------------------------------------------------------------------------------- grids


def test_a_grid_is_every_rule_on_every_data_set_in_every_setting():
    grid = Grid(
        ["bpa", "backprop"],
        ["saxe2019_toy", "mcclelland2020"],
        settings={"rate": [0.1, 0.2], "hidden": [3, [4, 5]]},
    )
    cells = [(c.data_name, c.rule_name, *c.setting.values()) for c in grid.cells]
    assert len(set(cells)) == len(cells) == 16
    assert cells[:5] == [
        ("saxe2019_toy", "bpa", 0.1, (3,)),
        ("saxe2019_toy", "bpa", 0.1, (4, 5)),
        ("saxe2019_toy", "bpa", 0.2, (3,)),
        ("saxe2019_toy", "bpa", 0.2, (4, 5)),
        ("saxe2019_toy", "backprop", 0.1, (3,)),
    ]


def test_a_run_has_its_name_from_what_it_follows_from_and_from_nothing_else():
    (name,) = (cell.name for cell in Grid(**SMALL, settings={"rate": [0.1]}).cells)
    assert re.fullmatch(r"bpa-saxe2019_toy-rate_0\.1-[0-9a-f]{8}", name)
    larger = Grid(["backprop", "bpa"], ["saxe2019_toy"], (), {"rate": [0.2, 0.1]}, 20, every="log")
    assert name in [cell.name for cell in larger.cells]
    items = load_items("saxe2019_toy")
    others = [
        SMALL | {"epochs": 21},
        SMALL | {"seeds": 2},
        SMALL | {"every": 1},
        SMALL | {"items": [Items(2 * items.values, items.items, items.properties, items.name)]},
        SMALL | {"rules": {"bpa": RULES["bpa_unit"]}},
    ]
    changed = [Grid(**other, settings={"rate": [0.1]}).cells[0].name for other in others]
    assert len({name, *changed}) == 6 and len({other.rpartition("-")[0] for other in changed}) == 1
    assert name == Grid(**SMALL | {"items": [items]}, settings={"rate": [0.1]}).cells[0].name
    long = Items(items.values, items.items, items.properties, "x" * 300)
    names = {cell.name for cell in Grid(**SMALL | {"items": [long]}, settings={"rate": [0.1, 0.2]}).cells}
    assert len(names) == 2 and max(map(len, names)) < 200


def test_runs_whose_names_no_file_can_tell_apart_are_runs_of_their_own(tmp_path, in_this_process):
    items = load_items("saxe2019_toy")
    names = ["a b", "a,b", "a_b", "x" * 200, "x" * 201]
    sets = [Items(items.values, items.items, items.properties, name) for name in names]
    table = sweep(Grid(**SMALL | {"items": sets}), tmp_path)
    assert list(table["data"]) == names and table["run"].nunique() == table["loss"].count() == 5
    two = Grid(**SMALL | {"rules": {"my rule": RULES["bpa"], "my,rule": RULES["bpa"]}}).cells
    assert two[0].name != two[1].name


@pytest.mark.parametrize(
    ("numpys", "python"),
    [
        ({"seeds": np.arange(3)}, {"seeds": [0, 1, 2]}),
        ({"seeds": range(3)}, {"seeds": [0, 1, 2]}),
        ({"seeds": np.int64(3)}, {"seeds": 3}),
        ({"seeds": 3}, {"seeds": [0, 1, 2]}),
        ({"epochs": np.int64(5), "every": np.int64(2)}, {"epochs": 5, "every": 2}),
        ({"record": np.array(["weights"])}, {"record": ["weights"]}),
        ({"settings": {"rate": np.array([0.5, 0.25])}}, {"settings": {"rate": [0.5, 0.25]}}),
        ({"settings": {"rate": [np.array([0.5, 0.25, 0.1])]}}, {"settings": {"rate": [[0.5, 0.25, 0.1]]}}),
        ({"settings": {"hidden": range(2, 4)}}, {"settings": {"hidden": [2, 3]}}),
        ({"settings": {"hidden": np.array([[2, 3]])}}, {"settings": {"hidden": [[2, 3]]}}),
        ({"settings": {"biases": [np.False_]}}, {"settings": {"biases": [False]}}),
        ({"items": load_items("saxe2019_toy")}, {"items": ["saxe2019_toy"]}),
    ],
)
def test_numbers_of_numpy_ranges_and_one_that_is_no_list_are_taken_for_what_they_say(numpys, python):
    said, plain = (Grid(**SMALL | words) for words in (numpys, python))
    assert [cell.name for cell in said.cells] == [cell.name for cell in plain.cells]
    assert said.bytes() == plain.bytes()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ({"rules": RULES["bpa"]}, f"rules are names, or a mapping from names to rules, not {RULES['bpa']!r}"),
        ({"rules": {1: "bpa"}}, "rules are names, or a mapping from names to rules, not 1"),
        ({"images": [3]}, "images are a name or a path, not int"),
        ({"items": pd.DataFrame({"a": [1.0, 2.0]})}, "items are a name or a path, not DataFrame"),
        ({"settings": ["rate"]}, "settings are words with their values, as {'rate': [0.1]}, not ['rate']"),
    ],
)
def test_what_a_grid_cannot_take_is_one_line(words, line):
    assert refused(Grid, **SMALL | words) == line


def test_the_words_of_a_grid_mean_what_they_mean_to_train(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = {
        "localist": True,
        "hidden": [[4, 3]],
        "activation": "tanh",
        "output_activation": "sigmoid",
        "biases": False,
        "rate": [[0.3, 0.2, 0.1]],
        "batch_size": 3,
        "stop_below": 0.8755,
    }
    grid = Grid(
        ["fa_random"],
        ["saxe2019_toy"],
        settings=settings,
        epochs=40,
        seeds=[1, 4],
        record=["weights", "hidden"],
    )
    (cell,) = grid.cells
    run = cell.train(tmp_path / "cell.zarr")
    words = (
        "train --items saxe2019_toy --rule fa_random --localist --hidden 4 3 --activation tanh --no-biases "
        "--output-activation sigmoid --rate 0.3 0.2 0.1 --batch-size 3 --stop-below 0.8755 --epochs 40 --seeds 5 "
        "--record weights hidden -o it"
    )
    assert main(words.split()) == 0
    same = Run.open("it").sel(seed=[1, 4])
    for name in ("network", "rule", "data_hash", "batch_size", "stop_below"):
        assert run.data.attrs[name] == same.data.attrs[name]
    for name in ("W1", "W3", "h2"):
        np.testing.assert_array_equal(run.data[name], same.data[name].sel(epoch=run.data.epoch))
    assert set(run.data.status.values) == {"stopped"}


def test_a_grid_in_a_file_finds_its_tables_beside_it(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "my.csv").write_text("item,a,b\nx,1,0\ny,0,2\n")
    (tmp_path / "here" / "grid.toml").write_text(
        '[sweep]\nitems = ["my.csv", "saxe2019_toy"]\nrules = "bpa"\n[settings]\nbiases = false\n'
    )
    monkeypatch.chdir(tmp_path)
    first, second = read_grid("here/grid.toml").cells
    assert first.data.values.tolist() == [[1, 0], [0, 2]] and second.data_name == "saxe2019_toy"
    assert first.setting == {"biases": False}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[sweep", "is no TOML: Expected ']' at the end of a table declaration (at end of document)"),
        ("[sweeps]", "no section 'sweeps'; there are sweep, settings"),
        (
            "[sweep]\nrate = 1",
            "no word 'rate'; there are rules, items, images, epochs, seeds, every, record, data",
        ),
        ("", "a grid needs rules, as rules = ['bpa', 'backprop']"),
        ("[sweep]\nrules = 'bpa'\nitems = [3]", "items are names or paths, not 3"),
        ("[sweep]\nrules = 'bpa'\nimages = [3]", "images are names or paths, not 3"),
        ("[sweep]\nrules = 'bpa'\nimages = ['digits']\ndata = 3", "data is a folder, not 3"),
        ("[sweep]\nrules = 'bpa'\nimages = ['digits']\ndata = ['a']", "data is a folder, not ['a']"),
        ("[sweep.settings]", "settings are a section of their own, [settings], not a part of [sweep]"),
        ("settings = 3", "settings is a section, one line [settings] with its words below"),
        ("sweep = 3", "sweep is a section, one line [sweep] with its words below"),
        ("[sweep]\n[[settings]]", "settings is a section, one line [settings] with its words below"),
        ("[sweep]\nrules = 3", "rules are names, not 3"),
        ("[sweep]\nrules = {a = 'bpa'}", "rules are names, not {'a': 'bpa'}"),
        ("[sweep]\nrules = 'bpa'", "a grid needs items or images, as items = ['mcclelland2020']"),
        (
            "[sweep]\nrules = ['ppa']\nitems = ['saxe2019_toy']",
            f"no rule 'ppa'; there are {', '.join(RULES)}",
        ),
        (
            "[sweep]\nrules = ['bpa', 'bpa']\nitems = ['saxe2019_toy']",
            "rules: 'bpa' is there twice",
        ),
        (
            "[settings]\nrates = [1]",
            "no setting 'rates'; there are localist, hidden, activation, output_activation, biases, rate, batch_size, "
            "stop_below",
        ),
        (
            "[settings]\nhidden = [8, 8]",
            "hidden: '8' is there twice; what belongs together is a list in the list, as [[8, 8]]",
        ),
        ("[settings]\nhidden = [[8, 0]]", "hidden is the units of each hidden layer, as [8, 8], not [8, 0]"),
        (
            "[settings]\nrate = ['fast']",
            "rate is a number of 0 or more, or three as [0.1, 0.05, 0.1], not 'fast'",
        ),
        ("[settings]\nrate = [-1]", "rate is a number of 0 or more, or three as [0.1, 0.05, 0.1], not -1"),
        ("[settings]\nbiases = ['no']", "biases is true or false, not 'no'"),
        ("[settings]\nactivation = [1]", "activation is a name, not 1"),
        ("[settings]\nbatch_size = [0]", "batch_size is a whole number from 1, not 0"),
        ("[settings]\nstop_below = [nan]", "stop_below is a number of 0 or more, not nan"),
        ("[settings]\nrate = []", "rate has no value"),
        ("[shared]\nepochs = -1", "epochs is a whole number from 0, not -1"),
        ("[shared]\nseeds = 0", "seeds is a whole number from 1, not 0"),
        ("[shared]\nevery = 'day'", "every is a whole number from 1 or 'log', not 'day'"),
    ],
)
def test_a_file_that_says_no_grid_is_refused_in_one_line(tmp_path, text, line):
    if text.startswith(("[settings]", "[shared]")):
        text = "[sweep]\nrules = 'bpa'\nitems = 'saxe2019_toy'\n" + text.removeprefix("[shared]")
    path = tmp_path / "grid.toml"
    path.write_text(text)
    assert refused(read_grid, path) == f"{path}{' ' if 'TOML' in line else ': '}{line}"


def test_a_file_of_another_editor_with_its_byte_order_mark_is_read(tmp_path):
    (tmp_path / "grid.toml").write_text("[sweep]\nrules = 'bpa'\nitems = 'saxe2019_toy'", "utf-8-sig")
    assert len(read_grid(tmp_path / "grid.toml").cells) == 1


def test_files_of_one_name_in_two_folders_are_told_to_be_renamed(tmp_path):
    for folder in ("s1", "s2"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "ratings.csv").write_text("item,a\nx,1\ny,0\n")
    files = [tmp_path / folder / "ratings.csv" for folder in ("s1", "s2")]
    assert refused(Grid, ["bpa"], files) == (
        "two data sets are called 'ratings', as files of one name are; rename one"
    )


def test_a_rule_under_a_name_is_a_rule():
    named = Grid({"mine": "bpa"}, ["saxe2019_toy"]).cells[0]
    assert (named.rule_name, named.rule) == ("mine", RULES["bpa"])
    assert refused(Grid, {"mine": 3}, ["saxe2019_toy"]).startswith("no rule 3; there are ")


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    assert refused(read_grid, tmp_path) == f"{tmp_path} can't be read: Is a directory"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"record": 3}, f"no record 3; there are {', '.join(RECORDS)}"),
        (
            {"settings": {"activation": ["soft"]}},
            "no hidden activation 'soft'; there are linear, tanh, sigmoid, relu",
        ),
        (
            {"items": (), "images": ["digits"]},
            "images need hidden, the units of each hidden layer, as hidden = [[800, 800]]",
        ),
        (
            {"items": (), "images": ["digits"], "settings": {"localist": True, "hidden": 5}},
            "localist is for items; images are learned from their pixels",
        ),
        (
            {"rules": ["bpa", "krotov_hopfield"], "settings": {"hidden": [5]}},
            "KrotovHopfield(k=7) needs 7 units or more, the layer has 5",
        ),
        (
            {"rules": ["bpa", "krotov_hopfield"], "settings": {"hidden": [8], "stop_below": [0.1]}},
            "stop_below is a loss, and under this rule nothing learns from one",
        ),
    ],
)
def test_what_no_run_can_be_is_found_before_any_begins_and_said_of_which(tmp_path, changes, line):
    grid = Grid(**SMALL | changes)
    said = f"{grid.cells[-1].rule_name} on {grid.cells[-1].data_name}: {line}"
    assert refused(sweep, grid, tmp_path) == said
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------------------------- tables


def test_a_row_says_what_the_run_of_the_library_says(tmp_path, in_this_process):
    grid = Grid(
        ["backprop"], ["mcclelland2020"], settings={"hidden": [[8]], "rate": [0.1]}, epochs=300, seeds=3
    )
    table = sweep(grid, tmp_path)
    items = load_items("mcclelland2020")
    run = train("backprop", Network((34, 8, 34)), items, epochs=300, seeds=3)
    stages = half_learned(strengths(run.response(), items), svd(items))
    np.testing.assert_allclose(table["loss"], run.final().data["loss"], rtol=1e-10)
    np.testing.assert_array_equal(table[[f"half_learned_{k}" for k in range(1, 9)]], stages)
    np.testing.assert_allclose(table["agreement"], agreement(run.final().response(), items), rtol=1e-10)
    expected = {
        "data": "mcclelland2020",
        "rule": "backprop",
        "hidden": "8",
        "rate": 0.1,
        "status": "finished",
    }
    assert (table[list(expected)] == list(expected.values())).all(axis=None)
    assert list(table["seed"]) == [0, 1, 2]
    read = pd.read_csv(tmp_path / "results.csv", dtype={"hidden": str, "end_epoch": "Int64", "seed": "Int64"})
    pd.testing.assert_frame_equal(read, table, check_dtype=False, check_exact=True)
    assert list(pd.read_csv(tmp_path / "times.csv")) == ["run", "seconds"]


def test_no_interval_of_an_accuracy_passes_one():
    shares = [1.0, 1.0, 1.0, 1.0, 0.9]  # by t alone up to 1.036
    rows = [("a", "digits", "bpa", seed, share) for seed, share in enumerate(shares)]
    table = pd.DataFrame(rows, columns=["run", "data", "rule", "seed", "accuracy"]).assign(status="finished")
    (row,) = best(table, "accuracy").to_dict("records")
    assert row["mean"] == pytest.approx(0.98) and row["low"] < 0.98 and row["high"] == 1.0


def test_the_folder_of_a_sweep_is_no_run(tmp_path):
    (tmp_path / "zarr.json").touch()
    said = refused(sweep, Grid(**SMALL), tmp_path)
    assert said == f"{tmp_path} is a run; name a folder of its own for a sweep"


def test_several_grids_are_one_table_and_a_run_of_two_of_them_is_trained_once(tmp_path, in_this_process):
    slow, fast = (Grid(**SMALL | {"settings": {"rate": [0.05, rate]}}) for rate in (0.01, 0.1))
    table = sweep([slow, fast], tmp_path)
    assert list(table["rate"]) == [0.05, 0.01, 0.1]
    assert sweep([fast], tmp_path).equals(table.iloc[[0, 2]].reset_index(drop=True))


def test_images_of_ones_own_are_swept_from_memory_and_from_a_folder_that_a_grid_names(
    tmp_path, in_this_process
):
    rng = np.random.default_rng(0)
    for name in ("data_batch_1.bin", "test_batch.bin"):
        records = rng.integers(0, 256, (40, 3073), np.uint8)
        records[:, 0] = np.arange(40) % 10
        (tmp_path / "mine" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "mine" / name).write_bytes(records.tobytes())
    text = "[sweep]\nrules = ['backprop']\nimages = ['mine']\nepochs = 1\n[settings]\nhidden = [5]"
    (tmp_path / "grid.toml").write_text(text)
    by_name = sweep(tmp_path / "grid.toml", tmp_path / "a")
    images = read_images(tmp_path / "mine")
    in_memory = Grid(["backprop"], images=[images], settings={"hidden": [5]}, epochs=1)
    # the run's name, with its hash, too
    pd.testing.assert_frame_equal(sweep(in_memory, tmp_path / "b"), by_name)
    changed = Images(images.x * 0.5, *(getattr(images, f.name) for f in fields(images)[1:]))
    other = Grid(["backprop"], images=[changed], settings={"hidden": [5]}, epochs=1)
    assert other.cells[0].name != in_memory.cells[0].name
    (tmp_path / "mine" / "data_batch_1.bin").write_bytes((tmp_path / "mine" / "test_batch.bin").read_bytes())
    assert read_grid(tmp_path / "grid.toml").cells[0].name != in_memory.cells[0].name


def test_images_are_measured_by_their_class_means_as_the_command_measures_them(
    tmp_path, capsys, in_this_process
):
    grid = Grid(["dfa_random"], images=["digits"], settings={"hidden": [[12, 6]]}, epochs=4, seeds=2)
    table = sweep(grid, tmp_path)
    path = tmp_path / f"{grid.cells[0].name}.zarr"
    run = Run.open(path)
    np.testing.assert_allclose(table["accuracy"], run.final().evaluate(load_images("digits")), rtol=1e-6)
    assert main(["modes", str(path), "--csv", str(tmp_path / "modes.csv")]) == 0
    theirs = pd.read_csv(tmp_path / "modes.csv").pivot(index="seed", columns="mode", values="half_learned")
    np.testing.assert_array_equal(table.filter(like="half_learned").iloc[:, : theirs.shape[1]], theirs)
    assert main(["dendrogram", str(path), "--agreement", str(tmp_path / "tree.csv")]) == 0
    trees = pd.read_csv(tmp_path / "tree.csv")
    np.testing.assert_allclose(table["agreement"], trees[trees["epoch"] == 4]["agreement"], rtol=1e-6)


def test_a_run_that_kept_every_image_is_measured_as_one_that_kept_the_mean_of_each_class():
    digits, network = load_images("digits"), Network((64, 12, 10), "relu", "softmax")
    settings = {"epochs": 3, "batch_size": 50, "seeds": 2, "record": "class_means"}
    probes = {}, {"probe": digits.means.rename({"class": "item"})}, {"probe": digits.x[:30]}
    images, means, others = (
        measures(train("bpa", network, digits.x, digits.targets, **settings, **probe)) for probe in probes
    )
    pd.testing.assert_frame_equal(images, means)
    pd.testing.assert_frame_equal(images.drop(columns="agreement"), others)


def test_strengths_alone_are_enough_for_stages(tmp_path, in_this_process):
    whole, alone = (
        sweep(Grid(["bpa"], ["saxe2019_toy"], epochs=100, record=record), tmp_path / record[0])
        for record in (["weights"], ["strengths"])
    )
    pd.testing.assert_frame_equal(whole.drop(columns="run"), alone.drop(columns="run"))
    assert whole["half_learned_1"].notna().all()


def test_a_run_that_kept_nothing_of_its_modes_has_no_stages_but_a_tree_as_it_ended(tmp_path, in_this_process):
    whole, alone = (
        sweep(Grid(["bpa"], ["saxe2019_toy"], epochs=100, record=record), tmp_path / record[0])
        for record in (["weights"], ["hidden"])
    )
    stages = list(whole.filter(like="half_learned"))
    pd.testing.assert_frame_equal(whole.drop(columns=["run", *stages]), alone.drop(columns="run"))
    assert stages


def test_the_best_setting_is_the_one_with_the_best_mean_among_those_with_fewest_seeds_lost():
    rows = [
        ("a", "bpa", 0.1, [4.0, 2.0], [0.5, 0.5]),
        ("b", "bpa", 0.2, [3.0, 2.0], [0.7, 0.4]),
        ("c", "bpa", 0.3, [np.nan, 0.1], [np.nan, 0.99]),
        ("d", "backprop", 0.1, [np.nan, np.nan], [np.nan, np.nan]),
        ("e", "backprop", 0.2, [np.nan, 7.0], [np.nan, 0.1]),
    ]
    table = pd.DataFrame(
        [
            {
                "run": run,
                "data": "mine",
                "rule": rule,
                "rate": rate,
                "seed": k,
                "status": "diverged" if np.isnan(loss[k]) else "stopped",
                "end_epoch": 1 if np.isnan(loss[k]) else loss[k],
                "loss": loss[k],
                "accuracy": share[k],
            }
            for run, rule, rate, loss, share in rows
            for k in range(2)
        ]
    )
    by_loss, by_accuracy, by_end = (best(table, by=name) for name in ("loss", "accuracy", "end_epoch"))
    assert by_loss[["rule", "run", "rate", "mean", "low", "high", "n"]].values.tolist() == [
        ["bpa", "b", 0.2, 2.5, 2.0, 3.0, 2],
        ["backprop", "e", 0.2, 7.0, 7.0, 7.0, 1],
    ]
    assert list(by_accuracy["run"]) == ["b", "e"]
    pd.testing.assert_frame_equal(by_end, by_loss)  # early to diverge is not early to learn
    twice = pd.concat([table, table.assign(data="yours", run=table["run"].str.upper())])
    assert list(best(twice)["run"]) == ["b", "e", "B", "E"]
    refused_lines = [
        (table, "speed", "no measure 'speed' in the table; there are end_epoch, loss, accuracy"),
        (table[:0], "loss", "no measure 'loss' in the table; there are none"),
        (table.drop(columns="rule"), "loss", "the table has no column 'rule', and so is none of a sweep"),
    ]
    for of, by, line in refused_lines:
        assert refused(best, of, by) == line


def test_a_setting_whose_seeds_were_all_lost_is_not_the_best_as_it_had_fewer_to_lose():
    losses = {"a": [np.nan] * 2, "b": [1.0, np.nan, np.nan], "c": [2.0] * 5 + [np.nan] * 3}
    rows = [(run, "mine", "bpa", k, loss) for run, of_run in losses.items() for k, loss in enumerate(of_run)]
    table = pd.DataFrame(rows, columns=["run", "data", "rule", "seed", "loss"]).assign(status="finished")
    assert best(table)[["run", "n"]].values.tolist() == [["c", 5]]
    assert best(table[table["run"] != "c"])[["run", "n"]].values.tolist() == [["b", 1]]


@pytest.mark.parametrize(
    ("by", "span"), [("loss", (0, np.inf)), ("accuracy", (0, 1)), ("agreement", (-1, 1))]
)
def test_the_interval_of_the_best_setting_has_nothing_that_its_measure_cannot_be(by, span):
    low, high = (max(span[0], -1), min(span[1], 1))
    table = pd.DataFrame({"run": "a", "data": "mine", "rule": "bpa", "status": "finished", "seed": range(5)})
    for values in ([low, low, low, low, high], [low, high, high, high, high]):
        made = best(table.assign(**{by: np.array(values, float)}), by).iloc[0]
        half = 2.776445105197793 * np.std(values, ddof=1) / np.sqrt(5)  # of t, four degrees of freedom
        wanted = np.clip([made["mean"] - half, made["mean"] + half], *span)
        np.testing.assert_allclose([made["low"], made["high"]], wanted, atol=1e-12)


def test_the_soonest_to_stop_is_not_the_one_that_diverged_before(tmp_path, in_this_process):
    settings = {"rate": [0.05, 0.1, 9.0], "hidden": [8], "stop_below": [0.2]}
    table = sweep(Grid(["backprop"], ["mcclelland2020"], settings=settings, epochs=900, seeds=2), tmp_path)
    assert list(table["status"]) == ["stopped"] * 4 + ["diverged"] * 2
    assert table["end_epoch"].idxmin() >= 4  # by the numbers alone it would be
    assert best(table, "end_epoch")[["rate", "n"]].values.tolist() == [[0.1, 2]]


# ---------------------------------------------------------------------------------------------- what is done stays done


def stamps(folder):
    """When each file of the runs was written, apart from the tables."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.json")}


def test_what_is_done_is_not_done_again_and_the_rest_is(tmp_path, in_this_process):
    one, two = (Grid(**SMALL, settings={"rate": rates}) for rates in ([0.1], [0.1, 0.2]))
    first = sweep(one, tmp_path)
    before = stamps(tmp_path)
    both = sweep(two, tmp_path)
    assert before.items() <= stamps(tmp_path).items() and len(both) == 2
    pd.testing.assert_frame_equal(both[:1], first, check_dtype=False)
    cell = one.cells[0]
    measured = tmp_path / f"{cell.name}.json"  # without it the run is trained, but not measured
    measured.unlink()
    del before[measured]
    pd.testing.assert_frame_equal(sweep(one, tmp_path), first)
    assert before.items() <= stamps(tmp_path).items()


@pytest.mark.parametrize("text", ["", '{"rows": [{"seed": 0, "sta', "[1]", "{}"])
def test_a_run_whose_measures_are_damaged_is_measured_again(tmp_path, in_this_process, text):
    grid = Grid(**SMALL)
    whole = sweep(grid, tmp_path)
    before = stamps(tmp_path)
    measured = tmp_path / f"{grid.cells[0].name}.json"
    measured.write_text(text)
    pd.testing.assert_frame_equal(sweep(grid, tmp_path), whole, check_exact=True)
    assert json.loads(measured.read_text())["rows"][0]["status"] == "finished"
    assert {path for path, stamp in stamps(tmp_path).items() if stamp != before[path]} == {measured}


def test_a_run_that_was_stopped_in_the_middle_goes_on_from_there(tmp_path, monkeypatch, in_this_process):
    from semantic_svd import training

    grid = Grid(**SMALL | {"epochs": 3000, "every": 1})
    (cell,) = grid.cells
    whole = sweep(grid, tmp_path / "whole")

    def stop(rule, signals, memories, factor, steps=[0], step=training.step):  # noqa: B006
        steps[0] += 1
        if steps[0] == 1500:
            signal.raise_signal(signal.SIGINT)
        step(rule, signals, memories, factor)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training, "step", stop)
        (tmp_path / "half").mkdir()
        cell.train(tmp_path / "half" / f"{cell.name}.zarr")
    assert 1400 < Run.open(tmp_path / "half" / f"{cell.name}.zarr").data.sizes["epoch"] < 1600
    pd.testing.assert_frame_equal(sweep(grid, tmp_path / "half"), whole, check_exact=True)


def test_a_run_that_fails_has_a_row_stops_no_other_and_is_tried_again(tmp_path, in_this_process):
    grid = Grid(**SMALL, settings={"rate": [0.1, 0.2, 0.3]}, seeds=2)
    blocked = tmp_path / f"{grid.cells[1].name}.zarr"
    blocked.mkdir()
    table = sweep(grid, tmp_path)
    assert list(table["status"]) == ["finished"] * 2 + ["failed"] * 2 + ["finished"] * 2
    said = f"{blocked} is there already and is not a run; name another place"
    assert list(table["error"].dropna()) == [said, said] and table["loss"].isna().sum() == 2
    assert best(table)["rate"].item() != 0.2
    blocked.rmdir()
    assert set(sweep(grid, tmp_path)["status"]) == {"finished"}


def test_what_a_run_gave_and_could_not_be_written_is_a_row_and_stops_no_other(tmp_path, in_this_process):
    grid = Grid(**SMALL, settings={"rate": [0.1, 0.2, 0.3]}, seeds=1)
    (tmp_path / f"{grid.cells[1].name}.json").mkdir()
    table = sweep(grid, tmp_path)
    assert list(table["status"]) == ["finished", "failed", "finished"]
    assert "Is a directory" in table["error"].dropna().item()


def test_seeds_that_diverge_are_a_result_without_measures(tmp_path, in_this_process):
    grid = Grid(
        ["backprop"], ["mcclelland2020"], settings={"rate": [0.1, 9.0], "hidden": [8]}, epochs=60, seeds=2
    )
    table = sweep(grid, tmp_path)
    assert list(table["status"]) == ["finished"] * 2 + ["diverged"] * 2
    assert table["loss"].isna().tolist() == [False, False, True, True] and (table["end_epoch"][2:] < 60).all()
    before = stamps(tmp_path)
    pd.testing.assert_frame_equal(sweep(grid, tmp_path), table)
    assert stamps(tmp_path) == before


def test_another_run_in_the_place_of_one_is_not_taken_for_it(tmp_path, in_this_process):
    (cell,) = (grid := Grid(**SMALL)).cells
    place, lesson = tmp_path / f"{cell.name}.zarr", cell.lesson()
    train("bpa", lesson.network, lesson.x, epochs=7, out=place)
    (row,) = sweep(grid, tmp_path).to_dict("records")
    said = f"{place} is another run, so it can't be resumed: its epochs are 7, not 20"
    assert (row["status"], row["error"]) == ("failed", said)


def test_rules_of_ones_own_are_swept_by_their_names(tmp_path, in_this_process):
    grid = Grid({"mine": Rule(hidden=Oja() + 0.1 * Hebb())}, ["saxe2019_toy"], epochs=5)
    assert list(sweep(grid, tmp_path)["rule"]) == ["mine"]


# ------------------------------------------------------------------------------------------------------------- workers


DYING = """
import os, signal
def square(piece):
    folder, number, deaths = piece
    traces = len(list(folder.glob(f"{number}-*")))
    (folder / f"{number}-{traces}").touch()
    if traces < deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2
"""


@UNIX
def test_a_worker_that_dies_costs_only_what_it_was_at(tmp_path, monkeypatch):
    (tmp_path / "dying.py").write_text(DYING)
    monkeypatch.syspath_prepend(tmp_path)
    from dying import square

    deaths = [0, 1, 0, 99, *[0] * 6]
    pieces = [(tmp_path, number, times) for number, times in enumerate(deaths)]
    yielded = [(number, outcome) for (_, number, _), outcome in on_cores(square, pieces)]
    outcomes = dict(yielded)
    assert len(yielded) == len(pieces)  # each once, however often its worker died
    assert str(outcomes.pop(3)) == "its worker died 3 times"
    assert outcomes == {n: n**2 for n in range(10) if n != 3}
    assert [len(list(tmp_path.glob(f"{n}-*"))) for n in range(10)] == [1, 2, 1, 3, 1, 1, 1, 1, 1, 1]


def test_a_run_whose_worker_dies_again_and_again_is_a_row(tmp_path, monkeypatch):
    grid = Grid(**SMALL)
    monkeypatch.setattr(
        sweeps, "on_cores", lambda work, cells: ((cell, Died("its worker died 3 times")) for cell in cells)
    )
    table = sweep(grid, tmp_path)
    assert (table["status"][0], table["error"][0]) == ("failed", "its worker died 3 times")


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grid")
    (folder / "four.csv").write_text("item,a,b,c\nw,1,1,0\nx,1,0,0\ny,0,0,2\nz,0,1,2\n")
    (folder / "grid.toml").write_text(GRID)
    found = read_grid(folder / "grid.toml")
    assert len(found.cells) == 64
    return found


@pytest.fixture(scope="module")
def local(grid, tmp_path_factory):
    return sweep(grid, tmp_path_factory.mktemp("local"))


@contextmanager
def processes_of_a_cluster(folder, n_workers):
    """A scheduler and workers, each a process: its address, and the processes, the scheduler's first."""
    pytest.importorskip("distributed")
    said = folder / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    where = ["--scheduler-file", str(said)]
    words = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show"]
    started = [subprocess.Popen([*dask, "scheduler", *where, *words], **quiet)]
    one = [*dask, "worker", *where, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    started += [subprocess.Popen(one, **quiet) for _ in range(n_workers)]
    try:
        assert wait_until(said.exists)
        yield json.loads(said.read_text())["address"], started
    finally:
        for process in started:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with processes_of_a_cluster(tmp_path_factory.mktemp("cluster"), 2) as (address, (_, *both)):
        yield address, both


@UNIX
def test_64_runs_have_the_same_table_on_a_cluster_to_the_last_digit(grid, local, cluster, tmp_path):
    address, _ = cluster
    table = sweep(grid, tmp_path / "results", scheduler=address)
    pd.testing.assert_frame_equal(table, local, check_exact=True)
    assert len(table) == 128 and set(table["status"]) == {"finished"}


@UNIX
def test_a_worker_of_a_cluster_is_killed_in_the_middle_and_the_table_is_complete(
    grid, local, cluster, tmp_path
):
    address, (first, second) = cluster
    code = "import sys; from semantic_svd.sweeps import sweep; sweep(sys.argv[1], sys.argv[2], scheduler=sys.argv[3])"
    folder, source = tmp_path / "results", tmp_path / "grid.toml"
    source.write_text(GRID.replace("four.csv", str(four_of(grid, tmp_path))))
    command = subprocess.Popen([sys.executable, "-c", code, source, folder, address])
    assert wait_until(lambda: len(list(folder.glob("*.json"))) >= 8)
    first.send_signal(signal.SIGKILL)
    first.wait()
    done = len(list(folder.glob("*.json")))
    assert command.wait(120) == 0 and second.poll() is None and 8 <= done < 60
    table = sweep(source, folder)  # all is done: this only reads
    pd.testing.assert_frame_equal(table, local, check_exact=True)


def four_of(grid, folder):
    path = folder / "four.csv"
    items = grid.cells[-1].data
    pd.DataFrame(items.values, items.items, items.properties).rename_axis("item").to_csv(path)
    return path


@UNIX
def test_what_kills_workers_of_a_cluster_again_and_again_is_given_up(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    (tmp_path / "deadly.py").write_text(DYING)
    monkeypatch.syspath_prepend(tmp_path)
    from deadly import square

    once = {"distributed.scheduler.allowed-failures": 0}
    local = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": 50}
    with dask.config.set(once), distributed.LocalCluster(**local) as cluster:
        (found,) = on_cluster(square, [(tmp_path, 7, 99)], cluster.scheduler_address)
    assert isinstance(found[1], Died) and str(found[1]) == "its workers died, one after the other"


@UNIX
def test_a_scheduler_that_is_lost_is_one_line_and_the_same_command_goes_on(tmp_path):
    (tmp_path / "grid.toml").write_text(GRID.replace(', "four.csv"', ""))
    command = [sys.executable, "-m", "semantic_svd", "sweep", "grid.toml"]
    how = {"cwd": tmp_path, "stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL, "text": True}
    with processes_of_a_cluster(tmp_path, 1) as (address, (scheduler, _)):
        on_it = subprocess.Popen([*command, "--scheduler", address], **how)
        assert wait_until(lambda: len(list((tmp_path / "results").glob("*.json"))) >= 2)
        scheduler.kill()
        _, said = on_it.communicate(timeout=60)
    failed = pd.read_csv(tmp_path / "results" / "results.csv").query("status == 'failed'")["run"].nunique()
    line = f"{failed} runs failed (results/results.csv); the first: its scheduler was lost"
    assert (on_it.returncode, said) == (2, f"semantic-svd: {line}\n") and 0 < failed <= 30
    assert subprocess.run(command, **how).returncode == 0
    assert set(pd.read_csv(tmp_path / "results" / "results.csv")["status"]) == {"finished"}


@UNIX
def test_a_cluster_that_does_not_answer_or_has_no_workers_is_one_line(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    grid = Grid(**SMALL)
    for nowhere in ("nonsense", "", 3):  # an address that is empty asks for no cores of this machine either
        line = refused(sweep, grid, tmp_path, scheduler=nowhere)
        assert line.startswith(f"no Dask scheduler answers at {nowhere}: ")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(workers, "PATIENCE", 0.1)
    with distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as empty:
        address = empty.scheduler_address
        line = refused(sweep, grid, tmp_path, scheduler=address)
    assert line == f"the scheduler at {address} has no workers"
    monkeypatch.setitem(sys.modules, "distributed", None)
    line = refused(sweep, grid, tmp_path, scheduler=address)
    assert line == "a scheduler needs distributed: pip install 'semantic-svd[cluster]'"


# ------------------------------------------------------------------------------------------------------------- command


def test_the_command_sweeps_and_says_which_setting_was_best(tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    Path("grid.toml").write_text(
        "[sweep]\nrules = ['bpa', 'backprop']\nitems = 'saxe2019_toy'\nepochs = 50\nseeds = 2\n"
        "[settings]\nrate = [0.05, 0.1]"
    )
    assert main(["sweep", "grid.toml"]) == 0
    out, err = capfd.readouterr()
    table = pd.read_csv("results/results.csv")
    losses = [table[table["run"] == run]["loss"].mean() for run in best(table)["run"]]
    first, second, *_, bpa, backprop, last = out.splitlines()
    assert re.fullmatch(r"results will take [\d.]+ kB", first) and err == ""
    assert second == "results: 4 runs of 2 seeds; of all seeds 8 finished"
    for line, rule, loss in zip((bpa, backprop), ("bpa", "backprop"), losses, strict=True):
        assert line.split()[:6] == ["saxe2019_toy", rule, "0.1", "loss", f"{loss:.4g}", line.split()[5]]
    assert last.startswith("Means over 2 seeds; in brackets ")
    assert {Run.open(path).data.attrs["blas_threads"] for path in Path("results").glob("*.zarr")} == {1}
    assert main(["sweep", "grid.toml"]) == 0
    assert capfd.readouterr().out.splitlines() == out.splitlines()[1:]  # nothing is left to take space
    Path("grid.toml").write_text(
        "[sweep]\nrules = ['bpa']\nitems = 'saxe2019_toy'\nepochs = 50\n[settings]\nstop_below = [0.1]"
    )
    assert main(["sweep", "grid.toml", "-o", "stopped"]) == 0
    assert re.match(r"stopped will take at most [\d.]+ kB\n", capfd.readouterr().out)


def test_a_folder_that_cannot_take_a_sweep_is_refused_before_it_is_said_to(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("grid.toml").write_text("[sweep]\nrules = ['bpa']\nitems = 'saxe2019_toy'\nepochs = 5")
    Path("file").touch()
    Path("run.zarr").mkdir()
    Path("run.zarr/zarr.json").touch()
    taken = f"cannot write to the folder {tmp_path / 'file'}: File exists; name one that can be written to"
    is_a_run = "run.zarr is a run; name a folder of its own for a sweep"
    for folder, line in (("file", taken), ("run.zarr", is_a_run)):
        assert commands.refused(capsys, "sweep grid.toml -o", folder) == line
    Path("grid.toml").write_text("[sweep]\nrules = ['bpa']\nitems = 'saxe2019_toy'\nrecord = 'all'")
    line = f"grid.toml: bpa on saxe2019_toy: no record 'all'; there are {', '.join(RECORDS)}"
    assert commands.refused(capsys, "sweep grid.toml -o new") == line


def test_the_command_says_which_rules_have_no_best_setting_as_all_diverged(
    tmp_path, capsys, monkeypatch, in_this_process
):
    monkeypatch.chdir(tmp_path)
    Path("large.csv").write_text("item,a,b\nx,1e4,0\ny,0,1e4\n")
    Path("grid.toml").write_text(
        "[sweep]\nrules = ['bpa', 'backprop']\nitems = ['large.csv', 'saxe2019_toy']\nepochs = 90\n"
        "[settings]\nrate = [0.1, 0.2]"
    )
    assert main(["sweep", "grid.toml"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[1] == "results: 8 runs of 1 seed; of all seeds 4 diverged, 4 finished"
    assert err == "semantic-svd: no seed survived: bpa on large, backprop on large\n"
    assert " large " not in out


@pytest.mark.parametrize(
    ("grid", "line"),
    [
        (
            "rules = ['krotov_hopfield', 'bpa']\nimages = 'digits'\nepochs = 1\n[settings]\nhidden = 8",
            "no loss, and so no best setting, as nothing is taught: krotov_hopfield; "
            "a classifier: semantic-svd readout RUN --images NAME",
        ),
        (
            "rules = 'krotov_hopfield'\nitems = 'saxe2019_toy'\nepochs = 1\n[settings]\nhidden = 8",
            "no loss, and so no best setting, as nothing is taught: krotov_hopfield",
        ),
        ("rules = 'bpa'\nitems = 'saxe2019_toy'\nepochs = 1", "One seed."),
    ],
)
def test_the_command_says_which_rules_have_no_best_setting_as_they_have_no_loss(
    tmp_path, capsys, monkeypatch, in_this_process, grid, line
):
    monkeypatch.chdir(tmp_path)
    Path("grid.toml").write_text(f"[sweep]\n{grid}")
    assert main(["sweep", "grid.toml"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == line


def test_modes_and_tree_of_an_output_that_is_not_taught_are_in_no_table(tmp_path, in_this_process):
    network, items = Network((34, 8, 34), biases=False), load_items("mcclelland2020")
    untaught = measures(train("krotov_hopfield", network, items, epochs=3, seeds=2))
    assert list(untaught) == ["seed", "status", "end_epoch"]
    table = sweep(Grid(["krotov_hopfield", "bpa"], ["mcclelland2020"], epochs=3), tmp_path, progress=False)
    assert table["agreement"].notna().tolist() == [False, True]


def test_the_command_says_what_failed_and_tries_it_again(tmp_path, capsys, monkeypatch, in_this_process):
    monkeypatch.chdir(tmp_path)
    Path("grid.toml").write_text(
        "[sweep]\nrules = ['bpa']\nitems = 'saxe2019_toy'\nepochs = 5\n[settings]\nrate = [0.1, 0.2]"
    )
    first, second = (f"{cell.name}.zarr" for cell in read_grid("grid.toml").cells)
    Path("results", first).mkdir(parents=True)
    assert main(["sweep", "grid.toml"]) == 2
    said = f"{Path('results', first).resolve()} is there already and is not a run; name another place"
    out, err = capsys.readouterr()
    assert err == f"semantic-svd: 1 run failed (results/results.csv); the first: {said}\n"
    assert out.splitlines()[1] == "results: 2 runs of 1 seed; of all seeds 1 failed, 1 finished"
    shutil.rmtree(Path("results", first))
    assert main(["sweep", "grid.toml"]) == 0
    capsys.readouterr()
    Path("again", first).mkdir(parents=True)
    Path("again", second).mkdir()
    assert main(["sweep", "grid.toml", "-o", "again"]) == 2
    said = said.replace("/results/", "/again/")
    assert capsys.readouterr().err == f"semantic-svd: every run of grid.toml failed; the first: {said}\n"


def test_a_run_that_was_finished_while_ctrl_c_was_on_its_way_is_in_the_table(tmp_path, monkeypatch):
    def unseen(work, cells):
        work(cells[0])
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(sweeps, "on_cores", unseen)
    monkeypatch.setattr(sweeps, "threadpool_limits", lambda *limits: None)
    with pytest.raises(KeyboardInterrupt):
        sweep(Grid(**SMALL | {"settings": {"rate": [0.05, 0.1]}}), tmp_path)
    assert list(pd.read_csv(tmp_path / "results.csv")["rate"]) == [0.05]


@UNIX
def test_every_worker_leaves_ctrl_c_to_the_process_that_started_it():
    code = """
from functools import partial
from signal import SIG_BLOCK, SIGINT, pthread_sigmask
from semantic_svd.sweeps.workers import on_cores
print([held for _, held in on_cores(partial(pthread_sigmask, SIG_BLOCK), [[], [], []])] == [{SIGINT}] * 3)
"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "True\n"


@UNIX
def test_ctrl_c_ends_in_one_line_and_the_same_command_goes_on(tmp_path):
    (tmp_path / "grid.toml").write_text(
        "[sweep]\nrules = ['bpa']\nitems = 'saxe2019_toy'\nepochs = 300000\nevery = 'log'\n"
        "[settings]\nstop_below = [1e-3, 1e-9]\nrate = [0.1, 1e-9]"
    )
    words = [sys.executable, "-m", "semantic_svd", "sweep", "grid.toml"]
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    how |= {"cwd": tmp_path, "start_new_session": True}
    early = subprocess.Popen(words, **how)
    early.stdout.readline()
    time.sleep(0.5)  # workers are starting
    os.killpg(early.pid, signal.SIGINT)  # as a terminal does: to all its processes
    line = "interrupted; 0 of 4 runs are done and kept in results, the same command goes on"
    assert (early.communicate(timeout=60)[1], early.returncode) == (f"semantic-svd: {line}\n", 130)
    command = subprocess.Popen(words, **how)
    finished = tmp_path / "results"
    assert wait_until(lambda: len(list(finished.glob("*.json"))) >= 1)
    os.killpg(command.pid, signal.SIGINT)
    _, err = command.communicate(timeout=60)
    done = len(list(finished.glob("*.json")))
    line = f"interrupted; {done} of 4 runs are done and kept in results, the same command goes on"
    assert (command.returncode, err) == (130, f"semantic-svd: {line}\n")
    assert len(pd.read_csv(finished / "results.csv")) == done >= 1
    with pytest.raises(ProcessLookupError):  # nobody is left behind
        for _ in range(100):
            os.killpg(command.pid, 0)
            time.sleep(0.05)


@UNIX
@pytest.mark.parametrize("how_it_ends", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_a_sweep_that_is_killed(tmp_path, how_it_ends):
    long = "[sweep]\nrules = 'bpa'\nitems = 'saxe2019_toy'\nepochs = 100000000\nevery = 'log'\n"
    (tmp_path / "grid.toml").write_text(long)
    words = [sys.executable, "-m", "semantic_svd", "sweep", "grid.toml"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    command = subprocess.Popen(words, start_new_session=True, **quiet)
    assert wait_until(lambda: list((tmp_path / "results").glob("*.zarr")))
    command.send_signal(how_it_ends)
    command.wait()
    with pytest.raises(ProcessLookupError):  # nobody is left behind
        for _ in range(200):
            os.killpg(command.pid, 0)
            time.sleep(0.05)
        os.killpg(command.pid, signal.SIGKILL)
