"""Write a file for each dashboard."""

from __future__ import annotations

import click

from app.generate.dashboards.rendering import DIRECTORY, rendered


@click.command()
def main() -> None:
    """Write deploy/grafana/*.json."""
    for name, text in rendered().items():
        (DIRECTORY / name).write_text(text, encoding="utf-8")
        click.echo(name, err=True)


if __name__ == "__main__":
    main()
