"""The command `compare`: runs side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semantic_svd.cli.files import check_outputs, deliver
from semantic_svd.cli.options import CsvFile, Plot, run_names, runs
from semantic_svd.cli.terminal import complain, endings, number, of_all, show
from semantic_svd.errors import InputError
from semantic_svd.names import broken, telling

if TYPE_CHECKING:
    import pandas as pd

    from semantic_svd.runs import Run

CELL, WORDS = 18, 14  # characters of a column of numbers, and those that what they are may break into
MOST_ROWS = 24  # of a measure in the terminal

TIMES = {  # how the half-learned time of a mode is called in the summary, and in the terminal
    "epoch": ("half learned", "half learned at epoch, mode {}"),
    "rate_steps": ("half learned, rate x steps", "half learned at rate x steps, mode {}"),
    "relative": ("half learned, relative", "half learned / the first mode's epoch, mode {}"),
}
SHOWN = {
    "final strength / data's": "strength at the end / the data's, mode {}",
    "order kept": "order kept, {}",
    "leakage": "leakage",
    "agreement with the data's tree, output": "tree of the output",
    "agreement with the data's tree, hidden": "tree of the last hidden layer",
    "CKA": "CKA of the last hidden layer with {}",
}


def compare(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...", help="Two or more saved runs over the same items.", autocompletion=runs
        ),
    ],
    csv: CsvFile = None,
    curves: Annotated[
        Path | None, typer.Option("--curves", metavar="FILE", help="Write the curves over training as CSV.")
    ] = None,
    plot: Plot = None,
    time: Annotated[
        str, typer.Option(metavar="|".join(TIMES), help="What tells the time, in the table and the picture.")
    ] = "epoch",
) -> None:
    """Compare runs: when modes are learned and in which order, what is there at the end, how alike hidden layers are.

    Runs are of the same items and targets, under any rules and networks; of images, their classes are compared. Named
    by their folders. Seeds that diverged are left out, and runs of such seeds alone while two others remain. --plot is
    a page with all of it.
    """
    from semantic_svd.comparisons import compare_runs
    from semantic_svd.runs import Run

    check_outputs(sources, [csv, curves], [plot])
    if time not in TIMES:
        raise InputError(f"--time is one of {', '.join(TIMES)}, not {time!r}")
    opened = {name: Run.open(source) for name, source in run_names(sources).items()}
    compared = {name: run for name, run in opened.items() if not run.diverged.all()}
    summary, by_epoch = compare_runs(compared if len(compared) > 1 else opened)
    for name, run in opened.items():
        lost = run.data["seed"][run.diverged].values
        if name not in compared:
            complain(f"left out: {name}, every seed of which diverged")
        elif len(lost):
            complain(f"left out of {name}: seed {', '.join(map(str, lost))}, diverged")

    untaught = [name for name, run in compared.items() if not run.taught]
    note = ""
    if untaught:
        note = f"not taught: the output of {', '.join(untaught)}; only the hidden layer is compared"
        complain(note)
    words = dict([TIMES[time]]) | SHOWN
    shown = summary[summary["measure"].isin(words)]

    def page():
        from semantic_svd.plots import caption, dynamics

        figure = dynamics(summary, by_epoch, time)
        drawn = intervals_said(shown[shown["measure"] != "order kept"])
        about = (
            f"Bands and bars over seeds: {drawn}. a: projected on the modes of the targets. {_known(summary)}"
            "c, e: correlation of cophenetic distances. f: below the diagonal between last hidden layers, above "
            "it what 5 % of shuffles reach."
        )
        untold = note and f"{note[0].upper()}{note[1:]}."
        caption(figure, " ".join(filter(None, (about, untold))))
        return figure

    deliver((csv, lambda: summary), (curves, lambda: by_epoch), (plot, page))
    for name, run in compared.items():
        print(f"{name}: {run.network.about}, {endings(run)}")
    _show(summary, words, compared)
    if len(beside := shown[_has_interval(shown)]):
        print(f"In brackets: {intervals_said(beside)}.")


def _show(summary: "pd.DataFrame", words: dict[str, str], opened: dict[str, "Run"]) -> None:
    """Show runs side by side, as many in a table as the terminal is wide."""
    import rich

    names = telling(list(opened))
    shown = summary.replace({"of": {run: broken(name, CELL) for run, name in names.items()}})
    abreast = max(1, (rich.get_console().width - WORDS) // (CELL + 2))
    for start in range(0, len(names), abreast):
        some = list(names)[start : start + abreast]
        print("\n" * (start > 0), end="")
        heads = (broken(names[run], CELL) for run in some)
        show(["", *heads], _rows(shown, words, {run: opened[run] for run in some}), wrap=(0,))


def _rows(summary: "pd.DataFrame", words: dict[str, str], opened: dict[str, "Run"]) -> list[list[str]]:
    """Write the measures of some runs, a row each; modes that none of them learned are left out, and a long rest."""
    seeds = {name: int((~run.diverged).sum()) for name, run in opened.items()}
    values: Any = summary.set_index(["measure", "of", "run"]).to_dict("index")
    rows = []
    for measure, text in words.items():
        found = []
        for of in summary.loc[summary["measure"] == measure, "of"].unique():
            shown = [_cell(values, measure, of, name, n, opened[name].taught) for name, n in seeds.items()]
            if set(shown) - {"", "never"}:
                found.append([text.format(of), *shown])
        rows += found[:MOST_ROWS]
        if more := len(found[MOST_ROWS:]):
            rows.append([f"and {more} more, in --csv", *[""] * len(seeds)])
    return rows


def _cell(values: Any, measure: str, of: str, run: str, seeds: int, taught: bool) -> str:
    """Write a measure of a run of so many seeds: mean and interval, or whether a mode without a time was there."""
    row, known = values.get((measure, of, run), {"n": 0}), 0
    if measure.startswith("half learned"):
        known = round(seeds * values.get(("half learned at the start", of, run), {"mean": 0.0})["mean"])
        if values["half learned", of, run]["n"] == 0:
            never = "never" if taught else ""
            return "at the start" + of_all(known, seeds) if known else never
    if row["n"] == 0:
        return ""
    beside = f" [{number(row['low'], 3)}, {number(row['high'], 3)}]" if _has_interval(row) else ""
    return number(row["mean"], 3) + beside + of_all(int(row["n"]), seeds, known)


def _has_interval(rows: Any) -> Any:
    """Tell of a row, or of each of a table, whether it is of more than one seed, or a share, which has one of one."""
    return (rows["n"] > 1) | (rows["low"] < rows["high"])


def _known(summary: "pd.DataFrame") -> str:
    """Say which modes panel b does not show as some seeds had them at the start."""
    there = summary[summary["measure"] == "half learned at the start"]
    runs = "; ".join(f"{run}: {', '.join(rows['of'])}" for run, rows in there.groupby("run", sort=False))
    return runs and f"b: without seeds that had a mode at the start ({runs}). "


def intervals_said(summary: "pd.DataFrame") -> str:
    """Say which of the measures shown have which interval.

    Examples
    --------
    >>> import pandas as pd
    >>> methods = {"half learned": "t of logs, range where n < 5", "order kept": "Wilson", "leakage": "t"}
    >>> intervals_said(pd.DataFrame(methods.items(), columns=["measure", "method"]))
    'Wilson (order kept); t of logs (half learned) and t (all else), range where n < 5'
    """
    from semantic_svd.intervals import FEWEST

    few = f"range where n < {FEWEST}"
    method = summary["method"].str.removesuffix(f", {few}")
    of = {name: ", ".join(summary["measure"][method == name].unique()) for name in method.unique()}
    wilson = f"Wilson ({of['Wilson']}); " if "Wilson" in of else ""
    if not {"t", "t of logs"} & set(of):
        return "Wilson" if set(of) == {"Wilson"} else f"{wilson}range (all else)" if wilson else "range"
    means = f"t of logs ({of['t of logs']}) and t (all else)" if "t of logs" in of else "t"
    return f"{wilson}{means}" + (f", {few}" if summary["method"].str.contains("range").any() else "")
