"""What is wrongly said of items on the way, and which mode takes it back? The largest illusion for each, by rule."""

import pandas as pd

from semantic_svd import report
from semantic_svd.illusory import corrected_by, illusory_properties
from semantic_svd.plots import caption, illusion_panels, save
from semantic_svd.tables import intervals, shown_epochs

MODELS = (report.AUTOASSOCIATOR, report.BPA)


def compute():
    found = [illusory_properties(report.standard_run(model).response(), report.data()) for model in MODELS]
    largest = largest_of(sum(one["height"].mean("seed") for one in found))
    parts = [part for model, one in zip(MODELS, found, strict=True) for part in parts_of(model, one, largest)]
    return pd.concat(parts, ignore_index=True)


def largest_of(height):
    """Choose for each block the item and the property of the highest illusion that it takes back."""
    cells = pd.DataFrame({"height": height.to_series(), "block": corrected_by(report.data()).to_series()})
    cells = cells[cells["block"] != ""]
    return cells.sort_values("height").groupby("block").tail(1).reset_index().sort_values("block")


def parts_of(model, found, largest):
    epochs = shown_epochs(model.epochs)
    strengths = intervals(report.projected(model).sel(epoch=epochs), part="strength", model=model.name)
    yield report.labelled(strengths)
    response = report.standard_run(model).response().sel(epoch=epochs)
    for cell in largest.itertuples():
        at = {"item": cell.item, "property": cell.property}
        columns = {"part": "illusion", "model": model.name, "block": cell.block}
        curve = intervals(response.sel(at, drop=True), **columns, mode=int(cell.block.split("-")[0]))
        measures = {name: values.item() for name, values in found.sel(at).mean("seed").items()}
        yield curve.assign(label=in_words(**at), **measures)


def in_words(item, property):
    return f"the {item} {property.replace('name:', 'is called')}"


def draw(table):
    figure = illusion_panels(table)
    caption(
        figure,
        f"{report.note(*MODELS, bands='bands')} Above: the response projected on the data's modes. Below, of all that "
        "is not so: for each block of modes the illusion that rises highest over its start and its end (mean of both "
        "models) among those which this block takes back, in its colour; blocks without a curve take none back.",
    )
    return figure


def main(folder):
    table = compute()
    save(draw(table), folder, "illusory", table)


if __name__ == "__main__":
    report.script(main)
