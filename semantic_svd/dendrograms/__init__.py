"""Which items a matrix holds together: distances, linkage, leaf order, agreement with the data's tree."""

from semantic_svd.dendrograms.differentiation import (
    agreement,
    clade_support,
    robinson_foulds,
    within_to_between,
)
from semantic_svd.dendrograms.trees import (
    EXACT_UP_TO,
    METHODS,
    METRICS,
    Tree,
    clades,
    cophenetic,
    distances,
    hangs_on_ties,
    linkage,
)

__all__ = [
    "EXACT_UP_TO",
    "METHODS",
    "METRICS",
    "Tree",
    "agreement",
    "clade_support",
    "clades",
    "cophenetic",
    "distances",
    "hangs_on_ties",
    "linkage",
    "robinson_foulds",
    "within_to_between",
]
