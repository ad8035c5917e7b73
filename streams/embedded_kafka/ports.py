"""Ports on loopback: which are free, and whether Kafka answers on one."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import ExitStack
from typing import Final

from streams.embedded_kafka.broker_error import BrokerError

HOST: Final = "127.0.0.1"
_TRIED: Final = 100
_SERVERS: Final = range(20_000, 32_768)
"""No system gives these to clients. A client could take a port in the seconds until Kafka listens there; or it could
call a broker that is down from the very port that it calls, reach itself, and keep the broker from coming back."""
_CALL_S: Final = 1.0

_API_VERSIONS: Final = 18
_CORRELATION: Final = 7
_CLIENT: Final = b"holdfast"


def is_free(port: int) -> bool:
    """Whether a server can listen here now.

    Both are tried: binding alone succeeds on macOS beside a server that listens on all addresses, and connecting alone
    misses a port that is bound but not yet listening.
    """
    with socket.socket() as client:
        client.settimeout(_CALL_S)
        if client.connect_ex((HOST, port)) == 0:
            return False
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does: a port in TIME_WAIT is free
        try:
            server.bind((HOST, port))
        except OSError:
            return False
    return True


def first_free(port: int) -> int:
    """Find the port itself, or the next one that is free."""
    for candidate in range(port, min(port + _TRIED, 65_536)):
        if is_free(candidate):
            return candidate
    raise BrokerError(f"No port is free from {port} to {min(port + _TRIED, 65_536) - 1}: give another one with --port.")


def free_ports(count: int) -> list[int]:
    """Distinct free ports; all are held until all are known.

    The search begins at another port each time: two processes that search at once would find the same ports.
    """
    found: list[int] = []
    begin = time.monotonic_ns() % len(_SERVERS)
    with ExitStack() as held:
        for number in range(begin, begin + _TRIED):
            port = _SERVERS[number % len(_SERVERS)]
            try:
                held.enter_context(socket.create_server((HOST, port)))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return found
    raise BrokerError(f"Of {_TRIED} ports from {_SERVERS[begin]} on, {count} are not free.")


def kafka_answers(port: int) -> bool:
    """Whether a broker here answers ApiVersions version 0, the one request that every Kafka understands.

    An open port is not enough: the listener opens seconds before the broker has caught up with its metadata, and an
    early client gets errors that look like its own faults.
    """
    body = struct.pack(">hhih", _API_VERSIONS, 0, _CORRELATION, len(_CLIENT)) + _CLIENT
    try:
        with socket.create_connection((HOST, port), _CALL_S) as call:
            call.sendall(struct.pack(">i", len(body)) + body)
            answer = b""
            while len(answer) < 10:
                got = call.recv(10 - len(answer))
                if not got:
                    return False
                answer += got
    except OSError:
        return False
    correlation, error = struct.unpack(">ih", answer[4:])
    return bool(correlation == _CORRELATION and error == 0)
