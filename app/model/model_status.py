"""State of the models as read from the topics: the served one, since when, the learner's last report."""

from __future__ import annotations

import asyncio
from typing import Any, Literal, NamedTuple

import msgspec

from app.config.operator_files import frozen_model
from app.config.options import talking_to
from app.config.settings import Settings
from app.errors import no_topic
from app.model.tier_alerts import TierAlerts
from models.analysis.daily_segments import Night
from models.learning.report import LearnerReport
from models.scoring.prior import prior
from models.scoring.snapshot import Snapshot
from streams.kafka.topic_tail import TopicMissingError
from streams.model_topic.versions import REPORT, ModelVersions, read_versions

Origin = Literal["file", "topic", "shipped"]


class ModelStatus(NamedTuple):
    """The served model, the versions in the topic, and the learner's last report and segments.

    Attributes
    ----------
    since_ms
        When the served model was published; None if it does not come from the topic.
    report, night
        The learner's last report and segments; None if there is none, or it is of another release.
    alerts
        Counts of the tier alerts in the topics.
    """

    served: Snapshot
    origin: Origin
    since_ms: int | None
    versions: ModelVersions
    report: LearnerReport | None
    night: Night | None
    alerts: TierAlerts = TierAlerts()


def read_models(settings: Settings) -> ModelVersions:
    """Everything in the models topic, read without joining a consumer group.

    Raises
    ------
    app.errors.Refused
        If there is no such topic, or no broker answers.
    """
    with talking_to(settings):
        try:
            return asyncio.run(read_versions(settings.kafka_client_kwargs(), settings.topic_prefix))
        except TopicMissingError as missing:
            raise no_topic(missing) from None


def status_of(settings: Settings, versions: ModelVersions) -> ModelStatus:
    """The state for workers with these settings."""
    newest, raw = versions.newest, versions.own.get(REPORT)
    report = None if raw is None else _report(raw)
    if settings.model is not None:
        return ModelStatus(frozen_model(settings.model), "file", None, versions, report, versions.night)
    if newest is not None:
        return ModelStatus(newest.snapshot, "topic", newest.ts, versions, report, versions.night)
    return ModelStatus(prior(), "shipped", None, versions, report, versions.night)


def _report(raw: bytes) -> LearnerReport | None:
    try:
        return msgspec.json.decode(raw, type=LearnerReport)
    except msgspec.MsgspecError:
        return None


def as_json(found: ModelStatus) -> dict[str, Any]:
    """The state as plain data; times in ms."""
    served = found.served
    return {
        "served": {
            "version": served.version,
            "origin": found.origin,
            "since": found.since_ms,
            "base_rate": served.base_rate,
            "watermark": served.watermark,
            "river_version": served.river_version,
            "catalogue": served.catalogue_hash,
            "features": len(served.curves),
            "provenance": msgspec.to_builtins(served.provenance),
        },
        "versions": [
            {
                "version": each.snapshot.version,
                "published": each.ts,
                "offset": each.offset,
                "base_rate": each.snapshot.base_rate,
                "provenance": msgspec.to_builtins(each.snapshot.provenance),
            }
            for each in found.versions
        ],
        "refused": [
            {"version": each.version, "offset": each.offset, "reason": each.reason, "detail": each.detail}
            for each in found.versions.refused.values()
        ],
        "tier_alerts": found.alerts._asdict(),
        "report": msgspec.to_builtins(found.report),
        "night": msgspec.to_builtins(found.night),
    }
