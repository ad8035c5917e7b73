"""Usual column names, by topic, in the languages of the exports that we know.

The first name of a field that a file has wins, so the surest come first. Names are compared without case, blanks,
dashes and brackets, and then without a unit at the end: ``流量(MB)`` is ``流量`` in MB.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from models.contract.events import (
    BILLING,
    CALLS,
    CARE_CONTACTS,
    CONTACTS,
    DATA_USAGE,
    OUTCOMES,
    SITE_VISITS,
    SUBSCRIBERS,
)

Names = Mapping[str, str]
"""Names of each field, separated by blanks."""

_WHO: Final = (
    "subscriber_id 用户号码 用户ID 用户编号 用户标识 号码 手机号 手机号码 电话号码 业务号码 服务号码 计费号码 "
    "本机号码 设备号 客户号码 msisdn subscriber sub_id subid user_id userid uid user phone_number phone "
    "mobile_number mobile_no mobile serv_number service_number acc_nbr accnbr serial_number bill_id 客户ID "
    "客户编号 customer_id cust_id customerid customer"
)
_SERVED: Final = "served_msisdn served_number served_party"
"""Names, in 3GPP's call records, of the party whose record it is."""
CALLING: Final = (
    "caller_id caller_id_number caller_number caller calling_party_number calling_party calling_number calling_msisdn "
    "a_party_no a_party_number a_party a_number a_no a_msisdn msisdn_a from_number originating_number orig_number "
    "src ani calling_num 主叫号码 主叫用户 主叫用户号码"
)
"""Names of the caller's column in switches and platforms: the subscriber, if no other column is."""
CALLED_NAMES: Final = (
    "called_number called_party_number final_called_party_number original_called_party_number called_party called "
    "callee_id_number callee_id callee_number callee called_msisdn b_party_no b_party_number b_party b_number b_no "
    "b_msisdn msisdn_b to_number terminating_number destination_number destination dialed_number dialled_number dst "
    "dnis dialed_num dialled_num 被叫号码 被叫用户 被叫用户号码 对端号码 对方号码"
)
_SWITCH_START: Final = (
    "start_stamp answer_stamp start_epoch date_time_origination date_time_connect call_start_date_time "
    "charging_start_time answer_time seizure_time start answer calldate call_date_time time_for_start_of_charge"
)
_EVENT: Final = "event_id 事件ID 流水号 话单号 话单ID 记录ID 单据号 cdr_id record_id event_no uuid"
_WHEN: Final = (
    "ts timestamp 时间戳 {own} 开始时间 起始时间 发生时间 业务时间 记录时间 创建时间 start_time start_datetime "
    "begin_time event_time occurred_at created_at date_time datetime 时间 time 日期时间 {day} 日期 date day"
)
_DATES: Final = (
    "通话日期 开始日期 发生日期 业务日期 日期 date day start_date call_date event_date date_for_start_of_charge"
)
_ROAMING: Final = "roaming 漫游 是否漫游 漫游标识 is_roaming roam"


def _when(own: str, day: str = "") -> str:
    return _WHEN.format(own=own, day=day)


NAMES: Final[Mapping[str, Names]] = {
    CALLS: {
        "subscriber_id": f"{_WHO} {_SERVED} {CALLING}",
        "ts": _when(
            "通话时间 通话开始时间 呼叫时间 起呼时间 拨打时间 call_time call_start call_start_time setup_time "
            + _SWITCH_START
        ),
        "direction": "direction 主被叫 主被叫类型 主被叫标识 呼叫方向 方向 收发类型 收发方向 call_direction dcontext "
        "呼叫类型 通话类型 话单类型 call_type calltype cdr_type record_type",
        "duration_s": "duration_s billsec call_duration_s duration 通话时长 时长 通话秒数 通话分钟数 计费时长 持续时间 "
        "call_duration chargeable_duration sec_dur dur talk_time length seconds minutes mou",
        "peer_network": "peer_network 对端网络 对端运营商类型 对方网络 网络类型 网间类型 网内网外 呼叫网络 "
        "network_type call_network network other_network",
        "peer_operator": "peer_operator 对端运营商 对方运营商 运营商 operator other_operator carrier",
        "kind": "kind 业务类型 通信类型 通信方式 服务类型 service_type service 业务 类型 类别 type usage_type "
        "record_type call_type calltype 通话类型 话单类型 cdr_type event_type",
        "forwarded": "forwarded 呼叫转移 是否呼转 呼转 call_forwarded is_forwarded cfw",
        "dropped": "dropped 掉话 是否掉话 掉线 call_dropped is_dropped drop",
        "roaming": _ROAMING,
        "event_id": f"{_EVENT} uniqueid global_call_id",
    },
    DATA_USAGE: {
        "subscriber_id": _WHO,
        "ts": _when("上网时间 上网开始时间 会话开始时间 使用时间 session_start session_time"),
        "bytes": "bytes 流量 总流量 上网流量 使用流量 数据流量 流量使用量 total_bytes total_volume volume "
        "data_volume data_usage traffic usage total data",
        "duration_s": "duration_s duration 上网时长 时长 会话时长 在线时长 session_duration",
        "rat": "rat 网络制式 制式 接入类型 接入方式 网络类型 网络 rat_type network_type bearer technology",
        "app_category": "app_category 应用类别 应用大类 应用类型 业务类别 应用 category app service_category",
        "failed": "failed 是否失败 失败 接入失败 is_failed failure",
        "throttled": "throttled 是否限速 限速 达量限速 is_throttled",
        "roaming": _ROAMING,
        "event_id": _EVENT,
    },
    SITE_VISITS: {
        "subscriber_id": _WHO,
        "ts": _when("访问时间 浏览时间 visit_time visited_at access_time"),
        "operator": "operator 竞对运营商 竞争对手 竞对 运营商 目标运营商 competitor",
        "dwell_s": "dwell_s dwell 停留时长 停留时间 浏览时长 访问时长 驻留时长 时长 dwell_time time_on_site "
        "duration_s duration",
        "pages": "pages 页面数 浏览页数 页数 访问页数 pv page_views pageviews page_count",
        "page": "page 页面 页面类型 页面类别 page_type",
        "site": "site 站点 网站 域名 网址 host domain url",
        "event_id": _EVENT,
    },
    CARE_CONTACTS: {
        "subscriber_id": _WHO,
        "ts": _when("受理时间 来电时间 投诉时间 接触时间 联系时间 contact_time opened_at call_time"),
        "reason": "reason 受理类型 业务类型 诉求类型 服务请求类型 投诉类型 工单类型 原因 来电原因 诉求 "
        "contact_reason request_type ticket_type category type",
        "channel": "channel 受理渠道 渠道 来源渠道 接触渠道 contact_channel",
        "case_id": "case_id 工单号 工单编号 受理单号 投诉单号 ticket_id ticket case complaint_id",
        "status": "status 状态 工单状态 处理状态 办结状态 case_status",
        "due_ts": "due_ts 承诺时间 处理时限 办结时限 到期时间 due_time due_date deadline sla",
        "appointment_ts": "appointment_ts 预约时间 预约日期 拆机时间 上门时间 appointment appointment_time",
        "product": "product 产品 产品类型",
        "department": "department 责任部门 处理部门 部门 dept",
        "score": "score 满意度得分 满意度评分 评分 得分 打分 rating nps csat",
        "event_id": _EVENT,
    },
    BILLING: {
        "subscriber_id": _WHO,
        "ts": _when(
            "缴费时间 充值时间 交易时间 出账时间 账单时间 payment_time recharge_time bill_time",
            "出账日期 缴费日期 bill_date invoice_date payment_date transaction_date",
        ),
        "kind": "kind 费用类型 账务类型 业务类型 交易类型 记录类型 类型 bill_type transaction_type type",
        "amount": "amount 金额 缴费金额 充值金额 交易金额 账单金额 费用 应收金额 实收金额 出账金额 amt fee_amount "
        "charge payment",
        "period": "period 账期 账单月 账务月份 计费月 出账月份 月份 billing_period bill_month month",
        "plan": "plan 套餐 套餐名称 现套餐 新套餐 资费 资费套餐 plan_name new_plan tariff",
        "fee": "fee 套餐月费 月费 月租 月租费 新套餐月费 monthly_fee plan_fee rent",
        "from_plan": "from_plan 原套餐 旧套餐 变更前套餐 old_plan previous_plan",
        "from_fee": "from_fee 原套餐月费 原月费 旧月租 old_fee previous_fee",
        "event_id": _EVENT,
    },
    CONTACTS: {
        "subscriber_id": _WHO,
        "ts": _when("接触时间 联系时间 触达时间 外呼时间 发送时间 contact_time sent_at"),
        "channel": "channel 接触渠道 触达渠道 渠道 联系方式 触点 contact_channel",
        "purpose": "purpose 目的 接触目的 活动 活动名称 营销活动 任务 campaign campaign_name reason",
        "event_id": _EVENT,
    },
    SUBSCRIBERS: {
        "subscriber_id": _WHO,
        "ts": "ts 更新时间 数据日期 数据时间 统计日期 统计时间 快照日期 账期日期 updated_at update_time "
        "snapshot_date as_of 时间 日期 date",
        "activated_ts": "activated_ts 入网时间 入网日期 开户时间 开户日期 激活时间 开通时间 activation_date "
        "activated_at open_date join_date start_date",
        "arpu": "arpu 月均ARPU 户均收入 月均消费 月均收入 月消费 平均消费 avg_revenue monthly_revenue",
        "plan": "plan 套餐 套餐名称 主套餐 资费 资费套餐 plan_name tariff offer_name",
        "contract_end_ts": "contract_end_ts 合约到期时间 合约到期日 合约到期日期 合约到期 合约结束时间 "
        "合约结束日期 contract_end contract_end_date contract_expiry",
        "product": "product 产品 产品类型 业务类型 product_type",
        "customer_id": "customer_id 客户ID 客户编号 客户标识 cust_id",
        "household_id": "household_id 家庭ID 家庭编号 家庭群编号 family_id",
        "main_subscriber_id": "main_subscriber_id 主卡号码 主卡 主号 主副卡主号 main_number",
        "account_id": "account_id 集团ID 集团编号 集团编码 账户ID 账户编号 corporate_id group_id acct_id",
        "account_size": "account_size 集团人数 集团成员数 成员数 group_size",
        "account_unit": "account_unit 集团单位 集团归属单位",
        "unit": "unit 网格 归属网格 网格编码 归属单位 单位 基层单位 分局 grid branch",
        "manager": "manager 客户经理 经理 包保人 account_manager",
        "preferred_channel": "preferred_channel 偏好渠道 首选渠道 触点偏好",
        "language": "language 语言 语种 lang",
        "penalty": "penalty 违约金 合约违约金 early_termination_fee etf",
        "points": "points 积分 积分余额 可用积分 loyalty_points",
        "star": "star 星级 客户星级 用户星级 star_level",
        "portable": "portable 可携转 是否可携转 携转资格",
        "do_not_contact": "do_not_contact 免打扰 是否免打扰 勿扰 dnc opt_out",
        "status": "status 用户状态 状态 在网状态 服务状态 user_status state",
        "products": "products",
        "consent": "consent",
        "event_id": _EVENT,
    },
    OUTCOMES: {
        "subscriber_id": _WHO,
        "ts": _when("离网时间 离网日期 销户时间 拆机时间 携出时间 churn_date churn_time left_at", "销户日期 拆机日期"),
        "outcome": "outcome 离网类型 结果 离网方式 流失类型 类型 churn_type leave_type result",
        "last_activity_ts": "last_activity_ts 最后使用时间 最近使用时间 最后通话时间 末次使用时间 last_activity "
        "last_used last_seen",
        "leave_reason": "leave_reason 离网原因 流失原因 原因 churn_reason reason",
        "to_operator": "to_operator 携入运营商 携入方 转入运营商 去向 去向运营商 recipient recipient_operator",
        "event_id": _EVENT,
    },
}
EITHER: Final = frozenset(["呼叫类型", "通话类型", "话单类型", "calltype", "cdrtype", "recordtype", "dcontext"])
"""Columns, in the form of :func:`bare`, that hold the direction in one switch's export and the kind in another's; their
values show which."""
SUMMED: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    DATA_USAGE: (
        (
            "上行流量 uplink upload up_bytes bytes_up uplink_bytes tx_bytes ul",
            "下行流量 downlink download down_bytes bytes_down downlink_bytes rx_bytes dl",
        ),
    )
}
"""Columns of which `bytes` is the sum, up and down."""
DATES: Final = tuple(_DATES.split())
"""Columns with the date, if the time's column has none."""
OF_ZONE: Final = re.compile(r"(timezone|tz)(id|name|offset)?|(utc|gmt)(offset|diff)|时区(偏移)?|zeitzone")
"""Names of columns, in the form of :func:`bare`, that hold the zone of the times."""
MAY_BE_OF_ZONE: Final = frozenset(["zone", "offset"])
"""These may hold the zone of a town or of the network too."""

_LATIN_END: Final = re.compile(r"[A-Za-z]+$")
_HUMP_END: Final = re.compile(r"(?<=[a-z])[A-Z]+[a-z]*$")


def bare(name: str) -> str:
    """A column's name in the form used for comparison.

    Examples
    --------
    >>> bare(" 流量 (MB) "), bare("Call-Start_Time")
    ('流量mb', 'callstarttime')
    """
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())


def known_names(topic: str) -> frozenset[str]:
    """All names of a topic's columns, in the form of :func:`bare`.

    Examples
    --------
    >>> "通话时间" in known_names(CALLS), "金额" in known_names(CALLS)
    (True, False)
    """
    return frozenset(bare(name) for names in NAMES[topic].values() for name in names.split())


def unit_of(column: str, units: Mapping[str, float]) -> tuple[str, str | None]:
    """A column's bare name without its unit, and the unit, which must be separate, or `length` would be in hours.

    Examples
    --------
    >>> from app.tables.quantities import BYTES, SECONDS
    >>> unit_of("流量(MB)", BYTES), unit_of("流量", BYTES), unit_of("totalKB", BYTES), unit_of("downlink", BYTES)
    (('流量', 'mb'), ('流量', None), ('total', 'kb'), ('downlink', None))
    >>> unit_of("通话分钟数", SECONDS), unit_of("duration_s", SECONDS), unit_of("length", SECONDS)
    (('通话', '分钟'), ('duration', 's'), ('length', None))
    """
    name = unicodedata.normalize("NFKC", column).strip().rstrip(")]】數数 ").rstrip()
    found = _LATIN_END.search(name)
    ends = [found[0]] if found else []
    ends += [humped[0]] if (humped := _HUMP_END.search(name)) else []
    ends += sorted((unit for unit in units if not unit.isascii() and name.endswith(unit)), key=len, reverse=True)
    unit = next((end for end in ends if end.casefold() in units), None)
    return (bare(column), None) if unit is None else (bare(name[: -len(unit)]), unit.casefold())
