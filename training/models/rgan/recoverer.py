"""The recoverer R: "a homologous network with the same depth of the generator" (section 3.2)."""

from __future__ import annotations

from training.models.rgan.generator import EncoderDecoder


class Recoverer(EncoderDecoder):
    """R: protected photo -> its perturbation, estimated; same shape as the photo."""
