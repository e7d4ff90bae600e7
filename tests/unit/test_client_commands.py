"""``srae protect``, ``restore`` and ``evaluate``: files, exit statuses, tables, JSON."""

import asyncio
import errno
import io
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from srae_client import batch, commands, files, main, receipts, show
from srae_client.errors import SraeClientError
from srae_client.ledger import Ledger
from srae_client.records import ProtectRecord

from tests.unit import client_fake
from tests.unit.client_fake import Fake

Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    monkeypatch.setattr(batch, "RETRY_SECONDS", (0.0, 0.0))
    folder = tmp_path / "in"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with client_fake.running(tmp_path) as fake:
        monkeypatch.setenv("SRAE_ENDPOINT", fake.address)
        yield fake


@pytest.fixture
def srae(fake: Fake, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command with --json: its exit status, and what it printed."""

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        status = main.main([*arguments, "--json"])
        return status, json.loads(capsys.readouterr().out)

    return run


def photos(*names: str, content: bytes = b"photo") -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)


def everything() -> set[str]:
    return {str(path) for path in Path().rglob("*") if path.is_file()}


def test_protect_writes_the_photo_and_its_receipt_beside_it(srae: Run) -> None:
    photos("cat.png")
    status, printed = srae("protect", "cat.png")
    assert status == 0
    assert Path("cat-edited.png").read_bytes() == client_fake.PREFIX + b"photo"
    assert receipts.read(Path("cat-edited.png.receipt")) == client_fake.receipt()
    assert everything() == {"cat.png", "cat-edited.png", "cat-edited.png.receipt"}
    assert printed == {
        "command": "protect",
        "done": 1,
        "failed": 0,
        "results": [
            {
                "ok": True,
                "input": "cat.png",
                "output": "cat-edited.png",
                "receipt": "cat-edited.png.receipt",
                "tier": "sealed",
                "mime_type": "image/png",
                "width": 4,
                "height": 3,
                "input_bytes": 5,
                "output_bytes": 15,
                "input_bits": 8,
                "protected_psnr_db": 42.5,
                "restored_psnr_db": None,
                "bit_exact": True,
                "is_protected": True,
                "views": [
                    {
                        "classifier": "lite0",
                        "original": {"label": "tabby", "confidence": 0.75},
                        "protected": {"label": "toaster", "confidence": 0.5},
                        "restored": None,
                        "is_protected": True,
                        "was_used_in_making": True,
                    }
                ],
                "entry": Ledger().entries()[0].id,
            }
        ],
    }


def test_protect_sends_the_tier_and_the_format(srae: Run, fake: Fake) -> None:
    photos("cat.png")
    srae("protect", "cat.png")
    srae("protect", "cat.png", "--tier", "one-pass", "--format", "webp")
    srae("protect", "cat.png", "-o", "x.jpg")
    assert [(sent.tier, sent.mime_type) for sent in fake.options] == [(2, ""), (1, "image/webp"), (2, "image/jpeg")]
    assert {"cat-edited.webp", "x.jpg", "x.jpg.receipt"} <= everything()


@pytest.mark.parametrize(
    ("option", "value", "field"), [("--psnr", 38.5, "protected_psnr_db"), ("--seconds", 5.0, "search_seconds")]
)
def test_protect_sends_what_is_asked_for_and_leaves_the_rest_unset(
    option: str, value: float, field: str, srae: Run, fake: Fake
) -> None:
    photos("cat.png")
    srae("protect", "cat.png", option, str(value))
    srae("protect", "cat.png", "-o", "other.png")
    assert [sent.HasField(field) for sent in fake.options] == [True, False]
    assert getattr(fake.options[0], field) == value


def test_a_bad_file_is_reported_and_the_others_are_done(srae: Run) -> None:
    photos("a.png", "c.png")
    photos("b.png", content=client_fake.BAD)
    status, printed = srae("protect", "a.png", "b.png", "c.png", "none.png")
    assert status == 1
    assert (printed["done"], printed["failed"]) == (2, 2)
    failed = {result["input"]: result for result in printed["results"] if not result["ok"]}
    assert failed["b.png"]["reason"] == "NOT_AN_IMAGE"
    assert failed["b.png"]["message"] == "This is no photo. Give a photo."
    assert failed["none.png"]["reason"] == "NOT_FOUND"
    assert {"a-edited.png", "c-edited.png"} <= everything()
    assert not any("b-edited" in name or ".part" in name for name in everything())


def test_folders_keep_their_structure(srae: Run) -> None:
    photos("album/a.png", "album/2024/b.png", "album/notes.txt")
    assert srae("protect", "album", "-o", "out")[0] == 0
    assert {name for name in everything() if name.startswith("out")} == {
        "out/a-edited.png",
        "out/a-edited.png.receipt",
        "out/2024/b-edited.png",
        "out/2024/b-edited.png.receipt",
    }


def test_what_a_folder_holds_and_is_not_done_is_told(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    photos("album/a.png", "album/b.gif", "album/c.gif", "album/d", "away/e.png")
    Path("album/more").symlink_to("../away")
    assert main.main(["protect", "album", "-o", "out"]) == 0
    assert (
        "left out: 3 files of other endings (2 .gif, 1 without an ending) and 1 linked subfolder."
        in capsys.readouterr().err
    )
    photos(*(f"album/{number}.{number}" for number in range(7)))
    Path("album/more").unlink()
    assert main.main(["restore", "album"]) == 1
    assert "10 files of other endings (2 .gif, 1 " in (told := capsys.readouterr().err)
    assert "others)." in told
    assert main.main(["protect", "out"]) == 0
    assert "left out" not in capsys.readouterr().err


def test_a_folder_without_photos_is_a_failure(srae: Run) -> None:
    Path("empty").mkdir()
    status, printed = srae("protect", "empty")
    assert (status, printed["results"][0]["reason"]) == (1, "NO_PHOTOS")


def test_protecting_again_overwrites_nothing(srae: Run) -> None:
    photos("cat.png")
    first = srae("protect", "cat.png")[1]["results"][0]
    second = srae("protect", "cat.png")[1]["results"][0]
    assert (first["output"], second["output"]) == ("cat-edited.png", "cat-edited-2.png")


@pytest.mark.parametrize("output", ["taken.png", "cat.png"])
def test_a_named_output_that_exists_fails_before_anything_is_sent(srae: Run, fake: Fake, output: str) -> None:
    photos("cat.png", "taken.png")
    status, printed = srae("protect", "cat.png", "-o", output)
    assert (status, printed["results"][0]["reason"]) == (1, "OUTPUT_EXISTS")
    assert Path(output).read_bytes() == b"photo"
    assert fake.options == []


def test_an_existing_receipt_is_not_overwritten(srae: Run) -> None:
    photos("cat.png", "mine.receipt")
    status, printed = srae("protect", "cat.png", "--receipt", "mine.receipt")
    assert (status, printed["results"][0]["reason"]) == (1, "OUTPUT_EXISTS")
    assert everything() == {"cat.png", "mine.receipt"}


def test_protect_then_restore_gives_the_original_back(srae: Run) -> None:
    photos("cat.png")
    srae("protect", "cat.png", "--receipt", "kept/cat.receipt")
    status, printed = srae("restore", "cat-edited.png", "--receipt", "kept/cat.receipt")
    result = printed["results"][0]
    assert (status, result["verified"], result["receipt"]) == (0, True, "kept/cat.receipt")
    assert Path("cat-edited-original.png").read_bytes() == b"photo"


def test_a_photo_is_not_restored_under_the_name_of_another_format(srae: Run) -> None:
    photos("cat.png")
    srae("protect", "cat.png")
    status, printed = srae("restore", "cat-edited.png", "-o", "cat-again.jpg")
    assert (status, printed["results"][0]["reason"]) == (1, "OTHER_FORMAT")
    assert ".png" in printed["results"][0]["message"]
    assert not Path("cat-again.jpg").exists()


def test_restore_finds_the_receipt_beside_the_photo(srae: Run, fake: Fake) -> None:
    photos("cat.png")
    srae("protect", "cat.png")
    assert srae("restore", "cat-edited.png")[1]["results"][0]["verified"] is True
    assert fake.options[-1].receipt == client_fake.receipt()


@pytest.mark.parametrize(
    ("content", "options", "reason", "says"),
    [
        (b"photo", (), "NOT_IN_LEDGER", "the ledger has none that fits"),
        (client_fake.CHANGED, (), "NOT_IN_LEDGER", "was changed since"),
        (b"photo", ("--no-ledger",), "NO_RECEIPT", "leave --no-ledger out"),
    ],
)
def test_restore_writes_nothing_that_nothing_vouches_for(
    content: bytes, options: tuple[str, ...], reason: str, says: str, srae: Run, fake: Fake
) -> None:
    photos("cat.png", content=content)
    status, printed = srae("restore", "cat.png", *options)
    assert (status, printed["results"][0]["reason"]) == (1, reason)
    assert says in printed["results"][0]["message"]
    assert not fake.options[-1].HasField("receipt")
    assert everything() == {"cat.png"}


def test_an_estimate_is_written_where_it_is_asked_for_and_says_what_it_is(
    srae: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    photos("cat.png")
    photos("carrying.png", content=client_fake.CARRYING)
    status, printed = srae("restore", "cat.png", "carrying.png", "--estimate")
    told = [(result["output"], result["verified"], result["is_estimate"]) for result in printed["results"]]
    assert told == [("cat-estimate.png", None, True), ("carrying-original.png", True, False)]
    assert status == 0
    main.main(["restore", "cat.png", "--estimate"])
    assert "an estimate, not the original" in capsys.readouterr().out


def test_a_photo_that_carries_its_code_is_verified_without_a_receipt(
    srae: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    photos("cat.png", content=client_fake.CARRYING)
    result = srae("restore", "cat.png")[1]["results"][0]
    assert (result["verified"], result["receipt"], result["is_estimate"]) == (True, None, False)
    main.main(["restore", "cat.png"])
    assert "verified bit-exact" in capsys.readouterr().out


def test_a_receipt_that_fits_a_copy_restores_nearly(srae: Run) -> None:
    photos("cat.png")
    srae("protect", "cat.png")
    Path("cat-edited.png").write_bytes(b"encoded again")
    result = srae("restore", "cat-edited.png")[1]["results"][0]
    assert (result["output"], result["verified"]) == ("cat-edited-original.png", False)


def test_in_a_folder_the_others_are_restored_and_those_left_are_told(
    fake: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    photos("album/never-protected.png")
    photos("album/cat.png", content=client_fake.CARRYING)
    assert main.main(["restore", "album", "-o", "out"]) == 1
    shown = capsys.readouterr()
    assert {name for name in everything() if name.startswith("out")} == {"out/cat-original.png"}
    assert "verified bit-exact" in shown.out
    assert "failed album/never-protected.png [NOT_IN_LEDGER]" in shown.err


def test_restore_refuses_a_broken_receipt_before_anything_is_sent(srae: Run, fake: Fake) -> None:
    photos("cat.png", "broken.receipt")
    status, printed = srae("restore", "cat.png", "--receipt", "broken.receipt")
    assert (status, printed["results"][0]["reason"]) == (1, "RECEIPT_UNREADABLE")
    assert fake.options == []


def test_another_receipt_may_do_where_the_one_beside_the_photo_is_broken(srae: Run) -> None:
    photos("cat.png")
    srae("protect", "cat.png")
    photos("cat-edited.png.receipt", content=b"broken")
    result = srae("restore", "cat-edited.png")[1]["results"][0]
    assert (result["verified"], result["receipt"]) == (True, None)
    assert result["entry"] is not None
    status, printed = srae("restore", "cat-edited.png", "--no-ledger")
    assert (status, printed["results"][0]["reason"]) == (1, "RECEIPT_UNREADABLE")
    photos("carrying.png", content=client_fake.CARRYING)
    photos("carrying.png.receipt", content=b"broken")
    result = srae("restore", "carrying.png", "--no-ledger")[1]["results"][0]
    assert (result["verified"], result["receipt"], result["entry"]) == (True, None, None)


def test_a_ledger_that_cannot_be_used_is_told_where_it_would_have_been_needed(
    srae: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRAE_LEDGER", str(tmp_path / "ledger.sqlite3"))
    Ledger().path.write_bytes(b"no ledger")
    photos("carrying.png", content=client_fake.CARRYING)
    photos("cat.png")
    assert srae("restore", "carrying.png")[1]["results"][0]["verified"]
    status, printed = srae("restore", "cat.png")
    assert (status, printed["results"][0]["reason"]) == (1, "LEDGER_UNUSABLE")
    assert "srae ledger import FILE" in printed["results"][0]["message"]


def test_a_receipts_name_that_was_taken_meanwhile_is_told(srae: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    photos("cat.png")
    seal = receipts.seal

    def slow(*arguments: Any) -> bytes:
        photos("cat.receipt", content=b"foreign")
        return seal(*arguments)

    monkeypatch.setattr(receipts, "seal", slow)
    status, printed = srae("protect", "cat.png", "--receipt", "cat.receipt")
    assert (status, printed["results"][0]["reason"]) == (1, "OUTPUT_EXISTS")
    assert everything() == {"cat.png", "cat.receipt"}
    assert Path("cat.receipt").read_bytes() == b"foreign"


def test_what_cannot_be_looked_into_is_told_and_the_others_are_done(srae: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    photos("album/cat.png", "album/closed/dog.png", "album/open/cow.png")
    Path("album/loop.png").symlink_to("loop.png")
    os.mkfifo("album/pipe.png")
    with Path("album/huge.png").open("wb") as huge:
        huge.truncate(files.MAX_BYTES + 1)
    scandir = os.scandir

    def closed(path: Any) -> Any:  # as for anybody but root
        if os.fspath(path).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    status, printed = srae("protect", "album", "x" * 300 + ".png", "-o", "out")
    reasons = {result["input"]: result.get("reason") for result in printed["results"]}
    assert status == 1
    assert reasons == {
        "album/cat.png": None,
        "album/open/cow.png": None,
        "album/closed": "CANNOT_ACCESS_FILE",
        "album/loop.png": "CANNOT_ACCESS_FILE",
        "album/huge.png": "FILE_TOO_LARGE",
        "x" * 300 + ".png": "CANNOT_ACCESS_FILE",
    }
    status, printed = srae("protect", "album/closed")
    assert [result["reason"] for result in printed["results"]] == ["CANNOT_ACCESS_FILE"]


def test_evaluate(srae: Run) -> None:
    photos("a.png")
    photos("b.png", content=b"other")
    status, printed = srae("evaluate", "a.png", "b.png")
    result = printed["results"][0]
    assert (status, result["is_protected"], result["bit_exact"], result["restored_psnr_db"]) == (0, True, True, None)
    status, printed = srae("evaluate", "a.png", "a.png")
    assert (status, printed["results"][0]["is_protected"]) == (0, False)


def test_pipes_are_refused(srae: Run, fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo("pipe")
    for name in ("pipe", "/dev/null", "/dev/stdin", "/dev/fd/0"):
        status, printed = srae("restore", name)
        assert (status, printed["results"][0]["reason"]) == (1, "NOT_A_FILE")
    for arguments in (("protect", "-"), ("protect", "a.png", "-o", "-"), ("restore", "a.png", "--receipt", "-")):
        with pytest.raises(SystemExit):
            main.main(arguments)
        assert "pipes are not supported: name a file" in capsys.readouterr().err
    assert fake.options == []
    photos("-")
    assert srae("protect", "./-")[0] == 0


@pytest.mark.parametrize("pair", [("album", "a.png"), ("a.png", "album")])
def test_evaluate_takes_two_files(fake: Fake, pair: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    photos("a.png", "album/b.png")
    assert main.main(["evaluate", *pair]) == 2
    assert "album is a folder: give two files" in capsys.readouterr().err


def test_evaluate_says_which_classifier_was_not_used_in_making(srae: Run, capsys: pytest.CaptureFixture[str]) -> None:
    photos("a.png")
    photos("b.png", content=client_fake.SEEN_THROUGH)
    result = srae("evaluate", "a.png", "b.png")[1]["results"][0]
    used = {view["classifier"]: (view["was_used_in_making"], view["is_protected"]) for view in result["views"]}
    assert (result["is_protected"], used) == (True, {"lite0": (True, True), "lite2": (False, False)})
    main.main(["evaluate", "a.png", "b.png"])
    told = capsys.readouterr().out
    assert "Without its receipt it was measured as one of the one-pass tier." in told
    Path("b.png.receipt").write_bytes(receipts.pack(client_fake.receipt()))
    main.main(["evaluate", "a.png", "b.png"])
    *lines, last = capsys.readouterr().out.strip().splitlines()
    assert last == "This photo is protected from the classifiers that were used in making, and not from lite2"
    rows = {line.split()[0]: line for line in lines if line.startswith("lite")}
    assert ("yes" in rows["lite0"], "no " in rows["lite2"], "NOT PROTECTED" in rows["lite2"]) == (True, True, True)
    photos("c.png", content=b"other")
    Path("c.png.receipt").write_bytes(receipts.pack(client_fake.receipt()))
    main.main(["evaluate", "a.png", "c.png"])
    assert capsys.readouterr().out.strip().endswith("This photo is protected")


def test_evaluate_says_which_file_is_bad_or_missing(srae: Run) -> None:
    photos("good.png")
    photos("bad.png", content=client_fake.BAD)
    for pair in (("bad.png", "good.png"), ("good.png", "bad.png")):
        status, printed = srae("evaluate", *pair)
        assert status == 1
        assert "bad.png: This is no photo" in printed["results"][0]["message"]
    status, printed = srae("evaluate", "none.png", "good.png")
    assert (status, printed["results"][0]["input"]) == (1, "none.png")


def test_a_busy_server_is_asked_again(srae: Run, fake: Fake) -> None:
    photos("cat.png", content=client_fake.BUSY_ONCE)
    assert srae("protect", "cat.png")[0] == 0
    assert len(fake.options) == 2


def test_many_files_with_one_receipt_make_no_sense(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    photos("a.png", "b.png")
    for command in ("protect", "restore"):
        assert main.main([command, "a.png", "b.png", "--receipt", "x"]) == 2
        assert "one photo" in capsys.readouterr().err
    assert everything() == {"a.png", "b.png"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("protect", "a.png", "--format", "png", "-o", "x.jpg"),
        ("restore", "a.png", "-o", "x.webp"),
        ("protect", "a.png", "b.png", "-o", "a.png"),
        ("protect", "a.png", "b.png", "-o", "both.png"),
        ("protect", "a.png", "-o", "x.gif"),
        ("protect", "a.png", "-o", "x.avif", "--format", "png"),
        ("protect", "a.png", "-o", "x.png", "--receipt", "x.png"),
        ("protect", "a.png", "-o", "x.png", "--receipt", "../in/x.png"),
    ],
)
def test_contradictions_are_usage_errors(
    fake: Fake, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    photos("a.png", "b.png")
    assert main.main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"srae {arguments[0]}: ")
    assert fake.options == []


@pytest.mark.parametrize("command", ["protect", "restore"])
def test_a_name_without_an_ending_is_no_photos_and_the_folder_is_shown(
    fake: Fake, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    photos("a.png")
    assert main.main([command, "a.png", "-o", "safe"]) == 2
    assert "safe/" in capsys.readouterr().err
    assert everything() == {"a.png"}


@pytest.mark.parametrize("arguments", [(), ("protect",), ("protect", "a.png", "--tier", "best"), ("paint", "a.png")])
def test_what_argparse_refuses_has_status_2(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main.main(arguments)
    assert caught.value.code == 2


def test_no_server_is_reported_for_each_photo_without_a_traceback(srae: Run, tmp_path: Path) -> None:
    photos("a.png")
    status, printed = srae("protect", "a.png", "--endpoint", f"unix:{tmp_path}/nobody")
    assert (status, printed["results"][0]["reason"]) == (1, "UNREACHABLE")


@pytest.mark.parametrize("arguments", [("--endpoint", "nonsense"), ("--ca", "/no/such/file")])
def test_what_stops_the_whole_command_is_said_once(
    srae: Run, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    photos("a.png")
    status, printed = srae("protect", "a.png", *arguments)
    assert status == 1
    assert set(printed) == {"command", "error"}
    assert main.main(["protect", "a.png", *arguments]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert printed["error"]["message"] in shown.err
    assert "Traceback" not in shown.err


def test_a_full_disk_is_a_failure_of_its_photo(srae: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    photos("a.png")
    monkeypatch.setattr(files.os, "fsync", full)
    status, printed = srae("protect", "a.png")
    assert (status, printed["results"][0]["reason"]) == (1, "CANNOT_ACCESS_FILE")
    assert "a-edited.png.receipt: No space left" in printed["results"][0]["message"]
    assert everything() == {"a.png"}


def test_a_folder_that_cannot_be_written_names_the_output(srae: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, *_: object) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    photos("a.png")
    monkeypatch.setattr(files.os, "open", refused)
    told = srae("protect", "a.png")[1]["results"][0]
    assert told["message"].startswith("a-edited.png.receipt: Permission denied.")


def test_a_name_too_long_for_what_is_written_is_told_so(srae: Run) -> None:
    name = "x" * 246 + ".png"
    photos(name)
    told = srae("protect", name)[1]["results"][0]
    assert "File name too long. Use a shorter name: -o FILE" in told["message"]
    assert everything() == {name}
    assert srae("protect", name, "-o", "short.png")[0] == 0


def test_on_a_disk_that_is_only_read_the_error_names_the_output(srae: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, *_: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    photos("a.png")
    monkeypatch.setattr(files.os, "open", refused)
    monkeypatch.setattr(Path, "unlink", refused)
    told = srae("protect", "a.png")[1]["results"][0]
    assert told["message"].startswith("a-edited.png.receipt: Read-only file system.")


@pytest.mark.parametrize("content", [b"text", b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_without_certificates_is_named(content: bytes, fake: Fake, capfd: pytest.CaptureFixture[str]) -> None:
    photos("a.png")
    Path("ca.pem").write_bytes(content)
    assert main.main(["protect", "a.png", "--ca", "ca.pem"]) == 1
    told = capfd.readouterr().err
    assert told == "srae protect: ca.pem holds no certificate. Give --ca a file of certificates (PEM). [INVALID_CA]\n"
    assert fake.options == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, asyncio.CancelledError])
def test_interrupted_is_status_130(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def interrupted(_: object) -> int:
        raise error

    monkeypatch.setattr(commands, "protect", interrupted)
    assert main.main(["protect", "a.png"]) == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.fixture
def hangups_heard() -> Iterator[None]:
    """Whoever runs the tests may have them ignored, as nohup does."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def stop_once_written(fake: Fake, path: str, number: signal.Signals) -> None:
    """Signals as soon as a photo was written and another one is under way."""
    fake.was_reached.wait(30)
    deadline = time.monotonic() + 30
    while not Path(path).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_was_finished_before_an_interruption_is_told(
    srae: Run, fake: Fake, number: signal.Signals, hangups_heard: None
) -> None:
    photos("a.png")
    photos("b.png", content=client_fake.HANGING)
    threading.Thread(target=stop_once_written, args=(fake, "a-edited.png", number)).start()
    status, printed = srae("protect", "a.png", "b.png", "none.png")
    assert status == 130
    assert [(result["input"], result["ok"]) for result in printed["results"]] == [("none.png", False), ("a.png", True)]
    assert printed["results"][1]["entry"] == Ledger().entries()[0].id
    assert everything() == {"a.png", "b.png", "a-edited.png", "a-edited.png.receipt"}


def test_after_an_interruption_it_says_what_to_run_again(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    photos("a.png")
    photos("b.png", content=client_fake.HANGING)
    threading.Thread(target=stop_once_written, args=(fake, "a-edited.png", signal.SIGINT)).start()
    assert main.main(["protect", "a.png", "b.png"]) == 130
    shown = capsys.readouterr()
    assert "a-edited.png" in shown.out
    assert "run it again with the photos that are not listed" in shown.err
    fake.was_reached.clear()
    fake.was_cancelled.clear()
    threading.Thread(target=stop_once_written, args=(fake, "b.png", signal.SIGINT)).start()
    assert main.main(["protect", "b.png"]) == 130
    assert "interrupted before any photo was done; run it again" in capsys.readouterr().err


def test_a_terminal_may_be_closed_where_that_is_to_be_ignored(srae: Run) -> None:
    photos("a.png")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        assert srae("protect", "a.png")[0] == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_table_says_what_was_done_and_marks_what_is_not_protected(
    fake: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    photos("good.png", "[red]odd[/].png")
    photos("same.png", content=client_fake.UNCHANGED)
    photos("bad.png", content=client_fake.BAD)
    assert main.main(["protect", "good.png", "[red]odd[/].png", "same.png", "bad.png"]) == 1
    shown = capsys.readouterr()
    assert "tabby 75% → toaster 50%" in shown.out
    assert "42.5 dB" in shown.out
    assert "bit-exact" in shown.out
    assert "[red]odd[/]-edited.png" in shown.out
    assert shown.out.count("NOT PROTECTED") == 2  # the photo's mark, and what it means
    assert "Keep the receipts, which are in the ledger too, and" in shown.out
    assert "--format png" not in shown.out
    main.main(["protect", "good.png", "--no-ledger"])
    assert "Keep the receipts and a copy of the key" in capsys.readouterr().out
    main.main(["protect", "good.png", "--format", "webp"])
    assert "--format png" in capsys.readouterr().out
    assert "bad.png [NOT_AN_IMAGE] This is no photo. Give a photo." in shown.err


@pytest.mark.parametrize(("mime_type", "is_said"), [("image/png", False), ("image/jpeg", False), ("image/webp", True)])
def test_a_one_pass_photo_that_restores_nearly_needs_its_receipt(mime_type: str, is_said: bool) -> None:
    names = ("cat", "cat-edited", "cat-edited.receipt", "one-pass", mime_type)
    record = ProtectRecord(*names, 4, 3, 100, 100, 8, 37.0, 46.0, bit_exact=not is_said, is_protected=True, views=[])
    console = Console(file=io.StringIO(), record=True, width=200)
    show.protected([record], console)
    assert ("only with its receipt" in console.export_text()) == is_said


def test_a_file_of_more_bits_than_come_back_is_to_be_kept(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    photos("good.png")
    photos("wide.tiff", content=client_fake.WIDE)
    main.main(["protect", "good.png"])
    assert "bits a channel" not in capsys.readouterr().out
    main.main(["protect", "wide.tiff"])
    assert "Your file has 16 bits a channel;" in capsys.readouterr().out
    main.main(["protect", "wide.tiff", "--json"])
    assert json.loads(capsys.readouterr().out)["results"][0]["input_bits"] == 16


def test_the_other_tables(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    photos("cat.png")
    main.main(["protect", "cat.png"])
    main.main(["restore", "cat-edited.png"])
    assert "verified bit-exact" in capsys.readouterr().out
    main.main(["evaluate", "cat.png", "cat-edited.png"])
    assert "This photo is protected" in capsys.readouterr().out
    main.main(["evaluate", "cat.png", "cat.png"])
    assert "This photo is NOT PROTECTED" in capsys.readouterr().out


def test_a_name_that_is_no_text_is_worked_on_and_shown(srae: Run, capsys: pytest.CaptureFixture[str]) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    photos(name)
    assert srae("protect", name)[0] == 0
    assert main.main(["protect", name]) == 0
    assert "caf\N{REPLACEMENT CHARACTER}-edited-2.png" in capsys.readouterr().out


async def test_retries_end() -> None:
    error = SraeClientError("OVERLOADED", "Busy.", retryable=True)
    tries = []

    async def job(_: files.Source) -> Any:
        tries.append(1)
        raise error

    batch_pause = batch.RETRY_SECONDS
    batch.RETRY_SECONDS = (0.0, 0.0)
    try:
        result = await batch.attempt(files.Source(Path("a")), job)
    finally:
        batch.RETRY_SECONDS = batch_pause
    assert (len(tries), result.input) == (3, "a")
