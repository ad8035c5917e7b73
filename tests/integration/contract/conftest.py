"""One world for all tests of the contract: a worker costs seconds to start, and subscribers are cheap."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.black_box import World
from support.black_box_subscriber import Subscriber

from streams.embedded_kafka.broker import EmbeddedBroker


@pytest.fixture(scope="session")
def world(broker: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(broker.bootstrap, "contract.", tmp_path_factory.mktemp("contract"), lanes=4) as world:
        world.new_worker().wait_open(world.lanes)
        world.metrics_at_start = world.worker.metrics()
        yield world


@pytest.fixture
def someone(world: World) -> Subscriber:
    """A subscriber without a profile."""
    return world.subscriber()


@pytest.fixture
def customer(world: World) -> Subscriber:
    """A subscriber with a profile, whom nothing forbids to contact."""
    subscriber = world.subscriber()
    subscriber.profile()
    return subscriber
