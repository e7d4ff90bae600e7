"""Checks everything under services/deploy that can be checked without a cluster: ``make check-deploy``."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

from services.deploy.checks.chart import CHART, DEFAULTS, DEPLOY, VALUES, given, helm, rendered

KUBERNETES = "1.37"
#: Kinds of operators, for which Kubernetes publishes no schema: rendered and read, not validated.
UNKNOWN_KINDS = {"PodMonitor", "PrometheusRule", "InferenceService"}


def faults_of(resources: list[dict[str, Any]]) -> list[str]:
    """What Kubernetes would not take, a sentence each. A field that it does not know is a fault."""
    faults = []
    for resource in resources:
        name = f"{resource['kind']} {resource['metadata']['name']}"
        if resource["kind"] in UNKNOWN_KINDS:
            continue
        try:
            kubernetes_validate.validate(resource, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            faults.append(f"{name}: {error.message}")
        except kubernetes_validate.SchemaNotFoundError:
            faults.append(f"{name}: Kubernetes {KUBERNETES} knows no such kind.")
    return faults


def faults_of_chart(values: Path) -> list[str]:
    """What helm or Kubernetes would not take of the chart with a file of values."""
    try:
        helm("lint", "--strict", "--quiet", str(CHART), *given(values))
        both = [*rendered(values), *rendered(values, with_operators=False)]
    except RuntimeError as error:
        return [str(error)]
    return faults_of(both)


def faults_of_manifests() -> list[str]:
    """Of the plain manifests, which need no helm."""
    files = sorted((DEPLOY / "kserve").glob("*.yaml"))
    return faults_of([resource for file in files for resource in yaml.safe_load_all(file.read_text()) if resource])


def faults_of_dockerfiles() -> list[str]:
    """What hadolint says of the Dockerfiles."""
    files = sorted(str(file) for file in (DEPLOY / "docker").glob("*.Dockerfile"))
    ended = subprocess.run([Path(sys.executable).parent / "hadolint", *files], capture_output=True, text=True)
    return [] if ended.returncode == 0 else [ended.stdout + ended.stderr]


def faults_of_alerts(promtool: str) -> list[str]:
    """Which alerts fire when they should not, or the other way round, by Prometheus' own evaluation."""
    test = Path(__file__).parent / "alerts_test.yaml"
    ended = subprocess.run([promtool, "test", "rules", test], capture_output=True, text=True)
    return [] if ended.returncode == 0 else [ended.stdout + ended.stderr]


def main() -> int:
    """Prints a line for each thing that was checked. Status 1 where one has a fault."""
    checks = {f"chart, {values.stem}": faults_of_chart(values) for values in (DEFAULTS, *VALUES)}
    checks |= {"manifests of KServe": faults_of_manifests(), "Dockerfiles": faults_of_dockerfiles()}
    # The one tool that no package of Python's brings; the queries are parsed by the tests without it.
    if promtool := shutil.which("promtool"):
        checks["alerts"] = faults_of_alerts(promtool)
    else:
        print("alerts: read, not evaluated, for promtool is missing (Debian and Ubuntu: apt-get install prometheus)")
    for name, faults in checks.items():
        print(f"{name}: {'fine' if not faults else ''}")
        for fault in faults:
            print(f"  {fault}")
    return 1 if any(checks.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
