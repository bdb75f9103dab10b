"""Explorers in places that are slow, silent, foreign, shared, printed, or on a disk."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from attend_course.chapters.scaling.explorer import ScalingExplorer
from attend_course.chapters.scores.explorer import ScoresExplorer
from attend_course.kit.explorers import Explorer, all_explorers
from attend_course.kit.explorers.bundle import bundle, stylesheet
from attend_course.site import formulas
from attend_course.site.widget import files, live_html

from .workbench import PAGE, Bench, number, scripts

# Those that take no function ask the translator, which computes in a thread of its own.
EXPLORERS = [name for name, kind in sorted(all_explorers().items()) if kind.takes_function]
PLACE = "<!doctype html><link rel='icon' href='data:,'><main id='here' tabindex='-1'></main>"
SILENT = "Python has not answered"

# A model as in Jupyter: Python answers after a while, or no more; it says what it has answered.
HOST = """([name, values, delay]) => {
  const widget = attend.explorers[name];
  const inputs = Object.keys(values.answered.inputs);
  const listeners = new Map();
  const of = (event) => listeners.get(event) ?? listeners.set(event, new Set()).get(event);
  const change = (changes) => {
    Object.assign(values, changes);
    for (const key of Object.keys(changes)) of(`change:${key}`).forEach((action) => action());
  };
  const answer = (asked) => change({
    results: { ...widget.compute({ ...values, ...asked }), computed_by: values.answered.by },
    answered: { ...values.answered, inputs: asked },
  });
  window.model = {
    get: (key) => values[key],
    set: (key, value) => change({ [key]: value }),
    on: (event, action) => of(event).add(action),
    off: (event, action) => of(event).delete(action),
    save_changes() {
      const asked = structuredClone(Object.fromEntries(inputs.map((key) => [key, values[key]])));
      if (!window.dead) setTimeout(() => answer(asked), delay);
    },
  };
  window.end = widget.render({ model, el: document.querySelector('#here') });
}"""


def hosted(bench: Bench, explorer: Explorer, by: str | None, delay: int = 50) -> Page:
    """Show an explorer whose results come from elsewhere, ``delay`` milliseconds late."""
    page = bench.page(PLACE.replace("<main", scripts(explorer) + "<main"))
    answered = {"by": by, "inputs": {name: explorer.state[name] for name in explorer.input_names()}}
    values = {**explorer.state, "results": explorer.results, "answered": answered}
    page.evaluate(HOST, [explorer.module, json.loads(json.dumps(values)), delay])
    page.locator(".attend-explorer:not(.is-drawn)").wait_for()
    return page


def cells(page: Page) -> np.ndarray:
    texts = page.locator(".attend-map td[role]").all_inner_texts()
    return np.array([number(text) for text in texts])


# Slow and silent


@pytest.mark.parametrize("by", ["mine", None])
def test_steps_faster_than_the_answers_all_count(by: str | None, bench: Bench) -> None:
    page = hosted(bench, ScalingExplorer(d_k=2), by)
    page.get_by_role("slider").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("model.get('answered').inputs.d_k === 16")
    assert page.locator("output").first.inner_text() == "16"
    assert cells(page) == pytest.approx(np.ravel(ScalingExplorer(d_k=16).weights), abs=0.00501)


def test_an_arrow_moves_as_often_as_it_was_told(bench: Bench) -> None:
    page = hosted(bench, ScoresExplorer(), "mine")
    page.locator(".attend-arrow.is-query .attend-grip").focus()
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    page.wait_for_function("model.get('answered').inputs.q[2][1] === 2.5")
    tip = page.locator(".attend-arrow.is-query .attend-grip")
    assert tip.get_attribute("aria-valuetext") == "2 across, 2.5 up"


def other_setting(name: str) -> tuple[str, Any]:
    """Return an input of an explorer and a value that is not its default."""
    kind = all_explorers()[name]
    default = kind().state
    for example in kind.examples:
        for key in kind.input_names():
            if example.get(key, default[key]) != default[key] and key not in ("words", "sentence"):
                return key, example[key]
    raise AssertionError(name)


@pytest.mark.parametrize("name", EXPLORERS)
def test_after_a_restart_the_browser_computes_what_nobody_else_did(name: str, bench: Bench) -> None:
    key, value = other_setting(name)
    explorer = all_explorers()[name]()
    page = hosted(bench, explorer, None)
    page.evaluate("([key, value]) => { window.dead = true; model.set(key, value); }", [key, value])
    page.wait_for_timeout(100)
    expected = all_explorers()[name](**{key: value})
    assert page.locator(".attend-summary").inner_text() == expected.summary()
    page.wait_for_timeout(1200)
    assert not page.locator("[role=alert]").is_visible()


@pytest.mark.parametrize("name", EXPLORERS)
def test_where_a_readers_function_is_at_work_a_silence_is_told(name: str, bench: Bench) -> None:
    key, value = other_setting(name)
    explorer = all_explorers()[name]()
    page = hosted(bench, explorer, "mine")
    page.evaluate("([key, value]) => { window.dead = true; model.set(key, value); }", [key, value])
    page.wait_for_timeout(600)
    assert not page.locator("[role=alert]").is_visible()
    page.wait_for_timeout(700)
    assert SILENT in page.locator("[role=alert]").inner_text()
    page.evaluate("() => { window.dead = false; model.save_changes(); }")
    page.locator("[role=alert]").wait_for(state="hidden", timeout=2000)


def test_what_is_being_typed_outlives_an_answer(bench: Bench) -> None:
    page = hosted(bench, ScalingExplorer(), "mine", delay=200)
    page.get_by_text("More controls").click()
    page.get_by_role("switch").click()
    field = page.get_by_label("Sentence")
    field.press("End")
    field.press_sequentially(" dry")
    page.locator(".attend-map td[role]").nth(9).hover()
    page.wait_for_timeout(400)
    assert field.input_value().endswith(" dry")
    field.press("Enter")
    page.wait_for_function("model.get('results').tokens.at(-1).endsWith('dry')")
    page.wait_for_timeout(50)
    assert page.locator(".attend-map tbody th").last.inner_text() == "dry"


# Keys

TAKEN = """() => {
  window.taken = [];
  window.passed = [];
  document.addEventListener('keydown', (event) => {
    if (!event.target.closest('[data-lm-suppress-shortcuts]')) taken.push(event.key);
  }, true);
  window.addEventListener('keydown', (event) => passed.push(event.key));
  addEventListener('keydown', (event) => event.ctrlKey && event.preventDefault());
}"""
MAP, SLIDER, FIELD = ".attend-map [tabindex='0']", "input[type=range]", "input[type=text]"


@pytest.mark.parametrize(
    ("part", "key", "own"),
    [
        (MAP, "ArrowLeft", True),
        (MAP, "Home", True),
        (MAP, "Enter", True),
        (MAP, "Control+s", False),
        (MAP, "Shift+Enter", False),
        (MAP, "Shift+ArrowDown", False),
        (MAP, "b", False),
        (MAP, "Escape", False),
        (SLIDER, "ArrowRight", True),
        (SLIDER, "Control+s", False),
        (SLIDER, "m", False),
        (FIELD, "m", True),
        (FIELD, "Backspace", True),
        (FIELD, "Control+a", True),
        (FIELD, "Enter", True),
        (FIELD, "Shift+Enter", False),
        (FIELD, "Control+s", False),
        ("select", "ArrowDown", True),
        ("select", "Shift+Enter", False),
        ("input[role=switch]", " ", True),
        ("input[role=switch]", "ArrowDown", False),
        ("summary", "Enter", True),
        ("summary", "j", False),
    ],
)
def test_only_keys_that_it_uses_are_its_own(part: str, key: str, own: bool, bench: Bench) -> None:
    page = bench.open(ScalingExplorer())
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    page.evaluate(TAKEN)
    page.locator(part).first.focus()
    page.keyboard.press(key)
    last = key.split("+")[-1]
    assert (last in page.evaluate("taken")) is not own
    assert (last in page.evaluate("passed")) is not own
    # What was let through once is kept the next time.
    page.wait_for_timeout(20)
    assert page.locator(f".attend-explorer {part}").first.get_attribute(
        "data-lm-suppress-shortcuts"
    )


def test_escape_frees_a_cell_and_then_leaves(bench: Bench) -> None:
    page = hosted(bench, ScalingExplorer(), None)
    page.locator(MAP).focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.tagName") == "TD"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "here"


# Several at once


def test_explorers_from_blobs_of_their_own_share_no_id(bench: Bench) -> None:
    explorer = ScalingExplorer()
    values = json.loads(json.dumps({**explorer.state, "results": explorer.results}))
    page = bench.page(PLACE)
    page.evaluate(
        """async ([source, values]) => {
          for (let n = 0; n < 3; n += 1) {
            const el = document.createElement('div');
            document.querySelector('#here').append(el);
            const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
            const { default: widget } = await import(url);
            const nothing = () => {};
            const silent = { set: nothing, on: nothing, off: nothing, save_changes: nothing };
            const model = { get: (name) => values[name], ...silent };
            widget.render({ model, el });
          }
        }""",
        [bundle(explorer.module), values],
    )
    page.locator(".attend-explorer:not(.is-drawn)").nth(2).wait_for()
    ids = page.eval_on_selector_all("[id]", "(all) => all.map(({ id }) => id)")
    assert len(ids) == len(set(ids)) == 4
    own = """(all) => all.every((cell) => cell.closest('.attend-explorer').contains(
      document.getElementById(cell.getAttribute('aria-describedby'))))"""
    assert page.eval_on_selector_all("td[aria-describedby]", own)


def test_all_explorers_live_on_one_page(bench: Bench) -> None:
    page = bench.open(*(all_explorers()[name]() for name in EXPLORERS))
    ids = page.eval_on_selector_all("[id]", "(all) => all.map(({ id }) => id)")
    assert len(ids) == len(set(ids))
    one = page.locator(".attend-explorer").nth(EXPLORERS.index("ScalingExplorer"))
    others = page.locator(".attend-summary").all_inner_texts()
    one.get_by_role("slider").first.fill("9")
    changed = page.locator(".attend-summary").all_inner_texts()
    assert sum(a != b for a, b in zip(others, changed, strict=True)) == 1


# From a disk, and on paper


def test_it_lives_from_a_disk(bench: Bench, tmp_path: Path) -> None:
    explorer = ScalingExplorer()
    for name, text in files().values():
        (tmp_path / name).write_text(text, encoding="utf-8")
    parts = {"style": stylesheet(), "scripts": scripts(explorer), "body": live_html(explorer)}
    (tmp_path / "page.html").write_text(PAGE.format(theme="light", **parts), encoding="utf-8")
    context = bench.browser.new_context()
    bench.contexts.append(context)
    page = context.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    page.get_by_role("slider").first.fill("9", timeout=5000)
    assert cells(page) == pytest.approx(np.ravel(ScalingExplorer(d_k=512).weights), abs=0.00501)


LOOK = """() => [...document.querySelectorAll(
  '.attend-explorer, .attend-explorer :is(td, th, p, dd, summary)')].map((node) => {
  const { color, backgroundColor } = getComputedStyle(node);
  return [color, backgroundColor];
})"""


@pytest.mark.parametrize("scripts_run", [True, False])
@pytest.mark.parametrize("name", EXPLORERS)
def test_a_dark_page_prints_as_a_light_one(name: str, scripts_run: bool, bench: Bench) -> None:
    looks = []
    for theme in ("light", "dark"):
        page = bench.open(all_explorers()[name](), theme=theme, java_script_enabled=scripts_run)
        page.emulate_media(media="print")
        page.wait_for_timeout(100)
        looks.append(page.evaluate(LOOK))
    assert looks[0] == looks[1]


# Nothing moves

FONTS = ("KaTeX_Typewriter-Regular", "KaTeX_Fraktur-Regular", "KaTeX_SansSerif-Bold")
BOXES = """async (font) => {
  document.body.style.fontFamily = font;
  document.body.offsetHeight;
  await document.fonts.ready;
  return [...document.querySelectorAll('.attend-explorer, .attend-explorer *, #after')]
    .filter((node) => !node.closest('svg, canvas') || node.matches('svg, canvas'))
    .filter((node) => node.getClientRects().length)
    .map((node) => {
      const { x, y, width, height } = node.getBoundingClientRect();
      return [x, y + scrollY, width, height];
    });
}"""


def faces() -> str:
    """Return fonts that look nothing alike, as a style sheet that needs no other file."""
    rules = []
    for name in FONTS:
        data = (formulas.KATEX / "fonts" / f"{name}.woff2").read_bytes()
        address = f"data:font/woff2;base64,{base64.b64encode(data).decode()}"
        rules.append(f"@font-face {{ font-family: {name}; src: url({address}); }}")
    return "".join(rules)


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("name", EXPLORERS)
def test_no_box_moves_when_it_comes_alive_whatever_the_font(
    name: str, width: int, bench: Bench
) -> None:
    explorer = all_explorers()[name]()
    live, still = (
        bench.open(explorer, width=width, style=faces(), java_script_enabled=scripts_run)
        for scripts_run in (True, False)
    )
    heights = set()
    for font in FONTS:
        one, other = (np.array(page.evaluate(BOXES, font)) for page in (live, still))
        assert one.shape == other.shape
        assert np.abs(one - other).max() <= 0.5, font
        heights.add(tuple(one[-1]))
    assert len(heights) > 1
