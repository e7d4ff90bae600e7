"""RGAN: the generator, the dimension reducer and the recoverer as one model (Figure 3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from torch import Tensor, nn

from training.models.rgan.dimension_reducer import ReducerConfig, build_reducer
from training.models.rgan.generator import DEPTH, WIDTHS, Generator, Norm, Widths, bounded
from training.models.rgan.recoverer import Recoverer


@dataclass(frozen=True)
class RganConfig:
    """The networks' shapes."""

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


class Rgan(nn.Module):
    """What RGAN makes of an image; D and C are its judges and stay outside."""

    def __init__(self, config: RganConfig) -> None:
        super().__init__()
        self.config = config
        self.generator = Generator(config.channels, config.widths, config.generator_depth, config.norm, config.links)
        self.reducer = build_reducer(config.reducer, config.channels)
        self.recoverer = Recoverer(config.channels, config.widths, config.recoverer_depth, config.norm, config.links)

    def perturbation(self, x: Tensor) -> Tensor:
        """DR(G(x)), float, same shape as x; x + DR(G(x)) is the adversarial example before it is stored.

        The bound acts before the reducer and after it, since a learned up-sampling may amplify.
        """
        reduced = cast(Tensor, self.reducer(bounded(self.generator(x), self.config.bound)))
        return reduced if self.config.bound is None else reduced.clamp(-self.config.bound, self.config.bound)

    def recovered_perturbation(self, protected: Tensor) -> Tensor:
        """R(x'), the estimate r* of the perturbation in an adversarial example x'."""
        return cast(Tensor, self.recoverer(protected))
