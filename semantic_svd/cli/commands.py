"""The commands, one function each: what it takes, what it calls, what it says."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import semantic_svd
from semantic_svd.cli.compare import compare
from semantic_svd.cli.explore import explore
from semantic_svd.cli.files import check_outputs, deliver
from semantic_svd.cli.options import CsvFile, Epoch, Layer, ManyValues, Plot, Seed, Source
from semantic_svd.cli.readout import readout
from semantic_svd.cli.reference import data, rules
from semantic_svd.cli.reproduce import reproduce
from semantic_svd.cli.subject import open_subject
from semantic_svd.cli.sweep import sweep
from semantic_svd.cli.terminal import NAME, complain, mean, number, says_interval, show
from semantic_svd.cli.train import train
from semantic_svd.errors import InputError
from semantic_svd.names import one_line

if TYPE_CHECKING:
    import pandas as pd

    from semantic_svd.dendrograms import Tree

TIED = (
    "The data's tree is one of several: distances tie, and the order of the items decides which join; in a network's "
    "tree its errors do."
)
INTERVALS = ("strength", "half_learned")  # columns of `modes` that have them

app = typer.Typer(
    name=NAME,
    help="How networks learn meaning, one mode at a time: train on items and their properties by a learning rule, and "
    "take the singular value decomposition of what is learned, epoch by epoch.",
    rich_markup_mode="rich",
)


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"{NAME} {semantic_svd.__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_say_version),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


# ---------------------------------------------------------------------------------------------------------- commands


app.command(
    epilog="Example:  semantic-svd reproduce hebbian-learning --images digits --epochs 20 -o figures"
)(reproduce)


app.command(
    cls=ManyValues,
    epilog="Example:  semantic-svd train --items my.csv --rule bpa --seeds 20 --epochs 2000 -o run.zarr",
)(train)


@app.command(cls=ManyValues, epilog="Example:  semantic-svd modes run.zarr --epoch 500 --plot modes.pdf")
def modes(
    source: Source,
    epoch: Epoch = "last",
    seed: Seed = None,
    layer: Layer = None,
    csv: CsvFile = None,
    plot: Plot = None,
    plot_strengths: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the strengths over training: .pdf, .png or .svg."),
    ] = None,
    theory: Annotated[
        bool, typer.Option("--theory", help="Draw there what theory foretells; the net is linear, no biases.")
    ] = False,
) -> None:
    """Take the modes of what a run has learned, or of a CSV, and measure them against the data's.

    Of a run on images: the modes of the class means of a hidden layer (classes by units, less their mean over the
    classes), the last hidden layer unless --layer names another. Strength and half-learned epoch are then on the modes
    that the same seed ends with, as its units are its own.

    With several seeds the terminal shows means and 95 % intervals, a CSV each seed; a picture shows the first seed.
    """
    from semantic_svd.cli.pictures import panels, strengths_over_training
    from semantic_svd.cli.tables import MODE_COLUMNS, mode_table

    check_outputs([source], [csv], [plot, plot_strengths])
    if theory and not plot_strengths:
        raise InputError("--theory is drawn over strengths; name their file with --plot-strengths")
    subject = open_subject(source, seed, layer)
    matrix = subject.at(epoch)
    table = mode_table(subject, matrix)
    deliver(
        (csv, lambda: table),
        (plot, lambda: panels(subject, matrix, epoch)),
        (plot_strengths, lambda: strengths_over_training(subject, theory)),
    )
    columns = {name: head for name, head in MODE_COLUMNS.items() if name in table}
    rows = [
        [
            mode,
            block,
            *(
                mean(part[name], name in INTERVALS, time=name == "half_learned")
                if block != "null" or name not in INTERVALS
                else ""
                for name in columns
            ),
        ]
        for (mode, block), part in table.groupby(["mode", "block"])
    ]
    print(subject.about(matrix, epoch))
    show(["mode", "block", *columns.values()], rows)
    if "seed" in table:
        beside = any("[" in str(cell) for row in rows for cell in row)
        print(says_interval(table["seed"].nunique(), "in brackets " if beside else None))
        if "half_learned" in table and table["seed"].nunique() > 1:
            print("Epochs: geometric means, intervals of the logarithms.")


@app.command(
    cls=ManyValues, epilog="Example:  semantic-svd align run.zarr --to other.zarr --csv comparison.csv"
)
def align(
    source: Source,
    to: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Another run, as it ended, or CSV.", show_default="the data"),
    ] = None,
    epoch: Epoch = "last",
    seed: Seed = None,
    layer: Layer = None,
    csv: CsvFile = None,
    plot: Plot = None,
) -> None:
    """Compare a run's modes with the data's, or with another run's: same, sign-flipped, swapped, rotated, different.

    --epoch is of RUN alone: the run of --to is taken as it ended. Each seed is compared with the seed of the same
    number; where the other side has one matrix, with that. Of hidden layers the items' side is compared, as units are
    not the same: by default with that of the data, with --to with the same layer of another run. Of runs on images the
    items are the classes, and the data the mean image of each.

    A flipped sign is the SVD's arbitrary choice: over several seeds the terminal and the picture count "same up to
    sign", a CSV tells each seed's.
    """
    from semantic_svd.cli.pictures import verdict_cells
    from semantic_svd.cli.tables import comparison, verdict_counts

    check_outputs([source, to], [csv], [plot])
    subject = open_subject(source, seed, layer)
    matrix = subject.at(epoch)
    table = comparison(matrix, subject, to)
    reference = to or subject.default_reference
    ended = " as it ended" if to and Path(to).is_dir() else ""
    side = f", {subject.side}" if subject.side else ""
    about = f"{subject.about(matrix, epoch)}, against {reference}{ended}{side}"
    deliver((csv, lambda: table), (plot, lambda: verdict_cells(table, about, Path(reference).name)))
    seeds = table["seed"].nunique() if "seed" in table else 1
    rows = []
    for mode, part in table.groupby("mode", sort=False):
        verdicts = verdict_counts(part["verdict"])
        said = ", ".join(f"{word} {n}" if seeds > 1 else str(word) for word, n in verdicts.items())
        worst = part["block_cosine"].min(), part["angle_deg"].max(), part["null_cosine"].iloc[0]
        rows.append([mode, part["block"].iloc[0], said, *map(number, worst)])
    print(about)
    show(["mode", "block", "verdict", "block\ncosine", "angle\n(deg)", "chance\n95 %"], rows, wrap=(2,))
    if seeds > 1:
        print(f"Verdicts count the {seeds} seeds; cosines and angles are of the worst seed.")
    print("A flipped sign is the SVD's arbitrary choice, not a finding.")


@app.command(
    cls=ManyValues, epilog="Example:  semantic-svd dendrogram run.zarr --epoch 0 100 last --plot trees.pdf"
)
def dendrogram(
    source: Source,
    epoch: Annotated[
        list[str] | None,
        typer.Option(metavar="N|last...", help="Epochs of the trees.", show_default="four over the run"),
    ] = None,
    seed: Seed = None,
    layer: Layer = None,
    method: Annotated[str, typer.Option(help="Linkage: average, complete, single, ward.")] = "average",
    metric: Annotated[
        str, typer.Option(help="Distance: euclidean, cityblock, cosine, correlation.")
    ] = "euclidean",
    csv: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the links of the trees and the items that they join as CSV."
        ),
    ] = None,
    agreement: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the agreement by seed and epoch as CSV.")
    ] = None,
    plot: Plot = None,
) -> None:
    """Draw the tree of the items over training, and measure its agreement with the data's tree.

    The trees are of one seed, the first unless --seed names another; the agreement is of all. Of a run on images the
    leaves are the classes, by the class means of a hidden layer; the data's tree is that of the mean images.
    """
    from semantic_svd.cli.pictures import tree_panels
    from semantic_svd.cli.tables import agreement_table, link_table, one_of
    from semantic_svd.dendrograms import EXACT_UP_TO, hangs_on_ties, linkage

    check_outputs([source], [csv, agreement], [plot])
    subject = open_subject(source, seed, layer)
    if agreement:
        subject.refuse_without_targets()
    if agreement and not subject.has_training:
        raise InputError(f"--agreement follows a training, and {source} keeps none with its data")
    trees: dict[str, Tree] = {}
    first, whose = subject.first_seed()
    of = {"seed": int(first.run.data["seed"][0])} if first.run else {}
    for label in epoch or subject.four_epochs():
        title = f"epoch {label}" if subject.run else subject.name
        trees[title] = linkage(one_of(first.at(label)), method, metric)
    about = subject.about()
    table = agreement_table(subject, method, metric) if subject.has_training else None
    data = None if table is None and subject.run else subject.data
    tied = data is not None and len(data) <= EXACT_UP_TO and hangs_on_ties(data, method, metric)
    drawn = f"{about}; {method} linkage, {metric} distance{whose}" + (f". {TIED[:-1]}" if tied else "")
    deliver(
        (csv, lambda: link_table(trees, **of)),
        (agreement, lambda: table),
        (plot, lambda: tree_panels(subject, trees, drawn)),
    )
    print(f"{about}{whose}")
    between = " | " if any(" " in name for tree in trees.values() for name in tree.items) else " "
    leaves = [[title, between.join(map(one_line, tree.leaves))] for title, tree in trees.items()]
    show(["tree", "leaves"], leaves, wrap=(1,))
    if table is not None and table["agreement"].isna().all():
        complain(
            "all items of the data, or of every response, are equally far apart: no trees agree or disagree"
        )
    elif table is not None:
        rows = [
            [epoch, mean(part["agreement"], within=(-1, 1))]
            for epoch, part in _thinned(table).groupby("epoch")
        ]
        print()
        show(["epoch", "correlation with the data's tree"], rows)
        print(says_interval(table["seed"].nunique()))
    if tied:
        print(TIED if table is None else f"{TIED} The correlation allows for it.")


app.command(epilog="Example:  semantic-svd compare bpa.zarr backprop.zarr --plot page.pdf")(compare)
app.command(epilog="Example:  semantic-svd sweep grid.toml -o results")(sweep)
app.command(epilog="Example:  semantic-svd rules bpa")(rules)
app.command(epilog="Example:  semantic-svd data --data pictures")(data)
app.command(epilog="Example:  semantic-svd explore bpa.zarr backprop.zarr -o explorer.html")(explore)
app.command(
    cls=ManyValues,
    epilog="Example:  semantic-svd readout run.zarr --images digits --probe -o classifier.zarr",
)(readout)


def _thinned(table: "pd.DataFrame") -> "pd.DataFrame":
    """Keep about three epochs a decade, the first and the last."""
    from semantic_svd.tables import nearest

    kept = sorted(table["epoch"].unique())
    wanted = (0, *(step * 10**power for power in range(9) for step in (1, 2, 5)), kept[-1])
    return table[table["epoch"].isin(nearest(kept, wanted))]
