"""Single events of each course: the complaint, the authorisation code, the appointment, and the true outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.simulator.events.agenda import Agenda, Cases
from app.simulator.people.leaving_paths import Courses, Path, PathEnd
from app.simulator.people.population import CHANNELS, FEES, NEVER, OPERATORS, PLANS, SimulatedPopulation
from app.simulator.rates import Rates
from models.contract.events import BILLING, CONTACTS, OUTCOMES, SUBSCRIBERS
from models.contract.time_units import DAY_MS, HOUR_MS, MINUTE_MS

_ARREARS, _FRAUD, _VOLUNTARY, _LEFT = 1, 2, 3, 4


@dataclass(slots=True)
class PathCourse:
    """One subscriber on one course, and the agenda that takes their events.

    ``gone`` is true if they really leave at ``peak``; a save or a decoy takes the same course, stops earlier, and
    never reaches an authorisation code.
    """

    rng: np.random.Generator
    agenda: Agenda
    cases: Cases
    population: SimulatedPopulation
    rates: Rates
    who: int
    fate: PathEnd
    onset: int
    peak: int
    signs: bool

    @property
    def gone(self) -> bool:
        """Whether the subscriber leaves at the end."""
        return self.fate is PathEnd.LEAVES

    def chance(self, probability: float) -> bool:
        """Whether the subscriber does this; one without signs never does."""
        return self.signs and bool(self.rng.random() < probability)

    def at(self, part: float) -> int:
        """A time in office hours about ``part`` of the way from onset to peak, never past the peak."""
        day = (self.onset + int((self.peak - self.onset) * part)) // DAY_MS * DAY_MS
        hour = HOUR_MS + int(self.rng.uniform(0, 11 * HOUR_MS))  # 01:00-12:00 UTC is 09:00-20:00 in Shanghai
        return min(day + hour, self.peak - 10 * MINUTE_MS)

    def care(self, ts: int, reason: str, channel: str, **more: Any) -> None:
        """Add a contact with care that opens no case."""
        self.cases.contact(ts, self.who, reason, channel, **more)

    def profile(self, ts: int, **columns: Any) -> None:
        """Add a change of profile that the operator knows from ``ts`` on."""
        self.agenda.put(ts, self.who, SUBSCRIBERS, columns)

    def outcome(self, ts: int, kind: str, why: str | None = None, **more: Any) -> None:
        """Add the subscriber's true outcome."""
        reason = {} if why is None else {"leave_reason": why}
        self.agenda.put(ts, self.who, OUTCOMES, {"outcome": kind, **reason, **more})

    def leave(self, kind: str, why: str, **more: Any) -> None:
        """Let the subscriber leave at the peak."""
        self.population.until[self.who] = self.peak
        self.outcome(self.peak, kind, why, **more)
        self.profile(self.peak + 2 * MINUTE_MS, status=_LEFT)

    def change_plan(self, ts: int, to: int, arpu: float) -> None:
        """Add a change of plan, and the revenue that follows from it."""
        before = int(self.population.plan[self.who])
        fields = {"kind": "plan_change", "amount": 0.0, "plan": PLANS[to], "fee": float(FEES[to])}
        fields |= {"from_plan": PLANS[before], "from_fee": float(FEES[before])}
        self.agenda.put(ts, self.who, BILLING, fields)
        self.profile(ts + MINUTE_MS, plan=to, arpu=arpu)

    def port_out(self, why: str) -> None:
        """Eligibility query, authorisation code, port-out: three days that the operator can see."""
        asked = self.peak - int(self.rng.uniform(1, 3.5) * DAY_MS)
        self.care(asked, "port_out_query", "hotline" if self.rng.random() < 0.6 else "app")
        self.care(self.peak - int(self.rng.uniform(1, 20) * HOUR_MS), "port_out_code", "app")
        self.leave("ported_out", why, to_operator=OPERATORS[int(self.population.rival[self.who])])

    def disconnect(self, why: str) -> None:
        """An appointment at the store, where the line is disconnected."""
        booked = self.peak - int(self.rng.uniform(1.5, 6) * DAY_MS)
        self.care(booked, "disconnect_appointment", "store", appointment_ts=self.peak, product="mobile")
        self.leave("disconnected", why)

    def port_out_or_disconnect(self, why: str) -> None:
        """Disconnect a number bound by contract, which cannot be ported; mostly port the others."""
        if self.population.portable[self.who] and self.rng.random() < 0.6:
            self.port_out(why)
        else:
            self.disconnect(why)


def _second_sim(way: PathCourse) -> None:
    if way.chance(0.15):
        way.care(way.at(0.6), "subcard_unlink", "store")
    if way.gone and way.chance(0.2):
        at = way.at(0.85)
        way.care(at, "suspend_keep_number", "app")
        way.profile(at + 5 * MINUTE_MS, status=_VOLUNTARY)
    if not way.gone:
        return
    declared = way.peak + way.rates.lapse_after_days * DAY_MS
    way.population.until[way.who] = way.peak
    way.outcome(declared, "lapsed", "second_sim", last_activity_ts=way.peak - 1)
    way.profile(declared + 2 * MINUTE_MS, status=_LEFT)
    if way.rng.random() < way.rates.returns_share:
        back = declared + int(way.rng.uniform(10, 30) * DAY_MS)
        way.population.back[way.who] = back
        way.outcome(back, "returned")
        way.profile(back + MINUTE_MS, status=0)


def _rival(way: PathCourse) -> None:
    if way.chance(0.4):
        way.care(way.at(0.7), "penalty_query", "hotline")
    if way.chance(0.4 if way.gone else 0.15):
        way.care(way.at(0.85), "leave_intent", "hotline")
    if way.gone:
        way.port_out("competitor_offer")
    elif way.chance(0.12):
        way.care(way.at(0.95), "port_out_query", "app")


def _bad_service(way: PathCourse) -> None:
    if way.chance(0.7):
        way.cases.open(way.at(0.3), way.who, "fault", "hotline", late=way.gone)
    if way.chance(0.75):
        way.cases.open(way.at(0.55), way.who, "complaint", "hotline", late=way.gone)
    if way.chance(0.4 if way.gone else 0.1):
        way.cases.open(way.at(0.75), way.who, "complaint", "hotline", late=way.gone)
    if way.chance(0.4):
        way.care(way.at(0.8), "satisfaction", "app", score=float(way.rng.integers(1, 5)))
    if way.chance(0.35 if way.gone else 0.08):
        way.care(way.at(0.9), "leave_intent", "hotline")
    if way.gone:
        way.port_out_or_disconnect("network_quality")


def _price(way: PathCourse) -> None:
    if way.chance(0.6):
        way.cases.open(way.at(0.35), way.who, "billing_dispute", "hotline", late=False)
    if way.chance(0.55):
        way.care(way.at(0.7), "penalty_query", "hotline")
    if way.chance(0.3):
        way.care(way.at(0.5), "satisfaction", "app", score=float(way.rng.integers(2, 7)))
    if way.gone:
        way.port_out_or_disconnect("price")


def _corporate(way: PathCourse) -> None:
    if way.chance(0.25):
        way.care(way.at(0.6), "penalty_query", "account_manager")
    if way.chance(0.15):
        way.care(way.at(0.8), "transfer", "account_manager")
    if way.gone:
        way.port_out("corporate_move")


def _downgrade(way: PathCourse) -> None:
    if way.chance(0.5):
        way.care(way.at(0.7), "inquiry", "app", product="mobile")
    if way.gone:
        before = int(way.population.plan[way.who])
        to = max(0, before - int(way.rng.integers(1, 4)))
        arpu = float(way.population.arpu[way.who]) * max(0.35, FEES[to] / FEES[before])
        way.change_plan(way.peak, to, round(arpu, 2))
        way.outcome(way.peak + HOUR_MS, "downgraded", "price")


def _passive(way: PathCourse) -> None:
    fraud = way.who % 2 == 1 and way.gone
    barred = way.peak - int(way.rng.uniform(6, 14) * DAY_MS) if way.gone else way.peak - 2 * DAY_MS
    way.profile(barred, status=_FRAUD if fraud else _ARREARS)
    way.population.next_recharge[way.who] = NEVER
    if way.gone:
        way.leave("involuntary", "fraud" if fraud else "arrears")
    else:
        way.agenda.put(way.peak, way.who, BILLING, {"kind": "recharge", "amount": 100.0})
        way.profile(way.peak + 5 * MINUTE_MS, status=0, next_recharge=way.peak + 25 * DAY_MS)


def _saved(way: PathCourse) -> None:
    """A retention call succeeds: the contract is renewed, sometimes one plan down."""
    channel = CHANNELS[int(way.population.channel[way.who])]
    way.agenda.put(way.peak, way.who, CONTACTS, {"channel": channel, "purpose": "retention"})
    renewed = way.peak + 40 * MINUTE_MS
    way.profile(renewed + 3 * MINUTE_MS, contract_end=renewed + 730 * DAY_MS)
    plan = int(way.population.plan[way.who])
    if plan > 1 and way.rng.random() < 0.3:
        way.change_plan(renewed, plan - 1, round(0.93 * float(way.population.arpu[way.who]), 2))


_WAYS: Final[dict[Path, Callable[[PathCourse], None]]] = {
    Path.SECOND_SIM: _second_sim,
    Path.RIVAL: _rival,
    Path.BAD_SERVICE: _bad_service,
    Path.PRICE: _price,
    Path.CORPORATE: _corporate,
    Path.DOWNGRADE: _downgrade,
    Path.PASSIVE: _passive,
}


def settle(
    rng: np.random.Generator,
    agenda: Agenda,
    cases: Cases,
    population: SimulatedPopulation,
    courses: Courses,
    rates: Rates,
) -> None:
    """Put the single events of every course into the agenda, and set how long each subscriber is present."""
    for who, path, fate, onset, peak, strength in zip(
        courses.who.tolist(),
        courses.path.tolist(),
        courses.fate.tolist(),
        courses.onset.tolist(),
        courses.peak.tolist(),
        courses.strength.tolist(),
        strict=True,
    ):
        way = PathCourse(rng, agenda, cases, population, rates, who, PathEnd(fate), onset, peak, strength > 0)
        _WAYS[Path(path)](way)
        if way.fate is PathEnd.SAVED:
            _saved(way)
