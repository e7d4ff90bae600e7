"""Photo -> bytes, in the format that came in or another, with the colour profile and nothing else beside the pixels."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pillow_heif
from PIL import Image

from services.errors import InvalidRequestError, Reason
from services.imaging.codec import formats
from services.imaging.codec.colour import matching_profile
from services.imaging.photo import HALVED, JpegLayout, JpegTables, Photo

Setting = TypeVar("Setting")

#: How much larger than the original a file of the same lossy format may get.
_GROWTH = 1.3
#: What cannot hold transparency.
_OPAQUE = (formats.JPEG, formats.BMP)
#: What loses nothing, whatever the photo came in. A WebP is written as it came.
_LOSSLESS = (formats.PNG, formats.TIFF, formats.BMP)

#: Quality settings, finest first; the last is the floor, kept to even where the file stays larger than it should.
_JPEG_QUALITIES = (95, 92, 88, 84, 80, 75)
_WEBP_QUALITIES = (95, 90, 85, 80, 75, 70, 60)
_HEIC_QUALITIES = (90, 80, 70, 60, 50, 40)
#: The original's own tables, and how much coarser than those a JPEG may get.
_TABLE_SCALES = (1.0, 1.1, 1.25, 1.5, 2.0)

_TIFF_PREDICTOR = 317
_HORIZONTAL_DIFFERENCE = 2


@dataclass(frozen=True)
class Encoded:
    """A photo as a file.

    Attributes:
        lossless: whether decoding ``data`` gives exactly the pixels that were encoded, whatever they are.
    """

    data: bytes
    mime_type: str
    lossless: bool


def encode(photo: Photo, mime_type: str = "") -> Encoded:
    """Writes a photo as a file.

    Args:
        mime_type: one of ``MIME_TYPES``; empty for that of the file the photo came in.

    Raises:
        InvalidRequestError: UNSUPPORTED_OUTPUT: no such type, or one that cannot hold this photo.
    """
    mime_type = mime_type or photo.traits.mime_type
    check_output(mime_type, photo)
    image = _image(photo, mime_type)
    try:
        data, lossless = _WRITERS[mime_type](image, photo)
    except (OSError, ValueError, RuntimeError) as error:
        size = f"{photo.width} x {photo.height}"
        raise _unsupported(f"A photo of {size} pixels cannot be written as {mime_type}. Ask for image/png.") from error
    return Encoded(data, mime_type, lossless)


def check_output(mime_type: str, photo: Photo | None = None) -> None:
    """Refuses a type that photos are not written as; empty is that of the file that came in.

    Args:
        photo: what is to be written so, where it is known.

    Raises:
        InvalidRequestError: UNSUPPORTED_OUTPUT.
    """
    if mime_type and mime_type not in _WRITERS:
        raise _unsupported(f"{mime_type!r} cannot be written. Ask for one of {', '.join(formats.MIME_TYPES)}.")
    if photo is not None and photo.alpha is not None and mime_type in _OPAQUE and photo.alpha.min() < 255:
        raise _unsupported(f"This photo has transparency, which {mime_type} cannot hold. Ask for image/png.")


def blank_jpeg(layout: JpegLayout) -> bytes | None:
    """A JPEG of one colour in this layout, whose orientation is left out; None where Pillow cannot halve like that."""
    subsampling = next((number for number, halved in HALVED.items() if halved == layout.halved), None)
    if subsampling is None:
        return None
    mode = "L" if len(layout.tables) == 1 else "RGB"
    tables = [list(table) for table in layout.tables]
    return _save(Image.new(mode, (layout.width, layout.height)), "JPEG", qtables=tables, subsampling=subsampling)


def is_lossless(photo: Photo, mime_type: str = "") -> bool:
    """Whether ``encode`` would write a photo losslessly."""
    mime_type = mime_type or photo.traits.mime_type
    return mime_type in _LOSSLESS or (mime_type == formats.WEBP and photo.traits.lossless)


def _unsupported(message: str) -> InvalidRequestError:
    return InvalidRequestError(Reason.UNSUPPORTED_OUTPUT, message, "options.mime_type")


def _image(photo: Photo, mime_type: str) -> Image.Image:
    """The photo as L, LA, RGB or RGBA, with its colour profile where that fits."""
    pixels, alpha = photo.pixels, photo.alpha
    if mime_type in _OPAQUE:
        alpha = None
    # What was added to a grey photo may have coloured it. Then it stays coloured: to drop that would lose pixels.
    grey = photo.traits.grey and bool((pixels[..., 1:] == pixels[..., :1]).all())
    samples = pixels[..., :1] if grey else pixels
    if alpha is not None:
        samples = np.concatenate((samples, alpha[..., None]), axis=2)
    image = Image.fromarray(np.ascontiguousarray(samples[..., 0] if samples.shape[2] == 1 else samples))
    profile = matching_profile(photo.traits.icc_profile, grey)
    if profile is not None:
        image.info["icc_profile"] = profile
    return image


def _save(image: Image.Image, file_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def _png(image: Image.Image, photo: Photo) -> tuple[bytes, bool]:
    # Level 1: on photos 2.5 times as fast as the default 6, for files about a tenth larger.
    return _save(image, "PNG", compress_level=1), True


def _bmp(image: Image.Image, photo: Photo) -> tuple[bytes, bool]:
    return _save(image, "BMP"), True


def _tiff(image: Image.Image, photo: Photo) -> tuple[bytes, bool]:
    # LZW, on differences: a third of Deflate's time, for files a tenth larger.
    tags = {_TIFF_PREDICTOR: _HORIZONTAL_DIFFERENCE}
    return _save(image, "TIFF", compression="tiff_lzw", tiffinfo=tags), True


def _webp(image: Image.Image, photo: Photo) -> tuple[bytes, bool]:
    profile = image.info.get("icc_profile", b"")
    # Exact, lest the colours under full transparency be replaced.
    if photo.traits.lossless:
        # Effort 0 and method 1: as small as the default within a percent, and in two thirds of the time.
        return _save(image, "WEBP", lossless=True, exact=True, quality=0, method=1, icc_profile=profile), True

    def at(quality: int) -> bytes:
        # Method 2: half the default's time, for files about as large; several qualities may have to be tried.
        return _save(image, "WEBP", quality=quality, method=2, exact=True, icc_profile=profile)

    return _finest_within(at, _WEBP_QUALITIES, _budget(photo, formats.WEBP)), False


def _heic(image: Image.Image, photo: Photo) -> tuple[bytes, bool]:
    pixels, profile = image.tobytes(), image.info.get("icc_profile")
    extra = {} if profile is None else {"icc_profile": profile}

    def at(quality: int) -> bytes:
        file = io.BytesIO()
        # The encoder's default preset takes 7 times as long, for files as large and as good.
        settings = {"preset": "ultrafast"}
        pillow_heif.encode(image.mode, image.size, pixels, file, quality=quality, enc_params=settings, **extra)
        return file.getvalue()

    return _finest_within(at, _HEIC_QUALITIES, _budget(photo, formats.HEIC)), False


def _jpeg(image: Image.Image, photo: Photo) -> tuple[bytes, bool]:
    profile = image.info.get("icc_profile")
    budget = _budget(photo, formats.JPEG)
    tables = photo.traits.jpeg if budget is not None else None
    if tables is None:

        def at_quality(quality: int) -> bytes:
            return _save(image, "JPEG", quality=quality, subsampling="4:4:4", icc_profile=profile)

        return _finest_within(at_quality, _JPEG_QUALITIES, budget), False
    # At the original's own settings the file nearly always fits. Where not, its Huffman codes were probably tuned.
    data = _jpeg_at(image, tables, 1.0, tuned=False)
    if budget is not None and len(data) > budget:
        # Pillow tunes within a buffer of two bytes a pixel; noise at the finest settings needs more.
        tuned = len(data) < 2 * image.width * image.height
        data = _finest_within(lambda scale: _jpeg_at(image, tables, scale, tuned), _TABLE_SCALES, budget)
    return data, False


def _jpeg_at(image: Image.Image, tables: JpegTables, scale: float, tuned: bool) -> bytes:
    """A JPEG at an original's tables times ``scale``, its Huffman codes tuned to the photo or not."""
    scaled = [[min(255, round(step * scale)) for step in table] for table in tables.quantisation]
    if image.mode == "L":
        scaled = scaled[:1]
    profile = image.info.get("icc_profile")
    return _save(image, "JPEG", qtables=scaled, subsampling=tables.subsampling, optimize=tuned, icc_profile=profile)


def _budget(photo: Photo, mime_type: str) -> int | None:
    """The most bytes the file may have; None where no original of this lossy format sets a measure."""
    if photo.traits.mime_type != mime_type:
        return None
    return int(_GROWTH * photo.traits.size_bytes)


def _finest_within(encode_at: Callable[[Setting], bytes], settings: Sequence[Setting], budget: int | None) -> bytes:
    """The file at the finest setting that fits the budget, found by halving; at the last setting if none does."""
    if budget is None:
        return encode_at(settings[0])
    low, high = 0, len(settings) - 1
    fitting = smallest = b""
    while low <= high:
        middle = (low + high) // 2
        smallest = encode_at(settings[middle])
        if len(smallest) <= budget:
            fitting, high = smallest, middle - 1
        else:
            low = middle + 1
    return fitting or smallest


_WRITERS: dict[str, Callable[[Image.Image, Photo], tuple[bytes, bool]]] = {
    formats.JPEG: _jpeg,
    formats.PNG: _png,
    formats.WEBP: _webp,
    formats.TIFF: _tiff,
    formats.BMP: _bmp,
    formats.HEIC: _heic,
}
