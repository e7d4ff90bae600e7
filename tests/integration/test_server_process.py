"""Where the server listens, and how it starts and stops: TLS, sockets, signals, refusals."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest
from server_support import Client, FakeBackend, certificate, config, file, pixels, served
from srae.v1 import image_pb2 as im
from srae.v1 import protection_service_pb2 as pr

from services.config import Tls
from services.rpc.address import Address, AddressError
from services.server import running

REQUEST = pr.ProtectRequest(image=file(pixels()))
LOOPBACK = Address(host="127.0.0.1", port=0)


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return certificate(tmp_path_factory.mktemp("tls"))


async def protected(channel: grpc.aio.Channel, address: Address) -> pr.ProtectResponse:
    return await Client(channel, address).protection.Protect(REQUEST, timeout=120)


async def test_tls_serves_those_who_trust_its_certificate(tmp_path: Path, pem: Tls) -> None:
    async with running(config(tmp_path, listen=LOOPBACK, tls=pem), FakeBackend()) as address:
        trusting = grpc.ssl_channel_credentials(pem.certificate.read_bytes())
        async with grpc.aio.secure_channel(str(address), trusting) as channel:
            assert (await protected(channel, address)).outcome.promise == im.PROMISE_BIT_EXACT
        async with grpc.aio.insecure_channel(str(address)) as channel:
            with pytest.raises(grpc.aio.AioRpcError):
                await protected(channel, address)


async def test_tls_may_ask_clients_for_a_certificate(tmp_path: Path, pem: Tls) -> None:
    mutual = Tls(pem.certificate, pem.key, client_ca=pem.certificate)
    certificate, key = pem.certificate.read_bytes(), pem.key.read_bytes()
    async with running(config(tmp_path, listen=LOOPBACK, tls=mutual), FakeBackend()) as address:
        async with grpc.aio.secure_channel(str(address), grpc.ssl_channel_credentials(certificate)) as channel:
            with pytest.raises(grpc.aio.AioRpcError):
                await protected(channel, address)
        known = grpc.ssl_channel_credentials(certificate, key, certificate)
        async with grpc.aio.secure_channel(str(address), known) as channel:
            assert (await protected(channel, address)).outcome.promise == im.PROMISE_BIT_EXACT


async def test_any_address_is_served_with_tls_and_refused_without(tmp_path: Path, pem: Tls) -> None:
    anywhere = Address(host="0.0.0.0", port=0)
    with pytest.raises(AddressError, match="needs TLS"):
        async with running(config(tmp_path, listen=anywhere), FakeBackend()):
            pass
    async with running(config(tmp_path, listen=anywhere, tls=pem), FakeBackend()) as address:
        assert address.port > 0


def test_it_stops_when_whoever_started_it_dies(tmp_path: Path) -> None:
    """Standard input ends then, whatever the death."""
    command = (sys.executable, "-m", "services", "--listen", f"unix:{tmp_path}/srae.sock", "--stop-with-stdin")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"listening on ")
        process.stdin.close()
        assert process.wait(120) == 0
    assert not (tmp_path / "srae.sock").exists()


async def test_the_socket_is_its_users_alone_and_goes_with_the_server(tmp_path: Path) -> None:
    given = config(tmp_path / "new folder")
    async with served(given, FakeBackend()) as client:
        path = client.address.path
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        await client.protection.Protect(REQUEST)
    assert not path.exists()


def _wait_until_gone(path: Path) -> None:
    while path.exists():
        time.sleep(0.01)


async def test_who_starts_while_another_ends_keeps_the_socket(tmp_path: Path) -> None:
    settings, held = config(tmp_path), asyncio.Event()
    first = running(settings, FakeBackend(held=held))
    address = await first.__aenter__()
    async with grpc.aio.insecure_channel(str(address)) as channel:
        last = asyncio.ensure_future(protected(channel, address))
        await asyncio.sleep(0.2)
        ending = asyncio.ensure_future(first.__aexit__(None, None, None))
        await asyncio.to_thread(_wait_until_gone, settings.listen.path)
        async with served(settings, FakeBackend()) as client:
            held.set()
            await asyncio.gather(last, ending)
            assert (await protected(client.channel, address)).outcome.promise == im.PROMISE_BIT_EXACT
    assert not settings.listen.path.exists()


async def test_a_stale_socket_makes_way(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "srae.sock"))
    async with served(config(tmp_path), FakeBackend()) as client:
        await client.protection.Protect(REQUEST)


async def test_a_live_socket_or_a_file_does_not(tmp_path: Path) -> None:
    async with served(config(tmp_path), FakeBackend()) as client:
        with pytest.raises(AddressError, match="already listens"):
            async with running(config(tmp_path), FakeBackend()):
                pass
        await client.protection.Protect(REQUEST)
    (tmp_path / "srae.sock").write_text("a diary")
    with pytest.raises(AddressError, match="no socket"):
        async with running(config(tmp_path), FakeBackend()):
            pass
    assert (tmp_path / "srae.sock").read_text() == "a diary"


async def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    async with running(config(tmp_path, listen=LOOPBACK), FakeBackend()) as address:
        with pytest.raises(AddressError, match="in use"):
            async with running(config(tmp_path, listen=address), FakeBackend()):
                pass


async def test_metrics_on_a_port_in_use_are_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressError, match="metrics"):
            async with running(config(tmp_path, metrics_port=port), FakeBackend()):
                pass
    assert not (tmp_path / "srae.sock").exists()


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "services", *arguments]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    arguments = command("--listen", f"unix:{tmp_path}/srae.sock", "--repository", str(tmp_path))
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        assert process.stdout.readline() == f"listening on unix:{tmp_path}/srae.sock\n"
        with grpc.insecure_channel(f"unix:{tmp_path}/srae.sock") as channel:
            grpc.channel_ready_future(channel).result(timeout=120)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0
    assert stdout == ""
    assert "Traceback" not in stderr
    assert not (tmp_path / "srae.sock").exists()


def test_an_address_that_needs_tls_ends_the_process_with_a_sentence(tmp_path: Path) -> None:
    ended = subprocess.run(command("--listen", "0.0.0.0:0"), capture_output=True, text=True, timeout=120)

    assert ended.returncode == 2
    assert "it needs TLS: give --tls-cert and --tls-key" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_help_names_every_option() -> None:
    ended = subprocess.run(command("--help"), capture_output=True, text=True, timeout=120, env={**os.environ})

    assert ended.returncode == 0
    for name in ("listen", "backend", "repository", "tls-cert", "tls-key", "tls-client-ca", "reflection", "max-bytes"):
        assert f"--{name}" in ended.stdout
    for name in ("max-concurrent", "metrics-port", "metrics-host", "health-listen", "canary-seconds"):
        assert f"--{name}" in ended.stdout
