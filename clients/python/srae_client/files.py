"""Which files are photos, what outputs are called, and how they are written: whole or not at all, over nothing."""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from srae_client.errors import LocalReason, SraeClientError, UsageError, file_error

#: Endings by which photos are found in folders, and their media types. A file named by itself may be called anything.
PHOTO_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jpe": "image/jpeg",
    ".jfif": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".bmp": "image/bmp",
    ".heic": "image/heic",
    ".heif": "image/heif",
}
#: What lies beside photos and is nothing that anybody misses among them.
_COMPANIONS = (".receipt",)
#: Beyond this no file is read: it is far above what a server takes, and below what fills a memory.
MAX_BYTES = 1 << 30
PRIVATE = 0o600
_USUAL = 0o666  # less what the user's umask takes away


@dataclass(frozen=True)
class Source:
    """A photo to work on. ``folder``: where it lies in the folder that was named; empty when it was named itself."""

    path: Path
    folder: Path = Path()


@dataclass
class Gathered:
    """What some names stand for.

    Attributes:
        photos: each once.
        problems: the names that lead to none, and the folders that may not be looked into.
        left_out: endings of files in folders that are no photos by their endings, and how many have each.
        links: subfolders that are links, which are not followed: they may lead round in a circle.
    """

    photos: list[Source] = field(default_factory=list)
    problems: list[tuple[Path, SraeClientError]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    links: int = 0


@dataclass(frozen=True)
class Destination:
    """Where outputs go: one file, a folder, or (neither) beside each input."""

    file: Path | None = None
    folder: Path | None = None

    def names(self, source: Source, ending: str, mime_type: str) -> Iterator[Path]:
        """Names to try for a photo's output, best first: ``cat-edited.png``, ``cat-edited-2.png``, ..."""
        if self.file is not None:
            yield self.file
            return
        folder = source.path.parent if self.folder is None else self.folder / source.folder
        stem, extension = source.path.stem + ending, _extension(source.path, mime_type)
        yield folder / (stem + extension)
        for number in count(2):
            yield folder / f"{stem}-{number}{extension}"


def _extension(source: Path, mime_type: str) -> str:
    """The input's own ending where it fits the type, so that a .JPG stays a .JPG."""
    if PHOTO_TYPES.get(source.suffix.lower()) == mime_type:
        return source.suffix
    return ending_of(mime_type)


def ending_of(mime_type: str) -> str:
    """The usual ending of a photo's file of this type."""
    known = (ending for ending, type_ in PHOTO_TYPES.items() if type_ == mime_type)
    return next(known, "." + mime_type.rpartition("/")[2])


def gather(paths: Sequence[Path]) -> Gathered:
    """The photos that were named or lie in the folders that were named."""
    gathered = Gathered()
    for path in paths:
        try:
            _add(path, gathered)
        except SraeClientError as problem:
            gathered.problems.append((path, problem))
        except OSError as error:
            gathered.problems.append((path, file_error(error)))
    found: dict[str, Source] = {}
    for source in gathered.photos:
        found.setdefault(os.path.realpath(source.path), source)
    gathered.photos = list(found.values())
    return gathered


def _add(path: Path, gathered: Gathered) -> None:
    """Adds what a name stands for.

    Raises:
        SraeClientError: there are no photos.
        OSError: nobody may look.
    """
    if not path.is_dir():
        if not path.exists():
            raise not_found(path)
        if _is_pipe(path):
            raise SraeClientError(
                LocalReason.NOT_A_FILE,
                f"{path} is no file: pipes and devices are not supported. Save the photo as a file, and name that.",
            )
        gathered.photos.append(Source(path))
        return
    before = len(gathered.photos), len(gathered.problems)
    _add_folder(path, gathered)
    if before == (len(gathered.photos), len(gathered.problems)):
        endings = " ".join(PHOTO_TYPES)
        raise SraeClientError(
            LocalReason.NO_PHOTOS, f"There are no photos in {path}. Photos in a folder end in one of {endings}."
        )


def not_found(path: Path) -> SraeClientError:
    """What to say of a name that leads to no file."""
    return SraeClientError(LocalReason.NOT_FOUND, f"There is no file {path}. Check its name.")


def read(source: Source) -> bytes:
    """A photo's file.

    Raises:
        SraeClientError: it is far larger than any photo.
        OSError: it cannot be read.
    """
    size = source.path.stat().st_size
    if size > MAX_BYTES:
        raise SraeClientError(
            LocalReason.FILE_TOO_LARGE,
            f"The file has {size:,} bytes. No photo that can be worked on has more than {MAX_BYTES:,}.",
        )
    return source.path.read_bytes()


def _add_folder(folder: Path, gathered: Gathered) -> None:
    """Adds all photos in a folder and its subfolders.

    Hidden ones are left alone: thumbnails, other programs' work files. So is what is no file: a pipe would be waited
    for, and nobody writes to it.
    """

    def closed(error: OSError) -> None:
        gathered.problems.append((Path(error.filename), file_error(error)))

    for root, folders, names in os.walk(folder, onerror=closed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        gathered.links += sum(Path(root, name).is_symlink() for name in folders)
        inside = Path(root).relative_to(folder)
        for name in sorted(names):
            ending = Path(name).suffix.lower()
            if name.startswith(".") or ending in _COMPANIONS:
                continue
            if ending not in PHOTO_TYPES:
                gathered.left_out[ending] += 1
            elif _is_read(Path(root, name)):
                gathered.photos.append(Source(Path(root, name), inside))


def _is_pipe(path: Path) -> bool:
    """Whether nothing can be read there but once; what the shell leads to a program's input counts, file or not."""
    return not path.is_file() or path == Path("/dev/stdin") or path.parent == Path("/dev/fd")


def _is_read(path: Path) -> bool:
    """Whether a file is one to read; one that leads nowhere is, so that it is told."""
    return path.is_file() or not path.exists()


def destination(output: str | None, inputs: Sequence[Path], photos: int) -> Destination:
    """What ``-o OUT`` means for these inputs, which hold this many photos.

    Raises:
        UsageError: several photos cannot all become one file.
    """
    if output is None:
        return Destination()
    path = Path(output)
    is_folder = path.is_dir() or output.endswith(os.sep)
    is_many = photos > 1 or len(inputs) > 1 or any(given.is_dir() for given in inputs)
    if is_many and path.exists() and not path.is_dir():
        raise UsageError(f"{output} is a file, and several photos need a folder: give -o a folder's name")
    if is_many and not is_folder and path.suffix.lower() in PHOTO_TYPES:
        raise UsageError(
            f"{output} is one photo's name, and several need a folder: give -o a folder's name (one that is called "
            f"so is {output}{os.sep})"
        )
    return Destination(folder=path) if is_folder or is_many else Destination(file=path)


def save(choices: Iterable[Sequence[Path]], contents: Sequence[bytes], private: Sequence[bool]) -> Sequence[Path]:
    """Writes files that belong together: all of them or, whatever fails, none; never over an existing one.

    Args:
        choices: names to try, one for each content; the first whose names are all free is taken.
        contents: placed in this order, each complete and on the disk before its name appears.
        private: whether only the user may read the file.

    Returns:
        the names that were taken.

    Raises:
        SraeClientError: no choice was free.
    """
    taken, before = Path(), frozenset[Path]()
    for names in choices:
        if taken in before.intersection(names):
            break  # a name that was given, and not one of many: it stays taken
        before = frozenset(names)
        for folder in {name.parent for name in names}:
            folder.mkdir(parents=True, exist_ok=True)
        existing = [name for name in names if os.path.lexists(name)]
        if existing:
            taken = existing[-1]
            continue
        try:
            _write(names, contents, private)
        except FileExistsError:  # somebody took a name since we looked
            taken = names[-1]
            continue
        return names
    raise exists_error(taken)


def _write(names: Sequence[Path], contents: Sequence[bytes], private: Sequence[bool]) -> None:
    with ExitStack() as stack:
        written = [
            stack.enter_context(staged(name, content, PRIVATE if secret else _USUAL))
            for name, content, secret in zip(names, contents, private, strict=True)
        ]
        _place(written, names)


def exists_error(path: Path) -> SraeClientError:
    """What to say when an output would replace a file."""
    return SraeClientError(LocalReason.OUTPUT_EXISTS, f"{path} exists and is never overwritten. Give another name.")


@contextmanager
def staged(name: Path, content: bytes, mode: int) -> Iterator[Path]:
    """What will be the file of this name, complete, under a hidden name of no meaning beside it; gone afterwards.

    Raises:
        OSError: it cannot be written; the error names the file that was wanted.
    """
    path = name.with_name(f".{secrets.token_hex(8)}.part")
    try:
        try:
            _write_through(path, content, mode)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(name)) from error
        yield path
    finally:
        with suppress(OSError):  # which would hide the error that names the file, or undo what was placed
            path.unlink()


def _write_through(path: Path, content: bytes, mode: int) -> None:
    """Writes a new file, which is on the disk afterwards."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _place(staged: Sequence[Path], names: Sequence[Path]) -> None:
    placed: list[Path] = []
    try:
        for temporary, name in zip(staged, names, strict=True):
            _link(temporary, name)
            placed.append(name)
            _sync_folder(name.parent)
    except BaseException:  # Ctrl-C too: a receipt without its photo would be of no use
        for name in placed:
            name.unlink(missing_ok=True)
        raise


def _link(temporary: Path, name: Path) -> None:
    """Gives a file its name unless something has that name, which renaming would replace."""
    try:
        os.link(temporary, name)
    except FileExistsError:
        raise
    except OSError:
        # Memory cards and some network drives know no links: take the name first, then put the file there.
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        try:
            temporary.replace(name)
        except BaseException:
            name.unlink(missing_ok=True)
            raise


def _sync_folder(folder: Path) -> None:
    """Has the disk remember the names too, where the file system can be asked to."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
