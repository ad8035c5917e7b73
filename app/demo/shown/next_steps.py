"""Commands to try next, with an alert id that exists."""

from __future__ import annotations

from app.demo.scene import Scene
from app.demo.stage import PREFIX


def export(scene: Scene) -> str:
    """Shell line that points the other commands at the demonstration's Kafka."""
    return f"export HOLDFAST_BROKERS={scene.brokers} HOLDFAST_TOPIC_PREFIX={PREFIX}"


def commands(scene: Scene) -> list[str]:
    """Three commands; the second appears with the first alert, whose id it needs."""
    shown = scene.card or scene.first_alert
    show = [f"holdfast alerts show {shown.alert_id[:8]}"] if shown is not None else []
    return ["holdfast alerts tail", *show, "holdfast dlq list"]
