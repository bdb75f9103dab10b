"""Pairs that look different in every epoch: the target stays right, and numbers are copied."""

import re

import numpy as np
import pytest

from attend.text.corpus import SentencePair
from attend.text.finer import WAYS, FinerCuts
from attend.text.tokenizer import PAD, Tokenizer
from attend.training import roughening
from attend.training.number_words import ENGLISH, german
from attend.training.rough_pairs import RoughPairs
from attend.training.variety import (
    DIGITS,
    made_up_name,
    other_names,
    other_numbers,
    shared_names,
    with_digits,
)

PAIRS = [
    SentencePair("I have three cats.", "Ich habe drei Katzen."),
    SentencePair("Tom is 37 years old.", "Tom ist siebenunddreißig Jahre alt."),
    SentencePair("He was born on May 5, 1986.", "Er wurde am 5. Mai 1986 geboren."),
    SentencePair("Don't you like London?", "Magst du London nicht?"),
    SentencePair("Where is Tom's hat?", "Wo ist Toms Hut?"),
]
TOKENIZER = Tokenizer.train([side for pair in PAIRS for side in pair] * 20, merges=80)


# --------------------------------------------------------------------------------- how it is typed


@pytest.mark.parametrize(
    ("form", "text", "typed"),
    [
        (roughening.without_mark, "Is it you?!", "Is it you"),
        (roughening.without_mark, "...", "..."),
        (roughening.without_mark, "At 3.5 metres.", "At 3.5 metres"),
        (roughening.lower_without_mark, "I am Tom.", "i am tom"),
        (roughening.with_space_before_mark, "Is it you?", "Is it you ?"),
        (roughening.with_space_before_mark, "It is", "It is"),
        (roughening.without_apostrophes, "I don't.", "I dont."),
        (roughening.without_apostrophes, "'", "'"),
        (roughening.with_small_beginning, "I am Tom.", "i am Tom."),
    ],
)
def test_a_form_changes_what_it_says_and_no_more(form, text, typed):
    assert form(text) == typed


def test_the_shares_of_the_forms_add_up_to_one():
    assert sum(roughening.FORMS.values()) == pytest.approx(1)


# ------------------------------------------------------------------------------ numbers and names


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (0, "null"),
        (1, "eins"),
        (16, "sechzehn"),
        (21, "einundzwanzig"),
        (70, "siebzig"),
        (100, "hundert"),
        (101, "hunderteins"),
        (999, "neunhundertneunundneunzig"),
        (1000, "tausend"),
        (12_000, "zwölftausend"),
        (1001, None),
        (13_000, None),
    ],
)
def test_german_number_words(number, word):
    assert german(number) == word


def test_every_english_number_word_has_a_german_one():
    assert ENGLISH["two"] == 2
    assert ENGLISH["ninety"] == 90
    assert len({german(number) for number in ENGLISH.values()}) == len(ENGLISH) == 26


def test_a_number_in_digits_stays_in_digits():
    assert with_digits(PAIRS[1]).target == "Tom ist 37 Jahre alt."
    assert with_digits(PAIRS[2]) == PAIRS[2]
    # "1" is not looked for inside a word, nor a number that the target has already.
    assert with_digits(SentencePair("1 of 3", "eins von 3")).target == "1 von 3"


@pytest.mark.parametrize("pair", PAIRS[:3])
def test_new_numbers_are_the_same_on_both_sides(pair):
    found = set()
    for seed in range(60):
        source, target = other_numbers(with_digits(pair), np.random.default_rng(seed))
        assert sorted(DIGITS.findall(source)) == sorted(DIGITS.findall(target))
        assert re.sub(r"\d+|three", "#", source) == re.sub(r"\d+|three", "#", pair.source)
        found.add(source)
    assert len(found) > 20


def test_a_number_that_only_one_side_has_stays():
    pair = SentencePair("It is 2:30 in room 7.", "Es ist halb drei in Zimmer 7.")
    assert other_numbers(pair, np.random.default_rng(0)) == pair


def test_one_stays_as_its_noun_would_change():
    pair = SentencePair("I have 1 cat.", "Ich habe 1 Katze.")
    assert all(other_numbers(pair, np.random.default_rng(seed)) == pair for seed in range(20))


def test_a_name_is_the_same_on_both_sides_and_keeps_its_genitive():
    for seed in range(40):
        source, target = other_names(PAIRS[4], ["Rom"], np.random.default_rng(seed))
        name = re.fullmatch(r"Where is (\w+)'s hat\?", source)[1]
        assert target == f"Wo ist {name}s Hut?"
        assert name != "Tom"


def test_a_name_with_another_form_in_german_stays():
    pair = SentencePair("Mary is here.", "Maria ist da.")
    assert other_names(pair, ["Rom"], np.random.default_rng(0)) == pair


def test_made_up_names_begin_with_a_capital():
    names = [made_up_name(np.random.default_rng(seed)) for seed in range(300)]
    assert all(re.fullmatch(r"[A-Z][a-z]+|[A-Z]{2,5}", name) for name in names)
    assert len(set(names)) > 250


def test_names_of_the_corpus_are_found():
    assert shared_names(PAIRS) == ["London"]


# ------------------------------------------------------------------------------------- finer cuts


def test_finer_cuts_spell_the_same_text():
    cuts, text = FinerCuts(TOKENIZER), "Tom's three cats, 37 dogs — and žabas 🐈"
    assert cuts.encode(text, 0.0, np.random.default_rng(0)) == TOKENIZER.encode(text)
    found = [tuple(cuts.encode(text, 1.0, np.random.default_rng(seed))) for seed in range(20)]
    assert {TOKENIZER.decode(tokens) for tokens in found} == {text}
    assert len(set(found)) > 5
    assert all(len(tokens) >= len(TOKENIZER.encode(text)) for tokens in found)


def test_a_word_has_the_same_ways_in_every_run():
    ways = FinerCuts(TOKENIZER).ways(" three")
    assert len(ways) == WAYS + 1
    assert FinerCuts(TOKENIZER).ways(" three") == ways


def test_no_cuts_for_no_text_and_no_certain_loss():
    assert FinerCuts(TOKENIZER).encode("", 1.0, np.random.default_rng(0)) == []
    with pytest.raises(ValueError, match="left_out"):
        FinerCuts(TOKENIZER, 1.0)


# ------------------------------------------------------------------------------------- rough pairs


def texts(batches) -> list[str]:
    return [TOKENIZER.decode(row[row != PAD]) for batch in batches for row in batch.source]


def test_an_epoch_has_every_pair_and_those_with_numbers_more_often():
    pairs = RoughPairs(PAIRS, TOKENIZER)
    found = list(pairs.epoch(np.random.default_rng(0)))
    assert len(found) == len(PAIRS) + 2 * pairs.number_repeats
    assert sum("hat" in pair.source.lower() for pair in found) == 1


def test_the_same_epoch_is_the_same_and_another_is_another():
    pairs = RoughPairs(PAIRS, TOKENIZER)

    def epoch(number: int) -> list[str]:
        return texts(pairs.batches(tokens=300, seed=1, epoch=number))

    assert epoch(0) == epoch(0)
    assert epoch(0) != epoch(1)


def test_a_teacher_is_heard_as_often_as_said():
    taught = {PAIRS[3]: "Gefällt dir London nicht?"}
    pairs = RoughPairs(PAIRS[3:4], TOKENIZER, taught)
    pairs.names_share = 0
    draw = np.random.default_rng(0)
    targets = [pair.target for _ in range(300) for pair in pairs.epoch(draw)]
    assert targets.count(taught[PAIRS[3]]) / 300 == pytest.approx(pairs.teacher_share, abs=0.1)
    assert set(targets) == {taught[PAIRS[3]], PAIRS[3].target}


def test_other_pairs_have_another_digest():
    one = RoughPairs(PAIRS, TOKENIZER).describe()
    taught = RoughPairs(PAIRS, TOKENIZER, {PAIRS[3]: "Gefällt dir London nicht?"}).describe()
    assert one != taught != RoughPairs(PAIRS[:4], TOKENIZER).describe()


def test_no_pairs_are_refused():
    with pytest.raises(ValueError, match="no sentence pairs"):
        RoughPairs([], TOKENIZER)
