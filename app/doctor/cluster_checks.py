"""Checks that need a broker: each asks one question of broker or topics, and judges the answer.

Nothing is written, and no group is joined.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import aclosing
from typing import Final

from app.config.governing_policy import governing
from app.config.operator_files import frozen_model
from app.config.settings import Settings
from app.doctor.finding import Finding
from app.errors import Refused
from models.contract.events import CALLS, DATA_USAGE
from models.contract.time_units import DAY_MS, HOUR_MS
from models.scoring.prior import VERSION as PRIOR
from streams.kafka.broker_view import BrokerView, GroupProgress, group_progress
from streams.kafka.key_placement import misplaced
from streams.kafka.redriving import redriven
from streams.kafka.topic_admin import Cluster
from streams.kafka.topic_tail import TailRecord, TopicMissingError, polls, tail
from streams.kafka.transaction import lane_id
from streams.model_topic.retention import noted
from streams.model_topic.versions import ModelVersions, read_versions
from streams.policy_topic import Policies, policies_of_topic
from streams.records.lane_history import HistoryRecord, read
from streams.records.topics import ALL_TOPICS, DEAD_LETTERS, DESK_STATE, HISTORY, INPUT_TOPICS, MODELS

_BEHIND_S: Final = 10.0
_FUTURE_MS: Final = 5 * 60_000
"""Events dated further ahead of the broker's clock are poison."""
_SKEW_MS: Final = 1_000
_OLD_MODEL_MS: Final = 14 * DAY_MS
"""The learner publishes each week of the stream."""
_NEEDED: Final = {
    "input": frozenset({"READ", "DESCRIBE"}),
    "output": frozenset({"WRITE", "DESCRIBE"}),
    "internal": frozenset({"READ", "WRITE", "DESCRIBE"}),
}
"""Rights needed on a topic of each role."""
_QUIET_MS: Final = HOUR_MS
_TAIL: Final = 4
"""Offsets looked back: the newest record of a partition may have the markers of transactions behind it."""
_LOOK_S: Final = 1.0
"""Time between two looks at the group, and how often the first is repeated: a broker that never had a group creates the
topic of group offsets when it is first asked, and has no coordinator until then."""
_LOOKS: Final = 5


async def on_the_cluster(settings: Settings) -> list[Finding]:
    """Every check that needs a broker, in the order in which one would look.

    Raises
    ------
    aiokafka.errors.KafkaError
        If the broker does not answer, or refuses.
    """
    client, prefix = settings.kafka_client_kwargs(), settings.topic_prefix
    async with Cluster(client) as cluster:
        found = [broker(*await cluster.brokers())]
        there = await cluster.topics([topic.full(prefix) for topic in ALL_TOPICS if not topic.single])
        lanes = _lanes([topic.partitions for topic in there.values()], settings.partitions)
        found += topics(await cluster.faults(prefix, lanes), lanes, settings.partitions)
        if found[-1].verdict == "fail":
            return found  # every further check would need topics that do not exist
        names = [topic.full(prefix) for topic in ALL_TOPICS]
        found.append(access(prefix, authoriser := await cluster.has_authoriser(), await cluster.allowed(names)))
        ids = [*(lane_id(prefix, lane) for lane in range(lanes)), prefix + DESK_STATE, prefix + MODELS]
        found.append(transactional_ids(ids, await cluster.refused_ids(ids) if authoriser else []))
        kept = {topic.name: (await cluster.settings(topic.full(prefix))).all for topic in ALL_TOPICS}
    found += retention(kept, await noted(client, prefix))
    wrong = await misplaced(client, prefix, lanes)
    found += [Finding("keys", "warn", fault, "let the source partition by murmur2") for fault in wrong] or [
        Finding("keys", "ok", "the newest are where murmur2 puts them")
    ]
    found.append(await _group(settings))
    newest = await _newest(settings, HISTORY)
    versions = await read_versions(client, prefix)
    now_ms = int(time.time() * 1000)
    history = {at: read(record.value) for at, record in newest.items()}
    found += [clock(newest, now_ms), *model(settings, versions, history, now_ms)]
    found += policy(settings, await policies_of_topic(client, prefix, settings.policy_key), history)
    found.append(dead_letters(await _reasons(settings, now_ms)))
    for topic in (CALLS, DATA_USAGE):
        places = await _newest(settings, topic)
        found.append(quiet(topic, {at: record.timestamp for at, record in places.items()}, lanes))
    return found


def broker(count: int, release: str | None) -> Finding:
    """Number of brokers, and their release."""
    if release is None:
        return Finding("broker", "fail", f"{_many(count, 'broker')}, older than Kafka 2.7", "2.8 or newer is needed")
    return Finding("broker", "ok", f"{_many(count, 'broker')}, Kafka {release} or newer")


def _lanes(counts: list[int], set_here: int) -> int:
    """Number of lanes that the topics are made for: their common partition count, regardless of the setting here.

    Examples
    --------
    >>> _lanes([4, 4, 4], 8), _lanes([4, 8], 8), _lanes([], 8)
    (4, 8, 8)
    """
    return counts[0] if len(set(counts)) == 1 else set_here


def topics(faults: list[str], lanes: int, set_here: int) -> list[Finding]:
    """Whether all topics exist, with one partition count."""
    if faults:
        return [Finding("topics", "fail", fault, "holdfast topics check") for fault in faults]
    said = f"all {len(ALL_TOPICS)} there, {lanes} lanes"
    if lanes != set_here:
        said += f"; a worker that is started here is refused, since it is set to {set_here}"
        return [Finding("topics", "warn", said, f"export HOLDFAST_PARTITIONS={lanes}")]
    return [Finding("topics", "ok", said)]


def access(prefix: str, authoriser: bool, allowed: Mapping[str, frozenset[str]]) -> Finding:
    """Whether this user has the rights on each topic that a worker, a learner or a relay needs."""
    if not authoriser:
        return Finding("ACLs", "ok", "the broker has no authoriser: everybody may do everything")
    lacking = {
        topic.name: sorted(_NEEDED[topic.role] - allowed[topic.full(prefix)])
        for topic in ALL_TOPICS
        if topic.full(prefix) in allowed and _NEEDED[topic.role] - allowed[topic.full(prefix)]
    }
    if lacking:
        said = "; ".join(f"{name}: no {', '.join(missing)}" for name, missing in lacking.items())
        advice = "if workers run as this user: kafka-acls --add --allow-principal User:... --operation ... --topic ..."
        return Finding("ACLs", "fail", said, advice)
    untold = len(ALL_TOPICS) - len(allowed)
    more = f"; for {_many(untold, 'topic')} the broker does not say" if untold else ""
    return Finding("ACLs", "ok", f"this user has the rights it needs on {_many(len(allowed), 'topic')}{more}")


def transactional_ids(ids: list[str], refused: list[str]) -> Finding:
    """Whether this user may write the transactions of lanes and learner."""
    if refused:
        said = f"this user lacks DESCRIBE on {len(refused)} of {len(ids)} transactional ids: {', '.join(refused)}"
        advice = "if workers run as this user: kafka-acls --add ... --operation Write --operation Describe"
        return Finding("transactional ids", "fail", said, f"{advice} --transactional-id ...")
    return Finding("transactional ids", "ok", f"this user has DESCRIBE on all {len(ids)}, from {ids[0]} on")


def retention(kept: Mapping[str, Mapping[str, str]], lengthened: Mapping[str, object]) -> list[Finding]:
    """Whether each topic is compacted, or deleted by age no earlier, as the table of topics says."""
    found = []
    for topic in ALL_TOPICS:
        has, needs = kept[topic.name], topic.config
        policy, wanted = has.get("cleanup.policy", "delete"), needs["cleanup.policy"]
        days = int(has.get("retention.ms", -1)) / DAY_MS
        if policy != wanted:
            lost = "the state would be deleted by age" if wanted == "compact" else "records would be lost to newer ones"
            said = f"{topic.name} has cleanup.policy {policy} and not {wanted}: {lost}"
            found.append(Finding("retention", "fail", said, f"set cleanup.policy={wanted}"))
        elif "retention.ms" in needs and 0 <= days < int(needs["retention.ms"]) / DAY_MS:
            said = f"{topic.name} keeps {days:g} days and not {int(needs['retention.ms']) / DAY_MS:g}"
            found.append(Finding("retention", "warn", said, f"set retention.ms={needs['retention.ms']}"))
        stamp = needs.get("message.timestamp.type")
        if stamp and has.get("message.timestamp.type") != stamp:
            said = f"message.timestamp.type of {topic.name} is not {stamp}, so lanes cannot tell the broker's time"
            found.append(Finding("retention", "fail", said, f"set message.timestamp.type={stamp}"))
    if lengthened:
        said = f"lengthened for a replay: {', '.join(sorted(lengthened))}"
        found.append(Finding("retention", "warn", said, "when the workers have applied all: holdfast topics restore"))
    return found or [Finding("retention", "ok", "compaction and retention as needed")]


def _many(count: int, what: str) -> str:
    """A number of things.

    Examples
    --------
    >>> _many(1, "broker"), _many(0, "member")
    ('1 broker', '0 members')
    """
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


async def _group(settings: Settings) -> Finding:
    client, prefix = settings.kafka_client_kwargs(), settings.topic_prefix
    view, names = BrokerView(client, prefix), [topic.name for topic in INPUT_TOPICS]
    try:
        before, began = await group_progress(client, view, prefix, settings.group, names), time.monotonic()
        for _ in range(_LOOKS):
            if before is not None:
                break
            await asyncio.sleep(_LOOK_S)
            before, began = await group_progress(client, view, prefix, settings.group, names), time.monotonic()
        await asyncio.sleep(_LOOK_S)
        after = await group_progress(client, view, prefix, settings.group, names)
    finally:
        await view.close()
    if before is None or after is None:
        return Finding("group", "fail", "no coordinator answers", "is every broker up?")
    came = sum(after.ends.values()) - sum(before.ends.values())
    return group(settings.group, after, came / (time.monotonic() - began))


def group(name: str, progress: GroupProgress, events_s: float) -> Finding:
    """Whether workers run, and keep up."""
    lag = progress.lag()
    said = f"{name}: {_many(progress.members or 0, 'member')}, {events_s:,.0f} events/s, lag {lag:,}"
    if not progress.members:
        return Finding("group", "fail" if lag else "warn", said, "start one:  holdfast worker")
    if lag > _BEHIND_S * max(1.0, events_s):
        return Finding("group", "warn", said, "if it grows, start another worker, on other cores")
    return Finding("group", "ok", said)


def clock(history: Mapping[int, TailRecord], now_ms: int) -> Finding:
    """Whether the broker has dated a record later than this clock; a clock that is ahead cannot be detected."""
    if not history:
        return Finding("clock", "ok", "no history yet, so this clock cannot be compared with the broker's")
    ahead = max(record.timestamp for record in history.values()) - now_ms
    if ahead > _SKEW_MS:
        said = f"the broker's clock is at least {ahead / 1000:.1f} s ahead of this one"
        return Finding("clock", "fail" if ahead > _FUTURE_MS else "warn", said, "synchronise both (chrony, NTP)")
    said = f"the broker dated its newest history record {-ahead / 1000:,.0f} s ago, by this clock"
    return Finding("clock", "ok", said)


def model(
    settings: Settings, versions: ModelVersions, lanes: Mapping[int, HistoryRecord], now_ms: int
) -> list[Finding]:
    """The model that each lane last reported, against the one that it should serve."""
    newest = versions.newest
    try:
        wanted = newest.snapshot.version if newest else PRIOR
        wanted = wanted if settings.model is None else frozen_model(settings.model).version
    except Refused as error:
        return [Finding("model", "fail", error.message, "; ".join(error.advice))]
    found = [
        Finding("model", "warn", f"{each.version} is refused: {each.detail}", "holdfast model show")
        for each in versions.refused.values()
    ]
    served = Counter(record.model for record in lanes.values())
    said = (
        "; ".join(f"{name} in {count} lanes" for name, count in served.most_common())
        or f"{wanted}, served by no lane yet"
    )
    if set(served) - {wanted}:
        advice = f"{wanted} should be served: a lane switches to it with its next event"
        found.append(Finding("model", "warn", said, advice))
    elif settings.model is None and newest and now_ms - newest.ts > _OLD_MODEL_MS:
        days = (now_ms - newest.ts) // DAY_MS
        found.append(Finding("model", "warn", f"{said}; published {days} days ago", "does the learner run?"))
    else:
        found.append(Finding("model", "ok", said))
    return found


def policy(settings: Settings, policies: Policies, lanes: Mapping[int, HistoryRecord]) -> list[Finding]:
    """The policy that each lane last reported, against the one that it should use; and refused ones."""
    try:
        wanted = governing(settings, policies).policy.version
    except Refused:
        return []  # the check of this machine names it
    found = [
        Finding("policy", "warn", f"{each.version} is refused: {each.detail}", "holdfast policy apply, corrected")
        for each in policies.refused.values()
    ]
    counts = Counter(record.policy for record in lanes.values())
    said = (
        "; ".join(f"{name} in {count} lanes" for name, count in counts.most_common())
        or f"{wanted}, used by no lane yet"
    )
    if set(counts) - {wanted}:
        advice = f"{wanted} should be in force: a lane switches at its next event, unless its HOLDFAST_POLICY is set"
        return [*found, Finding("policy", "warn", said, advice)]
    return [*found, Finding("policy", "ok", said)]


async def _reasons(settings: Settings, now_ms: int) -> Counter[str]:
    """Dead letters of the last day, by reason."""
    topic, counts = settings.topic_prefix + DEAD_LETTERS, Counter[str]()
    async with aclosing(tail(settings.kafka_client_kwargs(), topic, from_beginning=True, follow=False)) as records:
        async for record in records:
            if record.timestamp >= now_ms - DAY_MS and redriven(record) is None:
                counts[dict(record.headers).get("holdfast.reason", b"?").decode("utf-8", "replace")] += 1
    return counts


def dead_letters(reasons: Counter[str]) -> Finding:
    """Records of the last day that could not be read."""
    if not reasons:
        return Finding("dead letters", "ok", "none in 24 h")
    said = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
    return Finding("dead letters", "warn", f"{said} in 24 h", "holdfast dlq list")


def quiet(topic: str, newest: Mapping[int, int], partitions: int) -> Finding:
    """Whether partitions get no records while others of the topic do: event time stops in a lane without events."""
    if not newest:
        return Finding("partitions", "ok", f"{topic} is empty")
    latest = max(newest.values())
    still = [at for at in range(partitions) if latest - newest.get(at, 0) > _QUIET_MS]
    if still:
        said = f"{topic}: an hour without a record in {', '.join(map(str, still))}, while others have some"
        advice = "check that a source writes to those partitions: event time stops in a lane without events"
        return Finding("partitions", "warn", said, advice)
    return Finding("partitions", "ok", f"{topic}: records in all {partitions}")


async def _newest(settings: Settings, name: str) -> dict[int, TailRecord]:
    """The newest record of each partition that has one."""
    found: dict[int, TailRecord] = {}
    client, topic = settings.kafka_client_kwargs(), settings.topic_prefix + name
    try:
        async with aclosing(polls(client, topic, newest=_TAIL, follow=False)) as polled:
            async for poll in polled:
                found.update({record.partition: record for record in poll.records})
    except TopicMissingError:
        return {}
    return found
