"""The standard runs: each model trained once in a process, all seeds, and what it answers where a claim is measured.

The report states no rates and no point to stop at, and they decide; so a claim is measured at equal epochs and rates,
at equal error, and at convergence.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import xarray as xr

from semantic_svd.items import Items, load_items
from semantic_svd.modes import half_learned, singular_strengths, strengths, svd
from semantic_svd.network import Network
from semantic_svd.runs import Run
from semantic_svd.training import train

SEEDS = 20
RATE = 0.1  # of every rule in the standard runs
EQUAL_EPOCHS = 500  # where claims are measured at equal epochs
# Where a claim is measured: the condition and the mean squared error a cell that it waits for.
CONDITIONS = {"equal epochs": None, "MSE 1e-2": 1e-2, "MSE 1e-3": 1e-3, "convergence": 1e-6}


@dataclass(frozen=True)
class Model:
    """A network with its rule, and the epochs after which all seeds have converged (mean squared error 1e-6)."""

    name: str
    rule: str
    network: Network
    epochs: int

    @property
    def about(self) -> str:
        """What a caption says of it."""
        sizes = "-".join(map(str, self.network.sizes))
        biases = "biases" if self.network.biases else "no biases"
        name = self.name[0].upper() + self.name[1:]
        return f"{name}: {self.rule}, {sizes}, {self.network.hidden} hidden units, {biases}"


AUTOASSOCIATOR = Model("autoassociator", "backprop", Network((34, 8, 8, 34)), 2200)
TANH = Model("tanh autoassociator", "backprop", Network((34, 8, 8, 34), hidden="tanh"), 2600)
BPA = Model("BPA", "bpa", Network((34, 8, 34), biases=False), 1100)


@dataclass(frozen=True)
class Noisy:
    """The data with a little noise, drawn anew for each seed: what comparisons make of no difference at all."""

    name: str = "the data with noise of 1e-9"
    size: float = 1e-9

    def response(self) -> xr.DataArray:
        """Return the data plus noise, (seed, item, property)."""
        X = data().array.expand_dims(seed=SEEDS)
        return X + self.size * np.random.default_rng(0).normal(size=X.shape)


NOISY = Noisy()


@lru_cache
def data() -> Items:
    """Load the 8 x 34 item-property matrix."""
    return load_items("mcclelland2020")


@lru_cache
def reference() -> xr.Dataset:
    """Decompose the data: the modes that all others are compared with."""
    return svd(data())


@lru_cache
def standard_run(model: Model) -> Run:
    """Train a model on the data, all seeds, and keep what every layer says; the same run whenever asked for again."""
    return train(
        model.rule,
        model.network,
        data(),
        epochs=model.epochs,
        seeds=SEEDS,
        record=("responses", "hidden"),
        progress=False,
    )


def mean_squared_error(run: Run) -> xr.DataArray:
    """Return the mean squared error of a cell of the response, (seed, epoch); the loss is half its sum over a row."""
    return 2 * run.data["loss"] / run.network.sizes[-1]


def epoch_at_error(run: Run, mse: float) -> xr.DataArray:
    """Find the first epoch at which the mean squared error of a cell is no larger than mse.

    Parameters
    ----------
    run : Run
        Of squared error.
    mse : float

    Returns
    -------
    DataArray (seed,)
        Labels of the epoch axis; NaN for a seed that never gets there.

    Examples
    --------
    >>> run = train("bpa", Network((34, 8, 34), biases=False), data(), epochs=200, seeds=2)
    >>> epochs = epoch_at_error(run, 1e-2)
    >>> bool((mean_squared_error(run).sel(epoch=epochs.astype(int)) <= 1e-2).all())
    True
    >>> epoch_at_error(run, 0.0).values
    array([nan, nan])
    """
    small = mean_squared_error(run) <= mse
    first = run.data["epoch"][small.argmax("epoch")].drop_vars("epoch")
    return first.where(small.any("epoch"))


def epochs_at(model: Model, condition: str) -> xr.DataArray:
    """Return the epoch at which each seed of a standard run meets a condition, the last one if it never does."""
    run, mse = standard_run(model), CONDITIONS[condition]
    if mse is None:
        return xr.full_like(run.data["end_epoch"], EQUAL_EPOCHS)
    return epoch_at_error(run, mse).fillna(model.epochs).astype(int)


@lru_cache
def response_at(model: Model | Noisy, condition: str) -> xr.DataArray:
    """Return the response of each seed of a standard run where a claim is measured: (seed, item, property)."""
    if isinstance(model, Noisy):
        return model.response()
    response = standard_run(model).response()
    return response.sel(epoch=epochs_at(model, condition)).drop_vars("epoch")


def final_hidden(model: Model, layer: int) -> xr.DataArray:
    """Return the activity of a hidden layer at the end of training, units counted from 1: (seed, item, unit)."""
    activity = standard_run(model).final().hidden(layer)
    return activity.assign_coords(unit=np.arange(1, activity.sizes["unit"] + 1))


@lru_cache
def projected(model: Model) -> xr.DataArray:
    """Project the responses of a standard run on the data's modes: (seed, epoch, mode)."""
    return strengths(standard_run(model).response(), reference())


@lru_cache
def sorted_strengths(model: Model) -> xr.DataArray:
    """Take the singular values of the responses of a standard run: (seed, epoch, mode)."""
    return singular_strengths(standard_run(model).response())


def half_learned_epochs(model: Model) -> xr.DataArray:
    """Return when each mode is half learned, (seed, mode); see `modes.half_learned`."""
    return half_learned(projected(model), reference())
