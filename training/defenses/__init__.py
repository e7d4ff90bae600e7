"""Defenses behind one signature: what an opponent, or a platform, may try to undo a protection with."""

from training.defenses.ape_gan import ApeGan, ApeGanSettings, train_ape_gan
from training.defenses.arn import Arn, ArnSettings, train_arn
from training.defenses.defense import Defense
from training.defenses.pixel_deflection import PixelDeflection
from training.defenses.quilting import Quilting, QuiltingAfterVariation
from training.defenses.resize_pad import RandomResizePad
from training.defenses.shield import Shield
from training.defenses.super_resolution import EdsrSettings, SuperResolution, train_edsr
from training.defenses.total_variation import TotalVariation

__all__ = [
    "ApeGan",
    "ApeGanSettings",
    "Arn",
    "ArnSettings",
    "Defense",
    "EdsrSettings",
    "PixelDeflection",
    "Quilting",
    "QuiltingAfterVariation",
    "RandomResizePad",
    "Shield",
    "SuperResolution",
    "TotalVariation",
    "train_ape_gan",
    "train_arn",
    "train_edsr",
]
