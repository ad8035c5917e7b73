"""The indicators: a name in two languages, the numerator and the denominator in words, and one query each.

A query gives one row a *case*: whose it is and when, what it adds to the numerator (`n`) and to the denominator (`d`).
What is asked of a case is known after its `horizon`: on a day the cases count whose horizon ends on it, so a figure is
never of an outcome that is still open. Parameters of all queries:

``:first``, ``:last``
    Begin and end of the time in which cases began: the period, moved back by the horizon.
``:horizon``
    The horizon, ms.
``:base_first``, ``:base_last``, ``:base_end``
    Begin and end of the same days in the base month, and the end of that month.
``:look_back``
    How long before leaving a warning may have come, ms.
``:revenue``
    The kind of billing record that is counted as revenue.

Tables are in :mod:`app.report.facts`. Times of leaving are those of the outcome: when the operator knew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from models.contract.events import BILLING, CARE_CONTACTS, CONTACTS, FEEDBACK, LEAVING, OUTCOMES, REACHED
from models.contract.time_units import DAY_MS
from models.contract.vocabulary import FORETELLS, Text
from models.state.record_updates import COMPLAINTS
from streams.records.topics import ALERTS, SCORES, SUPPRESSIONS, WORK_ORDERS

Measure = Literal["share", "median_days", "times", "difference", "mix"]
"""Numerator by denominator; the median of the numerators; the share of ``flagged`` cases over that of ``all``; the
share of ``hold_out`` cases less that of ``eligible`` ones; the share of each word in `part`."""
Columns = tuple[str, ...]


class Indicator(NamedTuple):
    """One indicator of the report.

    Attributes
    ----------
    of, by
        The numerator and the denominator in words.
    sql
        Gives the cases, with these `columns`: `subscriber_id`, `ts`, `n`, `d`, and perhaps `unit` (else that of the
        subscriber), `part` (such as a reason), `unknown` (1 for a case that no record decides; it is in neither).
    horizon_days
        How long after its beginning a case is decided.
    needs
        The topics that must be known from the beginning of the cases on; with how many days more before that.
    of_base
        Whether they must be known from the end of the base month on.
    by_subscriber
        False: it is of units, and has no tier and no segment.
    """

    key: str
    name: Text
    of: Text
    by: Text
    sql: str
    needs: Mapping[str, float]
    columns: Columns = ("subscriber_id", "ts", "n", "d")
    horizon_days: int = 0
    measure: Measure = "share"
    of_base: bool = False
    by_subscriber: bool = True


def _words(words: frozenset[str] | tuple[str, ...]) -> str:
    return "(" + ", ".join(f"'{word}'" for word in sorted(words)) + ")"


_ACTIVE: Final = _words(LEAVING)
_DAY: Final = DAY_MS
_LEFT: Final = f"""EXISTS (
        SELECT 1 FROM presence p WHERE p.subscriber_id = c.subscriber_id AND p.how IN {_ACTIVE}
                                   AND p.until > c.ts AND p.until <= c.ts + :horizon)"""
"""Whether the subscriber of the case `c` left of their own will within the horizon."""
_STAYED: Final = """EXISTS (
        SELECT 1 FROM presence p WHERE p.subscriber_id = c.subscriber_id AND p.since <= c.ts + :horizon
                                   AND p.until > c.ts + :horizon)"""
"""Whether they are in service at its end."""
_CHURN: Final = """
SELECT subscriber_id, until AS ts, 1 AS n, 0 AS d FROM presence
WHERE until >= :first AND until < :last AND how IN {}
UNION ALL
SELECT subscriber_id, :first, 0, 0.5 FROM presence WHERE since < :first AND until >= :first
UNION ALL
SELECT subscriber_id, :last, 0, 0.5 FROM presence WHERE since < :last AND until >= :last
"""
"""Leavers by the mean of those in service at the beginning and at the end."""
_FLAGGED: Final = """
    SELECT b.subscriber_id, min(b.ts) AS ts FROM breaches b
    WHERE b.kind = 'risk_tier' AND b.tier = 'high_risk' AND b.ts >= :first AND b.ts < :last
    GROUP BY b.subscriber_id"""
"""Who was found to be at high risk, each once. The desk publishes each such finding: as an alert, or as withheld."""
_CHECKED: Final = """
    SELECT c.subscriber_id, c.ts, c.unit,
           {stayed} AS stayed,
           (SELECT b.amount FROM bills b WHERE b.subscriber_id = c.subscriber_id AND b.kind = 'bill'
            AND b.ts <= c.ts AND b.ts > c.ts - 35 * {day} ORDER BY b.ts DESC LIMIT 1) AS before,
           (SELECT b.amount FROM bills b WHERE b.subscriber_id = c.subscriber_id AND b.kind = 'bill'
            AND b.ts > c.ts AND b.ts <= c.ts + :horizon ORDER BY b.ts DESC LIMIT 1) AS after
    FROM ({cases}) c"""
"""Cases with what the check of a saved customer needs: in service, last bill, and the bill before the case."""
_DECIDED: Final = "before IS NOT NULL AND (after IS NOT NULL OR NOT stayed)"
_SAVED: Final = "stayed AND after >= 0.95 * before"
_SAVE_COLUMNS: Final = ("subscriber_id", "ts", "unit", "n", "d", "unknown")
_SAVES: Final = f"""
SELECT subscriber_id, ts, unit, {_DECIDED} AND {_SAVED} AS n, {_DECIDED} AS d, NOT ({_DECIDED}) AS unknown
FROM ({_CHECKED})
""".format(
    stayed=_STAYED,
    day=_DAY,
    cases="SELECT * FROM touches WHERE ours AND ts >= :first AND ts < :last",
)
_REPORTED: Final = f"""
SELECT subscriber_id, ts, unit, {_DECIDED} AND NOT ({_SAVED}) AS n, {_DECIDED} AS d, NOT ({_DECIDED}) AS unknown
FROM ({_CHECKED})
""".format(
    stayed=_STAYED,
    day=_DAY,
    cases="""
        SELECT f.subscriber_id, min(f.ts) AS ts, (SELECT s.unit FROM order_alerts o JOIN steps s USING (order_id)
                                                  WHERE o.alert_id = f.alert_id ORDER BY s.seq DESC LIMIT 1) AS unit
        FROM feedback f WHERE f.status = 'retained' AND f.ts >= :first AND f.ts < :last
        GROUP BY f.subscriber_id, f.alert_id""",
)
_TOUCH_TOPICS: Final = {FEEDBACK: 0.0, WORK_ORDERS: 0.0}
_BREACH_TOPICS: Final = {ALERTS: 0.0, SUPPRESSIONS: 0.0, OUTCOMES: 0.0}
_SEEN: Final = {ALERTS: 30.0, SUPPRESSIONS: 30.0, SCORES: 0.0, OUTCOMES: 0.0}


def _foreseen(tiers: str) -> str:
    return f"""
SELECT c.subscriber_id, c.until AS ts, EXISTS (
    SELECT 1 FROM tiers t WHERE t.subscriber_id = c.subscriber_id AND t.tier IN {tiers}
                            AND t.ts >= c.until - :look_back AND t.ts <= c.until - 3 * {_DAY}) AS n, 1 AS d
FROM presence c WHERE c.how IN {_ACTIVE} AND c.until >= :first AND c.until < :last
"""


INDICATORS: Final = (
    Indicator(
        "stock_revenue_retention",
        Text("Stock revenue retention", "存量收入保有率"),
        Text("their revenue now", "存量客户当期收入"),
        Text("revenue of the base month's customers on the same days", "存量客户基期同天数收入"),
        """
SELECT b.subscriber_id, :last - 1 AS ts,
       sum(CASE WHEN b.ts >= :first AND b.ts < :last THEN b.amount ELSE 0 END) AS n,
       sum(CASE WHEN b.ts >= :base_first AND b.ts < :base_last THEN b.amount ELSE 0 END) AS d
FROM bills b
WHERE b.kind = :revenue AND b.ts >= :base_first AND b.ts < :last AND b.subscriber_id IN (
    SELECT subscriber_id FROM presence WHERE since < :base_end AND until >= :base_end)
GROUP BY b.subscriber_id
""",
        {BILLING: 0.0, OUTCOMES: 0.0},
        of_base=True,
    ),
    Indicator(
        "stock_customer_retention",
        Text("Stock customer retention", "存量客户保有率"),
        Text("of them in service", "其中仍在网客户"),
        Text("customers in service at the end of the base month", "基期末在网客户"),
        """
SELECT c.subscriber_id, :last - 1 AS ts, max(EXISTS (
    SELECT 1 FROM presence p WHERE p.subscriber_id = c.subscriber_id AND p.since < :last AND p.until >= :last)) AS n,
    1 AS d
FROM presence c WHERE c.since < :base_end AND c.until >= :base_end GROUP BY c.subscriber_id
""",
        {OUTCOMES: 0.0},
        of_base=True,
    ),
    Indicator(
        "active_churn",
        Text("Active churn", "主动离网率"),
        Text("ported out, disconnected or lapsed", "携出、拆机、三无离网"),
        Text("mean of opening and closing subscribers", "期初期末平均在网客户"),
        _CHURN.format(_ACTIVE),
        {OUTCOMES: 0.0},
    ),
    Indicator(
        "passive_churn",
        Text("Passive churn", "被动离网率"),
        Text("let go by the operator", "运营商侧销号"),
        Text("mean of opening and closing subscribers", "期初期末平均在网客户"),
        _CHURN.format("('involuntary')"),
        {OUTCOMES: 0.0},
    ),
    Indicator(
        "port_out_rate",
        Text("Port-out rate", "携出率"),
        Text("ported out", "携出客户"),
        Text("mean of opening and closing subscribers", "期初期末平均在网客户"),
        _CHURN.format("('ported_out')"),
        {OUTCOMES: 0.0},
    ),
    Indicator(
        "high_risk_precision",
        Text("High-risk precision", "高危预警准确率"),
        Text("left of their own will within 30 days", "30天内主动离网"),
        Text("found to be at high risk", "判为高危的客户"),
        f"SELECT c.subscriber_id, c.ts, {_LEFT} AS n, 1 AS d FROM ({_FLAGGED}) c",
        _BREACH_TOPICS,
        horizon_days=30,
    ),
    Indicator(
        "high_risk_precision_hold_out",
        Text("High-risk precision, hold-out", "高危预警准确率（对照组）"),
        Text("left of their own will within 30 days", "30天内主动离网"),
        Text("of the hold-out, found to be at high risk", "对照组中判为高危的客户"),
        f"SELECT c.subscriber_id, c.ts, {_LEFT} AS n, 1 AS d FROM ({_FLAGGED}) c JOIN people USING (subscriber_id)"
        " WHERE people.held",
        _BREACH_TOPICS,
        horizon_days=30,
    ),
    Indicator(
        "recall",
        Text("Recall", "预警查全率"),
        Text("at high risk at least 3 days before", "离网3天前已判高危"),
        Text("active leavers", "主动离网客户"),
        _foreseen("('high_risk')"),
        _SEEN,
    ),
    Indicator(
        "recall_with_warning",
        Text("Recall with warning", "预警查全率（含预警）"),
        Text("at high risk or warning at least 3 days before", "离网3天前已判高危或预警"),
        Text("active leavers", "主动离网客户"),
        _foreseen("('high_risk', 'warning')"),
        _SEEN,
    ),
    Indicator(
        "lift",
        Text("Lift", "提升度"),
        Text("high-risk precision", "高危预警准确率"),
        Text("share of all subscribers who left within the same 30 days", "同期30天整体离网率"),
        f"""
SELECT c.subscriber_id, c.ts, 'flagged' AS part, {_LEFT} AS n, 1 AS d FROM ({_FLAGGED}) c
UNION ALL
SELECT c.subscriber_id, c.ts, 'all', {_LEFT}, 1
FROM (SELECT subscriber_id, :first AS ts FROM presence WHERE since < :first AND until >= :first) c
""",
        _BREACH_TOPICS,
        ("subscriber_id", "ts", "part", "n", "d"),
        horizon_days=30,
        measure="times",
    ),
    Indicator(
        "lead_time_days",
        Text("Lead time, days", "预警提前量（天）"),
        Text("median of days from the first alert to leaving", "首次预警至离网天数中位数"),
        Text("active leavers with an alert in the 30 days before", "离网前30天内有预警的主动离网客户"),
        f"""
SELECT l.subscriber_id, l.until AS ts, (l.until - min(b.ts)) / {_DAY}.0 AS n, 1 AS d
FROM presence l JOIN breaches b ON b.subscriber_id = l.subscriber_id AND b.ts > l.until - :look_back AND b.ts <= l.until
WHERE l.how IN {_ACTIVE} AND l.until >= :first AND l.until < :last
  AND b.reason IS NULL AND b.event = 'raised' AND b.kind IN {_words(FORETELLS)}
GROUP BY l.subscriber_id, l.until
""",
        {ALERTS: 30.0, OUTCOMES: 0.0},
        measure="median_days",
    ),
    Indicator(
        "first_contact_in_time",
        Text("First contact in time", "及时首触率"),
        Text("contacted by their deadline", "首触时限内已首触"),
        Text("orders due, unless they ended before without a contact", "到期工单（到期前未触达即终止的除外）"),
        """
SELECT subscriber_id, due AS ts, unit, coalesce(contacted <= due, 0) AS n, 1 AS d
FROM (
    SELECT max(subscriber_id) AS subscriber_id, min(CASE WHEN step = 'dispatched' THEN contact_by END) AS due,
           min(CASE WHEN step = 'contacted' THEN ts END) AS contacted,
           min(CASE WHEN step IN ('archived', 'withdrawn') THEN ts END) AS ended, max(seq), unit
    FROM steps WHERE order_id IN (SELECT order_id FROM steps WHERE contact_by >= :first AND contact_by < :last)
    GROUP BY order_id
)
WHERE due >= :first AND due < :last AND (contacted IS NOT NULL OR ended IS NULL OR ended > due)
""",
        {WORK_ORDERS: 7.0},
        ("subscriber_id", "ts", "unit", "n", "d"),
    ),
    Indicator(
        "reach",
        Text("Reach", "触达率"),
        Text("connected", "接通"),
        Text("orders attempted", "已尝试联系的工单"),
        f"""
SELECT f.subscriber_id, min(f.ts) AS ts, s.unit, max(f.status <> 'unreachable') AS n, 1 AS d
FROM feedback f LEFT JOIN order_alerts o ON o.alert_id = f.alert_id
     LEFT JOIN (SELECT order_id, unit, max(seq) FROM steps GROUP BY order_id) s ON s.order_id = o.order_id
WHERE f.ts >= :first AND f.ts < :last AND f.alert_id IS NOT NULL AND f.status IN {_words(REACHED | {"unreachable"})}
GROUP BY coalesce(o.order_id, f.alert_id)
""",
        _TOUCH_TOPICS,
        ("subscriber_id", "ts", "unit", "n", "d"),
    ),
    *(
        Indicator(
            f"retention_success_{days}",
            Text(f"Retention success, {days} days", f"挽留成功率（{days}天）"),
            Text("in service, last bill at least 95 % of that before", "在网且账单不低于触达前95%"),
            Text(f"contacted {days} days before", f"{days}天前触达"),
            _SAVES,
            {**_TOUCH_TOPICS, OUTCOMES: 0.0},
            _SAVE_COLUMNS,
            horizon_days=days,
        )
        for days in (30, 90)
    ),
    Indicator(
        "over_reporting",
        Text("Over-reporting", "虚报率"),
        Text("left, or billed less than 95 % of before", "离网或账单低于95%"),
        Text("reported as retained 30 days before", "30天前回单挽留成功"),
        _REPORTED,
        {**_TOUCH_TOPICS, OUTCOMES: 0.0},
        _SAVE_COLUMNS,
        horizon_days=30,
    ),
    Indicator(
        "net_retention",
        Text("Net retention", "净挽留率"),
        Text("hold-out who left within 30 days", "对照组30天离网率"),
        Text("those eligible for contact who did, contacted or not", "可触达组30天离网率（无论是否触达）"),
        f"""
SELECT c.subscriber_id, c.ts, CASE WHEN people.held THEN 'hold_out' ELSE 'eligible' END AS part, {_LEFT} AS n, 1 AS d
FROM (SELECT subscriber_id, min(ts) AS ts FROM breaches
      WHERE event = 'raised' AND ts >= :first AND ts < :last AND kind NOT IN (SELECT kind FROM hold_out_exempt)
      GROUP BY subscriber_id) c JOIN people USING (subscriber_id)
""",
        _BREACH_TOPICS,
        ("subscriber_id", "ts", "part", "n", "d"),
        horizon_days=30,
        measure="difference",
    ),
    Indicator(
        "appointment_saves",
        Text("Appointment saves", "拆机预约挽留率"),
        Text("withdrawn, and in service 30 days after the date", "已撤销且30天后在网"),
        Text("disconnect appointments of 30 days before", "30天前到期的拆机预约"),
        f"""
SELECT c.subscriber_id, c.ts, {_STAYED} AND (
    EXISTS (SELECT 1 FROM care w WHERE w.subscriber_id = c.subscriber_id AND w.reason = 'disconnect_appointment'
            AND w.status = 'resolved' AND w.ts >= c.opened AND w.ts <= c.ts + :horizon
            AND coalesce(w.case_id = c.case_id, 1))
    OR EXISTS (SELECT 1 FROM feedback f WHERE f.subscriber_id = c.subscriber_id AND f.status = 'withdrawn'
               AND f.ts >= c.opened AND f.ts <= c.ts + :horizon)) AS n, 1 AS d
FROM (SELECT subscriber_id, coalesce(appointment_ts, ts) AS ts, ts AS opened, case_id FROM care a
      WHERE reason = 'disconnect_appointment' AND status = 'opened'
        AND coalesce(appointment_ts, ts) >= :first AND coalesce(appointment_ts, ts) < :last
        AND NOT EXISTS (SELECT 1 FROM care later WHERE later.subscriber_id = a.subscriber_id AND later.reason = a.reason
                        AND later.status = 'opened' AND later.ts > a.ts
                        AND later.ts <= coalesce(a.appointment_ts, a.ts))) c
""",
        {CARE_CONTACTS: 30.0, FEEDBACK: 0.0, OUTCOMES: 0.0},
        horizon_days=30,
    ),
    Indicator(
        "downgrade_repair",
        Text("Downgrade repair", "低迁价值修复率"),
        Text("a bill of 95 % of the three months before, within 90 days", "90天内账单恢复至前三月均值95%"),
        Text("value decline identified 90 days before", "90天前识别的价值下滑"),
        f"""
SELECT subscriber_id, ts, mean IS NOT NULL AND repaired >= 0.95 * mean AS n, mean IS NOT NULL AS d,
       mean IS NULL AS unknown
FROM (SELECT c.subscriber_id, c.ts,
             (SELECT avg(b.amount) FROM bills b WHERE b.subscriber_id = c.subscriber_id AND b.kind = 'bill'
              AND b.ts < c.ts - {_DAY} AND b.ts >= c.ts - 93 * {_DAY}) AS mean,
             (SELECT max(b.amount) FROM bills b WHERE b.subscriber_id = c.subscriber_id AND b.kind = 'bill'
              AND b.ts > c.ts AND b.ts <= c.ts + :horizon) AS repaired
      FROM (SELECT subscriber_id, min(ts) AS ts FROM breaches
            WHERE kind = 'value_decline' AND event = 'raised' AND ts >= :first AND ts < :last
            GROUP BY subscriber_id) c)
""",
        {ALERTS: 0.0, SUPPRESSIONS: 0.0, BILLING: 93.0},
        ("subscriber_id", "ts", "n", "d", "unknown"),
        horizon_days=90,
    ),
    Indicator(
        "complaints_in_time",
        Text("Complaints in time", "投诉按时办结率"),
        Text("resolved by then", "其中按时办结"),
        Text("complaints due", "到期投诉"),
        f"""
SELECT subscriber_id, due AS ts, coalesce(done <= due, 0) AS n, 1 AS d
FROM (SELECT subscriber_id, max(due_ts) AS due, min(CASE WHEN status = 'resolved' THEN ts END) AS done FROM care
      WHERE reason IN {_words(COMPLAINTS)} AND case_id IS NOT NULL GROUP BY subscriber_id, case_id)
WHERE due >= :first AND due < :last
""",
        {CARE_CONTACTS: 15.0},
    ),
    Indicator(
        "disturbance",
        Text("Disturbance", "打扰率"),
        Text("contacted more often than the caps allow (must be 0)", "超频触达客户（应为0）"),
        Text("customers contacted", "触达客户"),
        """
SELECT subscriber_id, ts, max(NOT exempt AND EXISTS (
    SELECT 1 FROM caps WHERE caps.most < (
        SELECT count(*) FROM touches o WHERE o.person = t.person AND o.ts <= t.ts AND o.ts > t.ts - caps.span))) AS n,
    1 AS d
FROM (SELECT *, coalesce(kind IN (SELECT kind FROM cap_exempt), 0) AS exempt FROM touches
      WHERE ours AND ts >= :first AND ts < :last) t
GROUP BY person
""",
        {**_TOUCH_TOPICS, CONTACTS: 0.0},
    ),
    Indicator(
        "complaints_caused",
        Text("Complaints caused", "维系致诉率"),
        Text("with a complaint within 7 days", "7天内投诉"),
        Text("contacts of 7 days before", "7天前触达"),
        f"""
SELECT c.subscriber_id, c.ts, c.unit, EXISTS (
    SELECT 1 FROM care k WHERE k.subscriber_id = c.subscriber_id AND k.reason IN {_words(COMPLAINTS)}
                           AND k.status = 'opened' AND k.ts > c.ts AND k.ts <= c.ts + :horizon) AS n, 1 AS d
FROM touches c WHERE c.ours AND c.ts >= :first AND c.ts < :last
""",
        {**_TOUCH_TOPICS, CARE_CONTACTS: 0.0},
        ("subscriber_id", "ts", "unit", "n", "d"),
        horizon_days=7,
    ),
    Indicator(
        "suppression_mix",
        Text("Suppression mix", "抑制构成"),
        Text("suppressed, by reason", "已抑制（按原因）"),
        Text("breaches raised or suppressed", "预警与抑制合计"),
        """
SELECT subscriber_id, ts, unit, reason AS part, reason IS NOT NULL AS n, 1 AS d
FROM breaches WHERE event = 'raised' AND ts >= :first AND ts < :last GROUP BY alert_id, reason
""",
        {ALERTS: 0.0, SUPPRESSIONS: 0.0},
        ("subscriber_id", "ts", "unit", "part", "n", "d"),
        measure="mix",
    ),
    Indicator(
        "capacity_use",
        Text("Capacity use", "产能利用率"),
        Text("contacts over channels with a limit", "有产能上限渠道的触达"),
        Text("capacity of the policy", "策略规定的产能"),
        f"""
SELECT NULL AS subscriber_id, ts, unit, 0 AS n, contacts AS d FROM capacity WHERE ts >= :first AND ts < :last
UNION ALL
SELECT NULL, s.ts, s.unit, 1, 0
FROM steps s JOIN capacity c ON c.unit = s.unit AND c.channel = s.channel AND s.ts >= c.ts AND s.ts < c.ts + {_DAY}
WHERE s.step = 'contacted' AND s.ts >= :first AND s.ts < :last
""",
        {WORK_ORDERS: 0.0},
        ("subscriber_id", "ts", "unit", "n", "d"),
        by_subscriber=False,
    ),
    Indicator(
        "target_reached",
        Text("Target reached", "目标完成率"),
        Text("customers reported as retained", "回单挽留成功客户"),
        Text("target of the policy", "策略规定的目标"),
        """
SELECT NULL AS subscriber_id, ts, unit, 0 AS n, saves AS d FROM targets WHERE ts >= :first AND ts < :last
UNION ALL
SELECT NULL, min(f.ts), s.unit, 1, 0
FROM feedback f JOIN order_alerts o USING (alert_id)
     JOIN (SELECT order_id, unit, max(seq) FROM steps GROUP BY order_id) s ON s.order_id = o.order_id
WHERE f.status = 'retained' AND f.ts >= :first AND f.ts < :last AND s.unit IN (SELECT unit FROM targets)
GROUP BY o.order_id
""",
        _TOUCH_TOPICS,
        ("subscriber_id", "ts", "unit", "n", "d"),
        by_subscriber=False,
    ),
    Indicator(
        "win_back",
        Text("Win-back", "离网赢回率"),
        Text("returned within 180 days", "180天内返网"),
        Text("left 180 days before", "180天前主动离网"),
        f"""
SELECT c.subscriber_id, c.until AS ts, EXISTS (
    SELECT 1 FROM presence p WHERE p.subscriber_id = c.subscriber_id AND p.since > c.until
                               AND p.since <= c.until + :horizon) AS n, 1 AS d
FROM presence c WHERE c.how IN {_ACTIVE} AND c.until >= :first AND c.until < :last
""",
        {OUTCOMES: 0.0},
        horizon_days=180,
    ),
)
LEFT_OUT: Final = (
    ("return on retention", "no topic carries what a contact costs; only offers have a cost"),
    ("expiry told, renewals", "a renewed profile replaces the one with the old end, so who was expiring is not kept"),
    ("data services", "no topic keeps the stages of data use by cohort"),
)
"""Indicators of the trade that the topics do not support, and why."""
