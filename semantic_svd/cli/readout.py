"""The command `readout`: a classifier on what the hidden layer of a run makes of images."""

from pathlib import Path
from typing import Annotated

import typer

from semantic_svd.cli.options import DataFolder, image_sets, runs
from semantic_svd.cli.terminal import accuracies, bytes_text, percents
from semantic_svd.drafts import writable
from semantic_svd.errors import InputError


def readout(
    source: Annotated[
        str,
        typer.Argument(metavar="RUN", help="A saved run on images, with its weights.", autocompletion=runs),
    ],
    images: Annotated[str, typer.Option(metavar="NAME", help="As for train.", autocompletion=image_sets)],
    data: DataFolder = None,
    layer: Annotated[int, typer.Option(metavar="L", help="Hidden layer, from 1.")] = 1,
    power: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            help="Read relu(w'x)^N at unit length, as of competing units.",
            show_default="4.5 for krotov_hopfield, else the layer's own activity",
        ),
    ] = None,
    head: Annotated[str, typer.Option(help="power (tanh, sixth power of the error) or softmax.")] = "power",
    epochs: Annotated[int, typer.Option(help="Passes over the images.")] = 50,
    probe: Annotated[
        bool, typer.Option("--probe", help="A logistic regression (scikit-learn) besides.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="RUN", help="Keep the classifier as a run.")
    ] = None,
) -> None:
    """Train a classifier on a hidden layer of each seed, to see what can be read from it.

    The second stage of krotov_hopfield, whose hidden units learn without labels; and a question to any other run.
    """
    from semantic_svd.images import named_images
    from semantic_svd.readouts import POWER, linear_probe, read_out
    from semantic_svd.runs import Run

    if output is not None and output.exists():
        raise InputError(f"{output} is there already; name another place")
    run, pictures = Run.open(source), named_images(images, data)
    if output is not None:
        writable(next(place for place in output.absolute().parents if place.exists()))
    if power is None and "KrotovHopfield" in run.rule:
        power = POWER
    found = read_out(run, pictures, layer=layer, power=power, head=head, epochs=epochs)  # type: ignore[arg-type]
    if output is not None:
        found.save(output)
        print(f"{output} takes {bytes_text(found.data.nbytes)}")
    read = "its own activity" if power is None else f"relu(w'x)^{power:g} at unit length"
    print(f"{source}, layer {layer}, {read}; {head}, {epochs} epochs")
    print(f"test accuracy {accuracies(found)}, on the training images {accuracies(found, 'train_accuracy')}")
    if probe:
        shares = 100 * linear_probe(run, pictures, layer, power).values
        print(f"test accuracy of a logistic regression {percents(shares)}")
