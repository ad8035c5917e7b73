"""Bounded retries of calls that the broker did not answer: a broker restart must not end a process.

Only calls that are safe to repeat may be retried: queries, fencing, restoring. A transaction is not: see
:meth:`streams.kafka.transaction.LaneProducer.write`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar

import structlog
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError, NoBrokersAvailable

log = structlog.get_logger(__name__)

R = TypeVar("R")

PATIENCE_S: Final = 60.0
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 2.0


class NoAnswerError(Exception):
    """The broker did not answer within the bound. Exit code 75."""


def passing(error: BaseException) -> bool:
    """Whether a retry may succeed: no answer, no connection, no leader, or an error caused by one of those.

    Examples
    --------
    >>> passing(KafkaTimeoutError()), passing(TimeoutError()), passing(KafkaError("refused")), passing(ValueError())
    (True, True, False, False)
    """
    return any(_passes(each) for each in _causes(error))


def _passes(error: BaseException) -> bool:
    if isinstance(error, KafkaError):
        return bool(error.retriable) or isinstance(error, (KafkaConnectionError, KafkaTimeoutError, NoBrokersAvailable))
    return isinstance(error, (ConnectionError, TimeoutError))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and its chain of causes: aiokafka's sender wraps a lost connection twice."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__


async def patient(
    call: Callable[[], Awaitable[R]], what: str, *, bound_s: float = PATIENCE_S, takes_long: bool = False
) -> R:
    """The result of `call`, retried until it succeeds.

    Parameters
    ----------
    what
        Description of the call for the error message.
    takes_long
        The call may take longer than the bound and watches its own progress; only its failures are bounded.

    Raises
    ------
    NoAnswerError
        If no try succeeded within the bound.
    """
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + bound_s, FIRST_PAUSE_S
    while True:
        try:
            async with asyncio.timeout_at(None if takes_long else deadline):
                return await call()
        except (KafkaError, ConnectionError, TimeoutError) as error:
            if not passing(error):
                raise
            if loop.time() + pause >= deadline:
                raise NoAnswerError(
                    f"{what}: no answer from Kafka for {bound_s:.0f} s ({type(error).__name__})"
                ) from error
            log.warning("no_answer", detail=what, error=type(error).__name__, seconds=pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)
