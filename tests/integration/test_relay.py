"""The relay: whatever an endpoint or a kill does, nothing is lost, each subscriber's steps come in their order."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path

import pytest
from aiohttp import web
from support.alerts_made import an_action
from support.relay_rig import (
    SECRET,
    TOKEN,
    Received,
    Receiver,
    RelayRig,
    an_order_kept,
    metrics_of,
    never,
    page,
)
from support.rig import Rig, now_ms, until

from app.errors import ExitCode
from streams.embedded_kafka.broker import EmbeddedBroker


@pytest.fixture
async def relays(rig: Rig, tmp_path: Path) -> RelayRig:
    await rig.create()
    return RelayRig(rig, tmp_path)


async def test_alerts_come_signed_once_in_order_and_the_place_is_kept_over_a_stop(relays: RelayRig) -> None:
    before = await relays.send(relays.lives(2))
    async with Receiver() as receiver:
        relay = relays.start("--to", f"crm={receiver.url}")
        await relay.said("subscription_assigned")
        assert "subscription_begins" in relays.logs()
        sent = await relays.send(relays.lives(20, 3))
        await relays.accepted(receiver, sent)
        assert not set(before) & set(receiver.ids()), "it begins now"
        status, text = await page(relay, "/readyz")
        assert status == 200, text
        assert await relay.stop() == 0
        while_away = await relays.send(relays.lives(20, 3))
        heir = relays.start("--to", f"crm={receiver.url}", "--from", "beginning")
        await relays.accepted(receiver, while_away)
        metrics = await metrics_of(heir)
        assert metrics.value("relay_delivered_total", endpoint="crm") == len(while_away)
        assert await heir.stop() == 0
        assert receiver.ids().count(sent[0]) == 1
        assert Counter(receiver.ids()).most_common(1)[0][1] == 1, "nothing twice without a kill"
        assert an_order_kept(receiver.ids())
        assert receiver.forged == 0
        first = receiver.accepted[0]
        assert first.headers["content-type"] == "application/cloudevents+json"
        assert (
            first.event
            | {
                "specversion": "1.0",
                "id": first.message_id,
                "type": "holdfast.alert.v1",
                "source": "/holdfast/test",
                "datacontenttype": "application/json",
                "pastcontactby": False,
            }
            == first.event
        )
        assert f"{first.event['data']['alert_id']}:{first.event['data']['seq']}" == first.message_id
    for secret in (SECRET, SECRET.removeprefix("whsec_"), TOKEN):
        assert secret not in relays.logs()


async def test_an_endpoint_that_fails_hangs_up_dies_and_comes_back_gets_everything_in_order(relays: RelayRig) -> None:
    async with Receiver() as receiver:
        failures = iter([500, 503, 429, 408, 302])

        def fitful(received: Received) -> web.Response | int:
            status = next(failures, 204)
            return web.Response(status=status, headers={"retry-after": "0"}) if status != 204 else 204

        receiver.reply = fitful
        relay = relays.start("--to", receiver.url)
        await relay.said("subscription_assigned")
        sent = await relays.send(relays.lives(3, 2))
        await relays.accepted(receiver, sent)
        await receiver.die()
        sent += await relays.send(relays.lives(6, 3), lane=True)
        await relay.said("endpoint_fails", reason="unreachable")
        status, text = await page(relay, "/readyz")
        assert status == 200, f"an endpoint that is away is no reason to restart the relay: {text}"

        async def behind() -> bool:
            return (await metrics_of(relay)).total("relay_lag_records") >= 18

        await until(behind, "the lag is seen")
        await receiver.listen()
        await relays.accepted(receiver, sent)
        await relay.said("endpoint_accepts")
        assert an_order_kept(receiver.ids())

        async def even() -> bool:
            metrics = await metrics_of(relay)
            return metrics.total("relay_lag_records") == 0 == metrics.total("relay_lag_seconds")

        await until(even, "no lag")
        metrics = await metrics_of(relay)
        for reason in ("server_error", "throttled", "unexpected", "unreachable"):
            assert metrics.total("relay_failed_attempts_total", reason=reason) > 0, reason
        assert metrics.total("relay_parked_total") == 0
        assert await relay.stop() == 0
        assert TOKEN not in relays.logs()


async def test_a_wrong_key_parks_nothing_until_others_are_accepted(relays: RelayRig) -> None:
    async with Receiver() as receiver:
        receiver.reply = lambda _: 401
        relay = relays.start("--to", receiver.url)
        await relay.said("subscription_assigned")
        sent = await relays.send(relays.lives(4, 2))
        await relay.said("endpoint_fails", reason="denied")
        receiver.reply = lambda _: 204
        await relays.accepted(receiver, sent)
        assert (await metrics_of(relay)).total("relay_parked_total") == 0


async def test_what_is_refused_for_good_is_parked_with_the_answer_and_stops_nothing(relays: RelayRig) -> None:
    async with Receiver() as receiver:
        receiver.reply = lambda received: (
            web.Response(status=422, text="no such branch") if received.subscriber == "s-2" else 204
        )
        relay = relays.start("--to", f"crm={receiver.url}")
        await relay.said("subscription_assigned")
        stamp = now_ms() - 5_000
        sent = await relays.send([*relays.lives(4, 2), b"{}"], stamp=stamp)
        refused = [each for each in sent if each.partition(":")[0].endswith("2")]
        await relays.accepted(receiver, set(sent) - set(refused))

        async def all_parked() -> bool:
            return len(await relays.parked()) == 3

        await until(all_parked, "two refused and one unreadable")
        parked = {dict(each.headers).get("ce_id", b"").decode(): each for each in await relays.parked()}
        assert set(parked) == {*refused, ""}
        letter = parked[refused[0]]
        facts = dict(letter.headers)
        assert facts["holdfast.endpoint"] == b"crm"
        assert facts["holdfast.reason"] == b"refused"
        assert facts["holdfast.status"] == b"422"
        assert facts["holdfast.answer"] == b"no such branch"
        assert dict(parked[""].headers)["holdfast.reason"] == b"unreadable"
        listed = relays.holdfast("dlq", "list", "--parked", "--reason", "refused")
        assert all(each in listed for each in refused)
        assert "422 no such branch" in listed
        assert '"subscriber_id":"s-2"' in relays.holdfast("dlq", "show", "--parked", f"0:{letter.offset}")
        assert (letter.key, letter.partition, letter.timestamp) == (b"s-2", 0, stamp), "it expires with the alert"
        metrics = await metrics_of(relay)
        assert metrics.value("relay_parked_total", endpoint="crm", reason="refused") == 2
        assert metrics.value("relay_parked_total", endpoint="crm", reason="unreadable") == 1
        assert await relay.stop() == 0


async def test_a_dead_and_a_hanging_endpoint_hold_up_nobody_else(relays: RelayRig) -> None:
    async with Receiver() as live, Receiver() as hanging, Receiver() as dead:
        await dead.die()
        hanging.reply = lambda _: never
        relay = relays.start("--to", f"dead={dead.url}", "--to", f"hangs={hanging.url}", "--to", f"live={live.url}")
        await relay.said("subscription_assigned", 3)
        began = asyncio.get_running_loop().time()
        sent = await relays.send(relays.lives(20, 3))
        await relays.accepted(live, sent, 8.0)
        assert asyncio.get_running_loop().time() - began < 8.0
        stopping = asyncio.get_running_loop().time()
        assert await relay.stop() == 0
        assert asyncio.get_running_loop().time() - stopping < 8.0
        # Their turn comes: what they have not accepted waits for them.
        await dead.listen()
        hanging.reply = lambda _: 204
        heir = relays.start("--to", f"dead={dead.url}", "--to", f"hangs={hanging.url}", "--to", f"live={live.url}")
        for receiver in (dead, hanging):
            await relays.accepted(receiver, sent)
            assert an_order_kept(receiver.ids())
        assert Counter(live.ids()) == Counter(sent), "the live one gets nothing again"
        assert await heir.stop() == 0


@pytest.mark.faults
async def test_a_crash_between_delivery_and_commit_gives_the_same_id_again_and_loses_nothing(relays: RelayRig) -> None:
    async with Receiver() as receiver:
        relay = relays.start("--to", receiver.url, "--fail-at", "delivered:7")
        await relay.said("subscription_assigned")
        sent = await relays.send(relays.lives(6, 3))
        assert await relay.ended() == 9
        assert len(receiver.accepted) >= 7
        heir = relays.start("--to", receiver.url)
        await relays.accepted(receiver, sent)
        counts = Counter(receiver.ids())
        assert max(counts.values()) == 2, "delivered, not committed: sent once more"
        assert set(counts) == set(sent)
        bodies = {each.message_id: each.event["data"] for each in receiver.accepted}
        assert all(bodies[each.message_id] == each.event["data"] for each in receiver.accepted)
        assert an_order_kept(receiver.ids())
        assert await heir.stop() == 0


@pytest.mark.faults
@pytest.mark.timeout(180)
async def test_killed_again_and_again_nothing_is_lost_and_order_is_kept(relays: RelayRig) -> None:
    async with Receiver() as receiver:

        async def slow() -> web.StreamResponse:
            await asyncio.sleep(0.01)
            return web.Response(status=204)

        def slowly(received: Received) -> object:
            receiver.accepted.append(received)
            return slow

        receiver.reply = slowly  # type: ignore[assignment]
        relay = relays.start("--to", receiver.url)
        await relay.said("subscription_assigned")
        sent: list[str] = []
        for _ in range(2):
            sent += await relays.send(relays.lives(40, 4))
            had = len(receiver.accepted)

            async def amid(had: int = had) -> bool:
                return len(receiver.accepted) > had + 20

            await until(amid, "amid the delivery")
            relay.signal(signal.SIGKILL)
            await relay.ended(5)
            relay = relays.start("--to", receiver.url)
        await relays.accepted(receiver, sent, 60)
        assert set(receiver.ids()) == set(sent)
        assert len(receiver.ids()) > len(sent), "a kill amid a delivery repeats some, with the same id"
        assert an_order_kept(receiver.ids())
        assert await relay.stop() == 0


async def test_two_relays_share_an_endpoint_and_one_that_is_killed_is_replaced(relays: RelayRig) -> None:
    async with Receiver() as receiver:
        first = relays.start("--to", f"crm={receiver.url}")
        await first.said("subscription_assigned")
        second = relays.start("--to", f"crm={receiver.url}")
        (dealt, *_) = await second.said("subscription_assigned")
        assert len(dealt["partitions"]) == 1
        sent = await relays.send(relays.lives(10, 3))
        await relays.accepted(receiver, sent)
        third = relays.start("--to", f"crm={receiver.url}")
        for _ in range(10):  # while it joins, and while it leaves
            sent += await relays.send(relays.lives(10, 3))
        await third.said("subscription_assigned")
        sent += await relays.send(relays.lives(10, 3))
        assert await third.stop() == 0
        await relays.accepted(receiver, sent)
        assert an_order_kept(receiver.ids())
        await first.kill()
        sent += await relays.send(relays.lives(10, 3))
        await relays.accepted(receiver, sent)
        assert an_order_kept(receiver.ids())
        assert await second.stop() == 0


async def test_filters_know_whose_an_alert_was_after_a_restart(relays: RelayRig) -> None:
    """The end of an alert has no action: only what came before tells whose it is."""
    async with Receiver() as receiver:
        relay = relays.start("--to", f"crm={receiver.url}", "--unit", "yuexiu-01", "--kind", "leave_intent")
        await relay.said("subscription_assigned")
        ours = relays.lives(2, 1, unit="yuexiu-01", kind="leave_intent")
        theirs = relays.lives(2, 1, unit="tianhe-03", kind="leave_intent")
        others = relays.lives(2, 1, unit="yuexiu-01", kind="silence")
        sent = await relays.send([*ours, *theirs, *others])
        await relays.accepted(receiver, sent[:2])
        assert await relay.stop() == 0
        ends = [
            type(each)(
                **{name: getattr(each, name) for name in each.__struct_fields__}
                | {
                    "seq": 2,
                    "event": "closed",
                    "close_reason": "expired",
                    "action": None,
                    "reasons": None,
                }
            )
            for each in [*ours, *theirs]
        ]
        ended = await relays.send(ends)
        heir = relays.start("--to", f"crm={receiver.url}", "--unit", "yuexiu-01", "--kind", "leave_intent")
        await relays.accepted(receiver, ended[:2])

        async def all_seen() -> bool:
            return (await metrics_of(heir)).value("relay_left_out_total", endpoint="crm") == 2

        await until(all_seen, "the others' are left out")
        assert set(receiver.ids()) == {*sent[:2], *ended[:2]}
        assert await heir.stop() == 0


async def test_past_its_contact_by_an_alert_comes_with_the_fact(relays: RelayRig) -> None:
    async with Receiver() as receiver:
        relay = relays.start("--to", f"crm={receiver.url}")
        await relay.said("subscription_assigned")
        late = relays.lives(1, 1, action=an_action(contact_by=now_ms() - 1))
        sent = await relays.send([*late, *relays.lives(1, 1)])
        await relays.accepted(receiver, sent)
        assert [each.event["pastcontactby"] for each in receiver.accepted] == [True, False]
        assert (await metrics_of(relay)).value("relay_past_contact_by_total", endpoint="crm") == 1
        assert await relay.stop() == 0


async def test_without_topics_it_ends_with_what_to_do(rig: Rig, tmp_path: Path) -> None:
    relay = RelayRig(rig, tmp_path).start("--to", "https://crm.example.com/")
    assert await relay.ended() == ExitCode.NOT_FOUND
    assert "holdfast topics create" in relay.log.read_text()


async def test_dry_run_prints_what_waits_and_moves_nothing(relays: RelayRig) -> None:
    sent = await relays.send(relays.lives(3, 2))
    flags = ("--to", "crm=https://crm.example.com/hook", "--notify", "desk=json://127.0.0.1:9/", "--from", "beginning")
    for _ in range(2):
        dry = relays.start(*flags, "--dry-run")
        assert await dry.ended() == 0
        told = dry.log.read_text()
        assert all(each in told for each in sent)
        assert "tianhe-03: 6 alerts" in told or "tianhe-03：6条预警" in told
        assert "7 messages wait; nothing was sent" in told

    async def groups() -> list[str]:
        found = await relays.rig.admin(lambda admin: admin.list_consumer_groups())
        return [name for name, *_ in found if name.startswith(f"{relays.rig.group}.relay.")]

    assert await groups() == []
    relay = relays.start(*flags)
    await relay.said("subscription_assigned", 2)
    assert sorted(await groups()) == [f"{relays.rig.group}.relay.{name}" for name in ("crm", "desk")]
    assert await relay.stop() == 0


@pytest.mark.faults
@pytest.mark.timeout(240)
async def test_a_restart_of_the_broker_loses_nothing(tmp_path: Path, prefix: str) -> None:
    (tmp_path / "broker").mkdir()
    with EmbeddedBroker.start(tmp_path / "broker") as first:
        port = int(first.bootstrap.rpartition(":")[2])
        async with Rig(first.bootstrap, prefix, tmp_path) as rig, Receiver() as receiver:
            await rig.create()
            relays = RelayRig(rig, tmp_path)
            receiver.reply = lambda received: 422 if received.subscriber == "s-3" else 204
            relay = relays.start("--to", f"crm={receiver.url}")
            await relay.said("subscription_assigned")
            sent = await relays.send(relays.lives(6, 3))

            async def amid() -> bool:
                return len(receiver.accepted) > 5

            await until(amid, "amid the delivery")
            await asyncio.to_thread(first.stop)

            async def noticed() -> bool:
                return (await page(relay, "/readyz"))[0] == 503

            await until(noticed, "it is not ready")
            with EmbeddedBroker.start(tmp_path / "broker", port):
                sent += await relays.send(relays.lives(6, 3))
                refused = {each for each in sent if each.partition(":")[0].endswith("3")}
                await relays.accepted(receiver, set(sent) - refused, 90)

                async def all_parked() -> bool:
                    ids = [dict(each.headers)["ce_id"].decode() for each in await relays.parked()]
                    return set(ids) == refused

                await until(all_parked, "the refused ones are parked", 60)
                assert an_order_kept(receiver.ids())
                assert relay.code is None, relay.tail()
                assert await relay.stop() == 0
