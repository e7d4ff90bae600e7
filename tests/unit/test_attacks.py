"""Attacks, on a linear classifier whose nearest adversarial example is known in closed form."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from training.attacks import DDN, FGSM, PGD, AdvGanSettings, Attack, CarliniWagner, train_advgan


class TwoHalves(nn.Module):
    """Class 1 where w.x + b > 0, else class 0."""

    def __init__(self) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(1)
        self.weight = nn.Parameter(torch.randn(3 * 8 * 8, generator=random))
        self.bias = nn.Parameter(-0.5 * self.weight.detach().sum() + 4.0)
        self.eval().requires_grad_(False)

    def score(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.weight + self.bias

    def forward(self, x: Tensor) -> Tensor:
        score = self.score(x)
        return torch.stack([-score, score], dim=1)

    def distance(self, x: Tensor) -> Tensor:
        """The least L2 norm that reaches the boundary: |w.x + b| / ||w||."""
        return self.score(x).abs() / self.weight.norm()


@pytest.fixture
def classifier() -> TwoHalves:
    return TwoHalves()


@pytest.fixture
def photos(classifier: TwoHalves) -> tuple[Tensor, Tensor]:
    """Mid grey with a little noise, so that no optimum leaves [0, 1]."""
    x = 0.5 + 0.02 * torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    return x, classifier(x).argmax(dim=1)


SMALL: dict[str, Attack] = {
    "fgsm": FGSM(epsilon=0.1),
    "pgd": PGD(epsilon=0.1, step=0.02, steps=10),
    "cw": CarliniWagner(max_iterations=200),
    "ddn": DDN(),
}


@pytest.mark.parametrize("attack", SMALL.values(), ids=SMALL.keys())
def test_every_attack_changes_every_answer_within_the_range_and_leaves_the_classifier_alone(
    attack: Attack, classifier: TwoHalves, photos: tuple[Tensor, Tensor]
) -> None:
    x, y = photos
    held, mode = x.clone(), classifier.training
    found = attack(classifier, x, y)
    assert (classifier(found).argmax(dim=1) != y).all()
    assert found.shape == x.shape
    assert found.dtype == torch.float32
    assert not found.requires_grad
    assert 0.0 <= float(found.min()) <= float(found.max()) <= 1.0
    assert torch.equal(x, held)
    assert classifier.weight.grad is None
    assert classifier.training is mode


@pytest.mark.parametrize("attack", SMALL.values(), ids=SMALL.keys())
def test_every_attack_takes_a_batch_of_one_and_repeats_itself(
    attack: Attack, classifier: TwoHalves, photos: tuple[Tensor, Tensor]
) -> None:
    x, y = photos[0][:1], photos[1][:1]
    assert torch.equal(attack(classifier, x, y), attack(classifier, x, y))


@pytest.mark.parametrize("name", ["cw", "ddn"])
def test_minimal_attacks_come_near_the_least_norm_in_its_direction(
    name: str, classifier: TwoHalves, photos: tuple[Tensor, Tensor]
) -> None:
    x, y = photos
    change = (SMALL[name](classifier, x, y) - x).flatten(1)
    least = classifier.distance(x)
    # DDN's result lies on the 8-bit grid, whose rounding alone is worth a norm of about 0.016 here.
    assert (change.norm(dim=1) >= least - 1e-4).all()
    assert (change.norm(dim=1) <= 1.1 * least + 0.02).all()
    direction = classifier.weight * torch.where(y == 1, -1.0, 1.0)[:, None]
    assert (torch.cosine_similarity(change, direction) > 0.95).all()


def test_fgsm_moves_every_value_by_epsilon_along_the_sign(classifier: TwoHalves, photos: tuple[Tensor, Tensor]) -> None:
    x, y = photos
    change = (FGSM(epsilon=0.05)(classifier, x, y) - x).flatten(1)
    expected = 0.05 * classifier.weight.sign() * torch.where(y == 1, -1.0, 1.0)[:, None]
    torch.testing.assert_close(change, expected, atol=1e-6, rtol=0)


def test_pgd_ends_on_the_corner_of_its_box_and_depends_on_its_seed_only_before(
    classifier: TwoHalves, photos: tuple[Tensor, Tensor]
) -> None:
    x, y = photos
    attack = PGD(epsilon=0.05, step=0.02, steps=10)
    change = (attack(classifier, x, y) - x).flatten(1)
    expected = 0.05 * classifier.weight.sign() * torch.where(y == 1, -1.0, 1.0)[:, None]
    torch.testing.assert_close(change, expected, atol=1e-6, rtol=0)
    short = replace(attack, step=0.001, steps=1)
    assert not torch.equal(short(classifier, x, 1 - y), replace(short, seed=1)(classifier, x, 1 - y))


def test_attacks_leave_the_global_randomness_alone(classifier: TwoHalves, photos: tuple[Tensor, Tensor]) -> None:
    before = torch.get_rng_state()
    PGD(steps=1)(classifier, *photos)
    assert torch.equal(before, torch.get_rng_state())


def test_advgan_learns_to_change_answers_in_one_pass() -> None:
    classifier = TwoHalves()
    # Bright or dark: a pattern that a convolution can write anywhere.
    classifier.weight.fill_(0.1)
    classifier.bias.fill_(-0.1 * 192 * 0.45)
    random = torch.Generator().manual_seed(4)
    x = (0.5 + 0.05 * torch.randn(64, 3, 8, 8, generator=random)).clamp(0, 1)
    y = classifier(x).argmax(dim=1)
    settings = AdvGanSettings(epochs=20, batch=16, epsilon=0.1, learning_rate=3e-3)
    attack = train_advgan(classifier, x, y, settings)
    found = attack(classifier, x, y)
    assert float((classifier(found).argmax(dim=1) != y).float().mean()) > 0.9
    assert float((found - x).abs().max()) <= 0.1 + 1e-6
    assert torch.equal(found, train_advgan(classifier, x, y, settings)(classifier, x, y))


def test_advgan_wants_a_whole_batch(classifier: TwoHalves, photos: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(ValueError, match="fewer than one batch"):
        train_advgan(classifier, *photos, AdvGanSettings(batch=128))
