"""The command `sweep`: every rule on every data set in every setting of a grid."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semantic_svd.cli.options import Scheduler
from semantic_svd.cli.terminal import (
    NAME,
    Interrupted,
    complain,
    counted,
    number,
    says_bytes,
    says_interval,
    show,
)
from semantic_svd.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def sweep(
    grid: Annotated[Path, typer.Argument(metavar="GRID", help="A TOML file that says which runs.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where to.")] = Path(
        "results"
    ),
    scheduler: Scheduler = None,
) -> None:
    """Train every rule on every data set in every setting of a grid, and tabulate what came of each run.

    The section "sweep" of the grid has rules, items or images (and data, their folder), epochs, seeds, every and
    record; the section "settings" has lists of what differs from run to run: rate, hidden, activation,
    output_activation, biases, batch_size, stop_below, localist. Each is what it is for train.

    The folder gets results.csv, a row for each run and seed of this grid, and each run as a store that the other
    commands read. Runs of another grid stay there, and are in the table again when a grid has them.
    Runs that are done are not done again: the same command goes on with a sweep that was interrupted, and tries again
    what failed. Where a run failed the exit code is 2; that seeds diverge is a result.
    """
    from semantic_svd.sweeps import SETTINGS, read_grid, results_folder, runs_done, sweep

    of = read_grid(grid)
    try:
        needed = of.bytes()  # which checks every run
    except InputError as error:
        raise InputError(f"{grid}: {error}") from None
    results_folder(output)
    if len(runs_done(output, of.cells)) < len(of.cells):
        print(says_bytes(output, needed, "stop_below" in of.settings), flush=True)
    try:
        table = sweep(of, output, scheduler=scheduler)
    except KeyboardInterrupt:
        kept = f"{len(runs_done(output, of.cells))} of {len(of.cells)} runs are done and kept in {output}"
        raise Interrupted(f"interrupted; {kept}, the same command goes on") from None
    failed = table[table["status"] == "failed"].drop_duplicates("run")
    first = failed.iloc[0]["error"] if len(failed) else ""
    if len(failed) == len(of.cells):
        raise InputError(f"every run of {grid} failed; the first: {first}")
    counts = ", ".join(f"{n} {status}" for status, n in table["status"].value_counts().items())
    n_seeds = table["seed"].nunique()
    print(f"{output}: {counted(len(of.cells), 'run')} of {counted(n_seeds, 'seed')}; of all seeds {counts}")
    if rows := _bests(table):
        print("the best setting of each rule")
        show([name for name in table if name in ("data", "rule", *SETTINGS)] + ["mean"], rows)
        print(says_interval(n_seeds))
    if untaught := _untaught(table):
        where = f"; a classifier: {NAME} readout RUN --images NAME" if of.images else ""
        print(f"no loss, and so no best setting, as nothing is taught: {', '.join(untaught)}{where}")
    if lost := _lost(table):
        complain(f"no seed survived: {', '.join(lost)}")
    if len(failed):
        raise InputError(f"{counted(len(failed), 'run')} failed ({output}/results.csv); the first: {first}")


def _lost(table: "pd.DataFrame") -> list[str]:
    """Name the rules of which every seed diverged on a data set, in every setting: they have none that is best."""
    lost = (table["status"] == "diverged").groupby([table["rule"], table["data"]], sort=False).all()
    return [f"{rule} on {data}" for rule, data in lost.index[lost]]


def _untaught(table: "pd.DataFrame") -> list[str]:
    """Name the rules that have no loss although they came to an end."""
    ended = table[table["status"].isin(["finished", "stopped"])].reindex(columns=["rule", "loss"])
    taught = ended["loss"].notna().groupby(ended["rule"], sort=False).any()
    return list(taught.index[~taught])


def _bests(table: "pd.DataFrame") -> list[list[object]]:
    """Say which setting of each rule did best on each data set, by accuracy where there is one, else by loss."""
    from semantic_svd.sweeps import SETTINGS, best

    rows = []
    for _, part in table.groupby("data", sort=False):
        measured = [name for name in ("accuracy", "loss") if name in part and part[name].notna().any()]
        for row in best(part, measured[0]).to_dict("records") if measured else ():
            low, high = (number(row[name]) for name in ("low", "high"))
            text = f"{measured[0]} {number(row['mean'])}" + (f" [{low}, {high}]" if row["n"] > 1 else "")
            words = [row[name] for name in row if name in ("data", "rule", *SETTINGS)]
            rows += [[*words, text]] if row["n"] else []
    return rows
