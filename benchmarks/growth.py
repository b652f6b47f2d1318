"""How does the cost of a training grow? Time, memory and bytes on disk over two decades of each size, with exponents.

python benchmarks/growth.py [FOLDER] [--repeats N]        (eight minutes; 1 GB of FOLDER for moments)

Writes docs/growth.csv, .pdf and .png, and what stands between the marks of docs/growth.md. One size at a time is
doubled, seven times, while the others stay. Each measurement has a process of its own, with one BLAS thread, which has
trained and analysed something tiny before, so that all is imported. Exponents are of the processor's time, which other
work disturbs less than the clock's, but a quiet machine is better; memory is by how much the process's peak grew.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import linregress, t

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOCS = Path(__file__).resolve().parent.parent / "docs"
BASE = {"items": 32, "properties": 32, "hidden units": 16, "epochs": 100, "seeds": 4}
MULTIPLES = tuple(2**k for k in range(8))
UPPER = 16  # exponents are fitted over this last part of a range, where what is fixed no longer dominates
ROWS, COLUMNS = 4_200, 512  # of the matrix of activity, at the first multiple
IMAGES, NET, BATCH = 50_000, (3072, 2_000, 10), 128  # CIFAR-10's size
CORES = os.cpu_count() or 1
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
UNITS = {"cpu_seconds": "processor time (s)", "megabytes": "memory (MB)", "bytes": "disk (MB)"}
LOOKS = {"training": ("#0077BB", "o"), "analysis": ("#CC3311", "s")}
MACHINE = {"cpu_seconds": 3600.0, "megabytes": 24e3, "bytes": 100e9}  # what a cost may be at most
LIMITS = {
    "24 GB, training": ("training", "megabytes"),
    "24 GB, analysis": ("analysis", "megabytes"),
    "disk of 100 GB": ("training", "bytes"),
    "an hour, training": ("training", "cpu_seconds"),
    "an hour, analysis": ("analysis", "cpu_seconds"),
}

# ------------------------------------------------------------------------------------------- in a process of its own


def matrix(items: int, properties: int) -> np.ndarray:
    """Return items of a tree, as long as 1 each, so that one learning rate suits all sizes."""
    from semantic_svd.items import sampled_tree

    levels = max(1, (items - 1).bit_length())
    return sampled_tree(levels, properties, 0.1, 0).values[:items] / np.sqrt(properties)


def costs(work: Callable[[], object]) -> dict[str, float]:
    """Return seconds, processor seconds and the megabytes by which the peak of resident memory grew."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun, cpu = time.perf_counter(), time.process_time()
    work()
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "cpu_seconds": cpu, "megabytes": 1024e-6 * (after - before)}


def training(folder: Path, sizes: dict[str, int]) -> dict[str, float]:
    """Train, every epoch streamed to a store."""
    from semantic_svd import RULES, Network, train

    x = matrix(sizes["items"], sizes["properties"])
    rule = replace(RULES["backprop"], rate=1e-3)

    def run(name: str, x: np.ndarray, hidden: int, epochs: int, seeds: int) -> None:
        network = Network((x.shape[1], hidden, x.shape[1]))
        train(rule, network, x, epochs=epochs, seeds=seeds, out=folder / name, progress=False)

    run("tiny.zarr", x[:2, :2], 1, 1, 1)
    return costs(lambda: run("run.zarr", x, sizes["hidden units"], sizes["epochs"], sizes["seeds"]))


def analysis(folder: Path, sizes: dict[str, int]) -> dict[str, float]:
    """Open the store, and measure the strength of every mode at every epoch."""
    from semantic_svd import Run
    from semantic_svd.modes import strengths

    x = matrix(sizes["items"], sizes["properties"])

    def run(name: str, x: np.ndarray) -> None:
        strengths(Run.open(folder / name).response(), x).compute()

    run("tiny.zarr", x[:2, :2])
    return costs(lambda: run("run.zarr", x))


def rows(folder: Path, sizes: dict[str, int]) -> dict[str, float]:
    """Decompose a matrix of activity in a file, a block of rows at a time."""
    from semantic_svd.streaming import svd

    path, n = folder / "activity.npy", sizes["activation rows"]
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (n, COLUMNS)}
        np.lib.format.write_array_header_1_0(file, header)
        rng = np.random.default_rng(0)
        for first in range(0, n, ROWS):
            rng.random((min(ROWS, n - first), COLUMNS), np.float32).tofile(file)
    svd(np.eye(2))
    return costs(lambda: svd(path, 64, centre=True, memory=2**26))  # so little that none is taken whole


def image_steps(folder: Path, sizes: dict[str, int]) -> dict[str, list[float]]:
    """Return, of each rule on CIFAR-10's size, seconds of a step and of a forward pass, and bytes of a snapshot."""
    from semantic_svd import RULES, Network
    from semantic_svd.team import Team
    from semantic_svd.training import expected_bytes, step

    network = Network(NET, hidden="relu", output="softmax")
    rng = np.random.default_rng(0)
    x = rng.random((sizes["batch"], NET[0]), np.float32)
    y = np.eye(NET[-1], dtype=np.float32)[rng.integers(0, NET[-1], len(x))]

    def cpu(work: Callable[[], object]) -> float:
        return min(costs(work)["cpu_seconds"] for _ in range(3))

    found = {}
    for name in list(RULES)[:: sizes["each"]]:
        rule = RULES[name]
        team = Team(rule, network, [0], x.dtype)
        found[name] = [
            cpu(lambda: step(rule, rule.signals(network, team.state, x, y), team.memories, 1e-6)),  # noqa: B023
            cpu(lambda: network.activity(team.state, x, network.layers)),  # noqa: B023
            expected_bytes(rule, network, x, y, epochs=0, dtype=x.dtype),
        ]
    return found


WORKS = {work.__name__: work for work in (training, analysis, rows, image_steps)}

# ----------------------------------------------------------------------------------------------------------- numbers


def measure(work: str, folder: Path, sizes: dict[str, int]) -> dict:
    """Return what a work costs, in a fresh process.

    A process begins with the peak of the one that starts it, so this one imports little before all is measured.
    """
    words = [sys.executable, __file__, work, str(folder), json.dumps(sizes)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=os.environ | ONE_THREAD)
    return json.loads(done.stdout)


def least(turns: list[dict[str, float]]) -> dict[str, float]:
    """Return the smallest of each cost."""
    return {name: min(turn[name] for turn in turns) for name in turns[0]}


def trained_and_analysed(sizes: dict[str, int], repeats: int, folder: Path) -> list[dict]:
    """Return a row for the training and one for the analysis of a run of these sizes."""
    turns: dict[str, list[dict[str, float]]] = {"training": [], "analysis": []}
    for _ in range(repeats):
        for name in ("run.zarr", "tiny.zarr"):
            shutil.rmtree(folder / name, ignore_errors=True)
        for phase in turns:
            turns[phase].append(measure(phase, folder, sizes))
    size = sum(file.stat().st_size for file in (folder / "run.zarr").rglob("*") if file.is_file())
    training, analysis = (least(turns[phase]) for phase in turns)
    return [{"phase": "training", **training, "bytes": size}, {"phase": "analysis", **analysis}]


def study(base: dict[str, int], multiples: tuple[int, ...], repeats: int, folder: Path) -> pd.DataFrame:
    """Return what a training and its analysis cost, size by size; the sizes of the base are measured once."""
    at_base = trained_and_analysed(base, repeats, folder)
    found = []
    for size in base:
        for multiple in multiples:
            value = multiple * base[size]
            both = at_base if multiple == 1 else trained_and_analysed(base | {size: value}, repeats, folder)
            found += [{"size": size, "value": value, **row} for row in both]
            print(size, value, *(f"{row['cpu_seconds']:.2f}" for row in both), sep=" | ", flush=True)
    return pd.DataFrame(found)


def row_study(first: int, multiples: tuple[int, ...], repeats: int, folder: Path) -> pd.DataFrame:
    """Return what the modes of so many rows of activity cost."""
    found = []
    for value in (multiple * first for multiple in multiples):
        turns = [measure("rows", folder, {"activation rows": value}) for _ in range(repeats)]
        size = (folder / "activity.npy").stat().st_size
        found.append(
            {"size": "activation rows", "value": value, "phase": "svd", **least(turns), "bytes": size}
        )
    return pd.DataFrame(found)


def power_law(values: np.ndarray, cost: np.ndarray) -> tuple[float, float, float]:
    """Fit cost = c value^a by least squares on logarithms; return a, half of its 95 % t interval, and log c."""
    kept = cost > 0
    if kept.sum() < 3:
        return np.nan, np.nan, np.nan
    line = linregress(np.log(values[kept]), np.log(cost[kept]))
    half = t.ppf(0.975, kept.sum() - 2) * line.stderr
    return float(line.slope), float(half), float(line.intercept)


def counted(sizes: dict[str, int]) -> dict[tuple[str, str], float]:
    """Return what costs should be like: operations for times, bytes for memory and disk; and chunks that are read.

    Products with the weights are most of an epoch: two forward, three back. What is written goes through two blocks.
    """
    from semantic_svd.store.files import BLOCK

    if "activation rows" in sizes:
        n = sizes["activation rows"]
        return {("svd", "cpu_seconds"): n, ("svd", "megabytes"): 1, ("svd", "bytes"): n}
    n, p, h, epochs, seeds = (sizes[name] for name in BASE)
    snapshots, weights = seeds * (epochs + 1), 2 * h * p + h + p
    stored = 8 * snapshots * (weights + 1) + 8 * (epochs + 1) + 16 * n * p
    together = max(1, min(epochs + 1, 2 * BLOCK // (8 * h * p)))  # epochs that the analysis takes at once
    working = 8 * seeds * (weights + n * (2 * h + 3 * p))
    return {
        ("training", "cpu_seconds"): 10 * seeds * epochs * n * p * h,
        ("training", "megabytes"): min(stored, 2 * BLOCK) + working,
        ("training", "bytes"): stored,
        ("analysis", "cpu_seconds"): snapshots * n * p * (4 * h + 2 * min(n, p)),
        ("analysis", "megabytes"): 8 * min(seeds, CORES) * together * (2 * n * p + n * h + weights),
        ("analysis", "chunks"): 4 * seeds * -(-stored // BLOCK),
    }


def exponents(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each size and cost: exponents of the upper points, of all, and of what is counted."""
    found = []
    for (size, phase), part in table.groupby(["size", "phase"], sort=False):
        values = part["value"].to_numpy(float)
        upper = values >= values.max() / UPPER
        rest = BASE if size in BASE else {}
        counts = [counted(rest | {str(size): int(value)}) for value in values[upper]]
        for cost in UNITS:
            measured = part[cost].to_numpy(float)
            if np.isnan(measured).all():
                continue
            row = {"size": size, "phase": phase, "cost": cost, "value": values[-1], "last": measured[-1]}
            row["exponent"], row["half"], row["log_c"] = power_law(values[upper], measured[upper])
            row["whole"], row["whole_half"], _ = power_law(values, measured)
            for name, key in (("counted", (phase, cost)), ("chunks", ("analysis", "chunks"))):
                row[name] = power_law(values[upper], np.array([count.get(key, 0) for count in counts]))[0]
            found.append(row)
    return pd.DataFrame(found)


def gives_way(fit: pd.Series) -> float:
    """Return the value of a size at which a cost is all that the machine has.

    From the largest measurement on, the cost is taken to grow as what is counted, the time of the analysis as products
    or as chunks, whichever comes first. The fitted line would miss what bends beyond: fixed parts that have begun to
    matter less, blocks that are full.
    """
    size, values = fit["size"], np.geomspace(fit["value"], 1e10, 4000)
    keys = [(fit["phase"], fit["cost"])]
    if keys == [("analysis", "cpu_seconds")]:
        keys.append(("analysis", "chunks"))
    counts = [counted(BASE | {size: int(value)}) for value in values]
    for value, count in zip(values, counts, strict=True):
        if max(fit["last"] * count[key] / counts[0][key] for key in keys) >= MACHINE[fit["cost"]]:
            return float(value)
    return np.inf


# ------------------------------------------------------------------------------------------------------------- page


def markdown(heads: list[str], rows: list[list[str]]) -> str:
    """Return a table as it stands in a page."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [heads, ["---"] * len(heads), *rows])


def rounded(value: float) -> str:
    """Write a number with two digits that count, and a dash for what is never reached.

    Examples
    --------
    >>> rounded(123_456), rounded(2.34e9), rounded(np.inf)
    ('120,000', '2.3e9', '–')
    """
    if not np.isfinite(value):
        return "–"
    if value < 1e7:
        return f"{float(f'{value:.1e}'):,.0f}"
    return f"{value:.1e}".replace("e+0", "e").replace("e+", "e")


def exponent_table(fits: pd.DataFrame) -> str:
    """Return the exponents, size by size, beside those of what is counted."""
    rows = []
    for fit in fits.to_dict("records"):
        last = 1e-6 * fit["last"] if fit["cost"] == "bytes" else fit["last"]
        both = [
            f"{fit[a]:.2f} ± {fit[half]:.2f}" for a, half in (("exponent", "half"), ("whole", "whole_half"))
        ]
        expected = f"{fit['counted']:.2f}"
        if (fit["phase"], fit["cost"]) == ("analysis", "cpu_seconds"):
            expected = f"products {expected}, chunks {fit['chunks']:.2f}"
        what = f"{fit['phase']}, {UNITS[fit['cost']]}"
        rows.append(
            [fit["size"], what, f"{last:.4g}" if last > 100 else f"{last:.2g}", both[0], expected, both[1]]
        )
    return markdown(["size", "cost", "at its largest", "exponent", "counted", "over all points"], rows)


def limit_table(fits: pd.DataFrame) -> str:
    """Return, size by size, where a machine gives way; what comes first is bold."""
    rows = []
    for size, base in BASE.items():
        part = fits[fits["size"] == size].set_index(["phase", "cost"], drop=False)
        at = [gives_way(part.loc[key]) for key in LIMITS.values()]
        words = [f"**{rounded(value)}**" if value == min(at) else rounded(value) for value in at]
        rows.append([size, str(base), *words])
    return markdown(["size", "here", *LIMITS], rows)


def image_table(steps: dict[str, list[float]]) -> str:
    """Return what the cheapest rule, backprop, the dearest and all together cost on CIFAR-10's size."""
    table = pd.DataFrame(steps, index=["step", "forward", "bytes"]).T
    table["epoch"] = IMAGES / BATCH * (table["step"] + table["forward"])
    order = table["epoch"].sort_values().index
    shown = {f"`{name}`": table.loc[name] for name in (order[0], "backprop", order[-1])}
    shown[f"all {len(table)} together"] = table.sum()
    rows = [
        [name, f"{1e3 * row['step']:.0f}", f"{row['epoch']:.1f}", f"{1e-6 * row['bytes']:.1f}"]
        for name, row in shown.items()
    ]
    return markdown(["rule", "a step (ms)", "an epoch (processor s)", "a snapshot (MB)"], rows)


def put(page: str, name: str, text: str) -> str:
    """Return a page with a text between the marks of this name."""
    begin, end = f"<!-- {name}, by benchmarks/growth.py -->\n", f"\n<!-- {name} ends -->"
    before, rest = page.split(begin)
    return before + begin + text + end + rest.split(end)[1]


def write(table: pd.DataFrame, steps: dict[str, list[float]], how: str, folder: Path) -> None:
    """Write the table, the figure, and what of the page is measured."""
    from semantic_svd.plots import save, styled

    fits, page = exponents(table), folder / "growth.md"
    save(styled(draw)(table, fits), folder, "growth", table)
    text = page.read_text()
    made = {
        "how": how,
        "exponents": exponent_table(fits),
        "limits": limit_table(fits),
        "images": image_table(steps),
    }
    for name, of in made.items():
        text = put(text, name, of)
    page.write_text(text)


# ------------------------------------------------------------------------------------------------------------ figure


def draw(table: pd.DataFrame, fits: pd.DataFrame) -> "Figure":
    """Draw costs (rows of panels) against sizes (columns), with the lines that were fitted and their exponents."""
    from semantic_svd.plots import caption, panels

    figure, axes = panels(len(UNITS), len(BASE), height=125, sharey="row", sharex="col")
    for row, cost in zip(axes, UNITS, strict=True):
        for ax, size in zip(row, BASE, strict=True):
            chosen = [part[(part["size"] == size) & (part["cost"] == cost)] for part in (long(table), fits)]
            panel(ax, *chosen)
        row[0].set_ylabel(UNITS[cost])
        low, high = row[0].get_ylim()
        row[0].set_ylim(low, high * (high / low) ** 0.4)  # room for the exponents
    for letter, ax in zip("abcdefghijklmno", axes.flat, strict=False):
        ax.set_title(letter)
    for ax, size in zip(axes[-1], BASE, strict=True):
        ax.set_xlabel(size)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    base = ", ".join(f"{value} {size}" for size, value in BASE.items())
    caption(
        figure,
        "Backpropagation on an autoassociator, every epoch streamed to disk; analysis: the strength of every mode at "
        f"every epoch. One size grows; the others are {base}. Lines: least squares over the last {UPPER}-fold, with "
        "their exponents and 95 % t intervals.",
    )
    return figure


def long(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each cost that was measured."""
    kept = table.melt(["size", "value", "phase"], list(UNITS), "cost", "measured").dropna()
    return kept[kept["measured"] > 0]


def panel(ax: "Axes", points: pd.DataFrame, fits: pd.DataFrame) -> None:
    """Draw one cost against one size."""
    ax.set(xscale="log", yscale="log")
    for place, fit in enumerate(fits.to_dict("records")):
        colour, marker = LOOKS[fit["phase"]]
        of = points[points["phase"] == fit["phase"]]
        scale = 1e-6 if fit["cost"] == "bytes" else 1.0
        ax.plot(of["value"], scale * of["measured"], marker, color=colour, ms=2.5, label=fit["phase"])
        ends = np.array([of["value"].max() / UPPER, of["value"].max()])
        ax.plot(ends, scale * np.exp(fit["log_c"]) * ends ** fit["exponent"], color=colour, lw=0.9)
        text = f"{fit['exponent']:.2f} ± {fit['half']:.2f}"
        ax.text(0.04, 0.98 - 0.14 * place, text, color=colour, size=6.5, va="top", transform=ax.transAxes)
    ax.minorticks_off()
    ax.grid(color="#eeeeee", lw=0.5)
    ax.set_axisbelow(True)


def main() -> None:
    if len(sys.argv) == 4 and sys.argv[1] in WORKS:
        print(json.dumps(WORKS[sys.argv[1]](Path(sys.argv[2]), json.loads(sys.argv[3]))))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", help="where stores are written, and taken away again")
    parser.add_argument(
        "--repeats", type=int, default=3, help="turns of each measurement; the smallest counts"
    )
    asked = parser.parse_args()
    load = [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name)
        print("size | value | training, CPU s | analysis, CPU s")
        table = study(BASE, MULTIPLES, asked.repeats, folder)
        activity = row_study(ROWS, MULTIPLES, asked.repeats, folder)
        steps = measure("image_steps", folder, {"batch": BATCH, "each": 1})
    load.append(os.getloadavg()[0])
    how = (
        f"Measured on {CORES} cores at a load of {load[0]:.1f} when it began and {load[1]:.1f} when it ended, "
        f"of which 1 is its own; the smallest of {asked.repeats}."
    )
    write(pd.concat([table, activity]), steps, how, DOCS)


if __name__ == "__main__":
    main()
