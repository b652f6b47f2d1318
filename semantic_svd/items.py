"""Items: what a network learns about, a matrix of items by properties with their names.

Data sets that come with the package, a reader for a user's own CSV or DataFrame, and trees made to order. The reader
goes cell by cell with the csv module, not through pandas: pandas renames a repeated column, turns the word NA into a
missing number and skips lines, all in silence; here every fault has a file, a line and a column.
"""

import csv
import hashlib
import io
import itertools
import json
import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from semantic_svd.errors import InputError, is_real, none_masked, one_name_each, whole
from semantic_svd.top import top_folder

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["DATASETS", "Items", "balanced_tree", "load_items", "read_items", "sampled_tree"]

DATASETS: dict[str, str] = {
    "mcclelland2020": "mcclelland2020.csv",
    "mcclelland2020_new_items": "mcclelland2020_new_items.csv",
    "rumelhart1990": "rumelhart1990.csv",
    "rogers_mcclelland2004": "rogers_mcclelland2004.csv",
    "saxe2019_toy": "saxe2019_toy.csv",
}
"""The data sets that come with the package: name and file in `data/`, whose README tells their sources."""


@dataclass(frozen=True, eq=False, repr=False)
class Items:
    """An item-property matrix with the names of its rows and columns. It cannot be changed.

    Parameters
    ----------
    values : array-like of shape (n_items, n_properties)
        Finite numbers of any scale; kept as a read-only float64 copy.
    items, properties : sequence of str
        The names, each different from the others.
    name : str
        What the set is called in figures and files.

    Raises
    ------
    InputError
        If the names do not fit the shape or repeat, if there is no value, or if a value is not finite.

    Examples
    --------
    >>> pets = Items([[1, 0, 4], [1, 3, 0]], ["cat", "canary"], ["moves", "sings", "purrs"], "pets")
    >>> pets
    Items('pets', 2 items x 3 properties)
    >>> pets.select(["canary"]).values
    array([[1., 3., 0.]])
    """

    values: NDArray[np.float64]
    items: tuple[str, ...]
    properties: tuple[str, ...]
    name: str

    def __post_init__(self):
        none_masked(self.values, self.name)
        try:
            values = np.array(self.values, dtype=np.float64)  # (n_items, n_properties), a copy of our own
        except (TypeError, ValueError):
            raise InputError(
                f"{self.name}: values are numbers, (items, properties), rows of one length"
            ) from None
        values.setflags(write=False)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "items", tuple(map(str, self.items)))
        object.__setattr__(self, "properties", tuple(map(str, self.properties)))
        self._check()

    def _check(self) -> None:
        named = (len(self.items), len(self.properties))
        if self.values.shape != named or 0 in named:
            raise InputError(
                f"{self.name}: values of shape {self.values.shape} for {named[0]} items and {named[1]} properties; "
                "the shape must be (items, properties), at least one of each"
            )
        for kind, names in (("item", self.items), ("property", self.properties)):
            if len(set(names)) < len(names):
                twice = _first_repeated(names)
                raise InputError(f"{self.name}: {kind} {twice!r} is there twice; names must differ")
        for i, j in np.argwhere(~np.isfinite(self.values)):
            raise InputError(
                f"{self.name}, item {self.items[i]!r}, property {self.properties[j]!r}: "
                f"{self.values[i, j]} is not a finite number"
            )

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"Items({self.name!r}, {len(self.items)} items x {len(self.properties)} properties)"

    def __reduce__(self):  # a pickled array forgets that it is read-only, so copies are built anew
        return Items, (self.values, self.items, self.properties, self.name)

    @property
    def array(self) -> "xr.DataArray":
        """The matrix with its labels, dimensions ("item", "property"), as read-only as the values.

        Examples
        --------
        >>> load_items("saxe2019_toy").array.sel(item="Rose", property="Petals").item()
        1.0
        """
        import xarray as xr

        coords = {"item": list(self.items), "property": list(self.properties)}
        return xr.DataArray(self.values, coords, dims=("item", "property"), name=self.name)

    @property
    def hash(self) -> str:
        """The sha256 of values and labels, in hex: equal on every machine, whatever the set is called.

        Examples
        --------
        >>> load_items("mcclelland2020").hash[:12]
        'bd0a929fc031'
        """
        labels = json.dumps([self.items, self.properties]).encode()
        values = (self.values + 0.0).astype("<f8")  # + 0.0 makes -0.0, which equals 0.0, the same bytes
        return hashlib.sha256(labels + values.tobytes()).hexdigest()

    def localist(self) -> "Items":
        """Give the same items one property each, their own name: the identity matrix.

        Examples
        --------
        >>> load_items("saxe2019_toy").localist().properties
        ('Canary', 'Salmon', 'Oak', 'Rose')
        """
        return Items(np.eye(len(self)), self.items, self.items, f"{self.name} (localist)")

    def with_items(self, other: "Items") -> "Items":
        """Put the items of another set with the same properties below these.

        Raises
        ------
        InputError
            If the properties are not the same in the same order, or if an item is in both sets.

        Examples
        --------
        >>> new = load_items("mcclelland2020_new_items").select(["sparrowhawk"])
        >>> load_items("mcclelland2020").with_items(new)
        Items('mcclelland2020 + mcclelland2020_new_items', 9 items x 34 properties)
        """
        if self.properties != other.properties:
            raise InputError(
                f"{other.name} cannot join {self.name}: {_first_difference(self.properties, other.properties)}; "
                "both must have the same properties in the same order"
            )
        values = np.vstack([self.values, other.values])
        return Items(values, self.items + other.items, self.properties, f"{self.name} + {other.name}")

    def select(self, names: Iterable[str]) -> "Items":
        """Take the items of these names, in the order of the names.

        Raises
        ------
        InputError
            If a name is not an item's, is given twice, or if there is none.

        Examples
        --------
        >>> load_items("mcclelland2020").select(["rose", "oak"]).items
        ('rose', 'oak')
        """
        wanted = [names] if isinstance(names, str) else list(names)
        for item in wanted:
            if item not in self.items:
                raise InputError(f"no item {item!r} in {self.name}; its items are {', '.join(self.items)}")
        rows = [self.items.index(item) for item in wanted]
        return Items(self.values[rows], tuple(wanted), self.properties, self.name)


def load_items(name_or_path: str | os.PathLike[str]) -> Items:
    """Load a data set of the package by its name, or a CSV file by its path.

    Parameters
    ----------
    name_or_path : str or path
        A name of `DATASETS`; if it is none, the path of a CSV file as `read_items` takes it.

    Returns
    -------
    Items
        The items, named as the data set, or as the file without its suffix.

    Raises
    ------
    InputError
        If there is neither a data set nor a file of that name, or if the file has a fault.

    Examples
    --------
    >>> load_items("mcclelland2020")
    Items('mcclelland2020', 8 items x 34 properties)
    """
    if not isinstance(name_or_path, str | os.PathLike):
        raise InputError(f"items are a name or a path, not {type(name_or_path).__name__}")
    name = os.fspath(name_or_path)
    if name in DATASETS:
        return read_items(top_folder("data") / DATASETS[name], name)
    if not os.path.exists(name):  # noqa: PTH110 (Path.exists raises on a name that is too long)
        raise InputError(
            f"no data set and no file is called {name!r}; the data sets are {', '.join(DATASETS)}"
        )
    return read_items(name)


def read_items(source: "str | os.PathLike[str] | pd.DataFrame", name: str | None = None) -> Items:
    """Read items from a CSV file or a DataFrame: the first column names the items, the others are properties.

    A file is text in UTF-8 with commas between the cells; its first line names the properties. Spaces around a cell,
    lines without any text and the line `sep=,` are ignored. A cell is a decimal number of any scale (`1`, `0.25`,
    `-3e-2`): neither a word (`NA`, `True`) nor empty. Names stay text even when they look like numbers; a file in
    which all names of properties do begins with an empty cell or `item`, as its first line might be an item. In a
    DataFrame the index names the items if it is of words, and also if it is of numbers other than 0, 1, 2, ... where
    the first column is of numbers too, and is not called `item`.

    Parameters
    ----------
    source : str, path or DataFrame
        Where the items are.
    name : str, optional
        The name of the set; the file's name without its suffix if not given, "items" for a DataFrame.

    Returns
    -------
    Items
        At least two items with at least one property.

    Raises
    ------
    InputError
        At the first fault, naming the file, the line, the item and the column.

    Examples
    --------
    >>> import pandas as pd
    >>> read_items(pd.DataFrame({"item": ["cat", "canary"], "sings": [0, 2.5]}), "pets")
    Items('pets', 2 items x 1 properties)
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        rows = _rows_of_file(path)
        _refuse_no_header(rows)
        return _items_of(rows, str(path), name or path.stem)
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        return _items_of(_rows_of_frame(source), "DataFrame", name or "items")
    raise InputError(f"items are read from a path or a DataFrame, not from a {type(source).__name__}")


def balanced_tree(levels: int) -> Items:
    """Make the items of a balanced binary tree: 2**levels leaves, one property a node.

    An item has the property of every node on its path from the root, so two items share as many properties as they
    have ancestors in common. With p levels, Y Y' has the eigenvalue 2^(p+1) - 1 once and, for l = 1..p, the
    eigenvalue 2^(p-l+1) - 1 with multiplicity 2^(l-1): the split at level l.

    Parameters
    ----------
    levels : int
        How often the tree branches, from 1 to 12.

    Returns
    -------
    Items
        Values 0 and 1 of shape (2**levels, 2**(levels + 1) - 1); columns from the root down, each level from left
        to right. Items and nodes are named by their path, 0 for left and 1 for right.

    Raises
    ------
    InputError
        If levels is not a whole number from 1 to 12.

    References
    ----------
    Saxe, McClelland & Ganguli 2019, A mathematical theory of semantic development in deep neural networks, PNAS 116,
    doi 10.1073/pnas.1820226116.

    Examples
    --------
    >>> tree = balanced_tree(2)
    >>> tree.items
    ('item 00', 'item 01', 'item 10', 'item 11')
    >>> tree.properties
    ('root', 'node 0', 'node 1', 'node 00', 'node 01', 'node 10', 'node 11')
    >>> tree.values[1]
    array([1., 1., 0., 0., 1., 0., 0.])
    """
    levels = whole("levels", levels, 1, 12)
    below = [np.ones((2 ** (levels - level), 1)) for level in range(levels + 1)]  # the leaves below one node
    values = np.hstack([np.kron(np.eye(2**level), ones) for level, ones in enumerate(below)])
    nodes = [f"node {path}" for level in range(1, levels + 1) for path in _paths(level)]
    return Items(values, _leaves(levels), ("root", *nodes), f"balanced_tree({levels})")


def sampled_tree(levels: int, properties: int, flip: float, seed: int) -> Items:
    """Sample properties that flip on their way down a balanced binary tree.

    Each property starts at the root as +1 or -1, with even odds, and goes down to the 2**levels leaves; on every
    branch it changes its sign with probability `flip`. Two items whose paths part d levels above the leaves have
    E[y_i y_j] = (1 - 2 flip)^(2d).

    Parameters
    ----------
    levels : int
        How often the tree branches, from 1 to 12.
    properties : int
        How many properties to sample, independent of each other; at least 1.
    flip : float
        Probability of a change of sign on one branch, from 0 to 1.
    seed : int
        Seed of the random numbers, at least 0.

    Returns
    -------
    Items
        Values -1 and +1 of shape (2**levels, properties); items as in `balanced_tree`.

    Raises
    ------
    InputError
        If an argument is out of its range.

    References
    ----------
    Saxe, McClelland & Ganguli 2019, A mathematical theory of semantic development in deep neural networks, PNAS 116,
    doi 10.1073/pnas.1820226116, supplementary information.

    Examples
    --------
    >>> sampled_tree(levels=3, properties=100, flip=0.1, seed=0)
    Items('sampled_tree(3, 100, 0.1, 0)', 8 items x 100 properties)
    """
    levels = whole("levels", levels, 1, 12)
    properties = whole("properties", properties, 1)
    seed = whole("seed", seed, 0)
    if not (is_real(flip) and 0 <= flip <= 1):
        raise InputError(f"flip is {flip!r}; it must be a probability from 0 to 1")
    rng = np.random.default_rng(seed)
    values = rng.choice([-1.0, 1.0], size=(1, properties))  # the root
    for _ in range(levels):
        values = np.repeat(values, 2, axis=0)  # every node hands its values to its two children
        values *= np.where(rng.random(values.shape) < flip, -1.0, 1.0)
    names = tuple(f"property {k}" for k in range(1, properties + 1))
    return Items(values, _leaves(levels), names, f"sampled_tree({levels}, {properties}, {flip}, {seed})")


# Reading: a source becomes rows, each with its place for the error message; then one check for every source.

Row = tuple[str, Sequence[object]]
_CORNERS = ("", "item", "index")  # what the column that names the items is called, where that is to be said
_EXCELS = ["sep=", ""]  # the line "sep=,", by which a program tells Excel what stands between the cells
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)  # float() takes 1_000 and nan too


def _rows_of_file(path: Path) -> list[Row]:
    text = _text(path)
    header = text.partition("\n")[0]
    for mark, called in ((";", "';'"), ("\t", "tabs")):
        if mark in header and "," not in header:  # as Excel saves where commas are decimal
            raise InputError(
                f"{path}, line 1: cells are separated by {called}; save the file with commas between them, and with "
                "decimal points"
            )
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    try:
        rows = [(f"{path}, line {reader.line_num}", [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        hint = ", as cells have commas between them" if "',' expected" in str(error) else ""
        raise InputError(f"{path}, line {reader.line_num}: cannot be read as CSV: {error}{hint}") from None
    return [(place, cells) for place, cells in rows if any(cells) and cells != _EXCELS]


def _refuse_no_header(rows: list[Row]) -> None:
    """Refuse a file whose first line may be an item, which would be lost in silence as the properties' names.

    Numbers are names where the corner says so, and where pandas made them: 0, 1, 2, ... from the first column on.
    """
    place, header = rows[0] if rows else ("", ())
    corner, *names = map(str, header or ("",))
    if corner.lower() in _CORNERS or [corner, *names] == [str(k) for k in range(len(header))]:
        return
    if names and all(_DECIMAL.fullmatch(name) for name in names):
        raise InputError(
            f"{place}: after {corner!r} come numbers alone, and the first line names the properties; "
            "if these are their names, begin the line with item"
        )


def _text(path: Path) -> str:
    if path.is_dir():
        raise InputError(f"{path} is a folder; items are a CSV file or a set that comes with the package")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    text, fault = "", data.find(b"\0")  # UTF-16 without its mark decodes, but is full of zeros
    try:
        text = data.decode("utf-8-sig")  # with or without the byte order mark of Excel
    except UnicodeDecodeError as error:
        fault = error.start
    if fault >= 0:
        line = data.count(b"\n", 0, fault) + 1
        raise InputError(f"{path}, line {line}: is not text in UTF-8; save the file as CSV UTF-8")
    return text


def _rows_of_frame(frame: "pd.DataFrame") -> list[Row]:
    one_name_each(frame)
    if _index_names(frame):
        frame = frame.copy()  # pandas would warn of columns that lie apart, as a CSV's do
        frame = frame.reset_index(allow_duplicates=True)
    if frame.columns.empty:
        return []
    rows: list[Row] = [("DataFrame, header", [_label(column) for column in frame.columns])]
    for number, cells in enumerate(frame.itertuples(index=False, name=None), start=1):
        rows.append((f"DataFrame, row {number}", [_label(cells[0]), *cells[1:]]))
    return rows


def _index_names(frame: "pd.DataFrame") -> bool:
    """Tell whether the index names the items; if not, the first column does. No property is lost as a name."""
    import pandas as pd

    numeric = pd.api.types.is_numeric_dtype
    if not numeric(frame.index.dtype):
        return True
    if frame.columns.empty:
        return False
    first = _label(frame.columns[0])
    if first.lower() in _CORNERS or not numeric(frame.iloc[:, 0].infer_objects().dtype):
        return False
    if frame.index.name is None and frame.index.equals(pd.RangeIndex(len(frame))):
        raise InputError(
            f"DataFrame: nothing names the items, as the first column, {first!r}, is of numbers and the index is "
            "0, 1, 2, ...; put their names in the index, or in a first column called item"
        )
    return True


def _label(value: Any) -> str:
    import pandas as pd

    return "" if pd.isna(value) is True else str(value).strip()


def _items_of(rows: list[Row], source: str, name: str) -> Items:
    if not rows:
        raise InputError(f"{source}: is empty; a line of property names and at least two items are needed")
    properties = _properties_of(*rows[0])
    places: dict[str, str] = {}  # of each item
    values = []
    for place, (first, *cells) in rows[1:]:
        item = str(first)
        where = f"{place} (item {item!r})"
        if len(cells) != len(properties):
            raise InputError(
                f"{where}: number of cells is {len(cells) + 1}; the header has {len(properties) + 1}"
            )
        if not item:
            raise InputError(f"{place}: the item has no name")
        if item in places:
            raise InputError(f"{where}: the same name is at {places[item]}; names must differ")
        places[item] = place
        values.append([_number(cell, where, column) for cell, column in zip(cells, properties, strict=True)])
    if len(places) < 2:
        raise InputError(f"{source}: number of items is {len(places)}; at least two are needed")
    return Items(np.array(values), tuple(places), properties, name)


def _properties_of(place: str, header: Sequence[object]) -> tuple[str, ...]:
    names = tuple(map(str, header[1:]))
    if not names:
        raise InputError(
            f"{place}: only one column found, {header[0]!r}; "
            "at least two are needed, names of items and a property, with commas between them"
        )
    columns: dict[str, int] = {}  # where each name is used first
    for column, name in enumerate(names, start=2):
        if not name:
            raise InputError(f"{place}: column {column} has no name (a comma at the end of the line?)")
        first = columns.setdefault(name, column)
        if first < column:
            raise InputError(
                f"{place}: property {name!r} names columns {first} and {column}; names must differ"
            )
    return names


def _number(cell: object, where: str, column: str) -> float:
    is_number = _DECIMAL.fullmatch(cell) if isinstance(cell, str) else is_real(cell)
    if is_number and math.isfinite(value := float(cell)):  # type: ignore[arg-type]
        return value
    fault = "the cell is empty" if isinstance(cell, str) and not cell else f"{cell!r} is not a finite number"
    raise InputError(f"{where}, column {column!r}: {fault}")


# Small helpers


def _paths(level: int) -> list[str]:
    return ["".join(turns) for turns in itertools.product("01", repeat=level)]


def _leaves(levels: int) -> tuple[str, ...]:
    return tuple(f"item {path}" for path in _paths(levels))


def _first_repeated(names: Sequence[str]) -> str:
    return next(name for k, name in enumerate(names) if name in names[:k])


def _first_difference(ours: Sequence[str], theirs: Sequence[str]) -> str:
    for number, (a, b) in enumerate(zip(ours, theirs, strict=False), start=1):
        if a != b:
            return f"property {number} is {b!r} where it should be {a!r}"
    return f"the number of properties is {len(theirs)} where it should be {len(ours)}"
