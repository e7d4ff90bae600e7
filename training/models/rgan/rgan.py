"""RGAN: the generator, the dimension reducer and the recoverer as one model (Figure 3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from torch import Tensor, nn

from training.models.rgan.dimension_reducer import ReducerConfig, build_reducer, cell_headroom, cell_means
from training.models.rgan.generator import DEPTH, STRIDES, WIDTHS, Generator, Norm, Strides, Widths, bounded
from training.models.rgan.recoverer import Recoverer


@dataclass(frozen=True)
class RganConfig:
    """The networks' shapes.

    Raises:
        ValueError: whole cells without a reducer that makes them.
    """

    channels: int = 1
    widths: Widths = WIDTHS
    generator_depth: int = DEPTH
    recoverer_depth: int = DEPTH
    norm: Norm = "batch"
    #: Links from encoder to decoder in both networks; the paper has none.
    links: bool = False
    #: The largest perturbation of a pixel, range (0, 1]. The paper states none; None leaves it to the L2 loss alone.
    bound: float | None = None
    reducer: ReducerConfig | None = field(default_factory=ReducerConfig)
    strides: Strides = STRIDES
    #: Keeps what is added the same all over a cell, for photos: each cell is bounded by its headroom, so that no pixel
    #: clips, and R's estimate is averaged over cells, which takes it closer to r (Appendix B). The paper does neither.
    whole_cells: bool = False

    def __post_init__(self) -> None:
        if self.whole_cells and (self.reducer is None or self.reducer.skip or self.reducer.up != "avg"):
            raise ValueError("whole cells need a reducer that gives each cell one value: average up, no skip")


class Rgan(nn.Module):
    """What RGAN makes of an image; D and C are its judges and stay outside."""

    def __init__(self, config: RganConfig) -> None:
        super().__init__()
        self.config = config
        shared = config.norm, config.links, config.strides
        self.generator = Generator(config.channels, config.widths, config.generator_depth, *shared)
        self.reducer = build_reducer(config.reducer, config.channels)
        self.recoverer = Recoverer(config.channels, config.widths, config.recoverer_depth, *shared)

    def perturbation(self, x: Tensor) -> Tensor:
        """DR(G(x)), float, same shape as x; x + DR(G(x)) is the adversarial example before it is stored.

        The bound acts before the reducer and after it, since a learned up-sampling may amplify.
        """
        reduced = cast(Tensor, self.reducer(bounded(self.generator(x), self.config.bound)))
        if self.config.bound is not None:
            reduced = reduced.clamp(-self.config.bound, self.config.bound)
        return reduced.clamp(*cell_headroom(x, self._kernel)) if self.config.whole_cells else reduced

    def recovered_perturbation(self, protected: Tensor) -> Tensor:
        """R(x'), the estimate r* of the perturbation in an adversarial example x'."""
        estimate = cast(Tensor, self.recoverer(protected))
        return cell_means(estimate, self._kernel) if self.config.whole_cells else estimate

    @property
    def _kernel(self) -> int:
        assert self.config.reducer is not None
        return self.config.reducer.kernel
