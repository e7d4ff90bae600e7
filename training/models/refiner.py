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

from services.imaging.pipeline import MOST_ROUNDS
from training.models.grid import CELL, Up

#: Top, left, height and width of a crop of a network's image, and the side to which it is brought.
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
    #: What is added to that power where a code is to hide: all at ``hidden_db`` and weaker, none at ``seen_db``.
    hiding: float = 0.5
    seen_db: float = 38.0
    hidden_db: float = 42.0
    #: From this local contrast on, in levels, a colour's own slope counts as ``chroma`` says, below it less; 0: always.
    colour_contrast: float = 8.0
    #: How far a cell's colours may go from its brightness, in radii of the ball, at ``hidden_db`` and weaker; the
    #: further, the nearer to ``seen_db``; 0: as they will.
    colour_most: float = 3.0
    #: Views crop at most this share of a side away; 0 shows the whole photo.
    crop: float = 0.4
    #: Views are brought to a side that differs from the network's own by at most this share.
    resize: float = 0.2
    #: So many last steps show each network the whole photo, at the network's own size.
    plain_steps: int = 2
    #: At most so many more plain steps follow where a network is not misled yet.
    extra_steps: int = 12
    #: How far a label's logit has to fall behind the best other one for a network to count as misled.
    margin: float = 4.0
    #: How much the features' cosine with the original's counts beside a logit's lead. It is what carries the code to
    #: networks with other classes.
    likeness: float = 40.0
    #: So many rounds have views of their own; then they come again.
    rounds: int = MOST_ROUNDS
    seed: int = 0


class Eye(nn.Module):
    """A network that looks at the protected photo as it will: brought from the photo to the network's own size.

    To show it another network's image, scaled, let every tenth photo keep its label (docs/adr/0017).

    Args:
        network: levels in 0..255, of any size, to logits and the features that they are made from; frozen. It gives the
            slope itself, as :class:`training.models.classifiers.WithFeatures` does.
        side: the input size that it was trained for.
        views: what it is shown of the photo in the steps before the plain ones, round after round.
        config: the refiner's.
    """

    def __init__(self, network: nn.Module, side: int, views: Sequence[View], config: RefinerConfig) -> None:
        super().__init__()
        self.network = network
        self.up = Up(side)
        self.side = side
        self.views = list(views)
        self.margin = config.margin
        self.likeness = config.likeness

    def forward(
        self, image: Tensor, code: Tensor, label: Tensor, features: Tensor, view: int, is_open: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The slope of what the photo still has of its label and its features, shape (N, 3, G, G), and these two.

        Args:
            image: (N, 3, side, side), levels.
            code: (N, 3, G, G), levels.
            label: (N), the original's; empty where this look is to tell it, which wants a code of zero.
            features: (N, F), the original's; empty with the label.
            view: which of the views; below 0 is the whole photo.
            is_open: whether the lead alone counts, and by how much is left of it: little where the network is misled.
        """
        variable = code.detach().requires_grad_(True)
        moved = self.moved(image, variable, view)
        with torch.no_grad():
            maps, kept = self.network.keep(moved)
        ends = [end.detach().requires_grad_(True) for end in maps]
        logits, seen = self.network.answer(ends)
        if label.numel() == 0:
            label, features = logits.detach().argmax(dim=1), seen.detach()
        lead = self.lead(logits, label)
        if is_open:
            loss = F.softplus(lead + self.margin + 1.0).sum()
        else:
            loss = (lead + self.likeness * F.cosine_similarity(seen, features, dim=1)).sum()
        slopes: list[Tensor] = []
        for index, found in enumerate(torch.autograd.grad([loss], ends, allow_unused=True)):
            slopes.append(torch.zeros_like(ends[index]) if found is None else found)
        with torch.no_grad():
            below: list[Tensor | None] = [self.network.back(slopes, kept)]
        slope = torch.autograd.grad([moved], [variable], below)[0]
        assert slope is not None
        return slope, label, features

    def look(self, image: Tensor, code: Tensor, view: int) -> tuple[Tensor, Tensor]:
        """Logits and features of the protected photo, or of a view of it."""
        return self.network(self.moved(image, code, view))

    def moved(self, image: Tensor, code: Tensor, view: int) -> Tensor:
        """The protected photo, or a view of it, in levels."""
        moved = image + self.up(code)
        if view < 0:
            return moved
        top, left, height, width, side = self.views[view]
        return resize(moved[:, :, top : top + height, left : left + width], side)

    def lead(self, logits: Tensor, label: Tensor) -> Tensor:
        """Of the label over the best other class, shape (N)."""
        at = label.unsqueeze(1)
        return logits.gather(1, at).squeeze(1) - logits.scatter(1, at, float("-inf")).amax(dim=1)

    def original(self, image: Tensor, nothing: Tensor) -> tuple[Tensor, Tensor]:
        """The original's label, shape (N), and its features; nothing: a code of zero. No slope is taken."""
        with torch.no_grad():
            logits, seen = self.look(image, nothing, -1)
            return logits.argmax(dim=1), seen

    def final_lead(self, image: Tensor, code: Tensor, label: Tensor) -> Tensor:
        """The lead that the label has in the whole photo; no slope is taken."""
        with torch.no_grad():
            logits, _ = self.look(image, code, -1)
            return self.lead(logits, label)


class Refiner(nn.Module):
    """Photo, headroom and strength to a code that changes the classifiers' answers.

    Inputs: the photo at each network's own size, the first of which is the working image, (N, 3, side, side), and
    bounds (N, 3, G, G) twice, all float levels; strength (N, 1), the protected PSNR in dB that the ball allows; the
    code to start from, (N, 3, G, G): zeros, or what an earlier round gave, which a further one makes hold better; and
    how many rounds were made before, (N, 1): each has views of its own (a batch takes those of its furthest photo).
    Output: (N, 3, G, G), whole levels within the bounds. It scripts, and needs gradients switched on where it runs;
    scripted, the networks look side by side. The same inputs give the same code: all chance was drawn when it was made.

    Args:
        config: effort and habits.
        networks: levels in 0..255, of any size, to logits and the features that they are made from; frozen.
        sides: the input size that each was trained for; the first is the working image's.
    """

    def __init__(self, config: RefinerConfig, networks: Sequence[nn.Module], sides: Sequence[int]) -> None:
        super().__init__()
        self.config = config
        self.up = Up()
        self.cell = CELL
        chance = torch.Generator().manual_seed(config.seed)
        rounds = [[draw_views(config, side, chance) for side in sides] for _ in range(config.rounds)]
        self.eyes = nn.ModuleList(
            Eye(network, side, [view for views in own for view in views], config)
            for network, side, own in zip(networks, sides, zip(*rounds, strict=True), strict=True)
        )
        self.rounds = config.rounds
        self.steps = config.steps
        self.view_steps = config.steps - config.plain_steps
        self.extra_steps = config.extra_steps
        self.margin = config.margin
        self.momentum = config.momentum
        self.step_share = config.step_share
        self.level_step = float(config.level_step)
        self.chroma = config.chroma
        self.texture = config.texture
        self.hiding = config.hiding
        self.seen_db = config.seen_db
        self.hidden_db = config.hidden_db
        self.colour_contrast = config.colour_contrast
        self.colour_most = config.colour_most

    def forward(
        self, images: list[Tensor], lower: Tensor, upper: Tensor, strength_db: Tensor, start: Tensor, made: Tensor
    ) -> Tensor:
        # The photo's pixels are whole numbers: rounding the perturbation to them adds a twelfth to its mean square.
        square = 255.0 * 255.0 * torch.pow(10.0, -strength_db / 10.0) - 1.0 / 12.0
        radius = torch.sqrt(torch.clamp(square, min=0.0)).view(-1, 1, 1, 1)
        # How much each cell counts, in the brightness and in a colour of its own.
        contrast = self.contrast(images[0])
        weights = torch.pow(contrast + 2.0, self.texture)
        hides = torch.clamp((strength_db - self.seen_db) / (self.hidden_db - self.seen_db), 0.0, 1.0).view(-1, 1, 1, 1)
        hidden = weights * torch.pow(contrast + 2.0, self.hiding * hides)
        free = torch.full_like(radius, float("inf"))
        most = self.colour_most * radius / hides if self.colour_most > 0.0 else free
        chroma = self.chroma * is_coloured(images[0])
        if self.colour_contrast > 0.0:
            chroma = chroma * torch.clamp(contrast / self.colour_contrast, max=1.0)
        code = start
        velocity = torch.zeros_like(lower)
        labels: list[Tensor] = []
        features: list[Tensor] = []
        if self.view_steps > 0 or bool(start.ne(0.0).any()):
            labels, features = self.originals(images, torch.zeros_like(lower))
        first = int(made.max()) % self.rounds * self.steps
        for step in range(self.steps):
            view = first + step if step < self.view_steps else -1
            slope, labels, features = self.slope(images, code, labels, features, view, False)
            velocity = self.momentum * velocity + self.direction(slope, hidden, chroma)
            code = self.moved(code, velocity, self.step_share, radius, most, lower, upper)

        best = self.written(code, radius, lower, upper)
        if self.extra_steps == 0:
            return best
        worst = self.worst_lead(images, best, labels)
        velocity = torch.zeros_like(code)
        # A photo that needs more steps is too hard for a code that hides as well.
        for _ in range(self.extra_steps):
            if bool((worst < -self.margin).all()):
                break
            tried = self.written(code, radius, lower, upper)
            slope, labels, features = self.slope(images, tried, labels, features, -1, True)
            velocity = 0.6 * velocity + self.direction(slope, weights, chroma)
            code = self.moved(code, velocity, 0.6 * self.step_share, radius, free, lower, upper)
            tried = self.written(code, radius, lower, upper)
            lead = self.worst_lead(images, tried, labels)
            # A photo that is done stays as it is, so that its code does not depend on its batch.
            better = (worst >= -self.margin) & (lead < worst)
            best = torch.where(better, tried, best)
            worst = torch.where(better, lead, worst)
        return best

    def originals(self, images: list[Tensor], nothing: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """What each network takes the photo for, shape (N), and its features; nothing: a code of zero."""
        looks: list[torch.jit.Future[tuple[Tensor, Tensor]]] = []
        for index, eye in enumerate(self.eyes):
            looks.append(torch.jit.fork(eye.original, images[index], nothing))
        labels: list[Tensor] = []
        features: list[Tensor] = []
        for look in looks:
            label, seen = torch.jit.wait(look)
            labels.append(label)
            features.append(seen)
        return labels, features

    def slope(
        self,
        images: list[Tensor],
        code: Tensor,
        labels: list[Tensor],
        features: list[Tensor],
        view: int,
        is_open: bool,
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """The networks' slopes, summed, their labels and features; see ``Eye.forward``."""
        no_label = torch.empty([0], dtype=torch.int64, device=code.device)
        no_features = torch.empty([0], dtype=code.dtype, device=code.device)
        looks: list[torch.jit.Future[tuple[Tensor, Tensor, Tensor]]] = []
        for index, eye in enumerate(self.eyes):
            label = labels[index] if len(labels) > 0 else no_label
            original = features[index] if len(features) > 0 else no_features
            looks.append(torch.jit.fork(eye, images[index], code, label, original, view, is_open))
        total = torch.zeros_like(code)
        found: list[Tensor] = []
        seen: list[Tensor] = []
        for look in looks:
            slope, label, original = torch.jit.wait(look)
            total = total + slope
            found.append(label)
            seen.append(original)
        return total, found, seen

    def worst_lead(self, images: list[Tensor], code: Tensor, labels: list[Tensor]) -> Tensor:
        """The largest lead that any network's label has left, shape (N, 1, 1, 1)."""
        looks: list[torch.jit.Future[Tensor]] = []
        for index, eye in enumerate(self.eyes):
            looks.append(torch.jit.fork(eye.final_lead, images[index], code, labels[index]))
        leads: list[Tensor] = []
        for look in looks:
            leads.append(torch.jit.wait(look))
        return torch.stack(leads).amax(dim=0).view(-1, 1, 1, 1)

    def direction(self, slope: Tensor, weights: Tensor, chroma: Tensor) -> Tensor:
        """The slope with cells weighted by how well they hide a change, and colours by chroma; of length 1."""
        brightness = slope.mean(dim=1, keepdim=True)
        slope = weights * (brightness + chroma * (slope - brightness))
        return slope / (self.size(slope) + 1e-12)

    def moved(
        self, code: Tensor, velocity: Tensor, share: float, radius: Tensor, most: Tensor, lower: Tensor, upper: Tensor
    ) -> Tensor:
        """The code a step further, back in the ball and in the box, its colours within ``most`` of the brightness."""
        code = code - share * radius * velocity / (self.size(velocity) + 1e-12)
        code = self.faded(self.in_ball(code, radius), most)
        return torch.minimum(torch.maximum(code, lower), upper)

    def faded(self, code: Tensor, most: Tensor) -> Tensor:
        """The code with no cell's colours further than ``most`` from its brightness; shape (N, 1, 1, 1), levels."""
        brightness = code.mean(dim=1, keepdim=True)
        colour = code - brightness
        furthest = colour.abs().amax(dim=1, keepdim=True)
        return torch.where(furthest > most, brightness + colour * (most / furthest), code)

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

    def contrast(self, x: Tensor) -> Tensor:
        """The standard deviation of the brightness around each cell, in levels; shape (N, 1, G, G)."""
        grey = x.mean(dim=1, keepdim=True)
        mean = F.avg_pool2d(grey, 2 * self.cell, self.cell, self.cell // 2, count_include_pad=False)
        square = F.avg_pool2d(grey * grey, 2 * self.cell, self.cell, self.cell // 2, count_include_pad=False)
        return torch.sqrt(torch.clamp(square - mean * mean, min=0.0))

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


def draw_views(config: RefinerConfig, own: int, chance: torch.Generator) -> list[View]:
    """A network's view for each step of a round; plain steps leave theirs aside. Crops keep near the middle, as
    pipelines do."""
    views: list[View] = []
    for _ in range(config.steps):
        rows, columns, shift_y, shift_x, scale = torch.rand(5, generator=chance).tolist()
        height, width = own - round(config.crop * own * rows), own - round(config.crop * own * columns)
        top = round((own - height) * (0.25 + 0.5 * shift_y))
        left = round((own - width) * (0.25 + 0.5 * shift_x))
        views.append((top, left, height, width, round(own * (1.0 + config.resize * (2.0 * scale - 1.0)))))
    return views
