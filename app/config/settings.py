"""What an operator can set, in one frozen value: read once at the start, printed redacted, passed down.

The order of precedence is that of the contract: defaults < TOML file < environment < flags.
``app.config.setting_sources`` reads those; here stands what there is to set, and whether a whole makes sense.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
LogLevel = Literal["debug", "info", "warning", "error"]
Language = Literal["en", "zh"]

DEFAULT_METRICS_PORT: Final = 9108
DEFAULT_CONSOLE_PORT: Final = 8080
REDACTED: Final = "********"
_TOPIC_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


class SettingsError(ValueError):
    """Settings that cannot be used; each fault names the key and where it came from."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def _about(text: str, *, secret: bool = False, hidden: bool = False) -> dict[str, Any]:
    """What a setting is for, in the words of ``--help``."""
    return {"help": text, "secret": secret, "hidden": hidden}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """See the module. The name of a field is the TOML key, and in capitals after ``HOLDFAST_`` the variable."""

    brokers: tuple[str, ...] = field(default=(), metadata=_about("Kafka brokers, host:port, comma-separated."))
    topic_prefix: str = field(default="", metadata=_about("Goes in front of every topic name."))
    group: str = field(default="holdfast", metadata=_about("Consumer group."))
    partitions: int = field(default=8, metadata=_about("Lanes: the partition count of every topic."))
    security_protocol: SecurityProtocol = field(default="PLAINTEXT", metadata=_about("How to speak to the brokers."))
    sasl_mechanism: SaslMechanism = field(default="SCRAM-SHA-512", metadata=_about("SASL mechanism."))
    sasl_username: str | None = field(default=None, metadata=_about("SASL user."))
    sasl_password: str | None = field(default=None, repr=False, metadata=_about("SASL password.", secret=True))
    ssl_cafile: Path | None = field(default=None, metadata=_about("Certificate authorities, PEM."))
    ssl_certfile: Path | None = field(default=None, metadata=_about("Client certificate, PEM."))
    ssl_keyfile: Path | None = field(default=None, metadata=_about("Key of the client certificate, PEM."))
    ssl_key_password: str | None = field(
        default=None, repr=False, metadata=_about("Password of that key.", secret=True)
    )
    ssl_check_hostname: bool = field(default=True, metadata=_about("Hold the broker's certificate against its name."))
    metrics_host: str = field(default="127.0.0.1", metadata=_about("Address of /metrics, /livez and /readyz."))
    metrics_port: int = field(
        default=DEFAULT_METRICS_PORT, metadata=_about("Port of /metrics, /livez and /readyz; 0 is a free one.")
    )
    console_host: str = field(default="127.0.0.1", metadata=_about("Address of the console."))
    console_port: int = field(default=DEFAULT_CONSOLE_PORT, metadata=_about("Port of the console; 0 is a free one."))
    model: Path | None = field(default=None, metadata=_about("Snapshot file of a model to serve frozen."))
    policy: Path | None = field(default=None, metadata=_about("Policy file, TOML."))
    learner: Path | None = field(default=None, metadata=_about("Numbers of the learner, TOML."))
    checkpoint_s: float = field(
        default=15.0, metadata=_about("Seconds that a learned example waits for a checkpoint at most.")
    )
    base_rate: float | None = field(
        default=None, metadata=_about("Share of subscribers who leave within 30 days, such as 0.015.")
    )
    poison_exit: bool = field(
        default=False, metadata=_about("End the worker when more than 5 % of the records are poison.")
    )
    log_level: LogLevel = field(default="info", metadata=_about("Least level that is logged."))
    lang: Language | None = field(
        default=None, metadata=_about("Language of cards and texts; the locale's when not set.")
    )
    timezone: str = field(
        default="Asia/Shanghai", metadata=_about("Time zone in which times are shown and the learner's days end.")
    )
    fail_at: str | None = field(
        default=None,
        metadata=_about("Fault tests only: the step at which the process dies, hangs or is struck.", hidden=True),
    )

    def __post_init__(self) -> None:
        """Refuse what cannot work, at once and with every fault named."""
        if faults := [*self._range_faults(), *self._security_faults(), *self._path_faults()]:
            raise SettingsError(*faults)

    def _range_faults(self) -> list[str]:
        faults = []
        if bad := set(self.topic_prefix) - _TOPIC_CHARACTERS:
            faults.append(f"topic_prefix: {''.join(sorted(bad))!r} cannot stand in a topic name")
        if len(self.topic_prefix) > 200:
            faults.append("topic_prefix: longer than 200 characters")
        if not self.group:
            faults.append("group: must not be empty")
        if not 1 <= self.partitions <= 10_000:
            faults.append(f"partitions: {self.partitions} is not between 1 and 10000")
        faults += [
            f"{name}: {port} is no port (0 to 65535)"
            for name, port in (("metrics_port", self.metrics_port), ("console_port", self.console_port))
            if not 0 <= port <= 65_535
        ]
        if self.base_rate is not None and not 0 < self.base_rate < 1:
            faults.append(f"base_rate: {self.base_rate} is not between 0 and 1; 1.5 % is 0.015")
        if not 0 < self.checkpoint_s <= 3600:
            faults.append(f"checkpoint_s: {self.checkpoint_s} is not between 0 and 3600")
        if not _is_timezone(self.timezone):
            faults.append(f"timezone: {self.timezone!r} is unknown; such as Asia/Shanghai")
        faults += [f"brokers: {broker!r} is not host:port" for broker in self.brokers if not _is_address(broker)]
        return faults

    def _security_faults(self) -> list[str]:
        faults = []
        if self.uses_sasl:
            faults += [
                f"{name}: needed with security_protocol {self.security_protocol}"
                for name in ("sasl_username", "sasl_password")
                if not getattr(self, name)
            ]
        if self.ssl_keyfile is not None and self.ssl_certfile is None:
            faults.append("ssl_keyfile: of no use without ssl_certfile")
        return faults

    def _path_faults(self) -> list[str]:
        paths = ("ssl_cafile", "ssl_certfile", "ssl_keyfile", "model", "policy", "learner")
        return [
            f"{name}: no file at {path}"
            for name in paths
            if (path := getattr(self, name)) is not None and not path.is_file()
        ]

    @property
    def uses_sasl(self) -> bool:
        """Whether brokers ask for a user."""
        return self.security_protocol.startswith("SASL_")

    @property
    def bootstrap(self) -> str:
        """The brokers as one string, as Kafka's own tools take them."""
        return ",".join(self.brokers)

    def ssl_context(self) -> ssl.SSLContext | None:
        """Context for TLS, or None when the brokers speak plain text."""
        if not self.security_protocol.endswith("SSL"):
            return None
        context = ssl.create_default_context(cafile=self.ssl_cafile)
        context.check_hostname = self.ssl_check_hostname
        if self.ssl_certfile is not None:
            context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile, self.ssl_key_password)
        return context

    def kafka_client_kwargs(self) -> dict[str, Any]:
        """Keyword arguments that every aiokafka client takes: where the brokers are, and how to be let in."""
        kwargs: dict[str, Any] = {
            "bootstrap_servers": list(self.brokers),
            "security_protocol": self.security_protocol,
        }
        if (context := self.ssl_context()) is not None:
            kwargs["ssl_context"] = context
        if self.uses_sasl:
            kwargs["sasl_mechanism"] = self.sasl_mechanism
            kwargs["sasl_plain_username"] = self.sasl_username
            kwargs["sasl_plain_password"] = self.sasl_password
        return kwargs

    def redacted(self) -> dict[str, str | int | float | bool | None]:
        """Every setting as it may be printed."""
        return {f.name: _shown(getattr(self, f.name), secret=f.metadata["secret"]) for f in fields(self)}


def _is_address(broker: str) -> bool:
    host, colon, port = broker.rpartition(":")
    return bool(host and colon) and port.isdecimal() and 0 < int(port) <= 65_535


def _is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True


def _shown(value: object, *, secret: bool) -> str | int | float | bool | None:
    if secret and value is not None:
        return REDACTED
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, Path):
        return str(value)
    return value if value is None or isinstance(value, int | float) else str(value)


SECRETS: Final = frozenset(f.name for f in fields(Settings) if f.metadata["secret"])
KEYS: Final[Mapping[str, Any]] = {f.name: f for f in fields(Settings)}
"""Every setting by name, with its help text in ``metadata``."""
