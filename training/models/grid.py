"""The product's *up* and headroom on the working image, as differentiable layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from services.imaging.resample import GRID_SIZE, WEIGHT_UNIT, WORKING_SIZE, axis_weights

#: Side of a cell, in working pixels (the paper's kernel size k).
CELL = WORKING_SIZE // GRID_SIZE


class Up(nn.Module):
    """Code on the grid to perturbation on a square photo, with the weights that the services use.

    Shape (N, 3, GRID_SIZE, GRID_SIZE) -> (N, 3, side, side), in levels, not yet rounded.
    """

    def __init__(self, side: int = WORKING_SIZE) -> None:
        super().__init__()
        weights = torch.from_numpy(axis_weights(side).copy()) / WEIGHT_UNIT
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, code: Tensor) -> Tensor:
        return torch.matmul(torch.matmul(self.weights, code), self.weights.t())


def headroom(x: Tensor) -> tuple[Tensor, Tensor]:
    """Lower and upper bound of each cell on the working image, so that no pixel leaves 0..255.

    x: shape (N, 3, WORKING_SIZE, WORKING_SIZE), levels. Returns two tensors (N, 3, GRID_SIZE, GRID_SIZE).
    """
    # A cell's bilinear footprint at k = 4 is 8 pixels a side, from 2 before the cell to 2 after it.
    lower = -(255.0 - F.max_pool2d(255.0 - x, 2 * CELL, CELL, CELL // 2))
    upper = 255.0 - F.max_pool2d(x, 2 * CELL, CELL, CELL // 2)
    return lower, upper


def round_through(x: Tensor) -> Tensor:
    """Rounds forward, is the identity backward (straight-through)."""
    return x + (torch.round(x) - x).detach()
