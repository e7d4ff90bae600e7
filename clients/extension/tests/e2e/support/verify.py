"""Judges what the site received: python verify.py RECEIVED.json WORK.

Each file must differ from its original in its pixels, and `srae restore`, with the receipt in that ledger, must
give the original back: bit for bit, or nearer than the file is where the page encoded it again. Prints a line for each.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np


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


def main(listed: Path, work: Path) -> int:
    uploads = json.loads(listed.read_text())
    work.mkdir(parents=True, exist_ok=True)
    for index, upload in enumerate(uploads):
        shutil.copy(upload["received"], work / f"{index}.bin")
    photos = [str(work / f"{index}.bin") for index in range(len(uploads))]
    (work / "restored").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "srae_client", "restore", "-o", f"{work}/restored/"]
    # In halves, side by side: a command sends one photo after the other.
    halves = [half for half in (photos[::2], photos[1::2]) if half]
    running = [subprocess.Popen([*command, *half], stdout=subprocess.DEVNULL) for half in halves]
    for process in running:
        process.wait()
    wrong = 0
    for index, upload in enumerate(uploads):
        restored = next((work / "restored").glob(f"{index}-original.*"), None)
        problem = "srae restore did not restore it"
        if restored is not None:
            received, original = (pixels(Path(upload[name])) for name in ("received", "original"))
            problem = judge(received, original, pixels(restored), upload["nearly"])
        wrong += bool(problem)
        print(f"{'FAILED' if problem else 'ok':7}{upload['name']}  {problem}")
    print(f"{len(uploads)} received photos, {wrong} wrong")
    return int(not uploads or wrong > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
