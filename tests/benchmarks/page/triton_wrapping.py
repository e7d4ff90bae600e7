"""The section of `make bench-triton`: what the services cost on top of Triton."""

from __future__ import annotations

import json
from pathlib import Path

from page.render import notes, table


def section(results: Path) -> str | None:
    path = results / "triton_wrapping.json"
    if not path.is_file():
        return None
    found = json.loads(path.read_text())
    ratios = [
        (what, name.replace("_over_direct_", " over direct: ").replace("_", " "), f"{value:.3f}")
        for what, rows in found["ratios"].items()
        for name, value in rows.items()
    ]
    share = {name: f"{100 * value:.0f} %" for name, value in found["share_of_inference_in_protect"].items()}
    return "\n\n".join(
        [
            "## On top of Triton",
            *notes(found),
            "*Direct* is Triton's bare stub; *tensor* one inference, *protect* a whole sealed one. Of a sealed "
            f"Protect, the inferences, each with its wait and those side by side counted each, are {share['service']} of the call's time on Triton and {share['embedded']} in process.",
            table(["what", "ratio", "value"], ratios),
            f"*`{found['command']}`, commit {found['commit']}; {found['cores']} cores, {found['rounds']} rounds, "
            f"{found['concurrency']} at once for calls a second, {found['date']}.*",
        ]
    )
