"""The paper's networks, one file each."""

from training.models.rgan.dimension_reducer import DimensionReducer, ReducerConfig, combinations
from training.models.rgan.discriminator import Discriminator
from training.models.rgan.generator import Generator
from training.models.rgan.recoverer import Recoverer
from training.models.rgan.rgan import Rgan, RganConfig

__all__ = [
    "DimensionReducer",
    "Discriminator",
    "Generator",
    "Recoverer",
    "ReducerConfig",
    "Rgan",
    "RganConfig",
    "combinations",
]
