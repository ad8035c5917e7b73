"""Signatures, by which a receiver verifies that an alert is ours and new: Standard Webhooks 1.0, HMAC-SHA256.

Signed is ``id.timestamp.body``. Receivers have a library for it in most languages (standardwebhooks.com).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from typing import Final

from app.errors import ExitCode, Refused

_PREFIX: Final = "whsec_"
_LEAST: Final = 24
"""Bytes; the standard asks for 24 to 64."""
MAKE_ONE: Final = 'export HOLDFAST_RELAY_SECRET="whsec_$(openssl rand -base64 32)"'


def signing_keys(text: str | None) -> tuple[bytes, ...]:
    """The keys, each of which signs: two while one replaces the other.

    Raises
    ------
    app.errors.Refused
        If there is none, or one is no such key. The message does not show it.

    Examples
    --------
    >>> [len(key) for key in signing_keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [24]
    """
    found = []
    for number, word in enumerate((text or "").split(), 1):
        try:
            key = base64.b64decode(word.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            key = b""
        if len(key) < _LEAST:
            raise Refused(
                f"relay_secret: key {number} is not whsec_ and the Base64 of {_LEAST} bytes or more",
                f"make one:  {MAKE_ONE}",
                code=ExitCode.USAGE,
            )
        found.append(key)
    if not found:
        raise Refused(
            "no key to sign with is set: receivers could not tell an alert from a forgery",
            f"make one, and give it to them:  {MAKE_ONE}",
            "or by a file:                    export HOLDFAST_RELAY_SECRET_FILE=...",
            code=ExitCode.USAGE,
        )
    return tuple(found)


def signed(keys: Sequence[bytes], message_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """The headers of a request.

    References
    ----------
    .. [1] Standard Webhooks 1.0.0, "Signature scheme"; the example is theirs.

    Examples
    --------
    >>> keys = signing_keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    >>> headers = signed(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    >>> headers["webhook-signature"]
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    content = b"%s.%d.%s" % (message_id.encode(), seconds, body)
    signatures = (base64.b64encode(hmac.digest(key, content, "sha256")).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }
