"""Every sentence that a reader sees the translator at is of whole words, and new to it.

Sentences are found where they stand: in the code of pages and notebooks, in commands, and in the
examples of chapters that use the translator. So a new page is under these tests from the start.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import import_module

import pytest
from conftest import ROOT
from shared_data import shared_file

from attend.text.corpus import read_pairs
from attend.translator.alignment import word_numbers
from attend.translator.translator import shipped

CHAPTERS = ROOT / "src/attend_course/chapters"
CODE = re.compile(r"```\{attend-code\}\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r'attend translate "([^"]+)"')
TRANSLATES = ("translator", "EncoderDecoderExplorer", "Laboratory")
NAMES = ("SENTENCE", "SWAPPED", "ENGLISH")
IN_GERMAN = ("Der Brief kam zu spät an.",)
"""Literals that are no source: a translation whose score is counted."""
ONLY_READ = ("multi_head",)
"""Chapters that show what the encoder makes of a sentence, and no translation."""
SENTENCE = re.compile(r'"([A-Z][^"\n{}]* [^"\n{}]*[.?!])"')


def code_of(text: str, is_notebook: bool) -> str:
    """Return the code of a page or a notebook."""
    if not is_notebook:
        return "\n".join(CODE.findall(text))
    cells = json.loads(text)["cells"]
    return "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")


def of_chapters() -> dict[str, list[str]]:
    """Return the sentences that chapters with the translator name as such."""
    found = {}
    for path in sorted(CHAPTERS.glob("*/example.py")):
        folder = path.parent
        sources = (module.read_text(encoding="utf-8") for module in folder.glob("*.py"))
        if not any("attend.translator" in source for source in sources):
            continue
        example = import_module(f"attend_course.chapters.{folder.name}.example")
        texts = [*getattr(example, "SENTENCES", ()), *(getattr(example, n, "") for n in NAMES)]
        texts += [example.replaced(word) for word in getattr(example, "OTHERS", ())]
        found[folder.name] = [text for text in texts if text]
    return found


@cache
def shown() -> dict[str, str]:
    """Return every sentence shown, and one of the places where it stands."""
    found = of_chapters()
    for path in sorted([*ROOT.glob("book/*.md"), *ROOT.glob("notebooks/*.ipynb")]):
        text = path.read_text(encoding="utf-8")
        code = code_of(text, path.suffix == ".ipynb")
        found[path.name] = COMMAND.findall(text)
        if any(name in code for name in TRANSLATES):
            literals = SENTENCE.findall(code)
            found[path.name] += [text for text in literals if text not in IN_GERMAN]
    for name in ("README.md", "src/attend/translator/translator.py"):
        found[name] = COMMAND.findall((ROOT / name).read_text(encoding="utf-8"))
    assert found["README.md"]
    return {text: place for place, texts in reversed(found.items()) for text in texts}


def cut_words(pieces: list[str]) -> list[str]:
    """Return the pieces of words that are cut."""
    numbers = word_numbers(pieces)
    return [p for p, n in zip(pieces, numbers, strict=True) if n >= 0 and numbers.count(n) > 1]


def test_sentences_are_found_where_they_stand() -> None:
    places = set(shown().values())
    assert {"encoder_decoder", "multi_head", "laboratory"} <= places
    notebook = (ROOT / "notebooks/01-encoder-decoder.ipynb").read_text(encoding="utf-8")
    assert SENTENCE.search(code_of(notebook, is_notebook=True))
    code = 'x = shipped()("You see it.")\nprint("other words")\ny = f"A {x}."'
    assert SENTENCE.findall(code) == ["You see it."]
    assert COMMAND.findall('run `attend translate "Who is it?"`') == ["Who is it?"]
    assert len(shown()) >= 6


def test_cut_words_are_found() -> None:
    assert cut_words(["▁a", "▁c", "in", "em", "a", "."]) == ["▁c", "in", "em", "a"]
    assert cut_words(["▁Das", "▁Haus", ",", "▁das", ".", "<end>"]) == []


@pytest.mark.parametrize("sentence", shown())
def test_shown_sentences_are_of_whole_words_on_both_sides(sentence: str) -> None:
    look = shipped().look(sentence)
    assert not cut_words(look.source_pieces), f"{shown()[sentence]}: choose other words"
    if shown()[sentence] not in ONLY_READ:
        assert not cut_words(look.target_pieces), f"{shown()[sentence]}: {look.target_pieces}"
    assert look.target_pieces[-1] == "<end>"


def words(sentence: str) -> list[str]:
    """Return the words of a sentence in small letters, marks left out."""
    return re.findall(r"[\w'’]+", sentence.casefold())


def within_a_word(one: list[str], other: list[str]) -> bool:
    """Say whether one change, of one word, makes one sentence of the other."""
    short, long = sorted((one, other), key=len)
    longer = len(long) - len(short)
    differ = (i for i, word in enumerate(short) if word != long[i])
    same = next(differ, len(short))
    return longer <= 1 and short[same + 1 - longer :] == long[same + 1 :]


@pytest.mark.parametrize(
    ("other", "near"),
    [
        ("The dog sleeps", True),
        ("The dog sleeps here!", True),
        ("Our dog sleeps.", True),
        ("dog sleeps", True),
        ("The dog slept here.", False),
        ("Sleeps the dog?", False),
        ("The old dog sleeps here.", False),
    ],
)
def test_a_change_of_one_word_is_seen(other: str, near: bool) -> None:
    assert within_a_word(words("The dog sleeps."), words(other)) == near


def test_no_training_pair_is_a_word_away_from_a_shown_sentence() -> None:
    pairs = [*read_pairs(shared_file("deu-eng.zip"))]
    pairs += read_pairs(ROOT / "src/attend/translator/data/own_pairs.tsv")
    assert len(pairs) > 100_000
    learned: dict[tuple[int, str], list[list[str]]] = {}
    for one in {pair.source: words(pair.source) for pair in pairs}.values():
        for end in (0, -1) if one else ():
            learned.setdefault((end, one[end]), []).append(one)
    # Whatever word is changed, the first or the last stays.
    near = {
        sentence: " ".join(other)
        for sentence in shown()
        for end in (0, -1)
        for other in learned.get((end, words(sentence)[end]), ())
        if within_a_word(words(sentence), other)
    }
    assert not near
