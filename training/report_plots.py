"""Plots of docs/reproduction.md, each from the JSONs of one experiment on one data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.experiments.experiment import Experiment
from training.report_names import DEFENSES, DISTORTIONS, KERNELS, NETWORKS
from training.report_tables import Record

Found = Mapping[str, Record]
Plot = Callable[[Experiment, Found], Figure]


def heat_map(experiment: Experiment, found: Found) -> Figure:
    """Figure 4: a square for each pair of networks, grey where it has not been run."""
    names = list(dict.fromkeys(row.network for row in experiment.rows))
    values = np.full((len(names), len(names)), np.nan)
    for row in experiment.rows:
        if row.name in found:
            place = names.index(row.network), names.index(row.method.removeprefix("to_"))
            values[place] = found[row.name]["metrics"]["asr_percent"]
    figure, axes = _figure(7.0, 5.5)
    axes.set_facecolor("lightgrey")
    shown = axes.imshow(values, cmap="viridis", vmin=0, vmax=100)
    for (i, j), value in np.ndenumerate(values):
        missing = bool(np.isnan(value))
        text = "not run" if missing else f"{value:.1f}"
        axes.text(j, i, text, ha="center", va="center", fontsize=8, color="black" if missing or value > 60 else "white")
    labels = [NETWORKS[name] for name in names]
    axes.set_xticks(range(len(names)), labels, rotation=30, ha="right")
    axes.set_yticks(range(len(names)), labels)
    axes.set_xlabel("target: to whom the examples are shown")
    axes.set_ylabel("source: whose gradient they follow")
    figure.colorbar(shown, label="attack success rate (%)")
    return figure


def depths_apart(experiment: Experiment, found: Found) -> Figure:
    """Figure 6a: over the difference of the depths."""
    return _losses(experiment, found, lambda g, r: g - r, "depth of G minus depth of R (12 together)")


def depths_together(experiment: Experiment, found: Found) -> Figure:
    """Figure 6b: over the sum of the depths."""
    return _losses(experiment, found, lambda g, r: g + r, "depth of G plus depth of R (each half)")


def _losses(experiment: Experiment, found: Found, place: Callable[[int, int], int], label: str) -> Figure:
    figure, axes = _figure(6.5, 4.0)
    depths = {row.name: [int(part[1:]) for part in row.method.split("_")] for row in experiment.rows}
    x = {name: place(*pair) for name, pair in depths.items()}
    _two_lines(axes, x, found, ("recover_l2", "$L_{R\\_mse}$ (L2)"), ("recover_adv_loss", "$L_{R\\_adv}$"))
    axes.set_xlabel(label)
    axes.set_xticks(sorted(x.values()))
    return figure


def weights(experiment: Experiment, found: Found) -> Figure:
    """Figure 10: strength and success over lambda_2."""
    figure, axes = _figure(6.5, 4.0)
    x = {row.name: float(row.method.removeprefix("lambda")) for row in experiment.rows}
    _two_lines(axes, x, found, ("generator_l2", "$L_{G\\_mse}$ (L2)"), ("generator_adv_loss", "$L_{G\\_adv}$"))
    axes.set_xlabel("$\\lambda_2$")
    axes.set_xticks(sorted(x.values()), [f"{value:g}" for value in sorted(x.values())])
    return figure


def _two_lines(
    left: Axes, x: Mapping[str, float], found: Found, first: tuple[str, str], second: tuple[str, str]
) -> None:
    """Two metrics over x, each with an axis of its own."""
    for axes, (key, label), style in ((left, first, "C0o-"), (left.twinx(), second, "C1s--")):
        points = sorted((x[name], record["metrics"][key]) for name, record in found.items())
        axes.plot(*zip(*points, strict=True), style)
        axes.set_ylabel(label, color=style[:2])
        axes.tick_params(axis="y", labelcolor=style[:2])
        axes.set_ylim(bottom=0)


def distortions(experiment: Experiment, found: Found) -> Figure:
    """Figure 7: a group of bars a distortion, a bar a kernel."""
    rows = [row for row in experiment.rows if row.name in found]
    metrics = {KERNELS[row.method]: found[row.name]["metrics"] for row in rows}
    bars = {kernel: [values[f"{name}_asr_percent"] for name in DISTORTIONS] for kernel, values in metrics.items()}
    alone = [found[rows[0].name]["metrics"][f"{name}_clean_changed_percent"] for name in DISTORTIONS]
    figure = _bars(list(DISTORTIONS.values()), bars)
    axes = figure.axes[0]
    width = 0.42
    for place, value in enumerate(alone):
        label = "the distortion alone" if place == 0 else ""
        axes.hlines(value, place - width, place + width, colors="black", linestyles="dotted", label=label)
    axes.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.25))
    return figure


def adaptive(experiment: Experiment, found: Found) -> Figure:
    """Figure 8: a bar a defense, and one for what the defense does to clean images."""
    rows = [row for row in experiment.rows if row.name in found]
    bars = {
        "protected, then defended": [found[row.name]["metrics"]["asr_percent"] for row in rows],
        "clean, then defended": [found[row.name]["metrics"]["clean_changed_percent"] for row in rows],
    }
    figure = _bars([DEFENSES[row.method].replace(" (", "\n(") for row in rows], bars)
    figure.axes[0].legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, 1.15))
    return figure


def _bars(groups: Sequence[str], bars: Mapping[str, Sequence[float]]) -> Figure:
    figure, axes = _figure(9.0, 4.2)
    width = 0.84 / max(len(bars), 1)
    for index, (label, values) in enumerate(bars.items()):
        places = [group - 0.42 + (index + 0.5) * width for group in range(len(groups))]
        drawn = axes.bar(places, values, width * 0.92, label=label)
        axes.bar_label(drawn, fmt="%.0f", fontsize=6)
    axes.set_xticks(range(len(groups)), groups, rotation=20, ha="right", fontsize=8)
    axes.set_ylabel("answers changed (%)")
    axes.set_ylim(0, 105)
    return figure


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    # Not pyplot's: it keeps its figures, and asks for a window where there is one.
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


#: By experiment.
PLOTS: dict[str, Plot] = {
    "figure4": heat_map,
    "figure6a": depths_apart,
    "figure6b": depths_together,
    "figure7": distortions,
    "figure8": adaptive,
    "figure10": weights,
}
