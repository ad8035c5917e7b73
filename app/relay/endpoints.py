"""Endpoints: their URLs, and their names in logs, metrics and consumer groups, none of which may hold a secret."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from app.errors import ExitCode, Refused

_NAMED: Final = re.compile(r"(?:(?P<name>[A-Za-z0-9._-]{1,64})=)?(?P<url>[A-Za-z0-9+.-]+://\S+)")
_DIGITS: Final = 8


class Endpoint(NamedTuple):
    """One endpoint.

    Attributes
    ----------
    name
        Name in metrics, logs and the consumer group; of the URL it shows no more than the host.
    url
        It may hold a secret: it is never shown.
    """

    name: str
    url: str

    def __repr__(self) -> str:
        """Without the URL, to keep it out of logs and tracebacks."""
        return f"Endpoint({self.name!r})"

    def group(self, group: str) -> str:
        """The consumer group that remembers how far this endpoint has come.

        Examples
        --------
        >>> Endpoint("crm", "https://crm.example.com/hook").group("holdfast")
        'holdfast.relay.crm'
        """
        return f"{group}.relay.{self.name}"

    @property
    def plain(self) -> bool:
        """Whether alerts would cross a network unencrypted.

        Examples
        --------
        >>> [Endpoint("", url).plain for url in ("http://crm.example.com/", "http://127.0.0.1:80/", "https://crm/")]
        [True, False, False]
        """
        found = urlsplit(self.url)
        return found.scheme == "http" and not _is_loopback(found.hostname or "")


def webhooks(given: Iterable[str]) -> list[Endpoint]:
    """HTTP endpoints from ``[NAME=]URL``.

    The name is the host and a digest of scheme, host and path: a token that changes in the query or before the host
    keeps its place in the topic.

    Raises
    ------
    app.errors.Refused
        If one is no HTTP URL, or two have one name. The message does not show the URL.

    Examples
    --------
    >>> [each.name for each in webhooks(["https://crm.example.com/hook?token=1", "spare=https://10.0.0.7/hook"])]
    ['crm.example.com-fcaa863e', 'spare']
    """
    found = []
    for number, text in enumerate(given, 1):
        name, url = _parted(text, f"--to, number {number},", "https://crm.example.com/alerts")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise _no_url(f"--to, number {number},", "https://crm.example.com/alerts") from None
        if parts.scheme not in {"http", "https"} or not host:
            raise _no_url(f"--to, number {number},", "https://crm.example.com/alerts")
        place = f"{parts.scheme}://{host}:{port}{parts.path}"
        found.append(Endpoint(name or f"{host.replace(':', '-')}-{_digest(place)}", url))
    return unique(found)


def chats(given: Iterable[str]) -> list[Endpoint]:
    """Chat and mail services from ``[NAME=]URL``; without a name it is the service's, and a digest of the URL.

    Examples
    --------
    >>> [each.name for each in chats(["desk=dingtalk://token", "json://127.0.0.1:8080"])]
    ['desk', 'json-bd5bb2d3']
    """
    found = []
    for number, text in enumerate(given, 1):
        name, url = _parted(text, f"--notify, number {number},", "dingtalk://TOKEN")
        found.append(Endpoint(name or f"{url.partition(':')[0]}-{_digest(url)}", url))
    return unique(found)


def unique(endpoints: list[Endpoint]) -> list[Endpoint]:
    """Return the endpoints, unless two have one name: those would share one consumer group.

    Raises
    ------
    app.errors.Refused
        If two have one name.
    """
    names = [each.name for each in endpoints]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Refused(f"two endpoints are called {twice}", "give one another name:  --to NAME=URL", code=ExitCode.USAGE)
    return endpoints


def _parted(text: str, what: str, example: str) -> tuple[str | None, str]:
    found = _NAMED.fullmatch(text)
    if found is None:
        raise _no_url(what, example)
    return found["name"], found["url"]


def _no_url(what: str, example: str) -> Refused:
    return Refused(f"{what} is not a usable URL", f"such as {example}", code=ExitCode.USAGE)


def _digest(text: str) -> str:
    """Digest of a text that may hold a secret. By scrypt: from a fast hash, a short password could be guessed."""
    return hashlib.scrypt(text.encode(), salt=b"holdfast-relay", n=1 << 14, r=8, p=1, dklen=_DIGITS // 2).hex()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
