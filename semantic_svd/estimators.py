"""Estimators: autoassociators, classifiers and modes as scikit-learn knows them, for pipelines, grids and validation.

They train by `train` and by nothing else; `run_` is the run that it gives, for every analysis that there is.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from semantic_svd.alignment import align
from semantic_svd.errors import InputError, whole
from semantic_svd.lessons import fitting
from semantic_svd.modes import not_null, one_side, reference_modes, svd
from semantic_svd.network import Network
from semantic_svd.products import Array
from semantic_svd.rates import bearable
from semantic_svd.readouts import POWER, classifier, read_activity
from semantic_svd.rules import Rule, as_rule
from semantic_svd.runs import Run
from semantic_svd.training import train

__all__ = ["Autoassociator", "ItemModes", "RuleClassifier"]

FLOATS = (np.float64, np.float32)


class _Trained(BaseEstimator):
    """What the estimators share that train a network by a rule: from parameters to a run, from a run to activity."""

    def _network(self, inputs: int, outputs: int, output: str) -> Network:
        hidden = self.hidden if np.iterable(self.hidden) else (self.hidden,)
        try:
            sizes = (inputs, *(whole("hidden", units) for units in hidden), outputs)
        except InputError:
            raise InputError(
                f"hidden is a whole number of units over 0, or several, not {self.hidden!r}"
            ) from None
        return fitting(as_rule(self.rule), sizes, self.biases, hidden=self.activation, output=output)

    def _learn(
        self,
        network: Network,
        x: xr.DataArray,
        y: xr.DataArray | None = None,
        start: Run | None = None,
        **how: Any,
    ) -> Run:
        """Train as the parameters say, or go on from a run with its seed and rule."""
        if start is None:
            rule = as_rule(self.rule)
            if self.rate is None:
                self.rule_ = bearable(rule, network, x.values, self.batch_size)
            else:
                self.rule_ = replace(rule, rate=self.rate)
        seeds = [_seed(self.random_state)] if start is None else start.data["seed"].values.tolist()
        how = {"epochs": self.epochs, "every": self.every, "batch_size": self.batch_size} | how
        return train(
            self.rule_, network, x, y, seeds=seeds, start=start, dtype=x.dtype, progress=False, **how
        )


class _KeepsFloats(TransformerMixin):
    """A transformer whose numbers are of the type that it is given, of single or double precision."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _reads_errors(estimator: _Trained) -> bool:
    """Tell whether the rule reads errors, so that hidden layers and classes are learned together."""
    return as_rule(estimator.rule).taught(estimator._network(1, 1, "linear"))


class Autoassociator(_KeepsFloats, _Trained):
    """A network that learns to give back its input, by any rule; a hidden layer is what it makes of an item.

    Parameters
    ----------
    hidden : int or sequence of int
        Units of the hidden layer, or of each.
    rule : str or Rule
        The name of a rule in RULES, or a rule.
    layer : int
        The hidden layer that `transform` gives, counted from 1.
    activation, output : str
        Activations of the hidden layers and of the output: "linear", "tanh", "sigmoid", "relu".
    biases : bool, optional
        None for biases where the rule teaches them. Without them a linear autoassociator tends to the first modes of
        the items, with them to the first principal components.
    rate : float or tuple of three floats, optional
        One rate, or those of the hidden layers, the output and the feedback. None for the rule's own, all lowered
        alike where the inputs are too large for them; see `rates.bearable`.
    epochs : int
    batch_size : int, optional
        Items a step; None for all.
    every : int or "log"
        Which epochs `run_` keeps, see `train`.
    random_state : int, RandomState or None
        An int is the seed of `train`.

    Attributes
    ----------
    run_ : Run
        The training: one seed, its snapshots with the names of items and properties where `fit` was given them (a
        DataFrame).
    rule_ : Rule
        The rule as it was used, with its rates.
    n_features_in_ : int
    feature_names_in_ : array of str, if there were names

    Raises
    ------
    InputError
        In `fit`, when a parameter is none that there is, or the training leaves the finite numbers.

    Examples
    --------
    >>> from semantic_svd import load_items
    >>> items = load_items("mcclelland2020").array.to_pandas()
    >>> bpa = Autoassociator(hidden=8, rule="bpa", epochs=1000, random_state=0).fit(items)
    >>> bpa.transform(items).shape, round(bpa.score(items), 3)
    ((8, 8), 1.0)
    >>> bpa.run_
    Run(34-8-34 linear, 1 seed, 51 snapshots to epoch 1000)
    """

    def __init__(
        self,
        hidden: int | Sequence[int] = 8,
        rule: str | Rule = "backprop",
        *,
        layer: int = 1,
        activation: str = "linear",
        output: str = "linear",
        biases: bool | None = None,
        rate: float | tuple[float, float, float] | None = None,
        epochs: int = 2000,
        batch_size: int | None = None,
        every: int | Literal["log"] = "log",
        random_state: Any = None,
    ):
        self.hidden = hidden
        self.rule = rule
        self.layer = layer
        self.activation = activation
        self.output = output
        self.biases = biases
        self.rate = rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.every = every
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Train on items, (n_items, n_properties). y is not looked at.

        Returns
        -------
        self
        """
        x = _labelled(self, X, validate_data(self, X, dtype=FLOATS))
        network = self._network(x.shape[1], x.shape[1], self.output)
        if self.layer not in range(1, network.layers):
            raise InputError(
                f"layer is that of a hidden layer, 1 to {network.layers - 1}, not {self.layer!r}"
                if network.layers > 1
                else "an autoassociator has a hidden layer; hidden names none"
            )
        if not _reads_errors(self):
            raise InputError("the rule reads no error, so it does not learn to give its input back")
        self.run_ = self._learn(network, x)
        return self

    def transform(self, X: ArrayLike) -> Array:
        """Return the activity of the hidden layer, (n_items, n_units)."""
        check_is_fitted(self)
        return _says(self.run_, validate_data(self, X, dtype=FLOATS, reset=False), self.layer)

    def inverse_transform(self, X: ArrayLike) -> Array:
        """Return what the output says, (n_items, n_properties), to activity of the hidden layer (n_items, n_units)."""
        h = _places(X, self.get_feature_names_out())
        network, final = self.run_.network, self.run_.final().data
        above = replace(network, sizes=network.sizes[self.layer :])
        weights = {name: final[f"{name[0]}{int(name[1:]) + self.layer}"].values for name in above.names()}
        said = above.activity(weights, h.astype(final["W1"].dtype, copy=False), above.layers)[0]
        return said.astype(h.dtype, copy=False)

    def score(self, X: ArrayLike, y: None = None) -> float:
        """Return the share of the sum of squares that is given back, ``1 - |X - response|^2 / |X|^2``.

        As in `modes.explained_variance` squares are about zero: the best that k linear units without biases can do is
        the share of the first k modes. 1 is all of it; below 0, the response is farther from the items than zero is.
        NaN for items without any property.
        """
        check_is_fitted(self)
        x = validate_data(self, X, dtype=FLOATS, reset=False)
        missed = x - _says(self.run_, x)
        total = np.square(x).sum()
        return float(1 - np.square(missed).sum() / total) if total else np.nan

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the units of the hidden layer: unit1, unit2, ..."""
        check_is_fitted(self)
        return _numbered("unit", self.run_.network.sizes[self.layer])


class RuleClassifier(ClassifierMixin, _Trained):
    """A network that learns to name classes, by any rule: softmax, cross-entropy, one output unit a class.

    Parameters
    ----------
    hidden : int or sequence of int
        Units of the hidden layer, or of each; () for none.
    rule : str or Rule
        The name of a rule in RULES, or a rule.
    activation : str
        Of the hidden layers: "linear", "tanh", "sigmoid", "relu".
    biases : bool, optional
        None for biases where the rule teaches them.
    rate, batch_size, every, random_state
        As for `Autoassociator`.
    epochs : int
        Passes over the items in `fit`.

    Attributes
    ----------
    classes_ : array of the classes, sorted
    run_ : Run
        The training; its outputs are named by the classes. After `partial_fit` it is that of the last call.
    readout_ : Run or None
        For a rule that reads no error, as "krotov_hopfield": `run_` trains its hidden units without classes, and this
        run a classifier on what they make of the items, `readouts.competing_activity` of units that compete.
    rule_ : Rule
        The rule as it was used, with its rates.
    n_features_in_ : int
    feature_names_in_ : array of str, if there were names

    Raises
    ------
    InputError
        In `fit`, when a parameter is none that there is, or the training leaves the finite numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import cross_val_score
    >>> X, y = load_digits(return_X_y=True)
    >>> dfa = RuleClassifier(hidden=30, rule="dfa_random", rate=0.1, epochs=10, random_state=0)
    >>> bool(cross_val_score(dfa, X / 16, y, cv=3).mean() > 0.8)
    True
    """

    def __init__(
        self,
        hidden: int | Sequence[int] = 100,
        rule: str | Rule = "backprop",
        *,
        activation: str = "relu",
        biases: bool | None = None,
        rate: float | tuple[float, float, float] | None = None,
        epochs: int = 100,
        batch_size: int | None = 32,
        every: int | Literal["log"] = "log",
        random_state: Any = None,
    ):
        self.hidden = hidden
        self.rule = rule
        self.activation = activation
        self.biases = biases
        self.rate = rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.every = every
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train on items, (n_items, n_properties), and their classes, (n_items,).

        Returns
        -------
        self
        """
        x, y = self._examples(X, y)
        self.classes_ = np.unique(y)
        named = self._one_hot(y)
        self.run_ = self._learn(self._to_classes(), x, named)
        self.readout_ = None if _reads_errors(self) else self._learn_to_read(x, named)
        return self

    @available_if(_reads_errors)
    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Go on training with one pass over these items; for rules that read an error.

        What a plasticity remembers from step to step (a running mean, a momentum) begins anew with every call.

        Parameters
        ----------
        X : array-like of shape (n_items, n_properties)
        y : array-like of shape (n_items,)
        classes : array-like
            All classes that there will ever be; wanted at the first call.

        Returns
        -------
        self
        """
        first = not hasattr(self, "run_")
        if first and classes is None:
            raise InputError("the first call of partial_fit names all classes; pass classes")
        x, y = self._examples(X, y, reset=first)
        named = self.classes_ if classes is None else np.unique(classes)
        if not first and not np.array_equal(named, self.classes_):
            raise InputError(
                f"classes are {self.classes_.tolist()} since the first call, not {named.tolist()}"
            )
        self.classes_ = named
        start = None if first else self.run_
        self.run_ = self._learn(self._to_classes(), x, self._one_hot(y), start, epochs=1)
        self.readout_ = None
        return self

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return what the output says to each item, (n_items, n_classes), in the order of `classes_`."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=FLOATS, reset=False)
        if self.readout_ is None:
            return _says(self.run_, x)
        return _says(self.readout_, self._read(x) / self._size)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the class whose unit answers most to each item, (n_items,)."""
        shares = self.predict_proba(X)
        return self.classes_[shares.argmax(axis=1)]

    def _learn_to_read(self, x: xr.DataArray, y: xr.DataArray) -> Run:
        """Train a classifier on what the hidden units make of items."""
        if self.run_.network.layers == 1:
            raise InputError("the rule reads no error, so it teaches hidden layers only; hidden names none")
        h = self._read(x.values)
        self._size = float(h.std()) or 1.0
        return classifier(
            h / self._size,
            y,
            "softmax",
            epochs=self.epochs,
            seeds=self.run_.data["seed"].values.tolist(),
            batch_size=self.batch_size,
            every=self.every,
            progress=False,
        )

    def _read(self, x: Array) -> Array:
        """Return the activity of the last hidden layer, (n_items, n_units); the readout takes it over its size."""
        last = self.run_.network.layers - 1
        h = read_activity(self.run_.final(), x, last, POWER if self.rule_.competes else None)
        return h.astype(x.dtype, copy=False)

    def _examples(self, X: Any, y: Any, reset: bool = True) -> tuple[xr.DataArray, NDArray[Any]]:
        values, y = validate_data(self, X, y, dtype=FLOATS, reset=reset)
        check_classification_targets(y)
        return _labelled(self, X, values), y

    def _to_classes(self) -> Network:
        return self._network(self.n_features_in_, len(self.classes_), "softmax")

    def _one_hot(self, y: NDArray[Any]) -> xr.DataArray:
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise InputError(
                f"y has the class {unknown.tolist()[0]!r}, which is not among {self.classes_.tolist()}"
            )
        return xr.DataArray(y[:, None] == self.classes_, {"class": self.classes_}, ("item", "class"))


class ItemModes(_KeepsFloats, BaseEstimator):
    """The modes of items and their properties, with the signs, the order and the blocks of a reference.

    ``X = U diag(s) V'``, X as it is, not centred; an item's place on a mode is its row of ``X V``.

    Parameters
    ----------
    n_modes : int, optional
        How many, the largest first; None for as many as the smaller side of X has, or the reference.
    reference : matrix (items, properties) or Dataset of `modes.svd`, optional
        Modes are brought to those of the reference by their properties' side, so the reference may have other items:
        fits to parts of the items, as in cross-validation, then have the same modes in the same places, and zeros
        where the part lacks one. None for the modes as `modes.svd` gives them.

    Attributes
    ----------
    components_ : array of shape (n_modes, n_properties)
        V', a mode a row.
    singular_values_ : array of shape (n_modes,)
        Aligned to a reference, the lengths of ``X v``, which are the singular values where no block had to be turned.
    n_features_in_ : int
    feature_names_in_ : array of str, if there were names

    Raises
    ------
    InputError
        In `fit`, when there are not so many modes, or the reference is none of these properties.

    See Also
    --------
    semantic_svd.modes.svd : both sides, with names, of stacks as well
    semantic_svd.alignment.align : by both sides, for matrices over the same items

    Examples
    --------
    >>> from semantic_svd import load_items
    >>> items = load_items("mcclelland2020").array.to_pandas()
    >>> modes = ItemModes(n_modes=3, reference=items).set_output(transform="pandas")
    >>> modes.fit(items.drop(index="oak")).transform(items).loc["sparrow":"salmon"].abs().round(2)
             mode1  mode2  mode3
    item
    sparrow    2.4    0.0   1.32
    hawk       2.4    0.0   1.32
    salmon     2.4    0.0   1.32
    """

    def __init__(self, n_modes: int | None = None, reference: Any = None):
        self.n_modes = n_modes
        self.reference = reference

    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Take the modes of items, (n_items, n_properties). y is not looked at.

        Returns
        -------
        self
        """
        x = _labelled(self, X, validate_data(self, X, dtype=FLOATS))
        if self.reference is None:
            V, most = svd(x)["V"], min(x.shape)
        else:
            reference = reference_modes(self.reference)
            V, most = _like(x, reference), reference.sizes["mode"]
        n = most if self.n_modes is None else self.n_modes
        n = whole("n_modes", n, 1, most, also="None")
        self.components_: Array = np.ascontiguousarray(V.values.T[:n], x.dtype)
        self.singular_values_ = np.linalg.norm(x.values @ self.components_.T, axis=0)
        return self

    def transform(self, X: ArrayLike) -> Array:
        """Return the places of items on the modes, ``X V``, (n_items, n_modes)."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=FLOATS, reset=False)
        return x @ self.components_.T.astype(x.dtype, copy=False)

    def inverse_transform(self, X: ArrayLike) -> Array:
        """Return the items, (n_items, n_properties), that have these places on the modes."""
        places = _places(X, self.get_feature_names_out())
        return places @ self.components_.astype(places.dtype, copy=False)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the modes: mode1, mode2, ..."""
        check_is_fitted(self)
        return _numbered("mode", len(self.components_))


def _labelled(estimator: BaseEstimator, X: Any, values: Array) -> xr.DataArray:
    """Name the items and the properties where X, a DataFrame, does."""
    items = X.index if hasattr(X, "columns") else []
    worded = all(isinstance(item, str) for item in items)
    names = {"item": items if worded else [], "property": getattr(estimator, "feature_names_in_", [])}
    return xr.DataArray(values, {dim: list(of) for dim, of in names.items() if len(of)}, ("item", "property"))


def _places(X: ArrayLike, names: NDArray[np.object_]) -> Array:
    """Return what is to be turned back, (n_items, units), checked."""
    places = check_array(X, dtype=FLOATS)
    if places.shape[1] != len(names):
        raise InputError(
            f"{len(names)} columns are turned back, {names[0]} to {names[-1]}, not {places.shape[1]}"
        )
    return places


def _seed(random_state: Any) -> int:
    """Return the seed that a random_state stands for: an int is one."""
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def _says(run: Run, x: Array, layer: int | None = None) -> Array:
    """Return what a layer, the output if none is named, says to items, (n_items, units), of their type."""
    return run.final().response(x, layer).values[0].astype(x.dtype, copy=False)


def _like(x: xr.DataArray, reference: xr.Dataset) -> xr.DataArray:
    """Return V (property, mode) of x, brought to a reference by the properties' side."""
    modes = svd(x)
    if len(reference["V"]) != len(modes["V"]):
        raise InputError(f"the reference has {len(reference['V'])} properties, the items have {x.shape[1]}")
    K = max(reference.sizes["mode"], modes.sizes["mode"])
    ours, theirs = (one_side(m, "V", not_null(m), K) for m in (modes, reference))
    return align(ours, theirs)["U"]


def _numbered(word: str, n: int) -> NDArray[np.object_]:
    return np.array([f"{word}{k}" for k in range(1, n + 1)], dtype=object)
