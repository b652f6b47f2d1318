"""Do units that compete without labels name images as well as backprop, and what do they look for? Only on request.

python analyses/competing_units.py --images mnist --epochs 200 --seeds 3 --data FOLDER --runs FOLDER

The comparison of Krotov & Hopfield (2019): 2,000 competing units, then their classifier, against the same network
under backprop. On MNIST about 10 minutes a training and core. Trainings are kept in --runs, and gone on with when it
is started again.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from semantic_svd import RULES, Run, converged_read_out, report
from semantic_svd.plasticity import Delta, KrotovHopfield, Momentum
from semantic_svd.plots import caption, panels, save, weight_frames, weight_pictures
from semantic_svd.readouts import DECAY
from semantic_svd.report.claims import above, below
from semantic_svd.report.hidden import farthest_moved, weight_table
from semantic_svd.report.published import (
    BASE,
    TEST,
    TRAINING,
    Reported,
    Study,
    behind,
    each_start,
    image_sets,
    opened,
    says,
    trained_cells,
)
from semantic_svd.sweeps import Grid

PART, COMPETING = "2,000 hidden units", "Krotov-Hopfield"
MOMENTUM = Momentum(Delta())
BACKPROP = replace(RULES["backprop"], hidden=MOMENTUM, output=MOMENTUM, bias=MOMENTUM)
BACKPROP_EPOCHS, FRAMES = 20, 7
RATE = 0.04  # larger steps take units past sum |w|^p = 1, from where the second place drives them to nothing
NEAR = 0.25  # points within which an error is called reached
SOURCE = "Krotov & Hopfield 2019"


@dataclass(frozen=True)
class Setting:
    """What one kind of images is trained and shown with.

    `units` are the paper's; `base_rate` is backprop's. So many pictures stand on a `side`, and so many units are shown
    as they grow.
    """

    units: KrotovHopfield
    base_rate: float
    side: int
    growing: int
    colours: str


GREY = Setting(KrotovHopfield(), 0.1, 5, 6, "Red is positive, blue negative")
# More and brighter inputs: a standard normal unit has to lose a sum |w|^p of 20,000 (on digits 1,250).
COLOUR = Setting(KrotovHopfield(5, 2, 0.1), 0.01, 3, 3, "Grey is zero, colours those of the image")


def setting(images):
    return COLOUR if len(images.shape) == 3 else GREY


def reported(images):
    """Return what the paper reports, of grey digits or of pictures in colour; the 1.46 % is MNIST's."""
    loss = "error less backprop's (points)"
    if setting(images) is COLOUR:
        behind_base = behind(PART, COMPETING)
        return (
            Reported("Competing units are worse than backprop", SOURCE, loss, behind_base, above(0)),
            Reported("at most a little", SOURCE, loss, behind_base, below(10)),
        )
    reach = f"Competing units reach backprop's test error, within {NEAR} points"
    common = (
        Reported(reach, SOURCE, loss, behind(PART, COMPETING), below(NEAR)),
        Reported(
            "their training error stays above zero", SOURCE, TRAINING, error_of(COMPETING, TRAINING), above(0)
        ),
        Reported(
            "and backprop's does not", SOURCE, f"backprop's {TRAINING}", error_of(BASE, TRAINING), below(0.05)
        ),
    )
    published = Reported("Test error of 1.46 %", SOURCE, TEST, error_of(COMPETING), below(1.6))
    return (published, *common) if images.name == "mnist" else common


def error_of(network, measure=TEST):
    return lambda error: error(PART, network, measure)


def grids(images, sets, epochs, seeds, data):
    """Return what is trained, in batches of 100.

    The paper's are of 1,000 pictures in colour; but each change is scaled to the same size, so it is steps that count,
    and an epoch has ten times as many of these.
    """
    of = setting(images)
    base = replace(BACKPROP, rate=of.base_rate)
    competing = replace(RULES["krotov_hopfield"], rate=RATE, hidden=of.units)
    settings = {"hidden": [(2000,)], "activation": ["relu"], "batch_size": [100]}
    kept = "weights", "class_means"
    trainings = (
        ({BASE: base}, BACKPROP_EPOCHS, (*kept, "train_accuracy")),
        ({COMPETING: competing}, epochs, kept),
    )
    return [
        (
            PART,
            Grid(
                rules,
                settings=settings,
                epochs=n,
                seeds=[seed],
                record=record,
                images=[split],
                every="log",
                data=data,
            ),
        )
        for rules, n, record in trainings
        for seed, split in each_start(seeds, sets)
    ]


def with_classifier(run, images, stem):
    """Give a run of competing units the errors of its classifier, which is computed if it is not there yet."""
    path = Path(f"{stem}-converged_{DECAY:g}.zarr")
    if not path.exists():
        converged_read_out(run, images).save(path)
    named = Run.open(path).final().data
    missing = np.where(run.data["epoch"] == run.data["epoch"].max(), 1.0, np.nan)
    courses = {
        name: (("seed", "epoch"), named[name].values[:, None] * missing)
        for name in ("accuracy", "train_accuracy")
    }
    return Run(run.data.assign(courses))


def units_that_win(run, images):
    """Return how many units of the first seed are the most driven one of at least one image to train with."""
    powers = setting(images).units.memory(run.final().weights(1).values)["powers"][0]
    return len(np.unique((images.x @ powers.T).argmax(axis=1)))


def main(folder, images="mnist", epochs=200, seeds=3, folds=None, data=None, runs="runs", scheduler=None):
    whole, sets = image_sets(images, folds, data)
    cells = trained_cells(grids(whole, sets, epochs, seeds, data), runs, scheduler)
    trained = {name: opened(runs, cell) for name, cell in cells.items()}
    winning = []
    for name, cell in cells.items():
        if cell.rule_name == COMPETING:
            of = whole if isinstance(cell.data, str) else cell.data
            trained[name] = with_classifier(trained[name], of, Path(runs) / cell.name)
            winning.append(units_that_win(trained[name], of))
    how = (
        f"batches of 100; {COMPETING}: {epochs} epochs, rate {RATE} falling to 0 "
        f"({min(winning):,} to {max(winning):,} of 2,000 units win an image), "
        f"then its classifier, converged (decay {DECAY:g}); "
        f"backprop: {BACKPROP_EPOCHS} epochs, rate {setting(whole).base_rate}, momentum 0.9"
    )
    called, about = Path(images).name, says(whole, how, folds)
    for stem, (figure, table) in pictures(trained, whole, about).items():
        save(figure, folder, f"competing_units_{called}_{stem}", table)
    return Study("competing_units", (), reported(whole)).write(folder, trained, whole, called, about)


def telling(frames):
    """Return which snapshots of pictures (unit, snapshot, ...) tell how they grew.

    They are in equal steps of the likeness to what the pictures end as, the mean cosine over units.
    """
    flat = frames.reshape(*frames.shape[:2], -1)
    unit = flat / np.linalg.norm(flat, axis=-1, keepdims=True)
    likeness = np.einsum("utp,up->t", unit, unit[:, -1]) / len(unit)
    return np.unique([np.abs(likeness - like).argmin() for like in np.linspace(likeness[0], 1, FRAMES)])


def pictures(trained, images, about):
    """Draw what the units of the first training look for that moved farthest, and how that grew."""
    of, shape = setting(images), images.shape
    first = {rule: run for (_, rule, *_), run in reversed(trained.items())}
    tables, (figure, axes) = [], panels(1, 2, height=84)
    for ax, rule in zip(axes[0], (COMPETING, BASE), strict=True):
        W = farthest_moved(first[rule], shape, of.side**2)[:, -1]
        weight_pictures(W, ax, columns=of.side, shared=False).set_title(rule)
        tables.append(weight_table(W, rule=rule))
    epochs = first[COMPETING].data["epoch"].values
    frames = farthest_moved(first[COMPETING], shape, of.growing)
    at = telling(frames)
    frames = frames[:, at]
    growth, growth_axes = panels(1, 1, height=10 + 20 * of.growing)
    weight_frames(frames, epochs[at].tolist(), growth_axes[0, 0])
    of_frames = [weight_table(frames[:, i], epoch=epoch) for i, epoch in enumerate(epochs[at])]
    scale = f"first training. {of.colours}; each picture has its own scale. {about}"
    caption(figure, f"Weights of the {of.side**2} hidden units that moved farthest, {scale}")
    caption(
        growth,
        f"The {of.growing} competing units that moved farthest, at epochs in about equal steps of their likeness to "
        f"what they end as, {scale}",
    )
    return {"weights": (figure, pd.concat(tables)), "growth": (growth, pd.concat(of_frames))}


if __name__ == "__main__":
    report.script(main)
