"""What breaks a producer or a reader, and what does not, change by change."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import Refused
from app.generate.contract import breaking as rules
from app.generate.contract.__main__ import main
from app.generate.contract.breaking import Direction, breaking
from app.generate.contract.schemas import schemas

Change = Callable[[dict[str, Any]], Any]
CHANGES: list[tuple[str, Direction, str, Change, list[str]]] = [
    ("a field less", "input", "telecom.calls.v1", lambda p: p.pop("dropped"), ["dropped: is no longer read"]),
    ("a field less", "output", "churn.risk-scores.v1", lambda p: p.pop("reason"), ["reason: is no longer there"]),
    (
        "a value less",
        "input",
        "telecom.calls.v1",
        lambda p: p["direction"]["enum"].remove("incoming"),
        ["direction: 'incoming' is no longer taken"],
    ),
    ("a value less", "output", "churn.risk-scores.v1", lambda p: p["tier"]["enum"].remove("warning"), []),
    ("a value more", "input", "telecom.calls.v1", lambda p: p["direction"]["enum"].append("missed"), []),
    (
        "a value more",
        "output",
        "churn.risk-scores.v1",
        lambda p: p["tier"]["enum"].append("lost"),
        ["tier: 'lost' is new, and enums are closed"],
    ),
    (
        "an enum for a text",
        "input",
        "telecom.site-visits.v1",
        lambda p: p.update(operator={"enum": ["a"]}),
        ["operator: any text is no longer taken"],
    ),
    ("an enum for a text", "output", "churn.risk-scores.v1", lambda p: p.update(unit={"enum": ["a"]}), []),
    (
        "another type",
        "input",
        "telecom.calls.v1",
        lambda p: p.update(duration_s={"type": "string"}),
        ["duration_s: number is no longer taken"],
    ),
    (
        "a narrower type",
        "input",
        "telecom.data-usage.v1",
        lambda p: p["bytes"].update(type="integer"),
        ["bytes: number is no longer taken"],
    ),
    ("a wider type", "input", "telecom.site-visits.v1", lambda p: p["pages"]["anyOf"][0].update(type="number"), []),
    (
        "a wider type",
        "output",
        "churn.risk-scores.v1",
        lambda p: p["ts"].update(type="number"),
        ["ts: may be number now"],
    ),
    ("a narrower type", "output", "churn.risk-scores.v1", lambda p: p["risk"].update(type="integer"), []),
    (
        "null",
        "output",
        "churn.risk-scores.v1",
        lambda p: p.update(unit={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ["unit: may be null now"],
    ),
    ("null", "input", "telecom.calls.v1", lambda p: p.update(ts={"anyOf": [p["ts"], {"type": "null"}]}), []),
    ("no null", "output", "churn.risk-scores.v1", lambda p: p.update(reason={"type": "string"}), []),
    (
        "a tighter limit",
        "input",
        "telecom.calls.v1",
        lambda p: p["duration_s"].update(minimum=1),
        ["duration_s: minimum was 0, is 1"],
    ),
    ("a looser limit", "input", "telecom.calls.v1", lambda p: p["duration_s"].update(maximum=1e18), []),
    ("no limit", "input", "telecom.calls.v1", lambda p: p["duration_s"].pop("minimum"), []),
    (
        "a new limit",
        "input",
        "telecom.site-visits.v1",
        lambda p: p["operator"].update(pattern="^[a-z]+$"),
        ["operator: pattern was open, is ^[a-z]+$"],
    ),
    ("a new limit", "output", "churn.risk-scores.v1", lambda p: p["risk"].update(minimum=0), []),
    (
        "another default",
        "input",
        "telecom.calls.v1",
        lambda p: p["roaming"].update(default=True),
        ["roaming: absent meant False, means True"],
    ),
    ("a new field", "input", "telecom.calls.v1", lambda p: p.update(cell={"type": "string"}), []),
    ("a new field", "output", "churn.risk-scores.v1", lambda p: p.update(cell={"type": "string"}), []),
]


@pytest.mark.parametrize(
    ("name", "direction", "topic", "change", "told"), CHANGES, ids=[f"{c[0]}-{c[1]}" for c in CHANGES]
)
def test_each_change_is_told(name: str, direction: Direction, topic: str, change: Change, told: list[str]) -> None:
    was = schemas()[topic]
    now = copy.deepcopy(was)
    change(next(iter(now["$defs"].values()))["properties"])
    assert now != was, name
    assert breaking(was, now, direction) == told


@pytest.mark.parametrize(
    ("topic", "field", "direction", "told"),
    [
        ("telecom.calls.v1", "kind", "input", ["kind: is required now"]),
        ("telecom.calls.v1", "cell", "input", ["cell: is required now"]),
        ("churn.risk-scores.v1", "cell", "output", []),
    ],
)
def test_a_new_requirement(topic: str, field: str, direction: Direction, told: list[str]) -> None:
    was = schemas()[topic]
    now = copy.deepcopy(was)
    next(iter(now["$defs"].values()))["required"].append(field)
    assert breaking(was, now, direction) == told


def test_an_output_that_may_be_absent_now() -> None:
    was = schemas()["churn.risk-scores.v1"]
    now = copy.deepcopy(was)
    now["$defs"]["Score"]["required"].remove("unit")
    assert breaking(was, now, "output") == ["unit: may be absent now"]


def test_nested_places_are_named() -> None:
    was = schemas()["telecom.subscribers.v1"]
    now = copy.deepcopy(was)
    now["$defs"]["Product"]["properties"]["product"]["enum"].remove("iptv")
    marketing = now["$defs"]["Consent"]["properties"]["marketing"]["anyOf"][0]
    marketing["propertyNames"]["enum"].remove("sms")
    marketing["additionalProperties"] = {"type": "boolean"}
    assert breaking(was, now, "input") == [
        "consent.marketing.*: null is no longer taken",
        "consent.marketing.key: 'sms' is no longer taken",
        "products[].product: 'iptv' is no longer taken",
    ]


def test_a_map_whose_keys_are_held_to_words_now() -> None:
    now = schemas()["telecom.subscribers.v1"]
    was = copy.deepcopy(now)
    del was["$defs"]["Consent"]["properties"]["marketing"]["anyOf"][0]["propertyNames"]
    assert breaking(now, was, "input") == []
    (told,) = breaking(was, now, "input")
    assert told.startswith("consent.marketing: propertyNames was open, is {'enum': ['account_manager',")


def test_a_keyword_that_is_not_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="multipleOf"):
        breaking({"type": "number"}, {"type": "number", "multipleOf": 2}, "input")


def test_a_release_that_breaks_the_last_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    was = {**rules.released(), "telecom.faxes.v1": {"type": "object"}}
    monkeypatch.setattr(rules, "released", lambda: was)
    monkeypatch.setattr("pathlib.Path.write_text", lambda *_, **__: None)
    with pytest.raises(Refused) as refused:
        main(["--release"], standalone_mode=False)
    assert refused.value.advice == ("telecom.faxes.v1: the topic is gone",)


NUMBERS = st.integers(0, 3)
Schemas = st.SearchStrategy[dict[str, Any]]
LEAVES: list[Schemas] = [
    st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])}, optional={"minimum": NUMBERS, "maximum": NUMBERS}
    ),
    st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("string")},
            optional={"minLength": NUMBERS, "maxLength": NUMBERS, "pattern": st.sampled_from(["^a", "b$"])},
        ),
        st.fixed_dictionaries({"enum": st.lists(st.sampled_from(["a", "ab", "ccc"]), min_size=1, unique=True)}),
    ),
]


def around(leaf: Schemas) -> Schemas:
    """A leaf, or what holds it."""
    return st.one_of(
        leaf,
        leaf.map(lambda of: {"anyOf": [of, {"type": "null"}]}),
        st.fixed_dictionaries({"type": st.just("array")}, optional={"items": leaf, "maxItems": NUMBERS}),
        st.fixed_dictionaries(
            {"type": st.just("object")},
            optional={"additionalProperties": leaf, "propertyNames": LEAVES[1]},
        ),
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.fixed_dictionaries({}, optional={"a": leaf})},
        ).flatmap(lambda of: st.sampled_from([of, of | {"required": list(of["properties"])}])),
    )


PAIRS = st.one_of([st.tuples(around(leaf), around(leaf)) for leaf in LEAVES])
PLAIN: list[Any] = [None, 0, 1, 2, 3, 0.5, 2.5, "", "a", "b", "ab", "ccc", "abab"]
UNIVERSE: list[Any] = [
    *PLAIN,
    *([], [1], ["a"], ["b", "ccc"], [0, 1, 2, 3], [2.5]),
    *({}, *({"a": each} for each in PLAIN), {"ab": 1}, {"ccc": "a"}),
]


@settings(max_examples=600)
@given(PAIRS, st.sampled_from(["input", "output"]))
def test_what_breaks_nothing_takes_all_that_was_taken(
    pair: tuple[dict[str, Any], dict[str, Any]], direction: Direction
) -> None:
    was, now = pair
    if breaking(was, now, direction):
        return
    given_, taken = (jsonschema.Draft202012Validator(each) for each in (pair if direction == "input" else pair[::-1]))
    for value in UNIVERSE:
        if given_.is_valid(value) and not taken.is_valid(value):
            # An output may have a field more, and an input one that was sent before and not read.
            assert value.keys() - was.get("properties", {}).keys(), (was, now, value)


@given(st.one_of([around(leaf) for leaf in LEAVES]), st.sampled_from(["input", "output"]))
def test_nothing_breaks_where_nothing_changes(was: dict[str, Any], direction: Direction) -> None:
    assert breaking(was, was, direction) == []
