"""What each field of the policy means, for the comments of its file, in both languages.

The reasons for the shipped values are in :mod:`models.contract.policy`.
"""

from __future__ import annotations

from typing import Final

from models.contract.policy import LeaveWords
from models.contract.vocabulary import LEAVE_REASONS, LEAVE_TEXTS, Text

WORDS: Final[dict[str, Text]] = {
    "": Text(
        "Holdfast's policy: what the operator decides. A field that is left out has its shipped value.",
        "Holdfast 策略：由运营商决定的全部参数。省略的字段取出厂值。",
    ),
    "version": Text("Every record carries it; other settings need another one.", "写入每条记录；参数变更须换版本号。"),
    "base_rate": Text("Share of subscribers who leave in a month.", "月离网率（基准）。"),
    "score_step": Text("A risk is published when it changed by this share of itself.", "风险变化达此比例才重新发布。"),
    "disclosable_signals": Text("Signals that may be mentioned to the customer.", "可向客户提及的信号。"),
    "tiers": Text("When a subscriber is at risk, and how many tier alerts there may be.", "风险分级与分级预警数量。"),
    "tiers.high_risk_share": Text("High risk: this share of all, the highest risks.", "高风险：风险最高的这一比例。"),
    "tiers.warning_share": Text("Warning or above: this share of all.", "预警及以上：占全部客户的比例。"),
    "tiers.high_risk_times_base": Text(
        "High risk is at least so many times the base rate.", "高风险不低于基准离网率的倍数。"
    ),
    "tiers.warning_times_base": Text(
        "Warning is at least so many times the base rate.", "预警不低于基准离网率的倍数。"
    ),
    "tiers.high_risk_from": Text(
        "High risk from this risk on, instead of share and multiple.", "高风险的绝对门槛，代替比例与倍数。"
    ),
    "tiers.warning_from": Text(
        "Warning from this risk on, instead of share and multiple.", "预警的绝对门槛，代替比例与倍数。"
    ),
    "tiers.smoothing": Text("Weight of today's look; 1 uses today alone.", "当日评估的权重；1 表示只看当日。"),
    "tiers.fall_below": Text("A tier is left below this share of its cut-off.", "低于门槛的这一比例才降级。"),
    "tiers.calm_days": Text("Days below warning before a subscriber is healthy again.", "低于预警多少天后恢复健康。"),
    "tiers.min_history_days": Text("Days of events before the first tier; signals need none.", "分级前的观察天数。"),
    "tiers.raises": Text('Lowest tier that raises an alert: "warning" or "high_risk".', "触发预警单的最低等级。"),
    "tiers.budget": Text("Tier alerts per 1,000 subscribers and day, the best first.", "每千户每日分级预警数，择优。"),
    "browsing": Text(
        "When visits to competitors' sites are a signal: any of the three within the window.",
        "浏览竞争对手网站何时成为信号：窗口内满足三项之一。",
    ),
    "browsing.window_days": Text("Window, in days.", "窗口天数。"),
    "browsing.visits": Text("Visits.", "访问次数。"),
    "browsing.dwell_s": Text("Seconds in all.", "累计停留秒数。"),
    "browsing.page_dwell_s": Text("Seconds on one of the pages below, the strongest.", "下列页面的单次停留秒数。"),
    "browsing.strong_pages": Text("Pages of people who are about to decide.", "临近决定的页面。"),
    "browsing.excluded_pages": Text("Pages that do not count.", "不计的页面。"),
    "expiry": Text(
        "When a customer is notified that a contract ends, until one notice was delivered.",
        "合约到期提醒（送达为止）。",
    ),
    "expiry.notice_days": Text("Days before the end at which a notice is due.", "到期前第几天提醒。"),
    "expiry.urgent_days": Text("From so many days before the end a notice is urgent.", "到期前几天起转为紧急。"),
    "complaint": Text("When a complaint is about to break its promise.", "投诉何时临近超时。"),
    "complaint.warn_share": Text("Share of the promised time after which to warn.", "承诺时限用去多少比例时预警。"),
    "decline": Text("When a subscriber's value slides.", "何时视为价值下滑。"),
    "decline.plan_fall": Text("Fall of the plan's fee.", "套餐月费降幅。"),
    "decline.month_fall": Text("Fall of a high bill against the bills before.", "高额账单较前期均值的降幅。"),
    "decline.segment_fall": Text("Fall of a high bill that is high no more.", "账单跌出高价值档时的降幅。"),
    "decline.calls_fall": Text(
        "Fall of calls in a week against the month; as with a second SIM, with the next two.",
        "近7天通话较近30天的降幅（与下两项同时满足，疑似副号分流）。",
    ),
    "decline.data_fall": Text("Fall of data, the same.", "流量降幅（同上）。"),
    "decline.off_net_rise": Text("Rise of the share of off-net calls, the same.", "异网呼叫占比升幅（同上）。"),
    "decline.least_calls": Text("Calls a month; with fewer no share is computed.", "月通话数下限，低于此不判断占比。"),
    "decline.quiet_days": Text(
        "Days after one slide in which the next raises nothing.", "发现一次下滑后多少天内不再提示。"
    ),
    "accounts": Text(
        "When a corporate line shows a sign, no alert by itself, that its account leaves.",
        "集团成员号码何时出现离网迹象（仅计入所属集团，不单独预警）。",
    ),
    "accounts.forwarded_rise": Text(
        "Rise of the share of calls forwarded, week against month.",
        "呼叫转移占比的升幅（近1周比近1月）。",
    ),
    "accounts.bill_fall": Text("Fall of the last bill, against those before.", "最近账单较之前的降幅。"),
    "accounts.least_calls": Text("Fewest calls a month for which a share is computed.", "计算占比所需的最低月通话数。"),
    "win_back": Text("When those who left are asked to come back, once.", "离网赢回（仅一次）的时间。"),
    "win_back.after_days": Text(
        "Days after leaving; a ported number cannot move again for 120.", "离网多少天后起（携号120天内不可再携）。"
    ),
    "win_back.until_days": Text("Days after leaving until which they may be asked.", "离网多少天后不再联系。"),
    "silence": Text("When somebody with regular use has fallen silent.", "何时视为沉默（原为规律使用）。"),
    "silence.floor_days": Text("Never before so many days.", "最少沉默天数。"),
    "silence.usual_gaps": Text("So many of their own usual gaps.", "相当于其通常间隔的倍数。"),
    "silence.min_history_days": Text("Days of events before.", "此前的最短观察天数。"),
    "silence.min_per_week": Text("Calls and sessions a week; below it use is not regular.", "每周通话与上网次数下限。"),
    "silence.stale_feed_hours": Text(
        "With a usage feed further behind, silence is withheld.", "用量数据滞后超过此小时数则暂缓。"
    ),
    "contact": Text("When and how often people are contacted.", "何时、多久联系一次客户。"),
    "contact.windows": Text("Contact hours of a day.", "每日可联系时段。"),
    "contact.utc_offset_hours": Text("The operator's offset from UTC.", "与 UTC 的时差。"),
    "contact.holidays": Text('Days without contact hours: "2026-10-01".', "不联系的节假日。"),
    "contact.high_risk_hours": Text("Contact hours until the deadline of a high risk.", "高风险的联系时限。"),
    "contact.appointment_margin_hours": Text(
        "Between deadline and a disconnect appointment.", "联系时限与拆机预约之间的余量。"
    ),
    "contact.caps": Text(
        "At most so many contacts with a person in so many days, by all departments: [contacts, days].",
        "同一客户（含副卡、宽带）在若干天内的联系次数上限，含其他部门的联系：[次数, 天数]。",
    ),
    "contact.sms_caps": Text("The same for SMS alone.", "其中短信的次数上限。"),
    "contact.cooldown_days": Text("Between two alerts of one kind.", "同类预警的静默期。"),
    "contact.cooldown_exempt": Text(
        "Kinds exempt from cooldown, refusal and caps: started by the customer, or a mandatory notice.",
        "不受静默期与次数上限限制的类型：客户主动发起或必须告知。",
    ),
    "contact.refusal_days": Text("Quiet period after a refusal.", "拒绝后的静默天数。"),
    "contact.snooze_days": Text("When a snooze names no end.", "未指明期限的暂缓天数。"),
    "contact.hold_out_share": Text("Share of persons who are not contacted, to compare with.", "不联系的对照组比例。"),
    "contact.hold_out_exempt": Text("Kinds that reach the hold-out too.", "对照组也适用的类型。"),
    "contact.do_not_contact_exempt": Text("Kinds that reach those who asked for no contact.", "免打扰客户也适用。"),
    "desk": Text("How breaches become work orders, and how those are seen through.", "如何派单，如何跟进到底。"),
    "desk.urgent": Text(
        "Kinds that are dispatched as they come, and counted; the others wait for a free hand, the best first, where"
        " a unit's hands are counted.",
        "立即派单并计入产能的类型；其余在计产能的单位等待空闲产能，择优派单。",
    ),
    "desk.wait_days": Text(
        "Days to wait for a free hand, holidays not counted; then it is suppressed.",
        "等待产能的天数（节假日不计），超过则抑制。",
    ),
    "desk.tries": Text(
        "Tries at different hours that nobody answered, before the next channel.",
        "同一渠道在不同时段未接通多少次后换渠道。",
    ),
    "desk.remind_share": Text(
        "Share of the time until contact_by after which to remind.", "首触时限过去多少比例时催办。"
    ),
    "desk.return_hours": Text(
        "Contact hours past contact_by until an order is back in the unit's pool.",
        "超过首触时限多少可联系小时后退回单位待派。",
    ),
    "desk.settle_days": Text(
        "Days after a contact until it counts whether the customer stayed.", "联系后多少天判定挽留是否成功。"
    ),
    "desk.exodus_lines": Text(
        "Breached lines of a corporate account that are one incident, at least.",
        "集团客户多少个号码出现征兆即合并为一件。",
    ),
    "desk.exodus_share": Text("The same as a share of its lines, at least.", "同上，占其号码数的最低比例。"),
    "desk.absent_minutes": Text(
        "Minutes of silence of a lane after which the desk no longer waits for it.",
        "某一数据分区静默多少分钟后不再等待。",
    ),
    "consent_default": Text("Consents that a profile leaves open.", "客户档案未写明的授权。"),
    "consent_default.marketing": Text("Contact over any channel.", "任一渠道的营销联系。"),
    "consent_default.behaviour": Text("Use of visits to competitors' sites.", "使用竞争对手网站浏览记录。"),
    "consent_default.profiling": Text("Use of the model's risk.", "使用模型风险。"),
    "value": Text("Value segments by monthly revenue.", "按月收入的价值分层。"),
    "value.high_arpu": Text("High from here.", "高价值起点。"),
    "value.mid_arpu": Text("Mid from here.", "中价值起点。"),
    "value.months": Text("Months of revenue counted as at risk.", "计入风险收入的月数。"),
    "labels": Text("What counts as leaving, for learning.", "学习用的离网口径。"),
    "labels.horizon_days": Text(
        "Leaving within it is a positive. Fixed: a published policy cannot change it.", "正样本期限；不可经主题变更。"
    ),
    "labels.lapse_days": Text("Longest time until a lapse is declared.", "认定流失的最长天数。"),
    "labels.weekly_share": Text("Share of subscribers whose weekly vectors are learned from.", "每周样本的抽取比例。"),
    "retention": Text("How long data of subscribers is kept.", "客户数据保留期。"),
    "retention.idle_days": Text("Without event, profile or open alert: then deleted.", "无任何记录多少天后删除。"),
    "retention.stop_mark_days": Text("Late events do not recreate an erased subscriber.", "删除后拒收迟到事件的天数。"),
    "retention.outputs_days": Text("Retention of alerts, suppressions, examples.", "输出主题的保留天数。"),
    "retention.compaction_days": Text("Until a deleted record is gone from disk.", "删除记录从磁盘清除的天数。"),
    "kinds": Text(
        "Each kind of alert: ttl_days (life without a trigger), contact_hours (deadline, in contact hours),"
        " severity and strong_severity (of a strong trigger), propensity (least risk), actionability (how much a"
        " contact can change), escalates (on a stronger trigger), enabled.",
        "各类预警：ttl_days 无新触发的存续天数；contact_hours 联系时限（可联系小时）；severity、strong_severity"
        " 级别与强触发级别；propensity 最低离网概率；actionability 可挽回程度；escalates 强触发升级；enabled 启用。",
    ),
    "leave_words": Text(
        "Words by which outcomes and feedback say why somebody left; of the first reason one of whose words occurs.",
        "离网原因归类用词：在结果与回单的原因中出现即归入该类，按顺序取第一类。",
    ),
    **{f"leave_words.{reason}": LEAVE_TEXTS[reason] for reason in LEAVE_REASONS if hasattr(LeaveWords, reason)},
    "units": Text(
        "Units of the front line: name, as profiles have it; head, who gets what is past contact_by; capacity,"
        " contacts a day by channel (0: none; a channel that is left out, and a unit without a row: no limit);"
        " exceptions, other contacts on the days from first to last, over one channel or all, the first that fits;"
        " team, names by role;"
        " target, customers to be saved a day.",
        "基层单位：name 与客户档案一致；head 负责人，接收超过首触时限的工单；capacity 各渠道每日产能"
        "（0 表示不做；未列出的渠道、未列出的单位不限）；exceptions 在 first 至 last 期间（某一渠道 channel 或全部）"
        "改用的产能 contacts，以先列者为准；team 各角色成员；target 每日挽留目标。",
    ),
    "playbook": Text(
        "Rows from the top, the first match is taken: cause, segments, corporate; strategy, channels in order,"
        " offer, what to do and not to do. A file that has a row replaces them all, and must have, for each segment, a"
        " general row and a port_out_code row with answers_only, over the store alone.",
        "剧本：自上而下取首个匹配（原因、价值层、集团）；给出策略、渠道顺序、优惠、宜与忌。文件中只要有一行即整体替换，"
        "且每个价值层须有 general 行，以及 answers_only 为 true、渠道仅为 store 的 port_out_code 行。",
    ),
}
"""Text of each field, by ``table.field``; fields of kinds, units and playbook rows are explained at their table."""
