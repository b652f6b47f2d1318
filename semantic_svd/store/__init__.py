"""A run on disk: one Zarr v3 group that plain `xarray.open_zarr` reads at any moment.

Its arrays are there over all epochs that will be kept, from the beginning; how many of them count, the root tells.
"""

from semantic_svd.store.reading import open_store
from semantic_svd.store.writing import Store, save

__all__ = ["Store", "open_store", "save"]
