"""A policy file goes over the shipped policy, and a wrong one is refused with every fault, its line and its field."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config.operator_files import policy_of_file
from app.config.policy_file import Fault, read_policy
from app.errors import Refused
from models.contract.policy import Policy


def policy(text: str) -> Policy:
    found = read_policy(text)
    assert isinstance(found, Policy), found
    return found


def faults(text: str) -> list[Fault]:
    found = read_policy(text)
    assert isinstance(found, list), found
    return found


def test_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('version = "p-9"\n[browsing]\nvisits = 5\n', encoding="utf-8")
    found = policy_of_file(path, None)
    assert (found.version, found.browsing.visits, found.tiers) == ("p-9", 5, Policy().tiers)


def test_one_term_of_a_kind_keeps_the_others() -> None:
    found = policy("[kinds.leave_intent]\nttl_days = 12.0\n")
    kind, shipped = found.kind("leave_intent"), Policy().kind("leave_intent")
    assert (kind.ttl_days, kind.contact_hours, kind.severity) == (12.0, shipped.contact_hours, shipped.severity)
    assert found.kind("port_out") == Policy().kind("port_out")


def test_a_content_without_a_version_has_one_of_its_own() -> None:
    one, other = policy("[browsing]\nvisits = 5\n"), policy("[browsing]\nvisits = 6\n")
    assert len({one.version, other.version, Policy().version}) == 3
    assert policy("# again\n[browsing]\nvisits=5").version == one.version
    assert policy("[browsing]\nvisits = 3\n") == Policy(), "it changes nothing"


@pytest.mark.parametrize(
    ("text", "line", "field", "what"),
    [
        ("[browsing]\nvisits = 0\n", 2, "browsing.visits", "Expected `int` >= 1"),
        ("[browsing]\n\nvisit = 5\n", 3, "browsing.visit", "did you mean visits?"),
        ("version =", 1, "", "no TOML"),
        ("base_rate = 0.02\nversion = 7\n", 2, "version", "Expected `str`, got `int`"),
        ("[kind.silence]\nttl_days = 3.0\n", 1, "kind", "did you mean kinds?"),
        ("[kinds.silence]\nttl_day = 3.0\n", 2, "kinds.silence.ttl_day", "did you mean ttl_days?"),
        ("[kinds]\nsilence.ttl_days = 0.5\n", 2, "kinds.silence.ttl_days", ">= 1.0"),
        ("kinds = 3\n", 1, "kinds", "Expected `object`"),
        ("units = []\n[tiers]\nraises = 'healthy'\n", 3, "tiers.raises", "Invalid enum value"),
        (
            "[contact]\nholidays = [\n  '2026-10-01',\n  '2026-02-30',\n]\n",
            4,
            "contact.holidays[2]",
            "2026-02-30 is not a date",
        ),
        ('[contact]\nwindows = [["20:00", "09:00"]]\n', 2, "contact.windows[1]", "20:00 to 09:00"),
        (
            '[contact]\ncaps = []\nwindows = [["09:00", "12:00"],\n["11:00", "20:00"]]\n',
            4,
            "contact.windows[2]",
            "09:00",
        ),
        (
            "[contact]\nwindows = [['09:00',\n'12:00'],\n['13:00',\n'12:30']]\n",
            4,
            "contact.windows[2]",
            "13:00 to 12:30",
        ),
        ("[win_back]\nuntil_days = 200.0\nafter_days = 300.0\n", 3, "win_back.after_days", "nobody is asked"),
        ("[[playbook]]\ncause = 'price'\nchannels = ['sms']\n", 1, "playbook[1]", "`strategy`"),
        (
            "[[playbook]]\ncause = 'price'\nstrategy = 'a'\nchannels = ['sms']\n"
            "[[playbook]]\ncause = 'price'\nstrategy = 'b'\nchannels = ['fax']\n",
            8,
            "playbook[2].channels[1]",
            "'fax'",
        ),
        (
            "[[playbook]]\ncause = 'price'\nstrategy = 'a'\nchannels = ['sms']\n"
            "[playbook.offer]\ncode = 'X'\nname = {en = 'x', zh = 'x'}\ncost_cap = -1.0\n",
            8,
            "playbook[1].offer.cost_cap",
            ">= 0.0",
        ),
        ("[contact]\ncaps = [[1, 0.5]]\n", 2, "contact.caps[1]", ">= 1.0 (in [2])"),
        ("[contact]\nsms_cap = [[1, 7.0]]\n", 2, "contact.sms_cap", "did you mean sms_caps?"),
        ("[desk]\nwait_day = 3.0\n", 2, "desk.wait_day", "did you mean wait_days?"),
        ("[[unit]]\nname = 'a'\n", 1, "unit", "did you mean units?"),
        ("[[units]]\nhead = 'a'\n", 1, "units[1]", "`name`"),
        ("[[units]]\nname = 'a'\ncapacity = { fax = 3 }\n", 3, "units[1].capacity.fax", "there are field_visit,"),
        (
            "[[units]]\nname = 'a'\n[units.capacity]\nsms = 1\noutbound_cal = 3\n",
            5,
            "units[1].capacity.outbound_cal",
            "did you mean outbound_call?",
        ),
        ("[[units]]\nname = 'a'\ncapacity = { sms = -1 }\n", 3, "units[1].capacity.sms", ">= 0"),
        ("[[units]]\nname = 'a'\ncapacities = { sms = 1 }\n", 3, "units[1].capacities", "did you mean capacity?"),
        (
            "[[units]]\nname = 'a'\nteam = { callers = ['x'] }\n",
            3,
            "units[1].team.callers",
            "did you mean caller?",
        ),
        ("[[units]]\nname = 'a'\nteam = { caller = 'x' }\n", 3, "units[1].team.caller", "Expected `array`"),
        (
            "[[units]]\nname = 'a'\n[[units]]\nname = 'b'\n[[units]]\nname = 'a'\n",
            6,
            "units[3].name",
            "the unit a is there twice",
        ),
        (
            "[[units]]\nname = 'a'\nexceptions = [{ first = '2026-02-30' }]\n",
            3,
            "units[1].exceptions[1].first",
            "2026-02-30 is not a date",
        ),
        (
            "[[units]]\nname = 'a'\n[[units.exceptions]]\nfirst = '2026-03-02'\nlast = '2026-03-01'\n",
            5,
            "units[1].exceptions[1].last",
            "end before",
        ),
        (
            "[[units]]\nname = 'a'\n[[units.exceptions]]\nfirst = '2026-03-02'\nchannel = 'fax'\n",
            5,
            "units[1].exceptions[1].channel",
            "'fax'",
        ),
    ],
)
def test_a_fault_has_its_line_and_field(text: str, line: int, field: str, what: str) -> None:
    (found,) = faults(text)
    assert (found.line, found.field) == (line, field), found
    assert what in found.text


def test_every_bad_day_and_window_is_named_with_its_own_line() -> None:
    text = (
        "[contact]\nholidays = [\n '2026-02-30',\n '2026-10-01', # '2026-13-01'\n '2026-13-01',\n]\n"
        "windows = [\n ['09:00', '12:00'],\n ['20:00', '14:00'],\n]\n"
    )
    assert [(each.line, each.field) for each in faults(text)] == [
        (3, "contact.holidays[1]"),
        (5, "contact.holidays[3]"),
        (9, "contact.windows[2]"),
    ]


CARE = "[[playbook]]\ncause = 'general'\nstrategy = 's'\nchannels = ['sms']\n"
CODE = "[[playbook]]\ncause = 'port_out_code'\nstrategy = 'c'\nchannels = ['store']\nanswers_only = true\n"


def test_a_playbook_needs_a_general_row_and_one_that_answers_and_no_other() -> None:
    found = policy(CARE + CODE)
    assert [play.strategy for play in found.playbook] == ["s", "c"]
    per_segment = "".join(f"{row}segments = ['{each}']\n" for row in (CARE, CODE) for each in ("low", "mid", "high"))
    assert len(policy(per_segment).playbook) == 6


@pytest.mark.parametrize(
    ("text", "line", "field", "what"),
    [
        (CARE, 1, "playbook", "no port_out_code row for high, mid, low: after an authorisation code"),
        ("base_rate = 0.02\n" + CODE, 2, "playbook", "no general row for high, mid, low"),
        (CODE + CARE + "segments = ['high', 'low']\n", 1, "playbook", "no general row for mid"),
        (CODE + "segments = ['low']\n" + CARE, 1, "playbook", "no port_out_code row for high, mid:"),
        (CARE + CODE + "corporate = true\n", 1, "playbook", "no port_out_code row for high, mid, low"),
        (CARE + CODE.replace("true", "false"), 9, "playbook[2].answers_only", "this must be true"),
        (CARE + CODE.replace("answers_only = true\n", ""), 5, "playbook[2].answers_only", "this must be true"),
        (CARE + CODE.replace("'store'", "'store', 'sms'"), 8, "playbook[2].channels", "the store"),
        (CARE.replace("'sms'", "") + CODE, 4, "playbook[1].channels", "without a channel"),
    ],
)
def test_a_playbook_that_lacks_what_the_law_or_a_lookup_needs_is_refused(
    text: str, line: int, field: str, what: str
) -> None:
    (found,) = faults(text)
    assert (found.line, found.field) == (line, field), found
    assert what in found.text


def test_a_playbook_without_rows_lacks_both() -> None:
    assert [(each.line, each.field) for each in faults("playbook = []\n")] == [(1, "playbook")] * 2


def test_both_bad_dates_of_an_exception_are_named() -> None:
    text = "[[units]]\nname = 'a'\n[[units.exceptions]]\nfirst = '2026-02-30'\nlast = '2026-13-40'\n"
    assert faults(text) == [
        Fault(4, "units[1].exceptions[1].first", "2026-02-30 is not a date"),
        Fault(5, "units[1].exceptions[1].last", "2026-13-40 is not a date"),
    ]


def test_every_wrong_value_of_a_list_is_named() -> None:
    text = "[contact]\ncaps = [\n [1, 7.0],\n [2, 'x'],\n ['y', 30.0],\n]\ncooldown_exempt = ['silence', 'silent', 3]\n"
    assert [(each.line, each.field) for each in faults(text)] == [
        (4, "contact.caps[2]"),
        (5, "contact.caps[3]"),
        (7, "contact.cooldown_exempt[2]"),
        (7, "contact.cooldown_exempt[3]"),
    ]
    assert [each.text for each in faults(text)][:2] == [
        "Expected `float`, got `str` (in [2])",
        "Expected `int`, got `str` (in [1])",
    ]


GOLDEN_WEEK = "[[units]]\nname = 'a'\n[[units.exceptions]]\nfirst = '2026-10-01'\nlast = '2026-10-07'\n"


@pytest.mark.parametrize(
    ("channels", "line"),
    [
        ((None, None), 7),
        (("sms", "sms"), 8),
        ((None, "sms"), 7),  # of the second, nothing would ever be in force
        (("sms", None), None),  # the first that fits takes precedence: another capacity for one channel
        (("sms", "store"), None),
    ],
)
def test_capacity_that_is_there_twice_for_one_day_is_named(
    channels: tuple[str | None, str | None], line: int | None
) -> None:
    one, other = ("" if each is None else f"channel = '{each}'\n" for each in channels)
    text = f"{GOLDEN_WEEK}{one}[[units.exceptions]]\nfirst = '2026-10-07'\n{other}"
    if line is None:
        assert policy(text).units
        return
    (found,) = faults(text)
    assert (found.line, found.field) == (line, "units[1].exceptions[2].first")
    assert "exceptions[1] holds for these days already, 2026-10-01 to 2026-10-07" in found.text


def test_capacity_of_another_day_or_unit_is_not_there_twice() -> None:
    another = "[[units.exceptions]]\nfirst = '2026-10-08'\n"
    assert policy(GOLDEN_WEEK + another + GOLDEN_WEEK.replace("'a'", "'b'")).units
    partly = GOLDEN_WEEK + "[[units.exceptions]]\nfirst = '2026-10-07'\nlast = '2026-10-09'\nchannel = 'sms'\n"
    assert policy(partly).units, "two days of it are in force"
    day, week = "first = '2026-10-03'\n", "first = '2026-10-01'\nlast = '2026-10-07'\n"
    inside = f"[[units]]\nname = 'a'\n[[units.exceptions]]\n{day}[[units.exceptions]]\n{week}"
    assert policy(inside).units, "a day of its own within the week: the first that fits"


def test_a_unit_may_have_no_capacity_and_no_customers() -> None:
    found = policy("[[units]]\nname = 'nobody-names-it'\ncapacity = { outbound_call = 0 }\n")
    assert [(unit.name, unit.capacity) for unit in found.units] == [("nobody-names-it", {"outbound_call": 0})]


def test_all_faults_are_told_in_the_order_of_their_lines(tmp_path: Path) -> None:
    text = '[tiers]\nbudgt = 2\nwarning_share = 7.0\n\n[silence]\nfloor_days = "3"\n[consent_default]\nmarketing = 1\n'
    assert [(each.line, each.field) for each in faults(text)] == [
        (2, "tiers.budgt"),
        (3, "tiers.warning_share"),
        (6, "silence.floor_days"),
        (8, "consent_default.marketing"),
    ]
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as refused:
        policy_of_file(path, None)
    assert len([line for line in refused.value.advice if line.startswith("line ")]) == 4
    assert refused.value.exit_code == 2


def test_a_text_of_many_lines_shifts_no_line() -> None:
    text = '[[playbook]]\ncause = "price"\nstrategy = """a\n[tiers]\nbudget = "x"\n"""\nchannels = ["sms"]\nof = 1\n'
    (found,) = faults(text)
    assert (found.line, found.field) == (8, "playbook[1].of")
