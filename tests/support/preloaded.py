"""One log that is all there before anybody reads it, and what workers make of it, however many they are and fare.

The log is simulated; model and policy are frozen and nobody learns, so all that is left to differ is the order.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from support.history_check import Log, read_log
from support.long_run import RECOVERY_S, Blow, Fleet, Progress, create_topics, schedule
from support.rig import Rig

from app.publishing.publisher import publish
from app.simulator.people.homes import UNITS
from app.simulator.rates import Rates
from app.simulator.stream import simulate
from models.contract.time_units import DAY_MS

MODEL: Final = Path(__file__).parents[1] / "golden" / "model.json"
QUIET_MS: Final = 3_600_000
"""From the last event to the broker's clock: what is within 5 min of that may be poison now and not a moment later."""


def few_hands(directory: Path) -> Path:
    """The file of a policy with few hands in every unit, so that what is not urgent competes for them."""
    path, channels = directory / "policy.toml", ("outbound_call", "field_visit", "store", "sms", "app_push", "wechat")
    capacity = ", ".join(f"{channel} = 1" for channel in (*channels, "account_manager"))
    team = 'caller = ["li", "wang"], digital = ["chen", "zhao"]'
    path.write_text(
        "".join(f'[[units]]\nname = "{name}"\ncapacity = {{ {capacity} }}\nteam = {{ {team} }}\n' for name in UNITS)
    )
    return path


class Operator(NamedTuple):
    """Whose log it is."""

    subscribers: int
    days: int
    churn: float
    end_ms: int


class Life(NamedTuple):
    """What became of the log, and how long it took."""

    log: Log
    seconds: float
    fleet: Fleet


async def preload(rig: Rig, operator: Operator, seed: int) -> int:
    """Write the whole log; returns how many records it has. The same operator and seed give the same offsets."""
    await create_topics(rig)
    start = operator.end_ms - operator.days * DAY_MS
    rates = Rates(churn_per_month=operator.churn)
    records = simulate(seed, operator.subscribers, start, operator.days, rates=rates)
    return (await publish(records, rig.client, rig.prefix)).records


async def read(
    rig: Rig, records: int, workers: int, blows: Sequence[Blow], seed: int, directory: Path, dies_at: int | None = None
) -> Life:
    """Have the log read to its end by so many workers, under these blows; first by one that dies in a transaction."""
    fleet = Fleet(rig, MODEL, directory, seed, policy=few_hands(directory))
    began = time.monotonic()
    async with Progress(rig) as progress:
        if dies_at is not None:
            await fleet.die(dies_at, progress)
        for _ in range(workers):
            fleet.start()
        # A log that is all there is read fast: the blows fall within the first half, without delay.
        steps = schedule(seed, records // 2, blows)
        await fleet.strike([step._replace(delay_s=step.delay_s / 20) for step in steps], progress)
        await fleet.finished(records, progress, RECOVERY_S + records / 1000)
    seconds = time.monotonic() - began
    await rig.desk_is_done()
    await fleet.stop()
    return Life(await read_log(rig.client, rig.prefix, rig.partitions, bound_s=RECOVERY_S), round(seconds, 1), fleet)


async def settled(rigs: Sequence[Rig], operator: Operator, seed: int) -> int:
    """The same log for each of `rigs`; returns how many records it has."""
    counts = await asyncio.gather(*(preload(rig, operator, seed) for rig in rigs))
    assert len(set(counts)) == 1
    return counts[0]
