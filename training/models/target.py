"""The target classifiers C, by data set and name, with the weights that the repository holds."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, nn

from training.data.caltech import CLASSES
from training.models.lenet5 import LeNet5
from training.models.target_photo import HEADED, PAPER, HeadedTarget, Normalised

WEIGHTS = Path(__file__).resolve().parents[1] / "weights" / "classifiers"


def load_target(dataset: str, network: str, root: Path = WEIGHTS) -> nn.Module:
    """A target classifier: frozen, eval, images in [0, 1] to logits over the data set's classes.

    Args:
        dataset: "mnist", "caltech101" or "caltech256".
        network: "lenet5" on MNIST; on Caltech "resnet50", "densenet121", "mobilenetv3", "lite0", "lite1", "lite2",
            "mobilenetv2" or "thin-resnet50".

    Raises:
        FileNotFoundError: its weights are not there; the message has the command that makes them.
        ValueError: no such network, or the weights are not its.
    """
    built = build_target(dataset, network)
    path = root / f"{dataset}-{network}" / "weights.safetensors"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there. It is made by: {command(dataset, network)}")
    missing, unexpected = built.load_state_dict(load_file(path), strict=False)
    # A network whose head alone was trained has its body's weights from elsewhere.
    if unexpected or any(name in learned(built) for name in missing):
        raise ValueError(f"{path} does not fit {network}: missing {missing}, unexpected {unexpected}")
    return built.eval().requires_grad_(False)


def build_target(dataset: str, network: str) -> nn.Module:
    """The network for a data set's classes, untrained (where its body is published, the head alone is, and the body
    is frozen).

    Raises:
        ValueError: no such network.
    """
    if (dataset, network) == ("mnist", "lenet5"):
        return LeNet5()
    if dataset in CLASSES and network in HEADED:
        return HeadedTarget(network, CLASSES[dataset])
    if dataset in CLASSES and network in PAPER:
        return Normalised(PAPER[network](weights=None, num_classes=CLASSES[dataset]))
    known = ", ".join([*PAPER, *HEADED])
    raise ValueError(
        f"no target classifier {network!r} on {dataset!r}: mnist has lenet5, {' and '.join(CLASSES)} {known}"
    )


def learned(network: nn.Module) -> dict[str, Tensor]:
    """What training changes of a network, which is what its weights file holds: all but its frozen parameters."""
    frozen = {name for name, parameter in network.named_parameters() if not parameter.requires_grad}
    return {name: value for name, value in network.state_dict().items() if name not in frozen}


def command(dataset: str, network: str) -> str:
    """The command that makes a target classifier's weights."""
    teacher = " --teacher lite2" if network in PAPER else ""
    return f"python -m training.train_classifier --dataset {dataset} --network {network}{teacher}"
