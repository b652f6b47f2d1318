"""Claims about trees of items: their leaf orders, their stability, their agreement with the data's tree."""

import re
import time
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import xarray as xr
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
    linkage,
)
from semantic_svd.errors import InputError
from semantic_svd.items import load_items

DATA = load_items("mcclelland2020")
BIRDS_FISH_TREES_FLOWERS = [0, 0, 1, 1, 2, 2, 3, 3]


def said(message):
    return re.escape(message) + "$"


def length(matrix, order):
    """The sum of distances between neighbours, from the matrix itself."""
    return sum(np.linalg.norm(matrix[i] - matrix[j]) for i, j in pairwise(order))


def all_orders(node):
    """All orders that a scipy tree allows, by recursion over its nodes."""
    if node.is_leaf():
        return [[node.id]]
    left, right = all_orders(node.left), all_orders(node.right)
    return [pair for a in left for b in right for pair in (a + b, b + a)]


def turned_round(order):
    """How many pairs of items stand the other way round than in the matrix."""
    return sum(a > b for i, a in enumerate(order) for b in order[i:])


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


# ------------------------------------------------------------------------------------------------- leaf orders


def test_exact_order_is_the_best_of_all_orders_the_tree_allows():
    for matrix in random_sets(300):
        tree = linkage(matrix)
        best = min(length(matrix, order) for order in all_orders(hierarchy.to_tree(tree.Z)))
        assert length(matrix, tree.order) == pytest.approx(best, rel=1e-8)


def test_exact_order_is_never_longer_than_scipys_and_often_shorter():
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
    assert (ours < scipys * (1 - 1e-3)).sum() > 100  # why we search (scipy issue 11227)


@pytest.mark.parametrize("n_items", [2, 3, 12])
def test_sets_of_any_size_up_to_twelve_have_an_exact_order(n_items):
    tree = linkage(random_sets(1, n_items)[0])
    assert tree.exact
    assert sorted(tree.order) == list(range(n_items))


def test_above_twelve_items_the_order_is_scipys():
    matrix = random_sets(1, 13)[0]
    tree = linkage(matrix)
    scipys = hierarchy.leaves_list(
        hierarchy.linkage(pdist(matrix), "average", optimal_ordering=True)
    ).tolist()
    assert not tree.exact
    assert list(tree.order) == min(scipys, scipys[::-1], key=turned_round)
    assert repr(tree) == "Tree(13 items, heuristic leaf order)"


def test_among_equal_orders_the_items_keep_their_own():
    assert linkage(np.eye(8)).order == tuple(range(8))
    assert linkage(np.eye(30)).order == tuple(range(30))
    shuffled = np.random.default_rng(0).permutation(8)
    tree = linkage(DATA.array.values[shuffled])
    ties = [
        order
        for order in all_orders(hierarchy.to_tree(tree.Z))
        if length(DATA.array.values[shuffled], order) < length(DATA.array.values[shuffled], tree.order) + 1e-6
    ]
    assert len(ties) == 128  # every order is as good as every other
    assert turned_round(tree.order) == min(map(turned_round, ties))


def test_orders_that_tie_in_their_sums_only_are_ties():
    for matrix in np.random.default_rng(0).integers(0, 4, (100, 7, 3)):
        tree, square = linkage(matrix, metric="cityblock"), squareform(pdist(matrix, "cityblock")).astype(int)
        orders = all_orders(hierarchy.to_tree(tree.Z))
        lengths = [sum(square[i, j] for i, j in pairwise(order)) for order in orders]  # whole numbers
        ties = [order for order, total in zip(orders, lengths, strict=True) if total == min(lengths)]
        assert list(tree.order) == min(ties, key=lambda order: (turned_round(order), order))


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
    found = agreement(np.stack([ended, one_gap, same, almost, silent, good]), good)
    assert np.isnan(found[:5]).all()
    assert found[5] == pytest.approx(1)


def test_agreement_is_nan_where_all_items_are_equally_far_apart():
    assert np.isnan(agreement(np.eye(8), DATA.array.values))


def test_four_thousand_trees_take_about_a_second():
    responses = random_sets(4000, seed=2).reshape(20, 200, 8, 5)
    start = time.perf_counter()
    agreement(responses, DATA.array.values)
    assert time.perf_counter() - start < 3


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


def test_clades_found_are_those_that_scipys_trees_share():
    def groups(node):
        if node.is_leaf():
            return []
        return [frozenset(node.pre_order()), *groups(node.left), *groups(node.right)]

    data, responses = random_sets(1, seed=5)[0], random_sets(1, seed=5)[0] + 0.7 * random_sets(40, seed=6)
    found = clade_support(responses, data)
    for row, response in zip(found.values, responses, strict=True):
        theirs = set(groups(hierarchy.to_tree(hierarchy.linkage(pdist(response), "average"))))
        ours = [frozenset(map(int, clade.split(" + "))) for clade in found.clade.values]
        assert row.tolist() == [float(clade in theirs) for clade in ours]
    assert 0 < found.mean() < 1


def test_links_without_a_stem_are_no_clades():
    three_alike = np.array(
        [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 9]]
    )  # two of the three join by chance
    assert clade_support(three_alike, three_alike).clade.values.tolist() == ["0 + 1 + 2"]
    pairs = np.array([[0.0], [1.0], [5.0], [7.0]])
    assert clade_support(np.ones((1, 4, 1)), pairs).isnull().all()
    assert clade_support(np.eye(4)[None], pairs).values.tolist() == [[0, 0]]


# ------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: linkage(np.ones((2, 8, 3))), "a tree is of one matrix (item, property), not of shape (2, 8, 3): "
         "select seed and epoch"),
        (lambda: linkage([[1.0], [np.nan]]), "the euclidean distances between the items are not all finite: "
         "a tree needs finite values"),
        (lambda: linkage([[0.0, 0.0], [1.0, 2.0]], metric="cosine"), "the cosine distances between the items are not "
         "all finite: a tree needs finite values"),
        (lambda: linkage(np.ones((1, 3))), "1 item has no distance to another: a matrix needs two items or more"),
        (lambda: linkage(DATA, "median"), "method 'median' is unknown: it is one of average, complete, single, ward"),
        (lambda: linkage(DATA, metric="hamming"), "metric 'hamming' is unknown: it is one of euclidean, cityblock, "
         "cosine, correlation"),
        (lambda: agreement(DATA, DATA, "ward", "cosine"), "method 'ward' beside metric 'cosine': ward is defined for "
         "euclidean distances only"),
        (lambda: linkage(np.ones(3)), "axes ('column',): the last two axes of a matrix are (item, property) or "
         "(item, unit)"),
        (lambda: distances(DATA.array.T), "axes ('property', 'item'): the last two axes of a matrix are "
         "(item, property) or (item, unit)"),
        (lambda: clades(linkage(DATA), 9), "9 groups: a tree of 8 items is cut into 1 to 8 groups"),
        (lambda: linkage(DATA).segments(["bird"]), "1 groups for 8 items: a tree is drawn with one group an item"),
        (lambda: agreement(DATA.array[:2], DATA.array[[1, 0]]), "the response has the items sparrow, hawk, the data "
         "hawk, sparrow: not the same"),
        (lambda: agreement(np.eye(3), np.eye(3)), "the items of the data are all equally far apart: no tree agrees or "
         "disagrees with theirs"),
    ],
)  # fmt: skip
def test_bad_input_is_told_in_one_line(call, message):
    with pytest.raises(InputError, match=said(message)):
        call()


def test_a_table_with_a_column_named_array_is_still_a_table():
    table = pd.DataFrame({"array": [0.0, 1.0, 5.0]}, index=["a", "b", "c"])
    assert linkage(table).items == ("a", "b", "c")
