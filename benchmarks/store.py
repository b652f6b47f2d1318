"""What does it cost to keep every epoch on disk? Time and bytes against the same training kept nowhere, in one run.

python benchmarks/store.py [FOLDER]        (3 GB of it for a moment)
"""

import mmap
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from semantic_svd import Network, load_items, train

OWNED = 3 * 2**30  # bytes of memory that are touched before each run
ITEMS = {"network": Network((34, 8, 8, 34)), "epochs": 1_000, "seeds": 100}
IMAGES = {
    "network": Network((784, 2_000, 10), hidden="relu", output="softmax"),
    "epochs": 5,
    "batch_size": 128,
}


def item_run(out: Path | None = None, record: tuple[str, ...] = ("weights",)) -> None:
    train("backprop", x=load_items("mcclelland2020"), out=out, record=record, progress=False, **ITEMS)


def image_run(out: Path | None = None, record: tuple[str, ...] = ("weights",)) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((20_000, 784), np.float32), np.eye(10, dtype=np.float32)[rng.integers(0, 10, 20_000)]
    train(
        "backprop", x=x, y=y, out=out, record=record, probe=x[:1], dtype=np.float32, progress=False, **IMAGES
    )


def seconds(run, *args) -> float:
    """Return how long a run takes on a machine that has the memory for it.

    A virtual machine gives memory back to its host where it is not in use, and a write that has to fetch it again takes
    several times as long; which of the runs it meets is chance.
    """
    with mmap.mmap(-1, OWNED) as memory:
        np.frombuffer(memory, np.uint8)[:: mmap.PAGESIZE] = 1
    begun = time.perf_counter()
    run(*args)
    return time.perf_counter() - begun


def plain_write(path: Path, n_bytes: int) -> None:
    """Write so many bytes to one file and nothing else: what the file system takes at the least."""
    block = np.ones(min(n_bytes, 2**26), np.uint8)
    with path.open("wb", buffering=0) as file:
        for first in range(0, n_bytes, len(block)):
            file.write(block[: n_bytes - first].data)


def cost(name: str, run, raw: int, most: float, folder: Path, rounds: int) -> bool:
    """Print what streaming to disk adds to a training whose weights are not kept, and the bytes it takes."""
    added, plain, path = [], [], folder / "run.zarr"
    for k in range(rounds + 1):  # in turns, so that a noisy moment meets all; the first round warms up
        shutil.rmtree(path, ignore_errors=True)
        alone, kept = seconds(run, None, ()), seconds(run, path)
        size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
        shutil.rmtree(path)
        written = seconds(plain_write, folder / "plain", raw)
        (folder / "plain").unlink()
        added += [(kept - alone) / alone] if k else []
        plain += [written / alone] if k else []
    for what, shares in (("writing", added), ("a plain write of as many bytes", plain)):
        spread = f"{min(shares):.3f} to {max(shares):.3f}"
        limit = most if shares is added else "no target"
        print(f"{name} | time of {what} / of training | {np.median(shares):.3f} ({spread}) | {limit}")
    print(f"{name} | bytes on disk / raw | {size / raw:.4f} | 1.05")
    return np.median(added) <= most and size <= 1.05 * raw


READ = """
import pathlib, sys
import dask.array
from semantic_svd import Run
from semantic_svd.modes import strengths
read = lambda: int(pathlib.Path("/proc/self/io").read_text().split()[1])
run = Run.open(sys.argv[1])
target = run.data.target.values
dask.array.ones(3).compute()  # what is imported for this is read too
before = read()
strengths(run.sel(seed=3).response(), target).values
print(read() - before)
"""


def lazy(folder: Path) -> bool:
    """Print how much of a large store is read for the strengths of one seed."""
    path = folder / "large.zarr"
    settings = {"network": Network((34, 8, 8, 34)), "epochs": 6_000, "seeds": 100, "progress": False}
    train("backprop", x=load_items("mcclelland2020"), out=path, **settings)
    size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    begun = time.perf_counter()
    output = subprocess.run(
        [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True
    ).stdout
    took, share = time.perf_counter() - begun, int(output) / size
    what = f"strengths of 1 of 100 seeds, store of {size / 1e9:.1f} GB, {took:.1f} s"
    print(f"{what} | bytes read / all | {share:.4f} | 0.011")
    return share <= 0.011


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = Path(name)
        print("what | ratio | measured | at most")
        weights = 100 * 1_001 * (34 * 8 + 8 + 8 * 8 + 8 + 8 * 34 + 34) * 8
        images = 6 * (784 * 2_000 + 2_000 + 2_000 * 10 + 10) * 4
        held = cost("100 seeds x 1,000 epochs of 34-8-8-34", item_run, weights, 1.0, folder, rounds=5)
        held &= cost("784-2000-10, 20,000 images, 5 epochs", image_run, images, 0.03, folder, rounds=3)
        held &= lazy(folder)
    sys.exit(int(not held))


if __name__ == "__main__":
    main()
