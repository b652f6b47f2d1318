"""When does BPA learn each dimension of the data? Figure 7 of the report.

Two strengths go by the name: the response projected on the data's modes, and the response's own singular values.
"""

from semantic_svd import report
from semantic_svd.plots import caption, save, strength_panels

MODEL = report.BPA


def compute():
    return report.strength_table(MODEL)


def draw(table):
    figure = strength_panels(table)
    caption(figure, report.note(MODEL, bands="bands"))
    return figure


def main(folder):
    table = compute()
    save(draw(table), folder, "strengths_bpa", table)


if __name__ == "__main__":
    report.script(main)
