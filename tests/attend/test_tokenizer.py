"""The tokenizer: lossless, deterministic, equal to byte-pair encoding done the slow way."""

import json
import os
import pickle
import re
import time
import unicodedata
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import shared_file

from attend.text import tokenizer as module
from attend.text.corpus import load_pairs
from attend.text.tokenizer import END, FIRST_BYTE, PAD, START, Tokenizer, merge, words

SENTENCES = [
    "The cat sat on the mat, and the other cat sat on the hat.",
    "Die Katze saß auf der Matte, und die andere Katze saß auf dem Hut.",
    "I don't know whether they'd rather walk or take the last train.",
    'Er sagte: "Ich weiß nicht, ob sie lieber zu Fuß gehen."',
    "In 1998 the theatre had 42 seats; in 2017 it had 128.",
    "aaaa aaa aaaaaaa aa banana bananas",
] * 7

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
NEAR_TEXT = st.text(alphabet="ab cdßé'’\"_09 \t\n\u00a0\u0301\u200b▁<>日🙂")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(SENTENCES, merges=100)


# ------------------------------------------------------------------------------- back and forth


@given(text=ANY_TEXT | NEAR_TEXT)
@settings(max_examples=400, deadline=None)
def test_any_string_comes_back(text: str) -> None:
    trained = Tokenizer.train(SENTENCES, merges=100)
    ids = trained.encode(text)
    assert trained.decode(ids) == text
    assert all(FIRST_BYTE <= token < len(trained) for token in ids)
    assert len(trained.pieces(text)) == len(ids)


@given(text=ANY_TEXT | NEAR_TEXT)
def test_words_joined_are_the_text(text: str) -> None:
    assert "".join(words(text)) == text


@given(first=ANY_TEXT, second=ANY_TEXT)
@settings(deadline=None)
def test_encoding_tells_texts_apart(first: str, second: str) -> None:
    trained = Tokenizer.train(SENTENCES, merges=20)
    assert (trained.encode(first) == trained.encode(second)) == (first == second)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "  two  spaces ",
        "\n",
        "\ttab",
        "▁",
        "<0x41>",
        "<pad>",
        "\x00",
        "한국어 🙂",
        "e\u0301",
    ],
)
def test_awkward_strings_come_back(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_special_tokens_written_in_a_text_are_text(tokenizer: Tokenizer) -> None:
    assert not {PAD, START, END} & set(tokenizer.encode("<pad> <start> <end>"))


def test_special_tokens_are_left_out_of_decoded_text(tokenizer: Tokenizer) -> None:
    ids = [START, *tokenizer.encode("the cat"), END, PAD, PAD]
    assert tokenizer.decode(ids) == "the cat"


def test_decode_takes_integers_of_numpy(tokenizer: Tokenizer) -> None:
    assert tokenizer.decode(np.array(tokenizer.encode("the hat"))) == "the hat"


def test_bytes_that_are_no_character_become_the_replacement_character(
    tokenizer: Tokenizer,
) -> None:
    assert tokenizer.decode([FIRST_BYTE + 0xC3, FIRST_BYTE + ord("a")]) == "\ufffda"


def test_a_character_the_training_text_lacks_is_spelled_in_bytes(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("日")[1:] == [FIRST_BYTE + value for value in "日".encode()]


def test_a_rare_character_has_no_token() -> None:
    trained = Tokenizer.train(["ab" * 20, "qu" * 19], merges=50, frequent=20)
    assert "a" in trained.characters
    assert "q" not in trained.characters
    assert all("q" not in left + right for left, right in trained.merges)


# ------------------------------------------------------------------------ byte-pair encoding


def test_words_keep_the_space_before_them() -> None:
    assert words("I don't know 42 of them.") == [
        *("I", " don't", " know", " 4", "2", " of", " them", "."),
    ]
    assert words('He said: "No--not_me"  ') == [
        *("He", " said", ":", ' "', "No", "--", "not", "_", "me", '"', " ", " "),
    ]


def test_a_word_is_the_same_at_the_start_and_inside(tokenizer: Tokenizer) -> None:
    assert tokenizer.pieces("cat") == ["▁cat"]
    assert tokenizer.pieces("cat cat") == ["▁cat", "▁cat"]


def test_merge_goes_from_left_to_right() -> None:
    assert merge(list("aaaaa"), ("a", "a")) == ["aa", "aa", "a"]
    assert merge(["b", "a"], ("a", "b")) == ["b", "a"]


def test_first_merges_by_hand() -> None:
    # " low" 20 times, " lot" 10 times: " l", then " lo" (30 each), then " low".
    trained = Tokenizer.train(["low"] * 20 + ["lot"] * 10, merges=4, frequent=1)
    assert trained.merges == ((" ", "l"), (" l", "o"), (" lo", "w"), (" lo", "t"))


def test_a_tie_goes_to_the_first_in_alphabetical_order() -> None:
    trained = Tokenizer.train(["xz", "xy"] * 5, merges=3, frequent=1)
    assert trained.merges == ((" ", "x"), (" x", "y"), (" x", "z"))


def _slow_training(sentences: list[str], merges: int, frequent: int) -> list[tuple[str, str]]:
    """Byte-pair encoding by its definition: count everything anew before each merge."""
    counts = Counter(
        word for sentence in sentences for word in words(" " + sentence if sentence else "")
    )
    letters: Counter[str] = Counter()
    for word, count in counts.items():
        letters.update({letter: word.count(letter) * count for letter in set(word)})
    symbols = {word: list(word) for word in counts}
    learned: dict[tuple[str, str], None] = {}
    while len({left + right for left, right in learned}) < merges:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, count in counts.items():
            for pair in pairwise(symbols[word]):
                if all(len(s) > 1 or letters[s] >= frequent for s in pair):
                    pairs[pair] += count
        pair = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
        if pair is None or pairs[pair] < 2:
            break
        learned[pair] = None
        symbols = {word: merge(pieces, pair) for word, pieces in symbols.items()}
    return list(learned)


def test_training_equals_counting_everything_anew() -> None:
    learned = _slow_training(SENTENCES, 100, frequent=20)
    assert len(learned) == 100
    assert list(Tokenizer.train(SENTENCES, merges=100).merges) == learned


@given(
    texts=st.lists(st.text(alphabet="abc ", max_size=12), max_size=12),
    frequent=st.integers(1, 4),
)
@settings(max_examples=300, deadline=None)
def test_training_equals_the_slow_way_on_small_alphabets(texts: list[str], frequent: int) -> None:
    trained = Tokenizer.train(texts, merges=12, frequent=frequent)
    assert list(trained.merges) == _slow_training(texts, 12, frequent)


def test_encoding_applies_the_merges_in_the_order_learned(tokenizer: Tokenizer) -> None:
    for word in {word for sentence in SENTENCES for word in words(sentence)}:
        symbols = list(" " + word)
        for pair in tokenizer.merges:
            symbols = merge(symbols, pair)
        pieces = [piece for symbol in symbols for piece in _shown(symbol, tokenizer)]
        assert tokenizer.pieces(word) == pieces


def _shown(symbol: str, tokenizer: Tokenizer) -> list[str]:
    if len(symbol) == 1 and symbol not in tokenizer.characters:
        return [f"<0x{value:02X}>" for value in symbol.encode()]
    return [symbol.replace(" ", "▁")]


def test_training_does_not_depend_on_the_order_of_sentences() -> None:
    assert Tokenizer.train(SENTENCES[::-1], merges=100) == Tokenizer.train(SENTENCES, merges=100)


def test_training_reads_a_generator_once() -> None:
    trained = Tokenizer.train((sentence for sentence in SENTENCES), merges=100)
    assert trained == Tokenizer.train(SENTENCES, merges=100)


def test_size_of_the_vocabulary(tokenizer: Tokenizer) -> None:
    assert len(tokenizer) == 3 + 256 + len(tokenizer.characters) + 100
    assert len(Tokenizer.train(SENTENCES, vocabulary=350)) == 350


def test_training_ends_when_no_pair_occurs_twice() -> None:
    trained = Tokenizer.train(["ab", "ab"], merges=4000, frequent=1)
    assert trained.merges == ((" ", "a"), (" a", "b"))


def test_training_on_nothing_leaves_the_bytes() -> None:
    empty = Tokenizer.train([])
    assert len(empty) == 3 + 256
    assert empty.decode(empty.encode("any text at all")) == "any text at all"


def test_ids_are_in_the_documented_order(tokenizer: Tokenizer) -> None:
    shown = [tokenizer.piece(token) for token in range(len(tokenizer))]
    assert shown[:5] == ["<pad>", "<start>", "<end>", "<0x00>", "<0x01>"]
    assert shown[258:260] == ["<0xFF>", "▁"]
    assert shown[259 + len(tokenizer.characters)] == "".join(tokenizer.merges[0]).replace(" ", "▁")
    assert (tokenizer.PAD, tokenizer.START, tokenizer.END) == (0, 1, 2)


def test_a_piece_spelled_by_two_merges_has_one_id() -> None:
    twice = Tokenizer(("a", "b", "c"), (("b", "c"), ("a", "bc"), ("a", "b"), ("ab", "c")))
    assert len(twice) == 3 + 256 + 3 + 3
    assert twice.pieces("abc")[-1] == "abc"
    assert twice.decode(twice.encode("abc")) == "abc"


def test_repr_says_what_is_inside() -> None:
    trained = Tokenizer.train(["low"] * 20, merges=2)
    assert repr(trained) == "Tokenizer(265 tokens: 3 special, 256 bytes, 4 characters, 2 merged)"


def test_it_is_frozen_hashable_and_can_be_pickled(tokenizer: Tokenizer) -> None:
    with pytest.raises(AttributeError):
        tokenizer.merges = ()  # type: ignore[misc]
    assert len({tokenizer, Tokenizer.train(SENTENCES, merges=100)}) == 1
    assert pickle.loads(pickle.dumps(tokenizer)) == tokenizer


def test_a_full_cache_is_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CACHED_WORDS", 5)
    trained = Tokenizer.train(SENTENCES, merges=100)
    for sentence in SENTENCES[:6]:
        assert trained.decode(trained.encode(sentence)) == sentence
    assert len(trained._cache) <= 5


# --------------------------------------------------------------------------------- save, load


def test_a_saved_tokenizer_comes_back(tokenizer: Tokenizer, tmp_path) -> None:
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    loaded = Tokenizer.load(path)
    assert loaded == tokenizer
    assert loaded.encode(SENTENCES[1]) == tokenizer.encode(SENTENCES[1])
    assert [file.name for file in tmp_path.iterdir()] == ["tokenizer.json"]
    (tmp_path / "other").touch()
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_failed_save_leaves_the_old_file(tokenizer: Tokenizer, tmp_path, monkeypatch) -> None:
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    before = path.read_bytes()

    def fail(descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        Tokenizer.train(["other"] * 30).save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["tokenizer.json"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "Expecting value"),
        ('{"format": ', "Expecting value"),
        ("[1, 2]", "needs the fields"),
        ('{"format": "attend byte-pair encoding 1", "characters": "ab"}', "needs the fields"),
        ('{"format": "other", "characters": "ab", "merges": []}', "its format is 'other'"),
        (
            '{"format": "attend byte-pair encoding 1", "characters": "ab", "merges": [["a"]]}',
            r"a merge must be two strings; got \['a'\]",
        ),
    ],
)
def test_a_file_that_is_no_tokenizer_is_refused(tmp_path, content: str, reason: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"broken\.json is not a saved Tokenizer: .*{reason}"):
        Tokenizer.load(path)


def test_the_saved_file_is_plain_json(tokenizer: Tokenizer, tmp_path) -> None:
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["merges"][0] == list(tokenizer.merges[0])
    assert content["characters"] == "".join(tokenizer.characters)


# ------------------------------------------------------------------------------------- errors


def test_lone_surrogates_are_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(ValueError, match=r"lone surrogate \(U\+D800 at position 2\)"):
        tokenizer.encode("ab\ud800")
    with pytest.raises(ValueError, match="lone surrogate"):
        Tokenizer.train(["\udfff"])


def test_what_is_no_text_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(TypeError, match="text must be a str; got bytes"):
        tokenizer.encode(b"bytes")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="iterable of str, one per sentence; got one str"):
        Tokenizer.train("one sentence")


@pytest.mark.parametrize("token", [-1, 10**6])
def test_an_id_outside_the_vocabulary_is_refused(tokenizer: Tokenizer, token: int) -> None:
    with pytest.raises(ValueError, match=rf"from 0 to {len(tokenizer) - 1}; got {token}"):
        tokenizer.decode([token])
    with pytest.raises(ValueError, match="token id"):
        tokenizer.piece(token)


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"vocabulary must be at least 263 \(3 special.*got 100"):
        Tokenizer.train(["low"] * 20, vocabulary=100)
    with pytest.raises(ValueError, match="merges must be 0 or more; got -1"):
        Tokenizer.train(SENTENCES, merges=-1)


# ---------------------------------------------------------------------------------------- speed


@pytest.mark.parametrize("unit", ["abcdehnost", "don't", "?!", "a'"])
def test_no_word_is_long_enough_to_make_merging_slow(tokenizer: Tokenizer, unit: str) -> None:
    text = unit * 10_000
    assert max(len(word) for word in words(text)) <= 61
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.slow
def test_on_the_real_corpus_it_is_fast_and_lossless() -> None:
    pairs, _ = load_pairs(shared_file("deu-eng.zip"))
    texts = [text for pair in pairs for text in pair]
    started = time.perf_counter()
    trained = Tokenizer.train(texts, merges=4000)
    assert time.perf_counter() - started < 120
    started = time.perf_counter()
    encoded = [trained.encode(text) for text in texts]
    elapsed = time.perf_counter() - started
    assert sum(len(text.split()) for text in texts) / elapsed > 50_000
    assert [trained.decode(ids) for ids in encoded] == texts


# ------------------------------------------------------------------------- combining marks


def test_a_mark_belongs_to_its_letter():
    assert words("हिन्दी भाषा") == ["हिन्दी", " भाषा"]
    assert words("e\u0301tude n\u0303!") == ["e\u0301tude", " n\u0303", "!"]
    assert words("می\u200cخواهم") == ["می\u200cخواهم"]


def test_only_marks_and_joiners_are_cut_otherwise_than_before():
    before = re.compile(
        r" ?(?:[^\W\d_]|(?<=[^\W\d_])'(?=[^\W\d_])){1,60}| ?\d| ?(?:[^\w\s]|_){1,60}|\s"
    )
    characters = [chr(code) for code in range(0x3000) if unicodedata.category(chr(code))[0] in
                  "LNPSZ" or code < 0x300]  # fmt: skip
    assert len(characters) > 5000
    for character in characters:
        text = f"a{character}a {character} 5{character}"
        assert words(text) == before.findall(text), hex(ord(character))
