"""How do the items drift apart in the hidden layer while a network learns? Their paths, from the centre outward."""

import pandas as pd

from semantic_svd import report
from semantic_svd.paths import item_paths
from semantic_svd.plots import caption, path_panels, save
from semantic_svd.tables import shown_epochs

MODELS = (report.AUTOASSOCIATOR, report.TANH, report.BPA)
MARKED = (0, 10, 40, 150, 1000)


def compute():
    parts = []
    for model in MODELS:
        epochs = sorted({*shown_epochs(model.epochs)[::5], *MARKED, model.epochs})
        paths = item_paths(report.standard_run(model).hidden(1).sel(epoch=epochs), report.data())
        places = paths.to_dataset("axis").rename({1: "x", 2: "y"})[["x", "y"]].round(3)
        parts.append(places.to_dataframe().reset_index().assign(panel=model.name))
    return pd.concat(parts, ignore_index=True)[["panel", "seed", "epoch", "item", "x", "y"]]


def draw(table):
    figure = path_panels(table, report.CATEGORIES, MARKED)
    about = (
        f"First hidden layer, each epoch less the mean of its items: seed 0, and faintly {report.SEEDS - 1} others. "
        "Distances in the plane are those in the layer, as nearly as can be (multidimensional scaling of all epochs "
        "of a seed at once); which way a fork turns is arbitrary."
    )
    caption(figure, f"{report.note(*MODELS)} {about}")
    return figure


def main(folder):
    table = compute()
    save(draw(table), folder, "paths", table)


if __name__ == "__main__":
    report.script(main)
