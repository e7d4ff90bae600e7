"""A real JPEG encoder and decoder (libjpeg-turbo through OpenCV) for tensors of images."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor


def jpeg(x: Tensor, quality: int) -> Tensor:
    """Encodes and decodes each image; colour is subsampled 4:2:0, OpenCV's and most platforms' default.

    Args:
        x: shape (N, C, H, W), C 1 or 3, range [0, 1].
        quality: 1..100.

    Returns:
        Same shape and device, on the 8-bit grid.

    Raises:
        ValueError: neither 1 nor 3 channels, or a quality out of range.
    """
    if x.shape[1] not in (1, 3):
        raise ValueError(f"{x.shape[1]} channels: a JPEG has 1 or 3")
    if not 1 <= quality <= 100:
        raise ValueError(f"quality is {quality}: a JPEG's lies in 1..100")
    levels = x.clamp(0.0, 1.0).mul(255.0).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    # The channels' order matters: luminance weighs them differently.
    decoded = np.stack([_one(image[..., ::-1], quality)[..., ::-1] for image in levels])
    return torch.from_numpy(decoded.copy()).permute(0, 3, 1, 2).to(x.device, torch.float32) / 255.0


def jpeg_pixels(pixels: np.ndarray, quality: int) -> np.ndarray:
    """The same for one photo of shape (H, W, 3), uint8, RGB."""
    return np.ascontiguousarray(_one(pixels[..., ::-1], quality)[..., ::-1])


def _one(bgr: np.ndarray, quality: int) -> np.ndarray:
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(bgr), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError(f"OpenCV could not encode an image of shape {bgr.shape} as JPEG")
    return cv2.imdecode(data, cv2.IMREAD_UNCHANGED).reshape(bgr.shape)
