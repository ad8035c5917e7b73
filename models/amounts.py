"""What each event adds to the sums of its block, by the stem of the column's name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from models.columns import CARE, rival
from models.decay import Floats
from models.events import Billing, Call, CareContact, DataUsage, SiteVisit

Amounts = dict[str, Floats]

_SHOP_PAGES: Final = frozenset({"store_locator", "checkout"})
_NO_RIVAL: Final = -1
_CARE_STEMS: Final = {
    "leave_intent": "leave_intent",
    "port_out_query": "query",
    "port_out_code": "code",
    "penalty_query": "penalty_query",
    "complaint": "complaint",
    "billing_dispute": "complaint",
    "fault": "fault",
    "suspend_keep_number": "suspend",
    "subcard_unlink": "subcard",
    "transfer": "transfer",
}


def _floats(values: Iterable[float | bool]) -> Floats:
    return np.array(values, dtype=np.float64)


def of_calls(events: Sequence[Call]) -> Amounts:
    """Of calls; a short message counts as ``sms`` and, at a competitor's hotline, as ``rival_care``."""
    voice = _floats([e.kind == "voice" for e in events])
    networks = [e.peer_network for e in events]
    off_net = _floats([n == "off_net" for n in networks]) * voice
    slots = np.array([_NO_RIVAL if e.peer_operator is None else rival(e.peer_operator) for e in events])
    return {
        "calls": voice,
        "minutes": _floats([e.duration_s for e in events]) / 60.0 * voice,
        "sms": 1.0 - voice,
        "outgoing": _floats([e.direction == "outgoing" for e in events]) * voice,
        "off_net": off_net,
        "rival_care": _floats([n == "competitor_care" for n in networks]),
        "forwarded": _floats([e.forwarded for e in events]) * voice,
        "dropped": _floats([e.dropped for e in events]) * voice,
        "mobile": (slots == 0) * off_net,
        "unicom": (slots == 1) * off_net,
        "telecom": (slots == 2) * off_net,
        "broadnet": (slots == 3) * off_net,
        "other": (slots == 4) * off_net,
    }


def of_data(events: Sequence[DataUsage]) -> Amounts:
    """Of data sessions."""
    return {
        "mb": _floats([e.bytes for e in events]) / 1e6,
        "sessions": np.ones(len(events)),
        "failed": _floats([e.failed for e in events]),
        "throttled": _floats([e.throttled for e in events]),
    }


def of_visits(events: Sequence[SiteVisit]) -> Amounts:
    """Of visits to competitors' sites."""
    return {
        "visits": np.ones(len(events)),
        "dwell": _floats([e.dwell_s for e in events]),
        "pages": _floats([e.pages for e in events]),
        "portability": _floats([e.page == "number_portability" for e in events]),
        "shop": _floats([e.page in _SHOP_PAGES for e in events]),
    }


def of_care(events: Sequence[CareContact]) -> Amounts:
    """Of care contacts, by what they were about; that a case was resolved is not another contact."""
    opened = _floats([e.status == "opened" for e in events])
    about = [_CARE_STEMS.get(e.reason) for e in events]
    amounts = {stem: _floats([a == stem for a in about]) * opened for stem in CARE.stems}
    amounts["contacts"] = opened
    return amounts


def of_billing(events: Sequence[Billing]) -> Amounts:
    """Of billing: only accruals add up; bills and recharges have columns of their own."""
    return {"accrued": _floats([e.amount if e.kind == "accrual" else 0.0 for e in events])}
