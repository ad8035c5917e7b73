"""The five stages of data-service use: acquired, interested, habit, losing interest, cancelled.

They are defined here alone, by name, threshold and formula. :mod:`models.features.data` has a feature for each, and the
simulator's subscribers pass through them (``app.simulator.people.data_habits``). The rule itself is
``data_stage`` of :mod:`models.kernel.arithmetic`.
"""

from __future__ import annotations

from typing import Final

DATA_STAGES: Final = ("acquired", "interested", "habit", "losing_interest", "cancelled")
"""Names of the stages, each at the number by which the kernel calls it."""
CANCELLED_DAYS: Final = 30.0
"""Days without data after which use counts as cancelled."""
ACQUIRED_DAYS: Final = 30.0
"""Days for which a user counts as new."""
LOSING_RATIO: Final = 0.5
"""Share of the usual use below which a user is losing interest."""
HABIT_SESSIONS: Final = 15.0
"""Sessions in 30 days (every other day) from which use is a habit."""
_STAGE: Final = (
    f"data_stage(el, age, t_sessions_7 / s_7, t_sessions_30 / s_30, t_sessions_30, "
    f"{CANCELLED_DAYS}, {ACQUIRED_DAYS}, {LOSING_RATIO}, {HABIT_SESSIONS})"
)


def in_stage(name: str) -> str:
    """The formula that is 1 for users in the stage, else 0.

    Examples
    --------
    >>> in_stage("habit").partition(" if ")[0], in_stage("habit")[-15:]
    ('1.0', '== 2.0 else 0.0')
    """
    return f"1.0 if {_STAGE} == {DATA_STAGES.index(name)}.0 else 0.0"
