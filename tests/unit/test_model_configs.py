"""Every configuration in the model repository, read as Triton reads it, against its model and libtorch's rules."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as mc

from services.inference.canary import canary_inputs
from services.inference.signature import MAX_BATCH, SIGNATURES
from training.export import CPU, GPU, config_pbtxt

REPOSITORY = Path(__file__).parents[2] / "triton_models"
FILES = {"config.pbtxt": CPU, "configs/gpu.pbtxt": GPU}
TYPES = {"uint8": mc.TYPE_UINT8, "int8": mc.TYPE_INT8, "float32": mc.TYPE_FP32}
EVERY = pytest.mark.parametrize(("model", "file"), [(model, file) for model in SIGNATURES for file in FILES])


def parsed(model: str, file: str) -> mc.ModelConfig:
    return text_format.Parse((REPOSITORY / model / file).read_text(), mc.ModelConfig())


def test_the_repository_and_the_signatures_name_the_same_models() -> None:
    assert {path.parent.name for path in REPOSITORY.glob("*/config.pbtxt")} == set(SIGNATURES)


@EVERY
def test_the_file_is_the_generated_one(model: str, file: str) -> None:
    assert (REPOSITORY / model / file).read_text() == config_pbtxt(model, FILES[file])


@EVERY
def test_the_configuration_is_what_the_model_takes_and_gives(model: str, file: str) -> None:
    config = parsed(model, file)
    module = torch.jit.load(str(REPOSITORY / model / "1" / "model.pt"))
    batch = {name: np.repeat(tensor, 2, axis=0) for name, tensor in canary_inputs(model).items()}
    answer = module(*(torch.from_numpy(tensor) for tensor in batch.values()))
    answers = answer if isinstance(answer, tuple) else (answer,)

    assert [tensor.name for tensor in config.input] == list(batch)
    assert [tuple(tensor.dims) for tensor in config.input] == [tensor.shape[1:] for tensor in batch.values()]
    assert [tensor.data_type for tensor in config.input] == [TYPES[tensor.dtype.name] for tensor in batch.values()]
    assert [tuple(tensor.dims) for tensor in config.output] == [tuple(tensor.shape[1:]) for tensor in answers]
    assert [tensor.data_type for tensor in config.output] == [TYPES[str(t.dtype).split(".")[1]] for t in answers]
    assert all(len(tensor) == 2 for tensor in answers)
    # forward takes as many tensors as the configuration has inputs, for libtorch hands them over by their places.
    assert len(module.forward.schema.arguments) - 1 == len(config.input)


@EVERY
def test_the_configuration_keeps_libtorchs_rules_and_ours(model: str, file: str) -> None:
    config = parsed(model, file)

    assert config.name == model
    assert config.platform == "pytorch_libtorch"
    # Either would choose another backend than the container's default one.
    assert not config.backend
    assert not config.runtime
    for kind, tensors in (("INPUT", config.input), ("OUTPUT", config.output)):
        assert [tensor.name for tensor in tensors] == [f"{kind}__{i}" for i in range(len(tensors))]
        assert all(re.fullmatch(r"[A-Z]+__\d+", tensor.name) and -1 not in tensor.dims for tensor in tensors)
    assert config.max_batch_size == MAX_BATCH
    assert [group.kind for group in config.instance_group] == [mc.ModelInstanceGroup.KIND_AUTO]
    assert config.version_policy.latest.num_versions == 2
    assert config.parameters["DISABLE_OPTIMIZED_EXECUTION"].string_value == "true"
    takes_gradients = config.parameters["INFERENCE_MODE"].string_value == "false"
    assert takes_gradients == (model in ("protector", "refiner"))


@EVERY
def test_each_shape_is_warmed_with_what_the_model_takes(model: str, file: str) -> None:
    config = parsed(model, file)
    declared = {tensor.name: (tensor.data_type, list(tensor.dims)) for tensor in config.input}

    assert [warmup.batch_size for warmup in config.model_warmup] == list(FILES[file].warm_batches)
    for warmup in config.model_warmup:
        assert {name: (entry.data_type, list(entry.dims)) for name, entry in warmup.inputs.items()} == declared
        assert all(entry.zero_data for entry in warmup.inputs.values())


@pytest.mark.parametrize("model", SIGNATURES)
def test_only_the_gpu_profile_waits_for_company(model: str) -> None:
    cpu, gpu = parsed(model, "config.pbtxt"), parsed(model, "configs/gpu.pbtxt")

    assert cpu.HasField("dynamic_batching")
    assert cpu.dynamic_batching.max_queue_delay_microseconds == 0
    assert gpu.dynamic_batching.max_queue_delay_microseconds > 0
