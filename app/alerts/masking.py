"""Masking of what a terminal or a chat must not show: the middle of phone numbers, and control characters.

Masking of numbers is a second line only: producers are asked for pseudonyms, see
``deploy/adr/0008-pseudonyms-and-logs.md``. The topics and JSON output have ids as they came.
"""

from __future__ import annotations

import re
from typing import Final

_CHINESE_MOBILE: Final = re.compile(r"(?:\+?86)?(1\d{2})\d{4}(\d{4})")


def masked(subscriber_id: str) -> str:
    """An id with the middle of a Chinese mobile number hidden, if it is one; any other id is returned as it is.

    Only an id that is such a number as a whole is masked: 11 digits from 1 on, with 86 or +86 before them or not, and
    without spaces. The first three and the last four digits remain, the country's code does not. Not masked are
    pseudonyms, landline numbers and mobile numbers of other countries: nothing tells their digits from those of an
    account or of a pseudonym.

    Examples
    --------
    >>> masked("13812348000"), masked("+8613812348000")
    ('138****8000', '138****8000')
    >>> masked("s-10086"), masked("02087654321"), masked("+4915112345678")
    ('s-10086', '02087654321', '+4915112345678')
    """
    found = _CHINESE_MOBILE.fullmatch(subscriber_id)
    return f"{found[1]}****{found[2]}" if found else subscriber_id


def printable(text: str) -> str:
    r"""Text with each control character replaced: a name from a topic must not control the reader's terminal.

    Examples
    --------
    >>> printable("tianhe-03"), printable("a\x1b[2J") == "a\N{REPLACEMENT CHARACTER}[2J"
    ('tianhe-03', True)
    """
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
