"""Closed forms of learning in linear networks: what the curves of a run ought to be.

All hold for gradient flow, the limit of small rates: full batches, linear units, no biases. Gradient descent departs
from them to first order in the rate. With biases none of them holds.

Time is t = rate * steps. A strength grows by ``tau da/dt = D a^(2 - 2/D) (s - c a)`` in a net of D layers, where

- s is the singular value of ``<t x'>`` (targets by inputs, mean over items) that belongs to the mode,
- c is the eigenvalue of ``<x x'>`` along it (argument `inputs`), and the strength ends at s / c.

White inputs have c = 1, the default. N one-hot items have c = 1 / N, and s is an N-th of the data's singular value;
that is the same as c = 1, the data's singular values, and N for tau. An autoassociator (t = x) has
s = c = lambda = s_data^2 / N, and a is the share of the mode that it has learned: its response has the strength
s_data * a.
"""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp

from semantic_svd.errors import InputError
from semantic_svd.modes import svd

__all__ = [
    "aligned_start",
    "bpa_strengths",
    "deep",
    "half_rise",
    "hidden_half_rise",
    "oja_flow",
    "one_layer",
    "two_layer",
]

LARGEST_STEP = 6.0  # of Oja's flow, times the largest eigenvalue: squared, e^12 beside 1 leaves 10 digits

Array = NDArray[np.floating]
Matrix = Any  # ndarray, DataArray, DataFrame or Items, (item, property)


def one_layer(s: ArrayLike, a0: ArrayLike, t: ArrayLike, tau: float = 1.0, inputs: ArrayLike = 1.0) -> Array:
    """Follow the strengths of a net without hidden layers: each nears its end exponentially.

    ``a(t) = a_end - (a_end - a0) exp(-c t / tau)``, a_end = s / c.

    Parameters
    ----------
    s : array of shape (n_modes,)
        Singular values of ``<t x'>``, greater than 0.
    a0 : array of shape (n_modes,) or float
        Strengths at t = 0.
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
    Saxe, McClelland & Ganguli (2019), A mathematical theory of semantic development in deep neural networks.
    PNAS 116(23), 11537-11546. doi:10.1073/pnas.1820226116

    Examples
    --------
    >>> one_layer([2.0, 1.0], a0=0.0, t=[0.0, np.log(2)])
    array([[0. , 0. ],
           [1. , 0.5]])
    """
    s, a0, t, c = _checked(s, a0, t, tau, inputs, lowest=-np.inf)
    end = s / c
    return end - (end - a0) * np.exp(-c * t / tau)


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
    Saxe, McClelland & Ganguli (2014), Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks. ICLR. arXiv:1312.6120

    Saxe, McClelland & Ganguli (2019), A mathematical theory of semantic development in deep neural networks.
    PNAS 116(23), 11537-11546. doi:10.1073/pnas.1820226116

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


def deep(
    s: ArrayLike, a0: ArrayLike, t: ArrayLike, tau: float = 1.0, inputs: ArrayLike = 1.0, layers: int = 3
) -> Array:
    """Follow the strengths of a net of D weight layers: the deeper, the longer the wait and the steeper the rise.

    Integrates ``tau da/dt = D a^(2 - 2/D) (s - c a)``, from a start aligned and balanced over all layers
    (each holds a0^(1/D)).

    Parameters
    ----------
    s, a0, t, tau, inputs
        As for `two_layer`.
    layers : int
        D, the number of weight matrices, 1 or more; 1 is `one_layer` and 2 is `two_layer`.

    Returns
    -------
    ndarray of shape (n_times, n_modes)
        True to about 1e-8.

    Raises
    ------
    InputError
        If a value is out of its range.

    References
    ----------
    Saxe, McClelland & Ganguli (2014), Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks. ICLR. arXiv:1312.6120

    Arora, Cohen & Hazan (2018), On the optimization of deep networks: implicit acceleration by overparameterization.
    ICML. arXiv:1802.06509

    Examples
    --------
    >>> deep([3.0, 1.0], a0=0.01, t=[0.0, 1.0, 10.0], layers=3).round(3)
    array([[0.01 , 0.01 ],
           [0.206, 0.02 ],
           [3.   , 1.   ]])
    """
    if int(layers) != layers or layers < 1:
        raise InputError(f"layers = {layers}: a net has a whole number of weight layers, 1 or more")
    s, a0, t, c = _checked(s, a0, t, tau, inputs, lowest=0)
    s, a0, c = np.broadcast_arrays(s, a0, c)

    def growth(_: float, a: Array) -> Array:
        return layers / tau * a ** (2 - 2 / layers) * (s.ravel() - c.ravel() * a)

    a = _integrated(growth, a0.ravel(), t.ravel())
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
    Saxe, McClelland & Ganguli (2019), A mathematical theory of semantic development in deep neural networks.
    PNAS 116(23), 11537-11546. doi:10.1073/pnas.1820226116

    Examples
    --------
    >>> half_rise([3.0, 1.0], a0=0.01).round(3)
    array([0.95 , 2.298])
    """
    s, a0, _, c = _checked(s, a0, 0.0, tau, inputs, lowest=0)
    return tau / (2 * s) * np.log(np.maximum(s / (c * a0) - 1, 1))


def aligned_start(
    x: Matrix, y: Matrix | None = None, *, a0: ArrayLike, units: int, seed: int = 0
) -> tuple[Array, Array]:
    """Draw the start from which a net with one hidden layer follows `two_layer` (linear, without biases).

    ``W1 = R sqrt(a0) V'`` and ``W2 = U sqrt(a0) R'``, with U and V the singular vectors of ``<t x'>`` and R a
    random matrix with orthonormal columns. The inputs must be white along V, or the net an autoassociator.

    Parameters
    ----------
    x : array of shape (n_items, n_inputs)
        The inputs.
    y : array of shape (n_items, n_outputs), optional
        The targets; x itself if not given (an autoassociator).
    a0 : float or array of shape (n_modes,)
        The strength of each mode at the start, greater than 0; n_modes is the rank of ``<t x'>``, or `units` if that
        is less.
    units : int
        The number of hidden units.
    seed : int
        Of R.

    Returns
    -------
    W1 : ndarray of shape (units, n_inputs)
    W2 : ndarray of shape (n_outputs, units)

    Raises
    ------
    InputError
        If x and y have not the same number of items, or a0 is not greater than 0 or does not fit.

    References
    ----------
    Saxe, McClelland & Ganguli (2014), Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks. ICLR. arXiv:1312.6120

    Examples
    --------
    >>> x = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> W1, W2 = aligned_start(x, a0=0.01, units=4)
    >>> W1.shape, W2.shape
    ((4, 3), (3, 4))
    >>> np.linalg.svd(W2 @ W1)[1].round(6)
    array([0.01, 0.01, 0.  ])
    """
    inputs = _matrix(x)
    targets = inputs if y is None else _matrix(y)
    if len(inputs) != len(targets):
        raise InputError(
            f"{len(inputs)} items in x, {len(targets)} in y: each item has one input and one target"
        )
    U, s, Vt = np.linalg.svd(targets.T @ inputs / len(inputs), full_matrices=False)
    modes = min(units, _rank(s))
    a0 = np.asarray(a0, dtype=float)
    if a0.shape not in ((), (modes,)) or not np.all(a0 > 0):
        raise InputError(
            f"a0 = {_short(a0)}: one strength greater than 0, or one for each of the {modes} modes"
        )
    R = np.linalg.qr(np.random.default_rng(seed).normal(size=(units, modes)))[0]
    root = np.sqrt(a0)
    return (R * root) @ Vt[:modes], (U[:, :modes] * root) @ R.T


def oja_flow(W0: ArrayLike, C: ArrayLike, times: ArrayLike) -> Array:
    """Follow ``P = W'W`` under Oja's subspace rule, exactly: the hidden layer of BPA.

    The rule ``dW/dt = W C - W C W'W`` fixes W only up to a rotation of the hidden units; P, which the singular values
    and the input side of the hidden layer depend on, has the closed form
    ``P(t) = E W0' (I - W0 W0' + W0 E E W0')^-1 W0 E`` with E = exp(C t). In one jump it fails in floating point once E
    is large; but the flow is a semigroup, so it is walked in steps ``W <- L^-1 W E_h``, with L the Cholesky
    factor of ``I - W W' + W E_h E_h W'``, h times the largest eigenvalue of C at most 6.

    Parameters
    ----------
    W0 : array of shape (..., n_units, n_properties)
        The weights at t = 0, with any leading axes (seed).
    C : array of shape (n_properties, n_properties)
        ``<x x'>`` = X'X / n_items, symmetric.
    times : array of shape (n_times,)
        rate * steps, 0 or greater, in any order.

    Returns
    -------
    ndarray of shape (..., n_times, n_properties, n_properties)

    Raises
    ------
    InputError
        If C is not symmetric, W0 does not fit it, or a time is negative.

    References
    ----------
    Oja (1989), Neural networks, principal components, and subspaces. Int. J. Neural Systems 1(1), 61-68.
    doi:10.1142/S0129065789000475

    Yan, Helmke & Moore (1994), Global analysis of Oja's flow for neural networks. IEEE Transactions on Neural Networks
    5(5), 674-683. doi:10.1109/72.317720

    Examples
    --------
    >>> P = oja_flow([[0.1, 0.1]], np.diag([2.0, 1.0]), times=[0.0, 2.0, 100.0])
    >>> P.shape
    (3, 2, 2)
    >>> P[-1].round(6)
    array([[1., 0.],
           [0., 0.]])
    """
    W, C, times = np.asarray(W0, dtype=float), np.asarray(C, dtype=float), _times(times)
    if C.ndim != 2 or C.shape[0] != C.shape[1] or not np.allclose(C, C.T):
        raise InputError(f"C has the shape {C.shape}: it must be <x x'>, square and symmetric")
    if W.ndim < 2 or W.shape[-1] != len(C):
        raise InputError(f"W0 has the shape {W.shape}: its last axis must be the {len(C)} properties of C")
    eigenvalues, V = np.linalg.eigh(C)
    R = W @ V  # in the eigenvectors of C, E is a scaling of the columns
    distinct, place = np.unique(times, return_inverse=True)
    flow = []
    for duration in np.diff(distinct, prepend=0.0):
        R = _oja_steps(R, eigenvalues, duration)
        flow.append(V @ (np.swapaxes(R, -1, -2) @ R) @ V.T)
    return np.stack(flow, axis=-3)[..., place, :, :]


def bpa_strengths(
    W1: ArrayLike, W2: ArrayLike, x: Matrix, times: ArrayLike, rate_ratio: float = 1.0
) -> xr.DataArray:
    """Follow the strengths of BPA: Oja's subspace rule in the hidden layer, the delta rule in the output layer.

    In the right singular vectors V of the data both layers close: with p = V'W1'W1 V, n = V'W2 W1 V and
    Lambda = diag(s^2) / n_items,
    ``dp/dt = Lambda p + p Lambda - 2 p Lambda p`` and
    ``dn/dt = rate_ratio (I - n) Lambda p + n Lambda (I - p)``;
    the response, projected on mode k of the data, has the strength ``s_k n_kk``. It holds from any start.
    What is integrated are the factors of p = A'A and n = BA, A = W1 V and B = V'W2:
    ``dA/dt = A Lambda - A Lambda A'A`` and ``dB'/dt = rate_ratio (A Lambda - A Lambda A'B')``. In p itself rounding
    would add a rank that the hidden layer, with fewer units than modes, has not, and it would grow like a mode.

    Parameters
    ----------
    W1 : array of shape (n_units, n_properties) or (n_seeds, n_units, n_properties)
        The hidden weights at t = 0.
    W2 : array of shape (n_properties, n_units) or (n_seeds, n_properties, n_units)
        The output weights at t = 0.
    x : array of shape (n_items, n_properties)
        The item-property matrix.
    times : array of shape (n_times,)
        Hidden rate * steps, 0 or greater, in any order.
    rate_ratio : float
        The output layer's rate over the hidden layer's.

    Returns
    -------
    DataArray of dims (time, mode) or (seed, time, mode)
        Modes are numbered from 1, as by `modes.svd`; null modes are left out.

    Raises
    ------
    InputError
        If W1, W2 and x do not fit each other, a time is negative, or rate_ratio is not greater than 0.

    References
    ----------
    Oja (1989), Neural networks, principal components, and subspaces. Int. J. Neural Systems 1(1), 61-68.
    doi:10.1142/S0129065789000475 (dp/dt). The equation for n is this project's.

    Examples
    --------
    >>> x = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> W1, W2 = np.array([[0.1, 0.1, 0.2], [0.2, 0.2, -0.1]]), np.zeros((3, 2))
    >>> strengths = bpa_strengths(W1, W2, x, times=[0, 3, 30])
    >>> strengths.dims
    ('time', 'mode')
    >>> strengths.round(3).values
    array([[0.   , 0.   ],
           [1.314, 0.399],
           [1.414, 1.   ]])
    """
    data, times = _matrix(x), _times(times)
    hidden, output = np.asarray(W1, dtype=float), np.asarray(W2, dtype=float)
    _check_layers(hidden, output, data.shape[1])
    if not rate_ratio > 0:
        raise InputError(f"rate_ratio = {rate_ratio}: the output rate over the hidden rate is greater than 0")
    s, V = _data_modes(data)
    eigenvalues = s**2 / len(data)
    start = np.stack([hidden @ V, np.swapaxes(output, -1, -2) @ V])  # A and B': (2, ..., unit, mode)

    def change(_: float, state: Array) -> Array:
        A, B = state.reshape(start.shape)
        weighted = A * eigenvalues  # A Lambda
        decay = weighted @ np.swapaxes(A, -1, -2)  # A Lambda A', unit by unit
        return np.stack([weighted - decay @ A, rate_ratio * (weighted - decay @ B)]).ravel()

    state = _integrated(change, start.ravel(), times).reshape(len(times), *start.shape)
    n_kk = (state[:, 0] * state[:, 1]).sum(axis=-2)  # the diagonal of BA: (time, ..., mode)
    strengths = s * n_kk
    return _by_time(np.moveaxis(strengths, 0, -2), W1, times)


def hidden_half_rise(W0: ArrayLike, x: Matrix) -> Array:
    """Foretell when each mode reaches half its strength in the hidden layer of BPA, from the start alone.

    ``t = ln(1 / p0 - 1) / (2 lambda)``, where p0_k = R_kk^2 is what the start holds of mode k apart from the modes
    before it (QR decomposition of W0 V). An approximation: on the 8 x 34 data it misses by 5 % in the median, 23 % in
    one case of ten, and far more now and then. The response rises later than the hidden layer.

    Parameters
    ----------
    W0 : array of shape (..., n_units, n_properties)
        The hidden weights at t = 0, with any leading axes (seed).
    x : array of shape (n_items, n_properties)
        The item-property matrix.

    Returns
    -------
    ndarray of shape (..., n_modes)
        Times, rate * steps; 0 for a mode that starts at half or above, NaN for modes beyond the number of units.

    Raises
    ------
    InputError
        If W0 and x have not the same number of properties.

    Examples
    --------
    >>> hidden_half_rise([[0.1, 0.1, 0.2], [0.2, 0.2, -0.1]], [[1, 1, 0], [0, 0, 1]]).round(3)
    array([1.099, 2.944])
    """
    W, data = np.asarray(W0, dtype=float), _matrix(x)
    if W.ndim < 2 or W.shape[-1] != data.shape[1]:
        raise InputError(
            f"W0 has the shape {W.shape}: its last axis must be the {data.shape[1]} properties of x"
        )
    s, V = _data_modes(data)
    corner = np.diagonal(np.linalg.qr(W @ V, mode="r"), axis1=-2, axis2=-1)  # min(units, modes)
    p0 = np.full((*W.shape[:-2], len(s)), np.nan)
    p0[..., : corner.shape[-1]] = corner**2
    return np.log(np.maximum(1 / p0 - 1, 1)) * len(data) / (2 * s**2)


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
            raise InputError(f"{name} = {_short(values)}: it must be {kind}")
    if not np.all((t >= 0) & np.isfinite(t)):
        raise InputError(f"t = {_short(t)}: times are finite and not negative")
    try:
        modes = np.broadcast_shapes(s.shape, a0.shape, c.shape)
    except ValueError:
        raise InputError(
            f"s, a0 and inputs have the shapes {s.shape}, {a0.shape} and {c.shape}: one value a mode, or one for all"
        ) from None
    return np.broadcast_to(s, modes), a0, t.reshape(t.shape + (1,) * len(modes)), c


def _times(times: ArrayLike) -> Array:
    times = np.atleast_1d(np.asarray(times, dtype=float))
    if times.ndim != 1 or not len(times) or not np.all((times >= 0) & np.isfinite(times)):
        raise InputError(f"times = {_short(times)}: a list of times, finite and not negative")
    return times


def _short(values: Array) -> str:
    return np.array2string(values, threshold=6, edgeitems=2, separator=", ").replace("\n", "")


def _matrix(x: Matrix) -> Array:
    """Give the item-property matrix as floats."""
    if not isinstance(x, np.ndarray | xr.DataArray | pd.DataFrame):
        x = getattr(x, "array", x)
    x = np.asarray(x, dtype=float)
    if x.ndim != 2 or not np.isfinite(x).all():
        raise InputError(f"a matrix of shape {x.shape}: it must be finite, of shape (n_items, n_properties)")
    return x


def _rank(s: Array) -> int:
    return int((s > 1e-9 * s[0]).sum())


def _data_modes(data: Array) -> tuple[Array, Array]:
    """Give the singular values and right singular vectors (property, mode), null modes left out."""
    modes = svd(
        data
    )  # the same vectors that a response is projected on, also where singular values are equal
    s, V = modes.s.values, modes.V.values
    return s[: _rank(s)], V[:, : _rank(s)]


def _check_layers(hidden: Array, output: Array, properties: int) -> None:
    if hidden.ndim not in (2, 3) or hidden.shape[-1] != properties:
        raise InputError(
            f"W1 has the shape {hidden.shape}: it must be (n_units, {properties}), or (n_seeds, n_units, {properties})"
        )
    if output.shape != (*hidden.shape[:-2], properties, hidden.shape[-2]):
        raise InputError(
            f"W2 has the shape {output.shape}: beside a W1 of shape {hidden.shape} it must be "
            f"{(*hidden.shape[:-2], properties, hidden.shape[-2])}"
        )


def _oja_steps(R: Array, eigenvalues: Array, duration: float) -> Array:
    """Walk the Oja flow for a while, in the eigenvectors of C: (..., unit, property)."""
    steps = int(np.ceil(duration * eigenvalues[-1] / LARGEST_STEP))
    if not steps:
        return R
    growth = np.exp(eigenvalues * duration / steps)
    for _ in range(steps):
        inner = np.eye(R.shape[-2]) + (R * (growth**2 - 1)) @ np.swapaxes(R, -1, -2)
        R = np.linalg.solve(np.linalg.cholesky(inner), R * growth)
    return R


def _integrated(change: Any, start: Array, times: Array) -> Array:
    """Integrate from t = 0 and give the state at the times, in their order: (time, state)."""
    distinct, place = np.unique(times, return_inverse=True)
    if distinct[-1] == 0:
        return start[None].repeat(len(times), axis=0)
    solution = solve_ivp(change, (0, distinct[-1]), start, "DOP853", t_eval=distinct, rtol=1e-9, atol=1e-12)
    if not solution.success:
        raise RuntimeError(f"the integration stopped: {solution.message}")
    return solution.y.T[place]


def _by_time(strengths: Array, W1: ArrayLike, times: Array) -> xr.DataArray:
    """Label strengths (time, mode) or (seed, time, mode), with the seeds' names if W1 has them."""
    dims = ("seed", "time", "mode")[3 - strengths.ndim :]
    coords: dict[str, Any] = {"time": times, "mode": np.arange(1, strengths.shape[-1] + 1)}
    if isinstance(W1, xr.DataArray) and "seed" in dims and "seed" in W1.coords:
        coords["seed"] = W1["seed"].values
    return xr.DataArray(strengths, dims=dims, coords=coords, name="strength")
