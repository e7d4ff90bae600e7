"""C&W at its defaults takes up to 90,000 gradient steps a photo: how far it comes in a given time, on one photo."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from rivals.contenders import Lite0
from training.attacks import CarliniWagner
from training.evaluation.subjects import Subject


class _TimeIsUp(Exception):
    """Raised in the midst of the attack."""


def carlini_wagner(subject: Subject, kept: Path, seconds: float) -> dict[str, Any]:
    """Whether the attack ended in time, and its steps until then; measured once and kept in a file."""
    if not kept.is_file():
        kept.write_text(json.dumps(_measured(subject, seconds)))
    found: dict[str, Any] = json.loads(kept.read_text())
    return found


def _measured(subject: Subject, seconds: float) -> dict[str, Any]:
    target = Lite0()
    steps = 0

    def count(*_: object) -> None:
        nonlocal steps
        steps += 1

    target.register_forward_hook(count)
    x = torch.from_numpy(subject.photo.pixels).permute(2, 0, 1)[None].float() / 255.0
    before = signal.signal(signal.SIGALRM, _end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    started = time.perf_counter()
    try:
        CarliniWagner()(target, x, torch.tensor([subject.label]))
        has_ended = True
    except _TimeIsUp:
        has_ended = False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return {"photos": 1, "seconds": time.perf_counter() - started, "has_ended": has_ended, "gradient_steps": steps}


def _end(number: int, frame: FrameType | None) -> None:
    raise _TimeIsUp
