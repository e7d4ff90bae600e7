"""The versions of each model, as folders of the model repository.

    <model>/<version>/            served, or ready to be: Triton and the embedded backend take the highest number
    <model>/staged/<version>/     pushed, not served yet
    <model>/withdrawn/<version>/  rolled back

A receipt names the version that made it. So a number is never given to another file, and what reads codes (the
recoverer) is neither withdrawn nor left behind by what writes them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from services.imaging.pipeline import READER, WRITERS
from services.imaging.receipt import Tier
from services.inference.signature import SIGNATURES

STAGED, WITHDRAWN = "staged", "withdrawn"
#: The model whose codes the reader reads: the two have their versions together.
_READ = WRITERS[Tier.ONE_PASS]


class RolloutError(Exception):
    """A version cannot go where it should. The sentence says why, and what to do."""


@dataclass(frozen=True)
class Versions:
    """The versions in a model repository."""

    repository: Path

    def served(self, model: str) -> list[int]:
        """In order."""
        return _numbers(self.repository / model)

    def aside(self, model: str, state: str) -> list[int]:
        """The staged or the withdrawn ones, in order."""
        return _numbers(self.repository / model / state)

    def stage(self, source: Path, version: int) -> list[str]:
        """Copies a version of every model that ``source``, a model repository, has it of. Gives their names.

        Raises:
            RolloutError: there is none, a number was used before, or a writer comes without its reader.
        """
        models = [model for model in in_order(SIGNATURES) if (source / model / str(version) / "model.pt").is_file()]
        if not models:
            raise RolloutError(f"{source} holds no version {version} of any model. Make it with training.export.")
        self._check_new(models, version)
        if (_READ in models) != (READER in models):
            raise RolloutError(f"{_READ} and {READER} must come together: one reads what the other writes.")
        for model in models:
            staged = self.repository / model / STAGED
            staged.mkdir(exist_ok=True)
            shutil.copytree(source / model / str(version), staged / f"{version}.partial", dirs_exist_ok=True)
            (staged / f"{version}.partial").rename(staged / str(version))
        return models

    def move(self, model: str, version: int, start: str, end: str) -> None:
        """Moves a version between the states STAGED, WITHDRAWN and "" (served), at once or not at all."""
        folder = self.repository / model / end
        folder.mkdir(exist_ok=True)
        (self.repository / model / start / str(version)).rename(folder / str(version))

    def _check_new(self, models: Iterable[str], version: int) -> None:
        for model in models:
            used = max(self.served(model) + self.aside(model, STAGED) + self.aside(model, WITHDRAWN), default=0)
            if version <= used:
                raise RolloutError(
                    f"{model} has had version {used}; a receipt may name it. Export under a higher number than that."
                )


def in_order(models: Iterable[str]) -> list[str]:
    """The reader first, so that it knows what the writers make before they make it."""
    return sorted(models, key=lambda model: (model != READER, model))


def _numbers(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in folder.glob("[0-9]*") if path.name.isdigit() and path.is_dir())
