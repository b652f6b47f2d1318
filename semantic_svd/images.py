"""Images: what a network learns to name, pictures as rows of numbers from 0 to 1 with a class each.

MNIST, Fashion-MNIST and CIFAR-10 as their authors publish them, known by the sha256 of their contents (mirrors compress
anew, so a hash of the compressed file says little), and scikit-learn's digits, which are always there. `load_images` is
for these and for nothing that only looks like them; `read_images` is for files of your own, a subset say. Archives are
read, never unpacked: no name that an archive holds becomes the name of a file.
"""

import gzip
import hashlib
import json
import math
import os
import re
import struct
import sys
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from semantic_svd.errors import InputError, whole

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["IMAGE_SETS", "ImageSet", "Images", "load_images", "read_cifar", "read_idx", "read_images"]

FOLDER_VARIABLE = "SEMANTIC_SVD_DATA"
IDX_FILES = (
    *("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    *("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)
CIFAR_FILES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")
CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True)
class ImageSet:
    """Where the official files of an image set are, and how to know them.

    Parameters
    ----------
    url : str
        The folder on the web that holds them.
    files : dict of str to str
        Name of each file and the sha256 of its contents once decompressed; the training set's before the test set's.
    classes : tuple of str
        What label 0, 1, ... stands for.
    archive : str, optional
        The tar archive that holds the files; None if each is there by itself, its name with ".gz" behind it.
    """

    url: str
    files: Mapping[str, str]
    classes: tuple[str, ...]
    archive: str | None = None


def _files(names: Sequence[str], *hashes: str) -> dict[str, str]:
    return dict(zip(names, hashes, strict=True))


IMAGE_SETS: dict[str, ImageSet | None] = {
    "mnist": ImageSet(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        _files(
            IDX_FILES,
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        tuple("0123456789"),
    ),
    "fashion-mnist": ImageSet(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",  # there is no https; the hashes guard it
        _files(
            IDX_FILES,
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
        (
            *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
            *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
        ),
    ),
    "cifar10": ImageSet(
        "https://www.cs.toronto.edu/~kriz/",
        _files(
            CIFAR_FILES,
            "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
            "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
            "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
            "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
            "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
            "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
        ),
        CIFAR_CLASSES,
        archive="cifar-10-binary.tar.gz",
    ),
    "digits": None,
}
"""The image sets by name; None for the digits, which come with scikit-learn."""


@dataclass(frozen=True, eq=False, repr=False)
class Images:
    """Images to learn from and images to test with, and their classes. It cannot be changed.

    Parameters
    ----------
    x : array-like of shape (n_images, inputs)
        Pixels from 0 to 1, an image a row; kept as read-only float32, without a copy where it is float32 already.
    labels : array-like of int of shape (n_images,)
        The class of each image, from 0.
    classes : sequence of str
        The names of the classes.
    shape : tuple of int
        What a row is as a picture, `x[0].reshape(shape)`: (28, 28), or (32, 32, 3) in colour.
    test_x, test_labels : array-like
        The same of the images to test with.
    name : str
        What the set is called in figures and files.

    Raises
    ------
    InputError
        If the sizes do not fit each other, if a pixel is outside 0 to 1, or if a label is no class.

    Examples
    --------
    >>> images = load_images("digits")
    >>> images
    Images('digits', 1500 to train, 297 to test, 8 x 8, 10 classes)
    >>> images.x.shape, images.labels[:3], images.x[0].reshape(images.shape)[1]
    ((1500, 64), array([0, 1, 2]), array([0. , 0. , 0.8125, 0.9375, 0.625 , 0.9375, 0.3125, 0. ], dtype=float32))
    """

    x: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    test_x: NDArray[np.float32]
    test_labels: NDArray[np.int64]
    name: str

    def __post_init__(self):
        for field in ("x", "test_x"):
            object.__setattr__(self, field, _read_only(getattr(self, field), np.float32))
        for field in ("labels", "test_labels"):
            object.__setattr__(self, field, _labels(getattr(self, field), f"{self.name}, {field}"))
        object.__setattr__(self, "classes", tuple(map(str, self.classes)))
        object.__setattr__(self, "shape", tuple(map(int, self.shape)))
        self._check(f"{self.name}, images to train", self.x, self.labels)
        self._check(f"{self.name}, images to test", self.test_x, self.test_labels)

    def _check(self, where: str, x: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
        if labels.ndim != 1 or not labels.size or x.shape != (labels.size, math.prod(self.shape)):
            raise InputError(
                f"{where}: pixels of shape {x.shape} and labels of shape {labels.shape}; a set needs "
                f"(images, {math.prod(self.shape)}) for pictures of {_by(self.shape)}, and one label an image"
            )
        low, high = x.min(), x.max()
        if not (low >= 0 and high <= 1):  # so said, it is false for NaN too
            raise InputError(f"{where}: pixels go from {low:g} to {high:g}; they must lie from 0 to 1")
        for i in np.flatnonzero((labels < 0) | (labels >= len(self.classes)))[:1]:
            raise InputError(
                f"{where}: image {i} (from 0) has label {labels[i]}; "
                f"the {len(self.classes)} classes are 0 to {len(self.classes) - 1}"
            )

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        sizes = f"{len(self)} to train, {len(self.test_x)} to test, {_by(self.shape)}"
        return f"Images({self.name!r}, {sizes}, {len(self.classes)} classes)"

    def __reduce__(self):  # a pickled array forgets that it is read-only, so copies are built anew
        return Images, tuple(getattr(self, field.name) for field in fields(self))

    @property
    def targets(self) -> "xr.DataArray":
        """What a network should answer to each image, float32: 1 for its class, 0 for the others.

        Dimensions ("item", "class"), with the names of the classes, so that a run names its output units.

        Examples
        --------
        >>> load_images("digits").targets.sel({"class": "3"})[:5].values
        array([0., 0., 0., 1., 0.], dtype=float32)
        """
        return _one_hot(self.labels, self.classes)

    @property
    def test_targets(self) -> "xr.DataArray":
        """The targets of the images to test with.

        Examples
        --------
        >>> dict(load_images("digits").test_targets.sizes)
        {'item': 297, 'class': 10}
        """
        return _one_hot(self.test_labels, self.classes)

    @cached_property
    def means(self) -> "xr.DataArray":
        """The mean image of each class, float32, of dimensions ("class", "pixel").

        Examples
        --------
        >>> round(float(load_images("digits").means.sel({"class": "3"}).max()), 3)
        0.912
        """
        import xarray as xr

        targets = self.targets.values
        means = (targets.T @ self.x) / targets.sum(axis=0)[:, None]
        return xr.DataArray(means, {"class": list(self.classes)}, ("class", "pixel"))

    @cached_property
    def hash(self) -> str:
        """The sha256 of pixels, labels and classes, in hex: equal on every machine, whatever the set is called.

        Examples
        --------
        >>> load_images("digits").hash[:12]
        '93896721dc7b'
        """
        digest = hashlib.sha256(json.dumps([self.classes, self.shape, len(self)]).encode())
        for x, labels in ((self.x, self.labels), (self.test_x, self.test_labels)):
            digest.update(np.ascontiguousarray(x, "<f4").data)
            digest.update(np.ascontiguousarray(labels, "<i8").data)
        return digest.hexdigest()

    def folds(self, n: int) -> list["Images"]:
        """Split all images anew, n times, for cross-validation: each image is once among those to test with.

        Every fold has the classes in the same shares; who is in which is drawn at random, the same each time.

        Raises
        ------
        InputError
            If n is not a whole number from 2 to the images of the smallest class.

        Examples
        --------
        >>> load_images("digits").folds(3)[0]
        Images('digits, fold 1 of 3', 1198 to train, 599 to test, 8 x 8, 10 classes)
        """
        from sklearn.model_selection import StratifiedKFold

        x, labels = np.concatenate([self.x, self.test_x]), np.concatenate([self.labels, self.test_labels])
        fewest = int(np.bincount(labels, minlength=len(self.classes)).min())
        n = whole(f"{self.name}: n (folds)", n, 2, fewest)
        parts = StratifiedKFold(n, shuffle=True, random_state=0).split(x, labels)
        names = [f"{self.name}, fold {i + 1} of {n}" for i in range(n)]
        return [
            Images(x[train], labels[train], self.classes, self.shape, x[test], labels[test], name)
            for name, (train, test) in zip(names, parts, strict=True)
        ]

    def first(self, n: int, n_test: int | None = None) -> "Images":
        """Take the first images only, without a copy; all images to test with if their number is not given.

        Raises
        ------
        InputError
            If there are fewer images than that, or if a number is not a whole one from 1.

        Examples
        --------
        >>> load_images("digits").first(500, 100)
        Images('digits (first 500 + 100)', 500 to train, 100 to test, 8 x 8, 10 classes)
        """
        n_test = len(self.test_x) if n_test is None else n_test
        n = whole(f"{self.name}: n", n, 1, len(self))
        n_test = whole(f"{self.name}: n_test", n_test, 1, len(self.test_x))
        train, test = (self.x[:n], self.labels[:n]), (self.test_x[:n_test], self.test_labels[:n_test])
        return Images(*train, self.classes, self.shape, *test, f"{self.name} (first {n} + {n_test})")


def load_images(name: str, folder: str | os.PathLike[str] | None = None) -> Images:
    """Load an image set by its name, every byte as its authors published it.

    The files of the set are looked for in one place: in `folder/name` if a folder is given, or named by the
    environment variable SEMANTIC_SVD_DATA; else in the user's cache, and they are downloaded into it if they are not
    there. They may be plain or compressed by gzip, and those of CIFAR-10 in their archive, cifar-10-binary.tar.gz.

    Parameters
    ----------
    name : str
        A name of `IMAGE_SETS`. "mnist" and "fashion-mnist": 60,000 + 10,000 images, 28 x 28. "cifar10": 50,000 +
        10,000, 32 x 32 in colour. "digits": scikit-learn's 1,797, 8 x 8, of which the last 297 are to test with (our
        split, there is no official one); they need no folder.
    folder : str or path, optional
        A folder with a folder `name` in it. Nothing is downloaded then.

    Returns
    -------
    Images
        Pixels divided by their largest value (255; 16 for the digits), in the files' order.

    Raises
    ------
    InputError
        If there is no such set, or if a file is missing, damaged, not the official one, or cannot be downloaded.

    References
    ----------
    LeCun, Bottou, Bengio & Haffner 1998, Gradient-based learning applied to document recognition, doi
    10.1109/5.726791. Xiao, Rasul & Vollgraf 2017, Fashion-MNIST, arXiv 1708.07747. Krizhevsky 2009, Learning multiple
    layers of features from tiny images, technical report, University of Toronto. Alpaydin & Kaynak 1998, Optical
    recognition of handwritten digits, doi 10.24432/C50P49.

    Examples
    --------
    >>> load_images("digits")
    Images('digits', 1500 to train, 297 to test, 8 x 8, 10 classes)
    """
    if not isinstance(name, str) or name not in IMAGE_SETS:
        raise InputError(
            f"no image set is called {name!r}; the image sets are {', '.join(IMAGE_SETS)} "
            "(a folder of your own files is named by its path)"
        )
    official = IMAGE_SETS[name]
    if official is None:
        return _digits()
    place, advice = image_folder(name, folder), "read_images reads files of your own"
    if not _given(folder):
        _fill(place, name, official)
        advice = "delete it, and it is downloaded again"
    files = _files_in(place, official)
    train, test = _parsed(files)
    for file in files.values():
        _check_hash(file, official.files[file.name], name, advice)
    return _images(train, test, official.classes, name)


def named_images(name: str, folder: str | os.PathLike[str] | None = None) -> Images:
    """Load what a grid or a command calls images: a set by its name, or else a folder of your own files by its path.

    See `load_images` and `read_images`.

    Examples
    --------
    >>> named_images("digits")
    Images('digits', 1500 to train, 297 to test, 8 x 8, 10 classes)
    """
    return read_images(name) if name not in IMAGE_SETS and Path(name).is_dir() else load_images(name, folder)


def image_folder(name: str, folder: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder in which `load_images` looks for a set.

    It is in the folder given, else in the one that SEMANTIC_SVD_DATA names, else in the user's cache, which is filled.

    Examples
    --------
    >>> image_folder("mnist", "pictures").as_posix()
    'pictures/mnist'
    """
    import pooch

    return Path(_given(folder) or pooch.os_cache("semantic_svd")).expanduser() / name


def read_images(
    folder: str | os.PathLike[str], name: str | None = None, classes: Sequence[str] | None = None
) -> Images:
    """Read image files of your own: any number of images, in either official layout, whatever their hash.

    Parameters
    ----------
    folder : str or path
        Holds MNIST's four files (train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte,
        t10k-labels-idx1-ubyte; plain or with .gz), or CIFAR-10's: data_batch_1.bin and so on, and test_batch.bin.
    name : str, optional
        The name of the set; the folder's if not given.
    classes : sequence of str, optional
        The names of the classes. If not given: those of batches.meta.txt, a line each, if the folder has it; else
        CIFAR-10's for its layout, and "0", "1", ... to the largest label for MNIST's.

    Returns
    -------
    Images
        Pixels divided by 255, in the files' order.

    Raises
    ------
    InputError
        If a file is missing or damaged, or if numbers of images and labels differ.

    Examples
    --------
    >>> import tempfile
    >>> batch = bytes([6] + [255] * 1024 + [0] * 2048)  # a frog: red all over
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "data_batch_1.bin").write_bytes(batch * 3)
    ...     _ = Path(folder, "test_batch.bin").write_bytes(batch)
    ...     read_images(folder, "frogs")
    Images('frogs', 3 to train, 1 to test, 32 x 32 x 3, 10 classes)
    """
    place = Path(folder).expanduser()
    batches = _batches_in(place)
    names = (*batches, "test_batch.bin") if batches else IDX_FILES
    train, test = _parsed({file: _file_in(place, file) for file in names})
    if classes is None:
        largest = max(train.labels.max(initial=0), test.labels.max(initial=0))
        classes = CIFAR_CLASSES if batches else tuple(map(str, range(largest + 1)))
        if (names_of := place / "batches.meta.txt").is_file():
            classes = [
                line.strip() for line in names_of.read_text("utf-8", "replace").splitlines() if line.strip()
            ]
    return _images(train, test, classes, name or place.resolve().name)


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
    return _idx(_file(Path(path)))


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
    return _cifar(_file(Path(path)))


# Files: the contents of each, decompressed, with the place it came from for the error message


class _File(NamedTuple):
    name: str
    place: str
    data: bytes


def _file(path: Path, place: str = "") -> _File:
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
    return _File(path.name.removesuffix(".gz"), place, data)


def _files_in(place: Path, official: ImageSet) -> dict[str, _File]:
    """Read the files of a set, each by itself or out of the archive that holds them all."""
    if official.archive and (place / official.archive).is_file():
        return _members(place / official.archive, official.files)
    return {name: _file_in(place, name, official.archive) for name in official.files}


def _file_in(place: Path, name: str, archive: str | None = None) -> _File:
    for path in (place / name, place / f"{name}.gz"):
        if path.is_file():
            return _file(path)
    wanted = ", ".join(filter(None, (name, f"{name}.gz", archive)))
    there = ", ".join(_names_in(place)[:8]) or "nothing"
    raise InputError(f"{place}: none of {wanted} is there; the folder holds {there}")


def _names_in(place: Path) -> list[str]:
    try:
        return sorted(path.name for path in place.iterdir())
    except OSError as error:
        raise InputError(f"{place}: the folder cannot be read: {error.strerror}") from None


def _members(path: Path, names: Mapping[str, str], place: str = "") -> dict[str, _File]:
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
                    found[inside.name] = _File(inside.name, f"{place}, {member.name}", data)
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        fault = getattr(error, "strerror", None) or "it is damaged or cut short"
        raise InputError(f"{place}: cannot be read as a tar archive: {fault}") from None
    for name in names:
        if name not in found:
            raise InputError(f"{place}: there is no file {name} in the archive")
    return {name: found[name] for name in names}


def _check_hash(file: _File, wanted: str, name: str, advice: str) -> None:
    found = hashlib.sha256(file.data).hexdigest()
    if found != wanted:
        raise InputError(
            f"{file.place}: is not the official file of {name}: the sha256 of its contents begins with "
            f"{found[:12]}, not {wanted[:12]}{advice and '; '}{advice}"
        )


def _batches_in(place: Path) -> list[str]:
    """Return the names of the training batches of a folder, in the order of their numbers."""
    found = [re.fullmatch(r"(data_batch_(\d+)\.bin)(\.gz)?", name) for name in _names_in(place)]
    numbers = {int(match[2]): match[1] for match in found if match}
    return [numbers[number] for number in sorted(numbers)]


# From bytes to numbers


class _Part(NamedTuple):
    """The images to train, or those to test: pixels by file, uint8 (n_images, *shape), and all labels."""

    pixels: list[NDArray[np.uint8]]
    labels: NDArray[np.int64]


def _parsed(files: dict[str, _File]) -> tuple[_Part, _Part]:
    if "test_batch.bin" not in files:
        train_x, train_y, test_x, test_y = files.values()
        return _idx_part(train_x, train_y), _idx_part(test_x, test_y)
    *train, test = files.values()
    return _cifar_part(train), _cifar_part([test])


def _idx_part(images: _File, labels: _File) -> _Part:
    pixels, numbers = _idx(images, 3), _idx(labels, 1)
    if len(pixels) != len(numbers):
        raise InputError(
            f"{labels.place}: has {len(numbers)} labels for {len(pixels)} images ({images.place})"
        )
    return _Part([pixels], numbers.astype(np.int64))


_KINDS = {None: "bytes", 1: "labels", 3: "images"}


def _idx(file: _File, dimensions: int | None = None) -> NDArray[np.uint8]:
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
    whole = body + math.prod(sizes)
    if len(data) != whole:
        fault = "cut short" if len(data) < whole else "too long"
        raise InputError(
            f"{file.place}: has {len(data)} bytes, its header ({_by(sizes)}) asks for {whole}; it is {fault}"
        )
    return np.frombuffer(data, np.uint8, offset=body).reshape(sizes)


def _cifar_part(batches: Sequence[_File]) -> _Part:
    pixels, labels = zip(*map(_cifar, batches), strict=True)
    return _Part(list(pixels), np.concatenate(labels).astype(np.int64))


def _cifar(file: _File) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
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


def _images(train: _Part, test: _Part, classes: Sequence[str], name: str) -> Images:
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


def _digits() -> Images:
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    x = (pixels / 16).astype(np.float32)
    return Images(x[:1500], labels[:1500], tuple("0123456789"), (8, 8), x[1500:], labels[1500:], "digits")


# The cache, and the download that fills it


def _given(folder: str | os.PathLike[str] | None) -> str | os.PathLike[str] | None:
    return folder or os.environ.get(FOLDER_VARIABLE)


def _fill(place: Path, name: str, official: ImageSet) -> None:
    """Download a set into a folder, unless it is there."""
    if not all((place / file).exists() for file in official.files):
        try:
            _download(name, official, place)
        except OSError as error:
            raise InputError(f"{place}: cannot be written: {error.strerror}") from None


def _download(name: str, official: ImageSet, place: Path) -> None:
    """Put the official files into a folder. Each is checked first and appears whole, under its name, or not at all."""
    place.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".download-", dir=place) as scratch:
        for remote in [official.archive] if official.archive else [f"{file}.gz" for file in official.files]:
            url, local = official.url + remote, Path(scratch, remote)
            _fetch(url, local, f"put the files into FOLDER/{name} and let {FOLDER_VARIABLE} name FOLDER")
            files = _members(local, official.files, url).values() if official.archive else [_file(local, url)]
            for file in files:
                _check_hash(file, official.files[file.name], name, "")
                Path(scratch, file.name).write_bytes(file.data)
        for file_name in official.files:
            Path(scratch, file_name).replace(place / file_name)


_REASONS = {  # what the downloader raises, by name, in words
    "ChunkedEncodingError": "the answer broke off",
    "ConnectionError": "no connection",
    "ConnectTimeout": "no answer",
    "ReadTimeout": "no answer",
}


def _fetch(url: str, path: Path, advice: str) -> None:
    import pooch

    try:
        with _bar(url) as bar:
            pooch.HTTPDownloader(progressbar=bar, chunk_size=2**16)(url, path, None)
    except OSError as error:  # what requests raises is an OSError too
        response = getattr(error, "response", None)
        reason = error.strerror or _REASONS.get(type(error).__name__, type(error).__name__)
        if response is not None:
            reason = f"the server answers {response.status_code} {response.reason}"
        raise InputError(f"{url}: cannot be downloaded: {reason}; {advice}") from None


class _Bar:
    """A bar of rich's as pooch's downloader moves it: by what tqdm calls these things."""

    def __init__(self, progress: Any, what: str):
        self.total = 0  # bytes; the downloader sets it
        self._progress = progress
        self._task = progress.add_task(what, total=None)

    def update(self, n: int) -> None:
        self._progress.update(self._task, advance=n, total=self.total or None)

    def reset(self) -> None:
        self._progress.reset(self._task)

    def close(self) -> None:
        self._progress.stop_task(self._task)


@contextmanager
def _bar(what: str) -> Iterator[_Bar | bool]:
    """Show a progress bar where there is a terminal; False stands for none."""
    if not sys.stderr.isatty():
        yield False
        return
    from rich import progress
    from rich.console import Console

    text = progress.TextColumn("{task.description}")
    columns = (text, progress.BarColumn(), progress.DownloadColumn(), progress.TimeRemainingColumn())
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        yield _Bar(shown, what)


# Small helpers


def _one_hot(labels: NDArray[np.int64], classes: tuple[str, ...]) -> "xr.DataArray":
    import xarray as xr

    values = np.zeros((len(labels), len(classes)), np.float32)
    values[np.arange(len(labels)), labels] = 1
    return xr.DataArray(values, {"class": list(classes)}, dims=("item", "class"))


def _labels(values: ArrayLike, where: str) -> NDArray[np.int64]:
    if np.asarray(values).dtype.kind not in "iu":
        raise InputError(f"{where}: labels are whole numbers, not {np.asarray(values).dtype}")
    return _read_only(values, np.int64)


def _read_only(values: ArrayLike, dtype: Any) -> NDArray[Any]:
    array = np.asarray(values, dtype=dtype).view()
    array.setflags(write=False)
    return array


def _by(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
