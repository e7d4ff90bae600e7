"""The losses, against the equations evaluated by hand."""

from __future__ import annotations

import math

import torch

from training import losses
from training.losses import LossWeights


def test_equation_8_weighs_its_three_terms() -> None:
    one = torch.tensor(1.0)
    assert losses.generator_loss(one * 2, one * 3, one * 5, LossWeights()) == 2 + 10 * 3 + 1 * 5


def test_equation_9_is_minus_the_log_of_what_the_other_classes_hold() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.0], [0.0, 5.0, 0.0]])
    label = torch.tensor([0, 0])
    expected = -torch.log(1 - torch.softmax(logits, 1)[:, 0])
    torch.testing.assert_close(losses.attack_cross_entropy(logits, label), expected)


def test_equation_9_stays_finite_where_the_label_has_all_probability() -> None:
    logits = torch.tensor([[200.0, 0.0, 0.0]], requires_grad=True)
    loss = losses.attack_cross_entropy(logits, torch.tensor([0]))
    loss.backward()
    assert math.isclose(float(loss.detach()), 200.0 - math.log(2), rel_tol=1e-6)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[0, 0] > 0


def test_equations_10_and_14_on_the_discriminators_probabilities() -> None:
    original, adversarial = torch.tensor([0.3, -1.0]), torch.tensor([0.7, 2.0])
    p, q = torch.sigmoid(original), torch.sigmoid(adversarial)
    torch.testing.assert_close(losses.indistinguishability_loss(adversarial), torch.log(1 - q))
    torch.testing.assert_close(losses.discriminator_loss(original, adversarial), -(torch.log(p) + torch.log(1 - q)))


def test_equations_11_and_12_are_squared_norms() -> None:
    r = torch.full((2, 1, 3, 4), 0.5)
    assert losses.intensity_loss(r).tolist() == [3.0, 3.0]
    assert losses.recovery_error(torch.zeros_like(r), r).tolist() == [3.0, 3.0]


def test_equation_13_is_the_cross_entropy() -> None:
    logits, label = torch.tensor([[1.0, 3.0]]), torch.tensor([1])
    expected = -torch.log_softmax(logits, 1)[:, 1]
    torch.testing.assert_close(losses.recovered_cross_entropy(logits, label), expected)


def test_least_squares_losses_are_least_where_the_verdicts_are_right() -> None:
    one, zero = torch.ones(1), torch.zeros(1)
    assert losses.least_squares_generator_loss(one) == 0
    assert losses.least_squares_generator_loss(zero) == 1
    assert losses.least_squares_discriminator_loss(one, zero) == 0
    assert losses.least_squares_discriminator_loss(zero, one) == 2
