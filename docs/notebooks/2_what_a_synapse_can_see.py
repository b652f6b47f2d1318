# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 2. Learning with what a synapse can see
#
# The first notebook trained networks by backpropagation. As a model of the brain it asks a lot: to change one synapse,
# it must know the error of units far away, and that error has to travel backwards through the very weights that
# signals travel forwards through. A real synapse sees its sender, its receiver, and itself.
#
# How far does one get with that? After this notebook you can
#
# - say what Hebb's rule finds, and what is wrong with it,
# - say how Oja's decay mends it,
# - compare BPA, which sends no error back, with backpropagation, mode by mode,
# - tell which rules are as local as they look.
#
# It builds on the first notebook: items, modes, strengths.

# %%
# %matplotlib inline
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from semantic_svd import RULES, Network, Rule, load_items, train
from semantic_svd.alignment import compare
from semantic_svd.angles import feedback_angle
from semantic_svd.modes import half_learned, strengths, svd
from semantic_svd.plasticity import Frozen, Hebb, Oja, Plasticity, Sanger
from semantic_svd.plots import (
    comparison,
    measure_lines,
    stages,
    strength_lines,
    strength_panels,
    weight_pictures,
)
from semantic_svd.report import labelled
from semantic_svd.tables import intervals, shown_epochs

items = load_items("mcclelland2020")
modes = svd(items)

# %% [markdown]
# ## Hebb: what fires together, wires together
#
# Hebb (1949) lets a synapse grow whenever its sender (*pre*) and its receiver (*post*) are active together:
#
# $$\Delta W = \langle \text{post} \cdot \text{pre}' \rangle ,$$
#
# the mean over the items. In this package such a rule is a *plasticity*, and all that it is handed is a synapse. Below
# it sits on the hidden layer of a linear network; the output does not learn, so there is no teacher at all.


# %%
def untaught(plasticity):
    """Return a rule by which hidden layers learn without a teacher."""
    return Rule(hidden=plasticity, output=Frozen(), bias=Frozen(), rate=0.1)


one_unit = Network((34, 1, 34), biases=False, scale=0.3)
hebb = train(untaught(Hebb()), one_unit, items, epochs=150, seeds=30)
length = (hebb.weights(1) ** 2).sum(("post", "pre")) ** 0.5
ax = measure_lines(intervals(length, rule="Hebb"), "length of the weights")
ax.set(xscale="linear", xlabel="epoch", yscale="log")
ax.figure

# %% [markdown]
# Mind the logarithmic axis: the weights explode. Every look at the items makes them longer, and longer weights make
# the unit more active, and so on. But *where* do they point? Let us ask for the squared cosine between the weights and
# each mode (its side of the properties, $v_k$). The squares add up to the share of the weights that lies along any
# mode: about a quarter at the start, which is random (8 directions of 34), and one at the end.


# %%
def towards_modes(run):
    """Return the squared cosine of a unit's weights with each mode: (seed, epoch, mode)."""
    W = run.weights(1).isel(post=0)
    along = xr.dot(W, modes.V.rename(property="pre"), dim="pre")
    return (along**2 / (W**2).sum("pre")).transpose("seed", "epoch", "mode")


ax = strength_lines(labelled(intervals(towards_modes(hebb).sel(epoch=shown_epochs(150)))))
ax.set_ylabel("squared cosine with the mode")
ax.figure

# %% [markdown]
# The small modes lose at once, the largest win. Along mode $k$ the weights are multiplied by $1 + \text{rate} \cdot
# \lambda_k$ in each epoch, with $\lambda_k = s_k^2 / N$ as in the first notebook; so the ratio of any two of them
# grows without end, and in the long run mode 1 is all that is left. (Modes 1 and 2, squared singular values 23 and 21,
# take their time to part.) **Hebb's rule looks for the first mode, and blows up while it does so.**
#
# ## Oja: the same, with a decay
#
# Oja (1982) lets each synapse also decay, the faster the more active its receiver is:
#
# $$\Delta W = \langle \text{post} \cdot (\text{pre} - \text{post} \, W)' \rangle .$$
#
# What the unit already explains is taken off before it learns. Nothing else is needed:

# %%
oja = train(untaught(Oja()), one_unit, items, epochs=1000, seeds=30)
final_length = (oja.final().weights(1) ** 2).sum(("post", "pre")) ** 0.5
ax = strength_lines(labelled(intervals(towards_modes(oja).sel(epoch=shown_epochs(1000)))))
ax.set_ylabel("squared cosine with the mode")
print(
    f"length of the weights at the end, over seeds: {final_length.values.min():.6f} to {final_length.values.max():.6f}"
)
ax.figure

# %% [markdown]
# The weights end at length one, and on the first mode: a unit for animals. Look at epoch 20, though. For a while each
# network has *some* mixture of animals and plants, which one being a matter of its start (the bands are wide).
#
# ## Eight units, and how they share the work
#
# One unit is not enough for eight items. What do eight units do if each follows Oja by itself? And what if the decay
# of each takes off what all of them explain (Oja 1989), or what those before it explain (Sanger 1989)? Below are the
# weights of eight units after 4,000 epochs, unit by unit (rows), along each of the eight modes (columns).

# %%
layer = Network((34, 8, 34), biases=False, scale=0.3)
decays = {"each by itself": Oja("unit"), "all together": Oja("subspace"), "one after the other": Sanger()}
ends = {
    name: train(untaught(p), layer, items, epochs=4000, every="log").final() for name, p in decays.items()
}
along = {name: run.weights(1)[0].values @ modes.V.values for name, run in ends.items()}
weight_pictures(list(along.values()), columns=3).figure

# %% [markdown]
# - *Each by itself* (left): all eight find the same mode. Local, and of little use.
# - *All together* (middle): every unit is a mixture, but the mixtures are different: together they span all the modes.
# - *One after the other* (right): each unit has a mode of its own, in order. Signs are free, and so are rotations
#   among modes of equal singular value.
#
# In numbers: is $W W'$ the identity, as for units that are all different?

# %%
overlap = {name: run.weights(1)[0].values @ run.weights(1)[0].values.T for name, run in ends.items()}
pd.Series(
    {name: np.abs(WW - np.eye(8)).max() for name, WW in overlap.items()}, name="largest entry of WW' - 1"
).round(3)

# %% [markdown]
# ## BPA: a hidden layer without errors, an output layer with them
#
# The *biologically plausible autoassociator* puts the second of these on the hidden layer, and the delta rule (Widrow
# & Hoff 1960) on the output. The delta rule needs an error, but only that of its own receivers: what the output should
# say and what it says meet at the output. No error is sent back.

# %%
RULES["bpa"]

# %%
runs = {rule: train(rule, layer, items, epochs=1100, seeds=10) for rule in ("backprop", "bpa")}
strength = {rule: strengths(run.response(), modes) for rule, run in runs.items()}
epochs = shown_epochs(1100)
strength_panels(
    labelled(pd.concat([intervals(s.sel(epoch=epochs), panel=rule) for rule, s in strength.items()]))
)

# %% [markdown]
# Two very different rules, and the same stages: animals and plants, birds against fish, trees against flowers, single
# things. When is each mode half learned?

# %%
half = [intervals(half_learned(s, modes), rule=rule) for rule, s in strength.items()]
stages(labelled(pd.concat(half))).figure

# %% [markdown]
# Nearly at the same epochs. That is no accident: from a tidy start Oja's hidden layer follows
#
# $$\frac{dp}{dt} = 2\,\lambda\,p\,(1 - p)$$
#
# for the share $p$ of each mode that its weights span, and if the output has the same rate, it follows along. It is
# the equation of backpropagation in the first notebook, from quite another rule: there the factor $p$ was the other
# layer that had to pass the mode on, here it is the unit's own activity; there $1 - p$ was the error, here it is Oja's
# decay.
#
# So the stages alone do not tell which rule a learner uses. And be careful with "sooner" and "later": rates were equal
# here, and an epoch of one rule is not an epoch of the other (exercise 1).
#
# Are the modes of BPA's responses those of the data? Compared naively, column by column, some would have a turned sign
# and some would look different. `compare` knows about signs and about equal singular values, and puts beside each
# number what random matrices would reach:

# %%
comparison(labelled(compare(runs["bpa"].final().response().sel(seed=0), modes))).figure

# %% [markdown]
# ## How local is local?
#
# Look once more at the decay of "all together": $\langle \text{post} \, \text{post}' \rangle W$. The synapse of unit 1
# has to know the weights of units 2 to 8. Oja's unit sees only itself, but eight of them all learn the same. So a
# layer whose units are to be *different* needs something between them: in the brain perhaps inhibition among
# neighbours. "Biologically plausible" is a matter of degree, and every rule has its own.
#
# ## A third way: errors through random feedback
#
# Lillicrap and others (2016) found that errors may travel back through *fixed random* weights. Then learning makes the
# forward weights such that the feedback becomes useful. How far does the feedback $B$ point along the weights that it
# stands for? 90 degrees is no relation at all, 0 would be backpropagation.

# %%
fa = train("fa_random", layer, items, epochs=1100, seeds=10)
angles = intervals(feedback_angle(fa, 1).sel(epoch=epochs), rule="feedback alignment")
ax = measure_lines(angles, "angle of feedback (degrees)")
ax.get_legend().remove()
ax.figure

# %% [markdown]
# ## Exercises
#
# **1. An epoch is not a time.** Train BPA with `dataclasses.replace(RULES["bpa"], rate=(0.02, 0.1, 0.1))` (hidden,
# output, feedback). Does it still keep up with backpropagation? What if you give *backpropagation* a second hidden
# layer, `Network((34, 8, 8, 34), biases=False, scale=0.3)`?
#
# <details><summary>Hint</summary>
#
# Its hidden layer now takes five times as long, and the output waits for it: every
# mode comes about three times later. Which of two rules is faster is a question about their rates, unless time is
# measured by something that both have, such as the epoch at which each has half learned mode 1. A second hidden layer
# makes backpropagation wait longer and rise more steeply: now three layers have to pass a mode on. BPA can't be
# deepened that way: what would its second hidden layer still have to find?
#
# </details>
#
# **2. Too few units.** Give BPA four hidden units. Which modes are learned, and what does the network say of a
# sparrow?
#
# <details><summary>Hint</summary>
#
# The first four: `strengths(run.final().response(), modes)`. Its response is the sum
# of four modes that you made by hand in the first notebook, so sparrow and hawk are one bird.
#
# </details>
#
# **3. A rule of your own.** Forgetting at a fixed pace, whatever the receiver does, would be simpler than Oja's decay:
# `post pre' - W`. Run the cell below. Which modes survive, and why does it not save Hebb?
#
# <details><summary>Hint</summary>
#
# Along mode k the weights now grow with λ - 1. Modes 1 and 2 have λ of 2.9 and 2.6
# and explode as before; all others have less than 1 and are forgotten. A decay that is to stop growth has to grow with
# it.
#
# </details>


# %%
@dataclass(frozen=True)
class Forgetting(Plasticity):
    """Weights fade at a fixed pace."""

    def __call__(self, s, memory):
        return -s.W


forgetting = train(untaught(Hebb() + Forgetting()), one_unit, items, epochs=150, seeds=30)
ax = strength_lines(labelled(intervals(towards_modes(forgetting).sel(epoch=shown_epochs(150)))))
ax.set_ylabel("squared cosine with the mode")
ax.figure

# %% [markdown]
# **4. A feedback with the right signs.** `fa_random_sign` copies the signs of the forward weights, but not their sizes
# (Liao, Leibo & Poggio 2016). At which angle does it start? Does it help with the stages?
#
# <details><summary>Hint</summary>
#
# At about 41 degrees, the arccosine of 3/4, for weights drawn evenly from an interval: compute the cosine of a vector
# with one of the same signs whose sizes are drawn anew. It starts where random feedback never gets, and stays there.
#
# </details>
#
# **5. Your verdict.** Which of the four (backpropagation, BPA, feedback alignment, Sanger) would you call plausible
# for a brain, and which finding about the brain would change your mind? There is no hint for this one.
#
# ## To read
#
# - Oja (1982), *Journal of Mathematical Biology* 15, 267,
#   [doi:10.1007/BF00275687](https://doi.org/10.1007/BF00275687): four pages.
# - Lillicrap, Santoro, Marris, Akerman & Hinton (2020), Backpropagation and the brain, *Nature Reviews Neuroscience*
#   21, 335, [doi:10.1038/s41583-020-0277-3](https://doi.org/10.1038/s41583-020-0277-3).
