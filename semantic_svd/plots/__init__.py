"""Tables in, axes out: every figure of the project, in one look, ready to print.

Nothing here computes. A function takes a labelled array or a tidy table, draws on ``ax`` (or on a new figure of a
journal's column width) and returns the axes.
"""

from semantic_svd.plots.curves import measure_lines, measure_panels, stages, strength_lines, strength_panels
from semantic_svd.plots.departures import departure_lines, theory_panels
from semantic_svd.plots.dynamics import dynamics
from semantic_svd.plots.equations import svd_panels, svd_rows
from semantic_svd.plots.illusions import illusion_panels
from semantic_svd.plots.meetings import amounts, loss_lines, loss_panels, meeting_lines
from semantic_svd.plots.paths import path_lines, path_panels
from semantic_svd.plots.pictures import weight_frames, weight_pictures
from semantic_svd.plots.ranges import range_rows
from semantic_svd.plots.similarities import epoch_map, epoch_maps, layer_table, null_bands
from semantic_svd.plots.studies import (
    course_sheet,
    error_panels,
    number_curves,
    strength_sheet,
    structure_panels,
    tree_sheet,
)
from semantic_svd.plots.style import COLUMN, PAGE, caption, mode_style, panels, save, styled, write
from semantic_svd.plots.timing import shape_panels, stage_panels
from semantic_svd.plots.trees import dendrogram, dendrogram_panels
from semantic_svd.plots.verdicts import comparison

__all__ = [
    "COLUMN",
    "PAGE",
    "amounts",
    "caption",
    "comparison",
    "course_sheet",
    "dendrogram",
    "dendrogram_panels",
    "departure_lines",
    "dynamics",
    "epoch_map",
    "epoch_maps",
    "error_panels",
    "illusion_panels",
    "layer_table",
    "loss_lines",
    "loss_panels",
    "measure_lines",
    "measure_panels",
    "meeting_lines",
    "mode_style",
    "null_bands",
    "number_curves",
    "panels",
    "path_lines",
    "path_panels",
    "range_rows",
    "save",
    "shape_panels",
    "stage_panels",
    "stages",
    "strength_lines",
    "strength_panels",
    "strength_sheet",
    "structure_panels",
    "styled",
    "svd_panels",
    "svd_rows",
    "theory_panels",
    "tree_sheet",
    "weight_frames",
    "weight_pictures",
    "write",
]
