"""The six methods on a real server."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import cv2
import grpc
import numpy as np
import pytest
from server_support import Client, FakeBackend, config, file, opened, pixels, refusal, served
from srae.v1 import evaluation_service_pb2 as ev
from srae.v1 import image_pb2 as im
from srae.v1 import protection_service_pb2 as pr
from srae.v1 import restoration_service_pb2 as re

from services.imaging import pipeline
from services.inference.canary import CANARY_STRENGTH_DB
from services.rpc.address import Address
from services.rpc.chunks import CHUNK_BYTES


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with served(config(tmp_path), FakeBackend()) as client:
        yield client


def chunked(kind: type, name: str, data: bytes) -> Iterator[object]:
    return (kind(**{name: data[i : i + CHUNK_BYTES]}) for i in range(0, len(data), CHUNK_BYTES))


async def test_sealed_unary_gives_the_original_back_bit_for_bit(client: Client) -> None:
    original = pixels()

    made = await client.protection.Protect(pr.ProtectRequest(image=file(original)))

    assert made.outcome.mime_type == "image/png"
    assert (made.outcome.width, made.outcome.height) == (120, 96)
    assert made.outcome.receipt.tier == im.TIER_SEALED
    assert made.outcome.receipt.model == "refiner"
    assert made.outcome.promise == im.PROMISE_BIT_EXACT
    assert made.outcome.restored_psnr_db == float("inf")
    assert 30 < made.outcome.protected_psnr_db < 50
    assert not np.array_equal(opened(made.image), original)

    back = await client.restoration.Restore(
        re.RestoreRequest(image=made.image, options=re.RestoreOptions(receipt=made.outcome.receipt))
    )

    assert back.outcome.promise == im.PROMISE_BIT_EXACT
    assert back.outcome.tier == im.TIER_SEALED
    assert np.array_equal(opened(back.image), original)


async def test_streams_carry_photos_larger_than_a_message(client: Client) -> None:
    original = np.random.default_rng(1).integers(20, 236, (1300, 1400, 3)).astype(np.uint8)
    data = file(original)
    assert len(data) > 4 * 1024 * 1024

    options = pr.ProtectStreamRequest(options=pr.ProtectOptions(tier=im.TIER_SEALED))
    first, *parts = [
        answer
        async for answer in client.protection.ProtectStream(
            iter([options, *chunked(pr.ProtectStreamRequest, "chunk", data)])
        )
    ]

    assert first.outcome.promise == im.PROMISE_BIT_EXACT
    assert max(len(part.chunk) for part in parts) == CHUNK_BYTES
    protected = b"".join(part.chunk for part in parts)

    options = re.RestoreStreamRequest(options=re.RestoreOptions(receipt=first.outcome.receipt))
    first, *parts = [
        answer
        async for answer in client.restoration.RestoreStream(
            iter([options, *chunked(re.RestoreStreamRequest, "chunk", protected)])
        )
    ]

    assert first.outcome.promise == im.PROMISE_BIT_EXACT
    assert np.array_equal(opened(b"".join(part.chunk for part in parts)), original)


async def test_evaluate_tells_what_the_classifier_sees(client: Client) -> None:
    original = file(pixels())
    made = await client.protection.Protect(pr.ProtectRequest(image=original))
    options = ev.EvaluateOptions(receipt=made.outcome.receipt)

    unary = await client.evaluation.Evaluate(
        ev.EvaluateRequest(original=original, protected_photo=made.image, options=options)
    )
    requests = [
        ev.EvaluateStreamRequest(options=options),
        *chunked(ev.EvaluateStreamRequest, "protected_chunk", made.image),
        *chunked(ev.EvaluateStreamRequest, "original_chunk", original),
    ]
    (streamed,) = [answer async for answer in client.evaluation.EvaluateStream(iter(requests))]

    assert unary == streamed.report
    assert unary.is_bit_exact
    assert unary.is_protected
    assert unary.protected_psnr_db == made.outcome.protected_psnr_db
    assert 0 < unary.protected_ssim < 1
    assert unary.protected_l2 > 0
    # Evaluate asks the classifiers that had no part in making, too.
    assert list(made.outcome.views) == [view for view in unary.views if view.was_used_in_making]
    assert [(view.classifier[-5:], view.was_used_in_making) for view in unary.views] == [
        ("lite0", True), ("lite1", True), ("lite2", False),
    ]  # fmt: skip
    view = unary.views[0]
    assert view.original.label == view.restored.label != view.protected_photo.label
    assert view.original.confidence == pytest.approx(0.9)


@pytest.mark.parametrize(("tier", "own"), [(im.TIER_SEALED, 42.0), (im.TIER_ONE_PASS, 37.0)])
async def test_the_writer_is_asked_for_the_callers_strength(tier: im.Tier, own: float, tmp_path: Path) -> None:
    backend = FakeBackend()
    async with served(config(tmp_path), backend) as client:
        backend.strengths_db.clear()  # health asked for a canary's
        for options in (pr.ProtectOptions(tier=tier), pr.ProtectOptions(tier=tier, protected_psnr_db=38.5)):
            await client.protection.Protect(pr.ProtectRequest(image=file(pixels()), options=options))
    assert [db for db in backend.strengths_db if db != CANARY_STRENGTH_DB] == [own, 38.5]


async def test_a_stream_tells_how_far_it_is_where_that_is_asked_for(tmp_path: Path) -> None:
    def stream(**options: object) -> Iterator[pr.ProtectStreamRequest]:
        yield pr.ProtectStreamRequest(options=pr.ProtectOptions(**options))
        yield from chunked(pr.ProtectStreamRequest, "chunk", file(pixels()))

    async with served(config(tmp_path), FakeBackend(pause_seconds=0.1)) as client:
        told = [a async for a in client.protection.ProtectStream(stream(report_progress=True, search_seconds=30.0))]
        quiet = [a async for a in client.protection.ProtectStream(stream(search_seconds=30.0))]
    progress = [answer.progress for answer in told if answer.HasField("progress")]
    searching = [one.rounds for one in progress if one.stage == pr.PROTECTION_STAGE_SEARCHING]
    assert searching == list(range(1, pipeline.MOST_ROUNDS + 1))
    assert [(one.stage, one.rounds) for one in progress[len(searching) :]] == [
        (pr.PROTECTION_STAGE_WRITING, len(searching)), (pr.PROTECTION_STAGE_MEASURING, len(searching)),
    ]  # fmt: skip
    assert [answer.WhichOneof("part") for answer in told[len(progress) :]] == [a.WhichOneof("part") for a in quiet]
    assert quiet[0].outcome.promise == im.PROMISE_BIT_EXACT


async def test_who_leaves_in_the_middle_of_a_search_ends_it(tmp_path: Path) -> None:
    backend = FakeBackend(pause_seconds=0.5)
    async with served(config(tmp_path, canary_seconds=60.0), backend) as client:
        backend.strengths_db.clear()  # health asked for a canary's
        options = pr.ProtectOptions(report_progress=True, search_seconds=60.0)
        requests = [pr.ProtectStreamRequest(options=options)]
        call = client.protection.ProtectStream(
            iter([*requests, *chunked(pr.ProtectStreamRequest, "chunk", file(pixels()))])
        )
        assert (await call.read()).progress.rounds == 1
        call.cancel()
        await asyncio.sleep(0.5 * (pipeline.MOST_ROUNDS + 1))
        assert len(backend.strengths_db) < pipeline.MOST_ROUNDS


async def test_a_lossy_output_promises_no_more_than_it_measures(client: Client) -> None:
    options = pr.ProtectOptions(mime_type="image/jpeg")

    made = await client.protection.Protect(pr.ProtectRequest(image=file(pixels()), options=options))

    assert made.outcome.mime_type == "image/jpeg"
    assert made.outcome.promise == im.PROMISE_NEAR
    assert 20 < made.outcome.restored_psnr_db < 70


async def test_a_photo_of_16_bits_is_told_of(client: Client) -> None:
    wide = cv2.imencode(".png", pixels().astype(np.uint16) * 257)[1].tobytes()

    made = await client.protection.Protect(pr.ProtectRequest(image=wide))
    usual = await client.protection.Protect(pr.ProtectRequest(image=file(pixels())))

    assert (made.outcome.original_bits, usual.outcome.original_bits) == (16, 8)


async def test_a_bit_exact_photo_in_a_lossy_file_is_near(client: Client) -> None:
    made = await client.protection.Protect(pr.ProtectRequest(image=file(pixels())))
    options = re.RestoreOptions(receipt=made.outcome.receipt, mime_type="image/jpeg")

    back = await client.restoration.Restore(re.RestoreRequest(image=made.image, options=options))

    assert back.outcome.promise == im.PROMISE_NEAR


async def test_one_pass_restores_with_and_without_its_receipt(client: Client) -> None:
    options = pr.ProtectOptions(tier=im.TIER_ONE_PASS)
    made = await client.protection.Protect(pr.ProtectRequest(image=file(pixels()), options=options))
    assert made.outcome.receipt.model == "protector"
    assert made.outcome.promise == im.PROMISE_BIT_EXACT

    bare = await client.restoration.Restore(re.RestoreRequest(image=made.image))
    held = await client.restoration.Restore(
        re.RestoreRequest(image=made.image, options=re.RestoreOptions(receipt=made.outcome.receipt))
    )

    for back in (bare, held):
        assert (back.outcome.promise, back.outcome.tier) == (im.PROMISE_BIT_EXACT, im.TIER_ONE_PASS)
        assert np.array_equal(opened(back.image), pixels())


async def test_a_one_pass_photo_too_small_to_carry_its_code_needs_its_receipt(client: Client) -> None:
    small = pixels(height=40, width=36)
    options = pr.ProtectOptions(tier=im.TIER_ONE_PASS)
    made = await client.protection.Protect(pr.ProtectRequest(image=file(small), options=options))

    bare = await client.restoration.Restore(re.RestoreRequest(image=made.image))
    held = await client.restoration.Restore(
        re.RestoreRequest(image=made.image, options=re.RestoreOptions(receipt=made.outcome.receipt))
    )

    assert bare.outcome.promise == im.PROMISE_UNSPECIFIED
    assert held.outcome.promise == im.PROMISE_BIT_EXACT
    assert np.array_equal(opened(held.image), small)


async def test_a_one_pass_copy_that_lost_its_code_is_read_or_restored_with_its_receipt(client: Client) -> None:
    photo = pixels(height=288, width=360)
    options = pr.ProtectOptions(tier=im.TIER_ONE_PASS)
    made = await client.protection.Protect(pr.ProtectRequest(image=file(photo), options=options))
    copy = file(opened(made.image), "JPEG", quality=95, subsampling=0)
    with_receipt = re.RestoreOptions(receipt=made.outcome.receipt)

    bare = await client.restoration.Restore(re.RestoreRequest(image=copy))
    held = await client.restoration.Restore(re.RestoreRequest(image=copy, options=with_receipt))

    assert (bare.outcome.promise, bare.outcome.tier) == (im.PROMISE_UNSPECIFIED, im.TIER_ONE_PASS)
    assert (held.outcome.promise, held.outcome.tier) == (im.PROMISE_NEAR, im.TIER_ONE_PASS)
    through_jpeg = file(photo, "JPEG", quality=95, subsampling=0)
    unprotected, restored = (
        np.mean((opened(image).astype(float) - photo) ** 2) for image in (through_jpeg, held.image)
    )
    assert restored < 1.1 * unprotected, "as near as the platform leaves a photo that was never protected"


async def test_a_one_pass_photo_refuses_another_ones_receipt(client: Client) -> None:
    options = pr.ProtectOptions(tier=im.TIER_ONE_PASS)
    made, other = [
        await client.protection.Protect(pr.ProtectRequest(image=file(pixels(seed=seed)), options=options))
        for seed in range(2)
    ]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.restoration.Restore(
            re.RestoreRequest(image=made.image, options=re.RestoreOptions(receipt=other.outcome.receipt))
        )
    assert refusal(caught.value).info.reason == "RECEIPT_MISMATCH"


async def test_a_small_lossy_file_is_restored_with_the_receipt_that_names_it(client: Client) -> None:
    made = await client.protection.Protect(pr.ProtectRequest(image=file(pixels(40, 40), "WEBP", quality=30)))
    assert made.outcome.receipt.protected_sha256 == hashlib.sha256(made.image).digest()

    async def restored(receipt: im.ProtectionReceipt) -> re.RestoreResponse:
        request = re.RestoreRequest(image=made.image, options=re.RestoreOptions(receipt=receipt))
        return await client.restoration.Restore(request)

    told = (await restored(made.outcome.receipt)).outcome
    assert (told.promise, told.HasField("receipt_fit")) == (im.PROMISE_NEAR, False)
    # In so small a photo, a lossy one, little tells whose the code is.
    made.outcome.receipt.ClearField("protected_sha256")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await restored(made.outcome.receipt)
    assert refusal(caught.value).info.reason == "RECEIPT_MISMATCH"


async def test_a_receipt_that_fits_no_better_than_another_is_refused(client: Client) -> None:
    made = await client.protection.Protect(pr.ProtectRequest(image=file(pixels())))
    copy = file(opened(made.image), "JPEG", quality=90)

    async def restored(image: bytes, fit_to_beat: float) -> re.RestorationOutcome:
        options = re.RestoreOptions(receipt=made.outcome.receipt, fit_to_beat=fit_to_beat)
        return (await client.restoration.Restore(re.RestoreRequest(image=image, options=options))).outcome

    told = await restored(copy, 0.0)
    assert (told.promise, (await restored(copy, told.receipt_fit - 0.1)).promise) == (im.PROMISE_NEAR,) * 2
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await restored(copy, told.receipt_fit)
    assert refusal(caught.value).info.reason == "RECEIPT_MISMATCH"
    again = file(opened(made.image), "PNG", optimize=True)
    assert (await restored(again, 1e6)).promise == im.PROMISE_BIT_EXACT


async def test_an_original_is_not_restored_with_its_own_receipt(client: Client) -> None:
    photo = file(pixels())
    made = await client.protection.Protect(pr.ProtectRequest(image=photo))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.restoration.Restore(
            re.RestoreRequest(image=photo, options=re.RestoreOptions(receipt=made.outcome.receipt))
        )

    assert refusal(caught.value).info.reason == "IS_ORIGINAL"
    assert "is the original itself" in refusal(caught.value).message


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_loopback_serves_on_the_port_that_it_tells(host: str, tmp_path: Path) -> None:
    async with served(config(tmp_path, listen=Address(host=host, port=0)), FakeBackend()) as client:
        assert client.address.port > 0
        made = await client.protection.Protect(pr.ProtectRequest(image=file(pixels())))
    assert made.outcome.promise == im.PROMISE_BIT_EXACT


async def test_calls_run_at_once(client: Client) -> None:
    files = [file(pixels(seed=seed)) for seed in range(3)]

    answers = await asyncio.gather(*(client.protection.Protect(pr.ProtectRequest(image=data)) for data in files))

    for data, answer in zip(files, answers, strict=True):
        restored = await client.restoration.Restore(
            re.RestoreRequest(image=answer.image, options=re.RestoreOptions(receipt=answer.outcome.receipt))
        )
        assert np.array_equal(opened(restored.image), opened(data))
