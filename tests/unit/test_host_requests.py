"""What the host takes and refuses: the vectors, each side of the protocol reads the same."""

import base64
import hashlib
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from host_vectors import VECTORS, name_of
from hypothesis import given
from hypothesis import strategies as st
from srae_client.errors import LocalReason, SraeClientError
from srae_host import refusals, requests, transfer
from srae_host.actions import NEWEST, HostActions
from srae_host.errors import RAISED_BY_EXTENSION, Code, HostError
from srae_host.limits import Limits
from srae_host.service import Service
from srae_host.settings import Settings

from services.errors import Reason

LIMITS = Limits()
#: Reasons that the host never meets, for it writes no files of a person's and runs no bulk jobs.
OF_THE_COMMAND_LINE = {
    LocalReason.NOT_FOUND,
    LocalReason.NO_PHOTOS,
    LocalReason.NOT_A_FILE,
    LocalReason.OUTPUT_EXISTS,
    LocalReason.RAY_FAILED,
    LocalReason.NO_RECEIPT,
    LocalReason.OTHER_FORMAT,
}


async def outcome(frame: dict[str, Any]) -> str | None:
    """The code with which a request is refused before it is worked on; None where it is taken."""
    try:
        request = requests.parse(frame, LIMITS)
        if request.action == "hello":
            await HostActions(Service(Settings()), LIMITS).run(request, {}, report)
    except HostError as error:
        return str(error.code)
    return None


async def report(stage: str) -> None:
    raise AssertionError(stage)


@pytest.mark.parametrize("vector", VECTORS["requests"]["valid"], ids=name_of)
async def test_valid_requests(vector: dict[str, Any]) -> None:
    assert await outcome(vector["frame"]) is None


@pytest.mark.parametrize("vector", VECTORS["requests"]["invalid"], ids=name_of)
async def test_invalid_requests(vector: dict[str, Any]) -> None:
    frame = vector["frame"]
    if frame.get("type") == "request":  # the others are told apart before they are read as requests
        assert await outcome(frame) == vector["code"]


@pytest.mark.parametrize("vector", VECTORS["assembly"], ids=name_of)
def test_assembly(vector: dict[str, Any]) -> None:
    incoming = {"photo": transfer.Incoming(transfer.Description(**vector["file"]), LIMITS)}
    code = None
    try:
        for chunk in vector["chunks"]:
            if chunk["file"] not in incoming:
                raise HostError(Code.CHUNK_INVALID, "not described")
            incoming["photo"].add(chunk)
    except HostError as error:
        code = error.code
    assert code == vector.get("code")
    if code is None:
        assert incoming["photo"].is_complete
        assert incoming["photo"].file().data == base64.b64decode(vector["content_base64"])


@pytest.mark.parametrize("vector", VECTORS["splitting"], ids=name_of)
def test_splitting(vector: dict[str, Any]) -> None:
    data = bytes((7 * i + 3) % 256 for i in range(vector["size_bytes"]))
    pieces = list(transfer.chunks(data, vector["chunk_bytes"]))
    assert [len(piece) for piece in pieces] == vector["chunk_sizes"]
    assert hashlib.sha256(b"".join(pieces)).hexdigest() == vector["sha256"]


def test_limits_and_versions_are_the_protocols() -> None:
    assert asdict(LIMITS) == VECTORS["limits"]
    assert VECTORS["protocol"] == NEWEST


def test_the_error_codes_are_the_protocols() -> None:
    told = [
        {
            "code": str(code),
            "raised_by": "extension" if code in RAISED_BY_EXTENSION else "host",
            "retryable": code.retryable,
            "hint": code.hint,
        }
        for code in Code
    ]
    assert told == VECTORS["errors"]


def test_the_page_has_the_same_codes() -> None:
    page = Path(__file__).parent.parent.parent / "clients" / "native_host" / "PROTOCOL.md"
    row = re.compile(r"^\| `([A-Z_]+)` \| (host|extension) \| (yes)? ?\| (.*) \|$", re.MULTILINE)
    told = [(error["code"], error["raised_by"], error["retryable"], error["hint"]) for error in VECTORS["errors"]]
    rows = row.findall(page.read_text("utf-8"))
    assert [(code, by, retryable == "yes", hint) for code, by, retryable, hint in rows] == told


def test_every_refusal_of_the_service_and_of_the_client_has_a_code() -> None:
    for reason in (*Reason, *LocalReason):
        told = refusals.translate(SraeClientError(reason, "what happened"))
        assert told.message == "what happened"
        assert told.detail["reason"] == reason
        if reason not in OF_THE_COMMAND_LINE:
            assert told.code != Code.SERVICE_REFUSED, reason
    assert refusals.translate(SraeClientError("NEW_IN_A_LATER_SERVER", "x")).code == Code.SERVICE_REFUSED


VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
)
NAMES = st.sampled_from(
    ["protocol", "client", "entry", "tier", "page_origin", "limit", "offset", "entries", "min", "max"]
)


@given(
    st.sampled_from([*requests.ROLES, "dance"]) | VALUES,
    VALUES | st.dictionaries(NAMES, VALUES | st.dictionaries(NAMES, VALUES)),
    VALUES
    | st.dictionaries(st.sampled_from(["photo", "original", "ledger"]), VALUES | st.dictionaries(st.text(), VALUES)),
)
def test_no_request_makes_the_host_stumble(action: object, params: object, files: object) -> None:
    frame = {"type": "request", "id": "a", "action": action, "params": params, "files": files}
    try:
        requests.parse(frame, LIMITS)
    except HostError as error:
        assert error.code not in RAISED_BY_EXTENSION | {Code.INTERNAL}  # noqa: PT017  # being taken is as good
