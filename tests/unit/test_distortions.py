"""The distortions of Figure 7."""

from __future__ import annotations

import pytest
import torch

from training.distortions import DISTORTIONS, gaussian_blur, gaussian_noise
from training.jpeg import jpeg

PHOTO = torch.rand(3, 3, 32, 40, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", DISTORTIONS)
@pytest.mark.parametrize("shape", [(2, 1, 28, 28), (3, 3, 32, 40)])
def test_shape_and_range_are_kept_and_all_but_one_change_the_picture(name: str, shape: tuple[int, ...]) -> None:
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    found = DISTORTIONS[name](x)
    assert found.shape == x.shape
    assert 0.0 <= float(found.min()) <= float(found.max()) <= 1.0
    assert torch.equal(found, x) == (name == "none")
    assert torch.equal(found, DISTORTIONS[name](x))


@pytest.mark.parametrize("name", ["gaussian_blur", "jpeg", "centre_crop", "flip", "resize"])
def test_a_flat_picture_stays_as_it_is(name: str) -> None:
    flat = torch.full((1, 3, 32, 32), 100 / 255)
    # JPEG quantises the brightness itself.
    torch.testing.assert_close(DISTORTIONS[name](flat), flat, atol=2.5 / 255 if name == "jpeg" else 1e-6, rtol=0)


def test_two_flips_are_none() -> None:
    assert torch.equal(DISTORTIONS["flip"](DISTORTIONS["flip"](PHOTO)), PHOTO)


def test_the_crop_keeps_the_middle() -> None:
    x = torch.zeros(1, 1, 41, 41)
    x[..., 20, 20] = 1.0
    assert int(DISTORTIONS["centre_crop"](x).argmax()) == 20 * 41 + 20


def test_the_blur_is_scipys() -> None:
    from scipy.ndimage import gaussian_filter

    expected = gaussian_filter(PHOTO[0, 0].numpy().astype("float64"), 2.0, mode="mirror", truncate=4.0)
    torch.testing.assert_close(
        gaussian_blur(PHOTO[:1, :1], 2.0)[0, 0].double(), torch.from_numpy(expected), atol=1e-5, rtol=0
    )


def test_the_noise_has_its_sigma_and_depends_on_its_seed() -> None:
    grey = torch.full((1, 3, 64, 64), 0.5)
    assert float(gaussian_noise(grey, 0.05).std()) == pytest.approx(0.05, rel=0.05)
    assert not torch.equal(gaussian_noise(grey, 0.05), gaussian_noise(grey, 0.05, seed=1))


def test_jpeg_loses_more_at_a_lower_quality_and_keeps_the_colours_apart() -> None:
    losses = [float((jpeg(PHOTO, q) - PHOTO).square().mean()) for q in (95, 70, 20)]
    assert losses == sorted(losses)
    red = torch.zeros(1, 3, 16, 16)
    red[:, 0] = 1.0
    assert float(jpeg(red, 90)[:, 0].mean()) > 0.95
    assert float(jpeg(red, 90)[:, 2].mean()) < 0.05


@pytest.mark.parametrize(("shape", "quality"), [((1, 2, 8, 8), 70), ((1, 3, 8, 8), 0), ((1, 3, 8, 8), 101)])
def test_jpeg_refuses_what_it_can_not_encode(shape: tuple[int, ...], quality: int) -> None:
    with pytest.raises(ValueError, match="JPEG"):
        jpeg(torch.zeros(shape), quality)
