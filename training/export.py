"""Turns the shipped weights into a Triton model repository: TorchScript files with full configurations.

This is the one place that knows the serving format. Each export is compared with the eager network before it is kept.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from torch import nn

from services.inference.canary import canary_inputs
from services.inference.signature import MAX_BATCH, SIGNATURES, Spec
from training.models.shipped import WEIGHTS, script, served

#: Triton's names of the types.
_TYPES = {"uint8": "TYPE_UINT8", "int8": "TYPE_INT8", "float32": "TYPE_FP32"}

#: These differentiate inside the model, which libtorch's inference mode would forbid.
_TAKES_GRADIENTS = ("protector", "refiner")


@dataclass(frozen=True)
class Profile:
    """How a model is tuned. warm_batches: the batch sizes that are run once before the first caller."""

    batching: str
    warm_batches: tuple[int, ...]


#: On a CPU a queue delay costs latency, and batches gain nothing at this size of image.
CPU = Profile("dynamic_batching { }", (1,))
#: A GPU runs a batch in little more than the time of one: it is worth two milliseconds to wait for company.
GPU = Profile("dynamic_batching { preferred_batch_size: [8, 16], max_queue_delay_microseconds: 2000 }", (1, 8, 16))


def config_pbtxt(name: str, profile: Profile = CPU) -> str:
    """The model's whole configuration: libtorch does not complete a partial one."""
    signature = SIGNATURES[name]
    lines = [
        f"# Written by training/export.py. {name}: see docs/architecture.md.",
        f'name: "{name}"',
        'platform: "pytorch_libtorch"',
        f"max_batch_size: {MAX_BATCH}",
        *(_tensor("input", f"INPUT__{i}", spec) for i, spec in enumerate(signature.inputs)),
        *(_tensor("output", f"OUTPUT__{i}", spec) for i, spec in enumerate(signature.outputs)),
        "instance_group [ { kind: KIND_AUTO, count: 1 } ]",
        "version_policy { latest { num_versions: 2 } }",
        profile.batching,
        *(_warmup(signature.inputs, batch) for batch in profile.warm_batches),
    ]
    # As the embedded backend runs them: optimised execution compiles anew at every batch size for nothing, and on some
    # processors rounds a slope otherwise, so that the sealed tier would write another code (docs/adr/0021).
    lines.append('parameters { key: "DISABLE_OPTIMIZED_EXECUTION" value { string_value: "true" } }')
    if name in _TAKES_GRADIENTS:
        lines.append('parameters { key: "INFERENCE_MODE" value { string_value: "false" } }')
    return "\n".join(lines) + "\n"


def _tensor(kind: str, name: str, spec: Spec) -> str:
    return f'{kind} [ {{ name: "{name}", data_type: {_TYPES[spec.dtype]}, dims: {list(spec.shape)} }} ]'


def _warmup(inputs: Sequence[Spec], batch: int) -> str:
    """A request of zeros at load, so that the first caller does not pay for the first run."""
    entries = "\n".join(
        f'  inputs {{ key: "INPUT__{i}" value {{ data_type: {_TYPES[spec.dtype]}, dims: {list(spec.shape)}, '
        "zero_data: true } }"
        for i, spec in enumerate(inputs)
    )
    return f'model_warmup [ {{\n  name: "zeros_{batch}"\n  batch_size: {batch}\n{entries}\n}} ]'


def export_model(name: str, model: nn.Module, repository: Path, version: str) -> Path:
    """Writes one model of the repository.

    Raises:
        RuntimeError: the export does not answer as the eager network does.
    """
    with warnings.catch_warnings():
        # Tracing warns of values it will hold fixed, and torch that TorchScript is old; docs/adr/0002 says why we stay.
        warnings.simplefilter("ignore")
        scripted = script(name, model)
    example = [torch.from_numpy(tensor) for tensor in canary_inputs(name).values()]
    eager, exported = model(*example), scripted(*example)
    if not torch.equal(eager, exported):
        raise RuntimeError(f"the export of {name} differs from the eager network")
    folder = repository / name / version
    folder.mkdir(parents=True, exist_ok=True)
    write_configs(name, repository)
    partial = folder / "model.partial"
    torch.jit.save(scripted, str(partial))
    partial.rename(folder / "model.pt")
    return folder / "model.pt"


def write_configs(name: str, repository: Path) -> None:
    """Writes config.pbtxt, and configs/gpu.pbtxt, which ``tritonserver --model-config-name=gpu`` takes instead."""
    (repository / name / "configs").mkdir(parents=True, exist_ok=True)
    (repository / name / "config.pbtxt").write_text(config_pbtxt(name))
    (repository / name / "configs" / "gpu.pbtxt").write_text(config_pbtxt(name, GPU))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the shipped weights")
    parser.add_argument("--repository", type=Path, default=Path("triton_models"), help="model repository to write")
    parser.add_argument("--version", default="1", help="version to write (default: 1)")
    arguments = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # TorchScript writes what it holds constant in the order of a set of names: with one order everywhere, the same
        # weights give the same bytes.
        again = [sys.executable, "-m", "training.export", *sys.argv[1:]]
        os.execve(sys.executable, again, {**os.environ, "PYTHONHASHSEED": "0"})
    console = Console()
    for name, model in served(arguments.weights).items():
        path = export_model(name, model, arguments.repository, arguments.version)
        console.print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
