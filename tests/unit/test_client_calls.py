"""The client on the wire: what is sent, what comes back, what a failure becomes."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from srae.v1.image_pb2 import TIER_ONE_PASS
from srae_client.client import CHUNK_BYTES, Client
from srae_client.errors import SraeClientError
from srae_client.show import stage

from tests.unit import client_fake
from tests.unit.client_fake import Fake

#: Larger than one gRPC message may be.
BIG = os.urandom(5 * 1024 * 1024 + 17)


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Fake]:
    with client_fake.running(tmp_path) as fake:
        yield fake


@pytest.fixture
async def client(fake: Fake) -> AsyncIterator[Client]:
    async with Client(fake.address) as client:
        yield client


async def test_protect_sends_a_big_photo_in_chunks_and_gets_one_back(client: Client, fake: Fake) -> None:
    protected = await client.protect(BIG, TIER_ONE_PASS, "image/webp")
    assert protected.image == client_fake.PREFIX + BIG
    assert protected.outcome.receipt == client_fake.receipt()
    assert (fake.options[0].tier, fake.options[0].mime_type) == (TIER_ONE_PASS, "image/webp")
    assert max(fake.chunk_sizes) == CHUNK_BYTES == 64 * 1024
    assert sum(fake.chunk_sizes) == len(BIG)


async def test_protect_tells_how_far_it_is_where_somebody_listens(client: Client, fake: Fake) -> None:
    told: list[str] = []
    made = await client.protect(b"photo", search_seconds=3.0, on_progress=lambda progress: told.append(stage(progress)))
    assert told == ["searched, 1 round", "searched, 2 rounds"]
    assert made.image == client_fake.PREFIX + b"photo"
    await client.protect(b"photo")
    assert [(sent.search_seconds, sent.report_progress) for sent in fake.options] == [(3.0, True), (0.0, False)]


async def test_restore_sends_the_receipt_and_gets_the_original_back(client: Client, fake: Fake) -> None:
    restored = await client.restore(client_fake.PREFIX + BIG, client_fake.receipt())
    assert restored.image == BIG
    assert fake.options[0].receipt == client_fake.receipt()


async def test_restore_without_a_receipt_sends_none(client: Client, fake: Fake) -> None:
    await client.restore(b"photo")
    assert not fake.options[0].HasField("receipt")


async def test_evaluate_sends_both_files(client: Client) -> None:
    assert (await client.evaluate(b"one", b"two")).is_protected
    assert not (await client.evaluate(b"one", b"one")).is_protected


async def test_a_refusal_keeps_its_reason_its_sentence_and_its_field(client: Client) -> None:
    with pytest.raises(SraeClientError) as caught:
        await client.evaluate(b"fine", client_fake.BAD)
    error = caught.value
    assert (error.reason, error.message) == ("NOT_AN_IMAGE", "This is no photo. Give a photo.")
    assert (error.retryable, error.field) == (False, "protected_photo")


async def test_a_busy_server_is_retryable(client: Client) -> None:
    with pytest.raises(SraeClientError) as caught:
        await client.protect(client_fake.BUSY_ONCE)
    assert (caught.value.reason, caught.value.retryable) == ("OVERLOADED", True)


async def test_a_refusal_before_the_whole_photo_was_read_keeps_its_reason(client: Client) -> None:
    for _ in range(10):
        with pytest.raises(SraeClientError) as caught:
            await client.protect(client_fake.EARLY + BIG)
        assert caught.value.reason == "PAYLOAD_TOO_LARGE"


async def test_a_call_that_is_cancelled_ends(client: Client, fake: Fake) -> None:
    call = asyncio.create_task(client.protect(client_fake.HANGING))
    await asyncio.to_thread(fake.was_reached.wait, 5)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await asyncio.to_thread(fake.was_cancelled.wait, 5)


async def test_a_failure_without_details_still_has_a_reason(client: Client) -> None:
    with pytest.raises(SraeClientError, match="boom") as caught:
        await client.protect(client_fake.UNEXPLAINED)
    assert caught.value.reason == "REFUSED"


async def test_an_answer_without_a_photo_is_an_error(client: Client) -> None:
    with pytest.raises(SraeClientError, match="ended its answer early") as caught:
        await client.protect(client_fake.CUT_OFF)
    assert caught.value.reason == "INCOMPLETE_ANSWER"


async def test_no_server_is_said_in_a_sentence(tmp_path: Path) -> None:
    async with Client(f"unix:{tmp_path}/nobody.sock") as client:
        with pytest.raises(SraeClientError, match=r"No server answers at unix:.*srae serve") as caught:
            await client.protect(b"photo")
    assert (caught.value.reason, caught.value.retryable) == ("UNREACHABLE", False)


async def test_another_server_is_told_from_ours(tmp_path: Path) -> None:
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_insecure_port(f"unix:{tmp_path}/other.sock")
    server.start()
    async with Client(f"unix:{tmp_path}/other.sock") as client:
        with pytest.raises(SraeClientError) as caught:
            await client.restore(b"photo")
    server.stop(None).wait()
    assert caught.value.reason == "NOT_SRAE"


async def test_other_computers_are_called_with_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    insecure, secure = grpc.insecure_channel, grpc.secure_channel
    monkeypatch.setattr(grpc, "insecure_channel", lambda *a, **k: opened.append("plain") or insecure(*a, **k))
    monkeypatch.setattr(grpc, "secure_channel", lambda *a, **k: opened.append("tls") or secure(*a, **k))
    for address in ("photos.example:443", "127.0.0.1:1", "localhost:1", "[::1]:1", "unix:/nowhere"):
        await Client(address).close()
    await Client("localhost:1", ca=b"").close()
    assert opened == ["tls", "plain", "plain", "plain", "plain", "tls"]
