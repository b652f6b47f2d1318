"""The command `explore`: runs as one page for a browser, every panel on the same epoch."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semantic_svd.cli.files import check_outputs, deliver
from semantic_svd.cli.options import run_names, runs
from semantic_svd.cli.subject import open_subject
from semantic_svd.cli.terminal import bytes_text
from semantic_svd.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from semantic_svd.runs import Run


def explore(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="Saved runs over the same items.", autocompletion=runs),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to.")] = Path(
        "explorer.html"
    ),
) -> None:
    """Write a page in which runs are looked at epoch by epoch, side by side: one file, without any network.

    A slider moves everything together: the response, its modes U, S and V', their strengths over training, the
    dendrogram and the paths of the items. Of runs on images, the class means of their hidden layers.
    """
    check_outputs(sources, [output])
    if output.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{output}: a page ends in .html")
    opened, data = _opened(sources)
    from semantic_svd.explorer import explorer_page

    page = explorer_page(opened, data, progress=sys.stderr.isatty())
    deliver((output, lambda: page))
    what = f"{len(opened)} runs" if len(opened) > 1 else next(iter(opened))
    print(f"{output}: {what}, {bytes_text(output.stat().st_size)}; open it in any browser")


def _opened(sources: list[str]) -> "tuple[dict[str, Run], xr.DataArray | None]":
    """Open runs by their places, name them by their files, and return what the first of them has learned."""
    subjects = {name: open_subject(source) for name, source in run_names(sources).items()}
    opened = {}
    for name, subject in subjects.items():
        if subject.run is None:
            raise InputError(f"{subject.name} is a matrix of items; explore shows runs")
        opened[name] = subject.run
    return opened, next(iter(subjects.values())).data
