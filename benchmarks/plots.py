"""Series of measurements -> a picture that is legible on light and on dark pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

Points = Sequence[tuple[float, float]]

_INK = "#757d87"  # as far from white as from GitHub's dark
_COLOURS = ("#2f81f7", "#d9730d")
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "layer-constructs",  # else the ids are new each time
    "svg.fonttype": "none",  # text stays text
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw(panels: Mapping[str, Mapping[str, Points]], path: Path, *, unit: str) -> None:
    """A panel for each thing that grows, with logarithmic axes: what is linear has the slope of the dotted lines.

    The same numbers give the same bytes.

    :param panels: by what grows, the points of each line by its name; all have the same lines.
    :param unit: of the upright axes.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(3.1 * len(panels), 3.2))
        FigureCanvasSVG(figure)
        (all_axes,) = figure.subplots(1, len(panels), sharey=True, squeeze=False)
        for axes, (grows, lines) in zip(all_axes, panels.items(), strict=True):
            axes.set_xscale("log")
            axes.set_yscale("log")
            counts = [count for count, _ in next(iter(lines.values()))]
            for (name, points), colour in zip(lines.items(), _COLOURS, strict=False):
                values = [value for _, value in points]
                axes.plot(counts, values, marker="o", color=colour, label=name)
                axes.plot(counts, [values[-1] * n / counts[-1] for n in counts], ":", color=colour, linewidth=1)
            axes.set_xlabel(grows)
            axes.set_xticks(counts, [f"{n:g}" for n in counts])
            axes.xaxis.set_minor_locator(NullLocator())
        all_axes[0].plot([], [], ":", color=_INK, label="linear")
        low, high = all_axes[0].get_ylim()
        lowest = min(value for lines in panels.values() for points in lines.values() for _, value in points)
        all_axes[0].set_ylim(max(low, lowest / 2), high)
        all_axes[0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        all_axes[0].yaxis.set_minor_locator(NullLocator())
        all_axes[0].set_ylabel(unit)
        handles, names = all_axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="upper center", ncols=len(names), frameon=False)
        figure.tight_layout(rect=(0, 0, 1, 0.92))
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})
