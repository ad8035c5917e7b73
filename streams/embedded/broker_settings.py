"""Where the embedded Kafka lives on this machine, and what it may be told by the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from streams.embedded.broker_error import BrokerError

VARIABLES: Final = (
    "HOLDFAST_CACHE",
    "HOLDFAST_MAVEN_MIRROR",
    "HOLDFAST_BUNDLE",
    "HOLDFAST_JAVA",
    "HOLDFAST_KAFKA_HEAP_MB",
)
"""All that is read here, so that whoever refuses unknown ``HOLDFAST_*`` names knows these."""

_HEAP_MB: Final = 512

_PATIENCE_S: Final = 90.0
"""Kafka is ready in 3 to 7 s alone, and in 30 s on a machine that is busy with tests."""


class BrokerSettings(NamedTuple):
    """Paths, sources and limits of the embedded Kafka.

    ``cache`` holds what can be fetched again (the jars), ``state`` what cannot (the data of a kept broker);
    ``patience_s`` is how long a broker that does not answer is waited for.
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
    """The user's cache directory for Holdfast: what lies there can be fetched or made again.

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
    """Megabytes of Java heap; below 128 Kafka starts and then dies under its first load, which looks like our fault."""
    if not text:
        return _HEAP_MB
    if not text.isdecimal() or int(text) < 128:
        raise BrokerError(f"HOLDFAST_KAFKA_HEAP_MB is {text!r}: give whole megabytes, 128 or more.")
    return int(text)
