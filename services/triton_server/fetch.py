"""Fetches the server from PyPI: NVIDIA's wheel nvidia-pytriton carries a real tritonserver and its Python backend.

The wheel is unpacked into a folder of its own and never installed beside the project, for it asks for numpy 1. Of it
only the server's binary, the Python backend and the libraries are used; models run in stubs of this environment's
Python, with the torch that the project pins.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path

#: The wheel, which carries tritonserver 2.51.
WHEEL = "nvidia-pytriton==0.7.0"
#: Python versions for which the wheel has stubs.
PYTHONS = ("3.11", "3.12", "3.13")
#: Where it goes unless SRAE_TRITON_HOME says otherwise.
HOME = Path(__file__).parents[2] / ".triton"
_STAND_IN = Path(__file__).parent / "backends" / "pytorch"


class FetchError(Exception):
    """The server cannot be had. The sentence says why, and what to do."""


@dataclass(frozen=True)
class Installation:
    """A fetched server: its folder and what it needs to run."""

    folder: Path

    @property
    def binary(self) -> Path:
        return self.folder / "wheel" / "pytriton" / "tritonserver" / "bin" / "tritonserver"

    @property
    def backends(self) -> Path:
        return self.folder / "backends"

    def environment(self, threads: int) -> dict[str, str]:
        """The server's environment: its stubs run this Python, with so many threads each."""
        libraries = [str(self.folder / "wheel" / "nvidia_pytriton.libs"), sysconfig.get_config_var("LIBDIR") or ""]
        return {
            **os.environ,
            "LD_LIBRARY_PATH": ":".join(libraries),
            # A stub finds its packages through the first python3 on the path, and through nothing else.
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
            "OMP_NUM_THREADS": str(threads),
        }


def installation(home: Path = HOME) -> Installation:
    """The server, fetched now unless it is there.

    Raises:
        FetchError: this Python has no stub, or PyPI cannot be reached.
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    if python not in PYTHONS:
        raise FetchError(f"{WHEEL} has no stub for Python {python}. Use one of {', '.join(PYTHONS)}.")
    folder = home / f"{WHEEL.replace('==', '-')}-py{python}"
    if not folder.is_dir():
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home, prefix="partial-") as partial:
            _unpack(Path(partial) / "server", python)
            Path(partial, "server").rename(folder)
    # Ours is the newest at every start: the stand-in can change while the wheel stays.
    shutil.copytree(_STAND_IN, folder / "backends" / "pytorch", dirs_exist_ok=True)
    return Installation(folder)


def _unpack(folder: Path, python: str) -> None:
    wheel = folder / "wheel"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    ended = subprocess.run([*command, "--target", wheel, WHEEL], capture_output=True, text=True)
    if ended.returncode != 0:
        raise FetchError(f"{WHEEL} cannot be fetched from PyPI: {ended.stderr.strip()[-500:]}")
    server = wheel / "pytriton" / "tritonserver"
    backend = folder / "backends" / "python"
    shutil.copytree(server / "backends" / "python", backend)
    shutil.copy2(server / "python_backend_stubs" / python / "triton_python_backend_stub", backend)
    # The other Pythons' stubs and the wheel's own Python are not used.
    shutil.rmtree(server / "python_backend_stubs")
