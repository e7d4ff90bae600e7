"""Writes what the shipped models answer for one photo. Run it when the weights change, and look at the difference.

.venv/bin/python tests/golden/make.py
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage import data

from services.imaging import perturb
from services.imaging.pipeline import MADE_WITH, STRENGTHS_DB, WRITERS, writer_inputs
from services.imaging.receipt import Tier
from services.imaging.resample import down
from services.inference.backend import CLASSIFIER_SIDES
from services.inference.embedded import EmbeddedBackend

GOLDEN = Path(__file__).parent / "astronaut.npz"
REPOSITORY = Path(__file__).parents[2] / "triton_models"


async def answers() -> dict[str, NDArray[np.generic]]:
    """Each model's answer to scikit-image's astronaut; the recoverer's to the protector's result."""
    pixels = data.astronaut()
    photo = {"INPUT__0": down(pixels)[None]}
    backend = EmbeddedBackend(REPOSITORY)

    async def ask(model: str, inputs: dict[str, NDArray[np.generic]]) -> NDArray[np.generic]:
        return (await backend.infer(model, inputs)).tensors["OUTPUT__0"][0]

    async def write(tier: Tier) -> NDArray[np.int8]:
        images = [down(pixels, CLASSIFIER_SIDES[name]) for name in MADE_WITH[tier]]
        code = await ask(WRITERS[tier], writer_inputs(tier, images, perturb.headroom(pixels), STRENGTHS_DB[tier]))
        return code.astype(np.int8)

    written = await write(Tier.ONE_PASS)
    found = {
        "refiner": await write(Tier.SEALED),
        "protector": written,
        "recoverer": await ask("recoverer", {"INPUT__0": down(perturb.add(pixels, written))[None]}),
        "classifier": await ask("classifier_efficientnet_lite0", photo),
        "classifier_lite2": await ask("classifier_efficientnet_lite2", {"INPUT__0": down(pixels, 260)[None]}),
    }
    await backend.close()
    return found


if __name__ == "__main__":
    np.savez_compressed(GOLDEN, **asyncio.run(answers()))
    print(f"{GOLDEN}: {GOLDEN.stat().st_size} bytes")
