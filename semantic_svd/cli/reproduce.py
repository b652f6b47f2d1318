"""The command `reproduce`: the report's figures, or a study of the literature rerun on images."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semantic_svd.cli.options import DataFolder, Scheduler, image_sets
from semantic_svd.cli.terminal import Interrupted, number, show
from semantic_svd.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

STUDIES = ("hebbian-learning", "feedback-alignment", "learned-feedback", "competing-units")


def reproduce(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="[STUDY]",
            help=f"{', '.join(STUDIES)}: half an hour or more on MNIST. Without one, the report's figures: a minute.",
            autocompletion=lambda: list(STUDIES),
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where to.")] = Path(
        "figures"
    ),
    images: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FOLDER",
            help="Images of a study: a set, or a folder of files.",
            autocompletion=image_sets,
            show_default="mnist",
        ),
    ] = None,
    data: DataFolder = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="Epochs of a study's networks.", show_default="10; of competing units 200"),
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="Trainings of each network.", show_default="3")] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Cross-validate, in place of the set's own test images.", show_default="no"
        ),
    ] = None,
    runs: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keeps a study's trainings.", show_default="runs")
    ] = None,
    scheduler: Scheduler = None,
) -> None:
    """Make every figure and table of the report from the 8 x 34 data, and say which of its claims hold.

    With the name of a study, rerun what the literature reports of a family of rules on images, and say where we agree.
    A study's trainings are kept: the same command goes on with one that was interrupted.
    """
    from semantic_svd.drafts import writable
    from semantic_svd.report import load_analysis, reproduce
    from semantic_svd.top import top_folder

    texts = {"images": images, "data": data and str(data), "runs": runs and str(runs), "scheduler": scheduler}
    numbers = {"epochs": epochs, "seeds": seeds, "folds": folds}
    given = {name: value for name, value in (texts | numbers).items() if value is not None}
    if study is None:
        for name in given:
            raise InputError(f"--{name} is for a study; there are {', '.join(STUDIES)}")
        _say_report(reproduce(output, progress=sys.stderr.isatty()))
    else:
        if study not in STUDIES:
            raise InputError(f"no study {study!r}; there are {', '.join(STUDIES)}")
        analysis = load_analysis(top_folder("analyses") / f"{study.replace('-', '_')}.py")
        try:
            _say_study(analysis.main(writable(output), **given))
        except KeyboardInterrupt:
            kept = f"what is trained is kept in {runs or 'runs'}, the same command goes on"
            raise Interrupted(f"interrupted; {kept}") from None
    print(f"figures and tables: {output}")


def _say_report(claims: "pd.DataFrame") -> None:
    rows: list[tuple[str, str, str]] = []
    for claim, of_claim in claims.groupby("claim", sort=False):
        rows.append((str(claim), "", ""))
        for _, part in of_claim.groupby(["measure", "of", "criterion"], sort=False):
            first = part.iloc[0]
            rows.append((f"  {first['measure']} ({first['of']}) {first['criterion']}", "", ""))
            for row in part.to_dict("records"):
                value, low, high = (number(row[name], digits=3) for name in ("mean", "low", "high"))
                rows.append((f"    {row['condition']}", f"{value} [{low}, {high}]", row["holds"]))
        rows.append(("", "", ""))
    show(["claim of the report", "measured", "holds?"], rows[:-1], wrap=(0,))


def _say_study(claims: "pd.DataFrame") -> None:
    rows = []
    for row in claims.to_dict("records"):
        value, low, high = (number(row[name], digits=3) for name in ("mean", "low", "high"))
        measured = f"{value} [{low}, {high}] {row['criterion']}" if row["n"] else "diverged"
        rows.append((f"{row['claim']} ({row['source']}): {row['measure']}", measured, row["agrees"]))
    show(["claim of the source", "measured", "agrees?"], rows, wrap=(0,))
