"""Two training runs that should have left the same files behind."""

import json
from pathlib import Path

import torch

from attend.training.checkpoints import read_tensors


def history(folder: Path) -> list[dict]:
    """Read the history without what a clock says."""
    records = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    clock = ("seconds", "tokens_per_second")
    return [{k: v for k, v in record.items() if k not in clock} for record in records]


def assert_same_run(folder: Path, other: Path) -> None:
    """Compare weights, optimizer, random state and history, bit for bit."""
    assert history(folder) == history(other)
    names = sorted(path.name for path in other.glob("*.safetensors"))
    assert sorted(path.name for path in folder.glob("*.safetensors")) == names
    for name in names:
        a, b = read_tensors(folder / name)[0], read_tensors(other / name)[0]
        assert a.keys() == b.keys()
        assert all(torch.equal(a[key], b[key]) for key in b), name
