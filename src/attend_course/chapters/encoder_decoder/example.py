"""The running example of chapter 1, "Encoder and decoder": one sentence through the translator.

All numbers come from the trained translator that ships with the course, computed in double
precision so that every machine rounds them alike. A translation is written greedily: at each step
the likeliest piece.
"""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from attend import transformer
from attend.attention import attention, masked_softmax, scores, softmax
from attend.decoding.writing import greedy
from attend.layers import TAUGHT
from attend.masks import causal_mask
from attend.models.array_transformer import ArrayTransformer
from attend.models.weights import read_model
from attend.positions import positional_encoding
from attend.text.corpus import normalize
from attend.text.tokenizer import FIRST_BYTE, FIRST_CHARACTER, SPACE_MARK
from attend.translator.alignment import word_map, word_numbers
from attend.translator.translator import SHIPPED, shipped
from attend_course.kit.places import at_place, best_place

__all__ = [
    "BETWEEN",
    "LIKELIEST",
    "OTHERS",
    "RARE",
    "SENTENCE",
    "SENTENCES",
    "WORD",
    "Unrolled",
    "at_place",
    "best_name",
    "best_place",
    "byte_pieces",
    "change_before_noun",
    "change_in_encoder",
    "change_of_steps",
    "config",
    "decoder_parameters",
    "decoder_rows",
    "distance",
    "exact_model",
    "expected_word",
    "first_memory_maps",
    "from_embedding",
    "handed_over",
    "inputs",
    "marks",
    "memory",
    "noun",
    "noun_step",
    "noun_weight",
    "noun_words",
    "own_map",
    "place_weights",
    "places",
    "rare_line",
    "replaced",
    "replaced_likeliest",
    "replaced_probabilities",
    "root",
    "running",
    "source",
    "source_line",
    "source_pieces",
    "start_share",
    "step_map",
    "steps",
    "tables",
    "target_line",
    "target_pieces",
    "translation",
    "unroll",
    "words_of",
]

SENTENCE = "My friends want to eat in the garden."
"""No pair that the translator learned from holds it, or a sentence a word away from it."""
WORD = "garden"
OTHERS = ("park", "city")
"""Words that take its place, to see what changes: with one the article stays, with one not."""
RARE = "gardener"
"""A word that is cut."""
SENTENCES = (
    SENTENCE,
    "My friends want to eat in the city.",
    "My brother has found the key in the garden.",
    "I know that your brother has found the key.",
)
LIKELIEST = 5
BETWEEN = 20
"""Most pieces that the explorer shows on one side."""


class Unrolled(NamedTuple):
    """One greedy translation, step by step.

    Attributes
    ----------
    sentence
        The source, normalised.
    source, target
        Pieces: m of the source; n written ones, the last of which is the end mark.
    inputs
        The piece that each step reads: the start mark, then what was written.
    memory, own
        Scores, scaled, before any mask: of the memory attention (N, h, n, m) and of the decoder's
        self-attention (N, h, n, n).
    probabilities
        Of every piece of the vocabulary to come next, (n, vocabulary).
    likely
        For each step its likeliest pieces and their probabilities, the likeliest first.
    """

    sentence: str
    source: tuple[str, ...]
    target: tuple[str, ...]
    inputs: tuple[str, ...]
    memory: np.ndarray
    own: np.ndarray
    probabilities: np.ndarray
    likely: tuple[tuple[tuple[str, float], ...], ...]


@lru_cache(maxsize=1)
def exact_model() -> ArrayTransformer:
    """Return the shipped translator's model with its weights in double precision."""
    saved = read_model(SHIPPED)
    tensors = {name: tensor.astype(np.float64) for name, tensor in saved.tensors.items()}
    return ArrayTransformer(saved.config, tensors)


def config() -> Any:
    """Return the sizes of the translator: ``config.N``, ``config.d_model`` and so on."""
    return exact_model().config


@lru_cache(maxsize=32)
def unroll(sentence: str = SENTENCE) -> Unrolled:
    """Translate one sentence greedily and keep what every step saw and said.

    Raises
    ------
    ValueError
        If it is no single sentence that the translator can read, or either side has more than
        ``BETWEEN`` pieces.
    """
    found = shipped().sentences(sentence)
    if len(found) > 1:
        raise ValueError(f"one sentence at a time, please; received {len(found)}")
    tokens = _tokens(found[0])
    written = greedy(exact_model(), tokens)[0]
    _check_length(tokens.shape[1], len(written) + 1)
    return _look(found[0], tokens, [*written, exact_model().config.end])


def _check_length(m: int, n: int) -> None:
    if max(m, n) > BETWEEN:
        raise ValueError(
            f"the sentence has {m} pieces and its translation {n}; at most {BETWEEN} can be shown"
        )


def _look(sentence: str, tokens: np.ndarray, target: list[int]) -> Unrolled:
    start, piece = exact_model().config.start, shipped().tokenizer.piece
    given = [start, *target[:-1]]
    logits, kept = _watched(tokens, given)
    # Attentions run in this order: the encoder's layers, then two kinds in each decoder layer.
    decoder = [before_mask for before_mask, _ in kept[config().N :]]
    probabilities = softmax(logits[0])
    return Unrolled(
        sentence,
        tuple(piece(token) for token in tokens[0]),
        tuple(piece(token) for token in target),
        tuple(piece(token) for token in given),
        np.array(decoder[1::2]),
        np.array(decoder[::2]),
        probabilities,
        tuple(_likeliest(row) for row in probabilities),
    )


def _watched(
    tokens: np.ndarray, given: list[int]
) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Run the model once, and keep scores before the mask, and values, of every attention."""
    kept = []

    def attend(q: Any, k: Any, v: Any, mask: Any = None, *, scale: Any = None) -> Any:
        kept.append((scores(q, k, scale)[0], v[0]))
        return attention(q, k, v, mask, scale=scale)

    watching, p = TAUGHT._replace(attend=attend), exact_model().parameters
    return transformer.forward(tokens, np.array([given]), p, watching), kept


def _tokens(sentence: str) -> np.ndarray:
    return np.array([shipped().tokenizer.encode(normalize(sentence))])


def _likeliest(row: np.ndarray) -> tuple[tuple[str, float], ...]:
    order = np.argsort(-row, kind="stable")[:LIKELIEST]
    return tuple((shipped().tokenizer.piece(int(token)), float(row[token])) for token in order)


# The running sentence


def running() -> Unrolled:
    """Return the running sentence, unrolled."""
    return unroll(SENTENCE)


def source() -> np.ndarray:
    """Return the tokens of the running sentence, (1, m)."""
    return _tokens(SENTENCE)


def source_pieces() -> tuple[str, ...]:
    """Return the pieces of the running sentence, m of them."""
    return running().source


def target_pieces() -> tuple[str, ...]:
    """Return the pieces of its translation, the end mark last: n of them."""
    return running().target


def source_line() -> str:
    """Return the pieces of the running sentence in one line."""
    return " ".join(source_pieces())


def inputs() -> tuple[str, ...]:
    """Return the piece that each step reads, the bar that begins a word left out: n of them."""
    return tuple(piece.removeprefix(SPACE_MARK) for piece in running().inputs)


def rare_line() -> str:
    """Return the pieces of a word that is cut, in one line."""
    return " ".join(shipped().tokenizer.pieces(f" {RARE}"))


def target_line() -> str:
    """Return the pieces of its translation in one line."""
    return " ".join(target_pieces())


def steps() -> int:
    """Return how many steps the decoder made, the one that writes the end included."""
    return len(running().target)


def words_of(pieces: tuple[str, ...]) -> str:
    """Join pieces to a text; the marks of start and end are left out."""
    kept = [piece for piece in pieces if not (piece.startswith("<") and piece.endswith(">"))]
    return "".join(kept).replace(SPACE_MARK, " ").strip()


def translation(sentence: str = SENTENCE) -> str:
    """Return the greedy translation of a sentence."""
    return words_of(unroll(sentence).target)


def memory() -> np.ndarray:
    """Return what the encoder makes of the running sentence, (m, d_model)."""
    return exact_model().encode(source())[0]


def marks() -> int:
    """Return how many pieces are no text: the marks of start, end, and places filled up."""
    return FIRST_BYTE


def byte_pieces() -> int:
    """Return how many pieces stand for a single byte, so that any text can be written."""
    return FIRST_CHARACTER - FIRST_BYTE


def root() -> float:
    """Return the square root of d_model, which the rows of the embedding are multiplied by."""
    return float(np.sqrt(config().d_model))


def from_embedding() -> np.ndarray:
    """Return the rows before the first layer: embedding times root, plus position, (m, d_model)."""
    pieces = exact_model().parameters.embedding[source()[0]]
    return pieces * root() + positional_encoding(len(pieces), config().d_model)


def tables() -> dict[str, tuple[int, ...]]:
    """Return the shapes on the way from the running sentence to its next pieces."""
    n, m, d = steps(), len(source_pieces()), config().d_model
    return {
        "source": (m,),
        "memory": (m, d),
        "target": (n,),
        "decoded": (n, d),
        "logits": (n, config().vocabulary),
    }


# Which attention to look at


def decoder_rows() -> np.ndarray:
    """Return what the first decoder layer is given: pieces plus positions, (n, d_model)."""
    return transformer.embed(np.array([_given()]), exact_model().parameters)[0]


def decoder_parameters() -> Any:
    """Return the parameters of every decoder layer; see `attend.layers.DecoderParameters`."""
    return exact_model().parameters.decoder


def first_memory_maps() -> np.ndarray:
    """Return the weights of the first layer's memory attention, head by head: (h, n, m)."""
    return masked_softmax(at_place(running().memory, "1"))[0]


def places() -> tuple[str, ...]:
    """Return the names of what can be looked at: ``all``, layers ``4``, single heads ``4.1``."""
    layers = [str(layer) for layer in range(1, config().N + 1)]
    heads = [f"{layer}.{head}" for layer in layers for head in range(1, config().h + 1)]
    return ("all", *layers, *heads)


def best_name() -> str:
    """Return what a reader is told of that place, counted from 1."""
    layer, _, head = best_place().partition(".")
    if head:
        return f"layer {layer}, head {head}"
    return "the mean of all layers" if layer == "all" else f"the mean of the heads of layer {layer}"


def place_weights(
    kept: np.ndarray, place: str = "all", mask: np.ndarray | None = None
) -> np.ndarray:
    """Turn scores into weights, mask included, and average what a place names.

    Parameters
    ----------
    kept
        Scores, (N, h, n, m).
    place
        One of `places`.
    mask
        True where a row may attend, (n, m).

    Returns
    -------
    weights
        Shape (n, m); each row sums to 1.
    """
    return masked_softmax(at_place(kept, place), mask).mean(axis=(0, 1))


def step_map(sentence: str = SENTENCE) -> np.ndarray:
    """Return the memory attention at the best place: steps on rows, source pieces on columns."""
    return place_weights(unroll(sentence).memory, best_place())


def own_map(masked: bool = True) -> np.ndarray:
    """Return the decoder's self-attention in its first layer, heads averaged, (n, n)."""
    return place_weights(running().own, "1", causal_mask(steps()) if masked else None)


@lru_cache(maxsize=8)
def handed_over(layer: int = 0) -> np.ndarray:
    """Measure what each piece hands over in a masked self-attention, were all weight on it.

    Parameters
    ----------
    layer
        Of the decoder, counted from 0.

    Returns
    -------
    lengths
        Shape (n,): of each value after its rows of W_O, the mean over the heads.
    """
    p = exact_model().parameters.decoder[layer].self_attention
    _, kept = _watched(source(), _given())
    _, values = kept[config().N + 2 * layer]
    return _length(values @ p.W_O.reshape(p.h, -1, p.W_O.shape[1])).mean(axis=0)


def start_share() -> float:
    """Return how long what the start mark hands over is, beside the shortest of the others."""
    start, *others = handed_over()
    return float(start / min(others))


# Where the information of one word is


def noun_words() -> np.ndarray:
    """Return the map of whole words, (target words, source words), the end mark left out."""
    target, source_ = (word_numbers(pieces) for pieces in (target_pieces(), source_pieces()))
    return word_map(step_map(), target, source_)


def expected_word() -> int:
    """Return the number of the source word that is going to be replaced."""
    return SENTENCE.rstrip(".").split().index(WORD)


def _noun_number() -> int:
    return int(noun_words()[:, expected_word()].argmax())


def _noun_pieces() -> list[int]:
    numbers = word_numbers(target_pieces())
    return [place for place, number in enumerate(numbers) if number == _noun_number()]


def noun() -> str:
    """Return the word of the translation whose steps look most at the word in question."""
    return words_of(tuple(target_pieces()[place] for place in _noun_pieces()))


def noun_step() -> int:
    """Return the step, counted from 1, that begins to write that word."""
    return _noun_pieces()[0] + 1


def noun_weight() -> float:
    """Return how much of their weight the steps of that word give to the word in question."""
    return float(noun_words()[_noun_number(), expected_word()])


def replaced(word: str) -> str:
    """Return the running sentence with another word in place of ``WORD``."""
    return SENTENCE.replace(WORD, word)


@lru_cache(maxsize=8)
def change_in_encoder(word: str = OTHERS[0]) -> np.ndarray:
    """Measure how far the encoder's vectors move when ``WORD`` is replaced.

    Returns
    -------
    change
        Shape (N + 1, words before it): one row before the first layer and one after each layer;
        length of the difference, divided by the length of the vector.
    """
    count = expected_word()
    pairs = (
        [_after(text, layers)[:count] for text in (SENTENCE, replaced(word))]
        for layers in range(config().N + 1)
    )
    return np.array([_length(one - other) / _length(one) for one, other in pairs])


def _length(rows: np.ndarray) -> np.ndarray:
    return np.sqrt((rows**2).sum(axis=-1))


def _after(sentence: str, layers: int) -> np.ndarray:
    p = exact_model().parameters
    shorter = SimpleNamespace(**{**vars(p), "encoder": p.encoder[:layers]})
    return transformer.encode(_tokens(sentence), shorter)[0]


@lru_cache(maxsize=8)
def replaced_probabilities(word: str = OTHERS[0]) -> np.ndarray:
    """Return what each step says when the source word is another, but the written pieces stay."""
    logits = exact_model().forward(_tokens(replaced(word)), np.array([_given()]))
    return softmax(logits[0])


def _given() -> list[int]:
    return [shipped().tokenizer.START, *_written()[:-1]]


@lru_cache(maxsize=1)
def _written() -> list[int]:
    return [*greedy(exact_model(), source())[0], shipped().tokenizer.END]


def replaced_likeliest(word: str = OTHERS[0]) -> tuple[str, ...]:
    """Return the likeliest piece of each step after such a replacement."""
    best = replaced_probabilities(word).argmax(axis=-1)
    return tuple(shipped().tokenizer.piece(int(token)) for token in best)


def change_of_steps(word: str = OTHERS[0]) -> np.ndarray:
    """Measure how far the probabilities of each step move when one source word is replaced.

    Returns
    -------
    change
        Shape (n,): half the sum of all differences. 0 if nothing moves, 1 if all probability
        goes to other pieces.
    """
    return distance(running().probabilities, replaced_probabilities(word))


def change_before_noun(word: str) -> float:
    """Return how far the probabilities of the step before the noun move."""
    return float(change_of_steps(word)[noun_step() - 2])


def distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return half the sum of the sizes of all differences, for each row.

    Of two rows of probabilities it is 0 if they are equal, and 1 if they share no piece.
    """
    return np.abs(one - other).sum(axis=-1) / 2
