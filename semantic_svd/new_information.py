"""A trained autoassociator meets a new item: how soon it learns it, beside which old items, and what it loses by it.

A regime says how often old items are presented beside the new one. What is lost is told item by item, and mode by mode.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from semantic_svd.errors import InputError, is_real
from semantic_svd.items import Items
from semantic_svd.modes import block_names, check_fit, not_null, svd
from semantic_svd.rules import Rule, as_rule
from semantic_svd.runs import Run
from semantic_svd.theory.given import integrated
from semantic_svd.training import Diverged, train

__all__ = [
    "REGIMES",
    "Regime",
    "change_by_mode",
    "focused_learning",
    "interference",
    "item_similarity",
    "meet",
    "off_span",
    "squared_errors",
]

FINEST = 100  # presentations are whole parts of a number up to this: 1/5, 3/10
ROUNDING = 1e-9  # of presentations and similarities


@dataclass(frozen=True)
class Regime:
    """How often old items are presented for one presentation of the new item, by their similarity to it.

    Parameters
    ----------
    steps : mapping of a similarity to presentations
        An old item is presented as often as the highest similarity that it reaches says; below all of them, never.
    about : str
        Where the regime comes from.

    Raises
    ------
    InputError
        When a similarity is no number, or presentations are none, negative, or no whole parts of a number up to 100.

    Examples
    --------
    >>> from semantic_svd.items import load_items
    >>> new = load_items("mcclelland2020_new_items").select("sparrowhawk")
    >>> REGIMES["similarity-weighted"].presentations(load_items("mcclelland2020"), new).values
    array([1. , 1. , 0.2, 0.2, 0. , 0. , 0. , 0. , 1. ])
    """

    steps: Mapping[float, float] = field(default_factory=dict)
    about: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        for least, often in self.steps.items():
            if not is_real(least):
                raise InputError(f"the steps of a regime stand at similarities, not at {least!r}")
            counted = is_real(often) and 0 <= often < math.inf
            if not counted or abs(often - _as_fraction(often)) > ROUNDING:
                raise InputError(
                    "a regime presents items 0 times or more, in whole parts of a number up to "
                    f"{FINEST} (0.2 is 1/5), not {often!r} times"
                )

    def presentations(self, old: Items, new: Items) -> xr.DataArray:
        """Return how often each old item and, last, the new item are presented in one epoch: (item,)."""
        alike = item_similarity(old, new)
        often = xr.zeros_like(alike)
        for least in sorted(self.steps):
            often = often.where(alike < least - ROUNDING, self.steps[least])
        once = xr.ones_like(new.array.isel(property=0, drop=True))
        return xr.concat([often, once], "item").rename("presentations")


def _as_fraction(often: float) -> Fraction:
    return Fraction(often).limit_denominator(FINEST)


REGIMES: dict[str, Regime] = {
    "focused": Regime(about="the new item alone"),
    "similar items": Regime({0.5: 1.0}, about="the new item and the old items that are much like it"),
    "similarity-weighted": Regime(
        {0.5: 1.0, 0.25: 0.2},
        about="old items by their similarity: 1, 0.2 and 0 for birds, fish and plants as in the authors' code "
        "(lampinen/integration_CLS, EightThingsAuto); the similarities at which they stand are ours",
    ),
    "uniform": Regime(
        {-math.inf: 0.3},
        about="all old items 0.3 times: of the authors' items as many presentations in all, their control",
    ),
    "interleaved": Regime({-math.inf: 1.0}, about="all old items as often as the new one"),
}
"""The regimes of McClelland, McNaughton & Lampinen (2020), doi:10.1098/rstb.2019.0637, and one that is ours: the
similar items without any others."""


def meet(
    run: Run,
    rule: Rule | str,
    old: Items,
    new: Items,
    regime: Regime | str,
    *,
    epochs: int,
    every: int | Literal["log"] = 1,
    progress: bool = True,
) -> Run:
    """Let the networks of a run, as they ended, learn a new item beside old ones.

    An epoch presents the new item once, whatever the regime. So curves over epochs compare regimes at equal
    presentations of the new item; epochs times `run.data.presentations.sum()` counts the presentations of all items.
    A presentation changes the weights as much as one did when the old items were learned: all items of an epoch make
    one step (full batch), in which each counts as often as it is presented, over the number of *old* items. Where the
    regime says 0.2, rows are repeated: 1 to 5.

    Parameters
    ----------
    run : Run
        Of an autoassociator that has learned the old items. Memories of plasticities start anew.
    rule : Rule, or the name of one in RULES
        By its name it has the rates at which the run learned the old items, or met the last; a Rule has its own.
    old : Items
    new : Items
        One item with the same properties.
    regime : Regime, or the name of one in REGIMES
    epochs, every, progress
        As for `train`.

    Returns
    -------
    Run
        Its responses, (seed, epoch, item, property), are those to the old items and, last, the new one; the
        coordinate ``presentations`` (item,) says how often each is presented in an epoch. The attribute ``rates`` is
        of the steps, on a mean over presentations; ``rule_rates`` are those of the rule.

    Raises
    ------
    InputError
        When the run is not finished or of no autoassociator, there is not one new item, the properties are not those of
        the run, the rule takes no mean over items, there is no such regime, or no seed survives.

    References
    ----------
    McClelland, McNaughton & Lampinen (2020), Integration of new information in memory: new insights from a
    complementary learning systems perspective. Phil Trans R Soc B 375:20190637. doi:10.1098/rstb.2019.0637

    Examples
    --------
    >>> from semantic_svd import Network, load_items
    >>> old, new = load_items("mcclelland2020"), load_items("mcclelland2020_new_items").select("falcon")
    >>> run = train("backprop", Network((34, 32, 34), biases=False), old, epochs=500)
    >>> met = meet(run, "backprop", old, new, "focused", epochs=100)
    >>> squared_errors(met.response(), old.with_items(new)).sel(item="falcon", epoch=[0, 100]).round(3).values
    array([[0., 0.]])
    """
    chosen, both = as_rule(rule), _with_one(old, new)
    _check(run, chosen, old)
    known = run.data.attrs
    rates = chosen.rates if isinstance(rule, Rule) else known.get("rule_rates", known["rates"])
    often = _as_regime(regime).presentations(old, new)
    parts = [_as_fraction(float(n)) for n in often]
    least = math.lcm(*(part.denominator for part in parts))
    repeats = [int(part * least) for part in parts]
    share = float(often.sum()) / len(old)  # makes the mean over rows the sum over items, over the old ones
    try:
        met = train(
            replace(chosen, rate=tuple(rate * share for rate in rates)),  # type: ignore[arg-type]
            run.network,
            both.array.drop_vars("item").isel(item=np.repeat(np.arange(len(both)), repeats)),
            epochs=epochs,
            seeds=run.data["seed"].values.tolist(),
            every=every,
            record=("responses",),
            probe=both,
            start=run,
            progress=progress,
        )
    except Diverged as error:
        _, lost, lower = error.args
        hint = f" ({_said((rate / share for rate in lower), '.2')})" if lower else ""
        raise InputError(
            f"no seed survived at rate {_said(rates)}: {lost}; a lower rate{hint} or fewer epochs may hold"
        ) from None
    data = met.data.assign_coords(presentations=("item", often.values))
    return Run(data.assign_attrs(rule_rates=list(rates)))


# --------------------------------------------------------------------------------------------------------- measures


def item_similarity(old: Items, new: Items) -> xr.DataArray:
    """Return the cosine between the properties of each old item and the new item, (item,); 0 where one has none.

    Raises
    ------
    InputError
        When there is not one new item, or it has other properties.

    Examples
    --------
    >>> from semantic_svd.items import load_items
    >>> new = load_items("mcclelland2020_new_items").select("sparrowhawk")
    >>> item_similarity(load_items("mcclelland2020"), new).sel(item=["hawk", "salmon", "oak"]).round(3).values
    array([0.778, 0.444, 0.   ])
    """
    x = _with_one(old, new).array.isel(item=-1, drop=True)
    lengths = ((old.array**2).sum("property") * (x**2).sum()) ** 0.5
    return (old.array.dot(x) / lengths.where(lengths > 0)).fillna(0).rename("similarity")


def squared_errors(response: xr.DataArray, items: Items) -> xr.DataArray:
    """Return the squared error of each item, summed over its properties: (..., item).

    Parameters
    ----------
    response : DataArray (..., item, property)
    items : Items
        What the response ought to be, its items in the same order.

    Raises
    ------
    InputError
        When the response is to other items, or of other properties.

    Examples
    --------
    >>> from semantic_svd.items import load_items
    >>> items = load_items("mcclelland2020")
    >>> squared_errors(0 * items.array, items).sel(item=["sparrow", "salmon"]).values
    array([9., 9.])
    """
    check_fit(response, items.array)
    return ((response - items.array.values) ** 2).sum("property", skipna=False).rename("squared_error")


def interference(response: xr.DataArray, old: Items) -> xr.DataArray:
    """Return by how much the squared error of each old item has grown since the meeting began: (..., epoch, item).

    Parameters
    ----------
    response : DataArray (..., epoch, item, property)
        Of a run of `meet`.
    old : Items

    Raises
    ------
    InputError
        When the response is not to the old items, or of other properties.

    Examples
    --------
    >>> from semantic_svd.items import load_items
    >>> old, new = load_items("mcclelland2020"), load_items("mcclelland2020_new_items").select("sparrowhawk")
    >>> learned = focused_learning(old, new, [0.0, np.inf]).rename(time="epoch")
    >>> interference(learned, old).isel(epoch=-1).round(2).values
    array([2.68, 2.68, 0.87, 0.87, 0.  , 0.  , 0.  , 0.  ])
    """
    errors = squared_errors(_to_old(response, old), old)
    return (errors - errors.isel(epoch=0, drop=True)).rename("interference")


def change_by_mode(response: xr.DataArray, old: Items) -> xr.DataArray:
    """Split the change D of the responses to old items since the meeting began, as a sum of squares, by their modes.

    Parameters
    ----------
    response : DataArray (..., epoch, item, property)
        Of a run of `meet`.
    old : Items
        Their modes are u_k and v_k.

    Returns
    -------
    DataArray (..., epoch, part)
        Along each block of modes, ``sum (u_k' D v_l)^2`` over its members k and l (of a block with one member, the
        square of the change of its projected strength); "between modes", the same over pairs of different blocks; and
        "off the span" of the modes. The parts sum to ``|D|^2``, which is the interference where the old items were
        known. Blocks and not modes, as members of a block have no axes of their own.

    Raises
    ------
    InputError
        As for `interference`.

    Examples
    --------
    >>> from semantic_svd.items import load_items
    >>> old, new = load_items("mcclelland2020"), load_items("mcclelland2020_new_items").select("sparrowhawk")
    >>> learned = focused_learning(old, new, [0.0, np.inf]).rename(time="epoch")
    >>> parts = change_by_mode(learned, old).isel(epoch=-1)
    >>> parts.part.values.tolist()
    ['1', '2', '3', '4', '5-6', '7-8', 'between modes', 'off the span']
    >>> bool(parts.sel(part="off the span") > 0.99 * parts.sum())
    True
    """
    modes, answers = svd(old), _to_old(response, old)
    check_fit(answers, modes)
    modes = modes.isel(mode=not_null(modes).values)
    U, V = modes["U"].values, modes["V"].values
    D = (answers - answers.isel(epoch=0, drop=True)).transpose(*answers.dims).values
    core = U.T @ D @ V  # (..., mode, mode)
    names = np.array(list(block_names(modes).values()))
    inside = names[:, None] == names
    parts = {name: (core**2)[..., np.outer(names == name, names == name)] for name in dict.fromkeys(names)}
    parts |= {"between modes": (core**2)[..., ~inside]}
    parts |= {"off the span": ((D - U @ core @ V.T) ** 2).reshape(*D.shape[:-2], -1)}
    lead = answers.isel({dim: 0 for dim in answers.dims[-2:]}, drop=True)
    table = np.stack([squares.sum(axis=-1) for squares in parts.values()], axis=-1)
    coords = {**lead.coords, "part": [str(name) for name in parts]}
    return xr.DataArray(table, coords, (*lead.dims, "part"), name="change")


# ------------------------------------------------------------------------------------------------------ closed forms


def off_span(old: Items, new: Items) -> float:
    """Return the part of the new item that is no mixture of old ones: the sum of squares off the span of their rows.

    A linear autoassociator that knows the old items, from a start near zero, meets the new one with this squared error.

    Raises
    ------
    InputError
        As for `item_similarity`.

    Examples
    --------
    >>> from semantic_svd.items import load_items
    >>> old, new = load_items("mcclelland2020"), load_items("mcclelland2020_new_items")
    >>> [round(off_span(old, new.select(name)), 6) for name in new.items]
    [2.453416, 0.0]
    """
    return float(_new_direction(old, new)[1][1] ** 2)


def focused_learning(old: Items, new: Items, t: ArrayLike) -> xr.DataArray:
    """Follow a two-layer linear autoassociator that knows the old items and is shown nothing but the new one.

    The old items were learned from a balanced start near zero, so that the map of the network is the projection P on
    their span and W1'W1 = W2 W2' = P. Let x be the new item, p the direction of P x, e that of x - P x, and
    x = (q, r) in these two. All that the new item changes is one hidden direction, with the weights w1 from (p, e) and
    w2 to (p, e), both (1, 0) at first:

        dw1/dt = (w2'(x - z w2)) x        dw2/dt = z (x - z w2)        z = w1'x

    At first an old item's response moves by t (x_i'x) r e: it takes on what is new in the new item, as far as it is
    like it. At the end, as |w1| = |w2| throughout,

        z^2 = (sqrt(r^4 + 4 |x|^4) - r^2) / 2        w1 = (1, 0) + (z - q) x / |x|^2        w2 = x / z

    and at all times the squared errors of old items are as the squares of x_i'x.

    Parameters
    ----------
    old, new : Items
    t : array of shape (n_times,)
        rate * epochs / number of old items, 0 or greater; inf is the end.

    Returns
    -------
    DataArray (time, item, property)
        The responses to old items and, last, the new one. Of gradient flow: gradient descent departs from it to first
        order in the rate.

    Raises
    ------
    InputError
        When a time is negative or not a number; and as for `item_similarity`.

    References
    ----------
    The reduction and its end are ours; balance is conserved by gradient flow: Saxe, McClelland & Ganguli (2014),
    arXiv:1312.6120

    Examples
    --------
    >>> from semantic_svd.items import load_items
    >>> old, new = load_items("mcclelland2020"), load_items("mcclelland2020_new_items").select("sparrowhawk")
    >>> errors = squared_errors(focused_learning(old, new, [0.0, np.inf]), old.with_items(new))
    >>> errors.sel(item=["hawk", "salmon", "oak", "sparrowhawk"]).round(3).values
    array([[0.   , 0.   , 0.   , 2.453],
           [2.678, 0.874, 0.   , 0.   ]])
    """
    times = np.atleast_1d(np.asarray(t, float))
    if not (times >= 0).all():
        raise InputError(f"times are 0 or greater, not {times[~(times >= 0)][0]:g}")
    both = _with_one(old, new)
    plane, x = _new_direction(old, new)  # (property, 2), (2,)
    w1, w2 = _focused_weights(x, times)  # (time, 2) both
    known = np.vstack([old.values, plane[:, 0] * x[0]])  # P applied to all items
    along = both.values @ plane  # (item, 2)
    learned = (w1 @ along.T)[..., None] * (w2 @ plane.T)[:, None]  # (time, item, property)
    values = known - np.outer(along[:, 0], plane[:, 0]) + learned
    return xr.DataArray(
        values, {"time": times, **both.array.coords}, ("time", "item", "property"), name="response"
    )


def _focused_weights(x: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return w1 and w2, (time, 2) each, of a network with one hidden unit that learns x alone from w1 = w2 = (1, 0)."""
    start = np.array([1.0, 0.0])
    if not x[0]:  # the new item is like nothing that is known, and the hidden unit stays silent
        return np.tile(start, (len(times), 1)), np.tile(start, (len(times), 1))

    def flow(_: float, w: np.ndarray) -> np.ndarray:
        z = w[:2] @ x
        error = x - z * w[2:]
        return np.concatenate([(w[2:] @ error) * x, z * error])

    ended, power, r2 = np.isinf(times), x @ x, x[1] ** 2
    z = np.sqrt((np.sqrt(r2**2 + 4 * power**2) - r2) / 2)
    weights = integrated(flow, np.tile(start, 2), np.where(ended, 0, times))
    weights[ended] = np.concatenate([start + (z - x[0]) / power * x, x / z])
    return weights[:, :2], weights[:, 2:]


# ---------------------------------------------------------------------------------------------------------- helpers


def _with_one(old: Items, new: Items) -> Items:
    """Return the old items and, last, the one that is new."""
    if len(new) != 1:
        raise InputError(f"one new item is met at a time, not {len(new)}: {', '.join(new.items)}")
    return old.with_items(new)


def _to_old(response: xr.DataArray, old: Items) -> xr.DataArray:
    """Return the responses to old items among all."""
    answered = list(map(str, response["item"].values))
    for item in old.items:
        if item not in answered:
            raise InputError(f"the response is to {', '.join(answered)}, not to {item}")
    return response.sel(item=list(old.items))


def _new_direction(old: Items, new: Items) -> tuple[np.ndarray, np.ndarray]:
    """Return the directions of the new item along and off the span of the old ones, (property, 2), and it in them."""
    modes = svd(old)
    V = modes["V"].values[:, not_null(modes).values]
    row = _with_one(old, new).values[-1]
    along = V @ (V.T @ row)
    parts = np.stack([along, row - along], axis=1)
    lengths = np.linalg.norm(parts, axis=0)
    lengths[lengths < 1e-12 * np.linalg.norm(row)] = 0.0
    return parts / np.where(lengths > 0, lengths, 1.0), lengths


def _as_regime(regime: Regime | str) -> Regime:
    if isinstance(regime, Regime):
        return regime
    if not isinstance(regime, str) or regime not in REGIMES:
        raise InputError(f"no regime {regime!r}; there are {', '.join(REGIMES)}")
    return REGIMES[regime]


def _said(rates: Iterable[float], digits: str = "") -> str:
    """Write the rates of a rule: one, where all are alike."""
    shown = [f"{rate:{digits}g}" for rate in rates]
    return shown[0] if len(set(shown)) == 1 else " ".join(shown)


def _check(run: Any, rule: Rule, old: Items) -> None:
    """Raise an error unless the run can go on with the old items and a new one."""
    if not isinstance(run, Run):
        raise InputError(f"run is a Run that has learned the old items, not {type(run).__name__}")
    if (run.data["status"] == "training").any():
        raise InputError("the run is not finished; its networks meet something new as they ended")
    if rule.whole_batches:
        raise InputError("presentations are counted in a mean over items; the rule takes winners, not a mean")
    sizes, names = run.network.sizes, [run.names_of(f"unit_{layer}") for layer in (0, run.network.layers)]
    kept = {"input", "target"} <= set(run.data)
    learns_others = kept and not np.array_equal(run.data["input"].values, run.data["target"].values)
    if sizes[0] != sizes[-1] or learns_others or (None not in names and names[0] != names[1]):
        raise InputError(
            f"autoassociators meet something new; the inputs of this run, {sizes}, are not its outputs"
        )
    for known in names:
        if known is not None and tuple(map(str, known)) != old.properties:
            raise InputError(f"the run was trained on other properties than those of {old.name}")
