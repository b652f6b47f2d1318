"""How fast is Krotov and Hopfield's rule? An epoch against the published code's dense loop, in one run.

python benchmarks/krotov_hopfield.py [--threads N]

2,000 units, 784 inputs, batches of 100, a tenth of 60,000 images: those of MNIST if SEMANTIC_SVD_DATA names a folder
with mnist/, else numbers that are zero as often as its pixels. Both sides compute in one precision and on one BLAS
thread, unless told otherwise: threads that wait for each other on a busy machine would be what is measured.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
from scipy.linalg import blas
from threadpoolctl import threadpool_limits

from semantic_svd.plasticity import KrotovHopfield, Synapse, apply

UNITS, INPUTS, BATCH, IMAGES, RATE = 2_000, 784, 100, 6_000, 0.02
TARGETS = {"float64": 5.0, "float32": 3.0}
TURNS = 5  # the two take turns, so that a noisy moment meets both


def images() -> tuple[np.ndarray, str]:
    """Return the images, (IMAGES, INPUTS) in [0, 1], and what they are."""
    file = Path(os.environ.get("SEMANTIC_SVD_DATA", "")) / "mnist" / "train-images-idx3-ubyte"
    if file.is_file():
        return np.fromfile(file, np.uint8, offset=16)[: IMAGES * INPUTS].reshape(-1, INPUTS) / 255, "MNIST"
    rng = np.random.default_rng(0)
    return rng.random((IMAGES, INPUTS)) * (rng.random((IMAGES, INPUTS)) < 0.19), "synthetic images"


def published(W: np.ndarray, x: np.ndarray, kh: KrotovHopfield) -> None:
    """Change W as the published code does, with full matrices in each batch."""
    for first in range(0, len(x), BATCH):
        inputs = x[first : first + BATCH].T
        total_input = np.dot(np.sign(W) * np.absolute(W) ** (kh.p - 1), inputs)
        ranked = np.argsort(total_input, axis=0)
        g = np.zeros((len(W), BATCH), W.dtype)
        g[ranked[-1], np.arange(BATCH)] = 1.0
        g[ranked[-kh.k], np.arange(BATCH)] = -kh.delta
        pull = np.sum(np.multiply(g, total_input), axis=1)
        change = np.dot(g, inputs.T) - np.multiply(np.tile(pull[:, None], (1, INPUTS)), W)
        W += RATE * np.true_divide(change, max(np.amax(np.absolute(change)), 1e-30))


def ours(W: np.ndarray, x: np.ndarray, kh: KrotovHopfield, memory: dict[str, np.ndarray]) -> None:
    """Change W by the package's plasticity."""

    def refuse() -> np.ndarray:
        raise AssertionError("Krotov and Hopfield's rule reads its senders only")

    for first in range(0, len(x), BATCH):
        synapse = Synapse(W, lambda first=first: x[first : first + BATCH], refuse, refuse, refuse)
        apply(W, kh(synapse, memory), RATE)


def drive(x: np.ndarray, W: np.ndarray) -> float:
    """Return the seconds of the one product that no exact version can do without, for so many items."""
    gemm = blas.dgemm if x.dtype == np.float64 else blas.sgemm
    begun = time.perf_counter()
    for first in range(0, len(x), BATCH):
        gemm(1.0, W.T, x[first : first + BATCH].T, trans_a=1)
    return time.perf_counter() - begun


def measure(x: np.ndarray) -> tuple[np.ndarray, float]:
    """Return seconds of each turn, (3, TURNS): published, ours, the product alone; and how far the weights differ."""
    kh = KrotovHopfield()
    theirs = np.random.default_rng(1).normal(size=(UNITS, INPUTS)).astype(x.dtype)
    mine = theirs[None].copy()
    memory = kh.memory(mine)
    seconds = np.empty((3, TURNS))
    for turn, part in enumerate(np.split(x, TURNS)):
        begun = time.perf_counter()
        published(theirs, part, kh)
        seconds[0, turn] = time.perf_counter() - begun
        begun = time.perf_counter()
        ours(mine, part, kh, memory)
        seconds[1, turn] = time.perf_counter() - begun
        seconds[2, turn] = drive(part, mine[0])
    return seconds, float(np.abs(theirs - mine[0]).max())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1, help="BLAS threads of both sides")
    threads = parser.parse_args().threads
    x, what = images()
    print(f"{UNITS} units, {INPUTS} inputs, {IMAGES} {what} in batches of {BATCH}, {threads} BLAS thread(s)")
    print(
        "precision | published, ms a batch | ours, ms a batch | the drive's product alone, GFLOP/s | "
        "ratio (range of turns) | target | weights differ by"
    )
    failed = False
    with threadpool_limits(threads):
        for dtype, target in TARGETS.items():
            measure(x[: TURNS * BATCH].astype(dtype))  # warms the memory
            seconds, off = measure(x.astype(dtype))
            batches = IMAGES // BATCH
            published_ms, ours_ms, _ = 1e3 * seconds.sum(axis=1) / batches
            rate = 2e-9 * UNITS * INPUTS * IMAGES / seconds[2].sum()
            turns = seconds[0] / seconds[1]
            ratio = np.median(turns)
            failed |= bool(ratio < target)
            print(
                f"{dtype} | {published_ms:.1f} | {ours_ms:.1f} | {rate:.0f} | {ratio:.1f} "
                f"({turns.min():.1f} to {turns.max():.1f}) | {target:g} | {off:.0e}"
            )
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
