"""Activity of networks that are not ours as a Run: recorded from a PyTorch module, or handed in as arrays.

Modes, strengths, trees, similarity and the command then work on it as on a training of this package.
"""

from semantic_svd.activations.recorded import recorded_run, stack_runs
from semantic_svd.activations.recorder import Recorder

__all__ = ["Recorder", "recorded_run", "stack_runs"]
