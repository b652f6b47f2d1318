"""How do the trees of the items grow over training? The autoassociator and BPA, epoch by epoch."""

import pandas as pd

from semantic_svd import report
from semantic_svd.dendrograms import linkage
from semantic_svd.plots import caption, dendrogram_panels, panels, save
from semantic_svd.tables import tree_from, tree_table

MODELS = (report.AUTOASSOCIATOR, report.BPA)
EPOCHS = (0, 10, 40, 150, 1000)


def compute():
    responses = {model: report.standard_run(model).response().sel(seed=0) for model in MODELS}
    grown = [
        tree_table(linkage(response.sel(epoch=epoch)), model=model.name, epoch=epoch)
        for model, response in responses.items()
        for epoch in EPOCHS
    ]
    return pd.concat([*grown, tree_table(linkage(report.data()), model="data")], ignore_index=True)


def draw(table):
    figure, axes = panels(len(MODELS), len(EPOCHS), height=105)
    goal = table.loc[table["model"] == "data", "distance"]
    for row, model in zip(axes, MODELS, strict=True):
        epochs = table[table["model"] == model.name].groupby("epoch")
        trees = {f"epoch {epoch:g}": tree_from(rows, report.data().items) for epoch, rows in epochs}
        dendrogram_panels(trees, report.CATEGORIES, row, heights=goal)
        row[0].set_ylabel(f"{model.name}\ndistance")
    axes[-1, -1].get_legend().remove()
    about = (
        "Seed 0. Euclidean distance between the responses to two items, average linkage, shortest leaf order. "
        "Grey: the heights at which the items meet in the data."
    )
    caption(figure, f"{report.note(*MODELS)} {about}")
    return figure


def main(folder):
    table = compute()
    save(draw(table), folder, "dendrograms", table)


if __name__ == "__main__":
    report.script(main)
