"""Super-resolution after wavelet denoising: the picture is drawn larger by a network that knows clean pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional as F

from training.defenses.wavelets import bayes_shrink


@dataclass(frozen=True)
class EdsrSettings:
    """How the network is built and trained.

    EDSR's published weights (DIV2K) are not in any package: it learns from the clean training images at hand.
    """

    width: int = 24
    blocks: int = 6
    steps: int = 1500
    batch: int = 32
    #: Side of a training crop in pixels, before it is halved.
    crop: int = 28
    learning_rate: float = 1e-3
    seed: int = 0


class Edsr(nn.Module):
    """EDSR (Lim et al. 2017) for a factor of 2: residual blocks without normalisation, then a pixel shuffle."""

    def __init__(self, channels: int, width: int, blocks: int) -> None:
        super().__init__()
        self.head = nn.Conv2d(channels, width, 3, padding=1)
        self.body = nn.Sequential(*(_Block(width) for _ in range(blocks)), nn.Conv2d(width, width, 3, padding=1))
        self.tail = nn.Sequential(nn.Conv2d(width, 4 * channels, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, x: Tensor) -> Tensor:
        """x: shape (N, C, H, W). Returns shape (N, C, 2 H, 2 W)."""
        features = self.head(x)
        drawn = cast(Tensor, self.tail(features + self.body(features)))
        # The network adds what a plain enlargement lacks.
        return drawn + F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(width, width, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + cast(Tensor, self.layers(x))


def train_edsr(images: Tensor, settings: EdsrSettings) -> Edsr:
    """Trains on clean images and their halves, with EDSR's L1 loss.

    Args:
        images: shape (N, C, H, W), range [0, 1], at least ``settings.crop`` a side.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = Edsr(images.shape[1], settings.width, settings.blocks).to(images.device)
    random = torch.Generator().manual_seed(settings.seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    for step in track(range(settings.steps), description="EDSR"):
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * (1.0 - step / settings.steps)
        large = _crops(images, settings, random)
        loss = (network(halved(large)) - large).abs().mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    return network.eval().requires_grad_(False)


def _crops(images: Tensor, settings: EdsrSettings, random: torch.Generator) -> Tensor:
    side = settings.crop
    chosen = torch.randint(len(images), (settings.batch,), generator=random)
    top = torch.randint(images.shape[-2] - side + 1, (settings.batch,), generator=random)
    left = torch.randint(images.shape[-1] - side + 1, (settings.batch,), generator=random)
    cut = [images[i, :, t : t + side, e : e + side] for i, t, e in zip(chosen, top, left, strict=True)]
    return torch.stack(cut)


def halved(x: Tensor) -> Tensor:
    """Means of 2x2 pixels."""
    return F.avg_pool2d(x, 2)


@dataclass(frozen=True, eq=False)
class SuperResolution:
    """Mustafa et al. (2019): wavelet denoising, then twice the size.

    It is brought back to the size that came in, since the tables measure a distance to the original.
    """

    name: ClassVar[str] = "super_resolution"
    network: Edsr
    #: Standard deviation of the noise that BayesShrink assumes, in [0, 1]; theirs.
    sigma: float = 0.02

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """See :class:`training.defenses.defense.Defense`."""
        denoised = bayes_shrink(x, self.sigma)
        return torch.cat([halved(self.network(part)).clamp(0.0, 1.0) for part in denoised.split(100)])
