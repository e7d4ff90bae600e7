"""Losses, one function each."""

from __future__ import annotations

import torch
from torch import Tensor


def margin_loss(logits: Tensor, label: Tensor, confidence: float) -> Tensor:
    """How far the label still leads the best other class: max(z_y - max_{i != y} z_i, -confidence).

    The f6 objective of Carlini and Wagner (2017); the paper's released code attacks with it in place of equation (9).

    Args:
        logits: shape (N, classes).
        label: shape (N,), class indices.
        confidence: the lead, in logits, that the wrong class has to gain before the loss stops pushing.

    Returns:
        Shape (N,).
    """
    own = logits.gather(1, label[:, None])[:, 0]
    other = logits.scatter(1, label[:, None], float("-inf")).amax(dim=1)
    return torch.clamp(own - other, min=-confidence)


def recovery_loss(estimate: Tensor, code: Tensor) -> Tensor:
    """Mean squared error of the recovered code, relative to the code's own energy: equation (12), made scale-free.

    Args:
        estimate, code: shape (N, 3, rows, columns), levels.

    Returns:
        Shape (N,); 1 is what an estimate of zero scores.
    """
    error = (estimate - code).square().mean(dim=(1, 2, 3))
    return error / (code.square().mean(dim=(1, 2, 3)) + 1.0)
