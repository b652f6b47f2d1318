"""How well are MNIST's digits named after more steps than the studies take, and what does BPA's layer hold? On request.

python analyses/accuracy_mnist.py --epochs 20 --seeds 3 --data FOLDER --runs FOLDER

About 40 minutes of one core. Trainings are kept in --runs and gone on with when it is started again.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import xarray as xr

from semantic_svd import RULES, Network, Rule, linear_probe, load_images, report, train
from semantic_svd.plasticity import Delta, Frozen
from semantic_svd.plots import caption, panels, range_rows, save
from semantic_svd.tables import intervals

BATCH = 64


@dataclass(frozen=True)
class Row:
    """A network under a rule; a probe is put on a hidden layer that learns `alone`."""

    name: str
    rule: Rule
    hidden: tuple[int, ...] = (800, 800)
    units: str = "relu"
    alone: bool = False


BPA = replace(RULES["bpa"], bias=(Frozen(), Delta()), rate=(0.002, 0.02, 0.0))
ROWS = (
    Row("backprop, 800-800", RULES["backprop"]),
    Row("FA (random), 800-800", RULES["fa_random"]),
    Row("DFA (random), 800-800", RULES["dfa_random"]),
    Row("BPA, 500", BPA, (500,), "linear", alone=True),
)


def compute(images, epochs, seeds, runs):
    return pd.concat([_measured(row, images, epochs, seeds, Path(runs)) for row in ROWS], ignore_index=True)


def _measured(row, images, epochs, seeds, runs):
    run = train(
        row.rule,
        Network((images.x.shape[1], *row.hidden, len(images.classes)), row.units, "softmax"),
        images.x,
        images.targets,
        epochs=epochs,
        seeds=seeds,
        batch_size=BATCH,
        every=epochs,
        record=("weights", "train_accuracy"),
        probe=images.x[:1],  # the images are not copied into the run
        test=(images.test_x, images.test_targets),
        dtype="float32",
        out=runs / f"{row.name.replace(' ', '_').replace(',', '')}.zarr",
        resume=True,
    )
    final = run.final().data
    found = {"test images": final["accuracy"], "training images": final["train_accuracy"]}
    if row.alone:
        found["test images, by a linear probe"] = linear_probe(run, images)
    shares = xr.concat(found.values(), pd.Index(found, name="measure"), coords="minimal", compat="override")
    return intervals(100 * (1 - shares.astype(float)), within=(0, 100), row=row.name)


def draw(table, about):
    figure, axes = panels(1, 1, height=60)
    range_rows(table, "images named wrongly (%)", axes[0, 0])
    caption(figure, about)
    return figure


def main(folder, epochs=20, seeds=3, data=None, runs="runs"):
    images = load_images("mnist", data)
    table = compute(images, epochs, seeds, runs)
    about = (
        f"MNIST, {len(images):,} images, {epochs} epochs in batches of {BATCH}; mean, smallest and largest of {seeds} "
        "trainings. ReLU (BPA linear), softmax."
    )
    save(draw(table, about), folder, "accuracy_mnist", table)


if __name__ == "__main__":
    report.script(main)
