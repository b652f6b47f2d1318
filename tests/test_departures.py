"""Claims about figures that show a theory: what is drawn, and how far the curves are from it."""

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from semantic_svd import plots


def table(departure=0.02, panels=("rate 0.1", "rate 0.01")):
    rows = [
        {
            "panel": panel,
            "rate_steps": t,
            "mode": mode,
            "mean": t * mode,
            "low": t * mode - 1,
            "high": t * mode + 1,
        }
        for panel in panels
        for mode in (5, 6)
        for t in (0.0, 1.0, 2.0)
    ]
    return pd.DataFrame(rows).assign(theory=7.0, departure=departure, block="5-6", label="a pair")


def test_strengths_stand_above_departures_with_one_legend_and_one_time_axis():
    figure = plots.theory_panels(table(), theory="backprop")
    left, right, left_below, right_below = figure.axes
    assert [ax.get_title("left") for ax in (left, right)] == ["rate 0.1", "rate 0.01"]
    assert left.get_legend() is None and left_below.get_legend() is None
    assert [text.get_text() for text in right.get_legend().get_texts()] == [
        "5 a pair",
        "6 a pair",
        "backprop",
    ]
    assert left_below.get_xscale() == right_below.get_xscale() == "symlog"
    assert (
        left_below.get_xlabel() == "learning rate × steps\n(logarithmic from 0.1)" and left.get_xlabel() == ""
    )


def test_departures_have_the_looks_of_their_modes_and_the_line_to_stay_under():
    above, below = plots.theory_panels(table(panels=("one",))).axes
    fifth, sixth, allowed = below.lines
    np.testing.assert_array_equal(fifth.get_ydata(), 0.02)
    assert to_hex(fifth.get_color()) == to_hex(sixth.get_color()) == to_hex(above.lines[0].get_color())
    assert fifth.get_linestyle() != sixth.get_linestyle()
    assert set(allowed.get_ydata()) == {0.01}
    assert below.get_yscale() == "log" and not below.texts


def test_departures_that_are_rounding_are_said_to_be_small():
    (text,) = plots.theory_panels(table(1e-9, ("one",))).axes[1].texts
    assert text.get_text() == "below $10^{-6}$"


def test_a_table_without_blocks_has_a_colour_for_each_mode():
    below = plots.theory_panels(table(panels=("one",)).drop(columns=["block", "label"])).axes[1]
    assert to_hex(below.lines[0].get_color()) != to_hex(below.lines[1].get_color())


def test_departures_by_size_are_lines_with_bands_on_logarithmic_axes():
    lines = pd.DataFrame(
        {"scale": [0.1, 1.0] * 2, "start": ["tied"] * 2 + ["apart"] * 2, "mean": 0.2, "low": 0.1}
    )
    ax = plots.departure_lines(lines.assign(high=[0.3, 0.4, 0.5, 0.6]))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["tied", "apart"]
    assert ax.get_xscale() == ax.get_yscale() == "log"
    tied, apart = ax.collections
    assert (
        tied.get_paths()[0].vertices[:, 1].max() == 0.4 and apart.get_paths()[0].vertices[:, 1].max() == 0.6
    )
