"""The server's configuration: the command line, then SRAE_* variables, then defaults. It refuses what is not safe."""

from __future__ import annotations

import argparse
import ipaddress
import os
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.rpc.address import Address, AddressError, parse

_MIB = 1024 * 1024


@dataclass(frozen=True)
class Tls:
    """PEM files. client_ca: where set, clients must show a certificate that it signed."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True)
class Config:
    """What the server does, and where. See ``python -m services --help``."""

    listen: Address
    repository: Path
    backend: str = "embedded"
    triton_url: str = "127.0.0.1:8001"
    fallback: str = "none"
    inference_seconds: float = 30.0
    tls: Tls | None = None
    reflection: bool = False
    max_bytes: int = 160 * _MIB
    max_concurrent: int = 2 * (os.cpu_count() or 1)
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    health_listen: Address | None = None
    canary_seconds: float = 30.0
    stop_with_stdin: bool = False


def from_arguments(arguments: Sequence[str], environment: Mapping[str, str]) -> Config:
    """The configuration. Exits with status 2 and a sentence where it is wrong, and with 0 after --help."""
    parser = _parser(environment)
    # Variables go first: argparse checks them like arguments, and the command line, which comes later, wins.
    given = parser.parse_args([*_from_environment(parser, environment), *arguments])
    if (given.tls_cert is None) != (given.tls_key is None):
        parser.error("TLS needs both --tls-cert and --tls-key.")
    if given.tls_client_ca is not None and given.tls_cert is None:
        parser.error("--tls-client-ca needs --tls-cert and --tls-key.")
    if given.fallback != "none" and given.backend != "triton":
        parser.error("--fallback is for --backend triton: the embedded backend has nothing to fall back from.")
    if not given.repository.is_dir():
        parser.error(f"There is no model repository at {given.repository}. Run `make export`, or give --repository.")
    tls = Tls(given.tls_cert, given.tls_key, given.tls_client_ca) if given.tls_cert is not None else None
    if tls is None and not given.listen.is_local:
        parser.error(
            f"{given.listen} can be reached from other machines, so it needs TLS: give --tls-cert and --tls-key, "
            "or listen on a Unix socket or loopback."
        )
    if tls is not None:
        _check(tls, parser)
    return Config(
        listen=given.listen,
        repository=given.repository,
        backend=given.backend,
        triton_url=given.triton_url,
        fallback=given.fallback,
        inference_seconds=given.inference_seconds,
        tls=tls,
        reflection=given.reflection,
        max_bytes=given.max_bytes,
        max_concurrent=given.max_concurrent,
        metrics_host=given.metrics_host,
        metrics_port=given.metrics_port,
        health_listen=given.health_listen,
        canary_seconds=given.canary_seconds,
        stop_with_stdin=given.stop_with_stdin,
    )


def default_listen(environment: Mapping[str, str]) -> Address:
    """A socket in the user's runtime folder; without one, in a folder of this user's under the temporary folder."""
    runtime = environment.get("XDG_RUNTIME_DIR")
    folder = Path(runtime) / "srae" if runtime else Path(tempfile.gettempdir()) / f"srae-{os.getuid()}"
    return Address(path=folder / "srae.sock")


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services",
        description="Serves protection, restoration and evaluation of photos over gRPC. When it is ready, it prints "
        "one line, `listening on ADDRESS`, to stdout; logs go to stderr.",
        epilog="Each option can be set by a variable too: SRAE_LISTEN for --listen, SRAE_MAX_BYTES for --max-bytes, "
        "and so on (SRAE_REFLECTION=true or false). The command line wins.",
        allow_abbrev=False,
    )
    _add_address(parser.add_argument_group("address"), environment)
    _add_models(parser.add_argument_group("models"))
    _add_operation(parser.add_argument_group("operation"))
    return parser


def _add_address(group: argparse._ArgumentGroup, environment: Mapping[str, str]) -> None:
    group.add_argument(
        "--listen",
        type=_address,
        default=default_listen(environment),
        metavar="ADDRESS",
        help="unix:/path, 127.0.0.1:PORT, localhost:PORT or [::1]:PORT; port 0 takes a free one; any other address "
        "needs TLS (default: %(default)s)",
    )
    group.add_argument("--tls-cert", type=Path, metavar="FILE", help="PEM certificate chain; turns TLS on")
    group.add_argument("--tls-key", type=Path, metavar="FILE", help="PEM private key of it, without a passphrase")
    group.add_argument(
        "--tls-client-ca", type=Path, metavar="FILE", help="PEM certificates; clients must show one that these signed"
    )


def _add_models(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--backend",
        choices=("embedded", "triton"),
        default=Config.backend,
        help="what runs the models: this process, or a Triton server (default: %(default)s)",
    )
    group.add_argument(
        "--triton-url",
        default=Config.triton_url,
        metavar="TARGET",
        help="the Triton server's gRPC: HOST:PORT, or dns:///NAME:PORT for several behind one name (default: "
        "%(default)s)",
    )
    group.add_argument(
        "--fallback",
        choices=("none", "embedded"),
        default=Config.fallback,
        help="what runs the models while Triton is gone (default: %(default)s)",
    )
    group.add_argument(
        "--inference-seconds",
        type=_seconds,
        default=Config.inference_seconds,
        metavar="SECONDS",
        help="the most that one inference may take, retries included (default: %(default)s)",
    )
    group.add_argument(
        "--repository",
        type=Path,
        default=Path(__file__).parent.parent / "triton_models",
        metavar="FOLDER",
        help="the model repository (default: %(default)s)",
    )
    group.add_argument(
        "--canary-seconds",
        type=_seconds,
        default=Config.canary_seconds,
        metavar="SECONDS",
        help="pause between canary inferences, on which health depends (default: %(default)s)",
    )


def _add_operation(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--max-bytes",
        type=_positive,
        default=Config.max_bytes,
        metavar="N",
        help="the most bytes of photos in one call (default: %(default)s)",
    )
    group.add_argument(
        "--max-concurrent",
        type=_positive,
        default=Config.max_concurrent,
        metavar="N",
        help="calls that work at once; as many again wait, and others are refused (default: two a core, %(default)s)",
    )
    group.add_argument(
        "--metrics-port",
        type=_port,
        default=Config.metrics_port,
        metavar="PORT",
        help="port for Prometheus metrics; 0 is none (default: %(default)s)",
    )
    group.add_argument(
        "--metrics-host",
        type=_ip,
        default=Config.metrics_host,
        metavar="IP",
        help="IP address that the metrics are served on, without TLS; 0.0.0.0 is all (default: %(default)s)",
    )
    group.add_argument(
        "--health-listen",
        type=_address,
        metavar="ADDRESS",
        help="a second address, without TLS wherever it is, that answers grpc.health.v1 and nothing else, for a "
        "cluster's probes (default: none)",
    )
    group.add_argument(
        "--stop-with-stdin",
        action=argparse.BooleanOptionalAction,
        default=Config.stop_with_stdin,
        help="stop when standard input ends, as it does when whoever started the server dies (default: no)",
    )
    group.add_argument(
        "--reflection",
        action=argparse.BooleanOptionalAction,
        default=Config.reflection,
        help="let clients ask which methods there are (default: no)",
    )


def _from_environment(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> list[str]:
    arguments = []
    for action in parser._actions:
        value = environment.get(f"SRAE_{action.dest.upper()}")
        if not value:
            continue
        if isinstance(action, argparse.BooleanOptionalAction):
            if value not in ("true", "false"):
                parser.error(f"SRAE_{action.dest.upper()} must be true or false.")
            arguments.append(action.option_strings[value == "false"])
        else:
            arguments.append(f"{action.option_strings[0]}={value}")
    return arguments


def _check(tls: Tls, parser: argparse.ArgumentParser) -> None:
    """Fails at the start rather than at the first handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # An empty passphrase, or OpenSSL would ask for one on the terminal.
        context.load_cert_chain(tls.certificate, tls.key, password="")
        if tls.client_ca is not None:
            context.load_verify_locations(tls.client_ca)
    except OSError as error:
        parser.error(
            f"These TLS files cannot be used: {error.strerror or error}. Check --tls-cert, --tls-key and "
            "--tls-client-ca."
        )


def _address(text: str) -> Address:
    try:
        return parse(text)
    except AddressError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _ip(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an IP address") from None


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, 0..65535")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds
