"""Image quilting: the picture is sewn anew from patches of clean pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from training.defenses.total_variation import TotalVariation

PATCH = 5
OVERLAP = 2
_STRIDE = PATCH - OVERLAP


@dataclass(frozen=True, eq=False)
class Quilting:
    """Guo et al. (2018): each place takes a clean patch near it, sewn in along the path of least error.

    Args:
        bank: clean patches, shape (M, C, PATCH, PATCH), range [0, 1].
    """

    name: ClassVar[str] = "quilting"
    bank: Tensor
    #: A place takes one of this many nearest patches, by chance.
    neighbours: int = 10
    seed: int = 0

    @classmethod
    def from_images(cls, images: Tensor, patches: int = 10_000, seed: int = 0) -> Quilting:
        """A bank of patches cut at random from clean images of shape (N, C, H, W)."""
        random = torch.Generator().manual_seed(seed)
        image = torch.randint(len(images), (patches,), generator=random)
        top = torch.randint(images.shape[-2] - PATCH + 1, (patches,), generator=random)
        left = torch.randint(images.shape[-1] - PATCH + 1, (patches,), generator=random)
        cut = [images[i, :, t : t + PATCH, e : e + PATCH] for i, t, e in zip(image, top, left, strict=True)]
        return cls(torch.stack(cut), seed=seed)

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """See :class:`training.defenses.defense.Defense`."""
        random = torch.Generator().manual_seed(self.seed)
        return torch.cat([self._quilt(part, random) for part in x.split(500)])

    def _quilt(self, x: Tensor, random: torch.Generator) -> Tensor:
        height, width = x.shape[-2:]
        # Whole patches only: the border is mirrored until they fit.
        extra = [-(side - PATCH) % _STRIDE for side in (height, width)]
        source = F.pad(x, (0, extra[1], 0, extra[0]), mode="reflect")
        sewn = torch.zeros_like(source)
        for top in range(0, source.shape[-2] - PATCH + 1, _STRIDE):
            for left in range(0, source.shape[-1] - PATCH + 1, _STRIDE):
                place = (..., slice(top, top + PATCH), slice(left, left + PATCH))
                patch = self._near(source[place], random)
                sewn[place] = _sew(sewn[place], patch, below=top > 0, beside=left > 0)
        return sewn[..., :height, :width]

    def _near(self, wanted: Tensor, random: torch.Generator) -> Tensor:
        """For each image one of the bank's patches nearest to what it has there."""
        bank = self.bank.to(wanted.device)
        flat = bank.flatten(1)
        distance = flat.square().sum(dim=1) - 2.0 * wanted.flatten(1) @ flat.T
        nearest = distance.topk(min(self.neighbours, len(bank)), largest=False).indices
        choice = torch.randint(nearest.shape[1], (len(wanted), 1), generator=random).to(wanted.device)
        return bank[nearest.gather(1, choice)[:, 0]]


def _sew(held: Tensor, patch: Tensor, *, below: bool, beside: bool) -> Tensor:
    """The patch over what is held, which stays on the far side of the cuts through the overlaps."""
    keep = torch.zeros(len(patch), 1, PATCH, PATCH, dtype=torch.bool, device=patch.device)
    error = (held - patch).square().sum(dim=1, keepdim=True)
    if beside:
        keep[..., :OVERLAP] |= _cut(error[..., :OVERLAP])
    if below:
        keep[..., :OVERLAP, :] |= _cut(error[..., :OVERLAP, :].transpose(-1, -2)).transpose(-1, -2)
    return torch.where(keep, held, patch)


def _cut(error: Tensor) -> Tensor:
    """What lies before the path of least error from top to bottom (Efros and Freeman 2001).

    Args:
        error: shape (N, 1, PATCH, OVERLAP).

    Returns:
        Whether a pixel keeps what was there, same shape.
    """
    total = error.clone()
    for row in range(1, PATCH):
        padded = F.pad(total[..., row - 1, :], (1, 1), value=float("inf"))
        total[..., row, :] += padded.unfold(-1, 3, 1).amin(dim=-1)
    column = total[..., -1, :].argmin(dim=-1, keepdim=True)
    places = torch.arange(OVERLAP, device=error.device)
    kept = [places < column]
    for row in range(PATCH - 2, -1, -1):
        near = (places - column).abs() <= 1
        column = total[..., row, :].masked_fill(~near, float("inf")).argmin(dim=-1, keepdim=True)
        kept.append(places < column)
    return torch.stack(kept[::-1], dim=-2)


@dataclass(frozen=True, eq=False)
class QuiltingAfterVariation:
    """Both of Guo et al.'s steps in a row, as the paper's tables name the method."""

    name: ClassVar[str] = "variation_quilting"
    variation: TotalVariation
    quilting: Quilting

    def __call__(self, x: Tensor) -> Tensor:
        """See :class:`training.defenses.defense.Defense`."""
        return self.quilting(self.variation(x))
