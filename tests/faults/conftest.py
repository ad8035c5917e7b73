"""A rig a test, as in ``tests/integration``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from support.rig import Rig

from streams.embedded_kafka.broker import EmbeddedBroker


@pytest_asyncio.fixture
async def rig(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(broker.bootstrap, prefix, tmp_path, partitions=4) as made:
        yield made
