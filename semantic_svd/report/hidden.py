"""What hidden layers make of images: networks with one hidden layer, four rules, the same measures of class means.

The second stage of Krotov-Hopfield is its own classifier, `readouts.read_out`, trained for as many epochs as the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from semantic_svd.angles import feedback_angle
from semantic_svd.classes import centred_means, on_last_modes
from semantic_svd.dendrograms import clades, linkage
from semantic_svd.images import Images
from semantic_svd.intervals import FEWEST
from semantic_svd.lessons import fitting
from semantic_svd.modes import effective_rank
from semantic_svd.network import Network
from semantic_svd.plasticity import Frozen, KrotovHopfield
from semantic_svd.plots import (
    caption,
    dendrogram,
    measure_lines,
    panels,
    save,
    strength_lines,
    styled,
    weight_pictures,
)
from semantic_svd.plots.style import span
from semantic_svd.products import Array
from semantic_svd.readouts import read_out
from semantic_svd.rules import RULES, Rule
from semantic_svd.runs import Run
from semantic_svd.tables import intervals, nearest, tree_from, tree_table
from semantic_svd.training import train

MEAN_IMAGES = "mean images"
SHOWN_UNITS = 20


@dataclass(frozen=True)
class Setting:
    """How networks with one hidden layer are trained on an image set.

    Parameters
    ----------
    hidden : int
        Units of the hidden layer.
    epochs, batch_size, seeds : int
    oja_rate, readout_rate : float
        Of BPA's hidden and output layers; all else learns at the rule's own rates.
    rival : int
        Krotov-Hopfield's k.
    """

    hidden: int
    epochs: int
    batch_size: int
    seeds: int
    oja_rate: float
    readout_rate: float
    rival: int

    def rules(self) -> dict[str, Rule]:
        """Return the rules by the names that figures give them."""
        rates = self.oja_rate, self.readout_rate, 0.0
        competing = replace(RULES["krotov_hopfield"], hidden=KrotovHopfield(k=self.rival))
        return {
            "backprop": RULES["backprop"],
            "DFA (random)": RULES["dfa_random"],
            "BPA": replace(RULES["bpa"], bias=(Frozen(), RULES["backprop"].output), rate=rates),
            "Krotov-Hopfield": competing,
        }

    def network(self, rule: str, images: Images) -> Network:
        """Return the network of a rule: ReLU, but linear for BPA as in its source."""
        sizes = images.x.shape[1], self.hidden, len(images.classes)
        units = "linear" if rule == "BPA" else "relu"
        return fitting(self.rules()[rule], sizes, hidden=units, output="softmax")

    def train(self, rule: str, images: Images, every: int | str = 1) -> Run:
        """Train the networks of a rule, all seeds, with class means and test accuracy at every snapshot."""
        competing = rule == "Krotov-Hopfield"  # without labels: it has no accuracy before its classifier
        run = train(
            self.rules()[rule],
            self.network(rule, images),
            images.x,
            images.targets,
            epochs=self.epochs,
            seeds=self.seeds,
            batch_size=self.batch_size,
            every=every,  # type: ignore[arg-type]
            record=("weights", "class_means"),
            probe=images.x[:1],  # the images are not copied into the run
            test=None if competing else (images.test_x, images.test_targets),
            dtype="float32",
            progress=False,
        )
        if not competing:
            return run
        classifier = read_out(
            run,
            images,
            epochs=self.epochs,
            batch_size=self.batch_size,
            every=every,  # type: ignore[arg-type]
            progress=False,
        )
        return Run(run.data.assign(accuracy=classifier.data["accuracy"]))


def hidden_tables(images: Images, setting: Setting, every: int | str = 1) -> dict[str, pd.DataFrame]:
    """Train every rule and measure what its hidden layer makes of the classes.

    Returns
    -------
    dict of DataFrame
        strengths (panel, epoch, mode, mean, low, high): on each seed's last modes. measures (measure, rule, epoch,
        mean, low, high): test accuracy, effective rank, feedback angle. trees (of, epoch, left, right, distance,
        size): of seed 0 at the start, in the middle (of the epochs' logarithms) and at the end, correlation distance;
        and of the mean images, which stand at epoch 0. weights (rule, unit, pixel, value): of the first hidden units of
        seed 0.
    """
    tables: dict[str, list[pd.DataFrame]] = {"strengths": [], "measures": [], "trees": [], "weights": []}

    def add(measure: str, rule: str, values: xr.DataArray, most: float) -> None:
        tables["measures"].append(intervals(values, within=(0, most), measure=measure, rule=rule))

    def add_tree(means: xr.DataArray, of: str, epoch: int) -> None:
        tree = linkage(means.astype(float), metric="correlation")
        tables["trees"].append(tree_table(tree, of=of, epoch=epoch))

    add_tree(images.means, MEAN_IMAGES, 0)
    for rule in setting.rules():
        run = setting.train(rule, images, every)
        means = centred_means(run, 1)
        tables["strengths"].append(intervals(on_last_modes(means), panel=rule))
        add("test accuracy", rule, 100 * run.data["accuracy"].astype(float), 100)
        add("effective rank", rule, effective_rank(means), len(images.classes) - 1)
        if "B1" in run.data:
            add("feedback angle", rule, feedback_angle(run, 1), 180)
        of_first = run.class_means(1).sel(seed=0).drop_vars("seed")
        last = int(of_first["epoch"][-1])
        for epoch in nearest(of_first["epoch"], (0, last**0.5, last)):
            add_tree(of_first.sel(epoch=epoch, drop=True), rule, epoch)
        if rule in ("backprop", "Krotov-Hopfield"):
            W = run.final().weights(1).sel(seed=0).isel(post=slice(0, SHOWN_UNITS)).values
            tables["weights"].append(weight_table(W, rule=rule))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}


def weight_table(W: Array, **columns: Any) -> pd.DataFrame:
    """Tabulate the weights of units, (n_units, ...), pixel by pixel, with some columns that say what they are.

    Examples
    --------
    >>> weight_table(np.array([[0.5, -1.0]]), rule="backprop")
           rule  unit  pixel  value
    0  backprop     1      1    0.5
    1  backprop     1      2   -1.0
    """
    unit, pixel = np.indices((len(W), W[0].size))
    return pd.DataFrame(columns | {"unit": unit.ravel() + 1, "pixel": pixel.ravel() + 1, "value": W.ravel()})


def farthest_moved(run: Run, shape: Sequence[int], units: int) -> Array:
    """Return pictures of the units of the first layer whose weights moved farthest, those of the first seed.

    Parameters
    ----------
    run : Run
        With weights.
    shape : of an image
    units : how many, the farthest first

    Returns
    -------
    array (unit, epoch, row, column), and of images in colour (unit, epoch, row, column, channel)
    """
    W = run.weights(1).isel(seed=0).transpose("post", "epoch", "pre").values
    moved = np.linalg.norm(W[:, -1] - W[:, 0], axis=-1)
    return W[np.argsort(-moved, kind="stable")[:units]].reshape(units, -1, *shape)


def save_hidden_figures(
    tables: dict[str, pd.DataFrame], images: Images, setting: Setting, folder: Path, stem: str
) -> None:
    """Draw the tables of `hidden_tables`, and write figures and tables: stem_strengths, _measures, _trees, _weights."""
    sizes = f"{images.x.shape[1]}-{setting.hidden}-{len(images.classes)}"
    kind = "95\u00a0%\u00a0t intervals" if setting.seeds >= FEWEST else "the smallest and the largest"
    about = (
        f"Images: {images.name}; {sizes}, softmax; hidden units ReLU, of BPA linear. {setting.epochs} epochs"
    )
    about += f" in batches of {setting.batch_size}; Krotov-Hopfield's k is {setting.rival}."
    bands = f"{setting.seeds} seeds; bands are {kind}."
    for name, figure in (
        ("strengths", _draw_strengths(tables["strengths"], f"{about} {bands}")),
        ("measures", _draw_measures(tables["measures"], f"{about} {bands}")),
        ("trees", _draw_trees(tables["trees"], images.classes, about)),
        ("weights", _draw_weights(tables["weights"], images, about)),
    ):
        save(figure, folder, f"{stem}_{name}", tables[name])


@styled
def _draw_strengths(table: pd.DataFrame, about: str) -> Any:
    figure, axes = panels(2, 2, height=110, sharex=True)
    for ax, (rule, rows) in zip(axes.ravel(), table.groupby("panel", sort=False), strict=True):
        strength_lines(rows, ax).set_title(str(rule))
        if ax in axes[0]:
            ax.set_xlabel("")
        if ax in axes[:, 1]:
            ax.set_ylabel("")
        if ax is not axes[0, 1]:
            ax.get_legend().remove()
    text = "Class means of the hidden layer less their mean, projected on the modes that each seed ends with."
    caption(figure, f"{text} {about} Each panel has its own scale.")
    return figure


@styled
def _draw_measures(table: pd.DataFrame, about: str) -> Any:
    figure, axes = panels(1, 3, height=60)
    units = {"test accuracy": "test accuracy (%)", "feedback angle": "feedback angle (degrees)"}
    for i, (ax, (measure, rows)) in enumerate(
        zip(axes[0], table.groupby("measure", sort=False), strict=True)
    ):
        measure_lines(rows, units.get(str(measure), str(measure)), ax, rules=list(table["rule"].unique()))
        if i:
            ax.get_legend().remove()
    caption(
        figure,
        "Effective rank: of the class means less their mean, 9 at most. Feedback angle: between B and the transposed "
        f"output weights. Krotov-Hopfield's accuracy is that of its classifier, a second training. {about}",
    )
    return figure


@styled
def _draw_trees(table: pd.DataFrame, classes: Sequence[str], about: str) -> Any:
    trees = {key: tree_from(rows, classes) for key, rows in table.groupby(["of", "epoch"], sort=False)}
    clade = clades(trees[MEAN_IMAGES, 0], 4).to_series()
    names = {number: fill(", ".join(members.index), 20) for number, members in clade.groupby(clade)}
    groups = {str(item): names[number] for item, number in clade.items()}
    columns, rows = (list(table[name].unique()) for name in ("of", "epoch"))
    figure, axes = panels(len(rows), len(columns), height=len(rows) * (38 + span(classes)))
    for row, epoch in enumerate(rows):
        for ax, of in zip(axes[row], columns, strict=True):
            if (of, epoch) in trees:
                dendrogram(trees[of, epoch], ax, groups)
            else:  # the mean images stay as they are
                ax.set_xticks([])
                ax.spines["bottom"].set_visible(False)
            ax.set(ylim=(0, 1.05 * table["distance"].max()), ylabel="", title="" if row else of)
            ax.tick_params(labelleft=ax is axes[row, 0])
        axes[row, 0].set_ylabel(f"epoch {epoch}\n1 − correlation")
    axes[1, 0].legend(*axes[0, 0].get_legend_handles_labels(), loc="upper left", handletextpad=0)
    caption(
        figure,
        f"Class means of the hidden layer, seed 0: correlation distance, average linkage. {about} "
        "Colours are the four clades of the mean images, which are the same at every epoch.",
    )
    return figure


@styled
def _draw_weights(table: pd.DataFrame, images: Images, about: str) -> Any:
    groups = list(table.groupby("rule", sort=False))
    figure, axes = panels(1, len(groups), height=72)
    for ax, (rule, rows) in zip(axes[0], groups, strict=True):
        pictures = rows["value"].to_numpy().reshape(rows["unit"].nunique(), *images.shape)
        weight_pictures(pictures, ax, columns=5, shared=False).set_title(str(rule))
    caption(
        figure,
        f"Weights of the first {SHOWN_UNITS} hidden units, seed 0: red positive, blue negative, each picture with "
        f"its own scale. Units of Krotov-Hopfield that look like noise hardly ever won. {about}",
    )
    return figure
