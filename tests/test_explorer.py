"""The explorer: the page holds the runs' numbers, and a browser shows them, moves them and lets them be saved."""

import base64
import json
import os
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure
from rich.progress import Progress
from scipy.spatial.distance import pdist

from semantic_svd import (
    RULES,
    Items,
    Network,
    load_images,
    load_items,
    read_items,
    read_out,
    recorded_run,
    train,
)
from semantic_svd.cli import main
from semantic_svd.cli.pictures import panels
from semantic_svd.cli.subject import open_subject
from semantic_svd.dendrograms import linkage
from semantic_svd.errors import InputError
from semantic_svd.explorer import explorer_page, layers
from semantic_svd.modes import singular_strengths, strengths
from semantic_svd.paths import item_paths
from semantic_svd.plots import mode_style
from semantic_svd.plots.trees import GROUP_COLOURS

ITEMS = load_items("mcclelland2020")
PANELS = ("response", "U", "S", "V", "strengths", "tree", "paths")
WIDE, PHONE = {"width": 1280, "height": 720}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def runs():
    """BPA, and backprop whose seeds stop at epochs of their own; on two and three layers."""
    bpa = train("bpa", Network((34, 8, 34), biases=False), ITEMS, epochs=300, seeds=2)
    backprop = train("backprop", Network((34, 8, 8, 34)), ITEMS, epochs=300, seeds=2, stop_below=0.6)
    assert len(set(backprop.data.end_epoch.values)) == 2
    return {"bpa": bpa, "backprop": backprop}


@pytest.fixture(scope="module")
def html(runs):
    return explorer_page(runs)


@pytest.fixture(scope="module")
def told(html):
    return numbers(html)


def numbers(page):
    """Read the numbers out of a page."""
    return json.loads(re.search(r'id="numbers">(.*?)</script>', page, re.S)[1])


def unpacked(packed):
    """Read an array as the page does."""
    raw = np.frombuffer(base64.b64decode(packed["base64"]), np.dtype(packed["type"]).newbyteorder("<"))
    return raw.reshape(packed["shape"]) * packed["step"]


def held(run, layer, seed, epochs):
    """Return what a layer says at some epochs; after the end of a seed, what it said last."""
    epochs = np.minimum(epochs, int(run.data.end_epoch[seed]))
    return run.response(layer=layer).isel(seed=seed).sel(epoch=epochs).values


def of_data(told, part):
    """Read what the page holds of the data themselves."""
    return unpacked(told["runs"][-1]["layers"][0]["seeds"][0][part])[0]


def each_seed(told, runs):
    """Give for each seed of each layer of each run what the page holds, and what the run says."""
    for of_run in told["runs"]:
        if of_run["name"] not in runs:
            continue
        run = runs[of_run["name"]]
        for place, layer in enumerate(of_run["layers"]):
            for seed, packed in enumerate(layer["seeds"]):
                arrays = {name: unpacked(packed[name]) for name in packed if name not in ("low", "high")}
                yield layer, arrays, held(run, run.network.layers - place, seed, of_run["epochs"])


# -------------------------------------------------------------------------------------------------------- the numbers


def test_the_page_holds_the_numbers_of_the_run_to_the_exactness_it_states(told, runs):
    seen = 0
    for layer, page, run in each_seed(told, runs):
        error = np.abs(page["U"] @ page["S"] @ page["V"].mT - run).max()
        assert error <= layer["error"] * 1.0001 < 2e-4 * np.abs(run).max()
        assert (np.abs(page["U"].mT @ page["U"] - np.eye(8)) < 2e-4).all()
        assert (np.abs(page["V"].mT @ page["V"] - np.eye(8)) < 4e-4).all()
        own = np.linalg.svd(run, compute_uv=False)
        np.testing.assert_allclose(np.linalg.eigvalsh(page["S"])[:, ::-1], own, atol=1e-5)
        seen += 1
    assert seen == 2 * (2 + 3)


def test_s_is_diagonal_but_within_the_blocks_of_the_data(told, runs):
    blocks = np.kron(np.eye(2), np.ones((2, 2)))
    allowed = np.eye(8) + np.block([[np.zeros((4, 8))], [np.zeros((4, 4)), blocks]])
    for _, page, _ in each_seed(told, runs):
        assert (page["S"][:, allowed == 0] == 0).all()
    assert any(page["S"][:, 4, 5].any() for _, page, _ in each_seed(told, runs))


def test_modes_keep_the_signs_of_the_datas_at_all_epochs_in_all_runs_seeds_and_layers(told, runs):
    U, V = (of_data(told, side) for side in "UV")
    assert (U.max(axis=0) >= -U.min(axis=0) - 1e-4).all()
    for layer, page, _ in each_seed(told, runs):
        alone = [0, 1, 2, 3]  # the others turn within their blocks
        cosines = np.einsum("nk,fnk->fk", U, page["U"])
        if layer["ofOutput"]:
            cosines += np.einsum("nk,fnk->fk", V, page["V"])
            done = alone if page["S"][-1, 3, 3] > 2.2 else alone[:2]  # of the data's 2.236
            assert (cosines[-1, done] > 1.9).all()  # of 2, both sides
        assert (cosines[:, alone] > -1e-3).all()


def test_modes_have_the_signs_in_which_modes_plot_draws_them(told, runs, monkeypatch, tmp_path):
    drawn = []
    monkeypatch.setattr(
        "semantic_svd.plots.svd_panels", lambda matrix, modes, **_: drawn.append(modes) or Figure()
    )
    saved(runs, tmp_path)
    for source in ("mcclelland2020", str(tmp_path / "bpa.zarr")):
        subject = open_subject(source)
        panels(subject, subject.at("last"), "last")
    pages = told["runs"][-1], told["runs"][0]
    for modes, page in zip(drawn, pages, strict=True):
        for side in ("U", "V"):
            shown = unpacked(page["layers"][0]["seeds"][0][side])[-1]
            alone = slice(4)  # the others turn within their blocks
            cosines = np.einsum("nk,nk->k", shown[:, alone], modes[side].values[:, alone])
            np.testing.assert_allclose(cosines, 1, atol=1e-3)


def test_equal_modes_turn_together_onto_the_datas(told, runs):
    data = {name: of_data(told, name) for name in "UV"}
    bpa = next(page for _, page, _ in each_seed(told, runs))
    for block in ([4, 5], [6, 7]):
        sides = [data[name][:, block].T @ bpa[name][-1][:, block] for name in "UV"]
        pair = sum(sides)
        np.testing.assert_allclose(pair, pair.T, atol=2e-3)  # no rotation is left to take out: Procrustes
        assert (np.diag(pair) > 1.9).all()


def test_strengths_are_those_on_the_datas_modes_and_of_the_response(told, runs):
    for layer, page, run in each_seed(told, runs):
        if layer["ofOutput"]:
            response = xr.DataArray(run, dims=("epoch", "item", "property"))
            wanted = strengths(response, ITEMS.array.drop_vars(["item", "property"]))
            np.testing.assert_allclose(page["strength"], wanted, atol=1e-5)
            own = np.sort(np.linalg.eigvalsh(page["S"]))[:, ::-1]
            np.testing.assert_allclose(own, singular_strengths(response), atol=1e-5)


def test_the_dendrogram_is_that_of_each_epoch(told, runs):
    for _, page, run in each_seed(told, runs):
        for f in (0, 20, -1):
            Z = linkage(run[f]).Z
            np.testing.assert_array_equal(page["links"][f], Z[:, :2])
            np.testing.assert_allclose(page["heights"][f], Z[:, 2], rtol=1e-6)


def test_items_that_are_one_stand_at_one_place_and_the_learned_ones_at_the_datas(told, runs):
    for layer, page, run in each_seed(told, runs):
        if not layer["ofOutput"]:  # one linear map takes every epoch along
            centred = run - run.mean(axis=1, keepdims=True)
            there = np.linalg.lstsq(centred[-1], page["path"][-1], rcond=None)[0]
            near = np.abs(centred @ there - page["path"]).max()
            assert near < 1e-3 * np.abs(page["path"]).max()
    places = of_data(told, "path")
    bpa = unpacked(told["runs"][0]["layers"][0]["seeds"][0]["path"])[-1]
    assert np.abs(bpa - places).max() < 0.15 * np.abs(places).max()


def test_a_seed_that_stopped_stays_as_it_was(told, runs):
    ends = runs["backprop"].data.end_epoch.values
    of_run = told["runs"][1]
    first = int(np.argmin(ends))
    assert [seed["end"] for seed in of_run["seeds"]] == ends.tolist() and set(ends) <= set(of_run["epochs"])
    assert of_run["seeds"][first]["status"] == "stopped"
    after = np.array(of_run["epochs"]) >= ends[first]
    U = unpacked(of_run["layers"][0]["seeds"][first]["U"])[after]
    loss = unpacked(of_run["seeds"][first]["loss"])[after]
    assert len(U) > 1 and not np.ptp(U, axis=0).any() and not np.ptp(loss) and loss[0] < 0.6


def test_however_thin_the_epochs_those_at_which_seeds_ended_are_there(runs, monkeypatch):
    monkeypatch.setattr("semantic_svd.explorer.page.MOST_EPOCHS", 8)
    epochs = numbers(explorer_page(runs))["runs"][1]["epochs"]
    assert set(runs["backprop"].data.end_epoch.values) <= set(epochs) and len(epochs) <= 8 + 2


def test_epochs_are_all_when_few_and_else_dense_at_first_and_even_on_a_log_scale():
    from semantic_svd.explorer.page import MOST_EPOCHS, _thinned

    assert _thinned(np.arange(0, 1000, 5), MOST_EPOCHS).tolist() == list(range(0, 1000, 5))
    for last in (300, 2000, 100_000):
        epochs = _thinned(np.arange(last + 1), MOST_EPOCHS)
        gaps = np.diff(epochs)
        assert epochs[:10].tolist() == list(range(10)) and epochs[-1] == last
        assert len(epochs) <= MOST_EPOCHS and (gaps / np.maximum(epochs[1:], 20) < 0.08).all()


def test_the_looks_are_those_of_the_figures(told):
    names = ["1", "2", "3", "4", "5-6", "5-6", "7-8", "7-8"]
    assert [mode["block"] for mode in told["modes"]] == names
    for k, mode in enumerate(told["modes"], 1):
        style = mode_style(k, names[k - 1])
        assert matplotlib.colors.to_hex(style["color"]) == mode["colour"]
        assert (style["linestyle"] == "-") == (mode["dashes"] == [])
    assert told["categoryColours"] == GROUP_COLOURS and told["category"] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert told["modes"][2]["about"] == "sparrow, hawk against salmon, sunfish"


def test_of_images_the_class_means_are_shown_less_their_mean():
    digits = load_images("digits")
    network = Network((64, 12, 9, 10), "relu", "softmax")
    run = train("backprop", network, digits.x, digits.targets, epochs=3, seeds=2, record=["class_means"])
    page = numbers(explorer_page({"digits": run}))
    assert [layer["name"] for layer in page["runs"][0]["layers"]] == ["layer 2", "layer 1"]
    assert page["items"] == [str(i) for i in range(10)] and len(page["runs"]) == 1
    for layer, number in zip(page["runs"][0]["layers"], (2, 1), strict=True):
        means = run.class_means(number).values
        for seed, packed in enumerate(layer["seeds"]):
            U, S, V = (unpacked(packed[name]) for name in "USV")
            wanted = means[seed] - means[seed].mean(axis=1, keepdims=True)
            assert np.abs(U @ S @ V.mT - wanted).max() <= 1.001 * layer["error"] < 1e-3


def test_fewer_units_than_items_leave_modes_that_are_null():
    run = train("bpa", Network((34, 3, 34), biases=False), ITEMS, epochs=50)
    for layer in numbers(explorer_page({"narrow": run}))["runs"][0]["layers"]:
        U, S, V = (unpacked(layer["seeds"][0][name]) for name in "USV")
        assert (np.linalg.matrix_rank(S) == 3).all() and layer["error"] < 1e-3
        null = np.einsum("fkk->fk", S) == 0
        assert (U.swapaxes(1, 2)[null] == 0).all() and (V.swapaxes(1, 2)[null] == 0).all()


def test_three_rules_of_five_seeds_and_two_thousand_epochs_fit_a_page(monkeypatch):
    one = linkage(ITEMS)
    monkeypatch.setattr(layers, "linkage", lambda matrix: one)  # as many bytes, in less time
    sizes = {"bpa": (34, 8, 34), "bpa_sanger": (34, 8, 34), "backprop": (34, 8, 34)}
    made = {
        rule: train(rule, Network(shape, biases=False), ITEMS, epochs=2000, seeds=5)
        for rule, shape in sizes.items()
    }
    page = explorer_page(made)
    assert len(page.encode()) < 15e6
    assert [len(run["epochs"]) for run in numbers(page)["runs"]] == [162, 162, 162, 1]
    assert all(run["kept"] == 2001 for run in numbers(page)["runs"][:3])


# ------------------------------------------------------------------------------------------------- names from anywhere

EVIL = ("</script><b>bold", "<img src=x onerror=alert(1)>", "{{SCRIPT}}", "a&amp;b \u2028 'q' \"")


@pytest.fixture(scope="module")
def evil():
    table = pd.DataFrame(
        np.eye(4) + np.eye(4)[::-1], index=list(EVIL), columns=[f"is {name}" for name in EVIL]
    )
    items = read_items(table.rename_axis("item").reset_index(), "evil")
    return train("bpa", Network((4, 3, 4), biases=False), items, epochs=5)


def test_names_from_a_csv_are_text_and_never_markup(evil):
    page, tags = explorer_page({"</title><script>alert(1)</script>{{STYLE}}": evil}), []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: tags.append(tag)
    parser.feed(page)
    assert tags.count("script") == 2 and not {"b", "img"} & set(tags)
    assert tuple(numbers(page)["items"]) == EVIL


# -------------------------------------------------------------------------------------------------------- the command


def saved(runs, folder):
    for name, run in runs.items():
        run.save(folder / f"{name}.zarr")


def test_the_command_writes_one_page_whole_and_says_where(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    network = Network((7, 4, 7), biases=False)
    made = {rule: train(rule, network, load_items("saxe2019_toy"), epochs=4) for rule in ("bpa", "backprop")}
    saved(made, tmp_path)
    assert main(["explore", "bpa.zarr", "backprop.zarr", "-o", "lecture.html"]) == 0
    out, err = capsys.readouterr()
    assert Path("lecture.html").read_text("utf-8") == explorer_page(made)
    assert re.fullmatch(r"lecture\.html: 2 runs, [\d.]+ kB; open it in any browser\n", out) and err == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backprop.zarr", "bpa.zarr", "lecture.html"]


def test_the_bar_moves_with_every_snapshot_of_one_run(monkeypatch):
    seen = []

    class Bar(Progress):
        def advance(self, task_id, advance=1):
            super().advance(task_id, advance)
            seen.append(self.tasks[0].percentage)

    monkeypatch.setattr("rich.progress.Progress", Bar)
    run = train("bpa", Network((7, 4, 7), biases=False), load_items("saxe2019_toy"), epochs=4, seeds=3)
    explorer_page({"bpa": run}, progress=True)
    np.testing.assert_allclose(seen, np.linspace(0, 100, 2 * 3 * 5 + 1)[1:])  # layers, seeds, snapshots


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("bpa.zarr bpa.zarr", "a run is named twice: bpa.zarr bpa.zarr"),
        ("bpa.zarr ./bpa.zarr", "a run is named twice: bpa.zarr ./bpa.zarr"),
        ("mcclelland2020", "mcclelland2020 is a matrix of items; explore shows runs"),
        ("bpa.zarr -o no/x.html", "no/x.html: there is no folder no"),
        ("bpa.zarr -o .", ". is a folder; name a file"),
        ("bpa.zarr -o x.pdf", "x.pdf: a page ends in .html"),
        ("bpa.zarr -o bpa.zarr", "bpa.zarr is read by the same command; name another file"),
        (
            "bpa.zarr toy.zarr",
            "toy is over other items (Canary) than sparrow, hawk, salmon, ...; "
            "a page shows runs over the same items in the same order",
        ),
        (
            "bpa.zarr turned.zarr",
            "turned has learned other properties of these items; a page shows runs that have learned the same data",
        ),
        (
            "recorded.zarr bpa.zarr",
            "recorded keeps no targets to compare with those of bpa; record it with targets=, or name bpa first",
        ),
        (
            "bpa.zarr digits.zarr",
            "digits keeps class means of images, bpa is over items; a page shows runs over the same items",
        ),
        *(
            (
                f"{name}.zarr",
                f"{name} kept neither items and weights, nor responses, nor class means: there is nothing to explore",
            )
            for name in ("strengths", "classifier")
        ),
    ],
)
def test_an_error_is_one_line_and_leaves_nothing(others, monkeypatch, capsys, words, line):
    monkeypatch.chdir(others)
    before = sorted(others.iterdir())
    assert main(["explore", *words.split()]) == 2
    assert capsys.readouterr() == ("", f"semantic-svd: {line}\n")
    assert sorted(others.iterdir()) == before


@pytest.fixture(scope="module")
def others(tmp_path_factory, runs):
    """Runs that do not go with one another."""
    folder, network = tmp_path_factory.mktemp("others"), Network((34, 8, 34), biases=False)
    turned = ITEMS.array.copy(data=ITEMS.values[:, ::-1])
    digits = load_images("digits")
    competing = train("krotov_hopfield", Network((64, 9, 10), biases=False), digits.x, epochs=1)
    saved(
        {
            "bpa": runs["bpa"],
            "toy": train("bpa", Network((7, 4, 7), biases=False), load_items("saxe2019_toy"), epochs=2),
            "turned": train("bpa", network, turned, epochs=2),
            "recorded": recorded_run({}, runs["bpa"].response().values, items=ITEMS),
            "strengths": train("bpa", network, ITEMS, epochs=2, record=["strengths"]),
            "classifier": read_out(competing, digits, epochs=1),
            "digits": train(
                "backprop",
                Network((64, 5, 10), "relu", "softmax"),
                digits.x,
                digits.targets,
                epochs=1,
                record=["class_means"],
            ),
        },
        folder,
    )
    return folder


def test_a_run_without_targets_is_shown_after_one_that_keeps_them_or_recorded_with_them(runs):
    response = runs["bpa"].response().values
    for recorded in (recorded_run({}, response, items=ITEMS, targets=ITEMS), runs["bpa"]):
        bare = recorded_run({}, response, items=ITEMS)
        page = numbers(explorer_page({"first": recorded, "bpa": runs["bpa"], "bare": bare}))
        assert [run["name"] for run in page["runs"]] == ["first", "bpa", "bare", "the data"]


@pytest.mark.parametrize(("name", "tied"), [("mcclelland2020", False), ("rogers_mcclelland2004", True)])
def test_the_page_says_where_the_tree_of_the_data_is_one_of_several(opened, tmp_path, name, tied):
    items = load_items(name)
    n = len(items.properties)
    path = tmp_path / "page.html"
    path.write_text(
        explorer_page({"a": train("bpa", Network((n, 4, n), biases=False), items, epochs=1)}), "utf-8"
    )
    notes = opened(url=path.as_uri()).locator("#notes").inner_text()
    assert ("distances in the data tie: their tree is one of several" in notes) == tied


def test_what_stands_for_data_that_no_run_keeps_is_called_what_it_is(opened, runs, tmp_path):
    """Targets alone are the data; else modes are aligned to what the first seed of the first run ends with."""
    digits = load_images("digits")
    network = Network((64, 12, 10), "relu", "softmax")
    images = train("backprop", network, digits.x, digits.targets, epochs=2, seeds=2, record=["class_means"])
    bare = recorded_run({}, runs["bpa"].response().values, items=ITEMS)
    for name, run, called in (
        ("bpa", runs["bpa"], "the data"),
        ("digits", images, None),
        ("bare", bare, None),
    ):
        called = called or f"seed 0 of {name} at its end"
        page = opened(url=written(explorer_page({name: run}), tmp_path))
        assert page.evaluate("told.runs.map((run) => run.name)") == (
            [name] if name == "digits" else [name, called]
        )
        assert f"modes aligned to those of {called}" in page.locator("#notes").inner_text()
        along = "u′√(YY′)u" if name == "digits" else "u′Yv"
        assert (
            page.locator(".meaning")
            .get_attribute("title")
            .startswith(f"{along} along each mode of {called};")
        )
        marked = called.removeprefix("the ")
        assert (f"◂ {marked}" in page.locator(".strengths svg").inner_html()) == (name != "digits")
        if name != "digits":
            assert f"({marked} " in point_at(page, "response", 0, 0)


def test_of_a_recorded_network_no_biases_are_claimed(runs):
    recorded = recorded_run({}, runs["bpa"].response().values, items=ITEMS, targets=ITEMS)
    page = numbers(explorer_page({"bpa": runs["bpa"], "recorded": recorded}))
    assert [run["about"] for run in page["runs"][:2]] == ["34-8-34 linear, no biases", "34-34 recorded"]


def test_recorded_layers_are_called_by_their_names(runs):
    said = runs["bpa"].response().values
    named = recorded_run({"V1": said, "IT": said}, said, items=ITEMS, targets=ITEMS)
    layers = numbers(explorer_page({"named": named}))["runs"][0]["layers"]
    assert [layer["name"] for layer in layers] == ["response", "hidden layer 2 (IT)", "hidden layer 1 (V1)"]
    assert layers[1]["title"] == "Hidden layer 2 (IT)"


@pytest.mark.parametrize(("rule", "untaught"), [("backprop", ""), ("krotov_hopfield", ", output not taught")])
def test_the_page_tells_the_activation_of_an_output_and_that_it_is_not_taught(rule, untaught):
    network = Network((34, 8, 34), output="sigmoid", biases=False)
    page = numbers(explorer_page({"a": train(rule, network, ITEMS, epochs=1)}))
    assert page["runs"][0]["about"] == f"34-8-34 linear, sigmoid output, no biases{untaught}"


def test_a_run_too_large_for_a_page_says_so(monkeypatch, runs):
    monkeypatch.setattr("semantic_svd.explorer.page.ROOM", 10_000)
    with pytest.raises(InputError) as error:
        explorer_page(runs)
    assert str(error.value) == (
        "two epochs of bpa, backprop take 0.011 MB of numbers and a page has room for 0.01 MB: "
        "name fewer runs, or runs of fewer seeds or smaller layers"
    )


# -------------------------------------------------------------------------------------------------------- in a browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser():
    """A Chromium without a window; where there is none, these tests are skipped."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        pytest.skip(f"no Chromium here, under the names {', '.join(BROWSERS)} or in CHROMIUM")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=found, args=FLAGS)
        yield chromium
        chromium.close()


def written(page, folder):
    """Write a page and return its address."""
    path = folder / "explorer.html"
    path.write_text(page, "utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def place(html, tmp_path_factory):
    return written(html, tmp_path_factory.mktemp("page"))


@pytest.fixture
def opened(browser, place):
    """Open the page in windows of a size; afterwards nothing may have gone wrong, and no network been asked."""
    contexts, said, asked = [], [], []

    def show(viewport=WIDE, url=place, alone=None, **options):
        context = browser.new_context(viewport=viewport, **options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(url)
        if alone is not None:
            page.evaluate(f"sideBySide({str(not alone).lower()})")
        return page

    yield show
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []


def shown(page, side=0):
    return page.evaluate("shown()")[side]


def slide(page, index):
    """Move the slider as a hand does."""
    page.eval_on_selector(
        "#slider", "(slider, to) => { slider.value = to; slider.dispatchEvent(new Event('input')); }", index
    )


def until(page, holds):
    """Wait for something to hold, at most ten seconds; the page lets no one evaluate text inside it."""
    for _ in range(200):
        if page.evaluate(f"Boolean({holds})"):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never: {holds}")


def choose(page, what, option, side=1):
    page.locator(f".side:nth-child({side}) [data-choose={what}]").select_option(option)


def point_at(page, panel, i, j, side=1):
    """Move the mouse to a cell of a heat map, and return what the page says of it."""
    cells = page.evaluate(f"state.sides[{side - 1}].panels.{panel}.cells")
    across, down = (j + 0.5) * cells["w"] / cells["columns"], (i + 0.5) * cells["h"] / cells["rows"]
    box = page.locator(f".side:nth-child({side}) .{panel} svg").bounding_box()
    page.mouse.move(box["x"] + cells["x"] + across, box["y"] + cells["y"] + down)
    return page.locator("#tip").inner_text()


def test_the_page_opens_on_two_runs_at_their_ends_and_says_what_it_holds(opened, told):
    page = opened()
    assert [side["run"] for side in page.evaluate("shown()")] == ["bpa", "backprop"]
    assert page.locator("#epoch").inner_text() == "epoch 300"
    notes = page.locator("#notes").inner_text()
    error = max(run["layers"][0]["error"] for run in told["runs"][:2])
    exact = float(re.search(r"numbers to ±(\S+)", notes)[1])
    assert error <= exact < 2 * error
    epochs = told["runs"][0]["epochs"]
    dense = next(e for e, later in pairwise(epochs) if later > e + 1)
    assert f"{len(epochs)} of 301 snapshots of bpa: each to epoch {dense}, then even on a log scale" in notes
    assert page.locator("figure.panel").count() == 2 * len(PANELS)
    assert "stopped at epoch" in page.locator(".side:nth-child(2) .status").inner_text()


def test_a_look_at_the_data_leaves_the_epoch_of_the_run_as_it_was(opened):
    page = opened(alone=True)
    slide(page, 20)
    before = page.locator("#epoch").inner_text()
    choose(page, "run", "the data")
    assert page.locator("#epoch").inner_text() == "epoch 0" != before
    choose(page, "run", "bpa")
    assert page.locator("#epoch").inner_text() == before


def test_what_is_said_of_snapshots_is_said_of_a_run_where_the_data_stand_beside_one(opened):
    page = opened()
    choose(page, "run", "the data")
    assert ": each to epoch " in page.locator("#notes").inner_text()
    page.locator("#beside").click()
    assert "one snapshot of the data" in page.locator("#notes").inner_text()


@pytest.mark.parametrize("epoch", [0, 7, 150, 300])
def test_the_slider_shows_the_numbers_of_its_epoch(opened, runs, told, epoch):
    page = opened()
    timeline = page.evaluate("state.timeline")
    near = min(timeline, key=lambda e: abs(e - epoch))
    slide(page, timeline.index(near))
    assert page.locator("#epoch").inner_text() == f"epoch {near}"
    for side, (name, run) in enumerate(runs.items()):
        there = shown(page, side)
        error = told["runs"][side]["layers"][0]["error"]
        assert there["run"] == name and there["epoch"] == max(
            e for e in told["runs"][side]["epochs"] if e <= near
        )
        response = held(run, run.network.layers, 0, [near])[0]
        np.testing.assert_allclose(there["matrix"], response, atol=1.01 * error)
        U, S, V = (np.array(there[part]) for part in "USV")
        np.testing.assert_allclose(U @ S @ V.T, response, atol=1.01 * error)


def test_large_numbers_keep_their_digits(opened, tmp_path):
    frequencies = ITEMS.array.copy(data=ITEMS.values * np.where(np.arange(34) < 5, 137.0, 13.5))
    run = train(replace(RULES["bpa"], rate=1e-6), Network((34, 8, 34), biases=False), frequencies, epochs=1)
    page = opened(url=written(explorer_page({"frequencies": run}), tmp_path))
    assert point_at(page, "response", 2, 1).endswith("(data 137)")
    assert point_at(page, "response", 2, 6).endswith("(data 13.5)")
    strongest = page.evaluate("state.sides[0].panels.S.cells.limit")
    assert 100 < strongest < 1000 and f"{strongest:.0f}" in page.locator(".S svg text").all_text_contents()


def test_a_name_without_end_does_not_leave_the_panel_of_paths(opened, tmp_path):
    named = ITEMS.array.assign_coords(item=["x" * 200, *ITEMS.array["item"].values[1:]])
    run = train("bpa", Network((34, 8, 34), biases=False), named, epochs=50)
    page = opened(url=written(explorer_page({"bpa": run}), tmp_path))
    names = page.locator(".paths svg text")
    assert any(name.startswith("xxx") and name.endswith("…") for name in names.all_text_contents())
    panel = page.locator(".paths svg").bounding_box()
    for box in (names.nth(i).bounding_box() for i in range(names.count())):
        assert panel["x"] - 1 <= box["x"] and box["x"] + box["width"] <= panel["x"] + panel["width"] + 1


def test_more_properties_than_have_room_for_their_names_are_counted(opened, tmp_path):
    items = Items(np.eye(4, 600), "abcd", [f"property {j}" for j in range(600)], "wide")
    run = train("backprop", Network((600, 2, 600)), items, epochs=1)
    page = opened(url=written(explorer_page({"wide": run}), tmp_path))
    assert page.locator(".response .column").count() == 0
    assert page.locator(".response svg text").filter(has_text="600 properties").count() == 1
    x, y = (page.locator(".response canvas").bounding_box()[side] for side in ("x", "y"))
    page.mouse.move(x + 1, y + 1)
    assert page.locator("#tip").inner_text().startswith("a, property ")


def test_what_is_pointed_at_is_named_with_its_number(opened, runs):
    page = opened()
    slide(page, 60)
    epoch, there = shown(page)["epoch"], shown(page)
    value = float(runs["bpa"].response().sel(seed=0, epoch=epoch, item="salmon", property="has fins"))
    tip = point_at(page, "response", 2, 6)
    assert tip.startswith("salmon, has fins\n") and tip.endswith("(data 1)")
    assert abs(float(tip.split()[3].replace("−", "-")) - value) < 7e-4
    for panel, i, j, names, said in (
        ("U", 2, 1, "salmon, mode 2 (oak, maple, rose, daisy)", there["U"][2][1]),
        ("S", 0, 0, "mode 1 (sparrow, hawk, salmon, sunfish)", there["S"][0][0]),
        ("V", 2, 6, "has fins, mode 3 (sparrow, hawk against salmon, sunfish)", there["V"][6][2]),
    ):
        name, number = point_at(page, panel, i, j).split("\n")
        assert name == names and (float(number.replace("−", "-")) - said) ** 2 < 1e-6
    point_at(page, "response", 2, 6)
    assert page.locator(".tree g[data-item]:not(.faint) text").all_text_contents() == ["salmon", "salmon"]


def test_cells_have_the_colours_of_the_figures(opened):
    page = opened()
    values = np.linspace(-1.2, 1.2, 41)
    found = page.evaluate("values => values.map((value) => colour(value, 1.2))", values.tolist())
    wanted = matplotlib.colormaps["RdBu_r"]((values / 1.2 + 1) / 2)[:, :3] * 255
    assert np.abs(np.array(found) - wanted).max() < 3
    slide(page, 40)
    pixels = page.evaluate(
        "[...state.sides[0].panels.response.canvas.getContext('2d').getImageData(0, 0, 34, 8).data]"
    )
    limit = page.evaluate("state.sides[0].panels.response.cells.limit")
    colours = page.evaluate(
        "([rows, limit]) => rows.flat().map((v) => colour(v, limit))", [shown(page)["matrix"], limit]
    )
    np.testing.assert_array_equal(np.reshape(pixels, (-1, 4))[:, :3], colours)


@pytest.mark.parametrize("panel", ["response", "U", "S", "V"])
def test_equal_colours_are_equal_values_on_both_sides(opened, told, panel):
    page = opened()
    for layer in ("response", "hidden layer 1"):
        choose(page, "layer", layer, side=2)
        limits = page.evaluate(f"state.sides.map((side) => side.panels.{panel}.cells.limit)")
        seeds = [
            next(of for of in run["layers"] if of["name"] == name)["seeds"][0]
            for run, name in zip(told["runs"], ("response", layer), strict=False)
        ]
        largest = max(
            max(-seed["low"], seed["high"]) if panel == "response" else np.abs(unpacked(seed[panel])).max()
            for seed in seeds
        )
        np.testing.assert_allclose(limits, [largest, largest])
        bars = [page.locator(f".side:nth-child({side}) .{panel} text.quiet").nth(1) for side in (1, 2)]
        assert bars[0].text_content() == bars[1].text_content()


def test_an_output_that_nothing_taught_leaves_the_colours_and_scales_of_a_taught_one_as_they_are_alone(
    opened, tmp_path
):
    network = Network((34, 8, 34), biases=False)
    runs = {rule: train(rule, network, ITEMS, epochs=40) for rule in ("bpa", "krotov_hopfield")}
    (tmp_path / "page.html").write_text(explorer_page(runs), "utf-8")
    page = opened(url=(tmp_path / "page.html").as_uri())
    said = """({ panels: { response, U, S, V, strengths: { plot }, tree } }) => [
        ...[response, U, S, V].map(({ cells }) => cells.limit),
        (plot.Y(0) - plot.Y(1)) / plot.box.h,
        tree.tallest,
    ]"""
    taught, untaught = page.evaluate(f"state.sides.map({said})")
    choose(page, "layer", "hidden layer 1", side=2)
    hidden = page.evaluate(f"state.sides.map({said})")
    page.evaluate("sideBySide(false)")
    np.testing.assert_allclose(page.evaluate(f"state.sides.map({said})"), [taught], rtol=1e-12)
    assert untaught[0] > taught[0]
    assert hidden[0][0] == hidden[1][0] > taught[0]  # hidden layers are taught, and share their colours


@pytest.mark.parametrize("panel", ["U", "V"])
def test_the_bars_of_u_and_v_go_as_far_below_zero_as_above(opened, panel):
    low, high = opened().locator(f".side:first-child .{panel} text.quiet").all_text_contents()[:2]
    assert low == f"−{high}" and float(high) > 0


def test_the_bar_of_s_begins_at_its_least_value_which_modes_that_turn_together_have_between_them(
    opened, told
):
    page = opened()
    least = min(unpacked(run["layers"][0]["seeds"][0]["S"]).min() for run in told["runs"][:2])
    assert least < 0
    for side in ("first", "last"):
        figures = page.locator("figure.S")
        assert getattr(figures, side).locator("text.quiet").first.text_content() == page.evaluate(
            f"short({least})"
        )


def test_the_leaves_stand_in_the_order_of_the_tree(opened, runs):
    page = opened(alone=True)
    for index in (0, 30, 80):
        slide(page, index)
        response = runs["bpa"].response().sel(seed=0, epoch=shown(page)["epoch"])
        leaves = page.locator(".tree g[data-item] text").all_text_contents()
        assert tuple(leaves) == linkage(response).leaves


def test_play_goes_on_by_itself_and_stops_at_the_end(opened):
    page = opened()
    slide(page, 3)
    page.locator("#play").click()
    assert page.locator("#play").get_attribute("aria-label") == "Pause"
    until(page, "state.at >= 6")
    page.keyboard.press("Space")
    at = page.evaluate("state.at")
    page.wait_for_timeout(250)
    assert page.evaluate("state.at") == at and page.locator("#play").get_attribute("aria-label") == "Play"
    last = page.evaluate("state.timeline.length - 1")
    slide(page, last - 2)
    page.keyboard.press("Space")
    until(page, "!state.playing")
    assert page.evaluate("state.at") == last
    page.locator("#play").click()
    until(page, "state.playing && state.at < 5")


def test_the_paths_claim_the_nearest_distances_for_the_end_alone(opened, runs, told):
    page = opened(alone=True)
    assert page.locator(".paths .note").inner_text() == "nearest to distances at the end"
    _, packed, response = next(each_seed(told, runs))

    def kept(plane, states):
        apart, drawn = pdist(states), pdist(plane)
        return 1 - ((apart - drawn) ** 2).sum() / (apart**2).sum()

    alone = [item_paths(response[[f]], ITEMS.values) for f in (0, -1)]
    shown_at = [kept(packed["path"][f], response[f]) for f in (0, -1)]
    assert shown_at[1] == pytest.approx(float(alone[1].explained), abs=0.01)
    assert shown_at[0] < float(alone[0].explained) - 0.1


def test_who_asked_for_less_motion_gets_slow_steps(opened):
    page = opened(reduced_motion="reduce")
    slide(page, 0)
    page.evaluate("() => { state.since = performance.now(); play(true); }")
    until(page, "state.at >= 2")
    steps, seconds = page.evaluate("[state.at, (performance.now() - state.since) / 1000]")
    assert steps <= 2 * seconds + 0.1  # two a second, not thirteen
    assert page.evaluate("getComputedStyle(document.querySelector('.save')).transitionDuration") == "0s"


def test_another_run_seed_or_layer_changes_the_panels(opened, runs):
    page = opened(alone=True)
    slide(page, 50)
    drawn = [page.locator("#sides").inner_html()]

    def changed():
        drawn.append(page.locator("#sides").inner_html())
        assert drawn[-1] not in drawn[:-1]
        return np.array(shown(page)["matrix"])

    def wanted(name, layer, seed):
        return held(runs[name], layer, seed, [shown(page)["epoch"]])[0]

    choose(page, "run", "backprop")
    np.testing.assert_allclose(changed(), wanted("backprop", 3, 0), atol=2e-4)
    choose(page, "seed", "1")
    np.testing.assert_allclose(changed(), wanted("backprop", 3, 1), atol=2e-4)
    choose(page, "layer", "hidden layer 1")
    np.testing.assert_allclose(changed(), wanted("backprop", 1, 1), atol=2e-4)
    assert page.locator(".response h2").inner_text() == "Hidden layer 1"
    choose(page, "run", "bpa")
    np.testing.assert_allclose(changed(), wanted("bpa", 1, 1), atol=2e-4)
    choose(page, "run", "the data")
    np.testing.assert_allclose(changed(), ITEMS.values, atol=1e-4)


def test_both_meanings_of_strength_are_there_by_name(opened, runs):
    page = opened(alone=True)
    button = page.locator(".meaning")
    assert button.inner_text() == "projected ⇄"
    before = page.locator(".strengths svg").inner_html()
    button.click()
    assert button.inner_text() == "own ⇄" and page.locator(".strengths svg").inner_html() != before


def test_pressing_on_the_strengths_goes_to_that_epoch(opened):
    page = opened(alone=True)
    box = page.locator(".strengths svg").bounding_box()
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"])
    early = page.evaluate("state.epoch")
    page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + 0.5 * box["height"])
    assert 0 < early < page.evaluate("state.epoch") < 300


def test_the_keyboard_does_it_all(opened):
    page = opened()
    slide(page, 10)
    for key, at in (
        ("ArrowRight", 11),
        ("ArrowLeft", 10),
        ("PageUp", 20),
        ("PageDown", 10),
        ("Home", 0),
        ("ArrowLeft", 0),
    ):
        page.keyboard.press(key)
        assert page.evaluate("state.at") == at
    page.locator("#slider").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("[state.at, +document.querySelector('#slider').value]") == [1, 1]
    page.keyboard.press("End")
    assert page.evaluate("state.epoch") == 300
    page.keyboard.press("Home")
    page.locator(".side:nth-child(1) [data-choose=seed]").focus()  # where arrows choose, they do not step
    page.keyboard.press("ArrowRight")
    assert page.evaluate("[state.at, state.sides[0].seed]") == [0, 1]
    page.locator("#beside").focus()
    page.keyboard.press("Space")
    assert page.evaluate("[state.sides.length, state.playing]") == [1, 0]


def test_tab_goes_through_the_page_in_reading_order_and_shows_where_it_is(opened):
    page = opened(alone=True)
    found = []
    for _ in range(24):
        page.keyboard.press("Tab")
        found.append(
            page.evaluate(
                "(({id, className, dataset}) => id || dataset.choose || className.baseVal || className)"
                "(document.activeElement)"
            )
        )
        width = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        assert width >= 2 or found[-1] == "BODY"
    assert found[:3] == ["run", "seed", "layer"]
    assert found.index("layer") < found.index("save") < found.index("meaning") < found.index("back")
    assert found[found.index("back") :][:5] == ["back", "play", "forward", "slider", "beside"]


def test_of_images_rows_are_called_classes(opened, tmp_path):
    digits = load_images("digits")
    network = Network((64, 6, 10), "relu", "softmax")
    run = train("backprop", network, digits.x, digits.targets, epochs=2, record=["class_means"])
    page = opened(url=written(explorer_page({"digits": run}), tmp_path))
    assert page.locator("figure.U .note").text_content() == "classes × modes"
    assert page.locator("figure.paths h2").text_content() == "Class paths"
    labels = [
        page.locator(f"figure.{kind} svg").get_attribute("aria-label") for kind in ("tree", "paths", "U")
    ]
    assert labels[:2] == ["dendrogram of the classes", "paths of the classes in a plane over training"]
    assert labels[2].startswith("U, 10 classes by ")


def test_cells_are_read_out_by_shift_and_arrows(opened):
    page = opened(alone=True)
    page.locator(".response svg").focus()
    for key in ("Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowDown"):
        page.keyboard.press(key)
    value = shown(page)["matrix"][1][1]
    said = page.locator("#said").inner_text()
    assert said.startswith("hawk, has eyes: ") and abs(float(said.split()[3]) - value) < 6e-4
    assert page.locator("#epoch").inner_text() == "epoch 300"


def test_everything_has_a_name_for_those_who_do_not_see_it(opened):
    page = opened()
    named = "nodes => nodes.map((node) => (node.getAttribute('aria-label') || node.innerText || '').trim())"
    assert all(page.eval_on_selector_all("button", named))
    assert all(page.eval_on_selector_all("svg[role=img]", named))
    assert page.locator("svg[role=img]").count() == 2 * len(PANELS)
    assert page.locator("#slider").get_attribute("aria-valuetext") == "epoch 300"
    assert page.eval_on_selector_all(
        "select", "nodes => nodes.every((node) => node.labels[0].innerText.trim())"
    )
    assert page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize("panel", PANELS)
def test_a_picture_of_every_panel_is_saved_as_svg(opened, tmp_path, panel):
    page = opened()
    slide(page, 30)
    with page.expect_download() as download:
        page.locator(f".side:nth-child(1) .{panel} .save").click()
    name = download.value.suggested_filename
    kind = "" if panel == "response" else f"{panel}-"
    assert name == f"response-{kind}bpa-seed-0-epoch-{shown(page)['epoch']}.svg"
    download.value.save_as(tmp_path / name)
    root = ElementTree.parse(tmp_path / name).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[1] == f"bpa, seed 0, epoch {shown(page)['epoch']}"
    fills = [
        rect.get("fill")
        for rect in root.iter("{http://www.w3.org/2000/svg}rect")
        if "crisp" not in rect.get("class", "")
    ]
    if panel == "response":
        colours = page.evaluate(
            "([rows, limit]) => rows.flat().map((v) => rgb(colour(v, limit)))",
            [shown(page)["matrix"], page.evaluate("state.sides[0].panels.response.cells.limit")],
        )
        assert fills[1 : 1 + 8 * 34] == colours and "has fins" in texts
    picture = opened(url=(tmp_path / name).as_uri())
    assert picture.evaluate("document.documentElement.getBoundingClientRect().width") > 100


@pytest.mark.parametrize("alone", [True, False])
def test_at_a_projector_all_panels_are_seen_without_scrolling(opened, alone):
    page = opened(WIDE, alone=alone)
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [
        1280,
        720,
    ]
    foot = page.locator("#transport").bounding_box()["y"]
    for frame in page.locator("figure.panel .frame").all():
        box = frame.bounding_box()
        assert box["x"] >= 0 and box["y"] >= 0 and box["width"] > 90 and box["height"] > 90
        assert box["x"] + box["width"] <= 1280 and box["y"] + box["height"] <= foot
    sizes = page.eval_on_selector_all(
        "figure.panel svg text", "nodes => nodes.map((node) => parseFloat(node.getAttribute('font-size')))"
    )
    assert min(sizes) >= 9


@pytest.mark.parametrize("alone", [True, False])
def test_on_a_phone_panels_are_stacked_and_nothing_scrolls_sideways(opened, alone):
    page = opened(PHONE, alone=alone)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("document.body.scrollWidth") == 390
    boxes = [
        page.locator(f".side:nth-child(1) .{panel}").bounding_box()
        for panel in ("response", "V", "strengths", "tree", "paths")
    ]
    assert all(above["y"] + above["height"] <= below["y"] + 1 for above, below in pairwise(boxes))
    sides = [side.bounding_box() for side in page.locator(".side").all()]
    assert all(side["width"] > 350 for side in sides)
    assert all(above["y"] + above["height"] <= below["y"] for above, below in pairwise(sides))
    cells = page.evaluate("state.sides.map(({ panels }) => panels.U.cells.w / panels.U.cells.columns)")
    assert all(cell > 12 for cell in cells)  # with two sides as with one: the numbers of modes have room


def under_save(page):
    """Return the titles and notes of panels that lie under the button that saves the picture."""
    return page.evaluate(
        """() => [...document.querySelectorAll(".panel")].flatMap((panel) => {
             const save = panel.querySelector(".save").getBoundingClientRect();
             return [...panel.querySelectorAll("h2, .note")].filter((node) => {
               const range = document.createRange();
               range.selectNodeContents(node);
               const text = range.getBoundingClientRect(), box = node.getBoundingClientRect();
               return box.width && Math.min(text.right, box.right) > save.left
                 && text.bottom > save.top && text.top < save.bottom;
             }).map((node) => node.textContent);
           })"""
    )


@pytest.mark.parametrize(
    ("width", "height"), [(1400, 1000), (1400, 1400), (1000, 700), (800, 1200), (390, 844)]
)
def test_no_title_lies_under_the_button_that_saves_its_picture(opened, tmp_path, width, height):
    items = xr.DataArray(
        [[1.0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0]],
        {"item": list("abcde"), "property": list("xyz")},
    )
    run = train("bpa", Network((3, 2, 3), biases=False), items, epochs=20)  # of two modes, so U is narrow
    page = opened({"width": width, "height": height}, written(explorer_page({"a": run, "b": run}), tmp_path))
    assert under_save(page) == []


@pytest.mark.parametrize("width", [320, 799, 800, 1000, 1100, 1920])
def test_at_no_width_does_it_scroll_sideways(opened, width):
    page = opened({"width": width, "height": 700})
    for both in ("true", "false"):
        page.evaluate(f"sideBySide({both})")
        assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(
    ("width", "height", "alone"),
    [(1024, 768, False), (1000, 700, False), (1280, 720, False), (800, 1200, True), (390, 844, False)],
)
def test_titles_and_what_is_said_of_a_run_are_read_whole(opened, width, height, alone):
    page = opened({"width": width, "height": height}, alone=alone)
    cut = page.evaluate(
        """() => [...document.querySelectorAll("h2, .note, .status")].filter((node) => {
             const box = node.getBoundingClientRect(), around = node.parentElement.getBoundingClientRect();
             return node.scrollWidth > node.clientWidth + 1 || box.right > around.right + 1
               || box.bottom > around.bottom + 1;
           }).map((node) => node.textContent)"""
    )
    assert cut == []
    if alone:
        return
    assert page.locator(".side:nth-child(2) .status").inner_text().endswith("34-8-8-34 linear, biases")
    places = set()
    for index in (0, 40, page.evaluate("state.timeline.length - 1")):
        slide(page, index)
        places.add(page.locator(".side:nth-child(2) .response svg").bounding_box()["y"])
    assert len(places) == 1  # nothing moves while it plays


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(
    ("width", "height"), [(1400, 1000), (1920, 1080), (1280, 720), (1024, 768), (390, 844)]
)
def test_the_button_that_saves_a_panel_lies_over_nothing_else_of_its_caption(opened, width, height, alone):
    page = opened({"width": width, "height": height}, alone=alone)
    assert page.locator(".meaning").count() == (1 if alone else 2)
    assert under_save(page) == []


def test_a_window_that_changes_its_size_is_laid_out_anew(opened):
    page = opened(WIDE)
    page.set_viewport_size(PHONE)
    until(page, "document.body.dataset.layout === 'narrow'")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def off_grid(page):
    """Return by how many pixels the cells of a heat map are off their frame, at most."""
    return page.evaluate(
        """() => Math.max(...[...document.querySelectorAll("canvas")].flatMap((canvas) => {
             const [cells, box] = [canvas, canvas.parentElement.querySelector(".box")]
               .map((node) => node.getBoundingClientRect());
             return ["left", "top", "right", "bottom"].map((edge) => Math.abs(cells[edge] - box[edge]));
           }))"""
    )


@pytest.mark.parametrize("media", ["screen", "print"])
@pytest.mark.parametrize("alone", [True, False])
def test_cells_are_on_their_grid_at_any_size_before_anything_is_drawn_anew(opened, alone, media):
    page = opened(alone=alone)
    page.emulate_media(media=media)
    for width in (1280, 1100, 900):
        page.evaluate(f"() => {{ document.body.style.width = '{width}px'; }}")
        assert off_grid(page) < 1


def test_two_runs_in_a_high_window_leave_the_tree_its_width_and_mode_numbers_apart(opened, tmp_path):
    rng = np.random.default_rng(0)
    names = [f"an item of long name {k}" for k in range(8)]
    items = Items(rng.integers(0, 2, (8, 40)), names, [f"property {k}" for k in range(40)], "long names")
    runs = {rule: train(rule, Network((40, 8, 40)), items, epochs=3) for rule in ("bpa", "backprop")}
    page = opened({"width": 1500, "height": 1600}, written(explorer_page(runs), tmp_path))
    whole, axis = (
        page.locator(part).first.bounding_box()["width"] for part in (".tree .frame", ".tree path.axis")
    )
    assert axis > whole / 3
    for panel in (".U", ".S"):
        boxes = [mode.bounding_box() for mode in page.locator(f".side:first-child {panel} text.mode").all()]
        below = [box for box in boxes if abs(box["y"] - max(b["y"] for b in boxes)) < 1]
        assert len(below) > 1
        assert all(a["x"] + a["width"] < b["x"] for a, b in pairwise(below))


@pytest.mark.parametrize(("viewport", "alone"), [(WIDE, True), (WIDE, False), (PHONE, True)])
def test_on_paper_pictures_keep_their_shape_and_the_epoch_is_told(opened, viewport, alone):
    page = opened(viewport, alone=alone)
    page.emulate_media(media="print")
    page.evaluate("() => { document.body.style.width = '700px'; }")
    assert page.evaluate("document.body.scrollWidth") == 700
    for svg in page.locator("figure.panel svg").all():
        width, height = map(float, svg.get_attribute("viewBox").split()[2:])
        box = svg.bounding_box()
        assert abs(box["width"] / box["height"] / (width / height) - 1) < 0.01
    boxes = [figure.bounding_box() for figure in page.locator(".panel").all()]
    assert max(box["x"] + box["width"] for box in boxes) > 670  # the paper is used
    assert page.locator("#epoch").is_visible() and not page.locator("#slider").is_visible()


@pytest.mark.parametrize(
    ("width", "height", "alone"),
    [(1280, 720, True), (1280, 720, False), (1024, 768, False), (1920, 1080, False), (800, 1200, True)],
)
def test_what_is_seen_at_once_is_one_sheet_of_paper(opened, width, height, alone):
    page = opened({"width": width, "height": height}, alone=alone)
    pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 1
    paper = map(float, re.search(rb"/MediaBox \[0 0 (\S+) ([^\]]+)\]", pdf).groups())
    assert (next(paper) > next(paper)) == (width > height)


def test_evil_names_are_shown_as_they_are(opened, evil, tmp_path):
    page = opened(url=written(explorer_page({"<i>evil</i>": evil}), tmp_path))
    assert page.locator("b, img, i").count() == 0
    assert tuple(page.evaluate("items")) == EVIL
    assert page.locator("[data-choose=run] option").first.inner_text() == "<i>evil</i>"
    assert point_at(page, "response", 0, 1).startswith(f"{EVIL[0]}, is {EVIL[1]}\n")
