"""Which source tokens a prediction answers to, by its gradient: a second opinion beside maps."""

from copy import copy
from typing import Any

import torch
from torch import Tensor

from attend.layers import look_up


def gradient_times_input(model: Any, source: Tensor, target: Tensor) -> Tensor:
    """Return for each target token how its log-probability answers to each source token.

    The gradient of ``ln p`` toward the source token's row of the embedding, times that row. It is
    the slope of ``ln p`` if that one row is made longer.

    Parameters
    ----------
    model
        An `attend.models.torch_transformer.Transformer`, not in training.
    source, target
        One sentence, (1, m), and a translation with its end, (1, n).

    Returns
    -------
    slopes
        Shape (n, m): target tokens on rows, source tokens on columns, with signs.

    Raises
    ------
    ValueError
        If there is more than one sentence, or if the model is in training: dropout draws at random.
    """
    if source.shape[0] != 1 or target.shape[0] != 1 or model.training:
        raise ValueError(
            "gradient_times_input takes one sentence, (1, m), one translation, (1, n), and a "
            f"model after model.eval(); received source {tuple(source.shape)}, target "
            f"{tuple(target.shape)}, training={model.training}"
        )
    leaves: list[Tensor] = []

    def look_up_and_keep(tokens: Tensor, table: Tensor) -> Tensor:
        leaves.append(look_up(tokens, table).detach().requires_grad_())
        return leaves[-1]

    watched = copy(model)
    watched.change = lambda o: model.change(o)._replace(look_up=look_up_and_keep)
    start = torch.full_like(target[:, :1], model.config.start)
    logits = watched(source, torch.cat([start, target[:, :-1]], dim=1))[0]
    right = torch.log_softmax(logits, dim=-1).gather(1, target[0][:, None])[:, 0]
    rows = leaves[0]  # the source is read first
    slopes = [torch.autograd.grad(one, rows, retain_graph=True)[0] for one in right]
    return torch.stack([(slope * rows.detach())[0].sum(dim=-1) for slope in slopes])
