"""A page to explore runs by: one file, no network, every panel follows the epoch. What the lecture shows.

Plain HTML, CSS and JavaScript, written out in the files beside this one; no library, nothing that ages.
"""

from semantic_svd.explorer.page import explorer_page

__all__ = ["explorer_page"]
