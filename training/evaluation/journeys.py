"""The second part: named platforms and the distortions of the paper's Figure 7, with the clean photo beside each."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from services.evaluation.channels import CHANNELS, Channel
from services.evaluation.metrics import psnr_db
from services.imaging import perturb
from services.imaging.photo import Photo
from services.imaging.receipt import Tier
from training.distortions import DISTORTIONS, Distortion
from training.evaluation.eyes import SIDES, Eyes
from training.evaluation.lines import Row
from training.evaluation.protections import Protections
from training.evaluation.subjects import Subject

Pixels = NDArray[np.uint8]


def measure(subject: Subject, protections: Protections, eyes: Eyes) -> dict[str, Row]:
    """Rows of one photo: a channel or distortion and a network each."""
    original = subject.photo.pixels
    protected = protections.protected(subject)
    rows = {}
    for channel in CHANNELS:
        clean, copy = channel(original), channel(protected)
        figures = _gap(subject, channel, clean.pixels, copy, protections)
        rows |= _rows(f"channel: {channel.name}", subject, (clean.pixels, copy.pixels), eyes, figures)
    for name, distortion in DISTORTIONS.items():
        if name != "none":
            pair = _distorted(distortion, original), _distorted(distortion, protected)
            rows |= _rows(f"distortion: {name}", subject, pair, eyes, {})
    return rows


def _rows(
    name: str, subject: Subject, pair: tuple[Pixels, Pixels], eyes: Eyes, figures: dict[str, float | bool]
) -> dict[str, Row]:
    """Of the original and the protected photo after the same treatment."""
    rows = {}
    for variant in range(len(SIDES)):
        right = [eyes.look(pixels, variant).label == subject.label for pixels in pair]
        rows[f"{name}, Lite{variant}"] = Row(right[0], right[1], figures if variant == 0 else {})
    return rows


def _gap(
    subject: Subject, channel: Channel, clean: Pixels, copy: Photo, protections: Protections
) -> dict[str, float | bool]:  # fmt: skip
    """How near the owner comes from the platform's copy. Where the platform shrinks, the measure is the original as
    shrunk by it and never compressed.
    """
    reference = channel.shrink(subject.photo.pixels)
    restored = protections.restore(subject, copy)
    own, back = psnr_db(reference, clean), psnr_db(reference, restored)
    plainly = perturb.subtract(copy.pixels, protections.code(subject))
    figures: dict[str, float | bool] = {
        "channel_psnr_db": own,
        "restored_psnr_db": back,
        "gap_to_channel_db": own - back,
        "gap_to_channel_subtracted_plainly_db": own - psnr_db(reference, plainly),
        "restored_bit_exact": bool(np.array_equal(reference, restored)),
    }
    if protections.setting.tier is Tier.ONE_PASS:
        estimated = protections.restore(subject, copy, has_receipt=False)
        figures["gap_to_channel_without_receipt_db"] = own - psnr_db(reference, estimated)
    return figures


def _distorted(distortion: Distortion, pixels: Pixels) -> Pixels:
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255.0
    moved = distortion(x)[0].permute(1, 2, 0).mul(255.0).round().clamp(0, 255)
    return np.ascontiguousarray(moved.numpy().astype(np.uint8))
