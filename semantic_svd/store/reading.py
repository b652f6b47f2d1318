"""Opening a store: what was committed is there and whole, or one line names the file that is not."""

import json
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr

from semantic_svd.errors import InputError
from semantic_svd.products import Array
from semantic_svd.store import files


def open_store(path: Path) -> xr.Dataset:
    """Open a run lazily, after checking that what was committed is there and its metadata is whole.

    Raises
    ------
    InputError
        In one line that names the file, when something is missing or damaged; for a damaged chunk, when it is read.
    """
    with files.said_in_one_line(path):
        if not path.exists():
            raise InputError(f"{path} is not there")
        if not (path / files.ROOT).is_file():
            raise InputError(f"{path} is not a run: it has no {files.ROOT}")
        root = _checked_root(path)
        metadata, whose = root["consolidated_metadata"]["metadata"], _whose(path, root)
        data = xr.Dataset({name: _lazy(path, name, array, whose) for name, array in metadata.items()})
    attrs = {k: v for k, v in root["attributes"].items() if k != "sha256"}
    data = data.set_coords([name for name in data.data_vars if data[name].dims == (name,)]).assign_attrs(
        attrs
    )
    if not attrs["finished"] and data.sizes["epoch"] and "status" in data:
        last, ends = data.epoch.values[-1], data.end_epoch.values
        ahead = ends > last  # the ends are written a moment before the snapshots that they belong to count
        status = np.where(ahead, "training", data.status.values.astype(str))
        data["status"] = "seed", status
        data["end_epoch"] = "seed", np.where(status == "training", last, ends)
    return data


class _Chunks:
    """An array of a store, read on demand from where it was opened; what can't be read is named.

    Zarr takes what is not there for NaN, and what another run left in its place for this one's.
    """

    def __init__(self, path: Path, name: str, shape: tuple[int, ...], whose: dict[str, Any]):
        self._path, self._name, self._whose = path.absolute(), name, whose
        self._array = zarr.open_array(self._path / name, mode="r")
        self.shape, self.dtype, self.ndim = shape, self._array.dtype, len(shape)

    def __getitem__(self, key: Any) -> Array:
        root = self._path / files.ROOT
        try:
            there = _whose(self._path, json.loads(root.read_bytes()))
        except (OSError, ValueError, AttributeError):
            raise InputError(f"{root} is missing or damaged; the run was opened there") from None
        if there != self._whose:
            raise InputError(f"{self._path} holds another run by now; open it anew")
        try:
            return np.asarray(self._array[key])
        except Exception as error:
            raise InputError(_damaged(self._path / self._name, error)) from None


def _whose(path: Path, root: dict) -> dict[str, Any]:
    """Return what tells a run from those of another rule, network or data, or of other seeds."""
    attrs, seeds = root.get("attributes", {}), files.chunk(path, "seed", 1).read_bytes()
    return {"seeds": seeds} | {name: attrs.get(name) for name in attrs.get("identity", [])}


def _lazy(path: Path, name: str, metadata: dict, whose: dict[str, Any]) -> tuple[tuple[str, ...], Any]:
    """Return a variable of a store: small ones read, those with an epoch axis lazy."""
    dims, shape = tuple(metadata["dimension_names"]), tuple(metadata["shape"])
    chunks = _Chunks(path, name, shape, whose)
    if dims[:2] != ("seed", "epoch"):
        values = chunks[tuple(slice(n) for n in shape)]
        return dims, np.array(values.tolist()) if values.dtype.kind in "OT" else values
    import dask.array as da

    length = metadata["chunk_grid"]["configuration"]["chunk_shape"][1]
    per_block = max(1, length * prod(shape[2:]) * chunks.dtype.itemsize)
    together = max(1, 2 * files.BLOCK // per_block) * length  # one task reads a seed's part of many shards
    return dims, da.from_array(
        chunks, chunks=(1, min(together, max(1, shape[1])), *shape[2:]), meta=np.empty((0,), chunks.dtype)
    )


def _checked_root(path: Path) -> dict:
    """Return the root metadata, once it, the arrays' own, and the files that were committed are seen to be whole."""
    root = files.unsealed_root(path / files.ROOT)
    for name, array in root["consolidated_metadata"]["metadata"].items():
        _check_array(path, name, array, root["attributes"]["snapshots"])
    return root


def _check_array(path: Path, name: str, metadata: dict, snapshots: int) -> None:
    """Check that an array's metadata is what the root says, and that its files are there and of the right length."""
    file = path / name / files.ROOT
    committed, dims = metadata["shape"], metadata["dimension_names"]
    try:
        own = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{file} is missing") from None
    except ValueError:
        raise InputError(f"{file} is damaged") from None
    whole = [snapshots if dim == "epoch" else n for dim, n in zip(dims, committed, strict=True)]
    if own != metadata | {"shape": whole}:
        raise InputError(f"{file} is damaged: it is not what {files.ROOT} says")
    shape = metadata["chunk_grid"]["configuration"]["chunk_shape"]
    sharded = dims[:2] == ["seed", "epoch"]
    size = None
    if metadata["data_type"] != "string":
        size = prod(shape) * np.dtype(metadata["data_type"]).itemsize
        size += (16 + files.CRC) * shape[0] + files.CRC if sharded else files.CRC
    for block in range(-(-committed[1] // shape[1]) if sharded else 1):
        chunk = files.chunk(path, name, len(shape), block)
        if not chunk.exists():
            raise InputError(f"{chunk} is missing")
        if size is not None and chunk.stat().st_size != size:
            raise InputError(f"{chunk} is damaged: it has {chunk.stat().st_size} bytes, not {size}")


def _damaged(place: Path, error: Exception) -> str:
    """Return a line that names the damaged file of an array."""
    metadata = (place / files.ROOT).read_bytes()
    n, sharded = json.loads(metadata)["shape"][0], b"sharding_indexed" in metadata
    for file in sorted(f for f in (place / "c").rglob("*") if f.is_file()):
        raw = file.read_bytes()
        whole = all(files.sealed_by_checksum(part) for part in (files.parts(raw, n) if sharded else [raw]))
        if not whole:
            return f"{file} is damaged: its checksum is wrong"
    return f"{place} can't be read: {' '.join(str(error).split())}"
