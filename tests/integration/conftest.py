"""A rig a test: topics of its own on the shared broker, and worker processes that end with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from support.rig import Rig

from streams.embedded_kafka.broker import EmbeddedBroker

NewRig = Callable[[str], Awaitable[Rig]]


@pytest_asyncio.fixture
async def rig(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(broker.bootstrap, prefix, tmp_path) as made:
        yield made


@pytest_asyncio.fixture
async def rigs(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> AsyncIterator[NewRig]:
    """Several of them, by name: what waits for sessions to end can wait side by side."""
    async with AsyncExitStack() as stack:

        async def new(name: str) -> Rig:
            (tmp_path / name).mkdir()
            return await stack.enter_async_context(Rig(broker.bootstrap, f"{prefix}{name}.", tmp_path / name))

        yield new


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.integration)
