"""Events by the grammar of the contract, damaged events, and what msgspec makes of both beside the compiled reader."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any, Final, NamedTuple

import msgspec.inspect
import numpy as np
import numpy.typing as npt

from models.arrays import Ints
from models.contract.events import BILLING, CALLS, CARE_CONTACTS, DATA_USAGE, INPUTS, MIN_TS, SITE_VISITS, Arrival
from models.kernel import places
from models.kernel.arrivals import KINDS, EventReader, Lines, Table, table_of
from streams.records.wire import Rejected, decode

TOPICS: Final = (CALLS, DATA_USAGE, BILLING, SITE_VISITS, CARE_CONTACTS)
"""In the order of their kinds."""
LATEST: Final = 1 << 60


class Told(NamedTuple):
    """A record's topic, key and value; a timestamp that no event is past."""

    topic: str
    key: bytes
    value: bytes
    timestamp: int = LATEST
    offset: int = 0


def packed(told: Sequence[Told]) -> tuple[npt.NDArray[np.uint8], Ints]:
    """All values one after the other, so that reading on behind one would find the next; then all keys."""
    parts = [one.value for one in told] + [one.key for one in told]
    length = np.array([len(part) for part in parts], dtype=np.int64).reshape(2, -1)
    at = (np.cumsum(length.ravel()) - length.ravel()).reshape(2, -1)
    records = np.zeros((len(told), places.RECORD), dtype=np.int64)
    records[:, places.VALUE_AT], records[:, places.KEY_AT] = at
    records[:, places.VALUE_LENGTH], records[:, places.KEY_LENGTH] = length
    records[:, places.RECORD_KIND] = [KINDS[INPUTS[one.topic]] for one in told]
    return np.frombuffer(b"".join(parts), dtype=np.uint8), records


def read(reader: EventReader, told: Sequence[Told]) -> Lines:
    return reader.read(*packed(told))


def judged(told: Iterable[Told]) -> Table:
    """What the slow path makes of events that it must accept; rows are -1."""
    arrivals = []
    for one in told:
        event = decode(one.topic, one, None)
        assert not isinstance(event, Rejected), (event, one)
        arrivals.append(Arrival(one.topic, 0, LATEST, event))
    table = table_of(arrivals)
    table.numbers[:, places.ROW] = -1.0
    return table


def differences(reader: EventReader, told: Sequence[Told]) -> tuple[list[Told], int]:
    """Events that were called plain and read otherwise than msgspec does, and how many were plain."""
    lines = read(reader, told)
    plain = np.flatnonzero(lines.status == places.PLAIN)
    taken = [told[n] for n in plain]
    table = judged(taken)
    same = (table.numbers.view(np.uint64) == lines.numbers[plain].view(np.uint64)).all(axis=1)
    same &= table.events == lines.events[plain]
    return [one for one, alike in zip(taken, same, strict=True) if not alike], len(plain)


def teach(reader: EventReader, told: Iterable[Told]) -> None:
    """What the caller does with events that were not plain."""
    for one in told:
        event = decode(one.topic, one, None)
        reader.teach(getattr(event, "peer_operator", None) or getattr(event, "operator", None))


Write = Callable[[Random], str]
ODD_WORDS: Final = r"""
null true false tru truee falsee TRUE True nul NaN Infinity -Infinity
0 -0 1 -1 10 00 01 -01 +1 - 1_0 0x10 1000000 1000001 253402300799999 253402300800000
946684800000 946684799999 1000000000000001 -1000000000001
1.0 -0.0 0.0 1. .5 10.5 0.999 4.35 0.1 0.3 1000000000000000.1 1000000000000.1 17.000000000000000000
1e3 1E+03 1e-3 1e 1e+ 0e999 1e308 1e309 1e-400 5e-324 1e12 -1e12 1e15 1e22 1e23 1e-22 1e-23 2.5e-3 123.456e7
9007199254740991 9007199254740992 9007199254740993 9007199254740993.0 900719925474099.25 123456789012345678
12345678901234567890 1234567890123456789012 0.000000000000000000000000001 1e0000000000002 1e99999999999
"" "x" "null" "1" "true" "on_net" "other" "voice" "2026-07" "2026-13" "0000-00" "\u0061" "\n" "\" "\"" "é" "中国移动"
{} [] [1] {"a":1} "a "a"b 'x' 1,2
"""
ODD: Final = (
    *ODD_WORDS.split(),
    *(f'"{"a" * length}"' for length in (128, 129, 256, 257)),
    *(f'"{word}"' for word in ("é" * 128, "a b", "\x7f", "\x01", "\t")),
    "1 2",
    '"a" "b"',
)
OPERATORS: Final = (
    "china-unicom",
    "china-mobile",
    "China Telecom",
    "cbn",
    "Lebara",
    "",
    "中国移动",
    "联通",
    "q",
    "x" * 256,
)
SUBSCRIBERS: Final = ("s", "s-000123", "8613800138000", "a" * 40, "t", "s-2", "s-33", "", "q" * 256, "s-号")


def moment(random: Random) -> str:
    return str(random.choice((MIN_TS, 1_780_000_000_000)) + random.randrange(10 ** random.randrange(10)))


def decimal(random: Random) -> str:
    """A number in one of the ways in which producers write them."""
    match random.randrange(6):
        case 0:
            return str(random.randrange(100_000))
        case 1:
            return repr(random.expovariate(0.01))
        case 2:
            return f"{random.randrange(1000)}.{random.randrange(1000):03d}"
        case 3:
            return f"{random.randrange(10 ** random.randrange(1, 20))}e{random.randrange(-30, 5)}"
        case 4:
            return f"{random.uniform(-2, 10):.{random.randrange(18)}{random.choice('feEg')}}"
        case _:
            return f"{random.randrange(1, 1_000)}{random.choice(('', '.0', '.5', 'e0', 'E+1', '.25e2'))}"


def text(random: Random) -> str:
    letters = "abz09-_ .~:{}[],中" if random.random() < 0.05 else "abz09-_ .~:{}[],"
    return '"' + "".join(random.choices(letters, k=random.randrange(12))) + '"'


def month(random: Random) -> str:
    """A month; two in fourteen are the 0th or the 13th, which no other damage brings about often."""
    return f'"{random.randrange(2100):04d}-{random.randrange(14):02d}"'


def writers() -> dict[str, list[tuple[str, bool, Write]]]:
    """Of each topic its fields: name, whether it is needed, and how to write a value."""
    found: dict[str, list[tuple[str, bool, Write]]] = {}
    for topic in TOPICS:
        declared: Any = msgspec.inspect.type_info(INPUTS[topic])
        found[topic] = [(field.name, field.required, writer(field.name, field.type)) for field in declared.fields]
    return found


def writer(name: str, declared: Any) -> Write:
    if isinstance(declared, msgspec.inspect.UnionType):
        declared = declared.types[0]
    match declared:
        case msgspec.inspect.IntType():
            return moment if name == "ts" else lambda random: str(random.randrange(1, 50))
        case msgspec.inspect.FloatType():
            return decimal
        case msgspec.inspect.BoolType():
            return lambda random: random.choice(("true", "false"))
        case msgspec.inspect.LiteralType(values=values):
            return lambda random: f'"{random.choice(values)}"'
        case msgspec.inspect.StrType(pattern=pattern) if pattern:
            return month
    if name in ("operator", "peer_operator"):
        return lambda random: f'"{random.choice(OPERATORS)}"'
    if name == "event_id":
        return lambda random: f'"e-{random.randrange(10 ** random.choice((1, 6, 12, 30, 60, 62, 63, 120, 126, 130)))}"'
    return text


FIELDS: Final = writers()
Members = list[tuple[str, str]]


def members(random: Random, topic: str, subscriber: str) -> Members:
    """Names and values of a valid event, nearly always in the order of the contract."""
    found = [(name, write(random)) for name, needed, write in FIELDS[topic] if needed or random.random() < 0.6]
    found[0] = ("subscriber_id", f'"{subscriber}"')
    if random.random() < 0.1:
        random.shuffle(found)
    return found


def damage_structure(random: Random, found: Members) -> None:
    """One thing that is not as the contract says, or merely unusual."""
    at = random.randrange(len(found))
    name, value = found[at]
    match random.randrange(8):
        case 0:
            del found[at]
        case 1:
            found.insert(
                random.randrange(len(found) + 1), (name, value if random.random() < 0.5 else random.choice(ODD))
            )
        case 2:
            found.append((random.choice(("unknown", "", "Ts", "kin", "kindd", "\\u006bind")), random.choice(ODD)))
        case 3:
            other = random.randrange(len(found))
            found[at], found[other] = (name, found[other][1]), (found[other][0], value)
        case _:
            found[at] = (name, random.choice(ODD))


def written(random: Random, found: Members) -> str:
    match random.randrange(10):
        case 0:
            comma, colon = ", ", ": "
        case 1:
            comma, colon = (
                random.choice(GAPS) + "," + random.choice(GAPS),
                random.choice(GAPS) + ":" + random.choice(GAPS),
            )
        case _:
            comma, colon = ",", ":"
    inner = comma.join([f'"{name}"{colon}{value}' for name, value in found])
    return random.choice(FRAMES).format(inner) if random.random() < 0.05 else "{" + inner + "}"


GAPS: Final = ("", " ", "  ", "\t", "\n", "\r", "\x0b", "\u00a0", "\0")
FRAMES: Final = (
    "{{ {0} }}",
    " {{{0}}}",
    "{{{0}}} ",
    "{{{0}}}\n",
    "{{{0},}}",
    "{{,{0}}}",
    "{{{0}}}}}",
    "[{{{0}}}]",
    "{{{0}",
    "{0}",
    "{{{0}}}{{}}",
)
BYTES: Final = b'"\\{}[]:,. \t\n-+0159eEtfn\x00\x7f\x80\xc3\xa9\xff'


def damage_bytes(random: Random, value: bytes) -> bytes:
    """One to three bytes changed, taken out, put in or said twice, or an end cut off."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        at = random.randrange(len(value) + 1)
        new = random.choice(BYTES).to_bytes() if random.random() < 0.7 else random.randbytes(1)
        match random.randrange(8):
            case 0 | 1 | 2:
                value = value[:at] + new + value[at + 1 :]
            case 3 | 4:
                value = value[:at] + value[at + 1 :]
            case 5:
                value = value[:at] + new + value[at:]
            case 6:
                value = value[:at] + value[max(0, at - random.randrange(1, 20)) :]
            case _:
                value = value[:at] if random.random() < 0.2 else value + new
    return value


def drawn(random: Random) -> Told:
    """A valid event (one in four), or one that was damaged in structure, in bytes or in both."""
    topic, subscriber = random.choice(TOPICS), random.choice(SUBSCRIBERS)
    found = members(random, topic, subscriber)
    how = random.randrange(8)
    if how in (2, 3, 4):
        damage_structure(random, found)
    value = written(random, found).encode()
    if how in (4, 5, 6, 7):
        value = damage_bytes(random, value)
    key = subscriber.encode()
    if random.random() < 0.02:
        key = random.choice((key[:-1], key + b"x", b"", b"t", b"\xff", key + key))
    return Told(topic, key, value)
