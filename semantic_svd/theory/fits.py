"""Start and time constant of a measured curve of strengths, with their uncertainty."""

import warnings
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from scipy.optimize import OptimizeWarning, curve_fit
from scipy.special import expit, stdtrit

from semantic_svd.errors import InputError
from semantic_svd.matrices import Array, Matrix
from semantic_svd.modes import half_learned, reference_modes

__all__ = ["fit_strengths"]

FEWEST = 4  # points that a curve is fitted to: two are spent on the parameters


def fit_strengths(
    strengths: xr.DataArray,
    reference: xr.Dataset | Matrix,
    layers: Literal[1, 2] = 2,
    level: float = 0.95,
) -> xr.Dataset:
    """Fit `two_layer` or `one_layer` to measured strengths: where each mode starts, and how fast it is learned.

    The end of a mode is known, its singular value s in the data; its start a0 and time constant tau, in epochs, are
    fitted by least squares, mode by mode, as for white inputs. Theory has tau = N / rate for N one-hot items, the
    same for every mode; in an autoassociator with one hidden layer tau = N / (s rate), in one without
    tau = N / (s^2 rate).

    Parameters
    ----------
    strengths : DataArray (..., epoch, mode)
        As `modes.strengths` gives them; NaN, as after the end of a seed, is left out.
    reference : Dataset of `modes.svd`, or the matrix that is learned
    layers : 1 or 2
        Of weights: 2 for `two_layer`, 1 for `one_layer`.
    level : float
        Coverage of the intervals, between 0 and 1.

    Returns
    -------
    Dataset of dims (..., mode, parameter), with ``estimate``, ``standard_error``, ``low`` and ``high``
        parameter is "a0" (the unit of the strengths) or "tau" (epochs). All are NaN for a mode that is never half
        learned, has fewer than 4 points or, with two layers, begins above its end. Errors and intervals (t, taken in
        the logarithm of tau and, with two layers, in the logit of a0 / s) are those of independent errors of one size
        at every epoch. A training has no such noise: what its curve departs from the form is smooth, and the spread
        over seeds says more.

    Raises
    ------
    InputError
        If there is no axis named epoch, the modes are not those of the reference, layers is neither 1 nor 2, or the
        level is not between 0 and 1.

    Examples
    --------
    >>> from semantic_svd.theory import two_layer
    >>> epochs = np.arange(200.0)
    >>> curve = xr.DataArray(two_layer([3.0, 1.0], 0.01, epochs, tau=40), {"epoch": epochs}, ("epoch", "mode"))
    >>> fit_strengths(curve, np.diag([3.0, 1.0])).estimate.round(6).values
    array([[1.e-02, 4.e+01],
           [1.e-02, 4.e+01]])
    """
    if layers not in FORMS:
        raise InputError(f"layers = {layers}: a curve is fitted by the form of 1 or of 2 layers of weights")
    if not 0 < level < 1:
        raise InputError(f"the level of an interval is between 0 and 1; got {level}")
    modes, strengths = reference_modes(reference), strengths.compute()
    half = half_learned(strengths, modes)
    s = xr.DataArray(modes["s"].values, dims="mode")
    fitted = xr.apply_ufunc(
        _fit,
        strengths / s,
        half,
        s,
        input_core_dims=[("epoch",), (), ()],
        output_core_dims=[("quantity", "parameter")],
        kwargs={"epochs": strengths["epoch"].values.astype(float), "form": FORMS[layers], "level": level},
        vectorize=True,
    )
    names = ["estimate", "standard_error", "low", "high"]
    return (
        fitted.assign_coords(quantity=names, parameter=["a0", "tau"])
        .to_dataset("quantity")
        .assign_attrs(level=level, layers=layers)
    )


def _fit(share: Array, half: float, s: float, epochs: Array, form: "_Form", level: float) -> Array:
    """Fit one curve of shares of the end; return (estimate, standard_error, low, high) by (a0, tau)."""
    there = np.isfinite(share)
    if np.isnan(half) or there.sum() < FEWEST or share[there][0] > form.most:
        return np.full((4, 2), np.nan)
    t = epochs[there]
    with warnings.catch_warnings(), np.errstate(over="ignore"):
        # Where there is no covariance the interval is infinite, and that says it.
        warnings.simplefilter("ignore", OptimizeWarning)
        try:
            best, covariance = curve_fit(form.curve, t, share[there], form.guess(max(half, t[1] - t[0])))
        except RuntimeError:  # it never settles
            return np.full((4, 2), np.nan)
        error = np.sqrt(np.diag(covariance))
        reach = stdtrit(len(t) - 2, (1 + level) / 2) * error
        told, scale = form.told, np.array([s, form.speed(s)])
        return scale * [told(best), form.slope(best) * error, told(best - reach), told(best + reach)]


class _Form(NamedTuple):
    """The share of its end that a mode has reached by t, by two unbounded parameters: of its start, and log of tau."""

    curve: Callable[[Array, float, float], Array]
    guess: Callable[[float], tuple[float, float]]  # from the time at which it is half learned
    told: Callable[[Array], Array]  # parameters -> a0 / s and time constant, each growing with its parameter
    slope: Callable[[Array], Array]  # the derivatives of that
    speed: Callable[[float], float]  # tau over the time constant, for a mode of singular value s
    most: float  # of its end that a mode may begin with


FORMS = {
    1: _Form(
        curve=lambda t, start, log_tau: 1 - (1 - start) * np.exp(-t * np.exp(-log_tau)),
        guess=lambda half: (0.0, np.log(half / np.log(2))),
        told=lambda p: np.array([p[0], np.exp(p[1])]),
        slope=lambda p: np.array([1.0, np.exp(p[1])]),
        speed=lambda s: 1.0,
        most=np.inf,
    ),
    2: _Form(
        curve=lambda t, start, log_tau: expit(start + t * np.exp(-log_tau)),
        guess=lambda half: (-4.0, np.log(half / 4)),  # a logit that rises from -4, a share of 0.018, to 0
        told=lambda p: np.array([expit(p[0]), np.exp(p[1])]),
        slope=lambda p: np.array([expit(p[0]) * expit(-p[0]), np.exp(p[1])]),
        speed=lambda s: 2 * s,
        most=1.0,
    ),
}
