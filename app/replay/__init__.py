"""``holdfast replay``: write the operator's recorded logs to the input topics, with their original times.

Begin with :mod:`~app.replay.command`: :mod:`~app.replay.conversion` makes records of rows,
:mod:`~app.replay.playback` writes them in the order of their time, :mod:`~app.replay.history_backfill` as the beginning
of a prefix. It may import :mod:`app.tables`, which reads files, and :mod:`app.publishing`, but no other verb.
"""

from __future__ import annotations

from app.replay.command import replay

__all__ = ["replay"]
