"""``holdfast model show --plots``: plots of ROC, lift, calibration and each feature's curve.

Matplotlib is an extra: a server needs no plots, and it is twice the size of all the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from app.errors import Refused
from app.model.model_status import ModelStatus

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from models.analysis.prequential import Curves
    from models.learning.report import LearnerReport
    from models.scoring.snapshot import Curve

INSTALL: Final = "pip install 'holdfast[plots]'"
_PAGE: Final = (4, 3)
"""Rows and columns of a page of feature curves."""


def draw(found: ModelStatus, directory: Path, kind: str) -> Iterator[Path]:
    """Write the plots one by one; a figure that is not known yet has no plot.

    Raises
    ------
    app.errors.Refused
        If matplotlib is not installed, or the directory cannot be written.
    """
    figure = _matplotlib()
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"{directory}: {error.strerror}", "choose another directory:  --plots DIR") from error
    for name, drawn in _pictures(found, figure):
        path = directory / f"{name}.{kind}"
        drawn.savefig(path, dpi=120)
        yield path


def _matplotlib() -> type[Figure]:
    try:
        from matplotlib.figure import Figure
    except ImportError as missing:
        raise Refused("plots need matplotlib, which is not installed", INSTALL) from missing
    return Figure


def _pictures(found: ModelStatus, figure: type[Figure]) -> Iterator[tuple[str, Figure]]:
    report = found.report
    if report is not None:
        curves = {"served": report.quality.served_curves, "prior": report.quality.prior_curves}
        known = {name: each for name, each in curves.items() if each is not None}
        if known:
            yield "roc", _roc(figure, known, report)
            yield "lift", _lift(figure, known)
            yield "calibration", _calibration(figure, known)
    size = _PAGE[0] * _PAGE[1]
    shown = found.served.curves
    for page, start in enumerate(range(0, len(shown), size), 1):
        yield f"curves-{page:02d}", _curves(figure, shown[start : start + size], found.served.version)


def _axes(figure: type[Figure], title: str, x: str, y: str) -> tuple[Figure, Axes]:
    drawn = figure(figsize=(6, 5), layout="constrained")
    axes = drawn.subplots()
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(visible=True, alpha=0.3)
    return drawn, axes


def _roc(figure: type[Figure], known: dict[str, Curves], report: LearnerReport) -> Figure:
    drawn, axes = _axes(figure, "ROC: leavers found against stayers flagged", "share of stayers", "share of leavers")
    figures = {"served": report.quality.served, "prior": report.quality.prior}
    for name, curves in known.items():
        auc = figures[name].roc_auc
        label = name if auc is None else f"{name}: AUC {auc.value:.3f} ({auc.low:.3f}-{auc.high:.3f})"
        axes.plot(*zip(*curves.roc, strict=True), label=label)
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="chance")
    axes.legend()
    return drawn


def _lift(figure: type[Figure], known: dict[str, Curves]) -> Figure:
    drawn, axes = _axes(figure, "Lift: leavers found, against random picks", "share contacted, riskiest first", "lift")
    for name, curves in known.items():
        axes.plot(*zip(*curves.lift, strict=True), label=name)
    axes.axhline(1.0, color="grey", linestyle=":", label="chance")
    axes.legend()
    return drawn


def _calibration(figure: type[Figure], known: dict[str, Curves]) -> Figure:
    drawn, axes = _axes(figure, "Calibration, by tenths of risk", "mean predicted risk", "share who left")
    most = max(max(bin_.told, bin_.happened) for curves in known.values() for bin_ in curves.calibration)
    for name, curves in known.items():
        bins = curves.calibration
        axes.plot([b.told for b in bins], [b.happened for b in bins], marker="o", label=name)
    axes.plot([0, most], [0, most], color="grey", linestyle=":", label="perfectly calibrated")
    axes.legend()
    return drawn


def _curves(figure: type[Figure], curves: list[Curve], version: str) -> Figure:
    drawn = figure(figsize=(11, 12))
    drawn.subplots_adjust(left=0.06, right=0.98, bottom=0.04, top=0.93, hspace=0.32)
    drawn.suptitle(f"{version}: what each feature adds to the log-odds")
    rows, columns = _PAGE
    grid: Any = drawn.subplots(rows, columns, squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place >= len(curves):
            axes.set_visible(False)
            continue
        _curve(axes, curves[place])
    drawn.legend(handles=_legend(), loc="upper right", fontsize=8)
    return drawn


def _legend() -> list[Line2D]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color="grey", linestyle=":", label="no value"),
        Line2D([], [], color="green", linestyle="--", label="usual"),
    ]


def _curve(axes: Axes, curve: Curve) -> None:
    axes.plot(curve.knots, curve.values, marker=".")
    axes.axhline(curve.missing, color="grey", linestyle=":")
    if curve.usual is not None:
        axes.axvline(curve.usual, color="green", linestyle="--", alpha=0.6)
    axes.set_title(curve.feature, fontsize=9)
    axes.tick_params(labelsize=7)
