"""Classifiers: training lowers the loss, goes on bit for bit, learns from a teacher; heads are the best there are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from training.classifier_head import fit, pooled
from training.classifier_recipe import Recipe, default_recipe
from training.classifier_weights import misread
from training.data.labelled import batches
from training.data.mnist import LabelledImages
from training.distributed import World
from training.models.target import build_target, learned, load_target
from training.train_classifier import Training, train

ALONE = World(0, 1, torch.device("cpu"))
RECIPE = Recipe(epochs=3, batch=8)


class Digits:
    """32 images of noise on ten patterns, that depend on their index alone."""

    def __len__(self) -> int:
        return 32

    def batch(self, chosen: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        fixed = torch.Generator().manual_seed(5)
        patterns, noise = torch.rand(10, 1, 28, 28, generator=fixed), torch.rand(32, 1, 28, 28, generator=fixed)
        label = torch.arange(32) % 10
        levels = (0.8 * patterns[label] + 0.2 * noise).mul(255).round().byte()
        return levels[chosen], label[chosen]


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    train(Training(replace(RECIPE, epochs=25, learning_rate=3e-3), ALONE), Digits(), tmp_path)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert len(losses) == 25
    assert losses[-1] < 0.5 * losses[0]


def _parts(tmp_path: Path, recipe: Recipe, data: Digits, after: int) -> tuple[Training, Training]:
    """The same run in one piece, and interrupted after some steps."""
    folders = [tmp_path / name for name in ("whole", "parts")]
    for folder in folders:
        folder.mkdir()
    whole, first, second = (Training(recipe, ALONE) for _ in range(3))
    train(whole, data, folders[0])
    steps = len(data) // recipe.batch * recipe.epochs
    for x, label in list(batches(data, recipe.batch, recipe.epochs, recipe.seed, ALONE, 0))[:after]:
        first.train_step(x, label, first.step / steps)
    first.save(folders[1])
    second.load(folders[1])
    train(second, data, folders[1])
    return whole, second


def test_a_run_resumed_from_its_checkpoint_ends_bit_for_bit_like_one_in_one_piece(tmp_path: Path) -> None:
    whole, second = _parts(tmp_path, RECIPE, Digits(), after=5)
    assert second.step == whole.step == 12
    for (name, a), b in zip(whole.network.state_dict().items(), second.network.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_dropout_goes_on_as_it_would_have(tmp_path: Path) -> None:
    """Of MobileNetV3, whose head drops out: the chance of a step must not depend on the steps before it."""
    recipe = replace(default_recipe("caltech101", "mobilenetv3"), epochs=1, batch=2)
    x, label = torch.rand(2, 3, 64, 64), torch.tensor([1, 2])
    first, second = Training(recipe, ALONE), Training(recipe, ALONE)
    losses = [float(first.train_step(x, label, 0.0)) for _ in range(2)]
    first.save(tmp_path)
    after = float(first.train_step(x, label, 0.0))
    second.load(tmp_path)
    torch.rand(3)
    assert float(second.train_step(x, label, 0.0)) == after
    assert len({*losses, after}) == 3


def test_images_are_small_for_the_first_part_of_the_run() -> None:
    training, x = Training(replace(RECIPE, small_side=14, small_share=0.75), ALONE), torch.rand(2, 1, 28, 28)
    assert torch.allclose(training.shrunk(x, 0.74), F.avg_pool2d(x, 2))
    assert training.shrunk(x, 0.75) is x


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    Training(RECIPE, ALONE).save(tmp_path)
    with pytest.raises(ValueError, match="another recipe"):
        Training(replace(RECIPE, seed=1), ALONE).load(tmp_path)


def test_fewer_images_than_a_batch_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="smaller --batch"):
        train(Training(replace(RECIPE, batch=64), ALONE), Digits(), tmp_path)


def test_a_teachers_answers_are_weighed_against_the_labels() -> None:
    logits, label = torch.randn(4, 10), torch.tensor([0, 1, 2, 3])
    half = Training(Recipe(teacher_share=0.5, temperature=1.0), ALONE)
    # A teacher that agrees adds nothing ...
    assert half.loss(logits, label, logits) == pytest.approx(float(0.5 * F.cross_entropy(logits, label)))
    # ... and one that is sure of the label says what the label says.
    sure = 50.0 * F.one_hot(label, 10)
    assert half.loss(logits, label, sure) == pytest.approx(float(F.cross_entropy(logits, label)), rel=1e-4)


def test_a_students_loss_falls_towards_its_teacher(tmp_path: Path) -> None:
    torch.manual_seed(3)
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).eval().requires_grad_(False)
    train(Training(replace(RECIPE, epochs=10, teacher="a line", teacher_share=1.0), ALONE, teacher), Digits(), tmp_path)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert losses[-1] < 0.5 * losses[0]


def test_misread_images_are_told_by_index() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
    network[1].weight.data = torch.eye(2)  # the brighter pixel's place is the class
    images = torch.tensor([[9, 1], [1, 9], [9, 1], [1, 9], [9, 1]], dtype=torch.uint8).view(5, 1, 1, 2)
    assert misread(network, LabelledImages(images, torch.tensor([0, 0, 0, 1, 1])), batch=2) == [1, 4]


def test_a_head_is_the_best_there_is() -> None:
    """The objective is convex: at its least value the gradient is none, wherever the head began."""
    torch.manual_seed(0)
    x, label = torch.randn(60, 5), torch.randint(3, (60,))
    heads = [nn.Linear(5, 3), nn.Linear(5, 3)]
    values = [fit(head, x, label, weight_decay=0.1, iterations=100) for head in heads]
    assert values[0] == pytest.approx(values[1], abs=1e-6)
    assert torch.allclose(heads[0].weight, heads[1].weight, atol=1e-3)
    gradient = torch.autograd.grad(
        F.cross_entropy(heads[0](x), label) + 0.05 * heads[0].weight.square().sum(), heads[0].weight
    )[0]
    assert gradient.abs().max() < 1e-4


def test_pooled_features_are_kept_and_fit_their_images(tmp_path: Path) -> None:
    network = build_target("caltech101", "lite0")
    images = torch.randint(256, (3, 3, 224, 224), dtype=torch.uint8)
    found = pooled(network, images, tmp_path / "some.safetensors", batch=2)
    assert torch.allclose(network.head(found), network(images / 255.0), atol=1e-4)
    assert torch.equal(pooled(network, images, tmp_path / "some.safetensors"), found)
    with pytest.raises(ValueError, match="delete it"):
        pooled(network, images[:2], tmp_path / "some.safetensors")


@pytest.mark.parametrize("network", ["resnet50", "densenet121", "mobilenetv3", "lite1", "lite2"])
def test_a_network_answers_for_every_class_and_passes_a_gradient_to_the_image(network: str) -> None:
    built = build_target("caltech256", network).eval()
    x = torch.rand(1, 3, 64, 64, requires_grad=True)
    logits = built(x)
    assert logits.shape == (1, 256)
    (gradient,) = torch.autograd.grad(logits[0, 0], x)
    assert gradient.abs().max() > 0


def test_what_a_lite_learns_is_its_head_or_everything() -> None:
    network = build_target("caltech101", "lite0")
    assert set(learned(network)) == {"head.weight", "head.bias"}
    assert len(learned(network.requires_grad_(True))) == len(network.state_dict())


def test_a_target_that_is_not_there_is_told_with_its_command(tmp_path: Path) -> None:
    command = r"python -m training\.train_classifier --dataset caltech101 --network resnet50 --teacher lite2"
    with pytest.raises(FileNotFoundError, match=command):
        load_target("caltech101", "resnet50", tmp_path)
    with pytest.raises(ValueError, match="no target classifier 'lenet5' on 'caltech101'"):
        load_target("caltech101", "lenet5", tmp_path)


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    (tmp_path / "caltech101-lite0").mkdir()
    save_file({"head.weight": torch.zeros(101, 1280)}, tmp_path / "caltech101-lite0" / "weights.safetensors")
    with pytest.raises(ValueError, match=r"missing .*head\.bias"):
        load_target("caltech101", "lite0", tmp_path)
