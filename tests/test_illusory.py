"""Illusions against closed forms: where two modes of different pace part, and where all keep one pace."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
import xarray as xr
from refusals import refused

from semantic_svd.illusory import corrected_by, illusory_properties
from semantic_svd.items import balanced_tree, load_items
from semantic_svd.modes import svd
from semantic_svd.network import Network
from semantic_svd.rules import RULES
from semantic_svd.theory import aligned_start, one_layer, two_layer
from semantic_svd.training import train

# both items have the first property; squares of s: 3 and 1
SHARED = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
WRONG = [(0, 2), (1, 1)]
T = np.arange(0, 60, 0.001)


def course(strengths, data=SHARED):
    """Make the responses (epoch, item, property) of strengths (epoch, mode) on the data's modes."""
    modes = svd(data)
    made = np.einsum("ik,ek,pk->eip", modes.U.values, strengths, modes.V.values)
    return xr.DataArray(made, {"epoch": T[: len(made)]}, ("epoch", "item", "property"))


def test_two_exponentials_part_the_most_where_the_closed_form_says():
    """One layer, input the properties: wrong is (e^-bt - e^-at) / 2, highest at ln(a / b) / (a - b)."""
    a, b = 3 / 2, 1 / 2  # s^2 / N
    rise = one_layer([a, b], 0.0, T, inputs=[a, b]) * np.sqrt([3.0, 1.0])
    found = illusory_properties(course(rise), SHARED)
    peak = np.log(a / b) / (a - b)
    height = (np.exp(-b * peak) - np.exp(-a * peak)) / 2
    for cell in WRONG:
        np.testing.assert_allclose(found["peak_epoch"][cell], peak, atol=0.0011)
        np.testing.assert_allclose([found["height"][cell], found["peak"][cell]], height, rtol=1e-6)
        fallen = float(found["fallen_epoch"][cell])
        np.testing.assert_allclose((np.exp(-b * fallen) - np.exp(-a * fallen)) / 2, height / 2, rtol=1e-3)


@pytest.mark.parametrize("a0", [1e-3, 1e-2])
def test_the_sigmoids_of_a_tree_part_the_most_where_their_slopes_cancel(a0):
    """Two layers, one-hot items. No toolkit: the derivative of each wrong cell is a sum of logistic slopes."""
    tree = balanced_tree(2)
    modes, t = svd(tree), T[:20_000]
    found = illusory_properties(course(two_layer(modes.s.values, a0, t), tree), tree)
    U, V, s = modes.U.values, modes.V.values, modes.s.values

    def strength(time):
        return s / (1 + (s / a0 - 1) * np.exp(-2 * s * time))

    wrong = np.argwhere(tree.values == 0)
    assert len(wrong) == 16  # of 28: each item is on 3 of 7 nodes
    for i, j in wrong:
        share = U[i] * V[j]

        def slope(time, share=share):
            a = strength(time)
            return float((share * 2 * a * (s - a)).sum())

        signs = np.sign([slope(time) for time in np.linspace(0, 19, 400)])
        turns = np.flatnonzero((signs[:-1] > 0) & (signs[1:] < 0)) * 19 / 399
        peaks = [scipy.optimize.brentq(slope, turn, turn + 19 / 399) for turn in turns]
        highest = max(peaks, key=lambda time: float((share * strength(time)).sum()))
        ends = [float((share * strength(time)).sum()) for time in (0.0, t[-1], highest)]
        np.testing.assert_allclose(found["height"][i, j], ends[2] - max(ends[:2]), rtol=1e-5)
        np.testing.assert_allclose(found["peak_epoch"][i, j], highest, atol=0.0011)


def test_on_one_hot_items_a_net_without_hidden_layers_has_no_illusions_from_any_start():
    tree = balanced_tree(3)
    network = Network((8, 15), biases=False)
    run = train(
        "backprop",
        network,
        tree.localist(),
        tree,
        epochs=300,
        seeds=20,
        record=("responses",),
        progress=False,
    )
    found = illusory_properties(run.response(), tree)
    assert float(found["height"].max()) < 1e-12
    with_hidden = train(
        replace(RULES["backprop"], rate=0.5),
        Network((8, 8, 15), biases=False),
        tree.localist(),
        tree,
        epochs=300,
        seeds=20,
        record=("responses",),
        progress=False,
    )
    most = illusory_properties(with_hidden.response(), tree)["height"].max(("item", "property"))
    assert float(most.min()) > 0.1  # in every seed


def test_one_that_sees_the_properties_has_and_peaks_where_the_closed_form_says():
    rate = 0.01
    start = {"W1": np.zeros((1, 3, 3))}
    run = train(
        replace(RULES["backprop"], rate=rate),
        Network((3, 3), biases=False),
        SHARED,
        epochs=2000,
        start=start,
        record=("responses",),
        progress=False,
    )
    found = illusory_properties(run.response(), SHARED).isel(seed=0)
    np.testing.assert_allclose(rate * found["peak_epoch"].values[0, 2], np.log(3), rtol=0.02)
    np.testing.assert_allclose(found["height"].values[0, 2], 3**-0.5 / 3, rtol=0.02)


def test_a_trained_two_layer_net_has_the_illusions_of_its_closed_form():
    items, rate, a0 = balanced_tree(2), 0.02, 0.01
    one_hot = items.localist()
    W1, W2 = aligned_start(one_hot, items, a0=a0, units=4)
    run = train(
        replace(RULES["backprop"], rate=rate),
        Network((4, 4, 7), biases=False),
        one_hot,
        items,
        epochs=2000,
        start={"W1": W1[None], "W2": W2[None]},
        record=("responses",),
        progress=False,
    )
    modes = svd(items)
    epochs = run.data["epoch"].values
    theory = np.einsum(
        "ik,ek,pk->eip",
        modes.U.values,
        two_layer(modes.s.values, a0, rate * epochs, tau=4),
        modes.V.values,
    )
    ours = illusory_properties(run.response(), items).isel(seed=0)
    expected = illusory_properties(theory, items)
    for name in ("height", "peak_epoch", "fallen_epoch"):
        np.testing.assert_allclose(ours[name].values, expected[name].values, rtol=0.02)


def test_height_is_over_start_and_end_and_the_end_is_the_last_number():
    nan = np.nan
    courses = {
        "rises and falls": ([0.1, 0.5, 0.9, 0.4, 0.3], (0.6, 0.9, 2, 3)),
        "ends high": ([0.0, 0.9, 0.8, 0.8, 0.8], (0.1, 0.9, 1, 2)),
        "starts high": ([0.5, 0.7, 0.0, 0.0, 0.0], (0.2, 0.7, 1, 2)),
        "twice": ([0.0, 0.9, 0.0, 0.8, 0.0], (0.9, 0.9, 1, 4)),
        "grows": ([0.0, 0.1, 0.2, 0.3, 0.4], (0, 0.4, nan, nan)),
        "falls": ([0.4, 0.3, 0.2, 0.1, 0.0], (0, 0.4, nan, nan)),
        "ended": ([0.0, 0.8, 0.2, nan, nan], (0.6, 0.8, 1, 2)),
        "with gaps": ([nan, 0.1, 0.9, nan, 0.3], (0.6, 0.9, 2, 4)),
        "never": ([nan] * 5, (nan, nan, nan, nan)),
        "exactly half": ([0.0, 1.0, 0.5, 0.0, 0.0], (1.0, 1.0, 1, 2)),
        "below 0": ([-0.5, -0.1, -0.4, -0.9, -0.9], (0.4, -0.1, 1, 2)),
    }
    y = np.array([course for course, _ in courses.values()]).T[:, None]
    found = illusory_properties(y, np.zeros((1, len(courses))))
    table = np.stack(
        [found[name].values[0] for name in ("height", "peak", "peak_epoch", "fallen_epoch")], axis=1
    )
    np.testing.assert_allclose(table, [expected for _, expected in courses.values()], atol=1e-12)


def test_only_what_an_item_has_not_is_asked():
    rng = np.random.default_rng(0)
    target = np.array([[1.0, 0.0, -1.0], [0.0, 4.0, 0.5]])
    found = illusory_properties(rng.normal(size=(3, 5, 2, 3)), target)
    assert found["height"].dims == ("seed", "item", "property")
    for values in found.data_vars.values():
        assert np.isnan(values.values[:, target > 0]).all()
    assert not np.isnan(found["height"].values[:, target <= 0]).any()


def test_labels_are_kept_and_lazy_responses_stay_lazy():
    data = load_items("mcclelland2020")
    rng = np.random.default_rng(0)
    y = data.array * xr.DataArray(rng.random((3, 20)), {"epoch": np.arange(0, 100, 5)}, ("seed", "epoch"))
    y = (y + 0.1 * rng.random(y.shape)).transpose("seed", "epoch", "item", "property")
    now, later = illusory_properties(y, data), illusory_properties(y.chunk(seed=1, epoch=7), data)
    assert later["height"].chunks is not None and list(now["item"].values) == list(data.items)
    assert "epoch" not in now.coords
    xr.testing.assert_allclose(later.compute(), now)
    xr.testing.assert_identical(illusory_properties(y, data.values), now)  # a target without names


def test_the_block_that_speaks_against_an_illusion_is_known_for_the_published_items():
    said = corrected_by(load_items("mcclelland2020"))
    known = {
        ("hawk", "has fins"): "3",
        ("salmon", "can fly"): "3",
        ("oak", "is pretty"): "4",
        ("rose", "has bark"): "4",
        ("salmon", "name: sunfish"): "5-6",
        ("hawk", "is small"): "5-6",
        ("rose", "name: daisy"): "7-8",
        ("sparrow", "has roots"): "",  # no mode has both
        ("sparrow", "can fly"): "",  # it is true
    }
    assert set(said.coords) == {"item", "property"} and said.name == "corrected_by"
    assert {cell: said.sel(item=cell[0], property=cell[1]).item() for cell in known} == known


def test_it_is_the_mode_that_takes_the_most_off_the_sum():
    for seed in range(10):
        x = (np.random.default_rng(seed).random((6, 9)) < 0.5).astype(float)
        U, s, Vt = np.linalg.svd(x)
        said = corrected_by(x).values
        for i, j in np.ndindex(x.shape):
            says = [U[i, k] * s[k] * Vt[k, j] for k in range(6)]
            wrong = x[i, j] == 0 and min(says) < -1e-9
            assert said[i, j] == (str(np.argmin(says) + 1) if wrong else "")


@pytest.mark.parametrize("seed", range(5))
def test_members_of_a_block_speak_together(seed):
    rng = np.random.default_rng(seed)
    U, V = (np.linalg.qr(rng.normal(size=(n, 6)))[0] for n in (6, 9))
    x = U * [4, 3, 2, 2, 2, 1] @ V.T
    named = {"1": [0], "2": [1], "3-5": [2, 3, 4], "6": [5]}
    says = {name: U[:, J] * [[4, 3, 2, 2, 2, 1][k] for k in J] @ V[:, J].T for name, J in named.items()}
    said = corrected_by(x).values
    for i, j in np.argwhere(x <= 0):
        assert said[i, j] == min(says, key=lambda name: says[name][i, j])


def test_of_modes_that_take_off_as_much_the_strongest_is_taken():
    """Two modes, (1, 2) and (-2, 1) over root 5, of strength 4 and 1: each takes 4 / 5 off the first number."""
    x = scipy.linalg.block_diag([[-1.6, -1.2], [-1.2, -3.4]], np.diag([5, 3.7, 3.4, 3.1, 2.8, 2.5, 2.2, 1.9]))
    np.testing.assert_allclose(svd(x).s[[1, 9]], [4, 1])
    assert corrected_by(x).values[0, 0] == "2"


def test_what_is_below_0_is_taken_off_by_the_only_mode_there_is():
    assert corrected_by([[1.0, -0.3], [0.0, 0.0]]).values.tolist() == [["", "1"], ["", ""]]


def test_nothing_corrects_what_says_nothing():
    assert (corrected_by(np.zeros((2, 3))) == "").all()


@pytest.mark.parametrize("depth", [2, 3])
def test_on_a_tree_it_is_the_split_at_which_an_item_parts_from_those_that_have_the_property(depth):
    tree = balanced_tree(depth)
    said = corrected_by(tree).values
    blocks = ["1", "2"] + [f"{2**k + 1}-{2 ** (k + 1)}" for k in range(1, depth)]
    for i, item in enumerate(tree.items):
        for j, node in enumerate(tree.properties):
            path, own = node.removeprefix("node "), item.removeprefix("item ")
            if node == "root" or own.startswith(path):
                assert said[i, j] == ""
            else:
                parting = next(k for k, (a, b) in enumerate(zip(path, own, strict=False)) if a != b)
                assert said[i, j] == blocks[parting + 1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: illusory_properties(SHARED, SHARED),
            "an illusion is one over epochs: the response has the axes ('item', 'property')",
        ),
        (
            lambda: illusory_properties(np.zeros((4, 2, 3)), np.zeros((4, 2, 3))),
            "a target {'epoch': 4, 'item': 2, 'property': 3} does not fit responses {'epoch': 4, 'item': 2, "
            "'property': 3}: items and properties must be the same",
        ),
        (
            lambda: illusory_properties(np.zeros((4, 2, 3)), np.zeros((3, 3))),
            "a target {'item': 3, 'property': 3} does not fit responses {'epoch': 4, 'item': 2, 'property': 3}: items "
            "and properties must be the same",
        ),
        (
            lambda: illusory_properties(
                xr.DataArray(np.zeros((4, 2, 3)), dims=("epoch", "item", "unit")), SHARED
            ),
            "a target {'item': 2, 'property': 3} does not fit responses {'epoch': 4, 'item': 2, 'unit': 3}: items "
            "and properties must be the same",
        ),
        (
            lambda: illusory_properties(
                load_items("mcclelland2020").array[::-1].expand_dims("epoch"), load_items("mcclelland2020")
            ),
            "the item labels of response and target differ: they must be the same",
        ),
        (
            lambda: illusory_properties(np.zeros((4, 2, 3)), np.ones((2, 3))),
            "no property of the target is 0 or less: there is nothing wrong to say of an item",
        ),
    ],
)
def test_errors_say_what_is_wrong_in_one_line(call, message):
    assert refused(call) == message
