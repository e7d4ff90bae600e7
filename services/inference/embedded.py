"""Models in this process: TorchScript files of a Triton model repository, run by torch.

The repository's layout is Triton's (``<model>/<version>/model.pt``, ``config.pbtxt``), and tensors carry Triton's names
(``INPUT__0``, ``OUTPUT__0``), so that both backends serve the same folder. Nothing else in the services imports torch.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import numpy as np

# Torch's threads wait for each other by spinning, unless told otherwise before it is loaded. On a machine that does
# anything else at the same time, the one that spins takes the core that the other one needs: an inference then took
# forty times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

from services.errors import UnavailableError, UnknownModelError
from services.inference.backend import Inference, Tensors
from services.inference.canary import canary_inputs
from services.inference.deadline import seconds_left
from services.inference.signature import check_inputs, check_outputs
from services.inference.turn import waited

_log = logging.getLogger(__name__)


class EmbeddedBackend:
    """Runs a model repository in process.

    Args:
        repository: the folder of models.
        threads: how many inferences run side by side, on a thread each; 0 is as many as torch would give to one of
            them, which is a thread a core, or OMP_NUM_THREADS.
        device: where they run, as torch names it.
    """

    def __init__(self, repository: Path, threads: int = 0, device: str = "cpu") -> None:
        self._repository = repository
        self._device = torch.device(device)
        self._loaded: dict[tuple[str, str], torch.jit.ScriptModule] = {}
        self._loading = threading.Lock()
        # Networks this small gain nothing from a second thread, even alone on the machine: what it does costs more in
        # waking it than it saves (docs/adr/0015). What torch is told here holds for the thread that says it.
        self._executor = ThreadPoolExecutor(
            threads or torch.get_num_threads(), "embedded", initializer=torch.set_num_threads, initargs=(1,)
        )

    async def infer(self, model: str, tensors: Tensors, version: str = "") -> Inference:
        """See ``Backend.infer``."""
        check_inputs(model, tensors, version)
        chosen = version or self._newest(model)
        asked, began = time.monotonic(), None

        def run() -> Inference:
            nonlocal began
            began = time.monotonic()
            return self._run(model, chosen, tensors)

        try:
            async with asyncio.timeout(seconds_left()):
                return await asyncio.get_running_loop().run_in_executor(self._executor, run)
        except TimeoutError:
            raise UnavailableError(f"Model {model!r} did not answer in time.") from None
        finally:
            # Whoever gave up before their turn waited until now.
            waited((began or time.monotonic()) - asked)

    async def ready(self, model: str) -> bool:
        """Whether a canary inference passes."""
        try:
            await self.infer(model, canary_inputs(model))
        except UnknownModelError:
            raise
        except Exception as error:
            _log.warning("the canary of %s failed: %r", model, error)
            return False
        return True

    async def close(self) -> None:
        """Waits for the running inferences and lets the models go."""
        await asyncio.to_thread(self._executor.shutdown)
        self._loaded.clear()

    def _newest(self, model: str) -> str:
        folder = self._repository / model
        versions = [p.parent.name for p in folder.glob("*/model.pt") if p.parent.name.isdigit()]
        if not versions:
            raise UnknownModelError(
                f"No model {model!r} is served here. Whoever runs the server: `make export` makes it."
            )
        return max(versions, key=int)

    def _run(self, model: str, version: str, tensors: Tensors) -> Inference:
        module = self._load(model, version)
        arrays = (np.ascontiguousarray(tensors[name]) for name in sorted(tensors, key=_index))
        inputs = [torch.from_numpy(array).to(self._device) for array in arrays]
        # No no_grad here: the refiner takes gradients of its inputs. The others' parameters are frozen, so that they
        # record nothing. Optimised execution gains nothing on these networks, and recompiles at every new batch size.
        try:
            with torch.jit.optimized_execution(False):  # type: ignore[attr-defined]
                answer = module(*inputs)
        except RuntimeError as error:
            _log.exception("%s failed", model)
            raise UnavailableError(f"Model {model!r} failed.") from error
        outputs = cast(Sequence[torch.Tensor], answer if isinstance(answer, tuple) else (answer,))
        tensors = {f"OUTPUT__{i}": output.detach().cpu().numpy() for i, output in enumerate(outputs)}
        check_outputs(model, tensors, len(inputs[0]))
        return Inference(version, tensors)

    def _load(self, model: str, version: str) -> torch.jit.ScriptModule:
        with self._loading:
            if (model, version) not in self._loaded:
                path = self._repository / model / version / "model.pt"
                if not version.isdigit() or not path.is_file():
                    raise UnknownModelError(f"Model {model!r} has no version {version!r} here.")
                try:
                    module = torch.jit.load(str(path), map_location=self._device).eval()  # type: ignore[no-untyped-call]
                except RuntimeError as error:
                    raise UnavailableError(f"Model {model!r} version {version} does not load.") from error
                for parameter in module.parameters():
                    parameter.requires_grad_(False)
                self._loaded[model, version] = module
            return self._loaded[model, version]


def _index(name: str) -> int:
    """The place of a tensor among a model's inputs: 0 for INPUT__0."""
    return int(name.rpartition("__")[2])
