"""What the layers of a run say over training, in modes that keep their names: between epochs, seeds and runs.

The modes of every snapshot are aligned to the data's (`alignment`). The output layer has the data's properties, so
both sides are aligned. The units of a hidden layer are its own: there the items' side is, and the units' side follows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.linalg import null_space

from semantic_svd.alignment import align, upright
from semantic_svd.classes import centred_means
from semantic_svd.dendrograms import linkage
from semantic_svd.matrices import Array
from semantic_svd.modes import above_rounding, blocks, strengths, svd
from semantic_svd.paths import item_paths
from semantic_svd.runs import Run
from semantic_svd.similarity import item_side
from semantic_svd.tables import held

__all__ = ["Layer", "Reference", "layer_names", "layer_of", "matrices", "reference_of", "shown_layers"]


@dataclass(frozen=True)
class Reference:
    """What modes are aligned to.

    Attributes
    ----------
    data : DataArray (item, property)
    modes : Dataset of `svd` of the data
    side : Dataset of `svd` of the data's `item_side`: the same U, on both sides
    """

    data: xr.DataArray
    modes: xr.Dataset
    side: xr.Dataset


@dataclass(frozen=True)
class Layer:
    """A layer at F epochs of some seeds: n items, p columns, K modes.

    Attributes
    ----------
    matrix : DataArray (seed, epoch, item, column), the column being a property, unit or pixel
    U, S, V : ndarray of shape (seed, F, n, K), (seed, F, K, K), (seed, F, p, K)
        The matrix is ``U S V'``. S is diagonal but for modes of one block of the data, which turn together; what is
        at rounding level is zero.
    strength : ndarray of shape (seed, F, K), along the data's modes
    path : ndarray of shape (seed, F, n, 2), the items in the plane
    links : ndarray of shape (seed, F, n - 1, 3)
        Left child, right child and height; the left child stands first.
    """

    matrix: xr.DataArray
    U: Array
    S: Array
    V: Array
    strength: Array
    path: Array
    links: Array


def shown_layers(run: Run) -> list[int]:
    """List the layers of a run that can be shown, the last first; of images, those with class means."""
    layers = range(run.network.layers, 0, -1)
    if "m1" in run.data:
        return [layer for layer in layers if f"m{layer}" in run.data]
    if all(name in run.data for name in (*run.network.names(), "input")):
        return list(layers)
    kept = {layer: "response" if layer == run.network.layers else f"h{layer}" for layer in layers}
    return [layer for layer, name in kept.items() if name in run.data]


def layer_names(run: Run, layer: int) -> tuple[str, str]:
    """Name a layer as it is chosen, and as its matrix is headed."""
    called = f" ({run.layer_names[layer - 1]})" if run.layer_names else ""
    if "m1" in run.data:
        return f"layer {layer}{called}", f"Class means of layer {layer}{called}, less their mean"
    if layer == run.network.layers:
        return "response", "Response"
    return f"hidden layer {layer}{called}", f"Hidden layer {layer}{called}"


def matrices(run: Run, layer: int, epochs: Sequence[int]) -> xr.DataArray:
    """Return what a layer says at some epochs, (seed, epoch, item, column); of images, class means less their mean.

    A seed that has ended stays as it was.
    """
    there = run.sel(epoch=list(epochs))
    if "m1" in run.data:
        return held(centred_means(there, layer).rename({"class": "item"}).compute())
    return held(there.response(layer=layer).compute().astype(float))


def reference_of(data: xr.DataArray) -> Reference:
    """Take the modes of the data, upright.

    Examples
    --------
    >>> reference = reference_of(xr.DataArray(-np.eye(2), dims=("item", "property")))
    >>> bool((reference.modes["U"].max("item") == 1).all()), reference.side["V"].dims
    (True, ('item_2', 'mode'))
    """
    modes = upright(svd(data))
    U = modes["U"].values
    whole = np.hstack([U, null_space(U.T)])  # as many modes as items
    s = np.append(modes["s"].values, np.zeros(len(U) - U.shape[1]))
    sides = {"U": (("item", "mode"), whole), "s": ("mode", s), "V": (("item_2", "mode"), whole)}
    return Reference(data, modes, xr.Dataset(sides))


def layer_of(
    matrix: xr.DataArray, reference: Reference, of_output: bool, advance: Callable[[], None] = lambda: None
) -> Layer:
    """Follow the modes, the tree and the places of the items in the matrices of a layer.

    Parameters
    ----------
    matrix : DataArray (seed, epoch, item, column), finite
    reference : Reference
    of_output : bool
        Whether the columns are the data's properties; else only the items' side is aligned.
    advance : callable
        Called after each tree, which is what takes time.

    Examples
    --------
    >>> data = xr.DataArray(np.diag([3.0, 1.0]), dims=("item", "property"))
    >>> layer = layer_of(-data.expand_dims(seed=1, epoch=1), reference_of(data), True)
    >>> layer.U[0, 0] @ layer.S[0, 0] @ layer.V[0, 0].T
    array([[-3.,  0.],
           [ 0., -1.]])
    """
    M = matrix.values
    compared = matrix.drop_vars(list(matrix.coords))
    modes, sided = (reference.modes, compared) if of_output else (reference.side, item_side(compared))
    modes = modes.drop_vars(list(modes.coords))
    U, S, V = _turned(M, align(svd(sided), modes)["U"].values, blocks(modes))
    kept = 1 + int(
        np.flatnonzero(np.einsum("...kk->...k", S).reshape(-1, S.shape[-1]).any(axis=0)).max(initial=0)
    )
    strength = strengths(sided, modes).values
    ends = [reference.data.values if of_output else seed[-1] for seed in M]
    path = np.stack([_paths(seed, end, reference.data.values) for seed, end in zip(M, ends, strict=True)])
    links = np.array([[_links(one, advance) for one in seed] for seed in M])
    return Layer(
        matrix, U[..., :kept], S[..., :kept, :kept], V[..., :kept], strength[..., :kept], path, links
    )


def _links(states: Array, advance: Callable[[], None]) -> Array:
    Z = linkage(states).Z[:, :3]
    advance()
    return Z


def _turned(M: Array, U: Array, groups: Sequence[Sequence[int]]) -> tuple[Array, Array, Array]:
    """Complete aligned U (..., n, K): symmetric S, in blocks, and V, so that ``U S V'`` is M (..., n, p)."""
    rows = U.mT @ M  # S V', (..., K, p)
    S, V = np.zeros((*U.shape[:-2], U.shape[-1], U.shape[-1])), np.zeros_like(rows.mT)
    for J in (np.array(group) - 1 for group in groups):
        A, s, B = np.linalg.svd(rows[..., J, :], full_matrices=False)
        S[..., J[:, None], J] = (A * s[..., None, :]) @ A.mT
        V[..., J] = (A @ B).mT
    alive = above_rounding(np.einsum("...kk->...k", S), max(M.shape[-2:]))
    return U * alive[..., None, :], S * (alive[..., None] & alive[..., None, :]), V * alive[..., None, :]


def _paths(states: Array, end: Array, data: Array) -> Array:
    """Take the items of all states, (F, n, p), along to the plane in which they end.

    `item_paths` lays out the end; the one linear map that takes its rows there takes every state along. That is as
    quick for hundreds of epochs as for one, and a path is made of the modes as they come: items that are one stand at
    one place.
    """
    layout = item_paths(end[None], data).values[0]
    there = np.linalg.pinv(end - end.mean(axis=0), rcond=1e-6) @ layout  # (p, 2)
    return (states - states.mean(axis=-2, keepdims=True)) @ there
