"""The modes of item-property matrices: singular triples, their blocks, and their strengths over training.

A mode (u, s, v) of a hierarchy is not what it seems. Its sign is nobody's: conventions such as "largest loading
positive" tie on a tree, whose contrasts load equally on many items, and then rounding decides. And modes of equal
singular value turn freely among themselves: they are one block. How modes are compared in spite of both: `alignment`.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr

from semantic_svd.errors import InputError, is_real
from semantic_svd.matrices import Array, Matrix, apply, in_chunks, labelled, same_name

__all__ = [
    "block_names",
    "blocks",
    "effective_rank",
    "explained_variance",
    "half_grown",
    "half_learned",
    "leakage",
    "participation_ratio",
    "singular_strengths",
    "strengths",
    "svd",
]

Groups = tuple[tuple[int, ...], ...]

# ------------------------------------------------------------------------------------------------------------ modes


def svd(matrix: Matrix) -> xr.Dataset:
    """Decompose a matrix, or every matrix of a stack, into its modes.

    Parameters
    ----------
    matrix : array, DataArray, DataFrame or Items of shape (..., n_items, n_properties)
        Leading axes of an unlabelled array are (seed, epoch), or epoch alone. The last two axes of a DataArray may
        have any names (item and unit, post and pre). A stack stays lazy if it is a DataArray of a Dask array.

    Returns
    -------
    Dataset
        ``U`` (..., item, mode), ``s`` (..., mode), ``V`` (..., property, mode), mode = 1 to K, K the smaller side:
        the matrix is ``U diag(s) V'``. A matrix of a stack that is not finite (a seed that has ended) has NaN modes.
        Signs are whatever LAPACK gives: see `alignment.align`. Modes of equal singular value, which LAPACK turns
        among themselves by rounding, are those that single items stand out in: of all modes that the block allows the
        first has the largest loading on an item (the first of several), the next the largest that is left, and so on;
        these loadings are positive. So of one matrix the modes are the same on every machine, but for signs.

    Raises
    ------
    InputError
        If a single matrix is not finite, or there is no matrix of numbers, of single or double precision.

    Examples
    --------
    >>> import numpy as np
    >>> modes = svd(np.array([[2.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
    >>> modes.s.values
    array([2., 1.])
    >>> modes.V.dims, modes.V.shape
    (('property', 'mode'), (3, 2))
    """
    A = _decomposable(matrix)
    (row, column), K = A.dims[-2:], min(A.shape[-2:])
    U, s, V = apply(_svd, A, [(row, "mode"), ("mode",), (column, "mode")], mode=K, pooled=A.chunks is None)
    return xr.Dataset({"U": U, "s": s, "V": V}, {"mode": np.arange(1, K + 1)})


def blocks(modes: xr.Dataset | ArrayLike, tolerance: float = 1e-3) -> Groups:
    """Group the modes whose singular values are equal, or nearly so.

    Neighbours belong together if ``s_k - s_{k+1} <= tolerance * s_k``. So blocks chain, and a slowly decaying
    spectrum may end up in one wide block. That is meant: a block's subspace withstands noise as far as the gap
    around it is wide (Davis & Kahan 1970), and a cut inside a chain would leave two blocks with no gap between them.
    Lower the tolerance to see such a chain's modes one by one, if the data are that precise.

    Parameters
    ----------
    modes : Dataset of `svd`, or singular values of shape (n_modes,), largest first
    tolerance : float
        From 0 up to below 1.

    Returns
    -------
    tuple of tuples of mode numbers, from 1
        Modes at rounding level, ``s_k <= max(shape) * eps * s_1``, are null: their vectors mean nothing, and they
        are one block, the last.

    Raises
    ------
    InputError
        If the singular values are not those of one matrix, or not the largest first, or tolerance is not from 0 up to
        below 1.

    References
    ----------
    Davis & Kahan (1970), The rotation of eigenvectors by a perturbation III, doi:10.1137/0707001

    Examples
    --------
    >>> blocks([5.0, 2.0, 2.0, 1.0])
    ((1,), (2, 3), (4,))
    """
    s, size = (modes["s"], longer_side(modes)) if isinstance(modes, xr.Dataset) else (modes, np.size(modes))
    values = np.asarray(s)
    values = values if values.dtype.kind == "f" else values.astype(float)
    if values.ndim != 1:
        raise InputError(
            f"blocks need the singular values of one matrix; got an array of shape {values.shape}"
        )
    return tuple(tuple(k + 1 for k in J) for J in blocks_of(equal_neighbours(values, size, tolerance)))


def block_names(modes: xr.Dataset) -> dict[int, str]:
    """Name the block of each mode: "5-6", or the mode's own number.

    Examples
    --------
    >>> block_names(svd(np.diag([3.0, 1.0, 1.0])))
    {1: '1', 2: '2-3', 3: '2-3'}
    """
    return {k: f"{J[0]}-{J[-1]}" if len(J) > 1 else str(k) for J in blocks(modes) for k in J}


def explained_variance(modes: xr.Dataset | Matrix) -> xr.DataArray:
    """Return the share of each mode in the sum of squares, ``s_k^2 / sum s^2``.

    The matrix is taken as it is: without centring, "variance" is about zero, not about the mean.

    Parameters
    ----------
    modes : Dataset of `svd`, or a matrix (..., item, property)

    Returns
    -------
    DataArray (..., mode), NaN for a matrix of zeros

    Raises
    ------
    InputError
        As for `svd`.

    Examples
    --------
    >>> explained_variance(np.diag([3.0, 1.0])).values
    array([0.9, 0.1])
    """
    s = as_modes(modes)["s"]
    largest = s.max("mode")
    power = (s / largest.where(largest > 0)) ** 2  # the squares of very small or large ones are no numbers
    return (power / power.sum("mode", skipna=False)).rename("explained_variance")


def effective_rank(modes: xr.Dataset | Matrix) -> xr.DataArray:
    """Return the effective rank: e to the entropy (in nats) of ``s_k / sum s``.

    The shares are of the singular values themselves, not of their squares.

    Parameters
    ----------
    modes : Dataset of `svd`, or a matrix (..., item, property)

    Returns
    -------
    DataArray (...), from 1 to K, NaN for a matrix of zeros

    Raises
    ------
    InputError
        As for `svd`.

    References
    ----------
    Roy & Vetterli (2007), The effective rank: a measure of effective dimensionality, EUSIPCO, 606-610

    Examples
    --------
    >>> float(effective_rank(np.eye(4)).round(12))
    4.0
    """
    s = as_modes(modes)["s"]
    total = s.sum("mode")
    share = s / total.where(total > 0)
    return np.exp(entr(share).sum("mode", skipna=False)).rename("effective_rank")


def participation_ratio(modes: xr.Dataset | Matrix) -> xr.DataArray:
    """Return the participation ratio of the squared singular values, ``(sum s^2)^2 / sum s^4``.

    The matrix is taken as it is: centre it first for the dimensionality of a covariance.

    Parameters
    ----------
    modes : Dataset of `svd`, or a matrix (..., item, property)

    Returns
    -------
    DataArray (...), from 1 to K, NaN for a matrix of zeros

    Raises
    ------
    InputError
        As for `svd`.

    References
    ----------
    Gao et al. (2017), A theory of multineuronal dimensionality, dynamics and measurement, doi:10.1101/214262

    Examples
    --------
    >>> float(participation_ratio(np.eye(4)).round(12))
    4.0
    """
    share = explained_variance(modes)
    return (1 / (share**2).sum("mode", skipna=False)).rename("participation_ratio")


# -------------------------------------------------------------------------------------------------------- strengths


def strengths(response: Matrix, reference: xr.Dataset | Matrix) -> xr.DataArray:
    """Project responses on the modes of a reference: ``u_k' Y v_k``, the strength of mode k.

    This is not the k-th singular value of the response (`singular_strengths`): the projection asks how much of the
    data's mode k a network has learned, the singular value how large the response's own k-th mode is, whichever that
    may be. In one run the two may differ by more than the strength itself; what the projection leaves aside is the
    `leakage`.

    Parameters
    ----------
    response : matrix (..., item, property), a stack stays lazy as in `svd`
    reference : Dataset of `svd`, or the matrix whose modes are the reference; no leading axes

    Returns
    -------
    DataArray (..., mode)

    Raises
    ------
    InputError
        If response and reference are not over the same items and properties.

    References
    ----------
    Saxe, McClelland & Ganguli (2019), PNAS 116, 11537-11546, doi:10.1073/pnas.1820226116

    Examples
    --------
    >>> data = np.array([[2.0, 0.0], [0.0, 1.0]])
    >>> strengths(0.5 * data, data).values
    array([1. , 0.5])
    """
    Y, modes = _response_and_reference(response, reference)
    U, V = (modes[side].values.astype(Y.dtype) for side in ("U", "V"))
    out = apply(_project, Y, [("mode",)], mode=U.shape[1], U=U, V=V)
    return out.assign_coords(mode=modes["mode"].values).rename("strength")


def singular_strengths(response: Matrix) -> xr.DataArray:
    """Return the singular values of responses, largest first.

    Not the same as the strengths on the data's modes: see `strengths`.

    Parameters
    ----------
    response : matrix (..., item, property), a stack stays lazy as in `svd`

    Returns
    -------
    DataArray (..., mode)

    Raises
    ------
    InputError
        As for `svd`.

    Examples
    --------
    >>> singular_strengths(np.array([[0.0, 2.0], [3.0, 0.0]])).values
    array([3., 2.])
    """
    Y = _decomposable(response)
    K = min(Y.shape[-2:])
    out = apply(_singular_values, Y, [("mode",)], mode=K, pooled=Y.chunks is None)
    return out.assign_coords(mode=np.arange(1, K + 1)).rename("strength")


def leakage(response: Matrix, reference: xr.Dataset | Matrix) -> xr.DataArray:
    """Return how far responses mix the modes of a reference: the off-diagonal share of ``U' Y V``.

    Frobenius norm of the entries outside the reference's `blocks` over that of all entries: 0 if the response is made
    of the reference's modes, 1 if it only turns modes into each other. What it does inside a block, whose modes are
    free to turn, is no mixing. Parts of the response outside the span of U and V do not count, nor do null modes.

    Parameters
    ----------
    response : matrix (..., item, property), a stack stays lazy as in `svd`
    reference : Dataset of `svd`, or a matrix; no leading axes

    Returns
    -------
    DataArray (...), NaN for a response of zeros, and of a reference of zeros

    Raises
    ------
    InputError
        If response and reference are not over the same items and properties.

    Examples
    --------
    >>> data = np.diag([2.0, 1.0])
    >>> leakage(np.array([data, [[0.0, 1.0], [1.0, 0.0]]]), data).values
    array([0., 1.])
    """
    Y, modes = _response_and_reference(response, reference)
    alive = not_null(modes).values
    beside = np.ones(2 * (modes.sizes["mode"],))
    for J in blocks(modes):
        beside[np.ix_(np.array(J) - 1, np.array(J) - 1)] = 0
    return apply(
        _leakage, Y, [()], U=modes["U"].values * alive, V=modes["V"].values * alive, beside=beside
    ).rename("leakage")


def half_learned(
    strengths: xr.DataArray, reference: xr.Dataset | Matrix, fraction: float = 0.5
) -> xr.DataArray:
    """Return the first epoch from which a mode's strength stays at or over half the reference's singular value.

    "Stays": a strength that rises over the half, falls back and rises again counts from its last rise.

    Parameters
    ----------
    strengths : DataArray (..., epoch, mode)
        As `strengths` gives them. NaN, as after the end of a seed or where it was not kept, is passed over.
    reference : Dataset of `svd`, or a matrix; no leading axes
    fraction : float
        0.5 is the half.

    Returns
    -------
    DataArray (..., mode)
        Labels of the epoch axis; 0 for what was there at the first snapshot, whatever its epoch; NaN where never, and
        for null modes, which have no strength to reach.

    Raises
    ------
    InputError
        If there is no axis named epoch, or the modes are not those of the reference.

    Examples
    --------
    >>> rise = xr.DataArray([[0.0], [1.5], [0.5], [1.0], [2.0]], dims=("epoch", "mode"))
    >>> half_learned(rise, [[2.0]]).values
    array([3.])
    """
    modes = reference_modes(reference)
    check_course(strengths, modes)
    threshold = fraction * modes["s"].where(not_null(modes)).values
    epochs = strengths["epoch"].values.astype(float)
    lazy = strengths.chunks is not None
    return xr.apply_ufunc(
        _first_to_stay,
        strengths.chunk(epoch=-1, mode=-1) if lazy else strengths,
        input_core_dims=[("mode", "epoch")],
        output_core_dims=[("mode",)],
        kwargs={"threshold": threshold[:, None], "epochs": epochs},
        dask="parallelized",
        output_dtypes=[float],
    ).rename("half_learned")


def half_grown(strengths: xr.DataArray) -> xr.DataArray:
    """Return from when on each mode has gone half of the way from its strength at the start to that at the end.

    For layers that have no target: what `half_learned` asks for outputs; as there, a mode that goes back counts from
    its last time. It needs few snapshots, as it interpolates, but what lies before the first cannot be told apart.

    Parameters
    ----------
    strengths : DataArray (..., epoch, mode)
        Along modes that stay the same, as those that a training ends with.

    Returns
    -------
    DataArray (..., mode)
        Epochs, between snapshots by straight lines; NaN for modes that end where they began, to 1 % of the
        largest that they were, and where there are NaN.

    Raises
    ------
    InputError
        When there is no axis epoch with its epochs.

    Examples
    --------
    >>> course = xr.DataArray([[0.0, 1.0], [0.4, 1.0], [1.0, 1.0]], {"epoch": [0, 10, 20]}, ("epoch", "mode"))
    >>> half_grown(course).values.round(2)
    array([11.67,   nan])
    """
    if not {"epoch", "mode"} <= set(strengths.dims) or "epoch" not in strengths.coords:
        raise InputError(
            f"half_grown needs strengths (..., epoch, mode) with epochs; got dims {strengths.dims}"
        )
    epochs = strengths["epoch"].values.astype(float)
    return xr.apply_ufunc(
        lambda courses: np.apply_along_axis(_half_way, -1, courses, epochs),
        strengths.compute(),
        input_core_dims=[("mode", "epoch")],
        output_core_dims=[("mode",)],
    ).rename("half_grown")


def _half_way(course: Array, epochs: Array) -> float:
    way = course[-1] - course[0]
    if not abs(way) > 0.01 * np.abs(course).max():
        return np.nan
    gone = (course - course[0]) / way
    before = int(np.flatnonzero(gone < 0.5)[-1])
    return float(np.interp(0.5, gone[before : before + 2], epochs[before : before + 2]))


# ---------------------------------------------------------------------------- what modes are made of, and who fits whom


def _decomposable(matrix: Any) -> xr.DataArray:
    A = labelled(matrix)
    if A.dtype.itemsize not in (4, 8):
        raise InputError(f"modes are of numbers of single or double precision; got {A.dtype}")
    return A


def as_modes(modes: Any) -> xr.Dataset:
    """Return modes as they are, and those of a matrix."""
    if not isinstance(modes, xr.Dataset):
        return svd(modes)
    if not {"U", "s", "V"} <= set(modes.data_vars):
        raise InputError(f"modes are a Dataset of U, s and V, as svd gives; got {sorted(map(str, modes))}")
    return modes


def modes_of_one(reference: Any) -> xr.Dataset:
    """Return the modes of a reference, which is one matrix; what is lazy stays so."""
    modes = as_modes(reference)
    if modes["s"].ndim != 1:
        raise InputError(
            f"the reference must be one matrix or its modes; got leading axes {modes['s'].dims[:-1]}"
        )
    return modes


def reference_modes(reference: Any) -> xr.Dataset:
    """Return the modes of a reference, which is one matrix, in memory."""
    return modes_of_one(reference).compute()


def _response_and_reference(response: Any, reference: Any) -> tuple[xr.DataArray, xr.Dataset]:
    Y, modes = labelled(response), reference_modes(reference)
    check_fit(Y, modes)
    return Y, modes


def check_course(strengths: xr.DataArray, modes: xr.Dataset) -> None:
    """Raise an error unless these are strengths over epochs, of as many modes."""
    if "epoch" not in strengths.dims or strengths.dims[-1] != "mode":
        raise InputError(f"strengths over a training are (..., epoch, mode); got dims {strengths.dims}")
    if strengths.sizes["mode"] != modes.sizes["mode"]:
        raise InputError(
            f"{strengths.sizes['mode']} strengths for the {modes.sizes['mode']} modes of the reference"
        )


def check_fit(x: xr.DataArray | xr.Dataset, reference: xr.DataArray | xr.Dataset) -> None:
    """Raise an error unless two matrices, or their modes, have the same items and properties, in the same order."""
    dims, theirs = (
        (y["U"].dims[-2], y["V"].dims[-2]) if isinstance(y, xr.Dataset) else y.dims[-2:]
        for y in (x, reference)
    )
    shape, wanted = (tuple(y.sizes[d] for d in ds) for y, ds in ((x, dims), (reference, theirs)))
    if shape != wanted:
        raise InputError(
            f"a matrix {shape[0]} x {shape[1]} does not fit a reference {wanted[0]} x {wanted[1]}"
        )
    for mine, other in zip(dims, theirs, strict=True):
        if mine in x.coords and other in reference.coords:
            for at, (a, b) in enumerate(zip(x[mine].values, reference[other].values, strict=True)):
                if not same_name(a, b):
                    raise InputError(f"{mine} {at} is '{a}', in the reference '{b}': labels must be the same")


def one_side(modes: xr.Dataset, side: str, alive: xr.DataArray, K: int) -> xr.Dataset:
    """Return K modes of ``U diag(s) U'``, or of ``V diag(s) V'``: what is not alive, or not there, is zero."""
    kept = modes[["s", side]].where(alive, 0).drop_vars("mode", errors="ignore")
    kept = kept.pad({"mode": (0, K - kept.sizes["mode"])}, constant_values=0)
    dim = kept[side].dims[-2]
    return xr.Dataset({"U": kept[side], "s": kept["s"], "V": kept[side].rename({dim: f"{dim}_2"})})


def longer_side(modes: xr.Dataset) -> int:
    """Return the longer side of the matrix, by which rounding grows."""
    return max(modes["U"].shape[-2], modes["V"].shape[-2])


def not_null(modes: xr.Dataset) -> xr.DataArray:
    """Tell which modes (..., mode) are not null.

    Examples
    --------
    >>> not_null(svd(np.diag([3.0, 1.0, 0.0]))).values
    array([ True,  True, False])
    """
    return modes["s"].copy(data=above_rounding(modes["s"].values, longer_side(modes)))


def above_rounding(s: Array, size: int) -> NDArray[np.bool_]:
    """Tell which modes (..., K) are not null: their singular values are above rounding level."""
    return s > size * np.finfo(s.dtype).eps * s.max(axis=-1, keepdims=True)


def equal_neighbours(s: Array, size: int, tolerance: float) -> NDArray[np.bool_]:
    """Tell for each pair of neighbours (..., K - 1) whether they are of one block; null modes all are of one."""
    if not (is_real(tolerance) and 0 <= tolerance < 1):
        raise InputError(f"tolerance is a number from 0 up to below 1, not {tolerance!r}")
    alive = above_rounding(s, size)
    fall, least = s[..., :-1] - s[..., 1:], tolerance * s[..., :-1]
    if rises := np.argwhere((fall < -least) & alive[..., 1:]).tolist():
        *at, k = rises[0]
        a, b = s[(*at, k)], s[(*at, k + 1)]
        raise InputError(
            f"modes come with the largest first, as svd gives them; mode {k + 1} has {a:g}, mode {k + 2} has {b:g}"
        )
    return ((fall <= least) & alive[..., 1:]) | ~alive[..., :-1]


def blocks_of(equal: NDArray[np.bool_]) -> Groups:
    """Cut places, counted from 0, into blocks wherever neighbours (K - 1,) are not equal.

    Examples
    --------
    >>> blocks_of(np.array([False, True, False]))
    ((0,), (1, 2), (3,))
    """
    cuts = [0, *(np.flatnonzero(~equal) + 1).tolist(), len(equal) + 1]
    return tuple(tuple(range(a, b)) for a, b in pairwise(cuts))


# ----------------------------------------------------------------------------------------------------------- numerics


def _svd(A: Array, pooled: bool) -> tuple[Array, Array, Array]:
    lead, (n, m), K = A.shape[:-2], A.shape[-2:], min(A.shape[-2:])
    U, s, V = (np.empty((*lead, *side), A.dtype) for side in ((n, K), (K,), (m, K)))
    in_chunks(_svd_chunk, A, (U, s, V), pooled)
    return U, s, V


def _svd_chunk(A: Array) -> tuple[Array, Array, Array]:
    left, s, right = np.linalg.svd(_tall(A), full_matrices=False)
    U, V = (right.mT, left) if A.shape[-2] < A.shape[-1] else (left, right.mT)
    size = max(A.shape[-2:])
    rounding = 4 * np.sqrt(size) * np.finfo(s.dtype).eps * s[..., :1]
    equal = (s[..., :-1] - s[..., 1:] <= rounding) & above_rounding(s, size)[..., 1:]
    for at in zip(*np.nonzero(equal.any(-1)), strict=True):
        U[at], V[at] = _settled(U[at], s[at], V[at], rounding[at].item())
    return U, s, V


def _settled(U: Array, s: Array, V: Array, rounding: float) -> tuple[Array, Array]:
    """Turn modes whose singular values differ by rounding alone so that items stand out: pivoted Gram-Schmidt."""
    U, V, first = U.copy(), V.copy(), 0
    while first < len(s):
        J = slice(first, first + int(np.sum(s[first] - s[first:] <= rounding)))
        free, turn = U[:, J].copy(), []  # (item, direction): what of each item no direction has yet
        for _ in range(J.stop - J.start if J.stop - J.start > 1 else 0):
            length = np.linalg.norm(free, axis=1)
            item = np.argmax(length >= (1 - 1e-6) * length.max())
            turn.append(free[item] / length[item])
            free -= np.outer(free @ turn[-1], turn[-1])
        if turn:
            U[:, J], V[:, J] = U[:, J] @ np.transpose(turn), V[:, J] @ np.transpose(turn)
        first = J.stop
    return U, V


def _singular_values(A: Array, pooled: bool) -> Array:
    s = np.empty((*A.shape[:-2], min(A.shape[-2:])), A.dtype)
    in_chunks(lambda chunk: (np.linalg.svdvals(_tall(chunk)),), A, (s,), pooled)
    return s


def _tall(A: Array) -> Array:
    """Turn wide matrices over: LAPACK is a quarter faster on tall ones (8 x 34)."""
    return A.mT if A.shape[-2] < A.shape[-1] else A


def _project(Y: Array, U: Array, V: Array) -> Array:
    """Project (..., item, property) on U (item, mode) and V (property, mode), first on whichever leaves less.

    A view is copied before the product; an axis at a time, the copy stays small.
    """
    if len(U) > len(V):
        return np.einsum("...kj,jk->...k", U.T @ Y, V)
    if Y.ndim > 3 and not Y.flags.c_contiguous:
        return np.stack([_project(part, U, V) for part in Y])
    sides = (Y.reshape(-1, len(V)) @ V).reshape(*Y.shape[:-1], -1)  # one product, whatever the axes before
    return np.einsum("...ik,ik->...k", sides, U)


def _leakage(Y: Array, U: Array, V: Array, beside: Array) -> Array:
    core = U.T @ (Y @ V)  # (..., mode, mode)
    with np.errstate(invalid="ignore"):
        return np.linalg.norm(beside * core, axis=(-2, -1)) / np.linalg.norm(core, axis=(-2, -1))


def _first_to_stay(strengths: Array, threshold: Array, epochs: Array) -> Array:
    """Return the epoch (..., mode) that begins the last run of strengths (..., mode, epoch) over the threshold."""
    there = ~np.isnan(strengths)
    staying = stays(strengths >= threshold, there)
    at = staying.argmax(axis=-1)
    # before the first snapshot nothing is known
    epoch = np.where(at == there.argmax(axis=-1), 0.0, epochs[at])
    return np.where(staying.any(axis=-1), epoch, np.nan)


def stays(holds: NDArray[np.bool_], there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell where something (..., epoch) holds from here to the end; epochs that are not there are passed over.

    Examples
    --------
    >>> stays(np.array([True, False, False, True]), np.array([True, True, False, True])).tolist()
    [False, False, False, True]
    """
    last_run = np.logical_and.accumulate((holds | ~there)[..., ::-1], axis=-1)[..., ::-1]
    return last_run & there
