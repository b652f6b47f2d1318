"""What is refused, and in which words."""

import pytest

from semantic_svd.errors import InputError


def refused(function, *args, **kwargs):
    """Return the message with which something is refused, one line; the test fails where nothing is."""
    try:
        function(*args, **kwargs)
    except InputError as refusal:
        assert "\n" not in str(refusal)
        return str(refusal)
    return pytest.fail("nothing was refused")
