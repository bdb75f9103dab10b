"""What each scene of the film draws when a share of its movement, from 0 to 1, is over."""

from __future__ import annotations

import numpy as np

from attend_course.chapters.film.canvas import STYLE, Canvas, ease, turns
from attend_course.chapters.film.example import WORD, story

TOP, ROW = 7.25, 0.58


def _y(row: int) -> float:
    return TOP - ROW * row


def _heading(canvas: Canvas, text: str) -> None:
    canvas.text(0.6, 8.45, text, 22, color=STYLE.muted)


def _words(canvas: Canvas, x: float, chosen: int | None = None) -> None:
    for row, word in enumerate(story().words):
        colour = STYLE.second if row == chosen else STYLE.ink
        canvas.text(x, _y(row), word, 22, ha="right", color=colour)


def _rows(x: float, width: float) -> tuple[float, float, float, float]:
    """Return the frame of a table with a row for each word."""
    count = len(story().words)
    return x, _y(count - 1) - ROW / 2, width, ROW * count


def words(canvas: Canvas, progress: float) -> None:
    """Let the sentence come in, and fall into its pieces."""
    pieces = story().words
    widths = [0.45 + 0.27 * len(word) for word in pieces]
    gap = 0.25
    x = (16 - sum(widths) - gap * (len(widths) - 1)) / 2
    for word, width, shown in zip(
        pieces, widths, turns(progress, len(pieces), 0, 0.6), strict=True
    ):
        canvas.text(x + width / 2, 4.9, word, 30, ha="center", shown=shown)
        box = ease(progress, 0.7, 1)
        canvas.box((x, 4.5), (width, 0.8), alpha=box, edgecolor=STYLE.first)
        x += width + gap


def vectors(canvas: Canvas, progress: float) -> None:
    """Turn each piece into a row of numbers, then add its position."""
    told = story()
    _heading(canvas, "One row of numbers for each piece")
    _words(canvas, 2.5)
    moved = ease(progress, 0.62, 0.9)
    rows = told.embedded + moved * (told.entering - told.embedded)
    shown = np.array(turns(progress, len(told.words), 0, 0.5))[:, None]
    canvas.signed(rows, _rows(2.8, 12.6), _most(told.entering), shown)
    place = "with positions added" if moved > 0.5 else "from the table of embeddings"
    d_model = rows.shape[1]
    canvas.text(15.4, 8.45, f"{d_model} numbers a row, {place}", 17, ha="right", color=STYLE.muted)


def _most(rows: np.ndarray) -> float:
    """Return a bound that all but the most extreme numbers keep."""
    return float(np.quantile(np.abs(rows), 0.98))


def projections(canvas: Canvas, progress: float) -> None:
    """Make a query, a key and a value from each row."""
    told = story()
    _heading(canvas, "Three rows from one: query, key, value")
    _words(canvas, 2.1)
    canvas.signed(told.entering, _rows(2.4, 3.2), _most(told.entering))
    canvas.text(4.0, 1.6, "x", 20, ha="center", color=STYLE.muted)
    parts = ((told.q, "queries", "what it looks for"), (told.k, "keys", "what it is found by"),
             (told.v, "values", "what it gives"))  # fmt: skip
    for number, (rows, name, role) in enumerate(parts):
        shown = ease(progress, 0.1 + 0.3 * number, 0.35 + 0.3 * number)
        x = 6.4 + 3.2 * number
        canvas.signed(rows, _rows(x, 2.8), _most(rows), shown)
        canvas.text(x + 1.4, 7.9, name, 21, ha="center", shown=shown)
        canvas.text(x + 1.4, 1.6, role, 16, ha="center", shown=shown, color=STYLE.muted)


def scoring(canvas: Canvas, progress: float) -> None:
    """Hold the query of one word against every key."""
    told = story()
    _heading(canvas, f"The query of “{WORD}” meets every key")
    _words(canvas, 2.1, told.word)
    _query(canvas)
    shown = turns(progress, len(told.words), 0.12, 0.8)
    canvas.signed(told.k, _rows(2.4, 6.4), _most(told.k), np.array(shown)[:, None])
    divided = ease(progress, 0.85, 1)
    canvas.text(11.0, 7.9, "q · k", 20, ha="right", color=STYLE.muted)
    root = f"q · k / √{told.q.shape[1]}"
    canvas.text(14.2, 7.9, root, 20, ha="right", color=STYLE.muted, shown=divided)
    for row, visible in enumerate(shown):
        canvas.text(11.0, _y(row), f"{told.products[row]:.2f}", 21, ha="right", shown=visible)
        canvas.text(14.2, _y(row), f"{told.scores[row]:.2f}", 21, ha="right", shown=divided)


def _query(canvas: Canvas) -> None:
    told = story()
    canvas.signed(told.q[told.word][None], (2.4, 7.7, 6.4, 0.4), _most(told.q))
    canvas.text(2.1, 7.9, "query", 20, ha="right", color=STYLE.second)


def weighing(canvas: Canvas, progress: float) -> None:
    """Turn scores into weights."""
    told = story()
    _heading(canvas, "The softmax makes weights of the scores")
    _words(canvas, 2.1, told.word)
    canvas.text(3.9, 7.9, "score", 20, ha="right", color=STYLE.muted)
    canvas.text(5.0, 7.9, "weight", 20, color=STYLE.muted)
    grown = ease(progress, 0.25, 0.9)
    for row, (score, weight) in enumerate(zip(told.scores, told.weights, strict=True)):
        canvas.text(3.9, _y(row), f"{score:.2f}", 21, ha="right")
        canvas.box((5.0, _y(row) - 0.2), (8.2 * weight * grown, 0.4), facecolor=STYLE.first,
                   edgecolor="none")  # fmt: skip
        canvas.text(14.9, _y(row), f"{weight:.2f}", 21, ha="right", shown=ease(progress, 0.8, 1))
    canvas.text(14.9, 1.6, f"sum {told.weights.sum():.2f}", 20, ha="right", color=STYLE.muted,
                shown=ease(progress, 0.8, 1))  # fmt: skip


def mixing(canvas: Canvas, progress: float) -> None:
    """Add the values, each as strong as its weight."""
    told = story()
    _heading(canvas, f"What “{WORD}” takes: every value, times its weight, added up")
    _words(canvas, 2.1, told.word)
    shares = np.array(turns(progress, len(told.words), 0.1, 0.85))
    most = float(np.abs(told.mixture).max())
    canvas.signed(told.v * told.weights[:, None], _rows(2.4, 8.4), most)
    for row, weight in enumerate(told.weights):
        canvas.text(12.4, _y(row), f"times {weight:.2f}", 20, ha="right", color=STYLE.muted)
        canvas.box((2.4, _y(row) - ROW / 2), (8.4, ROW), edgecolor=STYLE.second,
                   alpha=float(4 * shares[row] * (1 - shares[row])))  # fmt: skip
    total = (shares * told.weights) @ told.v
    canvas.signed(total[None], (2.4, 1.5, 8.4, 0.5), most)
    canvas.text(2.1, 1.75, "sum", 21, ha="right", color=STYLE.second)


def heads(canvas: Canvas, progress: float) -> None:
    """Fill the map of one head, then show those of all heads and layers."""
    told = story()
    _heading(canvas, "Every word asks: one map. Several heads, several layers")
    chosen = told.maps[0, told.head]
    size = 0.58
    shown = np.array(turns(progress, len(chosen), 0, 0.45))[:, None]
    _words(canvas, 2.1, told.word)
    canvas.shares(chosen, _rows(2.4, size * len(chosen)), shown)
    canvas.text(2.4 + size * len(chosen) / 2, 1.6, "columns: the same words, as keys", 16,
                ha="center", color=STYLE.muted)  # fmt: skip
    layers, count = told.maps.shape[:2]
    small = turns(progress, layers * count, 0.5, 1)
    for number, one in enumerate(told.maps.reshape(-1, *chosen.shape)):
        layer, head = divmod(number, count)
        canvas.shares(one, (9.3 + 1.5 * head, 6.3 - 1.42 * layer, 1.3, 1.25), small[number])
    for layer in range(layers):
        canvas.text(9.1, 6.9 - 1.42 * layer, f"layer {layer + 1}", 16, ha="right",
                    color=STYLE.muted, shown=small[layer * count])  # fmt: skip


def writing(canvas: Canvas, progress: float) -> None:
    """Write the translation, piece by piece, and show where each step looks."""
    told = story()
    _heading(canvas, "The decoder writes, and looks back at the sentence")
    shown = turns(progress, len(told.steps), 0.04, 0.97)
    rows = np.array([step.weights for step in told.steps])
    left, width = 2.6, 8.8
    each = width / len(told.words)
    for column, word in enumerate(told.words):
        canvas.text(left + each * (column + 0.5), 7.9, word, 17, ha="center", color=STYLE.muted)
    bottom = _y(len(rows) - 1) - ROW / 2
    canvas.shares(rows, (left, bottom, width, ROW * len(rows)), np.array(shown)[:, None])
    for row, (step, visible) in enumerate(zip(told.steps, shown, strict=True)):
        canvas.text(left - 0.3, _y(row), step.piece, 21, ha="right", shown=visible)
    _candidates(canvas, max(0, sum(part > 0 for part in shown) - 1))


def _candidates(canvas: Canvas, number: int) -> None:
    canvas.text(12.0, 7.9, "likeliest next piece", 17, color=STYLE.muted)
    for place, (piece, probability) in enumerate(story().steps[number].likely):
        y = 7.1 - 1.15 * place
        canvas.text(12.0, y, piece, 22)
        canvas.text(15.4, y, f"{probability:.2f}", 20, ha="right", color=STYLE.muted)
        canvas.box((12.0, y - 0.55), (3.4, 0.16), linewidth=0.8)
        canvas.box((12.0, y - 0.55), (3.4 * probability, 0.16), facecolor=STYLE.second,
                   edgecolor="none")  # fmt: skip


def ending(canvas: Canvas, progress: float) -> None:
    """Stand both sentences over each other, joined by the weights."""
    told = story()
    steps = told.steps[:-1]
    above, below = _spread(told.words, 6.3, canvas), _spread([s.piece for s in steps], 3.1, canvas)
    drawn = ease(progress, 0.2, 0.8)
    for step, x in zip(steps, below, strict=True):
        for weight, other in zip(step.weights, above, strict=True):
            if weight > 0.05:
                end = 3.6 + (5.8 - 3.6) * drawn
                canvas.line([x, x + (other - x) * drawn], [3.6, end], linewidth=9 * weight,
                            alpha=0.75)  # fmt: skip
    canvas.text(8, 1.75, "Now take it apart yourself.", 22, ha="center", color=STYLE.second,
                shown=ease(progress, 0.75, 1))  # fmt: skip


def _spread(pieces: tuple[str, ...] | list[str], y: float, canvas: Canvas) -> list[float]:
    xs = list(np.linspace(1.4, 14.6, len(pieces)))
    for x, piece in zip(xs, pieces, strict=True):
        canvas.text(x, y, piece, 26, ha="center")
    return xs
