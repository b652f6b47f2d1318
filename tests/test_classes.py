"""Classes of images as what a layer makes of them: means and modes by hand."""

import numpy as np
import pytest
import xarray as xr

from semantic_svd import Network, Run, load_images, recorded_run, train
from semantic_svd.classes import centred_means, mean_inputs, on_last_modes

DIGITS = load_images("digits")


class Kept:
    """As a run that keeps class means: of two classes, of which the second seed has seen but one."""

    def class_means(self, layer):
        means = layer * np.array([[[[1, 7], [3, 1]]], [[[1, 7], [np.nan, np.nan]]]], np.float32)
        return xr.DataArray(means, dims=("seed", "epoch", "class", "unit"))


def test_centred_means_are_less_their_mean_over_classes_and_none_where_a_class_has_none():
    found = centred_means(Kept(), 2)
    assert found.dims == ("seed", "epoch", "class", "unit") and found.dtype == float
    np.testing.assert_array_equal(found[0, 0], [[-2, 6], [2, -6]])
    assert found[1].isnull().all()


@pytest.fixture(scope="module")
def trained():
    """Return a function that trains on digits with class means, with other targets or a probe."""

    def trained(y=DIGITS.targets, **probe):
        network = Network((64, 5, 10), "relu", "softmax")
        return train("backprop", network, DIGITS.x, y, epochs=1, record="class_means", **probe)

    return trained


def test_mean_inputs_are_those_of_the_images_of_each_class(trained):
    means = mean_inputs(trained())
    np.testing.assert_allclose(
        means, [DIGITS.x[DIGITS.labels == c].mean(axis=0) for c in range(10)], rtol=1e-5
    )
    assert means.dims == ("item", "property") and means["item"].values.tolist() == list(DIGITS.classes)
    unnamed = mean_inputs(trained(DIGITS.targets.values))
    np.testing.assert_array_equal(unnamed, means)
    assert "item" not in unnamed.coords


def test_a_probe_stands_for_the_classes_if_it_is_called_as_they_are(trained):
    probe = DIGITS.means.rename({"class": "item"})
    np.testing.assert_array_equal(mean_inputs(trained(probe=probe)), probe)
    others = [probe[::-1].assign_coords(item=list("abcdefghij")), probe.drop_vars("item"), DIGITS.x[:20]]
    assert [mean_inputs(trained(probe=other)) for other in others] == [None] * 3


def test_targets_that_name_no_class_do_not_stand_for_labels():
    rng = np.random.default_rng(0)
    given = {"items": rng.normal(size=(6, 5)), "targets": rng.random((6, 3)), "labels": [0, 0, 1, 1, 2, 2]}
    run = recorded_run({"h": rng.normal(size=(6, 4))}, **given, record=["hidden", "class_means"])
    np.testing.assert_allclose(mean_inputs(run), given["items"].reshape(3, 2, 5).mean(axis=1))
    assert mean_inputs(Run(run.data.drop_vars("label"))) is None  # as one of an earlier version is
    assert mean_inputs(Run(run.data.drop_vars("input"))) is None


def test_strengths_on_the_last_modes_end_at_the_singular_values():
    rng = np.random.default_rng(0)
    means = xr.DataArray(rng.normal(size=(2, 3, 5, 7)), dims=("seed", "epoch", "class", "unit"))
    means = (means - means.mean("class")).assign_coords(seed=[4, 9], epoch=[0, 1, 2])
    found = on_last_modes(means)
    np.testing.assert_array_equal(found["seed"], [4, 9])
    np.testing.assert_array_equal(on_last_modes(means.drop_vars("seed")), found)
    assert found.dims == ("seed", "epoch", "mode") and found.sizes["mode"] == 4
    for s in range(2):
        U, values, Vt = np.linalg.svd(means[s, 2].values, full_matrices=False)
        np.testing.assert_allclose(found[s, 2], values[:4])
        np.testing.assert_allclose(found[s, 0], np.einsum("ck,cu,ku->k", U, means[s, 0], Vt)[:4], atol=1e-12)
