"""Sources of the settings: defaults < TOML file < environment < flags.

An unknown key stops the start with the nearest known key, since a mistyped ``HOLDFAST_TOPIC_PREFX`` would otherwise
let a trial run write into the production topics.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

from app.config.settings import KEYS, SECRETS, TYPES, Settings, SettingsError
from streams.embedded_kafka.broker_settings import VARIABLES

PREFIX: Final = "HOLDFAST_"
CONFIG_VARIABLE: Final = "HOLDFAST_CONFIG"
NOT_SETTINGS: Final = frozenset({CONFIG_VARIABLE, *VARIABLES})
"""Variables that the embedded broker reads itself; they are no settings."""

_SERVICE_LINK: Final = re.compile(r"HOLDFAST(_\w+)?_(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP)(_\w+)?)?)")
"""Variables that Kubernetes sets in every pod next to a service named ``holdfast-...``: no mistake of the operator."""
_SPOKEN: Final = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
_EXPECTED: Final = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path"}


class Resolved(NamedTuple):
    """The settings, and the source of each value."""

    settings: Settings
    sources: dict[str, str]


class _Given(NamedTuple):
    """A value as a source gave it; ``name`` is the key as written there."""

    name: str
    key: str
    value: object
    source: str


def resolve(
    flags: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
    config: Path | None = None,
) -> Resolved:
    """Read the sources in their order.

    Parameters
    ----------
    flags
        Flags of the command line; None means not given.
    environment
        The environment; None means that of the process.
    config
        The TOML file of ``--config``; None means that of ``HOLDFAST_CONFIG``.

    Examples
    --------
    >>> resolve({"partitions": 4}, {"HOLDFAST_PARTITIONS": "2", "HOLDFAST_GROUP": "g"}).settings.partitions
    4
    >>> resolve({}, {"HOLDFAST_TOPIC_PREFX": "trial."})
    Traceback (most recent call last):
    ...
    app.config.settings.SettingsError: HOLDFAST_TOPIC_PREFX is no setting: did you mean HOLDFAST_TOPIC_PREFIX?
    """
    environment = os.environ if environment is None else environment
    if config is None and environment.get(CONFIG_VARIABLE):
        config = Path(environment[CONFIG_VARIABLE])
    values: dict[str, object] = {}
    sources = dict.fromkeys(KEYS, "default")
    faults: list[str] = []
    for given in [*_from_file(config, faults), *_from_environment(environment, faults), *_from_flags(flags or {})]:
        try:
            values[given.key] = _converted(given.value, TYPES[given.key])
        except ValueError as error:
            faults.append(f"{given.name}: {error} ({KEYS[given.key].help})")
        sources[given.key] = given.source
    if faults:
        raise SettingsError(*faults)
    return Resolved(_checked(values, sources), sources)


def _checked(values: dict[str, Any], sources: Mapping[str, str]) -> Settings:
    """Make the settings; a fault names the source of the value, since four sources may have set it."""
    try:
        return Settings(**values)
    except SettingsError as error:
        told = []
        for fault in error.faults:
            source = sources[fault.partition(":")[0]]
            told.append(fault if source == "default" else f"{fault} (from {source})")
        raise SettingsError(*told) from None


def _from_flags(flags: Mapping[str, object]) -> Iterator[_Given]:
    for key, value in flags.items():
        if value is not None:
            flag = f"--{key.replace('_', '-')}"
            yield _Given(flag, key, value, flag)


def _from_file(path: Path | None, faults: list[str]) -> Iterator[_Given]:
    if path is None:
        return
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        faults.append(f"config: cannot read {path}: {error.strerror}")
        return
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(f"config: {path} is no TOML: {error}")
        return
    for name, value in _flat(document):
        if name in SECRETS:
            faults.append(f"{name} in {path}: secrets come by {PREFIX}{name.upper()} or by {name}_file only")
        elif name.removesuffix("_file") in SECRETS:
            yield from _secret_file(name, str(value), f"file {path}", faults)
        elif name not in KEYS:
            faults.append(f"{name} in {path} is no setting{_nearest(name, _file_keys())}")
        else:
            yield _Given(f"{name} in {path}", name, value, f"file {path}")


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Flatten tables: ``[sasl] username`` becomes ``sasl_username``."""
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}_")
        else:
            yield prefix + name, value


def _from_environment(environment: Mapping[str, str], faults: list[str]) -> Iterator[_Given]:
    for name, value in sorted(environment.items()):
        if not name.startswith(PREFIX) or name in NOT_SETTINGS:
            continue
        key = name.removeprefix(PREFIX).lower()
        linked = _is_service_link(name, value)
        if linked and key in KEYS:
            faults.append(f"{name}: {value!r} is a Kubernetes service link: set enableServiceLinks: false")
        elif linked or (not value and (key in KEYS or key.removesuffix("_file") in SECRETS)):
            # Compose and Helm pass an unset variable as an empty one.
            continue
        elif key in KEYS:
            yield _Given(name, key, value, f"environment {name}")
        elif key.removesuffix("_file") in SECRETS:
            yield from _secret_file(key, value, f"environment {name}", faults)
        else:
            faults.append(f"{name} is no setting{_nearest(name, _variables())}")


def _is_service_link(name: str, value: str) -> bool:
    """Distinguish ``HOLDFAST_X_PORT=tcp://...`` from a mistyped port."""
    return bool(_SERVICE_LINK.fullmatch(name)) and ("://" in value or not name.endswith("_PORT") or "_SERVICE_" in name)


def _secret_file(name: str, path: str, source: str, faults: list[str]) -> Iterator[_Given]:
    """A secret mounted as a file; a trailing newline is not part of it."""
    key = name.removesuffix("_file")
    try:
        yield _Given(name, key, Path(path).read_text(encoding="utf-8").rstrip("\r\n"), source)
    except (OSError, UnicodeDecodeError):
        faults.append(f"{name}: cannot read {path}")


def _file_keys() -> list[str]:
    return [key for key in KEYS if key not in SECRETS] + [f"{key}_file" for key in SECRETS]


def _variables() -> list[str]:
    return [PREFIX + key.upper() for key in [*KEYS, *(f"{key}_file" for key in SECRETS)]] + sorted(NOT_SETTINGS)


def _nearest(name: str, known: list[str]) -> str:
    # Compare without the prefix, which would make all names look similar.
    short = {each.removeprefix(PREFIX): each for each in known}
    nearest = get_close_matches(name.removeprefix(PREFIX), short, n=1, cutoff=0.6)
    return f": did you mean {short[nearest[0]]}?" if nearest else "; `holdfast config show` lists them"


def _converted(value: object, kind: Any) -> object:
    """`value` as the setting's type, or a ValueError with the expected type.

    Examples
    --------
    >>> _converted("on", bool), _converted("a:1, b:2", tuple[str, ...]), _converted("0.015", float | None)
    (True, ('a:1', 'b:2'), 0.015)
    >>> _converted("plaintext", Literal["PLAINTEXT", "SSL"])
    'PLAINTEXT'
    >>> _converted("8.5", int)
    Traceback (most recent call last):
    ...
    ValueError: expected a whole number, got '8.5'
    """
    plain = plain_type(kind)
    if get_origin(plain) is Literal:
        return _one_of(value, get_args(plain))
    if get_origin(plain) is tuple:
        parts = value if isinstance(value, list | tuple) else str(value).split(",")
        return tuple(part.strip() for part in map(str, parts) if part.strip())
    if plain is Path and isinstance(value, str | Path):
        return Path(value).expanduser()
    if plain is bool:
        value = _SPOKEN.get(str(value).casefold(), value)
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        # msgspec names a violated bound; for a wrong type it gives only Python's type name.
        bound = re.fullmatch(r"Expected `\w+` (.+)", str(error))
        expected = f"{_EXPECTED[plain]} {bound[1]}" if bound else _EXPECTED[plain]
        raise ValueError(f"expected {expected}, got {value!r}") from None


def plain_type(kind: Any) -> Any:
    """The type without annotations and without None."""
    if get_origin(kind) is Annotated:
        return plain_type(get_args(kind)[0])
    if get_origin(kind) is UnionType or get_origin(kind) is Union:
        return plain_type(next(member for member in get_args(kind) if member is not NoneType))
    return kind


def _one_of(value: object, words: tuple[str, ...]) -> str:
    for word in words:
        if str(value).casefold() == word.casefold():
            return word
    raise ValueError(f"expected one of {', '.join(words)}, got {value!r}")
