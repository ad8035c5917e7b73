"""How many modules one record passes: a reader who follows it must hold that many in their head.

A record goes through the real objects, after others of its kind, so that no import and no first use counts. A module
counts if a function of it runs; what is compiled is one module, however many parts it is made of. The bounds are what
is reached today: a module can be added to a path only when another one is taken out.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

import msgspec
import pytest
from support.detecting import HOUR, MINUTE, ROOMY, START, event, snapshot

import planted
from app.learner.metrics import LearnerMetrics
from app.learner.process import LearnerRun
from models.contract.breaches import Governed, Heard, Joined, Mark
from models.contract.events import SITE_VISITS, SUBSCRIBERS
from models.desk.desk import DeskFold
from models.desk.lanes.lane_times import Written
from models.detection.detector import Detector
from models.learning.learner import Learner, LearnerSettings
from models.scoring.rehearsal import rehearse
from models.scoring.scorer import Scorer
from streams.kafka.transaction import WrittenTo
from streams.lanes import lane as lanes
from streams.lanes.detection_fold import DetectionFold
from streams.lanes.ledger import LaneLogs, Ledger
from streams.lanes.ports import Fetch, LaneSpec
from streams.model_topic.learner_topics import LearnerTopics
from streams.records.record_columns import InputRecord, Records
from streams.records.topics import BREACHES, HISTORY, INPUT_TOPICS, MODELS, RANK, STATE

ROOT: Final = Path(__file__).resolve().parents[2]
COMPILED: Final = "models/kernel/compiled.py"
QUIET_VISIT: Final = 22
BREACHING_VISIT: Final = 31
BREACH_AT_THE_DESK: Final = 19
EXAMPLE: Final = 8
PUBLISHING_EXAMPLE: Final = 27
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(autouse=True, scope="module")
def compiled() -> None:
    """Compile first: watched, that would take minutes."""
    rehearse()


class Passed:
    """The modules in which a function ran."""

    def __init__(self) -> None:
        self.modules: set[str] = set()

    def __call__(self, frame: FrameType, what: str, _: object) -> None:
        name = frame.f_code.co_filename
        if what == "call" and frame.f_code.co_name != "<module>" and name.startswith(str(ROOT)):
            module = Path(name).relative_to(ROOT)
            if module.parts[0] in ("app", "streams", "models"):
                self.modules.add(module.as_posix())

    def begin(self) -> None:
        """Forget what ran, and watch from here on."""
        self.modules = {COMPILED}
        sys.setprofile(self)

    def end(self) -> None:
        """Watch no longer."""
        sys.setprofile(None)


@contextmanager
def watched() -> Iterator[Passed]:
    """The modules passed inside."""
    passed, before = Passed(), sys.getprofile()
    passed.begin()
    try:
        yield passed
    finally:
        sys.setprofile(before)


def at_most(bound: int, modules: set[str]) -> None:
    """What was reached is the bound; a smaller number is a reason to lower it."""
    assert len(modules) <= bound, f"{len(modules)} modules, not {bound}:\n" + "\n".join(sorted(modules))


class Producer:
    """Takes what a lane has ready to write, and ends the watch."""

    def __init__(self, passed: Passed) -> None:
        self.records: list[Any] = []
        self.written = asyncio.Event()
        self._passed = passed

    async def write(self, records: Iterable[Any], state: Sequence[Any] = ()) -> dict[str, WrittenTo]:
        self._passed.end()
        self.records = list(records)
        self.written.set()
        return {topic: WrittenTo(0, None) for topic in (STATE, HISTORY, MODELS)}


class Place:
    """A cluster whose topics hold what was offered."""

    generation = 1

    def __init__(self) -> None:
        self.ends = {topic.name: 0 for topic in INPUT_TOPICS}

    async def logs(self) -> LaneLogs:
        return LaneLogs(dict.fromkeys(self.ends, "id"), dict.fromkeys(self.ends, 0), dict(self.ends), {})

    async def seek(self, offsets: Mapping[str, int]) -> Mapping[str, int]:
        return dict.fromkeys(offsets, 0)

    def stable(self, topic: str, epoch: int) -> int:
        return self.ends[topic]


class Unread:
    """Metrics and nights that nobody reads."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None

    async def made(self) -> None: ...


class OpenLane:
    """A lane that is open and takes one record after the other."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed = Passed()
        self._producer = Producer(self.passed)
        self._now = 0
        self._place = Place()
        spec = LaneSpec(prefix="", group="g", partitions=1, client={}, report=Unread(), wall_s=lambda: self._now / 1000)
        self._lane = lanes.Lane(0, spec, self._place)
        self._patch = monkeypatch

    async def __aenter__(self) -> OpenLane:
        fold = DetectionFold(Detector(Scorer(snapshot(), ROOMY.base_rate), ROOMY, 0), "g")

        async def fence(*_: object) -> Producer:
            return self._producer

        async def restored(*_: object) -> lanes.OpenedState:
            return lanes.OpenedState(fold, Ledger("g", 1, {}, {}, clock={"watermark": START}), 0)

        self._patch.setattr(lanes.opening, "fence", fence)
        self._patch.setattr(lanes.opening, "restored", restored)
        await self._lane.open(lambda: fold, None)
        self._running = asyncio.create_task(self._lane.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running

    async def take(self, topic: str, body: Any) -> None:
        """Offer a record as it is fetched, and wait until its transaction is ready to write."""
        self._now = body.ts + 1_000
        offset = self._place.ends[topic]
        self._place.ends[topic] += 1
        value = {name: said for name, said in msgspec.to_builtins(body).items() if said is not None}
        record = InputRecord(offset, body.ts, body.subscriber_id.encode(), msgspec.json.encode(value))
        self._producer.written.clear()
        self.passed.begin()
        self._lane.offer(topic, Fetch(0, offset, offset + 1, [Records.of([record], RANK[topic])]))
        waiting = asyncio.create_task(self._producer.written.wait())
        await asyncio.wait({waiting, self._running}, return_when=asyncio.FIRST_COMPLETED, timeout=60)
        self.passed.end()
        assert waiting.done(), self._running

    def heard(self) -> list[Heard]:
        """What the last transaction tells the desk."""
        written = self._producer.records
        return [msgspec.json.decode(value, type=Heard) for topic, _, value, _ in written if topic == BREACHES]


class Visits(NamedTuple):
    """Modules that a visit passes which raises nothing, those of one that does, and what the desk reads of it."""

    quiet: set[str]
    breaching: set[str]
    heard: list[Heard]


async def visits(monkeypatch: pytest.MonkeyPatch) -> Visits:
    """From the decoded Kafka batch to the records that are ready to write."""
    before, raising = sys.getprofile(), {"page": "number_portability", "dwell_s": 90}
    try:
        async with OpenLane(monkeypatch) as lane:
            for who in ("s-1", "s-2"):
                await lane.take(SUBSCRIBERS, event("profile", who, START + MINUTE))
                await lane.take(SITE_VISITS, event("visit", who, START + 2 * MINUTE))
            await lane.take(SITE_VISITS, event("visit", "s-1", START + 3 * MINUTE))
            quiet = lane.passed.modules
            assert not lane.heard()
            await lane.take(SITE_VISITS, event("visit", "s-2", START + 4 * MINUTE, **raising))
            await lane.take(SITE_VISITS, event("visit", "s-1", START + 5 * MINUTE, **raising))
            return Visits(quiet, lane.passed.modules, lane.heard())
    finally:
        sys.setprofile(before)


async def test_a_site_visit_passes_few_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    found = await visits(monkeypatch)
    at_most(QUIET_VISIT, found.quiet)
    at_most(BREACHING_VISIT, found.breaching)


async def test_its_breach_passes_few_modules_at_the_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = (await visits(monkeypatch)).heard
    log: list[Heard] = [Governed(policy=ROOMY), Joined(lane=0), Mark(lane=0, tick=START)]
    later: list[Heard] = [*heard, Mark(lane=0, tick=START + HOUR)]
    written = [Written(offset, START + HOUR, each) for offset, each in enumerate([*log, *later])]
    fold = DeskFold(1)
    fold.read(written[: len(log)], len(log))
    fold.apply()
    fold.take()
    with watched() as passed:
        fold.read(written[len(log) :], len(written))
        fold.apply()
        changes = fold.take()
    assert [placed.output.kind for placed in changes.outputs] == ["alert", "work_order"]
    at_most(BREACH_AT_THE_DESK, passed.modules - {COMPILED})


class Fetched(NamedTuple):
    """A record of the examples' topic."""

    offset: int
    value: bytes


async def test_an_example_passes_few_modules() -> None:
    """One that is measured, and the one after which a model is published, with its transaction."""
    settings = LearnerSettings(warm_rows=60, window=1_000, recent_rows=100)
    topics = LearnerTopics({}, "", "w")
    producer = Producer(Passed())
    topics._producer = producer  # type: ignore[assignment]
    unread: Any = Unread()
    run = LearnerRun(
        topics, settings, LearnerMetrics(), unread, checkpoint_s=1e9, accept_loss=False, fail_at=unread.ignored
    )
    run._learner = Learner(settings, planted.starting())
    told = planted.told(planted.examples(500, seed=2, strength=1.5, prompt=True))
    last, publishing = set[str](), list[set[str]]()
    for offset, each in enumerate(told):
        producer.records = []
        raw = Fetched(offset, msgspec.json.encode(each))
        with watched() as passed:
            await run._take(raw)
        if producer.records:
            publishing.append(passed.modules)
        last = passed.modules
    at_most(EXAMPLE, last)
    at_most(PUBLISHING_EXAMPLE, max(publishing[1:], key=len))
