"""Checks of chapter 8, "Training a translator"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from attend.attention import softmax
from attend.text.tokenizer import END, PAD, START
from attend.training.smoothing import smoothed_labels
from attend.translator.ngrams import matches
from attend_course.kit.cases import arrays
from attend_course.kit.checks import Case, Exercise, Mistake
from attend_course.kit.rules import without

Shifted = tuple[np.ndarray, np.ndarray, np.ndarray]


def padded_targets(*lengths: int, seed: int = 0) -> np.ndarray:
    """Return targets of so many pieces each, from START to END, padded."""
    generator = np.random.default_rng(seed)
    rows = [[START, *generator.integers(3, 30, size=length), END] for length in lengths]
    width = max(map(len, rows))
    return np.array([[*row, *[PAD] * (width - len(row))] for row in rows])


def _shifted(target: np.ndarray) -> Shifted:
    wanted = target[:, 1:]
    return target[:, :-1].copy(), wanted.copy(), wanted != PAD


def _with_counts(counts: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], Shifted]:
    """Return an answer that is right but for what counts."""
    return lambda target: (*_shifted(target)[:2], counts(target))


check_shift = Exercise(
    name="what is given, what is asked for",
    reference=_shifted,
    cases=(
        Case("one sentence of three pieces", (padded_targets(3, seed=1),)),
        Case("two sentences, of four pieces and of two", (padded_targets(4, 2, seed=2),)),
        Case("three sentences, of one, five and three", (padded_targets(1, 5, 3, seed=3),)),
        Case("four sentences of two pieces", (padded_targets(2, 2, 2, 2, seed=4),)),
    ),
    mistakes=(
        Mistake(
            "not shifted",
            lambda target: (target[:, 1:], target[:, 1:], target[:, 1:] != PAD),
            "What is given is what is asked for: each row may look at its own answer. The decoder "
            "is given everything but the last column.",
        ),
        Mistake(
            "the other way round",
            lambda target: (target[:, 1:], target[:, :-1], target[:, :-1] != PAD),
            "The decoder would read a piece and be asked for the one before it. It reads from the "
            "start mark on, and is asked for what comes next.",
        ),
        Mistake(
            "sentences shifted",
            lambda target: (target[:-1], target[1:], target[1:] != PAD),
            "You moved from sentence to sentence. Pieces stand on the second axis.",
        ),
        Mistake(
            "the end never asked for",
            lambda target: (target[:, :-2], target[:, 1:-1], target[:, 1:-1] != PAD),
            "The last column is never asked for. There stands the end mark of the longest "
            "sentence: without it a model would never learn to stop.",
        ),
        Mistake(
            "counted where something is given",
            _with_counts(lambda target: target[:, :-1] != PAD),
            "You looked for padding in what is given. A shorter sentence's end mark is given too, "
            "and there padding is asked for. Look at what is asked for.",
        ),
        Mistake(
            "everything counts",
            _with_counts(lambda target: np.ones(target[:, 1:].shape, bool)),
            "All places count, padding too. There is nothing to learn where padding is asked for.",
        ),
        Mistake(
            "padding counts",
            _with_counts(lambda target: target[:, 1:] == PAD),
            "True stands where padding is asked for. It should stand where a piece or the end is.",
        ),
        Mistake(
            "the end does not count",
            _with_counts(lambda target: (target[:, 1:] != PAD) & (target[:, 1:] != END)),
            "You left out the end mark. It is asked for as the pieces are: a translation must end.",
        ),
    ),
)


Labels = Callable[[int, int, float], np.ndarray]


def _loss_with(labels: Labels) -> Callable[..., float]:
    """Return the mean cross-entropy against labels, made from right token, vocabulary, share."""

    def loss(logits: np.ndarray, target: np.ndarray, epsilon_ls: float) -> float:
        return float(_row_losses(logits, target, epsilon_ls, labels)[target != PAD].mean())

    return loss


def _row_losses(
    logits: np.ndarray, target: np.ndarray, epsilon_ls: float, labels: Labels = smoothed_labels
) -> np.ndarray:
    wide = logits.astype(float)
    top = wide.max(axis=-1, keepdims=True)
    log_p = wide - top - np.log(np.exp(wide - top).sum(axis=-1, keepdims=True))
    wanted = [labels(int(right), logits.shape[1], epsilon_ls) for right in target]
    return -(np.array(wanted) * log_p).sum(axis=-1)


def _sharp(right: int, vocabulary: int, epsilon_ls: float) -> np.ndarray:
    return np.eye(vocabulary)[right]


def _among_others(right: int, vocabulary: int, epsilon_ls: float) -> np.ndarray:
    labels = np.full(vocabulary, epsilon_ls / (vocabulary - 1))
    labels[right] = 1 - epsilon_ls
    return labels


def _not_divided(right: int, vocabulary: int, epsilon_ls: float) -> np.ndarray:
    return epsilon_ls + (1 - epsilon_ls) * np.eye(vocabulary)[right]


def _too_much(right: int, vocabulary: int, epsilon_ls: float) -> np.ndarray:
    return epsilon_ls / vocabulary + np.eye(vocabulary)[right]


def _turned(right: int, vocabulary: int, epsilon_ls: float) -> np.ndarray:
    return smoothed_labels(right, vocabulary, 1 - epsilon_ls)


def _loss_case(says: str, seed: int, vocabulary: int, target: list[int], share: float) -> Case:
    (logits,) = arrays(seed, (len(target), vocabulary))
    return Case(says, (3 * logits, np.array(target), share))


check_loss = Exercise(
    name="the smoothed loss",
    reference=_loss_with(smoothed_labels),
    cases=(
        _loss_case("four rows, four tokens, no padding", 801, 4, [3, 1, 2, 1], 0.1),
        _loss_case("three rows, seven tokens, one of them padding", 802, 7, [5, 2, 0], 0.1),
        _loss_case("five rows, six tokens, two of them padding", 803, 6, [1, 4, 0, 2, 0], 0.3),
        _loss_case("two rows, five tokens, not smoothed", 804, 5, [4, 2], 0.0),
        _loss_case("one row, three tokens", 805, 3, [2], 0.2),
    ),
    mistakes=(
        Mistake(
            "not smoothed",
            _loss_with(_sharp),
            "This is the loss without smoothing. All tokens together get the share epsilon_ls, in "
            "equal parts.",
        ),
        Mistake(
            "shared among the others",
            _loss_with(_among_others),
            "You shared epsilon_ls among the other tokens. All tokens have a part in it, the right "
            "one too: epsilon_ls / P each.",
        ),
        Mistake(
            "not divided",
            _loss_with(_not_divided),
            "Each token got the whole of epsilon_ls. Together they get it: a P-th each.",
        ),
        Mistake(
            "more than one in all",
            _loss_with(_too_much),
            "The labels sum to more than 1: the right token kept all of its share. It keeps "
            "1 - epsilon_ls, and its P-th part of the rest.",
        ),
        Mistake(
            "the shares swapped",
            _loss_with(_turned),
            "The right token got epsilon_ls, and all together the rest. It is the other way round.",
        ),
        Mistake(
            "padding counts",
            lambda logits, target, share: float(_row_losses(logits, target, share).mean()),
            "Rows that are asked for padding, token 0, count in your mean. Leave them out.",
        ),
        Mistake(
            "divided by all rows",
            lambda logits, target, share: float(
                _row_losses(logits, target, share)[target != PAD].sum() / len(target)
            ),
            "The sum is right, and it is divided by all rows. Divide by those that count.",
        ),
        Mistake(
            "the sum",
            lambda logits, target, share: float(
                _row_losses(logits, target, share)[target != PAD].sum()
            ),
            "This is the sum over the rows that count. The mean is asked for.",
        ),
        Mistake(
            "the sign",
            lambda logits, target, share: -_loss_with(smoothed_labels)(logits, target, share),
            "The sign is wrong. Logarithms of probabilities are negative; the loss is positive.",
        ),
        Mistake(
            "no logarithm",
            lambda logits, target, share: float(
                1 - softmax(logits)[np.arange(len(target)), target][target != PAD].mean()
            ),
            "You took 1 minus the probability. The loss takes minus its logarithm.",
        ),
    ),
    rules=(
        without(
            "That is right, and a ready-made loss did it. Use exponentials and logarithms.",
            "smoothed_loss",
            "smoothed_labels",
            "cross_entropy",
            "CrossEntropyLoss",
        ),
    ),
)


def _adam(
    share: float = 0.9, square_share: float = 0.98, corrected: bool = True, root: bool = True
) -> Callable[[np.ndarray, float], np.ndarray]:
    """Return Adam's places after each step, from 0, or those of a variant."""

    def places(g: np.ndarray, rate: float) -> np.ndarray:
        mean, square = np.zeros(g.shape[1]), np.zeros(g.shape[1])
        steps = []
        for t, slope in enumerate(g, start=1):
            mean = share * mean + (1 - share) * slope
            square = square_share * square + (1 - square_share) * slope**2
            tops = mean / (1 - share**t) if corrected else mean
            below = square / (1 - square_share**t) if corrected else square
            steps.append(tops / ((np.sqrt(below) if root else below) + 1e-9))
        return -rate * np.cumsum(steps, axis=0)

    return places


def _gradient_steps(g: np.ndarray, rate: float) -> np.ndarray:
    return -rate * np.cumsum(g, axis=0)


def _adam_case(says: str, seed: int, shape: tuple[int, int], rate: float) -> Case:
    (g,) = arrays(seed, shape)
    return Case(says, (g * 10.0 ** np.arange(shape[1]), rate))


check_adam = Exercise(
    name="Adam",
    reference=_adam(),
    cases=(
        _adam_case("three steps, three numbers", 811, (3, 3), 0.1),
        _adam_case("five steps, two numbers", 812, (5, 2), 0.01),
        _adam_case("one step, four numbers", 813, (1, 4), 0.5),
        _adam_case("eight steps, one number", 814, (8, 1), 1.0),
    ),
    mistakes=(
        Mistake(
            "not corrected",
            _adam(corrected=False),
            "The means begin at 0 and are at first too small. Divide them by 1 - 0.9**t and "
            "1 - 0.98**t.",
        ),
        Mistake(
            "shares swapped",
            _adam(0.98, 0.9),
            "The two shares have changed places: 0.9 for the mean of g, 0.98 for that of g * g.",
        ),
        Mistake(
            "0.999 for the squares",
            _adam(0.9, 0.999),
            "Torch takes 0.999 if it is not told. The paper has 0.98.",
        ),
        Mistake(
            "no root",
            _adam(root=False),
            "You divided by the mean of g * g. Divide by its root, so that the size of g cancels.",
        ),
        Mistake(
            "upwards",
            lambda g, rate: -_adam()(g, rate),
            "You went up. The gradient says where the loss grows; the step goes the other way.",
        ),
        Mistake(
            "plain steps",
            _gradient_steps,
            "This goes down the gradient itself, with steps as large as it is. Adam divides by the "
            "root of the mean square.",
        ),
        Mistake(
            "signs alone",
            lambda g, rate: _gradient_steps(np.sign(g), rate),
            "Each step has the whole rate. That is so in the first step only; later the means hold "
            "several gradients.",
        ),
        Mistake(
            "steps, not places",
            lambda g, rate: np.diff(_adam()(g, rate), axis=0, prepend=0),
            "These are the steps. The places are asked for: each the one before, and the step.",
        ),
        Mistake(
            "the last place alone",
            lambda g, rate: _adam()(g, rate)[-1],
            "This is where it ends. Return the place after each step: one row a step.",
        ),
    ),
    rules=(without("That is right, and torch did it. Write the two means yourself.", "Adam"),),
)


def _clipped(words: np.ndarray, reference: np.ndarray, n: int) -> tuple[int, int]:
    return tuple(matches(words.tolist(), reference.tolist(), n))  # type: ignore[return-value]


def _runs(words: np.ndarray, n: int) -> list[tuple[int, ...]]:
    return [tuple(words[i : i + n].tolist()) for i in range(len(words) - n + 1)]


def _not_clipped(words: np.ndarray, reference: np.ndarray, n: int) -> tuple[int, int]:
    known, ours = set(_runs(reference, n)), _runs(words, n)
    return sum(run in known for run in ours), len(ours)


def _each_once(words: np.ndarray, reference: np.ndarray, n: int) -> tuple[int, int]:
    ours = set(_runs(words, n))
    return len(ours & set(_runs(reference, n))), len(ours)


def _same_place(words: np.ndarray, reference: np.ndarray, n: int) -> tuple[int, int]:
    ours, theirs = _runs(words, n), _runs(reference, n)
    return sum(a == b for a, b in zip(ours, theirs, strict=False)), len(ours)


def _any_order(words: np.ndarray, reference: np.ndarray, n: int) -> tuple[int, int]:
    ours, theirs = (Counter(tuple(sorted(run)) for run in _runs(x, n)) for x in (words, reference))
    return (ours & theirs).total(), ours.total()


def _one_too_few(words: np.ndarray, reference: np.ndarray, n: int) -> tuple[int, int]:
    ours, theirs = (Counter(_runs(x, n)[:-1]) for x in (words, reference))
    return (ours & theirs).total(), ours.total()


def _words_case(says: str, words: list[int], reference: list[int], n: int) -> Case:
    return Case(says, (np.array(words), np.array(reference), n))


check_matches = Exercise(
    name="runs that are found",
    reference=_clipped,
    cases=(
        _words_case("four words and four, runs of one", [5, 5, 3, 8], [5, 3, 9, 8], 1),
        _words_case("six words and five, runs of two", [1, 2, 1, 2, 1, 3], [1, 2, 1, 3, 2], 2),
        _words_case("three words and six, runs of two", [4, 7, 2], [2, 7, 5, 7, 4, 2], 2),
        _words_case("five words and five, runs of three", [1, 2, 3, 4, 5], [2, 3, 4, 5, 1], 3),
        _words_case("two words and four, runs of two", [4, 7], [9, 8, 4, 7], 2),
        _words_case("two words, runs of three", [1, 2], [1, 2, 3], 3),
        _words_case("one word that is not there", [6], [1, 2], 1),
    ),
    mistakes=(
        Mistake(
            "not clipped",
            _not_clipped,
            "A run counts more often than it stands in the reference. Each counts at most as often "
            "as it does there: else one good word, written many times, would look perfect.",
        ),
        Mistake(
            "each run once",
            _each_once,
            "A run that stands twice, here and there, counts twice. You counted each once.",
        ),
        Mistake(
            "runs of the reference",
            lambda words, reference, n: (
                _clipped(words, reference, n)[0],
                max(0, len(reference) - n + 1),
            ),
            "The second number is how many runs the translation has, not the reference.",
        ),
        Mistake(
            "words, not runs",
            lambda words, reference, n: (_clipped(words, reference, n)[0], len(words)),
            "The second number counts words. There are len(words) - n + 1 runs.",
        ),
        Mistake(
            "n not used",
            lambda words, reference, n: _clipped(words, reference, 1),
            "These are single words. Runs of n neighbours are asked for.",
        ),
        Mistake(
            "in the same place",
            _same_place,
            "You compared place by place. A run may stand anywhere in the reference.",
        ),
        Mistake(
            "in any order",
            _any_order,
            "You compared without regard to order. Within a run it counts.",
        ),
        Mistake(
            "the last run left out",
            _one_too_few,
            "The last run is missing. It has its place in range(len(words) - n + 1).",
        ),
        Mistake(
            "the share",
            lambda words, reference, n: (
                _clipped(words, reference, n)[0] / max(1, _clipped(words, reference, n)[1])
            ),
            "This is the share. Return the two numbers: over many sentences they are added up "
            "first, and only then divided.",
        ),
    ),
    rules=(
        without("That is right, and it leaves the work to `matches`. Count yourself.", "matches"),
    ),
)
