"""What the compiled reader calls plain, rule by rule; that it then reads as msgspec does is tried for each."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
import pytest
from support.plain_events import Told, differences, packed, read

from models.contract.events import BILLING, CALLS, CARE_CONTACTS, DATA_USAGE, SITE_VISITS
from models.kernel import compiled, places
from models.kernel.arrivals import EventReader, event_hash

NEEDED = {
    CALLS: '"direction":"outgoing","duration_s":60,"peer_network":"off_net"',
    DATA_USAGE: '"bytes":1',
    BILLING: '"kind":"bill","amount":1',
    SITE_VISITS: '"operator":"cbn","dwell_s":1',
    CARE_CONTACTS: '"reason":"fault"',
}


def told(topic: str, fields: str, key: bytes = b"s") -> Told:
    return Told(topic, key, f'{{"subscriber_id":"s","ts":1780000000000,{fields}}}'.encode())


def reader() -> EventReader:
    found = EventReader()
    for operator in ("cbn", "", "中国移动"):
        found.teach(operator)
    return found


def is_plain(one: Told) -> bool:
    made = reader()
    wrong, plain = differences(made, [one])
    assert not wrong
    return plain == 1


PLAIN = [
    *((topic, fields) for topic, fields in NEEDED.items()),
    (CALLS, NEEDED[CALLS] + ',"peer_operator":"cbn","kind":"sms","forwarded":true,"dropped":true,"roaming":false'),
    (CALLS, NEEDED[CALLS].replace("outgoing", "incoming") + ',"kind":"voice","event_id":"e-1"'),
    (CALLS, NEEDED[CALLS] + ',"peer_operator":""'),
    (CALLS, NEEDED[CALLS] + ',"peer_operator":"中国移动"'),
    (DATA_USAGE, '"bytes":1e15,"duration_s":0.1,"rat":"5g","app_category":"a b","failed":true,"throttled":true'),
    (DATA_USAGE, '"bytes":1000000000000000'),
    (DATA_USAGE, '"bytes":-0'),
    (DATA_USAGE, '"bytes":-0.0'),
    (DATA_USAGE, '"bytes":4.35,"duration_s":1E+3'),
    (DATA_USAGE, '"bytes":9007199254740991e-22'),
    (DATA_USAGE, '"bytes":0.000001'),
    (BILLING, '"kind":"plan_change","amount":-1e12,"fee":-0.5,"from_fee":2,"plan":"","from_plan":"x"'),
    (BILLING, '"kind":"accrual","amount":0,"period":"0000-01"'),
    (BILLING, '"kind":"recharge","amount":0,"period":"9999-12"'),
    (SITE_VISITS, '"operator":"cbn","dwell_s":1,"pages":1000000,"page":"checkout","site":"' + "a" * 256 + '"'),
    (CARE_CONTACTS, '"reason":"satisfaction","score":10,"status":"resolved","channel":"app","case_id":"c"'),
    (CARE_CONTACTS, '"reason":"satisfaction","score":1.0,"due_ts":253402300799999,"appointment_ts":-0'),
    (DATA_USAGE, '"bytes" : 1 , "failed":true '),
    (DATA_USAGE, f'"bytes":1,"event_id":"{"e" * 128}"'),
]


@pytest.mark.parametrize(("topic", "fields"), PLAIN)
def test_ordinary_event_is_plain(topic: str, fields: str):
    assert is_plain(told(topic, fields))


NOT_PLAIN = [
    ("unknown field", DATA_USAGE, '"bytes":1,"x":1'),
    ("field of another kind", DATA_USAGE, '"bytes":1,"pages":1'),
    ("field twice", DATA_USAGE, '"bytes":1,"bytes":1'),
    ("needed field missing", DATA_USAGE, '"failed":true'),
    ("null", DATA_USAGE, '"bytes":1,"rat":null'),
    ("nested object", DATA_USAGE, '"bytes":{}'),
    ("array", DATA_USAGE, '"bytes":[1]'),
    ("escape in a value", DATA_USAGE, '"bytes":1,"app_category":"\\u0061"'),
    ("escape in a name", DATA_USAGE, '"byte\\u0073":1'),
    ("not ASCII", DATA_USAGE, '"bytes":1,"app_category":"é"'),
    ("delete character", DATA_USAGE, '"bytes":1,"app_category":"\x7f"'),
    ("control character", DATA_USAGE, '"bytes":1,"app_category":"\x1f"'),
    ("tab between", DATA_USAGE, '"bytes":\t1'),
    ("line between", DATA_USAGE, '"bytes":1\n'),
    ("mantissa of 2 ** 53", DATA_USAGE, '"bytes":900719925474099.2'),
    ("seventeen digits", DATA_USAGE, '"bytes":0.12345678901234567'),
    ("power of 23", DATA_USAGE, '"bytes":1e-23'),
    ("large exponent of zero", DATA_USAGE, '"bytes":0e999'),
    ("leading zero", DATA_USAGE, '"bytes":01'),
    ("two zeros", DATA_USAGE, '"bytes":00'),
    ("plus", DATA_USAGE, '"bytes":+1'),
    ("no digit before the point", DATA_USAGE, '"bytes":.5'),
    ("no digit behind the point", DATA_USAGE, '"bytes":1.'),
    ("no exponent", DATA_USAGE, '"bytes":1e'),
    ("sign of no exponent", DATA_USAGE, '"bytes":1e+'),
    ("minus alone", DATA_USAGE, '"bytes":-'),
    ("NaN", DATA_USAGE, '"bytes":NaN'),
    ("Infinity", DATA_USAGE, '"bytes":Infinity'),
    ("text for a number", DATA_USAGE, '"bytes":"1"'),
    ("switch for a number", DATA_USAGE, '"bytes":true'),
    ("number for a switch", DATA_USAGE, '"bytes":1,"failed":1'),
    ("text for a switch", DATA_USAGE, '"bytes":1,"failed":"true"'),
    ("switch cut off", DATA_USAGE, '"bytes":1,"failed":tru'),
    ("switch with more", DATA_USAGE, '"bytes":1,"failed":truee'),
    ("switch in capitals", DATA_USAGE, '"bytes":1,"failed":True'),
    ("negative", DATA_USAGE, '"bytes":-1'),
    ("too large", DATA_USAGE, '"bytes":1000000000000001'),
    ("too much money", BILLING, '"kind":"bill","amount":1000000000000.1'),
    ("float for pages", SITE_VISITS, '"operator":"cbn","dwell_s":1,"pages":1.0'),
    ("exponent for pages", SITE_VISITS, '"operator":"cbn","dwell_s":1,"pages":1e1'),
    ("no page", SITE_VISITS, '"operator":"cbn","dwell_s":1,"pages":0'),
    ("too many pages", SITE_VISITS, '"operator":"cbn","dwell_s":1,"pages":1000001'),
    ("unknown page", SITE_VISITS, '"operator":"cbn","dwell_s":1,"page":"Home"'),
    ("word of another field", SITE_VISITS, '"operator":"cbn","dwell_s":1,"page":"fixed"'),
    ("unknown channel", CARE_CONTACTS, '"reason":"fault","channel":"fax"'),
    ("number for a word", CARE_CONTACTS, '"reason":1'),
    ("low score", CARE_CONTACTS, '"reason":"fault","score":0.9'),
    ("high score", CARE_CONTACTS, '"reason":"fault","score":10.01'),
    ("late due_ts", CARE_CONTACTS, '"reason":"fault","due_ts":253402300800000'),
    ("float due_ts", CARE_CONTACTS, '"reason":"fault","due_ts":1.0'),
    ("empty case", CARE_CONTACTS, '"reason":"fault","case_id":""'),
    ("empty event id", DATA_USAGE, '"bytes":1,"event_id":""'),
    ("event id beyond a block", DATA_USAGE, f'"bytes":1,"event_id":"{"e" * 129}"'),
    ("long text", DATA_USAGE, f'"bytes":1,"app_category":"{"a" * 257}"'),
    ("month 0", BILLING, '"kind":"bill","amount":1,"period":"2026-00"'),
    ("month 13", BILLING, '"kind":"bill","amount":1,"period":"2026-13"'),
    ("month of one digit", BILLING, '"kind":"bill","amount":1,"period":"2026-1"'),
    ("month of a longer year", BILLING, '"kind":"bill","amount":1,"period":"20261-1"'),
    ("month without a line", BILLING, '"kind":"bill","amount":1,"period":"2026/01"'),
    ("comma at the end", DATA_USAGE, '"bytes":1,'),
    ("two commas", DATA_USAGE, '"bytes":1,,"failed":true'),
    ("no comma", DATA_USAGE, '"bytes":1 "failed":true'),
    ("no colon", DATA_USAGE, '"bytes" 1'),
    ("brace within", DATA_USAGE, '"bytes":1}'),
    ("operator not taught", SITE_VISITS, '"operator":"cb","dwell_s":1'),
    ("spaces beyond any event", DATA_USAGE, '"bytes":' + " " * 9_000 + "1"),
]


@pytest.mark.parametrize(("topic", "fields"), [case[1:] for case in NOT_PLAIN], ids=[case[0] for case in NOT_PLAIN])
def test_unusual_event_is_left_to_msgspec(topic: str, fields: str):
    assert not is_plain(told(topic, fields))


@pytest.mark.parametrize(
    "ts",
    [
        "-1",
        "0",
        "946684799999",
        "1780000000000.0",
        "178e10",
        "253402300800000",
        "01780000000000",
        '"1780000000000"',
        "null",
        "true",
    ],
)
def test_time_that_is_no_plain_whole_number(ts: str):
    assert not is_plain(Told(DATA_USAGE, b"s", f'{{"subscriber_id":"s","ts":{ts},"bytes":1}}'.encode()))


@pytest.mark.parametrize("ts", ["946684800000", "253402300799999"])
def test_time_that_is(ts: str):
    assert is_plain(Told(DATA_USAGE, b"s", f'{{"subscriber_id":"s","ts":{ts},"bytes":1}}'.encode()))


@pytest.mark.parametrize("key", [b"t", b"", b"ss", b"\xff"])
def test_key_of_somebody_else(key: bytes):
    assert not is_plain(told(DATA_USAGE, '"bytes":1', key))


@pytest.mark.parametrize("frame", [b" %b", b"%b ", b"%b\n", b"%b}", b"%b\0", b"[%b]", b"\xef\xbb\xbf%b", b"%b%b"])
def test_bytes_around_an_event(frame: bytes):
    value = told(DATA_USAGE, '"bytes":1').value
    assert not is_plain(Told(DATA_USAGE, b"s", frame.replace(b"%b", value)))


@pytest.mark.parametrize("cut", range(1, 44))
def test_event_that_is_cut_off(cut: int):
    whole = told(DATA_USAGE, '"bytes":1.5,"failed":true').value
    assert len(whole) > 44
    assert not is_plain(Told(DATA_USAGE, b"s", whole[:-cut]))
    assert not is_plain(Told(DATA_USAGE, b"s", whole[cut:]))


def test_null_and_other_kinds_are_left_to_msgspec():
    one = told(DATA_USAGE, '"bytes":1')
    buffer, records = packed([one] * 4)
    records[0, places.VALUE_LENGTH] = -1
    records[1, places.KEY_LENGTH] = -1
    records[2, places.RECORD_KIND] = places.OUTCOME_
    assert reader().read(buffer, records).status.tolist() == [*[places.NOT_PLAIN] * 3, places.PLAIN]


def test_operator_is_plain_once_it_was_taught():
    made, one = EventReader(), told(SITE_VISITS, '"operator":"Some Unicom shop","dwell_s":1')
    assert read(made, [one]).status[0] == places.NOT_PLAIN
    made.teach("Some Unicom shop")
    made.teach("Some Unicom shop")
    made.teach(None)
    made.teach("\ud800")
    lines = read(made, [one])
    assert (lines.status[0], lines.numbers[0, places.SLOT]) == (places.PLAIN, 1.0)


def test_operators_beyond_what_is_kept_are_left_to_msgspec():
    made = EventReader()
    for n in range(6_000):
        made.teach(f"operator number {n}, with a long name")
    asked = [
        told(SITE_VISITS, f'"operator":"operator number {n}, with a long name","dwell_s":1') for n in (0, 4_095, 4_096)
    ]
    assert read(made, asked).status.tolist() == [places.PLAIN, places.PLAIN, places.NOT_PLAIN]


def test_nothing_at_all():
    assert (
        len(EventReader().read(np.zeros(0, dtype=np.uint8), np.zeros((0, places.RECORD), dtype=np.int64)).status) == 0
    )


def hashed(text: bytes) -> int:
    buffer = np.frombuffer(b"before" + text + b"behind", dtype=np.uint8)
    return int(compiled.event_hash(buffer, 6, len(text), np.zeros(16, dtype=np.uint64)))


def test_hash_is_that_of_hashlib_at_every_length_of_a_block():
    for length in range(129):
        for salt in range(20):
            text = bytes((salt * 31 + n * n) % 256 for n in range(length))
            assert hashed(text) == (int.from_bytes(blake2b(text, digest_size=8).digest(), "little") or 1)


def test_hash_is_that_of_the_slow_path():
    for name in ("e-1", "e" * 128, "0a5f6c1e-7d1a-4a52-9f40-6a3ad7a7a3c1"):
        assert hashed(name.encode()) == event_hash(name)


def test_line_is_blank_of_what_stood_there_before():
    made = reader()
    full: list[Any] = [told(topic, fields) for topic, fields in PLAIN]
    assert not differences(made, full * 3)[0]
    assert not differences(made, full[::-1])[0]
