"""The relay without a broker: names without secrets, signatures, pauses, digests, and what its command refuses."""

from __future__ import annotations

import base64
import re
import sys
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from prometheus_client import generate_latest
from support.alerts_made import NUMBER, RAISED_MS, an_action, an_alert
from support.black_box_worker import Metrics

from app.alerts.alert_filter import AlertFilter
from app.cli import holdfast
from app.errors import ExitCode, Refused
from app.process.fault import fail_at
from app.relay.back_off import LONGEST_ASKED_S, LONGEST_S, pause_s
from app.relay.digest import DigestWriter, service
from app.relay.endpoints import chats, unique, webhooks
from app.relay.envelope import envelope, past_contact_by, signed, signing_keys
from app.relay.metrics import RelayMetrics
from app.relay.route import Route, Wanted
from app.relay.webhook import judged
from streams.kafka.retries import NoAnswerError
from streams.kafka.topic_tail import TailRecord
from streams.records.topics import ALERTS

TOKEN = "tOkEn-That-Nobody-May-See"
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SHANGHAI = ZoneInfo("Asia/Shanghai")


def refused(*arguments: str, **environment: str) -> Result:
    given = {"HOLDFAST_BROKERS": "127.0.0.1:1", "HOLDFAST_RELAY_SECRET": KEY, **environment}
    try:
        result = CliRunner().invoke(holdfast, ["relay", *arguments], env=given, standalone_mode=False)
    except Refused as error:  # pragma: no cover - click hands it over in `exception`
        raise AssertionError from error
    assert isinstance(result.exception, Exception), result.output
    return result


def said(result: Result) -> str:
    error = result.exception
    return "\n".join([str(error), *getattr(error, "advice", ())])


# Names


def test_a_name_tells_the_host_and_no_more_and_stays_when_the_token_changes() -> None:
    first, second = (
        webhooks([f"https://user:{token}@crm.example.com/hook?key={token}"])[0] for token in (TOKEN, "another")
    )
    assert first.name == second.name
    assert first.name.startswith("crm.example.com-")
    assert TOKEN not in first.name + repr(first)
    other = webhooks(["https://crm.example.com/other"])[0]
    assert other.name != first.name
    chat = chats([f"slack://{TOKEN}/B/C"])[0]
    assert chat.name.startswith("slack-")
    assert TOKEN not in chat.name + repr(chat)


def test_a_name_of_ones_own_may_stand_before_a_url_with_equals_signs() -> None:
    (named,) = webhooks(["crm=https://crm.example.com/?a=b"])
    assert (named.name, named.url) == ("crm", "https://crm.example.com/?a=b")
    (unnamed,) = webhooks(["https://crm.example.com/?a=b"])
    assert unnamed.url == "https://crm.example.com/?a=b"


@pytest.mark.parametrize("url", ["ftp://crm.example.com/", f"https:///{TOKEN}", f"https://crm:port/{TOKEN}", TOKEN])
def test_what_is_no_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(Refused) as error:
        webhooks(["https://fine.example.com/", url])
    assert "number 2" in error.value.message
    assert TOKEN not in error.value.message
    assert error.value.exit_code == ExitCode.USAGE


def test_two_endpoints_of_one_name_would_share_one_place() -> None:
    with pytest.raises(Refused, match="two endpoints are called"):
        webhooks(["https://crm.example.com/?a=1", "https://crm.example.com/?a=2"])
    with pytest.raises(Refused, match="two endpoints are called desk"):
        unique([*webhooks(["desk=https://crm.example.com/"]), *chats(["desk=json://127.0.0.1/"])])


# Signatures


def test_each_key_signs_and_any_byte_that_changes_shows() -> None:
    other = "whsec_" + base64.b64encode(b"x" * 32).decode()
    both = signed(signing_keys(f"{KEY}\n{other}"), "a:1", 1_780_000_000, b"{}")["webhook-signature"].split()
    assert len(set(both)) == 2
    (one,) = (signed(signing_keys(KEY), "a:1", 1_780_000_000, b"{}")["webhook-signature"],)
    assert one == both[0]
    for message_id, seconds, body in (("a:2", 1_780_000_000, b"{}"), ("a:1", 1, b"{}"), ("a:1", 1_780_000_000, b"[]")):
        assert signed(signing_keys(KEY), message_id, seconds, body)["webhook-signature"] != one


@pytest.mark.parametrize("wrong", [TOKEN, "whsec_" + base64.b64encode(b"short").decode(), f"{KEY} {TOKEN}"])
def test_a_key_that_is_too_short_or_no_base64_is_refused_without_being_shown(wrong: str) -> None:
    with pytest.raises(Refused) as error:
        signing_keys(wrong)
    assert not set(wrong.split()) & set(" ".join([error.value.message, *error.value.advice]).split())


# Answers and pauses


@pytest.mark.parametrize(
    ("status", "accepted", "failure", "broken"),
    [
        (200, True, None, False),
        (202, True, None, False),
        (301, False, "unexpected", False),
        (400, False, None, False),
        (401, False, "denied", True),
        (408, False, "throttled", False),
        (410, False, "denied", True),
        (422, False, None, False),
        (425, False, "throttled", False),
        (429, False, "throttled", False),
        (500, False, "server_error", True),
        (503, False, "server_error", False),
    ],
)
def test_what_an_answer_means(status: int, accepted: bool, failure: str | None, broken: bool) -> None:
    answer = judged(status, None, "")
    assert (answer.accepted, answer.failure, answer.broken) == (accepted, failure, broken)


def test_pauses_grow_to_a_bound_differ_by_chance_and_heed_what_is_asked() -> None:
    assert [pause_s(n, draw=lambda: 1.0) for n in range(1, 5)] == [0.5, 1.0, 2.0, 4.0]
    assert max(pause_s(n) for n in range(1, 10_000, 7)) <= LONGEST_S
    assert len({pause_s(5) for _ in range(20)}) > 1
    assert pause_s(1, 30.0) == 30.0
    assert pause_s(1, 1e9) == LONGEST_ASKED_S
    assert judged(503, "30", "").asked_s == 30.0
    assert judged(503, "Wed, 21 Oct 2026 07:28:00 GMT", "").asked_s is None


# What is sent


def test_a_record_without_the_attributes_of_a_cloudevent_is_no_envelope() -> None:
    with pytest.raises(ValueError, match="no CloudEvent"):
        envelope(TailRecord(0, 0, 0, b"s", b"{}", ()), past=False)


def test_only_what_asks_for_a_contact_can_be_late() -> None:
    due = an_action(contact_by=RAISED_MS)
    assert past_contact_by(an_alert(action=due), RAISED_MS + 1)
    assert not past_contact_by(an_alert(action=due), RAISED_MS)
    assert not past_contact_by(an_alert(event="closed", action=None), RAISED_MS + 1)


def test_a_digest_is_short_begins_with_the_most_urgent_and_masks_numbers() -> None:
    alerts = [an_alert(alert_id=f"{number:032x}", priority=float(number)) for number in range(25)]
    written = DigestWriter("en", SHANGHAI).write(alerts)
    lines = written.body.splitlines()
    assert written.title == "tianhe-03: 25 alerts"
    assert (len(lines), lines[-1]) == (21, "and 5 more")
    assert f"{24:032x}"[:8] in lines[0]
    assert NUMBER not in written.body
    assert "138****8000" in lines[0]
    assert DigestWriter("en", SHANGHAI).write(alerts[:1]).title == "tianhe-03: 1 alert"
    assert DigestWriter("zh", SHANGHAI).write(alerts[:2]).title == "tianhe-03：2条预警"


# Metrics


def test_every_series_is_there_before_anything_has_happened() -> None:
    metrics = Metrics.parse(generate_latest(RelayMetrics(["crm"], ["desk"]).registry).decode())
    for name in ("delivered_total", "left_out_total", "past_contact_by_total", "missed_total", "lag_records"):
        assert [metrics.value(f"relay_{name}", endpoint=each) for each in ("crm", "desk")] == [0, 0], name
    assert metrics.value("relay_digests_total", endpoint="desk") == 0
    assert metrics.value("relay_parked_total", endpoint="crm", reason="refused") == 0
    assert metrics.value("relay_failed_attempts_total", endpoint="desk", reason="service") == 0


# The command


def test_help_says_how_and_shows_no_secret() -> None:
    result = CliRunner().invoke(
        holdfast, ["relay", "--help"], env={"HOLDFAST_RELAY_SECRET": KEY, "HOLDFAST_RELAY_TO": f"https://x/{TOKEN}"}
    )
    assert result.exit_code == 0
    for word in ("--dry-run", "--notify", "webhook-id", "churn.parked.v1", "HOLDFAST_RELAY_SECRET", "Exit codes"):
        assert word in result.output, word
    assert KEY not in result.output
    assert TOKEN not in result.output
    assert "--relay-secret" not in result.output


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_config_show_hides_urls_and_keys(form: list[str]) -> None:
    secrets = {"HOLDFAST_RELAY_SECRET": KEY, "HOLDFAST_RELAY_TO": f"https://x/{TOKEN}", "HOLDFAST_RELAY_NOTIFY": TOKEN}
    result = CliRunner().invoke(holdfast, ["config", "show", *form], env=secrets)
    assert result.exit_code == 0
    assert KEY not in result.output
    assert TOKEN not in result.output
    assert result.output.count("********") == 3


def test_without_an_endpoint_or_a_key_it_says_what_to_give() -> None:
    assert "give --to or --notify" in said(refused())
    told = said(refused("--to", "https://crm.example.com/", HOLDFAST_RELAY_SECRET=""))
    assert "no key to sign with" in told
    assert "openssl rand" in told


def test_a_service_that_apprise_does_not_know_is_refused_without_its_address() -> None:
    told = said(refused("--notify", f"nonsense://{TOKEN}"))
    assert "nonsense://" in told
    assert TOKEN not in told


def test_a_condition_that_cannot_be_read_is_refused_at_the_start() -> None:
    assert "an alert has no rsk" in said(refused("--to", "https://crm.example.com/", "--where", "rsk > 1"))


def test_a_time_that_cannot_be_read_is_refused() -> None:
    assert "--from yesterdayish is no time" in said(
        refused("--to", "https://crm.example.com/", "--from", "yesterdayish")
    )


@pytest.mark.parametrize("library", ["cloudevents.core", "apprise"])
def test_a_missing_library_says_what_to_install(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    told = said(refused("--notify", "json://127.0.0.1/"))
    assert library.partition(".")[0] in told
    assert "pip install 'holdfast[relay]'" in told


@pytest.mark.parametrize(
    "url",
    [
        "dingtalk://token",
        "wecombot://botkey12345",
        "feishu://token",
        "slack://TokenAAAAAAA/BBBBBBBBB/CCCCCCCCCCCCCCCCCCCCCCCC/#general",
        "mailtos://user:pass@example.com",
    ],
)
def test_apprise_knows_the_services_that_help_names(url: str) -> None:
    (endpoint,) = chats([url])
    assert len(service(endpoint)) == 1


def test_the_receivers_example_of_the_docs_verifies_what_is_sent() -> None:
    text = (Path(__file__).parents[3] / "deploy" / "docs" / "relay.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {}
    exec(textwrap.dedent(block.rstrip(" ")), names)  # noqa: S102 - what a reader would paste
    now = int(time.time())
    headers = signed(signing_keys(f"whsec_{base64.b64encode(b'old' * 10).decode()} {KEY}"), "a:1", now, b"{}")
    assert names["is_ours"](headers, b"{}", KEY)
    assert not names["is_ours"](headers, b"[]", KEY)
    assert not names["is_ours"](headers, b"{}", "whsec_" + base64.b64encode(b"other" * 6).decode())
    assert not names["is_ours"](signed(signing_keys(KEY), "a:1", now - 600, b"{}"), b"{}", KEY)


# Lag


class StuckRoute(Route):
    """A route without work; of the topic it sees what the test says."""

    async def step(self) -> None: ...

    async def finish(self) -> None: ...

    async def drop_work(self) -> None: ...

    def oldest(self) -> Mapping[int, TailRecord]:
        return self.held

    def __init__(self, at: int) -> None:
        wanted = Wanted({}, "", "g", "now", AlertFilter, fail_at(None), lambda: 90_000)
        super().__init__(webhooks(["crm=https://crm.example.com/"])[0], wanted, RelayMetrics(["crm"], []))
        self.held: dict[int, TailRecord] = {}
        self.subscription = SimpleNamespace(  # type: ignore[assignment]
            partitions=frozenset({0}), reached=self._reached
        )
        self._at = at

    async def _reached(self, _: int) -> int:
        return self._at

    def lag(self) -> tuple[float, float]:
        metrics = Metrics.parse(generate_latest(self.metrics.registry).decode())
        records, seconds = (metrics.value(f"relay_lag_{what}", endpoint="crm") for what in ("records", "seconds"))
        assert records is not None
        assert seconds is not None
        return records, seconds


async def test_a_client_that_gives_nothing_although_there_is_something_ends_the_relay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    route = StuckRoute(5)
    await route.measure({(ALERTS, 0): 9})
    assert route.lag() == (4, 0)
    monkeypatch.setattr("app.relay.route.PATIENCE_S", -1.0)  # the minute is over
    with pytest.raises(NoAnswerError, match="nothing to read"):
        await route.measure({(ALERTS, 0): 9})
    await StuckRoute(9).measure({(ALERTS, 0): 9})
    working = StuckRoute(9)
    working.held[0] = TailRecord(0, 3, 60_000, b"s", b"{}", ())
    await working.measure({(ALERTS, 0): 9})
    assert working.lag() == (6, 30), "an endpoint that is away is no stuck client"
