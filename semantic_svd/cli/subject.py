"""Subject: what an analysis of the command looks at, a layer of a run or one matrix of items."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from semantic_svd.cli.options import whole_number
from semantic_svd.cli.terminal import complain
from semantic_svd.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from semantic_svd.runs import Run


@dataclass(frozen=True)
class Subject:
    """What an analysis looks at: a layer of a run at some seeds, or one matrix of items.

    `data` is what the output was to learn, (item, property), if the run keeps it; `layer` is None for the output. A
    run that recorded class means is looked at by class: its items are the classes, its layers hidden ones, and `data`
    are the mean images; of its output, how it goes with the input is looked at (`input_output`), and `data` is how the
    targets do.
    """

    name: str
    run: "Run | None"
    data: "xr.DataArray | None"
    layer: int | None = None
    by_class: bool = False
    input_output: bool = False

    @property
    def layer_said(self) -> str:
        """What is looked at: the response, or a layer by its number, and by its name where it has one."""
        if self.run is None or self.layer is None:
            return "response"
        names = self.run.layer_names
        return f"layer {self.layer}" + (f" ({names[self.layer - 1]})" if names else "")

    @property
    def default_reference(self) -> str:
        """What modes are compared with unless a run is named."""
        return "the mean images" if self.by_class else "the data"

    @property
    def reference(self) -> "xr.DataArray | None":
        """The matrix whose modes this layer's are measured against; a hidden layer has none."""
        return self.data if self.run and self.layer is None else None

    @property
    def side(self) -> str:
        """The side on which modes are compared where the units are a layer's own; nothing where both sides are."""
        if self.run is None or self.reference is not None:
            return ""
        return "classes' side" if self.by_class else "items' side"

    @property
    def by_epoch(self) -> bool:
        """Whether the run keeps what this layer says at its snapshots, and not at its end alone."""
        kept = {"W1", "response" if self.layer is None else f"h{self.layer}"}
        return bool(self.run and (self.by_class or self.input_output or kept & set(self.run.data)))

    @property
    def has_training(self) -> bool:
        """Whether there are epochs to follow, and data to compare them with."""
        return self.by_epoch and self.data is not None

    @property
    def recorded_strengths(self) -> "xr.DataArray | None":
        """The strengths on the targets' modes, of the output, if the run recorded them."""
        if self.run is None or self.layer is not None or self.input_output:
            return None
        return self.run.data.get("strength")

    @property
    def has_strengths(self) -> bool:
        """Whether there are strengths to follow over the training."""
        on_modes = self.by_class or self.reference is not None
        return self.recorded_strengths is not None or (on_modes and self.by_epoch)

    def refuse_without_targets(self) -> None:
        """Refuse the output of a run that does not say what it was to learn."""
        from semantic_svd.runs import Recorded

        if self.run and not self.input_output:
            self._refuse_without_response()
        if self.run and self.layer is None and self.data is None:
            advice = "of images, --record class_means input_output keeps how both go with the input"
            if isinstance(self.run.network, Recorded):
                advice = "a run that is recorded has those of targets="
            raise InputError(f"{self.name} keeps no targets to compare its output with; {advice}")

    def _refuse_without_response(self) -> None:
        """Refuse the output of a run that recorded hidden layers alone: no weights tell what it would say."""
        from semantic_svd.runs import Recorded

        assert self.run is not None
        network = self.run.network
        if isinstance(network, Recorded) and self.layer is None and "response" not in self.run.data:
            layers = ", ".join(f"--layer {k} ({name})" for k, name in enumerate(network.layer_names[:-1], 1))
            raise InputError(f"{self.name} keeps no response, but hidden layers; look at {layers}")

    def at(self, epoch: str) -> "xr.DataArray":
        """Return the response (seed, item, property or unit) at an epoch, or the matrix of the items."""
        if self.run is None:
            if epoch != "last" or self.data is None:
                raise InputError(f"{self.name} is a matrix and has no epoch {epoch}; only a run has epochs")
            return self.data
        matrix = (
            self._as_it_ended if epoch == "last" else self._response(self.run.sel(epoch=self._kept(epoch)))
        )
        there = matrix.notnull().all(matrix.dims[1:]).values
        gone = ", ".join(map(str, matrix["seed"].values[~there]))
        if not there.any():
            raise InputError(f"{self.name}: seed {gone} had ended before epoch {epoch}")
        if gone:
            complain(f"left out: seed {gone}, ended before epoch {epoch}")
        matrix = matrix[there]
        return (
            matrix if "unit" not in matrix.dims else matrix.assign_coords(unit=range(1, matrix.shape[-1] + 1))
        )

    def responses(self, run: "Run") -> "xr.DataArray":
        """Return what the layer says to each item, or the class means less their mean, at the snapshots of a run."""
        from semantic_svd.classes import centred_means

        if self.input_output:
            return run.input_output().rename({"class": "item", "input": "property"})
        if not self.by_class:
            self._refuse_without_response()
            try:
                return run.response(layer=self.layer)
            except InputError as error:
                raise InputError(f"{self.name}: {error}") from None
        assert self.layer is not None
        return centred_means(run, self.layer).rename({"class": "item"})

    def _response(self, run: "Run") -> "xr.DataArray":
        return self.responses(run).drop_vars("epoch", errors="ignore").compute()

    @cached_property
    def _as_it_ended(self) -> "xr.DataArray":
        """The response of each seed at its end; in a run that was interrupted, at the last epoch it has."""
        assert self.run is not None
        if (self.run.data["status"] == "training").any():
            complain(f"{self.name} is not finished; this is epoch {self.run.data['epoch'].values[-1]}")
        return self._response(self.run.final())

    def _kept(self, epoch: str) -> int:
        """Read an epoch that the run keeps."""
        assert self.run is not None
        kept = self.run.data["epoch"].values.tolist()
        number = whole_number("--epoch", epoch, "a kept epoch or last")
        if number not in kept:
            near = sorted(sorted(kept, key=lambda e: abs(e - number))[:2])
            raise InputError(
                f"{self.name} keeps no epoch {number}; it has {kept[0]} to {kept[-1]}, "
                f"the nearest are {' and '.join(map(str, near))}"
            )
        return number

    def strengths(self) -> "xr.DataArray":
        """Return the strengths (seed, epoch, mode) over the training: on the data's modes, or the seed's last ones."""
        import xarray as xr

        from semantic_svd.modes import strengths

        assert self.run is not None
        if self.by_class:
            course = self.responses(self.run).compute()
            own = self.own_modes.items()
            return xr.concat([strengths(course.sel(seed=seed), modes) for seed, modes in own], "seed")
        if self.recorded_strengths is not None:
            return self.recorded_strengths.compute()
        assert self.reference is not None
        return strengths(self.responses(self.run), self.reference).compute()

    @cached_property
    def own_modes(self) -> "dict[int, xr.Dataset]":
        """The modes with which each seed ends: the units of a hidden layer are its own, and so are these.

        Their singular values are of the type in which the class means are kept, by which they are rounded.
        """
        from semantic_svd.modes import svd

        assert self.run is not None
        kept = self.run.data[f"m{self.layer}"].dtype
        each = {int(last["seed"]): svd(last.drop_vars("seed")) for last in self.at("last")}
        return {seed: modes.assign(s=modes["s"].astype(kept)) for seed, modes in each.items()}

    def four_epochs(self) -> list[str]:
        """Choose the epochs whose trees show how the items part: the first, the last, a quarter, a sixteenth."""
        from semantic_svd.tables import nearest

        if not self.run or not self.by_epoch:
            return ["last"]
        kept = self.run.data["epoch"].values
        kept = kept[kept <= int(self.run.data["end_epoch"][0])]
        last = int(kept[-1])
        return [str(epoch) for epoch in nearest(kept, (0, last // 16, last // 4, last))]

    def first_seed(self) -> "tuple[Subject, str]":
        """Return the same of the first seed alone, and say which that is where there are others."""
        if self.run is None or self.run.data.sizes["seed"] == 1:
            return self, ""
        seed = int(self.run.data["seed"][0])
        return replace(self, run=self.run.sel(seed=[seed])), f"; trees of seed {seed}"

    def about(self, matrix: "xr.DataArray | None" = None, epoch: str | None = None) -> str:
        """Say in a line what is looked at: a matrix of some seeds at an epoch, or all there is."""
        if self.run is None:
            assert self.data is not None
            return f"{self.name}: {self.data.shape[0]} items x {self.data.shape[1]} properties"
        where = "" if epoch is None else ", as each seed ended" if epoch == "last" else f", epoch {epoch}"
        layer = self.layer_said
        layer += ", with the input" if self.input_output else ""
        layer += ", class means" if self.by_class else ""
        seeds = (self.run.data if matrix is None else matrix)["seed"].values
        which = f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds"
        return f"{self.name}: {self.run.network.about}, {layer}, {which}{where}"


def open_subject(source: str, seed: int | None = None, called: str | None = None) -> Subject:
    """Open a run, a CSV or a shipped data set; of an output say where nothing taught it."""
    from semantic_svd.items import DATASETS, load_items

    path = Path(source)
    if not path.is_dir():
        if source not in DATASETS and not path.exists():
            raise InputError(f"{source}: no such run or CSV file, and no data set ({', '.join(DATASETS)})")
        if seed is not None or called is not None:
            raise InputError(f"{source} is a matrix of items: --seed and --layer are for runs")
        items = load_items(source)
        return Subject(items.name, None, items.array)
    from semantic_svd.classes import mean_inputs
    from semantic_svd.runs import Recorded, Run

    run = Run.open(path)
    network, layer = run.network, None if called is None else layer_number(run, source, called)
    if "m1" in run.data and layer != network.layers:
        data = mean_inputs(run)
        return Subject(source, _seeds_of(run, source, seed), data, layer or network.layers - 1, by_class=True)
    if not run.taught and layer in (None, network.layers):
        complain(f"not taught: the output of {source}, which is looked at; --layer looks at a hidden layer")
    if "m1" in run.data and "input_output" in run.data:
        names = {f"unit_{layer}": "item", "unit_0": "property"}
        targets = run.data["target_input_output"].rename(names).compute()
        return Subject(source, _seeds_of(run, source, seed), targets, input_output=True)
    if "m1" in run.data and not {"strength", "response"} & set(run.data):
        advice = "" if isinstance(network, Recorded) else " (record input_output)"
        raise InputError(
            f"{source} keeps class means of hidden layers, 1 to {network.layers - 1}, and of the output nothing"
            f"{advice}"
        )
    data = run.targets().compute() if "target" in run.data else None
    return Subject(source, _seeds_of(run, source, seed), data, None if layer == network.layers else layer)


def layer_number(run: "Run", source: str, called: str) -> int:
    """Read a layer of a run: its number, from 1, or else its name."""
    last, names = run.network.layers, run.layer_names
    if called.isdecimal() and 1 <= int(called) <= last:
        return int(called)
    if called in names:
        return 1 + names.index(called)
    there = ", ".join(f"{k} ({name})" for k, name in enumerate(names, 1)) if names else f"1 to {last}"
    raise InputError(f"{source} has no layer {called}; its layers are {there}")


def _seeds_of(run: "Run", source: str, seed: int | None) -> "Run":
    """Return the run at one seed, or at all that did not diverge."""
    seeds = run.data["seed"].values
    if seed is not None:
        if seed not in seeds:
            raise InputError(f"{source} has no seed {seed}; it has {', '.join(map(str, seeds))}")
        one = run.sel(seed=[seed])
        kept = one.data["epoch"].values
        return one.sel(epoch=kept[kept <= int(one.data["end_epoch"][0])]) if kept.ndim else one
    if run.diverged.all():
        raise InputError(f"every seed of {source} diverged; modes --seed looks at one, as it was before")
    if run.diverged.any():
        lost = ", ".join(map(str, seeds[run.diverged]))
        complain(f"left out: seed {lost}, diverged (modes --seed looks at it)")
    return run.sel(seed=~run.diverged)
