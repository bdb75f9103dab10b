"""What it costs that signatures are their own checks, beside another checkout of the project.

Run ``python benchmarks/checks.py BEFORE``, with BEFORE the ``src`` folder of the other. Each
round runs both in processes of their own, one after the other, so that whatever else the machine
does meets both. Measured are one call of `attend.attention` on arrays of 4 by 8, and the NumPy
translator's greedy decoding of one sentence of 12 tokens into 30. Times are of
the processor. It writes ``checks.json`` beside itself.
"""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
ROUNDS = 9
MEASURE = """
import json, time, timeit
import numpy as np
import attend
from attend.config import TransformerConfig
from attend.decoding.writing import greedy
from attend.models.array_transformer import ArrayTransformer
from attend.models.torch_transformer import Transformer
import torch

def seconds(call, number):
    call()
    return min(timeit.repeat(call, number=number, repeat=5, timer=time.process_time)) / number

q = np.random.default_rng(0).normal(size=(4, 8))
torch.manual_seed(0)
config = TransformerConfig(4000, N=4, d_model=128, d_ff=256, h=4, P_drop=0.0)
weights = Transformer(config).state_dict()
weights["decoder.3.norm_3.bias"].fill_(1)
weights["embedding"][config.end] = -1
model = ArrayTransformer(config, {name: w.numpy() for name, w in weights.items()})
source = np.random.default_rng(0).integers(3, 3999, (1, 12))
print(json.dumps({
    "microseconds of attention on 4 x 8": 1e6 * seconds(lambda: attend.attention(q, q, q), 2000),
    "milliseconds of a translation": 1e3 * seconds(lambda: greedy(model, source, 30), 4),
}))
"""


def measure(source: Path) -> dict[str, float]:
    """Measure the package that lies in a folder, in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-c", MEASURE],
        env={"PYTHONPATH": str(source), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout)


def main(before: Path) -> None:
    """Measure both in turn; write medians, and the median of the ratios within the rounds."""
    rounds = [(measure(before), measure(HERE.parent / "src")) for _ in range(ROUNDS)]
    report = {
        name: {
            "before": round(median(old[name] for old, _ in rounds), 2),
            "now": round(median(new[name] for _, new in rounds), 2),
            "now / before": round(median(new[name] / old[name] for old, new in rounds), 3),
        }
        for name in rounds[0][0]
    }
    report = {"command": "python benchmarks/checks.py BEFORE", "rounds": ROUNDS, **report}
    (HERE / "checks.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
