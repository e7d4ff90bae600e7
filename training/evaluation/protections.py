"""Makes codes with the product's pipeline, once a photo, and keeps them between runs."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from services.imaging import jpeg_copy, pipeline
from services.imaging.photo import Photo
from services.imaging.receipt import Receipt, Tier
from services.inference.backend import Backend
from services.inference.embedded import EmbeddedBackend
from services.inference.signature import MAX_BATCH
from training.evaluation.eyes import IMAGENET
from training.evaluation.gathering import Gathering
from training.evaluation.subjects import Subject

#: Where codes and lines lie between runs.
RUNS = Path("training/runs/photo")


@dataclass(frozen=True)
class Setting:
    """What is measured: a tier at a strength, on photos of a size and a data set.

    Attributes:
        rounds: of the sealed tier's search.
    """

    tier: Tier
    strength_db: float
    size: str
    dataset: str = IMAGENET
    rounds: int = 1

    @property
    def name(self) -> str:
        other = "" if self.dataset == IMAGENET else f"-{self.dataset}"
        more = "" if self.rounds == 1 else f"-{self.rounds}rounds"
        return f"{self.tier.value}-{self.strength_db:g}dB-{self.size}{other}{more}"


class Protections:
    """Codes of photos in one setting, found on a GPU where there is one.

    Args:
        repository: the models. Other models give another folder, so that no figures of two mix.

    Attributes:
        at_once: how many photos' codes should be asked for at the same time, to leave nothing idle.
    """

    def __init__(self, setting: Setting, repository: Path) -> None:
        self.setting = setting
        self.backend: Backend
        if torch.cuda.is_available():
            self.backend = Gathering(EmbeddedBackend(repository, threads=1, device="cuda"))
            self.at_once = 2 * MAX_BATCH  # one batch is prepared while the other one is looked at
        else:
            self.backend, self.at_once = EmbeddedBackend(repository), torch.get_num_threads()
        self.model = pipeline.WRITERS[setting.tier]
        newest = max((repository / self.model).glob("*/model.pt"), key=lambda path: int(path.parent.name))
        mark = hashlib.sha256(newest.read_bytes()).hexdigest()[:10]
        self.folder = RUNS / f"{setting.name}-{mark}"

    def code(self, subject: Subject) -> NDArray[np.int8]:
        """The code that the product writes for a photo; shape (3, G, G)."""
        kept = self.kept(subject.name)
        if not kept.is_file():
            asyncio.run(self.find(subject))
        return np.load(kept)

    async def find(self, subject: Subject) -> None:
        """Finds a photo's code, to be kept."""
        search = pipeline.Search(pipeline.LONGEST_SEARCH_SECONDS, self.setting.rounds)
        found = await pipeline.find_code(
            subject.photo, self.setting.tier, self.backend, self.setting.strength_db, search
        )
        kept = self.kept(subject.name)
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.save(kept, found.code)

    def kept(self, name: str) -> Path:
        """The file of a photo's code, where it was found."""
        return self.folder / "codes" / f"{name}.npy"

    def protected(self, subject: Subject, carries: bool = True) -> NDArray[np.uint8]:
        """The pixels that the product returns for a photo, in a lossless file unless said otherwise."""
        return pipeline.written(subject.photo, self.receipt(subject), carries)

    def receipt(self, subject: Subject) -> Receipt:
        """The receipt that belongs to a protected photo."""
        original = subject.photo
        return Receipt(
            self.setting.tier, self.model, "", original.sha256(), self.code(subject), jpeg_copy.layout(original)
        )

    def restore(self, subject: Subject, copy: Photo, has_receipt: bool = True) -> NDArray[np.uint8]:
        """The pixels that the owner gets back from a copy of a protected photo, of any size."""
        receipt = self.receipt(subject) if has_receipt else None
        return asyncio.run(pipeline.restore(copy, receipt, self.backend, is_own=has_receipt)).photo.pixels

    def restored(self, file: Photo, receipt: Receipt) -> pipeline.Restored:
        """What the owner gets back from a protected photo's file."""
        return asyncio.run(pipeline.restore(file, receipt, self.backend))
