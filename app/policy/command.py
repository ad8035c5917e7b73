"""``holdfast policy``: show the policy in force, check a file, publish it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.table import Table

from app.config.governing_policy import Governing, governing, read_policies
from app.config.options import PLACE, console, json_option, language, resolved_options, settings_options, talking_to
from app.config.policy_file import Fault, read_policy
from app.config.setting_sources import Resolved
from app.config.settings import Settings
from app.errors import ExitCode, Refused, no_topic
from app.policy.differences import Difference, differences
from app.policy.page import page
from models.contract.policy import Policy
from streams.policy_topic import Policies, other_horizon, publish_policy
from streams.records.topics import POLICY

_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True, readable=True))


@click.group()
def policy() -> None:
    """Show the policy in force, check a file, publish it to the workers."""


@policy.command()
@resolved_options(*PLACE, "policy", "base_rate", "lang")
@json_option
def show(resolved: Resolved, as_json: bool) -> None:
    """Show the policy in force as a commented file, which `policy apply` takes.

    Where it comes from goes to stderr: HOLDFAST_POLICY, else the newest of the topic, else the shipped one. Without
    brokers the topic is not asked.
    """
    settings = resolved.settings
    found = governing(_own(settings), None if settings.brokers else Policies(settings.policy_key))
    if as_json:
        about = {"version": found.policy.version, "origin": found.origin, "offset": found.offset}
        told = {**about, "since": found.since_ms, "policy": msgspec.to_builtins(found.policy)}
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    click.echo(_whence(found, settings), err=True)
    _say_base_rate(settings)
    click.echo(page(found.policy, language(settings)), nl=False)


def _own(settings: Settings) -> Settings:
    """Settings without the one that overrides a policy's base rate: a policy is shown and compared as it is."""
    return msgspec.structs.replace(settings, base_rate=None)


def _say_base_rate(settings: Settings) -> None:
    if settings.base_rate is not None:
        click.echo(f"HOLDFAST_BASE_RATE is set: {settings.base_rate:g} goes before a policy's base_rate.", err=True)


def _whence(found: Governing, settings: Settings) -> str:
    version = found.policy.version
    if found.origin == "file":
        return f"{version}, of the file {settings.policy}"
    if found.origin == "topic":
        return f"{version}, of {settings.topic_prefix}{POLICY} at offset {found.offset}"
    asked = f"nothing is published on {settings.topic_prefix}{POLICY}"
    return f"{version}, as shipped: {asked if settings.brokers else 'no brokers are set to ask'}"


@policy.command()
@_FILE
@json_option
def check(file: Path, as_json: bool) -> None:
    """Check a policy file: every fault with its line and field. Exit 1 if there is one."""
    found = _read(file)
    faults = found if isinstance(found, list) else []
    if as_json:
        for fault in faults:
            click.echo(json.dumps({"file": str(file), **fault._asdict()}, ensure_ascii=False))
    elif isinstance(found, Policy):
        click.echo(f"{file}: {found.version} can be used.", err=True)
    if faults:
        raise _unusable(file, faults, told=as_json)


@policy.command("apply")
@settings_options(*PLACE, "policy", "base_rate")
@_FILE
@click.option("--dry-run", is_flag=True, help="Show the differences from the policy in force, and publish nothing.")
@json_option
def apply_(settings: Settings, file: Path, dry_run: bool, as_json: bool) -> None:
    """Publish a policy file: workers switch within seconds, between two transactions.

    Signed if HOLDFAST_POLICY_KEY is set; workers that have a key refuse what is not signed by it. Workers with
    HOLDFAST_POLICY keep their file. With --json: one object for each field that differs.
    """
    found = usable(file)
    policies = read_policies(settings)
    _may_be_published(found, policies)
    before = governing(msgspec.structs.replace(_own(settings), policy=None), policies)
    changed = differences(before.policy, found)
    _show(changed, before.policy.version, found.version, as_json=as_json)
    if settings.policy is not None:
        click.echo(f"HOLDFAST_POLICY is set: workers that are started so keep {settings.policy}.", err=True)
    _say_base_rate(settings)
    if dry_run:
        click.echo("Nothing was published.", err=True)
        return
    if not changed:
        click.echo(f"{found.version} is in force already.", err=True)
        return
    _publish(settings, found, policies.published(found))


def _publish(settings: Settings, found: Policy, before: int) -> None:
    client = settings.kafka_client_kwargs()
    with talking_to(settings):
        offset = asyncio.run(_published(client, settings, found, before))
    newest = read_policies(settings).newest
    if newest is None or newest.offset != offset:
        said = "nothing" if newest is None else newest.policy.version
        raise Refused(f"{found.version} was published, but in force is now {said}", "holdfast policy show")
    click.echo(f"{found.version} is published at offset {offset}: workers switch within seconds.", err=True)
    if settings.policy_key is None:
        click.echo("HOLDFAST_POLICY_KEY is not set, so it is not signed: workers that have a key refuse it.", err=True)


async def _published(client: dict[str, Any], settings: Settings, found: Policy, before: int) -> int:
    from streams.kafka.topic_admin import Cluster

    topic = settings.topic_prefix + POLICY
    async with Cluster(client) as cluster:
        if topic not in await cluster.topics([topic]):
            # A write could create it with other settings.
            raise no_topic(Exception(topic))
    return await publish_policy(client, settings.topic_prefix, found, settings.policy_key, before)


def usable(file: Path) -> Policy:
    """The policy of a file.

    Raises
    ------
    app.errors.Refused
        If it has faults; all of them are named, with line and field.
    """
    found = _read(file)
    if isinstance(found, Policy):
        return found
    raise _unusable(file, found, told=False)


def _read(file: Path) -> Policy | list[Fault]:
    try:
        return read_policy(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        return [Fault(None, "", f"not UTF-8: {error}")]
    except OSError as error:
        raise Refused(f"{file}: {error.strerror}", code=ExitCode.USAGE) from error


def _unusable(file: Path, faults: list[Fault], *, told: bool) -> Refused:
    many = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
    return Refused(f"{file}: {many}", *([] if told else map(str, faults)))


def _may_be_published(found: Policy, policies: Policies) -> None:
    """Refuse to write a policy that every worker would refuse."""
    if (horizon := other_horizon(found)) is not None:
        raise Refused(f"{found.version} cannot be published", horizon)
    if policies.get(found.version) not in (None, found):
        raise Refused(
            f"{found.version} is the version of other settings",
            "give the file another version, or none: then it gets one of its own",
        )


def _show(changed: list[Difference], before: str, after: str, *, as_json: bool) -> None:
    if as_json:
        for each in changed:
            click.echo(json.dumps(each._asdict(), ensure_ascii=False))
        return
    if changed:
        table = Table("field", before, after, box=None, pad_edge=False)
        for each in changed:
            table.add_row(each.field, *(_short(value) for value in (each.before, each.after)))
        console().print(table)


def _short(value: Any) -> str:
    return "-" if value is None else json.dumps(value, ensure_ascii=False)
