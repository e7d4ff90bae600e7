"""FGSM by foolbox: one step along the sign of the gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import foolbox
from torch import Tensor, nn


@dataclass(frozen=True)
class FGSM:
    """Goodfellow et al. (2015). The paper's Figure 4 uses epsilon = 8/255."""

    name: ClassVar[str] = "fgsm"
    #: The largest change of a value, range [0, 1].
    epsilon: float = 8 / 255

    def __call__(self, classifier: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        """See :class:`training.attacks.attack.Attack`."""
        model = foolbox.PyTorchModel(classifier, bounds=(0, 1), device=x.device)
        attack = foolbox.attacks.LinfFastGradientAttack()
        adversarial: Tensor = attack.run(model, x, foolbox.criteria.Misclassification(y), epsilon=self.epsilon)
        return adversarial.detach()
