"""Figures of chapter 1, "Encoder and decoder"."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from attend.masks import causal_mask
from attend_course.chapters.encoder_decoder import example
from attend_course.kit.figures.registry import figure
from attend_course.kit.figures.style import Style, heatmap

Place = tuple[float, float]
_HALF = 1.75
"""Half the width of a box."""


@figure
def architecture(style: Style) -> Figure:
    """Draw the whole Transformer: two stacks, the memory between them, and what leaves."""
    ax = _canvas(style, 7.2, (-2.75, 8.35), (-2.6, 13.4))
    _encoder(ax, style, 0.0, 2.4)
    _decoder(ax, style, 5.6, 2.4)
    _ends(ax, style)
    _arrow(ax, [(0, 5.0), (0, 5.85), (3.85, 5.85)], style.second, 2.2)
    _say(ax, (1.6, 6.35), "memory", style.second, weight="bold")
    return ax.figure


def _encoder(ax: Axes, style: Style, x: float, y: float) -> None:
    _frame(ax, style, (x, y - 0.35), 3.05, f"× {example.config().N}")
    _box(ax, style, (x, y + 0.75), "self-attention", style.first)
    _box(ax, style, (x, y + 2.05), "feed-forward", style.line)
    _arrow(ax, [(x, y - 1.2), (x, y + 0.3)], style.line)
    _arrow(ax, [(x, y + 1.2), (x, y + 1.6)], style.line)
    ax.plot([x, x], [y + 2.5, y + 2.65], color=style.second, linewidth=2.2)


def _decoder(ax: Axes, style: Style, x: float, y: float) -> None:
    _frame(ax, style, (x, y - 0.35), 6.2, f"× {example.config().N}")
    _box(ax, style, (x, y + 0.95), "masked\nself-attention", style.first, 1.3)
    _box(ax, style, (x, y + 3.45), "memory\nattention", style.second, 1.3)
    _box(ax, style, (x, y + 5.1), "feed-forward", style.line)
    for low, high in ((-1.2, 0.3), (1.6, 2.8), (4.1, 4.65), (5.55, 6.6)):
        _arrow(ax, [(x, y + low), (x, y + high)], style.line)


def _ends(ax: Axes, style: Style) -> None:
    ends = (
        (0.0, "source pieces", "encoder", "reads once"),
        (5.6, "pieces so far", "decoder", "one piece a step"),
    )
    for x, text, name, does in ends:
        _say(ax, (x, -0.75), text, style.ink)
        _say(ax, (x, -1.6), name, style.muted, weight="bold")
        _say(ax, (x, -2.2), does, style.muted)
        _arrow(ax, [(x, -0.45), (x, 0.0)], style.line)
        _box(ax, style, (x, 0.6), "vectors\n+ positions", style.line, 1.2)
    _box(ax, style, (5.6, 9.45), "linear", style.line)
    _box(ax, style, (5.6, 10.85), "softmax", style.line)
    _arrow(ax, [(5.6, 9.9), (5.6, 10.4)], style.line)
    _arrow(ax, [(5.6, 11.3), (5.6, 11.95)], style.line)
    _say(ax, (5.6, 12.65), "probability of\neach next piece", style.ink)


@figure
def layers(style: Style) -> Figure:
    """Draw one encoder layer beside one decoder layer, with the ways around the sub-layers."""
    ax = _canvas(style, 5.6, (-2.3, 8.9), (-1.15, 11.9))
    _stack(ax, style, 0.0, (("self-attention", style.first), ("feed-forward", style.line)))
    _stack(
        ax, style, 6.4,
        (("masked\nself-attention", style.first), ("memory\nattention", style.second),
         ("feed-forward", style.line)),
    )  # fmt: skip
    _arrow(ax, [(2.75, 5.1), (4.65, 5.1)], style.second, 2.2)
    _say(ax, (3.4, 5.7), "memory", style.second, weight="bold")
    _say(ax, (0, 8.6), "encoder layer", style.muted, weight="bold")
    _say(ax, (0, -0.75), "(m, d_model)", style.muted)
    _say(ax, (6.4, -0.75), "(n, d_model)", style.muted)
    _say(ax, (6.4, 11.5), "decoder layer", style.muted, weight="bold")
    return ax.figure


def _stack(ax: Axes, style: Style, x: float, parts: tuple[tuple[str, str], ...]) -> None:
    """Draw sub-layers above each other, each followed by the box that adds its input."""
    for number, (text, colour) in enumerate(parts):
        y = 1.6 + 3.5 * number
        _arrow(ax, [(x, y - (1.65 if number else 1.95)), (x, y - 0.65)], style.line)
        _box(ax, style, (x, y), text, colour, 1.3)
        _arrow(ax, [(x, y + 0.65), (x, y + 1.05)], style.line)
        _box(ax, style, (x, y + 1.45), "add & norm", style.line, 0.75, True)
        round_ = [(x, y - 1.25), (x + 2.2, y - 1.25), (x + 2.2, y + 1.45), (x + _HALF, y + 1.45)]
        _arrow(ax, round_, style.muted, 1.2)
    top = 1.6 + 3.5 * (len(parts) - 1) + 1.85
    _arrow(ax, [(x, top), (x, top + 0.9)], style.line)


@figure
def mask(style: Style) -> Figure:
    """Draw which pieces each step may see, and the weights with and without the mask."""
    picture, axes = style.panels(2, height=3.9, stacked=3.7)
    names = example.running().inputs
    for ax, masked in zip(axes, (True, False), strict=True):
        hidden = ~causal_mask(len(names)) if masked else None
        name = "masked" if masked else "bare"
        # A phone has room for eight numbers in a row if they are short.
        heatmap(ax, example.own_map(masked), style, tokens=names, name=name, blocked=hidden)
        ax.set_title("with the causal mask" if masked else "without it")
        _axes_names(ax, "queries: newest piece read", "keys: pieces read")
    return picture


@figure
def unrolled(style: Style) -> Figure:
    """Draw where each step looks in the source: the memory attention as a heat map."""
    picture = Figure(figsize=(style.width, 3.4 if style.narrow else 4.6), layout="constrained")
    ax = picture.subplots()
    rows, columns = example.target_pieces(), example.source_pieces()
    heatmap(
        ax, example.step_map(), style, tokens=(rows, columns),
        digits=1 if style.narrow else 2, name="memory",
    )  # fmt: skip
    _axes_names(ax, "queries: steps, by what they write", "keys: source pieces")
    return picture


@figure
def replaced(style: Style) -> Figure:
    """Draw what moves when one source word is replaced: in the encoder, and at each step."""
    picture, axes = style.panels(2, height=3.7, stacked=3.3)
    _encoder_change(axes[0], style)
    _step_change(axes[1], style)
    return picture


def _encoder_change(ax: Axes, style: Style) -> None:
    moved = example.change_in_encoder()
    rows = ("pieces", *(f"layer {number}" for number in range(1, len(moved))))
    columns = example.source_pieces()[: moved.shape[1]]
    heatmap(ax, moved, style, tokens=(rows, columns), name="moved")
    _axes_names(ax, "after", "source pieces before the word")
    ax.set_title("how far their vectors move")


def _step_change(ax: Axes, style: Style) -> None:
    names = example.target_pieces()
    places, width = np.arange(len(names)), 0.38
    colours = (style.first, style.second)
    for number, (word, colour) in enumerate(zip(example.OTHERS, colours, strict=True)):
        bars = ax.bar(
            places + (number - 0.5) * width, example.change_of_steps(word), width,
            color=colour, label=word,
        )  # fmt: skip
        for place, bar in enumerate(bars):
            bar.set_gid(f"step-{word}-{place}")
    ax.set_xticks(places, names, rotation=40, ha="right", rotation_mode="anchor")
    ax.tick_params(axis="x", length=0)
    ax.set(ylim=(0, 1.25), xlabel="steps, by what they wrote")
    ax.set_yticks([0, 0.5, 1])
    ax.set_title("how far their predictions move")
    ax.legend(title=f"“{example.WORD}” becomes", ncols=2, loc="upper left", borderaxespad=0.1)


def _axes_names(ax: Axes, rows: str, columns: str) -> None:
    ax.set_ylabel(rows)
    ax.set_xlabel(columns)


# Boxes and arrows


def _canvas(style: Style, height: float, across: Place, up: Place) -> Any:
    picture = Figure(figsize=(style.width if style.narrow else 5.6, height), layout="constrained")
    ax = picture.subplots()
    ax.set(xlim=across, ylim=up)
    ax.set_axis_off()
    return ax


def _box(
    ax: Axes, style: Style, place: Place, text: str, colour: str, high: float = 0.9,
    soft: bool = False,
) -> None:  # fmt: skip
    x, y = place
    ax.add_patch(
        FancyBboxPatch(
            (x - _HALF, y - high / 2), 2 * _HALF, high, boxstyle="round,pad=0,rounding_size=0.2",
            facecolor="none" if soft else style.low, edgecolor=colour, linewidth=1.4,
        )
    )  # fmt: skip
    _say(ax, place, text, style.ink)


def _frame(ax: Axes, style: Style, place: Place, high: float, text: str) -> None:
    """Draw the frame around one layer, and how many of them stand above each other."""
    x, y = place
    ax.add_patch(
        FancyBboxPatch(
            (x - 2.1, y), 4.2, high, boxstyle="round,pad=0,rounding_size=0.3",
            facecolor="none", edgecolor=style.line, linewidth=1, linestyle=(0, (4, 3)),
        )
    )  # fmt: skip
    _say(ax, (x - 2.0, y + high + 0.4), text, style.muted, ha="left")


def _arrow(ax: Axes, points: list[Place], colour: str, width: float = 1.5) -> None:
    """Draw a line through points with a head at its end."""
    xs, ys = zip(*points[:-1], strict=True)
    ax.plot(xs, ys, color=colour, linewidth=width, solid_capstyle="butt")
    how: dict[str, Any] = {
        "arrowstyle": "-|>", "color": colour, "linewidth": width, "shrinkA": 0, "shrinkB": 0,
    }  # fmt: skip
    ax.annotate("", points[-1], points[-2], arrowprops=how)


def _say(ax: Axes, place: Place, text: str, colour: str, **how: Any) -> None:
    settings: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 10, "color": colour}
    ax.text(*place, text, **(settings | how))
