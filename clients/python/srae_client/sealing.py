"""Sealed receipts: only the owner, and whom the owner names, can read what restores a photo (docs/adr/0011-sealing.md).

    SRAE receipt 2\\n
    one byte            how many recipients, n
    n times 80 bytes    the content key, for each: HPKE (RFC 9180) with X25519, HKDF-SHA256, ChaCha20-Poly1305
    the rest            the receipt under the content key: ChaCha20-Poly1305; what comes before is associated data

The receipt: two bytes of length, the ``ProtectionReceipt`` without its levels, then the levels in few bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from google.protobuf.message import DecodeError
from srae.v1.image_pb2 import ProtectionReceipt

from srae_client import levels

MAGIC = b"SRAE receipt 2\n"
MOST_RECIPIENTS = 32
#: An ephemeral public key, the content key, a tag.
_WRAPPED_BYTES = 32 + 32 + 16
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
#: A content key seals one receipt and nothing else, so one nonce will do.
_NONCE = bytes(12)
_LENGTH_BYTES = 2
#: Far above any receipt's grid, far below what would keep a computer busy.
_MOST_CELLS = 256 * 256


class NotARecipientError(ValueError):
    """None of the keys opens the receipt."""


def seal(receipt: ProtectionReceipt, recipients: Sequence[bytes]) -> bytes:
    """A sealed receipt for the holders of these public keys.

    Raises:
        ValueError: there are no recipients, too many, or one is no public key.
    """
    distinct = list(dict.fromkeys(recipients))
    if not 0 < len(distinct) <= MOST_RECIPIENTS:
        raise ValueError(f"a receipt is sealed for 1 to {MOST_RECIPIENTS} keys")
    key = ChaCha20Poly1305.generate_key()
    wrapped = (_SUITE.encrypt(key, X25519PublicKey.from_public_bytes(public), MAGIC) for public in distinct)
    header = MAGIC + bytes([len(distinct)]) + b"".join(wrapped)
    return header + ChaCha20Poly1305(key).encrypt(_NONCE, _serialized(receipt), header)


def unseal(data: bytes, private_keys: Sequence[bytes]) -> ProtectionReceipt:
    """The receipt, for the holder of one of these private keys.

    Raises:
        NotARecipientError: it was sealed for others, or what is for us was damaged.
        ValueError: it is no sealed receipt, or it is damaged.
    """
    header_bytes = len(MAGIC) + 1 + (data[len(MAGIC)] if len(data) > len(MAGIC) else 0) * _WRAPPED_BYTES
    header, sealed = data[:header_bytes], data[header_bytes:]
    if not data.startswith(MAGIC) or len(header) < header_bytes or header_bytes == len(MAGIC) + 1:
        raise ValueError("it is cut off, or no sealed receipt")
    key = _content_key(header[len(MAGIC) + 1 :], private_keys)
    try:
        opened = ChaCha20Poly1305(key).decrypt(_NONCE, sealed, header)
    except InvalidTag:
        raise ValueError("it is damaged") from None
    return _parsed(opened)


def _content_key(wrapped: bytes, private_keys: Sequence[bytes]) -> bytes:
    """Tries every key on every place: a receipt does not say for whom it is."""
    for private in map(X25519PrivateKey.from_private_bytes, private_keys):
        for start in range(0, len(wrapped), _WRAPPED_BYTES):
            try:
                key = _SUITE.decrypt(wrapped[start : start + _WRAPPED_BYTES], private, MAGIC)
            except (InvalidTag, ValueError):
                continue
            if len(key) == 32:
                return key
    raise NotARecipientError("it was sealed for another key")


def _serialized(receipt: ProtectionReceipt) -> bytes:
    bare = ProtectionReceipt()
    bare.CopyFrom(receipt)
    bare.code.ClearField("levels")
    if not receipt.HasField("code"):
        bare.ClearField("code")
    about, code = bare.SerializeToString(), receipt.code
    packed = levels.write(code.levels, code.rows, code.columns) if code.levels else b""
    return len(about).to_bytes(_LENGTH_BYTES, "big") + about + packed


def _parsed(data: bytes) -> ProtectionReceipt:
    length = int.from_bytes(data[:_LENGTH_BYTES], "big")
    about, packed = data[_LENGTH_BYTES : _LENGTH_BYTES + length], data[_LENGTH_BYTES + length :]
    try:
        receipt = ProtectionReceipt.FromString(about)
    except DecodeError:
        raise ValueError("it holds no receipt") from None
    rows, columns = receipt.code.rows, receipt.code.columns
    if len(about) < length or rows * columns > _MOST_CELLS:
        raise ValueError("it holds no receipt")
    if receipt.HasField("code") and rows * columns:
        receipt.code.levels = levels.read(packed, rows, columns)
    return receipt
