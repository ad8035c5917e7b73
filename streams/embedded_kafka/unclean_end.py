"""Fencing after a crash: repair of a killed broker's data before the next one starts on it.

A transaction is committed once the coordinator has written the commit; the markers that make its records visible
follow a moment later. A single node killed in between often loses them at the next start (4 of 8 tries): its metadata
still names it leader, so the coordinator loads at once and tries to send the markers to itself before the listener is
open; then the controller fences the node's former session, the partitions briefly have no leader, and the coordinator
takes them for deleted topics ("likely deleted already and hence can be skipped"; seen with 4.4.0,
``test_broker_killed_after_a_commit_keeps_it_visible``). The transaction counts as complete, its records stay invisible
to ``read_committed``, and a lane that restores from them would do its work twice. In a cluster of several nodes the
partitions get another leader instead.

So the controller runs alone first, for a second: it fences the former session and records that. The broker then starts
without leadership, is elected once, and sends the markers when it can.
"""

from __future__ import annotations

import time
from typing import Final

from streams.embedded_kafka.broker_error import BrokerError
from streams.embedded_kafka.broker_home import BrokerHome
from streams.embedded_kafka.jars import Talk
from streams.embedded_kafka.java_child import BrokerChild
from streams.embedded_kafka.ports import free_ports

_ACTIVE: Final = b"Becoming the active controller"
_FENCED: Final = b"Fencing broker 1 "
_FENCES_WITHIN_S: Final = 5.0
"""The session ends half a second after the controller is active. Without a log line by then there is nothing to do."""

_LOOK_S: Final = 0.05
_TELLING: Final = "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.controller=info"


def fence_after_crash(home: BrokerHome, java: list[str], talk: Talk, patience: float) -> None:
    """Fence the former session of a broker that did not end cleanly; do nothing for any other.

    Called before each start, under the home's lock. After it returns a broker may start on the data.
    """
    if not home.ended_uncleanly():
        return
    talk.say("The last broker here was killed: putting its transactions in order first.")
    properties = home.write_controller_properties(free_ports(1)[0])
    begin = home.log.stat().st_size if home.log.exists() else 0
    controller = BrokerChild.bound(home, [*java[:1], _TELLING, *java[1:], "kafka.Kafka", str(properties)])
    try:
        _watch(home, controller, begin, time.monotonic() + patience)
    finally:
        controller.release()


def _watch(home: BrokerHome, controller: BrokerChild, begin: int, end: float) -> None:
    active = False
    while True:
        said = home.log_since(begin)
        if _FENCED in said:
            return
        if not active and _ACTIVE in said:
            active = True
            end = time.monotonic() + _FENCES_WITHIN_S
        if not controller.is_running() or (not active and time.monotonic() > end):
            raise BrokerError(
                f"Kafka could not put the data of a killed broker in order. The end of {home.log}:\n{home.log_tail()}"
            )
        if time.monotonic() > end:
            return
        time.sleep(_LOOK_S)
