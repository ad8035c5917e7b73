from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread

import pytest

from streams.embedded_kafka import ports
from streams.embedded_kafka.broker_error import BrokerError
from streams.embedded_kafka.ports import first_free, free_ports, is_free, kafka_answers


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A server that sends these bytes to one caller and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            call, _ = server.accept()
            with call:
                call.recv(100)
                call.sendall(answer)

        thread = Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_port_in_use_is_not_free_and_the_next_one_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        assert not is_free(taken)
        found = first_free(taken)
        assert found > taken
        assert is_free(found)


def test_port_bound_but_not_listening_is_not_free() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert not is_free(bound.getsockname()[1])


def test_no_free_port_in_reach_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda _: False)
    with pytest.raises(BrokerError, match="No port is free from 65500 to 65535"):
        first_free(65_500)


def test_free_ports_differ_and_are_none_that_a_client_is_given() -> None:
    found = free_ports(5)
    assert len(set(found)) == 5
    with ExitStack() as held:
        given = [held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(50)]
    assert max(found) < min(given)
    assert all(is_free(port) for port in found)


def test_kafka_that_answers_is_ready() -> None:
    with answering(struct.pack(">iihi", 10, 7, 0, 0)) as port:
        assert kafka_answers(port)


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 400 Bad Request\r\n", struct.pack(">ii", 6, 7), struct.pack(">iih", 6, 7, 35)],
    ids=["hangs up", "another server", "half an answer", "an error"],
)
def test_other_answers_are_not_ready(answer: bytes) -> None:
    with answering(answer) as port:
        assert not kafka_answers(port)


def test_closed_port_is_not_ready() -> None:
    assert not kafka_answers(free_ports(1)[0])
