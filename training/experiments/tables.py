"""The paper's tables and figures as declarations: what is trained, what is measured, under which name."""

from __future__ import annotations

from dataclasses import replace

from training.attacks import DDN
from training.experiments import notes
from training.experiments.attack_figures import figure4, figure5
from training.experiments.competition import LITE0, MNIST, defenses, photo_defenses, table3, table4, table5
from training.experiments.defended import Nothing, Ready
from training.experiments.experiment import Experiment, Row
from training.experiments.rgan_rows import Adapted, Distorted, Measured
from training.models.rgan import ReducerConfig, combinations
from training.rgan_recipe import RganRecipe, best, photo_tables, published


def short(recipe: RganRecipe) -> RganRecipe:
    """The paper's 150 epochs, a fall every 50, made short enough to train dozens of models on a CPU.

    The same three learning rates, an epoch each; small batches give the steps that few epochs lack. And judged on
    stored values, as every table here is.
    """
    schedule = replace(recipe.schedule, epochs=3, fall_every=1, batch=64)
    return replace(recipe, schedule=schedule, objective=replace(recipe.objective, stored=True))


def _weights(recipe: RganRecipe, **changes: float) -> RganRecipe:
    weights = replace(recipe.objective.weights, **changes)
    return replace(recipe, objective=replace(recipe.objective, weights=weights))


def _reducer(recipe: RganRecipe, reducer: ReducerConfig | None) -> RganRecipe:
    return replace(recipe, model=replace(recipe.model, reducer=reducer))


def _depths(recipe: RganRecipe, generator: int, recoverer: int) -> RganRecipe:
    return replace(recipe, model=replace(recipe.model, generator_depth=generator, recoverer_depth=recoverer))


def _name(config: ReducerConfig | None) -> str:
    if config is None:
        return "na"
    return f"{'skip' if config.skip else 'plain'}_{config.down}_{config.up}"


def table1() -> Experiment:
    """Down, up and skip of the dimension reducer."""
    rows = [Row(*MNIST, _name(c), Measured(_reducer(short(published()), c))) for c in combinations()]
    return Experiment("table1", "Table 1: the dimension reducer", tuple(rows), notes.TABLE1)


def table2() -> Experiment:
    """The recoverer's loss."""
    mixes = [(1, 0), (0, 1), (1, 1), (10, 1), (100, 1)]
    rows = [
        Row(*MNIST, f"alpha{a}_beta{b}", Measured(_weights(short(published()), recovery=a, recovered_label=b)))
        for a, b in mixes
    ]
    return Experiment("table2", "Table 2: alpha L_R_mse + beta L_R_adv", tuple(rows), notes.TABLE2)


def figure6a() -> Experiment:
    """The same total depth, split differently."""
    rows = [Row(*MNIST, f"g{g}_r{12 - g}", Measured(_depths(short(published()), g, 12 - g))) for g in (2, 4, 6, 8, 10)]
    return Experiment("figure6a", "Figure 6a: depth of G against depth of R, 12 together", tuple(rows), notes.DEPTHS)


def figure6b() -> Experiment:
    """More depth, split evenly."""
    rows = [Row(*MNIST, f"g{d}_r{d}", Measured(_depths(short(published()), d, d))) for d in (1, 2, 4, 6, 8)]
    return Experiment("figure6b", "Figure 6b: total depth", tuple(rows), notes.DEPTHS)


def figure7() -> Experiment:
    """Attack success under distortions, by kernel."""
    kernels: list[ReducerConfig | None] = [None, *(ReducerConfig(kernel=k) for k in (2, 3, 4))]
    rows = [
        Row(*MNIST, "na" if k is None else f"k{k.kernel}", Distorted(_reducer(short(published()), k))) for k in kernels
    ]
    rows.append(Row(*MNIST, "best", Distorted(best())))
    rows.append(Row(*LITE0, "photo", Distorted(photo_tables())))
    return Experiment("figure7", "Figure 7: attack success under distortions", tuple(rows), notes.FIGURE7)


def figure8() -> Experiment:
    """Attack success against defenses."""
    rows = [Row(*MNIST, "none", Adapted(best(), Ready(Nothing())))]
    rows += [Row(*MNIST, name, Adapted(best(), spec)) for name, spec in defenses(DDN()).items()]
    rows.append(Row(*LITE0, "none", Adapted(photo_tables(), Ready(Nothing()))))
    rows += [Row(*LITE0, name, Adapted(photo_tables(), spec)) for name, spec in photo_defenses(DDN()).items()]
    return Experiment("figure8", "Figure 8: attack success against defenses", tuple(rows), notes.FIGURE8)


def figure10() -> Experiment:
    """The weight of the intensity; its pictures are Figure 9's."""
    rows = [
        Row(*MNIST, f"lambda{value}", Measured(_weights(short(published()), intensity=value)))
        for value in (0.5, 1, 2, 4, 8, 14)
    ]
    return Experiment("figure10", "Figures 9 and 10: lambda_2", tuple(rows), notes.FIGURE10)


_BUILDERS = (
    table1, table2, table3, table4, table5, figure4, figure5, figure6a, figure6b, figure7, figure8, figure10,
)  # fmt: skip
EXPERIMENTS = {build.__name__: build for build in _BUILDERS}
