"""Modes and strengths against scipy, one matrix at a time; blocks and dimensionalities against closed forms."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import Event

import dask.array
import numpy as np
import pandas as pd
import pytest
import scipy.linalg
import xarray as xr
from refusals import refused
from scipy.stats import ortho_group

from semantic_svd import matrices as matrices_module
from semantic_svd.items import balanced_tree, load_items
from semantic_svd.matrices import in_chunks
from semantic_svd.modes import (
    block_names,
    blocks,
    effective_rank,
    explained_variance,
    half_grown,
    half_learned,
    leakage,
    participation_ratio,
    singular_strengths,
    strengths,
    svd,
)

DATA = load_items("mcclelland2020")
REFERENCE = svd(DATA)


def matrices(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def matrix_of(modes):
    return xr.dot(modes.U * modes.s, modes.V, dim="mode")


def response_like_data(noise, seed=0, seeds=()):
    return DATA.array.values + noise * matrices(*seeds, 8, 34, seed=seed)


# -------------------------------------------------------------------------------------------------------------- svd


@pytest.mark.parametrize("shape", [(3000, 8, 34), (3000, 34, 8), (40, 50, 50), (2, 3, 1, 4), (2, 3, 4, 1)])
def test_svd_of_a_stack_is_scipys_of_each_matrix(shape):
    stack = matrices(*shape)
    modes = svd(xr.DataArray(stack, dims=("seed", "epoch", "item", "property")[-len(shape) :]))
    flat, s = stack.reshape(-1, *shape[-2:]), modes.s.values.reshape(-1, min(shape[-2:]))
    for at in range(0, len(flat), max(1, len(flat) // 100)):
        np.testing.assert_allclose(s[at], scipy.linalg.svdvals(flat[at]), atol=1e-12)
    np.testing.assert_allclose(matrix_of(modes).values, stack, atol=1e-12)
    for side in (modes.U.values, modes.V.values):
        np.testing.assert_allclose(side.mT @ side - np.eye(s.shape[-1]), 0, atol=1e-12)
    np.testing.assert_allclose(singular_strengths(stack).values, modes.s.values, atol=1e-12)


def test_tiny_singular_values_are_as_exact_as_scipys():
    s = 10.0 ** -np.arange(0, 16, 2)
    U, V = ortho_group.rvs(8, random_state=1), ortho_group.rvs(34, random_state=2)[:, :8]
    np.testing.assert_allclose(svd((U * s) @ V.T).s.values, s, atol=4e-16)


def test_svd_takes_arrays_tables_and_items_and_keeps_their_labels():
    table = pd.DataFrame(DATA.array.values, DATA.array["item"].values, DATA.array["property"].values)
    for matrix in (DATA, DATA.array, table):
        modes = svd(matrix)
        assert modes.U.dims == ("item", "mode") and modes.V.dims == ("property", "mode")
        assert list(modes["item"].values[:2]) == ["sparrow", "hawk"] and list(modes["mode"].values) == list(
            range(1, 9)
        )
        xr.testing.assert_allclose(matrix_of(modes), DATA.array, atol=1e-12)
    hidden = svd(xr.DataArray(matrices(5, 8, 3), dims=("epoch", "item", "unit")))
    assert hidden.U.dims == ("epoch", "item", "mode") and hidden.V.dims == ("epoch", "unit", "mode")
    assert svd(matrices(2, 4, 3)).s.dims == ("epoch", "mode")
    assert svd(matrices(2, 5, 4, 3)).s.dims == ("seed", "epoch", "mode")


def test_stacks_in_two_threads_at_once_leave_blas_its_threads(monkeypatch):
    """The second begins while the first is at work, and ends after it."""
    blas = [4]  # threads

    class Limits(AbstractContextManager):
        def __init__(self, threads, api):
            self.before, blas[0] = blas[0], threads

        def restore_original_limits(self):
            blas[0] = self.before

        def __exit__(self, *error):
            self.restore_original_limits()

    def stack(began, wait_for, ended):
        def work(chunk):
            began.set()
            assert wait_for.wait(60) and blas == [1]
            return (chunk[:, 0, 0],)

        in_chunks(work, np.ones((3, 400, 400)), (np.empty(3),), pooled=True)
        ended.set()

    monkeypatch.setattr(matrices_module, "threadpool_limits", Limits)
    first_began, second_began, first_ended = Event(), Event(), Event()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(stack, first_began, second_began, first_ended)
        assert first_began.wait(60)
        second = pool.submit(stack, second_began, first_ended, Event())
    assert first.result() is second.result() is None
    assert blas == [4]


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean", object])
def test_the_modes_of_a_table_are_those_of_its_numbers_whatever_pandas_calls_them(dtype):
    table = pd.DataFrame(DATA.array.values, list(DATA.items), list(DATA.properties))
    xr.testing.assert_identical(svd(table.astype(dtype)), svd(table))


def test_what_is_missing_in_a_table_is_told_with_its_place():
    table = pd.DataFrame(np.eye(2)).astype("Int64")
    table.iloc[0, 1] = pd.NA
    assert refused(svd, table) == "the matrix is not finite: nan at row 0, column 1"


def test_single_precision_stays_and_whole_numbers_become_floats():
    assert svd(matrices(300, 40, 30).astype(np.float32)).U.dtype == np.float32
    assert strengths(matrices(5, 8, 34).astype(np.float32), DATA).dtype == np.float32
    assert svd(np.eye(3, dtype=int)).s.dtype == float


def test_svd_of_a_view_is_svd_of_its_copy():
    stack = matrices(34, 2000, 8, 2)
    view = stack.transpose(3, 1, 2, 0)[:, ::3]
    np.testing.assert_array_equal(svd(view).s.values, svd(view.copy()).s.values)
    np.testing.assert_allclose(strengths(view, DATA), strengths(view.copy(), DATA), atol=1e-12)


def test_what_is_not_finite_in_a_stack_has_nan_modes_and_harms_no_other():
    stack = matrices(3000, 8, 34)
    stack[7, 2, 3], stack[2999] = np.inf, np.nan
    before, modes = stack.copy(), svd(stack)
    np.testing.assert_array_equal(stack, before)
    lost = np.isin(np.arange(3000), (7, 2999))
    for part in modes.data_vars.values():
        np.testing.assert_array_equal(np.isnan(part.values).all(axis=tuple(range(1, part.ndim))), lost)
        np.testing.assert_array_equal(np.isnan(part.values).any(axis=tuple(range(1, part.ndim))), lost)
    np.testing.assert_allclose(
        modes.s.values[~lost], np.linalg.svd(stack[~lost], compute_uv=False), atol=1e-12
    )
    for number in (
        explained_variance(modes).sum("mode", skipna=False),
        effective_rank(modes),
        participation_ratio(modes),
    ):
        np.testing.assert_array_equal(np.isnan(number.values), lost)


def test_a_stack_of_no_matrices_has_no_modes():
    modes = svd(np.zeros((0, 3, 5)))
    assert modes.U.shape == (0, 3, 3) and modes.s.shape == (0, 3) and modes.V.shape == (0, 5, 3)
    assert singular_strengths(np.zeros((2, 0, 3, 5))).shape == (2, 0, 3)


def test_dask_arrays_stay_lazy_and_give_the_same():
    stack = response_like_data(0.3, seeds=(3, 40)) * np.linspace(0.2, 1, 40)[:, None, None]
    stack[1, 30:], stack[2, :5] = np.nan, 0
    dims = ("seed", "epoch", "item", "property")
    lazy = xr.DataArray(dask.array.from_array(stack, chunks=(1, 16, 4, 34)), dims=dims)
    now = xr.DataArray(stack, dims=dims)
    for function in (
        lambda Y: svd(Y).s,
        lambda Y: matrix_of(svd(Y)),
        lambda Y: strengths(Y, DATA),
        singular_strengths,
        lambda Y: leakage(Y, DATA),
        lambda Y: half_learned(strengths(Y, DATA), DATA),
        explained_variance,
        effective_rank,
        participation_ratio,
    ):
        later = function(lazy)
        assert later.chunks is not None
        xr.testing.assert_allclose(later.compute(), function(now), rtol=1e-10)
    assert svd(lazy[0, 0]).s.chunks is None  # one matrix is no stack


# ----------------------------------------------------------------------------------------------------------- blocks


def test_the_modes_of_the_published_items():
    np.testing.assert_allclose(REFERENCE.s**2, [23, 21, 7, 5, 3, 3, 1, 1], atol=1e-12)
    assert blocks(REFERENCE) == ((1,), (2,), (3,), (4,), (5, 6), (7, 8))


@pytest.mark.parametrize("levels", [2, 3, 4])
def test_a_balanced_tree_has_one_block_for_each_level(levels):
    modes = svd(balanced_tree(levels))
    sizes = [1] + [2 ** (level - 1) for level in range(1, levels + 1)]
    eigenvalues = [2 ** (levels + 1) - 1] + [2 ** (levels - level + 1) - 1 for level in range(1, levels + 1)]
    np.testing.assert_allclose(modes.s**2, np.repeat(eigenvalues, sizes), atol=1e-10)
    assert [len(block) for block in blocks(modes)] == sizes


def test_blocks_chain_so_that_every_border_is_a_gap():
    decay = 0.9995 ** np.arange(50)
    assert blocks(decay) == (tuple(range(1, 51)),)
    assert blocks(decay, tolerance=1e-4) == tuple((k,) for k in range(1, 51))
    assert blocks([2.0, 2.0 - 1.99e-3, 1.0]) == ((1, 2), (3,))
    assert blocks([2.0, 2.0 - 2.01e-3, 1.0]) == ((1,), (2,), (3,))
    assert blocks([2.0, 2.0, 2.0 - 1e-15], tolerance=0) == ((1, 2), (3,))


def test_every_mode_goes_by_the_name_of_its_block():
    names = block_names(REFERENCE)
    assert list(names.values()) == ["1", "2", "3", "4", "5-6", "5-6", "7-8", "7-8"] and list(names) == list(
        range(1, 9)
    )


def test_null_modes_are_the_last_block():
    assert blocks([2.0, 1.0, 3e-16, 1e-16, 0.0]) == ((1,), (2,), (3, 4, 5))
    rounding = 3 * np.finfo(float).eps
    assert blocks([1.0, 1.0002 * rounding, 0.9998 * rounding]) == ((1,), (2,), (3,))
    assert blocks([1.0, 3e-7, 1e-7, 2e-8]) == ((1,), (2,), (3,), (4,))
    assert blocks(np.array([1.0, 3e-7, 1e-7, 2e-8], np.float32)) == ((1,), (2, 3, 4))  # null, in this type
    centred = DATA.array - DATA.array.mean("item")
    np.testing.assert_allclose(svd(centred).s ** 2, [22, 7, 5, 3, 3, 1, 1, 0], atol=1e-12)
    assert blocks(svd(centred)) == ((1,), (2,), (3,), (4, 5), (6, 7), (8,))


@pytest.mark.parametrize(("n_items", "n_properties"), [(100, 3), (3, 100), (100, 100)])
def test_rounding_grows_with_the_longer_side_whichever_that_is(n_items, n_properties):
    s = np.array([1.0, *(np.finfo(float).eps * np.array([99, 98]))])
    modes = svd(np.zeros((n_items, n_properties))).isel(mode=slice(3)).assign(s=("mode", s))
    assert blocks(modes) == ((1,), (2, 3))
    above = modes.assign(s=("mode", s * [1, 102 / 99, 1]))
    assert blocks(above) == ((1,), (2,), (3,))


# ------------------------------------------------------------------------------------------------ numbers of a spectrum


def test_the_three_dimensionalities_of_a_flat_spectrum_agree_and_of_one_mode_are_one():
    flat, one = np.eye(5), np.outer([1.0, 2, 2], [3.0, 4])
    for number in (effective_rank, participation_ratio):
        np.testing.assert_allclose([number(flat), number(one)], [5, 1], rtol=1e-12)
    np.testing.assert_allclose(explained_variance(flat), np.full(5, 0.2))


@pytest.mark.parametrize("unit", [1e-170, 1e160])
def test_dimensionalities_know_no_unit(unit):
    matrix = np.random.default_rng(0).normal(size=(5, 4))
    for number in (effective_rank, participation_ratio, explained_variance):
        np.testing.assert_allclose(number(unit * matrix), number(matrix), rtol=1e-12)


def test_dimensionalities_by_hand():
    matrix = np.diag([3.0, 1.0])
    shares = np.array([0.75, 0.25])
    np.testing.assert_allclose(effective_rank(matrix), np.exp(-(shares * np.log(shares)).sum()))
    np.testing.assert_allclose(participation_ratio(matrix), 10**2 / (81 + 1))
    assert np.isnan(explained_variance(np.zeros((2, 2, 2)))).all() and np.isnan(
        effective_rank(np.zeros((2, 3)))
    )


# -------------------------------------------------------------------------------------------------------- strengths


def test_every_number_goes_by_its_name():
    course = strengths(np.stack([0 * DATA.array, DATA.array]), DATA)
    found = {
        "explained_variance": explained_variance(DATA),
        "effective_rank": effective_rank(DATA),
        "participation_ratio": participation_ratio(DATA),
        "strength": singular_strengths(DATA),
        "leakage": leakage(DATA, DATA),
        "half_learned": half_learned(course, DATA),
        "half_grown": half_grown(course.assign_coords(epoch=[0, 1])),
    }
    assert {name: number.name for name, number in found.items()} == {name: name for name in found}
    assert course.name == "strength"


def test_strengths_of_the_data_are_its_singular_values_and_nothing_leaks():
    np.testing.assert_allclose(strengths(DATA, DATA), REFERENCE.s, atol=1e-12)
    np.testing.assert_allclose(singular_strengths(DATA), REFERENCE.s, atol=1e-12)
    assert float(leakage(DATA, DATA)) < 1e-14


def test_strengths_are_projections_whatever_the_layout():
    Y, (U, V) = matrices(4, 5, 8, 34), (REFERENCE.U.values, REFERENCE.V.values)
    expected = np.array([[[U[:, k] @ one @ V[:, k] for k in range(8)] for one in seed] for seed in Y])
    for layout in (Y, np.asfortranarray(Y), Y.swapaxes(0, 1).copy().swapaxes(0, 1)):
        np.testing.assert_allclose(strengths(layout, REFERENCE), expected, atol=1e-12)
    labelled = strengths(xr.DataArray(Y, dims=("seed", "epoch", "item", "property")), DATA)
    assert labelled.dims == ("seed", "epoch", "mode") and list(labelled["mode"].values) == list(range(1, 9))


@pytest.mark.parametrize("shape", [(200, 1000), (1000, 200)])
def test_strengths_of_many_items_and_properties_take_less_memory_than_the_response(shape):
    Y = np.random.default_rng(0).normal(size=(2, *shape))
    reference = svd(Y[0])
    tracemalloc.start()
    found = strengths(Y, reference)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < Y.nbytes  # mode by mode over items and properties it would be a hundred times as much
    np.testing.assert_allclose(found[0], reference.s, atol=1e-10)


def test_strengths_have_the_labels_of_the_response_and_none_of_the_reference():
    axes, epochs = ("seed", "epoch", "item", "property"), [0, 10, 20]
    responses = xr.DataArray(matrices(2, 3, 8, 34), {"seed": [0, 1], "epoch": epochs}, axes)
    one = responses.sel(seed=0, epoch=20)
    course = strengths(responses, one)
    assert set(course.coords) == {"seed", "epoch", "mode"} == set(course.dims)
    xr.testing.assert_identical(course.sel(seed=1), strengths(responses.sel(seed=1), one.drop_vars("seed")))
    assert strengths(responses.sel(seed=1), one)["seed"].item() == 1
    assert half_grown(course).dims == half_learned(course, one).dims == ("seed", "mode")


def test_projected_and_sorted_strengths_are_two_things():
    swapped = (REFERENCE.U.values * REFERENCE.s.values[::-1]) @ REFERENCE.V.values.T
    np.testing.assert_allclose(strengths(swapped, DATA), REFERENCE.s.values[::-1], atol=1e-12)
    np.testing.assert_allclose(singular_strengths(swapped), REFERENCE.s, atol=1e-12)


def test_leakage_is_none_for_shared_modes_and_all_for_modes_turned_into_each_other():
    U, V = REFERENCE.U.values, REFERENCE.V.values
    assert float(leakage((U * matrices(8)) @ V.T, DATA)) < 1e-14
    np.testing.assert_allclose(leakage(U @ np.roll(np.eye(8), 4, axis=0) @ V.T, DATA), 1)
    mixed = U @ np.array(np.diag([3.0] * 8) + np.diag([4.0] * 7 + [0.0])[:, np.r_[7, :7]]) @ V.T
    # 5 with 6 and 7 with 8 are of one block
    np.testing.assert_allclose(leakage(mixed, DATA), np.sqrt(5 * 16 / (8 * 9 + 7 * 16)))
    assert np.isnan(leakage(np.zeros((8, 34)), DATA))


def test_no_vector_of_a_null_mode_decides_what_leaks():
    reference, response = [[1.0, 0, 0], [0, 0, 0]], np.array([[1.0, 1, 0], [0, 0, 0]])
    assert float(leakage(response, reference)) == float(leakage(response[:, [0, 2, 1]], reference)) == 0
    assert np.isnan(leakage(response, np.zeros((2, 3))))


def test_half_learned_is_the_closed_forms_half_rise():
    s, a0 = REFERENCE.s.values, 1e-3
    epochs = np.arange(0, 4001, 5)
    grown = np.exp(2 * s * epochs[:, None] / 1000)
    sigmoid = s * grown / (grown - 1 + s / a0)  # Saxe, McClelland & Ganguli 2019, tau = 1000
    rise = 1000 / (2 * s) * np.log(s / a0 - 1)
    response = np.einsum("ik,ek,pk->eip", REFERENCE.U.values, sigmoid, REFERENCE.V.values)
    response = xr.DataArray(response, {"epoch": epochs}, ("epoch", "item", "property"))
    np.testing.assert_array_equal(half_learned(strengths(response, DATA), DATA), 5 * np.ceil(rise / 5))


def test_half_learned_means_for_good():
    nan = np.nan
    courses = [
        ([0, 1, 2, 2, 2], 10),  # from the first epoch at half
        ([0, 2, 0, 1, 2], 30),  # fell back
        ([0, 2, 2, 0, 0], nan),  # lost it
        ([0, 2, 2, nan, nan], 10),  # the seed ended
        ([0, 0, 0, nan, nan], nan),  # ended before
        ([nan] * 5, nan),
        ([0, nan, 2, 2, nan], 20),  # from the first epoch that the seed has, as of a stack of runs
        ([0, 2, nan, 0, nan], nan),
        ([nan, 2, nan, 2, nan], 0),  # before its first snapshot nothing is known
        ([2, 2, 2, 2, 2], 0),
        ([0, 0, 0, 0, 1], 40),
    ]
    rise = xr.DataArray(
        np.array([course for course, _ in courses], dtype=float)[:, :, None],
        {"epoch": [0, 10, 20, 30, 40]},
        ("seed", "epoch", "mode"),
    )
    np.testing.assert_array_equal(half_learned(rise, [[2.0]])[:, 0], [epoch for _, epoch in courses])
    assert float(half_learned(rise[:1], [[2.0]], fraction=0.9)[0, 0]) == 20


def test_half_grown_is_half_of_the_way_whatever_its_direction():
    epochs = np.array([0.0, 1.0, 3.0, 10.0, 40.0])
    logistic = 1 / (1 + np.exp(-(epochs - 7)))
    hill = np.array([0, 9, 9, 9, 0.08])
    none = [np.full(5, 2.0), np.zeros(5), 100 + epochs / 50, hill]
    courses = np.stack([epochs, 5 - epochs / 40, logistic, *none], axis=1)
    at = half_grown(xr.DataArray(courses[None], {"epoch": epochs}, ("seed", "epoch", "mode")))
    assert at.dims == ("seed", "mode")
    np.testing.assert_allclose(at[0, :2], 20, rtol=1e-12)
    half = (logistic[0] + logistic[-1]) / 2
    line = 3 + 7 * (half - logistic[2]) / (logistic[3] - logistic[2])
    np.testing.assert_allclose(at[0, 2], line, rtol=1e-12)
    assert np.isnan(at[0, 3:]).all()  # the last two grow by less than a hundredth of their largest
    to_and_fro = xr.DataArray([0.0, 0.8, 0.2, 0.9, 1.0], {"epoch": epochs}, ("epoch",)).expand_dims(mode=1)
    last_rise = 3 + 7 * (0.5 - 0.2) / (0.9 - 0.2)
    np.testing.assert_allclose(half_grown(to_and_fro.transpose("epoch", "mode")), last_rise)


def test_half_grown_of_a_course_on_disk_is_that_in_memory():
    course = xr.DataArray(matrices(3, 20, 4), {"epoch": np.arange(20)}, ("seed", "epoch", "mode")).cumsum(
        "epoch"
    )
    xr.testing.assert_identical(half_grown(course.chunk(seed=1, epoch=6)), half_grown(course))


def test_half_grown_finds_the_closed_forms_half_rise_between_snapshots():
    a0, s, rate = 0.01, 2.0, 0.1  # Saxe, McClelland & Ganguli 2014: the sigmoid of a linear network's mode
    epochs = np.arange(0, 400, 5)
    course = s / (1 + (s / a0 - 1) * np.exp(-2 * s * rate * epochs / 10))
    half = (a0 + course[-1]) / 2
    exact = 10 / (2 * s * rate) * np.log((s / a0 - 1) / (s / half - 1))
    found = half_grown(xr.DataArray(course[:, None], {"epoch": epochs}, ("epoch", "mode")))
    np.testing.assert_allclose(found, exact, atol=0.3)


def test_a_null_mode_is_never_half_learned():
    centred = DATA.array - DATA.array.mean("item")
    learned = half_learned(strengths(np.stack([centred.values] * 2), centred), centred)
    np.testing.assert_array_equal(np.isnan(learned), [False] * 7 + [True])
    thirds = np.outer([1, 1 / 3, 1 / 7], [1 / 9, 1 / 11, 1 / 13])
    last_first = svd(thirds).isel(mode=slice(None, None, -1))
    learned = half_learned(strengths(thirds[None], last_first), last_first)
    np.testing.assert_array_equal(np.isnan(learned), [True, True, False])


# ------------------------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: svd([[1, np.nan]]), "the matrix is not finite: nan at row 0, column 1"),
        (lambda: svd([1.0, 2.0]), "a matrix has axes (seed, epoch,) item, property; got 1 axes"),
        (lambda: svd("my.csv"), "a matrix has axes (seed, epoch,) item, property; got a str"),
        (
            lambda: svd(np.zeros((0, 3))),
            "a matrix needs two axes with something on them; got {'item': 0, 'property': 3}",
        ),
        (lambda: svd([[1.0, 2.0], [3.0]]), "a matrix has rows of one length, of numbers"),
        (
            lambda: svd(
                pd.DataFrame(np.eye(2), columns=pd.MultiIndex.from_product([["can"], ["fly", "swim"]]))
            ),
            "a table has one name a row and one a column; got several levels of names",
        ),
        (
            lambda: svd(np.eye(2, dtype=np.float16)),
            "modes are of numbers of single or double precision; got float16",
        ),
        (
            lambda: singular_strengths(np.eye(2, dtype=np.float16)),
            "modes are of numbers of single or double precision; got float16",
        ),
        (lambda: svd([["a"]]), "a matrix is made of real numbers; got <U1"),
        (
            lambda: blocks(np.ones((2, 3))),
            "blocks need the singular values of one matrix; got an array of shape (2, 3)",
        ),
        (
            lambda: blocks([1, 5, 3]),
            "modes come with the largest first, as svd gives them; mode 1 has 1, mode 2 has 5",
        ),
        (
            lambda: blocks([3.0, 2.0, 1.0], tolerance=-0.1),
            "tolerance is a number from 0 up to below 1, not -0.1",
        ),
        (lambda: strengths(np.ones((8, 30)), DATA), "a matrix 8 x 30 does not fit a reference 8 x 34"),
        (
            lambda: strengths(DATA.array[::-1], DATA),
            "item 0 is 'daisy', in the reference 'sparrow': labels must be the same",
        ),
        (
            lambda: strengths(DATA, np.ones((2, 8, 34))),
            "the reference must be one matrix or its modes; got leading axes ('epoch',)",
        ),
        (
            lambda: explained_variance(xr.Dataset({"U": 1})),
            "modes are a Dataset of U, s and V, as svd gives; got ['U']",
        ),
        (
            lambda: half_learned(REFERENCE.s, DATA),
            "strengths over a training are (..., epoch, mode); got dims ('mode',)",
        ),
        (
            lambda: half_learned(xr.DataArray(np.ones((3, 2)), dims=("epoch", "mode")), DATA),
            "2 strengths for the 8 modes of the reference",
        ),
    ],
)
def test_errors_say_what_is_wrong_in_one_line(call, message):
    assert refused(call) == message


# ------------------------------------------------------------------------------------ modes of equal singular value


@pytest.mark.parametrize("name", ["mcclelland2020", "rogers_mcclelland2004", "saxe2019_toy"])
def test_modes_of_equal_singular_value_do_not_turn_by_rounding(name):
    X = load_items(name).array.astype(float)
    modes = svd(X)
    np.testing.assert_allclose(matrix_of(modes), X, atol=1e-14)
    noise = 2e-16 * np.random.default_rng(0).normal(size=(20, *X.shape))
    for other in (svd(X.values + part) for part in noise):
        for side in ("U", "V"):
            cosines = abs((modes[side].values * other[side].values).sum(axis=0))
            np.testing.assert_allclose(cosines, 1, atol=1e-8)


def test_of_equal_modes_the_first_stands_out_in_one_item_and_none_of_other_modes_is_touched():
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    U = np.eye(5)[:, :4].copy()
    U[:, 1:] = U[:, 1:] @ turn  # modes 2 to 4 are equal, and any basis is as good
    X = U * np.array([3.0, 2.0, 2.0, 2.0]) @ np.linalg.qr(np.random.default_rng(2).normal(size=(6, 4)))[0].T
    stack = svd(np.stack([X, 2 * X, np.diag([5.0, 4.0, 3.0, 2.0, 1.0, 0.0])[:5]]))
    np.testing.assert_allclose(abs(stack.U.values[:2, :, 0]), [[1, 0, 0, 0, 0]] * 2, atol=1e-12)
    np.testing.assert_allclose(stack.U.values[:2, 1:4, 1:4], [np.eye(3)] * 2, atol=1e-12)
    np.testing.assert_allclose(abs(stack.U.values[2]), np.eye(5), atol=1e-12)


def test_nearly_equal_modes_are_left_as_they_are():
    X = np.diag([2.0, 2.0 - 1e-9, 1.0]) @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    np.testing.assert_allclose(abs(svd(X).U.values), np.eye(3), atol=1e-6)


def test_turning_inside_a_block_is_no_leakage_and_whoever_turns_the_reference_measures_the_same():
    modes = svd(np.diag([2.0, 2.0, 1.0]))
    Y = np.diag([1.0, 0.2, 0.5]) + 0.3 * np.eye(3)[[1, 2, 0]]
    turn = np.eye(3)
    turn[:2, :2] = [[np.cos(0.6), -np.sin(0.6)], [np.sin(0.6), np.cos(0.6)]]
    turned = modes.assign({side: modes[side].copy(data=modes[side].values @ turn) for side in "UV"})
    # entries that join the block {1, 2} with mode 3: two of 0.3
    expected = np.sqrt(2 * 0.3**2) / np.linalg.norm(Y)
    assert leakage(Y, modes).item() == pytest.approx(expected, abs=1e-12)
    assert leakage(Y, turned).item() == pytest.approx(expected, abs=1e-12)
