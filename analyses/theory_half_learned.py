"""Does theory foretell when each mode is learned, and how abruptly? For BPA and backprop, from two sizes of weights."""

from itertools import product

import pandas as pd
from scipy.stats import gmean

from semantic_svd import report
from semantic_svd.network import Network
from semantic_svd.plots import caption, panels, save, stages, styled
from semantic_svd.predictions import half_learned_beside_theory, time_constants_beside_theory
from semantic_svd.theory import hidden_half_rise
from semantic_svd.training import train

RULES = {"BPA": "bpa", "backprop": "backprop"}
SCALES = {"standard weights": 1.0, "weights a tenth as large": 0.1}
EPOCHS = 1500


def compute():
    parts = [_beside(rule, start) for start, rule in product(SCALES, RULES)]
    return [report.labelled(pd.concat(tables, ignore_index=True)) for tables in zip(*parts, strict=True)]


def _beside(rule, start):
    network = Network((34, 8, 34), biases=False, scale=SCALES[start])
    run = train(RULES[rule], network, report.data(), epochs=EPOCHS, seeds=report.SEEDS, progress=False)
    halves, constants = half_learned_beside_theory(run), time_constants_beside_theory(run)
    first, second = (run.sel(epoch=0).weights(layer).values for layer in (1, 2))
    grows = first if rule == "BPA" else (first + second.mT) / 2
    halves["closed_form"] = gmean(hidden_half_rise(grows, report.data())) / report.RATE
    for table in (halves, constants):
        table.insert(0, "panel", f"{rule}, {start}")
    return halves, constants


def draw(halves, constants):
    first = _panels(halves, {"mode equations": "predicted", "closed form": "closed_form"})
    second = _panels(constants, {"closed form": "predicted"}, "time constant of the mode (epochs)")
    about = (
        f"34-8-34, linear, no biases, learning rate {report.RATE:g} in both layers, full batch; "
        f"{report.SEEDS} seeds; bars are 95\u00a0%\u00a0t intervals of the logarithms. "
    )
    caption(
        first,
        f"{about}Mode equations: half learned in gradient flow from the same starts, on the same epochs. Closed form, "
        "for small weights: ln(1/p - 1) / (2λ), with p the mode's share in the first W1 (BPA) or (W1 + W2′) / 2 "
        "(backprop). All are geometric means over seeds. A mode grows by 1 + rate × λ a step and not by its "
        "exponential, so that the first modes are late. Modes within a block have no order of their own.",
    )
    caption(
        second,
        f"{about}Measured: the curve of Saxe, McClelland & Ganguli (2019), a rise from a0 to s, fitted to the strength "
        "of each mode in each seed; the larger its time constant, the more gradual the rise. Closed form: N / (s × "
        "rate), for layers that are balanced, and modes that are apart, from the start. So they nearly are when small, "
        "but for two equal modes: these rise one after the other along directions of their own, so that each of the "
        "data's two rises more gradually. From standard weights backprop's modes are half learned sooner, but rise "
        "more gradually.",
    )
    return first, second


@styled
def _panels(table, foretold, label="epoch"):
    figure, axes = panels(2, 2, height=125, sharex=True, sharey=True)
    for ax, (panel, rows) in zip(axes.flat, table.groupby("panel", sort=False), strict=True):
        stages(_series(rows, foretold), ax).set(title=panel, xlabel=label)
        ax.label_outer()
        ax.get_legend().remove()
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=3)
    return figure


def _series(rows, foretold):
    """Put what was measured and what was foretold below each other, as what stands side by side in the figure."""
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
    tables = compute()
    stems = "theory_half_learned", "theory_time_constants"
    for figure, stem, table in zip(draw(*tables), stems, tables, strict=True):
        save(figure, folder, stem, table)


if __name__ == "__main__":
    report.script(main)
