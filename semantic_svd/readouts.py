"""What can be read out of a hidden layer: classifiers on its activity, which is computed once.

A linear probe asks which classes a layer makes linearly separable. Krotov and Hopfield's classifier is the second half
of their network: it reads competing units, which learned without labels, through a steep power law.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import minimize

from semantic_svd.errors import InputError, is_real
from semantic_svd.images import Images
from semantic_svd.network import Network
from semantic_svd.plasticity import Adam, Delta
from semantic_svd.products import Array
from semantic_svd.rules import Rule
from semantic_svd.runs import Run
from semantic_svd.training import train

__all__ = ["competing_activity", "converged_read_out", "linear_probe", "read_out"]

POWER = 4.5  # of Krotov and Hopfield's hidden units
DECAY = 3e-4  # that held-back training images of MNIST chose, of 1e-3, 3e-4 and 1e-4: 1.98, 1.91 and 1.93 %
UNTIL_SETTLED = {"ftol": 1e-8, "gtol": 0, "maxcor": 20, "maxiter": 5000, "maxfun": 10_000}  # of L-BFGS
FLAT = 1e3  # times less steep than a square is the sixth power, where most errors are small
READOUT = Rule(output=Adam(Delta()), schedule="linear")
HEADS = {"power": {"output": "tanh", "power": 6.0}, "softmax": {"output": "softmax"}}


def competing_activity(W: Array, x: Array, power: float = POWER) -> Array:
    """Return what Krotov and Hopfield's classifier reads: ``relu(w' x)^power``, weights and images at unit length.

    Parameters
    ----------
    W : array of shape (units, inputs)
    x : array of shape (n_images, inputs)
    power : float

    Returns
    -------
    array of shape (n_images, units), from 0 to 1

    References
    ----------
    Krotov & Hopfield 2019, doi:10.1073/pnas.1820458116. That both sides have unit length decides: without it the same
    weights are read worse by several percent.

    Examples
    --------
    >>> competing_activity(np.array([[3.0, 0.0], [1.0, 1.0]]), np.array([[2.0, 0.0]]), power=2).round(12)
    array([[1. , 0.5]])
    """
    rows, images = (a / np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-12) for a in (W, x))
    h = images @ rows.T
    np.maximum(h, 0, out=h)
    return np.power(h, h.dtype.type(power), out=h)


def read_out(
    run: Run,
    images: Images,
    *,
    layer: int = 1,
    power: float | None = POWER,
    head: Literal["power", "softmax"] = "power",
    rule: Rule | None = None,
    epochs: int = 50,
    batch_size: int = 100,
    every: int | Literal["log"] = 1,
    progress: bool = True,
) -> Run:
    """Train a classifier on what a hidden layer makes of images, for each seed of a run as it ended.

    Parameters
    ----------
    run : Run
        With weights; of one hidden layer that competes, or of any network.
    images : Images
        To train with and to test with; the activity is divided by its standard deviation over the former.
    layer : int
        The hidden layer, from 1.
    power : float or None
        Read `competing_activity` with this power; None for the layer's own activity.
    head : str
        "power": tanh outputs, targets +-1, the loss ``1/6 sum |t - y|^6``; "softmax" with the cross-entropy.
    rule : Rule, optional
        Of the one layer that learns; by default the delta rule under Adam, at a rate that falls from one over the
        units of the layer to zero: a step then moves an output by about 1 at most. Outputs that are driven far into
        tanh's flat ends stay there.
    epochs, batch_size, every, progress : see `train`

    Returns
    -------
    Run
        Of a network without hidden layers, hidden units to classes, with `accuracy` (on the images to test with) and
        `train_accuracy` by seed and epoch.

    Raises
    ------
    InputError
        When the run kept no weights, there is no such layer or head, or the images do not fit.

    References
    ----------
    Krotov & Hopfield 2019, doi:10.1073/pnas.1820458116

    Examples
    --------
    >>> from semantic_svd import load_images, train
    >>> digits = load_images("digits")
    >>> network = Network((64, 100, 10), "relu", "softmax", biases=False, initial="normal")
    >>> run = train("krotov_hopfield", network, digits.x, epochs=20, batch_size=50)
    >>> bool(read_out(run, digits, epochs=20).final().data["accuracy"] > 0.6)
    True
    """
    if head not in HEADS:
        raise InputError(f"no head {head!r} of a classifier; there are {', '.join(HEADS)}")

    def by_epochs(h: Array, y: Any, **settings: Any) -> Run:
        settings |= {"epochs": epochs, "batch_size": batch_size, "every": every, "progress": progress}
        return classifier(h, y, head, rule, **settings)

    return _read(run, images, layer, power, head, by_epochs)


def converged_read_out(
    run: Run, images: Images, *, layer: int = 1, power: float | None = POWER, decay: float = DECAY
) -> Run:
    """Return the classifier that `read_out` with its head "power" tends to, weights decaying a little, for each seed.

    Minimises ``mean 1/6 sum |t - y|^6 + decay |S|^2`` over the weights S of the classifier, y = tanh(S h + b), by
    L-BFGS along the principal axes of the activity, until a step lowers it by less than a part in 1e8. Where `read_out`
    stops depends on rate and epochs; this does not.

    Parameters
    ----------
    run, images, layer, power : see `read_out`
    decay : float
        More than 0.

    Returns
    -------
    Run
        As of `read_out`, of no epochs: the classifier is its start.

    Raises
    ------
    InputError
        As of `read_out`, when decay is not more than 0, or so small that the weights still grow after 5,000 steps.

    References
    ----------
    Krotov & Hopfield 2019, doi:10.1073/pnas.1820458116, whose head and loss it is; Liu & Nocedal 1989, On the limited
    memory BFGS method for large scale optimization, doi:10.1007/BF01589116

    Examples
    --------
    >>> from semantic_svd import load_images, train
    >>> digits = load_images("digits")
    >>> network = Network((64, 100, 10), "relu", "softmax", biases=False, initial="normal")
    >>> run = train("krotov_hopfield", network, digits.x, epochs=20, batch_size=50)
    >>> by_epochs, converged = read_out(run, digits, epochs=20), converged_read_out(run, digits)
    >>> bool(converged.final().data["train_accuracy"] > by_epochs.final().data["train_accuracy"])
    True
    """
    if not (is_real(decay) and 0 < decay < float("inf")):
        raise InputError(f"decay is a finite number over 0, not {decay!r}")

    def at_once(h: Array, y: Array, **settings: Any) -> Run:
        W, b = _converged(h, np.asarray(y), decay)
        return classifier(h, y, "power", None, epochs=0, start={"W1": W, "b1": b}, progress=False, **settings)

    return _read(run, images, layer, power, "power", at_once)


def _converged(h: Array, y: Array, decay: float) -> tuple[Array, Array]:
    """Minimise the loss of the head "power" and the decay of its weights; return weights (classes, units), biases."""
    n, (units, classes) = len(h), (h.shape[1], y.shape[1])
    variance, axes = np.linalg.eigh((h.T @ h).astype(float) / n)
    # along these axes loss and decay are together about as steep in every direction
    steep = np.maximum(variance, 0) + FLAT * decay
    turn = (axes / np.sqrt(steep)).astype(h.dtype)
    a, penalty = h @ turn, decay / steep[:, None]

    def loss(at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        S, b = at[:-classes].reshape(units, classes), at[-classes:]
        said = np.tanh(a @ S.astype(h.dtype) + b.astype(h.dtype))
        error = said - y
        back = error**5 * (1 - said**2) / n
        slope = (a.T @ back).astype(float) + 2 * penalty * S
        value = float((error**6).sum(dtype=float)) / (6 * n) + float((penalty * S**2).sum())
        return value, np.concatenate([slope.ravel(), back.sum(axis=0, dtype=float)])

    start = np.zeros((units + 1) * classes)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=UNTIL_SETTLED)
    if found.status == 1:
        raise InputError(
            f"the classifier had not settled after {found.nit} steps; a decay larger than {decay:g} may help"
        )
    return (turn @ found.x[:-classes].reshape(units, classes)).T, found.x[-classes:]


def _read(
    run: Run, images: Images, layer: int, power: float | None, head: str, read: Callable[..., Run]
) -> Run:
    """Read each seed of a run as it ended by ``read(h, y, ...)``, and join the classifiers."""
    _check(run, images, layer, power)
    y, test_y = (
        targets if head == "softmax" else 2 * targets - 1 for targets in (images.targets, images.test_targets)
    )
    found = []
    for of_seed in _each_seed(run):
        h, test_h = (read_activity(of_seed, x, layer, power) for x in (images.x, images.test_x))
        size = h.std()
        h /= size
        test_h /= size
        settings = {
            "seeds": of_seed.data["seed"].values.tolist(),
            "record": ("weights", "train_accuracy"),
            "probe": h[:1],  # the activity is not copied into the run, which keeps no items of its own
            "test": (test_h, test_y),
        }
        found.append(read(h, y, **settings).data.drop_vars("input"))
    return Run(xr.concat(found, "seed", data_vars="minimal", coords="minimal", compat="override"))


def classifier(h: Array, y: Any, head: str = "power", rule: Rule | None = None, **settings: Any) -> Run:
    """Train a classifier on the activity of a hidden layer, as `read_out` does.

    Parameters
    ----------
    h : array of shape (n_items, units), divided by its standard deviation
    y : targets of the head, (n_items, classes)
    head, rule : see `read_out`
    **settings : see `train`

    Examples
    --------
    >>> run = classifier(np.eye(2), np.eye(2), "softmax", epochs=1)
    >>> run.network.sizes, run.data.attrs["rates"][0]
    ((2, 2), 0.5)
    """
    network = Network((h.shape[1], y.shape[1]), **HEADS[head])  # type: ignore[arg-type]
    return train(rule or replace(READOUT, rate=1 / h.shape[1]), network, h, y, dtype=h.dtype, **settings)


def linear_probe(run: Run, images: Images, layer: int = 1, power: float | None = None) -> xr.DataArray:
    """Return how many of the test images a logistic regression names rightly from a hidden layer.

    Parameters
    ----------
    run : Run
        With weights; its seeds as they ended.
    images : Images
        To fit with, each unit standardised, and to test with.
    layer : int
        The hidden layer, from 1.
    power : float or None
        Read `competing_activity` with this power; None for the layer's own activity.

    Returns
    -------
    DataArray (seed,)
        Shares, from 0 to 1.

    Raises
    ------
    InputError
        When the run kept no weights, there is no such layer, or the images do not fit.

    References
    ----------
    Alain & Bengio 2016, Understanding intermediate layers using linear classifier probes, arXiv:1610.01644

    Examples
    --------
    >>> from semantic_svd import load_images, train
    >>> digits = load_images("digits")
    >>> run = train("bpa", Network((64, 20, 10), biases=False), digits.x, digits.targets, epochs=20, batch_size=50)
    >>> bool(linear_probe(run, digits) > 0.9)
    True
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    _check(run, images, layer, power)
    shares = []
    for of_seed in _each_seed(run):
        h, test_h = (read_activity(of_seed, x, layer, power) for x in (images.x, images.test_x))
        probe = make_pipeline(StandardScaler(copy=False), LogisticRegression(max_iter=1000))
        shares.append(probe.fit(h, images.labels).score(test_h, images.test_labels))
    return xr.DataArray(shares, {"seed": run.data["seed"].values}, name="accuracy")


def _check(run: Run, images: Images, layer: int, power: float | None) -> None:
    """Raise an error unless the run has this hidden layer, and it can be read from the images with this power."""
    if power is not None and not (is_real(power) and 0 < power < float("inf")):
        raise InputError(f"power is a finite number over 0, or None, not {power!r}")
    if run.network.layers == 1:
        raise InputError("the run has no hidden layer to read from")
    if not 1 <= layer < run.network.layers:
        raise InputError(f"the run has hidden layers 1 to {run.network.layers - 1}, not {layer!r}")
    inputs = run.network.sizes[0]
    if images.x.shape[1] != inputs:
        raise InputError(f"the network reads {inputs} inputs an item, the images have {images.x.shape[1]}")
    if (images.labels == images.labels[0]).all():
        only = images.classes[images.labels[0]]
        raise InputError(f"{images.name} has images of one class, {only!r}; to name images takes two")


def _each_seed(run: Run) -> Iterator[Run]:
    final = run.final()
    if "seed" not in final.data.dims:
        raise InputError("the run to read has no axis seed; take it as run.sel(seed=[0])")
    for seed in final.data["seed"].values:
        yield final.sel(seed=[seed])


def read_activity(run: Run, x: Array, layer: int, power: float | None) -> Array:
    """Return what is read of the layer of a run of one seed as it ended, (n_images, units)."""
    if power is None:
        return run.hidden(layer, x).values[0]
    W = run.weights(layer).values[0]
    below = x if layer == 1 else run.hidden(layer - 1, x).values[0]
    return competing_activity(W, below.astype(W.dtype, copy=False), power)
