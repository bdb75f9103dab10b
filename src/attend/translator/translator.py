"""The translator that ships with the course, on NumPy alone.

``attend translate "My friends want to eat in the garden."`` prints a German sentence.
"""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from attend.decoding.loops import spoken
from attend.decoding.writing import beam_search
from attend.models.array_transformer import ArrayTransformer
from attend.models.recording import Recording, record_attention
from attend.models.weights import read_model
from attend.text.corpus import normalize, pad
from attend.text.sentences import in_small_letters, split_sentences
from attend.text.tokenizer import Tokenizer
from attend.translator.alignment import Source, alignment_map, read_source

SHIPPED = Path(__file__).parent / "data" / "translator"
LONGEST = 100
"""Pieces of the longest sentence that is translated; the longest it learned from are shorter."""
# The matrices are small. Threads that wait for each other on a busy machine made a batch of 40
# sentences twenty times slower than one thread alone.
_threads = ThreadpoolController()


class Look(NamedTuple):
    """A translation with everything the model attended to.

    Attributes
    ----------
    source, target
        Tokens; the target ends with the end token.
    source_pieces, target_pieces
        The same, readable.
    text
        The translation.
    recording
        Every attention map, from one pass over the finished translation. Row i of a decoder map
        belongs to the step that writes target piece i.
    alignment
        The map that fits a hand alignment best, (target pieces, source pieces).
    """

    source: list[int]
    target: list[int]
    source_pieces: list[str]
    target_pieces: list[str]
    text: str
    recording: Recording
    alignment: NDArray


class Translator:
    """English in, German out.

    Parameters
    ----------
    model
        The Transformer.
    tokenizer
        Cuts text into the pieces that the model knows.
    align
        Where in the model the alignment is read; None if nobody measured it.
    """

    def __init__(
        self, model: ArrayTransformer, tokenizer: Tokenizer, align: Source | None = None
    ) -> None:
        self.model, self.tokenizer, self.align = model, tokenizer, align

    @classmethod
    def load(cls, folder: str | Path = SHIPPED) -> "Translator":
        """Read a translator from its folder; the one of the course if none is named."""
        saved = read_model(folder)
        found = Path(folder) / "alignment.json"
        align = read_source(found, saved.config) if found.exists() else None
        return cls(ArrayTransformer(saved.config, saved.tensors), saved.tokenizer, align)

    def __call__(self, text: str, beam: int = 4) -> str:
        """Translate a text, sentence by sentence.

        Parameters
        ----------
        text
            One sentence, or several.
        beam
            How many beginnings are followed at once.

        Raises
        ------
        ValueError
            If there is nothing to translate, if it is in a script that the translator cannot
            read, or if a sentence is longer than any it has learned from.
        """
        return " ".join(self.batch(self.sentences(text), beam))

    def sentences(self, text: str) -> list[str]:
        """Normalise a text and cut it into sentences that can be translated.

        A sentence all in capitals is written small: the translator has read too little of that
        kind to know its words letter by letter.
        """
        text = normalize(text)
        if not text:
            raise ValueError("there is nothing to translate; give an English sentence")
        self._check_script(text)
        found = [in_small_letters(sentence) for sentence in split_sentences(text)]
        for sentence in found:
            self._check_length(sentence)
        return found

    def _check_script(self, text: str) -> None:
        letters = [character for character in text if character.isalpha()]
        known = sum(character in self._alphabet for character in letters)
        if letters and known < len(letters) / 2:
            raise ValueError(
                "this translator has learned English in Latin letters; most letters of the text "
                f"are unknown to it: {''.join(letters[:20])}"
            )

    @cached_property
    def _alphabet(self) -> frozenset[str]:
        return frozenset(self.tokenizer.characters)

    def _check_length(self, sentence: str) -> None:
        count = len(self.tokenizer.encode(sentence))
        if count > LONGEST:
            raise ValueError(
                f"a sentence has {count} pieces, and {LONGEST} are the most that can be "
                f"translated; cut it into shorter sentences. It begins: {sentence[:60]}..."
            )

    @_threads.wrap(limits=1, user_api="blas")
    def batch(self, sentences: Sequence[str], beam: int = 4) -> list[str]:
        """Translate sentences as they are, those of similar length together; "" stays ""."""
        tokens = [self.tokenizer.encode(s) if s.strip() else [] for s in sentences]
        found: dict[int, str] = {}
        order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
        for first in range(0, len(order), 32):
            rows = order[first : first + 32]
            source = pad([tokens[i] for i in rows])
            # Where nothing stands in any row there is not even padding.
            written = self._write(source, beam) if source.size else [[]] * len(rows)
            found |= {i: self.tokenizer.decode(w) for i, w in zip(rows, written, strict=True)}
        return [found[i] for i in range(len(tokens))]

    def _write(self, source: NDArray[np.int64], beam: int) -> list[list[int]]:
        """Translate sources of this tokenizer, (batch, m), without going round in loops."""
        return beam_search(self.model, source, beam, spoken=self.spoken)

    @property
    def spoken(self) -> NDArray[np.bool_]:
        """The tokens that may not close a loop, (vocabulary,); see `attend.decoding.loops`."""
        return spoken(self.tokenizer)

    @_threads.wrap(limits=1, user_api="blas")
    def look(self, sentence: str, beam: int = 4) -> Look:
        """Translate one sentence, and keep every attention map.

        Raises
        ------
        ValueError
            As for a call; and if there is more than one sentence.
        """
        sentences = self.sentences(sentence)
        if len(sentences) > 1:
            raise ValueError(f"look takes one sentence; received {len(sentences)}: {sentences}")
        source = self.tokenizer.encode(sentences[0])
        written = self._write(np.array([source]), beam)[0]
        return self.look_at(source, [*written, self.tokenizer.END])

    @_threads.wrap(limits=1, user_api="blas")
    def look_at(self, source: list[int], target: list[int]) -> Look:
        """Run the model over a source and a given translation, and keep every attention map."""
        given = np.array([[self.tokenizer.START, *target[:-1]]])
        with record_attention(self.model) as recording:
            self.model.forward(np.array([source]), given)
        piece = self.tokenizer.piece
        return Look(
            source,
            target,
            [piece(token) for token in source],
            [piece(token) for token in target],
            self.tokenizer.decode(target),
            recording,
            alignment_map(recording, self.align),
        )


@lru_cache(maxsize=1)
def shipped() -> Translator:
    """Return the translator of the course; it is read once."""
    return Translator.load()
