"""Figures of chapter 6, "Multi-head attention"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from attend_course.chapters.multi_head import example
from attend_course.kit.figures.registry import figure
from attend_course.kit.figures.style import Style, heatmap


def _head_colours(style: Style) -> list[str]:
    return [style.first, style.second, style.third, style.muted]


@figure
def graph(style: Style) -> Figure:
    """Draw multi-head attention as one graph, with the shape of every array."""
    picture = Figure(figsize=(style.width, 5.9), layout="constrained")
    ax = picture.subplots()
    ax.set(xlim=(0.2, 9.8) if style.narrow else (-4, 14), ylim=(-0.8, 12.7))
    ax.set_axis_off()
    for letter, x in (("V", 2.2), ("K", 5.0), ("Q", 7.8)):
        ax.text(x, 0.15, f"x, for {letter}", ha="center", va="center", fontsize=10)
        _arrow(ax, (x, 0.5), (x, 1.5), style)
        _pile(ax, (x, 2.1, 1.9), f"W_{letter}", style)
        _arrow(ax, (x, 2.65), (x, 4.0), style)
        _note(ax, (x, -0.4), str(example.inputs()[0].shape), style)
    _pile(ax, (5.0, 4.9, 7.4), "Scaled dot-product attention", style, tall=1.5)
    _arrow(ax, (5.0, 5.75), (5.0, 7.15), style)
    _box(ax, (5.0, 7.65, 2.8), "Concat", style)
    _arrow(ax, (5.0, 8.15), (5.0, 9.3), style)
    _box(ax, (5.0, 9.8, 2.8), "W_O", style)
    _arrow(ax, (5.0, 10.3), (5.0, 11.3), style)
    ax.text(5.0, 11.75, "output", ha="center", va="center", fontsize=11, color=style.second)
    _graph_shapes(ax, style)
    return picture


def _graph_shapes(ax: Axes, style: Style) -> None:
    n, config = len(example.TOKENS), example.config()
    width = config.d_model // config.h
    for x in (2.2, 5.0, 7.8):
        _note(ax, (x + 0.2, 3.35), str((n, width)), style, ha="left")
    _note(ax, (5.2, 6.6), f"{config.h} times {(n, width)}", style, ha="left")
    for y in (8.7, 10.8):
        _note(ax, (5.2, y), str((n, config.d_model)), style, ha="left")


def _pile(
    ax: Axes, place: tuple[float, float, float], text: str, style: Style, tall: float = 1.0
) -> None:
    x, y, width = place
    for step in reversed(range(example.config().h)):
        shift = 0.13 * step
        _card(ax, (x - width / 2 + shift, y - tall / 2 + shift), (width, tall), style)
    ax.text(x, y, text, ha="center", va="center", fontsize=10)


def _box(ax: Axes, place: tuple[float, float, float], text: str, style: Style) -> None:
    x, y, width = place
    _card(ax, (x - width / 2, y - 0.5), (width, 1.0), style)
    ax.text(x, y, text, ha="center", va="center", fontsize=10)


def _card(ax: Axes, corner: tuple[float, float], size: tuple[float, float], style: Style) -> None:
    shape = FancyBboxPatch(
        corner, *size, boxstyle="round,pad=0,rounding_size=0.15",
        facecolor=style.low, edgecolor=style.first, linewidth=1.2,
    )  # fmt: skip
    ax.add_patch(shape)


def _note(ax: Axes, place: tuple[float, float], text: str, style: Style, **options: Any) -> None:
    say = {"fontsize": 9.5, "color": options.get("colour", style.muted), "va": "center"}
    ax.text(*place, text, ha=options.get("ha", "center"), **say)


def _arrow(
    ax: Axes, start: Sequence[float], stop: Sequence[float], style: Style, **options: Any
) -> None:
    how = {"arrowstyle": "-|>", "color": options.get("colour", style.line), "linewidth": 1.5}
    ax.annotate(
        "", (stop[0], stop[1]), (start[0], start[1]), arrowprops={**how, "shrinkA": 0, "shrinkB": 0}
    )


@figure
def split(style: Style) -> Figure:
    """Draw how a row is cut into heads, and how their mixtures are joined, as coloured blocks."""
    picture = Figure(figsize=(style.width, 5.7 if style.narrow else 4.1), layout="constrained")
    ax = picture.subplots()
    ax.set_axis_off()
    ax.set_aspect("equal")
    config = example.config()
    n, d_model, width = len(example.TOKENS), config.d_model, config.d_model // config.h
    starts = _places(style)
    _blocks(ax, starts["Q"], style, title=f"x W_Q, {(n, d_model)}")
    _heads(ax, starts["heads"], style, (n, width))
    _blocks(ax, starts["concat"], style, title=f"Concat, {(n, d_model)}")
    _bands(ax, starts["W_O"], style, title=f"W_O, {(d_model, d_model)}")
    _whole(ax, starts["output"], style, title=f"output, {(n, d_model)}")
    for name in ("cut", "attend", "times", "equals"):
        x, y, text = starts[name]
        ax.text(x, y, text, ha="center", va="center", fontsize=10, color=style.ink)
    ax.set(xlim=(-0.4, starts["size"][0]), ylim=(starts["size"][1], -1.6))
    return picture


_ATTEND = "each head attends by itself"


def _places(style: Style) -> dict[str, Any]:
    if style.narrow:
        return {
            "Q": (3.4, 0), "cut": (7.4, 4.3, "cut ↓"), "heads": (1.9, 6.6),
            "attend": (7.4, 11.0, f"{_ATTEND} ↓"), "concat": (0, 13.5), "times": (8.7, 15.2, "×"),
            "W_O": (9.5, 13.5), "equals": (2.7, 22.2, "="), "output": (3.6, 20.6),
            "size": (15.5, 24.6),
        }  # fmt: skip
    return {
        "Q": (0, 0), "cut": (9.5, 1.75, "cut →"), "heads": (11.2, 0),
        "attend": (12.7, 4.9, f"↓ {_ATTEND}"), "concat": (0, 8.0), "times": (9.0, 9.75, "×"),
        "W_O": (10.0, 8.0), "equals": (16.6, 9.75, "="), "output": (17.6, 8.0),
        "size": (26, 14.2),
    }  # fmt: skip


def _whole(ax: Axes, corner: tuple[float, float], style: Style, title: str) -> None:
    _block(ax, corner, (4 * _WIDE, _TALL), style.line, "the heads’ parts,\nadded")
    ax.text(corner[0] + 2 * _WIDE, corner[1] - 0.7, title, ha="center", va="center", fontsize=10)


_TALL, _WIDE = 3.5, 2.0
"""Height of a block of n rows and width of one head's columns, in units of the drawing."""


def _blocks(ax: Axes, corner: tuple[float, float], style: Style, title: str) -> None:
    x, y = corner
    for head, colour in enumerate(_head_colours(style)):
        _block(ax, (x + _WIDE * head, y), (_WIDE, _TALL), colour, str(head + 1))
    ax.text(x + 2 * _WIDE, y - 0.7, title, ha="center", va="center", fontsize=10)


def _heads(ax: Axes, corner: tuple[float, float], style: Style, shape: tuple[int, int]) -> None:
    x, y = corner
    for head, colour in enumerate(_head_colours(style)):
        _block(ax, (x + (_WIDE + 1) * head, y), (_WIDE, _TALL), colour, f"head\n{head + 1}")
    title = f"{example.config().h} heads, each {shape}"
    ax.text(x + 2 * _WIDE + 1.5, y - 0.7, title, ha="center", va="center", fontsize=10)


def _bands(ax: Axes, corner: tuple[float, float], style: Style, title: str) -> None:
    x, y = corner
    for head, colour in enumerate(_head_colours(style)):
        _block(ax, (x, y + 1.4 * head), (5.6, 1.4), colour, f"rows of {head + 1}")
    ax.text(x + 2.8, y - 0.7, title, ha="center", va="center", fontsize=10)


def _block(
    ax: Axes, corner: tuple[float, float], size: tuple[float, float], colour: str, text: str
) -> None:
    shape = Rectangle(corner, *size, facecolor=colour, alpha=0.22, edgecolor="none")
    edge = Rectangle(corner, *size, fill=False, edgecolor=colour, linewidth=1.5)
    for patch in (shape, edge):
        ax.add_patch(patch)
    middle = (corner[0] + size[0] / 2, corner[1] + size[1] / 2)
    ax.text(*middle, text, ha="center", va="center", fontsize=9.5)


@figure
def neighbours(style: Style) -> Figure:
    """Draw the maps of the two heads, and what one head can reach at best."""
    picture, axes = style.panels(3, height=3.0, stacked=3.3)
    names = ("looks before", "looks after")
    for head, (ax, says) in enumerate(zip(axes[:2], names, strict=True)):
        heatmap(ax, example.neighbour_weights()[head], style, tokens=example.TOKENS,
                name=f"head-{head}", digits=2, size=8, names=head == 0 or style.narrow)  # fmt: skip
        ax.set_title(f"Head {head + 1} {says}")
    _reach(axes[2], style)
    return picture


def _reach(ax: Axes, style: Style) -> None:
    wanted, reached = example.proof_wanted(), example.compromise()[0]
    ax.axline((0, 0), (1, 1), color=style.second, linewidth=1.5, linestyle="--")
    for number, point in enumerate(wanted):
        ax.plot(*np.stack([point, reached]).T, color=style.muted, linewidth=1.2)
        (dot,) = ax.plot(*point, "o", color=style.first, markersize=8)
        dot.set_gid(f"wanted-{number}")
    (best,) = ax.plot(*reached, "D", color=style.second, markersize=7)
    best.set_gid("one-head")
    for text, place, colour in (
        ("uB", (1.0, 0.12), style.first),
        ("uF", (0.0, 1.12), style.first),
        ("one head", (0.1, 0.5), style.second),
    ):
        ax.text(*place, text, color=colour, ha="center", va="center", fontsize=10)
    ax.set(xlim=(-0.35, 1.4), ylim=(-0.35, 1.4), aspect="equal")
    ax.set(xlabel="1st number", ylabel="2nd number", title="What one head can reach")
    ax.set_xticks([0, 1], ["0", "1"])
    ax.set_yticks([0, 1], ["0", "1"])


@figure
def cost(style: Style) -> Figure:
    """Draw parameters, multiply-adds and softmax entries against the number of heads."""
    picture, axes = style.panels(3, height=2.7, stacked=2.3)
    panels = (
        ("parameters", "Parameters", 1e6, "millions", style.first),
        ("multiply_adds", "Multiply-adds", 1e6, "millions", style.third),
        ("softmax_entries", "Entries of the maps", 1e3, "thousands", style.second),
    )
    places = range(len(example.HEAD_COUNTS))
    for ax, (field, title, unit, said, colour) in zip(axes, panels, strict=True):
        heights = [getattr(example.cost(h), field) / unit for h in example.HEAD_COUNTS]
        bars = ax.bar(places, heights, color=colour, width=0.7)
        for number, bar in enumerate(bars):
            bar.set_gid(f"{field}-{number}")
        ax.set_xticks(places, [str(h) for h in example.HEAD_COUNTS])
        ax.set(title=title, xlabel="heads h", ylabel=said)
    return picture


@figure
def patterns(style: Style) -> Figure:
    """Draw the maps of four heads of the trained encoder, each the leader in one feature."""
    columns = 1 if style.narrow else 2
    size = (style.width, 13.6 if style.narrow else 7.4)
    picture = Figure(figsize=size, layout="constrained")
    picture.set_layout_engine("constrained", w_pad=0.07, h_pad=0.08)
    axes = picture.subplots(4 // columns, columns, squeeze=False).flat
    for ax, chosen in zip(axes, example.chosen_heads(), strict=True):
        weights = example.head_weights(chosen.layer)[chosen.head]
        name = f"pattern-{example.SHOWN_FEATURES.index(chosen.feature)}"
        heatmap(ax, weights, style, tokens=example.TOKENS, name=name, size=8.5)
        ax.set_title(f"{_TITLES[chosen.feature]}\nlayer {chosen.layer + 1}, head {chosen.head + 1}")
    return picture


_TITLES = {
    "before": "Most on the piece before",
    "itself": "Most on the piece itself",
    "after": "Most on the piece after",
    "keys in use": "Most evenly spread",
}


@figure
def habits(style: Style) -> Figure:
    """Draw where each of the encoder's heads looks, on average over everyday sentences."""
    found, config = example.habits(), example.config()
    picture = Figure(figsize=(style.width, 6.6), layout="constrained")
    ax = picture.subplots()
    shares = np.vstack([found.reshape(-1, len(example.FEATURES)), example.even_habits()])
    layer = "" if style.narrow else "layer "
    names = [f"{layer}{a + 1}, head {b + 1}" for a in range(config.N) for b in range(config.h)]
    rows = [*names, "even" if style.narrow else "even spread"]
    heatmap(ax, shares[:, :-1], style, tokens=(rows, example.FEATURES[:-1]), name="habits")
    for row, count in enumerate(shares[:, -1]):
        place = ax.text(4.5, row + 0.5, f"{count:.1f}", ha="center", va="center", fontsize=9.5)
        place.set_gid(f"keys-in-use-{row}")
    ax.set(xlabel="", ylabel="", xlim=(0, 5), aspect="auto")
    columns = ["before", "itself", "after", "last\npiece", "keys\nin use"]
    ax.set_xticks(np.arange(5) + 0.5, columns, rotation=0, ha="center", rotation_mode="default")
    ax.set_ylabel("layer, head" if style.narrow else "")
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    return picture
