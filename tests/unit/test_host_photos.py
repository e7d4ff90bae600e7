"""What the host does between the service and the ledger, with a service whose answers are the test's."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data
from srae.v1.image_pb2 import (
    PROMISE_BIT_EXACT,
    PROMISE_NEAR,
    PROMISE_UNSPECIFIED,
    TIER_SEALED,
    Promise,
    ProtectionReceipt,
)
from srae.v1.protection_service_pb2 import ProtectionOutcome
from srae.v1.restoration_service_pb2 import RestorationOutcome
from srae_client import keys
from srae_client.client import Protected, Restored
from srae_client.errors import SraeClientError
from srae_client.ledger import Ledger
from srae_host.errors import Code, HostError
from srae_host.photos import Photos
from srae_host.session_keys import SessionKeys
from srae_host.transfer import File

from tests.unit.client_fake import receipt, view


def encoded(pixels: np.ndarray, ending: str = ".png") -> bytes:
    return bytes(cv2.imencode(ending, pixels[..., ::-1])[1])


ORIGINAL, PROTECTED = encoded(data.astronaut()[:64, :80]), encoded(data.astronaut()[64:128, :80])
COPY = encoded(data.astronaut()[64:128, :80], ".jpg")


class Fake:
    """A client, and the service that hands it out. It refuses receipts of another model than ``fits``, but for those
    that restore nearly, and fit so well.
    """

    def __init__(self) -> None:
        self.image, self.psnr, self.model, self.fits = PROTECTED, 42.0, "refiner", "refiner"
        self.promise: Promise.ValueType = PROMISE_UNSPECIFIED
        self.near: dict[str, float] = {}
        self.asked: list[str] = []
        self.strengths: list[float | None] = []
        self.searches: list[float | None] = []

    async def call(self, job: Callable[[Any], Awaitable[Any]], report: Any) -> Any:
        return await job(self)

    async def protect(
        self, data: bytes, tier: int, mime_type: str, psnr_db: float | None, search_seconds: float | None
    ) -> Protected:
        self.strengths.append(psnr_db)
        self.searches.append(search_seconds)
        made = receipt()
        made.model = self.model
        outcome = ProtectionOutcome(
            mime_type=mime_type or "image/png",
            receipt=made,
            promise=PROMISE_BIT_EXACT,
            protected_psnr_db=self.psnr,
            restored_psnr_db=math.inf,
            views=[view()],
            width=80,
            height=64,
            original_bits=16,
        )
        return Protected(self.image, outcome)

    async def restore(self, data: bytes, given: ProtectionReceipt | None, fit_to_beat: float) -> Restored:
        self.asked.append(given.model if given is not None else "")
        if given is not None and given.model in self.near:
            near = RestorationOutcome(
                mime_type="image/png", promise=PROMISE_NEAR, tier=TIER_SEALED, receipt_fit=self.near[given.model]
            )
            return Restored(ORIGINAL, near)
        if given is not None and given.model != self.fits:
            raise SraeClientError("RECEIPT_MISMATCH", "another photo's")
        promise = PROMISE_BIT_EXACT if given is not None else self.promise
        outcome = RestorationOutcome(mime_type="image/png", promise=promise, tier=TIER_SEALED, width=80, height=64)
        return Restored(ORIGINAL, outcome)


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def holder(tmp_path: Path) -> SessionKeys:
    return SessionKeys(path=tmp_path / "keys.json")


@pytest.fixture
def photos(fake: Fake, tmp_path: Path, holder: SessionKeys) -> Photos:
    return Photos(fake, Ledger(tmp_path / "ledger.sqlite3"), holder)  # type: ignore[arg-type]


async def quiet(stage: str) -> None:
    pass


async def protect(photos: Photos, name: str = "cat.jpg", **params: Any) -> Any:
    return await photos.protect({"page_origin": "https://example.org", **params}, File(name, "", ORIGINAL), quiet)


async def restore(photos: Photos, photo: bytes, **params: Any) -> Any:
    return await photos.restore(params, File("cat.jpg", "", photo), quiet)


async def test_the_receipt_is_sealed_in_the_ledger_before_anything_is_given_out(photos: Photos, tmp_path: Path) -> None:
    answer = await protect(photos)
    (entry,) = Ledger(tmp_path / "ledger.sqlite3").entries()
    assert answer.result["entry"] == entry.id
    assert entry.receipt.startswith(b"SRAE receipt 2\n")
    assert (entry.page_origin, entry.file_name) == ("https://example.org", "cat.png")
    assert answer.files["photo"].data == PROTECTED


async def test_the_answer_says_how_many_bits_a_channel_the_file_had(photos: Photos) -> None:
    assert (await protect(photos)).result["input_bits"] == 16


async def test_the_service_is_told_the_strength_or_left_its_default(photos: Photos, fake: Fake) -> None:
    await protect(photos, protected_psnr_db=38)
    await protect(photos, search_seconds=5)
    assert fake.strengths == [38, None]
    assert fake.searches == [None, 5]


@pytest.mark.parametrize(("psnr", "image"), [(math.inf, PROTECTED), (42.0, ORIGINAL)])
async def test_a_photo_that_did_not_change_is_never_given_out(
    psnr: float, image: bytes, photos: Photos, fake: Fake, tmp_path: Path
) -> None:
    fake.psnr, fake.image = psnr, image
    with pytest.raises(HostError) as refusal:
        await protect(photos)
    assert refusal.value.code == Code.UNCHANGED_OUTPUT
    assert Ledger(tmp_path / "ledger.sqlite3").count() == 0


async def test_where_the_receipt_cannot_be_kept_no_photo_is_given_out(photos: Photos, tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite3").write_bytes(b"no database" * 100)
    with pytest.raises(SraeClientError) as refusal:
        await protect(photos)
    assert refusal.value.reason == "LEDGER_UNUSABLE"
    (tmp_path / "ledger.sqlite3").unlink()
    (tmp_path / "keys.json").write_text("{")
    with pytest.raises(SraeClientError) as refusal:
        await protect(photos)
    assert refusal.value.reason == "KEY_UNUSABLE"


@pytest.mark.parametrize(
    ("name", "mime_type", "given_back"),
    [
        ("cat.png", "", "cat.png"),
        ("cat.JPG", "image/jpeg", "cat.JPG"),
        ("cat.jpeg", "image/png", "cat.png"),
        ("my.holiday", "image/png", "my.holiday.png"),
        ("x" * 255, "image/png", "x" * 251 + ".png"),
    ],
)
async def test_the_name_that_is_given_back(name: str, mime_type: str, given_back: str, photos: Photos) -> None:
    answer = await protect(photos, name, output_mime_type=mime_type)
    assert answer.files["photo"].name == given_back


async def test_a_name_that_is_no_text_is_kept_as_one(photos: Photos, tmp_path: Path) -> None:
    await protect(photos, "\ud800.jpg")
    assert Ledger(tmp_path / "ledger.sqlite3").entries()[0].file_name == "_.png"


async def test_look_alikes_are_tried_until_a_receipt_fits(photos: Photos, fake: Fake) -> None:
    entries = []
    for fake.model in ("first", "second", "third"):
        entries.append((await protect(photos)).result["entry"])
    fake.fits = "second"
    told = (await restore(photos, COPY)).result
    assert (told["found_by"], told["entry"], told["verified"]) == ("perceptual_hash", entries[1], True)
    assert told["distance"] <= 6
    assert fake.asked == ["third", "second"]
    fake.fits = "none of them"
    with pytest.raises(SraeClientError) as refusal:
        await restore(photos, COPY)
    assert refusal.value.reason == "RECEIPT_MISMATCH"


async def test_of_those_that_restore_nearly_the_best_fit_wins_unless_one_gives_every_bit(
    photos: Photos, fake: Fake
) -> None:
    entries = {}
    for fake.model in ("weak", "own", "strong"):
        entries[fake.model] = (await protect(photos)).result["entry"]
    fake.near = {"weak": 9.0, "own": 25.0, "strong": 12.0}
    told = (await restore(photos, COPY)).result
    assert (told["entry"], told["verified"]) == (entries["own"], False)
    del fake.near["weak"]
    fake.fits = "weak"
    told = (await restore(photos, COPY)).result
    assert (told["entry"], told["verified"]) == (entries["weak"], True)


async def test_a_damaged_receipt_does_not_keep_another_from_fitting(photos: Photos, tmp_path: Path) -> None:
    whole = (await protect(photos)).result["entry"]
    damaged = (await protect(photos)).result["entry"]
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    entry = ledger.get(damaged)
    assert entry is not None
    ledger.forget([damaged])
    ledger.add([replace(entry, receipt=entry.receipt[:-1])])
    for photo in (COPY, PROTECTED):
        assert (await restore(photos, photo)).result["entry"] == whole
    ledger.forget([whole])
    with pytest.raises(SraeClientError) as refusal:
        await restore(photos, COPY)
    assert refusal.value.reason == "RECEIPT_UNREADABLE"


async def test_an_entry_that_is_named_is_the_only_one_that_is_tried(photos: Photos, fake: Fake) -> None:
    fake.model = "other"
    entry = (await protect(photos)).result["entry"]
    with pytest.raises(SraeClientError):
        await restore(photos, PROTECTED, entry=entry)
    assert fake.asked == ["other"]
    with pytest.raises(HostError) as refusal:
        await restore(photos, PROTECTED, entry="0" * 32)
    assert refusal.value.code == Code.UNKNOWN_ENTRY


@pytest.mark.parametrize(("promise", "verified"), [(PROMISE_UNSPECIFIED, None), (PROMISE_BIT_EXACT, True)])
async def test_without_receipt_nothing_is_looked_up_and_the_photo_alone_can_vouch(
    promise: Promise.ValueType, verified: bool | None, photos: Photos, fake: Fake
) -> None:
    await protect(photos)
    fake.promise = promise
    told = (await restore(photos, PROTECTED, without_receipt=True)).result
    assert (told["found_by"], told["entry"], told["verified"], told["distance"]) == ("none", None, verified, None)
    assert fake.asked == [""]


async def test_a_photo_that_is_not_known(photos: Photos) -> None:
    await protect(photos)
    with pytest.raises(HostError) as refusal:
        await restore(photos, encoded(data.coffee()))
    assert refusal.value.code == Code.NOT_IN_LEDGER


async def test_a_key_under_a_passphrase_protects_and_restores_once_it_is_open(
    photos: Photos, holder: SessionKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "_MEMORY_KIB", 64)
    keyring = keys.own(tmp_path / "keys.json")
    keys.replace(tmp_path / "keys.json", keyring.locked(keyring.private(), "open sesame"))
    await protect(photos)
    with pytest.raises(SraeClientError) as refusal:
        await restore(photos, PROTECTED)
    assert refusal.value.reason == "KEY_LOCKED"
    holder.open("open sesame")
    assert (await restore(photos, PROTECTED)).files["photo"].data == ORIGINAL
