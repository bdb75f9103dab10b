"""The laboratory's own modules, without a browser: words, links, files to take away."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as Tree

import pytest
from py_mini_racer import MiniRacer

from attend.translator.alignment import word_numbers
from attend.translator.translator import shipped
from attend_course.chapters.laboratory import example
from attend_course.kit.explorers import bundle

MODULES = Path(example.__file__).parent
SIZES = {"N": 4, "h": 4}
TEXTS = [
    "The old man's dog, well-fed, isn't here: 3.5 kg!",
    "\u201cGo home,\u201d said Zo\u00eb O\u2019Neil. caf\u00e9 cafe\u0301 -- na\u00efve?",
    "Mr. Brown -- \u4f60\u597d hello 7:30",
    "...",
]


@pytest.fixture(scope="module")
def call() -> Iterator[Any]:
    """Return a function that calls one of a module, with values that JSON can carry."""
    engine = MiniRacer()
    names = ("sentence", "link", "saving", "reading")
    engine.eval(bundle.script(*(MODULES / f"{name}.js" for name in names)))
    engine.eval(
        "const run = (module, name, given) => JSON.stringify("
        "({ sentence: module_sentence, link: module_link, saving: module_saving,"
        "   reading: module_reading })[module][name](...given));"
    )

    def run(module: str, name: str, *given: Any) -> Any:
        return json.loads(engine.call("run", module, name, given))

    yield run
    engine.close()


@pytest.mark.parametrize("text", TEXTS)
def test_words_are_those_of_python(text: str, call: Any) -> None:
    assert call("sentence", "replaceable", text) == example.WORD.findall(text)
    for instead in ([], [[0, "cat"], [2, "<b>"], [99, "none"]]):
        assert call("sentence", "replaced", text, instead) == example.replaced(text, instead)
    pieces = shipped().tokenizer.pieces(text)
    words = call("sentence", "wordsOf", pieces)
    numbers = [number for number, word in enumerate(words) for _ in word]
    assert numbers == word_numbers(pieces)
    assert [i for word in words for i in word] == list(range(len(pieces)))


STATE = {
    "sentence": 'He said "<b>&\u00e4"',
    "beam": 3,
    "alpha": 0.3,
    "changes": [{"make": "off", "kind": "memory", "layer": 3, "head": 0}],
    "instead": [[1, "sang"]],
    "kind": "decoder",
    "layer": 1,
    "head": 2,
    "cell": [0, 1],
}


def test_a_link_gives_the_state_again(call: Any) -> None:
    address = call("link", "written", STATE)
    assert call("link", "read", address, SIZES) == {"settings": STATE, "isWhole": True}
    assert call("link", "read", "#a-section", SIZES) == {"settings": {}, "isWhole": True}


@pytest.mark.parametrize(
    "hostile",
    [
        "%",
        "null",
        "[1",
        "3",
        '"text"',
        "[]",
        "{}",
        '{"__proto__": {"beam": 2}}',
        '{"constructor": 1}',
        '{"toString": 1, "hasOwnProperty": 1}',
        '{"beam": 1e9}',
        '{"beam": 2.5}',
        '{"alpha": -1}',
        '{"alpha": "1"}',
        '{"layer": -1}',
        '{"head": 4}',
        '{"kind": "constructor"}',
        '{"cell": [0]}',
        '{"cell": [0, "__proto__"]}',
        '{"changes": 3}',
        '{"changes": [{"make": "__proto__"}]}',
        '{"changes": [{"make": "off", "layer": 9}]}',
        '{"changes": [null]}',
        '{"instead": [[0]]}',
        '{"instead": [[0, {}]]}',
        '{"instead": [[-1, "a"]]}',
        json.dumps({"sentence": "a" * 1001}),
        json.dumps({"instead": [[0, "a" * 101]]}),
        json.dumps({"changes": [{"make": "hidden", "token": 0}] * 51}),
        json.dumps({"changes": [[[[]]]] * 1000}),
    ],
    ids=lambda text: text[:40],
)
def test_a_hostile_link_changes_nothing_and_is_told(hostile: str, call: Any) -> None:
    for text in (hostile, quote(hostile)):
        found = call("link", "read", f"#laboratory={text}", SIZES)
        assert found == {"settings": {}, "isWhole": False}


def test_what_is_fit_in_a_bad_link_is_taken(call: Any) -> None:
    found = call("link", "read", "#laboratory=" + quote('{"beam": 2, "alpha": null}'), SIZES)
    assert found == {"settings": {"beam": 2}, "isWhole": False}


MAP = {
    "title": "memory <&> 1",
    "rows": ['a"b', "<script>", "c,d"],
    "columns": ["x", "\n", "</text>", "&"],
    "values": [[0.25, 0.75, 0, 0], [1, 0, 0, 0], [-0.5, 0.5, 1e-7, 0]],
}


def test_a_map_as_numbers_can_be_read_again(call: Any) -> None:
    rows = list(csv.reader(io.StringIO(call("saving", "csv", MAP), newline="")))
    assert rows[0] == ["", *MAP["columns"]]
    assert [row[0] for row in rows[1:]] == MAP["rows"]
    assert [[float(x) for x in row[1:]] for row in rows[1:]] == MAP["values"]
    assert json.loads(call("saving", "json", {"a": [1], "b": None})) == {"a": [1], "b": None}


def test_a_map_as_a_picture_is_well_formed_and_only_text(call: Any) -> None:
    svg = Tree.fromstring(call("saving", "svg", MAP))
    space = "{http://www.w3.org/2000/svg}"
    texts = [text.text for text in svg.iter(f"{space}text")]
    assert svg.find(f"{space}title").text == MAP["title"]
    assert {*MAP["rows"], *MAP["columns"], "0.75"} <= set(texts)
    assert len(list(svg.iter(f"{space}rect"))) == 1 + 12
    assert {element.tag for element in svg.iter()} <= {
        f"{space}{name}" for name in ("svg", "title", "rect", "text")
    }


def test_what_a_map_has_lost_is_counted_once(call: Any) -> None:
    before, after = [[0.5, 0.5], [1, 0]], [[0.5, 0.5], [0.25, 0.75]]
    apart = call("reading", "difference", after, before)
    assert apart == [[0, 0], [-0.75, 0.75]]
    assert call("reading", "lost", apart) == 0.375
    assert call("reading", "lost", call("reading", "difference", [[0, 0], [0, 0]], before)) == 1
    assert call("reading", "difference", after, [[1], [1]]) is None
