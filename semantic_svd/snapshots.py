"""Snapshots: a stretch of a training in memory, all of it or the block that is next to be written."""

import math
import os
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from semantic_svd.errors import InputError
from semantic_svd.products import Array

Variables = Mapping[str, tuple[tuple[str, ...], tuple[int, ...]]]  # name -> dimensions, shape


class Snapshots:
    """Consecutive snapshots of all seeds, in memory; NaN for seeds that have ended.

    Parameters
    ----------
    variables : name -> (dimensions, shape) of what one snapshot holds for one seed
    length, n_seeds : how many
    dtype : the type of the numbers
    room : bytes left free behind each seed's part, for a checksum

    Examples
    --------
    >>> block = Snapshots({"loss": ((), ())}, length=2, n_seeds=3, dtype=np.dtype(float))
    >>> block.put(0, np.array([0, 2]), {"loss": np.array([0.5, 0.25])})
    >>> block.arrays["loss"][0]
    array([0.5 ,  nan, 0.25])
    """

    def __init__(self, variables: Variables, length: int, n_seeds: int, dtype: np.dtype, room: int = 0):
        self.variables, self._length, self._n_seeds = variables, length, n_seeds
        self.arrays: dict[str, Array] = {}  # (length, n_seeds, ...), views of the parts
        self.parts: dict[str, NDArray[np.uint8]] = {}  # as they are written: the bytes of each seed
        for name, (_, shape) in variables.items():
            one = np.empty(shape, dtype)
            part = np.empty((n_seeds, length * one.nbytes + room), np.uint8)
            strides = (one.nbytes, part.strides[0], *one.strides)
            self.arrays[name] = np.ndarray((length, n_seeds, *shape), dtype, part, strides=strides)
            self.parts[name] = part

    def __len__(self) -> int:
        return self._length

    def put(self, row: int, alive: NDArray[np.integer], values: Mapping[str, Array]) -> None:
        """Keep the values, (len(alive), ...), of the seeds at `alive` as the snapshot in this row."""
        for name, value in values.items():
            if len(alive) == self._n_seeds:
                self.arrays[name][row] = value
            else:
                self.arrays[name][row] = np.nan
                self.arrays[name][row, alive] = value

    def dataset(self, epochs: Sequence[int], seeds: Sequence[int]) -> xr.Dataset:
        """Return the first len(epochs) snapshots with names on their axes, (seed, epoch, ...)."""
        data = {
            name: (("seed", "epoch", *dims), self.arrays[name][: len(epochs)].swapaxes(0, 1))
            for name, (dims, _) in self.variables.items()
        }
        return xr.Dataset(data, coords={"seed": list(seeds), "epoch": list(epochs)})


def n_bytes(variables: Variables, n_epochs: int, n_seeds: int, dtype: np.dtype) -> int:
    """Return the bytes that the snapshots of a run take.

    Examples
    --------
    >>> n_bytes({"loss": ((), ())}, 100, 20, np.dtype(float))
    16000
    """
    return sum(math.prod(shape) for _, shape in variables.values()) * n_epochs * n_seeds * dtype.itemsize


def refuse_beyond_memory(needed: int, what: str, instead: str) -> None:
    """Refuse what takes more bytes than this machine has: some systems grant them, and end the process that uses them.

    Examples
    --------
    >>> refuse_beyond_memory(10**18, "the snapshots", "keep fewer")
    Traceback (most recent call last):
    semantic_svd.errors.InputError: the snapshots take 1,000,000,000 GB of memory, ...
    """
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else math.inf
    if needed > there:
        raise InputError(
            f"{what} take {needed / 1e9:,.0f} GB of memory, this machine has {there / 1e9:,.0f} GB; {instead}"
        )
