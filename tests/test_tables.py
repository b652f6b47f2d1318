import numpy as np
import pandas as pd
import xarray as xr

from semantic_svd.dendrograms import linkage
from semantic_svd.items import load_items
from semantic_svd.modes import svd
from semantic_svd.tables import beside_theory, modes_from, modes_table, tree_from, tree_table

X = load_items("mcclelland2020").array


def test_equations_and_trees_come_back_from_their_tables():
    table = pd.concat([modes_table(name, X * size, svd(X * size)) for name, size in (("a", 1), ("b", 2))])
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


def test_departure_is_that_of_the_farthest_seed_from_its_own_theory_as_a_share_of_the_mode():
    theory = xr.DataArray([[[4.0]], [[8.0]]], {"epoch": [3], "mode": [1]}, ("seed", "epoch", "mode"))
    measured = theory + xr.DataArray([0.5, -1.0], dims="seed")
    table = beside_theory(measured, theory, theory[1, 0], 1.0, "")
    assert table[["theory", "departure"]].values.tolist() == [[6, 1 / 8]]
