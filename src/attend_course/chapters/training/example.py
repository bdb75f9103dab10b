"""The running example of chapter 8, "Training a translator".

One pair of sentences: cut into pieces, learned from, translated back by greedy and by beam search.
Beside it a text of six words for byte pairs, and experiments that were made once and stored.

The translator is computed in double precision here, so that a rounded number is the same on every
machine.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from attend.attention import softmax
from attend.config import TransformerConfig
from attend.config import base as base_config
from attend.decoding.beam import Hypothesis, length_penalty
from attend.decoding.loops import spoken
from attend.decoding.tree import Node, beam_tree
from attend.decoding.writing import beam_search, greedy, sample
from attend.models.array_transformer import ArrayTransformer
from attend.models.weights import read_model
from attend.text.corpus import Batch, EncodedPair, batches, pad, pad_batch
from attend.text.tokenizer import END, PAD, START, Tokenizer, merge, words
from attend.training.plan import learning_rate
from attend.training.smoothing import best_gap, least_loss, smoothed_labels
from attend.translator.ngrams import Matches, brevity_penalty, matches, sentence_bleu
from attend.translator.translator import SHIPPED

ENGLISH = "The letter arrived three days too late."
GERMAN = "Der Brief kam drei Tage zu spät an."
"""The pair that the chapter follows."""
EVERYDAY = SHIPPED.parent / "everyday.json"
EXPERIMENTS = Path(__file__).with_name("experiments.json")


# ------------------------------------------------------------------------ the translator


class _Shipped(NamedTuple):
    model: ArrayTransformer
    tokenizer: Tokenizer


@lru_cache(maxsize=1)
def shipped() -> _Shipped:
    """Return the translator of the course in double precision, with its tokenizer."""
    saved = read_model(SHIPPED)
    assert saved.tokenizer is not None
    exact = {name: tensor.astype(np.float64) for name, tensor in saved.tensors.items()}
    return _Shipped(ArrayTransformer(saved.config, exact), saved.tokenizer)


def config() -> TransformerConfig:
    """Return the sizes of the translator."""
    return shipped().model.config


def parameter_count() -> int:
    """Return how many numbers the translator has learned."""
    return sum(tensor.size for tensor in read_model(SHIPPED).tensors.values())


def base() -> TransformerConfig:
    """Return the sizes of the base model of the paper."""
    return base_config()


def pieces(tokens: Sequence[int]) -> tuple[str, ...]:
    """Return what tokens stand for, without the mark of a word's beginning."""
    named = (shipped().tokenizer.piece(int(token)) for token in tokens)
    return tuple(name.strip("▁") or name for name in named)


def source() -> np.ndarray:
    """Return the English sentence as tokens: (1, m)."""
    return np.array([shipped().tokenizer.encode(ENGLISH)])


def target() -> np.ndarray:
    """Return the German sentence as tokens, from start to end: (n + 1,)."""
    return np.array([START, *shipped().tokenizer.encode(GERMAN), END])


def steps() -> int:
    """Return how many pieces the decoder is asked for, the end included."""
    return len(target()) - 1


# ------------------------------------------------------------------------ byte pairs

TEXT = "late later latest latch lay let"
NEW_WORD = "lately"
"""A word that is not in the text."""


class Merge(NamedTuple):
    """One merge, made by hand: the pair, how often it stands there, and the text after it."""

    pair: tuple[str, str]
    times: int
    runner_up: int
    text: str

    @property
    def says(self) -> str:
        """The two parts as a reader sees them."""
        return " + ".join(part.replace(" ", "▁") for part in self.pair)

    @property
    def piece(self) -> str:
        """What they become."""
        return "".join(self.pair).replace(" ", "▁")


def spelled(cut: list[list[str]]) -> str:
    """Write a text that is cut into parts as a reader sees it."""
    shown = ([part.replace(" ", "▁") for part in word] for word in cut)
    return " \N{MIDDLE DOT} ".join(" ".join(word) for word in shown)


@lru_cache(maxsize=1)
def by_hand() -> tuple[Merge, ...]:
    """Merge the most frequent pair of the text, again and again, while one stands there twice."""
    cut = [list(word) for word in words(f" {TEXT}")]
    found: list[Merge] = []
    while True:
        counts = Counter(pair for word in cut for pair in pairwise(word))
        (pair, count), (_, next_count) = counts.most_common(2)
        if count < 2:
            return tuple(found)
        cut = [merge(word, pair) for word in cut]
        found.append(Merge(pair, count, next_count, spelled(cut)))


def in_letters() -> str:
    """Return the text as single letters, before the first merge."""
    return spelled([list(word) for word in words(f" {TEXT}")])


def small_tokenizer() -> Tokenizer:
    """Return what `attend.text.tokenizer` learns from the text."""
    return Tokenizer.train([TEXT], merges=len(by_hand()), frequent=1)


def new_word() -> str:
    """Return how that tokenizer cuts a word it has never seen."""
    return " ".join(small_tokenizer().pieces(NEW_WORD))


def source_line() -> str:
    """Return the pieces of the English sentence, as the translator cuts it."""
    return " ".join(shipped().tokenizer.pieces(ENGLISH))


def target_line() -> str:
    """Return the pieces of the German sentence."""
    return " ".join(shipped().tokenizer.pieces(GERMAN))


# ------------------------------------------------------------------------ batches

BUDGET = 160
"""Padded tokens of a batch, on either side."""


@lru_cache(maxsize=1)
def everyday() -> tuple[tuple[str, str], ...]:
    """Return everyday pairs of our own, none of which the translator has learned from."""
    pairs = json.loads(EVERYDAY.read_text(encoding="utf-8"))
    return tuple((pair["english"], pair["german"]) for pair in pairs)


def everyday_count() -> int:
    """Return how many they are."""
    return len(everyday())


@lru_cache(maxsize=1)
def encoded() -> tuple[EncodedPair, ...]:
    """Return the everyday pairs as tokens."""
    encode = shipped().tokenizer.encode
    return tuple(EncodedPair(encode(english), encode(german)) for english, german in everyday())


@lru_cache(maxsize=1)
def by_length() -> tuple[Batch, ...]:
    """Return the everyday pairs in batches of similar length, in the order of their lengths."""
    found = batches(encoded(), tokens=BUDGET)
    return tuple(sorted(found, key=lambda batch: batch.target.shape[1]))


@lru_cache(maxsize=1)
def as_they_come() -> tuple[Batch, ...]:
    """Return the same pairs in the order of the file, in batches of the same sizes."""
    rest, found = list(encoded()), []
    for batch in by_length():
        group, rest = rest[: len(batch.source)], rest[len(batch.source) :]
        found.append(pad_batch(group))
    return tuple(found)


def padded_share(cut: Sequence[Batch]) -> float:
    """Return how much of batches is padding, both sides together."""
    total = sum(side.size for batch in cut for side in batch)
    return sum(int((side == PAD).sum()) for batch in cut for side in batch) / total


def share_by_length() -> float:
    """Return how much is padding where sentences of a batch are about equally long."""
    return padded_share(by_length())


def share_as_they_come() -> float:
    """Return how much is padding where they stand in the order of the file."""
    return padded_share(as_they_come())


# ------------------------------------------------------------------------ the shifted target


@lru_cache(maxsize=1)
def given() -> tuple[str, ...]:
    """Return what the decoder reads: the start, and all pieces but the end."""
    return pieces(target()[:-1].tolist())


@lru_cache(maxsize=1)
def wanted() -> tuple[str, ...]:
    """Return what each row is asked for: all pieces and the end."""
    return pieces(target()[1:].tolist())


@lru_cache(maxsize=1)
def logits() -> np.ndarray:
    """Return what the translator says in each row of the pair: (n, vocabulary)."""
    return shipped().model.forward(source(), target()[None, :-1])[0]


def shares() -> np.ndarray:
    """Return the probability that each row gives to each piece of the sentence: (n, n).

    Row i has read the pieces up to i; column j is the piece that row j is asked for.
    """
    return softmax(logits())[:, target()[1:]]


def right_p() -> np.ndarray:
    """Return the probability of the right piece, for each row: (n,)."""
    return np.diagonal(shares()).copy()


def surprises() -> np.ndarray:
    """Return the loss of each row in nats: minus the logarithm of the right piece's share."""
    return -np.log(right_p())


def loss() -> float:
    """Return the mean loss of the pair, in nats."""
    return float(surprises().mean())


def hardest() -> int:
    """Return the row with the greatest loss."""
    return int(surprises().argmax())


def guess(row: int) -> str:
    """Return the piece that a row holds to be likeliest."""
    return pieces([int(logits()[row].argmax())])[0]


# ------------------------------------------------------------------------ label smoothing

EPSILON_LS = 0.1


def right_label() -> float:
    """Return the share that the right piece is to get."""
    return float(smoothed_labels(0, config().vocabulary, EPSILON_LS)[0])


def other_label() -> float:
    """Return the share that each other piece is to get."""
    return float(smoothed_labels(0, config().vocabulary, EPSILON_LS)[1])


def gap(vocabulary: int = 4000, epsilon_ls: float = EPSILON_LS) -> float:
    """Return how far the right logit stands above the others where the loss is least."""
    return best_gap(vocabulary, epsilon_ls)


def floor(vocabulary: int = 4000, epsilon_ls: float = EPSILON_LS) -> float:
    """Return the smallest loss that smoothed labels allow."""
    return least_loss(vocabulary, epsilon_ls)


def loss_at(height: float, epsilon_ls: float = EPSILON_LS) -> float:
    """Return the loss where the right logit stands `height` above all others, which are equal."""
    raised = np.zeros(config().vocabulary)
    raised[0] = height
    labels = smoothed_labels(0, len(raised), epsilon_ls)
    return float(-(labels * np.log(softmax(raised))).sum())


# ------------------------------------------------------------------------ the learning rate

WARMUP = 4000


def paper_rate(step: int) -> float:
    """Return the learning rate of the paper's base model at a step."""
    return learning_rate(step, base().d_model, WARMUP)


# ------------------------------------------------------------------------ experiments, stored


@lru_cache(maxsize=1)
def experiments() -> dict[str, Any]:
    """Return what scripts/experiments.py stored, with its command and date."""
    return json.loads(EXPERIMENTS.read_text(encoding="utf-8"))


def curve(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return steps and losses of a small model that learned to read backwards."""
    losses, width = np.array(experiments()[name]["losses"]), experiments()["smoothed"]
    return width * np.arange(1, len(losses) + 1), losses


def last_loss(name: str) -> float:
    """Return the loss at the end of such a curve."""
    return float(curve(name)[1][-1])


def share_reversed(name: str) -> float:
    """Return the share of new sequences that such a model reversed without a mistake."""
    return float(experiments()[name]["right"])


def lesson_steps() -> int:
    """Return how many steps each of the small models learned."""
    return int(experiments()["lesson"]["steps"])


def lesson_warmup() -> int:
    """Return how many steps the rate rose."""
    return int(experiments()["lesson"]["warmup_steps"])


def small_floor() -> float:
    """Return the smallest loss that the small models can reach: their vocabulary is 13."""
    return least_loss(13, EPSILON_LS)


def cache(n: int) -> dict[str, Any]:
    """Return what was counted and measured for a translation of n pieces."""
    return next(record for record in experiments()["cache"] if record["n"] == n)


def saving(n: int, what: str) -> float:
    """Return how many times as much "multiply_adds" or "seconds" it takes without the cache."""
    return cache(n)["without"][what] / cache(n)["with"][what]


def rows_read(n: int, cached: bool = True) -> int:
    """Return how many rows go through the decoder for a translation of n pieces."""
    return n if cached else n * (n + 1) // 2


# ------------------------------------------------------------------------ the shipped translator


@lru_cache(maxsize=1)
def measured() -> dict[str, Any]:
    """Return what was measured of the translator when it was made."""
    return json.loads((SHIPPED / "measured.json").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def epochs() -> tuple[dict[str, float], ...]:
    """Return the epochs of the printed pairs, run after run; ``at`` counts their steps through."""
    found: list[dict[str, float]] = []
    done = 0
    for number, run in enumerate(measured()["history_before"]):
        found += [{**epoch, "at": done + epoch["step"], "run": number} for epoch in run]
        done += run[-1]["step"]
    return tuple(found)


def epoch_count() -> int:
    """Return how many epochs those are."""
    return len(epochs())


def step_count() -> int:
    """Return how many steps those are."""
    return int(epochs()[-1]["at"])


def hours() -> float:
    """Return how long those runs took, in hours."""
    return sum(run[-1]["seconds"] for run in measured()["history_before"]) / 3600


def bleu() -> float:
    """Return BLEU of the translator on its test pairs."""
    return float(measured()["bleu"])


# ------------------------------------------------------------------------ BLEU by hand

OTHER_WORDS = "Der Brief traf drei Tage zu spät ein."
"""As right as the reference, in other words."""
WRONG_WORD = "Der Brief kam drei Wochen zu spät an."
"""Wrong: it says weeks."""


def cut(text: str) -> list[str]:
    """Cut a text into words and marks."""
    return re.findall(r"\w+|[^\w\s]", text)


def found_runs(text: str, n: int) -> Matches:
    """Count the runs of n words of a text that stand in the reference."""
    return matches(cut(text), cut(GERMAN), n)


def penalty(text: str) -> float:
    """Return the brevity penalty of a text."""
    return brevity_penalty(len(cut(text)), len(cut(GERMAN)))


def score(text: str) -> float:
    """Return BLEU of one text against the reference."""
    return sentence_bleu(cut(text), cut(GERMAN))


def greedy_runs() -> tuple[Matches, ...]:
    """Return the runs of the greedy translation that stand in the reference, for n = 1 to 4."""
    return tuple(found_runs(greedy_text(), n) for n in range(1, 5))


def greedy_penalty() -> float:
    """Return the brevity penalty of the greedy translation."""
    return penalty(greedy_text())


def greedy_mean() -> float:
    """Return the geometric mean of the four shares."""
    return float(np.prod([one.precision for one in greedy_runs()]) ** (1 / 4))


def greedy_bleu() -> float:
    """Return BLEU of the greedy translation."""
    return score(greedy_text())


def word_counts() -> tuple[int, int]:
    """Return the number of words of the greedy translation and of the reference."""
    return len(cut(greedy_text())), len(cut(GERMAN))


def other_bleu() -> float:
    """Return BLEU of the right translation in other words."""
    return score(OTHER_WORDS)


def wrong_bleu() -> float:
    """Return BLEU of the wrong translation."""
    return score(WRONG_WORD)


# ------------------------------------------------------------------------ searching

BEAM, ALPHA = 4, 0.6


@lru_cache(maxsize=1)
def greedy_tokens() -> tuple[int, ...]:
    """Return what greedy search writes, the end included."""
    return (*greedy(shipped().model, source())[0], END)


def greedy_text() -> str:
    """Return the greedy translation."""
    return shipped().tokenizer.decode(greedy_tokens())


@lru_cache(maxsize=32)
def tree(sentence: str = ENGLISH, beam: int = BEAM, alpha: float = ALPHA) -> tuple[Any, ...]:
    """Return the nodes of a beam search, and the translations that it finished."""
    tokens = np.array([shipped().tokenizer.encode(sentence)])
    rule = spoken(shipped().tokenizer)
    nodes, found = beam_tree(shipped().model, tokens, beam, alpha, spoken=rule)
    return tuple(nodes), tuple(found)


def nodes() -> tuple[Node, ...]:
    """Return the beginnings that the beam followed, or finished."""
    return tree()[0]


def found() -> tuple[Hypothesis, ...]:
    """Return the translations that the beam finished, the best first."""
    return tree()[1]


def beam_text() -> str:
    """Return the best translation of the beam."""
    return shipped().tokenizer.decode(found()[0].tokens)


def log_p(tokens: Sequence[int]) -> float:
    """Return the log-probability of a translation that ends with END."""
    rows = shipped().model.forward(source(), np.array([[START, *tokens[:-1]]]))[0]
    return float(np.log(softmax(rows))[range(len(tokens)), list(tokens)].sum())


def greedy_log_p() -> float:
    """Return the log-probability of the greedy translation."""
    return log_p(greedy_tokens())


def beam_log_p() -> float:
    """Return the log-probability of the beam's translation."""
    return log_p([*found()[0].tokens, END])


FORK = 3
"""Where the ways part: the row that has read "kam"."""


def fork(temperature: float = 1.0) -> np.ndarray:
    """Return the probabilities after "Der Brief kam": (vocabulary,)."""
    return softmax(logits()[FORK] / temperature)


def fork_p(piece: str, temperature: float = 1.0) -> float:
    """Return the probability of a piece there."""
    (token,) = shipped().tokenizer.encode(piece)
    return float(fork(temperature)[token])


def at_fork(temperature: float = 1.0, count: int = 5) -> tuple[tuple[str, float], ...]:
    """Return the likeliest pieces there, with their probabilities."""
    p = fork(temperature)
    best = np.argsort(-p, kind="stable")[:count]
    return tuple(zip(pieces(best.tolist()), p[best].tolist(), strict=True))


def others(temperature: float = 1.0) -> float:
    """Return what all pieces but "zu" and "drei" have there together."""
    return 1 - fork_p("zu", temperature) - fork_p("drei", temperature)


# ------------------------------------------------------------------------ the length penalty

ALPHAS = (0.0, 0.6, 1.0, 2.0, 4.0)


def divisor(length: int, alpha: float = ALPHA) -> float:
    """Return what the log-probability of a translation of `length` pieces is divided by."""
    return float(length_penalty(length, alpha))


@lru_cache(maxsize=8)
def lengths(alpha: float) -> np.ndarray:
    """Return how many pieces each everyday sentence gets, the end included."""
    rows = pad([pair.source for pair in encoded()])
    written = beam_search(shipped().model, rows, BEAM, alpha)
    return np.array([len(tokens) + 1 for tokens in written])


def mean_length(alpha: float) -> float:
    """Return the mean length over the everyday sentences, in pieces."""
    return float(lengths(alpha).mean())


def changed_by(alpha: float) -> int:
    """Return how many everyday sentences get another length than without a penalty."""
    return int((lengths(alpha) != lengths(0.0)).sum())


def reference_length() -> float:
    """Return the mean length of the references."""
    return float(np.mean([len(pair.target) + 1 for pair in encoded()]))


# ------------------------------------------------------------------------ sampling

DRAWS = 50
TEMPERATURES = (0.5, 1.0, 2.0)


@lru_cache(maxsize=8)
def drawn(temperature: float) -> tuple[str, ...]:
    """Return translations drawn at random, always the same ones."""
    rows = np.repeat(source(), DRAWS, axis=0)
    generator = np.random.default_rng(8)
    found = sample(shipped().model, rows, generator, temperature)
    return tuple(shipped().tokenizer.decode(tokens) for tokens in found)


def different(temperature: float) -> int:
    """Return how many different translations are among them."""
    return len(set(drawn(temperature)))


def like_beam(temperature: float) -> int:
    """Return how many of them are the beam's translation."""
    return drawn(temperature).count(beam_text())
