"""What people are told to install: ours, from the project's folder. The index's `srae` is somebody else's package."""

import re
import tomllib
from pathlib import Path

import pytest
from srae_client import installing

ROOT = Path(__file__).parents[2]
PLACES = ("clients", "docs", "protos", "services", "tests", "training", "README.md", "CHANGELOG.md", "Makefile")
ENDINGS = (".py", ".md", ".json", ".js", ".html", ".yaml", ".proto", ".Dockerfile", "Makefile")
#: `pip install srae`, whatever stands between, quotes or an extra.
FROM_THE_INDEX = re.compile(r"pip3? install (?:-\S+ )*['\"]?srae\b")


def texts() -> list[Path]:
    found = [path for place in PLACES for path in [ROOT / place, *(ROOT / place).rglob("*")]]
    return [
        path for path in found if path.is_file() and path.name.endswith(ENDINGS) and "node_modules" not in path.parts
    ]


def test_nothing_says_to_install_somebody_elses_package() -> None:
    files = [path for path in texts() if path != Path(__file__)]
    assert len(files) > 300, "the search sees the project"
    assert [path for path in files if FROM_THE_INDEX.search(path.read_text("utf-8"))] == []


@pytest.mark.parametrize("said", ["pip install srae", "pip install 'srae[x]'", "pip install --force-reinstall srae,"])
def test_the_search_finds_what_it_is_for(said: str) -> None:
    assert FROM_THE_INDEX.search(said)


def test_the_extras_that_are_named_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    calls = re.compile(r"installing\.command\(['\"](\w+)")
    named = {name for path in texts() for name in calls.findall(path.read_text("utf-8"))}
    assert named >= {"embedded", "bulk", "clients"}
    assert named <= set(extras)
    assert installing.command("bulk") == "pip install -e '.[bulk]' in the project's folder"
