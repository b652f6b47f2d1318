"""Downloads of official files into a folder: checked before they appear, under a progress bar."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from semantic_svd.errors import InputError
from semantic_svd.images.files import check_hash, file_at, members
from semantic_svd.images.official import FOLDER_VARIABLE, ImageSet


def fill(place: Path, name: str, official: ImageSet) -> None:
    """Download a set into a folder, unless it is there."""
    if not all((place / file).exists() for file in official.files):
        try:
            _download(name, official, place)
        except OSError as error:
            raise InputError(f"{place}: cannot be written: {error.strerror}") from None


def _download(name: str, official: ImageSet, place: Path) -> None:
    """Put the official files into a folder. Each is checked first and appears whole, under its name, or not at all."""
    place.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".download-", dir=place) as scratch:
        for remote in [official.archive] if official.archive else [f"{file}.gz" for file in official.files]:
            url, local = official.url + remote, Path(scratch, remote)
            advice = f"put {official.wanted} into FOLDER/{name} and let {FOLDER_VARIABLE} name FOLDER"
            fetch(url, local, advice)
            files = (
                members(local, official.files, url).values() if official.archive else [file_at(local, url)]
            )
            for file in files:
                check_hash(file, official.files[file.name], name, "")
                Path(scratch, file.name).write_bytes(file.data)
        for file_name in official.files:
            Path(scratch, file_name).replace(place / file_name)


_REASONS = {  # what the downloader raises, by name, in words
    "ChunkedEncodingError": "the answer broke off",
    "ConnectionError": "no connection",
    "ConnectTimeout": "no answer",
    "ReadTimeout": "no answer",
}


def fetch(url: str, path: Path, advice: str) -> None:
    """Download a file; what goes wrong is said in one line, with the advice."""
    import pooch

    try:
        with _bar(url) as bar:
            pooch.HTTPDownloader(progressbar=bar, chunk_size=2**16)(url, path, None)
    except OSError as error:  # what requests raises is an OSError too
        response = getattr(error, "response", None)
        reason = error.strerror or _REASONS.get(type(error).__name__, type(error).__name__)
        if response is not None:
            reason = f"the server answers {response.status_code} {response.reason}"
        raise InputError(f"{url}: cannot be downloaded: {reason}; {advice}") from None


class _Bar:
    """A bar of rich's as pooch's downloader moves it: by what tqdm calls these things."""

    def __init__(self, progress: Any, what: str):
        self.total = 0  # bytes; the downloader sets it
        self._progress = progress
        self._task = progress.add_task(what, total=None)

    def update(self, n: int) -> None:
        self._progress.update(self._task, advance=n, total=self.total or None)

    def reset(self) -> None:
        self._progress.reset(self._task)

    def close(self) -> None:
        self._progress.stop_task(self._task)


@contextmanager
def _bar(what: str) -> Iterator[_Bar | bool]:
    """Show a progress bar where there is a terminal; False stands for none."""
    if not sys.stderr.isatty():
        yield False
        return
    from rich import progress
    from rich.console import Console

    text = progress.TextColumn("{task.description}")
    columns = (text, progress.BarColumn(), progress.DownloadColumn(), progress.TimeRemainingColumn())
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        yield _Bar(shown, what)
