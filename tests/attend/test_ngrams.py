"""BLEU by hand against sacrebleu, and at its ends."""

import numpy as np
import pytest
from sacrebleu.metrics import BLEU

from attend.translator.ngrams import brevity_penalty, matches, runs, sentence_bleu


def drawn(generator, length):
    return [f"w{i}" for i in generator.integers(0, 5, size=length)]


def test_it_is_what_sacrebleu_computes():
    generator, seen = np.random.default_rng(0), set()
    judge = BLEU(tokenize="none", smooth_method="none", effective_order=False)
    for _ in range(60):
        words, reference = (drawn(generator, generator.integers(4, 12)) for _ in range(2))
        theirs = judge.corpus_score([" ".join(words)], [[" ".join(reference)]])
        counts = [matches(words, reference, n) for n in range(1, 5)]
        assert [one.found for one in counts] == theirs.counts
        assert [one.total for one in counts] == theirs.totals
        assert brevity_penalty(len(words), len(reference)) == pytest.approx(theirs.bp)
        assert sentence_bleu(words, reference) == pytest.approx(theirs.score)
        seen.add(theirs.score > 0)
    assert seen == {True, False}


def test_a_run_counts_at_most_as_often_as_in_the_reference():
    assert matches(["a"] * 7, ["a", "b", "a"], 1) == (2, 7)
    assert matches(["a"], ["a"], 2) == (0, 0)
    assert matches(["a"], ["a"], 2).precision == 0
    assert runs("a b a b".split(), 2) == {("a", "b"): 2, ("b", "a"): 1}


def test_what_is_no_text_is_refused():
    with pytest.raises(ValueError, match="a run has at least one word; received n=0"):
        runs(["a"], 0)
    with pytest.raises(ValueError, match="both texts need a word; received lengths 0 and 3"):
        brevity_penalty(0, 3)
