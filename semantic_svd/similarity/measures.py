"""All measures in one table; many layers against one another; and what a measure gives by chance."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from semantic_svd.errors import InputError
from semantic_svd.matrices import Matrix, labelled
from semantic_svd.similarity.canonical import cca, pwcca, svcca
from semantic_svd.similarity.dissimilarities import rsa
from semantic_svd.similarity.kernels import linear_cka, rbf_cka
from semantic_svd.similarity.procrustes import procrustes_angle, procrustes_distance
from semantic_svd.similarity.sides import same_items

__all__ = ["SIMILARITIES", "beside_null", "similarity_matrix"]

Measure = Callable[[Any, Any], xr.DataArray]

SIMILARITIES: dict[str, Measure] = {
    "linear_cka": linear_cka,
    "linear_cka_debiased": partial(linear_cka, debiased=True),
    "rbf_cka": rbf_cka,
    "rbf_cka_debiased": partial(rbf_cka, debiased=True),
    "cca": cca,
    "svcca": svcca,
    "pwcca": pwcca,
    "procrustes_distance": procrustes_distance,  # these two are small where layers are alike
    "procrustes_angle": procrustes_angle,
    "rsa": rsa,
}
SHUFFLED = 2**22  # entries of shuffled copies of a layer that are held at a time


def similarity_matrix(
    layers: Mapping[str, Matrix] | xr.DataArray, measure: str | Measure = "linear_cka", dim: str = "layer"
) -> xr.DataArray:
    """Compare layers each with each: those of a mapping by name, or a stack along one of its axes.

    Parameters
    ----------
    layers : mapping of name to matrix (..., item, unit), or DataArray (..., item, unit)
        In a mapping layers may have any number of units each (the data, hidden layers of several runs), and be of one
        seed or epoch each: labels without an axis are left behind. A DataArray is compared along its axis `dim`.
    measure : str or callable
        A name of `SIMILARITIES`, or any function of two sides: ``partial(rsa, comparison="kendall_tau_a")``.
    dim : str
        The axis of the result, and of a DataArray, along which all is compared with all.

    Returns
    -------
    DataArray (..., dim, dim_2)

    Raises
    ------
    InputError
        If the measure or the axis is unknown, there are no layers, or they are not over the same items.

    Examples
    --------
    >>> from semantic_svd import Network, load_items, train
    >>> items = load_items("mcclelland2020")
    >>> run = train("backprop", Network((34, 8, 4, 34)), items, epochs=30, seeds=2)
    >>> similarity_matrix(run.hidden(1).sel(seed=0), dim="epoch").sizes
    Frozen({'epoch': 31, 'epoch_2': 31})
    >>> layers = {"data": items, "layer 1": run.final().hidden(1), "layer 2": run.final().hidden(2)}
    >>> similarity_matrix(layers, "procrustes_angle").sel(layer="data", layer_2="data").round(4).values
    array([0., 0.])
    """
    compare, other = _measure(measure), f"{dim}_2"
    if isinstance(layers, Mapping):
        n, names = len(layers), list(layers)
        if not n:
            raise InputError("there are no layers to compare; give a name and a matrix for each")
        sides = [labelled(layer).reset_coords(drop=True) for layer in layers.values()]
        pairs = xr.broadcast(*(compare(x, y) for x in sides for y in sides))
        rows = [xr.concat(pairs[i : i + n], pd.Index(names, name=other)) for i in range(0, n * n, n)]
        found = xr.concat(rows, pd.Index(names, name=dim))
    else:
        stack = labelled(layers)
        if dim not in stack.dims[:-2]:
            raise InputError(
                f"the layers have no axis '{dim}' to be compared along; they have {stack.dims[:-2]}"
            )
        found = compare(stack, stack.rename({dim: other}))
    return found.transpose(..., dim, other)


def beside_null(
    x: Matrix, y: Matrix, measure: str | Measure = "linear_cka", shuffles: int = 200
) -> xr.Dataset:
    """Measure a similarity, and beside it what it is by chance: with the items of y shuffled.

    Shuffling keeps what each layer is, its spectrum and the number of its units, and breaks which item is which. So it
    shows how much of a number comes of few items and many units alone.

    Parameters
    ----------
    x, y : matrix (..., item, unit)
        As for `linear_cka`.
    measure : str or callable
        As for `similarity_matrix`.
    shuffles : int
        How many orders of the items are drawn (seed 0); the same for all of a stack.

    Returns
    -------
    Dataset (...)
        ``value``; ``null_mean`` over the shuffles; ``null_low`` and ``null_high``, their 5 % and 95 % quantiles. A
        similarity is more than chance above `null_high`, a distance below `null_low`.

    Raises
    ------
    InputError
        If the measure is unknown, the sides are not over the same items, or there are no shuffles.

    Examples
    --------
    Of noise, 30 units over 8 items, CKA says that it is alike:

    >>> x, y = np.random.default_rng(0).normal(size=(2, 8, 30))
    >>> float(beside_null(x, y).null_mean.round(1))
    0.8
    """
    if shuffles < 1:
        raise InputError(f"a null needs one shuffle or more; got {shuffles}")
    compare = _measure(measure)
    A, B = same_items(x, y)
    item = str(B.dims[-2])
    A, B = A.drop_vars(str(A.dims[-2]), errors="ignore"), B.drop_vars(item, errors="ignore")
    rng = np.random.default_rng(0)
    orders = np.stack([rng.permutation(B.sizes[item]) for _ in range(shuffles)])
    parts = np.array_split(orders, min(shuffles, 1 + shuffles * B.size // SHUFFLED))
    null = xr.concat(
        [compare(A, B.isel({item: xr.DataArray(part, dims=("shuffle", item))})) for part in parts],
        "shuffle",
    ).compute()
    low, high = (null.quantile(q, "shuffle", skipna=False).drop_vars("quantile") for q in (0.05, 0.95))
    return xr.Dataset(
        {
            "value": compare(A, B),
            "null_mean": null.mean("shuffle", skipna=False),
            "null_low": low,
            "null_high": high,
        }
    )


def _measure(measure: str | Measure) -> Measure:
    if callable(measure):
        return measure
    if measure not in SIMILARITIES:
        raise InputError(f"measure {measure!r} is unknown: it is one of {', '.join(SIMILARITIES)}")
    return SIMILARITIES[measure]
