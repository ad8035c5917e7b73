"""The lifecycle of a lane's alerts: breach, raise or withhold, escalate, ease, close.

A breach opens an episode, which stays in the subscriber's book until it ends, whether its alert was published or
withheld. If its `raised` was withheld, no later step is published. Every decision on a breach is counted once and
published, either as a `raised` or as a suppression.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final, Literal

import msgspec
import numpy as np

from models.contract.alerts import alert_id, decision_id
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS, HOUR_MS
from models.contract.vocabulary import HEALTHY, TIERS, AlertEvent, CloseReason, Kind, SuppressionReason
from models.decisions import contact_rules
from models.decisions.alert_body import Cards, suppression
from models.decisions.decision_context import DecisionContext
from models.decisions.labelling import Labels
from models.decisions.outbox import Outbox, Output
from models.decisions.signals import STRONG, UNUSED, Signal
from models.decisions.terms import next_look
from models.decisions.terms.contract_notices import due_notices, end_of, tell
from models.decisions.terms.overdue_complaints import due_warnings, warning_ts
from models.decisions.terms.win_back import due_asking
from models.decisions.ticks import Clock
from models.features.account import PRODUCTS
from models.kernel.places import CONTRACT_END, DUE_TS, LEFT
from models.state.columns import NAN, RISK
from models.state.population import Population
from models.state.subscriber_record import Book, Episode, episode_key

_NOTHING: Final = Book()
"""Of who has no book; nothing is written into it."""
SHORT_MS: Final = 2 * DAY_MS
"""An episode that ends by itself so soon should not have been an alert."""
_STALE_RETRY_MS = HOUR_MS
"""How often to check whether a feed is back, while silence alerts are withheld for it."""
_ASKED_AGAIN: Final[frozenset[Kind]] = frozenset({"risk_tier", "contract_expiry"})
"""Kinds on which time decides again by itself: the daily look, the next notice of a contract."""
_NO_FORECAST: Final[frozenset[Kind]] = frozenset({"contract_expiry", "win_back"})
"""Kinds that foretell nothing: their vectors are not kept for learning, nor counted as foretelling a leaver."""
_TOLD: Final = frozenset({"delivered", "read", "contacted", "retained", "lost", "refused", "dismissed", "withdrawn"})
"""Feedback on a notice after which no further one is due: they know, or somebody closed the matter."""
_UNSEEN: Final = frozenset({"expired", "low_priority"})
"""Reasons after which a withheld alert may still be raised: it lay in recorded history, or was over the budget."""


class Episodes:
    """Opens, moves and closes the alert episodes of a lane.

    Parameters
    ----------
    population
        Its books hold the episodes.
    outbox
        Receives what is published.
    cards
        Writes the bodies of alerts for the model and policy in force; replaced with them, between transactions only.
    policy
        The policy in force.
    labels
        Freezes the vector of a raised alert.
    nominate
        Makes a subscriber a candidate for the budget, which decides at the end of the tick.

    Attributes
    ----------
    recorded_until
        See :class:`models.decisions.ticks.Clock`.
    """

    def __init__(
        self,
        population: Population,
        outbox: Outbox,
        cards: Cards,
        policy: Policy,
        labels: Labels,
        nominate: Callable[[int, int], None],
    ) -> None:
        self.cards = cards
        self.policy = policy
        self.recorded_until = -inf
        self._population = population
        self._outbox = outbox
        self._labels = labels
        self._nominate = nominate

    def breach(self, moment: DecisionContext, signal: Signal, *, stale_feed: bool = False) -> None:
        """Handle a trigger: open an episode, escalate the open one, or prolong it."""
        book = self._book(moment)
        key = episode_key(signal.kind, signal.subject)
        episode = book.episodes.get(key)
        if episode is None:
            episode = book.episodes[key] = self._opened(moment, signal)
            self._decide(moment, episode, stale_feed=stale_feed)
        else:
            self._again(moment, episode, signal)
        self._arm(moment.row, book, moment.clock)

    def _opened(self, moment: DecisionContext, signal: Signal) -> Episode:
        trigger = moment.trigger
        return Episode(
            alert_id=alert_id(episode_key(signal.kind, signal.subject), moment.subscriber_id, trigger),
            kind=signal.kind,
            started_ts=moment.ts,
            subject=signal.subject,
            level=signal.level,
            code=signal.code,
            value=signal.value,
            appointment_ts=signal.appointment_ts,
            promised_ts=signal.promised_ts,
            department=signal.department,
            expires_ts=self._expiry(moment, signal.kind, signal.appointment_ts),
            trigger_topic=trigger.topic,
            trigger_offset=trigger.offset,
            trigger_tick=trigger.tick,
        )

    def _expiry(self, moment: DecisionContext, kind: Kind, appointment_ts: int | None) -> int | None:
        """When an episode expires: by the policy of its kind, but not past its appointment; never for a tier."""
        if kind == "risk_tier":
            return None
        expiry = moment.clock + round(self.policy.kind(kind).ttl_days * DAY_MS)
        if appointment_ts is not None and appointment_ts > moment.clock:
            expiry = min(expiry, appointment_ts)
        return expiry

    def _again(self, moment: DecisionContext, episode: Episode, signal: Signal) -> None:
        kind = signal.kind
        episode.expires_ts = self._expiry(moment, kind, signal.appointment_ts)
        if signal.appointment_ts is not None:
            episode.appointment_ts = signal.appointment_ts
        if episode.snoozed_until is not None and episode.withheld is None:
            # A trigger during a snooze is published once, as a suppression.
            self._suppress(moment, episode, "snoozed")
        level = signal.level
        if signal.promised_ts is not None:
            episode.promised_ts, episode.department = signal.promised_ts, signal.department
        if kind in ("leave_intent", "complaint_overdue"):
            # A repeated leave intent is a strong trigger, and so is a second promise that is about to be broken.
            level = max(level, STRONG)
        stronger = level > episode.level
        if stronger:
            episode.level = level
            episode.code, episode.value = signal.code, signal.value
        if stronger and episode.seq and self.policy.kind(kind).escalates:
            self._escalate(moment, episode)
        elif self._may_wait(episode):
            # A new trigger may be raised, whatever withheld the former one.
            self._settle(moment, episode, self._objection(moment, episode, stale_feed=False))

    def _escalate(self, moment: DecisionContext, episode: Episode) -> None:
        """Publish an escalation, unless law or the customer has since forbidden contact."""
        reason = contact_rules.forbids(self._standing(moment, episode, stale_feed=False), self.policy)
        if reason is None:
            self._publish(moment, episode, "escalated")
        else:
            self._suppress(moment, episode, reason, "escalated")

    def tier_moved(self, moment: DecisionContext, before: int) -> None:
        """Handle a move of the subscriber's tier from `before` to the moment's."""
        tier = moment.tier
        if tier > before:
            if tier >= TIERS.index(self.policy.tiers.raises):
                self.breach(moment, Signal("risk_tier", tier, "", moment.risk))
            return
        book = self._population.books.get(moment.row)
        episode = None if book is None else book.episodes.get("risk_tier")
        if book is None or episode is None:
            return
        if tier == HEALTHY:
            self._close(moment, book, episode, "recovered")
        else:
            episode.level = tier
            if episode.seq:
                self._publish(moment, episode, "eased")
        self._population.mark_book(moment.row)
        self._arm(moment.row, book, moment.clock)

    def look_again(self, moment: DecisionContext) -> None:
        """A tick at which a tier alert that was withheld may be raised, or a new one if the last was answered.

        A subscriber who is still at high risk when the pause after that answer is over is a candidate again: their
        tier does not move, so nothing else would raise them.
        """
        episode = self._withheld_tier(moment)
        if episode is not None and not (episode.withheld and _as_if_raised(moment, episode.withheld)):
            self._decide(moment, episode)
            self._arm(moment.row, self._book(moment), moment.clock)
        elif self._answered(moment):
            signal = Signal("risk_tier", moment.tier, "", moment.risk)
            standing = self._standing(moment, self._opened(moment, signal), stale_feed=False)
            if contact_rules.withhold(standing, self.policy) in (None, "hold_out"):
                self.breach(moment, signal)

    def _answered(self, moment: DecisionContext) -> bool:
        """Whether somebody at risk has no tier alert that stands."""
        book = self._population.books.get(moment.row)
        at_risk = moment.tier >= TIERS.index(self.policy.tiers.raises)
        return at_risk and book is not None and "risk_tier" not in book.episodes

    def _withheld_tier(self, moment: DecisionContext) -> Episode | None:
        """The tier episode of a subscriber at risk if it is neither published nor snoozed."""
        book = self._population.books.get(moment.row)
        episode = None if book is None else book.episodes.get("risk_tier")
        if episode is None or episode.seq or episode.snoozed_until is not None or episode.code == UNUSED:
            return None
        return episode if moment.tier >= TIERS.index(self.policy.tiers.raises) else None

    def admission(self, moment: DecisionContext) -> bool | None:
        """Whether this is the episode's first candidacy; None if it is no longer a candidate."""
        episode = self._withheld_tier(moment)
        return None if episode is None else episode.withheld not in _UNSEEN

    def _may_wait(self, episode: Episode) -> bool:
        """Whether a signal's alert may wait for the budget."""
        unseen = not episode.seq and episode.snoozed_until is None and episode.withheld in _UNSEEN
        return unseen and episode.kind not in _ASKED_AGAIN

    def waiting(self, moment: DecisionContext) -> list[str]:
        """Keys of withheld signal alerts on which the budget decides now."""
        found: list[str] = []
        for key, episode in sorted(self._book(moment).episodes.items()):
            if self._may_wait(episode) and episode.retry_ts is None:
                reason = self._objection(moment, episode, stale_feed=False)
                found += [key] if reason in (None, "hold_out") else []
        return found

    def urgency(self, row: int) -> float:
        """Highest propensity among a subscriber's signals that wait for the budget; 0 for none."""
        book = self._population.books.get(row)
        kinds = [] if book is None else [each.kind for each in book.episodes.values() if self._may_wait(each)]
        return max((self.policy.kind(kind).propensity for kind in kinds), default=0.0)

    def unprofiled(self, moment: DecisionContext, reached: int) -> None:
        """Handle the tier of a subscriber who refused profiling: it is not used, and one suppression says so."""
        book = self._population.books.get(moment.row)
        episode = None if book is None else book.episodes.get("risk_tier")
        if episode is None and reached > HEALTHY:
            self.breach(moment, Signal("risk_tier", reached, UNUSED, 0.0))
        elif book is not None and episode is not None and episode.code == UNUSED and reached == HEALTHY:
            del book.episodes["risk_tier"]
            self._population.mark_book(moment.row)
            self._arm(moment.row, book, moment.clock)

    def recovered(self, moment: DecisionContext, key: str) -> None:
        """Close an episode whose cause is gone: use after a silence, a withdrawn appointment, a settled complaint."""
        book = self._book(moment)
        if key == "silence":
            book.silent_since = None
        if key in book.episodes:
            self._close(moment, book, book.episodes[key], "recovered")
        self._arm(moment.row, book, moment.clock)

    def fed_back(self, moment: DecisionContext, of: str | None, status: str, until_ts: int | None) -> None:
        """Handle feedback of the front line: some statuses close the alert, the others leave it as it is.

        A refusal or a loss ends all episodes of the subscriber, withheld ones too: nothing from before a refusal may
        be raised later.
        """
        book = self._population.books.get(moment.row)
        found = [] if book is None else [e for e in book.episodes.values() if e.seq and e.alert_id == of]
        if not found:
            self._outbox.counts.unknown_feedback += of is not None
        elif found[0].kind == "contract_expiry" and status in _TOLD:
            tell(self._population.table[moment.row], found[0].subject)
            self._population.touch(moment.row, RISK.name)
            self._arm(moment.row, self._book(moment), moment.clock)
        if book is None:
            return
        if status in ("refused", "lost"):
            self.close_all(moment, "feedback")
            self._arm(moment.row, book, moment.clock)
        elif found and status in ("retained", "dismissed", "withdrawn", "snoozed"):
            episode = found[0]
            self._close(moment, book, episode, "feedback")
            if status == "snoozed":
                self._snooze(moment, book, episode, until_ts)
            self._population.mark_book(moment.row)
            self._arm(moment.row, book, moment.clock)

    def _snooze(self, moment: DecisionContext, book: Book, episode: Episode, until_ts: int | None) -> None:
        """Keep the episode unpublished, so that it can be raised again after the snooze."""
        until = moment.clock + round(self.policy.contact.snooze_days * DAY_MS) if until_ts is None else until_ts
        anew = msgspec.structs.replace(episode, seq=0, withheld=None, retry_ts=None, snoozed_until=until)
        book.episodes[episode.key] = anew

    def close_all(self, moment: DecisionContext, reason: CloseReason) -> None:
        """End every episode; withheld ones end without a record. Who is asked back has left already."""
        book = self._population.books.get(moment.row)
        if book is None or not book.episodes:
            return
        for _, episode in sorted(book.episodes.items()):
            if reason != "outcome" or episode.kind != "win_back":
                self._close(moment, book, episode, reason)
        self._population.mark_book(moment.row)
        self._arm(moment.row, book, moment.clock)

    def reconsider(self, moment: DecisionContext) -> None:
        """After a new profile, decide again on what was withheld; what is raised stays, as the contract has it."""
        book = self._population.books.get(moment.row)
        for key in () if book is None else sorted(book.episodes):
            mine = self._book(moment)
            episode = mine.episodes[key]
            kind = episode.kind
            if moment.gone and kind != "win_back":
                continue
            if episode.seq or episode.snoozed_until is not None or episode.withheld == "stale_feed":
                continue
            if kind == "risk_tier" and episode.code != UNUSED:
                continue  # the next look decides, within the budget
            if episode.code == UNUSED and contact_rules.signal_allowed(
                moment.profile, kind, self.policy.consent_default
            ):
                # They consent now, but behaviour from before must not be used.
                del mine.episodes[key]
            else:
                self._decide(moment, episode)
            self._arm(moment.row, mine, moment.clock)

    def due(self, moment: DecisionContext, *, stale_feed: bool) -> None:
        """At a tick, handle the subscriber's terms that ended: expiry, snooze, retry."""
        book, clock = self._book(moment), moment.clock
        self._population.table[moment.row, DUE_TS] = NAN
        self._population.touch(moment.row, RISK.name)
        next_look.prolong(self._population, moment.row, book)
        for _, episode in sorted(book.episodes.items()):
            if episode.expires_ts is not None and episode.expires_ts <= clock:
                self._close(moment, book, episode, "expired")
            elif episode.snoozed_until is not None and episode.snoozed_until <= clock:
                self._anew(moment, book, episode)
            elif episode.retry_ts is not None and episode.retry_ts <= clock:
                self._decide(moment, episode, stale_feed=stale_feed and episode.kind == "silence")
        warnings = due_warnings(book, self.policy.complaint, clock)
        asking = due_asking(self._population.table[moment.row], self.policy.win_back, clock)
        if moment.gone and asking is not None:
            self.breach(moment, asking)
        if not moment.gone:
            for warning in warnings:
                self.breach(moment, warning)
            for notice in due_notices(self._population.table[moment.row], self.policy.expiry, clock):
                self._notify(moment, book, notice)
        self._arm(moment.row, book, moment.clock)

    def _notify(self, moment: DecisionContext, book: Book, notice: Signal) -> None:
        """Tell that a contract ends; if the former notice was not delivered, over the next channel."""
        key = episode_key(notice.kind, notice.subject)
        episode = book.episodes.get(key)
        if episode is None:
            episode = book.episodes[key] = self._opened(moment, notice)
        else:
            episode.level, episode.value = notice.level, notice.value
        if episode.snoozed_until is not None:
            if episode.withheld is None:
                self._suppress(moment, episode, "snoozed")
        elif not episode.seq:
            self._decide(moment, episode)
        elif self.policy.kind(notice.kind).escalates:
            self._escalate(moment, episode)

    def case_came(self, row: int, case_id: str, clock: float, *, late: bool) -> None:
        """Await the time to warn of a complaint. One heard of too late warns of nothing that is past already."""
        book = self._population.book(row)
        case = book.cases.get(case_id)
        if late and case is not None and warning_ts(case, self.policy.complaint) <= clock:
            case.told = True
        self._population.mark_book(row)
        self._arm(row, book, clock)

    def profile_came(self, moment: DecisionContext) -> None:
        """Close the notices of contracts that were renewed or given up, and await the next ones."""
        row, book = moment.row, self._population.books.get(moment.row)
        for _, episode in () if book is None else sorted(book.episodes.items()):
            if episode.kind != "contract_expiry" or episode.appointment_ts is None:
                continue
            end = end_of(self._population.table[row], episode.subject)
            if end <= episode.appointment_ts:
                episode.appointment_ts = episode.expires_ts = int(end)
            else:
                # NaN, too: the product is gone, or its contract has no end any more.
                self._close(moment, self._book(moment), episode, "recovered" if end > 0 else "superseded")
            self._population.mark_book(row)
        if not moment.gone:
            self.came_back(moment)
        self.terms_changed(moment)

    def came_back(self, moment: DecisionContext) -> None:
        """Close the win-back of somebody who returned."""
        book = self._population.books.get(moment.row)
        if book is not None and "win_back" in book.episodes:
            self.recovered(moment, "win_back")

    def terms_changed(self, moment: DecisionContext) -> None:
        """Await the terms that profile and outcome imply."""
        self._arm(moment.row, self._population.books.get(moment.row) or Book(), moment.clock)

    def _anew(self, moment: DecisionContext, book: Book, episode: Episode) -> None:
        """After a snooze, open a new alert for the same breach, triggered by the tick."""
        trigger = moment.trigger
        anew = book.episodes[episode.key] = msgspec.structs.replace(
            episode,
            alert_id=alert_id(episode.key, moment.subscriber_id, trigger),
            withheld=None,
            snoozed_until=None,
            resumed=True,
            trigger_topic=trigger.topic,
            trigger_offset=trigger.offset,
            trigger_tick=trigger.tick,
        )
        if episode.kind == "risk_tier":
            self.look_again(moment)
        else:
            self._decide(moment, anew)

    def _decide(self, moment: DecisionContext, episode: Episode, *, stale_feed: bool = False) -> None:
        """Raise, or withhold with a reason; the same reason is not published twice in a row.

        The budget decides later on tiers, and on signals withheld from recorded history: a month of those would be
        raised at once. A tier from that history counts as having been a candidate then.
        """
        reason = self._objection(moment, episode, stale_feed=stale_feed)
        candidate = (reason == "expired" or _as_if_raised(moment, reason)) and episode.code != UNUSED
        if candidate and (episode.kind == "risk_tier" or self._may_wait(episode)):
            self._nominate(moment.row, moment.clock)
        else:
            self._settle(moment, episode, reason)

    def _objection(self, moment: DecisionContext, episode: Episode, *, stale_feed: bool) -> SuppressionReason | None:
        """Why the breach may not be raised now, or None; sets when to ask again, if that is known."""
        standing = self._standing(moment, episode, stale_feed=stale_feed)
        reason = contact_rules.withhold(standing, self.policy)
        episode.retry_ts = None
        if episode.kind in _ASKED_AGAIN:
            return reason
        if reason == "cooldown":
            episode.retry_ts = contact_rules.cooldown_ends(standing, self.policy.contact)
        elif reason == "stale_feed":
            episode.retry_ts = moment.clock + _STALE_RETRY_MS
        elif standing.recorded:
            episode.retry_ts = moment.clock + DAY_MS
        return reason

    def _standing(self, moment: DecisionContext, episode: Episode, *, stale_feed: bool) -> contact_rules.ContactCase:
        return contact_rules.ContactCase(
            kind=episode.kind,
            clock=moment.clock,
            profile=moment.profile,
            involuntary=moment.involuntary,
            raised_ts=self._book(moment).raised_ts.get(episode.kind),
            refused_ts=moment.refused_ts,
            after_snooze=episode.resumed,
            stale_feed=stale_feed,
            appointment_ts=episode.appointment_ts,
            recorded=moment.clock <= self.recorded_until,
        )

    def _settle(self, moment: DecisionContext, episode: Episode, reason: SuppressionReason | None) -> None:
        if reason is None:
            episode.withheld = None
            self._book(moment).raised_ts[episode.kind] = moment.clock
            self._outbox.counts.add("breaches", episode.kind)
            self._publish(moment, episode, "raised")
        elif reason != episode.withheld:
            self._suppress(moment, episode, reason)

    def nominated(self, moment: DecisionContext, key: str, *, admitted: bool) -> bool:
        """Carry out the budget's decision; returns whether it uses the allowance."""
        book = self._book(moment)
        episode = book.episodes[key]
        reason = self._objection(moment, episode, stale_feed=False)
        if reason != "expired" and not admitted:
            reason = "low_priority"
            episode.retry_ts = None if episode.kind in _ASKED_AGAIN else moment.clock + DAY_MS
        self._settle(moment, episode, reason)
        self._arm(moment.row, book, moment.clock)
        return _as_if_raised(moment, reason)

    def _suppress(
        self,
        moment: DecisionContext,
        episode: Episode,
        reason: SuppressionReason,
        step: Literal["raised", "escalated"] = "raised",
    ) -> None:
        episode.withheld = reason
        self._outbox.counts.add("breaches", episode.kind)
        if _as_if_raised(moment, reason) and episode.kind not in _NO_FORECAST:
            # Would have been contacted: the comparison group of those who were, and part of the figures.
            self._labels.freeze(moment, episode.kind)
        decision = decision_id(episode.alert_id, reason, moment.trigger)
        whole = self.cards.compose(moment, episode, step, None)
        body = suppression(whole, reason, decision, moment)
        self._outbox.put(Output("suppression", moment.subscriber_id, body, moment.ts, decision, moment.record_ts))

    def _close(self, moment: DecisionContext, book: Book, episode: Episode, reason: CloseReason) -> None:
        del book.episodes[episode.key]
        if episode.seq and episode.kind == "risk_tier" and reason == "recovered":
            short = moment.clock - book.raised_ts[episode.kind] <= SHORT_MS
            self._outbox.counts.add("recovered", "short" if short else "longer")
        if episode.seq:
            self._publish(moment, episode, "closed", reason)

    def _publish(
        self, moment: DecisionContext, episode: Episode, step: AlertEvent, reason: CloseReason | None = None
    ) -> None:
        episode.seq += 1
        body = self.cards.compose(moment, episode, step, reason)
        ce_id = f"{episode.alert_id}:{episode.seq}"
        if step == "raised" and episode.kind not in _NO_FORECAST:
            self._labels.freeze(moment, episode.kind, None if body.action is None else body.action.cause)
        self._outbox.put(Output("alert", moment.subscriber_id, body, moment.ts, ce_id, moment.record_ts))

    def _book(self, moment: DecisionContext) -> Book:
        self._population.mark_book(moment.row)
        return self._population.book(moment.row)

    def _arm(self, row: int, book: Book, clock: float) -> None:
        next_look.arm(self._population, row, book, self.policy, clock)

    def rearm(self, clock: Clock) -> None:
        """Set all subscribers' terms again after a policy change, in the order of their ids.

        What ended before the newest look at a subscriber has been dealt with; what ended since then has not.
        """
        for name, row in sorted((self._population.id_of(row), row) for row in self._with_terms()):
            passed = clock.sweeping is not None and name <= clock.cursor
            looked = clock.sweeping if passed else clock.last_tick
            self._arm(row, self._population.books.get(row, _NOTHING), looked or 0)

    def complete(self, watermark: float) -> None:
        """Set the terms that a state of a former release does not know; in one of this release nothing changes."""
        for row in self._with_terms():
            self._arm(row, self._population.books.get(row, _NOTHING), watermark)

    def _with_terms(self) -> set[int]:
        """Rows with a book, a contract that ends, or somebody who has left."""
        table = self._population.table
        ends = table[:, CONTRACT_END : CONTRACT_END + len(PRODUCTS)]
        rows = np.flatnonzero(~np.isnan(ends).all(axis=1) | (table[:, LEFT] == 1.0))
        return {*self._population.books, *rows.tolist()}


def _as_if_raised(moment: DecisionContext, reason: str | None) -> bool:
    """Whether a breach is raised, or is withheld and counts in budget and figures as if it were.

    True for the hold-out, and for a subscriber whom only a later profile shows as gone: a new ledger reads profiles
    first, and without these no alert of the backlog behind them could ever be right.
    """
    if reason == "passive_churn":
        return moment.known is None and not moment.let_go and contact_rules.passive(moment.profile, moment.involuntary)
    return reason in (None, "hold_out")
