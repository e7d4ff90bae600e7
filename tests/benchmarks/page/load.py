"""The sections of `make load` and `make soak`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from page.render import notes, table

CURVE, MEMORY = "latency-throughput.svg", "soak-memory.svg"
Figures = dict[str, Any]


def section(results: Path) -> str | None:
    parts = [part for part in (_load(results), _soak(results)) if part]
    return "\n\n".join(parts) or None


def _figures(results: Path, name: str) -> Figures | None:
    path = results / f"{name}.json"
    found: Figures | None = json.loads(path.read_text()) if path.is_file() else None
    return found


def _ms(value: float | None) -> str:
    return "too few calls" if value is None else f"{value:.0f}"


def _origin(figures: Figures) -> str:
    about = (
        f"commit {figures['commit']}; {figures['cores']} cores, {figures['machine']}, no GPU used, {figures['date']}"
    )
    return f"*`{figures['command']}`, {about}.*"


def _load(results: Path) -> str | None:
    figures = _figures(results, "load")
    if figures is None:
        return None
    rows = [
        (way, f"{p['share_of_capacity']:g}", f"{p['offered_calls_per_second']:.1f}", f"{p['answered_calls_per_second']:.1f}",
         p["outcomes"]["resource_exhausted"], *(_ms(p["latency"][f"{name}_ms"]) for name in ("p50", "p90", "p99", "p99_9")))
        for way in ("unary", "stream") for p in figures[way]["curve"]["points"]
    ]  # fmt: skip
    alone = [
        (service, *(_ms(figures[way]["services"][service][name]) for way in ("unary", "stream") for name in ("p50_ms", "p90_ms")))
        for service in figures["unary"]["services"]
    ]  # fmt: skip
    over = figures["overload"]
    return "\n\n".join(
        [
            "## Under load",
            *notes(figures),
            f"![Latency against throughput](pictures/performance/{CURVE})",
            f"A mix of Protect, Restore and Evaluate in the one-pass tier, photos of {figures['photo_pixels']} pixels, from a "
            "server with its default limits. Open loop: calls go out at random times (Poisson), whatever became of those "
            "before, and latency counts from the intended time. The capacity is that of a closed loop of "
            f"{figures['unary']['curve']['callers']} callers; {figures['seconds_per_rate']:g} seconds a rate. Latencies in "
            "milliseconds, of calls that were answered.",
            table(["way", "of the capacity", "offered, calls/s", "answered, calls/s", "refused", "p50", "p90", "p99", "p99.9"], rows),
            "One caller alone, milliseconds:",
            table(["service", "unary p50", "unary p90", "stream p50", "stream p90"], alone),
            f"*Overload*: {over['offered_calls_per_second']:.0f} calls a second, three times the capacity, for "
            f"{over['seconds']:g} seconds: {over['outcomes']['ok']} answered, {over['outcomes']['resource_exhausted']} refused with "
            f"RESOURCE_EXHAUSTED, {over['outcomes']['other'] + over['outcomes']['deadline_exceeded']} failed otherwise. At most "
            f"{over['most_calls_in_flight']} calls were in flight; of the accepted, p50 {_ms(over['latency_of_accepted']['p50_ms'])} "
            f"and the slowest {_ms(over['latency_of_accepted']['max_ms'])} ms (alone at most {over['lone_call_slowest_ms']:.0f}). "
            f"Calls were as fast as ever {over['recovery_seconds']:.1f} seconds after it ended. It "
            f"{'passes' if figures['is_passed'] else 'does **not** pass'}.",
            _origin(figures),
        ]
    )  # fmt: skip


def _soak(results: Path) -> str | None:
    figures = _figures(results, "soak")
    if figures is None:
        return None
    memory = figures["memory"]
    failed = figures["calls"] - figures["outcomes"]["ok"]
    return "\n\n".join(
        [
            "## A soak",
            *notes(figures),
            f"![The server's memory](pictures/performance/{MEMORY})",
            f"{figures['minutes']:g} minutes at {100 * figures['share_of_capacity']:.0f} % of the capacity, all services, both tiers, photos of 256, 1,024 and 4,000 "
            f"pixels: {figures['calls']} calls, {failed} failed. Memory over the last three quarters: "
            f"{memory['mib_per_hour']:+.0f} MiB an hour ({memory['low_mib_per_hour']:+.0f} to "
            f"{memory['high_mib_per_hour']:+.0f}) on {memory['mean_mib']:.0f} MiB, at most {memory['most_mib']:.0f}: "
            f"{'flat' if memory['is_flat'] else '**not** flat'} by the rule that the interval's upper end may add "
            f"{100 * memory['flat_share']:.0f} % over the span. The load average at its end was "
            f"{figures['load_average_at_the_end']:.1f}: other work went on.",
            _origin(figures),
        ]
    )


def pictures(results: Path, folder: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "srae"
    from matplotlib import pyplot

    if (figures := _figures(results, "load")) is not None:
        plot, axes = pyplot.subplots(figsize=(7, 4))
        for way, colour in (("unary", "tab:blue"), ("stream", "tab:orange")):
            points = figures[way]["curve"]["points"]
            rates = [point["answered_calls_per_second"] for point in points]
            for name, style in (("p50_ms", "-"), ("p90_ms", "--")):
                values = [point["latency"][name] for point in points]
                axes.plot(rates, values, style, color=colour, marker="o", label=f"{way} {name[:3]}")
        axes.set_xlabel("answered calls a second")
        axes.set_ylabel("latency from the intended time, ms")
        axes.set_ylim(bottom=0)
        axes.legend()
        _save(plot, folder / CURVE)
    if (figures := _figures(results, "soak")) is not None:
        plot, axes = pyplot.subplots(figsize=(7, 3))
        axes.plot([second / 60 for second in figures["rss"]["time_seconds"]], figures["rss"]["mib"])
        axes.set_xlabel("minutes")
        axes.set_ylabel("the server's memory, MiB")
        axes.set_ylim(bottom=0)
        _save(plot, folder / MEMORY)


def _save(plot: Any, path: Path) -> None:
    from matplotlib import pyplot

    plot.tight_layout()
    plot.savefig(path, metadata={"Date": None})
    pyplot.close(plot)
