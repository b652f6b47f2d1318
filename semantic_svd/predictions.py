"""What theory foretells of a run: which theory holds for it, its strengths from its start alone, its stages, its pace.

Theory is about the limit of small rates; a run departs from it to first order in its rate.
"""

from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from semantic_svd.errors import InputError
from semantic_svd.intervals import mean_interval
from semantic_svd.modes import block_names, half_learned, not_null, strengths, svd
from semantic_svd.rules import RULES
from semantic_svd.runs import Recorded, Run
from semantic_svd.stages import during
from semantic_svd.theory import backprop_strengths, bpa_strengths, fit_strengths

__all__ = ["half_learned_beside_theory", "prediction", "theory_of", "time_constants_beside_theory"]

FOLLOWS = {"backprop": backprop_strengths, "bpa": bpa_strengths}


def theory_of(run: Run) -> str:
    """Tell which theory holds for a run: "backprop" (in any number of layers) or "bpa".

    Raises
    ------
    InputError
        If none does, with all the reasons: another loss than the squared error, biases, units that are not linear,
        batches, another rule, a start or items that the run does not keep.

    Examples
    --------
    >>> from semantic_svd import Network, load_items, train
    >>> items = load_items("mcclelland2020")
    >>> theory_of(train("bpa", Network((34, 8, 34), biases=False), items, epochs=1))
    'bpa'
    >>> theory_of(train("backprop", Network((34, 8, 34), "tanh"), items, epochs=1, batch_size=2))
    Traceback (most recent call last):
    semantic_svd.errors.InputError: no theory holds for this run (biases, tanh hidden units, batches of 2 of 8 items): \
there are those of backprop and bpa, in linear nets without biases that learn from all items at once
    """
    name = _rule_of(run)
    reasons = [reason for reason, met in _obstacles(run, name).items() if met]
    if reasons:
        raise InputError(
            f"no theory holds for this run ({', '.join(reasons)}): there are those of backprop and bpa, in linear nets "
            "without biases that learn from all items at once"
        )
    return name


def prediction(run: Run) -> xr.DataArray:
    """Foretell the strengths of a run, seed by seed, from its weights at epoch 0.

    Returns
    -------
    DataArray (seed, epoch, mode)
        At the epochs that the run keeps, as `modes.strengths` of its response on the modes of its targets; after the
        end of a seed too. See `theory.backprop_strengths` and `theory.bpa_strengths`.

    Raises
    ------
    InputError
        If no theory holds for the run; see `theory_of`.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from semantic_svd import Network, load_items, train
    >>> items, slow = load_items("mcclelland2020"), replace(RULES["bpa"], rate=0.01)
    >>> run = train(slow, Network((34, 8, 34), biases=False), items, epochs=1000, seeds=3)
    >>> bool(abs(prediction(run) - strengths(run.response(), items)).max() < 0.05)
    True
    """
    follows, (hidden, output, _) = FOLLOWS[theory_of(run)], run.data.attrs["rates"]
    layers, start = run.network.layers, run.sel(epoch=0)
    first = output if layers == 1 else hidden  # the rate of the layer that time is counted by
    epochs = run.data["epoch"]
    foretold = follows(
        [start.weights(layer) for layer in range(1, layers + 1)],
        run.data["input"].values,
        run.data["target"].values,
        times=first * epochs.values,
        rate_ratio=output / first,
    )
    return foretold.rename(time="epoch").assign_coords(epoch=epochs.values)


def half_learned_beside_theory(run: Run) -> pd.DataFrame:
    """Tabulate when each mode is half learned: foretold from the starts, and measured, with an interval over seeds.

    Returns
    -------
    DataFrame
        A row for each mode: mode, block, predicted, mean, low, high, n (measured; see `intervals.mean_interval`) and
        ratio, measured over predicted in the seeds that have both. Times are epochs that the run keeps, in both alike:
        the first from which the strength stays at half or over it, if that is not the start. Means over seeds are
        geometric, as of all times.

    Raises
    ------
    InputError
        If no theory holds for the run; see `theory_of`.

    Examples
    --------
    >>> from semantic_svd import Network, load_items, train
    >>> run = train("bpa", Network((34, 8, 34), biases=False), load_items("mcclelland2020"), epochs=900, seeds=5)
    >>> table = half_learned_beside_theory(run)
    >>> table.columns.tolist()
    ['mode', 'block', 'predicted', 'mean', 'low', 'high', 'n', 'ratio']
    >>> bool(table["ratio"].between(0.9, 1.1).all())
    True
    """
    foretold, modes = prediction(run), svd(run.targets().compute())
    courses = strengths(run.response(), modes), foretold
    measured, predicted = (during(half_learned(course, modes)).compute() for course in courses)
    return _beside(measured, predicted, modes)


def time_constants_beside_theory(run: Run) -> pd.DataFrame:
    """Tabulate the time constant tau of each mode's curve: theory's, and fitted, with an interval over seeds.

    Theory's is that of the closed forms of linear autoassociators (Saxe, McClelland & Ganguli 2019), which take the
    layers as balanced and the modes as apart from the start: `N / (s rate)` with one hidden layer, `N / (s^2 rate)`
    with none; see `theory.two_layer` and `theory.one_layer`. The larger tau, the more gradual the rise of a mode; when
    it begins is another matter.

    Returns
    -------
    DataFrame
        As of `half_learned_beside_theory`: predicted and mean are time constants in epochs. Each seed's curve is fitted
        by itself, see `theory.fit_strengths`. A null mode has none.

    Raises
    ------
    InputError
        If no theory holds for the run (see `theory_of`), or if it is none of an autoassociator with at most one hidden
        layer and one rate.

    References
    ----------
    Saxe, McClelland & Ganguli 2019, doi:10.1073/pnas.1820226116

    Examples
    --------
    >>> from semantic_svd import Network, load_items, train
    >>> small = Network((34, 8, 34), biases=False, scale=0.1)
    >>> run = train("backprop", small, load_items("mcclelland2020"), epochs=900, seeds=5)
    >>> time_constants_beside_theory(run)["predicted"].round(1).tolist()
    [16.7, 17.5, 30.2, 35.8, 46.2, 46.2, 80.0, 80.0]
    """
    theory_of(run)
    (hidden, output, _), layers, x = run.data.attrs["rates"], run.network.layers, run.data["input"].values
    form: Literal[1, 2] = 1 if layers == 1 else 2
    if not np.array_equal(x, run.data["target"].values) or layers > 2 or (layers == 2 and hidden != output):
        raise InputError(
            "time constants are foretold of autoassociators with at most one hidden layer and one rate; this is "
            f"{run.network.sizes}, rates {hidden:g} {output:g}"
        )
    modes = svd(run.targets().compute())
    measured = fit_strengths(strengths(run.response(), modes), modes, form).estimate.sel(parameter="tau")
    s = modes["s"].where(not_null(modes))  # a null mode is not learned
    foretold = len(x) / (output * s ** (3 - form))
    return _beside(measured, foretold.broadcast_like(measured), modes)


def _beside(measured: xr.DataArray, predicted: xr.DataArray, modes: xr.Dataset) -> pd.DataFrame:
    """Tabulate times that were measured, ([seed,] mode), beside those foretold."""
    if "seed" not in measured.dims:
        measured, predicted = measured.expand_dims("seed"), predicted.expand_dims("seed")
    made = mean_interval(measured, scale="log")
    made["predicted"] = mean_interval(predicted, scale="log")["mean"]
    made["ratio"] = mean_interval(measured / predicted, scale="log")["mean"]
    table = made.to_dataframe().reset_index()
    table["block"] = table["mode"].map(block_names(modes))
    return table[["mode", "block", "predicted", "mean", "low", "high", "n", "ratio"]]


def _rule_of(run: Run) -> str:
    """Return the name of the run's rule, whatever its rates, if it is one that has a theory."""
    rates = tuple(run.data.attrs["rates"])
    for name in FOLLOWS:  # the text of a run is compared, never evaluated
        if run.rule in {repr(replace(RULES[name], rate=rate)) for rate in (rates, rates[0])}:
            return name
    return ""


def _obstacles(run: Run, rule: str) -> dict[str, bool]:
    """Return what can stand in the way of a theory, and whether it does."""
    network, data = run.network, run.data
    if isinstance(network, Recorded):  # its rates, units and batches are not known
        return {"recorded, not trained": True}
    layers, items = network.layers, data.sizes.get("item", 0)
    kept = "epoch" in data.dims and 0 in data["epoch"] and "W1" in data
    return {
        "a rule that is neither backprop nor bpa": not rule,
        f"bpa in a net with {layers - 1} hidden layers": rule == "bpa" and layers != 2,
        "a rate of 0": min(data.attrs["rates"][layers == 1 : 2]) == 0,
        network.loss: network.power != 2,
        "biases": network.biases,
        f"{network.hidden} hidden units": network.hidden != "linear" and layers > 1,
        f"{network.output} output": network.output != "linear",
        "the items are not kept": "target" not in data,
        f"batches of {data.attrs['batch_size']} of {items} items": "target" in data
        and data.attrs["batch_size"] < items,
        "the weights at epoch 0 are not kept": not kept,
    }
