"""What the closed forms share: numbers as they are given, checked, and the integration of a flow over its times."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import solve_ivp

from semantic_svd.errors import InputError
from semantic_svd.matrices import Array, Matrix, labelled


def items_of(x: Matrix, y: Matrix | None) -> tuple[Array, Array]:
    """Return inputs and targets, (item, input) and (item, output); x is its own target where y is None."""
    inputs = _table(x)
    targets = inputs if y is None else _table(y)
    if len(inputs) != len(targets):
        raise InputError(
            f"{len(inputs)} items in x, {len(targets)} in y: each item has one input and one target"
        )
    return inputs, targets


def _table(x: Matrix) -> Array:
    values = labelled(x).values
    if values.ndim != 2:
        raise InputError(f"items are one matrix, (item, property); got the shape {values.shape}")
    return values


def times_of(times: ArrayLike) -> Array:
    """Return a list of times, checked."""
    times = np.atleast_1d(np.asarray(times, dtype=float))
    if times.ndim != 1 or not len(times) or not np.all((times >= 0) & np.isfinite(times)):
        raise InputError(f"times = {short(times)}: a list of times, finite and not negative")
    return times


def short(values: Array) -> str:
    """Write numbers in one line.

    Examples
    --------
    >>> short(np.arange(9.0))
    '[0., 1., ..., 7., 8.]'
    """
    return np.array2string(values, threshold=6, edgeitems=2, separator=", ").replace("\n", "")


def integrated(change: Callable[[float, Array], Array], start: Array, times: Array) -> Array:
    """Integrate from t = 0 and return the state at the times, in their order: (time, state).

    The tolerance is far below what is asked of a theory: a mode that is still small grows, and its error with it.
    """
    distinct, place = np.unique(times, return_inverse=True)
    if not distinct.any():
        return start[None].repeat(len(times), axis=0)
    solution = solve_ivp(change, (0, distinct[-1]), start, "DOP853", t_eval=distinct, rtol=1e-13, atol=1e-15)
    if not solution.success:
        raise RuntimeError(f"the integration stopped: {solution.message}")
    return solution.y.T[place]
