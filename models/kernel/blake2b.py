"""Hash of an event id: BLAKE2b with a digest of eight bytes, for ids that fit into one block.

References
----------
.. [1] M.-J. Saarinen, J.-P. Aumasson, "The BLAKE2 Cryptographic Hash and Message Authentication Code", RFC 7693.
"""

from __future__ import annotations

import numpy as np

from models.arrays import Bytes, Hashes
from models.kernel.compiling import compiled

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
