"""Turns the shipped weights into a Triton model repository: TorchScript files with full configurations.

This is the one place that knows the serving format. Each export is compared with the eager network before it is kept.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import torch
from rich.console import Console
from torch import nn

from services.imaging.resample import GRID_SIZE, WORKING_SIZE
from services.inference.backend import CLASSIFIER_SIDES
from services.inference.canary import canary_inputs
from training.models.shipped import WEIGHTS, script, served

_PHOTO = (3, WORKING_SIZE, WORKING_SIZE)
_CODE = (3, GRID_SIZE, GRID_SIZE)

#: Type and shape of every input and output, without the batch.
SIGNATURES: dict[str, tuple[list[tuple[str, tuple[int, ...]]], list[tuple[str, tuple[int, ...]]]]] = {
    "protector": ([("TYPE_UINT8", _PHOTO), ("TYPE_INT8", _CODE), ("TYPE_INT8", _CODE)], [("TYPE_INT8", _CODE)]),
    "refiner": (
        [("TYPE_UINT8", _PHOTO), ("TYPE_INT8", _CODE), ("TYPE_INT8", _CODE), ("TYPE_FP32", (1,))],
        [("TYPE_INT8", _CODE)],
    ),
    "recoverer": ([("TYPE_UINT8", _PHOTO)], [("TYPE_INT8", _CODE)]),
    **{name: ([("TYPE_UINT8", (3, side, side))], [("TYPE_FP32", (1000,))]) for name, side in CLASSIFIER_SIDES.items()},
}

#: The refiner differentiates inside the model, which libtorch's inference mode would forbid.
_TAKES_GRADIENTS = ("refiner",)
_MAX_BATCH = 16


def config_pbtxt(name: str) -> str:
    """The model's whole configuration: libtorch does not complete a partial one."""
    inputs, outputs = SIGNATURES[name]
    lines = [
        f"# Written by training/export.py. {name}: see docs/architecture.md.",
        f'name: "{name}"',
        'platform: "pytorch_libtorch"',
        f"max_batch_size: {_MAX_BATCH}",
        *(_tensor("input", f"INPUT__{i}", *spec) for i, spec in enumerate(inputs)),
        *(_tensor("output", f"OUTPUT__{i}", *spec) for i, spec in enumerate(outputs)),
        "instance_group [ { kind: KIND_AUTO, count: 1 } ]",
        "version_policy { latest { num_versions: 2 } }",
        # No queue delay: on a CPU it costs latency and gains nothing; a GPU profile sets one.
        "dynamic_batching { }",
        _warmup(inputs),
    ]
    if name in _TAKES_GRADIENTS:
        lines.append('parameters { key: "INFERENCE_MODE" value { string_value: "false" } }')
    return "\n".join(lines) + "\n"


def _tensor(kind: str, name: str, data_type: str, shape: tuple[int, ...]) -> str:
    return f'{kind} [ {{ name: "{name}", data_type: {data_type}, dims: {list(shape)} }} ]'


def _warmup(inputs: list[tuple[str, tuple[int, ...]]]) -> str:
    """A request of zeros at load, so that the first caller does not pay for the first run."""
    entries = "\n".join(
        f'  inputs {{ key: "INPUT__{i}" value {{ data_type: {data_type}, dims: {list(shape)}, zero_data: true }} }}'
        for i, (data_type, shape) in enumerate(inputs)
    )
    return f'model_warmup [ {{\n  name: "zeros"\n  batch_size: 1\n{entries}\n}} ]'


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
    (repository / name / "config.pbtxt").write_text(config_pbtxt(name))
    partial = folder / "model.partial"
    torch.jit.save(scripted, str(partial))
    partial.rename(folder / "model.pt")
    return folder / "model.pt"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of the shipped weights")
    parser.add_argument("--repository", type=Path, default=Path("triton_models"), help="model repository to write")
    parser.add_argument("--version", default="1", help="version to write (default: 1)")
    arguments = parser.parse_args()
    console = Console()
    for name, model in served(arguments.weights).items():
        path = export_model(name, model, arguments.repository, arguments.version)
        console.print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
