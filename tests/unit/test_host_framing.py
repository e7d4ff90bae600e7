"""Frames: the vectors, and whatever bytes a stream can be made of."""

import base64
import itertools
import json
import struct
from typing import Any

import pytest
from host_vectors import VECTORS, name_of
from hypothesis import given
from hypothesis import strategies as st
from srae_host import framing
from srae_host.errors import Code, HostError

FRAMING = VECTORS["framing"]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
MESSAGES = st.dictionaries(st.text(), JSON, max_size=5)


def split(stream: bytes, cuts: list[int]) -> list[dict[str, Any]]:
    """The messages of a stream that arrives in pieces."""
    splitter = framing.Splitter()
    edges = [0, *sorted(cuts), len(stream)]
    pieces = [stream[start:end] for start, end in itertools.pairwise(edges)]
    return [framing.decode(text) for piece in pieces for text in splitter.feed(piece)]


@pytest.mark.parametrize("vector", FRAMING["valid"], ids=name_of)
def test_valid_frames(vector: dict[str, Any]) -> None:
    if "message_pad" in vector:
        pad = vector["message_pad"]
        message = {"pad": pad["character"] * pad["count"]}
        assert framing.encode(message)[:4] == base64.b64decode(vector["header_base64"])
    else:
        message = vector["message"]
        assert split(base64.b64decode(vector["frame_base64"]), []) == [message]
    assert split(framing.encode(message), []) == [message]


@pytest.mark.parametrize("vector", FRAMING["splits"]["cuts"], ids=name_of)
def test_a_stream_in_pieces(vector: dict[str, Any]) -> None:
    assert split(base64.b64decode(FRAMING["splits"]["stream_base64"]), vector["at"]) == FRAMING["splits"]["messages"]


@pytest.mark.parametrize("vector", FRAMING["invalid"], ids=name_of)
def test_invalid_frames(vector: dict[str, Any]) -> None:
    with pytest.raises(HostError) as refusal:
        split(base64.b64decode(vector["frame_base64"]), [])
    assert refusal.value.code == vector["code"]


def test_the_longest_frame_and_one_byte_more() -> None:
    empty = len(json.dumps({"a": ""}, separators=(",", ":")))
    message = {"a": "x" * (framing.FRAME_BYTES - empty)}
    assert split(framing.encode(message), []) == [message]
    with pytest.raises(ValueError, match="holds at most"):
        framing.encode({"a": message["a"] + "x"})


@given(st.lists(MESSAGES, max_size=4), st.data())
def test_whatever_is_framed_comes_out_in_whatever_pieces(messages: list[dict[str, Any]], data: st.DataObject) -> None:
    stream = b"".join(map(framing.encode, messages))
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6))
    assert split(stream, cuts) == messages


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6))
def test_random_bytes_are_refused_and_nothing_else(stream: bytes, cuts: list[int]) -> None:
    splitter = framing.Splitter()
    edges = [0, *sorted(cut for cut in cuts if cut <= len(stream)), len(stream)]
    try:
        for start, end in itertools.pairwise(edges):
            for text in splitter.feed(stream[start:end]):
                try:
                    assert isinstance(framing.decode(text), dict)
                except HostError as error:
                    assert error.code == Code.MALFORMED_FRAME  # noqa: PT017  # other outcomes are as good
    except HostError as error:
        assert error.code == Code.FRAME_TOO_LARGE  # noqa: PT017


@given(st.binary(max_size=200))
def test_random_json_texts(text: bytes) -> None:
    (one,) = framing.Splitter().feed(struct.pack("=I", len(text)) + text)
    assert one == text
