"""Classes of images as what a layer makes of them: means and modes by hand."""

import numpy as np
import xarray as xr

from semantic_svd.classes import centred_means, on_last_modes


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
