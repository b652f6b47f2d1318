"""When is each stage learned, by rule? In which order, how abruptly, and how far apart are the two of a pair."""

from math import inf

import pandas as pd

from semantic_svd import report
from semantic_svd.intervals import mean_interval
from semantic_svd.plots import caption, save, shape_panels, stage_panels
from semantic_svd.stages import member_gaps, order_kept, stage_epochs, stage_table, width_table

MODELS = (report.AUTOASSOCIATOR, report.TANH, report.BPA)
BLOCKS = {"1": "animals", "2": "plants", "3": "birds / fish", "4": "trees / flowers"} | {
    "5-6": "pair in birds, fish",
    "7-8": "pair in trees, flowers",
}
LEVELS = {1: "level 1, animals / plants", 2: "level 2, their kinds", 3: "level 3, single items"}


def compute():
    times = [stages_of(model).assign(rule=model.name) for model in MODELS]
    shapes = [part for model in MODELS for part in shapes_of(model)]
    return pd.concat(times, ignore_index=True), pd.concat(shapes, ignore_index=True)


def stages_of(model):
    return stage_table(report.projected(model), report.reference(), report.standard_run(model).rate_steps)


def shapes_of(model):
    strengths, reference = report.projected(model), report.reference()
    widths = width_table(strengths, reference)
    half = stage_epochs(strengths, reference, by="block").sel(fraction=0.5, drop=True)
    order = order_kept(half).rename(columns={"share": "mean", "order": "stage"})
    gaps = member_gaps(report.sorted_strengths(model), reference)
    parts = {
        "width": widths,
        "order": order,
        "gap": gap_table(gaps["relative"]),
        "gap in epochs": gap_table(gaps["epochs"]),
    }
    return [part.assign(panel=panel, rule=model.name) for panel, part in parts.items()]


def gap_table(gaps):
    made = mean_interval(gaps, within=(0, inf))
    return made.to_dataframe().reset_index().rename(columns={"block": "stage"}).assign(method=made.method)


def draw(times, shapes):
    shown = times[
        (times["fraction"] > 0.1) & ((times["by"] != "block") | times["stage"].isin(["5-6", "7-8"]))
    ]
    first = stage_panels(shown.assign(stage=shown.apply(name_of, axis=1)), report.RATE)
    shown = shapes[(shapes["panel"] != "width") | (shapes["by"] == "block")]
    second = shape_panels(shown.assign(row=shown.apply(in_words, axis=1)))
    about = f"{report.note(*MODELS)} {report.SEEDS} seeds"
    caption(
        first,
        f"{about}: geometric means, bars are 95\u00a0%\u00a0t intervals of the logarithms. Learned to a half: the "
        "first epoch from which the response, projected on the data's mode, stays at half its singular value or over "
        "it; nine tenths alike. A pair's modes have equal singular values and no axes of their own: as a pair it is "
        "learned when they are on average, as a level is.",
    )
    caption(
        second,
        f"{about}. a: from the times to a tenth, a half and nine tenths; geometric means, 95\u00a0%\u00a0t intervals "
        "of the logarithms; pairs on average; seeds that start over a tenth are left out. Dashed: the exponential of "
        "a net without hidden layers. b: shares of the seeds that learn the first to a half at an earlier epoch than "
        "the second, with Wilson's 95\u00a0% intervals; equal epochs are not earlier. c: how far apart the two "
        "singular values of a pair reach their halves, in units of their mean; 95\u00a0%\u00a0t intervals.",
    )
    return first, second


def name_of(row):
    if row["by"] == "mode":
        return f"{row['stage']} {report.LABELS[row['stage']]}"
    return BLOCKS[row["stage"]] if row["by"] == "block" else LEVELS[row["stage"]]


def in_words(row):
    if row["panel"] == "order":
        return " before\n".join(BLOCKS.get(name, "all in order") for name in row["stage"].split(" < "))
    return BLOCKS.get(row["stage"], "").replace("pair in ", "pair in\n")


def main(folder):
    tables = compute()
    for figure, stem, table in zip(draw(*tables), ("stages", "stages_shape"), tables, strict=True):
        save(figure, folder, stem, table)


if __name__ == "__main__":
    report.script(main)
