"""Modes are known up to signs, and up to rotations among equals: who is who among them holds for all of these."""

from itertools import permutations

import dask.array
import numpy as np
import pandas as pd
import pytest
import scipy.linalg
import scipy.optimize
import xarray as xr
from refusals import refused
from scipy.stats import ortho_group

from semantic_svd.alignment import align, align_epochs, block_cosines, compare, upright
from semantic_svd.items import balanced_tree, load_items
from semantic_svd.modes import blocks, svd

DATA = load_items("mcclelland2020")
REFERENCE = svd(DATA)


def matrices(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def matrix_of(modes):
    return xr.dot(modes.U * modes.s, modes.V, dim="mode")


def turned(modes, T):
    """The same modes with their vectors (both sides) multiplied by an orthogonal T."""
    T, s = np.asarray(T), modes.s.values
    U, V = modes.U.values @ T, modes.V.values @ T
    return modes.assign(U=(modes.U.dims, U), s=("mode", (T**2).T @ s), V=(modes.V.dims, V))


def turn(angle, first, size=8):
    """A rotation by an angle in the plane of modes first and first + 1."""
    T = np.eye(size)
    c, s, k = np.cos(angle), np.sin(angle), first - 1
    T[k : k + 2, k : k + 2] = [[c, -s], [s, c]]
    return T


def response_like_data(noise, seed=0, seeds=()):
    return DATA.array.values + noise * matrices(*seeds, 8, 34, seed=seed)


# -------------------------------------------------------------------------------------------------------- alignment


def test_modes_of_dask_arrays_align_like_those_in_memory():
    stack = response_like_data(0.3, seeds=(3, 40)) * np.linspace(0.2, 1, 40)[:, None, None]
    stack[1, 30:] = np.nan
    now = xr.DataArray(stack, dims=("seed", "epoch", "item", "property"))
    lazy = now.copy(data=dask.array.from_array(stack, chunks=(1, 16, 4, 34)))
    xr.testing.assert_allclose(align(svd(lazy), DATA), align(svd(now), DATA))
    xr.testing.assert_allclose(align_epochs(svd(lazy)), align_epochs(svd(now)))


@pytest.mark.parametrize("seed", range(5))
def test_align_undoes_rotations_in_blocks_flips_and_permutations(seed):
    rng = np.random.default_rng(seed)
    T = np.diag(rng.choice([-1.0, 1.0], 8))
    for block in blocks(REFERENCE):
        J = np.array(block) - 1
        T[np.ix_(J, J)] = T[np.ix_(J, J)] @ np.atleast_2d(
            ortho_group.rvs(2, random_state=rng) if len(J) > 1 else 1
        )
    other = turned(REFERENCE, T[:, rng.permutation(8)])
    back = align(other, REFERENCE)
    xr.testing.assert_allclose(back, REFERENCE, atol=1e-10)
    xr.testing.assert_allclose(matrix_of(back), DATA.array, atol=1e-10)


def test_align_puts_nearly_equal_modes_that_have_swapped_back():
    s = np.array([4.0, 3.0, 2.99, 1.0])
    U, V = ortho_group.rvs(4, random_state=1), ortho_group.rvs(6, random_state=2)[:, :4]
    reference, response = svd((U * s) @ V.T), svd((U * s[[0, 2, 1, 3]]) @ V.T)
    back = align(response, reference)
    np.testing.assert_allclose(back.U, reference.U, atol=1e-10)
    np.testing.assert_allclose(back.s, s[[0, 2, 1, 3]], atol=1e-10)
    assert list(compare(response, reference).verdict[1:3]) == ["swapped"] * 2


def test_noise_of_a_billionth_flips_signs_by_any_convention_but_not_after_alignment():
    modes = svd(response_like_data(1e-9, seeds=(200,)))
    largest = np.take_along_axis(modes.U.values, np.abs(modes.U.values).argmax(1, keepdims=True), axis=1)
    conventional = (modes.U.values * np.sign(largest))[..., :4]
    assert ((conventional * REFERENCE.U.values[:, :4]).sum(1) < 0).mean() > 0.1
    aligned = align(modes, REFERENCE)
    np.testing.assert_allclose(aligned.U - REFERENCE.U, 0, atol=1e-7)
    np.testing.assert_allclose(aligned.V - REFERENCE.V, 0, atol=1e-7)


def test_a_stack_is_aligned_as_each_of_its_matrices():
    stack = response_like_data(0.2, seeds=(3, 4))
    stack[1, 2:] = np.nan
    together = align(svd(stack), DATA)
    for seed, epoch in np.ndindex(3, 4):
        if np.isfinite(stack[seed, epoch]).all():
            alone = align(svd(stack[seed, epoch]), DATA)
            np.testing.assert_allclose(together.V[seed, epoch], alone.V, atol=1e-12)
    assert np.isnan(together.U[1, 2:]).all() and np.isfinite(together.U[1, :2]).all()


def test_align_keeps_null_modes_orthonormal_and_apart():
    centred = DATA.array - DATA.array.mean("item")
    for modes, reference in ((centred, DATA), (DATA, centred), (centred, centred)):
        aligned = align(modes, reference)
        np.testing.assert_allclose(aligned.V.T.values @ aligned.V.values, np.eye(8), atol=1e-12)
        np.testing.assert_allclose(np.sort(aligned.s)[::-1], svd(modes).s, atol=1e-12)


def test_a_mode_with_one_side_reversed_follows_the_items():
    aligned = align(svd(-DATA.array), DATA)
    np.testing.assert_allclose(aligned.U, REFERENCE.U, atol=1e-7)
    np.testing.assert_allclose(aligned.V, -REFERENCE.V, atol=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_no_vector_of_a_null_mode_of_the_reference_decides_who_is_whose_partner(seed):
    rng = np.random.default_rng(seed)
    U, V = (ortho_group.rvs(n, random_state=rng) for n in (5, 9))
    one, other = (
        svd(np.zeros((5, 9))).assign(
            U=(("item", "mode"), U),
            s=("mode", [3.0, 2, 0, 0, 0]),
            V=(("property", "mode"), V[:, [0, 1, *null]]),
        )
        for null in ([2, 3, 4], [6, 7, 8])
    )
    stack = svd(matrices(50, 5, 9, seed=seed))
    aligned = [align(stack, reference).isel(mode=[0, 1]) for reference in (one, other)]
    xr.testing.assert_allclose(*aligned, atol=1e-12)


@pytest.mark.parametrize(("gap", "one_block"), [(0.99e-3, True), (1.01e-3, False)])
def test_blocks_are_those_of_modes(gap, one_block):
    reference = svd(np.diag([1.0, 1 - gap, 0.5]))
    assert blocks(reference) == (((1, 2), (3,)) if one_block else ((1,), (2,), (3,)))
    mixed = turned(reference, turn(np.pi / 5, 1, size=3)).assign(s=reference.s)
    word = "rotated within its block" if one_block else "different"
    assert list(compare(mixed, reference).verdict) == [word, word, "same"]
    epochs = xr.concat([reference, mixed], xr.Variable("epoch", [0, 1]), data_vars="all")
    for aligned in (align(mixed, reference), align_epochs(epochs).sel(epoch=1)):
        assert np.allclose(aligned.U, reference.U, atol=1e-12) == one_block


@pytest.mark.parametrize("seed", range(5))
def test_upright_modes_have_the_first_large_item_positive_whatever_signs_they_come_with(seed):
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], 8)
    for given in (REFERENCE, svd(matrices(8, 34, seed=seed))):
        modes = upright(given.assign(U=given.U * signs, V=given.V * signs))
        for loadings in modes.U.values.T:
            large = [loading for loading in loadings if abs(loading) > 0.5 * max(abs(loadings))]
            assert large[0] > 0
        xr.testing.assert_allclose(matrix_of(modes), matrix_of(given), atol=1e-12)


def test_half_of_the_largest_is_not_large_enough_to_give_a_mode_its_sign():
    given = svd(np.eye(2)).assign(U=(("item", "mode"), np.array([[-0.5, -0.51], [1.0, 1.0]])))
    np.testing.assert_array_equal(upright(given).U, [[-0.5, 0.51], [1.0, -1.0]])


def test_align_epochs_keeps_names_through_crossings_and_flips():
    rng = np.random.default_rng(0)
    U, V = ortho_group.rvs(4, random_state=1), ortho_group.rvs(6, random_state=2)[:, :4]
    t = np.linspace(0, 1, 101)[:, None]
    s = np.concatenate([4 - 3 * t, 1 + 3.1 * t, 0.5 + 2.03 * t, 0.1 + 0 * t], axis=1)  # three crossings
    modes = svd(np.stack([np.einsum("ik,ek,pk->eip", U, s, V)] * 2))
    signs = rng.choice([-1, 1], modes.s.shape)
    modes = modes.assign(U=modes.U * signs[:, :, None], V=modes.V * signs[:, :, None])
    modes = modes.where(~((modes.seed == 1) & (modes.epoch >= 60)))
    aligned = align_epochs(modes)
    np.testing.assert_allclose(aligned.s[0], s, atol=1e-10)
    for part in (aligned.U[0], aligned.V[0]):
        np.testing.assert_allclose(part - part[0], 0, atol=1e-10)
    np.testing.assert_array_equal(aligned.s[1, :60], aligned.s[0, :60])
    assert np.isnan(aligned.U[1, 60:]).all() and np.isfinite(aligned.U[1, :60]).all()
    by_epoch_first = align_epochs(modes.transpose("epoch", "seed", ...))
    assert by_epoch_first.U.dims == ("epoch", "seed", "item", "mode")
    xr.testing.assert_allclose(by_epoch_first.transpose("seed", ...), aligned)


def test_align_epochs_keeps_names_over_epochs_that_a_seed_does_not_have():
    a = np.linspace(0, 1, 9)[:, None, None]  # two modes cross
    modes = svd(np.stack([(1 - a) * np.diag([2.0, 1.0]) + a * np.diag([1.0, 2.2])] * 4))
    # the last two: at a start, an end
    gaps = xr.DataArray([[3, 5], [1, 5], [0, 2], [5, 8]], dims=("seed", "end"))
    kept = ~((modes.epoch >= gaps[:, 0]) & (modes.epoch <= gaps[:, 1]))
    xr.testing.assert_allclose(align_epochs(modes.where(kept))[["s"]], align_epochs(modes)[["s"]].where(kept))


def test_after_a_gap_modes_that_turn_are_named_after_the_last_epoch_before_it():
    # what is nearest after 80 degrees is another mode than at the start
    angles = np.radians(10 * np.arange(11))
    U = np.stack([turn(angle, 1, size=2) for angle in angles])
    modes = svd((U * [2.0, 1.0]) @ U.mT).expand_dims(seed=2)
    # 50 degrees are the last before the first gap
    kept = xr.DataArray([[6, 7], [9, 9]], dims=("seed", "end"))
    modes = modes.where(~((modes.epoch >= kept[:, 0]) & (modes.epoch <= kept[:, 1])))
    aligned = align_epochs(modes)
    there = np.isfinite(modes.s.values)
    np.testing.assert_allclose(aligned.s.values[there], np.tile([2.0, 1.0], (19, 1)).ravel(), atol=1e-12)


def test_align_epochs_does_not_leave_modes_mixed_that_part_again():
    t = np.linspace(0, 1, 11)
    s = np.stack([2 + 0 * t, 2 - np.where(t < 0.5, 0, t)], axis=1)  # equal, then apart
    U, V = ortho_group.rvs(2, random_state=1), ortho_group.rvs(3, random_state=2)[:, :2]
    response = np.einsum("ik,ek,pk->eip", U, s, V)
    modes = svd(response)
    mixing = np.where(t < 0.5, t, 0)
    T = np.array([turn(angle, 1, size=2) for angle in mixing])
    modes = modes.assign(U=modes.U.copy(data=modes.U.values @ T), V=modes.V.copy(data=modes.V.values @ T))
    aligned = align_epochs(modes)
    np.testing.assert_allclose(matrix_of(aligned), response, atol=1e-12)
    np.testing.assert_allclose(aligned.U[:5] - aligned.U[0], 0, atol=1e-12)


def test_align_epochs_rotates_the_block_of_the_epoch_wherever_its_modes_stood_before():
    U, V = ortho_group.rvs(3, random_state=1), ortho_group.rvs(4, random_state=2)[:, :3]
    # the third overtakes, then the others meet
    s = np.array([[3.0, 2, 1], [3, 2, 4], [2, 2, 4], [1.5, 2, 4]])
    response = np.einsum("ik,ek,pk->eip", U, s, V)
    modes = svd(response)
    T = np.array([turn(angle, 2, size=3) for angle in (0, 0, 0.9, 0)])
    modes = modes.assign(U=modes.U.copy(data=modes.U.values @ T), V=modes.V.copy(data=modes.V.values @ T))
    aligned = align_epochs(modes)
    np.testing.assert_allclose(aligned.s, s, atol=1e-12)
    np.testing.assert_allclose(aligned.U - aligned.U[0], 0, atol=1e-12)


@pytest.mark.parametrize("sides", [(50, 10), (10, 50)])
def test_both_sides_have_a_say_in_who_is_whose_partner_and_in_how_a_block_is_turned(sides):
    def apart(s, reference):
        """Modes whose sides are turned by two angles in the plane of modes 1 and 2."""
        U, V = (
            reference[side].values @ turn(np.radians(a), 1, size=3)
            for side, a in zip("UV", sides, strict=True)
        )
        return reference.assign(U=reference.U.copy(data=U), s=("mode", s), V=reference.V.copy(data=V))

    lone = svd(np.diag([3.0, 2, 1]))  # cos 50 cos 10 is more than sin 50 sin 10
    assert list(compare(apart([3.0, 2, 1], lone), lone).matched) == ["1", "2", "3"]
    np.testing.assert_allclose(align(apart([3.0, 2, 1], lone), lone).s, [3, 2, 1])
    # the best turn is by 30 degrees: it leaves 20 on the one side and -20 on the other
    pair = svd(np.diag([2.0, 2, 1]))
    aligned = align(apart([2.0, 2, 1], pair), pair)
    for side, angle in zip("UV", sides, strict=True):
        left = turn(np.radians(angle - 30), 1, size=3)
        np.testing.assert_allclose(aligned[side], pair[side].values @ left, atol=1e-8)
    np.testing.assert_allclose(compare(apart([2.0, 1.5, 1], pair), pair).singular_value, [2, 1.5, 1])


# ------------------------------------------------------------------------------------------------------- comparison


def test_naive_comparison_fails_where_the_subspace_is_the_same():
    table = compare(turned(REFERENCE, turn(np.pi / 2.2, 5)), DATA).set_index("mode")
    assert (table.loc[[5, 6], "cosine_U"].abs() < 0.2).all()
    np.testing.assert_allclose(table.block_cosine, 1, atol=1e-12)
    tree = svd(balanced_tree(3))
    other = turned(
        tree,
        scipy.linalg.block_diag(1, 1, ortho_group.rvs(2, random_state=1), ortho_group.rvs(4, random_state=2)),
    )
    table = compare(other, tree)
    assert table.cosine_U[2:].abs().min() < 0.5
    np.testing.assert_allclose(table.block_cosine, 1, atol=1e-12)


def test_every_verdict_on_modes_made_for_it():
    flip, swap = np.diag([1.0, -1, 1, 1, 1, 1, 1, 1]), np.eye(8)[[0, 1, 3, 2, 4, 5, 6, 7]]
    swap_pairs = np.eye(8)[[0, 1, 2, 3, 6, 7, 4, 5]]
    inside = np.eye(8)[[0, 1, 2, 3, 5, 4, 6, 7]]
    table = compare(turned(REFERENCE, flip @ swap @ turn(0.7, 5)), DATA)
    words = ["same", "sign-flipped", *["swapped"] * 2, *["rotated within its block"] * 2, "same", "same"]
    assert list(table.verdict) == words
    assert list(table.sign) == [1, -1, 1, 1, 0, 0, 1, 1]
    assert list(table.matched) == ["1", "2", "4", "3", "5-6", "5-6", "7-8", "7-8"]
    assert list(table.block) == ["1", "2", "3", "4", "5-6", "5-6", "7-8", "7-8"]
    pairs = compare(turned(REFERENCE, swap_pairs @ turn(0.7, 5)), DATA)
    assert list(pairs.verdict) == ["same"] * 4 + ["swapped"] * 4
    assert list(pairs.matched[4:]) == ["7-8"] * 2 + ["5-6"] * 2
    assert list(compare(turned(REFERENCE, inside), DATA).verdict[4:]) == ["swapped"] * 2 + ["same"] * 2
    assert list(compare(turned(REFERENCE, inside @ flip), DATA).sign) == [1, -1, 1, 1, 1, 1, 1, 1]
    np.testing.assert_allclose(pairs.singular_value, REFERENCE.s)
    np.testing.assert_allclose(pairs.reference_singular_value, REFERENCE.s)


def test_in_a_wide_block_each_vector_finds_its_own_or_the_block_is_rotated():
    tree = svd(balanced_tree(3))  # blocks 1, 2, 3-4, 5-8
    shuffled = scipy.linalg.block_diag(np.eye(4), np.eye(4)[[2, 0, 3, 1]] * [1, -1, 1, -1])
    table = compare(turned(tree, shuffled), tree)
    assert list(table.verdict) == ["same"] * 4 + ["swapped"] * 4
    assert list(table.sign[4:]) == [1, 1, -1, -1]
    names = ["1", "2", *["3-4"] * 2, *["5-8"] * 4]
    assert list(table.block) == list(table.matched) == names
    half = compare(turned(tree, turn(np.pi / 4, 5)), tree)
    assert list(half.verdict) == ["same"] * 4 + ["rotated within its block"] * 4
    np.testing.assert_allclose(half.cosine_U[4:], [np.sqrt(0.5), np.sqrt(0.5), 1, 1])


def test_a_truly_other_mode_is_different_and_only_that():
    V = ortho_group.rvs(34, random_state=0)
    # properties the data do not have
    other = np.linalg.qr(np.column_stack([REFERENCE.V.values, V[:, 0]]))[0][:, 8]
    V = REFERENCE.V.values.copy()
    V[:, 2] = other
    table = compare((REFERENCE.U.values * REFERENCE.s.values) @ V.T, DATA)
    assert list(table["mode"][table.verdict == "different"]) == [3]
    assert table.block_cosine[2] < 1e-10 and table.angle_deg[2] == pytest.approx(90)
    assert not (table.sign[[0, 1, 3]] == 0).any() and table.sign[2] == 0


def test_turning_one_side_alone_is_a_finding():
    reversed_ = compare(-DATA.array, DATA)
    assert set(reversed_.verdict) == {"different"} and list(reversed_.matched[:4]) == ["1", "2", "3", "4"]
    np.testing.assert_allclose(reversed_.block_cosine, 1, atol=1e-12)
    one_side = REFERENCE.assign(V=REFERENCE.V * np.where(REFERENCE["mode"] == 3, -1, 1))
    table = compare(one_side, DATA)
    assert list(table.verdict == "different") == [False, False, True] + [False] * 5 and table.sign[2] == 0
    apart = REFERENCE.assign(V=REFERENCE.V.copy(data=REFERENCE.V.values @ turn(np.pi / 2, 5)))
    table = compare(apart, DATA)
    # both planes are there, item for other properties
    np.testing.assert_allclose(table.block_cosine, 1, atol=1e-12)
    assert list(table.verdict) == ["same"] * 4 + ["different"] * 2 + ["same"] * 2
    # by 25 degrees: the sides still turn together, by cos 12.5 = 0.98, but V's vectors are others, by cos 25 = 0.91
    a_little = REFERENCE.assign(V=REFERENCE.V.copy(data=REFERENCE.V.values @ turn(np.radians(25), 5)))
    words = ["same"] * 4 + ["rotated within its block"] * 2 + ["same"] * 2
    table = compare(a_little, DATA)
    assert list(table.verdict) == words
    np.testing.assert_allclose(table.cosine_U, 1)
    np.testing.assert_allclose(table.cosine_V, [1, 1, 1, 1, *[np.cos(np.radians(25))] * 2, 1, 1])
    assert list(compare(a_little, DATA, same=0.9).verdict) == ["same"] * 8


def test_the_least_likeness_is_a_choice():
    tilted = svd(response_like_data(0.05))
    strict, mild = compare(tilted, DATA, same=0.9999), compare(tilted, DATA, same=0.9)
    assert set(strict.verdict) == {"different"} and "different" not in set(mild.verdict)
    assert set(compare(np.diag([3.0, 2, 1]), np.diag([3.0, 2, 1]), same=1).verdict) == {"same"}
    alone = compare(tilted, DATA, tolerance=1e-20)  # rounding separates the pairs: vectors against vectors
    assert "rotated within its block" not in set(alone.verdict) and "different" in set(alone.verdict[4:])


def test_null_modes_are_called_null_and_never_different():
    centred = DATA.array - DATA.array.mean("item")
    itself = compare(centred, centred).set_index("mode")
    assert itself.verdict[8] == "null" and itself.block[8] == "null" and itself.matched[8] == ""
    assert set(itself.verdict[:7]) == {"same"}
    assert itself.loc[8, ["cosine_U", "cosine_V", "block_cosine", "angle_deg", "null_cosine"]].isna().all()
    against = compare(centred, DATA)  # animals and plants have become one mode: one of them has no partner
    assert sorted(against.verdict[:2]) == ["different", "null"]
    assert set(against.verdict[2:]) == {"swapped"}
    deficient = (REFERENCE.U * REFERENCE.s.where(REFERENCE["mode"] < 8, 0)).values @ REFERENCE.V.values.T
    table = compare(deficient, DATA)
    assert "different" not in set(table.verdict) and list(table.verdict).count("null") == 1
    assert list(table.matched[6:]) == ["7", "7"] and table.block_cosine.max() <= 1
    columns = ["block_cosine", "angle_deg"]
    assert table.loc[table.verdict == "null", columns].isna().all(axis=None)
    assert table.loc[table.verdict != "null", columns].notna().all(axis=None)
    nothing = compare(np.zeros((8, 34)), DATA)
    assert set(nothing.verdict) == {"null"}


@pytest.mark.parametrize("shape", [(100, 3), (3, 100)])
def test_what_is_null_goes_by_the_longer_side_whichever_that_is(shape):
    modes = svd(matrices(*shape)).assign(
        s=("mode", np.array([1.0, *(np.finfo(float).eps * np.array([50, 40]))]))
    )
    assert list(compare(modes, modes).verdict) == ["same", "null", "null"]
    assert list(compare(modes, modes).block) == ["1", "null", "null"]


def test_there_is_a_null_of_matrices_of_any_size():
    wide = np.random.default_rng(0).standard_normal((2, 2_200_000))  # two random ones do not fit in one draw
    table = compare(wide, wide, null_draws=2)
    assert (table.verdict == "same").all() and (table.null_cosine < 0.01).all()


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.5])
def test_angles_are_scipys_subspace_angles(noise):
    response = svd(response_like_data(noise))
    table = compare(response, DATA)
    for (_, matched), rows in table.groupby(["block", "matched"]):
        ours = rows["mode"].to_numpy() - 1
        theirs = np.array([int(k) - 1 for k in matched.replace("-", ", ").split(", ")])
        angle = max(
            scipy.linalg.subspace_angles(REFERENCE[side].values[:, ours], response[side].values[:, theirs])[0]
            for side in "UV"
        )
        np.testing.assert_allclose(rows.angle_deg, np.degrees(angle), atol=1e-5)
        np.testing.assert_allclose(rows.block_cosine, np.cos(angle), atol=1e-12)


def test_partners_are_those_with_which_all_blocks_together_keep_the_most_of_all_permutations():
    reference = svd(np.diag([2.0, 1.0, 1.0])[:, [0, 1, 2, 2, 2]] * [1, 1, 1, 0, 0])
    response = svd(matrices(60, 3, 5))
    table = compare(response, reference, null_draws=0)
    found = table[table["mode"] == 1]["matched"].astype(int).to_numpy() - 1
    for at, lone in enumerate(found):
        G = [reference[side].values.T @ response[side].values[at] for side in "UV"]
        alone = np.abs(G[0][0] * G[1][0])
        # how far each lies in the pair's planes
        inside = np.prod([np.linalg.norm(g[1:], axis=0) for g in G], axis=0)
        best = max(permutations(range(3)), key=lambda p: alone[p[0]] + inside[p[1]] + inside[p[2]])
        assert lone == best[0]


def test_null_cosine_is_that_of_a_brute_force_monte_carlo():
    reference = svd(np.diag([2.0, 1.0, 1.0])[:, [0, 1, 2, 2, 2]] * [1, 1, 1, 0, 0])
    n = 8000
    Us, Vs = ortho_group.rvs(3, n, random_state=1), ortho_group.rvs(5, n, random_state=2)[:, :, :3]
    lone, pair = np.empty(n), np.empty(n)
    for at, sides in enumerate(zip(Us, Vs, strict=True)):
        G = [reference[name].values.T @ X for name, X in zip("UV", sides, strict=True)]
        # how far each lies in the pair's planes
        inside = np.prod([np.linalg.norm(g[1:], axis=0) for g in G], axis=0)
        alone = np.abs(G[0][0] * G[1][0])
        best = max(permutations(range(3)), key=lambda p: alone[p[0]] + inside[p[1]] + inside[p[2]])
        lone[at] = min(abs(g[0, best[0]]) for g in G)
        planes = [g[1:, list(best[1:])] for g in G]
        pair[at] = min(np.sqrt(np.linalg.eigvalsh(g.T @ g)[0]) for g in planes)
    table = compare(reference, reference, null_draws=20_000)
    expected = [np.quantile(cosines, 0.95) for cosines in (lone, pair)]
    np.testing.assert_allclose(table.null_cosine[:2], expected, atol=0.012)
    assert table.null_cosine[1] == table.null_cosine[2]
    assert compare(reference, reference, null_draws=0).null_cosine.isna().all()
    pd.testing.assert_frame_equal(compare(reference, reference), compare(reference, reference))


def test_null_cosine_of_one_mode_beside_one_is_its_closed_form():
    """One entry of a random direction is over c with 1 - c among 3 items; among 4 properties see below."""

    def either_is_over(c):
        return (1 - c) * 2 / np.pi * (np.arccos(c) - c * np.sqrt(1 - c**2))

    expected = scipy.optimize.brentq(lambda c: either_is_over(c) - 0.05, 0, 1)
    one, other = matrices(2, 3, 1) * matrices(2, 1, 4, seed=1)
    table = compare(one, other, null_draws=40_000)
    assert table.null_cosine[0] == pytest.approx(expected, abs=0.005)
    assert table.null_cosine[1:].isna().all()


def test_block_cosines_are_those_of_the_whole_comparison():
    low = matrices(20, 8, 3) @ matrices(20, 3, 34, seed=1)  # of fewer modes than the data
    modes = svd(np.concatenate([response_like_data(0.2, seeds=(20,)), low]))
    for reference in (REFERENCE, svd(DATA.array - DATA.array.mean("item"))):
        whole = compare(modes, reference, null_draws=0)["block_cosine"].to_numpy().reshape(40, 8)
        alone, some = block_cosines(modes, reference), np.isfinite(whole)
        np.testing.assert_array_equal(alone[some], whole[some])
        singles = [J[0] - 1 for J in blocks(reference) if len(J) == 1]
        np.testing.assert_array_equal(alone[:, singles], whole[:, singles])  # also where there is none


def test_random_responses_are_different_and_within_the_null():
    tables = compare(matrices(100, 8, 34), DATA)
    assert set(tables.verdict) == {"different"}
    one_mode_each = tables.drop_duplicates(["epoch", "block"])
    assert (one_mode_each.block_cosine > one_mode_each.null_cosine).mean() == pytest.approx(0.05, abs=0.03)


def test_a_stack_gives_a_table_with_its_axes_and_skips_ended_seeds():
    stack = xr.DataArray(
        response_like_data(0.05, seeds=(3,)), {"seed": [4, 5, 9]}, ("seed", "item", "property")
    )
    stack[1] = np.nan
    table = compare(svd(stack), DATA)
    assert table.columns[:2].tolist() == ["seed", "mode"] and table.seed.unique().tolist() == [4, 9]
    alone = compare(svd(stack[2]), DATA)
    pd.testing.assert_frame_equal(table[table.seed == 9].drop(columns="seed").reset_index(drop=True), alone)


# ------------------------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: align(DATA, np.ones((2, 8, 34))),
            "the reference must be one matrix or its modes; got leading axes ('epoch',)",
        ),
        (lambda: align(REFERENCE.isel(mode=slice(3)), DATA), "3 modes against 8 of the reference"),
        (
            lambda: align(xr.Dataset({"U": 1}), DATA),
            "modes are a Dataset of U, s and V, as svd gives; got ['U']",
        ),
        (
            lambda: compare(DATA, REFERENCE.isel(mode=[0, 3, 2, 1, 4, 5, 6, 7])),
            "modes come with the largest first, as svd gives them; mode 2 has 2.23607, mode 3 has 2.64575",
        ),
        (
            lambda: align_epochs(svd(np.stack([np.diag([2.0, 1.0])] * 3)).isel(mode=[1, 0])),
            "modes come with the largest first, as svd gives them; mode 1 has 1, mode 2 has 2",
        ),
        (lambda: align_epochs(REFERENCE), "align_epochs needs an axis named epoch; got ('mode',)"),
    ],
)
def test_errors_say_what_is_wrong_in_one_line(call, message):
    assert refused(call) == message


@pytest.mark.parametrize("tolerance", [-1, -0.1, 1, 95, np.nan, np.inf, "0.1", None])
@pytest.mark.parametrize(
    "asked",
    [
        lambda tolerance: compare(DATA, DATA, tolerance=tolerance),
        lambda tolerance: align(DATA, DATA, tolerance=tolerance),
        lambda tolerance: align_epochs(svd(np.stack([DATA.values] * 2)), tolerance=tolerance),
    ],
)
def test_a_tolerance_is_a_part_of_a_singular_value(asked, tolerance):
    assert refused(asked, tolerance) == f"tolerance is a number from 0 up to below 1, not {tolerance!r}"


@pytest.mark.parametrize("same", [95, 1.01, 0, -0.5, np.nan, "0.95", True])
def test_same_is_a_cosine_that_can_be_reached_and_missed(same):
    assert refused(compare, DATA, DATA, same=same) == f"same is a cosine over 0 and up to 1, not {same!r}"


@pytest.mark.parametrize("draws", [1.5, -5, "9", True])
def test_null_draws_are_counted(draws):
    line = f"null_draws is a whole number from 0, not {draws!r}"
    assert refused(compare, DATA, DATA, null_draws=draws) == line
