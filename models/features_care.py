"""Features of the care contacts. No contact is a true zero: care tells of every one."""

from __future__ import annotations

from typing import Final

import numpy as np

from models.decay import Floats
from models.events import CARE_CONTACTS as TOPIC
from models.feature import Compute, Feature, Unit, held
from models.view import View

_BLOCK: Final = "care"
APPOINTMENT_DAYS: Final = 7.0
"""So long after its time a disconnect appointment still stands, unless it was resolved."""


def _care(name: str, unit: Unit, text_en: str, text_zh: str, compute: Compute, *, disclosable: bool = True) -> Feature:
    return Feature(name, unit, TOPIC, text_en, text_zh, disclosable, compute)


def _sum(column: str) -> Compute:
    def compute(view: View) -> Floats:
        return view.total(_BLOCK, column)

    return compute


def _overdue_days(view: View) -> Floats:
    """Days that the earliest promise among the open complaints is past; 0 while none is."""
    days: Floats = np.fmax(view.days(view.column(_BLOCK, "due_ts")), 0.0)
    return days


def _appointment(view: View) -> Floats:
    return np.where(view.days(view.column(_BLOCK, "appointment_ts")) <= APPOINTMENT_DAYS, 1.0, 0.0)


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
    _care("complaint_overdue_days", "days", "a complaint is {v} overdue", "投诉超时{v}", _overdue_days),
    _care("faults_30d", "count", "{v} fault{s} reported in 30 days", "近30天报障{v}次", _sum("fault_30")),
    _care("faults_open", "count", "{v} fault{s} not repaired", "未修复故障{v}件", held(_BLOCK, "open_faults")),
    _care(
        "disconnect_appointment",
        "flag",
        "has a disconnect appointment|no disconnect appointment",
        "已预约拆机|无拆机预约",
        _appointment,
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
