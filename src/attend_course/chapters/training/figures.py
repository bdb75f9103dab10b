"""Figures of chapter 8, "Training a translator"."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attend_course.chapters.training import example
from attend_course.kit.figures.registry import figure
from attend_course.kit.figures.style import Style, heatmap


@figure
def shift(style: Style) -> Figure:
    """Draw how probable each row holds each piece that is asked for; the right ones diagonally."""
    picture = Figure(figsize=(style.width, 3.9 if style.narrow else 5.6), layout="constrained")
    ax = picture.subplots()
    names = (example.given(), example.wanted())
    digits = 1 if style.narrow else 2
    heatmap(ax, example.shares(), style, tokens=names, name="shares", digits=digits, size=9)
    ax.set(xlabel="is asked for", ylabel="has read, last")
    return picture


@figure
def smoothing(style: Style) -> Figure:
    """Draw the loss of a row against the distance of its right logit, plain and smoothed."""
    picture, (ax,) = style.panels(1, height=3.2)
    heights = np.linspace(0, 20, 201)
    kinds = ((0.0, "-", "not smoothed", style.second), (0.1, "--", "smoothed", style.first))
    for epsilon_ls, line, name, colour in kinds:
        losses = [example.loss_at(height, epsilon_ls) for height in heights]
        (drawn,) = ax.plot(heights, losses, line, color=colour, label=name)
        drawn.set_gid(f"loss-{epsilon_ls}")
    (best,) = ax.plot(example.gap(), example.floor(), "o", color=style.first, markersize=8)
    best.set_gid("best")
    ax.legend()
    ax.set(xlabel="right logit above the others", ylabel="loss of the row", ylim=(0, 8.6))
    return picture


@figure
def rate(style: Style) -> Figure:
    """Draw the learning rate of the paper's base model against the step."""
    picture, (ax,) = style.panels(1, height=3.0)
    steps = np.arange(50, 40_001, 50)
    rates = [1000 * example.paper_rate(int(step)) for step in steps]
    (line,) = ax.plot(steps / 1000, rates, color=style.first)
    line.set_gid("rate")
    ax.axvline(example.WARMUP / 1000, color=style.muted, linewidth=1, linestyle=":")
    ax.set(xlabel="step, in thousands", ylabel="rate, in thousandths", ylim=(0, 0.75), xlim=(0, 40))
    return picture


@figure
def warmup(style: Style) -> Figure:
    """Draw the stored curves of the small model, with and without warm-up."""
    picture, (ax,) = style.panels(1, height=3.2)
    kinds = (("without warm-up", "--", style.second), ("with warm-up", "-", style.first))
    for name, line, colour in kinds:
        (drawn,) = ax.plot(*example.curve(name), line, color=colour, label=name)
        drawn.set_gid(name)
    ax.axhline(example.small_floor(), color=style.muted, linewidth=1.5, linestyle=":")
    ax.legend()
    ax.set(xlabel="step", ylabel="loss", ylim=(0, 2.7), xlim=(0, example.lesson_steps()))
    return picture


@figure
def history(style: Style) -> Figure:
    """Draw what was written down while the translator learned."""
    picture, axes = style.panels(2, height=3.0, stacked=2.8)
    records = example.epochs()
    steps = [record["at"] / 1000 for record in records]
    kinds = (("loss", "training", style.second), ("validation_loss", "validation", style.first))
    for key, name, colour in kinds:
        losses = [record[key] for record in records]
        (line,) = axes[0].plot(steps, losses, "o-", color=colour, label=name, markersize=3.5)
        line.set_gid(key)
    scores = [record["validation_bleu"] for record in records]
    (line,) = axes[1].plot(steps, scores, "o-", color=style.first, markersize=3.5)
    line.set_gid("validation_bleu")
    axes[0].legend()
    axes[0].set(ylabel="loss", ylim=(0, 6.3))
    axes[1].set(ylabel="BLEU", ylim=(0, 45))
    for ax in axes:
        ax.set(xlabel="step, in thousands")
        _runs(ax, style)
    return picture


def _runs(ax: Axes, style: Style) -> None:
    records = example.epochs()
    ends = [a["at"] for a, b in pairwise(records) if a["run"] != b["run"]]
    for end in ends:
        ax.axvline(end / 1000, color=style.line, linewidth=0.8, linestyle=":")


@figure
def temperature(style: Style) -> Figure:
    """Draw what may follow "Der Brief kam" at three temperatures."""
    picture, axes = style.panels(3, height=2.6, stacked=2.0)
    for ax, heat in zip(axes, example.TEMPERATURES, strict=True):
        shares = [example.fork_p("zu", heat), example.fork_p("drei", heat), example.others(heat)]
        colours = [style.first, style.second, style.line]
        bars = ax.bar(range(3), shares, color=colours, width=0.7)
        for number, bar in enumerate(bars):
            bar.set_gid(f"share-{heat}-{number}")
            ax.text(number, shares[number] + 0.02, f"{shares[number]:.2f}", ha="center", size=9)
        ax.set_xticks(range(3), ["zu", "drei", "others"])
        ax.set(title=f"T = {heat:g}", ylim=(0, 1.12), yticks=[0, 0.5, 1])
    axes[0].set_ylabel("probability")
    return picture


@figure
def cache(style: Style) -> Figure:
    """Draw the work of writing with and without the cache, for several lengths."""
    picture, axes = style.panels(2, height=3.0, stacked=2.8)
    records = example.experiments()["cache"]
    panels = (("multiply_adds", 1e6, "multiply-adds, millions"), ("seconds", 1e-3, "milliseconds"))
    kinds = (("without", -0.2, style.second), ("with", 0.2, style.first))
    for ax, (what, unit, label) in zip(axes, panels, strict=True):
        for name, side, colour in kinds:
            heights = [record[name][what] / unit for record in records]
            places = np.arange(len(records)) + side
            bars = ax.bar(places, heights, color=colour, width=0.38, label=f"{name} the cache")
            for number, bar in enumerate(bars):
                bar.set_gid(f"{what}-{name}-{number}")
        ax.set_xticks(range(len(records)), [str(record["n"]) for record in records])
        ax.set(xlabel="pieces written", ylabel=label)
    axes[0].legend()
    return picture
