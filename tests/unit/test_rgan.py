"""RGAN's networks, and that a step of training lowers each loss."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from training.distributed import World
from training.losses import LossWeights
from training.models.rgan import Discriminator, Generator, Recoverer, Rgan, RganConfig
from training.models.rgan.dimension_reducer import ReducerConfig
from training.rgan_losses import RganLosses
from training.rgan_recipe import Objective, RganRecipe, Schedule, best, published, released
from training.train_rgan import Training, learning_rate

ALONE = World(0, 1, torch.device("cpu"))


class Linear(nn.Module):
    """A classifier whose every answer can be turned."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layer = nn.Linear(784, 10)
        self.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.layer(x.flatten(1))
        return found


def _batch() -> tuple[Tensor, Tensor]:
    x = torch.rand(8, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    return x, Linear()(x).argmax(dim=1)


@pytest.mark.parametrize("depth", [0, 1, 4, 10])
@pytest.mark.parametrize("size", [(28, 28), (224, 224), (30, 27)])
def test_generator_and_recoverer_keep_the_size_at_any_depth(depth: int, size: tuple[int, int]) -> None:
    x = torch.rand(2, 3, *size)
    for network in (Generator(3, depth=depth), Recoverer(3, depth=depth, norm="instance")):
        assert network(x).shape == x.shape
        assert len(network.bottleneck) == depth


@pytest.mark.parametrize("strides", [(1, 1, 1), (4, 2, 2), (2, 2, 1)])
def test_any_strides_give_the_size_back(strides: tuple[int, int, int]) -> None:
    for size in ((224, 224), (30, 27)):
        assert Generator(3, depth=1, links=True, strides=strides)(torch.rand(2, 3, *size)).shape == (2, 3, *size)


def test_whole_cells_are_one_value_a_cell_and_clip_nowhere() -> None:
    rgan = Rgan(RganConfig(3, bound=0.5, strides=(4, 2, 2), reducer=ReducerConfig("avg", kernel=4), whole_cells=True))
    with torch.no_grad():
        for parameter in rgan.parameters():
            parameter.mul_(3.0)
        x = torch.rand(2, 3, 32, 24, generator=torch.Generator().manual_seed(0)).mul(255).round() / 255
        perturbation = rgan.perturbation(x)
        estimate = rgan.recovered_perturbation(x + perturbation)
    assert perturbation.abs().max() > 0.01
    assert 0 <= float((x + perturbation).min()) <= float((x + perturbation).max()) <= 1
    for found in (perturbation, estimate):
        cells = found.unfold(2, 4, 4).unfold(3, 4, 4).flatten(4)
        assert float((cells - cells[..., :1]).abs().max()) < 1e-6


def test_whole_cells_need_a_reducer_that_makes_them() -> None:
    for reducer in (None, ReducerConfig(skip=True), ReducerConfig(up="conv")):
        with pytest.raises(ValueError, match="whole cells"):
            RganConfig(whole_cells=True, reducer=reducer)


def test_a_recipe_keeps_its_name_when_the_defaults_gain_a_field_and_loses_it_with_any_change() -> None:
    assert best().digest() == "783ba99c5fa2"
    others = [best(), best(26), replace(best(), seed=1), replace(best(), model=RganConfig(links=True)), published()]
    assert len({recipe.digest() for recipe in others}) == len(others)


def test_within_its_budget_a_perturbation_costs_nothing() -> None:
    recipe = replace(best(), objective=replace(best().objective, intensity="budget", budget_db=20.0))
    losses = RganLosses(Rgan(recipe.model), recipe.objective, Linear(), None)
    within, beyond = torch.full((1, 1, 28, 28), 0.09), torch.full((1, 1, 28, 28), 0.2)
    assert float(losses._intensity(within)) == 0.0
    assert float(losses._intensity(beyond)) == pytest.approx(3.0, rel=1e-5)


def test_a_negative_depth_is_refused() -> None:
    with pytest.raises(ValueError, match="depth is -1"):
        Generator(1, depth=-1)


def test_the_discriminator_gives_one_logit_an_image() -> None:
    assert Discriminator(3)(torch.rand(5, 3, 32, 32)).shape == (5,)


@pytest.mark.parametrize("reducer", [None, ReducerConfig("conv", "conv", True, 4)])
def test_no_pixel_of_the_perturbation_leaves_the_bound(reducer: ReducerConfig | None) -> None:
    rgan = Rgan(RganConfig(bound=0.1, reducer=reducer))
    with torch.no_grad():
        for parameter in rgan.parameters():
            parameter.mul_(30.0)
    found = float(rgan.perturbation(torch.rand(2, 1, 28, 28)).detach().abs().max())
    assert 0.05 < found <= 0.1 + 1e-7


OBJECTIVES = {
    "published": published().objective,
    "released": released().objective,
    "best": best().objective,
    "recovered label": replace(published().objective, weights=LossWeights(recovered_label=1.0)),
}


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES.keys())
def test_a_step_lowers_the_loss_of_each_network(objective: Objective) -> None:
    recipe = RganRecipe(
        model=RganConfig(norm="instance", bound=0.3), objective=objective, schedule=Schedule(learning_rate=3e-5)
    )
    training = Training(recipe, Linear(), ALONE)
    x, label = _batch()
    before = training.train_step(x, label, 0.0)
    after = training.train_step(x, label, 0.0)
    assert float(after["total"]) < float(before["total"])
    if training.discriminator is not None:
        assert float(after["discriminator"]) < float(before["discriminator"])


@pytest.mark.parametrize(
    ("part", "weights"),
    [
        ("attack", LossWeights(attack=1, indistinguishable=0, intensity=0, recovery=0)),
        ("indistinguishable", LossWeights(attack=0, indistinguishable=1, intensity=0, recovery=0)),
        ("intensity", LossWeights(attack=0, indistinguishable=0, intensity=1, recovery=0)),
        ("recovery", LossWeights(attack=0, indistinguishable=0, intensity=0, recovery=1)),
        ("recovered_label", LossWeights(attack=0, indistinguishable=0, intensity=0, recovery=0, recovered_label=1)),
    ],
)
def test_a_step_on_one_loss_alone_lowers_it(part: str, weights: LossWeights) -> None:
    recipe = RganRecipe(
        model=RganConfig(norm="instance", bound=0.3),
        objective=Objective(weights=weights),
        schedule=Schedule(learning_rate=1e-4),
    )
    training = Training(recipe, Linear(), ALONE)
    x, label = _batch()
    before = training.train_step(x, label, 0.0)[part]
    with torch.no_grad():
        after = training.losses(x, label).parts[part]
    assert float(after) < float(before)


def test_the_papers_objective_leaves_the_recovery_out_of_the_generators_gradient() -> None:
    for shared, reached in ((0.0, False), (1.0, True)):
        weights = LossWeights(attack=0, indistinguishable=0, intensity=0, shared_recovery=shared)
        rgan = Rgan(RganConfig(bound=0.3))
        losses = RganLosses(rgan, Objective(weights=weights, gan="none"), Linear(), None)
        losses(*_batch()).total.backward()
        moved = sum(float(p.grad.abs().sum()) for p in rgan.generator.parameters() if p.grad is not None)
        assert (moved > 0) == reached


def test_stored_losses_see_what_a_file_keeps() -> None:
    rgan = Rgan(RganConfig())
    x, label = _batch()
    found = RganLosses(rgan, Objective(gan="none", stored=True), Linear(), None)(x, label).adversarial
    levels = found * 255
    assert float((levels - levels.round()).abs().max()) < 1e-3
    assert 0 <= float(found.min()) <= float(found.max()) <= 1


def test_generators_step_leaves_no_gradient_in_the_discriminator_or_the_classifier() -> None:
    classifier = Linear()
    training = Training(RganRecipe(), classifier, ALONE)
    assert training.discriminator is not None
    training.discriminator.requires_grad_(False)
    training.losses(*_batch()).total.backward()
    assert all(p.grad is None for p in [*training.discriminator.parameters(), *classifier.parameters()])


def test_the_published_schedule_falls_tenfold_every_50_epochs() -> None:
    schedule = published().schedule
    rates = [learning_rate(schedule, epoch / 150) for epoch in (0, 49, 50, 99, 100, 149)]
    torch.testing.assert_close(torch.tensor(rates), torch.tensor([1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5]))
