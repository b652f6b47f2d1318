"""Are two workers of a Dask cluster twice as fast as one? The same sweep on one and on two, in turns, in one run.

python benchmarks/sweeps.py        (needs distributed and two free cores)
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from semantic_svd.sweeps import Grid, sweep

LEAST = 1.7
ROUNDS = 3
GRID = Grid(
    ["bpa", "backprop"],
    ["mcclelland2020"],
    settings={"rate": [0.02, 0.05, 0.08, 0.1], "hidden": [[8], [8, 8]], "activation": ["linear", "tanh"]},
    epochs=2000,
    seeds=20,
    every="log",
)


@contextmanager
def cluster(workers: int) -> Iterator[str]:
    """Start a scheduler and workers of one thread each; yield the address once all are there."""
    from distributed import Client

    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "scheduler.json"
        dask, where = [sys.executable, "-m", "dask"], ["--scheduler-file", str(said), "--no-dashboard"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        words = ["--host", "127.0.0.1", "--port", "0", "--no-show"]
        started = [subprocess.Popen([*dask, "scheduler", *where, *words], **quiet)]
        one = [*dask, "worker", *where, "--nthreads", "1", "--no-nanny"]
        started += [subprocess.Popen(one, **quiet) for _ in range(workers)]
        try:
            while not said.exists():
                time.sleep(0.05)
            address = json.loads(said.read_text())["address"]
            with Client(address, set_as_default=False) as client:
                client.wait_for_workers(workers)
            yield address
        finally:
            for process in started:
                process.kill()
                process.wait()


def seconds(address: str) -> float:
    """Return how long the sweep takes."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        sweep(GRID, folder, scheduler=address, progress=False)
        return time.perf_counter() - begun


def main() -> None:
    if (os.cpu_count() or 1) < 2:
        sys.exit("two workers need two cores")
    with cluster(1) as one, cluster(2) as two:
        seconds(one), seconds(two)  # the first sweep of a worker imports the package
        times = np.array([(seconds(one), seconds(two)) for _ in range(ROUNDS)])
    ratios = times[:, 0] / times[:, 1]
    low, middle, high = np.sort(ratios)[[0, ROUNDS // 2, -1]]
    print(f"{len(GRID.cells)} runs of {GRID.seeds} seeds, {GRID.epochs} epochs")
    print("what | one worker, s | two, s | ratio (range) | target")
    one_s, two_s = np.median(times, axis=0)
    print(f"sweep | {one_s:.1f} | {two_s:.1f} | {middle:.2f} ({low:.2f} to {high:.2f}) | {LEAST}")
    sys.exit(int(middle < LEAST))


if __name__ == "__main__":
    main()
