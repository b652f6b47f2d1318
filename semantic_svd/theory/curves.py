"""How each mode's strength grows in a linear net that starts along the modes, in closed form or by one equation.

Time is t = rate * steps. In a net of D layers of weights ``tau da/dt = D a^(2 - 2/D) (s - c a)``, where

- s is the singular value of ``<t x'>`` (targets by inputs, mean over items) that belongs to the mode,
- c is the eigenvalue of ``<x x'>`` along it (argument `inputs`), and the strength ends at s / c.

White inputs have c = 1, the default. N one-hot items have c = 1 / N, and s is an N-th of the data's singular value;
that is the same as c = 1, the data's singular values, and N for tau. An autoassociator (t = x) has
s = c = lambda = s_data^2 / N, and a is the share of the mode that it has learned: its response has the strength
s_data * a.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from semantic_svd.errors import InputError, whole
from semantic_svd.matrices import Array, Matrix
from semantic_svd.modes import not_null, svd
from semantic_svd.theory.given import integrated, items_of, short

__all__ = ["aligned_start", "deep", "half_rise", "one_layer", "two_layer"]


def two_layer(s: ArrayLike, a0: ArrayLike, t: ArrayLike, tau: float = 1.0, inputs: ArrayLike = 1.0) -> Array:
    """Follow the strengths of a net with one hidden layer: each rises as a sigmoid, the strongest mode first.

    ``a(t) = a_end / (1 + (a_end / a0 - 1) exp(-2 s t / tau))``, a_end = s / c; with white inputs this is
    ``s e^(2st/tau) / (e^(2st/tau) - 1 + s/a0)``. It holds for the balanced start along the modes that
    `aligned_start` gives; a start that is balanced but not aligned departs from it at any rate.

    Parameters
    ----------
    s : array of shape (n_modes,)
        Singular values of ``<t x'>``, greater than 0.
    a0 : array of shape (n_modes,) or float
        Strengths at t = 0, greater than 0.
    t : array of shape (n_times,)
        Times, rate * steps, 0 or greater.
    tau : float
        Time constant: 1, or N for the singular values of N one-hot items.
    inputs : array of shape (n_modes,) or float
        c, the eigenvalues of ``<x x'>`` along the modes: 1 for white inputs, s for an autoassociator.

    Returns
    -------
    ndarray of shape (n_times, n_modes)
        In general the shape of t, then that of s.

    Raises
    ------
    InputError
        If a value is out of its range.

    References
    ----------
    Saxe, McClelland & Ganguli, ICLR 2014, arXiv:1312.6120; PNAS 116, 2019, doi:10.1073/pnas.1820226116

    Examples
    --------
    >>> two_layer([3.0, 1.0], a0=0.01, t=[0.0, 1.0, 10.0]).round(3)
    array([[0.01 , 0.01 ],
           [1.723, 0.069],
           [3.   , 1.   ]])

    The strengths in the response of an autoassociator to N = 2 items with the singular values 2 and 1:

    >>> s_data = np.array([2.0, 1.0])
    >>> eigenvalues = s_data**2 / 2
    >>> (s_data * two_layer(eigenvalues, 0.01, [0.0, 2.0], inputs=eigenvalues)).round(3)
    array([[0.02 , 0.01 ],
           [1.936, 0.069]])
    """
    s, a0, t, c = _checked(s, a0, t, tau, inputs, lowest=0)
    end = s / c
    return end / (1 + (end / a0 - 1) * np.exp(-2 * s * t / tau))


def one_layer(s: ArrayLike, a0: ArrayLike, t: ArrayLike, tau: float = 1.0, inputs: ArrayLike = 1.0) -> Array:
    """Follow the strengths of a net without hidden layers: each nears its end exponentially, from any start.

    ``a(t) = a_end - (a_end - a0) exp(-c t / tau)``, a_end = s / c.

    Parameters
    ----------
    s, a0, t, tau, inputs
        As for `two_layer`; a0 may be any number.

    Returns
    -------
    ndarray of shape (n_times, n_modes)

    Raises
    ------
    InputError
        If a value is out of its range.

    References
    ----------
    Saxe, McClelland & Ganguli, PNAS 116, 2019, doi:10.1073/pnas.1820226116

    Examples
    --------
    >>> one_layer([2.0, 1.0], a0=0.0, t=[0.0, np.log(2)])
    array([[0. , 0. ],
           [1. , 0.5]])
    """
    s, a0, t, c = _checked(s, a0, t, tau, inputs, lowest=-np.inf)
    end = s / c
    return end - (end - a0) * np.exp(-c * t / tau)


def deep(
    s: ArrayLike, a0: ArrayLike, t: ArrayLike, tau: float = 1.0, inputs: ArrayLike = 1.0, layers: int = 3
) -> Array:
    """Follow the strengths of a net of D weight layers: the deeper, the longer the wait and the steeper the rise.

    Integrates ``tau da/dt = D a^(2 - 2/D) (s - c a)``, from a start aligned and balanced over all layers
    (each holds a0^(1/D)). What is integrated is the strength of one layer, ``a^(1/D)``, which is not too
    small to be seen.

    Parameters
    ----------
    s, a0, t, tau, inputs
        As for `two_layer`.
    layers : int
        D, the number of weight matrices, 1 or more; 1 is `one_layer` and 2 is `two_layer`.

    Returns
    -------
    ndarray of shape (n_times, n_modes)
        True to about 1e-8, from starts as small as 1e-12 too.

    Raises
    ------
    InputError
        If a value is out of its range.

    References
    ----------
    Saxe, McClelland & Ganguli, ICLR 2014, arXiv:1312.6120

    Arora, Cohen & Hazan, ICML 2018, arXiv:1802.06509

    Examples
    --------
    >>> deep([3.0, 1.0], a0=0.01, t=[0.0, 1.0, 10.0], layers=3).round(3)
    array([[0.01 , 0.01 ],
           [0.206, 0.02 ],
           [3.   , 1.   ]])
    """
    whole("layers", layers)
    s, a0, t, c = _checked(s, a0, t, tau, inputs, lowest=0)
    s, a0, c = np.broadcast_arrays(s, a0, c)

    def growth(_: float, b: Array) -> Array:  # of b = a^(1/D)
        return b ** (layers - 1) * (s.ravel() - c.ravel() * b**layers) / tau

    a = integrated(growth, a0.ravel() ** (1 / layers), t.ravel()) ** layers
    return a.reshape(np.broadcast_shapes(t.shape, s.shape))


def half_rise(s: ArrayLike, a0: ArrayLike, tau: float = 1.0, inputs: ArrayLike = 1.0) -> Array:
    """Tell when each mode of a net with one hidden layer reaches half its strength.

    ``t = tau / (2 s) ln(a_end / a0 - 1)``: the stages of learning follow 1 / s.

    Parameters
    ----------
    s, a0, tau, inputs
        As for `two_layer`.

    Returns
    -------
    ndarray of shape (n_modes,)
        Times, rate * steps; 0 for a mode that starts at half its strength or above.

    Raises
    ------
    InputError
        If a value is out of its range.

    References
    ----------
    Saxe, McClelland & Ganguli, PNAS 116, 2019, doi:10.1073/pnas.1820226116

    Examples
    --------
    >>> half_rise([3.0, 1.0], a0=0.01).round(3)
    array([0.95 , 2.298])
    """
    s, a0, _, c = _checked(s, a0, 0.0, tau, inputs, lowest=0)
    return tau / (2 * s) * np.log(np.maximum(s / (c * a0) - 1, 1))


def aligned_start(
    x: Matrix, y: Matrix | None = None, *, a0: ArrayLike, units: int | Sequence[int], seed: int = 0
) -> tuple[Array, ...]:
    """Draw the start from which a linear net without biases follows `two_layer`, or `deep`.

    With U and V the sides of the targets' modes towards outputs and inputs (``<t x'> = U s V'``), and R1, R2, ...
    random matrices with orthonormal columns, one for each hidden layer, the D matrices of weights are
    ``R1 a0^(1/D) V'``, ``R2 a0^(1/D) R1'``, ..., ``U a0^(1/D) R'``.

    Parameters
    ----------
    x : array of shape (n_items, n_inputs)
        The inputs.
    y : array of shape (n_items, n_outputs), optional
        The targets; x itself if not given (an autoassociator).
    a0 : float or array of shape (n_modes,)
        The strength of each mode at the start, greater than 0, in the order of `modes.svd` of the targets; n_modes is
        the rank of ``<t x'>``, or the units of the narrowest hidden layer if they are fewer.
    units : int or sequence of int
        The number of units of the hidden layer, or of each of them; none for `one_layer`.
    seed : int
        Of R1, R2, ...

    Returns
    -------
    tuple of ndarray
        W1 of shape (units, n_inputs), ..., WD of shape (n_outputs, units).

    Raises
    ------
    InputError
        If x and y have not the same number of items, the inputs mix the modes of the targets (white inputs do not, nor
        do those of an autoassociator), a layer has no units, or a0 is not greater than 0 or does not fit.

    References
    ----------
    Saxe, McClelland & Ganguli, ICLR 2014, arXiv:1312.6120

    Examples
    --------
    >>> x = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> W1, W2 = aligned_start(x, a0=0.01, units=4)
    >>> W1.shape, W2.shape
    ((4, 3), (3, 4))
    >>> np.linalg.svd(W2 @ W1)[1].round(6)
    array([0.01, 0.01, 0.  ])
    """
    layers = [whole("units", n) for n in np.atleast_1d(units).tolist()]
    U, V = _sides(*items_of(x, y))
    modes = min(*layers, V.shape[1], U.shape[1])
    a0 = np.asarray(a0, dtype=float)
    if a0.shape not in ((), (modes,)) or not np.all(a0 > 0):
        raise InputError(
            f"a0 = {short(a0)}: one strength greater than 0, or one for each of the {modes} modes"
        )
    rng = np.random.default_rng(seed)
    turns = [np.linalg.qr(rng.normal(size=(n, modes)))[0] for n in layers]
    share = a0 ** (1 / (len(layers) + 1))  # of each layer
    return tuple((post * share) @ pre.T for pre, post in pairwise([V[:, :modes], *turns, U[:, :modes]]))


def _sides(inputs: Array, targets: Array) -> tuple[Array, Array]:
    """Return the sides of the targets' modes towards outputs and inputs, (output, mode) and (input, mode)."""
    modes = svd(targets)
    V = inputs.T @ modes["U"].values
    length = np.linalg.norm(V, axis=0)
    alive = not_null(modes).values & (length > 1e-9 * np.linalg.norm(inputs))
    V = V[:, alive] / length[alive]
    seen = inputs.T @ (inputs @ V)
    if not np.allclose(seen, V * (V * seen).sum(axis=0), atol=1e-9 * np.linalg.norm(seen)):
        raise InputError(
            "the inputs mix the modes of the targets, so that no start is along them: whiten the inputs"
        )
    return modes["V"].values[:, alive], V


def _checked(
    s: ArrayLike, a0: ArrayLike, t: ArrayLike, tau: float, inputs: ArrayLike, lowest: float
) -> tuple[Array, Array, Array, Array]:
    """Give s, a0, t, c as arrays in which t takes the axes before those of the modes."""
    s, a0, t, c = (np.asarray(values, dtype=float) for values in (s, a0, t, inputs))
    for name, values, above in (
        ("s", s, 0),
        ("a0", a0, lowest),
        ("inputs", c, 0),
        ("tau", np.asarray(tau), 0),
    ):
        if not np.all((values > above) & np.isfinite(values)):
            kind = "a finite number" if above == -np.inf else f"finite and greater than {above:g}"
            raise InputError(f"{name} = {short(values)}: it must be {kind}")
    if not np.all((t >= 0) & np.isfinite(t)):
        raise InputError(f"t = {short(t)}: times are finite and not negative")
    try:
        modes = np.broadcast_shapes(s.shape, a0.shape, c.shape)
    except ValueError:
        raise InputError(
            f"s, a0 and inputs have the shapes {s.shape}, {a0.shape} and {c.shape}: one value a mode, or one for all"
        ) from None
    return np.broadcast_to(s, modes), a0, t.reshape(t.shape + (1,) * len(modes)), c
