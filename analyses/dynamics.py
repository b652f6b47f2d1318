"""What do networks learn under each rule, when, in which order, and how alike do they end? One page."""

from dataclasses import replace

from semantic_svd import RULES, report
from semantic_svd.comparisons import compare_runs
from semantic_svd.plots import caption, dynamics, save
from semantic_svd.training import train

MODELS = (report.AUTOASSOCIATOR, report.TANH, report.BPA)
ALIGNED = replace(RULES["fa_random"], rate=report.RATE)


def compute():
    runs = {model.name: report.standard_run(model) for model in MODELS}
    runs["feedback alignment"] = train(
        ALIGNED,
        report.AUTOASSOCIATOR.network,
        report.data(),
        epochs=int(runs[report.AUTOASSOCIATOR.name].data["epoch"][-1]),
        seeds=report.SEEDS,
        progress=False,
    )
    return compare_runs(runs)


def draw(summary, curves):
    figure = dynamics(summary, curves)
    caption(
        figure,
        f"{report.note(*MODELS)} Feedback alignment (random): the autoassociator's network. {report.SEEDS} seeds; "
        "bands and bars are 95\u00a0% intervals, t (b: of the logarithms). a: the response on the data's modes. "
        "c, e: correlation of cophenetic distances. f: below the diagonal linear CKA of the last hidden layers, above "
        "it what it reaches in 5\u00a0% of shuffles of the items.",
    )
    return figure


def main(folder):
    summary, curves = compute()
    save(draw(summary, curves), folder, "dynamics", summary)


if __name__ == "__main__":
    report.script(main)
