"""The bulk job as a person runs it: a process, a Ray of its own, real files."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import client_fake
import pytest
from client_fake import Fake
from server_support import file, pixels
from srae_client import receipts
from srae_client.bulk.__main__ import main
from srae_client.client import Client

COMMAND = (sys.executable, "-m", "srae_client.bulk", "archive", "-o", "out")
#: Ray's start, and the server's, on a computer that does other things too.
PATIENCE = 240


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Fake]:
    with client_fake.running(tmp_path) as server:
        yield server


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "0")  # it kills workers where memory is short
    monkeypatch.setenv("RAY_gcs_server_port_wait_time_s", "120")
    (tmp_path / "archive" / "2019" / "deep").mkdir(parents=True)
    return tmp_path / "archive"


def bulk(*options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=PATIENCE, check=False)


def manifest() -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path("out/manifest.jsonl").read_text().splitlines()]


def written() -> set[str]:
    """Everything below the output folder, hidden files included."""
    return {str(path.relative_to("out")) for path in Path("out").rglob("*") if path.is_file()} - {"manifest.jsonl"}


def test_a_folder_with_a_corrupt_file_is_done_but_for_that_and_only_once(archive: Path, fake: Fake) -> None:
    good = ["a.jpg", "2019/b.PNG", "2019/deep/c.webp", os.fsdecode(b"2019/\xff.png")]
    for name in good:
        (archive / name).write_bytes(os.fsencode(name))
    (archive / "2019" / "corrupt.jpg").write_bytes(client_fake.BAD)
    first = bulk("--endpoint", fake.address, "--tier", "one-pass")
    assert (first.returncode, first.stdout) == (1, "done: 4, done earlier: 0, failed: 1\n"), first.stderr
    assert first.stderr == "bulk: out/manifest.jsonl says why for each that failed.\n"
    assert written() == {*good, *(name + ".receipt" for name in good)}
    for name in good:
        assert Path("out", name).read_bytes() == client_fake.PREFIX + os.fsencode(name)
        assert receipts.read(Path("out", name + ".receipt")) == client_fake.receipt()
    assert {line["photo"]: line["status"] for line in manifest()} == {
        **dict.fromkeys(good, "done"),
        "2019/corrupt.jpg": "failed",
    }
    assert [line["reason"] for line in manifest() if line["status"] == "failed"] == ["NOT_AN_IMAGE"]

    (archive / "2019" / "corrupt.jpg").unlink()
    before, calls = manifest(), len(fake.options)
    second = bulk("--endpoint", fake.address)
    assert (second.returncode, second.stdout, second.stderr) == (0, "done: 0, done earlier: 4, failed: 0\n", "")
    assert (manifest(), len(fake.options)) == (before, calls)

    # What a killed worker leaves where the file system knows no links is no protected photo.
    Path("out/a.jpg").write_bytes(b"")
    third = bulk("--endpoint", fake.address)
    assert (third.returncode, third.stdout) == (1, "done: 0, done earlier: 3, failed: 1\n"), third.stderr
    assert manifest()[-1]["reason"] == "OUTPUT_EXISTS"


def busy_worker(driver: int) -> int:
    """The process, below a job's, that works on a photo."""
    below = [driver]
    for process in below:
        children = Path(f"/proc/{process}/task/{process}/children")
        below += map(int, children.read_text().split()) if children.exists() else []
    (busy,) = (pid for pid in below if _command(pid).startswith(b"ray::Map"))
    return busy


def _command(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:  # it has ended meanwhile
        return b""


def test_a_killed_worker_leaves_no_half_file_and_its_photos_are_done_by_another(archive: Path, fake: Fake) -> None:
    names = [f"{number}.png" for number in range(6)]
    for name in names:
        (archive / name).write_bytes(client_fake.HANGING if name == "3.png" else b"photo")
    # What the worker of an earlier job left: one was killed while it wrote, one between the receipt and the photo.
    Path("out").mkdir()
    Path("out/.0123456789abcdef.part").write_bytes(b"half")
    Path("out/5.png.receipt").write_bytes(b"of a photo that is not there")
    with subprocess.Popen([*COMMAND, "--endpoint", fake.address, "--concurrency", "1"]) as job:
        assert fake.was_reached.wait(PATIENCE)
        os.kill(busy_worker(job.pid), signal.SIGKILL)
        assert job.wait(PATIENCE) == 0
    assert fake.was_cancelled.is_set()  # by the death of the first worker: the photo was sent twice
    assert len(fake.options) == len(names) + 1
    (aside,) = written() - {*names, *(name + ".receipt" for name in names)}
    assert Path("out", aside).read_bytes() == b"of a photo that is not there"
    assert sorted(line["photo"] for line in manifest() if line["status"] == "done") == names


def test_a_killed_job_is_taken_up_where_it_stopped(archive: Path, fake: Fake) -> None:
    for name in ("a.png", "b.png"):
        (archive / name).write_bytes(client_fake.HANGING if name == "b.png" else b"photo")
    with subprocess.Popen([*COMMAND, "--endpoint", fake.address, "--concurrency", "1"]) as job:
        assert fake.was_reached.wait(PATIENCE)
        job.kill()
    assert fake.was_cancelled.wait(PATIENCE)  # Ray ends the workers of a driver that is gone
    assert written() == {"a.png", "a.png.receipt"}
    with Path("out/manifest.jsonl").open("w") as torn:
        torn.write('{"photo": "a.p')
    done = bulk("--endpoint", fake.address)
    assert (done.returncode, done.stdout) == (0, "done: 1, done earlier: 1, failed: 0\n"), done.stderr
    lines = [json.loads(line) for line in Path("out/manifest.jsonl").read_text().splitlines()[1:]]
    assert [(line["photo"], line["status"]) for line in lines] == [("a.png", "done"), ("b.png", "done")]


def test_with_no_server_one_is_started_and_protects_real_photos(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (archive / "a.png").write_bytes(file(pixels()))
    (archive / "2019" / "b.jpg").write_bytes(file(pixels(seed=1), "JPEG"))
    (archive / "2019" / "corrupt.jpg").write_bytes(file(pixels(seed=2), "JPEG")[:200])
    done = bulk()
    assert (done.returncode, done.stdout) == (1, "done: 2, done earlier: 0, failed: 1\n"), done.stderr
    assert {line["photo"]: line.get("reason") for line in manifest()} == {
        "a.png": None,
        "2019/b.jpg": None,
        "2019/corrupt.jpg": "TRUNCATED_IMAGE",
    }
    assert Path("out/a.png").read_bytes().startswith(b"\x89PNG")
    assert receipts.read(Path("out/2019/b.jpg.receipt")).model == "refiner"


@pytest.mark.parametrize("out", ["archive", "archive/out", "."])
def test_folders_that_lie_in_each_other_are_refused(
    archive: Path, out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (archive / "a.png").write_bytes(b"photo")
    assert main(["archive", "-o", out]) == 2
    assert "must not lie in each other" in capsys.readouterr().err


def test_a_file_in_the_folders_place_is_refused(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (archive / "a.png").write_bytes(b"photo")
    assert main(["archive/a.png", "-o", "out"]) == 2
    assert "archive/a.png is a file: give the folder" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["abc", "0", "-1", "1.5"])
def test_a_concurrency_that_is_no_number_is_refused(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["archive", "-o", "out", f"--concurrency={number}"])
    assert f"it is a whole number above 0, not '{number}'" in capsys.readouterr().err


def test_a_server_that_is_not_there_is_found_out_before_ray_starts(
    archive: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client.wait_until_reachable, "__defaults__", (0.1,))
    (archive / "a.png").write_bytes(b"photo")
    assert main(["archive", "-o", "out", "--endpoint", "unix:/nowhere.sock"]) == 1
    assert "[UNREACHABLE]" in capsys.readouterr().err
