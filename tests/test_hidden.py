"""The analysis of hidden layers: its trainings, its measures by hand, what is made on request only."""

import numpy as np
import pytest

from semantic_svd.dendrograms import linkage
from semantic_svd.images import load_images
from semantic_svd.readouts import linear_probe
from semantic_svd.report import scripts
from semantic_svd.report.hidden import Setting, hidden_tables, save_hidden_figures
from semantic_svd.runs import Run
from semantic_svd.tables import tree_from
from semantic_svd.top import top_folder

DIGITS = load_images("digits")
SETTING = Setting(hidden=16, epochs=3, batch_size=50, seeds=2, oja_rate=0.01, readout_rate=0.1, rival=2)


@pytest.fixture(scope="module")
def tables():
    return hidden_tables(DIGITS, SETTING)


def test_every_rule_is_measured_at_every_epoch(tables):
    rules = ["backprop", "DFA (random)", "BPA", "Krotov-Hopfield"]
    assert list(SETTING.rules()) == rules == list(tables["strengths"]["panel"].unique())
    counts = tables["measures"].groupby(["measure", "rule"]).size()
    assert (counts == 4).all() and len(counts) == 2 * len(rules) + 1
    assert list(tables["trees"]["of"].unique()) == ["mean images", *rules]
    trees = tables["trees"].groupby("of")["epoch"].unique()
    assert trees["mean images"].tolist() == [0] and all(trees[rule].tolist() == [0, 2, 3] for rule in rules)
    means = SETTING.train("DFA (random)", DIGITS).class_means(1).sel(seed=0, epoch=2).drop_vars("seed")
    links = tables["trees"].query("of == 'DFA (random)' and epoch == 2")
    np.testing.assert_allclose(
        tree_from(links, DIGITS.classes).Z, linkage(means.astype(float), metric="correlation").Z
    )
    assert tables["weights"].groupby("rule").size().to_dict() == {"Krotov-Hopfield": 1024, "backprop": 1024}


def test_a_mean_image_is_the_mean_of_its_class():
    threes = DIGITS.x[DIGITS.labels == 3].mean(axis=0)
    np.testing.assert_allclose(DIGITS.means.sel({"class": "3"}), threes, rtol=1e-5, atol=1e-6)


def test_the_second_stage_of_krotov_hopfield_learns_from_the_first():
    run = SETTING.train("Krotov-Hopfield", DIGITS)
    accuracy = run.data.accuracy
    assert accuracy.dims == ("seed", "epoch") and accuracy.sizes["seed"] == 2
    assert (accuracy.sel(epoch=3) > accuracy.sel(epoch=0) + 0.1).all()


def test_figures_and_tables_are_written(tables, tmp_path):
    save_hidden_figures(tables, DIGITS, SETTING, tmp_path, "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"x_{name}.{kind}"
        for name in ("measures", "strengths", "trees", "weights")
        for kind in ("csv", "pdf", "png")
    ]


def test_what_is_on_request_is_there_and_takes_options(tmp_path, monkeypatch):
    for stem in scripts.ON_REQUEST:
        assert (top_folder("analyses") / f"{stem}.py").exists()
    seen = {}
    words = ["x.py", "-o", str(tmp_path), "--epochs", "7", "--data", "pictures"]
    monkeypatch.setattr("sys.argv", words)

    def main(folder, epochs=10, seeds=3, data=None):
        seen.update(folder=folder, epochs=epochs, seeds=seeds, data=data)

    scripts.script(main)
    assert seen == {"folder": tmp_path, "epochs": 7, "seeds": 3, "data": "pictures"}


def test_the_errors_of_the_analysis_on_accuracy_are_those_of_its_runs(tmp_path):
    analysis = scripts.load_analysis(top_folder("analyses") / "accuracy_mnist.py")
    table = analysis.compute(DIGITS, epochs=1, seeds=2, runs=tmp_path).set_index(["row", "measure"])
    *taught, competing = analysis.ROWS
    assert len(table) == 2 * len(taught) + 2
    runs = {path.stem: Run.open(path) for path in tmp_path.iterdir()}
    for row in taught:
        errors = 100 * (1 - runs[row.name.replace(" ", "_").replace(",", "")].final().evaluate(DIGITS).values)
        found = table.loc[(row.name, "test images")]
        assert found["mean"] == pytest.approx(errors.mean(), rel=1e-5)
        assert (found["low"], found["high"]) == pytest.approx((errors.min(), errors.max()), rel=1e-5)
    assert table.loc[("BPA, 500", analysis.PROBED)]["n"] == 2
    probed = 100 * (1 - linear_probe(runs["Krotov-Hopfield_2000"], DIGITS, power=4.5).values)
    assert table.loc[(competing.name, analysis.PROBED)]["mean"] == pytest.approx(probed.mean(), rel=1e-5)
