"""When is each mode half learned, by rule? In epochs, in rate times steps, and relative to the first mode."""

import pandas as pd

from semantic_svd import report
from semantic_svd.plots import caption, panels, save, stages
from semantic_svd.tables import intervals

MODELS = (report.AUTOASSOCIATOR, report.TANH, report.BPA)


def compute():
    parts = []
    for model in MODELS:
        epochs = report.half_learned_epochs(model)
        times = {
            "epoch": epochs,
            "rate_steps": report.RATE * epochs,
            "relative": epochs / epochs.sel(mode=1, drop=True),
        }
        parts += [intervals(values, time=time, rule=model.name) for time, values in times.items()]
    return report.labelled(pd.concat(parts, ignore_index=True))


def draw(table):
    figure, axes = panels(1, 3, height=75, sharey=True)
    for ax, (time, rows) in zip(axes[0], table.groupby("time", sort=False), strict=True):
        stages(rows, ax, x=time)
        ax.label_outer()
    for ax in axes[0, 1:]:
        ax.get_legend().remove()
    caption(
        figure,
        f"{report.note(*MODELS, bands='bars')} Half learned: the first epoch from which the response, projected on the "
        "data's mode, stays at half its singular value or over it. Modes within a block have no order of their own.",
    )
    return figure


def main(folder):
    table = compute()
    save(draw(table), folder, "stages", table)


if __name__ == "__main__":
    report.script(main)
