"""Image files, IDX and CIFAR's binary batches: their bytes, plain, compressed or in an archive, as numbers.

Archives are read, never unpacked: no name that an archive holds becomes the name of a file.
"""

import gzip
import hashlib
import math
import os
import re
import struct
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from semantic_svd.errors import InputError
from semantic_svd.images.official import ImageSet
from semantic_svd.images.pictures import Images, by_sizes


def read_idx(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read one file of the IDX format, MNIST's, plain or compressed by gzip.

    Parameters
    ----------
    path : str or path
        A file of unsigned bytes of any number of dimensions.

    Returns
    -------
    array of uint8
        (n_images, rows, columns) for images, (n_images,) for labels; read-only.

    Raises
    ------
    InputError
        If the file cannot be read, is not IDX of bytes, or is shorter or longer than its header says.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels")
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4]))
    ...     read_idx(path)
    array([5, 0, 4], dtype=uint8)
    """
    return _idx(file_at(Path(path)))


def read_cifar(path: str | os.PathLike[str]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read one binary batch of CIFAR-10: any number of records of a label and three planes of 32 x 32 pixels.

    Parameters
    ----------
    path : str or path
        A batch, plain or compressed by gzip.

    Returns
    -------
    pixels, labels : arrays of uint8 of shape (n_images, 32, 32, 3) and (n_images,)
        Rows, columns, and red, green, blue; read-only.

    Raises
    ------
    InputError
        If the file cannot be read, or is not a whole number of records with labels from 0 to 9.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "batch.bin")
    ...     _ = path.write_bytes(bytes([6] + [1] * 1024 + [2] * 1024 + [3] * 1024))
    ...     pixels, labels = read_cifar(path)
    >>> pixels.shape, pixels[0, 31, 31], labels
    ((1, 32, 32, 3), array([1, 2, 3], dtype=uint8), array([6], dtype=uint8))
    """
    return _cifar(file_at(Path(path)))


class File(NamedTuple):
    """The contents of a file, decompressed, and where they come from, for the error message."""

    name: str
    place: str
    data: bytes


def file_at(path: Path, place: str = "") -> File:
    """Read a file, plain or compressed by gzip."""
    place = place or str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{place}: cannot be read: {error.strerror}") from None
    if data[:2] == b"\x1f\x8b":  # by its first bytes, not by its name: some servers decompress on their way
        try:
            data = gzip.decompress(data)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise InputError(f"{place}: cannot be read as a gzip file: it is damaged or cut short") from None
    return File(path.name.removesuffix(".gz"), place, data)


def files_in(place: Path, official: ImageSet) -> dict[str, File]:
    """Read the files of a set, each by itself or out of the archive that holds them all."""
    if not place.is_dir():
        raise InputError(f"{place} is no folder; it is to hold {official.wanted}")
    if official.archive and (place / official.archive).is_file():
        return members(place / official.archive, official.files)
    return {name: file_in(place, name, official.archive) for name in official.files}


def file_in(place: Path, name: str, other: str | None = None) -> File:
    """Read a file of a folder by its name, with .gz behind it or without; another would have done in its place."""
    for path in (place / name, place / f"{name}.gz"):
        if path.is_file():
            return file_at(path)
    wanted = ", ".join(filter(None, (name, f"{name}.gz", other)))
    there = ", ".join(_names_in(place)[:8]) or "nothing"
    raise InputError(f"{place}: none of {wanted} is there; the folder holds {there}")


def _names_in(place: Path) -> list[str]:
    try:
        return sorted(path.name for path in place.iterdir())
    except OSError as error:
        raise InputError(f"{place}: the folder cannot be read: {error.strerror}") from None


def members(path: Path, names: Mapping[str, str], place: str = "") -> dict[str, File]:
    """Read files out of a tar archive, whatever the folder they are in, in the order of the names."""
    place = place or str(path)
    found = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                inside = PurePosixPath(member.name)
                if inside.is_absolute() or ".." in inside.parts:
                    raise InputError(f"{place}: holds {member.name!r}, a path that leads out of the archive")
                if member.isreg() and inside.name in names:
                    data = archive.extractfile(member).read()  # type: ignore[union-attr]
                    found[inside.name] = File(inside.name, f"{place}, {member.name}", data)
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        fault = getattr(error, "strerror", None) or "it is damaged or cut short"
        raise InputError(f"{place}: cannot be read as a tar archive: {fault}") from None
    for name in names:
        if name not in found:
            raise InputError(f"{place}: there is no file {name} in the archive")
    return {name: found[name] for name in names}


def check_hash(file: File, wanted: str, name: str, advice: str) -> None:
    """Raise an error unless these are the official contents."""
    found = hashlib.sha256(file.data).hexdigest()
    if found != wanted:
        raise InputError(
            f"{file.place}: is not the official file of {name}: the sha256 of its contents begins with "
            f"{found[:12]}, not {wanted[:12]}{advice and '; '}{advice}"
        )


def batches_in(place: Path) -> list[str]:
    """Return the names of the training batches of a folder, in the order of their numbers."""
    found = [re.fullmatch(r"(data_batch_(\d+)\.bin)(\.gz)?", name) for name in _names_in(place)]
    return [name for _, name in sorted({(int(match[2]), match[1]) for match in found if match})]


# From bytes to numbers


class Part(NamedTuple):
    """The images to train, or those to test: pixels by file, uint8 (n_images, *shape), and all labels."""

    pixels: list[NDArray[np.uint8]]
    labels: NDArray[np.int64]


def parsed(files: dict[str, File]) -> tuple[Part, Part]:
    """Return what files of either layout hold, to train and to test."""
    if "test_batch.bin" not in files:
        train_x, train_y, test_x, test_y = files.values()
        train, test = _idx_part(train_x, train_y), _idx_part(test_x, test_y)
        shape, test_shape = (by_sizes(part.pixels[0].shape[1:]) for part in (train, test))
        if shape != test_shape:  # though they may have as many pixels
            raise InputError(f"{test_x.place}: has images of {test_shape}, {train_x.place} of {shape}")
        return train, test
    *batches, last = files.values()
    return _cifar_part(batches), _cifar_part([last])


def _idx_part(images: File, labels: File) -> Part:
    pixels, numbers = _idx(images, 3), _idx(labels, 1)
    if len(pixels) != len(numbers):
        raise InputError(
            f"{labels.place}: has {len(numbers)} labels for {len(pixels)} images ({images.place})"
        )
    return Part([pixels], numbers.astype(np.int64))


_KINDS = {None: "bytes", 1: "labels", 3: "images"}


def _idx(file: File, dimensions: int | None = None) -> NDArray[np.uint8]:
    """IDX: two zeros, 8 for unsigned bytes, the number of dimensions, their sizes (big-endian 32 bits), the bytes."""
    data, begins = file.data, "000008" + (f"{dimensions:02x}" if dimensions else "")
    if len(data) < 4 or not data[:4].hex().startswith(begins):
        found = data[:4].hex() or "nothing"
        raise InputError(
            f"{file.place}: begins with {found}, an IDX file of {_KINDS[dimensions]} with {begins}"
        )
    body = 4 + 4 * data[3]
    if len(data) < body:
        raise InputError(f"{file.place}: has {len(data)} bytes of a header of {body}; it is cut short")
    sizes = struct.unpack_from(f">{data[3]}I", data, 4)
    size = body + math.prod(sizes)
    if len(data) != size:
        fault = "cut short" if len(data) < size else "too long"
        raise InputError(
            f"{file.place}: has {len(data)} bytes, its header ({by_sizes(sizes)}) asks for {size}; it is {fault}"
        )
    if dimensions and 0 in sizes:
        raise InputError(f"{file.place}: holds no {_KINDS[dimensions]} ({by_sizes(sizes)})")
    return np.frombuffer(data, np.uint8, offset=body).reshape(sizes)


def _cifar_part(batches: Sequence[File]) -> Part:
    pixels, labels = zip(*map(_cifar, batches), strict=True)
    return Part(list(pixels), np.concatenate(labels).astype(np.int64))


def _cifar(file: File) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    size = 1 + 3 * 32 * 32
    if not file.data or len(file.data) % size:
        raise InputError(
            f"{file.place}: has {len(file.data)} bytes, not a whole number of CIFAR-10 records of {size} bytes "
            "(a label, then 3 planes of 32 x 32); it is cut short or something else"
        )
    records = np.frombuffer(file.data, np.uint8).reshape(-1, size)
    for i in np.flatnonzero(records[:, 0] > 9)[:1]:
        raise InputError(f"{file.place}: record {i} (from 0) has label {records[i, 0]}; labels are 0 to 9")
    return records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), records[:, 0]


def images_of(train: Part, test: Part, classes: Sequence[str], name: str) -> Images:
    """Make images of pixels in bytes."""
    shape = train.pixels[0].shape[1:]
    x, test_x = _scaled(train.pixels), _scaled(test.pixels)
    return Images(x, train.labels, tuple(classes), shape, test_x, test.labels, name)


def _scaled(parts: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Return pixels of 0 to 255 as 0 to 1, (n_images, inputs): the one copy that is made."""
    x = np.empty((sum(map(len, parts)), *parts[0].shape[1:]), np.float32)
    begin = 0
    for pixels in parts:
        np.divide(pixels, 255, out=x[begin : begin + len(pixels)], dtype=np.float32)
        begin += len(pixels)
    return x.reshape(len(x), -1)
