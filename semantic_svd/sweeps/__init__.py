"""Sweeps: every rule on every data set in every setting, a run each, on all cores or on a Dask cluster.

A run of a sweep is one store and one small file of what was measured of it, which is there when all is done. So a
sweep that was stopped, or that lost a worker, goes on with what is missing.
"""

import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from threadpoolctl import threadpool_limits

from semantic_svd.drafts import drafts, writable
from semantic_svd.errors import InputError
from semantic_svd.runs import Run
from semantic_svd.sweeps.grid import SETTINGS, Cell, Grid, read_grid
from semantic_svd.sweeps.tables import best, measures, table_of
from semantic_svd.sweeps.workers import Died, on_cluster, on_cores
from semantic_svd.training import Diverged

__all__ = [
    "SETTINGS",
    "Cell",
    "Grid",
    "best",
    "measures",
    "read_grid",
    "results_folder",
    "runs_done",
    "sweep",
]

RESULTS, TIMES = "results.csv", "times.csv"


def sweep(
    grid: Grid | str | Path | Sequence[Grid | str | Path],
    out: str | Path,
    *,
    scheduler: str | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Train every run of a grid that is not done yet, and tabulate what came of all.

    Parameters
    ----------
    grid : Grid, or the path of a TOML file as `read_grid` takes it; or several, whose runs are trained together
    out : folder of the results
        A store for each run, ``<run>.zarr``, with what was measured of it beside, ``<run>.json``, by which it is done,
        even if its store is taken away; ``results.csv``, the table; ``times.csv``, the seconds that each run took.
        Runs of other grids may be there too; the tables are of this one.
    scheduler : str, optional
        Address of a Dask scheduler, as tcp://host:port, whose workers reach the same folder and have this package; one
        thread a worker is best. All cores of this machine if not given.
    progress : bool
        Show a bar where there is a terminal.

    Returns
    -------
    DataFrame, one row a run and seed
        ``run``, ``data``, ``rule``, the settings of the grid, ``seed``, and what `measures` says. A run that failed has
        rows of status "failed" with its ``error``; it is tried again when the sweep is.
        The table is the same to the last digit wherever it was made with the same versions on the same kind of
        processor: every run is computed by one BLAS thread (a worker of a cluster keeps to one from then on).

    Raises
    ------
    InputError
        If the grid has a fault, which is found before any run begins; the folder can't be written; or there is no
        such scheduler.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> grid = Grid(["bpa"], ["saxe2019_toy"], settings={"rate": [0.05, 0.1]}, epochs=100, seeds=2)
    >>> with TemporaryDirectory() as folder:
    ...     table = sweep(grid, folder)
    >>> table[["rate", "seed", "status", "end_epoch"]]
       rate  seed    status  end_epoch
    0  0.05     0  finished        100
    1  0.05     1  finished        100
    2  0.10     0  finished        100
    3  0.10     1  finished        100
    """
    parts = [grid] if isinstance(grid, Grid | str | Path) else grid
    grids = [part if isinstance(part, Grid) else read_grid(part) for part in parts]
    for part in grids:
        part.bytes()
    folder = results_folder(out)
    cells = list({cell.name: cell for part in grids for cell in part.cells}.values())
    done = runs_done(folder, cells)
    todo = [cell for cell in cells if cell.name not in done]
    work = partial(run_cell, folder)
    outcomes = on_cores(work, todo) if scheduler is None or not todo else on_cluster(work, todo, scheduler)
    try:
        with closing(outcomes):
            for cell, outcome in _shown(outcomes, len(cells), len(done), progress):
                done[cell.name] = {"error": str(outcome)} if isinstance(outcome, Died) else outcome
    finally:
        done |= runs_done(folder, cells)  # what was finished while Ctrl-C was on its way
        table = table_of(done, cells)
        times = [(cell.name, done[cell.name].get("seconds")) for cell in cells if cell.name in done]
        for name, rows in ((RESULTS, table), (TIMES, pd.DataFrame(times, columns=["run", "seconds"]))):
            if done:  # else nothing was begun
                _write(folder / name, rows.to_csv(index=False, lineterminator="\n"))
    return table


def results_folder(out: str | Path) -> Path:
    """Return the folder of the results, which is made if need be, is none of a run and can be written to."""
    if (Path(out) / "zarr.json").exists():
        raise InputError(f"{out} is a run; name a folder of its own for a sweep")
    return writable(out)


def run_cell(folder: Path, cell: Cell) -> dict[str, Any]:
    """Train a run and measure it; its file says that it is done. What goes wrong is returned in one line."""
    threadpool_limits(1, "blas")  # for good: restored, it would change under the other threads of a worker
    begun = time.perf_counter()
    try:
        run = _trained(folder / f"{cell.name}.zarr", cell)
        rows = measures(run).to_dict("records")
        outcome = {"rows": rows, "seconds": round(time.perf_counter() - begun, 3)}
        _write(_file(folder, cell), json.dumps(outcome))
    except Exception as error:
        kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
        return {"error": kind + " ".join(str(error).split())}
    return outcome


def _trained(path: Path, cell: Cell) -> Run:
    """Train a run; one whose seeds have all diverged is a result too."""
    try:
        return cell.train(path)
    except Diverged:
        return Run.open(path)


def runs_done(folder: Path, cells: Iterable[Cell]) -> dict[str, Any]:
    """Return what was measured of the runs that are done; one whose file is damaged is not, and is measured again."""
    measured = {cell.name: _measured(_file(folder, cell)) for cell in cells}
    return {name: found for name, found in measured.items() if found is not None}


def _measured(file: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):  # not there, cut short, of something else
        return None
    return found if isinstance(found, dict) and "rows" in found else None


def _file(folder: Path, cell: Cell) -> Path:
    return folder / f"{cell.name}.json"


def _write(path: Path, text: str) -> None:
    with drafts(path.parent) as unfinished:
        (unfinished / path.name).write_text(text, "utf-8", newline="\n")


def _shown(outcomes: Iterable, total: int, done: int, progress: bool) -> Iterator:
    """Pass outcomes on under a bar."""
    from rich.console import Console
    from rich.progress import Progress

    hidden = not (progress and sys.stderr.isatty())
    with Progress(console=Console(stderr=True), transient=True, disable=hidden) as bar:
        task = bar.add_task("runs", total=total, completed=done)
        for outcome in outcomes:
            yield outcome
            bar.advance(task)
