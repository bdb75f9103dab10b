"""The running example of chapter 7, "The whole Transformer".

Two sentences of the same words, read by the translator of the course, and the encodings of their
places. Beside it: `depth`, stacks of untrained layers with and without what keeps them in order,
and `sizes`, the parameters of Table 3 of the paper, counted.

The translator is computed in double precision here, so that a rounded number is the same on every
machine. Layers and positions are counted from 0, as in the code.
"""

from __future__ import annotations

from functools import lru_cache
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from attend import transformer
from attend.attention import keys_values, multi_head_attention
from attend.config import TransformerConfig
from attend.config import base as base_config
from attend.decoding.writing import greedy
from attend.layers import TAUGHT, layer_norm, relu
from attend.models.array_transformer import ArrayTransformer
from attend.models.changes import changed
from attend.models.recording import record_attention
from attend.positions import positional_encoding, shift, step_angles
from attend.positions import wavelengths as wavelengths_of
from attend_course.kit.exact import model, saved

SENTENCE = "The dog found the boy."
SWAPPED = "The boy found the dog."
"""The same pieces in another order."""
TOKENS = ("The", "dog", "found", "the", "boy", ".")
"""The pieces into which the translator cuts the sentence: five words and the full stop."""
ORDER = (0, 4, 2, 3, 1, 5)
"""Where each piece of the swapped sentence stands in the sentence."""


# ------------------------------------------------------------------------ the trained model


@lru_cache(maxsize=1)
def unplaced() -> ArrayTransformer:
    """Return the same model, to which nothing says where a piece stands."""
    return changed(model(), [{"make": "without", "part": "positions"}])


def config() -> TransformerConfig:
    """Return the sizes of the translator."""
    return model().config


@lru_cache(maxsize=8)
def tokens(sentence: str = SENTENCE) -> np.ndarray:
    """Return the numbers of a sentence's pieces, (1, m)."""
    tokenizer = saved().tokenizer
    assert tokenizer is not None
    return np.array([tokenizer.encode(sentence)])


def piece_count() -> int:
    """Return how many pieces the sentence has."""
    return tokens().shape[1]


def _written(which: ArrayTransformer, sentence: str) -> list[int]:
    return greedy(which, tokens(sentence))[0]


@lru_cache(maxsize=8)
def translation(sentence: str = SENTENCE) -> str:
    """Return what the translator writes, the likeliest piece at each step."""
    return saved().tokenizer.decode(_written(model(), sentence))


@lru_cache(maxsize=8)
def translation_unplaced(sentence: str = SENTENCE) -> str:
    """Return what it writes where nothing says where a piece stands."""
    return saved().tokenizer.decode(_written(unplaced(), sentence))


def swapped_translation() -> str:
    """Return what the translator writes for the swapped sentence."""
    return translation(SWAPPED)


@lru_cache(maxsize=8)
def memory(sentence: str = SENTENCE) -> np.ndarray:
    """Return what the encoder makes of a sentence, (m, d_model)."""
    return model().encode(tokens(sentence))[0]


@lru_cache(maxsize=8)
def memory_unplaced(sentence: str = SENTENCE) -> np.ndarray:
    """Return the same without positions, (m, d_model)."""
    return unplaced().encode(tokens(sentence))[0]


def lengths(rows: np.ndarray) -> np.ndarray:
    """Return the length of each row."""
    return np.linalg.norm(rows, axis=-1)


def row_changes() -> np.ndarray:
    """Measure how far each word's row of the memory moves when the two words change places.

    Returns
    -------
    change
        Shape (m,), for the pieces of the swapped sentence: the length of the difference to the row
        of the same piece in the sentence, divided by the length of that row.
    """
    before = memory()[list(ORDER)]
    return lengths(memory(SWAPPED) - before) / lengths(before)


def row_changes_unplaced() -> np.ndarray:
    """Measure the same where nothing says where a piece stands, (m,)."""
    before = memory_unplaced()[list(ORDER)]
    return lengths(memory_unplaced(SWAPPED) - before) / lengths(before)


# ------------------------------------------------------------------------ the memory attention

LAYER = 0
"""The decoder layer whose memory attention is looked at."""


@lru_cache(maxsize=1)
def given() -> np.ndarray:
    """Return the pieces that the decoder reads, the start mark and what was written: (1, n)."""
    return np.array([[config().start, *_written(model(), SENTENCE)]])


def target_pieces() -> tuple[str, ...]:
    """Return the pieces that the decoder reads, as a reader sees them."""
    tokenizer = saved().tokenizer
    return tuple(tokenizer.piece(int(token)).replace("▁", "") for token in given()[0])


class Asked(NamedTuple):
    """What a sub-layer is given."""

    queries: np.ndarray
    memory: np.ndarray


@lru_cache(maxsize=1)
def asked() -> Asked:
    """Return what the memory attention of `LAYER` is given: rows of the target, and the memory."""
    asking: list[np.ndarray] = []

    def normalise(x: Any, gain: Any, bias: Any) -> Any:
        asking.append(layer_norm(x, gain, bias))
        return asking[-1]

    watching = TAUGHT._replace(normalise=normalise)
    transformer.forward(tokens(), given(), model().parameters, watching)
    encoder_norms, before = 2 * config().N, 3 * LAYER
    return Asked(asking[encoder_norms + before][0], memory())


def projections() -> SimpleNamespace:
    """Return W_Q, W_K, W_V, W_O and h of the memory attention."""
    return model().parameters.decoder[LAYER].memory_attention


def memory_keys() -> np.ndarray:
    """Return the keys of every head, made from the memory: (h, m, d_k)."""
    return keys_values(asked().memory, asked().memory, projections()).k


def memory_output() -> np.ndarray:
    """Return what the memory attention gives each target row: (n, d_model)."""
    rows, source = asked()
    return multi_head_attention(rows, source, source, projections())[0]


def memory_weights() -> np.ndarray:
    """Return its maps, target rows on rows and source pieces on columns: (h, n, m)."""
    rows, source = asked()
    weights = multi_head_attention(rows, source, source, projections())[1]
    assert weights is not None
    return weights


NOUNS = (("Hund", "dog"), ("Jungen", "boy"))
"""Two words of the translation, and the words that they translate."""


def noun_weights() -> np.ndarray:
    """Return for each head how much weight the rows of `NOUNS` give to their words: (h, 2)."""
    rows = [target_pieces().index(noun) for noun, _ in NOUNS]
    return memory_weights()[:, rows, [TOKENS.index(word) for _, word in NOUNS]]


def memory_head() -> int:
    """Return the head, counted from 1, that looks most at the words it translates."""
    return int(noun_weights().sum(axis=-1).argmax()) + 1


# ------------------------------------------------------------------------ positions

D_SMALL = 4
"""Length of the encodings that are computed by hand."""
PLACES = (3, 7)
FAR_PLACES = (103, 107)
"""Two pairs of places, equally far apart."""
STRIP = 64
"""How many places are drawn."""


def hand_encodings() -> np.ndarray:
    """Return the encodings of places 0 to 2 with `D_SMALL` numbers each."""
    return positional_encoding(3, D_SMALL)


def hand_angles() -> np.ndarray:
    """Return by how much each of their pairs turns in one step."""
    return step_angles(D_SMALL)


def hand_shift() -> np.ndarray:
    """Return the matrix that moves them one place on."""
    return shift(1, D_SMALL)


def encoding(place: int) -> np.ndarray:
    """Return the encoding of one place, as long as a row of the translator."""
    return positional_encoding(1, config().d_model, place)[0]


def agreement(one: int, other: int) -> float:
    """Return the dot product of the encodings of two places."""
    return float(encoding(one) @ encoding(other))


def near_agreement() -> float:
    """Return the agreement of `PLACES`."""
    return agreement(*PLACES)


def far_agreement() -> float:
    """Return the agreement of `FAR_PLACES`."""
    return agreement(*FAR_PLACES)


def agreements(distances: np.ndarray, start: int = 100, d_model: int | None = None) -> np.ndarray:
    """Return the dot product of the encoding of `start` with those at some distances.

    It is divided by the dot product with itself, d_model / 2, so that 1 stands for equal.
    """
    d_model = d_model or config().d_model
    here = positional_encoding(1, d_model, start)[0]
    there = [positional_encoding(1, d_model, start + int(k))[0] for k in distances]
    return np.array(there) @ here / (d_model / 2)


def wavelengths() -> np.ndarray:
    """Return the wavelengths of the translator's encodings, one a pair: (d_model / 2,)."""
    return wavelengths_of(config().d_model)


SHOWN_HANDS = (0, 8, 16, 24, 40)
"""Pairs whose sines are drawn."""


def hand_waves() -> np.ndarray:
    """Return the sines of `SHOWN_HANDS` at the first places, one row a pair."""
    return positional_encoding(STRIP, config().d_model)[:, [2 * i for i in SHOWN_HANDS]].T


def fast_pairs() -> int:
    """Return how many pairs go round at least once within `STRIP` places."""
    return int((wavelengths() <= STRIP).sum())


def rotated_score(q: np.ndarray, k: np.ndarray, i: int, j: int) -> float:
    """Return the score of a query at place i and a key at place j, both turned by their place."""
    return float((q @ shift(i, len(q))) @ (k @ shift(j, len(k))))


# ------------------------------------------------------------------------ embedding and table


def table_lengths() -> np.ndarray:
    """Return how long the rows of the table are, for the pieces of the sentence: (m,)."""
    return lengths(model().parameters.embedding[tokens()[0]])


def scaled_lengths() -> np.ndarray:
    """Return how long they are after the product with the square root of d_model: (m,)."""
    return table_lengths() * np.sqrt(config().d_model)


def place_length() -> float:
    """Return how long every positional encoding is."""
    return float(lengths(encoding(0)))


# ------------------------------------------------------------------------ norm and feed-forward

HAND_ROW = np.array([2.0, 8.0, 2.0, 8.0])
"""A row to be normalised by hand."""


def hand_mean() -> float:
    """Return its mean."""
    return float(HAND_ROW.mean())


def hand_variance() -> float:
    """Return its variance."""
    return float(HAND_ROW.var())


def hand_norm() -> np.ndarray:
    """Return it normalised, with gain 1 and bias 0."""
    return layer_norm(HAND_ROW, np.ones(4), np.zeros(4))


@lru_cache(maxsize=1)
def hidden() -> tuple[np.ndarray, ...]:
    """Return the inner rows of every feed-forward of the encoder, after the zeros: (m, d_ff)."""
    kept = []

    def transform(x: Any, p: Any) -> Any:
        kept.append(relu(x @ p.W_1 + p.b_1)[0])
        return TAUGHT.transform(x, p)

    transformer.encode(tokens(), model().parameters, TAUGHT._replace(transform=transform))
    return tuple(kept)


def share_of_zeros() -> float:
    """Return how many of the inner numbers are zero, as a share."""
    return float(np.mean([rows == 0 for rows in hidden()]))


def zeros_percent() -> float:
    """Return the same in percent."""
    return 100 * share_of_zeros()


# ------------------------------------------------------------------------ the sentence traced


class SubLayer(NamedTuple):
    """What one sub-layer does to the rows of the running sentence.

    Attributes
    ----------
    stack, layer, name
        Where it stands; the layer is counted from 1.
    shape
        Of what it adds.
    moved
        How long what it adds is, as a share of what it is added to, mean over the rows.
    """

    stack: str
    layer: int
    name: str
    shape: tuple[int, ...]
    moved: float


NAMES = {
    "encoder": ("self-attention", "feed-forward"),
    "decoder": ("masked self-attention", "memory attention", "feed-forward"),
}


@lru_cache(maxsize=1)
def trace() -> tuple[SubLayer, ...]:
    """Follow the running sentence and its translation through every sub-layer."""
    found = []

    def add(x: Any, change: Any) -> Any:
        found.append((change[0].shape, float((lengths(change) / lengths(x)).mean())))
        return x + change

    transformer.forward(tokens(), given(), model().parameters, TAUGHT._replace(add=add))
    places = [
        (stack, layer + 1, name)
        for stack, names in NAMES.items()
        for layer in range(config().N)
        for name in names
    ]
    return tuple(SubLayer(*place, *rest) for place, rest in zip(places, found, strict=True))


def sub_layer_count() -> int:
    """Return how many sub-layers the translator has."""
    return len(trace())


def traced(stack: str, name: str) -> SubLayer:
    """Return a sub-layer of the first layer of a stack."""
    return next(one for one in trace() if (one.stack, one.name) == (stack, name))


def largest_move() -> SubLayer:
    """Return the sub-layer that changes the rows most."""
    return max(trace(), key=lambda one: one.moved)


def smallest_move() -> SubLayer:
    """Return the sub-layer that changes the rows least."""
    return min(trace(), key=lambda one: one.moved)


@lru_cache(maxsize=1)
def shapes() -> dict[str, tuple[int, ...]]:
    """Return the shapes on the way through the model, by name."""
    c, m, n = config(), piece_count(), given().shape[1]
    with record_attention(model()) as recording:
        logits = model().forward(tokens(), given())[0]
    return {
        "source": tokens()[0].shape,
        "embedded": transformer.embed(tokens(), model().parameters)[0].shape,
        "encoder map": recording.of("encoder", 0)[0].shape,
        "inner": (m, c.d_ff),
        "memory": memory().shape,
        "target": (n,),
        "decoder map": recording.of("decoder", 0)[0].shape,
        "memory map": recording.of("memory", 0)[0].shape,
        "target inner": (n, c.d_ff),
        "decoded": (n, c.d_model),
        "logits": logits.shape,
        "table": model().parameters.embedding.shape,
    }


def base() -> TransformerConfig:
    """Return the sizes of the paper's base model."""
    return base_config()
