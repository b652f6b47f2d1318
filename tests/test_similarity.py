"""Claims about similarity: alignment that is blind to rotations, and modes that are found again by their items."""

import numpy as np
import pytest

from semantic_svd.errors import InputError
from semantic_svd.similarity import compare_items, item_side, linear_cka

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
