"""How near the networks come to what the machine can do, and what batches, half precision and compiling give.

    look     what one look of a writer costs: a network forward, and backward to the photo (EfficientNet-Lite0, Lite1)
    answer   a classifier forward (Lite0)
    read     the recoverer forward

Operations are counted by PyTorch's counter (a multiplication and an addition are two), bytes as what every operation
reads and writes, as if nothing stayed in a cache. The ceilings are measured: a product of matrices, and a copy of what
no cache holds. The bound is the longer of the two times that these allow. Runs on a GPU where there is one.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import torch
from rich.progress import track
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from services.imaging.receipt import Tier
from training.evaluation.eyes import SIDES
from training.models.classifiers import WithFeatures, load_classifier
from training.models.shipped import HALFWAY, recoverer
from training.provenance import provenance

RESULTS = Path(__file__).parent / "results"
#: One file a kind of machine, so that a GPU's figures stand beside the CPU's.
FILES = {"cpu": "roofline.json", "cuda": "roofline_gpu.json"}
#: The half precision that the device is made for.
HALVES = {"cpu": torch.bfloat16, "cuda": torch.float16}
#: Of these, a CPU has no graphs: a recorded look, of which nothing is launched anew but the whole.
VARIANTS = ("float32", "half", "compiled", "graph", "half graph")

Work = Callable[[nn.Module, Tensor], Tensor]


class Traffic(TorchDispatchMode):
    """Counts the bytes of what operations read and write; views move nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if not func.is_view:
            tensors = [leaf for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, Tensor)]
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return out


def look(network: nn.Module, x: Tensor) -> Tensor:
    """The slope of what a writer lowers, of x's shape."""
    photo = x.detach().requires_grad_(True)
    logits, features = network(photo)
    # Not autograd.grad: the counter of operations cannot follow it.
    (logits.float().amax(dim=1).sum() + features.float().square().mean()).backward()
    assert photo.grad is not None
    return photo.grad


def answer(network: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        found: Tensor = network(x)
    return found


def works(device: str) -> dict[str, tuple[nn.Module, Work, int]]:
    """Network, what is done with it, and its input's side, by name."""
    block = HALFWAY[Tier.SEALED]
    found: dict[str, tuple[nn.Module, Work, int]] = {
        f"look, Lite{which}": (WithFeatures(load_classifier(which), block), look, SIDES[which]) for which in (0, 1)
    }
    found["answer, Lite0"] = (load_classifier(0), answer, SIDES[0])
    found["read"] = (recoverer(), answer, SIDES[0])
    for network, _, _ in found.values():
        network.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)
    return found


@contextmanager
def variant(name: str, device: str, network: nn.Module) -> Iterator[nn.Module]:
    if name.startswith("half"):
        # Without a cache of weights in half precision: a recorded look would read what is no longer there.
        with torch.autocast(device, dtype=HALVES[device], cache_enabled="graph" not in name):
            yield network
    else:
        yield torch.compile(network) if name == "compiled" else network


def recorded(work: Callable[[], object]) -> Callable[[], object]:
    """The work as a CUDA graph, on the same memory each time."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):  # what is chosen and allocated on the first calls must not be recorded
            work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def seconds(work: Callable[[], object], device: str, least: int = 5) -> float:
    """The median of at least so many calls, of as many as the budget allows; two before them do not count."""
    budget = 0.5 if device == "cuda" else 2.0
    found: list[float] = []
    begun = time.perf_counter()
    for call in range(1000):
        started = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        if call >= 2:
            found.append(time.perf_counter() - started)
        if len(found) >= least and time.perf_counter() - begun > budget:
            break
    return statistics.median(found)


def ceilings(device: str) -> dict[str, float]:
    """Operations a second in both precisions, and bytes a second."""
    side = 8192 if device == "cuda" else 2048
    found = {}
    for name, kind in (("float32", torch.float32), ("half", HALVES[device])):
        a, b = (torch.rand(side, side, device=device).to(kind) for _ in range(2))
        found[f"{name}_operations_per_second"] = 2 * side**3 / seconds(partial(torch.mm, a, b), device)
    data = torch.zeros(2**28, dtype=torch.uint8, device=device)
    found["bytes_per_second"] = 2 * data.numel() / seconds(partial(data.clone().copy_, data), device)
    return found


def count(work: Callable[[], object]) -> tuple[int, int]:
    """Operations, and bytes read and written."""
    with FlopCounterMode(display=False) as operations, Traffic() as traffic:
        work()
    return operations.get_total_flops(), traffic.bytes


def row(operations: int, moved: int, taken: float, photos: int, peak: float, bandwidth: float) -> dict[str, float]:
    """What a work was found to be, and how long it took beside how long it has to, by the ceilings."""
    bound = max(operations / peak, moved / bandwidth)
    return {
        "photos": photos,
        "gigaoperations_per_photo": operations / photos / 1e9,
        "megabytes_per_photo": moved / photos / 1e6,
        "operations_per_byte": operations / moved,
        "ms_per_photo": 1e3 * taken / photos,
        "bound_ms_per_photo": 1e3 * bound / photos,
        "share_of_bound": bound / taken,
        "share_of_peak": operations / taken / peak,
    }


def usual_variants(device: str) -> list[str]:
    """Those that the device can run."""
    return [name for name in VARIANTS if device == "cuda" or "graph" not in name]


def main() -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, action="append", help="photos at once; repeatable (default: 1, 4, 16)")
    parser.add_argument(
        "--variant", choices=usual_variants(device), action="append", help="repeatable (default: all of them)"
    )
    parser.add_argument("--threads", type=int, default=1, help="of the processor (default: 1, as served)")
    parser.add_argument("--out", type=Path, default=RESULTS / FILES[device], help="(default: %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    # Float32 as it is on a CPU, without a GPU's shortened products.
    torch.backends.cudnn.allow_tf32 = False
    begun = time.monotonic()
    limit = ceilings(device)
    found = works(device)
    cases = list(product(found, arguments.variant or usual_variants(device), arguments.batch or (1, 4, 16)))
    rows: list[dict[str, object]] = []
    for name, kind, photos in track(cases, description="Roofline"):
        network, work, side = found[name]
        torch.manual_seed(0)
        x = (torch.rand(photos, 3, side, side, device=device) * 255.0).to(memory_format=torch.channels_last)
        peak = limit["half_operations_per_second" if kind.startswith("half") else "float32_operations_per_second"]
        with variant(kind, device, network) as changed:
            # What a compiled network does is counted on the one that it was made from.
            counted = count(partial(work, network, x))
            timed = partial(work, changed, x)
            taken = seconds(recorded(timed) if "graph" in kind else timed, device)
        figures = row(*counted, taken, photos, peak, limit["bytes_per_second"])
        rows.append({"work": name, "variant": kind, **{key: float(f"{value:.4g}") for key, value in figures.items()}})
    about = provenance(0, (time.monotonic() - begun) / 60, f"random photos, {arguments.threads} thread(s)")
    about["command"] = f'make roofline ARGS="{" ".join(sys.argv[1:])}"'
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"ceilings": limit, "rows": rows, "provenance": about}, indent=1) + "\n")
    print(f"written to {arguments.out}")


if __name__ == "__main__":
    main()
