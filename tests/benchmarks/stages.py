"""What a protect and a restore do, one after the other: each stage of ``stage_names``, to be measured."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sizes import Sample

from services.imaging import carried, codec, embed, jpeg_copy, jpeg_file, perturb, pipeline
from services.imaging.receipt import Receipt, Tier
from services.imaging.resample import down
from services.inference.backend import CLASSIFIER_SIDES
from services.inference.embedded import EmbeddedBackend

Stage = Callable[[], Any]


def stages(sample: Sample, backend: EmbeddedBackend, loop: asyncio.AbstractEventLoop) -> dict[str, Stage]:
    """Each stage as a function of nothing, on what the stages before it made."""
    photo, tier = sample.photo, Tier.ONE_PASS
    bounds = perturb.headroom(photo.pixels)
    inputs = {
        tier: pipeline.writer_inputs(
            tier,
            [down(photo.pixels, CLASSIFIER_SIDES[name]) for name in pipeline.MADE_WITH[tier]],
            bounds,
            pipeline.STRENGTHS_DB[tier],
        )
        for tier in Tier
    }

    def infer(tier: Tier) -> Any:
        answer = loop.run_until_complete(backend.infer(pipeline.WRITERS[tier], inputs[tier]))
        return answer.tensors["OUTPUT__0"][0]

    code = infer(tier)
    added = perturb.add(photo.pixels, code)
    packed = carried.pack(code, photo.sha256())
    receipt = Receipt(tier, pipeline.WRITERS[tier], "1", photo.sha256(), code, jpeg_copy.layout(photo))
    written = pipeline.written(photo, receipt, carries=True)
    protected = photo.with_pixels(written)
    file = codec.encode(protected).data
    found = {
        "decode": lambda: codec.decode(sample.file),
        "down": lambda: down(photo.pixels),
        "headroom": lambda: perturb.headroom(photo.pixels),
        "infer": lambda: infer(tier),
        "infer, sealed": lambda: infer(Tier.SEALED),
        "up and add": lambda: perturb.add(photo.pixels, code),
        "embed": lambda: embed.embed(added, packed),
        "hash": photo.sha256,
        "encode": lambda: codec.encode(protected),
        "decode the result": lambda: codec.decode(file),
        "extract": lambda: embed.extract(written),
        "up and subtract": lambda: perturb.subtract(added, code),
    }
    if photo.file is not None:
        moved = pipeline.write(photo, receipt)
        in_its_file, layout = codec.decode(moved.file.data), moved.receipt.original_layout
        found |= {
            "move its coefficients": lambda: pipeline.write(photo, receipt),
            "move them back": lambda: jpeg_file.subtract(in_its_file.file, code, layout.moved_in.divided, None),
        }
    return found
