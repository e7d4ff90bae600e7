"""New versions on a real Triton server under load, and back: no request fails, and no photo is left behind.

The models are as small as models can be, so that a few seconds hold more than a thousand requests. Each version
writes or reads a code of its own, so that no answer can be taken for another version's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import torch
from server_support import pixels
from triton_support import Server, answering, batch, copied, prepared, serving, until

from services.imaging import pipeline
from services.imaging.photo import FileTraits, Photo
from services.imaging.receipt import Tier
from services.inference.backend import Inference
from services.inference.triton import TritonBackend
from services.triton_server import models, rollout
from services.triton_server.fetch import Installation
from services.triton_server.rollout import RolloutError
from services.triton_server.trial import TrialError
from services.triton_server.versions import VersionError, Versions

MODELS = ["protector", "recoverer"]
LEVELS = {"1": 4, "2": 8}


class _Writes(torch.nn.Module):
    def __init__(self, level: int) -> None:
        super().__init__()
        self.level = level

    def forward(self, image: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor) -> torch.Tensor:
        return torch.minimum(torch.maximum(torch.full_like(lower, self.level), lower), upper)


class _Reads(torch.nn.Module):
    def __init__(self, level: int) -> None:
        super().__init__()
        self.level = level

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.full_like(image[:, :, ::4, ::4], self.level).to(torch.int8)


class _Beyond(torch.nn.Module):
    def forward(self, image: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor) -> torch.Tensor:
        return torch.full_like(lower, 100)


class _Flat(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image[:, :, :8, :8].to(torch.int8)


class _Raises(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.reshape(7, 7).to(torch.int8)


def saved(module: torch.nn.Module, path: Path) -> Path:
    torch.jit.script(module).save(str(path))
    return path


def version(model: str, number: str, folder: Path) -> Path:
    kind = _Writes if model == "protector" else _Reads
    return saved(kind(LEVELS[number]), folder / f"{model}-{number}.pt")


@pytest.fixture
def small(tmp_path: Path, triton: Installation) -> Server:
    repository = copied(tmp_path / "models", MODELS)
    for model in MODELS:
        version(model, "1", tmp_path).rename(repository / model / "1" / "model.pt")
    return prepared(triton, repository)


@pytest.fixture
async def running(small: Server) -> AsyncIterator[Server]:
    with serving(small) as url:
        await answering(url, MODELS)
        yield small


class Load:
    """Direct requests without a pause and without a second try, some of which name the first version."""

    def __init__(self, url: str) -> None:
        self._backend = TritonBackend(url, on_retry=None)
        self.answers: Counter[tuple[str, str]] = Counter()
        self.failures: list[Exception] = []
        self.wrong = 0

    async def ask(self, model: str, number: str) -> None:
        tensors = batch(model, 1)
        while True:
            try:
                answer = await self._backend.infer(model, tensors, number)
            except Exception as error:
                self.failures.append(error)
            else:
                self._count(model, number, answer)

    def _count(self, model: str, number: str, answer: Inference) -> None:
        self.answers[model, answer.model_version] += 1
        is_right = answer.tensors["OUTPUT__0"].max() == LEVELS[answer.model_version]
        self.wrong += not is_right or number not in ("", answer.model_version)

    async def __aenter__(self) -> Load:
        asked = [(model, number) for model in MODELS for number in ("", "", "1")]
        self._tasks = [asyncio.create_task(self.ask(*each)) for each in asked]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._backend.close()

    async def until(self, model: str, number: str, more: int) -> None:
        """Waits until so many more answers of that version have come."""
        aim = self.answers[model, number] + more

        async def has_come() -> bool:
            return self.answers[model, number] >= aim

        await until(has_come, 60)


async def test_two_versions_come_and_go_under_load_without_a_failed_request(running: Server, tmp_path: Path) -> None:
    repository, url = running.settings.repository, running.url
    backend = TritonBackend(url)
    photo = Photo(pixels(), FileTraits("image/png", 0, lossless=True))
    made = {"1": await pipeline.protect(photo, Tier.ONE_PASS, backend)}
    for model in MODELS:
        assert await asyncio.to_thread(rollout.push, repository, model, version(model, "2", tmp_path)) == 2

    async with Load(url) as load:
        await load.until("protector", "1", 150)
        for model in reversed(MODELS):
            assert await rollout.promote(repository, model, url) == 2
            await load.until(model, "2", 150)
        made["2"] = await pipeline.protect(photo, Tier.ONE_PASS, backend)
        assert await rollout.rollback(repository, "protector", url) == 1
        before = load.answers["protector", "2"]
        await load.until("protector", "1", 500)
        assert load.answers["protector", "2"] <= before + 2, "the version that was taken back goes on answering"

    assert load.failures == []
    assert load.wrong == 0
    assert load.answers.total() > 1000
    # Either version's photos are restored bit for bit, whichever protects now.
    assert await _versions(backend) == {"protector": "1", "recoverer": "2"}
    for number, protected in made.items():
        assert protected.receipt.model_version == number
        assert np.max(protected.code) == LEVELS[number]
        restored = await pipeline.restore(protected.photo, protected.receipt, backend)
        assert restored.is_bit_exact
    await backend.close()


async def _versions(backend: TritonBackend) -> dict[str, str]:
    return {model: (await backend.infer(model, batch(model, 1))).model_version for model in MODELS}


async def test_what_the_server_cannot_serve_waits_again_and_the_old_goes_on(running: Server, tmp_path: Path) -> None:
    repository, url = running.settings.repository, running.url
    rollout.push(repository, "recoverer", version("recoverer", "2", tmp_path))
    # The file is spoiled after its trial, as by a copy that broke off.
    waiting = repository / "recoverer" / "staged" / "recoverer" / "2" / "model.pt"
    waiting.write_bytes(waiting.read_bytes()[:500])

    with pytest.raises(RolloutError, match="recoverer 2 does not serve"):
        await rollout.promote(repository, "recoverer", url)

    versions = Versions(repository, "recoverer")
    assert (versions.in_place(), versions.staged()) == ([1], [2])
    backend = TritonBackend(url, on_retry=None)
    assert await _versions(backend) == {"protector": "1", "recoverer": "1"}
    await backend.close()


async def test_versions_of_one_receipt_come_and_go_in_order(running: Server, tmp_path: Path) -> None:
    repository, url = running.settings.repository, running.url
    for model in MODELS:
        rollout.push(repository, model, version(model, "2", tmp_path))

    with pytest.raises(VersionError, match="No recoverer 2 is served"):
        await rollout.promote(repository, "protector", url)
    await rollout.promote(repository, "recoverer", url)
    await rollout.promote(repository, "protector", url)
    with pytest.raises(VersionError, match="roll protector back first"):
        await rollout.rollback(repository, "recoverer", url)
    assert await rollout.rollback(repository, "protector", url) == 1
    assert await rollout.rollback(repository, "recoverer", url) == 1
    with pytest.raises(VersionError, match="no version before"):
        await rollout.rollback(repository, "recoverer", url)


@pytest.mark.parametrize(
    ("model", "module", "fault"),
    [
        ("recoverer", _Flat(), "answered wrongly"),
        ("recoverer", _Raises(), "failed"),
        ("protector", _Beyond(), "leaves the headroom"),
    ],
)
def test_a_version_that_is_not_fit_never_reaches_a_server(
    small: Server, tmp_path: Path, model: str, module: torch.nn.Module, fault: str
) -> None:
    repository = small.settings.repository
    with pytest.raises(TrialError, match=fault):
        rollout.push(repository, model, saved(module, tmp_path / "new.pt"))
    versions = Versions(repository, model)
    assert (versions.in_place(), versions.staged(), versions.next()) == ([1], [], 2)


def test_the_command_says_what_it_did_and_why_it_did_not(
    small: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--repository", str(small.settings.repository)]
    (tmp_path / "corrupt.pt").write_bytes(b"no model")

    assert models.main(["push", "recoverer", str(tmp_path / "corrupt.pt"), *where]) == 1
    assert "does not load" in capsys.readouterr().err
    assert models.main(["push", "recoverer", str(tmp_path / "none.pt"), *where]) == 1
    assert "cannot be read" in capsys.readouterr().err
    assert models.main(["push", "recoverer", str(version("recoverer", "2", tmp_path)), "--version", "1", *where]) == 1
    assert "Take another number" in capsys.readouterr().err
    assert models.main(["push", "recoverer", str(version("recoverer", "2", tmp_path)), *where]) == 0
    assert "srae-models promote recoverer 2" in capsys.readouterr().out
    # No server runs.
    url = ["--triton-url", small.url]
    assert models.main(["promote", "recoverer", *url, *where]) == 1
    assert "does not load" in capsys.readouterr().err
    assert models.main(["list", *url, *where]) == 1
    assert "does not answer" in capsys.readouterr().err
    assert Versions(small.settings.repository, "recoverer").staged() == [2]
