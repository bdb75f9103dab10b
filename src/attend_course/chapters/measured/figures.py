"""What the scripts in the folder ``benchmarks`` measured, drawn from the reports they wrote.

A drawing takes a report and a style. `register` gives each report's figure a name that pages use.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attend_course.kit.figures.registry import enter
from attend_course.kit.figures.style import Style

Report = Mapping[str, Any]
Summary = Mapping[str, float]
Curves = Mapping[str, Mapping[int, float]]
"""For each engine, a number for each length n."""


def register(folder: Path) -> None:
    """Enter a figure ``measured.NAME`` for each report ``NAME.json`` in a folder."""
    for name, drawing in DRAWINGS.items():
        path = folder / f"{name}.json"
        if path.exists():
            report = json.loads(path.read_text(encoding="utf-8"))
            enter(f"measured.{name}", partial(drawing, report))


# --------------------------------------------------------------------------------- bars of speeds


def training(report: Report, style: Style) -> Figure:
    """Draw how many tokens a second each engine learns from."""
    return bars(report["results"], style)


def decoding(report: Report, style: Style) -> Figure:
    """Draw how many tokens a second each engine writes, in each setting."""
    return bars(report["speeds"], style)


def laboratory(report: Report, style: Style) -> Figure:
    """Draw how long a browser's engines take to the first translation, and to later ones."""
    return bars(report["milliseconds"], style, "milliseconds")


def bars(
    results: Mapping[str, Mapping[str, Summary]],
    style: Style,
    unit: str = "target tokens per second",
) -> Figure:
    """Draw every quantity of every engine, ours in colour, one panel a quantity."""
    quantities = list(next(iter(results.values())))
    row = 0.45 if style.narrow else 0.3
    height = 0.6 + len(quantities) * (0.45 + row * len(results))
    picture = Figure(figsize=(style.width, height), layout="constrained")
    panels = picture.subplots(len(quantities), 1, squeeze=False)[:, 0]
    for ax, quantity in zip(panels, quantities, strict=True):
        bar_panel(ax, {engine: of[quantity] for engine, of in results.items()}, style)
        ax.set_title(quantity if len(quantities) > 1 else "", loc="left")
    panels[-1].set_xlabel(unit)
    return picture


def bar_panel(ax: Axes, values: Mapping[str, Summary], style: Style) -> None:
    """Draw one quantity: bars to the medians, whiskers to the quartiles, numbers beside them."""
    widest = max(s["upper quartile"] for s in values.values())
    for place, (engine, s) in enumerate(values.items()):
        middle = s["median"]
        spread = [[middle - s["lower quartile"]], [s["upper quartile"] - middle]]
        colour = style.first if engine.startswith("attend") else style.line
        ax.barh(
            place, middle, height=0.45 if style.narrow else 0.7, color=colour,
            xerr=spread, capsize=3, ecolor=style.ink,
        )  # fmt: skip
        ax.text(s["upper quartile"] + widest / 40, place, shown(middle), va="center")
    name_bars(ax, list(values), style)
    ax.set_xlim(0, widest * (1.32 if style.narrow else 1.15))
    ax.set_ylim(len(values) - 0.5, -0.8 if style.narrow else -0.6)
    ax.locator_params(axis="x", nbins=4)
    ax.xaxis.set_major_formatter("{x:,.0f}")


def shown(number: float) -> str:
    """Write a number beside its bar; below 100 with a decimal."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}"


def name_bars(ax: Axes, engines: list[str], style: Style) -> None:
    """Write the names beside the bars; above them where the figure is narrow."""
    if not style.narrow:
        ax.set_yticks(range(len(engines)), engines)
        return
    ax.set_yticks([])
    for place, engine in enumerate(engines):
        ax.text(0, place - 0.27, engine, va="bottom", color=style.muted, fontsize=9)


# ------------------------------------------------------------------------- growth of the attention

MASKS = ("no mask", "causal mask")
NAMES = {
    "attention (torch)": "attention, torch",
    "attention (NumPy)": "attention, NumPy",
    "chunked_attention (torch)": "in chunks, torch",
    "chunked_attention (NumPy)": "in chunks, NumPy",
    "fused_attention": "fused",
    "F.scaled_dot_product_attention": "torch's own",
}
PEER = "F.scaled_dot_product_attention"
RESOLVED_BYTES = 2**18
"""Growth below this is room that a process has already."""


def attention(report: Report, style: Style) -> Figure:
    """Draw time and memory of a call against n: without a mask, then with a causal one."""
    shape = (4, 1) if style.narrow else (2, 2)
    picture = Figure(figsize=(style.width, 3.1 * shape[0]), layout="constrained")
    picture.get_layout_engine().set(w_pad=0.07, h_pad=0.07)
    panels = list(picture.subplots(*shape, squeeze=False).flat)
    for place, mask in enumerate(MASKS):
        time, memory = seconds_of(report, mask), mebibytes_of(report, mask)
        for ax, curves, title in (
            (panels[2 * place], time, "Seconds of a call"),
            (panels[2 * place + 1], memory, "MiB of a call"),
        ):
            ax.set_title(f"{title}, {mask}", loc="left")
            growth_panel(ax, curves, style)
    for ax in panels[-shape[1] :]:
        ax.set_xlabel("n, tokens")
    return picture


def seconds_of(report: Report, mask: str) -> Curves:
    """Return the median time of a call of each length."""
    known = report["seconds of a call"]
    return {engine: {n: s["median"] for n, s in by_length(known[engine], mask)} for engine in NAMES}


def mebibytes_of(report: Report, mask: str) -> Curves:
    """Return the memory of a call of each length, where it is large enough to be seen."""
    known = report["growth of the largest resident size in bytes"]
    return {
        engine: {n: b / 2**20 for n, b in by_length(known[engine], mask) if b >= RESOLVED_BYTES}
        for engine in NAMES
    }


def by_length(of: Mapping[str, Any], mask: str) -> Iterable[tuple[int, Any]]:
    """Return the entries named like ``n=64, no mask`` of one mask, with n."""
    for name, value in of.items():
        length, _, rest = name.partition(", ")
        if rest == mask and length.startswith("n="):
            yield int(length[2:]), value


def growth_panel(ax: Axes, curves: Curves, style: Style) -> None:
    """Draw one quantity against n on logarithmic axes, beside lines like n and n squared."""
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    for engine, points in curves.items():
        ax.plot(list(points), list(points.values()), **strokes(engine, style))
    guides(ax, curves, style)
    ticks = [64, 1024, 16384]
    ax.set_xticks(ticks, [f"{n:,}" for n in ticks])
    ax.set_xlim(40, 16384 * 120)
    ax.minorticks_off()
    name_curves(ax, curves, style)


def strokes(engine: str, style: Style) -> dict[str, Any]:
    """Return colour and form of a curve: colour for the function, dashes for NumPy."""
    if engine == PEER:
        return {"color": style.line, "linewidth": 5, "zorder": 2}
    kind = engine.partition(" ")[0]
    colours = {"attention": style.second, "fused_attention": style.third}
    look = {"color": colours.get(kind, style.first), "marker": "o", "markersize": 3.5, "zorder": 3}
    dashed = {"linestyle": (0, (4, 2)), "markerfacecolor": "none"}
    return look | (dashed if "NumPy" in engine else {})


def guides(ax: Axes, curves: Curves, style: Style) -> None:
    """Draw what doubles, and what grows fourfold, whenever n doubles: below and above all."""
    far = np.array([512, 8192])
    points = [(n, y) for of in curves.values() for n, y in of.items() if n >= far[0]]
    low = min(y / n for n, y in points) / 2 * far
    high = max(y / n**2 for n, y in points) * 2 * far**2
    for y in (low, high):
        ax.plot(far, y, color=style.line, linewidth=1, zorder=1)
    words = {"textcoords": "offset points", "color": style.muted, "fontsize": 9, "va": "center"}
    ax.annotate("like n", (far[-1], low[-1]), (0, -9), ha="center", **words)
    ax.annotate("like n²", (far[0], high[0]), (-5, 0), ha="right", **words)


def name_curves(ax: Axes, curves: Curves, style: Style) -> None:
    """Write the name of each curve beside its end, moved apart where they would touch."""
    low, high = np.log(ax.get_ylim())
    ends = {engine: list(points.items())[-1] for engine, points in curves.items()}
    order = sorted(ends, key=lambda engine: ends[engine][1])
    line = {"arrowstyle": "-", "linewidth": 0.6, "shrinkB": 4, "relpos": (0, 0.5)}
    wanted = [(np.log(ends[engine][1]) - low) / (high - low) for engine in order]
    for engine, at in zip(order, apart(wanted, 0.085, highest=0.95), strict=True):
        colour = style.muted if engine == PEER else strokes(engine, style)["color"]
        ax.annotate(
            NAMES[engine], ends[engine], (16384 * 2.2, np.exp(low + at * (high - low))),
            color=colour, va="center", fontsize=9, arrowprops=line | {"color": colour},
        )  # fmt: skip


def apart(places: list[float], distance: float, highest: float) -> list[float]:
    """Move rising places up until none is nearer to the one below than `distance`; then centre."""
    moved = [places[0]]
    for place in places[1:]:
        moved.append(max(place, moved[-1] + distance))
    down = max((sum(moved) - sum(places)) / len(places), moved[-1] - highest)
    return [place - down for place in moved]


# ------------------------------------------------------------------------- an explorer's answer

FRAME = 1000 / 60
"""Milliseconds of a frame, where a screen shows sixty in a second."""
CONTROLS = {
    "d_k": "length d_k",
    "scaled": "scaling",
    "temperature": "temperature",
    "seed": "other numbers",
}


def explorer_update(report: Report, style: Style) -> Figure:
    """Draw how long each change takes: the update, and with it the drawing, beside a frame."""
    picture = Figure(figsize=(style.width, 3.2), layout="constrained")
    ax, times = picture.subplots(), report["milliseconds"]
    for place, control in enumerate(CONTROLS):
        both, update = (times[control][f"{part}, processor"] for part in ("both", "update"))
        late = [[0], [both["p95"] - both["median"]]]
        ax.barh(
            place, both["median"], height=0.5, color=style.line, xerr=late, capsize=3,
            ecolor=style.ink,
        )  # fmt: skip
        ax.barh(place, update["median"], height=0.5, color=style.first)
    ax.axvline(FRAME, color=style.second, linewidth=1.5, linestyle=(0, (4, 2)))
    words = {"textcoords": "offset points", "va": "bottom"}
    top = (0.0, -0.45)
    ax.annotate("update", top, (0, 3), color=style.first, **words)
    ax.annotate("drawing", top, (50, 3), color=style.muted, **words)
    ax.annotate("a frame", (FRAME, -0.45), (-4, 3), ha="right", color=style.second, **words)
    ax.set_yticks(range(len(CONTROLS)), list(CONTROLS.values()))
    ax.set(xlim=(0, 18), ylim=(len(CONTROLS) - 0.5, -0.95), xlabel="milliseconds of the processor")
    return picture


# -------------------------------------------------------------------------- a published figure


def multi30k(report: Report, style: Style) -> Figure:
    """Draw BLEU on the validation sentences, update by update, and what was reached on the test."""
    picture = Figure(figsize=(style.width, 3.4), layout="constrained")
    ax, history = picture.subplots(), report["history"]
    reached, published = (report["compared"][who]["BLEU"] for who in ("attend", "published"))
    steps = [record["step"] for record in history]
    ax.plot(steps, [record["validation_bleu"] for record in history], color=style.first)
    ax.axhline(published, color=style.muted, linewidth=1, linestyle=(0, (4, 2)))
    ax.plot(steps[-1], reached, "o", color=style.second, markersize=8, zorder=3)
    words = {"textcoords": "offset points"}
    # The curve ends about the line, so the words stand above both.
    ax.annotate(f"published, test: {published}", (0, published), (2, 14), **words)
    early = history[len(history) // 4]
    ax.annotate(
        "validation", (early["step"], early["validation_bleu"]), (12, -60),
        color=style.first, **words,
    )  # fmt: skip
    ax.annotate(
        f"ours, test: {reached}", (steps[-1], reached), (0, -32), ha="right",
        color=style.second, **words,
    )  # fmt: skip
    ax.set_xlabel("updates")
    ax.set_ylabel("BLEU")
    ax.set_ylim(0, max(published, reached) * 1.15)
    ax.locator_params(axis="x", nbins=5)
    ax.xaxis.set_major_formatter("{x:,.0f}")
    return picture


DRAWINGS: Mapping[str, Callable[[Report, Style], Figure]] = {
    "training": training,
    "decoding": decoding,
    "attention": attention,
    "multi30k": multi30k,
    "explorer_update": explorer_update,
    "laboratory": laboratory,
}
"""How the report of each benchmark is drawn."""
