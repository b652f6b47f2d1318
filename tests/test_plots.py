from itertools import combinations, pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.colors import to_hex
from matplotlib.legend import Legend
from scipy.cluster import hierarchy

from semantic_svd import plots
from semantic_svd.alignment import align
from semantic_svd.dendrograms import linkage
from semantic_svd.items import load_items
from semantic_svd.modes import svd
from semantic_svd.plots import style
from semantic_svd.plots.style import INK
from semantic_svd.plots.trees import GROUP_COLOURS

COORDS = {"item": ["hawk", "salmon", "oak"], "property": [f"property {i}" for i in range(20)]}
MODES = [1, 2, 3]


@pytest.fixture
def matrix():
    return xr.DataArray(
        np.random.default_rng(0).normal(size=(3, 20)), coords=COORDS, dims=("item", "property")
    )


@pytest.fixture
def tree():
    return linkage(np.random.default_rng(1).normal(size=(8, 5)))


def decomposition(matrix):
    U, s, Vt = np.linalg.svd(matrix.values, full_matrices=False)
    first, second = matrix.dims
    sides = {"U": ((first, "mode"), U), "s": ("mode", s), "V": ((second, "mode"), Vt.T)}
    return xr.Dataset(sides, {**matrix.coords, "mode": MODES})


def curves(modes=(5, 6), **columns):
    rows = [
        (epoch, mode, epoch * mode, epoch * mode - 1, epoch * mode + 2)
        for mode in modes
        for epoch in (0, 1, 2)
    ]
    return pd.DataFrame(rows, columns=["epoch", "mode", "mean", "low", "high"]).assign(**columns)


def texts(labels):
    return [label.get_text() for label in labels]


def inside(figure, *artists):
    """Say whether all of these are whole on the page, and above its caption."""
    figure.draw_without_rendering()
    page = figure.bbox
    floor = figure._supxlabel.get_window_extent().y1 if figure.get_supxlabel() else page.y0
    boxes = [artist.get_window_extent() for artist in artists]
    return all(page.x0 <= b.x0 and b.x1 <= page.x1 and floor <= b.y0 and b.y1 <= page.y1 for b in boxes)


def drawn(mesh):
    return np.ma.getdata(mesh.get_array())


def test_svd_panels_show_the_matrix_and_its_factors_as_they_are(matrix):
    modes = decomposition(matrix)
    whole, U, S, Vt = (drawn(ax.collections[0]) for ax in plots.svd_panels(matrix, modes).axes[:4])
    np.testing.assert_array_equal(whole, matrix)
    np.testing.assert_allclose(U @ S @ Vt, matrix, atol=1e-12)


def test_an_equation_of_modes_that_were_turned_to_others_holds():
    response = load_items("mcclelland2020").array + 0.3 * np.random.default_rng(0).normal(size=(8, 34))
    figure = plots.svd_panels(response, align(svd(response), svd(load_items("mcclelland2020"))))
    whole, U, S, Vt = (drawn(ax.collections[0]) for ax in figure.axes[:4])
    np.testing.assert_allclose(U @ S @ Vt, whole, atol=1e-12)
    assert np.abs(S - np.diag(np.diag(S))).max() > 0.1  # inside the data's blocks
    assert texts(figure.texts)[0] == "="


def test_some_of_the_modes_are_not_said_to_be_the_matrix(matrix):
    assert texts(plots.svd_panels(matrix, svd(matrix).isel(mode=slice(2))).texts)[0] == "≈"


@pytest.mark.parametrize(("n_items", "n_columns"), [(200, 60), (300, 12), (30, 150)])
def test_the_names_of_a_large_matrix_are_counted_and_it_stays_on_a_page(n_items, n_columns):
    names = {"item": [f"item {i}" for i in range(n_items)], "property": [f"is {j}" for j in range(n_columns)]}
    large = xr.DataArray(np.random.default_rng(0).normal(size=(n_items, n_columns)), names, tuple(names))
    figure = plots.svd_panels(large, svd(large).isel(mode=slice(12)))
    assert figure.get_figheight() * 25.4 < 260
    whole, U, S, Vt = figure.axes[:4]
    figure.draw_without_rendering()
    for ax in (whole, U, S, Vt):
        for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
            boxes = [label.get_window_extent() for label in labels if label.get_text()]
            assert not any(a.overlaps(b) for a, b in pairwise(boxes))
            assert all(label.get_fontsize() >= 4.5 for label in labels)
    if n_items > 100:
        assert whole.get_ylabel() == U.get_ylabel() == f"{n_items} items" and not texts(
            whole.get_yticklabels()
        )
    if n_columns > 100:
        assert whole.get_xlabel() == f"{n_columns} properties" and not texts(whole.get_xticklabels())
    box, times = S.get_position(), figure.texts[1]
    assert box.y0 < times.get_position()[1] < box.y1


@pytest.mark.parametrize(("n_items", "n_columns"), [(20, 600), (200, 2000)])
@pytest.mark.parametrize("rank", [1, 4, 16])
def test_beside_very_many_properties_u_and_s_stay_wide_and_nothing_overlaps(n_items, n_columns, rank):
    names = {"item": [f"item {i}" for i in range(n_items)], "property": [f"is {j}" for j in range(n_columns)]}
    large = xr.DataArray(
        300 * np.random.default_rng(0).normal(size=(n_items, n_columns)), names, tuple(names)
    )
    figure = plots.svd_panels(large, svd(large).isel(mode=slice(rank)), "title")
    figure.draw_without_rendering()
    boxes = [ax.get_tightbbox() for ax in figure.axes] + [text.get_window_extent() for text in figure.texts]
    assert len(boxes) == 7 + 4 and not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    assert all(figure.bbox.contains(*at) for box in boxes for at in (box.min, box.max))
    widths = [figure.axes[i].get_window_extent().width * 25.4 / figure.dpi for i in (1, 2)]
    assert widths[0] == pytest.approx(widths[1]) and widths[0] > min(3 * rank, 15.9)


@pytest.mark.parametrize(
    ("largest", "end"), [(1.4, "1.4"), (30, "30"), (256, "256"), (1842, "1842"), (2e9, "2e+09")]
)
def test_the_ends_of_a_colour_bar_are_plain_numbers_up_to_a_hundred_thousand(largest, end):
    matrix = load_items("mcclelland2020").array * largest
    bar = plots.svd_panels(matrix, svd(matrix)).axes[4]
    assert texts(bar.get_xticklabels()) == [f"−{end}", "0", end]


def test_svd_panels_name_every_item_property_and_mode(matrix):
    whole, U, S, Vt = plots.svd_panels(matrix, decomposition(matrix)).axes[:4]
    assert texts(whole.get_yticklabels()) == texts(U.get_yticklabels()) == COORDS["item"]
    assert texts(whole.get_xticklabels()) == COORDS["property"]
    assert {label.get_rotation() for label in whole.get_xticklabels()} == {90.0}
    assert (
        texts(U.get_xticklabels())
        == texts(S.get_yticklabels())
        == texts(Vt.get_yticklabels())
        == ["1", "2", "3"]
    )


@pytest.mark.parametrize(("n_items", "n_columns", "longest"), [(25, 16, 6), (12, 16, 13), (8, 11, 40)])
def test_a_narrow_matrix_keeps_its_names_however_long_they_are(n_items, n_columns, longest):
    """The room for names, twice in a row, would leave cells too small to be named."""
    names = {
        dim: [f"{k:x<{longest}}" for k in range(n)] for dim, n in (("item", n_items), ("property", n_columns))
    }
    narrow = xr.DataArray(np.random.default_rng(0).normal(size=(n_items, n_columns)), names, tuple(names))
    whole, U = plots.svd_panels(narrow, svd(narrow)).axes[:2]
    assert len(texts(whole.get_yticklabels())) == len(texts(U.get_yticklabels())) == n_items
    assert len(texts(whole.get_xticklabels())) == n_columns


@pytest.mark.parametrize(("n", "title"), [(2, "layer 1"), (3, "layer 1"), (10, "layer 1, classes' side")])
def test_the_title_of_a_small_matrix_keeps_clear_of_that_of_U(n, title):
    square = xr.DataArray(np.eye(n) + 0.1, {dim: range(n) for dim in ("item", "item_2")}, ("item", "item_2"))
    figure = plots.svd_panels(square, svd(square), name="layer 1, classes' side")
    figure.canvas.draw()
    titles = [next(of for of in (ax.title, ax._left_title) if of.get_text()) for ax in figure.axes[:2]]
    whole, U = (of.get_window_extent() for of in titles)
    assert titles[0].get_text() == title and (U.x0 - whole.x1) / figure.dpi * 25.4 > 5  # mm
    assert figure.axes[4].get_title() == "layer 1,\nclasses' side"


def test_svd_panels_keep_the_first_row_on_top(matrix):
    for ax in plots.svd_panels(matrix, decomposition(matrix)).axes[:4]:
        bottom, top = ax.get_ylim()
        assert bottom > top


def test_svd_panels_centre_every_colour_scale_on_zero_and_share_one_for_U_and_V(matrix):
    whole, U, S, Vt = (ax.collections[0] for ax in plots.svd_panels(matrix, decomposition(matrix)).axes[:4])
    for mesh in (whole, U, S, Vt):
        assert mesh.norm.vmin == -mesh.norm.vmax
        assert mesh.norm.vmax >= np.abs(drawn(mesh)).max()
    assert U.norm.vmax == Vt.norm.vmax


def test_a_matrix_of_zeros_is_drawn_as_zero_and_its_colour_bars_stand_on_the_page(matrix):
    zeros = 0 * matrix[:, :3]
    figure = plots.svd_panels(zeros, svd(zeros))
    assert inside(figure, *(label for ax in figure.axes for label in ax.get_xticklabels()))
    for ax in figure.axes[:4:2]:
        mesh = ax.collections[0]
        assert set(mesh.norm(drawn(mesh)).ravel()) == {0.5}
    assert texts(figure.axes[4].get_xticklabels()) == ["−1", "0", "1"]


def test_svd_panels_write_the_equation_between_the_panels(matrix):
    figure = plots.svd_panels(matrix, decomposition(matrix), title="the data")
    assert texts(figure.texts) == ["=", "×", "×", "the data"]
    assert [ax.get_title() for ax in figure.axes] == ["matrix", "U", "S", "V'", "matrix", "U and V'", "S"]


@pytest.mark.parametrize("n_columns", [3, 20])
def test_no_panel_of_the_equation_covers_another_and_none_leaves_the_page(matrix, n_columns):
    part = matrix[:, :n_columns]
    figure = plots.svd_panels(part, decomposition(part))
    boxes = [ax.get_position() for ax in figure.axes]
    assert all(0 <= box.x0 < box.x1 <= 1 and 0 <= box.y0 < box.y1 <= 1 for box in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_long_names_are_cut_and_dollars_are_no_formulas(tmp_path):
    names = ["Der Europäische Hauskaninchenmischling (männlich)", r"costs $\frac{$", "c", "d"]
    matrix = xr.DataArray(np.eye(4) + 0.1, {"item": names, "property": names[::-1]}, ("item", "property"))
    figure = plots.svd_panels(matrix, svd(matrix))
    figure.savefig(tmp_path / "a.png")
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["Der Europäische Hauskaninch…", r"costs \$\frac{\$", "c", "d"]
    tree = plots.dendrogram(linkage(matrix))
    tree.figure.savefig(tmp_path / "b.png")
    assert {label.get_text() for label in tree.get_xticklabels()} == set(labels)


def test_many_trees_stand_in_rows():
    trees = {f"epoch {k}": linkage(np.eye(3) * [[1], [2], [3]]) for k in range(8)}
    places = [ax.get_subplotspec() for ax in plots.dendrogram_panels(trees)]
    assert [place.rowspan.start for place in places] == [0] * 6 + [1] * 2


@pytest.mark.parametrize("n", [8, 21, 70])
def test_leaves_have_room_for_their_names_and_trees_for_their_branches(n):
    names = [f"item {i}" for i in range(n - 1)] + ["Westliche Honigbiene (Arbeiterin)"]
    one = linkage(pd.DataFrame(np.random.default_rng(n).normal(size=(n, 5)), index=names))
    groups = dict.fromkeys(names, names[-1])
    for axes in ([plots.dendrogram(one)], plots.dendrogram_panels(dict.fromkeys("abcd", one), groups)):
        figure = axes[0].figure
        assert inside(figure, *(ax for ax in axes), *(label for ax in axes for label in ax.get_xticklabels()))
        boxes = [label.get_window_extent() for ax in axes for label in ax.get_xticklabels()]
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
        assert min(ax.get_window_extent().height for ax in axes) > 20 / 25.4 * figure.dpi
    key = axes[0].figure.findobj(Legend)[0]
    assert inside(axes[0].figure, key)
    assert not any(key.get_window_extent().overlaps(ax.get_window_extent()) for ax in axes)


@pytest.mark.parametrize("n", [10, 20])
def test_numbers_under_a_tree_and_under_a_matrix_stand_upright_where_they_have_room(n):
    digits = list(map(str, range(n)))
    matrix = xr.DataArray(np.eye(n) + 0.1, {"item": digits, "property": digits}, ("item", "property"))
    axes = [plots.dendrogram(linkage(matrix)), *plots.svd_panels(matrix, svd(matrix)).axes[:4]]
    for ax in axes:
        ax.figure.draw_without_rendering()
        labels = [label for label in ax.get_xticklabels() if label.get_text()]
        boxes = [label.get_window_extent() for label in labels]
        assert not any(a.overlaps(b) for a, b in pairwise(boxes))
        assert {label.get_rotation() for label in labels} <= {0.0 if ax is axes[0] or n == 10 else 90.0}


def test_units_of_a_layer_stand_upright_and_say_what_they_are(matrix):
    layer = matrix[:, :3].rename(property="unit").assign_coords(unit=[1, 2, 3])
    whole = plots.svd_panels(layer, decomposition(layer), name="hidden layer").axes[0]
    assert whole.get_xlabel() == "unit" and whole.get_title() == "hidden layer"
    assert {label.get_rotation() for label in whole.get_xticklabels()} == {0.0}


def test_equations_stand_under_each_other_at_the_size_they_have_alone(matrix):
    modes = decomposition(matrix)
    alone = plots.svd_panels(matrix, modes)
    figure = plots.svd_rows({"a": (matrix, modes), "b": (matrix, modes)})
    assert [texts(row.texts)[-1] for row in figure.subfigs] == ["a", "b"]
    for row in figure.subfigs:
        ours, theirs = (ax.get_window_extent().bounds[2:] for ax in (row.axes[0], alone.axes[0]))
        assert ours == pytest.approx(theirs)


def test_equations_under_each_other_have_one_colour_scale_for_their_vectors(matrix):
    modes = decomposition(matrix)
    turned = modes.assign(U=modes["U"] / 2, V=modes["V"] / 2)
    figure = plots.svd_rows({"a": (matrix, modes), "b": (matrix, turned)})
    for block in (1, 3):
        first, second = (row.axes[block].collections[0].get_clim() for row in figure.subfigs)
        assert first == second and first[1] == max(np.abs(modes[side]).max() for side in "UV")


def test_modes_of_one_colour_are_told_apart_where_snapshots_are_few():
    first, ninth = plots.strength_lines(curves([1, 9])).lines
    assert first.get_color() == ninth.get_color() == first.get_mfc() != ninth.get_mfc()


def test_a_mode_has_one_colour_in_every_figure_and_the_first_eight_differ():
    assert len({to_hex(plots.mode_style(mode)["color"]) for mode in range(1, 9)}) == 8
    alone, among = plots.strength_lines(curves([3])), plots.strength_lines(curves([1, 2, 3]))
    assert alone.lines[0].get_color() == among.lines[2].get_color()


def test_members_of_a_block_share_a_colour_and_differ_in_line_style():
    five, six = plots.strength_lines(curves(block="5-6")).lines
    assert five.get_color() == six.get_color()
    assert five.get_linestyle() == "-" != six.get_linestyle()


def test_strength_lines_draw_the_mean_and_the_band():
    ax = plots.strength_lines(curves([4], label="trees / flowers"))
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[0, 0], [1, 4], [2, 8]])
    edges = ax.collections[0].get_paths()[0].vertices
    assert {(1.0, 3.0), (1.0, 6.0)} <= {tuple(edge) for edge in edges}
    assert texts(ax.get_legend().get_texts()) == ["4 trees / flowers"]


def test_theory_is_dotted_black_and_named_once():
    theory = curves()[["epoch", "mode"]].assign(strength=7.0)
    ax = plots.strength_lines(curves(), theory=theory)
    assert [line.get_linestyle() for line in ax.lines[2:]] == [":", ":"]
    assert texts(ax.get_legend().get_texts()) == ["5", "6", "theory"]


def test_the_axis_says_which_time_it_shows():
    table = curves().rename(columns={"epoch": "rate_steps"})
    assert plots.strength_lines(table, x="rate_steps").get_xlabel().startswith("learning rate × steps")


def test_panels_of_strengths_have_their_titles_their_theory_and_one_legend():
    table = pd.concat([curves(panel="rate 0.1"), curves(panel="rate 0.01")]).assign(theory=7.0)
    left, right = plots.strength_panels(table).axes
    assert [left.get_title("left"), right.get_title("left")] == ["rate 0.1", "rate 0.01"]
    assert left.get_legend() is None and texts(right.get_legend().get_texts()) == ["5", "6", "theory"]
    assert [set(line.get_ydata()) for line in left.lines[2:]] == [{7.0}, {7.0}]


def test_panels_of_measures_have_a_line_for_each_rule_in_one_colour_and_one_legend():
    rules = pd.concat([curves([1], rule="bpa"), curves([2], rule="backprop")])
    table = pd.concat(
        [rules.assign(measure="correlation", data=1.0), rules[3:].assign(measure="distance", data=0.0)]
    )
    left, right = plots.measure_panels(table).axes
    assert [ax.get_ylabel() for ax in (left, right)] == ["correlation", "distance"]
    assert texts(left.get_legend().get_texts()) == ["bpa", "backprop"] and right.get_legend() is None
    np.testing.assert_array_equal(left.lines[1].get_ydata(), [0, 2, 4])
    assert left.lines[1].get_color() == right.lines[0].get_color() != left.lines[0].get_color()
    assert [set(ax.lines[-1].get_ydata()) for ax in (left, right)] == [{1}, {0}]


def test_stages_mark_the_mean_and_reach_from_low_to_high():
    table = pd.DataFrame(
        {"rule": "bpa", "mode": [1, 2], "mean": [30.0, 50], "low": [28.0, 45], "high": [35.0, 51]}
    )
    ax = plots.stages(table)
    container = ax.containers[0]
    np.testing.assert_array_equal(container.lines[0].get_xdata(), [30, 50])
    segments = container.lines[2][0].get_segments()
    np.testing.assert_array_equal([segment[:, 0] for segment in segments], [[28, 35], [45, 51]])


def test_stages_put_the_first_mode_on_top_and_part_the_rules():
    row = {"mode": [1, 2], "mean": 3.0, "low": 2.0, "high": 4.0, "label": ["animals", "plants"]}
    ax = plots.stages(pd.concat([pd.DataFrame(row).assign(rule=rule) for rule in ("bpa", "backprop")]))
    assert texts(ax.get_yticklabels()) == ["1 animals", "2 plants"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    first, second = (container.lines[0] for container in ax.containers)
    assert first.get_color() != second.get_color() and first.get_marker() != second.get_marker()
    assert np.all(first.get_ydata() < second.get_ydata())


def test_dendrogram_has_the_joints_that_scipy_draws(tree):
    ours = {frozenset(map(tuple, np.round(line.get_xydata(), 6))) for line in plots.dendrogram(tree).lines}
    truth = hierarchy.dendrogram(tree.Z, no_plot=True)
    places = (np.array(truth["icoord"]) - 5) / 10
    theirs = zip(places, truth["dcoord"], strict=True)
    assert ours == {frozenset(map(tuple, np.round(np.column_stack(joint), 6))) for joint in theirs}


def test_dendrogram_names_the_leaves_in_the_order_of_the_tree(tree):
    assert texts(plots.dendrogram(tree).get_xticklabels()) == [tree.items[leaf] for leaf in tree.order]


def test_branches_of_one_category_take_its_colour_and_the_others_none():
    tree = linkage(pd.DataFrame({"height": [0, 1, 10, 12]}, index=["sparrow", "hawk", "oak", "maple"]))
    groups = {"oak": "trees", "maple": "trees", "sparrow": "birds", "hawk": "birds"}
    birds, trees, root, *leaves = plots.dendrogram(tree, groups=groups).lines
    assert [line.get_color() for line in (trees, birds, root)] == [*GROUP_COLOURS[:2], INK]
    assert [line.get_label() for line in leaves] == ["trees", "birds"]
    assert [line.get_color() for line in leaves] == GROUP_COLOURS[:2]


def test_panels_share_one_axis_of_distance_that_holds_the_tallest_tree(tree):
    tall = linkage(np.random.default_rng(2).normal(size=(8, 5)) * 9)
    axes = plots.dendrogram_panels(
        {"epoch 0": tree, "epoch 9": tall}, groups=dict.fromkeys(tree.items, "all")
    )
    assert axes[0].get_ylim() == axes[1].get_ylim() == (0, pytest.approx(1.05 * tall.Z[-1, 2]))
    assert [ax.get_title("left") for ax in axes] == ["epoch 0", "epoch 9"]
    assert texts(axes[1].get_legend().get_texts()) == ["all"]


def test_items_that_are_all_alike_are_a_tree_on_the_floor_of_an_axis_without_negative_distances():
    flat = linkage(np.zeros((3, 2)))
    for ax in (plots.dendrogram(flat), *plots.dendrogram_panels({"a": flat, "b": flat})):
        ax.figure.draw_without_rendering()
        bottom, top = ax.get_ylim()
        assert bottom == 0 and top >= 1
        assert {y for line in ax.lines for y in line.get_ydata()} == {0}


def test_heights_are_lines_behind_every_tree_and_on_the_page(tree):
    top = 2 * tree.Z[-1, 2]
    axes = plots.dendrogram_panels({"a": tree, "b": tree}, heights=[1.0, top])
    for ax in axes:
        assert [set(line.get_ydata()) for line in ax.lines[-2:]] == [{1.0}, {top}]
        assert ax.get_ylim()[1] == pytest.approx(1.05 * top)


PATHS = pd.DataFrame(
    [
        (s, e, item, e * (s + 1), side * e)
        for s in (3, 4)
        for item, side in (("oak", 1), ("pine", -1))
        for e in (0, 2)
    ],
    columns=["seed", "epoch", "item", "x", "y"],
)


def test_the_first_seeds_paths_are_thick_and_the_others_faint():
    lines = plots.path_lines(PATHS, groups={"oak": "trees", "pine": "needles"}).lines
    paths = [(line.get_linewidth(), line.get_color(), line.get_xydata()[-1].tolist()) for line in lines[:4]]
    (faint, *_), *_, (thick, *_) = paths
    oak, pine = GROUP_COLOURS[:2]
    assert paths == [
        (faint, oak, [10, 2]),
        (faint, pine, [10, -2]),
        (thick, oak, [8, 2]),
        (thick, pine, [8, -2]),
    ]
    assert faint < thick


def test_a_path_is_marked_at_its_epochs_and_named_where_it_ends():
    figure = plots.path_panels(PATHS.assign(panel="BPA"), marks=[0, 2])
    ax = figure.axes[0]
    assert {text.get_text(): text.xy for text in ax.texts[:2]} == {"oak": (8, 2), "pine": (8, -2)}
    assert texts(figure.legends[0].texts) == ["epoch 0", "epoch 2"]
    places = [line.get_xydata().tolist() for line in ax.lines if line.get_marker() == "^"]
    assert [[8, 2]] in places and [[8, -2]] in places
    not_there = plots.path_lines(PATHS, marks=[1]).lines
    assert all(len(line.get_xdata()) == 0 for line in not_there if line.get_marker() == "o")


def test_paths_are_drawn_to_one_scale_in_both_directions_with_a_bar_of_length_one():
    ax = plots.path_lines(PATHS)
    (bar,) = (line for line in ax.lines if np.ptp(line.get_xdata()) == 1)
    assert ax.get_aspect() == 1 and not ax.axison
    assert np.ptp(bar.get_ydata()) == 0


def test_comparison_writes_verdict_cosine_and_null_into_the_right_cell():
    table = pd.DataFrame(
        {
            "model": ["bpa", "bpa", "backprop", "backprop"],
            "mode": [1, 2, 1, 2],
            "verdict": ["same", "sign-flipped", "swapped", "different"],
            "block_cosine": [0.99, 0.98, 0.97, 0.31],
            "null_cosine": 0.7,
        }
    )
    ax = plots.comparison(table.assign(seeds="18 of 20"))
    np.testing.assert_array_equal(drawn(ax.collections[0]), [[0.99, 0.98], [0.97, 0.31], [0.7, 0.7]])
    at = {text.get_position(): text.get_text() for text in ax.texts}
    assert (at[1.5, 1.5], at[1.5, 2.5]) == ("different\n18 of 20\n0.31", "0.70")
    assert texts(ax.get_yticklabels()) == ["bpa", "backprop", "random modes, 95 %\nquantile"]
    assert ax.get_xlabel() == "mode of the data"
    assert plots.comparison(table, reference="other.zarr").get_xlabel() == "mode of other.zarr"


@pytest.mark.parametrize("n", [8, 9, 21])
def test_no_verdict_leaves_its_cell(n):
    rows = [(mode, model) for model in ("bpa", "backprop") for mode in range(1, n + 1)]
    table = pd.DataFrame(rows, columns=["mode", "model"]).assign(
        verdict="rotated within its block", seeds="18 of 20"
    )
    ax = plots.comparison(table.assign(block_cosine=0.31 + table["mode"] / 100, null_cosine=0.3))
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) == 3 * n
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    cosines = drawn(ax.collections[0])
    assert sorted(cosines.shape) == [3, n]
    for text in ax.texts:
        x, y = text.get_position()
        assert text.get_text().endswith(f"{cosines[int(y), int(x)]:.2f}")


def test_figures_are_as_wide_as_a_column_or_a_page(tree):
    assert plots.dendrogram(tree).figure.get_figwidth() == pytest.approx(85 / 25.4)
    assert plots.dendrogram_panels({"a": tree})[0].figure.get_figwidth() == pytest.approx(175 / 25.4)


def test_captions_wrap_to_the_width_of_the_figure():
    figure, _ = plots.panels(width=plots.COLUMN)
    plots.caption(figure, "word " * 40)
    assert max(len(line) for line in figure.get_supxlabel().splitlines()) < 70


def test_a_caption_makes_the_page_taller_not_the_panels_smaller():
    figure, axes = plots.panels(width=plots.COLUMN)
    before = figure.get_figheight()
    figure.draw_without_rendering()
    tall = axes[0, 0].get_window_extent().height
    plots.caption(figure, "word " * 40)
    figure.draw_without_rendering()
    assert figure.get_figheight() > before
    assert axes[0, 0].get_window_extent().height == pytest.approx(tall, rel=0.05)


def test_drawing_leaves_the_settings_of_the_reader_alone(tree):
    before = dict(mpl.rcParams)
    plots.dendrogram(tree)
    assert dict(mpl.rcParams) == before


def test_saving_twice_gives_the_same_bytes(tmp_path, tree):
    table = pd.DataFrame({"a": [1 / 3]})
    first = [path.read_bytes() for path in plots.save(plots.dendrogram(tree).figure, tmp_path, "tree", table)]
    again = plots.save(plots.dendrogram(tree).figure, tmp_path, "tree", table)
    assert [path.read_bytes() for path in again] == first
    assert b"CreationDate" not in first[0]
    assert first[2] == b"a\n0.333333\n"


def test_text_in_a_pdf_stays_text(tmp_path, tree):
    pdf = plots.save(plots.dendrogram(tree).figure, tmp_path, "tree", pd.DataFrame())[0].read_bytes()
    assert b"/CIDFontType2" in pdf and b"/Type3" not in pdf


WATCH = "\N{WATCH}"  # the house's typeface lacks it, and another that matplotlib carries has it


def named(name):
    return plots.dendrogram(linkage(pd.DataFrame({"x": [0, 1]}, index=["oak", name]))).figure


def test_what_the_typeface_lacks_is_written_in_one_that_is_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(style, "WIDER", ("STIXGeneral", "Not Installed"))
    assert style.families() == ["DejaVu Sans", "STIXGeneral"]
    pdf = plots.save(named(f"{WATCH} 1"), tmp_path, "tree", pd.DataFrame())[0].read_bytes()
    assert b"STIXGeneral" in pdf and b"DejaVuSans" in pdf


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("ending", style.UNDATED)
def test_of_a_disk_that_is_full_a_figure_says_what_the_system_says(tmp_path, tree, ending):
    place = tmp_path / f"tree{ending}"
    place.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device"):
        plots.write(plots.dendrogram(tree).figure, place)


def test_names_that_no_font_can_write_are_said_in_one_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(style, "WIDER", ())
    with pytest.warns(UserWarning) as said:
        plots.write(named(f"{WATCH} 猫"), tmp_path / "a.png")
    (warning,) = said
    assert str(warning.message).startswith(
        f"no installed font has all characters of {WATCH} 猫; boxes are drawn."
    )
    assert warning.filename == __file__


def test_names_that_the_typeface_has_are_written_as_if_there_were_no_other(tmp_path, monkeypatch):
    for folder, wider in (("a", ()), ("b", ("STIXGeneral", "cmr10"))):
        monkeypatch.setattr(style, "WIDER", wider)
        plots.save(named("Ökologie, ель"), tmp_path / folder, "tree", pd.DataFrame())
    for kind in ("pdf", "png"):
        assert (tmp_path / f"a/tree.{kind}").read_bytes() == (tmp_path / f"b/tree.{kind}").read_bytes()


def test_a_figure_that_fails_leaves_the_old_files_and_no_others(tmp_path, tree):
    plots.save(plots.dendrogram(tree).figure, tmp_path, "tree", pd.DataFrame({"a": [1]}))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    ax = plots.dendrogram(tree)
    ax.set_title("$\\unknown$")
    with pytest.raises(ValueError, match="unknown"):
        plots.save(ax.figure, tmp_path, "tree", pd.DataFrame({"a": [2]}))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


# ------------------------------------------------------------------------------------------------ measures and weights


def test_a_measure_has_a_line_and_a_band_for_each_rule_and_a_rule_one_colour_everywhere():
    table = pd.DataFrame(
        {"epoch": [0, 9], "rule": "dfa", "mean": [90, 40], "low": [88, 35], "high": [92, 45]}
    )
    ax = plots.measure_lines(table, "angle (degrees)", rules=["backprop", "dfa"])
    alone = plots.measure_lines(table.assign(rule="backprop"), "angle (degrees)", rules=["backprop", "dfa"])
    assert ax.get_ylabel() == "angle (degrees)" and len(ax.collections) == 1
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [90, 40])
    assert ax.lines[0].get_color() != alone.lines[0].get_color()


def test_weights_are_pictures_in_reading_order_on_one_scale_about_zero():
    weights = np.arange(12.0).reshape(3, 2, 2) - 3
    image = plots.weight_pictures(weights, columns=2).images[0]
    sheet = image.get_array()
    np.testing.assert_array_equal(sheet[:2, :2], weights[0])
    np.testing.assert_array_equal(sheet[:2, 3:], weights[1])
    np.testing.assert_array_equal(sheet[3:, :2], weights[2])
    assert (image.norm.vmin, image.norm.vmax) == (-8, 8)
    assert tuple(image.cmap(0.5))[:3] == pytest.approx((0.97, 0.97, 0.97), abs=0.03)


def test_each_picture_may_have_its_own_scale():
    weights = np.stack([np.eye(2), -100 * np.eye(2), np.zeros((2, 2))])
    ax = plots.weight_pictures(weights, columns=3, shared=False)
    sheet = ax.images[0].get_array()
    np.testing.assert_array_equal(sheet[:, 3:5], -np.eye(2))
    assert np.nanmax(np.abs(sheet)) == 1 and len(ax.figure.axes) == 1


def test_weights_from_images_in_colour_have_their_colours_and_zero_is_grey():
    red, dark = np.zeros((2, 2, 3)), np.zeros((2, 2, 3))
    red[..., 0], dark[:] = 4.0, -8.0
    ax = plots.weight_pictures(np.stack([red, dark]), columns=2)
    sheet = ax.images[0].get_array()
    np.testing.assert_array_equal(sheet[0, 0], [0.75, 0.5, 0.5])
    np.testing.assert_array_equal(sheet[:, 3:], np.zeros((2, 2, 3)))
    np.testing.assert_array_equal(sheet[:, 2], np.ones((2, 3)))  # between pictures
    assert len(ax.figure.axes) == 1  # a colour bar would say nothing
    frames = plots.weight_frames(np.stack([red, dark])[None], [0, 7]).images[0].get_array()
    np.testing.assert_array_equal(frames[0, [0, 3]], [[1, 0.5, 0.5], [0, 0, 0]])  # each on its own scale


@pytest.mark.parametrize("sizes", [[1] * 40, [2] * 20, [1] * 15 + [6] + [1] * 19, [1, 7, 8, 24], [40]])
def test_forty_modes_have_forty_looks_whatever_their_blocks(sizes):
    first = np.repeat(np.cumsum([1, *sizes[:-1]]), sizes)
    looks = {str(plots.mode_style(mode, f"{one}-x")) for mode, one in enumerate(first, start=1)}
    assert len(looks) == 40


@pytest.mark.parametrize("n", [8, 21, 40])
def test_the_legend_of_modes_stands_on_the_page_beside_its_panel(n):
    table = curves(range(1, n + 1))
    ax = plots.strength_lines(table, theory=table.assign(strength=1.0))
    plots.caption(ax.figure, "word " * 40)
    assert inside(ax.figure, ax.get_legend())
    assert not ax.get_legend().get_window_extent().overlaps(ax.get_window_extent())
    assert ax.get_window_extent().height > 100
