"""A training that goes on is the training that was not interrupted; two processes train as one."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from training import train_rgan
from training.data.labelled import batches
from training.distributed import World
from training.models.rgan import RganConfig
from training.rgan_recipe import Objective, RganRecipe, Schedule
from training.train_rgan import Training, train

ALONE = World(0, 1, torch.device("cpu"))
#: Statistics of each image alone: those of a batch differ between half a batch and the whole.
RECIPE = RganRecipe(
    model=RganConfig(norm="instance", bound=0.3),
    objective=Objective(attack="margin"),
    schedule=Schedule(epochs=3, batch=8),
)


class Noise:
    """32 images that depend on their index alone."""

    def __len__(self) -> int:
        return 32

    def batch(self, chosen: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x = torch.randint(256, (32, 1, 28, 28), generator=torch.Generator().manual_seed(5))
        return x.byte()[chosen], (chosen % 10).long()


def classifier() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).eval().requires_grad_(False)


def _weights(training: Training) -> list[Tensor]:
    assert training.discriminator is not None
    return [*training.rgan.state_dict().values(), *training.discriminator.state_dict().values()]


def test_a_run_resumed_from_its_checkpoint_ends_bit_for_bit_like_one_in_one_piece(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    whole = Training(RECIPE, classifier(), ALONE)
    train(whole, Noise(), tmp_path / "whole")
    first = Training(RECIPE, classifier(), ALONE)
    for x, label in list(batches(Noise(), 8, 3, 0, ALONE, 0))[:5]:
        first.train_step(x, label, first.step / 12)
    first.save(tmp_path / "parts")
    second = Training(RECIPE, classifier(), ALONE)
    second.load(tmp_path / "parts")
    train(second, Noise(), tmp_path / "parts")
    assert second.step == whole.step == 12
    assert all(torch.equal(a, b) for a, b in zip(_weights(whole), _weights(second), strict=True))


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    Training(RECIPE, classifier(), ALONE).save(tmp_path)
    other = Training(RganRecipe(seed=1), classifier(), ALONE)
    with pytest.raises(ValueError, match="another recipe"):
        other.load(tmp_path)


def test_a_recipe_after_another_begins_with_its_finished_networks_and_counts_its_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_rgan, "load_target", lambda *_: classifier())
    monkeypatch.setattr(train_rgan, "training_batches", lambda *_: Noise())
    first = replace(RECIPE, schedule=Schedule(epochs=1, batch=8))
    still = replace(first, schedule=Schedule(epochs=1, batch=8, learning_rate=0.0), after=first)
    rgan, minutes = train_rgan.trained(still, tmp_path, tmp_path / "runs" / still.digest())
    begun, before = train_rgan.trained(first, tmp_path, tmp_path / "runs" / first.digest())
    assert all(torch.equal(a, b) for a, b in zip(rgan.parameters(), begun.parameters(), strict=True))
    assert minutes > before > 0


_PROCESS = """
import sys, json, torch
sys.path.insert(0, sys.argv[1])
torch.set_num_threads(1)
from test_train_rgan import RECIPE, Noise, classifier
from training.data.labelled import batches
from training.distributed import world
from training.train_rgan import Training

def curve(this):
    training = Training(RECIPE, classifier(), this)
    steps = []
    for x, label in batches(Noise(), 8, 2, 0, this, 0):
        parts = training.train_step(x, label, 0.0)
        mean = torch.stack([parts["total"], parts["discriminator"]])
        if this.size > 1:
            torch.distributed.all_reduce(mean)
        steps.append((mean / this.size).tolist())
    return steps

with world() as this:
    steps = curve(this)
    if this.rank == 0:
        print(json.dumps(steps))
"""


def _curve(processes: int, folder: Path) -> Tensor:
    """Losses of each step, as torchrun's processes see them together."""
    here = str(Path(__file__).parent)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    script = folder / "process.py"
    script.write_text(_PROCESS)
    done = subprocess.run([*command, str(script), here], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return torch.tensor(json.loads(done.stdout.strip().splitlines()[-1]))


def test_two_processes_give_the_loss_curve_of_one_with_the_same_batches(tmp_path: Path) -> None:
    torch.testing.assert_close(_curve(2, tmp_path), _curve(1, tmp_path), rtol=1e-4, atol=1e-5)
