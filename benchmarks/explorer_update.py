"""How long an explorer takes to answer a slider: compute and change the page, then paint.

Run ``python benchmarks/explorer_update.py``; it writes ``explorer_update.json`` and
``explorer_update.svg`` beside itself. A sentence of 16 words, the most an explorer takes; the
mask, the formula and all three matrices are worked out anew at each step. Then every control of
every explorer on a chapter's page, with the example of that page. All times come from the
browser's own trace. "update" is compute and DOM work, all that a slider's listener does: its time
on the clock of the wall, which grows with what else the machine does, and the time the page's
thread had a processor for it, which waits for nobody (but is longer where two threads share a
core). "style, layout and paint" is what the same thread then does for the next frame, "both" is
the sum. A frame of 60 in a second has 16.7 ms: "steps that fit a frame" is the share of steps
whose sum stays below. "frames" counts the frames that the browser begins from the end of the
listener until the one with the change is handed over: 1 is the very next frame. "shown" runs from
the change until after that frame, on the wall. Frames and walls mean something on an idle machine
only, processor times on any.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright
from rounds import draw, machine, write

from attend_course.chapters.scaling.explorer import ScalingExplorer
from attend_course.kit.explorers import all_explorers

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
LOOK = """(i) => {
  const cells = document.querySelectorAll('td[role=gridcell]');
  cells[(7 * i) % cells.length].dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
}"""
ONE = "(rows, i, x) => rows.map((row, a) => row.map((y, b) => (a + b === i % 3 ? x : y)))"
PUT = f"(name) => (i, get) => ({{ [name]: ({ONE})(get(name), i, (i % 9) - 4) }})"
# The controls of each explorer, as changes of its traits. Looking at a cell is one of each.
CONTROLS = {
    "scaling": CHANGES
    | {
        "mask": "(i) => ({ mask: ['none', 'causal', 'padding'][i % 3] })",
        "stage": "(i) => ({ stage: ['scores', 'scaled_scores', 'weights'][i % 3] })",
        "overrides": "(i) => ({ overrides: [[0, 1, i % 9]] })",
    },
    "scores": {"q": f"({PUT})('q')", "k": f"({PUT})('k')"},
    "queries_keys_values": {
        "sentence": "(i) => ({ sentence: `This seal ${"
        "i % 2 ? 'closes letters' : 'catches herring'}` })",
        "projected": "(i) => ({ projected: i % 2 === 0 })",
        "stage": "(i) => ({ stage: ['scores', 'weights'][i % 2] })",
        "W_Q": f"({PUT})('W_Q')",
    },
    "weighted_sum": {
        "query": "(i) => ({ cell: [i % 4, 0] })",
        "causal": "(i) => ({ causal: i % 2 === 0 })",
        "scores": f"({PUT})('scores')",
        "values": f"({PUT})('values')",
    },
    "multi_head": {
        "layer": "(i) => ({ layer: i % 2 })",
        "head": "(i) => ({ head: i % 4 })",
        "off": "(i) => ({ off: [[], [0], [0, 1]][i % 3] })",
        "changes": "(i) => ({ changes: [[0, 0, 0, 1, (i % 9) - 4]] })",
    },
    "looking_inside": {
        "share": "(i) => ({ share: (i % 11) / 10 - 0.5 })",
        "values": f"({PUT})('values')",
    },
    "whole_transformer": {
        "start": "(i) => ({ start: i % 100 })",
        "d_model": "(i) => ({ d_model: 2 + 2 * (i % 8) })",
        "placed": "(i) => ({ placed: i % 2 === 0 })",
        "blocked": "(i) => ({ blocked: [[i % 5, 1]] })",
    },
    "encoder_decoder": {
        "step": "(i) => ({ cell: [i % 5, 0] })",
        "sentence": "(i, get) => ({ sentence: Object.keys(get('record').sentences)[i % 2] })",
        "map": "(i) => ({ map: ['memory', 'own'][i % 2] })",
        "masked": "(i) => ({ map: 'own', masked: i % 2 === 0 })",
        "place": "(i) => ({ place: ['best', 'all', '1'][i % 3] })",
    },
}
# The listener does what the slider's own does; its name is how the trace finds it.
STEPS = """async ([change, steps]) => {
  const { attendModel: model } = document.querySelector('[data-attend-widget]');
  const next = eval(change);
  const ending = new AbortController();
  document.addEventListener('attendstep', ({ detail }) => {
    const changes = next(detail, model.get);
    if (!changes) return attend.module_explorer.flush();
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    return model.save_changes();
  }, { signal: ending.signal });
  const frame = [];
  for (let i = 0; i < steps; i += 1) {
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const start = performance.now();
    document.dispatchEvent(new CustomEvent('attendstep', { detail: i }));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    frame.push(performance.now() - start);
  }
  ending.abort();
  return frame;
}"""
DRAWING = ("UpdateLayoutTree", "Layout", "PrePaint", "Paint", "Layerize", "Commit")
FRAME = 1000 / 60
CATEGORIES = ("devtools.timeline", "devtools.timeline.frame")
WARM_UP = 40


def measure(steps: int) -> dict[str, Any]:
    """Change each trait many times; return medians and 95th percentiles in milliseconds."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        page = Bench(chromium).open(ScalingExplorer(sentence=SENTENCE))
        times = {name: times_of(chromium, page, change, steps) for name, change in CHANGES.items()}
        version, others = chromium.version, every_control(chromium, steps)
    return {"chromium": version, "words": 16, "steps": steps, "milliseconds": times} | others


def every_control(chromium: Browser, steps: int) -> dict[str, Any]:
    """Measure the controls of all explorers of chapters, and a look at a cell in each."""
    found = {}
    for kind in all_explorers().values():
        # Where the translator answers, it does so in a thread of its own.
        if kind.module not in CONTROLS:
            continue
        bench = Bench(chromium)
        page = bench.open(kind())
        cells = page.locator("td[role=gridcell]").count()
        changes = CONTROLS[kind.module] | ({"look": LOOK} if cells else {})
        found[kind.module] = {
            name: brief(times_of(chromium, page, change, steps)) for name, change in changes.items()
        }
        assert not bench.faults, bench.faults
        bench.close()
    return {"every control": found}


def brief(times: dict[str, Any]) -> dict[str, float]:
    """Keep what a frame is compared with."""
    return {
        f"{part}, {which}": times[f"{part}, processor"][which]
        for part in ("update", "both")
        for which in ("median", "p95")
    }


def times_of(chromium: Browser, page: Page, change: str, steps: int) -> dict[str, Any]:
    """Change one trait again and again; read the times from the browser's own trace."""
    page.evaluate(STEPS, [change, WARM_UP])
    hidden = [f"disabled-by-default-{name}" for name in CATEGORIES]
    chromium.start_tracing(page=page, categories=[*CATEGORIES, *hidden])
    shown = page.evaluate(STEPS, [change, steps])
    events = json.loads(chromium.stop_tracing())["traceEvents"]
    updates = [e for e in events if e.get("args", {}).get("data", {}).get("type") == "attendstep"]
    updates = sorted((e for e in updates if "tdur" in e), key=lambda e: e["ts"])
    assert len(updates) == steps, f"the trace holds {len(updates)} of {steps} updates"
    update = np.array([e["tdur"] for e in updates]) / 1000
    drawn = drawing(events, updates)
    return {
        "update, processor": summary(update),
        "update, wall": summary([e["dur"] / 1000 for e in updates]),
        "style, layout and paint, processor": summary(drawn),
        "both, processor": summary(update + drawn),
        "steps that fit a frame, processor": round(float(np.mean(update + drawn < FRAME)), 3),
        "frames": counts(frames(events, updates)),
        "shown, wall": summary(shown),
    }


def drawing(events: list[Any], updates: list[Any]) -> np.ndarray:
    """Add up, step by step, what the page's thread does to draw a change."""
    done = [e for e in events if e["name"] in DRAWING and e.get("ph") == "X" and "tdur" in e]
    done = [e for e in done if e["tid"] == updates[0]["tid"] and e["ts"] > updates[0]["ts"]]
    steps = np.searchsorted([e["ts"] for e in updates], [e["ts"] for e in done]) - 1
    return np.bincount(steps, [e["tdur"] / 1000 for e in done], minlength=len(updates))


def frames(events: list[Any], updates: list[Any]) -> list[int]:
    """Count the frames begun from the end of each update until its change is handed over."""
    begun = np.sort([e["ts"] for e in events if e["name"] == "BeginFrame"])
    commits = np.sort([e["ts"] for e in events if e["name"] == "Commit"])
    ends = np.array([e["ts"] + e["dur"] for e in updates])
    after = np.searchsorted(commits, ends)
    handed = commits[np.minimum(after, len(commits) - 1)]
    # A frame that began while the listener still ran is the next one too.
    return [max(1, int(n)) for n in np.searchsorted(begun, handed) - np.searchsorted(begun, ends)]


def counts(numbers: list[int]) -> dict[str, int]:
    """Return how many steps took how many frames."""
    found, steps = np.unique(numbers, return_counts=True)
    return {str(frame): int(n) for frame, n in zip(found, steps, strict=True)}


def summary(numbers: Sequence[float] | np.ndarray) -> dict[str, float]:
    """Return the least, the median and the 95th percentile."""
    return {
        "least": round(float(np.min(numbers)), 2),
        "median": round(float(np.median(numbers)), 2),
        "p95": round(float(np.percentile(numbers, 95)), 2),
    }


def main() -> None:
    """Measure, print, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200)
    steps, here = parser.parse_args().steps, machine()
    command = f"python benchmarks/explorer_update.py --steps {steps}"
    result = {"command": command, "machine": here} | measure(steps)
    write("explorer_update", result)
    draw("explorer_update")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
