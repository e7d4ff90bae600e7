"""The refiner's rules, on networks small enough to know what they want."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from services.imaging.resample import GRID_SIZE, WORKING_SIZE
from training.models.grid import Up
from training.models.refiner import Refiner, RefinerConfig, draw_views


class Half(nn.Module):
    """Answers which half of the photo is brighter: left or right."""

    def forward(self, x: Tensor) -> Tensor:
        middle = x.shape[3] // 2
        return torch.stack([x[:, :, :, :middle].mean(dim=(1, 2, 3)), x[:, :, :, middle:].mean(dim=(1, 2, 3))], dim=1)


def grey(level: float = 128.0) -> Tensor:
    x = torch.full((1, 3, WORKING_SIZE, WORKING_SIZE), level)
    x[:, :, :, : WORKING_SIZE // 2] += 1.0  # the left half is brighter by a level
    return x


def coloured() -> Tensor:
    x = grey()
    x[:, 0] += 20.0
    return x


def refine(x: Tensor, config: RefinerConfig, room: float = 60.0, strength_db: float = 40.0) -> Tensor:
    bounds = torch.full((1, 3, GRID_SIZE, GRID_SIZE), room)
    return Refiner(config, [Half(), Half()], [224, 240])(x, -bounds, bounds, torch.tensor([[strength_db]]))


def test_the_answer_changes() -> None:
    x = grey()
    code = refine(x, RefinerConfig())
    assert Half()(x).argmax() == 0
    assert Half()(x + Up()(code)).argmax() == 1


@pytest.mark.parametrize("strength_db", [36.0, 42.0])
def test_the_strength_is_the_one_asked_for(strength_db: float) -> None:
    code = refine(grey(), RefinerConfig(level_step=1), strength_db=strength_db)
    rms = Up()(code).square().mean().sqrt()
    assert 20 * torch.log10(255 / rms) == pytest.approx(strength_db, abs=1.0)


def test_a_code_is_a_multiple_of_the_step_within_the_bounds() -> None:
    code = refine(coloured(), RefinerConfig(level_step=2), room=3.0, strength_db=36.0)
    assert code.any()
    assert torch.equal(code, 2 * torch.round(code / 2))
    assert code.abs().max() == 2  # 3 levels of room hold no second step


def test_a_grey_photo_stays_grey() -> None:
    code = refine(grey(), RefinerConfig())
    assert torch.equal(code[:, 0], code[:, 1])
    assert torch.equal(code[:, 0], code[:, 2])


def test_the_same_photo_gives_the_same_code() -> None:
    assert torch.equal(refine(coloured(), RefinerConfig()), refine(coloured(), RefinerConfig()))


def test_views_lie_in_the_working_image_and_the_last_are_plain() -> None:
    config = RefinerConfig(steps=6, crop=0.4, resize=0.2, plain_steps=2)
    views = draw_views(config, [224, 240], torch.Generator().manual_seed(0))
    assert len(views) == 12
    for top, left, height, width, side in views:
        assert top + height <= WORKING_SIZE
        assert left + width <= WORKING_SIZE
        assert min(height, width) >= 0.6 * WORKING_SIZE - 1
        assert 0.8 * 224 - 1 <= side <= 1.2 * 240 + 1
    assert views[-4:] == [(0, 0, 224, 224, 224), (0, 0, 224, 224, 240)] * 2


def test_texture_draws_the_code_to_where_it_hides() -> None:
    x = coloured()
    rough = torch.randint(-40, 41, (1, 1, WORKING_SIZE // 2, WORKING_SIZE), generator=torch.Generator().manual_seed(0))
    x[:, :, : WORKING_SIZE // 2] += rough
    even, drawn = (refine(x, RefinerConfig(texture=power)).abs() for power in (0.0, 1.0))
    half = GRID_SIZE // 2

    def share_on_smooth(code: Tensor) -> Tensor:
        return code[:, :, half:].sum() / code.sum()

    assert share_on_smooth(drawn) < 0.5 * share_on_smooth(even)


@pytest.mark.parametrize(("crop", "looks"), [(0.0, 3), (0.4, 4)])
def test_a_first_look_at_the_whole_photo_tells_its_label_too(crop: float, looks: int) -> None:
    seen: list[int] = []

    class Counted(Half):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(len(x))
            return super().forward(x)

    config = RefinerConfig(steps=3, crop=crop, resize=0.0, plain_steps=0)
    bounds = torch.full((1, 3, GRID_SIZE, GRID_SIZE), 60.0)
    refiner = Refiner(config, [Counted()], [WORKING_SIZE])
    code = refiner(coloured(), -bounds, bounds, torch.tensor([[40.0]]))
    assert len(seen) == looks

    refiner.sees_all_first = False  # one that looks first, whatever it sees next
    assert torch.equal(refiner(coloured(), -bounds, bounds, torch.tensor([[40.0]])), code)
