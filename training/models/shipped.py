"""The models that ship, built from the weights in the repository and the classifiers' packages."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from services.imaging.pipeline import MADE_WITH
from services.imaging.receipt import Tier
from services.inference.backend import CLASSIFIER_SIDES
from training.models.classifiers import WithFeatures, load_classifier
from training.models.recoverer import Recoverer, RecovererConfig
from training.models.refiner import Refiner, RefinerConfig
from training.models.served import ServedClassifier, ServedProtector, ServedRecoverer, ServedRefiner

WEIGHTS = Path(__file__).parents[1] / "weights"


#: The one-pass tier's writer: three looks at the photo through one network, a few more where it is hard, and no other
#: views (docs/adr/0016 and 0017); it hides at any strength (docs/adr/0028).
PROTECTOR = RefinerConfig(
    steps=3, step_share=1.0, level_step=8, plain_steps=3, extra_steps=6, texture=1.0, hiding=0.0, colour_most=0.0
)
#: The block whose features count beside the last layer's, in each tier: three plain looks gain nothing by it
#: (docs/adr/0019).
HALFWAY = {Tier.ONE_PASS: None, Tier.SEALED: 10}


def recoverer(folder: Path = WEIGHTS / "recoverer") -> Recoverer:
    """The recoverer with the weights in ``folder`` (recoverer.safetensors and config.json)."""
    network = Recoverer(RecovererConfig(**json.loads((folder / "config.json").read_text())))
    network.load_state_dict(load_file(folder / "recoverer.safetensors"))
    return network.eval().requires_grad_(False)


def refiner(tier: Tier, classifiers: dict[str, nn.Module]) -> Refiner:
    """The writer of a tier's codes, on the networks that it is made with."""
    names = MADE_WITH[tier]
    config = PROTECTOR if tier is Tier.ONE_PASS else RefinerConfig()
    networks = [WithFeatures(classifiers[name], HALFWAY[tier]) for name in names]
    return Refiner(config, networks, [CLASSIFIER_SIDES[name] for name in names])


def served(weights: Path = WEIGHTS) -> dict[str, nn.Module]:
    """The served modules by their names in the model repository, eager."""
    classifiers: dict[str, nn.Module] = {
        f"classifier_efficientnet_lite{variant}": load_classifier(variant) for variant in range(3)
    }
    models: dict[str, nn.Module] = {
        "protector": ServedProtector(refiner(Tier.ONE_PASS, classifiers)),
        "recoverer": ServedRecoverer(recoverer(weights / "recoverer")),
        "refiner": ServedRefiner(refiner(Tier.SEALED, classifiers)),
        **{name: ServedClassifier(classifier) for name, classifier in classifiers.items()},
    }
    for model in models.values():
        model.eval().requires_grad_(False)
    return models


def script(name: str, model: nn.Module) -> torch.jit.ScriptModule:
    """A served module as TorchScript: scripted where it differentiates, else traced."""
    from services.inference.canary import canary_inputs

    if isinstance(model, ServedProtector | ServedRefiner):
        return torch.jit.script(model)
    return torch.jit.trace(model, tuple(torch.from_numpy(tensor) for tensor in canary_inputs(name).values()))
