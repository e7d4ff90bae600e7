"""One pass of RGAN over a batch: every loss, under the objective that a recipe asks for."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import relu

from training import losses
from training.models.grid import round_through
from training.models.rgan import Discriminator, Rgan
from training.rgan_recipe import Objective


@dataclass(frozen=True)
class Losses:
    """Batch means, and the adversarial examples that D learns from."""

    total: Tensor
    parts: dict[str, Tensor]
    adversarial: Tensor


def stored(x: Tensor) -> Tensor:
    """The values that an 8-bit file keeps of x, range [0, 1]; gradients pass the rounding as if it were not there."""
    return round_through(x.clamp(0.0, 1.0) * 255.0) / 255.0


class RganLosses(nn.Module):
    """G's and R's losses as one module, so that DistributedDataParallel sees one forward a step.

    Args:
        classifier: C, frozen, images in [0, 1].
        discriminator: D, or None where the objective has no GAN.
    """

    def __init__(
        self, rgan: Rgan, objective: Objective, classifier: nn.Module, discriminator: Discriminator | None
    ) -> None:
        super().__init__()
        self.rgan = rgan
        self.objective = objective
        # In a list: the judges' parameters are not this module's to train, to average or to save.
        self._judges = [classifier, discriminator]

    def forward(self, x: Tensor, label: Tensor, progress: float = 1.0) -> Losses:
        """x: shape (N, C, H, W), range [0, 1]; label: shape (N,); progress: how far the run is, 0..1."""
        goal, weights = self.objective, self.objective.weights
        perturbation = self.rgan.perturbation(x)
        adversarial = stored(x + perturbation) if goal.stored else x + perturbation
        # What R has to find is what was in fact added.
        added = adversarial - x if goal.stored else perturbation
        parts = {
            "attack": self._attack(adversarial, label),
            "indistinguishable": self._indistinguishable(adversarial),
            "intensity": self._intensity(perturbation),
        }
        total = losses.generator_loss(parts["attack"], parts["indistinguishable"], parts["intensity"], weights)
        parts |= self._recovery(adversarial, added, label, progress)
        total = total + weights.recovery * parts["recovery"] + weights.recovered_label * parts["recovered_label"]
        return Losses(total, {k: v.detach() for k, v in parts.items()}, adversarial.detach())

    def _attack(self, adversarial: Tensor, label: Tensor) -> Tensor:
        logits = self._classify(adversarial)
        if self.objective.attack == "margin":
            return losses.margin_loss(logits, label, self.objective.confidence).mean()
        return losses.attack_cross_entropy(logits, label).mean()

    def _indistinguishable(self, adversarial: Tensor) -> Tensor:
        discriminator = self._judges[1]
        if discriminator is None:
            return adversarial.new_zeros(())
        verdict = discriminator(adversarial)
        if self.objective.gan == "least_squares":
            return losses.least_squares_generator_loss(verdict).mean()
        return losses.indistinguishability_loss(verdict).mean()

    def _intensity(self, perturbation: Tensor) -> Tensor:
        squared = losses.intensity_loss(perturbation)
        if self.objective.intensity == "budget":
            allowed = perturbation[0].numel() * 10.0 ** (-self.objective.budget_db / 10.0)
            return relu(squared / allowed - 1.0).mean()
        # The root's slope is infinite at 0, where an untrained generator may be.
        return (squared if self.objective.intensity == "squared" else (squared + 1e-12).sqrt()).mean()

    def _recovery(self, adversarial: Tensor, added: Tensor, label: Tensor, progress: float) -> dict[str, Tensor]:
        shared = self.objective.weights.shared_recovery
        if self.objective.share_ramp:
            shared *= min(1.0, progress / self.objective.share_ramp)
        seen, target = _share(adversarial, shared), _share(added, shared)
        estimate = self.rgan.recovered_perturbation(seen)
        parts = {"recovery": losses.recovery_error(estimate, target).mean()}
        if self.objective.weights.recovered_label:
            logits = self._classify(seen - estimate)
            parts["recovered_label"] = losses.recovered_cross_entropy(logits, label).mean()
        else:
            parts["recovered_label"] = adversarial.new_zeros(())
        return parts

    def _classify(self, images: Tensor) -> Tensor:
        classifier = self._judges[0]
        assert classifier is not None
        logits: Tensor = classifier(images)
        return logits.float()

    def discriminator_loss(self, discriminator: nn.Module, x: Tensor, adversarial: Tensor) -> Tensor:
        """D's loss on originals and adversarial examples, batch mean."""
        if self.objective.gan == "least_squares":
            return losses.least_squares_discriminator_loss(discriminator(x), discriminator(adversarial)).mean()
        return losses.discriminator_loss(discriminator(x), discriminator(adversarial)).mean()


def _share(value: Tensor, share: float) -> Tensor:
    """The value, passing only a share of its gradient on."""
    if share == 1.0:
        return value
    detached = value.detach()
    return detached if share == 0.0 else detached + share * (value - detached)
