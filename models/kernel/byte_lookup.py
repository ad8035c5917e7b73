"""Words of bytes to numbers: an open-addressing table with linear probing, over words that stand in one array.

A slot is the hash of its word with the set that the word belongs to, the number plus one (0: the slot is empty), and
where the word stands. A table is never full, so every search ends at an empty slot.
"""

from __future__ import annotations

import numpy as np

from models.arrays import Bytes, Ints
from models.kernel.compiling import compiled
from models.kernel.places import HASHED, VALUE, WORD_AT, WORD_LENGTH


@compiled
def word_hash(buffer: Bytes, at: int, length: int, within: int) -> int:
    """32 bits of the bytes (FNV-1a, mixed once more), and above them the number of the set."""
    found = np.int64(2_166_136_261 ^ within)
    for byte in range(at, at + length):
        found = ((found ^ np.int64(buffer[byte])) * 16_777_619) & 0xFFFFFFFF
    found ^= found >> 15
    return int((within << 32) | found)


@compiled
def slot_of(slots: Ints, words: Bytes, buffer: Bytes, at: int, length: int, within: int) -> int:
    """The slot of a word of a set, or the empty one where it would stand."""
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
    """Whether so many bytes are the same."""
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
    """Give a number to the word that was written to `words` at a place; a word that was there has the new one."""
    slot = slot_of(slots, words, words, at, length, within)
    slots[slot, HASHED] = word_hash(words, at, length, within)
    slots[slot, VALUE] = value + 1
    slots[slot, WORD_AT] = at
    slots[slot, WORD_LENGTH] = length
