"""What docs/reproduction.md says before its tables, and which metrics stand in them."""

from __future__ import annotations

from training.report_names import DISTORTIONS
from training.report_tables import Column

#: What the paper's photos are of, where ours are of Caltech-101.
PRINTED_ON = "caltech256"

HEAD = """# The paper, and what was measured here

"Self-recoverable adversarial examples" protects a picture with RGAN and gets it back. Each table and figure of it is an
experiment here: on MNIST, and on Caltech-101 at 224x224 as far as the list below counts rows that were run. Where the
paper used Caltech-256, which is not at hand, its values stand in columns of their own that say *other data*, and are
subtracted from nothing.

How to read the tables:

- **paper** is what the paper prints, **ours** what was measured here, **difference** ours minus the paper's.
- Ours are measured on what a file holds: every image clamped and rounded to 8 bits. The paper rounds nothing as far as
  it says, so a line *in floats* stands below where that was measured too. For the competitors it was not: rounding has
  an L2 of 0.03 at 28x28 and 0.44 at 224x224, which is small against what they leave.
- **L2** is the norm of the error of one image in [0, 1], then the mean; **PSNR** in dB is the mean of each image's;
  **CER** is the share of test images misread, natural errors included; **ASR** the share of rightly read originals
  whose answer changes.
- **minutes** is what the row took on the machine named below its table, other work going on beside it; **training** is
  the minutes of the training that the row rests on, which are part of the former where it was trained then.
- `not run` is never a guess. A dash: there is no such value.

`make reproduce ID=table3` runs one experiment (`ARGS="--network lite0 --method das"` a part of it),
`.venv/bin/python -m training.reproduce --list` tells what has been run, `make report` makes this page and its pictures
from the JSONs under `training/results/`, each of which has its command, commit, machine, minutes and date. What differs
from the paper, and why, is in [ADR 7](adr/0007-the-paper-read.md); what waits for time or a GPU in [the long
runs](long-runs.md).
"""

_COMPETITION = (
    Column("asr_percent", "ASR % of the attack", "float_asr_percent", in_paper=False),
    Column("recovered_l2", "L2", "float_recovered_l2"),
    Column("recovered_psnr_db", "PSNR dB", "float_recovered_psnr_db"),
    Column("recovered_error_percent", "CER %", "float_recovered_error_percent"),
)
_DEPTH = (
    Column("recover_l2", "L_R_mse (L2)"),
    Column("recover_adv_loss", "L_R_adv"),
    Column("recovered_psnr_db", "recovered PSNR dB"),
    Column("asr_percent", "ASR %"),
)

#: By experiment.
COLUMNS: dict[str, tuple[Column, ...]] = {
    "table1": (
        Column("generator_adv_loss", "L_G_adv"),
        Column("generator_l2", "L_G_mse", "float_protected_l2"),
        Column("recover_adv_loss", "L_R_adv"),
        Column("recover_l2", "L_R_mse", "float_recovered_l2"),
        Column("asr_percent", "ASR %", "float_asr_percent", in_paper=False),
        Column("recovered_psnr_db", "recovered PSNR dB", "float_recovered_psnr_db", in_paper=False),
    ),
    "table2": (
        Column("protected_psnr_db", "protected PSNR dB", "float_protected_psnr_db"),
        Column("protected_error_percent", "protected CER %", "float_protected_error_percent"),
        Column("recovered_psnr_db", "recovered PSNR dB", "float_recovered_psnr_db"),
        Column("recovered_error_percent", "recovered CER %", "float_recovered_error_percent"),
    ),
    "table3": _COMPETITION,
    "table4": _COMPETITION,
    "table5": _COMPETITION,
    "figure4": (
        Column("asr_percent", "ASR %"),
        Column("random_signs_asr_percent", "ASR % of random signs"),
        Column("clean_error_percent", "CER % of the target on clean photos"),
    ),
    "figure5": (
        Column("asr_percent", "ASR %"),
        Column("protected_l2", "L2 of the perturbation"),
        Column("protected_psnr_db", "PSNR dB"),
    ),
    "figure6a": _DEPTH,
    "figure6b": _DEPTH,
    "figure7": tuple(Column(f"{name}_asr_percent", label) for name, label in DISTORTIONS.items()),
    "figure8": (
        Column("asr_percent", "ASR % after the defense"),
        Column("clean_changed_percent", "clean answers that the defense changes %"),
    ),
    "figure10": (
        Column("generator_l2", "L_G_mse (L2)"),
        Column("generator_adv_loss", "L_G_adv"),
        Column("asr_percent", "ASR %"),
        Column("protected_psnr_db", "protected PSNR dB"),
    ),
}
