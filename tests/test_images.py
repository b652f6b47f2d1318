"""Claims about images: the sets, the readers of both layouts, the places of files, the download, and every refusal.

Tests of the real files run where SEMANTIC_SVD_DATA names a folder that has them; all others make tiny files.
"""

import gzip
import hashlib
import io
import os
import pickle
import struct
import tarfile
import threading
import tracemalloc
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from refusals import refused

from semantic_svd.images import (
    IMAGE_SETS,
    Images,
    downloads,
    image_folder,
    load_images,
    named_images,
    read_cifar,
    read_idx,
    read_images,
)
from semantic_svd.lessons import image_lesson
from semantic_svd.network import Network
from semantic_svd.rules import RULES
from semantic_svd.training import train

REAL = os.environ.get("SEMANTIC_SVD_DATA")


# Tiny files in the official layouts


def idx(values):
    """Write an array as IDX, by the letter of the format."""
    values = np.asarray(values, np.uint8)
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


def batch(pictures, labels):
    """Write pictures (n, 32, 32, 3) as CIFAR-10's records, value by value."""
    records = (
        bytes([label, *(int(picture[r, c, p]) for p in range(3) for r in range(32) for c in range(32))])
        for picture, label in zip(pictures, labels, strict=True)
    )
    return b"".join(records)


rng = np.random.default_rng(0)
DIGITS = rng.integers(0, 256, (7, 4, 3), dtype=np.uint8)  # images of 4 rows and 3 columns
DIGIT_LABELS = np.array([3, 1, 4, 1, 5, 9, 2])
PHOTOS = rng.integers(0, 256, (7, 32, 32, 3), dtype=np.uint8)
MNIST = {
    "train-images-idx3-ubyte": idx(DIGITS[:5]),
    "train-labels-idx1-ubyte": idx(DIGIT_LABELS[:5]),
    "t10k-images-idx3-ubyte": idx(DIGITS[5:]),
    "t10k-labels-idx1-ubyte": idx(DIGIT_LABELS[5:]),
}
CIFAR = {f"data_batch_{k + 1}.bin": batch(PHOTOS[k : k + 1], DIGIT_LABELS[k : k + 1]) for k in range(5)}
CIFAR["test_batch.bin"] = batch(PHOTOS[5:], DIGIT_LABELS[5:])


def tar(members, mode="w:gz"):
    """Write a tar archive of contents by path."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for path, data in members.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


ARCHIVE = tar({f"cifar-10-batches-bin/{name}": data for name, data in reversed(CIFAR.items())})


def write(folder, contents):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture(autouse=True)
def no_other_place(monkeypatch, tmp_path):
    """Tests see neither the user's cache nor the folder that the real files are in."""
    monkeypatch.delenv("SEMANTIC_SVD_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)


@pytest.fixture
def official(monkeypatch):
    """Let the tiny files be the official ones, to be had from a place on the web."""

    def make(url="http://127.0.0.1:9/"):
        for name, contents in (("mnist", MNIST), ("cifar10", CIFAR)):
            hashes = {file: hashlib.sha256(data).hexdigest() for file, data in contents.items()}
            monkeypatch.setitem(IMAGE_SETS, name, replace(IMAGE_SETS[name], url=url, files=hashes))

    make()
    return make


def is_the_tiny_mnist(loaded):
    np.testing.assert_array_equal(loaded.x, DIGITS[:5].reshape(5, 12).astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(
        loaded.test_x, DIGITS[5:].reshape(2, 12).astype(np.float32) / np.float32(255)
    )
    assert loaded.labels.tolist() == [3, 1, 4, 1, 5]
    assert loaded.test_labels.tolist() == [9, 2]
    return True


def is_the_tiny_cifar(loaded):
    pictures = np.concatenate([loaded.x, loaded.test_x]).reshape(7, 32, 32, 3)
    np.testing.assert_array_equal(np.round(pictures * 255), PHOTOS)
    assert [*loaded.labels, *loaded.test_labels] == DIGIT_LABELS.tolist()
    return True


# Images


def small(**changed):
    parts = {
        "x": np.array([[0, 0.5], [1, 0]], np.float32),
        "labels": np.array([1, 0]),
        "classes": ("cat", "dog"),
        "shape": (1, 2),
        "test_x": np.array([[0.25, 0.75]], np.float32),
        "test_labels": np.array([1]),
        "name": "pets",
    }
    return Images(**parts | changed)


def test_targets_are_one_hot_and_carry_the_names_of_the_classes():
    targets = small().targets
    assert targets.dims == ("item", "class")
    assert targets["class"].values.tolist() == ["cat", "dog"]
    np.testing.assert_array_equal(targets.values, np.array([[0, 1], [1, 0]], np.float32), strict=True)
    assert small().test_targets.values.tolist() == [[0, 1]]


def test_images_cannot_be_changed_even_after_a_pickle():
    for made in (small(), pickle.loads(pickle.dumps(small())), small().first(1)):
        for array in (made.x, made.labels, made.test_x, made.test_labels):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0


def test_float32_pixels_are_kept_without_a_copy_and_the_first_of_them_too():
    x = np.zeros((2, 2), np.float32)
    assert np.shares_memory(small(x=x).x, x)
    assert np.shares_memory(small(x=x).first(1).x, x)


def test_every_image_is_tested_with_in_one_fold_and_trained_with_in_the_others():
    whole = load_images("digits")
    every = np.concatenate([whole.x, whole.test_x])
    labels = np.concatenate([whole.labels, whole.test_labels])
    folds = whole.folds(3)
    tested = np.concatenate([fold.test_x for fold in folds])
    np.testing.assert_array_equal(tested[np.lexsort(tested.T)], every[np.lexsort(every.T)])
    for fold in folds:
        both = np.concatenate([fold.x, fold.test_x])
        np.testing.assert_array_equal(both[np.lexsort(both.T)], every[np.lexsort(every.T)])
        shares = np.bincount(fold.test_labels) / len(fold.test_labels)
        np.testing.assert_allclose(shares, np.bincount(labels) / len(labels), atol=2 / len(fold.test_x))
        at = {image.tobytes(): label for image, label in zip(every, labels, strict=True)}
        assert all(at[image.tobytes()] == k for image, k in zip(fold.test_x, fold.test_labels, strict=True))


@pytest.mark.parametrize("n", [1, 0, 175, 2.0])
def test_folds_that_cannot_be_are_refused(n):
    message = f"digits: n (folds) is a whole number from 2 to 174, not {n!r}"
    assert refused(load_images("digits").folds, n) == message


def test_the_first_images_are_the_first():
    few = load_images("digits").first(20, 10)
    whole = load_images("digits")
    assert len(few) == 20
    np.testing.assert_array_equal(few.x, whole.x[:20])
    np.testing.assert_array_equal(few.labels, whole.labels[:20])
    np.testing.assert_array_equal(few.test_x, whole.test_x[:10])
    np.testing.assert_array_equal(few.test_labels, whole.test_labels[:10])
    assert (
        repr(whole.first(9)) == "Images('digits (first 9 + 297)', 9 to train, 297 to test, 8 x 8, 10 classes)"
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"labels": [1]},
            "pets, images to train: pixels of shape (2, 2) and labels of shape (1,); a set needs (images, 2) for "
            "pictures of 1 x 2, and one label an image",
        ),
        (
            {"shape": (2, 2)},
            "pets, images to train: pixels of shape (2, 2) and labels of shape (2,); a set needs (images, 4) for "
            "pictures of 2 x 2, and one label an image",
        ),
        (
            {"test_x": np.zeros((0, 2)), "test_labels": np.zeros(0, int)},
            "pets, images to test: pixels of shape (0, 2) and labels of shape (0,); a set needs (images, 2) for "
            "pictures of 1 x 2, and one label an image",
        ),
        (
            {"x": [[0, 255], [1, 2]]},
            "pets, images to train: pixels go from 0 to 255; they must lie from 0 to 1",
        ),
        (
            {"test_x": [[0, np.nan]]},
            "pets, images to test: pixels go from nan to nan; they must lie from 0 to 1",
        ),
        (
            {"test_labels": [2]},
            "pets, images to test: image 0 (from 0) has label 2; the 2 classes are 0 to 1",
        ),
        (
            {"labels": [0, -1]},
            "pets, images to train: image 1 (from 0) has label -1; the 2 classes are 0 to 1",
        ),
        ({"labels": [0.0, 1.0]}, "pets, labels: labels are whole numbers, not float64"),
    ],
)
def test_images_that_do_not_fit_are_refused(changed, message):
    assert refused(small, **changed) == message


@pytest.mark.parametrize("n", [0, 3, 1.0])
def test_more_images_than_there_are_cannot_be_taken(n):
    assert refused(small().first, n) == f"pets: n is a whole number from 1 to 2, not {n!r}"
    assert refused(small().first, 1, 2) == "pets: n_test is a whole number from 1 to 1, not 2"


# The digits


def test_the_digits_are_scikit_learns_with_the_last_297_to_test():
    from sklearn.datasets import load_digits

    theirs, ours = load_digits(), load_images("digits")
    np.testing.assert_array_equal(np.vstack([ours.x, ours.test_x]) * 16, theirs.data)
    np.testing.assert_array_equal(np.hstack([ours.labels, ours.test_labels]), theirs.target)
    assert (len(ours.x), len(ours.test_x), ours.shape) == (1500, 297, (8, 8))
    assert ours.classes == tuple(map(str, theirs.target_names))
    assert set(ours.labels) == set(ours.test_labels) == set(range(10))


def test_a_network_learns_the_digits_and_its_outputs_are_named_by_class():
    digits = load_images("digits")
    run = train(
        "backprop",
        Network((64, 32, 10), output="softmax"),
        digits.x,
        digits.targets,
        epochs=20,
        batch_size=20,
        every=20,
        record=("weights", "class_means"),
        test=(digits.test_x, digits.test_targets),
        dtype="float32",
    )
    assert run.data.accuracy.values[0, -1] > 0.85
    assert run.data["unit_2"].values.tolist() == list("0123456789")


def test_an_unknown_set_is_refused_with_the_names_of_all():
    assert refused(load_images, "mnst") == (
        "no image set is called 'mnst'; the image sets are mnist, fashion-mnist, cifar10, digits "
        "(a folder of your own files is named by its path)"
    )


# The readers


@pytest.mark.parametrize("shape", [(), (5,), (5, 4, 3), (2, 3, 2, 2)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
def test_idx_of_any_dimensions_is_read_as_it_was_written(tmp_path, shape, pack):
    values = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    (tmp_path / "file").write_bytes(pack(idx(values)))
    np.testing.assert_array_equal(read_idx(tmp_path / "file"), values, strict=True)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
def test_a_cifar_batch_of_any_size_is_rows_columns_and_colours(tmp_path, pack):
    (tmp_path / "file").write_bytes(pack(batch(PHOTOS, DIGIT_LABELS)))
    pixels, labels = read_cifar(tmp_path / "file")
    np.testing.assert_array_equal(pixels, PHOTOS, strict=True)
    assert labels.tolist() == DIGIT_LABELS.tolist()


IMAGE = idx(DIGITS[:2])  # a header of 16 bytes, 24 pixels


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "begins with nothing, an IDX file of bytes with 000008"),
        (b"\0\0\x08", "begins with 000008, an IDX file of bytes with 000008"),
        (b"<html>404</html>", "begins with 3c68746d, an IDX file of bytes with 000008"),
        (b"\0\0\x0d\x01" + bytes(8), "begins with 00000d01, an IDX file of bytes with 000008"),
        (IMAGE[:10], "has 10 bytes of a header of 16; it is cut short"),
        (IMAGE[:-1], "has 39 bytes, its header (2 x 4 x 3) asks for 40; it is cut short"),
        (IMAGE + b"1", "has 41 bytes, its header (2 x 4 x 3) asks for 40; it is too long"),
        (gzip.compress(IMAGE)[:-9], "cannot be read as a gzip file: it is damaged or cut short"),
        (b"\x1f\x8bnonsense", "cannot be read as a gzip file: it is damaged or cut short"),
    ],
    ids=["empty", "magic cut", "page", "doubles", "header cut", "cut", "long", "gzip cut", "gzip damaged"],
)
def test_a_file_that_is_no_whole_idx_is_refused(tmp_path, data, fault):
    (tmp_path / "file").write_bytes(data)
    assert refused(read_idx, tmp_path / "file") == f"{tmp_path}/file: {fault}"


def test_a_batch_that_is_no_whole_number_of_records_is_refused(tmp_path):
    file = tmp_path / "file"
    for data in (b"", CIFAR["test_batch.bin"][:-1]):
        file.write_bytes(data)
        assert refused(read_cifar, file) == (
            f"{file}: has {len(data)} bytes, not a whole number of CIFAR-10 records of 3073 bytes "
            "(a label, then 3 planes of 32 x 32); it is cut short or something else"
        )
    file.write_bytes(CIFAR["test_batch.bin"] + b"\x0a" + bytes(3072))
    assert refused(read_cifar, file) == f"{file}: record 2 (from 0) has label 10; labels are 0 to 9"


def test_a_file_that_is_not_there_or_is_a_folder_is_refused(tmp_path):
    assert (
        refused(read_idx, tmp_path / "none") == f"{tmp_path}/none: cannot be read: No such file or directory"
    )
    assert refused(read_cifar, tmp_path) == f"{tmp_path}: cannot be read: Is a directory"


# A folder of one's own


def test_own_files_are_read_whatever_their_hash_and_named_by_their_folder(tmp_path):
    write(tmp_path / "few", MNIST)
    own = read_images(tmp_path / "few")
    assert (own.name, own.shape, own.classes) == ("few", (4, 3), tuple("123459"))
    assert [own.classes[k] for k in own.labels] == list("31415")
    named = read_images(tmp_path / "few", "mine", "abcdefghij")
    assert is_the_tiny_mnist(named)
    assert (named.name, named.classes) == ("mine", tuple("abcdefghij"))
    (tmp_path / "few" / "batches.meta.txt").write_text("\n".join(f"kind {c}" for c in "abcdefghij") + "\n\n")
    assert read_images(tmp_path / "few").classes == tuple(f"kind {c}" for c in "abcdefghij")
    for text in ("", "a\nb\n", "a\n" * 10):
        (tmp_path / "few" / "batches.meta.txt").write_text(text)
        said = f"{tmp_path}/few/batches.meta.txt: names a class a line, each once; the labels go from 0 to 9"
        assert refused(read_images, tmp_path / "few") == said


def test_the_names_of_the_classes_are_text_in_utf_8_plain_or_compressed_with_a_mark_or_without(tmp_path):
    write(tmp_path, MNIST)
    names = tuple(["café", "b", "c", "d", "e", "f", "g", "h", "i", "j"])
    for text in ("\n".join(names), "\ufeff" + "\r\n".join(names)):
        (tmp_path / "batches.meta.txt").unlink(missing_ok=True)
        (tmp_path / "batches.meta.txt.gz").write_bytes(gzip.compress(text.encode()))
        assert read_images(tmp_path).classes == names
        (tmp_path / "batches.meta.txt").write_bytes(text.encode())
        assert read_images(tmp_path).classes == names


def test_names_of_classes_that_are_no_text_are_refused(tmp_path):
    file = write(tmp_path, MNIST) / "batches.meta.txt"
    for data, fault in (
        ("café\nb".encode("latin-1"), "is not text in UTF-8"),
        (b"a\x1b[31m\nb", "line 1, 'a\\x1b[31m', is no name of a class"),
        (b"a\n\nb\n", "line 2, '', is no name of a class"),
    ):
        file.write_bytes(data)
        assert refused(read_images, tmp_path) == f"{file}: {fault}"
    file.unlink()
    file.mkdir()
    assert refused(read_images, tmp_path) == f"{file}: cannot be read: Is a directory"


def test_of_own_files_the_classes_are_those_that_there_are_images_of(tmp_path):
    files = {"data_batch_1.bin": batch(PHOTOS[:3], [5, 3, 5]), "test_batch.bin": batch(PHOTOS[5:6], [3])}
    pets = write(tmp_path / "pets", files)
    images = read_images(pets)
    assert (images.classes, images.labels.tolist(), images.test_labels.tolist()) == (
        ("cat", "dog"),
        [1, 0, 1],
        [0],
    )
    assert images.means.sizes["class"] == 2
    named = read_images(pets, classes="abcdef")  # who names them has them all
    assert named.classes == tuple("abcdef") and named.labels.tolist() == [5, 3, 5]
    said = "pets: there is no image of class 'a' to train with, so it has no mean"
    assert refused(lambda: named.means) == said


def test_a_network_names_images_of_two_classes_or_more(tmp_path):
    files = {"data_batch_1.bin": batch(PHOTOS[:3], [5, 5, 5]), "test_batch.bin": batch(PHOTOS[5:6], [5])}
    dogs = read_images(write(tmp_path / "dogs", files))
    said = "dogs has one class, 'dog'; to name images takes two"
    assert refused(image_lesson, dogs, RULES["backprop"], [4]) == said


@pytest.mark.parametrize("units", [None, []])
def test_a_network_that_learns_images_names_its_hidden_layers(units):
    said = "digits needs hidden, the units of each hidden layer, as [800, 800]"
    assert refused(image_lesson, load_images("digits"), RULES["backprop"], units) == said


def test_own_batches_are_read_in_the_order_of_their_numbers_plain_or_compressed(tmp_path):
    numbered = {
        f"data_batch_{n}.bin": batch(PHOTOS[k : k + 1], DIGIT_LABELS[k : k + 1])
        for k, n in enumerate((1, 2, 3, 4, 10))
    }
    packed = {
        f"{name}.gz": gzip.compress(data)
        for name, data in (numbered | {"test_batch.bin": CIFAR["test_batch.bin"]}).items()
    }
    few = write(tmp_path / "few", packed)
    assert is_the_tiny_cifar(read_images(few, classes="abcdefghij"))
    own = read_images(few)
    assert [own.classes[k] for k in own.labels] == ["cat", "automobile", "deer", "automobile", "dog"]


def test_batches_of_one_number_are_all_read(tmp_path):
    names = ("data_batch_01.bin", "data_batch_1.bin", "data_batch_2.bin")
    files = {name: batch(PHOTOS[k : k + 1], DIGIT_LABELS[k : k + 1]) for k, name in enumerate(names)}
    own = read_images(write(tmp_path / "few", files | {"test_batch.bin": CIFAR["test_batch.bin"]}))
    np.testing.assert_array_equal(own.x * 255, PHOTOS[:3].reshape(3, -1))


def test_a_folder_of_neither_layout_is_told_of_both(tmp_path):
    write(tmp_path, {"test_batch.bin": CIFAR["test_batch.bin"]})
    assert refused(read_images, tmp_path) == (
        f"{tmp_path}: none of train-images-idx3-ubyte, train-images-idx3-ubyte.gz, data_batch_1.bin is there; "
        "the folder holds test_batch.bin"
    )


def test_own_files_without_a_test_set_are_refused(tmp_path):
    write(tmp_path / "a", {"data_batch_1.bin": CIFAR["data_batch_1.bin"]})
    said = (
        f"{tmp_path}/a: none of test_batch.bin, test_batch.bin.gz is there; the folder holds data_batch_1.bin"
    )
    assert refused(read_images, tmp_path / "a") == said
    said = f"{tmp_path}/b: the folder cannot be read: No such file or directory"
    assert refused(read_images, tmp_path / "b") == said


def test_images_and_labels_of_different_number_are_refused(tmp_path):
    write(tmp_path, MNIST | {"t10k-labels-idx1-ubyte": idx([9])})
    said = f"{tmp_path}/t10k-labels-idx1-ubyte: has 1 labels for 2 images ({tmp_path}/t10k-images-idx3-ubyte)"
    assert refused(read_images, tmp_path) == said


@pytest.mark.parametrize("shape", [(0, 4, 3), (2, 0, 3)])
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-images-idx3-ubyte"])
def test_files_that_hold_no_images_or_pictures_of_no_pixels_are_refused(tmp_path, name, shape):
    write(tmp_path, MNIST | {name: idx(np.zeros(shape))})
    said = f"{tmp_path}/{name}: holds no images ({' x '.join(map(str, shape))})"
    assert refused(read_images, tmp_path) == said


def test_images_to_test_of_another_shape_are_refused_though_they_have_as_many_pixels(tmp_path):
    write(tmp_path, MNIST | {"t10k-images-idx3-ubyte": idx(DIGITS[5:].transpose(0, 2, 1))})
    said = (
        f"{tmp_path}/t10k-images-idx3-ubyte: has images of 3 x 4, {tmp_path}/train-images-idx3-ubyte of 4 x 3"
    )
    assert refused(read_images, tmp_path) == said


def test_labels_in_the_place_of_images_are_refused(tmp_path):
    write(tmp_path, MNIST | {"train-images-idx3-ubyte": MNIST["train-labels-idx1-ubyte"]})
    said = f"{tmp_path}/train-images-idx3-ubyte: begins with 00000801, an IDX file of images with 00000803"
    assert refused(read_images, tmp_path) == said


# The folder of official files


def test_official_files_are_found_in_a_folder_given_or_named_plain_or_compressed(
    tmp_path, official, monkeypatch
):
    write(tmp_path / "plain" / "mnist", MNIST)
    write(tmp_path / "packed" / "mnist", {f"{name}.gz": gzip.compress(data) for name, data in MNIST.items()})
    for folder in ("plain", "packed"):
        assert is_the_tiny_mnist(load_images("mnist", tmp_path / folder))
    monkeypatch.setenv("SEMANTIC_SVD_DATA", str(tmp_path / "packed"))
    loaded = load_images("mnist")
    assert is_the_tiny_mnist(loaded)
    assert (loaded.name, loaded.classes) == ("mnist", tuple("0123456789"))


def test_a_folder_given_comes_before_the_one_named_and_nothing_else_is_looked_at(
    tmp_path, official, monkeypatch
):
    write(tmp_path / "cache" / "semantic_svd" / "mnist", MNIST)
    monkeypatch.setenv("SEMANTIC_SVD_DATA", str(write(tmp_path / "named" / "mnist", MNIST).parent))
    assert is_the_tiny_mnist(load_images("mnist"))
    write(tmp_path / "given" / "mnist", {"readme": b""})
    assert refused(load_images, "mnist", tmp_path / "given") == (
        f"{tmp_path}/given/mnist: none of train-images-idx3-ubyte, train-images-idx3-ubyte.gz is there; "
        "the folder holds readme"
    )


def test_a_folder_given_without_the_set_is_refused_with_the_files_that_it_is_to_hold(tmp_path, official):
    write(tmp_path / "cache" / "semantic_svd" / "cifar10", CIFAR)
    said = f"{tmp_path}/mnist is no folder; it is to hold {', '.join(MNIST)}"
    assert refused(load_images, "mnist", tmp_path) == said
    assert refused(load_images, "cifar10", tmp_path / "no") == (
        f"{tmp_path}/no/cifar10 is no folder; it is to hold {', '.join(CIFAR)} or cifar-10-binary.tar.gz"
    )


def test_a_home_that_nobody_has_is_a_folder_that_is_not_there(tmp_path, official, monkeypatch):
    cached = write(tmp_path / "cache" / "semantic_svd" / "mnist", MNIST)
    line = f"~no-such-user/mnist is no folder; it is to hold {', '.join(MNIST)}"
    assert refused(load_images, "mnist", "~no-such-user") == line
    assert refused(named_images, "~no-such-user").startswith("no image set is called '~no-such-user'; ")
    said = "~no-such-user: the folder cannot be read: No such file or directory"
    assert refused(read_images, "~no-such-user") == said
    monkeypatch.setenv("SEMANTIC_SVD_DATA", "~no-such-user")
    assert image_folder("mnist") == cached


def test_a_set_that_the_folder_named_lacks_is_read_from_the_cache(tmp_path, official, monkeypatch):
    monkeypatch.setenv("SEMANTIC_SVD_DATA", str(write(tmp_path / "named" / "mnist", MNIST).parent))
    cached = write(tmp_path / "cache" / "semantic_svd" / "cifar10", CIFAR)
    assert image_folder("cifar10") == cached
    assert is_the_tiny_cifar(load_images("cifar10"))
    assert image_folder("mnist") == tmp_path / "named" / "mnist"
    (tmp_path / "named" / "cifar10").mkdir()  # there is one now, so it is what is meant
    assert refused(load_images, "cifar10") == (
        f"{tmp_path}/named/cifar10: none of data_batch_1.bin, data_batch_1.bin.gz, cifar-10-binary.tar.gz is there; "
        "the folder holds nothing"
    )


@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_cifar_is_read_from_its_files_or_out_of_its_archive_however_compressed(tmp_path, official, mode):
    write(tmp_path / "files" / "cifar10", CIFAR)
    archive = tar({f"cifar-10-batches-bin/{name}": data for name, data in reversed(CIFAR.items())}, mode)
    write(tmp_path / "archive" / "cifar10", {"cifar-10-binary.tar.gz": archive})
    for folder in ("files", "archive"):
        loaded = load_images("cifar10", tmp_path / folder)
        assert is_the_tiny_cifar(loaded)
        assert loaded.shape == (32, 32, 3)
    assert [path.name for path in (tmp_path / "archive" / "cifar10").iterdir()] == ["cifar-10-binary.tar.gz"]


def test_a_set_of_another_hash_is_never_taken_for_the_official_one(tmp_path, official):
    subset = CIFAR | {"data_batch_2.bin": CIFAR["data_batch_1.bin"]}
    found, wanted = (hashlib.sha256(CIFAR[f"data_batch_{k}.bin"]).hexdigest()[:12] for k in (1, 2))
    write(tmp_path / "cifar10", subset)
    assert refused(load_images, "cifar10", tmp_path) == (
        f"{tmp_path}/cifar10/data_batch_2.bin: is not the official file of cifar10: the sha256 of its contents begins "
        f"with {found}, not {wanted}; read_images reads files of your own"
    )
    archive = tmp_path / "two" / "cifar10" / "cifar-10-binary.tar.gz"
    write(archive.parent, {archive.name: tar(subset)})
    assert refused(load_images, "cifar10", tmp_path / "two") == (
        f"{archive}, data_batch_2.bin: is not the official file of cifar10: the sha256 of its contents begins "
        f"with {found}, not {wanted}; read_images reads files of your own"
    )


def test_the_first_bytes_of_an_official_file_are_not_enough(tmp_path, official):
    write(tmp_path / "mnist", MNIST | {"train-images-idx3-ubyte": MNIST["train-images-idx3-ubyte"][:-12]})
    fault = "has 64 bytes, its header (5 x 4 x 3) asks for 76; it is cut short"
    assert refused(load_images, "mnist", tmp_path) == f"{tmp_path}/mnist/train-images-idx3-ubyte: {fault}"


@pytest.mark.parametrize(
    ("archive", "fault"),
    [
        (
            tar(CIFAR | {"../../evil": b"x"}),
            ": holds '../../evil', a path that leads out of the archive",
        ),
        (tar({"/etc/evil": b"x"} | CIFAR), ": holds '/etc/evil', a path that leads out of the archive"),
        (ARCHIVE[:-2000], ": cannot be read as a tar archive: it is damaged or cut short"),
        (tar(CIFAR, "w")[:5000], ": cannot be read as a tar archive: it is damaged or cut short"),
        (b"no archive", ": cannot be read as a tar archive: it is damaged or cut short"),
        (tar({"a/data_batch_1.bin": b""}), ": there is no file data_batch_2.bin in the archive"),
    ],
    ids=["up", "root", "cut", "cut plain", "none", "missing"],
)
def test_an_archive_that_is_damaged_or_leads_outside_is_refused(tmp_path, official, archive, fault):
    place = write(tmp_path / "in" / "cifar10", {"cifar-10-binary.tar.gz": archive})
    assert refused(load_images, "cifar10", tmp_path / "in") == f"{place}/cifar-10-binary.tar.gz{fault}"
    assert list(tmp_path.rglob("evil")) == []


def test_a_link_in_an_archive_is_no_file(tmp_path, official):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        link = tarfile.TarInfo("data_batch_1.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    place = write(tmp_path / "cifar10", {"cifar-10-binary.tar.gz": stream.getvalue()})
    said = f"{place}/cifar-10-binary.tar.gz: there is no file data_batch_1.bin in the archive"
    assert refused(load_images, "cifar10", tmp_path) == said


def test_a_folder_without_cifar_says_that_its_archive_would_do(tmp_path, official):
    (tmp_path / "cifar10").mkdir()
    assert refused(load_images, "cifar10", tmp_path) == (
        f"{tmp_path}/cifar10: none of data_batch_1.bin, data_batch_1.bin.gz, cifar-10-binary.tar.gz is there; "
        "the folder holds nothing"
    )


# The download


@contextmanager
def served(contents, cut=0):
    """Serve contents by path at 127.0.0.1; `cut` bytes fewer than promised. Yields the address and what was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.lstrip("/")
            asked.append(name)
            if name not in contents:
                self.send_error(404)
                return
            data = contents[name]
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) - cut])

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", asked
        finally:
            server.shutdown()
            thread.join()


MIRROR = {f"{name}.gz": gzip.compress(data) for name, data in MNIST.items()}
MIRROR["cifar-10-binary.tar.gz"] = ARCHIVE


def in_cache(tmp_path):
    """Return what the cache holds, by path in it."""
    cache = tmp_path / "cache" / "semantic_svd"
    return {str(path.relative_to(cache)): path.read_bytes() for path in cache.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("name", "contents", "is_it", "asked_for"),
    [
        ("mnist", MNIST, is_the_tiny_mnist, [f"{name}.gz" for name in MNIST]),
        ("cifar10", CIFAR, is_the_tiny_cifar, ["cifar-10-binary.tar.gz"]),
    ],
)
def test_what_is_downloaded_is_kept_decompressed_and_not_asked_for_again(
    tmp_path, official, name, contents, is_it, asked_for
):
    with served(MIRROR) as (url, asked):
        official(url)
        assert is_it(load_images(name))
        assert is_it(load_images(name))
    assert asked == asked_for
    assert in_cache(tmp_path) == {f"{name}/{file}": data for file, data in contents.items()}
    assert is_it(load_images(name))  # with the server gone


def test_a_set_that_the_folder_named_lacks_is_downloaded_into_the_cache(tmp_path, official, monkeypatch):
    named = write(tmp_path / "named" / "mnist", MNIST).parent
    monkeypatch.setenv("SEMANTIC_SVD_DATA", str(named))
    with served(MIRROR) as (url, asked):
        official(url)
        assert is_the_tiny_cifar(load_images("cifar10"))
        assert is_the_tiny_mnist(load_images("mnist"))
    assert asked == ["cifar-10-binary.tar.gz"]
    assert in_cache(tmp_path) == {f"cifar10/{file}": data for file, data in CIFAR.items()}
    assert [path.name for path in named.iterdir()] == ["mnist"]


@pytest.mark.parametrize(
    "pack", [bytes, lambda data: gzip.compress(data, compresslevel=1)], ids=["plain", "anew"]
)
def test_a_mirror_may_compress_anew_or_not_at_all(official, pack):
    with served({f"{name}.gz": pack(data) for name, data in MNIST.items()}) as (url, _):
        official(url)
        assert is_the_tiny_mnist(load_images("mnist"))


ADVICE = f"put {', '.join(MNIST)} into FOLDER/mnist and let SEMANTIC_SVD_DATA name FOLDER"


def test_an_answer_that_breaks_off_is_refused_and_leaves_nothing(tmp_path, official):
    with served(MIRROR, cut=5) as (url, _):
        official(url)
        said = f"{url}train-images-idx3-ubyte.gz: cannot be downloaded: the answer broke off; {ADVICE}"
        assert refused(load_images, "mnist") == said
    assert in_cache(tmp_path) == {}


def test_a_file_that_is_cut_short_at_the_server_is_refused_and_leaves_nothing(tmp_path, official):
    with served(MIRROR | {"t10k-labels-idx1-ubyte.gz": MIRROR["t10k-labels-idx1-ubyte.gz"][:-3]}) as (url, _):
        official(url)
        said = f"{url}t10k-labels-idx1-ubyte.gz: cannot be read as a gzip file: it is damaged or cut short"
        assert refused(load_images, "mnist") == said
    assert in_cache(tmp_path) == {}


def test_a_file_of_another_hash_at_the_server_is_refused_and_leaves_nothing(tmp_path, official):
    wrong = idx([3, 1, 4, 1, 7])
    found, wanted = (
        hashlib.sha256(data).hexdigest()[:12] for data in (wrong, MNIST["train-labels-idx1-ubyte"])
    )
    with served(MIRROR | {"train-labels-idx1-ubyte.gz": gzip.compress(wrong)}) as (url, _):
        official(url)
        assert refused(load_images, "mnist") == (
            f"{url}train-labels-idx1-ubyte.gz: is not the official file of mnist: the sha256 of its contents begins "
            f"with {found}, not {wanted}"
        )
    assert in_cache(tmp_path) == {}


def test_an_archive_at_the_server_that_leads_outside_is_refused_and_leaves_nothing(tmp_path, official):
    with served({"cifar-10-binary.tar.gz": tar(CIFAR | {"../../../evil": b"x"})}) as (url, _):
        official(url)
        said = f"{url}cifar-10-binary.tar.gz: holds '../../../evil', a path that leads out of the archive"
        assert refused(load_images, "cifar10") == said
    assert in_cache(tmp_path) == {}
    assert list(tmp_path.rglob("evil")) == []


def test_a_file_that_is_not_at_the_server_is_one_line(tmp_path, official):
    with served({}) as (url, _):
        official(url)
        said = f"{url}train-images-idx3-ubyte.gz: cannot be downloaded: the server answers 404 Not Found; {ADVICE}"
        assert refused(load_images, "mnist") == said
    assert in_cache(tmp_path) == {}


def test_no_network_is_one_line(official):
    with served({}) as (url, _):
        pass  # a port that nobody listens at any more
    official(url)
    said = f"{url}train-images-idx3-ubyte.gz: cannot be downloaded: no connection; {ADVICE}"
    assert refused(load_images, "mnist") == said


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path, official):
    (tmp_path / "cache").write_text("a file where the folder should be")
    said = f"{tmp_path}/cache/semantic_svd/mnist: cannot be written: Not a directory"
    assert refused(load_images, "mnist") == said


def test_a_damaged_file_in_the_cache_is_refused_and_once_deleted_downloaded_again(tmp_path, official):
    with served(MIRROR) as (url, _):
        official(url)
        load_images("mnist")
        labels = tmp_path / "cache" / "semantic_svd" / "mnist" / "train-labels-idx1-ubyte"
        wrong = labels.read_bytes()[:-1] + b"\x07"
        labels.write_bytes(wrong)
        found, wanted = (
            hashlib.sha256(d).hexdigest()[:12] for d in (wrong, MNIST["train-labels-idx1-ubyte"])
        )
        assert refused(load_images, "mnist") == (
            f"{labels}: is not the official file of mnist: the sha256 of its contents begins with {found}, "
            f"not {wanted}; delete it, and it is downloaded again"
        )
        labels.unlink()
        assert is_the_tiny_mnist(load_images("mnist"))


def test_the_progress_bar_counts_the_bytes_of_the_download(tmp_path, monkeypatch, capsys):
    from rich.progress import Progress

    ends = []
    stop = Progress.stop
    monkeypatch.setattr(Progress, "stop", lambda shown: (ends.extend(shown.tasks), stop(shown)))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    data = bytes(200_000)
    with served({"file": data}) as (url, _):
        downloads.fetch(f"{url}file", tmp_path / "file", "")
    assert (tmp_path / "file").read_bytes() == data
    assert [(task.description, task.completed, task.total) for task in ends] == [
        (f"{url}file", 200_000, 200_000)
    ]


def test_there_is_no_progress_bar_without_a_terminal(official, capsys):
    with served(MIRROR) as (url, _):
        official(url)
        load_images("mnist")
    assert capsys.readouterr() == ("", "")


# The real files


@pytest.fixture
def real():
    """Give a function that returns the folder of the real files of a set, or skips."""

    def find(name):
        if not REAL:
            pytest.skip("SEMANTIC_SVD_DATA names no folder with real images")
        if not Path(REAL, name).is_dir():
            pytest.skip(f"{REAL} has no {name}")
        return Path(REAL)

    return find


def test_the_real_mnist_has_the_published_sizes_classes_and_statistics(real):
    mnist = load_images("mnist", real("mnist"))
    assert (mnist.x.shape, mnist.test_x.shape, mnist.shape) == ((60000, 784), (10000, 784), (28, 28))
    assert mnist.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert mnist.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(mnist.labels).tolist() == counts
    assert (mnist.x.mean(dtype=float), mnist.x.std(dtype=float)) == pytest.approx((0.1307, 0.3081), abs=5e-5)
    assert (mnist.x.min(), mnist.x.max()) == (0, 1)


def test_the_real_fashion_mnist_has_the_published_sizes_classes_and_statistics(real):
    fashion = load_images("fashion-mnist", real("fashion-mnist"))
    assert (fashion.x.shape, fashion.test_x.shape) == ((60000, 784), (10000, 784))
    assert np.bincount(fashion.labels).tolist() == [6000] * 10
    assert fashion.classes[fashion.labels[0]] == "ankle boot"
    assert fashion.x.mean(dtype=float) == pytest.approx(0.2860, abs=5e-5)
    assert fashion.x.std(dtype=float) == pytest.approx(0.3530, abs=5e-5)


def test_mnist_is_loaded_with_one_copy_in_float32(real):
    folder = real("mnist")
    tracemalloc.start()
    try:
        mnist = load_images("mnist", folder)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    pixels = mnist.x.size + mnist.test_x.size  # a byte each in the files
    assert peak < 1.05 * (4 * pixels + pixels)


def test_the_real_cifar_sample_begins_with_a_frog_and_two_trucks(real):
    sample = read_images(real("cifar-10-sample-bin") / "cifar-10-sample-bin")
    assert [sample.classes[label] for label in sample.labels[:5]] == [
        "frog",
        "truck",
        "truck",
        "deer",
        "automobile",
    ]
    assert np.round(sample.x[0, :3] * 255).tolist() == [59, 62, 63]
    assert np.round(sample.x[1, :3] * 255).tolist() == [154, 177, 187]
    assert (sample.name, sample.shape) == ("cifar-10-sample-bin", (32, 32, 3))


@pytest.mark.parametrize("other", ["cifar-10-sample-bin", "cifar-10-jpeg-bin"])
def test_neither_a_sample_nor_a_look_alike_passes_for_cifar(real, tmp_path, other):
    (tmp_path / "cifar10").mkdir()
    source = real(other) / other
    names = IMAGE_SETS["cifar10"].files
    for name in names:
        file = source / name
        (tmp_path / "cifar10" / name).symlink_to(file if file.exists() else source / "data_batch_1.bin")
    found = hashlib.sha256((source / "data_batch_1.bin").read_bytes()).hexdigest()[:12]
    assert refused(load_images, "cifar10", tmp_path) == (
        f"{tmp_path}/cifar10/data_batch_1.bin: is not the official file of cifar10: the sha256 of its contents begins "
        f"with {found}, not {names['data_batch_1.bin'][:12]}; read_images reads files of your own"
    )
