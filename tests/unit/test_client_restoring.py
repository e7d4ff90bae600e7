"""Which receipt a photo is restored with, of several that fit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from client_fake import receipt
from srae.v1.image_pb2 import PROMISE_BIT_EXACT, PROMISE_NEAR, PROMISE_UNSPECIFIED, TIER_SEALED, ProtectionReceipt
from srae.v1.restoration_service_pb2 import RestorationOutcome
from srae_client import receipts, restoring
from srae_client.client import Restored
from srae_client.errors import SraeClientError
from srae_client.ledger import Entry, Match, now
from srae_client.restoring import Found

OTHERS, ORIGINAL, DAMAGED = "another photo's", "its original", "damaged"
REFUSALS = {OTHERS: "RECEIPT_MISMATCH", ORIGINAL: "IS_ORIGINAL", DAMAGED: "RECEIPT_INVALID"}


class Fake:
    """A client whose service restores nearly with receipts of these models, and so well; bit for bit with ``exact``."""

    def __init__(self, fits: dict[str, float | None], exact: str = "") -> None:
        self.fits, self.exact = fits, exact
        self.alone = PROMISE_BIT_EXACT if exact == "" and not fits else PROMISE_UNSPECIFIED
        self.asked: list[str] = []

    async def restore(
        self, photo: bytes, given: ProtectionReceipt | None, mime_type: str, fit_to_beat: float = 0.0
    ) -> Restored:
        if given is None:
            return Restored(photo, RestorationOutcome(promise=self.alone, tier=TIER_SEALED))
        self.asked.append(given.model)
        if given.model in REFUSALS:
            raise SraeClientError(REFUSALS[given.model], given.model)
        if (self.fits.get(given.model) or math.inf) <= fit_to_beat:
            raise SraeClientError("RECEIPT_MISMATCH", "another fits better")
        promise = PROMISE_BIT_EXACT if given.model == self.exact else PROMISE_NEAR
        fit = None if promise == PROMISE_BIT_EXACT else self.fits[given.model]
        return Restored(photo, RestorationOutcome(promise=promise, tier=TIER_SEALED, receipt_fit=fit))


def packed(model: str) -> bytes:
    made = receipt()
    made.model = model
    return receipts.pack(made)


def entry(model: str) -> Entry:
    return Entry(
        model, now(), "", "cat.png", "image/png", "sealed", 4, 3, True, "a" * 64, "b" * 64, None, packed(model)
    )


@pytest.fixture
def restore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    async def run(client: Fake, *in_ledger: str, beside: str = "", found_by: str = "perceptual_hash") -> Found:
        photo = tmp_path / "cat.png"
        if beside:
            receipts.path_beside(photo).write_bytes(packed(beside))
        matches = [(found_by, Match(entry(model), 0)) for model in in_ledger]
        monkeypatch.setattr(restoring, "candidates", lambda *_: matches)
        nothing: Any = None
        return await restoring.restored(client, photo, b"photo", None, nothing or object(), nothing)  # type: ignore[arg-type]

    return run


async def test_the_one_that_gives_every_bit_back_wins(restore: Any) -> None:
    client = Fake({"strong": 30.0, "weak": 9.0}, exact="own")
    assert (await restore(client, "strong", "own", "weak")).entry == "own"
    assert client.asked == ["strong", "own"]


async def test_of_those_that_restore_nearly_the_best_fit_wins(restore: Any) -> None:
    client = Fake({"strong": 12.0, "own": 25.0, "weak": 9.0})
    assert (await restore(client, "strong", OTHERS, DAMAGED, "own", "weak")).entry == "own"


async def test_a_protected_photo_that_was_protected_again_is_no_mere_original(restore: Any) -> None:
    assert (await restore(Fake({}, exact="own"), ORIGINAL, "own")).entry == "own"
    assert (await restore(Fake({"own": 12.0}), ORIGINAL, "own")).entry == "own"
    with pytest.raises(SraeClientError) as refusal:
        await restore(Fake({"by chance": 6.0}), ORIGINAL, "by chance")
    assert refusal.value.reason == "IS_ORIGINAL"
    assert (await restore(Fake({}, exact=""), ORIGINAL)).entry is None, "it carries its own code"


async def test_a_receipt_that_lies_beside_the_photo_and_in_the_ledger_is_tried_once(restore: Any) -> None:
    client = Fake({"own": 12.0, "weak": 9.0})
    assert (await restore(client, "own", "weak", beside="own")).receipt is not None
    assert client.asked == ["own", "weak"]


async def test_the_ledger_may_know_better_than_what_lies_beside_the_photo(restore: Any, tmp_path: Path) -> None:
    client = Fake({"beside": 12.0, "written with it": 11.0})
    assert (await restore(client, "written with it", beside="beside", found_by="sha256")).entry == "written with it"
    client = Fake({"beside": 12.0, "worse": 11.0})
    assert (await restore(client, "worse", beside="beside")).receipt == tmp_path / "cat.png.receipt"


async def test_a_receipt_that_names_the_file_needs_no_other(restore: Any) -> None:
    client = Fake({"beside": None})
    assert (await restore(client, "another", beside="beside")).receipt is not None
    assert client.asked == ["beside"]
