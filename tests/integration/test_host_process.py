"""The native host as a process, without a service: how it starts, what it writes, how it ends."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from host_process import HELLO, ORIGIN, Host, environment
from host_vectors import VECTORS, name_of
from server_support import FakeBackend, certificate, config, file, pixels

from services.rpc.address import Address
from services.server import running

#: Modules that take longer to load than a person should wait for an answer.
HEAVY = ("grpc", "google", "numpy", "cv2", "sqlite3", "cryptography", "rich", "torch", "PIL")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path)


def agrees(expected: Any, told: Any) -> bool:
    """Whether an object has at least what is expected."""
    if isinstance(expected, dict) and isinstance(told, dict):
        return all(name in told and agrees(value, told[name]) for name, value in expected.items())
    return bool(expected == told)


@pytest.mark.parametrize("vector", VECTORS["conversations"], ids=name_of)
def test_conversations(vector: dict[str, Any], env: dict[str, str]) -> None:
    with Host(env) as host:
        for step in vector["steps"]:
            if "send" in step:
                host.send(**step["send"])
            else:
                frame = host.frame()
                assert agrees(step["expect"], frame), frame
        assert host.close() == 0


def test_nothing_heavy_is_loaded_before_hello(env: dict[str, str]) -> None:
    with Host({**env, "PYTHONPROFILEIMPORTTIME": "1"}) as host:
        assert host.ask("hello", **HELLO)["service"]["kind"] == "embedded"
        host.close()
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in host.errors.decode().splitlines()}
    assert "srae_host" in loaded, "the list of modules is there"
    assert not loaded.intersection(HEAVY)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((ORIGIN,), None),
        ((ORIGIN, "--parent-window=0"), None),
        (("/home/ada/.mozilla/native-messaging-hosts/srae.host.json", "extension@srae"), None),
        (("chrome-extension://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/",), "ORIGIN_NOT_ALLOWED"),
        (("/home/ada/.mozilla/native-messaging-hosts/srae.host.json", "evil@srae"), "ORIGIN_NOT_ALLOWED"),
    ],
)
def test_only_the_listed_extensions_are_served(
    arguments: tuple[str, ...], code: str | None, env: dict[str, str]
) -> None:
    with Host(env, *arguments) as host:
        host.begin("hello", **HELLO)
        frame = host.frame()
        assert frame is not None
        assert frame.get("code") == code


def test_an_extension_that_was_installed_with_its_id(env: dict[str, str], tmp_path: Path) -> None:
    other = "abcdefghijklmnopabcdefghijklmnop"
    folder = tmp_path / "config" / "srae"
    folder.mkdir(parents=True)
    (folder / "host.json").write_text(f'{{"extension_ids": ["{other}"], "endpoint": "localhost:1"}}')
    with Host(env, f"chrome-extension://{other}/") as host:
        assert host.ask("hello", **HELLO)["service"] == {"kind": "named", "address": "localhost:1"}
        host.begin("protect", files={"photo": b"cat"}, page_origin="")
        frame, _ = host.end()
        assert (frame["code"], frame["retryable"]) == ("SERVICE_UNREACHABLE", True)


async def test_a_server_is_called_with_tls_and_its_certificate_is_checked(env: dict[str, str], tmp_path: Path) -> None:
    tls = certificate(tmp_path)
    loopback = Address(host="127.0.0.1", port=0)
    async with running(config(tmp_path, listen=loopback, tls=tls), FakeBackend()) as address:
        endpoint = f"localhost:{address.port}"
        trusting = {"endpoint": endpoint, "ca": str(tls.certificate)}
        assert (await asyncio.to_thread(protected_with, trusting, env, tmp_path))["type"] == "result"
        frame = await asyncio.to_thread(protected_with, {"endpoint": endpoint}, env, tmp_path)
        assert frame["code"] == "SERVICE_UNREACHABLE", "the system trusts no such certificate"


def protected_with(chosen: dict[str, str], env: dict[str, str], home: Path) -> dict[str, Any]:
    """The final frame of a protect by a host that has these settings."""
    (home / "config" / "srae").mkdir(parents=True, exist_ok=True)
    (home / "config" / "srae" / "host.json").write_text(json.dumps(chosen))
    with Host(env) as host:
        host.ask("hello", **HELLO)
        host.begin("protect", files={"photo": file(pixels())}, page_origin="")
        return host.end()[0]


def test_settings_that_cannot_be_read_are_told(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "config" / "srae").mkdir(parents=True)
    (tmp_path / "config" / "srae" / "host.json").write_text("[")
    with Host(env) as host:
        host.begin("hello", **HELLO)
        frame, _ = host.end()
        assert frame["code"] == "INTERNAL"
        assert "host.json" in frame["message"]


def test_what_is_printed_never_reaches_the_browser() -> None:
    """In Python, by a descriptor, and by a child that inherits it."""
    script = (
        "from srae_host.pipes import Pipes; import asyncio, os, subprocess; pipes = Pipes(); "
        "print('stray', flush=True); os.write(1, b'stray'); subprocess.run(['echo', 'stray']); "
        "assert os.read(0, 1) == b''; "
        "asyncio.run(pipes.send({'a': 1}))"
    )
    done = subprocess.run([sys.executable, "-c", script], input=b"x", capture_output=True, timeout=60, check=True)
    assert done.stdout == struct.pack("=I", 7) + b'{"a":1}'
    assert done.stderr.count(b"stray") == 3


def test_no_bytes_make_it_hang_or_crash(env: dict[str, str]) -> None:
    chosen = random.Random(6)
    for _ in range(6):
        stream = b"".join(_frame_of(chosen) for _ in range(chosen.randrange(1, 40)))
        with Host(env) as host:
            try:
                while stream:
                    size = chosen.randrange(1, 3000)
                    host.write(stream[:size])
                    stream = stream[size:]
            except BrokenPipeError:
                pass  # it was told of a frame that it does not read, and ended
            assert host.close() in (0, 1)
            while (frame := host.frame()) is not None:
                assert frame["type"] in ("error", "result", "chunk")
        assert b"Traceback" not in host.errors


def _frame_of(chosen: random.Random) -> bytes:
    text = chosen.choice(
        [
            chosen.randbytes(chosen.randrange(60)),
            b'{"type":"request","id":"%d","action":"echo"}' % chosen.randrange(9),
            b'{"type":"chunk","id":"1","file":"photo","seq":0,"data":"AA=="}',
            b"[" * chosen.randrange(5000),
            b'{"type":"request","id":"x","action":"hello","params":{"protocol":{"min":1e999}}}',
        ]
    )
    length = len(text) if chosen.random() < 0.97 else chosen.randrange(1 << 32)
    return struct.pack("=I", length) + text


def test_it_ends_when_it_is_told_to(env: dict[str, str]) -> None:
    with Host(env) as host:
        host.ask("hello", **HELLO)
        host.process.send_signal(signal.SIGTERM)
        assert host.process.wait(60) == 0


def test_a_browser_that_stops_reading_without_closing(env: dict[str, str]) -> None:
    """Frames that nobody takes do not keep the host from ending."""
    pipe = subprocess.PIPE
    with subprocess.Popen((sys.executable, "-m", "srae_host", ORIGIN), stdin=pipe, stdout=pipe, env=env) as process:
        assert process.stdin is not None
        for identity in "abc":
            request = {"type": "request", "id": identity, "action": "echo", "params": {"payload": "x" * 900_000}}
            text = json.dumps(request).encode()
            process.stdin.write(struct.pack("=I", len(text)) + text)
        process.stdin.close()
        assert process.wait(60) == 0


def test_a_browser_that_reads_no_more(env: dict[str, str]) -> None:
    """What cannot be said is left unsaid; the host ends when the browser's other end closes too."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        (sys.executable, "-m", "srae_host", ORIGIN), stdin=pipe, stdout=pipe, stderr=pipe, env=env
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        for _ in range(3):
            text = json.dumps({"type": "request", "id": "a", "action": "echo", "params": {"payload": "x" * 99_000}})
            process.stdin.write(struct.pack("=I", len(text)) + text.encode())
        process.stdin.close()
        assert process.wait(60) in (0, 1)
        assert process.stderr.read() == b""
