"""What `train` of the command adds to a lesson: the networks of a run, which go on with it."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semantic_svd.errors import InputError

if TYPE_CHECKING:
    from semantic_svd.lessons import Lesson
    from semantic_svd.runs import Run


def open_start(path: Path, **told: Any) -> "Run":
    """Open a run for others to go on from. It brings its network with it, so nothing else is told of that."""
    from semantic_svd.runs import Run

    for option, value in told.items():
        if value is not None:
            raise InputError(f"--start goes on with the network of {path}; leave out --{option}")
    run = Run.open(path)
    if (run.data["status"] == "training").any():
        raise InputError(f"{path} is not finished; --resume it before others go on from it")
    return run


def going_on(lesson: "Lesson", run: "Run", name: str) -> "Lesson":
    """Give a lesson to the networks of a run, if they know its inputs by the same names."""
    from semantic_svd.tasks import as_table

    known, units = run.data.coords.get("unit_0"), as_table(lesson.x, "x")[2]
    if known is not None and units is not None:
        for column, (one, other) in enumerate(zip(known.values.tolist(), units, strict=False), start=1):
            if one != other:
                raise InputError(
                    f"{lesson.name}: property {column} is {other!r}; {name} has learned {one!r} there"
                )
    return replace(lesson, network=run.network)
