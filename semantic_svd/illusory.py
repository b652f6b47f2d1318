"""Illusory correlations: what is wrongly said of an item for a while, because it is true of others like it.

Broad modes are learned first. What most animals have is then said of all of them, until the finer modes that take it
back from some are learned too: a response that should be 0 rises and falls again.
"""

import numpy as np
import xarray as xr

from semantic_svd.distances import step_of
from semantic_svd.errors import InputError
from semantic_svd.matrices import Array, Matrix, labelled, same_name
from semantic_svd.modes import block_names, stays, svd

__all__ = ["corrected_by", "illusory_properties"]


def illusory_properties(response: Matrix, target: Matrix) -> xr.Dataset:
    """Find how far each response to a property that the item does not have rises over training, and falls again.

    The height of an illusion is that of the response's peak over both its start and its end; a response that only
    grows or only falls has none. Not every network has illusions: without hidden layers, on one-hot items (linear, full
    batch), all modes are learned at one pace, and no response rises that has to fall. A hidden layer gives each mode a
    pace of its own; so do, without one, inputs that are the properties themselves.

    Parameters
    ----------
    response : array or DataArray (..., epoch, item, property)
        NaN, as after the end of a seed, is passed over: its start and its end are its first and last number.
    target : matrix (item, property)
        What is true. Properties of 0 or less are those that an item does not have; the others are not asked.

    Returns
    -------
    Dataset (..., item, property)
        ``height``, in units of the response; ``peak``, the response at its highest; ``peak_epoch``; ``fallen_epoch``,
        the first snapshot from which the response stays half the height under the peak. All are NaN where the target
        is greater than 0, and the epochs also where the height is 0.

    Raises
    ------
    InputError
        If the response has no axis named epoch, the target is not over its items and properties, or nothing is wrong.

    References
    ----------
    Saxe, McClelland & Ganguli (2019), A mathematical theory of semantic development in deep neural networks.
    PNAS 116(23), 11537-11546. doi:10.1073/pnas.1820226116

    Examples
    --------
    >>> worm = [0.0, 0.4, 0.6, 0.5, 0.1, 0.0]  # what is said of its bones
    >>> response = np.array([[[bones]] for bones in worm])  # (epoch, item, property)
    >>> {name: value.item() for name, value in illusory_properties(response, [[0.0]]).items()}
    {'height': 0.6, 'peak': 0.6, 'peak_epoch': 2.0, 'fallen_epoch': 4.0}
    """
    Y, wanted = labelled(response), labelled(target)
    wrong = wanted <= 0
    if "epoch" not in Y.dims:
        raise InputError(f"an illusion is one over epochs: the response has the axes {Y.dims}")
    if Y.dims[-2:] != wanted.dims or Y.shape[-2:] != wanted.shape:
        raise InputError(
            f"a target {dict(wanted.sizes)} does not fit responses {dict(Y.sizes)}: "
            "items and properties must be the same"
        )
    for side in wanted.dims:
        named = [one[side].values for one in (Y, wanted) if side in one.coords]
        if len(named) == 2 and not all(map(same_name, *named)):
            raise InputError(f"the {side} labels of response and target differ: they must be the same")
    if not bool(wrong.any()):
        raise InputError("no property of the target is 0 or less: there is nothing wrong to say of an item")
    epochs = Y["epoch"].values.astype(float)
    names = ("height", "peak", "peak_epoch", "fallen_epoch")
    found = xr.apply_ufunc(
        _excursion,
        Y.chunk(epoch=-1) if Y.chunks else Y,
        input_core_dims=[("epoch",)],
        output_core_dims=[()] * len(names),
        kwargs={"epochs": epochs},
        dask="parallelized",
        output_dtypes=[float] * len(names),
    )
    return xr.Dataset(dict(zip(names, found, strict=True))).where(wrong.drop_vars(wrong.coords))


def corrected_by(target: Matrix) -> xr.DataArray:
    """Tell which block of modes takes back what is wrongly said: the one that speaks against it the most.

    The data's modes add up to the data: ``u_ik s_k v_jk`` is what mode k says of property j of item i. Where the
    target is 0 these cancel, and until the block that says no is learned the others have their way. Sums over blocks
    do not depend on how the library happens to turn equal modes.

    Parameters
    ----------
    target : matrix (item, property)

    Returns
    -------
    DataArray (item, property) of str
        The block's name, such as "5-6"; "" where the target is greater than 0, or no mode says anything.

    Examples
    --------
    >>> corrected_by([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]]).values.tolist()
    [['', '', '2'], ['', '2', '']]
    """
    wanted, modes = labelled(target), svd(target)
    names = block_names(modes)
    said = modes["U"] * modes["s"] * modes["V"]
    said = said.assign_coords(mode=list(names.values())).groupby("mode").sum()
    said = said.sel(mode=list(dict.fromkeys(names.values())))  # the strongest first: it is taken of equals
    steps = (said / step_of(modes["s"].values[0])).round()
    against = steps["mode"][steps.argmin("mode")].drop_vars("mode")
    return against.where((steps.min("mode") < 0) & (wanted <= 0), "").rename("corrected_by")


def _excursion(y: Array, epochs: Array) -> tuple[Array, Array, Array, Array]:
    """Find the peak of each course (..., epoch), its height over start and end, and when half of it is lost."""
    there = ~np.isnan(y)
    first, last = there.argmax(-1), y.shape[-1] - 1 - there[..., ::-1].argmax(-1)
    at = np.where(there, y, -np.inf).argmax(-1)
    start, peak, end = (np.take_along_axis(y, where[..., None], -1)[..., 0] for where in (first, at, last))
    height = peak - np.maximum(start, end)
    fallen = stays(y <= (peak - height / 2)[..., None], there).argmax(-1)
    risen = height > 0
    return height, peak, np.where(risen, epochs[at], np.nan), np.where(risen, epochs[fallen], np.nan)
