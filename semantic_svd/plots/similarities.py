"""Similarity of layers: epochs against epochs, layers against layers, and beside each number what chance gives."""

import textwrap
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from semantic_svd.plots.style import (
    DENSE,
    FAINT,
    INK,
    RULE_LOOKS,
    axes_or_new,
    mode_style,
    panels,
    reach,
    styled,
)
from semantic_svd.plots.verdicts import SEQUENTIAL

EPOCH = "epoch (logarithmic from 1)"
SIMILAR = sns.color_palette("mako", as_cmap=True)  # light is alike: many shades, for maps
LOGARITHMIC: Any = {"value": "symlog", "linthresh": 1, "linscale": 0.5}  # time, as in curves


@styled
def epoch_map(
    table: pd.DataFrame, ax: Axes | None = None, low: float = 0.0, stages: pd.DataFrame | None = None
) -> Axes:
    """Draw the similarity of a layer at every epoch with itself at every other, and when modes are half learned.

    Parameters
    ----------
    table : DataFrame
        Columns epoch, epoch_2 and mean; a pair of epochs in one order is enough.
    ax : Axes, optional
        Where to draw; a new figure of one column by default.
    low : float
        The similarity at which the colours begin; they end at 1.
    stages : DataFrame, optional
        Columns mode and epoch, also block and label if there are any: points on the diagonal.

    Returns
    -------
    Axes

    Examples
    --------
    >>> table = pd.DataFrame({"epoch": [0, 0, 9], "epoch_2": [0, 9, 9], "mean": [1, 0.7, 1]})
    >>> epoch_map(table).collections[0].get_array().tolist()
    [[1.0, 0.7], [0.7, 1.0]]
    """
    ax = axes_or_new(ax, height=70)
    half = table.pivot(index="epoch", columns="epoch_2", values="mean")
    whole = half.combine_first(half.T).astype(float)
    epochs = whole.index.to_numpy(float)
    ax.pcolormesh(epochs, epochs, whole, cmap=SIMILAR, vmin=low, vmax=1, shading="nearest", rasterized=True)
    if stages is not None:
        for block, rows in stages.groupby(stages.get("block", stages["mode"]), sort=False):
            style = {
                "mfc": mode_style(int(rows["mode"].iloc[0]), block)["color"],
                "mec": INK,
                "mew": 0.6,
                "ms": 4,
            }
            name = f"{block} {rows['label'].iloc[0] if 'label' in rows else ''}".strip()
            ax.plot(rows["epoch"], rows["epoch"], "o", **style, label=name)
    ax.set_xscale(**LOGARITHMIC)
    ax.set_yscale(**LOGARITHMIC)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:g}")
    ax.set(xlabel=EPOCH, ylabel="epoch", aspect="equal")
    return ax


@styled
def epoch_maps(table: pd.DataFrame, stages: pd.DataFrame, name: str) -> Figure:
    """Draw the maps of several layers on a page, models side by side, on one colour scale.

    Parameters
    ----------
    table : DataFrame
        As for `epoch_map`, with columns model and layer.
    stages : DataFrame
        As for `epoch_map`, with a column model; the key names them where a model with fewer layers leaves room.
    name : str
        What the similarity is.

    Returns
    -------
    Figure

    Examples
    --------
    >>> table = pd.DataFrame({"epoch": [0, 0, 9], "epoch_2": [0, 9, 9], "mean": [1, 0.7, 1], "layer": 1})
    >>> stages = pd.DataFrame({"model": "bpa", "mode": [1], "epoch": [4]})
    >>> figure = epoch_maps(table.assign(model="bpa"), stages, "linear CKA")
    >>> [ax.get_title("left") or ax.get_ylabel() for ax in figure.axes]
    ['bpa, layer 1', 'linear CKA']
    """
    models, layers = list(table["model"].unique()), sorted(table["layer"].unique())
    figure, axes = panels(len(layers), len(models), height=56 * len(layers), sharex=True, sharey=True)
    low = np.floor(10 * table["mean"].min()) / 10
    for (row, column), ax in np.ndenumerate(axes):
        model, layer = models[column], layers[row]
        rows = table[(table["model"] == model) & (table["layer"] == layer)]
        if rows.empty:
            ax.set_axis_off()
            ax.legend(*axes[0, 0].get_legend_handles_labels(), loc="upper left", title="mode half learned")
            axes[row - 1, column].tick_params(labelbottom=True)
            axes[row - 1, column].set_xlabel(EPOCH)
            continue
        epoch_map(rows, ax, low, stages[stages["model"] == model]).set_title(f"{model}, layer {layer:g}")
        ax.label_outer()
    bar = figure.colorbar(axes[0, 0].collections[0], ax=axes, label=name, fraction=0.02, pad=0.01)
    bar.ax.tick_params(labelsize=DENSE)
    return figure


@styled
def layer_table(
    table: pd.DataFrame, name: str, scale: tuple[float, float] = (0, 1), ax: Axes | None = None
) -> Axes:
    """Draw a measure between layers, each with each, below the diagonal; above it, in italics, what chance gives.

    Parameters
    ----------
    table : DataFrame
        Columns layer, layer_2, mean and null; a pair of layers in one order is enough.
    name : str
        What the measure is.
    scale : (float, float)
        The value drawn lightest and the one drawn darkest; for a distance the second is 0.
    ax : Axes, optional
        Where to draw; a new figure of one column by default.

    Returns
    -------
    Axes

    Examples
    --------
    >>> table = pd.DataFrame({"layer": ["bpa", "bpa"], "layer_2": ["bpa", "data"], "mean": [0.8, 0.7], "null": 0.5})
    >>> [text.get_text() for text in layer_table(table, "linear CKA").texts]
    ['0.80', '0.50', '0.70']
    """
    ax = axes_or_new(ax, height=80)
    layers = list(dict.fromkeys([*table["layer"], *table["layer_2"]]))
    shown = np.full((len(layers), len(layers)), np.nan)
    for row in table.to_dict("records"):
        first, last = sorted((layers.index(row["layer"]), layers.index(row["layer_2"])))
        shown[first, last] = row["null"]
        shown[last, first] = row["mean"]
    light, dark = scale
    colours = SEQUENTIAL if light < dark else SEQUENTIAL.reversed()
    mesh = ax.pcolormesh(
        shown, cmap=colours, vmin=min(scale), vmax=max(scale), edgecolors="white", linewidth=1.5
    )
    for (row, column), value in np.ndenumerate(shown):
        if np.isfinite(value):
            ax.text(
                column + 0.5,
                row + 0.5,
                f"{value:.2f}" if max(scale) <= 1 else f"{value:.0f}",
                ha="center",
                va="center",
                fontsize=DENSE,
                color="white" if (value - light) / (dark - light) > 0.7 else INK,
                style="italic" if column > row else "normal",
            )
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks(np.arange(len(layers)) + 0.5, layers)
    ax.tick_params(length=0)
    ax.tick_params(axis="x", rotation=90)
    ax.spines[:].set_visible(False)
    ax.invert_yaxis()
    ax.set_aspect("equal")
    ax.figure.colorbar(mesh, ax=ax, label=name, fraction=0.045, pad=0.02)
    return ax


@styled
def null_bands(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw measures of similarity, a row each, as points with their intervals, and behind them what chance gives.

    Parameters
    ----------
    table : DataFrame
        Columns measure, layer, mean, low, high, start (before training: a hollow point), null_low and null_high.
    ax : Axes, optional
        Where to draw; a new figure of one column by default.

    Returns
    -------
    Axes

    Examples
    --------
    >>> row = {"mean": 0.9, "low": 0.8, "high": 1, "start": 0.5, "null_low": 0.2, "null_high": 0.4}
    >>> ax = null_bands(pd.DataFrame([{"measure": "CCA", "layer": "bpa", **row}]))
    >>> [label.get_text() for label in ax.get_yticklabels()], [text.get_text() for text in ax.get_legend().get_texts()]
    (['CCA'], ['bpa', 'before training (open)', 'shuffled items'])
    """
    ax = axes_or_new(ax, height=80)
    measures, layers = list(table["measure"].unique()), list(table["layer"].unique())
    for i, (layer, (colour, marker)) in enumerate(zip(layers, RULE_LOOKS, strict=False)):
        rows = table[table["layer"] == layer]
        place = rows["measure"].map(measures.index) + (i - (len(layers) - 1) / 2) * 0.75 / len(layers)
        chance = ax.hlines(place, rows["null_low"], rows["null_high"], color="#CCCCCC", lw=4)
        ax.plot(rows["start"], place, marker, mfc="white", mec=colour, ms=3, mew=0.8)
        ax.errorbar(
            rows["mean"], place, xerr=reach(rows), fmt=marker, color=colour, ms=3, elinewidth=1, label=layer
        )
    points, names = ax.get_legend_handles_labels()
    start = Line2D([], [], ls="", marker="o", mfc="white", mec=FAINT, ms=3, mew=0.8)
    ax.legend(
        [*points, start, chance],
        [*names, "before training (open)", "shuffled items"],
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=3,
        columnspacing=1.2,
        handlelength=1.6,
    )
    ax.set_yticks(range(len(measures)), [textwrap.fill(measure, 16) for measure in measures])
    ax.set_ylim(len(measures) - 0.5, -0.5)
    return ax
