"""Checks that need no broker: disk, policy, and the embedded Kafka's Java."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psutil

from app.config.operator_files import policy_of_file
from app.config.settings import Settings
from app.doctor.finding import Finding
from app.errors import Refused
from streams.embedded_kafka.broker_error import BrokerError
from streams.embedded_kafka.broker_home import BrokerHome
from streams.embedded_kafka.broker_settings import BrokerSettings
from streams.embedded_kafka.java import find_java

_LEAST_BYTES: Final = 1 << 30
_LEAST_SHARE: Final = 0.1


def on_this_machine(settings: Settings) -> list[Finding]:
    """Every check that needs no broker."""
    broker = BrokerSettings.from_environment()
    home = BrokerHome(broker.state / "kafka")
    resident = home.resident()
    embedded = resident is not None and resident.bootstrap in settings.brokers
    found = [disk(home.directory if embedded else broker.cache, embedded=embedded), policy(settings)]
    return [*found, java(broker)] if embedded else found


def disk(folder: Path, *, embedded: bool) -> Finding:
    """Free space in a folder: that of the compiled code, or that of the embedded Kafka's data."""
    while not folder.exists():
        folder = folder.parent
    usage = psutil.disk_usage(str(folder))
    said = f"{usage.free / 1e9:.1f} GB free at {folder}" + (
        "" if embedded else "; the broker's own disk is not checked"
    )
    if usage.free < _LEAST_BYTES:
        return Finding("disk", "fail", said, "make room: Kafka stops when its disk is full")
    if usage.free < _LEAST_SHARE * usage.total:
        return Finding("disk", "warn", said, "make room: less than a tenth is left")
    return Finding("disk", "ok", said)


def policy(settings: Settings) -> Finding:
    """Whether a worker that was started here could read its policy file."""
    try:
        found = policy_of_file(settings.policy, settings.base_rate)
    except Refused as error:
        return Finding("policy", "fail", error.message, "; ".join(error.advice))
    said = (
        f"{found.version} of {settings.policy}" if settings.policy else "the newest on the topic, else the shipped one"
    )
    return Finding("policy", "ok", f"{said}; base rate {found.base_rate:g}")


def java(settings: BrokerSettings) -> Finding:
    """The Java of the embedded Kafka."""
    try:
        found = find_java(settings.java)
    except BrokerError as error:
        return Finding("java", "fail", str(error), "pip install 'holdfast[demo]'")
    return Finding("java", "ok", f"{found.release} at {found.path}")
