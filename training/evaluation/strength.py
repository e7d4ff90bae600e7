"""The first part: whether the photo is protected, how it looks, how it restores, and controls of about its strength."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.evaluation.metrics import psnr_db, ssim
from services.imaging import codec, perturb, pipeline
from services.imaging.receipt import Tier
from training import controls
from training.evaluation.eyes import OTHERS, Eyes
from training.evaluation.lines import Row
from training.evaluation.looks import gradient_similarity_deviation
from training.evaluation.protections import Protections
from training.evaluation.subjects import Subject

Pixels = NDArray[np.uint8]
#: How the names of the rows of perturbations that know nothing of the photo begin.
CONTROLS = "control: "


def measure(subject: Subject, other: Subject, protections: Protections, eyes: Eyes) -> dict[str, Row]:
    """Rows of one photo; other: the photo whose code is a control."""
    original = subject.photo.pixels
    code = protections.code(subject)
    made = subject.photo.with_pixels(protections.protected(subject))
    stored = codec.decode(codec.encode(made, "image/png").data).pixels
    as_it_came = codec.decode(pipeline.write(subject.photo, protections.receipt(subject)).file.data).pixels
    rows = {}
    middles = centre(original), centre(stored)
    for variant, network in enumerate(eyes.names):
        rows[network] = _row(subject, original, stored, eyes, variant)
        rows[f"{network}, centre crop"] = _row(subject, *middles, eyes, variant)
    rows["Lite0, stored as it came"] = _row(subject, original, as_it_came, eyes, 0)
    rows["Lite0"] = Row(rows["Lite0"].clean, rows["Lite0"].right, _figures(subject, stored, protections, eyes))
    for name, pixels in _controls(original, code, protections.code(other)).items():
        row = _row(subject, original, pixels, eyes, 0)
        figures = {"protected_psnr_db": psnr_db(original, pixels)}
        rows[CONTROLS + name] = Row(row.clean, row.right, figures)
        for variant, network in enumerate(eyes.names):
            if network in OTHERS:
                rows[f"{CONTROLS}{name}, seen by {network}"] = _row(subject, original, pixels, eyes, variant)
    return rows


def _row(subject: Subject, clean: Pixels, protected: Pixels, eyes: Eyes, variant: int) -> Row:
    return Row(*(eyes.look(pixels, variant).label == subject.label for pixels in (clean, protected)))


def _figures(
    subject: Subject, stored: Pixels, protections: Protections, eyes: Eyes
) -> dict[str, float | bool]:  # fmt: skip
    original = subject.photo.pixels
    restored = protections.restore(subject, subject.photo.with_pixels(stored))
    found: dict[str, float | bool] = {
        "protected_psnr_db": psnr_db(original, stored),
        "protected_ssim": ssim(original, stored),
        "protected_gmsd": gradient_similarity_deviation(original, stored),
        "protected_lite2_distance": eyes.distance(original, stored),
        "restored_psnr_db": psnr_db(original, restored),
        "restored_bit_exact": bool(np.array_equal(original, restored)),
        "restored_label_agrees": eyes.look(restored, 0).label == eyes.look(original, 0).label,
    }
    if protections.setting.tier is Tier.SEALED:
        found["code_entropy_bytes"] = entropy_bytes(protections.code(subject))
    return found


def _controls(original: Pixels, code: NDArray[np.int8], others: NDArray[np.int8]) -> dict[str, Pixels]:
    """Photos perturbed by what knows nothing of them, as strongly."""
    random = np.random.default_rng(0)
    lower, upper = perturb.headroom(original)
    rms = float(np.sqrt(np.mean((perturb.add(original, code).astype(float) - original) ** 2)))
    shapes = {
        "stripes": controls.stripes(),
        "random code": controls.random_code(random),
        "another photo's code": others.astype(np.float64),
    }
    found = {
        name: perturb.add(original, controls.at_strength(shape, rms, lower, upper)) for name, shape in shapes.items()
    }
    noisy = np.rint(original + random.normal(0.0, rms, original.shape))
    return {**found, "white noise": np.clip(noisy, 0, 255).astype(np.uint8)}


def centre(pixels: Pixels) -> Pixels:
    """The photo's central square."""
    side = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    return np.ascontiguousarray(pixels[top : top + side, left : left + side])


def entropy_bytes(code: NDArray[np.int8]) -> float:
    """Of green, and of red and blue less green, each coded on its own without memory: about what a receipt takes."""
    levels = code.astype(np.int16)
    total = 0.0
    for channel in (levels[1], levels[0] - levels[1], levels[2] - levels[1]):
        share = np.unique(channel, return_counts=True)[1] / channel.size
        total += -float(np.sum(share * np.log2(share))) * channel.size / 8
    return total
