"""``holdfast kafka`` and ``holdfast bundle``: a real Kafka on this machine, for the demo and first steps."""

from __future__ import annotations

import json
import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import click

from app.errors import ExitCode, Refused
from app.kafka.download_bar import DownloadBar
from streams.embedded_kafka.broker import AlreadyRunningError, EmbeddedBroker
from streams.embedded_kafka.broker_error import BrokerError
from streams.embedded_kafka.broker_home import BrokerHome
from streams.embedded_kafka.broker_settings import BrokerSettings
from streams.embedded_kafka.jars import KAFKA_VERSION, JarStore, ensure_jars, install_bundle, pack_bundle
from streams.embedded_kafka.ports import kafka_answers

P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_PORT: Final = 9092
"""Kafka's usual port."""

_data = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory of the broker's data and log.  [default: kafka below the user's state directory]",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
_wipe = click.option("--wipe", is_flag=True, help="Delete the broker's data.")


def _refusing(command: Callable[P, R]) -> Callable[P, R]:
    """Show an obstacle as one message and exit 1."""

    @wraps(command)
    def refused(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except BrokerError as error:
            raise Refused(str(error)) from error

    return refused


@click.group()
def kafka() -> None:
    """Run a Kafka of your own on this machine (production sets HOLDFAST_BROKERS instead)."""


@kafka.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Port for clients; if it is taken, the next free one.",
)
@_data
@_json
@click.option("--foreground", is_flag=True, help="Stay until Ctrl-C, and stop the broker then.")
@_wipe
@_refusing
def start(port: int, data: Path | None, as_json: bool, foreground: bool, wipe: bool) -> None:
    """Start the broker; returns when it is ready, and the broker keeps running."""
    settings = BrokerSettings.from_environment()
    home = _home(data, settings)
    if wipe:
        _wipe_data(home)
    with DownloadBar() as bar:
        try:
            broker = EmbeddedBroker.start(
                home.directory, port, or_next=True, parent_bound=foreground, settings=settings, talk=bar
            )
        except AlreadyRunningError as running:
            bar.say(str(running))
            _print_bootstrap(running.resident.bootstrap, as_json=as_json)
            return
    if foreground:
        _stay(broker, as_json=as_json)
        return
    _print_bootstrap(broker.bootstrap, as_json=as_json)
    bar.say(f"Data and log: {home.directory}. Stop it: holdfast kafka stop{_again(data)}")


@kafka.command()
@_data
@_wipe
@_refusing
def stop(data: Path | None, wipe: bool) -> None:
    """Stop the broker; data is kept unless --wipe."""
    home = _home(data, BrokerSettings.from_environment())
    stopped = home.evict()
    if stopped:
        click.echo(f"Stopped the broker on {stopped.bootstrap}.", err=True)
    else:
        click.echo(f"No broker runs on {home.directory}.", err=True)
    if wipe:
        _wipe_data(home)


@kafka.command()
@_data
@_json
@_refusing
def status(data: Path | None, as_json: bool) -> None:
    """Show whether the broker runs: exit 0, or 3 if it does not (or is not ready yet)."""
    home = _home(data, BrokerSettings.from_environment())
    resident = home.resident()
    running = resident is not None and kafka_answers(resident.port)
    if as_json:
        found = {"bootstrap": resident.bootstrap, "pid": resident.pid} if resident else {"bootstrap": None, "pid": None}
        click.echo(json.dumps({"running": running, **found, "data": str(home.directory)}))
    elif resident is None:
        click.echo(f"No broker runs on {home.directory}.")
    else:
        state = "Ready" if running else "Not answering yet"
        click.echo(f"{state}: {resident.bootstrap} (pid {resident.pid}), data in {home.directory}.")
    if not running:
        raise click.exceptions.Exit(int(ExitCode.NOT_FOUND))


@click.command()
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option(
    "--install",
    "source",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Take the jars from a bundle instead of making one.",
)
@_json
@_refusing
def bundle(target: Path | None, source: Path | None, as_json: bool) -> None:
    """Pack the embedded Kafka's jars into TARGET (.tar.gz), for machines without Internet."""
    if (target is None) == (source is None):
        raise click.UsageError("Give the file to write, or --install FILE.")
    settings = BrokerSettings.from_environment()
    if source is not None:
        _install(source, settings, as_json=as_json)
    elif target is not None:
        _pack(target, settings, as_json=as_json)


def _install(source: Path, settings: BrokerSettings, *, as_json: bool) -> None:
    store = JarStore(settings.cache)
    with store.locked():
        install_bundle(source, store)
        store.mark_complete()
    _print({"installed": str(store.directory)}, f"Kafka {KAFKA_VERSION} is in {store.directory}.", as_json=as_json)


def _pack(target: Path, settings: BrokerSettings, *, as_json: bool) -> None:
    with DownloadBar() as bar:
        store = ensure_jars(settings, bar)
    digest = pack_bundle(store, target)
    size = target.stat().st_size
    _print(
        {"bundle": str(target), "bytes": size, "sha256": digest},
        f"{target}: {size / 1e6:.0f} MB, SHA-256 {digest}",
        as_json=as_json,
    )
    click.echo(
        "\nOn this machine, for the same system and Python as the other (the wheels hold Holdfast and a Java):\n"
        "  pip wheel --wheel-dir wheels '.[demo]'          # in Holdfast's source directory\n"
        "On the other machine:\n"
        "  pip install --no-index --find-links wheels 'holdfast[demo]'\n"
        f"  holdfast bundle --install {target.name}",
        err=True,
    )


def _home(data: Path | None, settings: BrokerSettings) -> BrokerHome:
    return BrokerHome(data or settings.state / "kafka")


def _stay(broker: EmbeddedBroker, *, as_json: bool) -> None:
    """Keep the broker running until Ctrl-C or SIGTERM; a broker that ends by itself is a failure."""
    with broker, _terminated_as_interrupted():
        try:
            _print_bootstrap(broker.bootstrap, as_json=as_json)
            click.echo("Ctrl-C stops it.", err=True)
            in_order = broker.wait()
        except KeyboardInterrupt:
            click.echo("Stopping Kafka.", err=True)
            return
    if not in_order:
        raise Refused(f"Kafka ended by itself. The end of {broker.home.log}:\n{broker.home.log_tail()}")


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    def interrupt(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _wipe_data(home: BrokerHome) -> None:
    resident = home.resident()
    if resident:
        raise Refused(f"A broker runs on {home.directory} (pid {resident.pid}).", "holdfast kafka stop --wipe")
    if home.wipe():
        click.echo(f"Deleted the broker's data in {home.directory}.", err=True)


def _print_bootstrap(bootstrap: str, *, as_json: bool) -> None:
    _print(
        {"bootstrap": bootstrap}, f"Kafka is ready on {bootstrap}: export HOLDFAST_BROKERS={bootstrap}", as_json=as_json
    )


def _print(found: dict[str, object], text: str, *, as_json: bool) -> None:
    click.echo(json.dumps(found) if as_json else text)


def _again(data: Path | None) -> str:
    return f" --data {shlex.quote(str(data))}" if data else ""
