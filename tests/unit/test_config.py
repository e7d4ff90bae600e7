"""The server's configuration: what it takes, and what it refuses."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from services.config import Config, default_listen, from_arguments
from services.rpc.address import Address, AddressError, parse


def refused(capsys: pytest.CaptureFixture[str], *arguments: str, **environment: str) -> str:
    """What it says as it refuses."""
    with pytest.raises(SystemExit) as caught:
        from_arguments(arguments, environment)
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_defaults_are_private() -> None:
    config = from_arguments([], {"XDG_RUNTIME_DIR": "/run/user/7"})

    assert str(config.listen) == "unix:/run/user/7/srae/srae.sock"
    assert config.listen.is_local
    assert config.repository.name == "triton_models"
    assert config.tls is None
    assert not config.reflection
    assert config.metrics_port == 0
    assert config.metrics_host == "127.0.0.1"
    assert config.health_listen is None
    assert config.max_bytes == 160 * 1024 * 1024


def test_without_a_runtime_folder_the_socket_is_in_a_folder_of_the_users() -> None:
    path = default_listen({}).path
    assert path is not None
    assert path.parent.name.startswith("srae-")


def test_the_command_line_wins_over_variables(tmp_path: Path) -> None:
    environment = {
        "SRAE_LISTEN": "[::1]:7",
        "SRAE_MAX_BYTES": "1000",
        "SRAE_REFLECTION": "true",
        "SRAE_REPOSITORY": str(tmp_path),
        "SRAE_METRICS_PORT": "",
        "SRAE_METRICS_HOST": "0.0.0.0",
        "SRAE_HEALTH_LISTEN": "0.0.0.0:9",
    }

    config = from_arguments(["--max-bytes", "2000", "--canary-seconds", "0.5"], environment)

    assert config == Config(
        listen=Address(host="::1", port=7),
        repository=tmp_path,
        reflection=True,
        max_bytes=2000,
        canary_seconds=0.5,
        metrics_host="0.0.0.0",
        health_listen=Address(host="0.0.0.0", port=9),
    )
    assert not from_arguments(["--no-reflection"], environment).reflection


def test_triton_is_a_variable_away() -> None:
    config = from_arguments(
        [], {"SRAE_BACKEND": "triton", "SRAE_TRITON_URL": "dns:///t:8001", "SRAE_FALLBACK": "embedded"}
    )

    assert (config.backend, config.triton_url, config.fallback) == ("triton", "dns:///t:8001", "embedded")


@pytest.mark.parametrize("address", ["0.0.0.0:50051", "[::]:50051", "192.168.1.2:1", "example.com:443", "127.1:80"])
def test_other_addresses_need_tls(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "needs TLS" in refused(capsys, "--listen", address)
    assert "needs TLS" in refused(capsys, SRAE_LISTEN=address)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("127.8.9.1:80", "127.8.9.1:80"),
        ("localhost:80", "127.0.0.1:80"),
        ("[::1]:80", "[::1]:80"),
        ("unix:/run/s.sock", "unix:/run/s.sock"),
    ],
)
def test_local_addresses(text: str, address: str) -> None:
    assert str(parse(text)) == address
    assert parse(text).is_local


@pytest.mark.parametrize(
    "text",
    ["", "localhost", ":80", "127.0.0.1:", "127.0.0.1:65536", "::1:80", "dns:///example.com:80", "127.0.0.1:80\n",
     "unix:", "unix:s.sock", "unix-abstract:s", "unix:/a%20b", "unix:/a\0b", "unix:/" + "x" * 107],
)  # fmt: skip
def test_no_addresses(text: str) -> None:
    with pytest.raises(AddressError):
        parse(text)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--tls-cert", "a"], "both --tls-cert and --tls-key"),
        (["--tls-client-ca", "a"], "--tls-client-ca needs"),
        (["--tls-cert", "/none", "--tls-key", "/none"], "cannot be used"),
        (["--repository", "/none"], "no model repository"),
        (["--max-bytes", "0"], "not a whole number above 0"),
        (["--max-concurrent", "-1"], "not a whole number above 0"),
        (["--metrics-port", "65536"], "not a port"),
        (["--metrics-host", "localhost"], "not an IP address"),
        (["--health-listen", "nowhere"], "is not an address"),
        (["--canary-seconds", "nan"], "not a number of seconds"),
        (["--backend", "magic"], "invalid choice"),
        (["--fallback", "embedded"], "--fallback is for --backend triton"),
        (["--fallback", "magic"], "invalid choice"),
        (["--inference-seconds", "0"], "not a number of seconds"),
        (["--listen", "nowhere"], "is not an address"),
        (["--max"], "unrecognized"),
    ],
)
def test_refusals_say_why(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert sentence in refused(capsys, *arguments)


def test_variables_are_checked_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert "not a whole number" in refused(capsys, SRAE_MAX_BYTES="many")
    assert "SRAE_REFLECTION must be true or false" in refused(capsys, SRAE_REFLECTION="perhaps")


def test_pem_files_are_checked_at_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("no PEM")
        (tmp_path / name).chmod(stat.S_IRUSR)
    arguments = ("--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem"))
    assert "These TLS files cannot be used" in refused(capsys, *arguments)
