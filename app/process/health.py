"""HTTP endpoints of a process for scraper and orchestrator: ``/metrics``, ``/livez`` and ``/readyz``.

The server runs on the loop it reports on: a stuck loop does not answer, which is the right answer.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from typing import Final, NamedTuple

import click
import structlog
from aiohttp import web
from prometheus_client.exposition import choose_encoder

from app.config.settings import DEFAULT_METRICS_PORT
from app.errors import ExitCode, Refused
from app.process.series import Series

log = structlog.get_logger(__name__)

NEXT_PORTS: Final = 20
"""Ports to try from the default one: this many workers on one machine start without a setting."""


class Condition(NamedTuple):
    """Answer of a probe. ``blockers`` are words from a closed set, empty when all is well."""

    blockers: tuple[str, ...] = ()

    @property
    def well(self) -> bool:
        """Whether the probe passes."""
        return not self.blockers


class Health:
    """The HTTP server of one process.

    Parameters
    ----------
    series
        Those of ``/metrics``; ``ready`` among them is set before each is read.
    alive
        For ``/livez``: the watchdog's view.
    ready
        For ``/readyz``: every assigned lane open, the broker reachable, and the group membership confirmed. A worker
        without lanes is ready. While the hot path is compiled, before lanes open, the blocker is ``compiling``.
    """

    def __init__(
        self,
        series: Series,
        alive: Callable[[], Condition],
        ready: Callable[[], Condition],
    ) -> None:
        self._series = series
        self._alive = alive
        self._ready = ready
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> str:
        """Listen; returns the address of the metrics. After this returns probes are answered.

        A configured port that is busy is an error, since a scraper expects it; a busy default port gives way to the
        next one.

        Raises
        ------
        app.errors.Refused
            If the port cannot be opened.
        """
        application = web.Application()
        application.add_routes(
            [
                web.get("/metrics", self._metrics),
                web.get("/livez", self._livez),
                web.get("/readyz", self._readyz),
            ]
        )
        self._runner = web.AppRunner(application, access_log=None, handle_signals=False)
        await self._runner.setup()
        self.port = await self._listen(self._runner, host, port)
        url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}/metrics"
        log.info("metrics_listening", url=url, host=host, port=self.port)
        if port == 0:
            # A caller that asked for a free port reads it from stdout.
            click.echo(f'{{"metrics": "{url}"}}')
        return url

    async def _listen(self, runner: web.AppRunner, host: str, port: int) -> int:
        last = port + NEXT_PORTS if port == DEFAULT_METRICS_PORT else port
        for candidate in range(port, last + 1):
            site = web.TCPSite(runner, host, candidate)
            try:
                await site.start()
            except OSError as error:
                await site.stop()
                if error.errno == errno.EADDRINUSE and candidate < last:
                    continue
                raise _refusal(host, port, error) from error
            if candidate != port:
                log.warning("metrics_port_busy", port=port, advice=f"listening on {candidate}")
            address = runner.addresses[0]
            return int(address[1])
        raise AssertionError("a range with its last port always returns or raises")

    async def stop(self) -> None:
        """Close; after this probes get no answer."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        self._series.ready.set(self._ready().well)
        # In a thread: rendering thousands of series takes milliseconds that the lanes need.
        body = await asyncio.to_thread(encode, self._series.registry)
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _livez(self, _request: web.Request) -> web.Response:
        return _answer(self._alive())

    async def _readyz(self, _request: web.Request) -> web.Response:
        return _answer(self._ready())


def _answer(found: Condition) -> web.Response:
    return web.json_response(
        {"status": "ok" if found.well else "unavailable", "blockers": list(found.blockers)},
        status=200 if found.well else 503,
    )


def _refusal(host: str, port: int, error: OSError) -> Refused:
    why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be had: {error.strerror}"
    return Refused(
        f"{host}:{port}, where the metrics should be, {why}",
        "choose another:    export HOLDFAST_METRICS_PORT=9208",
        "or any free one:   export HOLDFAST_METRICS_PORT=0",
        code=ExitCode.FAILED,
    )
