"""Modes of a matrix of 2 GB on disk: memory, exactness, and time against scikit-learn's IncrementalPCA, in one run.

python benchmarks/streaming.py [FOLDER]        (2 GB of it for some minutes)
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROWS, COLUMNS, MODES = 1_000_000, 512, 64
AT_ONCE = 5_000
BATCH = 5 * COLUMNS
SPECTRUM = 1000 / np.sqrt(np.arange(1, COLUMNS + 1))  # of the centred matrix, exactly
MEASURE = """
import json, resource, sys, time
import numpy as np
{setup}
begun = time.perf_counter()
{work}
seconds = time.perf_counter() - begun
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps([seconds, peak, np.asarray(s).tolist()]))
"""
OURS = {
    "setup": "import dask.array\nfrom semantic_svd.streaming import svd",
    "work": f"s = svd(sys.argv[1], {MODES}, centre=True).s",
}
THEIRS = {  # in batches of its own default size; its fit() would take the whole file into memory first
    "setup": "from sklearn.decomposition import IncrementalPCA",
    "work": f"""
rows, pca = np.load(sys.argv[1], mmap_mode="r"), IncrementalPCA({MODES})
for first in range(0, len(rows), {BATCH}):
    pca.partial_fit(rows[first : first + {BATCH}])
s = pca.singular_values_
""",
}


def make(path: Path) -> None:
    """Write a matrix whose centred singular values are known: cosines are orthonormal, and to the constant too.

    Rows come stirred, so that each block is a fair sample of them. Nothing is mapped into memory: a process begins with
    the peak of the one that starts it.
    """
    rng = np.random.default_rng(0)
    right = np.linalg.qr(rng.standard_normal((COLUMNS, COLUMNS))).Q * (SPECTRUM * np.sqrt(2 / ROWS))
    mean = rng.standard_normal(COLUMNS)
    header = {"descr": "<f4", "fortran_order": False, "shape": (ROWS, COLUMNS)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for first in range(0, ROWS, AT_ONCE):
            row = np.arange(first, first + AT_ONCE) * 387_420_489 % ROWS  # 3^18 shares no factor with ROWS
            angles = np.pi / ROWS * (row + 0.5)
            part = np.cos(angles[:, None] * np.arange(1, COLUMNS + 1)) @ right.T + mean
            part.astype(np.float32).tofile(file)


def measure(path: Path, setup: str, work: str) -> tuple[float, float, float]:
    """Return seconds, peak bytes of resident memory and the largest relative error, in a process of its own."""
    code = MEASURE.format(setup=setup, work=work)
    words = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    seconds, peak, s = json.loads(done.stdout)
    return seconds, peak, np.abs(np.array(s) / SPECTRUM[:MODES] - 1).max()


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        path = Path(folder) / "activity.npy"
        make(path)
        ours, theirs = measure(path, **OURS), measure(path, **THEIRS)
        again = measure(path, **OURS)  # before and after, so that a noisy moment is seen
    ratios = [theirs[0] / mine[0] for mine in (ours, again)]
    print(f"{ROWS:,} x {COLUMNS} float32, centred, {MODES} modes")
    print("what | ours | IncrementalPCA | target")
    print(f"seconds | {ours[0]:.1f}, {again[0]:.1f} | {theirs[0]:.1f} | ")
    print(f"times as fast | {min(ratios):.1f}, {max(ratios):.1f} | 1 | 10")
    print(f"peak resident memory, MB | {ours[1] / 1e6:.0f} | {theirs[1] / 1e6:.0f} | 1000")
    print(f"largest relative error of a singular value | {ours[2]:.1e} | {theirs[2]:.1e} | 1e-4")
    sys.exit(int(min(ratios) < 10 or ours[1] > 1e9 or ours[2] > 1e-4))


if __name__ == "__main__":
    main()
