"""The third part: what an opponent without the key does with ordinary filters.

A row's success rate is what is left of the protection. Its label brought back is the share of the protected photos
(whose answer had changed) that the network reads rightly again; its gain is in PSNR against the original.

The filters' radii are pixels. In a large photo a code's cells are far larger than that, and filters leave them as they
are: so an opponent shrinks such a photo first, to about what classifiers look at.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.restoration import denoise_tv_chambolle

from services.evaluation.metrics import psnr_db
from training.evaluation.eyes import SIDES, Eyes
from training.evaluation.lines import Row
from training.evaluation.protections import Protections
from training.evaluation.subjects import Subject

#: A photo whose short side is longer than the first is shrunk to the second.
_LARGE, _SHRUNK = 640, 320

Pixels = NDArray[np.uint8]
Removal = Callable[[Pixels], Pixels]


def gaussian(pixels: Pixels) -> Pixels:
    """A blur of one and a half pixels."""
    return _as_pixels(cv2.GaussianBlur(pixels, (0, 0), 1.5))


def bilateral(pixels: Pixels) -> Pixels:
    """A bilateral filter that takes differences of up to some 20 levels for noise."""
    return _as_pixels(cv2.bilateralFilter(pixels, d=9, sigmaColor=20, sigmaSpace=4))


def guided(pixels: Pixels, radius: int = 4, epsilon: float = 40.0) -> Pixels:
    """The guided filter of He et al. (2010), each channel guided by itself."""
    x, window = pixels.astype(np.float32), (2 * radius + 1, 2 * radius + 1)
    mean = cv2.blur(x, window)
    variance = cv2.blur(x * x, window) - mean * mean
    slope = variance / (variance + epsilon)
    return _as_pixels(cv2.blur(slope, window) * x + cv2.blur(mean * (1.0 - slope), window))


def bilateral_and_guided(pixels: Pixels) -> Pixels:
    """Both, the bilateral one four times over: the recipe of tools that clean protected pictures."""
    for _ in range(4):
        pixels = bilateral(pixels)
    return guided(pixels)


def down_and_up(pixels: Pixels) -> Pixels:
    """To half the size and back."""
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
    return _as_pixels(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))


def jpeg_50(pixels: Pixels) -> Pixels:
    """A JPEG of quality 50."""
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(pixels[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 50])
    return _as_pixels(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def total_variation(pixels: Pixels) -> Pixels:
    """Minimisation of the total variation (Chambolle 2004)."""
    return _as_pixels(255.0 * denoise_tv_chambolle(pixels / 255.0, weight=0.04, channel_axis=2))


def non_local_means(pixels: Pixels) -> Pixels:
    """The denoiser of Buades et al. (2005)."""
    return _as_pixels(cv2.fastNlMeansDenoisingColored(pixels, None, 5, 5, 5, 15))


REMOVALS: dict[str, Removal] = {
    "Gaussian blur, 1.5 pixels": gaussian,
    "bilateral filter": bilateral,
    "guided filter": guided,
    "bilateral four times, then guided": bilateral_and_guided,
    "half size and back": down_and_up,
    "JPEG 50": jpeg_50,
    "total variation": total_variation,
    "non-local means": non_local_means,
}


def measure(subject: Subject, protections: Protections, eyes: Eyes) -> dict[str, Row]:
    """Rows of one photo: a removal and a network each."""
    original, protected = shrunk(subject.photo.pixels), shrunk(protections.protected(subject))
    rows: dict[str, Row] = {}
    for name, removal in REMOVALS.items():
        rows |= removed(name, subject.label, original, protected, removal(original), removal(protected), eyes)
    return rows


def shrunk(pixels: Pixels) -> Pixels:
    """A large photo as small as classifiers look at it; others as they are."""
    height, width = pixels.shape[:2]
    short = min(height, width)
    if short <= _LARGE:
        return pixels
    size = round(width * _SHRUNK / short), round(height * _SHRUNK / short)
    return _as_pixels(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def removed(
    name: str, label: int, original: Pixels, protected: Pixels, clean: Pixels, cleaned: Pixels, eyes: Eyes
) -> dict[str, Row]:
    """A row a network; clean: the unprotected photo under the same treatment, cleaned: the protected one."""
    gain = psnr_db(original, cleaned) - psnr_db(original, protected)
    rows = {}
    for variant in range(len(SIDES)):
        before, after, cured = (eyes.look(pixels, variant).label == label for pixels in (original, protected, cleaned))
        figures: dict[str, float | bool] = {"gain_db": gain} if variant == 0 else {}
        if before and not after:
            figures["label_brought_back"] = cured
        rows[f"{name}, Lite{variant}"] = Row(eyes.look(clean, variant).label == label, cured, figures)
    return rows


def _as_pixels(x: NDArray[np.generic]) -> Pixels:
    return np.ascontiguousarray(np.clip(np.rint(x), 0, 255).astype(np.uint8))
