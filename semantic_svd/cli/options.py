"""What the commands take: the options that several share, and lists of values in a row."""

from collections.abc import Iterable, Iterator
from os.path import realpath
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from semantic_svd.errors import InputError


# What a shell completes a word from: typer keeps those that begin as the word does.
def rule_names() -> list[str]:
    """Name the rules."""
    from semantic_svd.rules import RULES

    return list(RULES)


def item_sets() -> list[str]:
    """Name the sets of items, and the CSVs in this folder."""
    from semantic_svd.items import DATASETS

    return [*DATASETS, *map(str, Path().glob("*.csv"))]


def image_sets() -> list[str]:
    """Name the image sets."""
    from semantic_svd.images import IMAGE_SETS

    return list(IMAGE_SETS)


def runs() -> list[str]:
    """Name the runs in this folder."""
    return sorted(str(path.parent) for path in Path().glob("*/zarr.json"))


def run_names(sources: list[str]) -> dict[str, str]:
    """Name runs by their folders, where these differ, and else by their places.

    Examples
    --------
    >>> run_names(["a/bpa.zarr", "bpa.v2"])
    {'bpa': 'a/bpa.zarr', 'bpa.v2': 'bpa.v2'}
    """
    places = [Path(realpath(source) if Path(source).name in ("", "..") else source) for source in sources]
    names = [place.name.removesuffix(".zarr") for place in places]
    if len({realpath(source) for source in sources}) < len(sources):
        raise InputError(f"a run is named twice: {' '.join(sources)}")
    return dict(zip(names if len(set(names)) == len(names) else sources, sources, strict=True))


def whole_number(option: str, text: str, allowed: str) -> int:
    """Read a whole number where a word is allowed too."""
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{option} is {allowed}, not {text!r}") from None


DataFolder = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Holds a folder of that name.",
        show_default="SEMANTIC_SVD_DATA, or a cache, filled if need be",
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="TCP://HOST:PORT",
        help="Train on the workers of a Dask scheduler.",
        show_default="on all cores of this machine",
    ),
]
CsvFile = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the whole table as CSV.")]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Draw it: .pdf, .png or .svg.")]
Seed = Annotated[int | None, typer.Option(metavar="S", help="One seed of the run.", show_default="all")]
Layer = Annotated[
    str | None,
    typer.Option(
        metavar="L|NAME",
        help="Layer, from 1; of a recorded run also by its name, unless that is a number.",
        show_default="the output; images: last hidden",
    ),
]
Epoch = Annotated[str, typer.Option(metavar="N|last", help="Epoch; last is where each seed ended.")]
Source = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A saved run, a CSV of items by properties, or a shipped data set.",
        autocompletion=runs,
    ),
]


class ManyValues(TyperCommand):
    """A command whose list options take their values in a row.

    The parser knows a list only as an option that is repeated, so `--hidden 800 800` is read as `--hidden 800
    --hidden 800`. The values of an option end at the next word that starts with a dash and is no number.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words of the command line."""
        lists = {name for option in self.params if getattr(option, "multiple", False) for name in option.opts}
        return super().parse_args(ctx, list(spread(args, lists)))


def spread(words: Iterable[str], lists: set[str]) -> Iterator[str]:
    """Repeat the name of a list option before each of its values.

    Examples
    --------
    >>> list(spread(["--hidden", "8", "8", "--seeds", "2"], {"--hidden"}))
    ['--hidden', '8', '--hidden', '8', '--seeds', '2']
    """
    name, has_value = "", False
    for word in words:
        if word.startswith("-") and not _is_number(word):
            option, equals, _ = word.partition("=")
            name, has_value = option if option in lists else "", bool(equals)
        elif name and has_value:
            yield name
        else:
            has_value = True
        yield word


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
