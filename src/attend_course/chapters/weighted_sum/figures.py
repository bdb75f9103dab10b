"""Figures of chapter 5, "The weighted sum"."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon

from attend_course.chapters.weighted_sum import example
from attend_course.kit.figures.registry import figure
from attend_course.kit.figures.style import Style, heatmap

QUERY = example.TOKENS[example.ATE]
COMPONENTS = ("1st", "2nd")


@figure
def mixture(style: Style) -> Figure:
    """Draw the weights of "ate", and its weighted values put head to tail up to its output."""
    picture, axes = style.panels(2, height=3.3)
    weights = example.weights()[example.ATE]
    bars = axes[0].bar(example.TOKENS, weights, color=style.first, width=0.75)
    for j, bar in enumerate(bars):
        bar.set_gid(f"bar-{j}")
    axes[0].bar_label(bars, [f"{w:.2f}" for w in weights], fontsize=9.5, padding=2)
    axes[0].set(xlabel="keys", ylabel=f"weight from “{QUERY}”", ylim=(0, 0.5))
    axes[0].tick_params(axis="x", length=0)
    axes[0].set_title("How much of each value")
    _plane(axes[1], "The weighted values, head to tail")
    axes[1].set(xlim=(-1.9, 3.6), ylim=(-2.2, 3.3))
    _chain(axes[1], style)
    return picture


def _chain(ax: Axes, style: Style) -> None:
    stops = np.vstack([np.zeros(2), np.cumsum(example.parts(), axis=0)])
    weights = example.weights()[example.ATE]
    for j, (start, stop) in enumerate(pairwise(stops)):
        large = weights[j] > 0.1
        arrow = _arrow(ax, start, stop, style.first if large else style.muted)
        arrow.set_gid(f"part-{j}")
        if large:
            text = f"{weights[j]:.2f} × {example.TOKENS[j]}"
            side = "left" if stop[1] > start[1] else "right"
            _name(ax, (start + stop) / 2, text, style.first, side)
    (end,) = ax.plot(*stops[-1], "o", color=style.second, markersize=9)
    end.set_gid("output")
    _name(ax, stops[-1], f"output of “{QUERY}”", style.second, "below")
    ax.plot(0, 0, "o", color=style.muted, markersize=4)


@figure
def product(style: Style) -> Figure:
    """Draw the weights, the values and their matrix product, with shapes."""
    picture, axes = _three(style, 8.6, [5, 2.4, 2.4])
    _map(axes[0], example.weights(), style, name="weights", title="Weights A, (5, 5)")
    _map(axes[1], example.VALUES, style, name="values", title="times values V, (5, 2)", digits=0)
    _map(axes[2], example.outputs(), style, name="outputs", title="= outputs, (5, 2)", limit=3.0)
    axes[1].set_ylabel("keys")
    return picture


@figure
def hull(style: Style) -> Figure:
    """Draw the values, their convex hull, and the five outputs inside it."""
    height = 3.6 if style.narrow else 4.4
    picture = Figure(figsize=(style.width, height), layout="constrained")
    ax = picture.subplots()
    _plane(ax, "")
    ring = example.VALUES[example.corners(example.VALUES)]
    shape = Polygon(ring, facecolor=style.low, edgecolor=style.line, linestyle="--", zorder=0)
    ax.add_patch(shape)
    _values(ax, style)
    for i, (token, output) in enumerate(zip(example.TOKENS, example.outputs(), strict=True)):
        (dot,) = ax.plot(*output, "D", color=style.second, markersize=6)
        dot.set_gid(f"output-{i}")
        _name(ax, output, token, style.second, "left" if i == example.ATE else "right")
    return picture


@figure
def graph(style: Style) -> Figure:
    """Draw scaled dot-product attention as one graph, with the shape of every array."""
    picture = Figure(figsize=(style.width, 5.6), layout="constrained")
    ax = picture.subplots()
    ax.set(xlim=(0, 10) if style.narrow else (-4, 14), ylim=(0, 12.4))
    ax.set_axis_off()
    middle, value = (4.4, 7.8) if style.narrow else (4.7, 8.1)
    steps = (("MatMul", 2.2), ("Scale", 4.2), ("Mask (opt.)", 6.2), ("Softmax", 8.2))
    for text, y in steps:
        _box(ax, (middle - 1.7, middle + 1.7, y), text, style)
    for (_, low), (_, high) in pairwise(steps):
        _arrow(ax, (middle, low + 0.5), (middle, high - 0.5), style.line, 1.5)
    _box(ax, (middle - 1.7, value + 0.8, 10.3), "MatMul", style)
    _wires(ax, style, middle, value)
    _shapes(ax, style, middle, value)
    return picture


def _wires(ax: Axes, style: Style, middle: float, value: float) -> None:
    inputs = {"Q": (middle - 0.9, 1.7), "K": (middle + 0.9, 1.7), "V": (value, 9.8)}
    for letter, (x, top) in inputs.items():
        ax.text(x, 0.35, letter, ha="center", va="center", fontsize=13, color=style.first)
        _arrow(ax, (x, 0.75), (x, top), style.line, 1.5)
    _arrow(ax, (middle, 8.7), (middle, 9.8), style.line, 1.5)
    centre = (middle - 0.9 + value) / 2
    _arrow(ax, (centre, 10.8), (centre, 11.6), style.line, 1.5)
    ax.text(centre, 12.0, "output", ha="center", va="center", fontsize=11, color=style.second)


def _shapes(ax: Axes, style: Style, middle: float, value: float) -> None:
    n, d_k, d_v = len(example.TOKENS), example.D_K, example.D_V
    place: dict[str, Any] = {"fontsize": 9.5, "color": style.muted, "va": "center"}
    for x, shape in ((middle - 0.9, (n, d_k)), (middle + 0.9, (n, d_k)), (value, (n, d_v))):
        ax.text(x, -0.25, str(shape), ha="center", **place)
    for y, name in ((3.2, "scores"), (5.2, "scaled scores"), (9.25, "weights")):
        ax.text(middle - 0.3, y, f"{name} {(n, n)}", ha="right", **place)
    ax.text((middle - 0.9 + value) / 2 + 1.3, 12.0, str((n, d_v)), ha="left", **place)


def _box(ax: Axes, place: tuple[float, float, float], text: str, style: Style) -> None:
    left, right, y = place
    shape = FancyBboxPatch(
        (left, y - 0.5), right - left, 1.0, boxstyle="round,pad=0,rounding_size=0.2",
        facecolor=style.low, edgecolor=style.first, linewidth=1.4,
        linestyle="--" if "opt" in text else "-",
    )  # fmt: skip
    ax.add_patch(shape)
    ax.text((left + right) / 2, y, text, ha="center", va="center", fontsize=10)


@figure
def pulls(style: Style) -> Figure:
    """Draw how the output of "ate" moves with the values and with each of its scores."""
    picture, axes = _three(style, 8.8, [2.6, 2.6, 5])
    grown = example.value_slopes()
    _map(
        axes[0], grown, style, name="value-slopes", title="1st component\ntoward V", components=True
    )
    axes[0].set_ylabel("keys")
    slopes = example.ate_slopes()
    _map(axes[1], slopes, style, name="score-slopes", title="output\ntoward the scores")
    axes[1].set_ylabel("score of the key")
    _plane(axes[2], "the same as arrows")
    _values(axes[2], style)
    output = example.outputs()[example.ATE]
    for j, slope in enumerate(slopes):
        _arrow(axes[2], output, output + slope, style.second).set_gid(f"pull-{j}")
    axes[2].plot(*output, "o", color=style.second, markersize=7)
    return picture


def _three(style: Style, tall: float, widths: list[float]) -> tuple[Figure, list[Axes]]:
    size = (style.width, tall if style.narrow else 3.3)
    picture = Figure(figsize=size, layout="constrained")
    picture.set_layout_engine("constrained", w_pad=0.07, h_pad=0.07)
    rows, columns = (3, 1) if style.narrow else (1, 3)
    ratios: dict[str, Any] = {} if style.narrow else {"width_ratios": widths}
    return picture, list(picture.subplots(rows, columns, gridspec_kw=ratios))


def _map(ax: Axes, matrix: np.ndarray, style: Style, **options: Any) -> None:
    title = options.pop("title")
    components = options.pop("components", False) or matrix.shape[1] == example.D_V
    columns: Sequence[str] = COMPONENTS if components else example.TOKENS
    heatmap(ax, matrix, style, tokens=(example.TOKENS, columns), **options)
    if components:
        ax.set_xlabel("components")
        ax.set_xticks(np.arange(2) + 0.5, COMPONENTS, rotation=0, ha="center")
    ax.set_title(title)


def _plane(ax: Axes, title: str) -> None:
    ax.set(xlim=(-4, 4), ylim=(-4, 4), aspect="equal", title=title)
    ax.set(xlabel="1st component", ylabel="2nd component")
    ticks = range(-4, 5, 2)
    ax.set_xticks(ticks, [str(tick).replace("-", "−") for tick in ticks])
    ax.set_yticks(ticks, [str(tick).replace("-", "−") for tick in ticks])


def _values(ax: Axes, style: Style) -> None:
    for j, (token, value) in enumerate(zip(example.TOKENS, example.VALUES, strict=True)):
        (dot,) = ax.plot(*value, "o", color=style.first, markersize=6)
        dot.set_gid(f"value-{j}")
        side = "left" if token == "the" else "below" if value[1] < 0 else "above"
        _name(ax, value, token, style.first, side)


def _arrow(
    ax: Axes, start: Sequence[float], stop: Sequence[float], colour: str, width: float = 2
) -> FancyArrowPatch:
    # On an arrow shorter than its head, only a line can be read.
    head = "-|>" if np.hypot(*np.subtract(stop, start)) > 0.3 else "-"
    how: dict[str, Any] = {
        "arrowstyle": head,
        "color": colour,
        "linewidth": width,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    arrow = ax.annotate("", (stop[0], stop[1]), (start[0], start[1]), arrowprops=how).arrow_patch
    assert arrow is not None
    return arrow


_SIDES = {
    "above": ((0, 7), "center", "bottom"),
    "below": ((0, -7), "center", "top"),
    "left": ((-8, 0), "right", "center"),
    "right": ((8, 0), "left", "center"),
}


def _name(ax: Axes, place: Sequence[float], text: str, colour: str, side: str) -> None:
    shift, across, up = _SIDES[side]
    say: dict[str, Any] = {
        "textcoords": "offset points",
        "color": colour,
        "fontsize": 10,
        "ha": across,
        "va": up,
    }
    ax.annotate(text, (place[0], place[1]), shift, **say)
