"""What it costs that signatures are their own checks, beside another checkout of the project.

Run ``python benchmarks/checks.py BEFORE``, with BEFORE the ``src`` folder of the other. Both run in
processes of their own, which wait for each other: a turn is one translation and two hundred calls,
a tenth of a second, so that whatever else the machine does meets both. Measured are one call of
`attend.attention` on arrays of 4 by 8, and the NumPy translator's greedy decoding of one sentence
of 12 tokens into 30. Times are of the processor. It writes ``checks.json`` beside itself.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from rounds import machine

HERE = Path(__file__).parent
ROUNDS = 120
MEASURE = """
import json, sys, time
import numpy as np
import attend
from attend.config import TransformerConfig
from attend.decoding.writing import greedy
from attend.models.array_transformer import ArrayTransformer
from attend.models.torch_transformer import Transformer
import torch

def seconds(call, number):
    start = time.process_time()
    for _ in range(number):
        call()
    return (time.process_time() - start) / number

q = np.random.default_rng(0).normal(size=(4, 8))
torch.manual_seed(0)
config = TransformerConfig(4000, N=4, d_model=128, d_ff=256, h=4, P_drop=0.0)
weights = Transformer(config).state_dict()
weights["decoder.3.norm_3.bias"].fill_(1)
weights["embedding"][config.end] = -1
model = ArrayTransformer(config, {name: w.numpy() for name, w in weights.items()})
source = np.random.default_rng(0).integers(3, 3999, (1, 12))
attend.attention(q, q, q)
greedy(model, source, 30)
for turn in sys.stdin:
    print(json.dumps({
        "microseconds of attention on 4 x 8": 1e6 * seconds(lambda: attend.attention(q, q, q), 200),
        "milliseconds of a translation": 1e3 * seconds(lambda: greedy(model, source, 30), 1),
    }), flush=True)
"""


class Package:
    """The package that lies in a folder, measured whenever it is its turn."""

    def __init__(self, source: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", MEASURE],
            env=os.environ
            | {"PYTHONPATH": str(source), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def measure(self) -> dict[str, float]:
        """Return the times of one turn."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("your turn\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def compare(before: Path) -> dict[str, dict[str, float]]:
    """Measure both in turn; return medians, and the median of the ratios within the rounds."""
    packages = Package(before), Package(HERE.parent / "src")
    rounds = []
    for number in range(ROUNDS):
        first = number % 2
        times = {turn: packages[turn].measure() for turn in (first, 1 - first)}
        rounds.append((times[0], times[1]))
    for package in packages:
        package.process.communicate()
    return {
        name: {
            "before": round(median(old[name] for old, _ in rounds), 2),
            "now": round(median(new[name] for _, new in rounds), 2),
            "now / before": round(median(new[name] / old[name] for old, new in rounds), 3),
        }
        for name in rounds[0][0]
    }


def main(before: Path) -> None:
    """Measure, print, and write the result."""
    said = {"command": "python benchmarks/checks.py BEFORE", "machine": machine(), "rounds": ROUNDS}
    text = json.dumps(said | compare(before), indent=1)
    (HERE / "checks.json").write_text(text + "\n", "utf-8")
    print(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
