"""What are the modes of BPA's output, once it has learned the data? Figure 5 of the report.

They are shown twice: as the library gives them, which is how the report reads them, and aligned to the data's modes.
"""

import pandas as pd

from semantic_svd import report
from semantic_svd.alignment import align
from semantic_svd.modes import svd
from semantic_svd.plots import caption, save, svd_rows

MODEL = report.BPA


def compute():
    response = report.response_at(MODEL, "convergence").sel(seed=0, drop=True)
    modes = svd(response)
    aligned = align(modes, report.reference())
    return pd.concat(
        [
            report.modes_table(f"a  {MODEL.name}: output, modes as the library gives them", response, modes),
            report.modes_table("b  The same modes, aligned to the data's", response, aligned),
        ],
        ignore_index=True,
    )


def draw(table):
    figure = svd_rows(report.modes_from(table, "property"), name="response")
    about = f"{report.note(MODEL)} Seed 0, at a mean squared error of 1e-6 a cell."
    caption(
        figure,
        f"{about} Signs, and rotations within {{5, 6}} and {{7, 8}}, are arbitrary in a and settled in b.",
    )
    return figure


def main(folder):
    table = compute()
    save(draw(table), folder, "svd_bpa", table)


if __name__ == "__main__":
    report.script(main)
