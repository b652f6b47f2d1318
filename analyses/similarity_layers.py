"""Do rules end in the same hidden layer, and is it the data's? Layers each with each, by measure, beside chance."""

from functools import partial

import pandas as pd

from semantic_svd import report
from semantic_svd.plots import caption, layer_table, null_bands, panels, save
from semantic_svd.similarity import beside_null, cca, linear_cka, procrustes_angle, rbf_cka, rsa, svcca
from semantic_svd.tables import intervals

LAYERS = {
    "autoassociator 1": (report.AUTOASSOCIATOR, 1),
    "autoassociator 2": (report.AUTOASSOCIATOR, 2),
    "tanh 1": (report.TANH, 1),
    "tanh 2": (report.TANH, 2),
    "BPA": (report.BPA, 1),
}
ANGLE = "Procrustes angle"
MEASURES = {
    ANGLE: procrustes_angle,
    "linear CKA": linear_cka,
    "linear CKA, debiased": partial(linear_cka, debiased=True),
    "RBF CKA": rbf_cka,
    "RSA: Euclidean, Spearman": rsa,
    "SVCCA, 90 % of variance": partial(svcca, variance=0.9),
    "CCA": cca,
}


def compute():
    layers = {name: report.final_hidden(*of) for name, of in LAYERS.items()}
    data, tables = report.data().array, []

    def add(measure, layer, layer_2, other, start=float("nan")):
        found = beside_null(layers[layer], other, MEASURES[measure])
        null = found[["null_low", "null_high"]].mean()
        values, within = found["value"].expand_dims(layer=[layer]), (0, 90) if measure == ANGLE else (-1, 1)
        table = intervals(values, within, measure=measure, layer_2=layer_2)
        tables.append(
            table.assign(start=start, null_low=float(null.null_low), null_high=float(null.null_high))
        )

    for i, (name, (model, layer)) in enumerate(LAYERS.items()):
        for other in list(LAYERS)[i:]:  # beside another seed's network: no two began alike
            add(ANGLE, name, other, layers[other].roll(seed=1))
        untrained = report.standard_run(model).hidden(layer).sel(epoch=0)
        for measure, of in MEASURES.items():
            add(measure, name, "data", data, float(of(untrained, data).mean()))
    return pd.concat(tables, ignore_index=True)


def draw(table):
    figure, axes = panels(1, 2, height=80, width_ratios=[1.1, 1])
    angles = table[table["measure"] == ANGLE].assign(null=table["null_low"])
    layer_table(angles, "Procrustes angle (degrees)", (45, 0), axes[0, 0])
    null_bands(table[table["measure"] != ANGLE], axes[0, 1]).set_xlabel("similarity to the data")
    models = dict.fromkeys(model for model, _ in LAYERS.values())
    caption(
        figure,
        "Left: angle between hidden layers at the end of training, each seed beside another seed's network; above the "
        "diagonal, in italics, the angle that only one order of the items in twenty falls below. Right: each layer and "
        "the data; bars are 95 % t intervals of the mean, grey 90 % of 200 orders of the items. CCA is 1 for any "
        f"order: 8 units span all by which 8 items can differ. {report.SEEDS} seeds. {report.note(*models)}",
    )
    return figure


def main(folder):
    table = compute()
    save(draw(table), folder, "similarity_layers", table)


if __name__ == "__main__":
    report.script(main)
