"""Features of the care contacts. No contact is a true zero: care tells of every one."""

from __future__ import annotations

from typing import Final

from models.events import CARE_CONTACTS as TOPIC
from models.features.definitions import Feature, Formula, Unit, held, total
from models.state.columns import CARE as _BLOCK

APPOINTMENT_DAYS: Final = 7.0
"""So long after its time a disconnect appointment still stands, unless it was resolved."""
_OVERDUE: Final = "fmax((now - c_due_ts) / DAY, 0.0)"
"""Days that the earliest promise among the open complaints is past; 0 while none is."""
_APPOINTMENT: Final = f"1.0 if (now - c_appointment_ts) / DAY <= {APPOINTMENT_DAYS} else 0.0"


def _care(name: str, unit: Unit, text_en: str, text_zh: str, formula: Formula, *, disclosable: bool = True) -> Feature:
    return Feature(name, unit, TOPIC, text_en, text_zh, disclosable, formula)


def _sum(column: str) -> Formula:
    return total(_BLOCK, column)


FEATURES: Final = (
    _care("care_contacts_30d", "count", "{v} care contact{s} in 30 days", "近30天联系客服{v}次", _sum("contacts_30")),
    _care(
        "leave_intent_30d",
        "count",
        "said {times} in 30 days to be leaving",
        "近30天表达离网意向{v}次",
        _sum("leave_intent_30"),
    ),
    _care(
        "port_out_queries_30d",
        "count",
        "{v} port-out eligibility quer{ies} in 30 days",
        "近30天携转资格查询{v}次",
        _sum("query_30"),
        disclosable=False,
    ),
    _care(
        "port_out_codes_30d",
        "count",
        "{v} port-out authorisation code{s} in 30 days",
        "近30天申请携转授权码{v}次",
        _sum("code_30"),
        disclosable=False,
    ),
    _care(
        "penalty_queries_30d",
        "count",
        "asked {times} in 30 days what leaving would cost",
        "近30天查询违约金{v}次",
        _sum("penalty_query_30"),
        disclosable=False,
    ),
    _care("complaints_30d", "count", "{v} complaint{s} in 30 days", "近30天投诉{v}次", _sum("complaint_30")),
    _care("complaints_open", "count", "{v} open complaint{s}", "未办结投诉{v}件", held(_BLOCK, "open_complaints")),
    _care("complaint_overdue_days", "days", "a complaint is {v} overdue", "投诉超时{v}", Formula(_BLOCK, _OVERDUE)),
    _care("faults_30d", "count", "{v} fault{s} reported in 30 days", "近30天报障{v}次", _sum("fault_30")),
    _care("faults_open", "count", "{v} fault{s} not repaired", "未修复故障{v}件", held(_BLOCK, "open_faults")),
    _care(
        "disconnect_appointment",
        "flag",
        "has a disconnect appointment|no disconnect appointment",
        "已预约拆机|无拆机预约",
        Formula(_BLOCK, _APPOINTMENT),
    ),
    _care(
        "subcard_unlinks_30d", "count", "{v} sub-card{s} unlinked in 30 days", "近30天解绑副卡{v}次", _sum("subcard_30")
    ),
    _care(
        "suspensions_30d",
        "count",
        "asked {times} in 30 days to suspend the number",
        "近30天办理停机保号{v}次",
        _sum("suspend_30"),
    ),
    _care(
        "transfers_30d",
        "count",
        "asked {times} in 30 days to transfer the number",
        "近30天办理过户{v}次",
        _sum("transfer_30"),
    ),
    _care("last_satisfaction", "score", "last opinion of us: {v}", "最近满意度评分{v}", held(_BLOCK, "satisfaction")),
)
