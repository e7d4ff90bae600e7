"""The photos that are sent: one picture as a JPEG of several sizes."""

from __future__ import annotations

import cv2
import numpy as np
from skimage import data

#: Width of a phone's 12 megapixels, at 4:3.
PHONE_WIDTH = 4000
_QUALITY = 92


def photo(width: int) -> bytes:
    """A JPEG, 4:3, with an astronaut on it: a picture with smooth parts and busy ones."""
    rgb = np.asarray(data.astronaut(), np.uint8)[:384]
    size = width, width * 3 // 4
    method = cv2.INTER_AREA if width < rgb.shape[1] else cv2.INTER_CUBIC
    _, file = cv2.imencode(".jpg", cv2.resize(rgb[..., ::-1], size, interpolation=method), [1, _QUALITY])
    return file.tobytes()
