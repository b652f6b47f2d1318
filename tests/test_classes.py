"""Classes of images as what a layer makes of them: means and modes by hand."""

import numpy as np
import xarray as xr

from semantic_svd.classes import on_last_modes


def test_strengths_on_the_last_modes_end_at_the_singular_values():
    rng = np.random.default_rng(0)
    means = xr.DataArray(rng.normal(size=(2, 3, 5, 7)), dims=("seed", "epoch", "class", "unit"))
    means = (means - means.mean("class")).assign_coords(seed=[4, 9], epoch=[0, 1, 2])
    found = on_last_modes(means)
    assert found.dims == ("seed", "epoch", "mode") and found.sizes["mode"] == 4
    for s in range(2):
        U, values, Vt = np.linalg.svd(means[s, 2].values, full_matrices=False)
        np.testing.assert_allclose(found[s, 2], values[:4])
        np.testing.assert_allclose(found[s, 0], np.einsum("ck,cu,ku->k", U, means[s, 0], Vt)[:4], atol=1e-12)
