"""Bad input, the one kind of error that a user can mend, said in one line."""

import operator
from numbers import Real
from typing import Any


class InputError(ValueError):
    """What is wrong, the value, what is allowed, and where: one line.

    The command prints it and ends with exit code 2.
    """


def whole(name: str, value: Any, least: int = 1, most: int | None = None, also: str = "") -> int:
    """Return a whole number, Python's own, checked against its bounds.

    Parameters
    ----------
    name : what the message calls it
    value : an int, or what is one, as of NumPy
    least, most : what is allowed, both included; None where there is no end
    also : what is allowed besides, for the message

    Examples
    --------
    >>> whole("epochs", 3)
    3
    >>> whole("levels", 0, most=12)
    Traceback (most recent call last):
    semantic_svd.errors.InputError: levels is a whole number from 1 to 12, not 0
    """
    try:
        number = least - 1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = least - 1
    if number < least or (most is not None and number > most):
        allowed = (
            f"from {least}" + (f" to {most}" if most is not None else "") + (f" or {also}" if also else "")
        )
        raise InputError(f"{name} is a whole number {allowed}, not {value!r}")
    return number


def is_real(value: Any) -> bool:
    """Tell a real number, as of NumPy too; True and False, which Python counts as 1 and 0, are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def none_masked(values: Any, name: str) -> None:
    """Refuse an array of which cells are masked: NumPy would hand on what lies under the mask."""
    import numpy as np

    if np.ma.is_masked(values):
        raise InputError(f"{name} has masked cells; fill them in, or leave their rows out")


def one_name_each(table: Any) -> None:
    """Refuse a DataFrame whose rows or columns have several levels of names."""
    if table.index.nlevels > 1 or table.columns.nlevels > 1:
        raise InputError("a table has one name a row and one a column; got several levels of names")
