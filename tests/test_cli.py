"""The command: what a user types, what comes back, and that nothing is left half done."""

import csv
import os
import re
import shlex
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import xarray as xr
from commands import delivered, refused, said
from matplotlib.legend import Legend
from typer.main import get_command

from semantic_svd import DATASETS, RULES, Network, Run, load_items
from semantic_svd import train as train_in_memory
from semantic_svd.alignment import compare
from semantic_svd.cli import main
from semantic_svd.cli.commands import app
from semantic_svd.cli.options import run_names
from semantic_svd.cli.pictures import verdict_cells
from semantic_svd.cli.reference import STEPS
from semantic_svd.cli.terminal import show
from semantic_svd.plots import strength_lines
from semantic_svd.records import RECORDS

COMMAND = [sys.executable, "-m", "semantic_svd"]
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
COMMANDS = ", ".join(get_command(app).commands)
ITEMS = load_items("mcclelland2020")
SQUARES = [23, 21, 7, 5, 3, 3, 1, 1]  # of the singular values of the 8 x 34 data


@pytest.fixture(scope="module")
def bpa(tmp_path_factory):
    """Five seeds of BPA on the eight items, trained to the end by the command."""
    path = tmp_path_factory.mktemp("runs") / "bpa.zarr"
    words = "train --items mcclelland2020 --rule bpa --seeds 5 --epochs 1500 -o"
    assert main([*words.split(), str(path)]) == 0
    return path


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files():
    """Name what is in the folder, hidden files as well."""
    return sorted(path.name for path in Path().iterdir())


# ------------------------------------------------------------------------------------------------------------- train


def test_a_run_of_the_command_is_the_run_of_the_library(bpa):
    run = train_in_memory("bpa", Network((34, 8, 34), biases=False), ITEMS, epochs=1500, seeds=5)
    opened = Run.open(bpa)
    xr.testing.assert_equal(opened.data["W1"].compute(), run.data["W1"])
    assert opened.rule == run.rule and opened.data.attrs["data_hash"] == run.data.attrs["data_hash"]


def test_training_says_what_was_trained_and_how_it_ended(here, capsys):
    words = (
        "train --items mcclelland2020 --rule backprop --seeds 2 --epochs 3000 --stop-below 0.01 -o run.zarr"
    )
    code, out, err = said(capsys, words)
    ends = Run.open("run.zarr").data["end_epoch"].values
    size, first, second = out.splitlines()
    assert size == "run.zarr will take at most 31.6 MB"  # 2 seeds x 3,001 epochs x 659 numbers x 8 bytes
    assert first == "run.zarr: backprop on mcclelland2020, 34-8-8-34 linear, rate 0.1"
    ended = f"2 stopped at epoch {ends.min()} to {ends.max()}"
    assert second.startswith(f"2 seeds, {ends.max() + 1} snapshots each: {ended}, loss 0.00")
    assert (code, err) == (0, "")


@pytest.mark.parametrize(
    ("words", "sizes"),
    [
        ("--hidden 5", (34, 5, 34)),
        ("--hidden 5 6 7 --seeds 1", (34, 5, 6, 7, 34)),
        ("--hidden=5 6", (34, 5, 6, 34)),
        ("--hidden 5 --hidden 6", (34, 5, 6, 34)),
        ("", (34, 8, 8, 34)),
        ("--rule bpa", (34, 8, 34)),
        ("--rule hebbnet", (34, 8, 34)),
        ("--localist --hidden 4", (8, 4, 34)),
    ],
)
def test_hidden_layers_are_given_in_a_row(here, words, sizes):
    assert (
        main(["train", "--items", "mcclelland2020", *words.split(), "--epochs", "1", "-o", "run.zarr"]) == 0
    )
    assert Run.open("run.zarr").network.sizes == sizes


@pytest.mark.parametrize(
    ("words", "biases"),
    [
        ("--rule bpa", False),
        ("--rule bpa_sanger", False),
        ("--rule hebbnet", True),
        ("--rule bpa --biases", True),
        ("", True),
        ("--no-biases", False),
    ],
)
def test_a_rule_that_teaches_no_bias_goes_without(here, words, biases):
    assert main(["train", "--items", "saxe2019_toy", *words.split(), "--epochs", "1", "-o", "run.zarr"]) == 0
    assert Run.open("run.zarr").network.biases is biases


def test_every_setting_arrives_in_the_run(here):
    words = (
        "train --items saxe2019_toy --rule bpa --hidden 3 --activation tanh --output-activation sigmoid --epochs 30 "
        "--seeds 2 --rate 0.01 0.02 0.03 --batch-size 2 --every log --record weights responses -o run.zarr"
    )
    assert main(words.split()) == 0
    run = Run.open("run.zarr")
    assert (run.network.hidden, run.network.output) == ("tanh", "sigmoid")
    assert run.data["epoch"].values.tolist() == [*range(12), 13, 14, 16, 18, 20, 22, 25, 28, 30]
    assert {"W1", "W2", "response"} <= set(run.data)
    assert "rate=(0.01, 0.02, 0.03)" in run.rule
    assert run.data.attrs["batch_size"] == 2
    assert run.data["seed"].values.tolist() == [0, 1]


def test_a_users_own_items_are_learned(here, capsys):
    Path("my.csv").write_text("item,sings,swims,flies\ncanary,1,0,1\nsalmon,0,1,0\npenguin,0,1,0.5\n")
    assert said(capsys, "train --items my.csv --rule bpa --epochs 3000 --seeds 2 -o run.zarr")[0] == 0
    learned = Run.open("run.zarr").final().response()
    np.testing.assert_allclose(learned.sel(seed=1), load_items("my.csv").values, atol=1e-3)
    code, out, _ = said(capsys, "modes", "run.zarr")
    assert code == 0 and "3-3-3 linear" in out


def test_runs_that_differ_in_their_output_alone_are_told_apart(here, capsys, monkeypatch):
    abouts = {"linear": "34-8-34 linear", "tanh": "34-8-34 linear, tanh output"}
    words = "train --items mcclelland2020 --rule backprop --hidden 8 --epochs 5 --output-activation"
    for output, about in abouts.items():
        assert f"mcclelland2020, {about}, rate" in said(capsys, f"{words} {output} -o {output}.zarr")[1]
        assert said(capsys, f"modes {output}.zarr")[1].startswith(f"{output}.zarr: {about}, response")
        assert captions(monkeypatch, "align", f"{output}.zarr")[0].startswith(f"{output}.zarr: {about}, resp")
    heads = said(capsys, "compare linear.zarr tanh.zarr")[1].splitlines()
    assert [head.partition(", 1 finished")[0] for head in heads[:2]] == [
        "linear: 34-8-34 linear",
        "tanh: 34-8-34 linear, tanh output",
    ]


def test_diverged_seeds_are_named_and_the_others_go_on(here, capsys):
    words = "train --items mcclelland2020 --rule backprop --rate 0.35 --seeds 20 --epochs 300 -o run.zarr"
    code, out, err = said(capsys, words)
    run = Run.open("run.zarr")
    diverged = np.flatnonzero(run.data["status"] == "diverged")
    assert code == 0 and 0 < len(diverged) < 20
    assert f"{len(diverged)} diverged at epoch" in out
    for seed in diverged:
        assert re.search(
            rf"^semantic-svd: seed {seed} left the finite numbers in layer \d at epoch \d+", err, re.M
        )
        kept = run.data["W1"].sel(seed=seed, epoch=slice(None, int(run.data["end_epoch"][seed])))
        assert np.isfinite(kept).all()
    code, out, err = said(capsys, "modes", "run.zarr")
    assert f"{20 - len(diverged)} seeds, as each seed ended" in out
    assert (
        err
        == f"semantic-svd: left out: seed {', '.join(map(str, diverged))}, diverged (modes --seed looks at it)\n"
    )


@pytest.mark.parametrize(("rate", "at_least", "at_most"), [(0.1, 0, 0), (1.8, 1, 5), (3, 6, 6)])
def test_seeds_whose_loss_ends_above_where_it_began_are_named(here, capsys, rate, at_least, at_most):
    bounded = "--activation tanh --output-activation tanh --hidden 8"
    words = f"train --items mcclelland2020 --rule backprop {bounded} --rate {rate} --epochs 100 --seeds 6"
    code, out, err = said(capsys, f"{words} -o run.zarr")
    loss = Run.open("run.zarr").data["loss"].values
    risen = np.flatnonzero(loss[:, -1] > loss[:, 0])
    assert code == 0 and "6 finished at epoch 100" in out and at_least <= len(risen) <= at_most
    line = f"the loss of seed {', '.join(map(str, risen))} is higher than at the start"
    assert line in err if len(risen) else not err


def test_when_no_seed_survives_the_error_says_where(here, capsys):
    code, out, err = said(capsys, "train --items mcclelland2020 --rule bpa --rate 3 --seeds 3 -o run.zarr")
    assert (code, out) == (2, "run.zarr will take 26.2 MB\n")
    assert re.fullmatch(
        r"semantic-svd: no seed survived at rate 3.0: seed \d left the finite numbers in layer \d at epoch \d+; "
        r"its last good snapshot is of epoch \d+; what it was before is kept in run.zarr; "
        r"a lower rate \(0\.14\) or fewer epochs may hold\n",
        err,
    )


def test_what_looks_at_a_diverged_seed_is_said_in_every_command(here, capsys):
    said(capsys, "train --items mcclelland2020 --rule bpa --rate 3 -o run.zarr")
    for command in ("explore", "modes", "dendrogram"):  # explore takes no --seed
        line = "every seed of run.zarr diverged; modes --seed looks at one, as it was before"
        assert refused(capsys, f"{command} run.zarr") == line
    assert said(capsys, "modes run.zarr --seed 0")[0] == 0


def test_the_rate_that_is_named_where_no_seed_survives_is_one_that_holds(here, capsys):
    norms = 4 * np.random.default_rng(0).random((12, 20))  # properties on a scale of 0 to 4
    pd.DataFrame(norms, [f"item {i}" for i in range(12)]).to_csv("norms.csv")
    words = "train --items norms.csv --seeds 3 --epochs 500"
    err = said(capsys, f"{words} -o run.zarr")[2]
    named = re.search(r"a lower rate \((\S+)\) or fewer epochs may hold\n$", err)
    code, out, _ = said(capsys, f"{words} -o lower.zarr --rate", named[1])
    assert code == 0 and "3 finished at epoch 500" in out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--resume", "run.zarr is another run, so it can't be resumed: its epochs are 3, not 2000"),
        ("--batch-size 0", "batch_size is a whole number from 1, not 0"),
        ("--stop-below -1", "stop_below is a finite loss of 0 or more, not -1.0"),
    ],
)
def test_what_is_refused_is_not_first_said_to_take_space(here, capsys, words, line):
    assert said(capsys, "train --items saxe2019_toy --epochs 3 -o run.zarr")[0] == 0
    assert refused(capsys, "train --items saxe2019_toy -o run.zarr", words) == line


def test_a_finished_run_that_is_resumed_takes_no_more(here, capsys):
    words = "train --items saxe2019_toy --epochs 3 -o run.zarr"
    first, again = said(capsys, words)[1].splitlines(), said(capsys, words, "--resume")[1].splitlines()
    assert first[0] == "run.zarr will take 2.82 kB"  # 4 snapshots x (87 weights and biases, a loss) x 8 bytes
    assert again == first[1:]


# ------------------------------------------------------------------------------------------ modes, align, dendrogram


def test_the_modes_of_what_bpa_has_learned_are_the_datas(bpa, here, capsys):
    code, out, err = said(capsys, "modes", bpa, "--csv", "modes.csv")
    table = pd.read_csv("modes.csv")
    assert (code, err) == (0, "")
    assert len(table) == 5 * 8
    for name in ("reference", "strength", "singular_value"):
        by_mode = table.groupby("mode")[name].mean()
        np.testing.assert_allclose(by_mode, np.sqrt(SQUARES), atol=1e-4)
    assert table.groupby("mode")["block"].first().tolist() == ["1", "2", "3", "4", "5-6", "5-6", "7-8", "7-8"]
    assert re.search(r"^1 +1 +4\.796 +4\.796 \[4\.796, 4\.796\] +4\.796 +\d", out, re.M)
    assert "Means over 5 seeds; in brackets 95 % t intervals, under 5 seeds their range." in out


def test_a_csv_keeps_every_digit(bpa, here):
    main(["modes", str(bpa), "--seed", "2", "--csv", "modes.csv"])
    with Path("modes.csv").open() as file:
        found = [float(row["singular_value"]) for row in csv.DictReader(file)]
    response = Run.open(bpa).final().response().sel(seed=2)
    np.testing.assert_array_equal(found, np.linalg.svd(response.values.T, compute_uv=False))


def test_modes_of_an_epoch_are_those_of_its_response(bpa, here):
    main(["modes", str(bpa), "--epoch", "7", "--csv", "modes.csv"])
    found = pd.read_csv("modes.csv").pivot(index="seed", columns="mode", values="singular_value")
    response = Run.open(bpa).response().sel(epoch=7).values
    np.testing.assert_allclose(found, np.linalg.svd(response, compute_uv=False), atol=1e-12)


def test_the_half_learned_epoch_is_where_the_strength_passes_half(bpa, here):
    main(["modes", str(bpa), "--seed", "0", "--csv", "modes.csv"])
    half = pd.read_csv("modes.csv").set_index("mode").loc[1, "half_learned"]
    U, s, Vt = np.linalg.svd(ITEMS.values)
    strength = np.einsum("i,eip,p->e", U[:, 0], Run.open(bpa).response().sel(seed=0).values, Vt[0])
    assert half == np.flatnonzero(strength < s[0] / 2)[-1] + 1


def test_modes_of_a_hidden_layer_have_no_data_to_project_on(bpa, here, capsys):
    out = said(capsys, "modes", bpa, "--layer 1 --csv modes.csv")[1]
    # of brackets that are not there, nothing
    assert "[" not in out and out.endswith("\nMeans over 5 seeds.\n")
    table = pd.read_csv("modes.csv")
    assert list(table) == ["seed", "mode", "block", "singular_value", "share"]
    np.testing.assert_allclose(table.groupby("seed")["share"].sum(), 1)


def test_modes_of_a_users_csv(here, capsys):
    Path("my.csv").write_text("item,a,b\nx,3,0\ny,0,4\n")
    code, out, _ = said(capsys, "modes", "my.csv", "--csv", "modes.csv", "--plot", "modes.svg")
    assert code == 0 and out.startswith("my: 2 items x 2 properties\n")
    assert pd.read_csv("modes.csv")["singular_value"].tolist() == [4, 3]
    assert Path("modes.svg").read_text().startswith("<?xml")


def test_a_mode_at_rounding_level_is_null_and_has_no_strength_and_no_epoch(here, capsys):
    rows = "canary,1,0,1,0,1", "robin,1,0,1,1,0", "oak,0,1,0,1,0", "rose,0,1,0,0,1", "moss,0,1,0,0,0"
    Path("my.csv").write_text("\n".join(["item,a,b,c,d,e", *rows]))  # two columns are equal, so its rank is 4
    assert re.search(r"^5 +null +\S+e-\d\d +\S+e-\d\d *$", said(capsys, "modes my.csv")[1], re.M)
    said(capsys, "train --items my.csv --rule bpa --hidden 4 --seeds 3 --epochs 100 -o run.zarr")
    out = said(capsys, "modes run.zarr --csv modes.csv")[1]
    assert re.search(r"^5 +null +\S+e-\d\d +\S+e-\d\d *$", out, re.M)  # the data's, and the response's own
    said(capsys, "align run.zarr --csv comparison.csv")
    table, compared = (
        pd.read_csv(f"{name}.csv", keep_default_na=False, na_values="").set_index("mode")
        for name in ("modes", "comparison")
    )
    assert table.loc[5, ["strength", "half_learned"]].isna().all(axis=None)
    assert table.query("mode < 5")["strength"].notna().all()
    assert table["block"].tolist() == compared["block"].tolist() == ["1", "2", "3", "4", "null"] * 3


@pytest.mark.parametrize(("cell", "share"), [(0, "undefined"), (1e300, "0.5")])  # its square has no number
def test_a_share_is_undefined_where_there_is_nothing_to_share(here, capsys, cell, share):
    Path("my.csv").write_text(f"item,a,b\nx,{cell},0\ny,0,{cell}\n")
    code, out, _ = said(capsys, "modes my.csv")
    assert code == 0 and re.search(rf"^1 +\S+ +{re.escape(f'{cell:g}')} +{share} *$", out, re.M)


def test_values_of_which_no_number_is_the_double_are_not_drawn(here, capsys):
    Path("my.csv").write_text("item,a,b\nx,1e308,0\ny,0,1e308\n")
    line = "items: values up to 1e+308 are too large to be drawn"
    assert refused(capsys, "modes my.csv --plot a.png") == line and files() == ["my.csv"]


def test_alignment_finds_every_mode_of_the_data_in_bpa(bpa, here, capsys):
    code, out, err = said(capsys, "align", bpa, "--csv", "comparison.csv")
    table = pd.read_csv("comparison.csv")
    assert (code, err) == (0, "")
    assert len(table) == 5 * 8 and (table["block_cosine"] > 0.999).all()
    assert "different" not in set(table["verdict"])
    assert re.search(r"^1 +1 +same up to sign 5 ", out, re.M)
    assert out.endswith("A flipped sign is the SVD's arbitrary choice, not a finding.\n")


def test_the_sign_of_a_mode_parts_no_seeds_in_a_picture():
    verdicts = ["same", "sign-flipped", "swapped", "sign-flipped", "sign-flipped"]
    table = compare(np.stack([ITEMS.values] * 5), ITEMS, null_draws=0).query("mode == 1")
    for seeds, drawn in ((5, "same up to sign 4 of 5 1.00"), (1, "same 1.00")):
        figure = verdict_cells(table.assign(verdict=verdicts)[:seeds], "a run", "the data")
        assert " ".join(figure.axes[0].texts[0].get_text().split()) == drawn


def test_a_hidden_layer_is_compared_with_the_items_side_of_the_data(bpa, here, capsys):
    code, out, err = said(capsys, "align", bpa, "--layer 1 --csv comparison.csv")
    assert (code, err) == (0, "")
    assert "layer 1, 5 seeds, as each seed ended, against the data, items' side\n" in out
    hidden = Run.open(bpa).final().hidden(1).sel(seed=3).values
    ours, theirs = (np.linalg.svd(side - side.mean(axis=0))[0] for side in (hidden, ITEMS.values))
    found = pd.read_csv("comparison.csv").query("seed == 3").set_index("mode")["cosine_U"].abs()
    for mode in (1, 2, 3):
        assert found[mode] == pytest.approx(abs(ours[:, mode - 1] @ theirs[:, mode - 1]), abs=1e-9)


def test_a_run_compared_with_itself_is_the_same(bpa, here):
    assert main(["align", str(bpa), "--to", str(bpa), "--csv", "comparison.csv"]) == 0
    assert set(pd.read_csv("comparison.csv")["verdict"]) == {"same"}


def test_an_untrained_network_has_other_modes(bpa, here):
    assert main(["align", str(bpa), "--epoch", "0", "--seed", "1", "--csv", "comparison.csv"]) == 0
    assert "different" in set(pd.read_csv("comparison.csv")["verdict"])


def test_the_tree_of_what_is_learned_becomes_the_datas(bpa, here, capsys):
    words = "--epoch 0 100 last --csv links.csv --agreement agreement.csv --plot trees.pdf"
    code, out, err = said(capsys, "dendrogram", bpa, words)
    agreement, links = pd.read_csv("agreement.csv"), pd.read_csv("links.csv")
    assert (code, err) == (0, "")
    assert links["tree"].value_counts().to_dict() == {"epoch 0": 7, "epoch 100": 7, "epoch last": 7}
    assert (links["seed"] == 0).all()
    last = links[links["tree"] == "epoch last"].set_index(["left_items", "right_items"])["size"]
    assert last["sparrow; hawk", "salmon; sunfish"] == 4 and last["rose", "daisy"] == 2
    assert last.index[-1] == ("sparrow; hawk; salmon; sunfish", "oak; maple; rose; daisy")
    by_epoch = agreement.groupby("epoch")["agreement"].mean()
    assert by_epoch[0] < 0.9 and by_epoch[1500] > 0.99
    assert re.search(r"^epoch last +sparrow hawk salmon sunfish oak maple rose daisy *$", out, re.M)
    assert Path("trees.pdf").read_bytes().startswith(b"%PDF")


def test_no_interval_of_a_correlation_passes_one(here, capsys):
    """Five trees nearly alike: by t alone their mean would reach over 1."""
    said(capsys, "train --items mcclelland2020 --rule bpa --seeds 5 --epochs 300 --every 100 -o run.zarr")
    out = said(capsys, "dendrogram run.zarr --agreement agreement.csv")[1]
    last = pd.read_csv("agreement.csv").query("epoch == 300")["agreement"]
    low, high = scipy.stats.t.interval(0.95, 4, last.mean(), scipy.stats.sem(last))
    assert high > 1 and re.search(rf"^300 +{last.mean():.4g} \[{low:.4g}, 1\] *$", out, re.M)


def test_the_leaves_of_a_tree_can_be_told_apart(here, capsys):
    Path("my.csv").write_text('item,a,b\npolar bear,0,0\n"grizzly\nbear",0,1\noak,5,0\n')
    assert "grizzly bear | polar bear | oak" in said(capsys, "dendrogram my.csv")[1]


def test_a_layer_that_dies_has_no_tree_from_then_on_and_not_its_last_one(here, capsys):
    run = train_in_memory("bpa", Network((34, 8, 34)), ITEMS, epochs=50, seeds=3)
    run.data["W1"][:, 20:] = 0  # a seed that ended says what it said last; these say the same of all items
    run.data["W2"][:, 20:] = 0
    run.save("dies.zarr")
    for layer in ("", "--layer 1"):
        out = said(capsys, "dendrogram dies.zarr --agreement a.csv", layer)[1]
        assert re.search(r"^20 +undefined *$", out, re.M) and re.search(r"^50 +undefined *$", out, re.M)
        table = pd.read_csv("a.csv")
        assert ((table["epoch"] >= 20) == table["agreement"].isna()).all()


def test_the_dendrogram_of_a_csv_needs_no_run(here, capsys):
    code, out, _ = said(capsys, "dendrogram", "mcclelland2020", "--csv", "links.csv")
    assert code == 0 and "sparrow hawk salmon sunfish oak maple rose daisy" in out
    links = pd.read_csv("links.csv")
    assert links["size"].tolist()[-1] == 8 and links["left_items"].tolist()[-1].startswith("sparrow; hawk; ")
    assert list(links) == ["tree", "left", "right", "distance", "size", "left_items", "right_items"]


def test_data_whose_tree_is_one_of_several_are_said_to_be(here, capsys, monkeypatch):
    note = "The data's tree is one of several: distances tie, and the order of the items decides which join; "
    pd.DataFrame(np.tri(6), [f"item {k}" for k in range(6)], list("abcdef")).to_csv("chain.csv")
    for name, items in (("chain", "chain.csv"), ("toy", "mcclelland2020")):
        main(f"train --items {items} --rule bpa --epochs 5 --hidden 4 -o {name}.zarr".split())
        capsys.readouterr()
        for words in (items, f"{name}.zarr", f"{name}.zarr --layer 1"):
            assert (note in said(capsys, "dendrogram", words)[1]) == (name == "chain")
            assert (note in captions(monkeypatch, "dendrogram", *words.split())[0]) == (name == "chain")
        assert note not in said(capsys, "dendrogram", f"{name}.zarr --method single")[1]


def captions(monkeypatch, *words):
    """Run a command that draws and return the caption of its figure, and the names in its key."""
    drawn = delivered(monkeypatch)
    assert main([*map(str, words), "--plot", "x.png"]) == 0
    keys = [text.get_text() for key in drawn[0].findobj(Legend) for text in key.get_texts()]
    return " ".join(drawn[0].get_supxlabel().split()), keys


@pytest.fixture
def strength_tables(monkeypatch):
    """The tables of strengths that the command draws; its files stay empty."""
    delivered(monkeypatch)
    tables = []
    monkeypatch.setattr(
        "semantic_svd.plots.strength_lines",
        lambda table, **options: tables.append(table) or strength_lines(table, **options),
    )
    return tables


def test_all_trees_are_of_the_one_seed_that_is_named(here, capsys, monkeypatch):
    words = "train --items mcclelland2020 --rule backprop --hidden 8 --no-biases --seeds 4 --epochs 2000"
    said(capsys, f"{words} --stop-below 0.5 -o run.zarr")
    assert Run.open("run.zarr").data["end_epoch"].values.tolist() == [57, 44, 46, 72]
    assert refused(capsys, "dendrogram run.zarr --epoch 0 72") == (
        "run.zarr: seed 0 had ended before epoch 72"  # and no tree of another seed stands there
    )
    for seeds, header in (("", "4 seeds; trees of seed 0"), ("--seed 0", "seed 0")):
        out = said(capsys, f"dendrogram run.zarr --epoch 0 57 --csv links{seeds[-1:]}.csv {seeds}")[1]
        assert out.startswith(f"run.zarr: 34-8-34 linear, response, {header}\n")
    assert Path("links.csv").read_bytes() == Path("links0.csv").read_bytes()
    caption, _ = captions(monkeypatch, "dendrogram", "run.zarr", "--epoch", "0", "57")
    assert "trees of seed 0. Colours" in caption
    for command in ("modes", "align"):
        assert "response, seed 3, epoch 72" in said(capsys, f"{command} run.zarr --epoch 72")[1]


def test_pictures_say_what_they_are_of(bpa, here, monkeypatch):
    run, words = Path("run.zarr"), ["--epoch", "0", "last", "--method", "ward"]
    run.symlink_to(bpa)
    about = "run.zarr: 34-8-34 linear, response, 5 seeds"
    trees, _ = captions(monkeypatch, "dendrogram", run, *words)
    assert trees.startswith(
        f"{about}; ward linkage, euclidean distance; trees of seed 0. Colours: the 4 highest"
    )
    assert "the data's tree, by average linkage of euclidean distances" in trees
    trees, _ = captions(monkeypatch, "dendrogram", run, *words, "--seed", "1")
    assert "response, seed 1; ward linkage" in trees and "trees of" not in trees
    verdicts, _ = captions(monkeypatch, "align", run, "--to", run, "--epoch", "100")
    assert verdicts.startswith(f"{about}, epoch 100, against run.zarr as it ended. The most frequent verdict")
    verdicts, _ = captions(monkeypatch, "align", run, "--to", "mcclelland2020")
    assert verdicts.startswith(f"{about}, as each seed ended, against mcclelland2020. The most")
    verdicts, _ = captions(monkeypatch, "align", run, "--seed", "1")
    assert verdicts.startswith(
        "run.zarr: 34-8-34 linear, response, seed 1, as each seed ended, against the data."
    )


def test_clades_of_short_names_are_named_by_all_of_them_and_a_dollar_is_no_formula(here, monkeypatch):
    Path("a$b$.csv").write_text("item,x\n1,0\n2,0.1\n3,0.3\n4,50\n5,90\n6,200\n")
    caption, key = captions(monkeypatch, "dendrogram", "a$b$.csv")
    assert caption.startswith(r"a\$b\$: 6 items x 1 properties; average linkage") and key == [
        "1, 2, 3",
        "4",
        "5",
        "6",
    ]


def test_names_that_no_font_can_write_are_one_line_on_stderr(here, capsys, monkeypatch):
    monkeypatch.setattr("semantic_svd.plots.style.WIDER", ())
    Path("uni.csv").write_text("item,能飞,red\n猫,1,0\noak,0,1\n", encoding="utf-8")
    for words in ("modes uni.csv --plot a.png", "dendrogram uni.csv --plot b.pdf"):
        code, _, err = said(capsys, words)
        assert code == 0 and err.count("\n") == 1
        assert re.match("semantic-svd: no installed font has all characters of .*猫", err)


def test_pictures_are_the_same_bytes_when_drawn_again(bpa, here):
    for name in ("a.pdf", "b.pdf"):
        assert main(["modes", str(bpa), "--plot", name, "--plot-strengths", f"strengths-{name}"]) == 0
    assert Path("a.pdf").read_bytes() == Path("b.pdf").read_bytes()
    assert Path("strengths-a.pdf").read_bytes() == Path("strengths-b.pdf").read_bytes()
    assert main(["align", str(bpa), "--plot", "c.png"]) == 0
    assert files() == ["a.pdf", "b.pdf", "c.png", "strengths-a.pdf", "strengths-b.pdf"]


@pytest.mark.parametrize("record", ["weights", "responses", "strengths"])
def test_strengths_are_drawn_of_every_record_that_has_them(here, record, strength_tables):
    for what, name in ((record, "run.zarr"), ("weights", "weights.zarr")):
        words = f"train --items mcclelland2020 --rule bpa --seeds 2 --epochs 30 --record {what} -o {name}"
        assert main(words.split()) == 0
        assert main(["modes", name, "--plot-strengths", "x.png"]) == 0
    assert strength_tables[0]["block"].tolist()[:8] == ["1", "2", "3", "4", "5-6", "5-6", "7-8", "7-8"]
    pd.testing.assert_frame_equal(*strength_tables)


def test_pictures_of_many_modes_show_the_first_and_say_so(here, capsys, monkeypatch, strength_tables):
    rows = np.random.default_rng(0).random((40, 30)).round(3)
    names = [f"is {j}" for j in range(30)]
    pd.DataFrame(rows, [f"item {i}" for i in range(40)], names).to_csv("my.csv", index_label="item")
    words = "train --items my.csv --rule backprop --no-biases --hidden 30 --rate 0.02 --epochs 4 --seeds 2 -o run.zarr"
    assert said(capsys, words)[0] == 0
    drawn = delivered(monkeypatch)
    assert said(capsys, "modes run.zarr --plot a.png --plot-strengths b.png --theory")[0] == 0
    equation, strengths = (" ".join(figure.get_supxlabel().split()) for figure in drawn)
    assert equation.startswith("The first 16 of 30 modes. Modes are turned to the data's, block by block")
    assert strengths.startswith("run.zarr. The first 24 of 30 modes. Means over 2 seeds")
    assert set(strength_tables[0]["mode"]) == set(range(1, 25))
    assert drawn[0].axes[2].collections[0].get_array().shape == (16, 16)


def test_null_modes_have_no_strength_to_be_drawn(here, strength_tables):
    rows = load_items("saxe2019_toy").array.to_pandas()
    pd.concat([rows, rows.rename(index=str.upper)]).to_csv("twice.csv")  # eight items, four of them alike
    words = "train --items twice.csv --rule bpa --no-biases --rate 0.02 --epochs 9 -o run.zarr"
    assert main(words.split()) == 0
    assert main(["modes", "run.zarr", "--plot-strengths", "x.png", "--theory"]) == 0
    assert np.linalg.matrix_rank(rows) == 4 and sorted(set(strength_tables[0]["mode"])) == [1, 2, 3, 4]


def test_a_seed_that_diverged_is_followed_to_its_last_good_snapshot(here, capsys, strength_tables):
    words = "train --items mcclelland2020 --rule bpa_hebb --hidden 3 --rate 0.15 --epochs 60 --seeds 4 -o run.zarr"
    assert said(capsys, words)[0] == 2
    ends = Run.open("run.zarr").data["end_epoch"].values
    assert ends.min() < ends.max() < 60
    assert said(capsys, f"modes run.zarr --seed {ends.argmin()} --plot-strengths x.png")[0] == 0
    assert strength_tables[0]["epoch"].max() == ends.min()


def test_what_is_not_kept_by_epoch_is_not_followed(here, capsys):
    for record in ("responses", "hidden", "strengths"):
        words = "train --items mcclelland2020 --rule bpa --seeds 2 --epochs 30 --record"
        assert said(capsys, words, record, "-o", f"{record}.zarr")[0] == 0
    follows = "--plot-strengths follows the output of a run, and "
    assert refused(capsys, "modes hidden.zarr --plot-strengths x.png") == (
        follows + "hidden.zarr keeps its end alone (record strengths, responses or weights)"
    )
    assert refused(capsys, "modes responses.zarr --layer 1 --plot-strengths x.png") == (
        follows + "layer 1 of responses.zarr is hidden"
    )
    assert refused(capsys, "modes responses.zarr --layer 1 --epoch 5") == (
        "responses.zarr: this run kept no weights (record='weights'), so layer 1 can't be computed"
    )
    for words, n in (
        ("responses.zarr", 4),
        ("responses.zarr --layer 1", 1),
        ("hidden.zarr", 1),
        ("hidden.zarr --layer 1", 4),
        ("strengths.zarr", 1),
    ):
        code, out, err = said(capsys, "dendrogram", words)
        assert (code, err) == (0, "") and len(re.findall(r"^epoch (?:\d|last)", out, re.M)) == n
        assert ("correlation with the data's tree" in out) == (n == 4)


def test_tables_fit_eighty_columns(bpa, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for words in (["modes"], ["modes", "--layer", "1"], ["align"], ["dendrogram"]):
        code, out, _ = said(capsys, words[0], bpa, *words[1:])
        table = out.splitlines()[1:]
        assert code == 0 and max(map(len, table)) <= 80 and "…" not in out


@pytest.mark.parametrize("columns", [10, 60, 66])
@pytest.mark.parametrize("words", [["modes"], ["modes", "--layer", "1"], ["align"], ["dendrogram"]])
def test_no_word_or_number_of_a_table_is_cut_in_a_narrow_terminal(bpa, capsys, monkeypatch, words, columns):
    monkeypatch.setenv("COLUMNS", "200")
    wide = said(capsys, words[0], bpa, *words[1:])[1]
    monkeypatch.setenv("COLUMNS", str(columns))
    narrow = said(capsys, words[0], bpa, *words[1:])[1]
    assert sorted(narrow.replace("─", "").split()) == sorted(wide.replace("─", "").split())


def test_a_narrow_table_breaks_before_the_interval_and_not_in_it(bpa, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    out = said(capsys, "modes", bpa)[1]
    assert re.search(
        r"^1 +1 +4\.796 +4\.796 +4\.796 +[\d.]+ *\n +\[4\.796, 4\.796\] +\[[\d.]+, [\d.]+\] *$", out, re.M
    )
    assert max(map(len, out.splitlines()[1:10])) <= 60
    show(["", "loss"], [["a" * 20, "-1.234e-05 [-1.235e-05, -1.233e-05] (2 of 3)"]], wrap=(0,))
    assert re.search(
        r" -1\.234e-05 *\n +\[-1\.235e-05, -1\.233e-05\] *\n +\(2 of 3\)", capsys.readouterr().out
    )


def test_the_claims_are_printed_with_their_conditions(here, capsys, monkeypatch):
    claims = pd.DataFrame(
        [
            {
                **{"claim": "two dimensions come first, animals and plants", "condition": condition, "n": 20},
                **{
                    "measure": "epochs from mode 2 to mode 3",
                    "of": "BPA",
                    "mean": mean,
                    "low": 9.0,
                    "high": 12.0,
                },
                **{"criterion": "> 0", "holds": holds},
            }
            for condition, mean, holds in (("equal epochs", 10.25, "yes"), ("converged", -1.5, "no"))
        ]
    )
    folders = []
    monkeypatch.setattr(
        "semantic_svd.report.reproduce", lambda folder, progress: folders.append(folder) or claims
    )
    code, out, err = said(capsys, "reproduce", "-o", "elsewhere")
    assert (code, err, folders) == (0, "", [Path("elsewhere")])
    assert re.search(r"^claim of the report +measured +holds\?$", out, re.M)
    assert re.search(r"^ +equal epochs +10\.2 \[9, 12\] +yes *$", out, re.M)
    assert re.search(r"^ +converged +-1\.5 \[9, 12\] +no *$", out, re.M)
    assert max(map(len, out.splitlines())) <= 80


# ------------------------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize("command", ["train --items", "modes", "dendrogram", "align --to mcclelland2020"])
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("item,a,b\nx,1,dog\ny,0,1\n", "my.csv, line 2 (item 'x'), column 'b': 'dog' is not a finite number"),
        ("item,a,b\nx,1,\ny,0,1\n", "my.csv, line 2 (item 'x'), column 'b': the cell is empty"),
        ("item,a,b\nx,1,nan\ny,0,1\n", "my.csv, line 2 (item 'x'), column 'b': 'nan' is not a finite number"),
        (
            "item,a,b\nx,1,0\nx,0,1\n",
            "my.csv, line 3 (item 'x'): the same name is at my.csv, line 2; names must differ",
        ),
        ("item,a,a\nx,1,0\ny,0,1\n", "my.csv, line 1: property 'a' names columns 2 and 3; names must differ"),
        ("item,a,b\nx,1,0\n", "my.csv: number of items is 1; at least two are needed"),
        ("", "my.csv: is empty; a line of property names and at least two items are needed"),
    ],
)
def test_a_fault_in_the_items_is_named_in_one_line(here, capsys, command, text, line):
    Path("my.csv").write_text(text)
    assert refused(capsys, command, "my.csv") == line
    assert files() == ["my.csv"]


TRAIN = "train --items mcclelland2020 -o run.zarr"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (f"{TRAIN} --rule x", f"no rule 'x'; there are {', '.join(RULES)}"),
        (
            "train --items saxe2019_toy --rule krotov_hopfield",
            "KrotovHopfield(k=7) needs 7 units or more, the layer has 4; name more with --hidden",
        ),
        (
            f"{TRAIN} --rule krotov_hopfield --hidden 5",
            "KrotovHopfield(k=7) needs 7 units or more, the layer has 5",
        ),
        (
            f"{TRAIN} --hidden 8 0",
            "the sizes of a network are two or more whole numbers over 0, not (34, 8, 0, 34)",
        ),
        (f"{TRAIN} --activation x", "no hidden activation 'x'; there are linear, tanh, sigmoid, relu"),
        (
            f"{TRAIN} --output-activation x",
            "no output activation 'x'; there are linear, tanh, sigmoid, relu, softmax",
        ),
        (f"{TRAIN} --epochs -3", "epochs is a whole number from 0, not -3"),
        (f"{TRAIN} --seeds 0", "seeds is a whole number from 1, not 0"),
        (f"{TRAIN} --every often", "--every is a whole number or log, not 'often'"),
        (f"{TRAIN} --record all", f"no record 'all'; there are {', '.join(RECORDS)}"),
        (
            f"{TRAIN} --rate 1 2",
            "a rule's rate is one number of 0 or more, or three (hidden, output, feedback), not (1.0, 2.0)",
        ),
        (
            f"{TRAIN} --rate 0.1 -0.2 0.1",
            "a rule's rate is one number of 0 or more, or three (hidden, output, feedback), not (0.1, -0.2, 0.1)",
        ),
        ("foo", f"No such command 'foo'; there are {COMMANDS}"),
        ("mode x", f"No such command 'mode'; there are {COMMANDS}"),
        (
            "--foo",
            "no option --foo; semantic-svd has --version --install-completion --show-completion --help",
        ),
        (
            "align x --foo",
            "no option --foo; semantic-svd align has --to --epoch --seed --layer --csv --plot --help",
        ),
        ("train", "Missing option '--items' or '--images'; see semantic-svd train --help"),
        ("modes", "Missing argument 'RUN'; see semantic-svd modes --help"),
        ("modes nope", f"nope: no such run or CSV file, and no data set ({', '.join(DATASETS)})"),
        ("modes .", ". is not a run: it has no zarr.json"),
        ("modes saxe2019_toy --seed 1", "saxe2019_toy is a matrix of items: --seed and --layer are for runs"),
        (
            "modes saxe2019_toy --epoch 3",
            "saxe2019_toy is a matrix and has no epoch 3; only a run has epochs",
        ),
        ("align saxe2019_toy", "saxe2019_toy has no data to compare with; name a run or a CSV with --to"),
        (
            "align saxe2019_toy --to mcclelland2020",
            "saxe2019_toy, --to mcclelland2020: a matrix 4 x 7 does not fit a reference 8 x 34",
        ),
        ("modes saxe2019_toy --plot x.gif", "x.gif: a picture ends in .pdf, .png, .svg"),
        ("modes saxe2019_toy --plot no/x.pdf", "no/x.pdf: there is no folder no"),
        ("data --data no", "no is no folder; --data names the one that holds folders of images"),
        ("modes saxe2019_toy --csv .", ". is a folder; name a file"),
        ("modes saxe2019_toy --csv /proc/x.csv", "/proc/x.csv can't be written: No such file or directory"),
        (
            "modes saxe2019_toy --csv kept.csv --plot-strengths x.pdf",
            "--plot-strengths follows the output of a run, and saxe2019_toy has none to follow",
        ),
        (
            "modes saxe2019_toy --csv kept.csv --plot /proc/x.pdf",
            "/proc/x.pdf can't be written: No such file or directory",
        ),
        (
            "dendrogram saxe2019_toy --agreement x.csv",
            "--agreement follows a training, and saxe2019_toy keeps none with its data",
        ),
        (
            "dendrogram saxe2019_toy --method x",
            "method 'x' is unknown: it is one of average, complete, single, ward",
        ),
    ],
)
def test_an_error_is_one_line_that_says_what_there_is_and_leaves_nothing(here, capsys, words, line):
    assert refused(capsys, words) == line
    assert files() == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--epoch 5000", "{run} keeps no epoch 5000; it has 0 to 1500, the nearest are 1499 and 1500"),
        ("--epoch x", "--epoch is a kept epoch or last, not 'x'"),
        ("--seed 9", "{run} has no seed 9; it has 0, 1, 2, 3, 4"),
        ("--layer 3", "{run} has no layer 3; its layers are 1 to 2"),
        ("--layer output", "{run} has no layer output; its layers are 1 to 2"),
        ("--layer -1", "{run} has no layer -1; its layers are 1 to 2"),
    ],
)
def test_what_a_run_does_not_have_is_said_with_what_it_has(bpa, capsys, words, line):
    assert refused(capsys, "modes", bpa, words) == line.format(run=bpa)


@pytest.mark.parametrize(
    ("words", "file", "how"),
    [
        ("modes my.csv --csv my.csv", "my.csv", "read"),
        ("modes my.csv --plot ./my.csv/../my.csv", "my.csv/../my.csv", "read"),
        ("dendrogram my.csv --csv a.csv --agreement a.csv", "a.csv", "written"),
        ("align saxe2019_toy --to my.csv --csv my.csv", "my.csv", "read"),
    ],
)
def test_what_is_read_is_not_written_over_nor_one_output_by_another(here, capsys, words, file, how):
    text = "item,a,b\nx,1,0\ny,0,1\n"
    Path("my.csv").write_text(text)
    assert refused(capsys, words) == f"{file} is {how} by the same command; name another file"
    assert Path("my.csv").read_text() == text and files() == ["my.csv"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("modes loop", "loop: no such run or CSV file, "),
        ("modes my.csv --csv loop/modes.csv", "loop/modes.csv: there is no folder loop"),
        ("explore loop loop/again -o page.html", "loop: no such run or CSV file, "),
        ("reproduce -o loop", "cannot write to the folder "),
    ],
)
def test_links_that_go_round_in_a_circle_are_one_line(here, capsys, words, line):
    Path("loop").symlink_to("loop")
    assert refused(capsys, words).startswith(line)
    assert files() == ["loop"]


def test_a_run_that_is_named_from_within_is_called_as_its_folder(here, monkeypatch):
    Path("bpa.zarr").mkdir()
    monkeypatch.chdir("bpa.zarr")
    assert run_names([".", "../other.zarr"]) == {"bpa": ".", "other": "../other.zarr"}
    Path("kept").mkdir()
    monkeypatch.chdir("kept")
    assert run_names(["..", "other.zarr"]) == {"bpa": "..", "other": "other.zarr"}


def test_an_output_that_is_there_is_not_written_over(bpa, here, capsys):
    before = {path: path.read_bytes() for path in bpa.rglob("*") if path.is_file()}
    line = refused(capsys, "train", "--items", "mcclelland2020", "-o", bpa)
    assert line == f"{bpa} is there already; resume it, or name another place"
    assert {path: path.read_bytes() for path in bpa.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "words", ["train --items mcclelland2020 -o file/run.zarr", "reproduce -o file/figures"]
)
def test_a_place_that_cannot_be_written_is_said_before_any_work(here, capsys, monkeypatch, words):
    Path("file").write_text("no folder")
    for work in ("training._learn", "report.scripts.load_analysis"):
        monkeypatch.setattr(f"semantic_svd.{work}", lambda *args, **kwargs: pytest.fail("work began"))
    line = refused(capsys, words)
    assert "file/" in line and "Not a directory" in line
    assert files() == ["file"]


@pytest.mark.parametrize("units", [10**12, 10**18, 10**20])
def test_a_network_that_does_not_fit_in_memory_is_one_line_and_leaves_nothing(here, capsys, units):
    line = refused(capsys, f"{TRAIN} --rule bpa --hidden {units}")
    bytes_needed = 2 * 2 * 34 * units * 8  # two matrices, and changes to them
    assert re.sub("has .* GB", "has N GB", line) == (
        f"the weights of all seeds, and changes to them, take {bytes_needed / 1e9:,.0f} GB of memory, this machine has "
        "N GB; take fewer units or seeds"
    )
    assert files() == []


@pytest.mark.parametrize("words", ["", "--localist"])
def test_a_value_that_is_too_large_to_learn_is_named(here, capsys, words):
    Path("my.csv").write_text("item,a,b\nx,1,0\ny,1e200,-1e300\n")
    code, _, err = said(capsys, "train --items my.csv -o run.zarr", words)
    assert (code, err) == (
        2,
        "semantic-svd: the loss of seed 0 is not finite before any training: -1e+300 (item 'y', property 'b') is too "
        "large\n",
    )
    assert files() == ["my.csv"]


@pytest.mark.parametrize("text", ["", "Unable to allocate 2 TiB"])
def test_whatever_does_not_fit_in_memory_is_one_line(here, capsys, monkeypatch, text):
    monkeypatch.setattr("semantic_svd.training.step", lambda *_: (_ for _ in ()).throw(MemoryError(text)))
    code, _, err = said(capsys, TRAIN)
    said_besides = f": {text}" if text else ""
    assert (code, err) == (2, f"semantic-svd: this does not fit in memory{said_besides}\n")
    assert files() == []


def test_a_finished_file_stays_when_the_next_one_fails(bpa, here, capsys, monkeypatch):
    Path("modes.csv").write_text("old")
    monkeypatch.setattr(
        "semantic_svd.plots.svd_panels", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "disk full"))
    )
    assert refused(capsys, "modes", bpa, "--csv", "modes.csv", "--plot", "x.pdf") == "disk full"
    assert Path("modes.csv").read_text() == "old" and files() == ["modes.csv"]


# ----------------------------------------------------------------------------------------------- as its own process


def test_the_module_runs_as_the_command(here):
    done = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"semantic-svd \d+\.\d+\.\d+\n", done.stdout) and done.stderr == ""


def test_help_names_the_commands_and_shows_an_example_of_each(capsys):
    code, out, _ = said(capsys, "--help")
    assert code == 0
    for name in COMMANDS.split(", "):
        assert re.search(rf"^\W+{name} ", out, re.M)
        code, text, _ = said(capsys, name, "--help")
        assert code == 0 and f"Example: semantic-svd {name}" in re.sub(r"\s+", " ", text)


def test_help_says_how_many_hidden_layers_a_rule_gets_and_the_readme_compares_rules_at_one_depth(capsys):
    text = re.sub(r"[\s│]+", " ", said(capsys, "train", "--help")[1])
    assert "as many as modes; one layer, two if the rule teaches hidden biases" in text
    readme = Path(__file__, "../../README.md").resolve().read_text("utf-8")
    trained = re.findall(r"^    semantic-svd train (--items mcclelland2020 .*)", readme, re.M)
    assert len(trained) == 2 and all(" --hidden 8 " in words for words in trained)


@pytest.mark.parametrize("words", [["modes", "mcclelland2020"], ["--version"], []])
def test_a_reader_that_leaves_early_is_no_error(words):
    command = subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=BUFFERED
    )
    command.stdout.close()
    assert command.stderr.read() == b""
    command.wait()
    command.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("words", [["modes", "mcclelland2020"], ["--version"], []])
def test_what_is_said_onto_a_full_disk_is_one_line(words):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *words], stdout=full, stderr=subprocess.PIPE, env=BUFFERED, check=False
        )
    assert (done.returncode, done.stderr) == (2, b"semantic-svd: No space left on device\n")


@pytest.mark.parametrize("words", ["modes mcclelland2020", ""])
def test_a_stdout_that_is_closed_is_no_error(words):
    command = f"exec {shlex.join(COMMAND)} {words} >&-"
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_name_that_the_terminal_cannot_write_is_spelled(here):
    Path("café.csv").write_text("item,a,b\nx,1,0\ny,0,1\n")
    for how in ("ascii", "ascii:surrogateescape"):
        words, ascii_only = [*COMMAND, "modes", "café.csv"], {**os.environ, "PYTHONIOENCODING": how}
        done = subprocess.run(words, capture_output=True, env=ascii_only, check=True)
        assert done.stdout.startswith(rb"caf\xe9: 2 items x 2 properties") and done.stderr == b""


def test_ctrl_c_in_the_middle_is_one_line_and_keeps_what_was_done(here, capsys):
    words = "train --items mcclelland2020 --seeds 3 --epochs 1000000 --every 10 -o run.zarr"
    command = subprocess.Popen(
        [*COMMAND, *words.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert command.stdout.readline() == "run.zarr will take 1.58 GB\n"
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=60)
    assert command.returncode == 130
    assert (out, err) == (
        "",
        "semantic-svd: interrupted; what was done is kept in run.zarr, --resume goes on\n",
    )
    run = Run.open("run.zarr")
    assert run.data.sizes["epoch"] >= 1 and np.isfinite(run.data["W1"]).all()
    last = run.data["epoch"].values[-1]
    code, _, err = said(capsys, "modes run.zarr --csv modes.csv")
    assert (code, err) == (0, f"semantic-svd: run.zarr is not finished; this is epoch {last}\n")
    found = pd.read_csv("modes.csv").pivot(index="seed", columns="mode", values="singular_value")
    response = run.response().sel(epoch=last).values
    np.testing.assert_allclose(found, np.linalg.svd(response, compute_uv=False), atol=1e-12)


def test_a_run_that_was_interrupted_goes_on_to_the_same_end(here, monkeypatch):
    words = "train --items saxe2019_toy --seeds 2 --epochs 300 -o"
    assert main([*words.split(), "whole.zarr"]) == 0
    from semantic_svd import training

    step, steps = training.step, iter(range(10**6))

    def interrupted_step(*args, **kwargs):
        step(*args, **kwargs)
        if next(steps) == 100:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(training, "step", interrupted_step)
    assert main([*words.split(), "parts.zarr"]) == 130
    assert Run.open("parts.zarr").data.sizes["epoch"] < 301
    assert main([*words.split(), "parts.zarr", "--resume"]) == 0
    xr.testing.assert_identical(
        Run.open("parts.zarr").data["W1"].compute(), Run.open("whole.zarr").data["W1"].compute()
    )


def told_to(terminal):
    """Return all that is written to a terminal, until nobody has it open to write."""
    text = b""
    while True:
        try:
            text += os.read(terminal, 65536)
        except OSError:
            return text.decode()


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal")
def test_a_long_training_shows_a_bar_on_a_terminal_and_leaves_none(here):
    terminal, stderr = os.openpty()
    words = "train --items mcclelland2020 --seeds 2 --epochs 40000 --every 1000 -o run.zarr"
    with ThreadPoolExecutor(1) as reader:  # who does not read what a terminal is told makes its teller wait
        shown = reader.submit(told_to, terminal)
        done = subprocess.run([*COMMAND, *words.split()], stdout=subprocess.PIPE, stderr=stderr, text=True)
        os.close(stderr)
        shown = shown.result()
    os.close(terminal)
    assert done.returncode == 0 and done.stdout.splitlines()[1].startswith("run.zarr: backprop")
    assert "training" in shown and "%" in shown
    assert "Traceback" not in shown


# ----------------------------------------------------------------------------------------------------- what there is


def test_without_a_word_it_says_what_one_can_do_next(here, capsys):
    code, out, err = said(capsys, "")
    assert (code, err) == (0, "") and "semantic-svd modes run.zarr" in out
    assert said(capsys, "train --items saxe2019_toy --epochs 5 -o toy.zarr")[0] == 0
    out = said(capsys, "")[1]
    assert "semantic-svd modes toy.zarr" in out and "runs in this folder: toy.zarr\n" in out
    words = [line.split()[1] for line in out.splitlines() if line.startswith("    semantic-svd")]
    for word in dict.fromkeys(words):
        assert said(capsys, word, "--help")[0] == 0


def test_printed_commands_quote_what_a_shell_would_part(here, capsys):
    words = "train --images digits --rule krotov_hopfield --hidden 8 --epochs 1 -o"
    for command in (["train", "--items", "saxe2019_toy", "--epochs", "2", "-o", "a b.zarr"], []):
        assert main(command) == 0
    assert "    semantic-svd modes 'a b.zarr' --plot-strengths strengths.pdf" in capsys.readouterr().out
    assert main([*words.split(), "c d.zarr"]) == 0
    assert capsys.readouterr().out.endswith("semantic-svd readout 'c d.zarr' --images digits\n")


@pytest.mark.parametrize("command", ["modes", "align", "dendrogram"])
def test_of_an_output_that_is_not_taught_it_is_said(here, capsys, command):
    said(capsys, "train --items mcclelland2020 --rule krotov_hopfield --epochs 3 -o competing.zarr")
    code, out, err = said(capsys, f"{command} competing.zarr")
    line = "not taught: the output of competing.zarr, which is looked at; --layer looks at a hidden layer"
    assert code == 0 and out and err == f"semantic-svd: {line}\n"
    assert said(capsys, f"{command} competing.zarr --layer 1")[2] == ""


def test_the_guides_commands_work(here, capsys):
    said(capsys, "train --items mcclelland2020 --epochs 30 -o another.zarr")
    for _, words in STEPS[1:]:
        words = words.format(run="run.zarr").replace("--epochs 1000", "--epochs 30")
        assert said(capsys, words)[0] == 0, words


@pytest.mark.parametrize("rule", RULES)
def test_the_command_that_trains_by_a_rule_works(here, capsys, rule):
    line = said(capsys, "rules", rule)[1].splitlines()[-1]
    words = line.removeprefix("train by it: semantic-svd ")
    code, out, err = said(capsys, words)
    assert code == 0 and f"{rule}.zarr: {rule} on " in out
    grows = rule == "bpa_hebb"  # without bound
    assert ("loss of seed 0 is higher than at the start" in err) is grows and bool(err) is grows


def test_the_rules_are_listed_with_their_equations_and_each_by_itself(capsys):
    code, out, _ = said(capsys, "rules")
    assert code == 0 and all(f"\n{name} " in out for name in RULES)
    for name, rule in RULES.items():
        out = said(capsys, "rules", name)[1]
        assert repr(rule) in out and rule.about in " ".join(out.split())
    assert refused(capsys, "rules nonsense").startswith("no rule 'nonsense'; there are backprop, bpa, ")


def test_the_data_sets_are_listed_with_where_they_are(tmp_path, capsys):
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "train-images-idx3-ubyte").write_bytes(bytes(2000))
    (tmp_path / "mnist" / "train-labels-idx1-ubyte").symlink_to("nowhere")
    code, out, _ = said(capsys, "data --data", tmp_path)
    lines = [" ".join(line.split()) for line in reversed(out.splitlines()) if line.strip()]
    rows = {line.split()[0]: line for line in lines}  # a long folder goes on in the next line
    assert code == 0 and "2 kB" in rows["mnist"] and "not here" in rows["cifar10"]
    assert "21 x 53 items" in rows["rogers_mcclelland2004"] and "3.12 kB" in rows["rogers_mcclelland2004"]


def test_images_that_the_folder_named_lacks_are_said_to_be_in_the_cache(here, capsys, monkeypatch):
    Path("named/mnist").mkdir(parents=True)
    monkeypatch.setenv("SEMANTIC_SVD_DATA", "named")
    monkeypatch.setattr("pooch.os_cache", lambda project: Path("cache"))
    places = {
        line.split()[0]: line.split()[-1] for line in said(capsys, "data")[1].splitlines() if line.strip()
    }
    assert (places["mnist"], places["cifar10"]) == ("named/mnist", "cache/cifar10")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("semantic-svd den", {"dendrogram"}),
        ("semantic-svd train --rule bp", {"bpa", "bpa_unit", "bpa_sanger", "bpa_hebb"}),
        ("semantic-svd train --items saxe", {"saxe2019_toy"}),
        ("semantic-svd train --images f", {"fashion-mnist"}),
        ("semantic-svd modes my", {"my.zarr"}),
        ("semantic-svd reproduce f", {"feedback-alignment"}),
    ],
)
def test_a_shell_is_told_how_to_complete(here, words, expected):
    Path("my.zarr").mkdir()
    Path("my.zarr/zarr.json").touch()
    asked = {"_SEMANTIC_SVD_COMPLETE": "complete_bash", "COMP_WORDS": words}
    asked["COMP_CWORD"] = str(len(words.split()) - 1)
    done = subprocess.run(COMMAND, env=os.environ | asked, capture_output=True, text=True)
    assert set(done.stdout.split()) == expected
