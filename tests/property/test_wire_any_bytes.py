"""Whatever comes over the wire is an event or poison, and never an exception."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st
from support.rig import FIELDS

from models.contract.events import INPUTS, MIN_TS, Deletion
from streams.records.dead_letters import dead_letter
from streams.records.wire import DEAD_LETTER_REASONS, Rejected, decode

STAMP = 1_780_000_000_000
TOPICS = st.sampled_from(list(INPUTS))


class Raw(NamedTuple):
    key: bytes | None
    value: bytes | None
    timestamp: int = STAMP
    offset: int = 7


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    sorted({name for kind in INPUTS.values() for name in kind.__struct_fields__} | {"unknown"})  # type: ignore[attr-defined]
)
VALUES = st.one_of(
    st.none(),
    st.binary(max_size=200),
    st.text().map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.dictionaries(NAMES, JSON, max_size=6).map(lambda fields: json.dumps(fields).encode()),
    st.dictionaries(NAMES, JSON, max_size=6).map(
        lambda fields: json.dumps({"subscriber_id": "s", "ts": STAMP, **fields}, ensure_ascii=False).encode(
            "utf-8", "surrogatepass"
        )
    ),
)


@given(TOPICS, st.none() | st.binary(max_size=40) | st.just(b"s"), VALUES, st.integers(-1, 2 * STAMP))
@example("telecom.calls.v1", b"s", b'{"subscriber_id": "\\ud800", "ts": 1}', STAMP)
@example("telecom.calls.v1", b"s", b"[" * 100_000, STAMP)
@example("telecom.calls.v1", b"s", b'{"a":' * 40_000, STAMP)
def test_any_bytes_are_decoded_or_kept(topic: str, key: bytes | None, value: bytes | None, stamp: int) -> None:
    record = Raw(key, value, stamp)
    decoded = decode(topic, record, STAMP)
    if isinstance(decoded, Rejected):
        assert decoded.reason in DEAD_LETTER_REASONS
        letter = dead_letter(topic, 0, record, decoded)
        assert (letter.key, letter.value) == (key, value)
        assert all(isinstance(text, bytes) for _, text in letter.headers)
    else:
        assert isinstance(decoded, (Deletion, INPUTS[topic]))
        assert decoded.subscriber_id.encode() == key


@given(
    TOPICS,
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=50),
    st.integers(MIN_TS, STAMP),
    st.dictionaries(st.text(min_size=1).filter(lambda name: name.startswith("_")), JSON.filter(lambda _: True)),
)
def test_valid_event_is_always_decoded(topic: str, who: str, ts: int, unknown: dict[str, Any]) -> None:
    body = json.dumps({"subscriber_id": who, "ts": ts, **FIELDS[topic], **_finite(unknown)}).encode()
    decoded = decode(topic, Raw(who.encode(), body), STAMP)
    assert type(decoded) is INPUTS[topic], decoded
    assert (decoded.subscriber_id, decoded.ts) == (who, ts)


def _finite(value: Any) -> Any:
    """JSON knows no NaN, and no half surrogates."""
    return json.loads(json.dumps(value).encode("utf-8").replace(b"\\ud", b"\\u1"), parse_constant=lambda _: 0)


MARK = "8613800138000"


@given(TOPICS, NAMES, st.sampled_from([MARK, [MARK], {"x": MARK}, {MARK: 1}, f"a - at `{MARK}"]), st.booleans())
def test_detail_never_holds_what_a_field_said(topic: str, name: str, content: Any, cut: bool) -> None:
    body = json.dumps({"subscriber_id": "s", "ts": STAMP, **FIELDS[topic], name: content}).encode()
    decoded = decode(topic, Raw(b"s", body[:-1] if cut else body), STAMP)
    if isinstance(decoded, Rejected):
        assert MARK not in decoded.detail
