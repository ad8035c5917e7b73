"""The lifecycle of a lane's breaches: opened or withheld, escalated, eased, closed.

A breach opens an episode, which stays in the subscriber's book until it ends, whether it was sent to the desk or
withheld here. If its opening was withheld, no later step is sent either. The lane does not know whether and when the
desk makes an alert of it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isnan
from typing import Final, Literal

import msgspec
import numpy as np

from models.contract.alerts import alert_id, decision_id
from models.contract.breaches import Breach
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS, HOUR_MS
from models.contract.vocabulary import FORETELLS, HEALTHY, TIERS, AlertEvent, CloseReason, Kind, SuppressionReason
from models.detection import contact_rules
from models.detection.alert_body import AlertBody, Cards, before_of, suppression
from models.detection.decision_context import DecisionContext, passive
from models.detection.labelling import Labels
from models.detection.outbox import Outbox, Output
from models.detection.signals import (
    ACCOUNT_KIND,
    STRONG,
    UNUSED,
    Signal,
    contract_end,
    due_asking,
    due_notices,
    due_warnings,
    next_asking,
    next_notice,
    next_warning,
    sign_subject,
    told_of_end,
    warning_ts,
)
from models.features.account import PRODUCTS
from models.kernel.places import BROWSING_LEVEL, BROWSING_UNTIL, CONTRACT_END, DUE_TS, LEFT
from models.state.columns import NAN, RISK
from models.state.lane_time import Clock
from models.state.population import Population
from models.state.subscriber_record import Book, Episode, episode_key

_NOTHING: Final = Book()
"""Stands for the missing book of a subscriber; never written to."""
SHORT_MS: Final = 2 * DAY_MS
"""An episode that ends by itself within this time should not have been an alert."""
_STALE_RETRY_MS = HOUR_MS
"""How often to check whether a feed is back, while silence alerts are withheld for it."""
_ASKED_AGAIN: Final[frozenset[Kind]] = frozenset({"risk_tier", "contract_expiry"})
"""Kinds that time alone brings up again: by the daily look, or by the next notice of a contract."""
_TOLD: Final = frozenset({"delivered", "read", "contacted", "retained", "lost", "refused", "dismissed", "withdrawn"})
"""Feedback on a notice after which no further one is due: the customer knows, or the matter is closed."""
_UNSEEN: Final = frozenset({"expired", "low_priority"})
"""Reasons after which a withheld alert may still be raised: it was in recorded history, or over the budget."""


class BreachLifecycle:
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
        End of the recorded history, as in :class:`models.state.lane_time.Clock`.
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
        if signal.code == UNUSED and episode.code != UNUSED:
            return  # it may not even prolong what was allowed when it began
        episode.expires_ts = self._expiry(moment, kind, signal.appointment_ts)
        rebooked = signal.appointment_ts is not None and signal.appointment_ts != episode.appointment_ts
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
        stronger = level > episode.level or rebooked  # the deadline is another one then
        if stronger:
            episode.level = level
            episode.code, episode.value = signal.code, signal.value
        if stronger and episode.seq and self.policy.kind(kind).escalates:
            self._escalate(moment, episode)
        elif episode.seq and kind in self.policy.contact.cooldown_exempt:
            self._repeat(moment, episode)
        elif self._may_wait(episode):
            # A new trigger may be raised, whatever the reason that withheld the former one.
            self._settle(moment, episode, self._objection(moment, episode, stale_feed=False))

    def _escalate(self, moment: DecisionContext, episode: Episode) -> None:
        """Publish an escalation, unless law or the customer has since forbidden contact."""
        reason = self._forbidden(moment, episode)
        if reason is None:
            episode.withheld = None
            self._report(moment, episode, "escalated")
        else:
            self._suppress(moment, episode, reason, "escalated")

    def _repeat(self, moment: DecisionContext, episode: Episode) -> None:
        """Report again to the desk what the customer started, or a notice: it may have closed the alert.

        A refusal on one number closes the alerts of all numbers of the person, and other lanes are not informed.
        """
        if self._forbidden(moment, episode) is None:
            self._report(moment, episode, "escalated", repeated=True)

    def _forbidden(self, moment: DecisionContext, episode: Episode) -> SuppressionReason | None:
        """Why law or the customer forbids a further contact now, or None."""
        return contact_rules.forbids(self._contact_case(moment, episode, stale_feed=False), self.policy)

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
                self._report(moment, episode, "eased")
        self._population.mark_book(moment.row)
        self._arm(moment.row, book, moment.clock)

    def look_again(self, moment: DecisionContext) -> None:
        """At a daily look, decide again on a withheld tier alert, or open a new one if the last was answered.

        A subscriber who is still at high risk when the cooldown after that answer is over is a candidate again: their
        tier does not move, so nothing else would raise the alert.
        """
        episode = self._withheld_tier(moment)
        if episode is not None and not (episode.withheld and _as_if_raised(moment, episode.withheld)):
            self._decide(moment, episode)
            self._arm(moment.row, self._book(moment), moment.clock)
        elif self._answered(moment):
            signal = Signal("risk_tier", moment.tier, "", moment.risk)
            facts = self._contact_case(moment, self._opened(moment, signal), stale_feed=False)
            if contact_rules.withhold(facts, self.policy) in (None, "hold_out"):
                self.breach(moment, signal)

    def _answered(self, moment: DecisionContext) -> bool:
        """Whether a subscriber at risk has no tier episode any more."""
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
        """Handle the tier of a subscriber who refused profiling: it is not used, and one suppression is published."""
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
            told_of_end(self._population.table[moment.row], found[0].subject)
            self._population.touch(moment.row, RISK.name)
            self._arm(moment.row, self._book(moment), moment.clock)
        if book is None:
            return
        if status == "overridden":
            self._overridden(moment, book)
        elif status in ("refused", "lost"):
            self.close_all(moment, "feedback")
            self._arm(moment.row, book, moment.clock)
        elif found and status in ("retained", "dismissed", "withdrawn", "snoozed"):
            episode = found[0]
            self._close(moment, book, episode, "feedback")
            if status == "snoozed":
                self._snooze(moment, book, episode, until_ts)
            self._population.mark_book(moment.row)
            self._arm(moment.row, book, moment.clock)

    def _overridden(self, moment: DecisionContext, book: Book) -> None:
        """Clear the lane's own cooldown of tier alerts; the desk keeps how long the override lasts."""
        book.refused_ts = None
        tier = book.episodes.get("risk_tier")
        if tier is None or not tier.seq:
            book.raised_ts.pop("risk_tier", None)
        self._population.mark_book(moment.row)

    def _snooze(self, moment: DecisionContext, book: Book, episode: Episode, until_ts: int | None) -> None:
        """Keep the episode unpublished, so that it can be raised again after the snooze."""
        until = moment.clock + round(self.policy.contact.snooze_days * DAY_MS) if until_ts is None else until_ts
        anew = msgspec.structs.replace(episode, seq=0, withheld=None, retry_ts=None, snoozed_until=until)
        book.episodes[episode.key] = anew

    def close_all(self, moment: DecisionContext, reason: CloseReason) -> None:
        """End every episode; withheld ones end without a record. An outcome does not end a win-back."""
        book = self._population.books.get(moment.row)
        if book is None or not book.episodes:
            return
        for _, episode in sorted(book.episodes.items()):
            if reason != "outcome" or episode.kind != "win_back":
                self._close(moment, book, episode, reason)
        self._population.mark_book(moment.row)
        self._arm(moment.row, book, moment.clock)

    def reconsider(self, moment: DecisionContext) -> None:
        """After a new profile, decide again on withheld episodes and withheld escalations; raised ones stay."""
        book = self._population.books.get(moment.row)
        for key in () if book is None else sorted(book.episodes):
            mine = self._book(moment)
            episode = mine.episodes[key]
            kind = episode.kind
            if moment.gone and kind != "win_back":
                continue
            if episode.seq and episode.withheld is not None and self._forbidden(moment, episode) is None:
                self._escalate(moment, episode)
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
        prolong(self._population, moment.row, book)
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
        """Give notice that a contract ends; over the next channel if the former notice was not delivered."""
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
        """Await the time to warn of a complaint. A case that arrives late gives no warning for a time already past."""
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
            end = contract_end(self._population.table[row], episode.subject)
            if end <= episode.appointment_ts:
                episode.appointment_ts = episode.expires_ts = int(end)
            else:
                # Also if NaN: the product is gone, or its contract has no end any more.
                self._close(moment, self._book(moment), episode, "recovered" if end > 0 else "superseded")
            self._population.mark_book(row)
        self.account_changed(moment)
        if not moment.gone:
            self.came_back(moment)
        self.terms_changed(moment)

    def account_changed(self, moment: DecisionContext) -> None:
        """Close the signs of an account that the line does not belong to any more, and all if profiling is refused."""
        book, profile = self._population.books.get(moment.row), moment.profile
        account_id = None if profile is None else profile.account_id
        for _, episode in () if book is None else sorted(book.episodes.items()):
            moved = episode.subject != sign_subject(episode.code, account_id)
            if episode.kind == ACCOUNT_KIND and (moved or not moment.profiled):
                self._close(moment, self._book(moment), episode, "superseded")

    def came_back(self, moment: DecisionContext) -> None:
        """Close the win-back of a subscriber who returned."""
        book = self._population.books.get(moment.row)
        if book is not None and "win_back" in book.episodes:
            self.recovered(moment, "win_back")

    def terms_changed(self, moment: DecisionContext) -> None:
        """Await the terms that follow from profile and outcome."""
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
        raised at once. A tier from that history counts as having been a candidate at the time.
        """
        reason = self._objection(moment, episode, stale_feed=stale_feed)
        candidate = (reason == "expired" or _as_if_raised(moment, reason)) and episode.code != UNUSED
        if candidate and (episode.kind == "risk_tier" or self._may_wait(episode)):
            self._nominate(moment.row, moment.clock)
        else:
            self._settle(moment, episode, reason)

    def _objection(self, moment: DecisionContext, episode: Episode, *, stale_feed: bool) -> SuppressionReason | None:
        """Why the breach may not be raised now, or None; sets when to check again, if that is known."""
        facts = self._contact_case(moment, episode, stale_feed=stale_feed)
        reason = contact_rules.withhold(facts, self.policy)
        episode.retry_ts = None
        if episode.kind in _ASKED_AGAIN:
            return reason
        if reason == "stale_feed":
            episode.retry_ts = moment.clock + _STALE_RETRY_MS
        elif facts.recorded:
            episode.retry_ts = moment.clock + DAY_MS
        return reason

    def _contact_case(
        self, moment: DecisionContext, episode: Episode, *, stale_feed: bool
    ) -> contact_rules.ContactCase:
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
            self._report(moment, episode, "raised")
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
        if _as_if_raised(moment, reason) and episode.kind in FORETELLS:
            # They would have been contacted, so they are the comparison group and count in the figures.
            self._labels.freeze(moment, episode.kind)
        decision = decision_id(episode.alert_id, reason, moment.trigger)
        whole = self.cards.compose(moment, episode, step, None).alert
        body = suppression(whole, reason, decision, moment)
        self._outbox.put(Output("suppression", moment.subscriber_id, body, moment.ts, decision, moment.record_ts))

    def _close(self, moment: DecisionContext, book: Book, episode: Episode, reason: CloseReason) -> None:
        del book.episodes[episode.key]
        if episode.seq and episode.kind == "risk_tier" and reason == "recovered":
            short = moment.clock - book.raised_ts[episode.kind] <= SHORT_MS
            self._outbox.counts.add("recovered", "short" if short else "longer")
        if episode.seq:
            self._report(moment, episode, "closed", reason)

    def _report(
        self,
        moment: DecisionContext,
        episode: Episode,
        step: AlertEvent,
        reason: CloseReason | None = None,
        *,
        repeated: bool = False,
    ) -> None:
        """Send a step of the breach to the desk."""
        episode.seq += 1
        card = self.cards.compose(moment, episode, step, reason)
        if step == "raised" and episode.kind in FORETELLS:
            action = card.alert.action
            self._labels.freeze(moment, episode.kind, None if action is None else action.cause)
        breach = _breach(moment, episode, card)
        self._outbox.tell(msgspec.structs.replace(breach, repeated=True) if repeated else breach, moment.ts)

    def published(self, moment: DecisionContext, episode: Episode) -> Breach:
        """An open alert that a release without a desk published; without reasons and action, which were published."""
        card = self.cards.compose(moment, episode, "raised", None)
        return _breach(
            moment, episode, card._replace(alert=msgspec.structs.replace(card.alert, reasons=None, action=None))
        )

    def _book(self, moment: DecisionContext) -> Book:
        self._population.mark_book(moment.row)
        return self._population.book(moment.row)

    def _arm(self, row: int, book: Book, clock: float) -> None:
        arm(self._population, row, book, self.policy, clock)

    def rearm(self, clock: Clock) -> None:
        """Set all subscribers' terms again after a policy change, in the order of their ids.

        Terms that ended before the newest look at a subscriber have been handled; those that ended since have not.
        """
        for name, row in sorted((self._population.id_of(row), row) for row in self._with_terms()):
            passed = clock.sweeping is not None and name <= clock.cursor
            looked = clock.sweeping if passed else clock.last_tick
            self._arm(row, self._population.books.get(row, _NOTHING), looked or 0)

    def complete(self, watermark: float) -> None:
        """Set the terms that state of a former release lacks; state of this release does not change."""
        for row in self._with_terms():
            self._arm(row, self._population.books.get(row, _NOTHING), watermark)

    def _with_terms(self) -> set[int]:
        """Rows with a book, with a contract that ends, or of a subscriber who has left."""
        table = self._population.table
        ends = table[:, CONTRACT_END : CONTRACT_END + len(PRODUCTS)]
        rows = np.flatnonzero(~np.isnan(ends).all(axis=1) | (table[:, LEFT] == 1.0))
        return {*self._population.books, *rows.tolist()}


def _breach(moment: DecisionContext, episode: Episode, card: AlertBody) -> Breach:
    profile = moment.profile
    return Breach(
        lane=moment.trigger.partition,
        clock=moment.clock,
        subscriber_id=moment.subscriber_id,
        customer_id=card.alert.customer_id,
        crossed=moment.crossed,
        alert=card.alert,
        level=episode.level,
        channels=card.channels,
        before_ts=before_of(episode),
        answers_only=card.answers_only,
        resumed=episode.resumed,
        account_size=None if profile is None else profile.account_size,
        record_ts=moment.record_ts,
    )


def _as_if_raised(moment: DecisionContext, reason: str | None) -> bool:
    """Whether a breach is raised, or is withheld and counts in budget and figures as if it were.

    True for the hold-out, and for a subscriber whom only a later profile shows as gone: a new ledger reads profiles
    first, so without these no alert in the backlog could ever prove right.
    """
    if reason == "passive_churn":
        return moment.known is None and not moment.let_go and passive(moment.profile, moment.involuntary)
    return reason in (None, "hold_out")


def arm(population: Population, row: int, book: Book, policy: Policy, clock: float) -> None:
    """Set the due time in the row and the calendar for sweeps, after book or profile have changed.

    A term that is over stays until a sweep has handled it.

    Examples
    --------
    >>> lane = Population()
    >>> row = lane.row("s-1")
    >>> silence = Episode(alert_id="9f0c", kind="silence", started_ts=0, expires_ts=30 * 86_400_000)
    >>> arm(lane, row, Book(episodes={"silence": silence}), Policy(), 1000)
    >>> float(lane.table[row, DUE_TS]) / 86_400_000
    30.0
    """
    columns = population.table[row]
    browsing = book.episodes.get("competitor_browsing")
    level = 0.0 if browsing is None or _asks_for_quiet(browsing) else float(browsing.level)
    due = inf
    for episode in book.episodes.values():
        for end in (episode.expires_ts, episode.retry_ts, episode.snoozed_until):
            if end is not None and end < due:
                due = float(end)
    due = min(due, next_notice(columns, policy.expiry, clock), next_asking(columns, policy.win_back, clock))
    if book.cases:
        # If the promise was broken before the case arrived, warn at the next tick, not at one already past.
        due = min(due, max(next_warning(book, policy.complaint), clock))
    held = float(columns[DUE_TS])
    if held <= clock:
        due = min(due, held)
    due = NAN if due == inf else due
    if level != columns[BROWSING_LEVEL] or (due != held and not (isnan(due) and isnan(held))):
        columns[BROWSING_LEVEL], columns[DUE_TS] = level, due
        population.touch(row, RISK.name)
    if not isnan(due):
        population.terms.put(due, row)


def _asks_for_quiet(episode: Episode) -> bool:
    """Whether the episode is snoozed and its next trigger must be published, once, as a suppression."""
    return episode.snoozed_until is not None and episode.withheld is None


def prolong(population: Population, row: int, book: Book) -> None:
    """Copy the prolonged expiry of a browsing episode from the row, where the walk keeps it, into the book."""
    until, browsing = population.table[row, BROWSING_UNTIL], book.episodes.get("competitor_browsing")
    if browsing is not None and browsing.expires_ts is not None and until > browsing.expires_ts:
        browsing.expires_ts = int(until)
