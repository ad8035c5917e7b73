"""``holdfast topics``: create the topics, or compare them with the table of topics."""

from __future__ import annotations

import asyncio
import json

import click
from rich.table import Table

from app.config.options import PLACE, console, json_option, settings_options, talking_to
from app.config.settings import Settings
from app.errors import ExitCode


@click.group()
def topics() -> None:
    """Create the topics, or check them."""


@topics.command()
@settings_options(*PLACE, "partitions")
@click.option(
    "--replication",
    type=click.IntRange(1),
    help="Copies of each partition.  [default: 3, or the number of brokers if there are fewer]",
)
@json_option
def create(settings: Settings, replication: int | None, as_json: bool) -> None:
    """Create missing topics; existing ones are not changed.

    All topics get the same partition count (HOLDFAST_PARTITIONS), which cannot be changed once there is state.
    """
    from streams.kafka.topic_admin import Cluster, Created

    async def created() -> tuple[list[Created], list[str]]:
        async with Cluster(settings.kafka_client_kwargs()) as cluster:
            report = await cluster.create(settings.topic_prefix, settings.partitions, replication=replication)
            return report, await cluster.faults(settings.topic_prefix, settings.partitions)

    with talking_to(settings):
        report, faults = asyncio.run(created())
    if as_json:
        for topic in report:
            click.echo(json.dumps(topic._asdict()))
    else:
        table = Table("topic", "partitions", "", box=None, pad_edge=False)
        for topic in report:
            table.add_row(topic.name, str(topic.partitions), "created" if topic.created else "exists")
        console().print(table)
    _end(faults)


@topics.command()
@settings_options(*PLACE, "partitions")
@json_option
def check(settings: Settings, as_json: bool) -> None:
    """Check that the topics are as lanes need them; exit 3 if not.

    Keys of the newest records that another partitioner than Kafka's murmur2 has placed are named on stderr.
    """
    from streams.kafka.key_placement import misplaced
    from streams.kafka.topic_admin import Cluster

    async def found() -> tuple[list[str], list[str]]:
        client = settings.kafka_client_kwargs()
        async with Cluster(client) as cluster:
            faults = await cluster.faults(settings.topic_prefix, settings.partitions)
        return faults, [] if faults else await misplaced(client, settings.topic_prefix, settings.partitions)

    with talking_to(settings):
        faults, warnings = asyncio.run(found())
    if as_json:
        for line in [{"ok": False, "fault": fault} for fault in faults] or [{"ok": True, "fault": None}]:
            click.echo(json.dumps(line))
    elif not faults:
        click.echo(f"All topics have {settings.partitions} partitions.")
    for warning in warnings:
        click.echo(warning, err=True)
    _end(faults)


@topics.command()
@settings_options(*PLACE)
def restore(settings: Settings) -> None:
    """Put back the retention that `replay` or `simulate` has lengthened; do it when workers have applied all."""
    from streams.model_topic.retention import put_back

    with talking_to(settings):
        names = asyncio.run(put_back(settings.kafka_client_kwargs(), settings.topic_prefix))
    for name in names:
        click.echo(f"{name}: has its own retention back")
    if not names:
        click.echo("nothing is to be put back", err=True)


def _end(faults: list[str]) -> None:
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        raise click.exceptions.Exit(int(ExitCode.NOT_FOUND))
