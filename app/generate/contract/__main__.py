"""Write the schemas and the AsyncAPI document, or make a release of them."""

from __future__ import annotations

import click

from app.errors import Refused
from app.generate.contract.asyncapi import asyncapi
from app.generate.contract.breaking import breaks, release
from app.generate.contract.schemas import DIRECTORY, rendered, schemas


def files() -> dict[str, str]:
    """Every generated file of the folder, by name; the AsyncAPI document refers to the others."""
    documents = {f"{topic}.schema.json": body for topic, body in schemas().items()}
    documents["asyncapi.json"] = asyncapi()
    return {name: rendered(body) for name, body in documents.items()}


@click.command()
@click.option("--release", "releasing", is_flag=True, help="Also fix the schemas as released, unless one breaks.")
def main(releasing: bool) -> None:
    """Write deploy/contract from the types."""
    for name, text in files().items():
        (DIRECTORY / name).write_text(text, encoding="utf-8")
        click.echo(name, err=True)
    if releasing:
        if found := breaks():
            raise Refused("the last release would break: a new major needs a topic of its own", *found)
        release()


if __name__ == "__main__":
    main()
