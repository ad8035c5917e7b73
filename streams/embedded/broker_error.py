"""The one way in which the embedded Kafka says that it cannot run."""

from __future__ import annotations


class BrokerError(Exception):
    """What stands in the way, and what to do about it: written for the person who ran the command.

    The command line prints it after "Error:" and exits 1, so the message must be enough without a traceback.
    """
