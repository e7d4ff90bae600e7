"""Equal protection: which setting of a rival is held against one of our tiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """What a setting reached on the photos.

    Attributes:
        family: whose setting it is ("ddn", ...).
        effort: gradient steps for a photo; what a setting costs, without the clock's noise.
        success_percent: photos whose answer changed.
        psnr_db: mean over the photos that it changed at all; None where it changed none.
    """

    name: str
    family: str
    effort: int
    success_percent: float
    psnr_db: float | None


@dataclass(frozen=True)
class Match:
    """A rival's setting beside a tier. is_equal: it succeeds as often, at the tier's PSNR or better."""

    outcome: Outcome
    is_equal: bool


def equal_protection(ours: Outcome, rivals: Sequence[Outcome]) -> dict[str, Match]:
    """For each family the cheapest setting that protects as well as ours.

    That is the one with the fewest steps that succeeds at least as often, at our PSNR or better. Where none does, the
    nearest: of those at our PSNR or better the one that succeeds most, else of all the one nearest to our PSNR.
    """
    return {family: _match(ours, [r for r in rivals if r.family == family]) for family in _families(rivals)}


def _families(rivals: Sequence[Outcome]) -> list[str]:
    return list(dict.fromkeys(rival.family for rival in rivals))


def _match(ours: Outcome, settings: Sequence[Outcome]) -> Match:
    assert ours.psnr_db is not None, "a tier changes every photo"
    budget = ours.psnr_db
    fine = [s for s in settings if s.psnr_db is not None and s.psnr_db >= budget]
    equal = [s for s in fine if s.success_percent >= ours.success_percent]
    if equal:
        return Match(min(equal, key=lambda s: (s.effort, -s.success_percent)), True)
    if fine:
        return Match(max(fine, key=lambda s: (s.success_percent, -s.effort)), False)
    nearest = max(settings, key=lambda s: -1.0 if s.psnr_db is None else s.psnr_db)
    return Match(nearest, False)
