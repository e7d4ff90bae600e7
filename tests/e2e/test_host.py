"""The native host over the real service, which it starts itself: the main job, platform copies, and how it ends."""

from __future__ import annotations

import hashlib
import shutil
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from host_process import HELLO, Host, environment
from skimage import data


def encoded(pixels: np.ndarray, ending: str = ".png", *options: int) -> bytes:
    done, file = cv2.imencode(ending, pixels, options)
    assert done
    return bytes(file)


def opened(file: bytes) -> np.ndarray:
    return np.asarray(cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR))


def photo() -> np.ndarray:
    return np.ascontiguousarray(data.astronaut()[:240, 100:420, ::-1])


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host that was greeted; its service starts with the first photo."""
    with Host(environment(tmp_path_factory.mktemp("home"))) as running:
        assert running.ask("hello", **HELLO)["service"] == {"kind": "embedded", "address": ""}
        yield running
        assert running.close() == 0
    assert b"Traceback" not in running.errors


@pytest.fixture(scope="module")
def protected(host: Host) -> tuple[dict[str, Any], bytes]:
    """A protected photo, and what was told of it."""
    host.begin("protect", files={"photo": encoded(photo())}, page_origin="https://example.org")
    frame, files = host.end()
    assert frame["type"] == "result", frame
    assert ("a", "starting") in host.stages
    return frame["result"], files["photo"]


def test_protect_then_restore(host: Host, protected: tuple[dict[str, Any], bytes]) -> None:
    told, file = protected
    assert (told["tier"], told["bit_exact"], told["width"], told["height"]) == ("sealed", True, 320, 240)
    assert told["protected_psnr_db"] > 30
    assert not np.array_equal(opened(file), photo())
    host.begin("restore", files={"photo": file})
    frame, files = host.end()
    assert {**frame["result"], "found_by": "sha256", "verified": True, "entry": told["entry"]} == frame["result"]
    assert np.array_equal(opened(files["photo"]), photo())
    assert (frame["files"]["photo"]["name"], frame["files"]["photo"]["mime_type"]) == ("cat.png", "image/png")


def test_a_platforms_copy_is_found_and_restored_nearly(host: Host, protected: tuple[dict[str, Any], bytes]) -> None:
    told, file = protected
    resized = cv2.resize(opened(file), (240, 180), interpolation=cv2.INTER_AREA)
    copy = encoded(resized, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 80)
    host.begin("restore", files={"photo": copy})
    frame, files = host.end()
    found = frame["result"]
    assert (found["found_by"], found["entry"], found["verified"]) == ("perceptual_hash", told["entry"], False)
    assert 0 <= found["distance"] <= 10
    small = cv2.resize(photo(), (240, 180), interpolation=cv2.INTER_AREA)
    assert cv2.PSNR(opened(files["photo"]), small) > cv2.PSNR(opened(copy), small)


def test_the_photos_own_receipt_is_found_among_several_of_the_same_photo(
    host: Host, protected: tuple[dict[str, Any], bytes]
) -> None:
    """The same photo, protected again in the other tier, looks the same to the perceptual hash."""
    host.begin("protect", files={"photo": encoded(photo())}, page_origin="", tier="one-pass")
    host.end()
    _, file = protected
    host.begin("restore", files={"photo": encoded(opened(file), ".jpg", cv2.IMWRITE_JPEG_QUALITY, 85)})
    frame, _ = host.end()
    assert frame["type"] == "result"
    assert frame["result"]["found_by"] == "perceptual_hash"


def test_evaluate_with_and_without_the_receipt(host: Host, protected: tuple[dict[str, Any], bytes]) -> None:
    told, file = protected
    files = {"original": encoded(photo()), "protected": file}
    with_receipt = host.ask("evaluate", files, entry=told["entry"])
    assert (with_receipt["bit_exact"], with_receipt["restored_psnr_db"]) == (True, None)
    assert with_receipt["is_protected"] == told["is_protected"]
    assert host.ask("evaluate", files)["bit_exact"] is False


def test_the_ledger_goes_to_another_computer(host: Host, protected: tuple[dict[str, Any], bytes]) -> None:
    told, file = protected
    listed = host.ask("ledger_list")
    entry = listed["entries"][-1]
    assert listed["total"] == len(listed["entries"])
    assert (entry["id"], entry["page_origin"]) == (told["entry"], "https://example.org")
    assert entry["protected_sha256"] == hashlib.sha256(file).hexdigest()
    assert not {"receipt", "code"}.intersection(entry), "the extension is told nothing that restores"
    host.begin("ledger_export")
    _, files = host.end()
    assert host.ask("ledger_forget", entries=[told["entry"], "0" * 32]) == {"forgotten": 1}
    host.begin("restore", files={"photo": file}, entry=told["entry"])
    assert host.end()[0]["code"] == "UNKNOWN_ENTRY"
    assert host.ask("ledger_import", {"ledger": files["ledger"]}) == {"added": 1, "known": listed["total"] - 1}
    assert host.ask("restore", {"photo": file})["entry"] == told["entry"]


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (b"hello", "NOT_AN_IMAGE"),
        (encoded(photo())[:9000], "TRUNCATED_IMAGE"),
        (encoded(photo()[:8, :8]), "IMAGE_TOO_SMALL"),
    ],
)
def test_bad_photos(host: Host, file: bytes, code: str) -> None:
    host.begin("protect", files={"photo": file}, page_origin="")
    frame, files = host.end()
    assert (frame["code"], files) == (code, {})


def test_a_photo_that_was_never_protected_here(host: Host) -> None:
    host.begin("restore", files={"photo": encoded(np.ascontiguousarray(data.coffee()[:200, :200, ::-1]))})
    assert host.end()[0]["code"] == "NOT_IN_LEDGER"


def test_several_photos_at_once(host: Host) -> None:
    """They are answered as they are done; their chunks may come interleaved."""
    files = {name: encoded(np.roll(photo(), shift, axis=1)) for name, shift in (("x", 0), ("y", 40), ("z", 80))}
    for name, file in files.items():
        host.begin("protect", name, {"photo": file}, page_origin="")
    results: dict[str, Any] = {}
    while len(results) < len(files):
        frame = host.frame()
        assert frame is not None
        assert frame["type"] in ("chunk", "result"), frame
        if frame["type"] == "result":
            results[frame["id"]] = frame["result"]
    assert len({told["entry"] for told in results.values()}) == len(files)


def test_what_restores_is_sealed_for_the_owner(
    host: Host, protected: tuple[dict[str, Any], bytes], tmp_path: Path
) -> None:
    """The exported ledger alone restores nothing on another computer; with the key, it does."""
    _, file = protected
    host.begin("ledger_export")
    exported = host.end()[1]["ledger"]
    other = environment(tmp_path, SRAE_ENDPOINT=host.ask("wake")["service"]["address"])
    with Host(other) as stranger:
        stranger.ask("hello", **HELLO)
        stranger.ask("ledger_import", {"ledger": exported})
        stranger.begin("restore", files={"photo": file})
        assert stranger.end()[0]["code"] == "RECEIPT_NOT_YOURS"
        keys = Path(host.env["XDG_CONFIG_HOME"]) / "srae" / "keys.json"
        assert stat.S_IMODE(keys.stat().st_mode) == 0o600
        (tmp_path / "config" / "srae").mkdir(parents=True)
        shutil.copy(keys, tmp_path / "config" / "srae" / "keys.json")
        assert stranger.close() == 0
    with Host(other) as owner:
        owner.ask("hello", **HELLO)
        assert owner.ask("restore", {"photo": file})["verified"] is True


def test_wake_names_the_service_and_it_dies_with_a_host_that_is_killed(tmp_path: Path) -> None:
    with Host(environment(tmp_path)) as host:
        host.ask("hello", **HELLO)
        address = host.ask("wake")["service"]["address"]
        socket = Path(address.removeprefix("unix:"))
        assert socket.exists()
        host.process.send_signal(signal.SIGKILL)
        host.process.wait(60)
        assert ends(socket)


def ends(socket: Path) -> bool:
    """Whether a server goes, which takes its socket away. The patience is for a computer that does other things too."""
    return any(not socket.exists() or time.sleep(0.1) for _ in range(600))
