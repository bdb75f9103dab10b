"""The explorer of chapter 2 as HTML that needs no script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attend_course.kit.explorers.drawing import (
    Html,
    box,
    element,
    frame,
    heat_map,
    mini_map,
    number,
    short,
    symbol,
    vector,
)

if TYPE_CHECKING:
    from attend_course.chapters.queries_keys_values.explorer import QueriesKeysValuesExplorer

_STAGES = {"scores": ("Scores", "q · k"), "weights": ("Weights", "softmax of each row")}
_SOURCE = (
    "The three components say how much a word has to do with the sea, with mail, and how unclear "
    "it is alone. Vectors and matrices were set by hand; nothing was trained. Scores are not "
    "divided here."
)


def queries_keys_values_html(explorer: QueriesKeysValuesExplorer) -> str:
    """Return the elements that the module builds, with the numbers of ``attend``."""
    title = element("p", {"class": "attend-map-title"}, _STAGES[explorer.stage][0])
    table = heat_map(explorer.picture(), explorer.stage)
    words = element("p", {"class": "attend-summary"}, explorer.summary())
    return frame(
        explorer.title,
        _controls(explorer),
        box("body", _stages(explorer), box("large", title, box("scroll", table), words)),
        _panel(explorer),
        element("p", {"class": "attend-source"}, _SOURCE),
        element("p", {"class": "attend-more"}, "More controls appear where scripts may run."),
    )


def _controls(explorer: QueriesKeysValuesExplorer) -> Html:
    how = (
        ["Projected by ", symbol("W", "Q"), ", ", symbol("W", "K"), ", ", symbol("W", "V")]
        if explorer.projected
        else [element("i", None, "x"), " itself is query, key and value"]
    )
    parts = [["Sentence: ", explorer.sentence], how]
    return box("controls", *(element("span", {"class": "attend-control"}, *p) for p in parts))


def _stages(explorer: QueriesKeysValuesExplorer) -> Html:
    return box("stages", *(_stage(explorer, stage) for stage in _STAGES))


def _stage(explorer: QueriesKeysValuesExplorer, stage: str) -> Html:
    title, how = _STAGES[stage]
    return element(
        "span",
        {"class": "attend-stage", "data-pressed": str(stage == explorer.stage).lower()},
        mini_map(explorer.picture(stage), stage),
        element("span", {"class": "attend-stage-title"}, title),
        element("span", {"class": "attend-stage-how"}, how),
    )


def _panel(explorer: QueriesKeysValuesExplorer) -> Html:
    i, j = explorer.cell
    locked = element("span", {"class": "attend-muted"}, " · locked" if explorer.locked else "")
    name = element("b", None, explorer.tokens[i])
    title = element("p", {"class": "attend-formula-title"}, name, " asks, all words answer", locked)
    lines = {
        "query": _query_line(explorer, i),
        "score": _score_line(explorer, i, j),
        "weight": _weight_line(explorer, i, j),
    }
    pairs = [element("dt", None, n) + element("dd", None, *line) for n, line in lines.items()]
    terms = element("dl", {"class": "attend-formula-lines"}, Html("".join(pairs)))
    return box("formula", title, _lookup(explorer, i, j), terms)


def _lookup(explorer: QueriesKeysValuesExplorer, i: int, j: int) -> Html:
    heads = ("word", "key k", "q · k", "weight", "value v")
    head = element("tr", None, *(element("th", {"scope": "col"}, name) for name in heads))
    rows = [_answer(explorer, i, c, c == j) for c in range(len(explorer.tokens))]
    name = element("th", {"scope": "row", "colspan": 3}, "output: values, mixed by weight")
    mixture = element("td", {"colspan": 2}, vector(explorer.output[i]))
    foot = element("tfoot", None, element("tr", None, name, mixture))
    body = element("tbody", None, *rows)
    return element("table", {"class": "attend-lookup"}, element("thead", None, head), body, foot)


def _answer(explorer: QueriesKeysValuesExplorer, i: int, c: int, seen: bool) -> Html:
    results: dict[str, Any] = explorer.results
    weight = results["weights"][i][c]
    share = {"class": "attend-share", "style": f"--share: {min(max(weight, 0), 1):.3f}"}
    return element(
        "tr",
        {"class": "is-seen" if seen else None},
        element("th", {"scope": "row"}, explorer.tokens[c]),
        element("td", None, vector(results["k"][c])),
        element("td", None, short(results["scores"][i][c])),
        element("td", share, number(weight)),
        element("td", None, vector(results["v"][c])),
    )


def _result(text: str) -> Html:
    return element("b", {"class": "attend-nowrap"}, text)


def _signed(x: float) -> str:
    return f"({short(x)})" if x < 0 else short(x)


def _query_line(explorer: QueriesKeysValuesExplorer, i: int) -> list[str]:
    found = _result(vector(explorer.results["q"][i]))
    letter = element("i", None, "x")
    if not explorer.projected:
        return ["q = ", letter, " = ", found]
    x = vector(explorer.results["x"][i])
    return ["q = ", letter, " ", symbol("W", "Q"), f" = {x} ", symbol("W", "Q"), " = ", found]


def _score_line(explorer: QueriesKeysValuesExplorer, i: int, j: int) -> list[str]:
    q, k = explorer.results["q"][i], explorer.results["k"][j]
    products = " + ".join(f"{_signed(a)} × {_signed(b)}" for a, b in zip(q, k, strict=True))
    return [
        f"q · k of {explorer.tokens[j]} = ",
        products,
        " = ",
        _result(short(explorer.scores[i, j])),
    ]


def _weight_line(explorer: QueriesKeysValuesExplorer, i: int, j: int) -> list[str]:
    weight = _result(number(explorer.weights[i, j]))
    if explorer.computed_by:
        return [f"{explorer.computed_by} gives ", weight]
    columns = range(len(explorer.tokens))
    below = " + ".join(_power(explorer, i, c, "b" if c == j else "span") for c in columns)
    return [_power(explorer, i, j, "b"), " ÷ (", Html(below), ") = ", weight]


def _power(explorer: QueriesKeysValuesExplorer, i: int, c: int, tag: str) -> Html:
    exponent = element("sup", None, short(explorer.scores[i, c]))
    return element(tag, {"class": "attend-nowrap"}, "e", exponent)
