"""Pictures of docs/reproduction.md that show images: the rows' own pictures, with names beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imread

from training.experiments import attack_rows, rgan_rows
from training.experiments.experiment import Row
from training.report_names import METHODS, NETWORKS


@dataclass(frozen=True)
class Strips:
    """A figure of the paper that shows images.

    Args:
        source: the experiment whose rows' pictures it is made of.
        names: what a row's picture shows, from the top.
        kept: which of them are shown.
        wanted: which rows.
    """

    source: str
    names: tuple[str, ...]
    kept: tuple[str, ...]
    wanted: Callable[[Row], bool]

    def files(self, rows: Sequence[Row], results: Path) -> dict[str, Path]:
        """The pictures that there are, by what they are called."""
        paths = {_label(row): results / self.source / f"{row.name}.png" for row in rows if self.wanted(row)}
        return {label: path for label, path in paths.items() if path.is_file()}

    def draw(self, files: dict[str, Path]) -> Figure:
        """The kept strips of each picture, one below the other."""
        pictures = {label: imread(path) for label, path in files.items()}
        parts = {label: self._cut(picture) for label, picture in pictures.items()}
        heights = [part.shape[0] / part.shape[1] for part in parts.values()]
        single = len(self.kept) == 1
        width = 7.0
        figure = Figure(figsize=(width + 1.6, sum(heights) * width + (0.1 if single else 0.4) * len(parts)))
        axes = figure.subplots(len(parts), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
        for one, (label, part) in zip(axes, parts.items(), strict=True):
            one.imshow(part, cmap="gray", vmin=0, vmax=1, aspect="equal", interpolation="nearest")
            strip = part.shape[0] / len(self.kept)
            places = [strip * (index + 0.5) for index in range(len(self.kept))]
            one.set_yticks(places, [label] if single else list(self.kept), fontsize=8)
            one.set_xticks([])
            one.tick_params(length=0)
            one.spines[:].set_visible(False)
            if not single:
                one.set_title(label, fontsize=9)
        return figure

    def _cut(self, picture: np.ndarray) -> np.ndarray:
        strips = np.split(picture, len(self.names))
        return np.concatenate([strips[self.names.index(name)] for name in self.kept])


def _label(row: Row) -> str:
    method = METHODS.get(row.method, row.method)
    return method if row.dataset == "mnist" else f"{method}, {NETWORKS[row.network]}"


#: By the picture's name. Figure 9 is of the rows of Figure 10, and Figure 11 of Table 3's RGAN.
STRIPS: dict[str, Strips] = {
    "figure5-mnist": Strips("figure5", attack_rows.STRIPS, attack_rows.STRIPS, lambda row: row.dataset == "mnist"),
    "figure5-caltech101": Strips("figure5", attack_rows.STRIPS, attack_rows.STRIPS, lambda row: row.dataset != "mnist"),
    "figure9": Strips("figure10", rgan_rows.STRIPS, ("perturbation",), lambda row: True),
    "figure11-mnist": Strips(
        "table3", rgan_rows.STRIPS, rgan_rows.STRIPS, lambda row: row.method == "rgan" and row.dataset == "mnist"
    ),
    "figure11-caltech101": Strips(
        "table3", rgan_rows.STRIPS, rgan_rows.STRIPS, lambda row: row.method == "rgan" and row.network == "lite0"
    ),
}
