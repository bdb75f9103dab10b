"""How time and memory of attention grow with the length of the sequences: four forms and a peer.

Run ``python benchmarks/attention.py``; it writes ``attention.json`` and ``attention.svg`` beside
itself. Self-attention of one sequence (batch 1, so that every score in memory belongs to the n of
the plot) with h = 4 heads and d_k = d_v = 32 in float32, forward only, for n = 64 to 8,192 tokens
without a mask and with a causal one; in chunks also for 16,384.

Time is seconds of one call from q, k, v to the output, on the clock of the wall: the mean of as
many calls as fill a fiftieth of a second, once a round. A causal mask is ready before, as a model
has it for all its layers; the rule that chunks take instead is asked within the call. The peer is
told ``is_causal=True``, its fastest way, and leaves out what nobody sees.

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
from typing import Any

import numpy as np
from rounds import Measure, Rounds, draw, ratios, run, summary, threads, write

from attend import attention, causal, causal_mask, chunked_attention, fused_attention

HEADS, D_K = 4, 32
LENGTHS = [2**power for power in range(6, 14)]
FURTHER = 16_384
MASKS = ("no mask", "causal mask")
TRAINING = "forward and backward, 128 x 12 tokens"
LEAST_SECONDS = 0.02
LONG = 8192

EXPLICIT, EXPLICIT_NUMPY = "attention (torch)", "attention (NumPy)"
CHUNKED, CHUNKED_NUMPY = "chunked_attention (torch)", "chunked_attention (NumPy)"
FUSED, PEER = "fused_attention", "F.scaled_dot_product_attention"
ENGINES = (EXPLICIT, EXPLICIT_NUMPY, CHUNKED, CHUNKED_NUMPY, FUSED, PEER)
COMPARED = ((FUSED, PEER), (EXPLICIT, FUSED), (CHUNKED, EXPLICIT), (CHUNKED_NUMPY, EXPLICIT_NUMPY))
Call = Callable[..., Any]

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
    call = calls(engine)

    def measure() -> dict[str, float]:
        with torch.no_grad() if torch else np.errstate():
            found = dict(measured(engine, call, given))
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


# ------------------------------------------------------------------------------------- the report


def finish(found: Rounds, about: dict[str, Any]) -> None:
    """Measure memory, then write the report and the picture."""
    report = about | {
        "sizes": {"batch": 1, "h": HEADS, "d_k": D_K, "d_v": D_K, "type": "float32"},
        "seconds of a call": {engine: times_of(records) for engine, records in found.items()},
        "growth of the largest resident size in bytes": growths(),
        "seconds as a multiple of another's": compared(found),
    }
    write("attention", report)
    draw("attention")


def times_of(records: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return the summary of every quantity over the rounds."""
    return {name: summary([r[name] for r in records]) for name in records[0]}


def compared(found: Rounds) -> dict[str, dict[str, dict[str, float]]]:
    """Return the time of one engine as a multiple of another's, round by round."""
    return {
        f"{one} / {other}": {
            name: ratios(found, one, other, name)
            for name in found[one][0]
            if name in found[other][0]
        }
        for one, other in COMPARED
    }


if __name__ == "__main__":
    run(__file__, ENGINES, prepare, finish)
