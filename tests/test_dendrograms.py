"""Claims about trees of items: their leaf orders, their stability, their agreement with the data's tree."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from refusals import refused
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist, squareform

from semantic_svd.dendrograms import (
    METHODS,
    METRICS,
    agreement,
    clade_support,
    clades,
    cophenetic,
    distances,
    hangs_on_ties,
    linkage,
    robinson_foulds,
    trees,
    within_to_between,
)
from semantic_svd.items import balanced_tree, load_items

DATA = load_items("mcclelland2020")
BIRDS_FISH_TREES_FLOWERS = [0, 0, 1, 1, 2, 2, 3, 3]


def length(matrix, order):
    """The sum of distances between neighbours, from the matrix itself."""
    return sum(np.linalg.norm(matrix[i] - matrix[j]) for i, j in pairwise(order))


def all_orders(Z):
    """All orders that a tree allows, (2^(n_items - 1), n_items): the truth where there are few enough."""
    orders = [np.array([[leaf]]) for leaf in range(len(Z) + 1)]
    for a, b in Z[:, :2].astype(int):
        one = np.repeat(orders[a], len(orders[b]), axis=0)
        other = np.tile(orders[b], (len(orders[a]), 1))
        orders.append(np.concatenate([np.hstack([one, other]), np.hstack([other, one])]))
    return orders[-1]


def lengths(orders, square):
    """The sums of distances between neighbours."""
    return square[orders[:, :-1], orders[:, 1:]].sum(1)


def turned_round(orders):
    """How many pairs of items stand the other way round than in the matrix."""
    before, after = np.triu_indices(orders.shape[-1], 1)
    return (orders[..., before] > orders[..., after]).sum(-1)


def best_orders(Z, square, slack):
    """Of all shortest orders, those with the fewest pairs turned round."""
    orders = all_orders(Z)
    orders = orders[lengths(orders, square) <= lengths(orders, square).min() + slack]
    return orders[turned_round(orders) == turned_round(orders).min()]


def clades_by_scipy(matrix, method="average"):
    """All groups of items under the links of scipy's tree, but for the whole set and single items."""

    def groups(node):
        if node.is_leaf():
            return []
        return [frozenset(node.pre_order()), *groups(node.left), *groups(node.right)]

    return set(groups(hierarchy.to_tree(hierarchy.linkage(pdist(matrix), method)))[1:])


def random_sets(count, n_items=8, seed=0):
    return np.random.default_rng(seed).normal(size=(count, n_items, 5))


# ------------------------------------------------------------------------------------------------- the tree


def test_the_data_have_the_tree_that_everyone_draws():
    tree = linkage(DATA)
    assert tree.leaves == ("sparrow", "hawk", "salmon", "sunfish", "oak", "maple", "rose", "daisy")
    assert tree.exact
    assert clades(tree, 2).values.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert clades(tree, 4).values.tolist() == BIRDS_FISH_TREES_FLOWERS
    squared = np.array([2, 2, 6, 6, 6, 10, 16])  # differing properties; all pairs of two groups differ alike
    np.testing.assert_allclose(tree.Z[:, 2], np.sqrt(squared), rtol=1e-8)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("method", METHODS)
def test_links_are_scipys_links(method, metric):
    if method == "ward":
        metric = "euclidean"
    for matrix in random_sets(20):
        tree, scipys = linkage(matrix, method, metric), hierarchy.linkage(pdist(matrix, metric), method)
        np.testing.assert_allclose(cophenetic(tree), hierarchy.cophenet(scipys), rtol=1e-7)
        np.testing.assert_array_equal(hierarchy.leaves_list(tree.Z), tree.order)


def test_distances_are_scipys_and_keep_leading_axes():
    stack = random_sets(6).reshape(2, 3, 8, 5)
    found = distances(stack)
    assert found.dims == ("seed", "epoch", "item", "item_2")
    assert set(found.coords) == {"item", "item_2"}  # seeds and epochs that had no labels get none
    np.testing.assert_array_equal(found.sel(seed=1, epoch=2), squareform(pdist(stack[1, 2])))
    assert distances(DATA, "cityblock").sel(item="oak", item_2="maple") == 2


def test_a_matrix_is_an_array_a_table_or_items():
    trees = [linkage(DATA), linkage(DATA.array), linkage(DATA.array.to_pandas()), linkage(DATA.array.values)]
    assert [tree.items for tree in trees] == [DATA.items] * 3 + [tuple("01234567")]
    for tree in trees:
        np.testing.assert_array_equal(tree.Z, trees[0].Z)


def test_hidden_activity_has_a_tree_too():
    hidden = xr.DataArray(
        DATA.array.values @ np.random.default_rng(0).normal(size=(34, 20)), dims=("item", "unit")
    ).assign_coords(item=list(DATA.items))
    assert linkage(hidden).items == DATA.items
    assert np.isfinite(agreement(hidden, DATA))


def test_rows_of_any_name_are_the_items():
    means = xr.DataArray(random_sets(1)[0], {"class": list("abcdefgh")}, ("class", "unit"))
    tree = linkage(means)
    assert tree.items == tuple("abcdefgh")
    np.testing.assert_array_equal(tree.Z, linkage(means.values).Z)
    assert set(distances(means).coords) == set(distances(means.values).coords) == {"item", "item_2"}


# ------------------------------------------------------------------------------------------------- leaf orders


def random_kinds(n_items, rng):
    """Sets of items without ties, with ties in their distances and sums, and with an item that is there twice."""
    yield rng.normal(size=(n_items, 4))
    yield rng.integers(0, 3, (n_items, 3)).astype(float)
    yield rng.normal(size=(n_items, 4))[np.r_[0, 0 : n_items - 1]]
    yield rng.permutation(balanced_tree(4).values)[:n_items]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_items", range(2, 12))
def test_the_leaf_order_is_the_best_of_all_orders_the_tree_allows(n_items, method):
    rng = np.random.default_rng(n_items)
    for matrix in (matrix for _ in range(5) for matrix in random_kinds(n_items, rng)):
        tree, square = linkage(matrix, method), squareform(pdist(matrix))
        order, best = np.array(tree.order), best_orders(tree.Z, square, slack=1e-8 * square.max())
        assert tree.exact
        assert length(matrix, order) == pytest.approx(length(matrix, best[0]), rel=1e-8)
        assert turned_round(order) == turned_round(best[0])
        assert (order[0], order[-1]) == min(map(tuple, best[:, [0, -1]].tolist()))


def test_the_leaf_order_is_never_longer_than_scipys_and_often_shorter():
    ours, scipys = np.transpose([
        (
            length(matrix, linkage(matrix).order),
            length(
                matrix,
                hierarchy.leaves_list(hierarchy.linkage(pdist(matrix), "average", optimal_ordering=True)),
            ),
        )
        for matrix in random_sets(300)
    ])  # fmt: skip
    assert (ours <= scipys * (1 + 1e-8)).all()
    assert (ours < scipys * (1 - 1e-8)).sum() > 150  # why there is one of our own (scipy issue 11227)


@pytest.mark.parametrize("n_items", [2, 3, 100])
def test_small_and_large_sets_have_an_exact_order(n_items):
    matrix = random_sets(1, n_items)[0]
    tree = linkage(matrix)
    scipys = hierarchy.leaves_list(hierarchy.linkage(pdist(matrix), "average", optimal_ordering=True))
    assert tree.exact
    assert repr(tree) == f"Tree({n_items} items, exact leaf order)"
    assert sorted(tree.order) == list(range(n_items))
    assert length(matrix, tree.order) <= length(matrix, scipys) * (1 + 1e-8)


@pytest.mark.parametrize("entries", [1, 20, 60])
def test_tables_that_do_not_fit_the_cache_are_filled_in_parts(entries, monkeypatch):
    monkeypatch.setattr("semantic_svd.dendrograms.order.BLOCK", entries)
    for matrix in random_sets(20, 10):
        tree, square = linkage(matrix), squareform(pdist(matrix))
        assert length(matrix, tree.order) == pytest.approx(
            lengths(all_orders(tree.Z), square).min(), rel=1e-8
        )


def test_with_too_many_items_the_leaves_keep_their_own_order(monkeypatch):
    monkeypatch.setattr(trees, "EXACT_UP_TO", 12)
    matrix = random_sets(1, 12)[0]
    tree, square = linkage(matrix), squareform(pdist(matrix))
    assert tree.exact
    assert length(matrix, tree.order) == pytest.approx(lengths(all_orders(tree.Z), square).min(), rel=1e-8)
    tree = linkage(random_sets(1, 13)[0])
    assert not tree.exact
    assert repr(tree) == "Tree(13 items, own leaf order)"
    # at each link the child with the first of the items stands first
    assert list(tree.order) == min(all_orders(tree.Z).tolist())


def test_among_equal_orders_the_items_keep_their_own():
    assert linkage(np.eye(8)).order == tuple(range(8))
    assert linkage(np.eye(30)).order == tuple(range(30))
    shuffled = np.random.default_rng(0).permutation(8)
    tree = linkage(DATA.array.values[shuffled])
    orders = all_orders(tree.Z)
    # all 128 are as good
    assert np.ptp(lengths(orders, squareform(pdist(DATA.array.values[shuffled])))) < 1e-12
    assert turned_round(np.array(tree.order)) == turned_round(orders).min()


def test_orders_that_tie_in_their_sums_only_are_ties():
    for matrix in np.random.default_rng(0).integers(0, 4, (100, 7, 3)):
        tree, square = linkage(matrix, metric="cityblock"), squareform(pdist(matrix, "cityblock")).astype(int)
        fewest = best_orders(tree.Z, square, slack=0).tolist()  # whole numbers
        assert list(tree.order) in fewest
        assert (tree.order[0], tree.order[-1]) == min((order[0], order[-1]) for order in fewest)


def test_the_21_items_of_rogers_and_mcclelland_have_an_exact_order():
    items = load_items("rogers_mcclelland2004")
    tree, square = linkage(items), squareform(pdist(items.values))
    # 16 items still can be searched
    half = all_orders(hierarchy.linkage(pdist(items.values[:16]), "average"))
    assert tree.exact
    assert length(items.values[:16], linkage(items.values[:16]).order) == pytest.approx(
        lengths(half, square).min(), rel=1e-8
    )


@pytest.mark.parametrize("name", ["mcclelland2020", "rumelhart1990", "rogers_mcclelland2004", "saxe2019_toy"])
def test_rounding_noise_changes_no_tree_and_no_order(name):
    matrix = load_items(name).values
    tree, rng = linkage(matrix), np.random.default_rng(0)
    for _ in range(20):
        noisy = linkage(matrix + 1e-12 * rng.normal(size=matrix.shape))
        assert noisy.order == tree.order
        np.testing.assert_array_equal(noisy.Z[:, [0, 1, 3]], tree.Z[:, [0, 1, 3]])


def test_the_scale_of_a_matrix_changes_no_order():
    assert all(linkage(scale * DATA.array).order == tuple(range(8)) for scale in (1e-100, 1e-3, 3.7, 1e100))


# ------------------------------------------------------------------------------------------------- to draw and colour


def test_segments_are_brackets_from_child_to_child():
    matrix = random_sets(1)[0]
    tree = linkage(matrix)
    lines, groups = tree.segments()
    scipys = hierarchy.dendrogram(tree.Z, no_plot=True)  # leaves stand at 5, 15, 25, ...
    ours = sorted((line[:, 0] * 10 + 5).tolist() + line[:, 1].tolist() for line in lines)
    theirs = sorted(x + y for x, y in zip(scipys["icoord"], scipys["dcoord"], strict=True))
    np.testing.assert_allclose(ours, theirs)
    assert groups == (None,) * 7


def test_a_link_has_the_group_that_all_its_items_share():
    tree = linkage(DATA)
    _, groups = tree.segments(["animal"] * 4 + ["plant"] * 4)
    heights = tree.Z[:, 2].round(2).tolist()
    assert heights == [1.41, 1.41, 2.45, 2.45, 2.45, 3.16, 4.0]
    assert groups == ("plant", "plant", "animal", "animal", "plant", "animal", None)
    assert tree.segments(clades(tree, 4))[1] == (2, 3, 0, 1, None, None, None)


def test_clades_are_the_groups_of_scipys_cut_where_heights_differ():
    for matrix in random_sets(50, 10):
        tree = linkage(matrix)
        for n in range(1, 11):
            ours, scipys = clades(tree, n).values, hierarchy.fcluster(tree.Z, n, "maxclust")
            np.testing.assert_array_equal(ours[:, None] == ours, scipys[:, None] == scipys)
            assert list(dict.fromkeys(ours.tolist())) == list(range(n))


# ------------------------------------------------------------------------------------------------- agreement


@pytest.mark.parametrize("method", METHODS)
def test_agreement_is_scipys_cophenetic_correlation(method):
    responses, data = random_sets(12).reshape(3, 4, 8, 5), random_sets(1, seed=1)[0]
    expected = [
        np.corrcoef(*(hierarchy.cophenet(hierarchy.linkage(pdist(m), method)) for m in (response, data)))[
            0, 1
        ]
        for response in responses.reshape(-1, 8, 5)
    ]
    found = agreement(responses, data, method)
    assert found.dims == ("seed", "epoch")
    np.testing.assert_allclose(found, np.reshape(expected, (3, 4)), atol=1e-7)


def test_a_response_that_is_the_data_at_any_scale_agrees_fully():
    assert agreement(0.2 * DATA.array.values + 7, DATA.array.values) == pytest.approx(1)
    scaled = DATA.array.values * np.random.default_rng(0).random((50, 1, 1))
    full = agreement(scaled, DATA.array.values).values
    np.testing.assert_allclose(full, 1, rtol=1e-12)
    assert full.max() <= 1  # rounding alone would take it beyond


def test_agreement_keeps_the_labels_of_seeds_and_epochs():
    response = xr.DataArray(random_sets(6).reshape(2, 3, 8, 5), dims=("seed", "epoch", "item", "property"))
    response = response.assign_coords(seed=[4, 9], epoch=[0, 10, 20], item=list(DATA.items))
    found = agreement(response, DATA)
    assert found.seed.values.tolist() == [4, 9]
    assert found.epoch.values.tolist() == [0, 10, 20]


def test_agreement_is_nan_where_a_seed_has_ended_or_all_items_are_one():
    good = random_sets(1)[0]
    ended, one_gap = np.full_like(good, np.nan), good.copy()
    one_gap[3, 2] = np.inf
    same, almost, silent = np.ones_like(good), 1 + 1e-15 * good, np.zeros_like(good)
    found = agreement(np.stack([ended, one_gap, same, almost, -almost, silent, good]), good)
    assert np.isnan(found[:6]).all()
    assert found[6] == pytest.approx(1)


@pytest.mark.parametrize("size", [1e-100, 1e-9, 1e9, 1e100])
def test_the_size_of_a_response_is_no_matter_to_its_tree(size):
    responses, data = random_sets(5), random_sets(1, seed=1)[0]
    for measure in (agreement, robinson_foulds, clade_support, within_to_between):
        np.testing.assert_allclose(measure(size * responses, data), measure(responses, data), rtol=1e-7)


def test_agreement_is_nan_where_all_items_are_equally_far_apart():
    assert np.isnan(agreement(np.eye(8), DATA.array.values))


@pytest.mark.parametrize("metric", ["cosine", "correlation"])
@pytest.mark.parametrize("size", [1, 1e200])
def test_items_of_one_direction_are_one_but_for_rounding(metric, size):
    rays = [np.outer([1, 2, 3, 5, 7, 11, 13, 17.0], size * one) for one in random_sets(1, 20)[0]]
    assert not distances(np.stack(rays), metric).values.any()
    assert np.isnan(agreement(np.stack(rays), DATA.values, metric=metric)).all()


def test_an_item_that_is_constant_but_for_rounding_has_no_correlation():
    rng = np.random.default_rng(0)
    weights = rng.random(100)
    row = [np.cumsum(rng.permutation(weights))[-1] for _ in range(50)]  # one sum, taken in fifty orders
    assert len(set(row)) > 5
    found = distances(np.stack([row, *rng.normal(size=(2, 50))]), "correlation").values
    np.testing.assert_array_equal(
        np.isnan(found), [[False, True, True], [True, False, False], [True, False, False]]
    )


def test_clade_support_counts_the_seeds_that_hold_a_clade():
    data = DATA.array.values
    one_bird_a_fish = data[[0, 2, 1, 3, 4, 5, 6, 7]]
    found = clade_support(np.stack([[data], [data], [one_bird_a_fish]]), data)
    assert found.dims == ("seed", "epoch", "clade")
    support = found.mean("seed").isel(epoch=0).to_series().round(3).to_dict()
    assert support == {
        "4 + 5": 1,
        "6 + 7": 1,
        "0 + 1": 0.667,
        "2 + 3": 0.667,
        "4 + 5 + 6 + 7": 1,
        "0 + 1 + 2 + 3": 1,
    }


@pytest.mark.parametrize("method", METHODS)
def test_clades_found_and_missed_are_those_of_scipys_trees(method):
    data = random_sets(1, seed=5)[0]
    responses, wanted = data + 0.7 * random_sets(40, seed=6), clades_by_scipy(data, method)
    found, far = (measure(responses, data, method) for measure in (clade_support, robinson_foulds))
    for response, row, distance in zip(responses, found.values, far.values, strict=True):
        theirs = clades_by_scipy(response, method)
        ours = [frozenset(map(int, clade.split(" + "))) for clade in found.clade.values]
        assert set(ours) == wanted
        assert row.tolist() == [float(clade in theirs) for clade in ours]
        # both have six clades: as many are missed
        assert distance == pytest.approx(1 - len(theirs & wanted) / 6)
    assert 0 < found.mean() < 1


def test_the_distance_between_trees_of_pairs_is_a_metric():
    matrices = random_sets(5, seed=7) + 3 * np.eye(8, 5)
    far = np.stack([robinson_foulds(matrices, matrix) for matrix in matrices])
    np.testing.assert_array_equal(np.diag(far), 0)
    np.testing.assert_array_equal(far, far.T)
    assert (far[:, :, None] <= far[:, None, :] + far[None].transpose(0, 2, 1) + 1e-12).all()
    assert robinson_foulds(5 * matrices[0], matrices[0]) == 0


def test_a_fork_of_many_branches_is_no_pair_of_forks():
    two_pairs = np.kron(np.eye(2), [[1.0, 1.0], [1.0, 0.0]])  # the clades 0 + 1 and 2 + 3
    one_pair = np.array([[1, 0, 0, 1, 0], [1, 0, 0, 0, 1], [0, 2**0.5, 0, 0, 0], [0, 0, 2**0.5, 0, 0]])
    assert cophenetic(linkage(one_pair)).round(6).tolist() == [1.414214] + [2] * 5
    # of three clades one is in one tree only
    assert robinson_foulds(one_pair, two_pairs) == pytest.approx(1 / 3)
    assert robinson_foulds(two_pairs, one_pair) == pytest.approx(1 / 3)
    assert robinson_foulds(np.eye(4), two_pairs) == 1
    for one_item in (np.ones((4, 4)), np.tile([1.0, 2, 3, 4], (4, 1))):
        assert np.isnan(robinson_foulds(one_item, two_pairs))


def test_links_without_a_stem_are_no_clades():
    # two of the three join by chance
    three_alike = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 9]])
    assert clade_support(three_alike, three_alike).clade.values.tolist() == ["0 + 1 + 2"]
    pairs = np.array([[0.0], [1.0], [5.0], [7.0]])
    assert clade_support(np.ones((1, 4, 1)), pairs).isnull().all()
    assert clade_support(np.eye(4)[None], pairs).values.tolist() == [[0, 0]]


# ------------------------------------------------------------------------------------------------- level by level


def tree_distances(levels, scale=None):
    """The distance of two items of a balanced tree that part at level 1, 2, ..., and how many such partners one has.

    Two items differ in both of their nodes at the level where they part and at all levels below. If a network knows
    the splits of level l, whose modes have s^2 = 2^(levels - l + 1) - 1, at scale[l - 1], then by u u' s^2 scale^2.
    """
    if scale is None:
        squares = [2 * (levels - level + 1) for level in range(1, levels + 1)]
    else:
        power = [(2 ** (levels - m + 1) - 1) * scale[m - 1] ** 2 for m in range(1, levels + 1)]
        # 1 / items under a node of level m - 1
        inside = [2.0 ** (m - 1 - levels) for m in range(1, levels + 1)]
        squares = [
            4 * power[level - 1] * inside[level - 1]
            + sum(2 * p * i for p, i in zip(power[level:], inside[level:], strict=True))
            for level in range(1, levels + 1)
        ]
    return np.sqrt(squares), 2.0 ** np.arange(levels - 1, -1, -1)


def expected_ratios(far, count):
    return [np.average(far[level:], weights=count[level:]) / far[level - 1] for level in range(1, len(far))]


@pytest.mark.parametrize("levels", [2, 3, 5])
def test_within_to_between_of_a_balanced_tree_is_its_closed_form(levels):
    items = balanced_tree(levels)
    ratio = within_to_between(items, items)
    assert ratio.level.values.tolist() == list(range(1, levels))
    np.testing.assert_allclose(ratio, expected_ratios(*tree_distances(levels)), rtol=1e-12)


def test_within_to_between_follows_the_strength_of_each_level():
    items, levels = balanced_tree(4), 4
    U, s, Vt = np.linalg.svd(items.values, full_matrices=False)
    level_of_mode = [0, 1, 2, 2, *[3] * 4, *[4] * 8]  # the first mode is what all items share
    for scale in np.random.default_rng(0).uniform(0.1, 1, (20, levels)):
        response = (U * s * np.r_[0.3, scale][level_of_mode]) @ Vt
        ratio = within_to_between(response, items.values)
        np.testing.assert_allclose(ratio, expected_ratios(*tree_distances(levels, scale)), rtol=1e-9)


def test_levels_that_are_not_learned_have_no_ratio():
    animals_and_plants = np.repeat([[1.0, 0.0], [0.0, 1.0]], 4, axis=0)
    ended = np.full((8, 2), np.nan)
    noise = 1e-14 * random_sets(1)[0][:, :2]
    responses = [
        animals_and_plants,
        ended,
        np.ones((8, 2)),
        animals_and_plants + noise,
        np.ones((8, 2)) + noise,
    ]
    ratio = within_to_between(np.stack(responses), DATA.array.values)
    nothing = [np.nan, np.nan]
    np.testing.assert_allclose(ratio, [[0, np.nan], nothing, nothing, [0, np.nan], nothing], atol=1e-12)


def test_levels_are_the_forks_of_the_data():
    response = xr.DataArray(random_sets(6, 8).reshape(2, 3, 8, 5), dims=("seed", "epoch", "item", "property"))
    response = response.assign_coords(seed=[4, 9], epoch=[0, 10, 20], item=list(DATA.items))
    ratio = within_to_between(response, DATA)
    assert ratio.dims == ("seed", "epoch", "level")
    assert ratio.clades.values.tolist() == [
        "sparrow + hawk + salmon + sunfish | oak + maple + rose + daisy",
        "sparrow + hawk | salmon + sunfish | oak + maple | rose + daisy",
    ]
    one, group = squareform(pdist(response[1, 2])), np.array(BIRDS_FISH_TREES_FLOWERS)
    pairs = [(i, j) for i in range(8) for j in range(i)]
    within = np.mean([one[i, j] for i, j in pairs if group[i] == group[j]])
    between = np.mean(
        [one[i, j] for i, j in pairs if group[i] != group[j] and group[i] // 2 == group[j] // 2]
    )
    assert ratio.sel(seed=9, epoch=20, level=2) == pytest.approx(within / between)


# ------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: linkage(np.ones((2, 8, 3))), "a tree is of one matrix (item, property), not of shape (2, 8, 3): "
         "select seed and epoch"),
        (lambda: linkage([[1.0], [np.nan]]), "the matrix is not finite: nan at row 1, column 0"),
        (lambda: linkage([[0.0, 0.0], [1.0, 2.0]], metric="cosine"), "the cosine distances between the items are not "
         "all finite: a tree needs finite values"),
        (lambda: linkage([[0.3, 0.1 + 0.2, 0.3], [1.0, 2.0, 4.0]], metric="correlation"), "the correlation distances "
         "between the items are not all finite: a tree needs finite values"),
        (lambda: linkage(np.ones((1, 3))), "1 item has no distance to another: a matrix needs two items or more"),
        (lambda: linkage(DATA, "median"), "method 'median' is unknown: it is one of average, complete, single, ward"),
        (lambda: linkage(DATA, metric="hamming"), "metric 'hamming' is unknown: it is one of euclidean, cityblock, "
         "cosine, correlation"),
        (lambda: agreement(DATA, DATA, "ward", "cosine"), "method 'ward' beside metric 'cosine': ward is defined for "
         "euclidean distances only"),
        (lambda: linkage(np.ones(3)), "a matrix has axes (seed, epoch,) item, property; got 1 axes"),
        (lambda: agreement(DATA, DATA.array.expand_dims(seed=2)), "the data's tree is of one matrix (item, property), "
         "not of shape (2, 8, 34): select seed and epoch"),
        (lambda: robinson_foulds(np.eye(3), np.eye(3)), "the data's tree has no clades: all its links are of one "
         "height, or hang on ties"),
        (lambda: clade_support(np.eye(3), np.eye(3)), "the data's tree has no clades: all its links are of one "
         "height, or hang on ties"),
        (lambda: within_to_between(np.eye(3), np.eye(3)), "the data's tree has no clades: all its links are of one "
         "height, or hang on ties"),
        (lambda: distances(DATA.array.T), "axes ('property', 'item'): the last two axes of a matrix are "
         "(item, property) or (item, unit)"),
        (lambda: clades(linkage(DATA), 9), "9 groups: a tree of 8 items is cut into 1 to 8 groups"),
        (lambda: linkage(DATA).segments(["bird"]), "1 groups for 8 items: a tree is drawn with one group an item"),
        (lambda: agreement(np.eye(13), np.eye(12)), "the response has the items 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ..., "
         "the data 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11: not the same"),
        (lambda: agreement(DATA.array[:2], DATA.array[[1, 0]]), "the response has the items sparrow, hawk, the data "
         "hawk, sparrow: not the same"),
    ],
)  # fmt: skip
def test_bad_input_is_told_in_one_line(call, message):
    assert refused(call) == message


CHAIN = np.arange(6.0)[:, None]
# two taxonomies of nine items
CROSSED = np.hstack([np.repeat(np.eye(3), 3, axis=0), np.tile(np.eye(3), (3, 1))])
TIED = [CHAIN, CROSSED, load_items("rogers_mcclelland2004").values]


@pytest.mark.parametrize("data", [*TIED, DATA.values, balanced_tree(4).values, np.eye(5)])
def test_a_tree_hangs_on_ties_where_the_order_of_the_items_makes_another_of_it(data):
    rng = np.random.default_rng(1)
    meet, others = squareform(cophenetic(linkage(data))), []
    for order in (rng.permutation(len(data)) for _ in range(40)):
        other = squareform(cophenetic(linkage(data[order])))
        others.append(np.allclose(other, meet[np.ix_(order, order)]))
    assert hangs_on_ties(data) == (not all(others)) == any(data is tied for tied in TIED)
    assert not hangs_on_ties(data, "single")  # joins by the shortest distance are the same in any order


@pytest.mark.parametrize("error", [1e-3, 1e-6, 1e-8, 1e-10])
@pytest.mark.parametrize("data", TIED)
@pytest.mark.parametrize("method", ["average", "complete", "ward"])
def test_what_has_learned_items_that_tie_agrees_with_the_tree_that_it_makes_of_them(data, method, error):
    learned = 3 * data + error * np.random.default_rng(0).normal(size=(40, *data.shape))
    np.testing.assert_allclose(agreement(learned, data, method), 1, atol=10 * error**2 + 1e-12)
    if data is not CROSSED:  # has forks of three, which are no ties: errors part them
        np.testing.assert_array_equal(robinson_foulds(learned, data, method), 0)


@pytest.mark.parametrize(
    ("data", "method"), [(TIED[1], "average"), (TIED[2], "average"), (TIED[2], "complete")]
)
def test_clades_of_data_that_tie_are_those_that_they_have_in_any_order_of_the_items(data, method):
    rng, common = np.random.default_rng(2), None
    sure = set(trees.sure_clades(trees.items_first(data), method))
    for order in (rng.permutation(len(data)) for _ in range(100)):
        found = {frozenset(order[list(clade)]) for clade in trees.clades_of(linkage(data[order], method).Z)}
        common = found if common is None else common & found
    assert sure == common
    if common:
        learned = data + 1e-6 * rng.normal(size=(40, *data.shape))
        assert clade_support(learned, data, method).values.all()
        np.testing.assert_allclose(
            within_to_between(learned, data, method),
            np.tile(within_to_between(data, data, method), (40, 1)),
            1e-4,
        )


def test_ties_are_settled_by_the_response_and_what_does_not_tie_is_not():
    near, far = [[0.0], [1.0], [1.9]], [[0.0], [1.0], [2.1]]
    chain = [[0.0], [1.0], [2.0]]
    assert robinson_foulds(np.stack([near, far]), chain).values.tolist() == [0, 0]
    assert robinson_foulds(np.stack([near, far]), near).values.tolist() == [0, 1]
    np.testing.assert_allclose(agreement(np.stack([near, far]), chain), 1)
    np.testing.assert_allclose(agreement(np.stack([near, far]), near), [1, -0.5])
    pairs, odd = pdist(random_sets(1, 20)[0]), np.zeros(190)
    for odd[7] in (1, -1):  # one distance of many that is quite another one
        whole, parts = (trees.links(pairs, "average", "euclidean", by)[1] for by in (None, pairs + odd))
        assert 0.2 < abs(parts - whole).max() < 0.3


def test_a_table_with_a_column_named_array_is_still_a_table():
    table = pd.DataFrame({"array": [0.0, 1.0, 5.0]}, index=["a", "b", "c"])
    assert linkage(table).items == ("a", "b", "c")
