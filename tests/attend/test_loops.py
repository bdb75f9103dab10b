"""The rule against loops: what stands twice in a row is not written a third time at once."""

import numpy as np
import pytest

from attend.decoding.loops import closing, spoken, without_loops
from attend.decoding.writing import beam_search
from attend.text.tokenizer import Tokenizer
from attend.translator.translator import shipped

LOOPING = ["New York", "transformer", "football", "no no no no"]


@pytest.mark.parametrize(
    ("tokens", "found"),
    [
        ([], []),
        ([7], []),
        ([7, 7], [7]),
        ([5, 7, 7], [7]),
        ([7, 7, 5], []),
        ([4, 7, 4, 7, 4], [7]),
        ([4, 7, 4, 7], []),
        ([9, 1, 2, 3, 1, 2, 3, 1, 2], [3]),
        ([7] * 5, [7, 7]),
        ([*range(8)] * 2 + [*range(7)], [7]),
        ([*range(9)] * 2 + [*range(8)], []),  # a longer run may
    ],
)
def test_a_third_time_in_a_row_closes_a_loop(tokens, found):
    other = [*range(100, 100 + len(tokens))]
    beginning, token = closing(np.array([tokens, other], int))
    assert token.tolist() == found
    assert beginning.tolist() == [0] * len(found)


def test_only_spoken_tokens_fall_under_the_rule():
    logits, tokens = np.zeros((2, 3)), np.array([[1, 1], [2, 2]])
    found = without_loops(logits, tokens, np.array([False, True, False]))
    assert found.tolist() == [[0, -np.inf, 0], [0, 0, 0]]
    assert not logits.any()


def test_spoken_tokens_have_a_letter():
    tokenizer = Tokenizer.train(["a cat, 10 cats!"] * 30, merges=3)
    marked = spoken(tokenizer)
    assert marked.shape == (len(tokenizer),)
    pieces = {tokenizer.piece(token) for token in np.flatnonzero(marked)}
    assert all(any(map(str.isalpha, piece)) for piece in pieces)
    assert pieces >= {"a", "c", "t"}
    assert not pieces & {"1", "0", ",", "!", "<0xC3>", "<end>"}


@pytest.mark.parametrize("beam", [1, 4])
def test_the_translator_says_nothing_three_times_in_a_row(beam):
    translator = shipped()
    for text in LOOPING:
        source = np.array([translator.tokenizer.encode(text)])
        written = beam_search(translator.model, source, beam, spoken=translator.spoken)[0]
        for end in range(len(written)):
            token = closing(np.array([written[:end]], int))[1]
            assert not (translator.spoken[token] & (token == written[end])).any(), text
        assert translator.batch([text], beam) == [translator.tokenizer.decode(written)]


def test_without_the_rule_it_would():
    source = np.array([shipped().tokenizer.encode("New York")])
    plain = shipped().tokenizer.decode(beam_search(shipped().model, source)[0])
    assert plain.startswith("New York New York New York")
