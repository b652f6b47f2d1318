"""At which rates does a threshold lift Hebb, or Oja, and has the hidden layer learned there? Only on request.

python analyses/hebbnet_rates.py --images mnist --epochs 10 --seeds 3 --data FOLDER --runs FOLDER

HebbNet as in hebbian_learning.py, which has one rate. Trainings are kept in --runs, and gone on with when it is started
again: on MNIST one to three minutes a training and core.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from semantic_svd import RULES, report
from semantic_svd.classes import centred_means
from semantic_svd.plots import caption, number_curves, panels, save, styled
from semantic_svd.report.courses import BASE, TEST, TRAINING, spread
from semantic_svd.report.published import BATCH, Part, image_sets, says, says_means, trained_parts
from semantic_svd.similarity import procrustes_angle

MOVED = "angle to the layer before learning (degrees)"
RATES = {"Hebb": (1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 1e-3), "Oja": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)}
NETS = {
    "Hebb": RULES["hebbnet"],
    "Hebb, threshold": RULES["hebbnet_threshold"],
    "Hebb, threshold, sparsity": RULES["hebbnet_sparse"],
    "Oja": RULES["hebbnet_oja"],
    "Oja, threshold": RULES["hebbnet_oja_threshold"],
    "Oja, threshold, sparsity": RULES["hebbnet_oja_sparse"],
}
PART = Part(
    "HebbNet",
    {BASE: RULES[BASE]}
    | {
        f"{net}, rate = {r:g}": replace(of, rate=(r, *of.rates[1:]))
        for net, of in NETS.items()
        for r in RATES[net.split(",")[0]]
    },
)


def compute(trained):
    """Measure how each training ends, and how far its class means have turned; NaN where it diverged."""
    rows = []
    for (part, network, data, seed), run in trained.items():
        about = {"part": part, "network": network, "data": data, "seed": seed, "epoch": 0, "mode": 0}
        means = centred_means(run, 1).isel(seed=0).load()
        found = {
            TEST: 100 * (1 - run.data["accuracy"][0, -1]),
            TRAINING: 100 * (1 - run.data["train_accuracy"][0, -1]),
            MOVED: procrustes_angle(means.isel(epoch=-1), means.isel(epoch=0)),
        }
        value = {name: np.nan if run.diverged.any() else float(of) for name, of in found.items()}
        rows += [about | {"measure": name, "value": of} for name, of in value.items()]
    return spread(pd.DataFrame(rows))


def at_best(table):
    """Say what each network errs at the rate at which all its trainings last and err least on what they are taught."""
    lasting = table[table["n"] == table["n"].max()]
    by_net = lasting.assign(net=lasting["network"].str.split(", rate").str[0])
    best = by_net[by_net["measure"] == TRAINING].sort_values("mean").drop_duplicates("net")
    rows = by_net[(by_net["measure"] == TEST) & by_net["network"].isin(best["network"])]
    return "; ".join(f"{of.network}: {of.mean:.2f} [{of.low:.2f}, {of.high:.2f}]" for of in rows.itertuples())


@styled
def draw(table, about):
    figure, axes = panels(len(RATES), 2, height=62 * len(RATES))
    table = table.assign(open=table["n"] < table["n"].max())
    for row, of in zip(axes, RATES, strict=True):
        of_row = table[table["network"].str.split(",").str[0].isin([of, BASE])]
        for ax, measure in zip(row, (TEST, MOVED), strict=True):
            label = f"{of}: {measure}".replace(" before", "\nbefore")
            number_curves(of_row[of_row["measure"] == measure], "rate", label, ax).legend().remove()
            ax.set_xlabel("rate of the hidden layer")
    handles, names = axes[0, 0].get_legend_handles_labels()
    kinds = [name.removeprefix("Hebb, ").replace("Hebb", "plain") for name in names]
    figure.legend(handles, kinds, loc="outside upper center", ncols=len(kinds))
    caption(figure, f"{about} Marks are open where a training diverged; where all did there is none.")
    return figure


def main(folder, images="mnist", epochs=10, seeds=3, data=None, runs="runs"):
    whole, sets = image_sets(images, None, data)
    trained = trained_parts([PART], sets, epochs, seeds, data, runs)
    table = compute(trained)
    how = f"{epochs} epochs in batches of {BATCH}. 2,000 ReLU units; the output learns by the delta rule at rate 0.1"
    about = (
        f"{says(whole, how, None)} {says_means(trained)} Test errors at the rate of the least training error (%): "
        f"{at_best(table)}."
    )
    save(draw(table, about), folder, f"hebbnet_rates_{Path(images).name}", table)


if __name__ == "__main__":
    report.script(main)
