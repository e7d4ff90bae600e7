"""Stands in for Triton's libtorch backend where only its Python backend is at hand.

Triton takes a folder ``pytorch`` with a ``model.py`` for the backend of ``platform: "pytorch_libtorch"`` when there is
no ``libtriton_pytorch.so`` before it, so the same model repository runs on both. It keeps libtorch's rules: inputs and
outputs are named INPUT__0 and so on, nothing is completed that the configuration leaves out, and the parameters
INFERENCE_MODE and DISABLE_OPTIMIZED_EXECUTION mean what they mean there.

Triton runs it in a process of its own (a stub), an instance of a model each. It imports nothing of the project.
"""

import json
from pathlib import Path

import torch
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """One instance of one version of a model."""

    def initialize(self, args: dict[str, str]) -> None:
        """Loads ``<repository>/<version>/model.pt``."""
        config = json.loads(args["model_config"])
        parameters = {key: value["string_value"] for key, value in config.get("parameters", {}).items()}
        self._takes_gradients = parameters.get("INFERENCE_MODE") == "false"
        self._optimized = parameters.get("DISABLE_OPTIMIZED_EXECUTION") != "true"
        self._inputs = [entry["name"] for entry in config["input"]]
        self._outputs = [entry["name"] for entry in config["output"]]
        on_gpu = args["model_instance_kind"] == "GPU"
        self._device = torch.device(f"cuda:{args['model_instance_device_id']}" if on_gpu else "cpu")
        path = Path(args["model_repository"], args["model_version"], "model.pt")
        self._module = torch.jit.load(str(path), map_location=self._device).eval()
        for parameter in self._module.parameters():
            parameter.requires_grad_(False)

    def execute(self, requests: list) -> list:
        """Answers requests that the dynamic batcher put together, with one run of the model."""
        # Nobody waits for the answer to a request whose caller gave up, or whose deadline has passed.
        wanted = [request for request in requests if not request.is_cancelled()]
        answers = dict(zip(map(id, wanted), self._answers(wanted), strict=True)) if wanted else {}
        cancelled = pb_utils.InferenceResponse(error=pb_utils.TritonError("cancelled", pb_utils.TritonError.CANCELLED))
        return [answers.get(id(request), cancelled) for request in requests]

    def _answers(self, requests: list) -> list:
        sizes = [pb_utils.get_input_tensor_by_name(request, self._inputs[0]).shape()[0] for request in requests]
        try:
            outputs = self._run([self._gathered(requests, name) for name in self._inputs])
        except Exception as error:
            failure = pb_utils.TritonError(f"{type(error).__name__}: {str(error)[-300:]}")
            return [pb_utils.InferenceResponse(error=failure) for _ in requests]
        parts = zip(*(output.split(sizes) for output in outputs), strict=True)
        return [pb_utils.InferenceResponse(self._tensors(part)) for part in parts]

    def _gathered(self, requests: list, name: str) -> torch.Tensor:
        tensors = [pb_utils.get_input_tensor_by_name(request, name) for request in requests]
        parts = [torch.from_dlpack(tensor.to_dlpack()) for tensor in tensors]
        return (parts[0] if len(parts) == 1 else torch.cat(parts)).to(self._device)

    def _run(self, inputs: list[torch.Tensor]) -> list[torch.Tensor]:
        gradients_off = torch.inference_mode(not self._takes_gradients)
        with gradients_off, torch.jit.optimized_execution(self._optimized):
            answer = self._module(*inputs)
        outputs = list(answer) if isinstance(answer, tuple) else [answer]
        return [output.detach().contiguous().cpu() for output in outputs]

    def _tensors(self, part: tuple[torch.Tensor, ...]) -> list:
        # Through DLPack: a tensor made from an array of numpy 2 would arrive with its shape and no bytes.
        return [
            pb_utils.Tensor.from_dlpack(name, torch.utils.dlpack.to_dlpack(tensor.contiguous()))
            for name, tensor in zip(self._outputs, part, strict=True)
        ]
