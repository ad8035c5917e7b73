"""The poison breaker: a flood of records that are no events is most likely a bad deployment upstream."""

from __future__ import annotations

from typing import Final

import structlog

log = structlog.get_logger(__name__)

WINDOW_RECORDS: Final = 1_000
FLOOD_SHARE: Final = 0.05


class PoisonFloodError(Exception):
    """More than 5 % of 1,000 records were poison, and the operator wants the worker to end. Exit code 65."""


class PoisonBreaker:
    """Counts records over all lanes, in windows of at least a thousand.

    Parameters
    ----------
    ends_worker
        ``HOLDFAST_POISON_EXIT``. By default a flood is only told: one bad producer must not stop every lane.

    Examples
    --------
    >>> breaker = PoisonBreaker(ends_worker=True)
    >>> breaker.saw(900, 60)
    >>> breaker.saw(200, 0)
    Traceback (most recent call last):
    ...
    app.worker.poison_breaker.PoisonFloodError: 60 of the last 1100 records are poison (5.5 %)
    """

    def __init__(self, *, ends_worker: bool) -> None:
        self._ends_worker = ends_worker
        self._records = 0
        self._poison = 0

    def saw(self, records: int, poison: int) -> None:
        """Take in a batch, after its commit.

        Raises
        ------
        PoisonFloodError
            On a flood, if the worker is to end.
        """
        self._records += records
        self._poison += poison
        if self._records < WINDOW_RECORDS:
            return
        seen, bad, self._records, self._poison = self._records, self._poison, 0, 0
        if bad <= FLOOD_SHARE * seen:
            return
        log.error("poison_flood", records=seen, share=round(bad / seen, 4), advice="look at `holdfast dlq list`")
        if self._ends_worker:
            raise PoisonFloodError(f"{bad} of the last {seen} records are poison ({100 * bad / seen:.1f} %)")
