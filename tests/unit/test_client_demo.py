"""The demo's pictures and its page."""

import re
from dataclasses import replace

import numpy as np
import pytest
from srae_client.demo import page, photos
from srae_client.demo.run import PhotoResult, Pictures, TierResult
from srae_client.records import Answer, EvaluateRecord, View


@pytest.mark.parametrize("sample", photos.SAMPLES, ids=lambda sample: sample.name)
def test_samples_are_files_of_their_type(sample: photos.Sample) -> None:
    file = photos.make(sample, small=True)
    assert file.startswith({"image/png": b"\x89PNG", "image/jpeg": b"\xff\xd8\xff"}[sample.mime_type])
    assert max(photos.decode(file).shape) == 256


def test_colours_are_in_the_right_order() -> None:
    """The astronaut's suit is orange, not blue."""
    suit = photos.decode(photos.make(photos.SAMPLES[0], small=True))[150, 75].astype(int)
    blue, _, red = suit
    assert red > blue + 50


def test_the_largest_sample_has_a_phones_twelve_megapixels() -> None:
    height, width = photos.decode(photos.make(photos.SAMPLES[2], small=False)).shape[:2]
    assert 11.5e6 < height * width < 12.5e6


def test_the_difference_is_amplified_around_grey_and_clipped() -> None:
    original = np.full((1, 4, 3), 100, np.uint8)
    other = original + np.array([0, 1, 20, 0], np.uint8)[None, :, None]
    other[0, 3] = 98
    assert photos.difference(original, other)[0, :, 0].tolist() == [128, 144, 255, 96]


VIEW = View("classifier_lite0", Answer("a <b> & c", 0.5), Answer("dog", 0.25), Answer("a <b> & c", 0.5), True, True)
EVALUATION = EvaluateRecord("o", "p", "r", True, 40.0, 0.99, 1.0, None, True, [VIEW])
PICTURES = Pictures("file.png", "preview.jpg")
TIER = TierResult("sealed", PICTURES, PICTURES, PICTURES, "x.receipt", 900, 1.5, 0.5, EVALUATION)
PHOTO = PhotoResult("cat", "A cat", "image/png", 4, 3, 1000, PICTURES, [TIER])


def test_the_page_says_what_was_measured() -> None:
    html = page.render([PHOTO])
    assert "Restored bit for bit" in html
    assert ">Protected</span>" in html
    assert "40.0 dB" in html
    assert "a &lt;b&gt; &amp; c" in html
    assert "<b> & c" not in html
    assert "$" not in html


def test_the_page_does_not_gloss_over_failures() -> None:
    failed = replace(EVALUATION, is_protected=False, bit_exact=False, restored_psnr_db=33.0)
    html = page.render([replace(PHOTO, tiers=[replace(TIER, evaluation=failed)])])
    assert '<span class="badge bad">NOT PROTECTED</span>' in html
    assert "Restored to 33.0 dB" in html
    assert "0 of 1" in html


def test_the_page_needs_no_network() -> None:
    assert re.findall(r"https?:|//\w|@import|<script|<link", page.render([PHOTO])) == []
