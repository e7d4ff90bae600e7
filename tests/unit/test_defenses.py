"""Each defense on what must hold of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from training.defenses import (
    Defense,
    EdsrSettings,
    PixelDeflection,
    Quilting,
    QuiltingAfterVariation,
    RandomResizePad,
    Shield,
    SuperResolution,
    TotalVariation,
    train_edsr,
)
from training.defenses.quilting import PATCH
from training.defenses.super_resolution import Edsr, halved
from training.defenses.total_variation import total_variation
from training.jpeg import jpeg


def smooth(channels: int, side: int, count: int = 2) -> Tensor:
    """Soft blobs, like a photo out of focus, with a little noise."""
    random = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, channels, 6, 6, generator=random)
    x = torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear")
    return (x + 0.03 * torch.randn(x.shape, generator=random)).clamp(0, 1)


def every(channels: int) -> list[Defense]:
    bank = Quilting.from_images(smooth(channels, 28, 4), patches=300)
    torch.manual_seed(0)
    return [
        RandomResizePad(),
        TotalVariation(steps=10),
        bank,
        QuiltingAfterVariation(TotalVariation(steps=3), bank),
        PixelDeflection(),
        Shield(),
        SuperResolution(Edsr(channels, 4, 1)),
    ]


@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 44)])
def test_every_defense_keeps_shape_and_range_repeats_itself_and_changes_the_picture(channels: int, side: int) -> None:
    x = smooth(channels, side)
    held = x.clone()
    for defense in every(channels):
        found = defense(x)
        assert found.shape == x.shape, defense.name
        assert found.dtype == torch.float32, defense.name
        assert 0.0 <= float(found.min()) <= float(found.max()) <= 1.0, defense.name
        assert torch.equal(found, defense(x)), defense.name
        assert not torch.equal(found, x), defense.name
        assert not found.requires_grad, defense.name
    assert torch.equal(x, held)


def test_names_are_all_different() -> None:
    names = [defense.name for defense in every(1)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "defense", [RandomResizePad(), TotalVariation(steps=5), PixelDeflection(), Shield()], ids=lambda d: d.name
)
def test_another_seed_is_another_result(defense: Defense) -> None:
    x = smooth(3, 44)
    assert not torch.equal(defense(x), replace(defense, seed=9)(x))  # type: ignore[type-var]


def test_every_block_of_shield_is_one_of_the_four_jpegs() -> None:
    x = smooth(3, 40)
    versions = torch.stack([jpeg(x, quality) for quality in Shield().qualities])
    equal = (versions == Shield()(x)).all(dim=2).unfold(2, 8, 8).unfold(3, 8, 8).all(dim=-1).all(dim=-1)
    assert equal.any(dim=0).all()
    assert len(set(equal.int().argmax(dim=0).flatten().tolist())) == 4


def test_deflection_touches_few_pixels_and_takes_each_colour_from_its_window() -> None:
    side, window = 40, 3
    x = torch.arange(side * side, dtype=torch.float32).reshape(1, 1, side, side).repeat(2, 1, 1, 1)
    found = PixelDeflection(deflections=50, window=window).deflect(x)
    moved = found != x
    assert 0 < int(moved.sum(dim=(1, 2, 3)).max()) <= 50
    for _, _, row, column in moved.nonzero().tolist():
        value = int(found[0, 0, row, column] if moved[0, 0, row, column] else found[1, 0, row, column])
        assert abs(value // side - row) <= window
        assert abs(value % side - column) <= window


def test_resizing_shows_the_whole_picture_on_black() -> None:
    found = RandomResizePad()(torch.ones(4, 3, 60, 60))
    assert float(found.max()) == pytest.approx(1.0)
    assert float(found.min()) == 0.0
    assert float(found.mean()) > 0.75


def test_total_variation_falls_and_the_picture_stays_recognisable() -> None:
    x = smooth(3, 32)
    found = TotalVariation()(x)
    assert (total_variation(found) < 0.8 * total_variation(x)).all()
    assert float((found - x).square().mean()) < 0.01


def test_total_variation_is_the_length_of_the_gradient() -> None:
    edge = torch.zeros(1, 1, 8, 8)
    edge[..., 4:] = 1.0
    assert float(total_variation(edge)[0]) == pytest.approx(8.0, abs=0.1)


def test_a_picture_sewn_of_the_banks_patches_comes_back() -> None:
    random = torch.Generator().manual_seed(0)
    bank = torch.rand(20, 1, PATCH, PATCH, generator=random)
    # One patch, repeated at the stride, is its own picture only where overlaps agree: a constant one does.
    flat = torch.full((1, 1, PATCH, PATCH), 0.25)
    x = torch.full((1, 1, 17, 17), 0.25)
    torch.testing.assert_close(Quilting(torch.cat([bank, flat]), neighbours=1)(x), x)


def test_quilting_holds_only_values_of_the_bank_and_a_single_place_is_its_nearest_patch() -> None:
    random = torch.Generator().manual_seed(1)
    bank = torch.rand(30, 3, PATCH, PATCH, generator=random)
    x = torch.rand(2, 3, 11, 14, generator=random)
    assert torch.isin(Quilting(bank)(x), bank).all()
    near = bank[[4, 17]] + 0.01 * torch.randn(2, 3, PATCH, PATCH, generator=random)
    assert torch.equal(Quilting(bank, neighbours=1)(near), bank[[4, 17]])


def test_super_resolution_learns_and_keeps_a_flat_picture_flat() -> None:
    images = smooth(1, 32, 16)
    network = train_edsr(images, EdsrSettings(width=8, blocks=1, steps=80, batch=8, crop=24))
    large = smooth(1, 48, 4)
    blurred = torch.nn.functional.interpolate(halved(large), scale_factor=2, mode="nearest")
    assert (network(halved(large)) - large).abs().mean() < (blurred - large).abs().mean()
    flat = torch.full((1, 1, 28, 28), 0.4)
    assert float((SuperResolution(network)(flat) - flat).abs().max()) < 0.08
