"""The sealed tier's refiner: a few gradient steps on this photo's code, inside one exported module.

Projected gradient descent on the coarse grid. It differs from the textbook's in what the product needs: the step is
taken on cells, the ball is the upsampled perturbation's, and the box is the photo's headroom, so that nothing ever
clips and the code restores bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.models.grid import Up
from training.models.one_pass import keep_grey


@dataclass(frozen=True)
class RefinerConfig:
    """Strength and effort of the sealed tier."""

    steps: int = 8
    #: Protected PSNR that the ball allows, dB.
    strength_db: float = 41.8
    momentum: float = 0.75
    #: Length of a step, as a share of the ball's radius.
    step_share: float = 0.5


class Refiner(nn.Module):
    """Working image and headroom to a code that changes the classifier's answer.

    Inputs: working image (N, 3, S, S) and bounds (N, 3, G, G) twice, all float levels. Output: (N, 3, G, G), whole
    levels within the bounds. It scripts, and needs gradients switched on where it runs.

    Args:
        config: strength and effort.
        classifier: levels in 0..255 to logits; frozen.
    """

    def __init__(self, config: RefinerConfig, classifier: nn.Module) -> None:
        super().__init__()
        self.up = Up()
        self.classifier = classifier
        self.steps = config.steps
        self.momentum = config.momentum
        self.rms = 255.0 * 10.0 ** (-config.strength_db / 20.0)
        self.step_rms = self.rms * config.step_share

    def forward(self, x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        label = self.classifier(x).argmax(dim=1)
        code = torch.zeros_like(lower)
        velocity = torch.zeros_like(lower)
        for _ in range(self.steps):
            slope = keep_grey(x, self.slope(x, code, label))
            velocity = self.momentum * velocity + slope / (self.size(slope) + 1e-12)
            code = code - self.step_rms * velocity / (self.size(velocity) + 1e-12)
            code = code * torch.clamp(self.rms / (self.size(code) + 1e-12), max=1.0)
            code = torch.minimum(torch.maximum(code, lower), upper)
        return torch.round(code)

    def slope(self, x: Tensor, code: Tensor, label: Tensor) -> Tensor:
        """Gradient, with respect to the code, of the label's lead over the best other class."""
        variable = code.detach().requires_grad_(True)
        logits = self.classifier(x + self.up(variable))
        own = logits.gather(1, label.unsqueeze(1)).squeeze(1)
        other = logits.scatter(1, label.unsqueeze(1), float("-inf")).amax(dim=1)
        gradient = torch.autograd.grad([(own - other).sum()], [variable])[0]
        assert gradient is not None
        return gradient

    def size(self, code: Tensor) -> Tensor:
        """Root mean square of the upsampled code, shape (N, 1, 1, 1), levels."""
        return self.up(code).square().mean(dim=[1, 2, 3], keepdim=True).sqrt()
