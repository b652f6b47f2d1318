"""Claims about similarity: each measure is its definition, is blind to what it says it is, and stands beside chance."""

from functools import partial
from itertools import permutations, product

import numpy as np
import pytest
import xarray as xr
from refusals import refused
from scipy import linalg, spatial, stats
from sklearn.cross_decomposition import CCA
from sklearn.datasets import load_linnerud
from sklearn.decomposition import PCA

import semantic_svd.alignment
from semantic_svd.intervals import mean_interval
from semantic_svd.items import load_items
from semantic_svd.network import Network
from semantic_svd.similarity import (
    COMPARISONS,
    DISSIMILARITIES,
    SIMILARITIES,
    beside_null,
    canonical_correlations,
    cca,
    compare_items,
    item_side,
    linear_cka,
    procrustes_angle,
    procrustes_distance,
    pwcca,
    rbf_cka,
    rsa,
    similarity_matrix,
    svcca,
)
from semantic_svd.training import train

ITEMS = load_items("mcclelland2020")
DISTANCES = {"procrustes_distance", "procrustes_angle"}
SYMMETRIC = sorted(SIMILARITIES.keys() - {"pwcca"})


def constant_column(rng):
    return np.column_stack([rng.normal(size=(12, 4)), np.full(12, 1e8 / 3)])


INPUTS = {  # a pair of layers over the same items, by what is awkward about it
    "full rank": lambda rng: (rng.normal(size=(12, 4)), rng.normal(size=(12, 6))),
    "rank-deficient": lambda rng: (
        rng.normal(size=(12, 2)) @ rng.normal(size=(2, 5)),
        rng.normal(size=(12, 3)) @ rng.normal(size=(3, 9)),
    ),
    "wide": lambda rng: (rng.normal(size=(7, 30)), rng.normal(size=(7, 40))),
    "wide beside tall": lambda rng: (rng.normal(size=(12, 40)), rng.normal(size=(12, 2))),
    "tall": lambda rng: (rng.normal(size=(90, 3)), rng.normal(size=(90, 2))),
    "constant column": lambda rng: (constant_column(rng), constant_column(rng)),
    "alike": lambda rng: (x := rng.normal(size=(12, 4)), x + 0.3 * rng.normal(size=(12, 4))),
}
inputs = pytest.mark.parametrize("kind", INPUTS)
measures = pytest.mark.parametrize("name", SIMILARITIES)


def pairs(kind, n=5):
    return [(rng, *INPUTS[kind](rng)) for rng in map(np.random.default_rng, range(n))]


def rotation(rng, n):
    return linalg.qr(rng.normal(size=(n, n)))[0]


def less_mean(x):
    return x - x.mean(axis=0)


def unit(x):
    return less_mean(x) / linalg.norm(less_mean(x))


# --------------------------------------------------------------------------------------------- CKA is its definition


def linear(x):
    return [[float(a @ b) for b in x] for a in x]


def gaussian(x, bandwidth=1.0):
    distances = [[float(np.sqrt(((a - b) ** 2).sum())) for b in x] for a in x]
    median = np.median([distances[i][j] for i in range(len(x)) for j in range(i)])
    return [[np.exp(-(d**2) / (2 * (bandwidth * median) ** 2)) for d in row] for row in distances]


def biased_hsic(K, L):
    """Gretton et al. 2005: tr(K H L H) / (n - 1)^2, H by its entries."""
    n = len(K)
    H = [[(i == j) - 1 / n for j in range(n)] for i in range(n)]
    return float(np.trace(np.array(K) @ H @ L @ H)) / (n - 1) ** 2


def unbiased_hsic(K, L):
    """Song et al. 2012: sums over two, three and four different items."""
    n = len(K)
    two = np.mean([K[i][j] * L[i][j] for i, j in permutations(range(n), 2)])
    three = np.mean([K[i][j] * L[i][q] for i, j, q in permutations(range(n), 3)])
    four = np.mean([K[i][j] * L[q][r] for i, j, q, r in permutations(range(n), 4)])
    return two - 2 * three + four


def alignment(hsic, K, L):
    return hsic(K, L) / np.sqrt(hsic(K, K) * hsic(L, L))


@pytest.mark.parametrize(("debiased", "hsic"), [(False, biased_hsic), (True, unbiased_hsic)])
@pytest.mark.parametrize("units", [(3, 2), (20, 30), (3, 20)])
def test_cka_is_its_definition(debiased, hsic, units):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        x, y = (rng.normal(size=(7, n)) + 3 for n in units)
        assert float(linear_cka(x, y, debiased)) == pytest.approx(
            alignment(hsic, linear(x), linear(y)), abs=1e-12
        )
        # the median, unless another is asked
        assert rbf_cka(x, y, debiased=debiased) == rbf_cka(x, y, 1.0, debiased)
        for bandwidth in (0.4, 1.0):
            expected = alignment(hsic, gaussian(x, bandwidth), gaussian(y, bandwidth))
            assert float(rbf_cka(x, y, bandwidth, debiased)) == pytest.approx(expected, abs=1e-12)


def test_of_independent_noise_debiased_cka_is_nothing_on_average_and_biased_cka_is_not():
    x, y = (
        xr.DataArray(np.random.default_rng(seed).normal(size=(2000, 10, 20)), dims=("draw", "item", "unit"))
        for seed in (1, 2)
    )
    for measure in (linear_cka, rbf_cka):
        debiased, biased = (
            mean_interval(measure(x, y, debiased=how), "draw", 0.999) for how in (True, False)
        )
        assert debiased.low < 0 < debiased.high and debiased.high - debiased.low < 0.03
        assert biased.low > 0.6


def test_biased_cka_of_wide_noise_is_near_one():
    x, y = np.random.default_rng(0).normal(size=(2, 8, 5000))
    assert linear_cka(x, y) > 0.98 and abs(linear_cka(x, y, debiased=True)) < 0.5


def test_a_wide_kernel_is_nearly_the_linear_one():
    x, y = INPUTS["alike"](np.random.default_rng(0))
    for debiased in (False, True):
        wide = rbf_cka(x, y, bandwidth=100, debiased=debiased)
        assert float(wide) == pytest.approx(float(linear_cka(x, y, debiased)), abs=1e-3)


def test_a_kernel_whose_median_distance_is_nothing_asks_which_items_are_one():
    x = np.array([[1.0]] * 5 + [[2.0]])  # most pairs are one
    assert float(rbf_cka(x, 7 * x)) == pytest.approx(1)


# ------------------------------------------------------------------------------------------------------- CCA, by others


def test_canonical_correlations_are_those_published_for_the_fitness_club():
    """SAS/STAT User's Guide, the CANCORR procedure, example 1: Linnerud's data."""
    club = load_linnerud()
    found = canonical_correlations(club.target, club.data)
    np.testing.assert_allclose(found, [0.795608, 0.200556, 0.072570], atol=5e-7)
    assert float(cca(club.target, club.data)) == pytest.approx((0.795608 + 0.200556 + 0.072570) / 3, abs=5e-7)


@inputs
def test_canonical_correlations_are_the_cosines_of_scipys_principal_angles(kind):
    for _, x, y in pairs(kind):
        bases = [linalg.orth(less_mean(side), rcond=1e-6) for side in (x, y)]
        expected = np.sort(np.cos(linalg.subspace_angles(*bases)))[::-1]
        found = canonical_correlations(x, y).dropna("mode")
        np.testing.assert_allclose(found, expected, atol=1e-7)
        assert float(cca(x, y)) == pytest.approx(expected.mean(), abs=1e-7)


def test_canonical_correlations_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(200, 3)) * [3, 2, 1]
    x, y = (shared @ rng.normal(size=(3, 3)) + rng.normal(size=(200, 3)) for _ in range(2))
    a, b = CCA(n_components=3, tol=1e-10, max_iter=10_000).fit_transform(x, y)
    expected = [np.corrcoef(a[:, k], b[:, k])[0, 1] for k in range(3)]
    np.testing.assert_allclose(canonical_correlations(x, y), expected, atol=1e-6)


def test_units_that_repeat_or_do_not_vary_only_lower_the_rank():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(30, 3)) @ rng.normal(size=(3, 10))).astype("float32")
    assert int(canonical_correlations(x, rng.normal(size=(30, 8))).notnull().sum()) == 3
    y = np.column_stack([rng.normal(size=(30, 2)), np.full(30, 1e8 / 3)])
    assert int(canonical_correlations(rng.normal(size=(30, 8)), y).notnull().sum()) == 2


@pytest.mark.parametrize("shape", [(1000, 6), (6, 1000)])
@pytest.mark.parametrize(("size", "rank"), [(0.5, 1), (2, 2)])
def test_what_counts_towards_the_rank_is_above_eps_times_the_longer_side(shape, size, rank):
    items, units = (np.zeros((2, n)) for n in shape)
    items[:, :4] = [[1, -1, 1, -1], [1, 1, -1, -1]]  # two patterns of mean 0, each on a unit of its own
    units[[0, 1], [0, 1]] = 1, size * 1000 * np.finfo(float).eps
    x = items.T @ units
    y = np.random.default_rng(0).normal(size=(shape[0], 2))
    assert int(canonical_correlations(x, y).notnull().sum()) == rank


def test_svcca_is_cca_of_the_components_that_scikit_learn_keeps():
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x, y = (rng.normal(size=(40, n)) * 0.7 ** np.arange(n) for n in (12, 9))
        for variance in (0.7, 0.95, 0.99):
            kept = [PCA(variance, svd_solver="full").fit_transform(side) for side in (x, y)]
            assert min(k.shape[1] for k in kept) < 9
            expected = np.cos(linalg.subspace_angles(*kept)).mean()
            assert float(svcca(x, y, variance)) == pytest.approx(expected, abs=1e-9)
        assert svcca(x, y) == svcca(x, y, 0.99)


def test_svcca_of_everything_is_cca():
    x, y = INPUTS["wide beside tall"](np.random.default_rng(0))
    assert float(svcca(x, y, 1)) == pytest.approx(float(cca(x, y)), abs=1e-12)


def test_svcca_cuts_through_no_block():
    rng = np.random.default_rng(0)
    x = np.eye(8) @ rotation(rng, 8)  # one block of seven
    for seed in range(5):
        noise = 1e-9 * np.random.default_rng(seed).normal(size=(8, 8))
        for variance in (0.1, 0.5):
            assert float(svcca(x, x + noise, variance)) == pytest.approx(1)
    data = ITEMS.values @ rotation(rng, 34)[:, :20]  # a cut at 0.87 is in {4, 5}
    assert float(svcca(ITEMS, ITEMS.values + 1e-9 * rng.normal(size=(8, 34)), 0.87)) == pytest.approx(1)
    assert svcca(ITEMS, data, 0.87) < 1


def projection_weighted(x, y):
    """Morcos et al. 2018, equations of section 2.1, by covariances and their inverse roots."""
    x, y = less_mean(x), less_mean(y)
    whiten = [np.real(linalg.inv(linalg.sqrtm(side.T @ side))) for side in (x, y)]
    turn, rho, _ = linalg.svd(whiten[0] @ x.T @ y @ whiten[1])
    c = min(x.shape[1], y.shape[1])
    variates = x @ whiten[0] @ turn[:, :c]
    alpha = [
        sum(abs(sum(h * z for h, z in zip(variates[:, i], unit, strict=True))) for unit in x.T)
        for i in range(c)
    ]
    return sum(a * r for a, r in zip(alpha, rho, strict=False)) / sum(alpha)


@pytest.mark.parametrize("units", [(3, 5), (5, 3), (4, 4)])
def test_pwcca_is_that_of_its_paper_with_weights_of_the_first_side(units):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        x, y = (rng.normal(size=(20, n)) * 3.0 ** np.arange(n) + 5 for n in units)
        assert float(pwcca(x, y)) == pytest.approx(projection_weighted(x, y), abs=1e-10)
        assert abs(pwcca(x, y) - pwcca(y, x)) > 1e-3


def test_pwcca_in_closed_form():
    u, v, w = np.array([[1, -1, 0, 0], [0, 0, 1, -1], [1, 1, -1, -1]])
    assert float(pwcca(np.column_stack([9 * u, v]), np.column_stack([u, w]))) == pytest.approx(0.9)
    assert float(pwcca(np.column_stack([u, w]), np.column_stack([9 * u, v]))) == pytest.approx(
        1 / (1 + np.sqrt(2))
    )


# ------------------------------------------------------------------------------------------------ Procrustes, by scipy


@inputs
def test_procrustes_is_what_scipys_best_rotation_leaves(kind):
    for _, x, y in pairs(kind):
        n = max(x.shape[1], y.shape[1])
        X, Y = (np.pad(unit(side), ((0, 0), (0, n - side.shape[1]))) for side in (x, y))
        Q, cosine = linalg.orthogonal_procrustes(Y, X)
        assert float(procrustes_distance(x, y)) == pytest.approx(linalg.norm(X - Y @ Q), abs=1e-8)
        assert float(procrustes_angle(x, y)) == pytest.approx(np.degrees(np.arccos(min(cosine, 1))), abs=1e-5)
        *_, disparity = spatial.procrustes(X, Y)  # scaled as well: the sine's square
        assert np.sin(np.radians(float(procrustes_angle(x, y)))) ** 2 == pytest.approx(disparity, abs=1e-8)


@pytest.mark.parametrize("measure", [procrustes_distance, procrustes_angle])
@inputs
def test_procrustes_is_a_metric(measure, kind):
    layers = [side for _, x, y in pairs(kind, 8) for side in (x, y)]
    d = similarity_matrix(dict(enumerate(layers)), measure).values
    np.testing.assert_allclose(d, d.T, atol=1e-6)
    np.testing.assert_array_equal(d.diagonal(), 0)
    assert (d[:, None] <= d[:, :, None] + d[None] + 1e-6).all()  # 16 * 16 * 16 triples


# ------------------------------------------------------------------------------------------------------- RSA, by others


def ranked(a, b):
    """Kendall's tau a, pair by pair."""
    n = len(a)
    signs = [np.sign(a[i] - a[j]) * np.sign(b[i] - b[j]) for i in range(n) for j in range(i)]
    return sum(signs) / (n * (n - 1) / 2)


COMPARED = {
    "pearson": lambda a, b: stats.pearsonr(a, b).statistic,
    "spearman": lambda a, b: stats.spearmanr(a, b).statistic,
    "kendall_tau_a": ranked,
    "kendall_tau_b": lambda a, b: stats.kendalltau(a, b).statistic,
    "cosine": lambda a, b: 1 - spatial.distance.cosine(a, b),
}
SCIPYS = {"squared_euclidean": "sqeuclidean"}
TOOLBOX = {"squared_euclidean": "euclidean", "correlation": "correlation"}
TOOLBOX_COMPARISONS = {
    "pearson": "corr",
    "spearman": "spearman",
    "kendall_tau_a": "tau-a",
    "kendall_tau_b": "kendall",
    "cosine": "cosine",
}


@pytest.mark.parametrize("dissimilarity", DISSIMILARITIES)
@pytest.mark.parametrize("comparison", COMPARISONS)
def test_rsa_is_made_of_scipys_distances_and_correlations(dissimilarity, comparison):
    metric = SCIPYS.get(dissimilarity, dissimilarity)
    for kind in ("full rank", "rank-deficient", "wide", "alike"):
        for _, x, y in pairs(kind, 3):
            expected = COMPARED[comparison](*(spatial.distance.pdist(side, metric) for side in (x, y)))
            assert float(rsa(x, y, dissimilarity, comparison)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("dissimilarity", TOOLBOX)
@pytest.mark.parametrize("comparison", COMPARISONS)
def test_rsa_is_that_of_the_rsa_toolbox_and_so_where_the_data_tie(dissimilarity, comparison):
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm, compare

    noisy = ITEMS.values + 0.3 * np.random.default_rng(0).normal(size=(8, 34))
    for x, y in ((noisy[:, :9], noisy[:, 9:]), (ITEMS.values, noisy), (ITEMS.values, ITEMS.values[:, ::2])):
        rdms = [calc_rdm(Dataset(np.asarray(side)), method=TOOLBOX[dissimilarity]) for side in (x, y)]
        for rdm in rdms:  # what ties but for rounding
            rdm.dissimilarities = rdm.dissimilarities.round(9)
        (expected,) = compare(*rdms, method=TOOLBOX_COMPARISONS[comparison]).ravel()
        assert float(rsa(x, y, dissimilarity, comparison)) == pytest.approx(expected, abs=1e-8)


def test_the_angle_of_procrustes_is_the_toolboxs_bures_similarity():
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm, compare

    for kind in ("full rank", "wide", "alike"):
        for _, x, y in pairs(kind, 3):
            rdms = [calc_rdm(Dataset(side), method="euclidean") for side in (x, y)]
            (expected,) = compare(*rdms, method="bures").ravel()
            assert np.cos(np.radians(float(procrustes_angle(x, y)))) == pytest.approx(expected, abs=1e-6)


def test_ranks_of_dissimilarities_do_not_hear_rounding():
    for seed in range(10):
        noise = 1e-13 * np.random.default_rng(seed).normal(size=(8, 34))
        noisy, other = ITEMS.values + noise, ITEMS.values + 1e12 * noise
        tied, untied = spatial.distance.pdist(ITEMS.values).round(9), spatial.distance.pdist(other)
        for comparison in ("spearman", "kendall_tau_a", "kendall_tau_b"):
            for y, d in ((ITEMS, tied), (other, untied)):
                expected = COMPARED[comparison](tied, d)
                for sides in ((noisy, y), (y, noisy)):
                    assert float(rsa(*sides, comparison=comparison)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("dissimilarity", DISSIMILARITIES)
@pytest.mark.parametrize("comparison", COMPARISONS)
def test_rsa_is_from_minus_one_to_one(dissimilarity, comparison):
    for seed in range(20):
        x = np.random.default_rng(seed).normal(size=(9, 3))
        assert -1 <= rsa(x, x, dissimilarity, comparison) <= 1


def triangle(a, b, c):
    """Three points whose distances are a, between the first two, b, between the first and the last, and c."""
    x = (a**2 + b**2 - c**2) / (2 * a)
    return np.array([[0.0, 0.0], [a, 0.0], [x, np.sqrt(b**2 - x**2)]])


@pytest.mark.parametrize("comparison", ["pearson", "spearman", "kendall_tau_a", "kendall_tau_b"])
def test_triangles_whose_distances_fall_as_the_others_rise_are_at_minus_one_and_not_below(comparison):
    for sides in np.random.default_rng(0).uniform(2, 3, (50, 3)):
        found = float(rsa(triangle(*sides), triangle(*(5 - sides)), comparison=comparison))
        assert found >= -1 and found == pytest.approx(-1, abs=1e-9)


def test_an_item_that_drives_all_units_alike_has_no_correlation_distance():
    x = np.random.default_rng(0).normal(size=(6, 7))
    x[2] = 0.1
    assert rsa(x, x, "correlation").isnull() and rsa(x, x, "cosine") == 1
    other = np.random.default_rng(1).normal(size=(6, 7))
    assert rsa(x, other, "correlation").isnull() and rsa(other, x, "correlation").isnull()
    x[2] = 0
    assert rsa(x, x, "cosine").isnull()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("dissimilarity", ["cosine", "correlation"])
def test_items_of_one_direction_have_nothing_to_rank(dissimilarity, dtype):
    rng = np.random.default_rng(0)
    for units in [6, 34] * 5:  # of few, the squares of what rounding leaves are more than rounding
        x = np.outer([1, 2, 3, 5, 7, 11, 13, 17], rng.normal(size=units)).astype(dtype)
        assert rsa(x, ITEMS, dissimilarity).isnull() and rsa(ITEMS, x, dissimilarity, "pearson").isnull()


def test_where_all_items_are_equally_far_apart_there_is_nothing_to_rank():
    x, y = np.eye(6), np.random.default_rng(0).normal(size=(6, 3))
    for comparison in ("pearson", "spearman", "kendall_tau_b"):
        assert rsa(x, y, comparison=comparison).isnull()
    assert rsa(x, y, comparison="kendall_tau_a") == 0 and rsa(x, y, comparison="cosine") > 0
    assert linear_cka(x, y, debiased=True).isnull() and rbf_cka(x, y, debiased=True).isnull()
    assert linear_cka(x, y) > 0


# ---------------------------------------------------------------------------------- what all measures are blind to


@measures
@inputs
def test_every_measure_gives_a_number_on_every_input(name, kind):
    for _, x, y in pairs(kind):
        low = -1 if "debiased" in name or name == "rsa" else 0
        high = {"procrustes_distance": np.sqrt(2), "procrustes_angle": 90}.get(name, 1)
        for one, other in ((x, y), (y, x), (x, x), (y, 3 * y)):
            assert low <= SIMILARITIES[name](one, other) <= high


@measures
@inputs
def test_a_layer_is_all_alike_to_itself_turned_scaled_and_shifted(name, kind):
    for rng, x, _ in pairs(kind):
        y = 7 * x @ rotation(rng, x.shape[1])[:, ::-1] + 3
        assert float(SIMILARITIES[name](x, y)) == pytest.approx(0 if name in DISTANCES else 1, abs=1e-5)


def the_same(name, x, y, other_x, other_y):
    measure = SIMILARITIES[name]
    return float(measure(other_x, other_y)) == pytest.approx(float(measure(x, y)), abs=1e-7)


@measures
@inputs
def test_scale_shift_and_the_order_of_units_are_no_matter(name, kind):
    for rng, x, y in pairs(kind):
        assert the_same(name, x, y, 1e-3 * x, 40 * y)
        assert the_same(name, x, y, x + rng.normal(size=x.shape[1]), y + 1)
        assert the_same(name, x, y, x[:, rng.permutation(x.shape[1])], y[:, rng.permutation(y.shape[1])])


@measures
@inputs
def test_the_order_of_items_is_no_matter_if_it_is_the_same_on_both_sides(name, kind):
    for rng, x, y in pairs(kind):
        order = rng.permutation(len(x))
        assert the_same(name, x, y, x[order], y[order])


@measures
def test_the_order_of_items_matters_if_it_is_not_the_same(name):
    _, x, y = pairs("alike", 1)[0]
    assert not the_same(name, x, y, x, y[::-1])


@measures
@inputs
def test_rotations_of_the_units_are_no_matter(name, kind):
    for rng, x, y in pairs(kind):
        turned = x if name == "pwcca" else x @ rotation(rng, x.shape[1])
        assert the_same(name, x, y, turned, y @ rotation(rng, y.shape[1]))


def test_rotations_of_the_side_that_gives_the_weights_matter_to_pwcca():
    rng, x, y = pairs("alike", 1)[0]
    assert not the_same("pwcca", x, y, x @ rotation(rng, 4), y)


@inputs
def test_any_invertible_map_of_the_units_is_no_matter_to_cca(kind):
    for rng, x, y in pairs(kind):
        maps = (
            rotation(rng, n) * rng.uniform(1, 9, size=n) @ rotation(rng, n) for n in (x.shape[1], y.shape[1])
        )
        A, B = maps
        assert the_same("cca", x, y, x @ A, y @ B)
        assert the_same("pwcca", x, y, x, y @ B)
    assert not the_same("linear_cka", x, y, x @ A, y @ B) or kind == "tall"


@inputs
def test_units_that_say_what_others_say_are_no_matter_to_cca(kind):
    for rng, x, y in pairs(kind):
        more_x, more_y = (np.hstack([side, side @ rng.normal(size=(side.shape[1], 4))]) for side in (x, y))
        assert the_same("cca", x, y, more_x, more_y)
        assert the_same("pwcca", x, y, x, more_y)


@pytest.mark.parametrize("name", SYMMETRIC)
@inputs
def test_the_sides_can_change_places(name, kind):
    for _, x, y in pairs(kind):
        assert the_same(name, x, y, y, x)


@measures
def test_numbers_near_the_limits_are_no_matter(name):
    _, x, y = pairs("alike", 1)[0]
    assert the_same(name, x, y, 1e200 * x, 1e-200 * y)


@measures
def test_what_does_not_vary_has_no_similarity(name):
    x = np.random.default_rng(0).normal(size=(8, 3))
    for flat in (np.zeros((8, 2)), np.full((8, 4), 0.1), 1e6 * np.ones((8, 1)) * [0.1, 0.3, 0.7]):
        assert SIMILARITIES[name](x, flat).isnull() and SIMILARITIES[name](flat, x).isnull()


@pytest.mark.parametrize("dissimilarity", DISSIMILARITIES)
@pytest.mark.parametrize("comparison", COMPARISONS)
def test_what_does_not_vary_has_no_dissimilarities(dissimilarity, comparison):
    x, flat = np.random.default_rng(0).normal(size=(8, 3)), np.ones((8, 1)) * [0.1, 0.3, 0.7]
    assert rsa(x, flat, dissimilarity, comparison).isnull()


# -------------------------------------------------------------------------------------------------- stacks and labels


def stack(*shape, seed=0, dims=("seed", "epoch")):
    values = np.random.default_rng(seed).normal(size=shape)
    return xr.DataArray(values, dims=(*dims[-(len(shape) - 2) :], "item", "unit"))


@measures
def test_a_stack_is_its_matrices_one_by_one(name):
    x, y = stack(2, 3, 8, 4), stack(2, 5, 8, 6, seed=1, dims=("seed", "other"))
    found = SIMILARITIES[name](x, y)
    assert found.dims == ("seed", "epoch", "other") and found.shape == (2, 3, 5)
    for s, e, o in np.ndindex(2, 3, 5):
        assert float(found[s, e, o]) == pytest.approx(float(SIMILARITIES[name](x[s, e], y[s, o])), abs=1e-12)


def test_canonical_correlations_of_a_stack_are_those_of_its_matrices_and_stay_lazy():
    x, y = stack(2, 3, 8, 4), stack(2, 5, 8, 6, seed=1, dims=("seed", "other"))
    found = canonical_correlations(x, y)
    assert found.dims == ("seed", "epoch", "other", "mode") and found.mode.values.tolist() == [1, 2, 3, 4]
    for s, e, o in np.ndindex(2, 3, 5):
        np.testing.assert_allclose(found[s, e, o], canonical_correlations(x[s, e], y[s, o]), atol=1e-12)
    later = canonical_correlations(x.chunk(seed=1, item=4), y.chunk(other=2))
    assert later.chunks is not None
    np.testing.assert_allclose(later.compute(), found, atol=1e-12)


@measures
def test_stacks_that_do_not_fit_the_cache_are_taken_in_parts(name, monkeypatch):
    x, y = stack(2, 3, 8, 4), stack(2, 5, 8, 6, seed=1, dims=("seed", "other"))
    whole = SIMILARITIES[name](x, y)
    monkeypatch.setattr("semantic_svd.similarity.sides.CHUNK", 1)
    np.testing.assert_allclose(SIMILARITIES[name](x, y), whole, rtol=1e-13, atol=1e-13)
    for one, other, expected in ((x[0, 1], y[0], whole[0, 1]), (x[0], y[0, 3], whole[0, :, 3])):
        np.testing.assert_allclose(SIMILARITIES[name](one, other), expected, rtol=1e-13, atol=1e-13)


def test_shared_axes_are_paired_and_all_others_meet():
    x = stack(2, 3, 8, 4).assign_coords(seed=[5, 7], epoch=[0, 1, 10])
    paired, all_ = linear_cka(x, x), similarity_matrix(x, dim="epoch")
    np.testing.assert_allclose(paired, 1)
    assert all_.dims == ("seed", "epoch", "epoch_2")
    assert all_.epoch_2.values.tolist() == [0, 1, 10] and all_.seed.values.tolist() == [5, 7]
    assert float(all_.sel(seed=7, epoch=1, epoch_2=10)) == pytest.approx(float(linear_cka(x[1, 1], x[1, 2])))
    last = linear_cka(x, x.sel(epoch=10))
    assert last.dims == ("seed", "epoch")
    np.testing.assert_allclose(last.sel(epoch=10), 1)


def test_a_matrix_of_named_layers_keeps_their_order_and_their_units():
    layers = {
        "second": stack(2, 8, 4, dims=("seed",)),
        "data": ITEMS,
        "first": stack(2, 8, 3, seed=1, dims=("seed",)),
    }
    layers = {name: getattr(layer, "array", layer) for name, layer in layers.items()}
    for measure in ("linear_cka", "pwcca", partial(rsa, comparison="kendall_tau_a")):
        found = similarity_matrix(layers, measure)
        assert found.dims == ("seed", "layer", "layer_2")
        assert found.layer.values.tolist() == found.layer_2.values.tolist() == ["second", "data", "first"]
        one = SIMILARITIES.get(measure, measure) if isinstance(measure, str) else measure
        for a, b in (("second", "first"), ("first", "data"), ("data", "second")):
            np.testing.assert_allclose(found.sel(layer=a, layer_2=b), one(layers[a], layers[b]))


def test_layers_of_single_seeds_stand_beside_the_data_in_any_order():
    seeds = stack(2, 8, 4, dims=("seed",)).assign_coords(seed=[0, 1])
    layers = {"one": seeds.sel(seed=0), "other": seeds.sel(seed=1), "data": ITEMS}
    for order in permutations(layers):
        found = similarity_matrix({name: layers[name] for name in order})
        assert set(found.coords) == {"layer", "layer_2"} == set(found.dims)
        for a, b in product(layers, layers):
            assert found.sel(layer=a, layer_2=b) == linear_cka(layers[a], layers[b])


@measures
def test_what_is_not_finite_has_no_similarity_and_the_others_have(name):
    x = stack(2, 3, 8, 4)
    x[0, 0, 3, 1], x[1, 2] = np.inf, np.nan
    found = SIMILARITIES[name](x, ITEMS.values)
    assert found.isnull().values.tolist() == [[True, False, False], [False, False, True]]
    assert similarity_matrix(x, name, "epoch").isnull().sum() == 2 * 5


def test_layers_of_runs_go_in_as_they_are():
    run = train("backprop", Network((34, 8, 5, 34)), ITEMS, epochs=20, seeds=3, stop_below=3.5)
    by_epoch = linear_cka(run.hidden(1), run.hidden(2))
    assert by_epoch.dims == ("seed", "epoch")
    np.testing.assert_array_equal(by_epoch.isnull(), (run.data.epoch > run.data.end_epoch).T)
    assert linear_cka(run.response(), ITEMS).dims == ("seed", "epoch")
    assert linear_cka(run.hidden(1, ITEMS), ITEMS).equals(linear_cka(run.hidden(1), ITEMS))


@measures
def test_what_is_lazy_stays_lazy(name):
    x, y = stack(4, 3, 8, 4), stack(4, 8, 6, dims=("seed",))
    found = SIMILARITIES[name](x.chunk(seed=2, item=4), y.chunk(seed=1))
    assert found.chunks is not None
    np.testing.assert_allclose(found.compute(), SIMILARITIES[name](x, y), rtol=1e-13, atol=1e-13)


# ------------------------------------------------------------------------------------------------------------- chance


@measures
def test_the_null_is_the_measure_with_shuffled_items(name):
    _, x, y = pairs("alike", 1)[0]
    rng = np.random.default_rng(0)
    by_hand = [float(SIMILARITIES[name](x, y[rng.permutation(12)])) for _ in range(40)]
    found = beside_null(x, y, name, shuffles=40)
    assert float(found.value) == pytest.approx(float(SIMILARITIES[name](x, y)))
    assert float(found.null_mean) == pytest.approx(np.mean(by_hand))
    assert [float(found.null_low), float(found.null_high)] == pytest.approx(
        np.quantile(by_hand, [0.05, 0.95]).tolist()
    )


def test_what_is_shuffled_in_parts_is_shuffled_alike(monkeypatch):
    x, y = stack(3, 8, 4), stack(2, 8, 6, dims=("other",))
    whole = beside_null(x, y, shuffles=30)
    monkeypatch.setattr("semantic_svd.similarity.measures.SHUFFLED", 1)
    xr.testing.assert_allclose(beside_null(x, y, shuffles=30), whole)
    assert whole.null_high.dims == ("epoch", "other")


@pytest.mark.parametrize("name", ["linear_cka", "linear_cka_debiased", "svcca", "procrustes_angle", "rsa"])
def test_noise_is_beyond_its_null_one_time_in_twenty(name):
    x, y = (stack(600, 8, 3, seed=seed, dims=("draw",)) for seed in (1, 2))
    found = beside_null(x, y, name, shuffles=99)
    for beyond in (found.value > found.null_high, found.value < found.null_low):
        assert float(beyond.mean()) == pytest.approx(0.05, abs=0.031)  # 3.5 standard errors


def test_with_as_many_units_as_items_cca_says_nothing_and_its_null_says_so():
    x, y = INPUTS["wide"](np.random.default_rng(0))
    found = beside_null(x, y, "cca", shuffles=20)
    assert found.to_array().values.tolist() == pytest.approx([1, 1, 1, 1])


# ------------------------------------------------------------------------------------------------------------- errors


def labelled_items(*names):
    return xr.DataArray(
        np.random.default_rng(0).normal(size=(len(names), 2)), {"item": list(names)}, ("item", "unit")
    )


X = np.random.default_rng(0).normal(size=(5, 2))
MEASURES = (
    "linear_cka, linear_cka_debiased, rbf_cka, rbf_cka_debiased, cca, svcca, pwcca, procrustes_distance, "
    "procrustes_angle, rsa"
)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: linear_cka(X, X[:4]), "similarity is between layers over the same items, not 5 and 4"),
        (
            lambda: cca(labelled_items("hawk", "oak"), labelled_items("hawk", "rose")),
            "item 1 is 'oak' on one side, 'rose' on the other: both need the same items",
        ),
        (
            lambda: rsa(stack(3, 8, 2), stack(4, 8, 2)),
            "both sides have an axis 'epoch', but not the same on it; rename one to compare all with all",
        ),
        (
            lambda: rsa(
                stack(2, 8, 2).assign_coords(epoch=[0, 1]), stack(2, 8, 2).assign_coords(epoch=[0, 2])
            ),
            "both sides have an axis 'epoch', but not the same on it; rename one to compare all with all",
        ),
        (lambda: linear_cka(X[:1], X[:1]), "linear_cka needs 2 items or more; got 1"),
        (lambda: rbf_cka(X[:1], X[:1]), "rbf_cka needs 2 items or more; got 1"),
        (lambda: canonical_correlations(X[:1], X[:1]), "canonical_correlations needs 2 items or more; got 1"),
        (lambda: linear_cka(X[:3], X[:3], debiased=True), "linear_cka_debiased needs 4 items or more; got 3"),
        (lambda: rbf_cka(X[:3], X[:3], debiased=True), "rbf_cka_debiased needs 4 items or more; got 3"),
        (lambda: rsa(X[:2], X[:2]), "rsa needs 3 items or more; got 2"),
        (lambda: rbf_cka(X, X, bandwidth=0), "the bandwidth of a kernel is above 0; got 0"),
        (lambda: svcca(X, X, 0), "the share of variance to keep is above 0 and at most 1; got 0"),
        (lambda: svcca(X, X, 1.5), "the share of variance to keep is above 0 and at most 1; got 1.5"),
        (
            lambda: rsa(X, X, "mahalanobis"),
            "dissimilarity 'mahalanobis' is unknown: it is one of euclidean, squared_euclidean, cosine, correlation",
        ),
        (
            lambda: rsa(X, X, comparison="kendall"),
            "comparison 'kendall' is unknown: it is one of pearson, spearman, kendall_tau_a, kendall_tau_b, cosine",
        ),
        (lambda: similarity_matrix({"a": X}, "cka"), f"measure 'cka' is unknown: it is one of {MEASURES}"),
        (
            lambda: similarity_matrix(stack(3, 8, 2), dim="seed"),
            "the layers have no axis 'seed' to be compared along; they have ('epoch',)",
        ),
        (
            lambda: similarity_matrix(stack(3, 8, 2), dim="unit"),
            "the layers have no axis 'unit' to be compared along; they have ('epoch',)",
        ),
        (lambda: similarity_matrix({}), "there are no layers to compare; give a name and a matrix for each"),
        (lambda: beside_null(X, X, shuffles=0), "a null needs one shuffle or more; got 0"),
    ],
)
def test_bad_input_is_said_in_a_line(call, message):
    assert refused(call) == message


# ------------------------------------------------------------------------------------------ the items' side of modes


def test_the_items_side_keeps_vectors_and_singular_values_and_forgets_the_units():
    rng = np.random.default_rng(3)
    A = rng.normal(size=(2, 5, 8))
    turned = A @ np.linalg.qr(rng.normal(size=(8, 8)))[0]
    side = item_side(A)
    assert side.dims == ("epoch", "item", "item_2") and side.name == "item_side"
    rows = xr.DataArray(A, dims=("seed", "class", "unit"))
    assert item_side(rows).dims == ("seed", "class", "class_2")
    np.testing.assert_allclose(side.values @ side.values, A @ A.mT, atol=1e-12)
    np.testing.assert_allclose(side, side.values.mT, atol=1e-12)
    np.testing.assert_allclose(side, item_side(turned), atol=1e-12)


def test_modes_are_found_again_by_their_items_whichever_units_carry_them():
    rng = np.random.default_rng(4)
    U = np.linalg.qr(rng.normal(size=(6, 6)) - rng.normal(size=(1, 6)))[0]
    U = np.linalg.svd(U - U.mean(axis=0))[0][:, :5]
    units, others = (np.linalg.qr(rng.normal(size=(n, 5)))[0] for n in (9, 30))
    reference = (U * [5, 4, 3, 2, 1]) @ units.T
    found = compare_items((U[:, [1, 0, 2, 3, 4]] * [7, 4, 3, 2, 1]) @ others.T + 10, reference)
    assert found["verdict"].tolist()[:2] == ["swapped"] * 2 and found["matched"].tolist()[:2] == ["2", "1"]
    assert set(found["verdict"][2:5]) <= {"same", "sign-flipped"} and found["verdict"][5] == "null"


def test_what_rounding_leaves_of_single_numbers_or_of_a_large_mean_is_no_mode():
    rng = np.random.default_rng(2)
    x, y = rng.random((2, 4, 8)) + 100  # four items less their mean have three modes
    low = rng.normal(size=(2, 6, 3)) @ rng.normal(size=(2, 3, 9))
    for one, other, rank in ((x, y, 3), (low[0].astype(np.float32), low[1], 3), (0.1 + 0 * x, y, 0)):
        for matrix, reference in ((one, other), (other, one)):
            found = compare_items(matrix, reference, draws=0)
            assert found["null_cosine"].isna().all()
            assert (found["verdict"][rank:] == "null").all() and (found["verdict"][:rank] != "null").all()
    ended = compare_items(np.stack([x, np.nan * x]), y)
    assert ended["epoch"].unique().tolist() == [0]


def test_chance_is_that_of_random_matrices():
    rng = np.random.default_rng(5)
    reference = rng.normal(size=(8, 20))
    chance = compare_items(reference, reference)["null_cosine"][:7].to_numpy()
    drawn = compare_items(rng.normal(size=(1000, 8, 8)), reference, draws=0)
    below = [
        (rows["block_cosine"] < chance[mode - 1]).mean() for mode, rows in drawn.groupby("mode") if mode < 8
    ]
    np.testing.assert_allclose(below, 0.95, atol=0.05)


def test_chance_is_the_quantile_of_comparisons_and_makes_no_rows_of_them(monkeypatch):
    reference = ITEMS.array - ITEMS.array.mean("item")  # with blocks, and a mode that is null
    drawn = compare_items(np.random.default_rng(0).normal(size=(300, 8, 8)), reference, draws=0)
    wanted = drawn.groupby("mode")["block_cosine"].quantile(0.95)
    made, _rows = [], semantic_svd.alignment._rows
    monkeypatch.setattr(semantic_svd.alignment, "_rows", lambda *of: made.append(of) or _rows(*of))
    for at_once in (2**22, 1000):
        monkeypatch.setattr("semantic_svd.similarity.item_sides.AT_ONCE", at_once)
        chance = compare_items(ITEMS, reference)["null_cosine"]
        np.testing.assert_allclose(chance, wanted, rtol=1e-14)
    assert len(made) == 2
