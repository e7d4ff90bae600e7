"""What the owner keeps of a protection, as the pipeline sees it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from services.imaging.photo import Layout


class Tier(Enum):
    """How a protected photo is restored."""

    #: From the protected photo alone, which carries its code; a copy that has lost it, with the receipt, or as well as
    #: the recoverer can.
    ONE_PASS = "one-pass"
    #: With the receipt, which holds the code that the refiner made for this photo.
    SEALED = "sealed"


@dataclass(frozen=True)
class Receipt:
    """Attributes:
    original_sha256: ``Photo.sha256`` of the original, 32 bytes.
    code: shape (3, rows, columns), levels in -127..127.
    original_layout: what is restored from a copy is nearer with it; None in receipts of before there was one.
    """

    tier: Tier
    model: str
    model_version: str
    original_sha256: bytes
    code: NDArray[np.int8]
    original_layout: Layout | None = None
