"""What a lane of a release without a desk has left: state records, clock, and what it had published by subscriber.

Made by that release (a6dbeea), whose tests' bench lived this with ``Policy()`` in lane 3, a week of calls before it:

``s-open``      said that they leave: raised
``s-twice``     said so twice: raised and escalated
``s-fed``       asked whether they may port out: raised, and contacted by phone
``s-refused``   said that they leave, and refused: closed
``s-withheld``  is not to be contacted: two breaches of theirs are withheld
``s-called``    had an SMS and a call of other departments
"""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any, Final, NamedTuple

FILE: Final = Path(__file__).parents[1] / "golden/without_desk.json"


class Left(NamedTuple):
    """What is left of that lane."""

    clock: dict[str, Any]
    policy: str
    state: dict[bytes, bytes]
    alerts: dict[str, str]
    """By subscriber the alert that was raised."""


def left() -> Left:
    """Read it."""
    found = json.loads(FILE.read_text())
    state = {b64decode(key): b64decode(value) for key, value in found["state"]}
    alerts = {name: alert for name, (alert, *_) in found["published"].items()}
    return Left(found["clock"], found["policy"], state, alerts)
