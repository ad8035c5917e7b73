"""Metric series of a worker, all declared here.

Counts are recorded after the commit, from what the core returned. Every label value of a closed set is created at
zero, so that rates and alert rules work from the first scrape. No label ever carries a subscriber.
"""

from __future__ import annotations

import collections
import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Final, get_args

from prometheus_client import Counter, Gauge

from app.process.series import Series, at_zero, count, unknown
from models.contract.events import INPUTS, Consent
from models.contract.playbook import strategies
from models.contract.policy import Policy
from models.contract.vocabulary import (
    DESTINATIONS,
    KINDS,
    LEAVE_REASONS,
    ORDER_STEPS,
    TIERS,
    AlertEvent,
    SuppressionReason,
)
from models.detection.signals import ACCOUNT_SIGNS
from models.state.population import PARTS
from streams.desk.desk_report import DeskCommit, DeskStanding
from streams.lanes.ports import NOTHING, Commit, WrittenOutput
from streams.model_topic.versions import Refusal
from streams.policy_topic import PolicyRefusal
from streams.records.topics import BREACHES
from streams.records.wire import DEAD_LETTER_REASONS

EVENTS: Final = get_args(AlertEvent)
SUPPRESSIONS: Final = get_args(SuppressionReason)
OUTCOMES_IGNORED: Final = ("later", "late")
LABELS: Final = ("positive", "negative", "void", "downgraded")
MATURED: Final = ("positive", "negative", "void")
FORETOLD: Final = ("risk_tier", "signal", "none")
LENGTHS: Final = ("short", "longer")
SETTLED: Final = ("stayed", "left")

_LATENCY_S: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200)
"""Fine around the promised second, and still informative while a backlog of hours drains."""
_WORK_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60)
_DAYS_S: Final = tuple(days * 86_400 for days in (1, 7, 14, 30, 45, 60, 90, 120))
_LEADS_S: Final = tuple(days * 86_400 for days in (0.25, 1, 2, 3, 5, 7, 10, 14, 21, 30))
_BODY_LABELS: Final = {"alert": ("kind", "event", "tier"), "suppression": ("reason",), "work_order": ("step",)}


class Metrics(Series):
    """The ports ``LaneReport`` and ``DeskReport`` for Prometheus, with their own registry.

    The loop's thread calls everything except :meth:`lag`. Gauges that are sums over lanes are kept by lane, so that a
    lane moving to another worker takes its share along; the desk takes its gauges along too.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._open: set[int] = set()
        self._has_desk = False
        self._lagging: set[tuple[str, int]] = set()
        self._tiers: dict[int, Mapping[str, int]] = {}
        self._rows: dict[int, int] = {}
        self._bytes: dict[int, Mapping[str, int]] = {}
        self._remaining: dict[int, int] = {}
        self._declare_events()
        self._declare_times()
        self._declare_state()
        self._declare_desk()
        self._declare_learning()
        self._create_at_zero()

    def _declare_events(self) -> None:
        self.events = self._counter("events", "Valid events applied.", "topic")
        self.late = self._counter("late_events", "Events applied that came too late to trigger anything.", "topic")
        self.duplicates = self._counter("duplicates", "Events with an event_id that was applied before.", "topic")
        self.dead_letters = self._counter("dead_letters", "Poison records set aside.", "topic", "reason")
        self.misplaced = self._counter("misplaced_keys", "Keys in another partition than murmur2 gives.", "topic")
        self.ignored = self._counter("ignored_events", "Events older than the subscriber's erasure.", "topic")
        self.outcomes_ignored = self._counter(
            "outcomes_ignored",
            "Outcomes ignored because another outcome or the time limit had already set the label.",
            "why",
        )
        self.unknown_feedback = self._counter(
            "unknown_feedback", "Feedback for an alert that is unknown or closed, or the account of a line without."
        )
        self.alerts = self._counter("alerts", "Alert records published.", "kind", "event", "tier")
        self.breaches = self._counter("breaches", "Breaches: each is raised, suppressed or waiting.", "kind")
        self.suppressions = self._counter("suppressions", "Decisions not to contact.", "reason")
        self.budget = self._gauge(
            "tier_alert_budget", "Tier alerts a day per 1,000 subscribers that the policy in force allows."
        )
        self.matured = self._counter(
            "alerts_matured",
            "Alerts whose subscriber is known to have left or stayed within the horizon.",
            "kind",
            "label",
        )
        self.leavers = self._counter("leavers", "Subscribers who left, by the alert raised before it.", "alert")
        self.lead = self._histogram(
            "alert_lead_seconds", "From the first tier alert within the horizon to leaving.", _LEADS_S
        )
        self.recovered = self._counter(
            "tier_episodes_recovered", "Tier alerts that closed by themselves; short is two days or less.", "length"
        )
        self.consent_absent = self._counter(
            "consent_absent", "Profiles without a stated consent, for which the policy decides, by use.", "use"
        )
        self.migrations = self._counter(
            "migrations", "Subscribers who moved to another product or number of ours: no churn."
        )
        self.migrated_revenue = self._counter(
            "migrated_revenue",
            "Monthly revenue that migrations may cost: the fall of the plan's fee, or all of it where none is known.",
        )
        self.scores = self._counter("scores", "Risk scores published.")
        self.receipts = self._counter("receipts", "Erasures done.")

    def _declare_times(self) -> None:
        self.event_to_alert = self._histogram(
            "event_to_alert_seconds", "From the timestamp of an alert's trigger to the commit.", _LATENCY_S
        )
        self.batch = self._histogram("batch_seconds", "Work on one batch, without its commit.", _WORK_S)
        self.transaction = self._histogram("transaction_seconds", "From begin to confirmed commit.", _WORK_S)
        self.lag_records = self._gauge("lag_records", "Records between ledger and end.", "topic", "partition")
        self.lag_seconds = self._gauge("lag_seconds", "Age of the first record not applied.", "topic", "partition")
        self.watermark = self._gauge("watermark_timestamp_seconds", "Event time of a lane.", "partition")
        self.last_progress = self._gauge("last_progress_timestamp_seconds", "Wall clock of the last commit.")

    def _declare_state(self) -> None:
        self.subscribers = self._gauge("subscribers", "Subscribers of the open lanes.", "tier")
        self.state_rows = self._gauge("state_rows", "Subscribers held in memory.")
        self.state_bytes = self._gauge("state_bytes", "Memory of the subscribers, by part.", "part")
        self.remaining = self._gauge("restore_remaining_records", "State records left to read.")
        self.lanes_open = self._gauge("lanes_open", "Lanes open for events.")
        self.model_info = self._gauge("model_info", "Version of the model served; always 1.", "version")
        self.models_refused = self._counter("models_refused", "Published models that are not served.", "reason")
        self.policy_info = self._gauge("policy_info", "Version of the policy in force; always 1.", "version")
        self.policies_refused = self._counter("policies_refused", "Published policies not put into force.", "reason")

    def _declare_desk(self) -> None:
        self.waiting = self._gauge("waiting", "Breaches waiting for free contact capacity.", "unit")
        self.success = self._gauge("retention_success_ratio", "Contacted and still in service, by unit.", "unit")
        self.unit_contacts = self._gauge(
            "unit_contacts", "Contacts taken on today over channels with a capacity, by unit.", "unit"
        )
        self.unit_capacity = self._gauge(
            "unit_capacity", "Contacts a unit can make today; NaN where no channel has a limit.", "unit"
        )
        self.unit_saves = self._gauge("unit_saves", "Customers reported as retained today, by unit.", "unit")
        self.unit_target = self._gauge(
            "unit_target", "Customers to be saved a day, by unit; NaN for no target.", "unit"
        )
        self.account_signs = self._counter(
            "account_signs", "Signs of corporate lines that their account leaves: no alerts by themselves.", "sign"
        )
        self.settled = self._counter(
            "contacts_settled", "Contacts of which it is known what came of them, by play.", "strategy", "result"
        )
        self.leave_reasons = self._counter(
            "leave_reasons", "Those who left of their own will, by reason and destination.", "reason", "to"
        )
        self.orders = self._counter("work_orders", "Steps of work orders published.", "step")
        self.unknown_breaches = self._counter("unknown_breaches", "Steps of a breach that the desk does not know.")
        self.desk_open = self._gauge("desk_open", "Whether the desk runs in this worker: 1, or 0.")
        self.desk_lag = self._gauge("desk_lag_records", "Records of breaches between the desk and their end.")
        self.desk_time = self._gauge("desk_time_timestamp_seconds", "The desk's event time; NaN where it does not run.")
        self.desk_held_up = self._gauge(
            "desk_held_up_by", "Lanes that have not joined, else the slowest: the time of the desk waits for them."
        )
        unknown(self.desk_time)

    def _declare_learning(self) -> None:
        self.examples = self._counter("model_examples", "Training examples labelled.", "label")
        self.label_delay = self._histogram("label_delay_seconds", "From a prediction to its label.", _DAYS_S)
        text = "{} of the risks that were served, as the learner last said; NaN until known."
        self.roc_auc = self._gauge("model_roc_auc", text.format("Area under the ROC curve"))
        self.lift = self._gauge(
            "model_lift_top_decile", text.format("Share of leavers in the top tenth, in times the average,")
        )
        self.calibration = self._gauge("model_calibration_error", text.format("Expected calibration error"))

    def _create_at_zero(self) -> None:
        closed: dict[Counter | Gauge, Iterable[tuple[str, ...]]] = {
            self.events: product(INPUTS),
            self.late: product(INPUTS),
            self.ignored: product(INPUTS),
            self.misplaced: product(INPUTS),
            self.duplicates: product(INPUTS),
            self.dead_letters: product(INPUTS, DEAD_LETTER_REASONS),
            self.breaches: product(KINDS),
            self.alerts: product(KINDS, EVENTS, TIERS),
            self.suppressions: product(SUPPRESSIONS),
            self.orders: product(ORDER_STEPS),
            self.account_signs: product(ACCOUNT_SIGNS),
            self.leave_reasons: product(LEAVE_REASONS, DESTINATIONS),
            self.matured: product(KINDS, MATURED),
            self.leavers: product(FORETOLD),
            self.recovered: product(LENGTHS),
            self.consent_absent: product(Consent().absent()),
            self.subscribers: product(TIERS),
            self.examples: product(LABELS),
            self.models_refused: product(Refusal),
            self.policies_refused: product(PolicyRefusal),
            self.outcomes_ignored: product(OUTCOMES_IGNORED),
            self.state_bytes: product(PARTS),
        }
        at_zero(closed)
        unknown(self.roc_auc, self.lift, self.calibration)

    def lane_opened(self, partition: int, found: Commit = NOTHING) -> None:
        """See ``streams.lanes.ports.LaneReport``."""
        with self._lock:
            self._open.add(partition)
            self._remaining.pop(partition, None)
            for topic in INPUTS:
                self._set_lag(topic, partition, 0, 0.0)
        self._stands(partition, found)

    def lane_closed(self, partition: int) -> None:
        """See ``streams.lanes.ports.LaneReport``."""
        with self._lock:
            self._open.discard(partition)
            for kept in (self._tiers, self._rows, self._bytes, self._remaining):
                kept.pop(partition, None)
            for topic, _ in [each for each in self._lagging if each[1] == partition]:
                self._lagging.discard((topic, partition))
                self.lag_records.remove(topic, str(partition))
                self.lag_seconds.remove(topic, str(partition))
        self.watermark.remove_by_labels({"partition": str(partition)})
        self._sum_up()

    def committed(self, partition: int, commit: Commit) -> None:
        """See ``streams.lanes.ports.LaneReport``."""
        count(self.events, commit.events)
        count(self.duplicates, commit.duplicates)
        count(self.late, commit.late)
        count(self.ignored, commit.ignored)
        count(self.misplaced, commit.misplaced)
        self.unknown_feedback.inc(commit.unknown_feedback)
        count(self.outcomes_ignored, commit.outcomes_ignored)
        count(self.breaches, commit.breaches)
        count(self.examples, commit.examples)
        count(self.leavers, commit.leavers)
        count(self.recovered, commit.recovered)
        count(self.consent_absent, commit.consent_absent)
        self.migrations.inc(commit.migrations)
        self.migrated_revenue.inc(commit.migrated_revenue)
        for (kind, label), number in commit.matured.items():
            self.matured.labels(kind, label).inc(number)
        for seconds in commit.leads_s:
            self.lead.observe(seconds)
        for (topic, reason), number in commit.rejected.items():
            self.dead_letters.labels(topic, reason).inc(number)
        self._count_outputs(commit.outputs)
        for seconds in commit.label_delays_s:
            self.label_delay.observe(seconds)
        self.batch.observe(commit.batch_s)
        self.transaction.observe(commit.transaction_s)
        self.last_progress.set(commit.now_s)
        self._stands(partition, commit)

    def _stands(self, partition: int, commit: Commit) -> None:
        if commit.watermark_ms is not None:
            self.watermark.labels(str(partition)).set(commit.watermark_ms / 1000)
        self._tiers[partition] = commit.tiers
        self._rows[partition] = commit.state_rows
        self._bytes[partition] = commit.state_bytes
        self._sum_up()

    def restore_remaining(self, partition: int, records: int) -> None:
        """See ``streams.lanes.ports.LaneReport``."""
        self._remaining[partition] = records
        self._sum_up()

    def lag(self, topic: str, partition: int, records: int, seconds: float) -> None:
        """See ``streams.lanes.ports.LaneReport``; a lane that closed meanwhile gets no series again."""
        with self._lock:
            if topic == BREACHES:
                self.desk_lag.set(records if self._has_desk else 0)
            elif partition in self._open:
                self._set_lag(topic, partition, records, seconds)

    def desk_opened(self, standing: DeskStanding) -> None:
        """See ``streams.desk.desk_report.DeskReport``."""
        with self._lock:
            self._has_desk = True
        self.desk_open.set(1)
        self._desk_stands(standing)

    def desk_committed(self, commit: DeskCommit, standing: DeskStanding) -> None:
        """See ``streams.desk.desk_report.DeskReport``."""
        self._count_outputs(commit.outputs)
        count(self.breaches, commit.breaches)
        self.unknown_breaches.inc(commit.unknown)
        count(self.account_signs, commit.signs)
        for labels, number in commit.settled.items():
            self.settled.labels(*labels).inc(number)
        for labels, number in commit.leavers.items():
            self.leave_reasons.labels(*labels).inc(number)
        for seconds in commit.latencies_s:
            self.event_to_alert.observe(seconds)
        self._desk_stands(standing)

    def desk_closed(self) -> None:
        """See ``streams.desk.desk_report.DeskReport``."""
        with self._lock:
            self._has_desk = False
            self.desk_lag.set(0)
        self.desk_open.set(0)
        self._desk_stands(DeskStanding(0, 0, {}, {}, {}))

    def _desk_stands(self, standing: DeskStanding) -> None:
        if standing.time_ms:
            self.desk_time.set(standing.time_ms / 1000)
        else:
            unknown(self.desk_time)
        self.desk_held_up.set(standing.held_up_by)
        # NaN for a month: the share of those contacted who stayed is a series from the first scrape, too.
        success = {**dict.fromkeys(standing.waiting, math.nan), **standing.success}
        today = standing.today.items()
        by_unit: dict[Gauge, Mapping[str, float | None]] = {
            self.waiting: standing.waiting,
            self.success: success,
            self.unit_contacts: {unit: day.contacts for unit, day in today},
            self.unit_capacity: {unit: day.capacity for unit, day in today},
            self.unit_saves: {unit: day.saved for unit, day in today},
            self.unit_target: {unit: day.target for unit, day in today},
        }
        for gauge, values in by_unit.items():
            gauge.clear()
            for unit, value in values.items():
                gauge.labels(unit).set(math.nan if value is None else value)

    def serving(self, version: str) -> None:
        """Record which model is served from now on."""
        self.model_info.clear()
        self.model_info.labels(version).set(1)

    def model_quality(self, roc_auc: float, lift: float, calibration_error: float) -> None:
        """See ``streams.model_topic.feed.ModelReport``."""
        self.roc_auc.set(roc_auc)
        self.lift.set(lift)
        self.calibration.set(calibration_error)

    def model_refused(self, reason: Refusal) -> None:
        """See ``streams.model_topic.feed.ModelReport``."""
        self.models_refused.labels(reason).inc()

    def governing(self, policy: Policy) -> None:
        """Record which policy is in force from now on."""
        self.policy_info.clear()
        self.policy_info.labels(policy.version).set(1)
        self.budget.set(policy.tiers.budget)
        at_zero({self.settled: product(strategies(policy.playbook), SETTLED)})

    def policy_refused(self, reason: PolicyRefusal) -> None:
        """See ``streams.policy_topic.PolicyReport``."""
        self.policies_refused.labels(reason).inc()

    def _count_outputs(self, outputs: Sequence[WrittenOutput]) -> None:
        counted = collections.Counter(
            (o.kind, *(str(getattr(o.body, name)) for name in _BODY_LABELS.get(o.kind, ()))) for o in outputs
        )
        for (kind, *labels), number in counted.items():
            if kind == "alert":
                self.alerts.labels(*labels).inc(number)
            elif kind == "suppression":
                self.suppressions.labels(*labels).inc(number)
            elif kind == "work_order":
                self.orders.labels(*labels).inc(number)
            elif kind == "score":
                self.scores.inc(number)
            elif kind == "receipt":
                self.receipts.inc(number)

    def _set_lag(self, topic: str, partition: int, records: int, seconds: float) -> None:
        self._lagging.add((topic, partition))
        self.lag_records.labels(topic, str(partition)).set(records)
        self.lag_seconds.labels(topic, str(partition)).set(seconds)

    def _sum_up(self) -> None:
        for tier in TIERS:
            self.subscribers.labels(tier).set(sum(lane.get(tier, 0) for lane in self._tiers.values()))
        self.state_rows.set(sum(self._rows.values()))
        for part in PARTS:
            self.state_bytes.labels(part).set(sum(lane.get(part, 0) for lane in self._bytes.values()))
        self.remaining.set(sum(self._remaining.values()))
        self.lanes_open.set(len(self._open))
