"""Fast parser of plain JSON events, from bytes to numbers.

msgspec decides what is valid. This parser reads only the plain case, which producers nearly always write: one flat
object of known fields, each once, in ASCII without escapes, within the bounds of the contract, with numbers that one
multiplication or division converts to the exact double. Everything else is reported as not plain and left to msgspec.
So it may refuse much, but must never accept what msgspec refuses, nor read a different number.

Names and words are looked up in an open-addressing hash table with linear probing, over words stored in one array. A
slot holds the hash of a word and its set, the word's number plus one (0: empty slot), and the word's position and
length. A table is never full, so every search ends. An event id becomes its BLAKE2b hash of eight bytes [2]_, for ids
that fit into one block.

References
----------
.. [1] W. D. Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990: a whole number below 2 ** 53 and a
   power of ten up to 22 are exact doubles, so their product or quotient is rounded once.
.. [2] M.-J. Saarinen, J.-P. Aumasson, "The BLAKE2 Cryptographic Hash and Message Authentication Code", RFC 7693.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.arrays import Bytes, Floats, Hashes, Ints
from models.kernel.arithmetic import NAN
from models.kernel.compiling import compiled
from models.kernel.places import (
    ARRIVAL,
    BITS,
    CARE_CONTACT,
    CHOICE,
    EVENT_ID,
    FIELDS_A_KIND,
    FIRST_CHOICES,
    FIRST_NAMES,
    FLAGS,
    GOES_TO,
    HASHED,
    HIGH,
    KEY_AT,
    KEY_LENGTH,
    LONGEST,
    LONGEST_KEY,
    LONGEST_VALUE,
    LOW,
    MONTH,
    NAME_AT,
    NAME_LENGTH,
    NOT_PLAIN,
    NOWHERE,
    NUMBER,
    OPERATOR,
    OPERATORS,
    PLAIN,
    READS,
    RECORD_KIND,
    SHORTEST,
    SUBSCRIBER,
    SWITCH,
    TEXT,
    VALUE,
    VALUE_AT,
    VALUE_LENGTH,
    WHOLE,
    WORD_AT,
    WORD_LENGTH,
)


@compiled
def word_hash(buffer: Bytes, at: int, length: int, within: int) -> int:
    """32-bit hash of the bytes (FNV-1a, mixed once more), with the number of the set above it."""
    found = np.int64(2_166_136_261 ^ within)
    for byte in range(at, at + length):
        found = ((found ^ np.int64(buffer[byte])) * 16_777_619) & 0xFFFFFFFF
    found ^= found >> 15
    return int((within << 32) | found)


@compiled
def slot_of(slots: Ints, words: Bytes, buffer: Bytes, at: int, length: int, within: int) -> int:
    """The slot of a word of a set, or the empty slot where it belongs."""
    mask = len(slots) - 1
    hashed = word_hash(buffer, at, length, within)
    slot = hashed & mask
    while slots[slot, VALUE] != 0:
        same = slots[slot, HASHED] == hashed and slots[slot, WORD_LENGTH] == length
        if same and same_bytes(words, slots[slot, WORD_AT], buffer, at, length):
            break
        slot = (slot + 1) & mask
    return slot


@compiled
def same_bytes(one: Bytes, one_at: int, other: Bytes, other_at: int, length: int) -> bool:
    """Whether `length` bytes are equal."""
    for n in range(length):  # noqa: SIM110 - a generator is not compiled
        if one[one_at + n] != other[other_at + n]:
            return False
    return True


@compiled
def find_word(slots: Ints, words: Bytes, buffer: Bytes, at: int, length: int, within: int) -> int:
    """Number of a word of a set, or -1."""
    found: int = slots[slot_of(slots, words, buffer, at, length, within), VALUE] - 1
    return found


@compiled
def put_word(slots: Ints, words: Bytes, at: int, length: int, within: int, value: int) -> None:
    """Set the number of the word at `at` in `words`; an existing word gets the new number."""
    slot = slot_of(slots, words, words, at, length, within)
    slots[slot, HASHED] = word_hash(words, at, length, within)
    slots[slot, VALUE] = value + 1
    slots[slot, WORD_AT] = at
    slots[slot, WORD_LENGTH] = length


IV0, IV1 = np.uint64(0x6A09E667F3BCC908), np.uint64(0xBB67AE8584CAA73B)
IV2, IV3 = np.uint64(0x3C6EF372FE94F82B), np.uint64(0xA54FF53A5F1D36F1)
IV4, IV5 = np.uint64(0x510E527FADE682D1), np.uint64(0x9B05688C2B3E6C1F)
IV6, IV7 = np.uint64(0x1F83D9ABFB41BD6B), np.uint64(0x5BE0CD19137E2179)
EIGHT_BYTES = np.uint64(0x01010008)  # no key, no tree, a digest of eight bytes
LAST_BLOCK = np.uint64(0xFFFFFFFFFFFFFFFF)
BY_8, BY_16, BY_24, BY_32 = np.uint64(8), np.uint64(16), np.uint64(24), np.uint64(32)
BY_40, BY_48, BY_63, BY_1 = np.uint64(40), np.uint64(48), np.uint64(63), np.uint64(1)
# Order in which each round takes the words of the message; rounds 11 and 12 repeat the first two.
SIGMA = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    ],
    dtype=np.uint8,
)
Word = np.uint64
Four = tuple[Word, Word, Word, Word]


@compiled
def mixed(a: Word, b: Word, c: Word, d: Word, x: Word, y: Word) -> Four:
    """Mix two words of the message into four of the state [1]_."""
    a = a + b + x
    d = ((d ^ a) >> BY_32) | ((d ^ a) << BY_32)
    c = c + d
    b = ((b ^ c) >> BY_24) | ((b ^ c) << BY_40)
    a = a + b + y
    d = ((d ^ a) >> BY_16) | ((d ^ a) << BY_48)
    c = c + d
    b = ((b ^ c) >> BY_63) | ((b ^ c) << BY_1)
    return a, b, c, d


@compiled
def block_of(buffer: Bytes, at: int, length: int, m: Hashes) -> None:
    """Copy up to 128 bytes into sixteen words, padded with zeros."""
    for word in range(16):
        m[word] = np.uint64(0)
    for n in range(length):
        m[n >> 3] |= np.uint64(buffer[at + n]) << np.uint64(8 * (n & 7))


@compiled
def event_hash(buffer: Bytes, at: int, length: int, m: Hashes) -> Word:
    """64-bit hash of an event id of up to 128 bytes, equal to :func:`models.kernel.arrivals.event_hash`.

    `m` is a buffer for the sixteen words of the message.
    """
    block_of(buffer, at, length, m)
    first = IV0 ^ EIGHT_BYTES
    v0, v1, v2, v3, v4, v5, v6, v7 = first, IV1, IV2, IV3, IV4, IV5, IV6, IV7
    v8, v9, v10, v11, v12, v13, v14, v15 = IV0, IV1, IV2, IV3, IV4 ^ np.uint64(length), IV5, IV6 ^ LAST_BLOCK, IV7
    for step in range(12):
        s = SIGMA[step]
        v0, v4, v8, v12 = mixed(v0, v4, v8, v12, m[s[0]], m[s[1]])
        v1, v5, v9, v13 = mixed(v1, v5, v9, v13, m[s[2]], m[s[3]])
        v2, v6, v10, v14 = mixed(v2, v6, v10, v14, m[s[4]], m[s[5]])
        v3, v7, v11, v15 = mixed(v3, v7, v11, v15, m[s[6]], m[s[7]])
        v0, v5, v10, v15 = mixed(v0, v5, v10, v15, m[s[8]], m[s[9]])
        v1, v6, v11, v12 = mixed(v1, v6, v11, v12, m[s[10]], m[s[11]])
        v2, v7, v8, v13 = mixed(v2, v7, v8, v13, m[s[12]], m[s[13]])
        v3, v4, v9, v14 = mixed(v3, v4, v9, v14, m[s[14]], m[s[15]])
    found = first ^ v0 ^ v8
    return found if found != np.uint64(0) else np.uint64(1)


Statuses = npt.NDArray[np.int8]
Words = tuple[Ints, Bytes]
"""A table of words; see :mod:`models.kernel.plain_event`."""
Contract = tuple[Ints, Floats, Floats, Ints]
"""Fields and their bounds, `FIELDS_A_KIND` per kind; the blank line of each kind, and its required fields."""
Room = tuple[Ints, Ints, Hashes]
"""Last field seen at each position, by kind; position and length of the current event id; a block for its hash."""

SPACE, QUOTE, PLUS, COMMA, MINUS, POINT = 32, 34, 43, 44, 45, 46
ZERO, NINE, COLON, UPPER_E, BACKSLASH, LOWER_E = 48, 57, 58, 69, 92, 101
LOWER_F, LOWER_T, OPENING, CLOSING, LAST_PRINTED = 102, 116, 123, 125, 126
TRUE_ = np.frombuffer(b"true", dtype=np.uint8)
FALSE_ = np.frombuffer(b"false", dtype=np.uint8)
FIRST_INEXACT = 1 << 53
POWERS_OF_TEN = np.array([10.0**k for k in range(23)])


@compiled
def behind_spaces(buffer: Bytes, at: int, end: int) -> int:
    """Position of the next byte that is not a space."""
    while at < end and buffer[at] == SPACE:
        at += 1
    return at


@compiled
def closing_quote(buffer: Bytes, at: int, end: int) -> tuple[int, bool]:
    """End of a string without escapes that begins at `at` (-1: none), and whether it is ASCII."""
    ascii_ = True
    while at < end:
        byte = buffer[at]
        if byte == QUOTE:
            return at, ascii_
        if byte < SPACE or byte == BACKSLASH:
            return -1, False
        if byte > LAST_PRINTED:
            ascii_ = False
        at += 1
    return -1, False


@compiled
def digits_of(buffer: Bytes, at: int, end: int, before: int) -> tuple[int, int]:
    """Append the digits at `at` to a whole number; returns it and the position after them (-1: too large)."""
    found = np.int64(before)
    while at < end and ZERO <= buffer[at] <= NINE:
        found = found * 10 + (np.int64(buffer[at]) - ZERO)
        if found >= FIRST_INEXACT:
            return 0, -1
        at += 1
    return int(found), at


@compiled
def exponent_of(buffer: Bytes, at: int, end: int) -> tuple[int, int]:
    """The exponent after an ``e``, and the position after it (-1: none)."""
    negative = at < end and buffer[at] == MINUS
    if negative or (at < end and buffer[at] == PLUS):
        at += 1
    found, behind = digits_of(buffer, at, end, 0)
    if behind <= at:
        return 0, -1
    return (-found if negative else found), behind


@compiled
def number_at(buffer: Bytes, at: int, end: int) -> tuple[float, bool, int]:
    """A number [1]_, whether it has neither fraction nor exponent, and the position after it (-1: not exact)."""
    negative = buffer[at] == MINUS
    if negative:
        at += 1
    whole, behind = digits_of(buffer, at, end, 0)
    if behind <= at or (behind > at + 1 and buffer[at] == ZERO):
        return NAN, False, -1
    at = behind
    is_whole = True
    power = 0
    if at < end and buffer[at] == POINT:
        is_whole = False
        whole, behind = digits_of(buffer, at + 1, end, whole)
        if behind <= at + 1:
            return NAN, False, -1
        power = at + 1 - behind
        at = behind
    if at < end and (buffer[at] == LOWER_E or buffer[at] == UPPER_E):
        is_whole = False
        exponent, at = exponent_of(buffer, at + 1, end)
        if at < 0:
            return NAN, False, -1
        power += exponent
    if abs(power) >= len(POWERS_OF_TEN):
        return NAN, False, -1
    if is_whole:
        return float(-whole if negative else whole), True, at  # msgspec reads `-0` as an integer, without sign
    found = float(whole) * POWERS_OF_TEN[power] if power >= 0 else float(whole) / POWERS_OF_TEN[-power]
    return (-found if negative else found), False, at


@compiled
def month_at(buffer: Bytes, at: int, length: int) -> int:
    """Months since January of the year 0 of ``YYYY-MM``; -1 for anything else."""
    if length != 7 or buffer[at + 4] != MINUS:
        return -1
    year, behind_year = digits_of(buffer, at, at + 4, 0)
    month, behind_month = digits_of(buffer, at + 5, at + 7, 0)
    if behind_year != at + 4 or behind_month != at + 7 or month < 1 or month > 12:
        return -1
    return 12 * year + month - 1


@compiled
def note(line: Floats, field: Ints, value: float) -> None:
    """Store the value of a field in the line."""
    column = field[GOES_TO]
    if column == FLAGS:
        line[FLAGS] = float((int(line[FLAGS]) & ~field[BITS]) | int(value))
    elif column != NOWHERE:
        line[column] = value


@compiled
def take_number(buffer: Bytes, at: int, end: int, field: Ints, bounds: Floats, line: Floats) -> int:
    """Read the number of a field; returns the position after it, or -1."""
    reads = field[READS]
    if reads not in (WHOLE, NUMBER):
        return -1
    value, is_whole, at = number_at(buffer, at, end)
    if at < 0 or (reads == WHOLE and not is_whole) or not bounds[LOW] <= value <= bounds[HIGH]:
        return -1
    note(line, field, value)
    return at


@compiled
def take_switch(buffer: Bytes, at: int, end: int, field: Ints, line: Floats) -> int:
    """Read ``true`` or ``false``; returns the position after it, or -1."""
    if field[READS] != SWITCH:
        return -1
    word = TRUE_ if buffer[at] == LOWER_T else FALSE_
    if end - at < len(word) or not same_bytes(word, 0, buffer, at, len(word)):
        return -1
    note(line, field, float(field[BITS]) if buffer[at] == LOWER_T else 0.0)
    return at + len(word)


@compiled
def number_of_word(buffer: Bytes, at: int, length: int, place: int, reads: int, words: Words) -> int:
    """The number of a known word or month, or -1. Words may be non-ASCII: an operator's name may be Chinese."""
    if reads == MONTH:
        return month_at(buffer, at, length)
    within = OPERATORS if reads == OPERATOR else FIRST_CHOICES + place
    return find_word(words[0], words[1], buffer, at, length, within)


@compiled
def take_string(
    buffer: Bytes, at: int, end: int, record: Ints, place: int, field: Ints, words: Words, line: Floats, id_: Ints
) -> int:
    """Read the string of a field, whose first byte is at `at`; returns the position after its quote, or -1."""
    quote, is_ascii = closing_quote(buffer, at, end)
    length = quote - at
    if quote < 0 or length < field[SHORTEST] or length > field[LONGEST]:
        return -1
    reads = field[READS]
    if reads in (CHOICE, OPERATOR, MONTH):
        number = number_of_word(buffer, at, length, place, reads, words)
        if number < 0:
            return -1
        note(line, field, float(number))
    elif not is_ascii:
        return -1
    elif reads == SUBSCRIBER:
        if length != record[KEY_LENGTH] or not same_bytes(buffer, record[KEY_AT], buffer, at, length):
            return -1
    elif reads == EVENT_ID:
        id_[0] = at
        id_[1] = length
    elif reads != TEXT:
        return -1
    return quote + 1


@compiled
def take_name(
    buffer: Bytes, at: int, end: int, kind: int, fields: Ints, words: Words, usual: Ints, nth: int
) -> tuple[int, int]:
    """The field whose name begins at `at` (-1: unknown), and the position after its quote.

    Producers write fields in a fixed order, so the name last seen at this position is tried first.
    """
    field = usual[kind, nth]
    length = fields[field, NAME_LENGTH]
    ends = length < end - at and buffer[at + length] == QUOTE
    if ends and same_bytes(words[1], fields[field, NAME_AT], buffer, at, length):
        return field, at + length + 1
    quote, _ = closing_quote(buffer, at, end)
    if quote < 0:
        return -1, -1
    field = find_word(words[0], words[1], buffer, at, quote - at, FIRST_NAMES + kind)
    if field >= 0:
        usual[kind, nth] = field
    return field, quote + 1


@compiled
def take_field(
    buffer: Bytes,
    at: int,
    end: int,
    record: Ints,
    place: int,
    contract: Contract,
    words: Words,
    line: Floats,
    id_: Ints,
) -> int:
    """Read colon and value after a field's name; returns the position after the value, or -1."""
    at = behind_spaces(buffer, at, end)
    if at >= end or buffer[at] != COLON:
        return -1
    at = behind_spaces(buffer, at + 1, end)
    if at >= end:
        return -1
    field = contract[0][place]
    first = buffer[at]
    if first == QUOTE:
        return take_string(buffer, at + 1, end, record, place, field, words, line, id_)
    if first in (LOWER_T, LOWER_F):
        return take_switch(buffer, at, end, field, line)
    if first == MINUS or ZERO <= first <= NINE:
        return take_number(buffer, at, end, field, contract[1][place], line)
    return -1  # null, or something nested


@compiled
def is_plain(buffer: Bytes, record: Ints, contract: Contract, words: Words, room: Room, line: Floats) -> bool:
    """Whether a value is a plain event; if so, `line` holds its numbers and `room` the position of its id."""
    kind = record[RECORD_KIND]
    at, end = record[VALUE_AT], record[VALUE_AT] + record[VALUE_LENGTH] - 1
    if buffer[at] != OPENING or buffer[end] != CLOSING:
        return False
    seen = 0
    for nth in range(FIELDS_A_KIND):
        at = behind_spaces(buffer, at + 1, end)
        if at >= end or buffer[at] != QUOTE:
            return False
        place, at = take_name(buffer, at + 1, end, kind, contract[0], words, room[0], nth)
        bit = 1 << (place % FIELDS_A_KIND)
        if place < 0 or seen & bit:
            return False
        seen |= bit
        at = take_field(buffer, at, end, record, place, contract, words, line, room[1])
        if at < 0:
            return False
        at = behind_spaces(buffer, at, end)
        if at == end:
            return bool(seen & contract[3][kind] == contract[3][kind])
        if buffer[at] != COMMA:
            return False
    return False


@compiled
def within_bounds(buffer: Bytes, record: Ints) -> bool:
    """Whether key and value lie within the buffer and have lengths possible for a plain event."""
    return bool(
        0 <= record[RECORD_KIND] <= CARE_CONTACT
        and 2 <= record[VALUE_LENGTH] <= LONGEST_VALUE
        and 1 <= record[KEY_LENGTH] <= LONGEST_KEY
        and 0 <= record[VALUE_AT] <= len(buffer) - record[VALUE_LENGTH]
        and 0 <= record[KEY_AT] <= len(buffer) - record[KEY_LENGTH]
    )


@compiled
def read_events(
    buffer: Bytes,
    records: Ints,
    contract: Contract,
    words: Words,
    room: Room,
    numbers: Floats,
    events: Hashes,
    status: Statuses,
) -> None:
    """Write the line of numbers and the id's hash of every plain event; mark the others as not plain."""
    id_ = room[1]
    for n in range(len(records)):
        record, line = records[n], numbers[n]
        events[n] = 0
        status[n] = NOT_PLAIN
        if not within_bounds(buffer, record):
            continue
        for column in range(ARRIVAL):
            line[column] = contract[2][record[RECORD_KIND], column]
        id_[1] = 0
        if is_plain(buffer, record, contract, words, room, line):
            status[n] = PLAIN
            if id_[1] > 0:
                events[n] = event_hash(buffer, id_[0], id_[1], room[2])
