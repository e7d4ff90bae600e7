"""APE-GAN and ARN: each loss falls, noise goes, runs repeat."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from training.defenses import ApeGanSettings, ArnSettings, train_ape_gan, train_arn
from training.defenses.ape_gan import ApeGanTraining
from training.defenses.arn import ArnTraining

DEVICE = torch.device("cpu")


def bars(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Bright bars, and the same under two kinds of noise."""
    random = torch.Generator().manual_seed(0)
    clean = torch.zeros(count, 1, 16, 16)
    for index, column in enumerate(torch.randint(0, 14, (count,), generator=random).tolist()):
        clean[index, :, :, column : column + 2] = 1.0
    checks = 0.3 * (torch.arange(16)[:, None] + torch.arange(16)).remainder(2)
    speckle = 0.3 * torch.rand(clean.shape, generator=random).round()
    return clean, (clean + checks).clamp(0, 1), (clean + speckle).clamp(0, 1)


def test_a_step_lowers_each_loss_of_ape_gan() -> None:
    clean, checks, _ = bars(16)
    training = ApeGanTraining(1, ApeGanSettings(learning_rate=1e-4), DEVICE)
    before = training.step(clean, checks)
    after = training.step(clean, checks)
    assert after["generator"] < before["generator"]
    assert after["judge"] < before["judge"]


def test_a_step_lowers_each_loss_of_arn() -> None:
    clean, *bad = bars(16)
    training = ArnTraining(1, 2, ArnSettings(learning_rate=1e-4), DEVICE)
    before = training.step(clean, *bad)
    after = training.step(clean, *bad)
    assert after["network"] < before["network"]
    assert after["judges"] < before["judges"]


def test_ape_gan_removes_the_noise_it_learned() -> None:
    clean, checks, _ = bars(96)
    settings = ApeGanSettings(widths=(8, 16), epochs=60, batch=16, learning_rate=3e-3, adversarial_weight=0.0)
    defense = train_ape_gan(clean[:64], checks[:64], settings)
    error = (defense(checks[64:]) - clean[64:]).square().mean()
    assert error < 0.5 * (checks[64:] - clean[64:]).square().mean()


def test_arn_removes_both_noises() -> None:
    clean, checks, speckle = bars(96)
    settings = ArnSettings(widths=(8, 16), features=8, epochs=25, batch=16, learning_rate=3e-3)
    train = {"checks": checks[:64], "speckle": speckle[:64]}
    defense = train_arn(clean[:64], train, settings)
    for bad in (checks, speckle):
        error = (defense(bad[64:]) - clean[64:]).square().mean()
        assert error < 0.7 * (bad[64:] - clean[64:]).square().mean()


def test_both_repeat_themselves() -> None:
    clean, checks, speckle = bars(32)
    ape_settings, arn_settings = (
        ApeGanSettings(widths=(8, 16), epochs=2, batch=16),
        ArnSettings(widths=(8, 16), epochs=2, batch=16),
    )
    train = {"checks": checks, "speckle": speckle}
    for once, again in (
        [train_ape_gan(clean, checks, ape_settings) for _ in range(2)],
        [train_arn(clean, train, arn_settings) for _ in range(2)],
    ):
        assert torch.equal(once(checks), again(checks))


@pytest.mark.parametrize("shape", [(2, 1, 28, 28), (2, 3, 224, 224)])
def test_both_keep_shape_and_range_and_leave_their_weights_alone(shape: tuple[int, ...]) -> None:
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    ape = train_ape_gan(x, x, ApeGanSettings(widths=(4, 4), epochs=1, batch=2))
    arn = train_arn(x, {"a": x, "b": x}, ArnSettings(widths=(4, 4), features=4, epochs=1, batch=2))
    for defense, network in ((ape, ape.generator), (arn, arn.network)):
        held = {k: v.clone() for k, v in network.state_dict().items()}
        found = defense(x)
        assert found.shape == x.shape
        assert 0.0 <= float(found.min()) <= float(found.max()) <= 1.0
        assert all(torch.equal(held[k], v) for k, v in network.state_dict().items())


def test_what_is_no_pair_is_refused() -> None:
    x = torch.zeros(4, 1, 16, 16)
    with pytest.raises(ValueError, match="have to be pairs"):
        train_ape_gan(x, x[:3], ApeGanSettings(batch=2))
    with pytest.raises(ValueError, match="multiples of 4"):
        train_ape_gan(x[..., :15], x[..., :15], ApeGanSettings(batch=2))
    with pytest.raises(ValueError, match="fewer than one batch"):
        train_ape_gan(x, x, ApeGanSettings(batch=64))
    with pytest.raises(ValueError, match="two attacks"):
        train_arn(x, {"only": x}, ArnSettings(batch=2))
