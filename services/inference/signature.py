"""What each model takes and gives. Exported configurations and both backends go by it, so that neither can differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.errors import UnavailableError, UnknownModelError
from services.imaging.resample import GRID_SIZE, WORKING_SIZE
from services.inference.backend import CLASSIFIER_SIDES

#: The largest batch of any model.
MAX_BATCH = 16


@dataclass(frozen=True)
class Spec:
    """One tensor: its numpy type, and its shape without the batch."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Signature:
    """The tensors of a model, in order: INPUT__0, ..., and OUTPUT__0, ..."""

    inputs: Sequence[Spec]
    outputs: Sequence[Spec]


_PHOTO = Spec("uint8", (3, WORKING_SIZE, WORKING_SIZE))
_CODE = Spec("int8", (3, GRID_SIZE, GRID_SIZE))

#: Photo, headroom (lower and upper), and the strength as PSNR in dB.
_WRITER = [_PHOTO, _CODE, _CODE, Spec("float32", (1,))]
#: The photo again, for the second network that the sealed tier's codes are made with.
_SECOND = Spec("uint8", (3, *[CLASSIFIER_SIDES["classifier_efficientnet_lite1"]] * 2))

SIGNATURES = {
    "protector": Signature(_WRITER, [_CODE]),
    # The last two: the code to start from, zeros or an earlier round's, and how many rounds were made.
    "refiner": Signature([*_WRITER, _SECOND, _CODE, Spec("uint8", (1,))], [_CODE]),
    "recoverer": Signature([_PHOTO], [_CODE]),
    **{
        name: Signature([Spec("uint8", (3, side, side))], [Spec("float32", (1000,))])
        for name, side in CLASSIFIER_SIDES.items()
    },
}


def signature(model: str) -> Signature:
    """The model's signature.

    Raises:
        UnknownModelError: there is no model of that name.
    """
    if model not in SIGNATURES:
        raise UnknownModelError(f"There is no model {model!r}.")
    return SIGNATURES[model]


def check_inputs(model: str, tensors: Mapping[str, NDArray[Any]], version: str) -> None:
    """Refuses tensors that the model does not take, which only an error of ours can bring about.

    Raises:
        UnknownModelError: there is no model of that name, or the version is no number.
        ValueError: a tensor is missing, too many, of another type or shape, or the batch is empty or too large.
    """
    specs = {f"INPUT__{i}": spec for i, spec in enumerate(signature(model).inputs)}
    if version and not (version.isascii() and version.isdigit()):
        raise UnknownModelError(f"Model {model!r} has no version {version!r} here.")
    if set(tensors) != set(specs):
        raise ValueError(f"{model} takes {sorted(specs)}, not {sorted(tensors)}")
    batch = len(tensors["INPUT__0"]) if tensors["INPUT__0"].ndim else 0
    if not 1 <= batch <= MAX_BATCH:
        raise ValueError(f"{model} takes a batch of 1 to {MAX_BATCH}, not of {batch}")
    for name, spec in specs.items():
        _check(f"{name} of {model}", tensors[name], spec, batch)


def check_outputs(model: str, tensors: Mapping[str, NDArray[Any]], batch: int) -> None:
    """Refuses an answer that no model of this name gives: a wrong version must not make a wrong picture.

    Raises:
        UnavailableError: the answer does not fit the signature.
    """
    specs = {f"OUTPUT__{i}": spec for i, spec in enumerate(signature(model).outputs)}
    if set(tensors) != set(specs):
        raise UnavailableError(f"Model {model!r} gave other tensors than it should. Its version has to be replaced.")
    for name, spec in specs.items():
        try:
            _check(name, tensors[name], spec, batch)
        except ValueError as error:
            raise UnavailableError(
                f"Model {model!r} answered wrongly: {error}. Its version has to be replaced."
            ) from error


def _check(name: str, tensor: NDArray[Any], spec: Spec, batch: int) -> None:
    shape = (batch, *spec.shape)
    if tensor.dtype != np.dtype(spec.dtype) or tensor.shape != shape:
        raise ValueError(f"{name} must be {spec.dtype} {shape}, not {tensor.dtype} {tensor.shape}")
