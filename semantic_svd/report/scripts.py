"""The scripts of analyses/: run one from the command line, or all of them."""

import argparse
import importlib.util
import sys
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from types import ModuleType

import pandas as pd

from semantic_svd.drafts import writable
from semantic_svd.errors import InputError
from semantic_svd.top import top_folder

ON_REQUEST = (  # analyses that `reproduce` leaves out: they need files, or take minutes to hours
    "accuracy_mnist",
    "competing_units",
    "feedback_alignment",
    "hebbian_learning",
    "hebbnet_rates",
    "hidden_images",
    "learned_feedback",
)


def script(main: Callable[..., object]) -> None:
    """Run an analysis from the command line: ``python analyses/<stem>.py [-o folder]``.

    Further options are those of main, with their defaults: ``def main(folder, epochs=10)`` adds ``--epochs``.
    """
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("-o", "--output", default="figures", help="folder of the figures (figures)")
    _, *options = signature(main).parameters.values()
    for option in options:
        value = option.default
        parser.add_argument(f"--{option.name}", default=value, type=str if value is None else type(value))
    chosen = vars(parser.parse_args())
    try:
        main(writable(chosen.pop("output")), **chosen)
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def reproduce(folder: Path | str = "figures", progress: bool = True) -> pd.DataFrame:
    """Run the analyses of the folder analyses/, all but those on request, and return the report's claims.

    Parameters
    ----------
    folder : path
        Of the figures and tables.
    progress : bool
        Show a bar.

    Returns
    -------
    DataFrame
        A row for each claim and condition: measure, mean, low, high, n, criterion, holds.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    from rich.progress import track

    folder = writable(folder)
    analyses = sorted(
        (path for path in top_folder("analyses").glob("*.py") if path.stem not in ON_REQUEST),
        key=lambda path: (path.stem == "claims", path.stem),
    )
    claims = pd.DataFrame()
    for path in track(analyses, "analyses", disable=not progress):
        claims = load_analysis(path).main(folder)
    return claims


def load_analysis(path: Path) -> ModuleType:
    """Import an analysis from its file.

    Examples
    --------
    >>> load_analysis(top_folder("analyses") / "svd_data.py").compute().columns.tolist()
    ['equation', 'part', 'row', 'column', 'value']
    """
    spec = importlib.util.spec_from_file_location(f"analyses_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
