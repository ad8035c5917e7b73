"""Flags that many commands share, and the settings made of them."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Final, Literal, ParamSpec, TypeVar, get_args, get_origin

import click
from rich.console import Console

from app.config.setting_sources import Resolved, plain_type, resolve
from app.config.settings import KEYS, SECRETS, TYPES, Language, Settings, SettingsError
from app.errors import ExitCode, Refused
from models.contract.alerts import UNASSIGNED, UNASSIGNED_TEXT

P = ParamSpec("P")
R = TypeVar("R")

PLACE: Final = ("brokers", "topic_prefix")
"""Settings needed to read anything."""
PIPE_WIDTH: Final = 120


def _with_unassigned(_context: click.Context, _option: click.Parameter, units: tuple[str, ...]) -> tuple[str, ...]:
    """Who names the queue without a unit as it is shown means the name that records have; a unit may be called so."""
    return (*units, UNASSIGNED) if UNASSIGNED_TEXT.zh in units else units


units_option = click.option(
    "--unit",
    "units",
    multiple=True,
    callback=_with_unassigned,
    help=f"Only this unit's; may be repeated. Without one: {UNASSIGNED}, {UNASSIGNED_TEXT.zh}.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")


def settings_options(
    *keys: str,
) -> Callable[[Callable[Concatenate[Settings, P], R]], Callable[..., R]]:
    """Give a command ``--config`` and flags for the settings `keys`, and pass it the settings; brokers are required."""

    def decorate(verb: Callable[Concatenate[Settings, P], R]) -> Callable[..., R]:
        @wraps(verb)
        def with_settings(*args: P.args, **kwargs: P.kwargs) -> R:
            return verb(needing_brokers(taken(keys, kwargs).settings), *args, **kwargs)

        return _flagged(with_settings, keys)

    return decorate


def resolved_options(*keys: str) -> Callable[[Callable[Concatenate[Resolved, P], R]], Callable[..., R]]:
    """Like :func:`settings_options`, but with the sources, and brokers are not required."""

    def decorate(verb: Callable[Concatenate[Resolved, P], R]) -> Callable[..., R]:
        @wraps(verb)
        def with_resolved(*args: P.args, **kwargs: P.kwargs) -> R:
            return verb(taken(keys, kwargs), *args, **kwargs)

        return _flagged(with_resolved, keys)

    return decorate


def taken(keys: tuple[str, ...], kwargs: dict[str, Any]) -> Resolved:
    """Take the flags of `keys` out of a command's arguments, and resolve the settings.

    Raises
    ------
    app.errors.Refused
        If a source has a fault; the message lists all of them.
    """
    flags = {key: kwargs.pop(key) for key in keys}
    config = kwargs.pop("config")
    context = click.get_current_context(silent=True)
    if config is None and context is not None:
        config = context.find_root().obj
    try:
        return resolve(flags, config=config)
    except SettingsError as error:
        raise Refused("the settings cannot be used", *error.faults, code=ExitCode.USAGE) from None


def needing_brokers(settings: Settings) -> Settings:
    """Refuse to guess where Kafka is: on a production host the guess could be another cluster."""
    if not settings.brokers:
        raise Refused(
            "no Kafka brokers are set",
            "a Kafka for first steps:  holdfast kafka start",
            "then, or for your own:    export HOLDFAST_BROKERS=host:port[,host:port...]",
            code=ExitCode.USAGE,
        )
    return settings


def language(settings: Settings, environment: Mapping[str, str] = os.environ) -> Language:
    """Language of texts: the setting, else the locale's.

    Examples
    --------
    >>> language(Settings(), {"LANG": "zh_CN.UTF-8"}), language(Settings(lang="en"), {"LC_ALL": "zh_CN.UTF-8"})
    ('zh', 'en')
    >>> language(Settings(), {})
    'en'
    """
    if settings.lang is not None:
        return settings.lang
    locale = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    return "zh" if locale.casefold().startswith("zh") else "en"


def console(*, stderr: bool = False) -> Console:
    """Console for tables and cards; wide enough for a table if neither a terminal nor COLUMNS defines the width."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or os.environ.get("COLUMNS", "").isdecimal() else PIPE_WIDTH
    return Console(stderr=stderr, highlight=False, markup=False, width=width)


@contextmanager
def talking_to(settings: Settings) -> Iterator[None]:
    """Turn an unreachable or refusing cluster into a message; anything else is a bug and keeps its traceback."""
    from streams.kafka.topic_tail import REFUSED, UNREACHABLE

    # The client's lines about each attempt would bury our message.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        yield
    except BrokenPipeError:
        raise  # of stdout: a client's own is a KafkaConnectionError
    except (*UNREACHABLE, REFUSED) as error:
        raise refusal(error, settings.bootstrap) or error from error


def refusal(error: BaseException, bootstrap: str) -> Refused | None:
    """The message for an error of an unreachable or refusing cluster; None for any other error."""
    from streams.kafka.topic_tail import REFUSED, UNREACHABLE

    if isinstance(error, UNREACHABLE):
        return Refused(
            f"no Kafka broker answers at {bootstrap}",
            "does it run?    holdfast kafka status",
            "another one:    export HOLDFAST_BROKERS=host:port",
            code=ExitCode.NOT_FOUND,
        )
    if isinstance(error, REFUSED):
        return Refused(f"Kafka at {bootstrap} refused: {type(error).__name__}: {error}")
    return None


def _flagged(verb: Callable[..., R], keys: tuple[str, ...]) -> Callable[..., R]:
    verb = click.option(
        "--config", type=click.Path(path_type=Path, dir_okay=False), help="Settings file, TOML.  [HOLDFAST_CONFIG]"
    )(verb)
    for key in reversed(keys):
        verb = _flag(key)(verb)
    return verb


def _flag(key: str) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Make a flag of a setting; its value is checked with those of the other sources, so faults read the same."""
    if key in SECRETS:
        raise ValueError(f"{key} is a secret: a command line is seen by everybody on the machine")
    about, kind, flag = KEYS[key], plain_type(TYPES[key]), "--" + key.replace("_", "-")
    if kind is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", key, default=None, help=about.help, hidden=about.hidden)
    return click.option(flag, key, metavar=_metavar(kind), help=about.help, hidden=about.hidden)


def _metavar(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "|".join(get_args(kind))
    return {int: "NUMBER", float: "NUMBER", Path: "FILE"}.get(kind, "TEXT")
