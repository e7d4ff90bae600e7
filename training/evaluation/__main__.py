"""Measures protection on photos, part by part and photo by photo; a run that is cut off goes on where it stopped.

Parts: strength (success rates, transfer, controls, looks, restoring), journeys (named platforms, Figure 7's
distortions), removals (filters), keyless (a restorer trained on public pairs), files (JPEGs that stay JPEGs), faces (a
face detector). Everything goes through the product's codec and pipeline and is measured as stored in 8 bits. Each part
of each setting leaves a JSON under training/results/photo/.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track

from services.imaging.pipeline import MOST_ROUNDS, STRENGTHS_DB
from services.imaging.receipt import Tier
from training import command
from training.data.photos import data_root
from training.evaluation import faces, files, journeys, keyless, removals, strength
from training.evaluation.eyes import IMAGENET, Eyes
from training.evaluation.lines import Lines, Row, summary
from training.evaluation.protections import Protections, Setting
from training.evaluation.subjects import CONFIDENCE, SIZES, SUBJECTS, Subject
from training.provenance import provenance

RESULTS = Path("training/results/photo")
PARTS = ("strength", "journeys", "removals", "keyless")
#: Wants photos that came as JPEGs, which those of other sizes did not.
FILES = "files"
#: Wants photos of its own and a package of its own, so it is run only where it is asked for.
FACES = "faces"
#: Which photos, in words.
_WHOSE = {
    "imagenet-sample": "imagenet-sample, {count} photos of odd index at size {size} that Lite0 labels correctly "
    f"with confidence > {CONFIDENCE}",
    "caltech101": "Caltech-101, {count} photos of its test tenth at size {size} that Lite0, with a head for its "
    f"classes, labels correctly with confidence > {CONFIDENCE}",
    FACES: "Caltech-101, {count} photos of the class Faces in its test tenth",
}
Measure = Callable[[Subject], dict[str, Row]]


def measures(
    part: str, subjects: list[Subject], protections: Protections, eyes: Eyes, arguments: argparse.Namespace
) -> Measure:
    """The function that measures a part on one photo."""
    if part == "strength":
        # The photo before is the control; the first one's is the second.
        others = {subject.name: subjects[index - 1 if index else 1] for index, subject in enumerate(subjects)}
        return lambda subject: strength.measure(subject, others[subject.name], protections, eyes)
    if part == "keyless":
        root = data_root(arguments.data)
        restorer = keyless.KeylessRestorer(protections, root, arguments.pairs, arguments.pair_minutes)
        return partial(keyless.measure, restorer=restorer, protections=protections, eyes=eyes)
    if part == FACES:
        return partial(faces.measure, protections=protections, detector=faces.FaceDetector())
    module = {"journeys": journeys, "removals": removals, FILES: files}[part]
    return partial(module.measure, protections=protections, eyes=eyes)


def run(part: str, setting: Setting, subjects: list[Subject], eyes: Eyes, arguments: argparse.Namespace) -> Path:
    """Measures a part in a setting on the photos that have not been yet, and writes the figures of all."""
    begun = time.monotonic()
    protections = Protections(setting, arguments.repository)
    suffix = f"-{arguments.pairs}-{arguments.pair_minutes:g}" if part == "keyless" else ""
    lines = Lines(protections.folder / f"{part}{suffix}.jsonl")
    # Networks that came later have to look at photos that others looked at already.
    wanted = set(eyes.names) if part == "strength" else set()
    missing = [s for s in subjects if s.name not in lines.kept or not wanted <= lines.kept[s.name].keys()]
    if missing:
        measure = measures(part, subjects, protections, eyes, arguments)
        for subject in track(missing, description=f"{setting.name} {part}"):
            lines.add(subject.name, measure(subject))
    minutes = (time.monotonic() - begun) / 60
    data = _WHOSE[FACES if part == FACES else setting.dataset].format(count=len(subjects), size=setting.size)
    if part == "keyless":
        data += f"; pairs from the training photos of Caltech-101, {arguments.pair_minutes:g} minutes of training"
    report = {
        "part": part,
        "tier": setting.tier.value,
        "strength_db": setting.strength_db,
        "size": setting.size,
        "dataset": setting.dataset,
        "rounds": setting.rounds,
        "rows": summary({subject.name: lines.kept[subject.name] for subject in subjects}),
        "provenance": provenance(0, minutes, data),
    }
    path = arguments.out / f"{setting.name}-{part}{suffix}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")
    return path


def settings(arguments: argparse.Namespace) -> Iterator[Setting]:
    for size, tier in itertools.product(arguments.size or ("native",), arguments.tier or ("sealed", "one-pass")):
        for db in arguments.db or (STRENGTHS_DB[Tier(tier)],):
            yield Setting(Tier(tier), db, size, arguments.dataset, arguments.rounds if tier == "sealed" else 1)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="data folder (default: SRAE_DATA, else ./data)")
    parser.add_argument("--repository", type=Path, default=Path("triton_models"), help="model repository to measure")
    parser.add_argument(
        "--part", action="append", choices=(*PARTS, FILES, FACES), help="repeatable (default: all but the last two)"
    )
    parser.add_argument("--tier", action="append", choices=[t.value for t in Tier], help="repeatable (default: both)")
    parser.add_argument("--db", action="append", type=float, help="strength; repeatable (default: the tier's own)")
    parser.add_argument("--size", action="append", choices=list(SIZES), help="repeatable (default: native)")
    parser.add_argument("--dataset", choices=list(SUBJECTS), default=IMAGENET, help="photos (default: imagenet-sample)")
    parser.add_argument(
        "--rounds",
        type=int,
        default=1,
        choices=range(1, MOST_ROUNDS + 1),
        help="of the sealed tier's search (default: 1)",
    )
    parser.add_argument("--limit", type=int, default=200, help="at most this many photos (default: 200)")
    parser.add_argument("--pairs", type=int, default=1000, help="public pairs of the keyless restorer (default: 1000)")
    parser.add_argument("--pair-minutes", type=float, default=10.0, help="its training time (default: 10)")
    parser.add_argument("--threads", type=int, default=0, help="processor threads (default: torch's choice)")
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    if arguments.limit < 2:
        raise SystemExit("--limit must be 2 or more: a control takes another photo's code.")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    eyes = Eyes(arguments.dataset)
    for setting in settings(arguments):
        root, parts = data_root(arguments.data), arguments.part or PARTS
        found = SUBJECTS[setting.dataset](root, eyes, setting.size) if set(parts) != {FACES} else iter(())
        subjects = list(itertools.islice(found, arguments.limit))
        for part in parts:
            chosen = list(itertools.islice(faces.face_subjects(root), arguments.limit)) if part == FACES else subjects
            Console().print(f"written to {run(part, setting, chosen, eyes, arguments)}")


if __name__ == "__main__":
    command.run(main)
