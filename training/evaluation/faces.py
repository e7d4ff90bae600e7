"""The fifth part: whether a face detector, which no code is made against, still finds the face of a protected photo.

MTCNN (Zhang, Zhang, Li and Qiao, 2016) with its published weights, of another family, for another task.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from services.evaluation.metrics import psnr_db
from services.imaging import codec
from training.data.photos import caltech_paths, split_digit
from training.evaluation.lines import Row
from training.evaluation.protections import Protections
from training.evaluation.subjects import Subject

Pixels = NDArray[np.uint8]
Box = NDArray[np.float32]

#: A face counts as found where the detector is surer than this, and in a protected photo where the boxes overlap so.
CONFIDENCE, OVERLAP = 0.9, 0.5


class FaceDetector:
    """MTCNN on photos of any size."""

    def __init__(self) -> None:
        try:
            from facenet_pytorch import MTCNN
            from facenet_pytorch.models.utils import detect_face
        except ModuleNotFoundError:
            # Not among the project's packages: it asks for an older torch, with whose successors it works as well.
            raise SystemExit("The face detector is missing: pip install --no-deps facenet-pytorch==2.6.0") from None
        detect_face.batched_nms = _without_doubles  # torchvision's wants compiled code, which not every build has
        self._network: Any = MTCNN(keep_all=True)

    def face(self, pixels: Pixels) -> Box | None:
        """The surest face's left, top, right and bottom; None where there is none."""
        boxes, confidences = self._network.detect(pixels)
        if boxes is None or max(confidences) <= CONFIDENCE:
            return None
        best: Box = boxes[int(np.argmax(confidences))]
        return best


def _without_doubles(boxes: Tensor, scores: Tensor, groups: Tensor, threshold: float) -> Tensor:
    """Indices of the boxes that overlap no surer one of their group by more than the threshold, the surest first."""
    corners = boxes.numpy()
    sizes = np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
    kept = cv2.dnn.NMSBoxesBatched(sizes.tolist(), scores.tolist(), groups.int().tolist(), 0.0, threshold)
    surest_first = sorted(np.asarray(kept, np.int64).reshape(-1), key=lambda index: -float(scores[index]))
    return torch.as_tensor(surest_first, dtype=torch.int64)


def face_subjects(root: Path) -> Iterator[Subject]:
    """The photos of Caltech-101's class *Faces* in its test tenth, in a fixed random order; people in offices."""
    paths = [path for path in caltech_paths(root, "caltech101") if path.parent.name == "Faces"]
    tested = [path for path in paths if split_digit(f"Faces/{path.name}") == 0]
    for index in np.random.default_rng(0).permutation(len(tested)):
        yield Subject(f"faces-{tested[index].stem}", codec.decode(tested[index].read_bytes()), -1)


def measure(subject: Subject, protections: Protections, detector: FaceDetector) -> dict[str, Row]:
    """Rows of one photo: whether its face is still found, protected and under white noise of the same strength."""
    original, protected = subject.photo.pixels, protections.protected(subject)
    face = detector.face(original)
    rms = float(np.sqrt(np.mean((protected.astype(float) - original) ** 2)))
    noise = np.random.default_rng(0).normal(0.0, rms, original.shape)
    noisy = np.clip(np.rint(original + noise), 0, 255).astype(np.uint8)
    return {
        name: Row(face is not None, _is_found(face, detector.face(pixels)), {"psnr_db": psnr_db(original, pixels)})
        for name, pixels in (("protected", protected), ("white noise", noisy))
    }


def _is_found(face: Box | None, found: Box | None) -> bool:
    return face is not None and found is not None and overlap(face, found) > OVERLAP


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes (left, top, right, bottom)."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = float(max(width, 0.0) * max(height, 0.0))
    return shared / float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)
