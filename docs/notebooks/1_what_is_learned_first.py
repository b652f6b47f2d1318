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
# # 1. What is learned first, and why
#
# Children tell animals from plants before they tell birds from fish, and birds from fish before sparrows from hawks.
# In dementia the order is reversed: the fine distinctions go first. Simple neural networks do the same
# (Rogers & McClelland 2004), and for the simplest of them we can say exactly why (Saxe, McClelland & Ganguli 2019).
#
# After this notebook you can
#
# - read a singular value decomposition as a list of distinctions,
# - watch a network learn these one after the other,
# - say beforehand when each of them will be learned.
#
# You need to know what a matrix product is, and no more. Run the cells in order, and change whatever you like.

# %%
# %matplotlib inline
import numpy as np
import pandas as pd
import xarray as xr

from semantic_svd import Network, load_items, train
from semantic_svd.dendrograms import linkage
from semantic_svd.modes import strengths, svd
from semantic_svd.plots import dendrogram, dendrogram_panels, strength_lines, svd_panels
from semantic_svd.predictions import half_learned_beside_theory, prediction
from semantic_svd.report import CATEGORIES, labelled
from semantic_svd.tables import intervals, shown_epochs
from semantic_svd.theory import aligned_start, two_layer

# %% [markdown]
# ## Eight things and what is true of them
#
# Our world has four animals and four plants. A row says what is true of a thing (1) and what is not (0).

# %%
items = load_items("mcclelland2020")
items.array.to_pandas()

# %% [markdown]
# Which things are alike? A *dendrogram* joins the most similar first. Read it from the top: one split parts animals
# from plants, the next birds from fish and trees from flowers, the last the single things. (Colours: birds, fish,
# trees, flowers.)

# %%
dendrogram(linkage(items), groups=CATEGORIES).figure

# %% [markdown]
# ## A matrix as a sum of distinctions
#
# The singular value decomposition writes the matrix $X$ as $U S V'$: a sum of *modes*. Each mode has three parts:
#
# - a column of $U$: a pattern over the items, which of them it sets apart;
# - a row of $V'$: a pattern over the properties, by which of them it does so;
# - a singular value $s$, on the diagonal of $S$: how much of the matrix it accounts for.

# %%
modes = svd(items)
svd_panels(items.array, modes, title="Eight items, their properties, and the modes behind them")

# %% [markdown]
# Take the columns of $U$ one at a time. Mode 1 has loadings on the animals alone, mode 2 on the plants alone. Mode 3
# gives birds and fish opposite signs, mode 4 trees and flowers. The last four part single things. **The modes are the
# splits of the tree, from the top down**, and their singular values fall in that order:

# %%
(modes.s**2).round(6).to_series().rename("squared singular value")

# %% [markdown]
# Two things to keep in mind. *Signs mean nothing:* turn a column of $U$ and its row of $V'$ at once, and the product
# is the same. *Modes with equal singular values may mix:* 5 and 6 have the same one, so that only the plane that they
# span is given by the data. Both look like findings when two decompositions are compared, and are none.
#
# What does someone know who knows the first $k$ modes only? Below: what they would say of the sparrow.


# %%
def with_modes(k):
    """Return the matrix made of the first k modes alone."""
    first = modes.sel(mode=slice(1, k))
    return (first.U * first.s).dot(first.V, dim="mode")


asked = list(items.properties[:1] + items.properties[4:14:2] + items.properties[16:18])
pd.DataFrame(
    {f"{k} modes": with_modes(k).sel(item="sparrow", property=asked) for k in (2, 3, 6, 8)}, asked
).round(2)

# %% [markdown]
# With two modes the sparrow is an animal like any other, with half a wing and half a fin. With three it is a bird, and
# could as well be a hawk. Only with modes 5 and 6, which part the members of each pair of animals, it becomes itself.
#
# ## A network that learns to give back what it sees
#
# An *autoassociator* gets an item's properties, squeezes them through eight hidden units, and is to give the same
# properties back. Its weights start small and random; backpropagation changes them a little after each *epoch*, one
# look at all eight items. The units are linear: each adds up its inputs, weighted. We train ten networks, which differ
# in their starts, and ask of each at every epoch: how strong is each of the data's modes in what you say?

# %%
network = Network((34, 8, 34), biases=False, scale=0.3)
run = train("backprop", network, items, epochs=1500, seeds=10)
strength = strengths(run.response(), modes)
strength.dims

# %%
epochs = shown_epochs(1500)
strength_lines(labelled(intervals(strength.sel(epoch=epochs)))).figure

# %% [markdown]
# There they are, the *stages*: for a while nothing seems to happen, then mode after mode comes in, each within a short
# time, from the broadest distinction to the finest. Nobody told the network about animals and plants, nor to begin
# with them. (Lines are means of ten networks, bands 95 % intervals; the axis of epochs is logarithmic, as late stages
# take much longer than early ones.)
#
# The same as trees. One network, at five moments:

# %%
moments = (0, 20, 60, 150, 1500)
response = run.response().sel(seed=0)
trees = {f"epoch {epoch}": linkage(response.sel(epoch=epoch)) for epoch in moments}
dendrogram_panels(trees, CATEGORIES)[0].figure

# %% [markdown]
# ## Why in this order?
#
# Let $a$ be the share of a mode that is learned, from 0 to 1. Backpropagation in a network with one hidden layer
# changes it as
#
# $$\frac{da}{dt} = 2\,\lambda\,a\,(1 - a), \qquad \lambda = s^2 / N .$$
#
# Read it aloud. Learning a mode is the faster,
#
# - the more of the data it accounts for ($\lambda$, its squared singular value over the number of items);
# - the more of it is still to be learned ($1 - a$: no error, no change);
# - the more of it is there already ($a$): a signal reaches the output only through *both* layers of weights. While one
#   of them does not pass the mode on, the other learns nothing about it. This is why nothing seems to happen at first.
#
# The solution is an S-shaped curve, and time $t$ counts rate × steps. Twice the $\lambda$, half the time: that is all
# there is to the order of the stages. Does it hold? First for a network that starts with one hundredth of each mode
# and nothing else:

# %%
start = dict(zip(("W1", "W2"), aligned_start(items, a0=0.01, units=8), strict=True))
tidy = train("backprop", network, items, epochs=1500, start=start)
rate, eigenvalues = 0.1, modes.s.values**2 / len(items)
shares = two_layer(eigenvalues, 0.01, rate * np.array(epochs), inputs=eigenvalues)
theory = modes.s * xr.DataArray(shares, {"epoch": epochs, "mode": modes.mode})
theory = theory.to_series().rename("strength").reset_index()
measured = strengths(tidy.response(), modes).sel(epoch=epochs)
strength_lines(labelled(intervals(measured)), theory=theory).figure

# %% [markdown]
# The dotted lines are the formula. It was given the singular values and the starting point, and nothing of the
# training.
#
# Real starts are not tidy: every mode starts with another share, and they disturb each other. The same differential
# equation, for whole matrices, takes them as they are. `prediction` solves it from each network's own first weights:

# %%
foretold = prediction(run).mean("seed").sel(epoch=epochs).rename("strength").to_series().reset_index()
strength_lines(labelled(intervals(strength.sel(epoch=epochs))), theory=foretold).figure

# %% [markdown]
# When is a mode half learned: foretold, and measured in ten networks?

# %%
half_learned_beside_theory(run).round(2)

# %% [markdown]
# ## Exercises
#
# Try first; a hint is under each.
#
# **1. Deeper silence.** Train with `Network((34, 8, 34), biases=False, scale=0.03)`. What happens to the time before
# the first stage, and to the order of the stages? Compare with `half_rise(eigenvalues, a0, inputs=eigenvalues) / rate`
# (`half_rise` is in `semantic_svd.theory`) for `a0` of 0.1, 0.01 and 0.001.
#
# <details><summary>Hint</summary>
#
# The waiting time grows with the logarithm of 1 / a0: ten times less at the start costs each mode the same number of
# times its own 1 / (2λ), about 2.3 of them. So late modes are delayed the most, the order stays.
#
# </details>
#
# **2. No hidden layer, no stages?** Train `Network((34, 34), biases=False)`. Which factor of the equation is missing
# now?
#
# <details><summary>Hint</summary>
#
# There is only one layer, so the factor a is gone: da/dt = λ (1 − a). Every mode begins to rise at once, the strong
# ones faster. There is an order, but there are no steps.
#
# </details>
#
# **3. A world without a hierarchy.** Shuffle each column of the data by itself,
# `np.random.default_rng(0).permuted(items.values, axis=0)`, and train again. What is left of the stages?
#
# <details><summary>Hint</summary>
#
# Every property is as frequent as before, but properties no longer go together. Mode 1 still stands out: it is what is
# true of things on average. The singular values of the others fall without a gap, and they come one upon the other.
# It takes properties that go together, coherent covariation, to make stages.
#
# </details>
#
# **4. Last in, first out.** Train a network that is told only *which* thing it sees:
# `train("backprop", Network((8, 8, 34), biases=False, scale=0.3), items.localist(), items, epochs=4000)`. Add noise of
# standard deviation 0.1 to the weights it ends with (`run.final().weights(1)` and `weights(2)`), many times. By how
# much does the strength of each mode vary, as a share of its singular value? Which distinctions are lost first?
#
# <details><summary>Hint</summary>
#
# Noise of one size is small beside a strong mode and large beside a weak one: the
# shares go from about 0.06 for the first modes to 0.14 for the last, which part the single things. This is how
# dementia looks. (In the autoassociator all modes suffer alike: there every mode has the same weight, one, between
# what it reads and what it says.)
#
# </details>
#
# **5. Biases.** Train `Network((34, 8, 34), scale=0.03)`, with biases. Take away from its responses what it says to
# nothing at all, `run.final().response(np.zeros((1, 34))).values`. What are the squared singular values of the rest
# (`singular_strengths` in `semantic_svd.modes`)? Why is "animal or plant" one mode now, and not two?
#
# <details><summary>Hint</summary>
#
# About 22, 7, 5, 3, 3, 1, 1, 0: those of the data less their mean over items. The
# biases learn what is true of things on average, and seen from there animals are just the opposite of plants.
#
# </details>
#
# ## To read
#
# - Rogers & McClelland (2004), *Semantic Cognition*, MIT Press.
# - Saxe, McClelland & Ganguli (2019), A mathematical theory of semantic development in deep neural networks, PNAS 116,
#   11537, [doi:10.1073/pnas.1820226116](https://doi.org/10.1073/pnas.1820226116).
