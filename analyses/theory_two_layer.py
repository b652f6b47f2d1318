"""Does a two-layer linear autoassociator follow the closed form? From an aligned start, at two learning rates."""

from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from semantic_svd import report
from semantic_svd.modes import strengths
from semantic_svd.network import Network
from semantic_svd.plots import caption, save, strength_panels
from semantic_svd.rules import RULES
from semantic_svd.tables import beside_theory
from semantic_svd.theory import aligned_start, two_layer
from semantic_svd.training import train

NETWORK = Network((34, 8, 34), biases=False)
RATES = (0.1, 0.01)
DURATION = 60  # learning rate x steps
START = 0.01  # strength of each mode at the start, as a share of the data's


def compute():
    return report.labelled(pd.concat([_at_rate(rate) for rate in RATES], ignore_index=True))


def _at_rate(rate):
    steps = round(DURATION / rate)
    starts = [aligned_start(report.data(), a0=START, units=8, seed=seed) for seed in range(report.SEEDS)]
    run = train(
        replace(RULES["backprop"], rate=rate),
        NETWORK,
        report.data(),
        epochs=steps,
        every="log",
        seeds=report.SEEDS,
        start={
            name: np.array(side) for name, side in zip(("W1", "W2"), zip(*starts, strict=True), strict=True)
        },
        progress=False,
    )
    times = rate * run.data["epoch"].values
    measured = strengths(run.response(), report.reference()).rename(epoch="time").assign_coords(time=times)
    s = report.reference()["s"]
    eigenvalues = s.values**2 / len(report.data())
    shares = xr.DataArray(
        two_layer(eigenvalues, START, times, inputs=eigenvalues), {"time": times, "mode": s["mode"]}
    )
    return beside_theory(measured, s * shares, panel=f"learning rate {rate:g}")


def draw(table):
    figure = strength_panels(table, x="rate_steps")
    caption(
        figure,
        f"Two-layer autoassociator: backprop, 34-8-34, linear, no biases, full batch, from aligned and "
        f"balanced starts that have {START:g} of each mode (so all seeds are alike). {report.interval_note()} Theory: "
        "the closed form of Saxe, McClelland & Ganguli (2014) for an autoassociator; exact in the limit of small "
        "rates.",
    )
    return figure


def main(folder):
    table = compute()
    save(draw(table), folder, "theory_two_layer", table)


if __name__ == "__main__":
    report.script(main)
