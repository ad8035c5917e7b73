"""Logs: structured events with constant names and a closed list of fields, to stderr.

Lines of JSON, or of text on a terminal. A field that is not on the list is dropped, so that a careless keyword cannot
put a subscriber's number into a log; the list is extended only here, under review.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TextIO

import structlog

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from structlog.typing import EventDict, Processor

_STRUCTLOG: Final = frozenset(
    {"event", "level", "timestamp", "logger", "exception", "exc_info", "stack_info", "stack", "dropped"}
)
FIELDS: Final = _STRUCTLOG | frozenset(
    {
        # places
        "topic", "partition", "partitions", "offset", "start", "end", "generation", "epoch", "group", "brokers",
        "prefix", "topic_id", "transactional_id", "host", "port", "url", "pid", "endpoint",
        # amounts
        "records", "rows", "count", "bytes", "remaining", "lag", "seconds", "attempt", "events", "alerts", "lanes",
        "limit", "share",
        # decisions
        "reason", "reasons", "code", "error", "status", "state", "step", "kind", "version", "model", "policy", "since",
        "signal", "advice", "faults", "settings", "tasks", "detail",
    }
)  # fmt: skip
"""Every field that a log line may carry. None of them names a subscriber, a key or a value."""

LOUD: Final = (
    "faust",
    "aiokafka",
    "mode",
    "kafka",
    "aiohttp",
    "asyncio",
    "rich",
    "jgo",
    "urllib3",
    "streams.lanes.transport",
)
"""Loggers of libraries. Those of Faust, aiokafka and mode build DEBUG records for every message at any root level,
which halves the throughput. ``streams.lanes.transport`` is one of them: mode names a service's logger after the module
of its class."""
REPEAT_S: Final = 10.0
MUTE: Final = ("faust.topics", "apprise")
"""Warnings of the first contain the whole message it could not deliver: a customer's data. Those of the second contain
addresses of chat services, which are their secrets."""
_LEVELS: Final[Mapping[str, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class Repeats(logging.Filter):
    """Thins out repeated lines of libraries: without a broker, aiokafka writes hundreds a second.

    Parameters
    ----------
    clock
        Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._told: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log the line; suppressed lines are counted in the next one like them."""
        if record.name.partition(".")[0] not in LOUD:
            return True
        place, now = (record.name, record.lineno), self._clock()
        last, kept_back = self._told.get(place, (-REPEAT_S, 0))
        if now - last < REPEAT_S:
            self._told[place] = (last, kept_back + 1)
            return False
        self._told[place] = (now, 0)
        if kept_back:
            record.__dict__["count"] = kept_back
        return True


def allow_listed(_logger: object, _method: str, event: MutableMapping[str, object]) -> Mapping[str, object]:
    """Drop fields that are not on the list, and name them.

    Examples
    --------
    >>> allow_listed(None, "info", {"event": "lane_opened", "partition": 3, "subscriber_id": "13800138000"})
    {'event': 'lane_opened', 'partition': 3, 'dropped': ['subscriber_id']}
    """
    dropped = sorted(name for name in event if name not in FIELDS and not name.startswith("_"))
    for name in dropped:
        del event[name]
    if dropped:
        event["dropped"] = dropped
    return event


def set_up(level: str = "info", *, stream: TextIO | None = None, json_lines: bool | None = None) -> None:
    """Send every log of the process, our own and those of libraries, in one format to stderr.

    Parameters
    ----------
    json_lines
        None: JSON unless `stream` is a terminal.
    """
    stream = sys.stderr if stream is None else stream
    as_json = not stream.isatty() if json_lines is None else json_lines
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(allow=FIELDS - _STRUCTLOG),
        _allowed,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_last_steps(as_json=as_json))
    )
    handler.addFilter(Repeats())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[level])
    quiet()


def quiet() -> None:
    """Silence the loggers of libraries; call it again after Faust has started, which sets its own levels."""
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(tuple(f"{each}." for each in LOUD)):
            logging.getLogger(name).setLevel(logging.NOTSET)
    for name in MUTE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _allowed(logger: object, method: str, event: EventDict) -> EventDict:
    return dict(allow_listed(logger, method, event))


def _last_steps(*, as_json: bool) -> list[Processor]:
    steps: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if as_json:
        # Frames without local variables, which may hold customers' data.
        return [*steps, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    plain = structlog.dev.plain_traceback
    return [*steps, structlog.dev.ConsoleRenderer(colors=True, exception_formatter=plain)]
