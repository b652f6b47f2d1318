"""Does BPA follow its mode equations? Measured strengths and theory from the same starts, at two learning rates."""

from dataclasses import replace

import pandas as pd

from semantic_svd import report
from semantic_svd.modes import strengths
from semantic_svd.plots import caption, save, strength_panels
from semantic_svd.rules import RULES
from semantic_svd.tables import beside_theory
from semantic_svd.theory import bpa_strengths
from semantic_svd.training import train

RATES = (0.1, 0.01)
DURATION = 60  # learning rate x steps


def compute():
    return report.labelled(pd.concat([_at_rate(rate) for rate in RATES], ignore_index=True))


def _at_rate(rate):
    rule, steps = replace(RULES["bpa"], rate=rate), round(DURATION / rate)
    run = train(
        rule,
        report.BPA.network,
        report.data(),
        epochs=steps,
        every="log",
        seeds=report.SEEDS,
        progress=False,
    )
    times = rate * run.data["epoch"].values
    measured = strengths(run.response(), report.reference()).rename(epoch="time").assign_coords(time=times)
    start = run.sel(epoch=0).data
    theory = bpa_strengths([start["W1"], start["W2"]], report.data(), times=times).mean("seed")
    return beside_theory(measured, theory, panel=f"learning rate {rate:g}")


def draw(table):
    figure = strength_panels(table, x="rate_steps")
    caption(
        figure,
        f"{report.BPA.about}. Full batch. {report.interval_note()} Theory: the mode equations of BPA, "
        "integrated from the same starts, mean over seeds; exact in the limit of small rates.",
    )
    return figure


def main(folder):
    table = compute()
    save(draw(table), folder, "theory_bpa", table)


if __name__ == "__main__":
    report.script(main)
