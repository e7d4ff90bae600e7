"""The sealed tier's refiner: a few gradient steps on this photo's code, inside one exported module.

Projected gradient descent on the coarse grid. It differs from the textbook's in what the product needs: the step is
taken on cells, the ball is the upsampled perturbation's, and the box is the photo's headroom, so that nothing ever
clips and the code restores bit for bit. Several networks look at several views of the photo, so that the code holds
for networks and crops that it has not seen (docs/adr/0014 and 0017 have what was tried).
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

    steps: int = 16
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
    #: So many last steps show each network the whole photo, at the network's own size.
    plain_steps: int = 2
    #: At most so many more plain steps follow where a network is not misled yet.
    extra_steps: int = 12
    #: How far a label's logit has to fall behind the best other one for a network to count as misled.
    margin: float = 1.0
    seed: int = 0


class Eye(nn.Module):
    """A network that looks at the protected photo as it will: brought from the photo to the network's own size.

    To show it the working image instead, scaled up, let every tenth photo keep its label (docs/adr/0017).
    """

    def __init__(self, classifier: nn.Module, side: int) -> None:
        super().__init__()
        self.classifier = classifier
        self.up = Up(side)

    def forward(self, image: Tensor, code: Tensor) -> Tensor:
        """Logits. image: (N, 3, side, side), code: (N, 3, G, G), levels."""
        return self.classifier(image + self.up(code))


class Refiner(nn.Module):
    """Photo, headroom and strength to a code that changes the classifiers' answers.

    Inputs: the photo at each network's own size, the first of which is the working image, (N, 3, side, side), and
    bounds (N, 3, G, G) twice, all float levels; strength (N, 1), the protected PSNR in dB that the ball allows. Output:
    (N, 3, G, G), whole levels within the bounds. It scripts, and needs gradients switched on where it runs. The same
    inputs give the same code: all chance was drawn when it was made.

    Args:
        config: effort and habits.
        classifiers: levels in 0..255, of any size, to logits; frozen.
        sides: the input size that each was trained for; the first is the working image's.
    """

    def __init__(self, config: RefinerConfig, classifiers: Sequence[nn.Module], sides: Sequence[int]) -> None:
        super().__init__()
        self.config = config
        self.up = Up()
        self.cell = CELL
        self.eyes = nn.ModuleList(Eye(classifier, side) for classifier, side in zip(classifiers, sides, strict=True))
        self.view_steps = config.steps - config.plain_steps
        self.plain_steps = config.plain_steps
        self.extra_steps = config.extra_steps
        self.margin = config.margin
        self.momentum = config.momentum
        self.step_share = config.step_share
        self.level_step = float(config.level_step)
        self.chroma = config.chroma
        self.texture = config.texture
        self.sides = list(sides)
        self.views = draw_views(config, sides, torch.Generator().manual_seed(config.seed))

    def forward(self, images: list[Tensor], lower: Tensor, upper: Tensor, strength_db: Tensor) -> Tensor:
        radius = (255.0 * torch.pow(10.0, -strength_db / 20.0)).view(-1, 1, 1, 1)
        weights = self.weights(images[0])
        chroma = self.chroma * is_coloured(images[0])
        labels = self.answers(images)
        code = torch.zeros_like(lower)
        velocity = torch.zeros_like(lower)
        for step in range(self.view_steps + self.plain_steps):
            variable = code.detach().requires_grad_(True)
            views = step if step < self.view_steps else -1
            leads = self.leads(images, variable, labels, views)
            direction = self.direction(leads.sum(), variable, weights, chroma)
            velocity = self.momentum * velocity + direction
            code = self.moved(code, velocity, self.step_share, radius, lower, upper)
        return self.finished(images, code, labels, weights, chroma, radius, lower, upper)

    def finished(
        self,
        images: list[Tensor],
        code: Tensor,
        labels: list[Tensor],
        weights: Tensor,
        chroma: Tensor,
        radius: Tensor,
        lower: Tensor,
        upper: Tensor,
    ) -> Tensor:
        """The code in whole steps; where that does not mislead every network yet, the best of some more tries."""
        best = self.written(code, radius, lower, upper)
        if self.extra_steps == 0:
            return best
        worst = torch.full_like(radius, float("inf"))
        velocity = torch.zeros_like(code)
        for turn in range(self.extra_steps + 1):
            tried = self.written(code, radius, lower, upper)
            variable = tried.detach().requires_grad_(True)
            leads = self.leads(images, variable, labels, -1)
            lead = leads.detach().amax(dim=0).view(-1, 1, 1, 1)
            # A photo that is done stays as it is, so that its code does not depend on its batch.
            better = (worst > -self.margin) & (lead < worst)
            best = torch.where(better, tried, best)
            worst = torch.where(better, lead, worst)
            if turn == self.extra_steps or bool((worst <= -self.margin).all()):
                break
            # Who is misled already counts little: the slope is that of the networks that are not.
            needs = F.softplus(leads + self.margin + 1.0)
            velocity = 0.6 * velocity + self.direction(needs.sum(), variable, weights, chroma)
            code = self.moved(code, velocity, 0.6 * self.step_share, radius, lower, upper)
        return best

    def answers(self, images: list[Tensor]) -> list[Tensor]:
        """What each network takes the photo for, shape (N)."""
        found: list[Tensor] = []
        for index, eye in enumerate(self.eyes):
            found.append(eye.classifier(images[index]).argmax(dim=1))
        return found

    def leads(self, images: list[Tensor], code: Tensor, labels: list[Tensor], step: int) -> Tensor:
        """The labels' leads over the best other classes, shape (networks, N): of a step's views, or of the whole photo
        where the step is below 0.
        """
        moved = images[0] + self.up(code)
        found: list[Tensor] = []
        for index, eye in enumerate(self.eyes):
            if step < 0:
                logits = eye(images[index], code)
            else:
                logits = eye.classifier(self.look(moved, step * len(labels) + index))
            label = labels[index].unsqueeze(1)
            own = logits.gather(1, label).squeeze(1)
            found.append(own - logits.scatter(1, label, float("-inf")).amax(dim=1))
        return torch.stack(found)

    def direction(self, loss: Tensor, code: Tensor, weights: Tensor, chroma: Tensor) -> Tensor:
        """Where the loss grows, cells weighted by how well they hide a change; of length 1."""
        slope = torch.autograd.grad([loss], [code])[0]
        assert slope is not None
        brightness = slope.mean(dim=1, keepdim=True)
        slope = weights * (brightness + chroma * (slope - brightness))
        return slope / (self.size(slope) + 1e-12)

    def moved(
        self, code: Tensor, velocity: Tensor, share: float, radius: Tensor, lower: Tensor, upper: Tensor
    ) -> Tensor:
        """The code a step further, back in the ball and in the box."""
        code = code - share * radius * velocity / (self.size(velocity) + 1e-12)
        return torch.minimum(torch.maximum(self.in_ball(code, radius), lower), upper)

    def written(self, code: Tensor, radius: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        """The code in whole steps within the bounds, shrunk where the rounding made it too strong."""
        rounded = self.rounded(code, lower, upper)
        return self.rounded(code * torch.clamp(radius / (self.size(rounded) + 1e-12), max=1.0), lower, upper)

    def rounded(self, code: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        steps = torch.round(code / self.level_step)
        # Rounding may leave the bounds by less than a step: come back inside.
        inside = torch.maximum(steps, torch.ceil(lower / self.level_step))
        return torch.minimum(inside, torch.floor(upper / self.level_step)) * self.level_step

    def in_ball(self, code: Tensor, radius: Tensor) -> Tensor:
        return code * torch.clamp(radius / (self.size(code) + 1e-12), max=1.0)

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
    """A view a step and network (plain steps leave theirs aside). Crops keep near the middle, as other pipelines do."""
    views: list[View] = []
    for _ in range(config.steps):
        for own in sides:
            rows, columns, shift_y, shift_x, scale = torch.rand(5, generator=chance).tolist()
            height = WORKING_SIZE - round(config.crop * WORKING_SIZE * rows)
            width = WORKING_SIZE - round(config.crop * WORKING_SIZE * columns)
            top = round((WORKING_SIZE - height) * (0.25 + 0.5 * shift_y))
            left = round((WORKING_SIZE - width) * (0.25 + 0.5 * shift_x))
            side = round(own * (1.0 + config.resize * (2.0 * scale - 1.0)))
            views.append((top, left, height, width, side))
    return views
