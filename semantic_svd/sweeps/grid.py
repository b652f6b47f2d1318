"""Grid: the runs that a sweep is made of, rules by data by settings, and the file that says so."""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np

from semantic_svd.errors import InputError, whole
from semantic_svd.images import IMAGE_SETS, Images, named_images
from semantic_svd.items import DATASETS, Items, load_items
from semantic_svd.lessons import Lesson, image_lesson, item_lesson
from semantic_svd.rules import Rule, as_rule
from semantic_svd.runs import Run
from semantic_svd.training import expected_bytes, seeds_of, snapshot_epochs, train

SETTINGS = {  # what may differ from run to run, as `train` calls it -> what a value is
    "localist": "true or false",
    "hidden": "the units of each hidden layer, as [8, 8]",
    "activation": "a name",
    "output_activation": "a name",
    "biases": "true or false",
    "rate": "a number of 0 or more, or three as [0.1, 0.05, 0.1]",
    "batch_size": "a whole number from 1",
    "stop_below": "a number of 0 or more",
}


@dataclass(frozen=True, eq=False)
class Grid:
    """The runs of a sweep: every rule on every data set in every setting.

    Parameters
    ----------
    rules : names of RULES, or a mapping from names to rules
    items : names of shipped sets, paths of CSV files, or Items
    images : names of image sets, paths of folders as `read_images` takes them, or Images
    settings : mapping from words of `SETTINGS` to the values that each takes; what belongs together is a list in the
        list: ``{"rate": [0.05, 0.1], "hidden": [[8], [8, 8]]}``. What is not there is as `train` has it
    epochs : of every run; None for 2000 on items, 10 on images
    seeds, every, record : as for `train`
    data : the folder that holds the folders of images; None as for `load_images`

    Raises
    ------
    InputError
        If there is no rule or no data, or a name or value is none that there is.

    Examples
    --------
    >>> grid = Grid(["bpa", "backprop"], ["mcclelland2020"], settings={"rate": [0.05, 0.1]}, seeds=5)
    >>> [cell.name for cell in grid.cells][-1]
    'backprop-mcclelland2020-rate_0.1-...'
    """

    rules: Sequence[str] | Mapping[str, Rule]
    items: Sequence[str | Path | Items] = ()
    images: Sequence[str | Path | Images] = ()
    settings: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    epochs: int | None = None
    seeds: int | Sequence[int] = 1
    every: int | Literal["log"] = 1
    record: Sequence[str] | None = None
    data: str | Path | None = None

    def __post_init__(self) -> None:
        for name in ("rules", "items", "images"):
            given = getattr(self, name)
            if not isinstance(given, Mapping):
                object.__setattr__(self, name, [] if given is None else _list(given))
        if not self.rules:
            raise InputError("a grid needs rules, as rules = ['bpa', 'backprop']")
        if not self.items and not self.images:
            raise InputError("a grid needs items or images, as items = ['mcclelland2020']")
        snapshot_epochs(whole("epochs", 0 if self.epochs is None else self.epochs, 0), self.every)
        object.__setattr__(self, "seeds", seeds_of(self.seeds))
        for name in ("epochs", "every", "record"):
            object.__setattr__(self, name, _plain(getattr(self, name)))
        if not isinstance(self.settings, Mapping):
            raise InputError(
                f"settings are words with their values, as {{'rate': [0.1]}}, not {self.settings!r}"
            )
        object.__setattr__(self, "settings", {word: _values(word, v) for word, v in self.settings.items()})
        _images.cache_clear()  # files may have changed since they were read for another grid
        _ = self.cells

    @cached_property
    def cells(self) -> list["Cell"]:
        """The runs, in order: by data, rule and setting."""
        sets = [part if isinstance(part, Items) else load_items(part) for part in self.items]
        data: list[Items | Images | str] = [*sets, *map(_given, self.images)]
        names = [_name_of(of) for of in data]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"two data sets are called {name!r}, as files of one name are; rename one")
        if not isinstance(self.rules, Mapping):
            _refuse_twice("rules", self.rules)
        for name in self.rules:
            if not isinstance(name, str):
                raise InputError(f"rules are names, or a mapping from names to rules, not {name!r}")
        of_name = self.rules if isinstance(self.rules, Mapping) else {name: name for name in self.rules}
        named = {name: as_rule(rule) for name, rule in of_name.items()}
        keep = {"epochs": self.epochs, "seeds": self.seeds, "every": self.every, "record": self.record}
        folder = None if self.data is None else str(self.data)
        return [
            Cell(of, rule_name, rule, dict(zip(self.settings, values, strict=True)), keep, folder)
            for of in data
            for rule_name, rule in named.items()
            for values in product(*self.settings.values())
        ]

    def bytes(self) -> int:
        """Return the bytes that the runs will take on disk; every run is checked on the way, as far as it can be.

        Raises
        ------
        InputError
            If a run can't be: sizes, names, numbers, files.
        """
        needed = 0
        for cell in self.cells:
            try:
                needed += cell.bytes()
            except InputError as error:
                raise InputError(f"{cell.rule_name} on {cell.data_name}: {error}") from None
        return needed


@dataclass(frozen=True, eq=False)
class Cell:
    """One run of a grid: a rule on items, or on images (of that name or folder), in one setting, with all seeds."""

    data: Items | Images | str
    rule_name: str
    rule: Rule
    setting: Mapping[str, Any]
    keep: Mapping[str, Any]
    folder: str | None

    @property
    def data_name(self) -> str:
        """What the data are called."""
        return _name_of(self.data)

    @cached_property
    def name(self) -> str:
        """The run's name: what it is in words, and a hash of all that it follows from.

        It is the same in every grid that has this run and names its settings in the same order.
        """
        identity = {
            "data": self.data if self._official else self._loaded.hash,
            "rule": repr(self.rule),
            "setting": self.setting,
            "keep": self.keep,
        }
        called = f"{self.rule_name}-{self.data_name}"
        words = (f"{word}_{as_text(value)}" for word, value in self.setting.items())
        text = re.sub(r"[^\w.+-]+", "_", "-".join([called, *words]))[:150]
        if not text.startswith(called):  # names that are not told apart by what of them a file can be called
            identity["called"] = called
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:8]
        return f"{text}-{digest}"

    def lesson(self) -> Lesson:
        """Return what is learned, with the network that fits."""
        says = self.setting.get
        activations = {"hidden": says("activation"), "output": says("output_activation")}
        if isinstance(self._loaded, Items):
            localist = says("localist", False)
            return item_lesson(
                self._loaded, self._rule, says("hidden"), localist, says("biases"), **activations
            )
        if says("localist"):
            raise InputError("localist is for items; images are learned from their pixels")
        if not says("hidden"):
            raise InputError("images need hidden, the units of each hidden layer, as hidden = [[800, 800]]")
        return image_lesson(self._loaded, self._rule, says("hidden"), says("biases"), **activations)

    def bytes(self) -> int:
        """Return the bytes that the run will take, once it is seen that it can be."""
        lesson = self.lesson()
        return expected_bytes(self._rule, lesson.network, lesson.x, lesson.y, **self._told(lesson))

    def train(self, path: Path) -> Run:
        """Train the run, or go on with it; one that is finished is opened."""
        lesson = self.lesson()
        told = self._told(lesson)
        return train(
            self._rule, lesson.network, lesson.x, lesson.y, out=path, resume=True, progress=False, **told
        )

    @property
    def _official(self) -> bool:
        return isinstance(self.data, str) and self.data in IMAGE_SETS

    @property
    def _loaded(self) -> Items | Images:
        return _images(self.data, self.folder) if isinstance(self.data, str) else self.data

    @property
    def _rule(self) -> Rule:
        return replace(self.rule, rate=self.setting["rate"]) if "rate" in self.setting else self.rule

    def _told(self, lesson: Lesson) -> dict[str, Any]:
        given = {**self.keep, **{k: self.setting.get(k) for k in ("batch_size", "stop_below")}}
        return lesson.settings | {name: value for name, value in given.items() if value is not None}


def read_grid(path: str | Path) -> Grid:
    """Read a grid from a TOML file: `[sweep]` with what all runs share, `[settings]` with what differs.

    Parameters
    ----------
    path : str or Path
        The paths of CSV files, of folders of images, and of `data`, are seen from its folder.

    Raises
    ------
    InputError
        If the file can't be read, or does not say a grid.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> text = '''
    ... [sweep]
    ... items = ["mcclelland2020"]
    ... rules = ["bpa", "backprop"]
    ... epochs = 1000
    ... seeds = 5
    ... [settings]
    ... rate = [0.05, 0.1]
    ... hidden = [[8], [8, 8]]
    ... '''
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "grid.toml").write_text(text)
    ...     len(read_grid(f"{folder}/grid.toml").cells)
    8
    """
    path = Path(path)
    try:
        said = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from None
    except ValueError as error:  # of TOML, or of UTF-8
        raise InputError(f"{path} is no TOML: {error}") from None
    try:
        _refuse_others("section", said, ("sweep", "settings"))
        for section, words in said.items():
            if not isinstance(words, dict):
                raise InputError(f"{section} is a section, one line [{section}] with its words below")
        shared = said.get("sweep", {})
        if "settings" in shared:
            raise InputError("settings are a section of their own, [settings], not a part of [sweep]")
        _refuse_others("word", shared, [f.name for f in fields(Grid) if f.name != "settings"])
        for word, kind in (("rules", "names"), ("items", "names or paths"), ("images", "names or paths")):
            shared[word] = _list(shared.get(word, ()))
            for name in shared[word]:
                if not isinstance(name, str):
                    raise InputError(f"{word} are {kind}, not {name!r}")
        shared["items"] = [name if name in DATASETS else path.parent / name for name in shared["items"]]
        shared["images"] = [
            folder if name not in IMAGE_SETS and (folder := path.parent / name).is_dir() else name
            for name in shared["images"]
        ]
        if "data" in shared:
            if not isinstance(shared["data"], str):
                raise InputError(f"data is a folder, not {shared['data']!r}")
            shared["data"] = path.parent / shared["data"]
        return Grid(**shared, settings=said.get("settings", {}))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def as_text(value: Any) -> Any:
    """Write a value of a setting as the command takes it: "8 8", "true"; numbers and names stay.

    Examples
    --------
    >>> as_text((8, 8)), as_text(True), as_text(0.1)
    ('8 8', 'true', 0.1)
    """
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(map(str, value)) if isinstance(value, tuple) else value


_images = lru_cache(1)(named_images)  # once for all runs that a worker does in a row


def _given(images: str | Path | Images) -> Images | str:
    if not isinstance(images, str | Path | Images):
        raise InputError(f"images are a name or a path, not {type(images).__name__}")
    return str(images) if isinstance(images, Path) else images


def _name_of(data: Items | Images | str) -> str:
    return Path(data).name if isinstance(data, str) else data.name


def _values(word: str, values: Any) -> list[Any]:
    """Return the values that a setting takes, checked, with lists as tuples."""
    if word not in SETTINGS:
        raise InputError(f"no setting {word!r}; there are {', '.join(SETTINGS)}")
    found = _list(values)
    if word == "hidden":
        found = [value if isinstance(value, tuple) else (value,) for value in found]
    for value in found:
        if not _is_a(word, value):
            said = list(value) if isinstance(value, tuple) else value
            raise InputError(f"{word} is {SETTINGS[word]}, not {said!r}")
    if not found:
        raise InputError(f"{word} has no value")
    _refuse_twice(word, [as_text(value) for value in found])
    return found


def _is_a(word: str, value: Any) -> bool:
    """Tell whether a value is of the kind that a setting takes; whether it makes sense, the training says."""
    if SETTINGS[word] == "true or false":
        return isinstance(value, bool)
    if SETTINGS[word] == "a name":
        return isinstance(value, str)
    numbers = value if isinstance(value, tuple) and word in ("hidden", "rate") else (value,)
    whole = word in ("hidden", "batch_size")
    return bool(numbers) and all(
        isinstance(n, int if whole else int | float) and not isinstance(n, bool) and whole <= n < np.inf
        for n in numbers
    )


def _list(value: Any) -> list[Any]:
    plain = _plain(value)
    return list(plain) if isinstance(plain, tuple) else [plain]


def _plain(value: Any) -> Any:
    """Return a value without NumPy's types, which are in no name of a run, and with lists as tuples."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    return tuple(map(_plain, value)) if isinstance(value, list | tuple | range) else value


def _refuse_others(what: str, there: Mapping[str, Any], allowed: Sequence[str]) -> None:
    for name in there:
        if name not in allowed:
            raise InputError(f"no {what} {name!r}; there are {', '.join(allowed)}")


def _refuse_twice(what: str, names: Sequence[Any]) -> None:
    for at, name in enumerate(names):
        if name in names[:at]:
            listed = "; what belongs together is a list in the list, as [[8, 8]]" if what in SETTINGS else ""
            raise InputError(f"{what}: {name!r} is there twice{listed}")
