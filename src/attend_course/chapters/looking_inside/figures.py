"""Figures of chapter 9, "Looking inside"."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from attend.models.change_rules import KINDS
from attend_course.chapters.looking_inside import aligning, example, mixing, opinions, worth
from attend_course.kit.figures.registry import figure
from attend_course.kit.figures.style import Style, heatmap, weight_colours


@figure
def memory_maps(style: Style) -> Figure:
    """Draw the maps of all memory heads for the running sentence, small and without numbers."""
    config, reading = example.saved().config, example.running()
    height = 4.3 if style.narrow else 7.6
    picture = Figure(figsize=(style.width, height), layout="constrained")
    axes = picture.subplots(config.N, config.h, squeeze=False)
    for head in example.memory_heads():
        ax = axes[head.layer, head.head]
        mesh = ax.pcolormesh(reading.memory(head.layer)[head.head], vmin=0, vmax=1,
                             cmap=weight_colours(style), linewidth=0)  # fmt: skip
        mesh.set_gid(f"map-{head.layer}-{head.head}")
        ax.invert_yaxis()
        ax.set(xticks=[], yticks=[], aspect="equal")
        if head.layer == 0:
            ax.set_title(f"head {head.head + 1}")
        if head.head == 0:
            ax.set_ylabel(f"layer {head.layer + 1}")
    return picture


@figure
def aligner(style: Style) -> Figure:
    """Draw the head that aligns best, as words, with frames around the links that were drawn."""
    head, reading = aligning.aligner(), example.running()
    words = aligning.words_of(reading.memory(head.layer)[head.head], reading)
    picture = Figure(figsize=(style.width, 3.4 if style.narrow else 5.2), layout="constrained")
    ax = picture.subplots()
    rows, columns = (_words(text) for text in (reading.pair.german, reading.pair.english))
    size = 8 if style.narrow else 9
    heatmap(ax, words, style, tokens=(rows, columns), name="aligner", size=size)
    for row, column in sorted(reading.pair.links):
        frame = Rectangle((column + 0.04, row + 0.04), 0.92, 0.92, fill=False,
                          edgecolor=style.second, linewidth=2)  # fmt: skip
        frame.set_gid(f"drawn-{row}-{column}")
        ax.add_patch(frame)
    ax.set_title(head.name)
    return picture


def _words(text: str) -> list[str]:
    return text.replace(".", " .").split()


_SHIFTS = ("As the rows stand", "One step late")


@figure
def error_rates(style: Style) -> Figure:
    """Draw the error rate of every memory head, as its rows stand and one step late."""
    picture, axes = style.panels(2, height=3.4, stacked=3.0)
    for shift, (ax, title) in enumerate(zip(axes, _SHIFTS, strict=True)):
        _table(ax, aligning.error_rates(shift), style, f"errors-{shift}", title)
    return picture


def _table(
    ax: Axes,
    numbers: NDArray,
    style: Style,
    name: str,
    title: str,
    digits: int = 2,
    limit: float | None = None,
) -> None:
    """Draw numbers for layers on rows and heads on columns."""
    layers, heads = (range(1, count + 1) for count in numbers.shape)
    tokens = ([str(layer) for layer in layers], [str(head) for head in heads])
    heatmap(ax, numbers, style, tokens=tokens, name=name, digits=digits, limit=limit)
    ax.set(title=title, xlabel="head", ylabel="layer")


@figure
def full_stop(style: Style) -> Figure:
    """Draw the weight of the full stop beside its share of what is taken, layer by layer."""
    shares = worth.stop_shares()
    picture = Figure(figsize=(style.width, 2.9), layout="constrained")
    ax, places = picture.subplots(), np.arange(len(shares))
    parts = (("weight", style.first, -0.2), ("share of the lengths", style.second, 0.2))
    for column, (says, colour, shift) in enumerate(parts):
        bars = ax.bar(places + shift, shares[:, column], width=0.36, color=colour, label=says)
        for layer, bar in enumerate(bars):
            bar.set_gid(f"stop-{layer}-{column}")
            top = (bar.get_x() + 0.18, bar.get_height() + 0.005)
            ax.text(*top, f"{shares[layer, column]:.2f}", ha="center", va="bottom", fontsize=9)
    ax.set_xticks(places, [f"layer {layer + 1}" for layer in range(len(shares))])
    ax.set(ylabel="the full stop", ylim=(0, 1.3 * shares.max()))
    ax.legend(loc="upper center", ncols=2, borderaxespad=0)
    return picture


@figure
def damage(style: Style) -> Figure:
    """Draw what is lost without each head, in BLEU and in loss, measured on held-out pairs."""
    shape, size = ((3, 2), (style.width, 6.6)) if style.narrow else ((2, 3), (style.width, 5.6))
    picture = Figure(figsize=size, layout="constrained")
    axes = np.array(picture.subplots(*shape))
    axes = axes.T if style.narrow else axes
    for row, (of, unit, digits) in enumerate((("bleu", "BLEU", 1), ("loss", "loss", 2))):
        lost = worth.measured_losses(of)
        for ax, numbers, kind in zip(axes[row], lost, KINDS, strict=True):
            _table(ax, numbers, style, f"{of}-{kind}", f"{kind.capitalize()}, {unit}", digits,
                   limit=float(np.abs(lost).max()))  # fmt: skip
    return picture


@figure
def promise(style: Style) -> Figure:
    """Draw the damage of each memory head against the error rate of its map."""
    picture = Figure(figsize=(style.width, 3.4), layout="constrained")
    ax, found = picture.subplots(), zip(aligning.error_rates(), worth.own_damages(), strict=True)
    for layer, (rates, lost) in enumerate(found):
        (dots,) = ax.plot(rates, lost, _MARKS[layer % 4], color=_colours(style)[layer % 4],
                          markersize=7, label=f"layer {layer + 1}")  # fmt: skip
        dots.set_gid(f"promise-{layer}")
    ax.axhline(0, color=style.line, linewidth=1)
    ax.set(xlabel="alignment error rate", ylabel="loss gained without it", xlim=(0, 1))
    ax.legend(loc="upper right")
    return picture


_MARKS = "os^D"


def _colours(style: Style) -> list[str]:
    return [style.muted, style.third, style.second, style.first]


@figure
def pruning(style: Style) -> Figure:
    """Draw BLEU against the number of heads that are gone."""
    picture = Figure(figsize=(style.width, 3.1), layout="constrained")
    ax, bleu = picture.subplots(), worth.pruned_bleu()
    (curve,) = ax.plot(bleu, ".-", color=style.first)
    curve.set_gid("pruned")
    ax.axvline(worth.free_until(), color=style.second, linestyle=":")
    ax.set(xlabel="heads gone", ylabel="BLEU", ylim=(0, None), xlim=(0, len(bleu) - 1))
    return picture


@figure
def asked(style: Style) -> Figure:
    """Draw which English pieces each German piece depends on: four opinions."""
    picture, axes = _four(style)
    reading = example.running()
    count = opinions.rows(reading)
    rows, columns = reading.target_names[:count], reading.source_names
    found = {"hiding": opinions.hidden, **opinions.OPINIONS}
    for ax, (name, of) in zip(axes, found.items(), strict=True):
        shown = np.array(of(reading))[:count]
        heatmap(ax, shown / shown.max(axis=-1, keepdims=True), style, tokens=(rows, columns),
                name=name.replace(" ", "-"), size=8)  # fmt: skip
        ax.set(title=name.capitalize(), xlabel="", ylabel="")
    return picture


def _four(style: Style) -> tuple[Figure, list[Axes]]:
    columns = 1 if style.narrow else 2
    size = (style.width, 12.0 if style.narrow else 6.6)
    picture = Figure(figsize=size, layout="constrained")
    return picture, list(picture.subplots(4 // columns, columns, squeeze=False).flat)


@figure
def swaps(style: Style) -> Figure:
    """Draw how far the prediction moves against how different the replaced row is."""
    picture = Figure(figsize=(style.width, 3.6), layout="constrained")
    ax = picture.subplots()
    for layer in range(example.saved().config.N):
        found = [(s.apart, s.moved) for s in mixing.swaps() if s.head.layer == layer]
        (dots,) = ax.plot(*np.transpose(found), _MARKS[layer % 4], color=_colours(style)[layer % 4],
                          markersize=5, alpha=0.8, label=f"layer {layer + 1}")  # fmt: skip
        dots.set_gid(f"swaps-{layer}")
    ax.axhline(mixing.SMALL, color=style.line, linewidth=1, linestyle="--")
    ax.set(xlabel="how different the weights are", ylabel="how far the prediction moves",
           yscale="log", xlim=(0, 1.02))  # fmt: skip
    ax.legend(loc="upper left")
    return picture
