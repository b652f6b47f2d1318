"""How near does an error come to backprop that travels through matrices which know nothing of the weights? On request.

python analyses/feedback_alignment.py --images mnist --epochs 10 --seeds 3 --data FOLDER --runs FOLDER

Figures 7 and 8 of Imagination Technologies (2021). 23 networks: on MNIST about a minute a training and core.
Trainings are kept in --runs, and gone on with when it is started again.
"""

from functools import reduce

import numpy as np

from semantic_svd import RULES, report
from semantic_svd.report.claims import below
from semantic_svd.report.published import BASE, Part, Reported, Study

KINDS = {
    "random": "random",
    "random + signs": "random_sign",
    "binary": "binary",
    "binary + signs": "binary_sign",
}
ONE, RELU, TANH = "2,000, ReLU", "800-800, ReLU", "800-800, tanh"


def fed(*paths):
    found = {
        f"{path}, {words}": RULES[f"{path.lower()}_{kind}"] for path in paths for words, kind in KINDS.items()
    }
    return {BASE: RULES["backprop"]} | found


def worst(part, path):
    """Measure how far the worst kind of feedback is from backprop."""
    return lambda error: (
        reduce(np.maximum, [error(part, f"{path}, {of}") for of in KINDS]) - error(part, BASE)
    )


STUDY = Study(
    "feedback_alignment",
    (
        Part(ONE, fed("FA")),
        Part(RELU, fed("FA", "DFA"), (800, 800)),
        Part(TANH, fed("FA", "DFA"), (800, 800), "tanh"),
    ),
    [
        Reported(
            f"{path} comes near backprop with every kind of B: {part}",
            source,
            "error of the worst kind less backprop's (points)",
            worst(part, path),
            below(1),
        )
        for part, path, source in (
            (ONE, "FA", "figures 7, 8; FA and DFA are one here"),
            (RELU, "FA", "figure 7"),
            (RELU, "DFA", "figure 8"),
            (TANH, "FA", "figure 7"),
            (TANH, "DFA", "figure 8"),
        )
    ],
    f"Rate {RULES[BASE].rate:g}",
)
main = STUDY.rerun


if __name__ == "__main__":
    report.script(main)
