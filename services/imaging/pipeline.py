"""Protect and restore: the whole story.

    protect:  photo -> down -> working image, with its headroom -> model -> code -> add (-> embed) -> file
    restore:  protected photo (-> extract) -> code -> subtract; from a JPEG, in what it could keep of the code

A JPEG that stays one is moved in its own coefficients, and comes back in them.

Both tiers take the same path; they differ in which model writes the code and in who keeps it: the owner, in the
receipt; in the one-pass tier the photo too, in its own pixels. A copy that a platform re-encoded has lost what it
carried: its receipt has the code still, and without one the recoverer reads an estimate out of the copy.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.errors import InvalidReceiptError, Reason
from services.imaging import carried, codec, embed, jpeg_copy, jpeg_file, jpeg_original, jpeg_steps, perturb, presence
from services.imaging.photo import JpegFile, Layout, Photo, Tables
from services.imaging.receipt import Receipt, Tier
from services.imaging.resample import down
from services.imaging.threads import in_thread
from services.inference.backend import CLASSIFIER_SIDES, Backend, Inference
from services.inference.deadline import seconds_left

#: The model that writes the code, a tier.
WRITERS = {Tier.ONE_PASS: "protector", Tier.SEALED: "refiner"}
#: The model that estimates the code of a protected photo that no longer carries it (one-pass tier).
READER = "recoverer"
#: The classifiers that had a part in making the codes of a tier; every other one is unseen.
MADE_WITH = {
    Tier.ONE_PASS: ("classifier_efficientnet_lite0",),
    Tier.SEALED: ("classifier_efficientnet_lite0", "classifier_efficientnet_lite1"),
}
#: How strong a tier's perturbation is, as the protected photo's PSNR in dB: unless asked, and the limits.
STRENGTHS_DB = {Tier.ONE_PASS: 37.0, Tier.SEALED: 42.0}
STRONGEST_DB, WEAKEST_DB = 34.0, 48.0
#: The refiner's inputs for the code that a round starts from, and for how many were made before.
START, MADE = "INPUT__5", "INPUT__6"
#: Of a search. Further ones gained nothing that shows (docs/adr/0018).
MOST_ROUNDS = 4
#: The longest search that may be asked for.
LONGEST_SEARCH_SECONDS = 60.0


@dataclass(frozen=True)
class Restored:
    """A restored photo in memory.

    Attributes:
        is_bit_exact: whether the pixels are the original's, by the hash in the receipt or in the photo itself; None
            where there is neither.
        file: the original's own JPEG, without its metadata, where the coefficients of the protected one were restored.
        receipt_fit: by how many standard deviations the photo follows the code of its receipt, where that was asked.
    """

    photo: Photo
    tier: Tier
    is_bit_exact: bool | None
    file: codec.Encoded | None = None
    receipt_fit: float | None = None


@dataclass(frozen=True)
class Search:
    """How long the sealed tier looks for a code.

    Attributes:
        seconds: one round is always made, and further ones while they fit into this.
        most_rounds: it ends after so many.
        on_round: told after each how many have been made.
    """

    seconds: float = 0.0
    most_rounds: int = MOST_ROUNDS
    on_round: Callable[[int], None] = lambda rounds: None


async def find_code(
    photo: Photo,
    tier: Tier,
    backend: Backend,
    strength_db: float | None = None,
    search: Search | None = None,
) -> Receipt:
    """Finds the code that protects a photo; the receipt that holds it.

    Args:
        strength_db: about the protected photo's PSNR; None for the tier's own.
        search: None for one round.

    Raises:
        UnavailableError: the model cannot answer now.
    """
    model = WRITERS[tier]
    inputs = await in_thread(_writer_inputs, tier, photo.pixels, strength_db or STRENGTHS_DB[tier])
    digest = asyncio.create_task(in_thread(photo.sha256))  # beside the model's work
    try:
        answer = await _searched(model, inputs, backend, search or Search())
    finally:
        sha256 = await digest
    return Receipt(tier, model, answer.model_version, sha256, _code(answer), jpeg_copy.layout(photo))


async def _searched(model: str, inputs: dict[str, NDArray[Any]], backend: Backend, search: Search) -> Inference:
    """The answer of the last round."""
    # What follows, writing and measuring, needs its share of the time that the caller waits.
    ends = time.monotonic() + min(search.seconds, seconds_left() / 2)
    for rounds in itertools.count(1):
        begun = time.monotonic()
        answer = await backend.infer(model, inputs)
        search.on_round(rounds)
        now = time.monotonic()
        if rounds == search.most_rounds or now + (now - begun) > ends:  # the next one takes about as long
            break
        inputs = {**inputs, START: answer.tensors["OUTPUT__0"], MADE: np.full((1, 1), rounds, np.uint8)}
    return answer


def _writer_inputs(tier: Tier, pixels: NDArray[np.uint8], strength_db: float) -> dict[str, NDArray[Any]]:
    images = [down(pixels, CLASSIFIER_SIDES[name]) for name in MADE_WITH[tier]]
    return writer_inputs(tier, images, perturb.headroom(pixels), strength_db)


def writer_inputs(
    tier: Tier,
    images: Sequence[NDArray[np.uint8]],
    bounds: tuple[NDArray[np.int8], NDArray[np.int8]],
    strength_db: float,
) -> dict[str, NDArray[Any]]:
    """A writer's tensors for one photo; the sealed tier's start from no code.

    Args:
        images: the photo at the size of each network that the code is made with, in order; shape (3, side, side).
        bounds: of its headroom, each of shape (3, GRID_SIZE, GRID_SIZE).
    """
    strength = np.array([strength_db], dtype=np.float32)
    tensors: list[NDArray[Any]] = [images[0], *bounds, strength, *images[1:]]
    if tier is Tier.SEALED:
        tensors += [np.zeros_like(bounds[0]), np.zeros(1, np.uint8)]
    return {f"INPUT__{index}": tensor[None] for index, tensor in enumerate(tensors)}


@dataclass(frozen=True)
class Written:
    """A protected photo's file, and its receipt, which says how the code was added."""

    file: codec.Encoded
    receipt: Receipt

    @property
    def restores(self) -> bool:
        """Whether the original's coefficients were seen to come back out of the file."""
        layout = self.receipt.original_layout
        return layout is not None and layout.moved_in is not None


def write(photo: Photo, receipt: Receipt, mime_type: str = "") -> Written:
    """Writes the protected file of an original.

    Args:
        mime_type: one of ``codec.MIME_TYPES``; empty for that of the file it came in.

    Raises:
        InvalidRequestError: UNSUPPORTED_OUTPUT: no such type, or one that cannot hold this photo.
    """
    # What a one-pass photo carries in its file would be lost, and the restored pixels would not tell.
    if photo.file is not None and mime_type in ("", codec.JPEG) and carried.unpack(photo.file.carried) is None:
        for divided in jpeg_steps.choices(photo.file.layout, receipt.code):
            moved = _written_in_its_file(photo, photo.file, receipt, divided)
            if moved is not None:
                return moved
    pixels = written(photo, receipt, codec.is_lossless(photo, mime_type))
    return Written(codec.encode(photo.with_pixels(pixels), mime_type), receipt)


def _written_in_its_file(photo: Photo, file: JpegFile, receipt: Receipt, divided: Tables) -> Written | None:
    """The JPEG with the code in its coefficients; None where it cannot be written so, or does not come back."""
    is_carried = receipt.tier is Tier.ONE_PASS
    carries = carried.pack(receipt.code, receipt.original_sha256, divided) if is_carried else b""
    moved = jpeg_file.add(file, receipt.code, divided, photo.traits.icc_profile, carries)
    # Of divided steps the check sum of coefficients does not tell whether the tables are those that were to be written.
    is_plain = file.has_one_scan and not file.is_progressive and not divided
    if moved is None or not (is_plain or _comes_back(moved, receipt, divided)):
        return None
    layout = replace(jpeg_copy.layout(photo), moved_in=file.layout.divided_by(divided))
    told = replace(receipt, original_layout=layout)
    return Written(codec.Encoded(moved, codec.JPEG, lossless=True), told)


def _comes_back(moved: bytes, receipt: Receipt, divided: Tables) -> bool:
    """Whether the original's pixels do, and not its coefficients alone."""
    protected = codec.decode(moved)
    file, profile = protected.file, protected.traits.icc_profile
    del protected
    data = jpeg_file.subtract(file, receipt.code, divided, profile) if file is not None else None
    return data is not None and codec.decode(data).sha256() == receipt.original_sha256


def written(photo: Photo, receipt: Receipt, carries: bool) -> NDArray[np.uint8]:
    """The protected pixels of an original, with what the receipt says in them where they have to carry it.

    A one-pass photo too small for that is restored with its receipt alone.

    Args:
        carries: whether the pixels stay as they are; a lossy file would lose what they carry.
    """
    pixels = perturb.add(photo.pixels, receipt.code)
    if receipt.tier is Tier.SEALED or not carries:
        return pixels
    carrying = embed.embed(pixels, carried.pack(receipt.code, receipt.original_sha256), in_place=True)
    return pixels if carrying is None else carrying


async def restore(
    photo: Photo, receipt: Receipt | None, backend: Backend, is_own: bool = False, fit_to_beat: float = 0.0
) -> Restored:
    """Restores a protected photo, or a copy that a platform made of it.

    Args:
        is_own: the receipt is known to be this photo's; otherwise it is held against the photo first.
        fit_to_beat: of another receipt, which this one has to fit better than.

    Raises:
        InvalidReceiptError: the receipt is another photo's, or fits no better.
        UnavailableError: the recoverer cannot answer now; only a copy without its receipt needs it.
    """
    in_its_file = await in_thread(_restored_in_its_file, photo, receipt)
    if in_its_file is not None:
        return in_its_file
    known = await in_thread(_known, photo, receipt)
    code = known.code
    if code is None:
        code = await _read(known.photo, backend)
    is_copy = known.photo is not photo  # what something was taken out of: one copy is enough
    restored = photo.with_pixels(await in_thread(perturb.subtract, known.photo.pixels, code, is_copy))
    tier = receipt.tier if receipt is not None else Tier.ONE_PASS
    if known.original_sha256 is None:
        return Restored(restored, tier, None)
    exact = await in_thread(restored.sha256) == known.original_sha256
    fit = None
    if not exact and receipt is not None:
        if not is_own:
            fit = await in_thread(_fit, photo, receipt, fit_to_beat)
        layout = receipt.original_layout
        if layout is not None and jpeg_original.is_possible(photo, layout):
            sought = await in_thread(_sought, photo, receipt, layout)
            if sought is not None:
                return sought if sought.is_bit_exact else replace(sought, receipt_fit=fit)
        if layout is not None and jpeg_copy.gains(photo, layout):
            del restored  # at 50 megapixels, each photo in memory counts
            restored = photo.with_pixels(await in_thread(_subtracted, photo, code, layout))
        elif layout is not None and jpeg_copy.was_moved(photo, layout):
            del restored
            restored = photo.with_pixels(await in_thread(jpeg_copy.subtract_moves, photo, code, layout))
    return Restored(restored, tier, exact, receipt_fit=fit)


def _subtracted(photo: Photo, code: NDArray[np.int8], original: Layout) -> NDArray[np.uint8]:
    """The restored pixels of a JPEG: of its own numbers, where it shows them."""
    file = photo.file
    numbers = jpeg_file.numbers(file) if file is not None and jpeg_copy.tells_numbers(file.layout) else None
    return jpeg_copy.subtract(photo, code, original, numbers)


def _restored_in_its_file(photo: Photo, receipt: Receipt | None) -> Restored | None:
    """What is restored in a JPEG's own coefficients; None where the photo is no such file, or is not as we wrote it."""
    file = photo.file
    if file is None:
        return None
    if receipt is None:
        found = carried.unpack(file.carried)
    else:
        layout = receipt.original_layout
        divided: Tables = ()
        if layout is not None and layout.moved_in is not None:
            divided = layout.moved_in.divided
            # A viewer that turns a JPEG may do so by its EXIF alone, and leave its coefficients as they are.
            file = replace(file, layout=replace(file.layout, orientation=layout.moved_in.orientation))
        is_ours = layout is not None and jpeg_copy.is_on_its_steps(replace(photo, file=file), layout)
        found = carried.Carried(receipt.code, receipt.original_sha256, divided) if is_ours else None
    if found is None:
        return None
    data = jpeg_file.subtract(file, found.code, found.divided, photo.traits.icc_profile)
    if data is None:
        return None
    restored = codec.decode(data)
    if restored.sha256() != found.original_sha256:
        return None
    tier = Tier.ONE_PASS if receipt is None else receipt.tier
    return Restored(restored, tier, True, codec.Encoded(data, codec.JPEG, lossless=True))


def _sought(photo: Photo, receipt: Receipt, layout: Layout) -> Restored | None:
    """What is restored of a copy of a JPEG whose coefficients were moved; None where it does not look like one."""
    found = jpeg_original.seek(photo, receipt.code, layout, receipt.original_sha256)
    if found is None:
        return None
    file = None if found.file is None else codec.Encoded(found.file, codec.JPEG, lossless=True)
    return Restored(photo.with_pixels(found.pixels), receipt.tier, found.file is not None, file)


@dataclass(frozen=True)
class _Known:
    """What is known of a protected photo without asking a model: its code, and the original's SHA-256, or None.

    Attributes:
        photo: the photo without what it carried.
    """

    photo: Photo
    code: NDArray[np.int8] | None
    original_sha256: bytes | None


def _known(photo: Photo, receipt: Receipt | None) -> _Known:
    if receipt is not None and receipt.tier is Tier.SEALED:
        return _Known(photo, receipt.code, receipt.original_sha256)
    taken = embed.extract(photo.pixels)
    found = carried.unpack(taken[0]) if taken is not None else None
    if taken is None or found is None:
        return _Known(photo, None, None) if receipt is None else _Known(photo, receipt.code, receipt.original_sha256)
    if receipt is not None and receipt.original_sha256 != found.original_sha256:
        raise InvalidReceiptError(
            Reason.RECEIPT_MISMATCH,
            "This receipt belongs to another photo: this one carries another original's mark. Use its own, or none.",
        )
    return _Known(photo.with_pixels(taken[1]), found.code, found.original_sha256)


def _fit(photo: Photo, receipt: Receipt, to_beat: float) -> float:
    """By how many standard deviations the photo follows the receipt's code.

    Raises:
        InvalidReceiptError: by too few, or by no more than another's, or the photo is the original.
    """
    # Told by its hash, for the code is made for this very photo's detail, and follows it more than chance would.
    if photo.sha256() == receipt.original_sha256:
        raise InvalidReceiptError(
            Reason.IS_ORIGINAL, "This photo is the original itself: there is nothing to restore. Keep it as it is."
        )
    layout = receipt.original_layout
    fit = presence.score(photo.pixels, receipt.code, None if layout is None else layout.moved_in)
    if fit <= presence.THRESHOLD:
        raise InvalidReceiptError(
            Reason.RECEIPT_MISMATCH,
            "This receipt belongs to another photo: its code is not in this one. Use the one saved with this photo.",
        )
    if fit <= to_beat:
        raise InvalidReceiptError(Reason.RECEIPT_MISMATCH, "Another receipt fits this photo better. Use that one.")
    return fit


async def _read(photo: Photo, backend: Backend) -> NDArray[np.int8]:
    image = await in_thread(down, photo.pixels)
    answer = await backend.infer(READER, {"INPUT__0": image[None]})
    return _code(answer)


def _code(answer: Inference) -> NDArray[np.int8]:
    """The code of a batch of one; shape (3, GRID_SIZE, GRID_SIZE)."""
    code: NDArray[np.int8] = answer.tensors["OUTPUT__0"][0].astype(np.int8, copy=False)
    return code
