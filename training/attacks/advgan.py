"""AdvGAN: a generator that writes the perturbation in one pass, trained against a discriminator and the classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from rich.progress import track
from torch import Tensor, nn

from training.losses import discriminator_loss, indistinguishability_loss, margin_loss
from training.models.rgan import Discriminator, Generator


@dataclass(frozen=True)
class AdvGanSettings:
    """Xiao et al. (2018): L = L_adv + alpha L_GAN + beta L_hinge."""

    alpha: float = 1.0
    beta: float = 1.0
    #: The L2 norm of a perturbation up to which the hinge asks nothing.
    norm_bound: float = 3.0
    #: The largest change of a value, range (0, 1].
    epsilon: float = 0.3
    epochs: int = 10
    batch: int = 128
    learning_rate: float = 1e-3
    seed: int = 0


@dataclass(frozen=True)
class AdvGan:
    """A trained generator as an attack; the classifier and the labels are not asked any more."""

    name: ClassVar[str] = "advgan"
    generator: nn.Module
    epsilon: float

    @torch.no_grad()
    def __call__(self, classifier: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        """See :class:`training.attacks.attack.Attack`."""
        return _adversarial(self.generator, x, self.epsilon)


def train_advgan(classifier: nn.Module, x: Tensor, y: Tensor, settings: AdvGanSettings) -> AdvGan:
    """Trains on originals and their labels.

    Args:
        classifier: frozen, images in [0, 1].
        x: shape (N, C, H, W), range [0, 1]; at least one batch.
        y: shape (N,).

    Raises:
        ValueError: fewer images than one batch.
    """
    if len(x) < settings.batch:
        raise ValueError(f"{len(x)} images are fewer than one batch of {settings.batch}")
    with torch.random.fork_rng(devices=[x.device] if x.device.type == "cuda" else []):
        torch.manual_seed(settings.seed)
        generator = Generator(x.shape[1]).to(x.device)
        discriminator = Discriminator(x.shape[1]).to(x.device)
    optimisers = [torch.optim.Adam(n.parameters(), lr=settings.learning_rate) for n in (generator, discriminator)]
    random = torch.Generator().manual_seed(settings.seed)
    for _ in track(range(settings.epochs), description="AdvGAN"):
        for chosen in torch.randperm(len(x), generator=random).split(settings.batch):
            if len(chosen) == settings.batch:
                _step(generator, discriminator, optimisers, classifier, x[chosen], y[chosen], settings)
    return AdvGan(generator.eval().requires_grad_(False), settings.epsilon)


def _step(
    generator: nn.Module,
    discriminator: nn.Module,
    optimisers: list[torch.optim.Adam],
    classifier: nn.Module,
    x: Tensor,
    y: Tensor,
    settings: AdvGanSettings,
) -> None:
    adversarial = _adversarial(generator, x, settings.epsilon)
    optimisers[1].zero_grad(set_to_none=True)
    discriminator_loss(discriminator(x), discriminator(adversarial.detach())).mean().backward()
    optimisers[1].step()
    norm = (adversarial - x).square().sum(dim=(1, 2, 3)).add(1e-12).sqrt()
    loss = (
        margin_loss(classifier(adversarial), y, 0.0)
        + settings.alpha * indistinguishability_loss(discriminator(adversarial))
        + settings.beta * (norm - settings.norm_bound).clamp(min=0.0)
    ).mean()
    optimisers[0].zero_grad(set_to_none=True)
    loss.backward()
    optimisers[0].step()


def _adversarial(generator: nn.Module, x: Tensor, epsilon: float) -> Tensor:
    return (x + epsilon * torch.tanh(generator(x))).clamp(0.0, 1.0)
