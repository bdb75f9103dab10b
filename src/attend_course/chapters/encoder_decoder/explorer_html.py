"""The explorer of chapter 1 as HTML that needs no script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attend_course.kit.explorers.drawing import Html, box, element, frame, heat_map, number

if TYPE_CHECKING:
    from attend_course.chapters.encoder_decoder.explorer import EncoderDecoderExplorer

MAPS = {
    "memory": "at the source (memory attention)",
    "own": "at what is written (self-attention)",
}
BUTTONS = ("◀ Step back", "Step forward ▶")
SOURCE = (
    "Scores and probabilities were computed by the course’s trained translator, in Python. This "
    "explorer applies mask and softmax to the scores; predictions are those with the mask. Type a "
    "sentence of your own in the notebook."
)


def encoder_decoder_html(explorer: EncoderDecoderExplorer) -> str:
    """Return the elements that ``static/encoder_decoder.js`` builds, with ``attend``'s numbers."""
    title = element("p", {"class": "attend-map-title"}, explorer.picture().title)
    table = box("scroll", heat_map(explorer.picture(), "weights"))
    words = element("p", {"class": "attend-summary"}, explorer.summary())
    return frame(
        explorer.title,
        _controls(explorer),
        box("large attend-many", title, table, words),
        _step(explorer),
        element("p", {"class": "attend-source"}, SOURCE),
        element("p", {"class": "attend-more"}, "More controls appear where scripts may run."),
    )


def _controls(explorer: EncoderDecoderExplorer) -> Html:
    # The same elements as in the live explorer, so that nothing moves when it takes over.
    hidden = {"type": "checkbox", "role": "switch", "disabled": True, "checked": explorer.masked}
    switch = element("input", hidden)
    mask = element("span", {"class": "attend-label"}, "Mask later pieces")
    return box(
        "controls",
        _choice("Sentence", explorer.results["sentences"], explorer.sentence),
        _choice("Looking", list(MAPS.values()), MAPS[explorer.map]),
        element("label", {"class": "attend-control attend-toggle"}, switch, mask),
        element("div", {"class": "attend-buttons"}, *map(_button, BUTTONS)),
    )


def _choice(name: str, texts: Sequence[str], chosen: str) -> Html:
    label = element("span", {"class": "attend-label"}, name)
    options = [element("option", {"selected": text == chosen}, text) for text in texts]
    listed = element("select", {"disabled": True}, *options)
    return element("label", {"class": "attend-control"}, label, listed)


def _button(text: str) -> Html:
    settings = {"type": "button", "class": "attend-button", "disabled": True}
    return element("button", settings, text)


def _step(explorer: EncoderDecoderExplorer) -> Html:
    """Write what one step has read, what it says may follow, and what it takes."""
    i, _ = explorer.seen
    results = explorer.results
    title = element(
        "p", {"class": "attend-formula-title"}, f"Step {i + 1} of {len(results['target'])} writes ",
        element("b", None, results["target"][i]),
        element("span", {"class": "attend-muted"}, " · locked" if explorer.locked else ""),
    )  # fmt: skip
    read = " ".join(results["inputs"][: i + 1])
    lines = {"it has read": read, "likeliest next pieces": _likely(explorer, i)}
    pairs = [element("dt", None, name) + element("dd", None, line) for name, line in lines.items()]
    listed = element("dl", {"class": "attend-formula-lines"}, Html("".join(pairs)))
    return element("div", {"class": "attend-formula is-short"}, title, listed)


def _likely(explorer: EncoderDecoderExplorer, i: int) -> Html:
    rows = [_candidate(*pair) for pair in explorer.results["likely"][i]]
    return element("table", {"class": "attend-lookup"}, element("tbody", None, *rows))


def _candidate(piece: str, probability: float) -> Html:
    bar = {"class": "attend-share", "style": f"--share: {probability:.4f}"}
    name = element("th", {"scope": "row"}, piece)
    return element("tr", None, name, element("td", bar, number(probability)))
