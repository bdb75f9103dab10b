"""Figures of chapter 7, "The whole Transformer"."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attend_course.chapters.whole_transformer import depth, example
from attend_course.kit.figures.registry import figure
from attend_course.kit.figures.style import Style, heatmap

REACH = 40
"""How many places to each side the agreement is drawn."""


@figure
def memory_map(style: Style) -> Figure:
    """Draw the memory attention of the first decoder layer, its most decided head."""
    picture = Figure(figsize=(style.width, 3.9), layout="constrained")
    ax = picture.subplots()
    names = [piece.strip("<>") for piece in example.target_pieces()]
    weights = example.memory_weights()[example.memory_head() - 1]
    heatmap(ax, weights, style, tokens=(names, list(example.TOKENS)), name="memory")
    ax.set(ylabel="queries: target", xlabel="keys: source")
    return picture


@figure
def order(style: Style) -> Figure:
    """Draw how far the rows of the memory move when two words change places."""
    picture, axes = style.panels(2, height=2.9, stacked=2.5)
    pieces = [example.TOKENS[place] for place in example.ORDER]
    shown = (
        ("Without positions", "unplaced", example.row_changes_unplaced()),
        ("With positions", "placed", example.row_changes()),
    )
    top = 1.15 * max(1e-9, *(changes.max() for *_, changes in shown))
    for ax, (title, name, changes) in zip(axes, shown, strict=True):
        bars = ax.bar(range(len(pieces)), changes, color=style.first, width=0.7)
        for number, bar in enumerate(bars):
            bar.set_gid(f"{name}-{number}")
        ax.set_xticks(range(len(pieces)), pieces)
        ax.set(title=title, ylim=(0, top), ylabel="moved, as a share")
    return picture


@figure
def encodings(style: Style) -> Figure:
    """Draw the sines of a few hands, and how encodings agree by distance."""
    picture, axes = style.panels(2, height=3.4, stacked=3.0)
    _waves(axes[0], style)
    distances = np.arange(-REACH, REACH + 1)
    (line,) = axes[1].plot(distances, example.agreements(distances), color=style.second)
    line.set_gid("agreement")
    axes[1].set(title="Agreement of two places", xlabel="distance in places", ylim=(0, 1.05))
    axes[1].set_ylabel("dot product, as a share")
    return picture


def _waves(ax: Axes, style: Style) -> None:
    for row, wave in enumerate(example.hand_waves()):
        base = 2.6 * row
        ax.axhline(base, color=style.line, linewidth=0.6)
        (line,) = ax.plot(np.arange(example.STRIP), wave + base, color=style.first, linewidth=1.5)
        line.set_gid(f"wave-{row}")
    places = [2.6 * row for row in range(len(example.SHOWN_HANDS))]
    ax.set_yticks(places, [f"hand {hand}" for hand in example.SHOWN_HANDS])
    ax.set(title="Sines of five hands", xlabel="place")


_LINES = {"post-norm": "-", "pre-norm": "-", "no residuals": "--", "no norms": "-.", "neither": ":"}


@figure
def depth_curves(style: Style) -> Figure:
    """Draw how different rows stay, and how large numbers are, layer by layer."""
    picture, axes = style.panels(2, height=3.9, stacked=3.4)
    colours = dict(
        zip(
            depth.KINDS,
            (style.ink, style.first, style.second, style.third, style.muted),
            strict=True,
        )
    )
    for ax, field, title in (
        (axes[0], "apart", "How much rows differ"),
        (axes[1], "sizes", "Size of the numbers"),
    ):
        for kind in depth.KINDS:
            found = getattr(depth.measured(kind), field)
            (line,) = ax.plot(found, _LINES[kind], color=colours[kind], label=kind, linewidth=1.8)
            line.set_gid(f"{field}-{kind}")
        ax.set(yscale="log", title=title, xlabel="layer", xticks=range(0, depth.DEEP + 1, 6))
    axes[0].set_ylim(1e-12, 3)
    axes[1].set_ylim(1e-8, 1e6)
    handles, names = axes[0].get_legend_handles_labels()
    columns = 2 if style.narrow else 5
    picture.legend(handles, names, loc="outside lower center", ncols=columns, columnspacing=1.2)
    return picture


@figure
def traced(style: Style) -> Figure:
    """Draw how much each sub-layer of the translator adds to the rows of the sentence."""
    picture = Figure(figsize=(style.width, 6.4), layout="constrained")
    ax = picture.subplots()
    steps = example.trace()
    colours = {"feed-forward": style.second, "memory attention": style.third}
    for place, step in enumerate(steps):
        (bar,) = ax.barh(place, step.moved, color=colours.get(step.name, style.first), height=0.7)
        bar.set_gid(f"step-{place}")
        ax.text(step.moved, place, f" {step.moved:.1f}", va="center", fontsize=9)
    names = [f"{one.stack[:3]} {one.layer}, {_short(one.name, style)}" for one in steps]
    ax.set_yticks(range(len(steps)), names)
    ax.set(xlabel="length of what is added, as a share", ylim=(len(steps) - 0.4, -0.6))
    ax.set_xlim(0, 1.15 * max(step.moved for step in steps))
    return picture


def _short(name: str, style: Style) -> str:
    if not style.narrow:
        return name
    return {"masked self-attention": "masked", "memory attention": "memory"}.get(name, name)
