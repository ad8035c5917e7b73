"""The error of the embedded Kafka."""

from __future__ import annotations


class BrokerError(Exception):
    """The embedded Kafka cannot run: the message names the obstacle and the remedy, for the user of the command.

    The command line prints it after "Error:" and exits 1, so the message must be enough without a traceback.
    """
