"""``holdfast orders units`` and ``effect``: units beside capacity and target, and what contacts achieved."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import click
from rich.table import Table

from app.alerts.masking import printable
from app.config.options import PLACE, console, json_option, language, settings_options, units_option
from app.config.settings import Language, Settings
from app.errors import ExitCode, Refused
from app.orders.desk_figures import DeskFigures, desk_figures
from models.contract.vocabulary import DESTINATION_TEXTS, LEAVE_TEXTS
from models.desk.capacity import UnitProgress

_EN: Final = {
    "unit": "unit",
    "contacts": "contacts",
    "capacity": "capacity",
    "use": "use",
    "saved": "saved",
    "target": "target",
    "missing": "missing",
    "stayed": "stayed",
    "of": "of contacts",
    "share": "share",
    "play": "play",
    "reason": "reason",
    "day": "{day}. Saved was reported on that day; stayed is known a month after a contact, of all so far.",
    "settled": "Of contacts a month ago and earlier, so far:",
    "leavers": "Leavers so far, by reason and destination:",
    "all": "all",
    "line": "{unit}, {day}: {contacts} of {capacity} contacts",
    "unlimited": "{unit}, {day}: {contacts} contacts",
    "saves": ", {saved} of {target} saved, {missing} missing",
    "no_target": ", {saved} saved",
}
_ZH: Final = {
    "unit": "单位",
    "contacts": "触达",
    "capacity": "产能",
    "use": "产能利用率",
    "saved": "挽留",
    "target": "目标",
    "missing": "缺口",
    "stayed": "留存",
    "of": "触达人数",
    "share": "挽留成功率",
    "play": "策略",
    "reason": "离网原因",
    "day": "{day}。挽留为当日回单口径；留存为触达一个月后核实，累计至今。",
    "settled": "触达满一个月，累计至今：",
    "leavers": "离网客户，按原因与去向，累计至今：",
    "all": "合计",
    "line": "{unit}，{day}：触达{contacts}/产能{capacity}",
    "unlimited": "{unit}，{day}：触达{contacts}",
    "saves": "，挽留{saved}/目标{target}，缺口{missing}",
    "no_target": "，挽留{saved}",
}
_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {"en": _EN, "zh": _ZH}


@click.command()
@settings_options(*PLACE, "lang")
@units_option
@json_option
def units(settings: Settings, units: tuple[str, ...], as_json: bool) -> None:
    """Show the day of each unit of the policy: contacts beside capacity, saves beside target, and what is missing.

    These are the figures of a T+1 report, live: the last column is the unit's retention success rate, of all contacts
    that are a month old. The day is that of the desk's time: a report of a whole day is taken just before midnight.
    Contacts and capacity are of channels with a limit.
    """
    figures = desk_figures(settings)
    found = {name: day for name, day in figures.today().items() if not units or name in units}
    if not found:
        raise Refused("no such unit in the policy by which the desk decides", code=ExitCode.NOT_FOUND)
    if as_json:
        for name, day in found.items():
            stayed, contacted = figures.effect.units.get(name, (0, 0))
            line = {"unit": name, "day": figures.day.isoformat(), **day._asdict(), "missing": missing(day)}
            click.echo(json.dumps(line | {"stayed": stayed, "of_contacts": contacted}, ensure_ascii=False))
        return
    out, words = console(), _WORDS[language(settings)]
    table = _table(words, "unit", "contacts", "capacity", "use", "saved", "target", "missing", "stayed", "of", "share")
    for name, day in found.items():
        stayed, contacted = figures.effect.units.get(name, (0, 0))
        use, lacking = _share(day.contacts, day.capacity), missing(day)
        cells = (day.contacts, day.capacity, use, day.saved, day.target, lacking, stayed, contacted)
        table.add_row(printable(name), *map(_cell, cells), _share(stayed, contacted))
    out.print(table)
    click.echo(words["day"].format(day=figures.day), err=True)


@click.command()
@settings_options(*PLACE, "lang")
@json_option
def effect(settings: Settings, as_json: bool) -> None:
    """Show how many customers stayed after a contact, by play, and leavers by reason and destination.

    A contact counts a month after it was made, or when the customer has left. Compare plays for one cause only: some
    are for those who have all but left.
    """
    found = desk_figures(settings).effect
    if not found.plays and not found.leavers:
        raise Refused("nothing is known yet: contacts are settled after a month", code=ExitCode.NOT_FOUND)
    plays = sorted(found.plays.items(), key=lambda play: (-play[1][1], play[0]))
    if as_json:
        for strategy, (stayed, contacted) in plays:
            _say({"play": strategy, "stayed": stayed, "of_contacts": contacted})
        for reason, went in sorted(found.leavers.items()):
            for to, number in sorted(went.items()):
                _say({"reason": reason, "to": to, "leavers": number})
        return
    lang = language(settings)
    out, words = console(), _WORDS[lang]
    if plays:
        out.print(words["settled"])
        table = _table(words, "play", "stayed", "of", "share")
        for strategy, (stayed, contacted) in plays:
            table.add_row(printable(strategy or "-"), str(stayed), str(contacted), _share(stayed, contacted))
        out.print(table)
    if found.leavers:
        out.print(words["leavers"])
        out.print(_leavers(found.leavers, lang))


def _leavers(leavers: Mapping[Any, Mapping[Any, int]], lang: Language) -> Table:
    """Leavers in a row for each reason and a column for each destination, most frequent first."""
    words, by_destination = _WORDS[lang], Counter[Any]()
    for went in leavers.values():
        by_destination.update(went)
    columns = [to for to, _ in by_destination.most_common()]
    table = _table(words, "reason", "all")
    for to in columns:
        table.add_column(getattr(DESTINATION_TEXTS[to], lang), justify="right")
    for reason, went in sorted(leavers.items(), key=lambda each: -sum(each[1].values())):
        numbers = (str(went.get(to, 0)) for to in columns)
        table.add_row(getattr(LEAVE_TEXTS[reason], lang), str(sum(went.values())), *numbers)
    return table


def unit_lines(figures: DeskFigures, units: tuple[str, ...], lang: Language) -> list[str]:
    """Today's figures of these units, one line each; none for a unit that the policy does not name."""
    words, found = _WORDS[lang], figures.today()
    lines = []
    for name in units:
        if name in found:
            day = found[name]
            said = words["unlimited" if day.capacity is None else "line"]
            said += words["no_target" if day.target is None else "saves"]
            lines.append(said.format(unit=printable(name), day=figures.day, missing=missing(day), **day._asdict()))
    return lines


def missing(day: UnitProgress) -> int | None:
    """Saves still missing today; None without a target.

    Examples
    --------
    >>> [missing(UnitProgress(0, None, saved, target)) for saved, target in ((2, 5), (6, 5), (6, None))]
    [3, 0, None]
    """
    return None if day.target is None else max(0, day.target - day.saved)


def _table(words: Mapping[str, str], *names: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for place, name in enumerate(names):
        table.add_column(words[name], justify="right" if place else "left")
    return table


def _share(part: int, whole: int | None) -> str:
    return f"{part / whole:.0%}" if whole else "-"


def _cell(value: object) -> str:
    return "-" if value is None else str(value)


def _say(line: Mapping[str, object]) -> None:
    click.echo(json.dumps(line, ensure_ascii=False))
