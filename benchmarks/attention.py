"""How time and memory of attention grow with the length of the sequences: four forms and a peer.

Run ``python benchmarks/attention.py``; it writes ``attention.json`` and ``attention.svg`` beside
itself. Self-attention of one sequence (batch 1, so that every score in memory belongs to the n of
the plot) with h = 4 heads and d_k = d_v = 32 in float32, forward only, for n = 64 to 8,192 tokens
without a mask and with a causal one; in chunks also for 16,384.

Time is seconds of one call from q, k, v to the output, on the clock of the wall: the mean of as
many calls as fill a fiftieth of a second, once a round; from n = 8,192 on only in the first two
rounds and in every third. A causal mask is ready before, as a model has it for all its layers; the
rule that chunks take instead is asked within the call. The peer is told ``is_causal=True``, its
fastest way, and leaves out what nobody sees.

Memory is measured apart, in a fresh process for every engine and mask: after a call with 64 tokens,
and with all inputs in place, by how much the process's largest resident size has grown after one
call of each length, from the shortest on. So a longer call counts with all it takes, less what it
shares with the shorter ones. Output and mask count, inputs do not. Below about a quarter of a
megabyte a call finds room that the process has already; such points are in the JSON, not in the
picture.

"forward and backward" is what training pays at the course's size: 128 sequences of 12 tokens.
"""

from __future__ import annotations

import itertools
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rounds import HERE, Measure, Rounds, ratios, run, summary, threads, write

from attend import attention, causal, causal_mask, chunked_attention, fused_attention

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEADS, D_K = 4, 32
LENGTHS = [2**power for power in range(6, 14)]
FURTHER = 16_384
MASKS = ("no mask", "causal mask")
TRAINING = "forward and backward, 128 x 12 tokens"
LEAST_SECONDS = 0.02
LONG = 8192
RESOLVED_BYTES = 2**18

EXPLICIT, EXPLICIT_NUMPY = "attention (torch)", "attention (NumPy)"
CHUNKED, CHUNKED_NUMPY = "chunked_attention (torch)", "chunked_attention (NumPy)"
FUSED, PEER = "fused_attention", "F.scaled_dot_product_attention"
ENGINES = (EXPLICIT, EXPLICIT_NUMPY, CHUNKED, CHUNKED_NUMPY, FUSED, PEER)
COMPARED = ((FUSED, PEER), (EXPLICIT, FUSED), (CHUNKED, EXPLICIT), (CHUNKED_NUMPY, EXPLICIT_NUMPY))
Call = Callable[..., Any]
Ends = dict[str, tuple[float, float]]

# ------------------------------------------------------------------------------------ the engines


def lengths(engine: str) -> list[int]:
    """Return how long the sequences of an engine are."""
    return [*LENGTHS, FURTHER] if engine in (CHUNKED, CHUNKED_NUMPY) else LENGTHS


def rows(engine: str, batch: int, n: int) -> list[Any]:
    """Draw q, k and v, without numbers of another type on the way."""
    draw = np.random.default_rng(0).standard_normal
    drawn = [draw((batch, HEADS, n, D_K), dtype=np.float32) for _ in range(3)]
    if "NumPy" in engine:
        return drawn
    import torch

    return [torch.from_numpy(x) for x in drawn]


def calls(engine: str) -> Call:
    """Return what an engine calls with q, k, v and a mask."""
    if engine == PEER:
        from torch.nn.functional import scaled_dot_product_attention

        return lambda q, k, v, mask=None: scaled_dot_product_attention(
            q, k, v, is_causal=bool(mask)
        )
    known = {FUSED: fused_attention, EXPLICIT: attention, EXPLICIT_NUMPY: attention}
    function = known.get(engine, chunked_attention)
    return lambda *given: function(*given)[0]


def mask_for(engine: str, name: str, like: Any) -> Any:
    """Return the mask as the engine takes it: an array, a rule, or a word."""
    if name == "no mask":
        return None
    if engine == PEER:
        return "causal"
    return causal if engine in (CHUNKED, CHUNKED_NUMPY) else causal_mask(like.shape[-2], like=like)


def limit_threads() -> Any:
    """Let torch use the processors that are there, and keep no tape for gradients."""
    import torch

    torch.set_num_threads(threads())
    return torch


# ------------------------------------------------------------------------------------------- time


def prepare(engine: str) -> Measure:
    """Draw the sequences of an engine, and return what measures all of them."""
    torch = None if "NumPy" in engine else limit_threads()
    given = {n: rows(engine, 1, n) for n in lengths(engine)}
    call, number = calls(engine), itertools.count()

    def measure() -> dict[str, float]:
        # Long calls take long enough to be measured less often.
        most = FURTHER if (turn := next(number)) < 2 or turn % 3 == 0 else LONG - 1
        with torch.no_grad() if torch else np.errstate():
            found = dict(measured(engine, call, {n: x for n, x in given.items() if n <= most}))
        return found | ({TRAINING: time_of(training(engine, call))} if torch else {})

    return measure


def measured(engine: str, call: Call, given: dict[int, list[Any]]) -> Iterator[tuple[str, float]]:
    """Measure every length with every mask."""
    for n, x in given.items():
        for name in MASKS:
            mask = mask_for(engine, name, x[0])
            yield quantity(n, name), time_of(partial(call, *x, mask), warm=n < LONG)


def training(engine: str, call: Call) -> Callable[[], None]:
    """Return a step through attention and back, as training takes it."""
    leaves = [x.requires_grad_() for x in rows(engine, 128, 12)]

    def step() -> None:
        call(*leaves, None).sum().backward()

    return step


def time_of(function: Callable[[], Any], warm: bool = True) -> float:
    """Return the mean seconds of a call, over as many calls as fill a short while."""
    if warm:
        function()
    count, start = 0, time.perf_counter()
    while count == 0 or time.perf_counter() - start < LEAST_SECONDS:
        function()
        count += 1
    return (time.perf_counter() - start) / count


def quantity(n: int, mask: str) -> str:
    """Name what is measured."""
    return f"n={n}, {mask}"


# ----------------------------------------------------------------------------------------- memory


def growth(engine: str, name: str) -> dict[str, int]:
    """Return by how many bytes this process's largest size has grown after each length."""
    torch = None if "NumPy" in engine else limit_threads()
    call, found = calls(engine), {}
    given = {n: rows(engine, 1, n) for n in lengths(engine)}
    with torch.no_grad() if torch else np.errstate():
        call(*given[64], mask_for(engine, name, given[64][0]))
        before = largest_size()
        for n, x in given.items():
            call(*x, mask_for(engine, name, x[0]))
            found[quantity(n, name)] = largest_size() - before
    return found


def largest_size() -> int:
    """Return the largest resident size of this process so far, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says there includes the size of the parent
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


def growths() -> dict[str, dict[str, int]]:
    """Measure the memory of everything, one fresh process after another."""
    found: dict[str, dict[str, int]] = {engine: {} for engine in ENGINES}
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh, max_tasks_per_child=1) as pool:
        for engine, name in itertools.product(ENGINES, MASKS):
            found[engine] |= pool.submit(growth, engine, name).result()
    return found


# ------------------------------------------------------------------------------------ the picture

NAMES = {
    EXPLICIT: "attention, torch",
    EXPLICIT_NUMPY: "attention, NumPy",
    CHUNKED: "in chunks, torch",
    CHUNKED_NUMPY: "in chunks, NumPy",
    FUSED: "fused",
    PEER: "peer (torch's own)",
}


def draw(seconds: dict[str, dict[str, float]], memory: dict[str, dict[str, float]]) -> bytes:
    """Draw both quantities against n: without a mask above, with a causal one below."""
    import io

    import matplotlib as mpl
    from matplotlib.figure import Figure

    from attend.figures.style import STYLES

    with mpl.rc_context(STYLES["light"].rc()):
        picture = Figure(figsize=(10.5, 9), layout="constrained", facecolor="white")
        picture.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
        panels = picture.subplots(2, 2, sharex=True, sharey="col")
        ends = {}
        for line, mask in zip(panels, MASKS, strict=True):
            ends[line[0]] = panel(line[0], seconds, mask, "Time of a call in seconds")
            ends[line[1]] = panel(line[1], memory, mask, "Memory of a call in MiB")
        for ax, at in ends.items():  # now that the axes have their limits
            name_lines(ax, at)
        for ax in panels[1]:
            ax.set_xlabel("n, tokens")
        out = io.BytesIO()
        picture.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


def panel(ax: Axes, values: dict[str, dict[str, float]], mask: str, title: str) -> Ends:
    """Draw one quantity under one mask, beside lines like n and n²; return where curves end."""
    ax.set_title(f"{title}: {mask}", loc="left")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ends: Ends = {}
    for engine in ENGINES:
        known = [(n, values[engine].get(quantity(n, mask))) for n in lengths(engine)]
        n, y = zip(*[(n, y) for n, y in known if y is not None], strict=True)
        ax.plot(n, y, **strokes(engine))
        ends[engine] = (n[-1], y[-1])
    guides(ax, values, mask)
    ticks = [64, 256, 1024, 4096, 16384]
    ax.set_xticks(ticks, [f"{n:,}" for n in ticks])
    ax.set_xlim(52, 16384 * 14)
    ax.minorticks_off()
    return ends


def strokes(engine: str) -> dict[str, Any]:
    """Return colour and form of a line: colour for the function, dashes for NumPy."""
    from attend.figures.style import STYLES

    style = STYLES["light"]
    colour = {EXPLICIT: style.second, EXPLICIT_NUMPY: style.second, FUSED: style.third}
    look = {"color": colour.get(engine, style.first), "marker": "o", "markersize": 4, "zorder": 3}
    if engine == PEER:
        return look | {"color": "#8b939c", "marker": "", "linewidth": 6, "zorder": 2}
    if "NumPy" in engine:
        return look | {"linestyle": (0, (4, 2)), "markerfacecolor": "white"}
    return look


def guides(ax: Axes, values: dict[str, dict[str, float]], mask: str) -> None:
    """Draw what doubles, and what grows fourfold, whenever n doubles: below and above all."""
    far = np.array([n for n in LENGTHS if n >= 512])
    curves = np.array([[of[quantity(n, mask)] for n in far] for of in values.values()])
    low, high = (curves / far).min() / 1.8 * far, (curves / far**2).max() * 1.8 * far**2
    for y in (low, high):
        ax.plot(far, y, color="#a3aab3", linewidth=1.2, zorder=1)
    words = {"textcoords": "offset points", "color": "#5d656f", "va": "center"}
    ax.annotate("like n", (far[-1], low[-1]), (5, 0), **words)
    ax.annotate("like n²", (far[0], high[0]), (-5, 0), ha="right", **words)


def name_lines(ax: Axes, ends: Ends) -> None:
    """Write the name of each line beside its end, moved apart where they would touch."""
    low, high = np.log(ax.get_ylim())
    order = sorted(ends, key=lambda engine: ends[engine][1])
    wanted = [(np.log(ends[engine][1]) - low) / (high - low) for engine in order]
    for engine, at in zip(order, apart(wanted, 0.052), strict=True):
        colour = "#5d656f" if engine == PEER else strokes(engine)["color"]
        ax.annotate(
            NAMES[engine], ends[engine], (16384 * 1.7, np.exp(low + at * (high - low))),
            color=colour, va="center", fontsize=9.5,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkB": 4},
        )  # fmt: skip


def apart(places: list[float], distance: float) -> list[float]:
    """Move rising places up until none is nearer to the one below than `distance`; then centre."""
    moved = [places[0]]
    for place in places[1:]:
        moved.append(max(place, moved[-1] + distance))
    down = (sum(moved) - sum(places)) / len(places)
    return [place - down for place in moved]


# ------------------------------------------------------------------------------------- the report


def finish(found: Rounds, about: dict[str, Any]) -> None:
    """Measure memory, then write the report and the picture."""
    from attend.files import write_atomically

    memory = growths()
    times = {engine: times_of(records) for engine, records in found.items()}
    report = about | {
        "sizes": {"batch": 1, "h": HEADS, "d_k": D_K, "d_v": D_K, "type": "float32"},
        "seconds of a call": times,
        "growth of the largest resident size in bytes": memory,
        "seconds as a multiple of another's": compared(found),
    }
    write("attention", report)
    picture = draw(
        {engine: {name: s["median"] for name, s in of.items()} for engine, of in times.items()},
        {engine: resolved(of) for engine, of in memory.items()},
    )
    write_atomically(HERE / "attention.svg", picture)


def times_of(records: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return the summary of every quantity over the rounds that measured it."""
    of = {name: [r[name] for r in records if name in r] for name in records[0]}
    return {name: summary(values) | {"rounds": len(values)} for name, values in of.items()}


def resolved(of: dict[str, int]) -> dict[str, float]:
    """Return what is large enough to be seen in a process's size, in MiB."""
    return {name: size / 2**20 for name, size in of.items() if size >= RESOLVED_BYTES}


def compared(found: Rounds) -> dict[str, dict[str, dict[str, float]]]:
    """Return the time of one engine as a multiple of another's, round by round."""
    return {
        f"{one} / {other}": {
            name: ratios(measuring(found, name), one, other, name)
            for name in found[one][0]
            if name in found[other][0]
        }
        for one, other in COMPARED
    }


def measuring(found: Rounds, name: str) -> Rounds:
    """Return the rounds that measured a quantity."""
    return {engine: [r for r in records if name in r] for engine, records in found.items()}


if __name__ == "__main__":
    run(__file__, ENGINES, prepare, finish)
