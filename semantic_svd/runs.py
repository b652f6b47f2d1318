"""Run: the labelled snapshots of a training, in memory or on disk (Zarr), and what follows from them.

A run knows its network, so it computes responses and hidden activity from the kept weights when asked for them.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from semantic_svd.errors import InputError, whole
from semantic_svd.network import Network
from semantic_svd.products import Array
from semantic_svd.store import open_store, save
from semantic_svd.tasks import as_table, in_order

NO_ENDS = (
    "these are some epochs of a run, without those in which its seeds ended; take final() of the whole run"
)
SLICE = 2**22  # numbers of a layer that are looked at together when images go through in slices


@dataclass(frozen=True)
class Recorded(Network):
    """A network of another making, of which activity was recorded: what its layers are called, and their sizes."""

    hidden: str = "recorded"
    output: str = "recorded"
    biases: bool = False
    layer_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("sizes", "layer_names"):
            object.__setattr__(self, name, tuple(getattr(self, name)))


@dataclass(frozen=True, eq=False)
class Run:
    """The snapshots of a training, with names on every axis.

    Parameters
    ----------
    data : xarray.Dataset with W1 (seed, epoch, unit_1, unit_0), b1, B1, ..., loss (seed, epoch), status and end_epoch
        (seed), input (item, unit_0), target (item, unit_L) and label (item), the class of each, and W1_end (seed,
        unit_1, unit_0), ... where no snapshot holds the weights with which a seed ended; the attributes tell the rule,
        the network, the hash of the data, the versions.
        After the end_epoch of a seed that stopped before the others its snapshots are NaN

    Examples
    --------
    >>> from semantic_svd.items import load_items
    >>> from semantic_svd.training import train
    >>> run = train("bpa", Network((34, 8, 34), biases=False), load_items("mcclelland2020"), epochs=3, seeds=2)
    >>> run
    Run(34-8-34 linear, 2 seeds, 4 snapshots to epoch 3)
    >>> run.response().dims
    ('seed', 'epoch', 'item', 'property')
    """

    data: xr.Dataset

    @property
    def network(self) -> Network:
        """The network that was trained."""
        described = json.loads(self.data.attrs["network"])
        return Recorded(**described) if "layer_names" in described else Network(**described)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """What the layers of a run that was recorded are called, the output last; those of a training have no names."""
        network = self.network
        return network.layer_names if isinstance(network, Recorded) else ()

    @property
    def rule(self) -> str:
        """The text of the rule, Python source."""
        return self.data.attrs["rule"]

    @property
    def taught(self) -> bool:
        """Whether a rule taught the output anything; of a run that was recorded it is taken for granted."""
        return self.data.attrs.get("loss_name") != "none" or bool(self.layer_names)

    @property
    def diverged(self) -> xr.DataArray:
        """Which seeds left the finite numbers, (seed)."""
        return (self.data["status"] == "diverged").rename("diverged")

    @property
    def notes(self) -> list[str]:
        """What happened to seeds that left the finite numbers, a line each."""
        return list(self.data.attrs.get("notes", []))

    def __repr__(self) -> str:
        seeds = self.data.sizes.get("seed", 1)
        text = f"Run({self.network.about}, {seeds} {'seed' if seeds == 1 else 'seeds'}"
        if kept := self.data.sizes.get("epoch"):
            text += f", {kept} snapshots to epoch {int(self.data.epoch[-1])}"
        return text + ")"

    def sel(self, **labels: Any) -> "Run":
        """Return the run at some of its seeds or epochs, by label: `run.sel(seed=[0, 1], epoch=100)`."""
        try:
            return Run(self.data.sel(labels))
        except (KeyError, TypeError, ValueError, IndexError):
            allowed = "; ".join(
                f"{k}: {self.data[k].values.tolist()}" for k in labels if k in self.data.coords
            )
            allowed = allowed if len(allowed) < 200 else allowed[:150] + " ..."
            raise InputError(f"the run has no {labels}; it has {allowed or 'seed and epoch'}") from None

    def names_of(self, axis: str) -> list[str] | None:
        """Return the names of items or units on an axis of the data; None where it has none.

        Examples
        --------
        >>> from semantic_svd import load_items, train
        >>> run = train("bpa", Network((34, 8, 34), biases=False), load_items("mcclelland2020"), epochs=1)
        >>> run.names_of("unit_0")[:2], run.names_of("unit_1")
        (['can move', 'has eyes'], None)
        """
        # .coords.get numbers an axis that has no names
        return self.data.coords[axis].values.tolist() if axis in self.data.coords else None

    def weights(self, layer: int) -> xr.DataArray:
        """Return the weights of a layer, (seed, epoch, post, pre), the layers counted from 1."""
        return self._matrix("W", layer, {f"unit_{layer}": "post", f"unit_{layer - 1}": "pre"})

    def biases(self, layer: int) -> xr.DataArray:
        """Return the biases of a layer, (seed, epoch, post)."""
        return self._matrix("b", layer, {f"unit_{layer}": "post"})

    def feedback(self, layer: int) -> xr.DataArray:
        """Return the feedback matrix that a hidden layer really uses, ([seed, epoch,] post, pre), post being it."""
        B = self._matrix("B", layer, {})
        receiver, sender = (str(dim) for dim in B.dims[-2:])
        B = B.rename({receiver: "post", sender: "pre"})
        if self.data.attrs["copies_signs"]:
            path = self.forward_path(layer, int(sender.removeprefix("unit_")))
            B = (abs(B) * np.sign(path)).transpose(..., "post", "pre")
        return B

    def forward_path(self, layer: int, sender: int) -> xr.DataArray:
        """Return the product of the forward matrices from a layer to a later one, transposed: what feedback stands for.

        Parameters
        ----------
        layer, sender : int
            The layer that receives the error, and the later one that it comes from.

        Returns
        -------
        DataArray (seed, epoch, post, pre), post the receiving layer

        Raises
        ------
        InputError
            If the sender does not come later, or the run kept no weights.

        Examples
        --------
        >>> from semantic_svd import Network, load_items, train
        >>> run = train("dfa_random", Network((34, 8, 6, 34)), load_items("mcclelland2020"), epochs=1)
        >>> dict(run.forward_path(1, 3).sizes)
        {'seed': 1, 'epoch': 2, 'post': 8, 'pre': 34}
        """
        whole("sender", sender, least=layer + 1)
        product = self._matrix("W", layer + 1, {})
        for later in range(layer + 2, sender + 1):
            product = xr.dot(self._matrix("W", later, {}), product, dim=f"unit_{later - 1}")
        receiver, last = f"unit_{layer}", f"unit_{sender}"
        return product.transpose(..., receiver, last).rename({receiver: "post", last: "pre"})

    def response(self, items: Any = None, layer: int | str | None = None) -> xr.DataArray:
        """Return what a layer says to each item, at every seed and epoch.

        Parameters
        ----------
        items : Items, DataFrame, DataArray or array of shape (n_items, inputs); None for those of the training
        layer : 0 (the input) to the number of layers, or the name of a layer that was recorded; None for the output

        Returns
        -------
        DataArray (seed, epoch, item, property) for the output layer, (seed, epoch, item, unit) for a hidden one;
        lazy when the run was opened from disk

        Raises
        ------
        InputError
            When the run kept no weights, or the items or the layer do not fit the network.
        """
        network = self.network
        layer = network.layers if layer is None else self._numbered(layer)
        name, axis = ("response", "property") if layer == network.layers else (f"h{layer}", "unit")
        unit = f"unit_{layer}"
        if items is None and name in self.data:
            return self.data[name].rename({unit: axis})
        names = network.names()
        arrays = self._parameters(names, f"layer {layer} can't be computed")
        x = self._inputs(items)
        h = xr.apply_ufunc(
            lambda *weights: _activity(
                network, dict(zip(names, weights[:-1], strict=True)), weights[-1], layer
            ),
            *arrays,
            x,
            input_core_dims=[[d for d in a.dims if str(d).startswith("unit_")] for a in arrays]
            + [["item", "unit_0"]],
            output_core_dims=[["item", axis]],
            dask="parallelized",
            output_dtypes=[arrays[0].dtype],
            dask_gufunc_kwargs={"output_sizes": {axis: network.sizes[layer]}},
        ).rename(name)
        return h.assign_coords({axis: self.data[unit].values}) if unit in self.data.coords else h

    def targets(self) -> xr.DataArray:
        """Return what the output was to say to the items that the run keeps, (item, property)."""
        if "target" not in self.data:
            raise InputError("this run keeps no targets")
        return self.data["target"].rename({f"unit_{self.network.layers}": "property"})

    def hidden(self, layer: int | str, items: Any = None) -> xr.DataArray:
        """Return the activity of a hidden layer, (seed, epoch, item, unit); see `response`."""
        return self.response(items, layer)

    def class_means(self, layer: int | str, images: Any = None) -> xr.DataArray:
        """Return the mean activity of a layer over the images of each class, at every seed and epoch.

        Parameters
        ----------
        layer : 0 (the input) to the number of layers
        images : Images (those to train with), or a pair (x, labels) as for `confusion`; None for what was recorded
            in training (record="class_means"): the means over its own images, of hidden layers

        Returns
        -------
        DataArray (seed, epoch, class, unit), NaN after a seed's end; lazy when it was recorded on disk

        Raises
        ------
        InputError
            When they were not recorded and there are no images or no weights, or the images do not fit the network.

        Examples
        --------
        >>> from semantic_svd import load_images, train
        >>> digits = load_images("digits")
        >>> network = Network((64, 5, 10), "relu", "softmax")
        >>> run = train("backprop", network, digits.x, digits.targets, epochs=1, record=["weights", "class_means"])
        >>> dict(run.class_means(1).sizes)
        {'seed': 1, 'epoch': 2, 'class': 10, 'unit': 5}
        """
        layer = self._numbered(layer)
        output = f"unit_{self.network.layers}"
        if images is None:
            if f"m{layer}" not in self.data:
                raise InputError(
                    f"the run recorded no class means of layer {layer} (record='class_means', of hidden layers); "
                    "pass images to compute them from the weights"
                )
            recorded = self.data[f"m{layer}"]  # by output unit where each is a class, else by class
            return recorded.rename({recorded.dims[-2]: "class", f"unit_{layer}": "unit"})
        x, labels = self._examples(images, test=False)
        n_classes = self.network.sizes[-1]
        averages = np.eye(n_classes)[labels]
        with np.errstate(invalid="ignore"):  # a class without images has no mean
            averages /= averages.sum(axis=0)
        means = self._gathered(
            x, layer, lambda h, rows: averages[rows].T @ h, (n_classes, self.network.sizes[layer])
        )
        return self._named(means, f"m{layer}", {"class": output, "unit": f"unit_{layer}"})

    def input_output(self, images: Any = None) -> xr.DataArray:
        """Return how the response goes with the input, ``<(y - <y>) (x - <x>)'>``, at every seed and epoch.

        Its modes are what theory follows: those of the targets' own matrix, `data.target_input_output`, are learned in
        the order of their singular values, whatever the layers between.

        Parameters
        ----------
        images : Images (those to train with), or a pair (x, labels) as for `confusion`; None for what was recorded in
            training (record="input_output")

        Returns
        -------
        DataArray (seed, epoch, class, input), NaN after a seed's end; lazy when it was recorded on disk

        Raises
        ------
        InputError
            When it was not recorded and there are no images or no weights, or the images do not fit the network.

        References
        ----------
        Saxe, McClelland & Ganguli 2019, doi:10.1073/pnas.1820226116

        Examples
        --------
        >>> from semantic_svd import load_images, train
        >>> digits = load_images("digits")
        >>> network = Network((64, 5, 10), "relu", "softmax")
        >>> run = train("backprop", network, digits.x, digits.targets, epochs=1, record=["weights", "input_output"])
        >>> dict(run.input_output().sizes)
        {'seed': 1, 'epoch': 2, 'class': 10, 'input': 64}
        """
        output = f"unit_{self.network.layers}"
        if images is None:
            if "input_output" not in self.data:
                raise InputError(
                    "the run recorded no input_output (record='input_output'); pass images to compute it"
                )
            return self.data["input_output"].rename({output: "class", "unit_0": "input"})
        x, _ = self._examples(images, test=False)
        # in float32, which images are, it would leave a mode where there is none
        mean = x.mean(axis=0, dtype=float)
        shape = self.network.sizes[-1], self.network.sizes[0]
        found = self._gathered(x, self.network.layers, lambda y, rows: y.T @ (x[rows] - mean) / len(x), shape)
        return self._named(found, "input_output", {"class": output, "input": "unit_0"})

    def confusion(self, images: Any) -> xr.DataArray:
        """Count, for the images of each class, what the network takes them for: the output unit that answers most.

        Parameters
        ----------
        images : Images (those to test with), or a pair (x, labels): x of shape (n_images, inputs), labels the classes
            as whole numbers from 0, (n_images,), or one-hot, (n_images, classes). Classes that have names, as those
            of Images, are the outputs of these names, whatever their order and if only some of them are there

        Returns
        -------
        DataArray (seed, epoch, true, said)
            Numbers of images; NaN after a seed's end. Images go through in slices, one snapshot at a time: memory
            does not grow with their number.

        Raises
        ------
        InputError
            When the run kept no weights, its rule taught no output, or the images do not fit the network.

        Examples
        --------
        >>> from semantic_svd import load_images, train
        >>> digits = load_images("digits")
        >>> network = Network((64, 20, 10), "relu", "softmax")
        >>> run = train("backprop", network, digits.x, digits.targets, epochs=5, batch_size=20)
        >>> counts = run.final().confusion(digits)
        >>> counts.dims, int(counts.sum())
        (('seed', 'true', 'said'), 297)
        """
        if not self.taught:
            raise InputError("the rule of this run taught no output; read_out trains a classifier")
        x, labels = self._examples(images, test=True)
        n = self.network.sizes[-1]

        def count(y: Array, rows: slice) -> NDArray[Any]:
            return np.bincount(labels[rows] * n + y.argmax(axis=-1), minlength=n * n).reshape(n, n)

        output = f"unit_{self.network.layers}"
        counts = self._gathered(x, self.network.layers, count, (n, n))
        return self._named(counts, "confusion", {"true": output, "said": output})

    def evaluate(self, images: Any) -> xr.DataArray:
        """Return the share of images that the network names rightly, (seed, epoch); see `confusion`.

        Examples
        --------
        >>> from semantic_svd import load_images, train
        >>> digits = load_images("digits")
        >>> network = Network((64, 20, 10), "relu", "softmax")
        >>> run = train("backprop", network, digits.x, digits.targets, epochs=20, batch_size=20)
        >>> bool(run.final().evaluate(digits) > 0.85)
        True
        """
        counts = self.confusion(images)
        right = counts.values.diagonal(axis1=-2, axis2=-1).sum(axis=-1) / counts.values.sum(axis=(-2, -1))
        return counts.isel(true=0, said=0, drop=True).copy(data=right).rename("accuracy")

    def rate_steps(self, epoch: Any, layer: int = 1) -> Any:
        """Return the learning rate of a layer x the steps before an epoch: what time is worth under each rule.

        Parameters
        ----------
        epoch : number, array or DataArray
        layer : from 1

        Returns
        -------
        As the epochs; NaN for a run that was recorded and not trained

        Raises
        ------
        InputError
            When there is no such layer, or the run is of a version that did not keep its steps.

        Examples
        --------
        >>> from semantic_svd import load_items, train
        >>> run = train("bpa", Network((34, 8, 34), biases=False), load_items("mcclelland2020"), epochs=9)
        >>> round(run.rate_steps(9), 12)
        0.9
        """
        attrs = self.data.attrs
        layer = whole("layer", layer, 1, self.network.layers)
        if "steps" not in attrs:
            raise InputError("the run is of an earlier version, which did not keep its steps; train it anew")
        rate = attrs["rates"][1 if layer == self.network.layers else 0] * (attrs["steps"] or np.nan)
        if attrs["schedule"] == "linear":  # the sum of 1 - k / epochs over the epochs before, and part of one
            last = max(1, attrs["epochs"])
            epoch = np.minimum(epoch, last)
            before = np.floor(epoch)
            part = (epoch - before) * (1 - before / last)
            epoch = before * (1 - (before - 1) / (2 * last)) + part
        return rate * epoch

    def final(self) -> "Run":
        """Return the run as each seed ended, without the epoch axis; `data.end_epoch` says when that was.

        A seed that is still in training (the run was interrupted, or is being written) is taken as of its last
        snapshot; weights that no snapshot holds are then left out.

        Raises
        ------
        InputError
            When the epochs in which seeds ended are not among those of the run.
        """
        if "epoch" not in self.data.dims:
            raise InputError(NO_ENDS)
        ends = {str(name): str(name).removesuffix("_end") for name in self.data if str(name).endswith("_end")}
        constant = [name for name, a in self.data.items() if "epoch" not in a.dims and name not in ends]
        if ends:  # no snapshot holds the weights
            at_work = self.data["status"] == "training"
            if (self.data["end_epoch"].where(at_work) > self.data["epoch"][-1]).any():
                raise InputError(NO_ENDS)
            data = self.data[[*ends, *constant]].drop_vars("epoch", errors="ignore").rename(ends)
            if at_work.any():
                data = data.drop_vars(ends.values())
            others = self.data.drop_vars([*ends, *constant, *(ends.values() & self.data.keys())])
            if np.isin(self.data.end_epoch, others.epoch).all():
                data = data.merge(others.sel(epoch=self.data.end_epoch).drop_vars("epoch"))
            return Run(data)
        try:
            return Run(self.data.sel(epoch=self.data.end_epoch).drop_vars("epoch"))
        except KeyError:
            raise InputError(NO_ENDS) from None

    def save(self, path: str | Path) -> None:
        """Write the run to a new Zarr store that `xarray.open_zarr` reads.

        Raises
        ------
        InputError
            When something is there already, or the folder can't be written.
        """
        save(self.data, Path(path))

    @staticmethod
    def open(path: str | PathLike[str]) -> "Run":
        """Open a run lazily from a Zarr store.

        Raises
        ------
        InputError
            When there is no store, or it holds no run.
        """
        if not isinstance(path, str | PathLike):
            raise InputError(f"a run is opened by its path, not by {type(path).__name__}")
        data = open_store(Path(path))
        if not data.sizes["epoch"]:
            raise InputError(f"{path} holds no snapshot yet; resume its training")
        if "mode" in data.dims and "mode" not in data.coords:  # a store of an earlier version
            data = data.assign_coords(mode=np.arange(1, data.sizes["mode"] + 1))
        return Run(data)

    def _matrix(self, kind: str, layer: int, names: Mapping[str, str]) -> xr.DataArray:
        name = f"{kind}{layer}"
        if name not in self.data:
            there = [str(v) for v in self.data if str(v)[0] in "WbB" and str(v)[1:].isdigit()]
            raise InputError(f"the run has no {name}; it has {', '.join(there) or 'no weights'}")
        return self.data[name].rename(names)

    def _parameters(self, names: list[str], so: str) -> list[xr.DataArray]:
        """Return weights and biases by their names, if the run kept them."""
        network = self.network
        if isinstance(network, Recorded):
            kept = [f"h{k}" for k in range(1, network.layers)] + ["response"]
            layers = [
                f"layer {k} ({called})"
                for k, (name, called) in enumerate(zip(kept, network.layer_names, strict=True), 1)
                if name in self.data
            ]
            has = f"what it has is {', '.join(layers)}, of its own items" if layers else "it has class means"
            raise InputError(f"this run was recorded, without weights, so {so}; {has}")
        if any(name not in self.data for name in names):
            raise InputError(f"this run kept no weights (record='weights'), so {so}")
        return [self.data[name] for name in names]

    def _numbered(self, layer: Any) -> int:
        """Return the number of a layer, which may have a name."""
        last, names = self.network.layers, self.layer_names
        if isinstance(layer, str) and layer in names:
            return 1 + names.index(layer)
        if not isinstance(layer, int | np.integer) or not 0 <= layer <= last:
            called = f" ({', '.join(names)})" if names else ""
            raise InputError(f"the network has layers 0 to {last}{called}, not {layer!r}")
        return int(layer)

    def _examples(self, images: Any, test: bool) -> tuple[Array, NDArray[np.integer]]:
        """Return pixels and classes of images to test or to train with, checked against the network's sizes."""
        names, classes = self.names_of(f"unit_{self.network.layers}"), None
        if hasattr(images, "test_x"):
            x, labels = (images.test_x, images.test_labels) if test else (images.x, images.labels)
            classes = images.classes
        elif isinstance(images, tuple | list) and len(images) == 2:
            x, labels = images
        else:
            raise InputError(f"images are Images, or a pair (x, labels), not {type(images).__name__}")
        x, n = self._inputs(x).values, self.network.sizes[-1]
        if np.ndim(labels) == 2:
            one_hot, _, classes = as_table(labels, "labels")
            labels = one_hot.argmax(axis=1) if (classes and names) or one_hot.shape[1] == n else one_hot
        labels = np.asarray(labels)
        if labels.shape != (len(x),) or labels.dtype.kind not in "iu":
            raise InputError(
                f"labels are a whole number for each of the {len(x)} images, or one-hot over {n} classes, "
                f"not {labels.dtype} of shape {labels.shape}"
            )
        if classes and names:  # the same class may have another number on either side
            for k in np.unique(labels):
                if classes[k] not in names:
                    raise InputError(f"class {classes[k]!r} is none of the network's, {', '.join(names)}")
            labels = np.array([names.index(c) if c in names else -1 for c in classes])[labels]
        for i in np.flatnonzero((labels < 0) | (labels >= n)):
            raise InputError(
                f"the network tells {n} classes apart, 0 to {n - 1}; image {i} (from 0) has {labels[i]}"
            )
        return x, labels.astype(np.int64)

    def _gathered(
        self, x: Array, layer: int, gather: Callable[[Array, slice], NDArray[Any]], shape: tuple[int, ...]
    ) -> Array:
        """Sum gather(activity, rows) over slices of x at every snapshot, one by one: NaN for those that are none."""
        network = self.network
        names = [name for name in network.names() if name == "W1" or int(name[1:]) <= layer]
        arrays = self._parameters(names, "it can't be tried on images")
        lead, step = arrays[0].shape[:-2], max(1, SLICE // max(network.sizes))
        gathered = np.full((*lead, *shape), np.nan)
        for place in np.ndindex(lead):
            weights = {name: a[place].values[None] for name, a in zip(names, arrays, strict=True)}
            if not all(np.isfinite(w).all() for w in weights.values()):
                continue
            gathered[place] = 0.0
            for first in range(0, len(x), step):
                rows = slice(first, first + step)
                h = network.activity(weights, x[rows].astype(weights["W1"].dtype, copy=False), layer)
                gathered[place] += gather(h if layer == 0 else h[0], rows)
        return gathered

    def _named(self, values: Array, name: str, units: Mapping[str, str]) -> xr.DataArray:
        """Name the axes of what was gathered: those of the snapshots, then some with the labels of units."""
        W = self.data["W1"]
        lead = [str(dim) for dim in W.dims[:-2]]
        coords = {dim: W.coords[dim].values for dim in lead if dim in W.coords}
        coords |= {dim: self.data.coords[of].values for dim, of in units.items() if of in self.data.coords}
        return xr.DataArray(values, coords, (*lead, *units), name)

    def _inputs(self, items: Any) -> xr.DataArray:
        if items is None:
            if "input" not in self.data:
                raise InputError("this run keeps no items of its own; pass the items to respond to")
            return self.data["input"].drop_vars("unit_0", errors="ignore")
        x, names, _ = in_order(as_table(items, "items"), self.names_of("unit_0"), "items")
        if x.shape[1] != self.network.sizes[0]:
            raise InputError(
                f"the network reads {self.network.sizes[0]} inputs an item, the items have {x.shape[1]}"
            )
        return xr.DataArray(x, dims=("item", "unit_0"), coords=names and {"item": names})


def _activity(network: Network, weights: dict[str, Array], x: Array, layer: int) -> Array:
    """Return the activity of a layer with the leading axes (seed, epoch) of the weights, C-ordered."""
    first = weights["W1"]
    lead = first.shape[:-2]
    flat = {name: np.asarray(w).reshape(-1, *w.shape[len(lead) :]) for name, w in weights.items()}
    if layer == 0:
        return np.broadcast_to(x, (*lead, *x.shape))
    h = network.activity(flat, x.astype(first.dtype), layer)
    return np.ascontiguousarray(h).reshape(*lead, *h.shape[1:])


def network_text(network: Network) -> str:
    """Return a network as the JSON text that a run's attributes hold.

    Examples
    --------
    >>> network_text(Network((2, 3)))[:18]
    '{"sizes": [2, 3], '
    """
    return json.dumps(asdict(network))
