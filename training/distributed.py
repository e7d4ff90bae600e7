"""The processes that share a training: one, or those that torchrun started."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class World:
    """This process among those that train together."""

    rank: int
    size: int
    device: torch.device

    def share(self, network: nn.Module) -> nn.Module:
        """The network on this process's device; its gradients are averaged over all processes.

        Batch norms take their statistics from the whole batch where the device can (SyncBatchNorm wants a GPU).
        """
        if self.size == 1:
            return network.to(self.device)
        if self.device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        network = network.to(self.device)
        return DistributedDataParallel(network, device_ids=[self.device] if self.device.type == "cuda" else None)

    def autocast(self) -> AbstractContextManager[None]:
        """bfloat16 where it is fast and safe, on a GPU; float32 on a CPU."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")


@contextmanager
def world() -> Iterator[World]:
    """Joins the processes that torchrun started, or makes a world of one; leaves them at the end.

    What was shared must be let go of before the end: the processes' group, which it holds, is then freed here, where
    gloo's threads can end. Freed later, it waits for them for ever, or they abort the interpreter.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    rank = int(os.environ.get("RANK", "0"))
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if on_gpu else torch.device("cpu")
    if size == 1:
        yield World(0, 1, device)
        return
    distributed.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield World(rank, size, device)
    finally:
        gc.collect()
        distributed.destroy_process_group()
