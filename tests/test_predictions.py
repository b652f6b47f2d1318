"""Claims about predictions: a run does what theory says of it, and where no theory holds it is told why."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from refusals import refused
from scipy.stats import gmean

from semantic_svd import modes, theory
from semantic_svd.activations import recorded_run
from semantic_svd.items import load_items
from semantic_svd.network import Network
from semantic_svd.plasticity import Hebb
from semantic_svd.predictions import (
    half_learned_beside_theory,
    prediction,
    theory_of,
    time_constants_beside_theory,
)
from semantic_svd.rules import RULES, sum_rule
from semantic_svd.runs import Run
from semantic_svd.training import train

ITEMS = load_items("mcclelland2020")
ONE_HOT = np.eye(8)
PLAIN = Network((34, 8, 34), biases=False)


def trained(rule="bpa", network=PLAIN, x=ITEMS, y=None, rate=None, **settings):
    rule = RULES[rule] if isinstance(rule, str) else rule
    rule = rule if rate is None else dataclasses.replace(rule, rate=rate)
    return train(rule, network, x, y, **{"epochs": 20, "seeds": 2, "progress": False} | settings)


@pytest.mark.parametrize(
    ("rule", "sizes", "localist"),
    [
        ("bpa", (34, 8, 34), False),
        ("bpa", (8, 16, 34), True),
        ("backprop", (34, 8, 34), False),
        ("backprop", (8, 16, 34), True),
        ("backprop", (34, 8, 6, 34), False),
        ("backprop", (34, 34), False),
    ],
)
@pytest.mark.parametrize("ratio", [1, 0.5])
def test_runs_near_what_is_foretold_to_first_order_in_the_rate(rule, sizes, localist, ratio):
    x, y = (ONE_HOT, ITEMS.array.values) if localist else (ITEMS, None)
    errors = []
    for rate in (0.04, 0.02, 0.01):
        network, time = Network(sizes, biases=False), 40 if localist else 10
        run = trained(
            rule,
            network,
            x,
            y,
            (rate, ratio * rate, 0.1),
            epochs=round(time / rate),
            every=round(time / rate / 20),
        )
        assert theory_of(run) == rule
        foretold = prediction(run)
        measured = modes.strengths(run.response(), ITEMS)
        assert foretold.dims == ("seed", "epoch", "mode")
        assert foretold.epoch.values.tolist() == run.data.epoch.values.tolist()
        errors.append(float(np.abs(foretold.values - measured.values).max()))
    np.testing.assert_allclose(np.array(errors[:-1]) / errors[1:], 2, atol=0.2)


def test_one_rate_and_the_same_rate_thrice_are_one_theory():
    one, three = trained(rate=0.05), trained(rate=(0.05, 0.05, 0.05))
    assert one.rule != three.rule
    np.testing.assert_array_equal(prediction(one), prediction(three))


def test_a_run_from_disk_and_some_of_its_seeds_are_foretold_alike(tmp_path):
    run = trained(seeds=[3, 5])
    run.save(tmp_path / "run.zarr")
    opened = Run.open(tmp_path / "run.zarr")
    foretold = prediction(opened)
    assert foretold.seed.values.tolist() == [3, 5]
    np.testing.assert_array_equal(foretold, prediction(run))
    np.testing.assert_allclose(prediction(opened.sel(seed=[5])), foretold[1:], atol=1e-12)
    np.testing.assert_allclose(prediction(opened.sel(seed=5)), foretold[1], atol=1e-12)


def test_what_is_foretold_goes_on_where_a_seed_stops():
    run = trained(epochs=400, seeds=2, stop_below=0.3)
    assert set(run.data.status.values) == {"stopped"}
    assert prediction(run).notnull().all()


WHY = (
    "no theory holds for this run ({}): there are those of backprop and bpa, in linear nets without biases that learn "
    "from all items at once"
)


@pytest.mark.parametrize(
    ("make", "reasons"),
    [
        (lambda: trained("backprop", Network((34, 8, 34))), "biases"),
        (
            lambda: trained("backprop", dataclasses.replace(PLAIN, power=4), rate=0.02),
            "error to the power of 4",
        ),
        (lambda: trained("bpa", dataclasses.replace(PLAIN, power=1.5)), "error to the power of 1.5"),
        (lambda: trained("backprop", Network((34, 8, 34), "tanh", biases=False)), "tanh hidden units"),
        (lambda: trained("backprop", Network((34, 8, 34), output="sigmoid", biases=False)), "sigmoid output"),
        (lambda: trained(batch_size=3), "batches of 3 of 8 items"),
        (lambda: trained("bpa_sanger"), "a rule that is neither backprop nor bpa"),
        (lambda: trained(sum_rule(Hebb(), 1e-3)), "a rule that is neither backprop nor bpa"),
        (
            lambda: trained(dataclasses.replace(RULES["bpa"], schedule="linear")),
            "a rule that is neither backprop nor bpa",
        ),
        (lambda: trained("bpa", Network((34, 8, 8, 34), biases=False)), "bpa in a net with 2 hidden layers"),
        (lambda: trained(rate=(0, 0.1, 0.1)), "a rate of 0"),
        (lambda: trained(rate=(0.1, 0, 0.1)), "a rate of 0"),
        (lambda: trained(probe=ITEMS.array, batch_size=3), "the items are not kept"),
        (lambda: recorded_run({"a": ONE_HOT}, ITEMS.values, items=ITEMS), "recorded, not trained"),
        (lambda: trained(record=("responses",)), "the weights at epoch 0 are not kept"),
        (lambda: trained().sel(epoch=[1, 2]), "the weights at epoch 0 are not kept"),
        (lambda: trained().final(), "the weights at epoch 0 are not kept"),
        (
            lambda: trained("backprop", Network((34, 8, 34), "relu"), batch_size=1),
            "biases, relu hidden units, batches of 1 of 8 items",
        ),
    ],
)
@pytest.mark.parametrize(
    "asked", [theory_of, prediction, half_learned_beside_theory, time_constants_beside_theory]
)
def test_where_no_theory_holds_one_line_says_why(make, reasons, asked):
    assert refused(asked, make()) == WHY.format(reasons)


def test_what_hidden_layers_would_have_matters_not_where_nothing_is_hidden():
    one = Network((34, 34), "tanh", biases=False)
    foretold = prediction(trained("backprop", one, rate=0.1))
    for hidden, feedback in ((0, 0.1), (0.3, 0)):
        run = trained("backprop", one, rate=(hidden, 0.1, feedback))
        assert theory_of(run) == "backprop"
        np.testing.assert_array_equal(prediction(run), foretold)


@pytest.mark.parametrize("rule", ["bpa", "backprop"])
def test_half_learned_epochs_stand_beside_those_foretold(rule):
    run = trained(rule, epochs=1500, seeds=5)
    table = half_learned_beside_theory(run).set_index("mode")
    data = modes.svd(ITEMS)
    measured = modes.half_learned(modes.strengths(run.response(), data), data)
    foretold = modes.half_learned(prediction(run), data)
    np.testing.assert_allclose(table["mean"], gmean(measured))
    np.testing.assert_allclose(table["predicted"], gmean(foretold))
    np.testing.assert_allclose(table["ratio"], 1, atol=0.1)
    assert (table["low"] <= table["mean"]).all() and (table["mean"] <= table["high"]).all()
    assert table["block"].tolist() == ["1", "2", "3", "4", "5-6", "5-6", "7-8", "7-8"]
    assert (table["n"] == 5).all()


@pytest.mark.parametrize(("hidden", "power", "rate"), [((), 2, (0.3, 0.01, 0.1)), ((8,), 1, 0.01)])
def test_from_an_aligned_start_time_constants_are_those_foretold(hidden, power, rate):
    start = theory.aligned_start(ITEMS, a0=0.01, units=hidden)
    network, settings = Network((34, *hidden, 34), biases=False), {"epochs": 6000, "every": 20, "seeds": 1}
    begun = {f"W{layer}": weights for layer, weights in enumerate(start, 1)}
    table = time_constants_beside_theory(trained("backprop", network, rate=rate, start=begun, **settings))
    s = np.linalg.svd(ITEMS.values, compute_uv=False)
    np.testing.assert_allclose(table["predicted"], 8 / (0.01 * s**power))
    np.testing.assert_allclose(table["ratio"], 1, atol=0.03)
    np.testing.assert_allclose(table["mean"], table["ratio"] * table["predicted"])


@pytest.mark.parametrize("sizes", [(3, 2, 3), (3, 3)])
@pytest.mark.parametrize("beside", [half_learned_beside_theory, time_constants_beside_theory])
def test_no_time_is_foretold_of_a_null_mode(beside, sizes):
    items = np.array([[1.0, 0, 1], [1, 0, 1], [0, 1, 0]])
    run = trained("backprop", Network(sizes, biases=False, scale=0.1), items, rate=0.05, epochs=800, seeds=5)
    table = beside(run).set_index("mode")
    assert (table.loc[[1, 2], "n"] == 5).all() and (table.loc[[1, 2], "predicted"] < 800).all()
    assert table.loc[3, ["predicted", "mean", "low", "high", "ratio"]].isna().all() and table.loc[3, "n"] == 0


def test_equal_modes_each_rise_more_gradually_than_the_pair_that_they_are():
    """A pair is learned along two directions of its own, one after the other; each follows the closed form."""
    network = Network((34, 8, 34), biases=False, scale=0.1)
    run = trained("backprop", network, epochs=1500, seeds=10)
    table, data = time_constants_beside_theory(run).set_index("mode"), modes.svd(ITEMS)
    assert (table.loc[7:, "ratio"] > 1.1).all()
    pair = data["U"].values[:, 6:].T @ run.response().values @ data["V"].values[:, 6:]
    own = np.linalg.svd(pair, compute_uv=False)  # (seed, epoch, direction)
    course = run.response()[..., :2, 0].rename(item="mode").drop_vars(["mode", "property"], errors="ignore")
    fitted = theory.fit_strengths(course.copy(data=own), np.eye(2)).estimate.sel(parameter="tau")
    np.testing.assert_allclose(gmean(fitted), table.loc[7:, "predicted"], rtol=0.03)


def test_time_constants_are_foretold_of_few_networks_only():
    said = (
        "time constants are foretold of autoassociators with at most one hidden layer and one rate; this is "
    )
    for make, what in (
        (lambda: trained("backprop", Network((34, 8, 8, 34), biases=False)), "(34, 8, 8, 34), rates 0.1 0.1"),
        (lambda: trained(rate=(0.1, 0.05, 0.1)), "(34, 8, 34), rates 0.1 0.05"),
        (
            lambda: trained("bpa", Network((8, 8, 34), biases=False), ONE_HOT, ITEMS),
            "(8, 8, 34), rates 0.1 0.1",
        ),
    ):
        assert refused(time_constants_beside_theory, make()) == said + what


def test_the_ratio_is_of_the_seeds_that_learned_the_mode_in_both():
    data, small = modes.svd(ITEMS), Network((34, 8, 34), biases=False, scale=0.1)
    # where steps are late: theory is at the half before the run
    whole = trained(network=small, epochs=40, seeds=6)
    late = modes.half_learned(modes.strengths(whole.response(), data), data)[:, 0].values
    run = trained(network=small, epochs=int(np.sort(late)[2]), seeds=6)
    first = half_learned_beside_theory(run).iloc[0]
    foretold = modes.half_learned(prediction(run), data)[:, 0].values
    learned = late <= run.data.epoch.values[-1]
    assert 0 < first["n"] == learned.sum() < 6 and np.isfinite(foretold).sum() > learned.sum()
    assert first["predicted"] == pytest.approx(gmean(foretold, nan_policy="omit"))
    assert first["ratio"] == pytest.approx(gmean(late[learned]) / gmean(foretold[learned]))


def test_one_seed_is_its_own_mean_and_modes_not_learned_in_time_have_none():
    run = trained("bpa", epochs=150, seeds=3)
    table = half_learned_beside_theory(run.sel(seed=2)).set_index("mode")
    assert table.loc[1, "n"] == 1 and table.loc[1, "low"] == table.loc[1, "mean"]
    assert table.loc[8, "n"] == 0 and table.loc[8, ["mean", "ratio"]].isna().all()
    one, of_three = (time_constants_beside_theory(run.sel(seed=seed)) for seed in (2, [2]))
    pd.testing.assert_frame_equal(one, of_three)


def test_what_was_half_learned_at_the_start_has_no_time():
    table = half_learned_beside_theory(trained(start=trained(epochs=60), epochs=600)).set_index("mode")
    assert (table.loc[:4, "n"] == 0).all() and (table.loc[7:, "n"] == 2).all()
    assert table.loc[:4, ["predicted", "mean", "low", "high", "ratio"]].isna().all(axis=None)


def test_from_an_aligned_start_the_stages_are_those_of_the_closed_form():
    start = dict(zip(("W1", "W2"), theory.aligned_start(ITEMS, a0=0.01, units=8), strict=True))
    run = trained("backprop", rate=0.01, epochs=4000, seeds=1, start=start)
    eigenvalues = modes.svd(ITEMS).s.values ** 2 / 8
    half = theory.half_rise(eigenvalues, 0.01, inputs=eigenvalues) / 0.01
    np.testing.assert_allclose(half_learned_beside_theory(run)["predicted"], np.ceil(half))
