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
from training.models.classifiers import load_classifier
from training.models.one_pass import Generator, OnePassConfig, Recoverer
from training.models.refiner import Refiner, RefinerConfig
from training.models.served import Protector, ServedClassifier, ServedRecoverer, ServedRefiner

WEIGHTS = Path(__file__).parents[1] / "weights"


def one_pass(folder: Path = WEIGHTS / "one_pass") -> tuple[Generator, Recoverer, OnePassConfig]:
    """Generator and recoverer with the weights in ``folder`` (one_pass.safetensors and config.json)."""
    config = OnePassConfig(**json.loads((folder / "config.json").read_text()))
    generator, recoverer = Generator(config), Recoverer(config)
    weights = load_file(folder / "one_pass.safetensors")
    for prefix, network in (("generator.", generator), ("recoverer.", recoverer)):
        own = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
        missing, unexpected = network.load_state_dict(own, strict=False)
        # The frozen encoder's weights come from its package; everything else must be there.
        if unexpected or any(not name.startswith("encoder.") for name in missing):
            raise ValueError(f"{folder} does not fit the networks: missing {missing}, unexpected {unexpected}")
    return generator.eval().requires_grad_(False), recoverer.eval().requires_grad_(False), config


def served(weights: Path = WEIGHTS) -> dict[str, nn.Module]:
    """The served modules by their names in the model repository, eager."""
    generator, recoverer, config = one_pass(weights / "one_pass")
    classifiers = {f"classifier_efficientnet_lite{variant}": load_classifier(variant) for variant in range(3)}
    surrogates = MADE_WITH[Tier.SEALED]
    models = {
        "protector": Protector(generator, config),
        "recoverer": ServedRecoverer(recoverer, config),
        "refiner": ServedRefiner(
            Refiner(
                RefinerConfig(),
                [classifiers[name] for name in surrogates],
                [CLASSIFIER_SIDES[name] for name in surrogates],
            )
        ),
        **{name: ServedClassifier(classifier) for name, classifier in classifiers.items()},
    }
    for model in models.values():
        model.eval().requires_grad_(False)
    return models


def script(name: str, model: nn.Module) -> torch.jit.ScriptModule:
    """A served module as TorchScript: the refiner is scripted around traced classifiers, the others are traced."""
    from services.inference.canary import canary_inputs

    example = tuple(torch.from_numpy(tensor) for tensor in canary_inputs(name).values())
    if isinstance(model, ServedRefiner):
        refiner = model.refiner
        traced = [torch.jit.trace(classifier, example[0].float()) for classifier in refiner.classifiers]
        rebuilt = Refiner(RefinerConfig(), traced, refiner.sides)
        return torch.jit.script(ServedRefiner(rebuilt).eval())
    return torch.jit.trace(model, example)
