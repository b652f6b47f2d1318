"""Stages against closed forms of linear nets, plain loops over seeds, and trees whose levels are known."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import xarray as xr
from refusals import refused
from scipy.stats import ortho_group

from semantic_svd.items import balanced_tree, load_items
from semantic_svd.modes import half_learned, singular_strengths, strengths, svd
from semantic_svd.stages import (
    FRACTIONS,
    levels,
    member_gaps,
    order_kept,
    stage_epochs,
    stage_table,
    stage_widths,
    width_table,
)
from semantic_svd.theory import one_layer, two_layer

DATA = load_items("mcclelland2020")
REFERENCE = svd(DATA)
S = REFERENCE.s.values
TAU, A0 = 100.0, 1e-3
EPOCHS = np.arange(0, 1200)
LOGIT = np.log(1 / np.array(FRACTIONS) - 1)[:, None]


def curves(values, epochs=EPOCHS):
    """Label curves (..., epoch, mode)."""
    return xr.DataArray(values, {"epoch": epochs}, ("seed", "epoch", "mode")[-values.ndim :])


def sigmoids(a0=A0):
    return curves(two_layer(S, a0, EPOCHS, tau=TAU))


def passed(s=S, a0=A0):
    """Return when two-layer nets pass the fractions, (fraction, mode), from the inverse of the logistic function."""
    return TAU / (2 * s) * (np.log(s / a0 - 1) - LOGIT)


def responses(a):
    """Make responses (..., item, property) whose modes are the data's, with strengths (..., mode)."""
    return np.einsum("ik,...k,pk->...ip", REFERENCE.U.values, a, REFERENCE.V.values)


def seeds(n=7):
    """Return strengths of nets from different starts, (seed, epoch, mode)."""
    starts = 1e-3 * np.random.default_rng(0).uniform(0.2, 5, (n, len(S)))
    return curves(np.stack([two_layer(S, a0, EPOCHS, tau=TAU) for a0 in starts]))


# ------------------------------------------------------------------------------------------------------ stages of modes


def test_a_two_layer_net_passes_each_point_when_the_closed_form_does():
    np.testing.assert_array_equal(stage_epochs(sigmoids(), REFERENCE), np.ceil(passed()))


def test_a_one_layer_net_passes_each_point_when_the_exponential_does():
    c = np.array([0.5, 1.0, 3.0])
    rise = curves(one_layer(c * 2.0, 0.0, EPOCHS, tau=TAU, inputs=c))
    expected = -TAU * np.log(1 - np.array(FRACTIONS))[:, None] / c
    np.testing.assert_array_equal(stage_epochs(rise, np.eye(3) * 2), np.ceil(expected))


def test_its_half_is_when_a_mode_is_half_learned():
    learned = stage_epochs(seeds(), REFERENCE)
    assert learned.dims == ("seed", "fraction", "mode") and learned.name == "epoch"
    assert list(learned["mode"].values) == list(range(1, 9))
    for fraction in FRACTIONS:
        np.testing.assert_array_equal(
            learned.sel(fraction=fraction), half_learned(seeds(), REFERENCE, fraction)
        )


def test_the_rise_of_a_two_layer_net_lasts_ln_81_and_of_a_one_layer_net_ln_9():
    epochs = np.arange(0, 1200, 0.01)
    two = stage_epochs(curves(two_layer([3.0, 1.0], A0, epochs, tau=TAU), epochs), np.diag([3.0, 1.0]))
    one = stage_epochs(curves(one_layer([3.0, 1.0], 0.0, epochs, TAU, [3.0, 1.0]), epochs), np.eye(2))
    for learned, rise in ((two, TAU / 2 * np.log(81)), (one, TAU * np.log(9))):
        begun, _, over = learned.values
        np.testing.assert_allclose(over - begun, rise / np.array([3.0, 1.0]), atol=0.011)
    np.testing.assert_allclose(stage_widths(one), np.log(9) / np.log(2), rtol=1e-3)
    np.testing.assert_allclose(
        stage_widths(two), np.log(81) / np.log(np.array([3.0, 1.0]) / A0 - 1), rtol=1e-3
    )


def test_a_width_is_of_what_is_passed_in_training_and_told_apart_by_snapshots():
    nan = np.nan
    points = [[2.0, 4, 8], [0, 4, 8], [2, 4, nan], [4, 4, 4], [0, 0, 0]]
    epochs = xr.DataArray(points, {"fraction": list(FRACTIONS)}, ("mode", "fraction"))
    np.testing.assert_array_equal(stage_widths(epochs), [1.5, nan, nan, nan, nan])


# --------------------------------------------------------------------------------------------------- blocks and levels


def test_a_block_is_learned_when_its_modes_are_on_average():
    rise = seeds()
    learned = stage_epochs(rise, REFERENCE, by="block")
    assert list(learned["block"].values) == ["1", "2", "3", "4", "5-6", "7-8"]
    for name, members in {"1": [0], "5-6": [4, 5], "7-8": [6, 7]}.items():
        for seed in range(7):
            mean = rise[seed].values[:, members].mean(1)
            first = [EPOCHS[np.flatnonzero(mean < f * S[members[0]])[-1] + 1] for f in FRACTIONS]
            np.testing.assert_array_equal(learned.sel(block=name)[seed], first)


def test_turning_a_block_moves_its_members_and_not_the_block():
    rise = responses(seeds(1)[0].values)
    response = xr.DataArray(rise, {"epoch": EPOCHS}, ("epoch", "item", "property"))
    turned = REFERENCE.copy(deep=True)
    for first in (4, 6):
        turn = ortho_group.rvs(2, random_state=first)
        for side in ("U", "V"):
            turned[side][:, first : first + 2] = turned[side].values[:, first : first + 2] @ turn
    ours, theirs = (
        {by: stage_epochs(strengths(response, modes), modes, by) for by in ("mode", "block", "level")}
        for modes in (REFERENCE, turned)
    )
    assert (ours["mode"].sel(mode=[5, 6, 7, 8]) != theirs["mode"].sel(mode=[5, 6, 7, 8])).any()
    for by in ("block", "level"):
        np.testing.assert_array_equal(ours[by], theirs[by])


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_the_modes_of_a_balanced_tree_are_about_its_levels(depth):
    known = [0] + [level for level in range(1, depth + 1) for _ in range(2 ** (level - 1))]
    np.testing.assert_array_equal(levels(balanced_tree(depth)), known)


def test_levels_do_not_depend_on_signs_rotations_or_a_little_noise():
    tree = balanced_tree(3)
    turned = svd(tree)
    turned["U"][:, 4:] = turned["U"].values[:, 4:] @ ortho_group.rvs(4, random_state=0)
    turned["V"][:, 4:] = turned["V"].values[:, 4:] @ ortho_group.rvs(4, random_state=0)
    turned["U"][:, 1], turned["V"][:, 1] = -turned["U"][:, 1], -turned["V"][:, 1]
    np.testing.assert_array_equal(levels(turned), levels(tree))
    for seed in range(20):
        noise = 0.02 * np.random.default_rng(seed).normal(size=tree.values.shape)
        np.testing.assert_array_equal(levels(tree.values + noise), levels(tree))


def test_levels_of_the_published_items():
    np.testing.assert_array_equal(levels(DATA), [1, 1, 2, 2, 3, 3, 3, 3])
    np.testing.assert_array_equal(levels(load_items("saxe2019_toy")), [0, 1, 2, 2])
    # no null mode
    np.testing.assert_array_equal(levels(DATA.array - DATA.array.mean("item")), [1, 2, 2, 3, 3, 3, 3])
    assert levels(DATA).name == "level" and list(levels(DATA)["mode"].values) == list(range(1, 9))


def test_a_split_in_many_is_one_level():
    three = np.hstack([np.kron(np.eye(3), np.ones((2, 4))), np.eye(6)])
    np.testing.assert_array_equal(levels(three), [1, 1, 1, 2, 2, 2])
    np.testing.assert_array_equal(levels(np.eye(4)), [1, 1, 1, 1])


def test_a_level_is_learned_when_its_modes_are_on_average():
    learned = stage_epochs(sigmoids(), REFERENCE, by="level")
    assert list(learned["level"].values) == [1, 2, 3]
    share = sigmoids().values / S
    for level, members in {1: [0, 1], 2: [2, 3], 3: [4, 5, 6, 7]}.items():
        mean = share[:, members].mean(1)
        first = [EPOCHS[np.flatnonzero(mean < f)[-1] + 1] for f in FRACTIONS]
        np.testing.assert_array_equal(learned.sel(level=level), first)


def test_a_null_mode_is_of_no_stage():
    x = np.array([[1.0, 1, 0], [1, 1, 0], [0, 0, 1]])
    rise = curves(np.array([[0, 0, 0], [1.0, 0.2, 0.1], [2, 1, 0]]), np.arange(3))
    for by, stages in {"mode": [1, 2], "block": ["1", "2"], "level": [1]}.items():
        assert list(stage_epochs(rise, x, by)[by].values) == stages


def test_lazy_strengths_give_lazy_stages_and_the_same():
    rise = seeds()
    for by in ("mode", "block", "level"):
        later = stage_epochs(rise.chunk(seed=2, epoch=500), REFERENCE, by)
        assert later.chunks is not None
        xr.testing.assert_equal(later.compute(), stage_epochs(rise, REFERENCE, by))


# ---------------------------------------------------------------------------------------------------------------- order


def test_order_is_counted_seed_by_seed():
    epochs = np.random.default_rng(0).integers(1, 6, (40, 4)).astype(float)
    table = order_kept(xr.DataArray(epochs, {"block": ["1", "2", "3-4", "5"]}, ("seed", "block")))
    assert list(table["order"]) == ["1 < 2", "2 < 3-4", "3-4 < 5", "all"]
    for k in range(3):
        kept = sum(seed[k] < seed[k + 1] for seed in epochs)
        tied = sum(seed[k] == seed[k + 1] for seed in epochs)
        share = scipy.stats.binomtest(kept, 40)
        row, ends = table.iloc[k], share.proportion_ci(0.95, "wilson")
        assert (row["kept"], row["tied"], row["n"], row["method"]) == (kept, tied, 40, "Wilson")
        np.testing.assert_allclose([row["share"], row["low"], row["high"]], [kept / 40, *ends])
    assert set(map(str, table[["share", "low", "high"]].dtypes)) == {"float64"}
    assert table.iloc[3]["kept"] == sum(list(seed) == sorted(set(seed)) for seed in epochs)
    assert table.iloc[3]["tied"] == sum(any(a == b for a, b in pairwise(seed)) for seed in epochs)


def test_ties_may_be_left_out_as_they_tell_of_no_order():
    epochs = xr.DataArray([[1.0, 2, 3], [2, 2, 3], [2, 1, 3], [2, 2, 2]], dims=("seed", "level"))
    table = order_kept(epochs.assign_coords(level=[1, 2, 3]), ties=False).set_index("order")
    assert list(table.loc["1 < 2", ["kept", "tied", "n", "share"]]) == [1, 2, 2, 0.5]
    assert list(table.loc["2 < 3", ["kept", "tied", "n", "share"]]) == [3, 1, 3, 1]
    assert list(table.loc["all", ["kept", "tied", "n", "share"]]) == [1, 2, 2, 0.5]
    wilson = scipy.stats.binomtest(1, 2).proportion_ci(0.95, "wilson")
    np.testing.assert_allclose(table.loc["all", ["low", "high"]].astype(float), [*wilson])


def test_what_is_never_learned_comes_after_what_is_and_two_such_have_no_order():
    nan = np.nan
    epochs = xr.DataArray(
        [[0.0, 3, 5], [0, 3, nan], [3, nan, 5], [3, nan, nan], [nan, nan, nan]], dims=("seed", "level")
    )
    table = order_kept(epochs.assign_coords(level=[1, 2, 3])).set_index("order")
    assert list(table.loc["1 < 2", ["kept", "tied", "n"]]) == [4, 0, 4]
    assert list(table.loc["2 < 3", ["kept", "tied", "n"]]) == [2, 0, 3]
    assert list(table.loc["all", ["kept", "tied", "n"]]) == [2, 0, 3]


def test_what_was_there_at_the_start_came_before_what_was_not_and_two_such_have_no_order():
    nan = np.nan
    epochs = xr.DataArray([[0.0, 0, 5], [0, 0, 0], [4, 0, nan], [2, 2, 5]], dims=("seed", "level"))
    table = order_kept(epochs.assign_coords(level=[1, 2, 3])).set_index("order")
    assert list(table.loc["1 < 2", ["kept", "tied", "n"]]) == [0, 1, 2]
    assert list(table.loc["2 < 3", ["kept", "tied", "n"]]) == [3, 0, 3]
    assert list(table.loc["all", ["kept", "tied", "n"]]) == [0, 1, 2]
    none = order_kept(epochs[1:2].assign_coords(level=[1, 2, 3]))
    assert none["share"].isna().all() and (none[["kept", "tied", "n"]] == 0).all(axis=None)


# ----------------------------------------------------------------------------------------------------- gaps in a block


def test_the_gap_of_a_pair_is_that_of_its_starts():
    starts = np.full(8, A0)
    starts[[5, 7]] = 1e-5
    rise = xr.DataArray(
        responses(two_layer(S, starts, EPOCHS, tau=TAU)), {"epoch": EPOCHS}, ("epoch", "item", "property")
    )
    gaps = member_gaps(singular_strengths(rise), REFERENCE)
    assert list(gaps["block"].values) == ["5-6", "7-8"]
    t = passed(a0=starts)[1]
    expected = t[[5, 7]] - t[[4, 6]]
    np.testing.assert_allclose(gaps["epochs"], expected, atol=1)
    np.testing.assert_allclose(gaps["relative"], 2 * expected / (t[[4, 6]] + t[[5, 7]]), rtol=0.02)


def test_a_gap_has_no_sign_spans_large_blocks_and_wants_every_member():
    rise = np.zeros((5, 9, 3))
    for seed, epochs in enumerate([(2, 7, 4), (3, 3, 3), (2, 4, 99), (0, 1, 0), (0, 0, 0)]):
        for mode, epoch in enumerate(epochs):
            rise[seed, epoch:, mode] = 1
    gaps = member_gaps(curves(rise, np.arange(9)), np.eye(3))
    np.testing.assert_array_equal(gaps["epochs"].values[:, 0], [5, 0, np.nan, 1, 0])
    np.testing.assert_allclose(gaps["relative"].values[:, 0], [15 / 13, 0, np.nan, 3, np.nan])
    later = member_gaps(curves(rise, np.arange(9)).chunk(seed=1), np.eye(3))
    assert later["relative"].chunks is not None
    xr.testing.assert_equal(later.compute(), gaps)


# --------------------------------------------------------------------------------------------------------------- tables


def test_the_table_of_stages_has_geometric_means_and_t_intervals_of_logs():
    table = stage_table(seeds(), REFERENCE, lambda epoch: 0.05 * 4 * epoch)
    assert dict(table["by"].value_counts()) == {"mode": 72, "block": 54, "level": 27}
    t = stage_epochs(seeds(), REFERENCE).values
    times = {"epoch": t, "rate_steps": 0.2 * t, "relative": t / t[:, 1:2, :1]}
    modes = table[table["by"] == "mode"]
    for time, values in times.items():
        rows = modes[modes["time"] == time].set_index(["fraction", "stage"])
        for place, fraction in enumerate(FRACTIONS):
            for mode in range(8):
                logs, row = np.log(values[:, place, mode]), rows.loc[(fraction, mode + 1)]
                assert (row["n"], row["method"]) == (7, "t of logs")
                half = scipy.stats.t.ppf(0.975, 6) * scipy.stats.sem(logs)
                expected = np.exp(logs.mean() + np.array([0, -half, half]))
                np.testing.assert_allclose(row[["mean", "low", "high"]].astype(float), expected)
    levels_ = table[(table["by"] == "level") & (table["time"] == "relative")]
    of_level = stage_epochs(seeds(), REFERENCE, "level").values / t[:, 1:2, :1]
    np.testing.assert_allclose(levels_["mean"], np.exp(np.log(of_level).mean(0)).ravel())


def test_what_is_there_at_the_start_and_what_is_never_learned_are_left_out_and_counted():
    rise = np.repeat(two_layer([3.0, 1.0], A0, EPOCHS, tau=TAU)[None], 6, axis=0)
    rise[0, :, 0], rise[1, :, 1] = 3, 0
    table = stage_table(curves(rise), np.diag([3.0, 1.0]), lambda epoch: epoch).set_index(
        ["by", "time", "stage", "fraction"]
    )
    assert [table.loc[("mode", "epoch", stage, 0.5), "n"] for stage in (1, 2)] == [5, 5]
    assert table.loc[("mode", "relative", 2, 0.5), "n"] == 4
    assert table.loc[("mode", "epoch", 2, 0.9), "mean"] == pytest.approx(np.ceil(passed(1.0)[2, 0]))


def test_of_what_was_there_at_the_first_snapshot_that_is_kept_no_time_is_told():
    whole = seeds()
    # of every seed the first modes are learned by then, the last are not
    begun = int(np.ceil(passed()[1, 0])) + 60
    late = whole.sel(epoch=slice(begun, None))
    known = whole.sel(epoch=begun).values < S / 2
    expected = stage_epochs(whole, REFERENCE).sel(fraction=0.5, drop=True).where(known, 0)
    assert known.any() and not known.all(axis=0).all() and (~known).all(axis=0).any()
    xr.testing.assert_equal(stage_epochs(late, REFERENCE).sel(fraction=0.5, drop=True), expected)
    rows = stage_table(late, REFERENCE, lambda epoch: epoch).query(
        "by == 'mode' and time == 'epoch' and fraction == 0.5"
    )
    assert rows["n"].tolist() == known.sum(axis=0).tolist()
    order = order_kept(expected.rename(mode="level")).set_index("order")
    assert order.loc["1 < 2", "n"] == 0


def test_at_a_rate_of_0_there_is_no_time_by_the_rate():
    table = stage_table(seeds(), REFERENCE, lambda epoch: 0.0 * epoch).set_index("time")
    assert (table.loc["rate_steps", "n"] == 0).all() and table.loc["rate_steps", "mean"].isna().all()
    assert (table.loc["epoch", "n"] == 7).all()


def test_the_table_of_widths_is_of_the_widths():
    table = width_table(seeds(), REFERENCE)
    for by, rows in table.groupby("by"):
        widths = stage_widths(stage_epochs(seeds(), REFERENCE, by))
        np.testing.assert_allclose(rows["mean"], np.exp(np.log(widths).mean("seed")))
        assert list(rows["stage"]) == list(widths[by].values)
    assert isinstance(table, pd.DataFrame) and set(table["method"]) == {"t of logs"}


# --------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: stage_epochs(sigmoids(), REFERENCE, "tree"),
            "stages are of a mode, block or level; got 'tree'",
        ),
        (
            lambda: stage_epochs(REFERENCE.s, DATA),
            "strengths over a training are (..., epoch, mode); got dims ('mode',)",
        ),
        (
            lambda: stage_epochs(sigmoids(), np.zeros((8, 9))),
            "the reference is zero: it has no modes that could be learned",
        ),
        (
            lambda: order_kept(xr.DataArray(np.ones((3, 2)), dims=("block", "seed"))),
            "an order needs epochs (seed, stage) of two stages or more; got {'block': 3, 'seed': 2}",
        ),
        (lambda: stage_epochs(sigmoids(), np.eye(3)), "8 strengths for the 3 modes of the reference"),
        (
            lambda: order_kept(xr.DataArray([[1.0]], dims=("seed", "block"))),
            "an order needs epochs (seed, stage) of two stages or more; got {'seed': 1, 'block': 1}",
        ),
        (
            lambda: order_kept(stage_epochs(seeds(), REFERENCE)),
            "an order needs epochs (seed, stage) of two stages or more; got {'seed': 7, 'fraction': 3, 'mode': 8}",
        ),
        (
            lambda: member_gaps(curves(np.ones((2, 2)), [0, 1]), np.diag([2.0, 1.0])),
            "no two singular values of the reference are equal: there are no members to compare",
        ),
    ],
)
def test_errors_say_what_is_wrong_in_one_line(call, message):
    assert refused(call) == message


def test_one_item_has_one_level():
    assert levels(np.array([[1.0, 2.0]])).values.tolist() == [0]


@pytest.mark.parametrize("data", [load_items("rogers_mcclelland2004").values, np.tri(6)])
def test_the_levels_of_items_that_tie_are_the_same_in_any_order_of_them(data):
    orders = (np.random.default_rng(seed).permutation(len(data)) for seed in range(30))
    assert len({tuple(levels(data[order]).values.tolist()) for order in orders}) == 1
