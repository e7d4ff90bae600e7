"""Files for the codec's tests, made in memory: pictures, metadata, and PNGs of every kind that Pillow cannot write."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image, ImageCms

from services.imaging.photo import Photo

Pixels = NDArray[np.uint8]

#: What must never come out again. Each piece of metadata below holds one of these.
SECRETS = (b"GPSSECRET", b"http://ns.adobe.com/xap", b"Exif\0\0", b"8BIM", b"Photoshop 3.0", b"TRAILING")
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" about="http://ns.adobe.com/xap/1.0/">GPSSECRET xmp</x:xmpmeta>'
IPTC = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x0fGPSSECRET iptc "

SRGB_ICC: bytes = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
#: Another RGB profile: red and green primaries (rXYZ, gXYZ) change places, which no default would bring about.
SWAPPED_ICC = SRGB_ICC.replace(b"rXYZ", b"tmpX").replace(b"gXYZ", b"rXYZ").replace(b"tmpX", b"gXYZ")
GREY_ICC = SRGB_ICC[:16] + b"GRAY" + SRGB_ICC[20:]


def picture(height: int = 48, width: int = 64, seed: int = 0) -> Pixels:
    """A smooth colour picture, (H, W, 3) uint8, whose four corners differ."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    rng = np.random.default_rng(seed)
    planes = [40 + 170 * (w[0] * x + w[1] * y + w[2] * x * y) / w.sum() for w in rng.uniform(0.2, 1, (3, 3))]
    return np.stack(planes, axis=2).round().astype(np.uint8)


def noise(height: int, width: int, channels: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def save(image: Image.Image | Pixels, file_format: str, **options: Any) -> bytes:
    """The picture as a file of a Pillow format, or "HEIC"."""
    file = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    if file_format == "HEIC":
        options.setdefault("enc_params", {"preset": "ultrafast"})
        pillow_heif.from_pillow(image).save(file, **{"quality": 80, **options})
    else:
        image.save(file, file_format, **options)
    return file.getvalue()


def exif(orientation: int = 1) -> bytes:
    """EXIF with a name, a place, a maker note and an orientation."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = "GPSSECRET make"
    tags[0x9286] = b"GPSSECRET comment"
    tags.get_ifd(0x8825)[29] = "GPSSECRET date"
    tags.get_ifd(0x8825)[2] = (48.0, 12.0, 7.0)
    tags.get_ifd(0x8769)[0x927C] = b"GPSSECRET maker note"
    return tags.tobytes()


def jpeg_with_segment(jpeg: bytes, marker: int, payload: bytes) -> bytes:
    return jpeg[:2] + struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload + jpeg[2:]


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(samples: NDArray[Any], depth: int, colour_type: int, *chunks: bytes) -> bytes:
    """A PNG of any depth and colour type.

    Args:
        samples: (H, W) or (H, W, C), at ``depth`` bits; 1 to 4 bits are packed.
        chunks: ready-made chunks to go before the pixels.
    """
    height, width = samples.shape[:2]
    if depth == 16:
        rows = samples.astype(">u2").reshape(height, -1).view(np.uint8)
    elif depth == 8:
        rows = samples.astype(np.uint8).reshape(height, -1)
    else:
        bits = samples[..., None] >> np.arange(depth - 1, -1, -1) & 1
        rows = np.packbits(bits.astype(np.uint8).reshape(height, -1), axis=1)
    filtered = np.concatenate((np.zeros((height, 1), np.uint8), rows), axis=1).tobytes()
    return png_of_size(width, height, depth, colour_type, *chunks, png_chunk(b"IDAT", zlib.compress(filtered)))


def png_of_size(width: int, height: int, depth: int, colour_type: int, *chunks: bytes) -> bytes:
    """A PNG that claims a size, whatever its chunks hold."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + png_chunk(b"IEND", b"")


def cmyk_icc() -> bytes:
    """A CMYK profile by which every ink is odd: the more cyan, the redder; the others only darken.

    So a conversion through it cannot be mistaken for the plain formula, by which cyan takes red away.
    """
    table = bytearray()
    for corner in range(16):  # cyan varies slowest
        inks = [corner >> 3 & 1, corner >> 2 & 1, corner >> 1 & 1, corner & 1]
        dark = sum(inks[1:]) > 0
        table += bytes((0 if dark else 140 if inks[0] else 255, 208 if inks[0] and not dark else 128, 128))
    identity = bytes(range(256))
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = b"mft1\0\0\0\0\x04\x03\x02\0" + matrix + identity * 4 + bytes(table) + identity * 3
    lut += b"\0" * (-len(lut) % 4)
    tags = {b"A2B0": lut, b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)}
    at = 128 + 4 + 12 * len(tags)
    directory, body = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        directory += name + struct.pack(">II", at + len(body), len(value))
        body += value
    header = struct.pack(">I4sI4s4s4s12s4s", 0, b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ", b"\0" * 12, b"acsp")
    header = header.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    profile = header.ljust(128, b"\0") + directory + body
    return struct.pack(">I", len(profile)) + profile[4:]


def assert_close(actual: Pixels, expected: NDArray[Any], tolerance: float) -> None:
    assert actual.shape == expected.shape
    assert np.abs(actual.astype(int) - expected.astype(int)).max() <= tolerance


def assert_grey(photo: Photo, level: NDArray[Any]) -> None:
    assert photo.traits.grey
    assert photo.pixels.shape == (*level.shape, 3)
    assert (photo.pixels == level[..., None]).all()
