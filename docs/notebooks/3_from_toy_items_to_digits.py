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
# # 3. From toy items to digits
#
# Eight items and linear units were a world small enough to see through. Do the same questions make sense for networks
# that do something? Here they learn to name handwritten digits, with nonlinear units, by three rules, and we look at
# their *hidden layers*: which distinctions do these make, in which order, and do they depend on the rule?
#
# After this notebook you can
#
# - turn the activity of a hidden layer into a matrix of classes, and take its modes;
# - tell what a network has learned from what its inputs and its random start brought along;
# - do all of it with activity that comes from elsewhere: PyTorch, scikit-learn, recordings.

# %%
# %matplotlib inline
from dataclasses import replace

import numpy as np
import pandas as pd

from semantic_svd import RULES, Network, load_images, recorded_run, train
from semantic_svd.classes import centred_means, on_last_modes
from semantic_svd.dendrograms import agreement, clades, distances, linkage
from semantic_svd.modes import effective_rank, svd
from semantic_svd.plasticity import Delta, Frozen
from semantic_svd.plots import dendrogram_panels, measure_lines, strength_lines, weight_pictures
from semantic_svd.similarity import beside_null
from semantic_svd.tables import intervals

digits = load_images("digits")
digits

# %% [markdown]
# ## The classes, before any learning
#
# Each image has 8 × 8 pixels. The mean image of each class, less the mean of all classes: red is where a digit has
# more ink than others, blue where it has less; each picture has its own scale.

# %%
means = digits.means.astype(float)
weight_pictures((means - means.mean("class")).values.reshape(10, 8, 8), columns=5, shared=False).figure

# %% [markdown]
# ## Three ways to learn them
#
# One hidden layer of 32 units, and softmax at the output. Backpropagation; *direct feedback alignment*, whose hidden
# layer gets its errors through fixed random weights; and BPA, whose hidden layer gets none at all, so that it knows of
# no classes. (BPA's hidden units are linear, as in the second notebook, and learn more slowly, as pixels are more than
# eight properties.) Four networks each; we keep the mean activity of the hidden layer for each class.

# %%
rules = {
    "backprop": RULES["backprop"],
    "DFA": RULES["dfa_random"],
    "BPA": replace(RULES["bpa"], bias=(Frozen(), Delta()), rate=(0.01, 0.1, 0.1)),
}
runs = {
    name: train(
        rule,
        Network((64, 32, 10), "linear" if name == "BPA" else "relu", "softmax"),
        digits.x,
        digits.targets,
        epochs=40,
        seeds=4,
        batch_size=50,
        record=("weights", "class_means"),
        test=(digits.test_x, digits.test_targets),
    )
    for name, rule in rules.items()
}

# %% [markdown]
# Lines are means over the four networks, and bands go from the smallest to the largest of them:

# %%
accuracy = [intervals(100 * run.data["accuracy"], rule=name) for name, run in runs.items()]
measure_lines(pd.concat(accuracy), "test images named rightly (%)").figure

# %% [markdown]
# ## The modes of a hidden layer
#
# Put the class means below one another: a matrix of ten classes by 32 units, at each epoch. We take off the mean over
# the classes, as we ask what tells them apart; so there are nine modes at most.

# %%
matrices = {name: centred_means(run, 1) for name, run in runs.items()}
dict(matrices["backprop"].sizes)

# %% [markdown]
# Hidden units have no names, and those of two networks are not the same. So each network's modes are compared with its
# own: how strong are the modes with which it *ends*, at every epoch before?

# %%
strength_lines(intervals(on_last_modes(matrices["backprop"]))).figure

# %% [markdown]
# No such clean stages as with the toy items: the modes rise side by side, the strong ones to greater heights. For the
# toy items the strengths had an end, the data themselves, and gaps between them parted the stages. Here there are no
# gaps, and no end: softmax can always be a little surer.
#
# Which classes does each mode set apart? For the first network:

# %%
last = svd(matrices["backprop"].sel(seed=0).isel(epoch=-1, drop=True))
pd.DataFrame(last.U.values[:, :4], list(digits.classes), [f"mode {k}" for k in range(1, 5)]).round(2)

# %% [markdown]
# ## The tree of the digits
#
# As with animals and plants, we can ask which digits lie near one another: in their mean images, and in the hidden
# layer that each rule ends with. (Distance is one minus the correlation; colours are the four clades of the images.)

# %%
image_tree = linkage(means, metric="correlation")
trees = {"mean images": image_tree}
for name, run in runs.items():
    trees[name] = linkage(run.class_means(1).sel(seed=0).isel(epoch=-1), metric="correlation")
clade = clades(image_tree, 4).to_series()
colours = {item: ", ".join(clade.index[clade == number]) for item, number in clade.items()}
axes = dendrogram_panels(trees, colours)
axes[0].set_ylabel("1 − correlation")
axes[0].figure

# %% [markdown]
# ## What was there before learning?
#
# A trap! Trees of trained layers look sensible, and so one is tempted to say that training made them so. But images of
# a 4 and a 9 are alike as images, and *any* layer keeps something of that, a random one too. So ask at epoch 0 as
# well: how far does the tree of the hidden layer agree with that of the images?


# %%
def tree_agreement(run):
    """Return the correlation of the hidden layer's tree with that of the mean images: (seed, epoch)."""
    return agreement(run.class_means(1), means, metric="correlation")


agree = pd.concat([intervals(tree_agreement(run), rule=name) for name, run in runs.items()])
ax = measure_lines(agree, "agreement with the images' tree")
ax.set_ylim(0, 1.02)
ax.figure

# %% [markdown]
# At epoch 0 the weights are random, and the correlation is 0.7 to 0.8 already. Under backpropagation it rises to 0.95,
# so has the network learned the tree from the names of the digits? BPA's hidden layer, which never hears a name, gets
# to 1.0: it keeps the images as they are. Under DFA the networks differ widely. **A layer that agrees with the world
# need not have learned so from its teacher.** Without epoch 0 and the layer without a teacher we would not have
# noticed.
#
# How many dimensions do the classes take up? The *effective rank* says over how many modes they are spread, nine at
# most.

# %%
rank = pd.concat([intervals(effective_rank(matrix), rule=name) for name, matrix in matrices.items()])
measure_lines(rank, "effective rank of the classes").figure

# %% [markdown]
# Under every rule it falls at first, as a few strong modes rise above all others, and then climbs as the later ones
# follow. This is what is left of the stages: the broad distinctions first, the fine ones after them, without a gap.
#
# ## Who is taken for whom?
#
# If hidden layers are what a network knows, classes that lie close together should be mistaken for one another. We
# count the mistakes of the four networks on test images (3 taken for 8, or 8 for 3), and set them beside the distances
# of the classes in their hidden layers:

# %%
final = runs["backprop"].final()
counts = final.confusion(digits).sum("seed").values
apart = distances(final.class_means(1)).mean("seed").values
first, second = np.triu_indices(10, k=1)
table = pd.DataFrame(
    {
        "pair": [f"{a} and {b}" for a, b in zip(first, second, strict=True)],
        "mistakes": (counts + counts.T)[first, second].astype(int),
        "distance, hidden layer": apart[first, second].round(2),
        "distance, images": distances(means).values[first, second].round(2),
    }
)
table.sort_values("mistakes", ascending=False).head(6)

# %%
table.drop(columns="pair").corr("spearman").loc[["mistakes"]].round(2)

# %% [markdown]
# The nearer, the more often mistaken (the rank correlations are negative). But the distances of the plain images tell
# as much about the mistakes as those of the hidden layer: the same trap once more.
#
# ## Are two hidden layers the same?
#
# Units differ from network to network, so layers are compared by what they make of the *items*. Linear CKA (Kornblith
# and others 2019) is 1 if two layers are the same up to a rotation of their units. With few items it is high for any
# two layers; so we put beside it what it would be if the items of one of them were shuffled.

# %%
finals = {name: matrix.isel(epoch=-1, drop=True).sel(seed=0, drop=True) for name, matrix in matrices.items()}
rows = {"DFA": finals["DFA"], "BPA": finals["BPA"]}
rows["backprop, another start"] = matrices["backprop"].isel(epoch=-1, drop=True).sel(seed=1, drop=True)
beside = {name: beside_null(finals["backprop"].values, other.values) for name, other in rows.items()}
columns = {"value": "CKA with backprop", "null_high": "what chance exceeds in 1 of 20"}
pd.DataFrame(
    {name: [float(made[k]) for k in columns] for name, made in beside.items()}, columns.values()
).T.round(2)

# %% [markdown]
# ## Networks of your own
#
# None of this asks where the activity comes from. Below, a network of scikit-learn is trained by its own code, and
# what its hidden units say is handed in as a plain array, epoch by epoch. The result is a run like the others.

# %%
from sklearn.neural_network import MLPClassifier

theirs = MLPClassifier(32, random_state=0)
activity = []
for _ in range(20):
    theirs.partial_fit(digits.x, digits.labels, classes=range(10))
    activity.append(np.maximum(digits.x @ theirs.coefs_[0] + theirs.intercepts_[0], 0))
run = recorded_run(
    {"hidden": np.array(activity)},
    items=digits.x,
    labels=digits.labels,
    classes=digits.classes,
    epochs=range(1, 21),
    record=["class_means"],
)
run

# %%
measured = {"tree agreement": tree_agreement(run), "effective rank": effective_rank(centred_means(run, 1))}
pd.DataFrame(
    {name: values.sel(seed=0, epoch=[1, 20]).to_series() for name, values in measured.items()}
).round(2)

# %% [markdown]
# For PyTorch there is a recorder that does this in three lines of an ordinary training loop:
#
# ```python
# recorder = Recorder(model, ["1"], images, labels=labels, record=["class_means"])
# for epoch in range(20):
#     recorder(epoch)
#     ...                      # your training, as it is
# run = recorder.run()
# ```
#
# ## Exercises
#
# **1. A control.** Compute the CKA of trained and untrained layers of the *same* network
# (`matrices["backprop"].isel(epoch=0)`). How much of the final layer was there at the start? What does that say about
# papers that report a similarity with no baseline?
#
# <details><summary>Hint</summary>
#
# Most of it: about 0.8 for backpropagation and DFA, 0.9 for BPA, where chance exceeds 0.6 once in twenty. A similarity
# between a model and a brain area means little unless the untrained model is shown as well.
#
# </details>
#
# **2. Fewer units.** Train with 4 hidden units instead of 32. What happens to accuracy, to effective rank, and to the
# pairs that are confused?
#
# <details><summary>Hint</summary>
#
# Four units can't hold nine modes: the effective rank is about 3, and three of four test images are named rightly
# instead of nine of ten. Classes that only later modes would part are mistaken for one another.
#
# </details>
#
# **3. Without a teacher.** BPA's hidden layer knows no classes. What does it look for? Compare its weights
# (`runs["BPA"].final().weights(1)`) with the first ten modes of the images, `svd(digits.x).V`: are these in the
# subspace that the weights span (`scipy.linalg.subspace_angles`)?
#
# <details><summary>Hint</summary>
#
# They are, with cosines of 0.95 and more; of the later ones, whose singular values are small, some are still to come.
# What 32 units span holds 97 % of the squares of 64 pixels. So BPA keeps the tree of the images because it keeps the
# images.
#
# </details>
#
# **4. Clothes.** With the network at hand, `load_images("fashion-mnist")` fetches Fashion-MNIST (31 MB). Which tree of
# clothes do you expect? Write it down before you look.
#
# **5. Your own data.** Take a model that you use in your work, record a layer over training (or hand in recordings of
# neurons: items by units), and ask which of its modes were there before learning.
#
# ## To read
#
# - Kornblith, Norouzi, Lee & Hinton (2019), Similarity of neural network representations revisited,
#   [arXiv:1905.00414](https://arxiv.org/abs/1905.00414).
# - Saxe, Nelli & Summerfield (2021), If deep learning is the answer, what is the question? *Nature Reviews
#   Neuroscience* 22, 55, [doi:10.1038/s41583-020-00395-8](https://doi.org/10.1038/s41583-020-00395-8).
