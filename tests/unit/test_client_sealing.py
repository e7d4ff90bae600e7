"""Sealed receipts: opened by their recipients, refused to everybody else, and refused with any bit turned over."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from srae.v1.image_pb2 import TIER_ONE_PASS, TIER_SEALED, PerturbationCode, ProtectionReceipt
from srae_client import keys, receipts, sealing
from srae_client.errors import SraeClientError
from srae_client.key_holder import KeyHolder

OWNER, FRIEND, STRANGER = (keys.new() for _ in range(3))
OPENS, FRIENDS, STRANGERS = (keyring.private() for keyring in (OWNER, FRIEND, STRANGER))


def receipt(rows: int = 3, columns: int = 4) -> ProtectionReceipt:
    code = np.random.default_rng(4).integers(-9, 10, (3, rows, columns)).astype(np.int8)
    grid = PerturbationCode(levels=code.tobytes(), rows=rows, columns=columns)
    digest = bytes(range(32))
    return ProtectionReceipt(tier=TIER_SEALED, model="refiner", model_version="1", original_sha256=digest, code=grid)


SEALED = sealing.seal(receipt(), [*OWNER.public, *FRIEND.public])


def test_recipients_open_it_and_a_stranger_does_not() -> None:
    assert sealing.unseal(SEALED, OPENS) == sealing.unseal(SEALED, FRIENDS) == receipt()
    assert sealing.unseal(SEALED, [*STRANGERS, *OPENS]) == receipt()
    for others in (STRANGERS, []):
        with pytest.raises(sealing.NotARecipientError):
            sealing.unseal(SEALED, others)


def test_every_single_bit_counts() -> None:
    for place in range(len(SEALED)):
        for bit in range(8):
            turned = bytearray(SEALED)
            turned[place] ^= 1 << bit
            with pytest.raises(ValueError, match=r"damaged|cut off|another key"):
                sealing.unseal(bytes(turned), OPENS)


@given(st.integers(0, len(SEALED) - 1), st.binary(max_size=5))
def test_nothing_may_be_cut_off_or_added(length: int, more: bytes) -> None:
    for changed in (SEALED[:length], SEALED[:length] + more, SEALED + more or b"x"):
        if changed != SEALED:
            with pytest.raises(ValueError, match=r"damaged|cut off|another key"):
                sealing.unseal(changed, OPENS)


def test_recipients_cannot_be_moved_between_receipts() -> None:
    other = sealing.seal(receipt(), OWNER.public * 1)
    start = len(sealing.MAGIC) + 1
    mixed = SEALED[:start] + other[start : start + 80] + SEALED[start + 80 :]
    with pytest.raises(ValueError, match="damaged"):
        sealing.unseal(mixed, OPENS)


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 4))
def test_any_grid_for_any_number_of_people(rows: int, columns: int, people: int) -> None:
    everybody = [keys.new() for _ in range(people)]
    sealed = sealing.seal(receipt(rows, columns), [keyring.public[0] for keyring in everybody])
    assert all(sealing.unseal(sealed, keyring.private()) == receipt(rows, columns) for keyring in everybody)


def test_a_receipt_without_a_code() -> None:
    bare = ProtectionReceipt(tier=TIER_ONE_PASS, model="protector", model_version="1", original_sha256=bytes(32))
    sealed = sealing.seal(bare, OWNER.public)
    assert sealing.unseal(sealed, OPENS) == bare
    assert len(sealed) < 200


def test_the_overhead_is_80_bytes_a_person_and_little_else() -> None:
    one, two = (len(sealing.seal(receipt(), keyrings)) for keyrings in (OWNER.public, OWNER.public + FRIEND.public))
    assert two - one == 80
    assert len(sealing.seal(receipt(), OWNER.public * 5)) == one, "a key counts once"


def test_the_same_receipt_is_sealed_differently_each_time() -> None:
    assert sealing.seal(receipt(), OWNER.public) != sealing.seal(receipt(), OWNER.public)
    assert receipt().code.levels not in SEALED


def test_a_grid_that_would_keep_a_computer_busy_is_refused() -> None:
    huge = receipt()
    huge.code.rows, huge.code.columns, huge.code.levels = 100_000, 100_000, b""
    with pytest.raises(ValueError, match="no receipt"):
        sealing.unseal(sealing.seal(huge, OWNER.public), OPENS)


@pytest.mark.parametrize("recipients", [[], [bytes(31)], [bytes(32)], [bytes([i]) * 32 for i in range(33)]])
def test_recipients_that_make_no_sense(recipients: list[bytes]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # some sentences are the library's
        sealing.seal(receipt(), recipients)


def test_files_and_letters(tmp_path: Path) -> None:
    """As bytes, as text, and as text that came back quoted from a letter."""
    holder = KeyHolder(path=tmp_path / "keys.json")
    sealed = receipts.seal(receipt(), holder)
    text = receipts.to_text(sealed)
    assert text.startswith(b"-----BEGIN SRAE RECEIPT-----\n")
    assert max(map(len, text.splitlines())) <= 64
    quoted = b"Dear Ada,\r\n> " + text.replace(b"\n", b"\r\n> ") + b"\r\nYours"
    for content in (sealed, text, quoted):
        path = tmp_path / "cat.receipt"
        path.write_bytes(content)
        assert receipts.looks_like_one(content)
        assert receipts.read(path, holder) == receipt()
    (tmp_path / "bad.receipt").write_bytes(text.replace(b"A", b"*"))
    with pytest.raises(SraeClientError, match="not a usable receipt"):
        receipts.read(tmp_path / "bad.receipt", holder)


def test_another_persons_receipt_says_so_and_betrays_nothing(tmp_path: Path) -> None:
    path = tmp_path / "cat.receipt"
    path.write_bytes(SEALED)
    with pytest.raises(SraeClientError, match="srae keys import") as refusal:
        receipts.read(path, KeyHolder(path=tmp_path / "keys.json"))
    assert refusal.value.reason == "RECEIPT_NOT_YOURS"
    assert not (tmp_path / "keys.json").exists(), "reading makes no key"


def test_older_receipts_in_the_clear_are_still_read(tmp_path: Path) -> None:
    assert receipts.unpack(receipts.pack(receipt()), KeyHolder(path=tmp_path / "none")) == receipt()


def test_no_key_is_shown_by_mistake() -> None:
    shown = repr(OWNER) + str(OWNER)
    for key in OPENS:
        assert repr(key) not in shown
        assert key.hex() not in shown
        assert base64.b64encode(key).decode() not in shown
