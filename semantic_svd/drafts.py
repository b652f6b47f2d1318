"""Drafts: files that appear together and whole, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

UNDATED: dict[
    str, dict[str, None]
] = {  # a picture's ending -> what differs from one writing to the next, left out
    ".pdf": {"CreationDate": None},
    ".png": {"Software": None},
    ".svg": {"Date": None},
}


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
