"""The layers of a PyTorch module, listened to while it is shown items."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np

from semantic_svd.activations.recorded import by_item, joined, run_of, shares
from semantic_svd.activations.shown import checked_record, shown_to
from semantic_svd.errors import InputError, whole
from semantic_svd.products import Array
from semantic_svd.runs import Run


class Recorder:
    """Record what the layers of a PyTorch module say to items, at any moment of a training of your own.

    The module is afterwards what it was: for the recording it is put in evaluation mode, without gradients.

    Parameters
    ----------
    model : torch.nn.Module
    layers : sequence of str
        Hidden layers by their names in ``model.named_modules()``, from the input on. What the module itself returns
        is the output, and need not be named. Activity of any shape is laid out as one row of units an item.
    items : Items, DataFrame, DataArray, array or tensor of shape (n_items, ...)
        What the module is shown.
    targets, labels, classes, record
        As for `recorded_run`. Class means are small however many items there are.
    batch_size : int
        Items that go through the module together.

    Raises
    ------
    InputError
        When PyTorch is not installed, the model is no module, a layer is none of the module's or is not passed through
        just once, or what it gives has no row for each item.

    Examples
    --------
    Three lines in a training loop; the first snapshot is taken before it begins::

        import torch
        from semantic_svd import Recorder, load_items

        items = load_items("mcclelland2020")
        x = torch.tensor(items.values, dtype=torch.float32)
        model = torch.nn.Sequential(torch.nn.Linear(34, 8), torch.nn.Linear(8, 34))
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)

        recorder = Recorder(model, ["0"], items, targets=items)
        for epoch in range(101):
            recorder(epoch)
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(x), x).backward()
            optimizer.step()
        run = recorder.run()

    Over checkpoints, for each: ``model.load_state_dict(torch.load(path))``, then ``recorder(epoch)``.
    """

    def __init__(
        self,
        model: Any,
        layers: Sequence[str],
        items: Any,
        *,
        targets: Any = None,
        labels: Any = None,
        classes: Sequence[str] | None = None,
        record: Sequence[str] = ("hidden", "responses"),
        batch_size: int = 1024,
    ):
        self._torch = _torch()
        if not isinstance(model, self._torch.nn.Module):
            raise InputError(f"a recorder listens to a torch.nn.Module, not to a {type(model).__name__}")
        self._model, self._layers = model, _layers_of(model, layers)
        self._batch_size = whole("batch_size", batch_size)
        self._shown = shown_to(items, targets, labels, classes)
        if self._shown.inputs is None:
            raise InputError("a recorder shows items to the module; pass their inputs")
        self._record = checked_record(record, self._shown, bool(self._layers))
        self._snapshots: dict[int, dict[str, Array]] = {}
        self._sizes: list[int] = []

    def __call__(self, epoch: int) -> None:
        """Take the snapshot of an epoch."""
        epoch = whole("an epoch", epoch, 0)
        if epoch in self._snapshots:
            raise InputError(f"epoch {epoch} has been recorded already")
        parts = []
        with _looked_at(self._model, self._layers) as said, self._torch.inference_mode():
            for rows in self._shown.slices(self._batch_size):
                said.clear()
                output = self._model(self._tensor(self._shown.inputs[rows]))
                n = rows.stop - rows.start
                hidden = [self._rows(name, said.get(name, []), n) for name in self._layers]
                response = self._rows("output", [output], n)
                self._sizes = [h.shape[1] for h in (*hidden, response)]
                parts.append(by_item(hidden, response, self._record))
                if "class_means" in self._record:
                    parts[-1] |= shares(hidden, self._shown, rows)
        self._snapshots[epoch] = joined(parts)

    def run(self, seed: int = 0) -> Run:
        """Return what was recorded so far as a run of one seed; `stack_runs` lays several beside each other.

        A network that left the finite numbers is a seed that diverged; see `recorded_run`.
        """
        if not self._snapshots:
            raise InputError("nothing is recorded yet; call the recorder with an epoch")
        epochs = sorted(self._snapshots)
        arrays = {
            name: np.stack([self._snapshots[epoch][name] for epoch in epochs])[None]
            for name in self._snapshots[epochs[0]]
        }
        by = f"recorded from {type(self._model).__name__}"
        return run_of(arrays, self._layers, self._sizes, self._shown, epochs, [seed], by)

    def _tensor(self, items: Any) -> Any:
        """Return items as a tensor where the module is; numbers that are not whole take the module's type."""
        torch = self._torch
        given = items if torch.is_tensor(items) else torch.tensor(np.asarray(items))
        like = next(self._model.parameters(), torch.empty(0))
        return given.to(like.device, like.dtype if given.is_floating_point() else given.dtype)

    def _rows(self, name: str, outputs: list[Any], n: int) -> Array:
        """Return the activity of a layer in one pass, (n_items, units)."""
        if len(outputs) != 1:
            raise InputError(
                f"layer {name!r} is passed through {len(outputs)} times; record one that is passed through once"
            )
        output, torch = outputs[0], self._torch
        if not torch.is_tensor(output) or output.ndim < 1 or len(output) != n:
            what = f"shape {tuple(output.shape)}" if torch.is_tensor(output) else f"a {type(output).__name__}"
            raise InputError(
                f"layer {name!r} gives {what} for {n} items; record one that gives a row an item"
            )
        exact = output.dtype in (torch.float32, torch.float64)
        return (output if exact else output.float()).reshape(n, -1).cpu().numpy()


def _torch() -> Any:
    """Return PyTorch, which only who records from it must have."""
    try:
        return import_module("torch")
    except ImportError:
        raise InputError(
            'recording from a module needs PyTorch: pip install "semantic-svd[torch]"; '
            "recorded_run takes arrays without it"
        ) from None


def _layers_of(model: Any, layers: Sequence[str]) -> list[str]:
    known = [name for name, _ in model.named_modules() if name]
    for name in (wanted := [layers] if isinstance(layers, str) else list(layers)):
        if name not in known:
            raise InputError(f"the module has no layer {name!r}; it has {', '.join(known) or 'none'}")
        if wanted.count(name) > 1:
            raise InputError(f"layer {name!r} is named twice; name each layer once")
    return wanted


@contextmanager
def _looked_at(model: Any, layers: Sequence[str]) -> Iterator[dict[str, list[Any]]]:
    """Yield what the layers say in a pass, by name, with the module in evaluation mode meanwhile."""
    said: dict[str, list[Any]] = {}
    modules = dict(model.named_modules())
    training = {module: module.training for module in modules.values()}

    def listener(name: str) -> Any:
        def listen(module: Any, given: Any, output: Any) -> None:
            # copied, as the next layer may write over it
            said.setdefault(name, []).append(output.clone() if hasattr(output, "clone") else output)

        return listen

    hooks = [modules[name].register_forward_hook(listener(name)) for name in layers]
    model.eval()
    try:
        yield said
    finally:
        for hook in hooks:
            hook.remove()
        for module, was in training.items():
            module.training = was
