"""The bodies of other families say what their own runtimes say, and stay networks that a gradient passes through."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor, nn

from training.convert_bodies import mobilenet, read, resnet
from training.models.other_families import OTHER_FAMILIES, MobileNetV2, ThinResNet50, load_body
from training.models.target import build_target, learned

#: What the packages' own files make of an image in other runtimes (TensorFlow.js on the Keras layers, ONNX Runtime on
#: the graph): the norm and mean of the pooled features, and the three largest by their places.
EXPECTED = {
    ("mobilenetv2", "noise"): (31.6332, 0.339164, {716: 5.9402, 178: 5.7800, 341: 5.7068}),
    ("mobilenetv2", "cat"): (24.9659, 0.339781, {76: 5.4397, 1201: 4.7030, 397: 4.0239}),
    ("thin-resnet50", "noise"): (24.3034, 0.427644, {285: 5.9143, 632: 4.1220, 932: 4.1002}),
    ("thin-resnet50", "cat"): (27.0958, 0.619325, {170: 4.9504, 324: 3.6214, 967: 3.5663}),
}


def image(name: str) -> Tensor:
    """Shape (1, 3, 224, 224), levels in 0..255."""
    noise = np.random.default_rng(0).integers(0, 256, (224, 224, 3))
    pixels = {"noise": noise, "cat": data.chelsea()[38:262, 113:337]}[name]
    return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None]


@pytest.mark.parametrize(("network", "name"), EXPECTED)
def test_a_body_says_what_its_own_runtime_says(network: str, name: str) -> None:
    norm, mean, largest = EXPECTED[network, name]
    found = load_body(network)(image(name))[0]
    # The weights are kept in float16: half a percent.
    assert float(found.norm()) == pytest.approx(norm, rel=0.01)
    assert float(found.mean()) == pytest.approx(mean, rel=0.01)
    assert {place: float(found[place]) for place in largest} == pytest.approx(largest, rel=0.01)


@pytest.mark.parametrize("network", OTHER_FAMILIES)
def test_a_target_takes_shares_of_1_and_passes_a_gradient_to_the_image(network: str) -> None:
    target = build_target("caltech101", network)
    x = (image("cat") / 255.0).requires_grad_()
    (gradient,) = torch.autograd.grad(target(x)[0, 0], x)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().max() > 0
    assert torch.allclose(target.pooled(x), load_body(network)(image("cat")), atol=1e-3)
    assert set(learned(target)) == {"head.weight", "head.bias"}


def test_a_keras_layers_batch_norm_is_folded_into_its_kernel() -> None:
    """With weights of chance for the whole network, the first layer against its parts one after the other."""
    generator = np.random.default_rng(0)
    weights: dict[str, np.ndarray] = {}
    body = MobileNetV2()
    layers = [("Conv1", "bn_Conv1", body.stem), ("Conv_1", "Conv_1_bn", body.last)]
    for index, block in enumerate(body.blocks):
        kinds = ("expand", "depthwise", "project")[0 if index else 1 :]
        prefix = f"block_{index}" if index else "expanded_conv"
        layers += [(f"{prefix}_{kind}", f"{prefix}_{kind}_BN", getattr(block, kind)) for kind in kinds]
    for layer, norm, part in layers:
        shape = part.convolution.weight.shape
        is_depthwise = part.convolution.groups > 1
        order = (2, 3, 0, 1) if is_depthwise else (2, 3, 1, 0)
        kind = "depthwise_kernel" if is_depthwise else "kernel"
        weights[f"{layer}/{kind}"] = generator.normal(0, 1, [shape[axis] for axis in order]).astype(np.float32)
        for name in ("gamma", "beta", "moving_mean", "moving_variance"):
            weights[f"{norm}/{name}"] = generator.uniform(0.5, 1.5, shape[0]).astype(np.float32)
    found = mobilenet(weights).stem.convolution
    kernel = torch.from_numpy(weights["Conv1/kernel"]).permute(3, 2, 0, 1)
    plain = nn.functional.conv2d(image("cat"), kernel, stride=2)
    mean, variance, gamma, beta = (
        torch.from_numpy(weights[f"bn_Conv1/{name}"]) for name in ("moving_mean", "moving_variance", "gamma", "beta")
    )
    expected = nn.functional.batch_norm(plain, mean, variance, gamma, beta, eps=1e-3)
    assert torch.allclose(found(image("cat")), expected, rtol=1e-4, atol=1e-2)
    with pytest.raises(KeyError, match="Conv_1_bn"):
        mobilenet({name: value for name, value in weights.items() if not name.startswith("Conv_1_bn")})


def test_a_graph_of_another_shape_is_refused() -> None:
    own = [(m.weight, m.bias) for m in ThinResNet50().modules() if isinstance(m, nn.Conv2d)]
    assert torch.equal(resnet(own).blocks[3].beside.weight, own[11][0])
    with pytest.raises(ValueError, match="shorter"):
        resnet(own[:-1])
    with pytest.raises(ValueError, match="a weight of shape"):
        resnet([own[1], *own[1:]])


def test_a_wheel_with_another_file_is_refused(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("network", b"another")
    (tmp_path / "some.whl").write_bytes(packed.getvalue())
    with pytest.raises(ValueError, match="another file"):
        read(tmp_path / "some.whl", "network", "0" * 64)
