"""Names, folders, and files that are whole or absent."""

import errno
import os
import stat
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from srae_client import files
from srae_client.errors import SraeClientError, UsageError
from srae_client.files import Destination, Source


def names(destination: Destination, source: Source, mime_type: str = "image/png") -> list[str]:
    return [str(name) for name in islice(destination.names(source, "-edited", mime_type), 3)]


@pytest.mark.parametrize(
    ("photo", "mime_type", "expected"),
    [
        ("a/cat.png", "image/png", "a/cat-edited.png"),
        ("a/CAT.JPG", "image/jpeg", "a/CAT-edited.JPG"),
        ("cat.jpeg", "image/jpeg", "cat-edited.jpeg"),
        ("cat.jpg", "image/png", "cat-edited.png"),
        ("cat.heic", "image/jpeg", "cat-edited.jpg"),
        ("my.cat.png", "image/webp", "my.cat-edited.webp"),
        ("cat", "image/tiff", "cat-edited.tif"),
        ("cat", "image/new", "cat-edited.new"),
    ],
)
def test_the_ending_follows_the_type(photo: str, mime_type: str, expected: str) -> None:
    assert names(Destination(), Source(Path(photo)), mime_type)[0] == expected


def test_names_do_not_betray_the_tool() -> None:
    assert "srae" not in "".join(names(Destination(), Source(Path("cat.png"))))


def test_taken_names_get_numbers() -> None:
    assert names(Destination(), Source(Path("cat.png"))) == ["cat-edited.png", "cat-edited-2.png", "cat-edited-3.png"]


def test_a_folder_keeps_the_structure() -> None:
    assert names(Destination(folder=Path("out")), Source(Path("in/a/cat.png"), Path("a")))[0] == "out/a/cat-edited.png"


def test_a_named_file_is_the_only_choice() -> None:
    assert names(Destination(file=Path("x.png")), Source(Path("cat.png"))) == ["x.png"]


def test_what_output_means(tmp_path: Path) -> None:
    one, many = [Path("a.png")], [Path("a.png"), Path("b.png")]
    assert files.destination(None, many, 2) == Destination()
    assert files.destination("x.png", one, 1) == Destination(file=Path("x.png"))
    assert files.destination("new/", one, 1) == Destination(folder=Path("new"))
    assert files.destination(str(tmp_path), one, 1) == Destination(folder=tmp_path)
    assert files.destination("new", many, 2) == Destination(folder=Path("new"))
    assert files.destination("new", [tmp_path], 1) == Destination(folder=Path("new"))
    (tmp_path / "file").touch()
    with pytest.raises(UsageError):
        files.destination(str(tmp_path / "file"), many, 2)
    with pytest.raises(UsageError, match=r"both\.jpg is one photo's name"):
        files.destination(str(tmp_path / "both.jpg"), many, 2)
    assert files.destination(f"{tmp_path}/both.jpg/", many, 2) == Destination(folder=tmp_path / "both.jpg")
    (tmp_path / "both.jpg").mkdir()
    assert files.destination(str(tmp_path / "both.jpg"), many, 2) == Destination(folder=tmp_path / "both.jpg")


def test_gather_finds_photos_in_folders_once_and_leaves_the_rest(tmp_path: Path) -> None:
    wanted = ["a.JPG", "b.jfif", "deep/c.png", "deep/er/b.heif"]
    for name in [*wanted, "notes.txt", ".hidden.png", ".git/d.png", "a.JPG.receipt"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = files.gather([tmp_path, tmp_path / "a.JPG"])
    assert sorted(str(source.path.relative_to(tmp_path)) for source in found.photos) == wanted
    assert {str(source.folder) for source in found.photos} == {".", "deep", "deep/er"}
    assert found.problems == []


def test_gather_counts_what_it_leaves_out(tmp_path: Path) -> None:
    for name in ("in/a.png", "in/b.gif", "in/deep/c.GIF", "in/README", "in/a.png.receipt", "in/.d.gif", "away/e.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "away")
    found = files.gather([tmp_path / "in"])
    assert [source.path.name for source in found.photos] == ["a.png"]
    assert (found.left_out, found.links) == ({".gif": 2, "": 1}, 1)


def test_gather_takes_a_named_file_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "photo.dat").touch()
    assert files.gather([tmp_path / "photo.dat"]).photos == [Source(tmp_path / "photo.dat")]


def test_gather_reports_what_leads_to_no_photo(tmp_path: Path) -> None:
    found = files.gather([tmp_path, tmp_path / "none.png"])
    assert found.photos == []
    assert [error.reason for _, error in found.problems] == ["NO_PHOTOS", "NOT_FOUND"]


def pair(folder: Path) -> list[tuple[Path, Path]]:
    return [(folder / f"cat{n}.receipt", folder / f"cat{n}.png") for n in ("", "-2", "-3")]


def save(folder: Path) -> list[Path]:
    return list(files.save(pair(folder), (b"receipt", b"photo"), private=(True, False)))


def test_save_writes_both_and_nothing_else(tmp_path: Path) -> None:
    receipt, photo = save(tmp_path / "new" / "folder")
    assert (receipt.read_bytes(), photo.read_bytes()) == (b"receipt", b"photo")
    assert sorted(photo.parent.iterdir()) == sorted((receipt, photo))


def test_the_receipt_is_there_before_the_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    placed: list[str] = []
    link = os.link
    monkeypatch.setattr(files.os, "link", lambda old, new: placed.append(new.name) or link(old, new))
    save(tmp_path)
    assert placed == ["cat.receipt", "cat.png"]


def test_receipts_are_private_and_photos_are_as_usual(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        modes = [stat.S_IMODE(path.stat().st_mode) for path in save(tmp_path)]
    finally:
        os.umask(before)
    assert modes == [0o600, 0o644]


@pytest.mark.parametrize("taken", ["cat.png", "cat.receipt"])
def test_save_passes_over_a_pair_of_which_one_is_taken(taken: str, tmp_path: Path) -> None:
    (tmp_path / taken).write_bytes(b"mine")
    assert save(tmp_path)[1].name == "cat-2.png"
    assert (tmp_path / taken).read_bytes() == b"mine"
    assert len(list(tmp_path.iterdir())) == 3


def test_a_name_taken_in_the_last_moment_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cat.png").write_bytes(b"mine")
    monkeypatch.setattr(files.os.path, "lexists", lambda _: False)
    assert save(tmp_path)[1].name == "cat-2.png"
    assert (tmp_path / "cat.png").read_bytes() == b"mine"
    assert not (tmp_path / "cat.receipt").exists()


def test_a_dangling_link_counts_as_taken(tmp_path: Path) -> None:
    (tmp_path / "cat.png").symlink_to(tmp_path / "elsewhere")
    assert save(tmp_path)[1].name == "cat-2.png"
    assert not (tmp_path / "elsewhere").exists()


def test_when_no_choice_is_free_it_says_which_name_is_taken(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"mine")
    with pytest.raises(SraeClientError, match=r"cat\.png exists and is never overwritten") as caught:
        files.save(pair(tmp_path)[:1], (b"receipt", b"photo"), private=(True, False))
    assert caught.value.reason == "OUTPUT_EXISTS"
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"mine"]


def _fails_at(times: int, real: Callable[..., None], error: BaseException) -> Callable[..., None]:
    calls = iter(range(1000))

    def failing(*arguments: object) -> None:
        if next(calls) == times:
            raise error
        real(*arguments)

    return failing


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()], ids=["full disk", "Ctrl-C"])
@pytest.mark.parametrize("call", [0, 1, 2, 3])
@pytest.mark.parametrize("function", ["fsync", "link"])
def test_whatever_fails_nothing_remains(
    function: str, call: int, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Links are made twice; files and folders synced four times. A full disk keeps folders from nothing."""
    monkeypatch.setattr(files.os, function, _fails_at(call, getattr(os, function), error))
    if function == "link" and error is FULL:  # taken for a disk without links, where the other way is also shut
        monkeypatch.setattr(Path, "replace", _fails_at(0, Path.replace, FULL))
    happens = (function == "link" and call < 2) or (function == "fsync" and (call < 2 or error is not FULL))
    if happens:
        with pytest.raises(type(error)):
            save(tmp_path)
        assert list(tmp_path.iterdir()) == []
    else:
        save(tmp_path)
        assert len(list(tmp_path.iterdir())) == 2


def test_a_disk_without_links_is_served_too_and_overwrites_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(files.os, "link", no_links)
    monkeypatch.setattr(files.os.path, "lexists", lambda _: False)
    (tmp_path / "cat.png").write_bytes(b"mine")
    receipt, photo = save(tmp_path)
    assert (receipt.read_bytes(), photo.read_bytes(), photo.name) == (b"receipt", b"photo", "cat-2.png")
    assert (tmp_path / "cat.png").read_bytes() == b"mine"
    assert len(list(tmp_path.iterdir())) == 3
