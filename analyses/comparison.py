"""Are the learned modes those of the data? What a naive reading says, and what is measured."""

import pandas as pd

from semantic_svd import report
from semantic_svd.plots import caption, comparison, save

MODELS = (report.AUTOASSOCIATOR, report.TANH, report.BPA)
READINGS = {"read naively": report.naive_comparison, "measured": report.comparison_at}


def compute():
    tables = [
        report.verdict_table(read(model, "convergence"), model=f"{model.name}, {how}")
        for model in (*MODELS, report.NOISY)
        for how, read in READINGS.items()
    ]
    return report.labelled(pd.concat(tables, ignore_index=True))


def draw(table):
    ax = comparison(table)
    caption(
        ax.figure,
        f"{report.note(*MODELS)} At a mean squared error of 1e-6 a cell. In each cell the verdict most frequent "
        f"among the {report.SEEDS} seeds, its number, and the mean cosine; below, what only one random draw in twenty "
        "exceeds. Read naively: the k-th vectors of response and data, one by one. Measured: blocks as subspaces, both "
        "sides. Noise of 1e-9 shows what is the library's choice and no finding: flips, and rotations within a block "
        "(by 90 degrees: swapped).",
    )
    return ax.figure


def main(folder):
    table = compute()
    save(draw(table), folder, "comparison", table)


if __name__ == "__main__":
    report.script(main)
