"""Similarity of layers over the same items: named conventions, because packages disagree on the same numbers.

Every measure takes two sides, matrices or stacks of them, and pairs the axes that both have by name; `SIMILARITIES` is
the table of all, `similarity_matrix` compares many layers each with each, and `beside_null` says what chance gives.
"""

from semantic_svd.similarity.canonical import canonical_correlations, cca, pwcca, svcca
from semantic_svd.similarity.dissimilarities import COMPARISONS, DISSIMILARITIES, rsa
from semantic_svd.similarity.item_sides import compare_items, item_side
from semantic_svd.similarity.kernels import linear_cka, rbf_cka
from semantic_svd.similarity.measures import SIMILARITIES, beside_null, similarity_matrix
from semantic_svd.similarity.procrustes import procrustes_angle, procrustes_distance

__all__ = [
    "COMPARISONS",
    "DISSIMILARITIES",
    "SIMILARITIES",
    "beside_null",
    "canonical_correlations",
    "cca",
    "compare_items",
    "item_side",
    "linear_cka",
    "procrustes_angle",
    "procrustes_distance",
    "pwcca",
    "rbf_cka",
    "rsa",
    "similarity_matrix",
    "svcca",
]
