"""Lets torchvision, and what uses it, be imported beside a CPU build of torch.

torchvision's wheel expects a CUDA build of torch: beside a CPU build its import fails for want of the schemas of two
operators, which nothing here calls.
"""

from __future__ import annotations

import torch

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

#: Lives as long as the module: the schemas go with it.
_LIBRARY = torch.library.Library("torchvision", "FRAGMENT")
# Beside a CUDA build torchvision defines them itself.
for _name in ("nms", "qnms") if torch.version.cuda is None else ():
    if not hasattr(torch.ops.torchvision, _name):
        _LIBRARY.define(_name + _SCHEMA)
