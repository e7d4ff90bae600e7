"""RGANs whose weights the repository holds, by the digest of their recipe."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from safetensors.torch import load_file, save_file

from training.models.rgan import Rgan
from training.provenance import provenance
from training.rgan_recipe import RganRecipe

WEIGHTS = Path(__file__).resolve().parent / "weights" / "rgan"


def committed(recipe: RganRecipe, root: Path = WEIGHTS) -> tuple[Rgan, float] | None:
    """The recipe's RGAN, frozen, and the minutes of its training; None where the repository has none of this recipe."""
    folder = root / recipe.digest()
    if not (folder / "weights.safetensors").is_file():
        return None
    rgan = Rgan(recipe.model)
    rgan.load_state_dict(load_file(folder / "weights.safetensors"))
    record = json.loads((folder / "record.json").read_text())
    return rgan.eval().requires_grad_(False), float(record["provenance"]["minutes"])


def ship(rgan: Rgan, recipe: RganRecipe, minutes: float, root: Path = WEIGHTS) -> Path:
    """Puts finished weights and their record where :func:`committed` looks; the folder."""
    folder = root / recipe.digest()
    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in rgan.state_dict().items()}, folder / "weights.safetensors")
    data = f"{recipe.dataset}, its training split"
    record = {"recipe": asdict(recipe), "provenance": provenance(recipe.seed, minutes, data)}
    (folder / "record.json").write_text(json.dumps(record, indent=2) + "\n")
    return folder
