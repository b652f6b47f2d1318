"""The command on images: it trains as the library does, and modes, align and dendrogram look at the classes."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from commands import delivered, refused, said

from semantic_svd import Network, Run, load_images, read_out
from semantic_svd import train as train_in_memory
from semantic_svd.cli import main
from semantic_svd.cli.subject import open_subject
from semantic_svd.cli.tables import mode_table
from semantic_svd.cli.terminal import accuracies
from semantic_svd.readouts import linear_probe

DIGITS = load_images("digits")
SETTINGS = {"epochs": 8, "seeds": 3, "batch_size": 50}
WORDS = "train --images digits --hidden 20 15 --epochs 8 --seeds 3 --batch-size 50 -o"


ZEBRAS = (
    "no image set is called 'zebras'; the image sets are mnist, fashion-mnist, cifar10, digits "
    "(a folder of your own files is named by its path)"
)


@pytest.fixture(scope="module")
def dfa(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "dfa.zarr"
    assert main([*WORDS.split(), str(path), "--rule", "dfa_random"]) == 0
    return path


@pytest.fixture(scope="module")
def backprop(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "backprop.zarr"
    assert main([*WORDS.split(), str(path), "--record", "class_means"]) == 0
    return path


def centred_means(run, layer, epoch):
    """Return the class means less their mean, by hand: (seed, class, unit)."""
    h = run.hidden(layer, DIGITS.x).sel(epoch=epoch).values.astype(float)
    means = np.stack([h[:, DIGITS.labels == c].mean(axis=1) for c in range(10)], axis=1)
    return means - means.mean(axis=1, keepdims=True)


# ------------------------------------------------------------------------------------------------------------- train


def test_a_run_on_images_is_the_run_of_the_library(dfa):
    network = Network((64, 20, 15, 10), "relu", "softmax")
    run = train_in_memory("dfa_random", network, DIGITS.x, DIGITS.targets, dtype="float32", **SETTINGS)
    opened = Run.open(dfa)
    assert opened.network == network and opened.data.W1.dtype == np.float32
    np.testing.assert_array_equal(opened.weights(2), run.weights(2))
    np.testing.assert_allclose(opened.data.accuracy, run.evaluate(DIGITS), rtol=1e-6)


def test_training_on_images_says_how_well_the_test_images_are_named(tmp_path, capsys):
    code, out, err = said(capsys, WORDS, tmp_path / "run.zarr")
    final = 100 * Run.open(tmp_path / "run.zarr").data.accuracy.sel(epoch=8).values
    assert (code, err) == (0, "")
    _, first, _, third = out.splitlines()
    assert first == f"{tmp_path}/run.zarr: backprop on digits, 64-20-15-10 relu, softmax output, rate 0.1"
    assert third == f"test accuracy {final.min():.2f} to {final.max():.2f} %"


def test_images_of_ones_own_are_trained_on_and_read_out_by_their_folder(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for name in ("data_batch_1.bin", "test_batch.bin"):
        records = rng.integers(0, 256, (40, 3073), np.uint8)
        records[:, 0] = np.arange(40) % 3
        (tmp_path / name).write_bytes(records.tobytes())
    (tmp_path / "batches.meta.txt").write_text("Katze\nHund\nVogel\n")
    words = f"train --images {tmp_path} --hidden 5 --epochs 1 --rate 0.001 -o {tmp_path}/run.zarr"
    assert said(capsys, words)[::2] == (0, "")
    assert Run.open(tmp_path / "run.zarr").class_means(1)["class"].values.tolist() == [
        "Katze",
        "Hund",
        "Vogel",
    ]
    code, out, err = said(capsys, f"readout {tmp_path}/run.zarr --images {tmp_path} --epochs 1")
    assert (code, err) == (0, "") and "test accuracy" in out
    line = refused(capsys, f"readout {tmp_path}/run.zarr --images {tmp_path} --power -1")
    assert line == "power is a finite number over 0, or None, not -1.0"


@pytest.mark.parametrize("every", [1, 4])
def test_the_accuracy_of_a_seed_that_stopped_is_the_one_it_stopped_with(tmp_path, capsys, every):
    words = f"train --images digits --hidden 8 --epochs 40 --stop-below 0.3 --seeds 3 --every {every} -o"
    code, out, err = said(capsys, words, tmp_path / "run.zarr")
    run = Run.open(tmp_path / "run.zarr")
    assert (code, err) == (0, "") and len(set(run.data.end_epoch.values)) > 1
    said_of = run.final().response(DIGITS.test_x).values.argmax(axis=-1)
    final = 100 * (said_of == DIGITS.test_targets.values.argmax(axis=-1)).mean(axis=-1)
    assert out.splitlines()[-1] == f"test accuracy {final.min():.2f} to {final.max():.2f} %"


def test_a_run_says_beforehand_how_much_it_will_take(tmp_path, capsys):
    words = "train --images digits --hidden 20 --epochs 3 --record weights -o"
    out = said(capsys, words, tmp_path / "run.zarr")[1]
    weights = 64 * 20 + 20 + 20 * 10 + 10
    kept = 4 * (weights + 1) * 4 / 1000  # four snapshots, float32, with the loss
    assert out.splitlines()[0] == f"{tmp_path}/run.zarr will take {kept:.3g} kB"


def test_krotov_hopfield_starts_standard_normal_without_biases_and_leaves_the_output_untaught(
    tmp_path, capsys
):
    words = "train --images digits --rule krotov_hopfield --hidden 40 --epochs 1 -o"
    code, out, err = said(capsys, words, tmp_path / "run.zarr")
    run = Run.open(tmp_path / "run.zarr")
    assert (code, err) == (0, "")
    assert out.splitlines()[2:] == [  # neither loss nor accuracy: nothing teaches the output
        "1 seed, 2 snapshots each: 1 finished at epoch 1",
        f"its output is not taught; a classifier: semantic-svd readout {tmp_path}/run.zarr --images digits",
    ]
    assert run.network.initial == "normal" and not run.network.biases
    assert float(run.weights(1).sel(epoch=0).std()) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("", "Missing option '--items' or '--images'; see semantic-svd train --help"),
        ("--items saxe2019_toy --images digits", "train on --items or on --images, not on both"),
        ("--items saxe2019_toy --data .", "--data is the folder of --images; items are named by --items"),
        ("--images digits", "--images needs --hidden, the units of each hidden layer, as --hidden 800 800"),
        (
            "--images digits --hidden 5 --localist",
            "--localist is for --items; images are learned from their pixels",
        ),
        ("--images .", "--images needs --hidden, the units of each hidden layer, as --hidden 800 800"),
        ("--images zebras --hidden 5", ZEBRAS),
        ("--images zebras", ZEBRAS),
    ],
)
def test_what_cannot_be_trained_on_is_refused(capsys, words, line):
    assert refused(capsys, "train", words) == line


def test_too_few_units_to_compete_are_refused_before_there_is_a_run(tmp_path, capsys):
    words = "train --images digits --rule krotov_hopfield --hidden 5 -o"
    line = refused(capsys, words, tmp_path / "run.zarr")
    assert line == "KrotovHopfield(k=7) needs 7 units or more, the layer has 5"
    assert not (tmp_path / "run.zarr").exists()


def test_images_are_read_from_the_folder_that_is_named(tmp_path, capsys):
    line = refused(capsys, "train --images mnist --hidden 5 --data", tmp_path)
    assert line.startswith(f"{tmp_path}/mnist")


# ------------------------------------------------------------------------------------------ modes, align, dendrogram


def test_a_mode_of_class_means_is_null_at_the_rounding_level_of_their_own_type(dfa):
    run, rng = Run.open(dfa).sel(seed=[1, 2]), np.random.default_rng(0)
    growth = np.linspace(0, 1, run.data.sizes["epoch"])[:, None, None]
    one, two = (np.outer(rng.normal(size=10), rng.normal(size=15)) for _ in range(2))
    # ends of rank 1 and 2, but for rounding
    means = np.stack([growth * one, growth * (one + two)]).astype(np.float32)
    run = Run(run.data.assign(m2=(run.data["m2"].dims, means)))
    for seeds, second in (([1, 2], "2"), ([1], "null")):
        subject = replace(open_subject(str(dfa)), run=run.sel(seed=seeds))
        table = mode_table(subject, subject.at("last")).set_index("mode")
        assert table["block"].drop_duplicates().tolist() == list(dict.fromkeys(["1", second, "null"]))
        assert (table.query("mode > 2")["block"] == "null").all()
        assert table.query("mode > 2")[["strength", "half_learned"]].isna().all(axis=None)
        assert (table.loc[3, "singular_value"] > 1e-9).all()  # which double precision would tell from 0
        of_one = table[table["seed"] == 1][["strength", "half_learned"]]
        assert of_one.loc[1].notna().all() and of_one.loc[2].isna().all()
        if len(seeds) > 1:
            assert table[table["seed"] == 2].loc[2, ["strength", "half_learned"]].notna().all()


@pytest.mark.parametrize(("words", "layer"), [("", 2), ("--layer 1", 1)])
def test_the_modes_of_a_run_on_images_are_those_of_its_centred_class_means(
    dfa, tmp_path, capsys, words, layer
):
    code, out, _ = said(capsys, "modes", dfa, words, "--epoch 5 --csv", tmp_path / "modes.csv")
    assert code == 0
    assert out.startswith(
        f"{dfa}: 64-20-15-10 relu, softmax output, layer {layer}, class means, 3 seeds, epoch 5\n"
    )
    table = pd.read_csv(tmp_path / "modes.csv")
    run = Run.open(dfa)
    now, last = centred_means(run, layer, 5), centred_means(run, layer, 8)
    assert set(table["mode"]) == set(range(1, 10))  # centred, ten classes have nine
    for seed, rows in table.groupby("seed"):
        s = np.linalg.svd(now[seed], compute_uv=False)
        np.testing.assert_allclose(rows["singular_value"], s[:9], rtol=1e-4)
        U, _, Vt = np.linalg.svd(last[seed])
        own = np.einsum("ck,cu,ku->k", U, now[seed], Vt[:10])
        np.testing.assert_allclose(rows["strength"], own[:9], rtol=1e-3, atol=1e-4)


def test_at_its_end_a_seed_has_its_modes_at_their_singular_values(backprop, tmp_path, capsys):
    assert said(capsys, "modes", backprop, "--csv", tmp_path / "modes.csv")[0] == 0
    table = pd.read_csv(tmp_path / "modes.csv")
    np.testing.assert_allclose(table["strength"], table["singular_value"], rtol=1e-9)
    assert (table["half_learned"] > 0).any()


def test_a_seed_that_had_ended_before_an_epoch_is_left_out_of_the_modes_of_its_classes(tmp_path, capsys):
    network, settings = Network((64, 16, 10), "relu", "softmax"), {**SETTINGS, "epochs": 20}
    run = train_in_memory(
        "backprop",
        network,
        DIGITS.x,
        DIGITS.targets,
        stop_below=0.25,
        record=("weights", "class_means"),
        **settings,
    )
    run.save(tmp_path / "run.zarr")
    ends = run.data["end_epoch"]
    latest = int(ends.max())
    assert 0 < (ends == latest).sum() < 3
    gone = ", ".join(map(str, ends["seed"].values[ends < latest]))
    code, _, err = said(
        capsys, "modes", tmp_path / "run.zarr", "--epoch", latest, "--csv", tmp_path / "modes.csv"
    )
    assert (code, err) == (0, f"semantic-svd: left out: seed {gone}, ended before epoch {latest}\n")
    table = pd.read_csv(tmp_path / "modes.csv")
    assert set(table["seed"]) == set(ends["seed"].values[ends == latest])
    np.testing.assert_allclose(table["strength"], table["singular_value"], rtol=1e-5)


def test_a_run_on_images_that_is_not_finished_says_so_once(backprop, tmp_path, capsys):
    run, path = Run.open(backprop), tmp_path / "left.zarr"
    Run(run.data.compute().assign(status=("seed", ["training"] * 3))).save(path)
    code, _, err = said(capsys, "modes", path, "--plot-strengths", tmp_path / "strengths.pdf")
    assert (code, err) == (0, f"semantic-svd: {path} is not finished; this is epoch 8\n")


def test_align_compares_the_classes_side_with_that_of_the_mean_images(dfa, tmp_path, capsys):
    code, out, _ = said(capsys, "align", dfa, "--layer 1 --csv", tmp_path / "align.csv")
    assert code == 0 and "as each seed ended, against the mean images, classes' side\n" in out
    pixels = np.array([DIGITS.x[DIGITS.labels == c].mean(axis=0) for c in range(10)])
    theirs = np.linalg.svd(pixels - pixels.mean(axis=0))[0]
    ours = np.linalg.svd(centred_means(Run.open(dfa), 1, 8)[2])[0]
    table = pd.read_csv(tmp_path / "align.csv").query("seed == 2 and mode < 10")
    overlap = np.abs(theirs.T @ ours)[range(9), range(9)]
    np.testing.assert_allclose(table["cosine_U"].abs(), overlap, atol=1e-3)


def test_align_to_another_run_compares_the_same_layer_and_finds_itself(dfa, backprop, capsys):
    code, out, _ = said(capsys, "align", dfa, "--to", dfa)
    rows = [line.split() for line in out.splitlines() if line[:1] in "123456789"]
    assert code == 0 and all(row[2] in ("same", "sign-flipped") for row in rows if row[1] != "null")
    assert said(capsys, "align", dfa, "--to", backprop, "--layer 1")[0] == 0
    code, out, _ = said(capsys, "align", dfa, "--to", dfa, "--layer 3")  # the output, with the input
    assert code == 0 and re.findall(r"^\d+ +\d+ +(.*\S) 3 ", out, re.M) == ["same up to sign"] * 9


def test_the_leaves_of_a_runs_trees_are_the_classes(dfa, tmp_path, capsys):
    words = "dendrogram", dfa, "--epoch 0 8 --agreement", tmp_path / "agreement.csv"
    code, out, _ = said(capsys, *words)
    trees = [line.split()[2:] for line in out.splitlines() if line.startswith("epoch ")][:2]
    assert code == 0 and all(sorted(leaves) == list(DIGITS.classes) for leaves in trees)
    agreement = pd.read_csv(tmp_path / "agreement.csv")
    assert agreement["agreement"].between(-1, 1).all() and set(agreement["seed"]) == {0, 1, 2}


def test_pictures_of_a_run_on_images_are_drawn(dfa, tmp_path, capsys):
    for words in ("modes {run} --plot a.png --plot-strengths b.png", "align {run} --plot c.png"):
        words = words.format(run=dfa).replace(".png", "").split()
        words = [f"{tmp_path}/{word}.png" if word in "abc" else word for word in words]
        assert main(words) == 0
    assert main(["dendrogram", str(dfa), "--plot", f"{tmp_path}/d.png"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png", "c.png", "d.png"]


@pytest.mark.parametrize(("layer", "which"), [("2", "class means"), ("3", "output with input")])
def test_the_picture_of_a_layer_has_the_modes_of_its_table_and_says_what_the_matrix_is(
    dfa, tmp_path, monkeypatch, layer, which
):
    drawn = delivered(monkeypatch)
    files = ["--csv", str(tmp_path / "modes.csv"), "--plot", str(tmp_path / "modes.png")]
    assert main(["modes", str(dfa), "--layer", layer, "--seed", "1", *files]) == 0
    table, figure = drawn
    _, U, S, V = (ax.collections[0].get_array() for ax in figure.axes[:4])
    assert U.shape == (10, 9) and len(table) == 9
    # of the output, in the order of the targets'
    s = np.diag(S) if layer == "2" else np.sort(np.diag(S))[::-1]
    np.testing.assert_allclose(s, table["singular_value"], rtol=1e-5)
    np.testing.assert_allclose(U, V.T, atol=1e-6)
    assert (
        f"Classes' side: (M M')^(1/2), where M is {'the ' * (layer == '2')}{which}" in figure.get_supxlabel()
    )
    figure.draw_without_rendering()
    for ax in figure.axes:
        title = ax.title.get_window_extent()
        assert figure.bbox.x0 <= title.x0 and title.x1 <= figure.bbox.x1


def test_the_output_is_looked_at_by_how_it_goes_with_the_input(dfa, tmp_path, capsys):
    code, out, _ = said(capsys, "modes", dfa, "--layer 3 --epoch 4 --seed 1 --csv", tmp_path / "modes.csv")
    assert code == 0 and "with the input" in out
    x = DIGITS.x.astype(float)
    x -= x.mean(axis=0)
    y = Run.open(dfa).response(DIGITS.x).sel(seed=1, epoch=4).values.astype(float)
    U, s, Vt = np.linalg.svd(DIGITS.targets.values.T @ x / len(x))  # centred, as x is
    table = pd.read_csv(tmp_path / "modes.csv").query("mode < 10")
    np.testing.assert_allclose(table["reference"], s[:9], rtol=1e-4)
    np.testing.assert_allclose(table["strength"], np.diag(U.T @ (y.T @ x / len(x)) @ Vt.T)[:9], atol=1e-5)
    assert said(capsys, "modes", dfa, "--layer 3 --plot", tmp_path / "modes.png")[0] == 0
    assert said(capsys, "modes", dfa, "--layer 3 --plot-strengths", tmp_path / "strengths.png")[0] == 0
    assert said(capsys, "align", dfa, "--layer 3")[0] == 0


def test_how_the_output_goes_with_the_input_is_the_same_from_the_weights(dfa):
    run = Run.open(dfa).sel(epoch=[0, 8])
    np.testing.assert_allclose(run.input_output(DIGITS), run.input_output(), rtol=1e-4, atol=1e-6)


def test_a_layer_of_which_nothing_is_kept_is_refused(backprop, capsys):
    assert refused(capsys, "modes", backprop, "--layer 3") == (
        f"{backprop} keeps class means of hidden layers, 1 to 2, and of the output nothing (record input_output)"
    )


def test_strengths_that_were_recorded_on_images_are_drawn_and_the_rest_says_what_to_record(
    tmp_path, capsys, monkeypatch
):
    path, drawn = tmp_path / "run.zarr", delivered(monkeypatch)
    assert said(capsys, WORDS, path, "--record strengths")[0] == 0
    for words in ("", "--layer 3"):
        assert said(capsys, "modes", path, words, "--plot-strengths", tmp_path / "x.png")[0] == 0
        figure = drawn.pop()
        lines = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
        expected = Run.open(path).data["strength"].mean("seed")
        for mode in range(1, 11):
            np.testing.assert_allclose(lines[str(mode)], expected.sel(mode=mode), rtol=1e-5)
        caption = " ".join(figure.get_supxlabel().split())
        assert "Modes are those of the targets. Means over 3 seeds; bands" in caption
    line = refused(capsys, "modes", path, "--layer 1 --plot-strengths", tmp_path / "x.png")
    assert line == f"--plot-strengths follows the output of a run, and layer 1 of {path} is hidden"
    assert refused(capsys, "align", path) == (
        f"{path} keeps no targets to compare its output with; of images, --record class_means input_output keeps how "
        "both go with the input"
    )


def test_strengths_of_the_output_are_drawn_where_class_means_of_hidden_layers_are_kept_besides(
    tmp_path, capsys, monkeypatch
):
    path, drawn = tmp_path / "run.zarr", delivered(monkeypatch)
    assert said(capsys, WORDS, path, "--record strengths class_means")[0] == 0
    assert said(capsys, "modes", path, "--layer 3 --plot-strengths", tmp_path / "x.png")[0] == 0
    assert "Modes are those of the targets" in " ".join(drawn.pop().get_supxlabel().split())


def test_stages_of_the_output_with_the_input_are_not_read_off_other_strengths(dfa, tmp_path, capsys):
    words = "--rule dfa_random --record class_means input_output strengths"
    assert said(capsys, WORDS, tmp_path / "run.zarr", words)[0] == 0
    for run, name in ((dfa, "a.csv"), (tmp_path / "run.zarr", "b.csv")):
        assert said(capsys, "modes", run, "--layer 3 --csv", tmp_path / name)[0] == 0
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_a_classifier_is_trained_on_competing_units_and_on_any_others(tmp_path, dfa, capsys):
    words = "train --images digits --rule krotov_hopfield --hidden 40 --epochs 5 --batch-size 50 -o"
    assert said(capsys, words, tmp_path / "kh.zarr")[0] == 0
    words = f"readout {tmp_path}/kh.zarr --images digits --epochs 8 --probe -o {tmp_path}/classifier.zarr"
    code, out, err = said(capsys, words)
    expected = read_out(Run.open(tmp_path / "kh.zarr"), DIGITS, epochs=8, progress=False)
    kept = Run.open(tmp_path / "classifier.zarr")
    np.testing.assert_array_equal(kept.weights(1).values, expected.weights(1).values)
    share = 100 * float(expected.data["accuracy"][0, -1])
    assert (code, err) == (0, "") and f"\ntest accuracy {share:.2f} %, on the training images " in out
    assert "relu(w'x)^4.5 at unit length; power, 8 epochs" in out
    probed = 100 * float(linear_probe(Run.open(tmp_path / "kh.zarr"), DIGITS, power=4.5)[0])
    assert f"\ntest accuracy of a logistic regression {probed:.2f} %\n" in out
    assert refused(capsys, words) == f"{tmp_path}/classifier.zarr is there already; name another place"
    code, out, _ = said(capsys, "readout", dfa, "--images digits --layer 2 --head softmax --epochs 1")
    assert code == 0 and "layer 2, its own activity; softmax, 1 epochs" in out
    expected = read_out(Run.open(dfa), DIGITS, layer=2, power=None, head="softmax", epochs=1, progress=False)
    assert f"\ntest accuracy {accuracies(expected)}, on the training images " in out


def test_a_classifier_that_cannot_be_kept_is_refused_before_it_is_trained(dfa, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("semantic_svd.readouts.read_out", lambda *_, **__: pytest.fail("work began"))
    place = tmp_path / "file"
    place.write_text("no folder")
    line = refused(capsys, "readout", dfa, "--images digits -o", place / "classifier.zarr")
    assert line == f"cannot write to the folder {place}: File exists; name one that can be written to"


def test_a_readout_that_is_refused_leaves_no_folder(dfa, tmp_path, capsys):
    line = refused(
        capsys, "readout", dfa, "--images digits --layer 9 -o", tmp_path / "new" / "sub" / "c.zarr"
    )
    assert line.startswith("the run has hidden layers 1 to ") and not (tmp_path / "new").exists()


def test_a_run_on_images_goes_on_without_its_units_being_named_again(tmp_path, capsys):
    first, second = tmp_path / "first.zarr", tmp_path / "second.zarr"
    words = "train --images digits --rule dfa_random --epochs 1 --seeds 2"
    assert said(capsys, words, "--hidden 7 5 -o", first)[0] == 0
    assert said(capsys, words, "--start", first, "-o", second)[0] == 0
    begun, ended = Run.open(second), Run.open(first).final()
    assert begun.network.sizes == (64, 7, 5, 10)
    np.testing.assert_array_equal(begun.data["W2"].sel(epoch=0), ended.data["W2"])
