"""An environment for each rival's server, made once under out/rivals/: its pinned packages, then the project's.

The project's packages come second on the path, so that all servers run the same torch, and nothing of a rival is ever
installed beside the project.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

ENVIRONMENTS = Path("out/rivals/environments")
_REQUIREMENTS = Path(__file__).parent / "requirements"


def python(name: str, with_project: bool = True) -> Path:
    """The Python of a rival's environment, which is made now unless it is there with these very packages.

    Args:
        with_project: whether it sees the project's packages behind its own.

    Raises:
        subprocess.CalledProcessError: pip failed; what it said is on the terminal.
    """
    folder = (ENVIRONMENTS / name).absolute()
    wanted = (_REQUIREMENTS / f"{name}.txt").read_text()
    done = folder / "installed.txt"
    if not done.is_file() or done.read_text() != wanted:
        print(f"installing {name} under {ENVIRONMENTS}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", _REQUIREMENTS / f"{name}.txt"], check=True)
        if with_project:
            site_packages = next(folder.glob("lib/python3*/site-packages"))
            ours = sysconfig.get_path("purelib")
            (site_packages / "project.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
        done.write_text(wanted)
    return folder / "bin/python"
