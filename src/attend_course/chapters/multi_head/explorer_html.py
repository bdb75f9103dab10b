"""The explorer of chapter 6 as HTML that needs no script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attend_course.kit.explorers.drawing import (
    Html,
    box,
    element,
    formula,
    frame,
    heat_map,
    mini_map,
    number,
    short,
)

if TYPE_CHECKING:
    from attend_course.chapters.multi_head.explorer import MultiHeadExplorer

SOURCE = (
    "Scores of the course’s own translator, a trained model, for this sentence; rounded to four "
    "decimals. The weights are computed from them here."
)


def multi_head_html(explorer: MultiHeadExplorer) -> str:
    """Return the elements that ``static/multi_head.js`` builds, with ``attend``'s numbers."""
    name = f"Weights of layer {explorer.results['layer'] + 1}, head {explorer.shown + 1}"
    title = element("p", {"class": "attend-map-title"}, name)
    table = box("scroll", heat_map(explorer.picture(), "weights"))
    words = element("p", {"class": "attend-summary"}, explorer.summary())
    return frame(
        explorer.title,
        _controls(explorer),
        box("body", _heads(explorer), box("large", title, table, words)),
        box("head-below", _formula(explorer), _parts(explorer)),
        element("p", {"class": "attend-source"}, SOURCE),
        element("p", {"class": "attend-more"}, "More controls appear where scripts may run."),
    )


def _controls(explorer: MultiHeadExplorer) -> Html:
    off = [str(h + 1) for h, on in enumerate(explorer.results["on"]) if not on]
    says = f"Heads that are off: {', '.join(off) or 'none'}"
    texts = (f"Layer {explorer.results['layer'] + 1}", says)
    return box("controls", *(element("span", {"class": "attend-control"}, t) for t in texts))


def _heads(explorer: MultiHeadExplorer) -> Html:
    return box("stages", *(_head(explorer, h) for h in range(len(explorer.weights))))


def _head(explorer: MultiHeadExplorer, head: int) -> Html:
    on = explorer.results["on"][head]
    settings = {"class": "attend-stage", "data-pressed": str(head == explorer.shown).lower()}
    return element(
        "span",
        settings | {"data-off": None if on else "true"},
        mini_map(explorer.picture(head), f"head-{head}"),
        element("span", {"class": "attend-stage-title"}, f"Head {head + 1}"),
        element("span", {"class": "attend-stage-how"}, "on" if on else "off"),
    )


def _formula(explorer: MultiHeadExplorer) -> Html:
    i, j = explorer.seen
    tokens = explorer.results["tokens"]
    score = explorer.results["scores"][explorer.shown][i][j]
    lines: dict[str, list[str]] = {
        "scaled score": [_bold(number(score))],
        "weight": _weight_line(explorer, i, j),
    }
    return formula((tokens[i], tokens[j]), explorer.locked, lines)


def _bold(text: str) -> Html:
    return element("b", {"class": "attend-nowrap"}, text)


def _weight_line(explorer: MultiHeadExplorer, i: int, j: int) -> list[str]:
    weight = _bold(number(explorer.weights[explorer.shown][i, j]))
    if explorer.computed_by:
        return [f"{explorer.computed_by} gives ", weight]
    row = explorer.results["scores"][explorer.shown][i]
    below = " + ".join(_power(x, "b" if c == j else "span") for c, x in enumerate(row))
    return [_power(row[j], "b"), " ÷ (", Html(below), ") = ", weight]


def _power(score: float, tag: str) -> Html:
    return element(tag, {"class": "attend-nowrap"}, "e", element("sup", None, short(score)))


def _parts(explorer: MultiHeadExplorer) -> Html:
    i, _ = explorer.seen
    tokens = explorer.results["tokens"]
    caption = element("caption", None, f"What each head adds for “{tokens[i]}”")
    names = ("head", "most weight", "length")
    head = element("tr", None, *(element("th", {"scope": "col"}, name) for name in names))
    rows = [_part(explorer, h, i) for h in range(len(explorer.weights))]
    total = element("td", None, number(explorer.totals[i]))
    last = element("tr", None, _row_name("added", colspan=2), total)
    parts = (
        element("thead", None, head),
        element("tbody", None, *rows),
        element("tfoot", None, last),
    )
    table = element("table", {"class": "attend-lookup"}, caption, *parts)
    return box("head-parts", table)


def _row_name(text: str, **more: int) -> Html:
    return element("th", {"scope": "row"} | more, text)


def _part(explorer: MultiHeadExplorer, head: int, i: int) -> Html:
    row, on = explorer.weights[head][i], explorer.results["on"][head]
    leader = int(np.argmax(row))
    most = f"{explorer.results['tokens'][leader]} {number(row[leader])}"
    length = number(explorer.lengths[head, i]) if on else "off"
    seen = {"class": "is-seen" if head == explorer.shown else None}
    cells = (element("td", None, most), element("td", None, length))
    return element("tr", seen, _row_name(f"Head {head + 1}"), *cells)
