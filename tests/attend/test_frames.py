"""Pairs of our own: they say the same on both sides, and answer no test."""

import re

import numpy as np
import pytest
from shared_data import shared_file

from attend.text.corpus import SentencePair, load_pairs, sentence_key, split_by_components
from attend.text.tokenizer import Tokenizer
from attend.training.frames import Frames, filled, frames, quotable
from attend.training.number_words import ENGLISH, english, german
from attend.training.phrases import phrases
from attend.training.rough_pairs import RoughPairs
from attend.translator.evaluation import everyday
from attend.translator.typed import typed

CORPUS = [
    SentencePair("This is a cat.", "Das ist eine Katze."),
    SentencePair("I love music.", "Ich liebe Musik."),
    SentencePair("The soup is hot.", "Die Suppe ist heiß."),
    SentencePair("Where's the key?", "Wo ist der Schlüssel?"),
    SentencePair("I love you.", "Ich liebe Sie."),
    SentencePair("Go away!", "Geh weg!"),
    SentencePair("We flew to London.", "Wir flogen nach London."),
]
GAP = re.compile(r"\d+")


def draws(count: int, seed: int = 0) -> list[SentencePair]:
    own, draw = Frames(CORPUS), np.random.default_rng(seed)
    return [own.draw(draw) for _ in range(count)]


def test_the_same_seed_draws_the_same_pairs():
    assert draws(50) == draws(50)
    assert draws(50) != draws(50, seed=1)


@pytest.mark.parametrize("frame", frames("numbers"), ids=lambda frame: frame.source)
def test_a_frame_has_the_same_numbers_on_both_sides(frame):
    for seed in range(5):
        pair = filled(frame, np.random.default_rng(seed))
        assert "{" not in pair.source + pair.target
        found = [sorted(GAP.findall(numbers_in_digits(side))) for side in pair]
        assert found[0] == found[1] != [], pair


def numbers_in_digits(text: str) -> str:
    known = {english(n): n for n in range(2, 100)} | {str(german(n)): n for n in range(2, 100)}
    return re.sub(r"[\w-]+", lambda word: str(known.get(word[0], word[0])), text)


def test_every_number_below_a_hundred_has_its_english_words():
    assert english(2) == "two"
    assert english(37) == "thirty-seven"
    assert english(90) == "ninety"
    assert len({english(n) for n in range(2, 100)}) == 98
    assert all(english(n) == word for word, n in ENGLISH.items())
    with pytest.raises(ValueError, match="from 2 to 99"):
        english(100)


def test_what_is_quoted_is_short():
    assert quotable(CORPUS) == [SentencePair("Go away", "Geh weg")]
    assert all('"Go away"' in source.format(said="Go away") for source, _ in frames("quotations"))


def test_phrases_are_found_with_their_article_and_without():
    assert phrases(CORPUS) == [
        SentencePair("a cat", "eine Katze"),
        SentencePair("cat", "Katze"),
        SentencePair("music", "Musik"),
        SentencePair("the soup", "die Suppe"),
        SentencePair("soup", "Suppe"),
        SentencePair("the key", "der Schlüssel"),
        SentencePair("key", "Schlüssel"),
    ]


def test_all_kinds_are_drawn():
    found = draws(300)
    assert SentencePair("cat", "Katze.") in found
    assert SentencePair("The soup.", "Die Suppe.") in found
    assert any('"Geh weg"' in target for _, target in found)
    assert any(source == target and "London" in source for source, target in found)
    assert sum(bool(GAP.search(source)) for source, _ in found) > 80


def test_an_epoch_has_as_many_pairs_of_our_own_as_asked_for():
    tokenizer = Tokenizer.train([side for pair in CORPUS for side in pair] * 20, merges=20)
    few, many = (RoughPairs(CORPUS, tokenizer, frames=count) for count in (0, 9))
    counts = [len(list(one.epoch(np.random.default_rng(0)))) for one in (few, many)]
    assert counts[1] - counts[0] == 9
    assert few.describe() != many.describe()
    with pytest.raises(ValueError, match="frames=-1"):
        RoughPairs(CORPUS, tokenizer, frames=-1)


def masked(text: str) -> str:
    """What is left of a sentence without its numbers, names of months and quotations."""
    text = re.sub(r'"[^"]*"', "0", text.format_map(Gaps()))
    return sentence_key(GAP.sub("0", re.sub(r"(?<=0)[:.,]0|\$", "", GAP.sub("0", text))))


class Gaps(dict):
    """Fills every gap with a number."""

    def __missing__(self, name: str) -> str:
        return "0"


def test_no_frame_is_a_sentence_of_a_test():
    held_out = split_by_components(load_pairs(shared_file("deu-eng.zip"))[0])
    tests = [*typed().numbers, *(side for pair in typed().phrases for side in pair)]
    tests += [side for one in everyday() for side in (one.english, one.german)]
    tests += [side for part in held_out[1:] for pair in part for side in pair]
    plain = (text.replace("{", "(").replace("}", ")") for text in tests)
    known = {masked(text) for text in plain}
    ours = {masked(side) for frame in frames("numbers") + frames("quotations") for side in frame}
    assert len(ours) > 100
    assert ours & known <= {"0", "0 0", "0 0 0"}
