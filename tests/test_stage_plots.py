"""Figures of stages and illusions show the numbers of their tables, and name what they show."""

import numpy as np
import pandas as pd
import pytest

from semantic_svd import plots
from semantic_svd.plots.style import MODE_COLOURS, RULE_LOOKS
from semantic_svd.report.scripts import load_analysis
from semantic_svd.top import top_folder


def texts(labels):
    return [label.get_text() for label in labels]


def stage_rows(**columns):
    """Give two modes and a level, learned to a half and to nine tenths, by two rules."""
    kinds = [("mode", "1 animals"), ("mode", "2 plants"), ("level", "level 1")]
    rows = [
        {"by": by, "stage": stage, "fraction": fraction, "rule": rule, "mean": 10.0 * (k + 1) + 5 * fraction}
        for k, (by, stage) in enumerate(kinds)
        for fraction in (0.5, 0.9)
        for rule in ("backprop", "bpa")
    ]
    table = pd.DataFrame(rows)
    return table.assign(low=table["mean"] - 1, high=table["mean"] + 2, **columns)


def test_the_half_is_filled_and_what_comes_later_is_open():
    ax = plots.stages(stage_rows())
    assert texts(ax.get_legend().get_texts()) == ["backprop", "bpa"]
    half, late = (container.lines[0] for container in ax.containers[:2])
    np.testing.assert_array_equal(half.get_xdata(), [12.5, 22.5, 32.5])
    np.testing.assert_array_equal(late.get_xdata(), [14.5, 24.5, 34.5])
    np.testing.assert_array_equal(half.get_ydata(), late.get_ydata())
    assert half.get_markerfacecolor() == RULE_LOOKS[0][0] and late.get_markerfacecolor() == "white"
    segments = ax.containers[0].lines[2][0].get_segments()
    np.testing.assert_array_equal(
        [segment[:, 0] for segment in segments], [[11.5, 14.5], [21.5, 24.5], [31.5, 34.5]]
    )


def test_kinds_of_stages_stand_apart_in_their_order():
    ax = plots.stages(stage_rows())
    assert texts(ax.get_yticklabels()) == ["1 animals", "2 plants", "level 1"]
    np.testing.assert_array_equal(np.diff(ax.get_yticks()), [1, 1.5])
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_modes_stand_in_their_order_whatever_that_of_the_table():
    row = {"rule": "bpa", "low": 1.0, "high": 9.0}
    ax = plots.stages(pd.DataFrame([row | {"mode": mode, "mean": mode} for mode in (3, 1, 2)]))
    assert texts(ax.get_yticklabels()) == ["1", "2", "3"]
    marks = ax.containers[0].lines[0]
    np.testing.assert_array_equal(marks.get_ydata(), marks.get_xdata())


def test_epochs_are_learning_rate_times_steps_on_the_axis_above():
    table = pd.concat([stage_rows(time="epoch"), stage_rows(time="relative")])
    figure = plots.stage_panels(table, rate=0.1)
    figure.draw_without_rendering()
    left, right = figure.axes
    (top,) = left.child_axes
    np.testing.assert_allclose(top.get_xlim(), 0.1 * np.array(left.get_xlim()))
    assert (top.get_xlabel(), right.get_xlabel()) == (
        "learning rate × steps",
        "time relative to the first mode",
    )
    assert texts(figure.legends[0].get_texts()) == ["learned to a half", "to nine tenths", "backprop", "bpa"]


def test_the_shape_of_stages_has_a_panel_for_each_measure():
    rows = [
        ("width", "animals", 1.2),
        ("order", "all in order", 0.4),
        ("gap", "pair", 0.6),
        ("gap", "pair", 0.7),
    ]
    table = pd.DataFrame(rows, columns=["panel", "row", "mean"]).assign(rule="bpa", low=0.1, high=1.9)
    figure = plots.shape_panels(table)
    assert [texts(ax.get_yticklabels()) for ax in figure.axes] == [["animals"], ["all in order"], ["pair"]]
    dashed = next(line for line in figure.axes[0].lines if line.get_linestyle() == "--")
    assert dashed.get_xdata()[0] == pytest.approx(np.log(9) / np.log(2), abs=0.005)


def test_illusions_have_the_colour_of_the_mode_that_takes_them_back():
    base = {"epoch": [0, 1, 2], "mean": [0.0, 0.4, 0.1], "low": [0.0, 0.3, 0.0], "high": [0.1, 0.5, 0.2]}
    cells = [(4, "4", "the oak is pretty"), (5, "5-6", "the hawk is called sparrow")]
    parts = [
        pd.DataFrame(base).assign(model=model, part=part, mode=mode, block=block, label=label)
        for model in ("autoassociator", "BPA")
        for part in ("strength", "illusion")
        for mode, block, label in cells
    ]
    first, second, third, last = plots.illusion_panels(pd.concat(parts)).axes
    assert [line.get_color() for line in last.lines[:2]] == [MODE_COLOURS[3], MODE_COLOURS[4]]
    assert texts(last.get_legend().get_texts()) == [label for _, _, label in cells]
    assert texts(second.get_legend().get_texts()) == ["4 the oak is pretty", "5 the hawk is called sparrow"]
    np.testing.assert_array_equal(third.lines[0].get_ydata(), base["mean"])
    assert first.get_legend() is None and third.get_legend() is None


def test_what_is_wrongly_said_is_said_in_words():
    in_words = load_analysis(top_folder("analyses") / "illusory.py").in_words
    assert in_words("rose", "name: daisy") == "the rose is called daisy"
    assert in_words("hawk", "has fins") == "the hawk has fins"
