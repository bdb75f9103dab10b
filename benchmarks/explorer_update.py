"""How long an explorer takes to answer a slider: compute and change the page, then paint.

Run ``python benchmarks/explorer_update.py``; it writes ``explorer_update.json`` beside itself.
A sentence of 16 words, the most an explorer takes; the mask, the formula and all three matrices are
worked out anew at each step. "update" is the time in the script; "next frame" is the time from the
change to the next frame of the browser, which at 60 frames a second is 16.7 ms apart. Both are
times of a clock on the wall and grow with whatever else the machine does; "processor" is the time
the page's thread had the processor for an update, in means of five, which waits for nobody.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import CDPSession, Page, sync_playwright

from attend.widgets import ScalingExplorer

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "site"), str(ROOT / "scripts")]

from browser import find_chromium  # noqa: E402
from workbench import Bench  # noqa: E402

SENTENCE = "a b c d e f g h i j k l m n o p"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
CHANGES = {
    "d_k": "(i) => ({ d_k: 2 ** (i % 10) })",
    "scaled": "(i) => ({ scaled: i % 2 === 0 })",
    "temperature": "(i) => ({ temperature: [0.5, 1, 2][i % 3] })",
    "seed": "(i) => ({ seed: i })",
}
MEASURE = """async ([change, steps]) => {
  const { attendModel: model } = document.querySelector('[data-attend-widget]');
  const next = eval(change);
  const update = [], frame = [];
  for (let i = 0; i < steps; i += 1) {
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const start = performance.now();
    for (const [name, value] of Object.entries(next(i))) model.set(name, value);
    model.save_changes();
    update.push(performance.now() - start);
    await new Promise((done) => requestAnimationFrame(done));
    frame.push(performance.now() - start);
  }
  return { update, frame };
}"""


BATCH = 5
REPEAT = """([change, first, count]) => {
  const { attendModel: model } = document.querySelector('[data-attend-widget]');
  const next = eval(change);
  for (let i = first; i < first + count; i += 1) {
    for (const [name, value] of Object.entries(next(i))) model.set(name, value);
    model.save_changes();
  }
}"""


def measure(steps: int) -> dict[str, Any]:
    """Change each trait many times; return median and 95th percentile in milliseconds."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        bench = Bench(chromium)
        page = bench.open(ScalingExplorer(sentence=SENTENCE))
        page.evaluate(MEASURE, [CHANGES["d_k"], 60])
        found = {name: page.evaluate(MEASURE, [change, steps]) for name, change in CHANGES.items()}
        version = chromium.version
        processor = {name: processor_times(page, change, steps) for name, change in CHANGES.items()}
    times = {
        name: {kind: summary(numbers) for kind, numbers in kinds.items()}
        for name, kinds in found.items()
    }
    for name, numbers in processor.items():
        times[name]["processor"] = summary(numbers)
    load = round(os.getloadavg()[0], 1)
    machine = {"machine": platform.machine(), "cores": os.cpu_count(), "load": load}
    return {"chromium": version} | machine | {"words": 16, "steps": steps, "milliseconds": times}


def processor_times(page: Page, change: str, steps: int) -> list[float]:
    """Return the thread's own milliseconds for one update, as means of five updates."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    used = []
    for first in range(0, steps, BATCH):
        before = task_seconds(session)
        page.evaluate(REPEAT, [change, first, BATCH])
        used.append((task_seconds(session) - before) * 1000 / BATCH)
    return used


def task_seconds(session: CDPSession) -> float:
    """Return the processor time that the page has used so far, layout included."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(entry["value"] for entry in metrics if entry["name"] == "TaskDuration")


def summary(numbers: list[float]) -> dict[str, float]:
    """Return the median and the 95th percentile."""
    return {
        "median": round(float(np.median(numbers)), 2),
        "p95": round(float(np.percentile(numbers, 95)), 2),
    }


def main() -> None:
    """Measure, print, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300)
    result = measure(parser.parse_args().steps)
    text = json.dumps(result, indent=2)
    Path(__file__).with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
