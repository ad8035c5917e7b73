"""Features of care contacts. No contact is a true zero, since care reports every one."""

from __future__ import annotations

from typing import Final

from models.contract.events import CARE_CONTACTS as TOPIC
from models.features.feature_formula import Feature, Formula, Unit, held, total, within
from models.state.columns import CARE as _BLOCK

APPOINTMENT_DAYS: Final = 7.0
"""Days after its time that a disconnect appointment stays open, unless it was resolved."""
_OVERDUE: Final = "fmax((now - c_due_ts) / DAY, 0.0)"
"""Days since the earliest promised date among the open complaints; 0 while none has passed."""
_APPOINTMENT: Final = f"1.0 if (now - c_appointment_ts) / DAY <= {APPOINTMENT_DAYS} else 0.0"


def _care(name: str, unit: Unit, text_en: str, text_zh: str, formula: Formula) -> Feature:
    return Feature(name, unit, TOPIC, text_en, text_zh, True, formula)


def _often(name: str, column: str, texts_en: str, texts_zh: str, *, disclosable: bool = True) -> Feature:
    """A count over the last month, in words: none, once, several times."""
    return Feature(name, "count", TOPIC, *within(30, texts_en, texts_zh), disclosable, total(_BLOCK, column))


FEATURES: Final = (
    _often(
        "care_contacts_30d",
        "contacts_30",
        "no contact with care|contacted care|contacted care several times",
        "未联系客服|联系过客服|多次联系客服",
    ),
    _often(
        "leave_intent_30d",
        "leave_intent_30",
        "did not say that they want to leave|said that they want to leave|said several times that they want to leave",
        "未表达离网意向|表达过离网意向|多次表达离网意向",
    ),
    _often(
        "port_out_queries_30d",
        "query_30",
        "no port-out eligibility query|asked whether the number may be ported out|"
        "asked several times whether the number may be ported out",
        "未查询携转资格|查询过携转资格|多次查询携转资格",
        disclosable=False,
    ),
    _often(
        "port_out_codes_30d",
        "code_30",
        "no port-out authorisation code|was given a port-out authorisation code|"
        "was given several port-out authorisation codes",
        "未申请携转授权码|申请过携转授权码|多次申请携转授权码",
        disclosable=False,
    ),
    _often(
        "penalty_queries_30d",
        "penalty_query_30",
        "did not ask what leaving would cost|asked what leaving would cost|asked several times what leaving would cost",
        "未查询违约金|查询过违约金|多次查询违约金",
        disclosable=False,
    ),
    _often(
        "complaints_30d", "complaint_30", "no complaint|complained|complained several times", "无投诉|有投诉|多次投诉"
    ),
    _care("complaints_open", "count", "{v} open complaint{s}", "未办结投诉{v}件", held(_BLOCK, "open_complaints")),
    _care("complaint_overdue_days", "days", "a complaint is {v} overdue", "投诉超时{v}", Formula(_BLOCK, _OVERDUE)),
    _often(
        "faults_30d", "fault_30", "no fault reported|reported a fault|reported several faults", "无报障|有报障|多次报障"
    ),
    _care("faults_open", "count", "{v} fault{s} not repaired", "未修复故障{v}件", held(_BLOCK, "open_faults")),
    _care(
        "disconnect_appointment",
        "flag",
        "has a disconnect appointment|no disconnect appointment",
        "已预约拆机|无拆机预约",
        Formula(_BLOCK, _APPOINTMENT),
    ),
    _often(
        "subcard_unlinks_30d",
        "subcard_30",
        "no sub-card unlinked|unlinked a sub-card|unlinked several sub-cards",
        "未解绑副卡|解绑过副卡|多次解绑副卡",
    ),
    _often(
        "suspensions_30d",
        "suspend_30",
        "did not ask to suspend the number|asked to suspend the number|asked several times to suspend the number",
        "未办理停机保号|办理过停机保号|多次办理停机保号",
    ),
    _often(
        "transfers_30d",
        "transfer_30",
        "did not ask to transfer the number|asked to transfer the number|asked several times to transfer the number",
        "未办理过户|办理过过户|多次办理过户",
    ),
    _care("last_satisfaction", "score", "last opinion of us: {v}", "最近满意度评分{v}", held(_BLOCK, "satisfaction")),
)
