"""Claims about paths of items: true to the distances, laid over each other, and nothing of them left to chance."""

import numpy as np
import pytest
import xarray as xr
from refusals import refused
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.distance import pdist
from scipy.stats import ortho_group
from sklearn.manifold import smacof

from semantic_svd import Network, load_items, train
from semantic_svd.dendrograms import distances, linkage
from semantic_svd.paths import item_paths

DATA = load_items("mcclelland2020")
EPOCHS = [0, 3, 10, 20, 40, 80, 150, 300]


@pytest.fixture(scope="module")
def hidden():
    run = train("bpa", Network((34, 8, 34), biases=False), DATA, epochs=300, seeds=20, record=("hidden",))
    return run.hidden(1).sel(epoch=EPOCHS)


@pytest.fixture(scope="module")
def paths(hidden):
    return item_paths(hidden, DATA)


def flat(points):
    """The points of all epochs, each epoch less its mean."""
    points = np.asarray(points - points.mean("item"))
    return points.reshape(-1, points.shape[-1])


def test_paths_have_the_labels_of_the_activity(paths, hidden):
    assert paths.dims == ("seed", "epoch", "item", "axis")
    assert paths.sizes == {"seed": 20, "epoch": 8, "item": 8, "axis": 2}
    for dim in ("seed", "epoch", "item"):
        assert (paths[dim] == hidden[dim]).all()
    assert paths.explained.dims == ("seed",)


def test_seeds_and_epochs_may_come_in_either_order(hidden, paths):
    turned = item_paths(hidden.sel(seed=[0, 1]).transpose("epoch", ...), DATA)
    xr.testing.assert_identical(turned, paths.sel(seed=[0, 1]))


def test_points_of_a_plane_keep_all_their_distances():
    rng = np.random.default_rng(0)
    for n_epochs in [1, *[5] * 19]:
        points = xr.DataArray(rng.normal(size=(n_epochs, 6, 2)), dims=("epoch", "item", "axis"))
        # turned into 7 units
        activity = points.rename(axis="unit").values @ ortho_group.rvs(7, random_state=rng)[:2]
        found = item_paths(activity, rng.normal(size=(6, 3)))
        np.testing.assert_allclose(pdist(flat(found)), pdist(flat(points)), atol=1e-6)
        assert float(found.explained) == pytest.approx(1)


def test_explained_is_what_the_distances_say(paths, hidden):
    for seed in paths.seed.values:
        there, here = pdist(flat(hidden.sel(seed=seed))), pdist(paths.sel(seed=seed).values.reshape(-1, 2))
        assert paths.explained.sel(seed=seed) == pytest.approx(
            1 - ((there - here) ** 2).sum() / (there**2).sum()
        )


def test_the_plane_explains_more_than_two_principal_components(paths, hidden):
    for seed in paths.seed.values:
        points = flat(hidden.sel(seed=seed))
        U, s, _ = np.linalg.svd(points, full_matrices=False)
        there, components = pdist(points), pdist(U[:, :2] * s[:2])
        assert paths.explained.sel(seed=seed) > 1.01 - ((there - components) ** 2).sum() / (there**2).sum()


def test_random_starts_find_no_layout_that_is_much_better(paths, hidden):
    better = []
    for seed in paths.seed.values[:5]:
        far = distances(flat(hidden.sel(seed=seed))).values
        options = {"n_components": 2, "n_init": 1, "max_iter": 300, "eps": 1e-6, "normalized_stress": False}
        stress = min(smacof(far, random_state=start, **options)[1] for start in range(10))
        better.append(1 - 2 * stress / (far**2).sum() - float(paths.explained.sel(seed=seed)))
    assert max(better) < 0.01


def test_seeds_whose_units_are_turned_or_turned_over_have_the_same_paths(hidden, paths):
    for turn in ortho_group.rvs(8, size=3, random_state=0):
        turned = xr.apply_ufunc(lambda h, turn=turn: h @ turn, hidden.isel(seed=[0]))
        np.testing.assert_allclose(item_paths(turned, DATA), paths.isel(seed=[0]), atol=1e-6)


def test_paths_have_the_scale_of_the_activity(hidden, paths):
    one = item_paths(1e-3 * hidden.isel(seed=0), DATA)
    np.testing.assert_allclose(1e3 * one, paths.isel(seed=0), atol=1e-6)


def test_rounding_noise_and_what_all_items_share_change_no_path(hidden, paths):
    one, rng = hidden.isel(seed=0), np.random.default_rng(0)
    shared = xr.DataArray(rng.normal(size=(8, 8)), dims=("epoch", "unit"))
    for changed in (one + 1e-12 * rng.normal(size=one.shape), one + shared):
        found = item_paths(changed.transpose(*one.dims), DATA)
        np.testing.assert_allclose(found, paths.isel(seed=0), atol=1e-5)


def test_items_end_round_the_circle_in_the_leaf_order_of_the_data(paths):
    ends = paths.isel(epoch=-1)
    angles = np.arctan2(ends.sel(axis=1), ends.sel(axis=2)) % (2 * np.pi)  # clockwise from the top
    order = linkage(DATA).order
    right, left = list(order[:4]), list(order[4:])
    assert (ends.sel(axis=1).isel(item=right) > 0).all() and (ends.sel(axis=1).isel(item=left) < 0).all()
    for half in (right, left):  # pairs of one kind may stand in either order, pairs of two kinds may not
        assert (angles.isel(item=half[:2]).max("item") < angles.isel(item=half[2:]).min("item")).all()


def test_no_turn_of_the_plane_brings_the_ends_nearer_to_the_circle(paths):
    angles = 2 * np.pi * (np.argsort(linkage(DATA).order) + 0.5) / 8  # clockwise from the top
    circle = np.column_stack([np.sin(angles), np.cos(angles)])
    for ends in paths.isel(epoch=-1).values:
        _, near = orthogonal_procrustes(ends, circle)
        assert np.trace(ends.T @ circle) == pytest.approx(near, rel=1e-12)


def test_a_seed_that_has_ended_has_no_place_and_leaves_the_others_alone(hidden, paths):
    ended = hidden.isel(seed=[0, 1, 2]).copy()
    ended[1, 5:] = np.nan
    ended[2] = np.nan
    found = item_paths(ended, DATA)
    assert found.isnull().all(("item", "axis")).values.tolist() == [
        [False] * 8,
        [False] * 5 + [True] * 3,
        [True] * 8,
    ]
    np.testing.assert_array_equal(found[0], paths[0])
    np.testing.assert_array_equal(found[1, :5], item_paths(hidden[1, :5], DATA))
    assert found.explained.isnull().values.tolist() == [False, False, True]


def test_items_that_are_all_one_stay_at_the_centre():
    found = item_paths(np.ones((3, 8, 5)), DATA.array.values)
    assert (found == 0).all()
    assert np.isnan(found.explained)


@pytest.mark.parametrize(
    ("activity", "message"),
    [
        (DATA, "paths need an axis named epoch; got ('item', 'property')"),
        (np.ones((3, 2, 5)), "the response has the items 0, 1, the data sparrow, hawk, salmon, sunfish, oak, maple, "
         "rose, daisy: not the same"),
    ],
)  # fmt: skip
def test_bad_input_is_told_in_one_line(activity, message):
    assert refused(item_paths, activity, DATA) == message
