"""Several workers do what one does; a worker that is killed ends the run, which then goes on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from same_runs import assert_same_run, history

from attend.__main__ import main
from attend.training import distributed
from attend.training.checkpoints import read_tensors
from attend.training.plan import Progress

torch.set_num_threads(1)

SCRIPT = Path(__file__).with_name("distributed_runs.py")
FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """Train the same model in many ways; see tests/distributed_runs.py."""
    root = tmp_path_factory.mktemp("runs")
    quiet = {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, SCRIPT, root]
    subprocess.run(command, check=True, timeout=300, env=os.environ | quiet)
    return root


def steps(runs: Path, name: str) -> list[list[dict]]:
    """Return what each worker saw of each step."""
    return json.loads((runs / "steps.json").read_text())[name]


def assert_close_weights(folder: Path, other: Path) -> None:
    """Compare the weights after the last epoch, which are in double precision."""
    a, b = (read_tensors(path / "epoch-002.safetensors")[0] for path in (folder, other))
    for name in b:
        assert b[name].dtype == torch.float64
        torch.testing.assert_close(a[name], b[name], rtol=0, atol=1e-11)


@FORK
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "workers", "one"),
    [
        ("two", 2, "alone"),
        ("three", 3, "alone"),
        ("pieces", 2, "alone"),
        ("groups", 2, "groups alone"),
    ],
)
def test_several_workers_take_the_steps_of_one(runs, name, workers, one):
    (alone,) = steps(runs, one)
    together = steps(runs, name)
    assert len(alone) > 10
    assert [[step["rank"] for step in worker] for worker in together] == [
        [number] * len(alone) for number in range(workers)
    ]
    for worker in together:
        assert [step["tokens"] for step in worker] == [step["tokens"] for step in alone]
        expected = [step["loss"] for step in alone]
        assert [step["loss"] for step in worker] == pytest.approx(expected, rel=0, abs=1e-12)
    assert_close_weights(runs / name, runs / one)
    found, wanted = history(runs / name), history(runs / one)
    assert [record.keys() for record in found] == [record.keys() for record in wanted]
    for record, expected in zip(found, wanted, strict=True):
        assert record == pytest.approx(expected, abs=1e-11)


@FORK
@pytest.mark.slow
def test_every_worker_drops_other_entries(runs):
    first, second = steps(runs, "dropout")
    for one, other in zip(first, second, strict=True):
        assert one["dropout"] != other["dropout"]


@FORK
@pytest.mark.slow
def test_workers_that_were_interrupted_go_on_as_if_nothing_had_been(runs):
    assert len(steps(runs, "broken")[0]) == 5
    assert steps(runs, "mended")[0][0]["step"] == 5
    assert_same_run(runs / "broken", runs / "dropout")


@FORK
@pytest.mark.slow
def test_the_number_of_workers_may_change(runs):
    assert len(steps(runs, "changing")) == 3
    assert_close_weights(runs / "changing", runs / "alone")


def torchrun(folder: Path, step: int, *options: str) -> subprocess.CompletedProcess:
    """Run the command by two workers, of which one is killed in a step."""
    own_store = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    return subprocess.run(
        [*command, *options, SCRIPT, folder, str(step)],
        capture_output=True, text=True, timeout=300, check=False, env=os.environ | own_store,
    )  # fmt: skip


@FORK
@pytest.mark.slow
def test_a_killed_worker_ends_the_run_and_the_same_command_finishes_it(runs):
    """Worker 1 gets SIGKILL in step 5 and in step 11; torchrun itself goes on after the second."""
    folder = runs / "killed"
    ends = [record["step"] for record in history(runs / "command")]
    assert 5 < ends[0] < 10 < 11 < ends[1], "the kills are in the middle of epochs"
    first = torchrun(folder, 5)
    assert first.returncode != 0
    assert "SIGKILL" in first.stderr
    assert read_tensors(folder / "checkpoint.safetensors")[1]["progress"][2] == 3
    second = torchrun(folder, 11, "--max-restarts=1")
    assert second.returncode == 0, second.stderr
    assert (runs / "died-11").exists()
    assert second.stdout.count("The averaged weights are in") == 1
    assert_same_run(folder, runs / "command")


# ---------------------------------------------------------------------------------- one process


def test_one_process_is_alone(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with distributed.joined("cpu"), distributed.first_worker_first():
        assert (distributed.rank(), distributed.size()) == (0, 1)
    assert distributed.own_device("cuda") == "cuda"


def test_each_worker_takes_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(distributed, "size", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert distributed.own_device("cuda") == "cuda:1"
    assert distributed.own_device("cpu") == "cpu"


def test_workers_that_would_wait_forever_are_told_so(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    monkeypatch.setenv("TORCHELASTIC_USE_AGENT_STORE", "True")
    assert main(["train", "--pairs", "none.tsv", "--folder", str(tmp_path), "--device", "cpu"]) == 2
    assert "TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1" in capsys.readouterr().err


def test_workers_with_other_pairs_or_steps_are_refused(monkeypatch):
    worker = object.__new__(distributed.Worker)
    worker.run, worker.progress = {"pairs": 3}, Progress(step=7)
    other = torch.tensor([1, 2])
    monkeypatch.setattr(distributed, "gather", lambda mine: [mine, mine])
    worker._check_together()
    monkeypatch.setattr(distributed, "gather", lambda mine: [mine, other])
    with pytest.raises(ValueError, match=r"the workers do not do the same: .*one folder that all"):
        worker._check_together()
