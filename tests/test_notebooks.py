"""The notebooks of the course: they open as notebooks, and run from top to bottom as a reader would run them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "docs" / "notebooks").glob("*.py"))
AS_A_READER = """
import ast
import io
import sys

import jupytext
from matplotlib.figure import Figure

figures, names = 0, {}
for cell in jupytext.read(sys.argv[1]).cells:
    if cell.cell_type != "code":
        continue
    lines = [line for line in cell.source.splitlines() if not line.startswith("%")]
    body = ast.parse("\\n".join(lines)).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), cell.source, "exec"), names)
    shown = last and eval(compile(ast.Expression(last.value), cell.source, "eval"), names)
    if isinstance(shown, Figure):
        shown.savefig(io.BytesIO())
        figures += 1
print(figures)
"""


def test_there_are_three():
    assert not NOTEBOOKS or [path.name[:2] for path in NOTEBOOKS] == ["1_", "2_", "3_"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_opens_as_a_notebook(path):
    jupytext = pytest.importorskip("jupytext", reason="comes with pip install 'semantic-svd[test]'")
    notebook = jupytext.read(path)
    kinds = [cell.cell_type for cell in notebook.cells]
    assert kinds[:2] == ["markdown", "code"] and kinds.count("code") >= 10 and kinds.count("markdown") >= 10
    assert notebook.cells[0].source.startswith("# ") and notebook.cells[1].source.startswith(
        "%matplotlib inline"
    )
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert "## Exercises" in text and text.count("<details>") == text.count("</details>") >= 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_from_top_to_bottom(path):
    """In a process of its own, without a warning, the figure of each cell drawn."""
    pytest.importorskip("jupytext", reason="comes with pip install 'semantic-svd[test]'")
    words = [
        sys.executable,
        "-W",
        "error::UserWarning",
        "-W",
        "error::RuntimeWarning",
        "-c",
        AS_A_READER,
        str(path),
    ]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ | {"MPLBACKEND": "agg"})
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) >= 5
