"""The models as a worker gets them: read whole before its first event, and followed from then on.

Without a group, so that every worker sees every model and nobody's offsets move. A model that is refused is counted and
told, and the last good one stays. Lanes ask for :attr:`ModelFeed.scorer` between transactions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

import aiokafka
import msgspec
import structlog
from aiokafka import TopicPartition
from msgspec import Struct

from models.scoring.scorer import Scorer
from models.scoring.snapshot import Snapshot
from streams.cluster.partition_read import chunks, reader
from streams.cluster.retries import patient
from streams.model_topic.versions import REPORT, ModelVersions, Refusal, RefusedModel
from streams.records.topics import MODELS

log = structlog.get_logger(__name__)

_POLL_MS: Final = 1_000
_NAN: Final = float("nan")


class ModelReport(Protocol):
    """Who counts. No method may block or raise."""

    def serving(self, version: str) -> None:
        """When a model comes into force for all lanes of the worker, the first one included."""

    def model_refused(self, reason: Refusal) -> None:
        """For each record that is no model to serve."""

    def model_quality(self, roc_auc: float, lift: float, calibration_error: float) -> None:
        """When the learner has said how good the served risks were; NaN for what it does not know."""


class _Value(Struct):
    value: float


class _Figures(Struct):
    roc_auc: _Value | None = None
    lift_top_decile: float | None = None
    ece: float | None = None


class _Quality(Struct):
    served: _Figures


class _Said(Struct):
    """What a worker takes from the learner's report; the rest may be of another release."""

    quality: _Quality


class ModelRecord(NamedTuple):
    """What of a record of the topic counts."""

    key: bytes | None
    value: bytes | None
    offset: int
    timestamp: int


class ModelFeed:
    """See the module; :meth:`read` once, then :meth:`follow` until cancelled, then :meth:`close`.

    Parameters
    ----------
    client
        aiokafka's arguments: bootstrap servers and security.
    shipped
        Served while the topic has none.
    base_rate
        The operator's, to which every model is shifted.

    Attributes
    ----------
    scorer
        In force now; another object when another model is.
    """

    def __init__(
        self, client: Mapping[str, Any], prefix: str, shipped: Snapshot, base_rate: float, report: ModelReport
    ) -> None:
        self.scorer = Scorer(shipped, base_rate)
        self.read_whole = False
        self._client = client
        self._tp = TopicPartition(prefix + MODELS, 0)
        self._shipped = shipped
        self._base_rate = base_rate
        self._report = report
        self._versions = ModelVersions()
        self._told: bytes | None = None
        self._consumer: aiokafka.AIOKafkaConsumer | None = None

    async def read(self) -> None:
        """Read what is there; after this returns :attr:`scorer` is the newest of it.

        Raises
        ------
        streams.cluster.partition_read.RestoreStalledError
            If there is more, and for a minute nothing comes.
        streams.cluster.retries.NoAnswerError
            If for a minute no try has succeeded.
        """
        await patient(self._read, "the models", takes_long=True)

    async def _read(self) -> None:
        await self.close()
        self._consumer = consumer = reader(self._client)
        await consumer.start()
        consumer.assign([self._tp])
        end = (await consumer.end_offsets([self._tp]))[self._tp]
        log.info("models_reading", topic=self._tp.topic, end=end)
        async for batch in chunks(consumer, self._tp, end, lambda _: None):
            self._take(batch)
        self._serve()
        self.read_whole = True

    async def follow(self) -> None:
        """Take up what comes, for ever; whatever this raises ends the worker, which would serve an old model."""
        while True:
            batch = await patient(self._poll, "the models", takes_long=True)
            if batch:
                self._take(batch)
                self._serve()

    async def _poll(self) -> list[ModelRecord]:
        if self._consumer is None:
            raise RuntimeError("the models were not read")
        found: list[ModelRecord] = (await self._consumer.getmany(self._tp, timeout_ms=_POLL_MS)).get(self._tp, [])
        return found

    async def close(self) -> None:
        """Let the connection go."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    def _take(self, batch: list[ModelRecord]) -> None:
        for record in batch:
            found = self._versions.take(record.key, record.value, record.offset, record.timestamp)
            if isinstance(found, RefusedModel):
                self._report.model_refused(found.reason)
                log.warning(
                    "model_refused",
                    version=found.version,
                    offset=found.offset,
                    reason=found.reason,
                    detail=found.detail,
                )
        self._tell_quality()

    def _tell_quality(self) -> None:
        raw = self._versions.own.get(REPORT)
        if raw is None or raw is self._told:
            return
        self._told = raw
        try:
            served = msgspec.json.decode(raw, type=_Said).quality.served
        except msgspec.MsgspecError as error:
            log.warning("report_unreadable", topic=self._tp.topic, error=str(error))
            return
        auc = _NAN if served.roc_auc is None else served.roc_auc.value
        self._report.model_quality(
            auc,
            _NAN if served.lift_top_decile is None else served.lift_top_decile,
            _NAN if served.ece is None else served.ece,
        )

    def _serve(self) -> None:
        """Take the newest into force; once a batch, so that models long superseded never are."""
        newest = self._versions.newest
        snapshot = self._shipped if newest is None else newest.snapshot
        if snapshot is not self.scorer.snapshot:
            self.scorer = Scorer(snapshot, self._base_rate)
        elif self.read_whole:
            return
        self._report.serving(snapshot.version)
        log.info("model_serving", version=snapshot.version, offset=None if newest is None else newest.offset)
