"""Patches: squares of a photo, at the same places in each of its versions."""

from __future__ import annotations

import torch

from training.experiments.patches import Patches


def test_patches_are_squares_of_their_photo_and_lie_alike_in_all_versions() -> None:
    # Each value tells its photo, row and column.
    photo = torch.arange(2)[:, None, None, None] * 10_000 + torch.arange(40)[:, None] * 100 + torch.arange(50)
    cut, other = Patches(side=8, per_photo=30).cut(photo, photo + 0.5)
    assert cut.shape == other.shape == (60, 1, 8, 8)
    assert torch.equal(other, cut + 0.5)
    corner = cut[:, 0, 0, 0]
    assert torch.equal(cut[:, 0], corner[:, None, None] + torch.arange(8)[:, None] * 100 + torch.arange(8))
    assert torch.equal(corner // 10_000, torch.arange(2).repeat_interleave(30))
    rows, columns = corner % 10_000 // 100, corner % 100
    assert int(rows.max()) <= 32
    assert int(columns.max()) <= 42
    assert len(torch.stack([rows, columns]).unique(dim=1)[0]) > 40


def test_a_patch_of_the_whole_photo_is_the_photo_and_chance_is_the_seeds() -> None:
    photo = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    (whole,) = Patches(side=16, per_photo=1).cut(photo)
    assert torch.equal(whole, photo)
    patches = [Patches(side=4, seed=seed).cut(photo)[0] for seed in (0, 0, 1)]
    assert torch.equal(patches[0], patches[1])
    assert not torch.equal(patches[0], patches[2])
