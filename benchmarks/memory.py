"""How much memory does a training on all of MNIST take that keeps every epoch on disk? Peaks of 20 and 40 epochs.

python benchmarks/memory.py [FOLDER]        (ten minutes; 0.3 GB of it for a moment)

Peak of a process of its own, the images and all imports with it; MNIST as SEMANTIC_SVD_DATA has it, or downloaded.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

EPOCHS = (20, 40)  # both fill the 64 MB that are written at once
MOST = 1.5e9  # bytes
GROWTH = 0.05

TRAIN = """
import resource, sys
from semantic_svd.cli import main

epochs, out = sys.argv[1:]
words = f"train --images mnist --rule backprop --hidden 2000 --epochs {epochs} --batch-size 128 -o".split()
code = main([*words, out])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, file=sys.stderr)
sys.exit(code)
"""


def peak(epochs: int, folder: Path) -> int:
    words = [sys.executable, "-c", TRAIN, str(epochs), str(folder / f"{epochs}.zarr")]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return int(done.stderr.split()[-1])


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if sys.argv[1:] else None) as folder:
        few, many = (peak(epochs, Path(folder)) for epochs in EPOCHS)
    print(f"peak over {EPOCHS[0]} epochs (GB) | {few / 1e9:.3f} | at most {MOST / 1e9:.1f}")
    print(f"peak over {EPOCHS[1]} / over {EPOCHS[0]} epochs | {many / few:.3f} | at most {1 + GROWTH:.2f}")
    sys.exit(int(few > MOST or many > (1 + GROWTH) * few))


if __name__ == "__main__":
    main()
