"""The event loop answers other calls while photos are worked on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from server_support import FakeBackend, config, file, pixels, served
from srae.v1 import evaluation_service_pb2 as ev
from srae.v1 import image_pb2 as im
from srae.v1 import protection_service_pb2 as pr

from services.evaluation import metrics, report
from services.imaging import codec, embed, perturb, pipeline

WORK = [
    (codec, "decode"), (codec, "encode"), (pipeline, "down"), (report, "down"), (perturb, "headroom"),
    (perturb, "add"), (perturb, "subtract"), (embed, "embed"), (embed, "extract"), (metrics, "psnr_db"),
    (metrics, "ssim"),
]  # fmt: skip


async def test_work_on_pixels_is_done_in_other_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, set[int]] = {}

    def watched(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            seen.setdefault(name, set()).add(threading.get_ident())
            return function(*arguments, **options)

        return call

    for module, name in WORK:
        where = f"{module.__name__}.{name}"
        monkeypatch.setattr(module, name, watched(where, getattr(module, name)))
    async with served(config(tmp_path), FakeBackend()) as client:
        for tier in (im.TIER_ONE_PASS, im.TIER_SEALED):
            asked = pr.ProtectRequest(image=file(pixels()), options=pr.ProtectOptions(tier=tier))
            made = await client.protection.Protect(asked)
        options = ev.EvaluateOptions(receipt=made.outcome.receipt)
        pair = {"original": file(pixels()), "protected_photo": made.image}
        await client.evaluation.Evaluate(ev.EvaluateRequest(**pair, options=options))

    assert len(seen) == len(WORK)
    assert all(threading.get_ident() not in threads for threads in seen.values())
