"""The target classifiers C, by data set and name, with the weights that the repository holds."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file
from torch import nn

from training.models.lenet5 import LeNet5

WEIGHTS = Path(__file__).resolve().parents[1] / "weights" / "classifiers"


def load_target(dataset: str, network: str, root: Path = WEIGHTS) -> nn.Module:
    """A target classifier: frozen, eval, images in [0, 1] to logits over the data set's classes.

    Raises:
        FileNotFoundError: its weights are not there; the message has the command that makes them.
        ValueError: no such network.
    """
    built = build_target(dataset, network)
    path = root / f"{dataset}-{network}" / "weights.safetensors"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not there: python -m training.train_classifier --dataset {dataset} --network {network}"
        )
    built.load_state_dict(load_file(path))
    return built.eval().requires_grad_(False)


def build_target(dataset: str, network: str) -> nn.Module:
    """The network, untrained, for a data set's classes.

    Raises:
        ValueError: no such network.
    """
    if (dataset, network) == ("mnist", "lenet5"):
        return LeNet5()
    raise ValueError(f"no target classifier {network!r} on {dataset!r}")
