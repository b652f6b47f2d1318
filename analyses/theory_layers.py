"""Do linear autoassociators follow their curves? From an aligned start, in one, two and three layers of weights."""

from dataclasses import replace

import pandas as pd
import xarray as xr

from semantic_svd import report
from semantic_svd.modes import strengths
from semantic_svd.network import Network
from semantic_svd.plots import caption, save, theory_panels
from semantic_svd.rules import RULES
from semantic_svd.tables import beside_theory
from semantic_svd.theory import aligned_start, deep, one_layer, two_layer
from semantic_svd.training import train

CURVES = {
    "no hidden layer": ((), one_layer),
    "one hidden layer": ((8,), two_layer),
    "two hidden layers": ((8, 8), deep),
}
RATE, DURATION = 0.01, 60  # learning rate, and times steps
START = 0.01  # strength of each mode at the start, as a share of the data's


def compute():
    parts = [_beside(panel, *of_depth) for panel, of_depth in CURVES.items()]
    return report.labelled(pd.concat(parts, ignore_index=True))


def _beside(panel, hidden, curve):
    start = aligned_start(report.data(), a0=START, units=hidden)
    run = train(
        replace(RULES["backprop"], rate=RATE),
        Network((34, *hidden, 34), biases=False),
        report.data(),
        epochs=round(DURATION / RATE),
        every="log",
        start={f"W{layer}": weights for layer, weights in enumerate(start, 1)},
        progress=False,
    )
    s, epochs = report.reference()["s"], run.data["epoch"]
    eigenvalues = s.values**2 / len(report.data())
    shares = curve(eigenvalues, START, RATE * epochs.values, inputs=eigenvalues)
    theory = s * xr.DataArray(shares, {"epoch": epochs.values, "mode": s["mode"]})
    return beside_theory(strengths(run.response(), report.reference()), theory, s, RATE, panel)


def draw(table):
    figure = theory_panels(table)
    caption(
        figure,
        f"Linear autoassociators 34-34, 34-8-34 and 34-8-8-34 without biases: backprop, learning rate {RATE:g}, full "
        f"batch, from one aligned and balanced start that has {START:g} of each mode (in others the hidden units are "
        "turned). Theory: the closed forms of Saxe, McClelland & Ganguli (2014, 2019) with the inputs' eigenvalues; "
        "for two hidden layers their mode equation, integrated. All are exact in the limit of small rates. Below: how "
        "far this training is from theory at each epoch, as a share of the data's mode; the line is one hundredth. "
        "Modes 6 and 8 lie under 5 and 7.",
    )
    return figure


def main(folder):
    table = compute()
    save(draw(table), folder, "theory_layers", table)


if __name__ == "__main__":
    report.script(main)
