"""Views of explorers, drawn without a browser: once from Python's results, once from their own."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from py_mini_racer import MiniRacer

from attend_course.kit.explorers import all_explorers, base, bundle, render
from attend_course.kit.explorers.bundle import asks, page_scripts, scripts_for
from attend_course.kit.small import STYLE, small

EXPLORERS = sorted(all_explorers())
STATES = [(name, state) for name in EXPLORERS for state in [{}, *all_explorers()[name].examples]]


@pytest.mark.parametrize(("name", "state"), STATES)
def test_a_view_is_the_same_whoever_computed(name: str, state: dict) -> None:
    explorer = all_explorers()[name](**state)
    stage, module = base._stage(), explorer.module
    results = stage.compute(module, explorer.page_state)
    drawn = stage.draw(module, {**explorer.state, "results": results}, "here")
    assert drawn == explorer.static_html("here")
    assert drawn.startswith('<div class="attend-explorer is-drawn"')
    said = stage.say(module, {**explorer.state, "results": results})
    assert said == explorer.summary()
    assert BeautifulSoup(drawn, "html.parser").select_one(".attend-summary").text == said


@pytest.mark.parametrize("name", EXPLORERS)
def test_ids_inside_a_picture_begin_with_that_of_its_place(name: str) -> None:
    html = all_explorers()[name]().static_html("place-7")
    ids = [part.split('"')[0] for part in html.split(' id="')[1:]]
    assert ids
    assert all(found.startswith("place-7-") for found in ids)


def test_the_engine_ends_with_the_interpreter() -> None:
    code = (
        "from attend_course.chapters.scores.explorer import ScoresExplorer as E;"
        "print(len(E().static_html()))"
    )
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert int(run.stdout) > 1000


# What a reader types


@pytest.fixture(scope="module")
def typed() -> Iterator[Any]:
    """Return a function that reads a text as the fields of explorers do."""
    engine = MiniRacer()
    engine.eval(bundle.script(bundle.STATIC / "words.js"))
    engine.eval("const read = (name, text) => JSON.stringify(module_words[name](text));")
    yield lambda name, text: json.loads(engine.call("read", name, text))
    engine.close()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,000", 1000),
        ("−1,000,000", -1_000_000),
        ("999,999,999", 999_999_999),
        ("1 000 000", 1_000_000),
        ("1,234.5", 1234.5),
        ("−40,5", -40.5),
        ("0,125", 0.125),
        ("1.125", 1.125),
        ("1.0e5", 100_000),
        ("1.0e−5", 1e-5),
        (" +3 ", 3),
        ("", None),
        ("1,00,000", None),
        ("many", None),
        ("1,000 000", None),
    ],
)
def test_numbers_can_be_typed_as_messages_write_them(text: str, value: float, typed: Any) -> None:
    assert typed("numberOf", text) == value


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1.5, −2", [1.5, -2]),
        ("(1.5, −2)", [1.5, -2]),
        ("1,-2", [1, -2]),
        ("1,5; −2", [1.5, -2]),
        ("1,5 −2", [1.5, -2]),
        ("1 2 3", [1, 2, 3]),
        ("1, x", [1, None]),
    ],
)
def test_a_vector_can_be_typed_as_it_is_written(text: str, values: list, typed: Any) -> None:
    assert typed("numbersOf", text) == values


# How modules become one text


@pytest.fixture
def module(tmp_path: Path):
    """Return a function that writes a module beside one that it may import, and wraps it."""

    def wrap(source: str) -> str:
        (tmp_path / "other.js").write_text("export const one = 1;\nexport const two = 2;\n")
        path = tmp_path / "some.js"
        path.write_text(source)
        return bundle.script(path)

    return wrap


@pytest.mark.parametrize(
    "form",
    [
        'import * as other from "./other.js";',
        'import other from "./other.js";',
        'import "./other.js";',
        'import { one } from "preact";',
        'import { one } from "./other.js"',
        'const other = await import("./other.js");',
        "const here = import.meta.url;",
        'export * from "./other.js";',
        'export { one } from "./other.js";',
        "const a = 1;\nexport { a };",
        "export var a = 1;",
    ],
)
def test_a_form_that_is_not_known_is_refused(form: str, module) -> None:
    with pytest.raises(ValueError, match=r"some\.js: .* is not understood by bundle\.py"):
        module(f"{form}\n")


def test_known_forms_give_what_a_module_gives(module) -> None:
    text = module(
        'import { one, two as pair } from "./other.js";\n'
        "// import(nothing) and export * are only spoken of here\n"
        "export const sum = one + pair;\nexport function three() { return sum; }\n"
        "export const { four } = { four: 4 };\nexport default three;\n"
    )
    assert "const {one, two: pair} = module_other" in text.replace("{ ", "{").replace(" }", "}")
    assert "return { sum, three, four , default: _default };" in text.replace("  ", " ")


def test_what_most_explorers_import_is_loaded_once() -> None:
    names = sorted(kind.module for kind in all_explorers().values())
    scripts = page_scripts(*names)
    assert next(iter(scripts)) == "attend"
    for found in ('Symbol.for("pv")', "Python has not answered", "DOMContentLoaded"):
        assert [name for name, text in scripts.items() if found in text] == ["attend"]
    assert not any("module_render" in text for text in scripts.values())


# What pages load

LIMIT = 18_000
"""Bytes of the scripts of a chapter's page, zipped: those that explorers share, and its own."""
ASKING = 1_700
"""What asks the translator comes on top, on the pages that translate."""
PAGE = """
globalThis.document = { addEventListener() {} };
globalThis.IntersectionObserver = class {};
"""
RENDER = """
const module_preact = attend.module_preact;
{source}
const attend_explorers = attend.explorers;
"""


@pytest.fixture(scope="module")
def small_stage() -> Iterator[render.Stage]:
    """A stage that draws with the scripts of pages, as small as they are there."""
    pytest.importorskip("minify")
    names = sorted(kind.module for kind in all_explorers().values())
    own = bundle.script(bundle.STATIC / "vendor" / "render.js")
    source = RENDER.format(source=own[own.index("const module_render") :])
    stage = render.Stage(*names)
    stage._engine = MiniRacer()
    scripts = ";".join(page_scripts(*names).values())
    stage._engine.eval(f"{render.BEFORE}{PAGE}{scripts};{source}{render.AFTER}")
    yield stage
    stage.close()


@pytest.mark.parametrize(("name", "state"), STATES)
def test_small_scripts_compute_and_draw_the_same(
    name: str, state: dict, small_stage: render.Stage
) -> None:
    explorer = all_explorers()[name](**state)
    module, plain = explorer.module, base._stage()
    results = small_stage.compute(module, explorer.page_state)
    assert json.dumps(results) == json.dumps(plain.compute(module, explorer.page_state))
    values = {**explorer.state, "results": results}
    assert small_stage.draw(module, values, "here") == explorer.static_html("here")
    assert small_stage.say(module, values) == explorer.summary()


@pytest.mark.parametrize("name", [name for name in EXPLORERS if name != "Laboratory"])
def test_the_scripts_of_a_page_stay_small(name: str) -> None:
    pytest.importorskip("minify")
    scripts = page_scripts(*sorted(kind.module for kind in all_explorers().values()))
    module = all_explorers()[name].module
    sizes = {part: zipped(scripts[part]) for part in scripts_for(module)}
    assert sum(sizes.values()) <= LIMIT + (ASKING if asks(module) else 0), sizes


def test_only_pages_that_translate_load_what_asks_the_translator() -> None:
    assert scripts_for("scaling") == ["attend", "scaling"]
    assert scripts_for("scaling", "home") == ["attend", "translator", "home", "scaling"]
    assert scripts_for() == []
    scripts = page_scripts(*sorted(kind.module for kind in all_explorers().values()))
    assert [name for name, text in scripts.items() if "data-engine" in text] == ["translator"]


def zipped(text: str) -> int:
    return len(gzip.compress(text.encode(), 9, mtime=0))


def test_a_small_text_keeps_its_notice_and_its_roots() -> None:
    pytest.importorskip("minify")
    notice = "/* copybutton.js\n * Copyright someone. MIT License. */"
    less = small(f"{notice}\n// why\nconst root = (number) => Math.sqrt(number + 1);\n")
    assert less.startswith(f"{notice}\n")
    assert "Math.sqrt(" in less
    assert "why" not in less
    assert small("a { color: #ffffff; }\n/* why */", STYLE).strip() == "a{color:#fff}"
    with pytest.raises(ValueError, match="expected"):
        small("const = 1;")
