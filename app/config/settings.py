"""All settings of the operator in one frozen value: read once at the start, printed redacted, passed down.

Precedence, as in the contract: defaults < TOML file < environment < flags. ``app.config.setting_sources`` reads the
sources; this module defines the settings and checks them as a whole.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta, Struct

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
LogLevel = Literal["debug", "info", "warning", "error"]
Language = Literal["en", "zh"]

DEFAULT_METRICS_PORT: Final = 9108
REDACTED: Final = "********"


class SettingsError(ValueError):
    """Settings that cannot be used; each fault names the key and its source."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class About(NamedTuple):
    """Help text of a setting, and whether it is secret or hidden."""

    help: str
    secret: bool = False
    hidden: bool = False


Port = Annotated[int, Meta(ge=0, le=65_535)]


class Settings(Struct, frozen=True, kw_only=True):
    """All settings. A field's name is the TOML key, and in capitals after ``HOLDFAST_`` the environment variable."""

    brokers: Annotated[tuple[str, ...], About("Kafka brokers, host:port, comma-separated.")] = ()
    topic_prefix: Annotated[
        str, Meta(pattern=r"^[a-zA-Z0-9._-]*$", max_length=200), About("Prefix of every topic name.")
    ] = ""
    group: Annotated[
        str, Meta(min_length=1), About("Consumer group of the workers; the relay's groups begin with its name.")
    ] = "holdfast"
    partitions: Annotated[
        int, Meta(ge=1, le=10_000), About("Partitions of every topic, which is the number of lanes.")
    ] = 8
    security_protocol: Annotated[SecurityProtocol, About("Security protocol of the brokers.")] = "PLAINTEXT"
    sasl_mechanism: Annotated[SaslMechanism, About("SASL mechanism.")] = "SCRAM-SHA-512"
    sasl_username: Annotated[str | None, About("SASL user.")] = None
    sasl_password: Annotated[str | None, About("SASL password.", secret=True)] = None
    ssl_cafile: Annotated[Path | None, About("Certificate authorities to trust, a PEM file.")] = None
    ssl_certfile: Annotated[Path | None, About("Client certificate, a PEM file.")] = None
    ssl_keyfile: Annotated[Path | None, About("Key of the client certificate, a PEM file.")] = None
    ssl_key_password: Annotated[str | None, About("Password of the client certificate's key.", secret=True)] = None
    ssl_check_hostname: Annotated[bool, About("Check the broker's certificate against its name.")] = True
    metrics_host: Annotated[str, About("Address of /metrics, /livez and /readyz.")] = "127.0.0.1"
    metrics_port: Annotated[Port, About("Port of /metrics, /livez and /readyz; 0 is a free one.")] = (
        DEFAULT_METRICS_PORT
    )
    model: Annotated[Path | None, About("Model snapshot, a file, served instead of the topic's models.")] = None
    policy: Annotated[Path | None, About("Policy, a TOML file, in force instead of the topic's policies.")] = None
    policy_key: Annotated[
        Annotated[str, Meta(min_length=16)] | None,
        About("Key that signs published policies; if set, only policies signed with it are used.", secret=True),
    ] = None
    learner: Annotated[Path | None, About("Settings of the learner, a TOML file.")] = None
    checkpoint_s: Annotated[
        float, Meta(gt=0, le=3600), About("Longest time in seconds that a learned example waits for a checkpoint.")
    ] = 15.0
    base_rate: Annotated[
        Annotated[float, Meta(gt=0, lt=1)] | None,
        About("Share of subscribers who leave within 30 days, such as 0.015."),
    ] = None
    poison_exit: Annotated[
        bool, About("End the worker (exit 65) when more than 5 % of its records cannot be read.")
    ] = False
    relay_to: Annotated[
        str | None, About("HTTP endpoints of the relay, each [NAME=]URL, separated by spaces or lines.", secret=True)
    ] = None
    relay_notify: Annotated[
        str | None,
        About(
            "Chat and mail services of the relay, each [NAME=]URL as of apprise, separated by spaces or lines.",
            secret=True,
        ),
    ] = None
    relay_secret: Annotated[
        str | None,
        About("Keys that the relay signs with, each whsec_ and Base64, separated by spaces or lines.", secret=True),
    ] = None
    log_level: Annotated[LogLevel, About("Lowest level that is logged.")] = "info"
    lang: Annotated[Language | None, About("Language of cards and texts; by default the locale's.")] = None
    timezone: Annotated[str, About("Time zone in which times are shown and the learner's days end.")] = "Asia/Shanghai"
    fail_at: Annotated[
        str | None, About("Fault tests only: the step at which the process dies, hangs or fails.", hidden=True)
    ] = None

    def __post_init__(self) -> None:
        """Refuse settings that cannot work, naming every fault at once."""
        if faults := [*self._word_faults(), *self._security_faults(), *self._path_faults()]:
            raise SettingsError(*faults)

    def _word_faults(self) -> list[str]:
        faults = [f"brokers: {broker!r} is not host:port" for broker in self.brokers if not _is_address(broker)]
        if not _is_timezone(self.timezone):
            faults.append(f"timezone: {self.timezone!r} is unknown; such as Asia/Shanghai")
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
        """Whether the brokers require a user."""
        return self.security_protocol.startswith("SASL_")

    @property
    def bootstrap(self) -> str:
        """The brokers as one string, as for Kafka's own tools."""
        return ",".join(self.brokers)

    def ssl_context(self) -> ssl.SSLContext | None:
        """Context for TLS, or None without TLS."""
        if not self.security_protocol.endswith("SSL"):
            return None
        context = ssl.create_default_context(cafile=self.ssl_cafile)
        context.check_hostname = self.ssl_check_hostname
        if self.ssl_certfile is not None:
            context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile, self.ssl_key_password)
        return context

    def kafka_client_kwargs(self) -> dict[str, Any]:
        """Keyword arguments of every aiokafka client: addresses and security."""
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
        return {key: _shown(getattr(self, key), secret=about.secret) for key, about in KEYS.items()}

    def __repr__(self) -> str:
        """The usual repr with secrets hidden, to keep them out of logs and tracebacks."""
        return f"Settings({', '.join(f'{key}={value!r}' for key, value in self.redacted().items())})"


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


TYPES: Final = get_type_hints(Settings, include_extras=True)
KEYS: Final[Mapping[str, About]] = {
    key: next(extra for extra in kind.__metadata__ if isinstance(extra, About)) for key, kind in TYPES.items()
}
"""Every setting by name, with its help text."""
SECRETS: Final = frozenset(key for key, about in KEYS.items() if about.secret)
