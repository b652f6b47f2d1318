"""Weights as pictures: what the units of a first layer look for in an image."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from semantic_svd.plots.equations import DIVERGING
from semantic_svd.plots.style import DENSE, axes_or_new, styled


@styled
def weight_pictures(
    weights: ArrayLike, ax: Axes | None = None, columns: int = 10, shared: bool = True
) -> Axes:
    """Draw the weights of units as pictures, positive and negative in two colours, zero white.

    Of images in colour the weights of red, green and blue are shown as such, zero as middle grey. Every scale is
    symmetric about zero.

    Parameters
    ----------
    weights : array-like of shape (n_units, rows, columns) or (n_units, rows, columns, 3)
        In the order in which they are drawn, row by row.
    ax : Axes, optional
        Where to draw; a new figure of one column by default.
    columns : int
        How many pictures stand side by side.
    shared : bool
        Whether all pictures share one scale, with its colour bar unless they are in colour; else each has its own, of
        its largest weight.

    Returns
    -------
    Axes

    Examples
    --------
    >>> ax = weight_pictures(np.random.default_rng(0).normal(size=(7, 8, 8)), columns=4)
    >>> ax.images[0].get_array().shape  # 2 rows of 4 pictures of 8 x 8, a line between
    (17, 35)
    """
    pictures = np.asarray(weights, float)
    n, height, width, *channels = pictures.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1, *channels), np.nan)
    for i, picture in enumerate(pictures):
        top, left = (i // columns) * (height + 1), (i % columns) * (width + 1)
        size = 1.0 if shared else np.abs(picture).max() or 1.0
        sheet[top : top + height, left : left + width] = picture / size
    ax = axes_or_new(ax)
    most = np.nanmax(np.abs(sheet))
    if channels:
        sheet = np.nan_to_num(0.5 + 0.5 * sheet / most, nan=1.0)
    image = ax.imshow(sheet, cmap=DIVERGING, vmin=-most, vmax=most, interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.set_facecolor("#DDDDDD")
    if shared and not channels:
        bar = ax.figure.colorbar(image, ax=ax, label="weight", fraction=0.04, pad=0.02)
        bar.ax.tick_params(labelsize=DENSE)
    return ax


@styled
def weight_frames(weights: ArrayLike, epochs: Sequence[int], ax: Axes | None = None) -> Axes:
    """Draw the weights of units as they grow: a row a unit, a frame an epoch, each picture on its own scale.

    Parameters
    ----------
    weights : array-like of shape (n_units, n_epochs, rows, columns) or (n_units, n_epochs, rows, columns, 3)
    epochs : sequence of int
        What is written under the frames.
    ax : Axes, optional
        Where to draw; a new figure of one column by default.

    Returns
    -------
    Axes

    Examples
    --------
    >>> ax = weight_frames(np.random.default_rng(0).normal(size=(2, 3, 8, 8)), [0, 1, 10])
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['0', '1', '10']
    """
    frames = np.asarray(weights, float)
    n, count, *picture = frames.shape
    ax = weight_pictures(frames.reshape(n * count, *picture), ax, columns=count, shared=False)
    width = picture[1]
    ax.set_xticks([(width + 1) * i + (width - 1) / 2 for i in range(count)], [str(epoch) for epoch in epochs])
    ax.tick_params(length=0)
    ax.set_xlabel("epoch")
    return ax
