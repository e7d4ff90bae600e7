"""The third part, continued: a fresh restorer, trained without any key on public pairs of original and protected photo.

Anybody can make such pairs by protecting photos of their own. The opponent's network is the product's recoverer,
started anew; what it estimates is subtracted once, twice, or at other strengths.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from services.imaging import perturb
from services.imaging.resample import down
from training.evaluation import public_pairs
from training.evaluation.eyes import Eyes
from training.evaluation.lines import Row
from training.evaluation.protections import Protections
from training.evaluation.removals import removed
from training.evaluation.subjects import Subject
from training.models.recoverer import Recoverer, RecovererConfig

#: By how much of the estimate is subtracted.
FACTORS = (0.5, 1.0, 2.0, 3.0)
_BATCH = 16


class KeylessRestorer:
    """An opponent's network for one setting.

    Args:
        pairs: how many pairs it is trained on.
        minutes: how long, in a processor's time. Of a slower processor, or one whose memory others use, it learns less.
    """

    def __init__(self, protections: Protections, root: Path, pairs: int, minutes: float) -> None:
        self.pairs = pairs
        self.network = Recoverer(RecovererConfig())
        kept = protections.folder / f"keyless-{pairs}-{minutes:g}.pt"
        if kept.is_file():
            self.network.load_state_dict(torch.load(kept, weights_only=True))
        else:
            self._train(*public_pairs.read(protections, root, pairs), 60.0 * minutes)
            torch.save(self.network.state_dict(), kept)
        self.network.eval()

    def _train(self, images: torch.Tensor, codes: torch.Tensor, seconds: float) -> None:
        chance = torch.Generator().manual_seed(0)
        optimiser = torch.optim.Adam(self.network.parameters(), lr=1e-3)
        begun = time.process_time()
        while (share := (time.process_time() - begun) / seconds) < 1.0:
            optimiser.param_groups[0]["lr"] = 1e-3 * (1.0 - share)
            chosen = torch.randint(len(images), (min(_BATCH, len(images)),), generator=chance)
            x, code = images[chosen].float(), codes[chosen].float()
            if torch.rand(1, generator=chance) < 0.5:
                x, code = x.flip(-1), code.flip(-1)
            loss = F.mse_loss(self.network(x), code)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    def estimate(self, pixels: NDArray[np.uint8], factor: float) -> NDArray[np.int8]:
        """The code that it believes to be in a photo, times a factor; shape (3, G, G)."""
        with torch.no_grad():
            code = self.network(torch.from_numpy(down(pixels))[None].float())[0]
        return torch.round(factor * code).clamp(-127, 127).to(torch.int8).numpy()


def measure(subject: Subject, restorer: KeylessRestorer, protections: Protections, eyes: Eyes) -> dict[str, Row]:
    """Rows of one photo: a strength of the subtraction and a network each; at strength 2 also as two turns of one."""
    original = subject.photo.pixels
    protected = protections.protected(subject)
    rows: dict[str, Row] = {}
    for factor in FACTORS:
        cleaned, clean = (
            perturb.subtract(pixels, restorer.estimate(pixels, factor)) for pixels in (protected, original)
        )
        name = f"keyless restorer, {restorer.pairs} pairs, times {factor:g}"
        rows |= removed(name, subject.label, original, protected, clean, cleaned, eyes)
    twice, clean_twice = (_twice(restorer, pixels) for pixels in (protected, original))
    name = f"keyless restorer, {restorer.pairs} pairs, twice"
    return rows | removed(name, subject.label, original, protected, clean_twice, twice, eyes)


def _twice(restorer: KeylessRestorer, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    for _ in range(2):
        pixels = perturb.subtract(pixels, restorer.estimate(pixels, 1.0))
    return pixels
