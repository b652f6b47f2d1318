"""The page: gathers what runs say, thins their epochs, and puts everything into one HTML file."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from semantic_svd.dendrograms import clades, hangs_on_ties, linkage
from semantic_svd.errors import InputError
from semantic_svd.explorer.layers import (
    Layer,
    Reference,
    layer_names,
    layer_of,
    matrices,
    reference_of,
    shown_layers,
)
from semantic_svd.explorer.pack import json_in_html, packed, quantised, restored
from semantic_svd.modes import block_names
from semantic_svd.plots.style import mode_style
from semantic_svd.plots.trees import GROUP_COLOURS
from semantic_svd.runs import Recorded, Run
from semantic_svd.tables import held, nearest

__all__ = ["explorer_page"]

MOST_EPOCHS = 240  # twenty seconds of play
ROOM = 10_000_000  # bytes of numbers in a page; a third more in base64
SCRIPTS = ("drawing.js", "panels.js", "page.js")
MOST_CLADES = 4  # as many as have a colour and a shape that are easily told from the others


def explorer_page(runs: Mapping[str, Run], data: xr.DataArray | None = None, progress: bool = False) -> str:
    """Write a page in which runs can be looked at, epoch by epoch and side by side.

    Parameters
    ----------
    runs : mapping of name to Run
        All over the same items. Every seed is shown, and every layer whose activity was kept or follows from the
        weights; of a run on images, the class means of its hidden layers less their mean over the classes.
    data : DataArray (item, property), optional
        What the items are: modes are aligned to its modes, items coloured by its tree. By default the targets of the
        runs; where none keeps any, what the first seed of the first run ends with.
    progress : bool
        Show a bar that counts snapshots.

    Returns
    -------
    str
        HTML that needs nothing else. At most 240 epochs of a run are in it, dense at first and even on a log scale
        from there; the page says which, and how far its numbers are from the run's.

    Raises
    ------
    InputError
        If the runs are over different items, have learned different data, only runs after the first keep targets, or
        a run has nothing to show.

    Examples
    --------
    >>> from semantic_svd import Network, load_items, train
    >>> run = train("bpa", Network((7, 4, 7), biases=False), load_items("saxe2019_toy"), epochs=5)
    >>> explorer_page({"toy": run})[:15]
    '<!doctype html>'
    """
    on_images = _on_images(runs)
    layers = {name: _layers_of(name, run) for name, run in runs.items()}
    first = next(iter(runs))
    without_targets = first if data is None and "target" not in runs[first].data else None
    called, data = _data_of(runs, layers) if data is None else ("the data", _labelled(data))
    if on_images:
        data = data - data.mean("item")
    for name, run in runs.items():
        _check(name, run, layers[name][0], data, without_targets)
    reference = reference_of(data)
    most = _most_epochs(runs, layers, len(data))
    targets = _thinned(np.unique(np.concatenate([run.data["epoch"].values for run in runs.values()])), most)
    epochs = {name: _epochs(run, targets) for name, run in runs.items()}
    total = sum(run.data.sizes["seed"] * len(layers[name]) * len(epochs[name]) for name, run in runs.items())
    with _bar(total, progress) as advance:
        told = [_run(name, run, layers[name], epochs[name], reference, advance) for name, run in runs.items()]
    if not on_images:
        told.append(_the_data(reference, called))
    names = [str(item) for item in data["item"].values]
    content = {
        "items": names,
        "row": "class" if on_images else "item",
        "called": called,
        "tied": hangs_on_ties(data),
        **_categories(data),
        "modes": _modes(reference),
        "runs": told,
    }
    return _filled(content, f"{', '.join(runs)}: explorer")


@contextmanager
def _bar(total: int, wanted: bool) -> Iterator[Callable[[], None]]:
    """Show a bar over so many snapshots, of all seeds and layers; yield the function that moves it on by one."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not wanted) as bar:
        task = bar.add_task("snapshots", total=total)
        yield lambda: bar.advance(task)


def _layers_of(name: str, run: Run) -> list[int]:
    layers = shown_layers(run)
    if not layers:
        raise InputError(
            f"{name} kept neither items and weights, nor responses, nor class means: there is nothing to explore"
        )
    return layers


def _on_images(runs: Mapping[str, Run]) -> bool:
    """Tell whether the runs are on images, looked at by class, rather than on items."""
    by_class = {name: "m1" in run.data for name, run in runs.items()}
    if len(set(by_class.values())) > 1:
        images, items = (next(name for name, of in by_class.items() if of is kind) for kind in (True, False))
        raise InputError(
            f"{images} keeps class means of images, {items} is over items; a page shows runs over the same items"
        )
    return all(by_class.values())


def _data_of(runs: Mapping[str, Run], layers: Mapping[str, Sequence[int]]) -> tuple[str, xr.DataArray]:
    """Name and return what all runs have learned: their targets, or what the first seed of the first one ends with."""
    name, run = next(iter(runs.items()))
    if "target" in run.data and "m1" not in run.data:
        return "the data", _labelled(run.targets().compute().astype(float))
    last = matrices(run, layers[name][0], [int(run.data["epoch"][-1])]).isel(seed=0, epoch=0)
    return f"seed {last['seed'].item()} of {name} at its end", _labelled(last.drop_vars(["seed", "epoch"]))


def _labelled(matrix: xr.DataArray) -> xr.DataArray:
    """Name items and columns by numbers from 1 where they have no names."""
    bare = {dim: range(1, matrix.sizes[dim] + 1) for dim in matrix.dims if dim not in matrix.coords}
    return matrix.assign_coords({dim: [str(number) for number in numbers] for dim, numbers in bare.items()})


# ------------------------------------------------------------------------------------------------------------- epochs


def _most_epochs(runs: Mapping[str, Run], layers: Mapping[str, Sequence[int]], n: int) -> int:
    """Return how many epochs of each run have room in the page."""
    needed = 0
    for name, run in runs.items():
        for layer in layers[name]:
            p = run.network.sizes[layer]
            needed += run.data.sizes["seed"] * (2 * (n + p) * n + 16 * n)
    most = min(MOST_EPOCHS, ROOM // needed)
    if most < 2:
        raise InputError(
            f"two epochs of {', '.join(runs)} take {2 * needed / 1e6:.3g} MB of numbers and a page has room for "
            f"{ROOM / 1e6:.3g} MB: name fewer runs, or runs of fewer seeds or smaller layers"
        )
    return most


def _thinned(kept: NDArray[np.int_], most: int) -> NDArray[np.int_]:
    """Choose epochs among those kept: all if they are few, else dense at first and even on a log scale from there.

    Examples
    --------
    >>> _thinned(np.arange(101), 12)
    array([  0,   1,   2,   3,   4,   6,  10,  16,  25,  40,  63, 100])
    """
    if len(kept) <= most:
        return kept
    return np.array(nearest(kept, [kept[0], *np.geomspace(max(kept[0], 1), kept[-1], most - 1)]))


def _epochs(run: Run, targets: NDArray[np.int_]) -> list[int]:
    """Choose the epochs of a run that are shown: those nearest to the targets, and those at which seeds ended."""
    kept, ends = (run.data[name].values.astype(int) for name in ("epoch", "end_epoch"))
    return nearest(kept, [*targets, *ends])


# -------------------------------------------------------------------------------------------------------------- runs


def _run(
    name: str,
    run: Run,
    layers: Sequence[int],
    epochs: list[int],
    reference: Reference,
    advance: Callable[[], None],
) -> dict[str, Any]:
    """Gather what the page tells of a run."""
    ends = run.data["end_epoch"].values.astype(int)
    told = []
    for number in layers:
        matrix = _labelled(matrices(run, number, epochs))
        of_output = matrix.dims[-1] == "property"
        layer = layer_of(matrix, reference, of_output, advance)
        told.append(_layer(*layer_names(run, number), layer, of_output))
    network = run.network
    biases = ", biases" if network.biases else ", no biases"
    biases = "" if isinstance(network, Recorded) else biases  # of another making: nobody knows
    untaught = "" if run.taught else ", output not taught"
    at = run.data.sel(epoch=epochs)
    return {
        "name": name,
        "about": f"{network.about}{biases}{untaught}",
        "rule": run.rule,
        "taught": run.taught,
        "epochs": epochs,
        "kept": run.data.sizes["epoch"],
        "seeds": [
            {"seed": int(seed), "end": int(end), "status": str(status), **_measures(at, i)}
            for i, (seed, end, status) in enumerate(
                zip(run.data["seed"].values, ends, run.data["status"].values, strict=True)
            )
        ],
        "layers": told,
    }


def _measures(at: xr.Dataset, seed: int) -> dict[str, Any]:
    """Pack the loss and, of images, the share that is named rightly, by epoch."""
    names = [name for name in ("loss", "accuracy") if name in at]
    return {name: packed(held(at[name]).values[seed].astype(np.float32)) for name in names}


def _the_data(reference: Reference, called: str) -> dict[str, Any]:
    """Tell of the data, or what stands for them, as of a run that is over from the start."""
    layer = layer_of(reference.data.expand_dims(seed=1, epoch=1), reference, True)
    return {
        "name": called,
        "about": f"{len(reference.data)} items, {reference.data.shape[1]} properties",
        "rule": "",
        "taught": True,
        "epochs": [0],
        "kept": 1,
        "seeds": [{"seed": None, "end": 0, "status": "finished"}],
        "layers": [_layer("response", called[0].upper() + called[1:], layer, True)],
    }


def _layer(name: str, title: str, layer: Layer, of_output: bool) -> dict[str, Any]:
    """Pack a layer seed by seed, U and V quantised; say how far the page's matrix may be from the layer's."""
    seeds, error = [], 0.0
    matrix = layer.matrix.values
    for i, M in enumerate(matrix):
        (U, u), (V, v) = quantised(layer.U[i]), quantised(layer.V[i])
        S = layer.S[i].astype(np.float32)
        error = max(error, float(np.abs(restored(U, u) @ S @ restored(V, v).mT - M).max()))
        path, step = quantised(layer.path[i])
        seeds.append(
            {
                "U": packed(U, u),
                "S": packed(S),
                "V": packed(V, v),
                "strength": packed(layer.strength[i].astype(np.float32)),
                "path": packed(path, step),
                "links": packed(layer.links[i, ..., :2].astype(np.uint16)),
                "heights": packed(layer.links[i, ..., 2].astype(np.float32)),
                "low": float(M.min()),
                "high": float(M.max()),
            }
        )
    columns = layer.matrix.dims[-1]
    return {
        "name": name,
        "title": title,
        "ofOutput": of_output,
        "column": str(columns),
        "columns": [str(c) for c in layer.matrix[columns].values],
        "error": error,
        "seeds": seeds,
    }


def _check(name: str, run: Run, layer: int, data: xr.DataArray, without_targets: str | None) -> None:
    """Refuse a run that is over other items, or has learned other properties: its modes would be others.

    Where the data is no targets but what the run `without_targets` ends with, there is nothing to compare targets with.
    """
    first = _labelled(matrices(run, layer, [int(run.data["epoch"][0])]))
    mine, theirs = first["item"].values.tolist(), data["item"].values.tolist()
    if mine != theirs:
        odd = next((item for item in mine if item not in theirs), f"{len(mine)} of them, or another order")
        raise InputError(
            f"{name} is over other items ({odd}) than {', '.join(theirs[:3])}, ...; "
            "a page shows runs over the same items in the same order"
        )
    if first.dims[-1] == "property" and "target" in run.data:
        if without_targets:
            raise InputError(
                f"{without_targets} keeps no targets to compare with those of {name}; "
                f"record it with targets=, or name {name} first"
            )
        if not _labelled(run.targets()).astype(float).equals(data):
            raise InputError(
                f"{name} has learned other properties of these items; "
                "a page shows runs that have learned the same data"
            )


# ---------------------------------------------------------------------------------------------------------- the looks


def _categories(data: xr.DataArray) -> dict[str, Any]:
    """Give each item the number of its category, a clade of the data's tree, and the categories their colours."""
    found = clades(linkage(data), min(MOST_CLADES, len(data))).values
    return {"category": found.tolist(), "categoryColours": GROUP_COLOURS}


def _modes(reference: Reference) -> list[dict[str, Any]]:
    """Tell of each mode of the items: its block, its look, the data's singular value, and what it is about."""
    names = block_names(reference.side)
    items = reference.data["item"].values.tolist()
    told = []
    for k, s, u in zip(names, reference.side["s"].values, reference.side["U"].values.T, strict=True):
        look = mode_style(k, names[k])
        dashes = [] if look["linestyle"] == "-" else list(look["linestyle"][1])
        colour = "#" + "".join(f"{round(255 * part):02x}" for part in look["color"])
        about = "" if s == 0 else _about(u, items)
        told.append({"block": names[k], "s": float(s), "colour": colour, "dashes": dashes, "about": about})
    return told


def _about(u: NDArray[Any], items: Sequence[Any]) -> str:
    """Say what a mode tells apart: the items on which it is large.

    Examples
    --------
    >>> _about(np.array([0.5, 0.5, -0.6, 0.1]), ["oak", "maple", "rose", "cod"])
    'oak, maple against rose'
    """
    large = np.abs(u) > 0.5 * np.abs(u).max()
    sides = [
        [str(i) for i, x, big in zip(items, u, large, strict=True) if big and x * sign > 0]
        for sign in (1, -1)
    ]
    texts = [
        ", ".join(side) if len(side) < 5 else f"{side[0]} and {len(side) - 1} more" for side in sides if side
    ]
    return " against ".join(texts)


def _filled(content: Any, title: str) -> str:
    """Put style, script and numbers into the page."""
    here = files("semantic_svd.explorer")
    read = {name: (here / name).read_text("utf-8") for name in ("page.html", "page.css", *SCRIPTS)}
    script = "\n".join(read[name] for name in SCRIPTS)
    parts = {
        "TITLE": escape(title),
        "STYLE": read["page.css"],
        "SCRIPT": script,
        "NUMBERS": json_in_html(content),
    }
    return re.sub(r"\{\{([A-Z]+)\}\}", lambda place: parts[place[1]], read["page.html"])
