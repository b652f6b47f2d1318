"""When do the items fall apart as they do in the data? Progressive differentiation as numbers, by rule.

Two figures: the trees of the responses beside the data's tree, and how many seeds hold each of its clades.
"""

from math import inf

import pandas as pd

from semantic_svd import report
from semantic_svd.dendrograms import agreement, clade_support, robinson_foulds, within_to_between
from semantic_svd.intervals import share_interval
from semantic_svd.plots import caption, measure_panels, panels, range_rows, save, styled
from semantic_svd.tables import intervals, shown_epochs

MODELS = (report.AUTOASSOCIATOR, report.TANH, report.BPA)
SHOWN = (0, 3, 10, 30)
FORKS = {1: "animals, plants", 2: "birds, fish; trees, flowers"}  # of the data's tree, by level


def responses():
    for model in MODELS:
        epochs = sorted({*shown_epochs(model.epochs), *SHOWN})
        yield model, report.standard_run(model).response().sel(epoch=epochs)


def measures(response):
    """Yield names, values by seed, and between what these are bounded."""
    yield "correlation with the data's tree", agreement(response, report.data()), (-1, 1)
    yield "Robinson–Foulds distance", robinson_foulds(response, report.data()), (0, 1)
    ratio = within_to_between(response, report.data())
    for level, fork in FORKS.items():
        yield f"within / between:\n{fork}", ratio.sel(level=level, drop=True), (0, inf)


def compute():
    goal = {name: float(value) for name, value, _ in measures(report.data().array)}
    parts = [
        intervals(values, within, measure=name, rule=model.name).assign(data=goal[name])
        for model, response in responses()
        for name, values, within in measures(response)
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values("measure", key=lambda names: names.map(list(goal).index), kind="stable")


def support():
    parts = []
    for model, response in responses():
        shares = share_interval(clade_support(response, report.data()))
        parts.append(shares.to_dataframe().reset_index().assign(rule=model.name))
    table = pd.concat(parts, ignore_index=True)
    return table[["rule", "clade", "epoch", "mean", "low", "high", "n"]]


def draw(table):
    figure = measure_panels(table)
    caption(
        figure,
        "Trees of the responses beside the data's: correlation of their cophenetic distances; share of the clades "
        "that only one of them has (Robinson & Foulds); mean distance within the groups of a level, over that between "
        f"them. {report.note(*MODELS, bands='bands')} Grey: the data themselves.",
    )
    return figure


@styled
def draw_support(table):
    high_first = table.set_index("clade").loc[table["clade"].unique()[::-1]].reset_index()
    rows = high_first.assign(row=high_first["clade"].map(category), measure=high_first["rule"])
    figure, axes = panels(1, len(SHOWN), height=62, sharex=True, sharey=True)
    for ax, epoch in zip(axes[0], SHOWN, strict=True):
        range_rows(rows[rows["epoch"] == epoch], "share of seeds", ax).set_title(f"epoch {epoch}")
        ax.get_legend().remove()
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(MODELS))
    about = f"{report.SEEDS} seeds; bars: 95 % Wilson intervals of the share whose tree of responses holds the clade."
    caption(figure, f"{report.note(*MODELS)} {about}")
    return figure


def category(clade):
    return ", ".join(dict.fromkeys(report.CATEGORIES[item] for item in clade.split(" + ")))


def main(folder):
    table, shares = compute(), support()
    save(draw(table), folder, "agreement", table)
    save(draw_support(shares), folder, "clade_support", shares)


if __name__ == "__main__":
    report.script(main)
