"""When does the tree of the items become the data's tree? Progressive differentiation as a number, by rule."""

import pandas as pd

from semantic_svd import report
from semantic_svd.dendrograms import agreement
from semantic_svd.plots import agreement_lines, caption, save
from semantic_svd.tables import intervals, shown_epochs

MODELS = (report.AUTOASSOCIATOR, report.TANH, report.BPA)


def compute():
    return pd.concat(
        [
            intervals(agreement(response, report.data()), rule=model.name)
            for model in MODELS
            for response in [report.standard_run(model).response().sel(epoch=shown_epochs(model.epochs))]
        ],
        ignore_index=True,
    )


def draw(table):
    ax = agreement_lines(table)
    caption(ax.figure, report.note(*MODELS, bands="bands"))
    return ax.figure


def main(folder):
    table = compute()
    save(draw(table), folder, "agreement", table)


if __name__ == "__main__":
    report.script(main)
