"""What the owner keeps of a protection, as the pipeline sees it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
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
    protected_sha256: of the protected file as it was given out, 32 bytes; empty where that is not known.
    """

    tier: Tier
    model: str
    model_version: str
    original_sha256: bytes
    code: NDArray[np.int8]
    original_layout: Layout | None = None
    protected_sha256: bytes = b""

    def of_file(self, protected: bytes) -> Receipt:
        """The same receipt, which names its protected file."""
        return replace(self, protected_sha256=hashlib.sha256(protected).digest())

    def is_of(self, file: bytes) -> bool:
        """Whether this is the very file that it names."""
        return bool(self.protected_sha256) and hashlib.sha256(file).digest() == self.protected_sha256
