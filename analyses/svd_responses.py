"""What are the modes of each model's output, once it has learned the data? Figures 4 and 5 of the report.

They are shown twice: as the library gives them, which is how the report reads them, and aligned to the data's modes.
"""

import pandas as pd

from semantic_svd import report
from semantic_svd.alignment import align
from semantic_svd.modes import svd
from semantic_svd.plots import caption, save, svd_rows
from semantic_svd.tables import modes_from, modes_table

MODELS = {"autoassociator": report.AUTOASSOCIATOR, "bpa": report.BPA}


def compute(model):
    response = report.response_at(model, "convergence").sel(seed=0, drop=True)
    modes = svd(response)
    equations = {
        f"a  {model.name}: output, modes as the library gives them": modes,
        "b  The same modes, aligned to the data's": align(modes, report.reference()),
    }
    tables = [modes_table(title, response, shown) for title, shown in equations.items()]
    return pd.concat(tables, ignore_index=True)


def draw(table, model):
    figure = svd_rows(modes_from(table, "property"), name="response")
    about = f"{report.note(model)} Seed 0, at a mean squared error of 1e-6 a cell."
    caption(
        figure,
        f"{about} Signs, and rotations within {{5, 6}} and {{7, 8}}, are arbitrary in a and settled in b.",
    )
    return figure


def main(folder):
    for name, model in MODELS.items():
        table = compute(model)
        save(draw(table, model), folder, f"svd_{name}", table)


if __name__ == "__main__":
    report.script(main)
