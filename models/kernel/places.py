"""Indices and flags of the compiled code: columns of rows, arrivals and lanes, and the flags it returns.

The generator writes each constant into the compiled file as a number.
"""

from __future__ import annotations

from typing import Final, get_args

from models.contract.events import LATE_MS, CareReason, Page, PeerNetwork
from models.contract.time_units import DAY_MS
from models.state import columns
from models.state.columns import ACTIVITY, BILLING, BIT, CALLS, CARE, DATA, OUTCOME, PROFILE, RISK, VISITS, place

DAY: Final = float(DAY_MS)
LATE: Final = float(LATE_MS)
TICK: Final = 900_000.0

# Columns of a subscriber's row.
FIRST_TS: Final = place(ACTIVITY, "first_ts")
LAST_TS: Final = place(ACTIVITY, "last_ts")
RISK_: Final = place(RISK, "risk")
SCORED_TS: Final = place(RISK, "scored_ts")
PUBLISHED: Final = place(RISK, "published")
TIER: Final = place(RISK, "tier")
TIER_TS: Final = place(RISK, "tier_ts")
DUE_TS: Final = place(RISK, "due_ts")
ABOVE: Final = place(RISK, "above")
REACHED: Final = place(RISK, "reached")
REACHED_TS: Final = place(RISK, "reached_ts")
CANDIDATE_TS: Final = place(RISK, "candidate_ts")
STAYED_TS: Final = place(RISK, "stayed_ts")
DECLINED_TS: Final = place(RISK, "declined_ts")
TOLD_END: Final = place(RISK, "told_mobile")  # and of the other products, in the order of the profile's columns
BROWSING_LEVEL: Final = place(RISK, "browsing_level")
BROWSING_UNTIL: Final = place(RISK, "browsing_until")
CALLS_REF: Final = place(CALLS, "ref_ts")
CALLS_FIRST: Final = place(CALLS, "first_ts")
CALLS_7: Final = place(CALLS, "calls_7")
CALLS_30: Final = place(CALLS, "calls_30")
OFF_NET_7: Final = place(CALLS, "off_net_7")
OFF_NET_30: Final = place(CALLS, "off_net_30")
SMS_30: Final = place(CALLS, "sms_30")
FORWARDED_7: Final = place(CALLS, "forwarded_7")
FORWARDED_30: Final = place(CALLS, "forwarded_30")
DATA_REF: Final = place(DATA, "ref_ts")
DATA_FIRST: Final = place(DATA, "first_ts")
MB_7: Final = place(DATA, "mb_7")
MB_30: Final = place(DATA, "mb_30")
SESSIONS_30: Final = place(DATA, "sessions_30")
VISITS_REF: Final = place(VISITS, "ref_ts")
RIVAL_TS: Final = place(VISITS, "mobile_ts")
CARE_REF: Final = place(CARE, "ref_ts")
LEAVE_INTENT_TS: Final = place(CARE, "leave_intent_ts")
QUERY_TS: Final = place(CARE, "query_ts")
CODE_TS: Final = place(CARE, "code_ts")
SATISFACTION: Final = place(CARE, "satisfaction")
SATISFACTION_TS: Final = place(CARE, "satisfaction_ts")
BILLING_REF: Final = place(BILLING, "ref_ts")
PERIOD: Final = place(BILLING, "period")
BILL: Final = place(BILLING, "bill")
RECHARGES: Final = place(BILLING, "recharges")
RECHARGE_FIRST_TS: Final = place(BILLING, "recharge_first_ts")
RECHARGE_LAST_TS: Final = place(BILLING, "recharge_last_ts")
PLAN_CHANGE_TS: Final = place(BILLING, "plan_change_ts")
PLAN_FEE: Final = place(BILLING, "plan_fee")
PLAN_FEE_CHANGE: Final = place(BILLING, "plan_fee_change")
CONTRACT_END: Final = place(PROFILE, "contract_end_mobile")
CORPORATE: Final = place(PROFILE, "corporate")
BEHAVIOUR: Final = place(PROFILE, "behaviour")
LEFT: Final = place(OUTCOME, "left")
LEFT_TS: Final = place(OUTCOME, "left_ts")
OUTCOME_CODE: Final = place(OUTCOME, "code")

# Dirty bits: the parts of a row to be written.
RISK_BIT: Final = BIT["risk"]
ACTIVITY_BIT: Final = BIT["activity"]
SEEN_BIT: Final = BIT["seen"]
CALLS_BIT: Final = BIT["calls"]
DATA_BIT: Final = BIT["data"]
VISITS_BIT: Final = BIT["visits"]
CARE_BIT: Final = BIT["care"]
BILLING_BIT: Final = BIT["billing"]
KEPT_BIT: Final = BIT["kept_visits"]
SEEN: Final = columns.SEEN
KEPT: Final = columns.KEPT_VISITS
ALIVE: Final = columns.ALIVE
SILENT: Final = columns.SILENT
QUEUED: Final = columns.QUEUED
UNPROFILED: Final = columns.UNPROFILED

# Kinds of arrivals: those up to `DATA_USE` are usage, those up to `CARE_CONTACT` move the lane's time, those up to
# `PROFILED` make a subscriber known. `IGNORED` is added to one that a stop mark excludes.
CALL: Final = 0
DATA_USE: Final = 1
BILL_KIND: Final = 2
VISIT: Final = 3
CARE_CONTACT: Final = 4
CONTACT: Final = 5
FEEDBACK: Final = 6
OUTCOME_: Final = 7
PROFILED: Final = 8
DELETION: Final = 9
ERASURE: Final = 10
KINDS: Final = 11
IGNORED: Final = 16

# Columns of an arrival. `CODE`, `SLOT` and the numbers after `FLAGS` depend on the kind: see
# :mod:`models.kernel.arrivals`.
TS: Final = 0
ROW: Final = 1
KIND: Final = 2
CODE: Final = 3
SLOT: Final = 4
FLAGS: Final = 5
FIRST: Final = 6
SECOND: Final = 7
THIRD: Final = 8
FOURTH: Final = 9
ARRIVAL: Final = 10

OFF_NET: Final = get_args(PeerNetwork).index("off_net")
RIVAL_CARE: Final = get_args(PeerNetwork).index("competitor_care")
PORTABILITY_PAGE: Final = get_args(Page).index("number_portability")
STORE_PAGE: Final = get_args(Page).index("store_locator")
CHECKOUT_PAGE: Final = get_args(Page).index("checkout")
LEAVE_INTENT: Final = get_args(CareReason).index("leave_intent")
PORT_OUT_QUERY: Final = get_args(CareReason).index("port_out_query")
PORT_OUT_CODE: Final = get_args(CareReason).index("port_out_code")
PENALTY_QUERY: Final = get_args(CareReason).index("penalty_query")
COMPLAINT: Final = get_args(CareReason).index("complaint")
BILLING_DISPUTE: Final = get_args(CareReason).index("billing_dispute")
FAULT: Final = get_args(CareReason).index("fault")
SUSPEND: Final = get_args(CareReason).index("suspend_keep_number")
SUBCARD_UNLINK: Final = get_args(CareReason).index("subcard_unlink")
TRANSFER: Final = get_args(CareReason).index("transfer")
SATISFIED: Final = get_args(CareReason).index("satisfaction")
ACCRUAL: Final = 0
A_BILL: Final = 1
RECHARGE: Final = 2
PLAN_CHANGE: Final = 3

# The lane: numbers set by the caller, and results of the compiled code.
WATERMARK: Final = 0
LAST_TICK: Final = 1
NEXT_TICK: Final = 2
FEEDS: Final = 3  # the largest time of each kind up to `CARE_CONTACT`
ROOM: Final = 8
WHY: Final = 9
IS_LATE: Final = 10
NOW: Final = 11
SCORE: Final = 12
HISTORY: Final = 13
FRESH: Final = 14  # number of rows to enter into the calendar of silences
CAME_FROM: Final = 15  # the lane's time before this arrival
LANE: Final = 16

# Why the walk stopped; 0 is the end of the batch.
WAKES: Final = 2  # a silence may be over
SIGNALS: Final = 4  # competitor browsing
RARE: Final = 8  # an event that Python handles
TICKS: Final = 16  # a tick is reached at which something may be due
FULL: Final = 32  # the transaction or a buffer is full
REPEATED: Final = 64  # a duplicate event id

# Rows of the counts.
APPLIED: Final = 0
DUPLICATE: Final = 1
TOO_LATE: Final = 2
KEPT_AWAY: Final = 3
COUNTS: Final = 4

# Parameters of the policy and the model.
INTERCEPT: Final = 0
CUT_WARNING: Final = 1  # in log-odds; the next three are relative to it
HIGH_ABOVE: Final = 2
WARNING_LEFT: Final = 3
HIGH_LEFT: Final = 4
SMOOTHING: Final = 5
CALM: Final = 6
RAISES: Final = 7  # the lowest tier that raises alerts
MIN_HISTORY: Final = 8
SCORE_STEP: Final = 9
SILENCE_FLOOR: Final = 10
SILENCE_GAPS: Final = 11
SILENCE_PER_WEEK: Final = 12
SILENCE_HISTORY: Final = 13
BROWSE_WINDOW: Final = 14
BROWSE_VISITS: Final = 15
BROWSE_DWELL: Final = 16
BROWSE_PAGE_DWELL: Final = 17
EXCLUDED_PAGES: Final = 18  # one bit per page
STRONG_PAGES: Final = 19
IDLE: Final = 20
BROWSING_TTL: Final = 21
DECLINE_PLAN: Final = 22
DECLINE_MONTH: Final = 23
DECLINE_SEGMENT: Final = 24
DECLINE_HIGH: Final = 25  # monthly revenue from which spending is high
DECLINE_CALLS: Final = 26
DECLINE_DATA: Final = 27
DECLINE_OFF_NET: Final = 28
DECLINE_LEAST: Final = 29
DECLINE_QUIET: Final = 30
ACCOUNT_FORWARDED: Final = 31
ACCOUNT_BILL: Final = 32
ACCOUNT_LEAST: Final = 33
PARAMETERS: Final = 34

# A slot of a table of words (models.kernel.plain_event).
HASHED: Final = 0
VALUE: Final = 1
WORD_AT: Final = 2
WORD_LENGTH: Final = 3
SLOT_WIDTH: Final = 4

# Columns of a record: positions of its value and key in the buffer. A length of -1 is null.
VALUE_AT: Final = 0
VALUE_LENGTH: Final = 1
KEY_AT: Final = 2
KEY_LENGTH: Final = 3
OFFSET: Final = 4
STAMP: Final = 5  # the record's timestamp
TOPIC: Final = 6  # its index among the inputs
RECORD_KIND: Final = 7
DATE: Final = 8  # when it happened, for the lane's order
RECORD: Final = 9

# Result of reading a record's value.
PLAIN: Final = 0
NOT_PLAIN: Final = 1
LONGEST_VALUE: Final = 8_192  # bytes: no event comes near unless it is full of spaces
LONGEST_KEY: Final = 256

# Columns of a field of an event: how it is read and where it goes.
FIELDS_A_KIND: Final = 16
READS: Final = 0
GOES_TO: Final = 1  # a column of the arrival, or `NOWHERE`
BITS: Final = 2  # its bit in the flags
SHORTEST: Final = 3
LONGEST: Final = 4
NAME_AT: Final = 5
NAME_LENGTH: Final = 6
FIELD: Final = 7
NOWHERE: Final = -1
LOW: Final = 0
HIGH: Final = 1

# How a field is read; 0 is no field.
WHOLE: Final = 1  # a number without fraction or exponent
NUMBER: Final = 2
SWITCH: Final = 3  # true or false
CHOICE: Final = 4  # a word of a closed set
TEXT: Final = 5
OPERATOR: Final = 6  # any text; only names that were taught have a number
MONTH: Final = 7
EVENT_ID: Final = 8
SUBSCRIBER: Final = 9

# Columns of a part of a row that is written as a record of its own, and how far a batch of records is filled.
PART_BIT: Final = 0
PART_CODE: Final = 1
PART_START: Final = 2
PART_WIDTH: Final = 3
RING_PART: Final = 0  # the event ids, whose fill values follow the table's
KEPT_PART: Final = 1  # the kept visits
AT: Final = 0  # bytes written
COUNT: Final = 1  # records written
TAKEN: Final = 2  # bytes read of the source
ALL_COLUMNS: Final = 1  # version of a value with all columns, and of kept visits
SOME_COLUMNS: Final = 2  # version of a value with only the columns that differ from their fill values
KEPT_COLUMNS: Final = len(columns.VISIT_COLUMNS)
LONGEST_HEADS: Final = 32  # bytes of a record besides key and value, and the code letter of the key
LONGEST_ROW: Final = sum(2 + 9 * len(spec.columns) for spec in columns.BLOCKS) + 2 + 8 * KEPT_COLUMNS * KEPT

# Sets of words: the names of a kind's fields, the operators, the choices of a field.
FIRST_NAMES: Final = 1
OPERATORS: Final = 8
FIRST_CHOICES: Final = 16

# Why a subscriber is looked at in a tick; the caller sets those before the last two.
ENDED: Final = 1  # a term is over
FALLEN: Final = 2  # silent for too long
DAILY: Final = 4  # the daily look
LABELLED: Final = 8  # a label may be known
WEEKLY: Final = 16  # the weekly vector, if there is any history
LOOK_MOVES: Final = 32  # a tier moves, or an alert may be raised
LOOK_IDLE: Final = 64  # they have done nothing for long
LOOK_NEWS: Final = 128  # there is a risk to publish
LOOK_PLAN: Final = 256  # they moved to a cheaper plan
LOOK_BILL: Final = 512  # their high bill fell
LOOK_OFF_NET: Final = 1024  # they use the service less, and what is left goes off-net
LOOK_DECLINES: Final = LOOK_PLAN | LOOK_BILL | LOOK_OFF_NET
LOOK_FORWARDS: Final = 2048  # more calls of a corporate line are forwarded
LOOK_PAYS_LESS: Final = 4096  # its bill fell
LOOK_ACCOUNT: Final = LOOK_FORWARDS | LOOK_PAYS_LESS

# Columns of a look's results: place in the queue and why, the score, and columns of the row.
LOOKED_PLACE: Final = 0
LOOKED_WHY: Final = 1
LOOKED_NOW: Final = 2
LOOKED_RISK: Final = 3
LOOKED_HISTORY: Final = 4
LOOKED_PUBLISHED: Final = 5
LOOKED_TIER: Final = 6
LOOKED_REACHES: Final = 7
LOOKED_LEFT: Final = 8
LOOKED: Final = 9
