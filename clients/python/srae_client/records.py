"""What is reported of each photo: the same figures for the tables and for ``--json``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from srae.v1.evaluation_service_pb2 import EvaluateResponse
from srae.v1.image_pb2 import (
    PROMISE_BIT_EXACT,
    PROMISE_UNSPECIFIED,
    TIER_ONE_PASS,
    TIER_SEALED,
    TIER_UNSPECIFIED,
    ClassifierView,
    Prediction,
    Tier,
)
from srae.v1.protection_service_pb2 import ProtectionOutcome
from srae.v1.restoration_service_pb2 import RestorationOutcome

#: The tiers by the names that people use.
TIERS: dict[str, Tier.ValueType] = {"sealed": TIER_SEALED, "one-pass": TIER_ONE_PASS}
_TIER_NAMES = {tier: name for name, tier in TIERS.items()} | {TIER_UNSPECIFIED: "unknown"}


@dataclass(frozen=True)
class Answer:
    """What a classifier answered, and how sure it was (0..1)."""

    label: str
    confidence: float


@dataclass(frozen=True)
class View:
    """One classifier's answers.

    Attributes:
        is_protected: whether the answer changed.
        was_used_in_making: whether the code was made on it. One that had no part in making is harder to mislead.
    """

    classifier: str
    original: Answer
    protected: Answer
    restored: Answer | None
    is_protected: bool
    was_used_in_making: bool


@dataclass(frozen=True)
class Failure:
    """A photo that could not be done, and why."""

    input: str
    reason: str
    message: str


@dataclass(frozen=True)
class ProtectRecord:
    """A photo that was protected. A PSNR is None where it is infinite, that is where the pixels are equal.

    Attributes:
        entry: the ledger's, where it was noted there.
        is_protected: whether every classifier's answer changed; None where none was asked.
        input_bits: bits a channel of the input; where they are more than 8, the output has 8. 0 from an older server.
    """

    input: str
    output: str
    receipt: str
    tier: str
    mime_type: str
    width: int
    height: int
    input_bytes: int
    output_bytes: int
    input_bits: int
    protected_psnr_db: float | None
    restored_psnr_db: float | None
    bit_exact: bool
    is_protected: bool | None
    views: list[View]
    entry: str | None = None


@dataclass(frozen=True)
class RestoreRecord:
    """A photo that was restored.

    Attributes:
        receipt: the receipt's file, where it came from one.
        entry: the ledger's entry with the receipt, where it came from there.
        verified: the pixels are the original's, by the SHA-256 in the receipt or in the photo itself; None where there
            is neither.
        is_estimate: no receipt fitted, and the photo itself does not vouch for what came out: a guess.
    """

    input: str
    output: str
    receipt: str | None
    entry: str | None
    tier: str
    mime_type: str
    width: int
    height: int
    output_bytes: int
    verified: bool | None
    is_estimate: bool


@dataclass(frozen=True)
class EvaluateRecord:
    """The proof for one photo. A PSNR is None where it is infinite.

    Attributes:
        is_protected: whether the answer of every classifier changed that was used in making.
    """

    original: str
    protected: str
    receipt: str | None
    is_protected: bool
    protected_psnr_db: float | None
    protected_ssim: float
    protected_l2: float
    restored_psnr_db: float | None
    bit_exact: bool
    views: list[View]


Record = ProtectRecord | RestoreRecord | EvaluateRecord


def of_protecting(outcome: ProtectionOutcome, paths: tuple[str, str, str], sizes: tuple[int, int]) -> ProtectRecord:
    """``paths``: of the input, the output, the receipt; ``sizes``: of the input and the output, in bytes."""
    views = _views(outcome.views)
    return ProtectRecord(
        *paths,
        tier=_TIER_NAMES[outcome.receipt.tier],
        mime_type=outcome.mime_type,
        width=outcome.width,
        height=outcome.height,
        input_bytes=sizes[0],
        output_bytes=sizes[1],
        input_bits=outcome.original_bits,
        protected_psnr_db=_finite(outcome.protected_psnr_db),
        restored_psnr_db=_finite(outcome.restored_psnr_db),
        bit_exact=outcome.promise == PROMISE_BIT_EXACT,
        is_protected=all(view.is_protected for view in views) if views else None,
        views=views,
    )


def of_restoring(
    outcome: RestorationOutcome,
    paths: tuple[str, str],
    receipt: Path | None,
    output_bytes: int,
    entry: str | None = None,
    *,
    is_estimate: bool = False,
) -> RestoreRecord:
    """``paths``: of the input and the output; ``entry``: the ledger's, where the receipt came from there."""
    return RestoreRecord(
        *paths,
        receipt=None if receipt is None else str(receipt),
        entry=entry,
        tier=_TIER_NAMES[outcome.tier],
        mime_type=outcome.mime_type,
        width=outcome.width,
        height=outcome.height,
        output_bytes=output_bytes,
        verified=None if outcome.promise == PROMISE_UNSPECIFIED else outcome.promise == PROMISE_BIT_EXACT,
        is_estimate=is_estimate,
    )


def of_evaluating(report: EvaluateResponse, paths: tuple[str, str], receipt: Path | None) -> EvaluateRecord:
    """``paths``: of the original and the protected photo."""
    return EvaluateRecord(
        *paths,
        receipt=None if receipt is None else str(receipt),
        is_protected=report.is_protected,
        protected_psnr_db=_finite(report.protected_psnr_db),
        protected_ssim=report.protected_ssim,
        protected_l2=report.protected_l2,
        restored_psnr_db=_finite(report.restored_psnr_db),
        bit_exact=report.is_bit_exact,
        views=_views(report.views),
    )


def to_json(command: str, records: Sequence[Record | Failure]) -> dict[str, Any]:
    """The object that ``--json`` prints."""
    results = [{"ok": not isinstance(record, Failure), **asdict(record)} for record in records]
    failed = sum(isinstance(record, Failure) for record in records)
    return {"command": command, "done": len(records) - failed, "failed": failed, "results": results}


def _views(views: Iterable[ClassifierView]) -> list[View]:
    return [
        View(
            view.classifier,
            _answer(view.original),
            _answer(view.protected_photo),
            _answer(view.restored) if view.HasField("restored") else None,
            view.is_protected,
            view.was_used_in_making,
        )
        for view in views
    ]


def _answer(prediction: Prediction) -> Answer:
    return Answer(prediction.label, prediction.confidence)


def _finite(decibels: float) -> float | None:
    """JSON has no infinity."""
    return decibels if math.isfinite(decibels) else None
