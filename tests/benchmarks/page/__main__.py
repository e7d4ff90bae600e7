"""`make performance`: writes docs/performance.md and its pictures from the results. Nothing is measured here."""

from __future__ import annotations

from pathlib import Path

from page import render

ROOT = Path(__file__).parents[3]


def main() -> None:
    results, pictures = ROOT / "tests/benchmarks/results", ROOT / "docs/pictures/performance"
    pictures.mkdir(parents=True, exist_ok=True)
    for section in render.sections():
        if hasattr(section, "pictures"):
            section.pictures(results, pictures)
    page = ROOT / "docs" / "performance.md"
    page.write_text(render.page(results))
    print(f"{page.relative_to(ROOT)} is made.")


if __name__ == "__main__":
    main()
