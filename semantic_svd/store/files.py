"""The files of a store: where each array lies, how shards are put together, how a file is there whole or not at all.

A shard is all seeds x a block of epochs and a chunk in it one seed, so one seed is read without the others. Shards are
put together here, in Zarr's sharding format, since small nets train faster than zarr encodes chunk by chunk.
"""

import errno
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import crc32c
import numpy as np
from numpy.typing import NDArray

from semantic_svd.errors import InputError
from semantic_svd.products import Array

BLOCK = 64 * 2**20  # bytes of a block of snapshots
CRC = 4  # bytes of a checksum
ROOT, CHECKPOINT = "zarr.json", "checkpoint.npz"
NO_HASH = "0" * 64


def chunk(path: Path, name: str, ndim: int, block: int = 0) -> Path:
    """Return the file of an array's only chunk, or of the shard of a block of epochs."""
    place = [0] * ndim
    if ndim > 1:
        place[1] = block
    return path.joinpath(name, "c", *map(str, place))


def shard(chunks: NDArray[np.uint8]) -> tuple[memoryview, bytes, bytes]:
    """Return a shard of Zarr's sharding format, in three pieces: its chunks, their index, the index's checksum.

    Each row of `chunks` is the bytes of a chunk and CRC more, where its CRC-32C is put. The index tells where each
    chunk begins and how long it is.

    Examples
    --------
    >>> [len(piece) for piece in shard(np.zeros((2, 44), np.uint8))]
    [88, 32, 4]
    """
    n, length = chunks.shape
    for chunk in chunks:
        chunk[-CRC:] = np.frombuffer(checksum(chunk[:-CRC].data), np.uint8)
    index = np.stack([np.arange(n) * length, np.full(n, length)], axis=1).astype("<u8").tobytes()
    return chunks.reshape(-1).data, index, checksum(index)


def parts(shard: bytes, n: int) -> Iterator[bytes]:
    """Yield the index and the chunks of a shard, each with its CRC at the end."""
    body, index = shard[: -16 * n - CRC], shard[-16 * n - CRC :]
    yield index
    size = len(body) // n
    yield from (body[k * size : (k + 1) * size] for k in range(n))


def checksum(raw: bytes | memoryview) -> bytes:
    """Return the checksum of bytes, which are not copied for it; other threads go on meanwhile."""
    return crc32c.crc32c(raw).to_bytes(CRC, "little")


def sealed_by_checksum(raw: bytes) -> bool:
    """Return whether bytes end with their checksum."""
    return checksum(raw[:-CRC]) == raw[-CRC:]


def replace(file: Path, *parts: bytes | memoryview) -> None:
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


def sealed(arrays: Mapping[str, Array]) -> bytes:
    """Return named arrays as npz with its sha256 behind it."""
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue() + hashlib.sha256(file.getvalue()).digest()


def unsealed(file: Path) -> dict[str, Array]:
    """Return the arrays that `sealed` put in a file, once its hash is seen to be right."""
    raw = file.read_bytes()
    if hashlib.sha256(raw[:-32]).digest() != raw[-32:]:
        raise InputError(f"{file} is damaged: its checksum is wrong")
    with np.load(io.BytesIO(raw[:-32]), allow_pickle=False) as arrays:
        return dict(arrays)


def sealed_root(root: Mapping[str, Any]) -> bytes:
    """Return the root's metadata as JSON with the sha256 of it all, itself taken as zeros, among the attributes."""
    text = json.dumps({**root, "attributes": {**root["attributes"], "sha256": NO_HASH}})
    return text.replace(NO_HASH, hashlib.sha256(text.encode()).hexdigest()).encode()


def unsealed_root(file: Path) -> dict:
    """Return the metadata that `sealed_root` put in a file, once its hash is seen to be right."""
    raw = file.read_bytes()
    if _of_others(raw):
        raise InputError(
            f"{file.parent} was written by another program; Run(xarray.open_zarr(path)).save(other) makes it a run"
        )
    try:
        root = json.loads(raw)
        digest = root["attributes"]["sha256"]
        root["consolidated_metadata"]["metadata"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{file} is damaged, or not of a run") from None
    if hashlib.sha256(raw.replace(str(digest).encode(), NO_HASH.encode())).hexdigest() != digest:
        raise InputError(f"{file} is damaged: its checksum is wrong")
    return dict(root)


def _of_others(raw: bytes) -> bool:
    """Return whether the root of a run was written by another program, as xarray: in lines.

    `sealed_root` writes one line; where damage breaks it after its first byte, it is no JSON.
    """
    try:
        return raw.startswith(b"{\n") and "network" in json.loads(raw)["attributes"]
    except (ValueError, KeyError, TypeError):
        return False


@contextmanager
def said_in_one_line(path: Path, committed: bool = False) -> Iterator[None]:
    """Turn what the file system says into one line about the store, of which something was committed or not."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            kept = "; what was committed before stands" if committed else ""
            raise InputError(f"no space is left on the disk of {path}{kept}") from None
        raise InputError(f"{path} can't be used: {error.strerror or error}") from None
