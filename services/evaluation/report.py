"""The proof for one photo: what classifiers see before and after, and how well it restores."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.errors import InvalidImageError, Reason
from services.evaluation import metrics
from services.evaluation.labels import imagenet_labels
from services.imaging.photo import Photo
from services.imaging.resample import down
from services.imaging.threads import in_thread
from services.inference.backend import CLASSIFIER_SIDES, Backend


@dataclass(frozen=True)
class Prediction:
    """A classifier's answer. confidence: 0..1."""

    label: str
    confidence: float


@dataclass(frozen=True)
class ClassifierView:
    """What one classifier sees.

    Attributes:
        is_protected: whether its answer changed.
        was_used_in_making: whether the code was made on it.
    """

    classifier: str
    original: Prediction
    protected: Prediction
    restored: Prediction | None
    is_protected: bool
    was_used_in_making: bool


@dataclass(frozen=True)
class Report:
    """The figures for one photo; dB are infinite where two photos are equal.

    Attributes:
        is_protected: whether the answer of every classifier that the code was made on changed.
    """

    views: tuple[ClassifierView, ...]
    protected_psnr_db: float
    protected_l2: float
    restored_psnr_db: float
    is_bit_exact: bool
    is_protected: bool


def check_pair(original: Photo, protected: Photo) -> None:
    """Refuses two photos that cannot be compared.

    Raises:
        InvalidImageError: they differ in size.
    """
    if original.pixels.shape != protected.pixels.shape:
        raise InvalidImageError(
            Reason.SIZE_MISMATCH,
            f"The original is {original.width}x{original.height}, the protected photo {protected.width}x"
            f"{protected.height}. Give the two files of one photo.",
            field="protected_photo",
        )


async def evaluate(
    original: Photo,
    protected: Photo,
    restored: Photo,
    backend: Backend,
    made_with: Sequence[str],
    others: Sequence[str] = (),
) -> Report:
    """Measures a protected photo, and what was restored from it, against the original.

    Args:
        made_with: the classifiers on which the code was made.
        others: further classifiers to ask.

    Raises:
        InvalidImageError: they differ in size.
        UnavailableError: a model cannot answer now.
    """
    check_pair(original, protected)
    a, b, c = original.pixels, protected.pixels, restored.pixels
    asked = [*made_with, *(name for name in others if name not in made_with)]
    restored_psnr_db = await in_thread(metrics.psnr_db, a, c)
    is_bit_exact = restored_psnr_db == float("inf")
    # A photo that was restored bit for bit need not be looked at again.
    different = (a, b) if is_bit_exact else (a, b, c)
    looks = [(name, await in_thread(_look, different, CLASSIFIER_SIDES[name])) for name in asked]
    views = await asyncio.gather(*(_view(name, look, name in made_with, backend) for name, look in looks))
    return Report(
        views=tuple(views),
        protected_psnr_db=await in_thread(metrics.psnr_db, a, b),
        protected_l2=await in_thread(metrics.l2, a, b),
        restored_psnr_db=restored_psnr_db,
        is_bit_exact=is_bit_exact,
        is_protected=all(view.is_protected for view in views if view.was_used_in_making),
    )


def _look(photos: Sequence[NDArray[np.uint8]], side: int) -> NDArray[np.uint8]:
    """The photos as a classifier sees them; shape (N, 3, side, side)."""
    return np.stack([down(pixels, side) for pixels in photos])


async def _view(classifier: str, look: NDArray[np.uint8], was_used_in_making: bool, backend: Backend) -> ClassifierView:
    """look: at the original, the protected and the restored photo, the last where it is another than the first."""
    answer = await backend.infer(classifier, {"INPUT__0": look})
    probabilities = answer.tensors["OUTPUT__0"]
    labels = imagenet_labels()
    seen = [Prediction(labels[int(row.argmax())], float(row.max())) for row in probabilities]
    original, protected, restored = [*seen, seen[0]][:3]
    changed = bool(probabilities[0].argmax() != probabilities[1].argmax())
    return ClassifierView(classifier, original, protected, restored, changed, was_used_in_making)
