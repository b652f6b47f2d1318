"""What comes of feedback that itself learns by Hebb or Oja, where it starts at random? Only on request.

python analyses/learned_feedback.py --images mnist --epochs 10 --seeds 3 --data FOLDER --runs FOLDER

Figures 9 to 11 of Imagination Technologies (2021), and DFA x Oja, which they could not define. 10 networks: on MNIST
about a minute a training and core. Trainings are kept in --runs, and gone on with when it is started again.
"""

from semantic_svd import RULES, report
from semantic_svd.report.claims import below
from semantic_svd.report.published import BASE, Part, Reported, Study, behind

ONE, TWO = "2,000, ReLU", "800-800, ReLU"


def fed(paths):
    rows = {f"{path} (fixed)": RULES[f"{path.lower()}_random"] for path in paths}
    rows |= {
        f"{path} × {by}": RULES[f"{path.lower()}_{by.lower()}"] for path in paths for by in ("Hebb", "Oja")
    }
    return {BASE: RULES["backprop"]} | rows


STUDY = Study(
    "learned_feedback",
    (Part(ONE, fed(["FA"])), Part(TWO, fed(["FA", "DFA"]), (800, 800))),
    [
        Reported(
            f"{path} × {by} {words}: {part}",
            source,
            f"error less {of} (points)",
            behind(part, f"{path} × {by}", other),
            below(limit),
        )
        for part, path, by, source in (
            (ONE, "FA", "Hebb", "our question to figure 9"),
            (ONE, "FA", "Oja", "our question to figure 10"),
            (TWO, "FA", "Hebb", "our question to figure 9"),
            (TWO, "FA", "Oja", "our question to figure 10"),
            (TWO, "DFA", "Hebb", "our question to figure 11"),
            (TWO, "DFA", "Oja", "our question: not in the source"),
        )
        for words, of, other, limit in (
            ("comes near backprop", "backprop's", BASE, 1),
            ("is better than fixed feedback", "that of fixed feedback", f"{path} (fixed)", 0),
        )
    ],
    f"Rate {RULES[BASE].rate:g}, of feedback that learns {RULES['fa_hebb'].rates[2]:g}",
)
main = STUDY.rerun


if __name__ == "__main__":
    report.script(main)
