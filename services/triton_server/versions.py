"""The versions of a model on disk, those that a server may take and those that wait.

    <repository>/<model>/<version>/model.pt                  in place: a server takes the newest two
    <repository>/<model>/staged/<model>/<version>/model.pt   waits; the folder `staged` is a repository of its own

Triton looks at folders with numbers for names alone. What is moved is moved whole.
"""

from __future__ import annotations

import shutil
from pathlib import Path

#: How many versions a server keeps: version_policy in the models' configurations.
KEPT = 2
_FILE = "model.pt"


class VersionError(Exception):
    """The versions on disk do not allow it. The sentence says why, and what to do."""


class Versions:
    """The versions of one model.

    Raises:
        VersionError: the repository has no such model.
    """

    def __init__(self, repository: Path, model: str) -> None:
        self._folder = repository / model
        self._model = model
        if not (self._folder / "config.pbtxt").is_file():
            raise VersionError(f"There is no model {model!r} in {repository}.")

    @property
    def staging(self) -> Path:
        """The repository of the versions that wait."""
        return self._folder / "staged"

    def in_place(self) -> list[int]:
        """Versions that a server may take, in order."""
        return _numbers(self._folder)

    def staged(self) -> list[int]:
        """Versions that wait, in order."""
        return _numbers(self.staging / self._model)

    def next(self) -> int:
        """A number that no version has."""
        return max([0, *self.in_place(), *self.staged()]) + 1

    def stage(self, file: Path, version: int) -> None:
        """Copies a file among those that wait.

        Raises:
            VersionError: there is such a version, or the file cannot be read.
        """
        if version in {*self.in_place(), *self.staged()}:
            raise VersionError(f"{self._model} has a version {version}, and receipts may name it. Take another number.")
        folder = self._staged_folder(version)
        folder.mkdir(parents=True)
        try:
            shutil.copyfile(file, folder / "partial")
        except OSError as error:
            shutil.rmtree(folder)
            raise VersionError(f"{file} cannot be read: {error.strerror}.") from error
        (folder / "partial").rename(folder / _FILE)

    def discard(self, version: int) -> None:
        """Removes a version that waits."""
        shutil.rmtree(self._staged_folder(version), ignore_errors=True)

    def put_in_place(self, version: int) -> None:
        """Makes a version that waits one that a server may take."""
        self._staged_folder(version).rename(self._folder / str(version))

    def take_back(self, version: int) -> None:
        """Makes a version wait again."""
        (self.staging / self._model).mkdir(parents=True, exist_ok=True)
        (self._folder / str(version)).rename(self._staged_folder(version))

    def _staged_folder(self, version: int) -> Path:
        return self.staging / self._model / str(version)


def names(repository: Path) -> list[str]:
    """The models of a repository."""
    return sorted(path.parent.name for path in repository.glob("*/config.pbtxt"))


def _numbers(folder: Path) -> list[int]:
    return sorted(int(path.parent.name) for path in folder.glob(f"*/{_FILE}") if path.parent.name.isdigit())
