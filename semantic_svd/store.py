"""Store: a run on disk, one Zarr v3 group that plain `xarray.open_zarr` reads at any moment.

Every array is created at once, over all epochs that will be kept. The root zarr.json is consolidated, and its copy of
the shapes holds the *committed* length of the epoch axis: replacing that file is the one commit point. A block of
snapshots is written as: its shard files, then the checkpoint, then the root, each under another name and renamed.
A shard is all seeds x a block of epochs and a chunk in it one seed, so one seed is read without the others. Shards are
put together here, in Zarr's sharding format, since small nets train faster than zarr encodes chunk by chunk.
"""

import errno
import hashlib
import io
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import crc32c
import numpy as np
import xarray as xr
import zarr
from numcodecs import VLenUTF8
from numpy.typing import NDArray
from zarr.codecs import Crc32cCodec

from semantic_svd.errors import InputError
from semantic_svd.products import Array
from semantic_svd.snapshots import Snapshots, Variables

BLOCK = 64 * 2**20  # bytes of a block of snapshots
PATIENCE = 10.0  # seconds after which a block is committed before it is full
CRC = 4  # bytes of a checksum
ROOT, CHECKPOINT = "zarr.json", "checkpoint.npz"
_NO_HASH = "0" * 64


class Store:
    """A run that is being written.

    Parameters
    ----------
    path : the folder
    epochs, seeds : what will be kept
    variables : name -> (dimensions, shape) of what a snapshot holds for one seed
    dtype : the type of the numbers
    constants : xarray.Dataset of what is known beforehand (labels, items)
    attrs : attributes of the run. Those in `identity` must be the same when a run is resumed
    resume : go on with the store that is there, if there is one

    Raises
    ------
    InputError
        When another process writes the store, it is another run's, it is there already, it is damaged, or the disk
        is too small.
    """

    def __init__(
        self,
        path: Path,
        epochs: Sequence[int],
        seeds: Sequence[int],
        variables: Variables,
        dtype: np.dtype,
        constants: xr.Dataset,
        attrs: Mapping[str, Any],
        resume: bool = False,
    ):
        self.path, self.epochs, self.seeds, self.variables = path, list(epochs), list(seeds), variables
        self.attrs, self.finished = dict(attrs), False
        length = block_length(variables, len(self.epochs), len(self.seeds), dtype)
        self.block, self._spare = (
            Snapshots(variables, length, len(self.seeds), dtype, room=CRC) for _ in range(2)
        )
        self._first = self._filled = self._counted = 0  # first index of the block, its rows, those that count
        self._last_commit, self._latest = time.monotonic(), self.block
        self._constants: dict[str, bytes] = {}  # what was written last
        self._empty = False  # a store that is created here, until its first commit
        self._writer, self._writing = ThreadPoolExecutor(1), Future[None]()
        self._writing.set_result(None)
        with _said_in_one_line(path):
            if not path.exists():
                self._lock, self._empty = self._create(constants, dtype), True
            elif not (path / ROOT).exists():
                raise InputError(f"{path} is there already and is not a run; name another place")
            elif not resume:
                raise InputError(f"{path} is there already; resume it, or name another place")
            else:
                self._lock = _locked(path, path)
                try:
                    self._go_on(dtype)
                except BaseException:
                    self.close()
                    raise

    def put(self, index: int, alive: NDArray[np.integer], values: Mapping[str, Array]) -> None:
        """Take the snapshot with this index; see `Snapshots.put`."""
        if index - self._first == len(self.block):
            self._first, self._filled, self._counted = index, 0, 0
        self.block.put(index - self._first, alive, values)
        self._filled, self._latest = index - self._first + 1, self.block

    @property
    def last(self) -> dict[str, Array]:
        """The arrays of the latest snapshot; see `Snapshots.last`."""
        return self._latest.last

    @property
    def due(self) -> bool:
        """Whether it is time to commit: the block is full, or the last commit long ago."""
        full = self._counted < self._filled == len(self.block)
        return full or time.monotonic() - self._last_commit > PATIENCE

    @property
    def settled(self) -> bool:
        """Whether every snapshot that was taken has been committed."""
        return self._counted == self._filled

    def commit(self, ends: Mapping[str, tuple], checkpoint: Mapping[str, Array] | None, **attrs: Any) -> None:
        """Write the block, how the seeds ended so far, and what a resumed training starts from; then make it count.

        A full block is written while the training goes on with the other one.

        Parameters
        ----------
        ends : variables without an epoch axis, name -> (dimensions, array)
        checkpoint : named arrays; None when the training is finished
        attrs : attributes of the run that have changed
        """
        self._writing.result()
        self.attrs |= attrs
        self.finished = checkpoint is None
        ends = {name: (dims, array.copy()) for name, (dims, array) in ends.items()}
        frozen = None if checkpoint is None else {name: array.copy() for name, array in checkpoint.items()}
        if frozen is not None:
            frozen["snapshots"] = np.array(self._first + self._filled)
        new = self._filled > self._counted
        block = self.block if new else None  # a full block that was committed is the other one's by now
        self._writing = self._writer.submit(self._write, block, self._first, self._filled, ends, frozen)
        self._counted, self._last_commit = self._filled, time.monotonic()
        if new and self._filled == len(self.block) and not self.finished:
            self.block, self._spare = self._spare, self.block
        else:
            self._writing.result()

    def _write(
        self,
        block: Snapshots | None,
        first: int,
        filled: int,
        ends: Mapping[str, tuple],
        checkpoint: Mapping[str, Array] | None,
    ) -> None:
        with _said_in_one_line(self.path):
            if block is not None:
                for name, array in block.arrays.items():
                    array[filled:] = np.nan
                    file = _chunk(self.path, name, array.ndim, first // len(self.block))
                    _replace(file, *shard_of(block.parts[name]))
            for name, (dims, array) in ends.items():
                self._write_constant(name, dims, array)
            if checkpoint is not None:
                _replace(self.path / CHECKPOINT, _sealed(checkpoint))
            self._write_root(first + filled, finished=checkpoint is None)
            self._empty = False
            if checkpoint is None:
                (self.path / CHECKPOINT).unlink(missing_ok=True)

    def checkpoint(self) -> dict[str, Array] | None:
        """Return the arrays of the last commit, or None when the store is new."""
        file = self.path / CHECKPOINT
        return _unsealed(file) if file.exists() else None

    def close(self) -> None:
        """Finish what is being written, and let others write; a new store without a snapshot is taken away."""
        self._writer.shutdown()
        if self._empty:
            shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)

    def _create(self, constants: xr.Dataset, dtype: np.dtype) -> int:
        """Create every array, beside the place where the store is to be, and move it there; return the lock."""
        path, self.path = self.path, self.path.with_name(self.path.name + ".part")
        self.path.mkdir(parents=True, exist_ok=True)
        lock = _locked(self.path, path)
        try:
            self._fill(path, constants, dtype)
        except BaseException:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(lock)
            raise
        self.path = self.path.rename(path)
        return lock

    def _fill(self, path: Path, constants: xr.Dataset, dtype: np.dtype) -> None:
        for leftover in self.path.iterdir():
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        _check_space(path, n_bytes(self.variables, len(self.epochs) + 2, len(self.seeds), dtype))
        for name, (dims, shape) in self.variables.items():
            whole, shard = ((len(self.seeds), n, *shape) for n in (len(self.epochs), len(self.block)))
            self._array(name, whole, dtype, ("seed", "epoch", *dims), chunks=(1, *shard[1:]), shards=shard)
        self._write_constant("seed", ("seed",), np.array(self.seeds))
        self._write_constant("epoch", ("epoch",), np.array(self.epochs))
        for key, variable in constants.variables.items():
            self._write_constant(str(key), variable.dims, variable.values)
        self._write_root(0, finished=False)

    def _array(self, name: str, shape: tuple[int, ...], dtype: Any, dims: Any, **layout: Any) -> None:
        """Create an array of the store, without its values."""
        layout = {"chunks": shape, "compressors": [Crc32cCodec()], "filters": None} | layout
        if np.dtype(dtype).kind == "f":
            layout["fill_value"] = np.nan
        zarr.create_array(self.path / name, shape=shape, dtype=dtype, dimension_names=dims, **layout)

    def _go_on(self, dtype: np.dtype) -> None:
        """Take up the block that was being filled when the store was left."""
        there = open_store(self.path)
        _same_run(self.path, there, self.attrs, self.seeds, self.variables, dtype)
        self.attrs, self.finished = dict(there.attrs), bool(there.attrs["finished"])
        checkpoint = self.checkpoint()
        if checkpoint is not None and checkpoint["snapshots"] > there.sizes["epoch"]:
            # it was stopped just before it did this
            self._write_root(int(checkpoint["snapshots"]), finished=False)
            there = open_store(self.path)
        for leftover in self.path.rglob("*.part"):
            leftover.unlink()
        committed = there.sizes["epoch"]
        self._first = max(0, committed - 1) // len(self.block) * len(self.block)
        everyone = np.arange(len(self.seeds))
        kept = {name: there[name].isel(epoch=slice(self._first, committed)).values for name in self.variables}
        for row in range(committed - self._first):
            self.put(self._first + row, everyone, {name: array[:, row] for name, array in kept.items()})
        self._counted = self._filled

    def _write_constant(self, name: str, dims: Any, array: Array) -> None:
        """Write an array whole, as one chunk."""
        strings = array.dtype.kind in "UOT"
        if not (self.path / name).exists():
            self._array(name, array.shape, np.dtypes.StringDType() if strings else array.dtype, dims)
        raw = bytes(VLenUTF8().encode(array.astype(object))) if strings else array.tobytes()
        if self._constants.get(name) != raw:
            _replace(_chunk(self.path, name, array.ndim), raw, _crc(raw))
            self._constants[name] = raw

    @cached_property
    def _metadata(self) -> dict[str, dict]:
        """The metadata of every array, by name."""
        return {
            file.parent.name: json.loads(file.read_bytes()) for file in sorted(self.path.glob(f"*/{ROOT}"))
        }

    def _write_root(self, length: int, finished: bool) -> None:
        """Write the consolidated metadata with the committed length: from now on that length counts."""
        for array in self._metadata.values():
            if "epoch" in array["dimension_names"]:
                array["shape"][array["dimension_names"].index("epoch")] = length
        attributes = self.attrs | {
            "snapshots": len(self.epochs),
            "finished": int(finished),
            "sha256": _NO_HASH,
        }
        root = {
            "zarr_format": 3,
            "node_type": "group",
            "attributes": attributes,
            "consolidated_metadata": {"kind": "inline", "must_understand": False, "metadata": self._metadata},
        }
        text = json.dumps(root)
        _replace(self.path / ROOT, text.replace(_NO_HASH, hashlib.sha256(text.encode()).hexdigest()).encode())


def save(data: xr.Dataset, path: Path) -> None:
    """Write the dataset of a run to a new store, whole or not at all."""
    if missing := {"seed", "epoch"} - set(data.dims):
        raise InputError(f"a store holds runs over seeds and epochs; this one has no axis {min(missing)}")
    recorded = {str(name): a for name, a in data.data_vars.items() if "epoch" in a.dims}
    if not recorded or not data.sizes["epoch"]:
        raise InputError("a store holds runs with records and snapshots; this one has none")
    with _said_in_one_line(path):
        if (path / ROOT).exists():
            raise InputError(f"{path} is there already; name another place")
    variables = {name: (tuple(map(str, a.dims[2:])), a.shape[2:]) for name, a in recorded.items()}
    constants = data.drop_vars([*recorded, "seed", "epoch"])
    dtype = next(iter(recorded.values())).dtype
    store = Store(
        path, data.epoch.values.tolist(), data.seed.values.tolist(), variables, dtype, constants, data.attrs
    )
    everyone = np.arange(data.sizes["seed"])
    try:
        with closing(store):
            for first in range(0, data.sizes["epoch"], len(store.block)):
                if first:
                    store.commit({}, {})
                block = {name: a[:, first : first + len(store.block)].values for name, a in recorded.items()}
                for row in range(len(next(iter(block.values()))[0])):
                    store.put(first + row, everyone, {name: array[:, row] for name, array in block.items()})
            store.commit({}, None)
    except BaseException:
        shutil.rmtree(store.path, ignore_errors=True)
        raise


def open_store(path: Path) -> xr.Dataset:
    """Open a run lazily, after checking that what was committed is there and its metadata is whole.

    Raises
    ------
    InputError
        In one line that names the file, when something is missing or damaged; for a damaged chunk, when it is read.
    """
    with _said_in_one_line(path):
        if not path.exists():
            raise InputError(f"{path} is not there")
        if not (path / ROOT).is_file():
            raise InputError(f"{path} is not a run: it has no {ROOT}")
        root = _checked_root(path)
        metadata = root["consolidated_metadata"]["metadata"]
        data = xr.Dataset({name: _lazy(path, name, array) for name, array in metadata.items()})
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


def block_length(variables: Variables, n_epochs: int, n_seeds: int, dtype: np.dtype) -> int:
    """Return the snapshots of a block: as many as BLOCK holds, in blocks of nearly equal length.

    Examples
    --------
    >>> block_length({"W1": (("unit_1", "unit_0"), (8, 34))}, 2001, 20, np.dtype(float))
    1001
    """
    most = max(1, BLOCK // max(1, n_bytes(variables, 1, n_seeds, dtype)))
    return -(-n_epochs // -(-n_epochs // most))


def n_bytes(variables: Variables, n_epochs: int, n_seeds: int, dtype: np.dtype) -> int:
    """Return the bytes that the snapshots of a run take.

    Examples
    --------
    >>> n_bytes({"loss": ((), ())}, 100, 20, np.dtype(float))
    16000
    """
    return sum(int(np.prod(shape)) for _, shape in variables.values()) * n_epochs * n_seeds * dtype.itemsize


def shard_of(chunks: NDArray[np.uint8]) -> tuple[memoryview, bytes, bytes]:
    """Return a shard of Zarr's sharding format, in three pieces: its chunks, their index, the index's checksum.

    Each row of `chunks` is the bytes of a chunk and CRC more, where its CRC-32C is put. The index tells where each
    chunk begins and how long it is.

    Examples
    --------
    >>> [len(piece) for piece in shard_of(np.zeros((2, 44), np.uint8))]
    [88, 32, 4]
    """
    n, length = chunks.shape
    for chunk in chunks:
        chunk[-CRC:] = np.frombuffer(_crc(chunk[:-CRC].data), np.uint8)
    index = np.stack([np.arange(n) * length, np.full(n, length)], axis=1).astype("<u8").tobytes()
    return chunks.reshape(-1).data, index, _crc(index)


class _Chunks:
    """An array of a store, read on demand; what can't be read is named."""

    def __init__(self, path: Path, name: str, shape: tuple[int, ...]):
        self._path, self._name = path, name
        self._array = zarr.open_array(path / name, mode="r")
        self.shape, self.dtype, self.ndim = shape, self._array.dtype, len(shape)

    def __getitem__(self, key: Any) -> Array:
        try:
            return np.asarray(self._array[key])
        except Exception as error:
            raise InputError(f"{_damaged(self._path / self._name, error)}") from None


def _lazy(path: Path, name: str, metadata: dict) -> tuple[tuple[str, ...], Any]:
    """Return a variable of a store: small ones read, those with an epoch axis lazy."""
    dims, shape = tuple(metadata["dimension_names"]), tuple(metadata["shape"])
    chunks = _Chunks(path, name, shape)
    if dims[:2] != ("seed", "epoch"):
        values = chunks[tuple(slice(n) for n in shape)]
        return dims, np.array(values.tolist()) if values.dtype.kind in "OT" else values
    import dask.array as da

    length = metadata["chunk_grid"]["configuration"]["chunk_shape"][1]
    per_block = max(1, length * int(np.prod(shape[2:])) * chunks.dtype.itemsize)
    together = max(1, 2 * BLOCK // per_block) * length  # one task reads a seed's part of many shards
    return dims, da.from_array(
        chunks, chunks=(1, min(together, max(1, shape[1])), *shape[2:]), meta=np.empty((0,), chunks.dtype)
    )


def _checked_root(path: Path) -> dict:
    """Return the root metadata, once it, the arrays' own, and the files that were committed are seen to be whole."""
    file = path / ROOT
    raw = file.read_bytes()
    try:
        root = json.loads(raw)
        digest = root["attributes"]["sha256"]
        metadata = root["consolidated_metadata"]["metadata"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{file} is damaged, or not of a run") from None
    if hashlib.sha256(raw.replace(str(digest).encode(), _NO_HASH.encode())).hexdigest() != digest:
        raise InputError(f"{file} is damaged: its checksum is wrong")
    for name, array in metadata.items():
        _check_array(path, name, array, root["attributes"]["snapshots"])
    return root


def _check_array(path: Path, name: str, metadata: dict, snapshots: int) -> None:
    """Check that an array's metadata is what the root says, and that its files are there and of the right length."""
    file = path / name / ROOT
    committed, dims = metadata["shape"], metadata["dimension_names"]
    try:
        own = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{file} is missing") from None
    except ValueError:
        raise InputError(f"{file} is damaged") from None
    whole = [snapshots if dim == "epoch" else n for dim, n in zip(dims, committed, strict=True)]
    if own != metadata | {"shape": whole}:
        raise InputError(f"{file} is damaged: it is not what {ROOT} says")
    shape = metadata["chunk_grid"]["configuration"]["chunk_shape"]
    sharded = dims[:2] == ["seed", "epoch"]
    size = None
    if metadata["data_type"] != "string":
        size = int(np.prod(shape)) * np.dtype(metadata["data_type"]).itemsize
        size += (16 + CRC) * shape[0] + CRC if sharded else CRC
    for block in range(-(-committed[1] // shape[1]) if sharded else 1):
        chunk = _chunk(path, name, len(shape), block)
        if not chunk.exists():
            raise InputError(f"{chunk} is missing")
        if size is not None and chunk.stat().st_size != size:
            raise InputError(f"{chunk} is damaged: it has {chunk.stat().st_size} bytes, not {size}")


def _damaged(place: Path, error: Exception) -> str:
    """Return a line that names the damaged file of an array."""
    n = json.loads((place / ROOT).read_bytes())["shape"][0]
    for file in sorted(f for f in (place / "c").rglob("*") if f.is_file()):
        raw = file.read_bytes()
        sharded = place.joinpath(ROOT).read_text().count("sharding_indexed")
        whole = all(_sealed_by_crc(part) for part in (_parts(raw, n) if sharded else [raw]))
        if not whole:
            return f"{file} is damaged: its checksum is wrong"
    return f"{place} can't be read: {' '.join(str(error).split())}"


def _parts(shard: bytes, n: int) -> Iterator[bytes]:
    """Yield the index and the chunks of a shard, each with its CRC at the end."""
    body, index = shard[: -16 * n - CRC], shard[-16 * n - CRC :]
    yield index
    size = len(body) // n
    yield from (body[k * size : (k + 1) * size] for k in range(n))


def _crc(raw: bytes | memoryview) -> bytes:
    """Return the checksum of bytes, which are not copied for it; other threads go on meanwhile."""
    return crc32c.crc32c(raw).to_bytes(CRC, "little")


def _sealed_by_crc(raw: bytes) -> bool:
    return _crc(raw[:-CRC]) == raw[-CRC:]


def _chunk(path: Path, name: str, ndim: int, block: int = 0) -> Path:
    """Return the file of an array's only chunk, or of the shard of a block of epochs."""
    place = [0] * ndim
    if ndim > 1:
        place[1] = block
    return path.joinpath(name, "c", *map(str, place))


def _replace(file: Path, *parts: bytes | memoryview) -> None:
    """Write a file under another name, then rename it: it is there whole or not at all."""
    part = file.with_name(file.name + ".part")
    try:
        if not file.parent.exists():
            file.parent.mkdir(parents=True)
        with part.open("wb") as opened:
            opened.writelines(parts)
        part.replace(file)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _sealed(arrays: Mapping[str, Array]) -> bytes:
    """Return named arrays as npz with its sha256 behind it."""
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue() + hashlib.sha256(file.getvalue()).digest()


def _unsealed(file: Path) -> dict[str, Array]:
    raw = file.read_bytes()
    if hashlib.sha256(raw[:-32]).digest() != raw[-32:]:
        raise InputError(f"{file} is damaged: its checksum is wrong")
    with np.load(io.BytesIO(raw[:-32]), allow_pickle=False) as arrays:
        return dict(arrays)


def _locked(folder: Path, path: Path) -> int:
    """Lock a folder for this process until the descriptor that is returned is closed."""
    try:
        import fcntl
    except ImportError:  # a system without flock: two writers are then the user's to avoid
        return os.open(os.devnull, os.O_RDONLY)
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise InputError(f"{path} is being written by another process") from None
    return lock


def _check_space(path: Path, needed: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise InputError(
            f"{path} would take {needed / 1e6:,.0f} MB, its disk has {free / 1e6:,.0f} MB free; "
            "keep fewer epochs (every) or record less than weights"
        )


def _same_run(
    path: Path,
    there: xr.Dataset,
    attrs: Mapping[str, Any],
    seeds: list,
    variables: Variables,
    dtype: Any,
) -> None:
    """Refuse to resume a store of another run, in one line that says what differs."""
    recorded = sorted(str(name) for name, a in there.data_vars.items() if a.dims[:2] == ("seed", "epoch"))
    ours: dict[str, Any] = {
        "seeds": seeds,
        "records": sorted(variables),
        "dtype": str(dtype),
    }
    theirs: dict[str, Any] = {
        "seeds": there.seed.values.tolist(),
        "records": recorded,
        "dtype": str(there[recorded[0]].dtype) if recorded else str(dtype),
    }
    for name in attrs["identity"]:
        if name not in there.attrs:
            raise InputError(f"{path} is of an earlier version, which did not keep its {name}; train it anew")
        ours[name], theirs[name] = attrs[name], there.attrs.get(name)
    for name, value in ours.items():
        if value != theirs[name]:
            raise InputError(
                f"{path} is another run, so it can't be resumed: its {name} "
                f"{'are' if name.endswith('s') else 'is'} {theirs[name]}, not {value}"
            )


@contextmanager
def _said_in_one_line(path: Path) -> Iterator[None]:
    """Turn what the file system says into one line about the store."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise InputError(
                f"no space is left on the disk of {path}; what was committed before stands"
            ) from None
        raise InputError(f"{path} can't be used: {error.strerror or error}") from None
