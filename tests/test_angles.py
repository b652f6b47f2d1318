"""Claims about angles: where feedback starts, in closed form, and that it aligns."""

import numpy as np
import pytest
import xarray as xr
from refusals import refused

from semantic_svd.angles import angle, feedback_angle
from semantic_svd.feedback import Feedback
from semantic_svd.items import load_items
from semantic_svd.network import Network
from semantic_svd.rules import Rule
from semantic_svd.runs import Run
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
    path = run.forward_path(1, 3)
    assert path.dims == ("seed", "epoch", "post", "pre")
    np.testing.assert_allclose(path[0, 1], (W3 @ W2).T, rtol=1e-13)
    np.testing.assert_array_equal(run.forward_path(1, 2)[0, 1], W2.T)


def test_a_run_without_feedback_has_no_angle():
    run = train("backprop", Network((34, 8, 34)), ITEMS, epochs=1)
    assert refused(feedback_angle, run, 1) == "the run has no B1; it has W1, b1, W2, b2"


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
    np.testing.assert_allclose(angle(stack, 3 * stack), 0, atol=1e-5)  # rounding takes some cosines beyond 1
    assert np.isnan(angle(matrix(B), 0 * matrix(B)))


def test_names_of_rows_and_columns_are_no_part_of_an_angle():
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(2, 4, 5))
    named = matrix(A).assign_coords(post=list("abcd"))
    assert float(angle(named, matrix(B).assign_coords(post=list("bcda")))) == pytest.approx(degrees(A, B))
    assert float(angle(matrix(B), named)) == pytest.approx(degrees(A, B))


def test_an_angle_of_matrices_of_other_shapes_is_refused():
    assert refused(angle, matrix(np.ones((2, 3))), matrix(np.ones((3, 2)))) == (
        "an angle is between matrices of one shape, not {'post': 2, 'pre': 3} and {'post': 3, 'pre': 2}"
    )


def test_an_angle_of_other_seeds_is_refused():
    one = xr.DataArray(np.ones((2, 3, 4)), {"seed": [0, 1]}, ("seed", "post", "pre"))
    said = refused(angle, one, one.assign_coords(seed=[1, 2]))
    assert said == "both sides have an axis 'seed', but not the same on it"


def test_a_path_leads_to_a_later_layer():
    run = train("fa_random", Network((34, 8, 34)), ITEMS, epochs=1)
    assert refused(run.forward_path, 1, 0) == "sender is a whole number from 2, not 0"


def test_angles_of_a_run_on_disk_are_those_of_the_run_in_memory(tmp_path):
    run = train(
        "fa_oja", Network((34, 8, 34)), load_items("mcclelland2020"), epochs=5, out=tmp_path / "run.zarr"
    )
    in_memory = Run(run.data.load())
    np.testing.assert_array_equal(
        feedback_angle(Run.open(tmp_path / "run.zarr"), 1), feedback_angle(in_memory, 1)
    )
