"""The pages of deploy/docs that list what the code declares, settings and metrics: ``python -m app.generate.docs``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin

import click
from msgspec import Meta

from app.config.setting_sources import CONFIG_VARIABLE, PREFIX, plain_type
from app.config.settings import KEYS, SECRETS, TYPES, Settings
from app.learner.metrics import LearnerMetrics
from app.process.series import Series
from app.relay.metrics import RelayMetrics
from app.worker.metrics import Metrics
from streams.embedded_kafka.broker_settings import VARIABLES

DIRECTORY: Final = Path(__file__).parents[2] / "deploy" / "docs"
_MADE: Final = "Made by `python -m app.generate.docs`; a test holds it to the code."
_WORDS: Final = {str: "text", int: "whole number", float: "number", bool: "true, false", Path: "file"}


def pages() -> dict[str, str]:
    """The generated pages by their names."""
    return {"settings.md": _settings(), "metrics.md": _metrics()}


def _settings() -> str:
    shown = [key for key, about in KEYS.items() if not about.hidden]
    rows = [(f"`{PREFIX}{key.upper()}`", _values(key), _default(key), KEYS[key].help) for key in shown]
    secrets = ", ".join(f"`{PREFIX}{key.upper()}`" for key in KEYS if key in SECRETS)
    return "\n".join(
        [
            "# Settings",
            "",
            f"Defaults < TOML file (`--config`, `{CONFIG_VARIABLE}`) < environment < flags. In the file a setting has"
            f' its name without `{PREFIX}`, in small letters (`group = "night"`, or `username` in a table `[sasl]`); as'
            " a flag with hyphens (`--topic-prefix`), on commands that need it. An unknown name is an error that"
            " suggests the nearest. `holdfast config show` prints all, with the source of each.",
            "",
            f"Secrets ({secrets}) come by environment, or from the file that the same name with `_FILE` names; in TOML"
            " from the file that `sasl_password_file` names; never by a flag.",
            "",
            *_table(("variable", "value", "default", "meaning"), rows),
            "",
            "The embedded Kafka of first steps reads, from the environment only:",
            "",
            *_table(("variable", "meaning"), [(f"`{name}`", text) for name, text in VARIABLES.items()]),
            "",
            _MADE,
            "",
        ]
    )


def _values(key: str) -> str:
    """The allowed values of a setting.

    Examples
    --------
    >>> _values("metrics_port"), _values("lang"), _values("base_rate")
    ('whole number, 0 to 65535', '`en`, `zh`', 'number, over 0, under 1')
    """
    kind = plain_type(TYPES[key])
    if get_origin(kind) is Literal:
        # Sorted: of two literals with the same words Python may give either, by whichever was made first.
        return ", ".join(f"`{word}`" for word in sorted(get_args(kind)))
    if get_origin(kind) is tuple:
        return "list"
    return ", ".join([_WORDS[kind], *_bounds(TYPES[key])])


def _bounds(kind: Any) -> Iterator[str]:
    for each in get_args(kind):
        if isinstance(each, Meta):
            yield from _bound(each)
        elif each is not NoneType:
            yield from _bounds(each)


def _bound(meta: Meta) -> Iterator[str]:
    if meta.ge is not None and meta.le is not None:
        yield f"{meta.ge} to {meta.le}"
        return
    words = {"ge": "from {}", "gt": "over {}", "le": "up to {}", "lt": "under {}", "pattern": "`{}`"}
    words |= {"min_length": "{} or more characters", "max_length": "up to {} characters"}
    for name, text in words.items():
        if (limit := getattr(meta, name)) is not None:
            yield text.format(limit)


def _default(key: str) -> str:
    found = Settings().redacted()[key]
    return "" if found in (None, "") else f"`{str(found).lower() if isinstance(found, bool) else found}`"


def _metrics() -> str:
    worker, learner, relay = Metrics(), LearnerMetrics(), RelayMetrics(["NAME"], ["NAME"])
    return "\n".join(
        [
            "# Metrics",
            "",
            "Of a worker, the learner and the relay, at `/metrics` on `HOLDFAST_METRICS_PORT`. Counts are made after"
            " the commit. Series whose label values are known beforehand are there from the start, at zero; what is not"
            " known yet is NaN. No label carries a subscriber.",
            "",
            "## Worker",
            "",
            *_families(worker),
            "",
            "## Learner",
            "",
            *_families(learner),
            "",
            "## Relay",
            "",
            *_families(relay),
            "",
            "## Values of labels",
            "",
            "Of those that are known beforehand; `partition`, `unit` and `version` are open, and `NAME` stands for an"
            " endpoint.",
            "",
            *_table(("label", "of", "values"), _label_values((worker, learner, relay))),
            "",
            _MADE,
            "",
        ]
    )


def _families(series: Series) -> list[str]:
    rows = [
        (
            f"`{each.name}{'_total' * (each.type == 'counter')}`",
            each.type,
            " ".join(f"`{label}`" for label in series.label_names.get(each.name, ())),
            each.documentation,
        )
        for each in series.registry.collect()
    ]
    return _table(("metric", "type", "labels", "meaning"), rows)


def _label_values(of: Iterable[Series]) -> list[tuple[str, str, str]]:
    """Labels, the families that have the same values of it, and those values."""
    families: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for series in of:
        for family in series.registry.collect():
            for label in series.label_names.get(family.name, ()):
                if values := tuple(dict.fromkeys(sample.labels[label] for sample in family.samples)):
                    families.setdefault((label, values), []).append(f"`{family.name}`")
    return [
        (f"`{label}`", " ".join(names), " ".join(f"`{value}`" for value in values))
        for (label, values), names in sorted(families.items())
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    cells = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return [f"| {' | '.join(row)} |" for row in cells]


@click.command()
def main() -> None:
    """Write settings.md and metrics.md."""
    for name, text in pages().items():
        (DIRECTORY / name).write_text(text, encoding="utf-8")
        click.echo(name, err=True)


if __name__ == "__main__":
    main()
