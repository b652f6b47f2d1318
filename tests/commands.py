"""The command as a user runs it: what it says, and in which line it refuses."""

from semantic_svd.cli import main


def said(capsys, *words):
    """Run the command of these words and return its exit code, stdout and stderr."""
    capsys.readouterr()
    code = main(" ".join(map(str, words)).split())
    out, err = capsys.readouterr()
    return code, out, err


def refused(capsys, *words):
    """Run a command that ends with exit code 2 and one line, without having begun; return the line."""
    code, out, err = said(capsys, *words)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1 and err.endswith("\n")
    assert err.startswith("semantic-svd: ")
    return err.removeprefix("semantic-svd: ").rstrip("\n")


def delivered(monkeypatch):
    """Let the command leave its files empty, and return the list to which the tables and figures go that are theirs."""
    made = []
    monkeypatch.setattr(
        "semantic_svd.cli.files._write", lambda content, path: made.append(content) or path.touch()
    )
    return made
