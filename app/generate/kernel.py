"""Regenerate the hot path after a change of columns, features or its parts: ``python -m app.generate.kernel``."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from models.features.kernel_text import kernel_text


@click.command()
def main() -> None:
    """Write models/kernel/compiled.py from the parts and declarations beside it."""
    path = Path(str(files("models.kernel"))) / "compiled.py"
    text = kernel_text()
    path.write_text(text, encoding="utf-8")
    click.echo(f"{path.name}: {len(text.splitlines())} lines", err=True)


if __name__ == "__main__":
    main()
