"""Tables, pictures and pages as files: all that a command was asked for, or none."""

import warnings
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from os.path import realpath
from pathlib import Path
from typing import Any

from semantic_svd.cli.terminal import complain
from semantic_svd.drafts import UNDATED, drafts
from semantic_svd.errors import InputError


def check_outputs(
    sources: Iterable[str | None], tables: Iterable[Path | None], pictures: Iterable[Path | None] = ()
) -> None:
    """Refuse files that can't come about, or would take the place of what is read, before any work is done.

    Examples
    --------
    >>> check_outputs(["run.zarr"], [], [Path("modes.gif")])
    Traceback (most recent call last):
    semantic_svd.errors.InputError: modes.gif: a picture ends in .pdf, .png, .svg
    """
    drawn = [path for path in pictures if path]
    written = [path for path in tables if path] + drawn
    taken = {realpath(source): "read" for source in sources if source}
    for path in written:
        place = realpath(path)
        if place in taken:
            raise InputError(f"{path} is {taken[place]} by the same command; name another file")
        taken[place] = "written"
    for path in drawn:
        if path.suffix.lower() not in UNDATED:
            raise InputError(f"{path}: a picture ends in {', '.join(UNDATED)}")
    for path in written:
        if not path.parent.is_dir():
            raise InputError(f"{path}: there is no folder {path.parent}")
        if path.is_dir():
            raise InputError(f"{path} is a folder; name a file")


def deliver(*outputs: tuple[Path | None, Callable[[], Any]]) -> None:
    """Write tables, figures and texts: all are made, then all are written beside their places, then all appear."""
    made = [(path, content()) for path, content in outputs if path]
    with ExitStack() as stack:
        for path, content in made:
            try:
                _write(content, stack.enter_context(drafts(path.parent)) / path.name)
            except OSError as error:
                raise InputError(f"{path} can't be written: {error.strerror}") from None


def _write(content: Any, path: Path) -> None:
    """Write a text, a table in full precision, or a figure without a date."""
    if isinstance(content, str):
        path.write_text(content, "utf-8", newline="\n")
    elif hasattr(content, "to_csv"):
        content.to_csv(path, index=False, lineterminator="\n")
    else:
        from semantic_svd.plots import write

        with warnings.catch_warnings(record=True) as said:
            warnings.filterwarnings("always", "no installed font")
            write(content, path)
        for warning in said:
            complain(str(warning.message))
