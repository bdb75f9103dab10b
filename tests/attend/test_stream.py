"""Streams of pairs: all of them, each once, in bounded memory, the same again for the same seed."""

import gzip
import tracemalloc
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from attend.__main__ import main
from attend.config import tiny
from attend.text.corpus import EncodedPair, Limits, copy_task, load_pairs
from attend.text.stream import PairStream, TextStream, stream_batches
from attend.text.tokenizer import END, START, Tokenizer
from attend.training.checkpoints import read_tensors
from attend.training.plan import Plan, check_same_run, describe
from attend.training.trainer import Trainer

TOKENIZER = Tokenizer.train(["a b c d e f g h"] * 40, merges=0)
LETTERS = "abcdefgh"


def write(path: Path, count: int) -> Path:
    """Write so many different pairs of one to twenty words; the source is a number in base 8."""
    with gzip.open(path, "wt", compresslevel=1) as file:
        for number in range(count):
            source = " ".join(LETTERS[int(digit)] for digit in f"{number:o}")
            file.write(f"{source}\t{' '.join([source] * (1 + number % 3))} x\n")
    return path


def stream(path: Path, buffer: int = 100) -> PairStream:
    return PairStream(TextStream(path), TOKENIZER, buffer)


def sources(batches) -> list[str]:
    """Return the sources of batches, in their order."""
    return [TOKENIZER.decode(row[row > 0]) for batch in batches for row in batch.source]


# ---------------------------------------------------------------------------------- the batches


@pytest.mark.parametrize("buffer", [1, 7, 100, 399, 400, 5000])
def test_every_pair_is_seen_once_an_epoch(tmp_path, buffer):
    path = write(tmp_path / "pairs.tsv.gz", 400)
    found = sources(stream(path, buffer).batches(tokens=200))
    assert len(found) == 400
    assert sorted(found) == sorted(pair.source for pair in load_pairs(path)[0])


def test_another_epoch_has_another_order_and_the_same_epoch_the_same(tmp_path):
    pairs = stream(write(tmp_path / "pairs.tsv.gz", 400))

    def order(seed: int, epoch: int) -> list[str]:
        return sources(pairs.batches(tokens=200, seed=seed, epoch=epoch))

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)
    assert sorted(order(1, 0)) == sorted(order(1, 1)) == sorted(order(2, 0))


def test_a_batch_keeps_the_budget_and_both_sides_together(tmp_path):
    wide = filled = 0
    for source, target in stream(write(tmp_path / "pairs.tsv.gz", 400)).batches(tokens=200):
        assert max(source.size, target.size) <= 200
        wide, filled = wide + target.size, filled + int((target > 0).sum())
        for one, other in zip(source, target, strict=True):
            words = TOKENIZER.decode(other[(other > 0) & (other != START) & (other != END)])
            assert words.startswith(TOKENIZER.decode(one[one > 0]))
    assert filled / wide > 0.8


def test_pairs_far_apart_in_the_file_meet(tmp_path):
    """Only half of a full buffer goes out: what stays mixes with pairs that come later."""
    path = write(tmp_path / "pairs.tsv.gz", 400)
    place = {pair.source: number // 100 for number, pair in enumerate(load_pairs(path)[0])}
    met = [{place[s] for s in sources([batch])} for batch in stream(path).batches(tokens=200)]
    assert sum(len(places) > 1 for places in met) > len(met) / 4


def test_a_run_can_go_on_in_the_middle_of_an_epoch(tmp_path):
    pairs = stream(write(tmp_path / "pairs.tsv.gz", 400))
    whole = [*pairs.batches(tokens=200, seed=3, epoch=2)]
    rest = [*islice(pairs.batches(tokens=200, seed=3, epoch=2), 5, None)]
    assert len(rest) == len(whole) - 5 > 5
    for one, other in zip(rest, whole[5:], strict=True):
        np.testing.assert_array_equal(one.source, other.source)
        np.testing.assert_array_equal(one.target, other.target)


def peak(path: Path) -> int:
    """Return the most memory that one epoch needs, in bytes, beside what was there before."""
    batches = stream(path, buffer=200).batches(tokens=200)
    tracemalloc.start()
    try:
        assert sum(len(batch.source) for batch in batches) > 0
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_file(tmp_path):
    peak(write(tmp_path / "first.tsv.gz", 500))  # fills caches
    small = peak(write(tmp_path / "small.tsv.gz", 1000))
    large = peak(write(tmp_path / "large.tsv.gz", 10_000))
    assert large < 1.3 * small


def test_pairs_are_taken_as_they_are_needed():
    """A pair more than the buffer is never taken before a batch has gone out."""
    taken = []

    def pairs():
        for number, pair in enumerate(copy_task(1000, 6, 12)):
            taken.append(number)
            yield EncodedPair(*pair)

    next(stream_batches(pairs(), 40, 50, np.random.default_rng(0)))
    assert len(taken) == 50


# --------------------------------------------------------------------------------- the command


def options(path: Path, folder: Path, **changes) -> list[str]:
    given = {
        "pairs": path, "folder": folder, "validate": path, "stream": 50, "vocabulary": 300,
        "epochs": 2, "tokens": 400, "device": "cpu", "threads": 1, "save-every": 3, "P_drop": 0.2,
        "N": 1, "d_model": 8, "d_ff": 8, "h": 2,
    } | changes  # fmt: skip
    return [
        word for name, value in given.items() if value is not None for word in (f"--{name}", value)
    ]


def run(*arguments) -> None:
    assert main(["train", *map(str, options(*arguments))]) == 0


def test_the_command_streams_and_goes_on_bit_for_bit(capsys, tmp_path, monkeypatch):
    path = write(tmp_path / "pairs.tsv.gz", 200)
    run(path, tmp_path / "whole")
    bar = capsys.readouterr().err
    assert "tok/s" in bar
    assert "epoch=2" in bar
    assert "%" not in bar  # nobody knows the end
    learn, steps = Trainer.learn, []

    def broken(self, batch):
        steps.append(self.progress.step)
        if len(steps) == 6:
            raise KeyboardInterrupt
        return learn(self, batch)

    monkeypatch.setattr(Trainer, "learn", broken)
    assert main(["train", *map(str, options(path, tmp_path / "broken"))]) == 130
    run(path, tmp_path / "broken")
    assert steps[6] == 3  # from the checkpoint
    for name in ("epoch-001", "epoch-002", "checkpoint", "average"):
        one, other = (
            read_tensors(tmp_path / folder / f"{name}.safetensors")[0]
            for folder in ("whole", "broken")
        )
        assert one.keys() == other.keys()
        assert all((one[key] == other[key]).all() for key in one)


def test_what_a_stream_cannot_do_gets_one_sentence(capsys, tmp_path):
    path = write(tmp_path / "pairs.tsv.gz", 20)
    sentences = {
        ("validate", None): "a stream cannot be split",
        ("without", path): "--without and --add work on pairs in memory",
        ("add", path): "--without and --add work on pairs in memory",
        ("stream", 0): "a buffer of at least 1 pair; received 0",
        ("pairs", tmp_path / "no.tsv"): "no.tsv: No such file",
    }
    for (name, value), sentence in sentences.items():
        arguments = options(path, tmp_path / "run", **{name: value})
        assert main(["train", *map(str, arguments)]) == 2
        assert sentence in capsys.readouterr().err


# ----------------------------------------------------------------------------------- the pairs


def test_pairs_are_cleaned_but_for_duplicates(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("It’s  me.\tIch bin’s.\n\tleer\nsame\tsame\na b c\td\na b c\td\n")
    assert [*TextStream(path)] == [("It's me.", "Ich bin's."), ("a b c", "d"), ("a b c", "d")]
    assert [*TextStream(path, limits=Limits(words=2))] == [("It's me.", "Ich bin's.")]


def test_two_files_are_streamed_side_by_side(tmp_path):
    for language in ("en", "de"):
        (tmp_path / f"a.{language}.gz").write_bytes(gzip.compress(f"{language} one\n".encode()))
    assert [*TextStream(tmp_path / "a.en.gz", tmp_path / "a.de.gz")] == [("en one", "de one")]


def test_bad_files_get_the_errors_of_read_pairs(tmp_path):
    prose, empty, late = (tmp_path / name for name in ("prose.tsv", "empty.tsv", "late.tsv"))
    prose.write_text("This is no pair.\n")
    empty.write_text("same\tsame\n")
    late.write_text("a\tb\n" * 300 + "no tab\n")
    with pytest.raises(ValueError, match=r"prose\.tsv, line 1: expected source<TAB>target"):
        TextStream(prose)
    with pytest.raises(ValueError, match=r"no sentence pairs in .*empty\.tsv"):
        TextStream(empty)
    with pytest.raises(ValueError, match=r"late\.tsv, line 301: expected source<TAB>target"):
        list(stream(late).batches())
    with pytest.raises(FileNotFoundError):
        TextStream(tmp_path / "nowhere.tsv")
    cut = write(tmp_path / "cut.tsv.gz", 5000)
    cut.write_bytes(cut.read_bytes()[:-2000])
    with pytest.raises(ValueError, match=r"cut\.tsv\.gz, after line \d+: cannot unpack it"):
        list(stream(cut).batches())


def test_a_pair_too_long_for_a_batch_is_refused(tmp_path):
    (tmp_path / "a.tsv").write_text("a\tb\n" + "a b c d e f\tg\n")
    with pytest.raises(ValueError, match=r"begins 'a b c d e f' has 12 tokens .*\(tokens=8\)"):
        list(stream(tmp_path / "a.tsv").batches(tokens=8))


def test_a_buffer_holds_a_pair(tmp_path):
    with pytest.raises(ValueError, match="a buffer of at least 1 pair; received 0"):
        stream(write(tmp_path / "pairs.tsv.gz", 3), buffer=0)


def test_a_run_knows_its_stream(tmp_path):
    config, path = tiny(len(TOKENIZER)), write(tmp_path / "pairs.tsv.gz", 30)
    run = describe(config, stream(path), Plan())
    check_same_run(tmp_path, run, describe(config, stream(path), Plan()))
    with pytest.raises(ValueError, match="holds another run: buffer was 100 and is 99"):
        check_same_run(tmp_path, run, describe(config, stream(path, buffer=99), Plan()))
    write(path, 31)
    with pytest.raises(ValueError, match="holds another run: digest was"):
        check_same_run(tmp_path, run, describe(config, stream(path), Plan()))
    with pytest.raises(ValueError, match="the model knows 20 tokens, and the tokenizer of the st"):
        describe(tiny(), stream(path), Plan())
