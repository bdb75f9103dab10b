"""Label smoothing (section 5.4): which labels it makes, and what a model does best with them.

No torch is needed here. `attend.training.loss` computes the loss against such labels.
"""

import numpy as np
from numpy.typing import NDArray


def smoothed_labels(right: int, vocabulary: int, epsilon_ls: float) -> NDArray[np.float64]:
    """Return the share that each token of a vocabulary is to get, (vocabulary,).

    All tokens together get the share `epsilon_ls` in equal parts, and the right one the rest
    besides.

    Parameters
    ----------
    right
        The number of the right token.
    vocabulary
        How many tokens there are.
    epsilon_ls
        The share given away.

    Raises
    ------
    ValueError
        If the share is not from 0 to 1, or the right token is not in the vocabulary.
    """
    _check(vocabulary, epsilon_ls)
    if not 0 <= right < vocabulary:
        raise ValueError(f"the right token is one of {vocabulary}, from 0; received {right}")
    labels = np.full(vocabulary, epsilon_ls / vocabulary)
    labels[right] += 1 - epsilon_ls
    return labels


def best_gap(vocabulary: int, epsilon_ls: float) -> float:
    """Return how far the right token's logit stands above the others where the loss is least.

    The gradient of the loss is softmax minus labels, so there the softmax is the labels, and
    logits are their logarithms up to a constant. Without smoothing no gap is wide enough: inf.

    Raises
    ------
    ValueError
        As `smoothed_labels` does.
    """
    _check(vocabulary, epsilon_ls)
    if epsilon_ls == 0:
        return float("inf")
    return float(np.log1p(vocabulary * (1 - epsilon_ls) / epsilon_ls))


def least_loss(vocabulary: int, epsilon_ls: float) -> float:
    """Return the smallest loss that smoothed labels allow, in nats: their own entropy."""
    labels = smoothed_labels(0, vocabulary, epsilon_ls)
    logs = np.log(np.where(labels > 0, labels, 1.0))
    return float(-(labels * logs).sum())


def _check(vocabulary: int, epsilon_ls: float) -> None:
    if vocabulary < 2 or not 0 <= epsilon_ls <= 1:
        raise ValueError(
            "smoothing needs a vocabulary of at least 2 and a share from 0 to 1; received "
            f"vocabulary={vocabulary}, epsilon_ls={epsilon_ls}"
        )
