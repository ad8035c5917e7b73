"""``holdfast config``: show the settings and their sources."""

from __future__ import annotations

import json

import click
from rich.table import Table

from app.config.options import console, json_option, resolved_options
from app.config.setting_sources import PREFIX, Resolved
from app.config.settings import KEYS, SECRETS

_FLAGS = tuple(key for key in KEYS if key not in SECRETS)


@click.group()
def config() -> None:
    """Show the settings, and where each comes from."""


@config.command()
@resolved_options(*_FLAGS)
@json_option
def show(resolved: Resolved, as_json: bool) -> None:
    """Show every setting and its source; secrets are hidden.

    Defaults < TOML file (--config) < environment (HOLDFAST_...) < flags.
    """
    values = {key: value for key, value in resolved.settings.redacted().items() if not KEYS[key].hidden}
    if as_json:
        for key, value in values.items():
            click.echo(json.dumps({"key": key, "value": value, "source": resolved.sources[key]}, ensure_ascii=False))
        return
    table = Table("setting", "value", "from", "what it is", box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for key, value in values.items():
        source = resolved.sources[key]
        shown = "-" if value in (None, "") else str(value)
        table.add_row(PREFIX + key.upper(), shown, source, KEYS[key].help, style=_style(source))
    console().print(table)


def _style(source: str) -> str:
    return "dim" if source == "default" else ""
