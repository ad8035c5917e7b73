"""Work orders for the front line: a row in a unit's list, or one step of an order, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import tzinfo
from typing import Final, get_args

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text as Line

from app.alerts.card_and_line import Card, cell
from app.alerts.masking import masked, printable
from app.config.settings import Language
from app.orders.order_book import OrderLife
from models.contract.alerts import UNASSIGNED
from models.contract.events import Channel
from models.contract.vocabulary import KINDS, CloseReason, SuppressionReason, Text
from models.contract.work_orders import WorkOrder
from models.desk.persons import DESK

Words = Mapping[str, str]

_EN: Final[Words] = {
    "dispatched": "dispatched", "accepted": "accepted", "reminded": "reminded", "escalated": "escalated",
    "returned": "back in pool", "reassigned": "reassigned", "contacted": "contacted", "fed_back": "fed back",
    "archived": "archived", "withdrawn": "withdrawn",
    "role_assault_team": "assault team", "role_account_manager": "account manager",
    "role_disconnect_specialist": "disconnect specialist", "role_visitor": "visitor", "role_caller": "caller",
    "role_counter": "counter", "role_digital": "message",
    "desk": "desk", "pool": "-", "due": "due",
    "order": "order", "step": "step", "about": "about", "who": "subscriber", "unit": "unit", "role": "role",
    "assignee": "assignee", "channel": "channel", "contact_by": "contact by", "age": "age", "alerts": "alerts",
    "of": "Work order {}", "person": "customer {}", "why": "alerts, the first one leads:",
}  # fmt: skip
_ZH: Final[Words] = {
    "dispatched": "派单", "accepted": "接单", "reminded": "催办", "escalated": "升级督办",
    "returned": "退回待派", "reassigned": "改派", "contacted": "首触", "fed_back": "回单",
    "archived": "归档", "withdrawn": "撤单",
    "role_assault_team": "高危攻坚团队", "role_account_manager": "客户经理",
    "role_disconnect_specialist": "拆机专员", "role_visitor": "上门维系", "role_caller": "外呼",
    "role_counter": "营业厅", "role_digital": "消息触达",
    "desk": "派单台", "pool": "待派", "due": "时限",
    "order": "工单", "step": "环节", "about": "事由", "who": "客户", "unit": "单位", "role": "角色",
    "assignee": "处理人", "channel": "渠道", "contact_by": "首触时限", "age": "时长", "alerts": "预警数",
    "of": "工单{}", "person": "客户{}", "why": "对应预警（首个为主）：",
}  # fmt: skip
WORDS: Final[Mapping[Language, Words]] = {"en": _EN, "zh": _ZH}
_REASONS: Final[dict[str, Text]] = {
    "accepted": Text("accepted", "已接单"),
    "contacted": Text("contacted", "已联系"),
    "unreachable": Text("unreachable", "未接通"),
    "delivered": Text("delivered", "已送达"),
    "read": Text("read", "已读"),
    "retained": Text("retained", "挽留成功"),
    "lost": Text("lost", "挽留失败"),
    "refused": Text("refused", "客户拒绝"),
    "dismissed": Text("dismissed", "误报关闭"),
    "snoozed": Text("snoozed", "暂缓"),
    "withdrawn": Text("withdrawn", "客户撤回"),
    "overridden": Text("overridden", "人工放行"),
    "released": Text("released", "解除干预"),
    "deadline_near": Text("due soon", "临近首触时限"),
    "deadline_passed": Text("overdue", "已过首触时限"),
    "deadline_long_passed": Text("long overdue", "久过首触时限"),
    "unanswered": Text("nobody answered", "多次未接通"),
    "other_unit": Text("moved to another unit", "客户转至其他单位"),
    "other_person": Text("now another customer's", "归入其他客户"),
    "other_matter": Text("about another matter", "改为其他事由"),
    "consent_changed": Text("consent changed", "授权变更"),
}
"""Texts of reasons that are no alert kind, close reason or suppression reason; those have texts with the alerts."""
_OF_ALERTS: Final = frozenset({*KINDS, *get_args(CloseReason)})
_OF_SUPPRESSIONS: Final = frozenset(get_args(SuppressionReason))
_ROOMY: Final = 120
"""Width in cells from which a list shows every column."""
_SPARED: Final = frozenset({"role", "age", "alerts"})
"""Columns left out of a narrow list."""
_WHOLE: Final = frozenset({"order", "step", "who", "contact_by", "age"})
"""Columns that never wrap."""


class OrderSheet:
    """Draws work orders for one reader.

    Parameters
    ----------
    zone
        Time zone of the times shown.
    now_ms
        The reader's present time.
    """

    def __init__(self, lang: Language, zone: tzinfo, now_ms: Callable[[], int]) -> None:
        self._lang, self._words, self._now_ms = lang, WORDS[lang], now_ms
        self._alerts = Card(lang, zone, now_ms)

    def table(self, lives: Iterable[OrderLife], width: int) -> Table:
        """A list, one row an order; overdue ones are red, ended ones dim."""
        rows = [(life, self._row(life)) for life in lives]
        shown = [name for name in rows[0][1] if width >= _ROOMY or name not in _SPARED] if rows else []
        table = Table(box=None, pad_edge=False)
        for name in shown:
            table.add_column(self._words[name], no_wrap=name in _WHOLE)
        for life, row in rows:
            style = "dim" if not life.open else "bold red" if self._overdue(life) else ""
            table.add_row(*(row[name] for name in shown), style=style)
        return table

    def _row(self, life: OrderLife) -> dict[str, str]:
        order = life.newest
        return {
            "order": order.order_id[:8],
            "step": self._words[order.step],
            "about": self.reason(life.about),
            "who": printable(masked(order.subscriber_id or order.account_id or "")),
            "unit": self._unit(order),
            "role": self._words[f"role_{order.role}"],
            "assignee": self._assignee(order),
            "channel": self._alerts.word(order.channel),
            "contact_by": self._alerts.listed(order.contact_by, roomy=True),
            "age": self._alerts.age(life.since),
            "alerts": str(len(order.alert_ids)),
        }

    def heading(self, order: WorkOrder) -> Line:
        """Heading of an order: its id, the customer or account, and who is to act."""
        words = self._words
        parts = [words["of"].format(order.order_id), printable(masked(order.subscriber_id or order.account_id or ""))]
        if order.customer_id is not None:
            parts.append(words["person"].format(printable(order.customer_id)))
        return Line(" · ".join([*parts, self._unit(order), words[f"role_{order.role}"]]), style="bold")

    def step(self, order: WorkOrder, *, named: bool = False) -> Line:
        """One step: when, what and why, who is to act over which channel by when, and who took it.

        Parameters
        ----------
        named
            Also name the order and its customer, unless the reader knows them already.
        """
        words = self._words
        cells = [(self._alerts.listed(order.ts, roomy=True), 11, "dim")]
        if named:
            cells += [
                (order.order_id[:8], 8, "dim"),
                (printable(masked(order.subscriber_id or order.account_id or "")), 13, ""),
            ]
            cells.append((self._unit(order), 12, ""))
        cells += [
            (words[order.step], 12, "bold"),
            (self.reason(order.reason), 24, ""),
            (self._alerts.word(order.channel), 15, ""),
            (self._assignee(order), 12, ""),
            (self._alerts.listed(order.contact_by, roomy=True), 11, ""),
        ]
        # Nothing is cut off: a long line wraps.
        line = Line(" ").join(cell(text, max(room, cell_len(text)), style) for text, room, style in cells)
        by = words["desk"] if order.by == DESK else printable(order.by)
        return line.append(f" {by}", style="dim")

    def brief(self, order: WorkOrder) -> Line:
        """State of an order, its assignee, the channel, and the deadline of the contact."""
        words = self._words
        line = Line(f"{order.order_id[:8]} ", style="dim")
        line.append(f"{words[order.step]} {self._alerts.listed(order.ts, roomy=True)}", style="not dim bold")
        if order.step != "dispatched" and (why := self.reason(order.reason)) != words[order.step]:
            line.append(self._alerts.word("because").format(why), style="not dim")
        parts = [
            self._unit(order),
            words[f"role_{order.role}"],
            self._assignee(order),
            self._alerts.word(order.channel),
            f"{words['due']} {self._alerts.listed(order.contact_by, roomy=True)}",
        ]
        return line.append("".join(f" · {part}" for part in parts), style="not dim")

    def channel(self, channel: Channel) -> str:
        """Name of a channel."""
        return self._alerts.word(channel)

    def alerts(self, order: WorkOrder) -> list[Line]:
        """The command that shows its alerts."""
        said = [f"  holdfast alerts show {printable(alert)}" for alert in order.alert_ids]
        return [Line(text, style="dim") for text in (self._words["why"], *said)]

    def reason(self, text: str) -> str:
        """Why a step was taken, in words; a reason unknown to this version is shown as its code."""
        if said := _REASONS.get(text):
            return said.zh if self._lang == "zh" else said.en
        if text in _OF_ALERTS:
            return self._alerts.word(text)
        if text in _OF_SUPPRESSIONS:
            return self._alerts.word(f"withheld_{text}")
        return printable(text)

    def _overdue(self, life: OrderLife) -> bool:
        return not life.contacted and life.newest.contact_by < self._now_ms()

    def _unit(self, order: WorkOrder) -> str:
        return self._alerts.word(UNASSIGNED) if order.unit == UNASSIGNED else printable(order.unit)

    def _assignee(self, order: WorkOrder) -> str:
        return self._words["pool"] if order.assignee is None else printable(order.assignee)
