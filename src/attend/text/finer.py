"""Words cut more finely than they have to be (BPE dropout, Provilkov et al. 2020).

A model that sees a word as the same pieces each time knows nothing of its spelling. Where some
merges are left out at random, it meets the word in other pieces, and learns what they share.
"""

import random
from functools import cached_property
from itertools import pairwise

import numpy as np

from attend.text.tokenizer import FIRST_BYTE, FIRST_CHARACTER, Tokenizer, merge, words

WAYS = 8
"""In how many ways a word may be cut; each is found once and kept."""


class FinerCuts:
    """Encodes text, with some words in more pieces than a tokenizer makes of them.

    Parameters
    ----------
    tokenizer : Tokenizer
        Knows the merges.
    left_out : float
        The probability that a merge is left out where it would be made.
    """

    def __init__(self, tokenizer: Tokenizer, left_out: float = 0.2) -> None:
        if not 0 <= left_out < 1:
            raise ValueError(f"left_out is a probability below 1; received {left_out}")
        self.tokenizer, self.left_out = tokenizer, left_out
        self._known: dict[str, list[list[int]]] = {}

    @cached_property
    def _ranks(self) -> dict[tuple[str, str], int]:
        return {pair: rank for rank, pair in enumerate(self.tokenizer.merges)}

    @cached_property
    def _ids(self) -> dict[str, int]:
        tokenizer = self.tokenizer
        pieces = (tokenizer.piece(token) for token in range(FIRST_CHARACTER, len(tokenizer)))
        return {piece: FIRST_CHARACTER + number for number, piece in enumerate(pieces)}

    def encode(self, text: str, share: float, draw: np.random.Generator) -> list[int]:
        """Encode a text; a `share` of its words is cut in one of the finer ways.

        ``tokenizer.decode`` gives the same text back, however it was cut.
        """
        found: list[int] = []
        for word in words(f" {text}") if text else []:
            ways = self.ways(word)
            found += ways[1 + int(draw.integers(WAYS))] if draw.random() < share else ways[0]
        return found

    def ways(self, word: str) -> list[list[int]]:
        """Return the usual cut of a word, and after it `WAYS` finer ones; always the same."""
        if word not in self._known:
            luck = random.Random(word)
            usual = self._cut(word, luck, 0.0)
            self._known[word] = [
                usual,
                *(self._cut(word, luck, self.left_out) for _ in range(WAYS)),
            ]
        return self._known[word]

    def _cut(self, word: str, luck: random.Random, left_out: float) -> list[int]:
        symbols = list(word)
        while found := self._possible(symbols, luck, left_out):
            symbols = merge(symbols, min(found, key=self._ranks.__getitem__))
        return [token for symbol in symbols for token in self._spell(symbol)]

    def _possible(
        self, symbols: list[str], luck: random.Random, left_out: float
    ) -> list[tuple[str, str]]:
        pairs = [pair for pair in pairwise(symbols) if pair in self._ranks]
        return [pair for pair in pairs if luck.random() >= left_out]

    def _spell(self, symbol: str) -> list[int]:
        token = self._ids.get(symbol.replace(" ", "▁"))
        return [FIRST_BYTE + byte for byte in symbol.encode()] if token is None else [token]
