"""What errors are left on MNIST after more steps? What does a probe read from layers that learn alone? On request.

About an hour of one core. Trainings are kept in --runs, and gone on with when it is started again.

python analyses/accuracy_mnist.py --epochs 20 --seeds 3 --data FOLDER --runs FOLDER
"""

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import xarray as xr

from semantic_svd import RULES, Rule, linear_probe, load_images, report, train
from semantic_svd.lessons import fitting
from semantic_svd.plasticity import Delta, Frozen
from semantic_svd.plots import caption, panels, range_rows, save
from semantic_svd.readouts import POWER
from semantic_svd.tables import intervals

BATCH = 64
PROBED = "test images, by a linear probe"


@dataclass(frozen=True)
class Row:
    """A network under a rule; a probe is put on a hidden layer that learns `alone`, and reads `power` of its units."""

    name: str
    rule: Rule
    hidden: tuple[int, ...] = (800, 800)
    units: str = "relu"
    alone: bool = False
    power: float | None = None


BPA = replace(RULES["bpa"], bias=(Frozen(), Delta()), rate=(0.002, 0.02, 0.0))
ROWS = (
    Row("backprop, 800-800", RULES["backprop"]),
    Row("FA (random), 800-800", RULES["fa_random"]),
    Row("DFA (random), 800-800", RULES["dfa_random"]),
    Row("BPA, 500", BPA, (500,), "linear", alone=True),
    Row("Krotov-Hopfield, 2,000", RULES["krotov_hopfield"], (2000,), alone=True, power=POWER),
)


def compute(images, epochs, seeds, runs):
    return pd.concat([_measured(row, images, epochs, seeds, Path(runs)) for row in ROWS], ignore_index=True)


def _measured(row, images, epochs, seeds, runs):
    sizes = images.x.shape[1], *row.hidden, len(images.classes)
    names_classes = not row.rule.competes
    run = train(
        row.rule,
        fitting(row.rule, sizes, hidden=row.units, output="softmax"),
        images.x,
        images.targets,
        epochs=epochs,
        seeds=seeds,
        batch_size=BATCH,
        every=epochs,
        record=("weights", "train_accuracy") if names_classes else "weights",
        probe=images.x[:1],  # the images are not copied into the run
        test=(images.test_x, images.test_targets) if names_classes else None,
        dtype="float32",
        out=runs / f"{row.name.replace(' ', '_').replace(',', '')}.zarr",
        resume=True,
    )
    final = run.final().data
    found = {}
    if names_classes:
        found |= {"test images": final["accuracy"], "training images": final["train_accuracy"]}
    if row.alone:
        found[PROBED] = linear_probe(run, images, power=row.power)
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
        f"trainings. ReLU (BPA linear), softmax. Of Krotov-Hopfield the probe reads the power {POWER:g} of the "
        "units, weights and images at unit length."
    )
    save(draw(table, about), folder, "accuracy_mnist", table)


if __name__ == "__main__":
    report.script(main)
