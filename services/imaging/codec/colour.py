"""Any pixel layout a file can have -> L, LA, RGB or RGBA at 8 bits, so that the result looks the same."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

from services.errors import InvalidImageError, Reason

#: Pixels that are converted to sRGB, so that their own profile no longer tells about them.
CONVERTED = ("CMYK", "LAB")
#: TIFF tag: how a sample relates to brightness; 0 is "white is zero".
_PHOTOMETRIC = 262
#: By how much a PNG's transparent level is multiplied, as Pillow multiplies the pixels but not the level.
_LEVEL_SCALE = {"L;2": 85, "L;4": 17}


def raw_mode(image: Image.Image) -> str:
    """How the samples lie in the file, in Pillow's words, such as "I;12" or "RGB;16B". Known only before loading."""
    tiles = getattr(image, "tile", [])
    if not tiles:
        return ""
    args = tiles[0].args
    return str(args[0] if isinstance(args, tuple) and args else args)


def simplify(image: Image.Image, raw: str) -> Image.Image:
    """The same picture as L, LA, RGB or RGBA, 8 bits a sample.

    RGB and grey keep their values, so their colour profile stays true; CMYK and Lab are converted to sRGB.

    Args:
        image: loaded.
        raw: its ``raw_mode``.

    Raises:
        InvalidImageError: UNSUPPORTED_FORMAT, for samples of 32 bits, whose range the file does not tell.
    """
    if image.mode in ("I", "F"):
        raise InvalidImageError(
            Reason.UNSUPPORTED_FORMAT, "Samples of 32 bits cannot be protected. Export the photo at 8 or 16 bits."
        )
    if image.mode.startswith("I;16"):
        return _high_byte(image, bits=12 if raw == "I;12" else 16)
    if image.mode in CONVERTED:
        return _to_srgb(image)
    _match_key(image, raw)
    grey = image.mode in ("1", "L", "LA", "La") or raw.startswith("LA;16")
    mode = ("L" if grey else "RGB") + ("A" if image.has_transparency_data else "")
    return image if image.mode == mode else image.convert(mode)


def matching_profile(profile: object, grey: bool) -> bytes | None:
    """The ICC profile, if it is one for such pixels: a file can carry another's, and PNG text can pose as one."""
    if not isinstance(profile, bytes) or len(profile) < 128 or profile[36:40] != b"acsp":
        return None
    return profile if profile[16:20] == (b"GRAY" if grey else b"RGB ") else None


def _high_byte(image: Image.Image, bits: int) -> Image.Image:
    # Pillow's own conversion clips at 255 instead of scaling.
    values = np.asarray(image)
    levels = (values >> (bits - 8)).astype(np.uint8)
    if getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0:  # Pillow inverts 8 bits, but not 16
        np.subtract(255, levels, out=levels)
    key = image.info.get("transparency")
    if not isinstance(key, int):
        return Image.fromarray(levels)
    alpha = np.where(values == key, np.uint8(0), np.uint8(255))
    return Image.merge("LA", (Image.fromarray(levels), Image.fromarray(alpha)))


def _to_srgb(image: Image.Image) -> Image.Image:
    try:
        lab = image.mode == "LAB"
        source = ImageCms.createProfile("LAB") if lab else io.BytesIO(image.info["icc_profile"])
        converted = ImageCms.profileToProfile(
            image,
            source,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (KeyError, ImageCms.PyCMSError):  # no profile, or one that does not fit: the plain formula
        converted = None
    return converted if converted is not None else image.convert("RGB")


def _match_key(image: Image.Image, raw: str) -> None:
    """Brings a PNG's transparent level or colour to the scale of the decoded pixels."""
    key = image.info.get("transparency")
    if isinstance(key, int) and raw in _LEVEL_SCALE:
        image.info["transparency"] = key * _LEVEL_SCALE[raw]
    elif isinstance(key, tuple) and ";16" in raw:
        image.info["transparency"] = tuple(value >> 8 for value in key)
