"""The refiner's rules, on networks small enough to know what they want."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from services.imaging.resample import GRID_SIZE, WORKING_SIZE
from training.models.grid import Up
from training.models.refiner import Refiner, RefinerConfig, draw_views, resize


class ByAutograd(nn.Module):
    """Finds the slope that a refiner asks a network for by autograd."""

    def keep(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        photo = x.detach().requires_grad_(True)
        with torch.enable_grad():
            ends = list(self(photo))
        return ends, [photo, *ends]

    def answer(self, ends: list[Tensor]) -> tuple[Tensor, Tensor]:
        logits, features = ends
        return logits, features

    def back(self, slopes: list[Tensor], kept: list[Tensor]) -> Tensor:
        photo, *ends = kept
        return torch.autograd.grad(ends, photo, slopes)[0]


class Half(ByAutograd):
    """Answers which half of the photo is brighter: left or right. Its features are how bright each half is."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        middle = x.shape[3] // 2
        halves = [x[:, :, :, :middle].mean(dim=(1, 2, 3)), x[:, :, :, middle:].mean(dim=(1, 2, 3))]
        brightness = torch.stack(halves, dim=1)
        return brightness, brightness.clone()


def answer(x: Tensor) -> int:
    return int(Half()(x)[0].argmax())


def grey(level: float = 128.0) -> Tensor:
    x = torch.full((1, 3, WORKING_SIZE, WORKING_SIZE), level)
    x[:, :, :, : WORKING_SIZE // 2] += 1.0  # the left half is brighter by a level
    return x


def coloured() -> Tensor:
    x = grey()
    x[:, 0] += 20.0
    return x


def refine(
    x: Tensor, config: RefinerConfig, room: float = 60.0, strength_db: float = 40.0, second: Tensor | None = None
) -> Tensor:
    bounds = torch.full((1, 3, GRID_SIZE, GRID_SIZE), room)
    images = [x, resize(x, 240) if second is None else second]
    refiner, start = Refiner(config, [Half(), Half()], [224, 240]), torch.zeros_like(bounds)
    return refiner(images, -bounds, bounds, torch.tensor([[strength_db]]), start, torch.zeros(1, 1))


def test_the_answer_changes() -> None:
    x = grey()
    code = refine(x, RefinerConfig())
    assert answer(x) == 0
    assert answer(x + Up()(code)) == 1


def test_each_network_is_shown_its_own_image() -> None:
    """The second sees a photo whose right half is brighter, and is to be misled about that one."""
    config = RefinerConfig(steps=4, plain_steps=4, extra_steps=0, momentum=0.0)
    x, mirrored = grey(), resize(grey(), 240).flip(3)
    half = GRID_SIZE // 2
    alike, against = (
        code[..., :half].mean() - code[..., half:].mean()
        for code in (refine(x, config), refine(x, config, second=mirrored))
    )
    assert alike < -3.0
    assert against.abs() < 1.5, "what misleads the one is no help with the other"


def test_steps_are_added_until_every_network_is_misled() -> None:
    x = grey()
    few = RefinerConfig(steps=1, plain_steps=1, step_share=0.1, extra_steps=0)
    assert answer(x + Up()(refine(x, few))) == 0
    code = refine(x, replace(few, extra_steps=12))
    assert answer(x + Up()(code)) == 1


class TopAndHalf(Half):
    """Features that its answer does not depend on: how much brighter than grey the top and the bottom are."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        middle = x.shape[2] // 2
        rows = [x[:, :, :middle].mean(dim=(1, 2, 3)), x[:, :, middle:].mean(dim=(1, 2, 3))]
        return super().forward(x)[0], torch.stack(rows, dim=1) - 127.5


def test_the_features_are_made_unlike_too() -> None:
    x, bounds = grey(), torch.full((1, 3, GRID_SIZE, GRID_SIZE), 60.0)

    def likeness(weight: float) -> Tensor:
        refiner = Refiner(RefinerConfig(likeness=weight, extra_steps=0), [TopAndHalf()], [WORKING_SIZE])
        code = refiner([x], -bounds, bounds, torch.tensor([[40.0]]), torch.zeros_like(bounds), torch.zeros(1, 1))
        return torch.cosine_similarity(TopAndHalf()(x)[1], TopAndHalf()(x + Up()(code))[1])

    assert likeness(0.0) > 0.99
    assert likeness(40.0) < 0.5


def test_no_step_is_added_to_a_photo_that_is_done() -> None:
    config = RefinerConfig(margin=0.0)
    assert torch.equal(refine(grey(), config), refine(grey(), replace(config, extra_steps=0)))


def test_a_further_round_goes_on_from_the_code_of_the_one_before() -> None:
    x, bounds = grey(), torch.full((1, 3, GRID_SIZE, GRID_SIZE), 60.0)
    few = RefinerConfig(steps=1, plain_steps=1, step_share=0.1, extra_steps=0, level_step=1)
    refiner, strength = Refiner(few, [Half()], [WORKING_SIZE]), torch.tensor([[32.0]])
    code, leads = torch.zeros_like(bounds), []
    for _ in range(6):
        code = refiner([x], -bounds, bounds, strength, code, torch.zeros(1, 1))
        logits = Half()(x + Up()(code))[0][0]
        leads.append(float(logits[0] - logits[1]))
        assert psnr_db(code) >= 32.0
    assert leads == sorted(leads, reverse=True)
    assert leads[-1] < 3 * leads[0] < 0, "each goes on, and away from the original's label"


def test_each_round_has_views_of_its_own_and_then_they_come_again() -> None:
    x, bounds = coloured(), torch.full((1, 3, GRID_SIZE, GRID_SIZE), 60.0)
    refiner = Refiner(RefinerConfig(steps=4, extra_steps=0, rounds=2), [Half()], [WORKING_SIZE])
    strength, start = torch.tensor([[40.0]]), torch.zeros_like(bounds)
    first, second, third = (
        refiner([x], -bounds, bounds, strength, start, torch.tensor([[made]])) for made in (0, 1, 2)
    )
    assert not torch.equal(first, second)
    assert torch.equal(first, third)


def test_a_photo_without_room_stays_as_it_is() -> None:
    assert not refine(grey(), RefinerConfig(), room=0.0).any()


def psnr_db(code: Tensor) -> Tensor:
    return 20 * torch.log10(255 / Up()(code).square().mean().sqrt())


@pytest.mark.parametrize("strength_db", [36.0, 42.0])
def test_the_strength_is_the_one_asked_for(strength_db: float) -> None:
    code = refine(grey(), RefinerConfig(level_step=1), strength_db=strength_db)
    assert psnr_db(code) == pytest.approx(strength_db, abs=1.0)


@pytest.mark.parametrize("level_step", [1, 2, 8])
def test_rounding_to_steps_makes_no_code_stronger_than_asked(level_step: int) -> None:
    x = coloured() + torch.randint(-40, 41, (1, 3, 224, 224), generator=torch.Generator().manual_seed(0))
    assert psnr_db(refine(x, RefinerConfig(level_step=level_step), strength_db=40.0)) > 39.8


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


def test_views_lie_in_the_networks_image() -> None:
    config = RefinerConfig(steps=60, crop=0.4, resize=0.2)
    views = draw_views(config, 240, torch.Generator().manual_seed(0))
    assert len(set(views)) == 60
    for top, left, height, width, side in views:
        assert top + height <= 240
        assert left + width <= 240
        assert min(height, width) >= 0.6 * 240 - 1
        assert 0.8 * 240 - 1 <= side <= 1.2 * 240 + 1


def test_texture_draws_the_code_to_where_it_hides() -> None:
    x = coloured()
    rough = torch.randint(-40, 41, (1, 1, WORKING_SIZE // 2, WORKING_SIZE), generator=torch.Generator().manual_seed(0))
    x[:, :, : WORKING_SIZE // 2] += rough
    even, drawn = (refine(x, RefinerConfig(texture=power)).abs() for power in (0.0, 1.0))
    half = GRID_SIZE // 2

    def share_on_smooth(code: Tensor) -> Tensor:
        return code[:, :, half:].sum() / code.sum()

    assert share_on_smooth(drawn) < 0.5 * share_on_smooth(even)


def test_a_code_hides_more_where_it_is_to_be_seen_by_nobody() -> None:
    x = coloured()
    rough = torch.randint(-40, 41, (1, 1, WORKING_SIZE // 2, WORKING_SIZE), generator=torch.Generator().manual_seed(0))
    x[:, :, : WORKING_SIZE // 2] += rough
    bounds, zeros = torch.full((1, 3, GRID_SIZE, GRID_SIZE), 60.0), torch.zeros(1, 3, GRID_SIZE, GRID_SIZE)

    def share_on_smooth(strength_db: float, hiding: float) -> float:
        refiner = Refiner(RefinerConfig(hiding=hiding, extra_steps=0), [Half()], [WORKING_SIZE])
        code = refiner([x], -bounds, bounds, torch.tensor([[strength_db]]), zeros, torch.zeros(1, 1)).abs()
        return float(code[:, :, GRID_SIZE // 2 :].sum() / code.sum())

    assert share_on_smooth(38.0, 0.5) == share_on_smooth(38.0, 0.0)
    between, weak = share_on_smooth(40.0, 0.5), share_on_smooth(42.0, 0.5)
    assert weak < 0.6 * share_on_smooth(42.0, 0.0)
    assert weak < between < share_on_smooth(38.0, 0.5)


class RedHalf(Half):
    """As :class:`Half`, of the red alone."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return super().forward(x[:, :1])


def test_colours_can_be_left_to_textures() -> None:
    x = coloured()
    rough = torch.randint(-40, 41, (1, 1, WORKING_SIZE // 2, WORKING_SIZE), generator=torch.Generator().manual_seed(0))
    x[:, :, : WORKING_SIZE // 2] += rough
    bounds = torch.full((1, 3, GRID_SIZE, GRID_SIZE), 60.0)

    def colour(colour_contrast: float) -> tuple[float, float]:
        """How much of the code is colour, on the texture and on the smooth half."""
        refiner = Refiner(RefinerConfig(texture=0.0, colour_contrast=colour_contrast), [RedHalf()], [WORKING_SIZE])
        zeros = torch.zeros_like(bounds), torch.zeros(1, 1)
        code = refiner([x], -bounds, bounds, torch.tensor([[36.0]]), *zeros)
        own = (code - code.mean(dim=1, keepdim=True)).abs()
        rows = GRID_SIZE // 2
        return float(own[:, :, : rows - 1].mean()), float(own[:, :, rows + 1 :].mean())

    on_texture, on_smooth = colour(0.0)
    assert min(on_texture, on_smooth) > 0.5
    on_texture, on_smooth = colour(8.0)
    assert on_texture > 0.5
    assert on_smooth < 0.05


def test_colours_keep_to_their_cells_brightness_where_a_code_hides() -> None:
    class RedSpot(Half):
        """Asks for red in a few cells, and nothing else."""

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return super().forward(x[:, :1, :32, :32])

    x, bounds = coloured(), torch.full((1, 3, GRID_SIZE, GRID_SIZE), 60.0)

    def colour(strength_db: float, most: float, bounds: Tensor = bounds) -> float:
        """The most of it in any cell, in radii."""
        config = RefinerConfig(colour_most=most, level_step=1, colour_contrast=0.0, extra_steps=0)
        refiner = Refiner(config, [RedSpot()], [WORKING_SIZE])
        zeros = torch.zeros_like(bounds), torch.zeros(1, 1)
        code = refiner([x], -bounds, bounds, torch.tensor([[strength_db]]), *zeros)
        assert bool((code.abs() <= bounds).all())
        return float((code - code.mean(dim=1, keepdim=True)).abs().max()) / (255.0 * 10 ** (-strength_db / 20))

    assert colour(42.0, 0.0) > 4.0
    assert colour(42.0, 2.0) < 2.5  # rounding to whole levels adds to it
    assert 2.5 < colour(40.0, 2.0) < 4.5, "at 40 dB it is allowed twice as much"
    assert colour(38.0, 2.0) == colour(38.0, 0.0)
    colour(42.0, 2.0, torch.full_like(bounds, 3.0))


@pytest.mark.parametrize(("plain_steps", "looks"), [(3, 3), (2, 4)])
def test_a_first_look_at_the_whole_photo_tells_its_label_too(plain_steps: int, looks: int) -> None:
    seen: list[int] = []

    class Counted(Half):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            seen.append(len(x))
            return super().forward(x)

    config = RefinerConfig(steps=3, plain_steps=plain_steps, extra_steps=0)
    bounds = torch.full((1, 3, GRID_SIZE, GRID_SIZE), 60.0)
    x = coloured()
    refiner = Refiner(config, [Counted()], [WORKING_SIZE])
    code = refiner([x], -bounds, bounds, torch.tensor([[40.0]]), torch.zeros_like(bounds), torch.zeros(1, 1))
    assert len(seen) == looks
    assert answer(x + Up()(code)) == 1
