"""Which format some bytes are in, told by their content alone: names and declared types are never believed."""

from __future__ import annotations

from services.errors import InvalidImageError, Reason
from services.imaging.codec.containers import is_animated_gif, iso_media_brands

JPEG = "image/jpeg"
PNG = "image/png"
WEBP = "image/webp"
TIFF = "image/tiff"
BMP = "image/bmp"
HEIC = "image/heic"

#: Media type -> file extension, of every format that is read and written.
EXTENSIONS = {JPEG: ".jpg", PNG: ".png", WEBP: ".webp", TIFF: ".tiff", BMP: ".bmp", HEIC: ".heic"}
MIME_TYPES = tuple(EXTENSIONS)

SUPPORTED = "JPEG, PNG, WebP, TIFF, BMP or HEIC"
ONE_PAGE = "A TIFF of several pages cannot be protected as one photo: save one page as PNG and send that."
ONE_FRAME = "An animation cannot be protected frame by frame yet: export one frame as PNG and send that."

#: Sizes that a BMP's second header can have. "BM" alone begins many a text.
_BMP_HEADER_SIZES = (12, 40, 52, 56, 64, 108, 124)
_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"MM*\0", b"II\0*", b"II+\0", b"MM\0+")
_HEIC_STILL = {b"heic", b"heix", b"heim", b"heis"}
_HEIC_SEQUENCE = {b"hevc", b"hevx", b"hevm", b"hevs", b"msf1"}
_AVIF = {b"avif", b"avis"}

#: (offset, magic, name) of what is recognised in order to say what it is.
_KNOWN = (
    (0, b"GIF8", "A GIF"),
    (0, b"%PDF", "A PDF"),
    (0, b"%!PS", "A PostScript file"),
    (0, b"8BPS", "A Photoshop file"),
    (0, b"\0\0\x01\0", "An icon"),
    (0, b"\0\0\0\x0cjP  ", "A JPEG 2000 file"),
    (0, b"\xff\x4f\xff\x51", "A JPEG 2000 file"),
    (0, b"\0\0\0\x0cJXL ", "A JPEG XL file"),
    (0, b"\xff\x0a", "A JPEG XL file"),
    (0, b"v/1\x01", "An OpenEXR file"),
    (0, b"#?RADIANCE", "A Radiance HDR file"),
    (0, b"qoif", "A QOI file"),
    (0, b"FUJIFILMCCD-RAW", "A RAW file"),
    (0, b"IIRO", "A RAW file"),
    (0, b"IIRS", "A RAW file"),
    (0, b"IIU\0", "A RAW file"),
    (0, b"\x1aE\xdf\xa3", "A video"),
    (8, b"AVI ", "A video"),
    (0, b"PK\x03\x04", "An archive"),
    (0, b"\x1f\x8b", "An archive"),
)


def sniff(data: bytes) -> str:
    """The media type of a file that can be read, one of ``MIME_TYPES``.

    Raises:
        InvalidImageError: EMPTY_IMAGE, ANIMATED_IMAGE, UNSUPPORTED_FORMAT or NOT_AN_IMAGE.
    """
    if not data:
        raise InvalidImageError(Reason.EMPTY_IMAGE, "The file is empty. Choose the photo again and send all of it.")
    if data.startswith(b"\xff\xd8\xff"):
        return JPEG
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return WEBP
    if data.startswith(_TIFF_MAGIC):
        if data[8:10] == b"CR":  # Canon's RAW is a TIFF whose first picture is a preview
            raise unsupported("A RAW file")
        return TIFF
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return BMP
    if data[4:8] == b"ftyp":
        return _sniff_iso_media(data)
    raise _refusal(data)


def unsupported(name: str) -> InvalidImageError:
    """The refusal of something that is known, but not read; ``name`` begins the sentence."""
    return InvalidImageError(Reason.UNSUPPORTED_FORMAT, f"{name} cannot be protected. Send a {SUPPORTED} photo.")


def absurd(what: str) -> InvalidImageError:
    """The refusal of what is made to keep a decoder busy; ``what`` begins the sentence."""
    return InvalidImageError(
        Reason.DECOMPRESSION_BOMB, f"{what}, so it was not opened. Export the photo again from a photo editor."
    )


def animated() -> InvalidImageError:
    return InvalidImageError(Reason.ANIMATED_IMAGE, ONE_FRAME)


def paged() -> InvalidImageError:
    return InvalidImageError(Reason.UNSUPPORTED_FORMAT, ONE_PAGE)


def _sniff_iso_media(data: bytes) -> str:
    major, brands = iso_media_brands(data)
    if major in _HEIC_SEQUENCE:
        raise animated()
    if brands & _HEIC_STILL:
        return HEIC
    if brands & _AVIF:
        raise unsupported("An AVIF file")
    raise unsupported("A RAW file" if major == b"crx " else "A video")


def _refusal(data: bytes) -> InvalidImageError:
    if data.startswith(b"GIF8") and is_animated_gif(data):
        return animated()
    for offset, magic, name in _KNOWN:
        if data.startswith(magic, offset):
            return unsupported(name)
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"<svg") or (head.startswith((b"<?xml", b"<!")) and b"<svg" in head):
        return unsupported("An SVG drawing")
    return InvalidImageError(Reason.NOT_AN_IMAGE, f"This file is not a photo. Send a {SUPPORTED} photo.")
