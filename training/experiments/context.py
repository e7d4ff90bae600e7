"""Where an experiment's rows get their data, models and adversarial examples, each made once and kept."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from training.attacks import Attack
from training.data.labelled import Split, images_of, unit_range
from training.models.rgan import Rgan
from training.models.target import load_target
from training.rgan_recipe import RganRecipe
from training.rgan_weights import committed
from training.train_rgan import run_folder, trained

SettingsT = TypeVar("SettingsT")

#: The fixed test subset where attacks on all test photos would take hours: evenly spread (``images_of``), one a class
#: about. Of what is not here, every test image is taken.
TEST_IMAGES = {"caltech101": 100, "caltech256": 100}


@dataclass(frozen=True)
class Context:
    """One run of an experiment.

    Args:
        data: the data folder.
        runs: where trainings and adversarial examples are kept between runs.
        limit: at most so many images of a split; None for what the experiment says.
        miniature: every training takes one short epoch and every attack a few steps: for the tests, which ask whether
            it runs, not what comes out.
        retrain: whether weights that the repository holds are trained again.
        device: where images and models are: a GPU where there is one.
    """

    data: Path
    runs: Path = Path("training/runs")
    limit: int | None = None
    miniature: bool = False
    retrain: bool = False
    device: torch.device = field(default_factory=lambda: torch.device("cuda" if torch.cuda.is_available() else "cpu"))

    def target(self, dataset: str, network: str) -> nn.Module:
        """The frozen target classifier."""
        return load_target(dataset, network).to(self.device)

    def images(self, dataset: str, split: Split = "test", limit: int | None = None) -> tuple[Tensor, Tensor]:
        """Images, shape (N, C, H, W), range [0, 1], and labels.

        Args:
            limit: at most so many, instead of the data set's fixed test subset.
        """
        if limit is None and split == "test":
            limit = TEST_IMAGES.get(dataset)
        limits = [n for n in (limit, self.limit) if n is not None]
        found = images_of(dataset, self.data, split, min(limits, default=None))
        return unit_range(found.images.to(self.device)), found.labels.to(self.device)

    def rgan(self, recipe: RganRecipe) -> tuple[Rgan, float]:
        """The recipe's RGAN, and the minutes of its training.

        From the repository's weights if they are of this very recipe, else from a finished run, else trained now.
        """
        if self.miniature:
            recipe = replace(recipe, schedule=replace(recipe.schedule, epochs=1), after=None)
        elif not self.retrain and (kept := committed(recipe)) is not None:
            return kept[0].to(self.device), kept[1]
        rgan, minutes = trained(recipe, self.data, self.runs / "rgan" / run_folder(recipe).name)
        return rgan.to(self.device), minutes

    def small(self, settings: SettingsT) -> SettingsT:
        """Settings with ``epochs`` and ``batch``, cut to one epoch of small batches in miniature."""
        return replace(settings, epochs=1, batch=8) if self.miniature else settings  # type: ignore[type-var]

    def adversarial(
        self, attack: Attack, dataset: str, network: str, split: Split = "test", limit: int | None = None
    ) -> Tensor:
        """The attack's examples on the same images as :meth:`images` gives, after 8-bit rounding."""
        x, label = self.images(dataset, split, limit)
        attack = _brief(attack) if self.miniature else attack
        key = f"{attack.name}-{_digest(attack, dataset, network, split, len(x))}"
        path = self.runs / "adversarial" / f"{key}.safetensors"
        classifier = self.target(dataset, network)
        known = {"classifier": _fingerprint(classifier)}
        if path.is_file():
            with safe_open(path, framework="pt") as file:
                # Files from before the network was noted are taken at their name.
                if (file.metadata() or known) == known:
                    return unit_range(file.get_tensor("images").to(self.device))
        # A gradient through a photo takes a hundred times the memory of one through a digit.
        size = 500 if x.shape[-1] < 100 else 20 if self.device.type == "cpu" else 100
        made = [attack(classifier, x[i : i + size], label[i : i + size]) for i in range(0, len(x), size)]
        levels = torch.cat(made).mul(255.0).round().to(torch.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({"images": levels.cpu()}, path.with_suffix(".partial"), metadata=known)
        path.with_suffix(".partial").rename(path)
        return unit_range(levels)


def _fingerprint(network: nn.Module) -> str:
    """Of its weights, so that examples against a network that has been trained anew are made anew."""
    digest = hashlib.sha256()
    for value in network.state_dict().values():
        digest.update(value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _brief(attack: Attack) -> Attack:
    """The attack cut to few steps, whatever they are called."""
    few = {"steps": 2, "max_iterations": 10, "binary_search_steps": 1}
    changes = {name: value for name, value in few.items() if hasattr(attack, name)}
    return replace(attack, **changes)  # type: ignore[type-var]


def _digest(*values: object) -> str:
    plain = [asdict(v) if is_dataclass(v) and not isinstance(v, type) else v for v in values]
    return hashlib.sha256(repr(plain).encode()).hexdigest()[:12]
