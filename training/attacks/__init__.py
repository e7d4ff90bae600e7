"""Attacks behind one signature: adv-lib's, foolbox's, and AdvGAN."""

from training.attacks.advgan import AdvGan, AdvGanSettings, train_advgan
from training.attacks.attack import Attack
from training.attacks.carlini_wagner import CarliniWagner
from training.attacks.ddn import DDN
from training.attacks.fgsm import FGSM
from training.attacks.pgd import PGD

__all__ = ["DDN", "FGSM", "PGD", "AdvGan", "AdvGanSettings", "Attack", "CarliniWagner", "train_advgan"]
