"""Run: the labelled snapshots of a training, in memory or on disk (Zarr), and what follows from them.

A run knows its network, so it computes responses and hidden activity from the kept weights when asked for them.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from semantic_svd.errors import InputError
from semantic_svd.network import Network
from semantic_svd.products import Array
from semantic_svd.store import open_store, save
from semantic_svd.tasks import as_table, in_order


@dataclass(frozen=True, eq=False)
class Run:
    """The snapshots of a training, with names on every axis.

    Parameters
    ----------
    data : xarray.Dataset with W1 (seed, epoch, unit_1, unit_0), b1, B1, ..., loss (seed, epoch), status and end_epoch
        (seed), input (item, unit_0) and target (item, unit_L), and W1_end (seed, unit_1, unit_0), ... where no snapshot
        holds the weights with which a seed ended; the attributes tell the rule, the network, the hash of the data,
        the versions.
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
        return Network(**json.loads(self.data.attrs["network"]))

    @property
    def rule(self) -> str:
        """The text of the rule, Python source."""
        return self.data.attrs["rule"]

    @property
    def notes(self) -> list[str]:
        """What happened to seeds that left the finite numbers, a line each."""
        return list(self.data.attrs.get("notes", []))

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.network.sizes))
        seeds = self.data.sizes.get("seed", 1)
        text = f"Run({sizes} {self.network.hidden}, {seeds} {'seed' if seeds == 1 else 'seeds'}"
        if "epoch" in self.data.sizes:
            text += f", {self.data.sizes['epoch']} snapshots to epoch {int(self.data.epoch[-1])}"
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
        if self.data.attrs["copies_signs"]:
            forward = self._matrix("W", layer + 1, {})
            for later in range(layer + 2, int(sender.removeprefix("unit_")) + 1):
                forward = xr.dot(self._matrix("W", later, {}), forward, dim=f"unit_{later - 1}")
            B = (abs(B) * np.sign(forward)).transpose(..., receiver, sender)
        return B.rename({receiver: "post", sender: "pre"})

    def response(self, items: Any = None, layer: int | None = None) -> xr.DataArray:
        """Return what a layer says to each item, at every seed and epoch.

        Parameters
        ----------
        items : Items, DataFrame, DataArray or array of shape (n_items, inputs); None for those of the training
        layer : 0 (the input) to the number of layers; None for the output

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
        layer = network.layers if layer is None else layer
        if not isinstance(layer, int | np.integer) or not 0 <= layer <= network.layers:
            raise InputError(f"the network has layers 0 to {network.layers}, not {layer!r}")
        unit = f"unit_{layer}"
        kept = self.data.get("response" if layer == network.layers else f"h{layer}")
        if items is None and kept is not None:
            return _name_units(kept, unit, layer == network.layers)
        x = self._inputs(items)
        names = network.names()
        missing = [name for name in names if name not in self.data]
        if missing:
            raise InputError(
                f"this run kept no weights (record='weights'), so layer {layer} can't be computed"
            )
        arrays = [self.data[name] for name in names]
        h = xr.apply_ufunc(
            lambda *weights: _activity(
                network, dict(zip(names, weights[:-1], strict=True)), weights[-1], layer
            ),
            *arrays,
            x,
            input_core_dims=[[d for d in a.dims if str(d).startswith("unit_")] for a in arrays]
            + [["item", "unit_0"]],
            output_core_dims=[["item", "unit"]],
            dask="parallelized",
            output_dtypes=[arrays[0].dtype],
            dask_gufunc_kwargs={"output_sizes": {"unit": network.sizes[layer]}},
        )
        h = h.rename(unit=unit).rename("response" if layer == network.layers else f"h{layer}")
        if unit in self.data.coords:
            h = h.assign_coords({unit: self.data.coords[unit]})
        return _name_units(h, unit, layer == network.layers)

    def hidden(self, layer: int, items: Any = None) -> xr.DataArray:
        """Return the activity of a hidden layer, (seed, epoch, item, unit); see `response`."""
        return self.response(items, layer)

    def final(self) -> "Run":
        """Return the run as each seed ended, without the epoch axis; `data.end_epoch` says when that was."""
        ends = {str(name): str(name).removesuffix("_end") for name in self.data if str(name).endswith("_end")}
        constant = [name for name, a in self.data.items() if "epoch" not in a.dims and name not in ends]
        if ends:  # the weights were not kept, or not of the epochs in which seeds stopped
            return Run(self.data[[*ends, *constant]].drop_vars("epoch", errors="ignore").rename(ends))
        where = {"epoch": self.data.end_epoch} | (
            {"seed": self.data.seed} if "seed" in self.data.dims else {}
        )
        try:
            return Run(self.data.sel(where).drop_vars("epoch"))
        except KeyError:
            raise InputError(
                "these are some epochs of a run, without those in which its seeds ended; take final() of the whole run"
            ) from None

    def save(self, path: str | Path) -> None:
        """Write the run to a new Zarr store that `xarray.open_zarr` reads.

        Raises
        ------
        InputError
            When something is there already, or the folder can't be written.
        """
        save(self.data, Path(path))

    @staticmethod
    def open(path: str | Path) -> "Run":
        """Open a run lazily from a Zarr store.

        Raises
        ------
        InputError
            When there is no store, or it holds no run.
        """
        return Run(open_store(Path(path)))

    def _matrix(self, kind: str, layer: int, names: Mapping[str, str]) -> xr.DataArray:
        name = f"{kind}{layer}"
        if name not in self.data:
            there = [str(v) for v in self.data if str(v)[0] in "WbB" and str(v)[1:].isdigit()]
            raise InputError(f"the run kept no {name}; it has {', '.join(there) or 'no weights'}")
        return self.data[name].rename(names)

    def _inputs(self, items: Any) -> xr.DataArray:
        if items is None:
            if "input" not in self.data:
                raise InputError("this run keeps no items of its own; pass the items to respond to")
            return self.data["input"].drop_vars("unit_0", errors="ignore")
        units = self.data.coords.get("unit_0")
        table = in_order(as_table(items, "items"), None if units is None else units.values.tolist(), "items")
        if table[0].shape[1] != self.network.sizes[0]:
            raise InputError(
                f"the network reads {self.network.sizes[0]} inputs an item, the items have {table[0].shape[1]}"
            )
        return xr.DataArray(table[0], dims=("item", "unit_0"), coords=table[1] and {"item": table[1]})


def _activity(network: Network, weights: dict[str, Array], x: Array, layer: int) -> Array:
    """Return the activity of a layer with the leading axes (seed, epoch) of the weights, C-ordered."""
    first = weights["W1"]
    lead = first.shape[:-2]
    flat = {name: np.asarray(w).reshape(-1, *w.shape[len(lead) :]) for name, w in weights.items()}
    if layer == 0:
        return np.broadcast_to(x, (*lead, *x.shape))
    h = network.activity(flat, x.astype(first.dtype), layer)
    return np.ascontiguousarray(h).reshape(*lead, *h.shape[1:])


def _name_units(h: xr.DataArray, unit: str, output: bool) -> xr.DataArray:
    return h.rename({unit: "property" if output else "unit"})


def network_text(network: Network) -> str:
    """Return a network as the JSON text that a run's attributes hold.

    Examples
    --------
    >>> network_text(Network((2, 3)))[:18]
    '{"sizes": [2, 3], '
    """
    return json.dumps(asdict(network))
