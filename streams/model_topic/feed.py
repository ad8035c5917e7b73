"""Model feed of a worker: the models topic, read before the first event and followed from then on.

A refused model is counted and logged, and the last good one stays in force. Lanes ask for :attr:`ModelFeed.snapshot`
between transactions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec
import structlog
from msgspec import Struct

from models.scoring.snapshot import Snapshot
from streams.kafka.followed_topic import FollowedRecord, FollowedTopic
from streams.model_topic.versions import REPORT, ModelVersions, Refusal, RefusedModel
from streams.records.topics import MODELS

log = structlog.get_logger(__name__)

_NAN: Final = float("nan")


class ModelReport(Protocol):
    """Port for metrics of the feed. No method may block or raise."""

    def serving(self, version: str) -> None:
        """Called when a model comes into force for all lanes of the worker, also for the first one."""

    def model_refused(self, reason: Refusal) -> None:
        """Called for each record whose model cannot be served."""

    def model_quality(self, roc_auc: float, lift: float, calibration_error: float) -> None:
        """Called when the learner has reported the quality of the served risks; NaN where not known."""


class _Value(Struct):
    value: float


class _Figures(Struct):
    roc_auc: _Value | None = None
    lift_top_decile: float | None = None
    ece: float | None = None


class _Quality(Struct):
    served: _Figures


class _Said(Struct):
    """The part of the learner's report that a worker reads; the rest may be of another release."""

    quality: _Quality


class ModelFeed(FollowedTopic):
    """A worker's models.

    Parameters
    ----------
    shipped
        Model served while the topic has none.

    Attributes
    ----------
    snapshot
        Model in force; another object for another model.
    """

    def __init__(self, client: Mapping[str, Any], prefix: str, shipped: Snapshot, report: ModelReport) -> None:
        super().__init__(client, prefix + MODELS, "models")
        self.snapshot = shipped
        self._shipped = shipped
        self._report = report
        self._versions = ModelVersions()
        self._told: bytes | None = None

    def _take(self, batch: Sequence[FollowedRecord]) -> None:
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
        newest = self._versions.newest
        snapshot = self._shipped if newest is None else newest.snapshot
        if snapshot is self.snapshot and self.read_whole:
            return
        self.snapshot = snapshot
        self._report.serving(snapshot.version)
        log.info("model_serving", version=snapshot.version, offset=None if newest is None else newest.offset)
