"""The health server on a real socket: probes, exposition, and ports that are taken."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from app.errors import Refused
from app.process import health
from app.process.health import Condition, Health
from app.worker.metrics import Metrics

HOST = "127.0.0.1"


class Server:
    def __init__(self) -> None:
        self.alive = Condition()
        self.ready = Condition()
        self.metrics = Metrics()
        self.health = Health(self.metrics, lambda: self.alive, lambda: self.ready)

    async def get(self, path: str, **headers: str) -> tuple[int, str, str]:
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"http://{HOST}:{self.health.port}{path}") as answer,
        ):
            return answer.status, answer.headers["Content-Type"], await answer.text()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    yield server
    await server.health.stop()


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        yield taken.getsockname()[1]


async def test_port_0_is_a_free_one_and_is_printed(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    url = await server.health.start(HOST, 0)
    assert server.health.port > 0
    assert url == f"http://{HOST}:{server.health.port}/metrics"
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"metrics": url}


async def test_metrics_are_prometheus_text(server: Server) -> None:
    await server.health.start(HOST, 0)
    status, content_type, text = await server.get("/metrics")
    assert status == 200
    assert content_type.startswith("text/plain; version=")
    assert 'holdfast_suppressions_total{reason="cooldown"} 0.0' in text


async def test_open_metrics_for_whoever_asks(server: Server) -> None:
    await server.health.start(HOST, 0)
    _, content_type, text = await server.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_probes_pass_when_all_is_well(server: Server, path: str) -> None:
    await server.health.start(HOST, 0)
    status, _, text = await server.get(path)
    assert status == 200
    assert json.loads(text) == {"status": "ok", "blockers": []}


async def test_a_worker_can_be_alive_and_not_ready(server: Server) -> None:
    await server.health.start(HOST, 0)
    server.ready = Condition(("broker_unavailable",))
    status, _, text = await server.get("/readyz")
    assert status == 503
    assert json.loads(text)["blockers"] == ["broker_unavailable"]
    assert (await server.get("/livez"))[0] == 200


async def test_unknown_path_is_404(server: Server) -> None:
    await server.health.start(HOST, 0)
    assert (await server.get("/table"))[0] == 404


async def test_a_busy_port_that_was_asked_for_is_a_clear_error(server: Server, busy: int) -> None:
    with pytest.raises(Refused, match=f"{HOST}:{busy}.* is in use") as refused:
        await server.health.start(HOST, busy)
    assert "HOLDFAST_METRICS_PORT=0" in "".join(refused.value.advice)


async def test_the_default_port_makes_way_for_the_next(
    server: Server, busy: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "DEFAULT_METRICS_PORT", busy)
    await server.health.start(HOST, busy)
    assert busy < server.health.port <= busy + health.NEXT_PORTS
    assert (await server.get("/livez"))[0] == 200


async def test_an_address_that_is_not_ours_is_a_clear_error(server: Server) -> None:
    with pytest.raises(Refused, match="cannot be had"):
        await server.health.start("192.0.2.1", 0)


async def test_stop_before_start_is_no_error() -> None:
    await Server().health.stop()


async def test_readiness_is_a_metric_too(server: Server) -> None:
    await server.health.start(HOST, 0)
    _, _, text = await server.get("/metrics")
    assert "\nholdfast_ready 1.0\n" in text
    server.ready = Condition(("lane_3_opening",))
    _, _, text = await server.get("/metrics")
    assert "\nholdfast_ready 0.0\n" in text
