"""Images: pictures as rows of numbers from 0 to 1, each with its class, to train and to test with."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from semantic_svd.errors import InputError, whole

if TYPE_CHECKING:
    import xarray as xr


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
    >>> from semantic_svd import load_images
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
                f"(images, {math.prod(self.shape)}) for pictures of {by_sizes(self.shape)}, and one label an image"
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
        sizes = f"{len(self)} to train, {len(self.test_x)} to test, {by_sizes(self.shape)}"
        return f"Images({self.name!r}, {sizes}, {len(self.classes)} classes)"

    def __reduce__(self):  # a pickled array forgets that it is read-only, so copies are built anew
        return Images, tuple(getattr(self, field.name) for field in fields(self))

    @property
    def targets(self) -> "xr.DataArray":
        """What a network should answer to each image, float32: 1 for its class, 0 for the others.

        Dimensions ("item", "class"), with the names of the classes, so that a run names its output units.

        Examples
        --------
        >>> from semantic_svd import load_images
        >>> load_images("digits").targets.sel({"class": "3"})[:5].values
        array([0., 0., 0., 1., 0.], dtype=float32)
        """
        return _one_hot(self.labels, self.classes)

    @property
    def test_targets(self) -> "xr.DataArray":
        """The targets of the images to test with.

        Examples
        --------
        >>> from semantic_svd import load_images
        >>> dict(load_images("digits").test_targets.sizes)
        {'item': 297, 'class': 10}
        """
        return _one_hot(self.test_labels, self.classes)

    @cached_property
    def means(self) -> "xr.DataArray":
        """The mean image of each class, float32, of dimensions ("class", "pixel").

        Raises
        ------
        InputError
            If there is a class without an image to train with.

        Examples
        --------
        >>> from semantic_svd import load_images
        >>> round(float(load_images("digits").means.sel({"class": "3"}).max()), 3)
        0.912
        """
        import xarray as xr

        counts = np.bincount(self.labels, minlength=len(self.classes))
        for k in np.flatnonzero(counts == 0)[:1]:
            raise InputError(
                f"{self.name}: there is no image of class {self.classes[k]!r} to train with, so it has no mean"
            )
        means = (self.targets.values.T @ self.x) / counts[:, None].astype(np.float32)
        return xr.DataArray(means, {"class": list(self.classes)}, ("class", "pixel"))

    @cached_property
    def hash(self) -> str:
        """The sha256 of pixels, labels and classes, in hex: equal on every machine, whatever the set is called.

        Examples
        --------
        >>> from semantic_svd import load_images
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
        >>> from semantic_svd import load_images
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
        >>> from semantic_svd import load_images
        >>> load_images("digits").first(500, 100)
        Images('digits (first 500 + 100)', 500 to train, 100 to test, 8 x 8, 10 classes)
        """
        n_test = len(self.test_x) if n_test is None else n_test
        n = whole(f"{self.name}: n", n, 1, len(self))
        n_test = whole(f"{self.name}: n_test", n_test, 1, len(self.test_x))
        train, test = (self.x[:n], self.labels[:n]), (self.test_x[:n_test], self.test_labels[:n_test])
        return Images(*train, self.classes, self.shape, *test, f"{self.name} (first {n} + {n_test})")


def _one_hot(labels: NDArray[np.int64], classes: tuple[str, ...]) -> "xr.DataArray":
    import xarray as xr

    values = np.eye(len(classes), dtype=np.float32)[labels]
    return xr.DataArray(values, {"class": list(classes)}, dims=("item", "class"))


def _labels(values: ArrayLike, where: str) -> NDArray[np.int64]:
    if np.asarray(values).dtype.kind not in "iu":
        raise InputError(f"{where}: labels are whole numbers, not {np.asarray(values).dtype}")
    return _read_only(values, np.int64)


def _read_only(values: ArrayLike, dtype: Any) -> NDArray[Any]:
    array = np.asarray(values, dtype=dtype).view()
    array.setflags(write=False)
    return array


def by_sizes(shape: Sequence[int]) -> str:
    """Write sizes as "28 x 28"."""
    return " x ".join(map(str, shape))
