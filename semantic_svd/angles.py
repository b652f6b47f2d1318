"""Angles between matrices: how far the feedback points along the forward weights that it stands for, by epoch."""

import numpy as np
import xarray as xr

from semantic_svd.errors import InputError
from semantic_svd.runs import Run

__all__ = ["angle", "feedback_angle"]


def angle(A: xr.DataArray, B: xr.DataArray) -> xr.DataArray:
    """Return the angle between matrices taken as vectors, in degrees: arccos of ``<A, B> / (|A| |B|)``.

    Parameters
    ----------
    A, B : DataArray (..., row, column)
        The last two axes of both are the same, by name; the others are broadcast.

    Returns
    -------
    DataArray (...), 0 to 180; NaN where a matrix is zero or not finite

    Raises
    ------
    InputError
        If the last two axes, or others that both have, are not the same.

    Examples
    --------
    >>> A = xr.DataArray([[1.0, 0.0], [0.0, 0.0]], dims=("post", "pre"))
    >>> float(angle(A, xr.ones_like(A)).round(6))
    60.0
    """
    shapes = [{str(dim): M.sizes[dim] for dim in M.dims[-2:]} for M in (A, B)]
    if shapes[0] != shapes[1]:
        raise InputError(f"an angle is between matrices of one shape, not {shapes[0]} and {shapes[1]}")
    for dim in set(A.dims[:-2]) & set(B.dims[:-2]):
        if not np.array_equal(A[dim], B[dim]):
            raise InputError(f"both sides have an axis '{dim}', but not the same on it")
    dims = list(A.dims[-2:])
    A, B = (M.astype(float).drop_vars(dims, errors="ignore") for M in (A, B))
    squares = (A**2).sum(dims) * (B**2).sum(dims)
    cosine: xr.DataArray = (A * B).sum(dims, skipna=False) / squares.where(squares > 0) ** 0.5
    return xr.ufuncs.degrees(xr.ufuncs.arccos(cosine.clip(-1, 1))).rename("angle")


def feedback_angle(run: Run, layer: int) -> xr.DataArray:
    """Return the angle between the feedback that a layer really uses and the forward path that it stands for.

    On the path "chain" that is the next layer's transposed matrix; on "direct" the transposed product of all matrices
    from the layer to the output. 0 would be backpropagation, 90 is where random feedback starts; with feedback
    alignment the angle falls.

    Parameters
    ----------
    run : Run
        With weights, and feedback.
    layer : int
        A hidden layer, from 1.

    Returns
    -------
    DataArray (seed, epoch), degrees; NaN after a seed's end

    Raises
    ------
    InputError
        If the run kept no weights, or its rule has no feedback of this layer.

    References
    ----------
    Lillicrap, Cownden, Tweed & Akerman 2016, Random synaptic feedback weights support error backpropagation for deep
    learning, doi:10.1038/ncomms13276

    Examples
    --------
    >>> from semantic_svd import Network, load_items, train
    >>> run = train("fa_random", Network((34, 8, 34)), load_items("mcclelland2020"), epochs=300)
    >>> angles = feedback_angle(run, 1)
    >>> bool(angles.sel(seed=0, epoch=300) < angles.sel(seed=0, epoch=0))
    True
    """
    B = run.feedback(layer)
    sender = int(str(run.data[f"B{layer}"].dims[-1]).removeprefix("unit_"))
    return angle(B, run.forward_path(layer, sender)).rename("feedback_angle").compute()
