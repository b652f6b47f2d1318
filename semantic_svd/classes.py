"""Classes of images, as what a layer makes of them: their means, and how strong the modes are that these end with."""

import xarray as xr

from semantic_svd.modes import strengths, svd
from semantic_svd.runs import Run

__all__ = ["centred_means", "on_last_modes"]


def centred_means(run: Run, layer: int) -> xr.DataArray:
    """Return the class means of a layer less their mean over classes, (seed, epoch, class, unit)."""
    means = run.class_means(layer).astype(float)
    return means - means.mean("class", skipna=False)


def on_last_modes(means: xr.DataArray) -> xr.DataArray:
    """Project class means on the modes that each seed ends with, the strengths of `modes.strengths`.

    Parameters
    ----------
    means : DataArray (seed, epoch, class, unit), centred
        So there is one mode fewer than there are classes.

    Returns
    -------
    DataArray (seed, epoch, mode)
    """
    found = []
    for of_seed in means:
        last = svd(of_seed.isel(epoch=-1, drop=True))
        found.append(strengths(of_seed, last).isel(mode=slice(0, means.sizes["class"] - 1)))
    return xr.concat(found, means["seed"])
