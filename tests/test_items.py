"""Claims about items: the data sets, the reader and its errors, the trees, and where the folders are."""

import copy
import hashlib
import pickle
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from refusals import refused

from semantic_svd import Network, recorded_run, top, train
from semantic_svd.items import DATASETS, Items, balanced_tree, load_items, read_items, sampled_tree
from semantic_svd.matrices import labelled
from semantic_svd.modes import svd
from semantic_svd.top import top_folder

# The data sets

ONES = {  # columns that are 1, from the publication of the matrix, counted from 0
    "sparrow": [0, 1, 2, 3, 4, 5, 8, 9, 16],
    "hawk": [0, 1, 2, 3, 4, 5, 10, 11, 17],
    "salmon": [0, 1, 2, 3, 6, 7, 12, 13, 18],
    "sunfish": [0, 1, 2, 3, 6, 7, 14, 15, 19],
    "oak": [25, 28, 29, 30, 31, 32, 33],
    "maple": [24, 28, 29, 30, 31, 32, 33],
    "rose": [23, 26, 27, 30, 31, 32, 33],
    "daisy": [22, 26, 27, 30, 31, 32, 33],
}


def test_the_eight_items_have_exactly_the_published_properties():
    data = load_items("mcclelland2020")
    assert data.items == tuple(ONES)
    assert len(data.properties) == 34
    assert set(np.unique(data.values)) == {0.0, 1.0}
    assert {
        item: list(np.flatnonzero(row)) for item, row in zip(data.items, data.values, strict=True)
    } == ONES


def test_squared_singular_values_of_the_eight_items_are_23_21_7_5_3_3_1_1():
    s = np.linalg.svd(load_items("mcclelland2020").values, compute_uv=False)
    np.testing.assert_allclose(s**2, [23, 21, 7, 5, 3, 3, 1, 1], rtol=1e-13)


def test_the_sparrowhawk_is_new_in_part_and_the_falcon_is_a_hawk():
    data, new = load_items("mcclelland2020"), load_items("mcclelland2020_new_items")
    assert new.properties == data.properties
    assert list(np.flatnonzero(new.values[0])) == [0, 1, 2, 3, 4, 5, 8, 10, 20]
    np.testing.assert_array_equal(new.values[1], data.select(["hawk"]).values[0])
    _, residual, _, _ = np.linalg.lstsq(data.values.T, new.values[0])  # off the span of the eight
    np.testing.assert_allclose(residual, 2.453416, atol=5e-7)


@pytest.mark.parametrize(
    ("name", "shape", "ones"),
    [
        ("mcclelland2020", (8, 34), 64),
        ("mcclelland2020_new_items", (2, 34), 18),
        ("rumelhart1990", (8, 36), 93),
        ("rogers_mcclelland2004", (21, 53), 225),
        ("saxe2019_toy", (4, 7), 12),
    ],
)
def test_every_data_set_has_its_shape_and_number_of_ones(name, shape, ones):
    data = load_items(name)
    assert (data.name, data.values.shape, data.values.sum()) == (name, shape, ones)


def test_the_toy_example_has_squared_singular_values_7_3_1_1():
    s = np.linalg.svd(load_items("saxe2019_toy").values, compute_uv=False)
    np.testing.assert_allclose(s**2, [7, 3, 1, 1], rtol=1e-13)


def test_the_toy_example_is_part_of_rumelhart_but_for_the_leaves_of_the_rose():
    toy, whole = load_items("saxe2019_toy").array, load_items("rumelhart1990").array
    same = ["Can_Grow", "Can_Move", "Has_Roots", "Can_Fly", "Can_Swim", "Has_Leaves", "Has_Petals"]
    difference = whole.sel(item=toy["item"], property=same).values - toy.values
    assert np.argwhere(difference).tolist() == [[toy["item"].values.tolist().index("Rose"), 5]]


def test_readme_has_the_sha256_of_every_file_and_of_no_other():
    folder = top_folder("data")
    listed = dict(re.findall(r"^([0-9a-f]{64})  (\S+)$", (folder / "README.md").read_text(), re.M))
    files = {hashlib.sha256(path.read_bytes()).hexdigest(): path.name for path in folder.glob("*.csv")}
    assert files == listed
    assert set(files.values()) == set(DATASETS.values())


# Items


def test_nobody_can_change_items():
    numbers = np.ones((2, 3))
    data = Items(numbers, ["a", "b"], ["p", "q", "r"], "small")
    numbers[0, 0] = 5  # the caller's own array
    assert data.values[0, 0] == 1
    for unchangeable in (data, pickle.loads(pickle.dumps(data)), copy.deepcopy(data)):
        with pytest.raises(ValueError, match="read-only"):
            unchangeable.values[0, 0] = 5
        with pytest.raises(ValueError, match="read-only"):
            unchangeable.array[0, 0] = 5
        with pytest.raises(AttributeError):
            unchangeable.name = "large"


def test_array_carries_the_names_in_order():
    array = load_items("mcclelland2020").array
    assert array.dims == ("item", "property")
    assert list(array["item"].values) == list(ONES)
    assert array.name == "mcclelland2020"
    assert array.sel(item="hawk", property="is fierce") == 1


def test_hash_is_of_values_and_labels_alone():
    values = [[1.0, 0.0], [0.0, 2.0]]
    known = Items(values, ["a", "b"], ["p", "q"], "one").hash
    assert known == "9cb69cbbf4c5605947c7ec81c9e81d2431478a42eef39dc33a181c207421ff02"  # for ever
    assert Items([[1, -0.0], [0, 2]], ["a", "b"], ["p", "q"], "other name").hash == known
    others = [
        Items([[1, 0], [0, 3]], ["a", "b"], ["p", "q"], "one"),
        Items(values, ["a", "c"], ["p", "q"], "one"),
        Items(values, ["a", "b"], ["p", "r"], "one"),
        Items(values, ["b", "a"], ["p", "q"], "one"),
    ]
    assert len({known, *(other.hash for other in others)}) == 5


def test_localist_items_are_the_identity_matrix():
    localist = load_items("mcclelland2020").localist()
    np.testing.assert_array_equal(localist.values, np.eye(8))
    assert localist.items == localist.properties == tuple(ONES)


def test_with_items_stacks_and_select_takes_apart():
    eight, new = load_items("mcclelland2020"), load_items("mcclelland2020_new_items")
    ten = eight.with_items(new)
    assert len(ten) == 10
    assert ten.select(eight.items).hash == eight.hash
    assert ten.select(new.items).hash == new.hash
    assert ten.select("falcon").items == ("falcon",)
    assert ten.select(["rose", "hawk"]).items == ("rose", "hawk")


def test_repr_is_one_line():
    assert repr(load_items("mcclelland2020")) == "Items('mcclelland2020', 8 items x 34 properties)"


def small(values=((1, 2), (3, 4)), items=("a", "b"), properties=("p", "q"), name="small"):
    return Items(values, items, properties, name)


def test_faults_of_items_are_told_in_one_line():
    shape = "the shape must be (items, properties), at least one of each"
    assert refused(small, items="abc") == (
        f"small: values of shape (2, 2) for 3 items and 2 properties; {shape}"
    )
    assert refused(small, np.ones((0, 2)), ()) == (
        f"small: values of shape (0, 2) for 0 items and 2 properties; {shape}"
    )
    assert refused(small, items="aa") == "small: item 'a' is there twice; names must differ"
    assert refused(small, properties="pp") == "small: property 'p' is there twice; names must differ"
    assert refused(small, ((1, 2), (3, np.inf))) == (
        "small, item 'b', property 'q': inf is not a finite number"
    )
    assert refused(small().select, ["a", "c"]) == "no item 'c' in small; its items are a, b"
    assert refused(small().select, ["a", "a"]) == "small: item 'a' is there twice; names must differ"
    assert refused(small().select, []) == (
        f"small: values of shape (0, 2) for 0 items and 2 properties; {shape}"
    )


MASKED = np.ma.masked_equal(np.arange(12.0).reshape(3, 4), 5)


@pytest.mark.parametrize(
    ("take", "name"),
    [
        (lambda: Items(MASKED, "abc", "pqrs", "mine"), "mine"),
        (lambda: train("backprop", Network((4, 2, 4)), MASKED, epochs=1), "x"),
        (lambda: train("backprop", Network((4, 2, 4)), np.eye(3, 4), MASKED, epochs=1), "y"),
        (lambda: svd(MASKED), "a matrix"),
        (lambda: recorded_run({}, MASKED, items=np.eye(3, 4)), "the output"),
        (lambda: recorded_run({}, np.eye(3, 4), items=MASKED), "items"),
    ],
)
def test_what_a_mask_hides_is_neither_learned_nor_analysed(take, name):
    assert refused(take) == f"{name} has masked cells; fill them in, or leave their rows out"


def test_sets_that_do_not_fit_cannot_be_joined():
    same = "both must have the same properties in the same order"
    other = small(items="cd", properties="pr", name="other")
    assert refused(small().with_items, other) == (
        f"other cannot join small: property 2 is 'r' where it should be 'q'; {same}"
    )
    wide = small(np.ones((2, 3)), "cd", "pqr", "wide")
    assert refused(small().with_items, wide) == (
        f"wide cannot join small: the number of properties is 3 where it should be 2; {same}"
    )
    assert refused(small().with_items, small()) == (
        "small + small: item 'a' is there twice; names must differ"
    )


# Reading


@pytest.fixture
def reading(tmp_path, monkeypatch):
    """Read a file of this content, called mine.csv, from the folder where we are."""
    monkeypatch.chdir(tmp_path)

    def read(content):
        (tmp_path / "mine.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_items("mine.csv")

    return read


def test_a_plain_file_becomes_items(reading):
    data = reading("item,can fly,weight\nsparrow,1,0.03\nhawk,1.,-2e-1\nwhale,.0,+4\n")
    assert (data.name, data.items, data.properties) == (
        "mine",
        ("sparrow", "hawk", "whale"),
        ("can fly", "weight"),
    )
    np.testing.assert_array_equal(data.values, [[1, 0.03], [1, -0.2], [0, 4]])


@pytest.mark.parametrize(
    "content",
    [
        b'\xef\xbb\xbf"item, named",p,q\na,1,2\nb,3,4\n',  # a byte order mark
        b"item,p,q\r\na,1,2\r\nb,3,4\r\n",  # Windows
        b"item,p,q\ra,1,2\rb,3,4",  # old Macintosh, no end of line at the end
        b"\n\nitem,p,q\n\na,1,2\n   \n,,\nb,3,4\n\n\n",  # lines without text
        b" item , p , q \n a , 1 , 2 \n b , 3 , 4 \n",  # spaces
        b'"item","p","q"\n"a","1","2"\n"b", "3", "4"\n',  # quotes
        b",p,q\na,1,2\nb,3,4\n",  # the corner is empty, as pandas writes it
        b"sep=,\r\nitem,p,q\r\na,1,2\r\nb,3,4\r\n",  # a line for Excel
    ],
)
def test_harmless_differences_of_form_are_no_differences(reading, content):
    assert reading(content).hash == Items([[1, 2], [3, 4]], "ab", "pq", "mine").hash


def test_names_are_text_whatever_they_look_like(reading):
    data = reading('item,1,"big, old",nan\n007,1,2,3\nNA,4,5,6\n1e3,7,8,9\n"Łódź ""x""",1,1,1\n')
    assert data.items == ("007", "NA", "1e3", 'Łódź "x"')
    assert data.properties == ("1", "big, old", "nan")


@pytest.mark.parametrize("first", ["robin,1,0", "robin,1,0,0", "robin,0.3", "7,0.5,1e3"])
def test_a_first_line_that_is_an_item_is_not_lost_in_silence(reading, first):
    below = "".join(f"{name}{',1' * first.count(',')}\n" for name in ("trout", "oak"))
    assert refused(reading, f"{first}\n{below}") == (
        f"mine.csv, line 1: after {first.split(',')[0]!r} come numbers alone, and the first line names the "
        "properties; if these are their names, begin the line with item"
    )


@pytest.mark.parametrize("first", ["item,1,2", "Item,2,1", ",0,1", "index,1990,2000", "0,1,2", "robin,1,b"])
def test_properties_may_be_called_by_numbers(reading, first):
    data = reading(f"{first}\ntrout,0,1\noak,0,0\n")
    assert data.items == ("trout", "oak")
    assert data.properties == tuple(first.split(",")[1:])


def test_what_pandas_writes_of_properties_without_names_is_read(tmp_path):
    values = pd.DataFrame([[1.0, 0.0], [0.0, 1.0]], index=["robin", "trout"])
    values.to_csv(tmp_path / "a.csv")
    values.reset_index().T.reset_index(drop=True).T.to_csv(tmp_path / "b.csv", index=False)
    for name in ("a.csv", "b.csv"):
        data = read_items(tmp_path / name)
        assert data.items == ("robin", "trout") and len(data.properties) == 2
    assert read_items(values).properties == ("0", "1")
    named = values.rename_axis("robin")
    assert read_items(named).items == ("robin", "trout")  # a frame says by itself what its columns are


def test_a_name_for_the_set_can_be_given(tmp_path):
    path = tmp_path / "my.animals.csv"
    path.write_text("item,p\na,1\nb,2\n")
    assert load_items(path).name == "my.animals"
    assert load_items(str(path)).name == "my.animals"
    assert read_items(path, "zoo").name == "zoo"


@pytest.mark.parametrize(
    "cell", ["tall", "NA", "nan", "inf", "-inf", "1e999", "True", "1_000", "0x1F", "1,5", "١"]
)
def test_a_cell_that_is_no_finite_number_is_named_with_file_line_item_and_column(reading, cell):
    message = f"mine.csv, line 3 (item 'b'), column 'q': {cell!r} is not a finite number"
    assert refused(reading, f'item,p,q\na,1,2\nb,3,"{cell}"\n') == message


def test_lines_are_counted_as_an_editor_counts_them(reading):
    content = 'item,p\n\n"two\nlines",1\n\nb,word\n'
    assert refused(reading, content) == (
        "mine.csv, line 6 (item 'b'), column 'p': 'word' is not a finite number"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("item,p,q\na,1,\nb,3,4\n", "mine.csv, line 2 (item 'a'), column 'q': the cell is empty"),
        (
            "item,p\na,1\nb,2\na,3\n",
            "mine.csv, line 4 (item 'a'): the same name is at mine.csv, line 2; names must differ",
        ),
        (
            "item,p,q, p\na,1,2,3\nb,1,2,3\n",
            "mine.csv, line 1: property 'p' names columns 2 and 4; names must differ",
        ),
        ("item,p,q\na,1\nb,3,4\n", "mine.csv, line 2 (item 'a'): number of cells is 2; the header has 3"),
        ("item,p\na,1\nb,3,\n", "mine.csv, line 3 (item 'b'): number of cells is 3; the header has 2"),
        (
            "item,p,\na,1,\nb,3,\n",
            "mine.csv, line 1: column 3 has no name (a comma at the end of the line?)",
        ),
        ("item,p\n,1\nb,3\n", "mine.csv, line 2: the item has no name"),
        ("item,p\na,1\n", "mine.csv: number of items is 1; at least two are needed"),
        ("item,p\n", "mine.csv: number of items is 0; at least two are needed"),
        ("", "mine.csv: is empty; a line of property names and at least two items are needed"),
        (" \n,\n\n", "mine.csv: is empty; a line of property names and at least two items are needed"),
        (
            "item p\na 1\nb 2\n",
            "mine.csv, line 1: only one column found, 'item p'; "
            "at least two are needed, names of items and a property, with commas between them",
        ),
        (
            'item,p\na,"1"2\nb,3\n',
            "mine.csv, line 2: cannot be read as CSV: ',' expected after '\"', as cells have commas between them",
        ),
        (
            'item;p\n"a";1,5\nb;2\n',
            "mine.csv, line 1: cells are separated by ';'; save the file with commas between them, and with decimal "
            "points",
        ),
        (
            "item\tp\na\t1\nb\t2\n",
            "mine.csv, line 1: cells are separated by tabs; save the file with commas between them, and with decimal "
            "points",
        ),
        ('item,p\na,1\n"b,3\n', "mine.csv, line 3: cannot be read as CSV: unexpected end of data"),
        (
            "item,p\ncaf\u00e9,1\nb,2\n".encode("latin-1"),
            "mine.csv, line 2: is not text in UTF-8; save the file as CSV UTF-8",
        ),
        ("item,p\n".encode("utf-16"), "mine.csv, line 1: is not text in UTF-8; save the file as CSV UTF-8"),
        (
            "item,p\n".encode("utf-16-le"),
            "mine.csv, line 1: is not text in UTF-8; save the file as CSV UTF-8",
        ),
    ],
)
def test_each_fault_of_a_file_has_its_message(reading, content, message):
    assert refused(reading, content) == message


def test_a_file_that_cannot_be_opened_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.csv").mkdir()
    assert refused(read_items, "lost.csv") == "lost.csv: cannot be read: No such file or directory"
    assert refused(load_items, "folder.csv") == (
        "folder.csv is a folder; items are a CSV file or a set that comes with the package"
    )


@pytest.mark.parametrize("name", ["mcclelland2021", "lost.csv", "", "x" * 300])
def test_an_unknown_name_is_answered_with_the_known_ones(name):
    known = "mcclelland2020, mcclelland2020_new_items, rumelhart1990, rogers_mcclelland2004, saxe2019_toy"
    assert refused(load_items, name) == (
        f"no data set and no file is called {name!r}; the data sets are {known}"
    )


def test_a_frame_reads_as_its_file_does(tmp_path):
    data = load_items("rumelhart1990")
    frame = data.array.to_pandas()
    assert read_items(frame.reset_index()).hash == data.hash  # items in the first column
    assert read_items(frame).hash == data.hash  # items in the index
    gaps = frame.reset_index().set_axis(range(0, 80, 10))  # a column of words names the items
    assert read_items(gaps).hash == data.hash
    frame.to_csv(tmp_path / "again.csv")
    assert read_items(tmp_path / "again.csv").hash == data.hash
    assert read_items(frame).name == "items"


@pytest.mark.parametrize("index", [[101, 102], [0.5, 1.5], [1, 2], pd.Index([0, 1], name="id")])
def test_a_numeric_index_names_the_items_of_a_frame_of_numbers(index, tmp_path):
    frame = pd.DataFrame({"a": [0.1, 0.2], "b": [1, 0]}, index=index)
    data = read_items(frame)
    assert (data.items, data.properties) == (tuple(map(str, index)), ("a", "b"))
    np.testing.assert_array_equal(data.values, labelled(frame))
    frame.to_csv(tmp_path / "same.csv")
    assert read_items(tmp_path / "same.csv").hash == data.hash


@pytest.mark.parametrize("kind", [float, object, bool])
def test_a_property_is_not_taken_for_names(kind):
    frame = pd.DataFrame({"a": [1, 0], "b": [1, 0]}).astype({"a": kind})
    assert refused(read_items, frame) == (
        "DataFrame: nothing names the items, as the first column, 'a', is of numbers and the index is 0, 1, 2, ...; "
        "put their names in the index, or in a first column called item"
    )


def test_several_levels_of_names_are_not_taken_for_properties():
    levels = pd.MultiIndex.from_tuples([("a", 10), ("b", 20)], names=["item", "trial"])
    for frame in (
        pd.DataFrame(np.eye(2), index=levels, columns=["p", "q"]),
        pd.DataFrame(np.eye(2), index=["p", "q"], columns=levels),
    ):
        said = refused(read_items, frame)
        assert said == "a table has one name a row and one a column; got several levels of names"


def test_a_frame_of_many_columns_from_a_file_is_read_without_a_warning(tmp_path):
    data = Items(np.eye(3, 150), ["bat", "cat", "rat"], [f"feature {j}" for j in range(150)], "many")
    data.array.to_pandas().to_csv(tmp_path / "many.csv")
    assert read_items(pd.read_csv(tmp_path / "many.csv", index_col=0)).hash == data.hash


def test_numbers_of_a_frame_keep_every_bit():
    frame = pd.DataFrame(
        {"item": [1, 2], "p": np.array([0.1, 1 / 3], np.float32), "q": [1, 2], "r": ["1", " 2.5"]}
    )
    frame["r"] = frame["r"].str.strip()
    data = read_items(frame, "bits")
    assert (data.items, data.name) == (("1", "2"), "bits")
    np.testing.assert_array_equal(data.values, [[np.float32(0.1), 1, 1], [np.float32(1 / 3), 2, 2.5]])


@pytest.mark.parametrize("cell", [np.nan, None, pd.NA, True, np.inf, 1j, "1_000"])
def test_a_bad_cell_of_a_frame_is_named_with_row_item_and_column(cell):
    frame = pd.DataFrame({"item": ["a", "b"], "p": pd.Series([1, cell], dtype=object)})
    assert refused(read_items, frame) == (
        f"DataFrame, row 2 (item 'b'), column 'p': {cell!r} is not a finite number"
    )


def test_each_fault_of_a_frame_has_its_message():
    twice = pd.DataFrame([["a", 1, 2], ["b", 3, 4]], columns=["item", "p", "p"])
    assert refused(read_items, twice) == (
        "DataFrame, header: property 'p' names columns 2 and 3; names must differ"
    )
    nameless = pd.DataFrame({"item": ["a", np.nan], "p": [1, 2]})
    assert refused(read_items, nameless) == "DataFrame, row 2: the item has no name"
    same = pd.DataFrame({"item": ["a", "a"], "p": [1, 2]})
    assert refused(read_items, same) == (
        "DataFrame, row 2 (item 'a'): the same name is at DataFrame, row 1; names must differ"
    )
    empty = "DataFrame: is empty; a line of property names and at least two items are needed"
    assert refused(read_items, pd.DataFrame()) == (empty)
    assert refused(read_items, pd.DataFrame(index=[1, 2])) == (empty)
    assert refused(read_items, [[1, 2]]) == "items are read from a path or a DataFrame, not from a list"


# Trees


@pytest.mark.parametrize("levels", [1, 2, 3, 5])
def test_a_balanced_tree_has_the_eigenvalues_of_theory(levels):
    Y = balanced_tree(levels).values
    assert Y.shape == (2**levels, 2 ** (levels + 1) - 1)
    expected = [2.0 ** (levels + 1) - 1]
    for split in range(1, levels + 1):
        expected += 2 ** (split - 1) * [2.0 ** (levels - split + 1) - 1]
    np.testing.assert_allclose(np.linalg.eigvalsh(Y @ Y.T)[::-1], expected, rtol=1e-12)


def test_an_item_of_a_balanced_tree_has_the_nodes_on_its_path():
    tree = balanced_tree(3)
    for item, row in zip(tree.items, tree.values, strict=True):
        path = item.removeprefix("item ")
        nodes = [node.removeprefix("node ").removeprefix("root") for node in tree.properties]
        assert list(row) == [path.startswith(node) for node in nodes]


@pytest.mark.parametrize("flip", [0.05, 0.3])
def test_items_of_a_sampled_tree_covary_as_theory_says(flip):
    levels, n = 3, 200_000
    tree = sampled_tree(levels, n, flip, seed=1)
    assert set(np.unique(tree.values)) == {-1.0, 1.0}
    up = [[(i ^ j).bit_length() for j in range(8)] for i in range(8)]  # levels up to the common ancestor
    expected = (1 - 2 * flip) ** (2.0 * np.array(up))
    half_width = 4.5 * np.sqrt((1 - expected**2) / n)  # a product of signs has variance 1 - mean^2
    assert np.all(np.abs(tree.values @ tree.values.T / n - expected) <= half_width + 1e-12)
    assert np.all(np.abs(tree.values.mean(axis=1)) <= 4.5 / np.sqrt(n))  # either sign at the root


def test_flip_0_makes_all_items_equal_and_flip_1_turns_every_branch():
    assert np.ptp(sampled_tree(3, 50, 0, seed=0).values, axis=0).max() == 0
    assert np.ptp(sampled_tree(3, 50, 1, seed=0).values, axis=0).max() == 0  # all leaves are equally deep


def test_the_seed_decides_a_sampled_tree():
    tree = sampled_tree(3, 20, 0.2, seed=7)
    assert tree.hash == sampled_tree(3, 20, 0.2, seed=7).hash != sampled_tree(3, 20, 0.2, seed=8).hash
    assert tree.items == balanced_tree(3).items


def test_arguments_of_trees_are_checked():
    assert refused(balanced_tree, 0) == "levels is a whole number from 1 to 12, not 0"
    assert refused(balanced_tree, 13) == "levels is a whole number from 1 to 12, not 13"
    assert refused(sampled_tree, 2.0, 5, 0.1, 0) == "levels is a whole number from 1 to 12, not 2.0"
    assert refused(sampled_tree, 2, 0, 0.1, 0) == "properties is a whole number from 1, not 0"
    assert refused(sampled_tree, 2, 5, 1.1, 0) == "flip is 1.1; it must be a probability from 0 to 1"
    assert refused(sampled_tree, 2, 5, float("nan"), 0) == (
        "flip is nan; it must be a probability from 0 to 1"
    )
    assert refused(sampled_tree, 2, 5, 0.1, -1) == "seed is a whole number from 0, not -1"


# Where the folders are


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package folder in an empty place, where top.py believes to be."""
    folder = tmp_path / "semantic_svd"
    folder.mkdir()
    monkeypatch.setattr(top, "__file__", str(folder / "top.py"))
    return folder


def test_an_installed_wheel_carries_its_folders(package):
    (package / "_top" / "data").mkdir(parents=True)
    assert top_folder("data") == package / "_top" / "data"


def test_a_checkout_has_them_beside_the_package_and_its_pyproject(package):
    (package.parent / "data").mkdir()
    (package.parent / "pyproject.toml").touch()
    assert top_folder("data") == package.parent / "data"


def test_the_place_in_the_wheel_comes_first(package):
    for folder in (package / "_top" / "data", package.parent / "data"):
        folder.mkdir(parents=True)
    (package.parent / "pyproject.toml").touch()
    assert top_folder("data") == package / "_top" / "data"


def test_a_folder_beside_an_installed_package_is_not_ours(package):
    (package.parent / "data").mkdir()  # site-packages/data, of somebody else
    assert refused(top_folder, "data") == (
        f"no folder 'data' of semantic_svd: it is neither {package}/_top/data nor, in a checkout, "
        f"{package.parent}/data"
    )


def test_importing_items_brings_no_pandas_and_no_xarray():
    code = "import sys, semantic_svd.items; print({'pandas', 'xarray', 'scipy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"
