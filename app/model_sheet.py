"""``holdfast model show`` on a terminal: the model that is served, how good it was, and what guards and drift say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from app.model_standing import Standing
from models.evidence import Bounded
from models.learner_report import Quality, Report
from models.lineage import Kind
from models.lineages import Why
from models.night import Night
from models.prequential import Figures, Uplift

_ORIGIN = {"file": "a file, frozen", "topic": "the topic", "shipped": "shipped with this release"}
_SHOWN = 8
_KIND = {Kind.RIVER: "River's logistic regression over curves", Kind.SMOOTH: "Newton steps over smooth curves"}
_WHY = {
    Why.RIVAL: "it was better beside the one before",
    Why.NO_PRIOR: "it had begun without a prior, and was better",
    Why.DRIFT: "it had begun after a drift, and was better",
}


def show(found: Standing, out: Console, zone: ZoneInfo) -> None:
    """Print it all."""
    for line in _served(found, zone):
        out.print(line, soft_wrap=True)
    out.print()
    if found.report is None:
        out.print("No report of a learner in the topic: it has not run yet, or is of another release.")
    else:
        _report(found.report, out)
    out.print(_night(found.night), soft_wrap=True)
    out.print()
    out.print(_versions(found, zone))
    for refused in found.versions.refused.values():
        out.print(f"refused: {refused.version} at offset {refused.offset}: {refused.reason}: {refused.detail}")


def _served(found: Standing, zone: ZoneInfo) -> Iterator[str]:
    served = found.served
    since = "" if found.since_ms is None else f", since {_when(found.since_ms, zone)}"
    yield f"model {served.version} from {_ORIGIN[found.origin]}{since}"
    yield f"  where its weights come from: {served.provenance.source or 'not said'}"
    yield (
        f"  learned from {served.provenance.rows:,} rows, {served.provenance.positives:,} of them left; "
        f"base rate {_percent(served.base_rate)}; {len(served.curves)} curves; River {served.river_version or '-'}"
    )


def _report(report: Report, out: Console) -> None:
    quality = report.quality
    out.print(f"As the learner last said, after {report.labels:,} labels; it knew of {report.served_version}.")
    if not report.frozen:
        out.print(f"It collects rows before it begins: {report.warm_rows:,} so far.")
    else:
        out.print(_champion(report), soft_wrap=True)
    out.print(_figures(quality))
    out.print(_lead(quality))
    out.print(f"Saved by contacting: {_uplift(quality.uplift)}")
    on = [state for state in report.guards if state.on]
    if not on:
        out.print("Guards: all quiet.")
    for state in on:
        out.print(
            f"Guard {state.guard}: seen {_short(state.seen)} against {_short(state.bound)}; does: {state.behaviour}"
        )
    worst = sorted(report.drift.psi.items(), key=lambda each: -each[1])[:3]
    told = ", ".join(f"{name} {value:.2f}" for name, value in worst) or "not known yet"
    out.print(f"Drift (PSI; {report.drift.psi_bound} is another population): {told}; {report.drift.warnings} warnings.")
    if report.latest is not None:
        verdict = f", {report.latest.verdict}" if report.latest.verdict else ""
        out.print(f"Last look at publishing: {report.latest.step}{verdict}, at {report.latest.labels:,} labels.")


def _champion(report: Report) -> str:
    crowned = report.crowned
    since = "from the beginning" if crowned is None else f"since {crowned.labels:,} labels ({_WHY[crowned.why]})"
    kind = "" if report.champion is None else _KIND[report.champion]
    return f"Champion: {kind}, {since}. {report.waiting:,} leavers' examples wait until their week is known."


def _night(night: Night | None) -> str:
    if night is None:
        return "Segments: no night has been made yet."
    about = f"Segments: last made for the night of {night.day}, by model {night.model_version}"
    groups = night.groups.segments
    if not groups:
        return f"{about}; none: {night.text.en}."
    return f"{about}; {len(groups)} group{'' if len(groups) == 1 else 's'} of {night.groups.customers:,} customers."


def _figures(quality: Quality) -> Table:
    columns = ("", "rows", "left", "AUC", "95 %", "PR-AUC", "lift 10 %", "top 5 %", "log-loss", "ECE")
    table = Table(*columns, box=None, pad_edge=False)
    rows = {"served": quality.served, "served now": quality.incumbent, "champion": quality.champion}
    rows |= {f"served, {name} value": figures for name, figures in quality.by_segment.items() if figures.rows}
    for name, figures in rows.items():
        table.add_row(name, *_columns(figures))
    return table


def _columns(figures: Figures) -> list[str]:
    auc = figures.roc_auc
    return [
        f"{figures.rows:,}",
        f"{figures.positives:,}",
        _figure(None if auc is None else auc.value),
        _interval(auc),
        _figure(figures.pr_auc),
        _figure(figures.lift_top_decile, 2),
        _figure(figures.precision_top_5pct),
        _figure(figures.log_loss),
        _figure(figures.ece),
    ]


def _lead(quality: Quality) -> str:
    lead = quality.lead_time
    if not lead.leavers:
        return "Lead time: nobody has left yet."
    median = "" if lead.median_days is None else f", in the middle {lead.median_days:.1f} days before"
    return f"Lead time: {lead.told:,} of {lead.leavers:,} leavers had an alert{median}."


def _uplift(uplift: Uplift) -> str:
    counts = (
        f"{uplift.hold_out_left:,} of {uplift.hold_out:,} held out left, {uplift.others_left:,} of {uplift.others:,} "
        "others"
    )
    if uplift.saved is None:
        return f"not known yet ({counts})"
    saved = uplift.saved
    return f"{_percent(saved.value)} of the subscribers ({_percent(saved.low)} to {_percent(saved.high)}; {counts})"


def _versions(found: Standing, zone: ZoneInfo) -> Table:
    table = Table("version", "published", "rows", "left", "base rate", "from", box=None, pad_edge=False)
    for each in list(found.versions)[-_SHOWN:][::-1]:
        of = each.snapshot.provenance
        mark = "  <- served" if each.snapshot is found.served else ""
        table.add_row(
            each.snapshot.version + mark,
            _when(each.ts, zone),
            f"{of.rows:,}",
            f"{of.positives:,}",
            _percent(each.snapshot.base_rate),
            of.source,
        )
    if len(found.versions) > _SHOWN:
        table.add_row(f"and {len(found.versions) - _SHOWN} older", "", "", "", "", "")
    return table


def _when(ms: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(ms / 1000, zone).strftime("%Y-%m-%d %H:%M:%S")


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _figure(figure: float | None, digits: int = 4) -> str:
    return "-" if figure is None else f"{figure:.{digits}f}"


def _short(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.4g}"


def _interval(bounded: Bounded | None) -> str:
    return "" if bounded is None else f"{bounded.low:.3f}-{bounded.high:.3f}"
