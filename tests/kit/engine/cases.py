"""Texts and changes on which Python and the browser must agree."""

from __future__ import annotations

import json
import random
import sys
import unicodedata
from itertools import product

from attend.translator.translator import SHIPPED

DATA = SHIPPED.parent
WHO = ("I", "You", "My sister", "Tom", "The children", "An old man", "We", "His neighbour's dog")
WHAT = (
    "saw the red car",
    "can't find the key",
    "read a book about music",
    "went home at 7:30",
    "drank two cups of tea",
    "didn't answer the letter",
    "is waiting for the bus",
)
WHERE = ("", " yesterday", " in the garden", " behind the new school", " with a friend")
END = (".", "?", "!", "...", ", didn't they?")
HARD = [
    "a",
    "A.",
    "'",
    "\u00bfQu\u00e9?",
    "na\u00efve r\u00e9gime",
    "cafe\u0301",
    "e\u0301\u0301",
    "\ufeffHello.",
    "Hello.\ufeff",
    "soft\u00adhyphen",
    "\u200bzero",
    "tab\tnew\nline",
    "\x1c\x1d\x1e\x1f",
    "\x85\xa0\u3000x",
    "don't",
    "don\u2019t",
    "''''",
    "I'm 'quoted'",
    "rock'n'roll",
    "1234567890",
    "3.14159",
    "\u0663\u0664\u0665",
    "\u2167 \u00b2\u00b3 \u00bd",
    "a_b__c",
    "snake_case_word",
    "x" * 200,
    "!" * 130,
    "a b" * 40,
    "\u0928\u092e\u0938\u094d\u0924\u0947",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u092d\u093e\u0937\u093e",
    "\u4f60\u597d\u3002",
    "\u3053\u3093\u306b\u3061\u306f",
    "\u0417\u0434\u0440\u0430\u0432\u0441\u0442\u0432\u0443\u0439",
    "\u05e9\u05dc\u05d5\u05dd",
    "\u0645\u0631\u062d\u0628\u0627",
    "\U0001f600",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001f1e9\U0001f1ea",
    "\u0131\u0130",
    "Stra\u00dfe STRASSE",
    "\ufb01ne",
    "\u1e9e",
    "\u01c5",
    "\U00010400",
    "\u02bc",
    "\u2018a\u2019 \u201cb\u201d \u00abc\u00bb",
    "wait\u2026 what\u2014now",
    "\x00",
    "\x7f",
    "\u2028\u2029",
    "\u202eabc",
    "a\u0300\u0301\u0302\u0303",
    "\u1100\u1161\u11a8",
    "\uac01",
    "\ufffd",
    "\U0010fffd",
    "constructor",
    "__proto__",
    "hasOwnProperty toString",
    "<pad><start><end>",
    "<0xC3>",
    "\u2581hello",
    "&amp; <b>",
    "\\n",
    "%s {}",
    "\u00e4\u00f6\u00fc\u00df\u00c4\u00d6\u00dc",
]


def plain_sentences(count: int) -> list[str]:
    """Our own sentences first, then some put together from parts."""
    own = [pair["english"] for pair in json.loads((DATA / "everyday.json").read_text("utf-8"))]
    rows = (DATA / "own_pairs.tsv").read_text("utf-8").splitlines()
    own += [row.split("\t")[0] for row in rows]
    made = [f"{a} {b}{c}{d}" for a, b, c, d in product(WHO, WHAT, WHERE, END)]
    random.Random(7).shuffle(made)
    return list(dict.fromkeys([*own, *made]))[:count]


def torture(count: int) -> list[str]:
    """Hard strings, then random ones of all characters that are assigned."""
    draw = random.Random(11)
    assigned = [
        chr(point)
        for point in range(sys.maxunicode + 1)
        if unicodedata.category(chr(point)) not in ("Cn", "Cs", "Co")
    ]
    common = [chr(point) for point in range(0x20, 0x250)]
    made = [
        "".join(draw.choices(assigned if i % 2 else common, k=draw.randint(1, 30)))
        for i in range(count - len(HARD))
    ]
    return [*HARD, *made]


def at(make: str, **place: object) -> dict[str, object]:
    return {"make": make, **place}


CHANGES: dict[str, list[dict[str, object]]] = {
    "nothing": [],
    "a memory head off": [at("off", kind="memory", layer=3, head=1)],
    "a head off in every layer": [at("off", kind="decoder", head=0)],
    "one query of a head off": [at("off", kind="encoder", layer=1, head=2, query=1)],
    "a head alone": [at("alone", kind="memory", layer=2, head=3)],
    "heads uniform": [
        at("uniform", kind="encoder", layer=0, head=1),
        at("uniform", kind="decoder"),
    ],
    "a row by hand": [at("row", kind="memory", layer=3, head=0, query=2, row=[0, 0.25, 0.5, 2])],
    "a row of the future": [at("row", kind="decoder", layer=0, query=1, row=[0.5, 0.5, 1, 1])],
    "a row of the encoder": [at("row", kind="encoder", head=2, query=0, row=[0, 0, 0, 1])],
    "source tokens hidden": [at("hidden", token=1), at("hidden", token=3)],
    "a row over a hidden token": [at("hidden", token=1), at("row", kind="memory", row=[1, 1, 1])],
    "without scaling": [at("without", part="scaling")],
    "without positions": [at("without", part="positions")],
    "without the causal mask": [at("without", part="causal mask")],
    "without residual connections": [at("without", part="residual connections")],
    "hotter": [at("temperature", value=2.5)],
    "colder, twice": [at("temperature", value=0.5), at("temperature", value=0.5)],
    "much at once": [
        at("uniform", kind="memory", layer=1),
        at("off", kind="memory", head=2),
        at("row", kind="decoder", layer=2, head=0, query=3, row=[1]),
        at("hidden", token=0),
        at("without", part="scaling"),
        at("without", part="causal mask"),
        at("temperature", value=1.5),
    ],
}
WRONG: list[object] = [
    None,
    3,
    "off",
    [],
    {},
    {"make": "explode"},
    {"make": "__proto__"},
    {"make": ["off"]},
    {"make": "off", "layer": 4},
    {"make": "off", "layer": -1},
    {"make": "off", "head": 1.5},
    {"make": "off", "head": True},
    {"make": "off", "kind": "toString"},
    {"make": "off", "part": "scaling"},
    {"make": "alone"},
    {"make": "row"},
    {"make": "row", "row": "1"},
    {"make": "row", "row": [-1]},
    {"make": "row", "row": [None]},
    {"make": "hidden"},
    {"make": "hidden", "token": "0"},
    {"make": "hidden", "token": 0, "layer": 0},
    {"make": "without"},
    {"make": "without", "part": "__proto__"},
    {"make": "without", "part": "constructor"},
    {"make": "temperature", "value": 0},
    {"make": "temperature", "value": -1},
    {"make": "temperature", "value": "2"},
]
