"""Where a sentence ends: the cases are shared with the engine in the browser."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared_data import shared_file

from attend.text.corpus import read_pairs
from attend.text.sentences import in_small_letters, split_sentences

CASES = json.loads(Path(__file__).with_name("sentence_cases.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("sentences", CASES, ids=" ".join)
def test_sentences_end_where_a_reader_ends_them(sentences):
    assert split_sentences(" ".join(sentences)) == sentences


@given(st.text(alphabet="aIAMr. !?\"'()[]5Äé", max_size=40))
def test_nothing_is_lost(text):
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())


@pytest.mark.parametrize("sentence", [case[0] for case in CASES if len(case) == 1 and case[0]])
def test_a_sentence_that_is_cut_off_stays_one(sentence):
    assert split_sentences(sentence[:-1]) == [sentence[:-1]]


def test_titles_in_the_corpus_end_no_sentence():
    titles = ("Mr.", "Mrs.", "Ms.", "Dr.", "Mt.")
    pairs = read_pairs(shared_file("deu-eng.zip"))
    english = [source for source, _ in pairs if any(f"{title} " in source for title in titles)]
    assert len(english) > 50
    assert not [e for e in english for s in split_sentences(e)[:-1] if s.endswith(titles)]


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("I AM VERY HUNGRY!", "i am very hungry!"),
        ("WHERE IS ŽANETA'S 3RD CAT?", "where is žaneta's 3rd cat?"),
        ("HELP", "help"),
        ("He works for NASA.", "He works for NASA."),
        ("I", "I"),
        ("I 3.", "I 3."),
        ("37", "37"),
        ("", ""),
    ],
)
def test_a_sentence_all_in_capitals_is_read_small(typed, read):
    assert in_small_letters(typed) == read
