"""Lessons: what `train` trains on, items or images, with the network that fits."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semantic_svd.errors import InputError

if TYPE_CHECKING:
    from semantic_svd.network import Network
    from semantic_svd.rules import Rule
    from semantic_svd.runs import Run


@dataclass(frozen=True)
class Lesson:
    """Inputs and targets, the network, and what `train` is told besides, unless the command says otherwise."""

    name: str
    x: Any
    y: Any
    network: "Network"
    settings: dict[str, Any]


def item_lesson(
    name: str, rule: "Rule", units: list[int] | None, localist: bool, biases: bool | None, **activations: Any
) -> Lesson:
    """Learn the properties of items: from all properties (an autoassociator), or from one-hot items."""
    from semantic_svd.items import load_items

    learned = load_items(name)
    inputs = learned.localist() if localist else learned
    # the report's hidden layers, two with biases and one without, as many units as there may be modes
    sizes = units or [min(learned.values.shape)] * (2 if _has_biases(rule)[0] else 1)
    network = _network(inputs.values.shape[1], sizes, learned.values.shape[1], rule, biases, **activations)
    settings = {"epochs": 2000, "batch_size": None, "record": ("weights",)}
    return Lesson(learned.name, inputs, learned if localist else None, network, settings)


def image_lesson(
    name: str,
    folder: Path | None,
    rule: "Rule",
    units: list[int] | None,
    biases: bool | None,
    **activations: Any,
) -> Lesson:
    """Learn the classes of images, float32, with the accuracy on the test images by epoch.

    What stands for the images in the run is the mean image of each class.
    """
    import xarray as xr

    from semantic_svd.images import load_images

    images = load_images(name, folder)
    if not units:
        raise InputError("--images needs --hidden, the units of each hidden layer, as --hidden 800 800")
    activations = {"hidden": "relu", "output": "softmax"} | {k: v for k, v in activations.items() if v}
    network = _network(images.x.shape[1], units, len(images.classes), rule, biases, **activations)
    y = images.targets
    means = (y.values.T @ images.x) / y.values.sum(axis=0)[:, None]
    settings = {
        "epochs": 10,
        "batch_size": 100,
        "record": ("weights", "class_means", "input_output"),
        "probe": xr.DataArray(means, {"item": list(images.classes)}, ("item", "pixel")),
        "test": (images.test_x, images.test_targets),
        "dtype": "float32",
    }
    return Lesson(images.name, images.x, y, network, settings)


def open_start(path: Path, **told: Any) -> "Run":
    """Open a run for others to go on from. It brings its network with it, so nothing else is told of that."""
    from semantic_svd.runs import Run

    for option, value in told.items():
        if value is not None:
            raise InputError(f"--start goes on with the network of {path}; leave out --{option}")
    run = Run.open(path)
    if (run.data["status"] == "training").any():
        raise InputError(f"{path} is not finished; --resume it before others go on from it")
    return run


def going_on(lesson: Lesson, run: "Run", name: str) -> Lesson:
    """Give a lesson to the networks of a run, if they know its inputs by the same names."""
    from semantic_svd.tasks import as_table

    known, units = run.data.coords.get("unit_0"), as_table(lesson.x, "x")[2]
    if known is not None and units is not None:
        for column, (one, other) in enumerate(zip(known.values.tolist(), units, strict=False), start=1):
            if one != other:
                raise InputError(
                    f"{lesson.name}: property {column} is {other!r}; {name} has learned {one!r} there"
                )
    return replace(lesson, network=run.network)


def _network(
    inputs: int, units: list[int], outputs: int, rule: "Rule", biases: bool | None, **activations: Any
) -> "Network":
    from semantic_svd.network import Network
    from semantic_svd.plasticity import KrotovHopfield, within

    of_hidden = rule.hidden if isinstance(rule.hidden, tuple) else (rule.hidden,)
    competing = any(isinstance(part, KrotovHopfield) for of in of_hidden for part in within(of))
    return Network(
        sizes=(inputs, *units, outputs),
        biases=_has_biases(rule)[1] if biases is None else biases,
        initial="normal" if competing else "uniform",
        **{name: value for name, value in activations.items() if value},
    )


def _has_biases(rule: "Rule") -> tuple[bool, bool]:
    """Tell whether a rule teaches biases to the hidden layers, and whether to any layer."""
    from semantic_svd.plasticity import Frozen

    of_layers = rule.bias if isinstance(rule.bias, tuple) else (rule.bias, rule.bias)
    return of_layers[0] != Frozen(), of_layers != (Frozen(), Frozen())
