"""Writing a store: every array is created at once, and filled by one block of snapshots after the other.

The root's copy of the shapes holds the *committed* length of the epoch axis: replacing that file is the one commit
point. A block of snapshots is written as: its shard files, then the checkpoint, then the root, each under another name
and renamed.
"""

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from numcodecs import VLenUTF8
from numpy.typing import NDArray
from zarr.codecs import Crc32cCodec

from semantic_svd.drafts import drafts
from semantic_svd.errors import InputError
from semantic_svd.products import Array
from semantic_svd.snapshots import Snapshots, Variables, n_bytes
from semantic_svd.store import files
from semantic_svd.store.reading import open_store

PATIENCE = 10.0  # seconds after which a block is committed before it is full


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
            Snapshots(variables, length, len(self.seeds), dtype, room=files.CRC) for _ in range(2)
        )
        self._first = self._filled = self._counted = 0  # first index of the block, its rows, those that count
        self._last_commit = time.monotonic()
        self._constants: dict[str, bytes] = {}  # what was written last
        self._empty = False  # a store that is created here, until its first commit
        self._writer, self._writing = ThreadPoolExecutor(1), Future[None]()
        self._writing.set_result(None)
        with files.said_in_one_line(path):
            if not path.exists():
                self._lock, self._empty = self._create(constants, dtype), True
            elif not (path / files.ROOT).exists():
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
        self._filled = index - self._first + 1

    def copy(self, data: xr.Dataset, indices: range) -> None:
        """Take the snapshots with these indices, of a block, from the dataset of a run."""
        kept = {name: data[name][:, indices.start : indices.stop].values for name in self.variables}
        for row, index in enumerate(indices):
            values = {name: array[:, row] for name, array in kept.items()}
            self.put(index, np.arange(len(self.seeds)), values)

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
        with files.said_in_one_line(self.path, committed=not self._empty):
            if block is not None:
                for name, array in block.arrays.items():
                    array[filled:] = np.nan
                    file = files.chunk(self.path, name, array.ndim, first // len(self.block))
                    files.replace(file, *files.shard(block.parts[name]))
            for name, (dims, array) in ends.items():
                self._write_constant(name, dims, array)
            if checkpoint is not None:
                files.replace(self.path / files.CHECKPOINT, files.sealed(checkpoint))
            self._write_root(first + filled, finished=checkpoint is None)
            self._empty = False
            if checkpoint is None:
                (self.path / files.CHECKPOINT).unlink(missing_ok=True)

    def checkpoint(self) -> dict[str, Array] | None:
        """Return the arrays of the last commit, or None when the store is new."""
        file = self.path / files.CHECKPOINT
        return files.unsealed(file) if file.exists() else None

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
            self.path = self.path.rename(path)
        except BaseException:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(lock)
            raise
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
        self.copy(there, range(self._first, committed))
        self._counted = self._filled

    def _write_constant(self, name: str, dims: Any, array: Array) -> None:
        """Write an array whole, as one chunk."""
        strings = array.dtype.kind in "UOT"
        if not (self.path / name).exists():
            self._array(name, array.shape, np.dtypes.StringDType() if strings else array.dtype, dims)
        raw = bytes(VLenUTF8().encode(array.astype(object))) if strings else array.tobytes()
        if self._constants.get(name) != raw:
            files.replace(files.chunk(self.path, name, array.ndim), raw, files.checksum(raw))
            self._constants[name] = raw

    @cached_property
    def _metadata(self) -> dict[str, dict]:
        """The metadata of every array, by name."""
        return {
            file.parent.name: json.loads(file.read_bytes())
            for file in sorted(self.path.glob(f"*/{files.ROOT}"))
        }

    def _write_root(self, length: int, finished: bool) -> None:
        """Write the consolidated metadata with the committed length: from now on that length counts."""
        for array in self._metadata.values():
            if "epoch" in array["dimension_names"]:
                array["shape"][array["dimension_names"].index("epoch")] = length
        root = {
            "zarr_format": 3,
            "node_type": "group",
            "attributes": self.attrs | {"snapshots": len(self.epochs), "finished": int(finished)},
            "consolidated_metadata": {"kind": "inline", "must_understand": False, "metadata": self._metadata},
        }
        files.replace(self.path / files.ROOT, files.sealed_root(root))


def save(data: xr.Dataset, path: Path) -> None:
    """Write the dataset of a run to a new store, which is there whole or not at all, even if the process is killed."""
    if missing := {"seed", "epoch"} - set(data.dims):
        raise InputError(f"a store holds runs over seeds and epochs; this one has no axis {min(missing)}")
    recorded = {str(name): a for name, a in data.data_vars.items() if "epoch" in a.dims}
    if not recorded or not data.sizes["epoch"]:
        raise InputError("a store holds runs with records and snapshots; this one has none")
    if path.exists():
        raise InputError(f"{path} is there already; name another place")
    variables = {name: (tuple(map(str, a.dims[2:])), a.shape[2:]) for name, a in recorded.items()}
    constants = data.drop_vars([*recorded, "seed", "epoch"])
    dtype = next(iter(recorded.values())).dtype
    epochs, seeds = data["epoch"].values.tolist(), data["seed"].values.tolist()
    with files.said_in_one_line(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            drafts(path.parent) as unfinished,
            closing(
                Store(unfinished / path.name, epochs, seeds, variables, dtype, constants, data.attrs)
            ) as store,
        ):
            for first in range(0, len(epochs), len(store.block)):
                if first:
                    store.commit({}, {})
                store.copy(data, range(first, min(first + len(store.block), len(epochs))))
            store.commit({}, None)


def block_length(variables: Variables, n_epochs: int, n_seeds: int, dtype: np.dtype) -> int:
    """Return the snapshots of a block: as many as BLOCK holds, in blocks of nearly equal length.

    Examples
    --------
    >>> block_length({"W1": (("unit_1", "unit_0"), (8, 34))}, 2001, 20, np.dtype(float))
    1001
    """
    most = max(1, files.BLOCK // max(1, n_bytes(variables, 1, n_seeds, dtype)))
    return -(-n_epochs // -(-n_epochs // most))


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
    both: dict[str, tuple[Any, Any]] = {  # what it is, what is asked for
        "seeds": (there.seed.values.tolist(), seeds),
        "records": (recorded, sorted(variables)),
        "dtype": (str(there[recorded[0]].dtype) if recorded else str(dtype), str(dtype)),
    }
    for name in attrs["identity"]:
        if name not in there.attrs:
            raise InputError(f"{path} is of an earlier version, which did not keep its {name}; train it anew")
        both[name] = there.attrs[name], attrs[name]
    for name, (it, asked) in both.items():
        if it != asked:
            if isinstance(asked, str):
                it, asked = _where_apart(it, asked)
            raise InputError(
                f"{path} is another run, so it can't be resumed: its {name} "
                f"{'are' if name.endswith('s') else 'is'} {it}, not {asked}"
            )


def _where_apart(one: str, other: str) -> tuple[str, str]:
    """Return two texts without the fields that both begin or end with.

    Examples
    --------
    >>> _where_apart("Oja(), rate=0.1, 'linear'", "Oja(), rate=0.2, 'linear'")
    ('..., rate=0.1, ...', '..., rate=0.2, ...')
    """
    fields = one.split(", "), other.split(", ")
    differ = [move for move in SequenceMatcher(None, *fields).get_opcodes() if move[0] != "equal"]
    first, last = differ[0], differ[-1]
    left, right = ["..."] * bool(first[1]), ["..."] * (last[2] < len(fields[0]))
    parts = fields[0][first[1] : last[2]], fields[1][first[3] : last[4]]
    it, asked = (", ".join([*left, *part, *right]) for part in parts)
    return it, asked
