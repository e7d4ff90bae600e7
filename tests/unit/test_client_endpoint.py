"""Which server is called, and that a server of our own never outlives its call."""

import asyncio
import os
import socket
import sys
import time
from pathlib import Path

import pytest
from srae_client import embedded, endpoint
from srae_client.errors import SraeClientError

from services.config import default_listen


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No server runs, none is named, and starting one would fail the test."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("SRAE_ENDPOINT", raising=False)
    monkeypatch.setattr(embedded, "COMMAND", ("/nowhere/python",))


@pytest.mark.parametrize("address", ["unix:/run/x.sock", "localhost:80", "127.0.0.1:80", "127.1.2.3:80", "[::1]:80"])
def test_this_computers_addresses(address: str) -> None:
    assert endpoint.parse(address) == endpoint.Endpoint(address, is_local=True)


@pytest.mark.parametrize("address", ["photos.example:443", "10.0.0.1:80", "[2001:db8::1]:80", "localhost.example:80"])
def test_other_computers_addresses(address: str) -> None:
    assert endpoint.parse(address) == endpoint.Endpoint(address, is_local=False)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "host",
        "host:",
        ":80",
        "host:http",
        "::1:80",
        "https://host:80",
        "unix:",
        "host:0",
        "host:65536",
        "host:\u0663",
    ],
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(SraeClientError, match="Give host:port") as caught:
        endpoint.parse(address)
    assert caught.value.reason == "INVALID_ENDPOINT"


def test_what_is_no_text_is_no_address() -> None:
    with pytest.raises(SraeClientError, match="no valid text"):
        endpoint.parse("unix:/tmp/\udcff")


@pytest.mark.parametrize(
    ("address", "target", "is_local"),
    [
        ("dns:///srae.photos.svc:50051", "dns:///srae.photos.svc:50051", False),
        ("dns:///localhost:80", "dns:///localhost:80", True),
        ("127.0.0.1:80,127.0.0.1:81", "ipv4:127.0.0.1:80,127.0.0.1:81", True),
    ],
)
def test_several_servers(address: str, target: str, is_local: bool) -> None:
    found = endpoint.parse(address)
    assert (found.is_spread, found.target, found.is_local) == (True, target, is_local)
    assert not endpoint.parse("photos.example:443").is_spread


@pytest.mark.parametrize("address", ["127.0.0.1:80,10.0.0.1:80", "127.0.0.1:80,localhost:81", "127.0.0.1:80,[::1]:80"])
def test_several_addresses_are_this_computers(address: str) -> None:
    with pytest.raises(SraeClientError, match="dns:///host:port for all"):
        endpoint.parse(address)


@pytest.mark.parametrize(
    "address", ["dns:///", "dns:///host", "dns://1.1.1.1/host:80", "127.0.0.1:80,", "dns:///unix:/x"]
)
def test_what_names_no_several_servers(address: str) -> None:
    with pytest.raises(SraeClientError) as caught:
        endpoint.parse(address)
    assert caught.value.reason == "INVALID_ENDPOINT"


@pytest.mark.parametrize("environment", [{"XDG_RUNTIME_DIR": "/run/user/7"}, {}], ids=["runtime folder", "none"])
def test_the_default_is_where_the_server_listens(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert endpoint.default_socket() == default_listen(os.environ).path


async def test_a_named_server_wins_then_the_environment_then_the_running_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "srae" / "srae.sock"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        async with endpoint.resolve(None) as found:
            assert found == f"unix:{path}"
        monkeypatch.setenv("SRAE_ENDPOINT", "localhost:1")
        async with endpoint.resolve(None) as found:
            assert found == "localhost:1"
        async with endpoint.resolve("localhost:2") as found:
            assert found == "localhost:2"


def test_a_socket_that_nobody_answers_or_that_is_anothers_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.sock"
    assert not endpoint.is_running(path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        assert not endpoint.is_running(path)
        listening.listen()
        assert endpoint.is_running(path)
        user = os.getuid()
        monkeypatch.setattr(endpoint.os, "getuid", lambda: user + 1)
        assert not endpoint.is_running(path)


def use_server(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Puts a few lines of Python in the server's place."""
    monkeypatch.setattr(embedded, "COMMAND", (sys.executable, "-c", code))


#: Leaves its process id beside its socket, which is its only argument but one.
LISTENS = """
import os, pathlib, sys, time
pathlib.Path({pid!r}).write_text(str(os.getpid()))
print("listening on", sys.argv[2], flush=True)
time.sleep(60)
"""


def is_alive(pid: Path) -> bool:
    try:
        os.kill(int(pid.read_text()), 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt, asyncio.CancelledError])
async def test_our_own_server_is_stopped_whatever_happens(
    error: type[BaseException] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = tmp_path / "pid"
    use_server(monkeypatch, LISTENS.format(pid=str(pid)))

    async def call() -> None:
        async with endpoint.resolve(None) as address:
            assert address.startswith("unix:")
            assert is_alive(pid)
            folder = Path(address.removeprefix("unix:")).parent
            assert folder.stat().st_mode & 0o077 == 0
            if error is not None:
                raise error

    if error is None:
        await call()
    else:
        with pytest.raises(error):
            await call()
    assert not is_alive(pid)


STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


async def test_a_server_that_ignores_sigterm_is_stopped_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = tmp_path / "pid"
    use_server(monkeypatch, STUBBORN + LISTENS.format(pid=str(pid)))
    monkeypatch.setattr(embedded, "STOP_SECONDS", 0.2)
    async with endpoint.resolve(None):
        assert is_alive(pid)
    assert not is_alive(pid)


async def test_who_interrupts_does_not_wait_for_what_the_server_works_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = tmp_path / "pid"
    use_server(monkeypatch, STUBBORN + LISTENS.format(pid=str(pid)))
    before = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        async with endpoint.resolve(None):
            raise asyncio.CancelledError
    assert time.monotonic() - before < embedded.STOP_SECONDS / 2
    assert not is_alive(pid)


async def test_a_server_that_dies_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    use_server(monkeypatch, "import sys; sys.exit('no models: run make export')")
    with pytest.raises(SraeClientError, match=r"stopped while starting.*srae serve.*\s+no models: run make") as caught:
        async with endpoint.resolve(None):
            pass
    assert caught.value.reason == "SERVER_DID_NOT_START"


async def test_a_server_that_never_gets_ready_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = tmp_path / "pid"
    use_server(monkeypatch, LISTENS.format(pid=str(pid)).replace("print(", "len([").replace("flush=True)", "])"))
    monkeypatch.setattr(embedded, "START_SECONDS", 1.0)
    with pytest.raises(SraeClientError, match="not ready after 1 second"):
        async with endpoint.resolve(None):
            pass
    assert not pid.exists() or not is_alive(pid)


async def test_variables_meant_for_another_server_are_not_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    names = "' '.join(name for name in os.environ if name.startswith('SRAE_'))"
    show = f"import os, pathlib; pathlib.Path({str(seen)!r}).write_text({names})\n"
    use_server(monkeypatch, show + LISTENS.format(pid=str(tmp_path / "pid")))
    monkeypatch.setenv("SRAE_TLS_CERT", "/cert.pem")
    monkeypatch.setenv("SRAE_REPOSITORY", "/models")
    async with endpoint.resolve(None):
        pass
    assert seen.read_text() == "SRAE_REPOSITORY"


async def test_without_a_server_installed_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "services", None)
    with pytest.raises(SraeClientError, match=r"pip install -e '\.\[embedded\]' in the project's folder") as caught:
        async with endpoint.resolve(None):
            pass
    assert caught.value.reason == "SERVER_NOT_INSTALLED"
