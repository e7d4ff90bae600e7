"""A further part: the file that the product gives out for a JPEG that came as one, and what comes back of it.

Of the file itself, and of named platforms' copies of it. The other parts measure lossless files.
"""

from __future__ import annotations

import numpy as np

from services.evaluation.channels import CHANNELS
from services.evaluation.metrics import psnr_db
from services.imaging import codec, jpeg_file, pipeline
from training.evaluation.eyes import Eyes
from training.evaluation.lines import Row
from training.evaluation.protections import Protections
from training.evaluation.subjects import Subject

#: How the row of the file itself is named, and of one in whose steps nothing was divided for the code.
OWN, UNDIVIDED = "the file itself", "in the original's steps"
#: What bit for bit counts as in a mean, and the most that anything does.
EXACT_DB = 100.0


def measure(subject: Subject, protections: Protections, eyes: Eyes) -> dict[str, Row]:
    """Rows of one photo: the file, in everybody's eyes, and each platform's copy of it, in those of Lite0.

    Raises:
        ValueError: the photo came as no JPEG.
    """
    original = subject.photo
    if original.file is None:
        raise ValueError(f"{subject.name} is no JPEG whose coefficients can be moved: measure at the native size")
    written = pipeline.write(original, protections.receipt(subject))
    protected = codec.decode(written.file.data)
    receipt = written.receipt
    restored = protections.restored(protected, receipt)
    pixels = original.pixels
    figures: dict[str, float | bool] = {
        "protected_psnr_db": psnr_db(pixels, protected.pixels),
        "growth_percent": 100.0 * (len(written.file.data) / len(original.file.data) - 1.0),
        "restored_bit_exact": bool(np.array_equal(pixels, restored.photo.pixels)),
        "restored_as_jpeg": restored.file is not None,
    }
    undivided = jpeg_file.add(original.file, receipt.code, (), original.traits.icc_profile)
    if undivided is None:
        raise ValueError(f"the coefficients of {subject.name} cannot be moved: install libjpeg-turbo's TurboJPEG")
    as_before = codec.decode(undivided).pixels
    figures_before: dict[str, float | bool] = {
        "protected_psnr_db": psnr_db(pixels, as_before),
        "growth_percent": 100.0 * (len(undivided) / len(original.file.data) - 1.0),
    }
    rows = {}
    for name, seen, told in ((OWN, protected.pixels, figures), (UNDIVIDED, as_before, figures_before)):
        rows[name] = _row(subject, pixels, seen, eyes, told)
        for variant, network in list(enumerate(eyes.names))[1:]:
            rows[f"{name}, seen by {network}"] = _row(subject, pixels, seen, eyes, {}, variant)
    for channel in CHANNELS:
        reference, clean, copy = channel.shrink(pixels), channel(pixels).pixels, channel(protected.pixels)
        back = protections.restored(copy, receipt).photo.pixels
        restored_db, clean_db = (min(EXACT_DB, psnr_db(reference, seen)) for seen in (back, clean))
        figures = {
            "clean_copy_psnr_db": clean_db,
            "restored_psnr_db": restored_db,
            "gap_to_channel_db": clean_db - restored_db,
            "restored_bit_exact": bool(np.array_equal(back, original.pixels)),
        }
        rows[channel.name] = _row(subject, clean, copy.pixels, eyes, figures)
    return rows


def _row(
    subject: Subject,
    clean: np.ndarray,
    protected: np.ndarray,
    eyes: Eyes,
    figures: dict[str, float | bool],
    variant: int = 0,
) -> Row:
    is_right, still = (eyes.look(seen, variant).label == subject.label for seen in (clean, protected))
    return Row(is_right, still, figures)
