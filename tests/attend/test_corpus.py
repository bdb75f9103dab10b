"""Sentence pairs: what is read, what is dropped and why, who shares a sentence, what a batch is."""

import gzip
import random
import zipfile
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import shared_file

from attend.text.corpus import (
    EncodedPair,
    Limits,
    Report,
    SentencePair,
    batches,
    clean,
    components,
    copy_task,
    encode_pairs,
    leaked,
    load_pairs,
    normalize,
    pad,
    pad_batch,
    read_pairs,
    reverse_task,
    sentence_key,
    split_by_components,
    without,
)
from attend.text.tokenizer import END, PAD, START, Tokenizer

TEXT = "Hello.\tHallo.\nThank you.\tDanke.\nGood night!\tGute Nacht!\n"
PAIRS = [("Hello.", "Hallo."), ("Thank you.", "Danke."), ("Good night!", "Gute Nacht!")]


def _zip(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


# -------------------------------------------------------------------------------------- reading


def test_a_zip_is_read(tmp_path) -> None:
    path = _zip(tmp_path / "a.zip", {"deu.txt": TEXT, "_about.txt": "About these pairs."})
    assert list(read_pairs(path)) == PAIRS
    assert list(read_pairs(str(path))) == PAIRS


@pytest.mark.parametrize("name", ["a.tsv", "a.txt"])
@pytest.mark.parametrize("change", [("", ""), ("\n", "\r\n"), ("Hello", "\ufeffHello")])
def test_a_tab_separated_file_is_read(tmp_path, name: str, change: tuple[str, str]) -> None:
    path = tmp_path / name
    path.write_bytes(TEXT.replace(*change, 1 if "Hello" in change else -1).encode())
    assert list(read_pairs(path)) == PAIRS


def test_a_gzipped_file_is_read(tmp_path) -> None:
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(gzip.compress(TEXT.encode()))
    assert list(read_pairs(path)) == PAIRS


def test_further_columns_and_blank_lines_are_ignored(tmp_path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("Hello.\tHallo.\tCC-BY 2.0\n\nThank you.\tDanke.\t\n", encoding="utf-8")
    assert list(read_pairs(path)) == PAIRS[:2]


@pytest.mark.parametrize("zipped", [False, True])
def test_two_parallel_files_are_read(tmp_path, zipped: bool) -> None:
    paths = []
    for language, side in (("en", 0), ("de", 1)):
        content = "".join(pair[side] + "\n" for pair in PAIRS).encode()
        paths.append(tmp_path / (f"a.{language}.gz" if zipped else f"a.{language}"))
        paths[-1].write_bytes(gzip.compress(content) if zipped else content)
    assert list(read_pairs(*paths)) == PAIRS


def test_reading_is_lazy(tmp_path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(TEXT * 20_000 + "no tab at the very end\n", encoding="utf-8")
    assert list(islice(read_pairs(path), 3)) == PAIRS
    with pytest.raises(ValueError, match="line 60001"):
        list(read_pairs(path))


def test_a_line_without_a_tab_is_refused_with_its_number(tmp_path) -> None:
    path = tmp_path / "prose.txt"
    path.write_text("Hello.\tHallo.\nThis is a letter to my aunt.\n", encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"prose\.txt, line 2: expected source<TAB>target.*'This is a letter to"
    ):
        load_pairs(path)


def test_long_lines_are_shortened_in_errors(tmp_path) -> None:
    path = tmp_path / "prose.txt"
    path.write_text("x" * 10_000, encoding="utf-8")
    with pytest.raises(ValueError, match=r"line 1: .*x\.\.\.'") as caught:
        load_pairs(path)
    assert len(str(caught.value)) < 400


def test_files_of_unequal_length_are_refused(tmp_path) -> None:
    (tmp_path / "a.en").write_text("One.\nTwo.\n", encoding="utf-8")
    (tmp_path / "a.de").write_text("Eins.\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"same number of lines; .*a\.de has no line 2"):
        load_pairs(tmp_path / "a.en", tmp_path / "a.de")
    with pytest.raises(ValueError, match=r"same number of lines; .*a\.de has no line 2"):
        load_pairs(tmp_path / "a.de", tmp_path / "a.en")


def test_text_in_another_encoding_is_refused(tmp_path) -> None:
    path = tmp_path / "old.txt"
    path.write_bytes(b"Hello.\tHallo.\n" + "Nice.\tSchön.\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"old\.txt, line 2: not UTF-8 text"):
        load_pairs(path)


def test_a_damaged_archive_is_refused(tmp_path) -> None:
    whole = gzip.compress(random.Random(0).randbytes(4000).hex().encode())
    (tmp_path / "cut.tsv.gz").write_bytes(whole[:-1000])
    (tmp_path / "no.tsv.gz").write_bytes(b"plain text")
    (tmp_path / "no.zip").write_bytes(b"plain text")
    for name in ("cut.tsv.gz", "no.tsv.gz", "no.zip"):
        with pytest.raises(ValueError, match=rf"{name}, after line 0: cannot unpack it"):
            load_pairs(tmp_path / name)


def test_an_altered_zip_is_refused(tmp_path) -> None:
    path = _zip(tmp_path / "a.zip", {"deu.txt": TEXT})
    path.write_bytes(path.read_bytes().replace(b"Danke", b"Bitte", 1))
    with pytest.raises(ValueError, match="cannot unpack it"):
        load_pairs(path)


def test_a_zip_must_hold_one_file_of_pairs(tmp_path) -> None:
    two = _zip(tmp_path / "two.zip", {"deu.txt": TEXT, "fra.txt": TEXT})
    with pytest.raises(ValueError, match=r"one \.txt or \.tsv file .*found deu\.txt, fra\.txt"):
        load_pairs(two)
    with pytest.raises(ValueError, match="found none"):
        load_pairs(_zip(tmp_path / "none.zip", {"picture.png": "x", "_about.txt": "x"}))


def test_nothing_to_read_is_said(tmp_path) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    with pytest.raises(ValueError, match=r"no sentence pairs in .*empty\.txt"):
        load_pairs(tmp_path / "empty.txt")
    with pytest.raises(FileNotFoundError):
        load_pairs(tmp_path / "absent.txt")
    for paths in ((), ("a", "b", "c")):
        with pytest.raises(ValueError, match=f"two parallel files; got {len(paths)}"):
            read_pairs(*paths)


# ------------------------------------------------------------------------------------- cleaning


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("  two   spaces\tand\u00a0more \n", "two spaces and more"),
        ("„Ja“, sagte er. ‚Nein‘?", "\"Ja\", sagte er. 'Nein'?"),
        ("I don’t know…", "I don't know..."),
        ("»So« — oder so", '"So" – oder so'),
        ("Scho\u0308n", "Schön"),
        ("Zucker\u00adbäcker\u200b", "Zuckerbäcker"),
        ("Straße", "Straße"),
    ],
)
def test_normalize(text: str, plain: str) -> None:
    assert normalize(text) == plain


@given(text=st.text() | st.text(alphabet="aeo\u0301\u0308\u200b\u00ad\u1fef’„… —\u2000"))
@settings(max_examples=500, deadline=None)
def test_normalizing_again_changes_nothing(text: str) -> None:
    assert normalize(normalize(text)) == normalize(text)


def test_every_dropped_pair_is_counted_with_its_reason() -> None:
    report = Report()
    kept = clean(
        [
            SentencePair("Hello.", "Hallo."),
            SentencePair(" Hello. ", "Hallo."),
            SentencePair("", "Hallo."),
            SentencePair("Hello.", "\u200b "),
            SentencePair("Tom!", "Tom!"),
            SentencePair("word " * 8, "Wort " * 8),
            SentencePair("No.", "Nein, auf gar keinen Fall, niemals."),
            SentencePair("Hello.", "Guten Tag."),
        ],
        Limits(words=7),
        report,
    )
    assert list(kept) == [("Hello.", "Hallo."), ("Hello.", "Guten Tag.")]
    assert report.read == 8
    assert report.kept == 2
    assert report.dropped == {
        "duplicate": 1,
        "empty": 2,
        "identical": 1,
        "too long": 1,
        "unequal length": 1,
    }


def test_limits_are_exact() -> None:
    limits = Limits(words=3, ratio=2.0, slack=1)
    for source, target, kept in (
        ("a b c", "d e f", 1),
        ("a b c d", "e", 0),
        ("abc", "defghij", 1),
        ("abc", "defghijk", 0),
        ("defghijk", "abc", 0),
    ):
        assert len(list(clean([SentencePair(source, target)], limits))) == kept


def test_the_report_reads_well() -> None:
    report = Report()
    assert str(report) == "0 of 0 pairs kept; dropped: none"
    list(clean([SentencePair("a", "b")] * 1200 + [SentencePair("", "b")], report=report))
    assert str(report) == "1 of 1,201 pairs kept; dropped: 1,199 duplicate, 1 empty"


def test_loading_reads_and_cleans(tmp_path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(TEXT + "Hello.\tHallo.\n", encoding="utf-8")
    pairs, report = load_pairs(path)
    assert pairs == PAIRS
    assert (report.read, report.kept) == (4, 3)
    assert load_pairs(path, limits=Limits(words=1))[0] == PAIRS[:1]


# ------------------------------------------------------------------------------------ splitting


def test_sentences_are_compared_without_case_and_punctuation() -> None:
    assert sentence_key("„Hallo“, TOM!") == sentence_key("hallo tom")
    assert sentence_key("Straße") == sentence_key("STRASSE")
    assert sentence_key("I go.") != sentence_key("I do.")
    assert sentence_key("No, where?") != sentence_key("Nowhere.")
    assert sentence_key("?!") != sentence_key("...")


def test_components_join_what_is_shared_at_any_distance() -> None:
    pairs = [
        SentencePair("I go.", "Ich gehe."),
        SentencePair("You sleep.", "Du schläfst."),
        SentencePair("I go!", "Ich geh."),
        SentencePair("I'm going.", "ich gehe"),
        SentencePair("Super!", "Klasse!"),
        SentencePair("Great.", "Super."),
    ]
    assert sorted(sorted(group) for group in components(pairs)) == [[0, 2, 3], [1], [4, 5]]


def _corpus(groups: int, seed: int = 0) -> list[SentencePair]:
    """Groups of one to four paraphrases that share their English sentence."""
    generator = random.Random(seed)
    return [
        SentencePair(f"This is sentence {group}.", f"Das ist Satz {group} auf Art {way}.")
        for group in range(groups)
        for way in range(generator.randint(1, 4))
    ]


def _keys(pairs: list[SentencePair]) -> set[str]:
    return {sentence_key(text) for pair in pairs for text in pair}


def test_no_held_out_sentence_was_seen() -> None:
    pairs = _corpus(600)
    train, validation, test = split_by_components(pairs, (200, 300))
    assert (len(validation), len(test)) == (200, 300)
    assert sorted([*train, *validation, *test]) == sorted(pairs)
    assert not _keys(train) & _keys(validation)
    assert not _keys(train) & _keys(test)
    assert not _keys(validation) & _keys(test)


@given(
    edges=st.lists(st.tuples(st.integers(0, 30), st.integers(20, 50)), min_size=1, unique=True),
    seed=st.integers(0, 5),
)
@settings(deadline=None)
def test_no_graph_leaks(edges: list[tuple[int, int]], seed: int) -> None:
    pairs = [SentencePair(f"word{a}", f"Word{b}!") for a, b in edges]
    alone = sum(len(group) == 1 for group in components(pairs))
    train, validation, test = split_by_components(pairs, alone // 2, seed=seed)
    assert len(validation) == len(test) == alone // 2
    assert not _keys(train) & _keys(validation)
    assert not _keys(train) & _keys(test)
    assert not _keys(validation) & _keys(test)


def test_the_split_depends_on_the_seed_and_not_on_the_order() -> None:
    pairs = _corpus(400)
    split = split_by_components(pairs, 100)
    shuffled = random.Random(1).sample(pairs, len(pairs))
    assert split_by_components(pairs, 100) == split
    assert [set(part) for part in split_by_components(shuffled, 100)] == [set(p) for p in split]
    assert split_by_components(pairs, 100, seed=1) != split


def test_parts_keep_the_order_of_the_corpus() -> None:
    pairs = _corpus(400)
    for part in split_by_components(pairs, 50):
        positions = [pairs.index(pair) for pair in part]
        assert positions == sorted(positions)


def test_large_components_stay_in_training() -> None:
    crowd = [SentencePair("Hi.", f"Gruß Nummer {number}.") for number in range(30)]
    for seed in range(5):
        split = split_by_components(_corpus(600) + crowd, 400, seed=seed)
        assert set(crowd) <= set(split.train)


def test_too_much_held_out_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot hold out 500 pairs: groups of at most 5 pairs"):
        split_by_components(_corpus(50), 500)
    with pytest.raises(ValueError, match="held_out must be 0 or more"):
        split_by_components(_corpus(50), (-1, 5))


def test_sentences_of_ones_own_are_left_out() -> None:
    pairs = [SentencePair(*pair) for pair in PAIRS]
    assert without(pairs, ["hello", "gute nacht"]) == [("Thank you.", "Danke.")]
    assert without(pairs, []) == pairs


# ------------------------------------------------------------------------------------- batching


def _encoded(n: int = 500, seed: int = 0) -> list[EncodedPair]:
    """Pairs with a source of their own, so that each can be found again in a batch."""
    generator = np.random.default_rng(seed)
    return [
        EncodedPair(
            [3 + i, *generator.integers(3, 9, generator.integers(0, 30)).tolist()],
            generator.integers(3, 99, generator.integers(1, 30)).tolist(),
        )
        for i in range(n)
    ]


def _unpadded(array: np.ndarray) -> list[list[int]]:
    return [[token for token in row if token != PAD] for row in array.tolist()]


def test_padding_is_on_the_right() -> None:
    source, target = pad_batch([EncodedPair([5, 6, 7], [8]), EncodedPair([9], [10, 11])])
    assert source.tolist() == [[5, 6, 7], [9, PAD, PAD]]
    assert target.tolist() == [[START, 8, END, PAD], [START, 10, 11, END]]
    assert source.dtype == target.dtype == np.int64
    assert pad([]).shape == (0, 0)


@given(tokens=st.integers(40, 2000), epoch=st.integers(0, 3))
@settings(deadline=None, max_examples=25)
def test_every_pair_is_in_one_batch_and_no_batch_is_over_budget(tokens: int, epoch: int) -> None:
    encoded, found = _encoded(), []
    for source, target in batches(encoded, tokens=tokens, seed=3, epoch=epoch):
        assert max(source.size, target.size) <= tokens
        assert len(source) == len(target)
        assert (source != PAD).any(axis=0).all()
        assert (target != PAD).any(axis=0).all()
        found += zip(_unpadded(source), _unpadded(target), strict=True)
    assert sorted(found) == sorted((s, [START, *t, END]) for s, t in encoded)


def _same(first, second) -> bool:
    first, second = list(first), list(second)
    return len(first) == len(second) and all(
        np.array_equal(a, b)
        for one, other in zip(first, second, strict=True)
        for a, b in zip(one, other, strict=True)
    )


def test_batches_depend_on_seed_and_epoch_alone() -> None:
    encoded = _encoded()
    first = list(batches(encoded, tokens=400, seed=1, epoch=2))
    assert _same(first, batches(encoded, tokens=400, seed=1, epoch=2))
    assert not _same(first, batches(encoded, tokens=400, seed=1, epoch=3))
    assert not _same(first, batches(encoded, tokens=400, seed=2, epoch=2))
    assert len({sum(1 for _ in batches(encoded, tokens=400, epoch=e)) for e in range(5)}) == 1


def test_batches_are_grouped_by_length_and_shuffled() -> None:
    drawn = list(batches(_encoded(2000), tokens=600))
    tokens = sum(int((target != PAD).sum()) for _, target in drawn)
    assert tokens / sum(target.size for _, target in drawn) > 0.95
    widths = [target.shape[1] for _, target in drawn]
    assert widths != sorted(widths)
    assert np.corrcoef(widths, np.arange(len(widths)))[0, 1] ** 2 < 0.1


def test_no_pairs_no_batches() -> None:
    assert list(batches([])) == []


def test_a_pair_longer_than_a_batch_is_refused() -> None:
    encoded = [EncodedPair([3], [4]), EncodedPair([3], [4] * 9)]
    with pytest.raises(ValueError, match=r"pair 1 has 11 tokens on one side.*tokens=10"):
        next(batches(encoded, tokens=10))
    assert len(list(batches(encoded, tokens=11))) == 2


def test_pairs_are_encoded_on_both_sides() -> None:
    tokenizer = Tokenizer.train([text for pair in PAIRS for text in pair], frequent=1)
    encoded = encode_pairs([SentencePair(*pair) for pair in PAIRS], tokenizer)
    assert [tuple(map(tokenizer.decode, pair)) for pair in encoded] == PAIRS


# ------------------------------------------------------------------------------------ toy tasks


def test_copy_and_reverse() -> None:
    copied, reversed_ = copy_task(50, 6, 11, seed=4), reverse_task(50, 6, 11, seed=4)
    for (source, target), (same, backwards) in zip(copied, reversed_, strict=True):
        assert source == target == same
        assert backwards == source[::-1]
        assert 1 <= len(source) <= 6
        assert all(3 <= token < 11 for token in source)
    assert {len(source) for source, _ in copied} == set(range(1, 7))
    assert copy_task(50, 6, 11, seed=4) == copied
    assert copy_task(50, 6, 11, seed=5) != copied


@pytest.mark.parametrize("bad", [(-1, 5, 10), (3, 0, 10), (3, 5, 3)])
def test_impossible_toy_tasks_are_refused(bad: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=rf"vocabulary > 3; got n={bad[0]}"):
        copy_task(*bad)


# --------------------------------------------------------------------------------- real corpora


@pytest.mark.slow
def test_tatoeba_is_split_without_a_leak() -> None:
    pairs, report = load_pairs(shared_file("deu-eng.zip"))
    assert (report.read, report.kept) == (169_813, len(pairs))
    assert report.kept > 0.99 * report.read
    train, validation, test = split_by_components(pairs)
    assert (len(validation), len(test)) == (2000, 2000)
    assert not _keys(train) & (_keys(validation) | _keys(test))
    assert not _keys(validation) & _keys(test)
    lengths = [np.mean([len(pair.source.split()) for pair in part]) for part in (train, test)]
    assert abs(lengths[0] - lengths[1]) < 0.5


def test_multi30k_is_read() -> None:
    english, german = (shared_file(f"multi30k/val.lc.norm.tok.{side}.gz") for side in ("en", "de"))
    assert len(list(read_pairs(english, german))) == 1014


def test_words_that_differ_by_a_mark_are_two():
    assert sentence_key("दिन") != sentence_key("दीन")
    assert sentence_key("दिन!") == sentence_key("दिन")


def test_leaks_are_counted_on_either_side():
    held_out = [SentencePair("Go!", "Geh!"), SentencePair("Run!", "Lauf!"), SentencePair("a", "b")]
    trained = [SentencePair("go", "Los"), SentencePair("Hurry", "lauf"), SentencePair("c", "d")]
    assert leaked(held_out, trained) == 2
    assert leaked(held_out, []) == 0
    assert leaked([], trained) == 0
