"""The contract's words as operators write them, in Chinese, English and their systems' abbreviations.

Codes (1, 2, 01) are left out on purpose: one system's outgoing is another's incoming, and a wrong guess would reverse
every call. ``--value`` defines them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

_YES: Final = "是 有 真 y yes true t 1 1.0 on ja oui si sí sim tak да はい 예"
_NO: Final = "否 无 没有 假 n no false f 0 0.0 off nein non não nao nie нет いいえ 아니오"
FLAGS: Final[Mapping[str, bool]] = {**dict.fromkeys(_YES.split(), True), **dict.fromkeys(_NO.split(), False)}

NOTHING: Final = frozenset(["", "null", "none", "nan", "nat", "n/a", "na", "\\n", "-", "--", "(null)", "<na>", "空"])
"""Words that exports write for an empty cell."""

_CHANNEL: Final = {
    "field_visit": "上门 上门维系 上门拜访 走访 visit",
    "account_manager": "客户经理 经理 manager",
    "outbound_call": "外呼 电话 电话外呼 telemarketing call phone tel",
    "store": "营业厅 门店 厅店 shop branch",
    "sms": "短信 短消息 text message",
    "app_push": "app推送 推送 app push notification",
    "wechat": "微信 企微 企业微信 weixin",
}
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "direction": {
        "outgoing": "主叫 呼出 去话 去电 拨出 主叫话单 发送 发出 out mo moc mocallrecord originating originated "
        "calling outbound og sent",
        "incoming": "被叫 呼入 来话 来电 接听 被叫话单 接收 收到 in mt mtc mtcallrecord terminating terminated "
        "called inbound ic received",
    },
    "peer_network": {
        "on_net": "网内 本网 同网 本网内 onnet on same_network same intra",
        "off_net": "网外 异网 他网 跨网 网间 offnet off other_network other cross_net inter",
        "fixed": "固话 固网 固定电话 座机 市话 landline pstn fixed_line",
        "international": "国际 国际长途 港澳台 intl idd isd overseas",
        "own_care": "本网客服 客服 客服热线 10086 10000 10010 care own_service",
        "competitor_care": "竞对客服 异网客服 竞争对手客服 他网客服 competitor_service",
    },
    "kind@telecom.calls.v1": {
        "voice": "语音 语音通话 语音业务 通话 电话 call voice_call tel phone",
        "sms": "短信 短消息 短信息 点对点短信 国内短信 国际短信 短信发送 短信接收 发短信 收短信 短信上行 短信下行 "
        "上行短信 下行短信 短信业务 彩信 点对点彩信 text text_message short_message message mms sms_mo sms_mt mo_sms "
        "mt_sms sms_in sms_out",
    },
    "kind@telecom.billing.v1": {
        "accrual": "扣费 实时扣费 计费 消费 费用 charge usage",
        "bill": "账单 出账 月账单 月结 invoice",
        "recharge": "充值 缴费 交费 充值缴费 top_up topup payment refill",
        "plan_change": "套餐变更 改套餐 变更套餐 换套餐 套餐更换 change_plan tariff_change",
    },
    "rat": {
        "2g": "gsm gprs edge gprs/edge geran",
        "3g": "wcdma td-scdma umts hspa evdo utran",
        "4g": "lte eutran volte",
        "5g": "nr sa nsa 5gsa",
        "wifi": "wlan wi-fi",
    },
    "page": {
        "home": "首页 主页 homepage index",
        "plans": "套餐 资费 套餐页 资费页 tariff tariffs pricing offers",
        "number_portability": "携号转网 携转 携号 port port_in mnp portability",
        "store_locator": "营业厅 网点 门店 stores",
        "checkout": "下单 办理 结算 购买 支付 cart order buy",
        "support": "客服 帮助 服务 支持 help faq",
        "other": "其他 其它",
    },
    "reason": {
        "leave_intent": "离网意向 要求离网 想离网 转网意向 churn_intent want_to_leave",
        "disconnect_appointment": "拆机预约 预约拆机 拆机 销户预约 预约销户 cancel_appointment",
        "port_out_query": "携转资格查询 携转查询 携号转网查询 携出查询 eligibility_query port_query",
        "port_out_code": "携转授权码 授权码 携出授权码 申请授权码 auth_code pac",
        "penalty_query": "违约金查询 违约金 合约违约金 etf",
        "complaint": "投诉 complain grievance",
        "billing_dispute": "费用争议 账单争议 资费争议 扣费争议 billing dispute",
        "fault": "故障 报障 障碍 网络故障 trouble outage",
        "suspend_keep_number": "停机保号 保号停机 suspend",
        "subcard_unlink": "副卡解绑 解绑副卡 副卡拆分",
        "transfer": "过户 ownership_transfer",
        "satisfaction": "满意度 满意度调查 满意度回访 回访 nps csat survey",
        "inquiry": "咨询 查询 业务咨询 enquiry query question",
    },
    "channel@telecom.care-contacts.v1": {
        "hotline": "热线 客服热线 电话 10086 10000 10010 phone call ivr",
        "store": "营业厅 门店 厅店 shop branch",
        "app": "掌厅 手厅 客户端 手机营业厅 mobile_app",
        "account_manager": "客户经理 manager",
        "web": "网厅 网站 官网 网上营业厅 online website",
    },
    "status@telecom.care-contacts.v1": {
        "opened": "受理 已受理 新建 处理中 在途 未解决 open new pending",
        "resolved": "办结 已办结 已解决 解决 关闭 已关闭 归档 close closed done",
    },
    "channel": _CHANNEL,
    "preferred_channel": _CHANNEL,
    "language": {
        "zh": "中文 汉语 普通话 chinese zh_cn cn",
        "en": "英文 英语 english en_us",
    },
    "status": {
        "active": "正常 在用 在网 开机 正常在用 normal in_use",
        "suspended_arrears": "欠费停机 欠停 欠费单停 欠费双停 arrears",
        "suspended_fraud": "涉诈停机 风控停机 关停 反诈停机 fraud",
        "suspended_voluntary": "停机保号 申请停机 主动停机 报停 voluntary_suspension",
        "left": "离网 销户 拆机 已离网 已销户 携出 closed churned terminated",
    },
    "outcome": {
        "ported_out": "携出 携转 携号转出 携转出网 携号转网 port_out portout",
        "disconnected": "拆机 销户 主动离网 注销 主动销户 disconnect cancelled canceled terminated",
        "lapsed": "沉默离网 三无离网 三无 沉默 静默离网 inactive silent dormant",
        "downgraded": "低迁 降档 套餐降档 降套 downgrade",
        "migrated": "迁移 融合迁移 换号 转套 过户 migrate",
        "involuntary": "欠费拆机 被动离网 欠费销户 欠费离网 强制拆机 passive",
        "returned": "赢回 回流 返网 复机 携回 携入 return won_back",
    },
    "product": {
        "mobile": "手机 移动电话 移网 mobile_phone cell",
        "broadband": "宽带 固定宽带 家宽 fttx fibre fiber internet",
        "iptv": "电视 互联网电视 tv itv",
        "fixed": "固话 固定电话 landline phone",
    },
}
"""By field, or by ``field@topic`` where topics differ: each word of the contract with its synonyms."""


def plain(cell: object) -> str:
    """A word in the form used for comparison: without width, case, blanks and dashes.

    Examples
    --------
    >>> plain(" Off-Net "), plain("ＭＯ")
    ('off_net', 'mo')
    """
    return _plain(str(cell))


@lru_cache(8_192)
def _plain(word: str) -> str:
    """Cached: a log has millions of cells and a handful of words."""
    return re.sub(r"[\s\-_]+", "_", unicodedata.normalize("NFKC", word).strip().casefold())


def words_for(topic: str, field: str, values: tuple[str, ...]) -> dict[str, str]:
    """Every known word of a field, in the form of :func:`plain`, with its meaning.

    Examples
    --------
    >>> words_for("telecom.calls.v1", "direction", ("outgoing", "incoming"))["主叫"]
    'outgoing'
    """
    table = WORDS.get(f"{field}@{topic}") or WORDS.get(field) or {}
    found = {plain(value): value for value in values}
    for value in values:
        for word in table.get(value, "").split():
            found.setdefault(plain(word), value)
    return found
