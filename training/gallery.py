"""Shows ten photos at 100 % zoom, as they were and protected in both tiers at their default strengths.

Leaves docs/gallery.md and docs/pictures/gallery/. The photos come with scikit-image: skin, fur, sky, night, text, a
drawing, and two grey ones. The files of the pictures are JPEGs of such quality that they show what the pixels show.
"""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import skimage
from numpy.typing import NDArray
from rich.progress import track

from services.evaluation import report
from services.evaluation.metrics import psnr_db
from services.imaging import pipeline
from services.imaging.photo import FileTraits, Photo
from services.imaging.receipt import Tier
from services.inference.backend import CLASSIFIER_SIDES
from services.inference.embedded import EmbeddedBackend
from training.provenance import provenance

Pixels = NDArray[np.uint8]
#: Side of what is shown of a photo.
SHOWN = 300


@dataclass(frozen=True)
class Scene:
    """A photo, and where the part that is shown begins. what: it is looked at for this."""

    file: str
    what: str
    top: int
    left: int


SCENES = (
    Scene("astronaut.png", "skin", 0, 90),
    Scene("chelsea.png", "fur", 0, 90),
    Scene("coffee.png", "plain surfaces", 60, 150),
    Scene("rocket.jpg", "a sky", 0, 200),
    Scene("motorcycle_left.png", "much detail", 100, 250),
    Scene("hubble_deep_field.jpg", "night", 200, 300),
    Scene("page.png", "text", 0, 40),
    Scene("logo.png", "a drawing", 100, 100),
    Scene("camera.png", "a grey photo", 40, 80),
    Scene("moon.png", "a smooth grey one", 100, 100),
)


def pixels_of(scene: Scene) -> Pixels:
    """The scene's photo, shape (H, W, 3), RGB; what is transparent is white."""
    path = Path(skimage.__file__).parent / "data" / scene.file
    bgr = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if bgr is None:
        raise SystemExit(f"{path} is not there: this version of scikit-image does not bring it.")
    if bgr.ndim == 2:
        return np.repeat(bgr[..., None], 3, axis=2).astype(np.uint8, copy=False)
    if bgr.shape[2] == 4:
        share = bgr[..., 3:].astype(float) / 255
        bgr = np.rint(bgr[..., :3] * share + 255 * (1 - share)).astype(np.uint8)
    return np.ascontiguousarray(bgr[..., ::-1]).astype(np.uint8, copy=False)


async def shown(scene: Scene, backend: EmbeddedBackend, folder: Path) -> str:
    """Protects a scene's photo in both tiers, writes the picture, and says in Markdown what it shows."""
    original = pixels_of(scene)
    photo = Photo(original, FileTraits("image/png", original.size, lossless=True))
    found, lines = [original], []
    for tier in (Tier.SEALED, Tier.ONE_PASS):
        receipt = await pipeline.find_code(photo, tier, backend)
        made = photo.with_pixels(pipeline.written(photo, receipt, carries=True))
        found.append(made.pixels)
        back = await pipeline.restore(made, receipt, backend)
        made_with = pipeline.MADE_WITH[tier]
        views = (await report.evaluate(photo, made, back.photo, backend, made_with, tuple(CLASSIFIER_SIDES))).views
        answers = "; ".join(
            f"{view.classifier.removeprefix('classifier_efficientnet_').capitalize()}: {view.original.label}"
            + (f" -> {view.protected.label}" if view.is_protected else " (unchanged)")
            for view in views
        )
        restored = "restored bit for bit" if back.is_bit_exact else "not restored bit for bit"
        lines.append(f"- {tier.value}, {psnr_db(original, made.pixels):.1f} dB, {restored}. {answers}")
    part = slice(scene.top, scene.top + SHOWN), slice(scene.left, scene.left + SHOWN)
    sheet = np.hstack([np.ascontiguousarray(pixels[part]) for pixels in found])
    name = Path(scene.file).stem
    quality = [cv2.IMWRITE_JPEG_QUALITY, 97, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    cv2.imwrite(str(folder / f"{name}.jpg"), sheet[..., ::-1], quality)
    picture = f"![{name}: as it was, sealed, one-pass](pictures/gallery/{name}.jpg)"
    return "\n".join([f"## {name.replace('_', ' ').capitalize()}: {scene.what}", "", picture, "", *lines])


async def page(folder: Path) -> str:
    backend = EmbeddedBackend(Path("triton_models"))
    sections = [await shown(scene, backend, folder) for scene in track(SCENES, description="Protecting")]
    await backend.close()
    origin = provenance(0, 0.0, "photos of scikit-image")
    strengths = " and ".join(f"{tier.value} at {db:g} dB" for tier, db in reversed(pipeline.STRENGTHS_DB.items()))
    head = [
        "# Ten photos, protected",
        "",
        f"{SHOWN} pixels of each at 100 % zoom: as it was, sealed, one-pass; at the default strengths, {strengths}. "
        "Below each, what three classifiers take the whole photo for, before and after. Look at skies, skin and plain "
        "surfaces: there a perturbation shows first.",
        "",
        f"Made by `make gallery`, commit {origin['commit']}, {origin['date']}.",
    ]
    return "\n".join(head) + "\n\n" + "\n\n".join(sections) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.gallery",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder of the page (default: docs)")
    arguments = parser.parse_args()
    folder = arguments.docs / "pictures" / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    written = asyncio.run(page(folder))
    (arguments.docs / "gallery.md").write_text(written)


if __name__ == "__main__":
    main()
