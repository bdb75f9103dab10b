"""How good a translator is: BLEU and chrF against reference translations, by sacrebleu.

``attend evaluate --pairs deu-eng.zip`` measures the translator of the course on the pairs that were
held out from its training.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from sacrebleu.metrics import BLEU, CHRF

from attend.text.corpus import SentencePair, load_pairs, split_by_components
from attend.translator.alignment import (
    Link,
    Source,
    alignment_error_rate,
    alignment_map,
    candidates,
    hard_links,
    word_map,
    word_numbers,
)
from attend.translator.translator import Look, Translator

EVERYDAY = Path(__file__).parent / "data" / "everyday.json"
HELD_OUT = 2000
"""Pairs in the validation part, and in the test part, of the course's split."""


class Figure(NamedTuple):
    """A score, from 0 to 100, and the signature that says how it was computed."""

    score: float
    signature: str


class Everyday(NamedTuple):
    """One of the sentences of our own: English, German, and links if they were drawn."""

    english: str
    german: str
    links: frozenset[Link] | None


@lru_cache(maxsize=1)
def everyday() -> tuple[Everyday, ...]:
    """Return the everyday sentences. No translator of the course was trained on them."""
    entries = json.loads(EVERYDAY.read_text(encoding="utf-8"))
    return tuple(
        Everyday(e["english"], e["german"], _links(e["links"]) if "links" in e else None)
        for e in entries
    )


def _links(pairs: Sequence[Sequence[int]]) -> frozenset[Link]:
    return frozenset((target, source) for target, source in pairs)


def bleu(found: Sequence[str], references: Sequence[str]) -> Figure:
    """Return BLEU of translations, one reference each."""
    metric = BLEU()
    score = metric.corpus_score(list(found), [list(references)]).score
    return Figure(score, str(metric.get_signature()))


def chrf(found: Sequence[str], references: Sequence[str]) -> Figure:
    """Return chrF of translations, one reference each."""
    metric = CHRF()
    score = metric.corpus_score(list(found), [list(references)]).score
    return Figure(score, str(metric.get_signature()))


def test_pairs(paths: Sequence[str | Path]) -> list[SentencePair]:
    """Return the pairs of the course's corpus that no translator was trained on."""
    pairs, _ = load_pairs(*paths)
    return split_by_components(pairs, HELD_OUT).test


class Aligned(NamedTuple):
    """An everyday sentence as the model sees it when it is given the German reference."""

    look: Look
    links: frozenset[Link]


def aligned_sentences(translator: Translator) -> list[Aligned]:
    """Run the model over every hand-aligned sentence and its reference."""
    encode = translator.tokenizer.encode
    end = translator.tokenizer.END
    return [
        Aligned(translator.look_at(encode(e.english), [*encode(e.german), end]), e.links)
        for e in everyday()
        if e.links is not None
    ]


def links_from(look: Look, source: Source | None) -> set[Link]:
    """Return the word links that a place in the model gives for one sentence."""
    weights = alignment_map(look.recording, source)
    return hard_links(
        word_map(weights, word_numbers(look.target_pieces), word_numbers(look.source_pieces))
    )


def error_rate(sentences: Sequence[Aligned], source: Source | None) -> float:
    """Return the alignment error rate of a place in the model over sentences."""
    found = [links_from(sentence.look, source) for sentence in sentences]
    return alignment_error_rate(found, [set(sentence.links) for sentence in sentences])


def diagonal_error_rate(sentences: Sequence[Aligned]) -> float:
    """Return the error rate of linking words by their place in the sentence alone."""
    found = []
    for sentence in sentences:
        rows = max(word_numbers(sentence.look.target_pieces)) + 1
        columns = max(word_numbers(sentence.look.source_pieces)) + 1
        found.append({(row, row * columns // rows) for row in range(rows)})
    return alignment_error_rate(found, [set(sentence.links) for sentence in sentences])


def uniform_error_rate(sentences: Sequence[Aligned]) -> float:
    """Return the error rate to expect of attention that is spread evenly.

    Its largest weight is everywhere, so each target word is linked to a source word at random:
    the expected number of hits is the share of right links among all possible ones, row by row.
    """
    hits = total = 0.0
    for look, links in sentences:
        rows = max(word_numbers(look.target_pieces)) + 1
        columns = max(word_numbers(look.source_pieces)) + 1
        hits, total = hits + len(links) / columns, total + rows + len(links)
    return 1 - 2 * hits / total


def choose_alignment(translator: Translator) -> dict:
    """Measure every place where an alignment could be read; choose on one half of the sentences.

    Returns
    -------
    report
        The chosen `Source`, its error rate on both halves, and the rates of all candidates.
    """
    sentences = aligned_sentences(translator)
    half = len(sentences) // 2
    chosen_on, reported_on = sentences[:half], sentences[half:]
    config = translator.model.config
    rates = {source: error_rate(chosen_on, source) for source in candidates(config.N, config.h)}
    best = min(rates, key=lambda source: rates[source])
    return {
        "source": best._asdict(),
        "error_rate": error_rate(reported_on, best),
        "error_rate_where_chosen": rates[best],
        "uniform": uniform_error_rate(reported_on),
        "diagonal": diagonal_error_rate(reported_on),
        "candidates": [
            source._asdict() | {"chosen_on": rate, "reported_on": error_rate(reported_on, source)}
            for source, rate in rates.items()
        ],
    }
