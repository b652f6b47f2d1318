"""Are BPA at equal rates and backprop without biases one theory? From aligned, tied and other starts."""

import numpy as np
import pandas as pd
import xarray as xr

from semantic_svd import report
from semantic_svd.modes import strengths
from semantic_svd.network import Network
from semantic_svd.plots import caption, departure_lines, save, theory_panels
from semantic_svd.tables import beside_theory, intervals
from semantic_svd.theory import aligned_start
from semantic_svd.training import train

EPOCHS = 1500
SCALES = (1.0, 0.3, 0.1, 0.03)  # of the standard weights
TIED, APART, MEAN = "W2 = W1′", "W1 and W2 drawn apart", "BPA from (W1 + W2′) / 2 in both layers"


def compute():
    """Tabulate strengths over training from three starts."""
    aligned = [aligned_start(report.data(), a0=0.01, units=8, seed=seed) for seed in range(report.SEEDS)]
    starts = {
        f"aligned, {TIED}": [np.array(side) for side in zip(*aligned, strict=True)],
        f"small, {TIED}": _tied(_drawn(0.1)[0]),
        "standard": _drawn(1.0),
    }
    s = report.reference()["s"]
    parts = [
        beside_theory(_strengths("bpa", start), _strengths("backprop", start), s, report.RATE, panel)
        for panel, start in starts.items()
    ]
    return report.labelled(pd.concat(parts, ignore_index=True))


def compute_by_size():
    """Tabulate how far apart the two ever are, by the size of the first weights and how the starts are related."""
    by_size = xr.concat([_apart(scale) for scale in SCALES], xr.Variable("scale", list(SCALES)))
    return pd.concat(
        [intervals(by_size.sel(start=start, drop=True), start=start) for start in by_size["start"].values]
    )


def _apart(scale):
    W1, W2 = _drawn(scale)
    backprop = _strengths("backprop", [W1, W2])
    pairs = {
        TIED: (_strengths("bpa", _tied(W1)), _strengths("backprop", _tied(W1))),
        APART: (_strengths("bpa", [W1, W2]), backprop),
        MEAN: (_strengths("bpa", _tied((W1 + W2.mT) / 2)), backprop),
    }
    largest = [abs(one - other).max("epoch") / report.reference()["s"] for one, other in pairs.values()]
    return xr.concat(largest, xr.Variable("start", list(pairs))).max("mode")


def _drawn(scale):
    """Draw W1 and W2 of all seeds as a training does."""
    network = Network((34, 8, 34), biases=False, scale=scale)
    run = train("bpa", network, report.data(), epochs=0, seeds=report.SEEDS, progress=False)
    return [run.sel(epoch=0).weights(layer).values for layer in (1, 2)]


def _tied(W1):
    return [W1, W1.mT]


def _strengths(rule, start):
    run = train(
        rule,
        report.BPA.network,
        report.data(),
        epochs=EPOCHS,
        every="log",
        seeds=report.SEEDS,
        start=dict(zip(("W1", "W2"), start, strict=True)),
        progress=False,
    )
    return strengths(run.response(), report.reference())


def draw(table):
    figure = theory_panels(table, theory="backprop")
    caption(
        figure,
        f"Coloured: BPA; dotted: backprop, mean over seeds; both 34-8-34, linear, no biases, learning rate "
        f"{report.RATE:g} in both layers, full batch, from the same starts: aligned with the data's modes, a hundredth "
        "of each; a tenth of the standard weights, W2 being W1 turned over; the standard weights. "
        f"{report.interval_note()} Below: the largest difference of the two in any seed, as a share of the mode's "
        "singular value; the line is one hundredth.",
    )
    return figure


def draw_by_size(table):
    figure = departure_lines(table).figure
    caption(
        figure,
        "BPA beside backprop, 34-8-34, linear, no biases, equal rates: the largest difference of the strengths of any "
        "mode at any epoch, as a share of its singular value. Both start from the same weights; on the third line "
        f"backprop starts from W1 and W2 drawn apart, BPA from their mean. {report.interval_note()}",
    )
    return figure


def main(folder):
    table, by_size = compute(), compute_by_size()
    save(draw(table), folder, "theory_equal", table)
    save(draw_by_size(by_size), folder, "theory_equal_size", by_size)


if __name__ == "__main__":
    report.script(main)
