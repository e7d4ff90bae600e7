"""Losses, one function each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class LossWeights:
    """The weights of equation (8), and those of Table 2; the defaults are the paper's (section 4)."""

    attack: float = 1.0
    #: lambda_1
    indistinguishable: float = 10.0
    #: lambda_2
    intensity: float = 1.0
    #: alpha, of L_R_mse
    recovery: float = 1.0
    #: beta, of L_R_adv
    recovered_label: float = 0.0
    #: How much of R's loss reaches G too. 0 in the paper: equation (8) has no such term.
    shared_recovery: float = 0.0


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


def generator_loss(attack: Tensor, indistinguishable: Tensor, intensity: Tensor, weights: LossWeights) -> Tensor:
    """L_G = L_G_adv + lambda_1 L_G_dis + lambda_2 L_G_mse: equation (8)."""
    return weights.attack * attack + weights.indistinguishable * indistinguishable + weights.intensity * intensity


def attack_cross_entropy(logits: Tensor, label: Tensor) -> Tensor:
    """L_G_adv: equation (9), as the cross-entropy of "not y", -log(1 - p_y).

    Minimising H(x', y) as printed would make the classifier surer of y; its negative has no lower bound, while Table 1
    and Figure 10 show small positive values of which lower is better. docs/adr/0007 has the choice.

    Args:
        logits: shape (N, classes).
        label: shape (N,).

    Returns:
        Shape (N,), 0 or more; near 0 where the label has lost all probability.
    """
    others = logits.scatter(1, label[:, None], float("-inf")).logsumexp(dim=1)
    return logits.logsumexp(dim=1) - others


def indistinguishability_loss(verdict: Tensor) -> Tensor:
    """L_G_dis = log(1 - D(x')): equation (10). verdict: D's logits, shape (N,). Returns shape (N,), 0 or less."""
    return -F.softplus(verdict)


def intensity_loss(perturbation: Tensor) -> Tensor:
    """L_G_mse = ||DR(G(x))||_2^2: equation (11), summed over C, H and W. Returns shape (N,)."""
    return perturbation.square().sum(dim=(1, 2, 3))


def recovery_error(estimate: Tensor, perturbation: Tensor) -> Tensor:
    """L_R_mse = ||R(x') - DR(G(x))||_2^2: equation (12), summed over C, H and W. Returns shape (N,)."""
    return (estimate - perturbation).square().sum(dim=(1, 2, 3))


def recovered_cross_entropy(logits: Tensor, label: Tensor) -> Tensor:
    """L_R_adv = H(x' - R(x'), y): equation (13), the cross-entropy of the recovered example. Returns shape (N,)."""
    return F.cross_entropy(logits, label, reduction="none")


def discriminator_loss(original: Tensor, adversarial: Tensor) -> Tensor:
    """The negative of L_D = log D(x) + log(1 - D(x')): equation (14), which D maximises.

    Args:
        original, adversarial: D's logits, shape (N,).

    Returns:
        Shape (N,), 0 or more.
    """
    return F.softplus(-original) + F.softplus(adversarial)


def least_squares_generator_loss(verdict: Tensor) -> Tensor:
    """(D(x') - 1)^2: in place of equation (10) in the released code (Mao et al. 2017). Returns shape (N,)."""
    return (verdict - 1.0).square()


def least_squares_discriminator_loss(original: Tensor, adversarial: Tensor) -> Tensor:
    """(D(x) - 1)^2 + D(x')^2: in place of equation (14) in the released code. Returns shape (N,)."""
    return (original - 1.0).square() + adversarial.square()
