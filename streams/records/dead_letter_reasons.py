"""The reasons for which a record is no event and goes to the dead letters, as a closed vocabulary.

:mod:`~streams.records.wire` gives them; :mod:`~streams.records.dead_letters` writes them into the header
``holdfast.reason``.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

DeadLetterReason = Literal[
    "not_json",
    "not_utf8",
    "null_key",
    "null_value",
    "key_mismatch",
    "missing_field",
    "wrong_type",
    "out_of_range",
    "unknown_enum",
    "non_finite",
    "future_ts",
    "too_large",
    "too_deep",
]
DEAD_LETTER_REASONS: Final[tuple[DeadLetterReason, ...]] = get_args(DeadLetterReason)
