"""What experiments, networks and methods are called on the page."""

from __future__ import annotations

DATASETS = {"mnist": "MNIST", "caltech101": "Caltech-101", "caltech256": "Caltech-256"}

NETWORKS = {
    "lenet5": "LeNet-5",
    "lite0": "EfficientNet-Lite0",
    "lite1": "EfficientNet-Lite1",
    "lite2": "EfficientNet-Lite2",
    "resnet50": "ResNet-50",
    "densenet121": "DenseNet-121",
    "mobilenetv3": "MobileNetV3",
}

DEFENSES = {
    "none": "no defense",
    "xie": "Xie et al. (resize and pad)",
    "guo": "Guo et al. (variation, quilting)",
    "prakash": "Prakash et al. (pixel deflection)",
    "das": "Das et al. (JPEG)",
    "mustafa": "Mustafa et al. (super-resolution)",
    "jin": "Jin et al. (APE-GAN)",
    "zhou": "Zhou et al. (ARN)",
}

KERNELS = {
    "na": "no reducer",
    "k2": "kernel 2",
    "k3": "kernel 3",
    "k4": "kernel 4",
    "best": "our recipe (kernel 2)",
    "photo": "our recipe for photos (kernel 4)",
}

DISTORTIONS = {
    "none": "none",
    "gaussian_blur": "Gaussian blur",
    "jpeg": "JPEG 70",
    "centre_crop": "centre crop 90 %",
    "flip": "flip",
    "resize": "half size",
    "gaussian_noise": "Gaussian noise",
}

#: By method, in tables.
METHODS = {
    **DEFENSES,
    **KERNELS,
    "rgan": "RGAN (our recipe)",
    "clean": "clean",
    "rgan_all": "RGAN (our recipe), all test photos",
    "clean_all": "clean, all test photos",
    **{f"to_{name}": f"to {label}" for name, label in NETWORKS.items()},
    "cw": "C&W (optimised)",
    "pgd": "PGD (gradient)",
    "advgan": "AdvGAN (generated)",
    **{f"lambda{value}": f"lambda_2 = {value}" for value in ("0.5", "1", "2", "4", "8", "14")},
    **{f"alpha{a}_beta{b}": f"alpha = {a}, beta = {b}" for a, b in ((1, 0), (0, 1), (1, 1), (10, 1), (100, 1))},
    **{
        f"{skip}_{down}_{up}": f"{'skip' if skip == 'skip' else 'no skip'}, down {down}, up {up}"
        for skip in ("plain", "skip")
        for down in ("avg", "max", "conv")
        for up in ("avg", "max", "conv")
    },
}
