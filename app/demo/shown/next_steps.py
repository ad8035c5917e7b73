"""The commands with which a visitor goes on: such as exist, with an id that is there."""

from __future__ import annotations

from app.demo.scene import Scene
from app.demo.stage import PREFIX


def export(scene: Scene) -> str:
    """What makes the other commands find the demonstration's Kafka."""
    return f"export HOLDFAST_BROKERS={scene.brokers} HOLDFAST_TOPIC_PREFIX={PREFIX}"


def commands(scene: Scene) -> list[str]:
    """Three commands; the second needs an alert and comes with the first one."""
    shown = scene.card or scene.first_alert
    show = [f"holdfast alerts show {shown.alert_id[:8]}"] if shown is not None else []
    return ["holdfast alerts tail", *show, "holdfast dlq list"]
