"""Byte-pair encoding: text in, token ids out, and back without losing a character.

A model has a fixed list of tokens, and people write words that are on no list. Byte-pair encoding
(Sennrich et al. 2016; section 5.1 of the paper uses it) starts from single characters and, again
and again, glues together the two neighbours that occur most often. Frequent words end as one token,
rare words as a few pieces, and a character the training text hardly had as its UTF-8 bytes.
There is no "unknown" token, so ``decode(encode(text)) == text`` for every string.

Ids, in this order: ``PAD``, ``START``, ``END``; the 256 bytes; the characters; the merged pieces.
"""

from __future__ import annotations

import heapq
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import regex

from attend.files import write_atomically

PAD, START, END = 0, 1, 2
SPECIALS = ("<pad>", "<start>", "<end>")
FIRST_BYTE = len(SPECIALS)
FIRST_CHARACTER = FIRST_BYTE + 256
SPACE_MARK = "▁"
FORMAT = "attend byte-pair encoding 1"

Pair: TypeAlias = tuple[str, str]

# A word takes the space before it along, so that " garden" is one unit and joining needs no rule.
# Digits stand alone: a model copies a number it never saw digit by digit. A unit has at most 60
# characters: nobody writes longer words, and without a bound one of them could take minutes.
# Combining marks belong to the letter before them, as in Hindi, and joiners to the letters around.
_LETTER = r"[\p{L}\p{M}\p{Nl}\p{No}]"
_SPACE = r"[\s\x1c-\x1f]"
_WORDS = regex.compile(
    rf" ?(?:{_LETTER}|(?<={_LETTER})['\u200c\u200d](?={_LETTER})){{1,60}}"  # letters: " don't"
    r"| ?\p{Nd}"
    rf"| ?(?:(?!{_SPACE})[^\p{{L}}\p{{M}}\p{{N}}]){{1,60}}"  # punctuation: "?!", ' "'
    rf"|{_SPACE}"
)
_SURROGATES = regex.compile("[\ud800-\udfff]")
_CACHED_WORDS = 200_000


def words(text: str) -> list[str]:
    """Cut text into the units inside which merges happen; joined, they are the text again.

    Parameters
    ----------
    text : str
        Any string.

    Returns
    -------
    list of str
        Words with the space before them, single digits, runs of punctuation, other white space.

    Examples
    --------
    >>> words("I don't know 42 of them.")
    ['I', " don't", ' know', ' 4', '2', ' of', ' them', '.']
    """
    return _WORDS.findall(text)


def merge(symbols: Sequence[str], pair: Pair) -> list[str]:
    """Glue every occurrence of a pair of neighbours, from left to right.

    Parameters
    ----------
    symbols : sequence of str
        The pieces of one word.
    pair : (str, str)
        The neighbours to join.

    Returns
    -------
    list of str
        The pieces after the merge.

    Examples
    --------
    >>> merge(["l", "o", "w", "l", "o"], ("l", "o"))
    ['lo', 'w', 'lo']
    """
    merged: list[str] = []
    position = 0
    while position < len(symbols):
        if tuple(symbols[position : position + 2]) == pair:
            merged.append(pair[0] + pair[1])
            position += 2
        else:
            merged.append(symbols[position])
            position += 1
    return merged


@dataclass(frozen=True)
class Tokenizer:
    """A trained byte-pair encoding; it never changes after training.

    Parameters
    ----------
    characters : tuple of str
        The alphabet: characters with a token of their own. All others are spelled in bytes.
    merges : tuple of (str, str)
        The learned merges; earlier ones are applied first.

    Examples
    --------
    >>> tokenizer = Tokenizer.train(["low lower lowest"] * 30, merges=3)
    >>> tokenizer.pieces("low lowly")
    ['▁low', '▁low', 'l', '<0x79>']
    >>> tokenizer.decode(tokenizer.encode("low lowly"))
    'low lowly'
    """

    characters: tuple[str, ...]
    merges: tuple[Pair, ...]
    PAD = PAD
    START = START
    END = END
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)
    _bytes: list[bytes] = field(init=False, repr=False, compare=False)
    _ranks: dict[Pair, int] = field(init=False, repr=False, compare=False)
    _cache: dict[str, tuple[int, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Two merges may spell the same piece ("a"+"bc", "ab"+"c"); it has one id all the same.
        spelled = dict.fromkeys([*self.characters, *(a + b for a, b in self.merges)])
        ids = {piece: FIRST_CHARACTER + i for i, piece in enumerate(spelled)}
        single_bytes = [bytes([value]) for value in range(256)]
        content = [b""] * len(SPECIALS) + single_bytes + [p.encode() for p in spelled]
        object.__setattr__(self, "_ids", ids)
        object.__setattr__(self, "_bytes", content)
        object.__setattr__(self, "_ranks", {pair: rank for rank, pair in enumerate(self.merges)})
        object.__setattr__(self, "_cache", {})

    @classmethod
    def train(
        cls,
        sentences: Iterable[str],
        merges: int = 4000,
        *,
        vocabulary: int | None = None,
        frequent: int = 20,
    ) -> Tokenizer:
        """Learn an encoding from sentences; for a joint vocabulary pass both languages.

        Parameters
        ----------
        sentences : iterable of str
            Training text. It is read once.
        merges : int
            How many merged pieces to learn at most; fewer when no pair occurs twice any more.
        vocabulary : int, optional
            The total number of tokens wanted (specials, bytes, characters, pieces).
            When given, it decides instead of `merges`.
        frequent : int
            A character seen at least this often gets a token of its own.

        Returns
        -------
        Tokenizer

        Raises
        ------
        ValueError
            For a vocabulary too small to hold specials, bytes and characters, for a negative
            number of merges, and for text with lone surrogates.
        """
        counts = _count_words(sentences)
        characters = _frequent_characters(counts, frequent)
        if vocabulary is not None:
            merges = _merges_for(vocabulary, len(characters))
        if merges < 0:
            raise ValueError(f"merges must be 0 or more; got {merges}")
        return cls(characters, tuple(_learn(counts, set(characters), merges)))

    def encode(self, text: str) -> list[int]:
        """Turn text into token ids, without ``START`` and ``END``.

        Parameters
        ----------
        text : str
            Any string without lone surrogates. It is not normalised.

        Returns
        -------
        list of int
            Empty for the empty string.
        """
        return [token for word in _spaced_words(text) for token in self._encode_word(word)]

    def decode(self, ids: Iterable[int]) -> str:
        """Turn token ids back into text; special tokens are left out.

        Parameters
        ----------
        ids : iterable of int
            Ids from 0 to ``len(self) - 1``.

        Returns
        -------
        str
            Bytes that are not UTF-8 (a model may produce them) become U+FFFD.
        """
        content = b"".join(self._bytes[self._checked(token)] for token in ids)
        return content.decode("utf-8", errors="replace").removeprefix(" ")

    def pieces(self, text: str) -> list[str]:
        """Show how a text is cut, one readable string per token, as plots label them.

        Parameters
        ----------
        text : str
            Any string without lone surrogates.

        Returns
        -------
        list of str
            As many as ``encode(text)`` has ids. A space shows as ``▁``, a byte as ``<0xC3>``.
        """
        return [self.piece(token) for token in self.encode(text)]

    def piece(self, token: int) -> str:
        """Show one token id as a readable string, special tokens included."""
        token = self._checked(token)
        if token < FIRST_BYTE:
            return SPECIALS[token]
        if token < FIRST_CHARACTER:
            return f"<0x{token - FIRST_BYTE:02X}>"
        return self._bytes[token].decode().replace(" ", SPACE_MARK)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the encoding as JSON; the file is either complete or not touched."""
        content = {
            "format": FORMAT,
            "characters": "".join(self.characters),
            "merges": self.merges,
        }
        write_atomically(path, json.dumps(content, ensure_ascii=False).encode())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Tokenizer:
        """Read an encoding written by `save`; ValueError when the file is not one."""
        try:
            return _from_json(Path(path).read_text(encoding="utf-8"))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ValueError(f"{path} is not a saved Tokenizer: {error}") from error

    def __len__(self) -> int:
        """The size of the vocabulary: every id is below it."""
        return len(self._bytes)

    def __repr__(self) -> str:
        return (
            f"Tokenizer({len(self):,} tokens: {len(SPECIALS)} special, 256 bytes, "
            f"{len(self.characters)} characters, {len(self._ids) - len(self.characters):,} merged)"
        )

    def _encode_word(self, word: str) -> tuple[int, ...]:
        known = self._cache.get(word)
        if known is not None:
            return known
        if len(self._cache) >= _CACHED_WORDS:
            self._cache.clear()
        ids = tuple(token for s in self._merge_word(word) for token in self._spell(s))
        self._cache[word] = ids
        return ids

    def _merge_word(self, word: str) -> list[str]:
        """Apply the merges to one word, the earliest learned first, until none fits."""
        symbols = list(word)
        while len(symbols) > 1:
            best = min(pairwise(symbols), key=lambda pair: self._ranks.get(pair, len(self)))
            if best not in self._ranks:
                break
            symbols = merge(symbols, best)
        return symbols

    def _spell(self, symbol: str) -> list[int]:
        """The id of a piece, or the ids of its bytes where it has no token."""
        if symbol in self._ids:
            return [self._ids[symbol]]
        return [FIRST_BYTE + value for value in symbol.encode()]

    def _checked(self, token: int) -> int:
        if not 0 <= token < len(self):
            raise ValueError(f"a token id must be from 0 to {len(self) - 1}; got {token}")
        return token


def _spaced_words(text: str) -> list[str]:
    """The words of a text as if a space stood before it, so that a word is the same anywhere."""
    if not isinstance(text, str):
        raise TypeError(f"text must be a str; got {type(text).__name__}")
    lone = _SURROGATES.search(text)
    if lone:
        raise ValueError(
            f"text holds a lone surrogate (U+{ord(lone[0]):04X} at position {lone.start()}), "
            "which is no character; was it decoded with the wrong encoding?"
        )
    return words(" " + text) if text else []


def _count_words(sentences: Iterable[str]) -> Counter[str]:
    """How often each word occurs; training then works on distinct words only."""
    if isinstance(sentences, str):
        raise TypeError("sentences must be an iterable of str, one per sentence; got one str")
    return Counter(word for sentence in sentences for word in _spaced_words(sentence))


def _frequent_characters(counts: Counter[str], frequent: int) -> tuple[str, ...]:
    """The characters that get a token of their own, in code point order."""
    characters: Counter[str] = Counter()
    for word, count in counts.items():
        for character in word:
            characters[character] += count
    return tuple(sorted(c for c, count in characters.items() if count >= frequent))


def _merges_for(vocabulary: int, characters: int) -> int:
    """How many merges fill a vocabulary of the wanted size."""
    base = FIRST_CHARACTER + characters
    if vocabulary < base:
        raise ValueError(
            f"vocabulary must be at least {base} ({len(SPECIALS)} special tokens, 256 bytes, "
            f"{characters} characters); got {vocabulary}"
        )
    return vocabulary - base


class _PairIndex:
    """How often each pair of neighbours occurs and in which words, kept up to date by merges.

    Counting all pairs anew for each merge would read the whole text 4,000 times. Only the words
    that hold the merged pair change, and the index knows them.
    """

    def __init__(self, counts: Counter[str], alphabet: set[str]) -> None:
        self.symbols = [list(word) for word in counts]
        self.counts = list(counts.values())
        self.alphabet = alphabet
        self.occurrences: Counter[Pair] = Counter()
        self.found_in: defaultdict[Pair, set[int]] = defaultdict(set)
        for word in range(len(self.symbols)):
            self._add(word, self.counts[word])
        self.heap = [(-count, pair) for pair, count in self.occurrences.items()]
        heapq.heapify(self.heap)

    def most_frequent(self) -> Pair | None:
        """The pair to merge next; a tie goes to the first in alphabetical order."""
        while self.heap:
            count, pair = heapq.heappop(self.heap)
            if self.occurrences[pair] == -count:  # else the entry is out of date
                return pair if -count > 1 else None
        return None

    def merge(self, pair: Pair) -> None:
        """Merge a pair wherever it occurs and count its new neighbours."""
        changed: set[Pair] = set()
        for word in self.found_in.pop(pair):
            changed |= self._add(word, -self.counts[word])
            self.symbols[word] = merge(self.symbols[word], pair)
            changed |= self._add(word, self.counts[word])
        for other in changed:
            heapq.heappush(self.heap, (-self.occurrences[other], other))

    def _add(self, word: int, count: int) -> set[Pair]:
        """Count a word's pairs, `count` times each; return them."""
        pairs = [p for p in pairwise(self.symbols[word]) if self._may_merge(p)]
        for pair in pairs:
            self.occurrences[pair] += count
            if count > 0:
                self.found_in[pair].add(word)
        return set(pairs)

    def _may_merge(self, pair: Pair) -> bool:
        """A rare character has no token, so it joins no piece."""
        return all(len(symbol) > 1 or symbol in self.alphabet for symbol in pair)


def _learn(counts: Counter[str], alphabet: set[str], merges: int) -> list[Pair]:
    """The merges, in the order in which they are learned."""
    index, spelled = _PairIndex(counts, alphabet), set(alphabet)
    learned: dict[Pair, None] = {}  # in order, each once: a pair can come back by another way
    while len(spelled) < len(alphabet) + merges and (pair := index.most_frequent()):
        index.merge(pair)
        learned[pair] = None
        spelled.add(pair[0] + pair[1])
    return list(learned)


def _from_json(text: str) -> Tokenizer:
    """What `Tokenizer.save` wrote, checked; ValueError says what is wrong."""
    match json.loads(text):
        case {"format": str(name), "characters": str(characters), "merges": list(merges)}:
            if name != FORMAT:
                raise ValueError(f"its format is {name!r}, expected {FORMAT!r}")
            return Tokenizer(tuple(characters), tuple(_as_pair(merge) for merge in merges))
    raise ValueError("it needs the fields format, characters (text) and merges (list)")


def _as_pair(content: object) -> Pair:
    """Two non-empty strings, or an error that says what stands there instead."""
    match content:
        case [str(left), str(right)] if left and right:
            return left, right
    raise ValueError(f"a merge must be two strings; got {content!r}")
