import numpy as np
import pandas as pd
import xarray as xr

from semantic_svd.dendrograms import linkage
from semantic_svd.items import load_items
from semantic_svd.modes import svd
from semantic_svd.tables import (
    beside_theory,
    held,
    modes_from,
    modes_table,
    shown_epochs,
    tree_from,
    tree_table,
)

X = load_items("mcclelland2020").array


def test_equations_and_trees_come_back_from_their_tables():
    table = pd.concat([modes_table(name, X * size, svd(X * size)) for name, size in (("b", 1), ("a", 2))])
    assert list(modes_from(table, "property")) == ["b", "a"]
    for (matrix, modes), size in zip(modes_from(table, "property").values(), (1, 2), strict=True):
        xr.testing.assert_equal(matrix, X.drop_attrs() * size)
        np.testing.assert_allclose((modes.U * modes.s) @ modes.V.T, matrix, atol=1e-12)
    tree = linkage(X)
    again = tree_from(tree_table(tree), X["item"].values)
    np.testing.assert_array_equal(again.Z, tree.Z)
    assert (again.order, again.items, again.exact) == (tree.order, tree.items, tree.exact)


def test_theory_stands_beside_the_measured_strength_of_the_same_epoch_and_mode():
    coords = {"epoch": [0, 1, 5], "mode": [1, 2]}
    theory = xr.DataArray(np.arange(6.0).reshape(3, 2), coords, ("epoch", "mode"))
    table = beside_theory(theory.expand_dims(seed=2), theory, xr.ones_like(theory[0]), 0.1, "rate 0.1")
    assert (table["mean"] == table["theory"]).all() and len(table) == 6
    assert (table["rate_steps"] == 0.1 * table["epoch"]).all() and (table["departure"] == 0).all()
    assert list(table.columns[:2]) == ["panel", "rate_steps"] and set(table["panel"]) == {"rate 0.1"}


def test_departure_is_that_of_the_farthest_seed_from_its_own_theory_as_a_share_of_the_mode():
    theory = xr.DataArray([[[4.0]], [[8.0]]], {"epoch": [3], "mode": [1]}, ("seed", "epoch", "mode"))
    measured = theory + xr.DataArray([0.5, -1.0], dims="seed")
    table = beside_theory(measured, theory, theory[1, 0], 1.0, "")
    assert table[["theory", "departure"]].values.tolist() == [[6, 1 / 8]]


def test_what_a_seed_said_last_is_held_and_nothing_before_it_said_anything():
    nan = np.nan
    rows = [[nan, 2.0, nan, 4.0, nan], [nan, nan, 3.0, 5.0, 7.0], [nan] * 5]
    said = xr.DataArray(rows, dims=("seed", "epoch"))
    np.testing.assert_array_equal(held(said), [[nan, 2, 2, 4, 4], rows[1], rows[2]])
    np.testing.assert_array_equal(held(said.T), held(said).T)


def test_a_curve_is_drawn_from_the_start_to_the_end_of_a_training_of_any_length():
    assert shown_epochs(0) == [0] and shown_epochs(1) == [0, 1] and shown_epochs(7) == list(range(8))
    for epochs in (1000, 10**6):
        shown = shown_epochs(epochs)
        assert shown[0] == 0 and shown[-1] == epochs and 80 < len(shown) < 120
        assert all(type(epoch) is int for epoch in shown) and shown == sorted(set(shown))
