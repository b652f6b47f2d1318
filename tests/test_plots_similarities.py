"""Claims about figures of similarity: every number is where its row and column say, and chance stands beside it."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from semantic_svd import plots
from semantic_svd.plots.style import RULE_LOOKS

MAP = pd.DataFrame({"epoch": [0, 0, 9], "epoch_2": [0, 9, 9], "mean": [1.0, 0.7, 1.0]})
STAGES = pd.DataFrame(
    {"mode": [1, 5, 6], "block": ["1", "5-6", "5-6"], "epoch": [3, 7, 8], "label": ["a", "b", "b"]}
)
ANGLES = pd.DataFrame(
    {
        "layer": ["one", "one", "two"],
        "layer_2": ["two", "data", "data"],
        "mean": [5.0, 7, 9],
        "null": [30.0, 31, 32],
    }
)
BANDS = pd.DataFrame(
    {
        "measure": ["CKA", "RSA"] * 2,
        "layer": ["one", "one", "two", "two"],
        "mean": [0.9, 0.8, 0.7, 0.6],
        "low": [0.8, 0.7, 0.6, 0.5],
        "high": [0.95, 0.9, 0.8, 0.7],
        "start": [0.5, 0.4, 0.3, 0.2],
        "null_low": [0.1, -0.2, 0.2, -0.3],
        "null_high": [0.3, 0.2, 0.4, 0.1],
    }
)


def texts(labels):
    return [label.get_text() for label in labels]


def drawn(mesh):
    return np.ma.filled(mesh.get_array().astype(float), np.nan)


def test_a_map_of_epochs_is_symmetric_and_time_runs_from_the_lower_left():
    ax = plots.epoch_map(MAP, low=0.5)
    np.testing.assert_array_equal(drawn(ax.collections[0]), [[1, 0.7], [0.7, 1]])
    assert ax.collections[0].get_clim() == (0.5, 1)
    assert ax.get_xscale() == ax.get_yscale() == "symlog"
    assert ax.get_ylim()[0] < ax.get_ylim()[1]


def test_stages_are_points_on_the_diagonal_one_colour_a_block():
    lines = plots.epoch_map(MAP, stages=STAGES).lines
    assert [line.get_xydata().tolist() for line in lines] == [[[3, 3]], [[7, 7], [8, 8]]]
    assert [line.get_label() for line in lines] == ["1 a", "5-6 b"]
    assert [line.get_markerfacecolor() for line in lines] == [
        plots.mode_style(mode)["color"] for mode in (1, 5)
    ]


def test_maps_share_their_colours_and_name_the_stages_where_there_is_room():
    table = pd.concat(
        [MAP.assign(model="bpa", layer=1), *(MAP.assign(model="tanh", layer=k, mean=0.43) for k in (1, 2))]
    )
    figure = plots.epoch_maps(
        table, pd.concat([STAGES.assign(model=m) for m in ("bpa", "tanh")]), "linear CKA"
    )
    bpa, tanh, room, second, bar = figure.axes
    assert [ax.get_title("left") for ax in (bpa, tanh, second)] == [
        "bpa, layer 1",
        "tanh, layer 1",
        "tanh, layer 2",
    ]
    assert {ax.collections[0].get_clim() for ax in (bpa, tanh, second)} == {(0.4, 1.0)}
    assert texts(room.get_legend().get_texts()) == ["1 a", "5-6 b"] and not room.axison
    assert bar.get_ylabel() == "linear CKA"
    assert bpa.get_xlabel() == second.get_xlabel() == "epoch (logarithmic from 1)"


def test_a_table_of_layers_has_values_below_its_diagonal_and_chance_above():
    ax = plots.layer_table(ANGLES, "angle (degrees)", scale=(45, 0))
    nan = np.nan
    np.testing.assert_array_equal(
        drawn(ax.collections[0]).reshape(3, 3), [[nan, 30, 31], [5, nan, 32], [7, 9, nan]]
    )
    at = {text.get_position(): (text.get_text(), text.get_style()) for text in ax.texts}
    assert at[0.5, 1.5] == ("5", "normal") and at[1.5, 0.5] == ("30", "italic")
    assert texts(ax.get_xticklabels()) == texts(ax.get_yticklabels()) == ["one", "two", "data"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


@pytest.mark.parametrize(("scale", "dark"), [((0, 45), 32), ((45, 0), 5)])
def test_what_the_scale_ends_at_is_darkest(scale, dark):
    mesh = plots.layer_table(ANGLES, "angle", scale=scale).collections[0]
    mesh.update_scalarmappable()
    shown, values = mesh.get_facecolors()[:, :3].sum(axis=1), drawn(mesh).ravel()
    named = np.isfinite(values)
    assert values[named][shown[named].argmin()] == dark


def test_points_stand_beside_their_chance_and_where_they_began():
    ax = plots.null_bands(BANDS)
    assert texts(ax.get_yticklabels()) == ["CKA", "RSA"] and ax.get_ylim()[0] > ax.get_ylim()[1]
    bands = [segment.tolist() for line in ax.collections[::2] for segment in line.get_segments()]
    places = [place for (_, place), _ in bands]
    for (_, row), place in zip(BANDS.iterrows(), places, strict=True):
        assert [[row["null_low"], place], [row["null_high"], place]] in bands
        points = [tuple(at) for line in ax.lines for at in line.get_xydata()]
        assert {(row["mean"], place), (row["start"], place)} <= set(points)
        assert abs(place - ["CKA", "RSA"].index(row["measure"])) < 0.5
    assert len(set(places)) == 4
    assert texts(ax.get_legend().get_texts()) == ["one", "two", "before training (open)", "shuffled items"]
    assert [to_hex(c.lines[0].get_color()) for c in ax.containers] == [to_hex(c) for c, _ in RULE_LOOKS[:2]]
