"""Where the folders of the project's top level are, however the package was installed.

`data/` and `analyses/` lie at the top of a checkout, because they are the user's; a wheel carries them inside.
"""

from pathlib import Path

from semantic_svd.errors import InputError


def top_folder(name: str) -> Path:
    """Find a folder of the top level, `data` or `analyses`.

    The place in an installed wheel comes first (`semantic_svd/_top/<name>`), then a checkout: the folder beside
    the package and its `pyproject.toml`. An editable install is a checkout.

    Parameters
    ----------
    name : str
        The folder's name.

    Returns
    -------
    Path
        The folder, which exists.

    Raises
    ------
    InputError
        If the folder is in neither place.

    Examples
    --------
    >>> (top_folder("data") / "mcclelland2020.csv").is_file()
    True
    """
    package = Path(__file__).resolve().parent
    wheel, checkout = package / "_top" / name, package.parent / name
    if wheel.is_dir():
        return wheel
    if checkout.is_dir() and (package.parent / "pyproject.toml").is_file():
        return checkout
    raise InputError(
        f"no folder {name!r} of semantic_svd: it is neither {wheel} nor, in a checkout, {checkout}"
    )
