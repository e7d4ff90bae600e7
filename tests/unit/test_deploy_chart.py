"""The chart as rendered: that it fits the server that it starts."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.config import _parser
from services.deploy.checks.__main__ import faults_of
from services.deploy.checks.chart import CHART, DEFAULTS, VALUES, helm, rendered
from services.rpc import health
from services.server import GRACE_SECONDS

Resource = dict[str, Any]


@pytest.fixture(scope="module", params=[DEFAULTS, *VALUES], ids=lambda values: values.stem)
def release(request: pytest.FixtureRequest) -> list[Resource]:
    return rendered(request.param)


def of(resources: list[Resource], kind: str) -> dict[str, Resource]:
    return {found["metadata"]["name"]: found for found in resources if found["kind"] == kind}


def pods(release: list[Resource]) -> list[Resource]:
    return [deployment["spec"]["template"] for deployment in of(release, "Deployment").values()]


def container(pod: Resource) -> Resource:
    (only,) = pod["spec"]["containers"]
    return only


def variables(pod: Resource) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container(pod).get("env", ())}


def test_the_server_knows_every_variable(release: list[Resource]) -> None:
    known = {f"SRAE_{action.dest.upper()}" for action in _parser({})._actions}
    given = {name for pod in pods(release) for name in variables(pod) if name.startswith("SRAE_")}
    assert "SRAE_LISTEN" in given
    assert given <= known


def test_calls_under_way_end_before_a_pod_is_killed(release: list[Resource]) -> None:
    for pod in pods(release):
        sleep = container(pod)["lifecycle"]["preStop"]["sleep"]["seconds"]
        arguments = dict(argument.split("=") for argument in container(pod).get("args", ()) if "=" in argument)
        needed = float(arguments.get("--exit-timeout-secs", GRACE_SECONDS))
        assert pod["spec"]["terminationGracePeriodSeconds"] >= sleep + needed + 5


@pytest.mark.parametrize("component", ["services", "triton"])
def test_a_grace_period_that_is_too_short_is_refused(component: str) -> None:
    with pytest.raises(RuntimeError, match=f"{component}.terminationGracePeriodSeconds has to be"):
        rendered(DEFAULTS, "--set", f"{component}.terminationGracePeriodSeconds=24")


def test_certificates_of_clients_need_a_secret_that_signed_them() -> None:
    with pytest.raises(RuntimeError, match=r"requireClientCertificates needs tls\.existingSecret"):
        rendered(DEFAULTS, "--set", "tls.requireClientCertificates=true")


def test_probes_ask_what_the_server_answers(release: list[Resource]) -> None:
    (pod,) = (pod for pod in pods(release) if variables(pod))
    port = int(variables(pod)["SRAE_HEALTH_LISTEN"].rpartition(":")[2])
    asked = {kind: container(pod)[f"{kind}Probe"]["grpc"] for kind in ("startup", "readiness", "liveness")}
    assert {probe["port"] for probe in asked.values()} == {port}
    assert asked["liveness"]["service"] == asked["startup"]["service"] == health.LIVE
    assert asked["readiness"].get("service", "") == health.OVERALL


def test_ports_are_those_that_the_server_listens_on(release: list[Resource]) -> None:
    (pod,) = (pod for pod in pods(release) if variables(pod))
    given = variables(pod)
    ports = {port["name"]: port["containerPort"] for port in container(pod)["ports"]}
    assert str(ports["grpc"]) == given["SRAE_LISTEN"].rpartition(":")[2]
    assert str(ports["metrics"]) == given["SRAE_METRICS_PORT"]


def test_nothing_runs_with_more_rights_than_it_needs(release: list[Resource]) -> None:
    for pod in pods(release):
        assert pod["spec"]["securityContext"]["runAsNonRoot"]
        assert pod["spec"]["securityContext"]["runAsUser"] > 0
        assert pod["spec"]["automountServiceAccountToken"] is False
        security = container(pod)["securityContext"]
        assert security["readOnlyRootFilesystem"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}


def test_every_service_policy_and_budget_selects_pods(release: list[Resource]) -> None:
    selectors = [service["spec"]["selector"] for service in of(release, "Service").values()]
    selectors += [policy["spec"]["podSelector"]["matchLabels"] for policy in of(release, "NetworkPolicy").values()]
    for kind in ("PodDisruptionBudget", "PodMonitor"):
        selectors += [found["spec"]["selector"]["matchLabels"] for found in of(release, kind).values()]
    labels = [pod["metadata"]["labels"] for pod in pods(release)]
    for selector in selectors:
        assert sum(selector.items() <= found.items() for found in labels) == 1


def test_the_services_find_tritons_pods_under_a_headless_name(release: list[Resource]) -> None:
    (pod,) = (pod for pod in pods(release) if variables(pod))
    if len(pods(release)) == 1:
        return
    name, port = variables(pod)["SRAE_TRITON_URL"].removeprefix("dns:///").split(":")
    service = of(release, "Service")[name]["spec"]
    assert service["clusterIP"] == "None"
    assert [entry["port"] for entry in service["ports"]] == [int(port)]


def test_the_autoscaler_asks_for_the_metric_that_the_adapter_gives() -> None:
    rule = yaml.safe_load((CHART / "monitoring" / "prometheus-adapter.yaml").read_text())["rules"][0]
    scaler = of(rendered(), "HorizontalPodAutoscaler")["photos-srae-triton"]
    assert scaler["spec"]["metrics"][0]["pods"]["metric"]["name"] == rule["name"]["as"]


def test_operators_resources_come_only_where_the_operator_is() -> None:
    known, unknown = rendered(), rendered(with_operators=False)
    assert {found["kind"] for found in known} - {found["kind"] for found in unknown} == {"PodMonitor", "PrometheusRule"}


def test_gpus_are_asked_for_where_they_are_wanted() -> None:
    (values,) = (values for values in VALUES if values.stem == "gpu")
    pod = of(rendered(values), "Deployment")["photos-srae-triton"]["spec"]["template"]
    assert container(pod)["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert "memory" in container(pod)["resources"]["limits"]
    assert "--model-config-name=gpu" in container(pod)["args"]
    assert pod["spec"]["nodeSelector"] == {"nvidia.com/gpu.present": "true", "pool": "photos"}
    assert pod["spec"]["tolerations"]


def test_an_unknown_value_is_refused() -> None:
    with pytest.raises(RuntimeError, match="additional properties 'replica' not allowed"):
        rendered(DEFAULTS, "--set", "services.replica=3")


def test_the_check_finds_what_kubernetes_would_refuse(tmp_path: Path) -> None:
    resources = rendered()
    assert faults_of(resources) == []
    of(resources, "Deployment")["photos-srae"]["spec"]["template"]["spec"]["terminationGracePeriod"] = 1
    of(resources, "Service")["photos-srae"]["spec"]["ports"][0]["port"] = "many"
    assert [fault.split(":")[0] for fault in faults_of(resources)] == ["Service photos-srae", "Deployment photos-srae"]

    broken = shutil.copytree(CHART, tmp_path / "srae")
    (broken / "templates" / "broken.yaml").write_text("{{ .Values.nothing.at.all }}")
    with pytest.raises(RuntimeError, match="nil pointer"):
        helm("template", "photos", str(broken))
