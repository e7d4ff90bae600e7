"""Alerts and dashboard: queries that Prometheus can read, of metrics that exist, with instructions that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import promql_parser
import pytest
import yaml

from services.deploy.checks.chart import CHART
from services.rpc.metrics import Metrics

DEPLOYMENT = Path(__file__).parents[2] / "docs" / "deployment.md"
ALERTS = yaml.safe_load((CHART / "monitoring" / "alerts.yaml").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((CHART / "monitoring" / "dashboard.json").read_text())
ADAPTER = yaml.safe_load((CHART / "monitoring" / "prometheus-adapter.yaml").read_text())

#: Triton's own, of which its documentation tells and which a server on a CPU reports.
TRITON = {
    "nv_inference_request_success",
    "nv_inference_request_failure",
    "nv_inference_count",
    "nv_inference_exec_count",
    "nv_inference_queue_duration_us",
    "nv_inference_pending_request_count",
}


def queries() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES)
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            # Grafana puts its own values in their place.
            yield target["expr"].replace("$__rate_interval", "1m").replace("$namespace", "photos")
    for rule in ADAPTER["rules"]:
        yield rule["metricsQuery"].replace("<<.GroupBy>>", "pod").replace("<<.LabelMatchers>>", 'pod="x"')
        yield rule["seriesQuery"]


def metrics_of(query: str) -> set[str]:
    """The metrics that a query reads."""
    found = set()

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.add(node.name)

    promql_parser.walk(promql_parser.parse(query), visit)
    return found


def own_metrics() -> set[str]:
    """What a server reports under, the parts of histograms included."""
    names = set()
    for family in Metrics().registry.collect():
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(family.type, ("",))
        names |= {family.name + suffix for suffix in suffixes}
    return names


def test_a_query_that_prometheus_could_not_read_is_found() -> None:
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        promql_parser.parse("sum by (namespace (up)")


def test_every_query_reads_metrics_that_exist() -> None:
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    known = own_metrics() | TRITON | recorded
    read = set().union(*map(metrics_of, queries()))
    assert {"srae_calls_total", "nv_inference_queue_duration_us"} <= read
    assert read <= known


def test_every_recorded_series_is_read() -> None:
    read = set().union(*map(metrics_of, queries()))
    assert {rule["record"] for rule in RULES if "record" in rule} <= read


def test_the_objectives_bound_is_a_bucket_of_the_histogram() -> None:
    """A bound between buckets would select nothing, and its alert would never fire."""
    metrics = Metrics()
    metrics.seconds.labels("m").observe(1.0)
    bounds = {
        sample.labels["le"]
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "srae_call_seconds_bucket"
    }
    asked = {bound for query in queries() for bound in re.findall(r'le="([^"]+)"', query)}
    assert asked
    assert asked <= bounds


def test_every_alert_leads_to_instructions() -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in DEPLOYMENT.read_text().splitlines()
        if line.startswith("#")
    }
    alerts = [rule for rule in RULES if "alert" in rule]
    assert len(alerts) == len({alert["alert"] for alert in alerts})
    for alert in alerts:
        page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
        assert page == "docs/deployment.md"
        assert anchor in headings, alert["alert"]
        assert alert["labels"]["severity"] in ("critical", "warning")


def test_a_dashboards_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(x + place["x"], y + place["y"]) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
