"""Detection of a text's encoding: the one that decodes all of it into words, or the user is asked.

Nearly any Western European text is valid GBK too, with rare characters inside Latin words: Mu駉z is Muñoz. Korean and
Japanese text has the bytes of common Chinese characters, so such text must have words that we know, or characters that
those languages hardly have. Text of DOS, of a Macintosh or of Central Europe is valid Windows-1252 too, so the user is
asked if its letters fit better there.
charset-normalizer 3.5 was tried instead: it reads Muñoz as Muńoz (cp1250) and a column of 主叫 as Big5, and never asks.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Callable
from typing import IO, Final

from app.errors import ExitCode, Refused
from app.tables.column_names import NAMES
from app.tables.contract_words import FLAGS, WORDS
from app.tables.latin_letters import RIVALS, misfits
from app.tables.reject import cut

_CHUNK: Final = 1 << 20
_HEAD: Final = 4096
_BOMS: Final = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_ASKED: Final = ("gb18030", "cp1252", "utf-8")
_RUN: Final = re.compile(rb"([A-Za-z]?)([\x80-\xff]+)(?=([A-Za-z]?))")
_COMMON: Final = re.compile(rb"[\xa1-\xa3\xb0-\xd7][\xa1-\xfe]")
"""Signs and level 1 of GB 2312: nine of ten characters of a Chinese text. No accented small letter is a first byte."""
_WESTERN: Final = re.compile("[À-ÏÑ-ÖØ-Ýß-ïñ-öø-ýÿŒœŠšŽžŸ€£°ºª¡¿«»‘’‚“”„–—…•™]+")
"""Not the letters of Icelandic alone: Turkish has its own in their place."""
_WITHIN: Final = re.compile("[ß-ïñ-öø-ýÿœšž’]+|’[À-ÏÑ-ÖØ-Ý]")
"""Letters that may stand beside a small letter inside a word. Text of a Macintosh has others: Müller reads MŸller
here."""
_RIVALS: Final = ("cp949", "euc_jp")
"""Encodings to hold GBK against."""
_PLACES: Final = (
    "北京 天津 上海 重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 海南 四川 贵州 "
    "云南 陕西 甘肃 青海 台湾 内蒙古 广西 西藏 宁夏 新疆 香港 澳门 电信 移动 联通 公司"
)
SYLLABLES: Final = frozenset(
    "가각간감강개거건검격결경계고공과관광교구국군권귀규그근금급기길김나남내너년노논농누는능니다단달담당대더덕도독동되두득든등디라"
    "락람래량러력련렬령례로록론료루류르른를름리린림립마만말매면명모목무문물미민바박반발방배백번법변별병보복본부북분불비사산살"
    "상새색생서석선설성세소속손송수순스습승시식신실심아안암앙야양어언업에여역연영예오온와완왕외요용우운울원월위유육윤율으은을음응"
    "의이인일임입자작장재저적전절점정제조족존종좌주준중즉증지직진질집차착찬참창채책처천철첨청체초촌총최추축출충치칠카타탁태택터토통"
    "트특파판패편평포표품프피필하학한할함합항해행향허험혁현협형혜호홍화환활황회효후훈흥희"
)
"""Common syllables of Korean; a known Chinese word whose bytes spell only such syllables is no evidence."""
_KNOWN: Final = frozenset(
    word
    for table in (*NAMES.values(), *WORDS.values(), {"": " ".join(FLAGS)}, {"": _PLACES})
    for words in table.values()
    for word in words.split()
    if word >= "\u4e00" and not SYLLABLES.issuperset(word.encode("gb18030").decode("cp949", "replace"))
)
_PARTS: Final = re.compile("|".join(word for word in _KNOWN if len(word) > 1))
_CHINESE_ONLY: Final = range(0xD0, 0xD8)
"""First bytes of a quarter of the common characters, xi to zuo; in Korean and Japanese those of rare ones."""
_CELL: Final = re.compile(r"[^,;|\t\r\n\"\x01^~]+")
_ONE_IN: Final = 10
_ENOUGH: Final = 10_000
"""Number of words after which a text is judged."""
_SURE: Final = 10
"""Words of one language needed for each word of another."""


def encoding_of(name: str, opened: Callable[[], IO[bytes]], given: str | None = None) -> str:
    """Encoding of a file, which is read to its end: the first megabyte of a Chinese export is often plain ASCII.

    Parameters
    ----------
    given
        The encoding, if the user has said it; then it is only adapted to the mark at the beginning of the file, which
        is no part of the first column's name.

    Raises
    ------
    app.errors.Refused
        If it is not UTF-8, UTF-16, GBK or Western European (Windows-1252), or could be several of them.
    """
    with opened() as file:
        head = file.read(_HEAD)
    bom = next((bom for bom in _BOMS if head.startswith(bom)), b"")
    if given is not None:
        return _BOMS[bom] if bom and bom == "\ufeff".encode(given) else given
    marked = _BOMS.get(bom) or _unmarked_utf16(head)
    if _decodes(opened, marked or "utf-8"):
        return marked or "utf-8"
    with opened() as file:
        strange = next(((row, line) for row, line in enumerate(file, 1) if not _is(line, "utf-8")), (0, b""))
    if marked:
        raise _question(name, *strange, (marked,))
    return _by_words(name, opened, strange)


def _by_words(name: str, opened: Callable[[], IO[bytes]], strange: tuple[int, bytes]) -> str:
    able, words, wrong, foreign = {"gb18030", "cp1252"}, Counter[str](), Counter[str](), strange
    with opened() as file:
        for row, line in enumerate(file, 1):
            if line.isascii():
                continue
            able = {encoding for encoding in able if _is(line, encoding)}
            if words.total() >= _ENOUGH:
                continue
            words.update(word for found in _RUN.finditer(line) for word in _language(*found.groups()))
            if not _is(line, "utf-8"):
                misread = {each: len(misfits(line.decode(each, "replace"), each)) for each in ("cp1252", *RIVALS)}
                foreign = (row, line) if misread["cp1252"] and not wrong["cp1252"] else foreign
                wrong.update(misread)
    fitting = tuple(each for each in RIVALS if _SURE * wrong[each] < wrong["cp1252"])
    for encoding, other in (("gb18030", "cp1252"), ("cp1252", "gb18030")):
        against = max(_SURE * words[other], 2 * words["?"], words["utf-8"])
        if encoding in able and words[encoding] > against:
            rivals = [each for each in _RIVALS if encoding == "gb18030" and _decodes(opened, each)]
            if rivals and not _is_chinese(opened):
                raise _question(name, *strange, ("gb18030", *rivals))
            if fitting and encoding == "cp1252":
                raise _question(name, *foreign, (encoding, *fitting))
            return encoding
    raise _question(name, *(foreign if fitting else strange), (*_ASKED, *fitting))


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


def _is_chinese(opened: Callable[[], IO[bytes]]) -> bool:
    """Whether one in ten of the different texts in a GBK file is surely Chinese, not Korean or Japanese."""
    cells = set[str]()
    with opened() as file:
        for line in file:
            if not line.isascii():
                cells.update(cell.strip() for cell in _CELL.findall(line.decode("gb18030")) if not cell.isascii())
            if len(cells) > _ENOUGH:
                break
    sure = [
        cell
        for cell in cells
        if cell in _KNOWN or _PARTS.search(cell) or any(c.encode("gb18030")[0] in _CHINESE_ONLY for c in cell)
    ]
    return len(sure) * _ONE_IN >= len(cells)


def _language(before: bytes, run: bytes, after: bytes) -> list[str]:
    r"""Encodings indicated by non-ASCII bytes between two letters, or none; once for each character.

    Examples
    --------
    >>> _language(b"u", b"\xf1", b"o"), _language(b"", "中国".encode("gbk"), b"")
    (['cp1252'], ['gb18030', 'gb18030'])
    """
    inside = bool(before and after)
    if len(run) == 1 or (len(run) == 2 and inside):
        letters = _WITHIN if inside and (before.islower() or after.islower()) else _WESTERN
        western = letters.fullmatch(run.decode("cp1252", "replace"))
        return ["utf-8" if _is(run, "utf-8") else "cp1252" if western else "?"]
    if (len(run) > 2 or before.islower()) and _is(run, "utf-8"):
        return ["utf-8"] * (len(run) // 2)
    pairs = [run[k : k + 2] for k in range(0, len(run) - 1, 2)]
    return ["gb18030" if _COMMON.fullmatch(pair) else "?" for pair in pairs]


def _question(name: str, row: int, line: bytes, encodings: tuple[str, ...]) -> Refused:
    places = [k for k, byte in enumerate(line) if byte > 127] or [0]
    readings = ((at, {line[at : at + 1].decode(each, "replace") for each in encodings}) for at in places)
    at = next((at for at, different in readings if len(different) > 1), places[0])
    part = line[max(at - 15, 0) : at + 25]
    lines = [
        f"{f'--encoding {encoding}':20}  reads {cut(part.decode(encoding, 'replace'))!r}" for encoding in encodings
    ]
    what, where = "UTF-8" if len(encodings) > 1 else encodings[0], f" in row {row}" if row else ""
    return Refused(
        f"{name} is not {what}{where}, and its words do not tell what it is",
        *lines,
        "with each, lines that break it are rejected one by one",
        code=ExitCode.USAGE,
    )
