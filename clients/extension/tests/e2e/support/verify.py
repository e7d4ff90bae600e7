"""Judges what the site received: python verify.py RECEIVED.json WORK LEDGER.

Each file must differ from its original in its pixels, and `srae restore`, with the receipt that the ledger has for it,
must give the original back: bit for bit, or nearer than the file is where the page encoded it again. Prints a line for
each.
"""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
from srae_client import fingerprint
from srae_client.ledger import Entry, Ledger


def pixels(path: Path) -> np.ndarray:
    return np.asarray(cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR))


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(cv2.PSNR(one, other)) if one.shape == other.shape else 0.0


def judge(received: np.ndarray, original: np.ndarray, restored: np.ndarray, nearly: bool) -> str:
    """What is wrong, or an empty string."""
    if received.shape != original.shape:
        original = cv2.resize(original, received.shape[1::-1], interpolation=cv2.INTER_AREA)
    if np.array_equal(received, original):
        return "its pixels are the original's"
    before, after = psnr(received, original), psnr(restored, original)
    if nearly:
        return "" if after > before + 1 else f"restored at {after:.1f} dB, received at {before:.1f} dB"
    return "" if np.array_equal(restored, original) else f"restored at {after:.1f} dB, not bit for bit"


def receipt_of(ledger: Ledger, file: bytes) -> Entry | None:
    """The entry of exactly this file, else of the photo that it looks most like."""
    exact = ledger.find_file(sha256(file).hexdigest())
    code = fingerprint.of_file(file)
    if exact is not None or code is None:
        return exact
    like = ledger.find_like(code, 1)
    return like[0].entry if like else None


def main(listed: Path, work: Path, ledger: Ledger) -> int:
    uploads = json.loads(listed.read_text())
    work.mkdir(parents=True, exist_ok=True)
    problems: dict[int, str] = {}
    for index, upload in enumerate(uploads):
        file = Path(upload["received"]).read_bytes()
        entry = receipt_of(ledger, file)
        if entry is None:
            problems[index] = "no receipt in the ledger"
            continue
        (work / f"{index}.bin").write_bytes(file)
        (work / f"{index}.bin.receipt").write_bytes(entry.receipt)
    photos = sorted(str(path) for path in work.glob("*.bin"))
    if photos:
        subprocess.run(
            [sys.executable, "-m", "srae_client", "restore", *photos, "-o", f"{work}/restored/"],
            check=False,
            stdout=subprocess.DEVNULL,
        )
    for index, upload in enumerate(uploads):
        restored = work / "restored" / f"{index}-original.png"
        if index not in problems:
            problems[index] = (
                judge(
                    pixels(Path(upload["received"])),
                    pixels(Path(upload["original"])),
                    pixels(restored),
                    upload["nearly"],
                )
                if restored.exists()
                else "srae restore did not restore it"
            )
        print(f"{'FAILED' if problems[index] else 'ok':7}{upload['name']}  {problems[index]}")
    print(f"{len(uploads)} received photos, {sum(map(bool, problems.values()))} wrong")
    return int(not uploads or any(problems.values()))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), Ledger(Path(sys.argv[3]))))
