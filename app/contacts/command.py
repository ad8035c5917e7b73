"""``holdfast contacts``: block, override or snooze a person or an account, release them, and list what is in force.

The verbs only write feedback, as a dispatch service may: a lane passes it on, and the desk applies it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import click
import msgspec
from rich.table import Table

from app.alerts.masking import masked, printable
from app.alerts.moments import UNTIL, ahead
from app.alerts.topic_reading import each_record
from app.config.options import PLACE, console, json_option, settings_options
from app.config.settings import Settings
from app.errors import ExitCode, Refused
from app.publishing.feedback import say
from models.contract.breaches import Person
from models.contract.events import FEEDBACK, FeedbackStatus
from models.desk.persons import Hand, PersonFile
from models.desk.state_records import OfPerson, read
from streams.kafka.topic_tail import TailRecord
from streams.records.topics import DESK_STATE

_EFFECTS: Final[dict[FeedbackStatus, str]] = {
    "blocked": "Nobody contacts them, whatever it is about.",
    "overridden": "Caps, cooldown and the quiet period after a refusal no longer prevent contact; law and consent do.",
    "snoozed": "They are left alone, but for what they start themselves and mandatory notices.",
    "released": "No block, override or snooze is in force.",
}

_Verb = Callable[..., None]


def _about(*, reason: bool) -> Callable[[_Verb], _Verb]:
    """Arguments of every instruction."""

    def decorate(verb: _Verb) -> _Verb:
        verb = json_option(verb)
        verb = click.option("--reason", required=reason, help="Why; it is kept with the instruction.")(verb)
        verb = click.option("--by", help="Who says so.  [default: your login]")(verb)
        verb = click.option("--account", is_flag=True, help="Their whole account, which SUBSCRIBER is a line of.")(verb)
        verb = click.argument("subscriber", metavar="SUBSCRIBER")(verb)
        return settings_options(*PLACE, "timezone")(verb)

    return decorate


@click.group()
def contacts() -> None:
    """Block a person or an account by hand, override caps, snooze, release; and list what is in force.

    A person is all numbers of one customer_id: name any of them. It holds within seconds.
    """


@contacts.command()
@_about(reason=True)
@click.option("--until", help=f"{UNTIL}  [default: until released]")
def block(settings: Settings, **said: Any) -> None:
    """Let nobody contact them: feedback `blocked`. Mandatory notices are withheld, too, and open orders withdrawn."""
    _instruct(settings, "blocked", **said)


@contacts.command()
@_about(reason=True)
@click.option("--until", required=True, help=UNTIL)
def override(settings: Settings, **said: Any) -> None:
    """Contact them in spite of caps, cooldown and a refusal: feedback `overridden`. Law and consent still hold."""
    _instruct(settings, "overridden", **said)


@contacts.command()
@_about(reason=True)
@click.option("--until", required=True, help=UNTIL)
def snooze(settings: Settings, **said: Any) -> None:
    """Leave them alone for a while: feedback `snoozed` without an alert. What they start themselves is answered."""
    _instruct(settings, "snoozed", **said)


@contacts.command()
@_about(reason=False)
def release(settings: Settings, **said: Any) -> None:
    """End block, override and snooze: feedback `released`. What they held back is decided again."""
    _instruct(settings, "released", **said)


def _instruct(
    settings: Settings,
    status: FeedbackStatus,
    *,
    subscriber: str,
    account: bool,
    by: str | None,
    reason: str | None,
    as_json: bool,
    until: str | None = None,
) -> None:
    """Write one instruction, and print what was written."""
    if reason is not None and not reason.strip():
        raise click.UsageError("--reason is empty: say why.")
    fields = {
        "subscriber_id": subscriber,
        "status": status,
        "scope": "account" if account else None,
        "by": by,
        "note": reason,
        "until_ts": None if until is None else ahead(until, ZoneInfo(settings.timezone)),
    }
    said, value = say(settings, fields)
    if as_json:
        click.echo(value)
        return
    subject = f"the account of {masked(subscriber)}" if account else masked(subscriber)
    end = "" if said.until_ts is None else f" until {_moment(said.until_ts, settings)}"
    why = "" if said.note is None else f": {said.note}"
    click.echo(f"{status}{end} by {said.by}, {subject}{why}; written to {settings.topic_prefix}{FEEDBACK}")
    unless = " A line without an account changes nothing." if account else ""
    click.echo(f"{_EFFECTS[status]}{unless} What is in force:  holdfast contacts list", err=True)


class _Held(NamedTuple):
    """An instruction in force, as a row of the list and as JSON."""

    status: Hand
    account_id: str | None
    customer_id: str | None
    subscriber_ids: list[str]
    until_ts: int | None
    by: str
    note: str | None


@contacts.command("list")
@settings_options(*PLACE, "timezone")
@json_option
def list_(settings: Settings, as_json: bool) -> None:
    """List the blocks, overrides and snoozes in force: subject, end, author and reason; the next to end first."""
    files = _files(settings)
    held = [each for person, file in files.items() for each in _held(person, file)]
    if not held:
        raise Refused("nobody is blocked, overridden or snoozed", code=ExitCode.NOT_FOUND)
    held.sort(key=lambda each: (each.until_ts is None, each.until_ts or 0, each.account_id or "", each.subscriber_ids))
    if as_json:
        for each in held:
            click.echo(msgspec.json.encode(each._asdict()))
        return
    table = Table(box=None, pad_edge=False)
    for name in ("what", "of", "until", "by", "reason"):
        table.add_column(name, no_wrap=name in ("what", "until"))
    for each in held:
        until = "released" if each.until_ts is None else _moment(each.until_ts, settings)
        table.add_row(each.status, _subject(each), until, printable(each.by), printable(each.note or ""))
    console().print(table)


def _files(settings: Settings) -> dict[Person, PersonFile]:
    """Files from the desk's state that hold an instruction."""
    found: dict[Person, PersonFile] = {}

    def take(record: TailRecord) -> None:
        said = read(record.key or b"", record.value)
        if isinstance(said, OfPerson):
            found.pop(said.person, None)
            if said.file is not None and said.file.by_hand:
                found[said.person] = said.file

    each_record(settings, DESK_STATE, take)
    return found


def _held(person: Person, file: PersonFile) -> list[_Held]:
    kind, _, name = person.partition(":")
    account_id, customer_id = (name if kind == each else None for each in "ac")
    return [
        _Held(word, account_id, customer_id, list(file.numbers), said.until, said.by, said.reason)
        for word, said in file.by_hand.items()
    ]


def _subject(held: _Held) -> str:
    if held.account_id is not None:
        return f"account {printable(held.account_id)}"
    return ", ".join(printable(masked(each)) for each in held.subscriber_ids)


def _moment(ts: int, settings: Settings) -> str:
    return f"{datetime.fromtimestamp(ts / 1000, ZoneInfo(settings.timezone)):%Y-%m-%d %H:%M}"
