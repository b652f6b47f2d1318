"""What are the modes of the data? The item-property matrix, decomposed; figure 3 of the report."""

from semantic_svd import report
from semantic_svd.plots import caption, save, svd_rows
from semantic_svd.tables import modes_from, modes_table


def compute():
    return modes_table("The data", report.data().array, report.reference())


def draw(table):
    figure = svd_rows(modes_from(table, "property"))
    caption(
        figure,
        "8 items, 34 properties (McClelland, McNaughton & Lampinen 2020), not centred. Modes {5, 6} and {7, 8} have "
        "equal singular values: within these blocks vectors may turn, and every sign is the library's choice.",
    )
    return figure


def main(folder):
    table = compute()
    save(draw(table), folder, "svd_data", table)


if __name__ == "__main__":
    report.script(main)
