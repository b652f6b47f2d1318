"""Modes of matrices read block by block, against numpy's SVD of the same matrix in one piece."""

import subprocess
import sys
import time
import tracemalloc

import dask.array
import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr
from refusals import refused

from semantic_svd import modes
from semantic_svd.alignment import align, compare
from semantic_svd.items import load_items
from semantic_svd.streaming import strengths, svd

SMALL = 20_000  # bytes: blocks of some 30 rows of ten columns
ROWS, COLUMNS = 1003, 10  # the last block is not whole


class Rows:
    """What an h5py dataset offers, and a count of the rows that were read."""

    def __init__(self, values, chunks=None):
        self.values, self.shape, self.dtype, self.chunks = values, values.shape, values.dtype, chunks
        self.asked = []

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        self.asked.append(rows)
        return self.values[rows]

    def times_read(self):
        return sum(len(self.values[rows]) for rows in self.asked if rows.stop != 1) / len(self.values)


def matrix(n=ROWS, m=COLUMNS, seed=0, spectrum=None):
    """Return a matrix with a known spectrum: 1, 1/2, 1/3, ... unless told otherwise."""
    rng = np.random.default_rng(seed)
    U, V = (np.linalg.qr(rng.standard_normal((side, min(n, m))))[0] for side in (n, m))
    return (U * (1 / np.arange(1, min(n, m) + 1) if spectrum is None else spectrum)) @ V.T


def product(found):
    return (found.U.values * found.s.values) @ found.V.values.T


def singular_values(A):
    return np.linalg.svd(A, compute_uv=False)


# ------------------------------------------------------------------------------------------------------------- sources


def npy(A, folder):
    np.save(folder / "activity.npy", A)
    return folder / "activity.npy"


def zarr_of(A, folder):
    stored = zarr.create_array(folder / "activity.zarr", shape=A.shape, chunks=(7, 4), dtype=A.dtype)
    stored[:] = A
    return stored


SOURCES = {
    "path": npy,
    "path as text": lambda A, folder: str(npy(A, folder)),
    "columns first": lambda A, folder: npy(np.asfortranarray(A), folder),
    "memmap": lambda A, folder: np.load(npy(A, folder), mmap_mode="r"),
    "memmap with changes": lambda A, folder: changed(np.load(npy(A * 0, folder), mmap_mode="c"), A),
    "rows and columns of a memmap": lambda A, folder: np.load(
        npy(np.pad(A, ((20, 5), (3, 1))), folder), mmap_mode="r"
    )[20:-5, 3:-1],
    "zarr": zarr_of,
    "dask": lambda A, folder: dask.array.from_array(A, chunks=((3, 500, 100, 400), (4, 6))),
    "DataArray": lambda A, folder: xr.DataArray(A, dims=("item", "unit")),
    "DataArray of dask": lambda A, folder: xr.DataArray(dask.array.from_array(A, chunks=(100, 5))),
    "DataFrame": lambda A, folder: pd.DataFrame(A),
    "like h5py": lambda A, folder: Rows(A),
    "like h5py, in chunks": lambda A, folder: Rows(A, chunks=(8, 10)),
    "array": lambda A, folder: A,
}


def changed(values, by):
    values[:] = by
    return values


@pytest.mark.parametrize("source", SOURCES)
def test_every_kind_of_source_has_numpys_svd(source, tmp_path):
    A = matrix()
    found = svd(SOURCES[source](A, tmp_path), memory=SMALL)
    np.testing.assert_allclose(found.s, singular_values(A), rtol=1e-12)
    np.testing.assert_allclose(product(found), A, atol=1e-13)
    assert found.attrs["route"] == "Gram" and found.U.chunks is not None


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.uint8, np.int64, bool])
def test_every_type_of_numbers_is_computed_in_double_precision(dtype):
    A = (matrix() > 0) if dtype is bool else (100 * matrix()).astype(dtype)
    for memory in (SMALL, 2**29):
        found = svd(A, memory=memory)
        assert {part.dtype for part in found.data_vars.values()} == {np.dtype(float)}
        np.testing.assert_allclose(found.s, singular_values(A.astype(float)), rtol=1e-11)


def test_a_matrix_that_fits_is_decomposed_as_it_is_by_modes():
    items = load_items("mcclelland2020")
    xr.testing.assert_identical(svd(items).drop_attrs(), modes.svd(items).drop_attrs())
    assert svd(items).attrs["route"] == "in memory"


def test_labels_of_both_axes_stay():
    A = xr.DataArray(
        matrix(), {"image": np.arange(ROWS) * 10, "unit": list("abcdefghij")}, dims=("image", "unit")
    )
    found = svd(A, memory=SMALL)
    assert found.U.dims == ("image", "mode") and found.V.dims == ("unit", "mode")
    assert list(found["unit"].values) == list("abcdefghij") and found["image"].values[2] == 20
    assert list(found["mode"].values) == list(range(1, 11))


# -------------------------------------------------------------------------------------------------------------- routes


def test_gram_reads_the_rows_once_qr_twice_and_u_once_more():
    easy = Rows(matrix())
    found = svd(easy, memory=SMALL)
    assert (found.attrs["route"], easy.times_read()) == ("Gram", 1)
    found.U.compute()
    assert easy.times_read() == 2
    first = len(easy.asked)
    found.U[:5].compute()
    assert len(easy.asked) == first + 1
    hard = Rows(matrix(spectrum=np.logspace(0, -10, COLUMNS)))
    assert (svd(hard, memory=SMALL).attrs["route"], hard.times_read()) == ("QR", 2)
    wide = Rows(matrix(300, 400, spectrum=np.logspace(0, -3, 300)))
    assert (svd(wide, 3, memory=400_000, passes=5).attrs["route"], wide.times_read()) == ("randomised", 5)


@pytest.mark.parametrize(
    ("route", "memory"),
    [("in memory", 2**29), ("Gram", 6_000_000), ("QR", 6_000_000), ("randomised", 800_000)],
)
def test_variance_is_explained_of_the_whole_matrix_however_many_modes_are_asked_for(route, memory):
    A = matrix(600, 400, spectrum=0.95 ** np.arange(400)) + 0.1
    found = svd(A, 400 if route == "QR" else 7, centre=True, memory=memory)
    assert found.attrs["route"] == route
    centred = A - A.mean(axis=0)
    whole = modes.explained_variance(centred)[: found.sizes["mode"]]
    np.testing.assert_allclose(found.s**2 / found.attrs["norm"] ** 2, whole, rtol=1e-2)
    np.testing.assert_allclose(found.attrs["norm"], np.linalg.norm(centred), rtol=1e-12)


def test_one_block_at_a_time_is_in_memory_however_many_threads_ask():
    class Slow(Rows):
        reading, most = 0, 0

        def __getitem__(self, rows):
            self.reading += 1
            self.most = max(self.most, self.reading)
            time.sleep(1e-4)
            self.reading -= 1
            return super().__getitem__(rows)

    source = Slow(matrix())
    svd(source, memory=SMALL).U.compute(scheduler="threads", num_workers=4)
    assert source.most == 1


def test_chunks_are_read_once_and_whole():
    for chunk in (8, 500):  # smaller and larger than the blocks that fit
        rows = Rows(matrix(), chunks=(chunk, 10))
        svd(rows, memory=SMALL)
        assert all(asked.start % chunk == 0 for asked in rows.asked[1:]) and rows.times_read() == 1


@pytest.mark.parametrize("centre", [False, True])
def test_an_ill_conditioned_matrix_goes_by_qr_and_is_right_to_rounding(centre):
    s = np.logspace(0, -10, COLUMNS)
    A = matrix(spectrum=s)
    if centre:
        A = A - A.mean(axis=0)
        s = singular_values(A)
        A = A + 1
    found = svd(A, centre=centre, memory=SMALL)
    assert found.attrs["route"] == "QR"
    np.testing.assert_allclose(found.s, s, rtol=1e-5, atol=2e-15)
    np.testing.assert_allclose(product(found), A - A.mean(axis=0) if centre else A, atol=1e-14)
    squared = np.sqrt(np.abs(np.linalg.eigvalsh(A.T @ A)[::-1]))
    assert abs(squared[-1] / s[-1] - 1) > 1  # what the Gram matrix would have said of the last mode


def test_the_route_follows_from_the_modes_and_the_accuracy_that_are_asked_for():
    A = matrix(spectrum=np.logspace(0, -5, COLUMNS))
    routes = [
        svd(A, n_modes, accuracy=accuracy, memory=SMALL).attrs["route"]
        for n_modes, accuracy in ((None, 1e-6), (None, 1e-3), (4, 1e-6), (4, 1e-12))
    ]
    assert routes == ["QR", "Gram", "Gram", "QR"]


@pytest.mark.parametrize("route", ["Gram", "QR"])
def test_the_error_that_is_said_holds_over_many_matrices_and_is_not_ten_thousand_times_too_large(route):
    over = []
    for seed in range(40):
        s = np.logspace(0, -2.5 if route == "Gram" else -7, COLUMNS)
        A = matrix(400, seed=seed, spectrum=s)
        found = svd(A, memory=SMALL)
        assert found.attrs["route"] == route
        over.append(abs(found.s.values[-1] / s[-1] - 1) / found.attrs["error"])
    assert 1e-4 < max(over) < 1


@pytest.mark.parametrize("memory", [SMALL, 2**29])
def test_null_modes_of_a_matrix_without_full_rank(memory):
    A = matrix(spectrum=np.r_[3.0, 2, 1, np.zeros(COLUMNS - 3)])
    found = svd(A, memory=memory)
    np.testing.assert_allclose(found.s, [3, 2, 1, *[0] * 7], atol=1e-14)
    np.testing.assert_allclose(product(found), A, atol=1e-13)
    assert found.attrs["error"] < 1e-13
    assert modes.blocks(found) == ((1,), (2,), (3,), (4, 5, 6, 7, 8, 9, 10))
    assert list(compare(found, modes.svd(A)).verdict)[3:] == ["null"] * 7
    if memory == SMALL:
        assert not found.U.values[:, 3:].any()
        assert svd(A, 3, memory=memory).attrs["route"] == "Gram"


@pytest.mark.parametrize("memory", [500_000, 6_000_000, 2**29])
def test_a_matrix_of_zeros_has_null_modes_only(memory):
    found = svd(np.zeros((600, 400)), 3, memory=memory)
    assert not found.s.any()
    assert found.attrs["route"] == "in memory" or not found.U.values.any()
    assert found.attrs["error"] == found.attrs["norm"] == 0


def test_wide_matrices_are_exact_while_they_fit():
    A = matrix(20, 500)
    found = svd(A, centre=True)
    centred = A - A.mean(axis=0)
    np.testing.assert_allclose(found.s, singular_values(centred), atol=1e-14)
    np.testing.assert_allclose(product(found), centred, atol=1e-14)


@pytest.mark.parametrize("shape", [(300, 400), (400, 300), (200, 2000)])
@pytest.mark.parametrize("centre", [False, True])
def test_too_many_columns_are_projected_at_random_and_the_error_that_is_said_holds(shape, centre):
    errors = []
    for seed in range(5):
        A = matrix(*shape, seed=seed, spectrum=0.8 ** np.arange(min(shape))) + 0.01 * centre
        found = svd(A, 5, centre=centre, memory=2_000_000 if shape[1] == 2000 else 500_000)
        assert found.attrs["route"] == "randomised"
        whole = modes.svd(A - A.mean(axis=0) if centre else A).isel(mode=slice(5))
        s, mine = whole.s.values, found.s.values
        assert (mine < s * (1 + 1e-12)).all()
        assert (s**2 <= mine**2 + found.attrs["norm"] ** 2 - (mine**2).sum()).all()
        np.testing.assert_allclose(align(found, whole).s, s, rtol=1e-5)
        errors.append([np.max(s / mine - 1), found.attrs["error"]])
    true, said = np.array(errors).T
    assert true.max() < 1e-5 and said.max() < 0.01 and (true < said).all()


def test_every_pass_sharpens_a_random_projection():
    A = matrix(300, 400, spectrum=0.95 ** np.arange(300))
    found = [svd(A, 10, passes=passes, memory=700_000) for passes in (2, 4, 8)]
    true = [np.max(0.95 ** np.arange(10) / part.s.values - 1) for part in found]
    said = [part.attrs["error"] for part in found]
    assert true[0] > 10 * true[1] > 100 * true[2] and said[0] > 2 * said[1] > 4 * said[2]
    assert all(a < b for a, b in zip(true, said, strict=True))


def test_as_many_random_directions_as_the_rank_are_exact():
    A = matrix(300, 400, spectrum=np.r_[3.0, 2, 1, np.zeros(297)])
    found = svd(A, 3, memory=500_000)
    np.testing.assert_allclose(found.s, [3, 2, 1], rtol=1e-14)
    assert found.attrs["error"] < 1e-12
    xr.testing.assert_identical(svd(A, 3, memory=500_000).compute(), found.compute())


# ------------------------------------------------------------------------------------------------------------- centred


@pytest.mark.parametrize("memory", [SMALL, 2**29])
def test_centred_modes_are_those_of_the_matrix_less_its_column_means(memory):
    A = matrix() + np.arange(COLUMNS)
    found = svd(A, centre=True, memory=memory)
    centred = A - A.mean(axis=0)
    np.testing.assert_allclose(found.s, singular_values(centred), rtol=1e-11)
    np.testing.assert_allclose(product(found), centred, atol=1e-12)
    np.testing.assert_allclose(found["mean"], A.mean(axis=0), rtol=1e-13)
    assert "mean" not in svd(A, memory=memory)


@pytest.mark.parametrize("memory", [SMALL, 2**29])
@pytest.mark.parametrize("offset", [1e4, 1e6, 1e8, 1e10])
def test_the_error_that_is_said_counts_the_rounding_of_a_large_mean(offset, memory):
    A = matrix(spectrum=np.full(COLUMNS, 30.0)) + offset
    centred = A - offset  # exact, of two numbers so near one another (Sterbenz)
    true = singular_values(centred - centred.mean(axis=0))
    found = svd(A, centre=True, memory=memory)
    assert np.max(np.abs(found.s.values / true - 1)) < found.attrs["error"] < 1e-15 * offset


@pytest.mark.parametrize(
    ("shape", "memory"),
    [((600, 400), 500_000), ((600, 400), 6_000_000), ((600, 400), 2**29), ((3000, 3), 2000)],
)
def test_what_the_rounding_of_a_mean_leaves_is_null(shape, memory):
    found = svd(np.full(shape, 0.1), 3, centre=True, memory=memory)
    assert not found.s.any() and found.attrs["error"] == 0
    rows = np.resize([0.1, -0.1], shape[0])[:, None] * np.ones(shape[1]) + 0.3
    found = svd(rows, 3, centre=True, memory=memory)
    np.testing.assert_allclose(found.s, [0.1 * np.sqrt(np.prod(shape)), 0, 0], rtol=1e-12)
    assert found.s[1:].values.tolist() == [0, 0]


def test_means_far_from_zero_and_rows_in_order_cost_no_digits():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((ROWS, COLUMNS)) + 1e5 * (np.arange(ROWS)[:, None] < 40) + 1e7
    centred = (A - A.mean(axis=0)).astype(np.longdouble)
    centred -= centred.mean(axis=0)
    expected = singular_values(centred.astype(float))
    np.testing.assert_allclose(svd(A, centre=True, memory=SMALL).s, expected, rtol=1e-8)


# --------------------------------------------------------------------------------------------- with the other analyses


def test_modes_of_blocks_go_where_modes_go(tmp_path):
    A = matrix()
    found, reference = svd(A, memory=SMALL), modes.svd(A)
    assert set(compare(found, reference).verdict) <= {"same", "sign-flipped"}
    xr.testing.assert_allclose(align(found, reference), reference, atol=1e-12)
    np.testing.assert_allclose(modes.strengths(A, found), reference.s, atol=1e-13)
    np.testing.assert_allclose(modes.effective_rank(found), modes.effective_rank(reference))
    found.to_zarr(tmp_path / "modes.zarr", consolidated=False)
    xr.testing.assert_identical(
        xr.open_zarr(tmp_path / "modes.zarr", consolidated=False).compute(), found.compute()
    )


def test_strengths_of_blocks_are_the_projections_of_the_whole(tmp_path):
    A = matrix()
    Y = 0.5 * A + 0.01 * np.random.default_rng(1).standard_normal(A.shape)
    for reference in (modes.svd(A), svd(A, memory=SMALL), svd(A, 4, centre=True, memory=SMALL)):
        expected = modes.strengths(Y, reference.compute())
        for source in (Y, npy(Y, tmp_path), Rows(Y)):
            xr.testing.assert_allclose(strengths(source, reference, memory=SMALL), expected, atol=1e-13)
    np.testing.assert_allclose(strengths(A, A, memory=SMALL), singular_values(A), rtol=1e-12)


def test_memory_is_bounded_whatever_the_rows(tmp_path):
    peaks = []
    for n in (8_000, 24_000):
        path = tmp_path / f"{n}.npy"
        np.save(path, np.random.default_rng(0).standard_normal((n, 64), dtype=np.float32))
        tracemalloc.start()
        found = svd(path, centre=True, memory=2_000_000)
        strengths(path, found, memory=2_000_000)
        found.U[-1:].compute()
        strengths(path, path, memory=2_000_000)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < 2_000_000 < path.stat().st_size / 3


@pytest.mark.skipif(sys.platform != "linux", reason="counts pages as Linux does")
def test_pages_of_a_memory_map_that_were_read_are_given_back(tmp_path):
    rows = np.random.default_rng(0).standard_normal((1000, 64), np.float32)
    np.save(tmp_path / "activity.npy", np.tile(rows, (250, 1)))  # 64 MB
    code = """if True:
        import pathlib, sys, numpy as np
        from semantic_svd.streaming import svd
        peak = lambda: int(pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
        A = np.load(sys.argv[1], mmap_mode="r")
        svd(A[:1000], memory=10**6)
        before = peak()
        svd(A, memory=10**7), svd(A[5:], memory=10**7)
        print(peak() - before)
        """
    words = [sys.executable, "-c", code, str(tmp_path / "activity.npy")]
    used = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert int(used) < 20_000  # kB


# -------------------------------------------------------------------------------------------------------------- errors


def with_nan(at):
    A = matrix()
    A[at] = np.nan
    return A


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: svd(with_nan((777, 3)), memory=SMALL), "the matrix is not finite: nan at row 777, column 3"),
        (
            lambda: svd(with_nan((777, 3)), centre=True, memory=SMALL),
            "the matrix is not finite: nan at row 777, column 3",
        ),
        (lambda: svd(with_nan((777, 3))), "the matrix is not finite: nan at row 777, column 3"),
        (
            lambda: strengths(np.full((ROWS, COLUMNS), -np.inf), matrix(), memory=SMALL),
            "the matrix is not finite: -inf at row 0, column 0",
        ),
        (lambda: svd([[1.0]]), "a matrix is a .npy file, or slices like an array; got list"),
        (lambda: svd(np.ones(3)), "a matrix needs two axes with something on them; got shape (3,)"),
        (lambda: svd(np.ones((2, 0))), "a matrix needs two axes with something on them; got shape (2, 0)"),
        (lambda: svd(np.ones((3, 2), complex)), "a matrix is made of real numbers; got complex128"),
        (lambda: svd(matrix(), 11), "n_modes is a whole number from 1 to 10, not 11"),
        (lambda: svd(matrix(), 2.0), "n_modes is a whole number from 1 to 10, not 2.0"),
        (lambda: svd(matrix(), passes=1), "passes is a whole number from 2, not 1"),
        (lambda: svd(matrix(), memory=0), "memory is a whole number from 1, not 0"),
        (lambda: svd(matrix(), accuracy=1.0), "accuracy is a relative error between 0 and 1, not 1.0"),
        (lambda: svd(matrix(), accuracy=0), "accuracy is a relative error between 0 and 1, not 0"),
        (lambda: svd(matrix(), accuracy="x"), "accuracy is a relative error between 0 and 1, not 'x'"),
        (
            lambda: svd(matrix(300, 400), memory=400_000),
            "all modes of 400 columns take 3968000 bytes of memory, not 400000; ask for fewer",
        ),
        (
            lambda: svd(matrix(300, 400), 50, memory=400_000),
            "50 modes of 400 columns take 768000 bytes of memory, not 400000; ask for fewer",
        ),
        (
            lambda: strengths(matrix(), modes.svd(matrix(ROWS, 9))),
            "a matrix 1003 x 10 does not fit a reference 1003 x 9",
        ),
        (
            lambda: strengths(matrix(), modes.svd(np.ones((2, ROWS, COLUMNS)))),
            "the reference must be one matrix or its modes; got leading axes ('epoch',)",
        ),
        (
            lambda: strengths(matrix(), xr.Dataset({"s": ("mode", [1.0])})),
            "modes are a Dataset of U, s and V, as svd gives; got ['s']",
        ),
    ],
)
def test_bad_input_is_one_line(call, message):
    assert refused(call) == message


def test_a_file_that_is_no_matrix_is_one_line(tmp_path):
    (tmp_path / "text.npy").write_text("1,2")
    np.savez(tmp_path / "two.npz", np.ones(3))
    (tmp_path / "cut.npy").write_bytes(npy(matrix(), tmp_path).read_bytes()[:5000])
    np.save(tmp_path / "objects.npy", np.array([[None]]), allow_pickle=True)
    for name, why in {
        "missing.npy": "No such file or directory",
        "text.npy": "it is no .npy file of numbers, or is cut short",
        "two.npz": "it is no .npy file of numbers, or is cut short",
        "cut.npy": "it is no .npy file of numbers, or is cut short",
        "objects.npy": "it is no .npy file of numbers, or is cut short",
    }.items():
        assert refused(svd, tmp_path / name) == f"{tmp_path / name} can't be read: {why}"
