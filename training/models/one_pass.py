"""The one-pass tier's networks: a generator that sees what the classifier sees, and a recoverer of the same family.

The roles are the paper's (section 3.2): G writes a perturbation, the dimension reducer makes it coarse, R reads it back
out of the protected photo. Two things differ, because of what was measured on photos (docs/adr/0003):

- G's encoder is the frozen target classifier, so that G knows from the start what the classifier sees and spends its
  few parameters on where to push. It emits the coarse grid directly: down-sampling is built in, *up* is the product's.
- The perturbation has a fixed strength, so no loss has to trade attack against invisibility, and it is a code in
  multiples of a step, so R's estimate can be rounded to the exact value.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.models.classifiers import EfficientNetLite, load_classifier
from training.models.grid import CELL, Up, round_through


@dataclass(frozen=True)
class OnePassConfig:
    """Shape and strength of the one-pass networks."""

    width: int = 64
    generator_blocks: int = 2
    recoverer_blocks: int = 4
    #: Protected PSNR before headroom takes its share, dB.
    strength_db: float = 31.6
    #: Codes are multiples of this many levels.
    step: int = 12
    #: No cell moves further than this many levels.
    limit: int = 48


class Residual(nn.Module):
    """x + conv(relu(conv(relu(x)))), without normalisation: statistics over a photo would not survive a crop."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.relu(self.first(F.relu(x))))


class Generator(nn.Module):
    """Photo to raw code: top-down over the target classifier's own features, then the grid.

    Shape (N, 3, WORKING_SIZE, WORKING_SIZE), levels in 0..255 -> (N, 3, GRID_SIZE, GRID_SIZE), any scale.
    """

    def __init__(self, config: OnePassConfig, encoder: EfficientNetLite | None = None) -> None:
        super().__init__()
        self.encoder = encoder if encoder is not None else load_classifier(0)
        width = config.width
        self.laterals = nn.ModuleList(nn.Conv2d(c, width, 1) for c in EfficientNetLite.FEATURE_CHANNELS)
        self.belief = nn.Linear(1000, width)
        self.cells = nn.Conv2d(3 * CELL * CELL, width, 1)
        self.merges = nn.ModuleList(Residual(width) for _ in EfficientNetLite.FEATURE_CHANNELS)
        self.blocks = nn.Sequential(*(Residual(width) for _ in range(config.generator_blocks)))
        self.out = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            features = self.encoder.features(x)
            belief = torch.softmax(self.encoder.logits(features[-1]), dim=1)
        return self.decode(x, features, belief)

    def decode(self, x: Tensor, features: list[Tensor], belief: Tensor) -> Tensor:
        """The trainable part. belief: the classifier's answer, shape (N, 1000), probabilities."""
        y = self.laterals[3](features[3]) + self.belief(belief)[:, :, None, None]
        y = self.merges[3](y)
        y = self.merges[2](self.laterals[2](features[2]) + F.interpolate(y, scale_factor=2.0))
        y = self.merges[1](self.laterals[1](features[1]) + F.interpolate(y, scale_factor=2.0))
        cells = self.cells(F.pixel_unshuffle(x / 255.0 - 0.5, CELL))
        y = self.merges[0](self.laterals[0](features[0]) + cells + F.interpolate(y, scale_factor=2.0))
        return self.out(F.relu(self.blocks(y)))


class Recoverer(nn.Module):
    """Protected photo to the code's estimate, in levels, not yet rounded to the step.

    Shape (N, 3, WORKING_SIZE, WORKING_SIZE), levels -> (N, 3, GRID_SIZE, GRID_SIZE).
    """

    def __init__(self, config: OnePassConfig) -> None:
        super().__init__()
        width = config.width
        self.stem = nn.Conv2d(3, width // 2, 5, stride=2, padding=2)
        self.shrink = nn.Conv2d(width // 2 + 12, width, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(*(Residual(width) for _ in range(config.recoverer_blocks)))
        self.out = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = x / 255.0 - 0.5
        fine = torch.cat([F.relu(self.stem(x)), F.pixel_unshuffle(x, 2)], dim=1)
        return self.out(F.relu(self.blocks(self.shrink(fine)))) * 16.0


class Quantiser(nn.Module):
    """Raw code to the code that is written: fixed strength, within the bounds, a multiple of the step.

    Grey photos get a grey code, so that they stay grey.
    """

    def __init__(self, config: OnePassConfig) -> None:
        super().__init__()
        self.up = Up()
        self.rms = 255.0 * 10.0 ** (-config.strength_db / 20.0)
        self.step = float(config.step)
        self.limit = float(config.limit)

    def forward(self, x: Tensor, raw: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        code = self.scale(x, raw)
        limit = torch.full_like(code, self.limit)
        code = torch.minimum(torch.maximum(code, torch.maximum(lower, -limit)), torch.minimum(upper, limit))
        steps = round_through(code / self.step)
        # Rounding may leave the bounds by less than a step: come back inside.
        steps = torch.minimum(torch.maximum(steps, torch.ceil(lower / self.step)), torch.floor(upper / self.step))
        return steps * self.step

    def nearest(self, estimate: Tensor) -> Tensor:
        """The code nearest to an estimate."""
        return torch.clamp(torch.round(estimate / self.step) * self.step, -self.limit, self.limit)

    def scale(self, x: Tensor, raw: Tensor) -> Tensor:
        """The raw code of a photo at full strength, neither bounded nor rounded; x: the photo."""
        raw = keep_grey(x, raw)
        # A flat shift of colour fools nobody's classifier, and people see it; left in, training settles on it at once.
        raw = raw - F.avg_pool2d(raw, 5, stride=1, padding=2, count_include_pad=False)
        energy = self.up(raw).square().mean(dim=(1, 2, 3), keepdim=True)
        return raw * (self.rms / torch.sqrt(energy + 1e-12))


def keep_grey(x: Tensor, code: Tensor) -> Tensor:
    """The code, averaged over the channels where the photo is grey (its channels are equal)."""
    grey = ((x[:, 0] == x[:, 1]) & (x[:, 1] == x[:, 2])).flatten(1).all(dim=1)
    return torch.where(grey[:, None, None, None], code.mean(dim=1, keepdim=True).expand_as(code), code)
