"""Drafts: files that appear together and whole, or not at all, in a folder that can be written to."""

from collections.abc import Iterator
from contextlib import contextmanager
from os.path import realpath  # pathlib's own raises where links go round in a circle
from pathlib import Path
from tempfile import TemporaryDirectory

from semantic_svd.errors import InputError

# a picture's ending -> what differs from one writing to the next, left out
UNDATED: dict[str, dict[str, None]] = {
    ".pdf": {"CreationDate": None},
    ".png": {"Software": None},
    ".svg": {"Date": None},
}


def writable(folder: Path | str) -> Path:
    """Make a folder, if it is not there, and make sure that files can be written to it.

    Raises
    ------
    InputError
        If they cannot.

    Examples
    --------
    >>> with TemporaryDirectory() as folder:
    ...     writable(f"{folder}/figures").name
    'figures'
    """
    folder = Path(realpath(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with drafts(folder):
            return folder
    except OSError as error:
        raise InputError(
            f"cannot write to the folder {folder}: {error.strerror}; name one that can be written to"
        ) from None


@contextmanager
def drafts(folder: Path) -> Iterator[Path]:
    """Yield a folder to write files in; when all is well they move to the folder that was named, over what was there.

    Examples
    --------
    >>> with TemporaryDirectory() as folder:
    ...     with drafts(Path(folder)) as unfinished:
    ...         _ = (unfinished / "a.txt").write_text("words")
    ...     (Path(folder) / "a.txt").read_text()
    'words'
    """
    with TemporaryDirectory(dir=folder, prefix=".unfinished-") as unfinished:
        yield Path(unfinished)
        for draft in Path(unfinished).iterdir():
            draft.replace(folder / draft.name)
