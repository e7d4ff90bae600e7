"""One photo in one tier, through the three services; and what is told of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from srae_client import files, receipts, records
from srae_client.client import Client
from srae_client.demo import photos
from srae_client.demo.photos import Pixels, Sample
from srae_client.records import EvaluateRecord


@dataclass(frozen=True)
class Pictures:
    """A picture's file, and its preview for the page; both are relative to the demo's folder."""

    file: str
    preview: str


@dataclass(frozen=True)
class TierResult:
    """One photo in one tier."""

    tier: str
    protected: Pictures
    restored: Pictures
    difference: Pictures
    receipt: str
    receipt_bytes: int
    protect_seconds: float
    restore_seconds: float
    evaluation: EvaluateRecord


@dataclass(frozen=True)
class PhotoResult:
    """One photo in all tiers."""

    name: str
    title: str
    mime_type: str
    width: int
    height: int
    size_bytes: int
    original: Pictures
    tiers: list[TierResult]


class Gallery:
    """The demo's folder. What an earlier demo left there is replaced: these files are ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, name: str, content: bytes) -> str:
        (self.folder / name).write_bytes(content)
        return name

    def hang(self, stem: str, extension: str, file: bytes) -> Pictures:
        """Writes a picture and its preview."""
        preview = self.write(f"{stem}-preview.jpg", photos.preview(photos.decode(file)))
        return Pictures(self.write(stem + extension, file), preview)

    def hang_difference(self, stem: str, original: Pixels, other: bytes) -> Pictures:
        """Writes what was added to a photo, amplified."""
        amplified = photos.difference(original, photos.decode(other))
        preview = self.write(f"{stem}-preview.jpg", photos.preview(amplified))
        return Pictures(self.write(f"{stem}.png", photos.encode(amplified, ".png")), preview)


async def run_tier(client: Client, gallery: Gallery, sample: Sample, original: bytes, tier: str) -> TierResult:
    """Protects, restores and evaluates one photo."""
    started = time.perf_counter()
    protected = await client.protect(original, records.TIERS[tier])
    protect_seconds = time.perf_counter() - started
    receipt = protected.outcome.receipt
    started = time.perf_counter()
    restored = await client.restore(protected.image, receipt)
    restore_seconds = time.perf_counter() - started
    report = await client.evaluate(original, protected.image, receipt)
    stem = f"{sample.name}-{tier}"
    pictures = gallery.hang(f"{stem}-protected", sample.extension, protected.image)
    packed = receipts.pack(receipt)
    receipt_name = gallery.write(pictures.file + ".receipt", packed)
    return TierResult(
        tier=tier,
        protected=pictures,
        restored=gallery.hang(f"{stem}-restored", files.ending_of(restored.outcome.mime_type), restored.image),
        difference=gallery.hang_difference(f"{stem}-difference", photos.decode(original), protected.image),
        receipt=receipt_name,
        receipt_bytes=len(packed),
        protect_seconds=protect_seconds,
        restore_seconds=restore_seconds,
        evaluation=records.of_evaluating(report, (sample.name + sample.extension, pictures.file), Path(receipt_name)),
    )


def photo_result(gallery: Gallery, sample: Sample, original: bytes, tiers: list[TierResult]) -> PhotoResult:
    """One photo with what was made of it."""
    height, width = photos.decode(original).shape[:2]
    pictures = gallery.hang(sample.name, sample.extension, original)
    return PhotoResult(sample.name, sample.title, sample.mime_type, width, height, len(original), pictures, tiers)
