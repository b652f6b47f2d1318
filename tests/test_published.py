"""Studies of the literature: what is trained, measured, held against a source, drawn and gone on with."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import spearmanr

from semantic_svd import RULES, Network, Run, load_images, train
from semantic_svd.classes import centred_means
from semantic_svd.cli import main
from semantic_svd.cli.reproduce import STUDIES
from semantic_svd.dendrograms import linkage
from semantic_svd.modes import effective_rank
from semantic_svd.plasticity import Hebb
from semantic_svd.plots import course_sheet, error_panels, number_curves, strength_sheet, structure_panels
from semantic_svd.report import load_analysis, published, scripts
from semantic_svd.report.claims import above, below
from semantic_svd.report.courses import ORDER, RANK, TEST, TRAINING, TREE, TURN, order_agreement, spread
from semantic_svd.report.hidden import farthest_moved
from semantic_svd.report.published import Part, Reported, Study, held
from semantic_svd.rules import sum_rule
from semantic_svd.similarity import procrustes_angle
from semantic_svd.tables import tree_from
from semantic_svd.top import top_folder

RULES_OF = {"backprop": RULES["backprop"], "FA": RULES["fa_random"], "Hebb, β = 9": sum_rule(Hebb(), 9.0)}
PARTS = (
    Part("small", RULES_OF, (12,)),
    Part("sum", {k: RULES_OF[k] for k in ("backprop", "Hebb, β = 9")}, (6, 5), axis="β"),
)
WORSE = Reported(
    "FA is worse", "here", "points", lambda error: error("small", "FA") - error("small", "backprop"), above(0)
)
LOST = Reported(
    "It names images", "here", "error (%)", lambda error: error("small", "Hebb, β = 9"), below(50)
)
STUDY = Study("study", PARTS, (WORSE, LOST))
FIGURES = ("angles", "errors", "strengths", "structure", "trees")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The study on digits, two trainings of each network."""
    folder = tmp_path_factory.mktemp("study")
    claims = STUDY.rerun(folder / "figures", "digits", epochs=12, seeds=2, runs=str(folder / "runs"))
    return folder, claims


def shown(folder, figure, *index):
    """Read the table that a figure of the study shows."""
    table = pd.read_csv(folder / "figures" / f"study_digits_{figure}.csv")
    return table.set_index(list(index)) if index else table


def trainings(folder, network):
    """Open the trainings of a network of the small part, seed 0 and seed 1."""
    runs = map(Run.open, (folder / "runs").glob(f"{network}-digits-hidden_12-*.zarr"))
    return sorted(runs, key=lambda run: int(run.data["seed"][0]))


def test_a_study_writes_its_figures_and_claims_and_keeps_its_trainings(done):
    folder, _ = done
    kinds = [f"{name}.{kind}" for name in FIGURES for kind in ("csv", "pdf", "png")]
    expected = [f"study_digits_{name}" for name in (*kinds, "claims.csv", "claims.md")]
    assert sorted(path.name for path in (folder / "figures").iterdir()) == sorted(expected)
    assert len(list((folder / "runs").glob("*.zarr"))) == 10  # 5 networks, two trainings each


def test_the_errors_are_those_of_the_runs(done):
    folder, _ = done
    table, images = shown(folder, "errors", "network", "measure"), load_images("digits")
    ends = [run.final() for run in trainings(folder, "FA")]
    wrong = [100 * (1 - end.evaluate(images).item()) for end in ends]
    row = table.loc[("FA", TEST)]
    np.testing.assert_allclose(
        row[["mean", "low", "high"]].astype(float), [np.mean(wrong), min(wrong), max(wrong)], rtol=1e-5
    )
    wrong = [100 * np.mean(end.response(images.x).values[0].argmax(1) != images.labels) for end in ends]
    np.testing.assert_allclose(table.loc[("FA", TRAINING), "mean"], np.mean(wrong), rtol=1e-5)


def test_backprop_is_what_others_are_held_against_and_what_diverged_has_no_structure(done):
    folder, _ = done
    table = shown(folder, "structure", "part", "network", "measure")
    for part in ("small", "sum"):
        assert table.loc[(part, "backprop", TREE), "mean"] == pytest.approx(1)
        assert table.loc[(part, "backprop", TURN), "mean"] == pytest.approx(0, abs=1e-4)
        assert table.loc[(part, "backprop", ORDER), "mean"] == pytest.approx(1)
    assert 0 < table.loc[("small", "FA", TURN), "mean"] < 90
    assert table.loc[("small", "FA", "feedback angle (degrees), layer 1"), "mean"] < 90
    assert table.loc[("small", "Hebb, β = 9", TREE), "n"] == 0
    trees = shown(folder, "trees")
    assert ("small", "Hebb, β = 9") not in set(zip(trees["part"], trees["network"], strict=True))


def test_strengths_are_shares_of_the_first_mode_at_the_end(done):
    folder, _ = done
    table = shown(folder, "strengths")
    last = table[(table["epoch"] == 12) & (table["network"] == "FA") & (table["part"] == "small")]
    assert last["mode"].tolist() == list(range(1, 10))
    assert last["mean"].iloc[0] == pytest.approx(1) and (last["mean"].diff().iloc[1:] <= 0).all()


def test_the_order_of_modes_is_held_against_that_under_backprop(done):
    folder, _ = done
    agreements = []
    for of_seed in zip(trainings(folder, "FA"), trainings(folder, "backprop"), strict=True):
        means = [run.class_means(1).isel(seed=0).values.astype(float) for run in of_seed]
        fed, base = (of - of.mean(axis=1, keepdims=True) for of in means)
        U = np.linalg.svd(base[-1])[0][:, :9]
        when = []
        for means in (fed, base):
            made = np.einsum("cm,ecu->meu", U, means)
            course = np.einsum("meu,mu->me", made, made[:, -1] / np.linalg.norm(made[:, -1], axis=1)[:, None])
            gone = (course - course[:, :1]) / (course[:, -1:] - course[:, :1])
            last = [max(e for e in range(7) if mode[e] < 0.5) for mode in gone]
            when.append([2 * (e + (0.5 - g[e]) / (g[e + 1] - g[e])) for e, g in zip(last, gone, strict=True)])
        agreements.append(spearmanr(*np.maximum(when, 2)).statistic)  # the first snapshot is that of epoch 2
    row = shown(folder, "structure", "part", "network", "measure").loc[("small", "FA", ORDER)]
    np.testing.assert_allclose([row["low"], row["high"]], sorted(agreements), rtol=1e-5)


def grown(courses, classes=None, seed=0):
    """Class means that hold modes over classes at given strengths, (epoch, mode), one epoch after the other."""
    rng, n = np.random.default_rng(seed), np.shape(courses)[1] + 1
    U = np.linalg.svd(np.eye(n) - 1 / n)[0][:, : n - 1] if classes is None else classes
    V = np.linalg.qr(rng.normal(size=(n + 2, n - 1)))[0]
    means = U * np.asarray(courses, float)[:, None] @ V.T
    return xr.DataArray(means, {"epoch": range(0, 2 * len(means), 2)}, ("epoch", "class", "unit"))


EARLY_FIRST = np.array([[0, 0, 0], [0.4, 0.2, 0.1], [0.8, 0.4, 0.2], [1, 0.8, 0.4], [1, 1, 1]]) * [4, 3, 2]


def test_the_order_of_modes_is_of_the_same_modes_whatever_their_numbers():
    U = np.linalg.qr(np.random.default_rng(3).normal(size=(4, 3)))[0]
    base = grown(EARLY_FIRST, U)
    assert order_agreement(grown(EARLY_FIRST, U, seed=1), base) == 1
    # the same modes at the same times, but the last is the strongest: its number is 1 now
    assert order_agreement(grown(EARLY_FIRST * [1, 1, 9], U, seed=1), base) == 1
    assert order_agreement(grown(EARLY_FIRST[:, ::-1], U, seed=1), base) == -1
    # the strengths are those of the base, mode by mode, but what stands for them are other classes
    assert order_agreement(grown(EARLY_FIRST, U[[2, 0, 3, 1]], seed=1), base) < 1


@pytest.mark.parametrize(
    "courses",
    [
        EARLY_FIRST[[0, 4, 4]],  # all grown at the first snapshot
        EARLY_FIRST[[0, 4]],
        9 - EARLY_FIRST,  # they shrink
    ],
)
def test_an_order_that_snapshots_do_not_show_is_none(courses):
    U = np.linalg.qr(np.random.default_rng(3).normal(size=(4, 3)))[0]
    assert np.isnan(order_agreement(grown(courses, U, seed=1), grown(EARLY_FIRST, U)))


def test_likeness_to_backprop_stands_beside_that_of_no_learning_and_of_another_start(done):
    folder, _ = done
    table = shown(folder, "structure", "part", "network", "measure")
    means = [centred_means(run, 1).isel(seed=0, drop=True) for run in trainings(folder, "backprop")]
    ends = [of.isel(epoch=-1) for of in means]
    untrained = [float(procrustes_angle(of[0], end)) for of, end in zip(means, ends, strict=True)]
    row = table.loc["small", "not trained", TURN]
    np.testing.assert_allclose([row["low"], row["high"]], sorted(untrained), rtol=1e-5)
    row = table.loc["small", "not trained", RANK]
    ranks = sorted(float(effective_rank(of[0])) for of in means)
    np.testing.assert_allclose([row["low"], row["high"]], ranks, rtol=1e-5)
    row = table.loc["small", "backprop, another start", TURN]
    assert row["n"] == 1  # two trainings are one pair
    np.testing.assert_allclose(row["mean"], float(procrustes_angle(*ends)), rtol=1e-5)


def test_the_trees_are_those_of_the_class_means(done):
    folder, _ = done
    links = shown(folder, "trees")
    means = trainings(folder, "FA")[0].class_means(1).isel(seed=0, epoch=-1, drop=True).astype(float)
    of = links[(links["part"] == "small") & (links["network"] == "FA")]
    np.testing.assert_allclose(
        tree_from(of, load_images("digits").classes).Z[:, 2],
        linkage(means - means.mean("class"), metric="correlation").Z[:, 2],
        rtol=1e-5,
    )


def test_claims_are_judged_by_differences_between_networks_that_began_alike(done):
    folder, claims = done
    fed, base = (
        [100 * (1 - run.final().data["accuracy"].values.item()) for run in trainings(folder, name)]
        for name in ("FA", "backprop")
    )
    gaps = np.subtract(fed, base)
    row = claims.iloc[0]
    np.testing.assert_allclose([row["mean"], row["low"], row["high"]], [np.mean(gaps), min(gaps), max(gaps)])
    word = "yes" if min(gaps) > 0 else "no" if max(gaps) <= 0 else "unclear"
    assert row["agrees"] == f"{word}, {sum(gap > 0 for gap in gaps)} of 2"
    assert claims.iloc[1]["agrees"] == "diverged"
    text = (folder / "figures" / "study_digits_claims.md").read_text()
    assert "| It names images (here) | error (%): diverged | < 50 | **diverged** |" in text


def test_what_is_trained_is_not_trained_again(done, monkeypatch):
    folder, claims = done
    before = {path: path.stat().st_mtime_ns for path in (folder / "runs").rglob("*/c/*")}
    again = STUDY.rerun(folder / "again", "digits", epochs=12, seeds=2, runs=str(folder / "runs"))
    pd.testing.assert_frame_equal(again, claims)
    assert before == {path: path.stat().st_mtime_ns for path in (folder / "runs").rglob("*/c/*")}
    for name in FIGURES:
        file = f"study_digits_{name}.png"
        assert (folder / "again" / file).read_bytes() == (folder / "figures" / file).read_bytes()


def test_folds_are_trainings_of_their_own(tmp_path):
    study = Study(
        "study", (Part("small", {"backprop": RULES["backprop"], "FA": RULES["fa_random"]}, (4,)),), ()
    )
    study.rerun(tmp_path / "figures", "digits", epochs=1, seeds=1, folds=3, runs=str(tmp_path / "runs"))
    runs = [Run.open(path).data for path in (tmp_path / "runs").glob("FA*.zarr")]
    assert sorted(int(run.seed[0]) for run in runs) == [0, 1, 2]  # each begins with weights of its own
    assert len({run.data_hash for run in runs}) == 3
    table = pd.read_csv(tmp_path / "figures" / "study_digits_errors.csv")
    assert (table["n"] == 3).all() and "cross-validated in 3 folds" not in table.to_string()


def test_networks_are_held_against_a_source_at_their_own_last_epochs():
    rows = [("p", "a", "d", 0, TEST, epoch, 0, value) for epoch, value in ((0, 90.0), (10, 5.0))]
    rows += [("p", "b", "d", 0, TEST, epoch, 0, value) for epoch, value in ((0, 90.0), (40, 4.0))]
    courses = pd.DataFrame(
        rows, columns=["part", "network", "data", "seed", "measure", "epoch", "mode", "value"]
    )
    claim = Reported("b is better", "x", "points", lambda error: error("p", "a") - error("p", "b"), above(0))
    assert held([claim], courses)[["mean", "agrees"]].values.tolist() == [[1.0, "yes, 1 of 1"]]


def test_a_claim_that_some_trainings_did_not_live_to_says_how_many_did():
    errors = {"a": (5.0, np.nan), "b": (4.0, 4.0), "c": (np.nan, np.nan), "d": (5.0, np.inf)}
    rows = [("p", name, "d", seed, TEST, 9, errors[name][seed]) for name in errors for seed in (0, 1)]
    courses = pd.DataFrame(rows, columns=["part", "network", "data", "seed", "measure", "epoch", "value"])
    claims = [
        Reported(f"{name} > 3", "x", "%", lambda error, name=name: error("p", name), above(3))
        for name in "abcd"
    ]
    table = held(claims, courses)
    some = "yes, 1 of 1; 1 diverged"
    assert table["agrees"].tolist() == [some, "yes, 2 of 2", "diverged", some]
    assert table["mean"].iloc[3] == 5


def test_the_mean_of_each_row_is_that_of_its_own_trainings_where_some_are_missing():
    rng = np.random.default_rng(0)
    rows = [
        ("p", network, "d", seed, measure, epoch, 0, rng.random())
        for network, seeds in (("late", (2, 0)), ("all", (0, 1, 2)))
        for measure in (TRAINING, TREE, TEST)
        for seed in seeds
        for epoch in (4, 0)
    ]
    courses = pd.DataFrame(
        rows, columns=["part", "network", "data", "seed", "measure", "epoch", "mode", "value"]
    )
    for row in spread(courses).to_dict("records"):
        mine = [r[-1] for r in rows if (r[1], r[4], r[5]) == (row["network"], row["measure"], row["epoch"])]
        expected = [np.mean(mine), min(mine), max(mine), len(mine)]
        np.testing.assert_allclose([row[name] for name in ("mean", "low", "high", "n")], expected)


def test_a_failed_training_is_said_in_one_line(tmp_path, monkeypatch):
    table = pd.DataFrame({"run": ["x-1"], "status": ["failed"], "error": ["disk full"]})
    monkeypatch.setattr(published, "sweep", lambda *a, **k: table)
    with pytest.raises(published.InputError, match=r"^x-1 failed: disk full$"):
        STUDY.rerun(tmp_path, "digits")


def test_curves_over_a_number_have_its_values_and_a_level_for_what_has_none():
    table = pd.DataFrame({"network": ["a, β = 0.1", "a, β = 1e-06", "b"], "mean": [1.0, 2.0, 3.0]})
    ax = number_curves(table.assign(low=table["mean"], high=table["mean"]), "β", "error (%)")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["b", "a"]
    assert ax.containers[0].lines[0].get_xydata().tolist() == [[0.1, 1.0], [1e-6, 2.0]]


def test_an_open_mark_of_a_curve_lies_over_the_filled_one():
    table = pd.DataFrame({"network": ["a, β = 0.1", "a, β = 1"], "mean": [1.0, 2.0], "open": [False, True]})
    ax = number_curves(table.assign(low=table["mean"], high=table["mean"]), "β", "error (%)")
    (mark,) = (line for line in ax.lines if line.get_mfc() == "white")
    assert mark.get_xydata().tolist() == [[1.0, 2.0]]
    assert mark.zorder > ax.containers[0].lines[0].zorder


def test_a_sheet_says_of_which_networks_how_many_trainings_diverged():
    rows = {
        "part": "p",
        "network": ["a", "a", "b", "b", "c", "c"],
        "epoch": [0, 9] * 3,
        "mean": [1.0, 2.0, 1.0, np.nan, 1.0, 2.0],
        "n": [3, 3, 3, 0, 3, 1],
    }
    table = pd.DataFrame(rows | {"low": 0.0, "high": 3.0, "mode": 1, "measure": "angle"})
    for figure in (strength_sheet(table, ""), course_sheet(table, "degrees", "")):
        said = [ax.get_title("left").split("\n")[1] for ax in figure.axes[:3]]
        assert said == ["a", "b (diverged)", "c (2 of 3 diverged)"]


@pytest.mark.parametrize(
    ("n", "said"),
    [
        ([3, 3, 3], ""),
        (
            [3, 1, 3],
            "An open mark is the mean of fewer trainings: the others diverged or have no such number.",
        ),
        ([3, 3, 0], "A network without any mark diverged."),
    ],
)
def test_what_some_trainings_ended_with_is_not_shown_as_what_all_did(n, said):
    rows = {"network": ["a", "b", "c"], "mean": [1.0, 2.0, np.nan if n[2] == 0 else 3.0], "n": n}
    for draw, name in (
        (lambda *of: error_panels(*of[:1], {}, ""), "test error (%)"),
        (structure_panels, "angle"),
    ):
        table = pd.DataFrame(rows | {"part": "p", "measure": name})
        figure = draw(table.assign(low=table["mean"], high=table["mean"]), "")
        (ax,) = figure.axes
        open_at = [x for line in ax.lines if line.get_mfc() == "white" for x in line.get_xdata()]
        assert [x for x in open_at if np.isfinite(x)] == [2.0] * (n[1] == 1)
        assert figure._supxlabel.get_text().replace("\n", " ").endswith(said)
        assert ("mark" in figure._supxlabel.get_text()) == bool(said)


def test_a_layer_looks_alike_in_all_figures_of_a_study_and_no_series_like_a_measure():
    layers = ["feedback angle (degrees), layer 1", "feedback angle (degrees), layer 2"]
    table = pd.DataFrame(
        {"part": "p", "network": "a", "measure": ["angle", *layers], "mean": [1.0, 2.0, 3.0], "n": 3}
    )
    table = table.assign(low=table["mean"], high=table["mean"])
    structure = structure_panels(table, "")
    courses = course_sheet(table.assign(epoch=9), "degrees", "")
    of_rows = {
        line.get_xdata()[0]: line.get_color() for ax in structure.axes for line in ax.lines if line.get_mfc()
    }
    of_courses = {line.get_ydata()[0]: line.get_color() for ax in courses.axes for line in ax.lines}
    assert of_courses.items() <= of_rows.items() and len(set(of_courses.values())) == 3
    errors = pd.DataFrame(
        {"part": "q", "network": ["Hebb, β = 1", "Hebb, β = 2", "Oja, β = 1"], "mean": 2.0, "n": 3}
    )
    rows = pd.DataFrame(
        {"part": "p", "network": "a", "measure": ["test error (%)", "training error (%)"], "mean": 2.0}
    )
    both = pd.concat([rows.assign(n=3), errors.assign(measure="test error (%)")]).assign(low=2.0, high=2.0)
    figure = error_panels(both, {"q": "β"}, "")
    (legend,) = figure.legends
    named = dict(zip([text.get_text() for text in legend.get_texts()], legend.legend_handles, strict=True))
    assert set(named) == {"test error (%)", "training error (%)", "Hebb", "Oja"}
    assert len({str(handle.get_color()) for handle in named.values()}) == 4


def test_errors_of_a_part_beside_zero_can_be_read_off():
    rows = pd.DataFrame(
        {"part": "p", "network": ["backprop", "b"], "measure": "test error (%)", "mean": [0.0, 7.6]}
    )
    (alone,) = error_panels(rows.assign(low=rows["mean"], high=rows["mean"], n=3), {}, "").axes
    least, most = alone.get_xlim()
    shown = {round(tick, 6) for tick in alone.get_xticks() if least <= tick <= most}
    assert shown >= {0, 0.1, 0.2, 0.5, 1, 2, 5}
    assert alone.get_title("left") == "p"  # a letter would set it apart from others


def test_what_leaves_the_panels_of_a_sheet_is_said():
    table = pd.DataFrame(
        {"part": "p", "network": "a", "epoch": [0, 9], "mode": 1, "mean": [0.0, 1.0], "n": 3}
    )
    for high, said in (([0.0, 1.0], False), ([0.0, 3.0], True)):
        text = strength_sheet(table.assign(low=0.0, high=high), "")._supxlabel.get_text()
        assert ("What leaves a panel is cut off." in text) == said


def test_image_sets_that_are_not_what_their_name_says_are_named_as_what_they_are():
    digits = load_images("digits")
    assert published.says(digits, "x", 0).startswith("digits: 1,500 images")
    assert published.says(replace(digits, name="cifar-10-jpeg"), "x. ", 0).startswith(
        "cifar-10-jpeg (all of CIFAR-10 after a lossy JPEG step): 1,500 images"
    )


def test_neither_one_wide_interval_nor_what_diverged_presses_the_lines_of_a_sheet_down():
    table = pd.DataFrame(
        {
            "part": "p",
            "network": ["a", "b", "c"],
            "epoch": 0,
            "mode": 1,
            "mean": [1, 0.5, np.inf],
            "n": [3, 3, 0],
        }
    )
    figure = strength_sheet(table.assign(low=0.0, high=[1.1, 40.0, np.inf]), "")
    assert [ax.get_ylim() for ax in figure.axes[:2]] == [pytest.approx((-0.05, 1.05))] * 2


# --------------------------------------------------------------------------------------------------------- the studies


def test_a_study_of_no_epochs_is_that_of_the_start(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", "competing-units", "--images", "digits", "--epochs", "0", "--seeds", "1"]) == 0
    assert set(pd.read_csv("figures/competing_units_digits_growth.csv")["epoch"]) == {0}


def test_the_units_that_moved_farthest_come_first():
    digits = load_images("digits")
    network = Network((64, 8, 10), "relu", "softmax")
    run = train("backprop", network, digits.x, digits.targets, epochs=3, batch_size=50)
    W = run.weights(1).sel(seed=0).values  # (epoch, unit, pixel)
    order = sorted(range(8), key=lambda unit: -((W[-1, unit] - W[0, unit]) ** 2).sum())
    for place, unit in enumerate(order[:3]):
        pictures = farthest_moved(run, (8, 8), 3)[place]
        np.testing.assert_array_equal(pictures, W[:, unit].reshape(-1, 8, 8))


def test_what_is_said_of_competing_units_is_said_of_the_images_it_was_found_on():
    study, grey = load_analysis(top_folder("analyses") / "competing_units.py"), load_images("digits")
    texts = {
        name: [claim.text for claim in study.reported(replace(grey, name=name, shape=shape))]
        for name, shape in (("mnist", (8, 8)), ("digits", (8, 8)), ("cifar10", (4, 4, 4)))
    }
    assert texts["mnist"] == ["Test error of 1.46 %", *texts["digits"]]
    assert texts["cifar10"] == ["Competing units are worse than backprop", "at most a little"]


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_runs_by_its_name_on_any_images(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["reproduce", name, "--images", "digits", "--epochs", "1", "--seeds", "1"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert said.startswith("claim of the source") and said.endswith("figures and tables: figures\n")
    made = {path.name for path in (tmp_path / "figures").iterdir()}
    stem = f"{name.replace('-', '_')}_digits"
    assert made >= {f"{stem}_{figure}.pdf" for figure in FIGURES} | {f"{stem}_claims.md"}
    assert list((tmp_path / "runs").glob("*.zarr"))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--epochs 3", f"--epochs is for a study; there are {', '.join(STUDIES)}"),
        ("hebb", f"no study 'hebb'; there are {', '.join(STUDIES)}"),
        (
            "hebbian-learning --images digits --folds 1",
            "digits: n (folds) is a whole number from 2 to 174, not 1",
        ),
        *(
            (f"{study} --images digits --folds 0", "digits: n (folds) is a whole number from 2 to 174, not 0")
            for study in ("hebbian-learning", "competing-units")
        ),
        ("learned-feedback --images digits --epochs -1", "epochs is a whole number from 0, not -1"),
        ("learned-feedback --images digits --seeds 0", "seeds is a whole number from 1, not 0"),
        ("competing-units --images digits --seeds 0", "seeds is a whole number from 1, not 0"),
        (
            "learned-feedback --images nope",
            "no image set is called 'nope'; the image sets are mnist, fashion-mnist, cifar10, digits "
            "(a folder of your own files is named by its path)",
        ),
    ],
)
def test_what_no_study_can_be_is_refused(words, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", *words.split()]) == 2
    assert capsys.readouterr().err == f"semantic-svd: {line}\n"


def test_the_studies_hold_every_network_of_their_figures():
    def rules(name):
        parts = load_analysis(top_folder("analyses") / f"{name}.py").STUDY.parts
        return {rule for part in parts for rule in part.rules.values()}

    assert {
        RULES[f"hebbnet{of}{more}"] for of in ("", "_oja") for more in ("", "_threshold", "_sparse")
    } < rules("hebbian_learning")
    descent = [f"hebbian_descent{of}{more}" for of in ("", "_oja") for more in ("", "_partial1", "_partial2")]
    assert {RULES[name] for name in descent} < rules("hebbian_learning")
    kinds = [
        f"{path}_{kind}"
        for path in ("fa", "dfa")
        for kind in ("random", "random_sign", "binary", "binary_sign")
    ]
    assert {RULES[name] for name in kinds} < rules("feedback_alignment")
    assert {name.replace("-", "_") for name in STUDIES} < set(scripts.ON_REQUEST)
    assert {RULES[name] for name in ("fa_hebb", "fa_oja", "dfa_hebb", "dfa_oja")} < rules("learned_feedback")


def test_what_is_claimed_of_beta_is_judged_by_all_of_them_and_what_diverged_is_worst():
    study = load_analysis(top_folder("analyses") / "hebbian_learning.py").STUDY
    errors = {
        "backprop": 3.0,
        "1e-06": 3.1,
        "1e-05": 2.9,
        "1e-04": 2.5,
        "1e-03": 4.0,
        "1e-02": 9.0,
        "1e-01": np.nan,
    }
    values = {
        claim.text: claim.value(
            lambda part, network: xr.DataArray([errors[network.split(" = ")[-1]]], dims="seed")
        ).item()
        for claim in study.reported
        if claim.source == "figure 4"
    }
    assert values == {
        f"{words}: {of}": pytest.approx(value)
        for of in ("Hebb", "Oja")
        for words, value in (
            # the errors rank 3, 2, 1, 4, 5, 6
            ("The smaller β the better", 1 - 6 * (4 + 4) / (6 * 35)),
            ("so that the smallest is the best, or as good", 3.1 - 2.5),
            ("and matches backprop", 0.1),
        )
    }


def test_the_errors_by_rate_of_hebbnet_are_those_of_its_runs_and_what_diverged_has_none(
    tmp_path, monkeypatch
):
    analysis = load_analysis(top_folder("analyses") / "hebbnet_rates.py")
    slow, fast, mad = (f"Hebb, rate = {rate:g}" for rate in (1e-4, 0.01, 1e6))
    rules = {slow: (1e-4, 0.1, 0.1), fast: (0.01, 0.1, 0.1), mad: (1e6, 0.1, 0.1)}
    rules = {name: replace(RULES["hebbnet"], rate=rates) for name, rates in rules.items()}
    monkeypatch.setattr(analysis, "PART", Part("HebbNet", {"backprop": RULES["backprop"]} | rules, (12,)))
    analysis.main(tmp_path, "digits", epochs=6, seeds=2, runs=str(tmp_path / "runs"))
    table = pd.read_csv(tmp_path / "hebbnet_rates_digits.csv").set_index(["network", "measure"])
    images, errors = load_images("digits"), {}
    for name, rate in ((slow, "0.0001"), (fast, "0.01")):
        runs = [Run.open(path) for path in sorted((tmp_path / "runs").glob(f"Hebb_rate_{rate}-*.zarr"))]
        errors[name] = [100 * (1 - run.final().evaluate(images).item()) for run in runs]
        found = table.loc[(name, TEST)]
        np.testing.assert_allclose(found[["low", "high"]].astype(float), sorted(errors[name]), rtol=1e-5)
        moved = [procrustes_angle(of[-1], of[0]).item() for of in (centred_means(r, 1)[0] for r in runs)]
        assert table.loc[(name, analysis.MOVED), "mean"] == pytest.approx(np.mean(moved), rel=1e-4)
    assert table.loc[(slow, analysis.MOVED), "mean"] < 1 < table.loc[(fast, analysis.MOVED), "mean"]
    assert (table.loc[mad, "n"] == 0).all()
    training = table.xs(TRAINING, level="measure")["mean"]
    best = training[[slow, fast]].idxmin()
    said = f"{best}: {np.mean(errors[best]):.2f} [{min(errors[best]):.2f}, {max(errors[best]):.2f}]"
    assert said in analysis.at_best(table.reset_index())
