"""The models on a GPU, for work that has many photos at once and asks for no server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import torch

from services.inference.backend import Inference, Tensors
from services.inference.canary import canary_inputs
from services.inference.signature import check_inputs, check_outputs

#: How long a batch waits for more photos, in seconds.
_LINGER_SECONDS = 0.05

_Asked = tuple[Tensors, asyncio.Future[Inference]]


class DeviceBackend:
    """Runs what is asked at the same time as one batch; see ``services.inference.backend.Backend``.

    Args:
        repository: the folder of models, of which the newest versions run.
        device: as torch names it.
        batch: the most photos that run together.
    """

    def __init__(self, repository: Path, device: str, batch: int = 64) -> None:
        self._repository = repository
        self._device = torch.device(device)
        self.batch = batch
        self._loaded: dict[str, tuple[str, torch.jit.ScriptModule]] = {}
        self._waiting: dict[str, list[_Asked]] = {}

    async def infer(self, model: str, tensors: Tensors, version: str = "") -> Inference:
        """See ``Backend.infer``; the version is the newest."""
        check_inputs(model, tensors, version)
        loop = asyncio.get_running_loop()
        asked = self._waiting.setdefault(model, [])
        asked.append((tensors, loop.create_future()))
        future = asked[-1][1]
        if len(asked) == self.batch:
            self._start(model)
        elif len(asked) == 1:
            loop.call_later(_LINGER_SECONDS, self._start, model)
        return await future

    async def ready(self, model: str) -> bool:
        """Whether a canary inference passes; what fails is raised."""
        await self.infer(model, canary_inputs(model))
        return True

    async def close(self) -> None:
        """Lets the models go."""
        self._loaded.clear()

    def _start(self, model: str) -> None:
        """Runs what waits; a batch that became full before its time leaves nothing, or others, to this."""
        asked = self._waiting.pop(model, [])
        if not asked:
            return
        try:
            answers = self._run(model, [tensors for tensors, _ in asked])
        except Exception as error:
            for _, future in asked:
                if not future.cancelled():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(asked, answers, strict=True):
            if not future.cancelled():
                future.set_result(answer)

    def _run(self, model: str, asked: list[Tensors]) -> list[Inference]:
        version, module = self._load(model)
        inputs = [
            torch.from_numpy(np.concatenate([tensors[f"INPUT__{index}"] for tensors in asked])).to(self._device)
            for index in range(len(asked[0]))
        ]
        with torch.jit.optimized_execution(False):  # type: ignore[attr-defined]
            answer = module(*inputs)
        outputs = [output.detach().cpu().numpy() for output in (answer if isinstance(answer, tuple) else (answer,))]
        whole = {f"OUTPUT__{index}": output for index, output in enumerate(outputs)}
        check_outputs(model, whole, len(inputs[0]))
        found, first = [], 0
        for tensors in asked:
            count = len(tensors["INPUT__0"])
            found.append(Inference(version, {name: part[first : first + count] for name, part in whole.items()}))
            first += count
        return found

    def _load(self, model: str) -> tuple[str, torch.jit.ScriptModule]:
        if model not in self._loaded:
            path = max((self._repository / model).glob("*/model.pt"), key=lambda path: int(path.parent.name))
            module = torch.jit.load(str(path), map_location=self._device).eval()  # type: ignore[no-untyped-call]
            for parameter in module.parameters():
                parameter.requires_grad_(False)
            self._loaded[model] = path.parent.name, module
        return self._loaded[model]
