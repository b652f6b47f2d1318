"""Plasticities: what one synapse does with the signals that reach it, one small value each.

A plasticity maps a synapse to a change of its matrix W and reads nothing else, so locality is in the signature.
Plasticities form a linear space: `Delta() + 0.01 * Hebb()` is one too.
"""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from semantic_svd.errors import InputError
from semantic_svd.products import Array, add_outer, times

Memory = dict[str, Array]


class TooNarrow(InputError):
    """A layer has fewer units than a plasticity needs."""


class Misfit(InputError):
    """A change is none of the matrix that it is to change."""


class Synapse:
    """What one plastic matrix sees of a batch; a signal that no plasticity asks for is not computed.

    Parameters
    ----------
    W : array of shape (n_seeds, n_post, n_pre)
    pre : function that returns the activity of the senders, (n_seeds, n_items, n_pre) or, where all seeds share it,
        (n_items, n_pre)
    post : function that returns the activity of the receivers, (n_seeds, n_items, n_post)
    error, teach : functions that return the error handed to the receivers, before and after the slope f' of their
        activation, (n_seeds, n_items, n_post)
    """

    def __init__(
        self,
        W: Array,
        pre: Callable[[], Array],
        post: Callable[[], Array],
        error: Callable[[], Array],
        teach: Callable[[], Array],
    ):
        self.W = W
        self._pre, self._post, self._error, self._teach = pre, post, error, teach

    @property
    def pre(self) -> Array:
        """Activity of the senders."""
        return self._pre()

    @property
    def post(self) -> Array:
        """Activity of the receivers."""
        return self._post()

    @property
    def error(self) -> Array:
        """Error handed to the receivers, before the factor f'."""
        return self._error()

    @property
    def teach(self) -> Array:
        """Error handed to the receivers (delta), after the factor f'."""
        return self._teach()


class Outer(NamedTuple):
    """The change <u v'>, the mean over items of outer products, not yet formed."""

    u: Array
    v: Array


class Rows(NamedTuple):
    """A change of some rows only, numbered as in W.reshape(n_seeds * n_post, n_pre), each once."""

    rows: NDArray[np.integer]
    values: Array


Change = Outer | Rows | Array | list["Change"] | None


class Plasticity:
    """Base of all plasticities: `plasticity(synapse, memory)` is the change of the synapse's matrix per unit of rate.

    A change comes in its cheapest exact form: None, an `Outer`, `Rows`, an array shaped like W, or a list of these.
    It shares no memory with W, and is used up before the plasticity is called again.

    Examples
    --------
    A plasticity of one's own is a frozen dataclass with one method.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Forgetting(Plasticity):
    ...     def __call__(self, s, memory):
    ...         return -s.W
    >>> Delta() + 0.01 * Forgetting()
    Delta() + 0.01 * Forgetting()
    """

    whole_batches: ClassVar[bool] = False  # whether an incomplete last batch is to be dropped
    alone: ClassVar[bool] = False  # whether nothing but its own change may change the matrix
    taught: ClassVar[bool] = False  # whether it reads an error

    def memory(self, W: Array) -> Memory:
        """Return the named arrays, seed axis first, that the plasticity keeps between steps.

        A step writes into these arrays, `memory["mean"][...] = mean`, and never puts others in their place: a sum and
        the wrappers hand their parts the same arrays under names of the parts' own. The arrays of seeds that leave are
        dropped, and a checkpoint holds all of them, so what is not in them is forgotten.
        """
        return {}

    def __call__(self, s: Synapse, memory: Memory) -> Change:
        """Return the change that the synapse's signals ask for."""
        raise NotImplementedError

    def __add__(self, other: "Plasticity") -> "Sum":
        return Sum((*_parts(self), *_parts(other))) if isinstance(other, Plasticity) else NotImplemented

    def __rmul__(self, factor: float) -> "Scaled":
        return Scaled(float(factor), self) if isinstance(factor, Real) else NotImplemented


@dataclass(frozen=True)
class Frozen(Plasticity):
    """No change."""

    def __call__(self, s: Synapse, memory: Memory) -> None:
        """Return no change."""
        return None


@dataclass(frozen=True)
class Delta(Plasticity):
    """The delta rule, `<teach pre'>`: backpropagation when the error comes back through the transposed weights.

    References
    ----------
    Widrow & Hoff 1960; Rumelhart, Hinton & Williams 1986, doi:10.1038/323533a0
    """

    taught: ClassVar[bool] = True

    def __call__(self, s: Synapse, memory: Memory) -> Outer:
        """Return <teach pre'>."""
        return Outer(s.teach, s.pre)


@dataclass(frozen=True)
class Hebb(Plasticity):
    """Hebb's rule, `<post pre'>`. It grows without bound.

    References
    ----------
    Hebb 1949, The Organization of Behavior
    """

    def __call__(self, s: Synapse, memory: Memory) -> Outer:
        """Return <post pre'>."""
        return Outer(s.post, s.pre)


@dataclass(frozen=True)
class Oja(Plasticity):
    """Hebb's rule with Oja's decay: the units come to span the leading principal subspace of their input.

    Parameters
    ----------
    decay : "subspace" for `<post pre'> - <post post'> W` (Oja 1989; BPA's Hebbian and anti-Hebbian pair), or
        "unit" for `<post pre'> - diag<post^2> W` (Oja 1982; every unit finds the first component).

    References
    ----------
    Oja 1982, doi:10.1007/BF00275687; Oja 1989, doi:10.1142/S0129065789000475
    """

    decay: Literal["subspace", "unit"] = "subspace"

    def __post_init__(self) -> None:
        if self.decay not in ("subspace", "unit"):
            raise InputError(f"Oja has no decay {self.decay!r}; it has 'subspace' and 'unit'")

    def __call__(self, s: Synapse, memory: Memory) -> Change:
        """Return <post pre'> less the decay."""
        if self.decay == "subspace":
            return Outer(s.post, s.pre - times(s.post, s.W))  # <post (pre - W' post)'>
        power = np.mean(s.post**2, axis=-2)
        return [Outer(s.post, s.pre), -power[..., None] * s.W]


@dataclass(frozen=True)
class Sanger(Plasticity):
    """Sanger's generalised Hebbian rule, `<post pre'> - tril<post post'> W`: units find the components in order.

    References
    ----------
    Sanger 1989, doi:10.1016/0893-6080(89)90044-0
    """

    def __call__(self, s: Synapse, memory: Memory) -> Change:
        """Return <post pre'> less the decay by the units up to and with each one."""
        correlation = times(s.post.mT, s.post) / s.post.shape[-2]
        return [Outer(s.post, s.pre), -times(np.tril(correlation), s.W)]


@dataclass(frozen=True)
class HebbianDescent(Plasticity):
    """Hebbian Descent, `<teach (pre - mu)'>`: the delta rule on senders that are centred, or otherwise diminished.

    With the rule's `slopes="none"` no f' enters teach anywhere (our reading of Imagination 2021), with "hidden" it is
    dropped in the output layer only (2024). The forward pass stays uncentred (our decision).

    Parameters
    ----------
    less : what is taken off the senders: "mean", a running mean mu that starts at the first batch's <pre> and moves
        by 0.01 (<pre> - mu) after each step; "oja", Oja's W' post, stable only while the singular values of W start
        below 1 (Imagination 2021); or "nothing"

    References
    ----------
    Melchior & Wiskott 2019, arXiv:1905.10585, eq. 6
    """

    less: Literal["mean", "oja", "nothing"] = "mean"
    taught: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.less not in ("mean", "oja", "nothing"):
            raise InputError(f"HebbianDescent has no less={self.less!r}; it has 'mean', 'oja' and 'nothing'")

    def memory(self, W: Array) -> Memory:
        """Return mu, (n_seeds, n_pre), and whether it has started."""
        mean = {"mu": np.zeros((len(W), W.shape[2]), W.dtype), "started": np.zeros(len(W), W.dtype)}
        return mean if self.less == "mean" else {}

    def __call__(self, s: Synapse, memory: Memory) -> Outer:
        """Return <teach (pre - mu)'>, or with Oja's residual in place of the mean."""
        if self.less == "nothing":
            return Outer(s.teach, s.pre)
        if self.less == "oja":
            return Outer(s.teach, s.pre - times(s.post, s.W))
        mu, mean = memory["mu"], s.pre.mean(axis=-2)
        mu[...] = np.where(memory["started"][:, None] > 0, mu, mean)
        centred = s.pre - mu[:, None, :]
        mu += 0.01 * (mean - mu)
        memory["started"][...] = 1
        return Outer(s.teach, centred)


@dataclass(frozen=True)
class KrotovHopfield(Plasticity):
    """Competing hidden units: the one with the largest drive learns its input, the k-th largest unlearns it.

    The drive is I = (sign(W) |W|^(p-1)) x. Per item g is 1 for the unit with the largest I, -delta for the k-th
    largest, 0 for all others; the change is the sum over items of g (x - I W), divided by its largest absolute entry
    (never by less than 1e-30). Only rows with a winner or a k-th unit change. Wants items in whole batches, W standard
    normal at the start and the schedule "linear".

    In a small step sum |w|^p changes by p g I (1 - sum |w|^p): rows that win come to have 1, which at the k-th place
    is where they part. So a rate that takes rows from above 1 to below it lets those that win no more vanish.

    References
    ----------
    Krotov & Hopfield 2019, doi:10.1073/pnas.1820458116: p = 3, k = 7, delta = 0.4, rate 0.02 to 0.04 and batches of
    100 on MNIST; p = 5, k = 2, delta = 0.1, batches of 1,000 on CIFAR-10
    """

    p: float = 3.0
    k: int = 7
    delta: float = 0.4
    whole_batches: ClassVar[bool] = True
    alone: ClassVar[bool] = True  # the powers of the rows that it did not change are remembered

    def __post_init__(self) -> None:
        _plain_numbers(self, p=float, k=operator.index, delta=float)
        if not (2 <= self.p < np.inf and self.k >= 2 and 0 <= self.delta < np.inf):
            raise InputError(f"KrotovHopfield has p and k of 2 or more and delta of 0 or more, not {self}")

    def memory(self, W: Array) -> Memory:
        """Return sign(W) |W|^(p-1), and which rows of it are out of date."""
        n_post = W.shape[1]
        if self.k > n_post:
            raise TooNarrow(
                f"KrotovHopfield(k={self.k}) needs {self.k} units or more, the layer has {n_post}"
            )
        return {"powers": self._powers(W), "changed": np.zeros(W.shape[:2], bool)}

    def __call__(self, s: Synapse, memory: Memory) -> Rows:
        """Return the change of the rows with a winner or a k-th unit."""
        n_post = s.W.shape[1]
        stale = np.nonzero(memory["changed"])
        memory["powers"][stale] = self._powers(s.W[stale])
        units, drives = self._rivals(times(s.pre, memory["powers"].mT))
        xs = s.pre if s.pre.ndim == 3 else [s.pre] * len(units)
        parts = [self._rows(*seen) for seen in zip(s.W, xs, units, drives, strict=True)]
        memory["changed"][...] = False
        np.put_along_axis(memory["changed"], units.reshape(len(units), -1), True, axis=1)
        rows = [seed * n_post + part.rows for seed, part in enumerate(parts)]
        return Rows(np.concatenate(rows), np.concatenate([part.values for part in parts]))

    def _powers(self, W: Array) -> Array:
        W = _without_less(W, float(np.finfo(W.dtype).tiny) ** (1 / (self.p - 1)))
        return W * np.abs(W) ** (self.p - 2)

    def _rivals(self, drive: Array) -> tuple[NDArray[np.integer], Array]:
        """Return the winner and the k-th unit of each item and their drives, (n_seeds, n_items, 2)."""
        found = []
        for rank in range(1, self.k + 1):  # k is small, which makes this faster than a sort or a partition
            unit = drive.argmax(axis=-1, keepdims=True)
            if rank in (1, self.k):
                found.append((unit, np.take_along_axis(drive, unit, axis=-1)))
            np.put_along_axis(drive, unit, -np.inf, axis=-1)
        (winner, most), (kth, less) = found
        return np.concatenate([winner, kth], axis=-1), np.concatenate([most, less], axis=-1)

    def _rows(self, W: Array, x: Array, units: NDArray[np.integer], drives: Array) -> Rows:
        """Return the change of one seed."""
        rows, place = np.unique(units, return_inverse=True)
        g = np.tile(np.array([1, -self.delta], W.dtype), len(x))  # two entries an item, the others are zero
        place, ends = place.ravel(), np.arange(0, len(g) + 1, 2)
        change = sparse.csc_array((g, place, ends), shape=(len(rows), len(x))) @ x
        numbers = np.finfo(W.dtype)
        decay = _without_less(W[rows], float(numbers.tiny / numbers.eps))
        decay *= np.bincount(place, g * drives.ravel()).astype(W.dtype)[:, None]
        change -= decay
        change /= max(change.max(), -change.min(), 1e-30)
        return Rows(rows, change)


def _without_less(W: Array, least: float) -> Array:
    """Return W with zeros for what is smaller than `least`.

    Weights from pixels that are always dark halve for ever; a processor computes a hundred times slower with numbers
    that are too small for full precision (subnormal).
    """
    return np.where(np.abs(W) < least, W.dtype.type(0), W)


@dataclass(frozen=True)
class Scaled(Plasticity):
    """A plasticity times a number, written `0.01 * Hebb()`."""

    factor: float
    of: Plasticity

    def __post_init__(self) -> None:
        _plain_numbers(self, factor=float)
        if not np.isfinite(self.factor):
            raise InputError(f"a plasticity is multiplied by a finite number, not {self.factor}")
        _check_part(self.of, "a multiple", alone=True)

    def memory(self, W: Array) -> Memory:
        """Return the memory of the plasticity that is scaled."""
        return self.of.memory(W)

    def __call__(self, s: Synapse, memory: Memory) -> Change:
        """Return the scaled change."""
        return _scale(self.of(s, memory), self.factor)

    def __repr__(self) -> str:
        of = f"({self.of!r})" if isinstance(self.of, Sum | Scaled) else repr(self.of)
        return f"{self.factor!r} * {of}"


@dataclass(frozen=True)
class Sum(Plasticity):
    """A sum of plasticities, written `Delta() + Hebb()`."""

    parts: tuple[Plasticity, ...]

    def __post_init__(self) -> None:
        for part in self.parts:
            _check_part(part, "a sum")

    def memory(self, W: Array) -> Memory:
        """Return the memories of the parts, numbered."""
        return {k: v for i, part in enumerate(self.parts) for k, v in _nested(f"{i}", part.memory(W)).items()}

    def __call__(self, s: Synapse, memory: Memory) -> Change:
        """Return the changes of the parts; outer products with one v are one."""
        changes: list[Change] = []
        for i, part in enumerate(self.parts):
            change, last = part(s, _own(f"{i}", memory)), changes[-1] if changes else None
            if isinstance(change, Outer) and isinstance(last, Outer) and change.v is last.v:
                changes[-1] = Outer(last.u + change.u, last.v)
            else:
                changes.append(change)
        return changes

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.parts))


@dataclass(frozen=True)
class Thresholded(Plasticity):
    """A plasticity less the running mean of all its past changes; the first change is as it is.

    HebbNet's updated activation threshold. Does not by itself bound growth.

    References
    ----------
    Gupta, Ambikapathi & Ramasamy 2021, HebbNet, doi:10.1109/ICASSP39728.2021.9414241
    """

    of: Plasticity

    def __post_init__(self) -> None:
        _check_part(self.of, "Thresholded")

    def memory(self, W: Array) -> Memory:
        """Return the running mean, how many changes it is of, and the part's own memory."""
        return {"mean": np.zeros_like(W), "count": np.zeros(len(W), W.dtype)} | _nested(
            "of", self.of.memory(W)
        )

    def __call__(self, s: Synapse, memory: Memory) -> Array:
        """Return the change less the mean of those before it."""
        change = dense(self.of(s, _own("of", memory)), s.W)
        less = change - memory["mean"]
        memory["count"] += 1
        memory["mean"] += less / memory["count"][:, None, None]
        return less


@dataclass(frozen=True)
class Sparsified(Plasticity):
    """A plasticity of which only the int(keep * size) largest absolute entries of each seed's matrix are kept.

    HebbNet's gradient sparsity; Imagination's replication fixed keep = 0.3. Of equal entries the first in the matrix
    are kept (our decision), so that the count is exact.

    References
    ----------
    Gupta, Ambikapathi & Ramasamy 2021, HebbNet, doi:10.1109/ICASSP39728.2021.9414241
    """

    of: Plasticity
    keep: float = 0.3

    def __post_init__(self) -> None:
        _plain_numbers(self, keep=float)
        if not 0 < self.keep <= 1:
            raise InputError(f"Sparsified keeps a share over 0 and up to 1, not {self.keep}")
        _check_part(self.of, "Sparsified", alone=True)

    def memory(self, W: Array) -> Memory:
        """Return the part's own memory."""
        return _nested("of", self.of.memory(W))

    def __call__(self, s: Synapse, memory: Memory) -> Array:
        """Return the change with all but its largest entries set to zero."""
        change = dense(self.of(s, _own("of", memory)), s.W)
        flat = change.reshape(len(change), -1)
        kept = int(self.keep * flat.shape[1])
        if kept == 0:
            return np.zeros_like(change)
        size = np.abs(flat)
        cut = np.partition(size, -kept, axis=1)[:, -kept, None]  # the smallest that is kept
        for seed in np.flatnonzero((size >= cut).sum(axis=1) > kept):
            equal = np.flatnonzero(size[seed] == cut[seed])
            size[seed, equal[kept - (size[seed] > cut[seed]).sum() :]] = -1
        flat[size < cut] = 0
        return change


@dataclass(frozen=True)
class Momentum(Plasticity):
    """A plasticity with momentum: velocity = decay * velocity + change, and the velocity is the change.

    References
    ----------
    Polyak 1964, doi:10.1016/0041-5553(64)90137-5
    """

    of: Plasticity
    decay: float = 0.9

    def __post_init__(self) -> None:
        _plain_numbers(self, decay=float)
        if not 0 <= self.decay < 1:
            raise InputError(f"the decay of Momentum is 0 or more and under 1, not {self.decay}")
        _check_part(self.of, "Momentum")

    def memory(self, W: Array) -> Memory:
        """Return the velocity and the part's own memory."""
        return {"velocity": np.zeros_like(W)} | _nested("of", self.of.memory(W))

    def __call__(self, s: Synapse, memory: Memory) -> Array:
        """Return the new velocity."""
        memory["velocity"] *= self.decay
        apply(memory["velocity"], self.of(s, _own("of", memory)), 1.0)
        return memory["velocity"]


@dataclass(frozen=True)
class Adam(Plasticity):
    """A plasticity whose change is divided, weight by weight, by the root of its mean square: Adam.

    ``m / (sqrt(v) + 1e-8)``, m and v the running means of the change and of its square (decays 0.9 and 0.999), both
    corrected for their start at zero. Weights that seldom change do so as fast as the others; a rate is then the size
    of a step, 0.001 as a rule.

    References
    ----------
    Kingma & Ba 2015, arXiv:1412.6980
    """

    of: Plasticity

    def __post_init__(self) -> None:
        _check_part(self.of, "Adam")

    def memory(self, W: Array) -> Memory:
        """Return the running means, how many changes they are of, and the part's own memory."""
        means = {"m": np.zeros_like(W), "v": np.zeros_like(W), "count": np.zeros(len(W), W.dtype)}
        return means | _nested("of", self.of.memory(W))

    def __call__(self, s: Synapse, memory: Memory) -> Array:
        """Return the change in units of its own size."""
        change = dense(self.of(s, _own("of", memory)), s.W)
        memory["count"] += 1
        n = memory["count"][:, None, None]
        memory["m"] += 0.1 * (change - memory["m"])
        memory["v"] += 0.001 * (change**2 - memory["v"])
        return memory["m"] / (1 - 0.9**n) / (np.sqrt(memory["v"] / (1 - 0.999**n)) + 1e-8)


def dense(change: Change, W: Array) -> Array:
    """Return a change as a new array shaped like W.

    Examples
    --------
    >>> import numpy as np
    >>> dense(Outer(np.ones((1, 4, 2)), np.ones((4, 3))), np.zeros((1, 2, 3)))[0, 0]
    array([1., 1., 1.])
    """
    whole = np.zeros(W.shape, W.dtype)  # rows first in memory, however W lies there
    apply(whole, change, 1.0)
    return whole


def apply(W: Array, change: Change, rate: float) -> None:
    """Add rate times the change to W in place.

    Examples
    --------
    >>> import numpy as np
    >>> W = np.zeros((1, 1, 2))
    >>> apply(W, [None, np.ones((1, 1, 2))], rate=0.5)
    >>> W
    array([[[0.5, 0.5]]])
    """
    if change is None:
        return
    if isinstance(change, list):
        for part in change:
            apply(W, part, rate)
    elif not _fits(change, W):
        parts = change if isinstance(change, Outer | Rows) else [change]
        shapes = " and ".join(str(part.shape) for part in parts if hasattr(part, "shape"))
        what = type(change).__name__ + (f" of {shapes}" if shapes else "")
        raise Misfit(f"{what} is no change of a matrix of {W.shape}")
    elif isinstance(change, Outer):
        add_outer(W, change.u, change.v, rate)
    elif isinstance(change, Rows):
        W[np.divmod(change.rows, W.shape[1])] += W.dtype.type(rate) * change.values
    else:
        W += rate * change


def _fits(change: Outer | Rows | Array, W: Array) -> bool:
    """Whether a change is one of a matrix (n_seeds, n_post, n_pre), whose shapes numpy would else stretch."""
    if isinstance(change, Outer):
        u, v = change.u.shape, change.v.shape
        return len(u) == 3 and (u[0], u[2], *v[-1:]) == W.shape and v[:-1] in (u[:2], u[1:2])
    if isinstance(change, Rows):
        rows, n_rows = change.rows, W.shape[0] * W.shape[1]
        there = not rows.size or 0 <= rows.min() <= rows.max() < n_rows
        return bool(there) and change.values.shape == (len(rows), W.shape[2])
    return getattr(change, "shape", None) == W.shape


def _scale(change: Change, factor: float) -> Change:
    if change is None:
        return None
    if isinstance(change, list):
        return [_scale(part, factor) for part in change]
    if isinstance(change, Outer):
        return Outer(factor * change.u, change.v)
    if isinstance(change, Rows):
        return Rows(change.rows, factor * change.values)
    return factor * change


def within(plasticity: Plasticity) -> Iterator[Plasticity]:
    """Yield a plasticity and all those that it is made of.

    Examples
    --------
    >>> list(within(0.1 * Thresholded(Hebb())))
    [0.1 * Thresholded(of=Hebb()), Thresholded(of=Hebb()), Hebb()]
    """
    yield plasticity
    for part in (getattr(plasticity, "of", None), *getattr(plasticity, "parts", ())):
        if isinstance(part, Plasticity):
            yield from within(part)


def _check_part(part: Plasticity, whole: str, alone: bool = False) -> None:
    """Refuse a part that is no plasticity or, where the whole changes more than the part would, stands alone."""
    if not isinstance(part, Plasticity):
        raise InputError(f"{whole} is made of plasticities, as Hebb(), not of {part!r}")
    for p in within(part):
        if p.alone and not alone:
            raise InputError(f"{type(p).__name__} stands alone in a synapse, not in {whole}")


def _plain_numbers(plasticity: Plasticity, **kinds: Callable) -> None:
    """Make numbers Python's own, so that the text of a plasticity is source wherever they came from."""
    for name, kind in kinds.items():
        value = getattr(plasticity, name)
        try:
            object.__setattr__(plasticity, name, kind(value))
        except (TypeError, ValueError):
            raise InputError(f"{name} of {type(plasticity).__name__} is a number, not {value!r}") from None


def _parts(p: Plasticity) -> tuple[Plasticity, ...]:
    return p.parts if isinstance(p, Sum) else (p,)


def _nested(name: str, memory: Memory) -> Memory:
    """Return a part's memory under names of the whole's."""
    return {f"{name}.{key}": array for key, array in memory.items()}


def _own(name: str, memory: Memory) -> Memory:
    """Return what of a memory is that of a part; the arrays are the same."""
    return {key.removeprefix(f"{name}."): a for key, a in memory.items() if key.startswith(f"{name}.")}
