"""Every registered explorer, as a reader's browser gets it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from attend_course.kit.explorers import Explorer, all_explorers
from attend_course.kit.explorers.bundle import bundle

from .workbench import Bench, model, number, violations

EXPLORERS = sorted(all_explorers())
# One shows two rows of weights as a table beside its pictures, and has no map to walk in.
MAPPED = [name for name in EXPLORERS if "cell" in all_explorers()[name]().state_names()]
STATES = [(name, state) for name in EXPLORERS for state in [{}, *all_explorers()[name].examples]]


# Two controls may look alike: they are told apart by a number.
FOCUSED = """() => {
  const [a, met] = [document.activeElement, (window.met ??= [])];
  if (!a.closest('.attend-explorer')) return [-1, ''];
  if (!met.includes(a)) met.push(a);
  return [met.indexOf(a), a.outerHTML];
}"""


def make(name: str, **state: Any) -> Explorer:
    return all_explorers()[name](**state)


@pytest.mark.parametrize(("name", "state"), STATES)
def test_browser_and_python_compute_and_draw_the_same(name: str, state: dict, bench: Bench) -> None:
    explorer = make(name, **state)
    page = bench.open(explorer)
    agree(model(page, "results"), explorer.results, "results")
    drawn = bench.open(explorer, java_script_enabled=False)
    for part in (".attend-map", ".attend-formula", ".attend-summary", ".attend-source"):
        live, still = (p.locator(part).all_inner_texts() for p in (page, drawn))
        assert [" ".join(text.split()) for text in live] == [
            " ".join(text.split()) for text in still
        ]


def agree(found: Any, expected: Any, where: str) -> None:
    """Compare results: numbers to 1e-5, everything else exactly."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for key, value in expected.items():
            agree(found[key], value, f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for place, value in enumerate(expected):
            agree(found[place], value, f"{where}[{place}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-5, abs=1e-5), where
    else:
        assert found == expected, where


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", EXPLORERS)
def test_axe_finds_nothing_serious(name: str, theme: str, bench: Bench) -> None:
    page = bench.open(make(name), theme=theme)
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert violations(page) == []


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("name", EXPLORERS)
def test_a_narrow_screen_holds_it(name: str, scripts: bool, bench: Bench) -> None:
    page = bench.open(make(name), width=360, java_script_enabled=scripts)
    sideways = "document.documentElement.scrollWidth"
    if scripts:
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert page.evaluate(sideways) <= 360
    # The default example fits, sums included, so that nobody has to scroll inside it.
    inside = "(n) => n.filter((e) => e.checkVisibility()).map((e) => e.scrollWidth - e.clientWidth)"
    for part in (".attend-scroll", ".attend-map td"):
        assert set(page.eval_on_selector_all(part, inside)) <= {0}, part


@pytest.mark.parametrize("name", EXPLORERS)
def test_without_scripts_it_follows_a_dark_system(name: str, bench: Bench) -> None:
    colour = "getComputedStyle(document.querySelector('.attend-explorer')).backgroundColor"

    def shown(theme: str, system: str) -> str:
        settings: Any = {"color_scheme": system, "java_script_enabled": False}
        return bench.open(make(name), theme=theme, **settings).evaluate(colour)

    dark, light = shown("dark", "light"), shown("light", "dark")
    assert dark != light
    assert (shown("auto", "dark"), shown("auto", "light")) == (dark, light)


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("name", EXPLORERS)
def test_nothing_moves_when_it_comes_alive(name: str, width: int, bench: Bench) -> None:
    places = []
    for scripts in (True, False):
        page = bench.open(make(name), width=width, java_script_enabled=scripts)
        places.append(page.evaluate("document.querySelector('#after').offsetTop"))
    assert places[0] == pytest.approx(places[1], abs=4)


@pytest.mark.parametrize("name", EXPLORERS)
def test_every_control_takes_the_keyboard_and_keeps_its_keys(name: str, bench: Bench) -> None:
    page = bench.open(make(name))
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    wanted = page.locator(
        ".attend-explorer :is(input, select, button, summary, a, [tabindex='0']):not(:disabled)"
    ).count()
    reached: dict[int, str] = {}
    page.locator("body").click(position={"x": 1, "y": 1})
    for _ in range(wanted + 3):
        page.keyboard.press("Tab")
        reached |= dict([page.evaluate(FOCUSED)])
    reached.pop(-1, None)
    assert len(reached) == wanted
    assert all('data-lm-suppress-shortcuts="true"' in html for html in reached.values())


@pytest.mark.parametrize("name", MAPPED)
def test_arrow_keys_walk_the_cells_and_enter_locks_one(name: str, bench: Bench) -> None:
    page = bench.open(make(name))
    page.locator(".attend-map [tabindex='0']").focus()
    page.keyboard.press("Home")
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert (model(page, "cell"), model(page, "locked")) == ([1, 1], True)
    assert page.locator("td[aria-selected]").get_attribute("data-row") == "1"
    page.keyboard.press("Escape")
    assert model(page, "locked") is False
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.dataset.row") == "0"
    assert page.locator(".attend-map [tabindex='0']").count() == 1


@pytest.mark.parametrize("name", EXPLORERS)
def test_a_blob_and_a_foreign_model_are_enough(name: str, bench: Bench) -> None:
    """As in Jupyter: no host, no engine; results come from elsewhere, with numbers of their own."""
    explorer = make(name)
    values = json.loads(json.dumps({**explorer.state, "results": explorer.results}))
    page = bench.page("<!doctype html><link rel='icon' href='data:,'><main id='here'></main>")
    page.evaluate(
        """async ([source, values]) => {
          const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
          const { default: widget } = await import(url);
          window.model = {
            get: (n) => values[n], set: (n, v) => { values[n] = v; window.said = [n, v]; },
            on: (n, f) => { (window.listeners ??= []).push([n, f]); },
            off: (n, f) => { window.listeners = window.listeners.filter((l) => l[1] !== f); },
            save_changes: () => { window.saved = (window.saved ?? 0) + 1; }, send() {},
          };
          window.change = (n, v) => {
            values[n] = v;
            window.listeners.filter(([m]) => m === `change:${n}`).forEach(([, f]) => f());
          };
          window.end = await widget.render({ model, el: document.querySelector('#here') });
        }""",
        [bundle(explorer.module), values],
    )
    expected = explorer.picture().values
    if name in MAPPED:
        cells = page.locator(".attend-map td[role=gridcell]")
    else:  # keys on rows
        cells, expected = page.locator(".attend-lookup tbody td[style]"), expected.T
    assert [number(t) for t in cells.all_inner_texts()] == pytest.approx(
        np.ravel(expected), abs=0.006, rel=0.006
    )
    failed = {**explorer.results, "error": "mine failed. <b>Sorry</b>"}
    page.evaluate("(results) => change('results', results)", failed)
    assert page.locator("[role=alert]").inner_text() == "mine failed. <b>Sorry</b>"
    assert cells.count() == np.size(explorer.picture().values)
    page.evaluate("end()")
    assert page.evaluate("listeners.length") == 0


@pytest.mark.parametrize("name", EXPLORERS)
def test_what_the_module_cannot_load_leaves_the_picture(name: str, bench: Bench) -> None:
    page = bench.open(make(name), java_script_enabled=False)
    html = page.content().replace('data-attend-widget="', 'data-attend-widget="missing-')
    page = bench.page(html)
    page.wait_for_timeout(300)
    assert page.locator(".attend-explorer.is-drawn table td").count() > 0
    assert any("missing-" in fault for fault in bench.faults)
    bench.faults.clear()
