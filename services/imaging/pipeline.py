"""Protect and restore: the whole story.

    protect:  photo -> down -> working image, with its headroom -> model -> code -> add
    restore:  protected photo -> code (from the receipt, or read by the recoverer) -> subtract

Both tiers take the same path; they differ in which model writes the code and in who keeps it. The one-pass tier reads
its code back before it lets go of the photo: a cell that the recoverer would read otherwise is written otherwise.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.errors import InvalidReceiptError, Reason
from services.imaging import perturb, presence
from services.imaging.photo import Photo
from services.imaging.receipt import Receipt, Tier
from services.imaging.resample import down
from services.inference.backend import Backend, Inference

#: The model that writes the code, a tier.
WRITERS = {Tier.ONE_PASS: "protector", Tier.SEALED: "refiner"}
#: The model that reads the code back out of a protected photo (one-pass tier).
READER = "recoverer"
#: How often a one-pass code is read back and corrected, at most.
READ_BACKS = 6


@dataclass(frozen=True)
class Protected:
    """A protected photo in memory, the receipt for it, and the code that was written (in either tier)."""

    photo: Photo
    receipt: Receipt
    code: NDArray[np.int8]


@dataclass(frozen=True)
class Restored:
    """A restored photo in memory.

    Attributes:
        is_bit_exact: whether the receipt's hash is that of the pixels; None without a receipt.
    """

    photo: Photo
    tier: Tier
    is_bit_exact: bool | None


async def protect(photo: Photo, tier: Tier, backend: Backend) -> Protected:
    """Protects a photo.

    Raises:
        UnavailableError: the model cannot answer now.
    """
    image, (lower, upper) = await asyncio.gather(
        asyncio.to_thread(down, photo.pixels), asyncio.to_thread(perturb.headroom, photo.pixels)
    )
    model = WRITERS[tier]
    inputs = {"INPUT__0": image[None], "INPUT__1": lower[None], "INPUT__2": upper[None]}
    answer = await backend.infer(model, inputs)
    code = _code(answer)
    if tier is Tier.ONE_PASS:
        code = await _readable(photo, code, (lower, upper), backend, answer.model_version)
    pixels = await asyncio.to_thread(perturb.add, photo.pixels, code)
    sha256 = await asyncio.to_thread(photo.sha256)
    kept = code if tier is Tier.SEALED else None
    return Protected(photo.with_pixels(pixels), Receipt(tier, model, answer.model_version, sha256, kept), code)


async def restore(photo: Photo, receipt: Receipt | None, backend: Backend, is_own: bool = False) -> Restored:
    """Restores a protected photo, or a copy that a platform made of it.

    Args:
        is_own: the receipt is known to be this photo's; otherwise a sealed one is held against the photo first.

    Raises:
        InvalidReceiptError: the receipt is another photo's, or a sealed one without its code.
        UnknownModelError: the version that protected the photo is no longer served (one-pass tier).
        UnavailableError: the model cannot answer now.
    """
    if receipt is None or receipt.tier is Tier.ONE_PASS:
        code = await _read(photo, receipt.model_version if receipt is not None else "", backend)
    elif receipt.code is None:
        raise InvalidReceiptError(
            Reason.RECEIPT_INVALID, "This sealed receipt holds no code. Use the receipt as saved."
        )
    else:
        code = receipt.code
    restored = photo.with_pixels(await asyncio.to_thread(perturb.subtract, photo.pixels, code))
    if receipt is None:
        return Restored(restored, Tier.ONE_PASS, None)
    exact = await asyncio.to_thread(restored.sha256) == receipt.original_sha256
    if not exact and not is_own and receipt.code is not None:
        await asyncio.to_thread(_check_presence, photo, receipt.code)
    return Restored(restored, receipt.tier, exact)


async def _readable(
    photo: Photo,
    code: NDArray[np.int8],
    bounds: tuple[NDArray[np.int8], NDArray[np.int8]],
    backend: Backend,
    version: str,
) -> NDArray[np.int8]:
    """A code near the given one that this version of the recoverer reads more exactly, within the photo's headroom.

    A code that is read as it stands restores bit for bit, so the cells that are read otherwise take the value that is
    read. That changes how their neighbours are read, hence the repetition.
    """
    lower, upper = bounds
    for _ in range(READ_BACKS):
        protected = photo.with_pixels(await asyncio.to_thread(perturb.add, photo.pixels, code))
        read = await _read(protected, version, backend)
        if np.array_equal(read, code):
            break
        code = np.where((read >= lower) & (read <= upper), read, code)
    return code


def _check_presence(photo: Photo, code: NDArray[np.int8]) -> None:
    if not presence.is_present(photo.pixels, code):
        raise InvalidReceiptError(
            Reason.RECEIPT_MISMATCH,
            "This receipt belongs to another photo: its code is not in this one. Use the one saved with this photo.",
        )


async def _read(photo: Photo, version: str, backend: Backend) -> NDArray[np.int8]:
    image = await asyncio.to_thread(down, photo.pixels)
    answer = await backend.infer(READER, {"INPUT__0": image[None]}, version)
    return _code(answer)


def _code(answer: Inference) -> NDArray[np.int8]:
    """The code of a batch of one; shape (3, GRID_SIZE, GRID_SIZE)."""
    code: NDArray[np.int8] = answer.tensors["OUTPUT__0"][0].astype(np.int8, copy=False)
    return code
