"""The command `semantic-svd`, and what becomes of its errors.

Whatever computes is imported inside the commands, so that help comes at once. An error that a user can mend is one
line on stderr and exit code 2; files appear whole or not at all.
"""

import io
import os
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.main import get_command

from semantic_svd.cli.commands import app
from semantic_svd.cli.reference import guide
from semantic_svd.cli.terminal import NAME, Interrupted, complain
from semantic_svd.errors import InputError

__all__ = ["main"]

# the parser's own errors, whether typer carries click or imports it
UsageError: Any = typer.BadParameter.__base__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, 2 for an error that a user can mend, 130 for Ctrl-C.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after the command's name; those of the process if not given.

    Returns
    -------
    int

    Examples
    --------
    >>> main(["--version"])
    semantic-svd 0.1.0
    0
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if sys.stdout is None:  # closed from the start, as by `>&-`
        sys.stdout = io.TextIOWrapper(io.FileIO(os.devnull, "w"))
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors in ("strict", "surrogateescape"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name that it can't write is no reason to end
    code = 0
    try:
        if words or "_SEMANTIC_SVD_COMPLETE" in os.environ:
            code = get_command(app).main(words, prog_name=NAME, standalone_mode=False)
        else:
            guide()
        sys.stdout.flush()
    except UsageError as error:
        complain(_usage(error))
        return 2
    except InputError as error:
        complain(str(error))
        return 2
    except BrokenPipeError:  # the reader has left, as `head` does
        _let_go_of_stdout()
        return 1
    except MemoryError as error:
        complain(": ".join(part for part in ("this does not fit in memory", str(error)) if part))
        return 2
    except OSError as error:
        complain(": ".join(str(part) for part in (error.filename, error.strerror or error) if part))
        _let_go_of_stdout()
        return 2
    except (KeyboardInterrupt, Interrupted, typer.Abort) as error:
        complain(str(error) or "interrupted")
        return 130
    if code == 130:  # what typer makes of Ctrl-C
        complain("interrupted")
    return code or 0


def _let_go_of_stdout() -> None:
    """Drop what stdout can't take, as it has no reader or its disk is full: Python would try again as it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage(error: Any) -> str:
    """Say in one line what is wrong with the words of a command line, and which there are."""
    text = error.format_message().rstrip(".")
    if error.ctx is None:
        return text
    command, path = error.ctx.command, error.ctx.command_path
    if type(error).__name__ == "NoSuchOption":
        names = [
            name
            for option in command.get_params(error.ctx)
            for name in (*option.opts, *option.secondary_opts)
        ]
        return (
            f"no option {error.option_name}; {path} has {' '.join(name for name in names if name[0] == '-')}"
        )
    if hasattr(command, "commands"):
        return f"{text.split('. ')[0]}; there are {', '.join(command.commands)}"
    return f"{text}; see {path} --help"
