"""Figures of chapter 4, "Scaling and the softmax"."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attend import softmax
from attend_course.chapters.scaling import example, saturation
from attend_course.kit.figures.registry import figure
from attend_course.kit.figures.style import Style, heatmap, label

LONG = 512
"""The d_k at which saturation is shown, the largest of the explorer."""
TEMPERATURES = (0.25, 1.0, 4.0)
ROW = example.TOKENS.index("on")
"""The query whose weights the figure on temperature shows."""


@figure
def three_steps(style: Style) -> Figure:
    """Draw scores, scaled scores and weights of the running sentence side by side."""
    picture, axes = style.panels(3, height=2.85, stacked=3.4)
    steps = (
        ("scores", "Scores", example.raw_scores(), 0),
        ("scaled", "Scores divided by 8", example.scaled_scores(), 1),
        ("weights", "Weights", example.weights(), 2),
    )
    for ax, (name, title, matrix, digits) in zip(axes, steps, strict=True):
        names = ax is axes[0]
        _map(ax, matrix, style, name=name, title=title, digits=digits, names=names, size=8.5)
    return picture


@figure
def saturation_at_512(style: Style) -> Figure:
    """Draw the weights at d_k = 512 without and with the division."""
    picture, axes = style.panels(2, height=3.5)
    without, scaled = example.unscaled_weights(LONG), example.weights(LONG)
    _map(axes[0], without, style, name="without", title="Without the division")
    _map(axes[1], scaled, style, name="scaled", title="Divided by √512")
    return picture


@figure
def scores_grow(style: Style) -> Figure:
    """Draw how scores spread for three lengths, and their spread against d_k."""
    picture, axes = style.panels(2, height=3.0)
    edges = np.arange(-64, 65, 2)
    lines = zip((4, 64, LONG), (style.third, style.first, style.second), strict=True)
    for d_k, colour in lines:
        counts, _ = np.histogram(saturation.drawn_scores(d_k), edges)
        share = 100 * counts / saturation.PAIRS
        axes[0].stairs(share, edges, color=colour, linewidth=2, label=f"dₖ = {d_k}")
    axes[0].legend()
    axes[0].set(
        xlabel="score", ylabel="scores in each bin of width 2, %", title="4000 drawn scores"
    )
    _spread(axes[1], style)
    return picture


def _spread(ax: Axes, style: Style) -> None:
    widths = np.array(saturation.WIDTHS)
    ax.plot(widths, np.sqrt(widths), color=style.muted, linewidth=1.5)
    found = [saturation.spread(d_k) for d_k in saturation.WIDTHS]
    (points,) = ax.plot(widths, found, "o", color=style.first, markersize=6)
    points.set_gid("spread-points")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    ax.set_xticks(widths[::3], [str(width) for width in widths[::3]])
    ax.set_yticks([1, 2, 4, 8, 16], ["1", "2", "4", "8", "16"])
    ax.set(xlabel="dₖ", ylabel="spread of the scores", title="Points: measured. Line: √dₖ")


@figure
def slope(style: Style) -> Figure:
    """Draw the slope of a weight, and the median slope against d_k with and without division."""
    picture, axes = style.panels(2, height=3.0)
    weights = np.linspace(0, 1, 101)
    axes[0].plot(weights, saturation.slopes(weights), color=style.first)
    axes[0].set(xlabel="weight w", ylabel="slope, w (1 − w)", ylim=(0, 0.27))
    axes[0].set_title("A weight near 0 or 1 hardly moves")
    _median_slopes(axes[1], style)
    return picture


def _median_slopes(ax: Axes, style: Style) -> None:
    widths = saturation.WIDTHS
    kinds = (("divided by √dₖ", None, style.first), ("not divided", 1.0, style.second))
    for name, scale, colour in kinds:
        found = [saturation.median_slope(d_k, scale) for d_k in widths]
        (line,) = ax.plot(widths, found, "o-", color=colour, markersize=5)
        line.set_gid(f"slope-{'bare' if scale else 'scaled'}")
        place = 3 if scale is None else 5
        above = 0.012 if scale is None else 0.004
        _name(ax, (widths[place], found[place] + above), name, colour)
    ax.set_xscale("log", base=2)
    ax.set_xticks(widths[::3], [str(width) for width in widths[::3]])
    ax.set(xlabel="dₖ", ylabel="largest slope in a row, median", ylim=(0, 0.27))
    ax.set_title("1000 drawn rows of 7 keys")


@figure
def temperature(style: Style) -> Figure:
    """Draw the weights of one query at three temperatures, as bars."""
    picture, axes = style.panels(3, height=2.6)
    for ax, value in zip(axes, TEMPERATURES, strict=True):
        shares = softmax(example.scaled_scores()[ROW] / value)
        bars = ax.bar(example.TOKENS, shares, color=style.first, width=0.75)
        for number, bar in enumerate(bars):
            bar.set_gid(f"bar-{value:g}-{number}")
        ax.set(ylim=(0, 1.05), title=f"temperature {value:g}", xlabel="keys")
        ax.set_xticks(range(len(shares)), example.TOKENS, rotation=40, ha="right")
        ax.tick_params(axis="x", length=0)
        if ax is axes[0] or style.narrow:
            ax.set_ylabel(f"weight from “{example.TOKENS[ROW]}”")
    return picture


@figure
def masks(style: Style) -> Figure:
    """Draw a causal mask applied before the softmax, and after it, with the sums of the rows."""
    picture, axes = style.panels(2, height=3.5)
    ways = {
        "before": ("Mask, then softmax", saturation.masked_before()),
        "after": ("Softmax, then mask", saturation.masked_after()),
    }
    for ax, (name, (title, matrix)) in zip(axes, ways.items(), strict=True):
        _map(ax, matrix, style, name=name, title=title, blocked=~saturation.allowed())
        _row_sums(ax, matrix, style, name)
    return picture


def _row_sums(ax: Axes, matrix: np.ndarray, style: Style, name: str) -> None:
    n = len(matrix)
    ax.set_xlim(0, n + 1.2)
    for i, total in enumerate(matrix.sum(axis=-1)):
        text = ax.text(n + 0.15, i + 0.5, label(total), va="center", fontsize=9)
        text.set_gid(f"{name}-sum-{i}")
    ax.text(n + 0.15, -0.35, "sum", va="center", fontsize=9, color=style.muted)


def _map(ax: Axes, matrix: np.ndarray, style: Style, **options: object) -> None:
    title, names = options.pop("title"), options.pop("names", True)
    shown = {"names": names or style.narrow, **options}
    heatmap(ax, matrix, style, tokens=example.TOKENS, **shown)
    ax.set_title(title)


def _name(ax: Axes, place: tuple[float, float], text: str, colour: str) -> None:
    shift = {"xytext": (5, 3), "textcoords": "offset points"}
    ax.annotate(text, place, color=colour, fontsize=10, **shift)
