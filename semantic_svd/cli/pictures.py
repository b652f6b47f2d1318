"""The pictures that the commands draw: the numbers are the tables', the look is that of plots."""

from typing import Any

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from semantic_svd import plots
from semantic_svd.alignment import align, upright
from semantic_svd.cli.subject import Subject
from semantic_svd.cli.tables import fullest, one_of, verdict_counts
from semantic_svd.cli.terminal import says_interval
from semantic_svd.dendrograms import Tree, clades, linkage
from semantic_svd.errors import InputError
from semantic_svd.modes import block_names, not_null, svd
from semantic_svd.plots.style import MOST_LINES
from semantic_svd.predictions import prediction
from semantic_svd.similarity import item_side
from semantic_svd.tables import held, intervals

MOST_MODES = 16  # of a matrix, as many as have room beside it
MOST_CLADES = 4  # as many as have a colour that is easily told from the others
SHORT = 20  # characters of a key
DATA_TREE = "the data's tree, by average linkage of euclidean distances"


def panels(subject: Subject, matrix: xr.DataArray, epoch: str) -> Figure:
    """Draw matrix = U S V' of the first seed, its modes turned to the data's where there are such.

    Their signs are the explorer's.
    """
    one, notes = one_of(matrix), []
    reference, sides = subject.reference, subject.by_class or subject.input_output
    # as many as the table has: the side of few units, or of classes less their mean, has null modes besides
    there = min(matrix.shape[-1], len(one) - 1) if sides else min(one.shape)
    if sides:  # hundreds of units have no names to print: the classes' side says what there is to say
        one = item_side(one)
        reference = None if reference is None else item_side(reference)
        of = (
            "the class means, classes by units"
            if subject.by_class
            else "output with input, classes by inputs"
        )
        notes.append(
            f"Classes' side: (M M')^(1/2), where M is {of}, less its mean. U and S are those of M; V is U."
        )
    if there > MOST_MODES:
        notes.append(f"The first {MOST_MODES} of {there} modes.")
    kept = slice(min(there, MOST_MODES))
    modes = upright(svd(one).isel(mode=kept))
    if reference is not None:
        modes = align(modes, upright(svd(reference).isel(mode=kept)))
        notes.append("Modes are turned to the data's, block by block: inside a block S need not be diagonal.")
    title, name = subject.name, "items"
    if subject.run is not None:
        when = "as it ended" if epoch == "last" else f"epoch {epoch}"
        title += f", {subject.layer_said}, seed {int(matrix['seed'][0])}, {when}"
        name = "response" if subject.layer is None else f"layer {subject.layer}"
        name += ", classes' side" if sides else ""
    figure = plots.svd_panels(one, modes, title=title, name=name)
    if notes:
        plots.caption(figure, " ".join(notes))
    return figure


def strengths_over_training(subject: Subject, theory: bool = False) -> Figure:
    """Draw the strength of each of the data's modes over the training, with what theory foretells if it is asked."""
    if not subject.has_strengths:
        subject.refuse_without_targets()
        raise InputError(f"--plot-strengths follows the output of a run, and {_unfollowed(subject)}")
    strengths, reference = held(subject.strengths()), None
    if subject.by_class:
        reference = fullest(subject.own_modes.values())
    elif subject.reference is not None:
        reference = svd(subject.reference)
    if reference is not None:
        strengths = strengths.isel(mode=not_null(reference).values)  # null modes have none
    there = strengths.sizes["mode"]
    strengths = strengths.isel(mode=slice(MOST_LINES))
    table = intervals(strengths)
    if reference is not None:
        table["block"] = table["mode"].map(block_names(reference))
    foretold = _foretold(subject, strengths) if theory else None
    figure = _whole_figure(plots.strength_lines(table, theory=foretold).figure)
    note = f"{subject.name}. " + f"The first {MOST_LINES} of {there} modes. " * (there > MOST_LINES)
    note += "Modes are those of the targets. " * (reference is None)
    note += says_interval(strengths.sizes["seed"], "bands are ")
    plots.caption(figure, note + " Theory is that of small rates, from the same starts." * theory)
    return figure


def _unfollowed(subject: Subject) -> str:
    """Say why there are no strengths to follow."""
    if subject.run is None:
        return f"{subject.name} has none to follow"
    if subject.layer is not None:
        return f"{subject.layer_said} of {subject.name} is hidden"
    return f"{subject.name} keeps its end alone (record strengths, responses or weights)"


def _foretold(subject: Subject, seen: xr.DataArray) -> pd.DataFrame:
    """Tabulate the strengths that theory foretells of those seen in a run, the mean over its seeds."""
    if subject.run is None or subject.by_class:
        raise InputError(f"--theory is about the modes of items; {subject.name} is looked at by class")
    foretold = prediction(subject.run).sel(mode=seen["mode"]).where(subject.strengths().notnull())
    return held(foretold).mean("seed").rename("strength").to_dataframe().reset_index()


def verdict_cells(table: pd.DataFrame, about: str, reference: str) -> Figure:
    """Draw the most frequent verdict of each mode of a reference, with the worst seed's cosine, and say of what."""
    rows = []
    for _, part in table.groupby("mode", sort=False):
        counts = verdict_counts(part["verdict"])
        row = {**part.iloc[0], "verdict": counts.index[0], "block_cosine": part["block_cosine"].min()}
        if len(part) > 1:
            row["seeds"] = f"{counts.iloc[0]} of {len(part)}"
        rows.append(row)
    figure = _whole_figure(plots.comparison(pd.DataFrame(rows), reference=reference).figure)
    notes = [f"{about}."]
    if "seeds" in rows[0]:
        notes.append("The most frequent verdict over seeds, and the cosine of the worst seed.")
    if "null" in set(table["verdict"]):
        notes.append("null: a mode of no strength, whose direction is rounding.")
    plots.caption(figure, " ".join(notes))
    return figure


def tree_panels(subject: Subject, trees: dict[str, Tree], about: str) -> Figure:
    """Draw trees side by side, the items coloured by the clades of the data's tree, and say what they are about."""
    first = linkage(subject.data) if subject.data is not None else next(iter(trees.values()))
    whose = "the first tree" if subject.data is None else DATA_TREE
    clade = clades(first, min(MOST_CLADES, len(first))).to_series()
    names = {number: _clade_name(list(members.index)) for number, members in clade.groupby(clade)}
    groups = {str(item): names[number] for item, number in clade.items()}
    figure = _whole_figure(plots.dendrogram_panels(trees, groups)[0].figure)
    plots.caption(figure, f"{about}. Colours: the {len(names)} highest clades of {whose}.")
    return figure


def _clade_name(items: list[str]) -> str:
    """Name a clade by its items, or by the first if they are long.

    Examples
    --------
    >>> _clade_name(["1", "2", "3", "5", "8", "9"]), _clade_name(["sparrow", "penguin", "canary"])
    ('1, 2, 3, 5, 8, 9', 'sparrow and 2 more')
    """
    every = ", ".join(items)
    return every if len(items) < 3 or len(every) <= SHORT else f"{items[0]} and {len(items) - 1} more"


def _whole_figure(figure: Any) -> Figure:
    """Tell the type checker that what was drawn is a page of its own, not a part of another."""
    assert isinstance(figure, Figure)
    return figure
