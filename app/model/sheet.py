"""``holdfast model show`` on a terminal: the served model, its measured quality, and the state of the guard."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from app.model.model_status import ModelStatus
from app.model.tier_alerts import TierAlerts
from models.analysis.daily_segments import Night
from models.analysis.paired_test import Bounded
from models.analysis.prequential import Figures, LeadTime, Uplift
from models.learning.checkpoint import Step
from models.learning.report import LearnerReport, ServedQuality

_ORIGIN = {"file": "a file, frozen", "topic": "the topic", "shipped": "shipped with this release"}
_SHOWN = 8
_ADVICE = {
    "ranking": "Look at what was deployed at the source of telecom.outcomes.v1: inverted, or joined to others?",
    "leaver_rate": "Does a feed call everybody gone? Or do so many leave: then give the workers HOLDFAST_BASE_RATE, "
    "the share that leaves in a month, and restart them; the guard goes off by itself.",
}
_STEP = {
    Step.WEEKLY: "the weekly update",
    Step.WITHDRAWN: "the learned part had proved worse than the prior and was withdrawn",
    Step.RESTORED: "labels were broken, and an earlier copy was restored",
}


def show(found: ModelStatus, out: Console, zone: ZoneInfo) -> None:
    """Print the whole sheet."""
    for line in _served(found, zone):
        out.print(line, soft_wrap=True)
    out.print()
    if found.report is None:
        out.print("No learner report in the topic: it has not run yet, or is another release.")
    else:
        _report(found.report, out)
    out.print(_raised(found.alerts), soft_wrap=True)
    out.print(_night(found.night), soft_wrap=True)
    out.print()
    out.print(_versions(found, zone))
    for refused in found.versions.refused.values():
        out.print(f"refused: {refused.version} at offset {refused.offset}: {refused.reason}: {refused.detail}")


def _served(found: ModelStatus, zone: ZoneInfo) -> Iterator[str]:
    served = found.served
    since = "" if found.since_ms is None else f", since {_when(found.since_ms, zone)}"
    yield f"model {served.version} from {_ORIGIN[found.origin]}{since}"
    yield f"  source of its weights: {served.provenance.source or 'unknown'}"
    yield (
        f"  learned from {served.provenance.rows:,} rows, of which {served.provenance.positives:,} left; "
        f"{_base_rate(found)}; {len(served.curves)} curves; River {served.river_version or '-'}"
    )


def _base_rate(found: ModelStatus) -> str:
    """The operator's base rate, at which workers serve any model, and that of the weights where it differs."""
    own = _percent(found.served.base_rate)
    operators = None if found.report is None else found.report.operator_base_rate
    if operators is None:
        return f"weights for a base rate of {own}"
    told = f"base rate {_percent(operators)}"
    return told if _percent(operators) == own else f"{told}, to which its weights for {own} are shifted"


def _report(report: LearnerReport, out: Console) -> None:
    quality = report.quality
    out.print(f"Last report of the learner, after {report.labels:,} labels, with {report.served_version} served.")
    if not report.frozen:
        out.print(f"It collects vectors before it starts to learn: {report.warm_rows:,} so far.")
    else:
        out.print(_learned(report), soft_wrap=True)
    out.print(_figures(quality))
    out.print(_alerts(quality))
    if quality.tier_lead_time is not None:
        out.print(_lead("Recall", quality.tier_lead_time, "a tier alert"))
    out.print(_lead("Lead time", quality.lead_time, "an alert of any kind"))
    out.print(f"Saved by contacting: {_uplift(quality.uplift)}")
    out.print(_guard(report), soft_wrap=True)
    if report.published is not None:
        last = report.published
        out.print(f"Last published: {last.version}, {_STEP[last.step]}, after {last.labels:,} labels.")


def _learned(report: LearnerReport) -> str:
    return (
        f"Learned from {report.leavers:,} leavers: the published model is {_percent(report.share)} learned, the rest "
        f"is {report.prior_version}. A bet that the prior alone is better stands at {report.stake:.2f} (at 200 the "
        "learned part is withdrawn)."
    )


def _guard(report: LearnerReport) -> str:
    guard = report.guard
    ranks = "not known yet" if guard.auc is None else f"{guard.auc:.3f} against {_short(guard.bound)}"
    rate = "not known yet" if guard.rate is None else f"{_percent(guard.rate)} against {_percent(guard.ceiling or 0.0)}"
    state = f"on ({guard.why}): nothing is learned or published" if guard.on else "quiet"
    advice = f" {_ADVICE[guard.why]}" if guard.why in _ADVICE else ""
    return (
        f"Guard: {state}. AUC of the prior on the labels of the last four weeks: {ranks}. "
        f"Share of leavers in a week: {rate}.{advice}"
    )


def _night(night: Night | None) -> str:
    if night is None:
        return "Segments: none built yet."
    about = f"Segments: last built for the night of {night.day}, with model {night.model_version}"
    groups = night.groups.segments
    if not groups:
        return f"{about}; none: {night.text.en}."
    return f"{about}; {len(groups)} group{'' if len(groups) == 1 else 's'} of {night.groups.customers:,} customers."


def _figures(quality: ServedQuality) -> Table:
    columns = ("", "rows", "left", "AUC", "95 %", "PR-AUC", "lift 10 %", "top 5 %", "log-loss", "ECE")
    table = Table(*columns, box=None, pad_edge=False)
    rows = {"served": quality.served, "prior alone": quality.prior}
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


def _alerts(quality: ServedQuality) -> str:
    tier = quality.alerts.get("risk_tier")
    if tier is None:
        return "Tier alerts: no outcome is known yet."
    return f"Tier alerts: {tier.positives:,} of {tier.rows:,} left within the horizon: precision {tier.precision:.2f}."


def _lead(about: str, lead: LeadTime, what: str) -> str:
    if not lead.leavers:
        return f"{about}: nobody has left yet."
    median = "" if lead.median_days is None else f", by median {lead.median_days:.1f} days before"
    return f"{about}: {lead.told:,} of {lead.leavers:,} leavers had {what}{median}."


def _raised(alerts: TierAlerts) -> str:
    volume = f"{alerts.raised:,} raised in {alerts.days:.0f} days"
    if alerts.a_day_per_1000 is not None:
        volume += f", {alerts.a_day_per_1000:.2f} a day per 1,000 of {alerts.subscribers:,} subscribers"
    short = f"{alerts.short:,} of {alerts.recovered:,} that closed by themselves were over within two days"
    return f"Tier alerts in the topic: {volume}; {short}."


def _uplift(uplift: Uplift) -> str:
    counts = (
        f"{uplift.hold_out_left:,} of {uplift.hold_out:,} in the hold-out left, and {uplift.others_left:,} of "
        f"{uplift.others:,} others"
    )
    if uplift.saved is None:
        return f"not known yet ({counts})"
    saved = uplift.saved
    return f"{_percent(saved.value)} of the subscribers ({_percent(saved.low)} to {_percent(saved.high)}; {counts})"


def _versions(found: ModelStatus, zone: ZoneInfo) -> Table:
    table = Table("version", "published", "rows", "left", "weights for", "from", box=None, pad_edge=False)
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
