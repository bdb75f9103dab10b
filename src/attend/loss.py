"""The loss of training: cross-entropy against labels that are not quite sure (section 5.4)."""

from typing import Any

import torch
from torch import Tensor


class SmoothedCrossEntropy(torch.autograd.Function):
    """Cross-entropy against softened labels, summed, with its gradient written by hand.

    The gradient is the softmax minus the labels. Torch's own loss is the same number, and a test
    keeps it so; but it fills a table of the size of the logits three times more often, and over a
    vocabulary of thousands that is a fifth of the training time.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, target: Tensor, text: Tensor, epsilon_ls: float
    ) -> Tensor:
        """Return the sum of the cross-entropy over the rows where `text` is True."""
        wide = torch.promote_types(logits.dtype, torch.float32)
        log_p = torch.log_softmax(logits, dim=-1, dtype=wide)
        ctx.epsilon_ls, ctx.dtype = epsilon_ls, logits.dtype
        ctx.save_for_backward(log_p, target, text)
        right, mean = log_p.gather(1, target[:, None])[:, 0], log_p.mean(dim=1)
        return -((1 - epsilon_ls) * right + epsilon_ls * mean)[text].sum()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """Return softmax minus labels, and nothing for padding."""
        log_p, target, text = ctx.saved_tensors
        change = log_p.exp().sub_(ctx.epsilon_ls / log_p.shape[1])
        label = change.new_full((len(target), 1), 1 - ctx.epsilon_ls)
        change.scatter_add_(1, target[:, None], -label)
        return change.mul_((text * gradient)[:, None]).to(ctx.dtype), None, None, None


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
    return SmoothedCrossEntropy.apply(logits.flatten(0, 1), flat, text, epsilon_ls) / text.sum()
