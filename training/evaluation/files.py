"""A further part: the file that the product gives out for a JPEG that came as one, and what comes back of it.

Of the file itself, and of named platforms' copies of it. The other parts measure lossless files.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from services.evaluation.channels import CHANNELS
from services.evaluation.metrics import psnr_db
from services.imaging import codec, jpeg_file, pipeline
from services.imaging.photo import Photo
from services.imaging.receipt import Receipt
from training.evaluation.eyes import Eyes, Pixels
from training.evaluation.lines import Row
from training.evaluation.protections import Protections
from training.evaluation.subjects import Subject

#: How the row of the file itself is named, and of one in whose steps nothing was divided for the code.
OWN, UNDIVIDED = "the file itself", "in the original's steps"
#: Copies that no platform is known for: encoded anew with the original's steps, and a lossless file of what is seen.
AGAIN, SCREENSHOT = "saved again with the original's steps", "a screenshot"
#: What bit for bit counts as in a mean, and the most that anything does.
EXACT_DB = 100.0


def measure(subject: Subject, protections: Protections, eyes: Eyes) -> dict[str, Row]:
    """Rows of one photo: the file, in everybody's eyes, and copies of it, in those of Lite0.

    Raises:
        ValueError: the photo came as no JPEG.
    """
    original = subject.photo
    if original.file is None:
        raise ValueError(f"{subject.name} is no JPEG whose coefficients can be moved: measure at the native size")
    written = pipeline.write(original, protections.receipt(subject))
    undivided = _undivided(original, written.receipt)
    rows = {}
    for name, file in ((OWN, written), (UNDIVIDED, undivided)):
        seen = codec.decode(file.file.data)
        rows[name] = _row(subject, original.pixels, seen.pixels, eyes, _of_file(original, file, seen, protections))
        for variant, network in list(enumerate(eyes.names))[1:]:
            rows[f"{name}, seen by {network}"] = _row(subject, original.pixels, seen.pixels, eyes, {}, variant)
    protected = codec.decode(written.file.data)
    for channel in CHANNELS:
        clean, copy = channel(original.pixels), channel(protected.pixels)
        figures = _of_copy(original, channel.shrink(original.pixels), clean, copy, written.receipt, protections)
        rows[channel.name] = _row(subject, clean.pixels, copy.pixels, eyes, figures)
    for name, file in ((AGAIN, written), (f"{AGAIN}, {UNDIVIDED}", undivided)):
        clean, copy = (_saved_again(original, seen) for seen in (original, codec.decode(file.file.data)))
        figures = _of_copy(original, original.pixels, clean, copy, file.receipt, protections)
        rows[name] = _row(subject, clean.pixels, copy.pixels, eyes, figures)
    screenshot = codec.decode(codec.encode(protected, "image/png").data)
    figures = _of_copy(original, original.pixels, original, screenshot, written.receipt, protections)
    told = {
        name: figures[name] for name in ("restored_psnr_db", "restored_bit_exact")
    }  # the unprotected one's is exact
    rows[SCREENSHOT] = _row(subject, original.pixels, screenshot.pixels, eyes, told)
    return rows


def _undivided(original: Photo, receipt: Receipt) -> pipeline.Written:
    """The protected file with the original's own steps, as if they were fine enough for any code."""
    layout = receipt.original_layout
    assert original.file is not None
    data = jpeg_file.add(original.file, receipt.code, (), original.traits.icc_profile)
    if data is None or layout is None:
        raise ValueError("the coefficients of a JPEG cannot be moved: install libjpeg-turbo's TurboJPEG library")
    moved_in = replace(layout, moved_in=original.file.layout)
    return pipeline.Written(codec.Encoded(data, codec.JPEG, True), replace(receipt, original_layout=moved_in))


def _of_file(
    original: Photo, written: pipeline.Written, seen: Photo, protections: Protections
) -> dict[str, float | bool]:
    restored = protections.restored(seen, written.receipt)
    assert original.file is not None
    return {
        "protected_psnr_db": psnr_db(original.pixels, seen.pixels),
        "growth_percent": 100.0 * (len(written.file.data) / len(original.file.data) - 1.0),
        "restored_bit_exact": bool(np.array_equal(original.pixels, restored.photo.pixels)),
        "restored_as_jpeg": restored.file is not None,
    }


def _of_copy(
    original: Photo, reference: Pixels, clean: Photo, copy: Photo, receipt: Receipt, protections: Protections
) -> dict[str, float | bool]:
    """How near to the original what is restored of a copy comes, and the copy of the unprotected photo.

    Args:
        reference: the original at the copy's size.
    """
    back = protections.restored(copy, receipt).photo.pixels
    restored_db, clean_db = (min(EXACT_DB, psnr_db(reference, seen)) for seen in (back, clean.pixels))
    return {
        "clean_copy_psnr_db": clean_db,
        "restored_psnr_db": restored_db,
        "gap_to_channel_db": clean_db - restored_db,
        "restored_bit_exact": bool(np.array_equal(back, original.pixels)),
    }


def _saved_again(original: Photo, seen: Photo) -> Photo:
    """A photo decoded, and encoded anew with the steps that the original had."""
    return codec.decode(codec.encode(original.with_pixels(seen.pixels)).data)


def _row(
    subject: Subject,
    clean: Pixels,
    protected: Pixels,
    eyes: Eyes,
    figures: dict[str, float | bool],
    variant: int = 0,
) -> Row:
    is_right, still = (eyes.look(seen, variant).label == subject.label for seen in (clean, protected))
    return Row(is_right, still, figures)
