"""What the film shows: every number of one sentence on its way through the shipped translator."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from attend import transformer
from attend.attention import attention, softmax
from attend.decoding.writing import greedy
from attend.layers import TAUGHT
from attend.models.array_transformer import ArrayTransformer
from attend.models.weights import read_model
from attend.text.tokenizer import SPACE_MARK
from attend.translator.translator import SHIPPED, shipped

__all__ = ["HEAD_LAYER", "SENTENCE", "WORD", "Step", "Story", "story", "weight_of"]

SENTENCE = "My friends want to eat in the garden."
WORD = "garden"
"""The word whose attention is followed."""
HEAD_LAYER = 0
LIKELIEST = 3


class Step(NamedTuple):
    """One step of the decoder.

    Attributes
    ----------
    piece
        What it wrote, without the mark of a word's beginning.
    likely
        The likeliest pieces and their probabilities, the likeliest first.
    weights
        Its weights on the source in the decoder's last layer, the mean of the heads: (m,).
    """

    piece: str
    likely: tuple[tuple[str, float], ...]
    weights: np.ndarray


class Story(NamedTuple):
    """All that the film shows.

    Attributes
    ----------
    words
        The m pieces of the sentence, without the mark of a word's beginning.
    word, head
        Number of the word that is followed, and of the head of the first layer that is shown.
    embedded, entering
        Rows from the table of embeddings, and the same with their positions added: (m, d_model).
    q, k, v
        Of that head, each (m, d_k).
    products, scores, weights
        Of that word with all words: before and after the division by the root of d_k, and after
        the softmax. Each (m,).
    mixture
        What the head gives for the word, (d_v,).
    maps
        All maps of the encoder, (N, h, m, m).
    steps
        The decoder's, the one that writes the end included.
    """

    words: tuple[str, ...]
    word: int
    head: int
    embedded: np.ndarray
    entering: np.ndarray
    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    products: np.ndarray
    scores: np.ndarray
    weights: np.ndarray
    mixture: np.ndarray
    maps: np.ndarray
    steps: tuple[Step, ...]


class _Seen(NamedTuple):
    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    weights: np.ndarray
    output: np.ndarray


def _model() -> ArrayTransformer:
    saved = read_model(SHIPPED)
    exact = {name: tensor.astype(np.float64) for name, tensor in saved.tensors.items()}
    return ArrayTransformer(saved.config, exact)


def _plain(token: int) -> str:
    return shipped().tokenizer.piece(token).replace(SPACE_MARK, "")


@lru_cache(maxsize=1)
def story() -> Story:
    """Follow the sentence through the translator once, and keep what is shown."""
    model = _model()
    tokens = np.array([shipped().tokenizer.encode(SENTENCE)])
    written = [*greedy(model, tokens)[0], model.config.end]
    seen, logits = _watched(model, tokens, np.array([[model.config.start, *written[:-1]]]))
    words = tuple(_plain(token) for token in tokens[0])
    word, n = words.index(WORD), model.config.N
    maps = np.array([one.weights for one in seen[:n]])
    head = most_spread(maps[HEAD_LAYER, :, word])
    q, k, v, weights, output = (part[head] for part in seen[HEAD_LAYER])
    products = k @ q[word]
    last = seen[-1].weights.mean(axis=0)
    probabilities = softmax(logits[0])
    return Story(
        words, word, head,
        *_entering(model, tokens),
        q, k, v, products, products / np.sqrt(q.shape[-1]), weights[word], output[word], maps,
        tuple(map(_step, written, probabilities, last)),
    )  # fmt: skip


def _watched(
    model: ArrayTransformer, tokens: np.ndarray, given: np.ndarray
) -> tuple[list[_Seen], np.ndarray]:
    """Run the model once, and keep what goes through each attention of the one sentence."""
    seen = []

    def attend(q: Any, k: Any, v: Any, mask: Any = None, *, scale: Any = None) -> Any:
        output, weights = attention(q, k, v, mask, scale=scale)
        seen.append(_Seen(q[0], k[0], v[0], weights[0], output[0]))
        return output, weights

    watching = TAUGHT._replace(attend=attend)
    return seen, transformer.forward(tokens, given, model.parameters, watching)


def _entering(model: ArrayTransformer, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    placeless = TAUGHT._replace(place=lambda x, start: np.zeros_like(x))
    one, other = (
        transformer.embed(tokens, model.parameters, operations=operations)[0]
        for operations in (placeless, TAUGHT)
    )
    return one, other


def _step(token: int, row: np.ndarray, weights: np.ndarray) -> Step:
    order = np.argsort(-row, kind="stable")[:LIKELIEST]
    return Step(_plain(token), tuple((_plain(int(t)), float(row[t])) for t in order), weights)


def most_spread(rows: np.ndarray) -> int:
    """Return which row of weights, (rows, m), is spread widest: the one of greatest entropy."""
    return int((-rows * np.log(np.maximum(rows, 1e-300))).sum(axis=-1).argmax())


def weight_of(word: str) -> float:
    """Return the weight that the followed word gives to another one."""
    return float(story().weights[story().words.index(word)])
