"""Images: what a network learns to name, pictures as rows of numbers from 0 to 1 with a class each.

MNIST, Fashion-MNIST and CIFAR-10 as their authors publish them, known by the sha256 of their contents (mirrors compress
anew, so a hash of the compressed file says little), and scikit-learn's digits, which are always there. `load_images` is
for these and for nothing that only looks like them; `read_images` is for files of your own, a subset say.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from semantic_svd.errors import InputError
from semantic_svd.images.downloads import fill
from semantic_svd.images.files import (
    Part,
    batches_in,
    check_hash,
    file_at,
    file_in,
    files_in,
    images_of,
    parsed,
    read_cifar,
    read_idx,
)
from semantic_svd.images.official import (
    CIFAR_CLASSES,
    CIFAR_FILES,
    FOLDER_VARIABLE,
    IDX_FILES,
    IMAGE_SETS,
    ImageSet,
)
from semantic_svd.images.pictures import Images

__all__ = [
    "IMAGE_SETS",
    "ImageSet",
    "Images",
    "image_folder",
    "load_images",
    "named_images",
    "read_cifar",
    "read_idx",
    "read_images",
]


def load_images(name: str, folder: str | os.PathLike[str] | None = None) -> Images:
    """Load an image set by its name, every byte as its authors published it.

    The files of the set are read from one place: from `folder/name` if a folder is given; else from the folder `name`
    in the one that the environment variable SEMANTIC_SVD_DATA names, if it has one; else from the user's cache, and
    they are downloaded into it if they are not there. They may be plain or compressed by gzip, and those of CIFAR-10
    in their archive, cifar-10-binary.tar.gz.

    Parameters
    ----------
    name : str
        A name of `IMAGE_SETS`. "mnist" and "fashion-mnist": 60,000 + 10,000 images, 28 x 28. "cifar10": 50,000 +
        10,000, 32 x 32 in colour. "digits": scikit-learn's 1,797, 8 x 8, of which the last 297 are to test with (our
        split, there is no official one); they need no folder.
    folder : str or path, optional
        A folder with a folder `name` in it. Nothing else is looked at then, and nothing downloaded.

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
    if not _kept(name, folder):
        fill(place, name, official)
        advice = "delete it, and it is downloaded again"
    files = files_in(place, official)
    train, test = parsed(files)
    for file in files.values():
        check_hash(file, official.files[file.name], name, advice)
    return images_of(train, test, official.classes, name)


def named_images(name: str, folder: str | os.PathLike[str] | None = None) -> Images:
    """Load what a grid or a command calls images: a set by its name, or else a folder of your own files by its path.

    See `load_images` and `read_images`.

    Examples
    --------
    >>> named_images("digits")
    Images('digits', 1500 to train, 297 to test, 8 x 8, 10 classes)
    """
    own = isinstance(name, str) and name and name not in IMAGE_SETS and _at(name).is_dir()
    return read_images(name) if own else load_images(name, folder)


def image_folder(name: str, folder: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder from which `load_images` reads a set.

    It is in the folder given; else in the one that SEMANTIC_SVD_DATA names, if that has it; else in the user's cache,
    which is filled.

    Examples
    --------
    >>> image_folder("mnist", "pictures").as_posix()
    'pictures/mnist'
    """
    import pooch

    return _kept(name, folder) or Path(pooch.os_cache("semantic_svd")) / name


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
        The names of the classes, from label 0 on. If not given: those of batches.meta.txt, a line each, if the folder
        has it; else, of the classes that there are images of, CIFAR-10's names for its layout and the labels for
        MNIST's. So cats and dogs out of CIFAR-10 are two classes.

    Returns
    -------
    Images
        Pixels divided by 255, in the files' order.

    Raises
    ------
    InputError
        If a file is missing or damaged, if numbers of images and labels differ, or shapes of images.

    Examples
    --------
    >>> import tempfile
    >>> cat, dog = (bytes([label] + [255] * 1024 + [0] * 2048) for label in (3, 5))  # red all over
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "data_batch_1.bin").write_bytes(cat + dog + cat)
    ...     _ = Path(folder, "test_batch.bin").write_bytes(dog)
    ...     images = read_images(folder, "pets")
    >>> images, images.classes, images.labels
    (Images('pets', 3 to train, 1 to test, 32 x 32 x 3, 2 classes), ('cat', 'dog'), array([0, 1, 0]))
    """
    place = _at(folder)
    batches = batches_in(place)
    names, other = ((*batches, "test_batch.bin"), None) if batches else (IDX_FILES, CIFAR_FILES[0])
    train, test = parsed({file: file_in(place, file, other) for file in names})
    classes = classes or _classes_named(place, train, test)
    if classes is None:
        there = np.union1d(train.labels, test.labels)
        classes = [CIFAR_CLASSES[label] if batches else str(label) for label in there]
        train, test = (part._replace(labels=np.searchsorted(there, part.labels)) for part in (train, test))
    return images_of(train, test, classes, name or place.resolve().name)


def _classes_named(place: Path, *parts: Part) -> list[str] | None:
    """Return the names of the classes that a folder's batches.meta.txt gives, if there is one."""
    there = [path for name in ("batches.meta.txt", "batches.meta.txt.gz") if (path := place / name).exists()]
    if not there:
        return None
    file = file_at(there[0])
    try:
        # with or without a byte order mark
        text = file.data.decode("utf-8-sig").rstrip()
    except UnicodeDecodeError:
        raise InputError(f"{file.place}: is not text in UTF-8") from None
    classes = [line.strip() for line in text.splitlines()]
    for number, name in enumerate(classes, start=1):
        if not name or not name.isprintable():
            raise InputError(f"{file.place}: line {number}, {name!r}, is no name of a class")
    largest = max(part.labels.max(initial=0) for part in parts)
    if len(classes) <= largest or len(set(classes)) < len(classes):
        raise InputError(f"{file.place}: names a class a line, each once; the labels go from 0 to {largest}")
    return classes


def _digits() -> Images:
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    x = (pixels / 16).astype(np.float32)
    return Images(x[:1500], labels[:1500], tuple("0123456789"), (8, 8), x[1500:], labels[1500:], "digits")


def _kept(name: str, folder: str | os.PathLike[str] | None) -> Path | None:
    """Return the folder of a set that its user keeps: the one given, or else the one named if it is there."""
    if folder:
        return _at(folder) / name
    named = os.environ.get(FOLDER_VARIABLE)
    place = _at(named) / name if named else None
    return place if place and place.is_dir() else None


def _at(folder: str | os.PathLike[str]) -> Path:
    """Return the path of a folder, from the home of its user where it begins with ~ and there is one."""
    try:
        return Path(folder).expanduser()
    except RuntimeError:
        return Path(folder)
