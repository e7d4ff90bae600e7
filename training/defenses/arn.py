"""ARN: features from which no one can tell the attack, and the clean image drawn from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.defenses.ape_gan import Judge
from training.defenses.pairs import fixed_seed, in_batches, pairs


@dataclass(frozen=True)
class ArnSettings:
    """Zhou et al. (2021), "attack-invariant features"; widths and epochs are chosen here for MNIST's size."""

    widths: tuple[int, int] = (32, 64)
    #: Channels of the attack-invariant features, at a quarter of the size.
    features: int = 32
    #: Weights of the attack-invariance, the prior of the features and the image-level game, beside the pixels' 1.
    invariance_weight: float = 1e-2
    prior_weight: float = 1e-2
    image_weight: float = 1e-3
    epochs: int = 8
    batch: int = 64
    learning_rate: float = 1e-3
    seed: int = 0


class _Encoder(nn.Module):
    def __init__(self, channels: int, settings: ArnSettings) -> None:
        super().__init__()
        first, second = settings.widths
        self.layers = nn.Sequential(
            nn.Conv2d(channels, first, 3, padding=1), nn.BatchNorm2d(first), nn.ReLU(inplace=True),
            nn.Conv2d(first, second, 4, stride=2, padding=1), nn.BatchNorm2d(second), nn.ReLU(inplace=True),
            nn.Conv2d(second, settings.features, 4, stride=2, padding=1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.layers(x))


class _Decoder(nn.Module):
    def __init__(self, channels: int, settings: ArnSettings) -> None:
        super().__init__()
        first, second = settings.widths
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(settings.features, second, 4, stride=2, padding=1), nn.BatchNorm2d(second),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(second, first, 4, stride=2, padding=1), nn.BatchNorm2d(first), nn.ReLU(inplace=True),
            nn.Conv2d(first, channels, 3, padding=1), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, z: Tensor) -> Tensor:
        return cast(Tensor, self.layers(z))


class _FeatureJudge(nn.Module):
    """What kind of features these are: one logit a kind, from their mean over the places."""

    def __init__(self, features: int, kinds: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(features, features, 1), nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(features, kinds, 1)
        )

    def forward(self, z: Tensor) -> Tensor:
        return cast(Tensor, self.layers(z)).mean(dim=(2, 3))


@dataclass(frozen=True, eq=False)
class Arn:
    """A trained ARN as a defense."""

    name: ClassVar[str] = "arn"
    network: nn.Module

    def __call__(self, x: Tensor) -> Tensor:
        """See :class:`training.defenses.defense.Defense`."""
        return in_batches(self.network, x)


class ArnTraining:
    """Encoder, decoder and their three judges on their way.

    The judges are told apart by what they see: which attack made the features, whether features are the encoder's or
    drawn from the prior (a normal distribution), whether an image is clean or drawn.

    Args:
        attacks: how many attacks the examples come from, at least 2: with one there is nothing to be invariant to.

    Raises:
        ValueError: fewer than 2 attacks.
    """

    def __init__(self, channels: int, attacks: int, settings: ArnSettings, device: torch.device) -> None:
        if attacks < 2:
            raise ValueError("ARN learns from two attacks or more: with one there is nothing to be invariant to")
        self.settings, self.attacks = settings, attacks
        with fixed_seed(settings.seed):
            self.encoder = _Encoder(channels, settings).to(device)
            self.decoder = _Decoder(channels, settings).to(device)
            self.judges = nn.ModuleDict(
                {
                    "attack": _FeatureJudge(settings.features, attacks),
                    "prior": _FeatureJudge(settings.features, 1),
                    "image": Judge(channels, settings.widths),
                }
            ).to(device)
        self.random = torch.Generator().manual_seed(settings.seed)
        both = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.optimisers = [torch.optim.Adam(p, lr=settings.learning_rate) for p in (both, self.judges.parameters())]

    def step(self, clean: Tensor, *adversarial: Tensor) -> dict[str, float]:
        """One step of all networks on clean images and each attack's examples of them; the losses before it."""
        bad = torch.cat(adversarial)
        target = clean.repeat(self.attacks, 1, 1, 1)
        kind = torch.arange(self.attacks, device=clean.device).repeat_interleave(len(clean))
        features = self.encoder(bad)
        drawn = self.decoder(features)
        judged = self._judges_loss(features.detach(), drawn.detach(), clean, kind)
        self.optimisers[1].zero_grad(set_to_none=True)
        judged.backward()
        self.optimisers[1].step()
        loss = F.mse_loss(drawn, target) + self._game(features, drawn)
        self.optimisers[0].zero_grad(set_to_none=True)
        loss.backward()
        self.optimisers[0].step()
        return {"network": loss.item(), "judges": judged.item()}

    def _judges_loss(self, features: Tensor, drawn: Tensor, clean: Tensor, kind: Tensor) -> Tensor:
        prior = torch.randn(features.shape, generator=self.random).to(features.device)
        return (
            F.cross_entropy(self.judges["attack"](features), kind)
            + F.softplus(-self.judges["prior"](prior)).mean()
            + F.softplus(self.judges["prior"](features)).mean()
            + F.softplus(-self.judges["image"](clean)).mean()
            + F.softplus(self.judges["image"](drawn)).mean()
        )

    def _game(self, features: Tensor, drawn: Tensor) -> Tensor:
        """What encoder and decoder gain where no judge can tell: every attack alike, like the prior, like clean."""
        alike = -F.log_softmax(self.judges["attack"](features), dim=1).mean()
        return (
            self.settings.invariance_weight * alike
            + self.settings.prior_weight * F.softplus(-self.judges["prior"](features)).mean()
            + self.settings.image_weight * F.softplus(-self.judges["image"](drawn)).mean()
        )


def train_arn(clean: Tensor, adversarial: dict[str, Tensor], settings: ArnSettings) -> Arn:
    """Trains on clean images and the examples that several attacks made of them.

    Args:
        clean: shape (N, C, H, W), range [0, 1], sides that 4 divides.
        adversarial: by the attack's name, each of clean's shape; two attacks or more.

    Raises:
        ValueError: fewer than two attacks, or shapes that do not match.
    """
    training = ArnTraining(clean.shape[1], len(adversarial), settings, clean.device)
    made = list(adversarial.values())
    for x, *bad in pairs(clean, made, settings.epochs, settings.batch, settings.seed, "ARN"):
        training.step(x, *bad)
    return Arn(nn.Sequential(training.encoder, training.decoder).eval().requires_grad_(False))
