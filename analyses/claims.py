"""Which claims of the report hold? Each measured at equal epochs and rates, at equal error, and at convergence."""

import numpy as np

from semantic_svd import report
from semantic_svd.report import AUTOASSOCIATOR, BPA, NOISY, SAME, TANH, Claim, above, below, less, more

IN_EPOCHS, IN_SNAPSHOTS = ("equal epochs",), ("MSE 1e-2", "MSE 1e-3", "convergence")
ANIMALS, PLANTS = ("sparrow", "hawk", "salmon", "sunfish"), ("oak", "maple", "rose", "daisy")


def nearly_the_data(model):
    text = f"The output of the {model.name} is nearly the data"
    measure = "relative error ‖Y − X‖ / ‖X‖"
    return [Claim(text, measure, report.relative_error, (model,), below(0.1), within=(0, np.inf))]


def first_modes_alike(model):
    def cosine(model, condition):
        return report.block_cosine(model, condition, (1, 2, 3, 4))

    text = f"The first modes of the {model.name} are those of the data"
    measure = "smallest cosine of modes 1 to 4 with the modes of the response"
    return [Claim(text, measure, cosine, (model,), above(SAME), within=(0, 1))]


def in_order(text, model, early, late):
    def epochs(model, condition):
        return report.lead_in_epochs(model, early, late)

    def share(model, condition):
        return report.lead_in_share(model, condition, early, late)

    first, then = f"modes {early[0]} and {early[1]}", f"modes {late[0]} to {late[-1]}"
    time = f"epochs from when {first} both are half learned to when the first of {then} is"
    ahead = f"learned share: the lesser of {first} − the largest of {then}"
    text = f"{model.name}: {text}"
    return [
        Claim(text, time, epochs, (model,), above(0), IN_EPOCHS),
        Claim(text, ahead, share, (model,), more(0.01), IN_SNAPSHOTS),
    ]


def pairs(text, models, holds):
    def epochs(model, condition):
        return report.pair_gap_in_epochs(model)

    in_epochs = (
        "epochs between the response's singular values of a pair reaching half the data's / their mean epoch"
    )
    in_share = "gap between the response's singular values of a pair / the data's"
    return [
        Claim(text, in_epochs, epochs, models, holds, IN_EPOCHS),
        Claim(text, in_share, report.pair_gap_in_share, models, holds, IN_SNAPSHOTS),
    ]


def last_ones_later():
    def epochs(model, condition):
        return report.late_in_epochs(model)

    def relative(model, condition):
        return report.late_in_epochs(model, relative=True)

    text, both = "BPA separates the last dimensions later", (BPA, AUTOASSOCIATOR)
    own_time = "mean half-learned epoch of modes 5 to 8 / that of mode 1"
    return [
        Claim(text, "mean half-learned epoch of modes 5 to 8", epochs, both, above(0), IN_EPOCHS),
        Claim(f"{text}, in units of its own first mode", own_time, relative, both, above(0), IN_EPOCHS),
        Claim(
            text,
            "1 − mean learned share of modes 5 to 8",
            report.late_in_share,
            both,
            more(0.01),
            IN_SNAPSHOTS,
        ),
    ]


def second_mode_turned(model, conditions=tuple(report.CONDITIONS)):
    def share(model, condition):
        return report.turned(model, condition, 2)

    text = f"{model.name}: the second mode has its sign turned"
    measure = "share of seeds whose second u points against the data's (which way is the library's choice)"
    return [Claim(text, measure, share, (model,), above(0.9), conditions)]


def noisier_later():
    def error(model, condition):
        return np.log10(report.squared_error_on(model, condition, PLANTS))

    def share(model, condition):
        later, earlier = (report.squared_error_on(model, condition, items) for items in (PLANTS, ANIMALS))
        return later / (later + earlier)

    text, on = "BPA's output is noisier on the later items", "on oak, maple, rose, daisy"
    size = f"log10 of the mean squared error {on}"
    return [
        Claim(f"{text} than the autoassociator's", size, error, (BPA, AUTOASSOCIATOR), more(0.1)),
        Claim(
            f"{text} than on the earlier ones",
            f"share of the squared error that is {on}",
            share,
            (BPA,),
            above(0.5),
            within=(0, 1),
        ),
    ]


def less_distinct():
    def share(model, condition):
        return report.share_on(model, condition, PLANTS, (7, 8))

    text = "BPA's modes 7 and 8 are less distinct for oak, maple, rose, daisy than the autoassociator's"
    measure = "sum of u² over these items, mean of the response's modes 7 and 8 (1: they are on no others)"
    return [Claim(text, measure, share, (BPA, AUTOASSOCIATOR), less(0.01))]


def complementary(text, modes):
    def share(model, condition):
        return report.rotated(model, condition, modes)

    first, second = modes
    text = f"BPA's modes {first} and {second} are dimensionally complementary to the data's ({text})"
    plane = f"share of seeds whose vectors span the data's plane (cosine ≥ {SAME:g}) but differ one by one (< {SAME:g})"
    return [Claim(text, plane, share, (BPA,), above(0.5))]


CLAIMS = [
    *nearly_the_data(AUTOASSOCIATOR),
    *nearly_the_data(TANH),
    *first_modes_alike(AUTOASSOCIATOR),
    *first_modes_alike(TANH),
    *in_order("animals and plants come first", AUTOASSOCIATOR, (1, 2), (3, 4, 5, 6, 7, 8)),
    *in_order("animals and plants come first", BPA, (1, 2), (3, 4, 5, 6, 7, 8)),
    *in_order("trees/flowers and birds/fish come next", AUTOASSOCIATOR, (3, 4), (5, 6, 7, 8)),
    *in_order("trees/flowers and birds/fish come next", BPA, (3, 4), (5, 6, 7, 8)),
    *pairs("autoassociator: the last dimensions overlap in pairs", (AUTOASSOCIATOR,), below(0.1)),
    *pairs("BPA: the last dimensions overlap in pairs", (BPA,), below(0.1)),
    *pairs("The pairs overlap more in the autoassociator than in BPA", (BPA, AUTOASSOCIATOR), more(0.01)),
    *last_ones_later(),
    *second_mode_turned(BPA),
    *second_mode_turned(AUTOASSOCIATOR),
    *second_mode_turned(NOISY, ("convergence",)),
    *noisier_later(),
    *less_distinct(),
    *complementary("“fourth and fifth”, counted from 1", (4, 5)),
    *complementary("“fourth and fifth”, counted from 0", (5, 6)),
    *complementary("“seventh and eighth”", (7, 8)),
]


def compute():
    return report.claims_table(CLAIMS)


def main(folder):
    table = compute()
    report.save_claims(table, folder, "claims")
    return table


if __name__ == "__main__":
    report.script(main)
