"""Figures of chapter 2, "Self-attention: queries, keys, values"."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from attend_course.chapters.queries_keys_values import example
from attend_course.kit.figures.registry import figure
from attend_course.kit.figures.style import Style, heatmap, label

THICKEST = 9.0
"""Width in points of a line that stands for a weight of 1."""
_LOOKUPS = ("fits one key", "fits two keys", "is too small to tell")


@figure
def one_graph(style: Style) -> Figure:
    """Draw self-attention as a graph: every output takes from every word, itself included."""
    picture, axes = style.panels(2, height=3.3)
    kinds = (("x itself", example.plain_weights()), ("projected", example.weights()))
    for ax, (name, weights) in zip(axes, kinds, strict=True):
        _graph(ax, weights, style, name)
        ax.set_title("x itself in all three roles" if name == "x itself" else "with W_Q, W_K, W_V")
    return picture


def _graph(ax: Axes, weights: np.ndarray, style: Style, name: str) -> None:
    n = len(weights)
    others = [(i, j) for i in range(n) for j in range(n) if i != example.SEAL]
    for i, j in [*others, *((example.SEAL, j) for j in range(n))]:
        chosen = i == example.SEAL
        colour = style.first if chosen else style.line
        width = THICKEST * weights[i, j] if chosen else 0.6
        (line,) = ax.plot([j, i], [0.12, 0.88], color=colour, linewidth=width, zorder=1 + chosen)
        line.set_gid(f"{name}-line-{i}-{j}")
        line.set_solid_capstyle("round")
    for j, token in enumerate(example.TOKENS):
        share = label(weights[example.SEAL, j])
        _text(ax, (j, 0.05), token, style.ink, va="top")
        _text(ax, (j, -0.07), share, style.first, va="top", gid=f"{name}-share-{j}")
        chosen = j == example.SEAL
        _text(ax, (j, 0.94), token, style.first if chosen else style.ink, bold=chosen)
    _text(
        ax, (-0.55, -0.19), "words, and what “seal” takes of each", style.muted, ha="left", va="top"
    )
    _text(ax, (-0.55, 1.05), "outputs", style.muted, ha="left")
    ax.set(xlim=(-0.6, n - 0.4), ylim=(-0.3, 1.15))
    ax.axis("off")


@figure
def hard_and_soft(style: Style) -> Figure:
    """Draw one table looked up with three queries: bars are weights, below is what comes out."""
    picture, axes = style.panels(3, height=3.2)
    for ax, number in zip(axes, range(3), strict=True):
        _lookup(ax, number, style)
    return picture


def _lookup(ax: Axes, number: int, style: Style) -> None:
    found = example.table_weights(number)
    query, result = _vector(example.TABLE_QUERIES[number]), _vector(example.look_up(number))
    _text(ax, (0, -1.45), f"q = {query}", style.first, bold=True, ha="left")
    _text(ax, (0, -0.9), _LOOKUPS[number], style.muted, ha="left")
    for place, name, side in (
        (0, "key", "left"),
        (1.1, "weight", "left"),
        (3.35, "value", "right"),
    ):
        _text(ax, (place, -0.1), name, style.muted, ha=side, size=9)
    for j, weight in enumerate(found):
        bar = _bar(ax, (1.1, j + 0.2), weight, style)
        bar.set_gid(f"lookup-{number}-{j}")
        _text(ax, (0, j + 0.5), _vector(example.TABLE_KEYS[j]), style.ink, ha="left", size=9)
        _text(ax, (1.76, j + 0.5), label(weight), style.ink, ha="left", size=9)
        _text(ax, (3.35, j + 0.5), _vector(example.TABLE_VALUES[j]), style.ink, ha="right", size=9)
    _text(ax, (0, 4.6), f"output {result}", style.second, ha="left", bold=True)
    ax.set(xlim=(-0.02, 3.4), ylim=(5.0, -1.8))
    ax.axis("off")


def _bar(ax: Axes, place: tuple[float, float], weight: float, style: Style) -> Rectangle:
    full = 0.6
    ax.add_patch(Rectangle(place, full, 0.6, facecolor=style.low, linewidth=0))
    bar = Rectangle(place, full * weight, 0.6, facecolor=style.first, linewidth=0)
    ax.add_patch(bar)
    return bar


@figure
def three_roles(style: Style) -> Figure:
    """Draw how x makes queries, keys and values: every entry of every matrix, with its shape."""
    picture = Figure(figsize=(style.width, 5.0 if style.narrow else 4.6), layout="constrained")
    ax = picture.subplots()
    roles = (
        ("Q", example.W_Q, example.queries(), style.first),
        ("K", example.W_K, example.keys(), style.second),
        ("V", example.W_V, example.values(), style.third),
    )
    gap = 0.0 if style.narrow else 1.6
    rows = {"names": example.TOKENS, "columns": example.COMPONENTS}
    _grid(ax, (0, 5.2), example.x(), style, name="x", colour=style.ink, title="x (4, 3)", **rows)
    for place, (role, matrix, result, colour) in enumerate(roles):
        top = 5.2 * place
        _text(ax, (4.0 + gap / 2, top + 2.0), "×", style.muted, size=13)
        _grid(ax, (4.9 + gap, top + 0.5), matrix, style, name=f"W_{role}", colour=colour,
              title=f"W_{role} (3, 2)")  # fmt: skip
        _text(ax, (7.9 + 1.5 * gap, top + 2.0), "=", style.muted, size=13)
        _grid(ax, (8.9 + 2 * gap, top), result, style, name=role, colour=colour,
              title=f"{role} (4, 2)")  # fmt: skip
    ax.set(xlim=(-2.6, 11.3 + 2 * gap), ylim=(14.9, -1.6))
    ax.set_aspect("auto")
    ax.axis("off")
    return picture


def _grid(
    ax: Axes, corner: tuple[float, float], matrix: np.ndarray, style: Style, **options: object
) -> None:
    left, top = corner
    _text(
        ax, (left + matrix.shape[1] / 2, top - 0.55), options["title"], options["colour"], bold=True
    )
    for i, j in np.ndindex(matrix.shape):
        box = Rectangle((left + j, top + i), 0.94, 0.92, facecolor=style.low,
                        edgecolor=options["colour"], linewidth=0.8)  # fmt: skip
        ax.add_patch(box)
        gid = f"{options['name']}-entry-{i}-{j}"
        _text(ax, (left + j + 0.47, top + i + 0.48), _whole(matrix[i, j]), style.ink, gid=gid)
    for i, token in enumerate(options.get("names", ())):
        _text(ax, (left - 0.2, top + i + 0.48), token, style.muted, ha="right")
    for j, column in enumerate(options.get("columns", ())):
        place = (left + j + 0.47, top + len(matrix) + 0.15)
        ax.text(*place, column, color=style.muted, rotation=40, ha="right", va="top", fontsize=9.5)


@figure
def symmetric_or_not(style: Style) -> Figure:
    """Draw the scores of x with itself beside those of queries with keys."""
    picture, axes = style.panels(2, height=3.1)
    kinds = (
        ("plain", "x xᵀ", example.plain_scores()),
        ("projected", "Q Kᵀ", example.projected_scores()),
    )
    for ax, (name, title, matrix) in zip(axes, kinds, strict=True):
        heatmap(ax, matrix, style, tokens=example.TOKENS, name=name, digits=0, limit=3.0, size=10)
        ax.set_title(title)
    return picture


@figure
def same_word_two_sentences(style: Style) -> Figure:
    """Draw the value of "seal" and its output in either sentence, in the plane of sea and mail."""
    width = style.width if style.narrow else 5.2
    picture = Figure(figsize=(width, 3.3), layout="constrained")
    ax = picture.subplots()
    start = example.values()[example.SEAL]
    for sentence, colour in zip(example.SENTENCES, (style.first, style.second), strict=True):
        end = example.output(sentence)[example.SEAL]
        ax.annotate(
            "", end, start, arrowprops={"arrowstyle": "->", "color": colour, "linewidth": 2}
        )
        (dot,) = ax.plot(*end, "o", color=colour, markersize=8)
        word = example.words(sentence)[-1]
        dot.set_gid(f"output-{word}")
        far = end[0] < end[1]
        shift = {"xytext": (0, -15) if far else (-11, 0), "textcoords": "offset points"}
        side = "left" if far else "right"
        ax.annotate(f"beside “{word}”", end, color=colour, ha=side, va="center", **shift)
    ax.plot(*start, "s", color=style.muted, markersize=8)
    ax.annotate("value of “seal”", start, xytext=(0, 9), textcoords="offset points",
                color=style.muted, ha="right")  # fmt: skip
    ax.set(xlim=(0, 1.25), ylim=(0, 1.25), xlabel="sea", ylabel="mail")
    ax.set_xticks([0, 0.5, 1])
    ax.set_yticks([0, 0.5, 1])
    return picture


def _text(
    ax: Axes, place: tuple[float, float], text: object, colour: object, **options: object
) -> None:
    written = ax.text(
        *place,
        str(text),
        color=colour,
        ha=options.get("ha", "center"),
        va=options.get("va", "center"),
        fontsize=options.get("size", 10),
        fontweight="bold" if options.get("bold") else "normal",
    )
    written.set_gid(options.get("gid"))


def _vector(row: Sequence[float]) -> str:
    return f"({', '.join(_whole(x) for x in row)})"


def _whole(x: float) -> str:
    return f"{round(float(x), 1):g}".replace("-", "−")
