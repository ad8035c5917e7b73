"""Settings of the embedded Kafka from the environment: directories, sources, limits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from streams.embedded_kafka.broker_error import BrokerError

_HEAP_MB: Final = 512
VARIABLES: Final = {
    "HOLDFAST_CACHE": "Directory of Kafka's jars, compiled code, and a kept broker's data.",
    "HOLDFAST_MAVEN_MIRROR": "Maven repository to fetch the jars from.",
    "HOLDFAST_BUNDLE": "Bundle to take the jars from, made by `holdfast bundle`.",
    "HOLDFAST_JAVA": "A java program, a Java home, or `bundled`.",
    "HOLDFAST_KAFKA_HEAP_MB": f"Java heap, in megabytes: 128 or more, {_HEAP_MB} by default.",
}
"""All variables read here, so that the check for unknown ``HOLDFAST_*`` names accepts them, and what each is."""

_PATIENCE_S: Final = 90.0
"""Kafka is ready in 3 to 7 s alone, and in 30 s on a machine busy with tests."""


class BrokerSettings(NamedTuple):
    """Paths, sources and limits of the embedded Kafka.

    ``cache`` holds what can be fetched again (the jars), ``state`` what cannot (the data of a kept broker);
    ``patience_s`` is the longest wait for a broker that does not answer.
    """

    cache: Path
    state: Path
    mirror: str | None = None
    bundle: Path | None = None
    java: str | None = None
    heap_mb: int = _HEAP_MB
    patience_s: float = _PATIENCE_S

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> BrokerSettings:
        """Read the settings once; ``HOLDFAST_CACHE`` moves jars and data together, so that one variable isolates a run.

        Examples
        --------
        >>> told = BrokerSettings.from_environment({"HOLDFAST_CACHE": "/big/disk", "HOLDFAST_JAVA": "bundled"})
        >>> told.cache.as_posix(), told.state.as_posix(), told.java, told.heap_mb
        ('/big/disk', '/big/disk/state', 'bundled', 512)
        """
        cache = cache_directory(environment)
        if environment.get("HOLDFAST_CACHE"):
            state = cache / "state"
        else:
            state = Path(environment.get("XDG_STATE_HOME") or _home(environment) / ".local" / "state") / "holdfast"
        bundle = environment.get("HOLDFAST_BUNDLE")
        return cls(
            cache=cache,
            state=state,
            mirror=environment.get("HOLDFAST_MAVEN_MIRROR") or None,
            bundle=Path(bundle).expanduser().absolute() if bundle else None,
            java=environment.get("HOLDFAST_JAVA") or None,
            heap_mb=_heap(environment.get("HOLDFAST_KAFKA_HEAP_MB")),
        )


def cache_directory(environment: Mapping[str, str]) -> Path:
    """The user's cache directory for Holdfast: its content can be fetched or made again.

    Examples
    --------
    >>> cache_directory({"HOME": "/home/ops"}).as_posix(), cache_directory({"HOLDFAST_CACHE": "/big/disk"}).as_posix()
    ('/home/ops/.cache/holdfast', '/big/disk')
    """
    own = environment.get("HOLDFAST_CACHE")
    if own:
        return Path(own).expanduser().absolute()
    return Path(environment.get("XDG_CACHE_HOME") or _home(environment) / ".cache") / "holdfast"


def _home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("HOME") or Path.home())


def _heap(text: str | None) -> int:
    """Megabytes of Java heap; below 128 Kafka starts but dies under its first load, which would look like our fault."""
    if not text:
        return _HEAP_MB
    if not text.isdecimal() or int(text) < 128:
        raise BrokerError(f"HOLDFAST_KAFKA_HEAP_MB is {text!r}: give whole megabytes, 128 or more.")
    return int(text)
