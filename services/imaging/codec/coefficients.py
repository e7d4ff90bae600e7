"""A JPEG's own coefficients, read and changed in place by libjpeg-turbo, which decodes and encodes nothing for that.

The library is the system's (Debian: libturbojpeg0, Homebrew: jpeg-turbo); those in the wheels of Pillow and OpenCV do
not show coefficients. Where there is none, JPEGs are written from their pixels.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Changes the coefficients of one row of blocks in place: component, row, and shape (blocks, 64), int16, row by row.
Change = Callable[[int, int, NDArray[np.int16]], None]

#: Options of ``tjTransform`` (turbojpeg.h): no output, progressive output, and none of the input's markers.
_NO_OUTPUT, _PROGRESSIVE, _COPY_NONE = 16, 32, 64
#: A flag of its: progressive files of absurdly many scans, which take for ever, are refused.
_LIMIT_SCANS = 1 << 15
_FAILED = -1


class _Region(ctypes.Structure):
    """``tjregion``: a rectangle of a plane."""

    _fields_ = [(name, ctypes.c_int) for name in ("x", "y", "width", "height")]


class _Transform(ctypes.Structure):
    """``tjtransform``: what to do with a JPEG."""


_Filter = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    _Region,
    _Region,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(_Transform),
)
_Transform._fields_ = [
    ("region", _Region),
    ("operation", ctypes.c_int),
    ("options", ctypes.c_int),
    ("data", ctypes.c_void_p),
    ("filter", _Filter),
]


def is_available() -> bool:
    """Whether this machine has the library."""
    return _library() is not None


def changed(jpeg: bytes, change: Change, is_progressive: bool) -> bytes | None:
    """The same JPEG with other coefficients, and without any metadata.

    Args:
        change: called for each row of blocks of each component, in order.

    Returns:
        None where the library is missing, or cannot read it. A coefficient that leaves its range is not told.
    """
    return _transformed(jpeg, change, _COPY_NONE | (_PROGRESSIVE if is_progressive else 0))


def read(jpeg: bytes, look: Change) -> bool:
    """Shows the coefficients of a JPEG; whether the library is there, and could read them all."""
    return _transformed(jpeg, look, _NO_OUTPUT) is not None


def _transformed(jpeg: bytes, change: Change, options: int) -> bytes | None:
    library = _library()
    if library is None:
        return None
    failures: list[Exception] = []

    def row(coefficients: Any, region: _Region, plane: _Region, component: int, *_: Any) -> int:
        if region.y >= plane.height:  # what fills the last unit of halved colours up is no part of the picture
            return 0
        try:
            row_of_blocks = (ctypes.c_short * (8 * region.width)).from_address(coefficients)
            change(component, region.y // 8, np.frombuffer(row_of_blocks, np.int16).reshape(-1, 64))
        except Exception as error:  # C knows no exceptions: it is raised once C is done
            failures.append(error)
            return _FAILED
        return 0

    handle = library.tjInitTransform()
    if handle is None:
        return None
    written, size = ctypes.c_void_p(), ctypes.c_ulong()
    job = _Transform(_Region(), 0, options, None, _Filter(row))
    try:
        told = library.tjTransform(
            handle, jpeg, len(jpeg), 1, ctypes.byref(written), ctypes.byref(size), ctypes.byref(job), _LIMIT_SCANS
        )
        if failures:
            raise failures[0]
        return ctypes.string_at(written, size.value) if told == 0 else None
    finally:
        if written.value:
            library.tjFree(written)
        library.tjDestroy(handle)


@cache
def _library() -> ctypes.CDLL | None:
    name = ctypes.util.find_library("turbojpeg")
    if name is None:
        return None
    try:
        library = ctypes.CDLL(name)
    except OSError:  # of another architecture, say
        return None
    pointer, number = ctypes.c_void_p, ctypes.c_ulong
    library.tjInitTransform.restype = pointer
    library.tjTransform.argtypes = [
        pointer, ctypes.c_char_p, number, ctypes.c_int, ctypes.POINTER(pointer), ctypes.POINTER(number),
        ctypes.POINTER(_Transform), ctypes.c_int,
    ]  # fmt: skip
    library.tjDestroy.argtypes = library.tjFree.argtypes = [pointer]
    library.tjFree.restype = None
    return library
