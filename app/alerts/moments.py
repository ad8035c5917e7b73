"""Times as typed on a command line."""

from __future__ import annotations

import re
from datetime import datetime, time, tzinfo
from typing import Final

import click

from app.publishing.publisher import wall_clock_ms

_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([mhdw])")
_UNIT_MS: Final = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}


UNTIL: Final = "Until when: 3d, 18:00, 2026-12-01, '2026-12-01 18:00'."
"""Help of the flag that :func:`ahead` reads."""


def ahead(until: str, zone: tzinfo) -> int:
    """Epoch ms of a typed ``--until``.

    Raises
    ------
    click.UsageError
        If it is no time, or in the past.
    """
    now = wall_clock_ms()
    until_ts = moment("--until", until, now, zone, ahead=True)
    if until_ts <= now:
        raise click.UsageError(f"--until {until} is not ahead of us.")
    return until_ts


def moment(flag: str, text: str, now_ms: int, zone: tzinfo, *, ahead: bool = False) -> int:
    """Epoch ms of a typed time: a span, a time of today, a day, or a day with a time.

    Parameters
    ----------
    ahead
        Whether a span counts forward from now, not back.

    Raises
    ------
    click.UsageError
        If it is none of them; it names the flag.

    Examples
    --------
    >>> from datetime import UTC
    >>> noon = 1_780_056_000_000
    >>> moment("--since", "1.5h", noon, UTC) - noon, moment("--until", "2d", noon, UTC, ahead=True) - noon
    (-5400000, 172800000)
    >>> [moment("--since", text, noon, UTC) - noon for text in ("11:30", "2026-05-29", "2026-05-29 12:01")]
    [-1800000, -43200000, 60000]
    """
    if span := _SPAN.fullmatch(text.strip()):
        length = round(float(span[1]) * _UNIT_MS[span[2]])
        return now_ms + length if ahead else now_ms - length
    try:
        if re.fullmatch(r"\d{1,2}:\d{2}", text):
            today = datetime.fromtimestamp(now_ms / 1000, zone).date()
            then = datetime.combine(today, time.fromisoformat(text.zfill(5)), zone)
        else:
            then = datetime.fromisoformat(text)
            then = then if then.tzinfo else then.replace(tzinfo=zone)
    except ValueError:
        raise click.UsageError(
            f"{flag} {text} is no time; such as 90m, 3d, 18:00, 2026-12-01 or '2026-12-01 18:00'."
        ) from None
    return round(then.timestamp() * 1000)
