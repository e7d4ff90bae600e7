"""Makes the models, and the paper's experiments."""

from training import torchvision_cpu as torchvision_cpu  # before anything here imports torchvision
