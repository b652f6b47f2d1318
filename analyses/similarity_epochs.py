"""When does a hidden layer become what it ends as? Each epoch beside every other, and the stages of the response."""

import pandas as pd

from semantic_svd import report
from semantic_svd.plots import caption, epoch_maps, save
from semantic_svd.similarity import similarity_matrix
from semantic_svd.tables import intervals
from semantic_svd.training import snapshot_epochs

MODELS = {"autoassociator": report.AUTOASSOCIATOR, "tanh": report.TANH, "BPA": report.BPA}


def compute():
    tables = []
    for name, model in MODELS.items():
        epochs = snapshot_epochs(model.epochs, "log")
        for layer in range(1, model.network.layers):
            h = report.standard_run(model).hidden(layer).sel(epoch=epochs)
            alike = similarity_matrix(h, "linear_cka", dim="epoch")
            tables.append(intervals(alike, within=(0, 1), part="linear CKA", model=name, layer=layer))
        stages = intervals(report.half_learned_epochs(model), part="half learned", model=name)
        tables.append(report.labelled(stages.rename(columns={"mean": "epoch"})).drop(columns=["low", "high"]))
    table = pd.concat(tables, ignore_index=True).drop(columns="n")
    return table[~(table["epoch"] > table["epoch_2"])]  # a pair of epochs once


def draw(table):
    pairs, stages = (table[table["part"] == part] for part in ("linear CKA", "half learned"))
    figure = epoch_maps(pairs, stages, "linear CKA")
    widest = (pairs["high"] - pairs["low"]).max() / 2
    caption(
        figure,
        f"A hidden layer at every epoch beside itself at every other: mean of {report.SEEDS} seeds, 95 % t intervals "
        f"at most ± {widest:.2f}. Points: a mode of the data is half learned by the response, mean of the seeds. "
        f"BPA was trained for {report.BPA.epochs:,} epochs, the others for {report.AUTOASSOCIATOR.epochs:,}. "
        f"{report.note(*MODELS.values())}",
    )
    return figure


def main(folder):
    table = compute()
    save(draw(table), folder, "similarity_epochs", table)


if __name__ == "__main__":
    report.script(main)
