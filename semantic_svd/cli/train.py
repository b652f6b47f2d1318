"""The command `train`: networks learn items or images by a rule, and their snapshots are kept as a run."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semantic_svd.cli.options import DataFolder, image_sets, item_sets, rule_names, whole_number
from semantic_svd.cli.terminal import (
    NAME,
    Interrupted,
    accuracies,
    complain,
    counted,
    endings,
    says_bytes,
    span,
)
from semantic_svd.errors import InputError

if TYPE_CHECKING:
    from semantic_svd.lessons import Lesson
    from semantic_svd.rules import Rule
    from semantic_svd.runs import Run


def train(
    items: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|NAME",
            help="CSV of items by properties, or a shipped set.",
            autocompletion=item_sets,
        ),
    ] = None,
    images: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Images: mnist, fashion-mnist, cifar10, digits, or a folder.",
            autocompletion=image_sets,
        ),
    ] = None,
    data: DataFolder = None,
    rule: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Learning rule; see semantic-svd rules.", autocompletion=rule_names
        ),
    ] = "backprop",
    hidden: Annotated[
        list[int] | None,
        typer.Option(
            metavar="N...",
            help="Units of each hidden layer.",
            show_default="as many as modes; one layer, two if the rule teaches hidden biases",
        ),
    ] = None,
    activation: Annotated[
        str | None, typer.Option(help="Of the hidden layers.", show_default="linear; images: relu")
    ] = None,
    output_activation: Annotated[
        str | None, typer.Option(help="Of the output layer.", show_default="linear; images: softmax")
    ] = None,
    biases: Annotated[
        bool | None, typer.Option(help="Biases.", show_default="if the rule teaches them")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the items.", show_default="2000; images: 10")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="How many networks.", show_default="1; --start: the run's")
    ] = None,
    rate: Annotated[
        list[float] | None,
        typer.Option(metavar="R...", help="One, or hidden, output, feedback.", show_default="the rule's"),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Items a step.", show_default="all; images: 100")
    ] = None,
    stop_below: Annotated[
        float | None, typer.Option(help="End a seed at its first snapshot under this loss.")
    ] = None,
    every: Annotated[str, typer.Option(metavar="K|log", help="Keep each K-th epoch.")] = "1",
    record: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT...", help="What to keep.", show_default="weights; images: class_means too"
        ),
    ] = None,
    localist: Annotated[
        bool, typer.Option("--localist", help="From one-hot items to properties, not an autoassociator.")
    ] = False,
    start: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Go on from the weights with which a run ended.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="RUN", help="Where to.")] = Path(
        "run.zarr"
    ),
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was interrupted.")] = False,
) -> None:
    """Train networks on items or images by a learning rule, and keep their snapshots as a run.

    On images the accuracy on the test images is kept by epoch, and of hidden layers the mean activity of each class.
    How much disk the run will take is said before it trains.

    With --start the networks of another run go on, on these items or images: something new beside what they know.
    """
    from semantic_svd.plasticity import TooNarrow
    from semantic_svd.training import train

    chosen, activations = _rule(rule, rate), {"hidden": activation, "output": output_activation}
    begun = None
    if start:
        of_network = {"activation": activation, "output-activation": output_activation, "biases": biases}
        begun = _open_start(start, hidden=hidden or None, **of_network)
        hidden = list(begun.network.sizes[1:-1])
    lesson = _lesson(items, images, data, chosen, hidden, localist, biases, **activations)
    if begun:
        lesson = _going_on(lesson, begun, str(start))
    if seeds is None:
        seeds = begun.data["seed"].values.tolist() if begun else 1
    given = {"epochs": epochs, "batch_size": batch_size, "record": tuple(record or ()) or None}
    settings = lesson.settings | {name: value for name, value in given.items() if value is not None}
    try:
        run = train(
            chosen,
            lesson.network,
            lesson.x,
            lesson.y,
            seeds=seeds,
            stop_below=stop_below,
            every="log" if every == "log" else whole_number("--every", every, "a whole number or log"),
            out=output,
            resume=resume,
            start=begun,
            begin=lambda needed: print(says_bytes(output, needed, stop_below is not None), flush=True),
            **settings,
        )
    except TooNarrow as error:
        raise InputError(str(error) if hidden else f"{error}; name more with --hidden") from None
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted{_kept(output)}") from None
    _report(run, lesson, chosen, f"{output}: {rule}")
    if images and not chosen.taught(lesson.network):
        words = [NAME, "readout", str(output), "--images", images, *(["--data", str(data)] if data else [])]
        print(f"its output is not taught; a classifier: {shlex.join(words)}")
    elif "accuracy" in run.data:
        print(f"test accuracy {accuracies(run)}")
    for note in run.notes + _risen(run):
        complain(note)


def _report(run: "Run", lesson: "Lesson", rule: "Rule", title: str) -> None:
    """Say what was trained, and how its seeds ended."""
    network = lesson.network
    biased = "" if network.biases else ", no biases"
    rates = " ".join(f"{r:g}" for r in dict.fromkeys(rule.rates))
    n_seeds, n_kept = counted(run.data.sizes["seed"], "seed"), counted(run.data.sizes["epoch"], "snapshot")
    print(f"{title} on {lesson.name}, {network.about}{biased}, rate {rates}")
    print(f"{n_seeds}, {n_kept} each: {endings(run)}")


def _risen(run: "Run") -> list[str]:
    """Say of which seeds the loss ends above where it began: bounded outputs swing at a rate that is too high."""
    if "loss" not in run.data:
        return []
    first, last = run.data["loss"].isel(epoch=0).load(), run.final().data["loss"]
    risen = (last > first) & ~run.diverged
    if not risen.any():
        return []
    who, before = ", ".join(map(str, run.data["seed"].values[risen])), span(first.values[risen])
    return [f"the loss of seed {who} is higher than at the start ({before}); try a lower --rate"]


def _rule(name: str, rate: list[float] | None) -> "Rule":
    """Return a rule at its own rate, or at another."""
    from semantic_svd.rules import as_rule

    rule = as_rule(name)
    if not rate:
        return rule
    return replace(rule, rate=rate[0] if len(rate) == 1 else tuple(rate))  # type: ignore[arg-type]


def _lesson(
    items: str | None,
    images: str | None,
    data: Path | None,
    rule: "Rule",
    units: list[int] | None,
    localist: bool,
    biases: bool | None,
    **activations: str | None,
) -> "Lesson":
    """Load what is to be learned, with the network that fits."""
    from semantic_svd.images import IMAGE_SETS, named_images
    from semantic_svd.items import load_items
    from semantic_svd.lessons import image_lesson, item_lesson

    if items and images:
        raise InputError("train on --items or on --images, not on both")
    if data and not images:
        raise InputError("--data is the folder of --images; items are named by --items")
    if images:
        if localist:
            raise InputError("--localist is for --items; images are learned from their pixels")
        # said before a set is downloaded; that there is no such set is said first
        if not units and (images in IMAGE_SETS or Path(images).is_dir()):
            raise InputError("--images needs --hidden, the units of each hidden layer, as --hidden 800 800")
        return image_lesson(named_images(images, data), rule, units, biases, **activations)
    if items is None:
        raise InputError("Missing option '--items' or '--images'; see semantic-svd train --help")
    return item_lesson(load_items(items), rule, units, localist, biases, **activations)


def _open_start(path: Path, **told: Any) -> "Run":
    """Open a run for others to go on from, without the seeds that diverged.

    It brings its network with it, so nothing else is told of that.
    """
    from semantic_svd.runs import Run

    for option, value in told.items():
        if value is not None:
            raise InputError(f"--start goes on with the network of {path}; leave out --{option}")
    run = Run.open(path)
    if (run.data["status"] == "training").any():
        raise InputError(f"{path} is not finished; --resume it before others go on from it")
    if run.diverged.all():
        raise InputError(f"every seed of {path} diverged: there is nothing to go on from")
    if run.diverged.any():
        lost = run.data["seed"][run.diverged].values
        complain(f"left out of {path}: seed {', '.join(map(str, lost))}, diverged")
    return run.sel(seed=~run.diverged)


def _going_on(lesson: "Lesson", run: "Run", name: str) -> "Lesson":
    """Give a lesson to the networks of a run, if they know its properties by the same names."""
    from semantic_svd.items import Items

    for layer, table in ((0, lesson.x), (run.network.layers, lesson.y)):
        known = run.names_of(f"unit_{layer}")
        named = zip(known, table.properties, strict=False) if known and isinstance(table, Items) else ()
        for column, (one, other) in enumerate(named, start=1):
            if one != other:
                raise InputError(
                    f"{lesson.name}: property {column} is {other!r}; {name} has learned {one!r} there"
                )
    return replace(lesson, network=run.network)


def _kept(path: Path) -> str:
    """Say where an interrupted run is, if it came so far that there is one."""
    from semantic_svd.runs import Run

    try:
        Run.open(path)
    except InputError:
        return ""
    return f"; what was done is kept in {path}, --resume goes on"
