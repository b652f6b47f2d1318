"""How networks learn meaning, one mode at a time: learning rules, every-epoch snapshots, SVD analyses.

The public names are imported when first used, so that `import semantic_svd` costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PLACES = {
    "items": ("DATASETS", "Items", "balanced_tree", "load_items", "read_items", "sampled_tree"),
    "images": ("IMAGE_SETS", "Images", "load_images", "read_cifar", "read_idx", "read_images"),
    "network": ("ACTIVATIONS", "Network"),
    "rules": ("RULES", "Rule", "sum_rule"),
    "training": ("train",),
    "readouts": ("converged_read_out", "linear_probe", "read_out"),
    "comparisons": ("compare_runs",),
    "runs": ("Run",),
    "activations": ("Recorder", "recorded_run", "stack_runs"),
    "estimators": ("Autoassociator", "ItemModes", "RuleClassifier"),
}
_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names}
__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(import_module(f"semantic_svd.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module 'semantic_svd' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
