"""Claims about products: whatever the layout, the type and the size, they are numpy's."""

import numpy as np
import pytest

from semantic_svd.products import SMALL, _columns_first, _gemm, add_outer, times

RNG = np.random.default_rng(0)
TOLERANCE = {"float64": 1e-13, "float32": 2e-6}
LAYOUTS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "sliced": lambda a: np.repeat(np.repeat(a, 2, axis=0), 3, axis=1)[::2, ::3],
    "reversed": lambda a: np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1],
    "rows apart": lambda a: np.stack([a, a], axis=1)[:, 1],
}

every_type = pytest.mark.parametrize("dtype", list(TOLERANCE))


def assert_close(actual, expected, dtype):
    assert actual.dtype == dtype
    scale = np.abs(expected).max()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE[dtype] * scale)


@every_type
@pytest.mark.parametrize("out_layout", list(LAYOUTS))
@pytest.mark.parametrize("b_layout", list(LAYOUTS))
@pytest.mark.parametrize("a_layout", list(LAYOUTS))
def test_a_product_of_any_layouts_is_the_plain_product(a_layout, b_layout, out_layout, dtype):
    a, b, c = (RNG.normal(size=shape).astype(dtype) for shape in ((7, 5), (5, 4), (7, 4)))
    out = LAYOUTS[out_layout](c.copy())
    _gemm(0.5, LAYOUTS[a_layout](a), LAYOUTS[b_layout](b), 2.0, out)
    assert_close(out, 0.5 * np.einsum("ij,jk->ik", a, b) + 2.0 * c, dtype)


@every_type
@pytest.mark.parametrize("shape", [(1, 5, 4), (7, 1, 4), (7, 5, 1), (1, 1, 1)])
def test_a_product_with_a_side_of_one_is_the_plain_product(shape, dtype):
    m, k, n = shape
    a, b, c = (RNG.normal(size=s).astype(dtype) for s in ((m, k), (k, n), (m, n)))
    out = c.copy()
    _gemm(1.0, a, b, 1.0, out)
    assert_close(out, a @ b + c, dtype)


@pytest.mark.parametrize("layout", ["C", "F"])
def test_a_contiguous_array_goes_to_blas_without_a_copy(layout):
    a = LAYOUTS[layout](RNG.normal(size=(3, 4)))
    given, turned = _columns_first(a)
    assert np.shares_memory(given, a)
    assert given.flags.f_contiguous
    np.testing.assert_array_equal(given.T if turned else given, a)


def test_a_product_writes_nothing_beside_its_slice():
    store = np.zeros((3, 6, 8))
    out = store[:, 1, ::2]
    _gemm(1.0, np.ones((3, 2)), np.ones((2, 4)), 0.0, out)
    assert (store[:, 1, ::2] == 2).all()
    assert store.sum() == 2 * out.size


BIG, LITTLE = (3, 70, 80, 60), (3, 5, 6, 4)  # seeds, items, in, out


@every_type
@pytest.mark.parametrize("sizes", [BIG, LITTLE, (1, *BIG[1:]), (1, *LITTLE[1:])])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("turned", [True, False])
def test_times_is_h_times_m_for_every_seed(sizes, shared, turned, dtype):
    seeds, n, n_in, n_out = sizes
    h = RNG.normal(size=(n, n_in) if shared else (seeds, n, n_in)).astype(dtype)
    M = RNG.normal(size=(seeds, n_out, n_in) if turned else (seeds, n_in, n_out)).astype(dtype)
    M = M.mT if turned else M
    expected = np.einsum("nk,sko->sno" if shared else "snk,sko->sno", h, M)
    assert_close(times(h, M), expected, dtype)


def test_the_big_sizes_of_these_tests_are_big_and_the_small_small():
    assert np.prod(BIG[1:]) > SMALL > np.prod(LITTLE[1:])


def test_activity_lies_in_memory_as_item_seed_unit():
    assert times(np.ones((5, 2)), np.ones((3, 2, 4))).swapaxes(0, 1).flags.c_contiguous


@every_type
@pytest.mark.parametrize("sizes", [BIG, LITTLE, (1, *BIG[1:]), (1, *LITTLE[1:]), (3, 5, 4, 6)])
@pytest.mark.parametrize("shared", [True, False])
def test_add_outer_adds_the_rate_times_the_mean_outer_product(sizes, shared, dtype):
    seeds, n, n_pre, n_post = sizes
    W = RNG.normal(size=(seeds, n_post, n_pre)).astype(dtype)
    u = RNG.normal(size=(seeds, n, n_post)).astype(dtype)
    v = RNG.normal(size=(n, n_pre) if shared else (seeds, n, n_pre)).astype(dtype)
    expected = W + 0.3 * np.einsum("sno,np->sop" if shared else "sno,snp->sop", u, v) / n
    u_before, v_before = u.copy(), v.copy()
    add_outer(W, u, v, 0.3)
    assert_close(W, expected, dtype)
    assert (u == u_before).all()
    assert (v == v_before).all()


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("n_items", [5, 2**18])
def test_add_outer_reaches_a_bias_through_its_view_as_a_column(seeds, n_items):
    b, u = np.zeros((seeds, 6)), RNG.normal(size=(seeds, n_items, 6))
    add_outer(b[..., None], u, np.ones((n_items, 1)), 0.5)
    np.testing.assert_allclose(b, 0.5 * u.mean(axis=1), rtol=0, atol=1e-14)


@pytest.mark.parametrize("sizes", [BIG, LITTLE])
def test_activity_laid_out_by_times_goes_through_both_products(sizes):
    seeds, n, n_in, n_out = sizes
    x, W, V = (
        RNG.normal(size=(n, n_in)),
        RNG.normal(size=(seeds, n_out, n_in)),
        RNG.normal(size=(seeds, 7, n_out)),
    )
    h = times(x, W.mT)
    assert_close(times(h, V.mT), np.einsum("ni,soi,spo->snp", x, W, V), "float64")
    expected = V + 0.1 * np.einsum("snp,sno->spo", times(h, V.mT), h) / n
    add_outer(V, times(h, V.mT), h, 0.1)
    assert_close(V, expected, "float64")
