"""What the command foretells: theory over measured strengths where one holds, and one line where none does."""

from pathlib import Path

import numpy as np
import pytest

from semantic_svd import Run
from semantic_svd.cli import main
from semantic_svd.cli.pictures import strengths_over_training
from semantic_svd.cli.subject import open_subject
from semantic_svd.modes import strengths
from semantic_svd.predictions import prediction

PLAIN = "--items mcclelland2020 --hidden 8 --seeds 3 --epochs 60"


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Train in an empty folder by the command."""
    monkeypatch.chdir(tmp_path)

    def train(words):
        assert main(["train", *words.split(), "-o", "run.zarr"]) == 0
        return Run.open("run.zarr")

    return train


def modes(capsys, words):
    """Look at the modes of the run; return exit code and stderr."""
    capsys.readouterr()
    code = main(["modes", "run.zarr", *words.split()])
    return code, capsys.readouterr().err


def dotted():
    lines = [line for line in strengths_over_training(open_subject("run.zarr"), True).axes[0].lines]
    return np.array([line.get_ydata() for line in lines if line.get_linestyle() == ":"])  # (mode, epoch)


def test_theory_is_drawn_over_the_strengths_as_its_mean_over_seeds(trained, capsys):
    run = trained(f"{PLAIN} --rule bpa")
    assert modes(capsys, "--plot-strengths strengths.png --theory") == (0, "")
    assert Path("strengths.png").exists()
    np.testing.assert_allclose(dotted(), prediction(run).mean("seed").transpose("mode", "epoch"))


def test_theory_ends_where_its_seed_ends(trained):
    run = trained(f"{PLAIN} --rule backprop --no-biases --stop-below 1.2")
    assert len(set(run.data.end_epoch.values)) > 1
    foretold, ends = prediction(run), run.data.end_epoch
    ended = foretold.where(foretold.epoch <= ends, foretold.sel(epoch=ends))
    np.testing.assert_allclose(dotted(), ended.mean("seed").transpose("mode", "epoch"))
    measured = strengths(run.response(), open_subject("run.zarr").data)
    assert measured.isnull().any()


@pytest.mark.parametrize(
    ("training", "words", "line"),
    [
        (
            f"{PLAIN} --rule backprop",
            "--plot-strengths s.png --theory",
            "no theory holds for this run (biases): there are those of backprop and bpa, in linear nets without biases "
            "that learn from all items at once",
        ),
        (
            f"{PLAIN} --rule bpa",
            "--theory",
            "--theory is drawn over strengths; name their file with --plot-strengths",
        ),
        (
            "--images digits --hidden 5 --epochs 1",
            "--plot-strengths s.png --theory",
            "--theory is about the modes of items; run.zarr is looked at by class",
        ),
    ],
)
def test_where_theory_cannot_be_drawn_one_line_says_why(trained, capsys, training, words, line):
    trained(training)
    assert modes(capsys, words) == (2, f"semantic-svd: {line}\n")
    assert not Path("s.png").exists()
