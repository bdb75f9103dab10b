"""The translator in a browser: our engine beside onnxruntime-web, and how soon the page answers.

Run ``python benchmarks/laboratory.py``; it writes ``laboratory.json`` and ``laboratory.svg`` beside
itself. Both engines decode the same trained model in the same Chromium, with keys and values kept,
and take turns; the peer gets it as ONNX files from `attend.models.onnx_export`, and is fetched by
npm once. A translation that differs from Python's stops the run.

"First translation" is the time from opening an empty page in a fresh browser to the first German
sentence: from this machine, and from a server that waits 40 ms before each answer and sends 10
Mbit/s in all. (The browser's own brake does not reach the thread in which our engine fetches.) All
files travel packed by gzip, as most servers send scripts and some send weights. "Bytes" are what
travelled; scripts are JavaScript and WebAssembly. "Warm" is the median time of a translation, over
sentences of 12 pieces, the end included: ours is asked through its worker, as pages do, once for
the text and once for all 48 maps besides; the peer runs in the page, and keeps no maps. "Ready"
runs from the last byte of our weights to the translator's being able to answer.

"The laboratory" is measured on the explorer itself. Each of its 48 heads is switched off and on
again: "answer" is the time to the new translation, with all maps, from the worker; "drawn" is what
the page then needs to change, maps included; "both", what a reader waits for the next frame.
"Every head, every word" is the answer to the button that asks which of them matters.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright
from rounds import draw, machine, ratios, summaries, summary, write

from attend.decoding.writing import beam_search, greedy
from attend.translator.translator import SHIPPED, shipped
from attend_course.chapters.laboratory.explorer import Laboratory
from attend_course.kit.engine import ENGINE, engine_files, engine_folder
from attend_course.kit.explorers.bundle import scripts_for, stylesheet
from attend_course.site.widget import files, live_html

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT / "scripts")]

from browser import find_chromium  # noqa: E402

PEER = "onnxruntime-web"
VERSION = "1.30.0"
PARTS = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
CACHE = ROOT / "_build" / "bench"
OURS = "attend"
SPEED, LATENCY = 10e6 / 8, 0.04
PIECES, SENTENCES = 12, 20
BEAM = 4
TYPES = {".html": "text/html", ".json": "application/json", ".wasm": "application/wasm"}
TYPES |= dict.fromkeys((".js", ".mjs"), "text/javascript")
SCRIPTS = (".js", ".mjs", ".wasm")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

EMPTY = "<!doctype html><html lang='en'><link rel='icon' href='data:,'><title>Engine</title>"
# Each page puts its first translation, and the time since it was opened, where they can be read.
PAGES = {
    OURS: """<script type="module">
      import { startEngine } from "/engine/client.js";
      const base = new URL("/ENGINE/", location);
      const engine = startEngine(new URL("worker.js", base));
      let arrived = 0;
      const folder = new URL("model/", base).href;
      await engine.ask("load", { folder }, () => { arrived = performance.now(); });
      const ready = performance.now() - arrived;
      const ask = (kind, text, beam) => engine.ask(kind, { text, beam });
      window.translate = (text, beam) => ask("translate", text, beam);
      window.look = (text, beam) => ask("look", text, beam).then((found) => found.text);
      const text = await translate(new URLSearchParams(location.search).get("text"), 4);
      window.first = { text, milliseconds: performance.now(), ready };
    </script>""",
    PEER: """<script type="module">
      import { loadPeer } from "/laboratory_peer.js";
      const peer = await loadPeer();
      window.translate = (text, beam) => peer.translate(text, { beam });
      const text = await translate(new URLSearchParams(location.search).get("text"), 4);
      window.first = { text, milliseconds: performance.now() };
    </script>""",
}
WARM = """async ([name, texts, beam]) => {
  const [milliseconds, found] = [[], []];
  for (const text of texts) {
    const begun = performance.now();
    found.push(await window[name](text, beam));
    milliseconds.push(performance.now() - begun);
  }
  return { milliseconds, found };
}"""
HEADS = """async (rounds) => {
  const { attendModel: model } = document.querySelector('[data-attend-widget]');
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const found = [];
  let answered = 0;
  model.on('change:results', () => { answered = performance.now(); });
  for (let i = 0; i < rounds * 96; i += 1) {
    const [place, isOff] = [Math.floor(i / 2) % 48, i % 2 === 0];
    const kind = ['encoder', 'decoder', 'memory'][Math.floor(place / 16)];
    const change = { make: 'off', kind, layer: Math.floor(place / 4) % 4, head: place % 4 };
    await frame();
    const begun = performance.now();
    model.set('changes', isOff ? [change] : []);
    await model.save_changes();
    const drawn = performance.now();
    await frame();
    if (isOff) found.push([answered - begun, drawn - answered, performance.now() - begun]);
  }
  return found;
}"""
DAMAGE = """async () => {
  const named = (b) => b.textContent.startsWith('Which head');
  const button = [...document.querySelectorAll('button')].find(named);
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const shares = () => [...document.querySelectorAll('.attend-portion')].map((b) => b.textContent);
  await frame();
  const begun = performance.now();
  button.click();
  do await frame(); while (!shares().length || shares().includes('…'));
  const taken = performance.now() - begun;
  button.click();
  return taken;
}"""


# ------------------------------------------------------------------------------- what is compared


def peer_files() -> dict[str, Path]:
    """Fetch the peer once, through npm; return the files of it that a page loads."""
    folder = CACHE / f"{PEER}-{VERSION}"
    if not all((folder / name).is_file() for name in PARTS):
        if not (npm := shutil.which("npm")):
            raise SystemExit(f"{PEER} is fetched by npm, and there is none.")
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "pack", f"{PEER}@{VERSION}", "--silent", "--pack-destination", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        packed = next(folder.glob("*.tgz"))
        with tarfile.open(packed) as archive:
            for name in PARTS:
                content = archive.extractfile(f"package/dist/{name}")
                assert content is not None
                (folder / name).write_bytes(content.read())
        packed.unlink()
    return {f"{PEER}/{name}": folder / name for name in PARTS}


def exported() -> dict[str, Path]:
    """Write the shipped translator as ONNX files; return them, and what else the peer needs."""
    import torch

    from attend.models.onnx_export import export
    from attend.models.torch_transformer import Transformer
    from attend.models.weights import read_model

    saved, folder = read_model(SHIPPED), CACHE / "onnx"
    model = Transformer(saved.config)
    model.load_state_dict({name: torch.tensor(x) for name, x in saved.tensors.items()})
    export(model, folder)
    names = ("config.json", "start.onnx", "step.onnx")
    return {f"onnx/{name}": folder / name for name in names} | {
        "onnx/tokenizer.json": SHIPPED / "tokenizer.json"
    }


@cache
def content() -> dict[str, tuple[bytes, str]]:
    """Return every file that a page may ask for: its bytes, packed, and its ending."""
    paths = {f"engine/{path.name}": path for path in ENGINE.glob("*.js")}
    paths |= {"laboratory_peer.js": HERE / "laboratory_peer.js"} | exported() | peer_files()
    whole = {name: path.read_bytes() for name, path in paths.items()}
    # What a page of the course asks for, where it asks.
    whole |= {f"{engine_folder()}/{name}": data for name, data in engine_files().items()}
    whole |= {
        f"{name}.html": (EMPTY + page.replace("ENGINE", engine_folder())).encode()
        for name, page in PAGES.items()
    }
    whole |= laboratory_page()
    return {
        name: (gzip.compress(data, 6, mtime=0), Path(name).suffix) for name, data in whole.items()
    }


def laboratory_page() -> dict[str, bytes]:
    """Return a page with the laboratory and nothing else, and its scripts."""
    scripts = [(name, *files()[name]) for name in scripts_for("laboratory")]
    tags = "".join(f'<script defer src="{file}"></script>' for _, file, _ in scripts)
    html = f"{EMPTY}<style>{stylesheet()}</style>{tags}{live_html(Laboratory())}"
    return {"laboratory.html": html.encode()} | {file: text.encode() for _, file, text in scripts}


@cache
def sentences() -> tuple[str, ...]:
    """Return sentences whose translation has twelve pieces, greedy and with a beam."""
    pairs = json.loads((SHIPPED.parent / "everyday.json").read_text("utf-8"))
    rows = (SHIPPED.parent / "own_pairs.tsv").read_text("utf-8").splitlines()
    texts = [pair["english"] for pair in pairs] + [row.split("\t")[0] for row in rows]
    found = []
    for text in dict.fromkeys(texts):
        source = np.array([shipped().tokenizer.encode(text)])
        written = [
            greedy(shipped().model, source)[0],
            beam_search(shipped().model, source, BEAM)[0],
        ]
        if {len(tokens) + 1 for tokens in written} == {PIECES}:
            found.append(text)
        if len(found) == SENTENCES:
            break
    return tuple(found)


@cache
def wanted(text: str, beam: int) -> str:
    """Return what Python writes."""
    source = np.array([shipped().tokenizer.encode(text)])
    return shipped().tokenizer.decode(beam_search(shipped().model, source, beam)[0])


# ------------------------------------------------------------------------------------- the server


class Handler(BaseHTTPRequestHandler):
    """Sends packed files, at once or as slowly as the server says."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *given: Any) -> None:
        """Leave the log out."""

    def do_GET(self) -> None:
        """Answer."""
        name = self.path[1:].split("?")[0]
        data, ending = content()[name]
        line: Line = self.server.line  # type: ignore[attr-defined]
        line.sent[name] = len(data)
        time.sleep(line.latency)
        self.send_response(200)
        self.send_header("Content-Type", TYPES.get(ending, "application/octet-stream"))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        for part in line.parts(data):
            self.wfile.write(part)


class Line:
    """A line that carries so many bytes a second, whoever sends."""

    def __init__(self, speed: float | None, latency: float) -> None:
        self.speed, self.latency = speed, latency
        self.sent: dict[str, int] = {}
        self._free, self._lock = 0.0, threading.Lock()

    def parts(self, data: bytes) -> Iterator[bytes]:
        """Give the bytes out, each when the line has room for it."""
        if self.speed is None:
            yield data
            return
        size = 16_384
        for place in range(0, len(data), size):
            part = data[place : place + size]
            with self._lock:
                now = time.monotonic()
                self._free = max(self._free, now) + len(part) / self.speed
                pause = self._free - now
            time.sleep(pause)
            yield part


@contextmanager
def server(speed: float | None = None, latency: float = 0.0) -> Iterator[tuple[str, Line]]:
    """Serve on this machine; return the address and the line."""
    serving = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving.line = Line(speed, latency)  # type: ignore[attr-defined]
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{serving.server_port}", serving.line  # type: ignore[attr-defined]
    finally:
        serving.shutdown()
        serving.server_close()


# ---------------------------------------------------------------------------------------- measuring


def check(text: str, found: str, beam: int) -> None:
    """Stop where an engine writes something else than Python."""
    if found != wanted(text, beam):
        raise SystemExit(f"{text!r} became {found!r}, not {wanted(text, beam)!r}")


def first(chromium: Any, address: str, engine: str) -> dict[str, float]:
    """Open a page in a fresh browser; return when its first translation was there."""
    text = sentences()[0]
    browser = chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
    try:
        page = browser.new_page()
        page.goto(f"{address}/{engine}.html?text={text}")
        page.wait_for_function("window.first", timeout=120_000)
        found = page.evaluate("first")
    finally:
        browser.close()
    check(text, found.pop("text"), BEAM)
    return found


def in_turn(number: int) -> list[str]:
    """Return the engines, another one first in each round."""
    return [OURS, PEER] if number % 2 == 0 else [PEER, OURS]


def cold(chromium: Any, rounds: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure first translations, from this machine and over the slow line; count the bytes."""
    found: dict[str, list[dict[str, float]]] = {OURS: [], PEER: []}
    sent: dict[str, dict[str, int]] = {}
    with server() as (near, line), server(SPEED, LATENCY) as (far, _):
        for number in range(rounds):
            for engine in in_turn(number):
                line.sent.clear()
                local = first(chromium, near, engine)
                sent[engine] = dict(line.sent)
                slow = first(chromium, far, engine)
                found[engine].append(
                    {
                        "first translation, from this machine": local["milliseconds"],
                        "first translation, at 10 Mbit/s": slow["milliseconds"],
                        "ready": local.get("ready", 0.0),
                    }
                )
            print(
                f"first translations, round {number + 1} of {rounds}", file=sys.stderr, flush=True
            )
    return found, {engine: bytes_of(files_) for engine, files_ in sent.items()}


def bytes_of(sent: Mapping[str, int]) -> dict[str, int]:
    """Add up what travelled."""
    scripts = sum(size for name, size in sent.items() if name.endswith(SCRIPTS))
    return {"scripts": scripts, "all": sum(sent.values())}


def warm(pages: Mapping[str, Page], rounds: int) -> dict[str, list[dict[str, float]]]:
    """Measure translations with warm engines, all sentences of a round with one, then the other."""
    found: dict[str, list[dict[str, float]]] = {OURS: [], PEER: []}
    for number in range(rounds + 1):
        for engine in in_turn(number):
            record = {}
            for name, beam in (("greedy", 1), ("beam of 4", BEAM)):
                record[f"{name}, 12 pieces"] = median(pages[engine], "translate", beam)
                if engine == OURS:
                    record[f"{name}, all maps"] = median(pages[engine], "look", beam)
            if number:  # the first round warms up
                found[engine].append(record)
    return found


def median(page: Page, name: str, beam: int) -> float:
    """Return the median milliseconds of a translation."""
    given = page.evaluate(WARM, [name, list(sentences()), beam])
    for text, found in zip(sentences(), given["found"], strict=True):
        check(text, found, beam)
    return float(np.median(given["milliseconds"]))


def explorer(page: Page, address: str, rounds: int) -> dict[str, dict[str, float]]:
    """Switch every head of the laboratory off; ask which one matters."""
    page.goto(f"{address}/laboratory.html")
    page.get_by_text("The translator is here").wait_for(timeout=60_000)
    page.evaluate(HEADS, 1)
    times = np.array(page.evaluate(HEADS, rounds))
    damage = [page.evaluate(DAMAGE) for _ in range(rounds + 1)][1:]
    names = ("a changed head: answer", "a changed head: drawn", "a changed head: both")
    return {name: late(times[:, i]) for i, name in enumerate(names)} | {
        "every head, every word": late(damage)
    }


def late(numbers: Any) -> dict[str, float]:
    """Return the median and what 95 of 100 stay under."""
    return {"median": float(np.median(numbers)), "p95": float(np.percentile(numbers, 95))}


def measure(rounds: int) -> dict[str, Any]:
    """Measure all; return the report, in milliseconds and bytes."""
    with sync_playwright() as playwright:
        begun, sent = cold(playwright.chromium, rounds)
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        with server() as (address, _):
            pages = {engine: browser.new_page() for engine in PAGES}
            for engine, page in pages.items():
                page.goto(f"{address}/{engine}.html?text={sentences()[0]}")
                page.wait_for_function("window.first", timeout=120_000)
            going = warm(pages, rounds)
            laboratory = explorer(browser.new_page(), address, max(2, rounds // 3))
        version = browser.version
        browser.close()
    both = {e: [a | b for a, b in zip(begun[e], going[e], strict=True)] for e in PAGES}
    ready = summary([record.pop("ready") for record in both[OURS]])
    for record in both[PEER]:
        record.pop("ready")
    maps = [
        {k: record.pop(k) for k in list(record) if k.endswith("all maps")} for record in both[OURS]
    ]
    names = list(both[PEER][0])
    return {
        "chromium": version,
        "sentences": len(sentences()),
        "milliseconds": summaries(both),
        "ratios": {
            PEER: {name: ratios(both, PEER, OURS, name) for name in names},
        },
        "bytes": sent,
        "maps": {OURS: {name: summary([m[name] for m in maps]) for name in maps[0]}},
        "ready": {"attend, from the last byte of the weights": {"milliseconds": ready}},
        "laboratory": {name: {"milliseconds": of} for name, of in laboratory.items()},
    }


def main() -> None:
    """Measure, print, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="at least 2")
    rounds, here = parser.parse_args().rounds, machine()
    content()
    command = f"python benchmarks/laboratory.py --rounds {rounds}"
    report = measure(rounds)
    here["versions"] |= {"Chromium": report.pop("chromium"), PEER: VERSION}
    result = {"command": command, "machine": here} | report
    write("laboratory", result)
    draw("laboratory")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
