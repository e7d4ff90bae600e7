"""`make bench`: every stage of protect and restore, and whole calls, at every size, as JPEG and as PNG."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import restores
from calls import Call, in_process, over_grpc, through_the_host, triton_is_up
from pytest_benchmark.fixture import BenchmarkFixture
from sizes import FORMATS, sample
from stage_names import ALL, PROTECT, RESTORE, SEALED
from stages import stages

from services.imaging.receipt import Tier
from services.inference.embedded import EmbeddedBackend

#: Fewer rounds for what takes seconds.
ROUNDS = {"224": 9, "1mp": 7, "4mp": 5, "12mp": 5, "50mp": 3}
both_formats = pytest.mark.parametrize("file_format", list(FORMATS), scope="session")


@both_formats
@pytest.mark.parametrize("stage", [*ALL, SEALED])
def test_stage(
    benchmark: BenchmarkFixture,
    size: str,
    file_format: str,
    stage: str,
    prepared: dict[tuple[str, str], dict],
    backend: EmbeddedBackend,
    loop: asyncio.AbstractEventLoop,
) -> None:
    if stage == SEALED and file_format != "jpeg":
        pytest.skip("the network sees the same working image, whatever the file")
    # Encoding is what a JPEG's time is held against.
    if stage not in (SEALED, "encode", *PROTECT[file_format], *RESTORE[file_format]):
        pytest.skip("no stage of this format")
    key = (size, file_format)
    if key not in prepared:
        prepared.clear()  # at 50 megapixels one size at a time is enough
        prepared[key] = stages(sample(size, file_format), backend, loop)
    benchmark.group, benchmark.name = f"{size} {file_format}", f"stage: {stage}"
    benchmark.pedantic(prepared[key][stage], rounds=ROUNDS[size], warmup_rounds=1)


@pytest.fixture(scope="module")
def prepared() -> dict[tuple[str, str], dict]:
    return {}


@pytest.fixture(scope="module")
def protect_in_process(backend: EmbeddedBackend, loop: asyncio.AbstractEventLoop) -> Call:
    return in_process(backend, loop)


@pytest.fixture(scope="module")
def protect_over_grpc(loop: asyncio.AbstractEventLoop) -> Iterator[Call]:
    with over_grpc(loop) as call:
        yield call


@pytest.fixture(scope="module")
def protect_over_triton(loop: asyncio.AbstractEventLoop) -> Iterator[Call]:
    if not triton_is_up():
        pytest.skip("no Triton server answers: make triton starts one")
    with over_grpc(loop, "--backend", "triton") as call:
        yield call


@pytest.fixture(scope="module")
def protect_through_the_host() -> Iterator[Call]:
    with through_the_host() as call:
        yield call


@both_formats
@pytest.mark.parametrize("what", [restores.OWN, restores.COPY])
def test_restore(
    benchmark: BenchmarkFixture,
    size: str,
    file_format: str,
    what: str,
    kept: dict[tuple[str, str], dict[str, restores.Kept]],
    backend: EmbeddedBackend,
    loop: asyncio.AbstractEventLoop,
) -> None:
    key = (size, file_format)
    if key not in kept:
        kept.clear()
        kept[key] = restores.protected(size, file_format, backend, loop)
    benchmark.group, benchmark.name = f"{size} {file_format}", f"restore: {what}"
    restore = restores.in_process(backend, loop)
    benchmark.pedantic(restore, args=kept[key][what], rounds=max(3, ROUNDS[size] // 2), warmup_rounds=1)


@pytest.fixture(scope="module")
def kept() -> dict[tuple[str, str], dict[str, restores.Kept]]:
    return {}


@both_formats
@pytest.mark.parametrize("tier", list(Tier), ids=lambda tier: tier.value)
@pytest.mark.parametrize("way", ["in process", "over grpc", "over triton", "through the host"])
def test_call(
    benchmark: BenchmarkFixture, request: pytest.FixtureRequest, way: str, tier: Tier, size: str, file_format: str
) -> None:
    if tier is Tier.SEALED and file_format != "jpeg":
        pytest.skip("what the tiers differ in does not depend on the file")
    call: Call = request.getfixturevalue("protect_" + way.replace(" ", "_"))
    file = sample(size, file_format).file
    benchmark.group, benchmark.name = f"{size} {file_format}", f"call: {tier.value}, {way}"
    benchmark.pedantic(call, args=(file, tier), rounds=max(3, ROUNDS[size] // 2), warmup_rounds=1)
