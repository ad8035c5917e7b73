"""Runs the demonstration: reads what the worker commits, updates the scene, and acts on keys."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import aclosing
from typing import Any, Final

import aiohttp
import msgspec

from app.demo.child import Child, JsonLines
from app.demo.clocks import Recovery
from app.demo.feed import FeedOrder
from app.demo.front_desk import ANSWERS, VIEWER, Answered
from app.demo.operator import simulated_policy
from app.demo.scene import Scene
from app.demo.stage import INPUTS, PARTITIONS, PREFIX, Stage
from app.demo.vitals import scrape
from app.orders.order_book import as_order
from app.process.full_screen import QUIT
from app.publishing.publisher import publish
from app.publishing.record import TimedRecord
from app.simulator.front_line import FrontLine, feedback
from app.simulator.stories import STORIES, story
from models.contract.breaches import Heard
from models.contract.events import FeedbackStatus
from models.contract.policy import Policy
from models.desk.capacity import UnitDay
from models.desk.state_records import OfPerson, OfUnit
from models.desk.state_records import read as desk_state
from streams.desk import desk_position
from streams.desk.desk_position import POSITION_KEY
from streams.kafka.broker_view import BrokerView
from streams.kafka.topic_tail import TailRecord, as_alert, tail
from streams.policy_topic import publish_policy
from streams.records.lane_history import read
from streams.records.topics import ALERTS, BREACHES, DESK_STATE, HISTORY, SUPPRESSIONS, WORK_ORDERS

_LOOK_S: Final = 0.25
_WORK_S: Final = 0.1
"""The front line's step: one minute of simulated time."""
_HEARD: Final = msgspec.json.Decoder(Heard)
_DEATHS: Final = 3
"""Unexpected ends of a worker after which another restart would only hide the fault."""


class Show:
    """Runs the demonstration on a stage.

    Parameters
    ----------
    order
        Order of the simulated population's feed.
    scene
        Updated while :meth:`run` runs.
    played
        Whether there is a keyboard: then the simulated front line leaves the card's order to the viewer.
    """

    def __init__(self, stage: Stage, order: FeedOrder, scene: Scene, *, played: bool) -> None:
        self.scene: Final = scene
        self._stage = stage
        self._order = order
        self._played = played
        self._line = FrontLine(order.seed)
        self._stop = asyncio.Event()
        self._all_open = asyncio.Event()
        self._acts: set[asyncio.Task[None]] = set()
        self._told: JsonLines | None = None
        self._spoken = JsonLines(stage.directory / "worker.log")
        self._metrics: str | None = None
        self._last_story_ms = 0
        self._answers = 0

    def stop(self) -> None:
        """Let :meth:`run` end in an orderly way."""
        self._stop.set()

    async def run(self, seconds: float | None, front: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Show until stopped, or for `seconds` from the worker's start.

        Parameters
        ----------
        front
            Draws the scene until it is cancelled.

        Raises
        ------
        app.demo.child.ChildError
            If a child ended early; with the end of its log.
        """
        await self._stage.set_topics()
        self._start_worker()
        # The worker reads it before it opens a lane, and takes longer to start than this write.
        await publish_policy(self._stage.client, PREFIX, simulated_policy(self._order.live_ms), None, 0)
        tasks = [
            asyncio.create_task(act())
            for act in (
                self._history,
                self._breaches,
                self._desk,
                self._alerts,
                self._suppressions,
                self._orders,
                self._front_line,
                self._watch,
                self._open,
                front,
            )
        ]
        ending = asyncio.create_task(self._ending(seconds))
        try:
            while not ending.done():
                done, _ = await asyncio.wait({*tasks, *self._acts, ending}, return_when=asyncio.FIRST_COMPLETED)
                for task in done - {ending}:
                    task.result()  # raises the error that ended it
                    self._acts.discard(task)
                    tasks = [each for each in tasks if each is not task]
        finally:
            acts = [*tasks, *self._acts, ending]
            for task in acts:
                task.cancel()
            await asyncio.gather(*acts, return_exceptions=True)

    async def _ending(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return

    def press(self, key: str) -> None:
        """Act on a key; unknown keys do nothing."""
        if key == QUIT:
            self.stop()
        elif key == "k":
            self._act(self._kill())
        elif key.isdecimal() and int(key) in STORIES:
            self._act(self._tell(int(key)))
        elif key in ANSWERS:
            self._act(self._answer(ANSWERS[key]))

    def _act(self, act: Coroutine[Any, Any, None]) -> None:
        self._acts.add(asyncio.create_task(act))

    # Committed records; reading earlier would only take time from the compiler

    async def _history(self) -> None:
        async for record in self._records(HISTORY):
            self.scene.tally.transaction(read(record.value))
            if self.scene.tally.openings >= PARTITIONS:
                self._all_open.set()

    async def _alerts(self) -> None:
        async for record in self._records(ALERTS):
            alert = as_alert(record.value)
            if alert is not None:
                self.scene.saw(alert, time.monotonic())

    async def _suppressions(self) -> None:
        async for record in self._records(SUPPRESSIONS):
            withheld = json.loads(record.value or b"{}")
            self.scene.suppressions[withheld.get("reason", "?")] += 1
            self.scene.passed.withheld(withheld.get("alert_id", ""), withheld.get("decision_id", ""))
            self.scene.watch.withheld(withheld.get("subscriber_id"), withheld.get("reason", "?"), time.monotonic())

    async def _orders(self) -> None:
        await self._all_open.wait()
        async for record in self._records(WORK_ORDERS):
            order = as_order(record.value)
            if order is not None:
                self.scene.ordered(order, record.value or b"", time.monotonic())
                self._line.hear(order)

    async def _breaches(self) -> None:
        await self._all_open.wait()
        async for record in self._records(BREACHES):
            self.scene.passed.breach(record.offset, _HEARD.decode(record.value or b""))

    async def _desk(self) -> None:
        scene = self.scene
        await self._all_open.wait()
        async for record in self._records(DESK_STATE):
            if record.key == POSITION_KEY and record.value is not None:
                scene.passed.position(desk_position.decode(record.value).next_offset)
                continue
            match desk_state(record.key or b"", record.value):
                case OfPerson(person, file):
                    scene.passed.person(person, file)
                case OfUnit(unit, day, done):
                    scene.desk.days[unit, day] = done or UnitDay()
                case Policy() as policy:
                    scene.desk.govern(policy)
                    self._line.windows = policy.contact
                case _:
                    pass  # its time, and the effect of contacts

    async def _records(self, topic: str) -> AsyncIterator[TailRecord]:
        async with aclosing(tail(self._stage.client, PREFIX + topic, from_beginning=True, follow=True)) as records:
            async for record in records:
                yield record

    # Progress

    async def _open(self) -> None:
        """Start the population only when every lane is open.

        A lane first catches up on the records that are there when it opens, and the show begins after that.
        """
        await self._all_open.wait()
        self._stage.start_feed(self._order)
        self._told = JsonLines(self._stage.directory / "simulator.log")
        self.scene.phase = "past"
        self.scene.open_s = round(time.monotonic() - self.scene.began, 1)

    async def _front_line(self) -> None:
        """Let the simulated front line give the feedback due by the time that the worker has reached."""
        scene = self.scene
        while True:
            now, followed = scene.event_ms, scene.followed
            mine = followed.newest.order_id if followed is not None and self._played and scene.phase == "live" else None
            said = [] if now is None else self._line.due(now, spared=mine)
            if said:
                await publish(said, self._stage.client, PREFIX)
            await asyncio.sleep(_WORK_S)

    async def _watch(self) -> None:
        view = BrokerView(self._stage.client, PREFIX)
        async with aiohttp.ClientSession() as session:
            try:
                while True:
                    self._look_after_children()
                    bounds = await view.bounds(INPUTS)
                    if bounds is not None:
                        self.scene.look(time.monotonic(), self.scene.tally.lag(bounds[1]))
                    self.scene.tick(time.monotonic())
                    vitals = await scrape(session, self._metrics) if self._metrics else None
                    if vitals is not None:
                        self.scene.follow(vitals)
                    await asyncio.sleep(_LOOK_S)
            finally:
                await view.close()

    def _look_after_children(self) -> None:
        stage, scene = self._stage, self.scene
        if not stage.broker.is_running():
            raise stage.obituary()
        for line in self._spoken.new():
            self._metrics = line.get("metrics", self._metrics)
        if self._told is not None:
            for line in self._told.new():
                scene.simulated_ms = line.get("simulated_ms", scene.simulated_ms)
                if "ended" in line:
                    scene.phase = "ended"
        if scene.phase == "past" and (scene.event_ms or 0) >= scene.live_ms:
            scene.phase = "live"
        if stage.feed is not None and stage.feed.code():
            raise stage.feed.obituary()
        if stage.worker is not None and stage.worker.code() is not None:
            self._bury(stage.worker)

    def _bury(self, worker: Child) -> None:
        """Restart a worker that ended by itself, as a supervisor would; only some times, and only if it had run."""
        self.scene.deaths += 1
        if self.scene.deaths > _DEATHS or self.scene.phase == "starting":
            raise worker.obituary()
        self._start_worker()

    def _start_worker(self) -> None:
        self._metrics = None
        self._stage.start_worker()

    # Keys

    async def _kill(self) -> None:
        """Kill the worker as a crash would, and start another at once."""
        scene, worker = self.scene, self._stage.worker
        if worker is None or scene.phase == "starting" or (scene.kills and scene.kills[-1].reopened_s is None):
            scene.say("k", time.monotonic())
            return
        scene.kills.append(Recovery(time.monotonic(), scene.tally.openings, scene.lag, PARTITIONS))
        worker.kill()
        self._start_worker()

    async def _tell(self, number: int) -> None:
        """Write a story that ends at the population's present; its clock starts when the last event is handed over."""
        scene = self.scene
        if scene.simulated_ms is None:
            scene.say("story", time.monotonic())
            return
        self._last_story_ms = max(scene.simulated_ms, self._last_story_ms + 1)
        records = story(number, None, self._last_story_ms)
        who = records[0].subscriber_id

        def handed_over() -> Iterator[TimedRecord]:
            yield from records[:-1]
            scene.watch.start(number, who, time.monotonic())
            yield records[-1]

        await publish(handed_over(), self._stage.client, PREFIX)

    async def _answer(self, status: FeedbackStatus) -> None:
        """Feed back on the alert of the card; the clock of its order starts when the feedback is handed over."""
        scene, followed = self.scene, self.scene.followed
        past = scene.simulated_ms is None or scene.phase == "past"
        if past or scene.card is None or followed is None or not followed.open:
            scene.say("answer", time.monotonic())
            return
        order = followed.newest
        self._answers += 1
        said = f"viewer-{order.order_id}-{self._answers}"
        ts = max(scene.simulated_ms or 0, order.ts)
        record = feedback(said, order, status, VIEWER, ts, scene.card.alert_id)

        def handed_over() -> Iterator[TimedRecord]:
            scene.desk.answered = Answered(order.order_id, status, time.monotonic())
            yield record

        await publish(handed_over(), self._stage.client, PREFIX)
