"""Detection of a text's encoding: the one that decodes all of it into words, or the user is asked.

Nearly any Western European text is valid GBK too, with rare characters inside Latin words: Mu駉z is Muñoz.
charset-normalizer 3.5 was tried instead: it reads Muñoz as Muńoz (cp1250) and a column of 主叫 as Big5, and never asks.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Callable
from typing import IO, Final

from app.errors import ExitCode, Refused
from app.tables.reject import cut

_CHUNK: Final = 1 << 20
_HEAD: Final = 4096
_BOMS: Final = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_ASKED: Final = ("gb18030", "cp1252", "utf-8")
_RUN: Final = re.compile(rb"([A-Za-z]?)([\x80-\xff]+)(?=([A-Za-z]?))")
_COMMON: Final = re.compile(rb"[\xa1-\xa3\xb0-\xd7][\xa1-\xfe]")
"""Signs and level 1 of GB 2312: nine of ten characters of a Chinese text. No small letter with an accent leads such."""
_WESTERN: Final = re.compile("[À-ÖØ-öø-ÿŒœŠšŽžŸ€£°ºª¡¿«»‘’‚“”„–—…•™]+")
_ENOUGH: Final = 10_000
"""Number of words by which a text is judged."""
_SURE: Final = 10
"""Words of one language needed for each word of another."""


def encoding_of(name: str, opened: Callable[[], IO[bytes]]) -> str:
    """Encoding of a file, which is read to its end: the first megabyte of a Chinese export is often plain ASCII.

    Raises
    ------
    app.errors.Refused
        If it is not UTF-8, UTF-16, GBK or Western European (Windows-1252), or could be several of them.
    """
    with opened() as file:
        head = file.read(_HEAD)
    marked = next((encoding for bom, encoding in _BOMS.items() if head.startswith(bom)), None) or _unmarked_utf16(head)
    if _decodes(opened, marked or "utf-8"):
        return marked or "utf-8"
    able, words, strange = {"gb18030", "cp1252"} if marked is None else set[str](), Counter[str](), (0, b"")
    with opened() as file:
        for row, line in enumerate(file, 1):
            if line.isascii():
                continue
            if not _is(line, "utf-8") and not strange[0]:
                strange = row, line
            able = {encoding for encoding in able if _is(line, encoding)}
            if words.total() < _ENOUGH:
                words.update(word for found in _RUN.finditer(line) for word in _language(*found.groups()))
    for encoding, other in (("gb18030", "cp1252"), ("cp1252", "gb18030")):
        against = max(_SURE * words[other], 2 * words["?"], words["utf-8"])
        if encoding in able and words[encoding] > against:
            return encoding
    raise _question(name, *strange, (marked,) if marked else _ASKED)


def _unmarked_utf16(head: bytes) -> str | None:
    """UTF-16 without a mark in front, as some databases write it: every digit and comma has a zero beside it."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if 8 * (even + odd) < len(head):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _decodes(opened: Callable[[], IO[bytes]], encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with opened() as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _language(before: bytes, run: bytes, after: bytes) -> list[str]:
    r"""Encodings indicated by non-ASCII bytes between two letters, or none; once for each character.

    Examples
    --------
    >>> _language(b"u", b"\xf1", b"o"), _language(b"", "中国".encode("gbk"), b"")
    (['cp1252'], ['gb18030', 'gb18030'])
    """
    inside = bool(before and after)
    if len(run) == 1 or (len(run) == 2 and inside):
        western = _WESTERN.fullmatch(run.decode("cp1252", "replace"))
        return ["utf-8" if _is(run, "utf-8") else "cp1252" if western else "?"]
    if (len(run) > 2 or before.islower()) and _is(run, "utf-8"):
        return ["utf-8"] * (len(run) // 2)
    pairs = [run[k : k + 2] for k in range(0, len(run) - 1, 2)]
    return ["gb18030" if _COMMON.fullmatch(pair) else "?" for pair in pairs]


def _question(name: str, row: int, line: bytes, encodings: tuple[str, ...]) -> Refused:
    at = next((k for k, byte in enumerate(line) if byte > 127), 0)
    part = line[max(at - 15, 0) : at + 25]
    readings = [
        f"{f'--encoding {encoding}':20}  reads {cut(part.decode(encoding, 'replace'))!r}" for encoding in encodings
    ]
    what, where = "UTF-8" if len(encodings) > 1 else encodings[0], f" in row {row}" if row else ""
    return Refused(
        f"{name} is not {what}{where}, and its words do not tell what it is",
        *readings,
        "with each, lines that break it are rejected one by one",
        code=ExitCode.USAGE,
    )
