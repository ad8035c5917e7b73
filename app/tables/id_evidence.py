"""What a whole file shows of its ids: that programs made numbers of them, or that one number has two forms."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from itertools import combinations, groupby
from operator import itemgetter
from typing import Final

import numpy as np

from app.errors import ExitCode, Refused
from app.tables.column_cells import shape
from app.tables.fields import FLOATED, Read
from app.tables.reject import cut

_KEPT: Final = 15
"""Digits that a spreadsheet keeps of a number; telephone numbers have no more."""
_TELLING: Final = 4
"""Number of final zeros that is no chance: it would be one file in ten thousand."""
PHONE: Final = re.compile(r"\+?\d[\d ()./-]{8,}\d")
_KEPT_OF_PHONE: Final = 10
_CODE: Final = 3
"""Digits of a telephone number without a country's code, and the most digits of that."""
_BITS: Final = 50
"""Place for fifteen digits; the form of the number stands above them."""
_FORMS: Final = 1 << (64 - _BITS)
_FIRST_ROUND: Final = 1 << 20


class IdEvidence:
    """Evidence from the columns whose ids must be the same where they mean the same subscriber.

    Parameters
    ----------
    where
        The names of the file and of the fields.
    places
        Indexes of the columns.
    read
        The reader of the ids: compared is what would be written.
    of_subscribers
        Whether they mean subscribers. Other ids, such as times in ns, may well end in zeros.
    several_forms
        Whether telephone numbers are written in more than one form; else none of them can be in two.
    """

    def __init__(
        self, where: str, places: Sequence[int], read: Read, *, of_subscribers: bool, several_forms: bool
    ) -> None:
        self.places = places
        self._where, self._read, self._several_forms = where, read, of_subscribers and several_forms
        self._floated = ""
        self._ends: dict[str, str] = {}
        self._whole = not of_subscribers
        self._forms: dict[str, int] = {}
        self._numbers = array("Q")
        self._full = _FIRST_ROUND

    def look(self, row: int, cell: object) -> None:
        """Examine one cell."""
        found = self._read(cell)
        if found == FLOATED:
            self._floated = self._floated or f"row {row} {cut(cell)!r}"
        if not isinstance(found, str):
            return
        if not self._whole and len(found) > _KEPT and found.isdecimal():
            self._whole = found[_KEPT:].strip("0") != ""
            if len("".join(self._ends.values())) < _TELLING:
                self._ends[found] = found[_KEPT:]
        if self._several_forms and PHONE.fullmatch(found):
            self._note(found)

    def settle(self) -> None:
        """Check what was seen.

        Raises
        ------
        app.errors.Refused
            If a program has made numbers with decimals of ids, a spreadsheet has cut the last digits of all, or a
            number is written in two forms, each of which would be a subscriber of its own.
        """
        if self._floated:
            raise Refused(
                f"{self._where}: a program has made numbers with decimals of ids: {self._floated}",
                "leading zeros and the last digits of long ids may be lost: export all ids as text",
                code=ExitCode.USAGE,
            )
        if not self._whole and len("".join(self._ends.values())) >= _TELLING:
            raise Refused(
                f"{self._where}: the ids have lost their last digits, which are all 0: {', '.join(self._ends)}",
                "a spreadsheet keeps 15: export them as text",
                code=ExitCode.USAGE,
            )
        if two := self._in_two_forms():
            raise Refused(
                f"{self._where}: {two[0]!r} and {two[1]!r} are one number, and would be two subscribers",
                "export all numbers in one form, that of the other files",
                code=ExitCode.USAGE,
            )

    def _note(self, found: str) -> None:
        """Keep a telephone number in eight bytes: its digits, and the number of its form."""
        digits = re.sub(r"\D", "", found).lstrip("0")
        form = self._forms.setdefault(shape(found), len(self._forms)) if len(self._forms) < _FORMS else _FORMS
        if len(digits) <= _KEPT and form < _FORMS:
            self._numbers.append(form << _BITS | int(digits or "0"))
        if len(self._numbers) > self._full:  # each number once: as many as there are subscribers
            once = np.unique(np.frombuffer(self._numbers, np.uint64))
            self._numbers = array("Q", once.tobytes())
            self._full = max(_FIRST_ROUND, 2 * len(once))

    def _in_two_forms(self) -> tuple[str, str] | None:
        """Two forms of a number, the form that comes first in the file first."""
        numbers = np.unique(np.frombuffer(self._numbers, np.uint64)) if self._numbers else np.empty(0, np.uint64)
        ends = (numbers & np.uint64((1 << _BITS) - 1)) % np.uint64(10**_KEPT_OF_PHONE)
        _, same, times = np.unique(ends, return_inverse=True, return_counts=True)
        more = times[same] > 1
        order = np.argsort(ends[more], kind="stable")
        pairs = zip(ends[more][order].tolist(), numbers[more][order].tolist(), strict=True)
        for _, group in groupby(pairs, key=itemgetter(0)):
            of_one_end = [divmod(number, 1 << _BITS) for _, number in group]
            for (form, digits), (other, others) in combinations(of_one_end, 2):
                longer, shorter = sorted((str(digits), str(others)), key=len, reverse=True)
                if form != other and longer.endswith(shorter) and len(longer) - len(shorter) <= _CODE:
                    return self._written(form, digits), self._written(other, others)
        return None

    def _written(self, form: int, digits: int) -> str:
        """A number as the file has it."""
        places = list(self._forms)[form]
        each = iter(str(digits).zfill(places.count("0")))
        return "".join(next(each) if place == "0" else place for place in places)
