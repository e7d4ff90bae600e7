"""A promotion that fails leaves no half version behind, whatever Triton does meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from services.inference.signature import SIGNATURES
from services.rollouts import rollout
from services.rollouts.__main__ import main
from services.rollouts.versions import STAGED, RolloutError, Versions, in_order
from services.triton_server.control import ControlError

MODELS = in_order(SIGNATURES)
#: Triton fails at this one, when all before it serve the new version.
FIFTH = MODELS[4]


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    """Version 1 of every model serves, version 2 was pushed."""
    for model in MODELS:
        (tmp_path / model / "1").mkdir(parents=True)
        (tmp_path / model / STAGED / "2").mkdir(parents=True)
    return Versions(tmp_path)


class _Triton:
    """Notes what it is told to load, with the version that it finds, and fails as ``fails`` says."""

    def __init__(self, versions: Versions) -> None:
        self.versions = versions
        self.loaded: list[tuple[str, int]] = []
        self.fails: Callable[[str, int], BaseException | None] = lambda model, version: None

    def __call__(self, url: str) -> _Triton:
        return self

    async def __aenter__(self) -> _Triton:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def load(self, model: str) -> None:
        version = self.versions.served(model)[-1]
        if error := self.fails(model, version):
            raise error
        self.loaded.append((model, version))


@pytest.fixture
def triton(versions: Versions, monkeypatch: pytest.MonkeyPatch) -> _Triton:
    async def passes(model: str, version: int, url: str) -> None:
        pass

    triton = _Triton(versions)
    monkeypatch.setattr(rollout, "Control", triton)
    monkeypatch.setattr(rollout, "_check_served", passes)
    return triton


def as_before(versions: Versions) -> bool:
    return all(versions.served(model) == [1] and versions.aside(model, STAGED) == [2] for model in MODELS)


async def test_a_version_that_fails_is_taken_back_writers_first(versions: Versions, triton: _Triton) -> None:
    triton.fails = lambda model, version: ControlError("no") if (model, version) == (FIFTH, 2) else None
    with pytest.raises(RolloutError, match="no") as caught:
        await rollout.promote(versions, 2, "host:1")
    assert as_before(versions)
    assert triton.loaded == [(model, 2) for model in MODELS[:4]] + [(model, 1) for model in reversed(MODELS[:5])]
    assert not hasattr(caught.value, "__notes__")


def test_where_triton_goes_away_the_folders_are_as_they_were_and_the_command_says_what_to_do(
    versions: Versions, triton: _Triton, capsys: pytest.CaptureFixture[str]
) -> None:
    triton.fails = lambda model, version: ControlError(f"{model} is away") if len(triton.loaded) == 4 else None
    assert main(["--repository", str(versions.repository), "--triton-url", "host:1", "promote", "2"]) == 1
    assert as_before(versions)
    first, note = capsys.readouterr().err.splitlines()
    assert first == f"error: {FIFTH} is away"
    assert "Start it anew" in note
    assert all(f"{model} is away" in note for model in MODELS[:5])


async def test_a_model_that_does_not_go_back_keeps_no_other_from_it(versions: Versions, triton: _Triton) -> None:
    triton.fails = lambda model, version: (
        ControlError(f"no {model}") if (model, version) in ((FIFTH, 2), (MODELS[3], 1)) else None
    )
    with pytest.raises(RolloutError, match=f"no {FIFTH}"):
        await rollout.promote(versions, 2, "host:1")
    assert as_before(versions)
    assert [model for model, version in triton.loaded if version == 1] == [FIFTH, *reversed(MODELS[:3])]


async def test_an_interrupted_promotion_is_taken_back(versions: Versions, triton: _Triton) -> None:
    """As of one who does not wait for a server that hangs."""
    triton.fails = lambda model, version: asyncio.CancelledError() if (model, version) == (FIFTH, 2) else None
    with pytest.raises(asyncio.CancelledError):
        await rollout.promote(versions, 2, "host:1")
    assert as_before(versions)
