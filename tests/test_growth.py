"""The study of how cost grows: exponents are recovered, limits follow, and it runs whole on tiny sizes."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

FILE = Path(__file__).parent.parent / "benchmarks" / "growth.py"
if not FILE.exists():
    pytest.skip("needs a checkout", allow_module_level=True)
spec = importlib.util.spec_from_file_location("growth", FILE)
growth = importlib.util.module_from_spec(spec)
spec.loader.exec_module(growth)

TINY = {"items": 4, "properties": 5, "hidden units": 3, "epochs": 4, "seeds": 2}


def made_up(exponent=1.5, fixed=0.0):
    """Return the table of a study in which every cost is fixed + 0.01 value^exponent."""
    rows = []
    for size, base in growth.BASE.items():
        for value in base * np.array(growth.MULTIPLES):
            cost = fixed + 0.01 * value**exponent
            for phase in ("training", "analysis"):
                disk = {"bytes": 1e6 * cost} if phase == "training" else {}
                costs = {"seconds": cost, "cpu_seconds": cost, "megabytes": cost, **disk}
                rows.append({"size": size, "value": value, "phase": phase, **costs})
    return pd.DataFrame(rows)


def test_a_known_exponent_is_recovered():
    values = np.array([1.0, 2, 4, 8, 16])
    slope, half, log_c = growth.power_law(values, 3 * values**1.25)
    assert (
        slope == pytest.approx(1.25)
        and half == pytest.approx(0, abs=1e-6)
        and np.exp(log_c) == pytest.approx(3)
    )


def test_the_interval_holds_the_exponent_as_often_as_it_says():
    rng, values = np.random.default_rng(0), np.array(growth.MULTIPLES, float)
    held = 0
    for _ in range(1000):
        slope, half, _ = growth.power_law(
            values, values**0.8 * np.exp(0.1 * rng.standard_normal(len(values)))
        )
        held += abs(slope - 0.8) <= half
    assert 930 <= held <= 970


def test_costs_of_nothing_are_left_out():
    values = np.array([1.0, 2, 4, 8])
    assert growth.power_law(values, np.array([0.0, 2, 4, 8]))[0] == pytest.approx(1)
    assert np.isnan(growth.power_law(values, np.array([0.0, 0, 4, 8]))[0])


def test_what_is_fixed_biases_all_points_but_hardly_the_upper_ones():
    fits = growth.exponents(made_up(exponent=1.0, fixed=0.1))
    fits = fits[fits["size"] == "items"]
    assert (fits["whole"] < fits["exponent"]).all()
    assert (abs(fits["exponent"] - 1) < 0.06).all()


def fit(size, phase, cost, value, last):
    return pd.Series({"size": size, "phase": phase, "cost": cost, "value": value, "last": last})


def test_a_disk_gives_way_in_proportion():
    assert growth.gives_way(fit("seeds", "training", "bytes", 512, 1e9)) == pytest.approx(51_200, rel=0.01)


def test_epochs_fill_no_memory():
    """What is written goes through two blocks of fixed size, what is analysed through chunks."""
    for phase in ("training", "analysis"):
        assert growth.gives_way(fit("epochs", phase, "megabytes", 1e6, 900.0)) == np.inf


def test_seeds_that_share_shards_are_read_in_a_time_that_grows_with_their_square():
    last = fit("seeds", "analysis", "cpu_seconds", 10_000, 900.0)
    assert growth.gives_way(last) == pytest.approx(20_000, rel=0.01)
    assert growth.gives_way(last.replace("analysis", "training")) == pytest.approx(40_000, rel=0.01)


def test_what_gives_way_first_is_bold():
    line = growth.limit_table(growth.exponents(made_up(exponent=1.0))).splitlines()[-1]
    bold = [word for word in line.split("|") if "**" in word]
    assert len(bold) == 1 and bold == line.split("|")[-2:-1]  # of seeds the analysis, for its time


def test_bytes_on_disk_grow_as_counted(tmp_path):
    """Beside the counted numbers a store holds only what does not grow: what they are called."""
    sizes, stored = [TINY, TINY | {"epochs": 2000}], []
    for of in sizes:
        growth.training(tmp_path / str(of["epochs"]), of)
        files = (tmp_path / str(of["epochs"]) / "run.zarr").rglob("*")
        stored.append(sum(file.stat().st_size for file in files if file.is_file()))
    expected = [growth.counted(of)["training", "bytes"] for of in sizes]
    assert stored[1] - stored[0] == pytest.approx(expected[1] - expected[0], abs=500)


def test_the_study_runs_whole(tmp_path, capsys):
    """One size more than once; its page, figure and table are written."""
    part = growth.study({"items": 4, **{k: v for k, v in TINY.items() if k != "items"}}, (1,), 1, tmp_path)
    assert set(part["size"]) == set(growth.BASE) and (part["seconds"] > 0).all()
    assert list(part[["size", "phase"]].drop_duplicates().index) == list(range(10))
    rows = growth.row_study(100, (1, 2), 1, tmp_path)
    assert rows["bytes"].diff().iloc[-1] == 100 * growth.COLUMNS * 4
    steps = growth.measure("image_steps", tmp_path, {"batch": 2, "each": 30})
    marks = "\n".join(
        f"<!-- {n}, by benchmarks/growth.py -->\nold\n<!-- {n} ends -->"
        for n in ("how", "exponents", "limits", "images")
    )
    (tmp_path / "growth.md").write_text(f"# Page\n{marks}\nthe end\n")
    growth.write(pd.concat([made_up(), rows]), steps, "so", tmp_path)
    page = (tmp_path / "growth.md").read_text()
    assert "old" not in page and page.startswith("# Page\n") and page.endswith("\nthe end\n")
    assert "| items | training, processor time (s) |" in page and "| 1.50 ± 0.00 |" in page
    assert {f"growth.{kind}" for kind in ("csv", "pdf", "png")} <= {p.name for p in tmp_path.iterdir()}


def test_the_page_has_the_marks():
    page = (FILE.parent.parent / "docs" / "growth.md").read_text()
    for name in ("how", "exponents", "limits", "images"):
        assert growth.put(page, name, "new").count("new") >= 1
