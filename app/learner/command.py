"""``holdfast learner``: the one that learns, until it is asked to stop."""

from __future__ import annotations

import os

import click
import structlog

from app.config.options import PLACE, settings_options, talking_to
from app.config.settings import Settings

log = structlog.get_logger(__name__)


@click.command()
@settings_options(*PLACE, "metrics_host", "metrics_port", "learner", "checkpoint_s", "log_level", "fail_at")
@click.option(
    "--accept-loss", is_flag=True, help="Start although examples or the checkpoint are missing (exit 78 named them)."
)
def learner(settings: Settings, accept_loss: bool) -> None:
    """Learn from labelled examples and publish models, until SIGTERM or Ctrl-C.

    Run one; a second one takes over, and the first ends. Exit codes: 0 stopped, 1 failed or taken over, 75 a topic
    cannot be read, 78 checkpoint and topics disagree. A supervisor starts it again; it goes on where the last
    checkpoint ended.
    """
    # Before NumPy is loaded: its matrices are small, more threads only wait for each other and may change the last bit.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from app.learner.process import learn
    from app.process import logs

    logs.set_up(settings.log_level)
    log.info("settings", settings=settings.redacted())
    with talking_to(settings):
        learn(settings, accept_loss=accept_loss)
