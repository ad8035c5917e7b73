"""``holdfast worker``: detection, until it is asked to stop."""

from __future__ import annotations

import click
import structlog

from app.config.options import PLACE, settings_options, talking_to
from app.config.settings import Settings

log = structlog.get_logger(__name__)

_FLAGS = (
    *PLACE,
    "group",
    "partitions",
    "metrics_host",
    "metrics_port",
    "model",
    "policy",
    "base_rate",
    "poison_exit",
    "log_level",
    "fail_at",
)


@click.command()
@settings_options(*_FLAGS)
@click.option(
    "--take-over", is_flag=True, help="Continue a state that another group wrote, once that group is stopped."
)
@click.option("--accept-loss", is_flag=True, help="Start although records or state are missing (exit 78 named them).")
def worker(settings: Settings, take_over: bool, accept_loss: bool) -> None:
    """Read the events and raise the alerts, until SIGTERM or Ctrl-C.

    Run as many as there are cores to give; they share the partitions. Exit codes: 0 stopped, 1 failed, 65 a flood of
    poison (poison_exit), 70 stuck, 75 no progress, 78 state and topics disagree. A supervisor starts it again; it
    goes on where the last transaction ended.
    """
    from app.process import logs
    from app.worker.process import detect

    logs.set_up(settings.log_level)
    log.info("settings", settings=settings.redacted())
    with talking_to(settings):
        detect(settings, take_over=take_over, accept_loss=accept_loss)
