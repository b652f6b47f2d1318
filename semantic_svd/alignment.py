"""Who is who among modes: aligned to a reference, followed from epoch to epoch, compared and named.

Signs are arbitrary, and so are rotations within a block of equal singular values (see `modes`). So modes are never
compared vector by vector: equal ones are grouped in blocks, blocks are matched as subspaces, and inside a block both
sides are rotated together onto the reference.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from semantic_svd.errors import InputError, is_real, whole
from semantic_svd.matrices import Array, Matrix, one_blas_thread
from semantic_svd.modes import (
    Groups,
    above_rounding,
    as_modes,
    blocks_of,
    check_fit,
    equal_neighbours,
    longer_side,
    reference_modes,
)

__all__ = ["align", "align_epochs", "compare", "upright"]

Triple = tuple[Array, Array, Array]

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
        If modes and reference are not over the same items and properties, or tolerance is not from 0 up to below 1.

    References
    ----------
    Schönemann (1966), A generalized solution of the orthogonal Procrustes problem, doi:10.1007/BF02289451

    Examples
    --------
    >>> from semantic_svd.modes import svd
    >>> modes = svd(np.diag([2.0, 1.0]))
    >>> flipped = modes.assign(U=-modes.U, V=-modes.V)
    >>> bool((align(flipped, modes).U == modes.U).all())
    True
    """
    modes, reference = _pair(modes, reference)
    GU, GV, _, groups = _met(modes, reference, tolerance)
    return _turned(modes, _turns(GU, GV, groups))


def upright(modes: xr.Dataset) -> xr.Dataset:
    """Give the modes of one matrix signs in which the first item that is large in a mode is positive, to be read.

    Large is more than half of the largest, so items that load equally on a mode do not leave its sign to rounding.

    Examples
    --------
    >>> from semantic_svd.modes import svd
    >>> modes = upright(svd(np.diag([-2.0, 1.0])))
    >>> modes.U.values.diagonal().tolist(), modes.V.values.diagonal().tolist()
    ([1.0, 1.0], [-1.0, 1.0])
    """
    U = modes["U"].values
    large = np.abs(U) > 0.5 * np.abs(U).max(axis=0)
    signs = np.sign(U[large.argmax(axis=0), np.arange(U.shape[1])])
    return modes.assign(U=modes["U"] * signs, V=modes["V"] * signs)


def align_epochs(modes: xr.Dataset, tolerance: float = 1e-3) -> xr.Dataset:
    """Bring the modes of each epoch to those of the epoch before, so that every mode keeps its name through time.

    As `align`, with the (aligned) epoch before as the reference, the last that the seed has. But the blocks that may
    rotate are those of the epoch's own singular values: every epoch remains a decomposition of its matrix, as exactly
    as the members of a block are equal, and modes that were equal once do not stay mixed when they part.

    Parameters
    ----------
    modes : Dataset of `svd` with an axis epoch
    tolerance : float
        Of the `blocks` of each epoch.

    Returns
    -------
    Dataset
        Like modes. The first epoch is as it was; epochs that a seed does not have stay NaN.

    Raises
    ------
    InputError
        If there is no axis named epoch, or tolerance is not from 0 up to below 1.

    Examples
    --------
    >>> from semantic_svd.modes import svd
    >>> a = np.linspace(0, 1, 5)[:, None, None]  # two modes cross half-way
    >>> crossing = svd((1 - a) * np.diag([2.0, 1.0]) + a * np.diag([1.0, 2.2]))
    >>> align_epochs(crossing).s.sel(mode=1).values
    array([2.  , 1.75, 1.5 , 1.25, 1.  ])
    """
    modes = as_modes(modes)
    if "epoch" not in modes["s"].dims:
        raise InputError(f"align_epochs needs an axis named epoch; got {modes['s'].dims}")
    names = modes["s"].dims
    last = modes.transpose(*(d for d in names[:-1] if d != "epoch"), "epoch", ...).compute()
    U, s, V = (x.reshape(-1, modes.sizes["epoch"], *x.shape[1:]) for x in _stack(last))
    equal = equal_neighbours(s, longer_side(modes), tolerance)
    alive = above_rounding(s, longer_side(modes))
    living = np.where(np.isfinite(s).all(-1), np.arange(s.shape[1]), 0)
    at = np.arange(len(s))[:, None], np.maximum.accumulate(living, axis=1)[:, :-1]  # of what was there before
    both = alive[at][..., :, None] & alive[:, 1:, None, :]
    GU, GV = (_overlaps(x[at], x[:, 1:], both) for x in (U, V))  # (seed, epoch, mode before, mode)
    T = np.empty((*s.shape, s.shape[-1]), s.dtype)  # (seed, epoch, mode, aligned mode)
    T[:, 0] = np.eye(s.shape[-1])
    for e in range(1, s.shape[1]):
        before = T[at[0][:, 0], at[1][:, e - 1]].mT
        for groups, seeds in _alike(equal[:, e]):
            # The epoch's own blocks rotate, so they stand where align has the reference's: its turn, reversed.
            GU_e, GV_e = (before[seeds] @ G[seeds, e - 1] for G in (GU, GV))
            T[seeds, e] = _turns(GU_e.mT, GV_e.mT, groups).mT
    return _turned(last, T.reshape(-1, *T.shape[2:])).transpose(*names[:-1], ...)


def compare(
    modes: xr.Dataset | Matrix,
    reference: xr.Dataset | Matrix,
    tolerance: float = 1e-3,
    same: float = 0.95,
    null_draws: int | None = None,
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
        The cosine from which on two directions, or two subspaces, are the same: over 0, up to 1.
    null_draws : int, optional
        How many random matrices the null model draws (always the same ones); 0 for none. If not given, 4,000, and of
        large matrices as many as take a second or two, 200 at least: what is called 5 % is then 4.5 to 5.5, and 3 to 7.

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
        If modes and reference are not over the same items and properties, or tolerance, same or null_draws is no number
        that is allowed.

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
    if not (is_real(same) and 0 < same <= 1):
        raise InputError(f"same is a cosine over 0 and up to 1, not {same!r}")
    draws = None if null_draws is None else whole("null_draws", null_draws, 0)
    modes, reference = _pair(modes, reference)
    (U_ref,), (s_ref,), (V_ref,) = _stack(reference)
    groups = blocks_of(equal_neighbours(s_ref, longer_side(reference), tolerance))
    if draws is None:
        draws = int(np.clip(1e9 / ((len(U_ref) + len(V_ref)) * len(s_ref) ** 2), 200, 4000))
    rows = []
    for labels, U, s, V in zip(_labels(modes["s"]), *_stack(modes), strict=True):
        if np.isfinite(s).all():
            found = _rows((U, s, V), (U_ref, s_ref, V_ref), groups, same, draws)
            rows += [{**labels, **row} for row in found]
    return pd.DataFrame(rows, columns=[*modes["s"].dims[:-1], *COLUMNS])


def block_cosines(modes: xr.Dataset, reference: xr.Dataset, tolerance: float = 1e-3) -> Array:
    """Return the block_cosine of `compare` alone, (n, mode), for finite modes of a stack of many matrices.

    Examples
    --------
    >>> from semantic_svd.modes import svd
    >>> data = np.diag([3.0, 2.0, 0.0])
    >>> block_cosines(svd(np.stack([data, data.T[::-1]])), svd(data))
    array([[ 1.,  1., nan],
           [ 0.,  1., nan]])
    """
    GU, GV, alive, groups = _met(*_pair(modes, reference), tolerance)
    order = _matched(GU, GV, groups)
    found = np.empty(order.shape)
    for J in groups:
        found[:, J] = _block_cosines(GU, GV, J, order[:, J], alive[:, J[0]])[0][:, None]
    return found


def _rows(
    modes: Triple, reference: Triple, groups: Groups, same: float, null_draws: int
) -> Iterator[dict[str, Any]]:
    """Yield the rows of the comparison of one matrix's U, s, V with the reference's."""
    (U, s, V), (U_ref, s_ref, V_ref) = modes, reference
    size, K = max(len(U), len(V)), len(s)
    real_ref, real = above_rounding(s_ref, size), above_rounding(s, size)
    null = _null_cosines((len(U), len(V), K), groups, int(real_ref.sum()), int(real.sum()), null_draws)
    alive = np.outer(real_ref, real)
    GU, GV = _overlaps(U_ref, U, alive), _overlaps(V_ref, V, alive)
    order = _matched(GU[None], GV[None], groups)[0]
    for J in groups:
        partners = order[list(J)]
        (cosine,), (joint,) = _block_cosines(GU[None], GV[None], J, partners[None], alive[None, J[0]])
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
                "block": _name(J) if real_ref[k] else "null",
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
            cosines[J].append(_block_cosines(GU, GV, J, order[:, J], alive[None, J[0]])[0])
    return {J: _quantile(np.concatenate(found)) if found else np.nan for J, found in cosines.items()}


def _quantile(cosines: Array) -> float:
    finite = cosines[np.isfinite(cosines)]
    return float(np.quantile(finite, 0.95)) if len(finite) else np.nan


def _haar(rng: np.random.Generator, n: int, size: int, K: int) -> Array:
    """Draw n matrices (size, K) of orthonormal columns, uniformly (Mezzadri 2007: QR with R's signs taken out)."""
    with one_blas_thread():
        Q, R = np.linalg.qr(rng.standard_normal((n, size, K)))
    return Q * np.sign(np.einsum("nkk->nk", R))[:, None, :]


# ----------------------------------------------------------------------------------------------- matching and turning


def _alike(equal: NDArray[np.bool_]) -> list[tuple[Groups, list[int]]]:
    """Collect the seeds that have the same blocks."""
    seeds: dict[bytes, list[int]] = {}
    for seed, row in enumerate(equal):
        seeds.setdefault(row.tobytes(), []).append(seed)
    return [(blocks_of(equal[found[0]]), found) for found in seeds.values()]


def _met(
    modes: xr.Dataset, reference: xr.Dataset, tolerance: float
) -> tuple[Array, Array, NDArray[np.bool_], Groups]:
    """Return the cosines of a reference with a stack, GU and GV, which count (n, K, K), and the reference's blocks."""
    U, s, V = _stack(modes)
    (U_ref,), (s_ref,), (V_ref,) = _stack(reference)
    size = longer_side(reference)
    alive = above_rounding(s_ref, size)[:, None] & above_rounding(s, size)[:, None, :]
    groups = blocks_of(equal_neighbours(s_ref, size, tolerance))
    return _overlaps(U_ref, U, alive), _overlaps(V_ref, V, alive), alive, groups


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

    Partners (n, b) that are not alive (n, K), or (1, K), do not count; if none is, both are NaN.
    """
    found = np.take_along_axis(alive, partners, axis=1).sum(1)
    u, v = (_columns(G, J, partners) for G in (GU, GV))

    def smallest(G: Array) -> Array:
        cosines = np.linalg.svdvals(G)
        last = np.take_along_axis(cosines, (found - 1)[:, None], axis=1)[:, 0]
        return np.where(found > 0, np.minimum(last, 1), np.nan)

    return np.minimum(smallest(u), smallest(v)), smallest((u + v) / 2)


def _turned(modes: xr.Dataset, T: Array) -> xr.Dataset:
    """Apply T (n, mode, new mode) to both sides; the strengths are the diagonal of T' diag(s) T."""
    U, s, V = _stack(modes)
    parts = {"U": U @ T, "s": np.einsum("nk,nkj->nj", s, T**2), "V": V @ T}
    return modes.assign(
        {name: modes[name].copy(data=x.reshape(modes[name].shape)) for name, x in parts.items()}
    )


# -------------------------------------------------------------------------------------------------- labels in and out


def _pair(modes: Any, reference: Any) -> tuple[xr.Dataset, xr.Dataset]:
    """Return both as modes in memory, over the same items and properties and of the same number."""
    modes, reference = as_modes(modes).compute(), reference_modes(reference)
    check_fit(modes, reference)
    if modes.sizes["mode"] != reference.sizes["mode"]:
        raise InputError(f"{modes.sizes['mode']} modes against {reference.sizes['mode']} of the reference")
    return modes, reference


def _labels(s: xr.DataArray) -> Iterator[dict[str, Any]]:
    """Yield the labels of each matrix of a stack, by axis."""
    lead = s.dims[:-1]
    for index in np.ndindex(s.shape[:-1]):
        yield {str(d): s[d].values[i] for d, i in zip(lead, index, strict=True)}


def _stack(modes: xr.Dataset) -> Triple:
    """Return U (n, item, mode), s (n, mode), V (n, property, mode) with the leading axes as one."""
    U, s, V = (modes[name].values for name in "UsV")
    return U.reshape(-1, *U.shape[-2:]), s.reshape(-1, s.shape[-1]), V.reshape(-1, *V.shape[-2:])
