"""``holdfast simulate``: write the simulated population to an existing Kafka."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

import click
import orjson
from aiokafka.errors import KafkaConnectionError, KafkaError

from app.config.setting_sources import resolve
from app.config.settings import Settings, SettingsError
from app.errors import ExitCode, Refused
from app.process.progress_bar import bar
from app.publishing.prepared_topics import prepare, put_back
from app.publishing.publisher import PublishCount, PublishPace, publish, wall_clock_ms
from app.simulator.rates import Rates
from app.simulator.stream import simulate as simulated
from models.contract.time_units import DAY_MS

_WHY: Final = {
    "end": "all days are written",
    "now": "the present is reached",
    "events": "the requested number is reached",
}


@dataclass(frozen=True, slots=True)
class SimulateOrder:
    """Options of the command line."""

    subscribers: int
    days: int
    speed: float
    events: int | None
    seed: int
    start_ms: int | None
    follow: bool
    churn: float
    keep_retention: bool
    as_json: bool


def _say(done: PublishCount, order: SimulateOrder) -> None:
    """Print the summary: one JSON object on stdout, or a line of text on stderr."""
    pace = done.records / done.seconds if done.seconds else 0.0
    if order.as_json:
        facts = {"simulated": True, "seed": order.seed, "subscribers": order.subscribers, **asdict(done)}
        click.echo(orjson.dumps({**facts, "records_per_second": round(pace)}))
        return
    click.echo(
        f"{done.records:,} simulated records in {done.seconds:.1f} s ({pace:,.0f}/s); {_WHY[done.stopped]}. "
        "No quality of detection may be quoted from simulated data without saying so.",
        err=True,
    )


def _settings(**flags: Any) -> Settings:
    """The settings of Kafka, from their four sources."""
    try:
        settings = resolve(flags).settings
    except SettingsError as error:
        raise Refused(str(error), code=ExitCode.USAGE) from None
    if not settings.brokers:
        raise Refused(
            "HOLDFAST_BROKERS is not set, so there is no Kafka to write to",
            "holdfast kafka start",
            "export HOLDFAST_BROKERS=127.0.0.1:<its port>",
            code=ExitCode.USAGE,
        )
    return settings


async def _run(order: SimulateOrder, settings: Settings) -> PublishCount:
    """Prepare the topics, then write."""
    now = wall_clock_ms()
    start = now - order.days * DAY_MS if order.start_ms is None else order.start_ms
    client = settings.kafka_client_kwargs()
    say = partial(click.echo, err=True)
    await prepare(settings, now - start, lengthen=not order.keep_retention, say=say)
    days = order.days * (2 if order.follow else 1)
    records = simulated(order.seed, order.subscribers, start, days, rates=Rates(churn_per_month=order.churn))
    with bar("simulated data / 模拟数据") as update:

        def tell(done: PublishCount) -> None:
            update(0.0 if done.last_ts is None else (done.last_ts - start) / DAY_MS, days, done.records)

        done = await publish(
            records,
            client,
            settings.topic_prefix,
            pace=PublishPace(order.speed, order.follow),
            max_events=order.events,
            progress=tell,
        )
    if not order.keep_retention:
        await put_back(settings, say)
    return done


@click.command("simulate")
@click.option("--subscribers", type=click.IntRange(1, 10_000_000), default=5_000, show_default=True)
@click.option(
    "--days", type=click.IntRange(1, 3_650), default=45, show_default=True, help="Days to simulate, up to now."
)
@click.option(
    "--speed",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Simulated seconds a second; 0: no waiting.",
)
@click.option("--events", type=click.IntRange(1), help="Stop after this many records.")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True, help="Same seed and start: same bytes.")
@click.option("--start", "start_ms", type=click.IntRange(0), help="First moment, epoch ms.  [default: now - days]")
@click.option("--follow", is_flag=True, help="Continue in real time from now on, for as many days again.")
@click.option(
    "--churn",
    type=click.FloatRange(0, 0.5),
    default=Rates().churn_per_month,
    show_default=True,
    help="Share of subscribers who leave in a month.",
)
@click.option("--keep-retention", is_flag=True, help="Do not lengthen the topics' retention for what is old.")
@click.option("--brokers", help="Bootstrap servers, comma-separated.  [env: HOLDFAST_BROKERS]")
@click.option("--topic-prefix", help="Prefix of every topic's name.  [env: HOLDFAST_TOPIC_PREFIX]")
@click.option("--partitions", type=int, help="Partitions of the topics to create.  [env: HOLDFAST_PARTITIONS]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout at the end.")
def simulate(brokers: str | None, topic_prefix: str | None, partitions: int | None, **flags: Any) -> None:
    """Write a simulated population's events and true outcomes to every input topic.

    Event time starts in the past and never overtakes the wall clock. Everything is made up: for demonstrations and
    load, never for figures of quality.
    """
    settings = _settings(brokers=brokers, topic_prefix=topic_prefix, partitions=partitions)
    try:
        done = asyncio.run(_run(order := SimulateOrder(**flags), settings))
    except KafkaConnectionError as error:
        raise Refused(f"no Kafka at {','.join(settings.brokers)}: {error}", code=ExitCode.NOT_FOUND) from None
    except KafkaError as error:
        raise Refused(f"Kafka refused: {error!r}") from None
    _say(done, order)
