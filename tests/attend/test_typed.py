"""What people type: the phrases are unseen, the measure sees loops, the table is the weights'."""

import json

import pytest
from shared_data import shared_file

from attend.text.corpus import load_pairs, sentence_key
from attend.translator.translator import SHIPPED, shipped
from attend.translator.typed import FORMS, keeps_numbers, loops, measure, typed

STORED = json.loads((SHIPPED / "measured.json").read_text(encoding="utf-8"))["typed"]


@pytest.mark.parametrize(
    ("text", "looped"),
    [
        ("Ich bin hung hung hung", True),
        ("Ich bin hungunguns", False),
        ("Er sagt hahaha.", True),
        ("Das ist das, was das ist.", False),
        ("Sie ist in ist in ist in der Stadt.", True),
        ("Es kostet 1000000 Euro.", False),
        ("Sie ist ist ist da.", True),
        ("Er ist zu Hause.", False),
        ("", False),
    ],
)
def test_a_loop_is_seen(text, looped):
    assert loops(text) == looped


@pytest.mark.parametrize(
    ("source", "translation", "kept"),
    [
        ("At 8:45.", "Um 8.45 Uhr.", True),
        ("I am 37.", "Ich bin dreißig.", False),
        ("I am 37.", "Ich bin 37 und 37.", False),
        ("On May 5, 1986.", "1986, am 5. Mai.", True),
    ],
)
def test_numbers_are_kept_or_not(source, translation, kept):
    assert keeps_numbers(source, translation) == kept


def test_there_are_sixty_phrases_in_five_forms_and_sixteen_numbers():
    assert len(set(typed().phrases)) == 60
    assert len(set(typed().numbers)) == 16
    assert len(FORMS) == 5
    assert all(pair.source[-1] in ".!?" for pair in typed().phrases)


def test_no_phrase_is_in_the_corpus():
    pairs, _ = load_pairs(shared_file("deu-eng.zip"))
    seen = {sentence_key(side) for pair in pairs for side in pair}
    ours = [side for pair in typed().phrases for side in pair] + list(typed().numbers)
    assert not seen & set(map(sentence_key, ours))


def test_each_form_is_within_two_points_of_the_printed_one():
    printed = STORED["forms"]["printed"]["chrf"]
    assert {name: x["chrf"] for name, x in STORED["forms"].items() if x["chrf"] < printed - 2} == {}


def test_the_stored_translations_are_those_of_the_shipped_weights():
    report = measure(shipped(), every=6)
    for name, form in report["forms"].items():
        known = STORED["forms"][name]["translations"][::6]
        # Other machines round sums differently, and a near tie may fall the other way.
        assert sum(a == b for a, b in zip(form["translations"], known, strict=True)) >= 9, name


def test_the_card_has_the_table_that_was_measured():
    card = (SHIPPED / "README.md").read_text(encoding="utf-8")
    for name, x in STORED["forms"].items():
        assert f"| {name} | {x['chrf']:.1f} | {x['loops']} |" in card
    kept = sum(entry["kept"] for entry in STORED["numbers"])
    assert f"{kept} of {len(STORED['numbers'])} sentences keep their digits" in card
