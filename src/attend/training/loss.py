"""The loss of training: cross-entropy against labels that are not quite sure (section 5.4)."""

from typing import Any

import torch
from torch import Tensor

CACHED = {"cpu": 2**18}
"""How many logits are worked on at a time: on a CPU what its nearest cache holds, else all."""


class SmoothedCrossEntropy(torch.autograd.Function):
    """Cross-entropy against softened labels, weighted, with its gradient written by hand.

    The gradient is the softmax minus the labels, so it is found on the way, a slice of rows at a
    time while they are in the processor's cache. Torch's own loss is the same number, and a test
    keeps it so; but it fills a table of the size of the logits several times, and over a vocabulary
    of thousands that is a fifth of the training time.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, target: Tensor, share: Tensor, epsilon_ls: float
    ) -> Tensor:
        """Return the sum over all rows of the cross-entropy times the row's `share`."""
        rows = max(1, CACHED.get(logits.device.type, logits.numel()) // logits.shape[1])
        change, losses = torch.empty_like(logits), []
        for first in range(0, len(logits), rows):
            part = slice(first, first + rows)
            given = (logits[part], target[part], share[part], change[part])
            losses.append(cross_entropy(*given, epsilon_ls=epsilon_ls))
        ctx.save_for_backward(change)
        return torch.stack(losses).sum()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """Return softmax minus labels, each row times its share."""
        # It was found without a graph. A penalty on it would add nothing, and nobody would notice.
        if torch.is_grad_enabled():
            raise RuntimeError(
                "the gradient of smoothed_loss has no gradient of its own; leave create_graph out, "
                "or take torch.nn.functional.cross_entropy with label_smoothing"
            )
        (change,) = ctx.saved_tensors
        # The loss is nearly always the last thing computed, and then its own gradient is 1.
        if gradient != 1:
            change = change * gradient.to(change.dtype)
        return change, None, None, None


def cross_entropy(
    logits: Tensor, target: Tensor, share: Tensor, change: Tensor, epsilon_ls: float
) -> Tensor:
    """Return the weighted loss of some rows, and write its gradient into `change`.

    What has no share is left out, not multiplied by 0: it may be infinite.
    """
    wide = torch.promote_types(logits.dtype, torch.float32)
    p = torch.softmax(logits, dim=1, dtype=wide)
    # What the softmax divided by, found from the largest logit: its p is never rounded to 0.
    log_sum = logits.amax(dim=1).to(wide) - p.amax(dim=1).log()
    losses = torch.zeros_like(log_sum)
    if epsilon_ls < 1:
        right = logits.gather(1, target[:, None])[:, 0]
        losses += (1 - epsilon_ls) * (log_sum - right)
    if epsilon_ls > 0:
        losses += epsilon_ls * (log_sum - logits.mean(dim=1, dtype=wide))
    p.scatter_add_(1, target[:, None], p.new_full((len(p), 1), epsilon_ls - 1))
    change.copy_(p.sub_(epsilon_ls / p.shape[1]).mul_(share[:, None]))
    nothing = share == 0
    change[nothing] = 0
    # A product of vectors would be taken in half under autocast.
    return (share * losses.masked_fill(nothing, 0)).sum()


def smoothed_loss(logits: Tensor, target: Tensor, epsilon_ls: float, pad: int) -> Tensor:
    """Return the mean cross-entropy against labels softened by `epsilon_ls` (section 5.4).

    The right token gets the share ``1 - epsilon_ls``, and all tokens together the rest in equal
    parts. Padding does not count.

    Parameters
    ----------
    logits
        Shape (batch, n, vocabulary).
    target
        The right token of each place, (batch, n).
    epsilon_ls
        The share given away.
    pad
        The number of the padding token.

    Returns
    -------
    loss
        One number, in nats.

    Raises
    ------
    ValueError
        If the shapes do not fit, the share is not from 0 to 1, or there is nothing but padding.
    """
    if logits.ndim != 3 or logits.shape[:2] != target.shape:
        raise ValueError(
            "smoothed_loss needs logits (batch, n, vocabulary) and one target token for each "
            f"place, (batch, n); received logits {tuple(logits.shape)}, "
            f"target {tuple(target.shape)}"
        )
    if not 0 <= epsilon_ls <= 1:
        raise ValueError(f"epsilon_ls is a share, from 0 to 1; received {epsilon_ls}")
    flat = target.flatten()
    text = flat != pad
    if not text.any():
        raise ValueError(f"every target token is padding ({pad}); the loss would be 0 / 0")
    wide = torch.promote_types(logits.dtype, torch.float32)
    share = text.to(wide) / text.sum()
    return SmoothedCrossEntropy.apply(logits.flatten(0, 1), flat, share, epsilon_ls)
