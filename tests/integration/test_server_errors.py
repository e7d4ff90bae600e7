"""Every reason for which a call is refused, provoked through a real server."""

from __future__ import annotations

import asyncio
import gc
import struct
import time
import weakref
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import grpc
import numpy as np
import pytest
from grpc_status import rpc_status
from PIL import Image
from server_support import Client, FakeBackend, Refusal, config, file, pixels, refusal, served
from srae.v1 import evaluation_service_pb2 as ev
from srae.v1 import image_pb2 as im
from srae.v1 import protection_service_pb2 as pr
from srae.v1 import restoration_service_pb2 as re

from services.errors import Reason
from services.imaging import codec
from services.imaging.photo import Photo
from services.rpc import chunks

PNG = file(pixels())
TRANSPARENT = file(np.full((64, 64, 4), 100, np.uint8))
MAX_BYTES = 300_000
Act = Callable[[Client, FakeBackend], Awaitable[object]]


def png_that_declares(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be large."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def animation() -> bytes:
    more = [Image.fromarray(pixels(seed=seed)) for seed in (1, 2)]
    return file(pixels(), "GIF", save_all=True, append_images=more)


def protect(image: bytes, **options: object) -> Act:
    request = pr.ProtectRequest(image=image, options=pr.ProtectOptions(**options))
    return lambda client, _: client.protection.Protect(request)


def protect_stream(*parts: dict[str, object]) -> Act:
    requests = [pr.ProtectStreamRequest(**part) for part in parts]
    return lambda client, _: streamed(
        client, "/srae.v1.ProtectionService/ProtectStream", [request.SerializeToString() for request in requests]
    )


async def streamed(client: Client, method: str, messages: Iterable[bytes]) -> list[bytes]:
    """The answers of a stream, asked for on gRPC's blocking stack.

    Its asyncio stack loses the status of a server that refuses before everything is sent (grpc/grpc, issue 36066).
    """

    def call() -> list[bytes]:
        with grpc.insecure_channel(str(client.address)) as channel:
            return list(channel.stream_stream(method)(iter(messages)))

    return await asyncio.to_thread(call)


def receipt(**changes: object) -> im.ProtectionReceipt:
    code = im.PerturbationCode(levels=b"\x09\xf7\x09" * 56 * 56, rows=56, columns=56)
    fields = {"tier": im.TIER_SEALED, "model": "refiner", "model_version": "1", "original_sha256": bytes(32)}
    return im.ProtectionReceipt(**{**fields, "code": code, **changes})


def restore(image: bytes, receipt: im.ProtectionReceipt) -> Act:
    request = re.RestoreRequest(image=image, options=re.RestoreOptions(receipt=receipt))
    return lambda client, _: client.restoration.Restore(request)


def evaluate(original: bytes, protected: bytes) -> Act:
    request = ev.EvaluateRequest(original=original, protected_photo=protected)
    return lambda client, _: client.evaluation.Evaluate(request)


def while_down(act: Act) -> Act:
    async def down(client: Client, backend: FakeBackend) -> object:
        backend.down = {"refiner"}
        return await act(client, backend)

    return down


def while_broken(act: Act) -> Act:
    async def broken(client: Client, backend: FakeBackend) -> object:
        backend.broken = {"refiner"}
        return await act(client, backend)

    return broken


def while_missing(act: Act) -> Act:
    async def missing(client: Client, backend: FakeBackend) -> object:
        backend.missing = {"refiner"}
        return await act(client, backend)

    return missing


async def crowd(client: Client, backend: FakeBackend) -> object:
    """One more call than there are places, for which the others keep waiting."""
    backend.held = asyncio.Event()
    calls = [asyncio.create_task(_awaited(client)) for _ in range(3)]
    done, waiting = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    backend.held.set()
    await asyncio.wait(waiting)
    assert all(task.exception() is None for task in waiting)
    return done.pop().result()


async def _awaited(client: Client) -> pr.ProtectResponse:
    return await client.protection.Protect(pr.ProtectRequest(image=PNG))


OPTIONS = {"options": pr.ProtectOptions()}
INVALID, EXHAUSTED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED

#: Reason, code, the field that BadRequest must name ("" for none), what provokes it.
TABLE: list[tuple[Reason, grpc.StatusCode, str, Act]] = [
    (Reason.EMPTY_IMAGE, INVALID, "image", protect(b"")),
    (Reason.EMPTY_IMAGE, INVALID, "image", protect_stream(OPTIONS)),
    (Reason.NOT_AN_IMAGE, INVALID, "image", protect(b"no photo at all, but a sentence" * 20)),
    (Reason.UNSUPPORTED_FORMAT, INVALID, "image", protect(file(pixels(), "GIF"))),
    (Reason.TRUNCATED_IMAGE, INVALID, "image", protect(PNG[: len(PNG) // 2])),
    (Reason.DECOMPRESSION_BOMB, INVALID, "image", protect(png_that_declares(60_000, 60_000))),
    (Reason.ANIMATED_IMAGE, INVALID, "image", protect(animation())),
    (Reason.IMAGE_TOO_SMALL, INVALID, "image", protect(file(pixels(16, 16)))),
    (Reason.IMAGE_TOO_LARGE, INVALID, "image", protect(png_that_declares(8_000, 7_000))),
    (Reason.NOT_AN_IMAGE, INVALID, "original", evaluate(b"no photo" * 20, PNG)),
    (Reason.NOT_AN_IMAGE, INVALID, "protected_photo", evaluate(PNG, b"no photo" * 20)),
    (Reason.SIZE_MISMATCH, INVALID, "protected_photo", evaluate(PNG, file(pixels(64, 64)))),
    (Reason.RECEIPT_INVALID, INVALID, "options.receipt", restore(PNG, receipt(original_sha256=b"short"))),
    (Reason.RECEIPT_MISMATCH, INVALID, "options.receipt", restore(PNG, receipt())),
    (
        Reason.IS_ORIGINAL,
        INVALID,
        "options.receipt",
        restore(PNG, receipt(original_sha256=codec.decode(PNG).sha256())),
    ),
    (
        Reason.UNKNOWN_MODEL,
        grpc.StatusCode.NOT_FOUND,
        "",
        while_missing(protect(PNG)),
    ),
    # Before any model is asked.
    (Reason.UNSUPPORTED_OUTPUT, INVALID, "options.mime_type", while_down(protect(PNG, mime_type="text/plain"))),
    (Reason.UNSUPPORTED_OUTPUT, INVALID, "options.mime_type", while_down(protect(TRANSPARENT, mime_type="image/jpeg"))),
    (Reason.INVALID_OPTION, INVALID, "options.tier", protect(PNG, tier=7)),
    (Reason.INVALID_OPTION, INVALID, "options.protected_psnr_db", protect(PNG, protected_psnr_db=33.0)),
    (Reason.INVALID_OPTION, INVALID, "options.protected_psnr_db", protect(PNG, protected_psnr_db=float("nan"))),
    (Reason.INVALID_OPTION, INVALID, "options.search_seconds", protect(PNG, search_seconds=-1.0)),
    (Reason.INVALID_OPTION, INVALID, "options.search_seconds", protect(PNG, search_seconds=60.5)),
    (Reason.INVALID_OPTION, INVALID, "options.search_seconds", protect(PNG, search_seconds=float("nan"))),
    (Reason.INVALID_OPTION, INVALID, "options.search_seconds", protect(PNG, tier=im.TIER_ONE_PASS, search_seconds=1.0)),
    (
        Reason.INVALID_OPTION,
        INVALID,
        "options.protected_psnr_db",
        protect(PNG, tier=im.TIER_ONE_PASS, protected_psnr_db=60.0),
    ),
    (Reason.STREAM_OUT_OF_ORDER, INVALID, "", protect_stream()),
    (Reason.STREAM_OUT_OF_ORDER, INVALID, "", protect_stream({"chunk": PNG}, OPTIONS)),
    (Reason.STREAM_OUT_OF_ORDER, INVALID, "", protect_stream(OPTIONS, OPTIONS)),
    (Reason.STREAM_OUT_OF_ORDER, INVALID, "", protect_stream(OPTIONS, {})),
    (Reason.CHUNK_TOO_LARGE, INVALID, "chunk", protect_stream(OPTIONS, {"chunk": bytes(64 * 1024 + 1)})),
    (Reason.PAYLOAD_TOO_LARGE, EXHAUSTED, "chunk", protect_stream(OPTIONS, *[{"chunk": bytes(60_000)}] * 6)),
    (Reason.MODEL_UNAVAILABLE, grpc.StatusCode.UNAVAILABLE, "", while_down(protect(PNG))),
    (Reason.OVERLOADED, EXHAUSTED, "", crowd),
    (Reason.INTERNAL, grpc.StatusCode.INTERNAL, "", while_broken(protect(PNG))),
]


@pytest.fixture
async def served_fake(tmp_path: Path) -> AsyncIterator[tuple[Client, FakeBackend]]:
    backend = FakeBackend()
    async with served(config(tmp_path, max_bytes=MAX_BYTES, max_concurrent=1), backend) as client:
        yield client, backend


async def refused(call: Awaitable[object]) -> Refusal:
    with pytest.raises(grpc.RpcError) as caught:
        await call
    return refusal(caught.value)


def test_the_table_holds_every_reason() -> None:
    assert {row[0] for row in TABLE} == set(Reason)


@pytest.mark.parametrize(
    ("reason", "code", "field", "act"), TABLE, ids=[f"{i}-{row[0]}" for i, row in enumerate(TABLE)]
)
async def test_a_refusal_tells_its_reason(
    served_fake: tuple[Client, FakeBackend], reason: Reason, code: grpc.StatusCode, field: str, act: Act
) -> None:
    client, backend = served_fake

    told = await refused(act(client, backend))

    assert (told.info.reason, told.code) == (reason, code)
    assert told.info.domain == "srae"
    assert len(told.info.metadata["request_id"]) == 32
    assert told.fields == ([field] if field else [])
    assert (told.retry is not None) == (reason in (Reason.MODEL_UNAVAILABLE, Reason.OVERLOADED))
    assert len(told.message) > 20
    assert told.message.endswith(".")
    # And it goes on working.
    backend.down, backend.broken, backend.missing, backend.held = set(), set(), set(), None
    assert (await _awaited(client)).outcome.promise == im.PROMISE_BIT_EXACT


async def test_an_unforeseen_error_tells_nothing_but_its_request_id(
    served_fake: tuple[Client, FakeBackend], caplog: pytest.LogCaptureFixture
) -> None:
    client, backend = served_fake

    told = await refused(while_broken(protect(PNG))(client, backend))

    request_id = told.info.metadata["request_id"]
    assert told.message == f"The service failed. Try again; if it stays, report request {request_id}."
    (record,) = [record for record in caplog.records if record.exc_info]
    assert record.fields["request_id"] == request_id
    assert "secret" in str(record.exc_info[1])


async def test_an_unreadable_message_is_refused(served_fake: tuple[Client, FakeBackend]) -> None:
    client, _ = served_fake
    unary = client.channel.unary_unary("/srae.v1.ProtectionService/Protect")
    stream = streamed(client, "/srae.v1.ProtectionService/ProtectStream", [b"\xff\xff\xff"])

    for call in (unary(b"\xff\xff\xff"), stream):
        assert (await refused(call)).info.reason == Reason.INVALID_OPTION


async def test_an_answer_too_large_for_a_message_points_to_the_stream(
    served_fake: tuple[Client, FakeBackend],
) -> None:
    client, _ = served_fake
    noise = np.random.default_rng(1).integers(20, 236, (1250, 1250, 3)).astype(np.uint8)
    jpeg = file(noise, "JPEG", quality=90)
    assert len(jpeg) < chunks.UNARY_BYTES

    told = await refused(protect(jpeg, mime_type="image/png")(client, FakeBackend()))

    assert told.info.reason == Reason.PAYLOAD_TOO_LARGE
    assert "stream" in told.message


@pytest.mark.parametrize("size", [chunks.UNARY_BYTES + 1, chunks.RECEIVED_BYTES])
async def test_a_message_too_large_points_to_the_stream(served_fake: tuple[Client, FakeBackend], size: int) -> None:
    client, _ = served_fake

    told = await refused(client.channel.unary_unary("/srae.v1.ProtectionService/Protect")(bytes(size)))

    assert (told.info.reason, told.code) == (Reason.PAYLOAD_TOO_LARGE, EXHAUSTED)
    assert "stream" in told.message


async def test_a_message_larger_still_is_not_read(served_fake: tuple[Client, FakeBackend]) -> None:
    client, _ = served_fake
    call = client.channel.unary_unary("/srae.v1.ProtectionService/Protect")(bytes(chunks.RECEIVED_BYTES + 1))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call

    assert caught.value.code() == EXHAUSTED
    assert rpc_status.from_call(caught.value) is None


async def test_a_silent_client_loses_its_place(
    served_fake: tuple[Client, FakeBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "STALL_SECONDS", 0.1)
    client, _ = served_fake
    call = client.protection.ProtectStream()
    await call.write(pr.ProtectStreamRequest(options=pr.ProtectOptions()))

    told = await refused(call.read())

    assert told.info.reason == Reason.STREAM_OUT_OF_ORDER


async def test_a_client_that_sends_next_to_nothing_loses_its_place(
    served_fake: tuple[Client, FakeBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "STALL_SECONDS", 1.0)
    client, _ = served_fake

    def trickle() -> Iterator[bytes]:
        yield pr.ProtectStreamRequest(options=pr.ProtectOptions()).SerializeToString()
        for _ in range(150):
            time.sleep(0.02)
            yield pr.ProtectStreamRequest(chunk=b"").SerializeToString()

    told = await refused(streamed(client, "/srae.v1.ProtectionService/ProtectStream", trickle()))

    assert told.info.reason == Reason.STREAM_OUT_OF_ORDER
    assert "more slowly" in told.message


async def test_what_is_refused_leaves_no_photo_in_memory(
    served_fake: tuple[Client, FakeBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = served_fake
    decode, held = codec.decode, []

    def watched(data: bytes) -> Photo:
        photo = decode(data)
        held.append(weakref.ref(photo.pixels))
        return photo

    monkeypatch.setattr(codec, "decode", watched)
    gc.disable()
    try:
        request = re.RestoreRequest(image=PNG, options=re.RestoreOptions(receipt=receipt()))
        assert (await refused(client.restoration.Restore(request))).info.reason == Reason.RECEIPT_MISMATCH
        await asyncio.sleep(0.05)
        assert len(held) == 1
        assert held[0]() is None
    finally:
        gc.enable()


async def test_a_client_that_does_not_read_loses_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "STALL_SECONDS", 1.0)
    noise = np.random.default_rng(1).integers(20, 236, (1100, 1100, 3)).astype(np.uint8)
    jpeg = file(noise, "JPEG", quality=50)
    async with served(config(tmp_path, max_concurrent=1), FakeBackend()) as client:
        places = []
        for _ in range(2):
            call = client.protection.ProtectStream()
            await call.write(pr.ProtectStreamRequest(options=pr.ProtectOptions(mime_type="image/png")))
            for chunk in chunks.split(jpeg):
                await call.write(pr.ProtectStreamRequest(chunk=chunk))
            await call.done_writing()
            places.append(call)
        assert (await refused(_awaited(client))).info.reason == Reason.OVERLOADED
        for _ in range(600):
            await asyncio.sleep(0.1)
            with suppress(grpc.aio.AioRpcError):
                await _awaited(client)
                break
        else:
            pytest.fail("the places are still taken")
        for call in places:
            call.cancel()


async def test_a_call_that_is_cancelled_gives_its_place_back(served_fake: tuple[Client, FakeBackend]) -> None:
    client, _ = served_fake
    for _ in range(5):
        call = client.protection.ProtectStream()
        await call.write(pr.ProtectStreamRequest(options=pr.ProtectOptions()))
        await asyncio.sleep(0.02)
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call.read()
    await asyncio.sleep(0.1)

    assert (await _awaited(client)).outcome.promise == im.PROMISE_BIT_EXACT
