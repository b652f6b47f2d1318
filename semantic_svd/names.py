"""Names as figures and terminals show them: what tells runs apart, in lines that fit."""

import re
from collections.abc import Sequence
from textwrap import TextWrapper

__all__ = ["broken", "one_line", "telling"]

BETWEEN = re.compile(r"-(?=[^\W\d])|-(?=[0-9a-f]{8}$)")  # no minus: 1e-05 is one part
HASH = re.compile(r"-[0-9a-f]{8}$")


def telling(names: Sequence[str]) -> dict[str, str]:
    """Map the names of runs to what tells them apart: without the parts that all have, and a sweep's hash if it can be.

    Examples
    --------
    >>> list(telling(["bpa-toy-rate_0.1-f05c20a4", "dfa-toy-rate_0.1-1ed6c119"]).values())
    ['bpa', 'dfa']
    >>> list(telling(["bpa", "bpa-long"]).values())
    ['bpa', 'bpa-long']
    """
    for parts in (
        [BETWEEN.split(HASH.sub("", name)) for name in names],
        [BETWEEN.split(name) for name in names],
    ):
        common = set.intersection(*map(set, parts))
        told = ["-".join(part for part in of_one if part not in common) for of_one in parts]
        if all(told) and len(set(told)) == len(names):
            return dict(zip(names, told, strict=True))
    return {name: name for name in names}


def broken(name: str, width: int) -> str:
    r"""Break a name into lines of so many characters, after hyphens and slashes if there are any.

    Examples
    --------
    >>> broken("bpa-rate_0.05-hidden_16", 14)
    'bpa-rate_0.05-\nhidden_16'
    """
    lines = TextWrapper(width)
    lines.wordsep_re = re.compile(r"(\s+)|(?<=[-/])")  # its own breaks only between letters
    return lines.fill(name)


def one_line(name: str) -> str:
    r"""Write a name in a line, whatever white space it has.

    Examples
    --------
    >>> one_line("polar\nbear")
    'polar bear'
    """
    return " ".join(name.split())
