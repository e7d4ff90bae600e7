"""Bytes to photo and back. The only code that knows Pillow and libheif.

A file becomes pixels, alpha and a colour profile, and those become a file. Metadata is never removed from the one,
because it is never copied into the other: so none can be forgotten. A JPEG's coefficients can be moved beside that.
"""

from services.imaging.codec.formats import EXTENSIONS, JPEG, MIME_TYPES
from services.imaging.codec.reader import decode
from services.imaging.codec.writer import Encoded, blank_jpeg, check_output, encode, is_lossless

__all__ = [
    "EXTENSIONS",
    "JPEG",
    "MIME_TYPES",
    "Encoded",
    "blank_jpeg",
    "check_output",
    "decode",
    "encode",
    "is_lossless",
]
