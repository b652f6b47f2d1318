"""Runs side by side: every number is that of the measure it names, and runs that cannot be compared are refused."""

import re
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from refusals import refused

from semantic_svd import RULES, Network, Run, load_images, load_items, train
from semantic_svd.activations import recorded_run
from semantic_svd.cli import main
from semantic_svd.comparisons import compare_runs
from semantic_svd.dendrograms import agreement
from semantic_svd.intervals import mean_interval
from semantic_svd.modes import half_learned, leakage, strengths, svd
from semantic_svd.plots import caption, dynamics
from semantic_svd.similarity import linear_cka
from semantic_svd.tables import nearest, shown_epochs

ITEMS = load_items("mcclelland2020")
LINEAR = Network((34, 8, 34), biases=False)


@pytest.fixture(scope="module")
def runs():
    made = {rule: train(rule, LINEAR, ITEMS, epochs=400, seeds=5) for rule in ("backprop", "bpa")}
    return made | {"tanh": train("backprop", Network((34, 8, 6, 34), "tanh"), ITEMS, epochs=400, seeds=5)}


@pytest.fixture(scope="module")
def tables(runs):
    return compare_runs(runs)


def value(summary, measure, of, run):
    (row,) = summary.query("measure == @measure and of == @of and run == @run").to_dict("records")
    return row


def test_each_number_of_the_summary_is_its_measure(runs, tables):
    summary, reference = tables[0], svd(ITEMS)
    for name, run in runs.items():
        final, response = run.final(), run.response()
        end = mean_interval(strengths(final.response(), reference)) / reference["s"]
        for mode in (1, 4, 8):
            found = value(summary, "final strength / data's", str(mode), name)
            for bound in ("mean", "low", "high"):
                assert found[bound] == pytest.approx(float(end[bound].sel(mode=mode)))
        times = np.log(half_learned(strengths(response, reference), reference).sel(mode=3))
        found = value(summary, "half learned", "3", name)
        assert found["mean"] == pytest.approx(float(np.exp(times.mean())))  # a geometric mean
        assert value(summary, "leakage", "", name)["mean"] == pytest.approx(
            float(leakage(final.response(), reference).mean())
        )
        hidden = final.hidden(run.network.layers - 1)
        assert value(summary, "agreement with the data's tree, hidden", "", name)["mean"] == pytest.approx(
            float(agreement(hidden, ITEMS).mean())
        )
        assert value(summary, "CKA", "data", name)["mean"] == pytest.approx(
            float(linear_cka(hidden, ITEMS).mean())
        )
    one, other = (runs[name].final().hidden(runs[name].network.layers - 1) for name in ("bpa", "tanh"))
    pair = value(summary, "CKA", "tanh", "bpa")
    assert pair["mean"] == pytest.approx(float(linear_cka(one, other).mean())) and pair["n"] == 5
    assert value(summary, "CKA, shuffled items", "tanh", "bpa")["mean"] < pair["mean"]


def test_the_measures_are_there_once_for_each_run(runs, tables):
    summary, curves = tables
    assert not summary.duplicated(["measure", "of", "run"]).any()
    assert set(summary["run"]) == set(curves["run"]) == set(runs)
    assert (summary["method"] != "").all()
    assert not curves.duplicated(["measure", "of", "run", "epoch"]).any()


def test_every_curve_is_drawn_through_the_epochs_kept_that_are_nearest_to_those_shown(runs):
    eighth = runs["bpa"].sel(epoch=range(0, 401, 8))
    _, curves = compare_runs({"whole": runs["bpa"], "eighth": eighth})
    expected = {"whole": shown_epochs(400), "eighth": nearest(range(0, 401, 8), shown_epochs(400))}
    assert len(expected["whole"]) < 100
    for (_, name), rows in curves.groupby(["measure", "run"]):
        assert sorted(set(rows["epoch"])) == expected[name]


def test_layers_of_runs_that_have_no_seed_in_common_are_compared_with_the_data_only(runs):
    one, other = (runs["bpa"].sel(seed=seeds) for seeds in ([0, 1], [2, 3, 4]))
    summary, _ = compare_runs({"one": one, "other": other})
    assert set(summary.loc[summary["measure"].str.startswith("CKA"), "of"]) == {"data"}


def test_trees_may_be_the_opposite_of_the_datas():
    """Activity that has nothing to do with the items agrees with their tree less than not at all, in half the cases."""
    noise = np.random.default_rng(0).normal(size=(5, 2, 8, 34))
    run = recorded_run({"hidden": noise}, noise, items=ITEMS, targets=ITEMS)
    summary, curves = compare_runs({"one": run, "other": run})
    found = agreement(run.hidden(1), ITEMS)
    assert found.min() < 0
    rows = curves[(curves["run"] == "one") & (curves["measure"] == "agreement")]
    np.testing.assert_allclose(rows["mean"], found.mean("seed"))
    for layer in ("output", "hidden"):
        row = value(summary, f"agreement with the data's tree, {layer}", "", "one")
        assert row["mean"] == pytest.approx(float(found[:, -1].mean()))


def test_without_hidden_layers_the_response_is_compared_at_the_rate_of_the_output():
    rule = replace(RULES["backprop"], rate=(0.4, 0.1, 0.1))
    run = train(rule, Network((34, 34), biases=False), ITEMS, epochs=20, seeds=3)
    summary, curves = compare_runs({"one": run, "other": run})
    np.testing.assert_allclose(curves["rate_steps"], 0.1 * curves["epoch"])
    likeness = float(linear_cka(run.final().response(), ITEMS).mean())
    assert value(summary, "CKA", "data", "one")["mean"] == pytest.approx(likeness)


BOUNDS = {"agreement": (-1, 1), "leakage": (0, 1), "CKA": (0, 1), "mode is": (0, 1), "order": (0, 1)}


def test_no_interval_leaves_the_range_of_its_measure(tables):
    """Agreement with the data's tree varies at 1: without its bounds its interval would pass it."""
    for table in tables:
        for start, (least, most) in BOUNDS.items():
            rows = table[table["measure"].str.startswith(start)]
            assert ((least <= rows["low"]) & (rows["high"] <= most) | rows["n"].eq(0)).all(), start
    agrees = tables[1][tables[1]["measure"] == "agreement"]
    assert (agrees["high"].eq(1) & agrees["mean"].lt(1)).any()


def test_a_seed_that_diverged_is_left_out(runs):
    broken = runs["bpa"].data.copy(deep=True)
    broken["status"][2] = "diverged"
    broken["W1"][2, 100:] = np.nan
    summary, _ = compare_runs({"backprop": runs["backprop"], "bpa": Run(broken)})
    assert value(summary, "leakage", "", "bpa")["n"] == 4
    assert value(summary, "CKA", "bpa", "backprop")["n"] == 4


def test_a_run_whose_seeds_all_diverged_is_left_out_while_two_others_remain(runs, tmp_path, capsys):
    for name in ("backprop", "bpa", "lost"):
        data = runs["bpa" if name == "lost" else name].data
        status = ["diverged"] * 5 if name == "lost" else data["status"].values
        Run(data.assign(status=("seed", status))).save(tmp_path / f"{name}.zarr")
    words = [str(tmp_path / f"{name}.zarr") for name in ("backprop", "lost", "bpa")]
    outputs = []
    for chosen in (words, [words[0], words[2]]):
        assert main(["compare", *chosen, "--csv", str(tmp_path / f"{len(chosen)}.csv")]) == 0
        outputs.append(capsys.readouterr())
    assert outputs[0].err == "semantic-svd: left out: lost, every seed of which diverged\n"
    assert outputs[0].out == outputs[1].out and outputs[1].err == ""
    assert (tmp_path / "3.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()
    assert main(["compare", *words[:2]]) == 2
    line = "every seed of lost diverged: there is nothing to compare"
    assert capsys.readouterr() == ("", f"semantic-svd: {line}\n")
    assert refused(compare_runs, {**runs, "lost": Run.open(words[1])}) == line


def test_runs_on_images_are_compared_by_their_classes(tmp_path, capsys):
    for rule in ("backprop", "dfa_random"):
        words = (
            f"train --images digits --rule {rule} --hidden 12 --epochs 4 --seeds 2 -o {tmp_path}/{rule}.zarr"
        )
        assert main(words.split()) == 0
    names = [str(tmp_path / f"{rule}.zarr") for rule in ("backprop", "dfa_random")]
    assert (
        main(["compare", *names, "--plot", str(tmp_path / "page.png"), "--csv", str(tmp_path / "a.csv")]) == 0
    )
    summary, curves = compare_runs({name: Run.open(name) for name in names})
    digits, run = load_images("digits"), Run.open(names[0])
    x = digits.x.astype(float)
    reference = svd((digits.targets.values.T @ (x - x.mean(axis=0))) / len(x))
    end = strengths(run.final().input_output().values, reference) / reference["s"]
    found = value(summary, "final strength / data's", "2", names[0])
    assert found["mean"] == pytest.approx(float(end.sel(mode=2).mean()), rel=1e-3)
    modes = summary[summary["measure"] == "final strength / data's"]["of"]
    assert sorted(set(modes), key=int) == [str(k) for k in range(1, 10)]  # ten classes, less their mean
    rows = curves[(curves["run"] == names[0]) & (curves["measure"] == "leakage")]
    assert rows["rate_steps"].tolist() == pytest.approx([0.1 * 15 * epoch for epoch in range(5)])


def test_runs_on_images_that_kept_every_image_are_compared_as_those_that_kept_their_means():
    digits, network = load_images("digits"), Network((64, 12, 10), "relu", "softmax")
    record = {"record": ["class_means", "input_output"], "epochs": 2, "batch_size": 50, "seeds": 2}

    def compared(**probe):
        rules = ("backprop", "dfa_random")
        made = {rule: train(rule, network, digits.x, digits.targets, **record, **probe) for rule in rules}
        return compare_runs(made)

    for images, means in zip(compared(), compared(probe=digits.means.rename({"class": "item"})), strict=True):
        pd.testing.assert_frame_equal(images, means, rtol=1e-4)
    assert refused(compared, probe=digits.x[:30]) == (
        "backprop keeps nothing that tells the mean image of each class; train it without a probe, or with these "
        "means as the probe, named as the classes"
    )


def test_an_output_that_is_not_taught_is_said_to_be_none(tmp_path, capsys, monkeypatch):
    digits, shape = load_images("digits").first(300, 100), Network((64, 20, 10), "relu", "softmax")
    for rule in ("backprop", "krotov_hopfield"):
        settings = {"epochs": 1, "batch_size": 50, "record": ("class_means", "input_output")}
        train(rule, shape, digits.x, digits.targets, **settings).save(tmp_path / f"{rule}.zarr")
    notes = []
    monkeypatch.setattr("semantic_svd.plots.caption", lambda figure, text: notes.append(text))
    words = [str(tmp_path / name) for name in ("backprop.zarr", "krotov_hopfield.zarr")]
    assert main(["compare", *words, "--plot", str(tmp_path / "page.png")]) == 0
    line = "not taught: the output of krotov_hopfield; only the hidden layer is compared"
    assert capsys.readouterr().err == f"semantic-svd: {line}\n"
    assert notes[0].endswith(f" N{line[1:]}.")


def test_what_was_not_taught_is_not_said_to_have_never_learned(runs, tmp_path, capsys):
    runs["bpa"].save(tmp_path / "bpa.zarr")
    untaught = train("krotov_hopfield", LINEAR, ITEMS, epochs=2, seeds=2)
    untaught.save(tmp_path / "competing.zarr")
    assert main(["compare", str(tmp_path / "bpa.zarr"), str(tmp_path / "competing.zarr")]) == 0
    out = capsys.readouterr().out
    assert "half learned at epoch, mode" in out and "never" not in out


def test_of_an_output_that_is_not_taught_only_the_hidden_layer_is_compared(runs):
    untaught = {name: train("krotov_hopfield", LINEAR, ITEMS, epochs=40, seeds=2) for name in ("one", "two")}
    tables = compare_runs({"bpa": runs["bpa"], **untaught})
    of_hidden = {"agreement", "agreement with the data's tree, hidden", "CKA", "CKA, shuffled items"}
    for table in tables:
        rows = table[table["run"].isin(["one", "two"])]
        assert set(rows.loc[rows["n"] > 0, "measure"]) == of_hidden & set(table["measure"])
        assert rows.loc[rows["n"] == 0, ["mean", "low", "high"]].isna().all(axis=None)
    taught, *others = dynamics(*tables).subfigs[0].axes
    alone, _ = dynamics(*compare_runs({"bpa": runs["bpa"], "again": runs["bpa"]})).subfigs[0].axes
    assert taught.get_ylim() == alone.get_ylim() and not taught.texts
    page = dynamics(*compare_runs(untaught), "relative")
    empty = [*others, *page.subfigs[0].axes, *page.subfigs[1].axes]
    assert [text.get_text() for ax in empty for text in ax.texts] == [
        *["no values"] * 4,
        "no mode is\nhalf learned",
        *["no values"] * 2,
    ]
    for ax in empty:  # with numbers only where a panel beside it has a scale
        assert ax.xaxis.get_tick_params()["labelbottom"] == (ax in others)
    assert [text.get_text() for text in page.subfigs[1].legends[0].get_texts()] == ["one", "two"]


def test_the_page_shows_every_run(tables):
    figure = dynamics(*tables)
    of_modes, of_runs = [child for sub in figure.subfigs for child in sub.legends]
    assert [text.get_text() for text in of_modes.get_texts()] == list("12345678")
    assert [text.get_text() for text in of_runs.get_texts()] == ["backprop", "bpa", "tanh"]
    # strengths; stages, trees, leakage; ends, likeness and its colour bar
    assert len(figure.axes) == 3 + 3 + 3


@pytest.mark.parametrize(("time", "measure"), [("rate_steps", ", rate x steps"), ("relative", ", relative")])
def test_the_page_tells_the_time_that_is_asked_for(tables, time, measure):
    summary, curves = tables
    figure = dynamics(summary, curves, time)
    panel, stage, *_ = figure.subfigs[0].axes[0], *figure.subfigs[1].axes
    strength = curves.query("measure == 'strength' and run == 'backprop' and of == 1")
    np.testing.assert_array_equal(panel.lines[0].get_xdata(), strength[time])
    half = summary.query(
        "measure == @full and run == 'backprop'", local_dict={"full": f"half learned{measure}"}
    )
    np.testing.assert_array_equal(stage.lines[0].get_xdata(), half["mean"])
    assert panel.get_xlabel().split("\n")[0] == stage.get_xlabel().split("\n")[1]
    refusal = refused(dynamics, summary, curves, "steps")
    assert refusal == "there is no time 'steps'; there are epoch, rate_steps, relative"


def test_the_command_tells_the_time_that_is_asked_for(runs, tables, tmp_path, capsys):
    paths = [str(tmp_path / name) for name in ("backprop", "bpa")]
    for path, name in zip(paths, ("backprop", "bpa"), strict=True):
        runs[name].save(path)
    for time, row in (
        ("epoch", "half learned"),
        ("rate_steps", "half learned, rate x steps"),
        ("relative", "half learned, relative"),
    ):
        assert main(["compare", *paths, "--time", time]) == 0
        out = capsys.readouterr().out
        third = value(tables[0], row, "3", "bpa")
        assert f"{third['mean']:.3g} [{third['low']:.3g}, {third['high']:.3g}]" in out
        assert f"t of logs ({row})" in out
    assert main(["compare", *paths, "--time", "steps", "--csv", str(tmp_path / "x.csv")]) == 2
    line = "semantic-svd: --time is one of epoch, rate_steps, relative, not 'steps'\n"
    assert capsys.readouterr() == ("", line) and not (tmp_path / "x.csv").exists()


def sweep_of(runs, n):
    """Give the same two runs the names that n runs of a sweep would have."""
    names = [
        f"{rule}-mcclelland2020-rate_{r}-hidden_{h}" for rule in runs for r in (0.05, 0.1) for h in (8, 16)
    ]
    return {f"{name}-f05c20a{i}": runs[name.partition("-")[0]] for i, name in enumerate(names[:n])}


@pytest.mark.parametrize("time", ["epoch", "rate_steps", "relative"])
@pytest.mark.parametrize("n", [2, 4, 8])
def test_no_name_of_a_run_or_an_axis_leaves_the_page_or_lies_over_another(runs, n, time):
    several = sweep_of({rule: runs[rule].sel(seed=[0, 1]) for rule in ("backprop", "bpa")}, n)
    figure = dynamics(*compare_runs(several), time)
    caption(figure, "word " * 60)
    figure.draw_without_rendering()
    shown = [text for text in figure.findobj(Text) if text.get_visible()]
    shown = [text for text in shown if re.match(r"\w*[a-z]", text.get_text())]  # no numbers
    boxes = [text.get_window_extent() for text in shown]
    page = figure.bbox
    for text, box in zip(shown, boxes, strict=True):
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, text
    over = [
        (a, b)
        for (a, box), (b, other) in combinations(zip(shown, boxes, strict=True), 2)
        if box.overlaps(other)
    ]
    assert not over
    assert not any("mcclelland2020" in text.get_text() for text in shown)


def test_the_key_of_the_modes_stands_beside_all_panels_and_widens_no_column(runs):
    figure = dynamics(*compare_runs(sweep_of({rule: runs[rule] for rule in ("backprop", "bpa")}, 5)))
    figure.draw_without_rendering()
    panels = [ax.get_window_extent() for ax in figure.subfigs[0].axes]
    gaps = [right.x0 - left.x1 for left, right in pairwise(panels[:4])]
    assert len(panels) == 5 and np.ptp(gaps) < 1 and panels[4].x0 == pytest.approx(panels[0].x0)
    assert figure.subfigs[0].legends[0].get_window_extent().x0 > panels[3].x1


def test_twenty_one_modes_have_room_on_the_page():
    items = load_items("rogers_mcclelland2004")
    made = {
        rule: train(rule, Network((53, 16, 53)), items, epochs=40, seeds=2) for rule in ("bpa", "backprop")
    }
    figure = dynamics(*compare_runs(made))
    figure.draw_without_rendering()
    for ax in figure.axes:
        boxes = [label.get_window_extent() for label in ax.get_yticklabels() if label.get_text()]
        assert not any(a.overlaps(b) for a, b in pairwise(boxes))
        assert ax.get_window_extent().height > 25 / 25.4 * figure.dpi
    (legend,) = figure.subfigs[0].legends
    assert len(legend.get_texts()) == 21 and legend.get_title().get_text() == "mode"
    assert figure.subfigs[0].bbox.contains(*legend.get_window_extent().min)
    assert figure.subfigs[0].bbox.contains(*legend.get_window_extent().max)


def test_of_very_many_modes_the_terminal_shows_the_first_and_counts_the_others(tmp_path, capsys):
    items = np.diag(np.linspace(4, 3, 30))
    for rule in ("bpa", "backprop"):
        run = train(rule, Network((30, 30, 30)), items, epochs=400, seeds=1)
        run.save(tmp_path / f"{rule}.zarr")
    words = [str(tmp_path / f"{rule}.zarr") for rule in ("bpa", "backprop")]
    assert main(["compare", *words]) == 0
    said = " ".join(capsys.readouterr().out.split())
    ends = re.findall(r"data's, mode (\d+)", said)
    assert ends == [str(mode) for mode in range(1, 25)]
    assert "and 6 more, in --csv" in said


def test_of_very_many_modes_the_first_are_drawn_and_the_key_says_so():
    items = np.diag(np.linspace(4, 1, 60))
    names = {"30": "bpa", "backprop": "backprop"}  # a run whose name is that of a mode left out
    made = {
        name: train(rule, Network((60, 60, 60)), items, epochs=300, seeds=2) for name, rule in names.items()
    }
    figure = dynamics(*compare_runs(made))
    (key,) = figure.subfigs[0].legends
    assert key.get_title().get_text() == "the first 24\nof 60 modes"
    assert [label.get_text() for label in key.get_texts()] == [str(mode) for mode in range(1, 25)]
    learned = [label.get_text() for label in figure.subfigs[1].axes[0].get_yticklabels()]
    assert learned == [str(mode) for mode in range(1, 25)]
    rows = [label.get_text() for label in figure.subfigs[2].axes[0].get_yticklabels()]
    assert rows[:24] == [f"mode {mode}" for mode in range(1, 25)] and len(rows) == 24 + 3
    cells = [label.get_text() for label in figure.subfigs[2].axes[1].get_yticklabels()]
    assert cells == ["30", "backprop", "data"]


def test_the_terminal_shows_many_runs_in_tables_that_fit(runs, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    words = []
    for name, run in sweep_of({rule: runs[rule].sel(seed=[0, 1]) for rule in ("backprop", "bpa")}, 8).items():
        words.append(str(tmp_path / f"{name}.zarr"))
        run.save(words[-1])
    assert main(["compare", *words]) == 0
    tables = [line for line in capsys.readouterr().out.splitlines() if "finished" not in line]
    assert max(map(len, tables)) <= 80
    heads = [line.split() for line in tables if re.fullmatch(r"( +\S+-){2,3} *", line)]
    assert heads[1:] == [
        ["backprop-rate_0.1-", "bpa-rate_0.05-", "bpa-rate_0.05-"],
        ["bpa-rate_0.1-", "bpa-rate_0.1-"],
    ]


def test_the_command_prints_the_table_and_writes_it(runs, tmp_path, capsys):
    for name, run in runs.items():
        run.save(tmp_path / f"{name}.zarr")
    words = [str(tmp_path / f"{name}.zarr") for name in runs]
    files = ["--csv", str(tmp_path / "summary.csv"), "--curves", str(tmp_path / "curves.csv")]
    assert main(["compare", *words, *files, "--plot", str(tmp_path / "page.pdf")]) == 0
    out = capsys.readouterr().out
    assert "leakage" in out and "tree of the last" in out
    assert {path.name for path in tmp_path.iterdir()} >= {"summary.csv", "curves.csv", "page.pdf"}


def test_the_command_says_which_rows_have_which_interval(runs, tables, tmp_path, capsys):
    summary = tables[0].set_index("measure")["method"].str.partition(", range")[0]
    assert set(summary["half learned"]) == {"t of logs"} and set(summary["order kept"]) == {"Wilson"}
    assert {*summary["leakage"], *summary["CKA"], *summary["final strength / data's"]} == {"t"}
    for few in (False, True):
        words = ["compare"]
        for name in ("backprop", "bpa"):
            words.append(str(tmp_path / f"{name}{few}.zarr"))
            (runs[name].sel(seed=[0, 1]) if few else runs[name]).save(words[-1])
        assert main(words) == 0
        said = " ".join(capsys.readouterr().out.partition("In brackets: ")[2].split())
        of_means = (
            "range (all else)" if few else "t of logs (half learned) and t (all else), range where n < 5"
        )
        assert said == f"Wilson (order kept); {of_means}."


def test_a_mode_that_not_every_seed_learned_says_how_many_did_and_is_drawn(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    words = []
    for rule, seeds in (("dfa_random", 3), ("bpa", 5)):
        words.append(str(tmp_path / f"{rule}.zarr"))
        train(rule, LINEAR, ITEMS, epochs=60, seeds=seeds, every=5, out=words[-1])
    assert (
        main(["compare", *words, "--plot", str(tmp_path / "page.png"), "--csv", str(tmp_path / "a.csv")]) == 0
    )
    table = pd.read_csv(tmp_path / "a.csv", dtype={"of": str})
    half = table[table["measure"] == "half learned"]
    n, seeds = half["n"], half["run"].map({"dfa_random": 3, "bpa": 5})
    partly = {f"({found} of {of})" for found, of in zip(n, seeds, strict=True) if 0 < found < of}
    out = " ".join(capsys.readouterr().out.split())
    assert partly and all(said in out for said in partly)


def test_seeds_that_stopped_before_the_others_say_in_curves_what_they_said_last():
    runs = {}
    for rule in ("bpa", "backprop"):
        runs[rule] = train(rule, LINEAR, ITEMS, epochs=600, seeds=3, stop_below=0.3)
        assert len(set(runs[rule].data.end_epoch.values)) > 1
    _, curves = compare_runs(runs)
    for rule, run in runs.items():
        ends = strengths(run.final().response(), svd(ITEMS)).mean("seed")
        last = curves[(curves["run"] == rule) & (curves["measure"] == "strength")]
        last = last[last["epoch"] == last["epoch"].max()]
        np.testing.assert_allclose(last["mean"], ends, rtol=1e-9, atol=1e-9)
        assert (curves.loc[curves["run"] == rule, "n"] == 3).all()


def test_data_of_one_block_and_no_tree_are_compared_by_what_is_left():
    runs = {
        rule: train(rule, Network((3, 3, 3)), np.eye(3), epochs=99, seeds=2) for rule in ("bpa", "backprop")
    }
    summary, _ = compare_runs(runs)
    assert "order kept" not in set(summary["measure"])
    trees = summary[summary["measure"].str.startswith("agreement")]
    assert len(trees) == 4 and trees["mean"].isna().all()
    dynamics(*compare_runs(runs))


def test_a_null_mode_of_the_data_has_no_row_and_two_modes_have_an_order():
    items = np.array([[2.0, 0, 2], [2, 0, 2], [0, 1, 0]])
    rules = ("bpa", "backprop")
    network = Network((3, 3, 3), biases=False)
    runs = {
        rule: train(replace(RULES[rule], rate=0.02), network, items, epochs=400, seeds=3) for rule in rules
    }
    summary, curves = compare_runs(runs)
    for measure in ("half learned", "final strength / data's", "mode is there"):
        assert summary.loc[summary["measure"] == measure, "of"].tolist() == ["1", "2"] * 2, measure
    assert set(curves.loc[curves["measure"] == "strength", "of"]) == {1, 2}
    order = value(summary, "order kept", "1 < 2", "bpa")
    assert (order["mean"], order["n"]) == (1, 3)


def test_a_layer_that_says_the_same_of_all_items_has_an_empty_row_of_cka(runs):
    dead = Run(runs["bpa"].data.copy(deep=True))
    dead.data["W1"][:] = 0
    alive = dynamics(*compare_runs({"bpa": runs["bpa"], "dead": dead})).axes
    (cka,) = [ax for ax in alive if ax.get_title("left") == "f"]
    assert [label.get_text() for label in cka.get_yticklabels()] == ["bpa", "dead", "data"]
    assert len(cka.texts) == 2  # of bpa and the data, and what chance gives
    none = dynamics(*compare_runs({"one": dead, "other": dead})).findobj(Text)
    assert "no CKA: all items are alike,\nin layers or in the data" in [text.get_text() for text in none]


def test_runs_without_a_training_have_no_rate_and_those_without_an_epoch_no_times(runs):
    bare = {name: train(name, LINEAR, ITEMS, epochs=0) for name in ("bpa", "backprop")}
    summary, curves = compare_runs(bare)
    assert set(curves["epoch"]) == {0} and summary[summary["measure"] == "half learned"]["mean"].isna().all()
    run = runs["bpa"]
    recorded = recorded_run({"h1": run.hidden(1).values}, run.response().values, targets=ITEMS)
    _, curves = compare_runs({"bpa": run, "recorded": recorded})
    theirs = curves[(curves["run"] == "recorded") & (curves["measure"] == "strength")]
    ours = curves[(curves["run"] == "bpa") & (curves["measure"] == "strength")]
    np.testing.assert_allclose(theirs["mean"], ours["mean"], rtol=1e-9, atol=1e-12)
    assert theirs["rate_steps"].isna().all() and ours["rate_steps"].notna().all()


def test_time_relative_to_the_first_mode_is_told_by_the_mean_of_the_summary(runs, tables):
    summary, curves = tables
    for name in runs:
        rows = curves[curves["run"] == name]
        first = value(summary, "half learned", "1", name)["mean"]
        np.testing.assert_allclose(rows["relative"], rows["epoch"] / first)


def test_a_run_that_knew_the_first_mode_at_its_start_has_no_time_relative_to_it(runs):
    again = {
        name: train(name, LINEAR, ITEMS, epochs=5, seeds=5, start=runs[name]) for name in ("backprop", "bpa")
    }
    summary, curves = compare_runs(again)
    assert curves["relative"].isna().all() and curves["rate_steps"].notna().all()
    assert value(summary, "half learned", "1", "bpa")["n"] == 0
    assert value(summary, "half learned at the start", "1", "bpa")["mean"] == 1
    order = value(summary, "order kept", "1 < 2", "bpa")  # which of them came first was before the run
    assert order["n"] == 0 and np.isnan(order["mean"])


def test_a_mode_that_was_there_at_the_start_is_told_from_one_never_learned(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    course = np.stack([[0 * ITEMS.values, ITEMS.values]] * 4)
    courses = {"never": 0.1 * course, "some": course.copy(), "known": course[:, [1, 1]]}
    courses["some"][1:, 0] = ITEMS.values
    words = []
    for name, said in courses.items():
        words.append(str(tmp_path / f"{name}.zarr"))
        recorded_run({"hidden": said}, said, items=ITEMS, targets=ITEMS, epochs=[0, 7]).save(words[-1])
    assert main(["compare", *words]) == 0
    row = r"^half learned at epoch, mode 1 +never +7 \(1 of 4, 3 at the start\) +at the start *$"
    assert re.search(row, capsys.readouterr().out, re.M)


def test_modes_that_come_with_one_snapshot_tell_of_no_order(runs, tmp_path, capsys):
    at_once = np.stack([0 * ITEMS.values, ITEMS.values, ITEMS.values])[None].repeat(5, 0)
    tied = recorded_run({}, at_once, targets=ITEMS, record=["responses"])
    summary, _ = compare_runs({"tied": tied, "bpa": runs["bpa"]})
    order = value(summary, "order kept", "1 < 2", "tied")
    assert order["n"] == 0 and np.isnan(order["mean"])
    for name in ("one", "two"):
        tied.save(tmp_path / name)
    assert main(["compare", str(tmp_path / "one"), str(tmp_path / "two")]) == 0
    assert "order" not in capsys.readouterr().out


def test_a_layer_that_does_not_learn_has_epochs_and_no_time_by_its_rate(runs):
    frozen = train(replace(RULES["backprop"], rate=(0.0, 0.1, 0.1)), LINEAR, ITEMS, epochs=400, seeds=5)
    summary, curves = compare_runs({"backprop": runs["backprop"], "frozen": frozen})
    assert value(summary, "half learned", "1", "frozen")["n"] == 5
    assert value(summary, "half learned, rate x steps", "1", "frozen")["n"] == 0
    assert (curves.loc[curves["run"] == "frozen", "rate_steps"] == 0).all()
    dynamics(summary, curves)


def test_what_cannot_be_compared_is_refused(runs, tmp_path):
    bpa = {"bpa": runs["bpa"]}
    said = refused(compare_runs, [runs["bpa"], runs["backprop"]])
    assert said == "runs are named, as {'bpa': run, ...}, not list"
    assert refused(compare_runs, bpa) == "a comparison is of two runs or more, not of 1"
    assert refused(compare_runs, bpa | {"b": 3}) == "b is no Run, but int"
    for axis, one in (
        ("epoch", runs["bpa"].sel(epoch=400)),
        ("epoch", runs["bpa"].final()),
        ("seed", runs["bpa"].sel(seed=0)),
    ):
        said = refused(compare_runs, bpa | {"one": one})
        assert said == f"one has no axis {axis}; a comparison is over the seeds and epochs of whole runs"
    toy = load_items("saxe2019_toy")
    small = train("bpa", Network((7, 4, 7), biases=False), toy, epochs=3)
    said = refused(compare_runs, bpa | {"small": small})
    assert said == "bpa and small did not learn the same: 8 x 34 and 4 x 7"
    for values in (ITEMS.values[::-1].copy(), np.maximum(ITEMS.values, np.eye(8, 34))):
        said = refused(compare_runs, bpa | {"other": train("bpa", LINEAR, values, epochs=3)})
        assert said == "bpa and other did not learn the same: 8 x 34 and 8 x 34, with other values"
    probed = train("bpa", LINEAR, ITEMS, epochs=3, probe=ITEMS)
    said = refused(compare_runs, bpa | {"probed": probed})
    assert said == "probed kept neither the targets of its items nor class means and input_output of images"


def test_responses_are_enough_but_for_the_hidden_layer_over_the_epochs(runs, tables, monkeypatch):
    said = {
        rule: train(rule, LINEAR, ITEMS, epochs=400, seeds=5, record="responses")
        for rule in runs
        if rule in RULES
    }
    summary, curves = compare_runs({**said, "tanh": runs["tanh"]})
    pd.testing.assert_frame_equal(summary, tables[0])
    expected = tables[1][(tables[1]["measure"] != "agreement") | (tables[1]["run"] == "tanh")]
    pd.testing.assert_frame_equal(curves, expected.reset_index(drop=True))
    figure = dynamics(summary, curves)
    key = [child for sub in figure.subfigs for child in sub.legends][1]
    assert [text.get_text() for text in key.get_texts()] == ["backprop", "bpa", "tanh"]
    alone = dynamics(*compare_runs(said))
    assert "no hidden layer\nwas kept by epoch" in [text.get_text() for text in alone.findobj(Text)]


@pytest.mark.parametrize("record", ["strengths", "hidden"])
def test_a_run_that_kept_too_little_is_named_with_what_to_record(runs, record):
    little = train("bpa", LINEAR, ITEMS, epochs=3, record=record)
    images = train("bpa", Network((34, 8, 34)), ITEMS, epochs=3, record="input_output")  # and no class means
    said = train("bpa", LINEAR, ITEMS, epochs=3, record="responses")
    # what its hidden layer ends with is not there yet
    left = Run(said.data.assign(status=("seed", ["training"])))
    for run in (little, images, left):
        line = refused(compare_runs, {"bpa": runs["bpa"], "little": run})
        assert line == "little kept too little to be compared: record weights, or responses and hidden"


def test_of_recorded_runs_it_says_what_can_be_compared(runs):
    h, y = {"h1": runs["bpa"].hidden(1).values}, runs["bpa"].response().values
    for mine in (
        recorded_run(h, y[..., :8], labels=range(8), record=["class_means", "responses"]),
        recorded_run(h, labels=range(8), record=["class_means"]),
        recorded_run(h, y, targets=ITEMS, record=["hidden"]),
        recorded_run(h, y, targets=ITEMS, record=["responses"]),
        recorded_run(h, y),
    ):
        assert refused(compare_runs, {"bpa": runs["bpa"], "mine": mine}) == (
            "mine was recorded, not trained, and is compared item by item: by its targets and "
            "record=('hidden', 'responses')"
        )


def test_a_mode_that_a_network_has_no_unit_for_is_not_there():
    items = load_items("mcclelland2020")
    narrow = Network((34, 4, 34), biases=False)
    runs = {rule: train(rule, narrow, items, epochs=1500, seeds=3) for rule in ("backprop", "bpa")}
    summary, _ = compare_runs(runs)
    there = summary[summary["measure"] == "mode is there"].set_index(["run", "of"])["mean"]
    assert (there.unstack()[list("1234")] == 1).all(axis=None)
    assert (there.unstack()[list("5678")] == 0).all(axis=None)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounding_in_a_layer_too_narrow_is_not_the_mode_that_is_missing(dtype):
    items = np.array([[2.0, 1.1], [0.9, 1.7]])  # of two modes one is left over, on both sides
    rules = ("backprop", "bpa")
    runs = {
        rule: train(rule, Network((2, 1, 2), biases=False), items, epochs=300, seeds=8, dtype=dtype)
        for rule in rules
    }
    summary, _ = compare_runs(runs)
    assert [value(summary, "mode is there", mode, "bpa")["mean"] for mode in "12"] == [1, 0]
