"""Lookup of byte strings: an open-addressing hash table with linear probing, over words stored in one array.

A slot holds the hash of a word and its set, the word's number plus one (0: empty slot), and the word's position and
length. A table is never full, so every search ends.
"""

from __future__ import annotations

import numpy as np

from models.arrays import Bytes, Ints
from models.kernel.compiling import compiled
from models.kernel.places import HASHED, VALUE, WORD_AT, WORD_LENGTH


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
