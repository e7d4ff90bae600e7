"""The command line: what can be said, and its help."""

from __future__ import annotations

import argparse
import importlib.metadata

from srae_client import given_paths, keeping_arguments

#: Media types by the names that --format knows; the empty one is the type that came in.
FORMATS = {
    "same": "",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "tiff": "image/tiff",
    "bmp": "image/bmp",
    "heic": "image/heic",
}

_OVERVIEW = """\
examples:
  srae protect holiday.jpg              writes holiday-edited.jpg and holiday-edited.jpg.receipt
  srae restore holiday-edited.jpg       writes holiday-edited-original.jpg, with the receipt beside the photo
  srae evaluate holiday.jpg holiday-edited.jpg
  srae protect photos/ -o safe/         a whole folder

Without --endpoint, the server on this computer is used (srae serve); where none runs, one is started for the call.

exit status: 0 all was done, 1 something failed, 2 the command makes no sense, 130 it was interrupted (what was done
until then is listed).
"""
_PROTECT = """\
examples:
  srae protect cat.png                          writes cat-edited.png and its receipt beside it
  srae protect cat.heic --format png            a lossless file restores bit for bit
  srae protect *.png -o safe/ --tier one-pass   many files, which restore without their receipts
  srae protect photos/ -o safe/ --json          folders keep their structure
  srae protect cat.png --to srae-key-1-...      a friend may restore it too
  srae protect cat.png --seconds 10             search longer, for what holds for more crops

Receipts are sealed for your key and noted in the ledger. In the sealed tier, nobody restores the photo without its
receipt and a key that opens it, not even you: keep a copy of the key (srae keys export FILE).
A photo that is already protected is protected again like any other, so point at originals.
"""
_RESTORE = """\
examples:
  srae restore cat-edited.png                         finds cat-edited.png.receipt
  srae restore downloaded.jpg                         a platform's copy, known by its look to the ledger
  srae restore downloaded.jpg --receipt cat.receipt
  srae restore safe/ -o originals/

A restored photo is the JPEG that it was, or a PNG file, which loses nothing. Of a photo for which no receipt fits, and
which does not restore from itself, nothing is written.
"""
_EVALUATE = """\
examples:
  srae evaluate cat.png cat-edited.png
  srae evaluate cat.png cat-edited.png --receipt cat.receipt --json
"""
_OUT_HELP = (
    "file (for one photo; its ending tells the format) or folder to write to; folders end in / or exist. Default: "
    "beside each input, as NAME-{ending}. Nothing is ever overwritten: taken names get -2, -3, ..."
)


class _Version(argparse.Action):
    """Looks the version up only when it is asked for, since that takes a while."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        try:
            version = importlib.metadata.version("srae")
        except importlib.metadata.PackageNotFoundError:
            version = "(run from its source, not installed)"
        print(f"srae {version}")
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command ``srae``."""
    parser = argparse.ArgumentParser(
        prog="srae",
        description="Protects photos so that classifiers misread them and people see hardly any difference; restores "
        "them.",
        epilog=_OVERVIEW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_protect(_command(commands, "protect", "make protected photos, and a receipt for each", _PROTECT))
    _add_restore(_command(commands, "restore", "give the originals back from protected photos", _RESTORE))
    _add_evaluate(_command(commands, "evaluate", "show what classifiers see before and after", _EVALUATE))
    keeping_arguments.add(commands)
    # Only for its line of help: main passes everything behind `serve` on before anything is parsed.
    commands.add_parser("serve", add_help=False, help="run the server; srae serve --help lists its own options")
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, what: str, examples: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=what,
        description=what[0].upper() + what[1:] + ".",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--endpoint",
        metavar="HOST:PORT",
        help="server to use, also unix:/path/to/socket, or dns:///HOST:PORT for all that HOST resolves to; other "
        "computers are called with TLS (also: SRAE_ENDPOINT)",
    )
    parser.add_argument(
        "--ca",
        type=given_paths.path,
        metavar="FILE",
        help="certificates (PEM) to trust in place of the system's, for TLS",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    return parser


def _add_protect(parser: argparse.ArgumentParser) -> None:
    _add_photos(parser, "photos, or folders of photos, to protect", "edited")
    parser.add_argument(
        "--tier",
        choices=("sealed", "one-pass"),
        default="sealed",
        help="sealed: stronger, restored only with the receipt; one-pass: faster; restored from the file alone, by "
        "anybody who has this software, as long as no site has rewritten it (default: sealed)",
    )
    parser.add_argument(
        "--psnr",
        type=float,
        metavar="DB",
        help="how near the protected photo stays to the original, from 34 (misleads most, and shows on skies) to 48 "
        "(hardly ever seen, and misleads least) (default: the server's: sealed 42, one-pass 37)",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        metavar="S",
        help="how long to search for a code that holds for more crops, for each photo, at most 60; the sealed "
        "tier's alone (default: one round, about a second on two cores; four are the most)",
    )
    parser.add_argument(
        "--format",
        choices=tuple(FORMATS),
        default="same",
        help="format to write; a lossless one restores bit for bit: png, tiff, bmp, and webp of a lossless photo; so "
        "does a JPEG that stays one, with few exceptions (default: same as the input)",
    )
    parser.add_argument(
        "--receipt",
        type=given_paths.path,
        metavar="FILE",
        help="where to write the receipt, for one photo (default: beside it)",
    )
    parser.add_argument(
        "--to",
        action="append",
        default=[],
        metavar="KEY",
        help="the public key of a friend who may restore the photos too (srae keys show prints one); repeat for more",
    )
    parser.add_argument(
        "--no-ledger",
        action="store_true",
        help="do not note the photos in the ledger: the receipts are then all there is",
    )


def _add_restore(parser: argparse.ArgumentParser) -> None:
    _add_photos(parser, "protected photos, or folders of them, to restore", "original")
    parser.add_argument(
        "--receipt",
        type=given_paths.path,
        metavar="FILE",
        help="the receipt, for one photo (default: PHOTO.receipt, if it exists, else the ledger's)",
    )
    parser.add_argument("--no-ledger", action="store_true", help="do not look for receipts in the ledger")
    parser.add_argument(
        "--estimate",
        action="store_true",
        help="where there is no receipt that fits and the photo does not restore from itself, write a guess as "
        "NAME-estimate.png, which is not the original (default: write nothing)",
    )


def _add_photos(parser: argparse.ArgumentParser, what: str, ending: str) -> None:
    parser.add_argument(
        "photos",
        nargs="+",
        type=given_paths.path,
        metavar="PHOTO",
        help=what + "; of folders, hidden files and links to folders are left out",
    )
    parser.add_argument("-o", "--output", type=given_paths.name, metavar="OUT", help=_OUT_HELP.format(ending=ending))


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("original", type=given_paths.path, metavar="ORIGINAL", help="the photo as it was")
    parser.add_argument("protected", type=given_paths.path, metavar="PROTECTED", help="the protected photo")
    parser.add_argument(
        "--receipt",
        type=given_paths.path,
        metavar="FILE",
        help="its receipt (default: PROTECTED.receipt, if it exists)",
    )
