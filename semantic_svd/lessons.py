"""Lessons: what networks are taught, items or images, with the network that fits and the settings that go with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from semantic_svd.errors import InputError
from semantic_svd.items import Items
from semantic_svd.network import Network
from semantic_svd.rules import Rule

if TYPE_CHECKING:
    from semantic_svd.images import Images

__all__ = ["Lesson", "fitting", "image_lesson", "item_lesson"]


@dataclass(frozen=True)
class Lesson:
    """Inputs and targets, the network, and what `train` is told besides, unless somebody says otherwise."""

    name: str
    x: Any
    y: Any
    network: Network
    settings: dict[str, Any]


def item_lesson(
    items: Items,
    rule: Rule,
    units: Sequence[int] | None = None,
    localist: bool = False,
    biases: bool | None = None,
    **activations: str | None,
) -> Lesson:
    """Learn the properties of items: from all properties (an autoassociator), or from one-hot items.

    Examples
    --------
    >>> from semantic_svd.items import load_items
    >>> from semantic_svd.rules import RULES
    >>> item_lesson(load_items("mcclelland2020"), RULES["bpa"]).network.sizes
    (34, 8, 34)
    """
    inputs = items.localist() if localist else items
    # the report's hidden layers, two with biases and one without, as many units as there may be modes
    sizes = units or [min(items.values.shape)] * (2 if rule.teaches_biases[0] else 1)
    given = {name: value for name, value in activations.items() if value}
    network = fitting(rule, (inputs.values.shape[1], *sizes, items.values.shape[1]), biases, **given)
    return Lesson(items.name, inputs, items if localist else None, network, {"epochs": 2000})


def image_lesson(
    images: "Images",
    rule: Rule,
    units: Sequence[int] | None,
    biases: bool | None = None,
    **activations: str | None,
) -> Lesson:
    """Learn the classes of images, float32; where they are taught, with the accuracy on the test images by epoch.

    What stands for the images in the run is the mean image of each class.

    Raises
    ------
    InputError
        If no hidden layer is named, there is one class, or a class has no image to train with.

    Examples
    --------
    >>> from semantic_svd.images import load_images
    >>> from semantic_svd.rules import RULES
    >>> image_lesson(load_images("digits"), RULES["backprop"], [32]).network.output
    'softmax'
    """
    if len(images.classes) < 2:
        raise InputError(f"{images.name} has one class, {images.classes[0]!r}; to name images takes two")
    if not units:
        raise InputError(f"{images.name} needs hidden, the units of each hidden layer, as [800, 800]")
    usual = {"hidden": "relu", "output": "softmax"}
    given = usual | {name: value for name, value in activations.items() if value}
    network = fitting(rule, (images.x.shape[1], *units, len(images.classes)), biases, **given)
    settings = {
        "epochs": 10,
        "batch_size": 100,
        "record": ("weights", "class_means", "input_output"),
        "probe": images.means.rename({"class": "item"}),
        "dtype": "float32",
    }
    if rule.taught(network):
        settings["test"] = images.test_x, images.test_targets
    return Lesson(images.name, images.x, images.targets, network, settings)


def fitting(rule: Rule, sizes: Sequence[int], biases: bool | None = None, **activations: Any) -> Network:
    """Return the network that fits a rule: with biases where it teaches them, and normal weights to compete from.

    Examples
    --------
    >>> from semantic_svd.rules import RULES
    >>> fitting(RULES["krotov_hopfield"], (64, 20, 10), hidden="relu").initial
    'normal'
    """
    biases = rule.teaches_biases[1] if biases is None else biases
    return Network(
        tuple(sizes), biases=biases, initial="normal" if rule.competes else "uniform", **activations
    )
