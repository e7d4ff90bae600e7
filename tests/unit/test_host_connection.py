"""One port, many requests: each is answered once, whatever else goes wrong. Limits are set so that nobody waits."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from srae_host import framing
from srae_host.calls import Answer, Report
from srae_host.connection import Connection
from srae_host.errors import Code, HostError
from srae_host.limits import Limits
from srae_host.requests import Request
from srae_host.transfer import File

HELLO = {"protocol": {"min": 1, "max": 1}, "client": "test"}
Act = Callable[[Request, Mapping[str, File], Report], Awaitable[Answer]]


class Bench:
    """A connection whose frames are kept, and whose actions are the test's."""

    def __init__(self, act: Act | None = None, limits: Limits | None = None, refusal: HostError | None = None) -> None:
        self.sent: list[dict[str, Any]] = []
        self._act = act
        self.connection = Connection(self._send, self, limits or Limits(), refusal)

    async def _send(self, message: Mapping[str, Any]) -> None:
        self.sent.append(json.loads(framing.encode(message)[4:]))
        await asyncio.sleep(0)

    async def run(self, request: Request, files: Mapping[str, File], report: Report) -> Answer:
        if self._act is not None and request.action != "hello":
            return await self._act(request, files, report)
        return Answer({"payload": request.params.get("payload")}, files)

    async def send(self, **message: Any) -> None:
        await self.connection.feed(framing.encode(message))

    async def greet(self) -> None:
        await self.send(type="request", id="hello", action="hello", params=HELLO)
        await self.settle()
        self.sent.clear()

    async def settle(self, seconds: float = 0.0) -> None:
        await asyncio.sleep(seconds)
        for _ in range(20):
            await asyncio.sleep(0)

    def codes(self) -> list[str]:
        return [frame.get("code", frame["type"]) for frame in self.sent]


def described(data: bytes) -> dict[str, Any]:
    return {"name": "a.png", "mime_type": "", "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def chunk(data: bytes, number: int = 0, identity: str = "a") -> dict[str, Any]:
    return {"type": "chunk", "id": identity, "file": "photo", "seq": number, "data": base64.b64encode(data).decode()}


async def forever(request: Request, files: Mapping[str, File], report: Report) -> Answer:
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_file_larger_than_a_chunk_comes_back_in_chunks() -> None:
    bench, data = Bench(limits=Limits(chunk_bytes=4)), b"0123456789"
    await bench.send(type="request", id="a", action="echo", files={"photo": described(data)})
    for number, start in enumerate(range(0, 10, 4)):
        await bench.send(**chunk(data[start : start + 4], number))
    await bench.settle()
    assert [frame["type"] for frame in bench.sent] == ["chunk"] * 3 + ["result"]
    assert b"".join(base64.b64decode(frame["data"]) for frame in bench.sent[:3]) == data
    assert bench.sent[-1]["files"] == {"photo": described(data)}


async def test_a_file_of_no_bytes_needs_no_chunk() -> None:
    bench = Bench()
    await bench.send(type="request", id="a", action="echo", files={"photo": described(b"")})
    await bench.settle()
    assert bench.codes() == ["result"]


async def test_too_many_requests() -> None:
    bench = Bench(limits=Limits(requests=2))
    await bench.greet()
    for identity in "abc":
        await bench.send(type="request", id=identity, action="echo", files={"photo": described(b"xyz")})
    assert [(frame["id"], frame["code"]) for frame in bench.sent] == [("c", "TOO_MANY_REQUESTS")]
    await bench.send(type="cancel", id="a")
    await bench.send(type="request", id="d", action="echo")
    await bench.settle()
    assert bench.codes() == ["TOO_MANY_REQUESTS", "CANCELLED", "result"]
    await bench.connection.close()


async def test_too_many_bytes_are_given_back_when_a_request_ends() -> None:
    bench = Bench(limits=Limits(pending_bytes=5))
    files = {"photo": described(b"xyz")}
    await bench.send(type="request", id="a", action="echo", files=files)
    await bench.send(type="request", id="b", action="echo", files=files)
    assert bench.codes() == ["TOO_MANY_REQUESTS"]
    await bench.send(**chunk(b"xyz"))
    await bench.settle()
    await bench.send(type="request", id="b", action="echo", files=files)
    await bench.send(**chunk(b"xyz", identity="b"))
    await bench.settle()
    assert bench.codes() == ["TOO_MANY_REQUESTS", "chunk", "result", "chunk", "result"]


async def test_chunks_that_stop_coming() -> None:
    bench = Bench(limits=Limits(chunk_seconds=0.05))
    await bench.send(type="request", id="a", action="echo", files={"photo": described(b"xyz")})
    await bench.send(**chunk(b"x"))
    await bench.settle(0.3)
    assert bench.codes() == ["CHUNK_TIMEOUT"]
    assert bench.sent[0]["retryable"] is True


async def test_work_that_does_not_end_beats_and_then_fails() -> None:
    bench = Bench(forever, Limits(request_seconds=0.5, heartbeat_seconds=0.1))
    await bench.greet()
    await bench.send(type="request", id="a", action="wake")
    await bench.settle(1.0)
    assert bench.codes()[-1] == "REQUEST_TIMEOUT"
    assert bench.codes()[:-1] == ["progress"] * (len(bench.sent) - 1)
    assert len(bench.sent) > 2
    before = len(bench.sent)
    await bench.settle(0.3)
    assert len(bench.sent) == before, "nothing follows the final frame"


async def test_stages_are_told_when_they_change() -> None:
    async def act(request: Request, files: Mapping[str, File], report: Report) -> Answer:
        for stage in ("queued", "queued", "working", "sending"):
            await report(stage)
        return Answer({})

    bench = Bench(act)
    await bench.greet()
    await bench.send(type="request", id="a", action="wake")
    await bench.settle()
    assert [frame.get("stage") for frame in bench.sent] == ["queued", "working", "sending", None]


async def test_a_cancelled_request_is_answered_once_and_its_work_ends() -> None:
    ended = asyncio.Event()

    async def act(request: Request, files: Mapping[str, File], report: Report) -> Answer:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    bench = Bench(act)
    await bench.greet()
    await bench.send(type="request", id="a", action="wake")
    await bench.settle()
    await bench.send(type="cancel", id="a")
    await bench.send(type="cancel", id="a")
    await asyncio.wait_for(ended.wait(), 10)
    assert bench.codes() == ["CANCELLED"]


async def test_something_unforeseen_tells_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    async def act(request: Request, files: Mapping[str, File], report: Report) -> Answer:
        raise RuntimeError("the key is 1234, of /home/ada/holiday.jpg")

    bench = Bench(act)
    await bench.greet()
    await bench.send(type="request", id="a", action="wake")
    await bench.settle()
    assert bench.codes() == ["INTERNAL"]
    assert "RuntimeError at" in caplog.text
    assert "1234" not in caplog.text + json.dumps(bench.sent)


async def test_a_failure_of_the_disk_is_answered_too() -> None:
    async def act(request: Request, files: Mapping[str, File], report: Report) -> Answer:
        raise OSError("disk full")

    bench = Bench(act)
    await bench.greet()
    await bench.send(type="request", id="a", action="wake")
    await bench.settle()
    assert bench.codes() == ["INTERNAL"]


async def test_an_answer_that_fits_into_no_frame() -> None:
    bench = Bench()
    payload = "\u00f6" * 400_000  # two bytes each as it comes, six as it is escaped
    text = json.dumps(
        {"type": "request", "id": "a", "action": "echo", "params": {"payload": payload}}, ensure_ascii=False
    ).encode()
    await bench.connection.feed(struct.pack("=I", len(text)) + text)
    await bench.settle()
    assert bench.codes() == ["INVALID_REQUEST"]


async def test_a_stranger_is_answered_always_the_same() -> None:
    bench = Bench(refusal=HostError(Code.ORIGIN_NOT_ALLOWED, "no"))
    await bench.send(type="request", id="a", action="hello", params=HELLO)
    await bench.send(type="request", id="b", action="echo")
    assert bench.codes() == ["ORIGIN_NOT_ALLOWED"] * 2


async def test_a_frame_too_long_ends_the_connection() -> None:
    bench = Bench()
    with pytest.raises(HostError):
        await bench.connection.feed(b"\xff\xff\xff\xff")
    assert [(frame["id"], frame["code"]) for frame in bench.sent] == [(None, "FRAME_TOO_LARGE")]


IDS = st.sampled_from("ab")
FRAMES = st.one_of(
    st.builds(lambda i: {"type": "request", "id": i, "action": "echo"}, IDS),
    st.builds(
        lambda i: {"type": "request", "id": i, "action": "echo", "files": {"photo": described(b"xyz")}},
        IDS,
    ),
    st.builds(lambda i, n, d: chunk(d, n, i), IDS, st.integers(0, 2), st.sampled_from([b"x", b"y", b"z", b"xyz"])),
    st.builds(lambda i: {"type": "cancel", "id": i}, IDS),
    st.builds(lambda i: {"type": i}, IDS),
)


@given(st.lists(FRAMES, max_size=14))
async def test_each_request_is_answered_exactly_once(frames: list[dict[str, Any]]) -> None:
    bench = Bench()
    under_way: set[str] = set()
    asked = 0
    for frame in frames:
        if frame["type"] == "request" and frame["id"] not in under_way:  # else it ends the one that is
            asked += 1
        seen = len(bench.sent)
        await bench.send(**frame)
        await bench.settle()
        if frame["type"] == "request":
            under_way.add(frame["id"])
        under_way -= {sent["id"] for sent in bench.sent[seen:] if sent["type"] in ("result", "error") and sent["id"]}
    for identity in sorted(under_way):
        await bench.send(type="cancel", id=identity)
    finals = [sent for sent in bench.sent if sent["type"] in ("result", "error") and sent["id"] is not None]
    assert len(finals) == asked
    await bench.connection.close()
