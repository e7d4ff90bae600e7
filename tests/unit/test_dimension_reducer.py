"""The dimension reducer: every combination of Table 1, and the inequality of Appendix B."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.models.rgan.dimension_reducer import (
    DimensionReducer,
    ReducerConfig,
    build_reducer,
    cell_means,
    combinations,
)


def test_table_1_has_a_row_without_a_reducer_and_fourteen_with_one() -> None:
    found = combinations()
    assert found[0] is None
    assert len(found) == len(set(found)) == 15


def test_a_maximum_needs_the_indices_of_a_maximum() -> None:
    with pytest.raises(ValueError, match="indices"):
        ReducerConfig(down="avg", up="max")


def test_a_cell_of_one_pixel_is_refused() -> None:
    with pytest.raises(ValueError, match="2x2"):
        ReducerConfig(kernel=1)


@pytest.mark.parametrize("kernel", [2, 3, 4, 7])
@pytest.mark.parametrize("size", [(28, 28), (30, 25)])
def test_every_combination_keeps_the_shape_and_passes_gradients(kernel: int, size: tuple[int, int]) -> None:
    r = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    for config in combinations(kernel):
        given_r = r.clone().requires_grad_()
        reduced = build_reducer(config, 3)(given_r)
        assert reduced.shape == r.shape
        reduced.square().sum().backward()
        assert given_r.grad is not None
        assert given_r.grad.abs().sum() > 0


def test_no_reducer_is_the_identity() -> None:
    r = torch.randn(1, 1, 28, 28)
    assert torch.equal(build_reducer(None, 1)(r), r)


@pytest.mark.parametrize("config", [c for c in combinations() if c is not None and c.skip], ids=str)
def test_the_skip_adds_the_perturbation_itself(config: ReducerConfig) -> None:
    r = torch.randn(2, 1, 28, 28)
    with_skip = DimensionReducer(config, 1)
    without = DimensionReducer(ReducerConfig(config.down, config.up, False, config.kernel), 1)
    without.load_state_dict(with_skip.state_dict())
    torch.testing.assert_close(with_skip(r), without(r) + r)


def test_average_takes_each_cells_mean_also_at_a_border_that_the_kernel_does_not_divide() -> None:
    r = torch.arange(25.0).reshape(1, 1, 5, 5)
    means = cell_means(r, 2)
    assert means[0, 0, 0, 0] == (0 + 1 + 5 + 6) / 4
    assert means[0, 0, 4, 4] == 24
    assert means[0, 0, 0, 4] == (4 + 9) / 2


def test_maximum_with_indices_keeps_each_cells_largest_value_in_its_place() -> None:
    r = torch.rand(1, 1, 6, 6) + 0.1
    kept = DimensionReducer(ReducerConfig("max", "max"), 1)(r)
    assert torch.equal(kept[kept != 0], r[kept != 0])
    assert int((kept != 0).sum()) == 9


@given(
    seed=st.integers(0, 2**32 - 1),
    kernel=st.integers(2, 5),
    sides=st.tuples(st.integers(2, 17), st.integers(2, 17)),
    scale=st.floats(1e-3, 1e3),
)
@settings(max_examples=200)
def test_appendix_b_a_cell_constant_estimate_is_nearer_to_the_reduced_perturbation(
    seed: int, kernel: int, sides: tuple[int, int], scale: float
) -> None:
    """Delta' <= Delta, equation (7), for an estimate r* that is one value a cell.

    Equation (19) replaces the sum of r*_i r_i by m times both means, which holds for such an r* and not for every one.
    """
    random = torch.Generator().manual_seed(seed)
    r = scale * torch.randn(2, 1, *sides, generator=random, dtype=torch.float64)
    estimate = cell_means(scale * torch.randn(2, 1, *sides, generator=random, dtype=torch.float64), kernel)
    reduced = cell_means(r, kernel)
    before, after = (estimate - r).norm(), (estimate - reduced).norm()
    assert after <= before * (1 + 1e-12)
    # Equations (5) and (6): what is gained is the perturbation's variance within the cells.
    torch.testing.assert_close(before**2 - after**2, (r - reduced).square().sum(), rtol=1e-6, atol=1e-9 * scale**2)


def test_appendix_b_does_not_hold_for_every_estimate() -> None:
    r = torch.randn(1, 1, 8, 8)
    assert (r - cell_means(r, 2)).norm() > (r - r).norm()
