"""How fast is training with every epoch kept? Ratios against a loop over seeds in PyTorch, in one run.

python benchmarks/training.py        (needs torch)
"""

import sys
import time
from itertools import pairwise

import numpy as np

from semantic_svd import Network, load_items, train

SIZES, SEEDS, EPOCHS, RATE = (34, 8, 8, 34), 100, 1_000, 0.1
TARGET = 40


def ours(x: np.ndarray) -> np.ndarray:
    """Train all seeds at once; return the last loss of each."""
    run = train("backprop", Network(SIZES), x, epochs=EPOCHS, seeds=SEEDS, progress=False)
    return run.data.loss[:, -1].values


def torch_loop(x: np.ndarray, seeds: int) -> np.ndarray:
    """Train seed by seed in eager PyTorch, every epoch's weights kept; return the last loss of each."""
    import torch

    inputs, losses = torch.tensor(x), []
    for seed in range(seeds):
        torch.manual_seed(seed)
        layers = [torch.nn.Linear(a, b, dtype=torch.float64) for a, b in pairwise(SIZES)]
        net = torch.nn.Sequential(*layers)
        optimiser = torch.optim.SGD(net.parameters(), lr=RATE)
        kept = [torch.empty((EPOCHS + 1, *p.shape), dtype=torch.float64) for p in net.parameters()]
        for epoch in range(EPOCHS + 1):
            loss = 0.5 * (inputs - net(inputs)).square().sum(dim=1).mean()
            with torch.no_grad():
                for store, p in zip(kept, net.parameters(), strict=True):
                    store[epoch] = p
            if epoch < EPOCHS:
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        losses.append(loss.item())
    return np.array(losses)


def main() -> None:
    x = load_items("mcclelland2020").values
    torch_loop(x, 1)
    mine, theirs = [], []
    for _ in range(5):  # alternate, so that a noisy moment meets both
        ours(x)  # a run of the same size warms the memory
        begun = time.perf_counter()
        ours(x)
        mine.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        torch_loop(x, SEEDS // 20)
        theirs.append(20 * (time.perf_counter() - begun))
    ratios = np.sort(np.array(theirs) / np.array(mine))
    print(f"{SEEDS} seeds x {EPOCHS} epochs of {'-'.join(map(str, SIZES))}, every epoch kept")
    print(
        "what | ours, s | loop over seeds in PyTorch, s (of 5 seeds, times 20) | ratio (range of 5) | target"
    )
    print(
        f"training | {np.median(mine):.2f} | {np.median(theirs):.1f} | {np.median(ratios):.0f} "
        f"({ratios[0]:.0f} to {ratios[-1]:.0f}) | {TARGET}"
    )
    sys.exit(int(np.median(ratios) < TARGET))


if __name__ == "__main__":
    main()
