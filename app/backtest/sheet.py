"""The figures of a backtest as a table: the policy in force, the other one, and the difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from rich.table import Table

from app.alerts.card_and_line import Card
from app.alerts.masking import printable
from app.config.settings import Language
from models.analysis.alert_tally import Figure
from models.contract.alerts import UNASSIGNED
from models.contract.vocabulary import Text

_NAMES: Final[Mapping[str, Text]] = {
    "alerts_a_day": Text("alerts a day", "每日预警"),
    "alerts_a_day_per_1000": Text("alerts a day per 1,000", "每千户每日预警"),
    "withheld": Text("withheld", "未派出"),
    "contacts_a_day": Text("contacts a day", "每日触达"),
    "capacity_a_day": Text("capacity a day", "每日容量"),
    "capacity_used": Text("capacity used", "容量占用"),
    "waiting_at_the_end": Text("waiting at the end", "期末待派"),
    "waiting_at_most": Text("waiting at most", "待派峰值"),
    "outcome_known": Text("alerted, outcome known", "已预警且结果已知"),
    "left_within_horizon": Text("of them left", "其中离网"),
    "precision": Text("precision", "命中率"),
    "overall_rate": Text("overall rate", "整体离网率"),
    "lift": Text("lift", "提升倍数"),
}
_SHARES: Final = frozenset({"capacity_used", "precision", "overall_rate"})
_COLUMNS: Final = (Text("figure", "指标"), Text("in force", "现行"), Text("difference", "差异"))


class Row(NamedTuple):
    """One figure of the policy in force, and of the other one, if there is one."""

    figure: Figure
    in_force: float | None
    policy: float | None

    @property
    def difference(self) -> float | None:
        """Figure of the other policy minus that of the policy in force."""
        return None if self.in_force is None or self.policy is None else self.policy - self.in_force


def rows(in_force: Mapping[Figure, float | None], policy: Mapping[Figure, float | None] | None) -> list[Row]:
    """Figures of both policies in order; one that a policy does not have is 0 there.

    Examples
    --------
    >>> [row] = rows({Figure("withheld"): 7}, {Figure("withheld"): 9})
    >>> row.difference
    2
    """
    names = list(dict.fromkeys([*in_force, *(policy or {})]))
    place = {name: at for at, name in enumerate(_NAMES)}
    names.sort(key=lambda figure: (place[figure.name], bool(figure.by)))
    return [Row(name, in_force.get(name, 0), None if policy is None else policy.get(name, 0)) for name in names]


def table(found: Sequence[Row], version: str | None, lang: Language) -> Table:
    """The table of the rows, with a column for the other policy if its version is given.

    There is one row per 1,000 subscribers: its parts have the same proportions as alerts a day.
    """
    card, drawn = Card(lang), Table(box=None, pad_edge=False)
    figure, now, difference = (getattr(text, lang) for text in _COLUMNS)
    drawn.add_column(figure)
    for name in (now,) if version is None else (now, version, difference):
        drawn.add_column(name, justify="right")
    heading = ""
    for row in found:
        name, by, of = row.figure
        if by and name == "alerts_a_day_per_1000":
            continue
        if by and name != heading:
            drawn.add_row(getattr(_NAMES[name], lang), style="bold")
        heading = name
        cells = [_cell(name, row.in_force)]
        if version is not None:
            cells += [_cell(name, row.policy), _cell(name, row.difference, signed=True)]
        drawn.add_row(
            f"  {_word(by, of, card)}" if by else getattr(_NAMES[name], lang), *cells, style="" if by else "bold"
        )
    return drawn


def _word(by: str, of: str, card: Card) -> str:
    if by == "unit" and of != UNASSIGNED:
        return printable(of)
    return card.word(f"withheld_{of}" if by == "reason" else of)


def _cell(name: str, value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return "-"
    sign = "+" if signed and value > 0 else ""
    if name in _SHARES:
        return f"{sign}{100 * value:.1f} %"
    return f"{sign}{value:,}" if isinstance(value, int) else f"{sign}{value:,.2f}"
