"""The explorer of chapter 3 as HTML that needs no script: what ``static/scores.js`` builds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from attend_course.kit.explorers.drawing import Html, box, element, formula, frame, heat_map, number

if TYPE_CHECKING:
    from attend_course.chapters.scores.explorer import ScoresExplorer

SIZE, CENTRE, UNIT = 260, 130, 29
"""The side of the plane, its origin, and the length of 1, in units of the drawing."""
SOURCE = (
    "Queries and keys were chosen by hand, so that you can check each number. Nothing was trained."
)

LEGEND = "Shaded side: score above 0. Its dashed edge: score 0."


def brief(x: float) -> str:
    """Write a number as `number` does, without zeros after the point that say nothing."""
    text = number(x)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def listed(row: Iterable[float]) -> str:
    """Write a row of numbers in brackets."""
    return f"({', '.join(map(brief, row))})"


def scores_html(explorer: ScoresExplorer) -> str:
    """Return the elements that ``static/scores.js`` builds, with the numbers of ``attend``."""
    title = element("p", {"class": "attend-map-title"}, "Scores")
    words = element("p", {"class": "attend-summary"}, explorer.summary())
    table = box("scroll", heat_map(explorer.picture(), "scores"))
    return frame(
        explorer.title,
        box("pair", _plane_box(explorer), box("large", title, table, words)),
        _formula(explorer),
        element("p", {"class": "attend-source"}, SOURCE),
        box(
            "buttons", element("span", {"class": "attend-muted"}, "Arrows move where scripts run.")
        ),
    )


def _plane_box(explorer: ScoresExplorer) -> Html:
    query = element("b", {"class": "attend-is-query"}, explorer.tokens[explorer.cell[0]])
    title = element(
        "p", {"class": "attend-map-title"}, "The query of ", query, " and all ",
        element("b", {"class": "attend-is-key"}, "keys"),
    )  # fmt: skip
    return box(
        "plane-box", title, plane(explorer), element("p", {"class": "attend-legend"}, LEGEND)
    )


def across(x: float) -> float:
    """Return where a first component stands on the plane."""
    return round(CENTRE + UNIT * x, 1)


def up(y: float) -> float:
    """Return where a second component stands on the plane."""
    return round(CENTRE - UNIT * y, 1)


def plane(explorer: ScoresExplorer) -> Html:
    """Return the arrows of one query and of all keys, as SVG."""
    i, j = explorer.cell
    results = explorer.results
    keys = [
        _arrow(results["k"][c], f"is-key{' is-seen' if c == j else ''}", explorer.tokens[c])
        for c in range(len(explorer.tokens))
    ]
    query = results["q"][i]
    settings = {"viewBox": f"0 0 {SIZE} {SIZE}", "class": "attend-plane", "role": "img"}
    label = f"The query of {explorer.tokens[i]} is {listed(query)}. " + " ".join(
        f"The key of {word} is {listed(key)}."
        for word, key in zip(explorer.tokens, results["k"], strict=True)
    )
    parts = [*_grid(), *_zero(query), *_shadow(query, results["k"][j]), *keys]
    # The title names the query; a word at its tip would cover that of a key that agrees.
    parts.append(_arrow(query, "is-query is-seen", ""))
    return element("svg", settings | {"aria-label": label}, *parts)


def _grid() -> list[Html]:
    ends = [across(-4.3), across(4.3)]
    lines = []
    for place in range(-4, 5):
        name = "attend-gridline is-axis" if place == 0 else "attend-gridline"
        at = across(place)
        lines.append(_line((at, ends[0]), (at, ends[1]), name))
        lines.append(_line((ends[0], at), (ends[1], at), name))
    return lines


def _line(start: Sequence[float], end: Sequence[float], name: str) -> Html:
    place = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
    return element("line", place | {"class": name})


def _point(vector: Sequence[float]) -> tuple[float, float]:
    return across(vector[0]), up(vector[1])


def _zero(query: Sequence[float]) -> list[Html]:
    """Shade the side of the plane where keys agree with the query; its edge has score 0."""
    size = math.hypot(*query)
    if size == 0:
        return []
    x, y = query[0] / size, query[1] / size
    corners = [(-9 * y, 9 * x), (9 * y, -9 * x), (9 * y + 9 * x, -9 * x + 9 * y),
               (-9 * y + 9 * x, 9 * x + 9 * y)]  # fmt: skip
    points = " ".join(f"{a},{b}" for a, b in map(_point, corners))
    side = element("polygon", {"points": points, "class": "attend-agrees"})
    return [side, _line(_point(corners[0]), _point(corners[1]), "attend-zero")]


def _shadow(query: Sequence[float], key: Sequence[float]) -> list[Html]:
    square = query[0] ** 2 + query[1] ** 2
    if square == 0:
        return []
    along = (query[0] * key[0] + query[1] * key[1]) / square
    foot = _point((along * query[0], along * query[1]))
    return [
        _line(_point(key), foot, "attend-drop"),
        _line(_point((0, 0)), foot, "attend-foot"),
    ]


def _arrow(vector: Sequence[float], name: str, word: str) -> Html:
    start, tip = _point((0, 0)), _point(vector)
    head = element("polygon", {"points": _head(vector), "class": "attend-head"})
    text = element("text", _beside(vector) | {"class": "attend-word"}, word)
    parts = [_line(start, tip, "attend-shaft"), head, text]
    return element("g", {"class": f"attend-arrow {name}"}, *parts)


def _head(vector: Sequence[float]) -> str:
    """Return the three corners of an arrow's head; without a direction, none."""
    size = math.hypot(*vector)
    if size == 0:
        return ""
    x, y = vector[0] / size, -vector[1] / size
    tip = _point(vector)
    back = (tip[0] - 10 * x, tip[1] - 10 * y)
    corners = (tip, (back[0] - 5 * y, back[1] + 5 * x), (back[0] + 5 * y, back[1] - 5 * x))
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in corners)


def _beside(vector: Sequence[float]) -> dict[str, object]:
    """Return the place of an arrow's word: beyond its tip, and inside the plane."""
    size = math.hypot(*vector) or 1.0
    x, y = across(vector[0]) + 11 * vector[0] / size, up(vector[1]) - 13 * vector[1] / size + 4
    side = "start" if x < 50 else "end" if x > SIZE - 50 else "middle"
    return {"x": f"{x:.1f}", "y": f"{min(max(y, 12), SIZE - 6):.1f}", "text-anchor": side}


def _signed(x: float) -> str:
    return f"({brief(x)})" if x < 0 else brief(x)


def _formula(explorer: ScoresExplorer) -> Html:
    i, j = explorer.cell
    tokens = explorer.tokens
    lines = {
        "score": _score_line(explorer, i, j),
        "lengths": _length_line(explorer, i, j),
        "angle": _angle_line(explorer, i, j),
    }
    return formula((tokens[i], tokens[j]), explorer.locked, lines, "formula is-short")


def _result(x: float) -> Html:
    return element("b", {"class": "attend-nowrap"}, brief(x))


def _score_line(explorer: ScoresExplorer, i: int, j: int) -> list[str]:
    score = _result(explorer.scores[i, j])
    if explorer.computed_by:
        return [f"{explorer.computed_by} gives ", score]
    pairs = zip(explorer.results["q"][i], explorer.results["k"][j], strict=True)
    products = " + ".join(f"{_signed(x)} × {_signed(y)}" for x, y in pairs)
    return ["q · k = ", products, " = ", score]


def _length_line(explorer: ScoresExplorer, i: int, j: int) -> list[str]:
    q, k = explorer.results["lengths_q"][i], explorer.results["lengths_k"][j]
    return ["|q| = ", _result(q), ", |k| = ", _result(k)]


def _angle_line(explorer: ScoresExplorer, i: int, j: int) -> list[str]:
    results = explorer.results
    angle = results["angles"][i][j]
    if angle is None:
        return ["none: an arrow of length 0 has no direction"]
    q, k = results["lengths_q"][i], results["lengths_k"][j]
    cosine = results["cosines"][i][j]
    product = f"{brief(q)} × {brief(k)} × {_signed(cosine)} = "
    return [_result(angle), Html("°; |q| |k| cos = "), product, _result(q * k * cosine)]
