import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from semantic_svd import report
from semantic_svd.cli.reproduce import STUDIES
from semantic_svd.errors import InputError
from semantic_svd.items import load_items
from semantic_svd.modes import svd
from semantic_svd.report import (
    AUTOASSOCIATOR,
    BPA,
    TANH,
    Claim,
    above,
    below,
    less,
    measures,
    more,
    scripts,
    standard,
)
from semantic_svd.top import top_folder

X = load_items("mcclelland2020").array
U, S, V = (svd(X)[name].values for name in "UsV")
PLANTS = ("oak", "maple", "rose", "daisy")


@pytest.fixture
def response(monkeypatch):
    """Let every model answer with the same responses, (seed, item, property)."""

    def answer(*matrices):
        values = xr.concat([X.copy(data=matrix) for matrix in matrices], "seed").assign_coords(
            seed=range(len(matrices))
        )
        monkeypatch.setattr(standard, "response_at", lambda model, condition: values)

    report.comparison_at.cache_clear()
    yield answer
    report.comparison_at.cache_clear()


@pytest.fixture
def halves(monkeypatch):
    """Let every model learn its modes at the epochs that are given, one seed."""

    def at(*epochs):
        table = xr.DataArray([epochs], dims=("seed", "mode"), coords={"seed": [0], "mode": range(1, 9)})
        monkeypatch.setattr(standard, "half_learned_epochs", lambda model: table)

    return at


def changed(**strengths):
    """Return the data with some of its modes at another share of their strength: m3=0.5 halves mode 3."""
    s = S.copy()
    for name, share in strengths.items():
        s[int(name[1:]) - 1] *= share
    return (U * s) @ V.T


def turned_pair(angle):
    """Return the data with the vectors of modes 5 and 6 turned in their plane, the singular values left in place."""
    turn = np.eye(8)
    turn[4:6, 4:6] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    s = S * (1 - 1e-4 * np.arange(8))
    return (U @ turn * s) @ (V @ turn).T


# ----------------------------------------------------------------------------------------------------- the runs


def test_standard_runs_have_the_networks_of_the_report_and_twenty_seeds():
    assert [model.network.sizes for model in (AUTOASSOCIATOR, TANH, BPA)] == [(34, 8, 8, 34)] * 2 + [
        (34, 8, 34)
    ]
    assert (TANH.network.hidden, TANH.network.output) == ("tanh", "linear")
    assert AUTOASSOCIATOR.network.biases and not BPA.network.biases
    assert report.standard_run(BPA).data.sizes["seed"] == 20


def test_a_standard_run_is_trained_once():
    assert report.standard_run(BPA) is report.standard_run(BPA)


@pytest.mark.parametrize("model", [AUTOASSOCIATOR, TANH, BPA], ids=lambda model: model.name)
def test_every_seed_of_the_standard_runs_converges(model):
    assert standard.epoch_at_error(report.standard_run(model), 1e-6).notnull().all()


def test_the_mean_squared_error_is_that_of_the_response():
    run = report.standard_run(BPA)
    by_hand = ((run.response().isel(epoch=3) - X) ** 2).mean(("item", "property"))
    np.testing.assert_allclose(standard.mean_squared_error(run).isel(epoch=3), by_hand)


def test_the_epoch_at_an_error_is_the_first():
    run = report.standard_run(BPA)
    epochs, mse = standard.epoch_at_error(run, 1e-2).astype(int), standard.mean_squared_error(run)
    assert (mse.sel(epoch=epochs) <= 1e-2).all() and (mse.sel(epoch=epochs - 1) > 1e-2).all()


def test_equal_epochs_are_equal_and_equal_errors_equal():
    assert set(standard.epochs_at(AUTOASSOCIATOR, "equal epochs").values) == {500}
    for model in (AUTOASSOCIATOR, BPA):
        error = ((report.response_at(model, "MSE 1e-3") - X) ** 2).mean(("item", "property"))
        assert (error <= 1e-3).all() and (error > 0.9e-3).all()


# ---------------------------------------------------------------------------------------------------- the measures


def test_relative_error_of_half_the_data_is_one_half(response):
    response(X / 2, X)
    np.testing.assert_allclose(report.relative_error(BPA, ""), [0.5, 0])


def test_squared_error_counts_the_rows_of_the_items_only(response):
    noisy = X.copy()
    noisy.loc["sparrow"] += 2.0
    response(noisy)
    assert report.squared_error_on(BPA, "", PLANTS).item() == 0
    assert report.squared_error_on(BPA, "", ["sparrow", "hawk"]).item() == 2


def test_modes_that_have_changed_places_keep_their_cosine_and_unknown_ones_lose_it(response):
    response(changed(m3=0.5), np.random.default_rng(0).normal(size=X.shape))
    found = report.block_cosine(BPA, "", (1, 2, 3, 4))
    assert found[0] == pytest.approx(1) and found[1] < 0.9


def test_a_mode_is_turned_if_its_vector_points_the_other_way(monkeypatch):
    table = pd.DataFrame({"seed": [0, 0, 1, 1], "mode": [1, 2, 1, 2], "cosine_U": [-1.0, 0.9, 1.0, -0.9]})
    monkeypatch.setattr(measures, "comparison_at", lambda model, condition: table)
    assert report.turned(BPA, "", 2).values.tolist() == [False, True]


def test_turned_vectors_of_one_plane_are_rotated_and_others_not(response):
    response(turned_pair(0.8), turned_pair(0.01), changed(m5=1.001))
    np.testing.assert_array_equal(report.rotated(BPA, "", (5, 6)), [True, False, False])
    np.testing.assert_array_equal(report.rotated(BPA, "", (4, 5)), [False, False, False])


def test_all_of_the_last_modes_of_the_data_is_on_the_plants(response):
    response(X)
    assert report.share_on(BPA, "", PLANTS, (7, 8)).item() == pytest.approx(1)
    assert report.share_on(BPA, "", PLANTS, (1, 5)).item() == pytest.approx(0)


def test_leads_are_from_the_last_of_the_early_to_the_first_of_the_late(response, halves):
    halves(8, 9, 30, 40, 100, 110, 500, 600)
    assert report.lead_in_epochs(BPA, (1, 2), (3, 4)).item() == 21
    response(changed(m1=0.9, m2=0.8, m3=0.5, m4=0.3))
    assert report.lead_in_share(BPA, "", (1, 2), (3, 4)).item() == pytest.approx(0.3)


def test_late_is_the_mean_of_the_last_four(response, halves):
    halves(10, 9, 30, 40, 100, 110, 500, 600)
    assert report.late_in_epochs(BPA).item() == 327.5
    assert report.late_in_epochs(BPA, relative=True).item() == 32.75
    response(changed(m5=0.9, m6=0.8, m7=0.5, m8=0.3))
    assert report.late_in_share(BPA, "").item() == pytest.approx(0.375)


def test_pairs_that_are_equal_have_no_gap(response):
    response(X, changed(m6=0.8), changed(m8=0.6))
    np.testing.assert_allclose(report.pair_gap_in_share(BPA, ""), [0, 0.1, 0.2], atol=1e-12)


def test_the_gap_in_epochs_is_measured_in_the_pairs_own_time(monkeypatch):
    epochs = np.arange(200)
    starts = np.array([1, 2, 3, 4, 40, 60, 100, 100])  # half of the strength is reached here and stays
    rising = xr.DataArray(
        (epochs[:, None] >= starts)[None] * S,
        dims=("seed", "epoch", "mode"),
        coords={"epoch": epochs, "mode": range(1, 9)},
    )
    monkeypatch.setattr(standard, "sorted_strengths", lambda model: rising)
    assert report.pair_gap_in_epochs(BPA).item() == pytest.approx((20 / 50 + 0) / 2)


def test_noise_turns_and_rotates_modes_but_changes_none():
    table = report.comparison_at(report.NOISY, "convergence")
    assert (table["block_cosine"] > 1 - 1e-9).all()
    assert 0.2 < report.turned(report.NOISY, "convergence", 2).mean() < 0.8


# ------------------------------------------------------------------------------------------------------- the tables


def test_a_naive_reading_calls_rotated_modes_different(response):
    response(turned_pair(0.8))
    naive, measured = report.naive_comparison(BPA, ""), report.comparison_at(BPA, "")
    assert naive["verdict"].iloc[4:6].tolist() == ["different"] * 2
    assert measured["verdict"].iloc[4:6].tolist() == ["rotated within its block"] * 2


def test_verdicts_are_summed_up_over_seeds():
    table = pd.DataFrame({"mode": 1, "verdict": ["same", "same", "swapped"], "block_cosine": [1, 1, 0.7]})
    row = report.verdict_table(table.assign(null_cosine=0.4), model="BPA").iloc[0]
    assert (row["model"], row["verdict"], row["seeds"]) == ("BPA", "same", "2 of 3")
    assert (row["block_cosine"], row["all_verdicts"]) == (pytest.approx(0.9), "same 2; swapped 1")


def test_modes_are_labelled_with_their_blocks():
    table = report.labelled(pd.DataFrame({"mode": [1, 5, 8]}))
    assert table["block"].tolist() == ["1", "5-6", "7-8"]
    assert table["label"].tolist() == ["animals", "within birds, fish", "within trees, flowers"]


# ------------------------------------------------------------------------------------------------------- the claims


@pytest.mark.parametrize(
    ("criterion", "interval", "verdict"),
    [
        (above(1), (1.1, 2), "yes"),
        (above(1), (0.5, 1), "no"),
        (above(1), (0.5, 1.5), "unclear"),
        (below(1), (0.5, 0.9), "yes"),
        (below(1), (1, 2), "no"),
        (below(1), (0.5, 1.5), "unclear"),
        (more(0.1), (-0.1, 0.1), "no difference"),
        (more(0.1), (0.2, 0.3), "yes"),
        (more(0.1), (-0.5, -0.2), "no"),
        (more(0.1), (0.05, 0.3), "unclear"),
        (less(0.1), (-0.3, -0.2), "yes"),
        (less(0.1), (0.2, 0.3), "no"),
        (less(0.1), (-0.05, 0.05), "no difference"),
    ],
)
def test_a_criterion_judges_the_whole_interval(criterion, interval, verdict):
    assert criterion.judge(*interval) == verdict


def test_a_claim_about_two_models_measures_the_first_minus_the_second():
    size = {BPA: 3.0, TANH: 1.0}
    claim = Claim(
        "larger", "size", lambda model, _: xr.DataArray([size[model]] * 5, dims="seed"), (BPA, TANH), more(1)
    )
    row = claim.rows()[0]
    assert (row["of"], row["mean"], row["BPA"], row["tanh autoassociator"]) == (
        "BPA minus tanh autoassociator",
        2,
        3,
        1,
    )
    assert (row["criterion"], row["holds"]) == ("> 1", "yes")


def test_a_share_of_seeds_has_wilsons_interval():
    claim = Claim("often", "share", lambda *_: xr.DataArray([True] * 20, dims="seed"), (BPA,), above(0.8))
    row = claim.rows()[0]
    # Wilson: n / (n + z^2) for n of n
    assert (row["mean"], row["low"], row["high"]) == (1, pytest.approx(20 / (20 + 1.959964**2)), 1)


def test_claims_are_written_a_line_each_with_their_verdict_under_the_condition(tmp_path):
    claim = Claim(
        "Big", "size", lambda *_: xr.DataArray([-2.0] * 5, dims="seed"), (BPA,), above(1), ("MSE 1e-3",)
    )
    table = report.claims_table([claim])
    report.save_claims(table, tmp_path, "claims")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["claims.csv", "claims.md"]
    text = (tmp_path / "claims.md").read_text(encoding="utf-8")
    assert text.endswith("| Big | size: BPA > 1 | – | – | **no** −2 [−2, −2] | – |\n")
    assert pd.read_csv(tmp_path / "claims.csv")["holds"].tolist() == ["no"]


# ---------------------------------------------------------------------------------------------------- the analyses


def test_every_analysis_asks_a_question_and_can_be_computed_drawn_and_run():
    for path in top_folder("analyses").glob("*.py"):
        module = scripts.load_analysis(path)
        assert "?" in module.__doc__.splitlines()[0], path.stem
        assert callable(module.main), path.stem
        if path.stem.replace("_", "-") not in STUDIES:
            assert callable(module.compute) and (hasattr(module, "draw") or path.stem == "claims"), path.stem


@pytest.mark.parametrize(
    ("stem", "figures"),
    [
        ("svd_data", ["svd_data"]),
        ("svd_responses", ["svd_autoassociator", "svd_bpa"]),
        ("strengths", ["strengths_autoassociator", "strengths_bpa", "strengths_tanh"]),
    ],
)
def test_an_analysis_writes_its_figures_and_their_tables(tmp_path, stem, figures):
    scripts.load_analysis(top_folder("analyses") / f"{stem}.py").main(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{figure}.{kind}" for figure in figures for kind in ("csv", "pdf", "png")
    ]


def test_reproduce_runs_all_analyses_but_those_on_request_and_returns_the_claims(tmp_path, monkeypatch):
    for stem in ("claims", "a", "z", *scripts.ON_REQUEST):
        body = f"(folder / f'{{len(list(folder.iterdir()))}} {stem}').touch()\n    return '{stem}'"
        text = f"def main(folder):\n    {body}\n"
        (tmp_path / f"{stem}.py").write_text(text)
    monkeypatch.setattr(scripts, "top_folder", lambda name: tmp_path)
    assert report.reproduce(tmp_path / "figures", progress=False) == "claims"
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["0 a", "1 z", "2 claims"]


def test_reproduce_refuses_a_folder_it_cannot_write_to_before_it_trains(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(standard, "train", lambda *args, **kwargs: pytest.fail("trained"))
    with pytest.raises(InputError) as error:
        report.reproduce(tmp_path / "file" / "figures", progress=False)
    where = tmp_path / "file" / "figures"
    assert str(error.value) == (
        f"cannot write to the folder {where}: Not a directory; name one that can be written to"
    )


def test_a_script_ends_with_one_line_and_code_2_on_a_bad_folder(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setattr(sys, "argv", ["svd_data.py", "-o", str(tmp_path / "file")])
    with pytest.raises(SystemExit) as end:
        report.script(scripts.load_analysis(top_folder("analyses") / "svd_data.py").main)
    assert end.value.code == 2
    assert capsys.readouterr().err == (
        f"cannot write to the folder {tmp_path / 'file'}: File exists; name one that can be written to\n"
    )
