"""Numbers as text inside a page: quantised as far as a picture needs, in base64, safe inside HTML.

A browser reads them with typed arrays and no library. They are not compressed: that would halve a page, and ask for a
browser of 2023 or for an inflater of our own.
"""

import base64
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["json_in_html", "packed", "quantised", "restored"]

STEPS = 32767  # of 16 bits with a sign


def quantised(values: NDArray[np.floating]) -> tuple[NDArray[np.int16], float]:
    """Count values in steps of 1/32767 of the largest, in 16 bits; return the counts and the step.

    Examples
    --------
    >>> counts, step = quantised(np.array([0.5, -1.0, 0.25]))
    >>> counts
    array([ 16384, -32767,   8192], dtype=int16)
    >>> restored(counts, step).round(4)
    array([ 0.5 , -1.  ,  0.25])
    """
    step = float(np.abs(values).max(initial=0.0)) / STEPS or 1.0
    return np.rint(values / step).astype(np.int16), step


def restored(counts: NDArray[np.int16], step: float) -> NDArray[np.float64]:
    """Return the values that the page will show."""
    return step * counts.astype(np.float64)


def packed(values: NDArray[Any], step: float = 1.0) -> dict[str, Any]:
    """Pack an array of a type that a browser has (int16, float32, uint8): type, shape, step, bytes in base64.

    Examples
    --------
    >>> packed(np.array([1, 2], dtype=np.uint8))
    {'type': 'uint8', 'shape': [2], 'step': 1.0, 'base64': 'AQI='}
    """
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    text = base64.b64encode(little.tobytes()).decode()
    return {"type": values.dtype.name, "shape": list(values.shape), "step": step, "base64": text}


def json_in_html(content: Any) -> str:
    r"""Write JSON that may stand inside a script element, whatever names are in it.

    Examples
    --------
    >>> json_in_html({"item": "</script><b>"})
    '{"item":"\\u003c/script>\\u003cb>"}'
    """
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
