"""The dimension reducer DR: down, up, and a skip around both (section 3.2, Table 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

Down = Literal["avg", "max", "conv"]
Up = Literal["avg", "max", "conv"]


@dataclass(frozen=True)
class ReducerConfig:
    """One combination of Table 1.

    Raises:
        ValueError: a kernel below 2, or an up-sampling by maximum without the indices of a maximum.
    """

    down: Down = "conv"
    up: Up = "avg"
    skip: bool = False
    #: Side of a cell in pixels, and the stride ("stride = 2 for kernel size = 2x2").
    kernel: int = 2

    def __post_init__(self) -> None:
        if self.kernel < 2:
            raise ValueError(f"kernel is {self.kernel}: a dimension reducer merges cells of 2x2 pixels or more")
        if self.up == "max" and self.down != "max":
            raise ValueError("up-sampling by maximum needs the indices of a down-sampling by maximum (Table 1)")


def combinations(kernel: int = 2) -> list[ReducerConfig | None]:
    """The rows of Table 1 that can be built, in its order; None is the row without a reducer."""
    found: list[ReducerConfig | None] = [None]
    for skip in (False, True):
        for down in ("avg", "max", "conv"):
            ups: tuple[Up, ...] = ("avg", "max", "conv") if down == "max" else ("avg", "conv")
            found += [ReducerConfig(down, up, skip, kernel) for up in ups]
    return found


class DimensionReducer(nn.Module):
    """r -> up(down(r)), plus r where the skip is on.

    A picture whose sides the kernel does not divide has narrower cells at its right and lower border: their average is
    that of the pixels they have.

    Args:
        channels: of the perturbation.
    """

    def __init__(self, config: ReducerConfig, channels: int) -> None:
        super().__init__()
        self.config = config
        kernel = config.kernel
        if config.down == "conv":
            self.down = nn.Conv2d(channels, channels, kernel, stride=kernel)
        if config.up == "conv":
            self.up = nn.ConvTranspose2d(channels, channels, kernel, stride=kernel)

    def forward(self, r: Tensor) -> Tensor:
        """r: shape (N, C, H, W). Returns the same shape."""
        kernel, height, width = self.config.kernel, r.shape[-2], r.shape[-1]
        whole = F.pad(r, (0, -width % kernel, 0, -height % kernel))
        if self.config.down == "max":
            small, indices = F.max_pool2d(whole, kernel, return_indices=True)
        elif self.config.down == "avg":
            small = F.avg_pool2d(r, kernel, ceil_mode=True, count_include_pad=False)
        else:
            small = self.down(whole)
        if self.config.up == "max":
            large = F.max_unpool2d(small, indices, kernel)
        elif self.config.up == "avg":
            large = _spread(small, kernel, whole)
        else:
            large = self.up(small)
        reduced = large[..., :height, :width]
        return r + reduced if self.config.skip else reduced


def build_reducer(config: ReducerConfig | None, channels: int) -> nn.Module:
    """The reducer of a configuration; the identity for none ("NA" in Table 1)."""
    return nn.Identity() if config is None else DimensionReducer(config, channels)


def cell_means(r: Tensor, kernel: int) -> Tensor:
    """Each pixel's cell mean: average down, average up, the case that Appendix B proves. Same shape as r."""
    small = F.avg_pool2d(r, kernel, ceil_mode=True, count_include_pad=False)
    return _spread(small, kernel, r)


def cell_headroom(x: Tensor, kernel: int) -> tuple[Tensor, Tensor]:
    """How far each pixel's cell can move before one of its pixels leaves [0, 1]: least and most, same shape as x."""
    lower = -(1.0 - F.max_pool2d(1.0 - x, kernel, ceil_mode=True))
    upper = 1.0 - F.max_pool2d(x, kernel, ceil_mode=True)
    return _spread(lower, kernel, x), _spread(upper, kernel, x)


def _spread(small: Tensor, kernel: int, like: Tensor) -> Tensor:
    """Each pixel of a cell takes the cell's one value: equation (17)."""
    large = small.repeat_interleave(kernel, dim=-2).repeat_interleave(kernel, dim=-1)
    return large[..., : like.shape[-2], : like.shape[-1]]
