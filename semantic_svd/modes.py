"""The modes of item-property matrices: singular triples, their blocks, their strengths, and who is who.

A mode (u, s, v) of a hierarchy is not what it seems. Its sign is nobody's: conventions such as "largest loading
positive" tie on a tree, whose contrasts load equally on many items, and then rounding decides. And modes of equal
singular value turn freely among themselves. So modes are never compared vector by vector: equal ones are grouped in
blocks, blocks are matched as subspaces, and inside a block both sides are rotated together onto a reference.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import entr
from threadpoolctl import threadpool_limits

from semantic_svd.errors import InputError

Array = NDArray[np.floating]
Groups = tuple[tuple[int, ...], ...]
Triple = tuple[Array, Array, Array]

CHUNK = 2**18  # entries of a stack that one thread takes at a time: 2 MB, what a core's cache holds
TIE = 1e-9  # how much less the properties' side weighs, so that rounding decides nothing
COLUMNS = [
    "mode",
    "block",
    "matched",
    "verdict",
    "sign",
    "cosine_U",
    "cosine_V",
    "block_cosine",
    "angle_deg",
    "singular_value",
    "reference_singular_value",
    "null_cosine",
]


class Labelled(Protocol):
    """Anything that offers its matrix as a labelled array, as `Items` does."""

    @property
    def array(self) -> xr.DataArray:
        """The matrix, dims (item, property)."""


Matrix = np.ndarray | xr.DataArray | pd.DataFrame | Labelled


# ------------------------------------------------------------------------------------------------------------ modes


def svd(matrix: Matrix) -> xr.Dataset:
    """Decompose a matrix, or every matrix of a stack, into its modes.

    Parameters
    ----------
    matrix : array, DataArray, DataFrame or Items of shape (..., n_items, n_properties)
        Leading axes of an unlabelled array are (seed, epoch), or epoch alone. The last two axes of a DataArray may
        have any names (item and unit, post and pre). A Dask array stays lazy.

    Returns
    -------
    Dataset
        ``U`` (..., item, mode), ``s`` (..., mode), ``V`` (..., property, mode), mode = 1 to K, K the smaller side:
        the matrix is ``U diag(s) V'``. A matrix of a stack that is not finite (a seed that has ended) has NaN modes.
        Signs, and rotations among equal singular values, are whatever LAPACK gives: see `align`.

    Raises
    ------
    InputError
        If a single matrix is not finite, or there is no matrix of numbers.

    Examples
    --------
    >>> import numpy as np
    >>> modes = svd(np.array([[2.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
    >>> modes.s.values
    array([2., 1.])
    >>> modes.V.dims, modes.V.shape
    (('property', 'mode'), (3, 2))
    """
    A = _labelled(matrix)
    (row, column), K = A.dims[-2:], min(A.shape[-2:])
    U, s, V = _apply(_svd, A, [(row, "mode"), ("mode",), (column, "mode")], mode=K, pooled=A.chunks is None)
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

    Returns
    -------
    tuple of tuples of mode numbers, from 1
        Modes at rounding level, ``s_k <= max(shape) * eps * s_1``, are null: their vectors mean nothing, and they
        are one block, the last.

    References
    ----------
    Davis & Kahan (1970), The rotation of eigenvectors by a perturbation III, doi:10.1137/0707001

    Examples
    --------
    >>> blocks([5.0, 2.0, 2.0, 1.0])
    ((1,), (2, 3), (4,))
    """
    s, size = (modes["s"], _size(modes)) if isinstance(modes, xr.Dataset) else (modes, np.size(modes))
    values = np.asarray(s, dtype=float)
    if values.ndim != 1:
        raise InputError(
            f"blocks need the singular values of one matrix; got an array of shape {values.shape}"
        )
    rank = _rank(values, size)
    null = np.arange(len(values) - 1) >= rank
    return tuple(tuple(k + 1 for k in J) for J in _groups(_joined(values, rank, tolerance) | null))


def explained_variance(modes: xr.Dataset | Matrix) -> xr.DataArray:
    """Return the share of each mode in the sum of squares, ``s_k^2 / sum s^2``.

    The matrix is taken as it is: without centring, "variance" is about zero, not about the mean.

    Parameters
    ----------
    modes : Dataset of `svd`, or a matrix (..., item, property)

    Returns
    -------
    DataArray (..., mode), NaN for a matrix of zeros

    Examples
    --------
    >>> explained_variance(np.diag([3.0, 1.0])).values
    array([0.9, 0.1])
    """
    power = _modes(modes)["s"] ** 2
    total = power.sum("mode")
    return (power / total.where(total > 0)).rename("explained_variance")


def effective_rank(modes: xr.Dataset | Matrix) -> xr.DataArray:
    """Return the effective rank: e to the entropy (in nats) of ``s_k / sum s``.

    The shares are of the singular values themselves, not of their squares.

    Parameters
    ----------
    modes : Dataset of `svd`, or a matrix (..., item, property)

    Returns
    -------
    DataArray (...), from 1 to K, NaN for a matrix of zeros

    References
    ----------
    Roy & Vetterli (2007), The effective rank: a measure of effective dimensionality, EUSIPCO, 606-610

    Examples
    --------
    >>> float(effective_rank(np.eye(4)).round(12))
    4.0
    """
    s = _modes(modes)["s"]
    total = s.sum("mode")
    share = s / total.where(total > 0)
    entropy = xr.apply_ufunc(entr, share, dask="parallelized", output_dtypes=[share.dtype])
    return np.exp(entropy.sum("mode", skipna=False)).rename("effective_rank")


def participation_ratio(modes: xr.Dataset | Matrix) -> xr.DataArray:
    """Return the participation ratio of the squared singular values, ``(sum s^2)^2 / sum s^4``.

    The matrix is taken as it is: centre it first for the dimensionality of a covariance.

    Parameters
    ----------
    modes : Dataset of `svd`, or a matrix (..., item, property)

    Returns
    -------
    DataArray (...), from 1 to K, NaN for a matrix of zeros

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
    data's mode k a network has learnt, the singular value how large the response's own k-th mode is, whichever that
    may be. In one run the two may differ by more than the strength itself; what the projection leaves aside is the
    `leakage`.

    Parameters
    ----------
    response : matrix (..., item, property), lazy if it is a Dask array
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
    U, V = modes["U"].values, modes["V"].values
    probe = (U[:, None, :] * V[None, :, :]).reshape(-1, U.shape[1])  # (item * property, mode)
    out = _apply(_project, Y, [("mode",)], mode=U.shape[1], probe=probe.astype(Y.dtype))
    return out.assign_coords(mode=modes["mode"]).rename("strength")


def singular_strengths(response: Matrix) -> xr.DataArray:
    """Return the singular values of responses, largest first.

    Not the same as the strengths on the data's modes: see `strengths`.

    Parameters
    ----------
    response : matrix (..., item, property), lazy if it is a Dask array

    Returns
    -------
    DataArray (..., mode)

    Examples
    --------
    >>> singular_strengths(np.array([[0.0, 2.0], [3.0, 0.0]])).values
    array([3., 2.])
    """
    Y = _labelled(response)
    K = min(Y.shape[-2:])
    out = _apply(_singular_values, Y, [("mode",)], mode=K, pooled=Y.chunks is None)
    return out.assign_coords(mode=np.arange(1, K + 1)).rename("strength")


def leakage(response: Matrix, reference: xr.Dataset | Matrix) -> xr.DataArray:
    """Return how far responses mix the modes of a reference: the off-diagonal share of ``U' Y V``.

    Frobenius norm of the off-diagonal entries over that of all entries: 0 if the response is made of the reference's
    modes, 1 if it only turns modes into each other. Parts of the response outside the span of U and V do not count.

    Parameters
    ----------
    response : matrix (..., item, property), lazy if it is a Dask array
    reference : Dataset of `svd`, or a matrix; no leading axes

    Returns
    -------
    DataArray (...), NaN for a response of zeros

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
    return _apply(_leakage, Y, [()], U=modes["U"].values, V=modes["V"].values).rename("leakage")


def half_learned(
    strengths: xr.DataArray, reference: xr.Dataset | Matrix, fraction: float = 0.5
) -> xr.DataArray:
    """Return the first epoch from which a mode's strength stays at or over half the reference's singular value.

    "Stays": a strength that rises over the half, falls back and rises again counts from its last rise.

    Parameters
    ----------
    strengths : DataArray (..., epoch, mode)
        As `strengths` gives them. NaN, as after the end of a seed, is passed over.
    reference : Dataset of `svd`, or a matrix; no leading axes
    fraction : float
        0.5 is the half.

    Returns
    -------
    DataArray (..., mode)
        Labels of the epoch axis; NaN where never, and for null modes, which have no strength to reach.

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
    modes = _single(_modes(reference), "the reference of half_learned")
    s = modes["s"].values
    if "epoch" not in strengths.dims or strengths.dims[-1] != "mode":
        raise InputError(f"half_learned needs strengths (..., epoch, mode); got dims {strengths.dims}")
    if strengths.sizes["mode"] != len(s):
        raise InputError(f"{strengths.sizes['mode']} strengths for the {len(s)} modes of the reference")
    threshold = np.where(np.arange(len(s)) < _rank(s, _size(modes)), fraction * s, np.nan)
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


# ------------------------------------------------------------------------------------------ alignment and comparison


def align(modes: xr.Dataset | Matrix, reference: xr.Dataset | Matrix, tolerance: float = 1e-3) -> xr.Dataset:
    """Bring modes to the order, the rotation within blocks and the signs of a reference.

    Each block of the reference takes the modes that lie in it most, on both sides, by optimal assignment; then one
    orthogonal matrix turns them on both sides at once onto the block (Procrustes). For a block of one that is a sign.
    A mode whose two sides have opposite signs follows the reference on the items' side.

    Parameters
    ----------
    modes : Dataset of `svd`, or a matrix (..., item, property)
    reference : Dataset of `svd`, or a matrix; no leading axes
    tolerance : float
        Of the reference's `blocks`.

    Returns
    -------
    Dataset
        Like modes, mode k the partner of the reference's mode k. ``s`` holds ``u_k' Y v_k`` of the turned vectors:
        the singular values, where those within a block are equal. There ``U diag(s) V'`` is still the matrix;
        elsewhere it leaves out what the rotation puts beside the diagonal. Null modes only fill the places left over.

    Raises
    ------
    InputError
        If modes and reference are not over the same items and properties.

    References
    ----------
    Schönemann (1966), A generalized solution of the orthogonal Procrustes problem, doi:10.1007/BF02289451

    Examples
    --------
    >>> modes = svd(np.diag([2.0, 1.0]))
    >>> flipped = modes.assign(U=-modes.U, V=-modes.V)
    >>> bool((align(flipped, modes).U == modes.U).all())
    True
    """
    modes, reference = _pair(modes, reference)
    U, s, V = _stack(modes)
    (U_ref,), (s_ref,), (V_ref,) = _stack(reference)
    rank = _rank(s_ref, _size(reference))
    alive = _alive(s_ref, _size(reference))[:, None] & _alive(s, _size(modes))[:, None, :]
    GU, GV = _overlaps(U_ref, U, alive), _overlaps(V_ref, V, alive)
    return _turned(modes, _turns(GU, GV, _groups(_joined(s_ref, rank, tolerance))))


def align_epochs(modes: xr.Dataset, tolerance: float = 1e-3) -> xr.Dataset:
    """Bring the modes of each epoch to those of the epoch before, so that every mode keeps its name through time.

    As `align`, with the (aligned) epoch before as the reference. But the blocks that may rotate are those of the
    epoch's own singular values: every epoch remains a decomposition of its matrix, as exactly as the members of a
    block are equal, and modes that were equal once do not stay mixed when they part.

    Parameters
    ----------
    modes : Dataset of `svd` with an axis epoch
    tolerance : float
        Of the `blocks` of each epoch.

    Returns
    -------
    Dataset
        Like modes. The first epoch is as it was; epochs after the end of a seed stay NaN.

    Raises
    ------
    InputError
        If there is no axis named epoch.

    Examples
    --------
    >>> a = np.linspace(0, 1, 5)[:, None, None]  # two modes cross half-way
    >>> crossing = svd((1 - a) * np.diag([2.0, 1.0]) + a * np.diag([1.0, 2.2]))
    >>> align_epochs(crossing).s.sel(mode=1).values
    array([2.  , 1.75, 1.5 , 1.25, 1.  ])
    """
    modes = _modes(modes)
    if "epoch" not in modes["s"].dims:
        raise InputError(f"align_epochs needs an axis named epoch; got {modes['s'].dims}")
    names = modes["s"].dims
    last = modes.transpose(*(d for d in names[:-1] if d != "epoch"), "epoch", ...).compute()
    U, s, V = (x.reshape(-1, modes.sizes["epoch"], *x.shape[1:]) for x in _stack(last))
    joined = _joined(s, _rank(s, _size(modes)), tolerance)
    alive = _alive(s, _size(modes))
    both = alive[:, :-1, :, None] & alive[:, 1:, None, :]
    GU, GV = (_overlaps(x[:, :-1], x[:, 1:], both) for x in (U, V))  # (seed, epoch, mode before, mode)
    T = np.empty((*s.shape, s.shape[-1]), s.dtype)  # (seed, epoch, mode, aligned mode)
    T[:, 0] = np.eye(s.shape[-1])
    for e in range(1, s.shape[1]):
        before = T[:, e - 1].mT
        for groups, seeds in _alike(joined[:, e]):
            # The epoch's own blocks rotate, so they stand where align has the reference's: its turn, reversed.
            GU_e, GV_e = (before[seeds] @ G[seeds, e - 1] for G in (GU, GV))
            T[seeds, e] = _turns(GU_e.mT, GV_e.mT, groups).mT
    return _turned(last, T.reshape(-1, *T.shape[2:])).transpose(*names[:-1], ...)


def compare(
    modes: xr.Dataset | Matrix,
    reference: xr.Dataset | Matrix,
    tolerance: float = 1e-3,
    same: float = 0.95,
    null_draws: int = 200,
) -> pd.DataFrame:
    """Say of each mode of a reference where it is found among other modes: same, turned, swapped or different.

    Parameters
    ----------
    modes : Dataset of `svd`, or a matrix (..., item, property)
        Leading axes (seed, epoch) become the first columns; what is not finite has no rows.
    reference : Dataset of `svd`, or a matrix; no leading axes
    tolerance : float
        Of the reference's `blocks`.
    same : float
        The cosine from which on two directions, or two subspaces, are the same.
    null_draws : int
        How many random matrices the null model draws (always the same ones); 0 for none.

    Returns
    -------
    DataFrame, one row for each mode of the reference
        ``mode``, ``block`` ("5-6") and ``matched``: its number, its block, and the numbers of the block's partners;
        ``verdict``: *same*; *sign-flipped*: both vectors turned round; *swapped*: found under another number;
        *rotated within its block*: the block is there, its single vectors are not; *different*: the block's
        subspaces are not the same, or its two sides do not turn together; *null*: its singular value, or its
        partner's, is at rounding level, so that there are no vectors to speak of;
        ``sign``: +1 or -1 against the partner, 0 where single vectors have none;
        ``cosine_U``, ``cosine_V``: of mode k with mode k as they come, which is what a naive comparison sees;
        ``block_cosine``, ``angle_deg``: smallest principal cosine, and largest principal angle, of the block and its
        partners over both sides; ``singular_value`` (of the partner), ``reference_singular_value``;
        ``null_cosine``: the 95 % quantile of block_cosine if U and V were random (Haar) with this spectrum.

    Raises
    ------
    InputError
        If modes and reference are not over the same items and properties.

    Notes
    -----
    A flip is the library's arbitrary choice, not a finding: a mode is the same with both its vectors turned round.
    If only one of them is turned, the mode is different.

    References
    ----------
    Björck & Golub (1973), Numerical methods for computing angles between linear subspaces,
    doi:10.1090/S0025-5718-1973-0348991-3; Mezzadri (2007), How to generate random matrices from the classical compact
    groups, arXiv:math-ph/0609050; Bro, Acar & Kolda (2008), Resolving the sign ambiguity in the singular value
    decomposition, doi:10.1002/cem.1122

    Examples
    --------
    >>> data = np.diag([3.0, 2.0, 1.0])
    >>> compare(np.diag([1.0, 2.0, 3.0]), data)[["mode", "matched", "verdict", "block_cosine"]]
       mode matched  verdict  block_cosine
    0     1       3  swapped           1.0
    1     2       2     same           1.0
    2     3       1  swapped           1.0
    """
    modes, reference = _pair(modes, reference)
    (U_ref,), (s_ref,), (V_ref,) = _stack(reference)
    groups = _groups(_joined(s_ref, _rank(s_ref, _size(reference)), tolerance))
    rows = []
    for labels, U, s, V in zip(_labels(modes["s"]), *_stack(modes), strict=True):
        if np.isfinite(s).all():
            found = _rows((U, s, V), (U_ref, s_ref, V_ref), groups, same, null_draws)
            rows += [{**labels, **row} for row in found]
    return pd.DataFrame(rows, columns=[*modes["s"].dims[:-1], *COLUMNS])


def _rows(
    modes: Triple, reference: Triple, groups: Groups, same: float, null_draws: int
) -> Iterator[dict[str, Any]]:
    """Yield the rows of the comparison of one matrix's U, s, V with the reference's."""
    (U, s, V), (U_ref, s_ref, V_ref) = modes, reference
    size, K = max(len(U), len(V)), len(s)
    rank, rank_ref = int(_rank(s, size)), int(_rank(s_ref, size))
    null = _null_cosines((len(U), len(V), K), groups, rank_ref, rank, null_draws)
    alive = _alive(s_ref, size)[:, None] & _alive(s, size)
    GU, GV = _overlaps(U_ref, U, alive), _overlaps(V_ref, V, alive)
    order = _matched(GU[None], GV[None], groups)[0]
    for J in groups:
        partners = order[list(J)]
        (cosine,), (joint,) = _block_cosines(GU[None], GV[None], J, partners[None], alive[J[0]])
        moved = set(partners) != set(J)
        overlap = np.abs((GU * GV)[np.ix_(J, partners)])
        partners = partners[linear_sum_assignment(overlap, maximize=True)[1]]  # one to one, by raw vectors
        found = alive[J, partners]
        raw = np.minimum(np.abs(GU[J, partners]), np.abs(GV[J, partners]))
        vectors = min(cosine, joint) >= same and (raw[found] >= same).all()
        for k, partner, here in zip(J, partners, found, strict=True):
            sign = int(np.sign(GU[k, partner])) if vectors and here else 0
            if not here:
                verdict = "null"
            elif min(cosine, joint) < same:
                verdict = "different"
            else:
                verdict = _verdict(k, partner, sign, moved)
            yield {
                "mode": k + 1,
                "block": _name(J) if k < rank_ref else "null",
                "matched": _name(partners[found]),
                "verdict": verdict,
                "sign": sign,
                "cosine_U": GU[k, k] if alive[k, k] else np.nan,
                "cosine_V": GV[k, k] if alive[k, k] else np.nan,
                "block_cosine": cosine if here else np.nan,
                "angle_deg": np.degrees(np.arccos(cosine)) if here else np.nan,
                "singular_value": s[partner],
                "reference_singular_value": s_ref[k],
                "null_cosine": null[J],
            }


def _verdict(k: int, partner: int, sign: int, moved: bool) -> str:
    """Name what became of a mode whose block was found again."""
    if moved or (sign and partner != k):
        return "swapped"
    return {0: "rotated within its block", 1: "same", -1: "sign-flipped"}[sign]


def _name(members: Iterable[int]) -> str:
    """Name a block by its modes, counted from 1: "5", "5-6", "5, 8"."""
    numbers = sorted(int(k) + 1 for k in members)
    if len(numbers) > 1 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]}-{numbers[-1]}"
    return ", ".join(map(str, numbers))


@lru_cache
def _null_cosines(
    shape: tuple[int, int, int], groups: Groups, rank_ref: int, rank: int, draws: int
) -> dict[tuple[int, ...], float]:
    """Return the 95 % quantile of each block's cosine for random U and V.

    Haar-random U and V look alike from everywhere, so the reference may be the first K axes: of the spectrum only
    the blocks and the ranks matter, and the overlaps are the first K rows of U and V.
    """
    n_items, n_properties, K = shape
    rng = np.random.default_rng(0)
    alive = np.outer(np.arange(K) < rank_ref, np.arange(K) < rank)
    at_once = max(1, 2**22 // ((n_items + n_properties) * K))
    cosines: dict[tuple[int, ...], list[Array]] = {J: [] for J in groups}
    for done in range(0, draws, at_once):
        n = min(at_once, draws - done)
        GU, GV = (_haar(rng, n, size, K)[:, :K] * alive for size in (n_items, n_properties))
        order = _matched(GU, GV, groups)
        for J in groups:
            cosines[J].append(_block_cosines(GU, GV, J, order[:, J], alive[J[0]])[0])
    return {J: _quantile(np.concatenate(found)) if found else np.nan for J, found in cosines.items()}


def _quantile(cosines: Array) -> float:
    finite = cosines[np.isfinite(cosines)]
    return float(np.quantile(finite, 0.95)) if len(finite) else np.nan


def _haar(rng: np.random.Generator, n: int, size: int, K: int) -> Array:
    """Draw n matrices (size, K) of orthonormal columns, uniformly (Mezzadri 2007: QR with R's signs taken out)."""
    with threadpool_limits(1, "blas"):
        Q, R = np.linalg.qr(rng.standard_normal((n, size, K)))
    return Q * np.sign(np.einsum("nkk->nk", R))[:, None, :]


# ----------------------------------------------------------------------------------------------- matching and turning


def _joined(s: Array, rank: NDArray[np.integer] | int, tolerance: float) -> NDArray[np.bool_]:
    """Tell for each pair of neighbours (..., K - 1) whether they are one block; null modes stand alone."""
    near = s[..., :-1] - s[..., 1:] <= tolerance * s[..., :-1]
    return near & (np.arange(1, s.shape[-1]) < np.asarray(rank)[..., None])


def _groups(joined: NDArray[np.bool_]) -> Groups:
    cuts = [0, *(np.flatnonzero(~joined) + 1).tolist(), len(joined) + 1]
    return tuple(tuple(range(a, b)) for a, b in pairwise(cuts))


def _alike(joined: NDArray[np.bool_]) -> list[tuple[Groups, list[int]]]:
    """Collect the seeds that have the same blocks."""
    seeds: dict[bytes, list[int]] = {}
    for seed, row in enumerate(joined):
        seeds.setdefault(row.tobytes(), []).append(seed)
    return [(_groups(joined[found[0]]), found) for found in seeds.values()]


def _size(modes: xr.Dataset) -> int:
    """Return the longer side of the matrix, by which rounding grows."""
    return max(modes["U"].shape[-2], modes["V"].shape[-2])


def _rank(s: Array, size: int) -> NDArray[np.integer]:
    """Count the singular values (..., K) above rounding level."""
    return (s > size * np.finfo(s.dtype).eps * s[..., :1]).sum(-1)


def _alive(s: Array, size: int) -> NDArray[np.bool_]:
    """Tell which modes (..., K) are not null."""
    return np.arange(s.shape[-1]) < _rank(s, size)[..., None]


def _overlaps(reference: Array, vectors: Array, alive: NDArray[np.bool_]) -> Array:
    """Return all cosines (..., mode of the reference, mode); those of null modes are 0."""
    return np.where(alive, reference.mT @ vectors, 0)


def _matched(GU: Array, GV: Array, groups: Groups) -> NDArray[np.integer]:
    """Return for each mode of the reference its partner (n, K), so that all blocks together keep the most.

    What block J keeps of mode j is ``|P_J u_j| |P_J v_j|``, the lengths of its projections: for a block of one
    ``|u . u_j| |v . v_j|``. It is blind to signs and rotations, so that a mode with one side reversed still meets
    itself, and pulls no other out of place.
    """
    gain = np.empty_like(GU)
    for J in groups:
        kept = [(G[:, J] ** 2).sum(1, keepdims=True) for G in (GU, GV)]
        gain[:, J] = np.sqrt(kept[0] * kept[1])
    return np.array([linear_sum_assignment(one, maximize=True)[1] for one in gain])


def _turns(GU: Array, GV: Array, groups: Groups) -> Array:
    """Return orthogonal T (n, mode, mode of the reference): U T and V T are nearest to the reference, by block."""
    order = _matched(GU, GV, groups)
    T = np.zeros_like(GU)
    stack = np.arange(len(T))[:, None, None]
    for J in groups:
        partners = order[:, J]
        # U_block' U_J + V_block' V_J; where the sides would turn in opposite ways, the items' side decides
        both = _columns(GU + (1 - TIE) * GV, J, partners).mT
        T[stack, partners[:, :, None], np.array(J)] = _nearest_rotation(both)
    return T


def _columns(G: Array, J: tuple[int, ...], partners: NDArray[np.integer]) -> Array:
    """Take the cosines (n, b, b) of a block with its partners (n, b)."""
    return np.take_along_axis(G[:, list(J)], partners[:, None, :], axis=2)


def _nearest_rotation(M: Array) -> Array:
    if M.shape[-1] == 1:
        return np.where(M < 0, -1.0, 1.0)
    A, _, Bt = np.linalg.svd(M)
    return A @ Bt


def _block_cosines(
    GU: Array, GV: Array, J: tuple[int, ...], partners: NDArray[np.integer], alive: NDArray[np.bool_]
) -> tuple[Array, Array]:
    """Return a block's smallest principal cosine over both sides (n,), and that of the two sides turned as one.

    Partners (n, b) that are not alive (K,) do not count; if none is, both are NaN.
    """
    found = alive[partners].sum(1)

    def smallest(G: Array) -> Array:
        cosines = np.linalg.svd(_columns(G, J, partners), compute_uv=False)
        last = np.take_along_axis(cosines, np.maximum(found - 1, 0)[:, None], axis=1)[:, 0]
        return np.where(found > 0, np.minimum(last, 1), np.nan)

    return np.minimum(smallest(GU), smallest(GV)), smallest((GU + GV) / 2)


def _turned(modes: xr.Dataset, T: Array) -> xr.Dataset:
    """Apply T (n, mode, new mode) to both sides; the strengths are the diagonal of T' diag(s) T."""
    U, s, V = _stack(modes)
    parts = {"U": U @ T, "s": np.einsum("nk,nkj->nj", s, T**2), "V": V @ T}
    return modes.assign(
        {name: modes[name].copy(data=x.reshape(modes[name].shape)) for name, x in parts.items()}
    )


# -------------------------------------------------------------------------------------------------- labels in and out


def _labelled(matrix: Any) -> xr.DataArray:
    """Return any kind of matrix as a labelled array of floats (..., row, column)."""
    if isinstance(matrix, pd.DataFrame):
        matrix = xr.DataArray(
            matrix.to_numpy(), {"item": list(matrix.index), "property": list(matrix.columns)}
        )
    elif not isinstance(matrix, xr.DataArray):
        matrix = getattr(matrix, "array", matrix)
    if not isinstance(matrix, xr.DataArray):
        matrix = np.asarray(matrix)
        lead = ("seed", "epoch")[-(matrix.ndim - 2) :] if matrix.ndim > 2 else ()
        if not 2 <= matrix.ndim <= 4:
            raise InputError(f"a matrix has axes (seed, epoch,) item, property; got {matrix.ndim} axes")
        matrix = xr.DataArray(matrix, dims=(*lead, "item", "property"))
    return _checked(matrix)


def _checked(A: xr.DataArray) -> xr.DataArray:
    if A.ndim < 2 or 0 in A.shape[-2:]:
        raise InputError(f"a matrix needs two axes with something on them; got {dict(A.sizes)}")
    if A.dtype.kind not in "fiub":
        raise InputError(f"a matrix is made of real numbers; got {A.dtype}")
    if A.dtype.kind != "f":
        A = A.astype(float)
    if A.ndim == 2:
        A = A.compute()
        finite = np.isfinite(A.values)
        if not finite.all():
            row, column = (int(at) for at in np.argwhere(~finite)[0])
            raise InputError(
                f"the matrix is not finite: {A.values[row, column]} at row {row}, column {column}"
            )
    return A


def _modes(modes: Any) -> xr.Dataset:
    """Return modes as they are, and those of a matrix."""
    if not isinstance(modes, xr.Dataset):
        return svd(modes)
    if not {"U", "s", "V"} <= set(modes.data_vars):
        raise InputError(f"modes are a Dataset of U, s and V, as svd gives; got {sorted(map(str, modes))}")
    return modes


def _single(modes: xr.Dataset, what: str) -> xr.Dataset:
    if modes["s"].ndim != 1:
        raise InputError(f"{what} must be one matrix or its modes; got leading axes {modes['s'].dims[:-1]}")
    return modes.compute()


def _pair(modes: Any, reference: Any) -> tuple[xr.Dataset, xr.Dataset]:
    """Return both as modes in memory, over the same items and properties and of the same number."""
    modes, reference = _modes(modes).compute(), _single(_modes(reference), "the reference")
    _fit(modes, (modes["U"].dims[-2], modes["V"].dims[-2]), reference)
    if modes.sizes["mode"] != reference.sizes["mode"]:
        raise InputError(f"{modes.sizes['mode']} modes against {reference.sizes['mode']} of the reference")
    return modes, reference


def _response_and_reference(response: Any, reference: Any) -> tuple[xr.DataArray, xr.Dataset]:
    Y, modes = _labelled(response), _single(_modes(reference), "the reference")
    _fit(Y, Y.dims[-2:], modes)
    return Y, modes


def _fit(x: xr.DataArray | xr.Dataset, dims: tuple, reference: xr.Dataset) -> None:
    """Raise an error unless x and the reference have the same items and properties, in the same order."""
    theirs = (reference["U"].dims[-2], reference["V"].dims[-2])
    shape, wanted = (tuple(y.sizes[d] for d in ds) for y, ds in ((x, dims), (reference, theirs)))
    if shape != wanted:
        raise InputError(
            f"a matrix {shape[0]} x {shape[1]} does not fit a reference {wanted[0]} x {wanted[1]}"
        )
    for mine, other in zip(dims, theirs, strict=True):
        if mine in x.coords and other in reference.coords:
            for at, (a, b) in enumerate(zip(x[mine].values, reference[other].values, strict=True)):
                if a != b:
                    raise InputError(f"{mine} {at} is '{a}', in the reference '{b}': labels must be the same")


def _labels(s: xr.DataArray) -> Iterator[dict[str, Any]]:
    """Yield the labels of each matrix of a stack, by axis."""
    lead = s.dims[:-1]
    for index in np.ndindex(s.shape[:-1]):
        yield {str(d): s[d].values[i] for d, i in zip(lead, index, strict=True)}


def _stack(modes: xr.Dataset) -> Triple:
    """Return U (n, item, mode), s (n, mode), V (n, property, mode) with the leading axes as one."""
    U, s, V = (modes[name].values for name in "UsV")
    return U.reshape(-1, *U.shape[-2:]), s.reshape(-1, s.shape[-1]), V.reshape(-1, *V.shape[-2:])


# ----------------------------------------------------------------------------------------------------------- numerics


def _apply(function: Callable, A: xr.DataArray, out: list[tuple], mode: int = 0, **kwargs: Any) -> Any:
    """Apply a function of arrays (..., row, column) under xarray's labels; block by block if A is a Dask array."""
    lazy = A.chunks is not None
    return xr.apply_ufunc(
        function,
        A.chunk({d: -1 for d in A.dims[-2:]}) if lazy else A,
        input_core_dims=[A.dims[-2:]],
        output_core_dims=out,
        kwargs=kwargs,
        keep_attrs=False,
        dask="parallelized",
        output_dtypes=[A.dtype] * len(out),
        dask_gufunc_kwargs={"output_sizes": {"mode": mode} if mode else {}},
    )


def _svd(A: Array, pooled: bool) -> Triple:
    lead, (n, m), K = A.shape[:-2], A.shape[-2:], min(A.shape[-2:])
    U, s, V = (np.empty((*lead, *side), A.dtype) for side in ((n, K), (K,), (m, K)))
    _in_chunks(_svd_chunk, A, (U, s, V), (2, 1, 2), pooled)
    return U, s, V


def _svd_chunk(A: Array) -> Triple:
    left, s, right = np.linalg.svd(_tall(A), full_matrices=False)
    return (right.mT, s, left) if A.shape[-2] < A.shape[-1] else (left, s, right.mT)


def _singular_values(A: Array, pooled: bool) -> Array:
    s = np.empty((*A.shape[:-2], min(A.shape[-2:])), A.dtype)
    _in_chunks(lambda chunk: (np.linalg.svd(_tall(chunk), compute_uv=False),), A, (s,), (1,), pooled)
    return s


def _tall(A: Array) -> Array:
    """Turn wide matrices over: LAPACK is a quarter faster on tall ones (8 x 34)."""
    return A.mT if A.shape[-2] < A.shape[-1] else A


def _in_chunks(work: Callable, A: Array, outs: tuple, core: tuple[int, ...], pooled: bool) -> None:
    """Write work(chunk) into the outs, chunks of the stack on all cores; NaN where a matrix is not finite.

    numpy's SVD works through a stack without Python's lock. Each chunk gets one BLAS thread: BLAS's own threads are
    slower than none on matrices that come in stacks, and several times slower under a pool.
    """
    stack = A.reshape(-1, *A.shape[-2:])
    flat = [out.reshape(len(stack), *out.shape[out.ndim - n :]) for out, n in zip(outs, core, strict=True)]

    def one(rows: slice) -> None:
        chunk = stack[rows]
        lost = np.logical_not(np.isfinite(chunk).all(axis=(-2, -1)))
        if lost.any():
            chunk = np.where(lost[:, None, None], 0, chunk)
        for out, part in zip(flat, work(chunk), strict=True):
            out[rows] = part
            if lost.any():
                out[rows][lost] = np.nan

    step = max(1, CHUNK // stack[:1].size) if stack.size else 1
    chunks = [slice(first, first + step) for first in range(0, len(stack), step)]
    if pooled and len(chunks) > 1:
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(one, chunks))
    else:
        for rows in chunks:
            one(rows)


def _project(Y: Array, probe: Array) -> Array:
    """Multiply (..., item * property) with probe (item * property, mode): one product, whatever the axes before.

    A view is copied before the product; an axis at a time, the copy stays small.
    """
    if Y.ndim > 3 and not Y.flags.c_contiguous:
        return np.stack([_project(part, probe) for part in Y])
    return (Y.reshape(-1, len(probe)) @ probe).reshape(*Y.shape[:-2], -1)


def _leakage(Y: Array, U: Array, V: Array) -> Array:
    core = U.T @ (Y @ V)  # (..., mode, mode)
    beside = core * (1 - np.eye(core.shape[-1]))
    with np.errstate(invalid="ignore"):
        return np.linalg.norm(beside, axis=(-2, -1)) / np.linalg.norm(core, axis=(-2, -1))


def _first_to_stay(strengths: Array, threshold: Array, epochs: Array) -> Array:
    """Return the epoch (..., mode) that begins the last run of strengths (..., mode, epoch) over the threshold."""
    ended = np.isnan(strengths)
    over = (strengths >= threshold) | ended
    staying = np.logical_and.accumulate(over[..., ::-1], axis=-1).sum(-1, keepdims=True)
    first = np.minimum(over.shape[-1] - staying, over.shape[-1] - 1)
    learned = (staying > 0) & ~np.take_along_axis(ended, first, axis=-1)
    return np.where(learned, epochs[first], np.nan)[..., 0]
