"""Closed forms of learning in linear networks: what the curves of a run ought to be, from its start alone.

All hold for gradient flow, the limit of small rates: full batches, linear units, no biases. Gradient descent departs
from them to first order in the rate. With biases none of them holds.

- `curves`: mode by mode, from the start along the modes that `aligned_start` gives.
- `flows`: whole nets from any start, by backprop or BPA.
- `fits`: start and time constant of a measured curve.
"""

from semantic_svd.theory.curves import aligned_start, deep, half_rise, one_layer, two_layer
from semantic_svd.theory.fits import fit_strengths
from semantic_svd.theory.flows import backprop_strengths, bpa_strengths, hidden_half_rise, oja_flow

__all__ = [
    "aligned_start",
    "backprop_strengths",
    "bpa_strengths",
    "deep",
    "fit_strengths",
    "half_rise",
    "hidden_half_rise",
    "oja_flow",
    "one_layer",
    "two_layer",
]
