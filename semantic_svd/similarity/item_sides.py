"""The items' side of modes: which modes of a layer are found again in another that shares no units with it."""

import numpy as np
import pandas as pd
import xarray as xr

from semantic_svd.alignment import block_cosines, compare
from semantic_svd.matrices import Array, Matrix, labelled
from semantic_svd.modes import one_side, svd

__all__ = ["compare_items", "item_side"]

AT_ONCE = 2**22  # entries of random matrices that are held at a time


def item_side(matrix: Matrix) -> xr.DataArray:
    """Return what modes say of the items alone, whichever units carry them: ``(M M')^(1/2) = U S U'``.

    Its modes are those of the matrix with the units' side replaced by the items': so two layers, rules or seeds are
    compared whose units are not the same. It is blind to rotations of the units.

    Parameters
    ----------
    matrix : array, DataArray or DataFrame of shape (..., n_items, n_units)

    Returns
    -------
    DataArray (..., item, item_2), symmetric

    Examples
    --------
    >>> item_side(np.array([[3.0, 4.0], [0.0, 0.0]])).values.round(12)
    array([[5., 0.],
           [0., 0.]])
    """
    A = labelled(matrix)
    modes, item = svd(A), A.dims[-2]
    other = modes["U"].rename({item: f"{item}_2"})
    return xr.dot(modes["U"] * modes["s"], other, dim="mode").rename("item_side")


def compare_items(matrix: Matrix, reference: Matrix, draws: int = 300) -> pd.DataFrame:
    """Say of each mode of a reference whether its items' side is found in another matrix over the same items.

    Both are centred first, each unit over the items: what tells items apart is compared, not what they share. What is
    left by rounding, of numbers of their type and size, is null.

    Parameters
    ----------
    matrix : array, DataArray or DataFrame of shape (..., n_items, n_units)
    reference : array, DataArray or DataFrame of shape (n_items, other units)
    draws : int
        How many random matrices stand behind `null_cosine`; 0 for none.

    Returns
    -------
    DataFrame
        As `alignment.compare` gives it for `item_side` of both: cosine_U and cosine_V are the same number;
        `null_cosine` is the 95 % quantile over matrices of random entries.

    Raises
    ------
    InputError
        If they are not over the same items.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> matrix = rng.normal(size=(4, 3)) * [9, 3, 1]
    >>> turned = matrix @ np.linalg.qr(rng.normal(size=(5, 5)))[0][:3]  # 5 units instead of 3
    >>> compare_items(turned, matrix)["block_cosine"].values.round(6)
    array([ 1.,  1.,  1., nan])
    """
    wanted = _apart(reference)
    table = compare(_apart(matrix), wanted, null_draws=0)
    if draws:
        table["null_cosine"] = table["mode"].map(dict(enumerate(_chance(wanted, draws), start=1)))
    return table


def _chance(wanted: xr.Dataset, draws: int) -> Array:
    """Return the 95 % quantile (mode,) of the cosines of matrices of random entries, some of them at a time."""
    rng, n = np.random.default_rng(0), wanted.sizes["mode"]
    at_once = max(1, AT_ONCE // n**2)
    sizes = [min(at_once, draws - done) for done in range(0, draws, at_once)]
    cosines = [block_cosines(_apart(rng.normal(size=(size, n, n))), wanted) for size in sizes]
    return np.quantile(np.concatenate(cosines), 0.95, axis=0)


def _apart(matrix: Matrix) -> xr.Dataset:
    """Return the modes of what tells the items apart, their side alone; zeros where that is the matrix's rounding."""
    A = labelled(matrix)
    item, unit = (str(dim) for dim in A.dims[-2:])
    rounding = max(A.shape[-2:]) * np.finfo(A.dtype).eps * np.sqrt((A.astype(float) ** 2).sum([item, unit]))
    modes = svd(A.astype(float) - A.astype(float).mean(item, skipna=False))
    return one_side(modes, "U", ~(modes["s"] <= rounding), A.sizes[item])
