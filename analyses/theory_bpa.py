"""Does BPA follow its theory? Measured strengths and theory from the same starts, at three learning rates."""

from dataclasses import replace

import pandas as pd

from semantic_svd import report
from semantic_svd.modes import strengths
from semantic_svd.plots import caption, save, theory_panels
from semantic_svd.predictions import prediction
from semantic_svd.rules import RULES
from semantic_svd.tables import beside_theory
from semantic_svd.training import train

RATES = (0.1, 0.01, 0.001)
DURATION = 100  # learning rate x steps


def compute():
    return report.labelled(pd.concat([_at_rate(rate) for rate in RATES], ignore_index=True))


def _at_rate(rate):
    run = train(
        replace(RULES["bpa"], rate=rate),
        report.BPA.network,
        report.data(),
        epochs=round(DURATION / rate),
        every="log",
        seeds=report.SEEDS,
        progress=False,
    )
    measured = strengths(run.response(), report.reference())
    return beside_theory(
        measured, prediction(run), report.reference()["s"], rate, panel=f"learning rate {rate:g}"
    )


def draw(table):
    figure = theory_panels(table)
    worst = table.groupby("panel", sort=False)["departure"].max()
    said = "; ".join(
        f"{100 * share:.2g} % at {panel.removeprefix('learning ')}" for panel, share in worst.items()
    )
    caption(
        figure,
        f"{report.BPA.about}. Full batch. {report.interval_note()} Theory: the closed form of BPA from the same "
        "starts, mean over seeds; exact in the limit of small rates. Below: the largest departure of any seed from its "
        f"own theory, as a share of the mode's singular value, at most {said}; the line is one hundredth.",
    )
    return figure


def main(folder):
    table = compute()
    save(draw(table), folder, "theory_bpa", table)


if __name__ == "__main__":
    report.script(main)
