"""The explorer of chapter 5 as HTML that needs no script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attend_course.kit.explorers.drawing import Html, box, element, formula, frame, heat_map, number

if TYPE_CHECKING:
    from attend_course.chapters.weighted_sum.explorer import WeightedSumExplorer

_UNIT, _MIDDLE = 32, 150
"""Pixels of the plane for a step of 1, and where its origin stands."""


def weighted_sum_html(explorer: WeightedSumExplorer) -> str:
    """Return the elements that ``static/weighted_sum.js`` builds, with ``attend``'s numbers."""
    title = element("p", {"class": "attend-map-title"}, "Weights")
    table = box("scroll", heat_map(explorer.picture(), "weights"))
    words = element("p", {"class": "attend-summary"}, explorer.summary())
    return frame(
        explorer.title,
        _controls(explorer),
        box("plane-body", _plane(explorer), box("large", title, table, words)),
        _sliders(explorer),
        _formula(explorer),
        element("p", {"class": "attend-source"}, SOURCE),
        element("p", {"class": "attend-more"}, "More controls appear where scripts may run."),
    )


SOURCE = (
    "Queries, keys and values were chosen by hand, so that values are points in the plane. "
    "Nothing was trained."
)


def _controls(explorer: WeightedSumExplorer) -> Html:
    query = explorer.results["tokens"][explorer.seen[0]]
    rule = f"Later words are masked: {'yes' if explorer.causal else 'no'}"
    parts = [
        element("span", {"class": "attend-control"}, text) for text in (f"Query {query}", rule)
    ]
    return box("controls", *parts)


def _sliders(explorer: WeightedSumExplorer) -> Html:
    i, _ = explorer.seen
    tokens = explorer.results["tokens"]
    title = element(
        "p", {"class": "attend-scores-title"}, f"Scaled scores of the query “{tokens[i]}”"
    )
    rows = [_score(*pair) for pair in zip(tokens, explorer.scores[i], strict=True)]
    return box("scores", title, *rows)


def _score(token: str, score: float) -> Html:
    name = element("span", {"class": "attend-label"}, token)
    value = element("span", {"class": "attend-value"}, short(score))
    return element("span", {"class": "attend-control"}, name, value)


def short(x: float) -> str:
    """Write a number with at most two decimals, and none that are zero."""
    text = number(x)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _pair(point: Sequence[float]) -> str:
    return f"({', '.join(number(x) for x in point)})"


def _short_pair(point: Sequence[float]) -> str:
    return f"({', '.join(short(x) for x in point)})"


def _nowrap(text: str, tag: str = "span") -> Html:
    return element(tag, {"class": "attend-nowrap"}, text)


def _formula(explorer: WeightedSumExplorer) -> Html:
    i, j = explorer.seen
    tokens = explorer.results["tokens"]
    lines = {
        "weight": _weight_line(explorer, i, j),
        "this value’s part": _part_line(explorer, i, j),
        "output, all parts together": _output_line(explorer, i, j),
    }
    return formula((tokens[i], tokens[j]), explorer.locked, lines)


def _weight_line(explorer: WeightedSumExplorer, i: int, j: int) -> list[str]:
    mask, row = explorer.results["mask"], explorer.results["scores"][i]
    weight = _nowrap(number(explorer.weights[i, j]), "b")
    if mask and not mask[i][j]:
        return ["the mask forbids this key: ", weight]
    terms = [c for c in range(len(row)) if not mask or mask[i][c]]
    below = " + ".join(_power(row[c], "b" if c == j else "span") for c in terms)
    return [_power(row[j], "b"), " ÷ (", Html(below), ") = ", weight]


def _power(score: float, tag: str) -> Html:
    return element(tag, {"class": "attend-nowrap"}, "e", element("sup", None, short(score)))


def _part_line(explorer: WeightedSumExplorer, i: int, j: int) -> list[str]:
    weight, value = explorer.weights[i, j], explorer.results["values"][j]
    part = [weight * x for x in value]
    return [_term(weight, value, "span"), " = ", _nowrap(_pair(part), "b")]


def _output_line(explorer: WeightedSumExplorer, i: int, j: int) -> list[str]:
    output = _nowrap(_pair(explorer.outputs[i]), "b")
    if explorer.computed_by:
        return [f"{explorer.computed_by} gives ", output]
    row = zip(explorer.weights[i], explorer.results["values"], strict=True)
    terms = [_term(*pair, "b" if c == j else "span") for c, pair in enumerate(row)]
    return [Html(" + ".join(terms)), " = ", output]


def _term(weight: float, value: Sequence[float], tag: str) -> Html:
    return _nowrap(f"{number(weight)} × {_short_pair(value)}", tag)


def _across(x: float) -> float:
    return round(_MIDDLE + _UNIT * x, 1)


def _up(y: float) -> float:
    return round(_MIDDLE - _UNIT * y, 1)


def _place(point: Sequence[float]) -> str:
    return f"{_across(point[0])},{_up(point[1])}"


def _plane(explorer: WeightedSumExplorer) -> Html:
    i, _ = explorer.seen
    results = explorer.results
    here = results["outputs"][i]
    threads = zip(results["values"], results["weights"][i], strict=True)
    ring = " ".join(_place(results["values"][c]) for c in results["corners"])
    parts = [
        *_axes(),
        element("polygon", {"points": ring, "class": "attend-hull"}),
        *(_thread(here, *pair) for pair in threads),
        *(_dot(point, 5, "attend-dot is-bare") for point in results["values"]),
        *(_dot(point, 4, "attend-dot is-scaled") for point in results["outputs"]),
        _dot(here, 8, "attend-dot is-output"),
        *(_name(*pair) for pair in zip(results["values"], results["tokens"], strict=True)),
    ]
    settings = {"viewBox": "0 0 300 300", "role": "img", "class": "attend-plot"}
    label = f"The output of {results['tokens'][i]} is {_pair(here)}."
    picture = element("svg", settings | {"aria-label": label}, *parts)
    caption = element("p", {"class": "attend-legend"}, CAPTION.format(results["tokens"][i]))
    return box("mixture", picture, caption)


CAPTION = (
    "Filled: the values. Rings: the outputs; the large one is that of “{}”. "
    "Lines: what it takes, the thicker the more."
)


def _axes() -> list[Html]:
    across = {"x1": _across(-4), "x2": _across(4), "y1": _up(0), "y2": _up(0)}
    up = {"x1": _across(0), "x2": _across(0), "y1": _up(-4), "y2": _up(4)}
    return [element("line", place | {"class": "attend-gridline"}) for place in (across, up)]


def _thread(here: Sequence[float], value: Sequence[float], weight: float) -> Html:
    ends = {"x1": _across(here[0]), "y1": _up(here[1])}
    ends |= {"x2": _across(value[0]), "y2": _up(value[1])}
    width = {"stroke-width": f"{10 * weight:.2f}"}
    return element("line", ends | width | {"class": "attend-thread"})


def _dot(point: Sequence[float], size: int, name: str) -> Html:
    place = {"cx": _across(point[0]), "cy": _up(point[1])}
    return element("circle", place | {"r": size, "class": name})


def _name(point: Sequence[float], token: str) -> Html:
    place = {"x": _across(point[0]), "y": _up(point[1]) + (-10 if point[1] >= 0 else 19)}
    return element("text", place | {"class": "attend-name is-middle"}, token)
