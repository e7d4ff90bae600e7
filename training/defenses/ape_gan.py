"""APE-GAN: a generator trained to give back the clean image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.defenses.pairs import fixed_seed, in_batches, pairs


@dataclass(frozen=True)
class ApeGanSettings:
    """Jin et al. (2019): their loss weights. Widths and epochs are chosen to make it strong on MNIST's 10,000 pairs."""

    widths: tuple[int, int] = (64, 128)
    pixel_weight: float = 0.7
    adversarial_weight: float = 0.3
    epochs: int = 8
    batch: int = 64
    learning_rate: float = 2e-4
    seed: int = 0


class _Generator(nn.Module):
    """Two strided convolutions down, two deconvolutions up."""

    def __init__(self, channels: int, widths: tuple[int, int]) -> None:
        super().__init__()
        first, second = widths
        self.layers = nn.Sequential(
            nn.Conv2d(channels, first, 4, stride=2, padding=1), nn.BatchNorm2d(first), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(first, second, 4, stride=2, padding=1), nn.BatchNorm2d(second), nn.LeakyReLU(0.2, inplace=True),
            nn.ConvTranspose2d(second, first, 4, stride=2, padding=1), nn.BatchNorm2d(first), nn.ReLU(inplace=True),
            nn.ConvTranspose2d(first, channels, 4, stride=2, padding=1), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.layers(x))


class Judge(nn.Module):
    """Clean against cleaned: logits, shape (N,)."""

    def __init__(self, channels: int, widths: tuple[int, int]) -> None:
        super().__init__()
        first, second = widths
        self.layers = nn.Sequential(
            nn.Conv2d(channels, first, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(first, second, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(second, 1, 1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.layers(x)).mean(dim=(1, 2, 3))


@dataclass(frozen=True, eq=False)
class ApeGan:
    """A trained APE-GAN as a defense."""

    name: ClassVar[str] = "ape_gan"
    generator: nn.Module

    def __call__(self, x: Tensor) -> Tensor:
        """See :class:`training.defenses.defense.Defense`."""
        return in_batches(self.generator, x)


class ApeGanTraining:
    """The two networks on their way."""

    def __init__(self, channels: int, settings: ApeGanSettings, device: torch.device) -> None:
        with fixed_seed(settings.seed):
            self.generator = _Generator(channels, settings.widths).to(device)
            self.judge = Judge(channels, settings.widths).to(device)
        self.settings = settings
        networks = (self.generator, self.judge)
        self.optimisers = [torch.optim.Adam(n.parameters(), lr=settings.learning_rate) for n in networks]

    def step(self, clean: Tensor, adversarial: Tensor) -> dict[str, float]:
        """One step of both on pairs of shape (N, C, H, W); the losses before it."""
        found = self.generator(adversarial)
        judged = (F.softplus(-self.judge(clean)) + F.softplus(self.judge(found.detach()))).mean()
        self.optimisers[1].zero_grad(set_to_none=True)
        judged.backward()
        self.optimisers[1].step()
        pixels, fooled = F.mse_loss(found, clean), F.softplus(-self.judge(found)).mean()
        loss = self.settings.pixel_weight * pixels + self.settings.adversarial_weight * fooled
        self.optimisers[0].zero_grad(set_to_none=True)
        loss.backward()
        self.optimisers[0].step()
        return {"generator": loss.item(), "judge": judged.item()}


def train_ape_gan(clean: Tensor, adversarial: Tensor, settings: ApeGanSettings) -> ApeGan:
    """Trains on pairs.

    Args:
        clean, adversarial: shape (N, C, H, W) each, range [0, 1], sides that 4 divides.

    Raises:
        ValueError: the two do not match, or 4 does not divide a side.
    """
    training = ApeGanTraining(clean.shape[1], settings, clean.device)
    for x, bad in pairs(clean, [adversarial], settings.epochs, settings.batch, settings.seed, "APE-GAN"):
        training.step(x, bad)
    return ApeGan(training.generator.eval().requires_grad_(False))
