"""The explorer of chapter 4 as HTML that needs no script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attend_course.kit.explorers.drawing import (
    Html,
    box,
    element,
    formula,
    frame,
    heat_map,
    mini_map,
    number,
    spread_plot,
    symbol,
)

if TYPE_CHECKING:
    from attend_course.chapters.scaling.explorer import ScalingExplorer

_STAGES = {
    "scores": ("Scores", "q · k"),
    "scaled_scores": ("Scaled scores", None),
    "weights": ("Weights", "softmax of each row"),
}


def scaling_html(explorer: ScalingExplorer) -> str:
    """Return the elements that ``static/scaling.js`` builds, with the numbers of ``attend``."""
    title = element("p", {"class": "attend-map-title"}, _STAGES[explorer.stage][0])
    table = heat_map(explorer.picture(), explorer.stage)
    words = element("p", {"class": "attend-summary"}, explorer.summary())
    large = box("large", title, box("scroll", table), words)
    results = explorer.results
    plot = spread_plot(explorer.d_k, results["spread"], results["spreads"])
    return frame(
        explorer.title,
        _controls(explorer),
        box("body", _stages(explorer), large),
        box("below", _formula(explorer), plot),
        element("p", {"class": "attend-source"}, _source(explorer.seed)),
        element("p", {"class": "attend-more"}, "More controls appear where scripts may run."),
    )


def _controls(explorer: ScalingExplorer) -> Html:
    d_k = symbol("d", "k")
    said = ["Scores are divided by √", d_k] if explorer.scaled else ["Scores are not divided"]
    length = element(
        "span", {"class": "attend-control"}, element("span", None, d_k, f" = {explorer.d_k}")
    )
    scaled = element("span", {"class": "attend-control"}, element("span", None, *said))
    return box("controls", length, scaled)


def _stages(explorer: ScalingExplorer) -> Html:
    return box("stages", *(_stage(explorer, stage) for stage in _STAGES))


def _stage(explorer: ScalingExplorer, stage: str) -> Html:
    title, how = _STAGES[stage]
    scaled = ["÷ √", symbol("d", "k")] if explorer.scaled else ["not divided"]
    return element(
        "span",
        {"class": "attend-stage", "data-pressed": str(stage == explorer.stage).lower()},
        mini_map(explorer.picture(stage), stage),
        element("span", {"class": "attend-stage-title"}, title),
        element("span", {"class": "attend-stage-how"}, *([how] if how else scaled)),
    )


def _source(seed: int) -> str:
    return (
        "Queries and keys are random here: independent components with mean 0 and variance 1, "
        f"drawn for each word with seed {seed}. Nothing was trained."
    )


def _formula(explorer: ScalingExplorer) -> Html:
    i, j = (min(index, len(explorer.tokens) - 1) for index in explorer.cell)
    tokens = explorer.tokens
    lines = {
        "score": _score_line(explorer, i, j),
        "scaled score": _scaled_line(explorer, i, j),
        "weight": _weight_line(explorer, i, j),
    }
    return formula((tokens[i], tokens[j]), explorer.locked, lines)


def _result(x: float) -> Html:
    return element("b", {"class": "attend-nowrap"}, number(x))


def _signed(x: float) -> str:
    return f"({number(x)})" if x < 0 else number(x)


def _score_line(explorer: ScalingExplorer, i: int, j: int) -> list[str]:
    score = _result(explorer.scores[i, j])
    if any((row, column) == (i, j) for row, column, _ in explorer.overrides):
        return ["set by you: ", score]
    q, k = explorer.results["q"][i], explorer.results["k"][j]
    products = " + ".join(f"{_signed(x)} × {_signed(y)}" for x, y in zip(q, k, strict=True))
    rest = explorer.d_k - len(q)
    return ["q · k = ", products, f" + … {rest} more" if rest else "", " = ", score]


def _scaled_line(explorer: ScalingExplorer, i: int, j: int) -> list[str]:
    steps = f" ÷ √{explorer.d_k}" if explorer.scaled else ""
    if explorer.temperature != 1:
        steps += f" ÷ {number(explorer.temperature)}"
    left = f"{number(explorer.scores[i, j])}{steps} = " if steps else "not divided: "
    return [left, _result(explorer.scaled_scores[i, j])]


def _weight_line(explorer: ScalingExplorer, i: int, j: int) -> list[str]:
    weight, allowed = _result(explorer.weights[i, j]), explorer.allowed
    if explorer.computed_by:
        return [f"{explorer.computed_by} gives ", weight]
    if allowed is not None and not allowed[i, j]:
        return ["the mask forbids this key: ", weight]
    terms = [c for c in range(len(explorer.tokens)) if allowed is None or allowed[i, c]]
    below = " + ".join(_power(explorer, i, c, "b" if c == j else "span") for c in terms)
    return [_power(explorer, i, j, "b"), " ÷ (", Html(below), ") = ", weight]


def _power(explorer: ScalingExplorer, i: int, c: int, tag: str) -> Html:
    exponent = element("sup", None, number(explorer.scaled_scores[i, c]))
    return element(tag, {"class": "attend-nowrap"}, "e", exponent)
