"""Claims about similarity: angles that are known in closed form, and alignment that is blind to rotations."""

import numpy as np
import pytest
import xarray as xr

from semantic_svd.errors import InputError
from semantic_svd.feedback import Feedback
from semantic_svd.items import load_items
from semantic_svd.network import Network
from semantic_svd.rules import Rule
from semantic_svd.similarity import angle, compare_items, feedback_angle, forward_path, item_side, linear_cka
from semantic_svd.training import train

ITEMS = load_items("mcclelland2020")


def matrix(values):
    return xr.DataArray(values, dims=("post", "pre"))


def degrees(a, b):
    return np.degrees(np.arccos(np.vdot(a, b) / np.linalg.norm(a) / np.linalg.norm(b)))


def at_the_start(path, kind, sizes):
    """Return the angles of layer 1 of networks that were not trained, (seed,)."""
    rule = Rule(path=path, feedback=Feedback(kind))
    run = train(rule, Network(sizes, biases=False), np.eye(sizes[0])[:1], np.ones((1, sizes[-1])), epochs=0)
    return feedback_angle(run, 1).sel(epoch=0)


# The closed forms. With u uniform on +-1 the mean of |u| is 1/2 and that of u^2 1/3: the cosine of sign(u) and u is
# sqrt(3)/2, and with sizes drawn anew 3/4. A product's entries are nearly normal: sqrt(2/pi) in place of sqrt(3)/2.


@pytest.mark.parametrize(
    ("kind", "degrees"), [("random", 90), ("binary", 90), ("binary_sign", 30), ("random_sign", 41.410)]
)
def test_feedback_starts_at_the_angle_of_its_kind(kind, degrees):
    assert float(np.degrees(np.arccos(0.75))) == pytest.approx(41.410, abs=5e-4)
    angles = at_the_start("chain", kind, (2, 784, 500))
    np.testing.assert_allclose(angles, degrees, atol=0.3)


@pytest.mark.parametrize(
    ("kind", "degrees"), [("random", 90), ("binary_sign", 37.07), ("random_sign", 46.29)]
)
def test_direct_feedback_is_held_against_the_product_of_the_forward_matrices(kind, degrees):
    np.testing.assert_allclose(at_the_start("direct", kind, (2, 784, 400, 500)), degrees, atol=0.3)


@pytest.mark.parametrize("path", ["chain", "direct"])
@pytest.mark.parametrize("kind", ["random", "random_sign"])
def test_the_angle_is_that_of_feedback_as_used_and_of_the_path_that_it_stands_for(path, kind):
    network = Network((34, 8, 6, 34), hidden="tanh")
    run = train(Rule(path=path, feedback=Feedback(kind)), network, ITEMS, epochs=20, seeds=2, every=10)
    angles = feedback_angle(run, 1)
    assert angles.dims == ("seed", "epoch")
    for seed in (0, 1):
        for epoch in (0, 10, 20):
            W2, W3, B = (run.data[n].sel(seed=seed).squeeze() for n in ("W2", "W3", "B1"))
            W2, W3 = W2.sel(epoch=epoch).values, W3.sel(epoch=epoch).values
            forward = W2.T if path == "chain" else (W3 @ W2).T
            used = B.values if kind == "random" else np.abs(B.values) * np.sign(forward)
            found = float(angles.sel(seed=seed, epoch=epoch))
            assert found == pytest.approx(degrees(used, forward), abs=1e-9)


def test_feedback_alignment_aligns():
    run = train("fa_random", Network((34, 8, 34)), ITEMS, epochs=500, seeds=5, every=500)
    angles = feedback_angle(run, 1)
    assert (angles.sel(epoch=500) < angles.sel(epoch=0) - 10).all() and (
        abs(angles.sel(epoch=0) - 90) < 12
    ).all()


def test_the_forward_path_is_the_transposed_product():
    run = train("dfa_random", Network((34, 8, 6, 34)), ITEMS, epochs=1)
    W2, W3 = run.data.W2[0, 1].values, run.data.W3[0, 1].values
    path = forward_path(run, 1, 3)
    assert path.dims == ("seed", "epoch", "post", "pre")
    np.testing.assert_allclose(path[0, 1], (W3 @ W2).T, rtol=1e-13)
    np.testing.assert_array_equal(forward_path(run, 1, 2)[0, 1], W2.T)


def test_a_run_without_feedback_has_no_angle():
    run = train("backprop", Network((34, 8, 34)), ITEMS, epochs=1)
    with pytest.raises(InputError) as refusal:
        feedback_angle(run, 1)
    assert str(refusal.value) == "the run kept no B1; it has W1, b1, W2, b2"


def test_after_the_end_of_a_seed_there_is_no_angle():
    run = train("fa_random", Network((34, 8, 34)), ITEMS, epochs=80, seeds=4, stop_below=1.2)
    ended = run.data.epoch > run.data.end_epoch
    assert ended.any()
    np.testing.assert_array_equal(feedback_angle(run, 1).isnull(), ended.transpose("seed", "epoch"))


# Angles


def test_an_angle_knows_neither_length_nor_the_number_of_matrices():
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(4, 5))
    stack = xr.DataArray(A, dims=("seed", "epoch", "post", "pre"))
    found = angle(stack, 7 * matrix(B))
    assert found.dims == ("seed", "epoch")
    np.testing.assert_allclose(found[1, 2], degrees(A[1, 2], B))
    assert float(angle(matrix(B), -2 * matrix(B))) == 180
    assert np.isnan(angle(matrix(B), 0 * matrix(B)))


def test_an_angle_of_matrices_of_other_shapes_is_refused():
    with pytest.raises(InputError) as refusal:
        angle(matrix(np.ones((2, 3))), matrix(np.ones((3, 2))))
    assert str(refusal.value) == (
        "an angle is between matrices of one shape, not {'post': 2, 'pre': 3} and {'post': 3, 'pre': 2}"
    )


# CKA


def centred_kernel_alignment(x, y):
    """The definition, by centring matrices and traces."""
    n = len(x)
    H = np.eye(n) - 1 / n
    K, L = H @ x @ x.T @ H, H @ y @ y.T @ H
    return np.trace(K @ L) / np.sqrt(np.trace(K @ K) * np.trace(L @ L))


@pytest.mark.parametrize("shapes", [((30, 4), (30, 7)), ((6, 40), (6, 3))])
def test_linear_cka_is_its_definition_by_either_way_of_computing(shapes):
    rng = np.random.default_rng(1)
    x, y = (rng.normal(size=shape) + 3 for shape in shapes)
    assert linear_cka(x, y) == pytest.approx(centred_kernel_alignment(x, y), rel=1e-12)


def test_linear_cka_is_blind_to_rotation_scale_and_shift_but_not_to_the_order_of_items():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(50, 6)) * np.arange(1, 7)
    Q = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    assert linear_cka(x, 3 * x @ Q + 5) == pytest.approx(1, abs=1e-12)
    assert linear_cka(x, x[rng.permutation(50)]) < 0.5
    assert np.isnan(linear_cka(x, np.ones((50, 2))))


def test_linear_cka_of_other_items_is_refused():
    with pytest.raises(InputError) as refusal:
        linear_cka(np.ones((3, 2)), np.ones((4, 2)))
    assert str(refusal.value) == (
        "CKA compares tables of activity over the same items, not arrays of shape (3, 2) and (4, 2)"
    )


# The items' side of modes


def test_the_items_side_keeps_vectors_and_singular_values_and_forgets_the_units():
    rng = np.random.default_rng(3)
    A = rng.normal(size=(2, 5, 8))
    turned = A @ np.linalg.qr(rng.normal(size=(8, 8)))[0]
    side = item_side(A)
    assert side.dims == ("seed", "item", "item_2") or side.dims == ("epoch", "item", "item_2")
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


def test_chance_is_that_of_random_matrices():
    rng = np.random.default_rng(5)
    reference = rng.normal(size=(8, 20))
    chance = compare_items(reference, reference)["null_cosine"][:7].to_numpy()
    drawn = compare_items(rng.normal(size=(1000, 8, 8)), reference, draws=0)
    below = [
        (rows["block_cosine"] < chance[mode - 1]).mean() for mode, rows in drawn.groupby("mode") if mode < 8
    ]
    np.testing.assert_allclose(below, 0.95, atol=0.05)
