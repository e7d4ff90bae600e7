"""What classifiers see, as it travels."""

from __future__ import annotations

from srae.v1 import image_pb2

from services.evaluation.report import ClassifierView, Prediction


def to_wire(view: ClassifierView) -> image_pb2.ClassifierView:
    """What one classifier sees."""
    return image_pb2.ClassifierView(
        classifier=view.classifier,
        original=_prediction(view.original),
        protected_photo=_prediction(view.protected),
        restored=None if view.restored is None else _prediction(view.restored),
        is_protected=view.is_protected,
        was_used_in_making=view.was_used_in_making,
    )


def _prediction(prediction: Prediction) -> image_pb2.Prediction:
    return image_pb2.Prediction(label=prediction.label, confidence=prediction.confidence)
