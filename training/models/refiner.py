"""The sealed tier's refiner: a few gradient steps on this photo's code, inside one exported module.

Projected gradient descent on the coarse grid. It differs from the textbook's in what the product needs: the step is
taken on cells, the ball is the upsampled perturbation's, and the box is the photo's headroom, so that nothing ever
clips and the code restores bit for bit. Several networks look at several views of the photo, so that the code holds
for networks and crops that it has not seen (docs/adr/0014 has what was tried).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from services.imaging.resample import WORKING_SIZE
from training.models.grid import CELL, Up

#: Top, left, height and width of a crop of the working image, and the side to which it is brought.
View = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class RefinerConfig:
    """Effort and habits of the sealed tier. The strength is the caller's."""

    steps: int = 12
    momentum: float = 1.0
    #: Length of a step, as a share of the ball's radius.
    step_share: float = 0.5
    #: The code is a multiple of this many levels.
    level_step: int = 2
    #: How much of a colour's own slope counts beside the slope of the brightness, 0..1.
    chroma: float = 0.5
    #: Cells count by their local contrast to this power.
    texture: float = 0.5
    #: Views crop at most this share of a side away; 0 shows the whole working image.
    crop: float = 0.4
    #: Views are brought to a side that differs from the working image's by at most this share.
    resize: float = 0.2
    #: So many last steps look at the whole working image at each network's own size.
    plain_steps: int = 4
    seed: int = 0


class Refiner(nn.Module):
    """Working image, headroom and strength to a code that changes the classifiers' answers.

    Inputs: working image (N, 3, S, S) and bounds (N, 3, G, G) twice, all float levels; strength (N, 1), the protected
    PSNR in dB that the ball allows. Output: (N, 3, G, G), whole levels within the bounds. It scripts, and needs
    gradients switched on where it runs. The same inputs give the same code: all chance was drawn when it was made.

    Args:
        config: effort and habits.
        classifiers: levels in 0..255, of any size, to logits; frozen.
        sides: the input size that each was trained for.
    """

    def __init__(self, config: RefinerConfig, classifiers: Sequence[nn.Module], sides: Sequence[int]) -> None:
        super().__init__()
        self.config = config
        self.up = Up()
        self.cell = CELL
        self.classifiers = nn.ModuleList(classifiers)
        self.steps = config.steps
        self.momentum = config.momentum
        self.step_share = config.step_share
        self.level_step = float(config.level_step)
        self.chroma = config.chroma
        self.texture = config.texture
        self.sides = list(sides)
        self.views = draw_views(config, sides, torch.Generator().manual_seed(config.seed))
        #: The first look then also tells what the photo is taken for: the code is still zero.
        self.sees_all_first = self.views[: len(sides)] == [plain_view(side) for side in sides]

    def forward(self, x: Tensor, lower: Tensor, upper: Tensor, strength_db: Tensor) -> Tensor:
        rms = (255.0 * torch.pow(10.0, -strength_db / 20.0)).view(-1, 1, 1, 1)
        weights = self.weights(x)
        chroma = self.chroma * is_coloured(x)
        labels: list[Tensor] = []
        if not self.sees_all_first:
            labels = self.answers(x)
        code = torch.zeros_like(lower)
        velocity = torch.zeros_like(lower)
        for step in range(self.steps):
            slope = self.slope(x, code, labels, step)
            brightness = slope.mean(dim=1, keepdim=True)
            slope = weights * (brightness + chroma * (slope - brightness))
            velocity = self.momentum * velocity + slope / (self.size(slope) + 1e-12)
            code = code - self.step_share * rms * velocity / (self.size(velocity) + 1e-12)
            code = code * torch.clamp(rms / (self.size(code) + 1e-12), max=1.0)
            code = torch.minimum(torch.maximum(code, lower), upper)
        steps = torch.round(code / self.level_step)
        # Rounding may leave the bounds by less than a step: come back inside.
        inside = torch.maximum(steps, torch.ceil(lower / self.level_step))
        return torch.minimum(inside, torch.floor(upper / self.level_step)) * self.level_step

    def answers(self, x: Tensor) -> list[Tensor]:
        """What each network takes the photo for, shape (N)."""
        found: list[Tensor] = []
        for index, classifier in enumerate(self.classifiers):
            found.append(classifier(resize(x, self.sides[index])).argmax(dim=1))
        return found

    def slope(self, x: Tensor, code: Tensor, labels: list[Tensor], step: int) -> Tensor:
        """Gradient, with respect to the code, of the labels' leads over the best other classes.

        Labels that are not there yet are what this look takes the photo for; they are added.
        """
        variable = code.detach().requires_grad_(True)
        moved = x + self.up(variable)
        lead = torch.zeros(1, dtype=x.dtype, device=x.device)
        for index, classifier in enumerate(self.classifiers):
            logits = classifier(self.look(moved, step * len(self.sides) + index))
            if len(labels) == index:
                labels.append(logits.detach().argmax(dim=1))
            label = labels[index].unsqueeze(1)
            own = logits.gather(1, label).squeeze(1)
            other = logits.scatter(1, label, float("-inf")).amax(dim=1)
            lead = lead + (own - other).sum()
        gradient = torch.autograd.grad([lead.sum()], [variable])[0]
        assert gradient is not None
        return gradient

    def look(self, x: Tensor, turn: int) -> Tensor:
        """The view of the photo that a network gets at its turn."""
        top, left, height, width, side = self.views[turn]
        return resize(x[:, :, top : top + height, left : left + width], side)

    def weights(self, x: Tensor) -> Tensor:
        """How much each cell counts: its local contrast, to a power; shape (N, 1, G, G)."""
        grey = x.mean(dim=1, keepdim=True)
        mean = F.avg_pool2d(grey, 2 * self.cell, self.cell, self.cell // 2, count_include_pad=False)
        square = F.avg_pool2d(grey * grey, 2 * self.cell, self.cell, self.cell // 2, count_include_pad=False)
        contrast = torch.sqrt(torch.clamp(square - mean * mean, min=0.0))
        return torch.pow(contrast + 2.0, self.texture)

    def size(self, code: Tensor) -> Tensor:
        """Root mean square of the upsampled code, shape (N, 1, 1, 1), levels."""
        return self.up(code).square().mean(dim=[1, 2, 3], keepdim=True).sqrt()


def resize(x: Tensor, side: int) -> Tensor:
    """Brings images to a square of ``side`` pixels."""
    if x.shape[2] == side and x.shape[3] == side:
        return x
    return F.interpolate(x, size=[side, side], mode="bilinear", align_corners=False)


def is_coloured(x: Tensor) -> Tensor:
    """1 where a photo has colour, 0 where it is grey, so that it stays grey; shape (N, 1, 1, 1)."""
    return (x - x.mean(dim=1, keepdim=True)).abs().amax(dim=[1, 2, 3], keepdim=True).gt(0.2).to(x.dtype)


def draw_views(config: RefinerConfig, sides: Sequence[int], chance: torch.Generator) -> list[View]:
    """A view a step and network. Crops keep near the middle, where other people's pipelines crop."""
    views: list[View] = []
    for step in range(config.steps):
        for own in sides:
            rows, columns, shift_y, shift_x, scale = torch.rand(5, generator=chance).tolist()
            height = WORKING_SIZE - round(config.crop * WORKING_SIZE * rows)
            width = WORKING_SIZE - round(config.crop * WORKING_SIZE * columns)
            top = round((WORKING_SIZE - height) * (0.25 + 0.5 * shift_y))
            left = round((WORKING_SIZE - width) * (0.25 + 0.5 * shift_x))
            side = round(own * (1.0 + config.resize * (2.0 * scale - 1.0)))
            plain = step >= config.steps - config.plain_steps
            views.append(plain_view(own) if plain else (top, left, height, width, side))
    return views


def plain_view(side: int) -> View:
    """The whole working image, at a network's own side."""
    return 0, 0, WORKING_SIZE, WORKING_SIZE, side
