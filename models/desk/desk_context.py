"""What every decision of the desk needs: the policy in force, and the time as of which it is made.

What concerns one person only is timed by the lanes that their numbers are in: no other lane, late or far ahead, makes
their deadlines pass.
"""

from __future__ import annotations

from models.contract.breaches import Moved
from models.contract.policy import Policy
from models.contract.vocabulary import Kind, SuppressionReason
from models.desk.lanes.desk_time import DeskTime
from models.desk.persons import PersonFile
from models.state.lane_time import floor_tick


class DeskContext:
    """The policy in force and the time of the lanes.

    Parameters
    ----------
    lanes
        Number of lanes: nothing is decided until each of them has joined.

    Attributes
    ----------
    policy
        None before the first :class:`models.contract.breaches.Governed`.
    time
        The event time of each lane.
    """

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.policy: Policy | None = None
        self.time = DeskTime()

    @property
    def open(self) -> bool:
        """Whether the desk decides: it has a policy, and every lane has joined."""
        return self.policy is not None and len(self.time.joined) >= self.lanes

    @property
    def ruled(self) -> Policy:
        """The policy in force; only valid once there is one."""
        if self.policy is None:
            raise RuntimeError("the desk has no policy yet")
        return self.policy

    def urgent(self, kind: Kind) -> bool:
        """Whether breaches of a kind are raised as they come, with or without capacity."""
        return kind in self.ruled.desk.urgent

    def barred(self, kind: Kind, heard: Moved) -> SuppressionReason | None:
        """Why a new profile forbids contact about a kind, in the order of the lanes' check at the breach; or None."""
        if not heard.allowed or kind in heard.unused:
            return "no_consent"
        exempt = kind in self.ruled.contact.do_not_contact_exempt
        return "do_not_contact" if heard.do_not_contact and not exempt else None

    def at(self, file: PersonFile, clock: int = 0) -> int:
        """The time of a decision about a person: that of their lanes, and never before their last decision."""
        file.now = max(file.now, self.time.of(file.lanes), clock)
        return file.now

    def reached(self, file: PersonFile, due: int) -> bool:
        """Whether a tick of a person's time is past a term. It may go back below it, when a resting lane is live again.

        Not before that tick, to which a lane that rests does not always come: what follows from the term is dated so,
        and would be decided before records of an earlier time.
        """
        return floor_tick(self.time.of(file.lanes)) >= due
