"""Does theory foretell when each mode is half learned? For BPA and backprop, from standard and from small weights."""

from itertools import product

import pandas as pd
from scipy.stats import gmean

from semantic_svd import report
from semantic_svd.network import Network
from semantic_svd.plots import caption, panels, save, stages, styled
from semantic_svd.predictions import half_learned_beside_theory
from semantic_svd.theory import hidden_half_rise
from semantic_svd.training import train

RULES = {"BPA": "bpa", "backprop": "backprop"}
SCALES = {"standard weights": 1.0, "weights a tenth as large": 0.1}
EPOCHS = 1500


def compute():
    parts = [_beside(rule, start) for start, rule in product(SCALES, RULES)]
    return report.labelled(pd.concat(parts, ignore_index=True))


def _beside(rule, start):
    network = Network((34, 8, 34), biases=False, scale=SCALES[start])
    run = train(RULES[rule], network, report.data(), epochs=EPOCHS, seeds=report.SEEDS, progress=False)
    table = half_learned_beside_theory(run)
    first, second = (run.sel(epoch=0).weights(layer).values for layer in (1, 2))
    grows = first if rule == "BPA" else (first + second.mT) / 2
    table["closed_form"] = gmean(hidden_half_rise(grows, report.data())) / report.RATE
    table.insert(0, "panel", f"{rule}, {start}")
    return table


@styled
def draw(table):
    figure, axes = panels(2, 2, height=125, sharex=True, sharey=True)
    for ax, (panel, rows) in zip(axes.flat, table.groupby("panel", sort=False), strict=True):
        stages(_series(rows), ax).set_title(panel)
        ax.label_outer()
        ax.get_legend().remove()
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=3)
    caption(
        figure,
        f"34-8-34, linear, no biases, learning rate {report.RATE:g} in both layers, full batch; "
        f"{report.SEEDS} seeds; bars are 95\u00a0%\u00a0t intervals of the logarithms. "
        "Mode equations: half learned in gradient flow from the same starts, on the same epochs. Closed form, for "
        "small weights: ln(1/p - 1) / (2λ), with p the mode's share in the first W1 (BPA) or (W1 + W2′) / 2 "
        "(backprop). All are geometric means over seeds. A mode grows by 1 + rate × λ a step and not by its "
        "exponential, so that the first modes are late. Modes within a block have no order of their own.",
    )
    return figure


def _series(rows):
    """Put what was measured and what was foretold below each other, as what stands side by side in the figure."""
    foretold = {"mode equations": "predicted", "closed form": "closed_form"}
    return pd.concat(
        [
            rows.assign(rule="measured"),
            *(
                rows.assign(rule=name, **dict.fromkeys(("mean", "low", "high"), rows[column]))
                for name, column in foretold.items()
            ),
        ]
    )


def main(folder):
    table = compute()
    save(draw(table), folder, "theory_half_learned", table)


if __name__ == "__main__":
    report.script(main)
