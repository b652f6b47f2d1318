"""How well are MNIST's digits named, by rule, and what do hidden layers that learn alone hold? Only on request.

python analyses/accuracy_mnist.py --epochs 20 --seeds 3 --data FOLDER --runs FOLDER

An hour or more on two cores. Trainings are kept in --runs and gone on with when it is started again.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import xarray as xr

from semantic_svd import RULES, Network, linear_probe, load_images, read_out, report, train
from semantic_svd.plasticity import Delta, Frozen
from semantic_svd.plots import caption, panels, range_rows, save
from semantic_svd.readouts import POWER
from semantic_svd.tables import intervals


@dataclass(frozen=True)
class Row:
    """A network under a rule, and how many times the epochs; probes are put on hidden layers that learn `alone`."""

    name: str
    rule: object
    hidden: tuple[int, ...]
    batch_size: int = 64
    units: str = "relu"
    alone: bool = False
    times: int = 1


COMPETING = RULES["krotov_hopfield"]
BPA = replace(RULES["bpa"], bias=(Frozen(), Delta()), rate=(0.002, 0.02, 0.0))
ROWS = (
    Row("backprop, 800-800", RULES["backprop"], (800, 800)),
    Row("FA (random), 800-800", RULES["fa_random"], (800, 800)),
    Row("DFA (random), 800-800", RULES["dfa_random"], (800, 800)),
    Row("backprop, 2000", RULES["backprop"], (2000,)),
    Row("Hebbian Descent, no slope, 2000", replace(RULES["hebbian_descent"], rate=0.2), (2000,)),
    Row("Hebbian Descent, hidden slopes, 2000", replace(RULES["hebbian_descent"], slopes="hidden"), (2000,)),
    Row("BPA, 500", BPA, (500,), units="linear", alone=True),
    Row("Krotov-Hopfield, 2000", replace(COMPETING, rate=0.02), (2000,), batch_size=100, alone=True, times=5),
)


def compute(images, epochs, seeds, runs):
    return pd.concat([_measured(row, images, epochs, seeds, Path(runs)) for row in ROWS], ignore_index=True)


def _measured(row, images, epochs, seeds, runs):
    competes = row.rule.schedule == "linear"
    start = {"biases": False, "initial": "normal"} if competes else {}
    run = train(
        row.rule,
        Network((images.x.shape[1], *row.hidden, len(images.classes)), row.units, "softmax", **start),
        images.x,
        images.targets,
        epochs=epochs * row.times,
        seeds=seeds,
        batch_size=row.batch_size,
        every=epochs * row.times,
        record=("weights", "train_accuracy"),
        probe=images.x[:1],  # the images are not copied into the run
        test=(images.test_x, images.test_targets),
        dtype="float32",
        out=runs / f"{row.name.replace(' ', '_').replace(',', '')}.zarr",
        resume=True,
    )
    named = read_out(run, images).final() if competes else run.final()
    found = {"test images": named.data["accuracy"], "training images": named.data["train_accuracy"]}
    if row.alone:
        found["test images, by a linear probe"] = linear_probe(run, images, power=POWER if competes else None)
    shares = xr.concat(found.values(), pd.Index(found, name="measure"), coords="minimal", compat="override")
    return intervals(100 * (1 - shares.astype(float)), within=(0, 100), row=row.name)


def draw(table, about):
    figure, axes = panels(1, 1, height=85)
    range_rows(table, "images named wrongly (%)", axes[0, 0])
    caption(figure, about)
    return figure


def main(folder, epochs=20, seeds=3, data=None, runs="runs"):
    table = compute(load_images("mnist", data), epochs, seeds, runs)
    about = (
        f"MNIST, all images, {epochs} epochs; mean, smallest and largest of {seeds} seeds. ReLU (BPA linear), softmax. "
        f"Krotov-Hopfield: {5 * epochs} epochs, and its own classifier 50 more."
    )
    save(draw(table, about), folder, "accuracy_mnist", table)


if __name__ == "__main__":
    report.script(main)
