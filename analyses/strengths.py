"""When does each model learn each dimension of the data? Figures 6 and 7 of the report, and tanh units beside them.

Two strengths go by the name: the response projected on the data's modes, and the response's own singular values.
"""

import pandas as pd

from semantic_svd import report
from semantic_svd.plots import caption, save, strength_panels
from semantic_svd.tables import intervals, shown_epochs

MODELS = {"autoassociator": report.AUTOASSOCIATOR, "tanh": report.TANH, "bpa": report.BPA}


def compute(model):
    strengths = {
        "a  projected on the data's modes": report.projected(model),
        "b  singular values of the response": report.sorted_strengths(model),
    }
    epochs = shown_epochs(model.epochs)
    panels = [intervals(strength.sel(epoch=epochs), panel=title) for title, strength in strengths.items()]
    return report.labelled(pd.concat(panels, ignore_index=True))


def draw(table, model):
    figure = strength_panels(table)
    sizes = "In b the k-th largest value has the colour of the data's mode k, whatever its vectors are."
    caption(figure, f"{report.note(model, bands='bands')} {sizes}")
    return figure


def main(folder):
    for name, model in MODELS.items():
        table = compute(model)
        save(draw(table, model), folder, f"strengths_{name}", table)


if __name__ == "__main__":
    report.script(main)
