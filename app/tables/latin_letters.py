"""Letters and signs that do not belong where they stand, in text of an encoding with one byte for a character.

Any such encoding decodes nearly any bytes, so only the words tell: read as Windows-1252, José from DOS is Jos‚, from a
Macintosh JosŽ, and Česká is Èeská. A character is a misfit if the languages of the encoding do not have it in such a
place; José, O’Neil, “Orange” and 5 € have none.
"""

from __future__ import annotations

import re
from typing import Final

_WEST: Final = "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßœšž"
_CENTRAL: Final = "áâăäąćčçďđéëęěíîĺľłńňóôőöŕřšśşťţúůűüýźżžß"
_LETTERS: Final = {
    "cp1252": _WEST,
    "cp1250": _CENTRAL,
    "iso8859_2": _CENTRAL,
    "cp1254": f"{_WEST}ğışİ",
    "cp850": _WEST,
    "mac_roman": _WEST,
}
RIVALS: Final = ("cp1250", "iso8859_2", "cp1254", "cp850", "mac_roman")
"""Encodings to hold cp1252 against. cp1254 is the same with letters of Turkish for those of Icelandic."""
_KNOWN: Final = {encoding: frozenset(letters + letters.upper()) for encoding, letters in _LETTERS.items()}
_WESTERN: Final = ("cp1252", "cp1254", "cp850", "mac_roman")
_FOREIGN: Final = re.compile(
    r"""è(?=[aeiouyáéíóúý]) | (?<=[aáéíóúý])è\b | ñ(?![aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüý]) | õ(?!e) | [ìù](?=[^\W\d_])
    | (?<=e)ò\b | (?<=[aouáéíóúý])ø | [øï](?=[áéíóúýè]) | œ(?![cdeinstu]) | (?-i:Ÿ(?=[a-z]) | Ž(?=[b-df-hj-np-tv-z]))
    | (?<![aeiouyàáâäåæèéêëìíîïòóôöøùúûüý])(?-i:[šž])(?![aeiouyàáâäåæèéêëìíîïòóôöøùúûüý])""",
    re.VERBOSE | re.IGNORECASE,
)
"""Letters of Western Europe in places that only other languages or wrong readings have: Kuèera, Gdañsk, Gyõr, Kšln."""
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]")
_APOSTROPHE: Final = re.compile(
    r"(\b[cdjlmnst]|ll|nt|qu|rd|st|tr)’[haeiouyàâéèêîô]|’([stdm]|re|ve|ll)\b", re.IGNORECASE
)
"""l’amour, Joe’s: a Macintosh has its í in that place."""
_AFTER: Final = frozenset("’»™®©°ºª€\xa0\xad")
_BEFORE: Final = frozenset("’«¿¡¥§©°–—•\xa0\xad")
_WITHIN: Final = frozenset("’‘·\xad")
_OPENS: Final = {"“": "”“", "„": "“”", "‘": "’", "‚": "‘’"}
_CLOSES: Final = {"”": "“„", "“": "„", "‘": "‚"}


def misfits(text: str, encoding: str) -> list[int]:
    """Places of the characters that do not belong where they stand.

    Examples
    --------
    >>> misfits("José, O’Neil, “Orange”, 5 €", "cp1252"), misfits("JosŽ", "cp1252"), misfits("Èeská", "cp1252")
    ([], [3], [0])
    """
    found = {at for each in _NOT_ASCII.finditer(text) if _is_misfit(text, at := each.start(), _KNOWN[encoding])}
    if encoding in _WESTERN:
        found.update(each.start() for each in _FOREIGN.finditer(text))
    return sorted(found)


def _is_misfit(text: str, at: int, letters: frozenset[str]) -> bool:
    sign, before, after = text[at], text[at - 1 : at], text[at + 1 : at + 2]
    if sign in letters:
        if sign.isupper():
            return before.islower() or before.isdecimal() or after.isdecimal() or (before.isalpha() and after.islower())
        return before.isdecimal() or after.isdecimal() or (after.isupper() and not before.isupper())
    if sign == "\ufffd":
        return True
    if before.isalpha() and after.isalpha():
        if sign == "’" and after.islower():
            return not _APOSTROPHE.search(text[max(at - 3, 0) : at + 4])
        return sign not in _WITHIN
    if before.isalpha():
        opened = any(each in text[:at] for each in _CLOSES.get(sign, ""))
        return not (opened or sign in _AFTER or (before == "m" and sign in "²³"))
    if after.isalpha():
        closed = any(each in text[at:] for each in _OPENS.get(sign, ""))
        return not (closed or sign in _BEFORE)
    return False
