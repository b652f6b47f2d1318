"""What there is to choose from: the rules, the data, and what one can do next."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from semantic_svd.cli.terminal import NAME, bytes_text, show
from semantic_svd.errors import InputError

STEPS = (
    ("every figure of the report, in a minute", "reproduce -o figures"),
    ("rules, and the data there is", "rules"),
    ("", "data"),
    ("train", "train --items mcclelland2020 --rule bpa --seeds 20 --epochs 1000 -o {run}"),
    ("what has been learned, mode by mode", "modes {run} --plot-strengths strengths.pdf"),
    ("is it what is in the data?", "align {run}"),
    ("how the items part", "dendrogram {run} --plot trees.pdf"),
    ("beside another run; and a page to explore both", "compare {run} another.zarr --plot page.pdf"),
    ("", "explore {run} another.zarr -o explorer.html"),
)


def guide() -> None:
    """Say what one can do next, with the latest run of this folder if there is one."""
    runs = sorted(
        (path.parent for path in Path().glob("*/zarr.json")), key=lambda p: p.stat().st_mtime, reverse=True
    )
    run = shlex.quote(str(runs[0])) if runs else "run.zarr"
    print("How networks learn meaning, one mode at a time.\n")
    for what, words in STEPS:
        if what:
            print(f"  {what}")
        print(f"    {NAME} {words.format(run='another.zarr' if runs and words.startswith('train') else run)}")
    if runs:
        print(f"\nruns in this folder: {', '.join(map(str, runs[:8]))}{', ...' if runs[8:] else ''}")
    print(f"\nall commands: {NAME} --help; what one takes: {NAME} train --help")


def rules(
    name: Annotated[str | None, typer.Argument(metavar="[RULE]", help="One of them, in full.")] = None,
) -> None:
    """Show the learning rules: equations, sources, and what in them is our decision.

    < > is the mean over items, pre and post the activity of senders and receivers, delta the error handed to a layer.
    """
    from semantic_svd.rules import RULES, as_rule

    if name is None:
        show(["rule", "equation and source"], [[row, rule.about] for row, rule in RULES.items()], wrap=(1,))
        print(f"\none of them as Python: {NAME} rules bpa")
        return
    rule = as_rule(name)
    from textwrap import fill

    print(fill(f"{name}: {rule.about}", 80))
    print(f"\nin Python: {rule!r}")
    if name == "backprop" or name.startswith("bpa"):
        epochs = 20 if name == "bpa_hebb" else 1000  # plain Hebb leaves the finite numbers at epoch 46
        taught = f"--items mcclelland2020 --hidden 8 --epochs {epochs}"
    else:  # their rates are of images: on the few items some grow without bound
        taught = "--images digits --hidden 32 --epochs 3"
    print(f"train by it: {NAME} train {taught} --rule {name} -o {name}.zarr")


def data(
    folder: Annotated[
        Path | None, typer.Option("--data", metavar="FOLDER", help="Where to look for images.")
    ] = None,
) -> None:
    """List the data sets: items that come with the package, images and where they are looked for."""
    from semantic_svd.images import IMAGE_SETS, image_folder
    from semantic_svd.items import DATASETS, load_items
    from semantic_svd.top import top_folder

    if folder is not None and not folder.is_dir():
        raise InputError(f"{folder} is no folder; --data names the one that holds folders of images")
    rows = []
    for name, file in DATASETS.items():
        path = top_folder("data") / file
        sizes = " x ".join(map(str, load_items(name).values.shape))
        rows.append([name, f"{sizes} items", bytes_text(path.stat().st_size), "with the package"])
    for name, official in IMAGE_SETS.items():
        if official is None:
            rows.append([name, "1,797 images, 8 x 8", "", "with scikit-learn"])
            continue
        place = image_folder(name, folder)
        held = sum(file.stat().st_size for file in place.glob("*") if file.is_file())
        sizes = "60,000 images, 32 x 32 in colour" if official.archive else "70,000 images, 28 x 28"
        rows.append([name, sizes, bytes_text(held) if held else "not here", str(place)])
    show(["data set", "what", "size", "where"], rows, wrap=(1, 3))
    print("\nImages are read from the folder that SEMANTIC_SVD_DATA names, if it has them,")
    print("else from a cache, into which they are downloaded when first used. With --data")
    print("they are read from there only. A CSV of your own is named by its path. The")
    print(f"sources of the items: {top_folder('data') / 'README.md'}")
