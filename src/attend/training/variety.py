"""Other numbers and other names in the same pair, so that a model learns to copy them.

A corpus has few numbers, and the same few names again and again: a model learns them by heart.
Here a pair gets another number or name, the same on both sides.
"""

import re
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from attend.text.corpus import SentencePair
from attend.training.number_words import ENGLISH, german

DIGITS = re.compile(r"\d+")
COMMON_NAMES = re.compile(r"\b(Tom|Boston|Mary)\b")
"""The names that the corpus has thousands of times."""

_NUMBER_WORD = re.compile(rf"(?<![-\w])({'|'.join(ENGLISH)})(?![-\w])")
_BEGINNINGS = """B Br D Dr F G H J K Kr L M N P R S Sch St T Tr V W Z Ch Qu Sh Gr""".split()
_MIDDLES = """b d f g k l ll m n nn p r rr s t v nd rt ng lm st ck""".split()
_VOWELS = """a e i o u a e i o ie ei au ee ou""".split()
_ENDINGS = ["", "", "n", "r", "l", "k", "m", "a", "o", "i", "ton", "berg", "son", "man", "ville"]
_CAPITALS = "ABCDEFGHIKLMNOPRSTUVWX"

T = TypeVar("T")


def with_digits(pair: SentencePair) -> SentencePair:
    """Write a number in digits in the translation where the source has it in digits.

    Examples
    --------
    >>> with_digits(SentencePair("I have 30 books.", "Ich habe dreißig Bücher.")).target
    'Ich habe 30 Bücher.'
    """
    source, target = pair
    for run in DIGITS.findall(source):
        word = german(int(run)) if len(run) < 6 else None
        if word and run not in target:
            target = re.sub(rf"\b{word}\b", run, target, count=1, flags=re.IGNORECASE)
    return SentencePair(source, target)


def other_numbers(pair: SentencePair, draw: np.random.Generator) -> SentencePair:
    """Replace numbers that stand on both sides, each by the same number on both.

    Half of the number words that have one counterpart become digits first. Digits are replaced
    if both sides have the same ones, so that no date loses its year.
    """
    source, target = _words_to_digits(pair, draw)
    runs = DIGITS.findall(source)
    if sorted(runs) != sorted(DIGITS.findall(target)):
        return SentencePair(source, target)
    new = {run: _other_number(run, draw) for run in dict.fromkeys(runs)}
    return SentencePair(*(DIGITS.sub(lambda m: new[m[0]], text) for text in (source, target)))


def _words_to_digits(pair: SentencePair, draw: np.random.Generator) -> SentencePair:
    source, target = pair
    for english, word in _counterparts(pair):
        if draw.random() < 0.5:
            number = str(draw.integers(2, 100) if draw.random() < 0.7 else draw.integers(100, 3000))
            source = re.sub(rf"\b{english}\b", number, source)
            target = re.sub(rf"\b{word}\b", number, target)
    return SentencePair(source, target)


def _counterparts(pair: SentencePair) -> list[tuple[str, str]]:
    """Number words that stand once on either side: the English and the German one."""
    found = _NUMBER_WORD.findall(pair.source)
    both = [(english, str(german(ENGLISH[english]))) for english in dict.fromkeys(found)]
    return [
        (english, word)
        for english, word in both
        if found.count(english) == 1 == len(re.findall(rf"\b{word}\b", pair.target))
    ]


def _other_number(run: str, draw: np.random.Generator) -> str:
    """Draw a number about as long; 1 stays, as its noun would have to change."""
    if run in ("0", "1", "00"):
        return run
    if len(run) == 4 and run[0] in "12":
        return str(draw.integers(1400, 2100))
    if run[0] == "0":
        return "".join(str(digit) for digit in draw.integers(0, 10, len(run)))
    digits = max(1, len(run) + int(draw.integers(-1, 2))) if len(run) < 4 else len(run)
    return str(draw.integers(max(2, 10 ** (digits - 1)), 10**digits))


def other_names(
    pair: SentencePair, names: Sequence[str], draw: np.random.Generator
) -> SentencePair:
    """Replace a common name that stands on both sides, by one of `names` or a made-up one."""
    source, target = pair
    for old in dict.fromkeys(COMMON_NAMES.findall(source)):
        if re.search(rf"\b{old}s?\b", target):
            new = made_up_name(draw) if draw.random() < 0.5 else _pick(names, draw)
            source = re.sub(rf"\b{old}\b", new, source)
            target = re.sub(rf"\b{old}(s?)\b", rf"{new}\1", target)
    return SentencePair(source, target)


def made_up_name(draw: np.random.Generator) -> str:
    """Draw a name that nobody bears; one in seven is an abbreviation in capitals."""
    if draw.random() < 0.15:
        return "".join(_pick(_CAPITALS, draw) for _ in range(int(draw.integers(2, 6))))
    count = int(draw.integers(0, 3))
    middle = "".join(_pick(_MIDDLES, draw) + _pick(_VOWELS, draw) for _ in range(count))
    return _pick(_BEGINNINGS, draw) + _pick(_VOWELS, draw) + middle + _pick(_ENDINGS, draw)


def _pick(some: Sequence[T], draw: np.random.Generator) -> T:
    return some[int(draw.integers(len(some)))]


def shared_names(pairs: Sequence[SentencePair]) -> list[str]:
    """Return the words with a capital inside an English sentence that its translation has too.

    Words that are also written small are left out, and those that end in s, whose genitive is
    another.
    """
    small = {word for pair in pairs for word in re.findall(r"\b[a-z]+\b", pair.source)}
    found: dict[str, None] = {}
    for source, target in pairs:
        for word in re.findall(r"(?<=[a-z,] )[A-Z][a-z]{2,}\b", source):
            known = word.lower() in small or word.endswith("s")
            if not known and re.search(rf"\b{word}\b", target):
                found[word] = None
    return list(found)
