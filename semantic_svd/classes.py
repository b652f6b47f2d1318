"""Classes of images, as what a layer makes of them: their means, and how strong the modes are that these end with."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from semantic_svd.modes import strengths, svd
from semantic_svd.runs import Run

__all__ = ["centred_means", "mean_inputs", "on_last_modes"]


def centred_means(run: Run, layer: int) -> xr.DataArray:
    """Return the class means of a layer less their mean over classes, (seed, epoch, class, unit)."""
    means = run.class_means(layer).astype(float)
    return means - means.mean("class", skipna=False)


def mean_inputs(run: Run) -> xr.DataArray | None:
    """Return the mean input of each class, (item, property), the classes being the items; None if nothing tells it.

    Parameters
    ----------
    run : Run
        With class means; with inputs, and labels or one-hot targets that tell the class of each, or with these means in
        place of inputs.

    Examples
    --------
    >>> from semantic_svd import Network, load_images, train
    >>> digits = load_images("digits")
    >>> network = Network((64, 5, 10), "relu", "softmax")
    >>> run = train("backprop", network, digits.x, digits.targets, epochs=1, record="class_means")
    >>> bool(np.allclose(mean_inputs(run), digits.means))
    True
    """
    if "input" not in run.data:
        return None
    inputs, means = run.data["input"].rename(unit_0="property"), run.class_means(1)
    classes = means["class"].values.tolist() if "class" in means.coords else None
    labels = _labels(run)
    if labels is None:  # inputs stand for the classes if they are called as these are
        items = inputs["item"].values.tolist() if "item" in inputs.coords else []
        return inputs if items == classes else None
    averages = np.eye(means.sizes["class"], dtype=inputs.dtype)[labels].T
    averages /= averages.sum(axis=1, keepdims=True)
    coords = {"property": inputs.coords.get("property"), "item": classes}
    named = {dim: names for dim, names in coords.items() if names is not None}
    return xr.DataArray(averages @ inputs.values, named, inputs.dims)


def _labels(run: Run) -> NDArray[np.integer] | None:
    """Return the class of each item, as it was given or as one-hot targets tell it."""
    if "label" in run.data:
        return run.data["label"].values
    if "target" not in run.data:
        return None
    target = run.data["target"].values
    labels = target.argmax(axis=1)
    return labels if np.array_equal(target, np.eye(target.shape[1])[labels]) else None


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
