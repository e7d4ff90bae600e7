"""Bytes -> photo, and a reason for everything that is not one."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile, get_sampling
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.TiffTags import TAGS_V2_GROUPS
from PIL.WebPImagePlugin import WebPImageFile

from services.errors import InvalidImageError, Reason, SraeError
from services.imaging.codec import formats, segments
from services.imaging.codec.colour import CONVERTED, matching_profile, raw_mode, simplify
from services.imaging.codec.containers import is_absurd_png, is_absurd_tiff, webp_header
from services.imaging.codec.heic_tiles import decoded_pixels
from services.imaging.orientation import flips, is_on_its_side
from services.imaging.photo import (
    MAX_PIXELS,
    MAX_SIDE,
    MAX_STEP,
    MIN_SIDE,
    FileTraits,
    JpegFile,
    JpegLayout,
    JpegTables,
    Photo,
)

#: Beyond this a size is no photo's but an attack's, or damage.
_BOMB_PIXELS = 4 * MAX_PIXELS
# Sizes are checked here, from the header, with a reason. Pillow's own limit (a warning above this, an error above twice
# this) is the fence behind that, for a decoder that comes upon another size than its header told.
Image.MAX_IMAGE_PIXELS = _BOMB_PIXELS
_BOMB_ERRORS = (Image.DecompressionBombError, Image.DecompressionBombWarning)

#: Each format's decoder is called by name: Image.open would let a file choose its own, and follow MPO's other pictures.
_DECODERS: dict[str, type[ImageFile.ImageFile]] = {
    formats.JPEG: JpegImageFile,
    formats.PNG: PngImageFile,
    formats.WEBP: WebPImageFile,
    formats.TIFF: TiffImageFile,
    formats.BMP: BmpImageFile,
    formats.HEIC: pillow_heif.HeifImageFile,
}

_EXIF_ORIENTATION = 274
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
#: Where the decoder leaves turning the pixels to us. Those of TIFF and HEIC do it themselves.
_TURNED_HERE = (formats.JPEG, formats.PNG, formats.WEBP)

_TIFF_SUBFILE_TYPE = 254
_TIFF_DNG_VERSION = 50706
_TIFF_BITS_PER_SAMPLE = 258
_TIFF_TILE = (322, 323)
_LOSSY_IN_TIFF = ("jpeg", "tiff_jpeg", "webp")
#: HEIC transfer characteristics of high dynamic range (PQ, HLG): at 8 bits, untouched, they look washed out.
_HDR_TRANSFERS = (16, 18)
#: Rows that are taken from Pillow at a time.
_STRIP = 64


def decode(data: bytes) -> Photo:
    """Reads a file as a photo: upright, 8 bits a sample, first picture of a phone's several.

    Raises:
        InvalidImageError: with the reason, whatever the bytes are.
    """
    mime_type = formats.sniff(data)
    with _damage_refused():
        _check_structure(data, mime_type)
        with _DECODERS[mime_type](io.BytesIO(data)) as image:
            _check_size(*image.size)
            _check_kind(image, mime_type)
            raw = raw_mode(image)
            if isinstance(image, TiffImageFile):
                _leave_directories_out(image)
            image.load()
            return _photo(image, raw, mime_type, data)


@contextmanager
def _damage_refused() -> Iterator[None]:
    """Turns whatever decoders throw at damaged bytes into a reason.

    They throw nearly everything (OSError, SyntaxError, ValueError, struct.error, zlib.error), so nothing is listed.
    MemoryError passes: it tells of the machine, not of the photo.
    """
    try:
        yield
    except (SraeError, MemoryError):
        raise
    except Exception as error:
        # Pillow names its limit on unpacked PNG text and profiles in the message, and has no exception for it.
        if isinstance(error, _BOMB_ERRORS) or "MAX_TEXT_" in str(error):
            raise formats.absurd("It unpacks to far more than a photo holds") from error
        # Nor has it one for TIFFs of samples that it knows no picture of, as floating-point colours.
        if "unknown pixel mode" in str(error):
            raise formats.unsupported("A TIFF of such samples (floating-point ones, or of 32 bits)") from error
        raise InvalidImageError(
            Reason.TRUNCATED_IMAGE,
            "This photo is damaged or cut off. Send the complete file, or export it again from a photo editor.",
        ) from error


def _check_structure(data: bytes, mime_type: str) -> None:
    """Refuses what would keep a decoder busy, or fill the memory, before it tells how large the photo is."""
    if mime_type == formats.JPEG:
        segments.check(data)
    if mime_type == formats.PNG and is_absurd_png(data):
        raise formats.absurd("It has more chunks than any photo has")
    if mime_type == formats.TIFF and is_absurd_tiff(data):
        raise formats.absurd("It has more values in a tag than any photo has")
    if mime_type == formats.WEBP:
        _check_webp_size(data)
    if mime_type == formats.HEIC and decoded_pixels(data) > _BOMB_PIXELS:
        raise formats.absurd("Its tiles hold more pixels than any photo has")


def _check_webp_size(data: bytes) -> None:
    header = webp_header(data)
    if header is None:
        raise ValueError("no picture in the WebP file")
    _check_size(header.width, header.height)


def _check_size(width: int, height: int) -> None:
    pixels = width * height
    if pixels > _BOMB_PIXELS:
        raise formats.absurd(f"It claims {width} x {height} pixels, more than any photo has")
    if pixels > MAX_PIXELS:
        raise InvalidImageError(
            Reason.IMAGE_TOO_LARGE,
            f"This photo has {pixels / 1e6:.1f} megapixels. Scale it down to {MAX_PIXELS // 10**6} or fewer.",
        )
    if max(width, height) > MAX_SIDE:
        raise InvalidImageError(
            Reason.IMAGE_TOO_LARGE,
            f"This photo is {width} x {height} pixels. Cut it to sides of {MAX_SIDE} or fewer.",
        )
    if min(width, height) < MIN_SIDE:
        raise InvalidImageError(
            Reason.IMAGE_TOO_SMALL,
            f"This photo is {width} x {height} pixels. Send one of at least {MIN_SIDE} x {MIN_SIDE}.",
        )


def _check_kind(image: ImageFile.ImageFile, mime_type: str) -> None:
    if isinstance(image, TiffImageFile):
        tags = image.tag_v2
        # Most RAW files are TIFFs whose first picture is a preview; to protect that would lose the photo.
        if _TIFF_DNG_VERSION in tags or tags.get(_TIFF_SUBFILE_TYPE, 0) & 1:
            raise formats.unsupported("A RAW file")
        if math.prod(int(tags.get(side, 1)) for side in _TIFF_TILE) > MAX_PIXELS:
            raise formats.absurd("Its tiles are larger than any photo")
    # A HEIC with several pictures is a phone's burst, not an animation: its primary picture is the photo.
    if mime_type != formats.HEIC and getattr(image, "is_animated", False):
        raise formats.paged() if isinstance(image, TiffImageFile) else formats.animated()
    colour = image.info.get("nclx_profile", {}) if mime_type == formats.HEIC else {}
    if colour.get("transfer_characteristics") in _HDR_TRANSFERS:
        raise formats.unsupported("A high dynamic range (PQ or HLG) photo")


def _leave_directories_out(image: TiffImageFile) -> None:
    """Of EXIF, of GPS: nothing of these is kept, and loading the picture would unpack them, however long they are."""
    exif = image.getexif()
    for tag in TAGS_V2_GROUPS:
        if tag in exif:
            del exif[tag]


def _photo(image: ImageFile.ImageFile, raw: str, mime_type: str, data: bytes) -> Photo:
    if isinstance(image, PngImageFile):
        for keyword in image.text:  # Pillow files text under its keyword, where it could pose as transparency
            image.info.pop(keyword, None)
    plain = simplify(image, raw)
    orientation = _orientation(image.info.get("exif")) if mime_type in _TURNED_HERE else 1
    turn = _UPRIGHT.get(orientation)
    if turn is not None:
        plain = plain.transpose(turn)
    if plain is not image:
        image.close()  # lets its pixels go: what it tells of the file stays
    grey = plain.mode in ("L", "LA")
    profile = None if image.mode in CONVERTED else matching_profile(image.info.get("icc_profile"), grey)
    tables, file = None, None
    if isinstance(image, JpegImageFile):
        tables, file = _jpeg_tables(image, orientation), _jpeg_file(image, orientation, data)
    lossless = _is_lossless(image, mime_type, data)
    traits = FileTraits(mime_type, len(data), lossless, grey, profile, tables, _bits(image, raw))
    pixels, alpha = _samples(plain)
    return Photo(pixels, traits, alpha, file)


def _samples(image: Image.Image) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """Pixels and alpha of an image in L, LA, RGB or RGBA.

    A few rows at a time, for NumPy takes a whole image by way of two copies more (docs/adr/0015).
    """
    bands = len(image.getbands())
    colours = 1 if bands < 3 else 3
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    alpha = np.empty((image.height, image.width), np.uint8) if bands > colours else None
    for start in range(0, image.height, _STRIP):
        stop = min(start + _STRIP, image.height)
        strip = np.asarray(image.crop((0, start, image.width, stop))).reshape(-1, image.width, bands)
        pixels[start:stop] = strip[..., :colours]
        if alpha is not None:
            alpha[start:stop] = strip[..., -1]
    return pixels, alpha


def _orientation(exif: object) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none."""
    try:
        tags = Image.Exif()
        tags.load(cast(bytes, exif))
        told = int(tags.get(_EXIF_ORIENTATION, 1))
        return told if told in _UPRIGHT else 1
    except Exception:  # damaged EXIF says nothing about the pixels: the photo is taken as it lies
        return 1


def _is_lossless(image: ImageFile.ImageFile, mime_type: str, data: bytes) -> bool:
    if mime_type == formats.WEBP:
        header = webp_header(data)
        return header is not None and header.lossless
    if mime_type == formats.TIFF:
        return image.info.get("compression") not in _LOSSY_IN_TIFF
    return mime_type in (formats.PNG, formats.BMP)


def _bits(image: ImageFile.ImageFile, raw: str) -> int:
    if isinstance(image, TiffImageFile):
        return max(8, *map(int, image.tag_v2.get(_TIFF_BITS_PER_SAMPLE, (8,))))
    if isinstance(image, PngImageFile):
        return 16 if ";16" in raw else 8
    if isinstance(image, pillow_heif.HeifImageFile):
        return max(8, int(image.info["bit_depth"]))
    return 8


def _jpeg_tables(image: JpegImageFile, orientation: int) -> JpegTables | None:
    """One quantisation table a component, for the upright photo; None for CMYK, which is written back as RGB."""
    ids = [component[3] for component in image.layer]
    if image.mode == "CMYK" or not set(ids) <= image.quantization.keys():
        return None
    tables = [tuple(image.quantization[table]) for table in ids]
    if is_on_its_side(orientation):
        tables = [tuple(table[row * 8 + column] for column in range(8) for row in range(8)) for table in tables]
    while len(tables) > 1 and tables[-1] == tables[-2]:
        tables.pop()
    return JpegTables(tuple(tables), get_sampling(image), _known(image, orientation))


def _jpeg_file(image: JpegImageFile, orientation: int, data: bytes) -> JpegFile | None:
    """None where the components are not brightness, alone or with two colours at full size or halved, or the oddest
    steps.
    """
    halved = _halved(image)
    numbers = tuple(component[3] for component in image.layer)
    tables = [image.quantization.get(number) for number in numbers]
    if image.mode not in ("L", "RGB") or _is_rgb(image) or halved is None or None in tables:
        return None
    steps = tuple(tuple(table) for table in tables if table is not None)
    if not all(1 <= step <= MAX_STEP for table in steps for step in table):
        return None
    is_progressive = bool(image.info.get("progressive"))
    carried = segments.carried_in(image.applist)
    return JpegFile(
        data,
        JpegLayout(orientation, image.height, image.width, steps, halved),
        numbers,
        is_progressive,
        carried,
        segments.has_one_scan(data),
    )


def _halved(image: JpegImageFile) -> tuple[int, int] | None:
    """By how much the colours' height and width are divided, 1 or 2 each; None for what is neither."""
    (_, width, height, _), *colours = image.layer
    found = {(height / tall, width / wide) for _, wide, tall, _ in colours} or {(1, 1)}
    tall, wide = found.pop()
    return (int(tall), int(wide)) if not found and {tall, wide} <= {1, 2} else None


def _known(image: JpegImageFile, orientation: int) -> int:
    """``JpegTables.known`` of the upright photo."""
    if _is_rgb(image):
        return 0
    subsampling = get_sampling(image)
    blocks = {0: (8, 8), 1: (16, 8)}.get(subsampling, (16, 16))
    # A side that was turned round begins where its last block ended: at the corner, if that was whole.
    rows, columns = flips(orientation)
    turned = zip((columns, rows), image.size, blocks, strict=True)
    if any(is_flipped and side % block for is_flipped, side, block in turned):
        return 0
    # Colours that were halved in width are halved in height now, which no number tells.
    return 1 if subsampling == 1 and is_on_its_side(orientation) else 3


def _is_rgb(image: JpegImageFile) -> bool:
    """Whether the components are red, green and blue, as Adobe's marker says, or their names."""
    names = bytes(component[0] for component in image.layer)
    return len(names) == 3 and (image.info.get("adobe_transform") == 0 or names == b"RGB")
