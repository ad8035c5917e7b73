"""A policy file goes over the shipped policy, and a wrong one is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config.operator_files import policy_of_file
from app.errors import Refused
from models.contract.policy import Policy


def test_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('version = "p-9"\n[browsing]\nvisits = 5\n', encoding="utf-8")
    policy = policy_of_file(path, None)
    assert (policy.version, policy.browsing.visits, policy.tiers) == ("p-9", 5, Policy().tiers)


def test_one_term_of_a_kind_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("[kinds.leave_intent]\nttl_days = 12.0\n", encoding="utf-8")
    kind, shipped = policy_of_file(path, None).kind("leave_intent"), Policy().kind("leave_intent")
    assert (kind.ttl_days, kind.contact_hours, kind.severity) == (12.0, shipped.contact_hours, shipped.severity)
    assert policy_of_file(path, None).kind("port_out") == Policy().kind("port_out")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[browsing]\nvisits = 0\n", "visits"),
        ("[browsing]\nvisit = 5\n", "visit"),
        ("version =", "Invalid value"),
        ('[contact]\nholidays = ["2026-10-01", "2026-02-30"]\n', r"2026-02-30 is not a date.*\$\.contact"),
        ('[contact]\nwindows = [["20:00", "09:00"]]\n', r"20:00 to 09:00.*\$\.contact"),
        ('[contact]\nwindows = [["09:00", "12:00"], ["11:00", "20:00"]]\n', r"09:00 to 12:00.*\$\.contact"),
    ],
)
def test_wrong_file_is_refused_with_its_place(tmp_path: Path, text: str, place: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Refused, match=place):
        policy_of_file(path, None)
