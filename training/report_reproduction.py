"""Renders docs/reproduction.md from the JSONs under training/results and the paper's numbers; measures nothing."""

from __future__ import annotations

import json
from pathlib import Path

from training.experiments.experiment import Experiment, Row
from training.experiments.tables import EXPERIMENTS
from training.reproduce import RESULTS

PAPER = Path(__file__).resolve().parent / "experiments" / "paper.json"
PAGE = Path("docs/reproduction.md")

#: Which metrics stand in which experiment's table, with their heads.
TABLES: dict[str, dict[str, str]] = {
    "table1": {"generator_adv_loss": "L_G_adv", "generator_l2": "L_G_mse", "recover_adv_loss": "L_R_adv",
               "recover_l2": "L_R_mse", "asr_percent": "ASR %", "recovered_psnr_db": "recovered dB"},
    "table2": {"protected_psnr_db": "protected dB", "protected_error_percent": "protected CER %",
               "recovered_psnr_db": "recovered dB", "recovered_error_percent": "recovered CER %"},
    "competition": {"recovered_l2": "L2", "recovered_psnr_db": "PSNR dB", "recovered_error_percent": "CER %"},
    "depth": {"recover_l2": "L_R_mse", "recover_adv_loss": "L_R_adv", "recovered_psnr_db": "recovered dB",
              "asr_percent": "ASR %"},
    "figure7": {f"{name}_asr_percent": name for name in
                ("none", "gaussian_blur", "jpeg", "centre_crop", "flip", "resize", "gaussian_noise")},
    "figure8": {"asr_percent": "ASR %", "clean_changed_percent": "clean changed %"},
    "figure10": {"generator_l2": "L_G_mse", "generator_adv_loss": "L_G_adv", "asr_percent": "ASR %",
                 "protected_psnr_db": "protected dB"},
}  # fmt: skip
_KIND = {"table3": "competition", "table4": "competition", "table5": "competition", "figure6a": "depth",
         "figure6b": "depth"}  # fmt: skip

_HEAD = """# The paper, and what was measured here

Made by `make report` from the JSONs under `training/results/`; each has its command, commit, machine, minutes and date.
Every image is measured after 8-bit rounding; PSNR is the mean of each image's. `make reproduce ID=table3` runs one of
these again; "not run" stands where that has not been done. In brackets: the paper's value for the same data, if any.

Rows of Tables 1 and 2 and of Figures 6, 7 and 10 are trained for three epochs, not 150; what else differs from the
paper is in [ADR 7](adr/0007-the-paper-read.md). The paper's values for those are of Caltech-256, and stand in no
bracket. Caltech and the networks on it are not run yet: see [the long runs](long-runs.md).
"""


def page(results: Path) -> str:
    """The whole page in Markdown."""
    paper = json.loads(PAPER.read_text())
    parts = [_HEAD]
    for name, build in EXPERIMENTS.items():
        parts.append(section(build(), results, paper.get(name, {})))
    return "\n".join(parts)


def section(experiment: Experiment, results: Path, paper: dict[str, dict[str, float]]) -> str:
    """One experiment's heading and table.

    Args:
        paper: by method, the paper's metrics under the names of ours.
    """
    heads = TABLES[_KIND.get(experiment.id, experiment.id)]
    lines = [
        f"## {experiment.title}\n",
        "| | " + " | ".join(heads.values()) + " | minutes | machine, date |",
        "|---" * (len(heads) + 3) + "|",
    ]
    lines += [_line(row, results / experiment.id, heads, paper.get(row.method, {})) for row in experiment.rows]
    return "\n".join(lines) + "\n"


def _line(row: Row, folder: Path, heads: dict[str, str], paper: dict[str, float]) -> str:
    path = folder / f"{row.name}.json"
    if not path.is_file():
        cells = [f"not run{_bracket(paper, key)}" for key in heads]
        return f"| {row.method} | " + " | ".join([*cells, "", ""]) + " |"
    record = json.loads(path.read_text())
    cells = [
        (f"{record['metrics'][key]:.2f}" if key in record["metrics"] else "inf") + _bracket(paper, key) for key in heads
    ]
    origin = record["provenance"]
    minutes = f"{record['training_minutes'] + origin['minutes']:.1f}"
    return f"| {row.method} | " + " | ".join([*cells, minutes, f"{origin['machine']}, {origin['date']}"]) + " |"


def _bracket(paper: dict[str, float], key: str) -> str:
    return f" ({paper[key]:g})" if key in paper else ""


def main() -> None:
    PAGE.write_text(page(RESULTS))


if __name__ == "__main__":
    main()
