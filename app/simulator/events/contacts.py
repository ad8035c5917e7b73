"""Rare events of a span: visits to competitors' sites, calls to care, contacts by other departments."""

from __future__ import annotations

from typing import Final

import numpy as np

from app.simulator import rhythm
from app.simulator.events.agenda import CASE_REASONS
from app.simulator.people.behaviour import Behaviour
from app.simulator.people.population import CHANNELS, OPERATORS
from app.simulator.rhythm import Span
from app.simulator.world import Strip, World
from models.contract.events import CONTACTS, SITE_VISITS

_PAGES: Final = ("home", "plans", "number_portability", "store_locator", "checkout", "support", "other")
_IDLE: Final = np.array([0.34, 0.24, 0.01, 0.06, 0.005, 0.145, 0.2])
_TURNED: Final = np.array([0.12, 0.34, 0.28, 0.1, 0.1, 0.02, 0.04])
_CARE_REASONS: Final = ("inquiry", "fault", "complaint", "billing_dispute", "satisfaction", "transfer", "penalty_query")
_CARE_SHARES: Final = (0.6, 0.1, 0.06, 0.05, 0.14, 0.03, 0.02)
_CARE_CHANNELS: Final = ("hotline", "app", "store", "web")
_PURPOSES: Final = ("campaign", "survey", "billing_notice", "network_notice")
_PURPOSE_SHARES: Final = (0.5, 0.1, 0.25, 0.15)


def visits(world: World, now: Behaviour, span: Span) -> Strip:
    """Visits to competitors' sites: most look at home pages, those close to leaving read about porting."""
    rng = world.rng
    who, ts = world.draw(span, now.visits, rhythm.SITES)
    turned = rng.random(len(who)) < now.turn[who] * 0.9
    values = []
    for row, at, intent in zip(who.tolist(), ts.tolist(), turned.tolist(), strict=True):
        page = int(rng.choice(len(_PAGES), p=_TURNED if intent else _IDLE))
        operator = OPERATORS[int(world.population.rival[row]) if rng.random() < 0.75 else int(rng.integers(1, 4))]
        fields = {
            "operator": operator,
            "dwell_s": round(min(float(rng.lognormal(4.0 if intent else 2.9, 0.9)), 3600.0), 1),
            "pages": 1 + int(rng.poisson(2.5 if intent else 0.7)),
            "page": _PAGES[page],
            "site": f"www.{operator}.example",
        }
        values.append(world.event(SITE_VISITS, row, at, fields))
    return Strip(SITE_VISITS, ts, who, values)


def care(world: World, now: Behaviour, span: Span) -> None:
    """Everyday contacts with care, put into the agenda: some open a case that ends days later."""
    rng, usual = world.rng, world.rates.care_contacts_per_day
    who, ts = world.draw(span, usual + now.troubles, rhythm.CARE)
    troubled = rng.random(len(who)) < now.troubles[who] / (now.troubles[who] + usual)
    for row, at, trouble in zip(who.tolist(), ts.tolist(), troubled.tolist(), strict=True):
        reason = "fault" if trouble else str(rng.choice(_CARE_REASONS, p=_CARE_SHARES))
        channel = str(rng.choice(_CARE_CHANNELS, p=(0.55, 0.3, 0.1, 0.05)))
        if reason in CASE_REASONS:
            world.cases.open(at, row, reason, channel, late=False)
        elif reason == "satisfaction":
            world.cases.contact(at, row, reason, "app", score=float(np.clip(round(rng.normal(8, 1.6)), 1, 10)))
        else:
            world.cases.contact(at, row, reason, channel, product="mobile")


def contacts(world: World, span: Span) -> Strip:
    """Contacts by other departments: they count towards the contact caps, so a few are needed."""
    rng = world.rng
    rate = np.where(world.population.do_not_contact, 0, world.rates.other_contacts_per_day)
    who, ts = world.draw(span, rate, rhythm.CARE)
    channel = np.where(rng.random(len(who)) < 0.5, world.population.channel[who], CHANNELS.index("sms"))
    purpose = rng.choice(_PURPOSES, len(who), p=_PURPOSE_SHARES)
    values = [
        world.event(CONTACTS, row, at, {"channel": CHANNELS[by], "purpose": why})
        for row, at, by, why in zip(who.tolist(), ts.tolist(), channel.tolist(), purpose.tolist(), strict=True)
    ]
    return Strip(CONTACTS, ts, who, values)
