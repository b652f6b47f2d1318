"""How fast is a step of backpropagation on images? Against PyTorch's eager step and BLAS's own rate, in one run.

python benchmarks/step.py        (needs torch)

784-2000-10, ReLU and softmax, batches of 128, float32. The rate of a step is that of its products' operations; BLAS's
own is measured on the largest of them.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
from scipy.linalg import blas

from semantic_svd import RULES, Network
from semantic_svd.team import Team
from semantic_svd.training import step

SIZES, BATCH, TURNS, STEPS = (784, 2_000, 10), 128, 9, 20
OPERATIONS = 2 * BATCH * (2 * 784 * 2_000 + 3 * 2_000 * 10)  # the input has no error to be carried back to
AGAINST_TORCH, AGAINST_BLAS = 1.0, 0.85


def ours(x: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    rule, network = RULES["backprop"], Network(SIZES, hidden="relu", output="softmax")
    team = Team(rule, network, [0], x.dtype)
    return lambda: step(rule, rule.signals(network, team.state, x, y), team.memories, 1e-6)


def torchs(x: np.ndarray, y: np.ndarray) -> Callable[[], object]:
    import torch

    layers = torch.nn.Linear(784, 2_000), torch.nn.ReLU(), torch.nn.Linear(2_000, 10)
    network, loss = torch.nn.Sequential(*layers), torch.nn.CrossEntropyLoss()
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-7)
    inputs, labels = torch.tensor(x), torch.tensor(y.argmax(axis=1))

    def work() -> None:
        optimiser.zero_grad()
        loss(network(inputs), labels).backward()
        optimiser.step()

    return work


def product(x: np.ndarray) -> Callable[[], object]:
    W = np.asfortranarray(np.random.default_rng(1).random((784, 2_000), np.float32))
    a = np.asfortranarray(x)
    return lambda: blas.sgemm(1.0, a, W)


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    for _ in range(STEPS):
        work()
    return (time.perf_counter() - begun) / STEPS


def main() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((BATCH, 784), np.float32)
    y = np.eye(10, dtype=np.float32)[rng.integers(0, 10, BATCH)]
    works = ours(x, y), torchs(x, y), product(x)
    for work in works:
        seconds(work)
    turns = np.array([[seconds(work) for work in works] for _ in range(TURNS)])  # in turns, against noise
    mine, theirs, gemm = turns.min(axis=0)
    ratios = np.sort(turns[:, 1] / turns[:, 0])
    rate, limit = 1e-9 * OPERATIONS / mine, 2e-9 * BATCH * 784 * 2_000 / gemm
    print("what | ours | the other | ratio | target")
    print(
        f"step, ms, against PyTorch eager | {1e3 * mine:.2f} | {1e3 * theirs:.2f} | {np.median(ratios):.2f} "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f}) | {AGAINST_TORCH}"
    )
    print(
        f"GFLOP/s, against sgemm {BATCH} x 784 x 2,000 | {rate:.0f} | {limit:.0f} | {rate / limit:.2f} | {AGAINST_BLAS}"
    )
    sys.exit(int(np.median(ratios) < AGAINST_TORCH or rate / limit < AGAINST_BLAS))


if __name__ == "__main__":
    main()
