"""Statuses: what an exception becomes on the wire."""

from __future__ import annotations

import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo

from services.errors import InvalidRequestError, Reason, UnavailableError
from services.rpc.status import CODES, status_of


def test_every_reason_has_a_code() -> None:
    assert set(CODES) == set(Reason)


def test_a_sentence_with_a_caller_s_text_stays_within_the_headers() -> None:
    error = InvalidRequestError(Reason.UNSUPPORTED_OUTPUT, "\U0001f4f7" * 100_000, "options.mime_type")

    status = status_of(error, "f" * 32)

    # Percent-encoded message, and the whole in base64, must stay below 8 KiB.
    assert 3 * len(status.message.encode()) + 4 * status.ByteSize() / 3 < 8000


@pytest.mark.parametrize("seconds", [0.25, 2.0, 90.5])
def test_a_retry_tells_when(seconds: float) -> None:
    status = status_of(UnavailableError("Later.", retry_seconds=seconds), "id")

    info, retry = ErrorInfo(), RetryInfo()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(retry)
    assert dict(info.metadata) == {"request_id": "id"}
    assert retry.retry_delay.ToTimedelta().total_seconds() == seconds


def test_an_unforeseen_error_keeps_its_words_to_itself() -> None:
    status = status_of(ValueError("pixels at 0x7f: secret"), "id")

    assert "secret" not in str(status)
    assert "ValueError" not in str(status)
