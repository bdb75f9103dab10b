"""Measure engines side by side: each in a process of its own, one round each in turn.

A benchmark is a script with engines and a function that prepares one::

    ENGINES = ("attend", "peer")

    def prepare(engine):
        ...                          # build, warm up
        return measure               # measure() -> {"tokens per second": 123.4}

    if __name__ == "__main__":
        run(__file__, ENGINES, prepare)

The processes take turns, so what the machine does meanwhile falls on all of them alike, and a ratio
is taken within a round. A process that waits its turn waits without using a processor.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Measure = Callable[[], Mapping[str, float]]
Rounds = dict[str, list[dict[str, float]]]

HERE = Path(__file__).resolve().parent
LIBRARIES = ("numpy", "torch", "transformers", "x-transformers", "ctranslate2", "onnxruntime")


def threads() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Worker:
    """A process that measures one engine whenever it is asked to.

    Parameters
    ----------
    script
        The benchmark.
    engine
        Which of its engines.
    """

    def __init__(self, script: str | Path, engine: str) -> None:
        count = str(threads())
        given = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), count)
        self.process = subprocess.Popen(
            [sys.executable, str(script), "--engine", engine],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | given | {"TOKENIZERS_PARALLELISM": "false"},
        )
        self.answer()

    def answer(self) -> dict[str, float]:
        """Wait for the next line of the process."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"a benchmark stopped: {' '.join(map(str, self.process.args))}")
        return json.loads(line)

    def measure(self) -> dict[str, float]:
        """Let the engine run one round."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def serve(measure: Measure) -> None:
    """Be a worker: say that all is ready, and answer each line with one round."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not be taken for an answer
    print("{}", file=out, flush=True)
    for _ in sys.stdin:
        print(json.dumps(dict(measure())), file=out, flush=True)


def interleave(script: str | Path, engines: Sequence[str], rounds: int) -> Rounds:
    """Measure every engine once a round, each round beginning with another one."""
    workers = {engine: Worker(script, engine) for engine in engines}
    found: Rounds = {engine: [] for engine in engines}
    try:
        for number in range(rounds):
            first = number % len(engines)
            for engine in (*engines[first:], *engines[:first]):
                found[engine].append(workers[engine].measure())
            print(f"round {number + 1} of {rounds} is done", file=sys.stderr, flush=True)
    finally:
        for worker in workers.values():
            worker.close()
    return found


def summary(values: Sequence[float]) -> dict[str, float]:
    """Return the median and the quartiles of the rounds."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": middle, "lower quartile": low, "upper quartile": high}


def summaries(found: Rounds) -> dict[str, dict[str, dict[str, float]]]:
    """Return the summary of every quantity of every engine."""
    return {
        engine: {name: summary([r[name] for r in records]) for name in records[0]}
        for engine, records in found.items()
    }


def ratios(found: Rounds, engine: str, peer: str, quantity: str) -> dict[str, float]:
    """Return how many times the engine's quantity is that of a peer, round by round."""
    pairs = zip(found[engine], found[peer], strict=True)
    return summary([ours[quantity] / theirs[quantity] for ours, theirs in pairs])


def machine() -> dict[str, Any]:
    """Say what this was measured on, without naming the machine."""
    versions = {}
    for library in LIBRARIES:
        try:
            versions[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "processor": processor(),
        "threads": threads(),
        "load before": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
    }


def processor() -> str:
    """Return the model of the processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def write(name: str, report: Mapping[str, Any]) -> Path:
    """Write a report beside this file: whole, or not at all."""
    from attend.files import write_atomically

    path = HERE / f"{name}.json"
    write_atomically(path, (json.dumps(report, indent=2) + "\n").encode())
    return path


def draw(name: str) -> Path:
    """Draw what a report beside this file says, as the book shows it on a wide, light page."""
    from attend.files import write_atomically
    from attend_course.chapters.measured import figures as measured
    from attend_course.kit import figures

    measured.register(HERE)
    path = HERE / f"{name}.svg"
    write_atomically(path, figures.draw(f"measured.{name}")._repr_svg_().encode())
    return path


def run(
    script: str | Path,
    engines: Sequence[str],
    prepare: Callable[[str], Measure],
    finish: Callable[[Rounds, dict[str, Any]], None],
) -> None:
    """Be the command of a benchmark: the conductor, or with ``--engine`` one of its workers.

    Parameters
    ----------
    script
        The benchmark's file.
    engines
        Its engines; the first is ours.
    prepare
        Builds one engine and returns what measures it.
    finish
        Receives all rounds and a report that says what they were measured on.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9, help="how often each engine is measured")
    parser.add_argument("--engine", choices=engines, help="be the worker of this engine")
    given = parser.parse_args()
    if given.engine:
        serve(prepare(given.engine))
        return
    about = {"command": f"python benchmarks/{Path(script).name} --rounds {given.rounds}"}
    about |= {"machine": machine()}
    finish(interleave(script, engines, given.rounds), about)
