"""Figures of chapter 3, "Attention scores"."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Arc, Rectangle

from attend_course.chapters.scores import example
from attend_course.kit.figures.registry import figure
from attend_course.kit.figures.style import Style, heatmap, label

ROW, COLUMN = example.FOCUS
LENGTHS = (8, 16, 32)
"""Numbers of words whose matrices are drawn as squares."""


@figure
def product(style: Style) -> Figure:
    """Draw Q, the transpose of K and their product, one row and column marked."""
    picture, (ax,) = style.panels(1, height=3.6, stacked=3.5)
    q, k, found = example.queries(), example.keys(), example.all_scores()
    _numbers(ax, q, (0.0, 2.4), style, "q")
    _numbers(ax, k.T, (2.4, 0.0), style, "k")
    _numbers(ax, found, (2.4, 2.4), style, "scores")
    _mark(ax, (0.0, 2.4 + ROW), (2, 1), style.first)
    _mark(ax, (2.4 + COLUMN, 0.0), (1, 2), style.second)
    _mark(ax, (2.4 + COLUMN, 2.4 + ROW), (1, 1), style.ink)
    _product_names(ax, style)
    return picture


def _product_names(ax: Axes, style: Style) -> None:
    for place, word in enumerate(example.TOKENS):
        ax.text(-0.15, 2.9 + place, word, ha="right", va="center", color=style.ink)
        turned: dict[str, Any] = {
            "rotation": 40,
            "rotation_mode": "anchor",
            "ha": "left",
            "va": "bottom",
        }
        ax.text(2.75 + place, -0.12, word, color=style.ink, **turned)
    ax.text(1, 6.75, "Q  (4, 2)", ha="center", va="center", color=style.first)
    ax.text(6.55, 1, "Kᵀ\n(2, 4)", ha="left", va="center", color=style.second)
    ax.text(4.4, 6.75, "scores  (4, 4)", ha="center", va="center", color=style.ink)
    ax.set(xlim=(-1.6, 7.6), ylim=(7.0, -1.4), aspect="equal")
    ax.axis("off")


def _numbers(
    ax: Axes, matrix: np.ndarray, corner: tuple[float, float], style: Style, name: str
) -> None:
    for i, row in enumerate(matrix):
        for j, value in enumerate(row):
            place = (corner[0] + j, corner[1] + i)
            square = Rectangle(place, 1, 1, facecolor="none", edgecolor=style.line, linewidth=0.8)
            ax.add_patch(square)
            text = ax.text(
                place[0] + 0.5, place[1] + 0.5, label(value, 0), ha="center", va="center"
            )
            text.set_gid(f"{name}-entry-{i}-{j}")


def _mark(ax: Axes, corner: tuple[float, float], size: tuple[float, float], colour: str) -> None:
    ax.add_patch(Rectangle(corner, *size, facecolor=colour, alpha=0.16, linewidth=0))
    ax.add_patch(Rectangle(corner, *size, facecolor="none", edgecolor=colour, linewidth=2.2))


@figure
def matrix(style: Style) -> Figure:
    """Draw the scores of the running sentence as a heat map, with the sums of its rows."""
    picture, (ax,) = style.panels(1, height=3.4, stacked=3.3)
    found = example.all_scores()
    heatmap(ax, found, style, tokens=example.TOKENS, name="scores", digits=0, size=10)
    ax.set_xlim(0, len(found) + 1.1)
    for i, total in enumerate(example.row_sums()):
        text = ax.text(len(found) + 0.55, i + 0.5, label(total, 0), ha="center", va="center")
        text.set_gid(f"sum-{i}")
        text.set_color(style.muted)
    ax.text(len(found) + 0.55, -0.25, "sum", ha="center", va="bottom", color=style.muted)
    return picture


ANGLES = (("gulls", "acute"), ("steal", "right"), ("Hungry", "obtuse"))
"""Keys that the query of "steal" meets at three kinds of angle."""


@figure
def angles(style: Style) -> Figure:
    """Draw the query of "steal" with three keys: acute, right and obtuse angle."""
    picture, axes = style.panels(3, height=2.35, stacked=2.7)
    for ax, (word, kind) in zip(axes, ANGLES, strict=True):
        _pair(ax, word, style)
        score = example.all_scores()[ROW, example.TOKENS.index(word)]
        angle = example.angle("steal", word)
        ax.set_title(f"{kind}: {angle:.0f}°, score {label(score, 0)}")
    return picture


def _pair(ax: Axes, word: str, style: Style) -> None:
    query = example.queries()[ROW]
    key = example.keys()[example.TOKENS.index(word)]
    _zero_line(ax, query, style)
    foot = query * (query @ key) / (query @ query)
    ax.plot(*zip(key, foot, strict=True), color=style.muted, linewidth=1.2, linestyle=":")
    ax.plot([0, foot[0]], [0, foot[1]], color=style.second, linewidth=7, alpha=0.35)
    _angle(ax, query, key, style)
    _arrow(ax, query, style.first)
    _arrow(ax, key, style.second)
    _name(ax, query, "query", (0.0, 0.5), style.first)
    _name(ax, key, f"key of “{word}”", (0.0, -0.85 if key[1] < 1.5 else 0.4), style.second)
    ax.set(xlim=(-3.4, 3.9), ylim=(-3.0, 3.0), aspect="equal", xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)


def _zero_line(ax: Axes, query: np.ndarray, style: Style) -> None:
    across = np.array([-query[1], query[0]]) / np.hypot(*query)
    ends = np.array([-9 * across, 9 * across])
    ahead = ends[::-1] + 9 * query / np.hypot(*query)
    ax.fill(*np.vstack([ends, ahead]).T, color=style.first, alpha=0.08, linewidth=0)
    ax.plot(*ends.T, color=style.line, linewidth=1.2, linestyle="--")


def _angle(ax: Axes, query: np.ndarray, key: np.ndarray, style: Style) -> None:
    turns = sorted(np.degrees(np.arctan2(v[1], v[0])) for v in (query, key))
    # The smaller of the two angles between the arrows.
    first, last = turns if turns[1] - turns[0] <= 180 else (turns[1], turns[0] + 360)
    ax.add_patch(Arc((0, 0), 1.5, 1.5, theta1=first, theta2=last, color=style.ink, linewidth=1.4))


def _arrow(ax: Axes, vector: np.ndarray, colour: str) -> None:
    look: dict[str, Any] = {
        "arrowstyle": "-|>",
        "color": colour,
        "linewidth": 2.2,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    ax.annotate("", tuple(vector), (0, 0), arrowprops=look)


def _name(ax: Axes, tip: np.ndarray, text: str, shift: tuple[float, float], colour: str) -> None:
    place = np.clip(tip + np.array(shift), (-1.9, -2.8), (2.4, 2.8))
    ax.text(place[0], place[1], text, ha="center", va="center", color=colour, fontsize=9.5)


@figure
def cosine(style: Style) -> Figure:
    """Draw scores beside cosines: the highest of a row may stand elsewhere."""
    picture, axes = style.panels(2, height=3.5, stacked=3.2)
    ways = (
        ("scores", "Scores q · k", example.all_scores(), 0),
        ("cosines", "Cosines of the angles", example.cosines(example.queries(), example.keys()), 2),
    )
    for ax, (name, title, found, digits) in zip(axes, ways, strict=True):
        heatmap(ax, found, style, tokens=example.TOKENS, name=name, digits=digits, size=9.5)
        for i, j in enumerate(found.argmax(axis=-1)):
            edge = Rectangle((j + 0.04, i + 0.04), 0.92, 0.92, facecolor="none")
            edge.set(edgecolor=style.second, linewidth=2.5, gid=f"{name}-best-{i}-{j}")
            ax.add_patch(edge)
        ax.set_title(title)
    return picture


@figure
def loops(style: Style) -> Figure:
    """Draw when the triple loop has each score ready, beside the scores of one product."""
    picture, axes = style.panels(2, height=3.4, stacked=3.2)
    done = example.progress()
    tokens = example.TOKENS
    heatmap(axes[0], done, style, tokens=tokens, name="done", digits=0, limit=2 * done.max())
    axes[0].set_title("Loops: multiply-adds made so far")
    heatmap(axes[1], example.all_scores(), style, tokens=tokens, name="scores", digits=0)
    axes[1].set_title(f"One product: the same {example.multiply_adds(4)}")
    return picture


@figure
def growth(style: Style) -> Figure:
    """Draw how the number of scores grows with the number of words."""
    picture, axes = style.panels(2, height=3.0, stacked=2.9)
    _squares(axes[0], style)
    n = np.arange(0, example.LONG[-1] + 1, 16)
    axes[1].plot(n, [example.score_count(int(x)) / 1e3 for x in n], color=style.first)
    marks = [example.score_count(x) / 1e3 for x in example.LONG]
    (points,) = axes[1].plot(example.LONG, marks, "o", color=style.first, markersize=6)
    points.set_gid("growth-points")
    axes[1].set(xlabel="words n", ylabel="scores, thousands", title="n² scores", ylim=(0, 1150))
    axes[1].set_xticks(example.LONG[1:], [str(x) for x in example.LONG[1:]])
    return picture


def _squares(ax: Axes, style: Style) -> None:
    left = 0.0
    for n in LENGTHS:
        edges: dict[str, Any] = {"color": style.line, "linewidth": 0.6}
        ax.add_patch(Rectangle((left, 0), n, n, facecolor=style.first, alpha=0.18, linewidth=0))
        ax.vlines(left + np.arange(n + 1), 0, n, **edges)
        ax.hlines(np.arange(n + 1), left, left + n, **edges)
        words = f"n = {n}\n{example.score_count(n)}"
        text = ax.text(left + n / 2, -1.5, words, ha="center", va="top", color=style.ink)
        text.set_gid(f"square-{n}")
        left += n + 6
    ax.set(xlim=(-1, left - 5), ylim=(-10, 33), aspect="equal", title="One cell for each score")
    ax.axis("off")
