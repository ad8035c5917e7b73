"""``holdfast doctor``: every check on one page, each with what to do."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Final

import click
from rich.table import Table
from rich.text import Text

from app.config.options import PLACE, console, json_option, refusal, settings_options
from app.config.settings import Settings
from app.doctor.cluster_checks import on_the_cluster
from app.doctor.finding import Finding
from app.doctor.machine_checks import on_this_machine
from app.errors import ExitCode
from streams.kafka.topic_tail import REFUSED, UNREACHABLE

_STYLES: Final = {"ok": "green", "warn": "bold yellow", "fail": "bold red"}


@click.command()
@settings_options(*PLACE, "group", "partitions", "model", "policy", "base_rate")
@json_option
def doctor(settings: Settings, as_json: bool) -> None:
    """Check Kafka, topics, workers, clock, model and this machine; say what to do. Exit 3 if something fails.

    It reads only: nothing is written, no group is joined.
    """
    found = [*_cluster(settings), *on_this_machine(settings)]
    if as_json:
        for finding in found:
            click.echo(json.dumps(finding._asdict(), ensure_ascii=False))
    else:
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for finding in found:
            said = Text(finding.said)
            if finding.advice:
                said.append(f"\n-> {finding.advice}", style="bold")
            table.add_row(Text(finding.verdict, style=_STYLES[finding.verdict]), finding.check, said)
        console().print(table)
    if any(finding.verdict == "fail" for finding in found):
        raise click.exceptions.Exit(int(ExitCode.NOT_FOUND))


def _cluster(settings: Settings) -> list[Finding]:
    """Findings about the cluster; no answer is a finding too, so that this machine is checked all the same."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(on_the_cluster(settings))
    except (*UNREACHABLE, REFUSED) as error:
        refused = refusal(error, settings.bootstrap)
        if refused is None:
            raise
        return [Finding("broker", "fail", refused.message, "; ".join(refused.advice))]
