"""What do the hidden layers of both models hold? Their activity, items by units, decomposed."""

import pandas as pd

from semantic_svd import report
from semantic_svd.modes import svd
from semantic_svd.plots import caption, save, svd_rows
from semantic_svd.tables import modes_from, modes_table

LAYERS = [(report.AUTOASSOCIATOR, 1), (report.AUTOASSOCIATOR, 2), (report.BPA, 1)]


def compute():
    parts = []
    for number, (model, layer) in zip("abc", LAYERS, strict=True):
        activity = report.final_hidden(model, layer).sel(seed=0, drop=True)
        parts.append(modes_table(f"{number}  {model.name}, hidden layer {layer}", activity, svd(activity)))
    return pd.concat(parts, ignore_index=True)


def draw(table):
    figure = svd_rows(modes_from(table, "unit"), name="activity")
    models = report.note(report.AUTOASSOCIATOR, report.BPA)
    free = "Signs, and in c rotations within {5, 6} and {7, 8}, are arbitrary."
    caption(figure, f"{models} Seed 0, end of training. {free}")
    return figure


def main(folder):
    table = compute()
    save(draw(table), folder, "svd_hidden", table)


if __name__ == "__main__":
    report.script(main)
