"""``holdfast model``: show the served model and its quality, export it, roll it back."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import click
from msgspec.structs import replace

from app.config.options import PLACE, console, json_option, settings_options, talking_to
from app.config.settings import Settings
from app.errors import ExitCode, Refused
from app.model.model_status import read_models
from app.model.segments_command import segments
from app.model.tier_alerts import read_alerts
from models.scoring.snapshot import Provenance, Snapshot, encode
from streams.model_topic.versions import ModelVersions, publish_model

SERVED: Final = "served"
_AGAIN: Final = re.compile(r"-r(\d+)$")


@click.group()
def model() -> None:
    """Show the served model, export it, roll it back."""


model.add_command(segments)


@model.command()
@settings_options(*PLACE, "model", "timezone")
@click.option(
    "--plots", "pictures", type=click.Path(path_type=Path, file_okay=False), help="Write plots to this directory."
)
@click.option("--format", "kind", type=click.Choice(("png", "svg")), default="png", show_default=True)
@json_option
def show(settings: Settings, pictures: Path | None, kind: str, as_json: bool) -> None:
    """Show the served model, since when, where its weights come from, its quality by the learner, and its alerts.

    --plots draws ROC, lift, calibration, drift, and each feature's curve.
    """
    from app.model import model_status, plots, sheet

    found = model_status.status_of(settings, read_models(settings))._replace(alerts=read_alerts(settings))
    if pictures is not None:
        for path in plots.draw(found, pictures, kind):
            click.echo(str(path), err=True)
    if as_json:
        click.echo(json.dumps(model_status.as_json(found), ensure_ascii=False))
        return
    sheet.show(found, console(), ZoneInfo(settings.timezone))


@model.command()
@settings_options(*PLACE, "model")
@click.argument("version", metavar="VERSION|served")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
def export(settings: Settings, version: str, file: Path | None) -> None:
    """Export a model as JSON to FILE or to stdout. HOLDFAST_MODEL takes such a file."""
    from app.model.model_status import status_of

    versions = read_models(settings)
    snapshot = status_of(settings, versions).served if version == SERVED else _wanted(versions, version)
    raw = encode(snapshot)
    if file is None:
        click.echo(raw)
        return
    try:
        file.write_bytes(raw + b"\n")
    except OSError as error:
        raise Refused(f"{file}: {error.strerror}", "choose another file, or leave it out for stdout") from error
    click.echo(f"{file}: {snapshot.version}, {len(raw):,} bytes", err=True)


@model.command()
@settings_options(*PLACE)
@click.argument("version")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def rollback(settings: Settings, version: str, yes: bool, as_json: bool) -> None:
    """Serve an earlier model again: its weights are published under a new version.

    Every worker switches within seconds. The learner goes on, but publishes nothing until a cool-down has passed and
    the labels since then count against the restored model.
    """
    from models.scoring.prior import prior

    versions = read_models(settings)
    newest = versions.newest
    now = prior() if newest is None else newest.snapshot
    if version == now.version:
        raise Refused(f"{version} is already served", "all versions:  holdfast model show", code=ExitCode.USAGE)
    again = rolled_back(_wanted(versions, version), versions)
    if settings.model is not None:
        click.echo("Workers with HOLDFAST_MODEL ignore the topic and keep serving their file.", err=True)
    if not yes:
        _confirm(now, again)
    with talking_to(settings):
        client = settings.kafka_client_kwargs()
        asyncio.run(publish_model(client, settings.topic_prefix, again))
    after = read_models(settings).newest
    if after is None or after.snapshot.version != again.version:
        said = "nothing" if after is None else after.snapshot.version
        raise Refused(
            f"{again.version} was published, but the newest model is now {said}", f"holdfast model rollback {version}"
        )
    if as_json:
        click.echo(json.dumps({"version": again.version, "of": version, "instead_of": now.version}))
        return
    click.echo(f"{again.version} is served: the weights of {version}, instead of {now.version}.", err=True)


def rolled_back(snapshot: Snapshot, versions: ModelVersions) -> Snapshot:
    """The same weights under a version that has never been used and that the learner never uses.

    Examples
    --------
    >>> again = rolled_back(Snapshot(version="m-00041", curves=[], intercept=0.0, base_rate=0.1), ModelVersions())
    >>> again.version, again.provenance.source
    ('m-00041-r1', 'rollback to m-00041')
    >>> rolled_back(again, ModelVersions()).version
    'm-00041-r2'
    """
    found = _AGAIN.search(snapshot.version)
    root = snapshot.version[: found.start()] if found else snapshot.version
    known = {snapshot.version, *(each.snapshot.version for each in versions), *versions.refused}
    used = [int(match[1]) for name in known if (match := re.fullmatch(rf"{re.escape(root)}-r(\d+)", name))]
    version = f"{root}-r{max(used, default=0) + 1}"
    return replace(snapshot, version=version, provenance=_provenance(snapshot, root), checksum="")


def _provenance(snapshot: Snapshot, root: str) -> Provenance:
    before = snapshot.provenance
    source = before.source if before.source.startswith("rollback to ") else f"rollback to {root}: {before.source}"
    return replace(before, source=source.removesuffix(": "), command=f"holdfast model rollback {snapshot.version}")


def _wanted(versions: ModelVersions, version: str) -> Snapshot:
    """A version from the topic, or the shipped one."""
    from models.scoring.prior import prior

    found = versions.get(version)
    if found is not None:
        return found.snapshot
    if version in versions.refused:
        refused = versions.refused[version]
        raise Refused(f"{version} cannot be served: {refused.reason}: {refused.detail}")
    if (own := prior()).version == version:
        return own
    known = [own.version, *(each.snapshot.version for each in versions)][-10:]
    raise Refused(f"there is no model {version}", f"there are: {', '.join(known)}", code=ExitCode.NOT_FOUND)


def _confirm(now: Snapshot, again: Snapshot) -> None:
    for name, each in (("served now", now), ("instead", again)):
        of = each.provenance
        click.echo(f"{name}: {each.version}, {of.rows:,} rows, {of.positives:,} left; {of.source}", err=True)
    if not sys.stdin.isatty():
        raise Refused("cannot ask for confirmation: no terminal", "to go ahead:  --yes", code=ExitCode.USAGE)
    click.confirm("Serve it again on every worker?", abort=True, err=True)
