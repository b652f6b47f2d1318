"""Every benchmark in one go, after the machine's own limits.

python benchmarks/all.py [NAME...]

Each compares the package with what a user would take instead, in one run, and prints ratios beside their targets. The
limits say how far there is to go: the rate of BLAS, of a copy in memory, of writing to disk. On a quiet machine.
`growth` has no target and writes pages of the documentation; it runs when it is named.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.linalg import blas

HERE = Path(__file__).parent
LARGE = 2**28  # bytes that are copied and written


def fastest(work, times: int = 5) -> float:
    """Return the seconds of the fastest of several turns."""
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def write(block: bytes) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(block)
        file.flush()
        os.fsync(file.fileno())


def limits() -> None:
    """Print what the machine can do at most."""
    rng = np.random.default_rng(0)
    print("the machine's own | rate")
    for name, (m, k, n) in {"a batch of 784-2000-10": (128, 784, 2_000), "2,000 cubed": (2_000,) * 3}.items():
        a, b = (np.asfortranarray(rng.random(shape, np.float32)) for shape in ((m, k), (k, n)))
        seconds = fastest(lambda a=a, b=b: blas.sgemm(1.0, a, b))
        print(f"sgemm, {name} | {2e-9 * m * k * n / seconds:.0f} GFLOP/s")
    source = np.ones(LARGE, np.uint8)
    target = np.empty_like(source)
    print(
        f"copy in memory | {2e-9 * LARGE / fastest(lambda: np.copyto(target, source)):.1f} GB/s, read and written"
    )
    print(f"writing to disk, synced | {1e-9 * LARGE / fastest(lambda: write(source.data), 3):.2f} GB/s\n")


def main() -> None:
    there = sorted(path.stem for path in HERE.glob("*.py") if path.stem != "all")
    names = sys.argv[1:] or [name for name in there if name != "growth"]
    if not set(names) <= set(there):
        sys.exit(
            f"there are the benchmarks {', '.join(there)}, not {', '.join(sorted(set(names) - set(there)))}"
        )
    limits()
    missed = []
    for name in names:
        print(f"--- {name}", flush=True)
        if subprocess.run([sys.executable, HERE / f"{name}.py"]).returncode:
            missed.append(name)
        print()
    print(f"targets missed by: {', '.join(missed)}" if missed else "every target is held")
    sys.exit(int(bool(missed)))


if __name__ == "__main__":
    main()
