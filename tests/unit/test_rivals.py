"""The pure parts of `make rivals`: which settings protect equally, and intervals."""

from __future__ import annotations

import math

import pytest
from rivals.intervals import ratio_of_medians, share
from rivals.selection import Outcome, equal_protection


def outcome(name: str, effort: int, success: float, psnr_db: float | None, family: str = "ddn") -> Outcome:
    return Outcome(name, family, effort, success, psnr_db)


OURS = Outcome("one-pass", "one-pass", 0, 50.0, 32.0)


def test_the_cheapest_setting_that_protects_equally_is_chosen() -> None:
    weak, cheap, dear = outcome("weak", 1, 49.9, 50), outcome("cheap", 2, 50, 32), outcome("dear", 100, 100, 60)
    match = equal_protection(OURS, [dear, weak, cheap])["ddn"]
    assert match.outcome is cheap
    assert match.is_equal


def test_success_at_a_worse_look_is_not_equal_protection() -> None:
    visible, fine = outcome("visible", 1, 100, 31.9), outcome("fine", 8, 20, 40)
    match = equal_protection(OURS, [visible, fine])["ddn"]
    assert match.outcome is fine
    assert not match.is_equal


def test_where_nothing_looks_as_good_the_nearest_stands_there() -> None:
    nothing, near = outcome("changed nothing", 1, 0, None), outcome("near", 2, 100, 31)
    assert equal_protection(OURS, [nothing, near])["ddn"].outcome is near


def test_each_family_has_its_own_match() -> None:
    pgd = outcome("pgd", 4, 90, 40, family="pgd")
    matches = equal_protection(OURS, [outcome("ddn", 2, 90, 40), pgd])
    assert list(matches) == ["ddn", "pgd"]
    assert matches["pgd"].outcome is pgd


def test_the_ratio_of_proportional_times_has_no_spread() -> None:
    ours = [1.0, 2.0, 5.0, 9.0]
    found = ratio_of_medians([3 * seconds for seconds in ours], ours)
    assert found == pytest.approx({"ratio": 3, "low": 3, "high": 3})


def test_the_ratio_of_uneven_times_lies_in_its_interval() -> None:
    found = ratio_of_medians([10, 12, 8, 30, 11], [1, 1, 1, 1, 2])
    assert found["low"] < found["ratio"] == 11 < found["high"]


@pytest.mark.parametrize(("above", "below"), [([], []), ([1.0], [1.0, 2.0])])
def test_a_ratio_needs_pairs(above: list[float], below: list[float]) -> None:
    with pytest.raises(ValueError, match="pairs"):
        ratio_of_medians(above, below)


def test_wilsons_interval_of_a_share() -> None:
    # Wilson's closed form at p = 1: the lower end is n / (n + z squared).
    found = share(10, 10)
    assert (found["percent"], found["high"]) == pytest.approx((100, 100))
    assert found["low"] == pytest.approx(100 * 10 / (10 + 1.959964**2))
    assert math.isclose(share(5, 10)["low"] + share(5, 10)["high"], 100)
