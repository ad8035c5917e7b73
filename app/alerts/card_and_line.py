"""An alert for the front line: one card to act on, or one line in a list.

In the reader's language, with times of day and business words: no milliseconds, no bare 0.83.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text as Line

from app.alerts.masking import masked, printable
from app.config.settings import Language
from models.contract.alerts import UNASSIGNED, UNASSIGNED_TEXT, Action, Alert, AlertReason, Suppression
from models.contract.events import Feedback
from models.contract.vocabulary import Text
from models.detection.alert_body import MESSAGES

Words = Mapping[str, str]

_EN: Final[Words] = {
    "healthy": "healthy", "warning": "WARNING", "high_risk": "HIGH RISK",
    "high": "high value", "mid": "medium value", "low": "low value",
    "risk_tier": "churn risk", "competitor_browsing": "competitor browsing", "leave_intent": "leave intent",
    "port_out": "port-out", "disconnect_appointment": "disconnect appointment", "value_decline": "value decline",
    "silence": "silence", "contract_expiry": "contract expiry", "complaint_overdue": "complaint overdue",
    "account_exodus": "account exodus", "win_back": "win-back",
    "raised": "raised", "escalated": "escalated", "eased": "eased", "closed": "closed",
    "recovered": "recovered", "expired": "expired", "feedback": "by feedback", "outcome": "by outcome",
    "suspended": "suspended", "erased": "erased", "superseded": "superseded",
    "field_visit": "field visit", "account_manager": "account manager", "outbound_call": "outbound call",
    "store": "store", "sms": "SMS", "app_push": "app message", "wechat": "WeChat",
    UNASSIGNED: UNASSIGNED_TEXT.en, "month": "{arpu} a month", "by": "first contact by {time}", "today": "{time} today",
    "times": "{share} %, {times} times the average", "share": "{share} %", "risk": "Risk",
    "why": "Why", "open": "Open", "ask": "Ask", "offer": "Offer", "how": "Contact", "internal": "internal only",
    "cap": "up to {amount}", "question": "What has bothered you of late: coverage, price, service?",
    "members": "{count} members", "colon": ": ", "stop": "; ", "quote": "“{}”", "account": "account {id}",
    "because": " ({})",
    "worth_high": "high", "worth_mid": "mid", "worth_low": "low", "fold": "{}x",
    "minutes": "{}m", "hours": "{}h", "days": "{}d",
    "withheld_no_profile": "no profile", "withheld_no_consent": "no consent",
    "withheld_do_not_contact": "do not contact", "withheld_passive_churn": "passive churn",
    "withheld_cooldown": "cooldown", "withheld_channel_cap": "channel cap", "withheld_person_cap": "person cap",
    "withheld_quiet_hours": "quiet hours", "withheld_capacity": "no capacity", "withheld_expired": "too late",
    "withheld_hold_out": "hold-out", "withheld_snoozed": "snoozed", "withheld_blocked": "blocked",
    "withheld_low_priority": "low priority", "withheld_legal": "legal", "withheld_stale_feed": "stale feed",
}  # fmt: skip
_ZH: Final[Words] = {
    "healthy": "健康", "warning": "预警", "high_risk": "高危",
    "high": "高价值", "mid": "中价值", "low": "低价值",
    "risk_tier": "离网风险", "competitor_browsing": "竞对网站访问", "leave_intent": "离网意向",
    "port_out": "携出", "disconnect_appointment": "拆机预约", "value_decline": "价值下滑",
    "silence": "沉默", "contract_expiry": "合约到期", "complaint_overdue": "投诉超时",
    "account_exodus": "集团集体转网", "win_back": "离网赢回",
    "raised": "新增", "escalated": "升级", "eased": "缓解", "closed": "关闭",
    "recovered": "已恢复", "expired": "已过期", "feedback": "已回单", "outcome": "已有结果",
    "suspended": "已停机", "erased": "已删除", "superseded": "已替代",
    "field_visit": "上门维系", "account_manager": "客户经理", "outbound_call": "外呼",
    "store": "营业厅", "sms": "短信", "app_push": "APP推送", "wechat": "微信",
    UNASSIGNED: UNASSIGNED_TEXT.zh, "month": "{arpu}元/月", "by": "{time}前首触", "today": "今日{time}",
    "times": "{share}%，为平均水平的{times}倍", "share": "{share}%", "risk": "风险",
    "why": "原因", "open": "开场", "ask": "问", "offer": "荐", "how": "触达", "internal": "仅内部",
    "cap": "上限{amount}元", "question": "最近信号、资费、服务哪方面不满意？",
    "members": "{count}个成员", "colon": "：", "stop": "；", "quote": "“{}”", "account": "集团{id}",
    "because": "（{}）",
    "worth_high": "高", "worth_mid": "中", "worth_low": "低", "fold": "{}倍",
    "minutes": "{}分", "hours": "{}时", "days": "{}天",
    "withheld_no_profile": "无客户档案", "withheld_no_consent": "未授权",
    "withheld_do_not_contact": "免打扰", "withheld_passive_churn": "被动离网",
    "withheld_cooldown": "静默期", "withheld_channel_cap": "渠道频次上限", "withheld_person_cap": "个人频次上限",
    "withheld_quiet_hours": "免打扰时段", "withheld_capacity": "容量不足", "withheld_expired": "已过时限",
    "withheld_hold_out": "对照组", "withheld_snoozed": "已暂缓", "withheld_blocked": "已拦截",
    "withheld_low_priority": "低优先级", "withheld_legal": "法规限制", "withheld_stale_feed": "数据滞后",
}  # fmt: skip
_WORDS: Final[Mapping[Language, Words]] = {"en": _EN, "zh": _ZH}
_STYLES: Final = {"high_risk": "bold red", "warning": "bold yellow", "healthy": "bold"}
_MARKS: Final = {"escalated": "^", "eased": "v", "closed": "x"}
_ROOMY: Final = 120
"""Width in cells from which a line shows every column."""
_NO_QUESTION: Final = frozenset({"port_out_code", "port_out_query"})
"""Causes whose card asks no question: customers who have asked to leave get answers only."""
_NO_DEADLINE: Final = "port_out_code"
"""After the authorisation code no contact is due."""


class _Column(NamedTuple):
    """A cell of a line.

    Parameters
    ----------
    cells
        Width to which it is padded; to which it is cut too, on a terminal.
    whole
        Whether it is never cut: half an id or half a unit is another one.
    yields
        Whether it is left out where there is no room.
    """

    text: str
    cells: int
    style: str = ""
    whole: bool = False
    yields: bool = False

    @property
    def room(self) -> int:
        """Cells that it takes where others are cut."""
        return max(self.cells, cell_len(self.text)) if self.whole else self.cells

    def drawn(self, *, cut: bool) -> Line:
        """The text, cut or padded."""
        return cell(self.text, self.room if cut else max(self.cells, cell_len(self.text)), self.style)


class Card:
    """Draws alerts for one reader.

    Parameters
    ----------
    zone
        Time zone of the times shown.
    now_ms
        The reader's present time, for the word "today": an alert may be read long after it was raised. None: the time
        of each alert, as if read at once.
    """

    def __init__(self, lang: Language, zone: tzinfo = UTC, now_ms: Callable[[], int] | None = None) -> None:
        self._lang = lang
        self._words = _WORDS[lang]
        self._zone = zone
        self._now_ms = now_ms

    def word(self, name: str) -> str:
        """Name of a tier or kind."""
        return self._words[name]

    def card(self, alert: Alert) -> RenderableType:
        """Everything needed to act."""
        lines = [self._headline(alert), self._risk(alert)]
        if alert.reasons:
            lines.append(self._labelled("why", self._reasons(alert.reasons)))
        if alert.action is not None:
            lines += self._action(alert.action)
        lines.append(Line(f"holdfast alerts show {alert.alert_id}", style="dim", overflow="fold"))
        return Panel(Group(*lines), title=self.heading(alert), title_align="left", border_style=_STYLES[alert.tier])

    def line(self, alert: Alert, width: int | None = None, before: float | None = None) -> Line:
        """One line for a list: time, start of the alert's id, kind, risk, customer, value, who acts, and the reason.

        Parameters
        ----------
        width
            Cells that it fills, with a double-width character as two; below 120 channel and age go, and times are
            short. Customer and unit are whole at any width: other columns give way, and if that is not enough, the
            line is longer and wraps. None: nothing is left out, and nothing is cut off.
        before
            The last risk that the reader saw of this subscriber, to say how it has changed.
        """
        words, action, roomy = self._words, alert.action, width is None or width >= _ROOMY
        style = "dim" if alert.event == "closed" else _STYLES[alert.tier]
        columns = [
            _Column(self.listed(alert.ts, roomy=roomy), 11 if roomy else 5, "dim"),
            _Column(alert.alert_id[:8], 8, "dim"),
            _Column(self._what(alert, roomy=roomy), 22 if roomy else 12, style),
            _Column(self._times(alert, before), 8, yields=True),
            _Column(self._subject(alert), 13 if roomy else 11, whole=True),
            _Column(words[f"worth_{alert.value.segment}"], 4, yields=True),
            _Column(self.unit(alert), 12 if roomy else 10, whole=True),
        ]
        if roomy:
            columns.append(_Column("" if action is None else words[action.channel], 11, yields=True))
            columns.append(_Column(self.age(alert.ts), 4, "dim", yields=True))
        return self._listing(columns, alert, width)

    def withheld(self, decision: Suppression, width: int | None = None) -> Line:
        """One line for a withheld breach: time, id, kind, why it was withheld, customer, who would act, and its reason.

        Parameters
        ----------
        width
            As for :meth:`line`.
        """
        roomy = width is None or width >= _ROOMY
        columns = [
            _Column(self.listed(decision.ts, roomy=roomy), 11 if roomy else 5, "dim"),
            _Column(decision.alert_id[:8], 8, "dim"),
            _Column(self._what(decision, roomy=roomy), 22 if roomy else 12, "dim"),
            _Column(self._words[f"withheld_{decision.reason}"], 14, "yellow"),
            _Column(self._subject(decision), 13 if roomy else 11, whole=True),
            _Column(self.unit(decision), 12 if roomy else 10, whole=True),
        ]
        return self._listing(columns, decision, width)

    def step(self, alert: Alert) -> Line:
        """One step of an alert: time, what happened, and why."""
        line = Line(f"{self.listed(alert.ts, roomy=True)}  ", style="dim")
        line.append_text(self.heading(alert))
        if alert.reasons:
            line.append(f"  {printable(self._said(alert.reasons[0].text))}", style="not dim")
        return line

    def answer(self, said: Feedback) -> Line:
        """Feedback on an alert: time, status, author and note."""
        line = Line(f"{self.listed(said.ts, roomy=True)}  {said.status}", style="dim")
        until = "" if said.until_ts is None else f"-> {self.listed(said.until_ts, roomy=True)}"
        for part in (until, said.by, said.note):
            if part:
                line.append(f"  {printable(part)}")
        return line

    def _listing(self, columns: list[_Column], alert: Alert | Suppression, width: int | None) -> Line:
        """The columns, and the first reason in words, which is cut off where the line ends."""
        for column in [each for each in reversed(columns) if each.yields]:
            if width is None or sum(each.room + 1 for each in columns) - 1 <= width:
                break
            columns.remove(column)
        line = Line(" ").join(each.drawn(cut=width is not None) for each in columns)
        reason = printable(self._said(alert.reasons[0].text)) if alert.reasons else ""
        if width is None:
            return line.append(f" {reason}")
        if (room := width - line.cell_len - 1) > 0:
            return line.append(" ").append_text(cell(reason, room, ""))
        line.pad_right(max(0, room + 1))
        return line

    def _headline(self, alert: Alert) -> Line:
        """Headline of the card: subscriber, value, unit in charge, and due time; a long one wraps."""
        words = self._words
        parts = [Line(self._subject(alert), style="bold"), Line(words[alert.value.segment])]
        parts.append(Line(words["month"].format(arpu=_amount(alert.value.arpu))))
        if alert.members is not None:
            parts.append(Line(words["members"].format(count=len(alert.members))))
        if alert.action is not None:
            parts.append(Line(self._unit(alert.action)))
            if by := self._by(alert, alert.action):
                parts.append(Line(by, style="bold"))
        return Line(" · ").join(parts)

    def _by(self, alert: Alert, action: Action) -> str:
        """Deadline of the first contact; empty if there is none."""
        if action.cause == _NO_DEADLINE:
            return ""
        return self._words["by"].format(time=self._moment(action.contact_by, alert.ts))

    def heading(self, alert: Alert | Suppression) -> Line:
        """Tier and kind: a signal may come from a subscriber in the healthy tier."""
        words = self._words
        parts = [] if alert.tier == "healthy" and alert.kind != "risk_tier" else [words[alert.tier]]
        if alert.kind != "risk_tier":
            parts.append(words[alert.kind])
        if alert.event != "raised":
            reason = words["because"].format(words[alert.close_reason]) if alert.close_reason else ""
            parts.append(words[alert.event] + reason)
        return Line(" · ".join(parts), style=_STYLES[alert.tier])

    def unit(self, alert: Alert | Suppression) -> str:
        """The unit that is to act; empty if there is none."""
        return "" if alert.action is None else printable(self._words.get(alert.action.unit, alert.action.unit))

    def _what(self, alert: Alert | Suppression, *, roomy: bool) -> str:
        """The kind, or a risk's tier, after what changed unless it is new: a word, or a mark if room is short."""
        what = self._words[alert.tier if alert.kind == "risk_tier" else alert.kind]
        if alert.event == "raised":
            return what
        return f"{self._words[alert.event] if roomy else _MARKS[alert.event]} {what}"

    def _times(self, alert: Alert, before: float | None) -> str:
        """The risk as a multiple of the usual, and its change."""
        if alert.base_rate <= 0:
            return ""
        change = 0.0 if before is None else (alert.risk - before) / alert.base_rate
        moved = f" {'+' if change > 0 else '-'}{_amount(abs(change))}" if abs(change) >= 0.05 else ""
        return self._words["fold"].format(_amount(alert.risk / alert.base_rate)) + moved

    def listed(self, ts: int, *, roomy: bool) -> str:
        """Time in a list: if short, the time of day for today, else the day."""
        then = datetime.fromtimestamp(ts / 1000, self._zone)
        if roomy:
            return f"{then:%m-%d %H:%M}"
        read = ts if self._now_ms is None else self._now_ms()
        today = datetime.fromtimestamp(read / 1000, self._zone).date() == then.date()
        return f"{then:%H:%M}" if today else f"{then:%m-%d}"

    def age(self, ts: int) -> str:
        """How long ago it was, in the largest unit; empty without the present time."""
        if self._now_ms is None:
            return ""
        minutes = max(0, self._now_ms() - ts) // 60_000
        for unit, length in (("days", 1440), ("hours", 60)):
            if minutes >= length:
                return self._words[unit].format(minutes // length)
        return self._words["minutes"].format(minutes)

    def _subject(self, alert: Alert | Suppression) -> str:
        if alert.subscriber_id is not None:
            return printable(masked(alert.subscriber_id))
        return self._words["account"].format(id=printable(alert.account_id or "-"))

    def _unit(self, action: Action) -> str:
        unit = self._words.get(action.unit, action.unit)
        return printable(f"{unit} / {action.assignee}" if action.assignee else unit)

    def _risk(self, alert: Alert) -> Line:
        times = alert.risk / alert.base_rate if alert.base_rate > 0 else 0.0
        share = _amount(alert.risk * 100)
        risk = self._words["times" if times >= 1.5 else "share"].format(share=share, times=_amount(times))
        return self._labelled("risk", Line(risk))

    def _reasons(self, reasons: Iterable[AlertReason]) -> Line:
        lines = []
        for reason in reasons:
            line = Line(self._said(reason.text))
            if not reason.disclosable:
                line.append(self._words["because"].format(self._words["internal"]), style="bold magenta")
            lines.append(line)
        return Line(self._words["stop"]).join(lines)

    def _action(self, action: Action) -> list[Line]:
        words = self._words
        lines = [self._labelled("open", Line(words["quote"].format(self._said(action.talk_track.opening))))]
        if action.cause not in _NO_QUESTION and action.channel not in MESSAGES:
            lines.append(self._labelled("ask", Line(words["quote"].format(words["question"]))))
        how = Line(words[action.channel])
        if action.offer is not None:
            how.append(f" · {self._said(action.offer.name)}")
            if action.offer.cost_cap > 0:
                how.append(words["because"].format(words["cap"].format(amount=_amount(action.offer.cost_cap))))
        lines.append(self._labelled("how" if action.offer is None else "offer", how))
        for mark, style, texts in (("✔", "green", action.talk_track.do), ("✘", "red", action.talk_track.dont)):
            if texts:
                lines.append(Line(f"{mark} {words['stop'].join(map(self._said, texts))}", style=style))
        return lines

    def _labelled(self, label: str, text: Line) -> Line:
        return Line(self._words[label], style="bold").append(self._words["colon"]).append_text(_plain(text))

    def _said(self, text: Text) -> str:
        return text.zh if self._lang == "zh" else text.en

    def _moment(self, ts: int, as_of: int) -> str:
        """A time relative to the day on which it is read."""
        read = as_of if self._now_ms is None else self._now_ms()
        then, day = (datetime.fromtimestamp(ms / 1000, self._zone) for ms in (ts, read))
        if ts == as_of:
            return f"{then:%m-%d %H:%M}"
        clock = f"{then:%H:%M}"
        return self._words["today"].format(time=clock) if then.date() == day.date() else f"{then:%m-%d} {clock}"


def cell(text: str, width: int, style: str) -> Line:
    """Text cut or padded to exactly this many cells."""
    column = Line(text, style=style)
    column.truncate(width, overflow="ellipsis", pad=True)
    return column


def _plain(text: Line) -> Line:
    """`text` in a style of its own, so that it does not inherit that of the line it is appended to."""
    plain = Line(text.plain, style="not bold")
    plain.spans = text.spans
    return plain


def _amount(number: float) -> str:
    """A number without needless decimals.

    Examples
    --------
    >>> _amount(138.0), _amount(0.42), _amount(7.96), _amount(12.3)
    ('138', '0.4', '8', '12')
    """
    return f"{number:.1f}".removesuffix(".0") if abs(number) < 10 else f"{number:.0f}"
