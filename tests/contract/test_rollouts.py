"""A new version on a real server, back and forth under load, and no photo that it protected is lost.

The models are small ones with the shipped models' signatures, so that thousands of requests take seconds: version N
of the protector writes the level N into every cell, and version N of the recoverer reads it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from server_support import file, pixels
from triton_support import Server, answering, batch, prepared, serving

from services.imaging import codec, pipeline
from services.imaging.receipt import Tier
from services.inference.embedded import EmbeddedBackend
from services.inference.triton import TritonBackend
from services.rollouts.__main__ import main
from services.rollouts.rollout import promote, push, rollback
from services.rollouts.versions import RolloutError, Versions
from services.triton_server.control import Control
from services.triton_server.fetch import Installation
from training.export import write_configs

PAIR = ["protector", "recoverer"]
#: In each of the three phases. Enough that a gap of a few milliseconds would show.
REQUESTS = 1000


class _Writer(torch.nn.Module):
    def __init__(self, level: int) -> None:
        super().__init__()
        self.level = level

    def forward(
        self, image: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor, strength_db: torch.Tensor
    ) -> torch.Tensor:
        return torch.minimum(torch.maximum(torch.full_like(lower, self.level), lower), upper)


class _Reader(torch.nn.Module):
    def __init__(self, level: int) -> None:
        super().__init__()
        self.level = level

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.full_like(image[:, :, ::4, ::4].to(torch.int8), self.level)


def exported(folder: Path, version: int) -> Path:
    """A version of the pair, laid out as training.export does it."""
    for model, module in (("protector", _Writer(version)), ("recoverer", _Reader(version))):
        write_configs(model, folder)
        path = folder / model / str(version) / "model.pt"
        path.parent.mkdir()
        torch.jit.script(module).save(str(path))
    return folder


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    return Versions(exported(tmp_path / "models", 1))


@pytest.fixture
def small(triton: Installation, versions: Versions) -> Server:
    return prepared(triton, versions.repository)


class _Load:
    """Calls the recoverer all the time; each answer must be that of the version that it names."""

    def __init__(self, url: str) -> None:
        # Nothing is tried again: each request counts as it went.
        self._backend = TritonBackend(url, on_retry=None)
        self._enough = asyncio.Semaphore(0)
        self._ends = False
        self.versions: Counter[str] = Counter()

    async def run(self) -> None:
        tensors = batch("recoverer", 1)
        while not self._ends:
            answer = await self._backend.infer("recoverer", tensors)
            assert np.all(answer.tensors["OUTPUT__0"] == int(answer.model_version))
            self.versions[answer.model_version] += 1
            self._enough.release()

    async def more(self, requests: int) -> None:
        """Returns after so many answers."""
        for _ in range(requests):
            await self._enough.acquire()

    def end(self) -> None:
        self._ends = True

    async def close(self) -> None:
        await self._backend.close()


async def test_to_a_new_version_and_back_without_a_failed_request(
    small: Server, versions: Versions, tmp_path: Path
) -> None:
    photo = codec.decode(file(pixels()))
    with serving(small) as url:
        await answering(url, PAIR)
        backend = TritonBackend(url)
        first = await pipeline.find_code(photo, Tier.ONE_PASS, backend)
        load = _Load(url)
        # An exception in a request would end the group, and with it the test.
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(load.run())
            await load.more(REQUESTS)
            await push(versions, exported(tmp_path / "new", 2), 2)
            assert await promote(versions, 2, url) == ["recoverer", "protector"]
            second = await pipeline.find_code(photo, Tier.ONE_PASS, backend)
            await load.more(REQUESTS)
            assert await rollback(versions, url) == {"protector": 2}
            third = await pipeline.find_code(photo, Tier.ONE_PASS, backend)
            await load.more(REQUESTS)
            load.end()
        await load.close()
        assert [receipt.model_version for receipt in (first, second, third)] == ["1", "2", "1"]
        for receipt in (first, second, third):
            protected = codec.decode(pipeline.write(photo, receipt).file.data)
            restored = await pipeline.restore(protected, receipt, backend)
            assert restored.is_bit_exact
        async with Control(url) as control:
            assert await control.served("protector") == [1]
            assert await control.served("recoverer") == [1, 2]
        await backend.close()
    assert load.versions.total() >= 3 * REQUESTS
    assert set(load.versions) == {"1", "2"}


def rewritten(folder: Path, model: str, module: torch.nn.Module) -> Path:
    torch.jit.script(module).save(str(folder / model / "2" / "model.pt"))
    return folder


async def test_what_is_not_fit_to_be_served_is_not_brought_in(versions: Versions, tmp_path: Path) -> None:
    new = exported(tmp_path / "new", 2)
    for fault, sentence in (
        (lambda: rewritten(new, "recoverer", _Writer(2)), "not fit"),
        (lambda: rewritten(new, "recoverer", torch.nn.Identity()), "answered wrongly"),
        (lambda: (new / "recoverer/2/model.pt").write_bytes(b"no model"), "does not load"),
        (lambda: (new / "recoverer/2").rename(new / "elsewhere"), "must come together"),
    ):
        fault()
        with pytest.raises(RolloutError, match=sentence):
            await push(versions, new, 2)
    with pytest.raises(RolloutError, match="no version 3"):
        await push(versions, new, 3)
    assert [versions.served(model) for model in PAIR] == [[1], [1]]
    assert not list(versions.repository.glob("*/staged/*"))


async def test_a_code_that_leaves_the_headroom_is_not_brought_in(versions: Versions, tmp_path: Path) -> None:
    class _Loud(torch.nn.Module):
        def forward(
            self, image: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor, strength_db: torch.Tensor
        ) -> torch.Tensor:
            return torch.full_like(lower, 9)

    with pytest.raises(RolloutError, match="headroom"):
        await push(versions, rewritten(exported(tmp_path / "new", 2), "protector", _Loud()), 2)


async def test_a_number_is_never_given_twice(versions: Versions, tmp_path: Path) -> None:
    new = exported(tmp_path / "new", 2)
    await push(versions, new, 2)
    await promote(versions, 2)
    await rollback(versions)

    with pytest.raises(RolloutError, match="higher number"):
        await push(versions, new, 2)
    with pytest.raises(RolloutError, match="go back to"):
        await rollback(versions)


async def test_a_version_that_triton_does_not_load_is_staged_again(
    small: Server, versions: Versions, tmp_path: Path
) -> None:
    await push(versions, exported(tmp_path / "new", 2), 2)
    (versions.repository / "protector/staged/2/model.pt").write_bytes(b"damaged since")
    with serving(small) as url:
        await answering(url, PAIR)
        with pytest.raises(RolloutError, match="does not load"):
            await promote(versions, 2, url)
        await answering(url, PAIR)
        async with Control(url) as control:
            assert [await control.served(model) for model in PAIR] == [[1], [1]]
    assert [versions.aside(model, "staged") for model in PAIR] == [[2], [2]]


async def test_a_triton_that_goes_away_serves_what_it_did_once_it_is_back(
    small: Server, versions: Versions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(model: str, version: int, url: str) -> None:
        small.process.kill()

    monkeypatch.setattr("services.rollouts.rollout._check_served", killed)
    await push(versions, exported(tmp_path / "new", 2), 2)
    with serving(small) as url:
        await answering(url, PAIR)
        with pytest.raises(RolloutError, match=r"protector does not load(.|\n)*Start it anew"):
            await promote(versions, 2, url)
    assert [versions.served(model) for model in PAIR] == [[1], [1]]
    assert [versions.aside(model, "staged") for model in PAIR] == [[2], [2]]
    with serving(small) as url:
        await answering(url, PAIR)
        async with Control(url) as control:
            assert [await control.served(model) for model in PAIR] == [[1], [1]]


async def test_in_process_the_files_are_enough(versions: Versions, tmp_path: Path) -> None:
    backend = EmbeddedBackend(versions.repository)
    await push(versions, exported(tmp_path / "new", 2), 2)
    assert (await backend.infer("recoverer", batch("recoverer", 1))).model_version == "1"
    await promote(versions, 2)
    assert (await backend.infer("recoverer", batch("recoverer", 1))).model_version == "2"
    assert (await backend.infer("recoverer", batch("recoverer", 1), "1")).model_version == "1"
    await backend.close()


def test_the_command_does_it_and_says_it(
    versions: Versions, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SRAE_TRITON_URL", raising=False)
    new = exported(tmp_path / "new", 2)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["--repository", str(versions.repository), *arguments])
        return code, *capsys.readouterr()

    assert run("push", str(new), "2")[:2] == (
        0, "Version 2 is staged: recoverer, protector. Serve it: srae-models promote 2\n",
    )  # fmt: skip
    assert run("promote", "2")[:2] == (0, "Version 2 serves: recoverer, protector.\n")
    assert run("rollback")[:2] == (0, "Withdrawn: protector 2\n")
    assert "protector  served: 1  withdrawn: 2\n" in run("list")[1]
    code, _, told = run("promote", "7")
    assert (code, told) == (1, "error: No version 7 was pushed. See what there is: srae-models list\n")
    assert main(["--repository", "/none", "list"]) == 1
