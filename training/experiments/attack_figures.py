"""Figures 4 and 5: what leads the paper to its recoverer's shape, and to the dimension reducer."""

from __future__ import annotations

from training.attacks import AdvGanSettings
from training.experiments import notes
from training.experiments.attack_rows import AdvGanExemplified, Exemplified, Transferred
from training.experiments.competition import CALTECH_NETWORKS, CW, CW_PHOTO, LITE0, MNIST, PGD_MNIST, PGD_PHOTO
from training.experiments.experiment import Experiment, Row

#: As many of the test digits as are described; all of them would show the same.
_DIGITS = 500
#: On photos a value moves as far as PGD's may, and the norm is asked to stay below half of what that comes to.
_ADVGAN_PHOTO = AdvGanSettings(epsilon=8 / 255, norm_bound=6.0, epochs=20, batch=16)


def figure4() -> Experiment:
    """FGSM's examples from each network to each, itself too: a row for each pair, named by the source."""
    rows = [
        Row("caltech101", source, f"to_{target}", Transferred("caltech101", source, target))
        for source in CALTECH_NETWORKS
        for target in CALTECH_NETWORKS
    ]
    return Experiment("figure4", "Figure 4: transferability of FGSM, epsilon 8/255", tuple(rows), notes.FIGURE4)


def figure5() -> Experiment:
    """Optimised, gradient and generated perturbations."""
    rows = (
        Row(*MNIST, "cw", Exemplified(*MNIST, CW, _DIGITS)),
        Row(*MNIST, "pgd", Exemplified(*MNIST, PGD_MNIST, _DIGITS)),
        Row(*MNIST, "advgan", AdvGanExemplified(*MNIST, AdvGanSettings(), 10_000, _DIGITS)),
        Row(*LITE0, "cw", Exemplified(*LITE0, CW_PHOTO)),
        Row(*LITE0, "pgd", Exemplified(*LITE0, PGD_PHOTO)),
        Row(*LITE0, "advgan", AdvGanExemplified(*LITE0, _ADVGAN_PHOTO, 500)),
    )
    return Experiment("figure5", "Figure 5: what C&W, PGD and AdvGAN write", rows, notes.FIGURE5)
